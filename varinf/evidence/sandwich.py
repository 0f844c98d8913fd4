"""log p(x) between two estimates: from draws of q below, from draws of the posterior above."""

import numpy as np

from varinf._arrays import as_array, generator, positive_integer
from varinf._progress import reporter
from varinf._sandwich import Sandwich
from varinf.evidence.eubo import eubo
from varinf.evidence.evaluate import chunk_sizes, is_family, log_weights, streams, weights_of_draws
from varinf.evidence.iwelbo import iwelbo

CHAINS = 4


def sandwich(model, x, q, draws=10_000, *, rng=None, progress=False):
    """Bracket log p(x): the IWELBO from draws of q, the EUBO from draws of the posterior.

    Parameters
    ----------
    model : model
        With `log_joint(x, z)`, and either `posterior(x)`, which samples exactly, or `posterior_chains(n, rng, chains)`,
        Markov chains (n, chains, D) for a model that holds its data; see `varinf.models.model`.
    x : array (N, F), or None
        Data; None for a model that holds its own.
    q : family
        Approximate posterior, batch shape (N,), or () for x=None.
    draws : int
        Draws on each side for each datum. The log weights of all of them are kept: 16 N · draws bytes.
    rng : None, int, SeedSequence or Generator
        Seed or generator of the draws on both sides; None draws anew each time.
    progress : bool or callable (done, total)
        Over draws of both sides.

    Returns
    -------
    Sandwich
        `lower` and `upper`, of "log p(x)" in nats, from independent draws; `assumptions` says what the two rest on.
        From exact posterior draws both are bounds. From Markov chains the upper side holds only as far as they have
        converged, so its `is_bound` is False.

    Raises
    ------
    TypeError
        If the model offers neither way to its posterior.
    ValueError
        If shapes disagree, or draws from q have a log weight that is nan or +inf.

    See Also
    --------
    Sandwich : What it returns.
    eubo : The upper side.
    iwelbo : The lower side.
    evaluate : The lower side alone, for many data.

    References
    ----------
    Grosse, Ghahramani, Adams (2015), "Sandwiching the marginal likelihood using bidirectional Monte Carlo".

    Examples
    --------
    >>> from varinf.evidence.sandwich import sandwich
    >>> from varinf.families.full_normal import FullNormal
    >>> from varinf.models import EightSchools
    >>> import numpy as np
    >>> model = EightSchools()
    >>> q = FullNormal(model.posterior().mean, covariance=np.diag([11.0, 1.5] + [30.0] * 8))
    >>> b = sandwich(model, None, q, draws=2000, rng=0)
    >>> b.lower.direction.value, b.upper.direction.value
    ('lower', 'upper')
    >>> b.interval(0.99).low < model.log_evidence() < b.interval(0.99).high
    np.True_
    """
    draws = positive_integer(draws, "draws")
    if not is_family(q):
        raise TypeError(f"q={q!r}: use a family, with batch shape (N,), or () for x=None")
    if not hasattr(model, "log_joint"):
        raise TypeError(f"model={model!r} has no log_joint(x, z): give a model, see varinf.models.model")
    x = x if x is None or hasattr(x, "shape") else as_array(x, "x")
    if x is not None and not x.shape:
        raise TypeError(f"x={x}: give an array (N, F), one row per datum, or None for a model that holds its data")
    if tuple(q.batch_shape) != (batch := () if x is None else (len(x),)):
        data = "x is None" if x is None else f"x has shape {tuple(x.shape)}"
        raise ValueError(
            f"q has batch shape {tuple(q.batch_shape)} but {data}, which needs {batch}: one distribution per datum, or "
            "() for a model that holds its own data"
        )
    below, above = map(generator, streams(rng, 2))
    assumptions = ["log p(x, z) and log q(z) are the logarithms of normalised densities"]
    with reporter(progress, 2 * draws, "sandwich") as done:
        log_w = []
        for size in chunk_sizes(draws, x, q):
            log_w.append(weights_of_draws(model.log_joint, x, q, size, below, sum(map(len, log_w))))
            done(sum(map(len, log_w)))
        lower = iwelbo(np.concatenate(log_w))
        if hasattr(model, "posterior_chains"):
            z = model.posterior_chains(-(-draws // CHAINS), rng=above, chains=CHAINS)
            upper = eubo(log_weights(model.log_joint, x, z, q.log_prob(z)), chain_axis=1)
            assumptions.append(f"the {CHAINS} Markov chains behind the upper side have converged to the posterior")
        elif hasattr(model, "posterior"):
            posterior, log_w = model.posterior(x), []
            for size in chunk_sizes(draws, x, q):
                z = posterior.sample(size, above)
                log_w.append(log_weights(model.log_joint, x, z, q.log_prob(z), sum(map(len, log_w))))
                done(draws + sum(map(len, log_w)))
            upper = eubo(np.concatenate(log_w))
            assumptions.append("the draws behind the upper side are exact, independent draws from the posterior")
        else:
            raise TypeError(
                f"{type(model).__name__} has neither posterior(x) nor posterior_chains(n): the upper side needs one"
            )
        done(2 * draws)
    return Sandwich(lower, upper, tuple(assumptions))
