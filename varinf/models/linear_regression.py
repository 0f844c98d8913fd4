"""Bayesian linear regression with known noise: a posterior with correlations that a mean-field q cannot have."""

import numpy as np

from varinf._arrays import generator
from varinf.families.diagonal_normal import DiagonalNormal
from varinf.families.family import LOG_TWO_PI
from varinf.families.full_normal import FullNormal
from varinf.models.model import LinearGaussianModel, check_batch, held, latents, numpy_array, positive_number


class LinearRegression(LinearGaussianModel):
    """Bayesian linear regression: y = X z + noise, z ~ N(0, prior_scale² I), noise ~ N(0, noise_variance I).

    There is no intercept: standardise the data.

    Parameters
    ----------
    X : array (N, D)
        Features, one row per observation.
    y : array (N,)
        Responses.
    noise_variance : float
        Variance of the noise, known.
    prior_scale : float
        Standard deviation of each coefficient's prior.

    Attributes
    ----------
    latent_dim : int
        Number of coefficients D.
    prior : DiagonalNormal
        The density p(z), without a batch.

    See Also
    --------
    LogisticRegression : Labels instead of responses.
    LinearGaussian : Latent vectors per datum, unknown loadings.
    varinf.datasets.diabetes : Data for it.
    varinf.identity : Definition 1 in numbers, log p(y) = ELBO + KL.

    References
    ----------
    Bishop (2006), "Pattern recognition and machine learning", section 3.3; section 10.1.2 for `mean_field`.

    Examples
    --------
    >>> from varinf.models.linear_regression import LinearRegression
    >>> model = LinearRegression([[1.0], [2.0]], [1.0, 2.0], noise_variance=1.0)
    >>> round(float(model.log_evidence()), 4), model.posterior().loc.round(4)
    (-3.1504, array([0.8333]))
    """

    def __init__(self, X, y, noise_variance, prior_scale=1.0):
        self.X, self.y = regression_data(X, y)
        self.latent_dim = self.X.shape[1]
        self.noise_variance = positive_number(noise_variance, "noise_variance")
        self.prior_scale = positive_number(prior_scale, "prior_scale")
        self.prior = DiagonalNormal(np.zeros(self.latent_dim), np.full(self.latent_dim, self.prior_scale))

    def log_likelihood(self, x, z):
        """Log likelihood log p(y | z), in nats.

        Parameters
        ----------
        x : None
            The model holds its own data.
        z : array (..., D)
            Latent vectors, with any axes of draws in front.

        Returns
        -------
        array (...)
            Exact, in nats, one number per draw.
        """
        held(x, self)
        residual = self.y - latents(z, (self.latent_dim,)) @ self.X.T
        return self._log_noise(np.sum(residual * residual, axis=-1))

    def log_evidence(self, x=None):
        """Log evidence log p(y) = log N(y; 0, prior_scale² X X' + noise_variance I), from that (N, N) matrix itself.

        Parameters
        ----------
        x : None
            The model holds its own data.

        Returns
        -------
        float
            Exact, in nats.
        """
        held(x, self)
        n = len(self.y)
        covariance = self.prior_scale**2 * self.X @ self.X.T + self.noise_variance * np.eye(n)
        return FullNormal(np.zeros(n), covariance=covariance).log_prob(self.y)

    def posterior(self, x=None):
        """Posterior p(z | y) of the coefficients.

        Parameters
        ----------
        x : None
            The model holds its own data.

        Returns
        -------
        FullNormal
            Exact, without a batch.
        """
        held(x, self)
        loc = np.linalg.solve(self._precision, self.X.T @ self.y / self.noise_variance)
        return FullNormal(loc, covariance=np.linalg.inv(self._precision))

    def mean_field(self, x=None):
        """The DiagonalNormal of highest ELBO: the posterior's mean, the inverses of its precision's diagonal.

        Parameters
        ----------
        x : None
            The model holds its own data.

        Returns
        -------
        DiagonalNormal
            Without a batch.
        """
        return DiagonalNormal(self.posterior(x).loc, 1 / np.sqrt(np.diag(self._precision)))

    def expected_log_likelihood(self, x, q):
        """Expected log likelihood E_q log p(y | z), in nats, in closed form.

        Parameters
        ----------
        x : None
            The model holds its own data.
        q : family
            Any with `mean` and `covariance`, without a batch.

        Returns
        -------
        float
            Exact, in nats.
        """
        held(x, self)
        check_batch(q, (self.latent_dim,))
        residual = self.y - self.X @ q.mean
        spread = np.sum((self.X @ q.covariance) * self.X)
        return self._log_noise(residual @ residual + spread)

    def sample(self, n, rng=None):
        """Draw responses to the model's own features, and coefficients, jointly from the model.

        Parameters
        ----------
        n : int
            Number of pairs.
        rng : None, int, SeedSequence or Generator
            Seed or generator of the draws; None draws anew each time.

        Returns
        -------
        y : array (n, N)
            Responses.
        z : array (n, D)
            The latent vectors behind them.
        """
        rng = generator(rng)
        z = self.prior.sample(n, rng)
        return z @ self.X.T + np.sqrt(self.noise_variance) * rng.standard_normal((n, len(self.y))), z

    @property
    def _precision(self):
        return self.X.T @ self.X / self.noise_variance + np.eye(self.latent_dim) / self.prior_scale**2

    def _log_noise(self, squares):
        return -(squares / self.noise_variance + len(self.y) * (LOG_TWO_PI + np.log(self.noise_variance))) / 2


def regression_data(X, y):
    """Features (N, D) and responses (N,), in float64."""
    X, y = numpy_array(X, "X"), numpy_array(y, "y")
    if X.ndim != 2 or 0 in X.shape or y.shape != X.shape[:1]:
        raise ValueError(f"X has shape {X.shape} and y {y.shape}; give features (N, D) and responses (N,), N, D >= 1")
    return X.astype(np.float64), y.astype(np.float64)
