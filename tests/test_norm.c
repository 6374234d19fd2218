/* SPDX-License-Identifier: MIT
 *
 * test_norm.c - what the records of normalizations cannot say: large means, NaN,
 * options, sentences.
 */
#include <check.h>
#include <math.h>
#include <string.h>
#include "autograd/ops.h"
#include "autograd/tape.h"
#include "tests/suite.h"

static sp_tape *tape;
static const sp_var none;

static void begin(void) { tape = sp_tape_new(NULL); }
static void end(void)   { sp_tape_free(tape); }

static sp_var drawn(sp_dtype dtype, sp_shape shape, double from, uint64_t stream)
{
    sp_tensor *x = sp_tensor_new(dtype, shape);
    sp_random r = { 5, stream, 0 };

    for (int64_t i = 0; i < sp_tensor_size(x); i++)
        sp_tensor_set(x, i, from + sp_random_uniform(r, i));
    sp_var v = sp_input(tape, x);
    sp_tensor_free(x);
    return v;
}

static double at(sp_var v, int64_t i)
{
    const sp_tensor *x = sp_value(v);
    ck_assert_msg(x != NULL, "%s", sp_tape_error(tape));
    return sp_tensor_at(x, i);
}

static void near(sp_var a, sp_var b, double bound)
{
    double d = sp_item(sp_max(sp_abs(sp_sub(a, b))));
    ck_assert_msg(d <= bound, "they differ by %g: %s", d, sp_tape_error(tape));
}

static void refused(sp_var v, const char *piece)
{
    ck_assert(sp_is_nothing(v));
    ck_assert_msg(strstr(sp_tape_error(tape), piece), "it says: %s", sp_tape_error(tape));
    sp_tape_reset(tape);
}

/* In f32 the numbers themselves are rounded to 1/16; what is made of them must not be. */
START_TEST(a_large_mean_costs_no_digits)
{
    sp_var x = drawn(SP_F32, SP_SHAPE(3, 4, 50), 1e5, 1), wide = sp_cast(x, SP_F64);
    sp_var y[] = { sp_layer_norm(x, 1, none, none, 1e-5), sp_group_norm(x, 2, none, none, 1e-5),
                   sp_batch_norm(x, none, none, 1e-5) };
    sp_var want[] = { sp_layer_norm(wide, 1, none, none, 1e-5),
                      sp_group_norm(wide, 2, none, none, 1e-5),
                      sp_batch_norm(wide, none, none, 1e-5) };

    for (int i = 0; i < 3; i++) near(sp_cast(y[i], SP_F64), want[i], 1e-6);
}
END_TEST

/* The slope by x of w y; of order 2, that of w times its squares. */
static sp_var slope_of(sp_var y, sp_var x, sp_var w, int order)
{
    sp_var g = { 0 };

    for (int k = 0; k < order; k++) {
        sp_var loss = sp_sum(sp_mul(w, k ? sp_square(g) : y));
        sp_grad(loss, 1, &x, &g, NULL);
    }
    return g;
}

static sp_var normed(int which, sp_var x)
{
    if (which == 0) return sp_layer_norm(x, 1, none, none, 1e-5);
    if (which == 1) return sp_group_norm(x, 1, none, none, 1e-5);
    return sp_batch_norm(x, none, none, 1e-5);
}

START_TEST(a_large_mean_costs_no_digits_of_slopes_either)
{
    float values[64];
    sp_tensor t = { SP_F32, SP_SHAPE(32, 2), values, true };

    for (int i = 0; i < 64; i++) values[i] = 1e4f + (float)(i % 5) * .01f;
    for (int which = 0; which < 3; which++)
        for (int order = 1; order <= 2; order++) {
            t.shape = which == 2 ? SP_SHAPE(32, 2) : SP_SHAPE(2, 32);
            sp_var x = sp_input(tape, &t), wide = sp_cast(x, SP_F64);
            sp_var w = drawn(SP_F32, t.shape, 0, 2);
            sp_var g = sp_cast(slope_of(normed(which, x), x, w, order), SP_F64);
            sp_var want = slope_of(normed(which, wide), wide, sp_cast(w, SP_F64), order);
            near(g, want, 1e-5 * sp_item(sp_max(sp_abs(want))));
        }
}
END_TEST

/* 37 numbers fill no whole number of vectors. */
START_TEST(equal_elements_come_out_equal_wherever_they_stand)
{
    enum { N = 4, C = 37 };
    float values[N * C];
    sp_tensor t = { SP_F32, SP_SHAPE(N, C), values, true };
    sp_var gamma = sp_full(tape, SP_F32, SP_SHAPE(C), 1.1);
    sp_var beta = sp_full(tape, SP_F32, SP_SHAPE(C), .7);

    for (int i = 0; i < N * C; i++) values[i] = i % C % 2 ? .3f + (float)(i / C) : 1.7f;
    sp_var x = sp_input(tape, &t), twice = sp_stack(SP_VARS(x, x), 2);
    sp_var y[] = { sp_layer_norm(x, 1, gamma, beta, .1), sp_layer_norm(x, 1, gamma, none, .1),
                   sp_rms_norm(x, 1, gamma, .1), sp_batch_norm(x, gamma, beta, .1) };
    for (int k = 0; k < 4; k++)
        for (int i = 0; i < N * C; i++) ck_assert(at(y[k], i) == at(y[k], i - i % C + i % C % 2));
    near(sp_stack(SP_VARS(y[3], y[3]), 2), sp_batch_norm(twice, gamma, beta, .1), 0);
}
END_TEST

START_TEST(rows_come_out_with_mean_0_and_variance_1)
{
    sp_var y = sp_layer_norm(drawn(SP_F64, SP_SHAPE(5, 300), -3, 1), 1, none, none, 0);

    near(sp_mean_axes(y, SP_AXES(1), false), sp_full(tape, SP_F64, SP_SHAPE(5), 0), 1e-14);
    near(sp_mean_axes(sp_square(y), SP_AXES(1), false), sp_full(tape, SP_F64, SP_SHAPE(5), 1),
         1e-13);
}
END_TEST

START_TEST(group_norm_by_one_and_by_all_channels_are_known_norms)
{
    sp_var x = drawn(SP_F64, SP_SHAPE(2, 3, 4, 5), 0, 1);

    near(sp_group_norm(x, 1, none, none, .1), sp_layer_norm(x, 3, none, none, .1), 1e-14);
    near(sp_group_norm(x, 3, none, none, .1), sp_layer_norm(x, 2, none, none, .1), 1e-14);
}
END_TEST

START_TEST(batch_norm_is_group_norm_of_the_turned_batch)
{
    sp_var x = drawn(SP_F64, SP_SHAPE(4, 3, 5), 0, 1), turned = sp_transpose(x, 0, 1);
    sp_var want = sp_transpose(sp_layer_norm(turned, 2, none, none, .1), 0, 1);

    near(sp_batch_norm(x, none, none, .1), want, 1e-14);
}
END_TEST

START_TEST(batch_norm_by_its_own_mean_and_variance_is_batch_norm)
{
    sp_var x = drawn(SP_F64, SP_SHAPE(4, 3, 5), 0, 1), gamma = drawn(SP_F64, SP_SHAPE(3), 0, 2);
    sp_var beta = drawn(SP_F64, SP_SHAPE(3), 0, 3);
    sp_var mean = sp_mean_axes(x, SP_AXES(0, 2), false);
    sp_var d = sp_sub(x, sp_mean_axes(x, SP_AXES(0, 2), true));
    sp_var var = sp_mean_axes(sp_square(d), SP_AXES(0, 2), false);

    near(sp_batch_norm(x, gamma, beta, .1), sp_batch_norm_given(x, mean, var, gamma, beta, .1),
         1e-14);
    near(sp_batch_norm(x, none, none, .1), sp_batch_norm_given(x, mean, var, none, none, .1),
         1e-14);
}
END_TEST

START_TEST(beta_alone_is_added)
{
    sp_var x = drawn(SP_F64, SP_SHAPE(2, 3, 3), 0, 1), beta = drawn(SP_F64, SP_SHAPE(3), 0, 2);
    sp_var wide = sp_reshape(beta, SP_SHAPE(3, 1));

    near(sp_layer_norm(x, 1, none, beta, .1), sp_add(sp_layer_norm(x, 1, none, none, .1), beta), 0);
    near(sp_batch_norm(x, none, beta, .1), sp_add(sp_batch_norm(x, none, none, .1), wide), 0);
    near(sp_group_norm(x, 3, none, beta, .1), sp_add(sp_group_norm(x, 3, none, none, .1), wide), 0);
}
END_TEST

START_TEST(nan_stays_in_its_group)
{
    double values[] = { 1, NAN, 3, 4, 5, 6 };
    sp_tensor t = { SP_F64, SP_SHAPE(2, 3), values, true };
    sp_var x = sp_input(tape, &t), y[] = { sp_layer_norm(x, 1, none, none, .1),
                                           sp_rms_norm(x, 1, none, .1) };

    for (int k = 0; k < 2; k++)
        for (int i = 0; i < 6; i++) ck_assert_int_eq(isnan(at(y[k], i)), i < 3);
    sp_var z = sp_batch_norm(x, none, none, .1);
    for (int i = 0; i < 6; i++) ck_assert_int_eq(isnan(at(z, i)), i % 3 == 1);
}
END_TEST

START_TEST(one_number_is_its_own_mean)
{
    ck_assert(at(sp_batch_norm(sp_full(tape, SP_F64, SP_SHAPE(1, 2), 7), none, none, .1), 0) == 0);
    ck_assert(isnan(at(sp_layer_norm(sp_full(tape, SP_F64, SP_SHAPE(1), 7), 1, none, none, 0), 0)));
}
END_TEST

START_TEST(a_mistake_is_told)
{
#define X sp_full(tape, SP_F64, SP_SHAPE(2, 4, 8), 1)
#define OF(...) sp_full(tape, SP_F64, SP_SHAPE(__VA_ARGS__), 1)
    refused(sp_layer_norm(X, 1, OF(4), none, 0), "layer_norm: [2,4,8] x [4]: its gamma needs shape "
            "[8]");
    refused(sp_layer_norm(X, 4, none, none, 0), "rank 3 has no 4 last axes");
    refused(sp_layer_norm(X, 1, none, none, -1), "its eps is -1");
    refused(sp_layer_norm(X, 1, sp_full(tape, SP_F32, SP_SHAPE(8), 1), none, 0), "differ");
    refused(sp_group_norm(X, 3, none, none, 0), "4 channels do not fall into 3 groups");
    refused(sp_batch_norm(OF(4), none, none, 0), "rank 2 or more");
    refused(sp_batch_norm_given(X, OF(3), OF(4), none, none, 0), "its mean needs shape [4]");
    refused(sp_batch_norm_given(X, OF(4), OF(4), OF(1), none, 0), "its gamma needs shape [4]");
    refused(sp_batch_norm_given(X, none, OF(4), none, none, 0), "never set");
    refused(sp_batch_norm_given(X, OF(4), OF(4), none, none, (double)NAN), "eps is nan");
    refused(sp_batch_norm_given(OF(4), OF(4), OF(4), none, none, 0), "rank 2 or more");
    refused(sp_batch_norm_given(sp_tape_fail(tape, "before"), OF(4), OF(4), none, none, 0),
            "before");
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("norm");
    TCase *tc = tcase_create("norm");

    tcase_add_checked_fixture(tc, begin, end);
    tcase_add_test(tc, a_large_mean_costs_no_digits);
    tcase_add_test(tc, a_large_mean_costs_no_digits_of_slopes_either);
    tcase_add_test(tc, equal_elements_come_out_equal_wherever_they_stand);
    tcase_add_test(tc, rows_come_out_with_mean_0_and_variance_1);
    tcase_add_test(tc, group_norm_by_one_and_by_all_channels_are_known_norms);
    tcase_add_test(tc, batch_norm_is_group_norm_of_the_turned_batch);
    tcase_add_test(tc, batch_norm_by_its_own_mean_and_variance_is_batch_norm);
    tcase_add_test(tc, beta_alone_is_added);
    tcase_add_test(tc, nan_stays_in_its_group);
    tcase_add_test(tc, one_number_is_its_own_mean);
    tcase_add_test(tc, a_mistake_is_told);
    suite_add_tcase(suite, tc);

    return run_all(suite);
}
