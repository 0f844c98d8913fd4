# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True, initializedcheck=False
# A tile of rows through a group of draws: the loops behind _monte_carlo_elbo.pyx, which tells their order.
from libc.stdint cimport uint64_t
from libc.string cimport memcpy, memset

from varinf._kernels._likelihoods cimport (
    BERNOULLI, NORMAL, PIECE, POISSON, Likelihood, add_rows, d_log_p, exponential, log_p, vi_log1p, vi_prefetch
)
from varinf._kernels._noise_stream cimport Stream, values
from varinf._kernels._real cimport real
from varinf._kernels._rows cimport exp_, row_sum, tile_rows

cdef enum:
    GROUP = 8       # draws: their noise for a tile stays in the second cache, and so few slopes may be summed in float
    LOGS = 32       # at once: compilers may contract a loop's remainder in another way, and rows may not tell

cdef struct Group:      # of draws that a tile of rows goes through: `size` of all `draws`, from `first` on
    Py_ssize_t rows, D, first, size, draws


cdef inline void own_noise(
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


cdef inline void one_group(
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
