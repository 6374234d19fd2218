/* SPDX-License-Identifier: MIT
 *
 * loss.h - losses of sequences that are not equally long.  The losses themselves are ops (ops.h).
 */
#ifndef SP_LOSS_H
#define SP_LOSS_H

#include "autograd/tape.h"

#ifdef __cplusplus
extern "C" {
#endif

/* The mean of those losses that count: sum(m loss) / sum(m) for m in {0, 1}; 0 if none counts.
   loss [...] floating; mask of a shape that broadcasts to it, bool or a number that is not 0.
   What does not count may be NaN. */
SP_API sp_var sp_masked_mean(sp_var loss, sp_var mask);

#ifdef __cplusplus
}
#endif
#endif
