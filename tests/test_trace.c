/* SPDX-License-Identifier: MIT
 *
 * test_trace.c - what a trace tells of linear recurrences, where every number is known.
 */
#include "autograd/names.h"
#include "tensor/alloc.h"
#include "tests/trace_case.h"

/* h' = a h + b x, of one number; a is a parameter. */
typedef struct line { sp_cell cell; sp_param *a; } line;

static sp_var line_step(const sp_cell *cell, sp_var x, sp_state *state)
{
    sp_var a = sp_use(x.tape, ((const line *)cell)->a);
    return state->v[0] = sp_add(sp_mul(state->v[0], a), x);
}

static line line_of(double a)
{
    line l = { .a = sp_params_add(c.params, "a", SP_SHAPE(1), sp_init_constant(a)) };

    l.cell = (sp_cell){ .kind = "line", .input = SP_SHAPE(1), .output = SP_SHAPE(1), .n_states = 1,
                        .state = { SP_SHAPE(1) }, .step = line_step };
    return l;
}

/* h_t = (1 - a^(t+1)) / (1 - a);  L = h_T:  dL/dh_t = a^(T-1-t),  dh_t/dh_{t-1} = a,
   the step's part of dL/da is a^(T-1-t) h_{t-1}. */
static void linear(bool reverse)
{
    enum { T = 6 };
    const double a = .5;
    line l = line_of(a);
    sp_seq seq = sp_unroll(&l.cell, ones(T), &(sp_run){ .reverse = reverse });
    sp_trace *r = traced(sp_sum(seq.last.v[0]), NULL);
    double part[T], total = 0;

    ck_assert_int_eq(r->T, T);
    ck_assert_int_eq(r->n_states, 1);
    ck_assert_int_eq(r->n_weights, 1);
    ck_assert_int_eq(r->n_gates, 0);
    ck_assert_str_eq(r->state_name[0], "h");
    ck_assert_str_eq(r->weight_name[0], "a");
    for (int i = 0; i < T; i++) total += part[i] = pow(a, T - 1 - i) * (1 - pow(a, i)) / (1 - a);
    for (int i = 0; i < T; i++) {
        const int t = reverse ? T - 1 - i : i;
        near_to(r->state[0][t], (1 - pow(a, i + 1)) / (1 - a));
        near_to(r->grad[0][t], pow(a, T - 1 - i));
        near_to(r->jacobian[t], a);
        near_to(r->share[0][t], part[i] / total);
    }
    sp_trace_free(r);
}

START_TEST(of_a_linear_recurrence_all_numbers_are_known) { linear(false); }
END_TEST

START_TEST(time_that_runs_down_is_followed_down) { linear(true); }
END_TEST

/* Two states, (p, q)' = (q + x, 2 p): J = [0 1; 2 0] has singular values 1 and 2. */
static sp_var twist_step(const sp_cell *cell, sp_var x, sp_state *state)
{
    sp_var p = state->v[0];

    (void)cell;
    state->v[0] = sp_add(state->v[1], x);
    state->v[1] = sp_scale(p, 2);
    return state->v[0];
}

START_TEST(the_jacobian_is_of_all_states_together)
{
    sp_cell cell = { .kind = "twist", .input = SP_SHAPE(1), .output = SP_SHAPE(1), .n_states = 2,
                     .state = { SP_SHAPE(1), SP_SHAPE(1) }, .step = twist_step,
                     .state_name = { "p", "q" } };
    sp_seq seq = sp_unroll(&cell, ones(4), NULL);
    sp_trace *r = traced(sp_sum(sp_add(seq.last.v[0], seq.last.v[1])), NULL);

    ck_assert_str_eq(r->state_name[1], "q");
    for (int t = 0; t < 4; t++) near_to(r->jacobian[t], 2);
    sp_trace_free(r);
}
END_TEST

/* Against the gradients that sp_backward gives, and names found one by one. */
START_TEST(a_trace_of_an_lstm_agrees_with_its_names)
{
    enum { T = 4 };
    const sp_rnn_spec spec = { .input = 3, .hidden = 5, .layers = 2 };
    sp_rnn *r = sp_lstm_new(c.params, "lstm", spec);
    sp_seq seq = sp_rnn_run(r, drawn(&c, SP_SHAPE(T, 2, 3)), NULL);
    sp_var loss = sp_sum(sp_square(seq.y));
    sp_trace *x = traced(loss, &(sp_trace_spec){ .scope = "layer 1" });
    char path[60];

    ck_assert_int_eq(x->n_states, 2);
    ck_assert_int_eq(x->n_weights, 4);
    ck_assert_int_eq(x->n_gates, 5);                      /* i f g o, and tanh(c) */
    ck_assert(sp_backward(loss));
    for (int t = 0; t < T; t++) {
        snprintf(path, sizeof path, "layer 1/step %d/c", t);
        near_to(x->grad[1][t], sqrt(sp_item(sp_sum(sp_square(sp_find_grad(c.tape, path))))));
        near_to(x->state[1][t], sqrt(sp_item(sp_sum(sp_square(sp_find(c.tape, path))))));
        ck_assert(x->jacobian[t] > 0 && x->jacobian[t] < 5);
    }
    for (int i = 0; i < x->n_weights; i++) {
        double total = 0;
        for (int t = 0; t < T; t++) total += x->share[i][t];
        near_to(total, 1);
    }
    ck_assert_str_eq(x->gate_name[0], "i");
    sp_trace_free(x);
    no_failure(&c);
}
END_TEST

/* sigmoid of 0, 10, -10: one of three in the middle. */
static sp_var gate_step(const sp_cell *cell, sp_var x, sp_state *state)
{
    (void)cell;
    return state->v[0] = sp_add(state->v[0], sp_named(sp_sigmoid(x), "gate"));
}

START_TEST(saturation_counts_what_is_near_the_bounds)
{
    sp_cell cell = { .kind = "gate", .input = SP_SHAPE(3), .output = SP_SHAPE(3), .n_states = 1,
                     .state = { SP_SHAPE(3) }, .step = gate_step };
    sp_tensor *x = sp_tensor_from(SP_F64, SP_SHAPE(2, 1, 3), (double[]){ 0, 10, -10, 0, 1, -3.5 });
    sp_var in = sp_input(c.tape, x);

    sp_tensor_free(x);
    sp_seq seq = sp_unroll(&cell, in, NULL);
    sp_trace *r = traced(sp_sum(seq.y), &(sp_trace_spec){ .iterations = SP_ZERO });
    ck_assert_int_eq(r->n_gates, 1);
    ck_assert_str_eq(r->gate_name[0], "gate");
    near_to(r->full[0][0], 2. / 3);
    near_to(r->full[0][1], 1. / 3);
    ck_assert_ptr_null(r->jacobian);
    char *text = sp_trace_csv(r);
    ck_assert_ptr_eq(strstr(text, "t,norm of h,gradient by h,saturation of gate\n0,"), text);
    sp_release(text);
    sp_trace_free(r);
}
END_TEST

START_TEST(a_trace_leaves_the_tape_as_it_was)
{
    line l = line_of(.9);
    sp_seq seq = sp_unroll(&l.cell, ones(5), NULL);
    sp_var loss = sp_sum(seq.y);

    ck_assert(sp_item(loss) > 0);
    sp_tape_stats before = sp_stats(c.tape);
    sp_trace_free(traced(loss, NULL));
    sp_tape_stats after = sp_stats(c.tape);
    ck_assert_int_eq(after.nodes, before.nodes);
    ck_assert_int_eq(after.live_bytes, before.live_bytes);
    ck_assert(sp_is_nothing(sp_find_grad(c.tape, "step 1/h")));
    ck_assert(sp_backward(loss));
    no_failure(&c);
}
END_TEST

START_TEST(what_cannot_be_traced_is_told)
{
    sp_var one = sp_const(c.tape, SP_F64, 1);

    ck_assert_ptr_null(sp_trace_new(one, NULL));
    ck_assert_str_eq(sp_error(), "trace: no cell was run along time on this tape");
    sp_rnn *r = sp_rnn_new(c.params, "r", (sp_rnn_spec){ .input = 1, .hidden = 1, .layers = 2 });
    sp_var loss = sp_sum(sp_rnn_run(r, ones(2), NULL).y);
    ck_assert_ptr_null(sp_trace_new(loss, NULL));
    ck_assert_str_eq(sp_error(), "trace: several runs fit; say which by .scope: they begin at "
                                 "\"r/layer 0/start/h\" and \"r/layer 1/start/h\"");
    ck_assert_ptr_null(sp_trace_new(loss, &(sp_trace_spec){ .scope = "layer 7" }));
    ck_assert_str_eq(sp_error(), "trace: no cell was run along time in \"layer 7\"; runs begin at "
                                 "\"r/layer 0/start/h\", \"r/layer 1/start/h\"");
    ck_assert_ptr_null(sp_trace_new((sp_var){ 0 }, NULL));
    no_failure(&c);
}
END_TEST

int main(void)
{
    TCase *t = tcase_create("trace");

    tcase_add_checked_fixture(t, begin, end);
    tcase_add_test(t, of_a_linear_recurrence_all_numbers_are_known);
    tcase_add_test(t, time_that_runs_down_is_followed_down);
    tcase_add_test(t, the_jacobian_is_of_all_states_together);
    tcase_add_test(t, a_trace_of_an_lstm_agrees_with_its_names);
    tcase_add_test(t, saturation_counts_what_is_near_the_bounds);
    tcase_add_test(t, a_trace_leaves_the_tape_as_it_was);
    tcase_add_test(t, what_cannot_be_traced_is_told);
    return run_suite("trace", t);
}
