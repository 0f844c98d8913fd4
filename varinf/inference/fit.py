"""Fit a variational family to a target: the call, and the result that says how far it got."""

import numpy as np

from varinf._arrays import generator, positive_integer
from varinf._progress import reporter
from varinf.estimate import Direction, Estimate
from varinf.evidence.iwelbo import iwelbo
from varinf.evidence.renyi_bound import renyi_bound
from varinf.inference.affine_map import AffineMap
from varinf.inference.deterministic import Objective, maximise
from varinf.inference.fixed_draws import can_whiten, fixed_draws, moments_for
from varinf.inference.linear_response import draw_errors, objective_error
from varinf.inference.result import Fit, fresh_elbo, log_density
from varinf.inference.stochastic import Plan, ascend
from varinf.inference.target import Target
from varinf.inference.variational_families import family_named
from varinf.models.model import positive_number

DRAWS = 32  # that a deterministic fit begins with, unless its family needs more
MOST_DRAWS = 4096  # ... and doubles to at most
SMALL = 0.1  # errors of the fixed draws are small from here on, against posterior standard deviations
FRESH = 4000  # draws that the ELBO of a fit is estimated from
UNBOUNDED = 1e12  # nats: an objective that passes this has no maximum
TICKS = 100  # of a progress bar, since how long Newton's method takes is not known beforehand


def fit(
    target,
    family="diagonal",
    method="deterministic",
    *,
    objective="elbo",
    draws=None,
    whiten=None,
    start=None,
    tolerance=SMALL,
    batch_size=None,
    max_steps=100_000,
    rng=None,
    progress=False,
):
    """Fit an approximate posterior q to a target by maximising a lower bound on its log normaliser.

    Parameters
    ----------
    target : Target
        Log density over free coordinates.
    family : {"diagonal", "full", "low_rank:R", "student_t:df"}
        Normal with independent coordinates, with any covariance, with R shared factors (5), or independent Student t
        coordinates (5 degrees of freedom).
    method : {"deterministic", "stochastic"}
        "deterministic": the ELBO over fixed draws, by Newton steps to its optimum; nothing to tune. "stochastic": new
        draws each step, for what has no other way: minibatches, and objectives other than the ELBO.
    objective : str
        "elbo"; for stochastic fits also "iwelbo:K", the importance-weighted bound of K draws, and "renyi:alpha", with
        alpha in [0, 1).
    draws : int, optional
        Deterministic: the number of fixed draws; None begins with 32, or twice the coordinates of a full family, and
        doubles until their error is small. Stochastic: draws a step, 10 unless K says otherwise.
    whiten : bool, optional
        Whether fixed draws are moved to covariance I, which takes two of them a coordinate. None does so where there
        are enough, and else to variance 1 in each coordinate; False leaves them as they come.
    start : array (free_dim,), optional
        Where q begins; 0 unless given.
    tolerance : float
        The error that the choice of fixed draws may leave in a mean, in posterior standard deviations, and in a
        standard deviation, relatively.
    batch_size : int, optional
        Stochastic fits of a `Target.from_data`: data per step; None takes all.
    max_steps : int
        Of a stochastic fit.
    rng : None, int, SeedSequence or Generator
        Seed or generator of all draws; the same gives the same fit.
    progress : bool or callable (done, total)
        A bar, where stderr is a terminal; or a function of yours.

    Returns
    -------
    Fit
        With `q`, `elbo`, `objective`, `converged`, `reason`. A fit that stalls, meets nan or is interrupted comes back
        with the best q that it saw, `converged` False, and the reason.

    Raises
    ------
    TypeError
        If the target is none.
    ValueError
        For options that do not fit each other: a full family with fewer draws than twice its coordinates, whose
        objective has no maximum; options of the other method.

    See Also
    --------
    Target : What can be fitted.
    diagnose : How far to trust the result.

    References
    ----------
    Giordano, Ingram, Broderick (2024), "Black box variational inference with a deterministic objective".
    Welandawe, Andersen, Vehtari, Huggins (2024), "A framework for improving the reliability of black-box variational
    inference", for how stochastic fits stop.

    Examples
    --------
    >>> import numpy as np, varinf as vi
    >>> precision = np.array([[2.0, 1.0], [1.0, 2.0]])
    >>> target = vi.Target(lambda z: -np.sum(z @ precision * z, axis=1) / 2, 2, gradient=lambda z: -z @ precision)
    >>> fit = vi.fit(target, family="full", rng=0)
    >>> fit.converged, np.allclose(fit.q.covariance, np.linalg.inv(precision), atol=1e-6)
    (True, True)
    >>> round(float(fit.elbo.value), 6)  # the log normaliser, log 2 pi - log 3 / 2
    1.288571
    """
    if not isinstance(target, Target):
        raise TypeError(f"target={target!r}: give a Target, such as vi.Target(log_prob, dim)")
    family, rng = family_named(family), generator(rng)
    start = _start(start, target.free_dim)
    if method == "deterministic":
        if objective != "elbo":
            raise ValueError(f"objective={objective!r} is for method='stochastic': deterministic fits climb the ELBO")
        if batch_size is not None:
            raise ValueError(f"batch_size={batch_size} is for method='stochastic': deterministic fits see all data")
        options = {"draws": draws, "whiten": whiten, "tolerance": positive_number(tolerance, "tolerance")}
        return _deterministic(target, family, start, options, rng, progress)
    if method == "stochastic":
        if whiten is not None:
            raise ValueError(f"whiten={whiten} is for method='deterministic', whose draws are fixed")
        plan = Plan.of(target, objective, draws, batch_size, positive_integer(max_steps, "max_steps"))
        ended = ascend(target, family, start, plan, rng, progress)
        q = family.member(ended.theta, ended.to)
        fresh = fresh_elbo(target, q, FRESH, rng)
        bound = fresh if plan.alpha is None else _climbed(target, q, plan, rng)
        options = {"objective": objective, "draws": draws, "batch_size": batch_size, "max_steps": max_steps}
        how = {"draws": plan.draws, "method": method, "options": options, "draw_stderr": None}
        return _result(target, family, ended, q, fresh, bound, **how)
    raise ValueError(f"method={method!r}: use 'deterministic' or 'stochastic'")


def _deterministic(target, family, start, options, rng, progress):
    draws, whiten, tolerance = options["draws"], options["whiten"], options["tolerance"]
    dim, grows = target.free_dim, draws is None
    need = 2 * dim if family.name == "full" else 2
    draws = (
        max(DRAWS, need, 2 * family.noise_dim(dim) if family.name == "low_rank" else 0)
        if grows
        else positive_integer(draws, "draws")
    )
    draws += draws % 2
    if draws < need:
        raise ValueError(
            f"draws={draws} is too few for a full family of {dim} coordinates: over fewer than {need} antithetic draws "
            "its objective has no maximum, since some direction is not looked at. Give more, or family='low_rank'"
        )
    if whiten and not can_whiten(family, dim, draws):
        what = (
            f"needs {2 * family.noise_dim(dim)} draws, and draws={draws}" if family.normal else "is for normal families"
        )
        raise ValueError(f"whiten=True {what}")
    theta, to, history = family.start(dim), AffineMap(start, np.ones(dim)), ()
    with reporter(progress, TICKS, "fit") as done:

        def heard(looks, value):
            done(min(looks, TICKS), f"ELBO over {draws} fixed draws {value:.2f}")

        while True:
            moments = moments_for(family, dim, draws, whiten)
            noise = fixed_draws(family, dim, draws, rng, moments)
            ended = maximise(target, family, noise, theta, to, heard, UNBOUNDED)
            history += ended.history
            objective, q = Objective(target, family, noise, ended.to), family.member(ended.theta, ended.to)
            ended, error = _with_error(ended, objective, moments, rng)
            relative = error / np.array([np.sqrt(np.asarray(q.variance)), np.ones(dim)])
            small = bool(np.all(relative <= tolerance))
            if not (grows and ended.converged) or small or 2 * draws > max(MOST_DRAWS, need):
                break
            draws, theta, to = 2 * draws, ended.theta, ended.to
        done(TICKS)
    reason = ended.reason
    if ended.converged and not small:
        moved = f"other fixed draws would move a mean by {np.max(relative[0]):.2g} standard deviations, or a standard "
        moved += f"deviation by {np.max(relative[1]):.0%}"
        reason += f"; {moved}: take more than {draws}"
    ended = ended._replace(history=history, reason=reason)
    stderr, degrees = objective_error(ended, objective, moments, rng)
    named = f"the ELBO over {draws} fixed draws"
    bound = Estimate(ended.value, float(stderr), "log p(x)", named, Direction.NEITHER, draws=draws, degrees=degrees)
    fresh = fresh_elbo(target, q, FRESH, rng)
    how = {"draws": draws, "method": "deterministic", "options": options, "draw_stderr": error[0]}
    return _result(target, family, ended, q, fresh, bound, **how, _curvature=(ended, objective))


def _with_error(ended, objective, moments, rng):
    """(ended, standard errors of the fixed draws), nan where the fit has not converged or is interrupted here."""
    try:
        if ended.converged:
            return ended, draw_errors(ended, objective, moments, rng)
    except KeyboardInterrupt:
        ended = ended._replace(converged=False, reason="interrupted while the error of the fixed draws was computed")
    return ended, np.full((2, objective.target.free_dim), np.nan)


def _result(target, family, ended, q, fresh, bound, **how):
    how |= {"converged": ended.converged, "reason": ended.reason, "history": ended.history, "family": family.label}
    return Fit(target=target, q=q, elbo=fresh, objective=bound, **how)


def _climbed(target, q, plan, rng):
    """The bound that a stochastic fit climbed, from draws of its own."""
    z, log_q = q.sample_and_log_prob(plan.draws * -(-FRESH // plan.draws), rng)
    log_w = log_density(target, z) - log_q
    return iwelbo(log_w, k=plan.draws) if plan.alpha == 0 else renyi_bound(log_w, plan.alpha)


def _start(start, dim):
    if start is None:
        return np.zeros(dim)
    start = np.asarray(start, dtype=np.float64)
    if start.shape != (dim,) or not np.isfinite(start).all():
        raise ValueError(f"start has shape {start.shape}: give {dim} finite free coordinates")
    return start
