"""Theorem 2's two terms and the bound that they make, as estimates that add up."""

import math
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from varinf.divergences.kl import kl
from varinf.estimate import Direction, Estimate
from varinf.evidence.evaluate import chunk_sizes

ROWS = 1024  # of data that are encoded and decoded at a time


@dataclass(frozen=True)
class Decomposition:
    """Reconstruction − KL = ELBO, for each datum or, by `mean` and `sum`, for a set of data.

    Parameters
    ----------
    reconstruction : Estimate
        Of E_q log p(x | z), in nats.
    kl : Estimate
        Of KL(q(z | x) || p(z)), in nats.
    elbo : Estimate
        Their difference, a lower bound on log p(x); its value is that of the two exactly.

    See Also
    --------
    varinf.rate : The mean of `kl`, as a bound on information.
    """

    reconstruction: Any
    kl: Any
    elbo: Any

    @classmethod
    def of(cls, reconstruction, stderr, kl, draws=None, rules=()):
        """From values (N,), the standard errors of the reconstruction, and the number of draws, None for none."""
        drawn = {"draws": draws, "degrees": math.inf if draws is None else draws - 1, "rules": rules}
        fit, divergence = "E_q log p(x|z)", "KL(q(z|x) || p(z))"
        return cls(
            Estimate(reconstruction, stderr, fit, fit, Direction.EXACT, **drawn),
            Estimate(kl, np.zeros_like(kl), divergence, divergence, Direction.EXACT),
            Estimate(reconstruction - kl, stderr, "log p(x)", "ELBO", Direction.LOWER, objective="elbo", **drawn),
        )

    def mean(self, over="dataset"):
        """Means over the data.

        Parameters
        ----------
        over : {"dataset", "population"}
            What the errors are about: the draws, for these data as they are, or the data as a sample too.

        Returns
        -------
        Decomposition
            Of single numbers, which add up exactly.
        """
        return self._reduced(lambda estimate: estimate.mean(over))

    def sum(self):
        """Sums over the data.

        Returns
        -------
        Decomposition
            Of single numbers, which add up exactly.
        """
        return self._reduced(lambda estimate: estimate.sum())

    def _reduced(self, reduce):
        reconstruction, kl, elbo = map(reduce, (self.reconstruction, self.kl, self.elbo))
        return Decomposition(reconstruction, kl, replace(elbo, value=reconstruction.value - kl.value))

    def __str__(self):
        if self.elbo.shape:
            return f"{len(self.elbo):,} data, in the mean\n{self.mean()}"
        return "\n".join(str(estimate) for estimate in (self.reconstruction, self.kl, self.elbo))


def decompose(vae, X, draws, rng):
    """`VAE.decompose`, whose docstring says what it does; its arguments are checked."""
    parts = []
    for x in (X[i : i + ROWS] for i in range(0, len(X), ROWS)):
        q = vae.encode(x)
        log_p = [vae.log_likelihood(x, q.sample(size, rng)).astype(np.float64) for size in chunk_sizes(draws, x, q)]
        parts.append((*mean_and_error(np.concatenate(log_p)), kl(q, vae.prior).astype(np.float64)))
    value, stderr, divergence = (np.concatenate(column) for column in zip(*parts, strict=True))
    return Decomposition.of(value, stderr, divergence, draws, vae._likelihood.rules(X))


def mean_and_error(x):
    """Means over draws (S, N), and their standard errors; nan for those of one draw."""
    error = x.std(axis=0, ddof=1) / math.sqrt(len(x)) if len(x) > 1 else np.full(x.shape[1:], math.nan)
    return x.mean(axis=0), error
