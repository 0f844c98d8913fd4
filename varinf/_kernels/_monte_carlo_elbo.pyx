# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True, initializedcheck=False
"""Compiled twin of monte_carlo_elbo.py, which holds the contract.

A tile of whole rows is taken through all draws before the next one, so that its sums over draws stay in the second
cache and nothing of size S * N * D is ever stored; inside, blocks of BLOCK values stay in the first cache: a loop draws
z, a loop scores it, a loop adds to the gradients. Each draw's sum over features enters a running mean and a sum of
squares about it (Welford 1962), which keeps its digits where |mean| is far above the spread and needs no second pass.
"""
import numpy as np

from libc.math cimport NAN, log, sqrt
from libc.stdint cimport uint64_t
from libc.string cimport memmove

from varinf._kernels._real cimport real
from varinf._kernels._rows cimport BLOCK, exp_, kl_terms_and_gradient, log1p_, row_sum, tile_rows, vi_log

cdef extern from "_normal_block.h" nogil:
    enum: VI_BLOCK
    void vi_normal_block(uint64_t key0, uint64_t key1, uint64_t block, double* out)
    void vi_normal_blockf(uint64_t key0, uint64_t key1, uint64_t block, float* out)

cdef enum:
    TILE = 8192     # values: large enough that the two blocks of noise cut by the ends of a tile's rows are few

cdef enum Likelihood:
    BERNOULLI
    NORMAL
    POISSON

cdef double HALF_LOG_TWO_PI = 0.91893853320467274178


# the ELBO ------------------------------------------------------------------------------------------------------------

def elbo(x, loc, log_scale, noise, likelihood, double noise_scale):
    x, loc, log_scale, noise = map(np.ascontiguousarray, (x, loc, log_scale, noise))
    check_rows(x, loc, log_scale)
    if noise.ndim != 3 or noise.shape[1:] != x.shape or noise.shape[0] < 1:
        raise ValueError(f"noise has shape {noise.shape} and x has shape {x.shape}: noise must be (S, N, D) with S >= 1")
    return estimate(x, loc, log_scale, noise, noise.shape[0], 0, 0, code(likelihood), noise_scale)


def elbo_own_draws(x, loc, log_scale, Py_ssize_t draws, uint64_t key0, uint64_t key1, likelihood, double noise_scale):
    x, loc, log_scale = map(np.ascontiguousarray, (x, loc, log_scale))
    check_rows(x, loc, log_scale)
    if draws < 1:
        raise ValueError(f"draws is {draws}: at least 1 is needed")
    return estimate(x, loc, log_scale, None, draws, key0, key1, code(likelihood), noise_scale)


cdef estimate(x, loc, log_scale, noise, Py_ssize_t draws, uint64_t key0, uint64_t key1, Likelihood likelihood, double noise_scale):
    N, D = x.shape
    outputs = [np.zeros(N, x.dtype) for _ in range(3)] + [np.empty_like(x) for _ in range(2)]
    if x.size:
        rows = tile_rows(D, TILE)
        cells = np.empty((2, rows * D), x.dtype)    # scale, and the terms of one draw
        held = np.empty(rows * D + 2 * VI_BLOCK if noise is None else 0, x.dtype)
        sums = np.empty((2, rows * D))              # over draws: of the slope, and of slope * noise
        moments = np.empty((2, rows))               # over draws, by row: running mean, sum of squares about it
        if noise is None:
            noise = np.empty((0, 0, 0), x.dtype)
        if x.dtype.char == "f":
            run[float](x, loc, log_scale, noise, draws, key0, key1, likelihood, noise_scale, cells, held, sums, moments, *outputs)
        else:
            run[double](x, loc, log_scale, noise, draws, key0, key1, likelihood, noise_scale, cells, held, sums, moments, *outputs)
    elif draws == 1:
        outputs[1][...] = np.nan
    return tuple(outputs)


cdef void run(
    const real[:, ::1] x, const real[:, ::1] loc, const real[:, ::1] log_scale, const real[:, :, ::1] noise,
    Py_ssize_t draws, uint64_t key0, uint64_t key1, Likelihood likelihood, double noise_scale,
    real[:, ::1] cells, real[::1] held, double[:, ::1] sums, double[:, ::1] moments,
    real[::1] reconstruction, real[::1] stderr, real[::1] kl, real[:, ::1] d_loc, real[:, ::1] d_log_scale
) noexcept:
    cdef Py_ssize_t i, s, row, here, count, n = 0, N = x.shape[0], D = x.shape[1], rows = tile_rows(D, TILE)
    cdef real* scale = &cells[0, 0]
    cdef real* terms = &cells[1, 0]
    cdef double* slopes = &sums[0, 0]
    cdef double* slopes_noise = &sums[1, 0]
    cdef const real* drawn
    cdef const real* m
    cdef real* d_m
    cdef real* d_t
    cdef uint64_t first = 0, stop = 0   # the blocks of the stream that `held` has
    cdef double change, value
    with nogil:
        while n < N:
            here = min(rows, N - n)
            count = here * D
            m = &log_scale[n, 0]
            for i in range(count):
                scale[i] = exp_(m[i])
                slopes[i] = 0
                slopes_noise[i] = 0
            for row in range(here):
                moments[0, row] = 0
                moments[1, row] = 0

            for s in range(draws):
                if noise.shape[0]:
                    drawn = &noise[s, n, 0]
                else:
                    drawn = stream(key0, key1, <uint64_t>(s * N + n) * <uint64_t>D, count, &held[0], &first, &stop)
                one_draw(&x[n, 0], &loc[n, 0], scale, drawn, count, likelihood, <real>noise_scale, terms, slopes, slopes_noise)
                for row in range(here):
                    value = row_sum(<const real*>terms + row * D, D)
                    change = value - moments[0, row]
                    moments[0, row] += change / (s + 1)
                    moments[1, row] += change * (value - moments[0, row])

            m, d_m, d_t = &loc[n, 0], &d_loc[n, 0], &d_log_scale[n, 0]
            kl_terms_and_gradient(m, &log_scale[n, 0], count, True, terms, d_t)
            for i in range(count):
                d_m[i] = <real>(slopes[i] / draws - m[i])
            for i in range(count):
                d_t[i] = <real>(scale[i] * (slopes_noise[i] / draws) - d_t[i])
            for row in range(here):
                kl[n + row] = <real>row_sum(<const real*>terms + row * D, D)
                reconstruction[n + row] = <real>(moments[0, row] + constant(&x[n + row, 0], D, likelihood, noise_scale))
                stderr[n + row] = <real>(sqrt(moments[1, row] / (draws - 1) / draws) if draws > 1 else NAN)
            n += here


cdef inline void one_draw(
    const real* x, const real* loc, const real* scale, const real* noise, Py_ssize_t count, Likelihood likelihood, real noise_scale,
    real* terms, double* slopes, double* slopes_noise
) noexcept nogil:
    cdef real z[BLOCK]
    cdef real slope[BLOCK]
    cdef Py_ssize_t i, size, start = 0
    while start < count:
        size = min(<Py_ssize_t>BLOCK, count - start)
        for i in range(size):
            z[i] = loc[start + i] + scale[start + i] * noise[start + i]
        score(x + start, <const real*>z, size, likelihood, noise_scale, terms + start, slope)
        for i in range(size):
            slopes[start + i] += slope[i]
        for i in range(size):
            slopes_noise[start + i] += slope[i] * noise[start + i]
        start += size


cdef const real* stream(
    uint64_t key0, uint64_t key1, uint64_t start, Py_ssize_t count, real* held, uint64_t* first, uint64_t* stop
) noexcept nogil:
    """The values from `start` on, for which `held` has room; blocks that it holds already are kept."""
    cdef uint64_t low = start / VI_BLOCK, high = (start + <uint64_t>count - 1) / VI_BLOCK + 1
    if first[0] <= low < stop[0]:
        memmove(held, held + (low - first[0]) * VI_BLOCK, (stop[0] - low) * VI_BLOCK * sizeof(real))
    else:
        stop[0] = low
    first[0] = low
    while stop[0] < high:
        if real is float:
            vi_normal_blockf(key0, key1, stop[0], held + (stop[0] - low) * VI_BLOCK)
        else:
            vi_normal_block(key0, key1, stop[0], held + (stop[0] - low) * VI_BLOCK)
        stop[0] += 1
    return held + start % VI_BLOCK


# likelihoods ---------------------------------------------------------------------------------------------------------

cdef inline void score(
    const real* x, const real* z, Py_ssize_t count, Likelihood likelihood, real noise_scale, real* value, real* slope
) noexcept nogil:
    """log p(x | z) without the part that does not depend on z, and its derivative in z."""
    cdef Py_ssize_t i
    cdef real tail, residual, rate, precision = 1 / noise_scale
    if likelihood == BERNOULLI:
        for i in range(count):
            tail = exp_(-abs(z[i]))
            value[i] = (x[i] * z[i] - (z[i] if z[i] > 0 else 0)) - log1p_(tail)
            slope[i] = x[i] - (1 if z[i] >= 0 else tail) / (1 + tail)
    elif likelihood == NORMAL:
        for i in range(count):
            residual = (x[i] - z[i]) * precision
            value[i] = -residual * residual / 2
            slope[i] = residual * precision
    else:
        for i in range(count):
            rate = exp_(z[i])
            value[i] = x[i] * z[i] - rate
            slope[i] = x[i] - rate


cdef double constant(const real* x, Py_ssize_t count, Likelihood likelihood, double noise_scale) noexcept nogil:
    """What `score` leaves out, summed over features."""
    cdef double terms[BLOCK]
    cdef double total = 0
    cdef Py_ssize_t i, size, start = 0
    if likelihood == NORMAL:
        return -count * (log(noise_scale) + HALF_LOG_TWO_PI)
    if likelihood == POISSON:
        while start < count:
            size = min(<Py_ssize_t>BLOCK, count - start)
            for i in range(size):
                terms[i] = log_factorial(x[start + i])
            total -= row_sum(<const double*>terms, size)
            start += size
    return total


cdef inline double log_factorial(double x) noexcept nogil:
    """log Gamma(x + 1) as in the reference: Stirling's series from 9 on, a product below."""
    cdef double y = x + 1
    cdef double near = y if y < 9 else 1, far = y + 8 if y < 9 else y
    cdef double product = near * (near + 1) * (near + 2) * (near + 3) * (near + 4) * (near + 5) * (near + 6) * (near + 7)
    cdef double inverse = 1 / far, square = inverse * inverse
    cdef double series = -3617 / 122400.0
    series = series * square + 1 / 156.0
    series = series * square - 691 / 360360.0
    series = series * square + 1 / 1188.0
    series = series * square - 1 / 1680.0
    series = series * square + 1 / 1260.0
    series = series * square - 1 / 360.0
    series = series * square + 1 / 12.0
    return (far - 0.5) * vi_log(far) - far + HALF_LOG_TWO_PI + series * inverse - vi_log(product if y < 9 else 1)


def log_likelihood(x, parameter, likelihood, double noise_scale):
    value, _ = scores(x, parameter, likelihood, noise_scale, False)
    return value


def log_likelihood_gradient(x, parameter, likelihood, double noise_scale):
    return scores(x, parameter, likelihood, noise_scale, True)


cdef scores(x, parameter, likelihood, double noise_scale, bint gradient):
    cdef Likelihood known = code(likelihood)
    x, parameter = np.ascontiguousarray(x), np.ascontiguousarray(parameter)
    if x.ndim != 2 or parameter.ndim != 3 or parameter.shape[1:] != x.shape:
        raise ValueError(f"x has shape {x.shape} and parameter has shape {parameter.shape}: they must be (N, F) and (S, N, F)")
    value = np.zeros(parameter.shape[:2], x.dtype)
    slope = np.empty(parameter.shape if gradient else (0, 0, 0), x.dtype)
    if parameter.size:
        terms, constants = np.empty(tile_rows(x.shape[1], TILE) * x.shape[1], x.dtype), np.empty(x.shape[0])
        if x.dtype.char == "f":
            score_all[float](x, parameter, known, noise_scale, gradient, terms, constants, value, slope)
        else:
            score_all[double](x, parameter, known, noise_scale, gradient, terms, constants, value, slope)
    return value, slope


cdef void score_all(
    const real[:, ::1] x, const real[:, :, ::1] parameter, Likelihood likelihood, double noise_scale, bint gradient,
    real[::1] terms, double[::1] constants, real[:, ::1] value, real[:, :, ::1] slope
) noexcept:
    cdef Py_ssize_t s, n, row, here, start, size, N = x.shape[0], F = x.shape[1], rows = tile_rows(F, TILE)
    cdef real unused[BLOCK]
    cdef real* slopes
    with nogil:
        for n in range(N):
            constants[n] = constant(&x[n, 0], F, likelihood, noise_scale)
        for s in range(parameter.shape[0]):
            n = 0
            while n < N:
                here, start = min(rows, N - n), 0
                while start < here * F:
                    size = min(<Py_ssize_t>BLOCK, here * F - start)
                    slopes = &slope[s, n, 0] + start if gradient else unused
                    score(&x[n, 0] + start, &parameter[s, n, 0] + start, size, likelihood, <real>noise_scale, &terms[start], slopes)
                    start += size
                for row in range(here):
                    value[s, n + row] = <real>(row_sum(<const real*>&terms[row * F], F) + constants[n + row])
                n += here


# arguments -----------------------------------------------------------------------------------------------------------

cdef Likelihood code(likelihood) except *:
    if likelihood == "bernoulli":
        return BERNOULLI
    if likelihood == "normal":
        return NORMAL
    if likelihood == "poisson":
        return POISSON
    raise ValueError(f"likelihood is {likelihood!r}: use 'bernoulli', 'normal' or 'poisson'")


cdef check_rows(x, loc, log_scale):
    if x.ndim != 2 or loc.shape != x.shape or log_scale.shape != x.shape:
        raise ValueError(f"x has shape {x.shape}, loc {loc.shape} and log_scale {log_scale.shape}: all must be the same (N, D)")
