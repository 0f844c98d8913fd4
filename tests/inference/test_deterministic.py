"""The fixed-draw objective and its optimum: derivatives, Newton's method, ends that are no success."""

import numpy as np
import pytest
from scipy.optimize import minimize
from targets import banana, normal

from varinf.inference.affine_map import AffineMap
from varinf.inference.deterministic import NoStart, Objective, finite_start, maximise, solve
from varinf.inference.fixed_draws import fixed_draws
from varinf.inference.target import Target
from varinf.inference.variational_families import family_named

FAMILIES = ["diagonal", "full", "low_rank:1", "student_t:6"]


def objective(name, target, draws=16, seed=0):
    family, dim = family_named(name), target.free_dim
    noise = fixed_draws(family, dim, draws, np.random.default_rng(seed), "plain")
    return Objective(target, family, noise, AffineMap(np.full(dim, 0.2), np.full(dim, 0.7)))


@pytest.mark.parametrize("name", FAMILIES)
def test_gradient_and_products_with_the_hessian(name):
    f, rng, h = objective(name, banana(3)), np.random.default_rng(1), 1e-5
    theta = f.family.start(3) + 0.2 * rng.normal(size=f.family.size(3))
    value, gradient = f.value_and_gradient(theta)
    differences = [
        (f.value_and_gradient(theta + e)[0] - f.value_and_gradient(theta - e)[0]) / (2 * h)
        for e in h * np.eye(len(theta))
    ]
    np.testing.assert_allclose(gradient, differences, atol=1e-8)
    np.testing.assert_allclose(f.gradients(theta).mean(axis=0), gradient, atol=1e-12)
    v = rng.normal(size=len(theta))
    moved = (f.gradient(theta + h * v) - f.gradient(theta - h * v)) / (2 * h)
    np.testing.assert_allclose(f.hessian_product(theta, v), moved, atol=1e-7)
    q = f.family.member(theta, f.to)
    at_draws = f.target.log_prob(f.to.of(f.family.draw(theta, f.noise)))
    assert value == pytest.approx(at_draws.mean() + q.entropy(), rel=1e-12)


@pytest.mark.parametrize("name", ["diagonal", "full"])
def test_exact_products_are_those_of_differences(name):
    target = normal(3)[0]
    f, rng = objective(name, target), np.random.default_rng(1)
    theta, v = (0.3 * rng.normal(size=f.family.size(3)) for _ in range(2))
    h = 1e-5
    moved = (f.gradient(theta + h * v) - f.gradient(theta - h * v)) / (2 * h)
    np.testing.assert_allclose(f.hessian_product(theta, v), moved, atol=1e-6)


@pytest.mark.parametrize("name", FAMILIES)
def test_the_optimum_is_the_one_that_another_method_finds(name):
    target, draws = banana(2), 24
    family = family_named(name)
    noise = fixed_draws(family, 2, draws, np.random.default_rng(3), "plain")
    start, to = family.start(2), AffineMap(np.zeros(2), np.ones(2))
    ended = maximise(target, family, noise, start, to, lambda *look: None, 1e12)
    plain = Objective(target, family, noise, to)
    other = minimize(lambda t: -plain.value_and_gradient(t)[0], start, method="BFGS", options={"gtol": 1e-7})
    assert ended.converged, ended.reason
    assert ended.value == pytest.approx(-other.fun, abs=1e-7)
    rising = [look.objective for look in ended.history]
    assert rising == sorted(rising) and ended.history[-1].gradient_norm < 1e-3


def test_units_do_not_matter():
    """Scales from 1e-6 to 1e6, where the start has 1: the maps take them out."""
    scale, shift = np.array([1e-6, 1.0, 1e6]), np.array([1.0, -5.0, 2e6])
    target = Target(
        lambda z: -np.sum(((z - shift) / scale) ** 2, axis=1) / 2, 3, gradient=lambda z: -(z - shift) / scale**2
    )
    family = family_named("diagonal")
    noise = fixed_draws(family, 3, 16, np.random.default_rng(0), "whitened")
    start = AffineMap(np.zeros(3), np.ones(3))
    ended = maximise(target, family, noise, family.start(3), start, lambda *look: None, 1e12)
    q = family.member(ended.theta, ended.to)
    assert ended.converged, ended.reason
    np.testing.assert_allclose(q.loc, shift, rtol=1e-6, atol=1e-6)
    np.testing.assert_allclose(q.scale, scale, rtol=1e-5)


def test_an_interrupt_gives_the_best_so_far():
    target, calls = banana(2), []

    def both(z):
        calls.append(1)
        if len(calls) > 20:
            raise KeyboardInterrupt
        return target.value_and_gradient(z)

    family = family_named("diagonal")
    noise = fixed_draws(family, 2, 16, np.random.default_rng(0), "whitened")
    stopping = Target(target.log_prob, 2, value_and_gradient=both)
    to = AffineMap(np.zeros(2), np.ones(2))
    ended = maximise(stopping, family, noise, family.start(2), to, lambda *look: None, 1e12)
    first = Objective(target, family, noise, to).value_and_gradient(family.start(2))[0]
    assert not ended.converged and ended.reason == "interrupted" and ended.value > first


def test_a_corner_of_nan_is_stepped_around():
    def both(z):
        value, gradient = normal_target.value_and_gradient(z)
        inside = z[:, 0] < mean[0] + 4
        return np.where(inside, value, np.nan), np.where(inside[:, None], gradient, np.nan)

    normal_target, mean, covariance, _ = normal(2, condition=1.5)
    family = family_named("full")
    noise = fixed_draws(family, 2, 8, np.random.default_rng(0), "whitened")
    target = Target(lambda z: both(z)[0], 2, value_and_gradient=both)
    ended = maximise(
        target, family, noise, family.start(2), AffineMap(np.zeros(2), np.ones(2)), lambda *look: None, 1e12
    )
    assert ended.converged, ended.reason
    np.testing.assert_allclose(family.member(ended.theta, ended.to).covariance, covariance, atol=1e-6)


def test_a_target_without_a_normaliser_says_so():
    target = Target(lambda z: np.sum(z, axis=1), 2, gradient=np.ones_like)
    family = family_named("diagonal")
    noise = fixed_draws(family, 2, 8, np.random.default_rng(0), "whitened")
    ended = maximise(
        target, family, noise, family.start(2), AffineMap(np.zeros(2), np.ones(2)), lambda *look: None, 1e12
    )
    assert not ended.converged and ("no normaliser" in ended.reason or "still rising" in ended.reason)


def test_a_start_shrinks_until_it_is_finite_or_says_that_it_is_not():
    family, noise = family_named("diagonal"), np.array([[3.0], [-3.0]])

    def target(limit):
        return Target(lambda z: np.where(abs(z[:, 0]) < limit, -(z[:, 0] ** 2), -np.inf), 1, gradient=lambda z: -2 * z)

    to = AffineMap(np.zeros(1), np.ones(1))
    assert finite_start(target(1.0), family, noise, np.zeros(2), to).scale == [0.1]
    with pytest.raises(NoStart, match="give another with start="):
        finite_start(target(0.0), family, noise, np.zeros(2), to)


def test_conjugate_gradients():
    rng = np.random.default_rng(0)
    basis = np.linalg.qr(rng.normal(size=(6, 6)))[0]
    positive = basis * np.geomspace(0.01, 10, 6) @ basis.T
    b = rng.normal(size=6)
    np.testing.assert_allclose(solve(lambda v: positive @ v, b), np.linalg.solve(positive, b), rtol=1e-8)
    flat = basis * [1.0, 2.0, 3.0, 4.0, 5.0, 0.0] @ basis.T
    inside = flat @ b
    np.testing.assert_allclose(flat @ solve(lambda v: flat @ v, inside), inside, rtol=1e-8)
    assert solve(lambda v: -positive @ v, b) is None
