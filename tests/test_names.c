/* SPDX-License-Identifier: MIT
 *
 * test_names.c - values and gradients are found by their scope and role.
 */
#include <math.h>
#include <string.h>
#include "autograd/names.h"
#include "tests/nn_case.h"

static nn_case c;

static void begin(void) { c = nn_begin(); }
static void end(void)   { nn_end(&c); }

static void told(const char *sentence)
{
    ck_assert_msg(strstr(sp_error(), sentence) != NULL, "\"%s\" does not say \"%s\"", sp_error(),
                  sentence);
}

static sp_seq run(int kind, sp_rnn_spec spec, const sp_run *how)
{
    spec.input = 3, spec.hidden = 4;
    sp_rnn *r = stack_of(sp_params_in(c.params, "encoder"), kind, spec);
    sp_seq seq = sp_rnn_run(r, drawn(&c, SP_SHAPE(5, 2, 3)), how);
    no_failure(&c);
    return seq;
}

static sp_var found(const char *path)
{
    sp_var v = sp_find(c.tape, path);
    ck_assert_msg(!sp_is_nothing(v), "%s", sp_error());
    return v;
}

START_TEST(every_state_of_a_stack_has_a_name)
{
    sp_seq seq = run(LSTM, (sp_rnn_spec){ .layers = 2, .bidirectional = true }, NULL);
    char path[80];

    for (int t = 0; t < 5; t++)
        for (int part = 0; part < 4; part++)
            for (int k = 0; k < 2; k++) {
                snprintf(path, sizeof path, "encoder.r/layer %d%s/step %d/%s", part / 2,
                         part % 2 ? "/reverse" : "", t, k ? "c" : "h");
                ck_close(found(path), sp_select(sp_select(seq.each.v[k], 0, t), 0, part), 0, path);
            }
}
END_TEST

START_TEST(gates_have_names_and_meet_their_equations)
{
    run(LSTM, (sp_rnn_spec){ 0 }, NULL);
    sp_var f = found("step 3/f"), i = found("step 3/i"), g = found("step 3/g"),
           o = found("step 3/o"), before = found("step 2/c"), after = found("step 3/c");

    ck_close(after, sp_add(sp_mul(f, before), sp_mul(i, g)), 1e-15, "c' = f c + i g");
    ck_close(found("step 3/h"), sp_mul(o, sp_tanh(after)), 1e-15, "h' = o tanh(c')");
}
END_TEST

START_TEST(the_gates_of_a_gru_meet_its_equation)
{
    for (int kind = GRU; kind <= GRU_BEFORE; kind++) {
        end(), begin();
        run(kind, (sp_rnn_spec){ 0 }, NULL);
        sp_var z = found("step 0/z"), n = found("step 0/n"), h = found("start/h");
        found("step 0/r");
        ck_close(found("step 0/h"),
                 sp_add(sp_mul(sp_one_minus(z), n), sp_mul(z, h)), 1e-14, "h' = (1-z) n + z h");
    }
}
END_TEST

START_TEST(with_lengths_the_named_state_is_the_one_that_counts)
{
    sp_seq seq = run(MGU, (sp_rnn_spec){ 0 }, &(sp_run){ .lengths = INTEGERS(&c, 2, 5) });

    ck_close(found("step 4/h"), sp_squeeze(seq.last.v[0], 0), 0, "h");
}
END_TEST

START_TEST(the_gradient_by_a_state_is_found_after_backward)
{
    sp_seq seq = run(GRU, (sp_rnn_spec){ 0 }, NULL);
    sp_var loss = sp_sum(sp_square(seq.y)), h[5], g[5];
    char path[40];

    ck_assert(sp_is_nothing(sp_find_grad(c.tape, "step 4/h")));
    told("no gradient has come to \"step 4/h\"");
    for (int t = 0; t < 5; t++) {
        snprintf(path, sizeof path, "layer 0/step %d/h", t);
        h[t] = found(path);
    }
    ck_assert(sp_backward(loss));
    sp_var arrived[5];
    for (int t = 0; t < 5; t++) {
        snprintf(path, sizeof path, "step %d/h", t);
        arrived[t] = sp_find_grad(c.tape, path);
    }
    ck_close(arrived[4], sp_scale(h[4], 2), 1e-15, "dL/dh_4 = 2 h_4");
    ck_assert(sp_grad(loss, 5, h, g, NULL));
    for (int t = 0; t < 5; t++) ck_close(arrived[t], g[t], 0, path);
    no_failure(&c);
}
END_TEST

START_TEST(a_dropped_value_is_computed_again)
{
    sp_seq seq = run(LSTM, (sp_rnn_spec){ 0 }, NULL);

    ck_assert(sp_backward(sp_sum(seq.y)));
    int64_t before = sp_stats(c.tape).recomputed;
    ck_assert(sp_value(found("step 1/i")));
    ck_assert_int_gt(sp_stats(c.tape).recomputed, before);
}
END_TEST

START_TEST(what_is_not_there_is_told_with_the_nearest_names)
{
    run(LSTM, (sp_rnn_spec){ 0 }, NULL);
    ck_assert(sp_is_nothing(sp_find(c.tape, "encoder.r/layer 0/step 3/H")));
    told("sp_find: nothing is named \"encoder.r/layer 0/step 3/H\"; near it are ");
    told("\"encoder.r/layer 0/step 3/h\"");
    ck_assert(sp_is_nothing(sp_find_grad(c.tape, "encoder.r/layer 0/step 33/c")));
    told("sp_find_grad: nothing is named");
    told("\"encoder.r/layer 0/step 3/c\"");
    ck_assert(sp_is_nothing(sp_find(c.tape, "tep 3/h")));      /* parts are whole */
    ck_assert(sp_is_nothing(sp_find(c.tape, "")));
    ck_assert(sp_is_nothing(sp_find(NULL, "h")));
    ck_assert(sp_is_nothing(sp_find(c.tape, NULL)));
    no_failure(&c);
    sp_tape_reset(c.tape);
    ck_assert(sp_is_nothing(sp_find(c.tape, "step 3/h")));
    told("nothing on this tape has a name");
}
END_TEST

START_TEST(a_path_may_be_short_if_it_means_one)
{
    run(RNN, (sp_rnn_spec){ .layers = 2 }, NULL);
    found("layer 1/step 2/h");
    ck_assert(sp_is_nothing(sp_find(c.tape, "step 2/h")));
    told("several names end in \"step 2/h\", as \"encoder.r/layer 0/step 2/h\" and "
         "\"encoder.r/layer 1/step 2/h\" do");
    no_failure(&c);
}
END_TEST

START_TEST(the_last_of_several_is_meant_unless_a_number_says_which)
{
    for (int i = 1; i <= 3; i++) sp_named(sp_const(c.tape, SP_F64, i), "x");
    sp_named(sp_const(c.tape, SP_F64, 7), "x#2");
    ck_assert_double_eq(sp_item(found("x")), 3);
    ck_assert_double_eq(sp_item(found("x#1")), 1);
    ck_assert_double_eq(sp_item(found("x#3")), 3);
    ck_assert_double_eq(sp_item(found("x#2")), 7);             /* a name of its own goes first */
    ck_assert(sp_is_nothing(sp_find(c.tape, "x#4")));
    told("\"x\" was named 3 times");
}
END_TEST

START_TEST(names_are_listed_with_their_values_and_gradients)
{
    sp_scope_enter(c.tape, "attention \"\xc3\xa9\"", 2);
    sp_var x = sp_named(sp_const(c.tape, SP_F64, 3), "key\n");
    sp_scope_leave(c.tape);
    sp_var y = sp_named(sp_square(x), "y"), g;
    char path[40];

    ck_assert(sp_grad(y, 1, &x, &g, NULL));
    ck_assert_int_eq(sp_names(c.tape), 2);
    ck_assert_int_eq(sp_name_path(c.tape, 0, path, sizeof path), 21);
    ck_assert_str_eq(path, "attention \"\xc3\xa9\" 2/key\n");
    ck_assert_double_eq(sp_item(sp_name_var(c.tape, 1)), 9);
    ck_assert_double_eq(sp_item(sp_name_grad(c.tape, 0)), 6);
    ck_assert_double_eq(sp_item(sp_name_grad(c.tape, 1)), 1);
    ck_assert(sp_is_nothing(sp_name_var(c.tape, 2)));
    ck_assert_int_eq(sp_name_path(c.tape, -1, path, sizeof path), 0);
    ck_assert_int_eq(sp_name_path(c.tape, 0, path, 4), 21);
    ck_assert_str_eq(path, "att");
}
END_TEST

START_TEST(a_name_of_nothing_is_no_name)
{
    sp_var nothing = sp_find(c.tape, "none");

    ck_assert(sp_is_nothing(sp_named(nothing, "x")));
    ck_assert_int_eq(sp_names(c.tape), 0);
    no_failure(&c);
    ck_assert(sp_is_nothing(sp_named(sp_const(c.tape, SP_F64, 1), "")));
    failed_with(&c, "sp_named: the name is empty");
}
END_TEST

int main(void)
{
    TCase *t = tcase_create("names");

    tcase_add_checked_fixture(t, begin, end);
    tcase_add_test(t, every_state_of_a_stack_has_a_name);
    tcase_add_test(t, gates_have_names_and_meet_their_equations);
    tcase_add_test(t, the_gates_of_a_gru_meet_its_equation);
    tcase_add_test(t, with_lengths_the_named_state_is_the_one_that_counts);
    tcase_add_test(t, the_gradient_by_a_state_is_found_after_backward);
    tcase_add_test(t, a_dropped_value_is_computed_again);
    tcase_add_test(t, what_is_not_there_is_told_with_the_nearest_names);
    tcase_add_test(t, a_path_may_be_short_if_it_means_one);
    tcase_add_test(t, the_last_of_several_is_meant_unless_a_number_says_which);
    tcase_add_test(t, names_are_listed_with_their_values_and_gradients);
    tcase_add_test(t, a_name_of_nothing_is_no_name);
    return run_suite("names", t);
}
