"""Families as maps of a flat vector: each derivative against differences, each density against the family's own."""

import numpy as np
import pytest

from varinf.inference.affine_map import AffineMap
from varinf.inference.variational_families import family_named

NAMES = ["diagonal", "student_t:4", "full", "low_rank:2"]
DIM = 3


@pytest.fixture(params=NAMES)
def case(request):
    """(family, theta, noise, a map)."""
    family, rng = family_named(request.param), np.random.default_rng(0)
    theta = family.start(DIM) + 0.3 * rng.normal(size=family.size(DIM))
    scale = np.array([[2.0, 0, 0], [0.3, 0.5, 0], [-1, 0.2, 1.5]]) if family.name == "full" else np.array([2, 0.5, 1.5])
    return family, theta, family.noise((6, family.noise_dim(DIM)), rng), AffineMap(rng.normal(size=DIM), scale)


def differences(f, theta, h=1e-5):
    return np.array([(f(theta + e) - f(theta - e)) / (2 * h) for e in h * np.eye(len(theta))])


def test_pull_is_the_gradient_of_the_draws(case):
    family, theta, noise, _ = case
    g = np.random.default_rng(1).normal(size=(6, DIM))
    expected = differences(lambda t: np.sum(g * family.draw(t, noise)), theta)
    np.testing.assert_allclose(family.pull(theta, noise, g), expected, atol=1e-8)


@pytest.mark.parametrize("case", [name for name in NAMES if family_named(name).push is not None], indirect=True)
def test_push_and_bend_are_the_second_order(case):
    family, theta, noise, _ = case
    g, v = np.random.default_rng(1).normal(size=(6, DIM)), np.random.default_rng(2).normal(size=len(theta))
    expected = differences(lambda t: family.draw(theta + t[0] * v, noise), np.zeros(1))[0]
    np.testing.assert_allclose(family.push(theta, noise, v), expected, atol=1e-8)
    expected = differences(lambda t: family.pull(theta + t[0] * v, noise, g), np.zeros(1))[0]
    np.testing.assert_allclose(family.bend(theta, noise, g, v), expected, atol=1e-8)


def test_entropy_with_its_gradient(case):
    family, theta, _, to = case
    value, gradient = family.entropy(theta)
    assert value + to.log_det == pytest.approx(family.member(theta, to).entropy(), rel=1e-12)
    np.testing.assert_allclose(gradient, differences(lambda t: family.entropy(t)[0], theta), atol=1e-8)


def test_log_density_is_the_members(case):
    family, theta, noise, to = case
    z = family.draw(theta, noise)
    log_q, slope = family.log_density(theta, noise)
    q = family.member(theta, to)
    np.testing.assert_allclose(log_q - to.log_det, q.log_prob(to.of(z)), rtol=1e-10)
    h = 1e-5
    expected = [(q.log_prob(to.of(z + e)) - q.log_prob(to.of(z - e))) / (2 * h) for e in h * np.eye(DIM)]
    np.testing.assert_allclose(slope, np.transpose(expected), atol=1e-7)


def test_recentring_changes_no_member(case):
    family, theta, _, to = case
    z = np.random.default_rng(3).normal(size=(4, DIM))
    before, after = family.member(theta, to), family.member(*family.recentre(theta, to))
    np.testing.assert_allclose(before.log_prob(z), after.log_prob(z), rtol=1e-10)


@pytest.mark.parametrize("name", ["normal", "full:3", "low_rank:0", "low_rank:x", "student_t:-1", "student_t:two"])
def test_names_that_are_none(name):
    with pytest.raises((ValueError, TypeError)):
        family_named(name)
