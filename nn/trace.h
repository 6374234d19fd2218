/* SPDX-License-Identifier: MIT
 *
 * trace.h - what happens along time: the numbers of one run of a cell, step by step.
 *
 * For any cell run by sp_unroll or sp_rnn_run, a user's as well.  Norms are 2-norms over the whole
 * state [B, ...].  For every step t:
 *
 *     state[k]   |s_t|               of state k after step t
 *     grad[k]    |dL/ds_t|           how much of the loss still reaches it, by every path (that by
 *                                    c_t of an LSTM includes what comes through h_t); 0 in rows
 *                                    whose step does not count
 *     jacobian   |ds_t/ds_{t-1}|     largest singular value, all states together, each of them
 *                                    independent; over a batch, the largest of any sample.
 *                                    Above 1 gradients may explode, below 1 they vanish
 *     share[w]   |dW_t| / sum_t |dW_t|        what step t has of the gradient of weight w
 *     full[g]    share of the elements of a bounded result (a gate) that lie within `edge` of the
 *                width from its bounds: of sigmoid below .05 or above .95
 *
 * Padding (lengths, mask) counts for neither jacobian nor full, which are NaN in a step without any
 * sample.  A Jacobian is estimated from below: more `iterations` come nearer, and it ends early
 * where every sample stands still.  The usual 50 give 4 digits, fewer where a sample's two largest
 * singular values are nearly the same (3 of 1 and .999).  Samples are taken to be apart in a step;
 * of a cell that mixes them (a norm over the batch) it tells how long the gradient by one sample
 * may become if that by every sample had length 1.
 *
 * Shares are of the parameters that the steps read themselves.  One that was changed before the run
 * (transposed, normalised) has no row, nor has one that the loss does not reach.
 *
 * Cost: the forward and the backward pass with all values kept until reset or the end of this
 * call, and one product per weight and step; the Jacobians, if asked for, up to
 * `iterations` times a jvp and a vjp of each step, recorded and forgotten one at a time.
 * A gradient hook runs once more, for the gradients and not for the Jacobians; what it is handed
 * then is taken back.
 */
#ifndef SP_TRACE_H
#define SP_TRACE_H

#include "nn/cell.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Zero means the usual everywhere. */
typedef struct sp_trace_spec {
    const char *scope;          /* of the run, or its end: "lstm/layer 0"; usual: the only one */
    int         iterations;     /* most of the power iteration; usual 50; SP_ZERO: no Jacobians */
    double      edge;           /* usual .05 */
} sp_trace_spec;

/* Arrays of T numbers by time, also where time ran down. */
typedef struct sp_trace {
    int64_t      T;
    int          n_states, n_weights, n_gates;
    const char **state_name, **weight_name, **gate_name;
    double     **state, **grad, **share, **full;
    double      *jacobian;      /* NULL if not asked for */
} sp_trace;

/* The last run before now, and the gradient of a loss of one element.  The tape is afterwards as
   it was, but values that were computed stay, and sp_stats counts the evaluations.  Yours.  NULL
   after a failure: see sp_error(). */
SP_API sp_trace *sp_trace_new(sp_var loss, const sp_trace_spec *);
SP_API void      sp_trace_free(sp_trace *);

/* A row per step, with a header.  The text is yours (sp_release). */
SP_API char *sp_trace_csv(const sp_trace *);

#ifdef __cplusplus
}
#endif
#endif
