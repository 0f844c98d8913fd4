"""Blahut-Arimoto: against closed forms and convex programming, its certificate against other channels, and its ends."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import minimize

from varinf.information.entropy import entropy
from varinf.information.mutual_information import mutual_information
from varinf.tradeoffs.blahut_arimoto import blahut_arimoto

HAMMING = [[0.0, 1.0], [1.0, 0.0]]


def price(p, distortion, slope, channel):
    """(I, E d) of a channel, as defined."""
    joint = p[:, None] * channel
    used = joint > 0
    return float(mutual_information(joint)), float(np.sum(joint[used] * np.asarray(distortion)[used]))


def test_the_fair_coin_at_a_distortion_of_11_percent():
    point = blahut_arimoto([0.5, 0.5], HAMMING, math.log(0.89 / 0.11)).to("bits")
    assert point.rate == pytest.approx(0.5000840418, abs=1e-10)
    assert point.distortion == pytest.approx(0.11, abs=1e-12)
    assert point.converged and point.units == "bits"


@given(st.floats(0.01, 0.5), st.floats(0.01, 0.99))
def test_coins(p, share):
    """h(p) − h(D) at slope log((1 − D) / D), as long as D < p."""
    D = share * p
    point = blahut_arimoto([p, 1 - p], HAMMING, math.log((1 - D) / D))
    assert point.converged
    # A gap of 1e-10 leaves the value to 1e-10, and the place along the curve to its root.
    exact = float(entropy([p, 1 - p]) - entropy([D, 1 - D]))
    assert point.rate + point.slope * point.distortion == pytest.approx(exact + point.slope * D, abs=2e-10)
    assert point.rate == pytest.approx(exact, abs=1e-4) and point.distortion == pytest.approx(D, abs=1e-4)


@pytest.mark.filterwarnings("ignore:Values in x were outside bounds")  # SciPy before 1.16 steps past a bound by eps
def test_against_sequential_programming_over_channels():
    """The definition: I + slope D, minimised over all rows of the channel."""
    rng = np.random.default_rng(0)
    for rows, columns in ((2, 3), (3, 3), (4, 2)):
        p, distortion, slope = rng.dirichlet(np.ones(rows)), rng.normal(size=(rows, columns)), 2.5

        def objective(flat, p=p, d=distortion, s=slope):
            channel = flat.reshape(d.shape)
            output = p @ channel
            terms = p[:, None] * channel * np.log(np.maximum(channel, 1e-300) / output)
            return float(terms.sum() + s * np.sum(p[:, None] * channel * d))

        best = minimize(
            objective,
            np.full(rows * columns, 1 / columns),
            bounds=[(1e-12, 1)] * (rows * columns),
            constraints={"type": "eq", "fun": lambda flat, r=rows: flat.reshape(r, -1).sum(axis=1) - 1},
            method="SLSQP",
            options={"ftol": 1e-14, "maxiter": 2000},
        )
        point = blahut_arimoto(p, distortion, slope)
        # Its derivatives are differences, good to 1e-8: near the least that is worth much less than 1e-6.
        assert best.success and point.lower - 1e-9 <= best.fun
        assert point.upper == pytest.approx(best.fun, abs=1e-6)


@st.composite
def sources(draw):
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    rows, columns = draw(st.integers(1, 6)), draw(st.integers(1, 6))
    distortion = rng.normal(size=(rows, columns)) * draw(st.sampled_from([0.1, 1.0, 30.0]))
    if draw(st.booleans()):
        forbidden = rng.random((rows, columns)) < 0.4
        forbidden[np.arange(rows), rng.integers(0, columns, rows)] = False
        distortion[forbidden] = math.inf
    p = rng.dirichlet(np.ones(rows))
    if draw(st.booleans()) and rows > 1:
        p[rng.integers(rows)] = 0.0
    return rng, p / p.sum(), distortion


@settings(max_examples=60)
@given(sources(), st.floats(0.01, 30.0))
def test_what_is_said_of_the_channel_is_so(source, slope):
    rng, p, distortion = source
    point = blahut_arimoto(p, distortion, slope)
    assert point.converged and point.gap <= 1e-10
    assert np.allclose(point.channel.sum(axis=1), 1, atol=1e-12) and np.all(point.channel >= 0)
    assert not np.any(point.channel[np.isinf(distortion)])
    np.testing.assert_allclose(p @ point.channel, point.output, atol=1e-12)
    rate, cost = price(p, distortion, slope, point.channel)
    scale = 1 + slope * np.abs(distortion[np.isfinite(distortion)]).max()  # rounding of I + slope D
    assert point.rate == pytest.approx(rate, abs=1e-12 * scale)
    assert point.distortion == pytest.approx(cost, abs=1e-12 * scale)
    assert point.upper == pytest.approx(rate + slope * cost, abs=1e-12 * scale)
    assert point.upper - point.lower == pytest.approx(point.gap, abs=1e-12 * scale)
    for concentration in (0.1, 1.0):  # no other channel goes below the lower limit
        other = rng.dirichlet(np.full(distortion.shape[1], concentration), size=len(p))
        other = np.where(np.isinf(distortion), 0.0, other)
        total = other.sum(axis=1, keepdims=True)
        other = np.where(total > 1e-9, other / np.maximum(total, 1e-9), point.channel)
        mixed = 0.9 * point.channel + 0.1 * other  # near the best, where a wrong limit would show
        for channel in (other, mixed):
            rate, cost = price(p, distortion, slope, channel)
            assert rate + slope * cost >= point.lower - 1e-12 * scale


@settings(max_examples=30)
@given(sources(), st.floats(0.05, 10.0))
def test_a_shift_of_rows_and_a_change_of_unit(source, slope):
    rng, p, distortion = source
    shift = rng.normal(size=len(p))
    a = blahut_arimoto(p, distortion, slope)
    b = blahut_arimoto(p, 4.0 * (distortion + shift[:, None]), slope / 4)
    assert b.upper == pytest.approx(a.upper + slope * float(p @ shift), abs=1e-9)


def test_copies_of_symbols_change_nothing():
    rng = np.random.default_rng(4)
    p, distortion = rng.dirichlet(np.ones(5)), rng.random((5, 7))
    plain = blahut_arimoto(p, distortion, 8.0)
    twice = blahut_arimoto(np.tile(p, 2) / 2, np.tile(distortion, (2, 2)), 8.0)
    assert twice.converged
    assert twice.upper == pytest.approx(plain.upper, abs=2e-10)


def test_slope_inf_is_the_least_distortion_at_its_least_rate():
    point = blahut_arimoto([0.5, 0.5], [[0.0, 1.0, 0.0], [1.0, 0.0, 0.0]], math.inf)
    assert point.distortion == 0 and point.rate == pytest.approx(0, abs=1e-10)  # the third output serves both
    assert point.output[2] == pytest.approx(1, abs=1e-6)
    point = blahut_arimoto([0.2, 0.8], HAMMING, math.inf)
    assert point.distortion == 0 and point.rate == pytest.approx(float(entropy([0.2, 0.8])), abs=1e-12)
    assert point.lower <= point.rate <= point.upper + 1e-15
    steep = blahut_arimoto([0.2, 0.8], HAMMING, 800.0)
    assert steep.rate == pytest.approx(point.rate, abs=1e-12)


def test_slope_0_is_the_best_constant():
    point = blahut_arimoto([0.2, 0.8], [[0.0, 3.0, 1.0], [1.0, 0.0, 0.2]], 0.0)
    # Expected distortions .8, .6, .36.
    assert (point.rate, point.lower, point.upper, point.gap) == (0.0, 0.0, 0.0, 0.0)
    assert point.distortion == pytest.approx(0.36) and point.output.tolist() == [0, 0, 1]
    assert blahut_arimoto([0.2, 0.8], [[0, 3, 1], [1, 0, 0.2]], 0.01).distortion == pytest.approx(0.36, abs=1e-7)


def test_forbidden_pairs():
    """Each x has an output of its own and they share none: every slope costs the entropy."""
    p, alone = [0.3, 0.7], [[2.0, math.inf], [math.inf, -1.0]]
    for slope in (0.0, 1.0, 50.0, math.inf):
        point = blahut_arimoto(p, alone, slope)
        assert point.converged and point.rate == pytest.approx(float(entropy(p)), abs=1e-12)
        assert point.distortion == pytest.approx(0.6 - 0.7)
    # An x of probability 0 may do with what the others leave it.
    point = blahut_arimoto([1.0, 0.0], [[0.0, 1.0], [math.inf, 1.0]], 0.0)
    assert point.channel.tolist() == [[1, 0], [0, 1]]


def test_one_symbol():
    for slope in (0.0, 1.0, math.inf):
        point = blahut_arimoto([1.0], [[3.0, 2.0]], slope)
        assert point.rate == pytest.approx(0, abs=1e-9)
    assert point.distortion == 2.0
    assert blahut_arimoto([0.5, 0.5], [[1.0], [2.0]], 3.0).distortion == 1.5


def test_huge_costs_do_not_overflow():
    point = blahut_arimoto([0.5, 0.5], [[1e308, 0.0], [-1e300, 1e300]], 1e3)
    assert point.converged and point.rate == pytest.approx(math.log(2), abs=1e-12)


def test_no_convergence_is_said():
    rng = np.random.default_rng(5)
    p, distortion = rng.dirichlet(np.ones(20)), rng.random((20, 20))
    early = blahut_arimoto(p, distortion, 5.0, iterations=3)
    assert not early.converged and early.gap > 1e-10 and early.iterations == 3
    done = blahut_arimoto(p, distortion, 5.0)
    assert early.lower <= done.upper and done.lower <= early.upper


def test_a_start_leads_to_the_same_place():
    rng = np.random.default_rng(6)
    p, distortion = rng.dirichlet(np.ones(8)), rng.random((8, 8))
    a = blahut_arimoto(p, distortion, 5.0)
    b = blahut_arimoto(p, distortion, 5.0, start=a.output)
    c = blahut_arimoto(p, distortion, 5.0, start=np.eye(8)[0])  # plain steps would never leave it
    assert b.iterations <= a.iterations
    assert b.upper == pytest.approx(a.upper, abs=2e-10) and c.upper == pytest.approx(a.upper, abs=2e-10)


def test_a_smooth_distortion_on_a_fine_grid():
    """Plain steps would take hundreds of thousands; the normal source's R(D) up to what the grid changes."""
    x = np.linspace(-6, 6, 400)
    p = np.exp(-(x**2) / 2)
    p /= p.sum()
    for slope in (0.7, 2.0, 5.0):
        point = blahut_arimoto(p, (x[:, None] - x) ** 2, slope)
        assert point.converged and point.iterations < 200
        exact = math.log(2 * slope) / 2 + 0.5  # R + slope D at D = 1 / 2 slope
        # On a grid of step .03 sums of these smooth functions are integrals to 1e-9; the ends hold 2e-9 of the source.
        assert point.upper == pytest.approx(exact, abs=1e-7)


@pytest.mark.parametrize(
    ("arguments", "keywords", "error", "message"),
    [
        (([0.5, 0.6], HAMMING, 1.0), {}, ValueError, "p_x sums to 1.1"),
        (([-0.5, 1.5], HAMMING, 1.0), {}, ValueError, "p_x has 1 values that are negative"),
        (([1.0], HAMMING, 1.0), {}, ValueError, r"p_x has shape \(1,\) and distortion \(2, 2\)"),
        (([0.5, 0.5], [0.0, 1.0], 1.0), {}, ValueError, r"distortion \(2,\)"),
        (([0.5, 0.5], [[0, math.nan], [1, 0]], 1.0), {}, ValueError, "distortion has 1 values that are nan or -inf"),
        (([0.5, 0.5], [[0, -math.inf], [1, 0]], 1.0), {}, ValueError, r"index \(0, 1\) \(-inf\)"),
        (([0.5, 0.5], [[math.inf, math.inf], [1, 0]], 1.0), {}, ValueError, "the row minima of distortion has 1"),
        (([0.5, 0.5], HAMMING, -1.0), {}, ValueError, "slope=-1.0: use a number that is 0 or more"),
        (([0.5, 0.5], HAMMING, math.nan), {}, ValueError, "slope=nan"),
        (([0.5, 0.5], HAMMING, "steep"), {}, TypeError, "slope='steep': use a number"),
        (([0.5, 0.5], HAMMING, 1.0), {"tolerance": math.inf}, ValueError, "tolerance=inf"),
        (([0.5, 0.5], HAMMING, 1.0), {"iterations": 0}, ValueError, "iterations=0"),
        (([0.5, 0.5], HAMMING, 1.0), {"start": [1.0]}, ValueError, r"start has shape \(1,\)"),
        (([0.5, 0.5], [[0, math.inf], [1, 0]], 1.0), {"start": [0.0, 1.0]}, ValueError, "start has 1 rows of dist"),
    ],
)
def test_refusals(arguments, keywords, error, message):
    with pytest.raises(error, match=message):
        blahut_arimoto(*arguments, **keywords)


def test_bits_leave_slope_and_distortion_alone():
    point = blahut_arimoto([0.5, 0.5], HAMMING, 2.0)
    bits = point.to("bits")
    for name in ("rate", "lower", "upper", "gap"):
        assert getattr(bits, name) == pytest.approx(getattr(point, name) / math.log(2), rel=1e-15)
    assert (bits.slope, bits.distortion) == (point.slope, point.distortion)
    assert "units='bits'" in repr(bits)


def test_arrays_of_other_libraries_are_refused():
    torch = pytest.importorskip("torch")
    with pytest.raises(TypeError, match=r"p_x is a torch.Tensor; give a NumPy array"):
        blahut_arimoto(torch.ones(1), [[0.0]], 1.0)
