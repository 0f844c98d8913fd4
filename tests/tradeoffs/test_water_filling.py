"""Reverse water-filling: against root finding and convex optimisation, the laws of the curve, and its ends."""

import math

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from scipy.optimize import brentq, minimize

from varinf.datasets import digits
from varinf.tradeoffs.water_filling import gaussian_rate_distortion, reverse_water_filling

spectra = st.lists(st.floats(1e-3, 1e3) | st.just(0.0), min_size=1, max_size=8).filter(lambda values: max(values) > 0)


def curve(variances, level):
    """(rate, distortion) as the theorem writes them, term by term."""
    rate = sum(max(0.0, 0.5 * math.log(v / level)) for v in variances if v > 0)
    return rate, sum(min(v, level) for v in variances)


@given(spectra, st.floats(1e-4, 2e3))
def test_the_theorem_at_a_level(variances, level):
    point = gaussian_rate_distortion(variances, level=level)
    assert (point.rate, point.distortion) == pytest.approx(curve(variances, level), rel=1e-12, abs=1e-13)
    assert point.level == level
    assert all(type(x) is float for x in (point.rate, point.distortion, point.level))


@given(spectra, st.floats(1e-3, 0.999))
def test_levels_of_distortions_against_a_root_finder(variances, share):
    distortion = share * sum(variances)
    level = brentq(lambda t: curve(variances, t)[1] - distortion, 1e-9, max(variances), xtol=1e-300, rtol=1e-14)
    point = gaussian_rate_distortion(variances, distortion=distortion)
    assert point.level == pytest.approx(level, rel=1e-10)
    # The rate moves by dR = −dD / 2θ, and D is known to eps: 1e-15 times trace / level, at most 1e5 or so here.
    assert point.rate == pytest.approx(curve(variances, level)[0], rel=1e-9, abs=1e-9)
    assert point.distortion == distortion


@given(spectra, st.floats(1e-3, 50.0))
def test_levels_of_rates_against_a_root_finder(variances, rate):
    low = math.log(min(v for v in variances if v > 0)) - 2 * rate - 1
    log_level = brentq(
        lambda t: curve(variances, math.exp(t))[0] - rate, low, math.log(max(variances)), xtol=1e-14, rtol=1e-14
    )
    point = gaussian_rate_distortion(variances, rate=rate)
    assert math.log(point.level) == pytest.approx(log_level, abs=1e-10)
    assert point.distortion == pytest.approx(curve(variances, math.exp(log_level))[1], rel=1e-9)
    assert point.rate == rate


@pytest.mark.filterwarnings("ignore:Values in x were outside bounds")  # SciPy before 1.16 steps past a bound by eps
def test_no_other_sharing_of_a_distortion_costs_less():
    """The definition: the least Σ ½ log(λ_i / D_i) over errors D_i <= λ_i with sum D, by sequential programming."""
    variances = np.array([5.0, 2.0, 1.5, 0.3])
    for distortion in (0.8, 2.0, 5.0):
        best = minimize(
            lambda d: np.sum(np.log(variances / d)) / 2,
            distortion * variances / variances.sum(),
            jac=lambda d: -0.5 / d,
            bounds=[(1e-6, v) for v in variances],
            constraints={"type": "eq", "fun": lambda d, total=distortion: d.sum() - total, "jac": np.ones_like},
            method="SLSQP",
            options={"ftol": 1e-14, "maxiter": 500},
        )
        # Sequential programming ends where the objective moves by its ftol; 1e-8 leaves it room.
        assert gaussian_rate_distortion(variances, distortion=distortion).rate == pytest.approx(best.fun, abs=1e-8)


@given(spectra)
def test_the_curve_falls_and_is_convex_with_slope_minus_half_over_the_level(variances):
    distortion = np.linspace(0.01, 0.99, 25) * sum(variances)
    point = gaussian_rate_distortion(variances, distortion=distortion)
    steps = np.diff(point.rate) / np.diff(distortion)
    assert np.all(steps < 0) and np.all(np.diff(steps) >= -1e-9 * np.abs(steps[:-1]))
    assert np.all(np.diff(point.level) > -1e-12 * point.level[1:])
    # By convexity the slope of a chord lies between those at its ends.
    slope = -1 / (2 * point.level)
    assert np.all(steps >= slope[:-1] * (1 + 1e-9)) and np.all(steps <= slope[1:] * (1 - 1e-9))


@given(spectra, st.floats(1e-3, 0.999))
def test_the_slope_at_a_point(variances, share):
    distortion = share * sum(variances)
    here = gaussian_rate_distortion(variances, distortion=distortion)
    h = 1e-5 * here.level
    assume(distortion + h < sum(variances) and all(abs(v - here.level) > 2 * h for v in variances))  # off the knots
    low, high = gaussian_rate_distortion(variances, distortion=[distortion - h, distortion + h]).rate
    # Differences of h see R to second order, 1e-10, and to its rounding over h.
    assert (high - low) / (2 * h) * 2 * here.level == pytest.approx(-1, abs=1e-5)


@given(spectra, st.floats(1e-3, 0.999))
def test_all_three_ways_lead_to_one_point(variances, share):
    by_distortion = gaussian_rate_distortion(variances, distortion=share * sum(variances))
    for way in ("level", "rate"):
        again = gaussian_rate_distortion(variances, **{way: getattr(by_distortion, way)})
        for name in ("level", "distortion"):
            assert getattr(again, name) == pytest.approx(getattr(by_distortion, name), rel=1e-9)
        assert again.rate == pytest.approx(by_distortion.rate, rel=1e-9, abs=1e-9)


def test_digits():
    """The linear VAE of 5 latents at level 60 > λ_6 is on the whole source's curve: 1.8115 nats, 846.72 in error."""
    X = digits(raw=True)
    covariance = np.cov(X.T, bias=True)
    point = gaussian_rate_distortion(covariance, level=60.0)
    assert point.rate == pytest.approx(1.8115, rel=1e-4)
    assert point.distortion == pytest.approx(846.72, rel=1e-4)
    assert np.linalg.eigvalsh(covariance)[-6] == pytest.approx(59.0756, abs=1e-4)


def test_a_matrix_and_its_eigenvalues_are_one_source():
    rng = np.random.default_rng(0)
    root = rng.normal(size=(6, 3))  # rank 3: the other eigenvalues are 0 to rounding, and cost nothing
    matrix, levels = root @ root.T, np.array([[1e-3, 0.5], [2.0, 50.0]])
    a = gaussian_rate_distortion(matrix, level=levels)
    b = gaussian_rate_distortion(np.linalg.svd(root, compute_uv=False) ** 2, level=levels)
    for name in ("rate", "distortion", "level"):
        assert getattr(a, name).shape == (2, 2)
        np.testing.assert_allclose(getattr(a, name), getattr(b, name), rtol=1e-10, atol=1e-12)
    far = gaussian_rate_distortion(matrix, rate=60.0)
    assert far.distortion == pytest.approx(3 * far.level)  # not 6


def test_the_ends_of_the_curve():
    variances = [4.0, 1.0, 0.0]
    for where in ({"level": 9.0}, {"level": math.inf}, {"level": 4.0}, {"rate": 0.0}, {"distortion": 5.0}):
        point = gaussian_rate_distortion(variances, **where)
        assert (point.rate, point.distortion) == (0.0, 5.0)
        assert point.level == where.get("level", 4.0)
    beyond = gaussian_rate_distortion(variances, distortion=[7.0, math.inf])
    assert (beyond.rate.tolist(), beyond.distortion.tolist(), beyond.level.tolist()) == ([0, 0], [5, 5], [4, 4])
    for where in ({"level": 0.0}, {"distortion": 0.0}, {"rate": math.inf}):
        point = gaussian_rate_distortion(variances, **where)
        assert (point.rate, point.distortion, point.level) == (math.inf, 0.0, 0.0)
    for where in ({"level": 0.0}, {"distortion": 1.0}, {"rate": 1.0}):  # nothing varies: nothing has to be said
        point = gaussian_rate_distortion(np.zeros((2, 2)), **where)
        assert (point.rate, point.distortion, point.level) == (0.0, 0.0, 0.0)


def test_equal_eigenvalues_and_any_order():
    point = gaussian_rate_distortion([2.0, 2.0, 2.0], distortion=3.0)
    assert point.level == 1.0 and point.rate == pytest.approx(1.5 * math.log(2), rel=1e-14)
    a, b = (gaussian_rate_distortion(v, rate=1.3) for v in ([3.0, 1.0, 2.0], [1.0, 2.0, 3.0]))
    assert a.distortion == b.distortion


def test_small_distortions_keep_their_digits():
    """Sums from the smallest eigenvalue on: at D = 1e-11 beside a trace of 1e6, each direction has its third."""
    point = gaussian_rate_distortion([1e6, 1.0, 1e-10], distortion=1e-11)
    assert point.level == pytest.approx(1e-11 / 3, rel=1e-13)


def test_reverse_water_filling_is_the_curve_at_a_level():
    for variances in ([4.0, 1.0, 0.2], np.diag([4.0, 1.0, 0.2])):
        a, b = reverse_water_filling(variances, [0.1, 2.0]), gaussian_rate_distortion(variances, level=[0.1, 2.0])
        assert (a.rate.tolist(), a.distortion.tolist()) == (b.rate.tolist(), b.distortion.tolist())


def test_bits_are_of_the_rate_alone():
    nats = reverse_water_filling([4.0, 1.0], 1.0)
    bits = nats.to("bits")
    assert (nats.units, bits.units) == ("nats", "bits")
    assert (bits.rate, bits.distortion, bits.level) == (pytest.approx(1.0, rel=1e-15), 2.0, 1.0)


def test_float32_stays_float32():
    point = gaussian_rate_distortion(np.eye(3, dtype=np.float32), level=np.array([0.5], dtype=np.float32))
    assert point.rate.dtype == point.distortion.dtype == point.level.dtype == np.float32
    assert point.rate[0] == pytest.approx(1.5 * math.log(2), rel=1e-6)


@pytest.mark.parametrize(
    ("covariance", "where", "error", "message"),
    [
        ([1.0], {}, ValueError, "give exactly one of level, distortion and rate; here are none"),
        ([1.0], {"level": 1.0, "rate": 0.0}, ValueError, "exactly one.*here are level and rate"),
        ([1.0], {"level": -1.0}, ValueError, r"level has 1 values that are negative or nan of 1.*\(-1.0\); use 0 or"),
        ([1.0], {"rate": [1.0, math.nan]}, ValueError, "rate has 1 values that are negative or nan of 2.*at index 1"),
        ([1.0], {"distortion": "much"}, TypeError, "distortion has dtype"),
        ([[1.0, 2.0]], {"level": 1.0}, ValueError, r"covariance has shape \(1, 2\): give a matrix \(F, F\), or its"),
        ([], {"level": 1.0}, ValueError, r"covariance has shape \(0,\)"),
        (3.0, {"level": 1.0}, ValueError, r"covariance has shape \(\)"),
        ([1.0, -0.1], {"level": 1.0}, ValueError, "covariance has 1 values below 0 of 2, the first at index 1"),
        ([[1.0, 2.0], [2.0, 1.0]], {"level": 1.0}, ValueError, "the spectrum of covariance has 1 values below 0 of 2"),
        ([[1.0, 0.5], [0.0, 1.0]], {"level": 1.0}, ValueError, r"\|covariance - its transpose\| has 2 values"),
        ([1.0, math.inf], {"level": 1.0}, ValueError, "covariance has 1 values that are nan or infinite"),
    ],
)
def test_refusals(covariance, where, error, message):
    with pytest.raises(error, match=message):
        gaussian_rate_distortion(covariance, **where)


def test_arrays_of_other_libraries_are_refused():
    torch = pytest.importorskip("torch")
    with pytest.raises(TypeError, match=r"covariance is a torch.Tensor; give a NumPy array"):
        gaussian_rate_distortion(torch.eye(2), level=1.0)
    with pytest.raises(TypeError, match=r"level is a torch.Tensor; give a number or a NumPy array"):
        gaussian_rate_distortion([1.0], level=torch.tensor(1.0))
