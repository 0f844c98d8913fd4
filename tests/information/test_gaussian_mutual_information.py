"""Gaussian information: closed forms, determinants, invariance, and the deterministic and impossible cases."""

import math

import array_api_strict
import numpy as np
import pytest

from varinf.information.gaussian_mutual_information import gaussian_mutual_information


def blocks(rng, p, q, batch=()):
    a = rng.normal(size=(*batch, p + q, p + q + 2))
    joint = a @ np.swapaxes(a, -1, -2)
    return joint, (joint[..., :p, :p], joint[..., :p, p:], joint[..., p:, p:])


def test_equal_correlations():
    """rho = .4257572629 in each of 20 dimensions: 2 nats."""
    eye = np.eye(20)
    assert gaussian_mutual_information(eye, 0.4257572629 * eye, eye) == pytest.approx(2, rel=1e-9)


@pytest.mark.parametrize(("p", "q"), [(1, 1), (3, 2), (2, 5)])
def test_is_the_difference_of_entropies(p, q):
    joint, parts = blocks(np.random.default_rng(p), p, q)
    log_det = [np.linalg.slogdet(m)[1] for m in (parts[0], parts[2], joint)]
    expected = (log_det[0] + log_det[1] - log_det[2]) / 2
    assert gaussian_mutual_information(*parts) == pytest.approx(expected, rel=1e-11)


def test_batch_equals_its_members():
    _, parts = blocks(np.random.default_rng(7), 2, 3, batch=(4, 2))
    values = gaussian_mutual_information(*parts)
    assert values.shape == (4, 2)
    for i in np.ndindex(4, 2):
        assert values[i] == pytest.approx(gaussian_mutual_information(*(x[i] for x in parts)), rel=1e-12)


def test_invariant_under_a_change_of_features():
    _, (x, xy, y) = blocks(np.random.default_rng(3), 3, 3)
    a = np.random.default_rng(4).normal(size=(3, 3))
    x_new = a @ x @ a.T
    assert gaussian_mutual_information((x_new + x_new.T) / 2, a @ xy, y) == pytest.approx(
        gaussian_mutual_information(x, xy, y), rel=1e-9
    )


def test_independent_is_zero():
    assert gaussian_mutual_information(np.eye(2), np.zeros((2, 3)), np.eye(3)) == 0


def test_a_function_of_the_other_is_infinite():
    a = np.random.default_rng(5).normal(size=(2, 4))
    y = a @ a.T  # covariance of Y = A X, X standard
    assert gaussian_mutual_information(np.eye(4), a.T, y) == math.inf


def test_float32_and_array_api_strict():
    _, parts = blocks(np.random.default_rng(6), 2, 2)
    single = gaussian_mutual_information(*(x.astype(np.float32) for x in parts))
    assert single.dtype == np.float32 and single == pytest.approx(gaussian_mutual_information(*parts), rel=1e-4)
    strict = gaussian_mutual_information(*(array_api_strict.asarray(x) for x in parts))
    assert float(strict) == pytest.approx(gaussian_mutual_information(*parts), rel=1e-11)


def test_refusals():
    one = np.eye(1)
    with pytest.raises(ValueError, match=r"a canonical correlation would be 1\.5, above 1"):
        gaussian_mutual_information(one, 1.5 * one, one)
    with pytest.raises(ValueError, match=r"Sigma_x has shape \(2, 2\), but Sigma_xy \(1, 1\) needs \(1, 1\)"):
        gaussian_mutual_information(np.eye(2), one, one)
    with pytest.raises(ValueError, match=r"Sigma_y is not positive definite: pivot 1 of 2"):
        gaussian_mutual_information(one, np.zeros((1, 2)), [[1.0, 2.0], [2.0, 1.0]])
    with pytest.raises(ValueError, match=r"Sigma_x"):
        gaussian_mutual_information([[1.0, 0.5], [0.2, 1.0]], np.zeros((2, 1)), one)  # not symmetric
    with pytest.raises(ValueError, match=r"Sigma_xy has 1 values that are nan or infinite"):
        gaussian_mutual_information(one, [[math.nan]], one)
    with pytest.raises(ValueError, match=r"Sigma_xy has shape \(1,\); give a matrix"):
        gaussian_mutual_information(one, [0.5], one)
