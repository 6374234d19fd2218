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

/* ---- products: of nothing 1; slopes of any order are right where x is 0 ---- */
SP_API sp_var sp_prod(sp_var x);
SP_API sp_var sp_prod_axes(sp_var x, sp_axes, bool keep);

/* ---- norms: (sum |x|^p)^(1/p) for any p > 0; p = INFINITY is the largest |x|; of nothing 0 ----
   Huge and tiny elements neither overflow nor vanish on the way.  At an element that is 0 the slope
   is 0, also where there is none (p <= 1, or all are 0), and so is a higher one that does not
   exist or is infinite; p = INFINITY shares its slope evenly among ties. */
SP_API sp_var sp_norm(sp_var x, double p, sp_axes, bool keep);

/* ---- spread: sum (x - mean)^2 / (n - correction), and its root ----
   `correction` is 1 as a rule (PyTorch's), 0 for a whole population.  Where n - correction is not
   above 0 both are NaN.  The slope of sp_std where all of a group are equal is 0. */
SP_API sp_var sp_variance(sp_var x, sp_axes, double correction, bool keep);
SP_API sp_var sp_std     (sp_var x, sp_axes, double correction, bool keep);

/* ---- bool: whether any is true (of nothing: no), whether all are (of nothing: yes) ---- */
SP_API sp_var sp_any(sp_var x);
SP_API sp_var sp_all(sp_var x);
SP_API sp_var sp_any_axes(sp_var x, sp_axes, bool keep);
SP_API sp_var sp_all_axes(sp_var x, sp_axes, bool keep);

/* ---- running sums and products along an axis; y has x's shape, which may be empty.  NaN stays
   from where it is met ---- */
typedef struct sp_running {
    bool reverse;                 /* from the last to the first */
    bool exclusive;               /* without the element itself: y_0 is 0, or 1 */
} sp_running;

SP_API sp_var sp_cumsum (sp_var x, int axis);          /* y_k = x_0 + ... + x_k */
SP_API sp_var sp_cumprod(sp_var x, int axis);          /* y_k = x_0 ... x_k; as prod where x is 0 */
SP_API sp_var sp_cumsum_with (sp_var x, int axis, sp_running);
SP_API sp_var sp_cumprod_with(sp_var x, int axis, sp_running);

/* ---- order along an axis; any dtype ----
   NaN is the largest; equal elements keep their order, whichever way is sorted.  The slope of a
   value goes to the element that it is. */
SP_API sp_var sp_argsort(sp_var x, int axis, bool descending);  /* i64: y = x[sp_argsort(x)] */
SP_API sp_var sp_sort   (sp_var x, int axis, bool descending);

/* The k largest (or smallest), the best first, and where they are; either may be NULL.  False
   after a failure: k < 0 or more than there are. */
SP_API bool sp_topk(sp_var x, int64_t k, int axis, bool smallest, sp_var *values,
                    sp_var *indices);

/* The middle one along the axis, which goes: of an even number the lower of two, as PyTorch's.
   NaN if there is one. */
SP_API sp_var sp_median(sp_var x, int axis);

#ifdef __cplusplus
}
#endif
#endif
