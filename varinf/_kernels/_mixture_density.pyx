# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True, initializedcheck=False
"""The log density of a uniform mixture of diagonal normals. Contract in mixture_density.py.

Components go in blocks of 64, transposed, so that lanes run over components and no sum crosses lanes but the last.
A block's mean is taken off its locations and off z, so that products with the precisions stay small; see pack.
Logarithms are in base 2 inside, precisions times sqrt(log2(e) / 2): a term is then 2^-(log volume + sum of squares).
Each row of z carries the sum of its terms over 2^top, by lanes; the top follows the largest term if that is far above.
"""

from libc.float cimport DBL_MAX, FLT_MAX
from libc.math cimport INFINITY, M_PI, exp2, fabs, log, sqrt
from libc.stdint cimport uintptr_t

import numpy as np

from varinf._kernels._real cimport real

cdef extern from "_simd.h" nogil:
    double vi_log(double x)

cdef extern from "_mixture_terms.h" nogil:
    double VI_PRODUCTS_TO
    void vi_squares(const double** z, const double* centre, const double* precision, Py_ssize_t count,
                    const double* start, double* sum)
    void vi_squaresf(const float** z, const float* centre, const float* precision, Py_ssize_t count,
                     const float* start, float* sum)
    void vi_squares_of_products(const double** z, const double* centre, const double* precision, Py_ssize_t count,
                                const double* start, double* sum)
    void vi_squares_of_productsf(const float** z, const float* centre, const float* precision, Py_ssize_t count,
                                 const float* start, float* sum)
    bint vi_any_above(const double* sum, const double* top, double slack, Py_ssize_t rows)
    bint vi_any_abovef(const float* sum, const double* top, float slack, Py_ssize_t rows)
    void vi_add_terms(const double* sum, double top, double* mass)
    void vi_add_termsf(const float* sum, double top, double* mass)

cdef enum:
    BLOCK = 64      # components
    ROWS = 4        # of z at once
    LANES = 16
    SLACK = 32      # binary orders by which a term may be above the top

cdef double LN2 = 0.69314718055994530942


cdef bint pack(const real[:, ::1] loc, const real[:, ::1] scale, Py_ssize_t first,
               real* centre, real* precision, real* log_volume, real* shift) noexcept nogil:
    """A block transposed to (D, 64): locations, precisions, and sum_d log2 scale; filled up with infinite volumes.

    True if instead of locations it holds their products with the precisions, after the shift, their mean, was taken off.
    """
    cdef Py_ssize_t N = loc.shape[0], D = loc.shape[1], count = min(BLOCK, N - first), j, d
    cdef double[BLOCK] width, volume
    cdef double unit = sqrt(0.5 / LN2), mean, product
    cdef bint near = True
    for j in range(BLOCK):
        volume[j] = 0 if j < count else INFINITY
    for d in range(D):
        mean = 0
        for j in range(count):
            centre[d * BLOCK + j] = loc[first + j, d]
            width[j] = scale[first + j, d]
            mean += centre[d * BLOCK + j]
        shift[d] = <real>(mean / count)
        for j in range(count, BLOCK):
            centre[d * BLOCK + j] = shift[d]
            width[j] = 1
        for j in range(BLOCK):
            precision[d * BLOCK + j] = <real>(unit / width[j])
            volume[j] += vi_log(width[j])
            product = fabs((<double>centre[d * BLOCK + j] - shift[d]) * precision[d * BLOCK + j])
            near &= product <= VI_PRODUCTS_TO  # and no nan
    for j in range(BLOCK):
        log_volume[j] = <real>(volume[j] / LN2)
    if near:
        for d in range(D):
            for j in range(BLOCK):
                product = (<double>centre[d * BLOCK + j] - shift[d]) * precision[d * BLOCK + j]
                centre[d * BLOCK + j] = <real>product
    return near


cdef inline void squares(const real** z, const real* centre, const real* precision, Py_ssize_t count, bint products,
                         const real* start, real* sums) noexcept nogil:
    if real is double:
        if products:
            vi_squares_of_products(z, centre, precision, count, start, sums)
        else:
            vi_squares(z, centre, precision, count, start, sums)
    else:
        if products:
            vi_squares_of_productsf(z, centre, precision, count, start, sums)
        else:
            vi_squaresf(z, centre, precision, count, start, sums)


cdef inline void distances(
    const real** z, const real* centre, const real* precision, Py_ssize_t D, bint products, const real* log_volume,
    real* sums
) noexcept nogil:
    """log_volume_j + the sum of 4 rows' squares, see _mixture_terms.h; in float by 64 features, then in double."""
    cdef double[ROWS * BLOCK] total
    cdef real[BLOCK] zero
    cdef const real* part[ROWS]
    cdef Py_ssize_t d, j, most = D if real is double else min(64, D)
    squares(z, centre, precision, most, products, log_volume, sums)
    if D > most:
        for j in range(BLOCK):
            zero[j] = 0
        for j in range(ROWS * BLOCK):
            total[j] = sums[j]
        for d in range(64, D, 64):
            for j in range(ROWS):
                part[j] = z[j] + d
            squares(part, centre + d * BLOCK, precision + d * BLOCK, min(64, D - d), products, zero, sums)
            for j in range(ROWS * BLOCK):
                total[j] += sums[j]
        for j in range(ROWS * BLOCK):
            sums[j] = <real>total[j]


cdef inline bint any_above(const real* sums, const double* top, Py_ssize_t rows) noexcept nogil:
    if real is float:
        return vi_any_abovef(sums, top, SLACK, rows)
    else:
        return vi_any_above(sums, top, SLACK, rows)


cdef inline void absorb(const real* sums, Py_ssize_t rows, double* top, double* mass) noexcept nogil:
    """Rows take up a block: sum mass 2^top becomes sum mass 2^top + sum_j 2^-sums_j."""
    cdef Py_ssize_t k
    if any_above(sums, top, rows):
        for k in range(rows):
            if any_above(sums + k * BLOCK, top + k, 1):  # a row's top does not depend on its neighbours
                rise(sums + k * BLOCK, top + k, mass + k * LANES)
    for k in range(rows):
        if real is float:
            vi_add_termsf(sums + k * BLOCK, top[k], mass + k * LANES)
        else:
            vi_add_terms(sums + k * BLOCK, top[k], mass + k * LANES)


cdef void rise(const real* sums, double* top, double* mass) noexcept nogil:
    """Moves a row's top up to the largest term of the block."""
    cdef Py_ssize_t i
    cdef real least = sums[0]
    cdef double change
    for i in range(1, BLOCK):
        least = sums[i] if sums[i] < least else least
    change = exp2(top[0] + least)
    top[0] = -least
    for i in range(LANES):
        mass[i] *= change


cdef void core(const real[:, ::1] z, const real[:, ::1] loc, const real[:, ::1] scale, real[::1] packed,
               double[::1] top, double[::1] masses, real[::1] out) noexcept nogil:
    cdef Py_ssize_t M = z.shape[0], N = loc.shape[0], D = loc.shape[1], first, m, k, d
    cdef real[BLOCK] log_volume
    cdef real[ROWS * BLOCK] sums
    cdef const real* rows[ROWS]
    cdef real* centre = <real*>((<uintptr_t>&packed[0] + 63) & ~<uintptr_t>63)  # loads that straddle no cache line
    cdef double* mass = <double*>((<uintptr_t>&masses[0] + 63) & ~<uintptr_t>63)
    cdef real* precision = centre + D * BLOCK
    cdef real* shift = precision + D * BLOCK
    cdef real* moved = shift + D  # rows of z less the shift
    cdef bint products
    cdef double constant = log(<double>N) + D / 2.0 * log(2 * M_PI), total
    cdef double lowest = -FLT_MAX if real is float else -DBL_MAX  # the least from which a finite number is above 0
    for m in range(M):
        top[m] = lowest
    for first in range(0, N, 64):  # BLOCK
        products = pack(loc, scale, first, centre, precision, log_volume, shift)
        for m in range(0, M, 4):  # ROWS
            for k in range(ROWS):
                rows[k] = &z[min(m + k, M - 1), 0]  # at the end the last row stands in for those that are not there
                if products:
                    for d in range(D):
                        moved[k * D + d] = rows[k][d] - shift[d]
                    rows[k] = moved + k * D
            distances(rows, centre, precision, D, products, <const real*>log_volume, sums)
            absorb(<const real*>sums, min(ROWS, M - m), &top[m], mass + m * LANES)
    for m in range(M):
        total = 0
        for k in range(LANES):
            total += mass[m * LANES + k]
        out[m] = <real>((top[m] * LN2 if top[m] > lowest else -INFINITY) + log(total) - constant)


def log_density(z, loc, scale):
    if not (z.ndim == loc.ndim == 2 and loc.shape == scale.shape and z.shape[1] == loc.shape[1] and loc.shape[0]):
        raise ValueError(f"z (M, D), loc and scale (N, D), N >= 1: got {z.shape}, {loc.shape} and {scale.shape}")
    z, loc, scale = np.ascontiguousarray(z), np.ascontiguousarray(loc), np.ascontiguousarray(scale)
    out = np.empty(z.shape[0], dtype=z.dtype)
    packed = np.empty((2 * BLOCK + 1 + ROWS) * loc.shape[1] + 16, dtype=z.dtype)  # + 16: room to align it
    cdef double[::1] top = np.empty(z.shape[0])
    cdef double[::1] mass = np.zeros(z.shape[0] * LANES + 8)  # + 8: the same
    cdef const float[:, ::1] z4, loc4, scale4
    cdef const double[:, ::1] z8, loc8, scale8
    cdef float[::1] packed4, out4
    cdef double[::1] packed8, out8
    if out.dtype.char == "f":
        z4, loc4, scale4, packed4, out4 = z, loc, scale, packed, out
        with nogil:
            core(z4, loc4, scale4, packed4, top, mass, out4)
    else:
        z8, loc8, scale8, packed8, out8 = z, loc, scale, packed, out
        with nogil:
            core(z8, loc8, scale8, packed8, top, mass, out8)
    return out
