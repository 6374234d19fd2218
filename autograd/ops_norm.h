/* SPDX-License-Identifier: MIT
 *
 * ops_norm.h - layer, batch and group normalization (part of ops.h).
 */
#ifndef SP_OPS_NORM_H
#define SP_OPS_NORM_H

#include "autograd/ops.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Elements are brought to mean 0 and variance 1 in groups, then y = gamma (...) + beta.  The
   variance is over n, not n - 1.  gamma and beta may be {0} for none; PyTorch's eps is 1e-5.
   Groups of no elements give nothing; one NaN makes its group NaN, and no other.  Elements are
   squared in the dtype: from about 1e19 on in f32, and 1e154 in f64, squares are infinite and
   the result is 0. */

/* Groups: the last `axes` axes; gamma and beta have their shape. */
SP_API sp_var sp_layer_norm(sp_var x, int axes, sp_var gamma, sp_var beta, double eps);

/* gamma x / sqrt(mean x^2 + eps) over the last axes: no mean is taken off. */
SP_API sp_var sp_rms_norm(sp_var x, int axes, sp_var gamma, double eps);

/* x [N,C,...]: groups of C / groups channels of one n; gamma and beta [C].  With as many groups as
   channels it is PyTorch's instance norm. */
SP_API sp_var sp_group_norm(sp_var x, int64_t groups, sp_var gamma, sp_var beta, double eps);

/* x [N,C,...]: groups are the channels, over all n; gamma and beta [C].  That is training; in
   evaluation mean and var [C] are given.  The batch's own, for running averages, are sp_mean_axes
   and the mean of squared deviations over all axes but 1. */
SP_API sp_var sp_batch_norm(sp_var x, sp_var gamma, sp_var beta, double eps);
SP_API sp_var sp_batch_norm_given(sp_var x, sp_var mean, sp_var var, sp_var gamma, sp_var beta,
                                  double eps);

#ifdef __cplusplus
}
#endif
#endif
