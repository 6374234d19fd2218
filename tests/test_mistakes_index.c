/* SPDX-License-Identifier: MIT
 *
 * test_mistakes_index - the table of mistakes of what reduces, runs along an axis, picks, pads and
 * slides.
 */
#include <math.h>
#include "tests/mistakes.h"

#define PAD(...)   (sp_pad_spec){ .axes = SP_ALL_AXES, __VA_ARGS__ }
#define SIX_ONES   1, 1, 1, 1, 1, 1
#define NO_VAR     ((sp_var){ 0 })

static void reductions_and_runs(void)
{
    WRONG(min, AXIS, sp_min_axes(F(2, 3), SP_AXES(2), false), "[2,3]: there is no axis 2");
    WRONG(min, AXIS, sp_min_axes(F(2, 3), SP_AXES(1, -1), false), "axis -1 is named twice");
    WRONG(min, AXIS, sp_min_axes(F(SIX_ONES), (sp_axes){ 7, { 0, 1, 2, 3, 4, 5 } }, false),
          "[1,1,1,1,1,1]: 7 axes are too many");
    WRONG(min, AXIS, sp_min_axes(F(2, 3), (sp_axes){ -2, { 0 } }, false),
          "[2,3]: -2 axes are too few");
    WRONG(prod, AXIS, sp_prod_axes(F(2, 3), (sp_axes){ -5, { 0 } }, false), "-5 axes are too few");
    WRONG(min, SHAPE, sp_min(F(3, 0)), "[3,0]: there is no smallest of no elements");
    WRONG(min, DTYPE, sp_min(I(3)), "[3]: it needs f32 or f64, not i64");
    NEVER(min, RANK, INDEX, SIZE, HUGE);
    WRONG(argmin, AXIS, sp_argmin(F(2, 3), -3), "[2,3]: there is no axis -3 in rank 2");
    WRONG(argmin, RANK, sp_argmin(F_SCALAR, 0), "[]: there is no axis 0 in rank 0");
    WRONG(argmin, SHAPE, sp_argmin(F(3, 0), 1), "[3,0]: there is no smallest of no elements");
    WRONG(argmin, DTYPE, sp_argmin(B(3), 0), "[3]: it needs f32 or f64, not bool");
    NEVER(argmin, INDEX, SIZE, HUGE);
    WRONG(prod, AXIS, sp_prod_axes(F(2, 3), SP_AXES(-3), true), "[2,3]: there is no axis -3");
    WRONG(prod, DTYPE, sp_prod(I(3)), "[3]: it needs f32 or f64, not i64");
    NEVER(prod, RANK, SHAPE, INDEX, SIZE, HUGE);
    WRONG(norm, AXIS, sp_norm(F(2, 3), 2, SP_AXES(2), false), "[2,3]: there is no axis 2");
    WRONG(norm, DTYPE, sp_norm(I(3), 2, SP_ALL_AXES, false),
          "[3]: it needs f32 or f64, not i64");
    WRONG(norm, SIZE, sp_norm(F(3), (double)NAN, SP_ALL_AXES, false), "[3]: its p is nan");
    NEVER(norm, RANK, SHAPE, INDEX, HUGE);
    WRONG(variance, AXIS, sp_variance(F(2, 3), SP_AXES(-3), 1, false),
          "[2,3]: there is no axis -3");
    WRONG(variance, DTYPE, sp_variance(I(3), SP_ALL_AXES, 1, false),
          "[3]: it needs f32 or f64");
    WRONG(variance, SIZE, sp_variance(F(3), SP_ALL_AXES, (double)NAN, false),
          "[3]: its correction is nan, not a number");
    NEVER(variance, RANK, SHAPE, INDEX, HUGE);
    WRONG(std, AXIS, sp_std(F(2, 3), SP_AXES(0, 0), 1, false), "[2,3]: axis 0 is named twice");
    WRONG(std, DTYPE, sp_std(B(3), SP_ALL_AXES, 1, false),
          "[3]: it needs f32 or f64, not bool");
    WRONG(std, SIZE, sp_std(F(3), SP_ALL_AXES, (double)INFINITY, true),
          "[3]: its correction is inf");
    NEVER(std, RANK, SHAPE, INDEX, HUGE);
    WRONG(any, AXIS, sp_any_axes(B(2, 3), SP_AXES(2), false), "[2,3]: there is no axis 2");
    WRONG(any, DTYPE, sp_any(F(3)), "[3]: needs bool, not f64");
    NEVER(any, RANK, SHAPE, INDEX, SIZE, HUGE);
    WRONG(all, AXIS, sp_all_axes(B(2, 3), SP_AXES(2), false), "[2,3]: there is no axis 2");
    WRONG(all, DTYPE, sp_all(I(3)), "[3]: needs bool, not i64");
    NEVER(all, RANK, SHAPE, INDEX, SIZE, HUGE);
    WRONG(cumsum, AXIS, sp_cumsum(F(2, 3), 2), "[2,3]: there is no axis 2 in rank 2");
    WRONG(cumsum, RANK, sp_cumsum(F_SCALAR, 0), "[]: there is no axis 0 in rank 0");
    WRONG(cumsum, DTYPE, sp_cumsum(I(3), 0), "[3]: it needs f32 or f64, not i64");
    NEVER(cumsum, SHAPE, INDEX, SIZE, HUGE);
    WRONG(cumprod, AXIS, sp_cumprod(F(2, 3), -3), "[2,3]: there is no axis -3 in rank 2");
    WRONG(cumprod, RANK, sp_cumprod(F_SCALAR, 0), "[]: there is no axis 0 in rank 0");
    WRONG(cumprod, DTYPE, sp_cumprod(B(3), 0), "[3]: it needs f32 or f64, not bool");
    NEVER(cumprod, SHAPE, INDEX, SIZE, HUGE);
    WRONG(argsort, AXIS, sp_argsort(F(2, 3), 2, false), "[2,3]: there is no axis 2 in rank 2");
    WRONG(argsort, RANK, sp_argsort(F_SCALAR, 0, true), "[]: there is no axis 0 in rank 0");
    NEVER(argsort, SHAPE, DTYPE, INDEX, SIZE, HUGE);
}

static void recurrences(void)
{
    WRONG(linear_scan, RANK, sp_linear_scan(F_SCALAR, F_SCALAR, F_SCALAR, false),
          "[] x [] x []: a scalar has no time axis");
    WRONG(linear_scan, RANK, sp_linear_scan(F_SCALAR, F_SCALAR, NO_VAR, false), "no time axis");
    WRONG(linear_scan, SHAPE, sp_linear_scan(F(4, 3), F(4, 2), F(2), false),
          "[4,3] x [4,2] x [2]: a and b do not broadcast");
    WRONG(linear_scan, SHAPE, sp_linear_scan(F(4, 3), F(4, 3), F(4), false),
          "h0 must be one step");
    WRONG(linear_scan, SHAPE, sp_linear_scan(F(4, 3), F(4, 2), NO_VAR, false),
          "[4,3] x [4,2]: sizes 3 and 2 differ");
    WRONG(linear_scan, DTYPE, sp_linear_scan(F(4), F32(4), NO_VAR, false), "f64[4] x f32[4]: ");
    WRONG(linear_scan, DTYPE, sp_linear_scan(I(4), I(4), NO_VAR, false), "[4] x [4]: it needs f32");
    WRONG(linear_scan, DTYPE, sp_linear_scan(I(4), I(4), I_SCALAR, true),
          "f32 or f64, not i64");
    WRONG(linear_scan, HUGE, sp_linear_scan(F(LONG, 1), F(1, LONG), NO_VAR, true),
          "[4294967296,1] x [1,4294967296]");
    NEVER(linear_scan, AXIS, INDEX, SIZE);
    WRONG(linear_scan_complex, RANK, sp_linear_scan_complex(F(2), F(2), F_SCALAR, false),
          "[2] x [2] x []: complex numbers are a last axis of 2 behind the time axis");
    WRONG(linear_scan_complex, SHAPE, sp_linear_scan_complex(F(4, 3), F(4, 3), NO_VAR, false),
          "complex numbers are a last axis of 2");
    WRONG(linear_scan_complex, DTYPE, sp_linear_scan_complex(F(4, 2), I(4, 2), F(2), false),
          "f64[4,2] x i64[4,2] x f64[2]: ");
    WRONG(linear_scan_complex, HUGE, sp_linear_scan_complex(F(LONG, 1, 2), F(1, LONG, 2),
              NO_VAR, false), "[4294967296,1,2] x [1,4294967296,2]");
    NEVER(linear_scan_complex, AXIS, INDEX, SIZE);
}

static void indices(void)
{
    WRONG(take, RANK, sp_take(F_SCALAR, I(3), 0), "f64[] x i64[3]: there is no axis 0 in rank 0");
    WRONG(take, RANK, sp_take(F(1, 1, 1, 1), I(1, 1, 1, 1), 1), "rank 7");
    WRONG(take, AXIS, sp_take(F(2, 3), I(3), 2), "[3]: there is no axis 2 in rank 2");
    WRONG(take, DTYPE, sp_take(F(2, 3), F(3), 1),
          "[2,3] x [3]: its indices must be i32 or i64, not f64");
    WRONG(take, HUGE, sp_take(F(LONG, 1), I(LONG), 1), "63 bits");
    WRONG(take, INDEX, sp_take(F(2, 3), AT(3, 2), 1),
          "f64[2,3] x i64[2]: index 3 at position 0 is outside [0,3)");
    NEVER(take, SHAPE, SIZE);
    WRONG(take_along_axis, RANK, sp_take_along_axis(F(2, 3), I(2), 0),
          "f64[2,3] x i64[2]: the index must have rank 2, not 1");
    WRONG(take_along_axis, SHAPE, sp_take_along_axis(F(5, 3), I(2, 4), 0),
          "f64[5,3] x i64[2,4]: sizes 3 and 4 differ on axis 1");
    WRONG(take_along_axis, DTYPE, sp_take_along_axis(F(3), F(2), 0),
          "[3] x [2]: its indices must be i32 or i64, not f64");
    WRONG(take_along_axis, AXIS, sp_take_along_axis(F(2, 3), I(2, 3), 2),
          "there is no axis 2 in rank 2");
    WRONG(take_along_axis, INDEX, sp_take_along_axis(F(2, 3), AT(3, 2, 1), 1),
          "index 3 at position [0,0] is outside [0,3)");
    WRONG(take_along_axis, INDEX, sp_take_along_axis(F(0), AT(0, 2), 0),
          "index 0 at position 0 is outside [0,0)");
    WRONG(take_along_axis, HUGE, sp_take_along_axis(F(1, LONG), I(LONG, 1), 0),
          "[4294967296,1]: ");
    NEVER(take_along_axis, SIZE);
    WRONG(scatter, RANK, sp_scatter(F(2, 3), I(2), F(2), 0, SP_SCATTER_SET),
          "f64[2,3] x i64[2] x f64[2]: the index must have rank 2, not 1");
    WRONG(scatter, SHAPE, sp_scatter(F(3), I(4), F(5), 0, SP_SCATTER_ADD),
          "f64[3] x i64[4] x f64[5]: what is scattered must have the shape of the index");
    WRONG(scatter, DTYPE, sp_scatter(F(3), I(4), F32(4), 0, SP_SCATTER_MAX),
          "dtypes f64 and f32 differ");
    WRONG(scatter, DTYPE, sp_scatter(F(3), F(4), F(4), 0, SP_SCATTER_MAX),
          "indices must be i32 or i64, not f64");
    WRONG(scatter, DTYPE, sp_scatter(B(3), I(4), B(4), 0, SP_SCATTER_ADD),
          "it needs numbers, not bool");
    WRONG(scatter, DTYPE, sp_scatter(F(3), I(4), F(4), 0, (sp_scattering)9),
          "there is no way 9 to scatter");
    WRONG(scatter, AXIS, sp_scatter(F(3), I(4), F(4), -2, SP_SCATTER_MIN),
          "there is no axis -2 in rank 1");
    WRONG(scatter, INDEX, sp_scatter(F(3), AT(-1, 4), F(4), 0, SP_SCATTER_SET),
          "index -1 at position 0 is outside [0,3)");
    WRONG(scatter, HUGE, sp_scatter(F(1, LONG), I(LONG, 1), F_SCALAR, 0, SP_SCATTER_SET),
          "4294967296");
    NEVER(scatter, SIZE);
}

static void around_and_beside(void)
{
    WRONG(arange, DTYPE, sp_arange(tape, SP_BOOL, 0, 3, 1), "it needs numbers, not bool");
    WRONG(arange, DTYPE, sp_arange(tape, (sp_dtype)99, 0, 3, 1), "there is no dtype 99");
    WRONG(arange, DTYPE, sp_arange(tape, SP_I32, .5, 3, 1),
          "0.5 is not a number that i32 can hold");
    WRONG(arange, DTYPE, sp_arange(tape, SP_I32, 0, 3, (double)NAN),
          "nan is not a number that i32 can hold");
    WRONG(arange, SIZE, sp_arange(tape, SP_F64, 0, -3, 1), "-3 numbers");
    WRONG(arange, HUGE, sp_arange(tape, SP_F64, 0, INT64_MAX, 1), "multiply beyond 63 bits");
    WRONG(arange, HUGE, sp_arange(tape, SP_I32, INT32_MAX - 1, 3, 1),
          "the last of 3 numbers from 2.14748e+09 in steps of 1 is beyond i32");
    WRONG(arange, HUGE, sp_arange(tape, SP_I32, 0, 3, INT32_MIN), "is beyond i32");
    WRONG(arange, HUGE, sp_arange(tape, SP_I64, 0x1p62, 3, 0x1p61), "is beyond i64");
    WRONG(arange, HUGE, sp_arange(tape, SP_I64, 0, 4, -0x1p62), "is beyond i64");
    NEVER(arange, RANK, SHAPE, AXIS, INDEX);
    WRONG(pad, AXIS, sp_pad(F(2, 3), (sp_pad_spec){ .axes = SP_AXES(2) }),
          "[2,3]: there is no axis 2");
    WRONG(pad, AXIS, sp_pad(F(2, 3), (sp_pad_spec){ .axes = SP_AXES(0, -2) }),
          "there is no axis -2 but the one named before");
    WRONG(pad, AXIS, sp_pad(F(SIX_ONES), (sp_pad_spec){ .axes = { 7, { 0, 1, 2, 3, 4, 5 } } }),
          "7 axes are too many");
    WRONG(pad, AXIS, sp_pad(F(2, 3), (sp_pad_spec){ .axes = { -2, { 0 } } }),
          "[2,3]: -2 axes are too few");
    WRONG(pad, SHAPE, sp_pad(F(0, 3), PAD(.after = { 1 }, .mode = SP_PAD_EDGE)),
          "[0,3]: axis 0 is empty: there is nothing to repeat");
    WRONG(pad, SIZE, sp_pad(F(2, 3), PAD(.before = { 0, -1 })), "-1 elements before axis 1");
    WRONG(pad, SIZE, sp_pad(F(2, 3), PAD(.mode = (sp_pad_mode)9)), "there is no mode 9");
    WRONG(pad, DTYPE, sp_pad(I(3), PAD(.value = .5)), "0.5 is not a number that i64 can hold");
    WRONG(pad, HUGE, sp_pad(F(3), PAD(.before = { INT64_MAX })), "axis 0 becomes too large");
    WRONG(pad, HUGE, sp_pad(F(3), PAD(.before = { INT64_MAX / 4 })), "63 bits");
    NEVER(pad, RANK, INDEX);
    WRONG(diagonal, RANK, sp_diagonal(F(3), 0, 0, 1),
          "[3]: axes 0 and 1 are not two of rank 1");
    WRONG(diagonal, AXIS, sp_diagonal(F(2, 3), 0, 1, -1),
          "[2,3]: axes 1 and -1 are not two of rank 2");
    NEVER(diagonal, SHAPE, DTYPE, INDEX, SIZE, HUGE);
    WRONG(place_diagonal, RANK, sp_place_diagonal(F_SCALAR, 0, 0, 1, 1, 1),
          "[]: a scalar is no diagonal");
    WRONG(place_diagonal, RANK, sp_place_diagonal(F(SIX_ONES), 0, 0, 1, 1, 1), "rank 7");
    WRONG(place_diagonal, SHAPE, sp_place_diagonal(F(3), 1, 0, 1, 3, 3),
          "[3]: 3 elements are not diagonal 1 of a matrix [3,3]");
    WRONG(place_diagonal, AXIS, sp_place_diagonal(F(3), 0, 0, 2, 3, 3),
          "axes 0 and 2 are not two of rank 2");
    WRONG(place_diagonal, SIZE, sp_place_diagonal(F(3), 0, 0, 1, -1, 3), "of a matrix [-1,3]");
    WRONG(place_diagonal, HUGE, sp_place_diagonal(F(LONG), 0, 0, 1, LONG, LONG), "63 bits");
    NEVER(place_diagonal, DTYPE, INDEX);
    WRONG(tril, RANK, sp_tril(F(3), 0), "[3]: it needs at least two axes");
    NEVER(tril, SHAPE, DTYPE, AXIS, INDEX, SIZE, HUGE);
    WRONG(triu, RANK, sp_triu(F_SCALAR, 0), "[]: it needs at least two axes");
    NEVER(triu, SHAPE, DTYPE, AXIS, INDEX, SIZE, HUGE);
}

static void windows(void)
{
    WRONG(unfold, RANK, sp_unfold(F(SIX_ONES), 0, 1, 1, 1),
          "[1,1,1,1,1,1]: the result would have rank 7");
    WRONG(unfold, AXIS, sp_unfold(F(2, 3), 2, 1, 1, 1), "[2,3]: there is no axis 2 in rank 2");
    WRONG(unfold, SHAPE, sp_unfold(F(2, 3), 1, 4, 1, 1),
          "[2,3]: a window of 4 dilated by 1 does not fit axis 1 of size 3");
    WRONG(unfold, SIZE, sp_unfold(F(3), 0, 0, 1, 1),
          "[3]: a window of 0 in steps of 1, dilated by 1");
    WRONG(unfold, SIZE, sp_unfold(F(3), 0, 1, -1, 1), "in steps of -1");
    WRONG(unfold, SIZE, sp_unfold(F(3), 0, 1, 1, 0), "dilated by 0");
    WRONG(unfold, HUGE, sp_unfold(F(3), 0, 3, 1, INT64_MAX),
          "dilated by 9223372036854775807 does not fit");
    WRONG(unfold, HUGE, sp_unfold(F(LONG), 0, LONG / 2, 1, 1), "63 bits");
    NEVER(unfold, DTYPE, INDEX);
    WRONG(fold, RANK, sp_fold(F(3), 0, 3, 1, 1),
          "[3]: there is no axis 0 before the last of rank 1");
    WRONG(fold, RANK, sp_fold(F_SCALAR, 0, 3, 1, 1),
          "[]: there is no axis 0 before the last of rank 0");
    WRONG(fold, AXIS, sp_fold(F(2, 3), 1, 3, 1, 1),
          "[2,3]: there is no axis 1 before the last of rank 2");
    WRONG(fold, SHAPE, sp_fold(F(4, 3), 0, 7, 1, 1), "[4,3]: 5 windows cover size 7, not 4");
    WRONG(fold, DTYPE, sp_fold(I(5, 3), 0, 7, 1, 1), "[5,3]: it needs f32 or f64, not i64");
    WRONG(fold, SIZE, sp_fold(F(4, 3), 0, -1, 1, 1), "does not fit axis 0 of size -1");
    WRONG(fold, SIZE, sp_fold(F(4, 3), 0, 6, 0, 1), "in steps of 0");
    WRONG(fold, HUGE, sp_fold(F(LONG, 1, 1), 0, INT64_MAX / 2, INT64_MAX / 2, 1),
          "1 windows cover size 4611686018427387903, not 4294967296");
    WRONG(fold, HUGE, sp_fold(F(1, LONG, 1), 0, INT64_MAX / 2, INT64_MAX / 2, 1), "63 bits");
    NEVER(fold, INDEX);
}

START_TEST(every_op_along_axes_and_indices_has_a_sentence_for_every_mistake)
{
    reductions_and_runs();
    recurrences();
    indices();
    around_and_beside();
    windows();
    nothing_is_missed(index_ops);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("mistakes_index");
    TCase *all = tcase_create("all");

    tcase_add_checked_fixture(all, begin, end);
    tcase_add_test(all, every_op_along_axes_and_indices_has_a_sentence_for_every_mistake);
    suite_add_tcase(suite, all);
    return run_all(suite);
}
