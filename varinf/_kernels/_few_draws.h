/* The largest of few draws, for 16 columns at a time, one a lane: the order of what is compared does not depend on the
   values, so that nothing is guessed and no branch is mispredicted. A block is (size, 16), size a power of 2. */
#ifndef VARINF_FEW_DRAWS_H
#define VARINF_FEW_DRAWS_H

#include <stddef.h>

#include "_simd.h"

/* The lesser and the greater of two registers; compilers make branches or blends of `a < b ? a : b`. */
#if defined(__SSE2__)
#include <immintrin.h>
#if defined(__AVX512F__)
#define VI_OF_TWO(which, suffix, x, y) _mm512_##which##_##suffix(x, y)
#elif defined(__AVX2__)
#define VI_OF_TWO(which, suffix, x, y) _mm256_##which##_##suffix(x, y)
#else
#define VI_OF_TWO(which, suffix, x, y) _mm_##which##_##suffix(x, y)
#endif
#define VI_ORDER(suffix, reals, masks, low, high)                                                                      \
  {                                                                                                                    \
    const reals least = (reals)VI_OF_TWO(min, suffix, low, high);                                                      \
    high = (reals)VI_OF_TWO(max, suffix, low, high);                                                                   \
    low = least;                                                                                                       \
  }
#else
#include "_tail_loops.h"
#define VI_ORDER(suffix, reals, masks, low, high) VI_EXCHANGE(reals, masks, low, high)
#endif

enum { VI_SIDE = 16 };

#define VI_FEW_DRAWS(real, reals, masks, suffix, exchange, sort_block, keep_of_block)                                  \
  static inline void exchange(real *low, real *high) {                                                                 \
    enum { WIDTH = sizeof(reals) / sizeof(real) };                                                                     \
    reals u, v; /* not a: VI_EXCHANGE has one */                                                                       \
    int i;                                                                                                             \
    for (i = 0; i < VI_SIDE; i += WIDTH) {                                                                             \
      memcpy(&u, low + i, sizeof u);                                                                                   \
      memcpy(&v, high + i, sizeof v);                                                                                  \
      VI_ORDER(suffix, reals, masks, u, v)                                                                             \
      memcpy(low + i, &u, sizeof u);                                                                                   \
      memcpy(high + i, &v, sizeof v);                                                                                  \
    }                                                                                                                  \
  }                                                                                                                    \
  /* Every lane ascending, by Batcher's merge exchange (Knuth, "The art of computer programming" 3, 5.2.2, M). */      \
  static void sort_block(real *x, ptrdiff_t size) {                                                                    \
    ptrdiff_t p, q, r, d, i, j;                                                                                        \
    for (p = size / 2; p > 0; p /= 2)                                                                                  \
      for (q = size / 2, r = 0, d = p;; d = q - p, q /= 2, r = p) {                                                    \
        for (j = r; j + d < size; j += 2 * p)                                                                          \
          for (i = j; i < j + p && i + d < size; i++) exchange(x + i * VI_SIDE, x + (i + d) * VI_SIDE);                \
        if (q == p) break;                                                                                             \
      }                                                                                                                \
  }                                                                                                                    \
  /* `best`, ascending, becomes the upper half of itself and of `block`, ascending; the block is used up. */           \
  static void keep_of_block(real *best, real *block, ptrdiff_t size) {                                                 \
    ptrdiff_t i, j, d;                                                                                                 \
    for (i = 0; i < size; i++) exchange(block + (size - 1 - i) * VI_SIDE, best + i * VI_SIDE);                         \
    for (d = size / 2; d > 0; d /= 2) /* it rises and falls once: each half is in order where both are */              \
      for (j = 0; j < size; j += 2 * d)                                                                                \
        for (i = j; i < j + d; i++) exchange(best + i * VI_SIDE, best + (i + d) * VI_SIDE);                            \
  }
VI_FEW_DRAWS(double, vi_doubles, vi_masks, pd, vi_exchange, vi_sort_block, vi_keep_of_block)
VI_FEW_DRAWS(float, vi_floats, vi_masksf, ps, vi_exchangef, vi_sort_blockf, vi_keep_of_blockf)

#endif
