"""InfoNCE: picking the partner out of a batch, a lower bound on information that log N limits."""

import math

from varinf._arrays import namespace
from varinf.diagnostics import caveats
from varinf.estimate import Direction
from varinf.families.family import log_sum_exp, settle
from varinf.families.matrices import identity
from varinf.information.scores import (
    BoundAndGradient,
    diagonal,
    log_ratios,
    log_sums_without_each,
    means_of_rows_without_each,
    not_fitted,
    of_scores,
    read_scores,
    softmax,
)


def infonce(scores, contrast="x"):
    """Lower bound on I(X;Y) from scores of all pairs of a batch: how well each pair stands out.

    The mean over j of scores[j, j] − log (1/N) Σ_i exp scores[i, j], for contrast "x".

    Parameters
    ----------
    scores : array (N, N)
        Scores f(x_i, y_j) at [i, j]: pairs on the diagonal, N ≥ 2 independent ones. -inf is a pair of density zero.
    contrast : {"x", "y", "both"}
        What the denominator runs over. "x": all x (axis 0) for each y, which a critic log p(y|x), or one up to a
        function of y, needs. "y": all y (axis 1) for each x, for a critic log p(x|y) up to a function of x. "both":
        the mean of the two, each half of which is a bound.

    Returns
    -------
    Estimate
        Of "I(X;Y)", direction lower, unbiased for its expectation at N pairs, in nats. It does not exceed its
        `ceiling`, log N, but by rounding: within 0.1 nat of it a caveat says that the information may be far larger.
        The error is the jackknife's over pairs, since terms of one batch depend on each other. The direction holds for
        a critic that was not fitted on these pairs, which a caveat recalls. In the library of the scores,
        differentiable in them.

    Raises
    ------
    ValueError
        For scores that are no square matrix of two pairs or more, for nan or +inf among them, or another `contrast`.

    See Also
    --------
    infonce_and_gradient : With its slopes.
    leave_one_out : The other side of the same average, with the true conditional.
    nwj : A lower bound without a ceiling, of larger variance.
    index_information : InfoNCE with a known encoder as critic.

    References
    ----------
    van den Oord, Li, Vinyals (2018), "Representation learning with contrastive predictive coding".
    Poole, Ozair, van den Oord, Alemi, Tucker (2019), "On variational bounds of mutual information".

    Examples
    --------
    >>> import numpy as np, varinf as vi
    >>> rng = np.random.default_rng(0)
    >>> x = rng.normal(size=(500, 1))
    >>> y = x + rng.normal(size=(500, 1))  # I(X;Y) = log(2)/2 = 0.3466
    >>> scores = -((y.T - x) ** 2) / 2  # log p(y|x) up to a constant
    >>> b = vi.infonce(scores)
    >>> b.direction.value, abs(float(b) - 0.3466) < 0.1, round(b.ceiling, 3)
    ('lower', True, 6.215)
    """
    scores, like, xp, n = read_scores(scores)
    value, without = 0.0, 0.0
    sides = _sides(scores, contrast)
    for rows in sides:
        positive = diagonal(rows)
        value = value + (xp.mean(log_ratios(positive, log_sum_exp(rows))) + math.log(n)) / len(sides)
        left = means_of_rows_without_each(log_ratios(positive[:, None], log_sums_without_each(rows)))
        without = without + (left + math.log(n - 1)) / len(sides)
    return of_scores(
        n,
        like,
        value,
        without,
        f"InfoNCE of {n:,} pairs",
        Direction.LOWER,
        objective="infonce",
        ceiling=math.log(n),
        rules=(caveats.saturated, not_fitted),
    )


def infonce_and_gradient(scores, contrast="x"):
    """`infonce` with its slopes in the scores, in closed form.

    Parameters
    ----------
    scores : array (N, N)
        As for `infonce`.
    contrast : {"x", "y", "both"}
        As for `infonce`.

    Returns
    -------
    BoundAndGradient
        Named tuple: `value`, the Estimate that `infonce` returns, and `gradient`, array (N, N): for contrast "x",
        1/N on the diagonal less each column's softmax over N.

    Raises
    ------
    ValueError
        As `infonce` does.

    See Also
    --------
    infonce : The value alone.

    Examples
    --------
    >>> import numpy as np, varinf as vi
    >>> b, gradient = vi.infonce_and_gradient(np.zeros((2, 2)))
    >>> gradient
    array([[ 0.25, -0.25],
           [-0.25,  0.25]])
    """
    value = infonce(scores, contrast)
    scores, like, xp, n = read_scores(scores)
    shares = xp.zeros_like(scores)
    sides = _sides(scores, contrast)
    for turned, rows in zip(_turned(contrast), sides, strict=True):
        part = softmax(rows)
        shares = shares + (xp.matrix_transpose(part) if turned else part) / len(sides)
    return BoundAndGradient(value, settle((identity(n, scores) - shares) / n, like))


def _turned(contrast):
    """For each side, whether its denominators run down the columns."""
    sides = {"x": (True,), "y": (False,), "both": (True, False)}
    if contrast not in sides:
        raise ValueError(f"contrast={contrast!r}: use 'x' (all x for each y, axis 0), 'y' (axis 1) or 'both'")
    return sides[contrast]


def _sides(scores, contrast):
    """The scores with what is contrasted on the last axis, for each side."""
    xp = namespace(scores)
    return [xp.matrix_transpose(scores) if turned else scores for turned in _turned(contrast)]
