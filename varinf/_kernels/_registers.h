/* Registers as a whole: fetched ahead, their lanes in another order, their halves, and several reduced together. */
#ifndef VARINF_REGISTERS_H
#define VARINF_REGISTERS_H

#include "_simd.h"

#define VI_ROWS ((int)(sizeof(vi_doubles) / sizeof(double))) /* rows that are reduced together */

/* What is read or written soon. Of a row a processor sees by itself what comes next, but not far enough ahead: each
   register is asked for VI_AHEAD registers before, which doubles the speed of what does not lie in the cache. */
#ifdef __GNUC__
#define VI_PREFETCH(address) __builtin_prefetch(address)
#define VI_PREFETCH_TO_WRITE(address) __builtin_prefetch(address, 1)
#else
#define VI_PREFETCH(address) ((void)0)
#define VI_PREFETCH_TO_WRITE(address) ((void)0)
#endif
#define VI_AHEAD 64

#if defined(__clang__) || (defined(__GNUC__) && __GNUC__ >= 12)
#define VI_SHUFFLE(x, y, ...) __builtin_shufflevector(x, y, __VA_ARGS__)
#else
#define VI_SHUFFLE(x, y, ...) __builtin_shuffle(x, y, (vi_words){__VA_ARGS__})
#endif

/* x[0] = (all lanes of x[0], all lanes of x[1], ...), by shuffles, in a fixed order: what comes of a register does not
   depend on the others. `op` is + or *; x, VI_ROWS registers, is used up. */
#if defined(__GNUC__) && defined(__AVX512F__)
#define VI_ACROSS(x, op)                                                                                               \
  for (i = 0; i < 4; i++)                                                                                              \
    x[i] = VI_SHUFFLE(x[2 * i], x[2 * i + 1], 0, 8, 2, 10, 4, 12, 6, 14)                                               \
        op VI_SHUFFLE(x[2 * i], x[2 * i + 1], 1, 9, 3, 11, 5, 13, 7, 15);                                              \
  for (i = 0; i < 2; i++)                                                                                              \
    x[i] = VI_SHUFFLE(x[2 * i], x[2 * i + 1], 0, 1, 8, 9, 4, 5, 12, 13)                                                \
        op VI_SHUFFLE(x[2 * i], x[2 * i + 1], 2, 3, 10, 11, 6, 7, 14, 15);                                             \
  x[0] = VI_SHUFFLE(x[0], x[1], 0, 1, 2, 3, 8, 9, 10, 11) op VI_SHUFFLE(x[0], x[1], 4, 5, 6, 7, 12, 13, 14, 15);
#elif defined(__GNUC__) && defined(__AVX2__)
#define VI_ACROSS(x, op)                                                                                               \
  for (i = 0; i < 2; i++)                                                                                              \
    x[i] = VI_SHUFFLE(x[2 * i], x[2 * i + 1], 0, 4, 2, 6) op VI_SHUFFLE(x[2 * i], x[2 * i + 1], 1, 5, 3, 7);           \
  x[0] = VI_SHUFFLE(x[0], x[1], 0, 1, 4, 5) op VI_SHUFFLE(x[0], x[1], 2, 3, 6, 7);
#elif defined(__GNUC__)
#define VI_ACROSS(x, op)                                                                                               \
  for (i = 0; i < 1; i++) x[i] = VI_SHUFFLE(x[0], x[1], 0, 2) op VI_SHUFFLE(x[0], x[1], 1, 3);
#else
#define VI_ACROSS(x, op)
#endif

/* Floats as doubles: half a register, or the two halves together; doubles as they are. */
#if defined(__GNUC__)
typedef float vi_half_floats __attribute__((vector_size(sizeof(vi_floats) / 2)));
#if defined(__AVX2__)
#include <immintrin.h>
#endif
#if defined(__AVX512F__)
#define VI_WIDEN(x) ((vi_doubles)_mm512_cvtps_pd((__m256)(x))) /* in one step: GCC's own way goes by parts */
#elif defined(__AVX2__)
#define VI_WIDEN(x) ((vi_doubles)_mm256_cvtps_pd((__m128)(x)))
#else
#define VI_WIDEN(x) __builtin_convertvector(x, vi_doubles)
#endif
static inline vi_doubles vi_add_halves(vi_floats x) {
  vi_half_floats half[2];
  memcpy(half, &x, sizeof half);
  return VI_WIDEN(half[0] + half[1]);
}
static inline vi_doubles vi_multiply_halves(vi_floats x) {
  vi_half_floats half[2];
  memcpy(half, &x, sizeof half);
  return VI_WIDEN(half[0]) * VI_WIDEN(half[1]);
}
#else
static inline vi_doubles vi_add_halves(vi_floats x) { return x; }
#endif
static inline vi_doubles vi_itself(vi_doubles x) { return x; }

/* x[:count], then `fill`. */
#if defined(__GNUC__) && defined(__AVX512F__)
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

#endif
