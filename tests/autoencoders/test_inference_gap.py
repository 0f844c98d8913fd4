"""The inference gap against a linear model, where log p(x), the best q and both parts of the gap are known."""

import numpy as np
import pytest
from linear import linear_vae

import varinf as vi
from varinf.autoencoders.inference_gap import refine


@pytest.fixture(scope="module")
def case():
    vae, model, X = linear_vae()
    best = model.mean_field(X)
    tight = model.expected_log_joint(X, best) + best.entropy()
    q = vae.encode(X)
    elbo = model.expected_log_joint(X, q) + q.entropy()
    return vae, X, model.log_evidence(X), tight, elbo, best


def test_the_parts_are_those_of_the_linear_model(case):
    vae, X, evidence, tight, elbo, _ = case
    gap = vae.inference_gap(X, draws=20_000, steps=600, rng=0)
    exact = {"total": evidence - elbo, "approximation": evidence - tight, "amortisation": tight - elbo}
    assert exact["amortisation"].mean() > 0.1 and exact["approximation"].mean() > 0.01  # there is something to see
    for name, truth in exact.items():
        part = getattr(gap, name)
        mean = part.mean()
        # the refinement's own distance from the best q, of order RATE^2 at its end, is the last term
        assert abs(mean.value - truth.mean()) < 5 * mean.stderr + 2e-3, name
        assert 5 * mean.stderr < 0.05


def test_parts_add_up(case):
    vae, X, *_ = case
    gap = vae.inference_gap(X[:5], draws=50, steps=5, rng=0)
    np.testing.assert_allclose(gap.approximation.value + gap.amortisation.value, gap.total.value, atol=1e-10)
    np.testing.assert_allclose(gap.iwelbo.value - gap.elbo.value, gap.total.value, atol=1e-12)


def test_refining_reaches_the_best_q(case):
    vae, X, _, _, _, best = case
    q = refine(vae, X, vae.encode(X), 800, np.random.default_rng(0))
    np.testing.assert_allclose(q.loc, best.loc, atol=0.05)
    np.testing.assert_allclose(q.scale, best.scale, rtol=0.1)


def test_no_datum_loses_by_it(case):
    vae, X, *_ = case
    gap = vae.inference_gap(X, draws=4000, steps=1, rng=0)  # one step helps few
    assert (gap.amortisation.value > -5 * gap.amortisation.stderr - 1e-3).all()


def test_each_part_says_what_it_is(case):
    vae, X, *_ = case
    gap = vae.inference_gap(X[:6], draws=50, steps=5, rng=0)
    assert [part.direction for part in (gap.total, gap.approximation, gap.amortisation)] == [
        "lower",
        "neither",
        "lower",
    ]
    assert (gap.iwelbo.direction, gap.elbo.direction) == ("lower", "lower")
    assert gap.q.batch_shape == (6,)
    lines = str(gap).splitlines()
    assert lines[0] == "log p(x) - ELBO of 6 data, mean in nats"
    assert [line.split()[0] for line in lines[1:]] == ["total", "approximation", "amortisation"]


def test_it_is_the_same_for_the_same_seed_and_in_float32():
    vae = vi.VAE(2, (8,)).fit(np.eye(6), 2, rng=0)
    a, b = (vae.inference_gap(np.eye(6), draws=20, steps=3, rng=1) for _ in range(2))
    assert (a.total.value == b.total.value).all()
    assert a.q.loc.dtype == np.float32


def test_wrong_numbers_are_refused(case):
    vae, X, *_ = case
    with pytest.raises(ValueError, match="steps=0"):
        vae.inference_gap(X, steps=0)
    with pytest.raises(ValueError, match="draws=-1"):
        vae.inference_gap(X, draws=-1)
