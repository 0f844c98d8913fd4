"""Edges of the log_weights kernel that the case table does not reach."""

import importlib

import numpy as np
import pytest

from varinf import _kernels

MODULES = [importlib.import_module("varinf._kernels.log_weights")] + [
    importlib.import_module(f"varinf._kernels._{level}._log_weights") for level in _kernels.runnable_levels()
]
twins = pytest.mark.parametrize("twin", MODULES, ids=lambda module: module.__name__.split(".")[-2])


@twins
@pytest.mark.parametrize("shape", [(0, 3, 1), (2, 3, 0), (0, 3, 4)])
def test_empty_batches(twin, shape):
    x = np.empty(shape)
    assert all(part.shape == (shape[0], shape[2]) for part in twin.moments(x, 1.0))
    assert twin.weights(x, 1.0).shape == shape


@twins
@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_huge_and_tiny(twin, dtype):
    largest = np.finfo(dtype).max / 4
    x = np.array([largest, largest, -largest], dtype)[None, :, None]
    top, log_mean, log_inefficiency, *_ = (part.item() for part in twin.moments(x, 1.0))
    assert top == log_mean == largest  # log(2/3) is nothing beside it
    assert log_inefficiency == pytest.approx(np.log(1.5), rel=1e-6)
    tiny = np.full((1, 5, 1), np.finfo(dtype).smallest_subnormal, dtype)
    _, log_mean, log_inefficiency, mean, m2 = (part.item() for part in twin.moments(tiny, 1.0))
    assert mean == tiny[0, 0, 0]
    assert abs(log_mean) < 1e-15
    assert abs(log_inefficiency) < 1e-15
    assert m2 == 0


@twins
def test_all_zero_weights_give_minus_infinity_and_not_nan(twin):
    x = np.full((1, 70, 3), -np.inf)
    x[0, :, 1] = 0.0
    top, log_mean, log_inefficiency, mean, m2 = twin.moments(x, 1.0)
    np.testing.assert_array_equal(log_mean, [[-np.inf, 0.0, -np.inf]])
    np.testing.assert_array_equal(mean, log_mean)
    np.testing.assert_array_equal(top, log_mean)
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
        mean = twin.moments(x, 1.0)[3]
        assert np.count_nonzero(~(mean < np.inf)) == 1
        assert not mean[1, -1] < np.inf


@twins
def test_maximum_that_comes_late(twin):
    """Every block lifts the running maximum, so that each rescaling counts."""
    x = np.linspace(-2000, 700, 5000)[None, :, None]
    expected = np.logaddexp.reduce(x.ravel()) - np.log(5000)
    assert twin.moments(x, 1.0)[1].item() == pytest.approx(expected, rel=1e-14)
    columns = np.repeat(x, 3, axis=2)
    np.testing.assert_allclose(twin.moments(columns, 1.0)[1], expected, rtol=1e-14)


@twins
def test_weights_are_the_gradient_of_the_log_mean(twin):
    rng = np.random.default_rng(4)
    x, power, h = rng.normal(size=(1, 6, 1)), 0.5, 1e-6
    for i in range(6):
        step = np.zeros_like(x)
        step[0, i, 0] = h
        slope = (twin.moments(x + step, power)[1] - twin.moments(x - step, power)[1]) / (2 * h)
        assert slope.item() == pytest.approx(power * twin.weights(x, power)[0, i, 0], rel=1e-8)


@twins
def test_any_split_merges_to_the_whole(twin):
    x = np.random.default_rng(5).normal(-50, 4, size=(1, 1000, 7))
    x[0, 3, 2] = -np.inf
    whole = [part.ravel() for part in twin.moments(x, 1.0)]
    for cut in (1, 2, 499, 999):
        parts = [[part.ravel() for part in twin.moments(y, 1.0)] for y in (x[:, :cut], x[:, cut:])]
        merged = twin.merge(cut, *parts[0], 1000 - cut, *parts[1])
        for a, b in zip(whole, merged, strict=True):
            np.testing.assert_allclose(a, b, rtol=1e-12, atol=1e-12)


def test_an_exact_posterior_shows_no_error():
    """Equal log weights far from 0: a difference of two large logarithms would show an error of about 1e-6."""
    x = np.full((1, 1000, 1), -7.123456789e5)
    for twin in MODULES:
        assert twin.moments(x, 1.0)[2].item() == pytest.approx(0, abs=1e-15)


@twins
@pytest.mark.parametrize("spread", [0.0, 1e-7, 1e-3])
def test_near_equal_weights_keep_their_spread_when_they_merge(twin, spread):
    """As at a nearly exact posterior: Var w / (mean w)² is spread², far below the rounding of log mean w²."""
    x = np.random.default_rng(6).normal(-190, spread, size=(20, 500, 1))
    state, n = [part for part in twin.moments(x[:1], 1.0)], 500
    for i in range(1, 20):
        state = list(twin.merge(n, *state, 500, *twin.moments(x[i : i + 1], 1.0)))
        n += 500
    v = np.exp(np.float128(x.ravel()) + 190) if hasattr(np, "float128") else np.exp(x.ravel() + 190)
    expected = float(np.log1p(np.var(v) / np.mean(v) ** 2))
    # log mean v carries one rounding of 190, some 3e-14, of which the square is what two parts may differ by.
    assert state[2].item() == pytest.approx(expected, rel=0.05 if spread == 1e-7 else 1e-8, abs=1e-27)
