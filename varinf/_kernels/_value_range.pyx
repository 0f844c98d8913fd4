# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True, initializedcheck=False
"""Compiled twin of value_range.py, which holds the contract."""
from libc.math cimport INFINITY

import numpy as np

from varinf._kernels._real cimport real

cdef enum:
    BLOCK = 1024    # values between two looks at what was found


cdef bint inside(const real[::1] x, real low) noexcept nogil:
    cdef Py_ssize_t i, start = 0, stop, count = x.shape[0]
    cdef real outside
    while start < count:
        stop = min(start + BLOCK, count)
        outside = 0
        for i in range(start, stop):
            outside = outside if (x[i] > low) & (x[i] < INFINITY) else 1
        if outside != 0:
            return False
        start = stop
    return True


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
