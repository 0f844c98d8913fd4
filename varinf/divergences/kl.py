"""Kullback-Leibler divergence KL(q || p) = E_q[log q - log p], in nats, with its gradient in q's parameters."""

import math
from typing import Any, NamedTuple

import numpy as np

from varinf._arrays import is_numpy, namespace, positive_integer, to_numpy
from varinf._kernels import kernel
from varinf._pool import over_rows, workers_here, working
from varinf.diagnostics.caveats import one_draw
from varinf.divergences.pairs import as_batch, check_pair, diagonal_rows, full_rows
from varinf.estimate import Direction, Estimate
from varinf.families.categorical import Categorical, weighted
from varinf.families.diagonal_normal import DiagonalNormal
from varinf.families.family import in_one_library, scalar, settle, total, wide
from varinf.families.full_normal import FullNormal
from varinf.families.low_rank_normal import LowRankNormal
from varinf.families.normal import Normal


class ValueAndGradient(NamedTuple):
    """KL(q || p), (*batch), and its gradient: a named tuple of arrays shaped like the parameters that q was given."""

    value: Any
    gradient: Any


class ScaleGradient(NamedTuple):
    """With respect to loc and scale, (*batch, D) both."""

    loc: Any
    scale: Any


class LogScaleGradient(NamedTuple):
    """With respect to loc and log scale, (*batch, D) both."""

    loc: Any
    log_scale: Any


class LogVarianceGradient(NamedTuple):
    """With respect to loc and log variance, (*batch, D) both."""

    loc: Any
    log_variance: Any


class ScaleTrilGradient(NamedTuple):
    """With respect to loc (*batch, D) and the lower Cholesky factor (*batch, D, D); zero above its diagonal."""

    loc: Any
    scale_tril: Any


_DIAGONAL_GRADIENTS = {"scale": ScaleGradient, "log_scale": LogScaleGradient, "log_variance": LogVarianceGradient}


def kl(q, p, method="closed_form", draws=None, rng=None, workers=None):
    """KL(q || p) = E_q[log q(z) - log p(z)], in nats: how far q is from p, never negative, 0 when they are equal.

    Parameters
    ----------
    q, p : Family
        Of one dimension, with equal batch shapes, or p without a batch, which then serves all of q.
    method : {"closed_form", "monte_carlo"}
        Closed forms exist for any two normals (diagonal, full, low rank) and for two categoricals.
    draws : int, optional
        For "monte_carlo": draws from each distribution of q's batch (10,000 unless given).
    rng : None, int, SeedSequence or Generator
        For "monte_carlo": seed or generator of the draws; None draws anew each time.
    workers : int, optional
        Threads over the batch, for NumPy arrays: None or 1 serial, -1 all cores. The result is the same for any number.

    Returns
    -------
    array (*batch), or Estimate for "monte_carlo"
        In nats. The closed form is exact, and differentiable with torch and JAX parameters. The Monte Carlo average of
        log q - log p is unbiased; it can fall below 0 by chance.

    Raises
    ------
    NotImplementedError
        If the pair has no closed form.
    ValueError
        If dimensions or batch shapes differ, or draws or rng come without method="monte_carlo".

    See Also
    --------
    kl_and_gradient : The same with its gradient, without a library that differentiates.
    renyi_divergence : The family of divergences that KL belongs to.
    rate : The mean of KL over a data set, and what it bounds.
    identity : KL to a posterior, the gap of the ELBO.

    References
    ----------
    Kullback, Leibler, "On information and sufficiency", Annals of Mathematical Statistics 22 (1951), section 2.

    Examples
    --------
    >>> from varinf.divergences.kl import kl
    >>> from varinf.families.diagonal_normal import DiagonalNormal
    >>> q = DiagonalNormal([[0.0, 0.0], [1.0, 2.0]], [[1.0, 1.0], [0.5, 0.5]])
    >>> kl(q, DiagonalNormal.standard(2)).round(4)
    array([0.    , 3.1363])
    >>> b = kl(q[1], DiagonalNormal.standard(2), method="monte_carlo", draws=1000, rng=0)
    >>> b.quantity, b.direction == "exact", bool(abs(b.value - 3.1363) < 5 * b.stderr)
    ('KL(q, p)', True, True)
    """
    check_pair(q, p)
    if method == "monte_carlo":
        with working(workers):
            return _monte_carlo(q, p, 10_000 if draws is None else draws, rng)
    if method != "closed_form":
        raise ValueError(f'method={method!r}: use "closed_form" or "monte_carlo"')
    if draws is not None or rng is not None:
        raise ValueError('draws and rng are for method="monte_carlo": the closed form draws nothing')
    if workers is None:  # what a context costs is felt by a small call
        return _closed_form(q, p)
    with working(workers):
        return _closed_form(q, p)


def _closed_form(q, p):
    if isinstance(q, DiagonalNormal) and isinstance(p, DiagonalNormal):
        return as_batch(_diagonal(q, p), q)
    if isinstance(q, LowRankNormal) and isinstance(p, DiagonalNormal):
        return _low_rank_diagonal(q, p)
    if isinstance(q, Normal) and isinstance(p, Normal):
        rows, like = full_rows(q, p)
        return as_batch(_over_rows(kernel("gaussian_kl", rows[0]).full_full, rows, q.dim**3 / 2), q, like)
    if isinstance(q, Categorical) and isinstance(p, Categorical):
        return _categorical(q, p)
    raise NotImplementedError(
        f'KL from {type(q).__name__} to {type(p).__name__} has no closed form: use kl(q, p, method="monte_carlo")'
    )


def kl_and_gradient(q, p, workers=None):
    """KL(q || p) in nats and its gradient with respect to the parameters that q was given.

    Parameters
    ----------
    q : DiagonalNormal or FullNormal
        What is differentiated, in the parameters that it was given.
    p : DiagonalNormal; for a full q, any normal
        With q's batch shape, or without a batch.
    workers : int, optional
        Threads over the batch, for NumPy arrays: None or 1 serial, -1 all cores. The result is the same for any number.

    Returns
    -------
    ValueAndGradient
        `value`, array (*batch) in nats, exact, and `gradient`, a named tuple (loc, scale), (loc, log_scale) or (loc,
        log_variance) for a diagonal q as it was made, (loc, scale_tril) for a full one.

    Raises
    ------
    NotImplementedError
        For any other pair.
    ValueError
        If dimensions or batch shapes differ.

    See Also
    --------
    kl : The value alone, of more pairs; torch and JAX differentiate it.
    DiagonalNormal.parameter_names : What the gradient is with respect to.

    Examples
    --------
    >>> from varinf.divergences.kl import kl_and_gradient
    >>> from varinf.families.diagonal_normal import DiagonalNormal
    >>> q = DiagonalNormal.from_log_variance([1.0, 0.0], [0.0, 0.0])
    >>> value, gradient = kl_and_gradient(q, DiagonalNormal.standard(2))
    >>> float(value), gradient.loc, gradient.log_variance
    (0.5, array([1., 0.]), array([0., 0.]))
    """
    check_pair(q, p)
    with working(workers):
        return _with_gradient(q, p)


def _with_gradient(q, p):
    if isinstance(q, DiagonalNormal) and isinstance(p, DiagonalNormal):
        value, d_loc, d_spread = _diagonal(q, p, "_gradient")
        given = q.parameter_names[1]
        gradient = _DIAGONAL_GRADIENTS[given](as_batch(d_loc, q), as_batch(d_spread, q))
    elif isinstance(q, FullNormal) and isinstance(p, Normal):
        rows, like = full_rows(q, p)
        value, d_loc, d_tril = _over_rows(kernel("gaussian_kl", rows[0]).full_full_gradient, rows, q.dim**3)
        value = settle(value, like)
        gradient = ScaleTrilGradient(as_batch(d_loc, q, like), as_batch(d_tril, q, like))
    else:
        raise NotImplementedError(
            f"the gradient of KL from {type(q).__name__} to {type(p).__name__} is not at hand: it is for diagonal "
            "normals, and from a full normal to any; differentiate kl(q, p) with torch or JAX parameters"
        )
    return ValueAndGradient(as_batch(value, q), gradient)


def _diagonal(q, p, suffix=""):
    rows, log_power = diagonal_rows(q, p)
    function = getattr(
        kernel("gaussian_kl", rows[0]), ("diagonal_standard" if p.is_standard else "diagonal_diagonal") + suffix
    )
    if workers_here() == 1:
        return function(*rows, log_power)
    return _over_rows(lambda *part: function(*part, log_power), rows, 3 * q.dim if suffix else q.dim)


def _over_rows(call, rows, cost):
    """Shared out among workers where the arrays are NumPy's; other libraries have threads of their own."""
    return over_rows(call, rows, cost) if is_numpy(rows[0]) else call(*rows)


def _low_rank_diagonal(q, p):
    """In the coordinates (z - loc_p)/scale_p, without a D x D matrix: (|loc|^2 + trace - D)/2 - log det/2."""
    if not p.is_standard:
        loc, factor, scale, loc_p, scale_p = in_one_library(
            loc=q.loc, factor=q.factor, scale=q.scale, loc_p=p.loc, scale_p=p.scale
        )
        q = LowRankNormal((loc - loc_p) / scale_p, factor / scale_p[..., None], scale / scale_p)
    return settle(total(q.loc**2 + q.variance - 1) / 2 - q._half_log_det(), q.loc)


def _categorical(q, p):
    """0 log 0 = 0, and +inf where p misses a category that q has."""
    probs, log_q, log_p = in_one_library(probs=q.probs, log_q=q.logits, log_p=p.logits)
    xp = namespace(probs)
    log_ratio = xp.where(probs > 0, log_q, 0.0) - xp.where(probs > 0, log_p, 0.0)
    return settle(total(weighted(probs, log_ratio)), probs)


def _monte_carlo(q, p, draws, rng):
    draws = positive_integer(draws, "draws")
    z, log_q = q.sample_and_log_prob(draws, rng)
    log_q, log_p = in_one_library(log_q=log_q, log_p=p.log_prob(z))
    xp = namespace(log_q)
    log_ratio = wide(log_q) - wide(log_p)
    value = xp.mean(log_ratio, axis=0)
    missed = ~xp.isfinite(value)
    deviations = xp.where(missed, 0.0, log_ratio - xp.where(missed, 0.0, value))
    stderr = xp.sqrt(xp.sum(deviations**2, axis=0) / max(draws - 1, 1) / draws)
    return Estimate(
        settle(value, log_q),
        scalar(settle(xp.where(missed | (draws == 1), math.nan, stderr), log_q)),
        quantity="KL(q, p)",
        estimand="E_q[log q - log p]",
        direction=Direction.EXACT,
        draws=draws,
        degrees=draws - 1,
        objective="kl",
        rules=(_missed, one_draw),
    )


def _missed(estimate):
    """The caveat where p has probability 0 at draws from q."""
    if np.any(np.isposinf(to_numpy(estimate.value))):
        return "p has probability 0 at draws from q: KL(q, p) is +inf there, and has no error"
    return None
