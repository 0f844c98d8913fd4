# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True, initializedcheck=False
# Where the draws of a tail stand, and what is put there: the loops behind the smoothing of _pareto_tail.pyx.
from libc.stdint cimport int32_t
from libc.string cimport memset

from varinf._kernels._real cimport real
from varinf._kernels._tail_columns cimport COLUMNS, ROWS, transpose

cdef extern from "_tail_loops.h" nogil:
    Py_ssize_t vi_places(const double* x, Py_ssize_t n, Py_ssize_t first, double bound, Py_ssize_t* places)
    Py_ssize_t vi_placesf(const float* x, Py_ssize_t n, Py_ssize_t first, float bound, Py_ssize_t* places)


cdef inline void find_places(
    const real* x, Py_ssize_t draws, Py_ssize_t stride, Py_ssize_t columns, const real* cutoffs,
    Py_ssize_t m, Py_ssize_t[:, ::1] places, Py_ssize_t* found
) noexcept nogil:
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


cdef inline void replace(
    const real* x, Py_ssize_t draws, Py_ssize_t stride, const double* top, Py_ssize_t m,
    const double* values, const Py_ssize_t* places, Py_ssize_t found, int32_t* taken,
    real* out
) noexcept nogil:
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
