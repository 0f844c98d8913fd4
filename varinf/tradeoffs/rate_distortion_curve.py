"""The rate-distortion curve of a discrete source, enclosed between tangents and chords.

`blahut_arimoto` at slope s gives a channel at (D_s, R_s), on or above the curve, and a certified tangent under it:
R(D) >= R_s − gap_s − s (D − D_s) for every D. Channels can be mixed over time, so chords between points lie on or above
the curve. Slopes are chosen by `convex_curve`, from the two ends: the least distortion of all (slope inf) and that of a
constant output (slope 0).
"""

import math
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any

import numpy as np

from varinf._arrays import as_array, finite_number, positive_integer, refuse_where
from varinf.estimate import NATS_PER_BIT
from varinf.tradeoffs.blahut_arimoto import blahut_arimoto
from varinf.tradeoffs.convex_curve import Point, refined, sandwich
from varinf.tradeoffs.units import converted

FRESH = 0.1  # share of uniform weights in the start of a solve between two others: none may be 0


@dataclass(frozen=True, eq=False, repr=False)
class RateDistortionCurve:
    """Points on a rate-distortion curve, in order of rising distortion, with limits for all between.

    Parameters
    ----------
    slope : array (K,)
        −dR/dD, falling from inf to 0, in nats per unit of distortion, whatever the units.
    rate : array (K,)
        In `units`; of channels that exist, so on or above the curve.
    distortion : array (K,)
        Rising, from the least of all to that of the best constant output.
    gap : array (K,)
        How far each point lies above its certified tangent, in `units`.
    converged : array (K,)
        Whether each gap is at most the tolerance of its solve.
    output : array (K, Y)
        The output distribution of each point.
    sandwich : float
        The farthest that chords lie above tangents anywhere, in `units`.
    units : {"nats", "bits"}
        Of rate, gap and sandwich; `to` converts.

    See Also
    --------
    varinf.rate_distortion_curve : What makes it.
    varinf.blahut_arimoto : A single point with its channel.

    Examples
    --------
    >>> import varinf as vi
    >>> curve = vi.rate_distortion_curve([0.5, 0.5], [[0, 1], [1, 0]])
    >>> curve.distortion[[0, -1]], curve.rate[[0, -1]].round(4), bool(curve.converged.all())
    (array([0. , 0.5]), array([0.6931, 0.    ]), True)
    >>> low, high = curve.to("bits").rate_at(0.11)  # around 0.50008
    >>> bool(low < 0.50008 < high), bool(high - low < 1e-3)
    (True, True)
    """

    slope: Any
    rate: Any
    distortion: Any
    gap: Any
    converged: Any
    output: Any
    sandwich: float
    units: str = "nats"

    def to(self, units):
        """The same curve in other units.

        Parameters
        ----------
        units : {"nats", "bits"}
            Units to show it in; a bit is log 2 nats.

        Returns
        -------
        RateDistortionCurve
            With rate, gap and sandwich converted; distortion and slope stay.
        """
        return converted(self, units, ("rate", "gap", "sandwich"))

    def rate_at(self, distortion):
        """Certified limits of R(D), to rounding.

        Parameters
        ----------
        distortion : float or array (*points)
            Where.

        Returns
        -------
        tuple of float or array (*points)
            From the tangents, and from the chords, in `units`. Both are inf below the least distortion.

        Raises
        ------
        ValueError
            For nan.
        """
        given = as_array(distortion, "distortion")
        refuse_where(np.isnan(given), given, "distortion", "values of nan", "give a number")
        D = given.astype(np.float64)
        finite, unit = np.isfinite(self.slope), 1.0 if self.units == "nats" else NATS_PER_BIT
        D_inside = np.minimum(D, self.distortion[-1])  # beyond the last point nothing falls any further
        lower = self.rate - self.gap
        away = D_inside[..., None] - self.distortion[finite]
        low = np.max(lower[finite] - self.slope[finite] / unit * away, axis=-1, initial=0.0)
        low = np.where(self.distortion[0] == D, np.maximum(low, lower[0]), low)
        # Rounding may put neighbours out of order; a rate that is reached at D is reached at any larger D.
        high = np.maximum(np.interp(D, np.maximum.accumulate(self.distortion), self.rate), low)
        low, high = (np.where(self.distortion[0] > D, math.inf, x) for x in (low, high))
        return (low, high) if given.ndim else (float(low), float(high))

    def __repr__(self):
        return (
            f"RateDistortionCurve({len(self.slope)} points, distortion {self.distortion[0]:.4g} to "
            f"{self.distortion[-1]:.4g}, rate {self.rate[0]:.4g} to {self.rate[-1]:.4g} {self.units}, "
            f"sandwich {self.sandwich:.1g}, converged={bool(np.all(self.converged))})"
        )


def rate_distortion_curve(p_x, distortion, slopes=None, *, tolerance=1e-3, points=200):
    """The rate-distortion curve of a discrete source, in nats, with certified limits everywhere.

    Parameters
    ----------
    p_x : array (X,)
        Probabilities of the source.
    distortion : array (X, Y)
        Cost of each pair, any real number; +inf forbids a pair.
    slopes : array (K,), optional
        Where to solve, in nats per unit of distortion; the ends, 0 and inf, come in addition. By default slopes are
        chosen until tangents and chords enclose the curve to `tolerance`.
    tolerance : float
        How far tangents and chords may lie apart, as a share of the largest rate; without `slopes` only.
    points : int
        At most so many slopes are chosen; `sandwich` says how close the limits came.

    Returns
    -------
    RateDistortionCurve
        In order of rising distortion, with `slope`, `rate`, `distortion`, `gap`, `converged`, `sandwich` and
        `rate_at(D)`.

    Raises
    ------
    ValueError
        As `blahut_arimoto`; and if slopes are not a list of numbers that are 0 or more, or the tolerance is not
        positive.

    See Also
    --------
    blahut_arimoto : A single point, with its channel.
    reverse_water_filling : The exact curve of a normal source.
    uniform_rate_distortion : The exact curve of symbols all alike.
    plot : The curve between its tangents and chords, as a picture.

    Notes
    -----
    Each point is solved to a gap of 1e-10 nats, so that the sandwich is what lies between the points. At the ends of
    straight segments it is that gap.

    References
    ----------
    Blahut (1972), "Computation of channel capacity and rate-distortion functions"; Rote (1992), "The convergence rate
    of the sandwich algorithm for approximating convex functions", for the choice of slopes.

    Examples
    --------
    >>> import varinf as vi
    >>> curve = vi.rate_distortion_curve([0.5, 0.5], [[0, 1], [1, 0]])
    >>> low, high = curve.rate_at([0.1, 0.3])
    >>> exact = vi.binary_rate_distortion(0.5, [0.1, 0.3])
    >>> bool(((low <= exact) & (exact <= high)).all()), bool((high - low).max() < 1e-3)
    (True, True)
    """
    tolerance, points = finite_number(tolerance, "tolerance"), positive_integer(points, "points")
    if not tolerance > 0:
        raise ValueError(f"tolerance={tolerance}: use a positive share of the largest rate, such as 1e-3")

    def solve(slope, left=None, right=None):
        start = None
        if left is not None:
            uniform = 1 / len(left.source.output)
            start = (1 - FRESH) * (left.source.output + right.source.output) / 2 + FRESH * uniform
        found = blahut_arimoto(p_x, distortion, slope, start=start)
        return Point(found.slope, found.distortion, found.rate, found.gap, _light(found))

    left, right = solve(math.inf), solve(0.0)
    if slopes is None:
        solved = refined(solve, left, right, tolerance * left.y, points)
    else:
        solved = [left, *map(solve, _slopes(slopes)), right]
    columns = {name: np.array([getattr(point.source, name) for point in solved]) for name in COLUMNS}
    apart = max(sandwich(a, b) for a, b in pairwise(solved))
    return RateDistortionCurve(**columns, sandwich=max(apart, 0.0))


COLUMNS = ("slope", "rate", "distortion", "gap", "converged", "output")


def _light(found):
    """Without the channel: hundreds of them would fill the memory."""
    return replace(found, channel=None)


def _slopes(slopes):
    given = as_array(slopes, "slopes")
    if given.ndim != 1:
        raise ValueError(f"slopes has shape {given.shape}: give a list of slopes (K,)")
    refuse_where(~(given >= 0), given, "slopes", "values that are negative or nan", "use 0 or more")
    inner = np.unique(given.astype(np.float64))[::-1]
    return [float(s) for s in inner if 0 < s < math.inf]
