"""Which kernels run, on which level and why, and the versions around them."""

import os
import platform
import textwrap
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from varinf import _kernels

WIDTH = 80


@dataclass(frozen=True, repr=False)
class Config:
    """Result of `show_config`; its repr is the text that `varinf info` prints.

    Attributes
    ----------
    versions : dict of str to str
    kernels : dict
        "level" that runs, the "reason", the "runnable" levels, and the "names" of the kernels.
    machine : dict
        "processor" architecture, "instruction_set" that the kernels can use, "cores" open to this process, "workers"
        by default.
    """

    versions: Mapping
    kernels: Mapping
    machine: Mapping

    def to_dict(self):
        return {"versions": dict(self.versions), "kernels": dict(self.kernels), "machine": dict(self.machine)}

    def __repr__(self):
        kernels, machine = self.kernels, self.machine
        rows = {
            **self.versions,
            "kernels": f"{kernels['level']}: {kernels['reason']}",
            "built and runnable": ", ".join(["reference", *kernels["runnable"]]),
            "names": ", ".join(kernels["names"]),
            "processor": f"{machine['processor']}, {machine['instruction_set']}",
            "cores": f"{machine['cores']} open to this process",
            "workers": f"{machine['workers']} by default; workers=-1 takes all cores",
        }
        width = max(map(len, rows))
        lines = []
        for name, words in rows.items():
            parts = textwrap.wrap(words, WIDTH - width - 2, break_long_words=False, break_on_hyphens=False)
            lines += [f"{name if i == 0 else '':<{width}}  {part}" for i, part in enumerate(parts)]
        return "\n".join(lines)


INSTRUCTION_SETS = {
    "base": "baseline instructions of its architecture",
    "v3": "x86-64-v3 (AVX2, FMA)",
    "v4": "x86-64-v4 (AVX-512)",
}


def show_config():
    """Tell what runs here: versions, kernels with the reason for their choice, instruction set, cores.

    Returns
    -------
    Config
        Its repr is a text of one line per fact; ``to_dict()`` gives the facts.

    See Also
    --------
    lens : The other way to ask varinf about itself: what its bounds mean.

    Examples
    --------
    >>> import varinf as vi
    >>> vi.show_config().kernels["level"] in ("reference", "base", "v3", "v4")
    True
    """
    versions = {name: _version(name) for name in ("varinf", "numpy", "scipy", "array-api-compat")}
    versions["python"] = f"{platform.python_implementation()} {platform.python_version()}"
    return Config(
        versions,
        {
            "level": _kernels.level,
            "reason": _kernels.reason,
            "runnable": _kernels.runnable_levels(),
            "names": list(_kernels.NAMES),
        },
        {
            "processor": platform.machine(),
            "instruction_set": _instruction_set(),
            "cores": _cores(),
            "workers": 1,
        },
    )


def _version(name):
    from importlib import metadata  # a quarter of varinf's import time, for a report that few ask for

    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        if name == "varinf":
            return f"not installed: imported from {Path(__file__).parents[1]}"
        return "unknown"


def _instruction_set():
    try:
        from varinf._kernels._base import _cpu
    except ImportError:
        return "not asked: there are no compiled kernels"
    return INSTRUCTION_SETS[_cpu.level]


def _cores():
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
