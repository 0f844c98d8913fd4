import mpmath
import numpy as np
import pytest
import scipy.stats

from varinf.families.student_t import StudentT


def test_against_scipy():
    rng = np.random.default_rng(0)
    df, loc, scale = rng.uniform(0.5, 30, (4, 3)), rng.normal(size=(4, 3)), rng.uniform(0.2, 3, (4, 3))
    q, expected = StudentT(df, loc, scale), scipy.stats.t(df, loc, scale)
    z = expected.rvs(size=(6, 4, 3), random_state=rng)
    np.testing.assert_allclose(q.log_prob(z), expected.logpdf(z).sum(-1), rtol=1e-11)
    np.testing.assert_allclose(q.entropy(), expected.entropy().sum(-1), rtol=1e-11)
    np.testing.assert_allclose(q.variance, expected.var(), rtol=1e-12)


@pytest.mark.parametrize("df", [0.3, 1.0, 99.0, 199.99, 200.01, 1e4, 1e9, 1e15])
def test_precision(df):
    q = StudentT(df, [0.0], [1.0])
    with mpmath.workdps(60):
        v, t = mpmath.mpf(df), mpmath.mpf(1.5)
        beta = mpmath.loggamma((v + 1) / 2) - mpmath.loggamma(v / 2) - mpmath.log(mpmath.pi * v) / 2
        log_q = beta - (v + 1) / 2 * mpmath.log1p(t**2 / v)
        entropy = (v + 1) / 2 * (mpmath.digamma((v + 1) / 2) - mpmath.digamma(v / 2)) - beta
    # Below 200 degrees gammaln is subtracted: 1e-16 of its 359.
    assert q.log_prob([1.5]) == pytest.approx(float(log_q), abs=2e-13)
    assert q.entropy() == pytest.approx(float(entropy), abs=2e-13)


def test_moments_that_are_not_there():
    q = StudentT([0.5, 1.0, 1.5, 2.0, 4.0], np.zeros(5), np.ones(5))
    np.testing.assert_array_equal(q.mean, [np.nan, np.nan, 0, 0, 0])
    np.testing.assert_array_equal(q.variance, [np.nan, np.nan, np.inf, np.inf, 2])


def test_what_is_refused():
    ones = np.ones((2, 3))
    for wrong in (0.0, -1.0, np.inf, np.nan):
        with pytest.raises(ValueError, match="df has 6 values that are not positive and finite"):
            StudentT(wrong, ones, ones)
    with pytest.raises(ValueError, match=r"df \(3,\), loc \(2, 3\), scale \(2, 3\)"):
        StudentT(np.ones(3), ones, ones)
    with pytest.raises(ValueError, match="scale has 6"):
        StudentT(3, ones, -ones)


@pytest.mark.parametrize("arguments", [([0.0, 1.0], [1.0, 1.0], 5.0), (5.0, [0.0, 1.0], 1.0)])
def test_arguments_in_another_order_are_told_the_order(arguments):
    with pytest.raises(ValueError, match=r"the order is StudentT\(df, loc, scale\)"):
        StudentT(*arguments)
