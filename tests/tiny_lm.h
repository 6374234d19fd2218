/* SPDX-License-Identifier: MIT
 *
 * tiny_lm.h - a recurrent language model for tests: embedding, LSTMs or a GRU, a linear head or
 * the embedding's own weights as one, an optimizer, a carried state.  Every call that can fail
 * says so, so that tests can make it fail.
 */
#ifndef TINY_LM_H
#define TINY_LM_H

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "autograd/ops.h"
#include "nn/nn.h"
#include "optim/optim.h"

enum { LM_MOST_RNNS = 3, LM_MOST_PARTS = 3 + LM_MOST_RNNS };

typedef struct lm_spec {
    sp_dtype    dtype;                   /* zero is f32 */
    bool        gru;
    bool        tied;                    /* three LSTMs, the last as wide as the embedding */
    int64_t     vocab, embed, hidden, batch;
    int         layers;
    double      dropout;
    const char *rnn_name, *head_name;    /* usual "rnn", "fc" */
    uint64_t    seed;
    sp_isa      isa;                     /* of the tape: zero is the best one */
    bool        portable;
    int         threads;
    sp_optim *(*optim)(sp_params *, const void *options);
    const void *options;
} lm_spec;

typedef struct lm {
    lm_spec    spec;
    sp_params *params;
    sp_embed  *embed;
    int        n_rnns;
    sp_rnn    *rnn[LM_MOST_RNNS];
    sp_linear *head;
    sp_param  *bias;                     /* tied only */
    sp_carry  *carry[LM_MOST_RNNS];
    sp_tape   *tape;
    sp_optim  *optim;
    sp_seq     seq[LM_MOST_RNNS];        /* of the last loss */
    sp_var     loss;
} lm;

static inline void lm_free(lm *m)
{
    for (int i = 0; i < LM_MOST_RNNS; i++) sp_carry_free(m->carry[i]);
    sp_optim_free(m->optim);
    sp_tape_free(m->tape);
    sp_params_free(m->params);
    *m = (lm){ .spec = m->spec };
}

static inline void lm_tied_layers(lm *m)
{
    const lm_spec *s = &m->spec;
    const int64_t size[] = { s->embed, s->hidden, s->hidden, s->embed };
    char name[16];

    m->n_rnns = 3;
    for (int i = 0; i < 3; i++) {
        snprintf(name, sizeof name, "rnns.%d", i);
        sp_rnn_spec layer = { .input = size[i], .hidden = size[i + 1] };
        m->rnn[i] = sp_lstm_new(m->params, name, layer);
    }
    m->bias = sp_params_add(m->params, "bias", SP_SHAPE(s->vocab), (sp_init){ 0 });
}

static inline void lm_layers(lm *m)
{
    const lm_spec *s = &m->spec;
    const char *rnn = s->rnn_name ? s->rnn_name : "rnn", *head = s->head_name ? s->head_name : "fc";
    sp_rnn_spec layers = { .input = s->embed, .hidden = s->hidden, .layers = s->layers,
                           .dropout = s->dropout };

    m->n_rnns = 1;
    m->rnn[0] = s->gru ? sp_gru_new(m->params, rnn, layers) : sp_lstm_new(m->params, rnn, layers);
    m->head = sp_linear_new(m->params, head, s->hidden, s->vocab);
}

/* False: something could not be made; lm_free then frees what could. */
static inline bool lm_new(lm *m, lm_spec spec)
{
    *m = (lm){ .spec = spec };
    m->params = sp_params_new(spec.seed);
    if (!m->params || !sp_params_dtype(m->params, spec.dtype)) return false;
    m->embed = sp_embed_new(m->params, "embed", spec.vocab, spec.embed);
    if (spec.tied) lm_tied_layers(m);
    else lm_layers(m);
    if (sp_params_error(m->params)) return false;
    for (int i = 0; i < m->n_rnns; i++)
        if (!(m->carry[i] = sp_carry_new(m->rnn[i], spec.batch))) return false;
    m->tape = sp_tape_new(&(sp_tape_spec){ .seed = spec.seed, .isa = spec.isa,
                                           .portable = spec.portable,
                                           .threads = spec.threads });
    m->optim = m->tape && spec.optim ? spec.optim(m->params, spec.options) : NULL;
    return m->tape && (m->optim || !spec.optim);
}

/* Record the mean cross entropy of a window: tokens [T+1,B], the last row is only a target. */
static inline sp_var lm_loss(lm *m, const sp_tensor *tokens)
{
    int64_t T = tokens->shape.dim[0] - 1;
    sp_var window = sp_borrow(m->tape, tokens);
    sp_var y = sp_embed_run(m->embed, sp_slice(window, 0, 0, T));

    for (int i = 0; i < m->n_rnns; i++) {
        m->seq[i] = sp_rnn_run(m->rnn[i], y, &(sp_run){ .carry = m->carry[i] });
        y = m->seq[i].y;
    }
    if (m->spec.dropout > 0) y = sp_dropout(y, m->spec.dropout);
    y = m->head ? sp_linear_run(m->head, y)
                : sp_add(sp_matmul_t(y, false, sp_use(m->tape, m->embed->weight), true),
                         sp_use(m->tape, m->bias));
    return m->loss = sp_cross_entropy(y, sp_slice(window, 0, 1, T));
}

static inline bool lm_keep(lm *m)
{
    for (int i = 0; i < m->n_rnns; i++)
        if (!sp_carry_keep(m->carry[i], &m->seq[i])) return false;
    return true;
}

/* A whole training step; NaN if anything failed. */
static inline double lm_step(lm *m, const sp_tensor *tokens, double most, double *norm)
{
    double loss = NAN, total = 0;

    if (sp_backward(lm_loss(m, tokens))) {
        total = sp_clip_grad_norm(m->params, most);
        if (sp_optim_step(m->optim) && lm_keep(m)) loss = sp_item(m->loss);
    }
    if (norm) *norm = total;
    if (sp_tape_error(m->tape)) fprintf(stderr, "%s\n", sp_tape_error(m->tape));
    sp_tape_reset(m->tape);
    return loss;
}

/* Everything that a checkpoint of it holds; returns how many parts. */
static inline int lm_parts(lm *m, sp_saved part[LM_MOST_PARTS])
{
    int n = 0;

    part[n++] = sp_params_saved(m->params);
    part[n++] = sp_optim_saved(m->optim);
    part[n++] = sp_tape_saved(m->tape);
    for (int i = 0; i < m->n_rnns; i++) part[n++] = sp_carry_saved(m->carry[i]);
    return n;
}

static inline bool lm_save(lm *m, const char *path)
{
    sp_saved part[LM_MOST_PARTS];
    int n = lm_parts(m, part);
    sp_store *store = sp_store_new();
    bool ok = store && sp_store_put(store, n, part) && sp_store_save(store, path);

    sp_store_free(store);
    return ok;
}

static inline bool lm_load(lm *m, const char *path)
{
    sp_saved part[LM_MOST_PARTS];
    int n = lm_parts(m, part);
    sp_store *store = sp_store_load(path);
    bool ok = store && sp_store_take(store, n, part);

    sp_store_free(store);
    return ok;
}

/* A hash of every bit that training changes: parameters, carried states, the tape's step. */
static inline uint64_t lm_bits(const lm *m)
{
    uint64_t step = sp_tape_step(m->tape), hash = sp_hash(0, &step, sizeof step);

    for (int64_t i = 0; i < sp_params_count(m->params); i++) {
        const sp_tensor *x = &sp_params_at(m->params, i)->value;
        hash = sp_hash(hash, x->data, sp_tensor_bytes(x));
    }
    for (int i = 0; i < m->n_rnns; i++)
        for (int k = 0; k < 2; k++) {
            const sp_tensor *x = sp_carry_state(m->carry[i], k);
            if (x) hash = sp_hash(hash, x->data, sp_tensor_bytes(x));
        }
    return hash;
}

/* Rows [first, first + rows) of a [n,B] table of ids, read where they lie. */
static inline sp_tensor lm_rows(const sp_tensor *tokens, int64_t first, int64_t rows)
{
    int64_t B = tokens->shape.dim[1];
    char *data = tokens->data;

    data += first * B * sp_dtype_size(tokens->dtype);
    return (sp_tensor){ tokens->dtype, SP_SHAPE(rows, B), data, true };
}

#endif
