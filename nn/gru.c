/* SPDX-License-Identifier: MIT
 *
 * gru - the gated recurrent unit (Cho et al., 2014), with the reset after the product, as most
 * libraries have it, or before it, as it was published.
 */
#include "autograd/names.h"
#include "autograd/ops.h"
#include "nn/layer.h"
#include "nn/rnn_parts.h"

typedef struct gru {
    sp_cell    cell;
    sp_weights w;
    int64_t    hidden;
} gru;

/* W h + b for `blocks` gate blocks of the hidden side, from the first on. */
static sp_var hidden_side(const gru *u, sp_var h, int first, int blocks)
{
    const int64_t H = u->hidden;
    sp_var w = sp_slice(sp_use(h.tape, u->w.w_hh), 0, first * H, blocks * H);
    sp_var y = sp_matmul_t(h, false, w, true);

    if (!u->w.b_hh) return y;
    return sp_add(y, sp_slice(sp_use(h.tape, u->w.b_hh), 0, first * H, blocks * H));
}

static sp_var step_reset_after(const sp_cell *cell, sp_var x, sp_state *state)
{
    const gru *u = (const gru *)cell;
    sp_var h = state->v[0], a[3], b[3];

    /* a = W_ih x + b_ih,  b = W_hh h + b_hh, in blocks r z n */
    sp_split(sp__affine(x, u->w.w_ih, u->w.b_ih), 1, 3, a);
    sp_split(sp__affine(h, u->w.w_hh, u->w.b_hh), 1, 3, b);
    /* r = sigmoid(a_r + b_r),  z = sigmoid(a_z + b_z) */
    sp_var r = sp_sigmoid(sp_add(a[0], b[0])), z = sp_sigmoid(sp_add(a[1], b[1]));
    /* n = tanh(a_n + r b_n) */
    sp_var n = sp_tanh(sp_add(a[2], sp_mul(r, b[2])));
    sp_named(r, "r"), sp_named(z, "z"), sp_named(n, "n");
    /* h' = (1 - z) n + z h = n + z (h - n) */
    return state->v[0] = sp_lerp(n, h, z);
}

static sp_var step_reset_before(const sp_cell *cell, sp_var x, sp_state *state)
{
    const gru *u = (const gru *)cell;
    sp_var h = state->v[0], a[3], b[2];

    /* a = W_ih x + b_ih in blocks r z n,  b = W_hh h + b_hh in blocks r z */
    sp_split(sp__affine(x, u->w.w_ih, u->w.b_ih), 1, 3, a);
    sp_split(hidden_side(u, h, 0, 2), 1, 2, b);
    /* r = sigmoid(a_r + b_r),  z = sigmoid(a_z + b_z) */
    sp_var r = sp_sigmoid(sp_add(a[0], b[0])), z = sp_sigmoid(sp_add(a[1], b[1]));
    /* n = tanh(a_n + W_hn (r h) + b_hn) */
    sp_var n = sp_tanh(sp_add(a[2], hidden_side(u, sp_mul(r, h), 2, 1)));
    sp_named(r, "r"), sp_named(z, "z"), sp_named(n, "n");
    /* h' = (1 - z) n + z h = n + z (h - n) */
    return state->v[0] = sp_lerp(n, h, z);
}

sp_cell *sp__gru_make(sp_params *params, const sp_rnn_part *part)
{
    const int64_t H = part->spec->hidden;
    gru *u = sp_params_alloc(params, sizeof *u);

    if (!u || !sp__weights_new(&u->w, params, part, 3, H)) return NULL;
    u->hidden = H;
    u->cell = (sp_cell){ .kind = "gru", .input = SP_SHAPE(part->input), .output = SP_SHAPE(H),
                         .n_states = 1, .state = { SP_SHAPE(H) },
                         .step = part->spec->reset_before ? step_reset_before : step_reset_after };
    return &u->cell;
}
