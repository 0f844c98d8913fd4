# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True, initializedcheck=False
"""Compiled twin of log_weights.py, where the contract stands.

One pass over the draws, which looks for no maximum: with any of them, c, for the origin, d = log w − c and v = w^power,

    log mean v = power c + log (1/S) Σ exp(power d),       mean log w = c + Σ d / S,       m2 = Σ d² − (Σ d)² / S,

to rounding, as long as no exponential overflows. Where one does, the pass is made again from the draw of greatest v. m2
loses at most a factor S + 1 in precision, since (c − mean)² <= m2: no more than S additions in a row may lose. c is the
largest of the first four draws. The sums come of `_draw_sums.pxd`; logarithms are taken of a group of rows at a time.

With draws on the last axis, or few columns, the registers run along the draws of a row; otherwise along the columns.
"""

import numpy as np
from numpy import ascontiguousarray, empty

from cpython.buffer cimport PyBUF_C_CONTIGUOUS, PyBUF_STRIDES, PyBUF_FORMAT, PyBUF_WRITABLE, PyBuffer_Release, PyObject_GetBuffer
from libc.math cimport INFINITY, exp, expm1, fabs, log1p
from varinf._kernels._draw_sums cimport APART, FEW, GROUP, rows_together, some_columns, some_rows, strided_row
from varinf._kernels._real cimport real

cdef extern from "_exp_sums.h" nogil:
    double vi_exp(double x)
    double vi_log(double x)


# the formula ---------------------------------------------------------------------------------------------------------

cdef void finish(const real* centre, double* sums, Py_ssize_t count, Py_ssize_t draws, double power, bint spread,
                 real* out, Py_ssize_t apart) noexcept nogil:
    """log_mean, and log_inefficiency, mean and m2, of `count` rows or columns from their sums, which are used up.

    Loops this short are those that compilers vectorise.
    """
    cdef double* v = sums
    cdef double* v2 = sums + APART
    cdef double* d = sums + 2 * APART
    cdef double* d2 = sums + 3 * APART
    cdef double n = draws, share = 1 / n, first_order
    cdef Py_ssize_t i
    for i in range(count):
        v[i] /= n
    for i in range(count):
        out[i] = <real>(power * centre[i] + vi_log(v[i]))
    if not spread:
        return
    for i in range(count):
        d2[i] -= d[i] * (d[i] * share)
        d2[i] = 0 if d2[i] < 0 else d2[i]  # rounding may leave a small negative; a nan stays
    for i in range(count):
        v2[i] = vi_log(v2[i] / n / (v[i] * v[i]))
    if real is float:
        # Float sums of near-equal weights know it to 3e-7. Where the variance of log v, which it is to first order,
        # lies as near as that, this is as good an answer in the worst case, and in most a far better one.
        for i in range(count):
            first_order = power * power * d2[i] * share
            v2[i] = first_order if fabs(v2[i] - first_order) < 3e-7 else v2[i]
    for i in range(count):
        out[apart + i] = <real>(v2[i] if v2[i] < INFINITY else INFINITY)  # a nan: Σ v is 0 or inf
        out[2 * apart + i] = <real>(centre[i] + d[i] * share)
        out[3 * apart + i] = <real>d2[i]


cdef void reduce_draws(const real* x, Py_ssize_t outer, Py_ssize_t draws, Py_ssize_t inner, Py_ssize_t stride,
                       double power, bint spread, real* out, real* weights) noexcept nogil:
    """log_mean, or all moments if `spread`, to `out`, and normalised v to `weights`, unless they are NULL.

    The draws are `stride` apart, `inner` or more, in `weights` too.
    """
    cdef double sums[4 * APART]
    cdef real centre[GROUP]
    cdef real* w = NULL
    cdef Py_ssize_t r, i, c = 0, at = 0, count, here, tiles, rows = outer * inner
    if inner < FEW:
        r = 0
        while r < rows:
            count, i = min(<Py_ssize_t>GROUP, rows - r), 0
            while i < count:
                if weights != NULL:
                    w = weights + at
                if stride == 1:
                    here = min(rows_together(draws), count - i)
                    some_rows(x + at, draws, here, power, spread, w, &centre[i], &sums[i])
                    at += here * draws
                else:
                    here = 1
                    strided_row(x + at, stride, draws, power, spread, w, &centre[i], &sums[i])
                    at, c = at + 1, c + 1
                    if c == inner:
                        at, c = at + draws * stride - inner, 0
                i += here
            if out != NULL:
                finish(centre, sums, count, draws, power, spread, out + r, rows)
            r += GROUP
        return
    tiles = (inner + GROUP - 1) // GROUP  # of like widths, so that none is narrower than a register
    for r in range(outer):
        for i in range(tiles):
            c = inner * i // tiles
            count, at = inner * (i + 1) // tiles - c, r * draws * stride + c
            if weights != NULL:
                w = weights + at
            some_columns(x + at, stride, draws, count, power, spread, w, centre, sums)
            if out != NULL:
                finish(centre, sums, count, draws, power, spread, out + r * inner + c, rows)


# one state -----------------------------------------------------------------------------------------------------------

def log_mean(x, power):
    cdef Py_buffer of_x
    x = read(x, &of_x)
    out = empty((of_x.shape[0], of_x.shape[2]), x.dtype)
    run(&of_x, power, False, out, None)
    return out


def moments(x, power):
    cdef Py_buffer of_x
    x = read(x, &of_x)
    out = empty((4, of_x.shape[0], of_x.shape[2]), x.dtype)
    run(&of_x, power, True, out, None)
    return out


def weights(x, power, out=None):
    cdef Py_buffer of_x
    x = ascontiguousarray(x) if out is None else readable(x)
    out = target(x, out)
    read(x, &of_x)
    run(&of_x, power, False, None, out)
    return out


def moments_and_weights(x, power, out=None):
    cdef Py_buffer of_x
    x = ascontiguousarray(x) if out is None else readable(x)
    out = target(x, out)
    read(x, &of_x)
    four = empty((4, of_x.shape[0], of_x.shape[2]), x.dtype)
    run(&of_x, power, True, four, out)
    return four, out


# two states into one -------------------------------------------------------------------------------------------------

cdef inline double log_add(double a, double b) noexcept nogil:
    cdef double top = max(a, b), low = min(a, b)
    return top if top == -INFINITY or top == INFINITY else top + vi_log(1 + vi_exp(low - top))


cdef inline double variance(double size, double log_inefficiency) noexcept nogil:
    """Of v in a part whose mean v is `size`; a part without weight has none."""
    return size * size * expm1(log_inefficiency) if size > 0 else 0


def merge(n_a, a, n_b, b):
    if a.shape != b.shape or a.shape[:1] != (4,):
        raise ValueError(f"the two states have moments of shapes {a.shape} and {b.shape}; both must be (4, ...)")
    out = np.empty(a.shape)
    parts = (np.ascontiguousarray(part, np.float64).reshape(4, -1) for part in (a, b, out))
    _merge(n_a, n_b, *parts)
    return out.astype(a.dtype, copy=False)


def _merge(double n_a, double n_b, const double[:, ::1] a, const double[:, ::1] b, double[:, ::1] out):
    cdef Py_ssize_t i
    cdef double n = n_a + n_b, log_a = vi_log(n_a / n), log_b = vi_log(n_b / n)
    cdef double difference, log_mean, top, size_a, size_b, total
    with nogil:
        for i in range(out.shape[1]):
            log_mean = out[0, i] = log_add(a[0, i] + log_a, b[0, i] + log_b)
            if -INFINITY < log_mean < INFINITY:
                # Both parts' spread and that of their means, relative to the larger: near-equal weights cancel nowhere.
                top = max(a[0, i], b[0, i])
                size_a, size_b = exp(a[0, i] - top), exp(b[0, i] - top)
                total = n_a * size_a + n_b * size_b
                difference = expm1(-fabs(a[0, i] - b[0, i]))
                out[1, i] = log1p(
                    n * (n_a * variance(size_a, a[1, i]) + n_b * variance(size_b, b[1, i])) / (total * total)
                    + n_a * n_b * (difference / total) * (difference / total)
                )
            else:
                out[1, i] = INFINITY
            out[2, i] = (n_a / n) * a[2, i] + (n_b / n) * b[2, i]
            difference = b[2, i] - a[2, i]
            out[3, i] = a[3, i] + b[3, i] + difference * difference * (n_a * (n_b / n))


# arguments -----------------------------------------------------------------------------------------------------------

cdef readable(x):
    """x itself if it is in C order, or neighbouring columns of one such matrix; else a copy."""
    flags = x.flags
    if flags.c_contiguous or (
        x.ndim == 3 and x.shape[0] == 1 and x.strides[2] == x.itemsize and x.strides[1] >= x.shape[2] * x.itemsize
        and x.strides[1] % x.itemsize == 0 and flags.aligned
    ):
        return x
    return ascontiguousarray(x)


cdef read(x, Py_buffer* to):
    """x as it can be read, and its buffer; of a bare call to a kernel on few draws this and the like are half the time."""
    x = readable(x)
    PyObject_GetBuffer(x, to, PyBUF_STRIDES | PyBUF_FORMAT)
    if to.ndim != 3 or to.shape[1] == 0 or to.format[0] not in b"fd":
        PyBuffer_Release(to)
        raise ValueError(f"x has shape {x.shape}; (outer, draws, inner) with at least one draw is needed")
    return x


cdef run(Py_buffer* x, double power, bint spread, out, weights):
    """`reduce_draws` into arrays that go with x, or None; x is released."""
    cdef Py_buffer of_out, of_weights
    cdef Py_ssize_t stride = x.strides[1] // x.itemsize if x.shape[1] > 1 else x.shape[2]
    of_out.buf = of_weights.buf = NULL
    if out is not None:
        PyObject_GetBuffer(out, &of_out, PyBUF_C_CONTIGUOUS | PyBUF_WRITABLE)
    if weights is not None:
        PyObject_GetBuffer(weights, &of_weights, PyBUF_STRIDES | PyBUF_WRITABLE)
    with nogil:
        if x.itemsize == sizeof(float):
            reduce_draws(<const float*>x.buf, x.shape[0], x.shape[1], x.shape[2], stride, power, spread,
                         <float*>of_out.buf, <float*>of_weights.buf)
        else:
            reduce_draws(<const double*>x.buf, x.shape[0], x.shape[1], x.shape[2], stride, power, spread,
                         <double*>of_out.buf, <double*>of_weights.buf)
    if out is not None:
        PyBuffer_Release(&of_out)
    if weights is not None:
        PyBuffer_Release(&of_weights)
    PyBuffer_Release(x)


cdef target(x, out):
    """Where normalised weights go, laid out like x."""
    if out is None:
        if not x.flags.c_contiguous:
            raise ValueError("x is a part of a matrix: out, the same part of another, must be given")
        return empty(x.shape, x.dtype)
    alike = out.strides == x.strides or (out.flags.c_contiguous and x.flags.c_contiguous)
    if out.shape != x.shape or out.dtype != x.dtype or not alike or not out.flags.behaved:
        raise ValueError(f"out has shape {out.shape} and dtype {out.dtype}; x has {x.shape} and {x.dtype}, in C order")
    return out
