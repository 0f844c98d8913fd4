# cython: language_level=3, cdivision=True
# Anderson's steps of the information bottleneck, in log q(t, y) weighted by q(t, y), as bottleneck.py says.
from libc.math cimport fabs, sqrt

from varinf._kernels._bottleneck_step cimport Problem, copy, fill, logs, one, vi_log

cdef extern from "_simd.h" nogil:
    double vi_exp_normal(double x)

cdef extern from "_small_products.h" nogil:
    void vi_weighted_dots(double* out, const double* weight, const double* rows, Py_ssize_t size, int count)

cdef extern from "_bottleneck.h" nogil:
    double VI_TINY, VI_LOG_TINY, VI_LEAST, VI_MOST, VI_ROUNDING, VI_RIDGE

cdef enum:
    MEMORY = 5      # differences that a step is made from, of bottleneck.py


cdef inline void shares(double* share, const double* dots) noexcept nogil:
    """Of each difference (MEMORY,), by Cholesky's method; dots as `weigh` leaves them."""
    cdef int i, j, k
    cdef double trace = 0, sum
    cdef double[MEMORY][MEMORY] lower
    for i in range(MEMORY):
        trace += dots[i * (MEMORY + 1)]
    for i in range(MEMORY):
        for j in range(i + 1):
            sum = dots[j * (MEMORY + 1) + i - j] + (VI_RIDGE * trace + VI_TINY if i == j else 0)
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
    if not VI_LEAST <= sum <= VI_MOST:
        return False
    shift = vi_log(sum)
    sum = 1 / sum
    for y in range(at.T * at.wide_Y):
        table[y] *= sum
        log_table[y] -= shift
        log_table[y] = log_table[y] if log_table[y] > VI_LOG_TINY else VI_LOG_TINY
    return True


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
    return gone / max(moved, VI_ROUNDING)


cdef inline double walk(Problem* at, double* table, double* scratch, Py_ssize_t steps, double* residual) noexcept nogil:
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
