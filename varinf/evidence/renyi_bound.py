"""The variational Rényi bound: one family from the ELBO (alpha = 1) over the IWELBO (0) to upper bounds (< 0)."""

from varinf._arrays import finite_number
from varinf.diagnostics import caveats
from varinf.diagnostics.draws import Draws, log_mean_error
from varinf.estimate import Direction, Estimate
from varinf.evidence.elbo import elbo_of
from varinf.evidence.iwelbo import iwelbo_of


def renyi_bound(log_weights, alpha, *, axis=0, shared_draws=False):
    """Variational Rényi bound, 1/(1 − alpha) · log mean w^(1 − alpha).

    Parameters
    ----------
    log_weights : array (draws, *batch)
        log p(x, z) − log q(z | x) in nats, z drawn from q; NumPy, torch or JAX.
    alpha : float
        Order. 1 is the ELBO, 0 the IWELBO of all draws, negative orders are upper bounds at infinite draws.
    axis : int
        The axis of the draws.
    shared_draws : bool
        The columns of a batch were computed from common draws.

    Returns
    -------
    Estimate
        Of "log p(x)", in nats. alpha > 0: lower, and so is the average over S draws in expectation, since a power
        mean of order 1 − alpha < 1 never exceeds the arithmetic mean. alpha < 0: the estimand, at infinite draws, is
        an upper bound, but the estimate is biased low, so `is_bound` is False.

    Raises
    ------
    ValueError
        For no draws, nan, +inf, or an infinite alpha.

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
    draws = Draws(log_weights, axis)
    if alpha == 1:
        return elbo_of(draws, shared_draws)
    if alpha == 0:
        return iwelbo_of(draws, shared_draws)
    return power_mean(draws, 1 - alpha, f"Rényi bound of order {alpha:g}", "renyi_bound", shared_draws)


def power_mean(draws, power, name, objective, shared_draws=False):
    """(1/power) log mean w^power: a lower bound for power < 1, at infinite draws an upper one for power > 1."""
    moments = draws.moments(power)
    upper = power > 1
    return Estimate(
        moments.log_mean / power,
        log_mean_error(moments, draws.xp) / abs(power),
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
        influence=lambda: draws.influence(power) / power,
        rules=(
            caveats.one_draw,
            caveats.zero_weights,
            caveats.heavy_weights,
            *((caveats.plug_in,) if upper else ()),
        ),
    )
