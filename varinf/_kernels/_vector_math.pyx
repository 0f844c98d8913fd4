# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True, initializedcheck=False
"""Elementary functions over an array: `_simd.h` as it is, for tests and the benchmark. Contract in vector_math.py."""

import numpy as np

from varinf._kernels._real cimport real

cdef extern from "_simd.h" nogil:
    double vi_exp(double x)
    double vi_exp_nonpositive(double x)
    double vi_log(double x)
    double vi_log1p(double x)
    void vi_sincos2pi(double u, double* sine, double* cosine)
    float vi_expf(float x)
    float vi_exp_nonpositivef(float x)
    float vi_logf(float x)
    float vi_log1pf(float x)
    void vi_sincos2pif(float u, float* sine, float* cosine)


cdef void exp_core(const real[::1] x, real[::1] out) noexcept nogil:
    cdef Py_ssize_t i
    for i in range(x.shape[0]):
        if real is float:
            out[i] = vi_expf(x[i])
        else:
            out[i] = vi_exp(x[i])


cdef void exp_nonpositive_core(const real[::1] x, real[::1] out) noexcept nogil:
    cdef Py_ssize_t i
    for i in range(x.shape[0]):
        if real is float:
            out[i] = vi_exp_nonpositivef(x[i])
        else:
            out[i] = vi_exp_nonpositive(x[i])


cdef void log_core(const real[::1] x, real[::1] out) noexcept nogil:
    cdef Py_ssize_t i
    for i in range(x.shape[0]):
        if real is float:
            out[i] = vi_logf(x[i])
        else:
            out[i] = vi_log(x[i])


cdef void log1p_core(const real[::1] x, real[::1] out) noexcept nogil:
    cdef Py_ssize_t i
    for i in range(x.shape[0]):
        if real is float:
            out[i] = vi_log1pf(x[i])
        else:
            out[i] = vi_log1p(x[i])


cdef void sincos2pi_core(const real[::1] u, real[::1] sine, real[::1] cosine) noexcept nogil:
    cdef Py_ssize_t i
    for i in range(u.shape[0]):
        if real is float:
            vi_sincos2pif(u[i], &sine[i], &cosine[i])
        else:
            vi_sincos2pi(u[i], &sine[i], &cosine[i])


def exp(x):
    x = np.ascontiguousarray(x)
    out = np.empty_like(x)
    if x.dtype.char == "f":
        exp_core[float](x, out)
    else:
        exp_core[double](x, out)
    return out


def exp_nonpositive(x):
    x = np.ascontiguousarray(x)
    out = np.empty_like(x)
    if x.dtype.char == "f":
        exp_nonpositive_core[float](x, out)
    else:
        exp_nonpositive_core[double](x, out)
    return out


def log(x):
    x = np.ascontiguousarray(x)
    out = np.empty_like(x)
    if x.dtype.char == "f":
        log_core[float](x, out)
    else:
        log_core[double](x, out)
    return out


def log1p(x):
    x = np.ascontiguousarray(x)
    out = np.empty_like(x)
    if x.dtype.char == "f":
        log1p_core[float](x, out)
    else:
        log1p_core[double](x, out)
    return out


def sincos2pi(u):
    u = np.ascontiguousarray(u)
    sine, cosine = np.empty_like(u), np.empty_like(u)
    if u.dtype.char == "f":
        sincos2pi_core[float](u, sine, cosine)
    else:
        sincos2pi_core[double](u, sine, cosine)
    return sine, cosine
