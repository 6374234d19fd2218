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
    bool          quiet;             /* no hooks are called, and no names lead to its gradients */
} sp_asked;
/* False after a failure; then every out[i] is nothing. */
bool sp__sweep(const sp_asked *, int n, const sp_var wrt[], sp_var out[]);

/* What the rule gives operand k, with broadcasting undone; nothing, and the tape has failed, if it
   does not fit the operand (compose.c). */
sp_var sp__of_operand(const sp_pullback *, int k, sp_var g);

/* sp_grad; but a zero only if `zeros` says so. */
bool sp__gradients(sp_var y, int n, const sp_var wrt[], sp_var out[], const sp_grad_spec *,
                   bool zeros);

/* What the hooks of node id, if any, make of its gradient g (hook.c). */
sp_var sp__run_hooks(sp_tape *, uint32_t id, sp_var g);

/* sp_vjp and sp_jvp that hold the first n_stop of x as independent: what one of them is to another
   on the tape takes no part. */
bool sp__vjp(int n_y, const sp_var y[], const sp_var u[], int n_x, const sp_var x[], int n_stop,
             sp_var out[]);
bool sp__jvp(int n_y, const sp_var y[], int n_x, const sp_var x[], int n_stop, const sp_var v[],
             sp_var out[]);

/* What is said where an op without a vjp is the slope_of another. */
#define SP_NO_SECOND "second derivative of %s is not implemented"

/* ---- what the functions of derivatives.h have alike; `who` is their name for sentences ---- */

/* The tape of y[0].  NULL: n_y or n_x is no count, or there is no tape; that is told. */
sp_tape *sp__tape_of(const char *who, int n_y, const sp_var y[], int n_x);

/* Whether each b[i] can stand beside its floating a[i]; names: what they are called.  False: the
   tape failed: "jvp: v[0] is f32[2] and x[0] is f64[2]". */
bool sp__fit(sp_tape *, const char *who, const char names[2], int n, const sp_var a[],
             const sp_var b[]);

/* Makes every out[i] nothing.  Returns false. */
bool sp__all_nothing(sp_tape *, int n, sp_var out[]);

#endif
