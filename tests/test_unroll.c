/* SPDX-License-Identifier: MIT
 *
 * Unrolling: what is not used does no harm; starts, directions and ranks; empty batches and
 * times; what is refused, and how it is told.
 */
#include "tests/nn_case.h"

enum { I = 3, H = 4, T = 6, B = 4 };

/* ---- what is not used ---- */

START_TEST(padding_may_be_nan_forward_and_in_gradients)
{
    nn_case c = nn_begin();
    sp_rnn *r = stack_of(c.params, _i, (sp_rnn_spec){ .input = I, .hidden = H, .layers = 2,
                                                      .bidirectional = true });
    sp_tensor *clean = randoms(SP_SHAPE(T, 2, I), 5), *dirty = sp_tensor_copy(clean);
    sp_run run = { .lengths = INTEGERS(&c, 2, 0) };
    sp_var x[2], loss[2], g[2][2];

    for (int64_t i = 0; i < sp_tensor_size(dirty); i++)
        if (i / I % 2 == 1 || i / (2 * I) >= 2) sp_tensor_set(dirty, i, NAN);
    for (int k = 0; k < 2; k++) {
        x[k] = sp_input(c.tape, k ? dirty : clean);
        sp_seq seq = sp_rnn_run(r, x[k], &run);
        loss[k] = sp_add(sp_sum(sp_square(seq.y)), sp_sum(seq.last.v[0]));
        sp_var by[] = { x[k], sp_use(c.tape, sp_params_at(c.params, 0)) };
        ck_assert(sp_grad(loss[k], 2, by, g[k], NULL));
    }
    ck_close(loss[0], loss[1], 0, "loss");
    ck_close(g[0][0], g[1][0], 0, "gradient by x");
    ck_close(g[0][1], g[1][1], 0, "gradient by a weight");
    sp_tensor_free(clean);
    sp_tensor_free(dirty);
    nn_end(&c);
}
END_TEST

START_TEST(a_row_of_length_0_passes_its_state_and_gradient_through)
{
    nn_case c = nn_begin();
    sp_rnn *r = stack_of(c.params, _i, (sp_rnn_spec){ .input = I, .hidden = H });
    sp_var x = drawn(&c, SP_SHAPE(T, 1, I)), h = drawn(&c, SP_SHAPE(1, 1, H)), g[2];
    sp_state s = { .n = _i == LSTM ? 2 : 1, .v = { h, h } };
    sp_seq seq = sp_rnn_run(r, x, &(sp_run){ .initial = s, .lengths = INTEGERS(&c, 0) });

    ck_all(seq.y, 0);
    ck_close(seq.last.v[0], h, 0, "state");
    ck_assert(sp_grad(sp_sum(sp_add(sp_sum(seq.y), sp_sum(seq.last.v[0]))), 2,
                      (sp_var[]){ x, h }, g, NULL));
    ck_all(g[0], 0);
    ck_all(g[1], 1);
    nn_end(&c);
}
END_TEST

START_TEST(a_mask_may_be_of_numbers)
{
    nn_case c = nn_begin();
    sp_rnn *r = sp_gru_new(c.params, "r", (sp_rnn_spec){ .input = I, .hidden = H });
    sp_var x = drawn(&c, SP_SHAPE(3, 1, I));
    sp_var numbers = sp_reshape(INTEGERS(&c, 2, 0, -1), SP_SHAPE(3, 1));
    sp_var floats = sp_cast(numbers, SP_F64), flags = sp_cast(numbers, SP_BOOL);

    sp_var y = sp_rnn_run(r, x, &(sp_run){ .mask = flags }).y;
    ck_close(sp_rnn_run(r, x, &(sp_run){ .mask = numbers }).y, y, 0, "integers");
    ck_close(sp_rnn_run(r, x, &(sp_run){ .mask = floats }).y, y, 0, "floats");
    ck_all(sp_select(y, 0, 1), 0);
    nn_end(&c);
}
END_TEST

START_TEST(nothing_is_blended_where_no_option_is_given)
{
    nn_case c = nn_begin();
    sp_rnn *r = sp_gru_new(c.params, "r", (sp_rnn_spec){ .input = I, .hidden = H });
    sp_var x = drawn(&c, SP_SHAPE(T, B, I));
    int64_t before = sp_stats(c.tape).nodes;

    sp_rnn_run(r, x, NULL);
    int64_t plain = sp_stats(c.tape).nodes - before;
    sp_rnn_run(r, x, &(sp_run){ .lengths = INTEGERS(&c, 6, 6, 6, 6) });
    ck_assert_int_gt(sp_stats(c.tape).nodes - before - plain, plain);
    nn_end(&c);
}
END_TEST

/* ---- directions, starts, each state ---- */

START_TEST(reverse_is_forward_on_flipped_time)
{
    nn_case c = nn_begin();
    sp_rnn *r = stack_of(c.params, _i, (sp_rnn_spec){ .input = I, .hidden = H });
    sp_var x = drawn(&c, SP_SHAPE(T, B, I));
    sp_seq a = sp_rnn_run(r, x, &(sp_run){ .reverse = true }),
        b = sp_rnn_run(r, sp_flip(x, 0), NULL);

    ck_close(a.y, sp_flip(b.y, 0), 0, "y");
    ck_close(a.last.v[0], b.last.v[0], 0, "state");
    ck_close(sp_select(a.each.v[0], 0, 0), a.last.v[0], 0, "the last of each");
    ck_close(sp_select(b.each.v[0], 0, T - 1), b.last.v[0], 0, "the last of each");
    nn_end(&c);
}
END_TEST

START_TEST(a_learned_start_is_used_and_gets_the_gradient_of_all_rows)
{
    nn_case c = nn_begin();
    sp_rnn_part part = { .input = I, .suffix = "", .spec = &(sp_rnn_spec){ .hidden = H } };
    sp_cell *cell = learned_make(sp_params_in(c.params, "cell"), &part);
    sp_var h0 = sp_use(c.tape, sp_params_find(c.params, "cell.h0")), g[2];
    sp_var x = drawn(&c, SP_SHAPE(T, B, I)), given = sp_broadcast(h0, SP_SHAPE(B, H));
    sp_seq a = sp_unroll(cell, x, NULL);
    sp_seq b = sp_unroll(cell, x, &(sp_run){ .initial.v[0] = given });

    ck_close(a.y, b.y, 0, "y");
    ck_assert(sp_grad(sp_sum(sp_square(a.y)), 1, &h0, &g[0], NULL));
    ck_assert(sp_grad(sp_sum(sp_square(b.y)), 1, &given, &g[1], NULL));
    ck_close(g[0], sp_sum_axes(g[1], SP_AXES(0), true), 1e-14, "gradient");
    nn_end(&c);
}
END_TEST

/* ---- nothing to do ---- */

START_TEST(no_time_gives_no_output_and_the_initial_state)
{
    nn_case c = nn_begin();
    const sp_rnn_spec spec = { .input = I, .hidden = H, .bidirectional = true };
    sp_rnn *r = stack_of(c.params, _i, spec);
    sp_var h = drawn(&c, SP_SHAPE(2, B, H));
    sp_state s = { .n = _i == LSTM ? 2 : 1, .v = { h, h } };
    sp_seq seq = sp_rnn_run(r, drawn(&c, SP_SHAPE(0, B, I)),
                            &(sp_run){ .initial = s, .lengths = INTEGERS(&c, 0, 0, 0, 0) });

    ck_shape(seq.y, SP_SHAPE(0, B, 2 * H));
    ck_shape(seq.each.v[0], SP_SHAPE(0, 2, B, H));
    ck_close(seq.last.v[0], h, 0, "state");
    ck_assert_double_eq(sp_item(sp_sum(seq.y)), 0);
    no_failure(&c);
    nn_end(&c);
}
END_TEST

START_TEST(no_rows_work)
{
    nn_case c = nn_begin();
    sp_rnn *r = stack_of(c.params, _i, (sp_rnn_spec){ .input = I, .hidden = H, .layers = 2 });
    sp_seq seq = sp_rnn_run(r, drawn(&c, SP_SHAPE(T, 0, I)),
                            &(sp_run){ .lengths = integers(&c, SP_I64, SP_SHAPE(0), NULL) });

    ck_shape(seq.y, SP_SHAPE(T, 0, H));
    ck_shape(seq.last.v[0], SP_SHAPE(2, 0, H));
    ck_assert_msg(sp_backward(sp_add(sp_sum(seq.y), sp_sum(seq.last.v[0]))), "%s",
                  sp_tape_error(c.tape));
    nn_end(&c);
}
END_TEST

/* ---- samples of any rank ---- */

/* A matrix memory: M' = M + outer(x, x), y = M' x. */
static sp_var memory_step(const sp_cell *cell, sp_var x, sp_state *state)
{
    sp_var column = sp_unsqueeze(x, 2);
    sp_var m = sp_add(state->v[0], sp_matmul_t(column, false, column, true));

    (void)cell;
    state->v[0] = m;
    return sp_squeeze(sp_matmul(m, column), 2);
}

START_TEST(states_may_be_matrices)
{
    const sp_cell memory = { .kind = "memory", .input = SP_SHAPE(I), .output = SP_SHAPE(I),
                             .n_states = 1, .state = { SP_SHAPE(I, I) }, .step = memory_step };
    nn_case c = nn_begin();
    sp_var x = drawn(&c, SP_SHAPE(T, 2, I));
    sp_seq seq = sp_unroll(&memory, x, &(sp_run){ .lengths = INTEGERS(&c, 2, 6) });
    sp_var row = sp_slice(sp_select(x, 1, 0), 0, 0, 2);

    ck_shape(seq.last.v[0], SP_SHAPE(2, I, I));
    ck_shape(seq.each.v[0], SP_SHAPE(T, 2, I, I));
    ck_close(sp_select(seq.last.v[0], 0, 0), sp_matmul_t(row, true, row, false), 1e-15, "memory");
    nn_end(&c);
}
END_TEST

/* y is x itself, a scalar per sample; the state counts. */
static sp_var count_step(const sp_cell *cell, sp_var x, sp_state *state)
{
    (void)cell;
    state->v[0] = sp_shift(state->v[0], 1);
    return x;
}

START_TEST(samples_may_be_scalars)
{
    const sp_cell count = { .kind = "count", .n_states = 1, .step = count_step };
    nn_case c = nn_begin();
    sp_var x = drawn(&c, SP_SHAPE(T, 2));
    sp_seq seq = sp_unroll(&count, x, &(sp_run){ .lengths = INTEGERS(&c, 2, 6) });

    ck_assert_double_eq(sp_item(sp_select(seq.last.v[0], 0, 0)), 2);
    ck_assert_double_eq(sp_item(sp_select(seq.last.v[0], 0, 1)), 6);
    nn_end(&c);
}
END_TEST

/* As count, but it makes its state anew and says no number. */
static sp_var forgetful_step(const sp_cell *cell, sp_var x, sp_state *s)
{
    (void)cell, (void)x;
    *s = (sp_state){ .v = { sp_shift(s->v[0], 1) } };
    return s->v[0];
}

START_TEST(a_state_without_its_number_is_taken_whole)
{
    nn_case c = nn_begin();
    const sp_cell cell = { .kind = "forgetful", .n_states = 1, .step = forgetful_step };
    sp_carry *carry = sp_carry_new_cell(&cell, 2);
    sp_state s = { 0 };

    for (int i = 1; i <= 2; i++) {
        sp_run run = { .carry = carry, .lengths = INTEGERS(&c, T, 2) };
        sp_seq seq = sp_unroll(&cell, drawn(&c, SP_SHAPE(T, 2)), &run);
        ck_assert_msg(sp_carry_keep(carry, &seq), "%s", sp_tape_error(c.tape));
        ck_assert_double_eq(sp_tensor_at(sp_carry_state(carry, 0), 0), i * T);
        ck_assert_double_eq(sp_tensor_at(sp_carry_state(carry, 0), 1), i * 2);
        ck_shape(seq.each.v[0], SP_SHAPE(T, 2));
        ck_all(sp_cell_step(&cell, drawn(&c, SP_SCALAR), &s), i);
        ck_assert_int_eq(s.n, 1);
    }
    no_failure(&c);
    sp_carry_free(carry);
    nn_end(&c);
}
END_TEST

/* ---- refusals ---- */

static sp_var wrong_output(const sp_cell *cell, sp_var x, sp_state *s)
{
    (void)cell, (void)s;
    return x;
}
static sp_var wrong_state(const sp_cell *cell, sp_var x, sp_state *s)
{
    (void)cell;
    return s->v[0] = x;
}
static sp_var no_output(const sp_cell *cell, sp_var x, sp_state *s)
{
    (void)cell, (void)x, (void)s;
    return (sp_var){ 0 };
}

START_TEST(a_cell_that_breaks_its_record_is_told_so)
{
    static const struct {
        sp_var (*step)(const sp_cell *, sp_var, sp_state *);
        int out;
        const char *says;
    } bad[] = {
        { wrong_output, H,
          "odd: what step returns is [2,3], by the cell's record it should be [2,4]" },
        { wrong_state,  I,
          "odd: the state after step is [2,3], by the cell's record it should be [2,4]" },
        { no_output,    H, "odd: step returned no var (in step 0)" },
    };

    for (int i = 0; i < 3; i++) {
        nn_case c = nn_begin();
        const sp_cell odd = { .kind = "odd", .input = SP_SHAPE(I), .output = SP_SHAPE(bad[i].out),
                              .n_states = 1, .state = { SP_SHAPE(H) }, .step = bad[i].step };
        ck_assert(sp_is_nothing(sp_unroll(&odd, drawn(&c, SP_SHAPE(T, 2, I)), NULL).y));
        failed_with(&c, bad[i].says);
        nn_end(&c);
    }
}
END_TEST

START_TEST(an_unusable_record_is_told_so)
{
    nn_case c = nn_begin();
    const struct { sp_cell cell; const char *says; } bad[] = {
        { { .kind = "deep", .input = SP_SHAPE(1, 1, 1, 1, 1), .n_states = 1, .step = count_step },
          "deep: the cell's record is unusable: shapes of one sample have at most 4 axes" },
        { { .kind = "still", .n_states = 1 },
          "still: the cell's record is unusable: it has no step" },
        { { .n_states = 1, .step = count_step },
          "cell: the cell's record is unusable: it has no kind" },
        { { .kind = "many", .n_states = 9, .step = count_step },
          "many: the cell's record is unusable: there are 1 to 4 states" },
    };

    for (int i = 0; i < 4; i++) {
        sp_unroll(&bad[i].cell, drawn(&c, SP_SHAPE(T, 2)), NULL);
        failed_with(&c, bad[i].says);
        sp_tape_reset(c.tape);
        ck_assert_ptr_null(sp_carry_new_cell(&bad[i].cell, 2));
        ck_assert_ptr_nonnull(strstr(sp_error(), strrchr(bad[i].says, ':')));
    }
    sp_unroll(NULL, drawn(&c, SP_SHAPE(T, 2)), NULL);
    failed_with(&c, "cell: there is no layer");
    nn_end(&c);
}
END_TEST

typedef struct refusal { const char *says; sp_shape x, state, mask, reset; int length; } refusal;

static const refusal refusals[] = {
    { "unroll: x is [6,2], the cell gru takes [T,B,3]", { 2, { 6, 2 } }, .length = -9 },
    { "unroll: x is [6,2,5], the cell gru takes [T,B,3]", { 3, { 6, 2, 5 } }, .length = -9 },
    { "gru: state 0 is [2,5], should be [2,4]", { 3, { 6, 2, 3 } }, .state = { 2, { 2, 5 } },
      .length = -9 },
    { "unroll: mask is [2,6] of f64, should be [6,2]", { 3, { 6, 2, 3 } },
      .mask = { 2, { 2, 6 } }, .length = -9 },
    { "unroll: reset is [6] of f64, should be [6,2]", { 3, { 6, 2, 3 } }, .reset = { 1, { 6 } },
      .length = -9 },
    { "the length of row 1 is 7, should be 0 to 6", { 3, { 6, 2, 3 } }, .length = 7 },
    { "the length of row 1 is -1, should be 0 to 6", { 3, { 6, 2, 3 } }, .length = -1 },
};

START_TEST(a_run_that_does_not_fit_is_told_so)
{
    const refusal *r = &refusals[_i];
    nn_case c = nn_begin();
    sp_cell *cell = sp_gru_cell_new(c.params, "g", (sp_rnn_spec){ .input = I, .hidden = H });
    sp_run run = { 0 };

    if (r->state.rank) run.initial.v[0] = drawn(&c, r->state);
    if (r->mask.rank) run.mask = drawn(&c, r->mask);
    if (r->reset.rank) run.reset = drawn(&c, r->reset);
    if (r->length > -9) run.lengths = INTEGERS(&c, 3, r->length);
    sp_seq seq = sp_unroll(cell, drawn(&c, r->x), &run);
    ck_assert(sp_is_nothing(seq.y) && sp_is_nothing(seq.last.v[0]) && sp_is_nothing(seq.each.v[0]));
    failed_with(&c, r->says);
    nn_end(&c);
}
END_TEST

START_TEST(lengths_of_another_shape_or_kind_are_refused)
{
    nn_case c = nn_begin();
    sp_cell *cell = sp_gru_cell_new(c.params, "g", (sp_rnn_spec){ .input = I, .hidden = H });

    sp_unroll(cell, drawn(&c, SP_SHAPE(T, 2, I)), &(sp_run){ .lengths = INTEGERS(&c, 1, 2, 3) });
    failed_with(&c, "unroll: lengths is [3] of i64, should be [2] of i32 or i64");
    sp_tape_reset(c.tape);
    sp_unroll(cell, drawn(&c, SP_SHAPE(T, 2, I)), &(sp_run){ .lengths = drawn(&c, SP_SHAPE(2)) });
    failed_with(&c, "unroll: lengths is [2] of f64, should be [2] of i32 or i64");
    nn_end(&c);
}
END_TEST

START_TEST(an_option_of_another_recording_is_told_so)
{
    nn_case c = nn_begin();
    sp_cell *cell = sp_gru_cell_new(c.params, "g", (sp_rnn_spec){ .input = I, .hidden = H });
    sp_var old = drawn(&c, SP_SHAPE(2, H));

    sp_tape_reset(c.tape);
    sp_unroll(cell, drawn(&c, SP_SHAPE(T, 2, I)), &(sp_run){ .initial.v[0] = old });
    failed_with(&c, "recorded before sp_tape_reset");
    sp_tape_reset(c.tape);
    sp_unroll(cell, drawn(&c, SP_SHAPE(T, 2, I)), &(sp_run){ .mask = old });
    failed_with(&c, "recorded before sp_tape_reset");
    sp_tape_reset(c.tape);
    ck_assert(sp_is_nothing(sp_unroll(cell, old, NULL).y));
    failed_with(&c, "recorded before sp_tape_reset");
    nn_end(&c);
}
END_TEST

int main(void)
{
    TCase *t = tcase_create("unroll");

    tcase_add_loop_test(t, padding_may_be_nan_forward_and_in_gradients, 0, N_KINDS);
    tcase_add_loop_test(t, a_row_of_length_0_passes_its_state_and_gradient_through, 0, N_KINDS);
    tcase_add_test(t, a_mask_may_be_of_numbers);
    tcase_add_test(t, nothing_is_blended_where_no_option_is_given);
    tcase_add_loop_test(t, reverse_is_forward_on_flipped_time, 0, N_KINDS);
    tcase_add_test(t, a_learned_start_is_used_and_gets_the_gradient_of_all_rows);
    tcase_add_loop_test(t, no_time_gives_no_output_and_the_initial_state, 0, N_KINDS);
    tcase_add_loop_test(t, no_rows_work, 0, N_KINDS);
    tcase_add_test(t, states_may_be_matrices);
    tcase_add_test(t, samples_may_be_scalars);
    tcase_add_test(t, a_state_without_its_number_is_taken_whole);
    tcase_add_test(t, a_cell_that_breaks_its_record_is_told_so);
    tcase_add_test(t, an_unusable_record_is_told_so);
    tcase_add_loop_test(t, a_run_that_does_not_fit_is_told_so, 0,
                        sizeof refusals / sizeof *refusals);
    tcase_add_test(t, lengths_of_another_shape_or_kind_are_refused);
    tcase_add_test(t, an_option_of_another_recording_is_told_so);
    return run_suite("unroll", t);
}
