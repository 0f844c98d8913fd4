"""What `progress=` means: a bar on a terminal, a function of yours, or nothing."""

import sys
from contextlib import contextmanager


@contextmanager
def reporter(progress, total, label=""):
    """A function done(count, note="") for the work inside; a bar shows the note behind its count.

    `progress` is a function (done, total), which is called as it is, or True for a bar on stderr, shown only where
    that is a terminal, or False. The bar is tqdm's where tqdm is installed, else a plain count.
    """
    if callable(progress):
        yield lambda count, note="": progress(count, total)
    elif not isinstance(progress, bool):
        raise TypeError(f"progress={progress!r}: use True, False, or a function of (done, total)")
    elif not (progress and sys.stderr is not None and sys.stderr.isatty()):
        yield lambda count, note="": None
    else:
        with _bar(total, label) as bar:
            yield lambda count, note="": _show(bar, count, note)


def progress_bar(items, label=""):
    """The items one by one, with a bar that counts those whose turn is over."""
    items = list(items)
    with reporter(True, len(items), label) as done:
        for count, item in enumerate(items):
            done(count)
            yield item


def _show(bar, count, note):
    if note:
        bar.set_postfix_str(note, refresh=False)
    bar.update(count - bar.n)


def _bar(total, label):
    try:
        from tqdm import tqdm
    except ImportError:
        return _Count(total, label)
    return tqdm(total=total, desc=label, file=sys.stderr, leave=False)


class _Count:
    """One line, "label 3/12", rewritten in place and wiped at the end."""

    def __init__(self, total, label):
        self.n, self._total, self._label, self._width, self._note = 0, total, label, 0, ""

    def set_postfix_str(self, note, refresh=True):
        self._note = note

    def update(self, more):
        self.n += more
        self._write(f"{self._label} {self.n}/{self._total} {self._note}".strip())

    def __enter__(self):
        self.update(0)
        return self

    def __exit__(self, *exception):
        self._write("")
        self._write("")

    def _write(self, text):
        sys.stderr.write("\r" + text.ljust(self._width))
        sys.stderr.flush()
        self._width = len(text)
