"""What the case table does not reach of pareto_tail: hostile orders, block edges, special values, edges of the fit."""

import importlib

import numpy as np
import pytest
from cases import CASES
from hypothesis import example, given, settings
from hypothesis import strategies as st

from varinf import _kernels

MODULES = [importlib.import_module("varinf._kernels.pareto_tail")] + [
    importlib.import_module(f"varinf._kernels._{level}._pareto_tail") for level in _kernels.runnable_levels()
]
twins = pytest.mark.parametrize("twin", MODULES, ids=lambda module: module.__name__.split(".")[-2])
fit_oracle = next(case.oracle for case in CASES if case.name == "pareto_tail.fit")


def sorted_top(x, keep):
    """By NumPy's sort, in which nan is the largest."""
    return np.moveaxis(np.sort(x, axis=1)[:, x.shape[1] - keep :], 1, -1)


def check_largest(twin, x, keep):
    np.testing.assert_array_equal(twin.largest(x, 1.0, keep), sorted_top(x, keep))


# the largest ---------------------------------------------------------------------------------------------------------


@twins
@settings(max_examples=40, deadline=None)
@given(
    seed=st.integers(0, 10**6),
    draws=st.integers(1, 3000),
    inner=st.sampled_from([1, 2, 33]),
    share=st.floats(0, 1),
    kind=st.sampled_from(["normal", "ties", "heavy", "special"]),
    dtype=st.sampled_from(["f", "d"]),
)
@example(seed=0, draws=3000, inner=1, share=0.99, kind="special", dtype="d")
def test_any_row_and_any_number_of_them(twin, seed, draws, inner, share, kind, dtype):
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(2, draws, inner))
    if kind == "ties":
        x = np.round(x)
    elif kind == "heavy":
        x = np.copysign(np.exp(60 * np.abs(x)), x) if dtype == "d" else np.copysign(np.exp(8 * np.abs(x)), x)
    elif kind == "special":
        x[rng.random(x.shape) < 0.5] = -np.inf
        x[rng.random(x.shape) < 0.1] = rng.choice([np.nan, -np.nan, np.inf, 0.0, -0.0, 5e-324])
    check_largest(twin, x.astype(dtype), max(1, int(share * draws)))


@twins
@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("draws", [31, 32, 33, 255, 256, 257, 704, 705, 4095, 4096, 4097, 20_000])
def test_every_order_and_length(twin, draws, dtype):
    x = np.random.default_rng(draws).permutation(draws).astype(dtype)
    keep = max(1, draws // 20)
    for row in (x, np.sort(x), np.sort(x)[::-1], x % 7, np.zeros_like(x)):
        check_largest(twin, np.ascontiguousarray(row)[None, :, None], keep)


@twins
@pytest.mark.parametrize("inner", [1, 3])
def test_a_sample_that_misleads(twin, inner):
    """The bound comes of runs of 8 draws at even distances: here they are all larger, or smaller, than the rest."""
    draws, keep = 50_000, 671
    runs = draws // 16 // 8
    taken = (np.arange(runs) * (draws - 8) / runs).astype(int)[:, None] + np.arange(8)
    for sign in (1, -1):
        x = np.random.default_rng(1).normal(size=(1, draws, inner))
        x[:, taken.ravel()[:600]] += 100 * sign
        check_largest(twin, x, keep)


@twins
def test_a_rising_row_that_the_sample_calls_empty(twin):
    """Without a bound to start from, the buffer fills and is settled again and again."""
    draws = 30_000
    x = np.arange(float(draws))
    x[(np.arange(draws // 128) * (draws - 8) / (draws // 128)).astype(int)[:, None] + np.arange(8)] = -np.inf
    check_largest(twin, x[None, :, None], 520)


@twins
def test_power_and_its_signs(twin):
    x = np.random.default_rng(2).normal(size=(1, 5000, 2))
    x[0, 7] = -np.inf
    np.testing.assert_array_equal(twin.largest(x, -2.0, 9)[..., -1], np.inf)
    np.testing.assert_array_equal(twin.largest(x, 0.5, 9), sorted_top(0.5 * x, 9))


@twins
def test_nothing_to_do(twin):
    for shape in ((0, 5, 1), (2, 5, 0)):
        assert twin.largest(np.empty(shape), 1.0, 3).shape == (shape[0], shape[2], 3)
        empty = np.empty((shape[0], shape[2]))
        assert twin.smooth(np.empty(shape), np.empty((*empty.shape, 3)), 2, empty, empty).shape == shape
    assert all(part.shape == (0,) for part in twin.fit(np.empty((0, 21))))


@pytest.mark.parametrize("keep", [0, 6, -1])
@pytest.mark.parametrize("twin", MODULES[1:], ids=lambda module: module.__name__.split(".")[-2])
def test_how_many_are_kept_is_checked(twin, keep):
    with pytest.raises(ValueError, match=f"keep is {keep} of 5 draws"):
        twin.largest(np.zeros((1, 5, 1)), 1.0, keep)


# the fit -------------------------------------------------------------------------------------------------------------


def check_fit(twin, top, rtol=1e-12):
    for got, want in zip(twin.fit(top), fit_oracle(top), strict=True):
        np.testing.assert_allclose(np.asarray(got, np.longdouble), want, rtol=rtol, atol=1e-13)


@twins
@pytest.mark.parametrize("m", [5, 20, 21, 95])
def test_a_theta_next_to_zero(twin, m):
    """1 / max x and the grid cancel: factors of 1, whose product has lost everything."""
    points, quartile = 30 + int(np.sqrt(m)), int(m / 4 + 0.5)
    for g in (points - 1, points - 3):
        first = -(1 - np.sqrt(points / (g + 0.5))) / 3  # of the excesses, the largest being 1
        x = np.concatenate([np.full(quartile, first), np.linspace(first, 1, m - quartile + 1)[1:]])
        check_fit(twin, np.concatenate([[-np.inf], np.log(x)])[None])


@twins
@pytest.mark.parametrize("span", [30, 300, 500, 640, 700, 900])
@pytest.mark.parametrize("m", [5, 95, 301])
def test_tails_across_the_whole_range_of_numbers(twin, m, span):
    """Factors up to 1e280, of which two would overflow; beyond that nothing is left to fit."""
    check_fit(twin, np.concatenate([[-np.inf], np.linspace(-span, 0, m)])[None])
    check_fit(twin, np.concatenate([[-np.inf], -span * np.linspace(1, 0, m) ** 3])[None] - 1e4)


@twins
def test_a_row_does_not_feel_its_neighbours(twin):
    x = np.random.default_rng(3).normal(size=(1, 400, 70))
    top = twin.largest(x, 1.0, 61)
    whole = twin.fit(top[0])
    smoothed = twin.smooth(x, top, 60, *(part[None] for part in whole))
    for i in (0, 31, 32, 69):
        column = np.ascontiguousarray(x[:, :, i : i + 1])
        one = twin.largest(column, 1.0, 61)
        np.testing.assert_array_equal(one[0, 0], top[0, i])
        fitted = twin.fit(one[0])
        assert [part.item() for part in fitted] == [part[i] for part in whole]
        alone = twin.smooth(column, one, 60, *(part[None] for part in fitted))
        np.testing.assert_array_equal(alone[0, :, 0], smoothed[0, :, i])


@twins
def test_infinite_and_unknown_rows(twin):
    top = np.tile(np.linspace(-3.0, 0.0, 21), (5, 1))
    top[0, -1], top[1, -1], top[2], top[3], top[4, :-1] = np.inf, np.nan, np.inf, -np.inf, -np.inf
    k_hat, sigma = twin.fit(top)
    np.testing.assert_array_equal(k_hat, [np.nan, np.nan, np.nan, -np.inf, np.inf])
    np.testing.assert_array_equal(sigma, [np.nan, np.nan, np.nan, 0, 0])


# the smoothing -------------------------------------------------------------------------------------------------------


@twins
@pytest.mark.parametrize("inner", [1, 2])
def test_draws_that_tie_keep_their_order(twin, inner):
    x = np.repeat(np.array([0.0, 2, 1, 2, 0, 1, 0, 3, 1, 0, 0, 1])[None, :, None], inner, axis=2)
    k_hat, sigma = np.full((1, inner), 0.5), np.full((1, inner), 0.1)
    out = twin.smooth(x, twin.largest(x, 1.0, 7), 6, k_hat, sigma)[0, :, 0]
    tail = [5, 8, 11, 1, 3, 7]  # of the four that are 1 and tie with the cutoff, the last three
    np.testing.assert_array_equal(np.argsort(out, kind="stable")[6:], tail)
    assert np.all(np.diff(out[tail]) > 0)
    np.testing.assert_array_equal(np.delete(out, tail), np.delete(x[0, :, 0], tail))


@twins
@pytest.mark.parametrize("k", [-80.0, -1.0, -1e-300, 0.0, 1e-15, 1e-6, 0.3, 60.0])
def test_order_statistics_of_any_tail_index(twin, k):
    """expm1(k t) / k for k t from where it is t to where it overflows."""
    x = np.linspace(-5.0, 0.0, 1000)[None, :, None]
    top, k_hat, sigma = twin.largest(x, 1.0, 96), np.array([[k]]), np.array([[0.01]])
    smoothed = twin.smooth(x, top, 95, k_hat, sigma)
    oracle = next(case.oracle for case in CASES if case.name == "pareto_tail.smooth")
    want = np.asarray(oracle(x, top, 95, k_hat, sigma)[0], float)
    np.testing.assert_allclose(smoothed, want, rtol=0, atol=5e-15 * max(1, abs(k)))  # as exp(k t)


@pytest.mark.parametrize("inner", [1, 2])
@pytest.mark.parametrize("twin", MODULES[1:], ids=lambda module: module.__name__.split(".")[-2])
def test_a_tail_of_other_draws_is_no_crash(twin, inner):
    """Draws may have been overwritten since their tail was taken."""
    rng = np.random.default_rng(4)
    x = rng.normal(size=(1, 500, inner))
    top, one = twin.largest(x, 1.0, 61), np.ones((1, inner))
    for other in (x + 100, x - 100, np.full_like(x, np.nan), np.full_like(x, top.min())):
        assert twin.smooth(other, top, 60, one, one).shape == x.shape
