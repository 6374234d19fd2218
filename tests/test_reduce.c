/* SPDX-License-Identifier: MIT
 *
 * test_reduce.c - reductions, running sums and products, order: what records cannot say.
 */
#include "tests/ops_case.h"

/* ---- the smallest ---- */

START_TEST(the_smallest_is_minus_the_largest_of_minus_x)
{
    sp_var x = F64(SP_SHAPE(2, 3), 3, -1, 2, -1, 7, -1);

    HOLDS(sp_min(x), -1);
    HOLDS(sp_min_axes(x, SP_AXES(1), true), -1, -1);
    HOLDS(sp_sub(sp_min_axes(x, SP_AXES(0), false),
                 sp_neg(sp_max_axes(sp_neg(x), SP_AXES(0), false))), 0, 0, 0);
    HOLDS(sp_argmin(x, 1), 1, 0);
    HOLDS(sp_argmin(x, 0), 1, 0, 1);
}
END_TEST

START_TEST(the_smallest_shares_its_slope_among_ties_over_any_axes)
{
    sp_var x = F64(SP_SHAPE(2, 2, 2), 5, 5, 7, 9, 5, 8, 3, 8);
    sp_var y = sp_min_axes(x, SP_AXES(0, 2), true);

    HOLDS(y, 5, 3);
    double third = 1.0 / 3;
    HOLDS(slope(y, x), third, third, 0, 0, third, 0, 1, 0);
}
END_TEST

START_TEST(nan_is_the_smallest_as_it_is_the_largest)
{
    sp_var x = F64(SP_SHAPE(3), 1, NAN, -INFINITY);

    HOLDS(sp_min(x), NAN);
    HOLDS(sp_argmin(x, 0), 1);
    HOLDS(slope(sp_min(x), x), NAN, NAN, NAN);
    fails_with(sp_min(data(SP_F64, SP_SHAPE(0), "")),
               "min: [0]: there is no smallest of no elements");
}
END_TEST

/* ---- all ---- */

static TCase *case_of(const char *name)
{
    TCase *tc = tcase_create(name);
    tcase_add_checked_fixture(tc, begin, end);
    return tc;
}

static TCase *reductions(void)
{
    TCase *tc = case_of("reductions");

    tcase_add_test(tc, the_smallest_is_minus_the_largest_of_minus_x);
    tcase_add_test(tc, the_smallest_shares_its_slope_among_ties_over_any_axes);
    tcase_add_test(tc, nan_is_the_smallest_as_it_is_the_largest);
    return tc;
}

int main(void)
{
    Suite *suite = suite_create("reduce");

    suite_add_tcase(suite, reductions());
    return run_all(suite);
}
