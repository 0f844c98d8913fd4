# cython: language_level=3, cdivision=True
# The largest of few draws, 16 columns at a time, by networks that sort and merge blocks of them (_few_draws.h).
from libc.math cimport INFINITY

from varinf._kernels._real cimport real

cdef extern from "_few_draws.h" nogil:
    enum: VI_SIDE
    void vi_sort_block(double* x, Py_ssize_t size)
    void vi_sort_blockf(float* x, Py_ssize_t size)
    void vi_keep_of_block(double* best, double* block, Py_ssize_t size)
    void vi_keep_of_blockf(float* best, float* block, Py_ssize_t size)

cdef enum:
    LEAST = 16      # draws of a block ...
    MOST = 128      # ... which is as large as what is kept of it
    BLOCKS = 4      # above so many the sieve is faster


cdef inline Py_ssize_t block_for(Py_ssize_t draws, Py_ssize_t keep) noexcept nogil:
    """The size of a block, a power of 2; 0 where the draws are not few."""
    cdef Py_ssize_t size = LEAST
    while size < keep:
        size *= 2
    return size if size <= MOST and draws <= BLOCKS * size else 0


cdef inline bint load(const real* x, Py_ssize_t rows, Py_ssize_t size, Py_ssize_t stride, Py_ssize_t columns,
                      Py_ssize_t apart, real power, real* block) noexcept nogil:
    """A block of `rows` draws, of columns that lie `apart`, filled up with -inf; whether a nan is among them."""
    cdef Py_ssize_t i, c
    cdef real v
    cdef bint odd = False
    if columns < VI_SIDE or rows < size:
        for i in range(size * VI_SIDE):
            block[i] = -INFINITY
    for c in range(columns):
        for i in range(rows):
            v = power * x[c * apart + i * stride]
            odd |= v != v
            block[i * VI_SIDE + c] = v
    return odd


cdef inline bint largest_of_few(const real* x, Py_ssize_t draws, Py_ssize_t size, Py_ssize_t stride, Py_ssize_t columns,
                                Py_ssize_t apart, real power, Py_ssize_t keep, real* blocks, real* out) noexcept nogil:
    """out (columns, keep), ascending, unless there is nan: then False. `blocks` has room for two."""
    cdef real* best = blocks
    cdef real* block = blocks + size * VI_SIDE
    cdef Py_ssize_t first = 0, i, c
    while first < draws:
        if load(x + first * stride, min(size, draws - first), size, stride, columns, apart, power,
                block if first else best):
            return False
        if real is float:
            vi_sort_blockf(block if first else best, size)
            if first:
                vi_keep_of_blockf(best, block, size)
        else:
            vi_sort_block(block if first else best, size)
            if first:
                vi_keep_of_block(best, block, size)
        first += size
    for c in range(columns):
        for i in range(keep):
            out[c * keep + i] = best[(size - keep + i) * VI_SIDE + c]
    return True
