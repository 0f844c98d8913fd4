import mpmath
import numpy as np
import pytest
from scipy.stats import multivariate_normal

from varinf.datasets import digits
from varinf.divergences.kl import kl
from varinf.evidence.identity import identity
from varinf.families.diagonal_normal import DiagonalNormal
from varinf.families.full_normal import FullNormal
from varinf.models.linear_gaussian import LinearGaussian


@pytest.fixture(scope="module")
def images():
    return digits(raw=True)


@pytest.fixture
def model():
    rng = np.random.default_rng(0)
    return LinearGaussian.from_parameters(rng.normal(size=(6, 3)), rng.normal(size=6), 0.4)


def test_evidence_is_the_marginal_density(model):
    x, _ = model.sample(5, rng=0)
    covariance = model.weights @ model.weights.T + 0.4 * np.eye(6)
    np.testing.assert_allclose(model.log_evidence(x), multivariate_normal(model.mean, covariance).logpdf(x), rtol=1e-12)


@pytest.mark.parametrize("latent_dim", [2, 6, 8])
@pytest.mark.parametrize("noise", [1.0, 1e-8, 1e-12])
def test_evidence_beside_small_noise(latent_dim, noise):
    """W W' squares the singular values: by a factor of W W' + noise I the errors were 2e-6 at 1e-8 and .02 at 1e-12."""
    rng = np.random.default_rng(9)
    model = LinearGaussian.from_parameters(10 * rng.normal(size=(6, latent_dim)), rng.normal(size=6), noise)
    x, _ = model.sample(4, rng=1)
    with mpmath.workdps(60):
        weights = mpmath.matrix(model.weights.tolist())
        covariance = weights * weights.T + mpmath.mpf(noise) * mpmath.eye(6)
        inverse, log_det = mpmath.inverse(covariance), mpmath.log(mpmath.det(2 * mpmath.pi * covariance))
        centred = [mpmath.matrix(row.tolist()) - mpmath.matrix(model.mean.tolist()) for row in x]
        expected = [float(-((c.T * inverse * c)[0] + log_det) / 2) for c in centred]
    # The squared distance off W's columns is known to eps |x| / sqrt(noise).
    np.testing.assert_allclose(model.log_evidence(x), expected, rtol=1e-13, atol=1e-13 / np.sqrt(noise))


def test_definition_1_beside_small_noise():
    rng = np.random.default_rng(0)
    model = LinearGaussian.from_parameters(10 * rng.normal(size=(6, 2)), np.zeros(6), 1e-12)
    x, _ = model.sample(4, rng=1)
    q = DiagonalNormal(model.posterior(x).loc + 1e-7, np.full((4, 2), 1e-7))
    assert np.max(np.abs(identity(model, x, q).residual)) < 1e-7


def test_maximum_likelihood_on_the_digits(images):
    model = LinearGaussian(2).fit(images)
    q = model.posterior(images)
    assert model.log_evidence(images).mean() == pytest.approx(-177.4399715, abs=1e-7)
    assert model.noise_variance == pytest.approx(13.8539480782, abs=1e-9)
    assert kl(q, model.prior).mean() == pytest.approx(2.5136573154, abs=1e-9)
    assert -model.expected_log_likelihood(images, q).mean() == pytest.approx(174.9263141830, abs=1e-9)
    model = LinearGaussian(20).fit(images)
    assert model.log_evidence(images).mean() == pytest.approx(-150.1683783, abs=1e-7)


def test_maximum_likelihood_is_stationary(images):
    """The gradient of the evidence is 0 at the closed form; the pixels that never change do not disturb it."""
    model = LinearGaussian(5).fit(images)
    gradient = model.log_evidence_gradient(images)
    assert np.max(np.abs(gradient.weights)) < 1e-8 * len(images)
    assert np.max(np.abs(gradient.mean)) < 1e-8 * len(images)
    assert abs(gradient.noise_variance) < 1e-8 * len(images)
    assert model.converged
    assert model.history == ()


def test_theorem_1_gradients_agree_at_the_posterior_and_nowhere_else(model):
    x, _ = model.sample(40, rng=1)
    for truth, lower in zip(model.log_evidence_gradient(x), model.elbo_gradient(x, model.posterior(x)), strict=True):
        np.testing.assert_allclose(lower, truth, rtol=1e-10, atol=1e-10 * np.max(np.abs(truth)))
    elsewhere = model.elbo_gradient(x, model.mean_field(x))
    assert np.max(np.abs(elsewhere.weights - model.log_evidence_gradient(x).weights)) > 0.1


@pytest.mark.parametrize("which", ["evidence", "elbo"])
def test_gradients_match_differences(model, which):
    x, _ = model.sample(8, rng=2)
    rng = np.random.default_rng(3)
    root = 0.3 * rng.normal(size=(8, 3, 3))
    q = FullNormal(rng.normal(size=(8, 3)), covariance=root @ root.transpose(0, 2, 1) + np.eye(3))

    def value(weights, mean, noise_variance):
        there = LinearGaussian.from_parameters(weights, mean, float(noise_variance))
        return there.log_evidence(x).sum() if which == "evidence" else there.expected_log_joint(x, q).sum()

    gradient = model.log_evidence_gradient(x) if which == "evidence" else model.elbo_gradient(x, q)
    here, h = (model.weights, model.mean, np.array(model.noise_variance)), 1e-5
    for i, part in enumerate(here):
        for index in np.ndindex(part.shape):
            step = np.zeros(part.shape)
            step[index] = h
            ends = [value(*here[:i], part + sign * step, *here[i + 1 :]) for sign in (1, -1)]
            assert np.asarray(gradient[i])[index] == pytest.approx((ends[0] - ends[1]) / (2 * h), rel=1e-6, abs=1e-6)


def test_theorem_2_reconstruction_minus_kl_is_the_elbo(images):
    """The ELBO comes from Definition 1 here: evidence by the marginal minus KL to the posterior."""
    model = LinearGaussian(4).fit(images)
    x = images[:200]
    rng = np.random.default_rng(4)
    q = DiagonalNormal(model.posterior(x).loc + 0.3 * rng.normal(size=(200, 4)), np.exp(rng.normal(size=(200, 4)) - 1))
    reconstruction, complexity = model.expected_log_likelihood(x, q), kl(q, model.prior)
    elbo = model.log_evidence(x) - kl(q, model.posterior(x))
    np.testing.assert_allclose(reconstruction - complexity, elbo, rtol=1e-10)
    assert np.min(np.abs(reconstruction + complexity - elbo)) > 0.1  # the sign matters


def test_rotating_the_latents_changes_no_evidence(model):
    x, _ = model.sample(5, rng=5)
    rotation, _ = np.linalg.qr(np.random.default_rng(6).normal(size=(3, 3)))
    turned = LinearGaussian.from_parameters(model.weights @ rotation, model.mean, model.noise_variance)
    np.testing.assert_allclose(turned.log_evidence(x), model.log_evidence(x), rtol=1e-12)


def test_mean_field_reaches_the_posterior_only_in_the_closed_forms_own_axes(images):
    model = LinearGaussian(3).fit(images)
    x, rotation = images[:20], np.linalg.qr(np.random.default_rng(7).normal(size=(3, 3)))[0]
    turned = LinearGaussian.from_parameters(model.weights @ rotation, model.mean, model.noise_variance)
    assert np.max(np.abs(kl(model.mean_field(x), model.posterior(x)))) < 1e-12
    assert np.min(kl(turned.mean_field(x), turned.posterior(x))) > 1e-4


def test_fit_is_deterministic_and_its_columns_have_a_sign(images):
    a, b = LinearGaussian(3).fit(images), LinearGaussian(3).fit(images[::-1])
    np.testing.assert_allclose(a.weights, b.weights, atol=1e-9)


def test_what_cannot_be_fitted_is_said():
    with pytest.raises(ValueError, match=r"x has shape \(10, 3\).*latent_dim=3"):
        LinearGaussian(3).fit(np.zeros((10, 3)))
    with pytest.raises(ValueError, match="rank 2 or less"):
        LinearGaussian(2).fit(np.random.default_rng(0).normal(size=(50, 2)) @ np.ones((2, 5)))
    with pytest.raises(ValueError, match="method='sgd'"):
        LinearGaussian(1).fit(np.eye(3), method="sgd")
    with pytest.raises(ValueError, match="no parameters yet"):
        LinearGaussian(1).log_evidence(np.eye(3))
    with pytest.raises(ValueError, match="noise_variance=-1"):
        LinearGaussian.from_parameters(np.ones((2, 1)), np.zeros(2), -1.0)
    with pytest.raises(ValueError, match=r"mean has shape \(3,\) but a column of weights has shape \(2,\)"):
        LinearGaussian.from_parameters(np.ones((2, 1)), np.zeros(3), 1.0)


def test_float32_data_are_welcome(images):
    narrow = LinearGaussian(2).fit(images.astype(np.float32))
    assert narrow.noise_variance == pytest.approx(13.8539480782, rel=1e-6)


def test_bad_settings_of_a_fit_are_named():
    x = np.random.default_rng(0).normal(size=(20, 3))
    for name, value in [("max_steps", 0), ("tolerance", -1), ("tolerance", np.nan)]:
        with pytest.raises(ValueError, match=f"{name}={value}"):
            LinearGaussian(1).fit(x, method="em", **{name: value})
    for call in (LinearGaussian(1).fit, LinearGaussian(1).fit(x).log_evidence):
        with pytest.raises(TypeError, match="x is None"):
            call(None)


def test_repr():
    model = LinearGaussian(1)
    assert repr(model) == "<LinearGaussian: latent_dim=1, not fitted>"
    model = LinearGaussian.from_parameters(np.ones((3, 1)), np.zeros(3), 0.5)
    assert repr(model) == "<LinearGaussian: latent_dim=1, features=3, noise_variance=0.5>"
