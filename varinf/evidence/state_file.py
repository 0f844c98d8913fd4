"""The file of a LogWeights state: an .npz of plain arrays, checked when it is read."""

import math
import struct
import tokenize
import zipfile
import zlib
from typing import Any, NamedTuple

import numpy as np

from varinf.diagnostics.draws import Moments

FORMAT = "varinf LogWeights 1"
NAMES = ("format", "k", "tail", "draws", "moments", "group_count", "groups", "pending", "top", "shared_draws")
# What NumPy and zipfile raise when bytes are not what they should be.
# fmt: off
DAMAGE = (
    ValueError, TypeError, LookupError, ArithmeticError, RuntimeError, SyntaxError, OSError, EOFError, MemoryError,
    struct.error, tokenize.TokenError, zlib.error, zipfile.BadZipFile,
)
# fmt: on


class Parts(NamedTuple):
    """What a file holds; `moments` is None for a state without draws."""

    k: int | None
    tail: int
    moments: Moments | None
    groups: Moments | None
    pending: Any  # (n, *batch), n < k; (0,) for none
    top: Any  # (columns, min(draws, tail))
    shared_draws: bool


def write_state(file, parts):
    """Writes the parts to an open binary file. 0 stands for no k; a state without draws has empty arrays."""
    nothing = np.empty((4, 0))
    moments, groups = parts.moments, parts.groups
    np.savez(
        file,
        format=np.array(FORMAT),
        k=np.int64(parts.k or 0),
        tail=np.int64(parts.tail),
        draws=np.int64(0 if moments is None else moments.draws),
        moments=nothing if moments is None else np.stack(moments[1:]),
        group_count=np.int64(0 if groups is None else groups.draws),
        groups=nothing if groups is None else np.stack(groups[1:]),
        pending=parts.pending,
        top=parts.top,
        shared_draws=np.bool_(parts.shared_draws),
    )


def read_state(path):
    """The parts of a state's file; ValueError, naming the file, for a file that no state wrote or that is damaged."""
    with open(path, "rb") as file:  # a missing file is an OSError of its own
        try:
            arrays = np.load(file, allow_pickle=False)
            if not isinstance(arrays, np.lib.npyio.NpzFile):
                raise ValueError("it is a single array")
            with arrays:
                if missing := [name for name in NAMES if name not in arrays.files]:
                    raise ValueError(f"it lacks {', '.join(missing)}")
                return _checked({name: arrays[name] for name in NAMES})
        except DAMAGE as error:
            raise ValueError(
                f"path {str(path)!r} is not the file of a LogWeights state, or is damaged ({_one_line(error)}): "
                "give a file that LogWeights.save wrote"
            ) from error


def _one_line(error):
    return " ".join(str(error).split())[:120]


def _checked(found):
    if found["format"].shape != () or str(found["format"]) != FORMAT:
        raise ValueError(f"its format is not {FORMAT!r}")
    counts = {name: found[name] for name in ("k", "tail", "draws", "group_count")}
    if any(count.shape != () or count.dtype != np.int64 or count < 0 for count in counts.values()):
        raise ValueError(f"{', '.join(counts)} are not all counts")
    k, tail, draws, group_count = (int(count) for count in counts.values())
    if tail < 1:
        raise ValueError("tail is 0")
    if found["shared_draws"].shape != () or found["shared_draws"].dtype != np.bool_:
        raise ValueError("shared_draws is not true or false")
    shared_draws = bool(found["shared_draws"])
    if not draws:
        return Parts(k or None, tail, None, None, np.empty(0), np.empty((0, 0)), shared_draws)
    moments, groups, top, pending = (found[name] for name in ("moments", "groups", "top", "pending"))
    batch = moments.shape[1:]
    held = draws % k if k else 0
    shapes = {
        "moments": (4, *batch),
        "top": (math.prod(batch), min(draws, tail)),
        "pending": (held, *batch) if held else (0,),
        "groups": (4, *batch) if group_count else (4, 0),
    }
    for name, shape in shapes.items():
        if found[name].dtype != np.float64 or found[name].shape != shape:
            raise ValueError(
                f"{name} is {found[name].dtype} of shape {found[name].shape}; {draws} draws need float64 of {shape}"
            )
    if group_count != (draws // k if k else 0):
        raise ValueError(f"{group_count} groups do not go with {draws} draws and k={k}")
    if not all(np.all(x < np.inf) for x in (top, pending, moments[:1])):
        raise ValueError("it holds weights that are nan or +inf")
    return Parts(
        k or None,
        tail,
        Moments(draws, *(x[()] for x in moments)),
        Moments(group_count, *(x[()] for x in groups)) if group_count else None,
        pending,
        top,
        shared_draws,
    )
