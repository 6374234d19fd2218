/* SPDX-License-Identifier: MIT
 *
 * grad.h - the reverse sweep (internal).
 */
#ifndef SP_GRAD_H
#define SP_GRAD_H

#include "autograd/node.h"

/* One sweep: the gradient of the sum of <y[k], seed[k]> over n pairs, n at least 1. */
typedef struct sp_asked {
    const char   *who;               /* for sentences: "grad" */
    int           n;
    const sp_var *y, *seed;
    int           n_stop;
    const sp_var *stop;
    bool          zeros;             /* where no y depends on wrt[i], out[i] is a zero; otherwise
                                        no var at all */
} sp_asked;
bool sp__sweep(const sp_asked *, int n, const sp_var wrt[], sp_var out[]);

/* g, of a broadcast operand's gradient, brought back to the operand's shape (compose.c). */
sp_var sp__unbroadcast(sp_var g, sp_shape x);

/* sp_grad; but a zero only if `zeros` says so. */
bool sp__gradients(sp_var y, int n, const sp_var wrt[], sp_var out[], const sp_grad_spec *,
                   bool zeros);

#endif
