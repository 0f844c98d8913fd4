"""Pareto smoothed importance sampling and its tail index k̂ (Vehtari, Simpson, Gelman, Yao, Gabry 2024)."""

import math
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from varinf._arrays import check_log_weights, draws_first, to_numpy
from varinf._kernels import kernel
from varinf._pool import over_rows, run_all, shares, working

FEWEST_TAIL = 5  # fewer tail draws than this say nothing about a tail
_FIT = 40  # nanoseconds that a draw of a tail costs its fit
_LOOK = 2  # ... and any draw, to be looked at


def tail_length(draws):
    """How many of the largest weights make the tail: min(S/5, 3 sqrt(S)), rounded up."""
    return math.ceil(min(0.2 * draws, 3 * math.sqrt(draws)))


def k_threshold(draws):
    """The k̂ above which an importance-sampling average of S draws is not reliable: min(1 − 1/log10(S), 0.7)."""
    return min(1 - 1 / math.log10(draws), 0.7) if draws > 1 else -math.inf


@dataclass(frozen=True, eq=False)
class PSIS:
    """Result of `psis`.

    Attributes
    ----------
    k_hat : float or array (*batch)
        Estimated tail index of the weights; nan with fewer than 25 draws. Where most of the tail ties with its cutoff
        or vanishes beside the largest weight, so that no Pareto distribution fits: +inf if it rests on fewer than
        sqrt(tail) effective draws, -inf if not, as when it is constant.
    threshold : float
        min(1 − 1/log10(S), 0.7): above it, averages over these weights are not reliable.
    log_weights : array, shape of the input
        Log weights, the tail replaced by expected order statistics of the fitted Pareto distribution. Same constant
        as the input: nothing is normalised. Computed on first access.
    """

    k_hat: object
    threshold: float
    _draws: np.ndarray
    _axis: int
    _top: np.ndarray
    _sigma: np.ndarray
    _workers: int | None

    @cached_property
    def log_weights(self):
        tail = self._top.shape[-1] - 1
        if tail < FEWEST_TAIL:
            return self._draws.copy()
        cube = _cube(self._draws, self._axis)
        outer, _, inner = cube.shape
        top, k_hat, sigma = self._top, np.asarray(self.k_hat), self._sigma
        top, k_hat, sigma = (y.reshape(outer, inner, *y.shape[k_hat.ndim :]) for y in (top, k_hat, sigma))
        smooth = kernel("pareto_tail", cube).smooth

        def part(rows, columns):
            of = (rows, columns)
            return smooth(cube[rows, :, columns], top[of], tail, k_hat[of], sigma[of])

        with working(self._workers):
            return _over_columns(part, cube, columns_of_result=2).reshape(self._draws.shape)

    def __repr__(self):
        if np.size(self.k_hat) == 0:
            return f"<PSIS: k_hat of no data, threshold {self.threshold:.2f}>"
        worst = float(np.max(self.k_hat))
        return f"<PSIS: k_hat {'up to ' if np.ndim(self.k_hat) else ''}{worst:.2f}, threshold {self.threshold:.2f}>"


def psis(log_weights, *, axis=0, workers=None):
    """Pareto smoothing of importance weights, and the tail index that says whether to trust them.

    Parameters
    ----------
    log_weights : array (draws, *batch)
        Values of log p(x, z) − log q(z | x) in nats, z drawn from q, of any array library; computed in NumPy float64.
    axis : int
        The axis of the draws.
    workers : int, optional
        Threads over the batch: None or 1 serial, -1 all cores. The result is the same for any number.

    Returns
    -------
    PSIS
        `k_hat`, float or array (*batch), nan with fewer than 25 draws; the `threshold` above which averages over these
        weights are not reliable; and `log_weights`, the input's shape, smoothed, not normalised, in NumPy.

    Raises
    ------
    ValueError
        For no draws, nan or +inf.

    See Also
    --------
    effective_sample_size : How many equal weights are worth as much.
    importance_weights : The weights themselves, normalised and not smoothed.
    HeavyTailError : What `cubo` raises above the threshold.

    Notes
    -----
    k̂ sees only where q put draws: a mode that q never visits is invisible to it.

    References
    ----------
    Vehtari, Simpson, Gelman, Yao, Gabry (2024), "Pareto smoothed importance sampling", JMLR 25(72), algorithm 1.
    Zhang, Stephens (2009), "A new and efficient estimation method for the generalized Pareto distribution".

    Examples
    --------
    >>> import numpy as np, varinf as vi
    >>> e = np.random.default_rng(0).exponential(size=10_000)
    >>> round(vi.psis(0.5 * e).k_hat, 1)  # exp(e/2) is Pareto with tail index 1/2
    0.5
    """
    x, axis = draws_first(log_weights, axis)
    x = np.asarray(to_numpy(x))
    with working(workers):
        top = largest(x, axis)
        if not (top[..., -1] < np.inf).all():  # nan counts as the largest
            check_log_weights(x, "log_weights", top[..., -1])
        k_hat, sigma = fit_tail(top)
    return PSIS(k_hat if k_hat.ndim else float(k_hat), k_threshold(x.shape[axis]), x, axis, top, sigma, workers)


def largest(x, axis, power=1.0):
    """The tail of `power` · x and the one draw below it: (*batch, tail + 1), ascending, in float64.

    A nan counts as the largest.
    """
    turned = x.flags.f_contiguous and not x.flags.c_contiguous
    if turned:  # Fortran order is C order of the transpose, with the axes counted from the other end
        x, axis = x.T, x.ndim - 1 - axis
    cube = _cube(x, axis)
    keep = min(tail_length(x.shape[axis]) + 1, x.shape[axis])
    of_kernel = kernel("pareto_tail", cube).largest
    top = _over_columns(
        lambda rows, columns: of_kernel(cube[rows, :, columns], float(power), keep), cube, columns_of_result=1
    )
    top = top.astype(np.float64, copy=False).reshape(*x.shape[:axis], *x.shape[axis + 1 :], keep)
    return np.moveaxis(top.T, 0, -1) if turned else top


def fit_tail(top):
    """Generalised Pareto fit of the excess weights over the cutoff.

    Parameters
    ----------
    top : array (*batch, tail + 1)
        The largest log weights, ascending; the first is the cutoff.

    Returns
    -------
    k_hat, sigma : arrays (*batch)
        sigma is the scale of the excesses of w / max w. Both are nan where fewer than 5 draws are in the tail, which
        say nothing about it.
    """
    batch = top.shape[:-1]
    if top.shape[-1] <= FEWEST_TAIL:
        return np.full(batch, np.nan), np.full(batch, np.nan)
    rows = top.reshape(math.prod(batch), top.shape[-1])
    k_hat, sigma = over_rows(kernel("pareto_tail", rows).fit, (rows,), _FIT * rows.shape[1])
    return k_hat.reshape(batch), sigma.reshape(batch)


def _cube(x, axis):
    """`x` as (outer, draws, inner), which is how the kernels read any axis of C order without a copy."""
    return x.reshape(math.prod(x.shape[:axis]), x.shape[axis], math.prod(x.shape[axis + 1 :]))


def _over_columns(call, cube, columns_of_result):
    """call(rows, columns), slices of outer and inner of a cube, shared out among the workers in effect."""
    outer, count, inner = cube.shape
    everything = slice(None)
    if outer > 1:
        parts = [(part, everything) for part in shares(outer, _LOOK * count * inner)]
    else:
        parts = [(everything, part) for part in shares(inner, _LOOK * count)]
    if len(parts) == 1:
        return call(everything, everything)
    found = run_all(lambda part: call(*part), parts, len(parts))
    return np.concatenate(found, axis=0 if outer > 1 else columns_of_result)
