"""Decoders' likelihoods against scipy, their scores against differences, their draws against their means."""

import numpy as np
import pytest
from scipy import stats

from varinf.autoencoders.likelihoods import likelihood

S, N, F, C = 3, 4, 2, 5
NAMES = {"bernoulli": (None, None), "normal": (0.7, None), "categorical": (None, C)}


def made(name):
    rng = np.random.default_rng(0)
    head = likelihood(name, *NAMES[name])
    x = {"bernoulli": rng.integers(0, 2, (N, F)), "categorical": rng.integers(0, C, (N, F))}.get(
        name, rng.normal(size=(N, F))
    )
    return head, x.astype(float), 2 * rng.normal(size=(S, N, head.outputs(F)))


def from_scipy(name, x, out):
    if name == "bernoulli":
        return stats.bernoulli.logpmf(x, 1 / (1 + np.exp(-out))).sum(-1)
    if name == "normal":
        return stats.norm.logpdf(x, out, 0.7).sum(-1)
    logits = out.reshape(S, N, F, C)
    probs = np.exp(logits) / np.exp(logits).sum(-1, keepdims=True)
    return np.log(np.take_along_axis(probs, x.astype(int)[None, :, :, None].repeat(S, 0), -1))[..., 0].sum(-1)


@pytest.mark.parametrize("name", NAMES)
def test_log_probabilities_are_those_of_scipy(name):
    head, x, out = made(name)
    np.testing.assert_allclose(head.log_prob(x, out, 0.7), from_scipy(name, x, out), rtol=1e-12)
    np.testing.assert_allclose(head.score(x, out, 0.7)[0], from_scipy(name, x, out), rtol=1e-12)


@pytest.mark.parametrize("name", NAMES)
def test_scores_are_central_differences(name):
    head, x, out = made(name)
    _, slope = head.score(x, out, 0.7)
    h = 1e-5
    for i in range(out.shape[-1]):
        step = h * (np.arange(out.shape[-1]) == i)
        difference = (head.log_prob(x, out + step, 0.7) - head.log_prob(x, out - step, 0.7)) / (2 * h)
        np.testing.assert_allclose(slope[..., i], difference, atol=1e-8)


def test_the_score_in_the_noise_is_a_central_difference():
    head, x, out = made("normal")
    h = 1e-5
    difference = (head.log_prob(x, out, 0.7 * np.exp(h)) - head.log_prob(x, out, 0.7 * np.exp(-h))) / (2 * h)
    np.testing.assert_allclose(head.d_log_noise(head.log_prob(x, out, 0.7), 0.7, F), difference, atol=1e-8)


@pytest.mark.parametrize("name", NAMES)
def test_draws_have_the_mean(name):
    head, _, out = made(name)
    count = 100_000
    many = np.broadcast_to(out[0, 0], (count, out.shape[-1]))
    x = head.sample(many, 0.7, np.random.default_rng(0))
    mean = head.mean(out[0, 0])
    if name == "categorical":
        x = (x[..., None] == np.arange(C)).astype(float)
    error = x.std(axis=0) / np.sqrt(count)
    assert (np.abs(x.mean(axis=0) - mean) < 5 * error).all()
    assert 5 * error.max() < 0.02


@pytest.mark.parametrize("name", NAMES)
def test_outputs_to_begin_with_give_the_means_of_the_data(name):
    head, x, _ = made(name)
    mean = head.mean(head.start(x))
    expected = (x[..., None] == np.arange(C)).mean(axis=0) if name == "categorical" else x.mean(axis=0)
    np.testing.assert_allclose(mean, np.clip(expected, 0.0, 1.0) if name != "normal" else expected, atol=0.02)


def test_extreme_logits_stay_finite():
    head = likelihood("categorical", None, 3)
    value, slope = head.score(np.array([[0.0]]), np.array([[[1000.0, -1000.0, 0.0]]]), 1.0)
    assert value == 0 and np.isfinite(slope).all()
    assert likelihood("bernoulli", None, None).mean(np.array([-800.0, 800.0])).tolist() == [0.0, 1.0]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("gaussian", None, None), "likelihood='gaussian': use 'bernoulli', 'normal' or 'categorical'"),
        (("bernoulli", 0.5, None), "noise_scale=0.5 is for likelihood='normal'"),
        (("normal", None, 3), "categories=3 is for likelihood='categorical'"),
        (("categorical", None, None), "needs categories="),
    ],
)
def test_options_of_another_likelihood_are_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        likelihood(*arguments)


@pytest.mark.parametrize(
    ("name", "x", "message"),
    [
        ("bernoulli", [[0.0, 2.0], [-1.0, 1.0]], r"2 values outside of 0 to 1 \(the first is 2.0\)"),
        ("categorical", [[0.0, 1.5], [5.0, 1.0]], r"2 values that are no category \(the first is 1.5\)"),
    ],
)
def test_data_that_a_likelihood_cannot_have_are_refused(name, x, message):
    with pytest.raises(ValueError, match=message):
        likelihood(name, *NAMES[name]).check(np.array(x))
