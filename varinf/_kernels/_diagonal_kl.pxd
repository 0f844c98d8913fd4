# cython: language_level=3
# KL of diagonal normals, and its gradients: the loops behind _gaussian_kl.pyx.
#
# p has as many rows as q (its stride is D), one row that serves all (0), or is the standard normal (NULL).
from libc.math cimport INFINITY

from varinf._kernels._real cimport real
from varinf._kernels._rows cimport BLOCK, exp_, log_, tile_rows, vi_exp, vi_log

cdef extern from "_simd.h" nogil:
    double vi_exp_normal(double x)
    float vi_exp_normalf(float x)

cdef extern from "_kl_rows.h" nogil:
    enum: VI_ROWS   # rows that are reduced together
    void vi_standard(
        const double* u, const double* r, const double* m, const double* s,
        int rows, Py_ssize_t count, Py_ssize_t room, Py_ssize_t stride, Py_ssize_t room_p,
        double* halves, double* products)
    void vi_paired(
        const double* u, const double* r, const double* m, const double* s,
        int rows, Py_ssize_t count, Py_ssize_t room, Py_ssize_t stride, Py_ssize_t room_p,
        double* halves, double* products)
    void vi_standardf(
        const float* u, const float* r, const float* m, const float* s,
        int rows, Py_ssize_t count, Py_ssize_t room, Py_ssize_t stride, Py_ssize_t room_p,
        double* halves, double* products)
    void vi_pairedf(
        const float* u, const float* r, const float* m, const float* s,
        int rows, Py_ssize_t count, Py_ssize_t room, Py_ssize_t stride, Py_ssize_t room_p,
        double* halves, double* products)
    void vi_standard_log(
        const double* u, const double* r, const double* m, const double* s, double f,
        int rows, Py_ssize_t count, Py_ssize_t room, Py_ssize_t stride, Py_ssize_t room_p, double* kl)
    void vi_paired_log(
        const double* u, const double* r, const double* m, const double* s, double f,
        int rows, Py_ssize_t count, Py_ssize_t room, Py_ssize_t stride, Py_ssize_t room_p, double* kl)
    void vi_standard_logf(
        const float* u, const float* r, const float* m, const float* s, float f,
        int rows, Py_ssize_t count, Py_ssize_t room, Py_ssize_t stride, Py_ssize_t room_p, double* kl)
    void vi_paired_logf(
        const float* u, const float* r, const float* m, const float* s, float f,
        int rows, Py_ssize_t count, Py_ssize_t room, Py_ssize_t stride, Py_ssize_t room_p, double* kl)
    void vi_row_sums(const double* x, int rows, Py_ssize_t count, Py_ssize_t room, double* out)
    void vi_row_sumsf(const float* x, int rows, Py_ssize_t count, Py_ssize_t room, double* out)

cdef enum:
    TILE = 1024     # values: a tile and its terms stay in L1
    TOGETHER = 64   # rows whose logarithms are taken in one loop: of a few at a time they are waited for (12% slower)


# values --------------------------------------------------------------------------------------------------------------

cdef inline void values(
    const real* loc, const real* scale, const real* m, const real* s, Py_ssize_t N, Py_ssize_t D, Py_ssize_t stride,
    int log_power, real* kl
) noexcept nogil:
    """Rows that leave the range of what is quick go feature by feature."""
    cdef double[TOGETHER] found, products
    cdef Py_ssize_t n = 0, i, here
    cdef real f = <real>(2.0 / log_power) if log_power else 0   # log variances are f times what is given
    while n < N:
        here = min(<Py_ssize_t>TOGETHER, N - n)
        i = 0
        while i < here:
            some_rows(
                loc + (n + i) * D, scale + (n + i) * D, m, s, N - n - i, D, (n + i) * stride, stride, f,
                found + i, products + i)
            i += VI_ROWS
        if not log_power:
            for i in range(here):
                found[i] -= vi_log(products[i])
        for i in range(here):
            if not found[i] < INFINITY:  # nan too
                found[i] = feature_by_feature(
                    loc + (n + i) * D, scale + (n + i) * D, m, s, (n + i) * stride, D, f)
            kl[n + i] = <real>found[i]
        n += here


cdef inline void some_rows(
    const real* u, const real* r, const real* m, const real* s, Py_ssize_t left, Py_ssize_t D, Py_ssize_t offset,
    Py_ssize_t stride, real f, double* found, double* products
) noexcept nogil:
    """KL of VI_ROWS rows of the `left` ones; of scales all but the logarithm of their products."""
    cdef int here = <int>min(<Py_ssize_t>VI_ROWS, left)
    cdef Py_ssize_t room = left * D, room_p = room if stride else D
    if m != NULL:
        m, s = m + offset, s + offset
    if real is float:
        if f != 0:
            (vi_standard_logf if m == NULL else vi_paired_logf)(u, r, m, s, f, here, D, room, stride, room_p, found)
        else:
            (vi_standardf if m == NULL else vi_pairedf)(u, r, m, s, here, D, room, stride, room_p, found, products)
    else:
        if f != 0:
            (vi_standard_log if m == NULL else vi_paired_log)(u, r, m, s, f, here, D, room, stride, room_p, found)
        else:
            (vi_standard if m == NULL else vi_paired)(u, r, m, s, here, D, room, stride, room_p, found, products)


cdef inline double feature_by_feature(
    const real* u, const real* r, const real* m, const real* s, Py_ssize_t offset, Py_ssize_t D, double f
) noexcept nogil:
    """The formula as it is written, in double: q in the coordinates (z - m) / s."""
    cdef double total = 0, x, y, log_y
    cdef Py_ssize_t d
    for d in range(D):
        x = u[d] if m == NULL else <double>u[d] - m[offset + d]
        if f == 0:
            y = r[d]
            if m != NULL:
                x, y = x / s[offset + d], y / s[offset + d]
            total += (x * x + (y - 1) * (y + 1)) / 2 - vi_log(y)
        else:
            log_y = f / 2 * r[d]
            if m != NULL:
                x, log_y = x * vi_exp(-f / 2 * s[offset + d]), log_y - f / 2 * s[offset + d]
            total += (x * x + vi_exp(2 * log_y) - 1) / 2 - log_y
    return total


# gradients -----------------------------------------------------------------------------------------------------------

cdef inline real exp_normal(real x) noexcept nogil:
    if real is float:
        return vi_exp_normalf(x)
    else:
        return vi_exp_normal(x)


cdef inline void sum_rows(const real* terms, Py_ssize_t rows, Py_ssize_t D, real* kl) noexcept nogil:
    cdef double[VI_ROWS] sums
    cdef Py_ssize_t i = 0, j, here
    while i < rows:
        here = min(<Py_ssize_t>VI_ROWS, rows - i)
        if real is float:
            vi_row_sumsf(terms + i * D, <int>here, D, (rows - i) * D, sums)
        else:
            vi_row_sums(terms + i * D, <int>here, D, (rows - i) * D, sums)
        for j in range(here):
            kl[i + j] = <real>sums[j]
        i += here


cdef inline void gradients(
    const real* loc, const real* scale, const real* m, const real* s, Py_ssize_t N, Py_ssize_t D, Py_ssize_t stride,
    int log_power, real* terms, real* kl, real* d_loc, real* d_scale
) noexcept nogil:
    """d_loc is not touched where p is standard: there it is loc itself. `terms` has room for a tile."""
    cdef Py_ssize_t n = 0, row, here, rows = tile_rows(D, TILE)
    cdef real f = <real>(2.0 / log_power) if log_power else 0
    while n < N:
        here = min(rows, N - n)
        if m == NULL:
            standard_slopes(loc + n * D, scale + n * D, here * D, f, terms, d_scale + n * D)
        else:
            for row in range(n, n + here):
                paired_slopes(
                    loc + row * D, scale + row * D, m + row * stride, s + row * stride, D, f,
                    terms + (row - n) * D, d_loc + row * D, d_scale + row * D)
        sum_rows(<const real*>terms, here, D, kl + n)
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
