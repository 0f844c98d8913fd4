from itertools import pairwise

import numpy as np
import pytest
from exact_cases import Gaussian, Pareto, assert_mean
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

import varinf as vi

finite = st.floats(-50, 50)


@pytest.mark.parametrize("case", [Gaussian(0.8), Gaussian(0.5, dim=2), Gaussian(1.5, dim=3), Pareto(0.5)], ids=str)
@pytest.mark.parametrize("alpha", [0.5, 2.0])
def test_closed_form(case, alpha):
    """At many draws the plug-in's bias, of order 1/S, is far below what the test sees."""
    power = 1 - alpha
    exact = case.log_moment(power) / power
    values = vi.renyi_bound(case.from_q(np.random.default_rng(1), (20_000, 100)), alpha).value
    assert_mean(values, exact, sees=0.01)


def test_error_is_the_replications_spread():
    case = Gaussian(0.6)
    b = vi.renyi_bound(case.from_q(np.random.default_rng(2), (1000, 4000)), 0.5)
    assert np.mean(b.stderr) == pytest.approx(np.std(b.value, ddof=1), rel=5 / np.sqrt(2 * 4000))


def test_special_orders():
    x = np.random.default_rng(3).normal(size=(50, 2))
    np.testing.assert_array_equal(vi.renyi_bound(x, 1).value, vi.elbo(x).value)
    np.testing.assert_array_equal(vi.renyi_bound(x, 0).value, vi.iwelbo(x).value)
    np.testing.assert_allclose(
        vi.renyi_bound(x, -1.0).value, vi.cubo(x, order=2, on_heavy_tail="ignore").value, rtol=1e-14
    )
    assert vi.renyi_bound(x, 1).estimand == "ELBO"
    # continuous at 1, and the largest negative order is near the largest weight
    np.testing.assert_allclose(vi.renyi_bound(x, 1 - 1e-6).value, vi.elbo(x).value, rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(vi.renyi_bound(x, -200.0).value, x.max(0), atol=0.03)


def test_direction_follows_the_order():
    x = np.random.default_rng(4).normal(0, 0.1, size=100)
    lower, upper = vi.renyi_bound(x, 0.5), vi.renyi_bound(x, -0.5)
    assert (lower.direction, lower.bias, lower.is_bound) == ("lower", "none", True)
    assert (upper.direction, upper.bias, upper.is_bound) == ("upper", "low", False)
    assert any("no bound" in text for text in upper.caveats) and not lower.caveats


@pytest.mark.parametrize("alpha", [np.inf, np.nan])
def test_alpha_must_be_finite(alpha):
    with pytest.raises(ValueError, match=r"alpha=.*finite"):
        vi.renyi_bound([1.0, 2.0], alpha)


@pytest.mark.parametrize("alpha", ["0.5", None, True, [0.5]])
def test_alpha_must_be_a_number(alpha):
    with pytest.raises(TypeError, match=r"alpha=.*use a number"):
        vi.renyi_bound([1.0, 2.0], alpha)


@given(arrays(np.float64, st.integers(1, 30), elements=finite))
def test_power_means_are_ordered(x):
    ladder = [
        vi.renyi_bound(x, 2.0).value,
        vi.elbo(x).value,
        vi.renyi_bound(x, 0.5).value,
        vi.iwelbo(x).value,
        vi.cubo(x, on_heavy_tail="ignore").value,
    ]
    assert all(a <= b + 1e-11 for a, b in pairwise(ladder))


@given(arrays(np.float64, st.integers(1, 20), elements=finite), st.floats(-3, 3), st.floats(-100, 100))
def test_shift_and_permutation(x, alpha, shift):
    a = vi.renyi_bound(x, alpha).value
    assert vi.renyi_bound(x[::-1] + shift, alpha).value == pytest.approx(a + shift, rel=1e-9, abs=1e-7)


def test_minus_infinity():
    assert vi.renyi_bound([0.0, -np.inf], 0.5).value == pytest.approx(2 * np.log(0.5))
    assert vi.renyi_bound([-np.inf, -np.inf], 0.5).value == -np.inf
    assert vi.renyi_bound([0.0, -np.inf], 2.0).value == -np.inf  # a negative power of a zero weight
