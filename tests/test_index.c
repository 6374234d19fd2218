/* SPDX-License-Identifier: MIT
 *
 * test_index.c - rearranging, picking and scattering: who wins, who shares, and what undoes what.
 */
#include <check.h>
#include <math.h>
#include <string.h>
#include "autograd/ops.h"
#include "autograd/tape.h"
#include "tensor/alloc.h"
#include "tests/suite.h"

static sp_tape *t;

static void begin(void) { t = sp_tape_new(NULL); }
static void end(void)   { sp_tape_free(t); ck_assert_int_eq(sp_alloc_count().live_blocks, 0); }

static sp_var of(sp_dtype dtype, sp_shape shape, const void *x)
{
    sp_tensor *tensor = sp_tensor_from(dtype, shape, x);
    sp_var v = sp_input(t, tensor);
    sp_tensor_free(tensor);
    return v;
}

#define F(shape, ...)  of(SP_F64, shape, (const double[]){ __VA_ARGS__ })
#define AT(shape, ...) of(SP_I64, shape, (const int64_t[]){ __VA_ARGS__ })

/* The gradient by x of sum(y w). */
static sp_var slope(sp_var y, sp_var w, sp_var x)
{
    sp_var g;
    sp_grad(sp_sum(sp_mul(y, w)), 1, &x, &g, NULL);
    return g;
}

static void holds(sp_var v, int n, const double want[])
{
    const sp_tensor *y = sp_value(v);

    ck_assert_msg(y, "%s", sp_tape_error(t));
    ck_assert_int_eq(sp_tensor_size(y), n);
    for (int i = 0; i < n; i++) {
        double got = sp_tensor_at(y, i);
        ck_assert_msg(got == want[i] || (isnan(got) && isnan(want[i])), "[%d] is %g, not %g", i,
                      got, want[i]);
    }
}
#define HOLDS(v, ...) \
    holds(v, (int)(sizeof((double[]){ __VA_ARGS__ }) / sizeof(double)), (double[]){ __VA_ARGS__ })

static void same(sp_var a, sp_var b)
{
    const sp_tensor *x = sp_value(a), *y = sp_value(b);

    ck_assert_msg(x && y, "%s", sp_tape_error(t));
    ck_assert(sp_tensor_same(x, y));
}

static void says(const char *piece)
{
    ck_assert_ptr_nonnull(sp_tape_error(t));
    ck_assert_msg(strstr(sp_tape_error(t), piece), "%s", sp_tape_error(t));
    sp_tape_reset(t);
}

/* ---- along an axis ---- */

START_TEST(taking_along_an_axis_broadcasts_beside_it)
{
    sp_var x = F(SP_SHAPE(2, 3), 1, 2, 3, 4, 5, 6);

    HOLDS(sp_take_along_axis(x, AT(SP_SHAPE(2, 1), 2, 0), 1), 3, 4);
    HOLDS(sp_take_along_axis(x, AT(SP_SHAPE(1, 2), 2, 0), -1), 3, 1, 6, 4);
    HOLDS(sp_take_along_axis(F(SP_SHAPE(1, 2), 7, 8), AT(SP_SHAPE(3, 1), 1, 0, 1), 1), 8, 7, 8);
}
END_TEST

START_TEST(what_is_taken_twice_gets_both_gradients)
{
    sp_var x = F(SP_SHAPE(3), 1, 2, 3), y = sp_take_along_axis(x, AT(SP_SHAPE(4), 2, 0, 2, 2), 0);
    HOLDS(slope(y, F(SP_SHAPE(4), 10, 20, 30, 40), x), 20, 0, 80);
}
END_TEST

START_TEST(the_last_one_set_stays_and_has_the_gradient)
{
    sp_var x = F(SP_SHAPE(3), 1, 2, 3), src = F(SP_SHAPE(4), 10, 20, 30, 40);
    sp_var y = sp_scatter(x, AT(SP_SHAPE(4), 2, 0, 2, 0), src, 0, SP_SCATTER_SET);
    sp_var w = F(SP_SHAPE(3), 5, 6, 7);

    HOLDS(y, 40, 2, 30);
    HOLDS(slope(y, w, x), 0, 6, 0);
    HOLDS(slope(y, w, src), 0, 0, 7, 5);
}
END_TEST

START_TEST(ties_of_a_scattered_max_share_with_what_was_there)
{
    sp_var x = F(SP_SHAPE(3), 4, 2, 3), src = F(SP_SHAPE(5), 4, 1, 4, 2, 9);
    sp_var index = AT(SP_SHAPE(5), 0, 0, 0, 1, 2), w = F(SP_SHAPE(3), 6, 8, 5);
    sp_var most = sp_scatter(x, index, src, 0, SP_SCATTER_MAX);
    sp_var least = sp_scatter(sp_neg(x), index, sp_neg(src), 0, SP_SCATTER_MIN);

    HOLDS(most, 4, 2, 9);
    HOLDS(slope(most, w, x), 2, 4, 0);
    HOLDS(slope(most, w, src), 2, 0, 2, 4, 5);
    same(sp_neg(least), most);
    same(sp_neg(slope(least, w, src)), slope(most, w, src));
}
END_TEST

START_TEST(nan_wins_a_scattered_max_and_min)
{
    sp_var x = F(SP_SHAPE(2), NAN, 1), src = F(SP_SHAPE(2), 5, NAN), index = AT(SP_SHAPE(2), 0, 1);

    HOLDS(sp_scatter(x, index, src, 0, SP_SCATTER_MAX), NAN, NAN);
    HOLDS(sp_scatter(x, index, src, 0, SP_SCATTER_MIN), NAN, NAN);
}
END_TEST

START_TEST(a_number_can_be_scattered_to_many_places)
{
    sp_var x = F(SP_SHAPE(2, 2), 1, 2, 3, 4), one = sp_const(t, SP_F64, 1);
    sp_var y = sp_scatter(x, AT(SP_SHAPE(1, 3), 0, 1, 1), one, 1, SP_SCATTER_ADD);

    HOLDS(y, 2, 4, 4, 6);
    HOLDS(slope(y, sp_number(x, 1), one), 6);
}
END_TEST

START_TEST(an_index_out_of_range_is_told_with_its_place)
{
    sp_var x = F(SP_SHAPE(2, 3), 1, 2, 3, 4, 5, 6), at = AT(SP_SHAPE(2, 2), 0, 1, 2, 3);

    ck_assert_ptr_null(sp_value(sp_take_along_axis(x, at, 1)));
    says("take_along_axis: f64[2,3] x i64[2,2]: index 3 at position [1,1] is outside [0,3)");
}
END_TEST

int main(void)
{
    Suite *s = suite_create("index");
    TCase *c = tcase_create("index");
    const TTest *tests[] = {
        taking_along_an_axis_broadcasts_beside_it, what_is_taken_twice_gets_both_gradients,
        the_last_one_set_stays_and_has_the_gradient,
        ties_of_a_scattered_max_share_with_what_was_there, nan_wins_a_scattered_max_and_min,
        a_number_can_be_scattered_to_many_places, an_index_out_of_range_is_told_with_its_place,
    };

    tcase_add_checked_fixture(c, begin, end);
    for (size_t i = 0; i < sizeof tests / sizeof *tests; i++) tcase_add_test(c, tests[i]);
    suite_add_tcase(s, c);
    return run_all(s);
}
