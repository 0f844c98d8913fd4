"""The inputs of the benchmark's cases, and how varinf's users and those of other packages compute each."""

import warnings

import numpy as np

import varinf as vi
from varinf._kernels import kernel


def numba(name):
    """A builder for a function of `_numba_loops`."""

    def build(*arrays):
        import numba as compiler

        from varinf.cli import _numba_loops

        function = compiler.njit(error_model="numpy")(getattr(_numba_loops, name))  # strict IEEE, as our kernels are
        return lambda: function(*arrays)

    return build


# Gaussian KL ---------------------------------------------------------------------------------------------------------


def diagonals(count, logarithms=False):
    def make(rng, dtype, rows, features):
        arrays = []
        for _ in range(count):
            scale = rng.gamma(2, 0.5, size=(rows, features)) + 0.05
            arrays += [rng.normal(size=(rows, features)), 2 * np.log(scale) if logarithms else scale]
        return tuple(x.astype(dtype) for x in arrays)

    return make


def scales(loc, scale):
    return vi.DiagonalNormal(loc, scale), vi.DiagonalNormal.standard(loc.shape[1])


def log_variances(loc, log_variance):
    return vi.DiagonalNormal.from_log_variance(loc, log_variance), vi.DiagonalNormal.standard(loc.shape[1])


def pairs(loc, scale, loc_p, scale_p):
    return vi.DiagonalNormal(loc, scale), vi.DiagonalNormal(loc_p, scale_p)


def prepared(families):
    """A builder for KL between families made of the arrays beforehand."""

    def build(*arrays):
        q, p = families(*arrays)
        return lambda: vi.kl(q, p)

    return build


def kl_of_log_variances(lib, loc, log_variance):
    return ((loc * loc + lib.exp(log_variance) - 1 - log_variance) / 2).sum(-1)


def kl_to_standard(lib, loc, scale):
    return ((loc * loc + scale * scale - 1) / 2 - lib.log(scale)).sum(-1)


def kl_of_pairs(lib, loc, scale, loc_p, scale_p):
    u, r = (loc - loc_p) / scale_p, scale / scale_p
    return ((u * u + r * r - 1) / 2 - lib.log(r)).sum(-1)


def covariances(rng, dtype, rows, features):
    arrays = []
    for _ in range(2):
        root = rng.normal(size=(rows, features, features + 2)) / features**0.5
        arrays += [rng.normal(size=(rows, features)), root @ np.swapaxes(root, 1, 2) + 0.1 * np.eye(features)]
    return tuple(x.astype(dtype) for x in arrays)


def kl_of_covariances(lib, loc, cov, loc_p, cov_p):
    tril, tril_p = lib.cholesky(cov), lib.cholesky(cov_p)
    white = lib.solve_lower(tril_p, lib.concatenate([tril, (loc - loc_p)[..., None]], -1))
    logs = lib.log(lib.diagonal(tril_p)) - lib.log(lib.diagonal(tril))
    return ((white * white).sum((-2, -1)) - loc.shape[-1]) / 2 + logs.sum(-1)


# Log weights ---------------------------------------------------------------------------------------------------------


def log_weights(rng, dtype, *shape):
    return (rng.normal(-30, 2, size=shape).astype(dtype),)


def log_mean_exp(axis):
    return lambda lib, x: lib.log_sum_exp(x, axis) - float(np.log(x.shape[axis]))


def scipy_log_mean_exp(axis):
    def build(x):
        from scipy.special import logsumexp

        return lambda: logsumexp(x, axis=axis) - np.log(x.shape[axis])

    return build


def bounds_and_weights(lib, x):
    """ELBO, IWELBO, effective sample size and normalised weights; draws on the last axis."""
    total = lib.log_sum_exp(x, -1)
    weights = lib.exp(x - total[..., None])
    return x.mean(-1), total - float(np.log(x.shape[-1])), 1 / (weights * weights).sum(-1), weights


def our_bounds_and_weights(x, out=None):
    """The four through one object, which goes through memory once."""

    def call():
        draws = vi.draws(x, axis=-1)
        weights = vi.importance_weights(draws, out=out)
        return vi.elbo(draws).value, vi.iwelbo(draws).value, vi.effective_sample_size(draws), weights

    return call


def our_bounds_and_weights_into(x):
    return our_bounds_and_weights(x, np.empty_like(x))


def log_mean_of_kernel(axis):
    def call(module, x):
        return module.log_mean(x[:, :, None] if axis else x[None], 1.0).reshape(-1)

    return call


def bounds_and_weights_of_kernel(module, x):
    (log_mean, log_inefficiency, mean, _), weights = module.moments_and_weights(x[:, :, None], 1.0)
    size = x.shape[1] * np.exp(-log_inefficiency)
    return mean[:, 0], log_mean[:, 0], size[:, 0], weights[:, :, 0]


# Monte Carlo ELBO ----------------------------------------------------------------------------------------------------


def bernoulli(rng, dtype, draws, rows, features):
    x = (rng.random((rows, features)) < 0.5).astype(dtype)
    loc, log_scale = (0.3 * rng.normal(size=(2, rows, features))).astype(dtype)
    return x, loc, log_scale, rng.standard_normal((draws, rows, features), dtype=dtype)


def elbo_and_gradient(lib, x, loc, log_scale, noise):
    """Values (N,) and slopes of their sum in loc and log scale, derived by hand: what autograd would do is slower."""
    scale = lib.exp(log_scale)
    z = loc + scale * noise
    slope = x - lib.sigmoid(z)
    kl = ((loc * loc + scale * scale - 1) / 2 - log_scale).sum(-1)
    value = (x * z - lib.softplus(z)).sum(-1).mean(0) - kl
    return value, slope.mean(0) - loc, (slope * noise).mean(0) * scale - (scale * scale - 1)


def elbo_own_draws(lib, x, loc, log_scale, noise):
    return elbo_and_gradient(lib, x, loc, log_scale, lib.normal(noise.shape, noise))


def given(module, x, loc, log_scale, noise):
    reconstruction, _, kl, d_loc, d_log_scale = module.elbo(x, loc, log_scale, noise, "bernoulli", 1.0)
    return reconstruction - kl, d_loc, d_log_scale


def own(module, x, loc, log_scale, noise):
    return module.elbo_own_draws(x, loc, log_scale, len(noise), 1, 2, "bernoulli", 1.0)[3]


def of_kernel(name, call):
    """A kernel that no public function shows bare: its entry stands for the public call."""
    return lambda *arrays: lambda: call(kernel(name, arrays[0]), *arrays)


# Normals, tails, mixtures --------------------------------------------------------------------------------------------


def count(rng, dtype, count):
    return (np.empty(count, dtype),)


def sample(out):
    q = vi.DiagonalNormal(np.zeros(1, out.dtype), np.ones(1, out.dtype))
    return lambda: q.sample(out.size, rng=0)


def sample_into(out):
    q, out = vi.DiagonalNormal(np.zeros(1, out.dtype), np.ones(1, out.dtype)), out[:, None]
    return lambda: q.sample(out.size, rng=0, out=out)


def numpy_normals_into(out):
    rng = np.random.default_rng(0)
    return lambda: rng.standard_normal(out=out, dtype=out.dtype)


def torch_normals_into(out):
    import torch

    return torch.from_numpy(out).normal_


def tail(rng, dtype, draws):
    return (0.5 * rng.exponential(size=draws).astype(dtype),)  # tail index 1/2


def arviz(x):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it warns, on import, of a version to come
        import arviz

    return lambda: float(arviz.psislw(x)[1])


def arviz_stats(x):
    from arviz_stats.base import array_stats

    minus = -x  # it takes log likelihoods, whose weights are their reciprocals
    return lambda: float(array_stats.psislw(minus)[1])


def codes(rng, dtype, count, features):
    z, loc = rng.normal(size=(2, count, features))
    return z.astype(dtype), loc.astype(dtype), (0.3 + rng.gamma(4, 0.1, size=(count, features))).astype(dtype)


def aggregate(lib, z, loc, scale):
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


def our_aggregate(z, loc, scale):
    q = vi.Mixture(None, vi.DiagonalNormal(loc, scale))
    return lambda: q.log_prob(z)
