/* KL of rows of diagonal normals, by scales or by log variances, for as many rows at once as a register holds doubles.

   The lanes run along the features. The registers of VI_ROWS rows are then reduced together, by shuffles, in a fixed order,
   so that what comes of a row depends on its values alone. `room` is how many values may be read from the start of the
   first row on: a register may be loaded past the end of a row, and is masked.

   The logarithms of a row's scales are taken together. The lanes multiply scales in two products of at most 8 factors (4
   in float), which go into one of doubles; that sets its powers of two aside, and the row needs one logarithm. Where such
   a product ends within 2^+-500 (2^+-60) and no factor is above 1e15 (1e4), no part of it was ever outside of the range of
   its type. A row that does not keep to this becomes a nan, and its logarithms must be taken one by one. */
#ifndef VARINF_KL_ROWS_H
#define VARINF_KL_ROWS_H

#include <stddef.h>

#include "_exp2.h"
#include "_registers.h"

#if defined(__GNUC__)

typedef int64_t vi_longs VI_WIDE;
typedef int32_t vi_ints VI_WIDE;

/* The last `count` < lanes values of a row, and `fill` in the other lanes: by a load that is masked, where there is one, and
   else by the bits of what may be read. */
#if defined(__AVX512F__)
#define vi_last(x, count, room, fill) ((void)(room), vi_load_some(x, (int)(count), fill))
#define vi_lastf(x, count, room, fill) ((void)(room), vi_load_somef(x, (int)(count), fill))
#else
#if defined(__AVX2__)
static const vi_longs vi_index = {0, 1, 2, 3};
static const vi_ints vi_indexf = {0, 1, 2, 3, 4, 5, 6, 7};
#else
static const vi_longs vi_index = {0, 1};
static const vi_ints vi_indexf = {0, 1, 2, 3};
#endif
#define VI_LAST(name, real, reals, longs, lanes)                                                                       \
  static inline reals name(const real *x, ptrdiff_t count, ptrdiff_t room, real fill) {                                \
    real copy[sizeof(reals) / sizeof(real)] = {0};                                                                     \
    reals y, rest = (reals){0} + fill;                                                                                 \
    longs inside = lanes < (longs){0} + (int)count;                                                                    \
    if (room < (ptrdiff_t)(sizeof copy / sizeof *copy)) memcpy(copy, x, count * sizeof(real)), x = copy;               \
    memcpy(&y, x, sizeof y);                                                                                           \
    return (reals)(((longs)y & inside) | ((longs)rest & ~inside));                                                     \
  }
VI_LAST(vi_last, double, vi_doubles, vi_longs, vi_index)
VI_LAST(vi_lastf, float, vi_floats, vi_ints, vi_indexf)
#endif

/* Whether x is outside of 2^+-limit: of positive numbers the bits have their order, and those of negative ones are above. */
#define VI_OUTSIDE(x, longs, words, bits, bias, limit)                                                                 \
  ((words)((longs)(x) - ((longs){0} + ((bias - limit) << bits))) > (words){0} + (2 * limit << bits))
static inline vi_longs vi_outside(vi_doubles x) { return VI_OUTSIDE(x, vi_longs, vi_words, 52, 1023LL, 500LL); }
static inline vi_ints vi_outsidef(vi_floats x) { return VI_OUTSIDE(x, vi_ints, vi_words32, 23, 127, 60); }

/* product = mantissa * 2^power with the mantissa in [1, 2): the mantissa stays, and the power goes to `powers`. The
   exponent's field becomes a number below the bits of 2^52. */
static inline void vi_take_powers(vi_doubles *product, vi_doubles *powers) {
  vi_longs bits = (vi_longs)*product, field = (vi_longs)((vi_words)bits >> 52);
  *powers += (vi_doubles)(field | 0x4330000000000000LL) - (0x1p52 + 1023);
  *product = (vi_doubles)((bits & 0x000fffffffffffffLL) | 0x3ff0000000000000LL);
}

/* y / b, where w = 1 / b, so that KL is 0 where q = p. With fused arithmetic the rounding of y w is put right, which takes
   less than a second division; where the last place of b is below the range of its type, that rounding may stay. */
#if defined(__FMA__)
#define VI_QUOTIENT(y, b, w) (y * w + (y - b * (y * w)) * w)
#else
#define VI_QUOTIENT(y, b, w) (y / b)
#endif

/* Squares less one, and scales into the product; with p, all is in units of s. */
#define VI_TAKE(product)                                                                                               \
  if (paired) w = 1 / b, x *= w, y = VI_QUOTIENT(y, b, w);                                                             \
  squares += x * x + (y * y - 1), product *= y;

/* The register of a row at d; and the last one, of what is `left` after the whole ones. What counts is found by masks from
   `here`, the features of a block: after a loop over pointers compilers compute anew where it ended. */
#define VI_READ(d)                                                                                                     \
  VI_PREFETCH(u + d + VI_AHEAD * WIDTH), VI_PREFETCH(r + d + VI_AHEAD * WIDTH);                                        \
  if (paired && stride) VI_PREFETCH(m + d + VI_AHEAD * WIDTH), VI_PREFETCH(s + d + VI_AHEAD * WIDTH);                  \
  memcpy(&x, u + d, sizeof x), memcpy(&y, r + d, sizeof y);                                                            \
  if (paired) memcpy(&a, m + d, sizeof a), memcpy(&b, s + d, sizeof b), x -= a;
#define VI_READ_LAST(last, scale)                                                                                      \
  d = here & -WIDTH, left = here - d;                                                                                  \
  x = last(u + d, left, end - u - d, 0), y = last(r + d, left, end - u - d, scale);                                    \
  if (paired) x -= last(m + d, left, end_p - m - d, 0), b = last(s + d, left, end_p - m - d, scale);

/* To what comes after what was just read. */
#define VI_GO_ON                                                                                                       \
  u += here, r += here;                                                                                                \
  if (paired) m += here, s += here;

/* Of row i, i < rows <= VI_ROWS: sum (u^2 + r^2 - 1) / 2, KL to the standard normal but for the logarithm of `product`; or,
   `paired`, of KL of N(u, r^2) to N(m, s^2), whose rows are `stride` apart (count, or 0: one serves all) and end with
   `room_p`. VI_ROWS numbers are written each, the first `rows` of use. */
#define VI_KL_ROWS(name, with_p, real, reals, longs, steps, most, last, outside, add_halves, multiply_halves)          \
  static inline void name(const real *u, const real *r, const real *m, const real *s, int rows, ptrdiff_t count,       \
                          ptrdiff_t room, ptrdiff_t stride, ptrdiff_t room_p, double *half, double *product) {         \
    enum { WIDTH = sizeof(reals) / sizeof(real), ROWS = sizeof(vi_doubles) / sizeof(double), paired = with_p };        \
    const real *end = u + room, *end_p = paired ? m + room_p : m;                                                      \
    vi_doubles sums[ROWS], products[ROWS];                                                                             \
    ptrdiff_t rest, here, left, d;                                                                                     \
    int i;                                                                                                             \
    for (i = 0; i < rows; i++) {                                                                                       \
      vi_doubles total = {0}, powers = {0}, scales = powers + 1;                                                       \
      for (rest = count; rest > 0; rest -= here) {                                                                     \
        reals squares = {0}, even = squares + 1, odd = even, x, y, a, b, w;                                            \
        here = rest < 2 * steps * WIDTH ? rest : 2 * steps * WIDTH;                                                    \
        for (d = 0; d < (here & -2 * WIDTH); d += 2 * WIDTH) {                                                         \
          VI_READ(d) VI_TAKE(even)                                                                                     \
          VI_READ(d + WIDTH) VI_TAKE(odd)                                                                              \
        }                                                                                                              \
        if (here & WIDTH) {                                                                                            \
          d = here & -2 * WIDTH;                                                                                       \
          VI_READ(d) VI_TAKE(even)                                                                                     \
        }                                                                                                              \
        if (here & (WIDTH - 1)) {                                                                                      \
          VI_READ_LAST(last, 1) VI_TAKE(odd)                                                                           \
        }                                                                                                              \
        squares = (reals)((longs)squares | ~(squares < most) | outside(even) | outside(odd));                          \
        total += add_halves(squares);                                                                                  \
        scales *= multiply_halves(even * odd);                                                                         \
        vi_take_powers(&scales, &powers);                                                                              \
        VI_GO_ON                                                                                                       \
      }                                                                                                                \
      sums[i] = total - 2 * 0x1.62e42fefa39efp-1 * powers, products[i] = scales;                                       \
      if (paired) m += stride - count, s += stride - count;                                                            \
    }                                                                                                                  \
    for (; i < ROWS; i++) sums[i] = products[i] = (vi_doubles){0};                                                     \
    VI_ACROSS(sums, +)                                                                                                 \
    VI_ACROSS(products, *)                                                                                             \
    sums[0] /= 2;                                                                                                      \
    memcpy(half, sums, sizeof *sums), memcpy(product, products, sizeof *products);                                     \
  }
#define VI_OF_DOUBLES double, vi_doubles, vi_longs, 8, 1e30, vi_last, vi_outside, vi_itself, vi_itself
#define VI_OF_FLOATS float, vi_floats, vi_ints, 4, 1e8f, vi_lastf, vi_outsidef, vi_add_halves, vi_multiply_halves
#define VI_EXPAND(...) VI_KL_ROWS(__VA_ARGS__)
VI_EXPAND(vi_standard, 0, VI_OF_DOUBLES)
VI_EXPAND(vi_standardf, 0, VI_OF_FLOATS)
VI_EXPAND(vi_paired, 1, VI_OF_DOUBLES)
VI_EXPAND(vi_pairedf, 1, VI_OF_FLOATS)

/* The same where log variances are given, f times the spread: half the sum of (u - m)^2 exp(-b) + exp(a) - 1 - a, with b
   the log variance of p and a that of q less it. */
#define VI_TERM(exp2)                                                                                                  \
  square = x * x;                                                                                                      \
  if (paired) y -= b, square *= exp2(b, -slope);                                                                       \
  sum += exp2(y, slope) - 1 - f * y + square;
#define VI_KL_ROWS_LOG(name, with_p, real, reals, last, add_halves, exp2)                                              \
  static inline void name(const real *u, const real *r, const real *m, const real *s, real f, int rows,                \
                          ptrdiff_t count, ptrdiff_t room, ptrdiff_t stride, ptrdiff_t room_p, double *out) {          \
    enum { WIDTH = sizeof(reals) / sizeof(real), ROWS = sizeof(vi_doubles) / sizeof(double), paired = with_p };        \
    const real slope = f * (real)0x1.71547652b82fep+0, *end = u + room, *end_p = paired ? m + room_p : m;              \
    vi_doubles sums[ROWS];                                                                                             \
    ptrdiff_t rest, here, left, d;                                                                                     \
    int i;                                                                                                             \
    for (i = 0; i < rows; i++) {                                                                                       \
      vi_doubles total = {0};                                                                                          \
      for (rest = count; rest > 0; rest -= here) {                                                                     \
        reals sum = {0}, x, y, a, b, square;                                                                           \
        here = rest < 16 * WIDTH ? rest : 16 * WIDTH;                                                                  \
        for (d = 0; d < (here & -WIDTH); d += WIDTH) {                                                                 \
          VI_READ(d) VI_TERM(exp2)                                                                                     \
        }                                                                                                              \
        if (here & (WIDTH - 1)) {                                                                                      \
          VI_READ_LAST(last, 0) VI_TERM(exp2)                                                                          \
        }                                                                                                              \
        total += add_halves(sum);                                                                                      \
        VI_GO_ON                                                                                                       \
      }                                                                                                                \
      sums[i] = total;                                                                                                 \
      if (paired) m += stride - count, s += stride - count;                                                            \
    }                                                                                                                  \
    for (; i < ROWS; i++) sums[i] = (vi_doubles){0};                                                                   \
    VI_ACROSS(sums, +)                                                                                                 \
    sums[0] /= 2;                                                                                                      \
    memcpy(out, sums, sizeof *sums);                                                                                   \
  }
VI_KL_ROWS_LOG(vi_standard_log, 0, double, vi_doubles, vi_last, vi_itself, vi_exp2_wide)
VI_KL_ROWS_LOG(vi_standard_logf, 0, float, vi_floats, vi_lastf, vi_add_halves, vi_exp2_widef)
VI_KL_ROWS_LOG(vi_paired_log, 1, double, vi_doubles, vi_last, vi_itself, vi_exp2_wide)
VI_KL_ROWS_LOG(vi_paired_logf, 1, float, vi_floats, vi_lastf, vi_add_halves, vi_exp2_widef)

/* out[i] = sum of row i. Floats are carried into double every 16 registers. */
#define VI_ROW_SUMS(name, real, reals, last, add_halves)                                                               \
  static inline void name(const real *x, int rows, ptrdiff_t count, ptrdiff_t room, double *out) {                     \
    enum { WIDTH = sizeof(reals) / sizeof(real), ROWS = sizeof(vi_doubles) / sizeof(double) };                         \
    vi_doubles sums[ROWS];                                                                                             \
    int i;                                                                                                             \
    for (i = 0; i < ROWS; i++) {                                                                                       \
      vi_doubles total = {0};                                                                                          \
      ptrdiff_t d = 0, stop, end = i < rows ? count : 0;                                                               \
      while (d < end) {                                                                                                \
        reals sum = {0}, y;                                                                                            \
        stop = d + 16 * WIDTH < end ? d + 16 * WIDTH : end;                                                            \
        for (; d + WIDTH <= stop; d += WIDTH) memcpy(&y, x + d, sizeof y), sum += y;                                   \
        if (d < stop) sum += last(x + d, end - d, room - d, 0), d = stop;                                              \
        total += add_halves(sum);                                                                                      \
      }                                                                                                                \
      sums[i] = total, x += count, room -= count;                                                                      \
    }                                                                                                                  \
    VI_ACROSS(sums, +)                                                                                                 \
    memcpy(out, sums, rows * sizeof(double));                                                                          \
  }
VI_ROW_SUMS(vi_row_sums, double, vi_doubles, vi_last, vi_itself)
VI_ROW_SUMS(vi_row_sumsf, float, vi_floats, vi_lastf, vi_add_halves)

#else /* without vectors every KL is nan here, and the caller goes feature by feature */

#define VI_PLAIN(real, suffix)                                                                                         \
  static inline void vi_standard##suffix(const real *u, const real *r, const real *m, const real *s, int rows,         \
                                         ptrdiff_t count, ptrdiff_t room, ptrdiff_t stride, ptrdiff_t room_p,          \
                                         double *half, double *product) { *half = NAN, *product = 1; }                 \
  static inline void vi_standard_log##suffix(const real *u, const real *r, const real *m, const real *s, real f,       \
                                             int rows, ptrdiff_t count, ptrdiff_t room, ptrdiff_t stride,              \
                                             ptrdiff_t room_p, double *out) { *out = NAN; }                            \
  static inline void vi_row_sums##suffix(const real *x, int rows, ptrdiff_t count, ptrdiff_t room, double *out) {      \
    ptrdiff_t d;                                                                                                       \
    for (*out = 0, d = 0; d < count; d++) *out += x[d];                                                                \
  }
VI_PLAIN(double, )
VI_PLAIN(float, f)
#define vi_paired vi_standard
#define vi_pairedf vi_standardf
#define vi_paired_log vi_standard_log
#define vi_paired_logf vi_standard_logf

#endif
#endif
