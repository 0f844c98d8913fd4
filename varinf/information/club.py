"""CLUB: the contrast of mean log densities, information from above with the true conditional."""

from varinf.estimate import Direction
from varinf.families.family import settle
from varinf.families.matrices import identity
from varinf.information.scores import (
    BoundAndGradient,
    diagonal,
    means_without_each,
    of_scores,
    off_diagonal,
    off_means_without_each,
    read_scores,
    true_conditional,
)


def club(log_conditional, exact=True):
    """Upper bound on I(X;Y), the contrastive log-ratio: mean log density of pairs less that of others.

    The mean over i of log p(y_i|x_i) less the mean over i ≠ j of log p(y_j|x_i).

    Parameters
    ----------
    log_conditional : array (N, N)
        Log density log p(y_j | x_i) at [i, j], in nats, N ≥ 2 independent pairs. -inf is a density of zero.
    exact : bool
        Whether these are the true conditional densities. A fitted model of p(y|x) makes no bound: the direction is then
        neither.

    Returns
    -------
    Estimate
        Of "I(X;Y)", direction upper (neither if not exact), unbiased, in nats; the error is the jackknife's over pairs.
        The direction holds for an encoder that was not fitted on these pairs, which a caveat recalls. For every matrix
        it is at least `leave_one_out`, which is a bound under the same conditions: CLUB's merit is that it is linear in
        the log densities.

    Raises
    ------
    ValueError
        For log densities that are no square matrix of two pairs or more, and for nan or +inf among them.

    See Also
    --------
    club_and_gradient : With its slopes.
    leave_one_out : Tighter, for every matrix.

    References
    ----------
    Cheng, Hao, Dai, Liu, Gan, Carin (2020), "CLUB: a contrastive log-ratio upper bound of mutual information".

    Examples
    --------
    >>> import numpy as np, varinf as vi
    >>> rng = np.random.default_rng(0)
    >>> x = rng.normal(size=(2000, 1))
    >>> y = x + rng.normal(size=(2000, 1))
    >>> b = vi.club(-((y.T - x) ** 2) / 2 - np.log(2 * np.pi) / 2)
    >>> b.direction.value, round(float(b), 1)  # its expectation is 1, I(X;Y) = 0.3466
    ('upper', 1.0)
    """
    scores, like, xp, n = read_scores(log_conditional, "log_conditional")
    value = xp.mean(diagonal(scores)) - xp.sum(off_diagonal(scores, 0.0)) / (n * (n - 1))
    return of_scores(
        n,
        like,
        value,
        means_without_each(diagonal(scores)) - off_means_without_each(scores),
        f"CLUB of {n:,} pairs",
        Direction.UPPER if exact else Direction.NEITHER,
        objective="club",
        rules=(true_conditional,),
    )


def club_and_gradient(log_conditional, exact=True):
    """`club` with its slopes in the log densities: 1/N on the diagonal, −1/(N(N − 1)) off it.

    Parameters
    ----------
    log_conditional : array (N, N)
        As for `club`.
    exact : bool
        As for `club`.

    Returns
    -------
    BoundAndGradient
        Named tuple: `value`, the Estimate that `club` returns, and `gradient`, array (N, N).

    Raises
    ------
    ValueError
        As `club` does.

    See Also
    --------
    club : The value alone.

    Examples
    --------
    >>> import numpy as np, varinf as vi
    >>> vi.club_and_gradient(np.zeros((2, 2))).gradient
    array([[ 0.5, -0.5],
           [-0.5,  0.5]])
    """
    value = club(log_conditional, exact)
    scores, like, _, n = read_scores(log_conditional, "log_conditional")
    on = identity(n, scores)
    return BoundAndGradient(value, settle(on / n - (1 - on) / (n * (n - 1)), like))
