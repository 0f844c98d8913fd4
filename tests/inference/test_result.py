"""What a fit gives: log weights, draws, covariances, text."""

import numpy as np
import pytest
from targets import banana, normal

import varinf as vi
from varinf.inference.result import log_density
from varinf.inference.target import Target


@pytest.fixture(scope="module")
def fit():
    return vi.fit(banana(2, 0.3), "full", rng=0)


def test_log_weights_are_log_p_less_log_q(fit):
    z, log_w = fit.weighted_draws(50, rng=1)
    np.testing.assert_allclose(log_w, fit.target.log_prob(z) - fit.q.log_prob(z), atol=1e-10)
    np.testing.assert_array_equal(fit.log_weights(50, rng=1), log_w)


def test_reweighted_draws_have_the_exact_moments(fit):
    """E z = (0, 0.3): k_hat says that the weights can be averaged, and the average is right."""
    z, log_w = fit.weighted_draws(100_000, rng=2)
    w = np.exp(log_w - log_w.max())
    mean = w @ z / w.sum()
    error = np.sqrt((w**2) @ (z - mean) ** 2) / w.sum()
    assert vi.psis(log_w).k_hat < 0.7 and np.all(np.abs(mean - [0, 0.3]) < 5 * error) and np.all(error < 0.05)


def test_covariances(fit):
    np.testing.assert_allclose(fit.covariance(), fit.q.covariance)
    np.testing.assert_allclose(fit.covariance(directions=[1.0, 0.0]), fit.q.covariance[:1, :1])
    with pytest.raises(ValueError, match=r"directions has shape \(1, 3\)"):
        fit.covariance(directions=[1.0, 2.0, 3.0])
    with pytest.raises(ValueError, match="use 'q' or 'linear_response'"):
        fit.covariance("laplace")


def test_text_fits_a_terminal(fit):
    lines = str(fit).splitlines()
    assert "converged" in lines[0] and "ELBO" in str(fit) and max(map(len, lines)) <= 80


def test_densities_in_blocks_and_nan_as_none():
    target = Target(lambda z: np.where(z[:, 0] > 1, np.nan, -z[:, 0]), 1)
    z = np.linspace(-2, 2, 7)[:, None]
    expected = np.where(z[:, 0] > 1, -np.inf, -z[:, 0])
    np.testing.assert_array_equal(log_density(target, z), expected)


def test_nan_in_the_reach_of_q_is_told():
    target, mean, _, _ = normal(1)
    holed = Target(lambda z: np.where(z[:, 0] > mean[0] + 0.5, np.nan, target.log_prob(z)), 1)
    fit = vi.fit(holed, rng=0, start=mean - 1)
    assert fit.elbo.value == -np.inf
