"""Pareto smoothed importance sampling and its tail index k̂ (Vehtari, Simpson, Gelman, Yao, Gabry 2024)."""

import math
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from varinf._arrays import check_log_weights, draws_first, to_numpy

FEWEST_TAIL = 5  # fewer tail draws than this say nothing about a tail
SMALLEST = 1e-280  # of the first quartile of the excesses, relative to the largest weight, for a fit without overflow
CHUNK = 2**20  # numbers in one intermediate array of a batched fit: 8 MiB


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
    _sigma: np.ndarray

    @cached_property
    def log_weights(self):
        x = np.moveaxis(self._draws, self._axis, -1)
        rows = x.reshape(-1, x.shape[-1]).astype(np.float64)
        m = tail_length(x.shape[-1])
        k_hat, sigma = np.reshape(self.k_hat, -1), self._sigma.reshape(-1)
        for row, k, s in zip(rows, k_hat, sigma, strict=True):
            if np.isfinite(k):
                _smooth(row, m, k, s)
        return np.moveaxis(rows.reshape(x.shape), -1, self._axis).astype(self._draws.dtype, copy=False)

    def __repr__(self):
        if np.size(self.k_hat) == 0:
            return f"<PSIS: k_hat of no data, threshold {self.threshold:.2f}>"
        worst = float(np.max(self.k_hat))
        return f"<PSIS: k_hat {'up to ' if np.ndim(self.k_hat) else ''}{worst:.2f}, threshold {self.threshold:.2f}>"


def psis(log_weights, *, axis=0):
    """Pareto smoothing of importance weights, and the tail index that says whether to trust them.

    Parameters
    ----------
    log_weights : array (draws, *batch)
        Values of log p(x, z) − log q(z | x) in nats, z drawn from q, of any array library; computed in NumPy float64.
    axis : int
        The axis of the draws.

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
    check_log_weights(x, "log_weights", np.sum(x, axis=axis))
    k_hat, sigma = fit_tail(largest(x, axis))
    return PSIS(k_hat if k_hat.ndim else float(k_hat), k_threshold(x.shape[axis]), x, axis, sigma)


def largest(x, axis):
    """The tail and the one draw below it: (*batch, tail + 1), ascending. Selected by partition, not by sorting all."""
    keep = min(tail_length(x.shape[axis]) + 1, x.shape[axis])
    top = np.partition(np.moveaxis(x, axis, -1), x.shape[axis] - keep, axis=-1)[..., x.shape[axis] - keep :]
    return np.sort(top.astype(np.float64, copy=False), axis=-1)


def fit_tail(top):
    """Generalised Pareto fit of the excess weights over the cutoff.

    Parameters
    ----------
    top : array (*batch, tail + 1)
        The largest log weights, ascending; the first is the cutoff.

    Returns
    -------
    k_hat, sigma : arrays (*batch)
        sigma is the scale of the excesses of w / max w.
    """
    m = top.shape[-1] - 1
    batch = top.shape[:-1]
    if m < FEWEST_TAIL:
        return np.full(batch, np.nan), np.full(batch, np.nan)
    rows = top.reshape(-1, m + 1)
    peak = np.where(np.isfinite(rows[:, -1:]), rows[:, -1:], 0.0)
    w = np.exp(rows - peak)
    excess = w[:, 1:] - w[:, :1]
    fits = excess[:, _quartile(m)] > SMALLEST
    # Without a first quartile there is nothing to fit: a tail of ties, or one so heavy that most of it vanishes beside
    # its largest weight. It is harmless when many draws share its weight, and ruled by a few otherwise.
    squares = np.sum(w[:, 1:] ** 2, axis=1)  # 0 where all weights are
    few = np.sum(w[:, 1:], axis=1) ** 2 < math.sqrt(m) * squares
    k_hat = np.where(few, np.inf, -np.inf)
    sigma = np.zeros(len(rows))
    spread = np.flatnonzero(fits)
    step = max(1, CHUNK // (m * (30 + math.isqrt(m))))
    for i in range(0, spread.size, step):
        part = spread[i : i + step]
        k_hat[part], sigma[part] = _fit_generalised_pareto(excess[part])
    return k_hat.reshape(batch), sigma.reshape(batch)


def _quartile(n):
    """Index of the first quartile of n ascending values."""
    return int(n / 4 + 0.5) - 1


def _fit_generalised_pareto(x):
    """(k, sigma) of each row of ascending excesses x (rows, n), by Zhang & Stephens' quasi-posterior mean.

    Their prior on theta = −k/sigma needs the first quartile and the maximum; k is then drawn towards 1/2 with the
    weight of 10 observations (Vehtari et al. 2024, appendix C).
    """
    n = x.shape[1]
    points = 30 + math.isqrt(n)
    quartile = x[:, _quartile(n)]
    grid = 1 - np.sqrt(points / (np.arange(points) + 0.5))
    theta = 1 / x[:, -1:] + grid / (3 * quartile[:, None])  # (rows, points)
    k = np.mean(np.log1p(-theta[:, :, None] * x[:, None, :]), axis=2)
    log_likelihood = n * (np.log(-theta / k) - k - 1)
    weight = np.exp(log_likelihood - np.max(log_likelihood, axis=1, keepdims=True))
    theta = np.sum(theta * weight, axis=1) / np.sum(weight, axis=1)
    k = np.mean(np.log1p(-theta[:, None] * x), axis=1)
    return (n * k + 5) / (n + 10), -k / theta


def _smooth(row, m, k, sigma):
    """Replaces the m largest log weights of `row` by the fit's expected order statistics, never above the largest."""
    order = np.argpartition(row, row.size - m - 1)[row.size - m - 1 :]
    order = order[np.argsort(row[order], kind="stable")]
    cutoff, tail, peak = row[order[0]], order[1:], row[order[-1]]
    p = (np.arange(m) + 0.5) / m
    excess = -sigma * np.log1p(-p) if abs(k) < 1e-12 else sigma * np.expm1(-k * np.log1p(-p)) / k
    row[tail] = np.minimum(np.log(excess + np.exp(cutoff - peak)), 0.0) + peak
