/* SPDX-License-Identifier: MIT
 *
 * carry.h - a state that crosses from one recording to the next: truncated BPTT.
 *
 * A carry holds one state per row of the batch as plain tensors.  A run with a carry
 * begins where it stands; sp_carry_keep moves it to where that run ended.  Values cross,
 * the graph does not.  At first, and after a reset, rows begin at the cell's start.
 */
#ifndef SP_CARRY_H
#define SP_CARRY_H

#include "nn/rnn.h"
#include "tensor/store.h"

#ifdef __cplusplus
extern "C" {
#endif

/* For runs of a stack, or of a single cell, with so many rows.  Yours; it must not outlive the
   layer.  For runs of one sample without B, batch is 1.  NULL: the layer is NULL, batch < 0, or
   there is no memory; sp_error() says which. */
SP_API sp_carry *sp_carry_new     (const sp_rnn *, int64_t batch);
SP_API sp_carry *sp_carry_new_cell(const sp_cell *, int64_t batch);
SP_API void      sp_carry_free(sp_carry *);

/* An independent one that stands at the same place. */
SP_API sp_carry *sp_carry_copy(const sp_carry *);

/* Stand where a run ended, or after its first `steps` steps (1 to T; not of a run in reverse or
   both ways).  After the evaluation and before sp_tape_reset.  The end of a run with a carry is
   still there; for another place say so in sp_run.keep_at, or it is computed again, which fails
   after the parameters have changed.  On failure false, and the carry stands where it stood. */
SP_API bool sp_carry_keep   (sp_carry *, const sp_seq *);
SP_API bool sp_carry_keep_at(sp_carry *, const sp_seq *, int64_t steps);

/* Back to the start: the rows that are set in the mask ([batch], 0 is not set), all if NULL. */
SP_API bool sp_carry_reset(sp_carry *, const sp_tensor *mask);

/* The state as it stands, one tensor per state as in sp_seq.last; the carry's.  NULL: at the
   start, or k out of range. */
SP_API const sp_tensor *sp_carry_state(const sp_carry *, int k);

/* A part of a checkpoint: "carry.<layer>.fresh", "carry.<layer>.0", ..., by the layer's whole name.
   Where two carries of one layer go into one checkpoint, save one as "carry.<name>..."; of the
   two functions the last call counts.  Putting refuses what another carry has put, and names
   of more than 200 bytes.  A floating state of another dtype than the layer's is converted
   where a run begins. */
SP_API sp_saved sp_carry_saved   (sp_carry *);
SP_API sp_saved sp_carry_saved_as(sp_carry *, const char *name);

#ifdef __cplusplus
}
#endif
#endif
