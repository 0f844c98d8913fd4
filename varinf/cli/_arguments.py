"""Values of options; argparse says "invalid positive integer value" from the functions' names."""

import argparse
from contextlib import contextmanager
from pathlib import Path

MOST_MEBIBYTES = 2**20  # a tebibyte: beyond it sizes in bytes leave what indices hold


def positive(text):
    number = natural(text)
    if not number:
        raise ValueError
    return number


def natural(text):
    if not text.isascii() or not text.isdigit():
        raise ValueError
    return int(text)


def mebibytes(text):
    number = positive(text)
    if number > MOST_MEBIBYTES:
        raise argparse.ArgumentTypeError(f"{text[:20]} MiB is more than machines hold: use {MOST_MEBIBYTES:,} at most")
    return number


@contextmanager
def naming(option, path, advice):
    """Errors of the file system inside are said of the option: what is wrong, and what to give instead."""
    try:
        yield
    except OSError as error:
        raise ValueError(f"{option} {path}: {error.strerror or error}: {advice}") from error


def writable_file(option, text):
    """The path of a file that can be written to, found out before the work; what is in it stays."""
    if not text:
        raise ValueError(f"{option}: the name is empty: give that of a file")
    path = Path(text)
    new = not path.exists()
    with naming(option, path, "give a file that can be written to"):
        open(path, "ab").close()
        if new:
            path.unlink()
    return path


positive.__name__ = "positive integer"
mebibytes.__name__ = "number of MiB"
natural.__name__ = "non-negative integer"
