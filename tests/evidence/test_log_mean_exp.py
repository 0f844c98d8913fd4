"""The plain number is the value of the IWELBO, in every layout and library."""

import importlib.util
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

import varinf as vi

X = np.random.default_rng(0).normal(-30, 3, size=(40, 3, 5))


def test_hand_derived():
    assert vi.log_mean_exp(np.log([1.0, 2.0, 3.0])) == pytest.approx(math.log(2), rel=1e-15)
    assert vi.log_mean_exp([-1e4, -1e4]) == -1e4
    assert isinstance(vi.log_mean_exp(X[:, 0, 0]), np.float64)


@pytest.mark.parametrize("axis", [0, 1, 2, -1])
@pytest.mark.parametrize("order", ["C", "F"])
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_axes_layouts_and_precisions(axis, order, dtype):
    from scipy.special import logsumexp

    x = np.array(np.moveaxis(X, 0, axis), dtype=dtype, order=order)
    got = vi.log_mean_exp(x, axis=axis)
    assert got.dtype == dtype and got.shape == (3, 5)
    expected = logsumexp(np.moveaxis(x, axis, 0).astype(float), axis=0) - math.log(40)
    np.testing.assert_allclose(got, expected, rtol=20 * np.finfo(dtype).eps)
    np.testing.assert_allclose(got, vi.iwelbo(x, axis=axis).value, rtol=2 * np.finfo(dtype).eps)


@given(arrays(np.float64, st.integers(1, 60), elements=st.floats(-700, 700) | st.just(-np.inf)))
def test_it_is_the_value_of_the_iwelbo(x):
    value = vi.log_mean_exp(x)
    assert value == pytest.approx(vi.iwelbo(x).value, rel=1e-13, abs=1e-13)
    assert x.max() - math.log(x.size) - 1e-12 <= value <= x.max() or value == x.max() == -np.inf


def test_of_shared_draws():
    source = vi.draws(X)
    first = vi.log_mean_exp(source)
    np.testing.assert_array_equal(first, vi.log_mean_exp(X))
    np.testing.assert_array_equal(vi.iwelbo(source).value, vi.log_mean_exp(source))


def test_zero_weights():
    assert vi.log_mean_exp([-np.inf, 0.0]) == pytest.approx(-math.log(2))
    assert vi.log_mean_exp([-np.inf, -np.inf]) == -np.inf


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_values_are_checked(bad):
    x = X.copy()
    x[7, 2, 1] = bad
    with pytest.raises(ValueError, match=r"1 values that are nan or \+inf of 600, the first at index \(7, 2, 1\)"):
        vi.log_mean_exp(x)


def test_bad_input():
    with pytest.raises(ValueError, match="no draws"):
        vi.log_mean_exp([])
    with pytest.raises(ValueError, match="axis=3"):
        vi.log_mean_exp(X, axis=3)
    with pytest.raises(TypeError):
        vi.log_mean_exp(X, b=1)


@pytest.mark.skipif(importlib.util.find_spec("torch") is None, reason="torch is not installed")
def test_torch():
    import torch

    x = torch.tensor(X[:, 0, 0], requires_grad=True)
    value = vi.log_mean_exp(x)
    assert float(value.detach()) == pytest.approx(vi.log_mean_exp(X[:, 0, 0]), rel=1e-14)
    value.backward()
    np.testing.assert_allclose(x.grad, vi.importance_weights(X[:, 0, 0]), rtol=1e-12)


@pytest.mark.skipif(importlib.util.find_spec("jax") is None, reason="JAX is not installed")
def test_jax():
    import jax

    value = jax.jit(lambda x: vi.log_mean_exp(x, axis=1))(jax.numpy.asarray(X, dtype="float32"))
    np.testing.assert_allclose(value, vi.log_mean_exp(X, axis=1), rtol=1e-5)
