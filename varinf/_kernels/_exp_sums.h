/* Sums over draws of v = 2^(scale d), v^2, d = x - centre and d^2, in one pass: the inner loops of log_weights, written
   in registers (VI_WIDE), twice, for double and float, by _exp_sums_loops.h. */
#ifndef VARINF_EXP_SUMS_H
#define VARINF_EXP_SUMS_H

#include <stddef.h>

#include "_exp2.h"
#include "_registers.h"

/* Columns ask for what stands so many registers to the right, and so many draws below, which is one call's share of
   them: a processor sees the first coming, but not far enough ahead, and of the second nothing. */
#define VI_BESIDE 8
#define VI_BELOW 16

/* x[:count], then `fill`. */
#if defined(__GNUC__) && defined(__AVX512F__)
#include <immintrin.h>

static inline vi_doubles vi_load_some(const double *x, int count, double fill) {
  return _mm512_mask_loadu_pd(_mm512_set1_pd(fill), (__mmask8)((1 << count) - 1), x);
}
static inline vi_floats vi_load_somef(const float *x, int count, float fill) {
  return _mm512_mask_loadu_ps(_mm512_set1_ps(fill), (__mmask16)((1 << count) - 1), x);
}

#else

#define VI_LOAD_SOME(name, real, reals)                                                                                \
  static inline reals name(const real *x, int count, real fill) {                                                      \
    const int width = (int)(sizeof(reals) / sizeof(real));                                                             \
    real each[sizeof(reals) / sizeof(real)];                                                                           \
    reals loaded;                                                                                                      \
    int i;                                                                                                             \
    for (i = 0; i < width; i++) each[i] = i < count ? x[i] : fill;                                                     \
    memcpy(&loaded, each, sizeof loaded);                                                                              \
    return loaded;                                                                                                     \
  }
VI_LOAD_SOME(vi_load_some, double, vi_doubles)
VI_LOAD_SOME(vi_load_somef, float, vi_floats)

#endif

#define REAL double
#define REALS vi_doubles
#define NAME(name) name
#define TERMS 32
#define IN_DOUBLE vi_itself
#include "_exp_sums_loops.h"
#undef REAL
#undef REALS
#undef NAME
#undef TERMS
#undef IN_DOUBLE
#define REAL float
#define REALS vi_floats
#define NAME(name) name##f
#define TERMS 16
#define IN_DOUBLE vi_add_halves
#include "_exp_sums_loops.h"
#undef REAL
#undef REALS
#undef NAME
#undef TERMS
#undef IN_DOUBLE

#endif
