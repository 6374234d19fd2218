/* SPDX-License-Identifier: MIT
 *
 * test_scan.c - linear recurrences: both ways, in tiles, of no steps, refused.
 */
#include "tests/ops_case.h"
#include "tensor/random.h"

enum { T = 17, N = 5, MOST = 3 };

static sp_var noise(sp_shape shape, uint64_t stream)
{
    sp_tensor *x = sp_tensor_new(SP_F64, shape);

    for (int64_t i = 0; i < sp_tensor_size(x); i++)
        sp_tensor_set(x, i, 2 * sp_random_uniform((sp_random){ 5, stream, 0 }, i) - 1);
    sp_var v = sp_input(tape, x);
    sp_tensor_free(x);
    return v;
}

static void close_within(sp_var a, sp_var b, double tolerance)
{
    const sp_tensor *x = sp_value(a), *y = sp_value(b);

    ck_assert_msg(x && y, "%s", sp_tape_error(tape));
    ck_assert(sp_shape_equal(x->shape, y->shape));
    for (int64_t i = 0; i < sp_tensor_size(x); i++)
        ck_assert(fabs(sp_tensor_at(x, i) - sp_tensor_at(y, i)) <= tolerance);
}

/* Values to 1e-12; slopes of the sum of squares by each of wrt to 1e-10. */
static void agree(sp_var a, sp_var b, int n, const sp_var wrt[])
{
    sp_var da[MOST], db[MOST];

    ck_assert_int_le(n, MOST);
    close_within(a, b, 1e-12);
    ck_assert(sp_grad(sp_sum(sp_square(a)), n, wrt, da, NULL));
    ck_assert(sp_grad(sp_sum(sp_square(b)), n, wrt, db, NULL));
    for (int i = 0; i < n; i++) close_within(da[i], db[i], 1e-10);
}

START_TEST(a_reversed_scan_is_the_scan_of_flipped_operands)
{
    sp_var a = noise(SP_SHAPE(T, N), 1), b = noise(SP_SHAPE(T, N), 2), h0 = noise(SP_SHAPE(N), 3);
    sp_var y = sp_flip(sp_linear_scan(sp_flip(a, 0), sp_flip(b, 0), h0, false), 0);

    agree(sp_linear_scan(a, b, h0, true), y, 3, (sp_var[]){ a, b, h0 });
}
END_TEST

START_TEST(a_long_row_in_tiles_is_each_element_by_itself)
{
    enum { LONG = 4099 };
    sp_var a = noise(SP_SHAPE(3, LONG), 1), b = noise(SP_SHAPE(3, LONG), 2), part[2];
    sp_var y = sp_linear_scan(a, b, (sp_var){ 0 }, false);
    int64_t from[] = { 0, 2500 }, count[] = { 2500, LONG - 2500 };

    for (int i = 0; i < 2; i++)
        part[i] = sp_linear_scan(sp_slice(a, 1, from[i], count[i]),
                                 sp_slice(b, 1, from[i], count[i]), (sp_var){ 0 }, false);
    close_within(y, sp_concat(2, part, 1), 0);
}
END_TEST

START_TEST(no_steps_give_none_and_let_no_slope_pass)
{
    sp_var a = sp_full(tape, SP_F64, SP_SHAPE(0, 2), 1), h0 = F64(SP_SHAPE(2), 1, 2);
    sp_var y = sp_linear_scan(a, a, h0, false);

    ck_assert_int_eq(sp_tensor_size(sp_value(y)), 0);
    HOLDS(slope(y, h0), 0, 0);
}
END_TEST

START_TEST(operands_that_do_not_fit_are_told_by_the_scan)
{
    sp_var a = noise(SP_SHAPE(4, 3), 1), h0 = noise(SP_SHAPE(2), 2);

    ck_assert(sp_is_nothing(sp_linear_scan(a, a, h0, false)));
    ck_assert_ptr_nonnull(strstr(sp_tape_error(tape), "linear_scan: "));
    ck_assert_ptr_nonnull(strstr(sp_tape_error(tape), "h0 must be one step, [3]"));
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("scan");
    TCase *tc = tcase_create("linear recurrences");

    tcase_add_checked_fixture(tc, begin, end);
    tcase_add_test(tc, a_reversed_scan_is_the_scan_of_flipped_operands);
    tcase_add_test(tc, a_long_row_in_tiles_is_each_element_by_itself);
    tcase_add_test(tc, no_steps_give_none_and_let_no_slope_pass);
    tcase_add_test(tc, operands_that_do_not_fit_are_told_by_the_scan);
    suite_add_tcase(suite, tc);
    return run_all(suite);
}
