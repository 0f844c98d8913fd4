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


def normals(uint64_t key0, uint64_t key1, uint64_t start, Py_ssize_t count, dtype_char, loc=None, scale=None, out=None):
    out = np.empty(count, dtype=dtype_char) if out is None else out
    cdef Stream stream = Stream(key0, key1, 0 if loc is None else len(loc))
    if out.shape != (count,) or stream.period != (0 if scale is None else len(scale)):
        raise ValueError(f"out has shape {out.shape}, not ({count},); or loc and scale are of different lengths")
    cdef const float[::1] loc4, scale4
    cdef const double[::1] loc8, scale8
    cdef float[::1] out4
    cdef double[::1] out8
    loc, scale = going_on(loc, dtype_char), going_on(scale, dtype_char)
    if dtype_char == "f":
        loc4, scale4, out4 = loc, scale, out
        with nogil:
            fill(&stream, start, &loc4[0], &scale4[0], &out4[0], count)
    else:
        loc8, scale8, out8 = loc, scale, out
        with nogil:
            fill(&stream, start, &loc8[0], &scale8[0], &out8[0], count)
    return out


cdef going_on(x, dtype_char):
    """x and its next repetitions, for a block more: from any place in a period a block's values lie in one piece."""
    return np.empty(1, dtype=dtype_char) if x is None else np.resize(x, len(x) + VI_BLOCK)
