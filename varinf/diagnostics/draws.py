"""Log weights as they were given, and the statistics that bounds are made of, each computed once and on demand."""

import math
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np

from varinf._arrays import check_log_weights, draws_first, namespace, to_numpy
from varinf._kernels import kernel
from varinf._kernels import level as kernels_level
from varinf._pool import run_all, shares, worker_count, working
from varinf.diagnostics.psis import fit_tail, largest

_COLUMNS = 64  # of a share: a kernel takes few columns another way, and the last bits would tell


class Moments(NamedTuple):
    """What one pass over the draws leaves, with v = w^power; arrays (*batch). See `_kernels/log_weights.py`."""

    draws: int
    log_mean: Any
    log_inefficiency: Any
    mean: Any
    m2: Any


def draws(log_weights, *, axis=0, workers=None):
    """Log weights that several functions are asked about: what they have in common is computed once.

    Parameters
    ----------
    log_weights : array (draws, *batch)
        Values of log p(x, z) − log q(z | x) in nats, z drawn from q; NumPy, torch or JAX. They are not copied, and are
        not to be changed as long as the result is in use.
    axis : int
        The axis of the draws.
    workers : int, optional
        Threads over the batch, for NumPy arrays: None or 1 serial, -1 all cores. The result is the same for any number.

    Returns
    -------
    Draws
        To be given in the place of log weights to `elbo`, `iwelbo`, `renyi_bound`, `cubo`, `jackknife_evidence`,
        `effective_sample_size`, `importance_weights` and `summarize`. Asked for the weights first, it goes through
        memory once for weights, ELBO, IWELBO and effective sample size together.

    Raises
    ------
    ValueError
        For no draws. The values are looked at when the first function is.

    See Also
    --------
    summarize : All bounds at once.
    LogWeights : Log weights that do not fit into memory.

    Examples
    --------
    >>> import numpy as np, varinf as vi
    >>> log_w = vi.draws(np.log([1.0, 1.0, 2.0]))
    >>> vi.importance_weights(log_w).round(6), round(float(vi.effective_sample_size(log_w)), 4)
    (array([0.25, 0.25, 0.5 ]), 2.6667)
    >>> round(float(vi.elbo(log_w)), 4), round(float(vi.iwelbo(log_w)), 4)
    (0.231, 0.2877)
    """
    return Draws(log_weights, axis, workers=workers)


class Draws:
    """Log weights with their draws on one axis. Reductions run on that axis without a copy."""

    __slots__ = ("_checked", "_moments", "axis", "count", "name", "posterior", "workers", "x", "xp")

    def __init__(self, log_weights, axis=0, name="log_weights", posterior=False, workers=None):
        self.x, self.axis = x, axis = draws_first(log_weights, axis, name)
        self.xp = np if type(x) is np.ndarray else namespace(x)
        self.name = name
        self.posterior = posterior
        self.count = x.shape[axis]
        self._moments = {}
        self._checked = False
        self.workers = 1 if workers is None else worker_count(workers)

    @classmethod
    def of(cls, log_weights, axis, workers=None):
        """The draws of log weights, or what `draws` has made of them."""
        if not isinstance(log_weights, cls):
            return cls(log_weights, axis, "log_weights", False, workers)  # by name takes longer
        if workers is not None:
            raise ValueError(f"workers={workers}: these log weights have had their workers since `draws` was told")
        if axis != 0:
            raise ValueError(f"axis={axis}: these log weights have had their axis since `draws` was told")
        return log_weights

    @property
    def batch_shape(self):
        return tuple(self.x.shape[: self.axis]) + tuple(self.x.shape[self.axis + 1 :])

    def first(self):
        """The log weights with the draws on axis 0."""
        return self.xp.moveaxis(self.x, self.axis, 0)

    def moments(self, power=1.0):
        """Moments of w^power over the draws; the values are checked on the way."""
        found = self._moments.get(power)
        if found is None:
            cube = self._cube(self.x)
            moments = kernel("log_weights", cube).moments
            if self.workers == 1:
                found = self._keep(power, moments(cube, power))
            else:
                found = self._keep(power, self._over_batches(lambda part: moments(part, power), cube))
        return found

    def log_mean(self):
        """log mean w alone, (*batch): half the work of all moments. The values are checked on the way."""
        if 1.0 in self._moments:
            return self._moments[1.0].log_mean
        cube = self._cube(self.x)
        log_mean = kernel("log_weights", cube).log_mean
        value = self._over_batches(lambda part: log_mean(part, 1.0), cube)
        value = value[0, 0] if self.xp is np and self.x.ndim == 1 else self._over_batch(value)
        self._check(value)
        return value

    def weights(self, power=1.0, out=None):
        """Normalised v, in the layout of the input; 0 where every draw has weight zero. The moments come with it."""
        cube = self._cube(self.x)
        place = None if out is None else self._place(out)
        twin = kernel("log_weights", cube)
        if place is None and len(self._shares(cube)) > 1:
            place = np.empty_like(cube)
        if power in self._moments:
            weights = self._over_batches(lambda part, to: twin.weights(part, power, to), cube, place)
        else:
            moments, weights = self._over_batches(
                lambda part, to: twin.moments_and_weights(part, power, to), cube, place
            )
            self._keep(power, moments)
        if place is not None and out is not None:
            return out
        turned = self._is_turned()
        weights = self.xp.reshape(weights, self.x.shape[::-1] if turned else self.x.shape)
        weights = weights.T if turned else weights
        if out is None:
            return weights
        out[...] = weights
        return out

    def _is_turned(self):
        """Whether memory has the last axis first: Fortran's order is C's of the transpose."""
        x = self.x
        return type(x) is np.ndarray and x.ndim > 1 and x.flags.f_contiguous and not x.flags.c_contiguous

    def _cube(self, x):
        """x, shaped like the log weights, as the kernel has it, (outer, draws, inner); mostly without a copy."""
        axis = self.axis
        if x.ndim == 1:
            return x[None, :, None]
        if self._is_turned():
            x, axis = x.T, x.ndim - 1 - axis
        return namespace(x).reshape(x, (math.prod(x.shape[:axis]), self.count, math.prod(x.shape[axis + 1 :])))

    def _shares(self, cube):
        """Slices of the batch for the workers, by rows or, of a single matrix, by columns, no fewer than _COLUMNS."""
        if self.workers == 1 or type(cube) is not np.ndarray or kernels_level == "reference":
            return [(slice(None),)]
        outer, count, inner = cube.shape
        with working(self.workers):
            if outer > 1:
                return [(part,) for part in shares(outer, count * inner)]
            parts = shares(inner // _COLUMNS, count * _COLUMNS)
        bounds = [part.start * _COLUMNS for part in parts[1:]]
        return [(slice(None), slice(None), slice(*pair)) for pair in pairwise([0, *bounds, inner])]

    def _over_batches(self, call, cube, *places):
        """call(cube, *places) of a kernel, shared out: arrays that end in (outer, inner), or what `places` receive."""
        parts = self._shares(cube)
        if len(parts) == 1:
            return call(cube, *places)
        found = run_all(lambda part: call(cube[part], *(place[part] for place in places)), parts, len(parts))
        side = -1 if len(parts[0]) > 1 else -2
        if not places:
            return np.concatenate(found, axis=side)
        if isinstance(found[0], tuple):
            return np.concatenate([moments for moments, _ in found], axis=side), places[0]
        return places[0]

    def _over_batch(self, part):
        """An array (outer, inner) of a kernel as (*batch)."""
        shape = self.batch_shape
        if self._is_turned():
            return part.reshape(shape[::-1]).T
        if part.shape == shape:
            return part
        return part.reshape(shape) if self.xp is np else self.xp.reshape(part, shape)

    def _keep(self, power, parts):
        if self.xp is np and self.x.ndim == 1:  # NumPy's numbers; to iterate over an array would take longer
            four = parts.ravel()
            moments = Moments(self.count, four[0], four[1], four[2], four[3])
        else:
            moments = Moments(self.count, *map(self._over_batch, parts))
        self._check(moments.mean)
        self._moments[power] = moments
        return moments

    def _check(self, summary):
        if self._checked:
            return
        if not (self.xp is np and _all_below(summary, math.inf)):
            check_log_weights(self.x, self.name, summary, self.posterior)
        self._checked = True

    def _place(self, out):
        """`out` as the kernel can write to it; None where what it writes is to be copied."""
        x = self.x
        if type(x) is not np.ndarray or type(out) is not np.ndarray:
            raise TypeError("out= takes a NumPy array, and log weights of NumPy")
        if out.shape != x.shape or out.dtype != x.dtype:
            raise ValueError(f"out has shape {out.shape} and dtype {out.dtype}; it takes {x.shape} and {x.dtype}")
        if not out.flags.writeable:
            raise ValueError("out is read-only")
        if not (out.T if self._is_turned() else out).flags.c_contiguous or np.may_share_memory(out, x):
            return None
        return self._cube(out)

    def k_hat(self, power=1.0):
        """Tail index of v, float or array (*batch)."""
        with working(self.workers):
            k_hat, _ = fit_tail(largest(np.asarray(to_numpy(self.x)), self.axis, power))
        return k_hat if k_hat.ndim else float(k_hat)

    def influence(self, power):
        """What each draw adds to log mean v, (draws, *batch): v/mean v − 1."""
        return self.count * self.xp.moveaxis(self.weights(power), self.axis, 0) - 1

    def group_log_means(self, k):
        """log mean w of groups of k consecutive draws, as Draws whose axis counts the groups."""
        shape, axis = self.x.shape, self.axis
        grouped = self.xp.reshape(self.x, (*shape[:axis], self.count // k, k, *shape[axis + 1 :]))
        groups = Draws(grouped, axis + 1, workers=self.workers)
        groups._checked = True  # here, where an error can say which draw it was
        log_means = groups.log_mean()
        self._check(log_means)
        return Draws(log_means, axis, self.name, posterior=True)


def _all_below(x, limit):
    """Of a number or an array of NumPy's; a nan is not."""
    below = x < limit
    return below if isinstance(x, np.floating) else below.all()


def as_number(x):
    """An array without dimensions as a number (NumPy's scalar); any other as it is."""
    return x[()] if x.ndim == 0 else x


# Of NumPy's numbers the same is made without NumPy's functions, each of which would take a microsecond.


def mean_error(moments, xp):
    """Standard error of the mean of log w: sqrt(m2 / (S (S − 1))); nan for one draw."""
    m2 = moments.m2
    if moments.draws < 2:
        return m2 * math.nan
    square = m2 / (moments.draws * (moments.draws - 1))
    return square**0.5 if isinstance(m2, np.floating) else xp.sqrt(square)


def log_mean_error(moments, xp):
    """Delta-method standard error of log mean v: sd(v)/(mean v sqrt(S)); nan for one draw."""
    if moments.draws < 2:
        return moments.m2 * math.nan
    t = moments.log_inefficiency
    if isinstance(t, np.floating):
        return type(t)(math.sqrt(math.expm1(t if t > 0 else 0.0) / (moments.draws - 1)))
    return xp.sqrt(xp.expm1(xp.clip(t, 0, None)) / (moments.draws - 1))


def relative_variance(moments, xp):
    """Var(v)/(mean v)², unbiased to first order; nan for one draw."""
    return log_mean_error(moments, xp) ** 2 * moments.draws


def effective_size(moments, xp):
    """(Σ v)² / Σ v²: S exp(−log_inefficiency)."""
    t = moments.log_inefficiency
    return moments.draws * (type(t)(math.exp(-t)) if isinstance(t, np.floating) else xp.exp(-t))
