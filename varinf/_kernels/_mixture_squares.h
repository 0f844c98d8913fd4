/* The inner loop of mixture_density: for two rows of z, which share the loads, and 64 components, transposed,
     sum_j = sum_d ((z_d - centre_dj) precision_dj)^2,   j < 64, d < count.
   Left to the autovectoriser the sums go through memory at every d (GCC 12): half the speed, in float a third. */
#ifndef VARINF_MIXTURE_SQUARES_H
#define VARINF_MIXTURE_SQUARES_H

#include <stddef.h>

#include "_simd.h"

#define VI_SQUARES(name, real, reals)                                                                                  \
  static inline void name(const real *z0, const real *z1, const real *centre, const real *precision, ptrdiff_t count,  \
                          real *sum0, real *sum1) {                                                                    \
    const int width = (int)(sizeof(reals) / sizeof(real));                                                             \
    int j;                                                                                                             \
    for (j = 0; j < 64; j += 2 * width) {                                                                              \
      const real *c = centre + j, *p = precision + j;                                                                  \
      reals low0 = {0}, high0 = {0}, low1 = {0}, high1 = {0}, c_low, c_high, p_low, p_high, t;                         \
      ptrdiff_t d;                                                                                                     \
      for (d = 0; d < count; d++, c += 64, p += 64) {                                                                  \
        memcpy(&c_low, c, sizeof c_low);                                                                               \
        memcpy(&c_high, c + width, sizeof c_high);                                                                     \
        memcpy(&p_low, p, sizeof p_low);                                                                               \
        memcpy(&p_high, p + width, sizeof p_high);                                                                     \
        t = (z0[d] - c_low) * p_low;                                                                                   \
        low0 += t * t;                                                                                                 \
        t = (z0[d] - c_high) * p_high;                                                                                 \
        high0 += t * t;                                                                                                \
        t = (z1[d] - c_low) * p_low;                                                                                   \
        low1 += t * t;                                                                                                 \
        t = (z1[d] - c_high) * p_high;                                                                                 \
        high1 += t * t;                                                                                                \
      }                                                                                                                \
      memcpy(sum0 + j, &low0, sizeof low0);                                                                            \
      memcpy(sum0 + j + width, &high0, sizeof high0);                                                                  \
      memcpy(sum1 + j, &low1, sizeof low1);                                                                            \
      memcpy(sum1 + j + width, &high1, sizeof high1);                                                                  \
    }                                                                                                                  \
  }
VI_SQUARES(vi_squares, double, vi_doubles)
VI_SQUARES(vi_squaresf, float, vi_floats)

#endif
