"""The training loop: it climbs, stops where it says, and loses nothing when something fails."""

import numpy as np
import pytest

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
    assert np.isfinite(vae.encode(images()).loc).all() if len(vae.history) == 0 else True


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
