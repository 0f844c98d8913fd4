"""The file of a fitted autoencoder: an .npz of plain arrays and a few words of JSON, checked when it is read."""

import json
import os
import tempfile
from pathlib import Path

import numpy as np


def write_arrays(path, kind, about, arrays):
    """Writes the arrays, and `about` as JSON, to a file that takes the place of an old one only once it is complete."""
    about = json.dumps(about)
    path = Path(os.path.realpath(path))
    handle, beside = tempfile.mkstemp(prefix=".varinf-", dir=path.parent)
    try:
        with open(handle, "wb") as file:
            np.savez(file, format=np.array(_format(kind)), about=np.array(about), **arrays)
        os.replace(beside, path)
    finally:
        Path(beside).unlink(missing_ok=True)


def read_arrays(path, kind, build):
    """build(about, arrays) of what `write_arrays` wrote; ValueError, naming the file, for anything else."""
    try:
        # opened here: NumPy leaves a file open that it cannot read
        with open(path, "rb") as file, np.load(file, allow_pickle=False) as arrays:
            if str(arrays["format"]) != _format(kind):
                raise ValueError(f"its format is {str(arrays['format'])[:40]!r}")
            return build(json.loads(str(arrays["about"])), arrays)
    except (FileNotFoundError, IsADirectoryError, PermissionError):
        raise
    except Exception as error:  # whatever damaged bytes raise, in zipfile, zlib, NumPy, json or the constructor
        raise ValueError(
            f"path {str(path)!r} is not the file of a {kind}, or is damaged ({' '.join(str(error).split())[:120]}): "
            f"give one that {kind}.save wrote"
        ) from error


def _format(kind):
    return f"varinf {kind} 1"
