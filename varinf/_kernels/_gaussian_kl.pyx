# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True, initializedcheck=False
"""Compiled twin of gaussian_kl.py, which holds the contract."""
import numpy as np

from varinf._kernels._diagonal_kl cimport TILE, gradients, values
from varinf._kernels._full_kl cimport factors, from_covariances, full, full_gradient, workspace_size
from varinf._kernels._real cimport real
from varinf._kernels._rows cimport tile_rows
from varinf._kernels._triangular cimport flaws


# diagonal normals ----------------------------------------------------------------------------------------------------

def diagonal_standard(loc, scale, int log_power):
    loc, scale = np.ascontiguousarray(loc), np.ascontiguousarray(scale)
    check_equal("loc", loc, "scale", scale)
    kl = np.zeros(loc.shape[0], loc.dtype)
    if loc.size:
        if loc.dtype.char == "f":
            diagonal[float](loc, scale, None, None, log_power, kl)
        else:
            diagonal[double](loc, scale, None, None, log_power, kl)
    return kl


def diagonal_diagonal(loc_q, scale_q, loc_p, scale_p, int log_power):
    loc_q, scale_q, loc_p, scale_p = diagonal_arguments(loc_q, scale_q, loc_p, scale_p)
    kl = np.zeros(loc_q.shape[0], loc_q.dtype)
    if loc_q.size:
        if loc_q.dtype.char == "f":
            diagonal[float](loc_q, scale_q, loc_p, scale_p, log_power, kl)
        else:
            diagonal[double](loc_q, scale_q, loc_p, scale_p, log_power, kl)
    return kl


cdef diagonal(
    const real[:, ::1] loc, const real[:, ::1] scale, const real[:, ::1] loc_p, const real[:, ::1] scale_p,
    int log_power, real[::1] kl
):
    cdef bint paired = loc_p is not None
    cdef Py_ssize_t N = loc.shape[0], D = loc.shape[1], stride = D if paired and loc_p.shape[0] > 1 else 0
    cdef const real* m = &loc_p[0, 0] if paired else NULL
    cdef const real* s = &scale_p[0, 0] if paired else NULL
    with nogil:
        values(&loc[0, 0], &scale[0, 0], m, s, N, D, stride, log_power, &kl[0])


# ... and their gradients ---------------------------------------------------------------------------------------------

def diagonal_standard_gradient(loc, scale, int log_power):
    loc, scale = np.ascontiguousarray(loc), np.ascontiguousarray(scale)
    check_equal("loc", loc, "scale", scale)
    kl, d_scale = np.zeros(loc.shape[0], loc.dtype), np.empty_like(scale)
    if loc.size:
        if loc.dtype.char == "f":
            gradient[float](loc, scale, None, None, log_power, tile_for(loc), kl, None, d_scale)
        else:
            gradient[double](loc, scale, None, None, log_power, tile_for(loc), kl, None, d_scale)
    return kl, loc.copy(), d_scale


def diagonal_diagonal_gradient(loc_q, scale_q, loc_p, scale_p, int log_power):
    loc_q, scale_q, loc_p, scale_p = diagonal_arguments(loc_q, scale_q, loc_p, scale_p)
    kl, d_loc, d_scale = np.zeros(loc_q.shape[0], loc_q.dtype), np.empty_like(loc_q), np.empty_like(loc_q)
    if loc_q.size:
        if loc_q.dtype.char == "f":
            gradient[float](loc_q, scale_q, loc_p, scale_p, log_power, tile_for(loc_q), kl, d_loc, d_scale)
        else:
            gradient[double](loc_q, scale_q, loc_p, scale_p, log_power, tile_for(loc_q), kl, d_loc, d_scale)
    return kl, d_loc, d_scale


cdef gradient(
    const real[:, ::1] loc, const real[:, ::1] scale, const real[:, ::1] loc_p, const real[:, ::1] scale_p,
    int log_power, real[::1] terms, real[::1] kl, real[:, ::1] d_loc, real[:, ::1] d_scale
):
    cdef bint paired = loc_p is not None
    cdef Py_ssize_t N = loc.shape[0], D = loc.shape[1], stride = D if paired and loc_p.shape[0] > 1 else 0
    cdef const real* m = &loc_p[0, 0] if paired else NULL
    cdef const real* s = &scale_p[0, 0] if paired else NULL
    cdef real* d_m = &d_loc[0, 0] if paired else NULL
    with nogil:
        gradients(&loc[0, 0], &scale[0, 0], m, s, N, D, stride, log_power, &terms[0], &kl[0], d_m, &d_scale[0, 0])


# full matrices: float64 throughout, since their condition number spends the digits that float32 has --------------------

def full_full(loc_q, tril_q, loc_p, tril_p):
    loc_q, tril_q, loc_p, tril_p = full_arguments(loc_q, tril_q, loc_p, tril_p)
    kl = np.zeros(loc_q.shape[0], loc_q.dtype)
    if loc_q.size:
        if loc_q.dtype.char == "f":
            full[float](loc_q, tril_q, loc_p, tril_p, workspace(loc_q), kl)
        else:
            full[double](loc_q, tril_q, loc_p, tril_p, workspace(loc_q), kl)
    return kl


def full_full_gradient(loc_q, tril_q, loc_p, tril_p):
    loc_q, tril_q, loc_p, tril_p = full_arguments(loc_q, tril_q, loc_p, tril_p)
    kl, d_loc, d_tril = np.zeros(loc_q.shape[0], loc_q.dtype), np.empty_like(loc_q), np.zeros(tril_q.shape, tril_q.dtype)
    if loc_q.size:
        if loc_q.dtype.char == "f":
            full_gradient[float](loc_q, tril_q, loc_p, tril_p, workspace(loc_q), kl, d_loc, d_tril)
        else:
            full_gradient[double](loc_q, tril_q, loc_p, tril_p, workspace(loc_q), kl, d_loc, d_tril)
    return kl, d_loc, d_tril


def full_full_from_covariances(loc_q, cov_q, loc_p, cov_p, double slack):
    loc_q, cov_q, loc_p, cov_p = full_arguments(loc_q, cov_q, loc_p, cov_p)
    kl = np.zeros(loc_q.shape[0], loc_q.dtype)
    if loc_q.size:
        if loc_q.dtype.char == "f":
            from_covariances[float](loc_q, cov_q, loc_p, cov_p, slack, workspace(loc_q), kl)
        else:
            from_covariances[double](loc_q, cov_q, loc_p, cov_p, slack, workspace(loc_q), kl)
    return kl


def cholesky(cov, double slack):
    cov = np.ascontiguousarray(cov)
    check_square("cov", cov)
    tril, bad, rows = np.zeros(cov.shape, cov.dtype), none_of(cov), none_of(cov)
    if cov.size:
        if cov.dtype.char == "f":
            factors[float](cov, slack, workspace(cov), tril, bad, rows)
        else:
            factors[double](cov, slack, workspace(cov), tril, bad, rows)
    return tril, bad, rows


def flawed_rows(tril):
    tril = np.ascontiguousarray(tril)
    check_square("tril", tril)
    rows = none_of(tril)
    if tril.size:
        if tril.dtype.char == "f":
            flaws[float](tril, rows)
        else:
            flaws[double](tril, rows)
    return rows


# arguments -----------------------------------------------------------------------------------------------------------

cdef tile_for(array):
    """Room for the terms of a tile."""
    cdef Py_ssize_t D = array.shape[1]
    return np.empty(tile_rows(D, TILE) * D, array.dtype)


cdef workspace(array):
    return np.empty(workspace_size(array.shape[1]))


cdef none_of(cov):
    """The pivot, or the row, of each matrix: -1."""
    bad = np.empty(cov.shape[0], np.intc)
    bad.fill(-1)
    return bad


cdef diagonal_arguments(loc_q, scale_q, loc_p, scale_p):
    loc_q, scale_q = np.ascontiguousarray(loc_q), np.ascontiguousarray(scale_q)
    loc_p, scale_p = np.ascontiguousarray(loc_p), np.ascontiguousarray(scale_p)
    check_equal("loc_q", loc_q, "scale_q", scale_q)
    check_equal("loc_p", loc_p, "scale_p", scale_p)
    check_serves(loc_q, loc_p)
    return loc_q, scale_q, loc_p, scale_p


cdef full_arguments(loc_q, matrix_q, loc_p, matrix_p):
    loc_q, matrix_q = np.ascontiguousarray(loc_q), np.ascontiguousarray(matrix_q)
    loc_p, matrix_p = np.ascontiguousarray(loc_p), np.ascontiguousarray(matrix_p)
    check_matrices("q", loc_q, matrix_q)
    check_matrices("p", loc_p, matrix_p)
    check_serves(loc_q, loc_p)
    return loc_q, matrix_q, loc_p, matrix_p


cdef check_matrices(name, loc, matrix):
    if matrix.ndim != 3 or matrix.shape[1] != matrix.shape[2]:
        check_square(f"the matrix of {name}", matrix)
    if matrix.shape[:2] != loc.shape:
        raise ValueError(f"loc_{name} has shape {loc.shape}, but the matrices of {name} have shape {matrix.shape}")


cdef check_equal(first_name, first, second_name, second):
    if first.shape != second.shape or first.ndim != 2:
        raise ValueError(f"{first_name} has shape {first.shape} and {second_name} has shape {second.shape}: both must be (N, D)")


cdef check_square(name, matrix):
    if matrix.ndim != 3 or matrix.shape[1] != matrix.shape[2]:
        raise ValueError(f"{name} has shape {matrix.shape}: it must be (N, D, D)")


cdef check_serves(loc_q, loc_p):
    if loc_p.shape[1] != loc_q.shape[1] or loc_p.shape[0] not in (1, loc_q.shape[0]):
        raise ValueError(f"loc_q has shape {loc_q.shape} and loc_p has shape {loc_p.shape}: p must have as many rows as q, or one")
