# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True, initializedcheck=False
"""Compiled twin of bottleneck.py, which holds the contract: an iteration is in _bottleneck_step.pxd, Anderson's method in
_bottleneck_walk.pxd. All is double inside.
"""

import numpy as np

from varinf._kernels._bottleneck_step cimport Problem, fill, logs, one
from varinf._kernels._bottleneck_walk cimport MEMORY, walk
from varinf._kernels._real cimport real

cdef extern from "_small_products.h" nogil:
    enum: VI_WIDTH


cdef void given(const real* table, double* out, Problem* at) noexcept nogil:
    cdef Py_ssize_t t, y
    fill(out, 0, at.T * at.wide_Y)
    for t in range(at.T):
        for y in range(at.Y):
            out[t * at.wide_Y + y] = table[t * at.Y + y]


cdef void handed(const double* rows, real* out, Py_ssize_t count, Py_ssize_t width, Py_ssize_t wide) noexcept nogil:
    cdef Py_ssize_t i, j
    for i in range(count):
        for j in range(width):
            out[i * width + j] = <real>rows[i * wide + j]


cdef void iterations(Problem* at, const real[:, :, ::1] tables, const double[::1] beta, double* scratch,
                     Py_ssize_t steps, real[:, :, ::1] encoders, real[:, :, ::1] after, real[::1] objective,
                     real[::1] residual) noexcept nogil:
    """Of each problem: one, or `steps` of Anderson's; tables after the last are of interest in the first case alone."""
    cdef Py_ssize_t b, size = at.T * at.wide_Y
    cdef double left
    for b in range(tables.shape[0]):
        at.beta = beta[b]
        given(&tables[b, 0, 0], scratch, at)
        if steps:
            objective[b] = <real>walk(at, scratch, scratch + size, steps, &left)
            residual[b] = <real>left
        else:
            logs(scratch + size, scratch, size)
            objective[b] = <real>one(at, scratch, scratch + size, scratch + 2 * size)
            handed(scratch + 2 * size, &after[b, 0, 0], at.T, at.Y, at.wide_Y)
        handed(at.encoder, &encoders[b, 0, 0], at.T, at.X, at.wide_X)


cdef Py_ssize_t wide(Py_ssize_t count):
    """As much as fills whole registers."""
    return (count + VI_WIDTH - 1) // VI_WIDTH * VI_WIDTH


def iterate(tables, conditional, p_x, beta):
    return run(tables, conditional, p_x, beta, 0)[:3]


def accelerate(tables, conditional, p_x, beta, steps):
    if steps < 1:
        raise ValueError(f"steps={steps}: at least 1")
    encoders, _, objective, residual = run(tables, conditional, p_x, beta, steps)
    return encoders, objective, residual


cdef void spread(const double[:, ::1] conditional, const double* p_x, double* labels, double* joint, Problem* at) noexcept nogil:
    """p(y|x) as (Y, wide_X) and p(x, y) as (X, wide_Y), with zeros in what fills registers."""
    cdef Py_ssize_t x, y
    fill(labels, 0, at.Y * at.wide_X)
    fill(joint, 0, at.X * at.wide_Y)
    for x in range(at.X):
        for y in range(at.Y):
            labels[y * at.wide_X + x] = conditional[x, y]
            joint[x * at.wide_Y + y] = p_x[x] * conditional[x, y]


cdef run(tables, conditional, p_x, beta, Py_ssize_t steps):
    cdef Py_ssize_t B = tables.shape[0], size, lines
    cdef Problem at
    at.T, at.X, at.Y = tables.shape[1], len(p_x), tables.shape[2]
    at.wide_X, at.wide_Y = wide(at.X), wide(at.Y)
    if conditional.shape != (at.X, at.Y) or beta.shape != (B,):
        raise ValueError(
            f"shapes do not match: tables {tables.shape}, conditional {conditional.shape}, p_x {p_x.shape}, "
            f"beta {beta.shape}"
        )
    encoders, after = np.empty((B, at.T, at.X), tables.dtype), np.empty((B, at.T, at.Y), tables.dtype)
    objective, residual = np.empty((2, B), tables.dtype)
    if encoders.size == 0 or after.size == 0:
        raise ValueError(f"tables of shape {tables.shape} and {at.X} values of x: there must be one of each")
    tables = np.ascontiguousarray(tables)
    cdef const double[::1] price = np.ascontiguousarray(beta, np.float64)
    cdef const double[::1] p = np.ascontiguousarray(p_x, np.float64)
    cdef const double[:, ::1] given_labels = np.ascontiguousarray(conditional, np.float64)
    size, lines = at.T * at.wide_Y, max(at.wide_X, at.wide_Y)
    cdef double[::1] room = np.empty(
        at.Y * at.wide_X + at.X * at.wide_Y + at.T * (at.wide_X + 1) + 2 * lines + size * (8 + 2 * MEMORY if steps else 4)
    )
    cdef double* labels = &room[0]
    cdef double* joint = labels + at.Y * at.wide_X
    spread(given_labels, &p[0], labels, joint, &at)
    at.labels, at.joint, at.p_x = labels, joint, &p[0]
    at.encoder = joint + at.X * at.wide_Y
    at.prior = at.encoder + at.T * at.wide_X
    at.top = at.prior + at.T
    at.total = at.top + lines
    at.priced = at.total + lines
    cdef double* scratch = at.priced + size
    cdef const float[:, :, ::1] single
    cdef const double[:, :, ::1] double_
    cdef float[:, :, ::1] single_encoders, single_after
    cdef double[:, :, ::1] double_encoders, double_after
    cdef float[::1] single_objective, single_residual
    cdef double[::1] double_objective, double_residual
    if tables.dtype.char == "f":
        single, single_encoders, single_after = tables, encoders, after
        single_objective, single_residual = objective, residual
        with nogil:
            iterations[float](&at, single, price, scratch, steps, single_encoders, single_after, single_objective,
                              single_residual)
    else:
        double_, double_encoders, double_after = tables, encoders, after
        double_objective, double_residual = objective, residual
        with nogil:
            iterations[double](&at, double_, price, scratch, steps, double_encoders, double_after, double_objective,
                               double_residual)
    return encoders, after, objective, residual
