# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True, initializedcheck=False
# Sums over draws, of rows and of columns: the loops behind _log_weights.pyx, which says what they are for.
#
# With d = x - centre and v = exp(power d), Σ v and, if asked for, Σ v², Σ d and Σ d² go to `sums`, APART from each
# other; v / Σ v goes to `weights` unless that is NULL.
from libc.math cimport INFINITY, M_LOG2E
from libc.stddef cimport ptrdiff_t

from varinf._kernels._real cimport real
from varinf._kernels._rows cimport tile_rows

cdef extern from "_exp_sums.h" nogil:
    enum:
        VI_WIDTH
        VI_WIDTHf
        VI_ROWS
    void vi_exp_sums(const double* x, ptrdiff_t count, int rows, double scale, const double* centre, bint spread,
                     double* out, double* sums, ptrdiff_t apart)
    void vi_exp_sumsf(const float* x, ptrdiff_t count, int rows, float scale, const float* centre, bint spread,
                      float* out, double* sums, ptrdiff_t apart)
    void vi_exp_sums_columns(const double* x, ptrdiff_t stride, ptrdiff_t count, double scale, const double* centre,
                             bint spread, double* out, double* sums, ptrdiff_t apart)
    void vi_exp_sums_columnsf(const float* x, ptrdiff_t stride, ptrdiff_t count, float scale, const float* centre,
                              bint spread, float* out, double* sums, ptrdiff_t apart)

cdef enum:
    GROUP = 512     # rows, or neighbouring columns, that are finished together
    APART = 520     # from their sums of v to those of v², d and d²; powers of two would crowd one corner of the cache
    TILE = 2048     # values of short rows that are summed together
    CHUNK = 512     # draws of a row in a column, which are brought together to be summed
    STEPS = 16      # draws of a register of columns at a time
    FEW = 16        # columns: fewer are taken one by one, as rows
    LANES = 16


cdef inline real finite(real top) noexcept nogil:
    return top if -INFINITY < top < INFINITY else 0


cdef inline real first(const real* x, Py_ssize_t stride, Py_ssize_t draws) noexcept nogil:
    """The largest of the first four draws."""
    cdef real c = x[0]
    cdef Py_ssize_t j
    for j in range(1, min(<Py_ssize_t>4, draws)):
        c = x[j * stride] if x[j * stride] > c else c
    return c


cdef inline real greatest(const real* x, Py_ssize_t stride, Py_ssize_t draws, double power) noexcept nogil:
    """The draw of greatest log v; 0 where that is infinite."""
    cdef real sign = 1 if power >= 0 else -1
    cdef real lanes[LANES]
    cdef real top = -INFINITY, t
    cdef Py_ssize_t b, j, i
    for i in range(16):
        lanes[i] = -INFINITY
    for b in range(draws // LANES):
        for i in range(16):
            t = sign * x[(b * LANES + i) * stride]
            lanes[i] = t if t > lanes[i] else lanes[i]
    for j in range(draws - draws % LANES, draws):
        t = sign * x[j * stride]
        top = t if t > top else top
    for i in range(16):
        top = lanes[i] if lanes[i] > top else top
    return sign * finite(top)


cdef inline bint is_proper(double total, real like) noexcept nogil:
    """Σ v holds the origin's own v = 1, and Σ v², at most its square, cannot have overflowed."""
    if real is float:
        return 1 <= total < 1e18
    else:
        return 1 <= total < 1e150


cdef inline double inverse(double total) noexcept nogil:
    return 1 / total if total > 0 else 0


# draws along a row ---------------------------------------------------------------------------------------------------

cdef inline void add_rows(const real* x, Py_ssize_t draws, Py_ssize_t rows, double power, const real* centre,
                          bint spread, real* v, double* sums, Py_ssize_t apart) noexcept nogil:
    if real is float:
        vi_exp_sumsf(x, draws, <int>rows, <real>(power * M_LOG2E), centre, spread, v, sums, apart)
    else:
        vi_exp_sums(x, draws, <int>rows, <real>(power * M_LOG2E), centre, spread, v, sums, apart)


cdef inline Py_ssize_t rows_together(Py_ssize_t draws) noexcept nogil:
    return min(<Py_ssize_t>VI_ROWS, tile_rows(draws, TILE))


cdef inline void some_rows(const real* x, Py_ssize_t draws, Py_ssize_t rows, double power, bint spread, real* weights,
                           real* centre, double* sums) noexcept nogil:
    """VI_ROWS at most, one behind the other."""
    cdef real* w = NULL
    cdef real factor
    cdef Py_ssize_t i, j
    for i in range(rows):
        centre[i] = first(x + i * draws, 1, draws)
    add_rows(x, draws, rows, power, <const real*>centre, spread, weights, sums, APART)
    for i in range(rows):
        if weights != NULL:
            w = weights + i * draws
        if not is_proper(sums[i], centre[i]):
            centre[i] = greatest(x + i * draws, 1, draws, power)
            add_rows(x + i * draws, draws, 1, power, <const real*>(centre + i), spread, w, sums + i, APART)
        if weights != NULL:
            factor = <real>inverse(sums[i])
            for j in range(draws):
                w[j] *= factor


cdef inline void sum_strided(const real* x, Py_ssize_t stride, Py_ssize_t draws, double power, const real* centre,
                             bint spread, real* weights, double* sums) noexcept nogil:
    cdef real near[CHUNK]
    cdef real v[CHUNK]
    cdef double part[4]
    cdef Py_ssize_t j = 0, i, q, count
    for q in range(4):
        sums[q * APART] = 0
    while j < draws:
        count = min(<Py_ssize_t>CHUNK, draws - j)
        for i in range(count):
            near[i] = x[(j + i) * stride]
        add_rows(<const real*>near, count, 1, power, centre, spread, NULL if weights == NULL else v, part, 1)
        for q in range(4 if spread else 1):
            sums[q * APART] += part[q]
        if weights != NULL:
            for i in range(count):
                weights[(j + i) * stride] = v[i]
        j += CHUNK


cdef inline void strided_row(const real* x, Py_ssize_t stride, Py_ssize_t draws, double power, bint spread,
                             real* weights, real* centre, double* sums) noexcept nogil:
    cdef real factor
    cdef Py_ssize_t j
    centre[0] = first(x, stride, draws)
    sum_strided(x, stride, draws, power, <const real*>centre, spread, weights, sums)
    if not is_proper(sums[0], centre[0]):
        centre[0] = greatest(x, stride, draws, power)
        sum_strided(x, stride, draws, power, <const real*>centre, spread, weights, sums)
    if weights != NULL:
        factor = <real>inverse(sums[0])
        for j in range(draws):
            weights[j * stride] *= factor


# draws along columns -------------------------------------------------------------------------------------------------

cdef inline void add_columns(const real* x, Py_ssize_t stride, Py_ssize_t count, real scale, const real* centre,
                             bint spread, real* v, double* sums) noexcept nogil:
    if real is float:
        vi_exp_sums_columnsf(x, stride, count, scale, centre, spread, v, sums, APART)
    else:
        vi_exp_sums_columns(x, stride, count, scale, centre, spread, v, sums, APART)


cdef inline void sum_columns(const real* x, Py_ssize_t stride, Py_ssize_t draws, Py_ssize_t width, double power,
                             const real* centre, bint spread, real* weights, double* sums) noexcept nogil:
    """Registers of columns one after the other; the last one lies over its neighbour where the width is no multiple."""
    cdef Py_ssize_t j = 0, c, at, q, wide = VI_WIDTH
    cdef real* v = NULL
    if real is float:
        wide = VI_WIDTHf
    for q in range(4):
        for c in range(GROUP):
            sums[q * APART + c] = 0
    while j < draws:
        for c in range((width + wide - 1) // wide):
            at = min(c * wide, width - wide)
            if weights != NULL:
                v = weights + j * stride + at
            add_columns(x + j * stride + at, stride, min(<Py_ssize_t>STEPS, draws - j), <real>(power * M_LOG2E),
                        centre + at, spread, v, sums + c * wide)
        j += STEPS
    at = width % wide
    if at > 0:  # the sums of its last `at` columns go where they belong
        for q in range(4):
            for c in range(q * APART + width - at, q * APART + width):
                sums[c] = sums[c + wide - at]


cdef inline void first_of_columns(const real* x, Py_ssize_t stride, Py_ssize_t draws, Py_ssize_t width,
                                  real* c) noexcept nogil:
    cdef Py_ssize_t j, i
    for i in range(width):
        c[i] = x[i]
    for j in range(1, min(<Py_ssize_t>4, draws)):
        for i in range(width):
            c[i] = x[j * stride + i] if x[j * stride + i] > c[i] else c[i]


cdef inline bint improve_columns(const real* x, Py_ssize_t stride, Py_ssize_t draws, Py_ssize_t width, double power,
                                 const double* sums, real* c) noexcept nogil:
    """Puts the draw of greatest log v in the place of an origin that would not do; whether there was one."""
    cdef real top[GROUP]
    cdef real sign = 1 if power >= 0 else -1, t
    cdef Py_ssize_t j, i
    cdef bint found = False
    for i in range(width):
        found = found or not is_proper(sums[i], c[i])
    if not found:
        return False
    for i in range(width):
        top[i] = -INFINITY
    for j in range(draws):
        for i in range(width):
            t = sign * x[j * stride + i]
            top[i] = t if t > top[i] else top[i]
    for i in range(width):
        if not is_proper(sums[i], c[i]):
            c[i] = sign * finite(top[i])
    return True


cdef inline void some_columns(const real* x, Py_ssize_t stride, Py_ssize_t draws, Py_ssize_t width, double power,
                              bint spread, real* weights, real* centre, double* sums) noexcept nogil:
    cdef real factor[GROUP]
    cdef Py_ssize_t j, c
    first_of_columns(x, stride, draws, width, centre)
    sum_columns(x, stride, draws, width, power, centre, spread, weights, sums)
    if improve_columns(x, stride, draws, width, power, sums, centre):  # the other columns come out as before
        sum_columns(x, stride, draws, width, power, centre, spread, weights, sums)
    if weights != NULL:
        for c in range(width):
            factor[c] = <real>inverse(sums[c])
        for j in range(draws):
            for c in range(width):
                weights[j * stride + c] *= factor[c]
