"""The loops that a numba user would write, for `_formulas.numba` to compile; Python runs them too, slowly."""

import math

import numpy as np


def kl_to_standard(loc, scale):
    out = np.empty(loc.shape[0], loc.dtype)
    for n in range(loc.shape[0]):
        total = 0.0
        for d in range(loc.shape[1]):
            total += (loc[n, d] * loc[n, d] + scale[n, d] * scale[n, d] - 1) / 2 - math.log(scale[n, d])
        out[n] = total
    return out


def kl_of_log_variances(loc, log_variance):
    out = np.empty(loc.shape[0], loc.dtype)
    for n in range(loc.shape[0]):
        total = 0.0
        for d in range(loc.shape[1]):
            total += loc[n, d] * loc[n, d] + math.exp(log_variance[n, d]) - 1 - log_variance[n, d]
        out[n] = total / 2
    return out


def kl_of_pairs(loc, scale, loc_p, scale_p):
    out = np.empty(loc.shape[0], loc.dtype)
    for n in range(loc.shape[0]):
        total = 0.0
        for d in range(loc.shape[1]):
            u = (loc[n, d] - loc_p[n, d]) / scale_p[n, d]
            r = scale[n, d] / scale_p[n, d]
            total += (u * u + r * r - 1) / 2 - math.log(r)
        out[n] = total
    return out


def log_mean_exp(x):
    """Over the last axis of two."""
    out = np.empty(x.shape[0], x.dtype)
    for n in range(x.shape[0]):
        top = x[n, 0]
        for k in range(x.shape[1]):
            top = max(top, x[n, k])
        total = 0.0
        for k in range(x.shape[1]):
            total += math.exp(x[n, k] - top)
        out[n] = top + math.log(total / x.shape[1])
    return out


def bounds_and_weights(x):
    """ELBO, IWELBO, effective sample size and normalised weights over the last axis of two."""
    elbo, iwelbo, size = (np.empty(x.shape[0], x.dtype), np.empty(x.shape[0], x.dtype), np.empty(x.shape[0], x.dtype))
    weights = np.empty_like(x)
    for n in range(x.shape[0]):
        top, mean = x[n, 0], 0.0
        for k in range(x.shape[1]):
            top = max(top, x[n, k])
            mean += x[n, k]
        total, squares = 0.0, 0.0
        for k in range(x.shape[1]):
            weights[n, k] = math.exp(x[n, k] - top)
            total += weights[n, k]
            squares += weights[n, k] * weights[n, k]
        for k in range(x.shape[1]):
            weights[n, k] /= total
        elbo[n], iwelbo[n], size[n] = mean / x.shape[1], top + math.log(total / x.shape[1]), total * total / squares
    return elbo, iwelbo, size, weights
