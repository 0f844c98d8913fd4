/* The loops of pareto_tail that compilers do not vectorise by themselves, in double and float:
     vi_above          how many values exceed a bound,
     vi_sieve          which do: power * x, where it is not <= bound (nan, too), one after the other,
     vi_places         where they stand,
     vi_sort_columns   every column of a matrix, ascending,
     vi_products       prod 1 - theta x, for 16 thetas side by side.
   Few values exceed the bound, so that 32 are compared before any is looked at by itself. AVX-512 packs those that do
   in a register (packing them in memory is slow on some processors), which doubles the speed of the sieve. */
#ifndef VARINF_TAIL_LOOPS_H
#define VARINF_TAIL_LOOPS_H

#include <stddef.h>

#include "_simd.h"

#define VI_SPARE 16 /* values behind the last one, which vi_sieve and vi_places may overwrite */

/* What a comparison of wide numbers gives: all bits of a lane or none. Without wide numbers nothing is to be gained. */
#if defined(__GNUC__)
typedef int64_t vi_masks VI_WIDE;
typedef int32_t vi_masksf VI_WIDE;
#define VI_WIDTH(real, reals) ((int)(sizeof(reals) / sizeof(real)))
#define VI_ANY_OF_32(name, real, reals, integer, masks)                                                                \
  static inline int name(const real *x, real power, real bound) {                                                      \
    masks below = ~(masks){0};                                                                                         \
    integer lanes[sizeof(reals) / sizeof(real)], all = -1;                                                             \
    reals v;                                                                                                           \
    int i;                                                                                                             \
    for (i = 0; i < 32; i += VI_WIDTH(real, reals)) {                                                                  \
      memcpy(&v, x + i, sizeof v);                                                                                     \
      below &= (masks)(v * power <= bound);                                                                            \
    }                                                                                                                  \
    memcpy(lanes, &below, sizeof below);                                                                               \
    for (i = 0; i < VI_WIDTH(real, reals); i++) all &= lanes[i];                                                       \
    return !all;                                                                                                       \
  }
#define VI_ABOVE(name, real, reals, integer, masks)                                                                    \
  static inline ptrdiff_t name(const real *x, ptrdiff_t n, real bound) {                                               \
    masks more = {0}, more2 = {0};                                                                                     \
    integer lanes[sizeof(reals) / sizeof(real)];                                                                       \
    const int width = VI_WIDTH(real, reals);                                                                           \
    reals v, w;                                                                                                        \
    ptrdiff_t j, count = 0;                                                                                            \
    int i;                                                                                                             \
    for (j = 0; j + 2 * width <= n; j += 2 * width) {                                                                  \
      memcpy(&v, x + j, sizeof v);                                                                                     \
      memcpy(&w, x + j + width, sizeof w);                                                                             \
      more -= (masks)(v > bound);                                                                                      \
      more2 -= (masks)(w > bound);                                                                                     \
    }                                                                                                                  \
    more += more2;                                                                                                     \
    memcpy(lanes, &more, sizeof more);                                                                                 \
    for (i = 0; i < width; i++) count += lanes[i];                                                                     \
    for (; j < n; j++) count += x[j] > bound;                                                                          \
    return count;                                                                                                      \
  }
#define VI_EXCHANGE(reals, masks, low, high)                                                                           \
  {                                                                                                                    \
    const masks ordered = (masks)((low) <= (high));                                                                    \
    const masks a = ((masks)(low) & ordered) | ((masks)(high) & ~ordered);                                             \
    (high) = (reals)(((masks)(high) & ordered) | ((masks)(low) & ~ordered));                                           \
    (low) = (reals)a;                                                                                                  \
  }
#else
#define VI_ANY_OF_32(name, real, reals, integer, masks)                                                                \
  static inline int name(const real *x, real power, real bound) { return 1; }
#define VI_ABOVE(name, real, reals, integer, masks)                                                                    \
  static inline ptrdiff_t name(const real *x, ptrdiff_t n, real bound) {                                               \
    ptrdiff_t j, count = 0;                                                                                            \
    for (j = 0; j < n; j++) count += x[j] > bound;                                                                     \
    return count;                                                                                                      \
  }
#define VI_EXCHANGE(reals, masks, low, high)                                                                           \
  {                                                                                                                    \
    const reals a = (low) <= (high) ? (low) : (high);                                                                  \
    (high) = (low) <= (high) ? (high) : (low);                                                                         \
    (low) = a;                                                                                                         \
  }
#endif
VI_ANY_OF_32(vi_any_of_32, double, vi_doubles, int64_t, vi_masks)
VI_ANY_OF_32(vi_any_of_32f, float, vi_floats, int32_t, vi_masksf)
VI_ABOVE(vi_above, double, vi_doubles, int64_t, vi_masks)
VI_ABOVE(vi_abovef, float, vi_floats, int32_t, vi_masksf)

/* `out` may be `x`. Returns how many were found. */
#if defined(__AVX512F__)
#include <immintrin.h>
static inline ptrdiff_t vi_pack(__m512d v, __mmask8 found, double *out) {
  _mm512_storeu_pd(out, _mm512_maskz_compress_pd(found, v));
  return (ptrdiff_t)_mm_popcnt_u32(found);
}
static inline ptrdiff_t vi_packf(__m512 v, __mmask16 found, float *out) {
  _mm512_storeu_ps(out, _mm512_maskz_compress_ps(found, v));
  return (ptrdiff_t)_mm_popcnt_u32(found);
}
#define VI_SIEVE(name, real, reals, mask, any_of_32, set1, load, load_some, mul, cmp, pack)                            \
  static inline ptrdiff_t name(const real *x, ptrdiff_t n, real power, real bound, real *out) {                        \
    const int width = (int)(sizeof(reals) / sizeof(real));                                                             \
    const reals p = set1(power), b = set1(bound);                                                                      \
    ptrdiff_t j = 0, h = 0;                                                                                            \
    for (; j + 4 * width <= n; j += 4 * width) {                                                                       \
      const reals v0 = mul(p, load(x + j)), v1 = mul(p, load(x + j + width));                                          \
      const reals v2 = mul(p, load(x + j + 2 * width)), v3 = mul(p, load(x + j + 3 * width));                          \
      const mask m0 = cmp(v0, b, _CMP_NLE_UQ), m1 = cmp(v1, b, _CMP_NLE_UQ);                                           \
      const mask m2 = cmp(v2, b, _CMP_NLE_UQ), m3 = cmp(v3, b, _CMP_NLE_UQ);                                           \
      if (!(m0 | m1 | m2 | m3)) continue;                                                                              \
      h += pack(v0, m0, out + h);                                                                                      \
      h += pack(v1, m1, out + h);                                                                                      \
      h += pack(v2, m2, out + h);                                                                                      \
      h += pack(v3, m3, out + h);                                                                                      \
    }                                                                                                                  \
    for (; j < n; j += width) {                                                                                        \
      const mask some = (mask)(n - j < width ? (1u << (n - j)) - 1 : ~0u);                                             \
      const reals v = mul(p, load_some(some, x + j));                                                                  \
      h += pack(v, (mask)(some & cmp(v, b, _CMP_NLE_UQ)), out + h);                                                    \
    }                                                                                                                  \
    return h;                                                                                                          \
  }
#else
#define VI_SIEVE(name, real, reals, mask, any_of_32, set1, load, load_some, mul, cmp, pack)                            \
  static inline ptrdiff_t name(const real *x, ptrdiff_t n, real power, real bound, real *out) {                        \
    ptrdiff_t j, i, h = 0, stop;                                                                                       \
    for (j = 0; j < n; j = stop) {                                                                                     \
      stop = n - j < 32 ? n : j + 32;                                                                                  \
      if (stop - j == 32 && !any_of_32(x + j, power, bound)) continue;                                                 \
      for (i = j; i < stop; i++) {                                                                                     \
        const real v = power * x[i];                                                                                   \
        out[h] = v;                                                                                                    \
        h += !(v <= bound);                                                                                            \
      }                                                                                                                \
    }                                                                                                                  \
    return h;                                                                                                          \
  }
#endif
VI_SIEVE(vi_sieve, double, __m512d, __mmask8, vi_any_of_32, _mm512_set1_pd, _mm512_loadu_pd, _mm512_maskz_loadu_pd,
         _mm512_mul_pd, _mm512_cmp_pd_mask, vi_pack)
VI_SIEVE(vi_sievef, float, __m512, __mmask16, vi_any_of_32f, _mm512_set1_ps, _mm512_loadu_ps, _mm512_maskz_loadu_ps,
         _mm512_mul_ps, _mm512_cmp_ps_mask, vi_packf)

/* The places count from `first`. */
#define VI_PLACES(name, real, any_of_32)                                                                               \
  static inline ptrdiff_t name(const real *x, ptrdiff_t n, ptrdiff_t first, real bound, ptrdiff_t *places) {           \
    ptrdiff_t j, i, h = 0, stop;                                                                                       \
    for (j = 0; j < n; j = stop) {                                                                                     \
      stop = n - j < 32 ? n : j + 32;                                                                                  \
      if (stop - j == 32 && !any_of_32(x + j, 1, bound)) continue;                                                     \
      for (i = j; i < stop; i++) {                                                                                     \
        places[h] = first + i;                                                                                         \
        h += x[i] > bound;                                                                                             \
      }                                                                                                                \
    }                                                                                                                  \
    return h;                                                                                                          \
  }
VI_PLACES(vi_places, double, vi_any_of_32)
VI_PLACES(vi_placesf, float, vi_any_of_32f)

/* x (rows, columns), a multiple of 16 columns: each row is inserted between those above it, 16 columns at a time. */
#define VI_SORT_COLUMNS(name, real, reals, masks)                                                                      \
  static inline void name(real *x, ptrdiff_t rows, ptrdiff_t columns) {                                                \
    enum { WIDTH = sizeof(reals) / sizeof(real), COUNT = 16 / WIDTH };                                                 \
    reals carried[COUNT], v;                                                                                           \
    ptrdiff_t c, r, q;                                                                                                 \
    int g;                                                                                                             \
    for (c = 0; c < columns; c += 16)                                                                                  \
      for (r = 1; r < rows; r++) {                                                                                     \
        memcpy(carried, x + r * columns + c, sizeof carried);                                                          \
        for (q = 0; q < r; q++)                                                                                        \
          for (g = 0; g < COUNT; g++) {                                                                                \
            memcpy(&v, x + q * columns + c + g * WIDTH, sizeof v);                                                     \
            VI_EXCHANGE(reals, masks, v, carried[g])                                                                   \
            memcpy(x + q * columns + c + g * WIDTH, &v, sizeof v);                                                     \
          }                                                                                                            \
        memcpy(x + r * columns + c, carried, sizeof carried);                                                          \
      }                                                                                                                \
  }
VI_SORT_COLUMNS(vi_sort_columns, double, vi_doubles, vi_masks)
VI_SORT_COLUMNS(vi_sort_columnsf, float, vi_floats, vi_masksf)

/* Positive factors, as mantissa 2^exponent, 1 <= mantissa < 2; the exponent is taken out after every `step` factors. */
static inline void vi_products(const double *x, ptrdiff_t n, ptrdiff_t step, const double *theta, double *mantissa,
                               uint64_t *exponent) {
  enum { WIDTH = sizeof(vi_doubles) / sizeof(double), COUNT = 16 / WIDTH };
  vi_doubles t[COUNT], p[COUNT];
  vi_words e[COUNT], bits;
  ptrdiff_t i = 0, stop;
  int g;
  memcpy(t, theta, sizeof t);
  for (g = 0; g < COUNT; g++) {
    p[g] = 0 * t[g] + 1;
    memset(&e[g], 0, sizeof e[g]);
  }
  while (i < n) {
    stop = n - i < step ? n : i + step;
    for (; i + 1 < stop; i += 2)
      for (g = 0; g < COUNT; g++) p[g] *= (1 - t[g] * x[i]) * (1 - t[g] * x[i + 1]); /* the chain has one of the two */
    for (; i < stop; i++)
      for (g = 0; g < COUNT; g++) p[g] *= 1 - t[g] * x[i];
    for (g = 0; g < COUNT; g++) {
      memcpy(&bits, &p[g], sizeof bits);
      e[g] += (bits >> 52) - 1023;
      bits = (bits & 0x000fffffffffffffULL) | 0x3ff0000000000000ULL;
      memcpy(&p[g], &bits, sizeof bits);
    }
  }
  memcpy(mantissa, p, sizeof p);
  memcpy(exponent, e, sizeof e);
}

#endif
