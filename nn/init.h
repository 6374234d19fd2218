/* SPDX-License-Identifier: MIT
 *
 * init.h - how parameters begin.
 *
 * Recipes for sp_params_add and for the options of layers.  For a weight of shape
 * [out, in, rest...], fan_in = in rest and fan_out = out rest; recipes that need them refuse
 * fewer than two axes.  The usual gain g is 1; for the nonlinearity behind the weight: tanh 5/3,
 * relu sqrt(2), sigmoid 1.
 */
#ifndef SP_INIT_H
#define SP_INIT_H

#include "autograd/params.h"

#ifdef __cplusplus
extern "C" {
#endif

SP_API sp_init sp_init_constant(double c);
SP_API sp_init sp_init_uniform (double lo, double hi);           /* U[lo, hi) */
SP_API sp_init sp_init_normal  (double mean, double std);        /* N(mean, std^2) */

/*  xavier_uniform    U(-a, a), a = g sqrt(6 / (fan_in + fan_out))
    xavier_normal     std = g sqrt(2 / (fan_in + fan_out))
    kaiming_uniform   U(-a, a), a = g sqrt(3 / fan_in)
    kaiming_normal    std = g / sqrt(fan_in)
    lecun_normal      variance 1 / fan_in, cut at two deviations */
SP_API sp_init sp_init_xavier_uniform (double gain);
SP_API sp_init sp_init_xavier_normal  (double gain);
SP_API sp_init sp_init_kaiming_uniform(double gain);
SP_API sp_init sp_init_kaiming_normal (double gain);
SP_API sp_init sp_init_lecun_normal   (void);

/* g Q: the first axis as rows, all others as columns; rows orthonormal, or columns
   where there are more rows.  Q is that of QR of a normal matrix with diag(R) > 0. */
SP_API sp_init sp_init_orthogonal(double gain);

#ifdef __cplusplus
}
#endif
#endif
