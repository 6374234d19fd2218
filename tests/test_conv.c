/* SPDX-License-Identifier: MIT
 *
 * test_conv.c - what the records of convolutions cannot say: blocks, scratch, identities, options.
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

/* Numbers in [-1, 1). */
static sp_var drawn(sp_dtype dtype, sp_shape shape, uint64_t stream)
{
    sp_tensor *x = sp_tensor_new(dtype, shape);
    sp_random r = { 5, stream, 0 };

    for (int64_t i = 0; i < sp_tensor_size(x); i++)
        sp_tensor_set(x, i, 2 * sp_random_uniform(r, i) - 1);
    sp_var v = sp_input(tape, x);
    sp_tensor_free(x);
    return v;
}

static sp_var counted(sp_shape shape)
{
    sp_tensor *x = sp_tensor_new(SP_F64, shape);

    for (int64_t i = 0; i < sp_tensor_size(x); i++) sp_tensor_set(x, i, (double)i + 1);
    sp_var v = sp_input(tape, x);
    sp_tensor_free(x);
    return v;
}

static void holds(sp_var v, int n, const double want[])
{
    const sp_tensor *x = sp_value(v);

    ck_assert_msg(x != NULL, "%s", sp_tape_error(tape));
    ck_assert_int_eq(sp_tensor_size(x), n);
    for (int i = 0; i < n; i++)
        ck_assert_msg(fabs(sp_tensor_at(x, i) - want[i]) < 1e-14, "element %d is %.17g, not %.17g",
                      i, sp_tensor_at(x, i), want[i]);
}
#define HOLDS(v, ...) holds(v, SP_COUNT(double, __VA_ARGS__), (const double[]){ __VA_ARGS__ })

static double largest_difference(sp_var a, sp_var b)
{
    double d = sp_item(sp_max(sp_abs(sp_sub(a, b))));

    ck_assert_msg(sp_tape_error(tape) == NULL, "%s", sp_tape_error(tape));
    return d;
}

static void refused(sp_var v, const char *piece)
{
    ck_assert(sp_is_nothing(v));
    ck_assert_msg(strstr(sp_tape_error(tape), piece), "it says: %s", sp_tape_error(tape));
    sp_tape_reset(tape);
}

static const sp_var none;
static const sp_conv_spec usual;

/* ---- convolutions ---- */

START_TEST(a_convolution_is_a_sum_of_shifted_products)
{
    sp_var x = counted(SP_SHAPE(1, 1, 4)), w = counted(SP_SHAPE(1, 1, 2));

    HOLDS(sp_conv1d(x, w, none, usual), 5, 8, 11);
    HOLDS(sp_conv1d(x, w, none, (sp_conv_spec){ .padding = { 1 } }), 2, 5, 8, 11, 4);
    HOLDS(sp_conv1d(x, w, none, (sp_conv_spec){ .stride = { 2 } }), 5, 11);
    HOLDS(sp_conv1d(x, w, none, (sp_conv_spec){ .dilation = { 3 } }), 9);
}
END_TEST

START_TEST(a_bias_is_added_to_each_channel)
{
    sp_var x = counted(SP_SHAPE(1, 1, 2, 2)), w = counted(SP_SHAPE(2, 1, 1, 1));

    HOLDS(sp_conv2d(x, w, counted(SP_SHAPE(2)), usual), 2, 3, 4, 5, 4, 6, 8, 10);
}
END_TEST

START_TEST(a_causal_convolution_sees_no_later_step)
{
    sp_conv_spec causal = { .padding = { 4 }, .padding_after = { SP_ZERO }, .dilation = { 2 } };
    sp_var x = drawn(SP_F64, SP_SHAPE(1, 2, 9), 1), w = drawn(SP_F64, SP_SHAPE(3, 2, 3), 2), g;
    sp_var y = sp_conv1d(x, w, none, causal);

    ck_assert_int_eq(sp_var_dim(y, 2), 9);
    ck_assert(sp_grad(sp_sum(sp_select(y, 2, 5)), 1, &x, &g, NULL));
    const sp_tensor *slope = sp_value(g);
    for (int i = 0; i < 18; i++) {
        int t = i % 9;
        ck_assert_int_eq(sp_tensor_at(slope, i) != 0, t == 1 || t == 3 || t == 5);
    }
}
END_TEST

/* <conv(x,w), y> = <x, transposed(y,w)> */
START_TEST(the_transposed_convolution_is_the_adjoint)
{
    sp_conv_spec spec = { .stride = { 2, 3 }, .padding = { 1, 2 }, .dilation = { 2, 1 },
                          .groups = 2, .output_padding = { 1, 2 } }, to = spec;
    sp_var x = drawn(SP_F64, SP_SHAPE(2, 4, 10, 12), 1), w = drawn(SP_F64, SP_SHAPE(6, 2, 3, 2), 2);

    memset(to.output_padding, 0, sizeof to.output_padding);
    sp_var y = sp_conv2d(x, w, none, to), z = drawn(SP_F64, sp_var_shape(y), 3);
    sp_var back = sp_conv_transpose2d(z, w, none, spec);
    double here = sp_item(sp_sum(sp_mul(y, z))), there = sp_item(sp_sum(sp_mul(x, back)));
    ck_assert_msg(fabs(here - there) < 1e-10, "%.17g and %.17g", here, there);
}
END_TEST

/* The unfolded tensor, made of slices, times w. */
static sp_var by_hand(sp_var x, sp_var w)
{
    int64_t taps = sp_var_dim(w, 2), n = sp_var_dim(x, 2) - taps + 1;
    sp_var sum = { 0 };

    for (int64_t k = 0; k < taps; k++) {
        sp_var term = sp_matmul(sp_select(w, 2, k), sp_slice(x, 2, k, n));
        sum = k ? sp_add(sum, term) : term;
    }
    return sum;
}

/* Several blocks of rows and of positions. */
START_TEST(blocks_leave_no_seam)
{
    sp_var x = drawn(SP_F64, SP_SHAPE(2, 500, 700), 1), w = drawn(SP_F64, SP_SHAPE(2, 500, 3), 2);
    sp_var y = sp_conv1d(x, w, none, usual), want = by_hand(x, w), wrt[] = { x, w }, g[2], h[2];

    ck_assert(largest_difference(y, want) < 1e-11);
    sp_var seed = drawn(SP_F64, sp_var_shape(y), 3);
    sp_grad(y, 2, wrt, g, &(sp_grad_spec){ .seed = seed });
    sp_grad(want, 2, wrt, h, &(sp_grad_spec){ .seed = seed });
    for (int i = 0; i < 2; i++) ck_assert(largest_difference(g[i], h[i]) < 1e-11);
}
END_TEST

/* The unfolded tensor would take 9 x 64 x 256 x 256 x 4 bytes, that is 144 MiB. */
START_TEST(scratch_is_bounded)
{
    sp_tape_free(tape);
    tape = sp_tape_new(&(sp_tape_spec){ .max_bytes = 48 << 20 });
    sp_var x = sp_full(tape, SP_F32, SP_SHAPE(1, 64, 256, 256), 1);
    sp_var w = sp_full(tape, SP_F32, SP_SHAPE(4, 64, 3, 3), 1);
    sp_var y = sp_conv2d(x, w, none, usual);

    sp_var corner = sp_slice(sp_reshape(y, SP_SHAPE(4 * 254 * 254)), 0, 0, 2);
    ck_assert_msg(sp_eval(1, &y), "%s", sp_tape_error(tape));
    HOLDS(corner, 576, 576);
}
END_TEST

/* What three steps of a recurrence give to one kernel is one sum. */
START_TEST(the_gradients_of_a_shared_kernel_add_up)
{
    sp_conv_spec same = { .padding = { 1 } };
    sp_var x = drawn(SP_F64, SP_SHAPE(2, 3, 8), 1), w = drawn(SP_F64, SP_SHAPE(3, 3, 3), 2);
    sp_var h = x, sum, whole = { 0 };

    for (int t = 0; t < 3; t++) h = sp_conv1d(h, w, none, same);
    sp_grad(sp_sum(h), 1, &w, &sum, NULL);
    for (int k = 0; k < 3; k++) {
        sp_var part, y = x;
        for (int t = 0; t < 3; t++) y = sp_conv1d(y, t == k ? w : sp_detach(w), none, same);
        sp_grad(sp_sum(y), 1, &w, &part, NULL);
        whole = k ? sp_add(whole, part) : part;
    }
    ck_assert(largest_difference(sum, whole) < 1e-11);
}
END_TEST

START_TEST(nothing_in_gives_zeros_or_nothing_out)
{
    sp_var x = sp_full(tape, SP_F64, SP_SHAPE(2, 0, 4), 1), w = sp_full(tape, SP_F64,
                                                                     SP_SHAPE(1, 0, 2), 1);

    HOLDS(sp_conv1d(x, w, none, usual), 0, 0, 0, 0, 0, 0);
    x = sp_full(tape, SP_F64, SP_SHAPE(0, 3, 4), 1);
    w = sp_full(tape, SP_F64, SP_SHAPE(5, 3, 2), 1);
    ck_assert_int_eq(sp_tensor_size(sp_value(sp_conv1d(x, w, none, usual))), 0);
}
END_TEST

START_TEST(an_option_left_out_is_that_of_the_axis_before)
{
    sp_var x = drawn(SP_F64, SP_SHAPE(1, 2, 9, 9), 1), w = drawn(SP_F64, SP_SHAPE(1, 2, 2, 2), 2);
    sp_conv_spec brief = { .stride = { 2 }, .padding = { 1 }, .dilation = { 3 } };
    sp_conv_spec full = { .stride = { 2, 2 }, .padding = { 1, 1 }, .dilation = { 3, 3 } };
    sp_conv_spec first = { .stride = { 2, 1 }, .padding = { 1, SP_ZERO }, .dilation = { 3, 1 } };

    ck_assert(largest_difference(sp_conv2d(x, w, none, brief), sp_conv2d(x, w, none, full)) == 0);
    sp_shape y = sp_var_shape(sp_conv2d(x, w, none, first));
    ck_assert(sp_shape_equal(y, SP_SHAPE(1, 1, 4, 8)));
}
END_TEST

START_TEST(a_mistake_is_told)
{
#define X sp_full(tape, SP_F64, SP_SHAPE(2, 4, 8), 1)
#define W sp_full(tape, SP_F64, SP_SHAPE(6, 4, 3), 1)
    refused(sp_conv1d(X, W, none, (sp_conv_spec){ .stride = { SP_ZERO } }),
            "conv: [2,4,8] x [6,4,3]: its stride along spatial axis 0 is 0");
    refused(sp_conv1d(X, W, none, (sp_conv_spec){ .groups = 2 }),
            "x has 2 channels in each of 2 groups, but w takes 4");
    refused(sp_conv1d(X, W, none, (sp_conv_spec){ .groups = SP_ZERO }), "0 groups");
    refused(sp_conv1d(X, W, none, (sp_conv_spec){ .padding = { -1 } }), "padding along");
    refused(sp_conv1d(X, W, none, (sp_conv_spec){ .dilation = { 4 } }), "longer than the 8");
    refused(sp_conv1d(X, W, none, (sp_conv_spec){ .output_padding = { 1 } }), "transpose");
    refused(sp_conv2d(X, W, none, usual), "over 2 spatial axes its operands need rank 4, not 3");
    refused(sp_conv1d(X, W, sp_full(tape, SP_F64, SP_SHAPE(4), 1), usual),
            "its bias [4] needs shape [6]");
    refused(sp_conv_transpose1d(X, W, none, usual), "its input has 4 channels, but w takes 6");
    refused(sp_conv1d(X, sp_full(tape, SP_F32, SP_SHAPE(6, 4, 3), 1), none, usual),
            "dtypes f64 and f32 differ");
    refused(sp_conv1d(X, W, none, (sp_conv_spec){ .padding = { 1ll << 62 } }), "padding along");
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("conv");
    TCase *tc = tcase_create("convolutions");

    tcase_add_checked_fixture(tc, begin, end);
    tcase_add_test(tc, a_convolution_is_a_sum_of_shifted_products);
    tcase_add_test(tc, a_bias_is_added_to_each_channel);
    tcase_add_test(tc, a_causal_convolution_sees_no_later_step);
    tcase_add_test(tc, the_transposed_convolution_is_the_adjoint);
    tcase_add_test(tc, blocks_leave_no_seam);
    tcase_add_test(tc, scratch_is_bounded);
    tcase_add_test(tc, the_gradients_of_a_shared_kernel_add_up);
    tcase_add_test(tc, nothing_in_gives_zeros_or_nothing_out);
    tcase_add_test(tc, an_option_left_out_is_that_of_the_axis_before);
    tcase_add_test(tc, a_mistake_is_told);
    suite_add_tcase(suite, tc);

    return run_all(suite);
}
