"""What the normal families share: a draw is an affine function of standard normal noise, and so is its density."""

from varinf._arrays import as_array, namespace, standard_normal
from varinf._pool import working
from varinf.families.family import LOG_TWO_PI, Family, settle, total


class Normal(Family):
    """A multivariate normal N(loc, covariance).

    A subclass gives `_from_noise(noise)`; `_white(z)`, coordinates whose squared length is the Mahalanobis distance
    (z - loc)' covariance^-1 (z - loc); and `_half_log_det()` = log det(covariance) / 2.
    """

    is_standard = False

    @property
    def noise_dim(self):
        """Number of standard normal values that `transform` takes for one draw."""
        return self.dim

    def transform(self, noise):
        """Make draws from standard normal noise, differentiable in it and in the parameters (reparameterisation).

        Parameters
        ----------
        noise : array (..., *batch, noise_dim)
            Independent N(0, 1) values; with torch or JAX parameters, draws of that library.

        Returns
        -------
        array (..., *batch, D)
            Draws, in the library of the noise and the parameters.

        Raises
        ------
        ValueError
            If the trailing axes of the noise are not (*batch, noise_dim).
        """
        noise, q = self._beside(self._checked(as_array(noise, "noise"), "noise", (self.noise_dim,)))
        return q._from_noise(noise)

    def sample_and_log_prob(self, n, rng=None, workers=None):
        with working(workers):
            noise = self._noise(*self._ready(n, rng))
        return self._from_noise(noise), self._log_density_at(noise)

    def entropy(self):
        """Differential entropy D/2 (1 + log 2 pi) + log det(covariance) / 2.

        Returns
        -------
        array (*batch)
            Exact, in nats; below 0 for a narrow distribution.
        """
        return settle(self._half_log_det() + self.dim / 2 * (1 + LOG_TWO_PI), self.loc)

    @property
    def mean(self):
        """Means, (*batch, D)."""
        return self.loc

    @property
    def covariance(self):
        """Covariance matrices, (*batch, D, D)."""
        tril = self.scale_tril
        return tril @ namespace(tril).matrix_transpose(tril)

    def _wide_tril(self):
        """`scale_tril` in the precision that a product or a solve needs."""
        return self.scale_tril

    def _log_density(self, z):
        return self._log_density_at(self._white(z))

    def _log_density_at(self, white):
        half_log_det = 0.0 if self.is_standard else self._half_log_det()
        return settle(-total(white * white) / 2 - half_log_det - self.dim / 2 * LOG_TWO_PI, white)

    def _draw(self, n, rng):
        return self._from_noise(self._noise(n, rng))

    def _noise(self, n, rng):
        return standard_normal((n, *self.batch_shape, self.noise_dim), rng, self.loc.dtype)

    def _own_draws(self):
        shape = ", ".join(map(str, ("n", *self.batch_shape, self.noise_dim)))
        return f"bring your own draws, q.transform(noise) with standard normal noise ({shape}) of that library"
