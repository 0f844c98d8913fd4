# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True, initializedcheck=False
# The lanes of _gaussian_lanes.h, and what fills and empties them by element type.
from libc.stdint cimport uint64_t
from libc.string cimport memset

from varinf._kernels._real cimport real

cdef extern from "_gaussian_lanes.h" nogil:
    enum: VI_WIDTH
    enum: VI_LARGEST
    ctypedef struct vi_lanes:
        pass
    ctypedef struct vi_words:
        pass
    ctypedef struct vi_places:
        Py_ssize_t live
    ctypedef struct vi_factor:
        vi_lanes* triangle
        vi_lanes* diagonal
    ctypedef struct vi_next:
        pass
    ctypedef struct vi_pairs:
        vi_factor p
        vi_factor q
        vi_lanes* shift
        vi_lanes* room
        vi_lanes* column
        vi_next next
    void vi_place(vi_places* places, Py_ssize_t rows, Py_ssize_t size)
    void vi_pack(
        const double* x, const vi_places* places, Py_ssize_t first, Py_ssize_t count, vi_lanes* out, Py_ssize_t step
    )
    void vi_packf(
        const float* x, const vi_places* places, Py_ssize_t first, Py_ssize_t count, vi_lanes* out, Py_ssize_t step
    )
    void vi_pack_all(const double* x, int size, vi_lanes* out)
    void vi_pack_allf(const float* x, int size, vi_lanes* out)
    void vi_unpack(
        const vi_lanes* lanes, Py_ssize_t step, const vi_lanes* scale, Py_ssize_t count, double* x,
        const vi_places* places, Py_ssize_t first, Py_ssize_t end
    )
    void vi_unpackf(
        const vi_lanes* lanes, Py_ssize_t step, const vi_lanes* scale, Py_ssize_t count, float* x,
        const vi_places* places, Py_ssize_t first, Py_ssize_t end
    )
    void vi_store_live(double* x, const vi_lanes* y, Py_ssize_t live)
    void vi_store_livef(float* x, const vi_lanes* y, Py_ssize_t live)
    vi_lanes* vi_panel(const vi_lanes* triangle, Py_ssize_t i)
    void vi_announce(vi_next* next, const void* p, const void* q, Py_ssize_t bytes, Py_ssize_t tiles)
    size_t vi_pairs_bytes(Py_ssize_t D)
    void vi_pairs_divide(vi_pairs* pairs, Py_ssize_t D, char* memory)
    void vi_subtract(vi_lanes* x, const vi_lanes* y, Py_ssize_t count)
    void vi_read_diagonal(const vi_factor* s, Py_ssize_t D)
    vi_lanes vi_kl_of_two(
        const vi_lanes* q, const vi_lanes* p, const vi_lanes* shift, double slack, vi_words* marks
    )
    bint vi_keep_bits(vi_words marks, uint64_t* odd)
    bint vi_kl_of_covariances(vi_pairs* pairs, Py_ssize_t D, bint with_p, uint64_t* odd)
    bint vi_kl_of_factors(vi_pairs* pairs, Py_ssize_t D, bint with_gradient, uint64_t* odd)
    void vi_doubt_range(vi_factor* s)
    void vi_pack_covariances(
        const double* x, const vi_places* places, Py_ssize_t D, double slack, vi_next* next, vi_factor* s
    )
    void vi_pack_covariancesf(
        const float* x, const vi_places* places, Py_ssize_t D, double slack, vi_next* next, vi_factor* s
    )
    bint vi_cholesky(vi_pairs* pairs, Py_ssize_t D, uint64_t* odd)


cdef struct Places:         # of a group's vectors and of its matrices
    vi_places vectors
    vi_places matrices


cdef inline Places no_places() noexcept nogil:
    cdef Places places
    memset(&places, 0, sizeof(places))
    return places


cdef inline void place(Places* places, Py_ssize_t rows, Py_ssize_t D) noexcept nogil:
    vi_place(&places.vectors, rows, D)
    vi_place(&places.matrices, rows, D * D)


cdef inline void pack(
    const real* x, const vi_places* places, Py_ssize_t first, Py_ssize_t count, vi_lanes* out, Py_ssize_t step
) noexcept nogil:
    if real is float:
        vi_packf(x, places, first, count, out, step)
    else:
        vi_pack(x, places, first, count, out, step)


cdef inline void pack_all(const real* x, int size, vi_lanes* out) noexcept nogil:
    if real is float:
        vi_pack_allf(x, size, out)
    else:
        vi_pack_all(x, size, out)


cdef inline void pack_vectors(const real* x, const Places* places, Py_ssize_t D, vi_lanes* out) noexcept nogil:
    if D == 1 and places.vectors.live == VI_WIDTH:
        pack_all(x, 1, out)
    elif D == 2 and places.vectors.live == VI_WIDTH:
        pack_all(x, 2, out)
    else:
        pack(x, &places.vectors, 0, D, out, 1)


cdef inline void pack_two(const real* x, const Places* places, vi_lanes* out) noexcept nogil:
    """Whole matrices of two features."""
    if places.vectors.live == VI_WIDTH:
        pack_all(x, 4, out)
    else:
        pack(x, &places.matrices, 0, 4, out, 1)


cdef inline void pack_triangles(const real* x, const Places* places, Py_ssize_t D, vi_lanes* out) noexcept nogil:
    cdef Py_ssize_t i
    if D == 1 and places.vectors.live == VI_WIDTH:
        pack_all(x, 1, out)
    elif D == 2:
        pack_two(x, places, out)
        out[5], out[1] = out[3], out[2]
    else:
        for i in range(D):
            pack(x, &places.matrices, i * D, i + 1, vi_panel(out, i // 4) + i % 4, 4)


cdef inline void pack_covariances(
    const real* x, const Places* places, Py_ssize_t D, double slack, vi_next* next, vi_factor* s
) noexcept nogil:
    if D == 1 and places.vectors.live == VI_WIDTH:
        pack_all(x, 1, s.triangle)
        vi_doubt_range(s)
    elif real is float:
        vi_pack_covariancesf(x, &places.matrices, D, slack, next, s)
    else:
        vi_pack_covariances(x, &places.matrices, D, slack, next, s)


cdef inline void store_live(real* x, const vi_lanes* y, const Places* places) noexcept nogil:
    if real is float:
        vi_store_livef(x, y, places.vectors.live)
    else:
        vi_store_live(x, y, places.vectors.live)


cdef inline void unpack_vectors(const vi_lanes* y, const Places* places, Py_ssize_t D, real* x) noexcept nogil:
    if real is float:
        vi_unpackf(y, 1, NULL, D, x, &places.vectors, 0, D)
    else:
        vi_unpack(y, 1, NULL, D, x, &places.vectors, 0, D)


cdef inline void unpack_triangles(
    const vi_factor* s, const vi_lanes* scale, const Places* places, Py_ssize_t D, real* x
) noexcept nogil:
    cdef Py_ssize_t i
    for i in range(D):
        if real is float:
            vi_unpackf(vi_panel(s.triangle, i // 4) + i % 4, 4, scale, i + 1, x, &places.matrices, i * D, D * D)
        else:
            vi_unpack(vi_panel(s.triangle, i // 4) + i % 4, 4, scale, i + 1, x, &places.matrices, i * D, D * D)
