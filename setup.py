"""Builds every kernel once per CPU level; all else stands in pyproject.toml.

VARINF_BUILD=auto (default) leaves out what the compiler cannot build, require makes that an error, and reference builds
a pure-Python package.
"""

import os
import shutil
import sysconfig
import tempfile
from pathlib import Path

from setuptools import Extension, setup
from setuptools.command.build_ext import build_ext

MODE = os.environ.get("VARINF_BUILD", "auto")
if MODE not in ("auto", "require", "reference"):
    raise SystemExit(f"VARINF_BUILD={MODE!r}: use auto, require or reference")
ABI3 = not sysconfig.get_config_var("Py_GIL_DISABLED")  # CPython refuses the limited API without the GIL
KERNELS = Path("varinf/_kernels")
# The file says that this source folder was built, and why without kernels: `varinf` then does not warn at import.
WITHOUT_KERNELS = Path("build/without_kernels.txt")

# Contraction to FMA is wanted and said; -ffast-math never is: it changes the whole process and breaks nan and inf.
UNIX = ["-O3", "-g0", "-fno-math-errno", "-fno-trapping-math", "-ffp-contract=fast"]
MSVC = ["/O2"]
AVX2 = ["-mavx2", "-mfma", "-mbmi", "-mbmi2", "-mlzcnt", "-mf16c", "-mmovbe"]  # x86-64-v3, for older compilers too
AVX512 = [*AVX2, "-mavx512f", "-mavx512bw", "-mavx512cd", "-mavx512dq", "-mavx512vl", "-mprefer-vector-width=512"]
LEVELS = {"base": ([], []), "v3": (AVX2, ["/arch:AVX2"]), "v4": (AVX512, ["/arch:AVX512"])}  # (gcc and clang, msvc)
X86 = sysconfig.get_platform() in ("linux-x86_64", "win-amd64")  # macOS: one build (universal2 has one set of flags)


def remove_kernels_except(names):
    """Clears the source folder of what an earlier build, perhaps with another compiler, left in it."""
    for old in KERNELS.glob("_*/*.*"):
        if old.suffix in (".so", ".pyd") and f"varinf._kernels.{old.parent.name}.{old.name.split('.')[0]}" not in names:
            old.unlink()


class BuildLevels(build_ext):
    """Drops the levels that this compiler cannot build; with none left the package runs on its NumPy reference."""

    def build_extensions(self):
        msvc = self.compiler.compiler_type == "msvc"
        for extension in self.extensions:
            extension.extra_compile_args = (MSVC if msvc else UNIX) + LEVELS[extension.level][msvc]
        failures = {level: self.probe(level, msvc) for level in {e.level for e in self.extensions}}
        failed = {level: why for level, why in failures.items() if why}
        if MODE == "require" and failed:
            raise SystemExit(f"VARINF_BUILD=require, but the compiler failed: {failed}")
        for level, why in failed.items():
            print(f"varinf: no {level} kernels: {why}")
        if "base" in failed:
            self.extensions = []
            WITHOUT_KERNELS.parent.mkdir(exist_ok=True)
            WITHOUT_KERNELS.write_text(f"no C compiler worked when it was built ({failed['base']})")
        else:
            self.extensions = [e for e in self.extensions if e.level not in failed]
            WITHOUT_KERNELS.unlink(missing_ok=True)
        super().build_extensions()

    def probe(self, level, msvc):
        """Why this level cannot be compiled; None when it can."""
        with tempfile.TemporaryDirectory() as folder:
            source = Path(folder, "probe.c")
            source.write_text("#include <Python.h>\nint probe(void) { return 0; }\n")
            try:
                self.compiler.compile([str(source)], output_dir=folder, extra_postargs=LEVELS[level][msvc])
            except Exception as error:  # distutils raises many kinds; all mean that this level is out
                return str(error)

    def run(self):
        if self.inplace:
            for level in LEVELS:
                (KERNELS / f"_{level}").mkdir(exist_ok=True)
        super().run()
        if not self.inplace:  # `import varinf` in the repository root finds the source folder: give it its kernels
            self.copy_extensions_to_source()
        remove_kernels_except({extension.name for extension in self.extensions})

    def copy_extensions_to_source(self):
        for level in {extension.level for extension in self.extensions}:
            (KERNELS / f"_{level}").mkdir(exist_ok=True)
        super().copy_extensions_to_source()


def extensions():
    if MODE == "reference":
        WITHOUT_KERNELS.parent.mkdir(exist_ok=True)
        WITHOUT_KERNELS.write_text("it was built with VARINF_BUILD=reference")
        remove_kernels_except(set())
        return []
    from Cython.Build import cythonize

    found = []
    for pyx in sorted(KERNELS.glob("*.pyx")):
        (module,) = cythonize([str(pyx)], build_dir="build/cython")
        for level in LEVELS if X86 and pyx.stem != "_cpu" else ["base"]:
            c = Path("build", "levels", level, pyx.stem + ".c")  # a file each: else the levels share one object file
            c.parent.mkdir(parents=True, exist_ok=True)
            if not c.exists() or c.read_bytes() != Path(module.sources[0]).read_bytes():
                shutil.copy(module.sources[0], c)
            found.append(
                Extension(
                    f"varinf._kernels._{level}.{pyx.stem}",
                    [str(c)],
                    include_dirs=[str(KERNELS)],
                    depends=[str(h) for h in KERNELS.glob("*.h")],
                    py_limited_api=ABI3,
                    define_macros=[("Py_LIMITED_API", "0x030B0000")] if ABI3 else [],
                )
            )
            found[-1].level = level
    return found


options = {"build_ext": {"parallel": os.cpu_count()}}
if ABI3 and MODE != "reference":
    options["bdist_wheel"] = {"py_limited_api": "cp311"}
setup(ext_modules=extensions(), cmdclass={"build_ext": BuildLevels}, options=options)
