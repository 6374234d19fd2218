/* SPDX-License-Identifier: MIT
 *
 * cell - one checked step, and where it begins.
 */
#include "nn/step.h"

#include "autograd/ops.h"
#include "autograd/show/steps.h"
#include "nn/layer.h"

int sp__state_given(const sp_state *s)
{
    int n = 0;

    if (s->n != 0) return s->n;
    while (n < SP_MAX_STATES && sp_is_given(s->v[n])) n++;
    return n;
}

/* Whether a var that the cell made has the shape that its record says. */
static bool as_recorded(const sp_cell *c, const char *what, sp_var v, sp_shape due)
{
    char has[SP_SHAPE_TEXT], should[SP_SHAPE_TEXT];

    if (sp_is_nothing(v)) return false;
    if (sp_shape_equal(sp_var_shape(v), due)) return true;
    sp_tape_fail(v.tape, "%s: %s is %s, by the cell's record it should be %s", c->kind, what,
                 sp_shape_text(sp_var_shape(v), has), sp_shape_text(due, should));
    return false;
}

bool sp__state_count(const sp_cell *c, sp_tape *t, int given)
{
    if (given == 0 || given == c->n_states) return true;
    sp_tape_fail(t, "%s: it has %d states, given are %d", c->kind, c->n_states, given);
    return false;
}

const char *sp__cell_mistake(const sp_cell *c)
{
    static const char axes[] = "shapes of one sample have at most 4 axes";

    if (!c->kind) return "it has no kind";
    if (!c->step) return "it has no step";
    if (c->n_states < 1 || c->n_states > SP_MAX_STATES) return "there are 1 to 4 states";
    if (c->input.rank > SP_MAX_CELL_RANK || c->output.rank > SP_MAX_CELL_RANK) return axes;
    for (int k = 0; k < c->n_states; k++)
        if (c->state[k].rank > SP_MAX_CELL_RANK) return axes;
    return NULL;
}

void sp__name_states(const sp_cell *c, const sp_state *s, const sp_state *made)
{
    static const char *const usual[SP_MAX_STATES] = { "h", "state 1", "state 2", "state 3" };

    for (int k = 0; k < s->n; k++)
        sp__named_state(s->v[k], made->v[k], c->state_name[k] ? c->state_name[k] : usual[k], k);
}

const char *sp__cell_kind(const sp_cell *c) { return c->kind ? c->kind : "cell"; }

bool sp__cell_check(const sp_cell *c, sp_tape *t)
{
    if (!c) return sp__no_layer(t, "cell"), false;

    const char *mistake = sp__cell_mistake(c);
    if (!mistake) return true;
    sp_tape_fail(t, "%s: the cell's record is unusable: %s", sp__cell_kind(c), mistake);
    return false;
}

sp_var sp__state_fit(const sp_cell *c, int k, sp_var v, int64_t batch)
{
    sp_shape due = sp__shape_behind(SP_SHAPE(batch), c->state[k]), one = due, is = sp_var_shape(v);
    char has[SP_SHAPE_TEXT], should[SP_SHAPE_TEXT];

    one.dim[0] = 1;
    if (sp_is_nothing(v)) return sp_detach(v);
    if (sp_shape_equal(is, due)) return v;
    if (sp_shape_equal(is, one)) return sp_broadcast(v, due);
    return sp_tape_fail(v.tape, "%s: state %d is %s, should be %s or the same for one sample",
                        c->kind, k, sp_shape_text(is, has), sp_shape_text(due, should));
}

sp_state sp_cell_start(const sp_cell *c, sp_tape *t, int64_t batch, sp_dtype dtype)
{
    sp_state s = { 0 };

    if (!sp__cell_check(c, t)) return s;
    s.n = c->n_states;
    if (c->start) c->start(c, t, batch, &s);
    s.n = c->n_states;
    for (int k = 0; c->start && k < s.n; k++)
        if (sp_is_nothing(s.v[k])) sp_tape_fail(t, "%s: start left no state %d", c->kind, k);
    for (int k = 0; k < s.n; k++)
        s.v[k] = c->start ? sp__state_fit(c, k, s.v[k], batch)
               : sp_full(t, dtype, sp__shape_behind(SP_SHAPE(batch), c->state[k]), 0);
    return s;
}

sp_var sp__cell_step(const sp_cell *c, sp_var x, sp_state *state)
{
    const int64_t batch = sp_var_dim(x, 0);
    sp_var y = c->step(c, x, state);

    state->n = c->n_states;
    if (sp_is_nothing(y)) return sp_tape_fail(x.tape, "%s: step returned no var", c->kind);
    as_recorded(c, "what step returns", y, sp__shape_behind(SP_SHAPE(batch), c->output));
    for (int k = 0; k < c->n_states; k++) {
        if (sp_is_nothing(state->v[k]))
            sp_tape_fail(x.tape, "%s: step left no state %d", c->kind, k);
        as_recorded(c, "the state after step", state->v[k],
                    sp__shape_behind(SP_SHAPE(batch), c->state[k]));
    }
    return y;
}

sp_dtype sp__state_dtype(sp_var x)
{
    return sp_is_floating(sp_var_dtype(x)) ? sp_var_dtype(x) : SP_F32;
}

static sp_var batched_step(const sp_cell *c, sp_var x, sp_state *state)
{
    char has[SP_SHAPE_TEXT], should[SP_SHAPE_TEXT];
    const int64_t batch = sp_var_dim(x, 0);

    if (!sp_shape_equal(sp_var_shape(x), sp__shape_behind(SP_SHAPE(batch), c->input)))
        return sp_tape_fail(x.tape, "%s: x is %s, should be %s", c->kind,
                            sp_shape_text(sp_var_shape(x), has),
                            sp__shape_named("B", c->input, should));
    const int n = sp__state_given(state);
    if (n == 0) *state = sp_cell_start(c, x.tape, batch, sp__state_dtype(x));
    state->n = c->n_states;
    for (int k = 0; n > 0 && k < n; k++) state->v[k] = sp__state_fit(c, k, state->v[k], batch);
    sp_var y = sp__cell_step(c, x, state);
    sp__name_states(c, state, state);
    return y;
}

sp_var sp_cell_step(const sp_cell *c, sp_var x, sp_state *state)
{
    if (!sp__cell_check(c, x.tape)) return sp_tape_fail(x.tape, "%s", sp_error());
    if (sp_is_nothing(x)) return sp_detach(x);
    if (!sp__state_count(c, x.tape, sp__state_given(state)))
        return sp_tape_fail(x.tape, "%s", sp_error());
    if (sp_var_shape(x).rank != c->input.rank) return batched_step(c, x, state);

    for (int k = 0, n = sp__state_given(state); k < n; k++)
        state->v[k] = sp_unsqueeze(state->v[k], 0);
    sp_var y = batched_step(c, sp_unsqueeze(x, 0), state);
    for (int k = 0; k < state->n; k++) state->v[k] = sp_squeeze(state->v[k], 0);
    return sp_squeeze(y, 0);
}
