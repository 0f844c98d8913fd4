/* Blocks of 1,024 standard normals, each a function of (key, block number) alone: what random_normal returns and what
   monte_carlo_elbo draws. Contract and sources in random_normal.py; both twins follow it bit for bit in the integers. */
#ifndef VARINF_NORMAL_BLOCK_H
#define VARINF_NORMAL_BLOCK_H

#include "_simd.h"

#define VI_BLOCK 1024 /* values */
#define VI_PAIRS 512  /* of Box and Muller, a block */
#define VI_LANES 8
#define VI_GOLDEN 0x9e3779b97f4a7c15ULL /* 2^64 over the golden ratio: the step of splitmix64 */

static inline uint64_t vi_mix(uint64_t z) {
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ULL;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebULL;
  return z ^ (z >> 31);
}

/* A recurrence over four states is what autovectorisers decline; hence vi_words: 0.3 ns a value, not 1.2. */
#define VI_ROTATE(x, n) (((x) << (n)) | ((x) >> (64 - (n))))

/* The first 8 * steps outputs of the block's 8 generators, lane fastest. */
static inline void vi_raw_block(uint64_t key0, uint64_t key1, uint64_t block, int steps, uint64_t *out) {
  const int width = sizeof(vi_words) / sizeof(uint64_t);
  uint64_t origin = vi_mix(key0 ^ vi_mix(key1 + VI_GOLDEN)), whiten = vi_mix(key1 ^ vi_mix(key0 + 2 * VI_GOLDEN));
  uint64_t seed[4 * VI_LANES];
  int step, i;
  for (i = 0; i < 4 * VI_LANES; i++)
    seed[i] = vi_mix(vi_mix(origin + VI_GOLDEN * (4 * VI_LANES * block + (uint64_t)i)) + whiten);
  for (i = 0; i < VI_LANES; i += width) {
    vi_words s0, s1, s2, s3, shifted, result;
    memcpy(&s0, seed + i, sizeof s0);
    memcpy(&s1, seed + VI_LANES + i, sizeof s1);
    memcpy(&s2, seed + 2 * VI_LANES + i, sizeof s2);
    memcpy(&s3, seed + 3 * VI_LANES + i, sizeof s3);
    for (step = 0; step < steps; step++) {
      result = s0 + s3;
      result = VI_ROTATE(result, 23) + s0;
      memcpy(out + VI_LANES * step + i, &result, sizeof result);
      shifted = s1 << 17;
      s2 ^= s0;
      s3 ^= s1;
      s1 ^= s2;
      s0 ^= s3;
      s2 ^= shifted;
      s3 = VI_ROTATE(s3, 45);
    }
  }
}

/* -2 log u for normal u in (0, 1), with one constant for ln 2 and no care for special values: see vi_log_reduced. */
static inline double vi_minus_two_log(double u) {
  uint64_t b = vi_bits(u) + (0x3ff0000000000000ULL - VI_SQRT_HALF);
  double k = vi_from_bits(0x4330000000000000ULL | (b >> 52)) - (0x1p52 + 1023.0);
  double m = vi_from_bits((b & 0x000fffffffffffffULL) + VI_SQRT_HALF);
  double s = (m - 1.0) / (m + 1.0), z = s * s, p; /* log m = 2 atanh(s) */
  p = -0x1.2b584aae78a57p-2;
  p = p * z - 0x1.39fe606542ddep-2;
  p = p * z - 0x1.7462b4ab2ef6bp-2;
  p = p * z - 0x1.c71c62e5800a1p-2;
  p = p * z - 0x1.2492492df148dp-1;
  p = p * z - 0x1.99999999952e2p-1;
  p = p * z - 0x1.5555555555558p-0;
  p = p * z - 4.0;
  return s * p - k * 0x1.62e42fefa39efp+0;
}
static inline float vi_minus_two_logf(float u) {
  uint32_t b = vi_bitsf(u) + (0x3f800000U - VI_SQRT_HALFF);
  float k = vi_from_bitsf(0x4b000000U | (b >> 23)) - (0x1p23f + 127.0f);
  float m = vi_from_bitsf((b & 0x007fffffU) + VI_SQRT_HALFF);
  float s = (m - 1.0f) / (m + 1.0f), z = s * s, p;
  p = -0x1.2ee610p-1f;
  p = p * z - 0x1.997c30p-1f;
  p = p * z - 0x1.55555cp-0f;
  p = p * z - 4.0f;
  return s * p - k * 0x1.62e430p+0f;
}

/* Pair i comes of outputs i and 512 + i. The radius: 52 bits k as (k + 1/2) / 2^52, exactly: [1, 2) by its bits, less
   1 - 2^-53. The angle: the low 52 bits are f in [-1/2, 1/2), quarter turns; bit 62 swaps sine and cosine, bit 63 is
   the sign of the cosine (the sine's is f's own): uniform on the circle, for less work than from one uniform number. */
static inline void vi_normal_block(uint64_t key0, uint64_t key1, uint64_t block, double *out) {
  const uint64_t one = 0x3ff0000000000000ULL, mantissa = 0x000fffffffffffffULL, sign = 0x8000000000000000ULL;
  uint64_t raw[VI_BLOCK];
  int i;
  vi_raw_block(key0, key1, block, VI_BLOCK / VI_LANES, raw);
  for (i = 0; i < VI_PAIRS; i++) {
    uint64_t w = raw[VI_PAIRS + i], swap = 0 - ((w >> 62) & 1), s, c;
    double radius = sqrt(vi_minus_two_log(vi_from_bits(one | (raw[i] >> 12)) - (1.0 - 0x1p-53))), sine, cosine;
    vi_sincos_quarter(vi_from_bits(one | (w & mantissa)) - 1.5, &sine, &cosine);
    s = vi_bits(sine);
    c = vi_bits(cosine) ^ (w & sign);
    out[i] = radius * vi_from_bits((c & ~swap) | (s & swap));
    out[VI_PAIRS + i] = radius * vi_from_bits((s & ~swap) | (c & swap));
  }
}

/* float: the halves of 512 outputs, lower half first. Radius: 31 bits k as (k + 1/2) / 2^31, so that it reaches 6.66;
   where that rounds to 1, once in 2^26, it is 0. Angle: as above with 23 bits, bit 30 and bit 31. */
static inline void vi_normal_blockf(uint64_t key0, uint64_t key1, uint64_t block, float *out) {
  uint64_t raw[VI_PAIRS];
  uint32_t half[VI_BLOCK];
  int i;
  vi_raw_block(key0, key1, block, VI_PAIRS / VI_LANES, raw);
#if defined(__BYTE_ORDER__) && __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
  for (i = 0; i < VI_PAIRS; i++) raw[i] = VI_ROTATE(raw[i], 32);
#endif
  memcpy(half, raw, sizeof half);
  for (i = 0; i < VI_PAIRS; i++) {
    uint32_t w = half[VI_PAIRS + i], swap = 0 - ((w >> 30) & 1), s, c;
    float u = (float)(int32_t)(half[i] >> 1) * 0x1p-31f + 0x1p-32f;
    float radius = sqrtf(vi_minus_two_logf(u)), sine, cosine;
    vi_sincos_quarterf(vi_from_bitsf(0x3f800000U | (w & 0x007fffffU)) - 1.5f, &sine, &cosine);
    s = vi_bitsf(sine);
    c = vi_bitsf(cosine) ^ (w & 0x80000000U);
    out[i] = radius * vi_from_bitsf((c & ~swap) | (s & swap));
    out[VI_PAIRS + i] = radius * vi_from_bitsf((s & ~swap) | (c & swap));
  }
}

#endif
