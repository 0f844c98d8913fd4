"""Rate-distortion at a slope, for discrete sources: the least I(X;Y) + s E d(X, Y) over channels, with a certified gap.

For an output distribution q, the best channel is W_xy = q_y A_xy / u_x with A_xy = exp(−s (d_xy − min_y d_xy)) and
u = A q: subtracting the least distortion of a row keeps the exponentials from overflowing and cancels in W. So

    min_W I + s D = min_q F(q) + s Σ_x p_x min_y d_xy,    F(q) = −Σ_x p_x log (A q)_x,

convex in q. With c_y = Σ_x p_x A_xy / u_x the output of W is q c, and

    F(q) − log max_y c_y  <=  min F  <=  F(q) − KL(q c ‖ q) = I(W) + s Σ p_x W_xy (d_xy − min d).

At the optimum c <= 1, with equality where q > 0. `output_weights` finds q: steps q ← q c, which are Blahut's and
Arimoto's, and where these crawl an interior point; its lower limit is the better of this one and that of its own dual.

Forbidden pairs (d = +inf) have A = 0 at every slope. At slope inf, A is 1 where d is the least of its row and 0
elsewhere: the end of the curve at its least distortion, with the least rate there. At slope 0 every constant output has
rate 0, and the one of least expected distortion is the end of the curve.

Sources: Blahut (1972), "Computation of channel capacity and rate-distortion functions"; Arimoto (1972), "An algorithm
for computing the capacity of arbitrary discrete memoryless channels"; Cover, Thomas (2006), section 10.8.
"""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from varinf._arrays import as_array, is_numpy, positive_integer, refuse_where
from varinf.information.entropy import probabilities
from varinf.tradeoffs.output_weights import output_weights, reached
from varinf.tradeoffs.units import converted

NEGLIGIBLE = 1e-280  # a symbol of less probability adds less than any tolerance to every sum, and divides badly


@dataclass(frozen=True, eq=False, repr=False)
class RateDistortion:
    """A point on the rate-distortion curve of a discrete source, with the channel that reaches it.

    Parameters
    ----------
    rate : float
        I(X;Y) of the channel, in `units`.
    distortion : float
        Expected distortion of the channel.
    slope : float
        Its price, in nats per unit of distortion, whatever the units.
    channel : array (X, Y)
        Probabilities of y given x.
    output : array (Y,)
        Probabilities of y.
    lower, upper : float
        Certified limits, to rounding, of the least I + slope·D, in `units`; the channel reaches `upper`. At slope inf
        they are limits of the rate at the least distortion.
    gap : float
        upper − lower, in `units`, added up without cancellation.
    converged : bool
        Whether the gap is at most the tolerance that was asked for.
    iterations : int
        Steps taken, of both kinds.
    units : {"nats", "bits"}
        Of rate, lower, upper and gap; `to` converts.

    See Also
    --------
    varinf.blahut_arimoto : What makes it.
    varinf.rate_distortion_curve : The whole curve.

    Examples
    --------
    >>> import varinf as vi
    >>> vi.blahut_arimoto([0.5, 0.5], [[0, 1], [1, 0]], slope=2.0)
    RateDistortion(rate=0.3278, distortion=0.1192, slope=2, gap=0, converged=True, units='nats')
    """

    rate: float
    distortion: float
    slope: float
    channel: Any
    output: Any
    lower: float
    upper: float
    gap: float
    converged: bool
    iterations: int
    units: str = "nats"

    def to(self, units):
        """The same point in other units.

        Parameters
        ----------
        units : {"nats", "bits"}
            Units to show it in; a bit is log 2 nats.

        Returns
        -------
        RateDistortion
            With rate, lower, upper and gap converted; distortion and slope stay.
        """
        return converted(self, units, ("rate", "lower", "upper", "gap"))

    def __repr__(self):
        return (
            f"RateDistortion(rate={self.rate:.4g}, distortion={self.distortion:.4g}, slope={self.slope:.4g}, "
            f"gap={self.gap:.1g}, converged={self.converged}, units={self.units!r})"
        )


def blahut_arimoto(p_x, distortion, slope, *, tolerance=1e-10, iterations=10_000, start=None):
    """The least I(X;Y) + slope·E d(X, Y) over channels from X to Y, in nats, with a certified gap.

    Parameters
    ----------
    p_x : array (X,)
        Probabilities of the source.
    distortion : array (X, Y)
        Cost of each pair, any real number; +inf forbids a pair.
    slope : float
        Price of distortion in nats per unit of it, 0 or more: −dR/dD at the point to be found. At 0 the least
        distortion that a constant output has (where forbidden pairs leave none, a channel of least rate). At inf the
        least distortion of all, ties within rows to the last bit, with the least rate there.
    tolerance : float
        Of the gap, in nats. Rounding keeps gaps above 1e-15 or so.
    iterations : int
        At most so many steps; the best channel seen comes back either way, and `converged` says which it is.
    start : array (Y,), optional
        Output distribution to start from, such as that of a slope nearby; uniform by default.

    Returns
    -------
    RateDistortion
        With `rate`, `distortion`, `channel`, `output`, `lower`, `upper`, `gap` and `converged`.

    Raises
    ------
    ValueError
        If p_x are no probabilities, shapes disagree, distortion has nan or -inf or a row without an allowed pair, the
        slope or tolerance is negative or nan, or start is no distribution or reaches not every x.

    See Also
    --------
    rate_distortion_curve : All slopes that matter.
    reverse_water_filling : The exact curve of a normal source.
    binary_rate_distortion : The exact curve of a coin.
    mutual_information : The information of a joint distribution.
    plot : The channel as a picture.

    Notes
    -----
    The gap is that of I + slope·D: at a small slope it leaves D open by up to
    gap / slope, and I by as much as that costs.

    Plain steps of Blahut and Arimoto come first. Where they would take long (some outputs die out as 1/n, and smooth
    distortions on fine grids converge slower still) an interior-point method finishes, whose steps cost about
    min(X, Y)² max(X, Y) operations. Either way the gap is measured, not inferred.

    References
    ----------
    Blahut (1972), "Computation of channel capacity and rate-distortion functions", theorems 4 to 6; Cover, Thomas
    (2006), "Elements of information theory", section 10.8.

    Examples
    --------
    >>> import math
    >>> import varinf as vi
    >>> point = vi.blahut_arimoto([0.5, 0.5], [[0, 1], [1, 0]], slope=math.log(0.89 / 0.11)).to("bits")
    >>> round(point.rate, 10), round(point.distortion, 10), point.converged  # 1 - h(0.11)
    (0.5000840418, 0.11, True)
    >>> vi.blahut_arimoto([0.5, 0.5], [[0, 1, 0.3], [1, 0, 0.3]], slope=math.inf).output
    array([0.5, 0.5, 0. ])
    """
    p, d = _source(p_x, distortion)
    slope, tolerance = _price(slope, "slope"), _price(tolerance, "tolerance")
    iterations = positive_integer(iterations, "iterations")
    if not math.isfinite(tolerance):
        raise ValueError(f"tolerance={tolerance}: use a finite number of nats, such as 1e-10")
    least = d.min(axis=1)
    with np.errstate(over="ignore"):  # as good as forbidden
        excess = d - least[:, None]
    if slope == 0 and (constant := _best_constant(p, d)) is not None:
        return constant
    A = _likelihood(excess, slope)
    used = p > NEGLIGIBLE
    q = _start(start, A, used)
    q, gap, done = output_weights(p[used] / p[used].sum(), A[used], tolerance, iterations, q)
    channel = A * q
    u = channel.sum(axis=1)
    channel = np.where(u[:, None] > 0, channel / np.where(u > 0, u, 1.0)[:, None], _nearest(excess))
    output = p @ channel
    c = A[used].T @ (p[used] / u[used])
    value = -float(p[used] @ np.log(u[used])) - reached(q, c)
    above = float(p @ np.sum(np.where(channel > 0, channel * np.where(channel > 0, excess, 0.0), 0.0), axis=1))
    floor = float(p @ least)
    priced = 0.0 if math.isinf(slope) else slope
    upper = value + priced * floor
    return RateDistortion(
        rate=max(value - priced * above, 0.0),
        distortion=floor + above,
        slope=slope,
        channel=channel,
        output=output,
        lower=upper - gap,
        upper=upper,
        gap=gap,
        converged=gap <= tolerance,
        iterations=done,
    )


def _likelihood(excess, slope):
    """A: the exponentials, the largest of each row 1."""
    if math.isinf(slope):
        return (excess == 0).astype(np.float64)
    allowed = excess < math.inf
    with np.errstate(over="ignore", under="ignore"):  # what costs more than any number allows has no weight
        return np.where(allowed, np.exp(-slope * np.where(allowed, excess, 0.0)), 0.0)


def _best_constant(p, d):
    """Rate 0, at the least distortion that one output has; None where none may serve every x."""
    used = p > 0
    expected = p[used] @ d[used]
    best = int(np.argmin(expected))
    if not math.isfinite(expected[best]):
        return None
    output = np.zeros(d.shape[1])
    output[best] = 1.0
    channel = np.where((d[:, best] < math.inf)[:, None], output, _nearest(d))  # an x of probability 0 may forbid it
    return RateDistortion(0.0, float(expected[best]), 0.0, channel, output, 0.0, 0.0, 0.0, True, 0)


def _nearest(d):
    """The channel of least distortion, for an x of probability 0 that no output used may serve."""
    rows = np.zeros(d.shape)
    rows[np.arange(len(d)), np.argmin(d, axis=1)] = 1.0
    return rows


# Checks --------------------------------------------------------------------------------------------------------------


def _source(p_x, distortion):
    """(p, d) in double."""
    p, d = as_array(p_x, "p_x"), as_array(distortion, "distortion")
    for name, x in (("p_x", p), ("distortion", d)):
        if not is_numpy(x):
            raise TypeError(f"{name} is a {type(x).__module__}.{type(x).__name__}; give a NumPy array")
    p = probabilities(p, "p_x", axes=1).astype(np.float64)
    if p.ndim != 1 or d.ndim != 2 or len(d) != len(p) or d.shape[1] == 0:
        raise ValueError(
            f"p_x has shape {p.shape} and distortion {d.shape}; give probabilities (X,) and costs (X, Y), rows for x"
        )
    refuse_where(~(d > -math.inf), d, "distortion", "values that are nan or -inf", "+inf forbids a pair")
    d = d.astype(np.float64)
    nearest = d.min(axis=1)
    refuse_where(nearest == math.inf, nearest, "the row minima of distortion", "values of inf", "allow each x some y")
    return p / p.sum(), d


def _price(value, name):
    """A number that is 0 or more, inf among them."""
    if isinstance(value, bool) or not isinstance(value, int | float | np.integer | np.floating):
        raise TypeError(f"{name}={value!r}: use a number")
    if not value >= 0:
        raise ValueError(f"{name}={value}: use a number that is 0 or more")
    return float(value)


def _start(start, A, used):
    if start is None:
        return np.full(A.shape[1], 1 / A.shape[1])
    q = probabilities(start, "start", axes=1)
    if q.shape != (A.shape[1],):
        raise ValueError(f"start has shape {tuple(q.shape)}; give one probability for each of {A.shape[1]} outputs")
    q = np.asarray(q, dtype=np.float64) / np.sum(q)
    lost = (A @ q == 0) & used
    refuse_where(lost, lost, "start", "rows of distortion that it cannot serve", "give each x an allowed output")
    return q
