/* KL of rows of diagonal normals whose scales are given as themselves, for as many rows at once as a register holds doubles.

   The lanes run along the features. The registers of VI_ROWS rows are then reduced together, by shuffles, in a fixed order,
   so that what comes of a row depends on its values alone. `room` is how many values may be read from the start of the
   first row on: a register may be loaded past the end of a row, and is masked.

   The logarithms of a row's scales are taken together. The lanes multiply scales, after 8 factors (4 in float) set the
   powers of two aside, and the row needs one logarithm. Where such a product ends within 2^+-664 (2^+-80) and no factor is
   above 1e15 (1e4), no part of it was ever outside of the range of its type. A row that does not keep to this becomes a
   nan, and its logarithms must be taken one by one. */
#ifndef VARINF_KL_ROWS_H
#define VARINF_KL_ROWS_H

#include <stddef.h>

#include "_exp2.h"
#include "_registers.h"

#if defined(__GNUC__)

typedef int64_t vi_longs VI_WIDE;
typedef int32_t vi_ints VI_WIDE;
typedef uint32_t vi_halfwords VI_WIDE;

/* The last `count` < lanes values of a row, and `fill` in the other lanes: by a load that is masked, where there is one, and
   else by the bits of what may be read. */
#if defined(__AVX512F__)
#define vi_last(x, count, room, fill) vi_load_some(x, (int)(count), fill)
#define vi_lastf(x, count, room, fill) vi_load_somef(x, (int)(count), fill)
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

/* product = mantissa * 2^power with the mantissa in [1, 2): the mantissa stays, and the power goes to `powers`; `bad`
   turns negative where it is out of range. The exponent's field becomes a number below the bits of 2^52 (2^23). */
static inline void vi_take_powers(vi_doubles *product, vi_doubles *powers, vi_longs *bad) {
  vi_longs field = (vi_longs)((vi_words)*product >> 52);
  *bad |= (field - (1023 - 664)) | ((1023 + 664) - field);
  *powers += (vi_doubles)(field | 0x4330000000000000LL) - (0x1p52 + 1023);
  *product = (vi_doubles)(((vi_longs)*product & 0x000fffffffffffffLL) | 0x3ff0000000000000LL);
}
static inline void vi_take_powersf(vi_floats *product, vi_floats *powers, vi_ints *bad) {
  vi_ints field = (vi_ints)((vi_halfwords)*product >> 23);
  *bad |= (field - (127 - 80)) | ((127 + 80) - field);
  *powers += (vi_floats)(field | 0x4b000000) - (0x1p23f + 127);
  *product = (vi_floats)(((vi_ints)*product & 0x007fffff) | 0x3f800000);
}

/* Squares less one, and scales into the products. With p, all is in units of s, for one division:
   ((x - m)^2 + (y - s)(y + s)) / s^2, which is 0 where q = p. `limits` bounds s from below too. */
#define VI_TAKE(product, base)                                                                                         \
  if (paired) {                                                                                                        \
    w = 1 / (b * b), squares += (x * x + (y - b) * (y + b)) * w, limits += y * y + b * b + w;                          \
    product *= y, base *= b;                                                                                           \
  } else {                                                                                                             \
    squares += x * x + (y * y - 1), product *= y;                                                                      \
  }
#define VI_ANNOUNCE                                                                                                    \
  VI_PREFETCH(u + d + VI_AHEAD * WIDTH), VI_PREFETCH(r + d + VI_AHEAD * WIDTH);                                        \
  if (paired && stride) VI_PREFETCH(m + d + VI_AHEAD * WIDTH), VI_PREFETCH(s + d + VI_AHEAD * WIDTH);
#define VI_READ                                                                                                        \
  VI_ANNOUNCE                                                                                                          \
  memcpy(&x, u + d, sizeof x), memcpy(&y, r + d, sizeof y);                                                            \
  if (paired) memcpy(&a, m + d, sizeof a), memcpy(&b, s + d, sizeof b), x -= a;

/* out[i] of row i, i < rows <= VI_ROWS: sum (u^2 + r^2 - 1) / 2 - log r, KL to the standard normal; or, `paired`, KL of
   N(u, r^2) to N(m, s^2), whose rows are `stride` apart (0: one serves all) and end with `room_p`. */
#define VI_KL_ROWS(name, with_p, real, reals, longs, steps, most, last, split, add_halves, multiply_halves)            \
  static inline void name(const real *u, const real *r, const real *m, const real *s, int rows, ptrdiff_t count,       \
                          ptrdiff_t room, ptrdiff_t stride, ptrdiff_t room_p, double *out) {                           \
    enum { WIDTH = sizeof(reals) / sizeof(real), ROWS = sizeof(vi_doubles) / sizeof(double), paired = with_p };                       \
    vi_doubles sums[ROWS], products[ROWS], bases[ROWS];                                                                \
    double sum[ROWS], product[ROWS];                                                                                   \
    int i;                                                                                                             \
    for (i = 0; i < ROWS; i++) {                                                                                       \
      vi_doubles total = {0};                                                                                          \
      reals even = (reals){0} + 1, odd = even, even_p = even, odd_p = even, powers = {0}, powers_p = {0}, x, y, a, b = even, w; \
      longs bad = {0};                                                                                                 \
      ptrdiff_t d = 0, stop, end = i < rows ? count : 0;                                                               \
      while (d < end) {                                                                                                \
        reals squares = {0}, limits = {0};                                                                             \
        stop = d + 2 * steps * WIDTH < end ? d + 2 * steps * WIDTH : end;                                              \
        for (; d + 2 * WIDTH <= stop; d += WIDTH) {                                                                    \
          VI_READ VI_TAKE(even, even_p)                                                                   \
          d += WIDTH;                                                                                                  \
          VI_READ VI_TAKE(odd, odd_p)                                                                     \
        }                                                                                                              \
        if (d + WIDTH <= stop) {                                                                                       \
          VI_READ VI_TAKE(even, even_p)                                                                   \
          d += WIDTH;                                                                                                  \
        }                                                                                                              \
        if (d < stop) {                                                                                                \
          x = last(u + d, end - d, room - d, 0), y = last(r + d, end - d, room - d, 1);                                \
          if (paired) x -= last(m + d, end - d, room_p - d, 0), b = last(s + d, end - d, room_p - d, 1);               \
          VI_TAKE(odd, odd_p)                                                                                          \
          d = stop;                                                                                                    \
        }                                                                                                              \
        bad |= ~((paired ? limits : squares) < most);                                                                  \
        total += add_halves(squares);                                                                                  \
        split(&even, &powers, &bad), split(&odd, &powers, &bad);                                                       \
        if (paired) split(&even_p, &powers_p, &bad), split(&odd_p, &powers_p, &bad);                                   \
      }                                                                                                                \
      sums[i] = total - 2 * 0x1.62e42fefa39efp-1 * add_halves(powers - powers_p);                                      \
      products[i] = multiply_halves((reals)((longs)(even * odd) | (bad < 0)));                                         \
      bases[i] = multiply_halves(even_p * odd_p);                                                                      \
      u += count, r += count, room -= count;                                                                           \
      if (paired) m += stride, s += stride, room_p -= stride;                                                          \
    }                                                                                                                  \
    VI_ACROSS(sums, +)                                                                                                 \
    VI_ACROSS(products, *)                                                                                             \
    if (paired) {                                                                                                      \
      VI_ACROSS(bases, *)                                                                                              \
      products[0] /= bases[0];                                                                                         \
    }                                                                                                                  \
    memcpy(sum, sums, sizeof sum), memcpy(product, products, sizeof product);                                          \
    for (i = 0; i < ROWS; i++) sum[i] = sum[i] / 2 - vi_log(product[i]);                                               \
    memcpy(out, sum, rows * sizeof(double));                                                                           \
  }
#define VI_OF_DOUBLES double, vi_doubles, vi_longs, 8, 1e30, vi_last, vi_take_powers, vi_itself, vi_itself
#define VI_OF_FLOATS float, vi_floats, vi_ints, 4, 1e8f, vi_lastf, vi_take_powersf, vi_add_halves, vi_multiply_halves
#define VI_EXPAND(...) VI_KL_ROWS(__VA_ARGS__)
VI_EXPAND(vi_standard, 0, VI_OF_DOUBLES)
VI_EXPAND(vi_standardf, 0, VI_OF_FLOATS)
VI_EXPAND(vi_paired, 1, VI_OF_DOUBLES)
VI_EXPAND(vi_pairedf, 1, VI_OF_FLOATS)

/* The same where log variances are given, f times the spread: half the sum of (u - m)^2 exp(-b) + exp(a) - 1 - a, with b
   the log variance of p and a that of q less it. */
#define VI_KL_ROWS_LOG(name, with_p, real, reals, last, add_halves, exp2)                                              \
  static inline void name(const real *u, const real *r, const real *m, const real *s, real f, int rows,                \
                          ptrdiff_t count, ptrdiff_t room, ptrdiff_t stride, ptrdiff_t room_p, double *out) {          \
    enum { WIDTH = sizeof(reals) / sizeof(real), ROWS = sizeof(vi_doubles) / sizeof(double), paired = with_p };        \
    const real log2e = (real)0x1.71547652b82fep+0;                                                                     \
    vi_doubles sums[ROWS];                                                                                             \
    int i;                                                                                                             \
    for (i = 0; i < ROWS; i++) {                                                                                       \
      vi_doubles total = {0};                                                                                          \
      ptrdiff_t d = 0, stop, end = i < rows ? count : 0;                                                               \
      reals x, y, a, b;                                                                                                \
      while (d < end) {                                                                                                \
        reals sum = {0};                                                                                               \
        stop = d + 16 * WIDTH < end ? d + 16 * WIDTH : end;                                                            \
        for (; d < stop; d += WIDTH) {                                                                                 \
          if (d + WIDTH <= end) {                                                                                      \
            VI_ANNOUNCE                                                                                                \
            memcpy(&x, u + d, sizeof x), memcpy(&y, r + d, sizeof y);                                                  \
            if (paired) memcpy(&a, m + d, sizeof a), memcpy(&b, s + d, sizeof b);                                      \
          } else {                                                                                                     \
            x = last(u + d, end - d, room - d, 0), y = last(r + d, end - d, room - d, 0);                              \
            if (paired) a = last(m + d, end - d, room_p - d, 0), b = last(s + d, end - d, room_p - d, 0);              \
          }                                                                                                            \
          y *= f;                                                                                                      \
          if (paired) x -= a, b *= f, y -= b;                                                                          \
          sum += exp2(y, log2e) - 1 - y + x * x * (paired ? exp2(b, -log2e) : (reals){0} + 1);                         \
        }                                                                                                              \
        total += add_halves(sum);                                                                                      \
      }                                                                                                                \
      sums[i] = total / 2;                                                                                             \
      u += count, r += count, room -= count;                                                                           \
      if (paired) m += stride, s += stride, room_p -= stride;                                                          \
    }                                                                                                                  \
    VI_ACROSS(sums, +)                                                                                                 \
    memcpy(out, sums, rows * sizeof(double));                                                                          \
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
                                         double *out) { *out = NAN; }                                                  \
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
