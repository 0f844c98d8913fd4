"""The largest log weights of a stream, column by column: what a tail index needs of draws that are gone."""

import numpy as np

from varinf._kernels import kernel
from varinf.diagnostics.psis import fit_tail, tail_length

FEWEST_SPARE = 8
CHUNK = 2**20  # numbers in one intermediate array: 8 MiB


class Top:
    """The `keep` largest values of each column, exactly, out of any number of them.

    The kept values stand at the end of a row; new ones go before them, and when the row is full a partition in place
    drops the smallest. A row has half as many spare slots as kept ones, so that a partition serves many draws; where
    few are kept, as of few draws of very many data, more than a few would be most of the memory. Slots are used from
    the end, so that it is touched only as draws arrive.
    """

    def __init__(self, columns, keep):
        self.keep = keep
        self._buffer = np.empty((columns, keep + max(keep // 2, FEWEST_SPARE)))
        self._free = self._buffer.shape[1]

    @classmethod
    def of(cls, kept, keep):
        """A store that holds `kept` (columns, n), n <= keep."""
        top = cls(len(kept), keep)
        top._free -= kept.shape[1]
        top._buffer[:, top._free :] = kept
        return top

    def copy(self):
        return Top.of(self.kept(), self.keep)

    def __reduce__(self):
        return Top.of, (self.kept(), self.keep)

    def add(self, x):
        """Takes in the values x (n, columns), none of them nan."""
        n = len(x)
        if n > self._free:
            self._compact()
        if n <= self._free:
            self._buffer[:, self._free - n : self._free] = x.T
            self._free -= n
        else:
            self._add_many(x)

    def _add_many(self, x):
        """More values than there are slots: the largest of them beside the held ones, few columns at a time."""
        room, start = self._buffer.shape[1], self._free
        held = min(room - start + len(x), self.keep)
        step = max(1, CHUNK // (room - start + len(x)))
        for i in range(0, x.shape[1], step):
            top = _largest(x[None, :, i : i + step], min(len(x), self.keep))
            if start < room:
                top = _largest(np.concatenate([self._buffer[i : i + step, start:], top], axis=1)[:, :, None], held)
            self._buffer[i : i + step, room - held :] = top
        self._free = room - held

    def _compact(self):
        """Drops all but the `keep` largest."""
        held = self._buffer.shape[1] - self._free
        if held >= self.keep:
            self._buffer[:, self._free :].partition(held - self.keep, axis=1)
            self._free = self._buffer.shape[1] - self.keep

    def kept(self):
        """The largest values in no order: (columns, n), a view."""
        self._compact()
        return self._buffer[:, self._free :]

    def k_hat(self, draws):
        """Tail index of each column out of `draws`, from as many of the tail's values as are kept: (columns,)."""
        kept = self.kept()
        count = min(tail_length(draws) + 1, kept.shape[1])
        step = max(1, CHUNK // kept.shape[1])
        parts = (kept[i : i + step, :, None] for i in range(0, len(kept), step))
        fits = [fit_tail(_largest(part, count))[0] for part in parts]
        return np.concatenate(fits) if fits else np.empty(0)


def _largest(x, keep):
    """The largest of x (outer, draws, inner) over the draws, ascending: (outer · inner, keep)."""
    return kernel("pareto_tail", x).largest(x, 1.0, keep).reshape(-1, keep)


def is_cut(draws, keep):
    """Whether `keep` values are fewer than the tail of `draws` and its cutoff."""
    return min(tail_length(draws) + 1, draws) > keep
