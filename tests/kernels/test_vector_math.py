"""`_simd.h` and NumPy over the whole range of both dtypes, in units in the last place, and at every special value."""

import numpy as np
import pytest
from cases import sincos2pi_exact
from test_parity import twins

pytestmark = pytest.mark.skipif(
    np.finfo(np.longdouble).nmant < 63, reason="the yardstick needs a long double longer than double"
)
MODULES = [pytest.param(module, id=level) for level, module in twins("vector_math")]
modules = pytest.mark.parametrize("module", MODULES)
dtypes = pytest.mark.parametrize("dtype", [np.float64, np.float32])
LIMIT = 2  # ulp; _simd.h says what is reached
COUNT = 50_000


def ulps(got, exact):
    """The largest error in units of the last place of the result, subnormal results included."""
    spacing = np.spacing(np.abs(exact).astype(got.dtype)).astype(np.longdouble)
    return np.max(np.abs(got.astype(np.longdouble) - exact) / spacing)


def every_magnitude(rng, dtype):
    """Positive finite numbers uniform in their bits: every exponent, subnormal ones too."""
    unsigned = np.uint64 if dtype is np.float64 else np.uint32
    return rng.integers(1, np.array(np.inf, dtype).view(unsigned), COUNT, dtype=unsigned).view(dtype)


def near_zero(rng):
    return rng.normal(size=COUNT) * 2.0 ** rng.uniform(-70, 0, COUNT)


@modules
@dtypes
def test_exp(module, dtype):
    rng, info = np.random.default_rng(1), np.finfo(dtype)
    low, high = np.log(info.smallest_subnormal.astype(np.longdouble)), np.log(info.max.astype(np.longdouble))
    x = np.concatenate([rng.uniform(float(low), float(high) - 1e-5, 2 * COUNT), near_zero(rng)]).astype(dtype)
    assert ulps(module.exp(x), np.exp(x.astype(np.longdouble))) <= LIMIT


@modules
@dtypes
def test_exp_nonpositive(module, dtype):
    """exp down to its threshold, exactly 0 from there on."""
    rng, least = np.random.default_rng(5), -708 if dtype is np.float64 else -87
    x = np.concatenate([[least], rng.uniform(least, 0, 2 * COUNT), -np.abs(near_zero(rng))]).astype(dtype)
    assert ulps(module.exp_nonpositive(x), np.exp(x.astype(np.longdouble))) <= LIMIT
    below = np.concatenate([[-np.inf, -np.finfo(dtype).max], least - np.geomspace(1e-3, 1e6, COUNT)]).astype(dtype)
    assert not module.exp_nonpositive(below).any()


@modules
@dtypes
def test_log(module, dtype):
    rng = np.random.default_rng(2)
    x = np.concatenate([every_magnitude(rng, dtype), (1 + near_zero(rng) / 4).astype(dtype)])
    x = x[x > 0]
    assert ulps(module.log(x), np.log(x.astype(np.longdouble))) <= LIMIT


@modules
@dtypes
def test_log1p(module, dtype):
    rng = np.random.default_rng(3)
    x = every_magnitude(rng, dtype)
    x = np.concatenate([x, -x[x < 1], np.expm1(rng.uniform(-15, 1, COUNT)).astype(dtype), near_zero(rng).astype(dtype)])
    x = x[x > -1]
    assert ulps(module.log1p(x), np.log1p(x.astype(np.longdouble))) <= LIMIT


@modules
@dtypes
def test_sincos2pi(module, dtype):
    rng = np.random.default_rng(4)
    near = 2.0 ** rng.uniform(-60, -3, COUNT)
    u = np.concatenate([rng.uniform(size=COUNT), *[(k / 4 + sign * near) for k in range(5) for sign in (-1, 1)]])
    u = u[(u >= 0) & (u <= 1)].astype(dtype)
    for got, exact in zip(module.sincos2pi(u), sincos2pi_exact(u.astype(np.longdouble)), strict=True):
        assert ulps(got, exact) <= LIMIT


SPECIAL = {
    "exp": {-np.inf: 0, np.inf: np.inf, np.nan: np.nan, 0.0: 1, -1e30: 0, 1e30: np.inf},
    "exp_nonpositive": {-np.inf: 0, np.nan: np.nan, 0.0: 1, -1e30: 0},
    "log": {-np.inf: np.nan, np.inf: np.inf, np.nan: np.nan, 0.0: -np.inf, 1: 0, -1: np.nan, -1e30: np.nan},
    "log1p": {-np.inf: np.nan, np.inf: np.inf, np.nan: np.nan, -1: -np.inf, -2: np.nan, 0.0: 0.0, -1e30: np.nan},
}


@modules
@dtypes
@pytest.mark.parametrize("name", SPECIAL)
def test_special_values(module, dtype, name):
    """In every lane and in the tail of a vector loop."""
    for x, exact in SPECIAL[name].items():
        np.testing.assert_array_equal(getattr(module, name)(np.full(37, x, dtype)), np.full(37, exact, dtype))


@modules
@dtypes
def test_edges(module, dtype):
    info = np.finfo(dtype)
    tiny = np.array([info.smallest_subnormal, -info.smallest_subnormal, info.tiny, -0.0], dtype)
    np.testing.assert_array_equal(module.log1p(tiny), tiny)
    assert np.signbit(module.log1p(tiny)[3]) and np.signbit(module.log(np.array([-0.0], dtype)))[0]
    overflow = np.nextafter(np.log(info.max.astype(np.longdouble)).astype(dtype), dtype(0))
    above = np.nextafter(np.nextafter(overflow, dtype(np.inf)), dtype(np.inf))
    assert np.isfinite(module.exp(np.array([overflow], dtype)))[0] and np.isinf(module.exp(np.array([above], dtype)))[0]
    smallest = module.exp(np.log(np.array([info.smallest_subnormal], np.longdouble)).astype(dtype))
    assert smallest[0] == info.smallest_subnormal
    np.testing.assert_array_equal(
        module.sincos2pi(np.array([0, 0.25, 0.5, 0.75, 1], dtype)), [[0, 1, 0, -1, 0], [1, 0, -1, 0, 1]]
    )
