/* SPDX-License-Identifier: MIT
 *
 * activation - what networks put between their products; a row each (each_rows.h).
 *
 * Values, kinks and defaults are PyTorch's.  A slope that is not simply said of x and y has its
 * function of ops before the rows.  At the infinities value and slope are their limits, where the
 * formula would give inf 0.
 */
#include "autograd/ops/each_rows.h"

#define SQRT_HALF    0x1.6a09e667f3bcdp-1
#define SQRT_2_PI    0x1.9884533d43651p-1       /* sqrt(2 / pi) */
#define SELU_SCALE   1.0507009873554804934193349852946
#define SELU_ALPHA   1.6732632423543772848170429916717

#ifdef SP_RECORDS
/* x where a slope may still change; beyond, it is 0 or 1 to the last bit, and squares of x would
   overflow.  NaN stays, and its slope with it. */
static sp_var bounded(sp_var x)
{
    sp_var lo = sp_number(x, -1000), hi = sp_number(x, 1000);
    return sp_where(sp_greater(x, hi), hi, sp_where(sp_less(x, lo), lo, x));
}

/* Phi(x) + x phi(x), of the normal distribution and its density. */
static sp_var gelu_slope(sp_var x)
{
    x = bounded(x);
    sp_var half = sp_scale(sp_erf(sp_scale(x, SQRT_HALF)), .5);
    sp_var density = sp_scale(sp_exp(sp_scale(sp_square(x), -.5)), .5 * SQRT_2_PI);

    return sp_add(sp_shift(half, .5), sp_mul(x, density));
}

/* y = x (1 + t) / 2, t = tanh(u), u = a (x + .044715 x^3) */
static sp_var gelu_tanh_slope(sp_var x)
{
    x = bounded(x);
    sp_var square = sp_square(x);
    sp_var t = sp_tanh(sp_mul(x, sp_scale(sp_shift(sp_scale(square, .044715), 1), SQRT_2_PI)));
    sp_var du = sp_scale(sp_shift(sp_scale(square, 3 * .044715), 1), SQRT_2_PI);
    sp_var by_t = sp_mul(sp_mul(x, sp_one_minus(sp_square(t))), du);

    return sp_scale(sp_add(sp_shift(t, 1), by_t), .5);
}

/* s + x s (1 - s), s = sigmoid(x) */
static sp_var silu_slope(sp_var x)
{
    x = bounded(x);
    sp_var s = sp_sigmoid(x);
    return sp_mul(s, sp_shift(sp_mul(x, sp_one_minus(s)), 1));
}

/* t + x (1 - t^2) sigmoid(x), t = tanh(softplus(x)) */
static sp_var mish_slope(sp_var x)
{
    x = bounded(x);
    sp_var t = sp_tanh(sp_softplus(x, 1, 20));
    return sp_add(t, sp_mul(sp_mul(x, sp_one_minus(sp_square(t))), sp_sigmoid(x)));
}

static sp_var softplus_by_x(sp_var g, sp_var x, double beta, double threshold)
{
    sp_var steep = sp_scale(x, beta);
    return sp_where(sp_greater(steep, sp_number(x, threshold)), g, sp_mul(g, sp_sigmoid(steep)));
}

/* g c above 0, else g times the slope there. */
static sp_var by_side(sp_var g, sp_var x, double c, sp_var below)
{
    return sp_mul(g, sp_where(sp_greater(x, sp_number(x, 0)), sp_number(x, c), below));
}

/* That of c (e^x - 1), by x itself: y + c would cancel on the left. */
static sp_var elu_slope(sp_var x, double c)
{
    sp_var zero = sp_number(x, 0);
    return sp_scale(sp_exp(sp_where(sp_greater(x, zero), zero, x)), c);
}

static sp_var between(sp_var x, double lo, double hi)
{
    return sp_mul(sp_greater(x, sp_number(x, lo)), sp_less(x, sp_number(x, hi)));
}
#endif

/* log(1 + e^x), which neither overflows nor loses the tail. */
#define SOFTPLUS(x) (vselect((x) > ZERO, (x), ZERO) + vlog1p(vexp(-vabs(x))))

/* tanh(softplus(x)) = n / (n + 2), n = e^x (e^x + 2); 1 from 20 on. */
#define MISH_N(e) ((e) * ((e) + vset(x, 2)))
#define MISH(n)   vselect(x > vset(x, 20), x, x * ((n) / ((n) + vset(x, 2))))

/* What fades out on the left: there x is too far for the value to be anything but -0, and -inf
   times 0 would be NaN. */
#define FADES(value) vselect(x < vset(x, -1000), -ZERO, value)

UNARY( gelu, FADES(vset(x, .5) * x * (ONE + verf(x * vset(x, SQRT_HALF)))),
       x / 2 * (1 + erf(x / sqrt(2))), sp_mul(g, gelu_slope(x)), -4, 4, )

UNARY( gelu_tanh,
       FADES(vset(x, .5) * x
             * (ONE + vtanh(x * (vset(x, SQRT_2_PI) * (ONE + vset(x, .044715) * x * x))))),
       x / 2 * (1 + tanh(sqrt(2 / acos(-1)) * (x + .044715 * x * x * x))),
       sp_mul(g, gelu_tanh_slope(x)), -4, 4, )

UNARY( silu, FADES(x * vsigmoid(x)), x / (1 + exp(-x)), sp_mul(g, silu_slope(x)), -4, 4, )

UNARY( mish, FADES(MISH(MISH_N(vexp(x)))), x * tanh(log1p(exp(x))), sp_mul(g, mish_slope(x)), -4, 4,
       { .in = "5", 18, 22 }, )

UNARY( selu,
       vset(x, SELU_SCALE) * vselect(x > ZERO, x, vset(x, SELU_ALPHA) * vexpm1(x)),
       SELU_SCALE * (x > 0 ? x : SELU_ALPHA * expm1(x)),
       by_side(g, x, SELU_SCALE, elu_slope(x, SELU_SCALE * SELU_ALPHA)), .1, 4, BELOW )

UNARY_WITH( elu, "x > 0 ? x : alpha (e^x - 1)", (.5),
       vselect(x > ZERO, x, vset(x, s[0]) * vexpm1(x)), x > 0 ? x : s[0] * expm1(x),
       by_side(g, x, 1, elu_slope(x, s[0])), .1, 4, { .in = "5", -4, -.1, .scalar = { 1.5 } }, )

UNARY_WITH( leaky_relu, "x > 0 ? x : slope x", (.1),
       vselect(x > ZERO, x, vset(x, s[0]) * x), x > 0 ? x : s[0] * x,
       by_side(g, x, 1, sp_number(x, s[0])), .1, 4, { .in = "5", -4, -.1, .scalar = { -.2 } }, )

UNARY_WITH( softplus, "beta x > threshold ? x : log(1 + e^(beta x)) / beta", (2, 12),
       vselect(x * vset(x, s[0]) > vset(x, s[1]), x, SOFTPLUS(x * vset(x, s[0])) / vset(x, s[0])),
       x * s[0] > s[1] ? x : log1p(exp(x * s[0])) / s[0],
       softplus_by_x(g, x, s[0], s[1]), -4, 4, { .in = "5", 4, 6, .scalar = { 3, 9 } }, )

/* Slope 1/6 between -3 and 3, 0 from there on. */
UNARY_IN( hard_sigmoid, (0, 1), vselect(x < vset(x, -3), ZERO, vselect(x > vset(x, 3), ONE,
                                                            (x + vset(x, 3)) / vset(x, 6))),
       fmin(fmax(x + 3, 0), 6) / 6,
       sp_where(between(x, -3, 3), sp_scale(g, 1. / 6), sp_number(x, 0)), -2.9, 2.9,
       { .in = "5", 3.1, 5 }, { .in = "5", -5, -3.1 }, )

#ifdef SP_RECORDS
sp_var sp_elu(sp_var x, double alpha) { return sp_apply(&sp__op_elu, 1, &x, NULL, &alpha); }

sp_var sp_leaky_relu(sp_var x, double slope)
{
    return sp_apply(&sp__op_leaky_relu, 1, &x, NULL, &slope);
}

sp_var sp_softplus(sp_var x, double beta, double threshold)
{
    char text[SP_SHAPE_TEXT];

    if (!(beta > 0))
        return sp_tape_fail(x.tape, "softplus: %s: its beta %g is not above 0",
                            sp_shape_text(sp_var_shape(x), text), beta);
    return sp_apply(&sp__op_softplus, 1, &x, NULL, (double[]){ beta, threshold });
}
#endif
