/* The numbers of bottleneck.py, which says what they are for, as the compiler is to know them. */
#ifndef VARINF_BOTTLENECK_H
#define VARINF_BOTTLENECK_H

#define VI_TINY 1e-300
#define VI_LOG_TINY (-690.77552789821370521) /* its logarithm */
#define VI_LEAST 1e-100
#define VI_MOST 1e100
#define VI_ROUNDING 1e-30
#define VI_RIDGE 1e-9

#endif
