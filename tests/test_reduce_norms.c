/* SPDX-License-Identifier: MIT
 *
 * test_reduce_norms.c - norms, any and all, variances: closed forms, huge and tiny values, slopes
 * where there is none, and what is refused.
 */
#include "tests/ops_case.h"

#define B8(shape, ...) data(SP_BOOL, shape, (const uint8_t[]){ __VA_ARGS__ })
#define F32(shape, ...) data(SP_F32, shape, (const float[]){ __VA_ARGS__ })
#define INF ((double)INFINITY)

static sp_var norm(sp_var x, double p) { return sp_norm(x, p, SP_ALL_AXES, false); }

static sp_var nothing_of(sp_dtype dtype) { return data(dtype, SP_SHAPE(0), ""); }

/* Elements within a relative bound. */
static void near(sp_var v, int n, const double want[], double bound)
{
    const sp_tensor *x = sp_value(v);

    ck_assert_msg(x != NULL, "%s", sp_tape_error(tape));
    ck_assert_int_eq(sp_tensor_size(x), n);
    for (int i = 0; i < n; i++) {
        double got = sp_tensor_at(x, i);
        ck_assert_msg(fabs(got - want[i]) <= bound * fabs(want[i]),
                      "element %d is %.17g, not %.17g", i, got, want[i]);
    }
}
#define NEAR(v, bound, ...) \
    near(v, SP_COUNT(double, __VA_ARGS__), (const double[]){ __VA_ARGS__ }, bound)

static void has_shape(sp_var v, sp_shape shape)
{
    ck_assert_msg(!sp_is_nothing(v), "%s", sp_tape_error(tape));
    ck_assert(sp_shape_equal(sp_var_shape(v), shape));
}

/* The same vector in each of two columns, [n,2]: kernels have a way of their own for these. */
static sp_var twice(sp_var x) { return sp_stack(SP_VARS(x, x), 1); }

/* ---- norms ---- */

START_TEST(norms_have_their_closed_forms)
{
    sp_var x = F64(SP_SHAPE(2, 2), 3, -4, -5, 12);

    HOLDS(sp_norm(x, 1, SP_AXES(1), false), 7, 17);
    HOLDS(sp_norm(x, 2, SP_AXES(1), false), 5, 13);
    HOLDS(sp_norm(x, INF, SP_AXES(0), false), 5, 12);
    HOLDS(norm(x, 2), sqrt(194));
    HOLDS(sp_norm(F64(SP_SHAPE(3), 3, -4, 5), 3, SP_AXES(-1), false), 6);
    HOLDS(sp_norm(F64(SP_SHAPE(2), 4, 9), .5, SP_AXES(0), false), 25);
    HOLDS(norm(F64(SP_SCALAR, -7), 2), 7);
}
END_TEST

START_TEST(axes_that_lie_apart_are_one_group)
{
    sp_var x = F64(SP_SHAPE(2, 2, 2), 1, 2, 3, 4, 5, 6, 7, 8);
    sp_var y = sp_norm(x, 2, SP_AXES(0, -1), true);

    has_shape(y, SP_SHAPE(1, 2, 1));
    HOLDS(y, sqrt(1 + 4 + 25 + 36), sqrt(9 + 16 + 49 + 64));
    has_shape(sp_norm(x, 3, SP_AXES(2, 0), false), SP_SHAPE(2));
    HOLDS(sp_norm(x, INF, SP_AXES(0, 2), false), 6, 8);
    HOLDS(sp_norm(x, 2, (sp_axes){ 0 }, false), 1, 2, 3, 4, 5, 6, 7, 8);
}
END_TEST

START_TEST(huge_and_tiny_elements_neither_overflow_nor_vanish)
{
    sp_var huge = F64(SP_SHAPE(2), 3e200, -4e200), tiny = F64(SP_SHAPE(2), 3e-200, 4e-200);
    sp_var least = F64(SP_SHAPE(2), 3e-307, -4e-307);

    NEAR(norm(huge, 2), 1e-15, 5e200);
    NEAR(norm(huge, 3), 1e-14, 4.497941445275415e200);
    NEAR(norm(tiny, 2), 1e-15, 5e-200);
    NEAR(sp_norm(twice(huge), 2, SP_AXES(0), false), 1e-15, 5e200, 5e200);
    NEAR(sp_norm(twice(tiny), 3, SP_AXES(0), false), 1e-14, 4.497941445275415e-200,
         4.497941445275415e-200);
    NEAR(norm(tiny, .5), 1e-14, (sqrt(3) + 2) * (sqrt(3) + 2) * 1e-200);
    NEAR(slope(norm(huge, 2), huge), 1e-15, .6, -.8);
    NEAR(slope(norm(tiny, 2), tiny), 1e-15, .6, .8);
    NEAR(norm(least, 2), 1e-15, 5e-307);
    NEAR(slope(norm(least, 2), least), 1e-15, .6, -.8);
    NEAR(norm(F32(SP_SHAPE(2), 3e30f, 4e30f), 2), 1e-6, 5e30);
    NEAR(norm(F32(SP_SHAPE(2), 3e-30f, 4e-30f), 2), 1e-6, 5e-30);
    NEAR(sp_norm(F32(SP_SHAPE(2, 1, 2), 3e30f, 1, 4e30f, 0), 2, SP_AXES(0), false), 1e-6, 5e30, 1);
}
END_TEST

START_TEST(a_zero_vector_has_slope_zero_of_any_order)
{
    static const double ps[] = { .5, 1, 1.5, 2, 3, (double)INFINITY };

    for (size_t i = 0; i < sizeof ps / sizeof *ps; i++) {
        sp_var x = F64(SP_SHAPE(3), 0, -0.0, 0), w = F64(SP_SHAPE(3), 1, 2, 3);
        sp_var g = slope(norm(x, ps[i]), x);
        HOLDS(norm(x, ps[i]), 0);
        HOLDS(sp_norm(twice(x), ps[i], SP_AXES(0), false), 0, 0);
        HOLDS(g, 0, 0, 0);
        HOLDS(slope(sp_mul(g, w), x), 0, 0, 0);
    }
}
END_TEST

START_TEST(a_zero_beside_others_has_slope_zero_and_the_curvature_of_its_norm)
{
    sp_var x = F64(SP_SHAPE(2), 0, 2), w = F64(SP_SHAPE(2), 1, 10);

    HOLDS(slope(norm(x, 2), x), 0, 1);
    HOLDS(slope(sp_mul(slope(norm(x, 2), x), w), x), .5, 0);
    HOLDS(slope(norm(x, 1.5), x), 0, 1);
    HOLDS(slope(norm(x, .5), x), 0, 1);
    HOLDS(slope(sp_mul(slope(norm(x, .5), x), w), x), 0, 0);
    HOLDS(slope(sp_mul(slope(norm(x, 3), x), w), x), 0, 0);
    HOLDS(slope(norm(x, 1), x), 0, 1);
    sp_var y = norm(x, 4);
    for (int order = 1; order <= 4; order++) y = sp_select(slope(y, x), 0, 0);
    HOLDS(y, .75);
}
END_TEST

START_TEST(the_largest_shares_its_slope_evenly_among_ties)
{
    sp_var x = F64(SP_SHAPE(2, 3), 5, -5, 1, 0, 2, -9);

    HOLDS(slope(sp_norm(x, INF, SP_AXES(1), true), x), .5, -.5, 0, 0, 0, -1);
    x = F32(SP_SHAPE(2), 3, -3);
    HOLDS(norm(x, 1e300), 3);
    HOLDS(slope(norm(x, 1e300), x), .5, -.5);
}
END_TEST

START_TEST(nan_and_infinity_go_through_norms)
{
    sp_var nan = F64(SP_SHAPE(3), 1, NAN, INFINITY), inf = F64(SP_SHAPE(2), 1, -INFINITY);
    static const double ps[] = { .5, 1, 2, 3, (double)INFINITY };

    for (size_t i = 0; i < sizeof ps / sizeof *ps; i++) {
        HOLDS(norm(nan, ps[i]), NAN);
        HOLDS(norm(inf, ps[i]), INFINITY);
        HOLDS(sp_norm(sp_reshape(nan, SP_SHAPE(3, 1)), ps[i], SP_AXES(1), false), 1, NAN, INFINITY);
        HOLDS(sp_norm(sp_reshape(nan, SP_SHAPE(1, 3)), ps[i], SP_AXES(0), false), 1, NAN, INFINITY);
    }
}
END_TEST

START_TEST(of_nothing_a_norm_is_zero)
{
    HOLDS(norm(nothing_of(SP_F64), 1), 0);
    HOLDS(norm(nothing_of(SP_F64), 2), 0);
    HOLDS(norm(nothing_of(SP_F64), 3), 0);
    HOLDS(norm(nothing_of(SP_F32), INF), 0);
    HOLDS(sp_norm(data(SP_F64, SP_SHAPE(2, 0), ""), 2, SP_AXES(1), true), 0, 0);
}
END_TEST

START_TEST(a_norm_is_refused_in_a_sentence)
{
    static const struct { double p; int axis; const char *sentence; } rows[] = {
        { 0, 0, "norm: [2,3]: its p is 0, not above 0" },
        { -1, 0, "norm: [2,3]: its p is -1, not above 0" },
        { NAN, 0, "norm: [2,3]: its p is nan, not above 0" },
        { 2, 2, "norm: [2,3]: there is no axis 2 in rank 2" },
        { 2, -3, "norm: [2,3]: there is no axis -3 in rank 2" },
        { 1, 2, "norm: [2,3]: there is no axis 2 in rank 2" },
        { INFINITY, 2, "norm: [2,3]: there is no axis 2 in rank 2" },
    };
    static const double six[6];

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        sp_var x = data(SP_F64, SP_SHAPE(2, 3), six);
        fails_with(sp_norm(x, rows[i].p, SP_AXES(rows[i].axis), false), rows[i].sentence);
        sp_tape_reset(tape);
    }
    fails_with(sp_norm(data(SP_F64, SP_SHAPE(2, 3), six), 2, SP_AXES(1, -1), false),
               "norm: [2,3]: axis -1 is named twice (rank 2)");
    sp_tape_reset(tape);
    fails_with(norm(I64(SP_SHAPE(2), 1, 2), 1), "norm: [2]: it needs f32 or f64, not i64");
    sp_tape_reset(tape);
    ck_assert(sp_is_nothing(norm((sp_var){ 0 }, 2)));
}
END_TEST

/* ---- variances ---- */

START_TEST(variances_have_their_closed_forms)
{
    sp_var x = F64(SP_SHAPE(2, 4), 2, 4, 4, 6, 1, 3, 5, 7);

    HOLDS(sp_variance(x, SP_AXES(1), 0, false), 2, 5);
    HOLDS(sp_variance(x, SP_AXES(1), 1, false), 8.0 / 3, 20.0 / 3);
    HOLDS(sp_std(x, SP_AXES(1), 0, true), sqrt(2), sqrt(5));
    HOLDS(sp_variance(x, SP_AXES(0), 1, false), .5, .5, .5, .5);
    HOLDS(sp_variance(x, SP_ALL_AXES, 0, false), 3.5);
    HOLDS(sp_variance(x, SP_AXES(1), 2, false), 4, 10);
    has_shape(sp_std(x, SP_AXES(-1), 1, true), SP_SHAPE(2, 1));
}
END_TEST

START_TEST(a_variance_over_axes_that_lie_apart_is_that_of_their_elements)
{
    sp_var x = F64(SP_SHAPE(2, 2, 2), 1, 2, 30, 40, 3, 6, 50, 80);

    HOLDS(sp_variance(x, SP_AXES(2, 0), 0, false), 3.5, 350);
    has_shape(sp_variance(x, SP_AXES(2, 0), 0, true), SP_SHAPE(1, 2, 1));
}
END_TEST

START_TEST(a_large_mean_costs_a_variance_no_digits)
{
    sp_var x = F64(SP_SHAPE(4), 1e15 + 4, 1e15 + 7, 1e15 + 13, 1e15 + 16);
    sp_var half = F32(SP_SHAPE(4), 16777216, 16777218, 16777220, 16777222);

    HOLDS(sp_variance(x, SP_AXES(0), 1, false), 30);
    HOLDS(sp_variance(twice(x), SP_AXES(0), 1, false), 30, 30);
    HOLDS(sp_variance(half, SP_AXES(0), 0, false), 5);
    HOLDS(sp_variance(twice(half), SP_AXES(0), 0, false), 5, 5);
}
END_TEST

START_TEST(a_std_neither_overflows_nor_vanishes)
{
    sp_var huge = F64(SP_SHAPE(3), 1e200, 2e200, 3e200), tiny = F64(SP_SHAPE(2), -3e-200, 5e-200);

    NEAR(sp_std(huge, SP_AXES(0), 1, false), 1e-15, 1e200);
    NEAR(sp_std(twice(huge), SP_AXES(0), 1, false), 1e-15, 1e200, 1e200);
    NEAR(sp_std(twice(tiny), SP_AXES(0), 0, false), 1e-15, 4e-200, 4e-200);
    NEAR(slope(sp_std(tiny, SP_AXES(0), 0, false), tiny), 1e-15, -.5, .5);
    NEAR(sp_std(F32(SP_SHAPE(2), -3e30f, 5e30f), SP_AXES(0), 0, false), 1e-6, 4e30);
}
END_TEST

/* The mean of three 0.1 is not 0.1. */
START_TEST(equal_elements_have_std_and_slope_zero_of_any_order)
{
    sp_var x = F64(SP_SHAPE(3), .1, .1, .1), w = F64(SP_SHAPE(3), 1, 2, 3);
    sp_var y = sp_std(x, SP_AXES(0), 1, false), g = slope(y, x);

    ck_assert(sp_item(y) == 0);
    ck_assert(sp_item(sp_sum(sp_std(twice(x), SP_AXES(0), 1, false))) == 0);
    HOLDS(g, 0, 0, 0);
    HOLDS(slope(sp_mul(g, w), x), 0, 0, 0);
    HOLDS(slope(sp_variance(x, SP_AXES(0), 1, false), x), 0, 0, 0);
}
END_TEST

START_TEST(without_degrees_of_freedom_a_variance_is_nan)
{
    sp_var one = F64(SP_SHAPE(2, 1), 3, 4), two = F64(SP_SHAPE(2), 3, 4);

    HOLDS(sp_variance(one, SP_AXES(1), 1, false), NAN, NAN);
    HOLDS(sp_variance(one, SP_AXES(1), 0, false), 0, 0);
    HOLDS(sp_std(two, SP_AXES(0), 2, false), NAN);
    HOLDS(sp_variance(two, SP_AXES(0), 3, false), NAN);
    HOLDS(sp_variance(two, (sp_axes){ 0 }, 1, false), NAN, NAN);
    HOLDS(sp_variance(nothing_of(SP_F64), SP_AXES(0), 0, false), NAN);
    HOLDS(sp_std(nothing_of(SP_F64), SP_AXES(0), -1, false), NAN);
    HOLDS(slope(sp_std(one, SP_AXES(1), 1, false), one), NAN, NAN);
    HOLDS(slope(sp_variance(one, SP_AXES(1), 1, false), one), NAN, NAN);
}
END_TEST

START_TEST(nan_and_infinity_make_a_variance_nan)
{
    HOLDS(sp_variance(F64(SP_SHAPE(2, 2), 1, NAN, 1, 3), SP_AXES(1), 1, false), NAN, 2);
    HOLDS(sp_std(F64(SP_SHAPE(2, 2), 1, 5, 1, NAN), SP_AXES(0), 0, false), 0, NAN);
    HOLDS(sp_variance(F64(SP_SHAPE(2), INFINITY, 3), SP_AXES(0), 1, false), NAN);
    HOLDS(sp_std(F64(SP_SHAPE(2), 3, INFINITY), SP_AXES(0), 1, false), NAN);
}
END_TEST

START_TEST(a_variance_is_refused_in_a_sentence)
{
    fails_with(sp_variance(F64(SP_SHAPE(2), 1, 2), SP_AXES(1), 1, false),
               "variance: [2]: there is no axis 1 in rank 1");
    sp_tape_reset(tape);
    fails_with(sp_std(F64(SP_SHAPE(2), 1, 2), SP_AXES(0, 0), 1, false),
               "std: [2]: axis 0 is named twice (rank 1)");
    sp_tape_reset(tape);
    fails_with(sp_std(F64(SP_SHAPE(2), 1, 2), SP_AXES(0), NAN, false),
               "std: [2]: its correction is nan, not a number");
    sp_tape_reset(tape);
    fails_with(sp_variance(I32(SP_SHAPE(2), 1, 2), SP_AXES(0), 1, false),
               "variance: [2]: it needs f32 or f64, not i32");
}
END_TEST

/* ---- any, all ---- */

START_TEST(any_and_all_over_axes)
{
    sp_var x = B8(SP_SHAPE(3, 2), 0, 1, 1, 1, 0, 0);

    HOLDS(sp_any_axes(x, SP_AXES(1), false), 1, 1, 0);
    HOLDS(sp_all_axes(x, SP_AXES(1), false), 0, 1, 0);
    HOLDS(sp_any_axes(x, SP_AXES(0), false), 1, 1);
    HOLDS(sp_all_axes(x, SP_AXES(-2), true), 0, 0);
    has_shape(sp_all_axes(x, SP_AXES(0), true), SP_SHAPE(1, 2));
    HOLDS(sp_any(x), 1);
    HOLDS(sp_all(x), 0);
    ck_assert_int_eq(sp_var_dtype(sp_all(x)), SP_BOOL);
}
END_TEST

START_TEST(of_nothing_any_is_false_and_all_is_true)
{
    HOLDS(sp_any(nothing_of(SP_BOOL)), 0);
    HOLDS(sp_all(nothing_of(SP_BOOL)), 1);
    fails_with(sp_all(F64(SP_SHAPE(1), 1)), "all: [1]: needs bool, not f64");
}
END_TEST

/* ---- all ---- */

static TCase *case_of(const char *name)
{
    TCase *tc = tcase_create(name);
    tcase_add_checked_fixture(tc, begin, end);
    return tc;
}

static TCase *norms(void)
{
    TCase *tc = case_of("norms");

    tcase_add_test(tc, norms_have_their_closed_forms);
    tcase_add_test(tc, axes_that_lie_apart_are_one_group);
    tcase_add_test(tc, huge_and_tiny_elements_neither_overflow_nor_vanish);
    tcase_add_test(tc, a_zero_vector_has_slope_zero_of_any_order);
    tcase_add_test(tc, a_zero_beside_others_has_slope_zero_and_the_curvature_of_its_norm);
    tcase_add_test(tc, the_largest_shares_its_slope_evenly_among_ties);
    tcase_add_test(tc, nan_and_infinity_go_through_norms);
    tcase_add_test(tc, of_nothing_a_norm_is_zero);
    tcase_add_test(tc, a_norm_is_refused_in_a_sentence);
    return tc;
}

static TCase *variances(void)
{
    TCase *tc = case_of("variances");

    tcase_add_test(tc, variances_have_their_closed_forms);
    tcase_add_test(tc, a_variance_over_axes_that_lie_apart_is_that_of_their_elements);
    tcase_add_test(tc, a_large_mean_costs_a_variance_no_digits);
    tcase_add_test(tc, a_std_neither_overflows_nor_vanishes);
    tcase_add_test(tc, equal_elements_have_std_and_slope_zero_of_any_order);
    tcase_add_test(tc, without_degrees_of_freedom_a_variance_is_nan);
    tcase_add_test(tc, nan_and_infinity_make_a_variance_nan);
    tcase_add_test(tc, a_variance_is_refused_in_a_sentence);
    return tc;
}

static TCase *truths(void)
{
    TCase *tc = case_of("truths");

    tcase_add_test(tc, any_and_all_over_axes);
    tcase_add_test(tc, of_nothing_any_is_false_and_all_is_true);
    return tc;
}

int main(void)
{
    Suite *suite = suite_create("reduce_norms");

    suite_add_tcase(suite, norms());
    suite_add_tcase(suite, variances());
    suite_add_tcase(suite, truths());
    return run_all(suite);
}
