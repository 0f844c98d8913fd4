"""Theorem 2's two terms and the bound that they make, as estimates that add up."""

import math
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from varinf.estimate import Direction, Estimate


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
