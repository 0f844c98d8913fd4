"""Mutual information of two discrete variables, from their joint distribution."""

from varinf._arrays import namespace
from varinf.families.family import settle, wide
from varinf.information.entropy import probabilities


def mutual_information(p_xy):
    """I(X;Y) = Σ p(x, y) log [p(x, y) / (p(x) p(y))], in nats, with 0 log 0 = 0.

    Parameters
    ----------
    p_xy : array (*batch, X, Y)
        Joint probabilities, rows are x; NumPy, torch or JAX. Each table sums to 1 within 1e-8 (float32: 1e-5).

    Returns
    -------
    array (*batch)
        Exact, in nats: from 0, independent, to min(H(X), H(Y)). Divide by log 2 for bits.

    Raises
    ------
    ValueError
        For a probability that is negative, nan or infinite, or a table that does not sum to 1.

    See Also
    --------
    varinf.entropy : Its ceiling: the entropy of either variable.
    gaussian_mutual_information : The information of two jointly Gaussian vectors.
    index_information : The information between a datum's index and its code.

    References
    ----------
    Shannon (1948), "A mathematical theory of communication", section 12; Cover, Thomas (2006), "Elements of
    information theory", eq. 2.28.

    Examples
    --------
    >>> from varinf import mutual_information
    >>> mutual_information([[0.5, 0.0], [0.0, 0.5]]).round(4)  # y = x: log 2
    np.float64(0.6931)
    >>> mutual_information([[0.25, 0.25], [0.25, 0.25]])
    np.float64(0.0)
    """
    p_xy = probabilities(p_xy, "p_xy", axes=2)
    xp, joint = namespace(p_xy), wide(p_xy)

    def log(p):
        return xp.log(xp.where(p > 0, p, 1.0))  # finite where p is 0, so that the term is 0

    p_x, p_y = xp.sum(joint, axis=-1, keepdims=True), xp.sum(joint, axis=-2, keepdims=True)
    # The logarithms apart, since the product of two small marginals would underflow.
    information = xp.sum(joint * (log(joint) - log(p_x) - log(p_y)), axis=(-2, -1))
    return settle(xp.maximum(information, 0.0 * information) + 0.0, p_xy)  # rounding alone puts it below 0
