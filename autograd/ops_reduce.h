/* SPDX-License-Identifier: MIT
 *
 * ops_reduce.h - reductions, running sums and products, order (part of ops.h).
 */
#ifndef SP_OPS_REDUCE_H
#define SP_OPS_REDUCE_H

#include "autograd/ops.h"

#ifdef __cplusplus
extern "C" {
#endif

/* ---- the smallest: as sp_max and sp_argmax, NaN beats any number, ties share evenly ---- */
SP_API sp_var sp_min(sp_var x);
SP_API sp_var sp_min_axes(sp_var x, sp_axes, bool keep);
SP_API sp_var sp_argmin(sp_var x, int axis);           /* i64: the index of the first smallest */

#ifdef __cplusplus
}
#endif
#endif
