/* SPDX-License-Identifier: MIT
 *
 * ops_pointwise.h - functions of one number and of two, element by element (part of ops.h).
 */
#ifndef SP_OPS_POINTWISE_H
#define SP_OPS_POINTWISE_H

#include "autograd/ops.h"

#ifdef __cplusplus
extern "C" {
#endif

/* At NaN, the infinities and zeros these, and their like in ops.h, give what the limits are, and
   NaN where there is none (sin inf).  NaN gives NaN, sign included; but x^0 = 1^y = 1.  Comparisons
   with NaN are false but for sp_not_equal.  A zero keeps its sign where the function is odd.
   Slopes are by the formulas: infinite where the graph is vertical (sqrt 0), 0 where it is cut
   (relu, clamp and hard_sigmoid, of NaN too).  Denormals are read as 0, and results that would be
   denormal are 0 or nearly so; what only picks a number or turns its sign (abs, relu, where, ...)
   keeps them.  tests/test_special.c is the table. */

/* ---- functions of one number ---- */
SP_API sp_var sp_rsqrt(sp_var x);                      /* 1 / sqrt(x) */
SP_API sp_var sp_expm1(sp_var x);                      /* e^x - 1, exact near 0 */
SP_API sp_var sp_log1p(sp_var x);                      /* ln(1 + x), exact near 0 */
SP_API sp_var sp_sin(sp_var x);                        /* any angle, to the last bits */
SP_API sp_var sp_cos(sp_var x);
SP_API sp_var sp_erf(sp_var x);                        /* 2 / sqrt(pi) times e^(-t^2) from 0 to x */
SP_API sp_var sp_floor(sp_var x);                      /* no gradient */
SP_API sp_var sp_round(sp_var x);                      /* a half goes to even; no gradient */

/* ---- activations: PyTorch's values, kinks and slopes; the limits where it has NaN (gelu, silu
   and mish at -inf) ---- */
SP_API sp_var sp_gelu(sp_var x);                       /* x/2 (1 + erf(x / sqrt 2)) */
SP_API sp_var sp_gelu_tanh(sp_var x);  /* x/2 (1 + tanh(sqrt(2/pi) (x + .044715 x^3))) */
SP_API sp_var sp_silu(sp_var x);                       /* x sigmoid(x) */
SP_API sp_var sp_mish(sp_var x);                       /* x tanh(log(1 + e^x)) */
SP_API sp_var sp_selu(sp_var x);                       /* 1.0507 elu(x, 1.6733) */
SP_API sp_var sp_elu(sp_var x, double alpha);          /* x > 0 ? x : alpha (e^x - 1) */
SP_API sp_var sp_leaky_relu(sp_var x, double slope);   /* x > 0 ? x : slope x */
SP_API sp_var sp_hard_sigmoid(sp_var x);  /* (x + 3) / 6 within [0,1]; slope 0 at both ends */

/* log(1 + e^(beta x)) / beta, and x where beta x > threshold; beta > 0.  Usual: 1, 20. */
SP_API sp_var sp_softplus(sp_var x, double beta, double threshold);

/* ---- of two, any dtype but the slopes: equal numbers share the slope evenly ---- */
SP_API sp_var sp_maximum(sp_var a, sp_var b);          /* the larger; NaN if either is */
SP_API sp_var sp_minimum(sp_var a, sp_var b);          /* the smaller; NaN if either is */

/* value where the condition (bool) holds, else x */
SP_API sp_var sp_masked_fill(sp_var x, sp_var condition, double value);

#ifdef __cplusplus
}
#endif
#endif
