/* Included by _exp_sums.h, once for each REAL; VI_WIDTH of them make one register, REALS. */

enum { NAME(VI_WIDTH) = sizeof(REALS) / sizeof(REAL) };

/* The sums of `count` draws in a row, added to sums[4], or without `spread` to the first; v goes to `out` unless that
   is NULL. The places that the last register has too many hold `centre`: d = 0 and v = 1 there, exactly. */
static inline void NAME(vi_exp_sums)(const REAL *x, ptrdiff_t count, REAL scale, REAL centre, int spread, REAL *out,
                                     double *sums) {
  enum { WIDTH = NAME(VI_WIDTH) };
  static const REAL too_many[2 * 16] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
                                        1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1};
  ptrdiff_t j = 0, stop;
  do {
    REALS sum_v = {0}, sum_v2 = {0}, sum_d = {0}, sum_d2 = {0}, d, v, ones;
    for (stop = count < j + TERMS * WIDTH ? count : j + TERMS * WIDTH; j <= stop - WIDTH; j += WIDTH) {
      memcpy(&d, x + j, sizeof d);
      d -= centre;
      v = NAME(vi_exp2_wide)(d, scale);
      if (out) memcpy(out + j, &v, sizeof v);
      sum_v += v;
      if (spread) {
        sum_v2 += v * v;
        sum_d += d;
        sum_d2 += d * d;
      }
    }
    if (j < stop) {
      d = NAME(vi_load_some)(x + j, (int)(stop - j), centre) - centre;
      memcpy(&ones, too_many + 16 - (stop - j), sizeof ones);
      v = NAME(vi_exp2_wide)(d, scale) - ones;
      if (out) memcpy(out + j, &v, (size_t)(stop - j) * sizeof(REAL));
      sum_v += v;
      if (spread) {
        sum_v2 += v * v;
        sum_d += d;
        sum_d2 += d * d;
      }
      j = stop;
    }
    sums[0] += NAME(vi_total)(sum_v);
    if (spread) {
      sums[1] += NAME(vi_total)(sum_v2);
      sums[2] += NAME(vi_total)(sum_d);
      sums[3] += NAME(vi_total)(sum_d2);
    }
  } while (j < count);
}

static inline void NAME(vi_add_lanes)(REALS lanes, double *sums) {
  REAL each[NAME(VI_WIDTH)];
  int i;
  memcpy(each, &lanes, sizeof each);
  for (i = 0; i < NAME(VI_WIDTH); i++) sums[i] += each[i];
}

/* The same of VI_WIDTH neighbouring columns, `stride` values from draw to draw: four times VI_WIDTH sums. */
static inline void NAME(vi_exp_sums_columns)(const REAL *x, ptrdiff_t stride, ptrdiff_t count, REAL scale,
                                             const REAL *centre, int spread, REAL *out, double *sums, ptrdiff_t apart) {
  REALS sum_v = {0}, sum_v2 = {0}, sum_d = {0}, sum_d2 = {0}, c, d, v;
  ptrdiff_t j;
  memcpy(&c, centre, sizeof c);
  for (j = 0; j < count; j++) {
    VI_PREFETCH(x + (j + count) * stride);
    memcpy(&d, x + j * stride, sizeof d);
    d -= c;
    v = NAME(vi_exp2_wide)(d, scale);
    if (out) memcpy(out + j * stride, &v, sizeof v);
    sum_v += v;
    if (spread) {
      sum_v2 += v * v;
      sum_d += d;
      sum_d2 += d * d;
    }
  }
  NAME(vi_add_lanes)(sum_v, sums);
  if (spread) {
    NAME(vi_add_lanes)(sum_v2, sums + apart);
    NAME(vi_add_lanes)(sum_d, sums + 2 * apart);
    NAME(vi_add_lanes)(sum_d2, sums + 3 * apart);
  }
}
