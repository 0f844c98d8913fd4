# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True, initializedcheck=False
"""The log density of a uniform mixture of diagonal normals. Contract in mixture_density.py.

Components go in blocks of 64, transposed, so that lanes run over components and no sum crosses lanes but the last.
Each row of z carries a running maximum and a sum of exponentials relative to it, rescaled when the maximum moves.
"""

from libc.math cimport INFINITY, M_PI, exp, log
from libc.stdint cimport uintptr_t

import numpy as np

from varinf._kernels._real cimport real

cdef extern from "_simd.h" nogil:
    double vi_exp_nonpositive(double x)
    float vi_exp_nonpositivef(float x)
    double vi_log(double x)

cdef extern from "_mixture_squares.h" nogil:
    void vi_squares(const double* z0, const double* z1, const double* centre, const double* precision, Py_ssize_t count,
                    double* sum0, double* sum1)
    void vi_squaresf(const float* z0, const float* z1, const float* centre, const float* precision, Py_ssize_t count,
                     float* sum0, float* sum1)

cdef enum:
    BLOCK = 64  # components


cdef void pack(const real[:, ::1] loc, const real[:, ::1] scale, Py_ssize_t first,
               real* centre, real* precision, double* log_weight) noexcept nogil:
    """A block transposed to (D, 64): locations, 1 / scale, and - sum_d log scale; filled up with components of weight 0."""
    cdef Py_ssize_t N = loc.shape[0], D = loc.shape[1], j, d
    cdef double[BLOCK] volume
    for j in range(BLOCK):
        log_weight[j] = 0 if first + j < N else -INFINITY
    for d in range(D):
        for j in range(BLOCK):
            if first + j < N:
                centre[d * BLOCK + j] = loc[first + j, d]
                volume[j] = scale[first + j, d]
            else:
                centre[d * BLOCK + j] = 0
                volume[j] = 1
        for j in range(BLOCK):
            precision[d * BLOCK + j] = <real>(1 / volume[j])
            log_weight[j] -= vi_log(volume[j])


cdef inline void squares(const real* z0, const real* z1, const real* centre, const real* precision, Py_ssize_t count,
                         real* sum0, real* sum1) noexcept nogil:
    """sum_j = sum_d ((z_d - centre_dj) precision_dj)^2 over `count` features, for two rows, which share the loads."""
    if real is float:
        vi_squaresf(z0, z1, centre, precision, count, sum0, sum1)
    else:
        vi_squares(z0, z1, centre, precision, count, sum0, sum1)


cdef void absorb(const double* log_weight, double* total, double* top, double* mass, real exemplar) noexcept nogil:
    """One row takes up a block: mass exp(top) becomes mass exp(top) + sum_j exp(log_weight_j - total_j / 2)."""
    cdef Py_ssize_t i
    cdef double[BLOCK] high
    cdef real[BLOCK] terms
    cdef double shift
    for i in range(BLOCK):
        total[i] = high[i] = log_weight[i] - total[i] / 2
    for i in range(32):
        high[i] = high[i + 32] if high[i + 32] > high[i] else high[i]
    for i in range(16):
        high[i] = high[i + 16] if high[i + 16] > high[i] else high[i]
    for i in range(8):
        high[i] = high[i + 8] if high[i + 8] > high[i] else high[i]
    for i in range(1, 8):
        high[0] = high[i] if high[i] > high[0] else high[0]
    if high[0] > top[0]:
        mass[0] *= exp(top[0] - high[0])
        top[0] = high[0]
    shift = top[0] if top[0] > -INFINITY else 0
    for i in range(BLOCK):
        if real is float:
            terms[i] = vi_exp_nonpositivef(<float>(total[i] - shift))
        else:
            terms[i] = vi_exp_nonpositive(total[i] - shift)
    for i in range(32):
        terms[i] += terms[i + 32]
    for i in range(16):
        terms[i] += terms[i + 16]
    for i in range(8):
        terms[i] += terms[i + 8]
    for i in range(8):
        mass[0] += terms[i]


cdef void core(const real[:, ::1] z, const real[:, ::1] loc, const real[:, ::1] scale, real[::1] packed,
               double[:, ::1] state, real[::1] out) noexcept nogil:
    cdef Py_ssize_t M = z.shape[0], N = loc.shape[0], D = loc.shape[1], first, m, last, d, j
    cdef double[BLOCK] log_weight
    cdef double[2 * BLOCK] total
    cdef real[2 * BLOCK] sums
    cdef real* centre = <real*>((<uintptr_t>&packed[0] + 63) & ~<uintptr_t>63)  # loads that straddle no cache line
    cdef real* precision = centre + D * BLOCK
    cdef double constant = log(<double>N) + D / 2.0 * log(2 * M_PI)
    for m in range(M):
        state[0, m] = -INFINITY
        state[1, m] = 0
    for first in range(0, N, 64):  # BLOCK
        pack(loc, scale, first, centre, precision, log_weight)
        for m in range(0, M, 2):
            last = min(m + 1, M - 1)  # of an odd number of rows the last is its own partner, and taken once
            for j in range(2 * BLOCK):
                total[j] = 0
            for d in range(0, D, 64):  # in float no more squares than these before they go into double
                squares(&z[m, d], &z[last, d], centre + d * BLOCK, precision + d * BLOCK, min(64, D - d),
                        sums, sums + BLOCK)
                for j in range(2 * BLOCK):
                    total[j] += sums[j]
            absorb(log_weight, total, &state[0, m], &state[1, m], <real>0)
            if last > m:
                absorb(log_weight, total + BLOCK, &state[0, last], &state[1, last], <real>0)
    for m in range(M):
        out[m] = <real>(state[0, m] + log(state[1, m]) - constant)


def log_density(z, loc, scale):
    if not (z.ndim == loc.ndim == 2 and loc.shape == scale.shape and z.shape[1] == loc.shape[1] and loc.shape[0]):
        raise ValueError(f"z (M, D), loc and scale (N, D), N >= 1: got {z.shape}, {loc.shape} and {scale.shape}")
    z, loc, scale = np.ascontiguousarray(z), np.ascontiguousarray(loc), np.ascontiguousarray(scale)
    out = np.empty(z.shape[0], dtype=z.dtype)
    packed = np.empty(2 * BLOCK * loc.shape[1] + 16, dtype=z.dtype)  # + 16: room to align it
    state = np.empty((2, z.shape[0]))
    cdef const float[:, ::1] z4, loc4, scale4
    cdef const double[:, ::1] z8, loc8, scale8
    cdef float[::1] packed4, out4
    cdef double[::1] packed8, out8
    cdef double[:, ::1] state8 = state
    if out.dtype.char == "f":
        z4, loc4, scale4, packed4, out4 = z, loc, scale, packed, out
        with nogil:
            core(z4, loc4, scale4, packed4, state8, out4)
    else:
        z8, loc8, scale8, packed8, out8 = z, loc, scale, packed, out
        with nogil:
            core(z8, loc8, scale8, packed8, state8, out8)
    return out
