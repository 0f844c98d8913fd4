import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

import varinf as vi

finite = st.floats(-50, 50)


def test_hand_derived():
    np.testing.assert_allclose(vi.importance_weights(np.log([1.0, 1.0, 2.0])), [0.25, 0.25, 0.5], rtol=1e-15)
    assert vi.effective_sample_size(np.log([1.0, 1.0, 2.0])) == pytest.approx(16 / 6, rel=1e-15)
    assert vi.effective_sample_size(np.zeros(7)) == pytest.approx(7)
    assert vi.effective_sample_size([0.0, -1000.0]) == pytest.approx(1)


@pytest.mark.parametrize("axis", [0, 1, 2, -1])
@pytest.mark.parametrize("order", ["C", "F"])
def test_axes_and_layouts(axis, order):
    x = np.random.default_rng(0).normal(size=(4, 5, 6))
    y = np.array(np.moveaxis(x, 0, axis), order=order)
    w = np.exp(x) / np.exp(x).sum(0)
    np.testing.assert_allclose(vi.importance_weights(y, axis=axis), np.moveaxis(w, 0, axis), rtol=1e-13)
    np.testing.assert_allclose(vi.effective_sample_size(y, axis=axis), 1 / np.sum(w**2, axis=0), rtol=1e-12)


def test_far_from_zero_and_in_single_precision():
    x = np.random.default_rng(1).normal(size=(50, 2))
    np.testing.assert_allclose(vi.importance_weights(x - 1e4), vi.importance_weights(x), rtol=1e-9)
    single = vi.importance_weights(x.astype(np.float32))
    assert single.dtype == np.float32 and vi.effective_sample_size(x.astype(np.float32)).dtype == np.float32
    np.testing.assert_allclose(single.sum(0), 1, rtol=1e-6)


@pytest.mark.parametrize("axis", [0, 1, -1])
@pytest.mark.parametrize("order", ["C", "F"])
def test_weights_go_where_they_are_told(axis, order):
    x = np.array(np.random.default_rng(3).normal(size=(4, 5, 6)), order=order)
    expected = vi.importance_weights(x, axis=axis)
    for out in (np.empty_like(x), np.empty_like(x, order="C"), np.empty((8, 10, 12))[::2, ::2, ::2], x):
        assert vi.importance_weights(x.copy(order="K") if out is not x else x, axis=axis, out=out) is out
        np.testing.assert_allclose(out, expected, rtol=1e-15)


def test_out_that_does_not_fit():
    x = np.zeros((4, 2))
    for wrong in (np.empty((2, 4)), np.empty((4, 2), np.float32)):
        with pytest.raises(ValueError, match="out has shape"):
            vi.importance_weights(x, out=wrong)
    fixed = np.zeros((4, 2))
    fixed.flags.writeable = False
    with pytest.raises(ValueError, match="read-only"):
        vi.importance_weights(x, out=fixed)
    with pytest.raises(TypeError, match="out= takes a NumPy array"):
        vi.importance_weights(x, out=[0.0] * 4)


def test_zero_weights():
    np.testing.assert_array_equal(vi.importance_weights([0.0, -np.inf]), [1, 0])
    assert vi.effective_sample_size([0.0, -np.inf]) == pytest.approx(1)
    np.testing.assert_array_equal(vi.importance_weights([-np.inf, -np.inf]), [0, 0])
    assert vi.effective_sample_size([-np.inf, -np.inf]) == 0


@given(arrays(np.float64, st.integers(1, 30), elements=finite))
def test_between_one_and_the_draws(x):
    ess = vi.effective_sample_size(x)
    assert 1 - 1e-9 <= ess <= x.size + 1e-9
    assert vi.importance_weights(x).sum() == pytest.approx(1)


def test_weights_are_the_gradient_of_the_iwelbo():
    x, h = np.random.default_rng(2).normal(size=6), 1e-6
    slopes = [(vi.iwelbo(x + h * e).value - vi.iwelbo(x - h * e).value) / (2 * h) for e in np.eye(6)]
    np.testing.assert_allclose(vi.importance_weights(x), slopes, atol=1e-9)


@pytest.mark.parametrize("function", [vi.importance_weights, vi.effective_sample_size])
def test_bad_input(function):
    with pytest.raises(ValueError, match=r"1 values that are nan or .inf of 2, the first at index 1"):
        function([0.0, np.nan])
    with pytest.raises(ValueError, match="no draws"):
        function([])
    with pytest.raises(TypeError):
        function([0.0], axes=1)
