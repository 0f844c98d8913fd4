"""Linear variational autoencoder: the one whose optimum is known, on the rate-distortion curve of a normal source.

The encoder is q(z | x) = N(V (x − mean), S), S = diag(s²) the same for all data, the decoder N(W z + mean, σ² I) over F
features, the prior N(0, I) over D latents. The mean is best at the data's. With C the covariance of the data, divided
by N, the objective is an average over them in closed form:

    J = −F/2 log 2πσ² − E/(2σ²) − β/2 Σ_d (s_d² + (V C Vᵀ)_dd − 1 − log s_d²)        reconstruction − β KL
    E = tr C − 2 tr(W V C) + tr(WᵀW (V C Vᵀ + S))                                      mean of ‖x − W z − mean‖²
      = tr((I − W V) C (I − W V)ᵀ) + tr(WᵀW S)

The second form of E is a sum of squares, which keeps its digits beside a small noise. With R = (I − W V) C,

    ∂J/∂W       = (R Vᵀ − W S)/σ²                           ∂J/∂V       = Wᵀ R/σ² − β V C
    ∂J/∂log s_d = β − s_d² ((WᵀW)_dd/σ² + β)                ∂J/∂log σ²  = E/(2σ²) − F/2

∂J/∂V carries a factor C, which makes the ascent slow where features differ in variance: so V is sought for white data.
In C = Q Λ Qᵀ, over the directions that vary, put V = U Λ^−½ Qᵀ and W = Q B. Then V C Vᵀ = U Uᵀ, and with the residual
P = Λ^½ − B U of the white data

    E = ‖P‖² + tr(BᵀB S),       ∂J/∂B = (P Uᵀ − B S)/σ²,       ∂J/∂U = Bᵀ P/σ² − β U.

Where nothing varies W and V stay 0. At the optimum W's columns lie along the leading eigenvectors, V is the posterior's
mean for a noise of variance βσ² in place of σ², and each λ_d > βσ² costs ½ log(λ_d/βσ²) nats: reverse water-filling at
level βσ², over the D leading eigenvalues. With β = 1 and σ² learned it is probabilistic PCA.

There are no other maxima, only saddles, which random starts run off. For a given σ², J is β times the ELBO for a noise
of βσ², up to a constant, of which Lucas et al. (2019) show it. A learned σ² solves E = Fσ², and does so once, since E,
at its least for the level βσ², is concave in it and above 0 at 0.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from varinf._arrays import generator, positive_integer
from varinf.autoencoders.decomposition import Decomposition
from varinf.divergences.kl import kl
from varinf.families.diagonal_normal import DiagonalNormal
from varinf.families.family import LOG_TWO_PI
from varinf.models.linear_gaussian import LinearGaussian
from varinf.models.model import LinearGaussianModel, data, latents, numpy_array, positive_number

MEMORY = 10  # pairs of steps and gradients that the ascent keeps


class LinearVAE(LinearGaussianModel):
    """Linear variational autoencoder, trained by gradients to the optimum that is known for it.

    The encoder is q(z | x) = N(V (x − mean), diag(s²)), with one s for all data; the decoder N(W z + mean, σ² I). The
    objective, E_q log p(x | z) − beta KL(q(z | x) || N(0, I)) in the mean over the data, has a closed form.

    Parameters
    ----------
    latent_dim : int
        Number of latents D.
    beta : float
        Weight of the KL, positive; 1 for the ELBO.
    noise_variance : float, optional
        Variance σ² of the decoder's noise; None learns it.

    Attributes
    ----------
    prior : DiagonalNormal
        The density p(z), standard normal, without a batch.
    decoder : LinearGaussian
        Model of the decoder and the prior: `weights` W, `mean`, `noise_variance` σ². This and the next two are there
        after `fit`.
    encoder_weights : array (D, F)
        The matrix V. Latents come in the order of the nats that they carry, the most first.
    encoder_scale : array (D,)
        Standard deviations s.
    history : tuple of float
        The objective after each step, nats per datum.
    converged : bool
        Whether the last `fit` came to its end; False before the first.
    reason : str
        Why it ended.

    Raises
    ------
    ValueError
        For a value out of range.

    See Also
    --------
    VAE : The one with hidden layers.
    varinf.models.LinearGaussian : Probabilistic PCA, the optimum at beta = 1 in closed form.
    varinf.rate : The mean KL as a bound on information.
    varinf.identity : Definition 1 in numbers, log p(x) = ELBO + KL.

    Notes
    -----
    Where beta σ² is at least the eigenvalue number D + 1 of the data's covariance, mean KL and squared error lie on the
    rate-distortion curve of a normal source with this covariance, at water level beta σ²; elsewhere above it, for want
    of latents. A latent whose eigenvalue is below the level collapses: it carries 0 nats.

    References
    ----------
    Lucas, Tucker, Grosse, Norouzi (2019), "Don't blame the ELBO! A linear VAE perspective on posterior collapse".
    Higgins et al. (2017), "beta-VAE", for `beta`. Cover, Thomas (2006), theorem 10.3.3, for the curve.

    Examples
    --------
    >>> import numpy as np
    >>> import varinf as vi
    >>> X = np.random.default_rng(0).normal(size=(500, 3)) * [3.0, 1.0, 0.5]
    >>> vae = vi.LinearVAE(latent_dim=1).fit(X, rng=0)
    >>> d = vae.decompose(X).mean()
    >>> bool(abs(d.elbo.value - vae.log_evidence(X).mean()) < 1e-6)  # tight
    True
    """

    def __init__(self, latent_dim, beta=1.0, noise_variance=None):
        self.latent_dim = positive_integer(latent_dim, "latent_dim")
        self.beta = positive_number(beta, "beta")
        self.noise_variance = None if noise_variance is None else positive_number(noise_variance, "noise_variance")
        self.prior = DiagonalNormal.standard(self.latent_dim)
        self.history, self.converged, self.reason = (), False, "not fitted yet"

    def __repr__(self):
        state = "not fitted"
        if hasattr(self, "decoder"):
            state = f"features={len(self.decoder.mean)}, noise_variance={self.decoder.noise_variance:.4g}"
        return f"<LinearVAE: latent_dim={self.latent_dim}, beta={self.beta:.4g}, {state}>"

    # Training --------------------------------------------------------------------------------------------------------

    def fit(self, X, *, rng=None, max_steps=10_000, tolerance=1e-5):
        """Climb the objective from random weights, by L-BFGS on all data at once.

        Parameters
        ----------
        X : array (N, F)
            Data, one row per datum. They enter by their mean and covariance alone.
        rng : None, int, SeedSequence or Generator
            Where the weights start.
        max_steps, tolerance : int, float
            The ascent stops when no derivative of the objective, for features scaled to unit variance in the mean, is
            larger than `tolerance`; or at `max_steps`, which `converged` tells.

        Returns
        -------
        LinearVAE
            This one. Ctrl-C, or a line search that finds nothing, end the fit with the best parameters so far,
            `converged` False and a `reason`.

        Raises
        ------
        ValueError
            If X is not (N, F), or noise is to be learned and the data vary in no more than `latent_dim` directions.
        """
        X = numpy_array(X, "X")
        if X.ndim != 2 or X.size == 0:
            raise ValueError(f"X has shape {X.shape}: give (N, F), one row per datum, with at least one of both")
        max_steps = positive_integer(max_steps, "max_steps")
        tolerance = positive_number(tolerance, "tolerance")
        source = _Source.of(X)
        if self.noise_variance is None and not source.noise_beyond(self.latent_dim) > 1e-12 * source.largest:
            raise ValueError(
                f"X varies in {len(source.variances)} directions and latent_dim={self.latent_dim} leaves no noise to "
                "learn: use a smaller latent_dim, or give noise_variance"
            )
        noise = None if self.noise_variance is None else self.noise_variance / source.unit**2
        problem = source.variances, X.shape[1], self.latent_dim, self.beta, noise
        climbed = _climb(
            lambda flat: objective_and_gradient(flat, *problem), _start(generator(rng), *problem), max_steps, tolerance
        )
        self._settle(climbed.flat, source)
        self.history = tuple(value - X.shape[1] * np.log(source.unit) for value in climbed.history)
        self.converged, self.reason = climbed.converged, climbed.reason
        return self

    def _settle(self, flat, source):
        """Back from white data to the data as they are; latents in the order of their nats, with a sign."""
        b, u, log_s, log_noise = split(flat, len(source.variances), self.latent_dim)
        order = np.argsort(log_s, kind="stable")
        weights = source.unit * source.axes @ b[:, order]
        encoder = (u[order] / np.sqrt(source.variances)) @ source.axes.T / source.unit
        largest = np.argmax(np.abs(weights), axis=0)
        signs = np.where(np.take_along_axis(weights, largest[None], axis=0)[0] < 0, -1.0, 1.0)
        noise_variance = float(np.exp(log_noise[0])) * source.unit**2 if log_noise.size else self.noise_variance
        self.decoder = LinearGaussian.from_parameters(weights * signs, source.mean, noise_variance)
        self.encoder_weights, self.encoder_scale = signs[:, None] * encoder, np.exp(log_s[order])

    # The model -------------------------------------------------------------------------------------------------------

    def encode(self, X):
        """Approximate posteriors q(z | x).

        Parameters
        ----------
        X : array (N, F)
            Data, one row per datum.

        Returns
        -------
        DiagonalNormal
            Batch shape (N,), `latent_dim` features.
        """
        decoder = self._fitted()
        loc = (data(X, len(decoder.mean)) - decoder.mean) @ self.encoder_weights.T
        return DiagonalNormal(loc, np.broadcast_to(self.encoder_scale, loc.shape))

    def decode(self, z):
        """Expected data E[x | z] of the decoder's distribution.

        Parameters
        ----------
        z : array (..., D)
            Latent vectors.

        Returns
        -------
        array (..., F)
            The affine function W z + mean.
        """
        decoder = self._fitted()
        return latents(z, (self.latent_dim,)) @ decoder.weights.T + decoder.mean

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
            Data from p(x | z).
        z : array (n, D)
            Their latents, from the prior.
        """
        return self._fitted().sample(positive_integer(n, "n"), rng)

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
        return self._fitted().log_likelihood(x, z)

    def expected_log_likelihood(self, x, q):
        """Expected log likelihood E_q log p(x | z), in nats, in closed form.

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
        return self._fitted().expected_log_likelihood(x, q)

    def posterior(self, x):
        """Posterior p(z | x) of the decoder and the prior, which the encoder approximates.

        Parameters
        ----------
        x : array (N, F)
            Data, one row per datum.

        Returns
        -------
        FullNormal
            Exact, with batch shape (N,).
        """
        return self._fitted().posterior(x)

    def log_evidence(self, X):
        """Log evidence log p(x) of the decoder and the prior.

        Parameters
        ----------
        X : array (N, F)
            Data, one row per datum.

        Returns
        -------
        array (N,)
            Exact, in nats, one number per datum.
        """
        return self._fitted().log_evidence(X)

    # Bounds ----------------------------------------------------------------------------------------------------------

    def decompose(self, X):
        """Theorem 2 on these data, in closed form: reconstruction − KL = ELBO, a lower bound on log p(x).

        Parameters
        ----------
        X : array (N, F)
            Data, one row per datum.

        Returns
        -------
        Decomposition
            With `reconstruction`, `kl` and `elbo`, Estimates with batch shape (N,) and no error, which add up exactly;
            its `mean` and `sum` are those of the set. The KL stands unweighted, whatever `beta` is.
        """
        q = self.encode(X)
        reconstruction = self.decoder.expected_log_likelihood(X, q)
        return Decomposition.of(reconstruction, np.zeros_like(reconstruction), kl(q, self.prior))

    def _fitted(self):
        if not hasattr(self, "decoder"):
            raise RuntimeError("this LinearVAE is not fitted: call fit(X)")
        return self.decoder


# The objective -------------------------------------------------------------------------------------------------------


def objective_and_gradient(flat, variances, features, latent_dim, beta, noise_variance=None):
    """J in nats per datum and its derivatives by `flat`, which `split` takes apart; see the module's docstring.

    `variances` are the positive eigenvalues of C, `features` F, and `noise_variance` None where `flat` ends with its
    logarithm.
    """
    b, u, log_s, log_noise = split(flat, len(variances), latent_dim)
    noise = np.exp(log_noise[0]) if log_noise.size else noise_variance
    s2, squares = np.exp(2 * log_s), np.sum(b * b, axis=0)
    residual = np.diag(np.sqrt(variances)) - b @ u
    error = np.sum(residual * residual) + np.sum(squares * s2)
    divergence = (np.sum(u * u) + np.sum(s2 - 1 - 2 * log_s)) / 2
    value = -(features * (LOG_TWO_PI + np.log(noise)) + error / noise) / 2 - beta * divergence
    gradient = np.empty_like(flat)
    by_b, by_u, by_log_s, by_log_noise = split(gradient, len(variances), latent_dim)
    by_b[...] = (residual @ u.T - b * s2) / noise
    by_u[...] = b.T @ residual / noise - beta * u
    by_log_s[...] = beta - s2 * (squares / noise + beta)
    by_log_noise[...] = (error / noise - features) / 2
    return value, gradient


def split(flat, directions, latent_dim):
    """Views (B, U, log s, log σ²) of flat parameters; the last is empty where the noise is given."""
    size = directions * latent_dim
    b, u, log_s, log_noise = np.split(flat, [size, 2 * size, 2 * size + latent_dim])
    return b.reshape(directions, latent_dim), u.reshape(latent_dim, directions), log_s, log_noise


def _start(rng, variances, features, latent_dim, beta, noise_variance):
    """Random combinations of the data as W, of half their variance in all; the encoder that is best for them."""
    b = np.sqrt(variances / (2 * latent_dim))[:, None] * rng.standard_normal((len(variances), latent_dim))
    noise = 0.5 if noise_variance is None else noise_variance  # in units of the features' mean variance
    precision = b.T @ b + beta * noise * np.eye(latent_dim)
    u = np.linalg.solve(precision, b.T) * np.sqrt(variances)
    log_s = np.log(beta * noise / np.diag(precision)) / 2
    return np.concatenate([b.ravel(), u.ravel(), log_s, [np.log(noise)] if noise_variance is None else []])


class _Source(NamedTuple):
    """What the fit has to know of the data: their mean, and C = unit² Q diag(variances) Qᵀ without its null space."""

    mean: np.ndarray
    unit: float
    variances: np.ndarray
    axes: np.ndarray

    @classmethod
    def of(cls, X):
        mean = np.mean(X, axis=0, dtype=np.float64)
        centred = X - mean
        values, axes = np.linalg.eigh(centred.T @ centred / len(X))
        unit = float(np.sqrt(np.sum(np.maximum(values, 0.0)) / len(values))) or 1.0
        varying = values > len(values) * np.finfo(np.float64).eps * values[-1]
        return cls(mean, unit, values[varying] / unit**2, axes[:, varying])

    @property
    def largest(self):
        return np.max(self.variances, initial=0.0)

    def noise_beyond(self, latent_dim):
        """Variance that the leading `latent_dim` directions leave; 0 for none."""
        return np.sum(self.variances[: max(0, len(self.variances) - latent_dim)]) / len(self.mean)


# The ascent ----------------------------------------------------------------------------------------------------------


class _Climbed(NamedTuple):
    """The highest point that was seen, the objective step by step, and why the ascent ended."""

    flat: Any
    history: list
    converged: bool
    reason: str


def _climb(objective: Callable, start, max_steps, tolerance):
    """L-BFGS upwards from `start`; what cuts it short leaves the highest point so far."""
    from scipy.optimize import minimize

    flat, best, history = start, -np.inf, []

    def loss(at):
        nonlocal flat, best
        value, gradient = objective(at)
        if value > best:
            flat, best = at.copy(), value
        return -value, -gradient

    def after(intermediate_result):
        history.append(-float(intermediate_result.fun))

    options = {"maxiter": max_steps, "maxfun": 20 * max_steps, "maxcor": MEMORY, "ftol": 0.0, "gtol": tolerance}
    try:
        with np.errstate(over="ignore", invalid="ignore"):
            end = minimize(loss, start, jac=True, method="L-BFGS-B", callback=after, options=options)
    except KeyboardInterrupt:
        return _Climbed(flat, history, False, f"interrupted after {len(history)} of {max_steps} steps")
    steepest, steps = float(np.max(np.abs(end.jac))), len(history)
    if steepest <= tolerance:
        return _Climbed(flat, history, True, f"no derivative above {tolerance:g}, after {steps} steps")
    if end.status == 1:
        reason = f"max_steps={max_steps} taken: use more, or start again from another rng"
    else:
        reason = f"stalled after {steps} steps, where no higher point was found"
    return _Climbed(flat, history, False, f"{reason}; derivatives up to {steepest:.2g} are left")
