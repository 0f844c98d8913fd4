"""Jackknife variational inference: log evidence, the bias of the importance-weighted estimate removed by order.

E[log mean w] = log p(x) + c₁/S + c₂/S² + …; a weighted sum of the same estimate from S, S − 1, …, S − m draws, averaged
over all ways to leave draws out, cancels the first m terms.
"""

import math

from varinf._kernels._precision import float64_inside
from varinf.diagnostics import caveats
from varinf.diagnostics.draws import Draws, as_number
from varinf.estimate import Direction, Estimate
from varinf.evidence.iwelbo import iwelbo_of

MOST_DRAWS = 4096  # of order 2: S² logarithms, about 0.2 s a value
CHUNK = 2**20  # numbers in one block of the sum over pairs: 8 MiB


def jackknife_evidence(log_weights, order=1, *, axis=0, shared_draws=False, workers=None):
    """Log evidence by jackknife variational inference: log mean w, its bias removed up to a power of the draws.

    Parameters
    ----------
    log_weights : array (draws, *batch), or `draws` of one
        Values of log p(x, z) − log q(z | x) in nats, z drawn independently from q; NumPy, torch or JAX.
    order : {0, 1, 2}
        Powers of 1/draws that are removed from the bias. 0 returns the `iwelbo` of all draws; 1 takes every average
        that leaves one draw out, 2 also every one that leaves two out, which costs draws² logarithms.
    axis : int
        The axis of the draws.
    shared_draws : bool
        The columns of a batch were computed from common draws; their mean and sum then take the errors jointly.
    workers : int, optional
        Threads over the batch, for NumPy arrays: None or 1 serial, -1 all cores. The result is the same for any number.

    Returns
    -------
    Estimate
        Of "log p(x)" in nats, shape (*batch): direction "neither" and bias "unknown": what is left of the bias, of
        order 1/draws^(order + 1), has no known sign. `stderr` is Tukey's: the standard deviation of the pseudo-values
        S·L − (S − 1)·L₍ᵢ₎ of the single draws over sqrt(S), for both orders, whose noise is the same to first order.
        nan, with a caveat, where leaving `order` draws out leaves no weight; -inf where all weights are zero.

    Raises
    ------
    ValueError
        For no more draws than `order`, nan, +inf, another order, or more than 4,096 draws at order 2.

    See Also
    --------
    iwelbo : Order 0, a lower bound.
    thermodynamic : The log evidence from draws of q and of the posterior.
    psis : The tail index that the expansion rests on.

    Notes
    -----
    The expansion in powers of 1/draws needs moments of the weights. Where their tail index is above 1/2 the jackknife
    still lifts the value, but no theory says how far it then is from log p(x); the caveat speaks.

    References
    ----------
    Nowozin (2018), "Debiasing evidence approximations: on importance-weighted autoencoders and jackknife variational
    inference", eqs. 12 to 15. Sharot (1976), "The generalized jackknife", for the coefficients. Tukey (1958), "Bias
    and confidence in not-quite large samples", for the error.

    Examples
    --------
    >>> import numpy as np, varinf as vi
    >>> log_w = np.random.default_rng(0).normal(-0.5, 1.0, size=(20, 5000))  # 5,000 data, 20 draws each: log p(x) = 0
    >>> [round(float(vi.jackknife_evidence(log_w, order).mean().value), 3) for order in (0, 1, 2)]
    [-0.041, -0.004, -0.002]
    """
    if isinstance(order, bool) or order not in (0, 1, 2):
        raise ValueError(
            f"order={order!r}: use 0, 1 or 2; each higher order costs a factor of the draws, and its alternating "
            "sum of ever larger terms soon adds more noise than the bias it removes"
        )
    order = int(order)
    draws = Draws.of(log_weights, axis, workers)
    if order == 0:
        return iwelbo_of(draws, shared_draws)
    if draws.count <= order:
        raise ValueError(f"order={order} leaves {order} out of {draws.count} draws: give at least {order + 1}")
    if order == 2 and draws.count > MOST_DRAWS:
        raise ValueError(
            f"order=2 over {draws.count:,} draws takes {draws.count**2:.1e} logarithms for each value: use order=1, "
            f"whose bias is already of order 1/draws^2, or at most {MOST_DRAWS:,} draws"
        )
    draws.moments()  # for its check of the values
    value, stderr, influence = jackknife(draws.first(), order, draws.xp)
    return Estimate(
        as_number(value),
        as_number(stderr),
        quantity="log p(x)",
        estimand=f"jackknife log evidence of order {order} from {draws.count:,} draws",
        direction=Direction.NEITHER,
        bias="unknown",
        draws=draws.count,
        degrees=draws.count - 1,
        objective="jackknife_evidence",
        shared_draws=shared_draws,
        tail=draws.k_hat,
        influence=lambda: influence,
        rules=(caveats.zero_weights, caveats.no_weight_left, caveats.heavy_weights),
    )


@float64_inside
def jackknife(x, order, xp):
    """(value, standard error, influence of the single draws) from log weights x (draws, *batch).

    The log mean without draw i is L₍ᵢ₎ = L + log(1 − pᵢ) + log(S/(S − 1)) with pᵢ = wᵢ/Σw, and so on for two draws. The
    coefficients sum to 1, so that only these small differences from L are multiplied by powers of S.
    """
    n = x.shape[0]
    top = xp.max(x, axis=0)
    some = top > -math.inf
    top = xp.where(some, top, 0.0)
    x = xp.where(some, x, 0.0) - top  # no weight at all becomes even weights here and -inf at the end
    total, left_1 = _without_one(x, xp)
    level = top + total - math.log(n)
    shift_1 = xp.where(left_1 > -math.inf, left_1 + math.log(n / (n - 1)), xp.nan)  # L₍ᵢ₎ − L; nothing left is nan
    value = level - (n - 1) ** order * xp.mean(shift_1, axis=0)
    if order == 2:
        left_2 = _mean_without_two(x, total, xp)
        shift_2 = xp.where(left_2 > -math.inf, left_2 + math.log(n / (n - 2)), xp.nan)
        value = value + (n - 2) ** 2 / 2 * shift_2
    influence = (n - 1) * (xp.mean(shift_1, axis=0) - shift_1)  # pseudo-values less their mean
    stderr = xp.sqrt(xp.sum(influence**2, axis=0) / (n * (n - 1)))
    return xp.where(some, value, -xp.inf), xp.where(some, stderr, xp.inf), influence


def _without_one(x, xp):
    """log Σw, and log(1 − pᵢ) for every draw.

    1 − p loses its digits when one weight dominates, which only the largest can: what is left without that one is
    summed from the others, never subtracted from the whole.
    """
    place = xp.reshape(xp.arange(x.shape[0]), (-1,) + (1,) * (x.ndim - 1))
    largest = place == xp.argmax(x, axis=0)
    others = _log_sum(xp.where(largest, -xp.inf, x), xp)
    total = xp.logaddexp(others, xp.max(x, axis=0))
    p = xp.where(largest, 0.0, xp.exp(x - total))
    return total, xp.where(largest, others - total, xp.log1p(-p))


def _mean_without_two(x, total, xp):
    """Mean over all pairs of log(1 − pᵢ − pⱼ); the two largest weights are set apart as above."""
    n = x.shape[0]
    x = xp.sort(x, axis=0)
    bulk, second, first = x[:-2, ...], x[-2, ...], x[-1, ...]
    without_both = _log_sum(bulk, xp)
    without_first, without_second = xp.logaddexp(without_both, second), xp.logaddexp(without_both, first)
    pairs = without_both - total
    for rest in (without_first, without_second):  # no weight of the bulk is more than half of either
        pairs = pairs + xp.sum(rest - total + xp.log1p(-xp.exp(bulk - rest)), axis=0)
    p = xp.exp(bulk - total)  # at most 1/3 each: 1 - p - p keeps its digits
    rows = max(1, CHUNK // max(1, math.prod(p.shape)))
    square = -xp.sum(xp.log1p(-2 * p), axis=0)  # the diagonal is no pair
    for i in range(0, n - 2, rows):
        square = square + xp.sum(xp.log1p(-p[i : min(i + rows, n - 2), None, ...] - p[None, ...]), axis=(0, 1))
    return (pairs + square / 2) / (n * (n - 1) / 2)


def _log_sum(x, xp):
    """log Σ exp x over axis 0, -inf where nothing is above -inf."""
    if x.shape[0] == 0:
        return xp.full(x.shape[1:], -xp.inf, dtype=x.dtype)
    top = xp.max(x, axis=0)
    some = top > -math.inf
    total = xp.sum(xp.exp(x - xp.where(some, top, 0.0)), axis=0)
    return xp.where(some, top + xp.log(xp.where(some, total, 1.0)), -xp.inf)
