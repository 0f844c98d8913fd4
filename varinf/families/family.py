"""What every family shares: parameters that do not change, batches that index like arrays, draws checked by shape."""

import math

import numpy as np

from varinf._arrays import as_array, as_arrays, generator, holds, is_numpy, namespace, positive_integer
from varinf._pool import working

LOG_TWO_PI = math.log(2 * math.pi)


class Family:
    """A batch of distributions over vectors of `dim` numbers.

    A subclass names its parameters in `_parameters`, each with the number of its axes that are not batch axes, and
    gives `_log_density(z)`, where z may broadcast against the batch, and `_draw(n, rng)`.
    """

    _parameters = {}  # noqa: RUF012  (read only, as a class constant)

    def _store(self, **fields):
        for name, value in fields.items():
            object.__setattr__(self, name, value)

    def __setattr__(self, name, value):
        raise AttributeError(f"{type(self).__name__} does not change: build a new one with another {name}")

    def __delattr__(self, name):
        self.__setattr__(name, None)

    def __repr__(self):
        return f"{type(self).__name__}(batch_shape={self.batch_shape}, dim={self.dim})"

    # Batches ---------------------------------------------------------------------------------------------------------

    @property
    def batch_shape(self):
        """Shape of the batch, a tuple: () for a single distribution."""
        for name, own_axes in self._parameters.items():  # of the first
            return tuple(getattr(self, name).shape[:-own_axes])

    @property
    def dim(self):
        """Number of features D of one draw."""
        return self.loc.shape[-1]

    @property
    def _event_shape(self):
        return (self.dim,)

    def __len__(self):
        if not self.batch_shape:
            raise TypeError(f"{self!r} is a single distribution and has no len()")
        return self.batch_shape[0]

    def __iter__(self):
        return (self[i] for i in range(len(self)))

    def __getitem__(self, index):
        """The distributions at `index` (an int, a slice, an integer or boolean array) of the first batch axis."""
        size = len(self)
        if isinstance(index, tuple) or index is None or index is Ellipsis:
            raise TypeError(f"index the first batch axis of {self!r} with an int, a slice or an array; got {index!r}")
        if isinstance(index, int | np.integer):
            index = int(index)
            if not -size <= index < size:  # JAX would clamp it
                raise IndexError(f"index {index} is outside of {self!r}, which has {size} on its first batch axis")
        elif isinstance(index, list):
            index = np.asarray(index, dtype=None if index else int)
        return self._map(lambda x, own_axes: x[index, ...])

    def _map(self, change):
        """This family with change(parameter, own axes) in place of each parameter; for changes of the batch alone."""
        changed = object.__new__(type(self))
        changed._store(**self.__dict__)
        changed._store(**{name: frozen(change(getattr(self, name), own)) for name, own in self._parameters.items()})
        return changed

    def _flat(self):
        """The same distributions with all batch axes in one."""
        count = math.prod(self.batch_shape)

        def flat(x, own_axes):
            return namespace(x).reshape(x, (count, *x.shape[x.ndim - own_axes :]))

        return self._map(flat)

    def _size_of_one(self):
        """How many numbers describe one distribution of the batch."""
        shapes = {name: getattr(self, name).shape for name in self._parameters}
        return sum(math.prod(shapes[name][len(shapes[name]) - own :]) for name, own in self._parameters.items())

    @property
    def _draw_dtype(self):
        return self._like.dtype

    @property
    def _like(self):
        """A parameter, for its library and dtype."""
        return getattr(self, next(iter(self._parameters)))

    def _beside(self, x):
        """x and this family in one library and dtype: NumPy arrays follow those of other libraries."""
        if namespace(x) is namespace(self._like) and x.dtype == self._like.dtype:
            return x, self
        q = self._map(lambda parameter, own_axes: in_one_library(x=x, parameter=parameter)[1])
        return in_one_library(x=x, parameter=self._like)[0], q

    # Draws and densities ---------------------------------------------------------------------------------------------

    def log_prob(self, z, workers=None):
        """Log density (or log probability) of draws, in nats.

        Parameters
        ----------
        z : array (..., *batch, D)
            Any axes of draws in front, then the shape of one draw exactly: nothing broadcasts.
        workers : int, optional
            Threads, for mixtures, whose densities are work: None or 1 serial, -1 all cores. The result is the same for
            any number.

        Returns
        -------
        array (..., *batch)
            In the library of z and the parameters, differentiable in both where the library differentiates.

        Raises
        ------
        ValueError
            If the trailing axes of z are not (*batch, D).
        """
        z = self._checked(as_array(z, "z"), "z", self._event_shape)
        z, q = self._beside(z)
        with working(workers):
            return q._log_density(z)

    def sample(self, n, rng=None, workers=None, *, out=None):
        """Take draws, on a new first axis.

        Parameters
        ----------
        n : int
            Number of draws for each distribution of the batch.
        rng : None, int, SeedSequence or Generator
            Seed or generator of the draws; None draws anew each time.
        workers : int, optional
            Threads, None or 1 serial, -1 all cores. The result is the same for any number.
        out : array, optional
            Where to write the draws, of the shape and dtype of the result and in C order. For millions of draws, fresh
            memory can take longer than the drawing.

        Returns
        -------
        array (n, *batch, D)
            NumPy, in the dtype of the parameters; of a Categorical (n, *batch), whole numbers. The same seed gives the
            same draws. It is `out` if that was given.

        Raises
        ------
        TypeError
            If the parameters are not NumPy arrays: the draws are NumPy's.
        ValueError
            If the draws do not fit `out`.
        """
        n, rng = self._ready(n, rng)
        with working(workers):
            if out is None:
                return self._draw(n, rng)
            self._draw_into(self._checked_out(out, n), rng)
            return out

    def sample_and_log_prob(self, n, rng=None, workers=None):
        """Take draws, with the log density at each; for normals it comes from the noise, scaled, and costs no solve.

        Parameters
        ----------
        n : int
            Number of draws for each distribution of the batch.
        rng : None, int, SeedSequence or Generator
            Seed or generator of the draws; None draws anew each time.
        workers : int, optional
            Threads, None or 1 serial, -1 all cores. The result is the same for any number.

        Returns
        -------
        z : array (n, *batch, D)
            What `sample` gives, to rounding.
        log_q : array (n, *batch)
            What `log_prob` gives at z, in nats.

        Raises
        ------
        TypeError
            If the parameters are not NumPy arrays: the draws are NumPy's.
        """
        with working(workers):
            z = self.sample(n, rng)
            return z, self._log_density(z)

    def _checked(self, x, name, event_shape):
        """x, whose trailing axes must be (*batch, *event_shape): a mismatch is an error, never a broadcast."""
        want = (*self.batch_shape, *event_shape)
        if x.ndim < len(want) or tuple(x.shape[x.ndim - len(want) :]) != want:
            trailing = ", ".join(map(str, want))
            raise ValueError(
                f"{name} has shape {tuple(x.shape)}, but {self!r} needs (..., {trailing}): "
                "axes of draws in front, then its own shape exactly"
            )
        return x

    def _draw_into(self, out, rng):
        out[...] = self._draw(len(out), rng)

    def _checked_out(self, out, n):
        """`out`, which must take n draws as they are."""
        shape, dtype = (n, *self.batch_shape, *self._event_shape), self._draw_dtype
        if not is_numpy(out) or out.shape != shape or out.dtype != dtype or not out.flags.carray:
            what = f"shape {out.shape} and dtype {out.dtype}" if is_numpy(out) else f"type {type(out).__name__}"
            raise ValueError(
                f"out has {what}; {n} draws of {self!r} need a writable NumPy array of shape {shape} and dtype "
                f"{dtype}, in C order"
            )
        return out

    def _ready(self, n, rng):
        """n and a Generator, checked; parameters that NumPy's draws would not fit are refused."""
        for name in self._parameters:
            x = getattr(self, name)
            if not is_numpy(x):
                raise TypeError(
                    f"sample draws NumPy arrays, but the parameters of {self!r} are {type(x).__module__}."
                    f"{type(x).__name__}: {self._own_draws()}"
                )
        return positive_integer(n, "n"), generator(rng)

    def _own_draws(self):
        return "bring your own draws, made with that library, and score them with q.log_prob(z)"


# Parameters ----------------------------------------------------------------------------------------------------------


def parameters(**named):
    """The arrays in one library and dtype. NumPy arrays are copied and made read-only: later writes change nothing."""
    return [own(x) for x in in_one_library(**named)]


def own(x):
    """A copy that nobody writes to, if it is NumPy's."""
    return frozen(x.copy()) if is_numpy(x) else x


def in_one_library(**named):
    """`as_arrays`, for parameters.

    What agrees already is left alone, since torch.compile cannot trace the search for a device without a warning; and
    torch, which has no read-only arrays, is given copies of ours.
    """
    named = {name: as_array(x, name) for name, x in named.items()}
    arrays = list(named.values())
    if all(namespace(x) is namespace(arrays[0]) and x.dtype == arrays[0].dtype for x in arrays):
        return arrays
    return as_arrays(**{name: x.copy() if is_numpy(x) else x for name, x in named.items()})


def frozen(x):
    if is_numpy(x) and holds(True):  # torch.compile, under which nothing can be looked at, traces no flags either
        x.setflags(write=False)
    return x


def vector(x, name):
    """Refuses a single number where (*batch, D) is needed."""
    if x.ndim == 0:
        raise ValueError(f"{name} is a single number; give an array (*batch, D), of shape (1,) for one feature")
    return x


# Sums and logarithms -------------------------------------------------------------------------------------------------


def total(x):
    """Sum over the features; NumPy float32 is summed, and left, in double."""
    xp = namespace(x)
    return xp.sum(x, axis=-1, dtype=xp.float64) if is_numpy(x) else xp.sum(x, axis=-1)


def wide(x):
    """NumPy float32 in double, for sums inside products and solves; anything else as it is."""
    return x.astype(np.float64) if is_numpy(x) and x.dtype == np.float32 else x


def settle(x, like):
    """x, computed in double for NumPy float32, back in the dtype of `like`."""
    return x.astype(like.dtype) if x.dtype != like.dtype else x


def scalar(x):
    """A NumPy array of shape () as the number that NumPy's own reductions would give; anything else as it is."""
    return x[()] if is_numpy(x) else x


def cast(x, dtype):
    """x in another dtype; NumPy has `astype` as a function from 2.1 on only."""
    return x.astype(dtype) if is_numpy(x) else namespace(x).astype(x, dtype)


def safe_log(x):
    """log x, -inf at 0, without a warning there and with the gradient 0."""
    xp = namespace(x)
    return xp.where(x > 0, xp.log(xp.where(x > 0, x, 1.0)), -math.inf)


def log_sum_exp(x):
    """log of the sum of exp over the last axis; -inf where all are."""
    xp = namespace(x)
    top = xp.max(x, axis=-1, keepdims=True)
    top = xp.where(xp.isfinite(top), top, 0.0)
    return xp.squeeze(top, axis=-1) + safe_log(total(xp.exp(x - top)))
