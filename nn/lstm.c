/* SPDX-License-Identifier: MIT
 *
 * lstm - the cell with long short-term memory (Hochreiter and Schmidhuber, 1997; forget gate of
 * Gers et al., 2000; projection of Sak et al., 2014).
 */
#include "autograd/names.h"
#include "autograd/ops.h"
#include "nn/layer.h"
#include "nn/rnn_parts.h"

typedef struct lstm {
    sp_cell    cell;
    sp_weights w;
    sp_param  *w_hr;                 /* NULL: no projection */
} lstm;

static sp_var step(const sp_cell *cell, sp_var x, sp_state *state)
{
    const lstm *l = (const lstm *)cell;
    sp_var h = state->v[0], c = state->v[1], a[4];

    /* a = W_ih x + b_ih + W_hh h + b_hh, in blocks i f g o */
    sp_var in = sp__affine(x, l->w.w_ih, l->w.b_ih), back = sp__affine(h, l->w.w_hh, l->w.b_hh);
    sp_split(sp_add(in, back), 1, 4, a);
    /* i = sigmoid(a_i),  f = sigmoid(a_f),  g = tanh(a_g),  o = sigmoid(a_o) */
    sp_var i = sp_sigmoid(a[0]), f = sp_sigmoid(a[1]), g = sp_tanh(a[2]), o = sp_sigmoid(a[3]);
    sp_named(i, "i"), sp_named(f, "f"), sp_named(g, "g"), sp_named(o, "o");
    /* c' = f c + i g */
    c = sp_add(sp_mul(f, c), sp_mul(i, g));
    /* h' = o tanh(c') */
    h = sp_mul(o, sp_tanh(c));
    /* h' = W_hr (o tanh(c')) */
    if (l->w_hr) h = sp__affine(h, l->w_hr, NULL);

    state->v[1] = c;
    return state->v[0] = h;
}

sp_cell *sp__lstm_make(sp_params *params, const sp_rnn_part *part)
{
    const int64_t H = part->spec->hidden, P = part->spec->proj > 0 ? part->spec->proj : H;
    lstm *l = sp_params_alloc(params, sizeof *l);

    if (!l || !sp__weights_new(&l->w, params, part, 4, P)) return NULL;
    if (part->spec->proj > 0) {
        l->w_hr = sp__weight_new(params, part, "weight_hr", SP_SHAPE(P, H));
        if (!l->w_hr) return NULL;
    }
    l->cell = (sp_cell){ .kind = "lstm", .input = SP_SHAPE(part->input), .output = SP_SHAPE(P),
                         .n_states = 2, .state = { SP_SHAPE(P), SP_SHAPE(H) }, .step = step,
                         .state_name = { "h", "c" } };
    return &l->cell;
}
