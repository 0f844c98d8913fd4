/* The inner loops of mixture_density over a block of 64 components: squared distances, the nearest, powers of 2. */
#ifndef VARINF_MIXTURE_TERMS_H
#define VARINF_MIXTURE_TERMS_H

#include <stddef.h>

#include "_exp2.h"

/* sum[64 r + j] = start_j + sum_d of a square, r < 4, j < 64, d < count; (count, 64) each. The square is
     of differences,  ((centre_dj - z_rd) precision_dj)^2,
     of products,     (z_rd precision_dj - centre_dj)^2, centre times precision before: two instructions, not three.
   4 rows share the loads, and 8 sums in registers hide the latency of each. Left to the autovectoriser the sums go
   through memory at every d (GCC 12): half the speed, in float a third. */
#if defined(__GNUC__)
#define VI_APART __attribute__((noinline)) /* inlined, its 8 sums lose their registers to constants of other loops */
#else
#define VI_APART
#endif

/* Where products are used: up to here |centre precision|, since half an ulp of it is the error. Without an instruction
   that multiplies and adds there is nothing to gain. */
#if defined(__FMA__) || defined(__ARM_FEATURE_FMA)
#define VI_PRODUCTS_TO 64.0
#else
#define VI_PRODUCTS_TO -1.0
#endif
#define VI_OF_DIFFERENCE(centre, precision, at, sum)                                                                   \
  t = (centre - (at)) * precision;                                                                                     \
  sum += t * t
#define VI_OF_PRODUCT(centre, precision, at, sum)                                                                      \
  t = precision * (at) - centre;                                                                                       \
  sum += t * t
#define VI_SQUARES(name, real, reals, SQUARE)                                                                          \
  static VI_APART void name(const real **z, const real *centre, const real *precision, ptrdiff_t count,                \
                            const real *start, real *sum) {                                                            \
    enum { WIDTH = sizeof(reals) / sizeof(real) };                                                                     \
    const real *z0 = z[0], *z1 = z[1], *z2 = z[2], *z3 = z[3];                                                         \
    int j;                                                                                                             \
    for (j = 0; j < 64; j += 2 * WIDTH) {                                                                              \
      const real *c = centre + j, *p = precision + j;                                                                  \
      reals low0, low1, low2, low3, high0, high1, high2, high3, c_low, c_high, p_low, p_high, t;                       \
      ptrdiff_t d;                                                                                                     \
      memcpy(&low0, start + j, sizeof low0);                                                                           \
      memcpy(&high0, start + j + WIDTH, sizeof high0);                                                                 \
      low1 = low2 = low3 = low0;                                                                                       \
      high1 = high2 = high3 = high0;                                                                                   \
      for (d = 0; d < count; d++, c += 64, p += 64) {                                                                  \
        memcpy(&c_low, c, sizeof c_low);                                                                               \
        memcpy(&c_high, c + WIDTH, sizeof c_high);                                                                     \
        memcpy(&p_low, p, sizeof p_low);                                                                               \
        memcpy(&p_high, p + WIDTH, sizeof p_high);                                                                     \
        SQUARE(c_low, p_low, z0[d], low0);                                                                             \
        SQUARE(c_high, p_high, z0[d], high0);                                                                          \
        SQUARE(c_low, p_low, z1[d], low1);                                                                             \
        SQUARE(c_high, p_high, z1[d], high1);                                                                          \
        SQUARE(c_low, p_low, z2[d], low2);                                                                             \
        SQUARE(c_high, p_high, z2[d], high2);                                                                          \
        SQUARE(c_low, p_low, z3[d], low3);                                                                             \
        SQUARE(c_high, p_high, z3[d], high3);                                                                          \
      }                                                                                                                \
      memcpy(sum + j, &low0, sizeof low0);                                                                             \
      memcpy(sum + j + WIDTH, &high0, sizeof high0);                                                                   \
      memcpy(sum + 64 + j, &low1, sizeof low1);                                                                        \
      memcpy(sum + 64 + j + WIDTH, &high1, sizeof high1);                                                              \
      memcpy(sum + 128 + j, &low2, sizeof low2);                                                                       \
      memcpy(sum + 128 + j + WIDTH, &high2, sizeof high2);                                                             \
      memcpy(sum + 192 + j, &low3, sizeof low3);                                                                       \
      memcpy(sum + 192 + j + WIDTH, &high3, sizeof high3);                                                             \
    }                                                                                                                  \
  }
VI_SQUARES(vi_squares, double, vi_doubles, VI_OF_DIFFERENCE)
VI_SQUARES(vi_squaresf, float, vi_floats, VI_OF_DIFFERENCE)
VI_SQUARES(vi_squares_of_products, double, vi_doubles, VI_OF_PRODUCT)
VI_SQUARES(vi_squares_of_productsf, float, vi_floats, VI_OF_PRODUCT)

/* Is any -sum[64 r + j] above top_r + slack, r < rows? The sign bits say so (and perhaps that of a nan). */
#define VI_ANY_ABOVE(name, real, reals, signs)                                                                         \
  static inline int name(const real *sum, const double *top, real slack, ptrdiff_t rows) {                             \
    enum { WIDTH = sizeof(reals) / sizeof(real), WORDS = sizeof(vi_words) / sizeof(uint64_t) };                        \
    vi_words any = {0}, bits = {0};                                                                                    \
    uint64_t words[WORDS];                                                                                             \
    reals s;                                                                                                           \
    ptrdiff_t r;                                                                                                       \
    int j;                                                                                                             \
    for (r = 0; r < rows; r++)                                                                                         \
      for (j = 0; j < 64; j += WIDTH) {                                                                                \
        memcpy(&s, sum + 64 * r + j, sizeof s);                                                                        \
        s += (real)top[r] + slack;                                                                                     \
        memcpy(&bits, &s, sizeof s);                                                                                   \
        any |= bits;                                                                                                   \
      }                                                                                                                \
    memcpy(words, &any, sizeof any);                                                                                   \
    for (j = 1; j < WORDS; j++) words[0] |= words[j];                                                                  \
    return (words[0] & signs) != 0;                                                                                    \
  }
VI_ANY_ABOVE(vi_any_above, double, vi_doubles, 0x8000000000000000ULL)
VI_ANY_ABOVE(vi_any_abovef, float, vi_floats, 0x8000000080000000ULL)

/* Adds the terms 2^(-sum_j - top) to `mass` by lanes, of which there are 16 at most. */
#define VI_ADD_TERMS(name, real, reals, power)                                                                         \
  static inline void name(const real *sum, double top, double *mass) {                                                 \
    enum { WIDTH = sizeof(reals) / sizeof(real), WIDE = sizeof(vi_doubles) / sizeof(double) };                         \
    real lanes[WIDTH];                                                                                                 \
    double wide[WIDTH];                                                                                                \
    reals total = {0}, s;                                                                                              \
    vi_doubles a, b;                                                                                                   \
    int j;                                                                                                             \
    for (j = 0; j < 64; j += WIDTH) {                                                                                  \
      memcpy(&s, sum + j, sizeof s);                                                                                   \
      total += power(s + (real)top, -1);                                                                               \
    }                                                                                                                  \
    memcpy(lanes, &total, sizeof total);                                                                               \
    for (j = 0; j < WIDTH; j++) wide[j] = lanes[j];                                                                    \
    for (j = 0; j < WIDTH; j += WIDE) {                                                                                \
      memcpy(&a, mass + j, sizeof a);                                                                                  \
      memcpy(&b, wide + j, sizeof b);                                                                                  \
      a += b;                                                                                                          \
      memcpy(mass + j, &a, sizeof a);                                                                                  \
    }                                                                                                                  \
  }
VI_ADD_TERMS(vi_add_terms, double, vi_doubles, vi_exp2_wide)
VI_ADD_TERMS(vi_add_termsf, float, vi_floats, vi_exp2_widef)

#endif
