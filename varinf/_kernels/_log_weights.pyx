# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True, initializedcheck=False
"""Compiled twin of log_weights.py, where the contract stands.

One pass over memory: the draws come in blocks that stay in the first cache, and each block is read twice there, first
for its maximum and sum, then for exp(log v - maximum) and the squared deviations. The running sums are rescaled when
the maximum moves. With draws on the last axis the lanes run along them; otherwise they run along the columns.
"""
import numpy as np

from libc.math cimport INFINITY, exp, expm1, fabs, log1p
from varinf._kernels._real cimport real

cdef extern from "_simd.h" nogil:
    double vi_exp(double x)
    float vi_exp_nonpositivef(float x)
    double vi_exp_nonpositive(double x)
    double vi_log(double x)

cdef enum:
    LANES = 16
    BLOCK = 512     # draws of a row at a time: 4 KiB of float64
    ROWS = 16       # draws of a tile at a time ...
    COLUMNS = 128   # ... by columns: 16 KiB of float64


cdef inline real exp_(real x) noexcept nogil:
    """Of log v less its maximum; weights too small for a normal number count as 0."""
    if real is float:
        return vi_exp_nonpositivef(x)
    else:
        return vi_exp_nonpositive(x)


cdef struct State:      # of one column, over the draws read so far
    double n, top, sum_v, sum_v2, sum_x, m2


cdef inline void start(State* s) noexcept nogil:
    s.n = 0
    s.top = -INFINITY
    s.sum_v = s.sum_v2 = s.sum_x = s.m2 = 0


cdef inline double finite(double top) noexcept nogil:
    return top if -INFINITY < top < INFINITY else 0


cdef inline void absorb(State* s, double n, double top, double sum_v, double sum_v2, double sum_x, double m2) noexcept nogil:
    """Adds a block: its sums of v and v² are already relative to `top`, the maximum of all draws so far."""
    cdef double rescale = 1
    if top != s.top:
        rescale = vi_exp(finite(s.top) - finite(top)) if s.top > -INFINITY else 0
    cdef double difference
    s.sum_v = s.sum_v * rescale + sum_v
    s.sum_v2 = s.sum_v2 * rescale * rescale + sum_v2
    if s.n > 0:
        difference = sum_x / n - s.sum_x / s.n
        m2 += difference * difference * (s.n * n / (s.n + n))
    s.m2 += m2
    s.sum_x += sum_x
    s.n += n
    s.top = top


cdef inline void finish(State* s, real* top, real* log_mean, real* log_inefficiency, real* mean, real* m2) noexcept nogil:
    top[0] = <real>s.top
    if -INFINITY < s.top < INFINITY:
        log_mean[0] = <real>(s.top + vi_log(s.sum_v / s.n))
        log_inefficiency[0] = <real>vi_log(s.sum_v2 / s.sum_v * (s.n / s.sum_v))
    else:
        log_mean[0] = <real>s.top
        log_inefficiency[0] = INFINITY
    mean[0] = <real>(s.sum_x / s.n)
    m2[0] = <real>(0 if s.m2 < 0 else s.m2)  # rounding may leave a small negative; a nan stays


cdef void row_block(const real* x, Py_ssize_t n, real power, State* s) noexcept nogil:
    """n contiguous draws of one row."""
    cdef real tops[LANES]
    cdef double sums[LANES]
    cdef double squares[LANES]
    cdef double v_sums[LANES]
    cdef double v2_sums[LANES]
    cdef Py_ssize_t b, j, i, whole = n - n % LANES
    cdef double sum_x = 0, sum_v = 0, sum_v2 = 0, m2 = 0, top = s.top, d
    cdef real v, t, centre, shift
    for i in range(LANES):
        tops[i] = -INFINITY
        sums[i] = squares[i] = v_sums[i] = v2_sums[i] = 0
    for b in range(n // LANES):
        j = b * LANES
        for i in range(LANES):
            t = power * x[j + i]
            tops[i] = t if t > tops[i] else tops[i]
            sums[i] += x[j + i]
    for j in range(whole, n):
        t = power * x[j]
        tops[0] = t if t > tops[0] else tops[0]
        sum_x += x[j]
    for i in range(LANES):
        top = tops[i] if tops[i] > top else top
        sum_x += sums[i]
    shift = <real>finite(top)
    centre = <real>(sum_x / n)
    for b in range(n // LANES):
        j = b * LANES
        for i in range(LANES):
            v = exp_(power * x[j + i] - shift)
            d = x[j + i] - centre
            v_sums[i] += v
            v2_sums[i] += v * v
            squares[i] += d * d
    for j in range(whole, n):
        v = exp_(power * x[j] - shift)
        d = x[j] - centre
        sum_v += v
        sum_v2 += v * v
        m2 += d * d
    for i in range(LANES):
        sum_v += v_sums[i]
        sum_v2 += v2_sums[i]
        m2 += squares[i]
    # The deviations are about `centre`, the mean rounded to the element type: take out what the rounding adds.
    d = sum_x / n - centre
    absorb(s, n, top, sum_v, sum_v2, sum_x, m2 - n * d * d)


cdef void tile_block(const real* x, Py_ssize_t stride, Py_ssize_t rows, Py_ssize_t columns, real power, State* s) noexcept nogil:
    """`rows` draws of `columns` neighbouring columns, `stride` elements from draw to draw."""
    cdef real tops[COLUMNS]
    cdef real shifts[COLUMNS]
    cdef real centres[COLUMNS]
    cdef double sums[COLUMNS]
    cdef double squares[COLUMNS]
    cdef double v_sums[COLUMNS]
    cdef double v2_sums[COLUMNS]
    cdef Py_ssize_t j, c
    cdef const real* row
    cdef real t, v
    cdef double d
    for c in range(columns):
        tops[c] = <real>s[c].top
        sums[c] = squares[c] = v_sums[c] = v2_sums[c] = 0
    for j in range(rows):
        row = x + j * stride
        for c in range(columns):
            t = power * row[c]
            tops[c] = t if t > tops[c] else tops[c]
            sums[c] += row[c]
    for c in range(columns):
        shifts[c] = <real>finite(tops[c])
        centres[c] = <real>(sums[c] / rows)
    for j in range(rows):
        row = x + j * stride
        for c in range(columns):
            v = exp_(power * row[c] - shifts[c])
            d = row[c] - centres[c]
            v_sums[c] += v
            v2_sums[c] += v * v
            squares[c] += d * d
    for c in range(columns):
        d = sums[c] / rows - centres[c]
        absorb(&s[c], rows, tops[c], v_sums[c], v2_sums[c], sums[c], squares[c] - rows * d * d)


cdef void moments_of(const real[:, :, ::1] x, real power, real[:, ::1] top, real[:, ::1] log_mean,
                     real[:, ::1] log_inefficiency, real[:, ::1] mean, real[:, ::1] m2) noexcept nogil:
    cdef State states[COLUMNS]
    cdef Py_ssize_t o, j, c, i, width
    cdef Py_ssize_t outer = x.shape[0], draws = x.shape[1], inner = x.shape[2]
    for o in range(outer):
        c = 0
        while c < inner:
            width = min(<Py_ssize_t>COLUMNS, inner - c)
            for i in range(width):
                start(&states[i])
            j = 0
            while j < draws:
                if inner == 1:
                    row_block(&x[o, j, 0], min(<Py_ssize_t>BLOCK, draws - j), power, &states[0])
                    j += BLOCK
                else:
                    tile_block(&x[o, j, c], inner, min(<Py_ssize_t>ROWS, draws - j), width, power, &states[0])
                    j += ROWS
            for i in range(width):
                finish(&states[i], &top[o, c + i], &log_mean[o, c + i], &log_inefficiency[o, c + i], &mean[o, c + i],
                       &m2[o, c + i])
            c += COLUMNS


cdef void weights_row(const real* x, Py_ssize_t n, real power, real shift, real* out) noexcept nogil:
    """exp(log v − max) first, its sum along the way, then one scaling."""
    cdef double lanes[LANES]
    cdef double total = 0
    cdef Py_ssize_t b, j, i
    for i in range(LANES):
        lanes[i] = 0
    for b in range(n // LANES):
        j = b * LANES
        for i in range(LANES):
            out[j + i] = exp_(power * x[j + i] - shift)
            lanes[i] += out[j + i]
    for j in range(n - n % LANES, n):
        out[j] = exp_(power * x[j] - shift)
        total += out[j]
    for i in range(LANES):
        total += lanes[i]
    total = 1 / total if total > 0 else 0
    for j in range(n):
        out[j] = <real>(out[j] * total)


cdef void weights_tile(const real* x, Py_ssize_t stride, Py_ssize_t n, Py_ssize_t columns, real power, const real* top, real* out) noexcept nogil:
    """The same for neighbouring columns."""
    cdef double sums[COLUMNS]
    cdef real shifts[COLUMNS]
    cdef Py_ssize_t j, c
    for c in range(columns):
        sums[c] = 0
        shifts[c] = <real>finite(top[c])
    for j in range(n):
        for c in range(columns):
            out[j * stride + c] = exp_(power * x[j * stride + c] - shifts[c])
            sums[c] += out[j * stride + c]
    for c in range(columns):
        sums[c] = 1 / sums[c] if sums[c] > 0 else 0
    for j in range(n):
        for c in range(columns):
            out[j * stride + c] = <real>(out[j * stride + c] * sums[c])


cdef void weights_of(const real[:, :, ::1] x, real power, const real[:, ::1] top, real[:, :, ::1] out) noexcept nogil:
    cdef Py_ssize_t o, c, outer = x.shape[0], draws = x.shape[1], inner = x.shape[2]
    for o in range(outer):
        if inner == 1:
            weights_row(&x[o, 0, 0], draws, power, <real>finite(top[o, 0]), &out[o, 0, 0])
            continue
        c = 0
        while c < inner:
            weights_tile(&x[o, 0, c], inner, draws, min(<Py_ssize_t>COLUMNS, inner - c), power, &top[o, c], &out[o, 0, c])
            c += COLUMNS


cdef inline double log_add(double a, double b) noexcept nogil:
    cdef double top = max(a, b), low = min(a, b)
    return top if top == -INFINITY or top == INFINITY else top + vi_log(1 + vi_exp(low - top))


cdef inline double spread(double size, double log_inefficiency) noexcept nogil:
    """A part's mean square deviation of v, its mean v being `size`; a part without weight has none."""
    return size * size * expm1(log_inefficiency) if size > 0 else 0


def _moments(const real[:, :, ::1] x, double power, real[:, ::1] top, real[:, ::1] log_mean,
             real[:, ::1] log_inefficiency, real[:, ::1] mean, real[:, ::1] m2):
    with nogil:
        moments_of(x, <real>power, top, log_mean, log_inefficiency, mean, m2)


def _weights(const real[:, :, ::1] x, double power, const real[:, ::1] top, real[:, :, ::1] out):
    with nogil:
        weights_of(x, <real>power, top, out)


cdef checked(x):
    x = np.ascontiguousarray(x)
    if x.ndim != 3 or x.shape[1] == 0:
        raise ValueError(f"x has shape {x.shape}; (outer, draws, inner) with at least one draw is needed")
    return x


def moments(x, power):
    x = checked(x)
    shape = x.shape[0], x.shape[2]
    outputs = tuple(np.empty(shape, x.dtype) for _ in range(5))
    if x.size:
        _moments(x, power, *outputs)
    return outputs


def weights(x, power):
    x = checked(x)
    out = np.empty(x.shape, x.dtype)
    if x.size:
        _weights(x, power, (power * x).max(axis=1), out)
    return out


def merge(n_a, top_a, log_mean_a, log_inefficiency_a, mean_a, m2_a, n_b, top_b, log_mean_b, log_inefficiency_b, mean_b, m2_b):
    parts = (top_a, log_mean_a, log_inefficiency_a, mean_a, m2_a, top_b, log_mean_b, log_inefficiency_b, mean_b, m2_b)
    shapes = {part.shape for part in parts}
    if len(shapes) != 1:
        raise ValueError(f"the two states have arrays of shapes {sorted(shapes)}; they must agree")
    flat = np.ascontiguousarray(np.stack(parts, dtype=np.float64)).reshape(10, -1)
    out = np.empty((5, flat.shape[1]))
    if flat.size:
        _merge(flat, n_a, n_b, out)
    return tuple(row.reshape(top_a.shape).astype(top_a.dtype, copy=False) for row in out)


def _merge(const double[:, ::1] s, double n_a, double n_b, double[:, ::1] out):
    cdef Py_ssize_t i
    cdef double n = n_a + n_b, log_a = vi_log(n_a / n), log_b = vi_log(n_b / n), difference, log_mean, top, size_a, size_b, total
    with nogil:
        for i in range(s.shape[1]):
            out[0, i] = max(s[0, i], s[5, i])
            log_mean = out[1, i] = log_add(s[1, i] + log_a, s[6, i] + log_b)
            if -INFINITY < log_mean < INFINITY:
                # Both parts' spread and that of their means, relative to the larger: near-equal weights cancel nowhere.
                top = max(s[1, i], s[6, i])
                size_a, size_b = exp(s[1, i] - top), exp(s[6, i] - top)
                total = n_a * size_a + n_b * size_b
                difference = expm1(-fabs(s[1, i] - s[6, i]))
                out[2, i] = log1p(
                    n * (n_a * spread(size_a, s[2, i]) + n_b * spread(size_b, s[7, i])) / (total * total)
                    + n_a * n_b * (difference / total) * (difference / total)
                )
            else:
                out[2, i] = INFINITY
            out[3, i] = (n_a / n) * s[3, i] + (n_b / n) * s[8, i]
            difference = s[8, i] - s[3, i]
            out[4, i] = s[4, i] + s[9, i] + difference * difference * (n_a * (n_b / n))
