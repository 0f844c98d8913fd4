"""Covariances in blocks: against NumPy and scikit-learn, free of units, and better from small samples."""

import numpy as np
import pytest

from varinf.information.gaussian_mutual_information import gaussian_mutual_information
from varinf.tradeoffs.gaussian_bottleneck import gaussian_bottleneck
from varinf.tradeoffs.joint_covariance import joint_covariance


def data(seed, n, p=3, q=2):
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, p))
    return X, X[:, :1] + rng.normal(size=(n, q))


def test_without_shrinkage_it_is_the_covariance():
    X, Y = data(0, 50)
    joint = np.cov(np.concatenate([X, Y], axis=1).T, bias=True)
    for block, want in zip(joint_covariance(X, Y), (joint[:3, :3], joint[:3, 3:], joint[3:, 3:]), strict=True):
        np.testing.assert_allclose(block, want, rtol=1e-12, atol=1e-14)


def test_a_share_moves_correlations_and_leaves_variances():
    X, Y = data(1, 50)
    plain, half = joint_covariance(X, Y), joint_covariance(X, Y, shrinkage=0.5)
    np.testing.assert_allclose(half[1], plain[1] / 2, rtol=1e-14)
    np.testing.assert_allclose(half[0], (plain[0] + np.diag(np.diag(plain[0]))) / 2, rtol=1e-14)
    assert not joint_covariance(X, Y, shrinkage=1.0)[1].any()
    np.testing.assert_array_equal(joint_covariance(X, Y, shrinkage=0.0)[2], plain[2])


def test_ledoit_wolf_is_that_of_scikit_learn_on_standardised_data():
    sklearn = pytest.importorskip("sklearn.covariance")
    X, Y = data(2, 30)
    both = np.concatenate([X, Y], axis=1)
    scale = both.std(axis=0)
    Z = (both - both.mean(axis=0)) / scale
    want = sklearn.ledoit_wolf(Z)[0] * scale * scale[:, None]
    got = joint_covariance(X, Y, shrinkage="ledoit-wolf")
    np.testing.assert_allclose(got[1], want[:3, 3:], rtol=1e-10)
    np.testing.assert_allclose(got[2], want[3:, 3:], rtol=1e-10)


@pytest.mark.parametrize("shrinkage", [None, 0.2, "ledoit-wolf"])
def test_units_and_origins_do_not_matter(shrinkage):
    pytest.importorskip("sklearn")
    X, Y = data(3, 20)
    scale, other = np.array([1e-3, 1.0, 1e4]), np.array([5.0, 1e-2])
    a = joint_covariance(X, Y, shrinkage)
    b = joint_covariance(X * scale + 7 * scale, Y * other - other, shrinkage)
    np.testing.assert_allclose(b[0], a[0] * scale * scale[:, None], rtol=1e-10)
    np.testing.assert_allclose(b[1], a[1] * other * scale[:, None], rtol=1e-10)


def test_small_samples_say_too_much_and_shrinkage_less():
    """Independent X and Y of 5 features each, 15 samples: the information is 0, and the plain estimate above 1 nat."""
    pytest.importorskip("sklearn")
    plain, shrunk = [], []
    for seed in range(20):
        rng = np.random.default_rng(seed)
        X, Y = rng.normal(size=(15, 5)), rng.normal(size=(15, 5))
        plain.append(float(gaussian_mutual_information(*joint_covariance(X, Y))))
        shrunk.append(float(gaussian_mutual_information(*joint_covariance(X, Y, "ledoit-wolf"))))
    assert np.all(np.array(shrunk) < plain)
    assert np.mean(plain) > 1 and np.mean(shrunk) < np.mean(plain) / 5


def test_fewer_samples_than_features_and_constants():
    pytest.importorskip("sklearn")
    X, Y = data(4, 4, p=6)
    X[:, 2] = 0.1  # whose mean is not 0.1 to the last bit
    assert not joint_covariance(X, Y)[0][2].any()
    with pytest.raises(ValueError, match="a canonical correlation is 1 to rounding"):
        gaussian_bottleneck(*joint_covariance(X, Y), 3.0)
    result = gaussian_bottleneck(*joint_covariance(X, Y, 0.5), 3.0)
    assert result.I_TX > 0 and not result.projection[:, 2].any()


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        (([[1.0]], [[1.0]]), ValueError, "X has 1 rows and Y 1: give the same samples, 2 or more"),
        (([[1.0], [2.0]], [[1.0]]), ValueError, "X has 2 rows and Y 1"),
        (([1.0, 2.0], [[1.0]]), ValueError, r"X has shape \(2,\): give a table"),
        (([[1.0], [np.nan]], [[1.0], [2.0]]), ValueError, "X has 1 values that are nan or infinite"),
        (([[1.0], [2.0]], [[1.0], [2.0]], "oas"), ValueError, "shrinkage='oas': use None, 'ledoit-wolf' or a number"),
        (([[1.0], [2.0]], [[1.0], [2.0]], 1.5), ValueError, "shrinkage=1.5"),
        (([[1.0], [2.0]], [[1.0], [2.0]], [0.5]), TypeError, "shrinkage=.0.5.: use a number"),
    ],
)
def test_refusals(arguments, error, message):
    with pytest.raises(error, match=message):
        joint_covariance(*arguments)
