# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True, initializedcheck=False
# Triangular algebra of one matrix at a time, row by row (D, D) or (D, 1 + D) without gaps, in float64.
from libc.math cimport INFINITY, NAN, fabs, sqrt

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


# batches -------------------------------------------------------------------------------------------------------------

cdef inline void full_of_singles(
    const real[:, ::1] loc_q, const real[:, :, ::1] tril_q, const real[:, ::1] loc_p, const real[:, :, ::1] tril_p,
    double* memory, real[::1] kl, real* d_loc, real* d_tril
) noexcept nogil:
    """With the gradient, unless d_loc and d_tril are NULL."""
    cdef Py_ssize_t n, p, i, j, N = loc_q.shape[0], D = loc_q.shape[1], shared = loc_p.shape[0] == 1
    cdef double* upper_p = memory
    cdef double* white = memory + D * D
    for n in range(N):
        p = 0 if shared else n
        if n == 0 or not shared:
            transpose(&tril_p[p, 0, 0], D, upper_p)
        load(&loc_q[n, 0], &tril_q[n, 0, 0], &loc_p[p, 0], D, white)
        whiten(upper_p, D, white)
        kl[n] = <real>kl_from_white(white, D)
        if d_loc == NULL:
            continue
        whiten_transposed(upper_p, D, white)
        for i in range(D):
            d_loc[n * D + i] = <real>white[i * (D + 1)]
            for j in range(i):
                d_tril[(n * D + i) * D + j] = <real>white[i * (D + 1) + 1 + j]
            d_tril[(n * D + i) * D + i] = <real>(white[i * (D + 1) + 1 + i] - 1 / <double>tril_q[n, i, i])


cdef inline int first_row_in_doubt(const real* cov, Py_ssize_t D, double slack) noexcept nogil:
    """-1, or the first with a value that is not finite or differs by more than rounding from that of its column."""
    cdef Py_ssize_t i, j
    cdef double bound, left, right
    for i in range(D):
        bound = slack * sqrt(fabs(<double>cov[i * D + i]))
        for j in range(i, D):
            left, right = cov[i * D + j], cov[j * D + i]
            if not (fabs(left) < INFINITY and fabs(left - right) <= bound * sqrt(fabs(<double>cov[j * D + j]))):
                return <int>i
    return -1


cdef inline void from_covariances_of_singles(
    const real[:, ::1] loc_q, const real[:, :, ::1] cov_q, const real[:, ::1] loc_p, const real[:, :, ::1] cov_p,
    double slack, double* memory, real[::1] kl
) noexcept nogil:
    cdef Py_ssize_t n, p, i, j, N = loc_q.shape[0], D = loc_q.shape[1], shared = loc_p.shape[0] == 1
    cdef bint p_is_none
    cdef double* upper_p = memory
    cdef double* upper_q = memory + D * D
    cdef double* white = memory + 2 * D * D
    for n in range(N):
        p = 0 if shared else n
        if n == 0 or not shared:
            transpose(&cov_p[p, 0, 0], D, upper_p)
            p_is_none = first_row_in_doubt(&cov_p[p, 0, 0], D, slack) >= 0 or factorise(upper_p, D) >= 0
        transpose(&cov_q[n, 0, 0], D, upper_q)
        if p_is_none or first_row_in_doubt(&cov_q[n, 0, 0], D, slack) >= 0 or factorise(upper_q, D) >= 0:
            kl[n] = <real>NAN
            continue
        for i in range(D):
            white[i * (D + 1)] = <double>loc_q[n, i] - <double>loc_p[p, i]
            for j in range(i + 1):
                white[i * (D + 1) + 1 + j] = upper_q[j * D + i]
        whiten(upper_p, D, white)
        kl[n] = <real>kl_from_white(white, D)


cdef inline void factors_of_singles(
    const real[:, :, ::1] cov, double slack, double* memory, real[:, :, ::1] tril, int[::1] bad, int[::1] rows
) noexcept nogil:
    cdef Py_ssize_t n, i, j, D = cov.shape[1]
    for n in range(cov.shape[0]):
        rows[n] = first_row_in_doubt(&cov[n, 0, 0], D, slack)
        transpose(&cov[n, 0, 0], D, memory)
        bad[n] = factorise(memory, D)
        for i in range(D):
            for j in range(D):
                tril[n, i, j] = <real>NAN if bad[n] >= 0 else <real>memory[j * D + i] if j <= i else 0


cdef inline int first_flawed_row(const real* tril, Py_ssize_t D) noexcept nogil:
    """-1, or the first with a value that is not finite, one behind the diagonal, or none that is positive on it."""
    cdef Py_ssize_t i, j
    for i in range(D):
        for j in range(i):
            if not fabs(tril[i * D + j]) < INFINITY:
                return <int>i
        if not (tril[i * D + i] > 0 and tril[i * D + i] < INFINITY):
            return <int>i
        for j in range(i + 1, D):
            if tril[i * D + j] != 0:
                return <int>i
    return -1


cdef inline void flaws(const real[:, :, ::1] tril, int[::1] rows) noexcept:
    cdef Py_ssize_t n
    with nogil:
        for n in range(tril.shape[0]):
            rows[n] = first_flawed_row(&tril[n, 0, 0], tril.shape[1])
