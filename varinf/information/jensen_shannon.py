"""The Jensen-Shannon divergence between pairs and others, from below; and the information bound of the same critic."""

import math
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from varinf._arrays import namespace
from varinf.estimate import Direction, Estimate
from varinf.families.family import settle
from varinf.families.matrices import identity
from varinf.information.scores import (
    BoundAndGradient,
    diagonal,
    means_without_each,
    not_fitted,
    of_scores,
    off_diagonal,
    off_means_without_each,
    read_scores,
)
from varinf.information.tuba import nwj


@dataclass(frozen=True, eq=False, repr=False, init=False)
class JensenShannonEstimate(Estimate):
    """What `jensen_shannon` returns: an Estimate of the divergence that also has `information`."""

    scores: Any = None

    _leaves = (*Estimate._leaves, "scores")

    def __init__(self, *args, scores=None, **fields):
        super().__init__(*args, **fields)
        self.__dict__["scores"] = scores

    @cached_property
    def information(self):
        """NWJ's lower bound on I(X;Y) with f + 1 as its critic, an Estimate in the same units."""
        return nwj(self.scores + 1).to(self.units)


def jensen_shannon(scores):
    """Lower bound on the Jensen-Shannon divergence between pairs p(x, y) and others p(x) p(y); not on I(X;Y).

    log 2 + (E[−softplus(−f)] of pairs − E[softplus(f)] of others)/2: half the logistic log likelihood of telling pairs
    from others. It is a steady objective for a critic, the best one being log p(y|x)/p(y), and that critic, plus 1,
    serves NWJ's bound on the information.

    Parameters
    ----------
    scores : array (N, N)
        Scores f(x_i, y_j) at [i, j]: pairs on the diagonal, N ≥ 2 independent ones. -inf is a pair of density zero.

    Returns
    -------
    Estimate
        Of "JSD(p(x,y), p(x)p(y))", direction lower, unbiased, in nats, at most its `ceiling`, log 2; the error is the
        jackknife's over pairs. Its attribute `information` is `nwj` of f + 1, a lower bound on I(X;Y). The direction
        holds for a critic that was not fitted on these pairs.

    Raises
    ------
    ValueError
        For scores that are no square matrix of two pairs or more, and for nan or +inf among them.

    See Also
    --------
    jensen_shannon_and_gradient : With its slopes.
    nwj : The bound that `information` is.
    smile : Another use of the same critic.

    References
    ----------
    Nowozin, Cseke, Tomioka (2016), "f-GAN: training generative neural samplers using variational divergence
    minimization".
    Poole, Ozair, van den Oord, Alemi, Tucker (2019), "On variational bounds of mutual information".

    Examples
    --------
    >>> import numpy as np, varinf as vi
    >>> rng = np.random.default_rng(0)
    >>> x = rng.normal(size=(2000, 1))
    >>> y = x + rng.normal(size=(2000, 1))  # I(X;Y) = log(2)/2 = 0.3466
    >>> b = vi.jensen_shannon(-((y.T - x) ** 2) / 2 + y.T**2 / 4 + np.log(2) / 2)
    >>> b.quantity, round(b.ceiling, 3), round(float(b.information), 1)
    ('JSD(p(x,y), p(x)p(y))', 0.693, 0.3)
    """
    scores, like, xp, n = read_scores(scores)
    positive, others = -_softplus(-diagonal(scores)), off_diagonal(_softplus(scores), 0.0)
    return of_scores(
        n,
        like,
        math.log(2) + (xp.mean(positive) - xp.sum(others) / (n * (n - 1))) / 2,
        (means_without_each(positive) - off_means_without_each(others)) / 2,
        f"the logistic bound of {n:,} pairs",
        Direction.LOWER,
        cls=JensenShannonEstimate,
        quantity="JSD(p(x,y), p(x)p(y))",
        objective="jensen_shannon",
        ceiling=math.log(2),
        scores=like,
        rules=(not_fitted,),
    )


def jensen_shannon_and_gradient(scores):
    """`jensen_shannon` with its slopes in the scores, in closed form.

    Parameters
    ----------
    scores : array (N, N)
        As for `jensen_shannon`.

    Returns
    -------
    BoundAndGradient
        Named tuple: `value`, the Estimate that `jensen_shannon` returns, and `gradient`, array (N, N).

    Raises
    ------
    ValueError
        As `jensen_shannon` does.

    See Also
    --------
    jensen_shannon : The value alone.

    Examples
    --------
    >>> import numpy as np, varinf as vi
    >>> vi.jensen_shannon_and_gradient(np.zeros((2, 2))).gradient
    array([[ 0.125, -0.125],
           [-0.125,  0.125]])
    """
    value = jensen_shannon(scores)
    scores, like, xp, n = read_scores(scores)
    on = identity(n, scores)
    slopes = on * xp.exp(-_softplus(scores)) / n - (1 - on) * xp.exp(-_softplus(-scores)) / (n * (n - 1))
    return BoundAndGradient(value, settle(slopes / 2, like))


def _softplus(x):
    """log(1 + exp x); exp of minus it at -x is the logistic function."""
    xp = namespace(x)
    return xp.logaddexp(x, xp.zeros_like(x))
