"""The tail of importance weights: the largest of them, the Pareto distribution that fits them, and its quantiles.

Contract
--------
NumPy only. ``x`` has shape (outer, draws, inner), so that any axis of a C-ordered array is read without a copy; -inf is
a draw of weight zero. A tail of m draws and the one below it, its cutoff, is a row of m + 1 ascending log weights.

largest(x, power, keep)   (outer, inner, keep): the largest of power · x over the draws, ascending, 1 <= keep <= draws.
                    A nan counts as the largest, as in NumPy's sorting: the last of a row says whether there is nan or
                    +inf among its draws.
fit(top)            two arrays (rows) of the tails top (rows, m + 1), m >= 2:
                    k_hat   the tail index of the excesses of w / max w over the cutoff, drawn towards 1/2
                    sigma   the scale of these excesses
                    Where their first quartile is not above SMALLEST there is nothing to fit: most of the tail ties with
                    its cutoff, or vanishes beside its largest weight. It is harmless when many draws share its weight,
                    and ruled by a few otherwise: sigma is 0, and k_hat +inf if (Σ w)² < sqrt(m) Σ w², -inf if not.
                    Both are nan where the largest is nan or +inf.
smooth(x, top, tail, k_hat, sigma)   x, the `tail` largest draws of each column replaced by quantiles of its fit, at
                    (i + 1/2) / tail, none above the largest draw; draws that tie keep their order. top is
                    largest(x, 1, tail + 1), k_hat and sigma are (outer, inner). A column without a finite k_hat stays
                    as it is.

Sources: Zhang and Stephens (2009), "A new and efficient estimation method for the generalized Pareto distribution", of
whom the quasi-posterior mean is; Vehtari, Simpson, Gelman, Yao, Gabry (2024), "Pareto smoothed importance sampling".
"""

import math

import numpy as np

from varinf._kernels._precision import float64_inside

SMALLEST = 1e-280  # of the first quartile of the excesses, relative to the largest weight, for a fit without overflow
_CHUNK = 2**20  # numbers in one intermediate array: 8 MiB


def largest(x, power, keep):
    columns = np.moveaxis(x, 1, -1)
    v = columns if power == 1 else power * columns
    return np.sort(np.partition(v, x.shape[1] - keep, axis=-1)[..., x.shape[1] - keep :], axis=-1)


@float64_inside
def fit(top):
    m = top.shape[1] - 1
    step = max(1, _CHUNK // (m * _points(m)))
    parts = [_fit_part(top[i : i + step]) for i in range(0, max(1, len(top)), step)]
    return tuple(map(np.concatenate, zip(*parts, strict=True)))


def _fit_part(top):
    m = top.shape[1] - 1
    peak = top[:, -1:]
    w = np.exp(np.where(top == peak, 0.0, top - peak))
    few = np.sum(w[:, 1:], axis=1) ** 2 < math.sqrt(m) * np.sum(w[:, 1:] ** 2, axis=1)
    k_hat, sigma = np.where(few, np.inf, -np.inf), np.zeros(len(top))
    excess = w[:, 1:] - w[:, :1]
    fits = excess[:, _quartile(m)] > SMALLEST
    k_hat[fits], sigma[fits] = _zhang_stephens(excess[fits])
    unknown = ~(peak[:, 0] < np.inf)
    k_hat[unknown] = sigma[unknown] = np.nan
    return k_hat, sigma


def _points(n):
    """How many values of theta are tried for n excesses."""
    return 30 + math.isqrt(n)


def _quartile(n):
    """Index of the first quartile of n ascending values."""
    return max(int(n / 4 + 0.5) - 1, 0)


def _zhang_stephens(x):
    """(k, sigma) of each row of ascending excesses x (rows, n): the mean over theta = −k/sigma, k being profiled out.

    The prior of theta needs the first quartile and the maximum; k is then drawn towards 1/2 with the weight of 10
    observations (Vehtari et al. 2024, appendix C).
    """
    n = x.shape[1]
    points = _points(n)
    grid = 1 - np.sqrt(points / (np.arange(points) + 0.5))
    theta = 1 / x[:, -1:] + grid / (3 * x[:, _quartile(n), None])  # (rows, points)
    k = np.mean(np.log1p(-theta[:, :, None] * x[:, None, :]), axis=2)
    log_likelihood = n * (-np.log(_sigma(k, theta, x)) - k - 1)
    weight = np.exp(log_likelihood - np.max(log_likelihood, axis=1, keepdims=True))
    theta = np.sum(theta * weight, axis=1, keepdims=True) / np.sum(weight, axis=1, keepdims=True)
    k = np.mean(np.log1p(-theta * x), axis=1, keepdims=True)
    return (n * k[:, 0] + 5) / (n + 10), _sigma(k, theta, x)[:, 0]


def _sigma(k, theta, x):
    """−k/theta, which at theta = 0, the exponential distribution, is the mean."""
    exponential = theta == 0
    return np.where(exponential, np.mean(x, axis=1, keepdims=True), -k / np.where(exponential, 1.0, theta))


@float64_inside
def smooth(x, top, tail, k_hat, sigma):
    out = x.copy()
    minus_log = -np.log1p(-(np.arange(tail) + 0.5) / tail)
    for place in np.argwhere(np.isfinite(k_hat)):
        o, i = place
        column, k, (cutoff, *_, peak) = out[o, :, i], k_hat[o, i], top[o, i]
        excess = sigma[o, i] * (minus_log if abs(k) < 1e-12 else np.expm1(k * minus_log) / k)
        places = np.flatnonzero(column >= cutoff)
        places = places[np.argsort(column[places], kind="stable")][-tail:]
        column[places] = np.minimum(np.log(excess + np.exp(cutoff - peak)), 0.0) + peak
    return out
