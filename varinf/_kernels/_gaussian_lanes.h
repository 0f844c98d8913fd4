/* KL(q || p) of VI_WIDTH pairs of Gaussians at once, of at most VI_LARGEST features, and its gradient in q. */
#ifndef VARINF_GAUSSIAN_LANES_H
#define VARINF_GAUSSIAN_LANES_H

#include "_triangular_lanes.h"

enum { VI_LARGEST = 64 }; /* A group takes as long for one matrix as for all: beyond, much longer than one by itself. */

/* Marks, by the highest bit, the matrices whose diagonal has an entry that is not positive and normal. */
VI_INLINE void vi_mark_odd(vi_words *odd, const vi_lanes *diagonal, ptrdiff_t D) {
  vi_words bits;
  ptrdiff_t i;
  for (i = 0; i < D; i++) {
    memcpy(&bits, diagonal + i, sizeof bits);
    *odd |= bits | (bits - 0x0010000000000000ULL) | (0x7fefffffffffffffULL - bits);
  }
}

/* sum_i log(top_i / bottom_i) of positive normal numbers, at most 64: by their exponents, and by one logarithm for the
   products of all mantissas, which lie in [1, 2) */
VI_INLINE void vi_split(vi_lanes x, vi_words *exponents, vi_lanes *mantissas) {
  vi_words bits;
  vi_lanes mantissa;
  memcpy(&bits, &x, sizeof bits);
  *exponents += bits >> 52;
  bits = (bits & 0x000fffffffffffffULL) | 0x3ff0000000000000ULL;
  memcpy(&mantissa, &bits, sizeof bits);
  *mantissas *= mantissa;
}
#if defined(__GNUC__)
VI_LOG_REDUCED(vi_log_reduced_lanes, vi_lanes)
#else
#define vi_log_reduced_lanes vi_log_reduced
#endif
VI_INLINE vi_lanes vi_log_ratio(const vi_lanes *top, const vi_lanes *bottom, ptrdiff_t D) {
  vi_words up = {0}, down = {0}, bits;
  vi_lanes zero = {0}, above = zero + 1.0, below = above, exponent;
  ptrdiff_t d;
  for (d = 0; d < D; d++) {
    vi_split(top[d], &up, &above);
    vi_split(bottom[d], &down, &below);
  }
  above /= below; /* and from here as vi_log, with more to the exponent and without special values */
  memcpy(&bits, &above, sizeof bits);
  bits += 0x3ff0000000000000ULL - VI_SQRT_HALF;
  up += 0x4338000000000000ULL - down + (bits >> 52); /* the difference in the last bits of 1.5 * 2^52 */
  bits = (bits & 0x000fffffffffffffULL) + VI_SQRT_HALF;
  memcpy(&exponent, &up, sizeof up);
  memcpy(&above, &bits, sizeof bits);
  return vi_log_reduced_lanes(exponent - (0x1.8p52 + 1023.0), above - 1.0);
}

/* VI_WIDTH pairs, and room for their algebra */
typedef struct {
  vi_factor p, q;
  vi_lanes *shift, *room, *column; /* loc_q - loc_p; D numbers; a column panel */
  vi_next next;
} vi_pairs;

static size_t vi_pairs_bytes(ptrdiff_t D) {
  ptrdiff_t panels = (D + 3) / 4;
  return (size_t)(16 * panels * (panels + 1) + 40 * panels) * sizeof(vi_lanes) + 64;
}

static void vi_pairs_divide(vi_pairs *pairs, ptrdiff_t D, char *memory) {
  ptrdiff_t panels = (D + 3) / 4;
  vi_lanes *x = (vi_lanes *)(((uintptr_t)memory + 63) & ~(uintptr_t)63);
  memset(pairs, 0, sizeof *pairs);
  pairs->p.triangle = x;
  pairs->q.triangle = x += 8 * panels * (panels + 1);
  pairs->p.diagonal = x += 8 * panels * (panels + 1);
  pairs->q.diagonal = x += 4 * panels;
  pairs->p.inverse = x += 4 * panels;
  pairs->q.inverse = x += 4 * panels;
  pairs->shift = x += 4 * panels;
  pairs->room = x += 4 * panels;
  pairs->column = x += 4 * panels;
}

VI_INLINE void vi_subtract(vi_lanes *x, const vi_lanes *y, ptrdiff_t count) {
  ptrdiff_t i;
  for (i = 0; i < count; i++) x[i] -= y[i];
}

/* The highest bit of each lane; whether one is set */
VI_INLINE int vi_keep_bits(vi_words odd, uint64_t *out) {
  uint64_t any = 0;
  int i;
  memcpy(out, &odd, sizeof odd);
  for (i = 0; i < VI_WIDTH; i++) any |= out[i];
  return any >> 63;
}

/* Both functions for KL, and `vi_cholesky`, give what holds for positive normal diagonals and covariances that are not
   in doubt, and say whether a matrix is another, and then which ones: those are for the algebra of one at a time. KL is
   left in room[0].

   From covariances S = U diag(d) U', of which p's may have been factorised before:
     KL = 1/2 sum_i [ (sum_{j < i} x_ij^2 d_qj + (U_p^-1 shift)_i^2 + d_qi - d_pi) / d_pi - log(d_qi / d_pi) ],
   x = U_p^-1 U_q */
VI_INLINE int vi_kl_of_covariances(vi_pairs *pairs, ptrdiff_t D, int with_p, uint64_t *odd) {
  vi_lanes total = {0};
  vi_words marks = pairs->q.doubts | pairs->p.doubts;
  ptrdiff_t j;
  vi_factorise(&pairs->q, with_p ? &pairs->p : NULL, D, &pairs->next, pairs->column);
  for (j = 0; 4 * j < D; j++)
    total = vi_whiten_column(&pairs->p, &pairs->q, j, D, 1, &pairs->next, pairs->column, total);
  total = vi_whiten_vector(&pairs->p, D, 1, pairs->shift, total);
  pairs->room[0] = (total - vi_log_ratio(pairs->q.diagonal, pairs->p.diagonal, D)) / 2;
  vi_mark_odd(&marks, pairs->q.diagonal, D);
  vi_mark_odd(&marks, pairs->p.diagonal, D);
  return vi_keep_bits(marks, odd);
}

/* The same of two features, as rows [s_00, s_01, s_10, s_11], in registers from end to end; marks as by
   vi_pack_covariances. `shift` is loc_q - loc_p. */
VI_INLINE vi_words vi_doubts_of_two(const vi_lanes *s, double slack) {
  vi_lanes apart = s[1] - s[2], rest = slack * slack * s[0] * s[3] - apart * apart;
  vi_words first, last, bits;
  memcpy(&first, s, sizeof first);
  memcpy(&last, s + 3, sizeof last);
  memcpy(&bits, &rest, sizeof bits);
  return vi_out_of_range(first) | vi_out_of_range(last) | bits | (0x7fefffffffffffffULL - bits);
}
VI_INLINE vi_lanes vi_kl_of_two(const vi_lanes *q, const vi_lanes *p, const vi_lanes *shift, double slack,
                                vi_words *marks) {
  vi_lanes inverse = 1 / p[0], u_p = p[2] * inverse, u_q = q[2] * (1 / q[0]), apart = u_q - u_p;
  vi_lanes d_p[2] = {p[0], p[3] - u_p * p[2]}, d_q[2] = {q[0], q[3] - u_q * q[2]};
  vi_lanes white = shift[1] - u_p * shift[0];
  vi_lanes total = (shift[0] * shift[0] + (d_q[0] - d_p[0])) * inverse +
                   (apart * d_q[0] * apart + white * white + (d_q[1] - d_p[1])) / d_p[1];
  *marks = vi_doubts_of_two(p, slack) | vi_doubts_of_two(q, slack);
  vi_mark_odd(marks, d_p + 1, 1);
  vi_mark_odd(marks, d_q + 1, 1);
  return (total - vi_log_ratio(d_q, d_p, 2)) / 2;
}

/* The diagonal of a factor that was given, and its inverse */
VI_INLINE void vi_read_diagonal(const vi_factor *s, ptrdiff_t D) {
  ptrdiff_t i;
  for (i = 0; i < D; i++) {
    s->diagonal[i] = vi_panel(s->triangle, i / 4)[4 * i + i % 4];
    s->inverse[i] = 1 / s->diagonal[i];
  }
}

/* From factors, with x = p^-1 q:
     KL = 1/2 sum_i [ sum_{j < i} x_ij^2 + (p^-1 shift)_i^2 + x_ii^2 - 1 ] - sum_i log x_ii,
   and with its gradient: in loc_q, p'^-1 p^-1 shift, over `shift`; in q, tril(p'^-1 x) - diag(1 / q_ii), over q. */
VI_INLINE int vi_kl_of_factors(vi_pairs *pairs, ptrdiff_t D, const int with_gradient, uint64_t *odd) {
  vi_lanes total = {0}, *column = pairs->column, *q;
  vi_words marks = {0};
  ptrdiff_t i, j;
  int c;
  for (j = 0; 4 * j < D; j++) {
    total = vi_whiten_column(&pairs->p, &pairs->q, j, D, 0, &pairs->next, column, total);
    if (!with_gradient) continue;
    vi_back_column(&pairs->p, j, D, column);
    for (i = 4 * j; i < D; i++) {
      q = vi_panel(pairs->q.triangle, i / 4) + 16 * j + i % 4;
      for (c = 0; c < 4; c++) q[4 * c] = column[4 * i + c];
      if (i < 4 * j + 4) q[4 * (i % 4)] -= pairs->q.inverse[i];
    }
  }
  total = vi_whiten_vector(&pairs->p, D, 0, pairs->shift, total);
  if (with_gradient) vi_back_vector(&pairs->p, D, pairs->shift);
  pairs->room[0] = total / 2 - vi_log_ratio(pairs->q.diagonal, pairs->p.diagonal, D);
  vi_mark_odd(&marks, pairs->q.diagonal, D);
  vi_mark_odd(&marks, pairs->p.diagonal, D);
  return vi_keep_bits(marks, odd);
}

VI_INLINE void vi_roots(const vi_lanes *x, vi_lanes *out) {
  double y[VI_WIDTH];
  int i;
  memcpy(y, x, sizeof y);
  for (i = 0; i < VI_WIDTH; i++) y[i] = sqrt(fabs(y[i]));
  memcpy(out, y, sizeof y);
}

/* Cholesky's factors of q's covariances: U, with its ones, and in `room` the roots of d, which scale its columns */
VI_INLINE int vi_cholesky(vi_pairs *pairs, ptrdiff_t D, uint64_t *odd) {
  vi_lanes zero = {0};
  vi_words marks = pairs->q.doubts;
  ptrdiff_t i;
  vi_factorise(&pairs->q, NULL, D, &pairs->next, pairs->column);
  for (i = 0; i < D; i++) {
    vi_roots(pairs->q.diagonal + i, pairs->room + i);
    vi_panel(pairs->q.triangle, i / 4)[4 * i + i % 4] = zero + 1.0;
  }
  vi_mark_odd(&marks, pairs->q.diagonal, D);
  return vi_keep_bits(marks, odd);
}

#endif
