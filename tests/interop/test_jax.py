"""Log densities in JAX as targets: closed forms, one number a vector, float64 whatever JAX is set to, fits."""

import sys

import numpy as np
import pytest

import varinf as vi

jax = pytest.importorskip("jax")
jnp = jax.numpy

from varinf.interop.jax import FEWEST, MOST, target_from_jax  # noqa: E402

PRECISION = np.array([[2.0, 0.5, 0.0], [0.5, 1.0, -0.3], [0.0, -0.3, 3.0]])
CENTRE = np.array([1.0, -2.0, 0.5])


def normal(x):
    return -(x - CENTRE) @ PRECISION @ (x - CENTRE) / 2


def normals(x):
    return -jnp.sum(((x - CENTRE) @ PRECISION) * (x - CENTRE), axis=-1) / 2


@pytest.mark.parametrize(("f", "batched"), [(normal, False), (normals, True)])
@pytest.mark.parametrize("rows", [1, FEWEST, FEWEST + 1, MOST + 3])
def test_a_normal_density_has_the_derivatives_of_its_closed_form(f, batched, rows):
    """In blocks, filled up or not: each row its own, in the precision of float64."""
    rng = np.random.default_rng(0)
    x, v = rng.normal(size=(2, rows, 3))
    target = vi.Target.from_jax(f, 3, batched=batched)
    value, gradient = target.value_and_gradient(x)
    moved = x - CENTRE
    np.testing.assert_allclose(value, -np.sum(moved @ PRECISION * moved, axis=1) / 2, rtol=1e-13, atol=1e-13)
    np.testing.assert_array_equal(target.log_prob(x), value)
    np.testing.assert_allclose(gradient, -moved @ PRECISION, rtol=0, atol=1e-10)
    np.testing.assert_allclose(target.hessian_product(x, v), -v @ PRECISION, rtol=0, atol=1e-10)
    assert target.has_gradient and target.has_hessian_product


def test_jax_keeps_its_own_setting():
    before = jax.config.jax_enable_x64
    target = target_from_jax(lambda x: -(x @ x), 2)
    assert target.log_prob(np.full((3, 2), 1e-9)).dtype == np.float64
    assert jax.config.jax_enable_x64 == before
    assert jnp.ones(1).dtype == (jnp.float64 if before else jnp.float32)


def test_derivatives_of_a_function_with_curvature():
    """Hessian products against differences of the gradient, through what a model is made of."""

    def f(x):
        loc, log_scale, rate = x
        normal = jax.scipy.stats.norm.logpdf(jnp.array([1.0, 2.0, 4.0]), loc, jnp.exp(log_scale)).sum()
        return normal - jnp.logaddexp(0.0, rate) - rate**2 / 2

    target = vi.Target.from_jax(f, 3, names=["loc", "log_scale", "rate"]).check(rng=0)
    z, v = np.random.default_rng(1).normal(size=(2, 4, 3))
    above, below = (target.value_and_gradient(z + sign * 1e-5 * v)[1] for sign in (1, -1))
    np.testing.assert_allclose(target.hessian_product(z, v), (above - below) / 2e-5, rtol=1e-6, atol=1e-6)


def test_names_and_constraints_are_those_of_a_target():
    def f(x):  # a gamma density of shape 3 for the scale
        return 2 * jnp.log(x[1]) - x[1] - x[0] ** 2 / 2

    target = vi.Target.from_jax(f, 2, names=["a", "scale"], transforms={"scale": "positive"}).check(rng=0)
    fit = vi.fit(target, rng=0)
    draws = fit.sample(1000, rng=1)
    assert fit.converged and draws["scale"].min() > 0
    assert list(draws) == ["a", "scale"]


@pytest.mark.parametrize(
    ("f", "batched", "said"),
    [
        (lambda x: x, False, r"returned \(2,\) for parameters of shape \(2,\); it must be \(\)"),
        (lambda x: (x @ x, x), False, "returned tuple"),
        (lambda x: jnp.sum(x), True, r"returned \(\) for parameters of shape \(2, 2\); it must be \(2,\)"),
    ],
)
def test_what_is_no_number_for_each_vector_is_refused(f, batched, said):
    with pytest.raises(ValueError, match=said):
        vi.Target.from_jax(f, 2, batched=batched)


def test_logistic_regression():
    """The same fit as from a gradient by hand, by the same draws."""
    X, y = logistic_data()

    def f(b):
        logits = X @ b
        return jnp.sum(y * logits - jnp.logaddexp(0.0, logits)) - b @ b / 2

    def log_prob(b):
        logits = b @ X.T
        return np.sum(y * logits - np.logaddexp(0, logits), axis=1) - np.sum(b**2, axis=1) / 2

    def gradient(b):
        return (y - 1 / (1 + np.exp(-b @ X.T))) @ X - b

    target = vi.Target.from_jax(f, X.shape[1])
    target.check(rng=0)
    fit = vi.fit(target, family="full", rng=0)
    by_hand = vi.fit(vi.Target(log_prob, X.shape[1], gradient=gradient), family="full", rng=0)
    assert fit.converged and by_hand.converged
    # Both end where the gradient is below 1e-6 in standard deviations.
    np.testing.assert_allclose(fit.q.loc, by_hand.q.loc, rtol=0, atol=1e-5)
    np.testing.assert_allclose(fit.q.covariance, by_hand.q.covariance, rtol=0, atol=1e-5)


def logistic_data():
    rng = np.random.default_rng(3)
    X = np.column_stack([np.ones(150), rng.normal(size=(150, 3))])
    return X, (rng.random(150) < 1 / (1 + np.exp(-X @ [0.5, 1.0, -1.0, 0.0]))).astype(float)


def test_without_the_library_it_says_how_to_install_it(monkeypatch):
    monkeypatch.setitem(sys.modules, "jax", None)
    monkeypatch.delitem(sys.modules, "varinf.interop.jax", raising=False)
    with pytest.raises(ImportError, match=r'pip install "varinf\[jax\]"'):
        vi.Target.from_jax(normal, 3)
