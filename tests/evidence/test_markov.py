"""Limits by Markov's inequality: valid for any tail, and as sharp as the inequality."""

import math

import numpy as np
import pytest
from exact_cases import Gaussian, Pareto

import varinf as vi

CASES = [Gaussian(0.8), Gaussian(0.1), Gaussian(0.5, dim=10), Gaussian(3.0, dim=5), Pareto(0.2), Pareto(0.9)]


@pytest.mark.parametrize("case", CASES, ids=str)
@pytest.mark.parametrize("level", [0.2, 0.5, 0.95])
@pytest.mark.parametrize("groups", [1, 16])
def test_fails_no_more_often_than_its_level(case, level, groups):
    rng, n = np.random.default_rng(1), 2000
    low = vi.iwelbo(case.from_q(rng, (96, n))).interval(level, "markov", groups).low
    high = vi.eubo(case.from_posterior(rng, (96, n))).interval(level, "markov", groups).high
    allowed = 1 - level + 5 * math.sqrt(level * (1 - level) / n)
    assert np.mean(low > case.log_evidence) <= allowed
    assert np.mean(high < case.log_evidence) <= allowed


@pytest.mark.parametrize("groups", [1, 2])
def test_sharp_where_the_inequality_is(groups):
    """Weights that are c with probability 1/c and else 0 reach Markov's inequality, so that no bolder limit is valid.

    All groups of one draw are c with probability c^(−groups). A limit that may fail a little more often than that does
    fail so often; one that may fail a little less often never fails.
    """
    c, n = 4.0, 40_000
    share = c**-groups
    x = np.where(np.random.default_rng(2).random((groups, n)) < 1 / c, math.log(c), -np.inf)
    bold = vi.iwelbo(x).interval(1 - 1.01 * share, "markov", groups).low
    shy = vi.iwelbo(x).interval(1 - 0.99 * share, "markov", groups).low
    assert np.mean(bold > 0) == pytest.approx(share, abs=5 * math.sqrt(share * (1 - share) / n))
    assert not np.any(shy > 0)


def test_hand_derived_limits():
    x = np.log([[1.0, 3.0], [2.0, 2.0], [5.0, 1.0], [4.0, 4.0]])  # two columns, two groups of two draws
    low = vi.iwelbo(x).interval(0.9, "markov", groups=2).low
    np.testing.assert_allclose(low, np.log([1.5, 2.5]) + math.log(0.1) / 2, rtol=1e-14)
    high = vi.eubo(x).interval(0.9, "markov", groups=2).high
    inverse = np.log([[1.0, 3.0], [2.0, 2.0]]), np.log([[5.0, 1.0], [4.0, 4.0]])
    means = [-np.log(np.mean(np.exp(-part), axis=0)) for part in inverse]
    np.testing.assert_allclose(high, np.max(means, axis=0) - math.log(0.1) / 2, rtol=1e-13)


def test_open_sides_uneven_groups_and_few_draws():
    x = np.random.default_rng(3).normal(size=10)
    interval = vi.iwelbo(x).interval(0.95, "markov", groups=3)
    assert interval.high == np.inf and np.isfinite(interval.low) and interval.level == 0.95
    assert vi.eubo(x).interval(0.95, "markov").low == -np.inf
    # ten draws make ten groups at most
    assert vi.iwelbo(x).interval(0.95, "markov", groups=16).low == pytest.approx(x.min() + math.log(0.05) / 10)


def test_batches_units_and_indexing():
    x = np.random.default_rng(4).normal(size=(64, 5))
    b = vi.iwelbo(x)
    low = b.interval(kind="markov").low
    assert low.shape == (5,)
    assert b[3].interval(kind="markov").low == low[3]
    np.testing.assert_allclose(b.to("bits").interval(kind="markov").low, low / math.log(2), rtol=1e-14)


def test_who_has_no_limit_says_so():
    for estimate in (vi.elbo([0.0, 1.0]), vi.jackknife_evidence([0.0, 1.0]), vi.renyi_bound([0.0, 1.0], 0.5)):
        with pytest.raises(ValueError, match="kind='markov' needs independent draws"):
            estimate.interval(kind="markov")


@pytest.mark.parametrize("groups", [0, -2])
def test_groups_must_be_positive(groups):
    with pytest.raises(ValueError, match=r"groups=.*positive integer"):
        vi.iwelbo([0.0, 1.0]).interval(kind="markov", groups=groups)


def test_zero_weights():
    assert vi.iwelbo([0.0, -np.inf]).interval(kind="markov", groups=2).low == -np.inf
    assert vi.eubo([0.0, np.inf]).interval(kind="markov", groups=2).high == np.inf
