/* SPDX-License-Identifier: MIT
 *
 * test_ctc_edges.c - connectionist temporal classification where there is no path, no step, no
 * label, a NaN, or a mistake.
 */
#include "tests/ctc_case.h"
#include "tests/suite.h"

/* Two classes and the blank, three steps, log-probs -1 -2 -3 in each. */
static problem plain(int64_t steps, int64_t n, const int64_t *labels)
{
    problem p = { .T = 3, .B = 1, .C = 3, .S = n, .steps = { steps }, .labels = { n },
                  .spec = { .reduction = SP_EACH } };

    for (int i = 0; i < 9; i++) p.x[i] = -1 - i % 3;
    for (int i = 0; i < n; i++) p.target[i] = labels[i];
    return p;
}

static sp_var slope_of(const problem *p, double *loss)
{
    sp_var x = operand(p), y = loss_of(p, x), g;

    sp_grad(y, 1, &x, &g, &(sp_grad_spec){ .seed = sp_full(tape, SP_F64, SP_SHAPE(p->B), 1) });
    *loss = at(y, 0);
    return g;
}

START_TEST(a_target_of_no_label_needs_the_blank_in_every_step)
{
    double loss;
    problem p = plain(2, 0, NULL);
    sp_var g = slope_of(&p, &loss);

    ck_assert_double_eq(loss, 2);
    for (int i = 0; i < 9; i++) ck_assert_double_eq(at(g, i), i < 6 && i % 3 == 0 ? -1 : 0);
}
END_TEST

START_TEST(a_target_that_no_path_gives_has_loss_infinity_and_slope_0)
{
    static const struct { int64_t steps, n, labels[4]; } none[] = {
        { 1, 2, { 1, 2 } }, { 2, 2, { 1, 1 } }, { 3, 3, { 2, 2, 1 } }, { 0, 1, { 1 } },
    };
    double loss;

    for (size_t i = 0; i < sizeof none / sizeof *none; i++) {
        problem p = plain(none[i].steps, none[i].n, none[i].labels);
        p.spec.from_logits = _i & 1, p.spec.zero_infinity = _i & 2;
        sp_var g = slope_of(&p, &loss), h, x;
        ck_assert_double_eq(loss, _i & 2 ? 0 : (double)INFINITY);
        for (int k = 0; k < 9; k++) ck_assert_double_eq(at(g, k), 0);
        x = operand(&p);
        sp_grad(sp_sum(loss_of(&p, x)), 1, &x, &g, NULL);
        sp_grad(sp_sum(sp_square(g)), 1, &x, &h, NULL);
        for (int k = 0; k < 9; k++) ck_assert_double_eq(at(h, k), 0);
    }
}
END_TEST

START_TEST(a_target_of_probability_0_is_like_one_without_a_path)
{
    double loss;
    problem p = plain(3, 1, (int64_t[]){ 1 });

    for (int t = 0; t < 3; t++) p.x[3 * t + 1] = -(double)INFINITY;
    sp_var g = slope_of(&p, &loss);
    ck_assert_double_eq(loss, (double)INFINITY);
    for (int k = 0; k < 9; k++) ck_assert_double_eq(at(g, k), 0);
    p.x[4] = -2;                                    /* now only in the middle */
    g = slope_of(&p, &loss);
    ck_assert_double_eq(loss, 4);
    for (int k = 0; k < 9; k++)
        ck_assert_double_eq(at(g, k), k == 0 || k == 4 || k == 6 ? -1 : 0);
}
END_TEST

START_TEST(no_step_and_no_label_cost_nothing)
{
    double loss;
    problem p = plain(0, 0, NULL), none = { .B = 1, .C = 2, .spec = { .reduction = SP_MEAN } };

    slope_of(&p, &loss);
    ck_assert(loss == 0 && !signbit(loss));
    ck_assert_double_eq(sp_item(loss_of(&none, operand(&none))), 0);
    none.spec.reduction = SP_SUM_UP, none.B = 0;
    ck_assert_double_eq(sp_item(loss_of(&none, operand(&none))), 0);
    none.spec.reduction = SP_MEAN;
    ck_assert_double_nan(sp_item(loss_of(&none, operand(&none))));
}
END_TEST

START_TEST(nan_goes_on_where_it_is_read_and_only_there)
{
    double loss;
    problem p = plain(2, 1, (int64_t[]){ 1 });

    p.x[2] = p.x[6] = NAN;            /* a class that is not asked for; a step behind the last */
    sp_var g = slope_of(&p, &loss);
    ck_assert_double_eq_tol(loss, -log(exp(-3) + exp(-3) + exp(-4)), 1e-12);
    for (int k = 0; k < 9; k++) ck_assert(isfinite(at(g, k)));
    p.spec.from_logits = true;                      /* softmax asks for all of a row */
    g = slope_of(&p, &loss);
    ck_assert_double_nan(loss);
    for (int k = 0; k < 9; k++) ck_assert_int_eq(isnan(at(g, k)) != 0, k < 3 || k == 4 || k == 3);
    p.spec.from_logits = false, p.x[3] = NAN;
    slope_of(&p, &loss);
    ck_assert_double_nan(loss);
}
END_TEST

/* The last row of x is padding; `what` stands in it. */
static void curvature(bool from_logits, double what, double h[9])
{
    problem p = plain(2, 1, (int64_t[]){ 1 });
    sp_var x, g, second;

    p.spec.from_logits = from_logits;
    for (int i = 6; i < 9; i++) p.x[i] = what;
    x = operand(&p);
    sp_grad(sp_sum(loss_of(&p, x)), 1, &x, &g, NULL);
    ck_assert(sp_grad(sp_sum(sp_square(g)), 1, &x, &second, NULL));
    for (int i = 0; i < 9; i++) h[i] = at(second, i);
}

START_TEST(the_second_derivative_does_not_read_behind_a_length_either)
{
    static const double padding[] = { NAN, INFINITY, -INFINITY };
    double usual[9], h[9];

    curvature(_i, 0, usual);
    for (int i = 0; i < 6; i++) ck_assert(isfinite(usual[i]));
    for (int k = 0; k < 3; k++) {
        curvature(_i, padding[k], h);
        for (int i = 0; i < 9; i++) ck_assert_double_eq(h[i], i < 6 ? usual[i] : 0);
    }
}
END_TEST

START_TEST(ids_behind_a_length_are_not_read)
{
    double loss, same;
    problem p = plain(3, 1, (int64_t[]){ 2 }), longer = plain(3, 3, (int64_t[]){ 2, 0, -77 });

    longer.labels[0] = 1;
    slope_of(&p, &loss);
    slope_of(&longer, &same);
    ck_assert_double_eq(loss, same);
}
END_TEST

START_TEST(what_cannot_be_is_told)
{
    problem p = plain(3, 2, (int64_t[]){ 1, 0 });

    sp_item(sp_sum(loss_of(&p, operand(&p))));
    ck_assert_str_eq(sp_tape_error(tape), "ctc: f64[3,1,3] x i64[1,2] x i64[1] x i64[1]: "
                                          "label 0 at position [0,1] is the blank");
    sp_tape_reset(tape);
    p.spec.reduction = (sp_reduction)7;
    ck_assert(sp_is_nothing(loss_of(&p, operand(&p))));
    ck_assert_str_eq(sp_tape_error(tape), "ctc: [3,1,3]: there is no reduction 7");
    sp_tape_reset(tape);
    p.spec.reduction = SP_MEAN;
    ck_assert(sp_is_nothing(loss_of(&p, sp_tape_fail(tape, "a reason of before"))));
    ck_assert_str_eq(sp_tape_error(tape), "a reason of before");
}
END_TEST

START_TEST(scratch_beyond_all_counting_is_refused)
{
    int64_t huge = (int64_t)1 << 33, one = 1;
    sp_var x = sp_full(tape, SP_F32, SP_SHAPE(huge, 1, 2), 0);
    sp_var targets = sp_full(tape, SP_I32, SP_SHAPE(1, huge), 1);

    sp_var ones = ids(SP_SHAPE(1), &one);
    sp_ctc(x, targets, ones, ones, (sp_ctc_spec){ .reduction = SP_MEAN });
    ck_assert_msg(strstr(sp_tape_error(tape), "more than 63 bits count") != NULL, "%s",
                  sp_tape_error(tape));
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("ctc edges");
    TCase *tc = tcase_create("ctc");

    tcase_add_checked_fixture(tc, begin, end);
    tcase_add_test(tc, a_target_of_no_label_needs_the_blank_in_every_step);
    tcase_add_loop_test(tc, a_target_that_no_path_gives_has_loss_infinity_and_slope_0, 0, 4);
    tcase_add_test(tc, a_target_of_probability_0_is_like_one_without_a_path);
    tcase_add_test(tc, no_step_and_no_label_cost_nothing);
    tcase_add_test(tc, nan_goes_on_where_it_is_read_and_only_there);
    tcase_add_loop_test(tc, the_second_derivative_does_not_read_behind_a_length_either, 0, 2);
    tcase_add_test(tc, ids_behind_a_length_are_not_read);
    tcase_add_test(tc, what_cannot_be_is_told);
    tcase_add_test(tc, scratch_beyond_all_counting_is_refused);
    suite_add_tcase(suite, tc);

    return run_all(suite);
}
