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


cdef inline void add(double* out, double factor, const double* row, Py_ssize_t count) noexcept nogil:
    cdef Py_ssize_t i
    for i in range(count):
        out[i] += factor * row[i]


cdef double one(const real[:, ::1] table, const double[:, ::1] labels, const double[:, ::1] joint,
                const double[::1] p_x, double beta, double[:, ::1] logits, double[::1] top, double[::1] total,
                double[::1] row, real[:, ::1] encoder, real[:, ::1] after) noexcept nogil:
    """One problem: the encoder, the table after it, and the objective. labels is p(y|x) (Y, X), joint p(x, y) (X, Y)."""
    cdef Py_ssize_t T = table.shape[0], Y = table.shape[1], X = p_x.shape[0], t, x, y
    cdef double weight, base, objective = 0
    for t in range(T):
        weight = 0
        for y in range(Y):
            weight += table[t, y]
        base = (1 - beta) * log_of(weight)
        for x in range(X):
            logits[t, x] = base
        for y in range(Y):
            add(&logits[t, 0], beta * log_of(table[t, y]), &labels[y, 0], X)
    for x in range(X):
        top[x] = logits[0, x]
        total[x] = 0
    for t in range(1, T):
        for x in range(X):
            top[x] = logits[t, x] if logits[t, x] > top[x] else top[x]
    for t in range(T):
        for x in range(X):
            logits[t, x] = vi_exp_nonpositive(logits[t, x] - top[x])
            total[x] += logits[t, x]
    for x in range(X):
        objective -= p_x[x] * (top[x] + vi_log(total[x]))
        total[x] = 1 / total[x]
    for t in range(T):
        for x in range(X):
            logits[t, x] *= total[x]
            encoder[t, x] = <real>logits[t, x]
        for y in range(Y):
            row[y] = 0
        for x in range(X):
            add(&row[0], logits[t, x], &joint[x, 0], Y)
        for y in range(Y):
            after[t, y] = <real>row[y]
    return objective


cdef void many(const real[:, :, ::1] tables, const double[:, ::1] labels, const double[:, ::1] joint,
               const double[::1] p_x, const double[::1] beta, double[:, ::1] logits, double[:, ::1] scratch,
               real[:, :, ::1] encoders, real[:, :, ::1] after, real[::1] objective) noexcept nogil:
    cdef Py_ssize_t b, X = p_x.shape[0], Y = tables.shape[2]
    for b in range(tables.shape[0]):
        objective[b] = <real>one[real](tables[b], labels, joint, p_x, beta[b], logits, scratch[0, :X],
                                       scratch[1, :X], scratch[2, :Y], encoders[b], after[b])


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
