/* SPDX-License-Identifier: MIT
 *
 * called.h - sentences that name what the user called (internal; tape.c).
 */
#ifndef SP_CALLED_H
#define SP_CALLED_H

#include "autograd/op.h"

sp_var sp__nothing(sp_tape *);
/* Whether v is a var of t that can be read now; otherwise t has failed, unless v is nothing. */
bool   sp__readable(sp_tape *t, sp_var v, const char *op);

void        sp__call_begins(sp_tape *, const char *name);
sp_var      sp__call_ends(sp_tape *, sp_var y);      /* y */
/* The name of the outermost call; of none, this one. */
const char *sp__called(const sp_tape *, const char *op);

/* SP_CALLED(x, "mean", y) is y, recorded by a call of mean with operand x: until it is done,
   sentences name mean instead of the ops that it is made of.  Nothing, if x cannot be read.
   SP_CALLED_ON is the same for functions that have a tape and no operand. */
#define SP_CALLED(x, name, y)                                                       \
    (sp__readable((x).tape, x, name) ? SP_CALLED_ON((x).tape, name, y) : sp__nothing((x).tape))
#define SP_CALLED_ON(t, name, y) (sp__call_begins(t, name), sp__call_ends(t, y))

/* The tape of the first that has one. */
sp_tape *sp__first_tape(int n, const sp_var x[]);
static inline sp_tape *sp__either(sp_var a, sp_var b) { return a.tape ? a.tape : b.tape; }

#endif
