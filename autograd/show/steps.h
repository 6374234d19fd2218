/* SPDX-License-Identifier: MIT
 *
 * steps.h - what a run of a cell along time has left on a tape (internal; for nn/).
 */
#ifndef SP_STEPS_H
#define SP_STEPS_H

#include "autograd/tape.h"

enum { SP_STEPS_STATES = 4 };

/* sp_named (names.h) for state k of a cell, which sp_trace (nn/trace.h) follows along time.  Its
   gradient is that of `made`. */
sp_var sp__named_state(sp_var v, sp_var made, const char *role, int k);

/* Of the run that begins with the state named last, [T,B]: where a step counts for a sample. */
void sp__note_valid(sp_tape *, sp_var valid);

/* The states named by one run, at[0] the start and at[1 + t] after step t; gradients are those
   by `made`. */
typedef struct sp_moment { sp_var state[SP_STEPS_STATES], made[SP_STEPS_STATES]; } sp_moment;
typedef struct sp_steps {
    sp_tape    *tape;
    uint32_t    scope;
    int         n_states;
    bool        reverse;
    int64_t     T;
    uint32_t    first;               /* the nodes of its steps are from here on */
    sp_moment  *at;
    sp_var      valid;               /* [T,B], where a step counts for a sample; {0}: all do */
    const char *role[SP_STEPS_STATES];
} sp_steps;

/* The last run in the scope of this path, or of a tail of one; NULL: the only one.  False, and
   sp_error says why, the tape has not failed. */
bool sp__steps_find(sp_steps *, sp_tape *, const char *path);
void sp__steps_free(sp_steps *);

/* The step in which a var was recorded; -1: in none. */
int64_t sp__step_of(const sp_steps *, sp_var);

/* Go through the results of bounded ops in the steps: the next after *v (begin with {0}), with the
   bounds and a name; false: that was the last. */
bool sp__next_gate(const sp_steps *, sp_var *v, double bound[2], const char **name);

/* While a tape is probed, sweeps leave the gradients of names alone and note what comes to
   each parameter, from which node; they call hooks, if told to.  Ending it forgets all that was
   recorded since. */
typedef struct sp_probe {
    int64_t nodes, operands, scalars, leaves, names, stretches, regions, events;
} sp_probe;
sp_probe sp__probe_here(sp_tape *);
sp_probe sp__probe_begin(sp_tape *, bool hooks);
void     sp__probe_rewind(sp_tape *, const sp_probe *);
void     sp__probe_end(sp_tape *, const sp_probe *);

/* The parameters' leaves on the tape, and the parts noted: number i, false: there is none. */
sp_var sp__nth_param(sp_tape *, int64_t i, const char **name);
bool   sp__nth_part(sp_tape *, int64_t i, sp_var *leaf, sp_var *from, sp_var *g);

#endif
