/* SPDX-License-Identifier: MIT
 *
 * test_no_rows.c - results without elements: however many rows they would have, they take no time
 * and no memory; but indices are looked at.
 */
#include "tests/ops_case.h"

static const sp_var none;

/* What loops over as many rows is ended by libcheck's clock. */
START_TEST(no_elements_in_ever_so_many_rows_take_no_time)
{
    const int64_t many = (INT64_C(1) << 59) - 2, some = many / 8;
    const sp_pad_spec by_one = { .axes = SP_AXES(0), .before = { 1 }, .mode = SP_PAD_EDGE };
    sp_pool_spec all = { .size = { many }, .stride = { 1 } };

#define N(...) sp_full(tape, SP_F32, SP_SHAPE(__VA_ARGS__), 1)
#define Z(...) sp_full(tape, SP_I64, SP_SHAPE(__VA_ARGS__), 0)
    sp_var y[] = {
        sp_take(N(some, 3, 0), Z(2), 1), sp_take_along_axis(N(5, 0), Z(many, 0), 0),
        sp_scatter(N(5, 0), Z(many, 0), N(many, 0), 0, SP_SCATTER_ADD),
        sp_cumsum(N(0, many), 0), sp_cumprod(N(0, many), 0), sp_cumprod(N(many, 0), 1),
        sp_linear_scan(N(0, many), N(0, many), none, false),
        sp_linear_scan_complex(N(0, some, 2), N(0, some, 2), none, true),
        sp_layer_norm(N(many, 0), 1, none, none, 0), sp_rms_norm(N(many, 0), 1, none, 0),
        sp_group_norm(N(some, 2, 0), 2, none, none, 0),
        sp_batch_norm(N(0, INT64_MAX / 16), none, none, 0),
        sp_batch_norm(N(many, 1, 0), none, none, 0),
        sp_max_pool1d(N(0, 1, many), all), sp_mean_pool1d(N(0, 1, many), all),
        sp_conv1d(N(0, 1, many), N(1, 1, many), none, (sp_conv_spec){ .groups = 1 }),
        sp_matmul(N(0, some), N(some, 3)), sp_pad(N(1, many, 0), by_one),
        sp_softmax(N(many, 0)), sp_sort(N(many, 0), 0, false), sp_logsumexp(N(0, many)),
        sp_sum_axes(N(0, many), SP_AXES(1), false), sp_tril(N(many, 0), 0),
        sp_transpose(N(many, 0), 0, 1), sp_gather(N(many, 0), Z(0)), sp_tanh(N(many, 0)),
    };
    for (size_t i = 0; i < sizeof y / sizeof *y; i++)
        ck_assert_msg(sp_value(y[i]), "%zu: %s", i, sp_tape_error(tape));
}
END_TEST

START_TEST(an_index_is_checked_even_if_nothing_comes_of_it)
{
    fails_with(sp_scatter(N(0, 2), Z(1, 2), N(1, 2), 0, SP_SCATTER_ADD),
               "index 0 at position [0,0] is outside [0,0)");
    sp_tape_reset(tape);
    fails_with(sp_scatter_add(N(2, 3), Z(2), 0), "index 0 at position 0 is outside [0,0)");
    sp_tape_reset(tape);
    fails_with(sp_gather(N(0, 0), Z(2)), "index 0 at position 0 is outside [0,0)");
}
END_TEST

/* 48 bytes for each channel are more than fit 63 bits. */
START_TEST(scratch_beyond_all_bounds_is_counted_as_that)
{
    sp_tape_free(tape);
    tape = sp_tape_new(&(sp_tape_spec){ .max_bytes = 1000 });
    fails_with(sp_batch_norm(N(1, INT64_C(1) << 58), none, none, 0),
               "it would need 9223372036854775807 bytes");
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("no_rows");
    TCase *tc = tcase_create("no rows");

    tcase_add_checked_fixture(tc, begin, end);
    tcase_add_test(tc, no_elements_in_ever_so_many_rows_take_no_time);
    tcase_add_test(tc, an_index_is_checked_even_if_nothing_comes_of_it);
    tcase_add_test(tc, scratch_beyond_all_bounds_is_counted_as_that);
    suite_add_tcase(suite, tc);
    return run_all(suite);
}
