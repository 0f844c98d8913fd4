"""Probabilistic PCA: a linear decoder with normal noise, whose evidence, posterior and maximum likelihood are exact."""

from typing import NamedTuple

import numpy as np

from varinf._arrays import finite_number, generator, positive_integer, same_shape
from varinf.families.diagonal_normal import DiagonalNormal
from varinf.families.family import LOG_TWO_PI
from varinf.families.full_normal import FullNormal
from varinf.models.expectation_maximisation import expectation_maximisation
from varinf.models.model import LinearGaussianModel, check_batch, data, latents, numpy_array, positive_number


class Gradient(NamedTuple):
    """Derivatives of a sum over data with respect to the parameters of a LinearGaussian."""

    weights: np.ndarray
    mean: np.ndarray
    noise_variance: float


class LinearGaussian(LinearGaussianModel):
    """Probabilistic PCA: x = W z + mean + noise, z ~ N(0, I), noise ~ N(0, noise_variance I).

    Parameters
    ----------
    latent_dim : int
        D, the dimension of z; smaller than the number F of features.

    Attributes
    ----------
    prior : DiagonalNormal
        The density p(z), standard normal, without a batch.
    weights : array (F, D)
        The loadings W. These three are there after `fit`, or from `from_parameters`.
    mean : array (F,)
        Mean of x.
    noise_variance : float
        Variance of the noise of each feature.
    history : tuple of HalfStep
        For method="em": average ELBO and log evidence after each half step; empty otherwise.
    converged : bool
        Whether the last `fit` came to its end; False before the first.

    See Also
    --------
    NormalNormal : The same without loadings.
    LinearRegression : Known features, and latent coefficients.
    varinf.identity : Definition 1 in numbers, log p(x) = ELBO + KL.
    varinf.rate : An upper bound on the information that its codes keep.

    References
    ----------
    Tipping, Bishop (1999), "Probabilistic principal component analysis", J. Royal Statistical Society B 61(3).

    Examples
    --------
    >>> import numpy as np
    >>> from varinf.models.linear_gaussian import LinearGaussian
    >>> model = LinearGaussian.from_parameters(weights=[[1.0], [1.0]], mean=[0.0, 0.0], noise_variance=1.0)
    >>> x = np.array([[1.0, 1.0]])
    >>> round(float(model.log_evidence(x)[0]), 4)
    -2.7205
    >>> q = model.posterior(x)
    >>> elbo = model.expected_log_joint(x, q) + q.entropy()  # tight, as q is the posterior
    >>> round(float(elbo[0]), 4)
    -2.7205
    """

    def __init__(self, latent_dim):
        self.latent_dim = positive_integer(latent_dim, "latent_dim")
        self.prior = DiagonalNormal.standard(self.latent_dim)
        self.history, self.converged = (), False

    @classmethod
    def from_parameters(cls, weights, mean, noise_variance):
        """Build a model of known parameters.

        Parameters
        ----------
        weights : array (F, D)
            The loadings W, features by latent dimensions.
        mean : array (F,)
            Mean of x.
        noise_variance : float
            Variance of the noise of each feature, positive.

        Returns
        -------
        LinearGaussian
            With these parameters.

        Raises
        ------
        ValueError
            If the shapes disagree, a value is not finite, or the variance is not positive.
        """
        weights, mean = numpy_array(weights, "weights"), numpy_array(mean, "mean")
        if weights.ndim != 2:
            raise ValueError(f"weights has shape {weights.shape}; give (F, D), features by latent dimensions")
        same_shape(mean=mean, **{"a column of weights": weights[:, 0]})
        model = cls(weights.shape[1])
        model.weights, model.mean = weights.astype(np.float64), mean.astype(np.float64)
        model.noise_variance = positive_number(noise_variance, "noise_variance")
        return model

    def __repr__(self):
        known = hasattr(self, "mean")
        rest = f", features={len(self.mean)}, noise_variance={self.noise_variance:.4g}" if known else ", not fitted"
        return f"<LinearGaussian: latent_dim={self.latent_dim}{rest}>"

    # Maximum likelihood ----------------------------------------------------------------------------------------------

    def fit(self, x, method="closed_form", *, rng=None, max_steps=2000, tolerance=1e-9):
        """Set the parameters to those of maximum likelihood.

        Parameters
        ----------
        x : array (N, F)
            Data, one row per datum.
        method : {"closed_form", "em"}
            "closed_form": weights from the leading eigenvectors of the covariance of x, noise_variance the average
            of the discarded eigenvalues; the global maximum. "em": expectation maximisation from random weights,
            Theorem 1 at work: the E step sets q to the posterior, which closes the gap between the ELBO and log p(x);
            the M step raises the ELBO over the parameters, which lifts log p(x) along. `history` shows it.
        rng : None, int, SeedSequence or Generator
            For "em": where the weights start.
        max_steps, tolerance : int, float
            "em" stops when no parameter moves by more than `tolerance` relative to the largest, or at `max_steps`,
            which `converged` tells.

        Returns
        -------
        LinearGaussian
            This model, with its parameters, `history` and `converged` set.

        Raises
        ------
        ValueError
            If x has fewer than two rows, no more columns than `latent_dim`, or a rank so low that no noise is left.
        """
        x = numpy_array(x, "x")
        if x.ndim != 2 or len(x) < 2 or x.shape[1] <= self.latent_dim:
            raise ValueError(
                f"x has shape {x.shape}; give (N, F) with N >= 2 data and F > latent_dim={self.latent_dim} features"
            )
        if method not in ("closed_form", "em"):
            raise ValueError(f"method={method!r}: use 'closed_form' or 'em'")
        max_steps = positive_integer(max_steps, "max_steps")
        if finite_number(tolerance, "tolerance") < 0:
            raise ValueError(f"tolerance={tolerance}: use 0, which runs all max_steps, or a small positive number")
        mean = np.mean(x, axis=0, dtype=np.float64)
        covariance = (x - mean).T @ (x - mean) / len(x)
        values, vectors = np.linalg.eigh(covariance)
        values, vectors = values[::-1], vectors[:, ::-1]
        noise_variance = np.mean(values[self.latent_dim :])
        if not noise_variance > 1e-12 * values[0]:
            raise ValueError(f"x has rank {self.latent_dim} or less: no noise is left; use a smaller latent_dim")
        self.history, self.converged = (), True
        if method == "em":
            start = generator(rng).standard_normal((len(mean), self.latent_dim)) * np.sqrt(np.trace(covariance))
            start /= np.sqrt(start.size)  # half of the variance is the signal's
            weights, noise_variance, self.history, self.converged = expectation_maximisation(
                covariance, start, np.trace(covariance) / (2 * len(mean)), max_steps, tolerance
            )
        else:
            weights = vectors[:, : self.latent_dim] * np.sqrt(values[: self.latent_dim] - noise_variance)
            largest = np.argmax(np.abs(weights), axis=0)  # eigenvectors have no sign: the largest entry is positive
            weights *= np.where(np.take_along_axis(weights, largest[None], axis=0) < 0, -1.0, 1.0)
        self.weights, self.mean, self.noise_variance = weights, mean, float(noise_variance)
        return self

    # Densities -------------------------------------------------------------------------------------------------------

    def log_likelihood(self, x, z):
        """Log likelihood log p(x | z), in nats.

        Parameters
        ----------
        x : array (N, F)
            Data, one row per datum.
        z : array (..., N, D)
            Latent vectors: any axes of draws in front, then one vector per datum.

        Returns
        -------
        array (..., N)
            Exact, in nats, one number per draw and datum.
        """
        centred = self._centred(x)
        z = latents(z, (len(centred), self.latent_dim))
        residual = (z.reshape(-1, self.latent_dim) @ self.weights.T).reshape(*z.shape[:-1], len(self.mean))
        residual -= centred  # in place, and one matrix product for all draws: this is where `evaluate` spends its time
        return self._log_noise(np.einsum("...f,...f->...", residual, residual))

    def log_evidence(self, x):
        """Log evidence log p(x) = log N(x; mean, W W' + noise_variance I).

        It is computed feature by feature along W's singular vectors: there they are independent, of variance
        s² + noise_variance, and what lies off all of them is noise alone. W W', which squares the singular values s,
        would hide a small noise; `posterior` goes by W'W, its own route.

        Parameters
        ----------
        x : array (N, F)
            Data, one row per datum.

        Returns
        -------
        array (N,)
            Exact, in nats, one number per datum.
        """
        centred = self._centred(x)
        axes, s, _ = np.linalg.svd(self.weights, full_matrices=False)
        along = centred @ axes
        off = centred - along @ axes.T
        variance = s**2 + self.noise_variance
        signal = -np.sum(along**2 / variance + np.log(variance) + LOG_TWO_PI, axis=-1) / 2
        noise = np.sum(off**2, axis=-1) / self.noise_variance
        spare = len(self.mean) - len(s)
        return signal - (noise + spare * (LOG_TWO_PI + np.log(self.noise_variance))) / 2

    @property
    def marginal_covariance(self):
        """Covariance of x, W W' + noise_variance I: array (F, F)."""
        return self.weights @ self.weights.T + self.noise_variance * np.eye(len(self.mean))

    def posterior(self, x):
        """Posterior p(z | x); every datum has the same covariance noise_variance M⁻¹, M = W' W + noise_variance I.

        Parameters
        ----------
        x : array (N, F)
            Data, one row per datum.

        Returns
        -------
        FullNormal
            Exact, with batch shape (N,).
        """
        centred = self._centred(x)
        loc = np.linalg.solve(self._m, self.weights.T @ centred.T).T
        tril = np.linalg.cholesky(self.noise_variance * np.linalg.inv(self._m))
        return FullNormal(loc, np.broadcast_to(tril, (len(loc), *tril.shape)))

    def mean_field(self, x):
        """The DiagonalNormal of highest ELBO: the posterior's means, the inverses of its precisions' diagonal.

        Parameters
        ----------
        x : array (N, F)
            Data, one row per datum.

        Returns
        -------
        DiagonalNormal
            With batch shape (N,).

        Notes
        -----
        After a fit in closed form the columns of `weights` are orthogonal, and it is the posterior itself. Rotated
        latents, weights @ R, make the same model of x with a posterior that no diagonal normal reaches.
        """
        loc = np.linalg.solve(self._m, self.weights.T @ self._centred(x).T).T
        return DiagonalNormal(loc, np.broadcast_to(np.sqrt(self.noise_variance / np.diag(self._m)), loc.shape))

    def expected_log_likelihood(self, x, q):
        """Expected log likelihood E_q log p(x | z), in nats, in closed form.

        It is made of the squared residual at q's mean, plus the trace of W' W times q's covariance.

        Parameters
        ----------
        x : array (N, F)
            Data, one row per datum.
        q : family
            Any with `mean` and `covariance`, of batch shape (N,).

        Returns
        -------
        array (N,)
            Exact, in nats, one number per datum.
        """
        centred = self._centred(x)
        check_batch(q, (len(centred), self.latent_dim))
        residual = centred - q.mean @ self.weights.T
        gram = self.weights.T @ self.weights
        if isinstance(q, DiagonalNormal):  # which spares the (N, D, D) array
            spread = q.variance @ np.diag(gram)
        else:
            spread = np.einsum("ij,...ij->...", gram, q.covariance)
        return self._log_noise(np.sum(residual * residual, axis=-1) + spread)

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
        x : array (n, F)
            Data.
        z : array (n, D)
            The latent vectors behind them.
        """
        self._require_fit()
        rng = generator(rng)
        z = self.prior.sample(n, rng)
        noise = rng.standard_normal((n, len(self.mean))) * np.sqrt(self.noise_variance)
        return z @ self.weights.T + self.mean + noise, z

    # Gradients -------------------------------------------------------------------------------------------------------

    def log_evidence_gradient(self, x):
        """Gradient of Σ_n log p(x_n) with respect to the parameters, from the marginal density.

        Parameters
        ----------
        x : array (N, F)
            Data, one row per datum.

        Returns
        -------
        Gradient
            A named tuple of `weights`, array (F, D), `mean`, array (F,), and `noise_variance`, float.
        """
        centred = self._centred(x)
        inverse = np.linalg.inv(self.marginal_covariance)
        white = centred @ inverse
        curvature = white.T @ white - len(centred) * inverse  # twice the derivative by the marginal covariance
        return Gradient(curvature @ self.weights, np.sum(white, axis=0), float(np.trace(curvature)) / 2)

    def elbo_gradient(self, x, q):
        """Gradient of Σ_n ELBO(x_n; q_n) with respect to the parameters, q held fixed, from q's moments.

        At q = posterior it equals `log_evidence_gradient`: the KL is at its minimum there, so its gradient is 0.

        Parameters
        ----------
        x : array (N, F)
            Data, one row per datum.
        q : family
            Any with `mean` and `covariance`, of batch shape (N,).

        Returns
        -------
        Gradient
            A named tuple of `weights`, array (F, D), `mean`, array (F,), and `noise_variance`, float.
        """
        centred = self._centred(x)
        check_batch(q, (len(centred), self.latent_dim))
        moment = q.mean.T @ q.mean + np.sum(q.covariance, axis=0)  # Σ_n E z z'
        residual = centred - q.mean @ self.weights.T
        squares = np.sum(residual**2) + np.einsum("ij,nij->", self.weights.T @ self.weights, q.covariance)
        v = self.noise_variance
        return Gradient(
            (centred.T @ q.mean - self.weights @ moment) / v,
            np.sum(residual, axis=0) / v,
            float(squares / v - centred.size) / (2 * v),
        )

    # Parts -----------------------------------------------------------------------------------------------------------

    @property
    def _m(self):
        """M = W' W + noise_variance I: the posterior's precision times noise_variance."""
        return self.weights.T @ self.weights + self.noise_variance * np.eye(self.latent_dim)

    def _log_noise(self, squares):
        return -(squares / self.noise_variance + len(self.mean) * (LOG_TWO_PI + np.log(self.noise_variance))) / 2

    def _centred(self, x):
        self._require_fit()
        return data(x, len(self.mean)) - self.mean

    def _require_fit(self):
        if not hasattr(self, "mean"):
            raise ValueError("this LinearGaussian has no parameters yet: call fit(x), or build it by from_parameters")
