/* Triangular algebra of VI_WIDTH matrices at once (_lanes.h), in tiles of 4 x 4 entries, which use each load 4 times.

   A triangle is stored in panels of 4 rows, column by column: entry (i, k) at 8 I (I + 1) + 4 k + i % 4, I = i / 4. A
   column panel is 4 columns, row by row: entry (i, c) at 4 i + c. Products then read two streams without gaps.

   Covariances are factorised without roots, S = U diag(d) U' with ones on U's diagonal: d are the pivots of Cholesky's
   factor U sqrt(d). A pivot that is not positive spoils what follows it, in its own matrix only. */
#ifndef VARINF_TRIANGULAR_LANES_H
#define VARINF_TRIANGULAR_LANES_H

#include "_lanes.h"

#if defined(__AVX512F__)
enum { VI_TILE = 4 }; /* columns of a tile whose sums are in registers at one time: half of 32 registers, or of 16 */
#else
enum { VI_TILE = 2 };
#endif

/* `call` with rows 4 i, ... < D of the last panel, for rows = 1, 2 or 3 known to the compiler; nothing for 4 | D */
#define VI_LAST_PANEL(D, call)                                                                                         \
  switch ((D) % 4) {                                                                                                   \
  case 1: { enum { rows = 1 }; call; break; }                                                                          \
  case 2: { enum { rows = 2 }; call; break; }                                                                          \
  case 3: { enum { rows = 3 }; call; break; }                                                                          \
  }

VI_INLINE vi_lanes *vi_panel(const vi_lanes *triangle, ptrdiff_t i) { return (vi_lanes *)triangle + 8 * i * (i + 1); }

/* sum[r][c] -= sum_k a_rk b_kc, a_rk at a[r a_row + k a_column], b_kc at b[4 k + c] */
VI_INLINE void vi_subtract_product(vi_lanes sum[4][4], const vi_lanes *a, const int a_row, const int a_column,
                                   const vi_lanes *b, ptrdiff_t count, const int rows) {
  ptrdiff_t k;
  int r, c, first;
  VI_UNROLL
  for (first = 0; first < 4; first += VI_TILE)
    for (k = 0; k < count; k++)
      VI_UNROLL
      for (r = 0; r < rows; r++)
        VI_UNROLL
        for (c = first; c < first + VI_TILE; c++) sum[r][c] -= a[r * a_row + k * a_column] * b[4 * k + c];
}

/* A triangle of each matrix, the inverse of its diagonal, and the diagonal, which for U is d; `doubts`: below. */
typedef struct {
  vi_lanes *triangle, *diagonal, *inverse;
  vi_words doubts;
} vi_factor;

/* Where the next matrices of p and of q stand, `bytes` of each, of which a share is fetched beside each row that is packed
   and each tile: matrices side by side do not look like a stream to the processor, and to wait for them would take a
   third of the time. */
typedef struct {
  const char *p, *q;
  ptrdiff_t bytes, share, done;
} vi_next;

VI_INLINE void vi_announce(vi_next *next, const void *p, const void *q, ptrdiff_t bytes, ptrdiff_t tiles) {
  next->p = (const char *)p, next->q = (const char *)q;
  next->bytes = tiles ? bytes : 0;
  next->share = tiles ? (bytes / 64 / tiles + 1) * 64 : 0;
  next->done = 0;
}
VI_INLINE void vi_fetch(vi_next *next) {
  ptrdiff_t stop = next->done + next->share < next->bytes ? next->done + next->share : next->bytes;
  for (; next->done < stop; next->done += 64) {
    VI_FETCH(next->p + next->done);
    VI_FETCH(next->q + next->done);
  }
}

VI_INLINE vi_words vi_out_of_range(vi_words bits) { /* of 2^-300 ... 2^300 */
  return (bits - 0x2d30000000000000ULL) | (0x52b0000000000000ULL - bits);
}
VI_INLINE void vi_doubt_range(vi_factor *s) { /* where a number is the whole matrix */
  vi_words bits;
  memcpy(&bits, s->triangle, sizeof bits);
  s->doubts = vi_out_of_range(bits);
}
/* An entry takes its place, and how far it lies from its mirror, which waited there, goes to the sum */
VI_INLINE void vi_compare(vi_lanes value, vi_lanes *mirror, vi_lanes inverse, vi_lanes *far) {
  vi_lanes apart = value - *mirror;
  *far += apart * inverse * apart;
  *mirror = value;
}
/* The lower triangles of covariances, whose entries are compared on the way. In doubt, by the highest bit, is a matrix
   with a value that is not finite or with a row in which sum_j (s_ij - s_ji)^2 / s_jj > slack^2 s_ii, j < i: such a sum
   costs no roots, and where it is within bounds, so is each of its terms. A diagonal that could leave the range of
   numbers in it is in doubt as well. Rows come in the order of memory, and what stands behind their diagonals waits at
   its mirror place until it is compared and overwritten. */
#define VI_PACK_COVARIANCES(name, real, pack_four)                                                                     \
  VI_INLINE vi_words name##_row(const real *x, const vi_places *places, ptrdiff_t i, const int row, ptrdiff_t D,       \
                                double square, vi_next *next, vi_factor *s) {                                          \
    vi_lanes *own = vi_panel(s->triangle, i / 4) + row, run[4], zero = {0}, rest;                                      \
    vi_lanes far[4] = {zero, zero, zero, zero};                                                                        \
    vi_words bits, doubts;                                                                                             \
    ptrdiff_t first = (i + row) * D, k;                                                                                \
    int c;                                                                                                             \
    vi_fetch(next);                                                                                                    \
    for (k = 0; k < i; k += 4) {                                                                                       \
      pack_four(x, places, first + k, 4, run);                                                                         \
      VI_UNROLL                                                                                                        \
      for (c = 0; c < 4; c++) vi_compare(run[c], own + 4 * (k + c), s->inverse[k + c], far + c);                       \
    }                                                                                                                  \
    pack_four(x, places, first + i, D - i, run);                                                                       \
    VI_UNROLL                                                                                                          \
    for (c = 0; c < row; c++) vi_compare(run[c], own + 4 * (i + c), s->inverse[i + c], far + c);                       \
    s->inverse[i + row] = 1 / run[row]; /* of the covariance, until there are pivots */                                \
    VI_UNROLL                                                                                                          \
    for (c = row; c < 4; c++) own[4 * (i + row) + c - row] = run[c];                                                   \
    for (k = i + 4; k < D; k += 4)                                                                                     \
      pack_four(x, places, first + k, D - k, vi_panel(s->triangle, k / 4) + 4 * (i + row));                            \
    memcpy(&bits, run + row, sizeof bits);                                                                             \
    doubts = vi_out_of_range(bits);                                                                                    \
    rest = square * run[row] - ((far[0] + far[1]) + (far[2] + far[3]));                                                \
    memcpy(&bits, &rest, sizeof bits);                                                                                 \
    return doubts | bits | (0x7fefffffffffffffULL - bits);                                                             \
  }                                                                                                                    \
  VI_INLINE void name(const real *x, const vi_places *places, ptrdiff_t D, double slack, vi_next *next, vi_factor *s) {\
    vi_words doubts = {0};                                                                                             \
    ptrdiff_t i;                                                                                                       \
    for (i = 0; i < D; i += 4) {                                                                                       \
      doubts |= name##_row(x, places, i, 0, D, slack * slack, next, s);                                                \
      if (i + 1 < D) doubts |= name##_row(x, places, i, 1, D, slack * slack, next, s);                                 \
      if (i + 2 < D) doubts |= name##_row(x, places, i, 2, D, slack * slack, next, s);                                 \
      if (i + 3 < D) doubts |= name##_row(x, places, i, 3, D, slack * slack, next, s);                                 \
    }                                                                                                                  \
    s->doubts = doubts;                                                                                                \
  }
VI_PACK_COVARIANCES(vi_pack_covariances, double, vi_pack_four)
VI_PACK_COVARIANCES(vi_pack_covariancesf, float, vi_pack_fourf)

/* factor ---------------------------------------------------------------------------------------------------------- */

/* Panel i of U over that of S, given the panels before it; `scaled` has room for the panel times d. */
VI_INLINE void vi_factorise_panel(const vi_factor *s, ptrdiff_t i, const int rows, vi_next *next, vi_lanes *scaled) {
  vi_lanes *own = vi_panel(s->triangle, i), *corner = own + 16 * i, *inverse = s->inverse, sum[4][4], u[4][4];
  vi_lanes *own_diagonal = s->diagonal + 4 * i, *own_inverse = inverse + 4 * i;
  ptrdiff_t j, k;
  int r, c, b;
  for (j = 0; j < i; j++) {
    const vi_lanes *other = vi_panel(s->triangle, j), *other_corner = other + 16 * j, *other_inverse = inverse + 4 * j;
    vi_lanes *tile = own + 16 * j, *scaled_tile = scaled + 16 * j;
    vi_fetch(next);
    VI_UNROLL
    for (r = 0; r < rows; r++)
      VI_UNROLL
      for (c = 0; c < 4; c++) sum[r][c] = tile[4 * c + r];
    vi_subtract_product(sum, scaled, 1, 4, other, 4 * j, rows);
    VI_UNROLL
    for (c = 0; c < 4; c++)
      VI_UNROLL
      for (r = 0; r < rows; r++) {
        VI_UNROLL
        for (b = 0; b < c; b++) sum[r][c] -= sum[r][b] * other_corner[4 * b + c];
        scaled_tile[4 * c + r] = sum[r][c];
        tile[4 * c + r] = sum[r][c] * other_inverse[c];
      }
  }
  VI_UNROLL
  for (r = 0; r < rows; r++)
    VI_UNROLL
    for (c = 0; c <= r; c++) sum[r][c] = corner[4 * c + r];
  for (k = 0; k < 4 * i; k++)
    VI_UNROLL
    for (r = 0; r < rows; r++)
      VI_UNROLL
      for (c = 0; c <= r; c++) sum[r][c] -= scaled[4 * k + r] * own[4 * k + c];
  VI_UNROLL
  for (c = 0; c < rows; c++) {
    own_diagonal[c] = sum[c][c];
    own_inverse[c] = 1 / sum[c][c];
    VI_UNROLL
    for (r = c + 1; r < rows; r++) corner[4 * c + r] = u[r][c] = sum[r][c] * own_inverse[c];
    VI_UNROLL
    for (r = c + 1; r < rows; r++)
      VI_UNROLL
      for (b = c + 1; b <= r; b++) sum[r][b] -= sum[r][c] * u[b][c];
  }
}

/* One triangle, or two panel by panel, so that one has work while the other waits for its pivots */
VI_INLINE void vi_factorise(const vi_factor *s, const vi_factor *other, ptrdiff_t D, vi_next *next, vi_lanes *scaled) {
  ptrdiff_t i;
  for (i = 0; i < D / 4; i++) {
    vi_factorise_panel(s, i, 4, next, scaled);
    if (other) vi_factorise_panel(other, i, 4, next, scaled);
  }
  VI_LAST_PANEL(D, vi_factorise_panel(s, i, rows, next, scaled))
  if (other) { VI_LAST_PANEL(D, vi_factorise_panel(other, i, rows, next, scaled)) }
}

/* p^-1 q ---------------------------------------------------------------------------------------------------------- */

/* Column panel by column panel, since but for gradients only the sum of its squares is wanted, less those of the
   identity: each function adds to it. `unit`: p and q are U, with ones on the diagonal, and the squares are weighted as
   those of sqrt(d_p)^-1 U_p^-1 U_q sqrt(d_q). On the diagonal a division, where else inverses are multiplied, makes the
   identity exact for p = q. */
VI_INLINE vi_lanes vi_whiten_corner(const vi_factor *p, const vi_factor *q, ptrdiff_t i, const int rows, const int unit,
                                    vi_lanes *column, vi_lanes total) {
  const vi_lanes *corner_p = vi_panel(p->triangle, i) + 16 * i, *corner_q = vi_panel(q->triangle, i) + 16 * i;
  const vi_lanes *d_p = p->diagonal + 4 * i, *d_q = q->diagonal + 4 * i, *inverse_p = p->inverse + 4 * i;
  vi_lanes x[4][4], squares, zero = {0}, one = zero + 1.0, *out = column + 16 * i;
  int r, c, b;
  VI_UNROLL
  for (r = 0; r < rows; r++) {
    squares = zero;
    VI_UNROLL
    for (c = 0; c < 4; c++) x[r][c] = c < r ? corner_q[4 * c + r] : c > r ? zero : unit ? one : d_q[r] / d_p[r];
    VI_UNROLL
    for (b = 0; b < r; b++)
      VI_UNROLL
      for (c = 0; c <= b; c++) x[r][c] -= corner_p[4 * b + r] * x[b][c];
    VI_UNROLL
    for (c = 0; c < r; c++) {
      if (!unit) x[r][c] *= inverse_p[r];
      squares += unit ? x[r][c] * d_q[c] * x[r][c] : x[r][c] * x[r][c];
    }
    VI_UNROLL
    for (c = 0; c < 4; c++) out[4 * r + c] = x[r][c];
    total += unit ? (squares + (d_q[r] - d_p[r])) * inverse_p[r] : squares + (x[r][r] - 1) * (x[r][r] + 1);
  }
  return total;
}

VI_INLINE vi_lanes vi_whiten_tile(const vi_factor *p, const vi_factor *q, ptrdiff_t i, ptrdiff_t j, const int rows,
                                  const int unit, vi_lanes *column, vi_lanes total) {
  const vi_lanes *own_p = vi_panel(p->triangle, i), *corner_p = own_p + 16 * i;
  const vi_lanes *own_q = vi_panel(q->triangle, i) + 16 * j;
  const vi_lanes *d_q = q->diagonal + 4 * j, *inverse_p = p->inverse + 4 * i;
  vi_lanes x[4][4], squares, zero = {0}, *out = column + 16 * i;
  int r, c, b;
  VI_UNROLL
  for (r = 0; r < rows; r++)
    VI_UNROLL
    for (c = 0; c < 4; c++) x[r][c] = own_q[4 * c + r];
  vi_subtract_product(x, own_p + 16 * j, 1, 4, column + 16 * j, 4 * (i - j), rows);
  VI_UNROLL
  for (r = 0; r < rows; r++) {
    squares = zero;
    VI_UNROLL
    for (c = 0; c < 4; c++) {
      VI_UNROLL
      for (b = 0; b < r; b++) x[r][c] -= corner_p[4 * b + r] * x[b][c];
      if (!unit) x[r][c] *= inverse_p[r];
      out[4 * r + c] = x[r][c];
      squares += unit ? x[r][c] * d_q[c] * x[r][c] : x[r][c] * x[r][c];
    }
    total += unit ? squares * inverse_p[r] : +squares;
  }
  return total;
}

VI_INLINE vi_lanes vi_whiten_column(const vi_factor *p, const vi_factor *q, ptrdiff_t j, ptrdiff_t D, const int unit,
                                    vi_next *next, vi_lanes *column, vi_lanes total) {
  ptrdiff_t i;
  if (j == D / 4) {
    VI_LAST_PANEL(D, total = vi_whiten_corner(p, q, j, rows, unit, column, total))
    return total;
  }
  total = vi_whiten_corner(p, q, j, 4, unit, column, total);
  for (i = j + 1; i < D / 4; i++) {
    vi_fetch(next);
    total = vi_whiten_tile(p, q, i, j, 4, unit, column, total);
  }
  VI_LAST_PANEL(D, total = vi_whiten_tile(p, q, i, j, rows, unit, column, total))
  return total;
}

/* y <- p^-1 y, adding its squares */
VI_INLINE vi_lanes vi_whiten_vector_panel(const vi_factor *p, ptrdiff_t i, const int rows, const int unit, vi_lanes *y,
                                          vi_lanes total) {
  const vi_lanes *own = vi_panel(p->triangle, i), *corner = own + 16 * i, *inverse = p->inverse + 4 * i;
  vi_lanes sum[4];
  ptrdiff_t k;
  int r, b;
  VI_UNROLL
  for (r = 0; r < rows; r++) sum[r] = y[4 * i + r];
  for (k = 0; k < 4 * i; k++)
    VI_UNROLL
    for (r = 0; r < rows; r++) sum[r] -= own[4 * k + r] * y[k];
  VI_UNROLL
  for (r = 0; r < rows; r++) {
    VI_UNROLL
    for (b = 0; b < r; b++) sum[r] -= corner[4 * b + r] * sum[b];
    if (!unit) sum[r] *= inverse[r];
    y[4 * i + r] = sum[r];
    total += unit ? sum[r] * inverse[r] * sum[r] : sum[r] * sum[r];
  }
  return total;
}

VI_INLINE vi_lanes vi_whiten_vector(const vi_factor *p, ptrdiff_t D, const int unit, vi_lanes *y, vi_lanes total) {
  ptrdiff_t i;
  for (i = 0; i < D / 4; i++) total = vi_whiten_vector_panel(p, i, 4, unit, y, total);
  VI_LAST_PANEL(D, total = vi_whiten_vector_panel(p, i, rows, unit, y, total))
  return total;
}

/* p'^-1 x -------------------------------------------------------------------------------------------------------- */

/* Rows 4 i, ... of p'^-1 of a column panel, given those below; p with a diagonal of its own */
VI_INLINE void vi_back_tile(const vi_factor *p, ptrdiff_t i, ptrdiff_t D, const int rows, vi_lanes *column) {
  const vi_lanes *corner = vi_panel(p->triangle, i) + 16 * i, *inverse = p->inverse + 4 * i;
  vi_lanes x[4][4];
  ptrdiff_t k;
  int r, c, b;
  VI_UNROLL
  for (r = 0; r < rows; r++)
    VI_UNROLL
    for (c = 0; c < 4; c++) x[r][c] = column[4 * (4 * i + r) + c];
  for (k = i + 1; 4 * k < D; k++)
    vi_subtract_product(x, vi_panel(p->triangle, k) + 16 * i, 4, 1, column + 16 * k, D - 4 * k > 4 ? 4 : D - 4 * k,
                        rows);
  VI_UNROLL
  for (r = rows - 1; r >= 0; r--)
    VI_UNROLL
    for (c = 0; c < 4; c++) {
      VI_UNROLL
      for (b = r + 1; b < rows; b++) x[r][c] -= corner[4 * r + b] * x[b][c];
      column[4 * (4 * i + r) + c] = x[r][c] *= inverse[r];
    }
}

/* Rows from panel j on, which is all that a lower triangle needs of column panel j */
VI_INLINE void vi_back_column(const vi_factor *p, ptrdiff_t j, ptrdiff_t D, vi_lanes *column) {
  ptrdiff_t i = D / 4;
  VI_LAST_PANEL(D, vi_back_tile(p, i, D, rows, column))
  for (i = D / 4 - 1; i >= j; i--) vi_back_tile(p, i, D, 4, column);
}

VI_INLINE void vi_back_vector(const vi_factor *p, ptrdiff_t D, vi_lanes *y) {
  ptrdiff_t i, k;
  for (k = D - 1; k >= 0; k--) {
    const vi_lanes *row = vi_panel(p->triangle, k / 4) + k % 4;
    y[k] *= p->inverse[k];
    for (i = 0; i < k; i++) y[i] -= row[4 * i] * y[k];
  }
}

#endif
