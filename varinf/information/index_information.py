"""The information between a datum's index and its code: what the posteriors of one data set keep apart."""

import math

from varinf.diagnostics import caveats
from varinf.estimate import Direction, Estimate
from varinf.families.categorical import Categorical
from varinf.information.aggregate import by_draws, check_posteriors, draws_from_each, exactly
from varinf.information.mutual_information import mutual_information


def index_information(q, draws=1, rng=None, workers=None):
    """I(n;Z) of the data set as it stands: how well a code z tells which of the N data it came from.

    The mean over the data of log q(z_n | n) − log (1/N) Σ_m q(z_n | m), with z_n drawn from q(z | n). On the data set
    rate(q, over="dataset") = index_information(q) + aggregate_kl(q) (Theorem 3).

    Parameters
    ----------
    q : Family, batch shape (N,)
        The encoder's posteriors, one per datum, such as DiagonalNormal with loc (N, D); NumPy arrays. For categories,
        of any library, it is the mutual information of a table: nothing is drawn, and the value is exact.
    draws : int
        Draws from each datum's posterior. Work grows as draws · N² · D.
    rng : None, int, SeedSequence or Generator
        Seed or generator of the draws; None draws anew each time.
    workers : int, optional
        Threads over the draws: None or 1 serial, -1 all cores. The result is the same for any number.

    Returns
    -------
    Estimate
        Of "I(n;Z)", direction exact, unbiased, in nats. The quantity lies between 0 and log N; the estimate never
        exceeds log N, its `ceiling`, and can fall below 0 by noise. Within 0.1 nat of log N a caveat says that it is
        saturated. The data set is fixed: the error is that of the draws, and with draws=1 also holds the spread between
        data, hence is too large rather than too small. Over data sets of N drawn from p(x), which the encoder never
        saw, its expectation is a lower bound on I(X;Z): InfoNCE with the known encoder as critic.

    Raises
    ------
    ValueError
        For a q without one batch axis.
    TypeError
        For parameters of torch or JAX, except those of categories: the draws are NumPy's.

    See Also
    --------
    rate : An upper bound on it, often in closed form.
    aggregate_kl : How far the rate lies above it.
    mutual_information : The information in a table, exactly.

    References
    ----------
    Hoffman, Johnson (2016), "ELBO surgery: yet another way to carve up the variational evidence lower bound", the
    index-code mutual information.
    Poole, Ozair, van den Oord, Alemi, Tucker (2019), "On variational bounds of mutual information", eq. 12, for the
    lower bound with a known conditional, and log N as its ceiling.

    Examples
    --------
    >>> from varinf.families.diagonal_normal import DiagonalNormal
    >>> from varinf import index_information
    >>> q = DiagonalNormal([[-1.0], [1.0]], [[1.0], [1.0]])  # z = x + N(0, 1): 0.3368 nats
    >>> i = index_information(q, draws=20_000, rng=0)
    >>> i.quantity, round(float(i), 2), i.caveats
    ('I(n;Z)', 0.34, ())
    """
    check_posteriors(q)
    if isinstance(q, Categorical):
        found = exactly(mutual_information(q.probs / len(q)))  # the table of a datum's index and its code
    else:
        _, log_conditional, log_aggregate = draws_from_each(q, draws, rng, workers)
        found = by_draws(log_conditional - log_aggregate)
    return Estimate(
        **found,
        quantity="I(n;Z)",
        estimand=f"E[log q(z|n) - log q(z)] over {len(q):,} data",
        direction=Direction.EXACT,
        objective="index_information",
        ceiling=math.log(len(q)),
        rules=(caveats.one_draw, caveats.saturated),
    )
