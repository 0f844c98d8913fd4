"""Log weights as they were given, and the statistics that bounds are made of, each computed once and on demand."""

import math
from typing import Any, NamedTuple

import numpy as np

from varinf._arrays import check_log_weights, draws_first, namespace, to_numpy
from varinf._kernels import kernel
from varinf.diagnostics.psis import fit_tail, largest


class Moments(NamedTuple):
    """What one pass over the draws leaves, with v = w^power; arrays (*batch). See `_kernels/log_weights.py`."""

    draws: int
    top: Any
    log_mean: Any
    log_inefficiency: Any
    mean: Any
    m2: Any


class Draws:
    """Log weights with their draws on one axis. Reductions run on that axis without a copy."""

    def __init__(self, log_weights, axis=0, name="log_weights", posterior=False):
        self.x, self.axis = draws_first(log_weights, axis, name)
        self.name, self.posterior = name, posterior
        self.count = self.x.shape[self.axis]
        self._moments = {}

    @property
    def xp(self):
        return namespace(self.x)

    @property
    def batch_shape(self):
        return tuple(self.x.shape[: self.axis]) + tuple(self.x.shape[self.axis + 1 :])

    def first(self):
        """The log weights with the draws on axis 0."""
        return self.xp.moveaxis(self.x, self.axis, 0)

    def moments(self, power=1.0):
        """Moments of w^power over the draws; the values are checked on the way."""
        if power not in self._moments:
            x, axis = self.x, self.axis
            # Fortran order is C order of the transpose, with the axes counted from the other end.
            turned = type(x) is np.ndarray and x.flags.f_contiguous and not x.flags.c_contiguous
            if turned:
                x, axis = x.T, x.ndim - 1 - axis
            batch = x.shape[:axis] + x.shape[axis + 1 :]
            cube = self.xp.reshape(x, (math.prod(x.shape[:axis]), self.count, math.prod(x.shape[axis + 1 :])))
            parts = kernel("log_weights", cube).moments(cube, power)
            parts = (self.xp.reshape(part, batch) for part in parts)
            if turned:
                parts = (part.T for part in parts)
            if type(x) is np.ndarray and not batch:
                parts = (part[()] for part in parts)
            moments = Moments(self.count, *parts)
            if not self._moments:
                check_log_weights(self.x, self.name, moments.mean, self.posterior)
            self._moments[power] = moments
        return self._moments[power]

    def weights(self, power=1.0):
        """Normalised v, in the layout of the input; 0 where every draw has weight zero."""
        self.moments(power)  # for its check of the values
        x = self.x
        cube = (math.prod(x.shape[: self.axis]), self.count, math.prod(x.shape[self.axis + 1 :]))
        cube = self.xp.reshape(x, cube)
        return self.xp.reshape(kernel("log_weights", cube).weights(cube, power), x.shape)

    def k_hat(self, power=1.0):
        """Tail index of v, float or array (*batch)."""
        k_hat, _ = fit_tail(largest(np.asarray(to_numpy(self.x)), self.axis, power))
        return k_hat if k_hat.ndim else float(k_hat)

    def influence(self, power):
        """What each draw adds to log mean v, (draws, *batch): v/mean v − 1."""
        return self.count * self.xp.moveaxis(self.weights(power), self.axis, 0) - 1

    def group_log_means(self, k, power=1.0):
        """log mean v of groups of k consecutive draws, as Draws whose axis counts the groups."""
        shape, axis = self.x.shape, self.axis
        grouped = self.xp.reshape(self.x, (*shape[:axis], self.count // k, k, *shape[axis + 1 :]))
        return Draws(Draws(grouped, axis + 1, self.name, self.posterior).moments(power).log_mean, axis, self.name, True)


def as_number(x):
    """An array without dimensions as a number (NumPy's scalar); any other as it is."""
    return x[()] if x.ndim == 0 else x


def mean_error(moments, xp):
    """Standard error of the mean of log w: sqrt(m2 / (S (S − 1))); nan for one draw."""
    if moments.draws < 2:
        return moments.m2 * math.nan
    return xp.sqrt(moments.m2 / (moments.draws * (moments.draws - 1)))


def log_mean_error(moments, xp):
    """Delta-method standard error of log mean v: sd(v)/(mean v sqrt(S)); nan for one draw."""
    if moments.draws < 2:
        return moments.m2 * math.nan
    return xp.sqrt(xp.expm1(xp.clip(moments.log_inefficiency, 0, None)) / (moments.draws - 1))


def relative_variance(moments, xp):
    """Var(v)/(mean v)², unbiased to first order; nan for one draw."""
    return log_mean_error(moments, xp) ** 2 * moments.draws
