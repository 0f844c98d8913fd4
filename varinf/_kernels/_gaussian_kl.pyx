# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True, initializedcheck=False
"""Compiled twin of gaussian_kl.py, which holds the contract."""
import numpy as np
from numpy import ascontiguousarray, empty

from cpython.buffer cimport PyBUF_C_CONTIGUOUS, PyBUF_FORMAT, PyBUF_WRITABLE, PyBuffer_Release, PyObject_GetBuffer
from varinf._kernels._diagonal_kl cimport TILE, gradients, values
from varinf._kernels._full_kl cimport factors, from_covariances, full, full_gradient, workspace_size
from varinf._kernels._real cimport real
from varinf._kernels._rows cimport tile_rows
from varinf._kernels._triangular cimport flaws


# diagonal normals ----------------------------------------------------------------------------------------------------

cdef struct Matrix:     # an array (rows, columns) in C order
    const void* start
    Py_ssize_t rows, columns
    char kind           # f or d

cdef Matrix NOTHING     # in the place of a standard p: NULL, no rows


def diagonal_standard(loc, scale, int log_power):
    cdef Matrix u, r
    loc, scale = matrix("loc", loc, &u), matrix("scale", scale, &r)
    check_equal("loc", &u, "scale", &r)
    return diagonal(&u, &r, &NOTHING, &NOTHING, log_power, loc.dtype)


def diagonal_diagonal(loc_q, scale_q, loc_p, scale_p, int log_power):
    cdef Matrix u, r, m, s
    loc_q, scale_q = matrix("loc_q", loc_q, &u), matrix("scale_q", scale_q, &r)
    loc_p, scale_p = matrix("loc_p", loc_p, &m), matrix("scale_p", scale_p, &s)
    check_pair(&u, &r, &m, &s)
    return diagonal(&u, &r, &m, &s, log_power, loc_q.dtype)


cdef diagonal(const Matrix* u, const Matrix* r, const Matrix* m, const Matrix* s, int log_power, dtype):
    cdef Py_ssize_t stride = u.columns if m.rows > 1 else 0
    kl = empty(u.rows, dtype)
    cdef void* out = start(kl)
    with nogil:
        if u.kind == b"f":
            values(<const float*>u.start, <const float*>r.start, <const float*>m.start, <const float*>s.start,
                   u.rows, u.columns, stride, log_power, <float*>out)
        else:
            values(<const double*>u.start, <const double*>r.start, <const double*>m.start, <const double*>s.start,
                   u.rows, u.columns, stride, log_power, <double*>out)
    return kl


# ... and their gradients ---------------------------------------------------------------------------------------------

def diagonal_standard_gradient(loc, scale, int log_power):
    cdef Matrix u, r
    loc, scale = matrix("loc", loc, &u), matrix("scale", scale, &r)
    check_equal("loc", &u, "scale", &r)
    d_loc, d_scale = loc.copy(), np.empty_like(scale)
    return gradient(&u, &r, &NOTHING, &NOTHING, log_power, d_loc, d_scale), d_loc, d_scale


def diagonal_diagonal_gradient(loc_q, scale_q, loc_p, scale_p, int log_power):
    cdef Matrix u, r, m, s
    loc_q, scale_q = matrix("loc_q", loc_q, &u), matrix("scale_q", scale_q, &r)
    loc_p, scale_p = matrix("loc_p", loc_p, &m), matrix("scale_p", scale_p, &s)
    check_pair(&u, &r, &m, &s)
    d_loc, d_scale = np.empty_like(loc_q), np.empty_like(scale_q)
    return gradient(&u, &r, &m, &s, log_power, d_loc, d_scale), d_loc, d_scale


cdef gradient(const Matrix* u, const Matrix* r, const Matrix* m, const Matrix* s, int log_power, d_loc, d_scale):
    """KL, and its gradient to d_loc, which a standard p leaves alone, and d_scale."""
    cdef Py_ssize_t stride = u.columns if m.rows > 1 else 0
    kl = np.zeros(u.rows, d_scale.dtype)
    if not u.rows or not u.columns:
        return kl
    terms = empty(tile_rows(u.columns, TILE) * u.columns, d_scale.dtype)
    cdef void* room = start(terms)
    cdef void* out = start(kl)
    cdef void* d_m = start(d_loc)
    cdef void* d_s = start(d_scale)
    with nogil:
        if u.kind == b"f":
            gradients(<const float*>u.start, <const float*>r.start, <const float*>m.start, <const float*>s.start,
                      u.rows, u.columns, stride, log_power, <float*>room, <float*>out, <float*>d_m, <float*>d_s)
        else:
            gradients(<const double*>u.start, <const double*>r.start, <const double*>m.start, <const double*>s.start,
                      u.rows, u.columns, stride, log_power, <double*>room, <double*>out, <double*>d_m, <double*>d_s)
    return kl


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

cdef workspace(array):
    return np.empty(workspace_size(array.shape[1]))


cdef none_of(cov):
    """The pivot, or the row, of each matrix: -1."""
    bad = np.empty(cov.shape[0], np.intc)
    bad.fill(-1)
    return bad


cdef matrix(name, x, Matrix* found):
    """x in C order, and where it lies while it is kept. Of a call on few rows memoryviews would be most of the time."""
    cdef Py_buffer buffer
    x = ascontiguousarray(x)
    PyObject_GetBuffer(x, &buffer, PyBUF_C_CONTIGUOUS | PyBUF_FORMAT)
    found.start, found.kind = buffer.buf, buffer.format[0]
    cdef bint good = buffer.ndim == 2 and found.kind in b"fd"
    if good:
        found.rows, found.columns = buffer.shape[0], buffer.shape[1]
    PyBuffer_Release(&buffer)
    if not good:
        raise ValueError(f"{name} has shape {x.shape} and dtype {x.dtype}: (N, D) of floats or doubles is needed")
    return x


cdef void* start(x) except? NULL:
    """Of an array that is ours, in C order, where its values begin."""
    cdef Py_buffer buffer
    PyObject_GetBuffer(x, &buffer, PyBUF_C_CONTIGUOUS | PyBUF_WRITABLE)
    cdef void* begin = buffer.buf
    PyBuffer_Release(&buffer)
    return begin


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


cdef check_equal(first_name, const Matrix* a, second_name, const Matrix* b):
    if a.rows != b.rows or a.columns != b.columns:
        raise ValueError(
            f"{first_name} has shape {shape(a)} and {second_name} has shape {shape(b)}: both must be (N, D)")
    if a.kind != b.kind:
        raise ValueError(f"dtype mismatch: one of {first_name} and {second_name} holds floats, the other doubles")


cdef check_pair(const Matrix* loc_q, const Matrix* scale_q, const Matrix* loc_p, const Matrix* scale_p):
    check_equal("loc_q", loc_q, "scale_q", scale_q)
    check_equal("loc_p", loc_p, "scale_p", scale_p)
    if loc_p.columns != loc_q.columns or loc_p.rows not in (1, loc_q.rows):
        refuse_rows(shape(loc_q), shape(loc_p))
    if loc_p.kind != loc_q.kind:
        raise ValueError("dtype mismatch: one of q and p holds floats, the other doubles")


cdef shape(const Matrix* x):
    return x.rows, x.columns


cdef check_square(name, matrix):
    if matrix.ndim != 3 or matrix.shape[1] != matrix.shape[2]:
        raise ValueError(f"{name} has shape {matrix.shape}: it must be (N, D, D)")


cdef check_serves(loc_q, loc_p):
    if loc_p.shape[1] != loc_q.shape[1] or loc_p.shape[0] not in (1, loc_q.shape[0]):
        refuse_rows(loc_q.shape, loc_p.shape)


cdef refuse_rows(shape_q, shape_p):
    raise ValueError(f"loc_q has shape {shape_q} and loc_p has shape {shape_p}: p must have as many rows as q, or one")
