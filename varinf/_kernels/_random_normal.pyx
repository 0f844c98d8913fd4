# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True, initializedcheck=False
"""Standard normals addressed by their place in a stream. Contract in random_normal.py, the arithmetic in _normal_block.h."""

from libc.stdint cimport uint64_t
from libc.string cimport memcpy

import numpy as np

from varinf._kernels._real cimport real

cdef extern from "_normal_block.h" nogil:
    enum: VI_BLOCK
    void vi_raw_block(uint64_t key0, uint64_t key1, uint64_t block, uint64_t* out)
    void vi_normal_block(uint64_t key0, uint64_t key1, uint64_t block, double* out)
    void vi_normal_blockf(uint64_t key0, uint64_t key1, uint64_t block, float* out)
    void vi_scaled_block(uint64_t key0, uint64_t key1, uint64_t block, const double* loc, const double* scale, double* out)
    void vi_scaled_blockf(uint64_t key0, uint64_t key1, uint64_t block, const float* loc, const float* scale, float* out)


cdef struct Stream:     # its key, and the period of loc and scale; 0 if there are none
    uint64_t key0, key1
    Py_ssize_t period


cdef inline void block_of(Stream* stream, uint64_t block, const real* loc, const real* scale, real* out) noexcept nogil:
    """loc + scale * the normals of a block; the normals themselves if there is no period."""
    if real is float:
        if stream.period:
            vi_scaled_blockf(stream.key0, stream.key1, block, loc, scale, out)
        else:
            vi_normal_blockf(stream.key0, stream.key1, block, out)
    else:
        if stream.period:
            vi_scaled_block(stream.key0, stream.key1, block, loc, scale, out)
        else:
            vi_normal_block(stream.key0, stream.key1, block, out)


cdef void fill(Stream* stream, uint64_t start, const real* loc, const real* scale, real* out, Py_ssize_t count) noexcept nogil:
    """Whole blocks go straight to their place; the two at the ends by way of `part`."""
    cdef real[VI_BLOCK] part
    cdef uint64_t at
    cdef Py_ssize_t done = 0, skip, take, phase
    while done < count:
        at = start + <uint64_t>done
        skip = <Py_ssize_t>(at % VI_BLOCK)
        take = min(VI_BLOCK - skip, count - done)
        phase = <Py_ssize_t>((at - <uint64_t>skip) % <uint64_t>stream.period) if stream.period else 0
        if take == VI_BLOCK:
            block_of(stream, at / VI_BLOCK, loc + phase, scale + phase, out + done)
        else:
            block_of(stream, at / VI_BLOCK, loc + phase, scale + phase, <real*>part)
            memcpy(out + done, &part[skip], take * sizeof(real))
        done += take


def raw_bits(uint64_t key0, uint64_t key1, uint64_t block):
    out = np.empty(VI_BLOCK, dtype=np.uint64)
    cdef uint64_t[::1] bits = out
    vi_raw_block(key0, key1, block, &bits[0])
    return out


cdef void go_on(const real[::1] x, real[::1] longer) noexcept nogil:
    """x and its next repetitions: from any place in a period a block's values lie in one piece."""
    cdef Py_ssize_t i, period = x.shape[0]
    for i in range(period):
        longer[i] = x[i]
    for i in range(period, longer.shape[0]):
        longer[i] = longer[i - period]


cdef void fill_scaled(Stream* stream, uint64_t start, const real[::1] loc, const real[::1] scale, real[:, ::1] longer,
                      real[::1] out) noexcept nogil:
    if stream.period:
        go_on(loc, longer[0])
        go_on(scale, longer[1])
    fill(stream, start, &longer[0, 0], &longer[1, 0], &out[0], out.shape[0])


def normals(uint64_t key0, uint64_t key1, uint64_t start, Py_ssize_t count, dtype_char, loc=None, scale=None, out=None):
    out = np.empty(count, dtype=dtype_char) if out is None else out
    cdef Stream stream = Stream(key0, key1, 0 if loc is None else len(loc))
    if out.shape != (count,) or stream.period != (0 if scale is None else len(scale)):
        raise ValueError(f"out has shape {out.shape}, not ({count},); or loc and scale are of different lengths")
    cdef const float[::1] loc4 = None, scale4 = None
    cdef const double[::1] loc8 = None, scale8 = None
    cdef float[:, ::1] longer4
    cdef double[:, ::1] longer8
    cdef float[::1] out4
    cdef double[::1] out8
    longer = np.empty((2, stream.period + VI_BLOCK if stream.period else 1), dtype=dtype_char)
    if dtype_char == "f":
        loc4, scale4, longer4, out4 = loc, scale, longer, out
        with nogil:
            fill_scaled(&stream, start, loc4, scale4, longer4, out4)
    else:
        loc8, scale8, longer8, out8 = loc, scale, longer, out
        with nogil:
            fill_scaled(&stream, start, loc8, scale8, longer8, out8)
    return out
