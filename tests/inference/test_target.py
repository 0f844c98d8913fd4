"""A target: densities over free coordinates, gradients and products with the Hessian, batches of data."""

import numpy as np
import pytest
from scipy import stats
from targets import banana

from varinf.inference.target import Target


def gamma_and_dirichlet():
    """Independent Gamma and Dirichlet parameters, with the gradient of their log density."""
    concentration = np.array([2.0, 3.0, 1.5])

    def log_prob(x):
        with np.errstate(divide="ignore"):
            return stats.gamma(3.0).logpdf(x[:, 0]) + (concentration - 1) @ np.log(x[:, 1:]).T

    def gradient(x):
        return np.column_stack([2 / x[:, 0] - 1, (concentration - 1) / x[:, 1:]])

    shapes = {"rate": (), "share": (3,)}
    return Target(log_prob, 4, gradient=gradient, names=shapes, transforms={"rate": "positive", "share": "simplex"})


def test_constrained_densities_and_gradients():
    target = gamma_and_dirichlet().check(rng=0)
    assert (target.dim, target.free_dim, target.names) == (4, 3, ("rate", "share[0]", "share[1]"))
    z = np.random.default_rng(1).normal(size=(5, 3))
    x = target.constrain(z)
    np.testing.assert_allclose(target.unconstrain(x), z, atol=1e-12)
    value, gradient = target.value_and_gradient(z)
    np.testing.assert_allclose(value, target.log_prob(z))
    np.testing.assert_allclose(gradient, target.gradient_by_differences(z)[1], atol=1e-8)
    named = target.named(x)
    assert named["rate"].shape == (5,) and named["share"].shape == (5, 3)
    np.testing.assert_allclose(named["share"].sum(axis=1), 1)


def test_products_with_the_hessian():
    target = banana(3)
    z, v = np.random.default_rng(0).normal(size=(2, 4, 3))
    h = 1e-5
    differences = (target.value_and_gradient(z + h * v)[1] - target.value_and_gradient(z - h * v)[1]) / (2 * h)
    np.testing.assert_allclose(target.hessian_product(z, v), differences, atol=1e-8)


def test_both_at_once_is_used():
    calls = []

    def both(z):
        calls.append(len(z))
        return -np.sum(z * z, axis=1) / 2, -z

    target = Target(lambda z: -np.sum(z * z, axis=1) / 2, 2, value_and_gradient=both)
    value, gradient = target.value_and_gradient(np.ones((3, 2)))
    assert calls == [3] and value[0] == -1 and (gradient == -1).all()


def test_minibatches_are_scaled_once_and_add_up():
    rng = np.random.default_rng(0)
    data = rng.normal(size=(12, 2))
    target = Target.from_data(
        lambda z: -np.sum(z * z, axis=1) / 2,
        lambda z, rows: -np.sum((rows[None] - z[:, None]) ** 2, axis=(1, 2)) / 2,
        data,
        2,
        prior_gradient=lambda z: -z,
        likelihood_gradient=lambda z, rows: np.sum(rows[None] - z[:, None], axis=1),
    ).check(rng=0)
    z = rng.normal(size=(3, 2))
    batches = [target.minibatch(np.arange(i, 12, 4)).value_and_gradient(z) for i in range(4)]
    value, gradient = target.value_and_gradient(z)
    np.testing.assert_allclose(np.mean([v for v, _ in batches], axis=0), value)
    np.testing.assert_allclose(np.mean([g for _, g in batches], axis=0), gradient)
    assert target.data_size == 12 and banana().data_size is None
    with pytest.raises(ValueError, match="make it by"):
        banana().minibatch([0])


def test_errors():
    with pytest.raises(TypeError, match="log_prob=None: give a function"):
        Target(None, 2)
    with pytest.raises(ValueError, match="give one of them"):
        Target(np.sum, 2, gradient=np.sum, value_and_gradient=np.sum)
    with pytest.raises(ValueError, match=r"z has shape \(2,\), but this target has 2 free coordinates"):
        banana().log_prob(np.ones(2))
    with pytest.raises(ValueError, match=r"log_prob returned shape \(\) for 3 parameter vectors; it must be \(3,\)"):
        Target(np.sum, 2).log_prob(np.ones((3, 2)))
    with pytest.raises(ValueError, match="'rate' that are not between 0 and inf"):
        gamma_and_dirichlet().unconstrain(np.array([[-1.0, 0.2, 0.3, 0.5]]))
    with pytest.raises(ValueError, match="or neither"):
        Target.from_data(np.sum, np.sum, np.ones(3), 2, prior_gradient=np.sum)
