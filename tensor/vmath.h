/* SPDX-License-Identifier: MIT
 *
 * vmath.h - elementary functions of vectors (internal), the same source for every
 * instruction set and our own, so that bits do not depend on libm.
 *
 *   vexp(x) vlog(x) vtanh(x) vsigmoid(x) vexpm1(x) vlog1p(x) verf(x) vsin(x) vcos(x)
 *   vround(x) vfloor(x)                         exact; a half goes to the even neighbor
 *
 * of vf32 and vf64.  At most 4 ulp for every x, angles of any size included (tests/test_vmath.c
 * shows the worst found), results below the smallest normal excepted.  An element's bits depend
 * neither on its place nor on its neighbors.  NaN gives NaN; infinities and zeros give what the
 * limits are: exp(-inf) = 0, log(0) = -inf, log(x < 0) = NaN, tanh(-0) = -0, sin(inf) = NaN, ...
 */
#ifndef SP_VMATH_H
#define SP_VMATH_H

#include <math.h>

#include "tensor/vec.h"

#define vexp(x)     SP__BY_FLOAT(x, vexp)(x)
#define vlog(x)     SP__BY_FLOAT(x, vlog)(x)
#define vtanh(x)    SP__BY_FLOAT(x, vtanh)(x)
#define vsigmoid(x) SP__BY_FLOAT(x, vsigmoid)(x)
#define vexpm1(x)   SP__BY_FLOAT(x, vexpm1)(x)
#define vlog1p(x)   SP__BY_FLOAT(x, vlog1p)(x)
#define verf(x)     SP__BY_FLOAT(x, verf)(x)
#define vsin(x)     SP__BY_FLOAT(x, vsin)(x)
#define vcos(x)     SP__BY_FLOAT(x, vcos)(x)
#define vround(x)   SP__BY_FLOAT(x, vround)(x)
#define vfloor(x)   SP__BY_FLOAT(x, vfloor)(x)

/* What depends on the width.  The polynomials are the best in the relative sense,
   found by exchange (Remez) in 200 bits:
   exp_more: (e^r - 1 - r) / r^2 for |r| <= ln 2 / 2
   log_more: (2 atanh(s) / s - 2) / s^2 in s^2, for |s| <= (sqrt 2 - 1) / (sqrt 2 + 1)
   erf_near: erf(x) / x - 1 in x^2, for |x| <= 1
   erf_far:  -log(1 - erf(1 + t)), 0 <= t <= erf_flat, in the measure of erf; then erf is 1 */
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
static const double BY(erf_flat) = 3;
static const double BY(erf_near)[] = {
    0x1.06eba8p-3, -0x1.81273ep-2, 0x1.ce2cf8p-4, -0x1.b7f910p-6, 0x1.5405bep-8, -0x1.a3f71ep-11,
    0x1.496a12p-14,
};
static const double BY(erf_far)[] = {
    0x1.d97fc0p+0, 0x1.51c9aap+1, 0x1.afad1cp-1, 0x1.53ff1ep-5, -0x1.4440f8p-7, 0x1.df8ec2p-10,
    -0x1.86db08p-13,
};
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
static const double BY(erf_flat) = 5;
static const double BY(erf_near)[] = {
    0x1.06eba8214db68p-3,   -0x1.812746b0379bdp-2,  0x1.ce2f21a040d21p-4,  -0x1.b82ce311fab53p-6,
    0x1.565bccf92e7d5p-8,   -0x1.c02db03e37165p-11, 0x1.f9a2baaf9722dp-14, -0x1.f4ca4db647d68p-17,
    0x1.b97fd59cfdd1cp-20,  -0x1.5c072cba06487p-23, 0x1.d71b19e4e24d1p-27, -0x1.abae1f46dadcep-31,
};
static const double BY(erf_far)[] = {
    0x1.d97fbf27aa2a1p+0,   0x1.51c9b0006c21ep+1,   0x1.afabc11a2acf2p-1,  0x1.5477f099ef423p-5,
    -0x1.48c9d38892fb0p-7,  0x1.033f5ae3ca437p-9,   -0x1.f1b07c615d054p-13, -0x1.b929ce5c14e55p-16,
    0x1.c84b43c0b9813p-16,  -0x1.4470def32d793p-17, 0x1.1dd93e373949ap-19, -0x1.b47cef0a7abeap-23,
    -0x1.f9384456d29d8p-25, 0x1.216579e79b918p-25,  -0x1.275fe9bdb1199p-27, 0x1.6e467c63b57c5p-30,
    -0x1.096a5677ce792p-33, 0x1.5ac6909a7a0f1p-38,
};
#include "tensor/vmath_body.h"
#include "tensor/vmath_angle.h"

#endif
