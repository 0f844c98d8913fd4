# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True, initializedcheck=False
"""Compiled twin of pareto_tail.py, where the contract stands.

The largest draws are sieved out in one pass over memory. A sample of the draws tells a bound that somewhat more than
`keep` of them exceed; what exceeds it goes into a buffer, and when that is full its `keep` largest stay and the bound
rises. Should the sample have misled, so that fewer than `keep` are found, the pass is made again without it. Of columns
that stand side by side a tile is transposed first. The fit is in _pareto_fit.pxd.
"""
import numpy as np

from libc.math cimport INFINITY, NAN, fabs, isfinite, sqrt
from libc.stdint cimport int32_t, uint64_t
from libc.string cimport memcpy, memset

from varinf._kernels._order cimport above, ascending, bracket, of_key
from varinf._kernels._pareto_fit cimport fit_row, grid_for, padded_points
from varinf._kernels._real cimport real
from varinf._kernels._rows cimport vi_log, vi_log1p
from varinf._kernels.pareto_tail import SMALLEST

cdef extern from "_tail_loops.h" nogil:
    enum: VI_SPARE
    double vi_exp(double x)
    Py_ssize_t vi_sieve(const double* x, Py_ssize_t n, double power, double bound, double* out)
    Py_ssize_t vi_sievef(const float* x, Py_ssize_t n, float power, float bound, float* out)
    Py_ssize_t vi_places(const double* x, Py_ssize_t n, Py_ssize_t first, double bound, Py_ssize_t* places)
    Py_ssize_t vi_placesf(const float* x, Py_ssize_t n, Py_ssize_t first, float bound, Py_ssize_t* places)

cdef enum:
    STEP = 256      # draws between two looks at the room that is left
    ROWS = 64       # draws of a tile at a time ...
    COLUMNS = 32    # ... by columns: 16 KiB of float64
    SAMPLE = 4096   # draws in a sample at most ...
    RUN = 8         # ... taken so many together, as a cache line brings them


# the largest ---------------------------------------------------------------------------------------------------------

def largest(x, double power, Py_ssize_t keep):
    x = checked(x)
    if not 1 <= keep <= x.shape[1]:
        raise ValueError(f"keep is {keep} of {x.shape[1]} draws; 1 to all of them can be kept")
    top = np.empty((x.shape[0], x.shape[2], keep), x.dtype)
    if top.size == 0:
        return top
    # Keys to sort, twice, and a buffer for each column, or a sample
    spare = np.empty(2 * room_for(keep) + max(SAMPLE, min(COLUMNS, x.shape[2]) * room_for(keep)), np.uint64)
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


cdef inline Py_ssize_t room_for(Py_ssize_t keep) noexcept nogil:
    """Of a buffer: for `keep` draws and as many more as make it worth while to select among them."""
    return 3 * keep + STEP + 4 * VI_SPARE


cdef void find_largest(const real[:, :, ::1] x, double power_, uint64_t[::1] spare, real[:, :, ::1] top) noexcept:
    cdef Py_ssize_t draws = x.shape[1], inner = x.shape[2], keep = top.shape[2], room = room_for(keep)
    cdef Py_ssize_t[COLUMNS] held
    cdef Py_ssize_t[COLUMNS] nans
    cdef real[COLUMNS] bounds
    cdef uint64_t* keys = &spare[0]
    cdef real* buffers = <real*>&spare[2 * room]
    cdef real* buffer
    cdef real power = <real>power_
    cdef Py_ssize_t o, c, i, width
    with nogil:
        for o in range(x.shape[0]):
            for c in range(0, inner, 32):  # COLUMNS
                width = min(<Py_ssize_t>COLUMNS, inner - c)
                for i in range(width):
                    held[i] = nans[i] = 0
                    bounds[i] = -INFINITY
                    if draws > room:
                        bounds[i] = guess(&x[o, 0, c + i], draws, inner, power, keep, buffers)
                feed(&x[o, 0, c], draws, inner, width, power, keep, buffers, held, nans, bounds)
                for i in range(width):
                    buffer = buffers + i * room
                    settle(buffer, keep, &held[i], &nans[i], &bounds[i])
                    if held[i] < keep and bounds[i] > -INFINITY:
                        held[i] = nans[i] = 0
                        bounds[i] = -INFINITY
                        feed(&x[o, 0, c + i], draws, inner, 1, power, keep, buffer, &held[i], &nans[i], &bounds[i])
                        settle(buffer, keep, &held[i], &nans[i], &bounds[i])
                    finish(buffer, held[i], nans[i], keys, keep, &top[o, c + i, 0])


cdef real guess(const real* x, Py_ssize_t draws, Py_ssize_t stride, real power, Py_ssize_t keep,
                real* sample) noexcept nogil:
    """A bound that more than `keep` draws exceed, as far as a sample can tell: by 3.5 of its standard deviations."""
    cdef Py_ssize_t runs = max(<Py_ssize_t>64, min(<Py_ssize_t>SAMPLE, draws // 16)) // RUN, size = runs * RUN
    cdef double expected = <double>size * keep / draws
    cdef Py_ssize_t fewest = <Py_ssize_t>(expected + 3.5 * sqrt(expected)) + 4
    cdef Py_ssize_t most = fewest + <Py_ssize_t>sqrt(<double>fewest), s, i, first
    cdef real low, high
    if most >= size:
        return -INFINITY
    for s in range(runs):
        first = <Py_ssize_t>(<double>s * (draws - RUN) / runs)
        for i in range(RUN):
            sample[s * RUN + i] = power * x[(first + i) * stride]
    bracket(<const real*>sample, size, fewest, most, &low, &high)
    return low


cdef void feed(const real* x, Py_ssize_t draws, Py_ssize_t stride, Py_ssize_t columns, real power, Py_ssize_t keep,
               real* buffers, Py_ssize_t* held, Py_ssize_t* nans, real* bounds) noexcept nogil:
    """Takes all draws of some neighbouring columns, each into its buffer."""
    cdef real[ROWS * COLUMNS] tile
    cdef Py_ssize_t first, rows, c
    if stride == 1:
        take(x, draws, power, keep, buffers, held, nans, bounds)
        return
    for first in range(0, draws, 64):  # ROWS
        rows = min(<Py_ssize_t>ROWS, draws - first)
        transpose(x + first * stride, rows, stride, columns, tile)
        for c in range(columns):
            take(<const real*>tile + c * ROWS, rows, power, keep, buffers + c * room_for(keep),
                 &held[c], &nans[c], &bounds[c])


cdef inline void transpose(const real* x, Py_ssize_t rows, Py_ssize_t stride, Py_ssize_t columns,
                           real* tile) noexcept nogil:
    cdef Py_ssize_t j, c
    for j in range(rows):
        for c in range(columns):
            tile[c * ROWS + j] = x[j * stride + c]


cdef void take(const real* x, Py_ssize_t n, real power, Py_ssize_t keep, real* buffer, Py_ssize_t* held,
               Py_ssize_t* nans, real* bound) noexcept nogil:
    """Puts the draws above the bound into the buffer, nan with them."""
    cdef Py_ssize_t j
    for j in range(0, n, 256):  # STEP
        if held[0] + STEP + VI_SPARE > room_for(keep):
            settle(buffer, keep, held, nans, bound)
        held[0] += sieve(x + j, min(<Py_ssize_t>STEP, n - j), power, bound[0], buffer + held[0])


cdef inline Py_ssize_t sieve(const real* x, Py_ssize_t n, real power, real bound, real* out) noexcept nogil:
    if real is float:
        return vi_sievef(x, n, power, bound, out)
    else:
        return vi_sieve(x, n, power, bound, out)


cdef void settle(real* buffer, Py_ssize_t keep, Py_ssize_t* held, Py_ssize_t* nans, real* bound) noexcept nogil:
    """Leaves the `keep` largest in the buffer, or all if there are fewer, and counts nan instead of holding it."""
    cdef Py_ssize_t i, n = above(<const real*>buffer, held[0], <real>-INFINITY)
    cdef real low
    if n < held[0]:  # -inf is never held: what is not above it is nan
        nans[0] += held[0] - n
        n = 0
        for i in range(held[0]):
            if buffer[i] == buffer[i]:
                buffer[n] = buffer[i]
                n += 1
    if n > keep:
        bracket(<const real*>buffer, n, keep, keep, &low, bound)
        for i in range(sieve(<const real*>buffer, n, <real>1, bound[0], buffer), keep):
            buffer[i] = bound[0]  # which some tie with
        n = keep
    held[0] = n


cdef void finish(real* buffer, Py_ssize_t held, Py_ssize_t nans, uint64_t* keys, Py_ssize_t keep,
                 real* out) noexcept nogil:
    """What the settled buffer holds, ascending, with nan above, and below it -inf for what is missing."""
    cdef Py_ssize_t i, first
    nans = min(nans, keep)
    first = held + nans - keep
    keys = ascending(buffer, held, keys)
    for i in range(keep - nans):
        out[i] = of_key(keys[first + i], buffer[0]) if first + i >= 0 else -INFINITY
    for i in range(keep - nans, keep):
        out[i] = NAN


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


cdef void find_places(const real* x, Py_ssize_t draws, Py_ssize_t stride, Py_ssize_t columns, const real* cutoffs,
                      Py_ssize_t m, Py_ssize_t[:, ::1] places, Py_ssize_t* found) noexcept nogil:
    """Where the draws above the cutoff stand: at most m, where top is what it should be."""
    cdef real[ROWS * COLUMNS] tile
    cdef const real* column
    cdef Py_ssize_t j, n, i
    for i in range(columns):
        found[i] = 0
    for j in range(0, draws, 64):  # ROWS
        n = min(<Py_ssize_t>ROWS, draws - j)
        if stride > 1:
            transpose(x + j * stride, n, stride, columns, tile)
        for i in range(columns):
            column = x + j if stride == 1 else <const real*>tile + i * ROWS
            found[i] = min(m, found[i] + places_of(column, n, j, cutoffs[i], &places[i, found[i]]))


cdef inline Py_ssize_t places_of(const real* x, Py_ssize_t n, Py_ssize_t first, real bound,
                                 Py_ssize_t* places) noexcept nogil:
    if real is float:
        return vi_placesf(x, n, first, bound, places)
    else:
        return vi_places(x, n, first, bound, places)


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


cdef void replace(const real* x, Py_ssize_t draws, Py_ssize_t stride, const double* top, Py_ssize_t m,
                  const double* values, const Py_ssize_t* places, Py_ssize_t found, int32_t* taken,
                  real* out) noexcept nogil:
    """Puts the quantiles in the places of the draws above the cutoff, and of the last of those that tie with it."""
    cdef Py_ssize_t i, j
    memset(taken, 0, m * sizeof(int32_t))
    for j in range(found):
        i = rank(top + 1, m, x[places[j] * stride])
        taken[i] += 1
        out[places[j] * stride] = <real>values[min(i + taken[i], m) - 1]
    i, j = m - found, draws - 1
    while i > 0 and j >= 0:
        if x[j * stride] == top[0]:
            i -= 1
            out[j * stride] = <real>values[i]
        j -= 1


cdef inline Py_ssize_t rank(const double* tail, Py_ssize_t m, double x) noexcept nogil:
    """How many of the ascending tail are smaller than x, which is one of it; without branches."""
    cdef Py_ssize_t first = 0, half
    while m > 1:
        half = m / 2
        first += half & -<Py_ssize_t>(tail[first + half - 1] < x)
        m -= half
    return first
