"""KL(q || p) between normal distributions whose covariances are at hand as arrays, in one pass over them."""

import numpy as np

from varinf._arrays import check_finite, is_numpy
from varinf._kernels import kernel
from varinf._pool import over_rows, working
from varinf.divergences.kl import kl
from varinf.divergences.pairs import matrix_rows, rows_in_batch
from varinf.families.family import in_one_library, vector
from varinf.families.full_normal import FullNormal
from varinf.families.matrices import cholesky, square, symmetry_slack


def gaussian_kl(loc_q, covariance_q, loc_p, covariance_p, workers=None):
    """KL(N(loc_q, covariance_q) || N(loc_p, covariance_p)), in nats, from arrays.

    The same as ``kl(FullNormal(loc_q, covariance=covariance_q), FullNormal(loc_p, covariance=covariance_p))``, with the
    same checks, several times faster for many matrices: nothing is kept, so that factors never leave the processor.

    Parameters
    ----------
    loc_q : array (*batch, D)
        Means of q.
    covariance_q : array (*batch, D, D)
        Covariances of q, symmetric and positive definite.
    loc_p : array (*batch, D) or (D,)
        Means of p, which without a batch serves all of q.
    covariance_p : array (*batch, D, D) or (D, D)
        Covariances of p.
    workers : int, optional
        Threads over the batch, for NumPy arrays: None or 1 serial, -1 all cores. The result is the same for any number.

    Returns
    -------
    array (*batch)
        In nats, exact, never negative but by rounding; 0 where the two are equal. Differentiable with torch and JAX.

    Raises
    ------
    ValueError
        If shapes do not fit, a value is not finite, or a covariance is not symmetric or not positive definite; the
        error names the argument, the matrix and the pivot.

    See Also
    --------
    kl : Between any two families, which check and factorise once for many uses.
    gaussian_mutual_information : KL from a joint normal to the product of its margins.

    References
    ----------
    Kullback, "Information Theory and Statistics" (1959), chapter 9, section 1.

    Examples
    --------
    >>> import numpy as np
    >>> from varinf.divergences.gaussian_kl import gaussian_kl
    >>> covariances = np.array([[[1.0, 0.0], [0.0, 1.0]], [[2.0, 0.5], [0.5, 1.0]]])
    >>> gaussian_kl(np.zeros((2, 2)), covariances, np.zeros(2), np.eye(2)).round(4)
    array([0.    , 0.2202])
    """
    arrays = in_one_library(loc_q=loc_q, covariance_q=covariance_q, loc_p=loc_p, covariance_p=covariance_p)
    loc_q, covariance_q, loc_p, covariance_p = arrays
    square(covariance_q, vector(loc_q, "loc_q"), "covariance_q")
    square(covariance_p, vector(loc_p, "loc_p"), "covariance_p")
    if loc_p.shape[-1] != loc_q.shape[-1] or (loc_p.ndim > 1 and loc_p.shape != loc_q.shape):
        raise ValueError(
            f"loc_q has shape {tuple(loc_q.shape)} but loc_p has {tuple(loc_p.shape)}; give p the same, or "
            f"{(loc_q.shape[-1],)} for all of q"
        )
    if not is_numpy(loc_q):
        return kl(FullNormal(loc_q, covariance=covariance_q), FullNormal(loc_p, covariance=covariance_p))
    kernels, slack = kernel("gaussian_kl", loc_q), symmetry_slack(covariance_q)
    cost = 10 + loc_q.shape[-1] ** 3 / 8
    with working(workers):
        rows = over_rows(lambda *part: kernels.full_full_from_covariances(*part, slack), matrix_rows(*arrays), cost)
    if not np.isfinite(rows).all():  # an overflow may do this too, and is then the answer
        _refuse(loc_q, covariance_q, "q")
        _refuse(loc_p, covariance_p, "p")
    return rows_in_batch(rows, loc_q.shape[:-1])


def _refuse(loc, covariance, name):
    """The error for what is no normal distribution, if it is none."""
    check_finite(loc, f"loc_{name}")
    cholesky(covariance, f"covariance_{name}")
