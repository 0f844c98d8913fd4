# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True, initializedcheck=False
"""Compiled twin of gaussian_kl.py, which holds the contract."""
import numpy as np

from libc.math cimport INFINITY

from varinf._kernels._full_kl cimport factors, from_covariances, full, full_gradient, workspace_bytes
from varinf._kernels._real cimport real
from varinf._kernels._rows cimport BLOCK, exp_, log_, tile_rows, vi_log

cdef extern from "_simd.h" nogil:
    double vi_exp_normal(double x)
    float vi_exp_normalf(float x)

cdef extern from "_kl_rows.h" nogil:
    enum: VI_ROWS   # rows that are reduced together
    void vi_standard(const double* u, const double* r, const double* m, const double* s, int rows, Py_ssize_t count, Py_ssize_t room, Py_ssize_t stride, Py_ssize_t room_p, double* kl)
    void vi_standardf(const float* u, const float* r, const float* m, const float* s, int rows, Py_ssize_t count, Py_ssize_t room, Py_ssize_t stride, Py_ssize_t room_p, double* kl)
    void vi_paired(const double* u, const double* r, const double* m, const double* s, int rows, Py_ssize_t count, Py_ssize_t room, Py_ssize_t stride, Py_ssize_t room_p, double* kl)
    void vi_pairedf(const float* u, const float* r, const float* m, const float* s, int rows, Py_ssize_t count, Py_ssize_t room, Py_ssize_t stride, Py_ssize_t room_p, double* kl)
    void vi_row_sums(const double* x, int rows, Py_ssize_t count, Py_ssize_t room, double* out)
    void vi_row_sumsf(const float* x, int rows, Py_ssize_t count, Py_ssize_t room, double* out)

cdef enum:
    TILE = 1024     # values: a tile and its terms stay in L1


cdef inline real exp_normal(real x) noexcept nogil:
    if real is float:
        return vi_exp_normalf(x)
    else:
        return vi_exp_normal(x)


cdef inline void add_rows(const real* terms, Py_ssize_t rows, Py_ssize_t D, double factor, real* kl) noexcept nogil:
    """kl[i] = factor * sum of row i of the terms."""
    cdef double[VI_ROWS] sums
    cdef Py_ssize_t i = 0, j, here
    while i < rows:
        here = min(<Py_ssize_t>VI_ROWS, rows - i)
        if real is float:
            vi_row_sumsf(terms + i * D, <int>here, D, (rows - i) * D, sums)
        else:
            vi_row_sums(terms + i * D, <int>here, D, (rows - i) * D, sums)
        for j in range(here):
            kl[i + j] = <real>(factor * sums[j])
        i += here


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


cdef diagonal(const real[:, ::1] loc, const real[:, ::1] scale, const real[:, ::1] loc_p, const real[:, ::1] scale_p, int log_power, real[::1] kl):
    """To a p of as many rows, to one row that serves all (a stride of 0), or to the standard normal (None)."""
    cdef bint paired = loc_p is not None
    cdef Py_ssize_t N = loc.shape[0], D = loc.shape[1], stride = D if paired and loc_p.shape[0] > 1 else 0
    cdef const real* m = &loc_p[0, 0] if paired else NULL
    cdef const real* s = &scale_p[0, 0] if paired else NULL
    cdef real[::1] terms
    if log_power:
        terms = np.empty(2 * tile_rows(D, TILE) * D, np.asarray(kl).dtype)     # and, beside them, precisions
        with nogil:
            by_logarithms(&loc[0, 0], &scale[0, 0], m, s, N, D, stride, <real>2 / log_power, &terms[0], &kl[0])
    else:
        with nogil:
            by_scales(&loc[0, 0], &scale[0, 0], m, s, N, D, stride, &kl[0])


cdef void by_scales(const real* u, const real* r, const real* m, const real* s, Py_ssize_t N, Py_ssize_t D, Py_ssize_t stride, real* kl) noexcept nogil:
    cdef double[VI_ROWS] rows
    cdef Py_ssize_t n = 0, i, here
    cdef const real* m_here = m
    cdef const real* s_here = s
    while n < N:
        here = min(<Py_ssize_t>VI_ROWS, N - n)
        if m != NULL:
            m_here, s_here = m + n * stride, s + n * stride
        if real is float:
            (vi_standardf if m == NULL else vi_pairedf)(u + n * D, r + n * D, m_here, s_here, <int>here, D, (N - n) * D, stride, (N - n) * D if stride else D, rows)
        else:
            (vi_standard if m == NULL else vi_paired)(u + n * D, r + n * D, m_here, s_here, <int>here, D, (N - n) * D, stride, (N - n) * D if stride else D, rows)
        for i in range(here):
            if not rows[i] < INFINITY:  # nan too: beyond the range of products, or not a number at all
                rows[i] = feature_by_feature(u + (n + i) * D, r + (n + i) * D, m_here, s_here, i * stride, D)
            kl[n + i] = <real>rows[i]
        n += here


cdef double feature_by_feature(const real* u, const real* r, const real* m, const real* s, Py_ssize_t offset, Py_ssize_t D) noexcept nogil:
    """The formula as it is written: q in the coordinates (z - m) / s, in double."""
    cdef double total = 0, x, y
    cdef Py_ssize_t d
    for d in range(D):
        x, y = u[d], r[d]
        if m != NULL:
            x, y = (x - m[offset + d]) / s[offset + d], y / s[offset + d]
        total += (x * x + (y - 1) * (y + 1)) / 2 - vi_log(y)
    return total


cdef void by_logarithms(const real* loc, const real* log_scale, const real* m, const real* s, Py_ssize_t N, Py_ssize_t D, Py_ssize_t stride, real f, real* terms, real* kl) noexcept nogil:
    """Twice the KL is the sum of (loc - m)^2 exp(-b) + exp(a - b) - 1 - (a - b), a and b the log variances: f log_scale, f s."""
    cdef Py_ssize_t n = 0, row, here, rows = tile_rows(D, TILE)
    while n < N:
        here = min(rows, N - n)
        if m == NULL:
            log_terms(loc + n * D, log_scale + n * D, here * D, f, terms)
        elif stride:
            log_terms_paired(loc + n * D, log_scale + n * D, m + n * D, s + n * D, here * D, f, terms, terms + rows * D)
        else:
            for row in range(here):
                log_terms_paired(loc + (n + row) * D, log_scale + (n + row) * D, m, s, D, f, terms + row * D, terms + rows * D)
        add_rows(<const real*>terms, here, D, 0.5, kl + n)
        n += here


# Exponentials stand in loops of their own: were what follows them in the same loop, a compiler could contract it with the
# last product of exp in the vector loop, but not in the scalar one that ends it, and the bits would tell their place.

cdef inline void log_terms(const real* loc, const real* log_scale, Py_ssize_t count, real f, real* terms) noexcept nogil:
    cdef Py_ssize_t i
    for i in range(count):
        terms[i] = exp_normal(f * log_scale[i])
    for i in range(count):
        terms[i] = (terms[i] - 1) - f * log_scale[i] + loc[i] * loc[i]


cdef inline void log_terms_paired(
    const real* loc, const real* log_scale, const real* m, const real* s, Py_ssize_t count, real f, real* terms, real* precision
) noexcept nogil:
    cdef Py_ssize_t i
    for i in range(count):
        precision[i] = exp_normal(-f * s[i])
    for i in range(count):
        terms[i] = exp_normal(f * (log_scale[i] - s[i]))
    for i in range(count):
        terms[i] = (terms[i] - 1) - f * (log_scale[i] - s[i]) + (loc[i] - m[i]) * (loc[i] - m[i]) * precision[i]


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


cdef void gradient(
    const real[:, ::1] loc, const real[:, ::1] scale, const real[:, ::1] loc_p, const real[:, ::1] scale_p,
    int log_power, real[::1] terms, real[::1] kl, real[:, ::1] d_loc, real[:, ::1] d_scale
) noexcept:
    cdef bint paired = loc_p is not None
    cdef Py_ssize_t n = 0, row, here, N = loc.shape[0], D = loc.shape[1], rows = tile_rows(D, TILE), stride = D if paired and loc_p.shape[0] > 1 else 0
    cdef real f = <real>2 / log_power if log_power else 0
    cdef const real* m = &loc_p[0, 0] if paired else NULL
    cdef const real* s = &scale_p[0, 0] if paired else NULL
    with nogil:
        while n < N:
            here = min(rows, N - n)
            if m == NULL:
                standard_slopes(&loc[n, 0], &scale[n, 0], here * D, f, &terms[0], &d_scale[n, 0])
            else:
                for row in range(here):
                    paired_slopes(&loc[n + row, 0], &scale[n + row, 0], m + (n + row) * stride, s + (n + row) * stride, D, f, &terms[row * D], &d_loc[n + row, 0], &d_scale[n + row, 0])
            add_rows(<const real*>&terms[0], here, D, 1, &kl[n])
            n += here


cdef inline void standard_slopes(const real* u, const real* r, Py_ssize_t count, real f, real* terms, real* d_r) noexcept nogil:
    """Terms of the KL and their derivatives in r, or in its logarithm, which f turns into log variance; in u it is u."""
    cdef Py_ssize_t i
    if f == 0:
        for i in range(count):
            d_r[i] = r[i] - 1 / r[i]
        for i in range(count):
            terms[i] = (u[i] * u[i] + (r[i] - 1) * (r[i] + 1)) / 2 - log_(r[i])
    else:
        for i in range(count):
            d_r[i] = (exp_normal(f * r[i]) - 1) / 2
        for i in range(count):
            terms[i] = u[i] * u[i] / 2 + d_r[i] - f * r[i] / 2
        for i in range(count):
            d_r[i] *= f


cdef inline void paired_slopes(
    const real* loc, const real* scale, const real* m, const real* s, Py_ssize_t count, real f, real* terms, real* d_loc, real* d_scale
) noexcept nogil:
    """In blocks: q in the coordinates (z - m) / s, then as above. A loop each: compilers give up on many pointers at once."""
    cdef real[BLOCK] u
    cdef real[BLOCK] r
    cdef real[BLOCK] precision
    cdef Py_ssize_t i, size, start = 0
    while start < count:
        size = min(<Py_ssize_t>BLOCK, count - start)
        if f == 0:
            for i in range(size):
                precision[i] = 1 / s[start + i]
            for i in range(size):
                r[i] = scale[start + i] / s[start + i]
        else:
            for i in range(size):
                precision[i] = exp_(-f / 2 * s[start + i])
            for i in range(size):
                r[i] = scale[start + i] - s[start + i]
        for i in range(size):
            u[i] = (loc[start + i] - m[start + i]) * precision[i]
        standard_slopes(<const real*>u, <const real*>r, size, f, terms + start, d_scale + start)
        for i in range(size):
            d_loc[start + i] = u[i] * precision[i]
        if f == 0:
            for i in range(size):
                d_scale[start + i] *= precision[i]
        start += size


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


def full_full_from_covariances(loc_q, cov_q, loc_p, cov_p):
    loc_q, cov_q, loc_p, cov_p = full_arguments(loc_q, cov_q, loc_p, cov_p)
    kl = np.zeros(loc_q.shape[0], loc_q.dtype)
    bad_q, bad_p = no_pivots(cov_q), no_pivots(cov_p)
    if loc_q.size:
        if loc_q.dtype.char == "f":
            from_covariances[float](loc_q, cov_q, loc_p, cov_p, workspace(loc_q), kl, bad_q, bad_p)
        else:
            from_covariances[double](loc_q, cov_q, loc_p, cov_p, workspace(loc_q), kl, bad_q, bad_p)
    return kl, bad_q, bad_p


def cholesky(cov):
    cov = np.ascontiguousarray(cov)
    check_square("cov", cov)
    tril, bad = np.zeros(cov.shape, cov.dtype), no_pivots(cov)
    if cov.size:
        if cov.dtype.char == "f":
            factors[float](cov, workspace(cov), tril, bad)
        else:
            factors[double](cov, workspace(cov), tril, bad)
    return tril, bad


# arguments -----------------------------------------------------------------------------------------------------------

cdef tile_for(array):
    """Room for the terms of a tile."""
    cdef Py_ssize_t D = array.shape[1]
    return np.empty(tile_rows(D, TILE) * D, array.dtype)


cdef workspace(array):
    return np.empty(workspace_bytes(array.shape[1]), np.int8)


cdef no_pivots(cov):
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
