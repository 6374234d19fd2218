/* SPDX-License-Identifier: MIT
 *
 * rnn.h - recurrent layers: stacks of RNN, LSTM, GRU cells, or of your own.
 *
 * Names, shapes, gate order, defaults and what is returned are PyTorch's.  Symbols: T time, B
 * batch, I input, H hidden, P projection, L layers, D directions (1 or 2), G gate blocks.
 * Parameters of layer k and suffix s ("" or "_reverse"), in this order:
 *
 *     name.weight_ih_l{k}{s}   [G H, in]      in = I for k = 0, else D H (D P)
 *     name.weight_hh_l{k}{s}   [G H, H]       [G H, P] with projection
 *     name.bias_ih_l{k}{s}     [G H]          unless .no_bias
 *     name.bias_hh_l{k}{s}     [G H]          unless .no_bias
 *     name.weight_hr_l{k}{s}   [P, H]         LSTM with .proj = P
 *
 * Gate blocks of H rows: LSTM i f g o; GRU r z n.  All begin as U(-1/sqrt(H), 1/sqrt(H)).
 */
#ifndef SP_RNN_H
#define SP_RNN_H

#include "nn/unroll.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct sp_rnn sp_rnn;           /* owned by its collection */

/* Zero means the usual. */
typedef struct sp_rnn_spec {
    int64_t input, hidden;
    int     layers;                     /* usual 1 */
    bool    bidirectional;
    double  dropout;                    /* of every layer's output but the last's, in training; a
                                           fresh mask each run.  One layer: without effect */
    bool    batch_first;                /* x, y, mask and reset begin with [B,T]; states do not */
    bool    no_bias;
    int64_t proj;                       /* LSTM: h is W_hr (o tanh c) of this size */
    bool    reset_before;               /* GRU: n = tanh(W_in x + b_in + W_hn (r h) + b_hn) */
    sp_var (*activation)(sp_var);       /* RNN: usual sp_tanh */
    void   *data;                       /* for a maker of your own */
} sp_rnn_spec;

/*  RNN   h' = tanh(W_ih x + b_ih + W_hh h + b_hh)
    LSTM  i, f, o = sigmoid(...), g = tanh(...);  c' = f c + i g;  h' = o tanh(c')
    GRU   r, z = sigmoid(...);  n = tanh(W_in x + b_in + r (W_hn h + b_hn));  h' = (1 - z) n + z h
   NULL: the collection has failed, for a reason that sp_params_error tells. */
SP_API sp_rnn *sp_rnn_new (sp_params *, const char *name, sp_rnn_spec);
SP_API sp_rnn *sp_lstm_new(sp_params *, const char *name, sp_rnn_spec);
SP_API sp_rnn *sp_gru_new (sp_params *, const char *name, sp_rnn_spec);

/* Single cells with parameters name.weight_ih, name.weight_hh, ...; what is of stacks in
   the options (layers, directions, dropout, batch_first) is not looked at. */
SP_API sp_cell *sp_rnn_cell_new (sp_params *, const char *name, sp_rnn_spec);
SP_API sp_cell *sp_lstm_cell_new(sp_params *, const char *name, sp_rnn_spec);
SP_API sp_cell *sp_gru_cell_new (sp_params *, const char *name, sp_rnn_spec);

/* A place in a stack, for which a maker builds a cell. */
typedef struct sp_rnn_part {
    int         layer;
    bool        reverse;
    int64_t     input;                  /* size of x: the stack's, or what the layer below gives */
    const char *suffix;                 /* of the built-in cells' parameters: "_l0_reverse" */
    const sp_rnn_spec *spec;
} sp_rnn_part;

/* Build a cell in the collection (sp_params_alloc), whose names begin with "name.l0_reverse.".
   NULL after sp_params_fail.  The cell's output must have an axis; y of two directions is joined
   along the first.  Cells of a stack have equal states. */
typedef sp_cell *sp_cell_maker(sp_params *, const sp_rnn_part *);

/* A stack of cells of your own: layers, directions, dropout and the rest as for the built-in. */
SP_API sp_rnn *sp_rnn_new_of(sp_params *, const char *name, sp_cell_maker *, sp_rnn_spec);

/* x [T,B,I], or [T,I] for one sample; run may be NULL: zero state, full length.
 *
 *     y            [T,B,D H]    of the last layer, features forward then reverse
 *     last.v[k]    [D L,B,H]    after the direction's last valid step; index layer D + direction
 *     each.v[k]    [T,D L,B,H]  after every step; left out for states of rank above 3
 *
 * Without B for one sample.  run->initial has the shape of last, or [D L,1,H].  run->reverse
 * turns every direction around. */
SP_API sp_seq sp_rnn_run(sp_rnn *, sp_var x, const sp_run *run);

/* One step of the whole stack, for decoders and streaming: x [B,I] and state->v[k] [L,B,H], or
   x [I] and [L,H]; a state that is {0} is the start.  One direction only.  Returns y [B,H] and
   replaces the state. */
SP_API sp_var sp_rnn_step(sp_rnn *, sp_var x, sp_state *state);

/* The cell of a layer and direction; NULL: there is none. */
SP_API const sp_cell *sp_rnn_cell(const sp_rnn *, int layer, bool reverse);

#ifdef __cplusplus
}
#endif
#endif
