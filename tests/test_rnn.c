/* SPDX-License-Identifier: MIT
 *
 * Running stacks: layouts; dropout; single steps; what is refused, and how it is told.
 */
#include "tests/nn_case.h"

enum { I = 3, H = 4, T = 5, B = 2 };

/* ---- layouts ---- */

START_TEST(batch_first_swaps_x_y_and_marks_but_not_states)
{
    nn_case c = nn_begin();
    sp_rnn_spec spec = { .input = I, .hidden = H, .layers = 2, .bidirectional = true };
    sp_rnn *time_first = sp_gru_new(c.params, "a", spec);
    spec.batch_first = true;
    sp_rnn *batch_first = sp_gru_new(c.params, "b", spec);
    for (int i = 0; i < 16; i++)
        ck_assert(sp_param_set(sp_params_at(c.params, 16 + i), &sp_params_at(c.params, i)->value));

    sp_var x = drawn(&c, SP_SHAPE(T, B, I)), h = drawn(&c, SP_SHAPE(4, B, H));
    sp_var mask = sp_greater(drawn(&c, SP_SHAPE(T, B)), sp_const(c.tape, SP_F64, -0.5));
    sp_run run = { .initial.v[0] = h, .mask = mask, .lengths = INTEGERS(&c, 3, 5) };
    sp_seq a = sp_rnn_run(time_first, x, &run);
    run.mask = sp_transpose(mask, 0, 1);
    sp_seq b = sp_rnn_run(batch_first, sp_transpose(x, 0, 1), &run);
    ck_shape(b.y, SP_SHAPE(B, T, 2 * H));
    ck_shape(b.last.v[0], SP_SHAPE(4, B, H));
    ck_close(a.y, sp_transpose(b.y, 0, 1), 0, "y");
    ck_close(a.last.v[0], b.last.v[0], 0, "state");
    nn_end(&c);
}
END_TEST

START_TEST(one_sample_runs_without_a_batch_axis)
{
    nn_case c = nn_begin();
    sp_rnn *r = stack_of(c.params, _i, (sp_rnn_spec){ .input = I, .hidden = H, .layers = 2,
                                                      .batch_first = true });
    sp_var x = drawn(&c, SP_SHAPE(T, I)), h = drawn(&c, SP_SHAPE(2, H));
    sp_var reset = sp_cast(INTEGERS(&c, 0, 0, 1, 0, 0), SP_BOOL);
    sp_state one = { .v = { h } }, many = { .v = { sp_unsqueeze(h, 1) } };
    if (_i == LSTM) one.v[1] = h, many.v[1] = many.v[0];
    sp_seq a = sp_rnn_run(r, x, &(sp_run){ .initial = one, .reset = reset,
                                           .lengths = sp_select(INTEGERS(&c, 4), 0, 0) });
    sp_seq b = sp_rnn_run(r, sp_unsqueeze(x, 0), &(sp_run){
        .initial = many, .reset = sp_unsqueeze(reset, 0), .lengths = INTEGERS(&c, 4) });

    ck_shape(a.y, SP_SHAPE(T, H));
    ck_shape(a.last.v[0], SP_SHAPE(2, H));
    ck_shape(a.each.v[0], SP_SHAPE(T, 2, H));
    ck_close(a.y, sp_squeeze(b.y, 0), 0, "y");
    ck_close(a.last.v[0], sp_squeeze(b.last.v[0], 1), 0, "state");
    no_failure(&c);
    nn_end(&c);
}
END_TEST

START_TEST(a_state_for_one_row_serves_all)
{
    nn_case c = nn_begin();
    const sp_rnn_spec spec = { .input = I, .hidden = H, .bidirectional = true };
    sp_rnn *r = sp_gru_new(c.params, "r", spec);
    sp_var x = drawn(&c, SP_SHAPE(T, B, I)), h = drawn(&c, SP_SHAPE(2, 1, H)), g[2];
    sp_var all = sp_broadcast(h, SP_SHAPE(2, B, H));
    sp_seq a = sp_rnn_run(r, x, &(sp_run){ .initial.v[0] = h });
    sp_seq b = sp_rnn_run(r, x, &(sp_run){ .initial.v[0] = all });

    ck_close(a.y, b.y, 0, "y");
    ck_assert(sp_grad(sp_sum(sp_square(a.y)), 1, &h, &g[0], NULL)
              && sp_grad(sp_sum(sp_square(b.y)), 1, &all, &g[1], NULL));
    ck_close(g[0], sp_sum_axes(g[1], SP_AXES(1), true), 1e-14, "gradient");
    nn_end(&c);
}
END_TEST

START_TEST(each_state_stands_by_layer_and_direction)
{
    nn_case c = nn_begin();
    sp_rnn *r = stack_of(c.params, _i, (sp_rnn_spec){ .input = I, .hidden = H, .layers = 2,
                                                      .bidirectional = true });
    sp_seq seq = sp_rnn_run(r, drawn(&c, SP_SHAPE(T, B, I)), NULL);

    ck_shape(seq.each.v[0], SP_SHAPE(T, 4, B, H));
    for (int i = 0; i < 4; i++) {
        int t = i % 2 ? 0 : T - 1;
        sp_var at_t = sp_select(seq.each.v[0], 0, t);
        ck_close(sp_select(at_t, 0, i), sp_select(seq.last.v[0], 0, i), 0, "state");
    }
    /* The output of the top layer is its h, forward then reverse. */
    for (int d = 0; d < 2; d++)
        ck_close(sp_slice(seq.y, 2, d * H, H), sp_select(seq.each.v[0], 1, 2 + d), 0, "y");
    nn_end(&c);
}
END_TEST

START_TEST(an_activation_of_ones_own_is_used)
{
    nn_case c = nn_begin();
    const sp_rnn_spec spec = { .input = I, .hidden = H, .activation = sp_sigmoid };
    sp_rnn *r = sp_rnn_new(c.params, "r", spec);
    sp_var x = drawn(&c, SP_SHAPE(1, B, I)), w = sp_use(c.tape, sp_params_at(c.params, 0));
    sp_var b = sp_add(sp_use(c.tape, sp_params_at(c.params, 2)),
                      sp_use(c.tape, sp_params_at(c.params, 3)));
    sp_var due = sp_sigmoid(sp_add(sp_matmul_t(sp_select(x, 0, 0), false, w, true), b));

    ck_close(sp_rnn_run(r, x, NULL).last.v[0], sp_unsqueeze(due, 0), 1e-15, "h");
    nn_end(&c);
}
END_TEST

/* ---- dropout ---- */

static sp_tensor *dropped(sp_rnn *r, sp_tape *tape)
{
    sp_tensor *ones = sp_tensor_new(SP_F64, SP_SHAPE(20, 10, 10));

    sp_tensor_fill(ones, 1);
    sp_tensor *y = sp_export(sp_rnn_run(r, sp_input(tape, ones), NULL).y);
    sp_tensor_free(ones);
    ck_assert_msg(y != NULL, "%s", sp_tape_error(tape));
    return y;
}

START_TEST(dropout_between_layers_scales_what_it_keeps)
{
    nn_case c = nn_begin();
    const sp_rnn_spec spec = { .input = 10, .layers = 2, .dropout = 0.25 };
    sp_rnn *r = sp_rnn_new_of(c.params, "r", echo_make, spec);
    sp_tensor *y = dropped(r, c.tape);
    int64_t zeros = 0;

    for (int64_t i = 0; i < 2000; i++) {
        double v = sp_tensor_at(y, i);
        zeros += v == 0;
        ck_assert(v == 0 || fabs(v - 4. / 3) < 1e-15);
    }
    ck_assert_int_gt(zeros, 500 - 100);
    ck_assert_int_lt(zeros, 500 + 100);
    sp_tensor_free(y);
    nn_end(&c);
}
END_TEST

START_TEST(dropout_is_fresh_each_run_and_the_same_in_each_repetition)
{
    nn_case c = nn_begin();
    const sp_rnn_spec spec = { .input = 10, .layers = 2, .dropout = 0.5 };
    sp_rnn *r = sp_rnn_new_of(c.params, "r", echo_make, spec);
    sp_tensor *y[4];

    y[0] = dropped(r, c.tape);
    y[1] = dropped(r, c.tape);
    sp_tape_reset(c.tape);
    y[2] = dropped(r, c.tape);
    sp_tape_reset(c.tape);
    sp_tape_set_step(c.tape, 0);
    y[3] = dropped(r, c.tape);
    ck_assert(!sp_tensor_same(y[0], y[1]));
    ck_assert(!sp_tensor_same(y[0], y[2]));
    ck_assert(sp_tensor_same(y[0], y[3]));
    for (int i = 0; i < 4; i++) sp_tensor_free(y[i]);
    nn_end(&c);
}
END_TEST

START_TEST(dropout_is_nothing_in_evaluation_or_with_one_layer)
{
    for (int layers = 1; layers <= 2; layers++) {
        nn_case c = nn_begin();
        sp_rnn *r = sp_rnn_new_of(c.params, "r", echo_make,
                                  (sp_rnn_spec){ .input = 10, .layers = layers, .dropout = 0.5 });
        sp_tape_train(c.tape, layers == 1);
        sp_tensor *y = dropped(r, c.tape);
        for (int64_t i = 0; i < 2000; i++) ck_assert_double_eq(sp_tensor_at(y, i), 1);
        sp_tensor_free(y);
        nn_end(&c);
    }
}
END_TEST

/* ---- single steps ---- */

START_TEST(steps_one_by_one_are_a_run)
{
    nn_case c = nn_begin();
    sp_rnn *r = stack_of(c.params, _i, (sp_rnn_spec){ .input = I, .hidden = H, .layers = 3 });
    sp_var x = drawn(&c, SP_SHAPE(T, B, I));
    sp_seq seq = sp_rnn_run(r, x, NULL);
    sp_state s = { 0 };

    for (int t = 0; t < T; t++)
        ck_close(sp_rnn_step(r, sp_select(x, 0, t), &s), sp_select(seq.y, 0, t), 0, "y");
    for (int k = 0; k < s.n; k++) ck_close(s.v[k], seq.last.v[k], 0, "state");
    ck_assert_int_eq(s.n, seq.last.n);
    nn_end(&c);
}
END_TEST

START_TEST(one_sample_steps_without_a_batch_axis)
{
    nn_case c = nn_begin();
    sp_rnn *r = stack_of(c.params, _i, (sp_rnn_spec){ .input = I, .hidden = H, .layers = 2 });
    sp_var x = drawn(&c, SP_SHAPE(T, I));
    sp_seq seq = sp_rnn_run(r, x, NULL);
    sp_state s = { 0 };

    for (int t = 0; t < T; t++)
        ck_close(sp_rnn_step(r, sp_select(x, 0, t), &s), sp_select(seq.y, 0, t), 0, "y");
    ck_close(s.v[0], seq.last.v[0], 0, "state");
    nn_end(&c);
}
END_TEST

START_TEST(a_cell_steps_with_and_without_a_batch_axis)
{
    nn_case c = nn_begin();
    sp_cell *cell = sp_lstm_cell_new(c.params, "c", (sp_rnn_spec){ .input = I, .hidden = H });
    sp_var x = drawn(&c, SP_SHAPE(B, I));
    sp_state many = { 0 }, one = { 0 };

    for (int t = 0; t < 2; t++) {
        sp_var y = sp_cell_step(cell, x, &many);
        ck_close(sp_cell_step(cell, sp_select(x, 0, 1), &one), sp_select(y, 0, 1), 1e-15, "y");
    }
    ck_close(one.v[1], sp_select(many.v[1], 0, 1), 1e-15, "c");
    sp_cell_step(cell, drawn(&c, SP_SHAPE(B, I + 1)), &many);
    failed_with(&c, "lstm: x is [2,4], should be [B,3]");
    nn_end(&c);
}
END_TEST

/* ---- refusals ---- */

START_TEST(a_run_that_does_not_fit_is_told_so)
{
    nn_case c = nn_begin();
    sp_rnn *r = sp_lstm_new(sp_params_in(c.params, "decoder"), "lstm",
                            (sp_rnn_spec){ .input = I, .hidden = H, .layers = 2,
                                           .bidirectional = true });
    sp_var h = drawn(&c, SP_SHAPE(4, B, H + 1));

    ck_assert(sp_is_nothing(sp_rnn_run(r, drawn(&c, SP_SHAPE(T, B, H)), NULL).y));
    failed_with(&c, "lstm: x is [5,2,4], should be [T,B,3] or [T,3] (in decoder.lstm)");
    sp_tape_reset(c.tape);
    sp_rnn_run(r, h, NULL);
    failed_with(&c, "recorded before sp_tape_reset");
    sp_tape_reset(c.tape);
    h = drawn(&c, SP_SHAPE(4, B, H + 1));
    sp_rnn_run(r, drawn(&c, SP_SHAPE(T, B, I)), &(sp_run){ .initial = { 2, { h, h } } });
    failed_with(&c, "lstm: state 0 is [4,2,5], should be [4,2,4]");
    sp_tape_reset(c.tape);
    h = drawn(&c, SP_SHAPE(4, B, H));
    sp_rnn_run(r, drawn(&c, SP_SHAPE(T, B, I)), &(sp_run){ .initial = { 1, { h } } });
    failed_with(&c, "lstm: it has 2 states, given are 1");
    sp_tape_reset(c.tape);
    sp_rnn_step(r, drawn(&c, SP_SHAPE(B, I)), &(sp_state){ 0 });
    failed_with(&c, "lstm: a single step has no reverse direction");
    sp_tape_reset(c.tape);
    sp_rnn_run(NULL, drawn(&c, SP_SHAPE(T, B, I)), NULL);
    failed_with(&c, "rnn: there is no layer");
    nn_end(&c);
}
END_TEST

/* Out of range, it must be told before anything is read of so many. */
START_TEST(a_number_of_states_that_the_cell_has_not_is_told_so)
{
    static const int numbers[] = { 9, 3, 1, -1 };
    nn_case c = nn_begin();
    const sp_rnn_spec spec = { .input = I, .hidden = H };
    sp_rnn *r = sp_lstm_new(c.params, "r", spec);
    sp_cell *cell = sp_lstm_cell_new(c.params, "c", spec);

    for (int i = 0; i < 4 * 7; i++) {
        const int how = i / 4;
        sp_var x = drawn(&c, how < 3 ? SP_SHAPE(T, B, I) : SP_SHAPE(B, I));
        sp_var one = drawn(&c, SP_SHAPE(I));
        sp_run run = { .initial.n = numbers[i % 4] };
        sp_state s = run.initial;
        sp_var y = how == 0 ? sp_rnn_run(r, x, &run).y : how == 1 ? sp_unroll(cell, x, &run).y
                 : how == 2 ? sp_rnn_run(r, sp_select(x, 1, 0), &run).y
                 : how == 3 ? sp_rnn_step(r, x, &s) : how == 4 ? sp_rnn_step(r, one, &s)
                 : how == 5 ? sp_cell_step(cell, x, &s) : sp_cell_step(cell, one, &s);
        ck_assert(sp_is_nothing(y));
        failed_with(&c, "lstm: it has 2 states, given are ");
        sp_tape_reset(c.tape);
    }
    nn_end(&c);
}
END_TEST

static sp_var breaks_at_2(const sp_cell *cell, sp_var x, sp_state *state)
{
    (void)cell;
    sp_var count = state->v[0] = sp_shift(state->v[0], 1);
    return sp_item(sp_max(count)) > 2 ? sp_matmul(x, x) : x;
}

static sp_cell *broken_make(sp_params *params, const sp_rnn_part *part)
{
    sp_cell *cell = echo_make(params, part);

    if (cell && part->layer == 1) cell->step = breaks_at_2;
    return cell;
}

START_TEST(a_failure_within_says_layer_and_step)
{
    nn_case c = nn_begin();
    const sp_rnn_spec spec = { .input = I, .layers = 2 };
    sp_rnn *r = sp_rnn_new_of(c.params, "mine", broken_make, spec);

    sp_rnn_run(r, drawn(&c, SP_SHAPE(T, B, I)), NULL);
    failed_with(&c, "matmul: [2,3] x [2,3]");
    failed_with(&c, "(in mine layer 1, step 2)");
    nn_end(&c);
}
END_TEST

int main(void)
{
    TCase *t = tcase_create("rnn");

    tcase_add_test(t, batch_first_swaps_x_y_and_marks_but_not_states);
    tcase_add_loop_test(t, one_sample_runs_without_a_batch_axis, 0, N_KINDS);
    tcase_add_test(t, a_state_for_one_row_serves_all);
    tcase_add_loop_test(t, each_state_stands_by_layer_and_direction, 0, N_KINDS);
    tcase_add_test(t, an_activation_of_ones_own_is_used);
    tcase_add_test(t, dropout_between_layers_scales_what_it_keeps);
    tcase_add_test(t, dropout_is_fresh_each_run_and_the_same_in_each_repetition);
    tcase_add_test(t, dropout_is_nothing_in_evaluation_or_with_one_layer);
    tcase_add_loop_test(t, steps_one_by_one_are_a_run, 0, N_KINDS);
    tcase_add_loop_test(t, one_sample_steps_without_a_batch_axis, 0, N_KINDS);
    tcase_add_test(t, a_cell_steps_with_and_without_a_batch_axis);
    tcase_add_test(t, a_run_that_does_not_fit_is_told_so);
    tcase_add_test(t, a_number_of_states_that_the_cell_has_not_is_told_so);
    tcase_add_test(t, a_failure_within_says_layer_and_step);
    return run_suite("rnn", t);
}
