# cython: language_level=3
# Columns that stand side by side, a tile of draws at a time: what the passes of pareto_tail over memory share.
from varinf._kernels._real cimport real

cdef enum:
    ROWS = 64       # draws of a tile at a time ...
    COLUMNS = 32    # ... by columns: 16 KiB of float64


cdef inline void transpose(const real* x, Py_ssize_t rows, Py_ssize_t stride, Py_ssize_t columns,
                           real* tile) noexcept nogil:
    cdef Py_ssize_t j, c
    for j in range(rows):
        for c in range(columns):
            tile[c * ROWS + j] = x[j * stride + c]
