/* Small matrices side by side: as many as a register holds doubles, one a lane, so that arithmetic on a vi_lanes is
   arithmetic on one entry of each. Lanes never mix: what comes of a matrix depends on that matrix alone, not on what
   stands beside it. Where the compiler has no vectors (MSVC) a group is a single matrix.

   Packing brings entries of each matrix into lanes, unpacking brings them back: both are transposes in registers, since
   a load or a store for each entry would take longer than the algebra. float becomes double on the way in. */
#ifndef VARINF_LANES_H
#define VARINF_LANES_H

#include <stddef.h>

#include "_registers.h"

#if defined(__GNUC__)
#define VI_UNROLL _Pragma("GCC unroll 8") /* before the arrays of a tile are split into registers, not after */
#define VI_FETCH(address) __builtin_prefetch(address)
#else
#define VI_UNROLL
#define VI_FETCH(address) ((void)(address))
#endif

typedef vi_doubles vi_lanes;
#if defined(__GNUC__) && defined(__AVX512F__)
enum { VI_WIDTH = 8 };
#elif defined(__GNUC__) && defined(__AVX2__)
enum { VI_WIDTH = 4 };
#elif defined(__GNUC__)
enum { VI_WIDTH = 2 };
#else
enum { VI_WIDTH = 1 };
#endif

/* x[i][j] <-> x[j][i]: first neighbours, then pairs of them */
VI_INLINE void vi_transpose(vi_lanes *x) {
#if defined(__GNUC__) && defined(__AVX512F__)
  vi_lanes pairs[8], even, odd, even_below, odd_below;
  int i;
  VI_UNROLL
  for (i = 0; i < 8; i += 2) {
    pairs[i] = VI_SHUFFLE(x[i], x[i + 1], 0, 8, 2, 10, 4, 12, 6, 14);
    pairs[i + 1] = VI_SHUFFLE(x[i], x[i + 1], 1, 9, 3, 11, 5, 13, 7, 15);
  }
  VI_UNROLL
  for (i = 0; i < 2; i++) {
    even = VI_SHUFFLE(pairs[i], pairs[i + 2], 0, 1, 4, 5, 8, 9, 12, 13);
    odd = VI_SHUFFLE(pairs[i], pairs[i + 2], 2, 3, 6, 7, 10, 11, 14, 15);
    even_below = VI_SHUFFLE(pairs[i + 4], pairs[i + 6], 0, 1, 4, 5, 8, 9, 12, 13);
    odd_below = VI_SHUFFLE(pairs[i + 4], pairs[i + 6], 2, 3, 6, 7, 10, 11, 14, 15);
    x[i] = VI_SHUFFLE(even, even_below, 0, 1, 4, 5, 8, 9, 12, 13);
    x[i + 2] = VI_SHUFFLE(odd, odd_below, 0, 1, 4, 5, 8, 9, 12, 13);
    x[i + 4] = VI_SHUFFLE(even, even_below, 2, 3, 6, 7, 10, 11, 14, 15);
    x[i + 6] = VI_SHUFFLE(odd, odd_below, 2, 3, 6, 7, 10, 11, 14, 15);
  }
#elif defined(__GNUC__) && defined(__AVX2__)
  vi_lanes pairs[4];
  int i;
  VI_UNROLL
  for (i = 0; i < 4; i += 2) {
    pairs[i] = VI_SHUFFLE(x[i], x[i + 1], 0, 4, 2, 6);
    pairs[i + 1] = VI_SHUFFLE(x[i], x[i + 1], 1, 5, 3, 7);
  }
  VI_UNROLL
  for (i = 0; i < 2; i++) {
    x[i] = VI_SHUFFLE(pairs[i], pairs[i + 2], 0, 1, 4, 5);
    x[i + 2] = VI_SHUFFLE(pairs[i], pairs[i + 2], 2, 3, 6, 7);
  }
#elif defined(__GNUC__)
  vi_lanes first = VI_SHUFFLE(x[0], x[1], 0, 2);
  x[1] = VI_SHUFFLE(x[0], x[1], 1, 3);
  x[0] = first;
#else
  (void)x;
#endif
}

/* The even and the odd entries of two vectors in a row */
#if defined(__GNUC__) && defined(__AVX512F__)
#define VI_EVEN(x, y) VI_SHUFFLE(x, y, 0, 2, 4, 6, 8, 10, 12, 14)
#define VI_ODD(x, y) VI_SHUFFLE(x, y, 1, 3, 5, 7, 9, 11, 13, 15)
#elif defined(__GNUC__) && defined(__AVX2__)
#define VI_EVEN(x, y) VI_SHUFFLE(x, y, 0, 2, 4, 6)
#define VI_ODD(x, y) VI_SHUFFLE(x, y, 1, 3, 5, 7)
#elif defined(__GNUC__)
#define VI_EVEN(x, y) VI_SHUFFLE(x, y, 0, 2)
#define VI_ODD(x, y) VI_SHUFFLE(x, y, 1, 3)
#else
#define VI_EVEN(x, y) (x)
#define VI_ODD(x, y) (y)
#endif

/* VI_WIDTH entries in a row */
#if defined(__GNUC__)
typedef vi_half_floats vi_narrow;
#else
typedef float vi_narrow;
#define VI_WIDEN(x) (x)
#endif
#if defined(__GNUC__) && defined(__AVX512F__)
#define VI_NARROW(x) ((vi_narrow)_mm512_cvtpd_ps((__m512d)(x)))
#elif defined(__GNUC__)
#define VI_NARROW(x) __builtin_convertvector(x, vi_narrow)
#else
#define VI_NARROW(x) ((float)(x))
#endif
VI_INLINE vi_lanes vi_load(const double *x) {
  vi_lanes y;
  memcpy(&y, x, sizeof y);
  return y;
}
VI_INLINE vi_lanes vi_loadf(const float *x) {
  vi_narrow y;
  memcpy(&y, x, sizeof y);
  return VI_WIDEN(y);
}
VI_INLINE double vi_lane(const vi_lanes *x, ptrdiff_t lane) {
  double y;
  memcpy(&y, (const char *)x + lane * sizeof y, sizeof y);
  return y;
}
VI_INLINE void vi_store(double *x, vi_lanes y) { memcpy(x, &y, sizeof y); }
VI_INLINE void vi_storef(float *x, vi_lanes y) {
  vi_narrow narrow = VI_NARROW(y);
  memcpy(x, &narrow, sizeof narrow);
}

/* Where VI_WIDTH arrays of `size` numbers begin, one behind the other. Of fewer, the last stands in for the missing. */
typedef struct {
  ptrdiff_t live, at[VI_WIDTH], readable; /* arrays in the group; numbers that follow the beginning of the last one */
} vi_places;

VI_INLINE void vi_place(vi_places *places, ptrdiff_t rows, ptrdiff_t size) {
  ptrdiff_t live = rows < VI_WIDTH ? rows : VI_WIDTH;
  int i;
  if (places->live != live)
    for (i = 0; i < VI_WIDTH; i++) places->at[i] = (i < live ? i : live - 1) * size;
  places->live = live;
  places->readable = rows * size - places->at[VI_WIDTH - 1];
}

/* Numbers 0, 1, 2, 3 of each array. Parts of registers are loaded to where they belong, which leaves half the shuffles
   that a transpose of whole registers takes. */
#if defined(__GNUC__) && defined(__AVX512F__)
#define VI_HALVES(x, i, j)                                                                                             \
  ((vi_lanes)_mm512_insertf64x4(_mm512_castpd256_pd512(_mm256_loadu_pd(x + at[i])), _mm256_loadu_pd(x + at[j]), 1))
#define VI_HALVESF(x, i, j)                                                                                            \
  ((vi_narrow)_mm256_insertf128_ps(_mm256_castps128_ps256(_mm_loadu_ps(x + at[i])), _mm_loadu_ps(x + at[j]), 1))
VI_INLINE void vi_gather(const double *x, const ptrdiff_t *at, vi_lanes *out) {
  vi_lanes a = VI_HALVES(x, 0, 2), b = VI_HALVES(x, 1, 3), c = VI_HALVES(x, 4, 6), d = VI_HALVES(x, 5, 7);
  vi_lanes even = VI_SHUFFLE(a, b, 0, 8, 2, 10, 4, 12, 6, 14), more_even = VI_SHUFFLE(c, d, 0, 8, 2, 10, 4, 12, 6, 14);
  vi_lanes odd = VI_SHUFFLE(a, b, 1, 9, 3, 11, 5, 13, 7, 15), more_odd = VI_SHUFFLE(c, d, 1, 9, 3, 11, 5, 13, 7, 15);
  out[0] = VI_SHUFFLE(even, more_even, 0, 1, 4, 5, 8, 9, 12, 13);
  out[1] = VI_SHUFFLE(odd, more_odd, 0, 1, 4, 5, 8, 9, 12, 13);
  out[2] = VI_SHUFFLE(even, more_even, 2, 3, 6, 7, 10, 11, 14, 15);
  out[3] = VI_SHUFFLE(odd, more_odd, 2, 3, 6, 7, 10, 11, 14, 15);
}
VI_INLINE void vi_gatherf(const float *x, const ptrdiff_t *at, vi_lanes *out) {
  vi_narrow a = VI_HALVESF(x, 0, 4), b = VI_HALVESF(x, 1, 5), c = VI_HALVESF(x, 2, 6), d = VI_HALVESF(x, 3, 7);
  vi_narrow ab = VI_SHUFFLE(a, b, 0, 8, 1, 9, 4, 12, 5, 13), cd = VI_SHUFFLE(c, d, 0, 8, 1, 9, 4, 12, 5, 13);
  vi_narrow more_ab = VI_SHUFFLE(a, b, 2, 10, 3, 11, 6, 14, 7, 15);
  vi_narrow more_cd = VI_SHUFFLE(c, d, 2, 10, 3, 11, 6, 14, 7, 15);
  out[0] = VI_WIDEN(VI_SHUFFLE(ab, cd, 0, 1, 8, 9, 4, 5, 12, 13));
  out[1] = VI_WIDEN(VI_SHUFFLE(ab, cd, 2, 3, 10, 11, 6, 7, 14, 15));
  out[2] = VI_WIDEN(VI_SHUFFLE(more_ab, more_cd, 0, 1, 8, 9, 4, 5, 12, 13));
  out[3] = VI_WIDEN(VI_SHUFFLE(more_ab, more_cd, 2, 3, 10, 11, 6, 7, 14, 15));
}
#elif defined(__GNUC__) && defined(__AVX2__)
#define VI_HALVES(x, i, j)                                                                                             \
  ((vi_lanes)_mm256_insertf128_pd(_mm256_castpd128_pd256(_mm_loadu_pd(x + at[i])), _mm_loadu_pd(x + at[j]), 1))
VI_INLINE void vi_gather(const double *x, const ptrdiff_t *at, vi_lanes *out) {
  vi_lanes a = VI_HALVES(x, 0, 2), b = VI_HALVES(x, 1, 3), c, d;
  x += 2;
  c = VI_HALVES(x, 0, 2), d = VI_HALVES(x, 1, 3);
  out[0] = VI_SHUFFLE(a, b, 0, 4, 2, 6);
  out[1] = VI_SHUFFLE(a, b, 1, 5, 3, 7);
  out[2] = VI_SHUFFLE(c, d, 0, 4, 2, 6);
  out[3] = VI_SHUFFLE(c, d, 1, 5, 3, 7);
}
VI_INLINE void vi_gatherf(const float *x, const ptrdiff_t *at, vi_lanes *out) {
  int i;
  VI_UNROLL
  for (i = 0; i < 4; i++) out[i] = vi_loadf(x + at[i]);
  vi_transpose(out);
}
#else
#define VI_GATHER(name, real)                                                                                          \
  VI_INLINE void name(const real *x, const ptrdiff_t *at, vi_lanes *out) {                                             \
    double entry[VI_WIDTH];                                                                                            \
    int i, k;                                                                                                          \
    VI_UNROLL                                                                                                          \
    for (k = 0; k < 4; k++) {                                                                                          \
      for (i = 0; i < VI_WIDTH; i++) entry[i] = x[at[i] + k];                                                          \
      memcpy(out + k, entry, sizeof entry);                                                                            \
    }                                                                                                                  \
  }
VI_GATHER(vi_gather, double)
VI_GATHER(vi_gatherf, float)
#endif

/* Entries first, ..., first + 3 of each array, of which only `count` may be there to read */
#define VI_PACK_FOUR(name, real, gather)                                                                               \
  VI_INLINE void name(const real *x, const vi_places *places, ptrdiff_t first, ptrdiff_t count, vi_lanes *out) {       \
    double entry[VI_WIDTH];                                                                                            \
    int i, k;                                                                                                          \
    if (first + 4 <= places->readable) {                                                                               \
      gather(x + first, places->at, out);                                                                              \
      return;                                                                                                          \
    }                                                                                                                  \
    for (k = 0; k < 4; k++) {                                                                                          \
      for (i = 0; i < VI_WIDTH; i++) entry[i] = k < count ? x[places->at[i] + first + k] : 0;                          \
      memcpy(out + k, entry, sizeof entry);                                                                            \
    }                                                                                                                  \
  }
VI_PACK_FOUR(vi_pack_four, double, vi_gather)
VI_PACK_FOUR(vi_pack_fourf, float, vi_gatherf)

/* Entries first, first + 1, ... of each array to out[0], out[step], ... */
#define VI_PACK(name, real, pack_four)                                                                                 \
  VI_INLINE void name(const real *x, const vi_places *places, ptrdiff_t first, ptrdiff_t count, vi_lanes *out,         \
                      ptrdiff_t step) {                                                                                \
    vi_lanes run[4];                                                                                                   \
    ptrdiff_t k;                                                                                                       \
    int i;                                                                                                             \
    for (k = 0; k < count; k += 4) {                                                                                   \
      pack_four(x, places, first + k, count - k, run);                                                                 \
      VI_UNROLL                                                                                                        \
      for (i = 0; i < 4; i++)                                                                                          \
        if (k + i < count) out[(k + i) * step] = run[i];                                                               \
    }                                                                                                                  \
  }
VI_PACK(vi_pack, double, vi_pack_four)
VI_PACK(vi_packf, float, vi_pack_fourf)

/* The same for arrays of 1, 2 or 4 numbers, whole: a run of one would hold others too. */
VI_INLINE void vi_unzip(vi_lanes *x, const int size) {
  vi_lanes even = VI_EVEN(x[0], x[1]), odd = VI_ODD(x[0], x[1]), more_even = even, more_odd = odd;
  if (size == 4) {
    more_even = VI_EVEN(x[2], x[3]);
    more_odd = VI_ODD(x[2], x[3]);
    x[2] = VI_ODD(even, more_even);
    x[3] = VI_ODD(odd, more_odd);
    even = VI_EVEN(even, more_even);
    odd = VI_EVEN(odd, more_odd);
  }
  x[0] = even;
  x[1] = odd;
}
#define VI_PACK_ALL(name, real, load)                                                                                  \
  VI_INLINE void name(const real *x, const int size, vi_lanes *out) {                                                  \
    int i;                                                                                                             \
    for (i = 0; i < size; i++) out[i] = load(x + VI_WIDTH * i);                                                        \
    if (size > 1) vi_unzip(out, size);                                                                                 \
  }
VI_PACK_ALL(vi_pack_all, double, vi_load)
VI_PACK_ALL(vi_pack_allf, float, vi_loadf)

/* One number of each, the first `live` of them. All at once where they are: taken lane by lane, GCC would compute them so. */
#define VI_STORE_LIVE(name, real, store)                                                                               \
  VI_INLINE void name(real *x, const vi_lanes *y, ptrdiff_t live) {                                                    \
    ptrdiff_t i;                                                                                                       \
    if (live == VI_WIDTH) {                                                                                            \
      store(x, *y);                                                                                                    \
      return;                                                                                                          \
    }                                                                                                                  \
    for (i = 0; i < live; i++) x[i] = (real)vi_lane(y, i);                                                             \
  }
VI_STORE_LIVE(vi_store_live, double, vi_store)
VI_STORE_LIVE(vi_store_livef, float, vi_storef)

/* The way back, in[k * step], times scale[k] if there is one. Zeros follow to the end of the last run, unless that is
   behind entry `end`: rows go out from first to last, each over the zeros of the one before. */
#define VI_UNPACK(name, real, store)                                                                                   \
  VI_INLINE void name(const vi_lanes *in, ptrdiff_t step, const vi_lanes *scale, ptrdiff_t count, real *x,             \
                      const vi_places *places, ptrdiff_t first, ptrdiff_t end) {                                       \
    const ptrdiff_t *at = places->at;                                                                                  \
    vi_lanes run[VI_WIDTH], zero = {0}, one = zero + 1.0;                                                              \
    double entry[VI_WIDTH];                                                                                            \
    ptrdiff_t k;                                                                                                       \
    int i;                                                                                                             \
    if (first + (count + VI_WIDTH - 1) / VI_WIDTH * VI_WIDTH > end) {                                                  \
      for (k = 0; k < count; k++) {                                                                                    \
        run[0] = in[k * step] * (scale ? scale[k] : one);                                                              \
        memcpy(entry, run, sizeof entry);                                                                              \
        VI_UNROLL                                                                                                      \
        for (i = 0; i < VI_WIDTH; i++)                                                                                 \
          if (i < places->live) x[at[i] + first + k] = (real)entry[i];                                                 \
      }                                                                                                                \
      return;                                                                                                          \
    }                                                                                                                  \
    for (k = 0; k < count; k += VI_WIDTH) {                                                                            \
      VI_UNROLL                                                                                                        \
      for (i = 0; i < VI_WIDTH; i++)                                                                                   \
        run[i] = k + i < count ? in[(k + i) * step] * (scale ? scale[k + i] : one) : zero;                             \
      vi_transpose(run);                                                                                               \
      VI_UNROLL                                                                                                        \
      for (i = 0; i < VI_WIDTH; i++)                                                                                   \
        if (i < places->live) store(x + at[i] + first + k, run[i]);                                                    \
    }                                                                                                                  \
  }
VI_UNPACK(vi_unpack, double, vi_store)
VI_UNPACK(vi_unpackf, float, vi_storef)

#endif
