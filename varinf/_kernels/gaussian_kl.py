"""Kullback-Leibler divergence KL(q || p) between Gaussians over R^D, in nats, with gradients in q's parameters.

Every function takes a batch: `loc` (N, D), and p's arrays with N rows or with one row that serves all. All rest on

    KL(N(u, r^2) || N(0, 1)) = (u^2 + r^2 - 1) / 2 - log r,

summed over features (`diagonal_standard`); the others first move p to the standard normal, which leaves KL unchanged.
`log_power` says how scales (standard deviations) are given, and differentiated: 0 as themselves, 1 as their logarithms,
2 as log variances.

Precision. r^2 - 1 - 2 log r cancels near r = 1; the contract is an absolute error of a few eps per feature, not a
relative one. r^2 - 1 is formed as (r - 1)(r + 1), or expm1(2 log r), which costs nothing and is exact to first order.
Ratios of scales must lie within the normal range of the dtype. A scale of 0 gives +inf.

Triangular solves and Cholesky factors are written out by halving D, because the array API standard has no triangular
solve and its `linalg.cholesky` may raise without naming the matrix or the pivot. Substitution is also componentwise
backward stable, where a general `solve` loses rows of small scale beside rows of large scale. D is static, so the
recursion unrolls under `jit`, is differentiated as it stands, and spends its time in batched matrix products.
"""

import math

from varinf._kernels._namespace import namespace
from varinf._kernels._precision import float64_inside


@float64_inside
def diagonal_standard(loc, scale, log_power):
    """KL(N(loc, diag scale^2) || N(0, I)): loc, scale (N, D) -> (N,)."""
    xp = namespace(loc)
    log_scale = scale / log_power if log_power else xp.log(scale)
    return xp.sum((loc * loc + _square_less_one(scale, log_power, xp)) / 2 - log_scale, axis=-1)


@float64_inside
def diagonal_standard_gradient(loc, scale, log_power):
    """`diagonal_standard` and its gradient -> (N,), d loc (N, D), d scale (N, D), as it was given."""
    d_scale = _square_less_one(scale, log_power, namespace(loc)) / log_power if log_power else scale - 1 / scale
    return diagonal_standard(loc, scale, log_power), 1 * loc, d_scale


@float64_inside
def diagonal_diagonal(loc_q, scale_q, loc_p, scale_p, log_power):
    """KL(N(loc_q, diag scale_q^2) || N(loc_p, diag scale_p^2)): (N, D), (N, D), twice (N or 1, D) -> (N,)."""
    relative_loc, relative_scale, _ = _relative_to(loc_q, scale_q, loc_p, scale_p, log_power)
    return diagonal_standard(relative_loc, relative_scale, log_power)


@float64_inside
def diagonal_diagonal_gradient(loc_q, scale_q, loc_p, scale_p, log_power):
    """`diagonal_diagonal` and its gradient in q -> (N,), d loc_q (N, D), d scale_q (N, D), as given."""
    relative_loc, relative_scale, precision = _relative_to(loc_q, scale_q, loc_p, scale_p, log_power)
    kl, d_loc, d_scale = diagonal_standard_gradient(relative_loc, relative_scale, log_power)
    return kl, d_loc * precision, d_scale if log_power else d_scale * precision


@float64_inside
def full_full(loc_q, tril_q, loc_p, tril_p):
    """KL(N(loc_q, Lq Lq') || N(loc_p, Lp Lp')) from lower Cholesky factors: (N, D), (N, D, D), p (N or 1) -> (N,).

    In the coordinates Lp^-1 (z - loc_p), p is standard and q has the factor Lp^-1 Lq, whose entries below the diagonal
    add their squares. Entries above the diagonal of Lq and Lp are not read.
    """
    return _standard_from_white(_whitened(loc_q, tril_q, loc_p, tril_p))


@float64_inside
def full_full_gradient(loc_q, tril_q, loc_p, tril_p):
    """`full_full` and its gradient in q -> (N,), d loc_q (N, D), d tril_q (N, D, D).

    They are Sp^-1 (loc_q - loc_p) and tril(Sp^-1 Lq) - diag(1 / diag Lq), with Sp = Lp Lp'.
    """
    xp = namespace(loc_q)
    white = _whitened(loc_q, tril_q, loc_p, tril_p)
    # Lp' x = w is a forward substitution from the other end
    reversed_p = xp.flip(xp.matrix_transpose(xp.tril(tril_p)), axis=(1, 2))
    both = xp.flip(_solve_lower(reversed_p, xp.flip(white, axis=1), xp), axis=1)
    d_tril = xp.tril(both[:, :, 1:])
    identity = xp.eye(tril_q.shape[-1], dtype=tril_q.dtype)
    return (
        _standard_from_white(white),
        both[:, :, 0],
        d_tril - identity / xp.linalg.diagonal(tril_q)[:, None, :],
    )


@float64_inside
def cholesky(cov, slack):
    """Lower Cholesky factors, the pivots and the rows that failed: (N, D, D) -> (N, D, D), int32 (N,), int32 (N,).

    The pivot is -1 where the lower triangle is that of a positive definite matrix, else the first one that is not a
    positive finite number, and then the factor is nan throughout. The row is -1 where all values are finite and
    |c_ij - c_ji| <= slack sqrt|c_ii c_jj|, slack >= 0, else the first in which one is not.
    """
    xp = namespace(cov)
    if cov.shape[-1] == 0:
        none = xp.full((cov.shape[0],), -1, dtype=xp.int32)
        return 1 * cov, none, none
    scale = xp.sqrt(xp.abs(xp.linalg.diagonal(cov)))
    near = xp.abs(cov - xp.matrix_transpose(cov)) <= slack * scale[:, :, None] * scale[:, None, :]
    tril, bad = _cholesky(cov, xp)
    tril = xp.where((bad < 0)[:, None, None], tril, xp.nan * xp.ones_like(tril))
    return tril, bad, _first_row_not(xp.all(near & xp.isfinite(cov), axis=2), xp)


def flawed_rows(tril):
    """What makes matrices no Cholesky factors: (N, D, D) -> int32 (N,).

    -1 where all values are finite, those above the diagonal 0 and those on it positive, else the first row in which one
    is not.
    """
    xp = namespace(tril)
    fine = xp.all(xp.isfinite(tril) & (xp.triu(tril, k=1) == 0), axis=2)
    return _first_row_not(fine & (xp.linalg.diagonal(tril) > 0), xp)


@float64_inside
def full_full_from_covariances(loc_q, cov_q, loc_p, cov_p, slack):
    """`full_full` from covariances -> KL (N,), nan where one of the two is none by the measure of `cholesky`."""
    tril_q, bad_q, row_q = cholesky(cov_q, slack)
    tril_p, bad_p, row_p = cholesky(cov_p, slack)
    kl, xp = full_full(loc_q, tril_q, loc_p, tril_p), namespace(loc_q)
    good = (bad_q < 0) & (row_q < 0) & (bad_p < 0) & (row_p < 0)
    return xp.where(good, kl, xp.nan * xp.ones_like(kl))


def _first_row_not(good, xp):
    """-1, or the first that is not good: bool (N, D) -> int32 (N,)."""
    bad = xp.astype(~good, xp.int32)
    return xp.where(xp.any(~good, axis=1), xp.astype(xp.argmax(bad, axis=1), xp.int32), -1)


def _square_less_one(scale, log_power, xp):
    return xp.expm1(2 / log_power * scale) if log_power else (scale - 1) * (scale + 1)


def _relative_to(loc_q, scale_q, loc_p, scale_p, log_power):
    """q in the coordinates (z - loc_p) / scale_p, and 1 / scale_p."""
    if log_power:
        precision = namespace(scale_p).exp(-scale_p / log_power)
        return (loc_q - loc_p) * precision, scale_q - scale_p, precision
    return (loc_q - loc_p) / scale_p, scale_q / scale_p, 1 / scale_p


def _whitened(loc_q, tril_q, loc_p, tril_p):
    """Lp^-1 [loc_q - loc_p, Lq]: (N, D, 1 + D)."""
    xp = namespace(loc_q)
    return _solve_lower(tril_p, xp.concat([(loc_q - loc_p)[:, :, None], xp.tril(tril_q)], axis=2), xp)


def _standard_from_white(white):
    xp = namespace(white)
    loc, tril = white[:, :, 0], white[:, :, 1:]
    below = xp.tril(tril, k=-1)
    return diagonal_standard(loc, xp.linalg.diagonal(tril), False) + xp.sum(below * below, axis=(1, 2)) / 2


def _solve_lower(tril, right, xp):
    """L^-1 right by substitution, half by half: (N or 1, D, D), (N, D, K) -> (N, D, K)."""
    dimension = tril.shape[-1]
    if dimension == 0:
        return right
    if dimension == 1:
        return right / tril
    half = dimension // 2
    top = _solve_lower(tril[:, :half, :half], right[:, :half, :], xp)
    bottom = _solve_lower(tril[:, half:, half:], right[:, half:, :] - tril[:, half:, :half] @ top, xp)
    return xp.concat([top, bottom], axis=1)


def _cholesky(cov, xp):
    """[[A, .], [B, C]] has the factor [[L, 0], [M, factor(C - M M')]] with L = factor(A), M = B L'^-1."""
    dimension = cov.shape[-1]
    if dimension == 1:
        good = (cov > 0) & (cov < math.inf)
        factor = xp.sqrt(xp.where(good, cov, xp.nan * xp.ones_like(cov)))
        return factor, -xp.astype(good[:, 0, 0], xp.int32)
    half = dimension // 2
    head, bad_head = _cholesky(cov[:, :half, :half], xp)
    side = xp.matrix_transpose(_solve_lower(head, xp.matrix_transpose(cov[:, half:, :half]), xp))
    rest, bad_rest = _cholesky(cov[:, half:, half:] - side @ xp.matrix_transpose(side), xp)
    above = xp.zeros_like(cov[:, :half, half:])
    tril = xp.concat([xp.concat([head, above], axis=2), xp.concat([side, rest], axis=2)], axis=1)
    bad = xp.where(bad_head >= 0, bad_head, xp.where(bad_rest >= 0, bad_rest + half, bad_rest))
    return tril, bad
