"""The log density of a uniform mixture of diagonal normals: the aggregate posterior q(z) = (1/N) sum_n q(z | x_n).

The contract. ``log_density(z, loc, scale)``: z (M, D), loc and scale (N, D), N >= 1, scale > 0 a standard deviation, to

    log q(z_m) = log sum_n exp( - 1/2 sum_d ((z_md - loc_nd) / scale_nd)^2 - sum_d log scale_nd )
                 - log N - (D/2) log(2 pi)                                                              (M,), nats,

no constant dropped. Any finite z has a finite density as long as the squares do not overflow; z far out gets the
logarithm of its nearest component, not -inf. A nan in z_m gives nan at m only.

The squares are of the differences themselves. Expanding them into |z|^2 - 2 z.loc + |loc|^2, which would make a matrix
product of the work, subtracts numbers of size |loc / scale|^2 to leave one of size D: components 10^4 scales away from
the origin would lose eight of sixteen digits. Nothing of size M x N x D is made, nor of size M x N: rows go in blocks.

Where a multiply-add is one instruction, the kernels take x = (z - loc) / scale as z' / scale - loc' / scale, both less
the mean of 64 neighbouring components, if all loc' of these are within 75 scales, else as written. The roundings of z',
of loc' and of its quotient, u = 2^-53 (float: 2^-24) of each, are roundings of the inputs about that mean. They add at
most 3 u sum_d |x_d| (|loc'_d| / scale_d + |x_d|) to the density's error, x being that of the components that make it.

Source: Hoffman and Johnson, "ELBO surgery", NIPS workshop 2016, for the aggregate posterior.
"""

import math

from varinf._kernels._namespace import namespace
from varinf._kernels._precision import float64_inside

_ELEMENTS = 2**18  # of a block of rows x N x D, which the cache holds; a single row takes no more than loc itself


@float64_inside
def log_density(z, loc, scale):
    xp = namespace(z)
    (m, _), (n, d) = z.shape, loc.shape
    constant = math.log(n) + d / 2 * math.log(2 * math.pi)
    log_volume = xp.sum(xp.log(scale), axis=-1)
    rows = max(1, _ELEMENTS // max(1, n * d))
    parts = []
    for start in range(0, max(1, m), rows):  # no rows: one block, empty
        distance = (z[start : min(start + rows, m), None, :] - loc) / scale
        parts.append(_log_sum_exp(-0.5 * xp.sum(distance * distance, axis=-1) - log_volume, xp) - constant)
    return xp.concat(parts)


def _log_sum_exp(x, xp):
    """Over the last axis; all -inf gives -inf, and no nan in the gradient."""
    top = xp.max(x, axis=-1, keepdims=True)
    top = xp.where(xp.isinf(top), xp.zeros_like(top), top)
    total = xp.sum(xp.exp(x - top), axis=-1)
    none = total == 0
    log_total = xp.where(none, -math.inf, xp.log(xp.where(none, xp.ones_like(total), total)))
    return top[:, 0] + log_total
