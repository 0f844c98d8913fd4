"""Mutual information of two jointly Gaussian vectors, through their canonical correlations."""

import math

from varinf._arrays import as_arrays, check_finite, holds, namespace, to_numpy
from varinf.families.family import settle, wide
from varinf.families.matrices import cholesky, solve_lower


def gaussian_mutual_information(Sigma_x, Sigma_xy, Sigma_y):
    """I(X;Y) = −½ log det(I − Σ_x⁻¹ Σ_xy Σ_y⁻¹ Σ_yx) = −½ Σ log(1 − ρ²), in nats, for jointly Gaussian X and Y.

    Parameters
    ----------
    Sigma_x : array (*batch, P, P)
        Covariance of X; NumPy, torch or JAX.
    Sigma_xy : array (*batch, P, Q)
        Covariance between X (rows) and Y (columns).
    Sigma_y : array (*batch, Q, Q)
        Covariance of Y.

    Returns
    -------
    array (*batch)
        Exact, in nats. The ρ are the canonical correlations, singular values of L_x⁻¹ Σ_xy L_y⁻ᵀ. +inf where one of
        them is 1 to rounding: a combination of the features of Y is then a function of X.

    Raises
    ------
    ValueError
        If shapes disagree, a value is not finite, a covariance is not symmetric or not positive definite (which
        matrix, which pivot), or Sigma_xy is too large for the three to be one covariance.

    See Also
    --------
    mutual_information : The information of two discrete variables.
    rate : An upper bound on I(X;Z), from an encoder and data.
    models.LinearGaussian : A model whose `marginal_covariance` and `weights` go in here.

    References
    ----------
    Kullback (1959), "Information theory and statistics", section 9.7; Cover, Thomas (2006), "Elements of information
    theory", section 8.5.

    Examples
    --------
    >>> from varinf import gaussian_mutual_information
    >>> round(float(gaussian_mutual_information([[1.0]], [[0.6]], [[1.0]])), 4)  # -log(1 - 0.36) / 2
    0.2231
    >>> float(gaussian_mutual_information([[1.0]], [[2.0]], [[4.0]]))  # y = 2 x
    inf
    """
    like, *_ = arrays = as_arrays(Sigma_x=Sigma_x, Sigma_xy=Sigma_xy, Sigma_y=Sigma_y)
    _check_shapes(*arrays)
    covariance_x, cross, covariance_y = (wide(x) for x in arrays)
    xp = namespace(cross)
    left = _whiten(cholesky(covariance_x, "Sigma_x"), cross)
    whitened = xp.matrix_transpose(_whiten(cholesky(covariance_y, "Sigma_y"), xp.matrix_transpose(left)))
    rho = xp.linalg.svdvals(whitened)
    eps = xp.finfo(like.dtype).eps
    if holds(xp.any(rho > 1 + math.sqrt(eps))):
        raise ValueError(
            f"Sigma_xy is too large beside Sigma_x and Sigma_y: a canonical correlation would be "
            f"{float(to_numpy(rho).max()):.6g}, above 1; the three must be blocks of one covariance"
        )
    unexplained = 1 - rho**2
    functional = unexplained <= 4 * max(cross.shape[-2:]) * eps
    terms = xp.where(functional, math.inf, -xp.log1p(-(xp.where(functional, 0.0, rho) ** 2)) / 2)
    return settle(xp.sum(terms, axis=-1), like)


def _whiten(tril, matrix):
    """L⁻¹ M: its columns are vectors, which `solve_lower` takes on a leading axis."""
    xp = namespace(matrix)
    columns = xp.moveaxis(matrix, -1, 0)
    return xp.moveaxis(solve_lower(tril, columns), 0, -1)


def _check_shapes(Sigma_x, Sigma_xy, Sigma_y):
    """Sigma_xy (*batch, P, Q) says what the other two must be."""
    if Sigma_xy.ndim < 2 or 0 in Sigma_xy.shape[-2:]:
        raise ValueError(
            f"Sigma_xy has shape {tuple(Sigma_xy.shape)}; give a matrix (*batch, P, Q), rows for the features of X"
        )
    *batch, p, q = Sigma_xy.shape
    for name, x, size in (("Sigma_x", Sigma_x, p), ("Sigma_y", Sigma_y, q)):
        if tuple(x.shape) != (*batch, size, size):
            raise ValueError(
                f"{name} has shape {tuple(x.shape)}, but Sigma_xy {tuple(Sigma_xy.shape)} needs {(*batch, size, size)}"
            )
        check_finite(x, name)
    check_finite(Sigma_xy, "Sigma_xy")
