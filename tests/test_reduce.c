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

/* ---- products ---- */

/* The gradient of the gradient: by x, of the sum of slope * w. */
static sp_var second_slope(sp_var y, sp_var x, sp_var w)
{
    return slope(sp_mul(slope(y, x), w), x);
}

START_TEST(a_product_with_zeros_has_its_slopes)
{
    sp_var one = F64(SP_SHAPE(4), 2, 0, 3, 5), two = F64(SP_SHAPE(4), 2, 0, 3, 0);
    sp_var w = F64(SP_SHAPE(4), 1, 10, 100, 1000);

    HOLDS(slope(sp_prod(one), one), 0, 30, 0, 0);
    HOLDS(second_slope(sp_prod(one), one, w), 150, 15 + 1000 + 6000, 100, 60);
    HOLDS(slope(sp_prod(two), two), 0, 0, 0, 0);
    HOLDS(second_slope(sp_prod(two), two, w), 0, 6000, 0, 60);
    HOLDS(sp_prod(data(SP_F64, SP_SHAPE(0), "")), 1);
    HOLDS(sp_prod_axes(F64(SP_SHAPE(2, 1, 2), 1, 2, 3, 4), SP_AXES(0, 2), true), 24);
}
END_TEST

START_TEST(running_sums_and_products_go_both_ways_with_and_without_the_element)
{
    sp_var x = F64(SP_SHAPE(2, 3), 1, 2, 3, 4, 0, 6);

    HOLDS(sp_cumsum(x, -1), 1, 3, 6, 4, 4, 10);
    HOLDS(sp_cumsum_with(x, 1, (sp_running){ .exclusive = true }), 0, 1, 3, 0, 4, 4);
    HOLDS(sp_cumsum_with(x, 1, (sp_running){ .reverse = true, .exclusive = true }), 5, 3, 0, 6, 6,
          0);
    HOLDS(sp_cumprod(x, 0), 1, 2, 3, 4, 0, 18);
    HOLDS(sp_cumprod_with(x, 1, (sp_running){ .reverse = true }), 6, 6, 3, 0, 0, 6);
    HOLDS(sp_cumprod_with(x, 1, (sp_running){ .exclusive = true }), 1, 1, 2, 1, 4, 0);
}
END_TEST

START_TEST(a_running_product_with_zeros_has_its_slopes)
{
    sp_var x = F64(SP_SHAPE(4), 2, 0, 3, 0), w = F64(SP_SHAPE(4), 1, 10, 100, 1000);

    HOLDS(slope(sp_cumprod(x, 0), x), 1, 2 + 6, 0, 0);
    HOLDS(second_slope(sp_cumprod(x, 0), x, w), 10 + 30, 1 + 3 + 200 + 6000, 20, 60);
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

static TCase *products(void)
{
    TCase *tc = case_of("products");

    tcase_add_test(tc, a_product_with_zeros_has_its_slopes);
    tcase_add_test(tc, running_sums_and_products_go_both_ways_with_and_without_the_element);
    tcase_add_test(tc, a_running_product_with_zeros_has_its_slopes);
    return tc;
}

int main(void)
{
    Suite *suite = suite_create("reduce");

    suite_add_tcase(suite, reductions());
    suite_add_tcase(suite, products());
    return run_all(suite);
}
