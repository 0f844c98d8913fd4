"""The tangent bounds on pairs whose information is known: tight where they should be, and NWJ's variance."""

import critics
import numpy as np
import pytest

import varinf as vi

LOW = {"features": 1, "correlation": 0.3}  # little information: no rare huge terms


def test_nwj_with_its_best_critic():
    """Unbiased, and of the variance d rho^2/N + [(1 - rho^2)^-d + (1 - rho^4)^-d - 2]/(N(N - 1))."""
    n, rho = 40, 0.3
    values, stderr = critics.batches(lambda given, marginal: vi.nwj(1 + given - marginal[None]), 4000, n=n, **LOW)
    assert abs(critics.standard_score(values, critics.gaussian_information(1, rho))) < 5
    assert values.std() / np.sqrt(4000) < 0.001
    expected = rho**2 / n + (1 / (1 - rho**2) + 1 / (1 - rho**4) - 2) / (n * (n - 1))
    fourth = np.mean((values - values.mean()) ** 4) / values.var() ** 2
    assert abs(values.var(ddof=1) / expected - 1) < 5 * np.sqrt((fourth - 1) / 4000)
    assert 0.9 < (stderr**2).mean() / expected < 1.2


def test_a_level_of_the_critic_is_charged():
    """f + c loses e^c - 1 - c nats."""
    values, _ = critics.batches(lambda given, marginal: vi.nwj(1.5 + given - marginal[None]), 4000, n=40, **LOW)
    expected = critics.gaussian_information(1, 0.3) - (np.exp(0.5) - 1.5)
    assert abs(critics.standard_score(values, expected)) < 5


def test_tuba_with_the_marginal_as_baseline_is_tight():
    values, stderr = critics.batches(lambda given, marginal: vi.tuba(given, marginal), 4000, n=40, **LOW)
    assert abs(critics.standard_score(values, critics.gaussian_information(1, 0.3))) < 5
    critics.check_error(values, stderr)


def test_baselines():
    s = np.random.default_rng(0).normal(size=(5, 5))
    assert float(vi.nwj(s)) == float(vi.tuba(s, 1.0)) == pytest.approx(float(vi.tuba(s, np.ones(5))), rel=1e-14)
    assert float(vi.tuba(s, 1)) == float(vi.tuba(s, np.float64(1.0)))
    for wrong in (np.zeros(4), np.zeros((5, 5)), np.zeros((1, 5))):
        with pytest.raises(ValueError, match="log_baseline has shape"):
            vi.tuba(s, wrong)
    for wrong in (np.nan, np.full(5, np.inf), float("inf")):
        with pytest.raises(ValueError, match="log_baseline"):
            vi.tuba(s, wrong)


def test_rare_large_scores_are_spoken_of():
    """At I = 10 the mean over others is ruled by pairs that no batch of 64 holds."""
    rng = np.random.default_rng(1)
    given, marginal = critics.gaussian_pairs(rng, 256, 20, np.sqrt(1 - np.exp(-1)))
    found = vi.nwj(1 + given - marginal[None])
    assert found.k_hat > 0.7 and any("k_hat" in c and "exp(scores)" in c for c in found.caveats)
    calm = vi.nwj(1 + 0.1 * rng.normal(size=(100, 100)))
    assert len(calm.caveats) == 1 and "not fitted" in calm.caveats[0]
