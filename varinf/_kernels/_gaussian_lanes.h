/* KL(q || p) of VI_WIDTH pairs of Gaussians at once, of at most VI_LARGEST features, and its gradient in q. */
#ifndef VARINF_GAUSSIAN_LANES_H
#define VARINF_GAUSSIAN_LANES_H

#include "_triangular_lanes.h"

enum { VI_LARGEST = 64 }; /* above, three triangles fill a cache, and a product of 64 mantissas still is below 2^64 */

/* sum_i log(top_i / bottom_i): by the exponents, and by one logarithm of the products of all mantissas, which lie in
   [1, 2). Matrices with a number that is not positive and normal have a logarithm taken of each. */
VI_INLINE void vi_split(vi_lanes x, vi_words *exponents, vi_lanes *mantissas, vi_words *odd) {
  vi_words bits;
  vi_lanes mantissa;
  memcpy(&bits, &x, sizeof bits);
  *odd |= bits | (bits - 0x0010000000000000ULL) | (0x7fefffffffffffffULL - bits); /* said by the highest bit */
  *exponents += bits >> 52;
  bits = (bits & 0x000fffffffffffffULL) | 0x3ff0000000000000ULL;
  memcpy(&mantissa, &bits, sizeof bits);
  *mantissas *= mantissa;
}
VI_INLINE vi_lanes vi_log_ratio(const vi_lanes *top, const vi_lanes *bottom, ptrdiff_t D) {
  vi_words odd = {0}, up = odd, down = odd;
  vi_lanes zero = {0}, above = zero + 1.0, below = above;
  double logs[VI_WIDTH];
  uint64_t exponent[VI_WIDTH], is_odd[VI_WIDTH], any = 0;
  ptrdiff_t d;
  int i;
  for (d = 0; d < D; d++) {
    vi_split(top[d], &up, &above, &odd);
    vi_split(bottom[d], &down, &below, &odd);
  }
  above /= below;
  up += 0x4338000000000000ULL - down; /* the difference in the last bits of 1.5 * 2^52 */
  memcpy(logs, &above, sizeof above);
  memcpy(exponent, &up, sizeof up);
  memcpy(is_odd, &odd, sizeof odd);
  for (i = 0; i < VI_WIDTH; i++) {
    uint64_t bits = vi_bits(logs[i]) + (0x3ff0000000000000ULL - VI_SQRT_HALF); /* as in vi_log, from here on */
    double f = vi_from_bits((bits & 0x000fffffffffffffULL) + VI_SQRT_HALF) - 1.0;
    logs[i] = vi_log_reduced(vi_from_bits(exponent[i] + (bits >> 52)) - (0x1.8p52 + 1023.0), f);
    any |= is_odd[i];
  }
  if (any >> 63)
    for (i = 0; i < VI_WIDTH; i++)
      if (is_odd[i] >> 63) {
        logs[i] = 0;
        for (d = 0; d < D; d++) logs[i] += vi_log(vi_lane(top + d, i)) - vi_log(vi_lane(bottom + d, i));
      }
  memcpy(&above, logs, sizeof above);
  return above;
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

VI_INLINE void vi_keep(vi_lanes x, double *out) { memcpy(out, &x, sizeof x); }

/* From covariances S = U diag(d) U', of which p's may have been factorised before:
     KL = 1/2 sum_i [ (sum_{j < i} (U_p^-1 U_q)_ij^2 d_qj + (U_p^-1 shift)_i^2 + d_qi - d_pi) / d_pi - log(d_qi / d_pi) ] */
VI_INLINE void vi_kl_of_covariances(vi_pairs *pairs, ptrdiff_t D, int with_p, double *kl) {
  vi_lanes total = {0};
  ptrdiff_t j;
  vi_factorise(&pairs->q, with_p ? &pairs->p : NULL, D, &pairs->next, pairs->column);
  for (j = 0; 4 * j < D; j++) total = vi_whiten_column(&pairs->p, &pairs->q, j, D, 1, &pairs->next, pairs->column, total);
  total = vi_whiten_vector(&pairs->p, D, 1, pairs->shift, total);
  vi_keep((total - vi_log_ratio(pairs->q.diagonal, pairs->p.diagonal, D)) / 2, kl);
}

/* sqrt(d), and ones on the diagonal of U, so that column i of Cholesky's factor is U's times root i */
VI_INLINE void vi_take_roots(const vi_factor *s, ptrdiff_t D, vi_lanes *roots) {
  vi_lanes zero = {0};
  double x[VI_WIDTH];
  ptrdiff_t d;
  int i;
  for (d = 0; d < D; d++) {
    memcpy(x, s->diagonal + d, sizeof x);
    for (i = 0; i < VI_WIDTH; i++) x[i] = sqrt(x[i]);
    memcpy(roots + d, x, sizeof x);
    vi_panel(s->triangle, d / 4)[4 * d + d % 4] = zero + 1.0;
  }
}

/* The diagonal of factors that were given, and its inverse */
VI_INLINE void vi_read_diagonal(const vi_factor *s, ptrdiff_t D) {
  ptrdiff_t i;
  for (i = 0; i < D; i++) {
    s->diagonal[i] = vi_panel(s->triangle, i / 4)[4 * i + i % 4];
    s->inverse[i] = 1 / s->diagonal[i];
  }
}

/* From factors:  KL = 1/2 sum_i [ sum_{j < i} x_ij^2 + (p^-1 shift)_i^2 + x_ii^2 - 1 ] - sum_i log x_ii,  x = p^-1 q */
VI_INLINE void vi_kl_of_factors(vi_pairs *pairs, ptrdiff_t D, double *kl) {
  vi_lanes total = {0};
  ptrdiff_t j;
  for (j = 0; 4 * j < D; j++) total = vi_whiten_column(&pairs->p, &pairs->q, j, D, 0, &pairs->next, pairs->column, total);
  total = vi_whiten_vector(&pairs->p, D, 0, pairs->shift, total);
  vi_keep(total / 2 - vi_log_ratio(pairs->q.diagonal, pairs->p.diagonal, D), kl);
}

/* The same with its gradient: in loc_q, p'^-1 p^-1 shift, over `shift`; in q, tril(p'^-1 x) - diag(1 / q_ii), over q. */
VI_INLINE void vi_kl_gradient_of_factors(vi_pairs *pairs, ptrdiff_t D, double *kl) {
  vi_lanes total = {0}, *column = pairs->column, *q;
  ptrdiff_t i, j;
  int c;
  for (j = 0; 4 * j < D; j++) {
    total = vi_whiten_column(&pairs->p, &pairs->q, j, D, 0, &pairs->next, column, total);
    vi_back_column(&pairs->p, j, D, column);
    for (i = 4 * j; i < D; i++) {
      q = vi_panel(pairs->q.triangle, i / 4) + 16 * j + i % 4;
      for (c = 0; c < 4; c++) q[4 * c] = column[4 * i + c];
      if (i < 4 * j + 4) q[4 * (i % 4)] -= pairs->q.inverse[i];
    }
  }
  total = vi_whiten_vector(&pairs->p, D, 0, pairs->shift, total);
  vi_back_vector(&pairs->p, D, pairs->shift);
  vi_keep(total / 2 - vi_log_ratio(pairs->q.diagonal, pairs->p.diagonal, D), kl);
}

#endif
