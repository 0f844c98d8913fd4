"""The divergence of the aggregate from the reference: what the rate adds to the information (Theorem 3 of the page)."""

import numpy as np

from varinf._arrays import namespace, to_numpy
from varinf.diagnostics import caveats
from varinf.divergences.kl import kl
from varinf.estimate import Direction, Estimate
from varinf.families.categorical import Categorical
from varinf.information.aggregate import by_draws, check_posteriors, draws_from_each, exactly, reference_for


def aggregate_kl(q, reference=None, draws=1, rng=None, workers=None):
    """KL(q(z) || r(z)) for the aggregate q(z) = (1/N) Σ q(z | x_n) of the data set, by draws from it.

    It is the gap of Theorem 3: how far the rate lies above the information. On the data set
    rate(q, over="dataset") = index_information(q) + aggregate_kl(q). Both terms on the right come from log q(z), which
    cancels in their sum: from the same draws the identity holds whatever density one puts there, so it is no
    test of the density.

    Parameters
    ----------
    q : Family, batch shape (N,)
        The encoder's posteriors, one per datum, such as DiagonalNormal with loc (N, D); NumPy arrays. Categories,
        whose aggregate is a Categorical too, take any library's, and nothing is drawn: the value is exact.
    reference : Family, batch shape (), optional
        Density r(z), any family; the standard normal N(0, I) unless given; categories need one of their own.
    draws : int
        Draws from each datum's posterior. Work grows as draws · N² · D.
    rng : None, int, SeedSequence or Generator
        Seed or generator of the draws; None draws anew each time.
    workers : int, optional
        Threads over the draws: None or 1 serial, -1 all cores. The result is the same for any number.

    Returns
    -------
    Estimate
        Of "KL(q(z) || r(z))", direction exact, unbiased, in nats; it can fall below 0 by noise. The data set is fixed:
        the error is that of the draws, and with draws=1 also holds the spread between data, hence is too large rather
        than too small. Over data sets drawn from p(x) the mean of the empirical aggregate's KL lies above the
        population's, since KL is convex.

    Raises
    ------
    ValueError
        For a q without one batch axis, a reference with one, different dimensions, or categories without a reference.
    TypeError
        For parameters of torch or JAX, except those of categories: the draws are NumPy's.

    See Also
    --------
    rate : Information and this gap together.
    index_information : The information by itself.
    Mixture : The aggregate as a distribution, ``Mixture(None, q)``.

    References
    ----------
    Hoffman, Johnson (2016), "ELBO surgery: yet another way to carve up the variational evidence lower bound", the
    marginal KL to the prior.

    Examples
    --------
    >>> from varinf.families.diagonal_normal import DiagonalNormal
    >>> from varinf import aggregate_kl
    >>> q = DiagonalNormal([[-1.0], [1.0]], [[1.0], [1.0]])  # the gap to N(0, 2) is 0.0097
    >>> gap = aggregate_kl(q, DiagonalNormal([0.0], [2.0**0.5]), draws=20_000, rng=0)
    >>> gap.direction.value, round(float(gap), 2)
    ('exact', 0.01)
    """
    check_posteriors(q)
    r = reference_for(q, reference)
    if isinstance(q, Categorical):
        found = exactly(kl(Categorical(probs=namespace(q.probs).mean(q.probs, axis=0)), r))
    else:
        z, _, log_aggregate = draws_from_each(q, draws, rng, workers)
        found = by_draws(log_aggregate - to_numpy(r.log_prob(z)))
    return Estimate(
        **found,
        quantity="KL(q(z) || r(z))",
        estimand="E_q(z)[log q(z) - log r(z)]",
        direction=Direction.EXACT,
        objective="aggregate_kl",
        rules=(caveats.one_draw, _missed_mass),
    )


def _missed_mass(estimate):
    if np.isposinf(to_numpy(estimate.value)):
        return "+inf: r(z) has density zero at draws from the aggregate"
    return None
