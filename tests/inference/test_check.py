"""`Target.check` finds what is wrong, and says where."""

import numpy as np
import pytest

from varinf.inference.target import Target


def square(z):
    return -np.sum(z * z, axis=1) / 2


def test_a_right_target_passes():
    target = Target(square, 2, gradient=lambda z: -z, hessian_product=lambda z, v: -v)
    assert target.check(rng=0) is target
    assert Target(square, 2).check(rng=0).has_gradient is False


@pytest.mark.parametrize("broken", [0, 1])
def test_a_wrong_gradient_is_named(broken):
    def gradient(z):
        g = -z
        g[:, broken] *= 1.01
        return g

    with pytest.raises(ValueError, match=f"gradient is .* in '{'ab'[broken]}' where central differences"):
        Target(square, 2, gradient=gradient, names=["a", "b"]).check(rng=0)


def test_a_wrong_hessian_product():
    with pytest.raises(ValueError, match="hessian_product with ones is"):
        Target(square, 2, gradient=lambda z: -z, hessian_product=lambda z, v: -1.1 * v).check(rng=0)


def test_rows_that_are_not_scored_alone():
    with pytest.raises(ValueError, match="score each row by itself"):
        Target(lambda z: square(z) - np.mean(z), 2).check(rng=0)


def test_nowhere_finite():
    with pytest.raises(ValueError, match="log_prob is nan at each of 5"):
        Target(lambda z: np.full(len(z), np.nan), 2).check(rng=0)


def test_a_corner_that_is_not_finite_is_no_error():
    Target(lambda z: np.where(z[:, 0] > 0.5, np.nan, square(z)), 2, gradient=lambda z: -z).check(rng=0)


def test_a_gradient_of_nan():
    with pytest.raises(ValueError, match="gradient is nan"):
        Target(square, 2, gradient=lambda z: -z * np.nan).check(rng=0)
