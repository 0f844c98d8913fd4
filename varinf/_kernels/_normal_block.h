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

#define VI_ROTATE(x, n) (((x) << (n)) | ((x) >> (64 - (n))))

/* A block's generators: word j of all lanes side by side. In vi_words, since autovectorisers decline a recurrence. */
#define VI_SETS (int)(VI_LANES * sizeof(uint64_t) / sizeof(vi_words))
typedef struct {
  vi_words state[4][VI_SETS];
} vi_generators;

static inline void vi_seed(vi_generators *g, uint64_t key0, uint64_t key1, uint64_t block) {
  uint64_t origin = vi_mix(key0 ^ vi_mix(key1 + VI_GOLDEN)), whiten = vi_mix(key1 ^ vi_mix(key0 + 2 * VI_GOLDEN));
  uint64_t seed[4 * VI_LANES];
  int i;
  for (i = 0; i < 4 * VI_LANES; i++)
    seed[i] = vi_mix(vi_mix(origin + VI_GOLDEN * (4 * VI_LANES * block + (uint64_t)i)) + whiten);
  memcpy(g, seed, sizeof seed);
}

/* Their next `steps` outputs each, lane fastest. */
static inline void vi_next(vi_generators *g, int steps, uint64_t *out) {
  int i;
  for (; steps > 0; steps--)
    for (i = 0; i < VI_SETS; i++) {
      vi_words s0 = g->state[0][i], s1 = g->state[1][i], s2 = g->state[2][i], s3 = g->state[3][i];
      vi_words result = s0 + s3, shifted = s1 << 17;
      result = VI_ROTATE(result, 23) + s0;
      memcpy(out, &result, sizeof result);
      out += sizeof result / sizeof *out;
      s2 ^= s0;
      s3 ^= s1;
      g->state[1][i] = s1 ^ s2;
      g->state[0][i] = s0 ^ s3;
      g->state[2][i] = s2 ^ shifted;
      g->state[3][i] = VI_ROTATE(s3, 45);
    }
}

static inline void vi_raw_block(uint64_t key0, uint64_t key1, uint64_t block, uint64_t *out) {
  vi_generators g;
  vi_seed(&g, key0, key1, block);
  vi_next(&g, VI_BLOCK / VI_LANES, out);
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

/* The outputs come in short runs, each used before the next is drawn: the generators need the integer units, what is
   made of their outputs the floating-point ones, and neither waits for the other. */
#define VI_RUN (4 * VI_LANES)

/* Pair i comes of outputs i and 512 + i. The radius: 52 bits k as (k + 1/2) / 2^52, exactly: [1, 2) by its bits, less
   1 - 2^-53. The angle: the low 52 bits are f in [-1/2, 1/2), quarter turns; bit 62 swaps sine and cosine, bit 63 is
   the sign of the cosine (the sine's is f's own): uniform on the circle, for less work than from one uniform number. */
VI_INLINE void vi_normal_block(uint64_t key0, uint64_t key1, uint64_t block, double *out) {
  const uint64_t one = 0x3ff0000000000000ULL, mantissa = 0x000fffffffffffffULL, sign = 0x8000000000000000ULL;
  vi_generators g;
  uint64_t raw[VI_RUN];
  double squares[VI_PAIRS];
  int i, start;
  vi_seed(&g, key0, key1, block);
  for (start = 0; start < VI_PAIRS; start += VI_RUN) {
    vi_next(&g, VI_RUN / VI_LANES, raw);
    for (i = 0; i < VI_RUN; i++)
      squares[start + i] = vi_minus_two_log(vi_from_bits(one | (raw[i] >> 12)) - (1.0 - 0x1p-53));
  }
  for (start = 0; start < VI_PAIRS; start += VI_RUN) {
    vi_next(&g, VI_RUN / VI_LANES, raw);
    for (i = 0; i < VI_RUN; i++) {
      uint64_t w = raw[i], swap = 0 - ((w >> 62) & 1), s, c;
      double radius = sqrt(squares[start + i]), sine, cosine;
      vi_sincos_quarter(vi_from_bits(one | (w & mantissa)) - 1.5, &sine, &cosine);
      s = vi_bits(sine);
      c = vi_bits(cosine) ^ (w & sign);
      out[start + i] = radius * vi_from_bits((c & ~swap) | (s & swap));
      out[VI_PAIRS + start + i] = radius * vi_from_bits((s & ~swap) | (c & swap));
    }
  }
}

/* The next VI_RUN outputs by halves, lower half first. */
static inline void vi_next_halves(vi_generators *g, uint32_t *half) {
  uint64_t raw[VI_RUN];
  vi_next(g, VI_RUN / VI_LANES, raw);
#if defined(__BYTE_ORDER__) && __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
  {
    int i;
    for (i = 0; i < VI_RUN; i++) raw[i] = VI_ROTATE(raw[i], 32);
  }
#endif
  memcpy(half, raw, sizeof raw);
}

/* float: the halves of 512 outputs. Radius: 31 bits k as (k + 1/2) / 2^31, so that it reaches 6.66; where that rounds
   to 1, once in 2^26, it is 0. Angle: as above with 23 bits, bit 30 and bit 31. */
VI_INLINE void vi_normal_blockf(uint64_t key0, uint64_t key1, uint64_t block, float *out) {
  vi_generators g;
  uint32_t half[2 * VI_RUN];
  float squares[VI_PAIRS];
  int i, start;
  vi_seed(&g, key0, key1, block);
  for (start = 0; start < VI_PAIRS; start += 2 * VI_RUN) {
    vi_next_halves(&g, half);
    for (i = 0; i < 2 * VI_RUN; i++)
      squares[start + i] = vi_minus_two_logf((float)(int32_t)(half[i] >> 1) * 0x1p-31f + 0x1p-32f);
  }
  for (start = 0; start < VI_PAIRS; start += 2 * VI_RUN) {
    vi_next_halves(&g, half);
    for (i = 0; i < 2 * VI_RUN; i++) {
      uint32_t w = half[i], swap = 0 - ((w >> 30) & 1), s, c;
      float radius = sqrtf(squares[start + i]), sine, cosine;
      vi_sincos_quarterf(vi_from_bitsf(0x3f800000U | (w & 0x007fffffU)) - 1.5f, &sine, &cosine);
      s = vi_bitsf(sine);
      c = vi_bitsf(cosine) ^ (w & 0x80000000U);
      out[start + i] = radius * vi_from_bitsf((c & ~swap) | (s & swap));
      out[VI_PAIRS + start + i] = radius * vi_from_bitsf((s & ~swap) | (c & swap));
    }
  }
}
/* loc + scale * them: a pass of its own, over what is in the nearest cache, since with two more arrays in their loops
   compilers no longer vectorise those. */
#define VI_SCALED_BLOCK(name, real, block_of)                                                                          \
  static inline void name(uint64_t key0, uint64_t key1, uint64_t block, const real *loc, const real *scale,            \
                          real *out) {                                                                                 \
    int i;                                                                                                             \
    block_of(key0, key1, block, out);                                                                                  \
    for (i = 0; i < VI_BLOCK; i++) out[i] = loc[i] + scale[i] * out[i];                                                \
  }
VI_SCALED_BLOCK(vi_scaled_block, double, vi_normal_block)
VI_SCALED_BLOCK(vi_scaled_blockf, float, vi_normal_blockf)

#endif
