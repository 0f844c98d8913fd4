"""The variational Rényi bound: one family from the ELBO (alpha = 1) over the IWELBO (0) to upper bounds (< 0)."""

import math

from varinf._arrays import finite_number, namespace
from varinf._kernels._precision import float64_inside
from varinf.diagnostics import caveats
from varinf.diagnostics.draws import Draws, as_number, log_mean_error
from varinf.estimate import Direction, Estimate
from varinf.evidence.elbo import elbo_of
from varinf.evidence.iwelbo import iwelbo_of

NEAR = 1e-2  # powers below this are taken about the mean of log w: see `_about_the_mean`


def renyi_bound(log_weights, alpha, *, axis=0, shared_draws=False, workers=None):
    """Variational Rényi bound, 1/(1 − alpha) · log mean w^(1 − alpha).

    Parameters
    ----------
    log_weights : array (draws, *batch), or `draws` of one
        Values of log p(x, z) − log q(z | x) in nats, z drawn from q; NumPy, torch or JAX.
    alpha : float
        Order. 1 is the ELBO, 0 the IWELBO of all draws, negative orders are upper bounds at infinite draws.
    axis : int
        The axis of the draws.
    shared_draws : bool
        The columns of a batch were computed from common draws.
    workers : int, optional
        Threads over the batch, for NumPy arrays: None or 1 serial, -1 all cores. The result is the same for any number.

    Returns
    -------
    Estimate
        Of "log p(x)" in nats, shape (*batch). alpha > 0: lower, and so is the average over S draws in expectation,
        since a power mean of order 1 − alpha < 1 never exceeds the arithmetic mean. alpha < 0: the estimand, at
        infinite draws, is an upper bound, but the estimate is biased low, so `is_bound` is False.

    Raises
    ------
    ValueError
        For no draws, nan, +inf, or an infinite alpha.

    See Also
    --------
    elbo : Order 1.
    iwelbo : Order 0.
    cubo : Orders below 0, written as the χ bound, and refused under heavy tails.
    renyi_divergence : What the bound leaves open, from q to the posterior, for alpha > 0.

    References
    ----------
    Li, Turner (2016), "Rényi divergence variational inference", eq. 4 and theorems 1 and 2.

    Examples
    --------
    >>> import numpy as np, varinf as vi
    >>> log_w = np.random.default_rng(0).normal(size=1000)
    >>> vi.elbo(log_w).value < vi.renyi_bound(log_w, alpha=0.5).value < vi.iwelbo(log_w).value
    np.True_
    """
    alpha = finite_number(alpha, "alpha")
    draws = Draws.of(log_weights, axis, workers)
    if alpha == 1:
        return elbo_of(draws, shared_draws)
    if alpha == 0:
        return iwelbo_of(draws, shared_draws)
    return power_mean(draws, 1 - alpha, f"Rényi bound of order {alpha:g}", "renyi_bound", shared_draws)


def power_mean(draws, power, name, objective, shared_draws=False):
    """(1/power) log mean w^power: a lower bound for power < 1, at infinite draws an upper one for power > 1."""
    moments = draws.moments(power)
    value, stderr = moments.log_mean / power, log_mean_error(moments, draws.xp) / abs(power)
    if near := abs(power) < NEAR:
        value, stderr, _ = _about_the_mean(draws.first(), power, value, stderr, 0.0)
    upper = power > 1
    return Estimate(
        as_number(value),
        as_number(stderr),
        quantity="log p(x)",
        estimand=f"{name}{'' if upper else f' from {draws.count:,} draws'}",
        direction=Direction.UPPER if upper else Direction.LOWER,
        bias="low" if upper else "none",
        draws=draws.count,
        degrees=draws.count - 1,
        objective=objective,
        shared_draws=shared_draws,
        k_hat_of=f"w^{power:g}",
        tail=lambda: draws.k_hat(power),
        influence=lambda: (
            _about_the_mean(draws.first(), power, value, stderr, draws.influence(power) / power)[2]
            if near
            else draws.influence(power) / power
        ),
        rules=(
            caveats.one_draw,
            caveats.zero_weights,
            caveats.heavy_weights if power > 0 else caveats.heavy_inverse_weights,
            *((caveats.plug_in,) if upper else ()),
        ),
    )


@float64_inside
def _about_the_mean(x, power, value, stderr, influence):
    """(value, error, each draw's influence) of (1/power) log mean w^power for a small power; x (draws, *batch).

    All w^power are then near 1, and the division magnifies the rounding of their mean's logarithm, eps/power, and of
    their spread, eps/power^2. About the mean m of log w, with e = expm1(power (log w - m)),

        (1/power) log mean w^power = m + log1p(mean e) / power,

    and w^power / mean w^power - 1 = (e - mean e) / (1 + mean e), to rounding however small the power. This is exact
    too, no expansion. The arguments stand where a log w lies so far out that power (log w - m) is no small number.
    """
    xp = namespace(x)
    mean = xp.mean(x, axis=0)
    argument = power * (x - mean)
    small = xp.all(xp.abs(argument) < 1, axis=0)  # not where a log w is infinite
    e = xp.expm1(xp.where(small, argument, 0.0))
    centre = xp.mean(e, axis=0)
    each = (e - centre) / ((1 + centre) * power)
    error = xp.sqrt(xp.mean(each**2, axis=0) / (x.shape[0] - 1)) if x.shape[0] > 1 else math.nan * mean
    return (
        xp.where(small, mean + xp.log1p(centre) / power, value),
        xp.where(small, error, stderr),
        xp.where(small, each, influence),
    )
