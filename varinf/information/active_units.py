"""Which units of a code have a mean that the data move."""

from varinf._arrays import finite_number, namespace
from varinf.information.aggregate import check_posteriors


def active_units(q, threshold=0.01):
    """Which of the D units are active: those whose posterior mean varies over the data by more than the threshold.

    A unit whose posterior is the same for every datum carries no information; where a VAE's units go that way, its
    posterior has collapsed there.

    Parameters
    ----------
    q : Family, batch shape (N,)
        The encoder's posteriors, one per datum, such as DiagonalNormal with loc (N, D).
    threshold : float
        Variance over the data of E_q(z|x_n)[z_d], in squared units of the code, above which unit d is active.

    Returns
    -------
    array (D,) of bool
        True where a unit is active; its sum is their number.

    Raises
    ------
    ValueError
        For a q without one batch axis, or a threshold that is negative or not finite.

    See Also
    --------
    rate : What the units cost together.
    decompose_rate : Parts of the rate, one of them the units' own.

    References
    ----------
    Burda, Grosse, Salakhutdinov (2016), "Importance weighted autoencoders", section 5.1, and its threshold.

    Examples
    --------
    >>> import numpy as np, varinf as vi
    >>> q = vi.DiagonalNormal([[-1.0, 0.01], [1.0, -0.01]], np.ones((2, 2)))
    >>> vi.active_units(q)
    array([ True, False])
    """
    check_posteriors(q)
    if finite_number(threshold, "threshold") < 0:
        raise ValueError(f"threshold={threshold}: a variance is never negative")
    mean = q.mean
    return namespace(mean).var(mean, axis=0) > threshold
