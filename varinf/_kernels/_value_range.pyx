# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True, initializedcheck=False
"""Compiled twin of value_range.py, which holds the contract."""
from libc.math cimport INFINITY

import numpy as np

from varinf._kernels._real cimport real

cdef enum:
    STRIP = 32    # values, four of which lie between two looks at what was found


cdef bint inside(const real[::1] x, real low) noexcept nogil:
    cdef Py_ssize_t i, start = 0, count = x.shape[0]
    cdef real a, b, c, d
    cdef const real* at
    while start + 4 * STRIP <= count:
        a = b = c = d = 0
        at = &x[start]
        for i in range(STRIP):  # four at once: what is found in one does not wait for the others
            a = a if (at[i] > low) & (at[i] < INFINITY) else 1
            b = b if (at[STRIP + i] > low) & (at[STRIP + i] < INFINITY) else 1
            c = c if (at[2 * STRIP + i] > low) & (at[2 * STRIP + i] < INFINITY) else 1
            d = d if (at[3 * STRIP + i] > low) & (at[3 * STRIP + i] < INFINITY) else 1
        if a + b + c + d != 0:
            return False
        start += 4 * STRIP
    a = 0
    for i in range(start, count):
        a = a if (x[i] > low) & (x[i] < INFINITY) else 1
    return a == 0


def all_inside(x, double low):
    if not x.flags.c_contiguous:
        x = x.T if x.flags.f_contiguous else np.ascontiguousarray(x)
    x = x.reshape(-1)
    cdef const float[::1] single
    cdef const double[::1] wide
    cdef bint found
    if x.dtype.char == "f":
        single = x
        with nogil:
            found = inside[float](single, <float>low)
    else:
        wide = x
        with nogil:
            found = inside[double](wide, low)
    return found
