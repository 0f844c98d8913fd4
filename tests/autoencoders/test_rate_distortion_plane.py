"""The plane: its points against the autoencoders' own numbers, its curve, collapse, and its picture."""

import numpy as np
import pytest

import varinf as vi
from varinf.autoencoders.rate_distortion_plane import rate_distortion_plane
from varinf.tradeoffs.water_filling import gaussian_rate_distortion

BETAS = [0.3, 3.0, 100.0]


@pytest.fixture(scope="module")
def X():
    return vi.datasets.digits(raw=True)[:400]


@pytest.fixture(scope="module")
def plane(X):
    return rate_distortion_plane(X, BETAS, vi.VAE(3, (16,), "normal", noise_scale=4.0), epochs=60, draws=50, rng=0)


def test_a_larger_beta_has_a_lower_rate_and_a_higher_distortion(plane):
    rates, distortions = ([float(getattr(p, name).value) for p in plane] for name in ("rate", "distortion"))
    assert rates[0] > rates[1] > rates[2]
    assert distortions[0] < distortions[1] < distortions[2]
    assert [p.beta for p in plane] == BETAS and len(plane) == 3


def test_numbers_are_those_of_the_autoencoder(plane, X):
    for p in plane:
        assert p.elbo.value == pytest.approx(-p.distortion.value - p.rate.value, rel=1e-6)
        again = p.model.decompose(X, draws=400, rng=5).mean()
        error = np.hypot(again.reconstruction.stderr, p.distortion.stderr)
        assert abs(again.reconstruction.value + p.distortion.value) < 5 * error
        z = p.model.encode(X).sample(400, rng=6)
        squares = np.sum((X - p.model.decode(z)) ** 2, axis=-1).mean(axis=0)
        assert p.squared_error == pytest.approx(squares.mean(), rel=0.01)


def test_the_curve_is_that_of_the_covariance(plane, X):
    expected = gaussian_rate_distortion(np.cov(X.T, bias=True), rate=plane.curve.rate)
    np.testing.assert_allclose(plane.curve.distortion, expected.distortion)
    assert plane.curve.rate[-1] > max(p.rate.value for p in plane)
    assert plane.curve.distortion[0] == pytest.approx(np.var(X, axis=0).sum())


def test_collapse_is_named(plane):
    assert plane.collapsed == (100.0,)
    assert plane[2].state == "collapsed" and plane[2].active == 0
    assert "collapsed" in str(plane).splitlines()[-1]
    assert plane[0].state == "all latents in use"


def test_latents_that_are_idle_are_counted():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(500, 1)) @ np.ones((1, 5)) + 0.1 * rng.normal(size=(500, 5))  # one direction to code
    point = rate_distortion_plane(
        X, [1.0], vi.VAE(4, (), "normal", noise_scale=0.3), epochs=200, rng=0, learning_rate=0.01
    )[0]
    assert point.state == "3 of 4 latents collapsed"


def test_held_out_data_make_it_a_bound_for_the_population(X):
    vae = vi.VAE(2, (8,), "normal", noise_scale=4.0)
    inside, outside = (
        rate_distortion_plane(X[:300], [1.0], vae, held_out=h, epochs=3, rng=0)[0] for h in (None, X[300:])
    )
    assert (inside.rate.quantity, outside.rate.quantity) == ("I(n;Z)", "I(X;Z)")
    assert inside.rate.direction == outside.rate.direction == "upper"
    assert outside.rate.stderr > 0 == inside.rate.stderr
    assert outside.reconstructions.shape == (8, 64)


def test_there_is_no_curve_without_squared_errors():
    X = vi.datasets.digits("fixed")[:200]
    plane = rate_distortion_plane(X, [1.0], vi.VAE(2, (8,)), epochs=2, rng=0)
    assert plane.curve is None and plane[0].squared_error is None
    assert "sq. error" not in str(plane)


def test_options_are_carried_and_the_one_given_is_left_alone(X):
    vae = vi.VAE(2, (8, 5), "normal", activation="tanh", noise_scale=4.0, free_bits=0.1)
    model = rate_distortion_plane(X, [2.0], vae, epochs=2, rng=0)[0].model
    assert (model.hidden, model.activation, model.free_bits, model.beta) == ((8, 5), "tanh", 0.1, 2.0)
    assert vae.beta == 1.0 and "not fitted" in repr(vae)


def test_the_same_seed_gives_the_same_plane(X):
    a, b = (rate_distortion_plane(X, [1.0], vi.VAE(2, (8,), "normal"), epochs=2, rng=3)[0] for _ in range(2))
    assert a.elbo.value == b.elbo.value


def test_unless_told_it_is_a_normal_autoencoder_of_the_datas_scale(X):
    model = rate_distortion_plane(X, [1.0], epochs=1, rng=0)[0].model
    assert model.likelihood == "normal" and model.latent_dim == 8
    assert model.noise_scale == pytest.approx(np.sqrt(np.var(X, axis=0).mean()))


def test_progress_counts_betas(X):
    seen = []
    rate_distortion_plane(X, [1.0, 2.0], vi.VAE(1, (), "normal"), epochs=1, rng=0, progress=lambda *c: seen.append(c))
    assert seen == [(1, 2), (2, 2)]


@pytest.mark.parametrize("betas", [[], [1.0, 0.0], [-1.0]])
def test_betas_must_be_positive(X, betas):
    with pytest.raises(ValueError, match=r"betas=.*at least one, all positive"):
        rate_distortion_plane(X, betas)


def test_the_picture_has_the_plane_the_curve_and_reconstructions(plane):
    figure = vi.plot(plane)
    left, right, *thumbnails = figure.axes
    assert left.get_title() == "the plane, with lines of equal ELBO"
    assert right.get_title() == "beside Shannon's curve"
    assert len(thumbnails) == 4 * 8
    line = left.get_lines()[0]
    assert np.diff(line.get_ydata()) == pytest.approx(-np.diff(line.get_xdata()))  # equal ELBO
    betas = {text.get_text() for text in left.texts}
    assert betas == {"β = 0.3", "β = 3", "β = 100"}


def test_data_that_are_no_images_have_a_picture_too():
    X = np.random.default_rng(0).normal(size=(50, 5))
    figure = vi.plot(rate_distortion_plane(X, [1.0], vi.VAE(2, (), "normal"), epochs=2, rng=0))
    assert len(figure.axes) == 2
