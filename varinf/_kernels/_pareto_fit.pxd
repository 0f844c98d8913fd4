# cython: language_level=3, cdivision=True
# Zhang and Stephens' fit of a generalised Pareto distribution, for pareto_tail: one row at a time.
#
# The mean of log(1 - theta x) over the tail, for each theta of the grid, comes of products of these factors, which are
# positive: their exponents are taken out, and added, before they overflow, and one logarithm is left for each theta.
from libc.math cimport INFINITY, M_LN2, NAN, fabs, log2, sqrt
from libc.stdint cimport int64_t, uint64_t

from varinf._kernels._rows cimport row_sum, vi_log, vi_log1p

cdef extern from "_tail_loops.h" nogil:
    double vi_exp(double x)
    void vi_products(const double* x, Py_ssize_t n, Py_ssize_t step, const double* theta,
                     double* mantissa, uint64_t* exponent)

cdef enum:
    THETAS = 16     # whose products grow side by side

cdef inline Py_ssize_t points_for(Py_ssize_t m) noexcept nogil:
    return 30 + <Py_ssize_t>sqrt(<double>m)

cdef inline Py_ssize_t padded_points(Py_ssize_t m) noexcept nogil:
    return (points_for(m) + THETAS - 1) // THETAS * THETAS

cdef inline Py_ssize_t quartile(Py_ssize_t m) noexcept nogil:
    return max(<Py_ssize_t>0, <Py_ssize_t>(m / 4.0 + 0.5) - 1)

cdef inline void grid_for(Py_ssize_t m, double* grid) noexcept nogil:
    """1 - sqrt(points / (g + 1/2)), the last one repeated as padding."""
    cdef Py_ssize_t g, points = points_for(m)
    for g in range(padded_points(m)):
        grid[g] = 1 - sqrt(points / (min(g, points - 1) + 0.5))

cdef inline double mean_log(const double* x, Py_ssize_t m, double theta, double* logs) noexcept nogil:
    """The mean of log(1 - theta x), term by term."""
    cdef Py_ssize_t i
    for i in range(m):
        logs[i] = vi_log1p(-theta * x[i])
    return row_sum(<const double*>logs, m) / m

cdef inline void mean_logs(const double* x, Py_ssize_t m, const double* theta, Py_ssize_t step,
                           double* k) noexcept nogil:
    """The same for THETAS thetas, by products."""
    cdef double[THETAS] mantissa
    cdef uint64_t[THETAS] exponent
    cdef Py_ssize_t g
    vi_products(x, m, step, theta, mantissa, exponent)
    for g in range(16):
        k[g] = (vi_log(mantissa[g]) + <int64_t>exponent[g] * M_LN2) / m

cdef inline double scale(double k, double theta, double mean) noexcept nogil:
    """sigma = -k / theta, which at theta = 0, the exponential distribution, is the mean."""
    return -k / theta if theta != 0 else mean

cdef inline void zhang_stephens(const double* x, Py_ssize_t m, const double* grid, double* spare,
                                double* k_hat, double* sigma) noexcept nogil:
    cdef Py_ssize_t g, points = points_for(m), step
    cdef double* theta = spare
    cdef double* k = theta + padded_points(m)
    cdef double* weight = k + padded_points(m)
    cdef double* logs = weight + padded_points(m)
    cdef double mean = row_sum(x, m) / m, best = -INFINITY, total = 0, weighted = 0, theta_hat, k_of_theta
    for g in range(padded_points(m)):
        theta[g] = 1 / x[m - 1] + grid[g] / (3 * x[quartile(m)])
    # Factors lie between 2^-16 (of less than 10^8 draws in the tail) and the one of the least theta and the largest x.
    step = min(<Py_ssize_t>60, <Py_ssize_t>(1000 / (1 + log2(1 + fabs(theta[0]) * x[m - 1]))))
    step -= step & (step > 1)
    for g in range(0, padded_points(m), 16):  # THETAS
        mean_logs(x, m, theta + g, step, k + g)
    for g in range(points):
        if fabs(theta[g]) * mean < 1e-3:  # factors near 1 have lost what a sum of their logarithms keeps
            k[g] = mean_log(x, m, theta[g], logs)
    for g in range(points):
        weight[g] = scale(k[g], theta[g], mean)
    for g in range(points):
        weight[g] = m * (-vi_log(weight[g]) - k[g] - 1)
    for g in range(points):
        best = max(best, weight[g])
    for g in range(points):
        weight[g] = vi_exp(weight[g] - best)
    for g in range(points):
        total += weight[g]
        weighted += weight[g] * theta[g]
    theta_hat = weighted / total
    k_of_theta = mean_log(x, m, theta_hat, logs)
    k_hat[0] = (m * k_of_theta + 5) / (m + 10)
    sigma[0] = scale(k_of_theta, theta_hat, mean)

cdef inline void fit_row(const double* top, Py_ssize_t m, double smallest, const double* grid, double* spare,
                         double* k_hat, double* sigma) noexcept nogil:
    """`spare` holds 2 m + 3 padded_points(m) numbers."""
    cdef double peak = top[m], cutoff, total
    cdef double* x = spare
    cdef Py_ssize_t i
    if not -INFINITY < peak < INFINITY:
        k_hat[0] = -INFINITY if peak == -INFINITY else NAN
        sigma[0] = 0 if peak == -INFINITY else NAN
        return
    cutoff = vi_exp(top[0] - peak)
    for i in range(m):
        x[i] = vi_exp(top[i + 1] - peak)
    if x[quartile(m)] - cutoff > smallest:
        for i in range(m):
            x[i] -= cutoff
        zhang_stephens(x, m, grid, spare + m, k_hat, sigma)
        return
    total = row_sum(<const double*>x, m)
    for i in range(m):
        x[i] *= x[i]
    k_hat[0] = INFINITY if total * total < sqrt(<double>m) * row_sum(<const double*>x, m) else -INFINITY
    sigma[0] = 0
