/* Vector-friendly exp, log, log1p, sin and cos, in double and float: what the inner loops of the .pyx files call.

   Every function is one straight line of arithmetic and selects, without branch, table or call, so that a loop over it
   is vectorised by GCC, Clang and MSVC at SSE2, AVX2 and AVX-512 under strict IEEE rules (no -ffast-math). Hence:
   - integers and doubles are exchanged by adding 1.5 * 2^52 and reading the bits, because AVX2 converts no 64-bit
     integers and shifts none arithmetically; shifts here are logical, comparisons of integers are masks;
   - a ternary on doubles becomes a blend; `a < b ? a : b` is written so that a nan goes through;
   - special values are computed like all others and then put right by a blend.

   Accuracy (largest error found over the whole range, in ulp, with FMA / without; tests/kernels/test_vector_math.py):
     exp 1.1 / 1.1, log 0.8 / 0.9, log1p 1.4 / 1.4, sincos 1.1 / 1.7, float and double alike.

   Coefficients: our own, polynomials interpolated at Chebyshev nodes (within a few percent of minimax) in 40 digits,
     mpmath.chebyfit(f, [a, b], n), then rounded; f and [a, b] stand beside each table, lowest order first. Where a
   leading coefficient can be exact (1 in exp and cos, 2 in log, pi/2 in sin) it is split off before the fit, and is
   added last, so that the error of the rest is scaled down. The schemes are the classical ones (Cody and Waite,
   "Software Manual for the Elementary Functions", 1980; Muller, "Elementary Functions", 3rd ed., 2016, ch. 11). */
#ifndef VARINF_SIMD_H
#define VARINF_SIMD_H

#include <math.h>
#include <stdint.h>
#include <string.h>

/* Inlined even where the compiler finds it long: what its constant arguments decide is then decided once. */
#if defined(__GNUC__)
#define VI_INLINE static inline __attribute__((always_inline))
#else
#define VI_INLINE static __forceinline
#endif

/* As many numbers as a register holds, for the few loops that compilers do not vectorise by themselves: + - * << >> & | ^
   work on them as on one number, which is what they are where the compiler has no such types (MSVC). */
#if defined(__GNUC__) && defined(__AVX512F__)
#define VI_WIDE __attribute__((vector_size(64)))
#elif defined(__GNUC__) && defined(__AVX2__)
#define VI_WIDE __attribute__((vector_size(32)))
#elif defined(__GNUC__)
#define VI_WIDE __attribute__((vector_size(16)))
#else
#define VI_WIDE
#endif
typedef uint64_t vi_words VI_WIDE;
typedef double vi_doubles VI_WIDE;
typedef float vi_floats VI_WIDE;

static inline uint64_t vi_bits(double x) { uint64_t b; memcpy(&b, &x, sizeof b); return b; }
static inline double vi_from_bits(uint64_t b) { double x; memcpy(&x, &b, sizeof x); return x; }
static inline uint32_t vi_bitsf(float x) { uint32_t b; memcpy(&b, &x, sizeof b); return b; }
static inline float vi_from_bitsf(uint32_t b) { float x; memcpy(&x, &b, sizeof x); return x; }

/* exp(x) = 2^n exp(r), n = round(x / ln 2), |r| <= ln(2)/2.
   n is read from the low bits of t = x / ln 2 + 1.5 * 2^52 + 2046: the 2046 makes them n + 2046 > 0, which halves into
   two biased exponents without a signed shift. Scaling in two steps, by 2^(n/2) twice, leaves the first product normal
   and rounds once, so results below 2^-1022 are right. Far outside, n is garbage, and the last two selects speak.
   ln 2 is split so that n * LN2_HI is exact (42 and 11 bits).
   exp(r) = 1 + r + r^2 q(r), q fitted to (exp(r) - 1 - r) / r^2 on [-ln(2)/2, ln(2)/2]: truncation 1.3e-17. */
#define VI_LN2_HI 0x1.62e42fefa3800p-1
#define VI_LN2_LO 0x1.ef35793c76730p-45
static inline double vi_exp_reduced(double r) {
  double q = 0x1.af38a9b0ec855p-26;
  q = q * r + 0x1.289185613a3d6p-22;
  q = q * r + 0x1.71de0dae63bb3p-19;
  q = q * r + 0x1.a019b90d2ae7ap-16;
  q = q * r + 0x1.a01a01a7c41d5p-13;
  q = q * r + 0x1.6c16c1788bd90p-10;
  q = q * r + 0x1.11111111109b3p-7;
  q = q * r + 0x1.5555555553d63p-5;
  q = q * r + 0x1.5555555555556p-3;
  q = q * r + 0x1.0000000000001p-1;
  return (r * r) * q + r + 1.0;
}
static inline double vi_exp(double x) {
  const double magic = 0x1.8p52 + 2046.0;
  double t, n, r, q;
  uint64_t k, half;
  t = x * 0x1.71547652b82fep+0 + magic;
  n = t - magic;
  r = x - n * VI_LN2_HI;
  r = r - n * VI_LN2_LO;
  q = vi_exp_reduced(r);
  k = vi_bits(t); /* n + 2046 in its low 12 bits; what stands above is shifted out */
  half = k >> 1;
  q = q * vi_from_bits(half << 52) * vi_from_bits((k - half) << 52);
  q = x < -746.0 ? 0.0 : q; /* a nan goes through */
  q = x > 710.0 ? INFINITY : q;
  return q;
}

/* exp(x) for x <= 0, as after the maximum was taken off: scaled in one step, and 0 where the result would be subnormal
   (such products are taken by microcode, ten times slower), which beside a term exp(0) is nothing. A nan goes through. */
static inline double vi_exp_nonpositive(double x) {
  const double magic = 0x1.8p52 + 1023.0;
  double t = x * 0x1.71547652b82fep+0 + magic, n = t - magic, r = x - n * VI_LN2_HI, q;
  r = r - n * VI_LN2_LO;
  q = vi_exp_reduced(r) * vi_from_bits(vi_bits(t) << 52);
  return x < -708.0 ? 0.0 : q;
}

/* exp(x) scaled in one step: 0 where it would be subnormal, +inf above 709, where it would soon be. */
static inline double vi_exp_normal(double x) {
  double q = vi_exp_nonpositive(x);
  return x > 709.0 ? INFINITY : q;
}

/* The same in float: n + 254 in the low bits, ln 2 split after 15 bits, truncation 8e-9. */
#define VI_LN2_HIF 0x1.62e4p-1f
#define VI_LN2_LOF 0x1.7f7d1cp-20f
static inline float vi_exp_reducedf(float r) {
  float q = 0x1.6d110ap-10f;
  q = q * r + 0x1.120b6ep-7f;
  q = q * r + 0x1.55551ap-5f;
  q = q * r + 0x1.5554dcp-3f;
  q = q * r + 0.5f;
  return (r * r) * q + r + 1.0f;
}
static inline float vi_expf(float x) {
  const float magic = 0x1.8p23f + 254.0f;
  float t, n, r, q;
  uint32_t k, half;
  t = x * 0x1.715476p+0f + magic;
  n = t - magic;
  r = x - n * VI_LN2_HIF;
  r = r - n * VI_LN2_LOF;
  q = vi_exp_reducedf(r);
  k = vi_bitsf(t); /* n + 254 in its low 9 bits */
  half = k >> 1;
  q = q * vi_from_bitsf(half << 23) * vi_from_bitsf((k - half) << 23);
  q = x < -105.0f ? 0.0f : q;
  q = x > 89.0f ? (float)INFINITY : q;
  return q;
}

static inline float vi_exp_nonpositivef(float x) {
  const float magic = 0x1.8p23f + 127.0f;
  float t = x * 0x1.715476p+0f + magic, n = t - magic, r = x - n * VI_LN2_HIF, q;
  r = r - n * VI_LN2_LOF;
  q = vi_exp_reducedf(r) * vi_from_bitsf(vi_bitsf(t) << 23);
  return x < -87.0f ? 0.0f : q;
}
static inline float vi_exp_normalf(float x) {
  float q = vi_exp_nonpositivef(x);
  return x > 88.0f ? (float)INFINITY : q;
}

/* log(2^k (1 + f)) = k ln 2 + log(1 + f), sqrt(1/2) <= 1 + f < sqrt(2), where f may carry a correction (log1p).
   With s = f / (2 + f): log(1 + f) = 2 atanh(s) = f - (f^2/2 - s (f^2/2 + R)), R = s^2 p(s^2), which keeps f, exact,
   for the last addition. p fitted to (2 atanh(s)/s - 2) / s^2 on s^2 in [0, 0.02944]: truncation 4e-18. A macro, so that
   vectors have it too. */
#define VI_LOG_REDUCED(name, real)                                                                                     \
  static inline real name(real k, real f) {                                                                            \
    real s = f / (2.0 + f), z = s * s, h = 0.5 * f * f, p;                                                             \
    p = z * 0x1.2b584aae78a57p-3 + 0x1.39fe606542ddep-3;                                                               \
    p = p * z + 0x1.7462b4ab2ef6bp-3;                                                                                  \
    p = p * z + 0x1.c71c62e5800a1p-3;                                                                                  \
    p = p * z + 0x1.2492492df148dp-2;                                                                                  \
    p = p * z + 0x1.99999999952e2p-2;                                                                                  \
    p = p * z + 0x1.5555555555558p-1;                                                                                  \
    return k * VI_LN2_HI - ((h - (s * (h + z * p) + k * VI_LN2_LO)) - f);                                              \
  }
VI_LOG_REDUCED(vi_log_reduced, double)
static inline float vi_log_reducedf(float k, float f) {
  float s = f / (2.0f + f), z = s * s, h = 0.5f * f * f, p;
  p = 0x1.2ee610p-2f;
  p = p * z + 0x1.997c30p-2f;
  p = p * z + 0x1.55555cp-1f;
  return k * VI_LN2_HIF - ((h - (s * (h + z * p) + k * VI_LN2_LOF)) - f);
}

/* Adding bits(1) - bits(sqrt(1/2)) moves the mantissa's carry to sqrt(2): the exponent field then is k + 1023, and what
   is left below it, plus bits(sqrt(1/2)), is 1 + f. The field becomes a double below the bits of 2^52. Subnormal x is
   taken times 2^54. */
#define VI_SQRT_HALF 0x3fe6a09e667f3bcdULL
#define VI_SQRT_HALFF 0x3f3504f3U
static inline double vi_log(double x) {
  double tiny = x < 0x1p-1022 ? 54.0 : 0.0;
  uint64_t u = vi_bits(x < 0x1p-1022 ? x * 0x1p54 : x) + (0x3ff0000000000000ULL - VI_SQRT_HALF);
  double k = vi_from_bits(0x4330000000000000ULL | (u >> 52)) - (0x1p52 + 1023.0) - tiny;
  double y = vi_log_reduced(k, vi_from_bits((u & 0x000fffffffffffffULL) + VI_SQRT_HALF) - 1.0);
  y = x < INFINITY ? y : x; /* +inf and nan stay */
  return x > 0.0 ? y : x == 0.0 ? -INFINITY : x < 0.0 ? NAN : x;
}
static inline float vi_logf(float x) {
  float tiny = x < 0x1p-126f ? 24.0f : 0.0f;
  uint32_t u = vi_bitsf(x < 0x1p-126f ? x * 0x1p24f : x) + (0x3f800000U - VI_SQRT_HALFF);
  float k = vi_from_bitsf(0x4b000000U | (u >> 23)) - (0x1p23f + 127.0f) - tiny;
  float y = vi_log_reducedf(k, vi_from_bitsf((u & 0x007fffffU) + VI_SQRT_HALFF) - 1.0f);
  y = x < INFINITY ? y : x;
  return x > 0.0f ? y : x == 0.0f ? -INFINITY : x < 0.0f ? (float)NAN : x;
}

/* log1p(x): u = 1 + x rounded and c = (1 + x) - u exactly (Knuth's two-sum); u = 2^k m as above, f = (m - 1) + c 2^-k.
   For k = 0, f is x itself, exactly; for others the rounding of f is small beside k ln 2: no second division.
   2^-k is built as 2 * 2^(-k-1), whose exponent field 2047 - (k + 1023) is 0 at worst, for x near overflow. */
static inline double vi_log1p(double x) {
  double u = 1.0 + x, back = u - 1.0, c = (1.0 - (u - back)) + (x - back);
  uint64_t b = vi_bits(u) + (0x3ff0000000000000ULL - VI_SQRT_HALF);
  double k = vi_from_bits(0x4330000000000000ULL | (b >> 52)) - (0x1p52 + 1023.0);
  double f = vi_from_bits((b & 0x000fffffffffffffULL) + VI_SQRT_HALF) - 1.0;
  double y = vi_log_reduced(k, f + 0.5 * c * vi_from_bits((2047 - (b >> 52)) << 52));
  y = fabs(x) < 0x1p-54 ? x : y; /* keeps -0 and the subnormals, which 0.5 * c would round */
  y = x < INFINITY ? y : x;
  y = x > -1.0 ? y : x == -1.0 ? -INFINITY : x < -1.0 ? NAN : x;
  return y;
}
static inline float vi_log1pf(float x) {
  float u = 1.0f + x, back = u - 1.0f, c = (1.0f - (u - back)) + (x - back);
  uint32_t b = vi_bitsf(u) + (0x3f800000U - VI_SQRT_HALFF);
  float k = vi_from_bitsf(0x4b000000U | (b >> 23)) - (0x1p23f + 127.0f);
  float f = vi_from_bitsf((b & 0x007fffffU) + VI_SQRT_HALFF) - 1.0f;
  float y = vi_log_reducedf(k, f + 0.5f * c * vi_from_bitsf((255 - (b >> 23)) << 23));
  y = fabsf(x) < 0x1p-26f ? x : y;
  y = x < INFINITY ? y : x;
  y = x > -1.0f ? y : x == -1.0f ? -INFINITY : x < -1.0f ? (float)NAN : x;
  return y;
}

/* sin and cos of f quarter turns, |f| <= 1/2. With v = f^2,
     sin(f pi/2) = f pi/2 + f (LO + v S(v)), pi/2 rounded and its rest LO; S fitted to (sin(f pi/2)/f - pi/2) / v,
     cos(f pi/2) = 1 + v C(v),               C fitted to (cos(f pi/2) - 1) / v,  v in [0, 1/4]. */
static inline void vi_sincos_quarter(double f, double *sine, double *cosine) {
  double v = f * f, s, c;
  s = 0x1.e4a9d9166f052p-25;
  s = s * v - 0x1.e3027dea82bd7p-19;
  s = s * v + 0x1.50783208843ebp-13;
  s = s * v - 0x1.32d2cce500387p-8;
  s = s * v + 0x1.466bc6775a476p-4;
  s = s * v - 0x1.4abbce625be52p-1;
  *sine = 0x1.921fb54442d18p+0 * f + f * (s * v + 0x1.1a62633145c07p-54);
  c = -0x1.b2f3eb054afcdp-28;
  c = c * v + 0x1.f9ce245cada0bp-22;
  c = c * v - 0x1.a6d1eef479be1p-16;
  c = c * v + 0x1.e1f5068688d5bp-11;
  c = c * v - 0x1.55d3c7e3cb241p-6;
  c = c * v + 0x1.03c1f081b5ac0p-2;
  c = c * v - 0x1.3bd3cc9be45dep+0;
  *cosine = c * v + 1.0;
}
static inline void vi_sincos_quarterf(float f, float *sine, float *cosine) {
  float v = f * f, s, c;
  s = -0x1.2ee7bcp-8f;
  s = s * v + 0x1.4665e8p-4f;
  s = s * v - 0x1.4abbccp-1f;
  *sine = 0x1.921fb6p+0f * f + f * (s * v - 0x1.777a5cp-25f);
  c = 0x1.db6492p-11f;
  c = c * v - 0x1.55cb98p-6f;
  c = c * v + 0x1.03c1eap-2f;
  c = c * v - 0x1.3bd3ccp+0f;
  *cosine = c * v + 1.0f;
}

/* sin(2 pi u) and cos(2 pi u) for u in [0, 1]: q = round(4 u), f = 4 u - q, exactly; odd quarters swap the two, and the
   signs follow from q, all by masks (SSE2 compares no 64-bit integers). */
static inline void vi_sincos2pi(double u, double *sine, double *cosine) {
  double t = 4.0 * u + 0x1.8p52, s, c;
  uint64_t q = vi_bits(t), swap = 0 - (q & 1);
  vi_sincos_quarter(4.0 * u - (t - 0x1.8p52), &s, &c);
  *sine = vi_from_bits(((vi_bits(s) & ~swap) | (vi_bits(c) & swap)) ^ ((q & 2) << 62));
  *cosine = vi_from_bits(((vi_bits(c) & ~swap) | (vi_bits(s) & swap)) ^ (((q + 1) & 2) << 62));
}
static inline void vi_sincos2pif(float u, float *sine, float *cosine) {
  float t = 4.0f * u + 0x1.8p23f, s, c;
  uint32_t q = vi_bitsf(t), swap = 0 - (q & 1);
  vi_sincos_quarterf(4.0f * u - (t - 0x1.8p23f), &s, &c);
  *sine = vi_from_bitsf(((vi_bitsf(s) & ~swap) | (vi_bitsf(c) & swap)) ^ ((q & 2) << 30));
  *cosine = vi_from_bitsf(((vi_bitsf(c) & ~swap) | (vi_bitsf(s) & swap)) ^ (((q + 1) & 2) << 30));
}

#endif
