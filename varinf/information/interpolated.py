"""Between InfoNCE and TUBA: a denominator that is partly the batch's and partly a baseline."""

import math

import numpy as np
from array_api_compat import device

from varinf._arrays import finite_number, namespace
from varinf.diagnostics import caveats
from varinf.estimate import Direction
from varinf.families.family import settle
from varinf.families.matrices import identity
from varinf.information.scores import (
    BoundAndGradient,
    baseline_not_fitted,
    diagonal,
    log_sums_without_each,
    of_scores,
    off_diagonal,
    read_scores,
    tail_of_others,
)
from varinf.information.tuba import check_baseline

GROUPS = 32  # of the jackknife: without each pair it would take N passes over N x N


def interpolated(scores, log_baseline, alpha):
    """Lower bound on I(X;Y) between TUBA (alpha 0) and InfoNCE (alpha 1): variance traded against the ceiling.

    With m the mean of exp f(x, y) over N − 1 of the x and D = alpha m + (1 − alpha) a(y), it is
    1 + E[f − log D] at pairs, whose own x is one of the N − 1, less E[m/D] at a y whose own x is not. Averages run over
    the x that is left out.

    Parameters
    ----------
    scores : array (N, N)
        Scores f(x_i, y_j) at [i, j]: pairs on the diagonal, N ≥ 2 independent ones. -inf is a pair of density zero.
    log_baseline : float or array (N,)
        Values log a(y_j) of any function of y alone, as for `tuba`.
    alpha : float
        Share of the batch's mean in the denominator, between 0 and 1. The value cannot exceed 1 + log((N − 1)/alpha).

    Returns
    -------
    Estimate
        Of "I(X;Y)", direction lower, unbiased for its expectation at N pairs, in nats. The error is a jackknife's,
        which leaves out each pair, or each of up to 32 groups of pairs where there are more. The direction holds for a
        critic and a baseline that were not fitted on these pairs.

    Raises
    ------
    ValueError
        For an alpha outside of [0, 1], scores that are no square matrix of two pairs or more, a baseline of another
        shape, and nan or +inf among the scores.

    See Also
    --------
    interpolated_and_gradient : With its slopes.
    infonce : The end at alpha = 1, of N pairs in place of N − 1.
    tuba : The end at alpha = 0.

    References
    ----------
    Poole, Ozair, van den Oord, Alemi, Tucker (2019), "On variational bounds of mutual information".

    Examples
    --------
    >>> import numpy as np, varinf as vi
    >>> rng = np.random.default_rng(0)
    >>> x = rng.normal(size=(1000, 1))
    >>> y = x + rng.normal(size=(1000, 1))  # I(X;Y) = log(2)/2 = 0.3466
    >>> log_conditional = -((y.T - x) ** 2) / 2
    >>> b = vi.interpolated(log_conditional, -(y[:, 0] ** 2) / 4 - np.log(2) / 2, alpha=0.5)
    >>> b.direction.value, abs(float(b) - 0.3466) < 0.1
    ('lower', True)
    """
    scores, like, _, n = read_scores(scores)
    baseline = check_baseline(log_baseline, scores)
    logs = _log_shares(alpha)
    without, size = _without_each_group(scores, baseline, logs)
    tangent = alpha == 0  # with any of the batch's mean in it no term exceeds 1/alpha
    return of_scores(
        n,
        like,
        _value(scores, baseline, *logs),
        without,
        f"the bound interpolated at alpha = {alpha:g} of {n:,} pairs",
        Direction.LOWER,
        objective="interpolated",
        ceiling=math.log(n - 1) - logs[0] + (alpha < 1) if alpha > 0 else None,  # at 1 the last term is 1 always
        left_out=size,
        tail=tail_of_others(scores - baseline[None, :]) if tangent else None,
        k_hat_of="exp(scores)/a(y)",
        rules=(caveats.saturated, caveats.heavy_scores, baseline_not_fitted),
    )


def interpolated_and_gradient(scores, log_baseline, alpha):
    """`interpolated` with its slopes in the scores, in closed form; the baseline is held.

    Parameters
    ----------
    scores : array (N, N)
        As for `interpolated`.
    log_baseline : float or array (N,)
        As for `interpolated`.
    alpha : float
        As for `interpolated`.

    Returns
    -------
    BoundAndGradient
        Named tuple: `value`, the Estimate that `interpolated` returns, and `gradient`, array (N, N).

    Raises
    ------
    ValueError
        As `interpolated` does.

    See Also
    --------
    interpolated : The value alone.

    Examples
    --------
    >>> import numpy as np, varinf as vi
    >>> vi.interpolated_and_gradient(np.zeros((2, 2)), 0.0, 0.0).gradient  # TUBA's
    array([[ 0.5, -0.5],
           [-0.5,  0.5]])
    """
    value = interpolated(scores, log_baseline, alpha)
    scores, like, xp, n = read_scores(scores)
    baseline = check_baseline(log_baseline, scores)
    log_alpha, log_rest = _log_shares(alpha)
    rows = xp.matrix_transpose(scores)
    log_d = _log_denominators(rows, baseline, log_alpha, log_rest)[1]
    # d log D_jl / d rows_ji = alpha exp(rows_ji)/((N - 1) D_jl) for i != l, to be added up over l != j.
    reciprocals = log_sums_without_each(off_diagonal(-log_d, -math.inf))
    slopes = identity(n, scores) / n - xp.exp(log_alpha + rows + reciprocals) / (n * (n - 1) ** 2)
    if alpha < 1:
        own = log_rest + baseline - 2 * diagonal(log_d)
        slopes = slopes - xp.exp(off_diagonal(own[:, None] + rows, -math.inf)) / (n * (n - 1))
    return BoundAndGradient(value, settle(xp.matrix_transpose(slopes), like))


def _log_shares(alpha):
    """(log alpha, log(1 - alpha))"""
    if not 0 <= finite_number(alpha, "alpha") <= 1:
        raise ValueError(f"alpha={alpha}: use a number between 0 (TUBA) and 1 (InfoNCE)")
    return (math.log(alpha) if alpha > 0 else -math.inf), (math.log1p(-alpha) if alpha < 1 else -math.inf)


def _log_denominators(rows, baseline, log_alpha, log_rest):
    """log m and log D for each y (first axis) without each x (last axis)."""
    xp = namespace(rows)
    log_m = log_sums_without_each(rows) - math.log(rows.shape[0] - 1)
    return log_m, xp.logaddexp(log_alpha + log_m, (log_rest + baseline)[:, None] + xp.zeros_like(log_m))


def _value(scores, baseline, log_alpha, log_rest):
    xp, n = namespace(scores), scores.shape[0]
    log_m, log_d = _log_denominators(xp.matrix_transpose(scores), baseline, log_alpha, log_rest)
    at_pairs = xp.mean(diagonal(scores)) - xp.sum(off_diagonal(log_d, 0.0)) / (n * (n - 1))
    if log_rest == -math.inf:  # m/D is 1, also where both are 0
        return at_pairs
    return 1 + at_pairs - xp.mean(xp.exp(diagonal(log_m) - diagonal(log_d)))


def _without_each_group(scores, baseline, logs):
    """The values without each group, and how many pairs one holds. All hold as many, since the value itself moves with
    the number of pairs that are left; a remainder is never left out."""
    xp, n = namespace(scores), scores.shape[0]
    if n < 3:
        return xp.full_like(baseline, math.nan), 1
    size, values = -(-n // GROUPS) if n > GROUPS else 1, []
    for start in range(0, n - size + 1, size):
        kept = xp.asarray(np.delete(np.arange(n), slice(start, start + size)), device=device(scores))
        part = xp.take(xp.take(scores, kept, axis=0), kept, axis=1)
        values.append(_value(part, xp.take(baseline, kept, axis=0), *logs))
    return xp.stack(values), size
