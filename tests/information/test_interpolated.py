"""The interpolated bound: between TUBA and InfoNCE, with the variance and the ceiling of both."""

import critics
import numpy as np
import pytest

import varinf as vi


def test_ends():
    rng = np.random.default_rng(0)
    s, baseline = rng.normal(size=(9, 9)), rng.normal(size=9)
    assert float(vi.interpolated(s, baseline, 0.0)) == pytest.approx(float(vi.tuba(s, baseline)), rel=1e-12)
    # InfoNCE of y_j among all x but one that is not its own, over those
    kept = [
        s[j, j] - np.log(np.mean(np.exp(np.delete(s[:, j], left)))) for j in range(9) for left in range(9) if left != j
    ]
    assert float(vi.interpolated(s, baseline, 1.0)) == pytest.approx(np.mean(kept), rel=1e-12)


def test_trades_variance_for_a_ceiling():
    """At I = 6 with the true conditional and marginal, N = 32: the closer to InfoNCE, the lower and the calmer."""
    rho = np.sqrt(1 - np.exp(-0.6))
    found = {}
    for alpha in (0.01, 0.3, 1.0):
        found[alpha], _ = critics.batches(
            lambda given, marginal, a=alpha: vi.interpolated(given, marginal, a), 400, n=32, correlation=rho, seed=4
        )
        bound = vi.interpolated(np.eye(32), 0.0, alpha)
        assert bound.ceiling == pytest.approx(np.log(31 / alpha) + (alpha < 1)) and found[alpha].mean() < 6
        assert found[alpha].max() <= bound.ceiling
    assert found[0.01].mean() > found[0.3].mean() + 0.3 > found[1.0].mean() + 0.6
    assert found[0.01].std() > found[0.3].std() > found[1.0].std()


def test_error():
    values, stderr = critics.batches(
        lambda given, marginal: vi.interpolated(given, marginal, 0.5), 1000, n=64, features=4, correlation=0.4257572629
    )
    critics.check_error(values, stderr)  # by 32 groups of two


def test_what_is_refused():
    for wrong in (-0.1, 1.1, np.nan):
        with pytest.raises(ValueError, match="alpha="):
            vi.interpolated(np.eye(3), 0.0, wrong)
