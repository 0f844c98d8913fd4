"""Axes, dtypes, namespaces and random numbers: every check of an input array, with its error text.

Shapes are checked always; values wherever they can be looked at, which is not under torch.compile, jax.jit or vmap.
"""

import math
import sys
from functools import cache
from types import SimpleNamespace

import array_api_compat
import numpy as np

from varinf._kernels import kernel
from varinf._kernels._namespace import NUMPY as _NUMPY
from varinf._kernels._namespace import is_torch as _is_torch
from varinf._kernels._namespace import namespace
from varinf._pool import run_all, shares

_REFUSED = "varinf computes in float32 and float64: convert it to one of them"


def is_numpy(x):
    return type(x) is np.ndarray


def as_array(x, name):
    """`x` as an array of float32 or float64 of its own library; lists, numbers and integers become NumPy float64.

    Raises TypeError, naming the argument, for float16, longdouble, complex, and what is not numeric.
    """
    if type(x) is np.ndarray and x.dtype.char in "fd" and x.dtype.isnative:
        return x
    if _is_foreign(x):
        return _as_float_elsewhere(x, name)
    if isinstance(x, np.ma.MaskedArray) and np.ma.is_masked(x):
        raise ValueError(
            f"{name} is a masked array with {np.ma.count_masked(x)} values masked: drop or fill them "
            "(a draw of probability zero has log weight -inf)"
        )
    try:
        x = np.asarray(x)  # subclasses are set aside: their arithmetic is not ours
    except ValueError as error:
        raise ValueError(f"{name} is not a rectangular array: {error}") from error
    if x.dtype.kind in "iub":
        return x.astype(np.float64)
    if x.dtype.kind == "f" and x.dtype.itemsize in (4, 8):
        return x.astype(x.dtype.newbyteorder("="))
    if x.dtype.kind not in "fc":
        raise TypeError(f"{name} has dtype {x.dtype}, which holds no numbers; give an array of real numbers")
    raise TypeError(f"{name} has dtype {x.dtype}; {_REFUSED}")


def _as_float_elsewhere(x, name):
    xp = namespace(x)
    if x.dtype == xp.float64 or x.dtype == xp.float32:
        return x
    if xp.isdtype(x.dtype, ("integral", "bool")):
        return xp.astype(x, xp.__array_namespace_info__().default_dtypes()["real floating"])
    raise TypeError(f"{name} has dtype {x.dtype}; {_REFUSED}")


def as_arrays(**named):
    """The arrays, converted by `as_array`, in one namespace and one dtype (the widest among them).

    A Python number or list beside arrays of torch or JAX follows them. Shapes are left alone.
    """
    leader = next((x for x in named.values() if _is_foreign(x)), None)
    if leader is not None:
        xp = namespace(leader)
        device = leader.device if _is_torch(leader) else array_api_compat.device(leader)  # torch.compile traces this
        named = {
            name: x
            if _is_foreign(x)
            else xp.asarray(np.asarray(x, dtype=np.float64), dtype=leader.dtype, device=device)
            for name, x in named.items()
        }
    arrays = [as_array(x, name) for name, x in named.items()]
    xp = namespace(arrays[0])
    for name, x in zip(named, arrays, strict=True):
        if namespace(x) is not xp:
            raise TypeError(f"{name} is an array of {namespace(x).__name__}, but {next(iter(named))} of {xp.__name__}")
    if any(x.dtype != arrays[0].dtype for x in arrays):
        arrays = [xp.astype(x, xp.float64, copy=False) for x in arrays]
    return arrays


def _is_foreign(x):
    """An array of another library than NumPy."""
    return _is_torch(x) or (not isinstance(x, _NUMPY) and array_api_compat.is_array_api_obj(x))


def holds(flag):
    """bool(flag) where it can be looked at; False under torch.compile, torch.func.vmap, jax.jit and jax.vmap."""
    torch = sys.modules.get("torch")
    if torch is not None and torch.compiler.is_compiling():
        return False
    try:
        return bool(flag)
    except (TypeError, RuntimeError):
        return False


def to_numpy(x):
    """A NumPy copy or view of any array, detached from its graph; None where its values cannot be looked at."""
    if isinstance(x, (*_NUMPY, float, int)):
        return np.asarray(x)
    if _is_torch(x):
        torch = sys.modules["torch"]
        return None if torch.compiler.is_compiling() else x.detach().cpu().numpy()
    try:
        return np.asarray(x)
    except (TypeError, RuntimeError, ValueError):
        return None


# Shapes --------------------------------------------------------------------------------------------------------------


def normal_axis(axis, ndim, name):
    """`axis` counted from the front; IndexError's job done with the argument's name."""
    if type(axis) is int and 0 <= axis < ndim:
        return axis
    if isinstance(axis, bool) or not isinstance(axis, int | np.integer):
        raise TypeError(f"axis={axis!r}: use an integer, the axis of {name} that holds the draws")
    if not -ndim <= axis < ndim:
        raise ValueError(f"axis={axis}: {name} has {ndim} dimension{'s' * (ndim != 1)}")
    return int(axis) % ndim


def draws_first(x, axis, name="log_weights"):
    """(log weights as an array, the axis of the draws): at least one dimension, at least one draw."""
    x = as_array(x, name)
    ndim = x.ndim
    if ndim == 0:
        raise ValueError(f"{name} is a single number; give an array whose axis 0 holds the draws")
    axis = normal_axis(axis, ndim, name)
    if x.shape[axis] == 0:
        raise ValueError(f"{name} has shape {tuple(x.shape)}: no draws on axis {axis}; at least one is needed")
    return x, axis


def same_shape(**named):
    """Refuses arrays of different shapes, naming both: nothing broadcasts by accident."""
    (first, a), *rest = named.items()
    for name, b in rest:
        if tuple(a.shape) != tuple(b.shape):
            raise ValueError(
                f"{first} has shape {tuple(a.shape)} but {name} has shape {tuple(b.shape)}; they must agree"
            )


def positive_integer(value, name):
    if isinstance(value, bool) or not isinstance(value, (int, np.integer)):  # a tuple: torch.compile traces it
        raise TypeError(f"{name}={value!r}: use a positive integer")
    if value < 1:
        raise ValueError(f"{name}={value}: use a positive integer")
    return int(value)


def finite_number(value, name):
    if isinstance(value, bool) or not isinstance(value, (int, float, np.integer, np.floating)):
        raise TypeError(f"{name}={value!r}: use a number")
    if not math.isfinite(value):
        raise ValueError(f"{name}={value}: use a finite number")
    return float(value)


# Values --------------------------------------------------------------------------------------------------------------


def refuse_where(bad, x, name, what, advice):
    """ValueError when `bad` (a boolean array shaped like x) holds anywhere: how many, and where the first one is."""
    xp = namespace(bad)
    if not holds(xp.any(bad)):
        return
    bad = np.asarray(to_numpy(bad))
    first = tuple(int(i) for i in np.unravel_index(int(np.argmax(bad)), bad.shape))
    place = f" at index {first[0] if len(first) == 1 else first}" if first else ""
    value = np.asarray(to_numpy(x))[first]
    count = int(np.count_nonzero(bad))
    raise ValueError(f"{name} has {count:,} {what} of {bad.size:,}, the first{place} ({value}); {advice}")


def _all_inside(x, low):
    """Whether low < x < inf everywhere; False where this cannot be seen at a glance."""
    return is_numpy(x) and kernel("value_range", x).all_inside(x, low)


def check_finite(x, name):
    if _all_inside(x, -math.inf):
        return
    xp = namespace(x)
    refuse_where(~xp.isfinite(x), x, name, "values that are nan or infinite", "every value must be finite")


def check_positive(x, name):
    if _all_inside(x, 0.0):
        return
    xp = namespace(x)
    refuse_where(
        ~((x > 0) & xp.isfinite(x)),
        x,
        name,
        "values that are not positive and finite",
        "a scale is a standard deviation",
    )


def check_log_weights(x, name, summary, posterior=False):
    """Refuses nan, and +inf for draws from q.

    `summary`, any reduction of x by sums, is nan or +inf where x is, and much smaller.

    -inf is data: a draw of probability zero. For posterior draws +inf is data too: q misses them.
    """
    xp = namespace(x)
    if not holds(xp.any(~(summary < xp.inf))):  # true for nan too
        return
    bad = xp.isnan(x) if posterior else ~(x < xp.inf)
    what = "nan" if posterior else "values that are nan or +inf"
    refuse_where(
        bad, x, name, what, "log weights are log p(x, z) - log q(z | x); look at the model's log density there"
    )


def check_posterior_draws(x, name):
    """Refuses -inf at posterior draws: p(x, z) > 0 wherever the posterior draws."""
    advice = "p(x, z) is 0 there, so that these are no draws from the posterior"
    refuse_where(x == -math.inf, x, name, "values of -inf", advice)


# Random numbers ------------------------------------------------------------------------------------------------------


def generator(rng):
    """A numpy Generator from None, an int, a SeedSequence or a Generator (SPEC 7)."""
    try:
        return np.random.default_rng(rng)
    except (TypeError, ValueError) as error:
        raise type(error)(f"rng={rng!r}: use None, a non-negative int, a SeedSequence or a numpy Generator") from error


def standard_normal(shape, rng, dtype=np.float64):
    """Independent N(0, 1) values of `shape`: the stream of the key that `rng` draws next.

    The stream is a function of the key alone, so that any number of workers sees the same values.
    """
    out = np.empty(shape, dtype)
    fill_normal(out, rng)
    return out


def fill_normal(out, rng, loc=None, scale=None):
    """Those values into `out`, in C order; or loc + scale times them, where both have the shape of its last axes."""
    key = generator(rng).integers(0, 2**64, size=2, dtype=np.uint64)
    flat, normals = out.reshape(-1), kernel("random_normal", out).normals
    if loc is not None:
        loc, scale = loc.reshape(-1), scale.reshape(-1)

    def fill(part):
        share = flat[part]
        normals(int(key[0]), int(key[1]), part.start, len(share), out.dtype.char, loc, scale, share)

    parts = shares(len(flat), cost=1)
    if len(parts) == 1:  # past the pool, which takes longer than a few draws
        fill(parts[0])
    else:
        run_all(fill, parts, len(parts))


# What the array API lacks --------------------------------------------------------------------------------------------


@cache
def _special_of(library):
    """Special functions by library name; and where it has one, a triangular solve that differentiates."""
    if library == "torch":
        import torch

        return SimpleNamespace(
            gammaln=torch.special.gammaln,
            digamma=torch.special.digamma,
            solve_lower=lambda a, b: torch.linalg.solve_triangular(a, b, upper=False),
        )
    if library == "jax":
        import jax.scipy as jsp

        return SimpleNamespace(
            gammaln=jsp.special.gammaln,
            digamma=jsp.special.digamma,
            solve_lower=lambda a, b: jsp.linalg.solve_triangular(a, b, lower=True),
        )
    if library != "numpy":
        raise TypeError(f"special functions need NumPy, torch or JAX arrays, not those of {library}")
    import scipy.special as sp

    return SimpleNamespace(gammaln=sp.gammaln, digamma=sp.digamma)


def special(x):
    """The table for arrays like `x`: .gammaln .digamma, and for torch and JAX .solve_lower(a, b)."""
    library = namespace(x).__name__
    # "jax.numpy" holds both words: JAX is asked for first.
    return _special_of(next((known for known in ("torch", "jax", "numpy") if known in library), library))
