/* SPDX-License-Identifier: MIT
 *
 * test_order.c - sorting and the first k: ties, NaN, many elements, slopes, mistakes.
 */
#include <stdlib.h>
#include "tests/ops_case.h"

/* ---- ties and NaN ---- */

START_TEST(equal_elements_keep_their_order_either_way)
{
    sp_var x = F64(SP_SHAPE(6), 2, 1, 2, 1, 2, 0);

    HOLDS(sp_argsort(x, 0, false), 5, 1, 3, 0, 2, 4);
    HOLDS(sp_argsort(x, 0, true), 0, 2, 4, 1, 3, 5);
    HOLDS(sp_sort(x, -1, true), 2, 2, 2, 1, 1, 0);
    HOLDS(sp_argsort(F64(SP_SHAPE(4), 0., -0., 0., -0.), 0, true), 0, 1, 2, 3);
}
END_TEST

START_TEST(nan_is_the_largest_whatever_its_sign)
{
    sp_var x = F64(SP_SHAPE(6), NAN, INFINITY, -1, -NAN, -INFINITY, 1e-310);

    HOLDS(sp_argsort(x, 0, false), 4, 2, 5, 1, 0, 3);
    HOLDS(sp_argsort(x, 0, true), 0, 3, 1, 5, 2, 4);
    HOLDS(sp_argsort(sp_cast(x, SP_F32), 0, false), 4, 2, 5, 1, 0, 3);
    HOLDS(sp_sort(x, 0, false), -INFINITY, -1, 1e-310, INFINITY, NAN, NAN);
    HOLDS(sp_argmax(x, 0), 0);
}
END_TEST

START_TEST(whole_numbers_and_bools_sort_at_their_ends)
{
    sp_var longs = I64(SP_SHAPE(4), 0, INT64_MIN, INT64_MAX, -1);
    sp_var ints = I32(SP_SHAPE(4), INT32_MAX, -1, 1, INT32_MIN);
    sp_var bools = data(SP_BOOL, SP_SHAPE(4), (const uint8_t[]){ 1, 0, 1, 0 });

    HOLDS(sp_argsort(longs, 0, false), 1, 3, 0, 2);
    HOLDS(sp_sort(ints, 0, true), INT32_MAX, 1, -1, INT32_MIN);
    HOLDS(sp_argsort(bools, 0, false), 1, 3, 0, 2);
}
END_TEST

/* ---- many ---- */

enum { ROWS = 3, LONG = 5000 };

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* Few distinct numbers, so that there are ties. */
static double number(int64_t i, int64_t distinct)
{
    return (double)(int64_t)(sp_random_uniform((sp_random){ 5, 1, 0 }, i) * (double)distinct);
}

START_TEST(long_rows_sort_as_by_qsort)
{
    static const int64_t distinct[] = { 1, 7, 1 << 30 };
    static double x[ROWS * LONG];

    for (int64_t i = 0; i < ROWS * LONG; i++) x[i] = number(i, distinct[_i]);
    sp_var v = data(SP_F64, SP_SHAPE(ROWS, LONG), x);
    const sp_tensor *y = sp_value(sp_sort(v, 1, false));
    const sp_tensor *z = sp_value(sp_sort(sp_transpose(v, 0, 1), 0, true));
    for (int r = 0; r < ROWS; r++) {
        double *row = x + r * LONG;
        qsort(row, LONG, sizeof *row, by_value);
        for (int64_t i = 0; i < LONG; i++) {
            ck_assert(sp_tensor_at(y, r * LONG + i) == row[i]);
            ck_assert(sp_tensor_at(z, (LONG - 1 - i) * ROWS + r) == row[i]);
        }
    }
}
END_TEST

static void same(sp_var a, sp_var b)
{
    const sp_tensor *x = sp_value(a), *y = sp_value(b);

    ck_assert_msg(x && y, "%s", sp_tape_error(tape));
    ck_assert(sp_shape_equal(x->shape, y->shape));
    ck_assert(memcmp(x->data, y->data, (size_t)sp_tensor_bytes(x)) == 0);
}

/* Rising, falling and random rows with ties. */
START_TEST(the_best_k_are_the_first_k_of_all)
{
    static double x[LONG * ROWS];
    static const int64_t some[] = { 0, 1, 2, 31, 700, LONG / 2 - 33, LONG / 2 - 32, LONG - 1,
                                    LONG };
    sp_var values, indices;

    for (int64_t i = 0; i < LONG; i++)
        x[3 * i] = (double)i, x[3 * i + 1] = (double)-i, x[3 * i + 2] = number(i, 900);
    sp_var v = data(SP_F64, SP_SHAPE(LONG, ROWS), x);
    for (size_t i = 0; i < sizeof some / sizeof *some; i++)
        for (int smallest = 0; smallest < 2; smallest++) {
            ck_assert(sp_topk(v, some[i], 0, smallest, &values, &indices));
            same(indices, sp_slice(sp_argsort(v, 0, !smallest), 0, 0, some[i]));
            same(values, sp_slice(sp_sort(v, 0, !smallest), 0, 0, some[i]));
        }
}
END_TEST

/* ---- the middle ---- */

START_TEST(the_median_is_the_lower_middle_one)
{
    sp_var x = F64(SP_SHAPE(2, 4), 3, 1, 2, 9, 5, 5, 5, -7);

    HOLDS(sp_median(x, 1), 2, 5);
    HOLDS(sp_median(x, 0), 3, 1, 2, -7);
    HOLDS(slope(sp_median(x, 1), x), 0, 0, 1, 0, 1, 0, 0, 0);
    HOLDS(sp_median(F64(SP_SHAPE(3), 1, NAN, 2), 0), NAN);
    HOLDS(sp_median(I32(SP_SHAPE(5), 4, -1, 8, 8, 0), -1), 4);
    ck_assert(sp_shape_equal(sp_var_shape(sp_median(data(SP_F64, SP_SHAPE(0, 3), ""), 1)),
                             SP_SHAPE(0)));
    fails_with(sp_median(data(SP_F64, SP_SHAPE(0, 3), ""), 0),
               "median: [0,3]: it cannot pick 1 of 0 elements along axis 0");
}
END_TEST

/* ---- slopes ---- */

START_TEST(the_slope_of_a_value_goes_to_its_element)
{
    sp_var x = F64(SP_SHAPE(2, 3), 3, -1, 2, 5, 5, 7), values;
    sp_var w = F64(SP_SHAPE(2, 3), 1, 10, 100, 1, 10, 100);

    HOLDS(slope(sp_mul(sp_sort(x, 1, false), w), x), 100, 1, 10, 1, 10, 100);
    ck_assert(sp_topk(x, 2, 1, false, &values, NULL));
    HOLDS(values, 3, 2, 7, 5);
    HOLDS(slope(sp_mul(values, sp_slice(w, 1, 0, 2)), x), 1, 0, 10, 10, 0, 1);
    HOLDS(slope(slope(sp_mul(sp_square(values), values), x), x), 18, 0, 12, 30, 0, 42);
}
END_TEST

/* f = sum of the cubes of the best 3 of 7, weighted by rank. */
static double cubes(const double at[])
{
    sp_var x = data(SP_F64, SP_SHAPE(7), at), best;

    sp_topk(x, 3, 0, true, &best, NULL);
    sp_var cube = sp_mul(best, sp_square(best));
    return sp_item(sp_sum(sp_mul(cube, F64(SP_SHAPE(3), 1, -2, 5))));
}

START_TEST(the_slope_is_what_differences_say)
{
    double at[] = { .4, -1.3, 2, .9, -.2, 1.7, -.8 }, h = 1e-5;
    sp_var x = data(SP_F64, SP_SHAPE(7), at), best;

    sp_topk(x, 3, 0, true, &best, NULL);
    sp_var cube = sp_mul(best, sp_square(best));
    sp_var g = slope(sp_mul(cube, F64(SP_SHAPE(3), 1, -2, 5)), x);
    const sp_tensor *got = sp_value(g);
    for (int i = 0; i < 7; i++) {
        double was = at[i], up, down;
        at[i] = was + h, up = cubes(at);
        at[i] = was - h, down = cubes(at);
        at[i] = was;
        ck_assert(fabs((up - down) / (2 * h) - sp_tensor_at(got, i)) < 1e-7);
    }
}
END_TEST

/* ---- nothing, and mistakes ---- */

START_TEST(nothing_has_an_order)
{
    sp_var x = data(SP_F64, SP_SHAPE(2, 0), ""), y = F64(SP_SHAPE(2, 3), 1, 2, 3, 4, 5, 6), values;

    ck_assert(sp_shape_equal(sp_var_shape(sp_sort(x, 1, true)), SP_SHAPE(2, 0)));
    ck_assert(sp_shape_equal(sp_var_shape(sp_argsort(x, 0, true)), SP_SHAPE(2, 0)));
    ck_assert(sp_topk(y, 0, 0, false, &values, NULL));
    ck_assert(sp_shape_equal(sp_var_shape(values), SP_SHAPE(0, 3)));
    HOLDS(slope(values, y), 0, 0, 0, 0, 0, 0);
}
END_TEST

static const struct { sp_shape shape; int64_t k; int axis; const char *sentence; } wrong[] = {
    { { 2, { 2, 3 } }, 4, 1, "topk: [2,3]: it cannot pick 4 of 3 elements along axis 1" },
    { { 2, { 2, 3 } }, -1, -2, "topk: [2,3]: it cannot pick -1 of 2 elements along axis 0" },
    { { 2, { 2, 3 } }, 1, 2, "topk: [2,3]: there is no axis 2 in rank 2" },
    { { 2, { 2, 3 } }, 1, -3, "topk: [2,3]: there is no axis -3 in rank 2" },
    { { 0, { 0 } }, 0, 0, "topk: []: there is no axis 0 in rank 0" },
    { { 1, { (int64_t)1 << 59 } }, 1, 0, "argsort: out of memory" },
};

START_TEST(a_mistake_is_a_sentence)
{
    sp_var x = sp_full(tape, SP_F64, wrong[_i].shape, 0), values, indices;
    bool refused = !sp_topk(x, wrong[_i].k, wrong[_i].axis, false, &values, &indices);

    ck_assert(refused == sp_is_nothing(indices) && refused == sp_is_nothing(values));
    fails_with(values, wrong[_i].sentence);
    ck_assert(sp_is_nothing(sp_sort(values, 0, false)));
}
END_TEST

START_TEST(an_axis_that_is_not_there_is_a_mistake_of_any_sort)
{
    fails_with(sp_sort(F64(SP_SHAPE(2), 1, 2), 1, false), "sort: [2]: there is no axis 1");
    sp_tape_reset(tape);
    fails_with(sp_argsort(F64(SP_SCALAR, 1), -1, true), "argsort: []: there is no axis -1");
    sp_tape_reset(tape);
    fails_with(sp_median(F64(SP_SHAPE(2), 1, 2), -2), "median: [2]: there is no axis -2");
}
END_TEST

/* ---- all ---- */

int main(void)
{
    Suite *suite = suite_create("order");
    TCase *tc = tcase_create("order");

    tcase_add_checked_fixture(tc, begin, end);
    tcase_add_test(tc, equal_elements_keep_their_order_either_way);
    tcase_add_test(tc, nan_is_the_largest_whatever_its_sign);
    tcase_add_test(tc, whole_numbers_and_bools_sort_at_their_ends);
    tcase_add_loop_test(tc, long_rows_sort_as_by_qsort, 0, 3);
    tcase_add_test(tc, the_best_k_are_the_first_k_of_all);
    tcase_add_test(tc, the_median_is_the_lower_middle_one);
    tcase_add_test(tc, the_slope_of_a_value_goes_to_its_element);
    tcase_add_test(tc, the_slope_is_what_differences_say);
    tcase_add_test(tc, nothing_has_an_order);
    tcase_add_loop_test(tc, a_mistake_is_a_sentence, 0, sizeof wrong / sizeof *wrong);
    tcase_add_test(tc, an_axis_that_is_not_there_is_a_mistake_of_any_sort);
    suite_add_tcase(suite, tc);
    return run_all(suite);
}
