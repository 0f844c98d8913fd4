"""The evidence lower bound (Definition 1 of the page)."""

from varinf.diagnostics import caveats
from varinf.diagnostics.draws import Draws, mean_error
from varinf.estimate import Direction, Estimate

_RULES = (caveats.one_draw, caveats.zero_weights, caveats.loose)
_LOWER = Direction.LOWER


def elbo(log_weights, *, axis=0, shared_draws=False, workers=None):
    """Evidence lower bound: the mean of log w over draws from q.

    log p(x) = E_q[log p(x, z) − log q(z | x)] + KL(q(z | x) || p(z | x)); the first term is the ELBO.

    Parameters
    ----------
    log_weights : array (draws, *batch), or `draws` of one
        Values of log p(x, z) − log q(z | x) in nats, z drawn from q; NumPy, torch or JAX. -inf is a draw of probability
        zero.
    axis : int
        The axis of the draws.
    shared_draws : bool
        The columns of a batch were computed from common draws; their mean and sum then take the errors jointly.
    workers : int, optional
        Threads over the batch, for NumPy arrays: None or 1 serial, -1 all cores. The result is the same for any number.

    Returns
    -------
    Estimate
        Of "log p(x)" in nats, shape (*batch): direction lower, unbiased.

    Raises
    ------
    ValueError
        For no draws, nan or +inf: how many, and where the first one is.

    See Also
    --------
    iwelbo : Tighter for the same draws, a lower bound too.
    eubo : The upper side, from draws of the posterior.
    identity : What the ELBO leaves open, KL(q || p(z | x)), where a model has it in closed form.
    LogWeights.elbo : The same from a stream of log weights.

    References
    ----------
    Jordan, Ghahramani, Jaakkola, Saul (1999), "An introduction to variational methods for graphical models", eq. 49.
    Kingma, Welling (2014), "Auto-encoding variational Bayes", eq. 2.

    Examples
    --------
    >>> import numpy as np, varinf as vi
    >>> log_w = np.random.default_rng(0).normal(-31, 1, size=10_000)
    >>> b = vi.elbo(log_w)
    >>> round(float(b), 2), b.direction.value, b.is_bound
    (-30.99, 'lower', True)
    """
    return elbo_of(Draws.of(log_weights, axis, workers), shared_draws)


def elbo_of(source, shared_draws=False, rules=()):
    """The ELBO of anything with moments: draws in memory, or a streamed state."""
    moments = source.moments()
    kept = isinstance(source, Draws)
    return lower_bound(
        moments.mean,
        mean_error(moments, source.xp),
        "ELBO",
        objective="elbo",
        draws=moments.draws,
        degrees=moments.draws - 1,
        shared_draws=shared_draws,
        tail=source.k_hat,
        influence=(lambda: source.first() - moments.mean) if kept else None,
        rules=_RULES + rules,
    )


def lower_bound(
    value,
    stderr,
    estimand,
    *,
    objective,
    draws,
    degrees,
    shared_draws,
    tail,
    influence,
    rules,
    bias_estimate=None,
    markov=None,
):
    """An estimate of log p(x) from below, in nats, unbiased for its estimand.

    By place, since to give a class twelve names takes as long as a kernel on few draws.
    """
    return Estimate(
        value,
        stderr,
        "log p(x)",
        estimand,
        _LOWER,
        "none",
        draws,
        degrees,
        "nats",
        bias_estimate,
        objective,
        shared_draws,
        "w",
        tail,
        influence,
        markov,
        rules,
    )
