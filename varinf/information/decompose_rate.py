"""The rate in three parts: information, correlation between units, and each unit's distance from the reference."""

import math
from typing import NamedTuple

import numpy as np

from varinf._pool import working
from varinf.diagnostics import caveats
from varinf.estimate import Direction, Estimate
from varinf.families.diagonal_normal import DiagonalNormal
from varinf.families.family import wide
from varinf.families.normal import Normal
from varinf.information.aggregate import by_draws, check_posteriors, draws_from_each, log_aggregate, reference_for


class RateParts(NamedTuple):
    """What `decompose_rate` returns: Estimates in nats, from the same draws; the last three add up to the first."""

    rate: Estimate  #: The mean KL(q(z|n) || r(z)).
    index_information: Estimate  #: I(n;Z), the part that is information.
    total_correlation: Estimate  #: KL(q(z) || Π_d q(z_d)): how far the units of the aggregate are from independent.
    dimension_wise_kl: Estimate  #: Σ_d KL(q(z_d) || r(z_d)): each unit's aggregate against the reference.


def decompose_rate(q, reference=None, draws=1, rng=None, workers=None):
    """Carve the rate of a data set into index information, total correlation and dimension-wise KL.

    For a reference whose features are independent,
    mean KL(q(z|n) || r(z)) = I(n;Z) + KL(q(z) || Π_d q(z_d)) + Σ_d KL(q(z_d) || r(z_d)),
    q(z) being the aggregate and q(z_d) its marginals. All parts come from the same draws, so that they
    add up, to rounding.

    Parameters
    ----------
    q : Normal, batch shape (N,)
        The encoder's posteriors, one per datum, such as DiagonalNormal with loc (N, D); NumPy arrays.
    reference : DiagonalNormal, batch shape (), optional
        Density r(z); the standard normal N(0, I) unless given.
    draws : int
        Draws from each datum's posterior. Work grows as draws · N² · D.
    rng : None, int, SeedSequence or Generator
        Seed or generator of the draws; None draws anew each time.
    workers : int, optional
        Threads: None or 1 serial, -1 all cores. The result is the same for any number.

    Returns
    -------
    RateParts
        Named tuple (rate, index_information, total_correlation, dimension_wise_kl) of Estimates, each exact for the
        data set, unbiased, in nats. `rate` takes the same draws as its parts; `varinf.rate` has its closed form. With
        draws=1 errors hold the spread between data too, hence are too large rather than too small.

    Raises
    ------
    ValueError
        For a q without one batch axis, or a reference with one.
    TypeError
        For posteriors that are not normal, a reference that is not a DiagonalNormal, or parameters of torch or JAX.

    See Also
    --------
    rate : The whole, in closed form.
    index_information : The first part alone.
    aggregate_kl : The other two together.

    References
    ----------
    Hoffman, Johnson (2016), "ELBO surgery: yet another way to carve up the variational evidence lower bound".
    Chen, Li, Grosse, Duvenaud (2018), "Isolating sources of disentanglement in variational autoencoders", eq. 2.

    Examples
    --------
    >>> import numpy as np, varinf as vi
    >>> x = np.random.default_rng(0).normal(size=(300, 1))
    >>> q = vi.DiagonalNormal(np.hstack([x, x]), np.full((300, 2), 0.5))  # two units that say the same
    >>> parts = vi.decompose_rate(q, draws=5, rng=0)
    >>> bool(parts.total_correlation.value > 0.4)
    True
    >>> abs(float(parts.rate) - sum(float(part) for part in parts[1:])) < 1e-12
    True
    """
    check_posteriors(q)
    if not isinstance(q, Normal):
        raise TypeError(f"q is {q!r}: its units' marginals are known for normals, such as DiagonalNormal(loc, scale)")
    r = reference_for(q, reference)
    if not isinstance(r, DiagonalNormal):
        raise TypeError(f"reference is {r!r}: its features must be independent; give a DiagonalNormal")
    z, log_conditional, log_q = draws_from_each(q, draws, rng, workers)
    loc, scale = q.mean, np.sqrt(q.variance)
    marginals = np.zeros(log_q.shape)
    with working(workers):
        for d in range(q.dim):
            unit = DiagonalNormal(loc[:, d : d + 1], scale[:, d : d + 1])
            marginals += log_aggregate(unit, z[..., d].reshape(-1, 1)).reshape(log_q.shape)
    conditional, aggregate, log_r = (wide(x) for x in (log_conditional, log_q, r.log_prob(z)))

    def part(terms, quantity, estimand, **fields):
        return Estimate(
            **by_draws(terms.astype(z.dtype, copy=False)),
            quantity=quantity,
            estimand=estimand,
            direction=Direction.EXACT,
            rules=(caveats.one_draw, caveats.saturated),
            **fields,
        )

    return RateParts(
        part(conditional - log_r, "the rate of the data set", "E[log q(z|n) - log r(z)]"),
        part(
            conditional - aggregate,
            "I(n;Z)",
            "E[log q(z|n) - log q(z)]",
            objective="index_information",
            ceiling=math.log(len(q)),
        ),
        part(aggregate - marginals, "the total correlation", "E[log q(z) - sum_d log q(z_d)]"),
        part(marginals - log_r, "the dimension-wise KL", "E[sum_d log q(z_d) - log r(z)]"),
    )
