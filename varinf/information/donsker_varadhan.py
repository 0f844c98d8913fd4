"""Donsker and Varadhan's representation on a batch, plain and with clipped ratios: near information, and no bound."""

import math

from varinf._arrays import finite_number, namespace
from varinf.diagnostics import caveats
from varinf.estimate import Direction
from varinf.families.family import settle
from varinf.families.matrices import identity
from varinf.information.scores import (
    BoundAndGradient,
    diagonal,
    means_without_each,
    of_scores,
    off_diagonal,
    off_log_means_without_each,
    over_all,
    read_scores,
    softmax,
    tail_of_others,
)


def donsker_varadhan(scores):
    """E[f] of pairs − log E[exp f] of others, both by the batch: an estimate of I(X;Y) that is no bound.

    At infinitely many pairs it is a lower bound. On a batch the logarithm of a mean is too low in expectation, so that
    the whole lies above that limit, and with a good critic above the truth.

    Parameters
    ----------
    scores : array (N, N)
        Scores f(x_i, y_j) at [i, j]: pairs on the diagonal, N ≥ 2 independent ones. -inf is a pair of density zero. The
        level of the critic does not matter; the best is log p(y|x)/p(y) plus any constant.

    Returns
    -------
    Estimate
        Of "I(X;Y)", direction neither, in nats; value ± error is about its expectation at N pairs. The error is the
        jackknife's over pairs, and does not see rare large scores that the batch does not hold; k̂ of exp(f) says
        when to expect them.

    Raises
    ------
    ValueError
        For scores that are no square matrix of two pairs or more, and for nan or +inf among them.

    See Also
    --------
    donsker_varadhan_and_gradient : With its slopes.
    nwj : The bound that comes of it by a tangent.
    smile : The same with clipped ratios.
    infonce : A bound on a batch.

    References
    ----------
    Donsker, Varadhan (1983), "Asymptotic evaluation of certain Markov process expectations for large time, IV".
    Belghazi, Baratin, Rajeswar, Ozair, Bengio, Courville, Hjelm (2018), "MINE: mutual information neural estimation".

    Examples
    --------
    >>> import numpy as np, varinf as vi
    >>> rng = np.random.default_rng(0)
    >>> x = rng.normal(size=(2000, 1))
    >>> y = x + rng.normal(size=(2000, 1))  # I(X;Y) = log(2)/2 = 0.3466
    >>> b = vi.donsker_varadhan(-((y.T - x) ** 2) / 2 + y.T**2 / 4)
    >>> b.direction.value, b.is_bound, round(float(b), 1)
    ('neither', False, 0.3)
    """
    return _of_log_mean(scores, math.inf, "Donsker-Varadhan", "donsker_varadhan")


def donsker_varadhan_and_gradient(scores):
    """`donsker_varadhan` with its slopes in the scores, in closed form.

    Parameters
    ----------
    scores : array (N, N)
        As for `donsker_varadhan`.

    Returns
    -------
    BoundAndGradient
        Named tuple: `value`, the Estimate that `donsker_varadhan` returns, and `gradient`, array (N, N): 1/N on the
        diagonal, less the softmax over all others. As the gradient of the limit it is biased on a batch.

    Raises
    ------
    ValueError
        As `donsker_varadhan` does.

    See Also
    --------
    donsker_varadhan : The value alone.

    Examples
    --------
    >>> import numpy as np, varinf as vi
    >>> vi.donsker_varadhan_and_gradient(np.zeros((2, 2))).gradient
    array([[ 0.5, -0.5],
           [-0.5,  0.5]])
    """
    return BoundAndGradient(donsker_varadhan(scores), _slopes(scores, math.inf))


def smile(scores, clip):
    """Donsker and Varadhan's with ratios clipped: E[f] of pairs − log E[clip(exp f, exp −clip, exp clip)] of others.

    Clipping trades variance for bias: the value is no bound, on a batch or in the limit.

    Parameters
    ----------
    scores : array (N, N)
        Scores f(x_i, y_j) at [i, j]: pairs on the diagonal, N ≥ 2 independent ones. Here the level of the critic
        matters: the scores are to be log p(y|x)/p(y), such as `jensen_shannon` fits.
    clip : float
        Scores of others count within ±clip, in nats; positive. Infinite, it is `donsker_varadhan`.

    Returns
    -------
    Estimate
        Of "I(X;Y)", direction neither, in nats; the error is the jackknife's over pairs.

    Raises
    ------
    ValueError
        For a `clip` that is not positive, scores that are no square matrix of two pairs or more, and nan or +inf among
        them.

    See Also
    --------
    smile_and_gradient : With its slopes.
    donsker_varadhan : Without clipping.
    jensen_shannon : What its critic is fitted by.

    References
    ----------
    Song, Ermon (2020), "Understanding the limitations of variational mutual information estimators".

    Examples
    --------
    >>> import numpy as np, varinf as vi
    >>> rng = np.random.default_rng(0)
    >>> x = rng.normal(size=(2000, 1))
    >>> y = x + rng.normal(size=(2000, 1))  # I(X;Y) = log(2)/2 = 0.3466
    >>> log_ratio = -((y.T - x) ** 2) / 2 + y.T**2 / 4 + np.log(2) / 2
    >>> b = vi.smile(log_ratio, clip=5.0)
    >>> b.direction.value, round(float(b), 1)
    ('neither', 0.3)
    """
    return _of_log_mean(scores, _check_clip(clip), f"SMILE, clipped at {clip:g},", "smile")


def smile_and_gradient(scores, clip):
    """`smile` with its slopes in the scores, in closed form: 0 where a score of others is clipped.

    Parameters
    ----------
    scores : array (N, N)
        As for `smile`.
    clip : float
        As for `smile`.

    Returns
    -------
    BoundAndGradient
        Named tuple: `value`, the Estimate that `smile` returns, and `gradient`, array (N, N).

    Raises
    ------
    ValueError
        As `smile` does.

    See Also
    --------
    smile : The value alone.

    Examples
    --------
    >>> import numpy as np, varinf as vi
    >>> vi.smile_and_gradient(np.array([[0.0, 0.0], [9.0, 0.0]]), clip=1.0).gradient.round(3)
    array([[ 0.5  , -0.269],
           [ 0.   ,  0.5  ]])
    """
    return BoundAndGradient(smile(scores, clip), _slopes(scores, _check_clip(clip)))


def _check_clip(clip):
    if clip == math.inf:
        return clip
    if finite_number(clip, "clip") <= 0:
        raise ValueError(f"clip={clip}: scores of others count within ±clip; give a positive number")
    return float(clip)


def _clipped(scores, clip):
    return scores if clip == math.inf else namespace(scores).clip(scores, -clip, clip)


def _of_log_mean(scores, clip, title, objective):
    scores, like, xp, n = read_scores(scores)
    positive, others = diagonal(scores), _clipped(scores, clip)
    return of_scores(
        n,
        like,
        xp.mean(positive) - over_all(off_diagonal(others, -math.inf)) + math.log(n * (n - 1)),
        means_without_each(positive) - off_log_means_without_each(others),
        f"{title} of {n:,} pairs",
        Direction.NEITHER,
        objective=objective,
        tail=tail_of_others(scores) if clip == math.inf else None,  # what is clipped has no tail
        k_hat_of="exp(scores)",
        rules=(caveats.heavy_scores,),
    )


def _slopes(scores, clip):
    scores, like, xp, n = read_scores(scores)
    others = off_diagonal(_clipped(scores, clip), -math.inf)
    shares = xp.reshape(softmax(xp.reshape(others, (-1,))), others.shape)
    if clip < math.inf:
        shares = xp.where(xp.abs(scores) < clip, shares, 0.0)
    return settle(identity(n, scores) / n - shares, like)
