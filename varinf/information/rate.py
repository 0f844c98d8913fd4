"""The rate: the mean KL to a reference, an upper bound on information (Theorem 3 of the page)."""

import math

from varinf._arrays import namespace
from varinf.divergences.kl import kl
from varinf.estimate import Direction, Estimate
from varinf.families.family import scalar, settle, wide
from varinf.information.aggregate import check_posteriors, reference_for


def rate(q, reference=None, over="population", draws=None, rng=None):
    """Mean of KL(q(z | x_n) || r(z)) over the data: an upper bound on the information that z keeps about x.

    E_p(x) KL(q(z | x) || r(z)) = I(X;Z) + KL(q(z) || r(z)), and the second term is never negative (Theorem 3). On the
    data set as it stands, rate(q, over="dataset") = index_information(q) + aggregate_kl(q), exactly.

    Parameters
    ----------
    q : Family, batch shape (N,)
        The encoder's posteriors, one per datum, such as DiagonalNormal with loc (N, D).
    reference : Family, batch shape (), optional
        Density r(z), any family; the standard normal N(0, I) unless given; categories need one of their own. The bound
        is tight when r(z) is the aggregate q(z).
    over : {"population", "dataset"}
        "population": the data are a sample of p(x); the quantity is I(X;Z), the error sd/sqrt(N) over the data. The
        direction holds for an encoder, and a reference, that were not fitted to these data. "dataset": these N data
        are all there is; the quantity is I(n;Z) between a datum's index and its code, and closed forms leave no error.
    draws : int, optional
        Draws per datum for a Monte Carlo KL. None: the closed form, or 1,000 draws where there is none.
    rng : None, int, SeedSequence or Generator
        For the Monte Carlo KL: seed or generator of the draws; None draws anew each time.

    Returns
    -------
    Estimate
        Direction upper, unbiased, in nats, of "I(X;Z)" or "I(n;Z)". NumPy, torch and JAX parameters; `value` is
        differentiable in them where the KL is. `draws` is None where the closed form draws nothing.

    Raises
    ------
    ValueError
        For a q without one batch axis, a reference with one, different dimensions, an unknown `over`, or categories
        without a reference.

    See Also
    --------
    index_information : The information that the rate bounds, on a data set.
    aggregate_kl : How far the rate lies above it.
    kl : One datum's term.
    gaussian_mutual_information : The information I(X;Z) itself, for a linear Gaussian encoder.

    References
    ----------
    Alemi, Poole, Fischer, Dillon, Saurous, Murphy (2018), "Fixing a broken ELBO", eq. 4: the rate R.
    Poole, Ozair, van den Oord, Alemi, Tucker (2019), "On variational bounds of mutual information", eq. 1.
    Hoffman, Johnson (2016), "ELBO surgery", for the data set.

    Examples
    --------
    >>> from varinf.families.diagonal_normal import DiagonalNormal
    >>> from varinf import rate
    >>> q = DiagonalNormal([[-1.0], [1.0]], [[1.0], [1.0]])  # z = x + N(0, 1), x = -1 or 1: I(X;Z) = 0.3368
    >>> print(rate(q, over="dataset"))
    0.5000 ± 0 nats, upper bound on I(n;Z)
    >>> print(rate(q, DiagonalNormal([0.0], [2.0**0.5]), over="dataset"))
    0.3466 ± 0 nats, upper bound on I(n;Z)
    """
    if over not in ("population", "dataset"):
        raise ValueError(
            f"over={over!r}: use 'population' (the data are a sample) or 'dataset' (they are all there is)"
        )
    check_posteriors(q)
    value, stderr, degrees, count = _mean_kl(q, reference_for(q, reference), over, draws, rng)
    return Estimate(
        value,
        stderr,
        quantity="I(X;Z)" if over == "population" else "I(n;Z)",
        estimand="E KL(q(z|x) || r(z))" if over == "population" else f"mean KL(q(z|n) || r(z)) of {len(q):,} data",
        direction=Direction.UPPER,
        draws=count,
        degrees=degrees,
        objective="rate",
        rules=(_one_datum, _fitted_data) if over == "population" else (),
    )


def _mean_kl(q, r, over, draws, rng):
    """(mean, standard error, degrees of freedom, draws or None) of KL(q_n || r) over the N data."""
    n = len(q)
    if draws is None:
        try:
            each = kl(q, r)
        except NotImplementedError:
            draws = 1_000
    if draws is not None:
        mean = kl(q, r, method="monte_carlo", draws=draws, rng=rng).mean(over)
        return mean.value, mean.stderr, mean.degrees, draws * n
    xp, values = namespace(each), wide(each)
    value = xp.mean(values)
    if over == "dataset":
        return settle(value, each), settle(scalar(xp.zeros_like(value)), each), math.inf, None
    variance = xp.sum((values - value) ** 2) / (n - 1) if n > 1 else math.nan * value
    return settle(value, each), settle(xp.sqrt(variance / n), each), n - 1, None


def _one_datum(estimate):
    if estimate.degrees < 1:
        return "one datum leaves no standard error of a population: give at least two, or over='dataset'"
    return None


def _fitted_data(estimate):
    return (
        "a bound on I(X;Z) if these data fitted neither the encoder nor the reference; for data that did, "
        "over='dataset' holds"
    )
