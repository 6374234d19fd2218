/* SPDX-License-Identifier: MIT
 *
 * rnn - stacks of cells: how they are made.
 */
#include "nn/rnn.h"

#include <limits.h>
#include <string.h>

#include "nn/layer.h"
#include "nn/rnn_parts.h"
#include "nn/step.h"

/* A built-in kind and which options it has. */
typedef struct kind {
    const char    *name;
    sp_cell_maker *make;
    bool           proj, reset_before, activation;
} kind;

static const kind plain = { .name = "rnn",  .make = sp__plain_make, .activation = true };
static const kind lstm  = { .name = "lstm", .make = sp__lstm_make,  .proj = true };
static const kind gru   = { .name = "gru",  .make = sp__gru_make,   .reset_before = true };

/* What is wrong with the options of a built-in cell; NULL: nothing. */
static const char *cell_mistake(const kind *k, const sp_rnn_spec *s)
{
    return s->input < 1  ? "input must be at least 1"
         : s->hidden < 1 ? "hidden must be at least 1"
         : s->proj && !k->proj ? "proj is an option of the LSTM"
         : s->proj < 0 || s->proj >= s->hidden ? "proj must be 0 to hidden - 1"
         : s->reset_before && !k->reset_before ? "reset_before is an option of the GRU"
         : s->activation && !k->activation ? "activation is an option of the RNN"
         : NULL;
}

static const char *stack_mistake(const sp_rnn_spec *s)
{
    return s->layers < 0 ? "layers must be at least 1"
         : s->layers > INT_MAX / 2 ? "so many layers cannot be counted"
         : !(s->dropout >= 0 && s->dropout <= 1) ? "dropout must be 0 to 1"
         : NULL;
}

/* A stack under construction. */
typedef struct plan {
    sp_params     *params;           /* inside the layer's name */
    const char    *name;
    sp_cell_maker *make;
    bool           nested;           /* cells have a prefix each, and choose their names */
    sp_rnn        *r;
} plan;

static sp_cell *make_cell(const plan *p, int layer, bool reverse)
{
    const char *suffix = sp_params_text(p->params, "_l%d%s", layer, reverse ? "_reverse" : "");
    const sp_rnn *r = p->r;
    sp_rnn_part part = { .layer = layer, .reverse = reverse, .input = r->spec.input,
                         .suffix = p->nested ? "" : suffix, .spec = &r->spec };

    if (!suffix) return NULL;
    if (layer > 0 && !sp_size_mul(r->directions, r->cell[0]->output.dim[0], &part.input))
        return sp_params_fail(p->params, "%s: both directions' outputs are too large", p->name);
    return p->make(p->nested ? sp_params_in(p->params, suffix + 1) : p->params, &part);
}

/* Why a cell cannot stand in one stack with the first; NULL: it can. */
static const char *cell_differs(const sp_cell *a, const sp_cell *b)
{
    const char *mistake = sp__cell_mistake(b);

    if (mistake) return mistake;
    if (b->output.rank < 1) return "its output has no axis to join directions and layers along";
    if (a->n_states != b->n_states) return "it has another number of states than layer 0";
    for (int k = 0; k < a->n_states; k++)
        if (!sp_shape_equal(a->state[k], b->state[k]))
            return "its states differ from those of layer 0";
    return sp_shape_equal(a->output, b->output) ? NULL : "its output differs from that of layer 0";
}

static bool make_cells(const plan *p)
{
    sp_rnn *r = p->r;

    for (int i = 0; i < sp__rnn_cells(r); i++) {
        const int layer = i / r->directions;
        r->cell[i] = make_cell(p, layer, i % r->directions);
        if (!r->cell[i] || sp_params_error(p->params))
            return sp_params_fail(p->params, "%s: there is no cell for layer %d", p->name, layer);
        const char *mistake = cell_differs(r->cell[0], r->cell[i]);
        if (mistake)
            return sp_params_fail(p->params, "%s: the cell %s of layer %d does not stack: %s",
                                  p->name, sp__cell_kind(r->cell[i]), layer, mistake);
    }
    return true;
}

static sp_rnn *build(plan p, sp_rnn_spec spec)
{
    const char *mistake = p.make ? stack_mistake(&spec) : "there is no maker of cells";
    sp_rnn *r = p.r = sp_params_alloc(p.params, sizeof *r);

    if (!r) return NULL;
    if (mistake) return sp_params_fail(p.params, "%s: %s", p.name, mistake);
    r->spec = spec;
    r->layers = spec.layers > 0 ? spec.layers : 1;
    r->directions = spec.bidirectional ? 2 : 1;
    r->name = sp__layer_name(p.params);
    r->cell = sp_params_alloc(p.params, sp__rnn_cells(r) * (int64_t)sizeof *r->cell);
    return r->name && r->cell && make_cells(&p) ? r : NULL;
}

/* "lstm decoder: input must be ..."; a layer called as its kind is named once. */
static void *refuse(sp_params *inside, const kind *k, const char *what, const char *name,
                    const char *mistake)
{
    const bool same = strcmp(k->name, name) == 0;

    return sp_params_fail(inside, "%s%s%s%s: %s", k->name, what, same ? "" : " ", same ? "" : name,
                          mistake);
}

static sp_rnn *built_in(const kind *k, sp_params *params, const char *name, sp_rnn_spec spec)
{
    sp_params *inside = sp_params_in(params, name);
    const char *mistake = cell_mistake(k, &spec);

    if (mistake && name) return refuse(inside, k, "", name, mistake);
    return build((plan){ .params = inside, .name = name, .make = k->make }, spec);
}

sp_rnn *sp_rnn_new(sp_params *params, const char *name, sp_rnn_spec spec)
{
    return built_in(&plain, params, name, spec);
}

sp_rnn *sp_lstm_new(sp_params *params, const char *name, sp_rnn_spec spec)
{
    return built_in(&lstm, params, name, spec);
}

sp_rnn *sp_gru_new(sp_params *params, const char *name, sp_rnn_spec spec)
{
    return built_in(&gru, params, name, spec);
}

sp_rnn *sp_rnn_new_of(sp_params *params, const char *name, sp_cell_maker *make, sp_rnn_spec spec)
{
    return build((plan){ .params = sp_params_in(params, name), .name = name, .make = make,
                         .nested = true }, spec);
}

static sp_cell *single(const kind *k, sp_params *params, const char *name, sp_rnn_spec spec)
{
    sp_params *inside = sp_params_in(params, name);
    const char *mistake = cell_mistake(k, &spec);
    sp_rnn_part part = { .input = spec.input, .suffix = "", .spec = &spec };

    if (mistake && name) return refuse(inside, k, " cell", name, mistake);
    sp_cell *cell = k->make(inside, &part);
    if (cell) cell->name = sp__layer_name(inside);
    return cell && cell->name ? cell : NULL;
}

sp_cell *sp_rnn_cell_new(sp_params *params, const char *name, sp_rnn_spec spec)
{
    return single(&plain, params, name, spec);
}

sp_cell *sp_lstm_cell_new(sp_params *params, const char *name, sp_rnn_spec spec)
{
    return single(&lstm, params, name, spec);
}

sp_cell *sp_gru_cell_new(sp_params *params, const char *name, sp_rnn_spec spec)
{
    return single(&gru, params, name, spec);
}

const sp_cell *sp_rnn_cell(const sp_rnn *r, int layer, bool reverse)
{
    if (!r || layer < 0 || layer >= r->layers || (reverse && r->directions == 1)) return NULL;
    return r->cell[layer * r->directions + reverse];
}
