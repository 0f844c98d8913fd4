"""Bidirectional Monte Carlo on simulated data, against models whose evidence is exact for each of them."""

import math

import numpy as np
import pytest
from scipy.stats import multivariate_normal

import varinf as vi

NOISE, FEATURES = 2.5, np.random.default_rng(0).normal(size=(6, 2))


def simulate(rng):
    """Linear regression of six data with known noise: z ~ N(0, I)."""
    z = rng.standard_normal(2)
    return FEATURES @ z + NOISE * rng.standard_normal(6), z


def target_of(x):
    def log_prob(z):
        error = (x - z @ FEATURES.T) / NOISE
        return -np.sum(z * z, 1) / 2 - np.sum(error**2, 1) / 2 - 4 * math.log(2 * math.pi) - 6 * math.log(NOISE)

    return vi.Target(log_prob, 2, gradient=lambda z: -z + (x - z @ FEATURES.T) @ FEATURES / NOISE**2)


def log_evidence(x):
    return multivariate_normal.logpdf(x, cov=FEATURES @ FEATURES.T + NOISE**2 * np.eye(6))


def run(seen=None, start=0.0, **how):
    """With the prior as q, moved to `start`, and the data noted down."""

    def q_of(x):
        if seen is not None:
            seen.append(x)
        return vi.DiagonalNormal([start, start], [1.0, 1.0])

    return vi.annealed_sandwich(simulate, target_of, q_of, **{"rng": 0, "temperatures": 20, "leapfrog": 3} | how)


def test_each_side_is_a_bound_on_average_over_data_sets():
    data = []
    s = run(data, data_sets=60, chains=5, temperatures=4)
    truth = np.array([log_evidence(x) for x in data])
    lower, upper = s.lower.value - truth, s.upper.value - truth
    for unbiased in (np.exp(lower), np.exp(-upper)):
        error = unbiased.std() / math.sqrt(60)
        assert error < 0.15
        assert abs(unbiased.mean() - 1) < 5 * error
    assert lower.mean() < 5 * lower.std() / math.sqrt(60)
    assert upper.mean() > -5 * upper.std() / math.sqrt(60)
    gap = s.mean_gap
    assert abs(gap.value - (upper - lower).mean()) < 1e-12
    assert abs(gap.stderr - (upper - lower).std(ddof=1) / math.sqrt(60)) < 1e-12  # the data set is the unit
    assert gap.value > 2 * gap.stderr and gap.degrees == 59


def test_more_temperatures_close_the_gap():
    few, many = (run(start=2.0, data_sets=30, chains=1, temperatures=t).mean_gap for t in (1, 8))
    assert few.value - many.value > 3 * np.hypot(few.stderr, many.stderr)
    assert many.value < few.value / 4


def test_a_simulator_of_another_model_shows_as_a_negative_gap():
    """With z that x was not made from the upper side bounds nothing, and falls below the lower one."""

    def apart(rng):
        x, z = simulate(rng)
        return x, z + 3

    prior = vi.DiagonalNormal.standard(2)
    s = vi.annealed_sandwich(apart, target_of, lambda x: prior, temperatures=2, leapfrog=1, rng=1)
    assert s.mean_gap.value < -1
    assert np.median(s.gap.value) < 0


def test_the_default_fits_each_data_set():
    s = vi.annealed_sandwich(simulate, target_of, data_sets=4, temperatures=10, chains=10, leapfrog=3, rng=0)
    assert s.shape == (4,)
    assert abs(s.mean_gap.value) < 0.2
    full = run(data_sets=4)
    exact = vi.annealed_sandwich(
        simulate, target_of, lambda x: vi.fit(target_of(x), "full", rng=0), data_sets=4, temperatures=3, rng=0
    )
    np.testing.assert_allclose(exact.gap.value, 0, atol=1e-5)  # the posterior is normal: there is nothing to anneal
    assert np.abs(full.gap.value).max() > 1e-3


def test_parameters_come_in_their_constraints():
    """x ~ Poisson(rate), rate ~ Exp(1): p(x) = 2^-(x + 1)."""
    data = []

    def poisson(rng):
        rate = rng.exponential()
        data.append(rng.poisson(rate))
        return data[-1], np.array([rate])

    def target(x):
        return vi.Target(
            lambda r: -2 * r[:, 0] + x * np.log(r[:, 0]) - math.lgamma(x + 1),
            1,
            gradient=lambda r: -2 + x / r,
            transforms={"x": "positive"},
            names=["x"],
        )

    s = vi.annealed_sandwich(poisson, target, data_sets=20, temperatures=10, leapfrog=3, rng=3)
    truth = -(np.array(data) + 1) * math.log(2)
    for side in (s.lower.value, s.upper.value):
        error = (side - truth).std() / math.sqrt(20)
        assert abs((side - truth).mean()) < 5 * error < 0.25
    with pytest.raises(ValueError, match="not between 0"):
        vi.annealed_sandwich(lambda rng: (3, np.array([-1.0])), target, data_sets=1)


def test_it_says_what_it_is_within_80_columns():
    s = run(data_sets=3)
    text = " ".join(str(s).split())
    assert "3 simulated data sets" in text and "mean and error over" in text
    assert "evidence by analogy: for real data the forward bound alone is a bound" in text
    assert "one model" in s.assumptions[0]
    assert max(map(len, str(s).splitlines())) <= 80
    assert s.lower.is_bound and s.upper.is_bound
    assert (s.lower.direction, s.upper.direction) == ("lower", "upper")
    assert isinstance(s, vi.Sandwich) and str(s[0]).startswith("lower: ")
    assert np.isnan(s.upper.stderr).all()  # one exact draw each: no error of their own
    assert "simulated data" in str(vi.lens(s))


def test_the_seed_decides_each_data_set_by_itself():
    one, two = run(data_sets=3), run(data_sets=5)
    np.testing.assert_array_equal(one.lower.value, two.lower.value[:3])
    np.testing.assert_array_equal(one.upper.value, two.upper.value[:3])
    assert len(np.unique(two.lower.value)) == 5


def test_progress_and_what_goes_wrong():
    seen = []
    run(data_sets=3, progress=lambda done, total: seen.append((done, total)))
    assert seen == [(1, 3), (2, 3), (3, 3)]
    with pytest.raises(TypeError, match="simulate=3: give a function"):
        vi.annealed_sandwich(3, target_of)
    with pytest.raises(TypeError, match="q_of=3: give a function"):
        vi.annealed_sandwich(simulate, target_of, 3)
    for name in ("data_sets", "temperatures", "chains", "moves", "leapfrog"):
        with pytest.raises(ValueError, match=f"{name}=0"):
            run(**{name: 0})

    def impossible(x):
        return vi.Target(lambda z: np.full(len(z), -np.inf), 2)

    with pytest.raises(ValueError, match="not the same model") as caught:
        vi.annealed_sandwich(simulate, impossible, lambda x: vi.DiagonalNormal.standard(2), rng=0)
    assert "simulated data set 0 of 20" in caught.value.__notes__[0]
    with pytest.raises(ValueError, match="2 parameters"):
        vi.annealed_sandwich(lambda rng: (np.zeros(6), np.zeros(3)), target_of, rng=0)
