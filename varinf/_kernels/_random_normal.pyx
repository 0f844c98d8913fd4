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


cdef inline void normal_block(uint64_t key0, uint64_t key1, uint64_t block, real* out) noexcept nogil:
    if real is float:
        vi_normal_blockf(key0, key1, block, out)
    else:
        vi_normal_block(key0, key1, block, out)


cdef void fill(uint64_t key0, uint64_t key1, uint64_t start, real[::1] out) noexcept nogil:
    """Whole blocks go straight to their place; the two at the ends by way of `part`."""
    cdef real[VI_BLOCK] part
    cdef Py_ssize_t done = 0, skip, take, count = out.shape[0]
    while done < count:
        skip = <Py_ssize_t>((start + <uint64_t>done) % VI_BLOCK)
        take = min(VI_BLOCK - skip, count - done)
        if take == VI_BLOCK:
            normal_block(key0, key1, (start + <uint64_t>done) / VI_BLOCK, &out[done])
        else:
            normal_block(key0, key1, (start + <uint64_t>done) / VI_BLOCK, part)
            memcpy(&out[done], &part[skip], take * sizeof(real))
        done += take


def raw_bits(uint64_t key0, uint64_t key1, uint64_t block):
    out = np.empty(VI_BLOCK, dtype=np.uint64)
    cdef uint64_t[::1] bits = out
    vi_raw_block(key0, key1, block, &bits[0])
    return out


def normals(uint64_t key0, uint64_t key1, uint64_t start, Py_ssize_t count, dtype_char):
    out = np.empty(count, dtype=dtype_char)
    cdef float[::1] single
    cdef double[::1] wide
    if dtype_char == "f":
        single = out
        with nogil:
            fill(key0, key1, start, single)
    else:
        wide = out
        with nogil:
            fill(key0, key1, start, wide)
    return out
