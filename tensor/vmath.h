/* SPDX-License-Identifier: MIT
 *
 * vmath.h - elementary functions of vectors (internal), the same source for every
 * instruction set and our own, so that bits do not depend on libm.
 *
 *   vexp(x) vlog(x) vtanh(x) vsigmoid(x)        of vf32 and vf64
 *
 * At most 4 ulp everywhere (tests/test_vmath.c shows the worst found), results
 * below the smallest normal excepted.  NaN gives NaN; infinities and zeros give what the
 * limits are: exp(-inf) = 0, log(0) = -inf, log(x < 0) = NaN, tanh(-0) = -0, ...
 */
#ifndef SP_VMATH_H
#define SP_VMATH_H

#include <math.h>

#include "tensor/vec.h"

#define vexp(x)     SP__BY_FLOAT(x, vexp)(x)
#define vlog(x)     SP__BY_FLOAT(x, vlog)(x)
#define vtanh(x)    SP__BY_FLOAT(x, vtanh)(x)
#define vsigmoid(x) SP__BY_FLOAT(x, vsigmoid)(x)

/* What depends on the width.  The polynomials are the best in the relative sense,
   found by exchange (Remez) in 200 bits:
   exp_more: (e^r - 1 - r) / r^2 for |r| <= ln 2 / 2
   log_more: (2 atanh(s) / s - 2) / s^2 in s^2, for |s| <= (sqrt 2 - 1) / (sqrt 2 + 1) */
#define T     float
#define V     vf32
#define M     vi32
#define U     vu32
#define BY(f) f##_vf32
enum { BY(mantissa) = 23, BY(bias) = 127 };
static const double BY(exp_least) = -104, BY(exp_most) = 89, BY(tanh_flat) = 10;
static const double BY(smallest) = 0x1p-126;
static const double BY(ln2_hi) = 0x1.62e4p-1, BY(ln2_lo) = 0x1.7f7d1cf79abcap-20;
static const double BY(exp_more)[] = {
    0x1.fffffcp-2, 0x1.555492p-3, 0x1.5558eep-5, 0x1.1239d4p-7, 0x1.6a25f4p-10,
};
static const double BY(log_more)[] = { 0x1.555554p-1, 0x1.999a78p-2, 0x1.243924p-2, 0x1.e2eddcp-3 };
#include "tensor/vmath_body.h"

#define T     double
#define V     vf64
#define M     vi64
#define U     vu64
#define BY(f) f##_vf64
enum { BY(mantissa) = 52, BY(bias) = 1023 };
static const double BY(exp_least) = -746, BY(exp_most) = 710, BY(tanh_flat) = 20;
static const double BY(smallest) = 0x1p-1022;
static const double BY(ln2_hi) = 0x1.62e42fefp-1, BY(ln2_lo) = 0x1.473de6af278edp-34;
static const double BY(exp_more)[] = {
    0x1.0000000000009p-1,  0x1.55555555554fbp-3,  0x1.5555555550af9p-5,  0x1.1111111127b93p-7,
    0x1.6c16c183bfa91p-10, 0x1.a01a0129adfa3p-13, 0x1.a0199af1a2389p-16, 0x1.71df27dcd0e66p-19,
    0x1.28acc6de7c7b5p-22, 0x1.ad7a66754247ep-26,
};
static const double BY(log_more)[] = {
    0x1.555555555558fp-1, 0x1.9999999980ae9p-2, 0x1.249249415d16fp-2, 0x1.c71c526c8225fp-3,
    0x1.74662dc1a18dfp-3, 0x1.39a3352cb99c9p-3, 0x1.2ef88add3663cp-3,
};
#include "tensor/vmath_body.h"

#endif
