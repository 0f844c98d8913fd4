"""Reductions of log weights over draws: the sufficient statistics of every bound made of them.

Contract
--------
``x`` has shape (outer, draws, inner), so that any axis of a C-ordered array reduces without a copy; ``draws`` >= 1.
``-inf`` is a draw of weight zero. A nan in ``x`` makes ``mean`` nan, a +inf makes it +inf or nan.

moments(x, power)   five arrays (outer, inner) over the draws, with v = w^power:
                    top            max of log v
                    log_mean       log (1/S) Σ v
                    log_inefficiency   log [(1/S) Σ v² / ((1/S) Σ v)²] >= 0: the effective sample size is
                                   S exp(−log_inefficiency), the delta-method variance of log_mean
                                   expm1(log_inefficiency) / (S − 1). Not the difference of two large logarithms:
                                   it is exact to rounding however large they are. +inf where Σ v is 0 or inf.
                    mean           (1/S) Σ log w
                    m2             Σ (log w − mean)²; nan where a draw has weight zero
weights(x, power)   v / Σ v, shape of x: the normalised weights, which are also the gradient of log_mean with respect
                    to power · x; 0 where every draw has weight zero.
merge(n_a, *moments_a, n_b, *moments_b)   the moments of n_a + n_b draws, from those of two parts.

Sources: the pairwise update of m2 is Chan, Golub, LeVeque (1983), "Algorithms for computing the sample variance".
"""

import math

from varinf._kernels._namespace import namespace
from varinf._kernels._precision import float64_inside


@float64_inside
def moments(x, power):
    xp = namespace(x)
    log_v = x if power == 1 else power * x
    shifted, top = _shift(log_v, xp)
    log_mean = _log_mean(xp.exp(shifted), xp)
    log_mean_square = _log_mean(xp.exp(2 * shifted), xp)
    proper = xp.isfinite(top)
    zeros = xp.zeros_like(top)
    log_inefficiency = xp.where(proper, log_mean_square - 2 * xp.where(proper, log_mean, zeros), xp.inf)
    log_mean = xp.where(proper, top, zeros) + log_mean
    mean = xp.mean(x, axis=1)
    centred = x - mean[:, None, :]  # nan where a draw has weight zero: no variance to speak of
    return top, log_mean, log_inefficiency, mean, xp.sum(centred * centred, axis=1)


@float64_inside
def weights(x, power):
    xp = namespace(x)
    log_v = power * x
    shifted, _ = _shift(log_v, xp)
    v = xp.exp(shifted)
    total = xp.sum(v, axis=1, keepdims=True)
    return v / xp.where(total > 0, total, xp.ones_like(total))


@float64_inside
def merge(
    n_a, top_a, log_mean_a, log_inefficiency_a, mean_a, m2_a, n_b, top_b, log_mean_b, log_inefficiency_b, mean_b, m2_b
):
    xp = namespace(mean_a)
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
    return (
        xp.maximum(top_a, top_b),
        log_mean,
        xp.where(proper, log_inefficiency, xp.inf),
        share_a * mean_a + share_b * mean_b,
        m2_a + m2_b + difference * difference * (n_a * share_b),
    )


def _shift(x, xp):
    """(x − max x, max x) over the draws; an infinite maximum is not subtracted."""
    top = xp.max(x, axis=1, keepdims=True)
    finite = xp.where(xp.isfinite(top), top, xp.zeros_like(top))
    return x - finite, top[:, 0, :]


def _log_mean(v, xp):
    """log of the mean over the draws. All 0 gives -inf with gradient 0, where logsumexp's own is often nan."""
    total = xp.sum(v, axis=1)
    some = total > 0  # where twice: the gradient of the branch not taken is 0, not nan
    return xp.where(some, xp.log(xp.where(some, total, xp.ones_like(total))), -xp.inf) - math.log(v.shape[1])


def _log_add(a, b, xp):
    """log(e^a + e^b), for a and b that may be -inf."""
    top = xp.maximum(a, b)
    low = xp.minimum(a, b)
    some = top > -math.inf
    top_safe = xp.where(some, top, xp.zeros_like(top))
    return xp.where(some & (top < math.inf), top_safe + xp.log1p(xp.exp(xp.where(some, low - top_safe, low))), top)
