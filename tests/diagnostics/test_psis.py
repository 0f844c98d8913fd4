import math

import mpmath
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

import varinf as vi
from varinf.diagnostics.psis import k_threshold, largest, tail_length


def slow_psis(log_w):
    """Algorithm 1 of Vehtari et al. (2024) by loops in 30 digits: (k_hat, smoothed log weights)."""
    with mpmath.workdps(30):
        n = len(log_w)
        m = math.ceil(min(0.2 * n, 3 * math.sqrt(n)))
        order = sorted(range(n), key=lambda i: log_w[i])
        peak = mpmath.mpf(float(log_w[order[-1]]))
        w = [mpmath.e ** (mpmath.mpf(float(log_w[i])) - peak) for i in order]
        cutoff = w[n - m - 1]
        x = [value - cutoff for value in w[n - m :]]
        # Zhang & Stephens: a grid of theta = −k/sigma, each weighted by its profile likelihood.
        points = 30 + int(math.sqrt(m))
        quartile = x[math.floor(m / 4 + 0.5) - 1]
        thetas = [
            1 / x[-1] + (1 - mpmath.sqrt(mpmath.mpf(points) / (j - mpmath.mpf(1) / 2))) / (3 * quartile)
            for j in range(1, points + 1)
        ]
        likelihoods = []
        for theta in thetas:
            k = mpmath.fsum(mpmath.log(1 - theta * value) for value in x) / m
            likelihoods.append(m * (mpmath.log(-theta / k) - k - 1))
        total = [mpmath.fsum(mpmath.e ** (other - one) for other in likelihoods) for one in likelihoods]
        theta = mpmath.fsum(t / weight for t, weight in zip(thetas, total, strict=True))
        k = mpmath.fsum(mpmath.log(1 - theta * value) for value in x) / m
        sigma = -k / theta
        k = (m * k + 5) / (m + 10)
        smoothed = [mpmath.mpf(float(value)) for value in log_w]
        for rank in range(m):
            p = (rank + mpmath.mpf(1) / 2) / m
            value = mpmath.log(cutoff + sigma * ((1 - p) ** (-k) - 1) / k)
            smoothed[order[n - m + rank]] = min(value, mpmath.mpf(0)) + peak
        return float(k), np.array([float(value) for value in smoothed])


@pytest.mark.parametrize("scale", [0.1, 0.5, 1.5])
@pytest.mark.parametrize("n", [60, 400])
def test_against_a_slow_derivation(n, scale):
    log_w = scale * np.random.default_rng(n).standard_normal(n) - 300
    k_hat, smoothed = slow_psis(log_w)
    result = vi.psis(log_w)
    assert result.k_hat == pytest.approx(k_hat, abs=1e-9)
    np.testing.assert_allclose(result.log_weights, smoothed, rtol=0, atol=1e-9)


def test_sigma_of_the_smoothing_is_the_fits_own():
    """k is drawn towards 1/2 after the fit; sigma belongs to the fit before that (sigma = −k/theta)."""
    log_w = np.random.default_rng(1).exponential(size=200)
    _, smoothed = slow_psis(log_w)
    np.testing.assert_allclose(vi.psis(log_w).log_weights, smoothed, atol=1e-9)


@pytest.mark.parametrize("k", [0.1, 0.5, 0.7, 1.0, 2.0])
def test_k_hat_of_exact_pareto_tails(k):
    """The mean is k to within the pull towards 1/2, (5 − 10 k)/(m + 10), and O(1/m); the spread (1 + k)/sqrt(m)."""
    draws, n = 10_000, 400
    m = tail_length(draws)
    k_hat = vi.psis(k * np.random.default_rng(2).standard_exponential((n, draws)), axis=1).k_hat
    pulled = (m * k + 5) / (m + 10)
    spread = (1 + k) / math.sqrt(m)
    assert abs(np.mean(k_hat) - pulled) < 5 * spread / math.sqrt(n) + (1 + k) / m
    assert np.std(k_hat) == pytest.approx(spread, rel=5 / math.sqrt(2 * n) + 0.05)


def test_k_hat_of_bounded_weights_is_negative():
    w = np.random.default_rng(3).uniform(size=20_000)  # tail index −1, where the fit is rough
    assert -1.2 < vi.psis(np.log(w)).k_hat < -0.7


def test_k_hat_cannot_see_a_mode_that_q_misses():
    """Two modes 20 apart, q on one of them: a good verdict reads "as far as q reaches"."""
    z = np.random.default_rng(4).standard_normal(10_000)
    log_p = np.logaddexp(-0.5 * z**2, -0.5 * (z - 20) ** 2) - math.log(2)
    log_w = log_p + 0.5 * z**2
    assert vi.iwelbo(log_w).value == pytest.approx(-0.693, abs=1e-3)
    assert vi.psis(log_w).k_hat < 0.5


@pytest.mark.parametrize(("draws", "tail"), [(1, 1), (5, 1), (25, 5), (100, 20), (225, 45), (1000, 95), (10_000, 300)])
def test_tail_length(draws, tail):
    assert tail_length(draws) == tail


@pytest.mark.parametrize(
    ("draws", "threshold"),
    [(1, -math.inf), (2, 1 - 1 / math.log10(2)), (100, 0.5), (1000, 2 / 3), (10**4, 0.7), (10**9, 0.7)],
)
def test_threshold(draws, threshold):
    assert k_threshold(draws) == pytest.approx(threshold)
    if draws > 1:
        assert vi.psis(np.zeros(min(draws, 1000))).threshold == pytest.approx(k_threshold(min(draws, 1000)))


def test_largest_are_the_sorted_top():
    x = np.random.default_rng(5).normal(size=(100, 3))
    top = largest(x, 0)
    assert top.shape == (3, 21)
    np.testing.assert_array_equal(top, np.sort(x.T, axis=1)[:, -21:])
    np.testing.assert_array_equal(largest(np.asfortranarray(x), 0), top)
    np.testing.assert_array_equal(largest(x, 0, -2), np.sort(-2 * x.T, axis=1)[:, -21:])


@pytest.mark.parametrize("draws", [1, 2, 20])
def test_few_draws_say_nothing(draws):
    result = vi.psis(np.arange(draws, dtype=float))
    assert np.isnan(result.k_hat)
    np.testing.assert_array_equal(result.log_weights, np.arange(draws))


def test_21_draws_are_enough_for_a_tail_of_five():
    assert np.isfinite(vi.psis(np.random.default_rng(6).normal(size=21)).k_hat)


def test_constant_and_empty_tails():
    assert vi.psis(np.zeros(100)).k_hat == -math.inf
    np.testing.assert_array_equal(vi.psis(np.zeros(100)).log_weights, np.zeros(100))
    assert vi.psis(np.full(100, -np.inf)).k_hat == -math.inf
    one = np.full(100, -np.inf)
    one[3] = 0.0
    assert vi.psis(one).k_hat == math.inf  # one draw has all the weight
    some = np.random.default_rng(7).normal(size=100)
    some[:70] = -np.inf
    assert np.isfinite(vi.psis(some).k_hat)
    assert np.count_nonzero(vi.psis(some).log_weights == -np.inf) == 70


def test_ties_at_the_cutoff():
    x = np.zeros(1000)
    x[:10] = np.linspace(0.1, 3, 10)
    result = vi.psis(x)
    assert result.k_hat == -math.inf  # most of the tail ties, and many draws share its weight
    np.testing.assert_array_equal(result.log_weights, x)


def test_batches_axes_and_types():
    x = np.random.default_rng(8).normal(size=(150, 2, 3))
    whole = vi.psis(x)
    assert whole.k_hat.shape == (2, 3) and whole.log_weights.shape == x.shape
    for i in np.ndindex(2, 3):
        one = vi.psis(x[(slice(None), *i)])
        assert isinstance(one.k_hat, float)
        assert whole.k_hat[i] == pytest.approx(one.k_hat, abs=1e-12)
        np.testing.assert_allclose(whole.log_weights[(slice(None), *i)], one.log_weights, atol=1e-12)
    last = vi.psis(np.moveaxis(x, 0, -1), axis=-1)
    np.testing.assert_allclose(last.k_hat, whole.k_hat, atol=1e-12)
    np.testing.assert_allclose(np.moveaxis(last.log_weights, -1, 0), whole.log_weights, atol=1e-12)
    turned = vi.psis(np.asfortranarray(x))
    np.testing.assert_array_equal(turned.k_hat, whole.k_hat)
    np.testing.assert_array_equal(turned.log_weights, whole.log_weights)
    assert vi.psis(x.astype(np.float32)).log_weights.dtype == np.float32


def test_input_is_left_alone():
    x = np.random.default_rng(9).normal(size=100)
    before = x.copy()
    x.flags.writeable = False
    assert vi.psis(x).log_weights is not x
    np.testing.assert_array_equal(x, before)


def test_smoothing_improves_the_mean_of_heavy_weights():
    """What PSIS is for: at tail index 0.7 the smoothed mean has the smaller mean squared error (in logs)."""
    k, n = 0.7, 3000
    x = k * np.random.default_rng(10).standard_exponential((n, 1000))
    truth = -math.log1p(-k)
    plain = vi.iwelbo(x, axis=1).value - truth
    smooth = vi.iwelbo(vi.psis(x, axis=1).log_weights, axis=1).value - truth
    gain = plain**2 - smooth**2
    assert np.mean(gain) > 3 * np.std(gain) / math.sqrt(n)


@given(arrays(np.float64, st.integers(30, 80), elements=st.integers(-3000, 3000)), st.integers(-1000, 1000))
def test_shift_and_order_do_not_matter(x, shift):
    x = x / 128  # shifts by whole numbers are then exact
    a, b, c = vi.psis(x), vi.psis(x[::-1]), vi.psis(x + shift)
    assert b.k_hat == pytest.approx(a.k_hat, abs=1e-12)
    assert c.k_hat == pytest.approx(a.k_hat, abs=1e-12)


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_bad_values(bad):
    x = np.zeros((5, 2))
    x[3, 1] = bad
    with pytest.raises(
        ValueError, match=r"log_weights has 1 values that are nan or \+inf of 10, the first at index \(3, 1\)"
    ):
        vi.psis(x)


def test_reads_at_a_glance():
    x = np.random.default_rng(11).normal(size=(100, 2))
    assert repr(vi.psis(x[:, 0])).startswith("<PSIS: k_hat ")
    assert "up to" in repr(vi.psis(x))


@pytest.mark.parametrize(
    ("log_weights", "k_hat"),
    [
        (np.r_[np.zeros(99), 1000.0], np.inf),  # one draw has it all, the others tie
        (np.r_[np.full(9990, -20.0), np.zeros(10)], np.inf),  # ten draws of ten thousand
        (np.r_[np.full(998, -50.0), 0.0, 1.0], np.inf),
        (np.r_[np.full(500, -np.inf), 0.0], np.inf),
        (np.r_[np.zeros(950), np.full(50, np.log(2.0))], -np.inf),  # two weights, one twice the other: nothing to fear
        (np.zeros(1000), -np.inf),
    ],
)
def test_a_tail_that_no_pareto_fits(log_weights, k_hat):
    assert vi.psis(log_weights).k_hat == k_hat


@pytest.mark.parametrize("sd", [200, 300, 500, 3_000, 10_000])
@pytest.mark.parametrize("draws", [100, 1_000, 10_000])
def test_weights_that_vanish_beside_the_largest_are_heavy(sd, draws):
    """Nothing may call them reliable: not k_hat, not the caveats; and no warning of NumPy's escapes."""
    log_weights = np.random.default_rng(1).normal(0, sd, draws)
    b = vi.iwelbo(log_weights)
    assert b.k_hat > 5
    assert any("heavy-tailed" in caveat for caveat in b.caveats)
    with pytest.raises(vi.HeavyTailError):
        vi.cubo(log_weights)


def test_no_data_print():
    assert repr(vi.psis(np.zeros((5, 0)))) == "<PSIS: k_hat of no data, threshold -0.43>"
