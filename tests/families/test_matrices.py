import numpy as np
import pytest
import scipy.linalg

from varinf.families.matrices import as_columns, as_rows, cholesky, multiply, solve_lower


@pytest.mark.parametrize("dim", [0, 1, 2, 5, 33])
@pytest.mark.parametrize("batch", [(), (2, 3), (0,)])
def test_solve_and_multiply(batch, dim):
    rng = np.random.default_rng(dim)
    tril = np.tril(rng.normal(size=(*batch, dim, dim)), k=-1) / max(1, dim) + np.eye(dim)
    vectors = rng.normal(size=(4, *batch, dim))
    solved = solve_lower(tril, vectors)
    assert solved.shape == vectors.shape
    np.testing.assert_allclose(multiply(tril, solved), vectors, rtol=1e-12, atol=1e-12)
    for i in np.ndindex(batch):
        here = (slice(None), *i)
        expected = scipy.linalg.solve_triangular(tril[i], vectors[here].T, lower=True).T if dim else vectors[here]
        np.testing.assert_allclose(solved[here], expected, rtol=1e-12, atol=1e-12)


def test_rows_of_any_scale_survive():
    """Substitution is backward stable row by row, |L x - b| <= c eps |L| |x|, where a solve that pivots is not."""
    rng = np.random.default_rng(0)
    ours = theirs = 0.0
    for _ in range(300):
        scales = 10.0 ** rng.uniform(-8, 8, 5)
        tril, b = np.tril(rng.normal(size=(5, 5))) * scales[:, None], scales * rng.normal(size=5)
        ours = max(ours, _backward_error(tril, solve_lower(tril, b), b))
        theirs = max(theirs, _backward_error(tril, np.linalg.solve(tril, b), b))
    assert ours < 1e-15
    assert theirs > 1e-13  # 9e-13: the systems are such that it shows


def _backward_error(tril, x, b):
    tril = tril.astype(np.longdouble)
    return float(np.max(np.abs(tril @ x - b) / (np.abs(tril) @ np.abs(x))))


def test_columns_and_back():
    vectors = np.random.default_rng(0).normal(size=(6, 5, 2, 3, 4))
    columns = as_columns(vectors, 2)
    assert columns.shape == (2, 3, 4, 30)
    np.testing.assert_array_equal(as_rows(columns, vectors.shape[:-1]), vectors)


def test_cholesky_names_the_first_bad_matrix():
    stack = np.broadcast_to(np.eye(3), (2, 2, 3, 3)).copy()
    np.testing.assert_array_equal(cholesky(4 * stack, "covariance"), 2 * stack)
    stack[1, 0, 2, 2] = 0
    with pytest.raises(ValueError, match=r"covariance\[1, 0\] is not positive definite: pivot 2 of 3"):
        cholesky(stack, "covariance")
