/* SPDX-License-Identifier: MIT
 *
 * test_trace_runs.c - traces of every way that a run can go: marks, directions, checkpoints, hooks,
 * several runs, cells in cells.
 */
#include "autograd/names.h"
#include "tests/trace_line.h"

/* ---- marks, directions, checkpoints ---- */

enum { T = 6, MASK = 1, LENGTHS = 2, RESET = 4, REVERSE = 8, PARTS = 16, BACKWARD = 32, ALL = 64 };

static const int masked[T] = { 1, 0, 1, 1, 1, 1 }, cuts[T] = { 0, 0, 0, 1, 0, 0 };

static bool counts(int how, int t)
{
    return !(how & MASK && !masked[t]) && !(how & LENGTHS && t >= T - 1);
}

/* In reverse a segment that begins at t + 1 ends between t + 1 and t. */
static bool begins(int how, int t)
{
    const int at = how & REVERSE ? t + 1 : t;
    return how & RESET && at < T && cuts[at] && counts(how, at);
}

/* L = s of the last step.  Step by step in numbers. */
static void ck_marked(const sp_trace *r, double a, int how)
{
    double s = 0, before[T], g = 1, part[T], total = 0;

    for (int i = 0; i < T; i++) {
        const int t = how & REVERSE ? T - 1 - i : i;
        before[t] = begins(how, t) ? 0 : s;
        s = counts(how, t) ? a * before[t] + 1 : before[t];
        near_to(r->state[0][t], s);
    }
    for (int i = T; i-- > 0;) {
        const int t = how & REVERSE ? T - 1 - i : i;
        const double slope = (counts(how, t) ? a : 1) * (begins(how, t) ? 0 : 1);
        near_to(r->grad[0][t], counts(how, t) ? g : 0);
        if (counts(how, t)) near_to(r->jacobian[t], slope);
        else ck_assert(isnan(r->jacobian[t]));
        part[t] = counts(how, t) ? g * before[t] : 0;
        total += part[t];
        g *= slope;
    }
    for (int t = 0; t < T; t++) near_to(r->share[0][t], total > 0 ? part[t] / total : 0);
}

START_TEST(marked_runs_are_traced_in_every_direction_and_in_parts)
{
    for (int how = 0; how < ALL; how++) {
        end(), begin();
        line l = line_of(c.params, .5, 1);
        sp_run run = { .reverse = how & REVERSE };
        if (how & MASK) run.mask = sp_reshape(integers(&c, SP_I32, SP_SHAPE(T), masked),
                                              SP_SHAPE(T, 1));
        if (how & LENGTHS) run.lengths = INTEGERS(&c, T - 1);
        if (how & RESET) run.reset = sp_reshape(integers(&c, SP_I32, SP_SHAPE(T), cuts),
                                                SP_SHAPE(T, 1));
        if (how & PARTS) run.checkpoint = (sp_checkpoint){ SP_EVERY, 2 };
        sp_var loss = sp_sum(sp_unroll(&l.cell, ones(T), &run).last.v[0]);
        if (how & BACKWARD) ck_assert(sp_backward(loss));
        sp_trace *r = traced(loss, NULL);
        ck_assert_int_eq(r->T, T);
        ck_marked(r, .5, how);
        sp_trace_free(r);
    }
}
END_TEST

/* Values that a backward pass dropped are computed once, not once per step. */
START_TEST(a_trace_behind_a_backward_pass_costs_no_more_per_step)
{
    int64_t per_step[2];

    for (int i = 0; i < 2; i++) {
        const int64_t steps = i ? 400 : 100;
        end(), begin();
        line l = line_of(c.params, .9, 1);
        sp_var loss = sp_sum(sp_unroll(&l.cell, ones(steps), NULL).last.v[0]);
        ck_assert(sp_backward(loss));
        const int64_t before = sp_stats(c.tape).computed;
        sp_trace_free(traced(loss, &(sp_trace_spec){ .iterations = SP_ZERO }));
        per_step[i] = (sp_stats(c.tape).computed - before) / steps;
    }
    ck_assert_int_le(per_step[1], per_step[0] + 1);
}
END_TEST

/* ---- hooks ---- */

static sp_var halve(sp_var g, void *data)
{
    ++*(int *)data;
    return sp_scale(sp_hook(sp_keep(g), halve, data), .5);
}

/* What the hooks make of the gradient is shown; a Jacobian is the cell's own. */
START_TEST(hooks_count_for_gradients_and_not_for_jacobians)
{
    line l = line_of(c.params, .8, 1);
    int calls = 0;
    sp_seq seq = sp_unroll(&l.cell, ones(T), &(sp_run){ .hook = halve, .hook_data = &calls });
    sp_var loss = sp_sum(seq.last.v[0]);
    ck_assert(sp_item(loss) > 0);
    const int64_t nodes = sp_stats(c.tape).nodes, bytes = sp_stats(c.tape).live_bytes;
    sp_trace *r = traced(loss, NULL);

    ck_assert_int_eq(calls, T);
    for (int t = 0; t < T; t++) {
        near_to(r->grad[0][t], .5 * pow(.4, T - 1 - t));
        near_to(r->jacobian[t], .8);
    }
    sp_trace_free(r);
    ck_assert_int_eq(sp_stats(c.tape).nodes, nodes);
    ck_assert_int_eq(sp_stats(c.tape).live_bytes, bytes);
    sp_var x = ones(1), y = x, g;                 /* what the hooks pinned and hooked is gone */
    for (int i = 0; i < 100; i++) y = sp_scale(y, 1);
    ck_assert(sp_grad(sp_sum(y), 1, &x, &g, NULL) && sp_item(g) == 1);
    ck_assert_int_eq(calls, T);
    ck_assert(sp_backward(loss));
    ck_assert_int_eq(calls, 2 * T);
    near_to(sp_item(sp_find_grad(c.tape, "step 4/h")), .5 * .4);
    no_failure(&c);
}
END_TEST

/* ---- which run, which steps ---- */

START_TEST(of_two_runs_in_one_scope_only_the_last_is_counted)
{
    line l = line_of(c.params, .5, 3);
    sp_seq one = sp_unroll(&l.cell, ones(3), &(sp_run){ .reverse = true }),
           two = sp_unroll(&l.cell, ones(3), NULL);
    sp_trace *r = traced(sp_sum(sp_add(one.y, two.y)), NULL);
    const double h[] = { 1, 1.5, 1.75 };

    ck_assert_int_eq(r->n_weights, 2);
    ck_assert_str_eq(r->weight_name[1], "w");
    for (int t = 0; t < 3; t++) {
        near_to(r->state[0][t], h[t]);
        near_to(r->share[1][t], h[t] / 4.25);
    }
    sp_trace_free(r);
}
END_TEST

START_TEST(numbered_scopes_beside_the_run_are_no_steps)
{
    line l = line_of(c.params, .5, 1);

    sp_scope_enter(c.tape, "sample", 7);
    sp_unroll(&l.cell, ones(9), NULL);
    sp_scope_leave(c.tape);
    sp_seq seq = sp_unroll(&l.cell, ones(3), NULL);
    sp_scope_enter(c.tape, "sample", 2);
    sp_var loss = sp_sum(sp_mul(seq.last.v[0], sp_use(c.tape, l.a)));
    sp_scope_leave(c.tape);
    ck_assert_ptr_null(sp_trace_new(loss, NULL));
    ck_assert_msg(strstr(sp_error(), "several runs fit") != NULL, "%s", sp_error());
    sp_trace *r = traced(loss, &(sp_trace_spec){ .scope = "" });
    ck_assert_int_eq(r->T, 3);
    near_to(r->share[0][1], .5 / 2);              /* a h_0 and h_1 of a (h_0, h_1) */
    near_to(r->share[0][2], 1.5 / 2);
    sp_trace_free(r);
}
END_TEST

/* h' = the h of an LSTM that begins anew in every step: it has two states, the cell one. */
typedef struct outer { sp_cell cell; const sp_cell *in; } outer;

static sp_var outer_step(const sp_cell *cell, sp_var x, sp_state *state)
{
    sp_state inner = { 0 };
    return state->v[0] = sp_add(state->v[0], sp_cell_step(((const outer *)cell)->in, x, &inner));
}

START_TEST(a_cell_in_a_cell_does_not_take_its_place)
{
    sp_rnn *lstm = sp_lstm_new(c.params, "in", (sp_rnn_spec){ .input = 1, .hidden = 2 });
    outer o = { .in = sp_rnn_cell(lstm, 0, false) };
    o.cell = (sp_cell){ .kind = "outer", .input = SP_SHAPE(1), .output = SP_SHAPE(2),
                        .n_states = 1, .state = { SP_SHAPE(2) }, .step = outer_step };
    sp_seq seq = sp_unroll(&o.cell, ones(3), NULL);
    sp_trace *r = traced(sp_sum(seq.y), NULL);

    ck_assert_int_eq(r->n_states, 1);
    for (int t = 0; t < 3; t++) {
        near_to(r->jacobian[t], 1);
        near_to(r->state[0][t], length_of(sp_select(seq.each.v[0], 0, t)));
    }
    sp_trace_free(r);
}
END_TEST

int main(void)
{
    TCase *t = tcase_create("trace_runs");

    tcase_add_checked_fixture(t, begin, end);
    tcase_add_test(t, marked_runs_are_traced_in_every_direction_and_in_parts);
    tcase_add_test(t, a_trace_behind_a_backward_pass_costs_no_more_per_step);
    tcase_add_test(t, hooks_count_for_gradients_and_not_for_jacobians);
    tcase_add_test(t, of_two_runs_in_one_scope_only_the_last_is_counted);
    tcase_add_test(t, numbered_scopes_beside_the_run_are_no_steps);
    tcase_add_test(t, a_cell_in_a_cell_does_not_take_its_place);
    return run_suite("trace_runs", t);
}
