/* SPDX-License-Identifier: MIT
 *
 * ops_random.h - random numbers on the tape (part of ops.h).
 */
#ifndef SP_OPS_RANDOM_H
#define SP_OPS_RANDOM_H

#include "autograd/ops.h"

#ifdef __cplusplus
extern "C" {
#endif

/* A shape filled with numbers, f32 or f64: a function of the tape's seed and step, the scope, the
   count of draws in it, and the element; the same on every machine.  sp_tape_reset goes on to
   other numbers, sp_tape_set_step back to these. */
SP_API sp_var sp_normal   (sp_tape *, sp_dtype, sp_shape, double mean, double std);
SP_API sp_var sp_uniform  (sp_tape *, sp_dtype, sp_shape, double lo, double hi);  /* [lo, hi) */
SP_API sp_var sp_bernoulli(sp_tape *, sp_dtype, sp_shape, double p);  /* 1 with p, else 0 */

/* y[i] = 1 with probability p[i], else 0; a p outside [0,1] is an error when evaluated.  No
   gradient. */
SP_API sp_var sp_bernoulli_of(sp_var p);

#ifdef __cplusplus
}
#endif
#endif
