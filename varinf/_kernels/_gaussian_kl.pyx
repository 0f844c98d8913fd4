# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True, initializedcheck=False
"""Compiled twin of gaussian_kl.py, which holds the contract."""
import numpy as np

from libc.math cimport NAN

from varinf._kernels._real cimport real
from varinf._kernels._rows cimport BLOCK, exp_, kl_terms, kl_terms_and_gradient, row_sum, tile_rows
from varinf._kernels._triangular cimport factorise, kl_from_white, load, transpose, whiten, whiten_transposed

cdef enum:
    TILE = 1024     # values: a tile and its terms stay in L1


# diagonal to standard ------------------------------------------------------------------------------------------------

def diagonal_standard(loc, scale, bint is_log):
    loc, scale = np.ascontiguousarray(loc), np.ascontiguousarray(scale)
    check_equal("loc", loc, "scale", scale)
    kl = np.zeros(loc.shape[0], loc.dtype)
    if loc.size:
        if loc.dtype.char == "f":
            standard[float](loc, scale, is_log, tile_for(loc), kl)
        else:
            standard[double](loc, scale, is_log, tile_for(loc), kl)
    return kl


def diagonal_standard_gradient(loc, scale, bint is_log):
    loc, scale = np.ascontiguousarray(loc), np.ascontiguousarray(scale)
    check_equal("loc", loc, "scale", scale)
    kl, d_scale = np.zeros(loc.shape[0], loc.dtype), np.empty_like(scale)
    if loc.size:
        if loc.dtype.char == "f":
            standard_gradient[float](loc, scale, is_log, tile_for(loc), kl, d_scale)
        else:
            standard_gradient[double](loc, scale, is_log, tile_for(loc), kl, d_scale)
    return kl, loc.copy(), d_scale


cdef void standard(const real[:, ::1] loc, const real[:, ::1] scale, bint is_log, real[::1] terms, real[::1] kl) noexcept:
    cdef Py_ssize_t n, row, here, N = loc.shape[0], D = loc.shape[1], rows = tile_rows(D, TILE)
    with nogil:
        n = 0
        while n < N:
            here = min(rows, N - n)
            kl_terms(&loc[n, 0], &scale[n, 0], here * D, is_log, &terms[0])
            for row in range(here):
                kl[n + row] = <real>row_sum(&terms[row * D], D)
            n += here


cdef void standard_gradient(
    const real[:, ::1] loc, const real[:, ::1] scale, bint is_log, real[::1] terms, real[::1] kl, real[:, ::1] d_scale
) noexcept:
    cdef Py_ssize_t n, row, here, N = loc.shape[0], D = loc.shape[1], rows = tile_rows(D, TILE)
    with nogil:
        n = 0
        while n < N:
            here = min(rows, N - n)
            kl_terms_and_gradient(&loc[n, 0], &scale[n, 0], here * D, is_log, &terms[0], &d_scale[n, 0])
            for row in range(here):
                kl[n + row] = <real>row_sum(&terms[row * D], D)
            n += here


# diagonal to diagonal ------------------------------------------------------------------------------------------------

def diagonal_diagonal(loc_q, scale_q, loc_p, scale_p, bint is_log):
    loc_q, scale_q, loc_p, scale_p = diagonal_arguments(loc_q, scale_q, loc_p, scale_p)
    kl = np.zeros(loc_q.shape[0], loc_q.dtype)
    if loc_q.size:
        shared, loc_p, scale_p = len(loc_p) == 1, for_tiles(loc_p), for_tiles(scale_p)
        if loc_q.dtype.char == "f":
            diagonal[float](loc_q, scale_q, loc_p, scale_p, shared, is_log, tile_for(loc_q), kl)
        else:
            diagonal[double](loc_q, scale_q, loc_p, scale_p, shared, is_log, tile_for(loc_q), kl)
    return kl


def diagonal_diagonal_gradient(loc_q, scale_q, loc_p, scale_p, bint is_log):
    loc_q, scale_q, loc_p, scale_p = diagonal_arguments(loc_q, scale_q, loc_p, scale_p)
    kl, d_loc, d_scale = np.zeros(loc_q.shape[0], loc_q.dtype), np.empty_like(loc_q), np.empty_like(loc_q)
    if loc_q.size:
        shared, loc_p, scale_p = len(loc_p) == 1, for_tiles(loc_p), for_tiles(scale_p)
        if loc_q.dtype.char == "f":
            diagonal_gradient[float](loc_q, scale_q, loc_p, scale_p, shared, is_log, tile_for(loc_q), kl, d_loc, d_scale)
        else:
            diagonal_gradient[double](loc_q, scale_q, loc_p, scale_p, shared, is_log, tile_for(loc_q), kl, d_loc, d_scale)
    return kl, d_loc, d_scale


cdef void diagonal(
    const real[:, ::1] loc_q, const real[:, ::1] scale_q, const real[:, ::1] loc_p, const real[:, ::1] scale_p,
    bint shared, bint is_log, real[::1] terms, real[::1] kl
) noexcept:
    cdef real u[BLOCK]
    cdef real r[BLOCK]
    cdef real precision[BLOCK]
    cdef Py_ssize_t n, p, row, here, start, count, N = loc_q.shape[0], D = loc_q.shape[1], rows = tile_rows(D, TILE)
    with nogil:
        n = 0
        while n < N:
            here = min(rows, N - n)
            p = 0 if shared else n
            start = 0
            while start < here * D:
                count = min(<Py_ssize_t>BLOCK, here * D - start)
                relative(&loc_q[n, 0] + start, &scale_q[n, 0] + start, &loc_p[p, 0] + start, &scale_p[p, 0] + start, count, is_log, u, r, precision)
                kl_terms(<const real*>u, <const real*>r, count, is_log, &terms[0] + start)
                start += count
            for row in range(here):
                kl[n + row] = <real>row_sum(&terms[row * D], D)
            n += here


cdef void diagonal_gradient(
    const real[:, ::1] loc_q, const real[:, ::1] scale_q, const real[:, ::1] loc_p, const real[:, ::1] scale_p,
    bint shared, bint is_log, real[::1] terms, real[::1] kl, real[:, ::1] d_loc, real[:, ::1] d_scale
) noexcept:
    cdef real u[BLOCK]
    cdef real r[BLOCK]
    cdef real precision[BLOCK]
    cdef real* d_u
    cdef real* d_r
    cdef Py_ssize_t i, n, p, row, here, start, count, N = loc_q.shape[0], D = loc_q.shape[1], rows = tile_rows(D, TILE)
    with nogil:
        n = 0
        while n < N:
            here = min(rows, N - n)
            p = 0 if shared else n
            start = 0
            while start < here * D:
                count = min(<Py_ssize_t>BLOCK, here * D - start)
                d_u, d_r = &d_loc[n, 0] + start, &d_scale[n, 0] + start
                relative(&loc_q[n, 0] + start, &scale_q[n, 0] + start, &loc_p[p, 0] + start, &scale_p[p, 0] + start, count, is_log, u, r, precision)
                kl_terms_and_gradient(<const real*>u, <const real*>r, count, is_log, &terms[0] + start, d_r)
                for i in range(count):
                    d_u[i] = u[i] * precision[i]
                if not is_log:
                    for i in range(count):
                        d_r[i] *= precision[i]
                start += count
            for row in range(here):
                kl[n + row] = <real>row_sum(&terms[row * D], D)
            n += here


cdef inline void relative(
    const real* loc_q, const real* scale_q, const real* loc_p, const real* scale_p, Py_ssize_t count, bint is_log,
    real* u, real* r, real* precision
) noexcept nogil:
    """q in the coordinates (z - loc_p) / scale_p, and 1 / scale_p. A loop each: compilers give up on many pointers at once."""
    cdef Py_ssize_t i
    if is_log:
        for i in range(count):
            precision[i] = exp_(-scale_p[i])
        for i in range(count):
            r[i] = scale_q[i] - scale_p[i]
    else:
        for i in range(count):
            precision[i] = 1 / scale_p[i]
        for i in range(count):
            r[i] = scale_q[i] / scale_p[i]
    for i in range(count):
        u[i] = (loc_q[i] - loc_p[i]) * precision[i]


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
    kl, d_loc, d_tril = np.zeros(loc_q.shape[0], loc_q.dtype), np.empty_like(loc_q), np.zeros_like(tril_q)
    if loc_q.size:
        if loc_q.dtype.char == "f":
            full_gradient[float](loc_q, tril_q, loc_p, tril_p, workspace(loc_q), kl, d_loc, d_tril)
        else:
            full_gradient[double](loc_q, tril_q, loc_p, tril_p, workspace(loc_q), kl, d_loc, d_tril)
    return kl, d_loc, d_tril


def full_full_from_covariances(loc_q, cov_q, loc_p, cov_p):
    loc_q, cov_q, loc_p, cov_p = full_arguments(loc_q, cov_q, loc_p, cov_p)
    kl = np.zeros(loc_q.shape[0], loc_q.dtype)
    bad_q, bad_p = np.full(len(cov_q), -1, np.intc), np.full(len(cov_p), -1, np.intc)
    if loc_q.size:
        if loc_q.dtype.char == "f":
            from_covariances[float](loc_q, cov_q, loc_p, cov_p, workspace(loc_q), kl, bad_q, bad_p)
        else:
            from_covariances[double](loc_q, cov_q, loc_p, cov_p, workspace(loc_q), kl, bad_q, bad_p)
    return kl, bad_q, bad_p


def cholesky(cov):
    cov = np.ascontiguousarray(cov)
    check_square("cov", cov)
    tril, bad = np.zeros_like(cov), np.full(cov.shape[0], -1, np.intc)
    if cov.size:
        if cov.dtype.char == "f":
            factors[float](cov, workspace(cov), tril, bad)
        else:
            factors[double](cov, workspace(cov), tril, bad)
    return tril, bad


cdef void full(
    const real[:, ::1] loc_q, const real[:, :, ::1] tril_q, const real[:, ::1] loc_p, const real[:, :, ::1] tril_p,
    double[:, :, ::1] work, real[::1] kl
) noexcept:
    cdef Py_ssize_t n, p, N = loc_q.shape[0], D = loc_q.shape[1], shared = loc_p.shape[0] == 1
    cdef double* upper_p = &work[0, 0, 0]
    cdef double* white = &work[2, 0, 0]
    with nogil:
        for n in range(N):
            p = 0 if shared else n
            if n == 0 or not shared:
                transpose(&tril_p[p, 0, 0], D, upper_p)
            load(&loc_q[n, 0], &tril_q[n, 0, 0], &loc_p[p, 0], D, white)
            whiten(upper_p, D, white)
            kl[n] = <real>kl_from_white(white, D)


cdef void full_gradient(
    const real[:, ::1] loc_q, const real[:, :, ::1] tril_q, const real[:, ::1] loc_p, const real[:, :, ::1] tril_p,
    double[:, :, ::1] work, real[::1] kl, real[:, ::1] d_loc, real[:, :, ::1] d_tril
) noexcept:
    cdef Py_ssize_t n, p, i, j, N = loc_q.shape[0], D = loc_q.shape[1], shared = loc_p.shape[0] == 1
    cdef double* upper_p = &work[0, 0, 0]
    cdef double* white = &work[2, 0, 0]
    with nogil:
        for n in range(N):
            p = 0 if shared else n
            if n == 0 or not shared:
                transpose(&tril_p[p, 0, 0], D, upper_p)
            load(&loc_q[n, 0], &tril_q[n, 0, 0], &loc_p[p, 0], D, white)
            whiten(upper_p, D, white)
            kl[n] = <real>kl_from_white(white, D)
            whiten_transposed(upper_p, D, white)
            for i in range(D):
                d_loc[n, i] = <real>white[i * (D + 1)]
                for j in range(i):
                    d_tril[n, i, j] = <real>white[i * (D + 1) + 1 + j]
                d_tril[n, i, i] = <real>(white[i * (D + 1) + 1 + i] - 1 / <double>tril_q[n, i, i])


cdef void from_covariances(
    const real[:, ::1] loc_q, const real[:, :, ::1] cov_q, const real[:, ::1] loc_p, const real[:, :, ::1] cov_p,
    double[:, :, ::1] work, real[::1] kl, int[::1] bad_q, int[::1] bad_p
) noexcept:
    cdef Py_ssize_t n, p, i, j, N = loc_q.shape[0], D = loc_q.shape[1], shared = loc_p.shape[0] == 1
    cdef double* upper_p = &work[0, 0, 0]
    cdef double* upper_q = &work[1, 0, 0]
    cdef double* white = &work[2, 0, 0]
    with nogil:
        for n in range(N):
            p = 0 if shared else n
            if n == 0 or not shared:
                transpose(&cov_p[p, 0, 0], D, upper_p)
                bad_p[p] = factorise(upper_p, D)
            transpose(&cov_q[n, 0, 0], D, upper_q)
            bad_q[n] = factorise(upper_q, D)
            if bad_q[n] >= 0 or bad_p[p] >= 0:
                kl[n] = <real>NAN
                continue
            for i in range(D):
                white[i * (D + 1)] = <double>loc_q[n, i] - <double>loc_p[p, i]
                for j in range(i + 1):
                    white[i * (D + 1) + 1 + j] = upper_q[j * D + i]
            whiten(upper_p, D, white)
            kl[n] = <real>kl_from_white(white, D)


cdef void factors(const real[:, :, ::1] cov, double[:, :, ::1] work, real[:, :, ::1] tril, int[::1] bad) noexcept:
    cdef Py_ssize_t n, i, j, D = cov.shape[1]
    cdef double* upper = &work[0, 0, 0]
    with nogil:
        for n in range(cov.shape[0]):
            transpose(&cov[n, 0, 0], D, upper)
            bad[n] = factorise(upper, D)
            if bad[n] >= 0:
                for i in range(D):
                    for j in range(D):
                        tril[n, i, j] = <real>NAN
            else:
                for i in range(D):
                    for j in range(i + 1):
                        tril[n, i, j] = <real>upper[j * D + i]


# arguments -----------------------------------------------------------------------------------------------------------

cdef tile_for(array):
    """Room for the terms of a tile."""
    cdef Py_ssize_t D = array.shape[1]
    return np.empty(tile_rows(D, TILE) * D, array.dtype)


cdef for_tiles(array):
    """A shared row, once per row of a tile, so that a tile of p is as flat as a tile of q."""
    return np.repeat(array, tile_rows(array.shape[1], TILE), axis=0) if len(array) == 1 else array


cdef workspace(array):
    """Two triangles and the white matrix, each with room for D rows of D + 1."""
    cdef Py_ssize_t D = array.shape[1]
    return np.empty((3, D, D + 1))


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
    for name, loc, matrix in (("q", loc_q, matrix_q), ("p", loc_p, matrix_p)):
        check_square(f"the matrix of {name}", matrix)
        if matrix.shape[:2] != loc.shape:
            raise ValueError(f"loc_{name} has shape {loc.shape}, but the matrices of {name} have shape {matrix.shape}")
    check_serves(loc_q, loc_p)
    return loc_q, matrix_q, loc_p, matrix_p


cdef check_equal(first_name, first, second_name, second):
    if first.shape != second.shape or first.ndim != 2:
        raise ValueError(f"{first_name} has shape {first.shape} and {second_name} has shape {second.shape}: both must be (N, D)")


cdef check_square(name, matrix):
    if matrix.ndim != 3 or matrix.shape[1] != matrix.shape[2]:
        raise ValueError(f"{name} has shape {matrix.shape}: it must be (N, D, D)")


cdef check_serves(loc_q, loc_p):
    if loc_p.shape[1] != loc_q.shape[1] or loc_p.shape[0] not in (1, loc_q.shape[0]):
        raise ValueError(f"loc_q has shape {loc_q.shape} and loc_p has shape {loc_p.shape}: p must have as many rows as q, or one")
