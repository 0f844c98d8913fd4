"""What all reference models promise together: one joint density, seen from every side."""

import functools
import pickle

import numpy as np
import pytest

from varinf.families.diagonal_normal import DiagonalNormal
from varinf.models import EightSchools, LinearGaussian, LinearRegression, LogisticRegression, NormalNormal

RNG = np.random.default_rng(20)
PER_DATUM = {
    "normal_normal": NormalNormal([0.5, -1.0], [2.0, 0.3], [1.0, 0.7]),
    "linear_gaussian": LinearGaussian.from_parameters(RNG.normal(size=(5, 2)), RNG.normal(size=5), 0.6),
}
HOLDING = {
    "linear_regression": LinearRegression(RNG.normal(size=(20, 3)), RNG.normal(size=20), 0.5, 1.5),
    "eight_schools": EightSchools(),
    "logistic_regression": LogisticRegression(RNG.normal(size=(12, 2)), RNG.integers(0, 2, 12), 2.0),
}
ALL = PER_DATUM | HOLDING


def data_of(name, n=4):
    return ALL[name].sample(n, rng=1)[0] if name in PER_DATUM else None


def draws_of(name, shape=(3,)):
    batch = (4,) if name in PER_DATUM else ()
    return np.random.default_rng(2).normal(size=(*shape, *batch, ALL[name].latent_dim))


@pytest.mark.parametrize("name", ALL)
def test_the_joint_is_prior_times_likelihood_in_the_promised_shapes(name):
    model, x = ALL[name], data_of(name)
    for shape in [(), (3,), (2, 3)]:
        z = draws_of(name, shape)
        joint = model.log_joint(x, z)
        assert np.shape(joint) == z.shape[:-1]
        np.testing.assert_allclose(joint, model.prior.log_prob(z) + model.log_likelihood(x, z), rtol=1e-13)


@pytest.mark.parametrize("name", [n for n in ALL if n != "logistic_regression"])
def test_bayes_rule_holds_at_any_latent(name):
    """log p(x) = log p(x, z) - log p(z | x) at every z: the joint, the posterior and the evidence are of one model."""
    model, x, z = ALL[name], data_of(name), draws_of(name, (7,))
    evidence = model.log_joint(x, z) - model.posterior(x).log_prob(z)
    np.testing.assert_allclose(evidence, np.broadcast_to(model.log_evidence(x), evidence.shape), rtol=1e-10)


@pytest.mark.parametrize("name", ["normal_normal", "linear_gaussian", "linear_regression"])
@pytest.mark.parametrize("which", ["diagonal", "posterior", "mean_field"])
def test_expected_log_joint_is_the_integral_of_log_joint(name, which):
    """log p(x, z) is quadratic in z, so that the average over loc ± sqrt(D) L e_i is its expectation exactly."""
    model, x = ALL[name], data_of(name)
    batch = (4,) if name in PER_DATUM else ()
    q = {"posterior": model.posterior(x), "mean_field": model.mean_field(x)}.get(which)
    if q is None:
        loc, log_scale = np.random.default_rng(3).normal(size=(2, *batch, model.latent_dim))
        q = DiagonalNormal(loc, np.exp(log_scale))
    corners = np.sqrt(model.latent_dim) * np.concatenate([np.eye(model.latent_dim), -np.eye(model.latent_dim)])
    z = q.transform(
        np.broadcast_to(corners.reshape(-1, *[1] * len(batch), model.latent_dim), (len(corners), *q.loc.shape))
    )
    for expected, density in [
        (model.expected_log_joint, model.log_joint),
        (model.expected_log_likelihood, model.log_likelihood),
    ]:
        np.testing.assert_allclose(expected(x, q), np.mean(density(x, z), axis=0), rtol=1e-11)


@pytest.mark.parametrize("name", ["normal_normal", "linear_gaussian", "linear_regression"])
def test_no_diagonal_normal_has_a_higher_elbo_than_mean_field(name):
    model, x = ALL[name], data_of(name)
    best = model.mean_field(x)
    top = model.expected_log_joint(x, best) + best.entropy()
    rng = np.random.default_rng(4)
    for _ in range(50):
        shift, stretch = 0.05 * rng.normal(size=(2, *best.loc.shape))
        q = DiagonalNormal(best.loc + shift, best.scale * np.exp(stretch))
        assert np.all(model.expected_log_joint(x, q) + q.entropy() < top)


@pytest.mark.parametrize("name", [n for n in ALL if n != "eight_schools"])
def test_joint_draws_have_the_density_that_the_model_claims(name):
    """Standardised by what the model claims, z given nothing, z given x, and x given z have mean 0 and variance 1."""
    model, n = ALL[name], 20_000
    x, z = model.sample(n, rng=5)
    white = (z - model.prior.loc) / model.prior.scale
    assert abs(np.mean(white)) * np.sqrt(white.size) < 5
    assert abs(np.mean(white**2) - 1) * np.sqrt(white.size / 2) < 5
    if name in PER_DATUM:  # draws of z given x are draws from the posterior
        q = model.posterior(x)
        from_posterior = (z - q.mean) / np.sqrt(q.variance)
        assert np.all(np.abs(from_posterior.mean(0)) * np.sqrt(n) < 5)
        assert np.all(np.abs((from_posterior**2).mean(0) - 1) * np.sqrt(n / 2) < 5)
    else:
        mean = z @ model.X.T if name == "linear_regression" else 1 / (1 + np.exp(-(z @ model.X.T)))
        variance = 0.5 if name == "linear_regression" else mean * (1 - mean)
        white = (x - mean) / np.sqrt(variance)
        assert np.all(np.abs(white.mean(0)) * np.sqrt(n) < 5)
        # Labels given their probability are Bernoulli: the square of the standardised one has a mean of 1, with the
        # variance that its own fourth moment says.
        assert np.all(np.abs((white**2).mean(0) - 1) / np.maximum((white**2).std(0), 1e-3) * np.sqrt(n) < 5)


@pytest.mark.parametrize("name", ALL)
def test_models_and_their_methods_travel_to_other_processes(name):
    model, x, z = ALL[name], data_of(name), draws_of(name)
    log_joint = pickle.loads(pickle.dumps(functools.partial(model.log_joint, x)))
    np.testing.assert_array_equal(log_joint(z), model.log_joint(x, z))


@pytest.mark.parametrize("name", ALL)
def test_sampling_repeats_with_the_seed(name):
    for a, b in zip(ALL[name].sample(3, rng=6), ALL[name].sample(3, rng=6), strict=True):
        np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize("name", PER_DATUM)
def test_wrong_shapes_are_named(name):
    model, x = ALL[name], data_of(name)
    with pytest.raises(ValueError, match=r"x has shape \(4,\).*\(N, "):
        model.log_evidence(x[:, 0])
    with pytest.raises(ValueError, match=r"z has shape \(3, 2\).*4, 2"):
        model.log_joint(x, np.zeros((3, 2)))
    with pytest.raises(ValueError, match=r"x has 1 values that are nan or infinite"):
        model.log_evidence(np.where(np.arange(x.size).reshape(x.shape) == 3, np.nan, x))
    with pytest.raises(ValueError, match=r"q has shape \(2,\).*\(4, 2\)"):
        model.expected_log_joint(x, DiagonalNormal(np.zeros(2), np.ones(2)))


@pytest.mark.parametrize("name", HOLDING)
def test_a_model_that_holds_its_data_takes_no_other(name):
    model = ALL[name]
    with pytest.raises(ValueError, match="holds its own data"):
        model.log_joint(np.zeros((2, 3)), np.zeros(model.latent_dim))
    with pytest.raises(ValueError, match=r"z has shape \(2, 99\)"):
        model.log_joint(None, np.zeros((2, 99)))
