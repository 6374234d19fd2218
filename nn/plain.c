/* SPDX-License-Identifier: MIT
 *
 * plain - the cell of the simple recurrent network (Elman, 1990).
 */
#include "autograd/ops.h"
#include "nn/layer.h"
#include "nn/rnn_parts.h"

typedef struct plain {
    sp_cell    cell;
    sp_weights w;
    sp_var   (*activation)(sp_var);
} plain;

static sp_var step(const sp_cell *cell, sp_var x, sp_state *state)
{
    const plain *p = (const plain *)cell;

    /* h' = tanh(W_ih x + b_ih + W_hh h + b_hh) */
    sp_var in = sp__affine(x, p->w.w_ih, p->w.b_ih);
    sp_var back = sp__affine(state->v[0], p->w.w_hh, p->w.b_hh);
    return state->v[0] = p->activation(sp_add(in, back));
}

sp_cell *sp__plain_make(sp_params *params, const sp_rnn_part *part)
{
    const int64_t H = part->spec->hidden;
    plain *p = sp_params_alloc(params, sizeof *p);

    if (!p || !sp__weights_new(&p->w, params, part, 1, H)) return NULL;
    p->activation = part->spec->activation ? part->spec->activation : sp_tanh;
    p->cell = (sp_cell){ .kind = "rnn", .input = SP_SHAPE(part->input), .output = SP_SHAPE(H),
                         .n_states = 1, .state = { SP_SHAPE(H) }, .step = step };
    return &p->cell;
}
