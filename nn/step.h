/* SPDX-License-Identifier: MIT
 *
 * step.h - parts of running a cell that unroll and the stack share (internal).
 */
#ifndef SP_STEP_H
#define SP_STEP_H

#include "nn/unroll.h"

/* How many states are given: n, or where n was left 0, those that are set from v[0] on.  It is
   as the caller says: compare it with the cell's number before any loop. */
int sp__state_given(const sp_state *);

/* Whether so many states were given as the cell has, or none; else the tape has failed. */
bool sp__state_count(const sp_cell *, sp_tape *, int given);

/* What makes the record unusable, as the end of a sentence; NULL: nothing. */
const char *sp__cell_mistake(const sp_cell *);

/* The kind, also where the record has none. */
const char *sp__cell_kind(const sp_cell *);

/* Whether the record can be run; else the tape has failed. */
bool sp__cell_check(const sp_cell *, sp_tape *);

/* State k as [batch, ...]: as it is, or broadcast from one sample; else the tape fails. */
sp_var sp__state_fit(const sp_cell *, int k, sp_var, int64_t batch);

/* Name a state in the scope of its step (names.h); gradients by name are those of `made`. */
void sp__name_states(const sp_cell *, const sp_state *, const sp_state *made);

/* The cell's step, and whether what it made is of the shapes that its record says. */
sp_var sp__cell_step(const sp_cell *, sp_var x, sp_state *);

/* The dtype of zeros where a sequence begins: x's; f32 where x is no floating one. */
sp_dtype sp__state_dtype(sp_var x);

/* Lengths, mask and resets of one run, brought to [T,B] of bool; {0} where not given. */
typedef struct sp_marks {
    sp_var valid;                  /* this step counts */
    sp_var cut;                    /* a segment begins here (implies valid) */
} sp_marks;

/* For x [T,B,...]; false after a failure. */
bool sp__marks(sp_marks *, sp_var x, const sp_run *);

/* How a run begins: from the state, where n > 0; but rows that are fresh ([B] bool, if
   given) and all rows without a state, from the cell's start. */
typedef struct sp_begin {
    sp_state state;
    sp_var   fresh;
    bool     carried;              /* the state may be of a checkpoint of another dtype */
} sp_begin;

/* Set where a run of `owner` (a cell or a stack) on x [T,B,...] begins: begin->state holds the
   carried tensors whole.  False: the carry does not fit, and the tape has failed (carry.c). */
bool sp__carry_begin(const sp_run *, const void *owner, sp_var x, sp_begin *begin);

/* How a run goes along time. */
typedef struct sp_way {
    bool              reverse;
    bool              zeroed;      /* x is 0 where it does not count */
    int64_t           keep_at;     /* 0: nowhere */
    sp_checkpoint     checkpoint;
    sp_gradient_hook *hook;
    void             *hook_data;
} sp_way;

/* As the options say.  False: the tape has failed. */
bool sp__way(sp_way *, sp_tape *, const sp_run *);

/* The loop itself, over x [T,B,input...]. */
sp_seq sp__unroll(const sp_cell *, sp_var x, const sp_marks *, const sp_begin *, const sp_way *);

/* A run that failed: its vars are nothing. */
sp_seq sp__no_seq(sp_tape *, int n_states);

/* Pin what a carry will take from a run. */
void sp__seq_pin(const sp_seq *, const sp_run *);

#endif
