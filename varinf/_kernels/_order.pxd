# cython: language_level=3, cdivision=True
# What pareto_tail needs of the order of numbers: bounds that a given number of values exceed, and sorting.
#
# Both go by keys, unsigned integers in the order of the numbers: a bound is found by halving the range of keys, which
# takes at most 64 counts whatever the values, and integers merge without branches in half the time of doubles.
from libc.math cimport INFINITY
from libc.stdint cimport uint32_t, uint64_t

from varinf._kernels._real cimport real

cdef extern from "_tail_loops.h" nogil:
    uint64_t vi_bits(double x)
    double vi_from_bits(uint64_t b)
    uint32_t vi_bitsf(float x)
    float vi_from_bitsf(uint32_t b)
    Py_ssize_t vi_above(const double* x, Py_ssize_t n, double bound)
    Py_ssize_t vi_abovef(const float* x, Py_ssize_t n, float bound)
    void vi_sort_columns(double* x, Py_ssize_t rows, Py_ssize_t columns)
    void vi_sort_columnsf(float* x, Py_ssize_t rows, Py_ssize_t columns)

cdef enum:
    LANES = 16

cdef inline uint64_t key_of(real x) noexcept nogil:
    cdef uint64_t bits
    cdef uint32_t half
    if real is float:
        half = vi_bitsf(x)
        return half ^ (0xffffffffu if half >> 31 else 0x80000000u)
    else:
        bits = vi_bits(x)
        return bits ^ (0xffffffffffffffffu if bits >> 63 else 0x8000000000000000u)

cdef inline real of_key(uint64_t key, real exemplar) noexcept nogil:
    if real is float:
        return vi_from_bitsf(<uint32_t>(key ^ (0x80000000u if key >> 31 else 0xffffffffu)))
    else:
        return vi_from_bits(key ^ (0x8000000000000000u if key >> 63 else 0xffffffffffffffffu))

cdef inline Py_ssize_t above(const real* x, Py_ssize_t n, real bound) noexcept nogil:
    """How many values exceed the bound."""
    if real is float:
        return vi_abovef(x, n, bound)
    else:
        return vi_above(x, n, bound)

cdef inline void least_and_greatest(const real* x, Py_ssize_t n, real* least, real* greatest) noexcept nogil:
    """Of the values that are not nan; +inf and -inf if all are."""
    cdef real[LANES] lows
    cdef real[LANES] highs
    cdef Py_ssize_t i, j
    for i in range(16):
        lows[i], highs[i] = INFINITY, -INFINITY
    for j in range(0, n - 15, 16):
        for i in range(16):
            lows[i] = x[j + i] if x[j + i] < lows[i] else lows[i]
            highs[i] = x[j + i] if x[j + i] > highs[i] else highs[i]
    for j in range(n - n % LANES, n):
        lows[0] = x[j] if x[j] < lows[0] else lows[0]
        highs[0] = x[j] if x[j] > highs[0] else highs[0]
    least[0], greatest[0] = lows[0], highs[0]
    for i in range(1, 16):
        least[0] = min(least[0], lows[i])
        greatest[0] = max(greatest[0], highs[i])

cdef inline void bracket(const real* x, Py_ssize_t n, Py_ssize_t fewest, Py_ssize_t most,
                         real* low, real* high) noexcept nogil:
    """One bound, low = high, that `fewest` to `most` of the n > most values exceed; or, where ties leave no such bound,
    two neighbours: more than `most` exceed the one, fewer than `fewest` the other."""
    cdef real least, greatest
    cdef uint64_t under, over, middle
    cdef Py_ssize_t count
    least_and_greatest(x, n, &least, &greatest)
    under, over = key_of(least) - 1, key_of(greatest)
    while under < over and over - under > 1:
        middle = under + (over - under) // 2
        count = above(x, n, of_key(middle, least))
        if count > most:
            under = middle
        elif count < fewest:
            over = middle
        else:
            under = over = middle
    low[0] = of_key(under, least) if under >= key_of(<real>-INFINITY) else -INFINITY
    high[0] = of_key(over, least)

cdef inline uint64_t* ascending(real* x, Py_ssize_t n, uint64_t* keys) noexcept nogil:
    """The keys of x in order: of the columns of a matrix first, which are then merged two by two.

    x is filled up with +inf, so that the columns are equally long: by n / 8 + 16 values at most. Of keys there is room
    for twice as many.
    """
    cdef Py_ssize_t runs = 16, size, i, j
    cdef uint64_t* merged
    while n > 24 * runs:
        runs *= 2
    size = (n + runs - 1) // runs
    for i in range(n, runs * size):
        x[i] = INFINITY
    if real is float:
        vi_sort_columnsf(x, size, runs)
    else:
        vi_sort_columns(x, size, runs)
    for j in range(runs):
        for i in range(size):
            keys[j * size + i] = key_of(x[i * runs + j])
    merged = keys + runs * size
    while runs > 1:
        runs //= 2
        for j in range(runs):
            merge(keys + 2 * j * size, size, merged + 2 * j * size)
        keys, merged = merged, keys
        size *= 2
    return keys

cdef inline void merge(const uint64_t* runs, Py_ssize_t size, uint64_t* out) noexcept nogil:
    """Two runs of one size into one, from both ends: no run is used up before both halves of `out` are full."""
    cdef Py_ssize_t t, i = 0, j = size, p = size - 1, q = 2 * size - 1, second
    cdef uint64_t u, v
    for t in range(size):
        u, v = runs[i], runs[j]
        second = v < u
        out[t] = v if v < u else u
        i += 1 - second
        j += second
        u, v = runs[p], runs[q]
        second = v < u
        out[2 * size - 1 - t] = u if v < u else v
        p -= second
        q -= 1 - second
