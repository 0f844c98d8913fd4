# cython: language_level=3, cdivision=True
# A stream of normals, a range at a time: what monte_carlo_elbo draws. Blocks that the next range needs too are kept.
from libc.stdint cimport uint64_t
from libc.string cimport memmove

from varinf._kernels._real cimport real

cdef extern from "_normal_block.h" nogil:
    enum: VI_BLOCK
    void vi_normal_block(uint64_t key0, uint64_t key1, uint64_t block, double* out)
    void vi_normal_blockf(uint64_t key0, uint64_t key1, uint64_t block, float* out)

cdef struct Stream:     # its key, and the blocks that are held of it: from `first` on, below `stop`
    uint64_t key0, key1, first, stop

cdef inline const real* values(Stream* stream, uint64_t start, Py_ssize_t count, real* held) noexcept nogil:
    """Those of the stream from `start` on; `held` is of this stream alone and has room for `count` and two blocks."""
    cdef uint64_t low = start / VI_BLOCK, high = (start + <uint64_t>count - 1) / VI_BLOCK + 1
    if stream.first <= low < stream.stop:
        memmove(held, held + (low - stream.first) * VI_BLOCK, (stream.stop - low) * VI_BLOCK * sizeof(real))
    else:
        stream.stop = low
    stream.first = low
    while stream.stop < high:
        if real is float:
            vi_normal_blockf(stream.key0, stream.key1, stream.stop, held + (stream.stop - low) * VI_BLOCK)
        else:
            vi_normal_block(stream.key0, stream.key1, stream.stop, held + (stream.stop - low) * VI_BLOCK)
        stream.stop += 1
    return held + start % VI_BLOCK
