# cython: language_level=3, cdivision=True
# The likelihoods of monte_carlo_elbo, feature by feature, and their sums by the row.
#
# A row's log likelihood, sum_d log p(x_d | z_d), comes as sum_d log_p_d - log prod_d (1 + t_d) + `constant`, where the
# last does not depend on z. Only the Bernoulli has factors: one logarithm for a row of them, by _row_products.h.
from libc.math cimport log

from varinf._kernels._real cimport real
from varinf._kernels._rows cimport exp_, row_sum, vi_log

cdef extern from *:
    """
    #define HALF_LOG_TWO_PI 0.91893853320467274178
    """
    const double HALF_LOG_TWO_PI

cdef extern from "_simd.h" nogil:
    double vi_exp_nonpositive(double x)
    float vi_exp_nonpositivef(float x)
    double vi_log1p(double x)

cdef extern from "_row_products.h" nogil:
    void vi_prefetch(const void* start, Py_ssize_t bytes)
    void vi_add_row(const double* value, const double* t, Py_ssize_t count, double* sum, double* excess)
    void vi_add_rowf(const float* value, const float* t, Py_ssize_t count, double* sum, double* excess)

cdef enum Likelihood:
    BERNOULLI
    NORMAL
    POISSON

cdef enum:
    PIECE = 512     # values, in double half of them

cdef inline real exp_nonpositive(real x) noexcept nogil:
    if real is float:
        return vi_exp_nonpositivef(x)
    else:
        return vi_exp_nonpositive(x)

# `kind` is a constant wherever these three are called, so that no loop has branches.

cdef inline real exponential(real z, Likelihood kind) noexcept nogil:
    """t, what a likelihood takes of the exponential function."""
    return exp_nonpositive(-abs(z)) if kind == BERNOULLI else exp_(z) if kind == POISSON else z

cdef inline real log_p(real x, real z, real t, Likelihood kind, real precision) noexcept nogil:
    """log p(x | z) less its constant; of the Bernoulli's log(1 + exp z), log(1 + t) is left to the row."""
    cdef real residual, zero = 0, half = 0.5, one = 1
    if kind == BERNOULLI:
        return (x - (one if z >= zero else zero)) * z
    if kind == NORMAL:
        residual = (x - z) * precision
        return -half * residual * residual
    return x * z - t

cdef inline real d_log_p(real x, real z, real t, Likelihood kind, real precision) noexcept nogil:
    """The derivative of the log likelihood in z."""
    cdef real zero = 0, one = 1
    if kind == BERNOULLI:
        return x - (one if z >= zero else t) / (one + t)
    if kind == NORMAL:
        return (x - z) * precision * precision
    return x - t

cdef inline void add_rows(
    const real* value, const real* t, Py_ssize_t rows, Py_ssize_t width, Likelihood likelihood,
    double* total, double* excess
) noexcept nogil:
    """total_n += sum_d value_nd, and 1 + excess_n *= prod_d (1 + t_nd)."""
    cdef Py_ssize_t row
    for row in range(rows):
        if likelihood != BERNOULLI:
            total[row] += row_sum(value + row * width, width)
        elif real is float:
            vi_add_rowf(value + row * width, t + row * width, width, total + row, excess + row)
        else:
            vi_add_row(value + row * width, t + row * width, width, total + row, excess + row)

cdef inline double constant(const real* x, Py_ssize_t count, Likelihood likelihood, double noise_scale) noexcept nogil:
    """What `log_p` leaves out that does not depend on z, summed over features."""
    cdef double terms[PIECE]
    cdef double total = 0
    cdef Py_ssize_t i, size, start = 0
    if likelihood == NORMAL:
        return -count * (log(noise_scale) + HALF_LOG_TWO_PI)
    if likelihood == POISSON:
        while start < count:
            size = min(<Py_ssize_t>PIECE, count - start)
            for i in range(size):
                terms[i] = log_factorial(x[start + i])
            total -= row_sum(<const double*>terms, size)
            start += size
    return total

cdef inline double log_factorial(double x) noexcept nogil:
    """log Gamma(x + 1) as in the reference: Stirling's series from 9 on, a product below."""
    cdef double y = x + 1
    cdef double near = y if y < 9 else 1, far = y + 8 if y < 9 else y
    cdef double product = near * (near + 1) * (near + 2) * (near + 3)
    product = product * (near + 4) * (near + 5) * (near + 6) * (near + 7)
    cdef double inverse = 1 / far, square = inverse * inverse
    cdef double series = -3617 / 122400.0
    series = series * square + 1 / 156.0
    series = series * square - 691 / 360360.0
    series = series * square + 1 / 1188.0
    series = series * square - 1 / 1680.0
    series = series * square + 1 / 1260.0
    series = series * square - 1 / 360.0
    series = series * square + 1 / 12.0
    series = (far - 0.5) * vi_log(far) - far + HALF_LOG_TWO_PI + series * inverse
    return series - vi_log(product if y < 9 else 1)
