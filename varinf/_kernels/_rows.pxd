# cython: language_level=3
# What the kernels that sum rows of elementwise terms share: vector functions by element type, tiles, sums in lanes.
#
# A tile is as many whole rows as fit in so many values (at least one row). The elementwise loops run over the tile as one
# flat range in blocks that stay in L1, so that short rows leave no remainder each; then each row is summed by itself, in
# an order that depends on its length alone.
from varinf._kernels._real cimport real

cdef extern from "_simd.h" nogil:
    double vi_exp(double x)
    float vi_expf(float x)
    double vi_log(double x)
    float vi_logf(float x)
    double vi_log1p(double x)

cdef enum:
    LANES = 16
    BLOCK = 256     # values that an elementwise loop keeps in arrays of its own

cdef inline real exp_(real x) noexcept nogil:
    if real is float:
        return vi_expf(x)
    else:
        return vi_exp(x)

cdef inline real log_(real x) noexcept nogil:
    if real is float:
        return vi_logf(x)
    else:
        return vi_log(x)

cdef inline Py_ssize_t tile_rows(Py_ssize_t D, Py_ssize_t tile) noexcept nogil:
    return max(<Py_ssize_t>1, tile // D)

cdef inline double row_sum(const real* terms, Py_ssize_t count) noexcept nogil:
    """Sum in LANES partial sums, carried into double every BLOCK values; what is left of a row one by one.

    Every index into the lanes is a constant once unrolled, or they would live in memory and not in registers.
    """
    cdef real lanes[LANES]
    cdef double wide[LANES]
    cdef double total = 0
    cdef Py_ssize_t i, d = 0, stop
    while d < count:
        stop = min(d + BLOCK, count)
        for i in range(16):
            lanes[i] = 0
        for d in range(d, stop - 15, 16):
            for i in range(16):
                lanes[i] += terms[d + i]
        d = stop - stop % LANES
        for i in range(16):
            wide[i] = lanes[i]
        for i in range(8):
            wide[i] += wide[i + 8]
        for i in range(4):
            wide[i] += wide[i + 4]
        total += (wide[0] + wide[2]) + (wide[1] + wide[3])
        for d in range(d, stop):
            total += terms[d]
        d = stop
    return total
