"""The units that a network works in: it sees data about 0 and of size 1, whatever those of its user are."""

import math
from typing import Any, NamedTuple

import numpy as np

ROWS = 4096  # of data that are widened to double at a time


class Units(NamedTuple):
    """x = centre + seen / unit. A `normal` decoder works in these units too, others score x as it stands.

    Data are centred in double before they are narrowed to `dtype`, so that neither scale nor origin costs digits.
    """

    centre: Any
    unit: float
    normal: bool
    dtype: str

    @classmethod
    def of(cls, X, normal, dtype):
        """Of data: their mean, and one over the standard deviation of all their features together."""
        with np.errstate(over="ignore", invalid="ignore"):
            centre = X.mean(axis=0, dtype=np.float64)
            squares = sum(float(np.sum((rows - centre) ** 2)) for rows in _blocks(X))
        if not math.isfinite(squares):
            raise ValueError("X spreads so far that its variance leaves the range of float64: rescale it")
        return cls(centre, 1 / (math.sqrt(squares / X.size) or 1.0), normal, dtype)

    def seen(self, x):
        """What the encoder sees of x."""
        seen = np.empty(x.shape, self.dtype)
        with np.errstate(over="ignore"):  # what is too far away is said where it is encoded
            for rows, into in zip(_blocks(x), _blocks(seen), strict=True):
                into[:] = (rows - self.centre) * self.unit
        return seen

    def scored(self, x):
        """What the likelihood scores of x."""
        return self.seen(x) if self.normal else x.astype(self.dtype, copy=False)

    def of_scored(self, scored):
        """What the encoder sees, from what the likelihood scores."""
        return scored if self.normal else self.seen(scored)

    def back(self, out):
        """A decoder's means, or draws, in the units of the data."""
        return (self.centre + out / self.unit).astype(self.dtype) if self.normal else out

    def noise(self, scale):
        """A standard deviation in these units; None stays None."""
        return scale * self.unit if scale is not None and self.normal else scale

    @property
    def offset(self):
        """log p(x | z) less the log p of what is scored: the density is per unit, of every feature."""
        return len(self.centre) * math.log(self.unit) if self.normal else 0.0


def _blocks(x):
    return (x[first : first + ROWS] for first in range(0, len(x), ROWS))
