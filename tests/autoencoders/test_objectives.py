"""Objectives of an autoencoder: every parameter's gradient against central differences and torch, and on average."""

import numpy as np
import pytest

from varinf.autoencoders.layers import Network
from varinf.autoencoders.likelihoods import likelihood
from varinf.autoencoders.objectives import (
    Architecture,
    elbo_and_gradient,
    elbo_of_data,
    iwelbo_and_gradient,
    latent_kl,
)

F, D, N = 4, 2, 6
KINDS = {
    "bernoulli": ("bernoulli", None, None),
    "normal, learned": ("normal", None, None),
    "normal, fixed": ("normal", 0.7, None),
    "categorical": ("categorical", None, 3),
}


def made(kind, activation="tanh", draws=3, seed=0, n=N):
    rng = np.random.default_rng(seed)
    head = likelihood(*KINDS[kind])
    model = Architecture(Network((F, 5, 2 * D), activation), Network((D, 5, head.outputs(F)), activation), head, D)
    flat = 0.6 * rng.normal(size=model.size)
    x = {"bernoulli": rng.integers(0, 2, (n, F)), "categorical": rng.integers(0, 3, (n, F))}.get(
        kind, rng.normal(size=(n, F))
    ).astype(float)
    return model, flat, x, x - x.mean(axis=0), rng.normal(size=(draws, n, D))


def central(function, flat, h=1e-5):
    steps = h * np.eye(flat.size)
    return np.array([(function(flat + step) - function(flat - step)) / (2 * h) for step in steps])


@pytest.mark.parametrize("activation", ["tanh", "relu", "softplus"])
@pytest.mark.parametrize("kind", KINDS)
def test_the_gradient_of_the_elbo_in_every_parameter(kind, activation):
    model, flat, x, seen, noise = made(kind, activation)
    gradient, beta = np.empty_like(flat), 0.6

    def objective(flat):
        reconstruction, kl, _ = elbo_and_gradient(model, flat, x, seen, noise, beta, 0.0, np.empty_like(flat))
        return reconstruction - beta * kl

    elbo_and_gradient(model, flat, x, seen, noise, beta, 0.0, gradient)
    np.testing.assert_allclose(gradient, central(objective, flat), atol=1e-6)
    assert np.abs(gradient).max() > 0.1


@pytest.mark.parametrize("activation", ["tanh", "relu", "softplus"])
@pytest.mark.parametrize("kind", KINDS)
def test_the_plain_gradient_of_the_iwelbo_in_every_parameter(kind, activation):
    model, flat, x, seen, noise = made(kind, activation)
    gradient = np.empty_like(flat)

    def objective(flat):
        return iwelbo_and_gradient(model, flat, x, seen, noise, "plain", np.empty_like(flat))

    iwelbo_and_gradient(model, flat, x, seen, noise, "plain", gradient)
    np.testing.assert_allclose(gradient, central(objective, flat), atol=1e-6)


def test_free_bits_charge_what_lies_above_them_alone():
    model, flat, x, seen, noise = made("bernoulli")
    loc, log_scale, _ = model.encode(flat, seen)
    each = latent_kl(loc, log_scale)
    free, beta = float(each.mean()), 1.5  # between the two latents
    assert each.min() < free < each.max()

    def objective(flat):
        loc, log_scale, _ = model.encode(flat, seen)
        reconstruction, *_ = elbo_and_gradient(model, flat, x, seen, noise, beta, 0.0, np.empty_like(flat))
        return reconstruction - beta * np.sum(np.maximum(latent_kl(loc, log_scale), free))

    gradient = np.empty_like(flat)
    elbo_and_gradient(model, flat, x, seen, noise, beta, free, gradient)
    np.testing.assert_allclose(gradient, central(objective, flat), atol=1e-6)


def in_torch(torch, model, flat, x, seen, noise, stop):
    """log w (S, N) and log p(x, z) from torch; `stop` holds q's parameters in log q, for DReG's stop-gradients."""
    parameters = torch.tensor(flat, requires_grad=True)
    x, seen, noise = map(torch.tensor, (x, seen, noise))

    def network(net, start, value):
        pairs = list(zip(net.widths[:-1], net.widths[1:], strict=True))
        for level, (a, b) in enumerate(pairs):
            weights, biases = (
                parameters[start : start + a * b].reshape(a, b),
                parameters[start + a * b : start + a * b + b],
            )
            value, start = value @ weights + biases, start + a * b + b
            value = torch.tanh(value) if level < len(pairs) - 1 else value
        return value

    y = network(model.encoder, 0, seen)
    loc, log_scale = y[:, :D], y[:, D:]
    z = loc + torch.exp(log_scale) * noise
    if stop:
        loc, log_scale = loc.detach(), log_scale.detach()
    logits = network(model.decoder, model.encoder.size, z)
    log_p = (x * logits - torch.nn.functional.softplus(logits)).sum(-1) - (z**2).sum(-1) / 2
    log_q = (-(((z - loc) / torch.exp(log_scale)) ** 2) / 2 - log_scale).sum(-1)
    return parameters, log_p - log_q


def test_dreg_is_torch_with_the_same_stop_gradients():
    torch = pytest.importorskip("torch")
    model, flat, x, seen, noise = made("bernoulli", draws=7)
    gradient = np.empty_like(flat)
    value = iwelbo_and_gradient(model, flat, x, seen, noise, "dreg", gradient)
    e = model.encoder.size

    parameters, log_w = in_torch(torch, model, flat, x, seen, noise, stop=True)
    weights = torch.softmax(log_w, dim=0).detach()
    (to_encoder,) = torch.autograd.grad(((weights**2) * log_w).sum(0).mean(), parameters)
    np.testing.assert_allclose(gradient[:e], to_encoder[:e], rtol=1e-10, atol=1e-12)

    parameters, log_w = in_torch(torch, model, flat, x, seen, noise, stop=False)
    bound = (torch.logsumexp(log_w, dim=0) - np.log(len(noise))).mean()
    (plain,) = torch.autograd.grad(bound, parameters)
    assert value == pytest.approx(float(bound.detach()), rel=1e-13)
    np.testing.assert_allclose(gradient[e:], plain[e:], rtol=1e-10, atol=1e-12)  # the decoder's is the ordinary one
    iwelbo_and_gradient(model, flat, x, seen, noise, "plain", gradient)
    np.testing.assert_allclose(gradient, plain, rtol=1e-10, atol=1e-12)


def encoder_gradients(estimator, draws=16, rounds=4000, wrong=0.0):
    """Encoder gradients (rounds, parameters) for one datum, fresh noise each; `wrong` adds a bias of so much."""
    model, flat, x, seen, _ = made("bernoulli", n=1, seed=3)
    rng, gradients = np.random.default_rng(5 if estimator == "dreg" else 6), []
    gradient = np.empty_like(flat)
    for _ in range(rounds):
        iwelbo_and_gradient(model, flat, x, seen, rng.normal(size=(draws, 1, D)), estimator, gradient)
        gradients.append(gradient[: model.encoder.size] * (1 + wrong))
    return np.array(gradients)


def z_scores(a, b):
    error = np.sqrt(a.var(axis=0, ddof=1) / len(a) + b.var(axis=0, ddof=1) / len(b))
    moves = error > 0
    return ((a.mean(axis=0) - b.mean(axis=0))[moves] / error[moves]), moves


def test_dreg_has_the_mean_of_the_plain_gradient_and_a_smaller_variance():
    plain, dreg = encoder_gradients("plain"), encoder_gradients("dreg")
    z, moves = z_scores(dreg, plain)
    assert np.abs(z).max() < 5
    assert (dreg.var(axis=0)[moves] < plain.var(axis=0)[moves]).all()


def test_that_comparison_sees_a_gradient_of_the_wrong_size():
    plain, doubled = encoder_gradients("plain"), encoder_gradients("dreg", wrong=1.0)
    assert np.abs(z_scores(doubled, plain)[0]).max() > 5


def test_means_agree_with_the_elbo_of_each_datum():
    model, flat, x, seen, noise = made("bernoulli")
    reconstruction, kl, _ = elbo_and_gradient(model, flat, x, seen, noise, 1.0, 0.0, np.empty_like(flat))
    assert np.mean(elbo_of_data(model, flat, x, seen, noise)) == pytest.approx(reconstruction - kl, rel=1e-13)


def test_an_iwelbo_of_one_draw_has_the_elbo_in_the_mean():
    model, flat, x, seen, _ = made("bernoulli")
    flat = flat / 3  # closer to the prior: fewer draws do
    noise = np.random.default_rng(1).normal(size=(20_000, N, D))
    elbo = elbo_of_data(model, flat, x, seen, noise).mean()
    ones = [iwelbo_and_gradient(model, flat, x, seen, n[None], "plain", np.empty_like(flat)) for n in noise[:4000]]
    error = np.std(ones) / np.sqrt(len(ones))
    assert abs(np.mean(ones) - elbo) < 5 * error
    assert 5 * error < 0.1


def test_float32_keeps_its_type_and_agrees():
    model, flat, x, seen, noise = made("bernoulli")
    wide, narrow = np.empty_like(flat), np.empty(flat.size, np.float32)
    elbo_and_gradient(model, flat, x, seen, noise, 1.0, 0.0, wide)
    elbo_and_gradient(model, *(a.astype(np.float32) for a in (flat, x, seen, noise)), 1.0, 0.0, narrow)
    np.testing.assert_allclose(narrow, wide, atol=2e-5)
