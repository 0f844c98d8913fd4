"""Eight schools: the hierarchical model on which variational families meet a funnel, with its exact posterior."""

from functools import cached_property

import numpy as np

from varinf._arrays import generator, positive_integer
from varinf.families.family import LOG_TWO_PI
from varinf.models.model import Model, held, latents

EFFECTS = np.array([28.0, 8.0, -3.0, 7.0, -1.0, 1.0, 18.0, 12.0])
STANDARD_ERRORS = np.array([15.0, 10.0, 16.0, 11.0, 9.0, 11.0, 10.0, 18.0])
MU_SCALE = TAU_SCALE = 5.0

# Given tau, everything is normal. What is left is one integral over u = log tau, by the trapezoid rule: the integrand
# is analytic within |Im u| < pi/2 and falls like e^-|u| or faster, so that the rule's error is of the order of
# exp(-pi²/STEP), e^-79, and the ends cut off 1e-17. Draws need nodes that follow the density, not only its integral.
LOWEST, HIGHEST, STEP, FINE_STEP = -39.0, 39.0, 2.0**-3, 2.0**-10


class EightSchools(Model):
    """Eight schools, data and prior: a hierarchy whose variational families meet a funnel, with its exact posterior.

    The model is mu ~ N(0, 5²), tau ~ HalfCauchy(5), theta_j ~ N(mu, tau²), y_j ~ N(theta_j, sigma_j²), the data those
    of Rubin (1981). The latent vector is unconstrained, z = (mu, log tau, theta_1, ..., theta_8), and the prior's
    density is over z: it holds the Jacobian of log tau.

    Attributes
    ----------
    latent_dim : int
        10, the dimension D of z.
    names : tuple of str
        Of the ten components of z.
    prior : Prior
        The density p(z), with `log_prob` and `sample`.

    See Also
    --------
    LogisticRegression : Another model without a conjugate posterior.
    varinf.sandwich : The bracket on log p(y), from its exact posterior draws.
    varinf.FullNormal : A q for it.

    References
    ----------
    Rubin (1981), "Estimation in parallel randomized experiments", J. Educational Statistics 6(4).
    Gelman (2006), "Prior distributions for variance parameters in hierarchical models", for the half-Cauchy prior.

    Examples
    --------
    >>> from varinf.models.eight_schools import EightSchools
    >>> model = EightSchools()
    >>> round(float(model.log_evidence()), 9)
    -31.311347352
    >>> posterior = model.posterior()
    >>> round(float(posterior.mean[0]), 6), round(posterior.mean_tau, 6)
    (4.396821, 3.597705)
    """

    latent_dim = 10
    names = ("mu", "log_tau", *(f"theta_{j}" for j in range(1, 9)))

    def __init__(self):
        self.prior = Prior()

    def log_likelihood(self, x, z):
        """Log likelihood log p(y | z), in nats.

        Parameters
        ----------
        x : None
            The model holds its own data.
        z : array (..., 10)
            Latent vectors, with any axes of draws in front.

        Returns
        -------
        array (...)
            Exact, in nats, one number per draw.
        """
        held(x, self)
        theta = latents(z, (self.latent_dim,))[..., 2:]
        return np.sum(_log_normal(EFFECTS, theta, STANDARD_ERRORS), axis=-1)

    def log_evidence(self, x=None):
        """Log evidence log p(y): theta and mu integrated by hand, tau by the trapezoid rule.

        Parameters
        ----------
        x : None
            The model holds its own data.

        Returns
        -------
        float
            In nats, right to about 1e-14 relative.
        """
        held(x, self)
        return _Marginal(STEP).log_evidence

    def posterior(self, x=None):
        """Posterior p(z | y), exact: independent draws, and a normalised density.

        Parameters
        ----------
        x : None
            The model holds its own data.

        Returns
        -------
        Posterior
            With `sample(n, rng)`, array (n, 10); `log_prob(z)`, (..., 10) -> (...); `mean`, array (10,); and
            `mean_tau`, the mean of tau on its own scale, float.
        """
        held(x, self)
        return Posterior(self)

    def sample(self, n, rng=None):
        """Draw effects and latent vectors jointly from the model.

        Parameters
        ----------
        n : int
            Number of pairs.
        rng : None, int, SeedSequence or Generator
            Seed or generator of the draws; None draws anew each time.

        Returns
        -------
        x : array (n, 8)
            Effects, with the standard errors of the data.
        z : array (n, 10)
            The latent vectors behind them.
        """
        rng = generator(rng)
        z = self.prior.sample(n, rng)
        return z[:, 2:] + STANDARD_ERRORS * rng.standard_normal((n, 8)), z


class Prior:
    """p(z) over z = (mu, log tau, theta_1, ..., theta_8)."""

    def log_prob(self, z):
        """Log density, (..., 10) -> (...)."""
        z = latents(z, (10,))
        mu, log_tau, theta = z[..., 0], z[..., 1], z[..., 2:]
        log_theta = np.sum(_log_normal(theta, mu[..., None], np.exp(log_tau)[..., None]), axis=-1)
        return _log_normal(mu, 0.0, MU_SCALE) + _log_half_cauchy(log_tau) + log_theta

    def sample(self, n, rng=None):
        """Draws (n, 10)."""
        n, rng = positive_integer(n, "n"), generator(rng)
        mu = MU_SCALE * rng.standard_normal(n)
        tau = TAU_SCALE * np.abs(rng.standard_cauchy(n))
        theta = mu[:, None] + tau[:, None] * rng.standard_normal((n, 8))
        return np.column_stack([mu, np.log(tau), theta])


class Posterior:
    """p(z | y), exact: independent draws, and a normalised density."""

    def __init__(self, model):
        self._model, self._marginal = model, _Marginal(FINE_STEP)

    def log_prob(self, z):
        """log p(z | y) = log p(y, z) − log p(y), (..., 10) -> (...)."""
        return self._model.log_joint(None, z) - self._marginal.log_evidence

    def sample(self, n, rng=None):
        """Independent draws (n, 10).

        log tau comes from the piecewise linear interpolant of its density at nodes 2⁻¹⁰ apart, exactly; the
        interpolant is within 5e-8 of the density in total variation, which no feasible number of draws can tell. mu
        given tau and theta given both are normal.
        """
        n, rng = positive_integer(n, "n"), generator(rng)
        log_tau = self._marginal.draw(rng.random(n))
        mean, precision = _mu_given_tau(log_tau)
        mu = mean + rng.standard_normal(n) / np.sqrt(precision)
        return np.column_stack([mu, log_tau, self._theta(mu, log_tau, rng.standard_normal((n, 8)))])

    @staticmethod
    def _theta(mu, log_tau, noise):
        """theta given mu and tau: between y_j and mu, by the share of tau² in tau² + sigma_j²."""
        tau = np.exp(log_tau)[:, None]
        share = (tau / np.hypot(tau, STANDARD_ERRORS)) ** 2
        return mu[:, None] + share * (EFFECTS - mu[:, None]) + STANDARD_ERRORS * np.sqrt(share) * noise

    @cached_property
    def mean(self):
        """E(z | y), (10,): averages of the conditional means over tau."""
        marginal = self._marginal
        mu, _ = _mu_given_tau(marginal.log_tau)
        conditional = np.column_stack([mu, marginal.log_tau, self._theta(mu, marginal.log_tau, 0.0)])
        return marginal.weights @ conditional

    @cached_property
    def mean_tau(self):
        """E(tau | y), on its own scale."""
        return float(self._marginal.weights @ np.exp(self._marginal.log_tau))


class _Marginal:
    """p(log tau, y) at the nodes of the trapezoid rule."""

    def __init__(self, step):
        self.step = step
        self.log_tau = np.arange(LOWEST, HIGHEST + step / 2, step)
        log_density = _log_half_cauchy(self.log_tau) + _log_likelihood_of_tau(self.log_tau)
        top = np.max(log_density)
        density = np.exp(log_density - top)
        total = np.sum(density)
        self.log_evidence = float(np.log(total * step) + top)
        self.weights = density / total  # the ends are 0 to rounding: plain sums are the trapezoid rule

    def draw(self, uniform):
        """log tau from the piecewise linear density through the nodes: a cell, then its quadratic CDF inverted."""
        left, right = self.weights[:-1], self.weights[1:]
        mass = np.cumsum(left + right)
        position = uniform * mass[-1]
        cell = np.minimum(np.searchsorted(mass, position, side="right"), len(mass) - 1)
        a, b = left[cell], right[cell]
        inside = np.clip((position - (mass[cell] - (a + b))) / (a + b), 0.0, 1.0)
        fraction = (a + b) * inside / (a + np.sqrt(a * a + (b - a) * (b + a) * inside))
        return self.log_tau[cell] + self.step * fraction


def _mu_given_tau(log_tau):
    """Mean and precision of mu given tau and y, with theta integrated out: y_j ~ N(mu, sigma_j² + tau²)."""
    precisions = 1 / (STANDARD_ERRORS**2 + np.exp(2 * log_tau)[:, None])
    precision = 1 / MU_SCALE**2 + np.sum(precisions, axis=1)
    return precisions @ EFFECTS / precision, precision


def _log_likelihood_of_tau(log_tau):
    """log p(y | tau) = log p(y | tau, mu) + log p(mu) − log p(mu | tau, y), read at the mean of mu given tau and y."""
    mean, precision = _mu_given_tau(log_tau)
    scale = np.hypot(STANDARD_ERRORS, np.exp(log_tau)[:, None])
    log_joint = np.sum(_log_normal(EFFECTS, mean[:, None], scale), axis=1) + _log_normal(mean, 0.0, MU_SCALE)
    return log_joint - _log_normal(0.0, 0.0, 1 / np.sqrt(precision))


def _log_half_cauchy(log_tau):
    """Log density of log tau for tau ~ HalfCauchy(5): log of 2 r / (π (1 + r²)), r = tau/5, Jacobian included."""
    log_r = log_tau - np.log(TAU_SCALE)
    return np.log(2 / np.pi) - np.logaddexp(log_r, -log_r)


def _log_normal(x, loc, scale):
    return -(((x - loc) / scale) ** 2 + LOG_TWO_PI) / 2 - np.log(scale)
