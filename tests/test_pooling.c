/* SPDX-License-Identifier: MIT
 *
 * test_pooling.c - what the records of pooling cannot say: ties, NaN, padding, options.
 */
#include <check.h>
#include <math.h>
#include <string.h>
#include "autograd/ops.h"
#include "autograd/tape.h"
#include "tests/suite.h"

static sp_tape *tape;

static void begin(void) { tape = sp_tape_new(NULL); }
static void end(void)   { sp_tape_free(tape); }

static sp_var data(sp_shape shape, const double *values)
{
    sp_tensor t = { SP_F64, shape, (void *)(uintptr_t)values, true };
    return sp_input(tape, &t);
}
#define ROW(...) \
    data(SP_SHAPE(1, 1, SP_COUNT(double, __VA_ARGS__)), (const double[]){ __VA_ARGS__ })

static void holds(sp_var v, int n, const double want[])
{
    const sp_tensor *x = sp_value(v);

    ck_assert_msg(x != NULL, "%s", sp_tape_error(tape));
    ck_assert_int_eq(sp_tensor_size(x), n);
    for (int i = 0; i < n; i++) {
        double got = sp_tensor_at(x, i);
        bool same = isnan(want[i]) ? isnan(got) : got == want[i] || fabs(got - want[i]) < 1e-14;
        ck_assert_msg(same, "element %d is %.17g, not %.17g", i, got, want[i]);
    }
}
#define HOLDS(v, ...) holds(v, SP_COUNT(double, __VA_ARGS__), (const double[]){ __VA_ARGS__ })

static sp_var slope(sp_var y, sp_var x)
{
    sp_var g;
    sp_grad(sp_sum(y), 1, &x, &g, NULL);
    return g;
}

static void refused(sp_var v, const char *piece)
{
    ck_assert(sp_is_nothing(v));
    ck_assert_msg(strstr(sp_tape_error(tape), piece), "it says: %s", sp_tape_error(tape));
    sp_tape_reset(tape);
}

static const sp_pool_spec two = { .size = { 2 }, .stride = { 1 } };

START_TEST(ties_share_the_slope_evenly)
{
    sp_var x = ROW(1, 3, 3, 3, 2);

    HOLDS(sp_max_pool1d(x, two), 3, 3, 3, 3);
    HOLDS(slope(sp_max_pool1d(x, two), x), 0, 1.5, 1, 1.5, 0);
    sp_var equal = ROW(5, 5, 5);
    HOLDS(slope(sp_max_pool1d(equal, (sp_pool_spec){ .size = { 3 } }), equal), 1. / 3, 1. / 3,
          1. / 3);
}
END_TEST

START_TEST(nan_is_the_largest)
{
    sp_var x = ROW(1, NAN, 2, 5, 4), y = sp_max_pool1d(x, two);

    HOLDS(y, NAN, NAN, 5, 5);
    HOLDS(slope(y, x), NAN, NAN, NAN, 2, 0);
    HOLDS(sp_mean_pool1d(x, two), NAN, NAN, 3.5, 4.5);
}
END_TEST

START_TEST(padding_is_never_the_largest)
{
    sp_pool_spec padded = { .size = { 3 }, .stride = { 1 }, .padding = { 1 } };

    HOLDS(sp_max_pool1d(ROW(-3, -2, -4), padded), -2, -2, -2);
    HOLDS(sp_max_pool1d(ROW(-INFINITY, -INFINITY), padded), -INFINITY, -INFINITY);
}
END_TEST

START_TEST(the_mean_counts_padding_unless_told)
{
    sp_pool_spec padded = { .size = { 3 }, .stride = { 1 }, .padding = { 1 } };

    HOLDS(sp_mean_pool1d(ROW(3, 6, 9), padded), 3, 6, 5);
    padded.inside = true;
    HOLDS(sp_mean_pool1d(ROW(3, 6, 9), padded), 4.5, 6, 7.5);
}
END_TEST

START_TEST(the_mean_of_floats_is_added_up_in_double)
{
    const float x[] = { 16777216, 1, 1, 2 };         /* in float 2^24 + 1 is 2^24 */
    sp_tensor t = { SP_F32, SP_SHAPE(1, 1, 4), (void *)(uintptr_t)x, true };

    HOLDS(sp_mean_pool1d(sp_input(tape, &t), (sp_pool_spec){ .size = { 4 } }), 4194305);
}
END_TEST

START_TEST(rounding_up_adds_what_is_left_over)
{
    sp_pool_spec up = { .size = { 2 }, .ceil = true };

    HOLDS(sp_max_pool1d(ROW(1, 2, 3, 4, 5), up), 2, 4, 5);
    HOLDS(sp_mean_pool1d(ROW(1, 2, 3, 4, 5), up), 1.5, 3.5, 5);
    HOLDS(sp_max_pool1d(ROW(1, 2, 3, 4), up), 2, 4);
}
END_TEST

/* What torch 1.13 gives. */
START_TEST(rounded_up_an_only_window_may_be_longer_than_x)
{
    sp_pool_spec up = { .size = { 4 }, .ceil = true };

    HOLDS(sp_max_pool1d(ROW(1, 2, 6), up), 6);
    HOLDS(sp_mean_pool1d(ROW(1, 2, 6), up), 3);
    up.size[0] = 6, up.stride[0] = 4, up.padding[0] = 1;
    HOLDS(sp_mean_pool1d(ROW(1, 2, 6), up), 1.8);
    sp_var x = ROW(1, 2, 6);
    HOLDS(slope(sp_mean_pool1d(x, up), x), .2, .2, .2);
    up.stride[0] = 1;
    refused(sp_max_pool1d(ROW(1, 2, 6), up), "6 taps, dilation 1, is longer than the 5 elements");
    up.size[0] = 9, up.stride[0] = 4;
    refused(sp_max_pool1d(ROW(1, 2, 6), up), "9 taps, dilation 1, is longer than the 5 elements");
}
END_TEST

/* Recorded from torch 1.13: positions of windows of 1 to 7 taps over 3 elements; 0: refused. */
START_TEST(rounding_up_counts_positions_as_torch_does)
{
    static const int positions[4][2][2][7] = {
        { { { 3, 2, 1, 0, 0, 0, 0 }, { 3, 1, 0, 0, 0, 0, 0 } },
          { { 0, 4, 3, 2, 1, 0, 0 }, { 0, 3, 1, 0, 0, 0, 0 } } },
        { { { 2, 2, 1, 1, 0, 0, 0 }, { 2, 1, 0, 0, 0, 0, 0 } },
          { { 0, 2, 2, 2, 1, 1, 0 }, { 0, 2, 1, 0, 0, 0, 0 } } },
        { { { 1, 1, 1, 1, 1, 0, 0 }, { 1, 1, 1, 0, 0, 0, 0 } },
          { { 0, 2, 2, 2, 1, 1, 1 }, { 0, 2, 1, 1, 0, 0, 0 } } },
        { { { 1, 1, 1, 1, 1, 1, 0 }, { 1, 1, 1, 0, 0, 0, 0 } },
          { { 0, 1, 1, 1, 1, 1, 1 }, { 0, 1, 1, 1, 0, 0, 0 } } },
    };

    for (int s = 1; s <= 4; s++)
        for (int p = 0; p <= 1; p++)
            for (int d = 1; d <= 2; d++)
                for (int k = 1; k <= 7; k++) {
                    sp_var y = sp_max_pool1d(ROW(1, 2, 3), (sp_pool_spec){ .size = { k },
                        .stride = { s }, .padding = { p ? p : SP_ZERO }, .dilation = { d },
                        .ceil = true });
                    int64_t got = sp_is_nothing(y) ? 0 : sp_var_dim(y, 2);
                    ck_assert_msg(got == positions[s - 1][p][d - 1][k - 1],
                                  "stride %d, padding %d, dilation %d, %d taps: %d", s, p, d, k,
                                  (int)got);
                    sp_tape_reset(tape);
                }
}
END_TEST

START_TEST(one_window_over_all_is_the_reduction)
{
    static const double values[] = { 1, 4, 2, 8, 5, 7, 3, 6, 0, 9, 11, 10 };
    sp_var x = data(SP_SHAPE(1, 2, 2, 3), values);

    HOLDS(sp_max_pool2d(x, (sp_pool_spec){ .size = { 2, 3 } }), 8, 11);
    HOLDS(sp_mean_pool2d(x, (sp_pool_spec){ .size = { 2, 3 } }), 4.5, 6.5);
    sp_var lone = sp_reshape(x, SP_SHAPE(1, 2, 1, 2, 3));
    HOLDS(sp_max_pool3d(lone, (sp_pool_spec){ .size = { 1, 2, 3 } }), 8, 11);
    HOLDS(sp_mean_pool3d(lone, (sp_pool_spec){ .size = { 1, 2, 3 } }), 4.5, 6.5);
}
END_TEST

/* Dilation can make a window that sees nothing of x: the largest of nothing, and no slope. */
START_TEST(a_window_beside_x_is_minus_infinity)
{
    sp_pool_spec wide = { .size = { 2 }, .stride = { 1 }, .padding = { 1 }, .dilation = { 3 } };
    sp_var x = ROW(1, 2), y = sp_max_pool1d(x, wide);

    HOLDS(y, -INFINITY);
    HOLDS(slope(y, x), 0, 0);
    HOLDS(sp_mean_pool1d(x, wide), 0);
}
END_TEST

START_TEST(a_mistake_is_told)
{
    refused(sp_max_pool1d(ROW(1, 2, 3), (sp_pool_spec){ .stride = { 1 } }), "0 taps");
    refused(sp_max_pool1d(ROW(1, 2, 3), (sp_pool_spec){ .size = { -2 } }), "max_pool: [1,1,3]: ");
    refused(sp_mean_pool1d(ROW(1, 2, 3), (sp_pool_spec){ .size = { 4 } }), "longer than the 3");
    refused(sp_mean_pool1d(ROW(1, 2, 3), (sp_pool_spec){ .size = { 2 }, .stride = { SP_ZERO } }),
            "its stride along spatial axis 0 is 0");
    refused(sp_max_pool1d(ROW(1, 2, 3), (sp_pool_spec){ .size = { 3 }, .padding = { 2 } }),
            "more than half");
    refused(sp_max_pool2d(ROW(1, 2, 3), (sp_pool_spec){ .size = { 2 } }), "need rank 4, not 3");
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("pooling");
    TCase *tc = tcase_create("pooling");

    tcase_add_checked_fixture(tc, begin, end);
    tcase_add_test(tc, ties_share_the_slope_evenly);
    tcase_add_test(tc, nan_is_the_largest);
    tcase_add_test(tc, padding_is_never_the_largest);
    tcase_add_test(tc, the_mean_counts_padding_unless_told);
    tcase_add_test(tc, the_mean_of_floats_is_added_up_in_double);
    tcase_add_test(tc, rounding_up_adds_what_is_left_over);
    tcase_add_test(tc, rounded_up_an_only_window_may_be_longer_than_x);
    tcase_add_test(tc, rounding_up_counts_positions_as_torch_does);
    tcase_add_test(tc, one_window_over_all_is_the_reduction);
    tcase_add_test(tc, a_window_beside_x_is_minus_infinity);
    tcase_add_test(tc, a_mistake_is_told);
    suite_add_tcase(suite, tc);

    return run_all(suite);
}
