"""The evidence upper bound: log w averaged over draws from the posterior instead of q."""

import math

from varinf._arrays import check_posterior_draws, namespace, normal_axis
from varinf.diagnostics import caveats
from varinf.diagnostics.draws import Draws, mean_error
from varinf.estimate import Direction, Estimate
from varinf.evidence.markov import upper_limit


def eubo(log_weights_at_posterior_draws, *, chain_axis=None, axis=0, shared_draws=False, workers=None):
    """Evidence upper bound: the mean of log w over draws from the posterior, log p(x) + KL(p(z | x) || q).

    Parameters
    ----------
    log_weights_at_posterior_draws : array (draws, *batch)
        Values of log p(x, z) − log q(z | x) in nats, z drawn from the posterior p(z | x); NumPy, torch or JAX. +inf is
        data: q has density zero there.
    chain_axis : int, optional
        For Markov chains: the axis that holds the chains, 1 if it follows that of the draws. The error is then that of
        batch means of length sqrt(draws) within the chains. None: independent exact draws.
    axis : int
        The axis of the draws.
    shared_draws : bool
        The columns of a batch were computed from common draws.
    workers : int, optional
        Threads over the batch, for NumPy arrays: None or 1 serial, -1 all cores. The result is the same for any number.

    Returns
    -------
    Estimate
        Of "log p(x)" in nats, shape (*batch): direction upper. Unbiased for exact independent draws, hence a bound, and
        ``interval(kind="markov")`` is an upper limit on log p(x) without any assumption on the tail. From Markov
        chains the bias is unknown: `is_bound` is False and a caveat says why. `k_hat` is that of 1/w.

    Raises
    ------
    ValueError
        For no draws, nan, -inf (no posterior draw has p(x, z) = 0), or chains of fewer than four draws.

    See Also
    --------
    sandwich : This above, the IWELBO below, for a model and a q.
    thermodynamic : The log evidence between the two, from both kinds of draws.
    cubo : An upper bound at infinite draws, from draws of q alone.

    References
    ----------
    Grosse, Ghahramani, Adams (2015), "Sandwiching the marginal likelihood using bidirectional Monte Carlo".
    Ji, Shen (2019), "Stochastic variational inference via upper bound", for the name.

    Examples
    --------
    >>> import numpy as np, varinf as vi
    >>> log_w = np.random.default_rng(0).normal(0.5, 1.0, size=10_000)
    >>> b = vi.eubo(log_w)
    >>> b.direction.value, b.is_bound
    ('upper', True)
    """
    name = "log_weights_at_posterior_draws"
    draws = Draws(log_weights_at_posterior_draws, axis, name, posterior=True, workers=workers)
    check_posterior_draws(draws.x, name)
    if chain_axis is not None:
        return _from_chains(draws, normal_axis(chain_axis, draws.x.ndim, name), shared_draws)
    moments = draws.moments()
    return Estimate(
        moments.mean,
        mean_error(moments, draws.xp),
        draws=draws.count,
        degrees=draws.count - 1,
        k_hat_of="1/w",
        tail=lambda: draws.k_hat(-1.0),
        influence=lambda: draws.first() - moments.mean,
        markov=upper_limit(draws),
        rules=(caveats.one_draw, caveats.missed_mass),
        shared_draws=shared_draws,
        **_ABOUT,
    )


def _from_chains(draws, chain_axis, shared_draws):
    """Means of batches of about sqrt(draws) consecutive draws, independent to first order, pooled over chains."""
    if chain_axis == draws.axis:
        raise ValueError(f"chain_axis={chain_axis} is the axis of the draws; the chains need an axis of their own")
    xp = draws.xp
    x = xp.moveaxis(draws.first(), chain_axis + (chain_axis < draws.axis), 1)
    length, chains = x.shape[:2]
    if length < 4 or chains < 1:
        raise ValueError(f"{chains} chains of {length} draws: at least one chain of 4 draws is needed for batch means")
    pooled = xp.reshape(x, (length * chains, *x.shape[2:]))
    moments = Draws(pooled, 0, draws.name, posterior=True, workers=draws.workers).moments()
    size = math.isqrt(length)
    count = length // size
    batches = xp.mean(xp.reshape(x[length - size * count :, ...], (count, size, *x.shape[1:])), axis=1)
    means = Draws(xp.reshape(batches, (count * chains, *x.shape[2:])), 0, draws.name, posterior=True)
    return Estimate(
        moments.mean,
        mean_error(means.moments(), namespace(moments.mean)),
        bias="unknown",
        draws=moments.draws,
        degrees=means.count - 1,
        influence=lambda: means.first() - means.moments().mean,
        rules=(caveats.missed_mass, caveats.markov_chain),
        shared_draws=shared_draws,
        **_ABOUT,
    )


_ABOUT = {"quantity": "log p(x)", "estimand": "EUBO", "direction": Direction.UPPER, "objective": "eubo"}
