"""What is timed: public calls of varinf, and the same as users of other packages write it.

A case has inputs by shape and dtype, the public call, the kernel function behind it where one alone carries it, a
formula for the array libraries (see `_libraries`), and functions of packages that have one of their own.
"""

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

import varinf as vi


@dataclass(frozen=True)
class Case:
    """One thing to compute. `shapes` go from small to large; `varinf bench` takes the one at `quick`.

    `make(rng, dtype, *shape)` gives the arrays, `public(*arrays)` what is timed: a call that returns an array or a
    tuple of arrays. The same is what `formula(lib, *arrays)` returns, and the calls that the `others`, {package:
    builder}, build of the arrays, unless `alike` is false. What makes a package's arrays of NumPy's is not timed; where
    varinf's families check and copy them, `anew` is the call with this in it.
    """

    name: str
    shapes: tuple
    quick: int
    make: Callable
    public: Callable
    formula: Callable | None = None
    others: dict = field(default_factory=dict)
    kernel: tuple | None = None  # (name of the kernel, call(module, *arrays))
    anew: Callable | None = None
    alike: bool = True
    dtypes: tuple = ("float64", "float32")


def _numba(name):
    """A builder for a function of `_numba_loops`."""

    def build(*arrays):
        from varinf.cli import _numba_loops

        function = getattr(_numba_loops, name)
        return lambda: function(*arrays)

    return build


# Gaussian KL ---------------------------------------------------------------------------------------------------------


def _diagonals(count, logarithms=False):
    def make(rng, dtype, rows, features):
        arrays = []
        for _ in range(count):
            scale = rng.gamma(2, 0.5, size=(rows, features)) + 0.05
            arrays += [rng.normal(size=(rows, features)), 2 * np.log(scale) if logarithms else scale]
        return tuple(x.astype(dtype) for x in arrays)

    return make


def _scales(loc, scale):
    return vi.DiagonalNormal(loc, scale), vi.DiagonalNormal.standard(loc.shape[1])


def _log_variances(loc, log_variance):
    return vi.DiagonalNormal.from_log_variance(loc, log_variance), vi.DiagonalNormal.standard(loc.shape[1])


def _pairs(loc, scale, loc_p, scale_p):
    return vi.DiagonalNormal(loc, scale), vi.DiagonalNormal(loc_p, scale_p)


def _prepared(families):
    """A builder for KL between families made of the arrays beforehand."""

    def build(*arrays):
        q, p = families(*arrays)
        return lambda: vi.kl(q, p)

    return build


def _kl_of_log_variances(lib, loc, log_variance):
    return ((loc * loc + lib.exp(log_variance) - 1 - log_variance) / 2).sum(-1)


def _kl_to_standard(lib, loc, scale):
    return ((loc * loc + scale * scale - 1) / 2 - lib.log(scale)).sum(-1)


def _kl_of_pairs(lib, loc, scale, loc_p, scale_p):
    u, r = (loc - loc_p) / scale_p, scale / scale_p
    return ((u * u + r * r - 1) / 2 - lib.log(r)).sum(-1)


def _covariances(rng, dtype, rows, features):
    arrays = []
    for _ in range(2):
        root = rng.normal(size=(rows, features, features + 2)) / features**0.5
        arrays += [rng.normal(size=(rows, features)), root @ np.swapaxes(root, 1, 2) + 0.1 * np.eye(features)]
    return tuple(x.astype(dtype) for x in arrays)


def _kl_of_covariances(lib, loc, cov, loc_p, cov_p):
    tril, tril_p = lib.cholesky(cov), lib.cholesky(cov_p)
    white = lib.solve_lower(tril_p, lib.concatenate([tril, (loc - loc_p)[..., None]], -1))
    logs = lib.log(lib.diagonal(tril_p)) - lib.log(lib.diagonal(tril))
    return ((white * white).sum((-2, -1)) - loc.shape[-1]) / 2 + logs.sum(-1)


# Log weights ---------------------------------------------------------------------------------------------------------


def _log_weights(rng, dtype, *shape):
    return (rng.normal(-30, 2, size=shape).astype(dtype),)


def _log_mean_exp(axis):
    return lambda lib, x: lib.log_sum_exp(x, axis) - float(np.log(x.shape[axis]))


def _scipy_log_mean_exp(axis):
    def build(x):
        from scipy.special import logsumexp

        return lambda: logsumexp(x, axis=axis) - np.log(x.shape[axis])

    return build


def _bounds_and_weights(lib, x):
    """ELBO, IWELBO, effective sample size and normalised weights; draws on the last axis."""
    total = lib.log_sum_exp(x, -1)
    weights = lib.exp(x - total[..., None])
    return x.mean(-1), total - float(np.log(x.shape[-1])), 1 / (weights * weights).sum(-1), weights


def _our_bounds_and_weights(x):
    def call():
        return (
            vi.elbo(x, axis=-1).value,
            vi.iwelbo(x, axis=-1).value,
            vi.effective_sample_size(x, axis=-1),
            vi.importance_weights(x, axis=-1),
        )

    return call


# Monte Carlo ELBO ----------------------------------------------------------------------------------------------------


def _bernoulli(rng, dtype, draws, rows, features):
    x = (rng.random((rows, features)) < 0.5).astype(dtype)
    loc, log_scale = (0.3 * rng.normal(size=(2, rows, features))).astype(dtype)
    return x, loc, log_scale, rng.standard_normal((draws, rows, features), dtype=dtype)


def _elbo_and_gradient(lib, x, loc, log_scale, noise):
    """Values (N,) and slopes of their sum in loc and log scale, derived by hand: what autograd would do is slower."""
    scale = lib.exp(log_scale)
    z = loc + scale * noise
    slope = x - lib.sigmoid(z)
    kl = ((loc * loc + scale * scale - 1) / 2 - log_scale).sum(-1)
    value = (x * z - lib.softplus(z)).sum(-1).mean(0) - kl
    return value, slope.mean(0) - loc, (slope * noise).mean(0) * scale - (scale * scale - 1)


def _elbo_own_draws(lib, x, loc, log_scale, noise):
    return _elbo_and_gradient(lib, x, loc, log_scale, lib.normal(noise.shape, noise))


def _given(module, x, loc, log_scale, noise):
    reconstruction, _, kl, d_loc, d_log_scale = module.elbo(x, loc, log_scale, noise, "bernoulli", 1.0)
    return reconstruction - kl, d_loc, d_log_scale


def _own(module, x, loc, log_scale, noise):
    return module.elbo_own_draws(x, loc, log_scale, len(noise), 1, 2, "bernoulli", 1.0)[3]


def _of_kernel(name, call):
    """A kernel that no public function shows bare: its entry stands for the public call."""
    from varinf._kernels import kernel

    return lambda *arrays: lambda: call(kernel(name, arrays[0]), *arrays)


# Normals, tails, mixtures --------------------------------------------------------------------------------------------


def _count(rng, dtype, count):
    return (np.empty(count, dtype),)


def _sample(out):
    q = vi.DiagonalNormal(np.zeros(1, out.dtype), np.ones(1, out.dtype))
    return lambda: q.sample(out.size, rng=0)


def _tail(rng, dtype, draws):
    return (0.5 * rng.exponential(size=draws).astype(dtype),)  # tail index 1/2


def _arviz(x):
    import arviz

    return lambda: float(arviz.psislw(x)[1])


def _arviz_stats(x):
    from arviz_stats.base import array_stats

    minus = -x  # it takes log likelihoods, whose weights are their reciprocals
    return lambda: float(array_stats.psislw(minus)[1])


def _codes(rng, dtype, count, features):
    z, loc = rng.normal(size=(2, count, features))
    return z.astype(dtype), loc.astype(dtype), (0.3 + rng.gamma(4, 0.1, size=(count, features))).astype(dtype)


def _aggregate(lib, z, loc, scale):
    """In blocks of 1,000 rows: squares by matrix products, then log-sum-exp."""
    precision = 1 / (scale * scale)
    shifted = loc * precision
    constant = (loc * shifted).sum(-1) + 2 * lib.log(scale).sum(-1) + z.shape[1] * float(np.log(2 * np.pi))
    blocks = []
    for start in range(0, z.shape[0], 1000):
        part = z[start : start + 1000]
        squares = (part * part) @ precision.T - 2 * (part @ shifted.T) + constant
        blocks.append(lib.log_sum_exp(-squares / 2, -1))
    return lib.concatenate(blocks, 0) - float(np.log(loc.shape[0]))


def _our_aggregate(z, loc, scale):
    q = vi.Mixture(None, vi.DiagonalNormal(loc, scale))
    return lambda: q.log_prob(z)


CASES = (
    Case(
        "KL to standard, by scale",
        ((1, 10), (10_000, 50), (1_000_000, 64)),
        1,
        _diagonals(1),
        _prepared(_scales),
        _kl_to_standard,
        anew=lambda *arrays: lambda: vi.kl(*_scales(*arrays)),
        others={"numba": _numba("kl_to_standard")},
        kernel=("gaussian_kl", lambda module, loc, scale: module.diagonal_standard(loc, scale, 0)),
    ),
    Case(
        "KL to standard, by log variance",
        ((1, 10), (10_000, 50), (1_000_000, 64)),
        1,
        _diagonals(1, logarithms=True),
        _prepared(_log_variances),
        _kl_of_log_variances,
        anew=lambda *arrays: lambda: vi.kl(*_log_variances(*arrays)),
        others={"numba": _numba("kl_of_log_variances")},
        kernel=("gaussian_kl", lambda module, m, v: module.diagonal_standard(m, v, 2)),
    ),
    Case(
        "KL of diagonal pairs",
        ((1, 10), (10_000, 50), (1_000_000, 64)),
        1,
        _diagonals(2),
        _prepared(_pairs),
        _kl_of_pairs,
        anew=lambda *arrays: lambda: vi.kl(*_pairs(*arrays)),
        others={"numba": _numba("kl_of_pairs")},
        kernel=("gaussian_kl", lambda module, *arrays: module.diagonal_diagonal(*arrays, 0)),
    ),
    Case(
        "KL of full covariances",
        ((10_000, 2), (10_000, 8), (10_000, 32)),
        1,
        _covariances,
        lambda m, c, mp, cp: lambda: vi.kl(vi.FullNormal(m, covariance=c), vi.FullNormal(mp, covariance=cp)),
        _kl_of_covariances,
        kernel=("gaussian_kl", lambda module, *arrays: module.full_full_from_covariances(*arrays)[0]),
    ),
    *(
        Case(
            f"log-mean-exp, {where}",
            ((1, 64), (10_000, 64), (10_000, 5_000)) if axis else ((64, 1), (64, 10_000), (5_000, 10_000)),
            1,
            _log_weights,
            lambda x, axis=axis: lambda: vi.iwelbo(x, axis=axis).value,
            _log_mean_exp(axis),
            others={"scipy": _scipy_log_mean_exp(axis)} | ({"numba": _numba("log_mean_exp")} if axis else {}),
        )
        for axis, where in ((-1, "last axis"), (0, "first axis"))
    ),
    Case(
        "ELBO, IWELBO, ESS and weights",
        ((1, 64), (10_000, 64), (10_000, 5_000)),
        1,
        _log_weights,
        _our_bounds_and_weights,
        _bounds_and_weights,
        others={"numba": _numba("bounds_and_weights")},
    ),
    Case(
        "MC ELBO and gradient, draws given",
        ((8, 1_000, 50), (8, 10_000, 50), (64, 1_000, 784)),
        0,
        _bernoulli,
        _of_kernel("monte_carlo_elbo", _given),
        _elbo_and_gradient,
        kernel=("monte_carlo_elbo", _given),
    ),
    Case(
        "MC ELBO and gradient, own draws",
        ((8, 1_000, 50), (8, 10_000, 50), (64, 1_000, 784)),
        0,
        _bernoulli,
        _of_kernel("monte_carlo_elbo", _own),
        _elbo_own_draws,
        kernel=("monte_carlo_elbo", _own),
        alike=False,
    ),
    Case(
        "normals",
        ((1_000,), (1_000_000,), (10_000_000,)),
        1,
        _count,
        _sample,
        lambda lib, out: lib.normal((out.shape[0],), out),
        kernel=("random_normal", lambda module, out: module.normals(1, 2, 0, out.size, out.dtype.char)),
        alike=False,
    ),
    Case(
        "tail index",
        ((10_000,), (100_000,), (1_000_000,)),
        1,
        _tail,
        lambda x: lambda: vi.psis(x).k_hat,
        others={"arviz": _arviz, "arviz_stats": _arviz_stats},
        dtypes=("float64",),
    ),
    Case(
        "aggregate posterior",
        ((1_000, 16), (10_000, 16)),
        0,
        _codes,
        _our_aggregate,
        _aggregate,
        kernel=("mixture_density", lambda module, z, loc, scale: module.log_density(z, loc, scale)),
    ),
)
