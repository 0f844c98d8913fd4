"""Log weights stored in a file, read once and in order, in chunks of bounded size.

No memory map: its pages count as resident. Nothing is unpickled. In memory order an array is (outer, draws, inner), as
the kernels have it, whatever its axis of the draws; Fortran order is C order of the transpose.
"""

import math
import os
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from varinf._arrays import as_array
from varinf.cli import _csv
from varinf.evidence.state_file import DAMAGE

NPY, ZIP = b"\x93NUMPY", (b"PK\x03\x04", b"PK\x05\x06")

READ_HEADER = {(1, 0): np.lib.format.read_array_header_1_0, (2, 0): np.lib.format.read_array_header_2_0}


@dataclass(frozen=True)
class Stored:
    """An open file of log weights.

    `chunks` yields (first draw, cube of (outer, draws, inner)); first draw 0 begins new data. `draws` is the number of
    draws in the file where they are `counted` before the end, and no less than it where not; `batch` is None where it
    is not known before the end, and holds the data in `order`.
    """

    about: str
    draws: int
    batch: tuple | None
    order: str
    chunks: Iterator
    counted: bool = True

    def datum(self, flat):
        """The index of the datum that comes `flat`-th in memory order."""
        index = (flat,) if self.batch is None else np.unravel_index(flat, self.batch, order=self.order)
        return tuple(map(int, index))


@contextmanager
def open_log_weights(path, axis, key, chunk_bytes):
    """A `Stored` of a .npy, .npz or .csv file, told apart by their first bytes. ValueError says what is wrong."""
    path = Path(path)
    if path.exists() and not (path.is_file() or path.is_dir()):  # opening a directory says what is wrong
        raise ValueError("it is a pipe or a device, and a regular file is needed: store the log weights in one first")
    with open(path, "rb", buffering=0) as file:
        start = file.read(len(NPY))
        file.seek(0)
        if key is not None and start[:4] not in ZIP:
            raise ValueError(f"--key {key}: the file is no .npz archive, so it has no named arrays: leave --key out")
        if start == NPY:
            yield _npy(file, os.fstat(file.fileno()).st_size, axis, chunk_bytes)
        elif start[:4] in ZIP:
            stream, size = _member(file, key)
            with stream:
                yield _npy(stream, size, axis, chunk_bytes)
        elif path.suffix in (".npy", ".npz"):
            raise ValueError(f"the file does not begin as a {path.suffix} file does: it is empty, damaged or renamed")
        else:
            yield _text(path, axis, chunk_bytes)


def _member(file, key):
    """(a stream, its size) of the archive's array `key`, or of its only array."""
    try:
        archive = zipfile.ZipFile(file)
        member = _entry(archive, key)
        if member.flag_bits & 1:
            raise ValueError(f"{member.filename} is encrypted: write the archive without a password, by numpy.savez")
        return archive.open(member), member.file_size
    except NotImplementedError as error:
        raise ValueError(
            f"the archive is packed in a way that is not known here ({error}): write it by numpy.savez or "
            "numpy.savez_compressed"
        ) from error


def _entry(archive, key):
    found = {name.removesuffix(".npy"): archive.getinfo(name) for name in archive.namelist() if name.endswith(".npy")}
    if not found:
        raise ValueError("the archive holds no arrays (no names that end in .npy): write it by numpy.savez")
    names = ", ".join(sorted(found))
    if key is None and len(found) != 1:
        raise ValueError(f"the archive holds {len(found)} arrays ({names}): choose one with --key NAME")
    if key is not None and key not in found:
        raise ValueError(f"--key {key}: the archive has no such array; it holds {names}")
    return next(iter(found.values())) if key is None else found[key]


def _npy(stream, size, axis, chunk_bytes):
    """A stream of `size` bytes in the .npy format."""
    shape, fortran, dtype, header = _header(stream)
    if dtype.subdtype or dtype.names:
        raise ValueError(f"the array's elements are {dtype}: store plain numbers, an axis for each dimension")
    as_array(np.empty(0, dtype), "the array")  # a TypeError for what is not real numbers of 4 or 8 bytes
    if not shape:
        raise ValueError("the array is a single number: store the log weights of all draws, with an axis of draws")
    axis = _axis(axis, len(shape), "the array")
    if 0 in shape:
        raise ValueError(f"the array has shape {shape}: there is nothing in it: store at least one draw of one datum")
    if size < header + math.prod(shape) * dtype.itemsize:
        raise ValueError(
            f"the file is cut short: there are {size:,} bytes, which cannot hold {dtype.name} of shape "
            f"{str(shape)[:60]}: write it again"
        )
    batch = shape[:axis] + shape[axis + 1 :]
    about = f"{dtype.name} of shape {shape}, draws on axis {axis}"
    order = "F" if fortran else "C"
    if fortran:
        shape, axis = shape[::-1], len(shape) - 1 - axis
    sizes = math.prod(shape[:axis]), shape[axis], math.prod(shape[axis + 1 :])
    return Stored(about, sizes[1], batch, order, _cubes(stream, dtype, *sizes, chunk_bytes))


def _header(stream):
    """(shape, Fortran order, dtype, bytes read)."""
    try:
        shape, fortran, dtype = READ_HEADER[np.lib.format.read_magic(stream)](stream)
    except KeyError as error:
        raise ValueError(f"its .npy format is {error}, which plain numbers do not need: write it again") from error
    except DAMAGE as error:
        raise ValueError(f"its .npy header is damaged ({str(error)[:60]}): write it again") from error
    if dtype.hasobject:
        raise ValueError(
            "the array holds Python objects, which are never unpickled: store numbers, with .astype(float)"
        )
    if any(n < 0 or isinstance(n, bool) for n in shape):
        raise ValueError(f"its .npy header is damaged (shape {shape}): write it again")
    return shape, fortran, dtype, stream.tell()


def _axis(axis, ndim, name):
    """`axis` counted from the front."""
    if not -ndim <= axis < ndim:
        raise ValueError(
            f"--axis {axis}: {name} has {ndim} dimension{'s' * (ndim != 1)}: use an axis from {-ndim} to {ndim - 1}"
        )
    return axis % ndim


def _cubes(stream, dtype, outer, draws, inner, chunk_bytes):
    """Whole data, as many as fit a chunk; else one block of data at a time, by as many draws as fit."""
    row = inner * dtype.itemsize
    at_once = max(1, chunk_bytes // (draws * row))
    step = draws if draws * row <= chunk_bytes else max(1, chunk_bytes // row)
    buffer = np.empty(min(at_once, outer) * step * row, np.uint8)
    for o in range(0, outer, at_once):
        count = min(at_once, outer - o)
        for first in range(0, draws, step):
            length = min(step, draws - first)
            chunk = buffer[: count * length * row]
            _fill(stream, memoryview(chunk))
            yield first, np.frombuffer(chunk, dtype).reshape(count, length, inner)


def _fill(stream, view):
    filled = 0
    while filled < len(view):
        read = stream.readinto(view[filled:])
        if not read:
            raise ValueError("the file ends before its array does: write it again")
        filled += read


def _text(path, axis, chunk_bytes):
    """Comma-separated numbers: lines × columns, the draws on axis 0 (a line each) or on axis 1."""
    axis = _axis(axis, 2, "the table")
    table = _csv.Table(path)
    columns = len(table.first)
    about = f"text, {columns:,} column{'s' * (columns != 1)}, draws on axis {axis}{table.note}"
    if axis:
        cubes = ((0, part[:, :, None]) for part in table.parts(chunk_bytes))
        return Stored(about, columns, None, "C", cubes)
    # A value takes two characters at least, its comma or line end among them.
    at_most = os.path.getsize(path) // (2 * columns) + 1
    return Stored(about, at_most, (columns,), "C", _numbered(table.parts(chunk_bytes)), counted=False)


def _numbered(parts):
    first = 0
    for part in parts:
        yield first, part[None]
        first += len(part)
