/* SPDX-License-Identifier: MIT
 *
 * A state that crosses from window to window: as one long run, without its graph; at any
 * step; by row; copied; saved; and never half changed.
 */
#include "tests/nn_case.h"
#include "tensor/alloc.h"

enum { I = 3, H = 4, T = 6, B = 3, LAYERS = 2 };

typedef struct stream {
    nn_case   c;
    sp_rnn   *r;
    sp_carry *carry;
    sp_tensor *x;               /* [2 T,B,I] */
} stream;

static stream begin(int kind)
{
    stream s = { .c = nn_begin() };

    s.r = stack_of(s.c.params, kind, (sp_rnn_spec){ .input = I, .hidden = H, .layers = LAYERS });
    s.carry = sp_carry_new(s.r, B);
    s.x = randoms(SP_SHAPE(2 * T, B, I), 77);
    ck_assert(s.r && s.carry);
    return s;
}

static void end(stream *s)
{
    sp_tensor_free(s->x);
    sp_carry_free(s->carry);
    nn_end(&s->c);
}

static sp_var part(stream *s, int64_t from, int64_t n)
{
    return sp_slice(sp_input(s->c.tape, s->x), 0, from, n);
}

/* Run a window from where the carry stands and move it to its end. */
static sp_tensor *window(stream *s, int64_t from, int64_t n)
{
    sp_seq seq = sp_rnn_run(s->r, part(s, from, n), &(sp_run){ .carry = s->carry });
    sp_tensor *y = sp_export(seq.y);

    ck_assert_msg(y && sp_carry_keep(s->carry, &seq), "%s", sp_error());
    sp_tape_reset(s->c.tape);
    return y;
}

static void ck_same_rows(const sp_tensor *whole, int64_t from, const sp_tensor *y)
{
    int64_t offset = from * sp_tensor_size(whole) / whole->shape.dim[0];

    for (int64_t i = 0; i < sp_tensor_size(y); i++)
        ck_assert_double_eq(sp_tensor_at(y, i), sp_tensor_at(whole, offset + i));
}

START_TEST(windows_with_a_carry_are_one_long_run)
{
    stream s = begin(_i);
    sp_tensor *whole = sp_export(sp_rnn_run(s.r, part(&s, 0, 2 * T), NULL).y);
    const int64_t cuts[] = { 0, 2, 3, T, 2 * T };

    sp_tape_reset(s.c.tape);
    for (int i = 0; i < 4; i++) {
        sp_tensor *y = window(&s, cuts[i], cuts[i + 1] - cuts[i]);
        ck_same_rows(whole, cuts[i], y);
        sp_tensor_free(y);
    }
    sp_tensor_free(whole);
    end(&s);
}
END_TEST

START_TEST(no_gradient_passes_into_the_window_before)
{
    stream s = begin(LSTM);

    sp_tensor_free(window(&s, 0, T));
    sp_tensor *h = sp_tensor_copy(sp_carry_state(s.carry, 0));
    sp_tensor *c = sp_tensor_copy(sp_carry_state(s.carry, 1));
    sp_state given = { 2, { sp_input(s.c.tape, h), sp_input(s.c.tape, c) } };
    sp_seq a = sp_rnn_run(s.r, part(&s, T, T), &(sp_run){ .carry = s.carry });
    sp_seq b = sp_rnn_run(s.r, part(&s, T, T), &(sp_run){ .initial = given });
    sp_var w = sp_use(s.c.tape, sp_params_at(s.c.params, 0)), g[2];
    ck_assert(sp_grad(sp_sum(a.y), 1, &w, &g[0], NULL) && sp_grad(sp_sum(b.y), 1, &w, &g[1], NULL));
    ck_close(g[0], g[1], 0, "gradient");
    sp_tensor_free(h);
    sp_tensor_free(c);
    end(&s);
}
END_TEST

START_TEST(a_carry_can_be_kept_after_any_step)
{
    stream s = begin(_i);
    sp_tensor *whole = sp_export(sp_rnn_run(s.r, part(&s, 0, 2 * T), NULL).y);

    sp_tape_reset(s.c.tape);
    for (int64_t steps = 1; steps <= T; steps++) {
        ck_assert(sp_carry_reset(s.carry, NULL));
        sp_run run = { .carry = s.carry, .keep_at = steps };
        sp_seq seq = sp_rnn_run(s.r, part(&s, 0, T), &run);
        ck_assert(sp_eval(1, &seq.y) && sp_carry_keep_at(s.carry, &seq, steps));
        sp_tape_reset(s.c.tape);
        sp_tensor *y = window(&s, steps, 2);
        ck_same_rows(whole, steps, y);
        sp_tensor_free(y);
    }
    sp_tensor_free(whole);
    end(&s);
}
END_TEST

/* Parameters change after the backward pass: what the carry takes must have been kept. */
START_TEST(what_a_carry_takes_outlives_a_change_of_the_parameters)
{
    stream s = begin(GRU);
    sp_seq seq = sp_rnn_run(s.r, part(&s, 0, T), &(sp_run){ .carry = s.carry, .keep_at = 2 });

    ck_assert(sp_backward(sp_sum(seq.y)));
    for (int64_t i = 0; i < sp_params_count(s.c.params); i++)
        sp_param_changed(sp_params_at(s.c.params, i));
    int64_t computed = sp_stats(s.c.tape).computed;
    ck_assert_msg(sp_carry_keep(s.carry, &seq), "%s", sp_error());
    ck_assert_msg(sp_carry_keep_at(s.carry, &seq, 2), "%s", sp_error());
    ck_assert_int_le(sp_stats(s.c.tape).computed, computed + 2);
    end(&s);
}
END_TEST

START_TEST(rows_are_reset_by_a_mask)
{
    stream s = begin(_i);
    sp_tensor *fresh = sp_export(sp_rnn_run(s.r, part(&s, T, T), NULL).y);
    sp_tensor *mask = sp_tensor_new(SP_BOOL, SP_SHAPE(B));

    sp_tape_reset(s.c.tape);
    sp_tensor_free(window(&s, 0, T));
    sp_carry *same = sp_carry_copy(s.carry);
    sp_tensor_set(mask, 1, 1);
    ck_assert(sp_carry_reset(s.carry, mask));
    sp_tensor *y = sp_export(sp_rnn_run(s.r, part(&s, T, T), &(sp_run){ .carry = s.carry }).y);
    for (int64_t i = 0; i < sp_tensor_size(y); i++) {
        bool as_fresh = sp_tensor_at(y, i) == sp_tensor_at(fresh, i);
        ck_assert_int_eq(as_fresh, i / H % B == 1);
    }
    /* The copy still stands where the window ended. */
    sp_tensor *z = sp_export(sp_rnn_run(s.r, part(&s, T, T), &(sp_run){ .carry = s.carry }).y);
    ck_assert(sp_tensor_same(y, z));
    sp_carry_free(s.carry);
    s.carry = same;
    ck_assert_ptr_nonnull(sp_carry_state(s.carry, 0));
    ck_assert(sp_carry_reset(s.carry, NULL));
    ck_assert_ptr_null(sp_carry_state(s.carry, 0));
    sp_tensor_free(z);
    sp_tensor_free(y);
    sp_tensor_free(mask);
    sp_tensor_free(fresh);
    end(&s);
}
END_TEST

/* Both directions begin where the window before ended, as if those states had been given. */
START_TEST(a_carry_of_both_directions_is_the_state_given)
{
    nn_case c = nn_begin();
    sp_rnn *r = stack_of(c.params, _i, (sp_rnn_spec){ .input = I, .hidden = H, .layers = LAYERS,
                                                      .bidirectional = true });
    sp_carry *carry = sp_carry_new(r, B);
    sp_var x = drawn(&c, SP_SHAPE(2 * T, B, I)), late = sp_slice(x, 0, T, T);
    sp_seq first = sp_rnn_run(r, sp_slice(x, 0, 0, T), NULL);

    ck_assert_msg(sp_carry_keep(carry, &first), "%s", sp_error());
    ck_assert(!sp_carry_keep_at(carry, &first, 1));
    ck_assert(sp_shape_equal(sp_carry_state(carry, 0)->shape, SP_SHAPE(2 * LAYERS, B, H)));
    sp_seq given = sp_rnn_run(r, late, &(sp_run){ .initial = first.last });
    sp_seq carried = sp_rnn_run(r, late, &(sp_run){ .carry = carry });
    ck_close(carried.y, given.y, 0, "y");
    ck_close(carried.last.v[0], given.last.v[0], 0, "h");
    sp_rnn_run(r, late, &(sp_run){ .carry = carry, .keep_at = 1 });
    failed_with(&c, "carry: keep_at is for runs forwards");
    sp_carry_free(carry);
    nn_end(&c);
}
END_TEST

START_TEST(one_sample_without_a_batch_carries)
{
    nn_case c = nn_begin();
    sp_rnn *r = stack_of(c.params, _i, (sp_rnn_spec){ .input = I, .hidden = H, .layers = LAYERS });
    sp_carry *carry = sp_carry_new(r, 1);
    sp_var x = drawn(&c, SP_SHAPE(T, I)), whole = sp_rnn_run(r, x, NULL).y;
    const int64_t cuts[] = { 0, 2, 3, T };

    for (int i = 0; i < 3; i++) {
        const int64_t n = cuts[i + 1] - cuts[i];
        sp_run run = { .carry = carry, .keep_at = 1 };
        sp_seq seq = sp_rnn_run(r, sp_slice(x, 0, cuts[i], n), &run);
        ck_close(seq.y, sp_slice(whole, 0, cuts[i], n), 0, "y");
        sp_param_changed(sp_params_at(c.params, 0));
        ck_assert_msg(sp_carry_keep_at(carry, &seq, 1), "%s", sp_error());
        ck_assert_msg(sp_carry_keep(carry, &seq), "%s", sp_error());
    }
    ck_assert(sp_shape_equal(sp_carry_state(carry, 0)->shape, SP_SHAPE(LAYERS, 1, H)));
    sp_carry_free(carry);
    nn_end(&c);
}
END_TEST

/* In reverse the later window comes first, and only its end, t = 0, can be kept. */
START_TEST(runs_in_reverse_carry_from_their_end)
{
    stream s = begin(_i);
    const sp_run plain = { .reverse = true }, run = { .reverse = true, .carry = s.carry };
    sp_var whole = sp_rnn_run(s.r, part(&s, 0, 2 * T), &plain).y;
    sp_seq late = sp_rnn_run(s.r, part(&s, T, T), &run);

    ck_assert_msg(sp_carry_keep(s.carry, &late), "%s", sp_error());
    ck_assert(!sp_carry_keep_at(s.carry, &late, 1));
    ck_assert_ptr_nonnull(strstr(sp_error(), "a run in reverse stands only at its end"));
    ck_close(sp_rnn_run(s.r, part(&s, 0, T), &run).y, sp_slice(whole, 0, 0, T), 0, "y");
    sp_rnn_run(s.r, part(&s, 0, T), &(sp_run){ .reverse = true, .carry = s.carry, .keep_at = 2 });
    failed_with(&s.c, "carry: keep_at is for runs forwards");
    end(&s);
}
END_TEST

START_TEST(a_single_cell_carries_too)
{
    nn_case c = nn_begin();
    sp_cell *cell = sp_lstm_cell_new(c.params, "c", (sp_rnn_spec){ .input = I, .hidden = H });
    sp_carry *carry = sp_carry_new_cell(cell, B);
    sp_var x = drawn(&c, SP_SHAPE(T, B, I));
    sp_seq whole = sp_unroll(cell, x, NULL);
    sp_seq first = sp_unroll(cell, sp_slice(x, 0, 0, 2), &(sp_run){ .carry = carry });

    ck_assert(sp_carry_keep(carry, &first));
    sp_seq second = sp_unroll(cell, sp_slice(x, 0, 2, T - 2), &(sp_run){ .carry = carry });
    ck_close(second.last.v[1], whole.last.v[1], 0, "c");
    sp_carry_free(carry);
    nn_end(&c);
}
END_TEST

START_TEST(a_saved_carry_goes_on_as_the_one_that_was_not)
{
    stream s = begin(_i);
    sp_store *store = sp_store_new();
    sp_carry *other = sp_carry_new(s.r, B);
    sp_saved saved = sp_carry_saved(s.carry), restored = sp_carry_saved(other);

    ck_assert(sp_store_put(store, 1, &saved) && sp_store_take(store, 1, &restored));
    ck_assert_ptr_null(sp_carry_state(other, 0));
    sp_tensor_free(window(&s, 0, T));
    ck_assert(sp_store_put(store, 1, &saved));
    ck_assert_msg(sp_store_take(store, 1, &restored), "%s", sp_error());
    sp_tensor *a = window(&s, T, T);
    sp_carry_free(s.carry);
    s.carry = other;
    sp_tensor *b = window(&s, T, T);
    ck_assert(sp_tensor_same(a, b));
    sp_tensor_free(a);
    sp_tensor_free(b);
    sp_store_free(store);
    end(&s);
}
END_TEST

/* ---- refusals ---- */

START_TEST(a_carry_that_does_not_fit_is_told_so)
{
    stream s = begin(GRU);
    sp_rnn *other = sp_gru_new(s.c.params, "other", (sp_rnn_spec){ .input = I, .hidden = H });
    sp_carry *wide = sp_carry_new(s.r, B + 1);

    sp_rnn_run(s.r, part(&s, 0, T), &(sp_run){ .carry = wide });
    failed_with(&s.c, "carry: it has 4 rows, x has 3 (in r)");
    sp_tape_reset(s.c.tape);
    sp_rnn_run(other, part(&s, 0, T), &(sp_run){ .carry = s.carry });
    failed_with(&s.c, "carry: it was made for another layer (r)");
    sp_tape_reset(s.c.tape);
    sp_rnn_run(s.r, part(&s, 0, T), &(sp_run){ .carry = s.carry, .keep_at = T + 1 });
    failed_with(&s.c, "carry: keep_at is 7, should be 1 to 6");
    sp_tape_reset(s.c.tape);
    sp_rnn_run(s.r, part(&s, 0, T), &(sp_run){ .carry = s.carry,
                                               .initial.v[0] =
                                                   drawn(&s.c, SP_SHAPE(LAYERS, B, H)) });
    failed_with(&s.c, "carry: an initial state is given as well");
    sp_carry_free(wide);
    end(&s);
}
END_TEST

START_TEST(a_refused_keep_leaves_the_carry_as_it_was)
{
    stream s = begin(LSTM);

    sp_tensor_free(window(&s, 0, T));
    sp_tensor *h = sp_tensor_copy(sp_carry_state(s.carry, 0));
    sp_seq narrow = sp_rnn_run(s.r, sp_slice(part(&s, 0, T), 1, 0, 2), NULL);
    ck_assert(!sp_carry_keep(s.carry, &narrow));
    ck_assert_ptr_nonnull(strstr(sp_error(),
                                 "state 0 of the run is [2,2,4], the carry of r holds [2,3,4]"));
    sp_seq good = sp_rnn_run(s.r, part(&s, 0, T), NULL);
    ck_assert(!sp_carry_keep_at(s.carry, &good, 0));
    ck_assert(!sp_carry_keep_at(s.carry, &good, T + 1));
    sp_tape_fail(s.c.tape, "broken");
    ck_assert(!sp_carry_keep(s.carry, &good));
    ck_assert(sp_tensor_same(sp_carry_state(s.carry, 0), h));
    sp_tensor *mask = sp_tensor_new(SP_BOOL, SP_SHAPE(B + 1));
    ck_assert(!sp_carry_reset(s.carry, mask));
    ck_assert(!sp_carry_keep(s.carry, NULL) && !sp_carry_keep_at(s.carry, NULL, 1));
    ck_assert(!sp_carry_keep(NULL, &good) && !sp_carry_keep_at(NULL, &good, 1)
              && !sp_carry_reset(NULL, NULL));
    ck_assert(!sp_carry_new(NULL, 1) && !sp_carry_new_cell(NULL, 1) && !sp_carry_new(s.r, -1));
    sp_tensor_free(mask);
    sp_tensor_free(h);
    end(&s);
}
END_TEST

START_TEST(a_store_of_another_batch_changes_nothing)
{
    stream s = begin(LSTM);
    sp_store *store = sp_store_new();
    sp_carry *wide = sp_carry_new(s.r, B + 1);
    sp_saved from = sp_carry_saved(wide), to = sp_carry_saved(s.carry);

    sp_tensor_free(window(&s, 0, T));
    ck_assert(sp_store_put(store, 1, &from));
    ck_assert(!sp_store_take(store, 1, &to));
    ck_assert_ptr_nonnull(strstr(sp_error(), "carry.r.fresh is [4], should be [3]"));
    ck_assert_ptr_nonnull(sp_carry_state(s.carry, 0));
    sp_carry_free(wide);
    sp_store_free(store);
    end(&s);
}
END_TEST

/* Every allocation of a window and its keeping fails once. */
START_TEST(memory_that_fails_leaves_the_carry_as_it_was)
{
    stream s = begin(LSTM);
    bool done = !sp_alloc_fail(-1, false);

    sp_tensor_free(window(&s, 0, T));
    sp_tensor *h = sp_tensor_copy(sp_carry_state(s.carry, 0));
    sp_tape_free(s.c.tape);
    const int64_t blocks = sp_alloc_count().live_blocks;
    s.c.tape = sp_tape_new(NULL);
    for (int64_t n = 0; !done; n++) {
        sp_alloc_fail(n, false);
        sp_seq seq = sp_rnn_run(s.r, part(&s, T, T), &(sp_run){ .carry = s.carry });
        done = sp_carry_keep(s.carry, &seq);
        sp_alloc_fail(-1, false);
        ck_assert(done || sp_tensor_same(sp_carry_state(s.carry, 0), h));
        sp_tape_free(s.c.tape);
        ck_assert_int_eq(sp_alloc_count().live_blocks, blocks);
        s.c.tape = sp_tape_new(NULL);
    }
    sp_tensor_free(h);
    end(&s);
}
END_TEST

int main(void)
{
    TCase *t = tcase_create("carry");

    tcase_add_loop_test(t, windows_with_a_carry_are_one_long_run, 0, N_KINDS);
    tcase_add_test(t, no_gradient_passes_into_the_window_before);
    tcase_add_loop_test(t, a_carry_can_be_kept_after_any_step, 0, N_KINDS);
    tcase_add_test(t, what_a_carry_takes_outlives_a_change_of_the_parameters);
    tcase_add_loop_test(t, rows_are_reset_by_a_mask, 0, N_KINDS);
    tcase_add_loop_test(t, a_carry_of_both_directions_is_the_state_given, 0, N_KINDS);
    tcase_add_loop_test(t, one_sample_without_a_batch_carries, 0, N_KINDS);
    tcase_add_loop_test(t, runs_in_reverse_carry_from_their_end, 0, N_KINDS);
    tcase_add_test(t, a_single_cell_carries_too);
    tcase_add_loop_test(t, a_saved_carry_goes_on_as_the_one_that_was_not, 0, N_KINDS);
    tcase_add_test(t, a_carry_that_does_not_fit_is_told_so);
    tcase_add_test(t, a_refused_keep_leaves_the_carry_as_it_was);
    tcase_add_test(t, a_store_of_another_batch_changes_nothing);
    tcase_add_test(t, memory_that_fails_leaves_the_carry_as_it_was);
    return run_suite("carry", t);
}
