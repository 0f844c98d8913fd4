"""Bayesian logistic regression: exact by quadrature in one or two dimensions, bracketed by a sandwich beyond."""

import math

import numpy as np

from varinf._arrays import generator, positive_integer, refuse_where
from varinf.families.diagonal_normal import DiagonalNormal
from varinf.models.linear_regression import regression_data
from varinf.models.model import Model, held, latents, positive_number

WARM_UP = 500  # discarded draws of each chain
DEGREES = 5.0  # of the Student t proposal: its tails are heavier than the posterior's, so that the chains mix evenly
BLOCK = 2**20  # margins computed at a time: 8 MiB
MOST_NODES = 2**22  # of the quadrature


class LogisticRegression(Model):
    """Bayesian logistic regression: y_n ~ Bernoulli(sigmoid(X_n · z)), z ~ N(0, prior_scale² I).

    There is no intercept: give a column of ones for one.

    Parameters
    ----------
    X : array (N, D)
        Features, one row per observation.
    y : array (N,)
        Labels, 0 or 1.
    prior_scale : float
        Standard deviation of each coefficient's prior.

    Attributes
    ----------
    latent_dim : int
        Number of coefficients D.
    prior : DiagonalNormal
        The density p(z), without a batch.
    mode : array (D,)
        Where the posterior density is highest.
    laplace_tril : array (D, D)
        Cholesky factor of the inverse of minus the Hessian of log p(y, z) at the mode.

    See Also
    --------
    LinearRegression : The same for responses, with an exact posterior.
    EightSchools : A model with exact draws from a posterior that is not normal.
    varinf.sandwich : The bracket on log p(y), whatever D.

    Examples
    --------
    >>> from varinf.models.logistic_regression import LogisticRegression
    >>> model = LogisticRegression([[1.0], [2.0]], [1.0, 0.0])
    >>> round(float(model.log_evidence()), 10)
    -1.6856924331
    """

    def __init__(self, X, y, prior_scale=1.0):
        X, y = regression_data(X, y)
        refuse_where((y != 0) & (y != 1), y, "y", "values that are neither 0 nor 1", "labels are 0 or 1")
        self.X, self.y, self.prior_scale = X, y, positive_number(prior_scale, "prior_scale")
        self.latent_dim = X.shape[1]
        self.prior = DiagonalNormal(np.zeros(self.latent_dim), np.full(self.latent_dim, self.prior_scale))
        self._signed = X * (2 * y - 1)[:, None]
        self.mode, self.laplace_tril = self._find_mode()

    def log_likelihood(self, x, z):
        """Log likelihood log p(y | z) = Σ_n log sigmoid(±X_n · z), in nats.

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
        z = latents(z, (self.latent_dim,))
        flat, size = z.reshape(-1, self.latent_dim), max(1, BLOCK // len(self.y))
        sums = np.empty(len(flat))
        for i in range(0, len(flat), size):
            sums[i : i + size] = -np.sum(np.logaddexp(0.0, -(flat[i : i + size] @ self._signed.T)), axis=1)
        return sums.reshape(z.shape[:-1])[()]

    def log_evidence(self, x=None):
        """Log evidence log p(y), by quadrature for D <= 2.

        Parameters
        ----------
        x : None
            The model holds its own data.

        Returns
        -------
        float
            In nats, right to about 1e-12.

        Raises
        ------
        NotImplementedError
            For D > 2, where nothing here is exact.
        ArithmeticError
            If halving the step does not settle the value.

        Notes
        -----
        Coordinates are centred and whitened at the mode, z = mode + L sinh(t), and the trapezoid rule runs over t: it
        converges exponentially for analytic integrands, and sinh reaches the prior's tails in few nodes however narrow
        the mode. The step is halved until the value stands still.
        """
        held(x, self)
        if self.latent_dim > 2:
            raise NotImplementedError(
                f"log_evidence by quadrature needs D <= 2, and this model has D = {self.latent_dim}: "
                "use vi.sandwich(model, None, q), which brackets it"
            )
        box, step, coarse = self._box(), 0.25, np.nan
        nodes = self._nodes(box, step)
        while math.prod(map(len, nodes)) <= MOST_NODES:
            terms = self._log_integrand(nodes)
            top = np.max(terms)
            value = float(np.log(np.sum(np.exp(terms - top))) + top + self.latent_dim * np.log(step))
            if abs(value - coarse) < 1e-12 * max(1.0, abs(value)):
                return value
            step, coarse = step / 2, value
            nodes = self._nodes(box, step)
        raise ArithmeticError(
            f"the quadrature of log p(y) has not settled, at {coarse:.10g}: the likelihood changes too sharply on the "
            "posterior's scale; use vi.sandwich(model, None, q), which brackets it"
        )

    def posterior(self, x=None):
        """Raise an error: no exact posterior draws exist; `posterior_chains` gives Markov chains.

        Parameters
        ----------
        x : None
            The model holds its own data.

        Raises
        ------
        NotImplementedError
            Always.
        """
        held(x, self)
        raise NotImplementedError("the posterior of a logistic regression has no exact draws: use posterior_chains(n)")

    def posterior_chains(self, n, rng=None, chains=4):
        """Run Markov chains whose limit is the posterior; their draws are never called exact.

        Independence Metropolis with a multivariate Student t proposal at the mode, each chain started from a draw of
        the proposal, after 500 draws of warm-up.

        Parameters
        ----------
        n : int
            Draws of each chain that are kept.
        rng : None, int, SeedSequence or Generator
            Seed or generator of the draws; None draws anew each time.
        chains : int
            Number of independent chains.

        Returns
        -------
        array (n, chains, D)
            Draws on axis 0, chains on axis 1, as ``eubo(..., chain_axis=1)`` takes their log weights.

        References
        ----------
        Tierney (1994), "Markov chains for exploring posterior distributions", Annals of Statistics 22(4).
        Mengersen, Tweedie (1996), "Rates of convergence of the Hastings and Metropolis algorithms", theorem 2.1: the
        chains converge geometrically, as the proposal's tails dominate the posterior's.
        """
        n, chains, rng = positive_integer(n, "n"), positive_integer(chains, "chains"), generator(rng)
        total = (WARM_UP + n) * chains
        white = rng.standard_normal((total, self.latent_dim))
        white /= np.sqrt(rng.chisquare(DEGREES, total) / DEGREES)[:, None]
        proposals = self.mode + white @ self.laplace_tril.T
        squares = np.sum(white * white, axis=1)
        log_proposal = -(DEGREES + self.latent_dim) / 2 * np.log1p(squares / DEGREES)
        log_ratio = (self.log_joint(None, proposals) - log_proposal).reshape(-1, chains)
        log_uniform = np.log(rng.random(log_ratio.shape))
        # An independent proposal is accepted when its weight beats the current one's by more than a uniform variable.
        current, held_by = log_ratio[0].copy(), np.zeros(chains, dtype=int)
        path = np.empty(log_ratio.shape, dtype=int)
        for step in range(len(log_ratio)):
            accepted = log_uniform[step] < log_ratio[step] - current
            held_by = np.where(accepted, step, held_by)
            current = np.where(accepted, log_ratio[step], current)
            path[step] = held_by
        proposals = proposals.reshape(-1, chains, self.latent_dim)
        return np.take_along_axis(proposals, path[WARM_UP:, :, None], axis=0)

    def sample(self, n, rng=None):
        """Draw labels for the model's own features, and coefficients, jointly from the model.

        Parameters
        ----------
        n : int
            Number of pairs.
        rng : None, int, SeedSequence or Generator
            Seed or generator of the draws; None draws anew each time.

        Returns
        -------
        y : array (n, N)
            Labels, 0 or 1.
        z : array (n, D)
            The latent vectors behind them.
        """
        rng = generator(rng)
        z = self.prior.sample(n, rng)
        probability = np.exp(-np.logaddexp(0.0, -(z @ self.X.T)))
        return (rng.random(probability.shape) < probability).astype(np.float64), z

    # Parts -----------------------------------------------------------------------------------------------------------

    def _find_mode(self):
        """Newton's method on a strictly concave log density, halving a step that does not climb."""
        z = np.zeros(self.latent_dim)
        height = self.log_joint(None, z)
        for _ in range(100):
            weight = np.exp(-np.logaddexp(0.0, self._signed @ z))  # sigmoid(-margin)
            gradient = self._signed.T @ weight - z / self.prior_scale**2
            hessian = (self._signed.T * (weight * (1 - weight))) @ self._signed
            hessian += np.eye(self.latent_dim) / self.prior_scale**2
            step = np.linalg.solve(hessian, gradient)
            if gradient @ step < 1e-20 * max(1.0, abs(height)):
                break
            while (higher := self.log_joint(None, z + step)) < height and np.any(np.abs(step) > 1e-14 * np.abs(z)):
                step = step / 2
            z, height = z + step, higher
        return z, np.linalg.cholesky(np.linalg.inv(hessian))

    @staticmethod
    def _nodes(box, step):
        return [np.arange(np.floor(low / step), np.ceil(high / step) + 1) * step for low, high in box]

    def _log_integrand(self, nodes):
        """log p(y, z) and the Jacobian, at the grid of t with these nodes on each axis."""
        t = np.stack(np.meshgrid(*nodes, indexing="ij"), axis=-1)
        z = self.mode + np.sinh(t).reshape(-1, self.latent_dim) @ self.laplace_tril.T
        log_slope = np.sum(np.log(np.cosh(t)), axis=-1) + np.sum(np.log(np.diag(self.laplace_tril)))
        return self.log_joint(None, z).reshape(log_slope.shape) + log_slope

    def _box(self):
        """The range of t on each axis beyond which the integrand is below e^-60 of its maximum.

        Beyond |z| = 40 prior_scale the prior alone is below e^-800; the narrowest whitened direction gets there last.
        Inside of that the integrand is unimodal, so a coarse look tells where it stays small.
        """
        narrowest = np.linalg.svd(self.laplace_tril, compute_uv=False)[-1]
        reach = np.ceil(np.arcsinh((40 * self.prior_scale + np.linalg.norm(self.mode)) / narrowest))
        t = np.arange(-2 * reach, 2 * reach + 1) / 2
        terms = self._log_integrand([t] * self.latent_dim)
        where = np.nonzero(terms > np.max(terms) - 60)
        return [(t[max(i.min() - 1, 0)], t[min(i.max() + 1, len(t) - 1)]) for i in where]
