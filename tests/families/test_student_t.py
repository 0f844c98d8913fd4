from fractions import Fraction

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


@pytest.mark.parametrize("df", [0.1, 1.0, 3.0, 1e6])
@pytest.mark.parametrize("t", [1e9, 9.9e9, 1.01e10, 1e13, 9.9e12, 1e20, 1e154, 1e200, -1e300])
def test_far_out(df, t):
    """t^2 overflows from 1e154 on, its logarithm does not; and on both sides of where the ways part."""
    q = StudentT(df, [0.0, 1.0], [1.0, 2.0])
    with mpmath.workdps(400):
        v, z = mpmath.mpf(df), mpmath.mpf(t)
        beta = mpmath.loggamma((v + 1) / 2) - mpmath.loggamma(v / 2) - mpmath.log(mpmath.pi * v) / 2
        squares = [z**2, ((z - 1) / 2) ** 2]
        log_q = 2 * beta - mpmath.log(2) - (v + 1) / 2 * sum(mpmath.log1p(each / v) for each in squares)
    with np.errstate(all="raise"):
        assert q.log_prob([t, t]) == pytest.approx(float(log_q), rel=1e-13)
    assert StudentT(df, [0.0], [1.0]).log_prob([np.inf]) == -np.inf


def test_far_out_gradient():
    torch = pytest.importorskip("torch")
    for dtype, far in ((torch.float64, 1e200), (torch.float32, 1e30)):
        z = torch.tensor([0.0, 1.0, far], dtype=dtype, requires_grad=True)
        q = StudentT(3.0, torch.zeros(3, dtype=dtype), torch.ones(3, dtype=dtype))
        q.log_prob(z).backward()
        np.testing.assert_allclose(z.grad.numpy(), [0.0, -1.0, -4 / far], rtol=1e-6)  # -(df + 1) z / (df + z^2)


@pytest.mark.parametrize(
    "three", [3, 3.0, np.int64(3), np.float32(3), np.float64(3), np.array(3.0), np.array(3), Fraction(3)], ids=repr
)
def test_one_number_of_any_kind_serves_all(three):
    q = StudentT(three, [[0.0, 1.0]], [[1.0, 2.0]])
    np.testing.assert_array_equal(q.df, [[3.0, 3.0]])
    assert q.df.dtype == np.float64


def test_one_number_of_another_library():
    torch = pytest.importorskip("torch")
    df = torch.tensor(3.0, dtype=torch.float64, requires_grad=True)
    StudentT(df, [0.0, 1.0], [1.0, 2.0]).entropy().backward()
    h = 1e-5
    ends = [StudentT(3 + s * h, [0.0, 1.0], [1.0, 2.0]).entropy() for s in (1, -1)]
    assert float(df.grad) == pytest.approx((ends[0] - ends[1]) / (2 * h), rel=1e-7)


@pytest.mark.parametrize("truth", [True, np.True_, np.array(True)], ids=repr)
def test_a_truth_is_no_number(truth):
    with pytest.raises(TypeError, match="df=True: use a number"):
        StudentT(truth, [0.0], [1.0])


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
