/* SPDX-License-Identifier: MIT
 *
 * unary - functions of one number, applied to every element; a row each (each_rows.h).
 */
#include "autograd/ops/each_rows.h"

/*     op          in vectors   in C               gradient by x                           range */
UNARY( exp,        vexp(x),     exp(x),            sp_mul(g, y),                           -4, 4, )
UNARY( log,        vlog(x),     log(x),            sp_div(g, x),                           .1, 9, )
UNARY( sqrt,       vsqrt(x),    sqrt(x),           sp_div(sp_scale(g, .5), y),             .1, 9, )
UNARY( square,     x * x,       x * x,             sp_mul(g, sp_scale(x, 2)),              -4, 4, )
UNARY_IN( tanh,    (-1, 1),
          vtanh(x),    tanh(x),           sp_mul(g, sp_one_minus(sp_square(y))),           -4, 4, )
UNARY_IN( sigmoid, (0, 1),
          vsigmoid(x), 1 / (1 + exp(-x)), sp_mul(g, sp_mul(y, sp_one_minus(y))),           -4, 4, )
UNARY( neg,        -x,          -x,                sp_neg(g),                              -4, 4, )
UNARY( reciprocal, ONE / x,     1 / x,             sp_neg(sp_mul(g, sp_square(y))),        .1, 4, )

UNARY( rsqrt,      ONE / vsqrt(x), 1 / sqrt(x),
       sp_mul(g, sp_mul(sp_scale(y, -.5), sp_square(y))),                                  .1, 9, )
UNARY( expm1,      vexpm1(x),   expm1(x),          sp_mul(g, sp_shift(y, 1)),              -4, 4, )
UNARY( log1p,      vlog1p(x),   log1p(x),          sp_div(g, sp_shift(x, 1)),              -.9, 9, )
UNARY( sin,        vsin(x),     sin(x),            sp_mul(g, sp_cos(x)),                   -9, 9, )
UNARY( cos,        vcos(x),     cos(x),            sp_neg(sp_mul(g, sp_sin(x))),           -9, 9, )

/* The slope is 2 / sqrt(pi) e^(-x^2). */
UNARY_IN( erf, (-1, 1), verf(x), erf(x),
       sp_mul(g, sp_scale(sp_exp(sp_neg(sp_square(x))), 0x1.20dd750429b6dp+0)),            -3, 3, )

/* A negative NaN or zero passes: only what is below 0 is cut.  The slope at 0 is 0. */
UNARY( relu,       vselect(x < ZERO, ZERO, x), x < 0 ? 0 : x,
       sp_where(sp_greater(x, sp_number(x, 0)), g, sp_number(x, 0)), .1, 4,
       { .in = "5", -4, -.1 }, )
UNARY( abs,        vabs(x), fabs(x), sp_mul(g, sp_sign(x)), .1, 4, { .in = "5", -4, -.1 }, )

/* Flat wherever it is smooth, so no gradient passes.  x 0 keeps NaN and the sign of a 0, not a
   denormal, which is read as 0. */
FLAT(  sign,       vselect(x > ZERO, ONE, vselect(x < ZERO, -ONE, x * ZERO)),
       x > 0 ? 1 : x < 0 ? -1 : x, .1, 4, { .in = "5", -4, -.1 }, )
FLAT(  round,      vround(x), nearbyint(x), .6, 9, BELOW { .in = "4", 4503599627370494, 9e15 }, )
FLAT(  floor,      vfloor(x), floor(x),     1, 9,  BELOW { .in = "4", 4503599627370494, 9e15 }, )
