"""Normal distributions with independent features."""

import numpy as np

from varinf._arrays import (
    check_finite,
    check_positive,
    fill_normal,
    namespace,
    positive_integer,
    refuse_where,
    same_shape,
)
from varinf.families.family import parameters, total, vector
from varinf.families.matrices import diagonal_matrices
from varinf.families.normal import Normal


class DiagonalNormal(Normal):
    """Normal distributions with independent features: N(loc, diag(scale^2)).

    Parameters
    ----------
    loc : array (*batch, D)
        Means.
    scale : array (*batch, D)
        Standard deviations, positive. Log-variances, as encoders give them, come in by `from_log_variance`,
        logarithms of standard deviations by `from_log_scale`; what was given is kept, and the rest follows from it.

    Raises
    ------
    ValueError
        If the shapes differ, or a value is not finite, or a scale is not positive.

    See Also
    --------
    FullNormal : Normals with any covariance.
    LowRankNormal : Normals whose features share a few factors.
    kl : Closed forms between any two normals.
    Mixture : The aggregate of many.

    Examples
    --------
    >>> from varinf.families.diagonal_normal import DiagonalNormal
    >>> q = DiagonalNormal([[0.0, 1.0], [2.0, 3.0]], [[1.0, 2.0], [0.5, 0.5]])
    >>> q
    DiagonalNormal(batch_shape=(2,), dim=2)
    >>> q.entropy().round(4)
    array([3.531 , 1.4516])
    >>> q.log_prob([[0.0, 1.0], [2.0, 3.0]]).round(4)
    array([-2.531 , -0.4516])
    >>> q.sample(1000, rng=0).shape, q[0].batch_shape, q[:1].batch_shape
    ((1000, 2, 2), (), (1,))
    """

    _parameters = {"loc": 1, "_spread": 1}  # noqa: RUF012

    def __init__(self, loc, scale):
        loc, scale = parameters(loc=loc, scale=scale)
        check_positive(scale, "scale")
        self._store_checked(loc, scale, "scale")

    @classmethod
    def from_log_variance(cls, loc, log_variance):
        """Build from means and logarithms of variances, which are kept as given.

        Parameters
        ----------
        loc : array (*batch, D)
            Means.
        log_variance : array (*batch, D)
            Logarithms of the variances. The scale is exp(log_variance / 2), computed where it is needed.

        Returns
        -------
        DiagonalNormal
            Whose gradients are with respect to loc and log_variance.

        Raises
        ------
        ValueError
            If the shapes differ, a value is not finite, or a scale would be 0 or infinite in its precision.
        """
        return cls._from_logarithm("log_variance", loc, log_variance)

    @classmethod
    def from_log_scale(cls, loc, log_scale):
        """Build from means and logarithms of standard deviations, which are kept as given.

        Parameters
        ----------
        loc : array (*batch, D)
            Means.
        log_scale : array (*batch, D)
            Logarithms of the standard deviations. The scale is exp(log_scale), computed where it is needed.

        Returns
        -------
        DiagonalNormal
            Whose gradients are with respect to loc and log_scale.

        Raises
        ------
        ValueError
            If the shapes differ, a value is not finite, or a scale would be 0 or infinite in its precision.
        """
        return cls._from_logarithm("log_scale", loc, log_scale)

    @classmethod
    def standard(cls, dim):
        """Build the standard normal N(0, I) over `dim` features.

        Parameters
        ----------
        dim : int
            Number of features D.

        Returns
        -------
        DiagonalNormal
            Without a batch; it follows the library and dtype of what it meets.
        """
        dim = positive_integer(dim, "dim")
        p = cls(np.zeros(dim), np.ones(dim))
        p._store(is_standard=True)
        return p

    @classmethod
    def _from_logarithm(cls, name, loc, logarithm):
        loc, logarithm = parameters(**{"loc": loc, name: logarithm})
        check_finite(logarithm, name)
        xp = namespace(logarithm)
        limit = 709 if logarithm.dtype == xp.float64 else 88  # exp of more is infinite, and of -more has no reciprocal
        refuse_where(
            xp.abs(logarithm if name == "log_scale" else logarithm / 2) > limit,
            logarithm,
            name,
            "values whose scale is not positive and finite",
            f"exp({'log_scale' if name == 'log_scale' else 'log_variance / 2'}) is a standard deviation; "
            f"its logarithm must lie within ±{limit} in this precision",
        )
        q = object.__new__(cls)
        q._store_checked(loc, logarithm, name)
        return q

    def _store_checked(self, loc, spread, given):
        same_shape(**{"loc": vector(loc, "loc"), given: spread})
        check_finite(loc, "loc")
        self._store(loc=loc, _spread=spread, _given=given)

    # Parameters ------------------------------------------------------------------------------------------------------

    @property
    def parameter_names(self):
        """Names of the parameters that were given, a tuple: gradients are with respect to these."""
        return ("loc", self._given)

    @property
    def scale(self):
        """Standard deviations, (*batch, D)."""
        if self._given == "scale":
            return self._spread
        return namespace(self._spread).exp(self._spread if self._given == "log_scale" else self._spread / 2)

    @property
    def log_scale(self):
        """Logarithms of the standard deviations, (*batch, D)."""
        if self._given == "scale":
            return namespace(self._spread).log(self._spread)
        return self._spread if self._given == "log_scale" else self._spread / 2

    @property
    def log_variance(self):
        """Logarithms of the variances, (*batch, D)."""
        return self._spread if self._given == "log_variance" else 2 * self.log_scale

    @property
    def variance(self):
        """Variances, (*batch, D)."""
        return namespace(self._spread).exp(self._spread) if self._given == "log_variance" else self.scale**2

    @property
    def scale_tril(self):
        """Diagonal matrices of the scales: the Cholesky factors of the covariances, (*batch, D, D)."""
        return diagonal_matrices(self.scale)

    def _beside(self, x):
        return (x, self) if self.is_standard else super()._beside(x)

    # Density ---------------------------------------------------------------------------------------------------------

    def _white(self, z):
        if self.is_standard:
            return z
        if self._given == "scale":
            return (z - self.loc) / self._spread
        return (z - self.loc) * namespace(z).exp(-self.log_scale)

    def _from_noise(self, noise):
        if self.is_standard:
            return noise
        return self.loc + self.scale * noise

    def _draw(self, n, rng):
        out = np.empty((n, *self.loc.shape), self.loc.dtype)
        self._draw_into(out, rng)
        return out

    def _draw_into(self, out, rng):
        if self.is_standard:
            fill_normal(out, rng)
        else:
            fill_normal(out, rng, self.loc, self.scale)

    def _half_log_det(self):
        return total(self.log_scale)
