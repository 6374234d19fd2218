/* SPDX-License-Identifier: MIT
 *
 * trace_parts.h - numbers that a trace is made of (internal; trace_jacobian.c).
 */
#ifndef SP_TRACE_PARTS_H
#define SP_TRACE_PARTS_H

#include "autograd/tape.h"

/* The 2-norm of elements [first, first + n), however large or small they are. */
double sp__norm_of(const sp_tensor *, int64_t first, int64_t n);

/* Bools [T,B] or NULL (all), and a step: for which samples it counts. */
typedef struct sp_counted { const sp_tensor *valid; int64_t t; } sp_counted;
bool sp__counts(sp_counted, int64_t sample);

/* The largest singular value of a sample's d(to)/d(from), both n states of [B,...], by as many
   iterations at most.  Of the samples that count; NaN if there are none.  False: the tape has
   failed. */
bool sp__jacobian_norm(int n, const sp_var to[], const sp_var from[], sp_counted, int iterations,
                       double *sigma);

#endif
