/* 2^y in registers (VI_WIDE), for double and float.

   On AVX-512 y = k + j/16 + f with 0 <= f < 1/16, and 2^y = 2^k T_j (1 + f P(f)) with the table T_j = 2^(j/16) in
   registers; elsewhere, where no instruction looks up a whole register at a time, y = n + f with |f| <= 1/2, and 2^y =
   2^n (1 + f P(f)). P is fitted to (2^f - 1) / f, in relative error of 2^f: 8e-18 and 4e-18, in float 1.4e-9 and 2e-9.
   y is given as d * scale, and the result is right to 1 ulp and half an ulp times |y|, for the roundings of `scale` and
   of y: as much as half an ulp of d makes. Below the smallest normal number it is 0, and what is too large is not finite;
   a nan stays. */
#ifndef VARINF_EXP2_H
#define VARINF_EXP2_H

#include <stddef.h>

#include "_simd.h"

typedef uint32_t vi_words32 VI_WIDE;

#if defined(__GNUC__) && defined(__AVX512F__)
#include <immintrin.h>

static const double vi_sixteenths[16] = {
    0x1.0000000000000p+0, 0x1.0b5586cf9890fp+0, 0x1.172b83c7d517bp+0, 0x1.2387a6e756238p+0,
    0x1.306fe0a31b715p+0, 0x1.3dea64c123422p+0, 0x1.4bfdad5362a27p+0, 0x1.5ab07dd485429p+0,
    0x1.6a09e667f3bcdp+0, 0x1.7a11473eb0187p+0, 0x1.8ace5422aa0dbp+0, 0x1.9c49182a3f090p+0,
    0x1.ae89f995ad3adp+0, 0x1.c199bdd85529cp+0, 0x1.d5818dcfba487p+0, 0x1.ea4afa2a490dap+0};
static const float vi_sixteenthsf[16] = {
    0x1.000000p+0f, 0x1.0b5586p+0f, 0x1.172b84p+0f, 0x1.2387a6p+0f, 0x1.306fe0p+0f, 0x1.3dea64p+0f,
    0x1.4bfdaep+0f, 0x1.5ab07ep+0f, 0x1.6a09e6p+0f, 0x1.7a1148p+0f, 0x1.8ace54p+0f, 0x1.9c4918p+0f,
    0x1.ae89fap+0f, 0x1.c199bep+0f, 0x1.d5818ep+0f, 0x1.ea4afap+0f};

/* The last place of t is 1/16 and its low bits are j; scalef takes k from k + j/16. */
#define VI_DOWN (_MM_FROUND_TO_NEG_INF | _MM_FROUND_NO_EXC)
static inline vi_doubles vi_exp2_wide(vi_doubles d, double scale) {
  vi_doubles t = _mm512_fmadd_round_pd(d, _mm512_set1_pd(scale), _mm512_set1_pd(0x1.8p48), VI_DOWN);
  vi_doubles n = t - 0x1.8p48, f = d * scale - n, p = f * 0x1.4a0386de00b47p-13 + 0x1.5d7518c7bba3ep-10;
  vi_doubles table =
      _mm512_permutex2var_pd(_mm512_loadu_pd(vi_sixteenths), (__m512i)t, _mm512_loadu_pd(vi_sixteenths + 8));
  p = p * f + 0x1.3b2ad019500dfp-7;
  p = p * f + 0x1.c6b08d4e93fd1p-5;
  p = p * f + 0x1.ebfbdff84120fp-3;
  p = p * f + 0x1.62e42fefa39abp-1;
  p = (p * f) * table + table;
  return _mm512_maskz_scalef_pd(_mm512_cmp_pd_mask(n, _mm512_set1_pd(-1022.0), _CMP_NLT_UQ), p, n);
}
static inline vi_floats vi_exp2_widef(vi_floats d, float scale) {
  vi_floats t = _mm512_fmadd_round_ps(d, _mm512_set1_ps(scale), _mm512_set1_ps(0x1.8p19f), VI_DOWN);
  vi_floats n = t - 0x1.8p19f, f = d * scale - n, p = f * 0x1.d03d64p-5f + 0x1.ebe5b8p-3f;
  vi_floats table = _mm512_permutexvar_ps((__m512i)t, _mm512_loadu_ps(vi_sixteenthsf));
  p = p * f + 0x1.62e43ep-1f;
  p = (p * f) * table + table;
  return _mm512_maskz_scalef_ps(_mm512_cmp_ps_mask(n, _mm512_set1_ps(-126.0f), _CMP_NLT_UQ), p, n);
}

#else

/* low and high for what lies outside of them; a nan stays. GCC has no ?: of registers in C. */
#if defined(__GNUC__) && defined(__AVX2__)
#include <immintrin.h>
static inline vi_doubles vi_clamp(vi_doubles y, double low, double high) {
  return _mm256_min_pd(_mm256_set1_pd(high), _mm256_max_pd(_mm256_set1_pd(low), y));
}
static inline vi_floats vi_clampf(vi_floats y, float low, float high) {
  return _mm256_min_ps(_mm256_set1_ps(high), _mm256_max_ps(_mm256_set1_ps(low), y));
}
#elif defined(__GNUC__) && defined(__SSE2__)
#include <emmintrin.h>
static inline vi_doubles vi_clamp(vi_doubles y, double low, double high) {
  return _mm_min_pd(_mm_set1_pd(high), _mm_max_pd(_mm_set1_pd(low), y));
}
static inline vi_floats vi_clampf(vi_floats y, float low, float high) {
  return _mm_min_ps(_mm_set1_ps(high), _mm_max_ps(_mm_set1_ps(low), y));
}
#else
#define VI_CLAMP(name, real, reals)                                                                                    \
  static inline reals name(reals y, real low, real high) {                                                             \
    real each[sizeof(reals) / sizeof(real)];                                                                           \
    size_t i;                                                                                                          \
    memcpy(each, &y, sizeof y);                                                                                        \
    for (i = 0; i < sizeof(reals) / sizeof(real); i++)                                                                 \
      each[i] = each[i] < low ? low : each[i] > high ? high : each[i];                                                 \
    memcpy(&y, each, sizeof y);                                                                                        \
    return y;                                                                                                          \
  }
VI_CLAMP(vi_clamp, double, vi_doubles)
VI_CLAMP(vi_clampf, float, vi_floats)
#endif

/* n + 1023 stands in the low bits of t: 2^n is 0 at the lower limit of y and infinite at the upper one. The even and
   the odd powers of P side by side: one chain of eleven would be waited for. */
static inline vi_doubles vi_exp2_wide(vi_doubles d, double scale) {
  const double magic = 0x1.8p52 + 1023.0;
  vi_doubles y = vi_clamp(d * scale, -1023.0, 1024.0), t = y + magic, f = y - (t - magic), g = f * f;
  vi_doubles p = g * 0x1.e79ba5e93da54p-32 + 0x1.b5267cea5f68ep-24;
  vi_doubles q = g * 0x1.e61b4f5049cd5p-28 + 0x1.62bfc79d7642ap-20;
  vi_words power;
  p = p * g + 0x1.ffcbfba97c6d7p-17;
  q = q * g + 0x1.4309130ed8bc8p-13;
  p = p * g + 0x1.5d87fe78cd6dcp-10;
  q = q * g + 0x1.3b2ab6fba011ap-7;
  p = p * g + 0x1.c6b08d7049fe8p-5;
  q = q * g + 0x1.ebfbdff82c5a4p-3;
  p = p * g + 0x1.62e42fefa39efp-1;
  p = (q * f + p) * f + 1.0;
  memcpy(&power, &t, sizeof power);
  power <<= 52;
  memcpy(&t, &power, sizeof t);
  return p * t;
}
static inline vi_floats vi_exp2_widef(vi_floats d, float scale) {
  const float magic = 0x1.8p23f + 127.0f;
  vi_floats y = vi_clampf(d * scale, -127.0f, 128.0f), t = y + magic, f = y - (t - magic), g = f * f;
  vi_floats p = g * 0x1.5f3e52p-10f + 0x1.c6aee8p-5f, q = g * 0x1.41fbbcp-13f + 0x1.3b2d4cp-7f;
  vi_words32 power;
  p = p * g + 0x1.62e430p-1f;
  q = q * g + 0x1.ebfbdcp-3f;
  p = (q * f + p) * f + 1.0f;
  memcpy(&power, &t, sizeof power);
  power <<= 23;
  memcpy(&t, &power, sizeof t);
  return p * t;
}

#endif
#endif
