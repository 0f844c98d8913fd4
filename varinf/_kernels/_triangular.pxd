# cython: language_level=3
# Triangular algebra of one matrix at a time, row by row (D, D) or (D, 1 + D) without gaps, in float64.
from libc.math cimport INFINITY, sqrt

from varinf._kernels._real cimport real
from varinf._kernels._rows cimport vi_log


cdef inline void transpose(const real* lower, Py_ssize_t D, double* upper) noexcept nogil:
    """A lower triangle as the upper one, so that the columns that the inner loops below run along are contiguous."""
    cdef Py_ssize_t i, j
    for i in range(D):
        for j in range(i + 1):
            upper[j * D + i] = lower[i * D + j]


cdef inline int factorise(double* upper, Py_ssize_t D) noexcept nogil:
    """Cholesky in place, S = U'U; -1, or the first pivot that is not a positive finite number."""
    cdef Py_ssize_t i, j, k
    cdef double pivot, root, factor
    for j in range(D):
        pivot = upper[j * D + j]
        if not (pivot > 0 and pivot < INFINITY):
            return <int>j
        root = sqrt(pivot)
        for i in range(j, D):
            upper[j * D + i] /= root
        for i in range(j + 1, D):
            factor = upper[j * D + i]
            for k in range(i, D):
                upper[i * D + k] -= factor * upper[j * D + k]
    return -1


cdef inline void load(const real* loc_q, const real* tril_q, const real* loc_p, Py_ssize_t D, double* white) noexcept nogil:
    """[loc_q - loc_p, Lq], rows of D + 1: row j of a lower triangle is then the prefix of length j + 2."""
    cdef Py_ssize_t i, j
    for i in range(D):
        white[i * (D + 1)] = <double>loc_q[i] - <double>loc_p[i]
        for j in range(i + 1):
            white[i * (D + 1) + 1 + j] = tril_q[i * D + j]


cdef inline void whiten(const double* upper, Py_ssize_t D, double* white) noexcept nogil:
    """white <- L^-1 white by forward substitution, L = upper'."""
    cdef Py_ssize_t i, j, k, W = D + 1
    cdef double factor
    for j in range(D):
        for k in range(j + 2):
            white[j * W + k] /= upper[j * D + j]
        for i in range(j + 1, D):
            factor = upper[j * D + i]
            for k in range(j + 2):
                white[i * W + k] -= factor * white[j * W + k]


cdef inline void whiten_transposed(const double* upper, Py_ssize_t D, double* white) noexcept nogil:
    """white <- L'^-1 white by back substitution, where only the lower triangle of the answer is wanted."""
    cdef Py_ssize_t i, j, k, W = D + 1
    cdef double factor
    for j in range(D - 1, -1, -1):
        for k in range(j + 2):
            white[j * W + k] /= upper[j * D + j]
        for i in range(j):
            factor = upper[i * D + j]
            for k in range(i + 2):
                white[i * W + k] -= factor * white[j * W + k]


cdef inline double kl_from_white(const double* white, Py_ssize_t D) noexcept nogil:
    cdef Py_ssize_t i, j
    cdef double total = 0, below, u, r
    cdef const double* row
    for i in range(D):
        row = white + i * (D + 1)
        u, r = row[0], row[1 + i]
        below = 0
        for j in range(i):
            below += row[1 + j] * row[1 + j]
        total += (u * u + (r - 1) * (r + 1) + below) / 2 - vi_log(r)
    return total
