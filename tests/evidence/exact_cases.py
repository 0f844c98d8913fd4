"""Log weights whose every bound is known in closed form, and the test of a mean against its exact value."""

import math
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Gaussian:
    """p(z | x) = N(0, I), q = N(0, s² I), log p(x) = 0. For s < 1 the weights' exact tail index is 1 − s²."""

    s2: float
    dim: int = 1

    @property
    def name(self):
        return f"normal, d={self.dim}"

    @property
    def tail_index(self):
        return 1 - self.s2

    def _log_w(self, square):
        """log w as a function of |z|²/s²: ½ d log s² + ½ (1 − s²) |z|²/s²."""
        return 0.5 * self.dim * math.log(self.s2) + 0.5 * (1 - self.s2) * square

    def _squares(self, rng, shape):
        return rng.standard_normal(shape) ** 2 if self.dim == 1 else rng.chisquare(self.dim, shape)

    def from_q(self, rng, shape):
        return self._log_w(self._squares(rng, shape))

    def from_posterior(self, rng, shape):
        return self._log_w(self._squares(rng, shape) / self.s2)

    def log_moment(self, a):
        """log E_q[w^a], infinite for a (1 − s²) >= 1."""
        inside = 1 - a * (1 - self.s2)
        return 0.5 * self.dim * (a * math.log(self.s2) - math.log(inside)) if inside > 0 else math.inf

    def curve(self, beta):
        """E_β[log w], the derivative of log_moment: the ELBO at 0, the EUBO at 1."""
        return 0.5 * self.dim * (math.log(self.s2) + (1 - self.s2) / (1 - beta * (1 - self.s2)))

    @property
    def log_evidence(self):
        return self.log_moment(1)


@dataclass(frozen=True)
class Pareto:
    """log w = k · Exp(1): P(w > t) = t^(−1/k), tail index exactly k; under the posterior, k · Exp(1)/(1 − k)."""

    k: float
    name = "Pareto"

    @property
    def tail_index(self):
        return self.k

    def from_q(self, rng, shape):
        return self.k * rng.standard_exponential(shape)

    def from_posterior(self, rng, shape):
        return self.k / (1 - self.k) * rng.standard_exponential(shape)

    def log_moment(self, a):
        return -math.log1p(-a * self.k) if a * self.k < 1 else math.inf

    def curve(self, beta):
        return self.k / (1 - beta * self.k)

    @property
    def log_evidence(self):
        return self.log_moment(1)


def z_score(values, truth):
    """(mean − truth) in standard errors of the mean of independent values."""
    values = np.asarray(values)
    return (np.mean(values) - truth) / (np.std(values, ddof=1) / math.sqrt(values.size))


def assert_mean(values, truth, sees):
    """|z| < 5 over the pooled values, in a test that would see an error of size `sees`.

    The smallest visible error is 5 standard errors; a seeded error of twice that must fail.
    """
    visible = 5 * np.std(values, ddof=1) / math.sqrt(np.size(values))
    assert visible < sees, f"the test sees errors from {visible:.2g} on, not {sees:.2g}: pool more seeds"
    assert abs(z_score(values, truth)) < 5
    assert abs(z_score(values + 2 * visible, truth)) > 5
    assert abs(z_score(values - 2 * visible, truth)) > 5
