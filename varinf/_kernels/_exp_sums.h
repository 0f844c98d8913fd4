/* Sums over draws of v = 2^(scale d), v^2, d = x - centre and d^2, in one pass: the inner loops of log_weights, written
   in registers (VI_WIDE), twice, for double and float, by _exp_sums_loops.h. */
#ifndef VARINF_EXP_SUMS_H
#define VARINF_EXP_SUMS_H

#include <stddef.h>

#include "_exp2.h"

/* Draws of one column are `stride` apart, too far for the processor to see what comes next. */
#ifdef __GNUC__
#define VI_PREFETCH(address) __builtin_prefetch(address)
#else
#define VI_PREFETCH(address)
#endif

#if defined(__GNUC__) && defined(__AVX512F__)
#include <immintrin.h>

static inline double vi_total(vi_doubles sums) { return _mm512_reduce_add_pd(sums); }
static inline double vi_totalf(vi_floats sums) {
  return vi_total(_mm512_cvtps_pd(_mm512_castps512_ps256(sums) + _mm512_extractf32x8_ps(sums, 1)));
}

/* x[:count], then `fill`. */
static inline vi_doubles vi_load_some(const double *x, int count, double fill) {
  return _mm512_mask_loadu_pd(_mm512_set1_pd(fill), (__mmask8)((1 << count) - 1), x);
}
static inline vi_floats vi_load_somef(const float *x, int count, float fill) {
  return _mm512_mask_loadu_ps(_mm512_set1_ps(fill), (__mmask16)((1 << count) - 1), x);
}

#else

#define VI_REGISTER_OF(total, load_some, real, reals)                                                                  \
  static inline double total(reals sums) {                                                                             \
    const int width = (int)(sizeof(reals) / sizeof(real));                                                             \
    real each[sizeof(reals) / sizeof(real)];                                                                           \
    double wide[sizeof(reals) / sizeof(real)];                                                                         \
    int i, half;                                                                                                       \
    memcpy(each, &sums, sizeof each);                                                                                  \
    for (i = 0; i < width; i++) wide[i] = each[i];                                                                     \
    for (half = width / 2; half > 0; half /= 2)                                                                        \
      for (i = 0; i < half; i++) wide[i] += wide[i + half];                                                            \
    return wide[0];                                                                                                    \
  }                                                                                                                    \
  static inline reals load_some(const real *x, int count, real fill) {                                                 \
    const int width = (int)(sizeof(reals) / sizeof(real));                                                             \
    real each[sizeof(reals) / sizeof(real)];                                                                           \
    reals loaded;                                                                                                      \
    int i;                                                                                                             \
    for (i = 0; i < width; i++) each[i] = i < count ? x[i] : fill;                                                     \
    memcpy(&loaded, each, sizeof loaded);                                                                              \
    return loaded;                                                                                                     \
  }
VI_REGISTER_OF(vi_total, vi_load_some, double, vi_doubles)
VI_REGISTER_OF(vi_totalf, vi_load_somef, float, vi_floats)

#endif

#define REAL double
#define REALS vi_doubles
#define NAME(name) name
#define TERMS 32
#include "_exp_sums_loops.h"
#undef REAL
#undef REALS
#undef NAME
#undef TERMS
#define REAL float
#define REALS vi_floats
#define NAME(name) name##f
#define TERMS 16
#include "_exp_sums_loops.h"
#undef REAL
#undef REALS
#undef NAME
#undef TERMS

#endif
