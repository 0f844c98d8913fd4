"""Edges of the log_weights kernel that the case table does not reach."""

import importlib

import numpy as np
import pytest
from cases import _moments_oracle, _weights_oracle

from varinf import _kernels

MODULES = [importlib.import_module("varinf._kernels.log_weights")] + [
    importlib.import_module(f"varinf._kernels._{level}._log_weights") for level in _kernels.runnable_levels()
]
twins = pytest.mark.parametrize("twin", MODULES, ids=lambda module: module.__name__.split(".")[-2])


@twins
@pytest.mark.parametrize("shape", [(0, 3, 1), (2, 3, 0), (0, 3, 4)])
def test_empty_batches(twin, shape):
    x = np.empty(shape)
    assert twin.log_mean(x, 1.0).shape == (shape[0], shape[2])
    assert twin.moments(x, 1.0).shape == (4, shape[0], shape[2])
    assert twin.weights(x, 1.0).shape == shape
    assert [part.shape for part in twin.moments_and_weights(x, 1.0)] == [(4, shape[0], shape[2]), shape]


@twins
@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_huge_and_tiny(twin, dtype):
    largest = np.finfo(dtype).max / 4
    x = np.array([largest, largest, -largest], dtype)[None, :, None]
    log_mean, log_inefficiency, *_ = (part.item() for part in twin.moments(x, 1.0))
    assert log_mean == twin.log_mean(x, 1.0).item() == largest  # log(2/3) is nothing beside it
    assert log_inefficiency == pytest.approx(np.log(1.5), rel=1e-6)
    tiny = np.full((1, 5, 1), np.finfo(dtype).smallest_subnormal, dtype)
    log_mean, log_inefficiency, mean, m2 = (part.item() for part in twin.moments(tiny, 1.0))
    assert mean == tiny[0, 0, 0]
    assert abs(log_mean) < 1e-15
    assert abs(log_inefficiency) < 1e-15
    assert m2 == 0


@twins
def test_all_zero_weights_give_minus_infinity_and_not_nan(twin):
    x = np.full((1, 70, 3), -np.inf)
    x[0, :, 1] = 0.0
    log_mean, log_inefficiency, mean, m2 = twin.moments(x, 1.0)
    np.testing.assert_array_equal(log_mean, [[-np.inf, 0.0, -np.inf]])
    np.testing.assert_array_equal(twin.log_mean(x, 1.0), log_mean)
    np.testing.assert_array_equal(mean, log_mean)
    np.testing.assert_array_equal(log_inefficiency, [[np.inf, 0.0, np.inf]])
    np.testing.assert_array_equal(m2, [[np.nan, 0.0, np.nan]])
    np.testing.assert_array_equal(twin.weights(x, 1.0)[0, :, 0], np.zeros(70))


@twins
@pytest.mark.parametrize("inner", [1, 4])
def test_nan_and_infinity_show_in_the_mean(twin, inner):
    """The contract by which values are checked without a pass of their own."""
    for bad in (np.nan, np.inf):
        x = np.zeros((2, 600, inner))
        x[1, 577, -1] = bad
        mean = twin.moments(x, 1.0)[2]
        assert np.count_nonzero(~(mean < np.inf)) == 1
        assert not mean[1, -1] < np.inf
        log_mean = twin.log_mean(x, 1.0)
        assert log_mean[0].any() == 0 and not log_mean[1, -1] < np.inf
        assert np.isnan(bad) == np.isnan(log_mean[1, -1])


@twins
def test_maximum_that_comes_late(twin):
    """Every block lifts the running maximum, so that each rescaling counts."""
    x = np.linspace(-2000, 700, 5000)[None, :, None]
    expected = np.logaddexp.reduce(x.ravel()) - np.log(5000)
    assert twin.moments(x, 1.0)[0].item() == pytest.approx(expected, rel=1e-14)
    columns = np.repeat(x, 3, axis=2)
    np.testing.assert_allclose(twin.moments(columns, 1.0)[0], expected, rtol=1e-14)


@twins
def test_weights_are_the_gradient_of_the_log_mean(twin):
    rng = np.random.default_rng(4)
    x, power, h = rng.normal(size=(1, 6, 1)), 0.5, 1e-6
    for i in range(6):
        step = np.zeros_like(x)
        step[0, i, 0] = h
        slope = (twin.log_mean(x + step, power) - twin.log_mean(x - step, power)) / (2 * h)
        assert slope.item() == pytest.approx(power * twin.weights(x, power)[0, i, 0], rel=1e-8)


@twins
def test_any_split_merges_to_the_whole(twin):
    x = np.random.default_rng(5).normal(-50, 4, size=(1, 1000, 7))
    x[0, 3, 2] = -np.inf
    whole = twin.moments(x, 1.0)
    for cut in (1, 2, 499, 999):
        merged = twin.merge(cut, twin.moments(x[:, :cut], 1.0), 1000 - cut, twin.moments(x[:, cut:], 1.0))
        np.testing.assert_allclose(whole, merged, rtol=1e-12, atol=1e-12)


def test_an_exact_posterior_shows_no_error():
    """Equal log weights far from 0: a difference of two large logarithms would show an error of about 1e-6."""
    x = np.full((1, 1000, 1), -7.123456789e5)
    for twin in MODULES:
        assert twin.moments(x, 1.0)[1].item() == pytest.approx(0, abs=1e-15)


@twins
@pytest.mark.parametrize("spread", [0.0, 1e-7, 1e-3])
def test_near_equal_weights_keep_their_spread_when_they_merge(twin, spread):
    """As at a nearly exact posterior: Var w / (mean w)² is spread², far below the rounding of log mean w²."""
    x = np.random.default_rng(6).normal(-190, spread, size=(20, 500, 1))
    state, n = twin.moments(x[:1], 1.0), 500
    for i in range(1, 20):
        state = twin.merge(n, state, 500, twin.moments(x[i : i + 1], 1.0))
        n += 500
    v = np.exp(np.float128(x.ravel()) + 190) if hasattr(np, "float128") else np.exp(x.ravel() + 190)
    expected = float(np.log1p(np.var(v) / np.mean(v) ** 2))
    # log mean v carries one rounding of 190, some 3e-14, of which the square is what two parts may differ by.
    assert state[1].item() == pytest.approx(expected, rel=0.05 if spread == 1e-7 else 1e-8, abs=1e-27)


def check(twin, x, power=1.0):
    """All four functions against the oracle; as exact as the origin of their sums allows, wherever that lies."""
    eps = np.finfo(x.dtype).eps
    (expected,), (weights,) = _moments_oracle(x, power), _weights_oracle(x, power)
    spread = 1 + np.ptp(np.where(np.isfinite(x), x, x.max()))  # of which the exponent is off by eps
    got, also = twin.moments_and_weights(x, power)
    np.testing.assert_allclose(got, expected.astype(float), rtol=4 * eps * spread, atol=4 * eps * spread)
    np.testing.assert_allclose(also, weights.astype(float), rtol=4 * eps * spread, atol=np.finfo(x.dtype).tiny)
    np.testing.assert_array_equal(twin.moments(x, power), got)
    np.testing.assert_array_equal(twin.weights(x, power), also)
    np.testing.assert_allclose(twin.log_mean(x, power), got[0], rtol=4 * eps, atol=4 * eps * spread)


@twins
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize(
    ("draws", "inner"),
    [(n, 1) for n in (*range(1, 35), 255, 256, 257, 513, 800)]
    + [(n, 3) for n in (1, 5, 511, 512, 513, 1100)]
    + [(n, m) for n in (1, 2, 15, 16, 17, 40) for m in (15, 16, 17, 31, 33, 47, 64, 511, 513, 520)],
)
def test_remainders(twin, dtype, draws, inner):
    """Of registers, of chunks, and of tiles."""
    check(twin, np.random.default_rng(draws).normal(-3, 2, size=(2, draws, inner)).astype(dtype))


@twins
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("power", [1.0, -0.5])
@pytest.mark.parametrize("inner", [1, 3, 40])
def test_draws_far_from_the_first(twin, dtype, power, inner):
    """Farther than exp reaches, from first draws that are small, or large, or of weight zero, in some columns."""
    x = np.random.default_rng(7).normal(0, 1, size=(3, 600, inner))
    x[0, 400, 0] = 1e4
    x[1, :6, -1] = -1e4
    x[2, :6, 0] = -np.inf if power > 0 else 1e3
    check(twin, x.astype(dtype), power)


@twins
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("inner", [1, 3, 40])
def test_no_row_depends_on_another(twin, dtype, inner):
    """Bit for bit: any split over workers gives the same."""
    x = np.random.default_rng(8).normal(0, 1, size=(600, 70, inner)).astype(dtype)
    x[5, 50, 0], x[7, 0, -1] = 1e4, -np.inf
    whole, weights = twin.moments_and_weights(x, 1.0)
    for part in (slice(0, 1), slice(5, 6), slice(3, 9), slice(511, 514), slice(599, 600)):
        np.testing.assert_array_equal(twin.moments(x[part], 1.0), whole[:, part])
        np.testing.assert_array_equal(twin.weights(x[part], 1.0), weights[part])
    if inner == 40:
        calm = x.copy()
        calm[5, 50, 0] = 0.0
        np.testing.assert_array_equal(twin.moments(calm, 1.0)[:, 5, 1:], whole[:, 5, 1:])


@twins
def test_out_is_filled_and_checked(twin):
    x = np.random.default_rng(9).normal(size=(2, 30, 4))
    expected = twin.weights(x, 1.0)
    out = np.full_like(x, np.nan)
    assert twin.weights(x, 1.0, out) is out
    np.testing.assert_array_equal(out, expected)
    out[...] = np.nan
    assert twin.moments_and_weights(x, 1.0, out=out)[1] is out
    np.testing.assert_array_equal(out, expected)
    if twin is not MODULES[0]:
        fixed = out.copy()
        fixed.flags.writeable = False
        for wrong in (out[:1], out.astype(np.float32), out[:, ::-1], fixed):
            with pytest.raises(ValueError, match="out has shape"):
                twin.weights(x, 1.0, wrong)


@twins
@pytest.mark.parametrize("spread", [1e-5, 1e-3, 1e-2, 1e-1])
@pytest.mark.parametrize("draws", [64, 1000])
def test_near_equal_weights_in_float32(twin, spread, draws):
    """Their inefficiency, about spread², lies below the rounding of sums of float32; and so it does with an outlier."""
    for outlier in (0.0, 3 * spread * np.sqrt(draws)):
        x = np.random.default_rng(10).normal(0, spread, size=(1, draws, 1))
        x[0, 0] += outlier
        x = x.astype(np.float32)
        expected = _moments_oracle(x, 1.0)[0][1].item()
        assert twin.moments(x, 1.0)[1].item() == pytest.approx(expected, rel=0.01, abs=4e-7 if outlier else 0)


@twins
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_the_exponential_itself(twin, dtype):
    """Of two draws, 0 and y, the second weighs exp(y) / (1 + exp(y)): to 2 ulp, and half an ulp for each power of 2."""
    least = -708.0 if dtype is np.float64 else -87.0
    y = np.random.default_rng(11).uniform(least, 0, 20_001).astype(dtype)
    y[:4] = 0, -np.inf, np.finfo(dtype).min, 2 * least
    x = np.stack([np.zeros_like(y), y])[None]
    v = np.exp(y.astype(np.longdouble))
    got = twin.weights(x, 1.0)[0, 1].astype(np.longdouble)
    np.testing.assert_array_equal(got[1:4], 0)
    with np.errstate(divide="ignore", invalid="ignore"):
        error = np.abs(got / (v / (1 + v)) - 1)[4:] / np.finfo(dtype).eps
    assert got[0] == 0.5 and np.all(error <= 2 + np.abs(y[4:]) / (2 * np.log(2)))
