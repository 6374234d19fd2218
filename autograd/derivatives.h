/* SPDX-License-Identifier: MIT
 *
 * derivatives.h - products with Jacobians and Hessians, and these matrices whole.
 *
 * All of it is recorded as ordinary ops: nothing is computed until asked, every result
 * can be differentiated again, and no op has a rule for it beyond its vjp.  x may be any
 * floating vars, leaves or not; what y does not depend on counts with zeros that take
 * no memory.  After a failure each function returns false (or nothing), the tape has
 * the sentence, and every out[] is nothing.
 *
 * Every derivative has the dtype of a gradient, that of its x; that of sp_jvp its y's.  Only
 * sp_vjp, a gradient, calls hooks (sp_hook) and notes for names what has come to them (names.h):
 * the others are derivatives of what was recorded, whatever stands by the way.
 */
#ifndef SP_DERIVATIVES_H
#define SP_DERIVATIVES_H

#include "autograd/tape.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Backwards: out[i] = sum over k of (dy[k]/dx[i])^T u[k], of x[i]'s shape, in one sweep.
   u[k] has y[k]'s shape and dtype. */
SP_API bool sp_vjp(int n_y, const sp_var y[], const sp_var u[],
                   int n_x, const sp_var x[], sp_var out[]);

/* Forwards: out[k] = sum over i of dy[k]/dx[i] v[i], of y[k]'s shape; v[i] has x[i]'s shape
   and dtype.  Computed with sp_eval_only, beside the forward pass or after it, its memory does not
   grow with the number of steps: each tangent is computed as soon as what it reads is there.  Of a
   y that has all steps itself, as sp_seq.y, a few values per step stay. */
SP_API bool sp_jvp(int n_y, const sp_var y[], int n_x, const sp_var x[], const sp_var v[],
                   sp_var out[]);

/* out[i] = sum over j of d2y/dx[i]dx[j] v[j]: the Hessian of y, which has one element, times v,
   in two sweeps. */
SP_API bool sp_hvp(sp_var y, int n, const sp_var x[], const sp_var v[], sp_var out[]);

/* dy/dx as [y's axes, x's axes], at most 6 together.  Recorded by as many sweeps as y or x has
   elements, whichever are fewer: for small sizes. */
SP_API sp_var sp_jacobian(sp_var y, sp_var x);

/* d2y/dx2 of a y of one element, as [x's axes, x's axes].  As many sweeps as x has elements. */
SP_API sp_var sp_hessian(sp_var y, sp_var x);

/* The gradient of each sample's loss: out[i] is [B, x[i]'s axes] for losses [B].  As many sweeps
   as samples, each through the whole batch. */
SP_API bool sp_sample_grads(sp_var losses, int n, const sp_var x[], sp_var out[]);

#ifdef __cplusplus
}
#endif
#endif
