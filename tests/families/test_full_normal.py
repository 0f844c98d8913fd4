import numpy as np
import pytest
import scipy.stats

from varinf.families.full_normal import FullNormal


def _covariances(rng, *shape, dim):
    a = rng.normal(size=(*shape, dim, dim + 2))
    return a @ np.swapaxes(a, -1, -2)


def test_against_scipy():
    rng = np.random.default_rng(0)
    loc, covariance = rng.normal(size=(2, 3, 4)), _covariances(rng, 2, 3, dim=4)
    q = FullNormal(loc, covariance=covariance)
    from_factor = FullNormal(loc, scale_tril=np.linalg.cholesky(covariance))
    z = rng.normal(size=(5, 2, 3, 4)) * 2
    log_q = q.log_prob(z)
    for i in np.ndindex(2, 3):
        expected = scipy.stats.multivariate_normal(loc[i], covariance[i])
        np.testing.assert_allclose(log_q[(slice(None), *i)], expected.logpdf(z[(slice(None), *i)]), rtol=1e-11)
        np.testing.assert_allclose(q.entropy()[i], expected.entropy(), rtol=1e-12)
    np.testing.assert_allclose(from_factor.log_prob(z), log_q, rtol=1e-12)
    np.testing.assert_allclose(q.covariance, covariance, rtol=1e-12, atol=1e-12)
    np.testing.assert_allclose(q.variance, np.diagonal(covariance, axis1=-2, axis2=-1), rtol=1e-12)


def test_transform_has_the_covariance():
    covariance = _covariances(np.random.default_rng(1), dim=3)
    q = FullNormal(np.arange(3.0), covariance=covariance)
    # An affine map is known by its values at 0 and at the unit vectors.
    offset, columns = q.transform(np.zeros(3)), q.transform(np.eye(3)) - np.arange(3.0)
    np.testing.assert_allclose(offset, np.arange(3.0))
    np.testing.assert_allclose(columns.T @ columns, covariance, rtol=1e-12)


def test_small_scales_beside_large_ones():
    scales = np.array([1e-9, 1e9, 1.0, 1e-6])
    correlation = 0.5 * np.ones((4, 4)) + 0.5 * np.eye(4)
    q = FullNormal(np.zeros(4), covariance=correlation * scales[:, None] * scales)
    z = np.array([0.5, -1.0, 2.0, 0.3])
    expected = scipy.stats.multivariate_normal(np.zeros(4), correlation).logpdf(z) - np.log(scales).sum()
    assert q.log_prob(z * scales) == pytest.approx(expected, rel=1e-12)


def test_what_is_refused():
    loc, eye = np.zeros((2, 3)), np.broadcast_to(np.eye(3), (2, 3, 3))

    def changed(place, value):
        matrix = eye.copy()
        matrix[(1, *place)] = value
        return matrix

    asymmetric = changed((0, 2), 0.5)
    indefinite = changed((1, 1), -1.0)
    cases = [
        (lambda: FullNormal(loc, covariance=asymmetric), r"transpose.*index \(1, 0, 2\).*symmetric"),
        (lambda: FullNormal(loc, covariance=indefinite), r"covariance\[1\] is not positive definite: pivot 1 of 3"),
        (lambda: FullNormal(loc[0], covariance=indefinite[1]), "covariance is not positive definite: pivot 1"),
        (lambda: FullNormal(loc, covariance=np.ones((2, 3, 3))), r"covariance\[0\] .* pivot 1"),
        (lambda: FullNormal(loc, covariance=np.eye(3)), r"covariance has shape \(3, 3\), but loc \(2, 3\) needs"),
        (lambda: FullNormal(loc, covariance=changed((0, 0), np.nan)), "covariance has 1 values that are nan"),
        (lambda: FullNormal(loc, asymmetric), r"scale_tril has 1 values above the diagonal.*\(1, 0, 2\)"),
        (lambda: FullNormal(loc, indefinite), r"the diagonal of scale_tril.*index \(1, 1\)"),
        (lambda: FullNormal(loc, np.eye(3)), "scale_tril has shape"),
        (lambda: FullNormal(1.0, covariance=1.0), "loc is a single number"),
    ]
    for call, sentence in cases:
        with pytest.raises(ValueError, match=sentence):
            call()
    for both in ({}, {"scale_tril": eye, "covariance": eye}):
        with pytest.raises(TypeError, match="exactly one"):
            FullNormal(loc, **both)


def test_rounding_is_not_asymmetry():
    covariance = _covariances(np.random.default_rng(3), dim=3)
    for dtype, slip in (("float64", 1e-14), ("float32", 1e-6)):
        slipped = covariance.astype(dtype)
        slipped[0, 1] *= 1 + slip
        assert FullNormal(np.zeros(3, dtype), covariance=slipped).scale_tril.dtype == dtype


def test_later_writes_change_nothing():
    loc, covariance = np.zeros(3), _covariances(np.random.default_rng(4), dim=3)
    given = FullNormal(loc, covariance=covariance)
    factor = given.scale_tril.copy()
    for q, matrix in ((given, covariance), (FullNormal(loc, factor), factor)):
        before = q.scale_tril.copy()
        loc += 1
        matrix *= 2
        np.testing.assert_array_equal(q.scale_tril, before)
        np.testing.assert_array_equal(q.loc, np.zeros(3))
        for parameter in (q.loc, q.scale_tril):
            with pytest.raises(ValueError, match="read-only"):
                parameter[...] = 0
