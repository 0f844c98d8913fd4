import math

import numpy as np
import pytest
from exact_cases import Gaussian, Pareto, assert_mean

import varinf as vi


@pytest.mark.parametrize("case", [Gaussian(0.7), Gaussian(2.0, dim=3), Pareto(0.5)], ids=str)
def test_is_unbiased_for_the_exact_eubo(case):
    values = vi.eubo(case.from_posterior(np.random.default_rng(1), (500, 2000))).value
    assert_mean(values, case.curve(1), sees=0.03)


def test_what_it_says_it_is():
    b = vi.eubo([1.0, 2.0])
    assert (b.direction, b.bias, b.is_bound, b.estimand) == ("upper", "none", True, "EUBO")


def test_coverage_of_independent_draws():
    case = Gaussian(2.0, dim=2)
    interval = vi.eubo(case.from_posterior(np.random.default_rng(2), (400, 2000))).interval()
    covered = np.mean((interval.low <= case.curve(1)) & (case.curve(1) <= interval.high))
    assert abs(covered - 0.95) < 5 * math.sqrt(0.95 * 0.05 / 2000)


def test_k_hat_is_that_of_the_inverse_weights():
    x = np.random.default_rng(3).normal(0.5, 1, size=2000)
    assert vi.eubo(x).k_hat == vi.psis(-x).k_hat


def test_plus_infinity_is_data_and_says_why():
    b = vi.eubo([1.0, np.inf, 2.0])
    assert b.value == np.inf
    assert any("density zero at posterior draws" in text for text in b.caveats)


def test_nan_is_refused():
    with pytest.raises(ValueError, match=r"log_weights_at_posterior_draws has 1 nan of 3, the first at index 1"):
        vi.eubo([1.0, np.nan, 2.0])


def autoregressive(rng, length, chains, batch, rho):
    """Stationary AR(1) of unit variance, (length, chains, batch); Var of a long mean is (1 + ρ)/(1 − ρ)/n."""
    x = rng.standard_normal((length, chains, batch))
    for t in range(1, length):
        x[t] = rho * x[t - 1] + math.sqrt(1 - rho**2) * x[t]
    return x


def test_batch_means_see_the_autocorrelation():
    length, chains, rho = 4000, 4, 0.6
    x = autoregressive(np.random.default_rng(4), length, chains, 300, rho)
    b = vi.eubo(x, chain_axis=1)
    spread = np.std(b.value, ddof=1)
    # The batch means' own bias, about 2ρ/((1 − ρ)(1 + ρ))/size = 3% here, on top of the 4% noise of 300 spreads.
    assert np.mean(b.stderr) == pytest.approx(spread, rel=0.2)
    assert np.mean(b.stderr) == pytest.approx(math.sqrt((1 + rho) / (1 - rho) / (length * chains)), rel=0.05)
    naive = np.mean(vi.eubo(x.reshape(-1, 300)).stderr)
    assert naive < 0.55 * spread  # what ignoring the chain would report


def test_chains_are_no_bound_and_say_so():
    b = vi.eubo(np.random.default_rng(5).normal(size=(100, 4)), chain_axis=1)
    assert b.bias == "unknown" and not b.is_bound and b.draws == 400
    assert any("Markov chains" in text for text in b.caveats)
    with pytest.raises(ValueError, match="markov"):
        b.interval(kind="markov")


@pytest.mark.parametrize(("axis", "chain_axis"), [(0, 1), (1, 0), (2, 0), (0, 2), (-1, -2)])
def test_chain_axis_anywhere(axis, chain_axis):
    x = np.random.default_rng(6).normal(size=(50, 3, 2))
    y = np.moveaxis(x, (0, 1), (axis, chain_axis))
    np.testing.assert_allclose(vi.eubo(y, axis=axis, chain_axis=chain_axis).value, x.mean((0, 1)), rtol=1e-12)
    np.testing.assert_allclose(
        vi.eubo(y, axis=axis, chain_axis=chain_axis).stderr, vi.eubo(x, chain_axis=1).stderr, rtol=1e-12
    )


def test_chain_axis_errors():
    x = np.zeros((50, 3))
    with pytest.raises(ValueError, match="chain_axis=0 is the axis of the draws"):
        vi.eubo(x, chain_axis=0)
    with pytest.raises(ValueError, match="2 dimensions"):
        vi.eubo(x, chain_axis=2)
    with pytest.raises(TypeError, match="integer"):
        vi.eubo(x, chain_axis=1.0)
    with pytest.raises(ValueError, match="3 chains of 3 draws"):
        vi.eubo(np.zeros((3, 3)), chain_axis=1)


def test_minus_infinity_is_no_posterior_draw():
    with pytest.raises(
        ValueError, match=r"log_weights_at_posterior_draws has 1 values of -inf of 3, the first at index 1"
    ):
        vi.eubo([1.0, -np.inf, 2.0])
