"""Tables of comma-separated numbers, read in parts, with errors that name the line."""

import codecs

import numpy as np

LONGEST = 16 * 2**20  # characters of a line: some 700,000 numbers in full precision
_NO_TEXT = "the file is neither .npy, .npz nor text ({}): write the log weights by numpy.save"


class Table:
    """A text file of numbers: one line a row, a heading allowed, blank lines and lines that begin with # skipped.

    Attributes
    ----------
    first : list of str
        The cells of the first line of numbers.
    note : str
        What was skipped at the top, in words.
    """

    def __init__(self, path):
        self.path = path
        self.note, self._skip = "", 0
        for number, line in self._lines():
            cells = _cells(line)
            if any(_is_number(cell) for cell in cells):
                names = cells if cells[0] else cells[1:]  # after the empty name of a column of row numbers
                if not self._skip and len(names) > 1 and names == [str(i) for i in range(len(names))]:
                    raise ValueError(
                        f"line {number} counts the columns, as pandas does where they have no names, and is no draw: "
                        "write the file without it (pandas: header=False, index=False)"
                    )
                self.first = cells
                return
            if self._skip:
                break
            if len(cells) > 1 and not cells[0]:  # as pandas and R write row numbers, which are no log weights
                raise ValueError(
                    f"line {number}: the first column has no name while others do, as a column of row numbers has: "
                    "write the file without it (pandas: index=False)"
                )
            self.note, self._skip = f", heading on line {number} skipped", number
        raise ValueError("the file holds no comma-separated numbers: give a .npy, .npz or .csv file of log weights")

    def _lines(self):
        """(line number, line) of those that count, after the heading."""
        number = 0
        with open(self.path, encoding="utf-8-sig", errors="strict") as file:
            try:
                while line := file.readline(LONGEST + 1):  # not all of the file, should it have no line breaks
                    number += 1
                    if "\0" in line:
                        raise ValueError(_NO_TEXT.format(f"a NUL character on line {number}"))
                    if len(line) > LONGEST:
                        raise ValueError(
                            f"line {number} is longer than {LONGEST:,} characters: store that many numbers as .npy"
                        )
                    if number > self._skip and line.strip() and not line.startswith("#"):
                        yield number, line
            except UnicodeDecodeError as error:
                place = f"{error.reason} at byte {_undecodable(self.path):,}"
                raise ValueError(_NO_TEXT.format(place)) from error

    def parts(self, chunk_bytes):
        """Arrays (lines, columns), each of about `chunk_bytes` in memory."""
        # A parsed value takes 8 bytes, and its text, while it is parsed, some 30.
        count = max(1, chunk_bytes // (40 * len(self.first)))
        part, size = [], 0
        for number, line in self._lines():
            part.append((number, line))
            size += len(line)
            if len(part) == count or size > chunk_bytes:  # lines may be longer than the first lets expect
                yield self._numbers(part)
                part, size = [], 0
        if part:
            yield self._numbers(part)

    def _numbers(self, part):
        width = len(self.first)
        try:
            x = np.loadtxt((line for _, line in part), delimiter=",", comments=None, ndmin=2, quotechar='"')
        except ValueError:
            x = None
        if x is not None and x.shape == (len(part), width):
            return x
        for number, line in part:  # slowly, for the place
            cells = _cells(line)
            if len(cells) != width:
                raise ValueError(f"line {number} has {len(cells)} values where the first has {width}: mend that line")
            for column, cell in enumerate(cells):
                if not _is_number(cell):
                    raise ValueError(f"line {number}, column {column}: {cell[:40]!r} is not a number: mend that line")
        raise ValueError(f"lines {part[0][0]} to {part[-1][0]} cannot be read as numbers")


def _undecodable(path):
    """Where the first byte that is no UTF-8 stands in the file: the error knows it in the block that was decoded."""
    decoder, before = codecs.getincrementaldecoder("utf-8")(), 0
    with open(path, "rb") as file:
        while True:
            block = file.read(2**20)
            held = len(decoder.getstate()[0])
            try:
                decoder.decode(block, final=not block)
            except UnicodeDecodeError as error:
                return before - held + error.start
            before += len(block)


def _cells(line):
    return [cell.strip().strip('"') for cell in line.split(",")]


def _is_number(cell):
    try:
        float(cell)
    except ValueError:
        return False
    return "_" not in cell  # Python allows 1_000
