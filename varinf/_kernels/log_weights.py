"""Reductions of log weights over draws: the sufficient statistics of every bound made of them.

Contract
--------
``x`` has shape (outer, draws, inner), so that any axis of a C-ordered array reduces without a copy; ``draws`` >= 1.
``-inf`` is a draw of weight zero. v = w^power. A nan in ``x`` makes ``mean`` nan, a +inf makes it +inf or nan.

log_mean(x, power)  log (1/S) Σ v over the draws, (outer, inner); nan where x holds one.
moments(x, power)   four arrays (outer, inner) over the draws, in NumPy as one, (4, outer, inner):
                    log_mean       log (1/S) Σ v
                    log_inefficiency   log [(1/S) Σ v² / ((1/S) Σ v)²] >= 0: the effective sample size is
                                   S exp(−log_inefficiency), the delta-method variance of log_mean
                                   expm1(log_inefficiency) / (S − 1). Not the difference of two large logarithms:
                                   it is exact to rounding however large they are. +inf where Σ v is 0 or inf.
                    mean           (1/S) Σ log w
                    m2             Σ (log w − mean)²; nan where a draw has weight zero
weights(x, power, out=None)   v / Σ v, shape of x: the normalised weights, which are also the gradient of log_mean with
                    respect to power · x; 0 where every draw has weight zero. They go into ``out`` where it is given, a
                    C-contiguous NumPy array of x's shape and dtype that shares no memory with x.
moments_and_weights(x, power, out=None)   both, from one pass.
merge(n_a, moments_a, n_b, moments_b)   the moments, (4, ...), of n_a + n_b draws, from those of two parts.

Sources: the pairwise update of m2 is Chan, Golub, LeVeque (1983), "Algorithms for computing the sample variance".
"""

import math

import numpy as np

from varinf._kernels._namespace import namespace
from varinf._kernels._precision import float64_inside


@float64_inside
def log_mean(x, power):
    xp = namespace(x)
    shifted, top = _shift(x if power == 1 else power * x, xp)
    return xp.where(xp.isfinite(top), top, xp.zeros_like(top)) + _log_mean(xp.exp(shifted), xp)


@float64_inside
def moments(x, power):
    xp = namespace(x)
    shifted, top = _shift(x if power == 1 else power * x, xp)
    log_mean = _log_mean(xp.exp(shifted), xp)
    log_mean_square = _log_mean(xp.exp(2 * shifted), xp)
    proper = xp.isfinite(top)
    zeros = xp.zeros_like(top)
    log_inefficiency = xp.where(proper, log_mean_square - 2 * xp.where(proper, log_mean, zeros), xp.inf)
    log_mean = xp.where(proper, top, zeros) + log_mean
    mean = xp.mean(x, axis=1)
    centred = x - mean[:, None, :]  # nan where a draw has weight zero: no variance to speak of
    return _together([log_mean, log_inefficiency, mean, xp.sum(centred * centred, axis=1)], xp)


def weights(x, power, out=None):
    return _into(out, _weights(x, power))


def moments_and_weights(x, power, out=None):
    return moments(x, power), weights(x, power, out)


@float64_inside
def _weights(x, power):
    xp = namespace(x)
    shifted, _ = _shift(power * x, xp)
    v = xp.exp(shifted)
    total = xp.sum(v, axis=1, keepdims=True)
    return v / xp.where(total > 0, total, xp.ones_like(total))


def _into(out, x):
    if out is None:
        return x
    out[...] = x
    return out


@float64_inside
def merge(n_a, moments_a, n_b, moments_b):
    xp = namespace(moments_a[0])
    log_mean_a, log_inefficiency_a, mean_a, m2_a = (moments_a[i] for i in range(4))
    log_mean_b, log_inefficiency_b, mean_b, m2_b = (moments_b[i] for i in range(4))
    n = n_a + n_b
    share_a, share_b = n_a / n, n_b / n
    log_mean = _log_add(log_mean_a + math.log(share_a), log_mean_b + math.log(share_b), xp)
    # Σ(v − mean v)² of both parts and of their means, relative to the larger mean: near-equal weights cancel nowhere.
    proper = xp.isfinite(log_mean)
    top, apart = xp.maximum(log_mean_a, log_mean_b), xp.where(proper, log_mean_a - log_mean_b, xp.zeros_like(log_mean))
    mean_square = share_a * share_b * xp.expm1(-xp.abs(apart)) ** 2
    total = xp.zeros_like(log_mean)
    for share, log_part, inefficiency in (
        (share_a, log_mean_a, log_inefficiency_a),
        (share_b, log_mean_b, log_inefficiency_b),
    ):
        some = proper & (log_part > -math.inf)  # a part without weight adds nothing
        size = xp.where(some, xp.exp(xp.where(some, log_part - top, xp.zeros_like(top))), xp.zeros_like(top))
        total = total + share * size
        spread = xp.expm1(xp.where(some, inefficiency, xp.zeros_like(top)))
        mean_square = mean_square + share * size**2 * spread
    log_inefficiency = xp.log1p(mean_square / xp.where(proper, total, xp.ones_like(total)) ** 2)
    difference = mean_b - mean_a
    mean = share_a * mean_a + share_b * mean_b
    m2 = m2_a + m2_b + difference * difference * (n_a * share_b)
    return _together([log_mean, xp.where(proper, log_inefficiency, xp.inf), mean, m2], xp)


def _together(parts, xp):
    """One array of NumPy's; elsewhere a tuple, so that who differentiates one part does not meet the others' nan."""
    return np.stack(parts) if xp is np else tuple(parts)


def _shift(x, xp):
    """(x − max x, max x) over the draws; an infinite maximum is not subtracted."""
    top = xp.max(x, axis=1, keepdims=True)
    finite = xp.where(xp.isfinite(top), top, xp.zeros_like(top))
    return x - finite, top[:, 0, :]


def _log_mean(v, xp):
    """log of the mean over the draws. All 0 gives -inf with gradient 0, where logsumexp's own is often nan."""
    total = xp.sum(v, axis=1)
    some = total != 0  # where twice: the gradient of the branch not taken is 0, not nan
    return xp.where(some, xp.log(xp.where(some, total, xp.ones_like(total))), -xp.inf) - math.log(v.shape[1])


def _log_add(a, b, xp):
    """log(e^a + e^b), for a and b that may be -inf."""
    top = xp.maximum(a, b)
    low = xp.minimum(a, b)
    some = top > -math.inf
    top_safe = xp.where(some, top, xp.zeros_like(top))
    return xp.where(some & (top < math.inf), top_safe + xp.log1p(xp.exp(xp.where(some, low - top_safe, low))), top)
