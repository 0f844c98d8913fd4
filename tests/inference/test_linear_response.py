"""Linear response is exact for normals whatever the family; the error of fixed draws is that of many fits."""

import numpy as np
import pytest
from targets import banana, diabetes_regression, normal

from varinf.inference.fit import fit


@pytest.mark.parametrize("family", ["diagonal", "low_rank:2", "student_t:6"])
def test_covariances_of_a_normal(family):
    target, _, covariance, _ = normal(4)
    found = fit(target, family, rng=0)
    np.testing.assert_allclose(found.covariance("linear_response"), covariance, atol=1e-6)
    directions = np.array([[1.0, 1.0, 0.0, 0.0], [0.0, 0.0, 2.0, -1.0]])
    expected = directions @ covariance @ directions.T
    np.testing.assert_allclose(found.covariance("linear_response", directions), expected, atol=1e-6)


def test_covariances_of_the_diabetes_posterior():
    target, model = diabetes_regression()
    exact = model.posterior().covariance
    np.testing.assert_allclose(fit(target, rng=0).covariance("linear_response"), exact, atol=1e-6)


def test_what_has_no_linear_response():
    target = normal(2)[0]
    found = fit(target, method="stochastic", rng=0, max_steps=100)
    with pytest.raises(ValueError, match="needs a deterministic fit"):
        found.covariance("linear_response")


@pytest.mark.parametrize("whiten", [False, True])
def test_errors_of_fixed_draws_are_the_spread_of_fits(whiten):
    """60 fits: their spread has a relative error of 1/sqrt(120) = 9%; the mean of 60 squared errors adds its own."""
    target = banana(2, 0.3)
    fits = [fit(target, draws=16, whiten=whiten, rng=seed) for seed in range(60)]
    assert all(found.converged for found in fits)
    spread = np.std([found.q.loc for found in fits], axis=0, ddof=1)
    squares = np.array([found.draw_stderr**2 for found in fits])
    claimed = np.sqrt(squares.mean(axis=0))
    error = np.hypot(spread / np.sqrt(120), squares.std(axis=0) / claimed / 2 / np.sqrt(60))
    moves = spread > 1e-9  # antithetic draws leave the first mean where symmetry has it
    assert moves.any() and np.all(np.abs(spread - claimed)[moves] < 5 * error[moves])
    assert np.all(claimed[~moves] < 1e-6)
    assert np.all(5 * error[moves] < spread[moves])  # an error that is off by a factor of two is seen


def test_plain_draws_err_as_one_over_root_s_and_whitened_ones_not_at_all_on_normals():
    target, mean, _, _ = normal(3)
    small, large = ([fit(target, draws=draws, whiten=False, rng=seed) for seed in range(20)] for draws in (20, 320))
    spread = [np.mean([np.log(f.q.scale / fit(target, rng=0).q.scale) ** 2 for f in fits]) for fits in (small, large)]
    assert 8 < spread[0] / spread[1] < 32  # squared errors fall as 1 / S: 16 here, to the error of 60 squares each
    np.testing.assert_allclose(fit(target, draws=20, rng=1).q.loc, mean, atol=1e-6)
