# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True, initializedcheck=False
"""Compiled twin of bottleneck.py, which holds the contract.

Lanes run over x in the logits and over y in the tables that follow, so that no sum crosses lanes; rows are filled up to
whole registers. All is double inside.
"""

import numpy as np

from varinf._kernels._real cimport real

cdef extern from "_simd.h" nogil:
    double vi_exp_nonpositive(double x)
    double vi_exp_normal(double x)
    double vi_log(double x)

cdef extern from "_small_products.h" nogil:
    enum: VI_WIDTH
    void vi_small_product(double* out, const double* start, const double* a, Py_ssize_t a_width, const double* b,
                          Py_ssize_t rows, Py_ssize_t inner, Py_ssize_t width)
    void vi_weighted_dots(double* out, const double* weight, const double* rows, Py_ssize_t size, int count)

cdef extern from "<math.h>" nogil:
    double sqrt(double x)
    double fabs(double x)

cdef double TINY = 1e-300
cdef double LOG_TINY = np.log(1e-300)
cdef double LEAST = 1e-100  # of the sum of a table, before it is normalised ...
cdef double MOST = 1e100  # ... for a step to be tried
cdef double ROUNDING = 1e-30  # of a squared length in logarithms
cdef double RIDGE = 1e-9
cdef enum:
    MEMORY = 5  # of bottleneck.py


cdef struct Problem:
    Py_ssize_t T, X, Y, wide_X, wide_Y
    double beta
    const double* labels  # p(y|x) (Y, wide_X)
    const double* joint  # p(x, y) (X, wide_Y)
    const double* p_x
    double* encoder  # (T, wide_X), logits before
    double* priced  # beta log q(t, y) (T, wide_Y)
    double* prior  # (1 - beta) log q(t) (T,)
    double* top  # over t, of logits (wide_X,)
    double* total  # over t (wide_X,) or (wide_Y,)


cdef inline void fill(double* row, double value, Py_ssize_t count) noexcept nogil:
    cdef Py_ssize_t i
    for i in range(count):
        row[i] = value


cdef inline void copy(double* out, const double* row, Py_ssize_t count) noexcept nogil:
    cdef Py_ssize_t i
    for i in range(count):
        out[i] = row[i]


cdef inline void logs(double* out, const double* row, Py_ssize_t count) noexcept nogil:
    cdef Py_ssize_t i
    for i in range(count):
        out[i] = vi_log(row[i] if row[i] > TINY else TINY)


cdef inline void raise_to(double* top, const double* row, Py_ssize_t count) noexcept nogil:
    cdef Py_ssize_t i
    for i in range(count):
        top[i] = row[i] if row[i] > top[i] else top[i]


cdef inline void exponentiate(double* row, const double* top, double* total, Py_ssize_t count) noexcept nogil:
    cdef Py_ssize_t i
    for i in range(count):
        row[i] = vi_exp_nonpositive(row[i] - top[i])
        total[i] += row[i]


cdef inline void multiply(double* row, const double* factor, Py_ssize_t count) noexcept nogil:
    cdef Py_ssize_t i
    for i in range(count):
        row[i] *= factor[i]


cdef double one(Problem* at, const double* table, const double* log_table, double* after) noexcept nogil:
    """The encoder of a table (T, wide_Y), the table after it, and the objective."""
    cdef Py_ssize_t t, x, y
    cdef double objective = 0
    for t in range(at.T):
        at.prior[t] = 0
        for y in range(at.Y):
            at.prior[t] += max(table[t * at.wide_Y + y], TINY)
    logs(at.prior, at.prior, at.T)
    for t in range(at.T):
        at.prior[t] *= 1 - at.beta
    for y in range(at.T * at.wide_Y):
        at.priced[y] = at.beta * log_table[y]
    vi_small_product(at.encoder, at.prior, at.priced, at.wide_Y, at.labels, at.T, at.Y, at.wide_X)
    copy(at.top, at.encoder, at.wide_X)
    for t in range(1, at.T):
        raise_to(at.top, at.encoder + t * at.wide_X, at.wide_X)
    fill(at.total, 0, at.wide_X)
    for t in range(at.T):
        exponentiate(at.encoder + t * at.wide_X, at.top, at.total, at.wide_X)
    for x in range(at.wide_X):
        at.top[x] += vi_log(at.total[x])
        at.total[x] = 1 / at.total[x]
    for x in range(at.X):
        objective -= at.p_x[x] * at.top[x]
    for t in range(at.T):
        multiply(at.encoder + t * at.wide_X, at.total, at.wide_X)
    vi_small_product(after, NULL, at.encoder, at.wide_X, at.joint, at.T, at.X, at.wide_Y)
    return objective


cdef void shares(double* share, const double* dots) noexcept nogil:
    """Of each difference (MEMORY,), by Cholesky's method; dots as `weigh` leaves them."""
    cdef int i, j, k
    cdef double trace = 0, sum
    cdef double[MEMORY][MEMORY] lower
    for i in range(MEMORY):
        trace += dots[i * (MEMORY + 1)]
    for i in range(MEMORY):
        for j in range(i + 1):
            sum = dots[j * (MEMORY + 1) + i - j] + (RIDGE * trace + TINY if i == j else 0)
            for k in range(j):
                sum -= lower[i][k] * lower[j][k]
            lower[i][j] = sqrt(sum) if i == j else sum / lower[j][j]
    for i in range(MEMORY):
        share[i] = dots[i * (MEMORY + 1) + MEMORY - i]
        for k in range(i):
            share[i] -= lower[i][k] * share[k]
        share[i] /= lower[i][i]
    for i in range(MEMORY - 1, -1, -1):
        for k in range(i + 1, MEMORY):
            share[i] -= lower[k][i] * share[k]
        share[i] /= lower[i][i]


cdef inline void weigh(double* dots, const double* weight, const double* rows, Py_ssize_t size) noexcept nogil:
    """Weighted products of row i, for each but the last, with itself and those after it: dots[i (MEMORY + 1) + j]."""
    cdef int i
    for i in range(MEMORY):
        vi_weighted_dots(dots + i * (MEMORY + 1), weight, rows + i * size, size, MEMORY + 1 - i)


cdef inline void extrapolate(double* out, const double* end, const double* ends, const double* share,
                             Py_ssize_t size) noexcept nogil:
    cdef Py_ssize_t i
    cdef int j
    for i in range(size):
        out[i] = end[i]
        for j in range(MEMORY):
            out[i] -= share[j] * ends[j * size + i]


cdef inline bint against(Problem* at, const double* weight, const double* out, const double* end,
                         const double* move) noexcept nogil:
    """Whether a step to `out` from where the move to `end` began goes against it."""
    cdef Py_ssize_t t, y, i
    cdef double along = 0
    fill(at.total, 0, at.wide_Y)
    for t in range(at.T):
        for y in range(at.wide_Y):
            i = t * at.wide_Y + y
            at.total[y] += weight[i] * (out[i] - end[i] + move[i]) * move[i]
    for y in range(at.Y):
        along += at.total[y]
    return along < 0


cdef inline bint normalised(Problem* at, double* table, double* log_table) noexcept nogil:
    """Exponentials of log_table (T, wide_Y), and itself, so that they sum to 1; whether they could."""
    cdef Py_ssize_t t, y
    cdef double sum = 0, shift
    fill(at.total, 0, at.wide_Y)
    for t in range(at.T):
        for y in range(at.wide_Y):
            table[t * at.wide_Y + y] = vi_exp_normal(log_table[t * at.wide_Y + y])
            at.total[y] += table[t * at.wide_Y + y]
    for y in range(at.Y):
        sum += at.total[y]
    if not LEAST <= sum <= MOST:
        return False
    shift = vi_log(sum)
    sum = 1 / sum
    for y in range(at.T * at.wide_Y):
        table[y] *= sum
        log_table[y] -= shift
        log_table[y] = log_table[y] if log_table[y] > LOG_TINY else LOG_TINY
    return True


cdef double walk(Problem* at, double* table, double* scratch, Py_ssize_t steps, double* residual) noexcept nogil:
    """The objective after `steps` from a table (T, wide_Y); scratch is (6 + 2 MEMORY, T * wide_Y)."""
    cdef Py_ssize_t size = at.T * at.wide_Y, step, i
    cdef double value, reached, relax = 0, longest, newest = 1
    cdef double* after = scratch
    cdef double* spare = after + size
    cdef double* here = spare + size  # log table
    cdef double* end = here + size  # log after
    cdef double* new_end = end + size
    cdef double* ends = new_end + size  # differences of successive ends
    cdef double* moves = ends + MEMORY * size  # of successive end - here, which is the last row
    cdef double* move = moves + MEMORY * size
    cdef double[MEMORY] share
    cdef double[MEMORY * (MEMORY + 1)] dots
    cdef bint worse, empty = True  # whether there are no differences
    fill(ends, 0, MEMORY * size)
    fill(moves, 0, MEMORY * size)
    logs(here, table, size)
    value = one(at, table, here, after)
    logs(end, after, size)
    for i in range(size):
        move[i] = end[i] - here[i]
    for step in range(steps - 1):
        if empty:
            for i in range(size):
                here[i] = end[i] + relax * move[i]
        else:
            weigh(dots, after, moves, size)
            shares(share, dots)
            extrapolate(here, end, ends, share, size)
        worse = against(at, after, here, end, move) or not normalised(at, table, here)
        if not worse:
            reached = one(at, table, here, spare)
            worse = not reached <= value
        if worse:
            copy(table, after, size)
            copy(here, end, size)
            reached = one(at, table, here, spare)
        value, after, spare = reached, spare, after
        logs(new_end, after, size)
        remember(ends + step % MEMORY * size, moves + step % MEMORY * size, move, here, end, new_end, size)
        newest = 1
        if worse:
            newest = ratio(after, ends + step % MEMORY * size, moves + step % MEMORY * size, size)
            fill(ends, 0, MEMORY * size)
            fill(moves, 0, MEMORY * size)
            relax = 0 if empty else 2 * relax + 1
        elif not empty:
            relax = 0
        empty = worse
        end, new_end = new_end, end
    residual[0] = 0
    for i in range(size):
        residual[0] += fabs(after[i] - table[i])
    longest = max(1, newest)
    for step in range(MEMORY):
        longest = max(longest, ratio(after, ends + step * size, moves + step * size, size))
    residual[0] *= sqrt(longest)
    return value


cdef inline void remember(double* ends, double* moves, double* move, const double* here, const double* end,
                          const double* new_end, Py_ssize_t size) noexcept nogil:
    """The differences that a step made, and its move."""
    cdef Py_ssize_t i
    for i in range(size):
        ends[i] = new_end[i] - end[i]
        moves[i] = new_end[i] - here[i] - move[i]
        move[i] = new_end[i] - here[i]


cdef inline double ratio(const double* weight, const double* ends, const double* moves, Py_ssize_t size) noexcept nogil:
    """Of the squared length of a difference of tables, ends less moves, to that of their moves; of rounding's, about 1."""
    cdef Py_ssize_t i
    cdef double gone = 0, moved = 0
    for i in range(size):
        gone += weight[i] * (ends[i] - moves[i]) * (ends[i] - moves[i])
        moved += weight[i] * moves[i] * moves[i]
    return gone / max(moved, ROUNDING)


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
