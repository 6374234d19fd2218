/* SPDX-License-Identifier: MIT
 *
 * test_trace_sizes.c - numbers of a trace that are very large, very small, close to each other in a
 * batch, or beside padding.
 */
#include "tests/trace_line.h"

/* h' = x h, element by element: a step's Jacobian is the diagonal x. */
static sp_var gain_step(const sp_cell *cell, sp_var x, sp_state *state)
{
    (void)cell;
    return state->v[0] = sp_mul(state->v[0], x);
}

static sp_cell gain_cell(int64_t n)
{
    return (sp_cell){ .kind = "gain", .input = SP_SHAPE(n), .output = SP_SHAPE(n), .n_states = 1,
                      .state = { SP_SHAPE(n) }, .step = gain_step };
}

static sp_var given(sp_dtype dtype, sp_shape shape, const double numbers[])
{
    sp_tensor *x = sp_tensor_new(dtype, shape);

    for (int64_t i = 0; i < sp_tensor_size(x); i++) sp_tensor_set(x, i, numbers[i]);
    sp_var v = sp_input(c.tape, x);
    sp_tensor_free(x);
    return v;
}

static void ck_ratio(double is, double due)
{
    ck_assert_msg(fabs(is / due - 1) < 1e-6, "%.9g, should be %.9g", is, due);
}

/* a^199 and its square; part t of dL/da is a^(199 - t) h_{t-1}. */
START_TEST(gradients_whose_squares_are_no_numbers_have_norms)
{
    const double slope[] = { .1, 10 };

    for (int i = 0; i < 2; i++) {
        end(), begin();
        line l = line_of(c.params, slope[i], 1);
        sp_trace *r = traced(sp_sum(sp_unroll(&l.cell, ones(200), NULL).last.v[0]), NULL);
        for (int t = 0; t < 200; t++) ck_ratio(r->grad[0][t], pow(slope[i], 199 - t));
        ck_ratio(r->state[0][199], i ? 1e200 / 9 : 1 / .9);
        double total = 0, part[200];
        for (int t = 0; t < 200; t++)
            total += part[t] = pow(slope[i], 199 - t) * (1 - pow(slope[i], t)) / (1 - slope[i]);
        for (int t = 1; t < 200; t++) ck_ratio(r->share[0][t], part[t] / total);
        sp_trace_free(r);
    }
}
END_TEST

START_TEST(large_states_are_no_anomaly)
{
    sp_tape *strict = sp_tape_new(&(sp_tape_spec){ .anomaly = SP_ANOMALY_NAN_INF });
    line l = line_of(c.params, .5, 1);
    sp_var x = sp_full(strict, SP_F64, SP_SHAPE(3, 1, 1), 1e200);
    sp_trace *r = traced(sp_sum(sp_unroll(&l.cell, x, NULL).y), NULL);

    ck_ratio(r->state[0][2], 1.75e200);
    ck_ratio(r->jacobian[2], .5);
    ck_assert_ptr_null(sp_tape_error(strict));
    sp_trace_free(r);
    sp_tape_free(strict);
}
END_TEST

START_TEST(jacobians_whose_squares_are_no_numbers_are_measured)
{
    const struct { sp_dtype dtype; double gain[2]; } cases[] = {
        { SP_F32, { 1e-25, 2e-25 } }, { SP_F32, { 2e-20, 3e-22 } }, { SP_F32, { 1e20, 2 } },
        { SP_F32, { .5, .5 } }, { SP_F64, { 1e-170, 2e-170 } }, { SP_F64, { 2e170, 3 } } };

    for (int i = 0; i < 6; i++) {
        sp_cell cell = gain_cell(2);
        sp_var x = given(cases[i].dtype, SP_SHAPE(1, 1, 2), cases[i].gain);
        sp_trace *r = traced(sp_sum(sp_unroll(&cell, x, NULL).y), NULL);
        ck_ratio(r->jacobian[0], fmax(cases[i].gain[0], cases[i].gain[1]));
        sp_trace_free(r);
    }
}
END_TEST

/* Sample b has the singular values 1 - b / 1000 and half of it. */
START_TEST(samples_that_are_nearly_alike_are_told_apart)
{
    enum { B = 32 };
    sp_cell cell = gain_cell(2);
    double gain[2 * B];

    for (int b = 0; b < B; b++) {
        gain[2 * b] = 1 - b / 1000.;
        gain[2 * b + 1] = gain[2 * b] / 2;
    }
    sp_var x = given(SP_F64, SP_SHAPE(1, B, 2), gain);
    sp_trace *r = traced(sp_sum(sp_unroll(&cell, x, NULL).y), NULL);
    near_to(r->jacobian[0], 1);
    sp_trace_free(r);
}
END_TEST

/* Every sample goes on from the first: gradients of length 1 by all of them come together there. */
static sp_var mixed_step(const sp_cell *cell, sp_var x, sp_state *state)
{
    sp_var h = state->v[0];

    (void)cell;
    return state->v[0] = sp_add(sp_broadcast(sp_slice(h, 0, 0, 1), sp_var_shape(h)), x);
}

START_TEST(of_samples_that_are_mixed_the_gradient_by_one_is_told)
{
    sp_cell cell = { .kind = "mixed", .input = SP_SHAPE(1), .output = SP_SHAPE(1), .n_states = 1,
                     .state = { SP_SHAPE(1) }, .step = mixed_step };
    sp_var x = sp_full(c.tape, SP_F64, SP_SHAPE(2, 3, 1), 1);
    sp_trace *r = traced(sp_sum(sp_unroll(&cell, x, NULL).y), &(sp_trace_spec){ .iterations = 1 });

    near_to(r->jacobian[1], 3);
    sp_trace_free(r);
}
END_TEST

static sp_var sigmoid_step(const sp_cell *cell, sp_var x, sp_state *state)
{
    (void)cell;
    return state->v[0] = sp_add(sp_scale(state->v[0], 1e-4), sp_sigmoid(x));
}

/* Two samples, of which one is padded from step 1 on: its x is 0, its state stands. */
START_TEST(padding_counts_neither_for_gates_nor_for_jacobians)
{
    sp_cell cell = { .kind = "pad", .input = SP_SHAPE(1), .output = SP_SHAPE(1), .n_states = 1,
                     .state = { SP_SHAPE(1) }, .step = sigmoid_step };
    const int32_t mask[] = { 1, 1, 1, 0, 1, 0, 0, 0 };

    for (int masked = 0; masked < 2; masked++)
        for (int parts = 0; parts < 2; parts++) {
            sp_run run = { .checkpoint = { parts ? SP_EVERY : SP_KEEP_ALL, 2 } };
            if (masked) run.mask = integers(&c, SP_I32, SP_SHAPE(4, 2), mask);
            else run.lengths = INTEGERS(&c, 3, 1);
            sp_var x = sp_full(c.tape, SP_F64, SP_SHAPE(4, 2, 1), 20);
            sp_trace *r = traced(sp_sum(sp_unroll(&cell, x, &run).y), NULL);
            for (int t = 0; t < 3; t++) {
                near_to(r->full[0][t], 1);
                ck_ratio(r->jacobian[t], 1e-4);
            }
            ck_assert(isnan(r->full[0][3]) && isnan(r->jacobian[3]));
            sp_trace_free(r);
        }
}
END_TEST

int main(void)
{
    TCase *t = tcase_create("trace_sizes");

    tcase_add_checked_fixture(t, begin, end);
    tcase_add_test(t, gradients_whose_squares_are_no_numbers_have_norms);
    tcase_add_test(t, large_states_are_no_anomaly);
    tcase_add_test(t, jacobians_whose_squares_are_no_numbers_are_measured);
    tcase_add_test(t, samples_that_are_nearly_alike_are_told_apart);
    tcase_add_test(t, of_samples_that_are_mixed_the_gradient_by_one_is_told);
    tcase_add_test(t, padding_counts_neither_for_gates_nor_for_jacobians);
    return run_suite("trace_sizes", t);
}
