/* SPDX-License-Identifier: MIT
 *
 * checkpoint.h - which steps of a run are kept for the backward pass, and which lie in regions that
 * are recorded again (internal).
 */
#ifndef SP_CHECKPOINT_H
#define SP_CHECKPOINT_H

#include "nn/unroll.h"

/* Steps [from, until) in regions of `every`, counted in the order in which they are recorded. */
typedef struct sp_kept_steps {
    sp_tape *tape;
    int64_t  T, every, from, until;
    int64_t  budget;               /* 0: none; else the rest is chosen after the first step */
    int64_t  nodes;                /* on the tape before the first step, if that is measured */
    bool     inside;
} sp_kept_steps;

/* Whether the option can be met; else the tape has failed. */
bool sp__checkpoint_check(sp_tape *, const sp_checkpoint *);

/* Around each step i of T; state is that after it.  end: also where a step failed. */
sp_kept_steps sp__checkpoint_begin(sp_tape *, int64_t T, const sp_checkpoint *);
void sp__checkpoint_before(sp_kept_steps *, int64_t i);
void sp__checkpoint_after(sp_kept_steps *, int64_t i, const sp_state *);
void sp__checkpoint_end(sp_kept_steps *);

#endif
