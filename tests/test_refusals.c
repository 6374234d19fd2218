/* SPDX-License-Identifier: MIT
 *
 * test_refusals.c - wrong records, wrong use and tight budgets: a sentence, never a crash.
 */
#include <check.h>
#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "autograd/node.h"
#include "autograd/ops.h"
#include "tensor/alloc.h"
#include "tests/suite.h"

static sp_tape *t;

static void begin(void) { t = sp_tape_new(NULL); }
static void end(void)   { sp_tape_free(t); ck_assert_int_eq(sp_alloc_count().live_blocks, 0); }

static sp_var number(double x) { return sp_const(t, SP_F64, x); }

static void says(const char *piece)
{
    ck_assert_ptr_nonnull(sp_tape_error(t));
    ck_assert_msg(strstr(sp_tape_error(t), piece), "%s", sp_tape_error(t));
    sp_tape_reset(t);
}

/* ---- records ---- */

static bool never(const sp_call *c, const sp_layout *x, sp_shape y, sp_layout *to)
{
    (void)c, (void)x, (void)y, (void)to;
    return false;
}

START_TEST(a_record_that_lacks_something_is_told_so)
{
    const struct { sp_op op; const char *sentence;
    } rows[] = {
        { { .name = "a", .kind = SP_VIEW, .n_in = 1 }, "a: its record is a view without a rule" },
        { { .name = "b", .kind = SP_VIEW, .n_in = 1, .view = never },
          "b: its view rule refuses even a dense operand" },
        { { .name = "c", .kind = SP_MACRO, .n_in = 1 },
          "c: its record is a macro without an expansion" },
        { { .name = "d", .kind = SP_OTHER, .n_in = 1, .typed_by = 1 },
          "d: its record is typed by an operand that it does not have" },
        { { .name = "e", .kind = SP_OTHER, .n_in = 1, .n_scalars = 9 },
          "e: its record asks for more scalars" },
        { { .name = "e", .kind = SP_OTHER, .n_in = 1, .n_scalars = -1 },
          "e: its record asks for less than nothing" },
        { { .name = "f", .kind = SP_OTHER, .n_in = 1, .n_scalars = 1 },
          "f: its scalars are missing" },
        { { .name = "g", .kind = SP_OTHER, .n_in = 2 }, "g: takes 2 operands, not 1" },
        { { .name = "h", .kind = SP_OTHER, .n_in = 1, .attr_size = 4 },
          "h: its attributes are missing" },
    };

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        sp_var x = number(1);
        ck_assert(sp_is_nothing(sp_apply(&rows[i].op, 1, &x, NULL, NULL)));
        says(rows[i].sentence);
    }
    sp_op four = { .name = "four", .kind = SP_ELEMENTWISE, .n_in = 4 };
    sp_var x[] = { number(1), number(1), number(1), number(1) };
    sp_apply(&four, 4, x, NULL, NULL);
    says("four: its record is elementwise with more than 3 operands");
    sp_op draws = { .name = "draws", .kind = SP_ELEMENTWISE, .n_in = 1, .random = true };
    sp_var one = number(1);
    sp_apply(&draws, 1, &one, NULL, NULL);
    says("draws: its record is elementwise and draws");
}
END_TEST

/* Six operands, dense ones wanted; the scratch it asks for is one number for each. */
static int64_t six_work(const sp_call *c) { return c->n * (int64_t)sizeof(double); }

static void six_kernel(const sp_args *a)
{
    double *y = a->y.data, *work = a->work;

    for (int k = 0; k < a->n; k++) work[k] = ((const double *)a->x[k].data)[1];
    for (int k = 0; k < a->n; k++) y[k] = work[k];
    if (y[0] < 0) sp_fault(a, "%g is below 0", y[0]);
}

static bool six_shape(const sp_call *c, sp_shape *y)
{
    if (c->n != 6) return sp_refuse(c, "six are needed");
    *y = SP_SHAPE(6);
    return true;
}

static const sp_op six = { .name = "six",
                           .kind = SP_OTHER,
                           .n_in = -1,
                           .shape = six_shape,
                           .work = six_work,
                           .kernels = { [SP_PORTABLE] = { [SP_F64] = six_kernel } } };

static sp_var strided_pair(double first)
{
    double x[] = { first, 0, first + 1, 0 };
    sp_tensor *tensor = sp_tensor_from(SP_F64, SP_SHAPE(4), x);
    sp_var v = sp_slice_step(sp_input(t, tensor), 0, 0, 2, 2);

    sp_tensor_free(tensor);
    return v;
}

START_TEST(an_op_of_many_operands_has_them_packed_and_gets_its_scratch)
{
    sp_var x[6];

    for (int k = 0; k < 6; k++) x[k] = strided_pair(10 * k);
    const sp_tensor *y = sp_value(sp_apply(&six, 6, x, NULL, NULL));
    ck_assert_ptr_nonnull(y);
    for (int k = 0; k < 6; k++) ck_assert_double_eq(sp_tensor_at(y, k), 10 * k + 1);
}
END_TEST

START_TEST(what_a_kernel_finds_wrong_is_told_with_shapes)
{
    sp_var x[6];

    for (int k = 0; k < 6; k++) x[k] = strided_pair(-10);
    ck_assert_ptr_null(sp_value(sp_apply(&six, 6, x, NULL, NULL)));
    says("six: [2] x [2] x [2] x [2] x [2] x [2]: -9 is below 0");
}
END_TEST

START_TEST(dtype_rules_name_what_they_need)
{
    const struct {
        bool (*rule)(const sp_call *, sp_dtype *);
        sp_dtype dtype;
        const char *piece;
    } rows[] = {
        { sp_dtype_floats, SP_I32, "it needs f32 or f64, not i32" },
        { sp_dtype_numbers, SP_BOOL, "it needs numbers, not bool" },
    };

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        sp_op op = { .name = "op", .kind = SP_OTHER, .n_in = 1, .dtype = rows[i].rule };
        sp_var x = sp_const(t, rows[i].dtype, 1);
        sp_apply(&op, 1, &x, NULL, NULL);
        says(rows[i].piece);
    }
    sp_op op = { .name = "op", .kind = SP_OTHER, .n_in = 2, .dtype = sp_dtype_compared };
    ck_assert_int_eq(sp_var_dtype(sp_apply(&op, SP_VARS(number(1), number(2)), NULL, NULL)),
                     SP_BOOL);
    sp_apply(&op, SP_VARS(number(1), sp_const(t, SP_I64, 2)), NULL, NULL);
    says("dtypes f64 and i64 differ");
}
END_TEST

/* ---- use ---- */

START_TEST(shapes_and_steps_beyond_all_bounds_are_refused)
{
    sp_reshape(number(1), (sp_shape){ 9, { 1, 1, 1, 1, 1, 1 } });
    says("the new shape has rank 9; 0 to 6 are allowed");
    sp_const(t, (sp_dtype)17, 1);
    says("const: there is no dtype 17");
    sp_scale(sp_const(t, SP_I32, 10), 1.5);
    says("scale: 1.5 is not a number that i32 can hold");
    sp_const(t, SP_I32, 1e20);
    says("const: 1e+20 is not a number that i32 can hold");
    sp_const(t, SP_F32, -1e300);
    says("const: -1e+300 is not a number that f32 can hold");
    sp_normal(t, SP_F32, SP_SHAPE(2), 1e300, 1);
    says("normal: 1e+300 is not a number that f32 can hold");
    sp_uniform(t, SP_F32, SP_SHAPE(2), 0, 1e300);
    says("uniform: 1e+300 is not a number that f32 can hold");
    ck_assert(isinf(sp_item(sp_const(t, SP_F32, INFINITY))));
    ck_assert(isnan(sp_item(sp_const(t, SP_F32, NAN))));
    ck_assert_double_eq(sp_item(sp_const(t, SP_F32, (double)FLT_MAX)), (double)FLT_MAX);
    sp_clamp(number(1), NAN, 1);
    says("clamp: []: its bounds are nan and 1");
    sp_cross_entropy_with(number(1), number(1), (sp_cross_entropy_spec){ .reduction = 7 });
    says("cross_entropy: []: there is no reduction 7");
    sp_full(t, SP_F64, SP_SHAPE(INT64_MAX, INT64_MAX), 1);
    says("full: []: ");
    sp_mean_axes(sp_full(t, SP_F64, SP_SHAPE((int64_t)1 << 40), 1), SP_AXES(0, 0), false);
    says("mean: [1099511627776]: axis 0 is named twice");
    sp_var x = sp_slice_step(sp_full(t, SP_F64, SP_SHAPE(2, 3), 5), 0, 1, 1, INT64_MAX);
    ck_assert_double_eq(sp_item(sp_mean(x)), 5);
    ck_assert_double_eq(sp_item(sp_sum(sp_place(x, 0, 1, INT64_MAX, 4))), 15);
}
END_TEST

START_TEST(what_is_missing_is_told)
{
    sp_store *store = sp_store_new();
    sp_saved none = sp_tape_saved(NULL);
    sp_params *params = sp_params_new(1);

    ck_assert(!sp_store_put(store, 1, &none));
    ck_assert_str_eq(sp_error(), "tape: there is none to be saved");
    ck_assert(!sp_store_take(store, 1, &none));
    sp_apply(NULL, SP_VARS(number(1)), NULL, NULL);
    says("sp_apply: there is no op");
    ck_assert(!sp_eval(-1, NULL));
    sp_params_add(params, "", SP_SCALAR, (sp_init){ 0 });
    sp_fail("something else has failed since");
    sp_use(t, NULL);
    ck_assert_ptr_nonnull(strstr(sp_tape_error(t), sp_params_error(params)));
    sp_tape_reset(t);
    sp_params_free(params);
    sp_store_free(store);
}
END_TEST

START_TEST(a_var_of_a_tape_that_is_gone_is_caught)
{
    sp_var x = { t, 1000, t->epoch };

    ck_assert(sp_is_nothing(x));
    ck_assert_int_eq(sp_var_shape(x).rank, 0);
    sp_tanh(x);
    says("tanh: its operand was recorded before sp_tape_reset");
}
END_TEST

static void resets(const char *sentence, void *tape)
{
    (void)sentence;
    sp_tape_reset(*(sp_tape **)tape);
}

START_TEST(a_reset_inside_on_error_does_nothing)
{
    sp_tape_free(t);
    t = sp_tape_new(&(sp_tape_spec){ .on_error = resets, .on_error_data = &t });
    sp_log(sp_const(t, SP_I32, 1));
    says("log: []: it needs f32 or f64");
}
END_TEST

START_TEST(the_innermost_of_many_scopes_is_told)
{
    char name[] = "a rather long name for a scope";

    for (int i = 0; i < 100; i++) sp_scope_enter(t, name, i);
    sp_tape_fail(t, "why");
    ck_assert_ptr_nonnull(strstr(sp_tape_error(t), "why (in ... a rather long"));
    says("a rather long name for a scope 98, a rather long name for a scope 99)");
    for (int i = 0; i < 3; i++) sp_scope_leave(t);          /* more than were entered */
    sp_tape_fail(t, "why");
    ck_assert_str_eq(sp_tape_error(t), "why");
}
END_TEST

START_TEST(the_step_is_set_before_anything_is_recorded)
{
    number(1);
    sp_tape_set_step(t, 7);
    says("ops of step 0 are recorded; reset the tape first");
    sp_tape_set_step(t, 7);
    ck_assert_uint_eq(sp_tape_step(t), 7);
}
END_TEST

START_TEST(steps_beyond_32_bits_draw_afresh)
{
    double sum[2];

    for (int i = 0; i < 2; i++) {
        sp_tape_reset(t);
        sp_tape_set_step(t, 5 + ((uint64_t)i << 32));
        sp_var weights = sp_dropout(sp_full(t, SP_F64, SP_SHAPE(64), 1), 0.5);
        double ramp[64];
        for (int k = 0; k < 64; k++) ramp[k] = pow(2, k % 50);
        sp_tensor *x = sp_tensor_from(SP_F64, SP_SHAPE(64), ramp);
        sum[i] = sp_item(sp_sum(sp_mul(weights, sp_input(t, x))));
        sp_tensor_free(x);
    }
    ck_assert_double_ne(sum[0], sum[1]);
}
END_TEST

START_TEST(the_budget_counts_what_is_packed)
{
    sp_tape_free(t);
    t = sp_tape_new(&(sp_tape_spec){ .max_bytes = 100000 });
    ck_assert(isnan(sp_item(sp_sum(sp_full(t, SP_F64, SP_SHAPE(1 << 20), 1)))));
    says("evaluation: it would need 8388624 bytes at once and the tape's budget is 100000");
}
END_TEST

START_TEST(the_budget_counts_the_scratch_of_products_in_a_sum)
{
    enum { N = 128 };
    sp_var sum[2];

    for (int k = 0; k < 2; k++) {
        sp_tape_free(t);
        t = sp_tape_new(&(sp_tape_spec){ .max_bytes = 8 * N * N + 64 });
        sp_var x = sp_full(t, SP_F64, SP_SHAPE(N, N), 1), p = sp_matmul_t(x, true, x, true);
        sum[k] = k ? sp_add_n(SP_VARS(p, p)) : p;
        ck_assert(!sp_eval(1, &sum[k]));
        ck_assert_ptr_nonnull(strstr(sp_tape_error(t), "it would need"));
    }
}
END_TEST

START_TEST(the_budget_goes_through_views_of_what_is_not_computed_yet)
{
    sp_tape_free(t);
    t = sp_tape_new(&(sp_tape_spec){ .max_bytes = 1 << 20 });
    sp_var x = sp_exp(sp_full(t, SP_F64, SP_SHAPE(2, 3), 0));
    ck_assert_double_eq_tol(sp_item(sp_sum(sp_exp(sp_select(x, 1, 2)))), 2 * exp(1), 1e-14);
}
END_TEST

START_TEST(evaluations_beyond_32_bits_go_on)
{
    sp_var x = sp_exp(number(0));
    t->stamp = UINT32_MAX - 1;
    for (int i = 0; i < 4; i++) ck_assert_double_eq(sp_item(sp_add(x, number(i))), 1 + i);
}
END_TEST

START_TEST(what_an_evaluation_computed_is_kept_through_backward)
{
    sp_params *params = sp_params_new(1);
    sp_param *w = sp_params_add(params, "w", SP_SCALAR, (sp_init){ 0 });
    sp_var h = sp_exp(sp_use(t, w)), y = sp_square(h);

    sp_item(y);
    ck_assert(sp_backward(y));
    sp_item(h);
    ck_assert_int_eq(sp_stats(t).recomputed, 0);
    sp_params_free(params);
}
END_TEST

START_TEST(a_data_leaf_shows_its_elements_and_others_do_not)
{
    sp_tensor *x = sp_tensor_new(SP_I32, SP_SHAPE(2));
    sp_tensor_fill(x, 7);
    sp_var v = sp_input(t, x);

    ck_assert_int_eq(((const int32_t *)sp_leaf_data(v))[1], 7);
    ck_assert_ptr_null(sp_leaf_data(number(1)));
    ck_assert(sp_is_given(v) && !sp_is_given((sp_var){ 0 }));
    ck_assert(sp_tape_training(t));
    sp_tape_train(t, false);
    ck_assert(!sp_tape_training(t));
    ck_assert_double_eq(sp_item(sp_one_minus(number(3))), -2);
    sp_tensor_free(x);
}
END_TEST

#ifdef SP_DEBUG
START_TEST(a_scope_that_finds_no_memory_harms_no_later_one)
{
    for (int i = 0; i < 63; i++) sp_scope_enter(t, "s", i), sp_scope_leave(t);
    sp_alloc_fail(0, false);
    for (int i = 63; i < 90; i++) sp_scope_enter(t, "s", i), sp_scope_leave(t);
    sp_alloc_fail(-1, false);
    sp_tape_reset(t);
    sp_scope_enter(t, "other", 1);
    sp_tape_fail(t, "x");
    says("x (in other 1)");
}
END_TEST
#endif

int main(void)
{
    Suite *s = suite_create("refusals");
    TCase *c = tcase_create("refusals");
    const TTest *tests[] = {
        a_record_that_lacks_something_is_told_so,
        an_op_of_many_operands_has_them_packed_and_gets_its_scratch,
        what_a_kernel_finds_wrong_is_told_with_shapes, dtype_rules_name_what_they_need,
        shapes_and_steps_beyond_all_bounds_are_refused, what_is_missing_is_told,
        a_var_of_a_tape_that_is_gone_is_caught,
        a_reset_inside_on_error_does_nothing, the_innermost_of_many_scopes_is_told,
        the_step_is_set_before_anything_is_recorded, steps_beyond_32_bits_draw_afresh,
        the_budget_counts_what_is_packed, the_budget_counts_the_scratch_of_products_in_a_sum,
        the_budget_goes_through_views_of_what_is_not_computed_yet,
        evaluations_beyond_32_bits_go_on,
        what_an_evaluation_computed_is_kept_through_backward,
        a_data_leaf_shows_its_elements_and_others_do_not,
#ifdef SP_DEBUG
        a_scope_that_finds_no_memory_harms_no_later_one,
#endif
    };

    tcase_add_checked_fixture(c, begin, end);
    for (size_t i = 0; i < sizeof tests / sizeof *tests; i++) tcase_add_test(c, tests[i]);
    suite_add_tcase(s, c);
    return run_all(s);
}
