"""Normal distributions with independent features."""

import numpy as np

from varinf._arrays import check_finite, check_positive, namespace, positive_integer, same_shape
from varinf.families.family import parameters, total, vector
from varinf.families.matrices import diagonal_matrices
from varinf.families.normal import Normal, aligned


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
    is_standard = False

    def __init__(self, loc, scale):
        loc, scale = parameters(loc=loc, scale=scale)
        check_positive(scale, "scale")
        self._store_checked(loc, scale, "scale")

    @classmethod
    def from_log_variance(cls, loc, log_variance):
        """From means and logarithms of variances, both (*batch, D): scale = exp(log_variance / 2)."""
        return cls._from_logarithm("log_variance", loc, log_variance)

    @classmethod
    def from_log_scale(cls, loc, log_scale):
        """From means and logarithms of standard deviations, both (*batch, D)."""
        return cls._from_logarithm("log_scale", loc, log_scale)

    @classmethod
    def standard(cls, dim):
        """The standard normal N(0, I) over `dim` features; it follows the library and dtype of what it meets."""
        dim = positive_integer(dim, "dim")
        p = cls(np.zeros(dim), np.ones(dim))
        p._store(is_standard=True)
        return p

    @classmethod
    def _from_logarithm(cls, name, loc, logarithm):
        loc, logarithm = parameters(**{"loc": loc, name: logarithm})
        check_finite(logarithm, name)
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
        """The parameters that were given, by name: gradients are with respect to these."""
        return ("loc", self._given)

    @property
    def scale(self):
        """Standard deviations, (*batch, D)."""
        return _scale(self._spread, self._given)

    @property
    def log_scale(self):
        """Logarithms of the standard deviations, (*batch, D)."""
        return _log_scale(self._spread, self._given)

    @property
    def variance(self):
        """Variances, (*batch, D)."""
        return namespace(self._spread).exp(self._spread) if self._given == "log_variance" else self.scale**2

    @property
    def scale_tril(self):
        """Diagonal matrices of the scales: the Cholesky factors of the covariances, (*batch, D, D)."""
        return diagonal_matrices(self.scale)

    # Density ---------------------------------------------------------------------------------------------------------

    def _white(self, z):
        if self.is_standard:
            return z
        z, loc, spread = aligned(self, z)
        if self._given == "scale":
            return (z - loc) / spread
        return (z - loc) * namespace(z).exp(-_log_scale(spread, self._given))

    def _from_noise(self, noise):
        if self.is_standard:
            return noise
        noise, loc, spread = aligned(self, noise)
        return loc + noise * _scale(spread, self._given)

    def _half_log_det(self):
        return 0.0 if self.is_standard else total(self.log_scale)


def _scale(spread, given):
    if given == "scale":
        return spread
    return namespace(spread).exp(spread if given == "log_scale" else spread / 2)


def _log_scale(spread, given):
    if given == "scale":
        return namespace(spread).log(spread)
    return spread if given == "log_scale" else spread / 2
