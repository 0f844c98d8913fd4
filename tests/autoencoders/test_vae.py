"""The variational autoencoder: its model, its bounds against exact values, its files, its errors."""

import pickle
import tracemalloc

import numpy as np
import pytest
from linear import linear_vae

import varinf as vi
from varinf.autoencoders.vae import VAE


@pytest.fixture(scope="module")
def digits():
    return vi.datasets.digits("fixed")


@pytest.fixture(scope="module")
def vae(digits):
    return VAE(3, (24,), dtype="float64").fit(digits[:1200], 8, rng=0)


def test_log_joint_and_bounds_are_those_of_the_linear_model():
    vae, model, X = linear_vae()
    z = np.random.default_rng(1).normal(size=(3, len(X), 2))
    np.testing.assert_allclose(vae.log_joint(X, z), model.log_joint(X, z), rtol=1e-12)
    np.testing.assert_allclose(vae.decode(z), z @ model.weights.T + model.mean, rtol=1e-12)
    q, d = vae.encode(X), vae.decompose(X, draws=4000, rng=2)
    exact = model.expected_log_likelihood(X, q)
    assert np.abs((d.reconstruction.value - exact) / d.reconstruction.stderr).max() < 5
    np.testing.assert_allclose(d.kl.value, vi.kl(q, model.prior), rtol=1e-12)
    bound = vae.iwelbo(X, 4000, rng=3)
    good = np.asarray(bound.k_hat) < 0.5
    assert good.any()
    z = (bound.value - model.log_evidence(X)) / bound.stderr
    assert np.abs(z[good]).max() < 5
    assert d.elbo.mean().value < bound.mean().value


def test_parts_add_up_and_do_not_depend_on_how_rows_are_batched(vae, digits):
    d = vae.decompose(digits[:1500], draws=3, rng=0)  # more rows than go at a time
    assert (d.elbo.value == d.reconstruction.value - d.kl.value).all()
    assert d.elbo.shape == (1500,)
    np.testing.assert_allclose(d.kl.value, vi.kl(vae.encode(digits[:1500]), vae.prior), rtol=1e-12)


def test_one_draw_has_no_error_and_many_have_a_small_one(vae, digits):
    assert np.isnan(vae.decompose(digits[:5], draws=1, rng=0).elbo.stderr).all()
    few, many = (vae.decompose(digits[:50], draws=n, rng=0).elbo.stderr.mean() for n in (100, 10_000))
    assert many == pytest.approx(few / 10, rel=0.2)


def test_it_is_a_model_that_evaluate_takes(vae, digits):
    log_w = vi.evaluate(vae.log_joint, digits[:20], vae.encode, draws=50, rng=0)
    assert np.allclose(log_w.iwelbo().value, vae.iwelbo(digits[:20], 50, rng=0).value)


def test_draws_have_the_decoders_means(vae):
    x, z = vae.sample(20_000, rng=0)
    assert x.shape == (20_000, 64) and z.shape == (20_000, 3)
    assert set(np.unique(x)) == {0.0, 1.0}
    residual = x - vae.decode(z)
    error = np.sqrt((vae.decode(z) * (1 - vae.decode(z))).mean(axis=0) / len(x)) + 1e-12
    assert np.abs(residual.mean(axis=0) / error).max() < 5


def test_intensities_carry_their_caveat(digits):
    X = vi.datasets.digits()
    vae = VAE(2, (8,)).fit(X, 2, rng=0)
    assert any("intensities" in text for text in vae.decompose(X[:10], rng=0).elbo.caveats)
    assert any("intensities" in text for text in vae.iwelbo(X[:10], 50, rng=0).caveats)
    assert not any("intensities" in text for text in vae.decompose(digits[:10], rng=0).elbo.caveats)


def test_a_learned_noise_is_that_of_the_residuals():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(500, 1)) @ rng.normal(size=(1, 6)) + 0.3 * rng.normal(size=(500, 6))
    vae = VAE(1, (), "normal").fit(X, 200, rng=0, learning_rate=1e-2)
    assert vae.fitted_noise_scale == pytest.approx(0.3, rel=0.1)


def test_categories_are_fitted():
    x = np.random.default_rng(0).integers(0, 3, (300, 1)).astype(float)
    X = np.repeat(x, 4, axis=1)
    vae = VAE(2, (16,), "categorical", categories=3).fit(X, 150, rng=0, learning_rate=5e-3)
    assert vae.decompose(X, rng=1).mean().elbo.value > 4 * np.log(1 / 3) + 2
    assert vae.decode(np.zeros((7, 2))).shape == (7, 4, 3)
    draws, _ = vae.sample(50, rng=0)
    assert set(np.unique(draws)) <= {0.0, 1.0, 2.0}


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"likelihood": "normal", "hidden": (8, 4), "activation": "softplus"},
        {"objective": "iwelbo", "draws": 3},
        {"target_rate": 2.0, "dtype": "float64"},
        {"likelihood": "categorical", "categories": 2, "hidden": ()},
    ],
)
def test_a_saved_vae_comes_back(tmp_path, digits, options):
    vae = VAE(2, **options).fit(digits[:200], 2, rng=0, validation=0.2)
    path = tmp_path / "a vae.npz"
    vae.save(path)
    back = VAE.load(path)
    assert (back._flat == vae._flat).all() and back._flat.dtype == vae._flat.dtype
    assert (back.encode(digits).loc == vae.encode(digits).loc).all()
    np.testing.assert_array_equal(back.history, vae.history)
    assert repr(back) == repr(vae) and (back.converged, back.reason) == (vae.converged, vae.reason)
    assert [p.name for p in tmp_path.iterdir()] == ["a vae.npz"]


@pytest.mark.parametrize("activation", ["tanh", "relu", "softplus"])
def test_a_vae_goes_through_pickle(digits, activation):
    vae = VAE(2, (8,), activation=activation).fit(digits[:200], 2, rng=0)
    back = pickle.loads(pickle.dumps(vae))
    assert (back.encode(digits).loc == vae.encode(digits).loc).all()
    assert (back.fit(digits[:200], 2, rng=0)._flat == vae._flat).all()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"latent_dim": 0}, "latent_dim=0: use a positive integer"),
        ({"hidden": (0,)}, "hidden=0"),
        ({"activation": "gelu"}, "activation='gelu': use 'tanh', 'relu', 'softplus'"),
        ({"beta": -1.0}, "beta=-1.0: use 0 or a positive number"),
        ({"dtype": "float16"}, "dtype='float16'"),
        ({"objective": "vae"}, "objective='vae': use 'elbo' or 'iwelbo'"),
        ({"objective": "iwelbo", "beta": 2.0}, "does not split into reconstruction and KL"),
        ({"objective": "iwelbo", "free_bits": 0.1}, "does not split"),
        ({"target_rate": 0.0}, "target_rate=0.0"),
        ({"target_rate": 1.0, "beta": 0.0}, "start it above 0"),
        ({"likelihood": "poisson"}, "likelihood='poisson'"),
    ],
)
def test_options_out_of_range_are_refused(options, message):
    with pytest.raises(ValueError, match=message):
        VAE(**({"latent_dim": 2} | options))


@pytest.mark.parametrize(
    ("how", "message"),
    [
        ({"validation": 1.5}, "validation=1.5 of 20 data"),
        ({"validation": np.zeros((3, 5))}, r"validation has shape \(3, 5\) and X \(20, 4\)"),
        ({"patience": 3}, "patience=3 needs two held-out data or more"),
        ({"epochs": 0}, "epochs=0"),
        ({"schedule": "step"}, "schedule='step'"),
        ({"binarize": "fixed"}, "binarize='fixed'"),
        ({"learning_rate": -1.0}, "learning_rate=-1.0"),
    ],
)
def test_ways_to_fit_that_make_no_sense_are_refused(how, message):
    with pytest.raises(ValueError, match=message):
        VAE(2).fit(np.ones((20, 4)), rng=0, **how)


def test_data_are_checked(vae):
    with pytest.raises(ValueError, match=r"X has shape \(3,\)"):
        vae.encode(np.ones(3))
    with pytest.raises(ValueError, match="was fitted to 64 features"):
        vae.encode(np.ones((2, 5)))
    with pytest.raises(ValueError, match="outside of 0 to 1"):
        vae.encode(np.full((2, 64), 3.0))
    with pytest.raises(ValueError, match="nan or infinite"):
        vae.encode(np.full((2, 64), np.nan))
    with pytest.raises(ValueError, match=r"z has shape"):
        vae.decode(np.ones((2, 4)))
    with pytest.raises(RuntimeError, match="not fitted"):
        VAE(2).encode(np.ones((2, 3)))


def test_constant_data_are_no_error():
    vae = VAE(1, (4,), "normal", noise_scale=1.0).fit(np.ones((10, 3)), 3, rng=0)
    assert vae.converged and np.isfinite(vae.decompose(np.ones((2, 3)), rng=0).elbo.value).all()


@pytest.mark.parametrize(("scale", "offset"), [(1e-4, 0.0), (1e4, 0.0), (1.0, 1e6), (1e-2, 1e3)])
def test_nothing_depends_on_the_units_or_the_origin_of_the_data(scale, offset):
    rng = np.random.default_rng(0)
    Y = rng.normal(size=(300, 2)) @ rng.normal(size=(2, 5)) + 0.3 * rng.normal(size=(300, 5))
    elbos, errors = [], []
    for X in (Y, scale * Y + offset):
        vae = VAE(2, (16,), "normal").fit(X, 30, rng=0)
        elbos.append(vae.decompose(X, rng=1).mean().elbo.value)
        errors.append(vae.squared_error(X, rng=1))
        assert vae.history[-1].objective == pytest.approx(elbos[-1], abs=1.0)
    assert elbos[1] + 5 * np.log(scale) == pytest.approx(elbos[0], abs=0.02)
    assert errors[1] / scale**2 == pytest.approx(errors[0], rel=0.02)


def test_the_squared_error_keeps_its_digits_under_a_large_noise():
    X = np.random.default_rng(0).normal(size=(200, 6))
    vae = VAE(2, (8,), "normal", noise_scale=1e5).fit(X, 2, rng=0)
    residual = X - vae.decode(vae.encode(X).sample(3000, rng=1))
    assert vae.squared_error(X, draws=3000, rng=2) == pytest.approx(np.sum(residual**2, axis=-1).mean(), rel=0.01)
    with pytest.raises(ValueError, match="likelihood='bernoulli' has no squared error"):
        VAE(1, (2,)).fit(np.eye(3), 1, rng=0).squared_error(np.eye(3))


@pytest.mark.parametrize("fault", ["schedule", "progress"])
def test_a_fit_that_raises_leaves_the_earlier_one(fault, digits):
    def stop(done, total):
        raise OSError("a bar that fails")

    vae = VAE(2, (8,)).fit(digits[:100], 2, rng=0)
    before = vae.encode(digits[:5]).loc
    with pytest.raises((ValueError, OSError)):
        vae.fit(np.eye(7), 2, rng=0, **{"schedule": "step"} if fault == "schedule" else {"progress": stop})
    assert (vae.encode(digits[:5]).loc == before).all()


def test_data_far_from_the_fit_are_named_by_row():
    X = vi.datasets.digits("fixed")[:200].astype(np.float64)
    vae = vi.VAE(2, (4,), "normal").fit(X, epochs=1, rng=0)
    far = X[:3].copy()
    far[1, 5] = 1e300
    with pytest.raises(ValueError, match=r"1 rows so far from the data.*row 1\)"):
        vae.encode(far)
    with pytest.raises(ValueError, match="rescale it"):
        vi.VAE(2, (4,), "normal").fit(np.array([[1e300, 0.0], [-1e300, 1.0]]), epochs=1)


@pytest.mark.slow  # 13 s and half a gigabyte: an epoch of 60,000 images, and the density of 60,000 codes at each other
def test_sixty_thousand_images_in_bounded_memory():
    rng = np.random.default_rng(0)
    X = rng.random((60_000, 784), dtype=np.float32)
    vae = vi.VAE(8, (128,))
    tracemalloc.start()
    try:
        vae.fit(X, epochs=1, rng=0)
        assert tracemalloc.get_traced_memory()[1] < X.nbytes  # 188 MB; what is checked takes a bit per pixel
        assert vae.converged
        q = vae.encode(X)
        tracemalloc.reset_peak()
        held = tracemalloc.get_traced_memory()[0]
        bound = vi.aggregate_kl(q, rng=1)
        assert tracemalloc.get_traced_memory()[1] - held < 100e6  # N x N numbers would be 28.8 GB
    finally:
        tracemalloc.stop()
    assert bound.value + 5 * bound.stderr >= 0 and bound.value - 5 * bound.stderr <= vi.rate(q).value
