"""Definition 1 in numbers: log p(x) = ELBO + KL(q || p(z | x)), the three computed apart."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from varinf.divergences.kl import kl
from varinf.families.family import Family


@dataclass(frozen=True, eq=False)
class Identity:
    """The parts of log p(x) = ELBO + KL(q || p(z | x)), in nats; numbers, or arrays (N,) with one entry per datum.

    Attributes
    ----------
    log_evidence : float or array (N,)
        From the marginal density of x.
    elbo : float or array (N,)
        Expected log joint density in closed form plus the entropy of q: the exact lower bound, without draws.
    kl : float or array (N,)
        KL(q || p(z | x)) in closed form: the gap.
    """

    log_evidence: Any
    elbo: Any
    kl: Any

    @property
    def residual(self):
        """log_evidence − (elbo + kl): 0 to rounding."""
        return self.log_evidence - (self.elbo + self.kl)

    @property
    def relative_residual(self):
        """The worst residual over the data, relative to the largest of its three parts: a float, without sign."""
        size = np.maximum(np.maximum(np.abs(self.log_evidence), np.abs(self.elbo)), np.abs(self.kl))
        return float(np.max(np.abs(self.residual) / size))

    def __len__(self):
        if not np.ndim(self.kl):
            raise TypeError("this Identity is about a single datum and has no len()")
        return len(self.kl)

    def __getitem__(self, index):
        """The identity of the datum, or of the data, at `index`."""
        return Identity(self.log_evidence[index], self.elbo[index], self.kl[index])

    def __str__(self):
        parts = {"log p(x)": self.log_evidence, "= ELBO": self.elbo, "+ KL(q || p(z | x))": self.kl}
        single = not np.ndim(self.kl)
        lines = [f"{name:<21}{np.mean(value):>20.10f}" for name, value in parts.items()]
        if not single:
            lines.insert(0, f"{'nats per datum':<21}{f'mean of {len(self):,}':>20}")
        name = "residual" if single else "largest |residual|"
        lines.append(f"{name:<21}{self.residual if single else np.max(np.abs(self.residual)):>20.1e}")
        return "\n".join(lines)


def identity(model, x, q):
    """Definition 1: log p(x) = ELBO + KL(q || p(z | x)), each part by a route that shares no intermediate with another.

    Parameters
    ----------
    model : model
        With `log_evidence(x)`, `posterior(x)` and `expected_log_joint(x, q)`, such as `models.LinearGaussian`; see
        `varinf.models.model`.
    x : array (N, F), or None
        Data; None for a model that holds its own.
    q : family
        With an `entropy`, and a closed-form KL to the model's posterior: batch shape (N,), or () for x=None.

    Returns
    -------
    Identity
        `log_evidence`, `elbo` and `kl`, floats or arrays (N,) in nats, with their `residual`; prints as a table.

    Raises
    ------
    TypeError
        If the model has no closed-form `expected_log_joint`.
    NotImplementedError
        If KL(q || p(z | x)) has no closed form.
    ValueError
        If q's batch is not that of the data.

    See Also
    --------
    elbo : The ELBO from draws, for any model.
    kl : KL divergences in closed form, of any two families.
    models.LinearGaussian : A model with all that it takes.
    sandwich : A bracket, where the evidence is not known.

    References
    ----------
    Kingma, Welling (2014), "Auto-encoding variational Bayes", eqs. 1 and 2.

    Examples
    --------
    >>> from varinf.evidence.identity import identity
    >>> from varinf.families.diagonal_normal import DiagonalNormal
    >>> from varinf.models import NormalNormal
    >>> print(identity(NormalNormal(0.0, 1.0, 1.0), [[1.0]], DiagonalNormal([[0.0]], [[1.0]]))[0])  # doctest: +ELLIPSIS
    log p(x)                    -1.5155121235
    = ELBO                      -1.9189385332
    + KL(q || p(z | x))          0.4034264097
    residual ...
    """
    if not hasattr(model, "expected_log_joint"):
        raise TypeError(
            f"{type(model).__name__} has no expected_log_joint(x, q), the closed form that the ELBO is made of here: "
            "estimate it from draws with evaluate or elbo, or bracket log p(x) with sandwich"
        )
    if not isinstance(q, Family):
        raise TypeError(f"q={q!r}: use a family, with batch shape (N,), or () for x=None")
    log_evidence = model.log_evidence(x)
    if tuple(q.batch_shape) != np.shape(log_evidence):
        raise ValueError(
            f"q has batch shape {tuple(q.batch_shape)}, but log p(x) has shape {np.shape(log_evidence)}: "
            "give one distribution per datum"
        )
    gap = kl(q, model.posterior(x))  # first: it refuses families without a closed form
    return Identity(log_evidence, model.expected_log_joint(x, q) + q.entropy(), gap)
