# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True, initializedcheck=False
"""Compiled twin of pareto_tail.py, where the contract stands.

The largest draws are sieved out in one pass over memory. A sample of the draws tells a bound that somewhat more than
`keep` of them exceed; what exceeds it goes into a buffer, and when that is full its `keep` largest stay and the bound
rises. Should the sample have misled, so that fewer than `keep` are found, the pass is made again without it. Of columns
that stand side by side a tile is transposed first. Few draws are sorted instead, 16 columns at once (_few_draws.h).
The fit is in _pareto_fit.pxd.
"""
import numpy as np

from libc.math cimport INFINITY, fabs, isfinite
from libc.stdint cimport int32_t, uint64_t
from libc.string cimport memcpy

from varinf._kernels._few_draws cimport VI_SIDE, block_for, largest_of_few
from varinf._kernels._largest_draws cimport SAMPLE, VI_SPARE, feed, finish, guess, room_for, settle
from varinf._kernels._pareto_fit cimport fit_row, grid_for, padded_points
from varinf._kernels._real cimport real
from varinf._kernels._rows cimport vi_exp, vi_log, vi_log1p
from varinf._kernels._tail_columns cimport COLUMNS, ROWS
from varinf._kernels._tail_places cimport find_places, replace
from varinf._kernels.pareto_tail import SMALLEST


# the largest ---------------------------------------------------------------------------------------------------------

def largest(x, double power, Py_ssize_t keep):
    x = checked(x)
    if not 1 <= keep <= x.shape[1]:
        raise ValueError(f"keep is {keep} of {x.shape[1]} draws; 1 to all of them can be kept")
    top = np.empty((x.shape[0], x.shape[2], keep), x.dtype)
    if top.size == 0:
        return top
    # Keys to sort, twice, and a buffer for each column, or a sample; or two blocks of few draws
    room = 2 * room_for(keep) + max(SAMPLE, min(COLUMNS, x.shape[2]) * room_for(keep))
    spare = np.empty(max(room, 2 * VI_SIDE * block_for(x.shape[1], keep)), np.uint64)
    if x.dtype.char == "f":
        find_largest[float](x, power, spare, top)
    else:
        find_largest[double](x, power, spare, top)
    return top


cdef checked(x):
    x = np.ascontiguousarray(x)
    if x.ndim != 3 or x.shape[1] == 0:
        raise ValueError(f"x has shape {x.shape}; (outer, draws, inner) with at least one draw is needed")
    return x


cdef void find_largest(const real[:, :, ::1] x, double power, uint64_t[::1] spare, real[:, :, ::1] top) noexcept:
    """By networks where the draws are few, the columns of one row together or neighbouring rows of one column."""
    cdef Py_ssize_t draws = x.shape[1], inner = x.shape[2], keep = top.shape[2], size = block_for(draws, keep)
    cdef Py_ssize_t o = 0, c, r, width, step = VI_SIDE if size else COLUMNS
    cdef real* blocks = <real*>&spare[0]
    with nogil:
        while o < x.shape[0]:
            if size and inner == 1:
                width = min(step, x.shape[0] - o)
                if not largest_of_few(&x[o, 0, 0], draws, size, 1, width, draws, <real>power, keep, blocks, &top[o, 0, 0]):
                    for r in range(o, o + width):
                        sieved(&x[r, 0, 0], draws, 1, 1, <real>power, keep, spare, &top[r, 0, 0])
                o += step
                continue
            c = 0
            while c < inner:
                width = min(step, inner - c)
                if not (size and largest_of_few(&x[o, 0, c], draws, size, inner, width, 1, <real>power, keep, blocks,
                                                &top[o, c, 0])):
                    sieved(&x[o, 0, c], draws, inner, width, <real>power, keep, spare, &top[o, c, 0])
                c += step
            o += 1


cdef void sieved(const real* x, Py_ssize_t draws, Py_ssize_t inner, Py_ssize_t width, real power, Py_ssize_t keep,
                 uint64_t[::1] spare, real* top) noexcept nogil:
    """Of `width` columns, COLUMNS at most, that stand side by side."""
    cdef Py_ssize_t room = room_for(keep), i
    cdef Py_ssize_t[COLUMNS] held
    cdef Py_ssize_t[COLUMNS] nans
    cdef real[COLUMNS] bounds
    cdef uint64_t* keys = &spare[0]
    cdef real* buffers = <real*>&spare[2 * room]
    cdef real* buffer
    for i in range(width):
        held[i] = nans[i] = 0
        bounds[i] = -INFINITY
        if draws > room:
            bounds[i] = guess(x + i, draws, inner, power, keep, buffers)
    feed(x, draws, inner, width, power, keep, buffers, held, nans, bounds)
    for i in range(width):
        buffer = buffers + i * room
        settle(buffer, keep, &held[i], &nans[i], &bounds[i])
        if held[i] < keep and bounds[i] > -INFINITY:
            held[i] = nans[i] = 0
            bounds[i] = -INFINITY
            feed(x + i, draws, inner, 1, power, keep, buffer, &held[i], &nans[i], &bounds[i])
            settle(buffer, keep, &held[i], &nans[i], &bounds[i])
        finish(buffer, held[i], nans[i], keys, keep, top + i * keep)


# the fit -------------------------------------------------------------------------------------------------------------

def fit(top):
    if top.ndim != 2 or top.shape[1] < 2:
        raise ValueError(f"top has shape {top.shape}; (rows, tail + 1) with a tail of at least one is needed")
    rows, dtype = np.ascontiguousarray(top, np.float64), top.dtype
    m = rows.shape[1] - 1
    out = np.empty((2, rows.shape[0]))
    fit_rows(rows, SMALLEST, np.empty(2 * m + 4 * padded_points(m)), out)
    out = out.astype(dtype, copy=False)
    return out[0], out[1]


cdef void fit_rows(const double[:, ::1] top, double smallest, double[::1] spare, double[:, ::1] out) noexcept:
    cdef Py_ssize_t r, m = top.shape[1] - 1
    cdef double* grid = &spare[0]
    with nogil:
        grid_for(m, grid)
        for r in range(top.shape[0]):
            fit_row(&top[r, 0], m, smallest, grid, grid + padded_points(m), &out[0, r], &out[1, r])


# the smoothing -------------------------------------------------------------------------------------------------------

def smooth(x, top, Py_ssize_t tail, k_hat, sigma):
    x = checked(x)
    shape = x.shape[0], x.shape[2]
    if not (k_hat.shape == sigma.shape == shape and top.shape == (*shape, tail + 1) and 1 <= tail < x.shape[1]):
        raise ValueError("x (outer, draws, inner), top (outer, inner, tail + 1), k_hat and sigma (outer, inner), "
                         f"1 <= tail < draws: got {x.shape}, {top.shape}, {k_hat.shape} and {sigma.shape}, tail {tail}")
    top, k_hat, sigma = (np.ascontiguousarray(y, np.float64) for y in (top, k_hat, sigma))
    out = np.empty_like(x)
    if out.size == 0:
        return out
    tables, taken = np.empty((3, tail)), np.empty(tail, np.int32)
    places = np.empty((min(COLUMNS, x.shape[2]), tail + ROWS + VI_SPARE), np.intp)
    if x.dtype.char == "f":
        smooth_columns[float](x, top, k_hat, sigma, tables, places, taken, out)
    else:
        smooth_columns[double](x, top, k_hat, sigma, tables, places, taken, out)
    return out


cdef void smooth_columns(
    const real[:, :, ::1] x, const double[:, :, ::1] top, const double[:, ::1] k_hat, const double[:, ::1] sigma,
    double[:, ::1] tables, Py_ssize_t[:, ::1] places, int32_t[::1] taken, real[:, :, ::1] out
) noexcept:
    cdef Py_ssize_t draws = x.shape[1], inner = x.shape[2], m = top.shape[2] - 1, o, c, i, width
    cdef Py_ssize_t[COLUMNS] found
    cdef real[COLUMNS] cutoffs
    cdef const double* tail
    cdef double* minus_log = &tables[0, 0]
    cdef double* values = &tables[1, 0]
    with nogil:
        for i in range(m):
            minus_log[i] = (i + 0.5) / m
        for i in range(m):
            minus_log[i] = -vi_log1p(-minus_log[i])
        for o in range(x.shape[0]):
            memcpy(&out[o, 0, 0], &x[o, 0, 0], draws * inner * sizeof(real))
            for c in range(0, inner, 32):  # COLUMNS
                width = min(<Py_ssize_t>COLUMNS, inner - c)
                for i in range(width):
                    cutoffs[i] = <real>(top[o, c + i, 0] if isfinite(k_hat[o, c + i]) else INFINITY)
                find_places(&x[o, 0, c], draws, inner, width, cutoffs, m, places, found)
                for i in range(width):
                    if cutoffs[i] < INFINITY:
                        tail = &top[o, c + i, 0]
                        quantiles(tail, m, minus_log, k_hat[o, c + i], sigma[o, c + i], values, &tables[2, 0])
                        replace(&x[o, 0, c + i], draws, inner, tail, m, values, &places[i, 0], found[i], &taken[0],
                                &out[o, 0, c + i])


cdef void quantiles(const double* top, Py_ssize_t m, const double* minus_log, double k, double sigma,
                    double* values, double* logs) noexcept nogil:
    """log(sigma expm1(k t) / k + cutoff), t = -log(1 - p), relative to the largest weight and not above it.

    With u = exp(k t), expm1(k t) / (k t) near 0 is (u - 1) / log u, where the rounding of u cancels.
    """
    cdef double cutoff = vi_exp(top[0] - top[m]), y
    cdef Py_ssize_t i
    for i in range(m):
        values[i] = vi_exp(k * minus_log[i])
    for i in range(m):
        logs[i] = vi_log(values[i])
    for i in range(m):
        y = k * minus_log[i]
        y = y if fabs(y) > 0.5 else logs[i]
        y = 1 if y == 0 else (values[i] - 1) / y
        values[i] = sigma * minus_log[i] * y + cutoff
    for i in range(m):
        y = vi_log(values[i])
        values[i] = (y if y < 0 else 0) + top[m]
