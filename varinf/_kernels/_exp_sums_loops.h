/* Included by _exp_sums.h, once for each REAL; VI_WIDTH of them make one register, REALS. */

enum { NAME(VI_WIDTH) = sizeof(REALS) / sizeof(REAL) };

/* The sums of each of `rows` <= VI_ROWS rows of `count` draws, one behind the other: of v to sums[row], and with
   `spread` of v^2, d and d^2 to sums[apart + row] and on; v goes to `out` unless that is NULL. The places that the last
   register of a row has too many hold `centre`: d = 0 and v = 1 there, exactly. */
static inline void NAME(vi_exp_sums)(const REAL *x, ptrdiff_t count, int rows, REAL scale, const REAL *centre,
                                     int spread, REAL *out, double *sums, ptrdiff_t apart) {
  enum { WIDTH = NAME(VI_WIDTH), ROWS = sizeof(vi_doubles) / sizeof(double) };
  static const REAL too_many[2 * 16] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
                                        1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1};
  vi_doubles total_v[ROWS], total_v2[ROWS], total_d[ROWS], total_d2[ROWS];
  int i;
  for (i = 0; i < ROWS; i++) {
    const REAL c = i < rows ? centre[i] : 0;
    ptrdiff_t j = 0, stop, end = i < rows ? count : 0;
    total_v[i] = total_v2[i] = total_d[i] = total_d2[i] = (vi_doubles){0};
    while (j < end) {
      REALS sum_v = {0}, sum_v2 = {0}, sum_d = {0}, sum_d2 = {0}, d, v, ones;
      for (stop = end < j + TERMS * WIDTH ? end : j + TERMS * WIDTH; j <= stop - WIDTH; j += WIDTH) {
        VI_PREFETCH(x + j + VI_AHEAD * WIDTH);
        memcpy(&d, x + j, sizeof d);
        d -= c;
        v = NAME(vi_exp2_wide)(d, scale);
        if (out) {
          VI_PREFETCH_TO_WRITE(out + j + VI_AHEAD * WIDTH);
          memcpy(out + j, &v, sizeof v);
        }
        sum_v += v;
        if (spread) {
          sum_v2 += v * v;
          sum_d += d;
          sum_d2 += d * d;
        }
      }
      if (j < stop) {
        d = NAME(vi_load_some)(x + j, (int)(stop - j), c) - c;
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
      total_v[i] += IN_DOUBLE(sum_v);
      if (spread) {
        total_v2[i] += IN_DOUBLE(sum_v2);
        total_d[i] += IN_DOUBLE(sum_d);
        total_d2[i] += IN_DOUBLE(sum_d2);
      }
    }
    x += count;
    if (out) out += count;
  }
  VI_ACROSS(total_v, +)
  memcpy(sums, total_v, (size_t)rows * sizeof(double));
  if (spread) {
    VI_ACROSS(total_v2, +)
    VI_ACROSS(total_d, +)
    VI_ACROSS(total_d2, +)
    memcpy(sums + apart, total_v2, (size_t)rows * sizeof(double));
    memcpy(sums + 2 * apart, total_d, (size_t)rows * sizeof(double));
    memcpy(sums + 3 * apart, total_d2, (size_t)rows * sizeof(double));
  }
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
    VI_PREFETCH(x + j * stride + VI_BESIDE * NAME(VI_WIDTH)); /* of the same draw, for a call soon to come */
    VI_PREFETCH(x + (j + VI_BELOW) * stride);
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
