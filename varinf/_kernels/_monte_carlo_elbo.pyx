# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True, initializedcheck=False
"""Compiled twin of monte_carlo_elbo.py, which holds the contract.

Nothing of size S * N * D is stored. A tile of whole rows goes through all draws, a group of them at a time, for which a
piece of it (whole rows, or part of one) stays in the first cache: a loop draws z and takes the exponential that the
likelihood needs, a loop scores and adds to the gradients, and the rows are summed. A draw's sum over features enters a
running mean and a sum of squares about it (Welford 1962), which keeps its digits where |mean| is far above the spread
and needs no second pass.
"""
import numpy as np

from libc.math cimport NAN, sqrt
from libc.stdint cimport uint64_t
from libc.string cimport memcpy, memset

from varinf._kernels._likelihoods cimport (
    BERNOULLI, NORMAL, PIECE, POISSON, Likelihood, add_rows, constant, d_log_p, exponential, log_p, vi_log1p,
    vi_prefetch
)
from varinf._kernels._noise_stream cimport VI_BLOCK, Stream, values
from varinf._kernels._real cimport real
from varinf._kernels._rows cimport exp_, row_sum, tile_rows

cdef enum:
    TILE = 16384    # values, in double half of them: enough that few blocks of noise are cut by the ends of a tile
    GROUP = 8       # draws: their noise for a tile stays in the second cache, and so few slopes may be summed in float
    LOGS = 32       # at once: compilers may contract a loop's remainder in another way, and rows may not tell

cdef struct Group:      # of draws that a tile of rows goes through: `size` of all `draws`, from `first` on
    Py_ssize_t rows, D, first, size, draws


# the ELBO ------------------------------------------------------------------------------------------------------------

def elbo(x, loc, log_scale, noise, likelihood, double noise_scale):
    x, loc, log_scale, noise = map(np.ascontiguousarray, (x, loc, log_scale, noise))
    check_rows(x, loc, log_scale)
    if noise.ndim != 3 or noise.shape[1:] != x.shape or noise.shape[0] < 1:
        raise ValueError(f"noise has shape {noise.shape} and x has shape {x.shape}: it must be (S, N, D) with S >= 1")
    return estimate(x, loc, log_scale, noise, noise.shape[0], Stream(0, 0, 0, 0), 0, 0, code(likelihood), noise_scale)


def elbo_own_draws(
    x, loc, log_scale, Py_ssize_t draws, uint64_t key0, uint64_t key1, likelihood, double noise_scale,
    Py_ssize_t first_row=0, rows=None
):
    x, loc, log_scale = map(np.ascontiguousarray, (x, loc, log_scale))
    check_rows(x, loc, log_scale)
    if draws < 1:
        raise ValueError(f"draws is {draws}: at least 1 is needed")
    rows = x.shape[0] if rows is None else rows
    if not 0 <= first_row <= rows - x.shape[0]:
        raise ValueError(f"x has {x.shape[0]} rows: from row {first_row} on they are not among {rows}")
    stream = Stream(key0, key1, 0, 0)
    return estimate(x, loc, log_scale, None, draws, stream, first_row, rows, code(likelihood), noise_scale)


cdef estimate(
    x, loc, log_scale, noise, Py_ssize_t draws, Stream stream, Py_ssize_t first_row, Py_ssize_t all_rows,
    Likelihood likelihood, double noise_scale
):
    N, D = x.shape
    outputs = [np.zeros(N, x.dtype) for _ in range(3)] + [np.empty_like(x) for _ in range(2)]
    if x.size:
        rows = min(N, tile_rows(D, TILE // (x.itemsize // 4)))
        scale, sums, moments = np.empty(rows * D, x.dtype), np.empty((2, rows * D)), np.empty((3, rows))
        totals = np.empty((2, GROUP * min(N, tile_rows(D, PIECE)) + LOGS))
        held = np.empty((1, 1) if noise is not None else (GROUP, rows * D + 2 * VI_BLOCK), x.dtype)
        noise = np.empty((0, 0, 0), x.dtype) if noise is None else noise
        arrays = x, loc, log_scale, noise, scale, held, sums, moments, totals, *outputs
        if x.dtype.char == "f":
            run[float](draws, stream, first_row, all_rows, likelihood, noise_scale, *arrays)
        else:
            run[double](draws, stream, first_row, all_rows, likelihood, noise_scale, *arrays)
    elif draws == 1:
        outputs[1][...] = np.nan
    return tuple(outputs)


cdef void run(
    Py_ssize_t draws, Stream stream, Py_ssize_t first_row, Py_ssize_t all_rows,
    Likelihood likelihood, double noise_scale,
    const real[:, ::1] x, const real[:, ::1] loc, const real[:, ::1] log_scale, const real[:, :, ::1] noise,
    real[::1] scale, real[:, ::1] held, double[:, ::1] sums, double[:, ::1] moments, double[:, ::1] totals,
    real[::1] reconstruction, real[::1] stderr, real[::1] kl, real[:, ::1] d_loc, real[:, ::1] d_log_scale
) noexcept:
    cdef Py_ssize_t s, row, n = 0, N = x.shape[0], D = x.shape[1], rows = moments.shape[1]
    cdef const real* drawn[GROUP]
    cdef Stream streams[GROUP]
    cdef Group group
    with nogil:
        for s in range(GROUP):
            streams[s] = stream
        while n < N:
            group = Group(min(rows, N - n), D, 0, 0, draws)
            memset(&moments[0, 0], 0, 3 * rows * sizeof(double))
            memset(&sums[0, 0], 0, 2 * rows * D * sizeof(double))
            while group.first < draws:
                group.size = min(<Py_ssize_t>GROUP, draws - group.first)
                if noise.shape[0]:
                    for s in range(group.size):
                        drawn[s] = &noise[group.first + s, n, 0]
                else:
                    own_noise(streams, group, first_row + n, all_rows, held, drawn)
                one_group(&x[n, 0], &loc[n, 0], &log_scale[n, 0], drawn, group, likelihood, <real>noise_scale,
                          &scale[0], &sums[0, 0], &sums[1, 0], moments, totals, &d_loc[n, 0], &d_log_scale[n, 0])
                group.first += group.size
            for row in range(group.rows):
                reconstruction[n + row] = <real>(moments[0, row] + constant(&x[n + row, 0], D, likelihood, noise_scale))
                stderr[n + row] = <real>(sqrt(moments[1, row] / (draws - 1) / draws) if draws > 1 else NAN)
                kl[n + row] = <real>moments[2, row]
            n += group.rows


cdef void one_group(
    const real* x, const real* loc, const real* log_scale, const real** noise, Group group,
    Likelihood likelihood, real noise_scale, real* scale, double* slopes, double* slopes_noise,
    double[:, ::1] moments, double[:, ::1] totals, real* d_loc, real* d_log_scale
) noexcept nogil:
    """Takes a tile through a group of draws, piece by piece; the last group ends with its KL and gradients."""
    cdef real scratch[8 * PIECE]    # whose parts stand at multiples of their size: stores that no load runs into
    cdef Py_ssize_t piece = PIECE if real is float else PIECE // 2
    cdef real* p_x = scratch
    cdef real* p_loc = p_x + piece
    cdef real* p_scale = p_loc + piece
    cdef real* z = p_scale + piece
    cdef real* t = z + piece
    cdef real* value = t + piece
    cdef real* slope = value + piece
    cdef real* slope_noise = slope + piece
    cdef const real* drawn
    cdef const real* ahead
    cdef Py_ssize_t i, s, d, height, width, size, start, logs, row = 0, D = group.D
    while row < group.rows:
        height = min(tile_rows(D, piece), group.rows - row)
        logs = (group.size * height + LOGS - 1) & ~<Py_ssize_t>(LOGS - 1)
        for i in range(2):
            memset(&totals[i, 0], 0, logs * sizeof(double))
        d = 0
        while d < D:
            width = min(piece, D - d)
            start, size = row * D + d, height * width
            if group.first == 0:
                for i in range(size):
                    scale[start + i] = exp_(log_scale[start + i])
            memcpy(p_x, x + start, size * sizeof(real))
            memcpy(p_loc, loc + start, size * sizeof(real))
            memcpy(p_scale, scale + start, size * sizeof(real))
            memset(slope, 0, size * sizeof(real))
            memset(slope_noise, 0, size * sizeof(real))
            for s in range(group.size):
                drawn = noise[s] + start
                ahead = noise[s + 1] + start if s + 1 < group.size else noise[0] + start + size
                vi_prefetch(ahead, size * sizeof(real))     # draws given come from far away, in jumps
                if likelihood == BERNOULLI:
                    one_piece(p_x, p_loc, p_scale, drawn, size, BERNOULLI, noise_scale, z, t, value, slope, slope_noise)
                elif likelihood == NORMAL:
                    one_piece(p_x, p_loc, p_scale, drawn, size, NORMAL, noise_scale, z, t, value, slope, slope_noise)
                else:
                    one_piece(p_x, p_loc, p_scale, drawn, size, POISSON, noise_scale, z, t, value, slope, slope_noise)
                add_rows(<const real*>value, <const real*>t, height, width, likelihood,
                         &totals[0, s * height], &totals[1, s * height])
            for i in range(size):
                slopes[start + i] += slope[i]
                slopes_noise[start + i] += slope_noise[i]
            if group.first + group.size == group.draws:
                gradients(p_loc, log_scale + start, p_scale, slopes + start, slopes_noise + start, size,
                          1.0 / group.draws, value, d_loc + start, d_log_scale + start)
                for i in range(height):
                    moments[2, row + i] += row_sum(<const real*>value + i * width, width)
            d += width
        if likelihood == BERNOULLI:
            for d in range(0, logs, 32):  # LOGS
                for i in range(d, d + 32):
                    totals[0, i] -= vi_log1p(totals[1, i])
        for s in range(group.size):
            welford(&totals[0, s * height], height, group.first + s + 1, &moments[0, row], &moments[1, row])
        row += height


cdef inline void one_piece(
    const real* x, const real* loc, const real* scale, const real* noise, Py_ssize_t count,
    Likelihood kind, real noise_scale, real* z, real* t, real* value, real* slope, real* slope_noise
) noexcept nogil:
    cdef Py_ssize_t i
    cdef real one = 1, precision = one / noise_scale, d
    for i in range(count):
        z[i] = loc[i] + scale[i] * noise[i]
        t[i] = exponential(z[i], kind)
    for i in range(count):
        value[i] = log_p(x[i], z[i], t[i], kind, precision)
        d = d_log_p(x[i], z[i], t[i], kind, precision)
        slope[i] += d
        slope_noise[i] += d * noise[i]


cdef inline void welford(
    const double* value, Py_ssize_t rows, Py_ssize_t count, double* mean, double* squares
) noexcept nogil:
    cdef Py_ssize_t row
    cdef double change, share = 1.0 / count, rest = (count - 1.0) / count
    for row in range(rows):
        change = value[row] - mean[row]
        mean[row] += change * share
        squares[row] += change * change * rest


cdef inline void gradients(
    const real* loc, const real* log_scale, const real* scale, const double* slopes, const double* slopes_noise,
    Py_ssize_t count, double share, real* kl, real* d_loc, real* d_log_scale
) noexcept nogil:
    """Of sums over draws, of which each has its `share`, less those of the KL divergence, whose terms come too."""
    cdef Py_ssize_t i
    cdef real one = 1, half = 0.5
    for i in range(count):
        kl[i] = (scale[i] - one) * (scale[i] + one)     # exp(2 log_scale) - 1
    for i in range(count):
        d_loc[i] = <real>(slopes[i] * share - loc[i])
    for i in range(count):
        d_log_scale[i] = <real>(scale[i] * (slopes_noise[i] * share) - kl[i])
    for i in range(count):
        kl[i] = half * (loc[i] * loc[i] + kl[i]) - log_scale[i]


cdef void own_noise(
    Stream* streams, Group group, Py_ssize_t row, Py_ssize_t all_rows, real[:, ::1] held, const real** noise
) noexcept nogil:
    """Where each of the group's draws holds the noise of the tile, whose first row is `row`."""
    cdef Py_ssize_t s, count = group.rows * group.D
    cdef uint64_t draw = <uint64_t>all_rows * <uint64_t>group.D
    cdef uint64_t start = <uint64_t>group.first * draw + <uint64_t>(row * group.D)
    if group.rows == all_rows:      # the draws follow one another, perhaps many to a block
        noise[0] = values(&streams[0], start, group.size * count, &held[0, 0])
        for s in range(1, group.size):
            noise[s] = noise[0] + s * count
    else:
        for s in range(group.size):
            noise[s] = values(&streams[s], start + <uint64_t>s * draw, count, &held[s, 0])


# likelihoods ---------------------------------------------------------------------------------------------------------

def log_likelihood(x, parameter, likelihood, double noise_scale):
    value, _ = scores(x, parameter, likelihood, noise_scale, False)
    return value


def log_likelihood_gradient(x, parameter, likelihood, double noise_scale):
    return scores(x, parameter, likelihood, noise_scale, True)


cdef scores(x, parameter, likelihood, double noise_scale, bint gradient):
    cdef Likelihood known = code(likelihood)
    x, parameter = np.ascontiguousarray(x), np.ascontiguousarray(parameter)
    if x.ndim != 2 or parameter.ndim != 3 or parameter.shape[1:] != x.shape:
        raise ValueError(f"x has shape {x.shape} and parameter has shape {parameter.shape}: "
                         "they must be (N, F) and (S, N, F)")
    value = np.zeros(parameter.shape[:2], x.dtype)
    slope = np.empty(parameter.shape if gradient else (0, 0, 0), x.dtype)
    if parameter.size:
        constants = np.empty(x.shape[0])
        if x.dtype.char == "f":
            score_all[float](x, parameter, known, noise_scale, gradient, constants, value, slope)
        else:
            score_all[double](x, parameter, known, noise_scale, gradient, constants, value, slope)
    return value, slope


cdef void score_all(
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
        raise ValueError(f"x has shape {x.shape}, loc {loc.shape} and log_scale {log_scale.shape}: "
                         "all must be the same (N, D)")
