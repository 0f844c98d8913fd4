# cython: language_level=3, cdivision=True
# The largest draws of a column: the loops behind _pareto_tail.pyx, which says how they are sieved out.
from libc.math cimport INFINITY, NAN, sqrt
from libc.stdint cimport uint64_t

from varinf._kernels._order cimport above, ascending, bracket, of_key
from varinf._kernels._real cimport real
from varinf._kernels._tail_columns cimport COLUMNS, ROWS, transpose

cdef extern from "_tail_loops.h" nogil:
    enum: VI_SPARE
    Py_ssize_t vi_sieve(const double* x, Py_ssize_t n, double power, double bound, double* out)
    Py_ssize_t vi_sievef(const float* x, Py_ssize_t n, float power, float bound, float* out)

cdef enum:
    STEP = 256      # draws between two looks at the room that is left
    SAMPLE = 4096   # draws in a sample at most ...
    RUN = 8         # ... taken so many together, as a cache line brings them


cdef inline Py_ssize_t room_for(Py_ssize_t keep) noexcept nogil:
    """Of a buffer: for `keep` draws and as many more as make it worth while to select among them."""
    return 3 * keep + STEP + 4 * VI_SPARE


cdef inline real guess(
    const real* x, Py_ssize_t draws, Py_ssize_t stride, real power, Py_ssize_t keep,
    real* sample
) noexcept nogil:
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


cdef inline void feed(
    const real* x, Py_ssize_t draws, Py_ssize_t stride, Py_ssize_t columns, real power, Py_ssize_t keep,
    real* buffers, Py_ssize_t* held, Py_ssize_t* nans, real* bounds
) noexcept nogil:
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


cdef inline void take(
    const real* x, Py_ssize_t n, real power, Py_ssize_t keep, real* buffer, Py_ssize_t* held,
    Py_ssize_t* nans, real* bound
) noexcept nogil:
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


cdef inline void settle(
    real* buffer, Py_ssize_t keep, Py_ssize_t* held, Py_ssize_t* nans, real* bound
) noexcept nogil:
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


cdef inline void finish(
    real* buffer, Py_ssize_t held, Py_ssize_t nans, uint64_t* keys, Py_ssize_t keep,
    real* out
) noexcept nogil:
    """What the settled buffer holds, ascending, with nan above, and below it -inf for what is missing."""
    cdef Py_ssize_t i, first
    nans = min(nans, keep)
    first = held + nans - keep
    keys = ascending(buffer, held, keys)
    for i in range(keep - nans):
        out[i] = of_key(keys[first + i], buffer[0]) if first + i >= 0 else -INFINITY
    for i in range(keep - nans, keep):
        out[i] = NAN
