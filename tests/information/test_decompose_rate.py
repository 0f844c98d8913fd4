"""The rate in three parts: they add up, and each is what it is called where that is known."""

import math

import numpy as np
import pytest
from theorem3 import posteriors

import varinf as vi


def check(estimate, expected, seen=None):
    assert abs(float(estimate) - expected) < 5 * float(estimate.stderr)
    assert seen is None or 5 * float(estimate.stderr) < seen


def test_parts_add_up_and_agree_with_their_functions():
    q, r = posteriors(30, 3), vi.DiagonalNormal([0.1, 0.0, -0.2], [1.5, 1.2, 0.9])
    parts = vi.decompose_rate(q, r, draws=200, rng=0)
    assert abs(float(parts.rate) - sum(float(part) for part in parts[1:])) < 1e-12
    check(parts.rate, float(vi.rate(q, r, over="dataset")), seen=0.2)
    assert float(parts.index_information) == float(vi.index_information(q, draws=200, rng=0))
    rest = vi.aggregate_kl(q, r, draws=200, rng=0)
    assert abs(float(rest) - float(parts.total_correlation) - float(parts.dimension_wise_kl)) < 1e-12
    assert all(part.direction == "exact" for part in parts)


def test_a_gaussian_aggregate():
    """Many posteriors around correlated means make a normal aggregate, whose parts are closed forms."""
    rng = np.random.default_rng(1)
    n, rho = 4000, 0.8
    loc = rng.normal(size=(n, 2)) @ np.linalg.cholesky([[1, rho], [rho, 1]]).T
    q = vi.DiagonalNormal(loc, np.full((n, 2), 0.5))
    parts = vi.decompose_rate(q, draws=1, rng=2)
    correlation = rho / 1.25
    # 4,000 data are not the normal itself: 0.02 nats for the means that they leave out
    assert abs(float(parts.total_correlation) + math.log(1 - correlation**2) / 2) < 0.05
    unit = (1.25 - 1 - math.log(1.25)) / 2
    assert abs(float(parts.dimension_wise_kl) - 2 * unit) < 0.05


def test_independent_units_have_no_total_correlation():
    """A grid of data, every pair of levels once: the aggregate is a product, to rounding."""
    grid = np.array([[a, b] for a in (-2.0, 0.0, 1.0) for b in (-1.0, 3.0)])
    parts = vi.decompose_rate(vi.DiagonalNormal(grid, np.full((6, 2), 0.7)), draws=50, rng=0)
    assert abs(float(parts.total_correlation)) < 1e-14


def test_full_covariances_and_workers():
    rng = np.random.default_rng(3)
    loc = rng.normal(size=(20, 2))
    tril = np.tril(rng.normal(size=(20, 2, 2)), -1) + np.eye(2)
    q = vi.FullNormal(loc, tril)
    parts = vi.decompose_rate(q, draws=500, rng=4)
    check(parts.rate, float(vi.rate(q, over="dataset")), seen=0.2)
    again = vi.decompose_rate(q, draws=500, rng=4, workers=2)
    assert [float(part) for part in again] == [float(part) for part in parts]


def test_what_is_refused():
    q = posteriors(4, 2)
    with pytest.raises(TypeError, match="features must be independent"):
        vi.decompose_rate(q, vi.FullNormal(np.zeros(2), np.eye(2)))
    with pytest.raises(TypeError, match="known for normals"):
        vi.decompose_rate(vi.Categorical(probs=np.full((3, 2), 0.5)))
    assert vi.decompose_rate(posteriors(4, 2, dtype=np.float32), rng=0).rate.value.dtype == np.float32
