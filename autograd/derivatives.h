/* SPDX-License-Identifier: MIT
 *
 * derivatives.h - products with Jacobians and Hessians, and these matrices whole.
 *
 * All of it is recorded as ordinary ops: nothing is computed until asked, every result
 * can be differentiated again, and no op has a rule for it beyond its vjp.  x may be any
 * floating vars, leaves or not; what y does not depend on counts with zeros that take
 * no memory.  After a failure each function returns false (or nothing), the tape has
 * the sentence, and every out[] is nothing.
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
   grow with the number of steps: each tangent is computed as soon as what it reads is there. */
SP_API bool sp_jvp(int n_y, const sp_var y[], int n_x, const sp_var x[], const sp_var v[],
                   sp_var out[]);

#ifdef __cplusplus
}
#endif
#endif
