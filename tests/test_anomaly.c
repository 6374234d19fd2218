/* SPDX-License-Identifier: MIT
 *
 * test_anomaly.c - anomalies are told with their op and ranges; counters count.
 */
#include <math.h>
#include <string.h>
#include "autograd/names.h"
#include "autograd/ops.h"
#include "autograd/tape.h"
#include "tensor/alloc.h"
#include "tests/suite.h"

static sp_tape *t;

static void with(sp_tape_spec spec) { sp_tape_free(t), t = sp_tape_new(&spec); }
static void begin(void) { t = NULL, with((sp_tape_spec){ .anomaly = SP_ANOMALY_NAN_INF }); }
static void end(void)   { sp_tape_free(t); ck_assert_int_eq(sp_alloc_count().live_blocks, 0); }

static sp_var data(sp_dtype dtype, sp_shape shape, const double *x)
{
    sp_tensor *tensor = sp_tensor_new(dtype, shape);

    for (int64_t i = 0; i < sp_tensor_size(tensor); i++) sp_tensor_set(tensor, i, x[i]);
    sp_var v = sp_input(t, tensor);
    sp_tensor_free(tensor);
    return v;
}

#define F64(shape, ...) data(SP_F64, shape, (const double[]){ __VA_ARGS__ })

static void fails_with(sp_var v, const char *sentence)
{
    ck_assert(!sp_eval(1, &v));
    ck_assert_str_eq(sp_tape_error(t), sentence);
}

START_TEST(an_anomaly_names_op_place_scope_and_ranges)
{
    sp_scope_enter(t, "lstm", -1), sp_scope_enter(t, "layer", 0), sp_scope_enter(t, "step", 3);
    fails_with(sp_exp(sp_log(F64(SP_SHAPE(3), 1, 4.5, 0))),
               "anomaly: log: [3] gave -inf at [2], from [0, 4.5] (in lstm layer 0, step 3)");
}
END_TEST

START_TEST(an_anomaly_is_found_in_f32_and_in_long_values)
{
    sp_tensor *x = sp_tensor_new(SP_F32, SP_SHAPE(7, 301));

    for (int64_t i = 0; i < 7 * 301; i++) sp_tensor_set(x, i, 4);
    sp_tensor_set(x, 5 * 301 + 300, -1);
    sp_var v = sp_input(t, x);
    sp_tensor_free(x);
    fails_with(sp_sqrt(v), "anomaly: sqrt: [7,301] gave nan at [5,300], from [-1, 4]");
}
END_TEST

START_TEST(an_eager_tape_fails_where_the_op_is_recorded)
{
    with((sp_tape_spec){ .anomaly = SP_ANOMALY_NAN, .eager = true });
    sp_var y = sp_log(F64(SP_SHAPE(2), 1, -1));

    ck_assert(sp_is_nothing(y));
    ck_assert_str_eq(sp_tape_error(t), "anomaly: log: [2] gave nan at [1], from [-1, 1]");
}
END_TEST

START_TEST(infinities_may_be_allowed)
{
    with((sp_tape_spec){ .anomaly = SP_ANOMALY_NAN });
    sp_var masked = sp_log(F64(SP_SHAPE(2), 1, 0)), y = sp_exp(masked);

    ck_assert(sp_eval(1, &y));
    fails_with(sp_sub(masked, masked), "anomaly: sub: [2] gave nan at [1], from [0, 0] with 1 inf, "
                                       "[0, 0] with 1 inf");
}
END_TEST

START_TEST(data_that_are_bad_are_told_by_the_first_op_that_reads_them)
{
    sp_var x = F64(SP_SHAPE(2, 2), NAN, 1, 2, INFINITY);

    fails_with(sp_tanh(sp_transpose(x, 0, 1)),
               "anomaly: tanh: [2,2] gave nan at [0,0], from [1, 2] with 1 nan and 1 inf");
}
END_TEST

START_TEST(a_value_that_is_masked_later_is_reported)
{
    sp_var x = F64(SP_SHAPE(2), 1, 0), good = sp_greater(x, sp_number(x, 0));

    fails_with(sp_where(good, sp_log(x), sp_number(x, 0)),
               "anomaly: log: [2] gave -inf at [1], from [0, 1]");
    sp_tape_reset(t);
    x = F64(SP_SHAPE(2), 1, 0);
    good = sp_greater(x, sp_number(x, 0));
    sp_var y = sp_log(sp_where(good, x, sp_number(x, 1)));
    ck_assert(sp_eval(1, &y));
}
END_TEST

START_TEST(in_a_gradient_it_says_of_what)
{
    sp_var x = F64(SP_SHAPE(2), 4, 0), g;

    sp_scope_enter(t, "norm", -1);
    sp_var y = sp_sum(sp_sqrt(x));
    sp_scope_leave(t);
    ck_assert(sp_eval(1, &y) && sp_grad(y, 1, &x, &g, NULL));
    fails_with(g, "anomaly: div, in the gradient of sqrt: [2] gave inf at [1], from [0.5, 0.5], "
                  "[0, 2] (in norm)");
}
END_TEST

START_TEST(in_a_second_gradient_it_says_so)
{
    sp_var x = F64(SP_SHAPE(1), 1e-300), g, h;
    sp_var y = sp_sum(sp_sqrt(x));
    ck_assert(sp_grad(y, 1, &x, &g, NULL) && sp_eval(1, &g));
    ck_assert(sp_grad(sp_scale(sp_sum(g), 1e200), 1, &x, &h, NULL));
    ck_assert(!sp_eval(1, &h));
    ck_assert_msg(strstr(sp_tape_error(t), ", in the gradient of the gradient of sqrt: "),
                  "%s", sp_tape_error(t));
}
END_TEST

/* The gradient of w is a sum of two products, which no kernel computes apart. */
START_TEST(a_product_inside_a_sum_is_named_itself)
{
    sp_var w = F64(SP_SHAPE(1, 1), 1), g;
    sp_var big = F64(SP_SHAPE(1, 1), 1e308), two = F64(SP_SHAPE(1, 1), 2);

    sp_scope_enter(t, "step", 0);
    sp_var a = sp_matmul(two, w);
    sp_scope_leave(t);
    sp_scope_enter(t, "step", 1);
    sp_var b = sp_mul(sp_matmul(big, w), F64(SP_SHAPE(1, 1), 10));
    sp_scope_leave(t);
    ck_assert(sp_grad(sp_sum(sp_add(a, b)), 1, &w, &g, NULL));
    fails_with(g, "anomaly: matmul, in the gradient of matmul: [1,1] gave inf at [0,0], from "
                  "[1e+308, 1e+308], [10, 10] (in step 1)");
}
END_TEST

/* Each product is finite and only their sum is not. */
START_TEST(a_sum_that_overflows_is_named_with_what_its_products_read)
{
    sp_var a = F64(SP_SHAPE(1, 1), 1e308), one = F64(SP_SHAPE(1, 1), 1);

    sp_var p = sp_matmul(a, one), q = sp_matmul(one, a), both[] = { p, q };
    fails_with(sp_add_n(2, both),
               "anomaly: add_n: [1,1] gave inf at [0,0], from matmul of [1e+308, 1e+308] and "
               "[1, 1], matmul of [1, 1] and [1e+308, 1e+308]");
}
END_TEST

START_TEST(counters_count)
{
    char text[300];

    with((sp_tape_spec){ 0 });
    sp_var x = F64(SP_SHAPE(4), 0, 1, 2, 3), y = sp_exp(x);
    ck_assert(sp_eval(1, &y));
    sp_tape_stats s = sp_stats(t);
    ck_assert_int_eq(s.nodes, 2);
    ck_assert_int_eq(s.evaluations, 1);
    ck_assert_int_eq(s.live_bytes, 64);
    ck_assert_int_eq(sp_stats_text(t, text, sizeof text), (int)strlen(text));
    ck_assert_ptr_nonnull(strstr(text, "2 nodes, 1 evaluations, 1 nodes computed, 0 of them again, "
                                       "64 bytes alive, 64 at the peak, "));
    ck_assert_int_eq(sp_stats(NULL).nodes, 0);
}
END_TEST

/* Compared with the memory door: the tensors of the test's own are one block and one header. */
START_TEST(allocations_are_those_of_the_memory_door)
{
    with((sp_tape_spec){ 0 });
    int64_t counted = sp_stats(t).allocations, calls = sp_alloc_count().calls;
    sp_var x = sp_const(t, SP_F64, .5), y = x, g;

    for (int i = 0; i < 2000; i++) y = sp_named(sp_tanh(y), "y");
    ck_assert(sp_grad(y, 1, &x, &g, NULL));
    ck_assert_double_gt(sp_item(g), 0);
    counted = sp_stats(t).allocations - counted;
    calls = sp_alloc_count().calls - calls;
    ck_assert_int_ge(calls, counted);
    ck_assert_int_le(calls - counted, 1);                     /* the evaluation itself */
    sp_tape_reset(t);
    calls = sp_alloc_count().calls;
    for (int i = 0; i < 2000; i++) y = i ? sp_tanh(y) : sp_const(t, SP_F64, .5);
    ck_assert_int_eq(sp_alloc_count().calls, calls);          /* warm: none */
}
END_TEST

int main(void)
{
    TCase *c = tcase_create("anomaly");

    tcase_add_checked_fixture(c, begin, end);
    tcase_add_test(c, an_anomaly_names_op_place_scope_and_ranges);
    tcase_add_test(c, an_anomaly_is_found_in_f32_and_in_long_values);
    tcase_add_test(c, an_eager_tape_fails_where_the_op_is_recorded);
    tcase_add_test(c, infinities_may_be_allowed);
    tcase_add_test(c, data_that_are_bad_are_told_by_the_first_op_that_reads_them);
    tcase_add_test(c, a_value_that_is_masked_later_is_reported);
    tcase_add_test(c, in_a_gradient_it_says_of_what);
    tcase_add_test(c, in_a_second_gradient_it_says_so);
    tcase_add_test(c, a_product_inside_a_sum_is_named_itself);
    tcase_add_test(c, a_sum_that_overflows_is_named_with_what_its_products_read);
    tcase_add_test(c, counters_count);
    tcase_add_test(c, allocations_are_those_of_the_memory_door);
    Suite *s = suite_create("anomaly");
    suite_add_tcase(s, c);
    return run_all(s);
}
