/* SPDX-License-Identifier: MIT
 *
 * rnn_parts.h - what stacks and the built-in cells are made of (internal).
 */
#ifndef SP_RNN_PARTS_H
#define SP_RNN_PARTS_H

#include "nn/rnn.h"

struct sp_rnn {
    const char *name;
    sp_rnn_spec spec;
    int         layers, directions;
    sp_cell   **cell;                /* index layer directions + direction */
};

static inline int sp__rnn_cells(const sp_rnn *r) { return r->layers * r->directions; }

/* The parameters that all built-in cells have. */
typedef struct sp_weights {
    sp_param *w_ih, *w_hh, *b_ih, *b_hh;
} sp_weights;

/* [gates hidden, ...] with h of so many numbers; false: the collection has failed. */
bool sp__weights_new(sp_weights *, sp_params *, const sp_rnn_part *, int gates, int64_t h);

/* A parameter "weight_hr_l0": U(-1/sqrt(H), 1/sqrt(H)). */
sp_param *sp__weight_new(sp_params *, const sp_rnn_part *, const char *name, sp_shape);

/* The built-in makers. */
sp_cell *sp__plain_make(sp_params *, const sp_rnn_part *);
sp_cell *sp__lstm_make (sp_params *, const sp_rnn_part *);
sp_cell *sp__gru_make  (sp_params *, const sp_rnn_part *);

#endif
