"""What a fit leaves: q, the bound that it reaches, and how it ended."""

import math
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from varinf._arrays import generator, positive_integer
from varinf.evidence.elbo import elbo
from varinf.inference.linear_response import linear_response_covariance

BLOCK = 2**20  # numbers in one array of draws that log p is asked about


@dataclass(frozen=True, eq=False)
class Fit:
    """Result of `varinf.fit`.

    Attributes
    ----------
    target : Target
        What was fitted.
    q : family
        The approximate posterior, over free coordinates.
    elbo : Estimate
        Of E_q log p − E_q log q, from draws of q that the fit never saw: a lower bound on the target's log normaliser.
    objective : Estimate
        What was climbed, where the fit ended. Over fixed draws it is a bound in neither direction, since they were
        chosen for and averaged over at once.
    converged : bool
        Whether the fit ended by its own rule.
    reason : str
        Why it ended.
    history : tuple of Iteration
        The objective and the length of its gradient, one a step that improved, or one a level of a stochastic fit.
    draws : int
        Fixed draws, or draws a step.
    draw_stderr : array (free_dim,) or None
        Standard error of each mean of q over other choices of the fixed draws; None for stochastic fits.
    method, family : str
        What was asked for; ``family`` with its rank or degrees of freedom.
    options : dict
        The other options of `fit` that shaped the result, as it takes them: a fit from elsewhere can be like this one.

    See Also
    --------
    varinf.diagnose : How far to trust it.
    """

    target: Any
    q: Any
    elbo: Any
    objective: Any
    converged: bool
    reason: str
    history: tuple
    draws: int
    draw_stderr: Any
    method: str
    family: str
    options: dict
    _curvature: Any = field(repr=False, default=None)

    def __str__(self):
        ended = "converged" if self.converged else "NOT converged"
        lines = [
            f"{self.family} fit, {self.method}, of {self.target.free_dim} coordinates: {ended}",
            f"  {self.reason}",
        ]
        lines += ["ELBO, from draws that the fit never saw:", str(self.elbo)]
        lines += ["what was climbed:", str(self.objective)]
        return "\n".join(lines)

    __repr__ = __str__

    def log_weights(self, draws, rng=None):
        """Log weights log p(z) − log q(z) of draws of q: for `varinf.iwelbo`, `varinf.psis` and their kin.

        Parameters
        ----------
        draws : int
            Number of draws.
        rng : None, int, SeedSequence or Generator
            Seed or generator of the draws; None draws anew each time.

        Returns
        -------
        array (draws,)
            In nats; -inf where log p is -inf, or nan, as it may be where a target is not defined.
        """
        return self.weighted_draws(draws, rng)[1]

    def weighted_draws(self, draws, rng=None):
        """Draws of q in free coordinates, with their log weights.

        Parameters
        ----------
        draws : int
            Number of draws.
        rng : None, int, SeedSequence or Generator
            Seed or generator of the draws; None draws anew each time.

        Returns
        -------
        z : array (draws, free_dim)
            From q.
        log_w : array (draws,)
            As `log_weights` gives them.
        """
        z, log_q = self.q.sample_and_log_prob(positive_integer(draws, "draws"), generator(rng))
        return z, log_density(self.target, z) - log_q

    def sample(self, draws, rng=None):
        """Draws of q as parameters, by name.

        Parameters
        ----------
        draws : int
            Number of draws.
        rng : None, int, SeedSequence or Generator
            Seed or generator of the draws; None draws anew each time.

        Returns
        -------
        dict of str to array (draws, *shape)
            Within their constraints.
        """
        z = self.q.sample(positive_integer(draws, "draws"), generator(rng))
        return self.target.named(self.target.constrain(z))

    def covariance(self, kind="q", directions=None):
        """Covariance of free coordinates.

        Parameters
        ----------
        kind : {"q", "linear_response"}
            That of q, or of the posterior as far as q's means answer to a tilt of the target: right for normal
            posteriors even if q has independent coordinates. For deterministic fits.
        directions : array (K, free_dim), optional
            Linear functions whose covariance is wanted, the coordinates themselves unless given. Each costs a solve by
            conjugate gradients; no matrix over all parameters is formed.

        Returns
        -------
        array (K, K)
            Covariance matrix.

        Raises
        ------
        ValueError
            For linear response after a stochastic fit, or where the objective is not concave at its end.

        References
        ----------
        Giordano, Broderick, Jordan (2018), "Covariances, robustness, and variational Bayes".
        """
        dim = self.target.free_dim
        directions = np.eye(dim) if directions is None else np.atleast_2d(np.asarray(directions, dtype=np.float64))
        if directions.ndim != 2 or directions.shape[1] != dim:
            raise ValueError(f"directions has shape {directions.shape}: give (K, {dim}), one linear function a row")
        if kind == "linear_response":
            if self._curvature is None:
                raise ValueError("linear response needs a deterministic fit, whose objective has an exact curvature")
            return linear_response_covariance(*self._curvature, directions)
        if kind != "q":
            raise ValueError(f"kind={kind!r}: use 'q' or 'linear_response'")
        own = self.q.covariance if hasattr(self.q, "covariance") else np.diag(self.q.variance)
        return directions @ own @ directions.T

    def to_arviz(self, draws=4000, rng=None):
        """Draws of q for ArviZ, with log p and log q of each.

        Parameters
        ----------
        draws : int
            Number of draws.
        rng : None, int, SeedSequence or Generator
            Seed or generator of the draws; None draws anew each time.

        Returns
        -------
        DataTree or InferenceData
            What the ArviZ at hand works with: groups "posterior" (draws of q, not of the posterior: they carry no
            weights) and "sample_stats", with log_p and log_q.

        Raises
        ------
        ImportError
            Without ArviZ.
        """
        from varinf.interop.arviz import from_fit

        return from_fit(self, positive_integer(draws, "draws"), generator(rng))


def log_density(target, z):
    """log p at z (S, D), block by block, with -inf for nan."""
    size = max(1, BLOCK // z.shape[1])
    with np.errstate(all="ignore"):
        log_p = np.concatenate([target.log_prob(z[i : i + size]) for i in range(0, len(z), size)])
    return np.where(np.isnan(log_p), -math.inf, log_p)


def fresh_elbo(target, q, draws, rng):
    """The ELBO of q from draws of its own, which says so where log p was nan at some of them."""
    z, log_q = q.sample_and_log_prob(draws, rng)
    return elbo(log_density(target, z) - log_q)
