/* Products of matrices that stay in the cache: tiles of 4 rows by 2 registers, whose sums stay in registers.

   Rows of `out` and `b` are as long as a multiple of VI_WIDTH, with anything behind what counts. Every entry is summed
   in the same order wherever its tile lies. */
#ifndef VARINF_SMALL_PRODUCTS_H
#define VARINF_SMALL_PRODUCTS_H

#include "_lanes.h"

VI_INLINE void vi_product_tile(double *out, const double *start, const double *a, ptrdiff_t a_width, const double *b,
                               ptrdiff_t inner, ptrdiff_t width, const int rows, const int registers) {
  vi_doubles sum[4][2], right[2];
  ptrdiff_t k;
  int r, c;
  VI_UNROLL
  for (r = 0; r < rows; r++)
    VI_UNROLL
    for (c = 0; c < registers; c++) sum[r][c] = (vi_doubles){0} + (start ? start[r] : 0.0);
  for (k = 0; k < inner; k++) {
    VI_UNROLL
    for (c = 0; c < registers; c++) memcpy(&right[c], b + k * width + c * VI_WIDTH, sizeof right[c]);
    VI_UNROLL
    for (r = 0; r < rows; r++)
      VI_UNROLL
      for (c = 0; c < registers; c++) sum[r][c] += a[r * a_width + k] * right[c];
  }
  VI_UNROLL
  for (r = 0; r < rows; r++) memcpy(out + r * width, sum[r], registers * sizeof sum[r][0]);
}

VI_INLINE void vi_product_rows(double *out, const double *start, const double *a, ptrdiff_t a_width, const double *b,
                               ptrdiff_t inner, ptrdiff_t width, const int rows) {
  ptrdiff_t j;
  for (j = 0; j + 2 * VI_WIDTH <= width; j += 2 * VI_WIDTH)
    vi_product_tile(out + j, start, a, a_width, b + j, inner, width, rows, 2);
  if (j < width) vi_product_tile(out + j, start, a, a_width, b + j, inner, width, rows, 1);
}

/* out (rows, width) = start (rows,), 0 where there is none, to each column + a (rows, inner) b (inner, width). */
static inline void vi_small_product(double *out, const double *start, const double *a, ptrdiff_t a_width,
                                    const double *b, ptrdiff_t rows, ptrdiff_t inner, ptrdiff_t width) {
  for (; rows >= 4; rows -= 4, out += 4 * width, a += 4 * a_width, start = start ? start + 4 : start)
    vi_product_rows(out, start, a, a_width, b, inner, width, 4);
  if (rows == 3) vi_product_rows(out, start, a, a_width, b, inner, width, 3);
  if (rows == 2) vi_product_rows(out, start, a, a_width, b, inner, width, 2);
  if (rows == 1) vi_product_rows(out, start, a, a_width, b, inner, width, 1);
}

VI_INLINE void vi_dots_of(double *out, const double *weight, const double *rows, ptrdiff_t size, const int count) {
  vi_doubles sum[8] = {{0}}, first, row;
  ptrdiff_t k;
  int j, l;
  for (k = 0; k < size; k += VI_WIDTH) {
    memcpy(&row, weight + k, sizeof row);
    memcpy(&first, rows + k, sizeof first);
    row *= first;
    sum[0] += row * first;
    VI_UNROLL
    for (j = 1; j < count; j++) {
      memcpy(&first, rows + j * size + k, sizeof first);
      sum[j] += row * first;
    }
  }
  for (j = 0; j < count; j++) {
    double lanes[VI_WIDTH];
    memcpy(lanes, &sum[j], sizeof lanes);
    out[j] = 0;
    for (l = 0; l < VI_WIDTH; l++) out[j] += lanes[l];
  }
}

/* out[j] = sum_k weight_k rows_0k rows_jk for `count` rows, 2 to 6, of a size that is a multiple of VI_WIDTH. */
static inline void vi_weighted_dots(double *out, const double *weight, const double *rows, ptrdiff_t size, int count) {
  switch (count) {
  case 6: vi_dots_of(out, weight, rows, size, 6); break;
  case 5: vi_dots_of(out, weight, rows, size, 5); break;
  case 4: vi_dots_of(out, weight, rows, size, 4); break;
  case 3: vi_dots_of(out, weight, rows, size, 3); break;
  default: vi_dots_of(out, weight, rows, size, 2);
  }
}

#endif
