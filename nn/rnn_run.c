/* SPDX-License-Identifier: MIT
 *
 * rnn_run - stacks of cells: how they run.
 */
#include "autograd/ops.h"
#include "nn/layer.h"
#include "nn/rnn_parts.h"
#include "nn/step.h"
#include "tensor/alloc.h"

/* Every axis moved into its usual place: x [T,B,...], masks [T,B], states [D L,B,...]. */
typedef struct usual {
    sp_var x;
    sp_run run;
    bool   single;                       /* x had no B */
} usual;

static sp_var if_given(sp_var v, sp_var (*f)(sp_var))
{
    return sp_is_given(v) ? f(v) : v;
}

static sp_var swap(sp_var v)       { return sp_transpose(v, 0, 1); }
static sp_var batch_of_1(sp_var v) { return sp_unsqueeze(v, 1); }
static sp_var length_of_1(sp_var v)
{
    return !sp_is_nothing(v) && sp_var_shape(v).rank == 0 ? sp_unsqueeze(v, 0) : v;
}

static void add_batch(usual *u)
{
    u->single = true;
    u->x = batch_of_1(u->x);
    u->run.mask = if_given(u->run.mask, batch_of_1);
    u->run.reset = if_given(u->run.reset, batch_of_1);
    u->run.lengths = if_given(u->run.lengths, length_of_1);
    for (int k = 0; k < u->run.initial.n; k++)
        u->run.initial.v[k] = batch_of_1(u->run.initial.v[k]);
}

static void time_first(usual *u)
{
    u->x = swap(u->x);
    u->run.mask = if_given(u->run.mask, swap);
    u->run.reset = if_given(u->run.reset, swap);
}

/* Whether x has the cell's input behind one or two axes; else the tape fails. */
static bool x_fits(const sp_rnn *r, sp_var x, int rank_before)
{
    const sp_shape s = sp_var_shape(x), in = r->cell[0]->input;
    char has[SP_SHAPE_TEXT], two[SP_SHAPE_TEXT], one[SP_SHAPE_TEXT];
    bool good = s.rank == in.rank + rank_before || s.rank == in.rank + rank_before + 1;

    if (sp_is_nothing(x)) return sp_detach(x), false;
    for (int64_t k = 1; good && k <= in.rank; k++) good = s.dim[s.rank - k] == in.dim[in.rank - k];
    if (good) return true;
    const char *lead = rank_before == 0 ? "B" : r->spec.batch_first ? "B,T" : "T,B";
    sp_tape_fail(x.tape, "%s: x is %s, should be %s or %s", r->cell[0]->kind, sp_shape_text(s, has),
                 sp__shape_named(lead, in, two),
                 rank_before ? sp__shape_named("T", in, one) : sp_shape_text(in, one));
    return false;
}

/* A state of the stack is [D L,B,...] or [D L,1,...]. */
static bool state_fits(const sp_rnn *r, int k, sp_var v, int64_t B)
{
    const sp_cell *c = r->cell[0];
    const sp_shape due = sp__shape_behind(SP_SHAPE(sp__rnn_cells(r), B), c->state[k]);
    char has[SP_SHAPE_TEXT], should[SP_SHAPE_TEXT];
    sp_shape one = due, is = sp_var_shape(v);

    one.dim[1] = 1;
    if (sp_is_nothing(v)) return sp_detach(v), false;
    if (sp_shape_equal(is, due) || sp_shape_equal(is, one)) return true;
    sp_tape_fail(v.tape, "%s: state %d is %s, should be %s, or that with 1 for the batch",
                 c->kind, k, sp_shape_text(is, has), sp_shape_text(due, should));
    return false;
}

static bool states_fit(const sp_rnn *r, const sp_state *s, sp_tape *tape, int64_t B)
{
    const sp_cell *c = r->cell[0];
    bool good = sp__state_count(c, tape, s->n);

    for (int k = 0; good && k < s->n; k++) good = state_fits(r, k, s->v[k], B);
    return good;
}

/* Where cell i begins, of a state of the whole stack. */
static sp_state state_of(const sp_state *whole, int i)
{
    sp_state s = { .n = whole->n };

    for (int k = 0; k < s.n; k++) s.v[k] = sp_select(whole->v[k], 0, i);
    return s;
}

/* A run of the stack under way: one part per cell. */
typedef struct walk {
    const sp_rnn   *r;
    sp_marks        marks;
    sp_begin        begin;
    sp_way          way;
    sp_seq         *part;
} walk;

/* One layer: its directions side by side along the first axis of a sample. */
static sp_var run_layer(const walk *w, int layer, sp_var x)
{
    const sp_rnn *r = w->r;
    sp_var y[2];

    for (int d = 0; d < r->directions; d++) {
        sp_way way = w->way;
        const int i = layer * r->directions + d;
        sp_begin begin = { state_of(&w->begin.state, i), w->begin.fresh, w->begin.carried };
        if (d) sp_scope_enter(x.tape, "reverse", -1);
        way.reverse = w->way.reverse != (d == 1);
        way.zeroed = layer > 0;                  /* the y of the one before */
        w->part[i] = sp__unroll(r->cell[i], x, &w->marks, &begin, &way);
        if (d) sp_scope_leave(x.tape);
        y[d] = w->part[i].y;
    }
    return r->directions == 1 ? y[0] : sp_concat(2, y, 2);
}

static sp_var run_layers(const walk *w, sp_var x)
{
    const sp_rnn *r = w->r;

    for (int layer = 0; layer < r->layers; layer++) {
        sp_scope_enter(x.tape, "layer", layer);
        x = run_layer(w, layer, x);
        if (layer < r->layers - 1 && r->spec.dropout > 0) x = sp_dropout(x, r->spec.dropout);
        sp_scope_leave(x.tape);
    }
    return x;
}

/* Which of the states of a run. */
typedef enum place { LAST, KEPT, EACH } place;

/* State k of all parts as one var: [D L,B,...] of a place, [T,D L,B,...] of each step. */
static sp_var join(const walk *w, sp_var room[], int k, place at)
{
    const int n = sp__rnn_cells(w->r);

    for (int i = 0; i < n; i++) {
        const sp_seq *p = &w->part[i];
        room[i] = (at == LAST ? &p->last : at == KEPT ? &p->kept : &p->each)->v[k];
    }
    return sp_stack(n, room, at == EACH ? 1 : 0);
}

static sp_seq gather(const walk *w, sp_var y, sp_var room[])
{
    const sp_cell *c = w->r->cell[0];
    sp_seq seq = { .y = y, .last.n = c->n_states, .each.n = c->n_states,
                   .kept = { .n = w->way.keep_at > 0 ? c->n_states : 0 },
                   .kept_at = w->way.keep_at, .reverse = w->way.reverse };

    for (int k = 0; k < c->n_states; k++) {
        seq.last.v[k] = join(w, room, k, LAST);
        if (k < seq.kept.n) seq.kept.v[k] = join(w, room, k, KEPT);
        if (c->state[k].rank > 3) seq.each.n = 0;
    }
    for (int k = 0; k < seq.each.n; k++) seq.each.v[k] = join(w, room, k, EACH);
    return seq;
}

static sp_seq run_stack(const sp_rnn *r, sp_var x, const sp_run *run)
{
    const int n = sp__rnn_cells(r);
    walk w = { .r = r, .begin = { .state = run->initial } };
    sp_seq seq;

    if ((run->carry && !sp__carry_begin(run, r, x, &w.begin))
        || !states_fit(r, &w.begin.state, x.tape, sp_var_dim(x, 1)) || !sp__marks(&w.marks, x, run)
        || !sp__way(&w.way, x.tape, run))
        return sp__no_seq(x.tape, r->cell[0]->n_states);
    if (run->checkpoint.kind == SP_BUDGET && w.way.checkpoint.n > n) w.way.checkpoint.n /= n;
    w.part = sp_alloc_array(n, sizeof *w.part);
    sp_var *room = sp_alloc_array(n, sizeof *room);
    if (w.part && room) {
        sp_var y = run_layers(&w, x);
        seq = gather(&w, y, room);
        sp__seq_pin(&seq, run);
    } else {
        seq = sp__no_seq(x.tape, r->cell[0]->n_states);
    }
    sp_release(room);
    sp_release(w.part);
    return seq;
}

static void take_batch_away(sp_seq *seq)
{
    seq->y = sp_squeeze(seq->y, 1);
    for (int k = 0; k < seq->last.n; k++) seq->last.v[k] = sp_squeeze(seq->last.v[k], 1);
    for (int k = 0; k < seq->kept.n; k++) seq->kept.v[k] = sp_squeeze(seq->kept.v[k], 1);
    for (int k = 0; k < seq->each.n; k++) seq->each.v[k] = sp_squeeze(seq->each.v[k], 2);
}

static sp_seq run_usual(const sp_rnn *r, sp_var x, const sp_run *run)
{
    usual u = { .x = x, .run = *run };

    u.run.initial.n = sp__state_given(&run->initial);
    if (!x_fits(r, x, 1) || !sp__state_count(r->cell[0], x.tape, u.run.initial.n))
        return sp__no_seq(x.tape, r->cell[0]->n_states);
    if (sp_var_shape(x).rank == r->cell[0]->input.rank + 1) add_batch(&u);
    else if (r->spec.batch_first) time_first(&u);
    sp_seq seq = run_stack(r, u.x, &u.run);
    if (u.single) take_batch_away(&seq);
    else if (r->spec.batch_first) seq.y = swap(seq.y);
    return seq;
}

sp_seq sp_rnn_run(sp_rnn *r, sp_var x, const sp_run *run)
{
    static const sp_run zero = { 0 };

    if (!r) {
        sp__no_layer(x.tape, "rnn");
        return sp__no_seq(x.tape, 0);
    }
    sp_scope_enter(x.tape, r->name, -1);
    sp_seq seq = run_usual(r, x, run ? run : &zero);
    if (sp_tape_error(x.tape)) seq = sp__no_seq(x.tape, r->cell[0]->n_states);
    sp_scope_leave(x.tape);
    return seq;
}

/* ---- one step ---- */

static sp_var step_layers(const sp_rnn *r, sp_var x, const sp_state *from, sp_state to[])
{
    for (int layer = 0; layer < r->layers; layer++) {
        sp_scope_enter(x.tape, "layer", layer);
        to[layer] = state_of(from, layer);
        x = sp_cell_step(r->cell[layer], x, &to[layer]);
        if (layer < r->layers - 1 && r->spec.dropout > 0) x = sp_dropout(x, r->spec.dropout);
        sp_scope_leave(x.tape);
    }
    return x;
}

/* Every layer's state k side by side again. */
static void join_states(const sp_rnn *r, const sp_state part[], sp_var room[], sp_state *state)
{
    state->n = r->cell[0]->n_states;
    for (int k = 0; k < state->n; k++) {
        for (int layer = 0; layer < r->layers; layer++) room[layer] = part[layer].v[k];
        state->v[k] = sp_stack(r->layers, room, 0);
    }
}

static sp_var step_batch(const sp_rnn *r, sp_var x, sp_state *state)
{
    sp_var y;

    if (!states_fit(r, state, x.tape, sp_var_dim(x, 0)))
        return sp_tape_fail(x.tape, "%s", sp_error());
    sp_state *part = sp_alloc_array(r->layers, sizeof *part);
    sp_var *room = sp_alloc_array(r->layers, sizeof *room);
    if (part && room) {
        y = step_layers(r, x, state, part);
        join_states(r, part, room, state);
    } else {
        y = sp_tape_fail(x.tape, "%s", sp_error());
    }
    sp_release(room);
    sp_release(part);
    return y;
}

static sp_var step(const sp_rnn *r, sp_var x, sp_state *state)
{
    if (r->directions == 2)
        return sp_tape_fail(x.tape, "%s: a single step has no reverse direction", r->cell[0]->kind);
    state->n = sp__state_given(state);
    if (!x_fits(r, x, 0) || !sp__state_count(r->cell[0], x.tape, state->n))
        return sp_tape_fail(x.tape, "%s", sp_error());
    if (sp_var_shape(x).rank > r->cell[0]->input.rank) return step_batch(r, x, state);

    for (int k = 0; k < state->n; k++) state->v[k] = batch_of_1(state->v[k]);
    sp_var y = step_batch(r, sp_unsqueeze(x, 0), state);
    for (int k = 0; k < state->n; k++) state->v[k] = sp_squeeze(state->v[k], 1);
    return sp_squeeze(y, 0);
}

sp_var sp_rnn_step(sp_rnn *r, sp_var x, sp_state *state)
{
    if (!r) return sp__no_layer(x.tape, "rnn");
    sp_scope_enter(x.tape, r->name, -1);
    sp_var y = step(r, x, state);
    sp_scope_leave(x.tape);
    return y;
}
