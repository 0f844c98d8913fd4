"""Finite mixtures, among them the aggregate of one Gaussian per datum (Theorem 3's q(z))."""

import math

import numpy as np

from varinf._arrays import as_array, as_arrays, is_numpy, namespace
from varinf._kernels import kernel
from varinf._pool import over_rows
from varinf.families.categorical import Categorical
from varinf.families.diagonal_normal import DiagonalNormal
from varinf.families.family import Family, log_sum_exp, safe_log, settle

# Numbers held at once while draws are scored against all components, or components gathered for draws: 32 MB.
_AT_ONCE = 2**22


class Mixture(Family):
    """Mixtures sum_n weights[n] component[n].

    Parameters
    ----------
    weights : array (*batch, N) or None
        Probabilities of the components; None for 1/N each.
    components : Family
        Its last batch axis counts the components, (*batch, N): a DiagonalNormal with loc (N, D) is one mixture of N
        normals.

    Raises
    ------
    TypeError
        If the components are not distributions over vectors.
    ValueError
        If the shapes of the weights and of the components' batch differ, or the weights do not sum to 1.

    See Also
    --------
    DiagonalNormal : The components that make its density fastest.
    aggregate_kl : KL from the aggregate of a data set to a reference.
    index_information : How well a draw tells its component.
    kl : By draws, ``method="monte_carlo"``.

    Notes
    -----
    The entropy, and KL divergences from or to a mixture, have no closed form.
    For normals with diagonal covariances, equal weights and NumPy arrays the density is one compiled pass.

    Examples
    --------
    >>> from varinf.families.diagonal_normal import DiagonalNormal
    >>> from varinf.families.mixture import Mixture
    >>> q = Mixture([0.25, 0.75], DiagonalNormal([[-1.0], [1.0]], [[0.5], [0.5]]))
    >>> q
    Mixture(2 x DiagonalNormal, batch_shape=(), dim=1)
    >>> q.mean, q.variance, q.log_prob([[-1.0], [1.0]]).round(4)
    (array([0.5]), array([1.]), array([-1.6111, -0.5134]))
    """

    _parameters = {"weights": 1}  # noqa: RUF012

    def __init__(self, weights, components):
        if not isinstance(components, Family):
            raise TypeError(
                f"components is {type(components).__name__}; give a family, such as DiagonalNormal(loc, scale)"
            )
        if isinstance(components, Categorical):
            raise TypeError("a mixture of categoricals is itself one: Categorical(probs=weights @ components.probs)")
        if not components.batch_shape:
            raise ValueError(f"components is {components!r}; its last batch axis must count the components")
        if weights is None:
            equal = 1 / max(1, components.batch_shape[-1])
            weights = namespace(components._like).full(components.batch_shape, equal, dtype=components._like.dtype)
        weights, components = components._beside(as_array(weights, "weights"))
        if tuple(weights.shape) != components.batch_shape:
            raise ValueError(
                f"weights has shape {tuple(weights.shape)}, but components a batch of shape {components.batch_shape}; "
                "they must agree"
            )
        choice = Categorical(probs=weights)
        self._store(weights=choice.probs, components=components)

    def __repr__(self):
        count, of = self.weights.shape[-1], type(self.components).__name__
        return f"Mixture({count} x {of}, batch_shape={self.batch_shape}, dim={self.dim})"

    def _map(self, change):
        changed = super()._map(change)
        changed._store(components=self.components._map(lambda x, own_axes: change(x, own_axes + 1)))
        return changed

    @property
    def dim(self):
        return self.components.dim

    @property
    def mean(self):
        """Means, (*batch, D)."""
        return namespace(self.weights).sum(self.weights[..., None] * self.components.mean, axis=-2)

    @property
    def variance(self):
        """Variances of the features, (*batch, D): the mean of the variances and the variance of the means."""
        xp, weights, mean = namespace(self.weights), self.weights[..., None], self.components.mean
        centre = xp.sum(weights * mean, axis=-2, keepdims=True)
        return xp.sum(weights * (self.components.variance + (mean - centre) ** 2), axis=-2)

    def entropy(self):
        """Raise an error: the entropy of a mixture has no closed form.

        Raises
        ------
        NotImplementedError
            Always; it says how to estimate the entropy from draws instead.
        """
        raise NotImplementedError(
            "the entropy of a mixture has no closed form: estimate it as -q.log_prob(q.sample(n, rng=0)).mean(axis=0), "
            'or a divergence by kl(q, p, method="monte_carlo")'
        )

    def _log_density(self, z):
        if self._is_plain(z):
            return self._log_density_of_plain(z)
        scalars = math.prod(self.batch_shape) * self.weights.shape[-1] * self.dim
        step = max(1, _AT_ONCE // max(1, scalars))
        if not is_numpy(z) or z.ndim == len(self.batch_shape) + 1 or z.shape[0] <= step:
            return self._log_density_at_once(z)
        return np.concatenate([self._log_density_at_once(z[i : i + step]) for i in range(0, z.shape[0], step)])

    def _log_density_at_once(self, z):
        each = self.components._log_density(namespace(z).expand_dims(z, axis=-2))
        return settle(log_sum_exp(each + safe_log(self.weights)), each)

    def _is_plain(self, z):
        """One mixture of diagonal normals in equal parts, in NumPy: what the kernel computes."""
        return (
            type(self.components) is DiagonalNormal
            and self.batch_shape == ()
            and is_numpy(z)
            and np.ptp(self.weights) == 0
        )

    def _log_density_of_plain(self, z):
        z, loc, scale = as_arrays(z=z, loc=self.components.loc, scale=self.components.scale)
        rows = z.reshape((math.prod(z.shape[:-1]), self.dim))
        log_density = kernel("mixture_density", z).log_density
        cost = len(loc) * (1 + self.dim / 4)
        return over_rows(lambda part: log_density(part, loc, scale), [rows], cost).reshape(z.shape[:-1])

    def _draw(self, n, rng):
        choice = Categorical(probs=self.weights)._draw(n, rng)
        components, count = self.components._flat(), self.weights.shape[-1]
        first = count * np.arange(math.prod(self.batch_shape)).reshape(self.batch_shape)
        chosen = (first + choice).reshape(-1)
        step = max(1, _AT_ONCE // max(1, components._size_of_one()))
        parts = [components[chosen[i : i + step]]._draw(1, rng)[0] for i in range(0, max(1, len(chosen)), step)]
        return np.concatenate(parts).reshape((n, *self.batch_shape, self.dim))

    def _size_of_one(self):
        return self.weights.shape[-1] * (1 + self.components._size_of_one())
