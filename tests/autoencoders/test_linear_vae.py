"""The linear VAE against its known optima: probabilistic PCA, the rate-distortion curve, and collapse."""

import numpy as np
import pytest

from varinf.autoencoders import linear_vae
from varinf.autoencoders.linear_vae import LinearVAE, objective_and_gradient, split
from varinf.datasets import digits
from varinf.divergences.kl import kl
from varinf.estimate import Direction
from varinf.evidence.identity import identity
from varinf.models.linear_gaussian import LinearGaussian
from varinf.tradeoffs.water_filling import gaussian_rate_distortion


@pytest.fixture(scope="module")
def images():
    return digits(raw=True)


@pytest.fixture(scope="module")
def fitted(images):
    """Of 2 latents, noise learned: what most tests of the interface ask."""
    return LinearVAE(2).fit(images, rng=0)


def small(seed=0, n=60, features=5):
    rng = np.random.default_rng(seed)
    mixing = rng.normal(size=(features, features)) * [3.0, 2.0, 1.0, 0.5, 0.3][:features]
    return rng.normal(size=(n, features)) @ mixing.T + rng.normal(size=features)


def squared_error(vae, X):
    """Mean of E_q ‖x − W z − mean‖² over the data, from the encoder and decoder as they stand."""
    q = vae.encode(X)
    return np.sum((X - vae.decode(q.loc)) ** 2, axis=1).mean() + np.sum(vae.decoder.weights**2 * q.variance[0])


# The objective -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("noise_variance", [None, 0.4])
@pytest.mark.parametrize("beta", [0.3, 1.0, 2.5])
def test_gradient_in_every_parameter(beta, noise_variance):
    rng = np.random.default_rng(1)
    problem = (
        np.array([0.2, 0.9, 3.0, 5.0]),
        6,
        3,
        beta,
        noise_variance,
    )  # 6 features, of which 2 combinations are still
    flat = 0.5 * rng.normal(size=2 * 12 + 3 + (noise_variance is None))
    gradient, h = objective_and_gradient(flat, *problem)[1], 1e-5
    ends = [
        [objective_and_gradient(flat + sign * step, *problem)[0] for sign in (1, -1)] for step in h * np.eye(len(flat))
    ]
    # Central differences err by h² times a third derivative and by the rounding of J, some 1e-14, over h.
    np.testing.assert_allclose(gradient, np.array(ends) @ [1, -1] / (2 * h), rtol=1e-6, atol=1e-6)
    assert np.min(np.abs(gradient)) > 1e-4


def test_objective_is_the_mean_over_data_at_any_parameters():
    """V, C and the data themselves, by `expected_log_likelihood` and `kl`, against the white form of the module."""
    X, rng = small(), np.random.default_rng(2)
    centred = X - X.mean(axis=0)
    variances, axes = np.linalg.eigh(centred.T @ centred / len(X))
    flat = rng.normal(size=2 * 15 + 3 + 1)
    b, u, log_s, log_noise = split(flat, 5, 3)
    decoder = LinearGaussian.from_parameters(axes @ b, X.mean(axis=0), np.exp(log_noise[0]))
    q = linear_vae.DiagonalNormal(centred @ (u / np.sqrt(variances) @ axes.T).T, np.tile(np.exp(log_s), (60, 1)))
    direct = decoder.expected_log_likelihood(X, q) - 0.7 * kl(q, decoder.prior)
    assert objective_and_gradient(flat, variances, 5, 3, 0.7)[0] == pytest.approx(direct.mean(), rel=1e-12)


# Optima that are known -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("latent_dim", "optimum", "tolerance", "seeds", "slack"),
    [(2, -177.43997, 1e-5, range(3), 1e-6), (20, -150.16838, 1e-4, [0], 1e-4)],
)
def test_digits_reach_probabilistic_pca(images, latent_dim, optimum, tolerance, seeds, slack):
    """Derivatives of 1e-5 leave gaps of some 1e-7 nats, those of 1e-4 of 1e-5; the references demand 1e-3."""
    evidence = LinearGaussian(latent_dim).fit(images).log_evidence(images).mean()
    assert evidence == pytest.approx(optimum, abs=5e-6)
    for seed in seeds:
        vae = LinearVAE(latent_dim).fit(images, rng=seed, tolerance=tolerance)
        elbo = vae.decompose(images).mean().elbo.value
        assert vae.converged and vae.reason.startswith(f"no derivative above {tolerance:g}, after ")
        assert elbo == pytest.approx(evidence, abs=slack)
        assert elbo == pytest.approx(vae.log_evidence(images).mean(), abs=slack)
        assert vae.history[-1] == pytest.approx(elbo, abs=1e-9)
        assert np.all(np.diff(vae.history) >= 0) and vae.history[0] < elbo - 1


@pytest.mark.parametrize("seed", range(12))
def test_random_starts_meet_no_saddle(seed):
    """Spectra of any shape, close eigenvalues and distant ones; all but one eigenvalue as latents."""
    rng = np.random.default_rng(seed)
    features = int(rng.integers(3, 10))
    spread = np.exp(rng.choice([0.2, 1.0, 2.0]) / 2 * rng.normal(size=features))
    X = rng.normal(size=(200, features)) * spread @ np.linalg.qr(rng.normal(size=(features, features)))[0]
    latent_dim = int(rng.integers(1, features))
    vae = LinearVAE(latent_dim).fit(X, rng=seed)
    best = LinearGaussian(latent_dim).fit(X)
    assert vae.decompose(X).mean().elbo.value == pytest.approx(best.log_evidence(X).mean(), abs=1e-4)


def test_the_reference_of_the_digits(images):
    vae = LinearVAE(5, noise_variance=60.0).fit(images, rng=0)
    rate, error = vae.decompose(images).mean().kl.value, squared_error(vae, images)
    assert rate == pytest.approx(1.8115, abs=1e-4) and error == pytest.approx(846.72, abs=0.01)


@pytest.mark.parametrize(
    ("latent_dim", "beta", "noise_variance"), [(5, 1, 60.0), (5, 4, 15.0), (3, 0.5, 250.0), (8, 2, 22.0)]
)
def test_on_the_curve_where_latents_suffice(images, latent_dim, beta, noise_variance):
    """βσ² >= λ_{q+1} = 59.08 for q = 5, 101.04 for 3, 40.29 for 8: level βσ² of the whole source."""
    covariance = np.cov(images.T, bias=True)
    level = beta * noise_variance
    assert level >= np.linalg.eigvalsh(covariance)[-latent_dim - 1]
    vae = LinearVAE(latent_dim, beta, noise_variance).fit(images, rng=1)
    rate, error = vae.decompose(images).mean().kl.value, squared_error(vae, images)
    point = gaussian_rate_distortion(covariance, level=level)
    assert rate == pytest.approx(point.rate, abs=1e-3) and error == pytest.approx(point.distortion, rel=1e-4)
    assert rate == pytest.approx(gaussian_rate_distortion(covariance, distortion=error).rate, abs=1e-3)


@pytest.mark.parametrize("level", [10.0, 40.0, 50.0])
def test_above_the_curve_where_latents_are_wanting(images, level):
    covariance = np.cov(images.T, bias=True)
    vae = LinearVAE(5, noise_variance=level).fit(images, rng=2)
    rate, error = vae.decompose(images).mean().kl.value, squared_error(vae, images)
    assert (
        rate > gaussian_rate_distortion(covariance, distortion=error).rate + 0.003
    )  # .006 at level 50, and more below
    # Reverse water-filling over 5 eigenvalues, and the others lost whole.
    values = np.linalg.eigvalsh(covariance)[::-1]
    own = gaussian_rate_distortion(values[:5], level=level)
    assert rate == pytest.approx(own.rate, abs=1e-3)
    assert error == pytest.approx(own.distortion + values[5:].sum(), rel=1e-4)


def test_learned_noise_under_beta_is_the_error_of_a_feature(images):
    vae = LinearVAE(5, beta=3.0).fit(images, rng=0)
    error = squared_error(vae, images)
    assert vae.decoder.noise_variance == pytest.approx(error / 64, rel=1e-5)
    own = gaussian_rate_distortion(np.linalg.eigvalsh(np.cov(images.T, bias=True))[-5:], level=3 * error / 64)
    assert vae.decompose(images).mean().kl.value == pytest.approx(own.rate, abs=1e-3)


def test_posterior_collapse(images):
    """Level 200 above λ_1 = 178.9: no latent carries anything; level 120: three do, of five."""
    vae = LinearVAE(5, beta=2.0, noise_variance=100.0).fit(images, rng=0)
    d = vae.decompose(images).mean()
    assert vae.converged and d.kl.value == pytest.approx(0, abs=1e-6)
    assert d.elbo.value == pytest.approx(vae.log_evidence(images).mean(), abs=1e-6)
    vae = LinearVAE(5, noise_variance=120.0).fit(images, rng=0)
    each = kl_of_latents(vae, images)
    assert np.all(each[:3] > 0.05) and np.all(each[3:] < 1e-4) and np.all(np.diff(each) < 0)


def kl_of_latents(vae, X):
    q = vae.encode(X)
    return np.mean(q.loc**2 + q.variance - 1 - 2 * q.log_scale, axis=0) / 2


# The interface -------------------------------------------------------------------------------------------------------


def test_the_encoder_is_the_posterior_at_the_optimum(images, fitted):
    q, p = fitted.encode(images), fitted.posterior(images)
    np.testing.assert_allclose(q.loc, p.loc, atol=1e-3)
    np.testing.assert_allclose(q.variance, np.diagonal(p.covariance, axis1=1, axis2=2), rtol=1e-4)
    assert np.max(np.abs(fitted.encoder_weights[:, images.std(axis=0) == 0])) < 1e-12  # still pixels say nothing


def test_another_start_leads_to_the_same_latents(images, fitted):
    """λ_1 and λ_2 are close: the latents turn nearly freely, and 1e-5 in a derivative is 1e-3 of an angle."""
    again = LinearVAE(2).fit(images, rng=7, tolerance=1e-7)
    np.testing.assert_allclose(again.encoder_weights, fitted.encoder_weights, atol=1e-4)
    np.testing.assert_allclose(again.decoder.weights, LinearGaussian(2).fit(images).weights, atol=1e-4)


def test_the_same_rng_is_the_same_fit():
    a, b = (LinearVAE(2).fit(small(), rng=3) for _ in range(2))
    assert np.array_equal(a.decoder.weights, b.decoder.weights) and a.history == b.history


def test_decomposition_adds_up_and_holds_for_new_data(images, fitted):
    x = images[:50] + 1.0  # not the data of the fit, where ELBO and evidence agree
    d = fitted.decompose(x)
    for part in (d, d.mean(), d.mean(over="population"), d.sum()):
        np.testing.assert_array_equal(part.elbo.value, part.reconstruction.value - part.kl.value)
    assert d.elbo.shape == (50,) and d.elbo.direction is Direction.LOWER and d.elbo.draws is None
    assert np.all(d.elbo.stderr == 0) and d.elbo.is_bound
    assert d.sum().elbo.value == pytest.approx(50 * d.mean().elbo.value)
    assert np.all(d.elbo.value <= fitted.log_evidence(x) + 1e-9)
    draws = fitted.encode(x).sample(20_000, rng=0)
    scores = fitted.log_likelihood(x, draws)
    assert np.all(np.abs(scores.mean(axis=0) - d.reconstruction.value) < 5 * scores.std(axis=0) / np.sqrt(20_000))
    assert len(str(d.mean()).splitlines()) == 3 and str(d).startswith("50 data")


def test_it_is_a_model(images, fitted):
    x, z = fitted.sample(4, rng=0)
    assert x.shape == (4, 64) and z.shape == (4, 2)
    np.testing.assert_allclose(
        fitted.log_joint(x, z), fitted.prior.log_prob(z) + fitted.decoder.log_likelihood(x, z), rtol=1e-13
    )
    np.testing.assert_allclose(fitted.decode(z), z @ fitted.decoder.weights.T + images.mean(axis=0), rtol=1e-12)
    assert fitted.decode(np.zeros((3, 4, 2))).shape == (3, 4, 64)
    q = fitted.encode(x)
    assert np.max(np.abs(identity(fitted, x, q).residual)) < 1e-9
    np.testing.assert_allclose(
        fitted.expected_log_joint(x, q) + q.entropy(), fitted.decompose(x).elbo.value, rtol=1e-12
    )


def test_units_do_not_matter():
    """Data a million times as large: the same latents, weights a million times as large."""
    a, b = (LinearVAE(2).fit(scale * small(), rng=0) for scale in (1.0, 1e6))
    np.testing.assert_allclose(b.decoder.weights, 1e6 * a.decoder.weights, rtol=1e-4, atol=1e2)
    assert a.history[-1] - b.history[-1] == pytest.approx(5 * np.log(1e6), rel=1e-9)


def test_float32_and_wide_codes_and_still_data():
    X = small()
    narrow = LinearVAE(2).fit(X.astype(np.float32), rng=0)
    assert narrow.history[-1] == pytest.approx(LinearVAE(2).fit(X, rng=0).history[-1], abs=1e-5)
    wide = LinearVAE(7, noise_variance=0.5).fit(X, rng=0)  # more latents than features: two at least carry nothing
    assert wide.converged and np.all(kl_of_latents(wide, X)[5:] < 1e-4)
    still = LinearVAE(2, noise_variance=1.0).fit(np.ones((10, 3)), rng=0)
    assert still.converged and still.decompose(np.ones((10, 3))).mean().kl.value == pytest.approx(0, abs=1e-9)


def test_repr(fitted):
    assert repr(LinearVAE(2, beta=0.5)) == "<LinearVAE: latent_dim=2, beta=0.5, not fitted>"
    assert repr(fitted) == "<LinearVAE: latent_dim=2, beta=1, features=64, noise_variance=13.85>"


# What ends early, and what is refused --------------------------------------------------------------------------------


def test_too_few_steps_are_told():
    X = small()
    vae = LinearVAE(2).fit(X, rng=0, max_steps=3)
    assert not vae.converged and len(vae.history) == 3
    assert vae.reason.startswith("max_steps=3 taken: use more, or start again from another rng; derivatives up to ")
    assert vae.decompose(X).mean().elbo.value == pytest.approx(vae.history[-1], abs=1e-9)


def misled(values, turn, end=np.inf):
    """The objective whose gradient points down from call `turn` on, and which is interrupted after call `end`."""

    def objective(*arguments):
        if len(values) >= end:
            raise KeyboardInterrupt
        value, gradient = objective_and_gradient(*arguments)
        values.append(value)
        return value, gradient if len(values) < turn else -gradient

    return objective


def test_an_interrupt_leaves_the_best_so_far(monkeypatch):
    """In the middle of a search that went down: the last place is not the best."""
    X, values = small(), []
    monkeypatch.setattr(linear_vae, "objective_and_gradient", misled(values, turn=12, end=13))
    vae = LinearVAE(2).fit(X, rng=0)
    assert not vae.converged and vae.reason == f"interrupted after {len(vae.history)} of 10000 steps"
    assert 0 < len(vae.history) < 13 and values[-1] < max(values) - 1e-3
    unit = np.sqrt(X.var(axis=0).mean())  # the ascent's own, in which log p(x) differs by F log unit
    assert vae.decompose(X).mean().elbo.value == pytest.approx(max(values) - 5 * np.log(unit), abs=1e-9)


def test_a_line_search_without_a_way_up_is_told(monkeypatch):
    X, values = small(), []
    monkeypatch.setattr(linear_vae, "objective_and_gradient", misled(values, turn=8))
    vae = LinearVAE(2).fit(X, rng=0)
    assert not vae.converged and vae.reason.startswith("stalled after ")
    assert vae.decompose(X).mean().elbo.value >= max(vae.history) - 1e-9


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda: LinearVAE(0), ValueError, "latent_dim=0: use a positive integer"),
        (lambda: LinearVAE(2, beta=0.0), ValueError, "beta=0.0: use a positive finite number"),
        (lambda: LinearVAE(2, noise_variance=-1.0), ValueError, "noise_variance=-1.0: use a positive finite number"),
        (lambda: LinearVAE(2, noise_variance="learned"), TypeError, "noise_variance='learned'"),
        (lambda: LinearVAE(2).fit(np.zeros(3)), ValueError, r"X has shape \(3,\): give \(N, F\), one row per datum"),
        (lambda: LinearVAE(2).fit(np.zeros((0, 3))), ValueError, r"X has shape \(0, 3\)"),
        (lambda: LinearVAE(2).fit([[1.0, np.nan]]), ValueError, "X has 1 values that are nan or infinite of 2"),
        (lambda: LinearVAE(2).fit(None), TypeError, "X is None"),
        (lambda: LinearVAE(5).fit(small()), ValueError, "X varies in 5 directions and latent_dim=5 leaves no noise to"),
        (lambda: LinearVAE(2).fit(small()[:3]), ValueError, "X varies in 2 directions.*or give noise_variance"),
        (lambda: LinearVAE(2).fit(small(), max_steps=0), ValueError, "max_steps=0"),
        (lambda: LinearVAE(2).fit(small(), tolerance=0), ValueError, "tolerance=0: use a positive finite number"),
        (lambda: LinearVAE(2).fit(small(), rng="seed"), TypeError, "rng='seed'"),
        (lambda: LinearVAE(2).fit(small(), epochs=5), TypeError, "epochs"),
        (lambda: LinearVAE(2).encode(small()), RuntimeError, r"this LinearVAE is not fitted: call fit\(X\)"),
        (lambda: LinearVAE(2).log_joint(small(), np.zeros((60, 2))), RuntimeError, "not fitted"),
        (lambda: LinearVAE(2).fit(small()).encode(np.zeros((2, 4))), ValueError, r"x has shape \(2, 4\).*\(N, 5\)"),
        (lambda: LinearVAE(2).fit(small()).decode([1.0]), ValueError, r"z has shape \(1,\).*\(\.\.\., 2\)"),
        (lambda: LinearVAE(2).fit(small()).sample(0), ValueError, "n=0: use a positive integer"),
    ],
)
def test_refusals(make, error, message):
    with pytest.raises(error, match=message):
        make()
