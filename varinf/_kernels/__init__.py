"""Floor 0, and the one place where compiled or reference kernels are chosen.

``VARINF_KERNELS`` decides at import: ``auto`` (default) takes the best level that was built and that this processor
runs, ``compiled`` the same but refuses to fall back, ``base``, ``v3`` and ``v4`` ask for one level, ``reference`` for
the array-API functions. A kernel has one module of plain functions, ``<name>.py``, and one compiled twin,
``_<name>.pyx``, with the same functions; ``kernel(name, x)`` returns whichever serves the array ``x``.
"""

import importlib
import importlib.util
import os
import pkgutil
import warnings
from pathlib import Path

import numpy as np

NAMES = tuple(module.name for module in pkgutil.iter_modules(__path__) if not module.name.startswith("_"))
LEVELS = ("base", "v3", "v4")


def _built(level):
    return [name for name in NAMES if importlib.util.find_spec(f"varinf._kernels._{level}._{name}")]


def runnable_levels():
    """The levels that were built and that this processor runs, slowest first; none without compiled kernels."""
    try:
        from varinf._kernels._base import _cpu
    except ImportError:
        return []
    return [level for level in LEVELS[: LEVELS.index(_cpu.level) + 1] if _built(level)]


def _choose(want):
    """The level to run, and the reason in words."""
    if want not in ("auto", "compiled", "reference", *LEVELS):
        raise ImportError(f"VARINF_KERNELS={want!r}: use auto, compiled, reference, base, v3 or v4")
    if want == "reference":
        return "reference", "VARINF_KERNELS=reference asked for it"
    try:
        from varinf._kernels._base import _cpu
    except ImportError as error:
        if want != "auto":
            raise ImportError(
                f"VARINF_KERNELS={want}, but this installation has no compiled kernels ({error})"
            ) from error
        root = Path(__file__).parents[2]
        built_without = root / "build" / "without_kernels.txt"  # written by setup.py
        if built_without.exists():
            return "reference", built_without.read_text()
        if (root / "setup.py").exists():
            warnings.warn(
                f"varinf is imported from its source folder {root}, which has not been built: NumPy kernels run. "
                "Run `pip install -e .` there.",
                RuntimeWarning,
                stacklevel=3,
            )
        return "reference", "this installation has no compiled kernels (no C compiler worked when it was built)"
    supported = LEVELS[: LEVELS.index(_cpu.level) + 1]
    if want in LEVELS:
        if want not in supported:
            raise ImportError(f"VARINF_KERNELS={want}: this processor supports {_cpu.level} at most")
        if not _built(want):
            raise ImportError(f"VARINF_KERNELS={want}: this installation was built without the {want} kernels")
        return want, f"VARINF_KERNELS={want} asked for it"
    for level in reversed(supported):
        if _built(level):
            return level, f"the best level built that this processor runs (it supports {_cpu.level})"
    raise ImportError("varinf's installation is damaged: its compiled kernels are gone; reinstall it")


level, reason = _choose(os.environ.get("VARINF_KERNELS", "auto"))
_reference = {name: importlib.import_module(f"varinf._kernels.{name}") for name in NAMES}
_compiled = (
    {}
    if level == "reference"
    else {name: importlib.import_module(f"varinf._kernels._{level}._{name}") for name in NAMES}
)


def kernel(name, x):
    """The functions that serve arrays like `x`: compiled for native NumPy float32 and float64, else reference."""
    if _compiled and type(x) is np.ndarray and x.dtype.char in "fd" and x.dtype.isnative:
        return _compiled[name]
    return _reference[name]
