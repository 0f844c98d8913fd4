"""Kolchinsky and Tracey's bounds: written out, around the information, and at their ends."""

import numpy as np
import pytest
from theorem3 import posteriors

import varinf as vi

CATEGORIES = vi.Categorical(probs=np.random.default_rng(3).dirichlet([0.5] * 4, size=7))
TRIL = np.linalg.cholesky(np.array([[2.0, 0.6], [0.6, 0.5]]))


def normals(name, n=9):
    rng = np.random.default_rng(4)
    loc = rng.normal(size=(n, 2))
    if name == "diagonal":
        return vi.DiagonalNormal(loc, rng.uniform(0.3, 1.5, size=(n, 2)))
    tril = np.broadcast_to(TRIL, (n, 2, 2)) * (1 if name == "shared" else rng.uniform(0.5, 1.5, size=(n, 1, 1)))
    return vi.FullNormal(loc, tril)


def distances(q):
    """Bhattacharyya's and Kullback and Leibler's between normals, from their textbook formulas."""
    n, covariance = len(q), q.covariance
    bhattacharyya, kl = np.empty((n, n)), np.empty((n, n))
    for i, j in np.ndindex(n, n):
        a, b, d = covariance[i], covariance[j], q.mean[i] - q.mean[j]
        m = (a + b) / 2
        log_det = [np.linalg.slogdet(x)[1] for x in (m, a, b)]
        bhattacharyya[i, j] = d @ np.linalg.solve(m, d) / 8 + (log_det[0] - (log_det[1] + log_det[2]) / 2) / 2
        kl[i, j] = (np.trace(np.linalg.solve(b, a)) + d @ np.linalg.solve(b, d) - len(d) + log_det[2] - log_det[1]) / 2
    return bhattacharyya, kl


def of_pairs(distance):
    return -np.mean(np.log(np.mean(np.exp(-distance), axis=1)))


@pytest.mark.parametrize("name", ["diagonal", "full", "shared"])
def test_written_out_and_around_the_information(name):
    q = normals(name)
    found = vi.mixture_information_bounds(q)
    bhattacharyya, kl = distances(q)
    np.testing.assert_allclose(found.lower.value, of_pairs(bhattacharyya), rtol=1e-12)
    np.testing.assert_allclose(found.upper.value, of_pairs(kl), rtol=1e-12)
    information = vi.index_information(q, draws=20_000, rng=0)
    assert float(found.lower) < float(information) - 5 * information.stderr
    assert float(found.upper) > float(information) + 5 * information.stderr
    assert found.lower.stderr == found.upper.stderr == 0 and found.lower.ceiling == np.log(9)


def test_categories():
    p = CATEGORIES.probs
    found = vi.mixture_information_bounds(CATEGORIES)
    overlap = np.sqrt(p[:, None] * p[None]).sum(-1)
    np.testing.assert_allclose(found.lower.value, -np.mean(np.log(overlap.mean(1))), rtol=1e-12)
    kl = (p[:, None] * np.log(p[:, None] / p[None])).sum(-1)
    np.testing.assert_allclose(found.upper.value, of_pairs(kl), rtol=1e-12)
    assert float(found.lower) < float(vi.index_information(CATEGORIES)) < float(found.upper)


def test_ends():
    same = vi.mixture_information_bounds(vi.DiagonalNormal(np.zeros((5, 2)), np.ones((5, 2))))
    apart = vi.mixture_information_bounds(vi.DiagonalNormal(1e3 * np.arange(5.0)[:, None], np.ones((5, 1))))
    for side in ("lower", "upper"):
        assert abs(float(getattr(same, side))) < 1e-15 and float(getattr(apart, side)) == pytest.approx(np.log(5))
    one = vi.mixture_information_bounds(vi.DiagonalNormal(np.zeros((1, 2)), np.ones((1, 2))))
    assert float(one.lower) == float(one.upper) == 0


def test_float32():
    q = posteriors(6, 2, dtype=np.float32)
    found = vi.mixture_information_bounds(q)
    wide = vi.mixture_information_bounds(vi.DiagonalNormal(q.loc.astype(float), q.scale.astype(float)))
    assert found.lower.value.dtype == np.float32
    np.testing.assert_allclose(found.upper.value, wide.upper.value, rtol=1e-5)


def test_what_is_refused():
    with pytest.raises(NotImplementedError, match="StudentT"):
        vi.mixture_information_bounds(vi.StudentT(np.full((3, 1), 5.0), np.zeros((3, 1)), np.ones((3, 1))))
    torch = pytest.importorskip("torch")
    with pytest.raises(TypeError, match="NumPy"):
        vi.mixture_information_bounds(vi.DiagonalNormal(torch.zeros(3, 2), torch.ones(3, 2)))
