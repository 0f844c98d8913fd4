# cython: language_level=3, cdivision=True
# One iteration of the information bottleneck. Lanes run over x in the logits and over y in the tables that follow, so that
# no sum crosses lanes; rows are filled up to whole registers.

cdef extern from "_simd.h" nogil:
    double vi_exp_nonpositive(double x)
    double vi_log(double x)

cdef extern from "_small_products.h" nogil:
    void vi_small_product(double* out, const double* start, const double* a, Py_ssize_t a_width, const double* b,
                          Py_ssize_t rows, Py_ssize_t inner, Py_ssize_t width)

cdef extern from "_bottleneck.h" nogil:
    double VI_TINY


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
        out[i] = vi_log(row[i] if row[i] > VI_TINY else VI_TINY)


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


cdef inline double one(Problem* at, const double* table, const double* log_table, double* after) noexcept nogil:
    """The encoder of a table (T, wide_Y), the table after it, and the objective."""
    cdef Py_ssize_t t, x, y
    cdef double objective = 0
    for t in range(at.T):
        at.prior[t] = 0
        for y in range(at.Y):
            at.prior[t] += max(table[t * at.wide_Y + y], VI_TINY)
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
