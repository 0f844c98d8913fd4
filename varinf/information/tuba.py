"""TUBA and NWJ: the tangent of the logarithm, lower bounds on information without a ceiling."""

import math

import numpy as np

from varinf._arrays import as_arrays, check_finite, finite_number, namespace
from varinf.diagnostics import caveats
from varinf.estimate import Direction
from varinf.families.family import cast, settle
from varinf.families.matrices import identity
from varinf.information.scores import (
    BoundAndGradient,
    baseline_not_fitted,
    diagonal,
    means_without_each,
    not_fitted,
    of_scores,
    off_diagonal,
    off_means_without_each,
    read_scores,
    tail_of_others,
)


def nwj(scores):
    """Lower bound on I(X;Y) after Nguyen, Wainwright and Jordan: E[f] of pairs − E[exp(f − 1)] of others.

    It is `tuba` with the baseline log a(y) = 1. The best critic is 1 + log p(y|x)/p(y); a critic of another level is
    charged for it.

    Parameters
    ----------
    scores : array (N, N)
        Scores f(x_i, y_j) at [i, j]: pairs on the diagonal, N ≥ 2 independent ones. -inf is a pair of density zero.

    Returns
    -------
    Estimate
        Of "I(X;Y)", direction lower, unbiased, in nats; the error is the jackknife's over pairs. Its variance grows as
        the exponential of the information: what decides it are rare large scores of others, which a batch may not
        hold, and then value and error are both misled, as k̂ of exp(f) says. The direction holds for a critic that was
        not fitted on these pairs.

    Raises
    ------
    ValueError
        For scores that are no square matrix of two pairs or more, and for nan or +inf among them.

    See Also
    --------
    nwj_and_gradient : With its slopes.
    tuba : With a baseline for each y.
    infonce : Less variance, and a ceiling.
    jensen_shannon : A steadier objective, whose critic serves here.

    References
    ----------
    Nguyen, Wainwright, Jordan (2010), "Estimating divergence functionals and the likelihood ratio by convex risk
    minimization".
    Poole, Ozair, van den Oord, Alemi, Tucker (2019), "On variational bounds of mutual information".

    Examples
    --------
    >>> import numpy as np, varinf as vi
    >>> rng = np.random.default_rng(0)
    >>> x = rng.normal(size=(2000, 1))
    >>> y = x + rng.normal(size=(2000, 1))  # I(X;Y) = log(2)/2 = 0.3466
    >>> log_ratio = -((y.T - x) ** 2) / 2 + y.T**2 / 4 + np.log(2) / 2
    >>> b = vi.nwj(1 + log_ratio)
    >>> b.direction.value, b.is_bound, round(float(b), 1)
    ('lower', True, 0.3)
    """
    return _tangent(scores, 1.0, "NWJ", "nwj")


def nwj_and_gradient(scores):
    """`nwj` with its slopes in the scores, in closed form.

    Parameters
    ----------
    scores : array (N, N)
        As for `nwj`.

    Returns
    -------
    BoundAndGradient
        Named tuple: `value`, the Estimate that `nwj` returns, and `gradient`, array (N, N): 1/N on the diagonal,
        −exp(f − 1)/(N(N − 1)) off it.

    Raises
    ------
    ValueError
        As `nwj` does.

    See Also
    --------
    nwj : The value alone.

    Examples
    --------
    >>> import numpy as np, varinf as vi
    >>> vi.nwj_and_gradient(np.ones((2, 2))).gradient
    array([[ 0.5, -0.5],
           [-0.5,  0.5]])
    """
    return BoundAndGradient(nwj(scores), _slopes(scores, 1.0))


def tuba(scores, log_baseline):
    """Lower bound on I(X;Y) with a baseline a(y): 1 + E[f − log a(y)] of pairs − E[exp(f)/a(y)] of others.

    Parameters
    ----------
    scores : array (N, N)
        Scores f(x_i, y_j) at [i, j]: pairs on the diagonal, N ≥ 2 independent ones. -inf is a pair of density zero.
    log_baseline : float or array (N,)
        Values log a(y_j) of any function of y alone. The best for a critic is log E_p(x) exp f(x, y); with
        f = log p(y|x) it is log p(y), and the bound is tight.

    Returns
    -------
    Estimate
        Of "I(X;Y)", direction lower, unbiased, in nats; the error is the jackknife's over pairs, and as misled by rare
        large scores as that of `nwj`. The direction holds for a critic and a baseline that were not fitted on these
        pairs.

    Raises
    ------
    ValueError
        For scores that are no square matrix of two pairs or more, a baseline of another shape, nan or +inf in the
        scores, and what is not finite in the baseline.

    See Also
    --------
    tuba_and_gradient : With its slopes.
    nwj : The same with log a(y) = 1.
    interpolated : Between this and InfoNCE.

    References
    ----------
    Poole, Ozair, van den Oord, Alemi, Tucker (2019), "On variational bounds of mutual information", after
    Barber, Agakov (2003).

    Examples
    --------
    >>> import numpy as np, varinf as vi
    >>> rng = np.random.default_rng(0)
    >>> x = rng.normal(size=(2000, 1))
    >>> y = x + rng.normal(size=(2000, 1))  # I(X;Y) = log(2)/2 = 0.3466
    >>> log_conditional = -((y.T - x) ** 2) / 2
    >>> b = vi.tuba(log_conditional, -(y[:, 0] ** 2) / 4 - np.log(2) / 2)  # log p(y), up to the same constant
    >>> round(float(b), 1)
    0.3
    """
    return _tangent(scores, log_baseline, "TUBA", "tuba")


def tuba_and_gradient(scores, log_baseline):
    """`tuba` with its slopes in the scores, in closed form; the baseline is held.

    Parameters
    ----------
    scores : array (N, N)
        As for `tuba`.
    log_baseline : float or array (N,)
        As for `tuba`.

    Returns
    -------
    BoundAndGradient
        Named tuple: `value`, the Estimate that `tuba` returns, and `gradient`, array (N, N).

    Raises
    ------
    ValueError
        As `tuba` does.

    See Also
    --------
    tuba : The value alone.

    Examples
    --------
    >>> import numpy as np, varinf as vi
    >>> vi.tuba_and_gradient(np.zeros((2, 2)), 0.0).gradient
    array([[ 0.5, -0.5],
           [-0.5,  0.5]])
    """
    return BoundAndGradient(tuba(scores, log_baseline), _slopes(scores, log_baseline))


def check_baseline(log_baseline, scores):
    """log a(y_j) as an array (N,) in the library and dtype of the scores."""
    xp, n = namespace(scores), scores.shape[0]
    if isinstance(log_baseline, int | float | np.number):
        return xp.full_like(diagonal(scores), finite_number(log_baseline, "log_baseline"))
    baseline = cast(as_arrays(scores=scores, log_baseline=log_baseline)[1], scores.dtype)
    if tuple(baseline.shape) not in ((), (n,)):
        raise ValueError(
            f"log_baseline has shape {tuple(baseline.shape)} for {n} pairs; give log a(y_j), ({n},), or a number"
        )
    check_finite(baseline, "log_baseline")
    return baseline + xp.zeros_like(diagonal(scores))


def _above(scores, log_baseline):
    return scores - check_baseline(log_baseline, scores)[None, :]


def _tangent(scores, log_baseline, title, objective):
    scores, like, xp, n = read_scores(scores)
    above = _above(scores, log_baseline)
    ratios = xp.exp(off_diagonal(above, -math.inf))
    return of_scores(
        n,
        like,
        1 + xp.mean(diagonal(above)) - xp.sum(ratios) / (n * (n - 1)),
        1 + means_without_each(diagonal(above)) - off_means_without_each(ratios),
        f"{title} of {n:,} pairs",
        Direction.LOWER,
        objective=objective,
        tail=tail_of_others(above),
        k_hat_of="exp(scores)" if objective == "nwj" else "exp(scores)/a(y)",
        rules=(caveats.heavy_scores, not_fitted if objective == "nwj" else baseline_not_fitted),
    )


def _slopes(scores, log_baseline):
    scores, like, xp, n = read_scores(scores)
    ratios = xp.exp(off_diagonal(_above(scores, log_baseline), -math.inf))
    return settle(identity(n, scores) / n - ratios / (n * (n - 1)), like)
