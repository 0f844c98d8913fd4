# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True, initializedcheck=False
"""Compiled twin of bottleneck.py, which holds the contract.

Lanes run over x in the logits and over y in the tables that follow, so that no sum crosses lanes.
"""

import numpy as np

from varinf._kernels._real cimport real

cdef extern from "_simd.h" nogil:
    double vi_exp_nonpositive(double x)
    double vi_log(double x)

cdef double TINY = 1e-300


cdef inline double log_of(double x) noexcept nogil:
    return vi_log(x if x > TINY else TINY)


cdef inline void add(double* out, const double* factor, const double* rows, Py_ssize_t n,
                     Py_ssize_t count) noexcept nogil:
    """out (count,) plus factors (n,) times rows (n, count), four rows in a pass."""
    cdef Py_ssize_t i, k = 0
    cdef double a, b, c, d
    cdef const double* row
    while k + 4 <= n:
        a, b, c, d, row = factor[k], factor[k + 1], factor[k + 2], factor[k + 3], rows + k * count
        for i in range(count):
            out[i] += (a * row[i] + b * row[count + i]) + (c * row[2 * count + i] + d * row[3 * count + i])
        k += 4
    while k < n:
        a, row = factor[k], rows + k * count
        for i in range(count):
            out[i] += a * row[i]
        k += 1


cdef inline void raise_to(double* top, const double* row, Py_ssize_t count) noexcept nogil:
    cdef Py_ssize_t i
    for i in range(count):
        top[i] = row[i] if row[i] > top[i] else top[i]


cdef inline void exponentiate(double* row, const double* top, double* total, Py_ssize_t count) noexcept nogil:
    cdef Py_ssize_t i
    for i in range(count):
        row[i] = vi_exp_nonpositive(row[i] - top[i])
        total[i] += row[i]


cdef inline void multiply(double* row, const double* factor, real* out, Py_ssize_t count) noexcept nogil:
    cdef Py_ssize_t i
    for i in range(count):
        row[i] *= factor[i]
        out[i] = <real>row[i]


cdef inline void fill(double* row, double value, Py_ssize_t count) noexcept nogil:
    cdef Py_ssize_t i
    for i in range(count):
        row[i] = value


cdef double one(const real* table, const double* labels, const double* joint, const double* p_x, double beta,
                double* logits, double* top, double* total, double* row, real* encoder, real* after,
                Py_ssize_t T, Py_ssize_t X, Py_ssize_t Y) noexcept nogil:
    """One problem: encoder, table after it, and the objective. labels is p(y|x) (Y, X), joint p(x, y) (X, Y)."""
    cdef Py_ssize_t t, x, y
    cdef double weight, objective = 0
    for t in range(T):
        weight = 0
        for y in range(Y):
            weight += table[t * Y + y]
            row[y] = beta * log_of(table[t * Y + y])
        fill(logits + t * X, (1 - beta) * log_of(weight), X)
        add(logits + t * X, row, labels, Y, X)
    fill(total, 0, X)
    for x in range(X):
        top[x] = logits[x]
    for t in range(1, T):
        raise_to(top, logits + t * X, X)
    for t in range(T):
        exponentiate(logits + t * X, top, total, X)
    for x in range(X):
        objective -= p_x[x] * (top[x] + vi_log(total[x]))
        total[x] = 1 / total[x]
    for t in range(T):
        multiply[real](logits + t * X, total, encoder + t * X, X)
        fill(row, 0, Y)
        add(row, logits + t * X, joint, X, Y)
        for y in range(Y):
            after[t * Y + y] = <real>row[y]
    return objective


cdef void many(const real[:, :, ::1] tables, const double[:, ::1] labels, const double[:, ::1] joint,
               const double[::1] p_x, const double[::1] beta, double[:, ::1] logits, double[:, ::1] scratch,
               real[:, :, ::1] encoders, real[:, :, ::1] after, real[::1] objective) noexcept nogil:
    cdef Py_ssize_t b, X = p_x.shape[0], Y = tables.shape[2]
    for b in range(tables.shape[0]):
        objective[b] = <real>one[real](&tables[b, 0, 0], &labels[0, 0], &joint[0, 0], &p_x[0], beta[b], &logits[0, 0],
                                       &scratch[0, 0], &scratch[1, 0], &scratch[2, 0], &encoders[b, 0, 0],
                                       &after[b, 0, 0], tables.shape[1], X, Y)


def iterate(tables, conditional, p_x, beta):
    cdef Py_ssize_t B = tables.shape[0], T = tables.shape[1], Y = tables.shape[2], X = len(p_x)
    if conditional.shape != (X, Y) or beta.shape != (B,):
        raise ValueError(
            f"shapes do not match: tables {tables.shape}, conditional {conditional.shape}, p_x {p_x.shape}, "
            f"beta {beta.shape}"
        )
    encoders, after = np.empty((B, T, X), tables.dtype), np.empty((B, T, Y), tables.dtype)
    objective = np.empty(B, tables.dtype)
    if encoders.size == 0 or after.size == 0:
        raise ValueError(f"tables of shape {tables.shape} and {X} values of x: there must be one of each")
    tables = np.ascontiguousarray(tables)
    wide = np.asarray(conditional, np.float64)
    cdef const double[::1] p = np.ascontiguousarray(p_x, np.float64)
    cdef const double[::1] price = np.ascontiguousarray(beta, np.float64)
    cdef const double[:, ::1] labels = np.ascontiguousarray(wide.T)
    cdef const double[:, ::1] joint = np.ascontiguousarray(np.asarray(p_x, np.float64)[:, None] * wide)
    cdef double[:, ::1] logits = np.empty((T, X))
    cdef double[:, ::1] scratch = np.empty((3, max(X, Y)))
    cdef const float[:, :, ::1] single
    cdef const double[:, :, ::1] double_
    cdef float[:, :, ::1] single_encoders, single_after
    cdef double[:, :, ::1] double_encoders, double_after
    cdef float[::1] single_objective
    cdef double[::1] double_objective
    if tables.dtype.char == "f":
        single, single_encoders, single_after, single_objective = tables, encoders, after, objective
        with nogil:
            many[float](single, labels, joint, p, price, logits, scratch, single_encoders, single_after,
                        single_objective)
    else:
        double_, double_encoders, double_after, double_objective = tables, encoders, after, objective
        with nogil:
            many[double](double_, labels, joint, p, price, logits, scratch, double_encoders, double_after,
                         double_objective)
    return encoders, after, objective
