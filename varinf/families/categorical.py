"""Distributions over finitely many categories."""

import math

import numpy as np
from array_api_compat import device

from varinf._arrays import namespace, refuse_where
from varinf.families.family import Family, cast, frozen, log_sum_exp, parameters, safe_log, settle, total, vector


class Categorical(Family):
    """Distributions over the categories 0, ..., K - 1.

    Parameters
    ----------
    *unnamed
        Refused with a TypeError: the two below are told apart by name.
    probs : array (*batch, K), optional
        Probabilities: none negative, each row summing to 1 (to 1e-6, or 1e-4 in float32; then made exact).
    logits : array (*batch, K), optional
        Log probabilities up to a constant per row; -inf is probability 0. Give exactly one of the two.

    Raises
    ------
    ValueError
        If a probability is negative or nan, a row does not sum to 1, or a row of logits is all -inf.

    See Also
    --------
    varinf.entropy : Entropy of a table of probabilities.
    mutual_information : Information in a joint table.
    kl : Closed form between two categoricals.
    renyi_divergence : Closed form between two categoricals, of any order.

    Notes
    -----
    A draw is one integer, so that draws are (n, *batch) and `log_prob` takes (..., *batch). `dim` is K, and `mean` and
    `variance` are those of the indicator of each category, (*batch, K): categories have names, not sizes.

    Examples
    --------
    >>> from varinf.families.categorical import Categorical
    >>> q = Categorical(probs=[0.5, 0.25, 0.25, 0.0])
    >>> q, round(float(q.entropy()), 4)
    (Categorical(batch_shape=(), dim=4), 1.0397)
    >>> q.log_prob([0, 1, 3, 4]).round(4)
    array([-0.6931, -1.3863,    -inf,    -inf])
    """

    _parameters = {"_table": 1}  # noqa: RUF012
    _event_shape = ()
    _draw_dtype = np.dtype(np.int64)

    def __init__(self, *unnamed, probs=None, logits=None):
        if unnamed or (probs is None) == (logits is None):
            raise TypeError("give exactly one of probs= and logits=, by name")
        if logits is None:
            (table,) = parameters(probs=probs)
            table = frozen(_normalised_probs(vector(table, "probs")))
        else:
            (table,) = parameters(logits=logits)
            table = frozen(_normalised_logits(vector(table, "logits")))
        self._store(_table=table, parameter_names=("probs" if logits is None else "logits",))

    @property
    def probs(self):
        """Probabilities, (*batch, K)."""
        return self._table if self.parameter_names == ("probs",) else namespace(self._table).exp(self._table)

    @property
    def logits(self):
        """Log probabilities, (*batch, K), -inf where the probability is 0."""
        return self._table if self.parameter_names == ("logits",) else safe_log(self._table)

    @property
    def dim(self):
        """Number of categories K."""
        return self._table.shape[-1]

    @property
    def mean(self):
        """Mean of the indicator of each category: the probabilities, (*batch, K)."""
        return self.probs

    @property
    def variance(self):
        """Variance of the indicator of each category, p (1 - p), (*batch, K)."""
        return self.probs * (1 - self.probs)

    def log_prob(self, z):
        """Log probability of categories, in nats; -inf for what is not one of 0, ..., K - 1.

        Parameters
        ----------
        z : array (..., *batch)
            Whole numbers; any axes of draws in front, then the shape of the batch exactly: nothing broadcasts.

        Returns
        -------
        array (..., *batch)
            In the library of z and the parameters, differentiable in the latter where the library differentiates.

        Raises
        ------
        ValueError
            If the trailing axes of z are not the batch's.
        """
        return super().log_prob(z)

    def entropy(self):
        """Entropy -sum p log p, with 0 log 0 = 0.

        Returns
        -------
        array (*batch)
            Exact, in nats: from 0, all on one category, to log K, uniform.
        """
        return settle(-total(weighted(self.probs, self.logits)), self._table)

    def _beside(self, x):
        # A category has no precision to follow.
        return (x, self) if namespace(x) is namespace(self._table) else super()._beside(x)

    def _log_density(self, z):
        xp, logits = namespace(z), self.logits
        inside = (z >= 0) & (z < self.dim) & (xp.floor(z) == z)
        # One gather from the flat table: row * K + category, in any library.
        count = math.prod(self.batch_shape)
        rows = xp.reshape(xp.arange(count, device=device(z)) * self.dim, self.batch_shape)
        category = cast(xp.where(inside, z, 0.0), rows.dtype)
        chosen = xp.take(
            xp.reshape(logits, (count * self.dim,)), xp.reshape(rows + category, (math.prod(z.shape),)), axis=0
        )
        return xp.where(inside, xp.reshape(chosen, z.shape), -math.inf)

    def _draw(self, n, rng):
        uniform = rng.random((n, math.prod(self.batch_shape)))
        cumulative = np.cumsum(self._flat().probs, axis=-1, dtype=np.float64)
        cumulative /= cumulative[:, -1:]  # exactly 1 at the end, so that no uniform in [0, 1) falls beyond
        draws = np.empty(uniform.shape, dtype=np.int64)
        for i, row in enumerate(cumulative):
            draws[:, i] = np.searchsorted(row, uniform[:, i], side="right")
        return draws.reshape((n, *self.batch_shape))


def weighted(probs, values):
    """probs * values with 0 * (anything, -inf included) = 0."""
    xp = namespace(probs)
    return probs * xp.where(probs > 0, values, 0.0)


def _normalised_probs(probs):
    xp = namespace(probs)
    refuse_where(~(probs >= 0), probs, "probs", "values that are negative or nan", "probabilities are not")
    sums = xp.sum(probs, axis=-1, keepdims=True)
    off = xp.abs(sums - 1)
    refuse_where(
        ~(off < (1e-4 if probs.dtype == xp.float32 else 1e-6)),
        sums,
        "the sum of probs over the last axis",
        "values that are not 1",
        "divide by the sum, or pass logits=",
    )
    return probs / sums


def _normalised_logits(logits):
    xp = namespace(logits)
    refuse_where(
        ~(logits < xp.inf), logits, "logits", "values that are nan or +inf", "log probabilities are below +inf"
    )
    refuse_where(
        ~xp.any(logits > -xp.inf, axis=-1), logits[..., 0], "logits", "rows that are all -inf", "one must be possible"
    )
    return logits - settle(log_sum_exp(logits), logits)[..., None]
