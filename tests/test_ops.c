/* SPDX-License-Identifier: MIT
 *
 * test_ops.c - every built-in op by its record, and what records cannot say: known values,
 * sentences about bad indices, randomness.
 */
#include <glob.h>
#include <stdlib.h>
#include "autograd/check.h"
#include "tests/ops_case.h"

/* ---- the list ---- */

START_TEST(every_op_keeps_what_its_record_promises)
{
    sp_report report = { 0 };

    sp_check_op(sp_op_at(_i), &report);
    ck_assert_msg(report.failures == 0, "%s: %d of %d checks failed, first: %s", sp_op_at(_i)->name,
                  report.failures, report.checks, report.first);
    ck_assert_int_gt(report.checks, 0);
}
END_TEST

static int n_ops(void)
{
    int n = 0;
    while (sp_op_at(n)) n++;
    return n;
}

START_TEST(every_op_is_listed_once)
{
    for (int i = 0; i < n_ops(); i++)
        for (int k = 0; k < i; k++) ck_assert_str_ne(sp_op_at(i)->name, sp_op_at(k)->name);
    ck_assert_ptr_null(sp_op_at(-1));
    ck_assert_ptr_null(sp_op_at(n_ops()));
}
END_TEST

/* A record's name, or one with what says how it is called: sum_axes, conv2d. */
static bool is_recorded(const char *name)
{
    static const char *const ends[] = { "", "_axes", "_with", "_given", "_of", "1d", "2d", "3d" };
    char whole[80];

    for (int i = 0; sp_op_at(i); i++)
        for (size_t k = 0; k < sizeof ends / sizeof *ends; k++) {
            snprintf(whole, sizeof whole, "%s%s", sp_op_at(i)->name, ends[k]);
            if (strcmp(whole, name) == 0) return true;
        }
    return false;
}

/* Functions that are made of other ops, or call an op with other arguments. */
static bool is_composed(const char *name)
{
    static const char *const names[] = {
        "number", "scale", "shift", "one_minus", "mean", "mean_axes", "matmul_t", "transpose",
        "slice_step", "select", "unsqueeze", "squeeze", "mse", "masked_fill", "dot", "outer",
        "tensordot", "einsum", "diag_embed", "eye", "linspace", "repeat", "roll", "tile",
        "norm", "any", "all", "sort", "std", "median",
    };
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (strcmp(names[i], name) == 0) return true;
    return false;
}

static int check_header(const char *path)
{
    const char *mark = "SP_API sp_var sp_";
    char line[256], name[64];
    int seen = 0;
    FILE *file = fopen(path, "r");

    ck_assert_msg(file != NULL, "%s", path);
    while (fgets(line, sizeof line, file)) {
        if (strncmp(line, mark, strlen(mark)) != 0) continue;
        ck_assert_int_eq(sscanf(line + strlen(mark), "%63[a-z_0-9]", name), 1);
        ck_assert_msg(is_recorded(name) || is_composed(name), "sp_%s has no record", name);
        seen++;
    }
    fclose(file);
    return seen;
}

START_TEST(every_public_op_has_a_record_or_is_made_of_ops_that_have)
{
    const char *source = getenv("SPOOL_SOURCE");
    char pattern[1024];
    glob_t found;
    int seen = 0;

    snprintf(pattern, sizeof pattern, "%s/autograd/ops*.h", source ? source : ".");
    ck_assert_int_eq(glob(pattern, 0, NULL, &found), 0);
    for (size_t i = 0; i < found.gl_pathc; i++) seen += check_header(found.gl_pathv[i]);
    globfree(&found);
    ck_assert_int_gt(seen, 120);
}
END_TEST

/* ---- bad indices ---- */

START_TEST(a_bad_index_is_named_with_its_position)
{
    sp_var table = F64(SP_SHAPE(3, 2), 1, 2, 3, 4, 5, 6);

    fails_with(sp_gather(table, I64(SP_SHAPE(4), 0, 2, 3, 9)),
               "gather: f64[3,2] x i64[4]: index 3 at position 2 is outside [0,3)");
    sp_tape_reset(tape);
    fails_with(sp_one_hot(I32(SP_SHAPE(2, 2), 0, 1, -1, 0), 2, SP_F32),
               "one_hot: [2,2]: index -1 at position [1,0] is outside [0,2)");
    sp_tape_reset(tape);
    sp_var x = F64(SP_SHAPE(2, 2), 1, 2, 3, 4);
    fails_with(sp_scatter_add(x, I64(SP_SHAPE(2), 0, 5), 5),
               "index 5 at position 1 is outside [0,5)");
    sp_tape_reset(tape);
    x = F64(SP_SHAPE(2, 2), 1, 2, 3, 4);
    fails_with(sp_cross_entropy(x, I64(SP_SHAPE(2), 1, 2)),
               "cross_entropy: f64[2,2] x i64[2]: index 2 at position 1 is outside [0,2)");
}
END_TEST

START_TEST(an_ignored_target_may_be_any_id)
{
    sp_var x = F64(SP_SHAPE(2, 2), 0, 0, NAN, 1);
    sp_var loss = sp_cross_entropy_with(x, I64(SP_SHAPE(2), 1, 7),
                                        (sp_cross_entropy_spec){ .ignore_index = 7 });

    HOLDS(loss, log(2));
    HOLDS(slope(loss, x), .5, -.5, 0, 0);
    const int64_t ids[] = { INT64_MAX, INT64_MIN, ((int64_t)1 << 53) + 1 };
    for (int i = 0; i < 3; i++) {
        loss = sp_cross_entropy_with(x, I64(SP_SHAPE(2), 1, ids[i]),
                                     (sp_cross_entropy_spec){ .ignore_index = ids[i] });
        HOLDS(loss, log(2));
        HOLDS(slope(loss, x), .5, -.5, 0, 0);
    }
}
END_TEST

/* ---- choices ---- */

START_TEST(what_where_leaves_out_gets_slope_0_even_of_an_infinite_one)
{
    sp_var x = F64(SP_SHAPE(2), 1, 2), g, seed = F64(SP_SHAPE(2), INFINITY, INFINITY);
    sp_var y = sp_where(sp_greater(x, sp_number(x, 1.5)), x, sp_number(x, 0));

    HOLDS(y, 0, 2);
    ck_assert(sp_grad(y, 1, &x, &g, &(sp_grad_spec){ .seed = seed }));
    HOLDS(g, 0, INFINITY);
}
END_TEST

START_TEST(ties_over_axes_that_lie_apart_share_evenly)
{
    sp_var x = F64(SP_SHAPE(2, 2, 2), 5, 5, 1, 2, 5, 0, 3, 0);
    sp_var y = sp_max_axes(x, SP_AXES(0, 2), true);

    HOLDS(y, 5, 3);
    ck_assert_int_eq(sp_var_shape(y).rank, 3);
    double third = 1.0 / 3;
    HOLDS(slope(y, x), third, third, 0, 0, third, 0, 1, 0);
}
END_TEST

START_TEST(a_cast_out_of_range_gives_the_nearest_integer_there_is)
{
    sp_var x = F64(SP_SHAPE(6), 1e30, -1e30, 2147483647.5, -2147483648.9, INFINITY, NAN);

    HOLDS(sp_cast(x, SP_I32), INT32_MAX, INT32_MIN, INT32_MAX, INT32_MIN, INT32_MAX, 0);
    const int64_t *y = sp_value(sp_cast(x, SP_I64))->data;
    ck_assert_int_eq(y[0], INT64_MAX);
    ck_assert_int_eq(y[1], INT64_MIN);
    ck_assert_int_eq(y[2], 2147483647);
    ck_assert_int_eq(y[5], 0);
}
END_TEST

START_TEST(a_cast_to_its_own_dtype_records_nothing)
{
    sp_var x = F64(SP_SHAPE(2), 1, 2);
    ck_assert_uint_eq(sp_cast(x, SP_F64).id, x.id);
}
END_TEST

/* ---- products ---- */

/* Rows of stride 0 seem to go on from batch to batch. */
START_TEST(a_repeated_row_times_a_repeated_matrix_needs_no_more_scratch)
{
    sp_var a = sp_broadcast(F64(SP_SHAPE(3), 1, 2, 3), SP_SHAPE(2, 3));
    sp_var b = sp_broadcast(F64(SP_SHAPE(3, 1), 1, 10, 100), SP_SHAPE(40, 3, 1));
    const sp_tensor *y = sp_value(sp_matmul(a, b));

    ck_assert_int_eq(sp_tensor_size(y), 80);
    for (int i = 0; i < 80; i++) ck_assert_double_eq(sp_tensor_at(y, i), 321);
}
END_TEST

/* ---- softmax ---- */

START_TEST(softmax_of_large_logits_is_finite)
{
    for (int k = -1; k <= 1; k += 2) {
        sp_var x = F64(SP_SHAPE(2), k * 1e4, k * 1e4);
        HOLDS(sp_softmax(x), .5, .5);
        HOLDS(sp_log_softmax(x), -log(2), -log(2));
        ck_assert_double_eq_tol(sp_item(sp_logsumexp(x)), k * 1e4 + log(2), 1e-11);
        HOLDS(slope(sp_logsumexp(x), x), .5, .5);
    }
}
END_TEST

START_TEST(a_row_of_minus_infinity_has_no_softmax)
{
    sp_var x = F64(SP_SHAPE(2), -INFINITY, -INFINITY);

    HOLDS(sp_softmax(x), NAN, NAN);
    HOLDS(sp_logsumexp(x), -INFINITY);
    HOLDS(sp_logsumexp(sp_reshape(F64(SP_SHAPE(1), 0), SP_SHAPE(1, 1))), 0);
    HOLDS(sp_logsumexp(data(SP_F64, SP_SHAPE(2, 0), "")), -INFINITY, -INFINITY);
}
END_TEST

/* ---- random ---- */

START_TEST(dropout_drops_p_of_the_elements_and_scales_the_rest)
{
    enum { N = 100000 };
    sp_var y = sp_dropout(sp_full(tape, SP_F64, SP_SHAPE(N), 1), .3);
    const sp_tensor *v = sp_value(y);
    int dropped = 0;

    for (int i = 0; i < N; i++) {
        double e = sp_tensor_at(v, i);
        ck_assert(e == 0 || fabs(e - 1 / .7) < 1e-15);
        dropped += e == 0;
    }
    ck_assert_int_lt(abs(dropped - 3 * N / 10), 5 * 145);   /* five times sqrt(N p (1 - p)) */
}
END_TEST

START_TEST(backward_draws_the_same_mask)
{
    sp_var x = sp_input(tape, sp_value(sp_full(tape, SP_F64, SP_SHAPE(1000), 1)));
    sp_var y = sp_dropout(x, .5);

    ck_assert(sp_tensor_same(sp_value(y), sp_value(slope(y, x))));
}
END_TEST

static sp_tensor *mask_of_step(uint64_t step)
{
    sp_tape_reset(tape);
    sp_tape_set_step(tape, step);
    return sp_export(sp_dropout(sp_full(tape, SP_F32, SP_SHAPE(100), 1), .5));
}

START_TEST(a_mask_is_a_function_of_the_step_and_the_draw)
{
    sp_tensor *first = mask_of_step(3), *next = mask_of_step(4), *again = mask_of_step(3);
    sp_tensor *second = sp_export(sp_dropout(sp_full(tape, SP_F32, SP_SHAPE(100), 1), .5));

    ck_assert(sp_tensor_same(first, again));
    ck_assert(!sp_tensor_same(first, next));
    ck_assert(!sp_tensor_same(first, second));
    sp_tensor_free(first);
    sp_tensor_free(next);
    sp_tensor_free(again);
    sp_tensor_free(second);
}
END_TEST

START_TEST(dropout_of_all_or_nothing_is_exact)
{
    sp_var x = F64(SP_SHAPE(3), 1, INFINITY, NAN);

    HOLDS(sp_dropout(x, 1), 0, 0, 0);
    ck_assert_uint_eq(sp_dropout(x, 0).id, x.id);
}
END_TEST

START_TEST(evaluation_records_no_dropout_but_still_refuses_a_bad_probability)
{
    sp_var x = F64(SP_SHAPE(3), 1, 2, 3);

    sp_tape_train(tape, false);
    ck_assert_uint_eq(sp_dropout(x, .5).id, x.id);
    ck_assert(sp_is_nothing(sp_dropout(x, 1.5)));
    ck_assert_ptr_nonnull(strstr(sp_tape_error(tape), "probability 1.5 is outside [0,1]"));
}
END_TEST

START_TEST(categorical_draws_as_often_as_softmax_says)
{
    enum { N = 40000 };
    const double p[] = { .1, 0, .6, .3 };
    sp_var x = F64(SP_SHAPE(4), log(.1), -INFINITY, log(.6), log(.3));
    const sp_tensor *y = sp_value(sp_categorical(sp_broadcast(x, SP_SHAPE(N, 4))));
    int seen[4] = { 0 };

    ck_assert_int_eq(y->dtype, SP_I64);
    for (int i = 0; i < N; i++) seen[(int)sp_tensor_at(y, i)]++;
    for (int j = 0; j < 4; j++)
        ck_assert_int_le(abs(seen[j] - (int)(N * p[j])), (int)(5 * sqrt(N * p[j] * (1 - p[j]))));
}
END_TEST

START_TEST(a_certain_class_is_drawn_and_a_row_without_probabilities_is_refused)
{
    HOLDS(sp_categorical(F64(SP_SHAPE(2, 3), -1e4, 1e4, -1e4, 1e4, -1e4, -INFINITY)), 1, 0);
    fails_with(sp_categorical(F64(SP_SHAPE(2, 2), 0, 0, NAN, 0)), "row 1 has no probabilities");
    sp_tape_reset(tape);
    fails_with(sp_categorical(F64(SP_SHAPE(1, 2), -INFINITY, -INFINITY)),
               "row 0 has no probabilities");
}
END_TEST

static TCase *known_values(void)
{
    TCase *tc = tcase_create("known values");

    tcase_add_checked_fixture(tc, begin, end);
    tcase_add_test(tc, a_bad_index_is_named_with_its_position);
    tcase_add_test(tc, an_ignored_target_may_be_any_id);
    tcase_add_test(tc, what_where_leaves_out_gets_slope_0_even_of_an_infinite_one);
    tcase_add_test(tc, ties_over_axes_that_lie_apart_share_evenly);
    tcase_add_test(tc, a_cast_out_of_range_gives_the_nearest_integer_there_is);
    tcase_add_test(tc, a_cast_to_its_own_dtype_records_nothing);
    tcase_add_test(tc, a_repeated_row_times_a_repeated_matrix_needs_no_more_scratch);
    tcase_add_test(tc, softmax_of_large_logits_is_finite);
    tcase_add_test(tc, a_row_of_minus_infinity_has_no_softmax);
    tcase_add_test(tc, dropout_drops_p_of_the_elements_and_scales_the_rest);
    tcase_add_test(tc, backward_draws_the_same_mask);
    tcase_add_test(tc, a_mask_is_a_function_of_the_step_and_the_draw);
    tcase_add_test(tc, dropout_of_all_or_nothing_is_exact);
    tcase_add_test(tc, evaluation_records_no_dropout_but_still_refuses_a_bad_probability);
    tcase_add_test(tc, categorical_draws_as_often_as_softmax_says);
    tcase_add_test(tc, a_certain_class_is_drawn_and_a_row_without_probabilities_is_refused);
    return tc;
}

int main(void)
{
    Suite *suite = suite_create("ops");
    TCase *records = tcase_create("records");

    tcase_set_timeout(records, 30);
    tcase_add_loop_test(records, every_op_keeps_what_its_record_promises, 0, n_ops());
    tcase_add_test(records, every_op_is_listed_once);
    tcase_add_test(records, every_public_op_has_a_record_or_is_made_of_ops_that_have);
    suite_add_tcase(suite, records);
    suite_add_tcase(suite, known_values());

    return run_all(suite);
}
