import math

import numpy as np
import pytest
from exact_cases import Gaussian, Pareto, assert_mean
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

import varinf as vi

finite = st.floats(-50, 50)


def test_hand_derived_value_and_delta_error():
    w = np.array([1.0, 2.0, 4.0, 9.0])
    b = vi.iwelbo(np.log(w))
    assert b.value == pytest.approx(math.log(4.0), rel=1e-15)
    assert b.stderr == pytest.approx(np.std(w, ddof=1) / (4.0 * 2.0), rel=1e-14)
    assert b.bias_estimate == pytest.approx(-np.var(w, ddof=1) / (2 * 4 * 4.0**2), rel=1e-14)


def test_groups_are_consecutive_draws():
    w = np.array([[1.0, 3.0], [5.0, 7.0], [2.0, 2.0]])  # three groups of two
    b = vi.iwelbo(np.log(w.reshape(-1)), k=2)
    groups = np.log(w.mean(1))
    assert b.value == pytest.approx(groups.mean(), rel=1e-14)
    assert b.stderr == pytest.approx(groups.std(ddof=1) / math.sqrt(3), rel=1e-13)
    assert b.degrees == 2 and b.draws == 6 and b.estimand == "IWELBO of 2 draws"


def test_k_of_one_is_the_elbo_and_of_all_draws_the_default():
    x = np.random.default_rng(0).normal(size=(12, 3))
    np.testing.assert_allclose(vi.iwelbo(x, k=1).value, vi.elbo(x).value, rtol=1e-13)
    np.testing.assert_allclose(vi.iwelbo(x, k=12).value, vi.iwelbo(x).value, rtol=1e-13)
    assert np.all(np.isnan(vi.iwelbo(x, k=12).stderr))  # one group


@pytest.mark.parametrize("case", [Gaussian(0.8), Gaussian(0.9, dim=4), Pareto(0.1)], ids=str)
def test_bias(case):
    """E IWELBO_K = log p(x) − μ₂/2K + (μ₃/3 − 3μ₂²/4)/K² + …, μ the central moments of w/p(x).

    Nowozin (2018), proposition 1.
    """
    k = 50
    m2, m3 = (math.exp(case.log_moment(a) - a * case.log_evidence) for a in (2, 3))
    mu2, mu3 = m2 - 1, m3 - 3 * m2 + 2
    exact = -mu2 / (2 * k) + (mu3 / 3 - 0.75 * mu2**2) / k**2
    x = case.from_q(np.random.default_rng(4), (100_000, k)) - case.log_evidence
    values = vi.iwelbo(x, axis=1).value
    # w − 1 has mean 0 and nearly all the noise: a control variate that makes the bias visible.
    assert_mean(values - (np.exp(x).mean(1) - 1), exact, sees=0.1 * mu2 / (2 * k))


def test_reference_variance():
    case = Gaussian(0.8)
    assert math.expm1(case.log_moment(2)) == pytest.approx(0.0327956, abs=5e-8)


def test_bias_estimate_is_about_the_exact_bias():
    case = Gaussian(0.8)
    estimates = vi.iwelbo(case.from_q(np.random.default_rng(5), (1000, 400))).bias_estimate
    assert np.mean(estimates) == pytest.approx(-0.0327956 / 2000, rel=0.03)


def test_bias_of_averaged_data_is_a_caveat():
    x = Gaussian(0.8, dim=8).from_q(np.random.default_rng(6), (100, 1797))
    assert any("low by about" in text for text in vi.iwelbo(x).mean().caveats)
    single = vi.iwelbo(Gaussian(0.95).from_q(np.random.default_rng(6), 10_000))
    assert single.caveats == ()


@pytest.mark.parametrize("k", [0, -1])
def test_k_must_be_positive(k):
    with pytest.raises(ValueError, match=f"k={k}: use a positive integer"):
        vi.iwelbo([1.0, 2.0], k=k)


@pytest.mark.parametrize("k", [1.0, "2", True, [2]])
def test_k_must_be_an_integer(k):
    with pytest.raises(TypeError, match=r"k=.*positive integer"):
        vi.iwelbo([1.0, 2.0], k=k)


def test_k_must_divide():
    with pytest.raises(ValueError, match=r"k=3 does not divide the 10 draws.*drop the last 1"):
        vi.iwelbo(np.zeros(10), k=3)


def test_minus_infinity_is_data():
    assert vi.iwelbo([0.0, -np.inf]).value == pytest.approx(-math.log(2))
    b = vi.iwelbo(np.full((4, 2), -np.inf))
    assert np.all(b.value == -np.inf) and any("-inf in 2 of 2 values" in text for text in b.caveats)
    assert vi.iwelbo([0.0, 0.0, -np.inf, -np.inf], k=2).value == -np.inf  # a group without weight


def test_heavy_weights_speak_for_all_draws_and_not_for_groups_interval():
    x = 1.2 * np.random.default_rng(7).exponential(size=2000)
    assert any("interval unreliable" in text for text in vi.iwelbo(x).caveats)
    assert not any("interval unreliable" in text for text in vi.iwelbo(x, k=10).caveats)


@given(arrays(np.float64, st.integers(1, 30), elements=finite), st.floats(-1e3, 1e3))
def test_shift_moves_the_value_alone(x, shift):
    a, b = vi.iwelbo(x), vi.iwelbo(x + shift)
    assert b.value == pytest.approx(a.value + shift, abs=1e-10)
    # Of near-equal weights the relative variance is known to a few eps, and its root to the root of that.
    np.testing.assert_allclose(b.stderr, a.stderr, rtol=1e-6, atol=5e-8)


@given(arrays(np.float64, st.integers(2, 30), elements=finite), st.randoms(use_true_random=False))
def test_order_of_draws_does_not_matter(x, random):
    y = np.array(random.sample(list(x), len(x)))
    assert vi.iwelbo(y).value == pytest.approx(vi.iwelbo(x).value, rel=1e-13, abs=1e-13)


@given(arrays(np.float64, st.integers(2, 30), elements=finite))
def test_between_the_elbo_and_the_largest_weight(x):
    assert vi.elbo(x).value - 1e-12 <= vi.iwelbo(x).value <= np.max(x) + 1e-12


def test_units_axes_and_dtypes():
    x = np.random.default_rng(8).normal(size=(5, 7, 3))
    reference = vi.iwelbo(x).value
    for axis, y in ((1, np.moveaxis(x, 0, 1)), (-1, np.moveaxis(x, 0, -1)), (0, np.asfortranarray(x))):
        np.testing.assert_allclose(vi.iwelbo(y, axis=axis).value, reference, rtol=1e-14)
    single = vi.iwelbo(x.astype(np.float32))
    assert single.value.dtype == np.float32 and single.stderr.dtype == np.float32
    np.testing.assert_allclose(single.value, reference, rtol=2e-6, atol=2e-6)
    np.testing.assert_allclose(vi.iwelbo(x).to("bits").value, reference / math.log(2), rtol=1e-14)
