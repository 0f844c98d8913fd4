"""Theorem 1 as an algorithm: the E step closes the gap, the M step lifts log p(x)."""

import numpy as np
import pytest

from varinf.datasets import digits
from varinf.models.expectation_maximisation import expectation_maximisation
from varinf.models.linear_gaussian import LinearGaussian


@pytest.fixture(scope="module")
def images():
    return digits(raw=True)


@pytest.fixture(scope="module")
def fitted(images):
    return LinearGaussian(2).fit(images, method="em", rng=0)


def test_history_shows_both_halves_of_theorem_1(fitted):
    start, *rest = fitted.history
    assert (start.step, start.half) == (0, "start")
    assert [half.half for half in rest] == ["E", "M"] * (len(rest) // 2)
    previous = start
    for now in rest:
        if now.half == "E":
            assert now.elbo == pytest.approx(now.log_evidence, rel=1e-12)  # the gap is closed
            assert now.log_evidence == previous.log_evidence  # the model has not moved
        assert now.elbo > previous.elbo - 1e-10
        assert now.log_evidence > previous.log_evidence - 1e-10
        assert now.elbo < now.log_evidence + 1e-10
        previous = now
    assert rest[1].elbo < rest[1].log_evidence - 1e-3  # the first M step opens a gap: there was one to close


def test_em_reaches_the_closed_form(fitted, images):
    exact = LinearGaussian(2).fit(images)
    assert fitted.converged
    assert fitted.log_evidence(images).mean() == pytest.approx(-177.4399715, abs=1e-6)
    assert fitted.noise_variance == pytest.approx(exact.noise_variance, abs=1e-6)
    np.testing.assert_allclose(fitted.weights @ fitted.weights.T, exact.weights @ exact.weights.T, atol=1e-5)


def test_history_is_the_average_over_the_data(images):
    """The covariance stands in for the data; here the data themselves give the same two numbers."""
    x, mean = images[:300], images[:300].mean(axis=0)
    model = LinearGaussian(3).fit(x, method="em", rng=1, max_steps=2)
    assert not model.converged
    last = model.history[-1]
    assert model.log_evidence(x).mean() == pytest.approx(last.log_evidence, rel=1e-12)
    # One E step more sets q to the posterior of the parameters that the last M step left.
    s = (x - mean).T @ (x - mean) / len(x)
    *_, history, _ = expectation_maximisation(s, model.weights, model.noise_variance, 1, 0.0)
    q = model.posterior(x)
    assert (model.expected_log_joint(x, q) + q.entropy()).mean() == pytest.approx(history[1].elbo, rel=1e-12)
    # And the start, where q is the prior.
    prior = type(model.prior)(np.zeros((len(x), 3)), np.ones((len(x), 3)))
    elbo = model.expected_log_joint(x, prior) + prior.entropy()
    assert elbo.mean() == pytest.approx(history[0].elbo, rel=1e-12)


def test_the_start_decides_the_rotation_alone(images):
    a, b = (LinearGaussian(2).fit(images, method="em", rng=rng) for rng in (2, 3))
    assert not np.allclose(a.weights, b.weights, atol=0.1)
    np.testing.assert_allclose(a.weights @ a.weights.T, b.weights @ b.weights.T, atol=1e-5)
