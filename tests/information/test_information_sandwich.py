"""The sandwich on known channels, and against the matrices that it never holds whole."""

import numpy as np
import pytest

import varinf as vi
from varinf.information import information_sandwich as module


def channel(seed, n=300, noise=1.0, features=1):
    """z = x + noise, x ~ N(0, I): features/2 log(1 + 1/noise^2) nats."""
    x = np.random.default_rng(seed).normal(size=(n, features))
    return vi.DiagonalNormal(x, np.full((n, features), noise))


@pytest.mark.parametrize("noise", [0.5, 1.0, 2.0])
def test_truth_inside(noise):
    """At 95% of 200 populations; fewer than 88% would be 4.5 standard errors off. Means lie on their sides."""
    truth = np.log1p(1 / noise**2) / 2
    found = [vi.information_sandwich(channel(seed, noise=noise), rng=seed) for seed in range(200)]
    limits = [b.interval(0.95) for b in found]
    assert np.mean([low < truth < high for low, high, _ in limits]) > 0.88
    lower, upper = (np.array([float(getattr(b, side)) for b in found]) for side in ("lower", "upper"))
    assert (lower.mean() - truth) / (lower.std() / np.sqrt(200)) < 5
    assert (upper.mean() - truth) / (upper.std() / np.sqrt(200)) > -5
    assert upper.mean() - lower.mean() < 0.2


def test_sides_are_infonce_and_leave_one_out(monkeypatch):
    """A reference far off makes the choice; and any blocks give the same."""
    q = channel(3, n=60, features=2)
    z = q.sample(1, np.random.default_rng(7))[0]
    matrix = q._log_density(z[:, None]).T  # [i, j]: log q(z_j | x_i)
    far = vi.DiagonalNormal([9.0, 9.0], [1.0, 1.0])
    found = vi.information_sandwich(q, far, rng=7)
    expected = vi.infonce(matrix)
    np.testing.assert_allclose([found.lower.value, found.lower.stderr], [expected.value, expected.stderr], rtol=1e-10)
    rng = np.random.default_rng(7)
    q.sample(1, rng)
    kept = np.sort(rng.permutation(60)[30:])
    expected = vi.leave_one_out(matrix[np.ix_(kept, kept)])
    np.testing.assert_allclose([found.upper.value, found.upper.stderr], [expected.value, expected.stderr], rtol=1e-10)
    assert "leave-one-out" in found.upper.estimand and found.upper.draws == 30
    monkeypatch.setattr(module, "_AT_ONCE", 7 * 60)
    blocks = vi.information_sandwich(q, far, rng=7, workers=2)
    np.testing.assert_allclose(
        [blocks.lower.stderr, blocks.upper.stderr], [found.lower.stderr, found.upper.stderr], rtol=1e-12
    )
    near = vi.information_sandwich(q, vi.DiagonalNormal([0.0, 0.0], [2**0.5, 2**0.5]), rng=7)
    assert (
        near.upper.objective == "rate"
        and near.upper.draws is None
        and "reported on the other 30" in near.assumptions[1]
    )


def test_shared_covariance_in_white_coordinates():
    rng = np.random.default_rng(5)
    tril = np.linalg.cholesky(np.array([[2.0, 0.6], [0.6, 0.5]]))
    loc = rng.normal(size=(40, 2))
    q = vi.FullNormal(loc, np.broadcast_to(tril, (40, 2, 2)))
    found = vi.information_sandwich(q, rng=1)
    z = q.sample(1, np.random.default_rng(1))[0]
    matrix = np.stack([vi.FullNormal(m, tril).log_prob(z) for m in loc])
    np.testing.assert_allclose(found.lower.value, vi.infonce(matrix).value, rtol=1e-11)


def test_saturation_and_categories():
    far = vi.information_sandwich(vi.DiagonalNormal(1e3 * np.arange(20.0)[:, None], np.ones((20, 1))), rng=0)
    assert "ceiling" in far.lower.caveats[0] and float(far.lower) == pytest.approx(np.log(20)) == far.lower.ceiling
    q = vi.Categorical(probs=np.random.default_rng(6).dirichlet([0.3] * 5, size=200))
    found = vi.information_sandwich(q, vi.Categorical(probs=np.full(5, 0.2)), rng=0)
    exact = float(vi.index_information(q))
    assert (
        abs(float(found.lower) - exact) < 5 * found.lower.stderr and float(found.upper) > exact - 5 * found.upper.stderr
    )


def test_what_is_refused():
    with pytest.raises(ValueError, match="at least six"):
        vi.information_sandwich(channel(0, n=5))
    with pytest.raises(ValueError, match="reference"):
        vi.information_sandwich(vi.Categorical(probs=np.full((8, 2), 0.5)))
    torch = pytest.importorskip("torch")
    with pytest.raises(TypeError, match="NumPy"):
        vi.information_sandwich(vi.DiagonalNormal(torch.zeros(8, 2), torch.ones(8, 2)))


def test_float32():
    x = np.random.default_rng(1).normal(size=(50, 2)).astype(np.float32)
    found = vi.information_sandwich(vi.DiagonalNormal(x, np.ones_like(x)), rng=0)
    assert found.lower.value.dtype == found.upper.value.dtype == np.float32
