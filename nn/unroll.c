/* SPDX-License-Identifier: MIT
 *
 * unroll - run a cell along time.
 */
#include "nn/unroll.h"

#include "autograd/ops.h"
#include "autograd/show/steps.h"
#include "nn/checkpoint.h"
#include "nn/layer.h"
#include "nn/step.h"
#include "tensor/alloc.h"

/* One run under way.  made[0] has the outputs by time, made[1 + k] state k after each step. */
typedef struct walk {
    const sp_cell  *cell;
    const sp_marks *marks;
    sp_tape *tape;
    sp_var   x;
    int64_t  T, B;
    const sp_way *way;
    sp_state start;                      /* where segments begin; made only if there are cuts */
    sp_var  *made[1 + SP_MAX_STATES];
} walk;

sp_seq sp__no_seq(sp_tape *tape, int n)
{
    const sp_var nothing = sp_tape_fail(tape, "%s", sp_error());

    if (n < 0 || n > SP_MAX_STATES) n = 0;
    sp_seq seq = { .y = nothing, .last.n = n, .each.n = n };

    for (int k = 0; k < SP_MAX_STATES; k++) seq.last.v[k] = seq.each.v[k] = nothing;
    return seq;
}

/* Marks [B] or [T,B] beside what begins with these axes: [B,1,...]. */
static sp_var beside(sp_var marks, sp_var x)
{
    sp_shape s = sp_var_shape(marks);

    while (s.rank < sp_var_shape(x).rank) s.dim[s.rank++] = 1;
    return sp_reshape(marks, s);
}

/* x where it counts, else 0: what is not used does no harm, not even NaN. */
static sp_var where_valid(sp_var valid, sp_var x)
{
    return sp_where(beside(valid, x), x, sp_number(x, 0));
}

/* a where the mark of step t is set, else b. */
static sp_state choose(sp_var marks, int64_t t, const sp_state *a, const sp_state *b)
{
    sp_state s = { .n = a->n };

    marks = sp_select(marks, 0, t);
    for (int k = 0; k < s.n; k++) s.v[k] = sp_where(beside(marks, a->v[k]), a->v[k], b->v[k]);
    return s;
}

/* Masked step by step, so that no second x lives beside the first. */
static sp_var x_of(const walk *w, int64_t t)
{
    sp_var x = sp_select(w->x, 0, t);

    if (w->way->zeroed || !sp_is_given(w->marks->valid)) return x;
    return where_valid(sp_select(w->marks->valid, 0, t), x);
}

/* A state that is also another one stands for itself by a view: each has its own gradient. */
static void set_apart(sp_state *s)
{
    for (int k = 1; k < s->n; k++)
        for (int i = 0; i < k; i++)
            if (s->v[k].id == s->v[i].id) s->v[k] = sp_reshape(s->v[k], sp_var_shape(s->v[k]));
}

/* The hook for what this step has made, whose nodes are from `first` on; a state that is older
   stands for itself by a view. */
static void attach(const walk *w, int64_t first, sp_state *s)
{
    for (int k = 0; w->way->hook && k < s->n; k++) {
        if (s->v[k].id < first) s->v[k] = sp_reshape(s->v[k], sp_var_shape(s->v[k]));
        sp_hook(s->v[k], w->way->hook, w->way->hook_data);
    }
}

/* The gradient of a state is that of what the step made: it has all that comes from y_t.  In rows
   that do not count it is 0.

   In reverse the boundary that the mark of t+1 makes is met between t+1 and t. */
static void step(walk *w, int64_t t, sp_state *s)
{
    const int64_t boundary = w->way->reverse ? t + 1 : t;

    if (sp_is_given(w->marks->cut) && boundary < w->T)
        *s = choose(w->marks->cut, boundary, &w->start, s);
    sp_state made = *s;
    sp_var x = x_of(w, t);
    const int64_t first = sp_stats(w->tape).nodes;
    w->made[0][t] = sp__cell_step(w->cell, x, &made);
    set_apart(&made);
    attach(w, first, &made);
    *s = sp_is_given(w->marks->valid) ? choose(w->marks->valid, t, &made, s) : made;
    sp__name_states(w->cell, s, &made);
    for (int k = 0; k < s->n; k++) w->made[1 + k][t] = s->v[k];
}

static bool steps(walk *w, sp_state *s)
{
    sp_kept_steps kept = sp__checkpoint_begin(w->tape, w->T, &w->way->checkpoint);

    for (int64_t i = 0; i < w->T && !sp_tape_error(w->tape); i++) {
        const int64_t t = w->way->reverse ? w->T - 1 - i : i;
        sp__checkpoint_before(&kept, i);
        sp_scope_enter(w->tape, "step", t);
        step(w, t, s);
        sp_scope_leave(w->tape);
        sp__checkpoint_after(&kept, i, s);
    }
    sp__checkpoint_end(&kept);
    return !sp_tape_error(w->tape);
}

/* What was made along time as one var; without a step, nothing of the right shape. */
static sp_var along_time(const walk *w, const sp_var made[], sp_shape sample, sp_dtype dtype)
{
    if (w->T > 0) return sp_stack((int)w->T, made, 0);
    return sp_full(w->tape, dtype, sp__shape_behind(SP_SHAPE(0, w->B), sample), 0);
}

static sp_seq gather(const walk *w, const sp_state *last)
{
    const sp_dtype dtype = sp__state_dtype(w->x);
    sp_seq seq = { .last = *last, .each.n = last->n, .reverse = w->way->reverse,
                   .kept_at = w->way->keep_at };

    seq.y = along_time(w, w->made[0], w->cell->output, dtype);
    if (sp_is_given(w->marks->valid)) seq.y = where_valid(w->marks->valid, seq.y);
    seq.kept.n = seq.kept_at > 0 ? last->n : 0;
    for (int k = 0; k < seq.kept.n; k++) seq.kept.v[k] = w->made[1 + k][seq.kept_at - 1];
    for (int k = 0; k < last->n; k++)
        seq.each.v[k] = along_time(w, w->made[1 + k], w->cell->state[k], sp_var_dtype(last->v[k]));
    return seq;
}

static sp_seq walked(walk *w, sp_state *s)
{
    const int n = w->cell->n_states;
    sp_var *room = sp_alloc_array(w->T * (1 + n), sizeof *room);

    if (!room) return sp__no_seq(w->tape, n);
    for (int k = 0; k <= n; k++) w->made[k] = room + k * w->T;
    sp_seq seq = { 0 };
    if (steps(w, s)) seq = gather(w, s);
    if (sp_tape_error(w->tape)) seq = sp__no_seq(w->tape, n);
    sp_release(room);
    return seq;
}

/* Whether a carry brings another floating dtype than x's. */
static bool converts(const walk *w, const sp_begin *begin)
{
    bool other = false;

    for (int k = 0; begin->carried && k < begin->state.n; k++) {
        const sp_dtype is = sp_var_dtype(begin->state.v[k]);
        other = other || (sp_is_floating(is) && is != sp__state_dtype(w->x));
    }
    return other;
}

/* a where the row is fresh, else b. */
static sp_var where_fresh(const walk *w, sp_var fresh, sp_var a, sp_var b)
{
    sp_shape beside_state = { sp_var_shape(b).rank, { w->B, 1, 1, 1, 1, 1 } };

    for (int64_t j = beside_state.rank; j < SP_MAX_RANK; j++) beside_state.dim[j] = 0;
    return sp_where(sp_reshape(fresh, beside_state), a, b);
}

/* The state before the first step.  Rows that a carry calls fresh are at the start; what it brings
   of another dtype (a checkpoint's) takes on that of the start, as parameters do theirs. */
static sp_state first(walk *w, const sp_begin *begin)
{
    const sp_cell *c = w->cell;
    const bool fresh = sp_is_given(begin->fresh), convert = converts(w, begin);
    sp_state s = { .n = c->n_states };

    if (begin->state.n == 0 || fresh || convert || sp_is_given(w->marks->cut))
        w->start = sp_cell_start(c, w->tape, w->B, sp__state_dtype(w->x));
    if (begin->state.n == 0) return w->start;
    for (int k = 0; k < s.n; k++) {
        s.v[k] = sp__state_fit(c, k, begin->state.v[k], w->B);
        if (convert) s.v[k] = sp_cast(s.v[k], sp_var_dtype(w->start.v[k]));
        if (fresh) s.v[k] = where_fresh(w, begin->fresh, w->start.v[k], s.v[k]);
    }
    return s;
}

sp_seq sp__unroll(const sp_cell *c, sp_var x, const sp_marks *marks, const sp_begin *begin,
                  const sp_way *way)
{
    walk w = { .cell = c, .marks = marks, .tape = x.tape, .x = x, .way = way,
               .T = sp_var_dim(x, 0), .B = sp_var_dim(x, 1) };
    sp_state s = first(&w, begin);

    if (sp_tape_error(x.tape)) return sp__no_seq(x.tape, c->n_states);
    sp_scope_enter(x.tape, "start", -1);
    set_apart(&s);
    sp__name_states(c, &s, &s);
    if (sp_is_given(marks->valid)) sp__note_valid(x.tape, marks->valid);
    sp_scope_leave(x.tape);
    return walked(&w, &s);
}

void sp__seq_pin(const sp_seq *seq, const sp_run *run)
{
    if (!run->carry) return;
    for (int k = 0; k < seq->last.n; k++) sp_keep(seq->last.v[k]);
    for (int k = 0; k < seq->kept.n; k++) sp_keep(seq->kept.v[k]);
}

static bool fits(const sp_cell *c, sp_var x)
{
    char has[SP_SHAPE_TEXT], should[SP_SHAPE_TEXT];
    sp_shape s = sp_var_shape(x);

    if (!sp__cell_check(c, x.tape)) return false;
    if (sp_is_nothing(x)) return sp_detach(x), false;
    if (s.rank == c->input.rank + 2
        && sp_shape_equal(s, sp__shape_behind(SP_SHAPE(s.dim[0], s.dim[1]), c->input)))
        return true;
    sp_tape_fail(x.tape, "unroll: x is %s, the cell %s takes %s", sp_shape_text(s, has), c->kind,
                 sp__shape_named("T,B", c->input, should));
    return false;
}

/* The state that the options ask for. */
static bool begin_of(const sp_cell *c, sp_var x, const sp_run *run, sp_begin *begin)
{
    const int n = sp__state_given(&run->initial);

    *begin = (sp_begin){ .state = run->initial };
    begin->state.n = n;
    if (!sp__state_count(c, x.tape, n)) return false;
    return !run->carry || sp__carry_begin(run, c, x, begin);
}

bool sp__way(sp_way *way, sp_tape *t, const sp_run *run)
{
    *way = (sp_way){ .reverse = run->reverse, .keep_at = run->carry ? run->keep_at : 0,
                     .checkpoint = run->checkpoint, .hook = run->hook,
                     .hook_data = run->hook_data };
    return sp__checkpoint_check(t, &run->checkpoint);
}

sp_seq sp_unroll(const sp_cell *c, sp_var x, const sp_run *run)
{
    static const sp_run usual = { 0 };
    sp_marks marks;
    sp_begin begin;
    sp_way way;

    if (!run) run = &usual;
    if (!fits(c, x) || !begin_of(c, x, run, &begin) || !sp__marks(&marks, x, run)
        || !sp__way(&way, x.tape, run))
        return sp__no_seq(x.tape, c ? c->n_states : 0);
    sp_seq seq = sp__unroll(c, x, &marks, &begin, &way);
    sp__seq_pin(&seq, run);
    return seq;
}
