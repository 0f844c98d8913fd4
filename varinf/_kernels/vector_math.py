"""Elementary functions over an array, as the compiled kernels compute them.

The contract, x of one axis, outputs of its dtype:

- ``exp(x)``, ``log(x)``, ``log1p(x)``: within 2 ulp over the whole range; log 0 = -inf, the log of less is nan, and
  infinities, nan, subnormals and the sign of zero are treated as IEEE 754 has it;
- ``exp_nonpositive(x)``: exp for x <= 0, faster, and 0 below -708 (float32: -87), where results near the subnormal
  numbers begin, whose arithmetic is ten times slower; a nan stays;
- ``sincos2pi(u)``: (sin 2 pi u, cos 2 pi u) for u in [0, 1], within 2 ulp of the true value, zeros and ones exact.

The compiled twin exists so that tests and the benchmark can see `_simd.h`; the kernels themselves inline it.
"""

import math

from varinf._kernels._namespace import namespace
from varinf._kernels._precision import float64_inside


@float64_inside
def exp(x):
    return namespace(x).exp(x)


def exp_nonpositive(x):
    xp = namespace(x)
    return xp.where(x < (-87 if x.dtype == xp.float32 else -708), xp.zeros_like(x), exp(x))


@float64_inside
def log(x):
    return namespace(x).log(x)


@float64_inside
def log1p(x):
    return namespace(x).log1p(x)


@float64_inside
def sincos2pi(u):
    """The angle is reduced to the nearest quarter turn before 2 pi comes in: u - q/4 is exact, 2 pi u is not."""
    xp = namespace(u)
    quarter = xp.round(4 * u)
    angle = (2 * math.pi) * (u - quarter / 4)
    s, c = xp.sin(angle), xp.cos(angle)
    odd = (quarter == 1) | (quarter == 3)
    sine, cosine = xp.where(odd, c, s), xp.where(odd, s, c)
    sine = xp.where((quarter == 2) | (quarter == 3), -sine, sine)
    return sine, xp.where((quarter == 1) | (quarter == 2), -cosine, cosine)
