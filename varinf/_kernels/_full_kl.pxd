# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True, initializedcheck=False
# The loops of gaussian_kl over full matrices: side by side up to VI_LARGEST features, one by one above, in float64
# throughout, since their condition number spends the digits that float32 has.
#
# Side by side, numbers on the diagonal must be positive and normal. A matrix with others, or whose symmetry is in doubt,
# which the lanes only mark, is done again by itself: there pivots and rows fail by name, and subnormal numbers and 0
# have their limits.
from libc.stdint cimport uint64_t

from varinf._kernels._gaussian_lanes cimport (
    VI_LARGEST, VI_WIDTH, Places, no_places, pack_covariances, pack_triangles, pack_two, pack_vectors, place,
    store_live, unpack_triangles, unpack_vectors, vi_announce, vi_cholesky, vi_factor, vi_keep_bits,
    vi_kl_of_covariances, vi_kl_of_factors, vi_kl_of_two, vi_lanes, vi_next, vi_pairs, vi_pairs_bytes, vi_pairs_divide,
    vi_read_diagonal, vi_subtract, vi_words
)
from varinf._kernels._real cimport real
from varinf._kernels._triangular cimport factors_of_singles, from_covariances_of_singles, full_of_singles


cdef inline size_t workspace_size(Py_ssize_t D) noexcept nogil:
    """In doubles: first two triangles and the white matrix, D rows of D + 1 each; then room for many side by side."""
    return 3 * D * (D + 1) + (vi_pairs_bytes(D) // sizeof(double) if D <= VI_LARGEST else 0)


# side by side --------------------------------------------------------------------------------------------------------

cdef inline void pack_matrices(
    const real* x, const Places* places, Py_ssize_t D, double slack, vi_next* next, vi_factor* s
) noexcept nogil:
    if slack < 0:
        pack_triangles(x, places, D, s.triangle)
    else:
        pack_covariances(x, places, D, slack, next, s)


cdef inline bint pack_pairs(
    const real[:, ::1] loc_q, const real[:, :, ::1] q, const real[:, ::1] loc_p, const real[:, :, ::1] p,
    Py_ssize_t n, double slack, Places* of_q, Places* of_p, vi_pairs* pairs
) noexcept nogil:
    """Rows n, n + 1, ...; the one p of all only with the first. Whether p was packed.

    Factors, or covariances with a slack that is not negative. The rows after them are to be fetched in as many parts as
    rows of covariances and tiles below a diagonal will be passed.
    """
    cdef Py_ssize_t N = loc_q.shape[0], D = loc_q.shape[1], N_p = loc_p.shape[0], panels = (D + 3) // 4
    cdef Py_ssize_t n_p = n if N_p > 1 else 0, after = n + VI_WIDTH, tiles = panels * (panels - 1) // 2
    cdef bint with_p = N_p > 1 or n == 0
    if after + VI_WIDTH <= N:
        vi_announce(
            &pairs.next, &p[after if N_p > 1 else 0, 0, 0], &q[after, 0, 0], VI_WIDTH * D * D * sizeof(real),
            tiles if slack < 0 else 3 * tiles + 2 * D if with_p else 2 * tiles + D
        )
    place(of_q, N - n, D)
    pack_matrices(&q[n, 0, 0], of_q, D, slack, &pairs.next, &pairs.q)
    if with_p:
        place(of_p, N_p - n_p, D)
        pack_matrices(&p[n_p, 0, 0], of_p, D, slack, &pairs.next, &pairs.p)
    pack_vectors(&loc_q[n, 0], of_q, D, pairs.shift)
    pack_vectors(&loc_p[n_p, 0], of_p, D, pairs.room)
    vi_subtract(pairs.shift, pairs.room, D)
    return with_p


cdef inline void full_of_lanes(
    const real[:, ::1] loc_q, const real[:, :, ::1] tril_q, const real[:, ::1] loc_p, const real[:, :, ::1] tril_p,
    double* memory, real[::1] kl, real* d_loc, real* d_tril
) noexcept nogil:
    """With the gradient, unless d_loc and d_tril are NULL."""
    cdef Py_ssize_t row, p, lane, n = 0, N = loc_q.shape[0], D = loc_q.shape[1]
    cdef Places of_q = no_places(), of_p = no_places()
    cdef uint64_t odd[VI_WIDTH]
    cdef bint some_are_odd
    cdef vi_pairs pairs
    vi_pairs_divide(&pairs, D, <char*>(memory + 3 * D * (D + 1)))
    while n < N:
        if pack_pairs(loc_q, tril_q, loc_p, tril_p, n, -1, &of_q, &of_p, &pairs):
            vi_read_diagonal(&pairs.p, D)
        vi_read_diagonal(&pairs.q, D)
        some_are_odd = vi_kl_of_factors(&pairs, D, d_loc != NULL, odd)
        store_live(&kl[n], pairs.room, &of_q)
        if d_loc != NULL:
            unpack_vectors(pairs.shift, &of_q, D, d_loc + n * D)
            unpack_triangles(&pairs.q, NULL, &of_q, D, d_tril + n * D * D)
        if some_are_odd:
            for lane in range(of_q.vectors.live):
                if odd[lane] >> 63:
                    row, p = n + lane, n + lane if loc_p.shape[0] > 1 else 0
                    full_of_singles(
                        loc_q[row:row + 1], tril_q[row:row + 1], loc_p[p:p + 1], tril_p[p:p + 1], memory,
                        kl[row:row + 1], NULL if d_loc == NULL else d_loc + row * D,
                        NULL if d_loc == NULL else d_tril + row * D * D
                    )
        n += VI_WIDTH


cdef inline void from_covariances_of_two(
    const real[:, ::1] loc_q, const real[:, :, ::1] cov_q, const real[:, ::1] loc_p, const real[:, :, ::1] cov_p,
    double slack, double* memory, real[::1] kl
) noexcept nogil:
    """Of two features, which no memory is needed for: three times as fast as by panels."""
    cdef Py_ssize_t n = 0, n_p, N = loc_q.shape[0], N_p = loc_p.shape[0]
    cdef Places of_q = no_places(), of_p = no_places()
    cdef vi_lanes q[4]
    cdef vi_lanes p[4]
    cdef vi_lanes shift[2]
    cdef vi_lanes other[2]
    cdef vi_words marks
    cdef uint64_t odd[VI_WIDTH]
    while n < N:
        n_p = n if N_p > 1 else 0
        place(&of_q, N - n, 2)
        place(&of_p, N_p - n_p, 2)
        pack_two(&cov_q[n, 0, 0], &of_q, q)
        pack_two(&cov_p[n_p, 0, 0], &of_p, p)
        pack_vectors(&loc_q[n, 0], &of_q, 2, shift)
        pack_vectors(&loc_p[n_p, 0], &of_p, 2, other)
        vi_subtract(shift, other, 2)
        other[0] = vi_kl_of_two(q, p, shift, slack, &marks)
        store_live(&kl[n], other, &of_q)
        if vi_keep_bits(marks, odd):
            odd_ones(loc_q, cov_q, loc_p, cov_p, n, of_q.vectors.live, odd, slack, memory, kl)
        n += VI_WIDTH


cdef inline void odd_ones(
    const real[:, ::1] loc_q, const real[:, :, ::1] cov_q, const real[:, ::1] loc_p, const real[:, :, ::1] cov_p,
    Py_ssize_t n, Py_ssize_t live, const uint64_t* odd, double slack, double* memory, real[::1] kl
) noexcept nogil:
    """Those of a group, from row n on, which are marked."""
    cdef Py_ssize_t lane, row, p
    for lane in range(live):
        if odd[lane] >> 63:
            row, p = n + lane, n + lane if loc_p.shape[0] > 1 else 0
            from_covariances_of_singles(
                loc_q[row:row + 1], cov_q[row:row + 1], loc_p[p:p + 1], cov_p[p:p + 1], slack, memory, kl[row:row + 1]
            )


cdef inline void from_covariances_of_lanes(
    const real[:, ::1] loc_q, const real[:, :, ::1] cov_q, const real[:, ::1] loc_p, const real[:, :, ::1] cov_p,
    double slack, double* memory, real[::1] kl
) noexcept nogil:
    cdef Py_ssize_t n = 0, N = loc_q.shape[0], D = loc_q.shape[1]
    cdef Places of_q = no_places(), of_p = no_places()
    cdef uint64_t odd[VI_WIDTH]
    cdef bint with_p, some_are_odd
    cdef vi_pairs pairs
    vi_pairs_divide(&pairs, D, <char*>(memory + 3 * D * (D + 1)))
    while n < N:
        with_p = pack_pairs(loc_q, cov_q, loc_p, cov_p, n, slack, &of_q, &of_p, &pairs)
        some_are_odd = vi_kl_of_covariances(&pairs, D, with_p, odd)
        store_live(&kl[n], pairs.room, &of_q)
        if some_are_odd:
            odd_ones(loc_q, cov_q, loc_p, cov_p, n, of_q.vectors.live, odd, slack, memory, kl)
        n += VI_WIDTH


cdef inline void factors_of_lanes(
    const real[:, :, ::1] cov, double slack, double* memory, real[:, :, ::1] tril, int[::1] bad, int[::1] rows
) noexcept nogil:
    cdef Py_ssize_t i, lane, after, n = 0, N = cov.shape[0], D = cov.shape[1], panels = (D + 3) // 4
    cdef Places places = no_places()
    cdef uint64_t odd[VI_WIDTH]
    cdef bint some_are_odd
    cdef vi_pairs pairs
    vi_pairs_divide(&pairs, D, <char*>(memory + 3 * D * (D + 1)))
    while n < N:
        after = n + VI_WIDTH
        place(&places, N - n, D)
        if after + VI_WIDTH <= N:
            vi_announce(
                &pairs.next, &cov[after, 0, 0], &cov[after + VI_WIDTH // 2, 0, 0],
                VI_WIDTH * D * D * sizeof(real) // 2, panels * (panels - 1) // 2 + D
            )
        pack_covariances(&cov[n, 0, 0], &places, D, slack, &pairs.next, &pairs.q)
        some_are_odd = vi_cholesky(&pairs, D, odd)
        unpack_triangles(&pairs.q, pairs.room, &places, D, &tril[n, 0, 0])
        if some_are_odd:
            for lane in range(places.vectors.live):
                if odd[lane] >> 63:
                    i = n + lane
                    factors_of_singles(cov[i:i + 1], slack, memory, tril[i:i + 1], bad[i:i + 1], rows[i:i + 1])
        n = after


# either --------------------------------------------------------------------------------------------------------------

cdef inline void full(
    const real[:, ::1] loc_q, const real[:, :, ::1] tril_q, const real[:, ::1] loc_p, const real[:, :, ::1] tril_p,
    double[::1] memory, real[::1] kl
) noexcept:
    with nogil:
        if loc_q.shape[1] <= VI_LARGEST:
            full_of_lanes(loc_q, tril_q, loc_p, tril_p, &memory[0], kl, NULL, NULL)
        else:
            full_of_singles(loc_q, tril_q, loc_p, tril_p, &memory[0], kl, NULL, NULL)


cdef inline void full_gradient(
    const real[:, ::1] loc_q, const real[:, :, ::1] tril_q, const real[:, ::1] loc_p, const real[:, :, ::1] tril_p,
    double[::1] memory, real[::1] kl, real[:, ::1] d_loc, real[:, :, ::1] d_tril
) noexcept:
    with nogil:
        if loc_q.shape[1] <= VI_LARGEST:
            full_of_lanes(loc_q, tril_q, loc_p, tril_p, &memory[0], kl, &d_loc[0, 0], &d_tril[0, 0, 0])
        else:
            full_of_singles(loc_q, tril_q, loc_p, tril_p, &memory[0], kl, &d_loc[0, 0], &d_tril[0, 0, 0])


cdef inline void from_covariances(
    const real[:, ::1] loc_q, const real[:, :, ::1] cov_q, const real[:, ::1] loc_p, const real[:, :, ::1] cov_p,
    double slack, double[::1] memory, real[::1] kl
) noexcept:
    with nogil:
        if loc_q.shape[1] == 2:
            from_covariances_of_two(loc_q, cov_q, loc_p, cov_p, slack, &memory[0], kl)
        elif loc_q.shape[1] <= VI_LARGEST:
            from_covariances_of_lanes(loc_q, cov_q, loc_p, cov_p, slack, &memory[0], kl)
        else:
            from_covariances_of_singles(loc_q, cov_q, loc_p, cov_p, slack, &memory[0], kl)


cdef inline void factors(
    const real[:, :, ::1] cov, double slack, double[::1] memory, real[:, :, ::1] tril, int[::1] bad, int[::1] rows
) noexcept:
    with nogil:
        if cov.shape[1] <= VI_LARGEST:
            factors_of_lanes(cov, slack, &memory[0], tril, bad, rows)
        else:
            factors_of_singles(cov, slack, &memory[0], tril, bad, rows)
