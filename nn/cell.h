/* SPDX-License-Identifier: MIT
 *
 * cell.h - one step of recurrence: (x_t, state) -> (y_t, state').
 *
 * A cell is a record of shapes and a step written in ops.  Put it first in a struct of your own,
 * beside its parameters:
 *
 *     typedef struct leaky { sp_cell cell; sp_linear *in; } leaky;
 *
 *     static sp_var leaky_step(const sp_cell *cell, sp_var x, sp_state *state)
 *     {
 *         const leaky *l = (const leaky *)cell;
 *         return state->v[0] = sp_lerp(state->v[0], sp_linear_run(l->in, x), sp_number(x, .1));
 *     }
 *
 * sp_unroll (unroll.h) runs it along time, with lengths, masks, resets and in reverse;
 * sp_rnn_new_of (rnn.h) stacks it.  The built-in cells are made of the same.
 */
#ifndef SP_CELL_H
#define SP_CELL_H

#include "autograd/tape.h"

#ifdef __cplusplus
extern "C" {
#endif

enum { SP_MAX_STATES = 4, SP_MAX_CELL_RANK = 4 };

/* What crosses from one step to the next: n vars by value (LSTM: h, c).  {0}: not given. */
typedef struct sp_state {
    int    n;
    sp_var v[SP_MAX_STATES];
} sp_state;

typedef struct sp_cell sp_cell;

struct sp_cell {
    const char *kind;                       /* for sentences: "mgu" */
    sp_shape    input, output;              /* of one sample, of rank 0 to 4 */
    int         n_states;                   /* 1 to 4 */
    sp_shape    state[SP_MAX_STATES];       /* of one sample */

    /* x [B, input...], state->v[k] [B, state[k]...].  Returns y [B, output...] and replaces
       the state.  The cell itself does not change. */
    sp_var (*step)(const sp_cell *, sp_var x, sp_state *state);

    /* Where every sequence begins, if not at zeros: set state->v[k] to [B, state[k]...], or to
       [1, state[k]...] for all samples alike (a learned start: sp_use of a parameter). */
    void (*start)(const sp_cell *, sp_tape *, int64_t batch, sp_state *state);

    const char *name;      /* whole, "decoder.cell", for checkpoints; NULL: the kind is used */

    /* For sp_find (names.h), after every step; usual "h", then "state 1", "state 2", ...  A step
       names what it makes on its way by sp_named(f, "f"). */
    const char *state_name[SP_MAX_STATES];
};

/* One step.  x [B, input...] with a state of [B, ...], or x [input...] with a state
   without B.  A state that is {0} is the start.  Shapes are checked, those that the
   step returns as well. */
SP_API sp_var sp_cell_step(const sp_cell *, sp_var x, sp_state *);

/* The start as [batch, ...] vars; zeros are of the given dtype.  After a failure, nothing. */
SP_API sp_state sp_cell_start(const sp_cell *, sp_tape *, int64_t batch, sp_dtype);

#ifdef __cplusplus
}
#endif
#endif
