import mpmath
import numpy as np
import pytest
import scipy.stats

from varinf.families.full_normal import FullNormal
from varinf.families.low_rank_normal import LowRankNormal


@pytest.mark.parametrize("rank", [0, 1, 3, 7])
def test_against_scipy(rank):
    rng = np.random.default_rng(rank)
    loc, factor, scale = rng.normal(size=(2, 5)), rng.normal(size=(2, 5, rank)), rng.uniform(0.3, 2, (2, 5))
    q = LowRankNormal(loc, factor, scale)
    z = rng.normal(size=(6, 2, 5)) * 2
    assert (q.rank, q.noise_dim) == (rank, 5 + rank)
    for i in range(2):
        covariance = factor[i] @ factor[i].T + np.diag(scale[i] ** 2)
        expected = scipy.stats.multivariate_normal(loc[i], covariance)
        np.testing.assert_allclose(q.log_prob(z)[:, i], expected.logpdf(z[:, i]), rtol=1e-11)
        np.testing.assert_allclose(q.entropy()[i], expected.entropy(), rtol=1e-11)
        np.testing.assert_allclose(q.covariance[i], covariance, rtol=1e-13)
        np.testing.assert_allclose(q.variance[i], np.diag(covariance), rtol=1e-13)
        columns = q[i].transform(np.eye(5 + rank)) - loc[i]
        np.testing.assert_allclose(columns.T @ columns, covariance, rtol=1e-12, atol=1e-12)
    full = FullNormal(loc, q.scale_tril)
    np.testing.assert_allclose(full.log_prob(z), q.log_prob(z), rtol=1e-11)


def test_large_factors_do_not_cancel():
    rng = np.random.default_rng(0)
    factor, scale = 1e6 * rng.normal(size=(4, 1)), np.full(4, 1e-2)
    q = LowRankNormal(np.zeros(4), factor, scale)
    z = q.transform(rng.normal(size=5))  # 1e8 scales away, and likely
    with mpmath.workdps(60):
        f, d = mpmath.matrix(factor), mpmath.diag([mpmath.mpf(s) ** 2 for s in scale])
        covariance = f * f.T + d
        solved = mpmath.lu_solve(covariance, mpmath.matrix(z))
        square = sum(a * b for a, b in zip(z.tolist(), solved, strict=True))
        expected = -(square + mpmath.log(mpmath.det(covariance)) + 4 * mpmath.log(2 * mpmath.pi)) / 2
    # z is known to 1e-16 of 1e6, or 1e-8 scales. Woodbury's form as it is printed has 2.00 for the square 2.03.
    assert q.log_prob(z) == pytest.approx(float(expected), rel=1e-6)


def test_what_is_refused():
    ones = np.ones((2, 3))
    with pytest.raises(ValueError, match=r"factor has shape \(3, 2\), but loc \(2, 3\) needs \(2, 3, R\)"):
        LowRankNormal(ones, np.ones((3, 2)), ones)
    with pytest.raises(ValueError, match="scale has 6"):
        LowRankNormal(ones, np.ones((2, 3, 1)), -ones)
    with pytest.raises(ValueError, match="factor has 6 values that are nan"):
        LowRankNormal(ones, np.full((2, 3, 1), np.nan), ones)
    with pytest.raises(ValueError, match=r"noise has shape \(2, 3\)"):
        LowRankNormal(ones, np.ones((2, 3, 1)), ones).transform(ones)
