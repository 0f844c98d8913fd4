# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True, initializedcheck=False
# Log likelihoods of all parameters, and their gradients: the loops behind the second half of _monte_carlo_elbo.pyx.
from varinf._kernels._likelihoods cimport (
    BERNOULLI, NORMAL, PIECE, POISSON, Likelihood, add_rows, constant, d_log_p, exponential, log_p, vi_log1p
)
from varinf._kernels._real cimport real
from varinf._kernels._rows cimport tile_rows


cdef inline void score_all(
    const real[:, ::1] x, const real[:, :, ::1] parameter, Likelihood likelihood, double noise_scale, bint gradient,
    double[::1] constants, real[:, ::1] value, real[:, :, ::1] slope
) noexcept:
    cdef Py_ssize_t s, n, row, d, height, width, size, N = x.shape[0], F = x.shape[1]
    cdef real scratch[3 * PIECE]
    cdef Py_ssize_t piece = PIECE if real is float else PIECE // 2
    cdef real* t = scratch
    cdef real* terms = t + piece
    cdef real* unused = terms + piece
    cdef real* out
    cdef double total[PIECE]
    cdef double excess[PIECE]
    with nogil:
        for n in range(N):
            constants[n] = constant(&x[n, 0], F, likelihood, noise_scale)
        for s in range(parameter.shape[0]):
            n = 0
            while n < N:
                height = min(tile_rows(F, piece), N - n)
                for row in range(height):
                    total[row] = excess[row] = 0
                d = 0
                while d < F:
                    width = min(piece, F - d)
                    size = height * width
                    out = &slope[s, n, d] if gradient else unused
                    if likelihood == BERNOULLI:
                        score(&x[n, d], &parameter[s, n, d], size, BERNOULLI, <real>noise_scale, t, terms, out)
                    elif likelihood == NORMAL:
                        score(&x[n, d], &parameter[s, n, d], size, NORMAL, <real>noise_scale, t, terms, out)
                    else:
                        score(&x[n, d], &parameter[s, n, d], size, POISSON, <real>noise_scale, t, terms, out)
                    add_rows(<const real*>terms, <const real*>t, height, width, likelihood, total, excess)
                    d += width
                for row in range(height):
                    value[s, n + row] = <real>(total[row] - vi_log1p(excess[row]) + constants[n + row])
                n += height


cdef inline void score(
    const real* x, const real* z, Py_ssize_t count, Likelihood kind, real noise_scale, real* t, real* value, real* slope
) noexcept nogil:
    cdef Py_ssize_t i
    cdef real one = 1, precision = one / noise_scale
    for i in range(count):
        t[i] = exponential(z[i], kind)
    for i in range(count):
        value[i] = log_p(x[i], z[i], t[i], kind, precision)
        slope[i] = d_log_p(x[i], z[i], t[i], kind, precision)
