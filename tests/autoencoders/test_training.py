"""The training loop: it climbs, stops where it says, and loses nothing when something fails."""

import numpy as np
import pytest

import varinf as vi
from varinf.autoencoders import training
from varinf.autoencoders.vae import VAE


def images(n=200, seed=0):
    rng = np.random.default_rng(seed)
    z = rng.normal(size=(n, 2))
    logits = 3 * z @ rng.normal(size=(2, 8))
    return (rng.random((n, 8)) < 1 / (1 + np.exp(-logits))).astype(float)


def test_the_objective_rises():
    history = VAE(2, (16,)).fit(images(), 30, rng=0).history
    assert len(history) == 30
    assert history[-1].objective > history[0].objective + 0.5
    assert history[-1].objective == pytest.approx(history[-1].reconstruction - history[-1].kl)


def test_the_same_seed_gives_the_same_fit():
    a, b, c = (VAE(2, (16,)).fit(images(), 3, rng=rng) for rng in (0, 0, 1))
    assert (a._flat == b._flat).all()
    assert not (a._flat == c._flat).all()


def test_the_rate_comes_to_its_target_by_the_multiplier():
    X = images(500)
    free = VAE(2, (16,)).fit(X, 60, rng=0)
    target = free.history[-1].kl / 2
    vae = VAE(2, (16,), target_rate=target).fit(X, 120, rng=0)
    assert vae.history[-1].kl == pytest.approx(target, rel=0.1)
    assert vae.beta > 1.0
    assert vae.beta == pytest.approx(vae.history[-1].beta, rel=0.1)


def test_a_target_above_what_the_code_can_use_lowers_the_multiplier():
    assert VAE(2, (16,), target_rate=100.0).fit(images(), 20, rng=0).beta < 1.0


def test_the_multiplier_stays_within_its_limits():
    low, high = training.MULTIPLIER_LIMITS
    assert training._moved(low, 0.0, 1.0) == low
    assert training._moved(high, 1e9, 1.0) == high
    assert training._moved(1.0, 2.0, 2.0) == 1.0


def test_warmup_raises_the_weight_of_the_kl():
    betas = [epoch.beta for epoch in VAE(2, (8,), beta=2.0).fit(images(), 6, rng=0, kl_warmup=4).history]
    assert betas == [0.5, 1.0, 1.5, 2.0, 2.0, 2.0]


def test_free_bits_keep_a_latent_in_use_that_would_collapse():
    X = (np.random.default_rng(0).random((300, 6)) < 0.5).astype(float)  # nothing to encode
    collapsed = VAE(2, (8,)).fit(X, 60, rng=0, learning_rate=5e-3)
    kept = VAE(2, (8,), free_bits=0.3).fit(X, 60, rng=0, learning_rate=5e-3)
    assert collapsed.history[-1].kl < 0.15 < 0.3 < kept.history[-1].kl


def test_patience_ends_a_fit_that_no_longer_gains_and_keeps_the_best():
    X = images(120)
    vae = VAE(2, (64,)).fit(X, 2000, rng=0, validation=images(300, 1), patience=5, learning_rate=5e-3)
    held_out = [epoch.held_out for epoch in vae.history]
    assert len(held_out) < 2000
    assert vae.reason == "no better on held-out data for 5 epochs"
    assert vae.converged
    best = VAE(2, (64,)).fit(X, int(np.argmax(held_out)) + 1, rng=0, validation=images(300, 1), learning_rate=5e-3)
    assert (best._flat == vae._flat).all()  # the parameters of the best epoch, not of the last


def test_a_held_out_bound_has_its_error():
    epoch = VAE(2, (8,)).fit(images(), 2, rng=0, validation=0.25).history[-1]
    assert 0 < epoch.held_out_stderr < 1 and epoch.held_out < 0


def test_a_fit_that_meets_nan_returns_the_last_good_parameters_and_says_why():
    vae = VAE(2, (8,), "normal").fit(images(), 50, rng=0, learning_rate=1e4)
    assert not vae.converged
    assert "nan or infinite in epoch" in vae.reason and "learning_rate" in vae.reason
    assert np.isfinite(vae._flat).all()


def test_an_interrupted_fit_keeps_what_it_has():
    def stop(done, total):
        if done == 3:
            raise KeyboardInterrupt

    vae = VAE(2, (8,)).fit(images(), 50, rng=0, progress=stop)
    assert not vae.converged
    assert vae.reason == "interrupted after 3 of 50 epochs"
    assert len(vae.history) == 3
    assert (vae._flat == VAE(2, (8,)).fit(images(), 3, rng=0)._flat).all()


def test_dynamic_images_are_drawn_anew():
    X = np.full((50, 4), 0.5)
    means = [epoch.reconstruction for epoch in VAE(1, (4,)).fit(X, 3, rng=0, binarize="dynamic").history]
    assert len(set(means)) == 3
    drawn = training._binary(X.astype(np.float32), np.random.default_rng(0))
    assert drawn.dtype == np.float32 and set(np.unique(drawn)) == {0.0, 1.0}


def test_the_importance_weighted_objective_trains():
    X = images(400)
    vae = VAE(2, (16,), objective="iwelbo", draws=8).fit(X, 60, rng=0)
    assert vae.history[-1].objective > vae.history[0].objective + 0.5
    assert np.isnan(vae.history[-1].kl)
    assert vae.iwelbo(X, 200, rng=1).mean().value == pytest.approx(vae.history[-1].objective, abs=0.4)


def test_held_out_data_choose_by_the_objective_that_is_climbed():
    X = vi.datasets.digits("fixed")
    alone = VAE(8, (64,), beta=0.1).fit(X[:900], 20, rng=0)
    chosen = VAE(8, (64,), beta=0.1).fit(X[:900], 20, rng=0, validation=X[900:])
    rates = [float(vi.rate(vae.encode(X[900:])).value) for vae in (alone, chosen)]
    assert rates[1] > 0.8 * rates[0] > 5
    last = chosen.history[-1]
    assert last.held_out == pytest.approx(last.objective, abs=3)  # both at beta 0.1


def test_a_target_rate_is_kept_beside_held_out_data():
    X = vi.datasets.digits("fixed")
    vae = VAE(8, (64,), target_rate=12.0).fit(X[:900], 40, rng=0, validation=X[900:])
    assert float(vi.rate(vae.encode(X[:900]), over="dataset").value) == pytest.approx(12.0, rel=0.1)
    with pytest.raises(ValueError, match="patience=3 with target_rate"):
        VAE(2, target_rate=1.0).fit(images(), 3, validation=0.2, patience=3)


def test_a_target_that_is_missed_says_so():
    vae = VAE(2, (8,), target_rate=100.0).fit(images(), 10, rng=0)
    assert "where 100 were asked for" in vae.reason


def test_fitting_again_starts_from_the_beta_given():
    vae = VAE(2, (8,), target_rate=1.0)
    first = vae.fit(images(), 5, rng=0).beta
    assert first != 1.0 and vae.fit(images(), 5, rng=0).beta == first


def test_held_out_data_beyond_all_numbers_end_the_fit_in_words():
    X = np.random.default_rng(0).normal(size=(40, 3))
    vae = VAE(1, (4,), "normal").fit(X, 5, rng=0, validation=X[:5] * 1e30)
    assert not vae.converged and "held-out data became nan or infinite in epoch 1" in vae.reason


def test_the_objective_of_free_bits_is_the_one_that_is_climbed():
    vae = VAE(8, (16,), free_bits=2.0).fit(images(), 2, rng=0)
    last = vae.history[-1]
    assert last.objective <= last.reconstruction - 16.0 + 1e-6
    assert last.kl < 16.0


def test_warm_up_epochs_are_not_kept_for_their_own_objective():
    X = vi.datasets.digits("fixed")
    vae = VAE(4, (32,), beta=2.0).fit(X[:600], 8, rng=0, validation=X[600:900], kl_warmup=6)
    held_out = [epoch.held_out for epoch in vae.history]
    noiseless = VAE(4, (32,), beta=2.0).fit(
        X[:600], 6 + int(np.argmax(held_out[5:])), rng=0, validation=X[600:900], kl_warmup=6
    )
    assert (noiseless._flat == vae._flat).all()
