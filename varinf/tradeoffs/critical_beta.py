"""The beta at which a first nat about Y is worth its price."""

import numpy as np

from varinf.tradeoffs.joint_distribution import reduced


def critical_beta(p_xy):
    """Beta above which the encoder that says nothing is no local minimum of I(T;X) − beta I(T;Y): 1 / σ₂².

    Parameters
    ----------
    p_xy : array (X, Y)
        Joint probabilities, rows are x; they sum to 1 within 1e-8.

    Returns
    -------
    float
        1 or more; inf where X and Y are independent. It is free of units.

    Raises
    ------
    ValueError
        For a probability that is negative, nan or infinite, or a table that does not sum to 1.

    See Also
    --------
    information_bottleneck : Encoders at one beta.
    information_bottleneck_curve : Where clusters split.

    Notes
    -----
    A *local* threshold. σ₂ is the second singular value of p(x, y) / √(p(x) p(y)), the maximal correlation of X and Y.
    An encoder that moves a little away from saying nothing, q(t|x) ∝ 1 + ε u(x), has informations of order ε², whose
    ratio I(T;Y) / I(T;X) is at most σ₂². An encoder far away can have a higher ratio: the curve may leave 0 at a
    smaller beta, 1 / sup I(T;Y)/I(T;X), by a jump, and `information_bottleneck` finds such encoders.

    References
    ----------
    Witsenhausen (1975), "On sequences of pairs of dependent random variables"; Wu, Fischer, Chuang, Tegmark (2019),
    "Learnability for the information bottleneck", theorem 2.

    Examples
    --------
    >>> from varinf import critical_beta
    >>> round(critical_beta([[0.45, 0.05], [0.05, 0.45]]), 6)  # 1 / (1 - 2 · 0.1)²
    1.5625
    >>> critical_beta([[0.25, 0.25], [0.25, 0.25]])
    inf
    """
    joint = reduced(p_xy).joint
    second = correlations(joint.p_x, joint.p_xy, joint.p_y)[1:2]
    return float(1 / second[0] ** 2) if second.size and second[0] > 1e-8 else float("inf")  # below, rounding's


def correlations(p_x, p_xy, p_y):
    """Singular values of p(x, y) / √(p(x) p(y)): 1, then the maximal correlation, and so on."""
    return np.linalg.svd(p_xy / np.sqrt(p_x)[:, None] / np.sqrt(p_y), compute_uv=False)
