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
from libc.string cimport memset

from varinf._kernels._elbo_draws cimport GROUP, LOGS, Group, one_group, own_noise
from varinf._kernels._likelihood_scores cimport score_all
from varinf._kernels._likelihoods cimport BERNOULLI, NORMAL, PIECE, POISSON, Likelihood, constant
from varinf._kernels._noise_stream cimport VI_BLOCK, Stream
from varinf._kernels._real cimport real
from varinf._kernels._rows cimport tile_rows

cdef enum:
    TILE = 16384    # values, in double half of them: enough that few blocks of noise are cut by the ends of a tile


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
