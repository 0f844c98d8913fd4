"""The smallest model with a latent variable: a normal prior on a location, seen once through normal noise."""

import numpy as np

from varinf._arrays import as_array, check_finite, check_positive, generator
from varinf.families.diagonal_normal import DiagonalNormal
from varinf.families.family import LOG_TWO_PI
from varinf.models.model import LinearGaussianModel, check_batch, data, expected_log_normal, latents


class NormalNormal(LinearGaussianModel):
    """Normal prior, normal noise: z ~ N(prior_loc, prior_scale²), x | z ~ N(z, noise_scale²), each feature by itself.

    Parameters
    ----------
    prior_loc, prior_scale, noise_scale : float or array (D,)
        Mean and standard deviations; a number serves every feature.

    Attributes
    ----------
    latent_dim : int
        Number of features D of x and of z.
    prior : DiagonalNormal
        The density p(z), without a batch.

    Raises
    ------
    ValueError
        If the shapes differ, a value is not finite, or a scale is not positive.

    See Also
    --------
    LinearGaussian : Several features that share latent dimensions.
    varinf.identity : Definition 1 in numbers, log p(x) = ELBO + KL.
    varinf.evaluate : Log weights of many data.

    References
    ----------
    Bishop (2006), "Pattern recognition and machine learning", section 2.3.3.

    Examples
    --------
    >>> from varinf.models.normal_normal import NormalNormal
    >>> model = NormalNormal(0.0, 1.0, 1.0)
    >>> round(float(model.log_evidence([[1.0]])[0]), 4)  # N(1; 0, 2)
    -1.5155
    >>> q = model.posterior([[1.0]])
    >>> q.loc, q.scale.round(4)
    (array([[0.5]]), array([[0.7071]]))
    """

    def __init__(self, prior_loc, prior_scale, noise_scale):
        given = {"prior_loc": prior_loc, "prior_scale": prior_scale, "noise_scale": noise_scale}
        arrays = {name: np.atleast_1d(as_array(value, name)).astype(np.float64) for name, value in given.items()}
        dim = max((len(a) for a in arrays.values() if a.ndim == 1), default=1)
        for name, array in arrays.items():
            if array.shape not in ((1,), (dim,)):
                shapes = ", ".join(f"{n} {a.shape}" for n, a in arrays.items())
                raise ValueError(f"{name} has shape {array.shape}, but all must be numbers or ({dim},): {shapes}")
            if name == "prior_loc":
                check_finite(array, name)
            else:
                check_positive(array, name)
        loc, scale, noise = (np.broadcast_to(a, (dim,)) for a in arrays.values())
        self.latent_dim, self.prior, self.noise_scale = dim, DiagonalNormal(loc, scale), noise

    def log_likelihood(self, x, z):
        """Log likelihood log p(x | z), in nats.

        Parameters
        ----------
        x : array (N, D)
            Data, one row per datum.
        z : array (..., N, D)
            Latent vectors: any axes of draws in front, then one vector per datum.

        Returns
        -------
        array (..., N)
            Exact, in nats, one number per draw and datum.
        """
        x = data(x, self.latent_dim)
        return _log_normal(x, latents(z, x.shape), self.noise_scale)

    def log_evidence(self, x):
        """Log evidence log p(x) = log N(x; prior_loc, prior_scale² + noise_scale²), summed over the features.

        Parameters
        ----------
        x : array (N, D)
            Data, one row per datum.

        Returns
        -------
        array (N,)
            Exact, in nats, one number per datum.
        """
        return _log_normal(data(x, self.latent_dim), self.prior.loc, np.hypot(self.prior.scale, self.noise_scale))

    def posterior(self, x):
        """Posterior p(z | x): precisions add, means are weighted by them.

        Parameters
        ----------
        x : array (N, D)
            Data, one row per datum.

        Returns
        -------
        DiagonalNormal
            Exact, with batch shape (N,).
        """
        x = data(x, self.latent_dim)
        loc, scale, noise = self.prior.loc, self.prior.scale, self.noise_scale
        spread = np.hypot(scale, noise)
        mean = loc * (noise / spread) ** 2 + x * (scale / spread) ** 2
        return DiagonalNormal(mean, np.broadcast_to(scale * noise / spread, x.shape))

    def expected_log_likelihood(self, x, q):
        """Expected log likelihood E_q log p(x | z), in nats, in closed form.

        The normal density is the same read from x or from z.

        Parameters
        ----------
        x : array (N, D)
            Data, one row per datum.
        q : family
            Any with `mean` and `covariance`, of batch shape (N,).

        Returns
        -------
        array (N,)
            Exact, in nats, one number per datum.
        """
        x = data(x, self.latent_dim)
        check_batch(q, x.shape)
        return expected_log_normal(q, x, self.noise_scale)

    def mean_field(self, x):
        """The best q with independent features, which here is the posterior: its features are independent.

        Parameters
        ----------
        x : array (N, D)
            Data, one row per datum.

        Returns
        -------
        DiagonalNormal
            With batch shape (N,).
        """
        return self.posterior(x)

    def sample(self, n, rng=None):
        """Draw data and latent vectors jointly from the model.

        Parameters
        ----------
        n : int
            Number of pairs.
        rng : None, int, SeedSequence or Generator
            Seed or generator of the draws; None draws anew each time.

        Returns
        -------
        x : array (n, D)
            Data.
        z : array (n, D)
            The latent vectors behind them.
        """
        rng = generator(rng)
        z = self.prior.sample(n, rng)
        return z + self.noise_scale * rng.standard_normal(z.shape), z


def _log_normal(x, loc, scale):
    return -np.sum(((x - loc) / scale) ** 2 + 2 * np.log(scale) + LOG_TWO_PI, axis=-1) / 2
