/* SPDX-License-Identifier: MIT
 *
 * test_trace_edges.c - traces where there is nothing to run, NaN, next to nothing, no loss; and
 * what they leave.
 */
#include <stdlib.h>
#include "autograd/names.h"
#include "autograd/show.h"
#include "tensor/alloc.h"
#include "tests/trace_line.h"

START_TEST(no_step_one_step_and_no_sample_are_traced)
{
    line l = line_of(c.params, .5, 1);
    const struct { int64_t T, B; } sizes[] = { { 0, 1 }, { 1, 1 }, { 1, 0 }, { 3, 0 }, { 0, 0 } };

    for (int i = 0; i < 5; i++) {
        sp_tape_reset(c.tape);
        sp_var x = sp_full(c.tape, SP_F64, SP_SHAPE(sizes[i].T, sizes[i].B, 1), 1);
        sp_trace *r = traced(sp_sum(sp_unroll(&l.cell, x, NULL).last.v[0]), NULL);
        ck_assert_int_eq(r->T, sizes[i].T);
        ck_assert_int_eq(r->n_states, 1);
        for (int64_t t = 0; t < r->T; t++) {
            near_to(r->state[0][t], sizes[i].B ? 1 : 0);
            near_to(r->grad[0][t], sizes[i].B ? 1 : 0);
            ck_assert(sizes[i].B ? r->jacobian[t] == .5 : isnan(r->jacobian[t]));
        }
        char *text = sp_trace_csv(r);
        ck_assert_ptr_nonnull(text);
        sp_release(text);
        sp_trace_free(r);
    }
}
END_TEST

/* In f32 the square of 1e-27 is 0. */
START_TEST(gradients_that_vanish_are_still_measured)
{
    sp_params *params = sp_params_new(1);
    line l = line_of(params, 1e-3, 1);
    sp_var x = sp_full(c.tape, SP_F32, SP_SHAPE(10, 1, 1), 1);
    sp_trace *r = traced(sp_sum(sp_unroll(&l.cell, x, NULL).last.v[0]), NULL);

    ck_assert_double_eq_tol(r->grad[0][0] * 1e27, 1, 1e-5);
    ck_assert_double_eq_tol(r->jacobian[3] * 1e3, 1, 1e-5);
    sp_trace_free(r);
    sp_tape_reset(c.tape);
    sp_params_free(params);
}
END_TEST

static sp_var wild_step(const sp_cell *cell, sp_var x, sp_state *state)
{
    (void)cell;
    return state->v[0] = sp_tanh(sp_add(state->v[0], sp_log(x)));
}

START_TEST(nan_is_traced_as_nan_and_an_anomaly_is_told)
{
    sp_cell wild = { .kind = "wild", .input = SP_SHAPE(1), .output = SP_SHAPE(1), .n_states = 1,
                     .state = { SP_SHAPE(1) }, .step = wild_step };
    sp_tape *strict = sp_tape_new(&(sp_tape_spec){ .anomaly = SP_ANOMALY_NAN });
    sp_tensor *x = sp_tensor_from(SP_F64, SP_SHAPE(3, 1, 1), (double[]){ 1, -1, 1 });

    sp_trace *r = traced(sp_sum(sp_unroll(&wild, sp_input(c.tape, x), NULL).y), NULL);
    ck_assert(r->state[0][0] == 0 && isnan(r->state[0][1]) && isnan(r->state[0][2]));
    ck_assert(isnan(r->grad[0][0]) && isnan(r->jacobian[1]));
    near_to(r->jacobian[0], 1);
    sp_trace_free(r);
    ck_assert_ptr_null(sp_trace_new(sp_sum(sp_unroll(&wild, sp_input(strict, x), NULL).y), NULL));
    ck_assert_str_eq(sp_error(),
                     "anomaly: log: [1,1] gave nan at [0,0], from [-1, -1] (in step 1)");
    sp_tape_free(strict);
    sp_tensor_free(x);
}
END_TEST

/* x = 3 lies at the end of all, 0 in the middle of erf and hard_sigmoid. */
static sp_var bounded_step(const sp_cell *cell, sp_var x, sp_state *state)
{
    (void)cell;
    sp_named(sp_erf(x), "e");
    sp_var p = sp_softmax(x), q = sp_hard_sigmoid(x);
    return state->v[0] = sp_add(p, q);
}

START_TEST(every_op_with_bounds_is_a_gate)
{
    sp_cell cell = { .kind = "b", .input = SP_SHAPE(2), .output = SP_SHAPE(2), .n_states = 1,
                     .state = { SP_SHAPE(2) }, .step = bounded_step };
    sp_tensor *x = sp_tensor_from(SP_F64, SP_SHAPE(2, 1, 2), (double[]){ 3, 0, 0, 0 });
    sp_var in = sp_input(c.tape, x);
    sp_trace *r = traced(sp_sum(sp_unroll(&cell, in, NULL).y), NULL);
    const char *name[] = { "e", "softmax", "hard_sigmoid" };
    const double full[] = { .5, 1, .5 };

    sp_tensor_free(x);
    ck_assert_int_eq(r->n_gates, 3);
    for (int i = 0; i < 3; i++) {
        ck_assert_str_eq(r->gate_name[i], name[i]);
        near_to(r->full[i][0], full[i]);
        near_to(r->full[i][1], 0);
    }
    sp_trace_free(r);
}
END_TEST

START_TEST(a_loss_that_is_none_is_told_and_the_tape_stays_well)
{
    line l = line_of(c.params, .5, 1);
    sp_seq seq = sp_unroll(&l.cell, ones(3), NULL);

    ck_assert_ptr_null(sp_trace_new(seq.y, NULL));
    ck_assert_str_eq(sp_error(),
                     "trace: the loss is f64[3,1,1]; it must be one number of f32 or f64");
    ck_assert_ptr_null(sp_trace_new(sp_cast(sp_sum(seq.y), SP_I64), NULL));
    ck_assert_str_eq(sp_error(), "trace: the loss is i64[]; it must be one number of f32 or f64");
    no_failure(&c);
    sp_var loss = sp_sum(seq.y);
    sp_tape_fail(c.tape, "first");
    sp_tensor_from(SP_N_DTYPES, SP_SCALAR, NULL);          /* another sentence stands there now */
    ck_assert_ptr_null(sp_trace_new(loss, NULL));
    ck_assert_str_eq(sp_error(), "trace: the tape has failed: first");
    sp_tape_reset(c.tape);
    ck_assert_ptr_null(sp_trace_new(loss, NULL));
    ck_assert_str_eq(sp_error(), "trace: the loss is nothing");
}
END_TEST

/* The timeline of a tape does not speak of what a trace has taken back. */
START_TEST(a_trace_leaves_no_events_of_its_own)
{
    sp_tape *timed = sp_tape_new(&(sp_tape_spec){ .trace = true });
    line l = line_of(c.params, .5, 1);
    sp_var x = sp_full(timed, SP_F64, SP_SHAPE(4, 1, 1), 1);
    sp_var loss = sp_sum(sp_tanh(sp_unroll(&l.cell, x, NULL).y));

    ck_assert(sp_backward(loss));
    const int64_t nodes = sp_stats(timed).nodes;
    sp_trace_free(traced(loss, NULL));
    char *text = sp_tape_show(timed, SP_SHOW_TRACE);
    int events = 0;
    for (const char *at = text; (at = strstr(at, "\"node\":")) != NULL; at++, events++)
        ck_assert_int_lt(strtol(at + 7, NULL, 10), nodes);
    ck_assert_int_gt(events, 10);
    sp_release(text);
    sp_tape_free(timed);
}
END_TEST

static sp_var kept(sp_var g, void *ignored)
{
    (void)ignored;
    return sp_keep(sp_scale(g, 2));
}

/* Without a step nothing is evaluated that would use up what the hook has pinned. */
START_TEST(what_a_hook_has_kept_is_taken_back)
{
    line l = line_of(c.params, .5, 1);
    sp_seq seq = sp_unroll(&l.cell, ones(0), NULL);
    sp_var loss = sp_sum(sp_add(seq.last.v[0], sp_use(c.tape, l.w)));

    sp_trace_free(traced(sp_hook(loss, kept, NULL), NULL));
    const int64_t computed = sp_stats(c.tape).computed;
    ck_assert_double_eq(sp_item(loss), 1);
    ck_assert_int_eq(sp_stats(c.tape).computed, computed);
}
END_TEST

int main(void)
{
    TCase *t = tcase_create("trace_edges");

    tcase_add_checked_fixture(t, begin, end);
    tcase_add_test(t, no_step_one_step_and_no_sample_are_traced);
    tcase_add_test(t, gradients_that_vanish_are_still_measured);
    tcase_add_test(t, nan_is_traced_as_nan_and_an_anomaly_is_told);
    tcase_add_test(t, every_op_with_bounds_is_a_gate);
    tcase_add_test(t, a_loss_that_is_none_is_told_and_the_tape_stays_well);
    tcase_add_test(t, a_trace_leaves_no_events_of_its_own);
    tcase_add_test(t, what_a_hook_has_kept_is_taken_back);
    return run_suite("trace_edges", t);
}
