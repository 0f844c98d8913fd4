"""Rényi divergence of order alpha, in nats: a family of divergences that passes through KL at alpha = 1."""

import math

from varinf._arrays import finite_number, namespace
from varinf.divergences.kl import kl
from varinf.divergences.pairs import as_batch, check_pair, diagonal_rows, full_rows
from varinf.families.categorical import Categorical
from varinf.families.diagonal_normal import DiagonalNormal
from varinf.families.family import in_one_library, log_sum_exp, scalar, settle, total, wide
from varinf.families.matrices import identity, log_diagonal, solve_lower_columns
from varinf.families.normal import Normal


def renyi_divergence(q, p, alpha):
    """D_alpha(q || p) = log E_q[(q/p)^(alpha - 1)] / (alpha - 1), in nats, for alpha > 0; KL(q || p) at alpha = 1.

    It grows with alpha, is never negative, and is 0 when q and p are equal.

    Parameters
    ----------
    q, p : Family
        Two normals (diagonal, full, low rank) or two categoricals, with equal batch shapes, or p without a batch.
    alpha : float
        Order, positive and finite.

    Returns
    -------
    array (*batch)
        Exact, in nats; +inf where the expectation is infinite: for normals where alpha covariance_p + (1 - alpha)
        covariance_q is not positive definite, which happens for alpha > 1 only; for categoricals with alpha >= 1 where
        p misses a category that q has, with alpha < 1 where they have none in common.

    Raises
    ------
    NotImplementedError
        If the pair has no closed form.
    ValueError
        If alpha is not positive, or dimensions or batch shapes differ.

    See Also
    --------
    kl : Order 1.
    renyi_bound : The bound on log p(x) that leaves this divergence to the posterior open.
    cubo : The χ upper bound, from orders above 1 the other way round.

    References
    ----------
    Rényi, "On measures of entropy and information", Fourth Berkeley Symposium 1 (1961), section 3.

    Gil, Alajaji, Linder, "Rényi divergence measures for commonly used univariate continuous distributions",
    Information Sciences 249 (2013), the closed form for multivariate Gaussians.

    Examples
    --------
    >>> from varinf.divergences.renyi import renyi_divergence
    >>> from varinf.families.diagonal_normal import DiagonalNormal
    >>> q, p = DiagonalNormal([1.0], [2.0]), DiagonalNormal.standard(1)
    >>> [round(float(renyi_divergence(q, p, alpha)), 4) for alpha in (0.5, 1.0, 1.2, 2.0)]
    [0.3231, 1.3069, 3.0976, inf]
    """
    alpha = finite_number(alpha, "alpha")
    if alpha <= 0:
        raise ValueError(f"alpha={alpha}: the order of a Rényi divergence is positive")
    check_pair(q, p)
    if isinstance(q, DiagonalNormal) and isinstance(p, DiagonalNormal):
        form = _diagonal
    elif isinstance(q, Normal) and isinstance(p, Normal):
        form = _full
    elif isinstance(q, Categorical) and isinstance(p, Categorical):
        form = _categorical
    else:
        raise NotImplementedError(
            f"the Rényi divergence from {type(q).__name__} to {type(p).__name__} has no closed form: average "
            '(q/p)^(alpha - 1) over draws of q, or take kl(q, p, method="monte_carlo")'
        )
    return kl(q, p) if alpha == 1 else form(q, p, alpha)


# Gil et al. give alpha/2 d' S^-1 d - log(|S| / (|Sq|^(1-alpha) |Sp|^alpha)) / (2 (alpha - 1)) with d the difference of
# means and S = alpha Sp + (1 - alpha) Sq. Where p is standard and Sq = I + E, this is
#     alpha/2 d' (I + (1-alpha) E)^-1 d + (sum_i log1p((1-alpha) e_i) / (1-alpha) - log|Sq|) / 2,
# e_i the eigenvalues of E, which does not cancel as alpha nears 1: log1p(h e)/h nears e, and the whole KL.


def _diagonal(q, p, alpha):
    rows, log_power = diagonal_rows(q, p)
    loc, spread, *of_p = map(wide, rows)
    xp = namespace(loc)
    log_scale = spread / log_power if log_power else xp.log(spread)
    if of_p:
        loc_p, spread_p = of_p
        log_scale_p = spread_p / log_power if log_power else xp.log(spread_p)
        loc, log_scale = (loc - loc_p) * xp.exp(-log_scale_p), log_scale - log_scale_p
    excess = xp.expm1(2 * log_scale)
    width = 1 + (1 - alpha) * excess
    finite = xp.all(width > 0, axis=-1)
    squares = total(loc * loc / xp.where(width > 0, width, 1.0))
    return as_batch(_normal(squares, excess, total(log_scale), alpha, finite), q, rows[0])


def _full(q, p, alpha):
    rows, like = full_rows(q, p)
    loc_q, tril_q, loc_p, tril_p = map(wide, rows)
    xp = namespace(loc_q)
    sides = xp.concat([(loc_q - loc_p)[:, :, None], tril_q], axis=-1)
    white = solve_lower_columns(xp.broadcast_to(tril_p, tril_q.shape), sides)
    difference, factor = white[:, :, :1], white[:, :, 1:]
    excess = factor @ xp.matrix_transpose(factor) - identity(q.dim, factor)
    eigenvalues = xp.linalg.eigvalsh(excess)
    finite = xp.all(1 + (1 - alpha) * eigenvalues > 0, axis=-1)
    width = identity(q.dim, factor) + (1 - alpha) * xp.where(finite[:, None, None], excess, 0.0)
    squares = xp.sum(difference * xp.linalg.solve(width, difference), axis=(1, 2))
    log_scale = total(log_diagonal(tril_q)) - total(log_diagonal(tril_p))
    return as_batch(_normal(squares, eigenvalues, log_scale, alpha, finite), q, like)


def _normal(squares, excess, log_scale, alpha, finite):
    xp = namespace(excess)
    inside = xp.where(finite[:, None], (1 - alpha) * excess, 0.0)
    shape = total(xp.log1p(inside)) / (1 - alpha) / 2 - log_scale
    return xp.where(finite, alpha * squares / 2 + shape, math.inf)


def _categorical(q, p, alpha):
    """log sum_k q_k (q_k/p_k)^(alpha-1) / (alpha-1); as alpha nears 1, from how far that sum is from 1."""
    probs, log_q, log_p = in_one_library(probs=q.probs, log_q=q.logits, log_p=p.logits)
    like, probs = probs, wide(probs)
    xp = namespace(probs)
    has = probs > 0
    log_q, log_p = xp.where(has, wide(log_q), 0.0), xp.where(has, wide(log_p), 0.0)
    powers = (alpha - 1) * (log_q - log_p)
    small = xp.abs(powers) < 1
    near = xp.all(small, axis=-1)
    beyond_one = total(probs * xp.expm1(xp.where(small, powers, 0.0)))
    far = log_sum_exp(xp.where(has, log_q + powers, -math.inf))
    return scalar(settle(xp.where(near, xp.log1p(beyond_one), far) / (alpha - 1), like))
