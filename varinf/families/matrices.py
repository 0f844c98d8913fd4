"""Triangular factors of covariances: checked, made, applied and solved, for batches of matrices and of vectors.

Vectors come as (..., *batch, D) against matrices (*batch, D, K). They are moved to columns, (*batch, D, S), so that one
matrix product or one solve serves all S draws.
"""

import math

import numpy as np
from array_api_compat import device

from varinf._arrays import check_finite, holds, namespace, refuse_where, special, to_numpy
from varinf._kernels import kernel


def multiply(matrices, vectors):
    """matrices @ vector for each vector: (*batch, D, K), (..., *batch, K) -> (..., *batch, D)."""
    product = matrices @ as_columns(vectors, matrices.ndim - 2)
    return as_rows(product, vectors.shape[:-1])


def solve_lower(tril, vectors):
    """L^-1 vector for each vector, L lower triangular: (*batch, D, D), (..., *batch, D) -> (..., *batch, D)."""
    columns = as_columns(vectors, tril.ndim - 2)
    return as_rows(solve_lower_columns(tril, columns), vectors.shape[:-1])


def as_columns(vectors, batch_axes):
    """(..., *batch, D) -> (*batch, D, S), the axes in front in one."""
    xp = namespace(vectors)
    own = vectors.shape[vectors.ndim - batch_axes - 1 :]
    count = math.prod(vectors.shape[: vectors.ndim - batch_axes - 1])
    flat = xp.reshape(vectors, (count, *own))
    return xp.permute_dims(flat, (*range(1, flat.ndim), 0))


def as_rows(columns, leading_shape):
    """The inverse of `as_columns`: (*batch, D, S) -> (*leading_shape, D), leading_shape = (..., *batch)."""
    xp = namespace(columns)
    rows = xp.permute_dims(columns, (columns.ndim - 1, *range(columns.ndim - 1)))
    return xp.reshape(rows, (*leading_shape, columns.shape[-2]))


def solve_lower_columns(tril, columns):
    """L^-1 columns: (*batch, D, D), (*batch, D, S) -> (*batch, D, S), by the library's own substitution if it has one.

    A general `solve`, which pivots, is not backward stable in each row where their scales differ.
    """
    library = namespace(tril).__name__
    if "torch" in library or "jax" in library:
        return special(tril).solve_lower(tril, columns)
    return _substitute(tril, columns)


def _substitute(tril, columns):
    """Forward substitution by halves, so that the work is matrix products and the batch has no loop.

    LAPACK's, through SciPy, takes one matrix at a time, and wakes threads for the smallest.
    """
    dim = tril.shape[-1]
    if dim < 2:
        return columns / tril if dim else columns
    half = dim // 2
    first = _substitute(tril[..., :half, :half], columns[..., :half, :])
    rest = columns[..., half:, :] - tril[..., half:, :half] @ first
    return namespace(tril).concat([first, _substitute(tril[..., half:, half:], rest)], axis=-2)


def log_diagonal(tril):
    """The logarithms that add up to log det L = log det(L L') / 2: (*batch, D, D) -> (*batch, D)."""
    xp = namespace(tril)
    return xp.log(xp.linalg.diagonal(tril))


def diagonal_matrices(diagonal):
    """(*batch, D) -> (*batch, D, D)."""
    return diagonal[..., None] * identity(diagonal.shape[-1], diagonal)


def identity(size, like):
    """The identity matrix in the library, dtype and device of `like`."""
    return namespace(like).eye(size, dtype=like.dtype, device=device(like))


def square(matrices, loc, name):
    """Refuses matrices that are not (*batch, D, D) for loc (*batch, D)."""
    want = (*loc.shape, loc.shape[-1])
    if tuple(matrices.shape) != want:
        raise ValueError(f"{name} has shape {tuple(matrices.shape)}, but loc {tuple(loc.shape)} needs {want}")
    return matrices


def check_lower(tril, name):
    """Refuses a factor with a value that is not finite, a diagonal that is not positive, or anything above it."""
    xp = namespace(tril)
    stack = _stack(tril)
    if not holds(xp.any(kernel("gaussian_kl", stack).flawed_rows(stack) >= 0)):
        return
    check_finite(tril, name)
    above = xp.triu(tril, k=1)
    refuse_where(
        above != 0, tril, name, "values above the diagonal that are not 0", "a Cholesky factor is lower triangular"
    )
    diagonal = xp.linalg.diagonal(tril)
    refuse_where(
        ~(diagonal > 0), diagonal, f"the diagonal of {name}", "values that are not positive", "all must be positive"
    )


def cholesky(covariance, name):
    """Lower Cholesky factors; ValueError naming the matrix and the pivot where there is none, or no symmetry."""
    xp = namespace(covariance)
    *batch, dim, _ = covariance.shape
    stack = _stack(covariance)
    slack = symmetry_slack(covariance)
    tril, pivots, rows = kernel("gaussian_kl", stack).cholesky(stack, slack)
    if holds(xp.any(rows >= 0)):
        check_symmetric(covariance, name, slack)
    if holds(xp.any(pivots >= 0)):
        pivots = to_numpy(pivots)
        first = int(np.argmax(pivots >= 0))
        place = [int(i) for i in np.unravel_index(first, batch)] if batch else []
        which = f"{name}{place}" if place else name
        raise ValueError(
            f"{which} is not positive definite: pivot {pivots[first]} of {dim} (counted from 0) of its Cholesky "
            "factorisation is not positive; look for features that depend on each other, or add to the diagonal"
        )
    return xp.reshape(tril, covariance.shape)


def symmetry_slack(covariance):
    """How far s_ij and s_ji may lie apart, in units of sqrt(s_ii s_jj): sums and inverses round each in its own way."""
    return math.sqrt(namespace(covariance).finfo(covariance.dtype).eps)


def _stack(matrices):
    """(*batch, D, D) -> (N, D, D)."""
    *batch, dim, _ = matrices.shape
    return namespace(matrices).reshape(matrices, (math.prod(batch), dim, dim))


def check_symmetric(covariance, name, slack):
    """Refuses values that are not finite, and matrices that differ by more than rounding from their transposes."""
    check_finite(covariance, name)
    xp = namespace(covariance)
    scale = xp.sqrt(xp.abs(xp.linalg.diagonal(covariance)))
    difference = xp.abs(covariance - xp.matrix_transpose(covariance))
    refuse_where(
        difference > slack * scale[..., :, None] * scale[..., None, :],
        difference,
        f"|{name} - its transpose|",
        "values beyond rounding",
        "a covariance is symmetric; symmetrise it if the difference is rounding",
    )
