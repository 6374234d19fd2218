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

#define SAYS(call, piece) (call, says(piece))

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

START_TEST(what_nothing_was_put_on_has_slope_1_nan_or_not)
{
    sp_var x = F(SP_SHAPE(3), NAN, 1, NAN), src = F(SP_SHAPE(2), 5, 4), w = F(SP_SHAPE(3), 6, 7, 8);

    for (int how = SP_SCATTER_MAX; how <= SP_SCATTER_MIN; how++) {
        sp_var y = sp_scatter(x, AT(SP_SHAPE(2), 1, 2), src, 0, (sp_scattering)how);
        HOLDS(y, NAN, how == SP_SCATTER_MAX ? 5 : 1, NAN);
        HOLDS(slope(y, w, x), 6, how == SP_SCATTER_MAX ? 0 : 7, NAN);
    }
}
END_TEST

START_TEST(a_number_can_be_scattered_to_many_places)
{
    sp_var x = F(SP_SHAPE(2, 2), 1, 2, 3, 4), one = sp_const(t, SP_F64, 1);
    sp_var y = sp_scatter(x, AT(SP_SHAPE(1, 3), 0, 1, 1), one, 1, SP_SCATTER_ADD);

    HOLDS(y, 2, 4, 4, 6);
    HOLDS(slope(y, sp_number(x, 1), one), 6);
    x = F(SP_SHAPE(2, 1), 1, 2);                      /* and x be repeated beside the axis */
    y = sp_scatter(x, AT(SP_SHAPE(1, 2), 0, 0), F(SP_SHAPE(1, 2), 10, 20), 0, SP_SCATTER_ADD);
    HOLDS(y, 11, 21, 2, 2);
    HOLDS(slope(y, F(SP_SHAPE(2, 2), 1, 2, 3, 4), x), 3, 7);
}
END_TEST

START_TEST(an_index_out_of_range_is_told_with_its_place)
{
    sp_var x = F(SP_SHAPE(2, 3), 1, 2, 3, 4, 5, 6), at = AT(SP_SHAPE(2, 2), 0, 1, 2, 3);

    ck_assert_ptr_null(sp_value(sp_take_along_axis(x, at, 1)));
    says("take_along_axis: f64[2,3] x i64[2,2]: index 3 at position [1,1] is outside [0,3)");
}
END_TEST

/* ---- rearranged ---- */

START_TEST(what_is_rolled_back_is_itself)
{
    sp_var x = F(SP_SHAPE(2, 3), 1, 2, 3, 4, 5, 6), w = F(SP_SHAPE(2, 3), 10, 20, 30, 40, 50, 60);
    sp_var y = sp_roll(x, -1, 4);

    HOLDS(y, 3, 1, 2, 6, 4, 5);
    same(sp_roll(y, 1, -1), x);
    same(sp_roll(x, 0, 2), x);
    same(slope(sp_roll(x, 1, 1), w, x), sp_roll(w, 1, -1));
    HOLDS(sp_roll(AT(SP_SHAPE(3), 1, 2, 3), 0, INT64_MIN), 3, 1, 2);
    ck_assert_int_eq(sp_var_dim(sp_roll(sp_full(t, SP_F64, SP_SHAPE(0), 1), 0, 5), 0), 0);
}
END_TEST

START_TEST(tiling_is_repeating_seen_from_the_other_side)
{
    sp_var x = F(SP_SHAPE(3), 1, 2, 3), twice = sp_repeat(x, 0, 2);
    sp_var w = F(SP_SHAPE(6), 1, 2, 3, 4, 5, 6);

    HOLDS(twice, 1, 1, 2, 2, 3, 3);
    same(sp_reshape(sp_permute(sp_reshape(twice, SP_SHAPE(3, 2)), SP_AXES(1, 0)), SP_SHAPE(6)),
         sp_tile(x, SP_SHAPE(2)));
    HOLDS(slope(twice, w, x), 3, 7, 11);
    HOLDS(slope(sp_tile(x, SP_SHAPE(2)), w, x), 5, 7, 9);
}
END_TEST

START_TEST(a_tile_has_new_axes_in_front)
{
    sp_var x = F(SP_SHAPE(2, 1), 1, 2), y = sp_tile(x, SP_SHAPE(2, 1, 3));
    const double want[] = { 1, 1, 1, 2, 2, 2, 1, 1, 1, 2, 2, 2 };

    ck_assert(sp_shape_equal(sp_var_shape(y), SP_SHAPE(2, 2, 3)));
    holds(y, 12, want);
    HOLDS(sp_tile(x, SP_SHAPE(2)), 1, 1, 2, 2);
    ck_assert(sp_shape_equal(sp_var_shape(sp_tile(x, SP_SHAPE(0, 2))), SP_SHAPE(0, 2)));
    x = sp_full(x.tape, SP_F64, SP_SHAPE(0), 1);
    ck_assert(sp_shape_equal(sp_var_shape(sp_repeat(x, 0, INT64_MAX)), SP_SHAPE(0)));
}
END_TEST

START_TEST(six_axes_can_be_repeated_and_tiled)
{
    sp_var x = F(SP_SHAPE(1, 1, 2, 1, 1, 2), 1, 2, 3, 4);

    HOLDS(sp_repeat(x, 2, 2), 1, 2, 1, 2, 3, 4, 3, 4);
    HOLDS(sp_repeat(sp_flip(x, 5), -1, 2), 2, 2, 1, 1, 4, 4, 3, 3);
    HOLDS(sp_tile(x, SP_SHAPE(2, 1, 1, 2)), 1, 2, 1, 2, 3, 4, 3, 4, 1, 2, 1, 2, 3, 4, 3, 4);
}
END_TEST

START_TEST(rows_of_any_axis_are_taken_as_those_of_the_first)
{
    sp_var x = F(SP_SHAPE(2, 3), 1, 2, 3, 4, 5, 6), index = AT(SP_SHAPE(2, 2), 2, 0, 0, 1);
    sp_var y = sp_take(x, index, 1), w = F(SP_SHAPE(2, 2, 2), 1, 2, 3, 4, 5, 6, 7, 8);

    ck_assert(sp_shape_equal(sp_var_shape(y), SP_SHAPE(2, 2, 2)));
    HOLDS(y, 3, 1, 1, 2, 6, 4, 4, 5);
    HOLDS(slope(y, w, x), 5, 4, 1, 13, 8, 5);
    same(sp_take(x, AT(SP_SHAPE(2), 1, 0), -2), sp_gather(x, AT(SP_SHAPE(2), 1, 0)));
    HOLDS(sp_take(x, AT(SP_SCALAR, 1), 1), 2, 5);
}
END_TEST

START_TEST(an_index_of_several_axes_stands_where_the_axis_stood)
{
    sp_var x = sp_reshape(sp_arange(t, SP_F64, 0, 24, 1), SP_SHAPE(2, 3, 4));
    sp_var y = sp_take(x, AT(SP_SHAPE(1, 2), 2, 1), 1);

    ck_assert(sp_shape_equal(sp_var_shape(y), SP_SHAPE(2, 1, 2, 4)));
    same(sp_select(sp_select(y, 2, 0), 1, 0), sp_select(x, 1, 2));
    same(sp_select(sp_select(y, 2, 1), 1, 0), sp_select(x, 1, 1));
}
END_TEST

/* ---- diagonals, windows ---- */

START_TEST(the_diagonal_of_what_was_placed_is_that)
{
    sp_var ones = sp_full(t, SP_F64, SP_SHAPE(3), 1), x = F(SP_SHAPE(2, 2), 1, 2, 3, 4);

    same(sp_diagonal(sp_eye(t, SP_F64, 3), 0, 0, 1), ones);
    same(sp_diag_embed(ones, 0), sp_eye(t, SP_F64, 3));
    for (int k = -2; k <= 2; k++) same(sp_diagonal(sp_diag_embed(x, k), k, -2, -1), x);
    HOLDS(sp_diag_embed(F(SP_SHAPE(2), 7, 8), -1), 0, 0, 0, 7, 0, 0, 0, 8, 0);
}
END_TEST

START_TEST(two_triangles_are_the_whole)
{
    sp_var x = F(SP_SHAPE(3, 2), 1, 2, 3, 4, 5, 6), bad = F(SP_SHAPE(2, 2), 1, NAN, 2, 3);

    for (int k = -4; k <= 4; k++) same(sp_add(sp_tril(x, k), sp_triu(x, k + 1)), x);
    HOLDS(sp_tril(bad, 0), 1, 0, 2, 3);
    HOLDS(sp_tril(sp_full(t, SP_BOOL, SP_SHAPE(2, 2), 1), 0), 1, 0, 1, 1);
}
END_TEST

START_TEST(folding_windows_counts_how_often_each_is_seen)
{
    sp_var x = F(SP_SHAPE(5), 1, 2, 3, 4, 5), y = sp_unfold(x, 0, 3, 1, 1);

    HOLDS(y, 1, 2, 3, 2, 3, 4, 3, 4, 5);
    HOLDS(sp_fold(y, 0, 5, 1, 1), 1, 4, 9, 8, 5);
    HOLDS(sp_unfold(x, 0, 2, 2, 2), 1, 3, 3, 5);
    HOLDS(slope(y, sp_number(x, 1), x), 1, 2, 3, 2, 1);
    HOLDS(sp_unfold(AT(SP_SHAPE(2, 2), 1, 2, 3, 4), 0, 2, 1, 1), 1, 3, 2, 4);
}
END_TEST

START_TEST(values_padded_with_have_a_gradient_too)
{
    sp_var x = F(SP_SHAPE(2), 1, 2);
    sp_pad_spec spec = { .axes = SP_AXES(-1), .before = { 1 }, .after = { 2 }, .value = 7 };

    HOLDS(sp_pad(x, spec), 7, 1, 2, 7, 7);
    HOLDS(slope(sp_pad(x, spec), F(SP_SHAPE(5), 1, 2, 3, 4, 5), x), 2, 3);
    spec.axes = SP_ALL_AXES;
    spec.mode = SP_PAD_REFLECT;
    HOLDS(sp_pad(AT(SP_SHAPE(2), 1, 2), spec), 2, 1, 2, 1, 2);
}
END_TEST

START_TEST(numbers_in_a_row)
{
    HOLDS(sp_arange(t, SP_I32, 5, 4, -2), 5, 3, 1, -1);
    HOLDS(sp_linspace(t, SP_F32, 0, 1, 5), 0, .25, .5, .75, 1);
    HOLDS(sp_linspace(t, SP_F64, 3, 9, 1), 3);
    ck_assert_int_eq(sp_var_dim(sp_linspace(t, SP_F64, 3, 9, 0), 0), 0);
}
END_TEST

START_TEST(numbers_between_two_are_exact_at_the_ends_and_in_the_middle)
{
    const double far = 1.7e308;
    const sp_tensor *y = sp_value(sp_linspace(t, SP_F32, -1, 1, 2001));

    for (int i = 0; i < 2001; i++)
        ck_assert_double_eq(sp_tensor_at(y, i), (double)(float)((i - 1000) / 1000.));
    HOLDS(sp_linspace(t, SP_F64, -far, far, 3), -far, 0, far);
    HOLDS(sp_linspace(t, SP_F64, far, -far, 2), far, -far);
    same(sp_linspace(t, SP_F32, 0, 49, 50), sp_arange(t, SP_F32, 0, 50, 1));
    HOLDS(sp_linspace(t, SP_I64, 10, -11, 8), 10, 7, 4, 1, -2, -5, -8, -11);
    SAYS(sp_linspace(t, SP_I64, 0, 10, 8), "linspace: 1.42857 is not a number that i64 can hold");
    SAYS(sp_linspace(t, SP_F32, 0, 1e300, 3), "linspace: 1e+300 is not a number that f32 can hold");
}
END_TEST

START_TEST(a_mesh_repeats_each_vector_along_the_axes_of_the_others)
{
    sp_var x[] = { F(SP_SHAPE(2), 1, 2), F(SP_SHAPE(3), 5, 6, 7) }, y[2];

    ck_assert(sp_meshgrid(2, x, y));
    HOLDS(y[0], 1, 1, 1, 2, 2, 2);
    HOLDS(y[1], 5, 6, 7, 5, 6, 7);
}
END_TEST

START_TEST(what_cannot_be_rearranged_is_told)
{
    const int64_t huge = INT64_MAX / 2;
    sp_var y[7];
#define X F(SP_SHAPE(2, 3), 1, 2, 3, 4, 5, 6)
    SAYS(sp_roll(X, 2, 1), "roll: [2,3]: there is no axis 2 in rank 2");
    SAYS(sp_repeat(X, -3, 1), "repeat: [2,3]: there is no axis -3 in rank 2");
    SAYS(sp_repeat(X, 0, -1), "repeat: [2,3]: axis 0 cannot be repeated -1 times");
    SAYS(sp_repeat(X, 1, huge), "repeat: [2,3]: axis 1 cannot be repeated");
    SAYS(sp_repeat(X, 1, huge / 4), "repeat: the result is too large");
    SAYS(sp_tile(X, SP_SHAPE(1, -2)), "tile: [2,3]: axis 1 cannot be repeated -2 times");
    SAYS(sp_tile(X, SP_SHAPE(huge, 3)), "tile: the result is too large");
    SAYS(sp_take(X, AT(SP_SHAPE(1), 0), 2), "take: f64[2,3] x i64[1]: there is no axis 2");
    SAYS(sp_eval(1, (sp_var[]){ sp_take(X, AT(SP_SHAPE(1), 3), 1) }), "take: f64[2,3] x i64[1]: ");
    SAYS(sp_pad(X, (sp_pad_spec){ .axes = SP_AXES(0, 2) }), "pad: [2,3]: there is no axis 2");
    SAYS(sp_pad(X, (sp_pad_spec){ .axes = SP_AXES(0, -2) }), "no axis -2 but the one named before");
    SAYS(sp_pad(X, (sp_pad_spec){ .before = { 1 } }),
         "pad: [2,3]: before[0] is 1 and after[0] is 0, beyond the 0 axes that .axes names");
    SAYS(sp_pad(X, (sp_pad_spec){ .axes = SP_ALL_AXES, .after = { 0, 1, 2 } }),
         "before[2] is 0 and after[2] is 2, beyond the 2 axes");
    SAYS(sp_diag_embed(X, INT64_MIN), "diag_embed: [2,3]: no matrix has diagonal -9");
    SAYS(sp_eye(t, SP_F64, -1), "eye: -1 rows");
    SAYS(sp_linspace(t, SP_F64, 0, 1, -1), "linspace: -1 numbers");
    SAYS(sp_arange(t, SP_F64, 0, -1, 1), "arange: [] x []: -1 numbers");
    SAYS(sp_meshgrid(1, (sp_var[]){ X }, y), "meshgrid: operand 0 has rank 2, not 1");
    SAYS(sp_meshgrid(7, (sp_var[]){ X }, y), "meshgrid: 1 to 6 operands are allowed, not 7");
}
END_TEST

START_TEST(vars_of_before_and_of_elsewhere_are_told_and_nothing_is_handed_on)
{
    sp_var old = X, y;

    sp_tape_reset(t);
    SAYS(sp_roll(old, 0, 1), "roll: its operand was recorded before sp_tape_reset");
    SAYS(sp_repeat(old, 0, 1), "repeat: its operand was recorded before");
    SAYS(sp_tile(old, SP_SHAPE(2)), "tile: its operand was recorded before");
    SAYS(sp_take(old, old, 0), "take: its operand was recorded before");
    SAYS(sp_take_along_axis(old, old, 0), "take_along_axis: its operand was recorded before");
    SAYS(sp_scatter(old, old, old, 0, SP_SCATTER_SET), "scatter: its operand was recorded before");
    SAYS(sp_pad(old, (sp_pad_spec){ .value = 1 }), "pad: its operand was recorded before");
    SAYS(sp_fold(old, 0, 1, 1, 1), "fold: its operand was recorded before");
    SAYS(sp_meshgrid(1, &old, &y), "meshgrid: its operand was recorded before");
    ck_assert(sp_is_nothing(sp_roll((sp_var){ 0 }, 0, 1)));
    ck_assert(sp_is_nothing(sp_eye(NULL, SP_F64, -1)));
    ck_assert(sp_is_nothing(sp_eye(NULL, SP_F64, 2)));
    sp_var nothing = sp_tape_fail(t, "first");
    ck_assert(sp_is_nothing(sp_roll(nothing, 0, 1)) && sp_is_nothing(sp_take(nothing, nothing, 0)));
    ck_assert(sp_is_nothing(sp_tile(nothing, SP_SHAPE(2))) && !sp_meshgrid(1, &nothing, &y));
    ck_assert(sp_is_nothing(sp_pad(nothing, (sp_pad_spec){ .axes = SP_AXES(3) })));
    says("first");
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
        what_nothing_was_put_on_has_slope_1_nan_or_not,
        a_number_can_be_scattered_to_many_places, an_index_out_of_range_is_told_with_its_place,
        what_is_rolled_back_is_itself, tiling_is_repeating_seen_from_the_other_side,
        a_tile_has_new_axes_in_front, six_axes_can_be_repeated_and_tiled,
        rows_of_any_axis_are_taken_as_those_of_the_first,
        an_index_of_several_axes_stands_where_the_axis_stood,
        the_diagonal_of_what_was_placed_is_that, two_triangles_are_the_whole,
        folding_windows_counts_how_often_each_is_seen,
        values_padded_with_have_a_gradient_too, numbers_in_a_row,
        numbers_between_two_are_exact_at_the_ends_and_in_the_middle,
        a_mesh_repeats_each_vector_along_the_axes_of_the_others,
        what_cannot_be_rearranged_is_told,
        vars_of_before_and_of_elsewhere_are_told_and_nothing_is_handed_on,
    };

    tcase_add_checked_fixture(c, begin, end);
    for (size_t i = 0; i < sizeof tests / sizeof *tests; i++) tcase_add_test(c, tests[i]);
    suite_add_tcase(s, c);
    return run_all(s);
}
