"""The aggregate density itself, which the identity of Theorem 3 cannot test: it cancels there."""

import math

import numpy as np
import pytest
from scipy.special import logsumexp
from theorem3 import densities_by_hand, posteriors

from varinf.families.diagonal_normal import DiagonalNormal
from varinf.families.mixture import Mixture
from varinf.information.aggregate import draws_from_each, log_aggregate, mean_over_strata

KINDS = ("diagonal", "full", "shared")


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(("n", "d"), [(1, 1), (2, 3), (50, 2)])
def test_equals_brute_force(kind, n, d):
    q = posteriors(n, d, kind)
    z = 3 * np.random.default_rng(1).normal(size=(20, d))
    expected = logsumexp(densities_by_hand(q, z), axis=1) - math.log(n)
    np.testing.assert_allclose(log_aggregate(q, z), expected, rtol=1e-11)


@pytest.mark.parametrize("kind", KINDS)
def test_integrates_to_one_in_one_dimension(kind):
    q = posteriors(30, 1, kind)
    grid = np.linspace(-20, 20, 4001)
    mass = np.exp(log_aggregate(q, grid[:, None])).sum() * (grid[1] - grid[0])  # exact beyond all digits for normals
    assert mass == pytest.approx(1, abs=1e-12)


@pytest.mark.parametrize("kind", KINDS)
def test_integrates_to_one_in_two_dimensions(kind):
    q = posteriors(20, 2, kind)
    side = np.linspace(-14, 14, 281)
    z = np.stack(np.meshgrid(side, side), axis=-1).reshape(-1, 2)
    assert np.exp(log_aggregate(q, z)).sum() * (side[1] - side[0]) ** 2 == pytest.approx(1, abs=1e-10)


@pytest.mark.parametrize("kind", KINDS)
def test_mean_ratio_to_a_wide_reference_is_one(kind):
    """E_r[q(z)/r(z)] = 1 in six dimensions, where no quadrature reaches; a scale taken for a variance is far off."""
    q, d = posteriors(40, 6, kind), 6
    r = DiagonalNormal(np.zeros(d), np.full(d, 2.5))
    z = r.sample(10_000, rng=3)
    ratio = np.exp(log_aggregate(q, z) - r.log_prob(z))
    z_score = (ratio.mean() - 1) / (ratio.std() / math.sqrt(len(ratio)))
    assert abs(z_score) < 5 and ratio.std() / math.sqrt(len(ratio)) < 0.1


def test_shared_covariance_takes_the_short_way_and_agrees():
    q = posteriors(30, 3, "shared")
    z = np.random.default_rng(2).normal(size=(50, 3))
    np.testing.assert_allclose(log_aggregate(q, z), Mixture(None, q).log_prob(z), rtol=1e-12)


@pytest.mark.parametrize("kind", KINDS)
def test_float32_stays_float32(kind):
    q = posteriors(10, 2, kind, dtype=np.float32)
    z, log_conditional, log_q = draws_from_each(q, 3, rng=0)
    assert {z.dtype, log_conditional.dtype, log_q.dtype} == {np.dtype(np.float32)}
    expected = logsumexp(densities_by_hand(q, z.reshape(-1, 2)), axis=1) - math.log(10)
    np.testing.assert_allclose(log_q.ravel(), expected, rtol=1e-4, atol=1e-5)


def test_draws_keep_their_datum():
    """Draw s of datum n is scored by posterior n: far apart, the wrong one would be off by thousands."""
    q = DiagonalNormal(np.arange(5.0)[:, None] * 100, np.ones((5, 1)))
    z, log_conditional, log_q = draws_from_each(q, 4, rng=0)
    assert np.all(abs(z[..., 0] - 100 * np.arange(5)) < 10)
    np.testing.assert_allclose(log_conditional - log_q, math.log(5), rtol=1e-12)


def test_error_of_stratified_draws():
    """Over many repetitions the squared error matches the squared standard error; plain draws would be larger."""
    rng = np.random.default_rng(4)
    shift, scale = rng.normal(size=12) * 3, rng.uniform(0.1, 2, size=12)
    means, squares, single = [], [], []
    for _ in range(4000):
        value, stderr, degrees = mean_over_strata(shift + scale * rng.normal(size=(4, 12)))
        means.append(value)
        squares.append(stderr**2)
        single.append(mean_over_strata(shift + scale * rng.normal(size=(1, 12)))[1] ** 2)
    truth = (scale**2).sum() / 4 / 12**2
    assert np.mean(squares) == pytest.approx(truth, rel=0.05)
    assert np.var(means) == pytest.approx(truth, rel=0.1)
    assert np.mean(single) > 4 * truth  # one draw per datum: the spread between data is in it
    assert 3 < degrees <= 36


def test_edges_of_the_mean():
    value, stderr, degrees = mean_over_strata(np.ones((1, 1)))
    assert value == 1 and math.isnan(stderr) and degrees == 0
    assert mean_over_strata(np.full((2, 3), 0.5)) == (0.5, 0.0, 3.0)  # no spread, no error, no 0/0
    value, stderr, _ = mean_over_strata(np.array([[math.inf, 1.0], [0.0, 1.0]]))
    assert value == math.inf and math.isnan(stderr)
