from itertools import pairwise

import mpmath
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


def exact_power_mean(x, power):
    """(value, delta-method error) in 60 digits."""
    with mpmath.workdps(60):
        v = [mpmath.exp(mpmath.mpf(power) * mpmath.mpf(t)) for t in x.tolist()]
        mean = sum(v) / len(v)
        spread = mpmath.sqrt(sum((each - mean) ** 2 for each in v) / (len(v) * (len(v) - 1)))
        return float(mpmath.log(mean) / power), float(spread / mean / abs(power))


@pytest.mark.parametrize("power", [0.02, 0.010001, 0.009999, -0.009999, 1e-4, -1e-6, 1e-8, -1e-8, 1e-12])
@pytest.mark.parametrize("spread", [1e-3, 1.0, 30.0])
def test_near_order_1_no_digit_is_lost(power, spread):
    """Without the centring the error is 0 or 150 times too large at 1e-8, and the value keeps 4 digits at 1e-12."""
    x = np.random.default_rng(5).normal(-31, spread, size=300)
    alpha = 1 - power
    b, (value, stderr) = vi.renyi_bound(x, alpha), exact_power_mean(x, 1 - alpha)
    assert b.value == pytest.approx(value, abs=5e-14 * max(spread, 1))
    # At 0.01, where the ways part, eps/(power spread)^2 of the error is rounding: 5e-7 for the smallest spread.
    assert b.stderr == pytest.approx(stderr, rel=1e-5 if abs(power) >= 0.01 else 1e-12)


@pytest.mark.filterwarnings("ignore:invalid value:RuntimeWarning")  # the strict arrays' own, at -inf
def test_near_order_1_batches_libraries_and_shared_draws(library):
    to, back = library
    x = np.random.default_rng(6).normal(-31, 1, size=(200, 3)) * [1.0, 1.0, 1000.0]  # the last is no small argument
    x[3, 1] = -np.inf
    for alpha in (1 - 9e-3, 1 + 1e-8):
        ours = vi.renyi_bound(x, alpha, shared_draws=True)
        theirs = vi.renyi_bound(to(x), alpha)
        np.testing.assert_allclose(back(theirs.value), ours.value, rtol=1e-12)
        np.testing.assert_allclose(back(theirs.stderr), ours.stderr, rtol=1e-9)
        for i in (0, 2):
            alone = vi.renyi_bound(x[:, i], alpha)
            assert (alone.value, alone.stderr) == pytest.approx((ours.value[i], ours.stderr[i]), rel=1e-12)
        assert ours.value[1] == -np.inf or alpha < 1
    near, elbo = vi.renyi_bound(x[:, [0]], 1 + 1e-10, shared_draws=True), vi.elbo(x[:, [0]], shared_draws=True)
    np.testing.assert_allclose(near.influence(), elbo.influence(), atol=1e-8)
    assert near.mean().stderr == pytest.approx(elbo.mean().stderr, rel=1e-8)
    low = vi.renyi_bound(x[:, 0].astype(np.float32), 1 - 1e-8)
    assert low.value.dtype == low.stderr.dtype == np.float32
    assert low.stderr == pytest.approx(elbo.stderr[0], rel=1e-5)
    assert np.isnan(vi.renyi_bound(x[:1, 0], 1 - 1e-8).stderr)


def test_near_order_1_gradient(gradient):
    x = np.random.default_rng(7).normal(size=10)
    found = gradient(lambda w: vi.renyi_bound(w, 1 - 1e-9).value, x)
    np.testing.assert_allclose(found, 0.1, rtol=1e-7)  # the ELBO's


def test_heavy_weights_mislead_by_the_sign_of_the_power():
    """A mean that misses its largest terms is too low, and for alpha > 1 the root of a negative power turns it over."""
    case = Pareto(0.9)
    x = case.from_q(np.random.default_rng(8), (1000, 200))
    assert np.mean(vi.renyi_bound(-x, 2.0).value) > -case.log_moment(1.0) + 0.1  # at infinitely many draws
    high, low = vi.renyi_bound(-5 * x[:, 0], 2.0), vi.renyi_bound(5 * x[:, 0], 0.5)
    assert any("usually above its limit at infinitely many draws" in text for text in high.caveats)
    assert any("usually too low" in text for text in low.caveats)


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
