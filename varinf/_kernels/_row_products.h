/* Sums of log(1 + t) over a row, 0 <= t <= 1, by one logarithm for hundreds of values instead of one each: the product
   less 1 is carried, q <- q + t (1 + q), since the product itself would lose every t below 1e-16. */
#ifndef VARINF_ROW_PRODUCTS_H
#define VARINF_ROW_PRODUCTS_H

#include <stddef.h>

#include "_simd.h"

/* Registers of 32 bytes at most, two of each sum: wider ones cost short rows more folds than they save additions. */
#if defined(__GNUC__) && defined(__AVX2__)
#define VI_ROW __attribute__((vector_size(32)))
#else
#define VI_ROW VI_WIDE
#endif
typedef double vi_row_doubles VI_ROW;
typedef float vi_row_floats VI_ROW;
typedef uint64_t vi_row_words VI_ROW;

#define VI_SHORT 8 /* below, a row is summed one by one: neighbouring rows keep the processor busy */
#define VI_STEPS 32 /* of a lane before its product, 2^32 at most, of floats 2^64 after a fold, goes into double */

static const uint64_t vi_ones_then_zeros[8] = {~0ULL, ~0ULL, ~0ULL, ~0ULL};

#define VI_ROW_STEP(s, q, at)                                                                                          \
  memcpy(&v, value + (at), sizeof v);                                                                                  \
  memcpy(&e, t + (at), sizeof e);                                                                                      \
  s += v;                                                                                                              \
  q += e * (one + q)

/* sum += sum_d value_d and 1 + excess *= prod_d (1 + t_d) over `count` features, in an order that depends on `count`
   alone; up to 31 bytes behind the row are read and masked out. Where the product grows large, sum takes its logarithm.
   In the end the row's sum of value - log(1 + t) is sum - log1p(excess). */
#define VI_ADD_ROW(name, real, reals)                                                                                  \
  static inline void name(const real *value, const real *t, ptrdiff_t count, double *sum, double *excess) {            \
    enum { WIDTH = sizeof(reals) / sizeof(real), FOLDED = WIDTH < 4 ? WIDTH : 4 };                                     \
    const real one = 1;                                                                                                \
    ptrdiff_t d = 0, stop;                                                                                             \
    if (count < VI_SHORT) {                                                                                            \
      real s = 0, q = 0;                                                                                               \
      for (; d < count; d++) {                                                                                         \
        s += value[d];                                                                                                 \
        q += t[d] * (one + q);                                                                                         \
      }                                                                                                                \
      *sum += s;                                                                                                       \
      *excess += q * (1 + *excess);                                                                                    \
    }                                                                                                                  \
    while (d < count) {                                                                                                \
      reals s0 = {0}, s1 = {0}, q0 = {0}, q1 = {0}, v, e;                                                              \
      real s[WIDTH], q[WIDTH];                                                                                         \
      double wide_s[FOLDED], wide_q[FOLDED];                                                                           \
      int i;                                                                                                           \
      stop = count - d < VI_STEPS * WIDTH ? count : d + VI_STEPS * WIDTH;                                              \
      for (; d + 2 * WIDTH <= stop; d += 2 * WIDTH) {                                                                  \
        VI_ROW_STEP(s0, q0, d);                                                                                        \
        VI_ROW_STEP(s1, q1, d + WIDTH);                                                                                \
      }                                                                                                                \
      if (d + WIDTH <= stop) {                                                                                         \
        VI_ROW_STEP(s0, q0, d);                                                                                        \
        d += WIDTH;                                                                                                    \
      }                                                                                                                \
      if (d < stop) {                                                                                                  \
        vi_row_words mask, bits;                                                                                       \
        memcpy(&mask, (const char *)(vi_ones_then_zeros + 4) - (stop - d) * sizeof(real), sizeof mask);                \
        memcpy(&bits, value + d, sizeof bits);                                                                         \
        bits &= mask;                                                                                                  \
        memcpy(&v, &bits, sizeof v);                                                                                   \
        memcpy(&bits, t + d, sizeof bits);                                                                             \
        bits &= mask;                                                                                                  \
        memcpy(&e, &bits, sizeof e);                                                                                   \
        s1 += v;                                                                                                       \
        q1 += e * (one + q1);                                                                                          \
        d = stop;                                                                                                      \
      }                                                                                                                \
      s0 += s1;                                                                                                        \
      q0 += q1 * (one + q0);                                                                                           \
      memcpy(s, &s0, sizeof s);                                                                                        \
      memcpy(q, &q0, sizeof q);                                                                                        \
      for (i = 0; i + 4 < WIDTH; i++) { /* 8 floats to 4 */                                                            \
        s[i] += s[i + 4];                                                                                              \
        q[i] += q[i + 4] * (one + q[i]);                                                                               \
      }                                                                                                                \
      for (i = 0; i < FOLDED; i++) {                                                                                   \
        wide_s[i] = s[i];                                                                                              \
        wide_q[i] = q[i];                                                                                              \
      }                                                                                                                \
      for (i = 0; i + 2 < FOLDED; i++) {                                                                               \
        wide_s[i] += wide_s[i + 2];                                                                                    \
        wide_q[i] += wide_q[i + 2] * (1 + wide_q[i]);                                                                  \
      }                                                                                                                \
      for (i = 0; i + 1 < FOLDED && i < 1; i++) {                                                                      \
        wide_s[0] += wide_s[1];                                                                                        \
        wide_q[0] += wide_q[1] * (1 + wide_q[0]);                                                                      \
      }                                                                                                                \
      *sum += wide_s[0];                                                                                               \
      *excess += wide_q[0] * (1 + *excess);                                                                            \
      if (*excess > 1e100) {                                                                                           \
        *sum -= vi_log1p(*excess);                                                                                     \
        *excess = 0;                                                                                                   \
      }                                                                                                                \
    }                                                                                                                  \
  }
VI_ADD_ROW(vi_add_row, double, vi_row_doubles)
VI_ADD_ROW(vi_add_rowf, float, vi_row_floats)

/* Asks for memory before it is read; it may lie beyond an array's end. */
static inline void vi_prefetch(const void *start, ptrdiff_t bytes) {
#if defined(__GNUC__)
  ptrdiff_t i;
  for (i = 0; i < bytes; i += 64) __builtin_prefetch((const char *)start + i);
#else
  (void)start;
  (void)bytes;
#endif
}

#endif
