"""Matrices of scores, scores[i, j] = f(x_i, y_j), pairs on the diagonal: checks, averages over them, and their errors.

The terms of such an average share rows and columns, so that their spread says little about its error. Errors are those
of the jackknife over pairs instead: pair i is left out with its row and its column, and the average taken anew. All N
of these averages together take a few passes over the matrix.
"""

import math
from typing import Any, NamedTuple

import numpy as np
from array_api_compat import device

from varinf._arrays import as_array, holds, namespace, refuse_where, to_numpy
from varinf.diagnostics.psis import fit_tail, largest
from varinf.estimate import Direction, Estimate
from varinf.families.family import log_sum_exp, settle, wide
from varinf.families.matrices import identity

QUANTITY = "I(X;Y)"


class BoundAndGradient(NamedTuple):
    """An estimate from scores, and the slopes of its value in them."""

    value: Estimate
    gradient: Any  #: (N, N), in the library and dtype of the scores.


def read_scores(scores, name="scores"):
    """(scores (N, N) with N >= 2, NumPy float32 in double; the array as given, for its dtype; its namespace; N).

    -inf is data: a pair of density zero. nan and +inf are errors.
    """
    like = as_array(scores, name)
    if like.ndim != 2 or like.shape[0] != like.shape[1]:
        raise ValueError(
            f"{name} has shape {tuple(like.shape)}; give a square matrix (N, N), entry [i, j] for x_i and y_j"
        )
    if like.shape[0] < 2:
        raise ValueError(f"{name} has shape {tuple(like.shape)}: one pair alone has nothing to be compared with")
    xp = namespace(like)
    if not holds(xp.all(like < math.inf)):
        refuse_where(~(like < math.inf), like, name, "values that are nan or +inf", "every score must be below +inf")
    return wide(like), like, xp, like.shape[0]


def diagonal(scores):
    """The scores of the pairs, (N,)."""
    return namespace(scores).linalg.diagonal(scores)


def off_diagonal(scores, instead):
    """The scores with `instead` in the place of the pairs', (N, N)."""
    return namespace(scores).where(identity(scores.shape[0], scores) == 0, scores, instead)


def over_all(scores):
    """log of the sum of exp over a whole matrix."""
    return log_sum_exp(namespace(scores).reshape(scores, (-1,)))


def log_sums_without_each(x):
    """log Σ_(k ≠ i) exp x_jk for each j and i, shaped like x.

    The sum less one of its terms would cancel where that term rules: at the largest, the others are added up instead.
    """
    xp = namespace(x)
    size = x.shape[-1]
    place = xp.arange(size, device=device(x))
    largest = place[None, :] == xp.argmax(x, axis=-1, keepdims=True)
    others = log_sum_exp(xp.where(largest, -math.inf, x))[:, None]
    all_of_them = log_sum_exp(x)[:, None]
    finite = xp.isfinite(all_of_them)
    share = xp.exp(xp.where(largest | ~finite, -math.inf, x - xp.where(finite, all_of_them, 0.0)))
    return xp.where(largest, others, all_of_them + xp.log1p(-share))


def softmax(x):
    """Over the last axis; all 0 where every score is -inf."""
    xp = namespace(x)
    total = log_sum_exp(x)[..., None]
    return xp.exp(x - xp.where(xp.isfinite(total), total, 0.0))


def finite_or_nan(x):
    """Infinite values as nan, whose arithmetic warns of nothing."""
    xp = namespace(x)
    return xp.where(xp.isfinite(x), x, math.nan)


def log_ratios(positive, log_sums):
    """positive - log_sums; a pair of density zero is -inf whatever the others are."""
    xp = namespace(positive)
    possible = positive > -math.inf
    return xp.where(possible, xp.where(possible, positive, 0.0) - log_sums, -math.inf)


# Averages without each pair in turn, (N,) ----------------------------------------------------------------------------


def means_without_each(values):
    """Of values (N,) of the pairs."""
    xp = namespace(values)
    n = values.shape[0]
    if n < 3:  # nothing is left to tell an error from
        return xp.full_like(values, math.nan)
    values = finite_or_nan(values)
    return (xp.sum(values) - values) / (n - 1)


def off_means_without_each(values):
    """Of what stands off the diagonal of values (N, N)."""
    xp = namespace(values)
    n = values.shape[0]
    values = finite_or_nan(off_diagonal(values, 0.0))
    if n < 3:
        return xp.full_like(diagonal(values), math.nan)
    rest = xp.sum(values) - xp.sum(values, axis=0) - xp.sum(values, axis=1)
    return rest / ((n - 1) * (n - 2))


def off_log_means_without_each(scores):
    """log mean exp of what stands off the diagonal, stable where few scores rule."""
    xp = namespace(scores)
    n = scores.shape[0]
    if n < 3:
        return xp.full_like(diagonal(scores), math.nan)
    rows = log_sums_without_each(off_diagonal(scores, -math.inf))  # [k, i]: of row k, without i
    return log_sum_exp(xp.matrix_transpose(off_diagonal(rows, -math.inf))) - math.log((n - 1) * (n - 2))


def means_of_rows_without_each(terms):
    """mean over j ≠ i of terms[j, i]: a term for each row j, made without pair i."""
    xp = namespace(terms)
    n = terms.shape[0]
    if n < 3:
        return xp.full_like(diagonal(terms), math.nan)
    return xp.sum(off_diagonal(terms, 0.0), axis=0) / (n - 1)


def jackknife_error(without, pairs, left_out=1):
    """Standard error from values without each pair, or without each of some groups of `left_out` pairs each."""
    xp = namespace(without)
    without = finite_or_nan(without)
    spread = without - xp.mean(without)
    return xp.sqrt((pairs - left_out) / left_out * xp.mean(spread * spread))


def tail_of_others(scores):
    """How to compute the tail index of exp(scores) off the diagonal."""

    def tail():
        x = to_numpy(scores)
        if x is None:  # under a trace
            return math.nan
        k_hat, _ = fit_tail(largest(x[~np.eye(len(x), dtype=bool)], 0))
        return float(k_hat)

    return tail


# Results -------------------------------------------------------------------------------------------------------------


def not_fitted(estimate):
    """The condition under which a critic's bound is one, which its scores cannot show."""
    return f"{estimate.direction} bound for a critic that was not fitted on the pairs that it scores"


def baseline_not_fitted(estimate):
    return "lower bound for a critic and a baseline that were not fitted on the pairs that are scored"


def true_conditional(estimate):
    """The conditions under which a bound from a conditional density is one."""
    if estimate.direction == Direction.UPPER:
        return "upper bound for the true conditional density, of an encoder that was not fitted on these pairs"
    return "a fitted conditional density makes no bound: exact=False"


def not_finite(estimate):
    value, stderr = to_numpy(estimate.value), to_numpy(estimate.stderr)
    if value is None or (np.isfinite(value) and np.isfinite(stderr)) or estimate.degrees < 2:
        return None
    return "densities of zero among these pairs leave the value, or its error, without a finite number"


def two_pairs(estimate):
    if estimate.degrees < 2:
        return "two pairs leave no standard error: give at least three"
    return None


def of_scores(n, like, value, without, estimand, direction, cls=Estimate, left_out=1, **fields):
    """An Estimate of a number made of n x n scores, its error from the values without each pair."""
    rules = (two_pairs, not_finite, *fields.pop("rules", ()))
    return cls(
        settle(value, like),
        settle(jackknife_error(without, n, left_out), like),
        quantity=fields.pop("quantity", QUANTITY),
        estimand=estimand,
        direction=direction,
        draws=n,
        degrees=without.shape[0] - 1,
        rules=rules,
        **fields,
    )
