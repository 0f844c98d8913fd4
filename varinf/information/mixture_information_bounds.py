"""Bounds on the index information from divergences of all pairs of posteriors: closed forms, no draws."""

import math

import numpy as np

from varinf._arrays import is_numpy
from varinf._sandwich import Sandwich
from varinf.diagnostics import caveats
from varinf.divergences.kl import kl
from varinf.divergences.renyi import renyi_divergence
from varinf.estimate import Direction, Estimate
from varinf.families.family import settle
from varinf.information.aggregate import check_posteriors, exactly, independent_features


def mixture_information_bounds(q):
    """Two sides of I(n;Z) of a data set from the divergences of its pairs of posteriors, after Kolchinsky and Tracey.

    −(1/N) Σ_i log (1/N) Σ_j exp(−D_ij) is a lower bound with Bhattacharyya distances D_ij, and an upper one with
    D_ij = KL(q_i || q_j). Both are 0 where all posteriors are the same and log N where they do not overlap.

    Parameters
    ----------
    q : Family, batch shape (N,)
        The encoder's posteriors, one per datum, such as DiagonalNormal with loc (N, D); NumPy arrays, of a family with
        closed forms: normals or categories. Work grows as N² D.

    Returns
    -------
    Sandwich
        Of "I(n;Z)", in nats; both sides closed forms without error, between 0 and their `ceiling`, log N.

    Raises
    ------
    ValueError
        For a q without one batch axis.
    TypeError
        For parameters of torch or JAX.
    NotImplementedError
        For a family without closed forms.

    See Also
    --------
    index_information : The number itself, by draws.
    information_sandwich : Two sides of the population's information.

    References
    ----------
    Kolchinsky, Tracey (2017), "Estimating mixture entropy with pairwise distances".

    Examples
    --------
    >>> import varinf as vi
    >>> q = vi.DiagonalNormal([[-1.0], [1.0]], [[1.0], [1.0]])  # I(n;Z) = 0.3368
    >>> b = vi.mixture_information_bounds(q)
    >>> round(float(b.lower), 3), round(float(b.upper), 3)
    (0.219, 0.566)
    """
    check_posteriors(q)
    if not is_numpy(q.mean):
        raise TypeError(
            f"pairs of posteriors are gone through in NumPy, but q has parameters of {type(q.mean).__module__}: give "
            "NumPy arrays"
        )
    like, n = q.mean, len(q)
    q, _ = independent_features(q)
    lower, upper = np.full(n, -np.inf), np.full(n, -np.inf)
    for p in q:  # a column of the pairs each; half of Rényi's divergence of order 1/2 is Bhattacharyya's distance
        lower = np.logaddexp(lower, -np.asarray(renyi_divergence(q, p, alpha=0.5), np.float64) / 2)
        upper = np.logaddexp(upper, -np.asarray(kl(q, p), np.float64))

    def side(log_sums, direction, words):
        value = np.clip(math.log(n) - np.mean(log_sums), 0.0, math.log(n))  # not beyond by rounding
        return Estimate(
            **exactly(settle(value, like)),
            quantity="I(n;Z)",
            estimand=f"mixture bound by {words} of {n:,} posteriors",
            direction=direction,
            objective="mixture_information_bounds",
            ceiling=math.log(n),
            rules=(caveats.saturated,),
        )

    return Sandwich(
        side(lower, Direction.LOWER, "Bhattacharyya distances"),
        side(upper, Direction.UPPER, "Kullback-Leibler divergences"),
        objective="mixture_information_bounds",
    )
