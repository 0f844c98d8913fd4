"""Normal distributions with any covariance."""

from varinf._arrays import check_finite
from varinf.families.family import frozen, in_one_library, own, settle, total, vector, wide
from varinf.families.matrices import check_lower, cholesky, log_diagonal, multiply, solve_lower, square
from varinf.families.normal import Normal


class FullNormal(Normal):
    """Normal distributions N(loc, L L') with any covariance.

    Parameters
    ----------
    loc : array (*batch, D)
        Means.
    scale_tril : array (*batch, D, D), optional
        Lower Cholesky factors L of the covariances, with positive diagonals and zeros above them.
    covariance : array (*batch, D, D), optional
        Covariances, symmetric and positive definite. Give exactly one of the two.

    Raises
    ------
    ValueError
        If a shape is wrong or a value is not finite, if a factor is not lower triangular with a positive diagonal, or
        if a covariance is not symmetric or not positive definite; the error names the matrix and the pivot.

    See Also
    --------
    DiagonalNormal : Normals with independent features.
    LowRankNormal : Normals whose features share a few factors.
    kl : Closed forms between any two normals.

    Examples
    --------
    >>> from varinf.families.full_normal import FullNormal
    >>> q = FullNormal([0.0, 1.0], covariance=[[4.0, 2.0], [2.0, 3.0]])
    >>> q
    FullNormal(batch_shape=(), dim=2)
    >>> q.scale_tril.round(4)
    array([[2.    , 0.    ],
           [1.    , 1.4142]])
    >>> round(float(q.log_prob([0.0, 1.0])), 4), round(float(q.entropy()), 4)
    (-2.8776, 3.8776)
    """

    _parameters = {"loc": 1, "scale_tril": 2}  # noqa: RUF012
    parameter_names = ("loc", "scale_tril")

    def __init__(self, loc, scale_tril=None, *, covariance=None):
        if (scale_tril is None) == (covariance is None):
            raise TypeError("give exactly one of scale_tril= (a lower Cholesky factor) and covariance=")
        name = "covariance" if scale_tril is None else "scale_tril"
        loc, matrix = in_one_library(**{"loc": loc, name: covariance if scale_tril is None else scale_tril})
        check_finite(vector(loc, "loc"), "loc")
        square(matrix, loc, name)
        if scale_tril is None:
            matrix = frozen(cholesky(matrix, name))
        else:
            matrix = own(matrix)
            check_lower(matrix, name)
        self._store(loc=own(loc), scale_tril=matrix)

    @property
    def variance(self):
        """Variances of the features, (*batch, D)."""
        return settle(total(self.scale_tril**2), self.loc)

    def _white(self, z):
        difference = z - self.loc
        return settle(solve_lower(wide(self.scale_tril), wide(difference)), difference)

    def _from_noise(self, noise):
        return self.loc + multiply(self.scale_tril, noise)

    def _half_log_det(self):
        return total(log_diagonal(self.scale_tril))
