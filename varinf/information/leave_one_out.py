"""The leave-one-out bound: information from above, with the true conditional density."""

import math

from varinf.estimate import Direction
from varinf.families.family import log_sum_exp, settle
from varinf.families.matrices import identity
from varinf.information.scores import (
    BoundAndGradient,
    diagonal,
    log_ratios,
    log_sums_without_each,
    means_of_rows_without_each,
    of_scores,
    off_diagonal,
    read_scores,
    softmax,
    true_conditional,
)


def leave_one_out(log_conditional, exact=True):
    """Upper bound on I(X;Y): each pair against the other x of its batch.

    The mean over j of log p(y_j|x_j) − log (1/(N−1)) Σ_(i ≠ j) p(y_j|x_i). For every matrix it is at most `club`, and
    of each datum's terms, InfoNCE = log N − log(1 + (N − 1) exp(−leave-one-out)).

    Parameters
    ----------
    log_conditional : array (N, N)
        Log density log p(y_j | x_i) at [i, j], in nats, N ≥ 2 independent pairs. -inf is a density of zero.
    exact : bool
        Whether these are the true conditional densities, as those of a known encoder are. A fitted model of p(y|x)
        makes no bound: the direction is then neither.

    Returns
    -------
    Estimate
        Of "I(X;Y)", direction upper (neither if not exact), unbiased for its expectation at N pairs, in nats; the error
        is the jackknife's over pairs. The direction holds for an encoder that was not fitted on these pairs, which a
        caveat recalls. It has no ceiling: where no other x explains a y it is large, +inf if their densities are zero,
        and can exceed the rate.

    Raises
    ------
    ValueError
        For log densities that are no square matrix of two pairs or more, and for nan or +inf among them.

    See Also
    --------
    leave_one_out_and_gradient : With its slopes.
    infonce : The lower side, from the same densities.
    club : Looser, for every matrix.
    rate : Another upper bound, with a reference in the place of the batch.

    References
    ----------
    Poole, Ozair, van den Oord, Alemi, Tucker (2019), "On variational bounds of mutual information".

    Examples
    --------
    >>> import numpy as np, varinf as vi
    >>> rng = np.random.default_rng(0)
    >>> x = rng.normal(size=(500, 1))
    >>> y = x + rng.normal(size=(500, 1))  # I(X;Y) = log(2)/2 = 0.3466
    >>> b = vi.leave_one_out(-((y.T - x) ** 2) / 2 - np.log(2 * np.pi) / 2)
    >>> b.direction.value, b.is_bound, abs(float(b) - 0.3466) < 0.1
    ('upper', True, True)
    """
    scores, like, xp, n = read_scores(log_conditional, "log_conditional")
    rows = off_diagonal(xp.matrix_transpose(scores), -math.inf)  # a y on each, without its own x
    positive = diagonal(scores)
    without = means_of_rows_without_each(log_ratios(positive[:, None], log_sums_without_each(rows)))
    return of_scores(
        n,
        like,
        xp.mean(log_ratios(positive, log_sum_exp(rows))) + math.log(n - 1),
        without + math.log(max(n - 2, 1)),
        f"leave-one-out bound of {n:,} pairs",
        Direction.UPPER if exact else Direction.NEITHER,
        objective="leave_one_out",
        rules=(true_conditional,),
    )


def leave_one_out_and_gradient(log_conditional, exact=True):
    """`leave_one_out` with its slopes in the log densities, in closed form.

    Parameters
    ----------
    log_conditional : array (N, N)
        As for `leave_one_out`.
    exact : bool
        As for `leave_one_out`.

    Returns
    -------
    BoundAndGradient
        Named tuple: `value`, the Estimate that `leave_one_out` returns, and `gradient`, array (N, N).

    Raises
    ------
    ValueError
        As `leave_one_out` does.

    See Also
    --------
    leave_one_out : The value alone.

    Examples
    --------
    >>> import numpy as np, varinf as vi
    >>> vi.leave_one_out_and_gradient(np.zeros((2, 2))).gradient
    array([[ 0.5, -0.5],
           [-0.5,  0.5]])
    """
    value = leave_one_out(log_conditional, exact)
    scores, like, xp, n = read_scores(log_conditional, "log_conditional")
    rows = off_diagonal(xp.matrix_transpose(scores), -math.inf)
    shares = xp.matrix_transpose(softmax(rows))
    return BoundAndGradient(value, settle((identity(n, scores) - shares) / n, like))
