"""The aggregate q(z) = (1/N) Σ q(z | x_n) of a data set's posteriors, at draws from it, and averages over those draws.

The draws are stratified: as many from each datum's posterior, which gives the aggregate's expectations without the
noise of choosing the data.
"""

import math

import numpy as np

from varinf._arrays import is_numpy, namespace, positive_integer
from varinf._pool import working
from varinf.families.categorical import Categorical
from varinf.families.diagonal_normal import DiagonalNormal
from varinf.families.family import Family, scalar, settle, wide
from varinf.families.full_normal import FullNormal
from varinf.families.matrices import log_diagonal, solve_lower
from varinf.families.mixture import Mixture


def check_posteriors(q):
    """Refuses what is not one distribution per datum."""
    if not isinstance(q, Family):
        raise TypeError(f"q is {type(q).__name__}; give a family, such as DiagonalNormal(loc, scale) with loc (N, D)")
    if len(q.batch_shape) != 1 or q.batch_shape[0] == 0:
        raise ValueError(
            f"q has batch shape {q.batch_shape}; give one distribution per datum, batch shape (N,): loc is (N, D)"
        )


def reference_for(q, reference):
    """The reference r(z): the standard normal unless given, one distribution for all data."""
    if reference is None and isinstance(q, Categorical):
        raise ValueError(
            f"q is Categorical, and no normal is a reference for categories: give reference=, such as "
            f"Categorical(logits=[0.0] * {q.dim}), the uniform one"
        )
    if reference is None:
        return DiagonalNormal.standard(q.dim)
    if not isinstance(reference, Family):
        raise TypeError(f"reference is {type(reference).__name__}; give a family, such as DiagonalNormal(loc, scale)")
    if reference.batch_shape != ():
        raise ValueError(
            f"reference has batch shape {reference.batch_shape}; r(z) is one distribution for all data, without a "
            "batch: with one for each datum the mean KL bounds no information"
        )
    if reference.dim != q.dim:
        raise ValueError(f"reference has dim {reference.dim} but q has dim {q.dim}; they must agree")
    return reference


def exactly(value):
    """What an Estimate says of the noise of a value that draws nothing."""
    return {"value": value, "stderr": scalar(namespace(value).zeros_like(value)), "draws": None, "degrees": math.inf}


def by_draws(terms):
    """The same of the mean of terms (S, N) at draws from each of N posteriors."""
    value, stderr, degrees = mean_over_strata(terms)
    return {"value": value, "stderr": stderr, "draws": terms.size, "degrees": degrees}


def draws_from_each(q, draws, rng, workers=None):
    """z (S, N, D), log q(z | n) and log q(z), both (S, N): S draws from each of the N posteriors.

    Every draw meets every posterior, in N² S D operations and memory for the draws alone.
    """
    draws = positive_integer(draws, "draws")
    if not is_numpy(getattr(q, "loc", np.empty(0))):
        raise TypeError(
            f"the draws are NumPy's, but the parameters of q are {type(q.loc).__module__}.{type(q.loc).__name__}: "
            "give NumPy arrays, such as q.loc.detach().cpu().numpy()"
        )
    with working(workers):
        z, log_conditional = q.sample_and_log_prob(draws, rng)
        return z, log_conditional, log_aggregate(q, z.reshape(-1, q.dim)).reshape(log_conditional.shape)


def log_aggregate(q, z):
    """log q(z) = log (1/N) Σ q(z | x_n) in nats for z (M, D): array (M,)."""
    white, whiten = independent_features(q)
    log_q = Mixture(None, white).log_prob(whiten(z))
    return settle(log_q if white is q else log_q - np.sum(log_diagonal(wide(q.scale_tril[0]))), z)


def independent_features(q):
    """(q, the function of z that goes with it) in coordinates where the features are independent, if there are such.

    Of normals with one covariance for all data, as linear models have, it is I in white coordinates, which one compiled
    pass serves. Densities change by the factor's determinant, divergences do not.
    """
    if not isinstance(q, FullNormal) or np.any(q.scale_tril != q.scale_tril[0]):
        return q, lambda z: z
    tril = wide(q.scale_tril[0])
    loc = solve_lower(tril, wide(q.loc))
    return DiagonalNormal(loc, np.ones_like(loc)), lambda z: solve_lower(tril, wide(z))


def mean_over_strata(terms):
    """(mean, standard error due to the draws, degrees of freedom) for independent terms (S, N), N data in equal parts.

    With S = 1 nothing tells a datum's own variance: the spread over all terms stands in, which is never smaller in
    expectation.
    """
    draws, count = terms.shape
    values = wide(terms)
    value = settle(values.mean(), terms)
    if not np.isfinite(value) or terms.size == 1:
        return value, settle(np.float64(math.nan), terms), terms.size - 1
    if draws == 1:
        return value, settle(values.std(ddof=1) / math.sqrt(count), terms), count - 1
    squares = values.var(axis=0, ddof=1) / draws
    total = squares.sum()
    # Welch and Satterthwaite's degrees of freedom for a sum of unequal variances.
    degrees = (draws - 1) * (total**2 / (squares**2).sum() if total > 0 else count)
    return value, settle(np.sqrt(total) / count, terms), float(degrees)
