"""Rate-distortion curves: limits that hold what is known exactly, their ends, their laws, and given slopes."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from varinf.information.entropy import entropy
from varinf.tradeoffs.blahut_arimoto import blahut_arimoto
from varinf.tradeoffs.closed_forms import binary_rate_distortion, uniform_rate_distortion
from varinf.tradeoffs.rate_distortion_curve import rate_distortion_curve

HAMMING = 1.0 - np.eye(2)


@pytest.mark.parametrize("tolerance", [1e-2, 1e-4])
def test_the_limits_hold_the_exact_curve_of_a_coin(tolerance):
    curve = rate_distortion_curve([0.3, 0.7], HAMMING, tolerance=tolerance)
    D = np.linspace(0, 0.4, 401)
    low, high = curve.rate_at(D)
    exact = binary_rate_distortion(0.3, D)
    assert np.all(low <= exact + 1e-9) and np.all(exact <= high + 1e-9)
    assert np.max(high - low) <= tolerance * curve.rate[0] + 1e-12
    assert curve.sandwich <= tolerance * curve.rate[0]
    np.testing.assert_allclose(curve.rate, binary_rate_distortion(0.3, curve.distortion), atol=1e-8)


def test_the_limits_hold_the_exact_curve_of_many_symbols():
    curve = rate_distortion_curve(np.full(5, 0.2), 1 - np.eye(5))
    D = np.linspace(0, 0.8, 101)
    low, high = curve.rate_at(D)
    exact = uniform_rate_distortion(5, D)
    assert np.all(low <= exact + 1e-9) and np.all(exact <= high + 1e-9)


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(1, 6), st.integers(1, 6), st.floats(0.1, 30.0))
def test_laws(seed, rows, columns, slope):
    rng = np.random.default_rng(seed)
    p, distortion = rng.dirichlet(np.ones(rows)), rng.normal(size=(rows, columns))
    curve = rate_distortion_curve(p, distortion, tolerance=0.02)
    assert curve.converged.all()
    assert curve.distortion[0] == pytest.approx(float(p @ distortion.min(axis=1)))
    assert curve.distortion[-1] == pytest.approx(float((p @ distortion).min()))
    assert (curve.rate[-1], curve.slope[-1], curve.slope[0]) == (0.0, 0.0, math.inf)
    assert np.all(np.diff(curve.distortion) >= -1e-8) and np.all(np.diff(curve.rate) <= 1e-8)
    assert np.all(curve.slope[:-1] >= curve.slope[1:])
    point = blahut_arimoto(p, distortion, slope)  # one that the curve may not have solved
    low, high = curve.rate_at(point.distortion)
    assert low <= point.rate + 1e-9
    if point.distortion >= curve.distortion[0]:
        # What lies above the chord by more than its gap would not be optimal.
        assert point.rate <= high + 1e-8
        assert high - low <= 0.02 * curve.rate[0] + 1e-9


def test_beyond_the_ends():
    curve = rate_distortion_curve([0.3, 0.7], HAMMING)
    low, high = curve.rate_at([-1e-9, 0.0, 0.3, 5.0, math.inf])
    assert low[0] == high[0] == math.inf
    h = float(entropy([0.3, 0.7]))
    assert low[1] == pytest.approx(h, abs=1e-9) and high[1] == pytest.approx(h, abs=1e-9)
    assert low[2:].tolist() == [0, 0, 0] and high[2:].tolist() == [0, 0, 0]
    assert all(type(x) is float for x in curve.rate_at(0.1))
    with pytest.raises(ValueError, match="distortion has 1 values of nan"):
        curve.rate_at(math.nan)


def test_a_straight_segment_takes_few_points():
    """Erasure of a fair coin: d = 0 if right, 1 if erased, never wrong: R(D) = (1 − D) log 2."""
    distortion = [[0.0, math.inf, 1.0], [math.inf, 0.0, 1.0]]
    curve = rate_distortion_curve([0.5, 0.5], distortion, tolerance=1e-6)
    assert len(curve.slope) <= 4 and curve.sandwich <= 1e-9
    D = np.linspace(0, 1, 11)
    low, high = curve.rate_at(D)
    np.testing.assert_allclose(low, (1 - D) * math.log(2), atol=1e-9)
    np.testing.assert_allclose(high, (1 - D) * math.log(2), atol=1e-9)


def test_nothing_to_trade():
    one = rate_distortion_curve([1.0], [[3.0, 2.0]])
    assert one.rate.tolist() == [0, 0] and one.distortion.tolist() == [2, 2]
    assert np.array(one.rate_at([1.0, 2.0])).tolist() == [[math.inf, 0], [math.inf, 0]]
    alone = rate_distortion_curve([0.5, 0.5], [[0.0, math.inf], [math.inf, 0.0]])
    assert alone.rate_at(0.0) == pytest.approx((math.log(2), math.log(2)), abs=1e-9)
    assert alone.rate_at(9.0) == pytest.approx((math.log(2), math.log(2)), abs=1e-9)


def test_given_slopes_are_solved_and_the_ends_added():
    curve = rate_distortion_curve([0.5, 0.5], HAMMING, slopes=[1.0, 3.0, 1.0, 0.0, math.inf])
    assert curve.slope.tolist() == [math.inf, 3.0, 1.0, 0.0]
    np.testing.assert_allclose(curve.distortion[1:3], 1 / (1 + np.exp([3.0, 1.0])), atol=1e-9)
    assert curve.output.shape == (4, 2)
    low, high = curve.rate_at(0.2)
    assert low <= binary_rate_distortion(0.5, 0.2) <= high
    few = rate_distortion_curve([0.5, 0.5], HAMMING, points=1, tolerance=1e-9)
    assert len(few.slope) == 3 and few.sandwich > 0.01  # and says how far it came


def test_bits():
    curve = rate_distortion_curve([0.5, 0.5], HAMMING, slopes=[1.0, 2.0])
    bits = curve.to("bits")
    for name in ("rate", "gap", "sandwich"):
        np.testing.assert_allclose(getattr(bits, name), getattr(curve, name) / math.log(2), rtol=1e-14)
    assert bits.slope is curve.slope and bits.distortion is curve.distortion
    np.testing.assert_allclose(bits.rate_at([0.1, 0.3]), np.divide(curve.rate_at([0.1, 0.3]), math.log(2)), rtol=1e-13)
    assert "bits" in repr(bits)


@pytest.mark.parametrize(
    ("keywords", "message"),
    [
        ({"tolerance": 0.0}, "tolerance=0.0: use a positive share"),
        ({"points": 0}, "points=0"),
        ({"slopes": [[1.0]]}, r"slopes has shape \(1, 1\)"),
        ({"slopes": [-1.0]}, "slopes has 1 values that are negative or nan"),
    ],
)
def test_refusals(keywords, message):
    with pytest.raises(ValueError, match=message):
        rate_distortion_curve([0.5, 0.5], HAMMING, **keywords)
