"""Builds every kernel once per CPU level; all else stands in pyproject.toml."""

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
FREE_THREADED = bool(sysconfig.get_config_var("Py_GIL_DISABLED"))
ABI3 = not FREE_THREADED  # CPython refuses the limited API without the GIL
KERNELS = Path("varinf/_kernels")
UNIX, MSVC = ["-O3", "-g0", "-fno-math-errno", "-fno-trapping-math", "-ffp-contract=fast"], ["/O2"]
AVX2 = [
    "-mavx2",
    "-mfma",
    "-mbmi",
    "-mbmi2",
    "-mlzcnt",
    "-mf16c",
    "-mmovbe",
]  # = x86-64-v3, for compilers that predate the name
LEVELS = {  # level: (gcc and clang, msvc)
    "base": ([], []),
    "v3": (AVX2, ["/arch:AVX2"]),
    "v4": (
        [*AVX2, "-mavx512f", "-mavx512bw", "-mavx512cd", "-mavx512dq", "-mavx512vl", "-mprefer-vector-width=512"],
        ["/arch:AVX512"],
    ),
}
X86 = sysconfig.get_platform() in ("linux-x86_64", "win-amd64")  # macOS: one build (universal2 has one set of flags)


class build_levels(build_ext):
    """Drops the levels that this compiler cannot build; with none left the package runs on its NumPy reference."""

    def build_extensions(self):
        msvc = self.compiler.compiler_type == "msvc"
        for e in self.extensions:
            e.extra_compile_args = (MSVC if msvc else UNIX) + LEVELS[e.level][msvc]
        works = {level: self.compiles(level, msvc) for level in {e.level for e in self.extensions}}
        if MODE == "require" and not all(works.values()):
            raise SystemExit(
                f"VARINF_BUILD=require, but the compiler failed for {[k for k, ok in works.items() if not ok]}"
            )
        self.extensions = [e for e in self.extensions if works[e.level] and works["base"]]
        super().build_extensions()

    def compiles(self, level, msvc):
        with tempfile.TemporaryDirectory() as folder:
            source = Path(folder, "probe.c")
            source.write_text("#include <Python.h>\nint probe(void) { return 0; }\n")
            try:
                self.compiler.compile([str(source)], output_dir=folder, extra_postargs=LEVELS[level][msvc])
            except Exception as error:
                print(f"varinf: no {level} kernels: {error}")
                return False
        return True

    def run(self):
        super().run()
        if not self.inplace:  # `import varinf` in the repository root finds the source folder: give it its kernels
            self.copy_extensions_to_source()


def extensions():
    if MODE == "reference":
        return []
    from Cython.Build import cythonize

    found = []
    for pyx in sorted(KERNELS.glob("*.pyx")):
        (module,) = cythonize([str(pyx)], build_dir="build/cython")
        for level in LEVELS if X86 and pyx.stem != "_cpu" else ["base"]:
            c = Path("build", "levels", level, pyx.stem + ".c")  # a file each: else the levels share one object file
            c.parent.mkdir(parents=True, exist_ok=True)
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


setup(
    ext_modules=extensions(),
    cmdclass={"build_ext": build_levels},
    options={"build_ext": {"parallel": os.cpu_count()}} | {"bdist_wheel": {"py_limited_api": "cp311"}}
    if ABI3 and MODE != "reference"
    else {},
)
