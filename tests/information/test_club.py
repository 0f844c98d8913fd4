"""CLUB on pairs whose information is known."""

import critics
import numpy as np

import varinf as vi


def test_gaussian_critic():
    """With the true conditional its mean is d rho^2/(1 - rho^2), twice the information and more."""
    values, stderr = critics.batches(lambda log_conditional, _: vi.club(log_conditional), 1500, seed=2)
    assert abs(critics.standard_score(values, 4.428055)) < 5
    assert values.std() / np.sqrt(1500) < 0.02
    critics.check_error(values, stderr)


def test_direction():
    s = np.random.default_rng(3).normal(size=(6, 6))
    assert vi.club(s).is_bound and vi.club(s).direction == "upper"
    assert vi.club(s, exact=False).direction == "neither"
