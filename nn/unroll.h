/* SPDX-License-Identifier: MIT
 *
 * unroll.h - run a cell along time.
 *
 * T is time, B the batch.  Every step is recorded, so backpropagation through time is
 * the tape's ordinary backward pass.  Lengths, masks and resets are data: every batch of the
 * same T and B records the same structure.
 *
 * With valid_t = mask_t and t < length:
 *     x_t      <-  x_t where valid_t, else 0             (so padding may hold anything, NaN too)
 *     s_{t-1}  <-  start where reset_t and valid_t       (the cell's, not the run's initial state)
 *     y_t, s_t  =  step(x_t, s_{t-1}) where valid_t, else 0, s_{t-1}
 * In reverse, time runs down, and a reset at t is met between t and t-1: no state crosses it in
 * either direction.  Before t = 0 there is nothing, so in reverse a reset there has no effect.
 *
 * So any batch with lengths and resets equals its segments run alone, forward and in gradients;
 * a row of length 0 has outputs 0 and ends in the state it began with.
 */
#ifndef SP_UNROLL_H
#define SP_UNROLL_H

#include "nn/cell.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct sp_carry sp_carry;     /* carry.h */

/* What is kept for the backward pass.  The rest is computed again in parts, and the gradients
   are the same bits (regions, tape.h; those of a higher order differ by rounding): about a third
   more time, and in sp_backward memory for one part at a time and the states between parts. */
typedef enum sp_checkpoint_kind {
    SP_KEEP_ALL,           /* every step */
    SP_EVERY,              /* the state after every n steps */
    SP_SQRT,               /* the same for n = sqrt(T) */
    SP_BUDGET              /* as many steps as n bytes allow; nothing twice if that is all */
} sp_checkpoint_kind;

typedef struct sp_checkpoint {
    sp_checkpoint_kind kind;
    int64_t n;             /* a budget is of what the run's values take in sp_backward, each cell of
                              a stack having its share; parameters' gradients, x and y come on
                              top.  It is met by an estimate from above; where no parts are small
                              enough, the tape fails and says how much it would take */
} sp_checkpoint;

/* Zero is the usual everywhere: the cell's start, the full length, forwards. */
typedef struct sp_run {
    sp_carry *carry;       /* begin where it stands; the states that it will take are kept */
    int64_t   keep_at;     /* with a carry, forwards: the state after so many steps is kept too */
    sp_state  initial;     /* begin here: [B, ...], or [1, ...] for all samples; not with a carry */
    sp_var    lengths;     /* [B] of i32 or i64, 0 <= length <= T (checked where it is data) */
    sp_var    mask;        /* [T,B]: steps to use; bool, or a number that is not 0 */
    sp_var    reset;       /* [T,B]: a segment begins here; bool, or a number that is not 0 */
    bool      reverse;
    sp_checkpoint checkpoint;
    sp_gradient_hook *hook;  /* attached to every state of every step, as that step leaves it: rows
                                that do not count go past it, and the gradient that it meets there
                                is 0.  A state that is older than the step, or another one as well,
                                is a view there, with a gradient of its own */
    void     *hook_data;
} sp_run;

typedef struct sp_seq {
    sp_var   y;            /* [T,B, output...], 0 where a step does not count */
    sp_state last;         /* after the last step; in reverse after t = 0 */
    sp_state each;         /* after every step: [T,B, state...]; computed only if asked for */
    sp_state kept;         /* after keep_at steps of a run with a carry, as in `last`; else n = 0 */
    int64_t  kept_at;
    bool     reverse;      /* time ran down */
} sp_seq;

/* x [T,B, input...]; run may be NULL.  T = 0 gives y [0,B,...] and the state at the beginning, as
   lengths of 0 do; B = 0 is legal.  Gradients through no step are 0, or absent where none was used.
   After a failure every var of the result is nothing. */
SP_API sp_seq sp_unroll(const sp_cell *, sp_var x, const sp_run *run);

#ifdef __cplusplus
}
#endif
#endif
