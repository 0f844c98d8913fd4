"""Index information: brute force, its limits 0 and log N, and probabilistic PCA on real images."""

import math

import numpy as np
import pytest
from scipy.special import logsumexp
from theorem3 import INFORMATION, channel, densities_by_hand, posteriors

from varinf.families.categorical import Categorical
from varinf.families.diagonal_normal import DiagonalNormal
from varinf.families.full_normal import FullNormal
from varinf.information.aggregate_kl import aggregate_kl
from varinf.information.index_information import index_information
from varinf.information.rate import rate


def test_channel():
    runs = [index_information(channel()[0], draws=5_000, rng=seed) for seed in range(10)]
    scores = [(float(run) - INFORMATION) / float(run.stderr) for run in runs]
    assert abs(np.sum(scores)) / math.sqrt(10) < 5 and max(float(run.stderr) for run in runs) < 0.01


@pytest.mark.parametrize("kind", ["diagonal", "full", "shared"])
@pytest.mark.parametrize("n", [2, 50])
def test_equals_brute_force_on_the_same_draws(kind, n):
    q = posteriors(n, 3, kind)
    z = q.sample(2, rng=11)
    terms = []
    for draw in z:
        log_q = densities_by_hand(q, draw)
        terms.append(np.diag(log_q) - logsumexp(log_q, axis=1) + math.log(n))
    estimate = index_information(q, draws=2, rng=11)
    assert float(estimate) == pytest.approx(np.mean(terms), rel=1e-10)
    assert float(estimate.stderr) == pytest.approx(math.sqrt(np.var(terms, axis=0, ddof=1).sum() / 2) / n, rel=1e-8)
    assert max(map(np.max, terms)) <= math.log(n)


@pytest.mark.parametrize("spread", [0.0, 0.1, 1.0, 10.0, 1000.0])
def test_lies_between_zero_and_log_n(spread):
    loc = spread * np.random.default_rng(0).normal(size=(30, 2))
    estimate = index_information(DiagonalNormal(loc, np.ones((30, 2))), draws=200, rng=1)
    assert -5 * float(estimate.stderr) - 1e-12 <= float(estimate) <= math.log(30) + 1e-12
    if spread == 0:
        assert abs(float(estimate)) < 1e-14
    if spread == 1000:
        assert float(estimate) == pytest.approx(math.log(30), rel=1e-12)


def test_saturation_speaks_in_either_unit():
    far = index_information(DiagonalNormal(np.arange(8.0)[:, None] * 50, np.ones((8, 1))), rng=0)
    assert "within 0.1 nats of its ceiling, 2.079" in far.caveats[0]
    assert "within 0.14 bits of its ceiling, 3.000" in far.to("bits").caveats[0]
    near = index_information(DiagonalNormal(np.arange(8.0)[:, None], np.ones((8, 1))), rng=0)
    assert near.caveats == () and near.to("bits").caveats == ()


def test_one_datum_has_no_ceiling_to_reach():
    q = posteriors(1, 2)
    one = index_information(q, rng=0)
    assert abs(float(one)) < 1e-14 and math.isnan(one.stderr)
    assert len(one.caveats) == 1 and "leaves no standard error" in one.caveats[0]
    assert index_information(q, draws=2, rng=0).caveats == ()


def test_what_it_is():
    estimate = index_information(posteriors(9, 2), rng=3)
    assert (estimate.quantity, str(estimate.direction), estimate.bias) == ("I(n;Z)", "exact", "none")
    assert estimate.draws == 9 and estimate.objective == "index_information"
    assert float(estimate) == float(index_information(posteriors(9, 2), rng=3))


def test_float32():
    q = posteriors(40, 2, dtype=np.float32)
    estimate = index_information(q, draws=50, rng=0)
    double = index_information(DiagonalNormal(q.loc.astype(float), q.scale.astype(float)), draws=50, rng=1)
    assert estimate.value.dtype == np.float32
    assert abs(float(estimate) - float(double)) < 5 * math.hypot(float(estimate.stderr), float(double.stderr))


@pytest.mark.parametrize(
    ("k", "information", "of_rate", "saturated"),
    [(2, 2.36, 2.5137, False), (6, 5.69, 7.6994, False), (20, 7.484, 25.4383, True)],
)
def test_probabilistic_pca_on_digits(k, information, of_rate, saturated):
    """The maximum likelihood posterior (Tipping, Bishop 1999), by hand: raw pixels, 1/N covariance."""
    datasets = pytest.importorskip("sklearn.datasets")
    x = datasets.load_digits().data
    centred = x - x.mean(axis=0)
    eigenvalues, vectors = np.linalg.eigh(centred.T @ centred / len(x))
    top, noise = eigenvalues[::-1][:k], eigenvalues[::-1][k:].mean()
    loadings = vectors[:, ::-1][:, :k] * np.sqrt(top - noise)
    loc = centred @ loadings / top  # W'W + noise I = diag(top)
    scale = np.broadcast_to(np.sqrt(noise / top), loc.shape)
    q = DiagonalNormal(loc, scale)
    estimate = index_information(q, draws=2, rng=0)
    assert float(rate(q, over="dataset")) == pytest.approx(of_rate, abs=5e-5)
    assert abs(float(estimate) - information) < 0.01 + 3 * float(estimate.stderr)
    assert float(estimate.stderr) < 0.03 and float(estimate) < math.log(len(x))
    assert bool(estimate.caveats) is saturated
    if k == 20:
        return
    # The same posteriors as full covariances, in rotated coordinates, hold the same information.
    turn = np.linalg.qr(np.random.default_rng(1).normal(size=(k, k)))[0]
    covariance = turn @ np.diag(noise / top) @ turn.T
    tril = np.linalg.cholesky(covariance)
    full = index_information(FullNormal(loc @ turn.T, scale_tril=np.broadcast_to(tril, (len(x), k, k))), rng=1)
    assert abs(float(full) - float(estimate)) < 5 * math.hypot(float(full.stderr), float(estimate.stderr))


def test_refusals():
    with pytest.raises(ValueError, match=r"q has batch shape \(2, 3\)"):
        index_information(DiagonalNormal(np.zeros((2, 3, 1)), np.ones((2, 3, 1))))
    with pytest.raises(TypeError, match=r"draws=1\.5"):
        index_information(posteriors(3, 1), draws=1.5)
    with pytest.raises(TypeError, match="reference"):
        index_information(posteriors(3, 1), reference=None)


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_categories_are_exact_and_add_up_to_the_rate(dtype):
    """Theorem 3 for codes that are categories: brute sums over the table, and no error."""
    p = np.random.default_rng(12).dirichlet([0.5] * 5, size=8)
    p[0] = [0, 1, 0, 0, 0]
    q, r = Categorical(probs=p.astype(dtype)), Categorical(probs=np.array([0.1, 0.2, 0.3, 0.3, 0.1], dtype))
    aggregate = [sum(row[k] for row in p) / 8 for k in range(5)]
    information = sum(row[k] * math.log(row[k] / aggregate[k]) for row in p for k in range(5) if row[k] > 0) / 8
    gap = sum(a * math.log(a / b) for a, b in zip(aggregate, [0.1, 0.2, 0.3, 0.3, 0.1], strict=True))
    index, kl = index_information(q), aggregate_kl(q, r)
    rel = 1e-12 if dtype == np.float64 else 1e-5
    assert index.value == pytest.approx(information, rel=rel) and kl.value == pytest.approx(gap, rel=rel)
    assert rate(q, r, over="dataset").value == pytest.approx(index.value + kl.value, rel=rel)
    for estimate in (index, kl):
        assert estimate.value.dtype == dtype and estimate.stderr == 0
        assert estimate.draws is None and estimate.caveats == () and estimate.direction == "exact"
        assert "± 0 nats" in str(estimate)
    apart = index_information(Categorical(probs=np.eye(4, dtype=dtype)))
    assert apart.value == pytest.approx(math.log(4), rel=rel) and "ceiling" in apart.caveats[0]


def test_categories_without_a_fitting_reference():
    q = Categorical(probs=[[0.5, 0.5], [1.0, 0.0]])
    for function in (rate, aggregate_kl):
        with pytest.raises(ValueError, match="no normal is a reference for categories: give reference="):
            function(q)
        with pytest.raises(TypeError, match="one is over categories"):
            function(q, DiagonalNormal.standard(2))
    missed = aggregate_kl(q, Categorical(probs=[1.0, 0.0]))
    assert missed.value == np.inf and missed.stderr == 0 and "density zero" in missed.caveats[0]
    assert rate(q, Categorical(probs=[1.0, 0.0]), over="dataset").value == np.inf


def test_gradient_of_categories():
    """Of N I(n;Z) with respect to a probability of datum n: log q(z|n) / q(z), up to what normalisation takes."""
    torch = pytest.importorskip("torch")
    probs = np.random.default_rng(13).dirichlet([1.0] * 3, size=4)
    logits = torch.tensor(np.log(probs), requires_grad=True)
    index_information(Categorical(logits=logits)).value.backward()
    terms = np.log(probs / probs.mean(0))
    expected = probs * (terms - np.sum(probs * terms, axis=1, keepdims=True)) / 4
    np.testing.assert_allclose(logits.grad.numpy(), expected, rtol=1e-10, atol=1e-14)
