/* SPDX-License-Identifier: MIT
 *
 * ctc.h - what the files of connectionist temporal classification share (internal).
 *
 * The labels of a target with blanks before, between and behind them are the 2 S + 1 states of a
 * chain.  A path stays in its state, goes on to the next, or skips a blank between two
 * different labels.
 */
#ifndef SP_CTC_H
#define SP_CTC_H

#include "autograd/op.h"

typedef struct ctc_attr { int64_t blank, zero_infinity, from_logits; } ctc_attr;

/* The operands of both ops. */
enum { LOG_PROBS, TARGETS, STEPS, LABELS, CTC_OPERANDS };

/* The loss and its slope in other ops. */
sp_var sp__ctc_expand      (int n, const sp_var x[], const void *attr, const double *scalar);
sp_var sp__ctc_slope_expand(int n, const sp_var x[], const void *attr, const double *scalar);

/* What both are tried on, and another way to compute them. */
extern const sp_sample sp__ctc_samples[];
void sp__ctc_reference(const sp_args *);
void sp__ctc_slope_reference(const sp_args *);

#endif
