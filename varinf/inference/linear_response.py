"""What the curvature of a deterministic objective says: linear-response covariances, and the error of fixed draws."""

import numpy as np

from varinf.inference.deterministic import FLAT, Objective, damped, solve
from varinf.inference.fixed_draws import fixed_draws

UNITS = 16  # groups of antithetic pairs at most, whose means are solved for: their spread is known to 18%
REPLICATES = 8  # sets of draws that stand in for the one that was fixed, where draws of a set are not independent


def linear_response_covariance(optimum, objective, directions):
    """Covariance (K, K) of linear functions `directions` (K, D) of free coordinates under the posterior.

    Giordano, Broderick, Jordan (2018), "Covariances, robustness, and variational Bayes", eq. 14: to tilt the target by
    t . z moves the optimal loc by (-Hessian of F)^-1 t, and the derivative of a posterior mean in such a tilt is a
    covariance. Exact for normal targets, whatever family was fitted; directions are solved for one at a time, by
    conjugate gradients.
    """
    scale = optimum.to.scale
    pulled = directions * scale if scale.ndim == 1 else directions @ scale
    dim, responses = pulled.shape[1], []
    flat = max(FLAT, objective.family.damping)
    for row in pulled:
        tilt = np.zeros_like(optimum.theta)
        tilt[:dim] = row
        response = solve(lambda v: -objective.hessian_product(optimum.theta, v), tilt, flat=flat)
        if response is None:
            raise ValueError(
                "the fitted objective is not concave where the fit ended, so linear response has no covariance: let "
                "the fit converge, or take more draws"
            )
        responses.append(response[:dim])
    covariance = pulled @ np.array(responses).T
    return (covariance + covariance.T) / 2


def draw_errors(optimum, objective, moments, rng):
    """Standard errors of loc (D,) and of log scales (D,) over other fixed draws; nan where F is not concave.

    The optimum moves by (-Hessian)^-1 times the change of the gradient. Of plain draws, antithetic pairs are the
    independent units whose gradients are averaged (the sandwich of M-estimation). Draws moved to given moments depend
    on each other, and on purpose: there the gradient's change is that between whole sets, drawn and whitened anew.
    """
    theta, dim = optimum.theta, objective.target.free_dim
    alone = moments == "plain"
    if not alone:
        sets = (fixed_draws(objective.family, dim, len(objective.noise), rng, moments) for _ in range(REPLICATES))
        changes = [_mean_gradient(objective, noise, theta) for noise in sets]
    else:
        pairs = objective.gradients(theta)
        changes = [part.mean(axis=0) for part in np.array_split(pairs, min(len(pairs), UNITS))]
    moves = [solve(lambda v: damped(objective, theta, v), change, 1e-2) for change in changes]
    if any(move is None for move in moves):
        return np.full((2, dim), np.nan)
    moves = np.array(moves)
    moved = np.array([objective.to.turn(moves[:, :dim]), objective.family.spread_change(theta, moves)])
    if not alone:  # a new set moves the optimum by its own gradient, which is zero at its own optimum
        return np.sqrt(np.mean(moved**2, axis=1))
    return moved.std(axis=1, ddof=1) / np.sqrt(len(moves))


@np.errstate(over="ignore", invalid="ignore")  # values of 1e300, far out, have no spread that a float holds
def objective_error(optimum, objective, moments, rng):
    """(standard error of the objective over other fixed draws, its degrees of freedom)."""
    if moments == "plain":
        pairs = np.mean(optimum.each.reshape(2, -1), axis=0)
        return np.std(pairs, ddof=1) / np.sqrt(len(pairs)) if len(pairs) > 1 else np.nan, len(pairs) - 1
    dim, draws = objective.target.free_dim, len(objective.noise)
    values = []
    for _ in range(REPLICATES):
        noise = fixed_draws(objective.family, dim, draws, rng, moments)
        other = Objective(objective.target, objective.family, noise, objective.to)
        values.append(other.value_and_gradient(optimum.theta)[0])
    return np.std(values, ddof=1), REPLICATES - 1


def _mean_gradient(objective, noise, theta):
    other = Objective(objective.target, objective.family, noise, objective.to)
    return other.gradient(theta)
