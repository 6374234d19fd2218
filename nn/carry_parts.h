/* SPDX-License-Identifier: MIT
 *
 * carry_parts.h - what running a cell or a stack reads from a carry (internal).
 */
#ifndef SP_CARRY_PARTS_H
#define SP_CARRY_PARTS_H

#include "nn/step.h"

/* Set where a run of `owner` (a cell or a stack) on x [T,B,...] begins: begin->state holds the
   carried tensors whole.  False: the carry does not fit, and the tape has failed. */
bool sp__carry_begin(const sp_run *, const void *owner, sp_var x, sp_begin *begin);

#endif
