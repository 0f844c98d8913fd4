/* Sums over draws of v = 2^(scale d), v^2, d = x - centre and d^2, in one pass: the inner loops of log_weights, written
   in registers (VI_WIDE), twice, for double and float, by _exp_sums_loops.h. */
#ifndef VARINF_EXP_SUMS_H
#define VARINF_EXP_SUMS_H

#include <stddef.h>

#include "_exp2.h"
#include "_registers.h"

/* Columns ask for what stands so many registers to the right, and so many draws below, which is one call's share of
   them: a processor sees the first coming, but not far enough ahead, and of the second nothing. */
#define VI_BESIDE 8
#define VI_BELOW 16

#define REAL double
#define REALS vi_doubles
#define NAME(name) name
#define TERMS 32
#define IN_DOUBLE vi_itself
#include "_exp_sums_loops.h"
#undef REAL
#undef REALS
#undef NAME
#undef TERMS
#undef IN_DOUBLE
#define REAL float
#define REALS vi_floats
#define NAME(name) name##f
#define TERMS 16
#define IN_DOUBLE vi_add_halves
#include "_exp_sums_loops.h"
#undef REAL
#undef REALS
#undef NAME
#undef TERMS
#undef IN_DOUBLE

#endif
