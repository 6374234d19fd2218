/* SPDX-License-Identifier: MIT
 *
 * Carries in checkpoints: whole names, several of one layer, the same one twice, another
 * dtype, and what is refused.
 */
#include "tests/nn_case.h"

enum { I = 3, H = 4, T = 5, B = 2 };

static const sp_rnn_spec two_layers = { .input = I, .hidden = H, .layers = 2 };

static void sp_error_says(const char *sentence)
{
    ck_assert_msg(strstr(sp_error(), sentence) != NULL, "\"%s\" does not say \"%s\"", sp_error(),
                  sentence);
}

/* Moved to the end of a random window: its own for each call. */
static void move(nn_case *c, sp_rnn *r, sp_carry *carry)
{
    sp_seq seq = sp_rnn_run(r, drawn(c, SP_SHAPE(T, B, I)), &(sp_run){ .carry = carry });

    ck_assert_msg(sp_carry_keep(carry, &seq), "%s", sp_error());
}

static void ck_same_place(const sp_carry *a, const sp_carry *b)
{
    const sp_tensor *x = sp_carry_state(a, 0), *y = sp_carry_state(b, 0);

    ck_assert(x && y && sp_tensor_same(x, y));
}

/* ---- names ---- */

START_TEST(a_stack_is_saved_under_its_whole_name)
{
    nn_case c = nn_begin();
    sp_rnn *r = stack_of(sp_params_in(sp_params_in(c.params, "model"), "dec"), _i, two_layers);
    sp_carry *carry = sp_carry_new(r, B);
    sp_store *store = sp_store_new();
    sp_saved saved = sp_carry_saved(carry);

    move(&c, r, carry);
    ck_assert(sp_store_put(store, 1, &saved));
    ck_assert(sp_store_has(store, "carry.model.dec.r.fresh"));
    ck_assert(sp_store_has(store, "carry.model.dec.r.0"));
    sp_rnn_run(r, drawn(&c, SP_SHAPE(T, B, I + 1)), NULL);
    failed_with(&c, "(in model.dec.r)");
    sp_store_free(store);
    sp_carry_free(carry);
    nn_end(&c);
}
END_TEST

START_TEST(a_stack_without_parameters_has_a_whole_name_too)
{
    nn_case c = nn_begin();
    sp_rnn *r = sp_rnn_new_of(sp_params_in(c.params, "dec"), "echo", echo_make,
                              (sp_rnn_spec){ .input = I });

    sp_rnn_run(r, drawn(&c, SP_SHAPE(T, B, I + 1)), NULL);
    failed_with(&c, "(in dec.echo)");
    nn_end(&c);
}
END_TEST

START_TEST(two_cells_of_a_kind_are_saved_side_by_side)
{
    nn_case c = nn_begin();
    const sp_rnn_spec spec = { .input = I, .hidden = H };
    sp_cell *a = sp_lstm_cell_new(sp_params_in(c.params, "enc"), "cell", spec);
    sp_cell *b = sp_lstm_cell_new(sp_params_in(c.params, "dec"), "cell", spec);
    sp_carry *carry[] = { sp_carry_new_cell(a, B), sp_carry_new_cell(b, B) };
    sp_saved saved[] = { sp_carry_saved(carry[0]), sp_carry_saved(carry[1]) };
    sp_store *store = sp_store_new();

    ck_assert_msg(sp_store_put(store, 2, saved), "%s", sp_error());
    ck_assert(sp_store_has(store, "carry.enc.cell.fresh"));
    ck_assert(sp_store_has(store, "carry.dec.cell.fresh"));
    sp_store_free(store);
    for (int i = 0; i < 2; i++) sp_carry_free(carry[i]);
    nn_end(&c);
}
END_TEST

START_TEST(a_name_that_is_too_long_is_refused_not_cut)
{
    nn_case c = nn_begin();
    char fits[201], longer[202];
    sp_carry *carry = sp_carry_new(stack_of(c.params, GRU, two_layers), B);
    sp_store *store = sp_store_new();

    memset(fits, 'n', sizeof fits - 1);
    memset(longer, 'n', sizeof longer - 1);
    fits[sizeof fits - 1] = longer[sizeof longer - 1] = 0;
    sp_saved saved = sp_carry_saved_as(carry, fits);
    ck_assert(sp_store_put(store, 1, &saved));
    saved = sp_carry_saved_as(carry, longer);
    ck_assert(!sp_store_put(store, 1, &saved));
    sp_error_says("has more than 200 bytes");
    ck_assert(!sp_store_take(store, 1, &saved));
    sp_store_free(store);
    sp_carry_free(carry);
    nn_end(&c);
}
END_TEST

/* ---- several ---- */

START_TEST(two_carries_of_a_layer_need_two_names)
{
    nn_case c = nn_begin();
    sp_rnn *r = stack_of(c.params, _i, two_layers);
    sp_carry *train = sp_carry_new(r, B), *valid = sp_carry_new(r, B);
    sp_carry *other[] = { sp_carry_new(r, B), sp_carry_new(r, B) };
    sp_store *store = sp_store_new();
    sp_saved same[] = { sp_carry_saved(train), sp_carry_saved(valid) };

    move(&c, r, train);
    move(&c, r, valid);
    ck_assert(!sp_store_put(store, 2, same));
    sp_error_says("carry.r.fresh: the store has it from another carry");
    sp_saved from[] = { sp_carry_saved(train), sp_carry_saved_as(valid, "valid") };
    sp_saved to[] = { sp_carry_saved(other[0]), sp_carry_saved_as(other[1], "valid") };
    ck_assert_msg(sp_store_put(store, 2, from), "%s", sp_error());
    ck_assert_msg(sp_store_take(store, 2, to), "%s", sp_error());
    ck_same_place(other[0], train);
    ck_same_place(other[1], valid);
    ck_assert(!sp_tensor_same(sp_carry_state(train, 0), sp_carry_state(valid, 0)));
    for (int i = 0; i < 2; i++) sp_carry_free(other[i]);
    sp_store_free(store);
    sp_carry_free(valid);
    sp_carry_free(train);
    nn_end(&c);
}
END_TEST

START_TEST(a_carry_may_be_put_again_and_where_it_came_from)
{
    nn_case c = nn_begin();
    sp_rnn *r = stack_of(c.params, LSTM, two_layers);
    sp_carry *carry = sp_carry_new(r, B), *other = sp_carry_new(r, B);
    sp_saved saved = sp_carry_saved(carry), restored = sp_carry_saved(other);
    sp_store *store = sp_store_new();

    for (int i = 0; i < 2; i++) {
        ck_assert(sp_store_put(store, 1, &saved));
        move(&c, r, carry);
    }
    ck_assert(!sp_store_put(store, 1, &restored));
    ck_assert(sp_store_take(store, 1, &restored) && sp_store_put(store, 1, &restored));
    sp_store_free(store);
    sp_carry_free(other);
    sp_carry_free(carry);
    nn_end(&c);
}
END_TEST

START_TEST(a_carry_listed_twice_is_taken_once)
{
    nn_case c = nn_begin();
    sp_rnn *r = stack_of(c.params, LSTM, two_layers);
    sp_carry *carry = sp_carry_new(r, B), *other = sp_carry_new(r, B);
    sp_saved saved = sp_carry_saved(carry);
    sp_saved twice[] = { sp_carry_saved(other), sp_carry_saved(other) };
    sp_store *store = sp_store_new();

    move(&c, r, carry);
    ck_assert(sp_store_put(store, 1, &saved));
    ck_assert(sp_store_take(store, 2, twice));
    ck_same_place(other, carry);
    move(&c, r, other);
    no_failure(&c);
    sp_store_free(store);
    sp_carry_free(other);
    sp_carry_free(carry);
    nn_end(&c);
}
END_TEST

/* ---- another dtype ---- */

/* A model in a dtype, as the store says if it is given, and its window from where it stands. */
typedef struct model { sp_params *params; sp_rnn *r; sp_carry *carry; sp_dtype dtype; } model;

static model model_of(int kind, sp_dtype dtype)
{
    model m = { .params = sp_params_new(5), .dtype = dtype };

    ck_assert(sp_params_dtype(m.params, dtype));
    m.r = stack_of(m.params, kind, two_layers);
    m.carry = sp_carry_new(m.r, B);
    return m;
}

static void model_free(model *m)
{
    sp_carry_free(m->carry);
    sp_params_free(m->params);
}

static sp_var window(nn_case *c, const model *m, const sp_tensor *x)
{
    sp_var in = sp_cast(sp_input(c->tape, x), m->dtype);
    sp_seq seq = sp_rnn_run(m->r, in, &(sp_run){ .carry = m->carry });

    ck_assert_msg(sp_carry_keep(m->carry, &seq), "%s", sp_error());
    return sp_cast(seq.y, SP_F64);
}

START_TEST(a_state_of_another_dtype_becomes_the_layers)
{
    const sp_dtype dtype[] = { SP_F64, SP_F32 };
    nn_case c = nn_begin();
    sp_tensor *x = randoms(SP_SHAPE(T, B, I), 8), *mask = sp_tensor_new(SP_BOOL, SP_SHAPE(B));

    sp_tensor_set(mask, 1, 1);
    for (int way = 0; way < 2; way++) {
        model a = model_of(_i, dtype[way]), b = model_of(_i, dtype[1 - way]);
        sp_saved from[] = { sp_params_saved(a.params), sp_carry_saved(a.carry) };
        sp_saved to[] = { sp_params_saved(b.params), sp_carry_saved(b.carry) };
        sp_store *store = sp_store_new();
        window(&c, &a, x);
        ck_assert(sp_carry_reset(a.carry, mask));
        ck_assert(sp_store_put(store, 2, from) && sp_store_take(store, 2, to));
        ck_close(window(&c, &b, x), window(&c, &a, x), 1e-6, "y");
        ck_assert_int_eq(sp_carry_state(b.carry, 0)->dtype, b.dtype);
        no_failure(&c);
        sp_store_free(store);
        sp_tape_reset(c.tape);
        model_free(&a);
        model_free(&b);
    }
    sp_tensor_free(mask);
    sp_tensor_free(x);
    nn_end(&c);
}
END_TEST

/* ---- refusals ---- */

START_TEST(no_carry_is_told_so)
{
    sp_saved none[] = { sp_carry_saved(NULL), sp_carry_saved_as(NULL, "x") };
    sp_store *store = sp_store_new();

    for (int i = 0; i < 2; i++) {
        sp_fail("before");
        ck_assert(!sp_store_put(store, 1, &none[i]));
        sp_error_says("carry: there is no carry");
        sp_fail("before");
        ck_assert(!sp_store_take(store, 1, &none[i]));
        sp_error_says("carry: there is no carry");
    }
    sp_store_free(store);
}
END_TEST

START_TEST(fresh_rows_that_are_no_bools_are_refused)
{
    nn_case c = nn_begin();
    sp_carry *carry = sp_carry_new(stack_of(c.params, GRU, two_layers), B);
    sp_store *store = sp_store_new();
    sp_saved saved = sp_carry_saved(carry);
    sp_tensor *numbers = randoms(SP_SHAPE(B), 1);

    ck_assert(sp_store_put_tensor(store, "carry.r.fresh", numbers));
    ck_assert(!sp_store_take(store, 1, &saved));
    sp_error_says("carry.r.fresh is f64, should be bool");
    sp_tensor_free(numbers);
    sp_store_free(store);
    sp_carry_free(carry);
    nn_end(&c);
}
END_TEST

int main(void)
{
    TCase *t = tcase_create("carry_saved");

    tcase_add_loop_test(t, a_stack_is_saved_under_its_whole_name, 0, N_KINDS);
    tcase_add_test(t, a_stack_without_parameters_has_a_whole_name_too);
    tcase_add_test(t, two_cells_of_a_kind_are_saved_side_by_side);
    tcase_add_test(t, a_name_that_is_too_long_is_refused_not_cut);
    tcase_add_loop_test(t, two_carries_of_a_layer_need_two_names, 0, N_KINDS);
    tcase_add_test(t, a_carry_may_be_put_again_and_where_it_came_from);
    tcase_add_test(t, a_carry_listed_twice_is_taken_once);
    tcase_add_loop_test(t, a_state_of_another_dtype_becomes_the_layers, 0, N_KINDS);
    tcase_add_test(t, no_carry_is_told_so);
    tcase_add_test(t, fresh_rows_that_are_no_bools_are_refused);
    return run_suite("carry_saved", t);
}
