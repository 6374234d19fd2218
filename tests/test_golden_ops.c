/* SPDX-License-Identifier: MIT
 *
 * test_golden_ops.c - single ops against what PyTorch answers (golden/ops.safetensors): kinks,
 * ties, bounds, NaN, empty axes, repeated ids, broadcasting; values and gradients.
 */
#include "tests/golden_case.h"
#include "tests/suite.h"

#define A x[0]
#define B x[1]
#define C x[2]

static sp_var mask(sp_shape shape, const void *bytes)
{
    sp_tensor t = { SP_BOOL, shape, (void *)(uintptr_t)bytes, true };
    return sp_input(tape, &t);
}

static sp_var chosen(void)
{
    static const uint8_t c[] = { 1, 0, 1, 0, 0, 1 };
    return mask(SP_SHAPE(2, 3), c);
}

static sp_var ids(sp_shape shape, const int64_t *id)
{
    sp_tensor t = { SP_I64, shape, (void *)(uintptr_t)id, true };
    return sp_input(tape, &t);
}

static const int64_t repeated[] = { 2, 0, 2, 1, 2, 0 }, picked[] = { 2, 0, 2, 2 };

static sp_var second_part(sp_var x)
{
    sp_var part[2] = { x, x };
    sp_split(x, 2, 2, part);
    return part[1];
}

/* Case and what computes it from A, B, C. */
#define UNARY_CASES(X, op) X(op, sp_##op(A)) X(op##_points, sp_##op(A)) X(op##_edges, sp_##op(A))
#define BINARY_CASES(X, op)                                                         \
    X(op, sp_##op(A, B)) X(op##_rows, sp_##op(A, B)) X(op##_columns, sp_##op(A, B)) \
    X(op##_outer, sp_##op(A, B)) X(op##_scalar, sp_##op(A, B)) X(op##_both, sp_##op(A, B)) \
    X(op##_empty, sp_##op(A, B)) X(op##_empty_one, sp_##op(A, B))
#define REDUCE_CASES(X, op)                                                         \
    X(op##_all, sp_##op(A))                                                         \
    X(op##_0, sp_##op##_axes(A, SP_AXES(0), false))                                 \
    X(op##_1, sp_##op##_axes(A, SP_AXES(1), false))                                 \
    X(op##_2, sp_##op##_axes(A, SP_AXES(2), false))                                 \
    X(op##_02, sp_##op##_axes(A, SP_AXES(0, 2), false))                             \
    X(op##_12, sp_##op##_axes(A, SP_AXES(1, 2), false))                             \
    X(op##_all_keep, sp_##op##_axes(A, SP_ALL_AXES, true))                          \
    X(op##_0_keep, sp_##op##_axes(A, SP_AXES(0), true))                             \
    X(op##_1_keep, sp_##op##_axes(A, SP_AXES(1), true))                             \
    X(op##_2_keep, sp_##op##_axes(A, SP_AXES(2), true))                             \
    X(op##_02_keep, sp_##op##_axes(A, SP_AXES(0, 2), true))                         \
    X(op##_12_keep, sp_##op##_axes(A, SP_AXES(1, 2), true))                         \
    X(op##_empty_other, sp_##op##_axes(A, SP_AXES(1), false))
#define EMPTY_CASES(X, op)                                                          \
    X(op##_empty_all, sp_##op(A)) X(op##_empty_axis, sp_##op##_axes(A, SP_AXES(0), false)) \
    X(op##_rank0, sp_##op(A))
#define CASES(X)                                                                    \
    UNARY_CASES(X, neg) UNARY_CASES(X, exp) UNARY_CASES(X, log) UNARY_CASES(X, sqrt) \
    UNARY_CASES(X, square) UNARY_CASES(X, tanh) UNARY_CASES(X, sigmoid) UNARY_CASES(X, relu) \
    UNARY_CASES(X, abs) UNARY_CASES(X, reciprocal)                                  \
    X(exp_far, sp_exp(A)) X(tanh_far, sp_tanh(A)) X(sigmoid_far, sp_sigmoid(A))     \
    BINARY_CASES(X, add) BINARY_CASES(X, sub) BINARY_CASES(X, mul) BINARY_CASES(X, div) \
    X(div_zero, sp_div(A, B)) X(pow_positive, sp_pow(A, B))                         \
    X(pow_scalar_m1, sp_pow(A, sp_number(A, -1))) X(pow_scalar_0, sp_pow(A, sp_number(A, 0))) \
    X(pow_scalar_half, sp_pow(A, sp_number(A, .5))) X(pow_scalar_1, sp_pow(A, sp_number(A, 1))) \
    X(pow_scalar_2, sp_pow(A, sp_number(A, 2))) X(pow_scalar_3, sp_pow(A, sp_number(A, 3))) \
    X(clamp, sp_clamp(A, -1, 1)) X(clamp_low, sp_clamp(A, -1, INFINITY))            \
    X(clamp_high, sp_clamp(A, -INFINITY, 1)) X(clamp_point, sp_clamp(A, .5, .5))    \
    X(lerp, sp_lerp(A, B, C)) X(lerp_broadcast, sp_lerp(A, B, C))                   \
    X(lerp_scalar, sp_lerp(A, B, sp_number(A, .3)))                                 \
    X(where, sp_where(chosen(), A, B)) X(where_broadcast, sp_where(chosen(), A, B)) \
    X(where_nan, sp_where(chosen(), A, B))                                          \
    REDUCE_CASES(X, sum) REDUCE_CASES(X, mean) REDUCE_CASES(X, max)                 \
    EMPTY_CASES(X, sum) EMPTY_CASES(X, mean)                                        \
    X(max_ties_all, sp_max(A)) X(max_ties_0, sp_max_axes(A, SP_AXES(0), false))     \
    X(max_ties_1, sp_max_axes(A, SP_AXES(1), false))                                \
    X(max_infinite, sp_max_axes(A, SP_AXES(1), false))                              \
    X(matmul, sp_matmul(A, B)) X(matmul_batch, sp_matmul(A, B)) X(matmul_left, sp_matmul(A, B)) \
    X(matmul_right, sp_matmul(A, B)) X(matmul_both, sp_matmul(A, B))                \
    X(matmul_ones, sp_matmul(A, B)) X(matmul_k0, sp_matmul(A, B))                   \
    X(matmul_m0, sp_matmul(A, B)) X(matmul_batch0, sp_matmul(A, B))                 \
    X(matmul_row, sp_matmul(A, B)) X(matmul_transposed, sp_matmul_t(A, false, B, true)) \
    X(matmul_self, sp_matmul_t(A, false, A, true))                                  \
    X(reshape, sp_reshape(A, SP_SHAPE(4, 6))) X(permute, sp_permute(A, SP_AXES(2, 0, 1))) \
    X(permute_reshape, sp_reshape(sp_permute(A, SP_AXES(2, 0, 1)), SP_SHAPE(4, 6))) \
    X(transpose, sp_transpose(A, 0, 2)) X(slice, sp_slice(A, 1, 1, 2))              \
    X(slice_step, sp_slice_step(A, 2, 1, 2, 2)) X(slice_none, sp_slice(A, 1, 3, 0)) \
    X(select, sp_select(A, 1, 1)) X(select_last, sp_select(A, 1, 2))                \
    X(split_second, second_part(A)) X(squeeze, sp_squeeze(A, 1))                    \
    X(concat, sp_concat(SP_VARS(A, B, C), 1)) X(concat_twice, sp_concat(SP_VARS(A, A), 0)) \
    X(stack_0, sp_stack(SP_VARS(A, B), 0)) X(stack_2, sp_stack(SP_VARS(A, B), 2))   \
    X(broadcast, sp_broadcast(A, SP_SHAPE(5, 2, 3))) X(flip, sp_flip(A, 1))         \
    X(flip_02, sp_flip(sp_flip(A, 0), 2))                                           \
    X(gather_repeated, sp_gather(A, ids(SP_SHAPE(2, 3), repeated)))                 \
    X(gather_none, sp_gather(A, ids(SP_SHAPE(0, 3), repeated)))                     \
    X(scatter_add, sp_scatter_add(A, ids(SP_SHAPE(2, 3), repeated), 4))             \
    X(index_add, sp_add(A, sp_scatter_add(B, ids(SP_SHAPE(4), picked), 3)))

#define FUNCTION(name, expression)                                                  \
    static sp_var run_##name(const sp_var x[]) { (void)x; return expression; }
CASES(FUNCTION)

#define ROW(name, expression) { #name, run_##name },
static const struct { const char *name; sp_var (*run)(const sp_var x[]); } cases[] = { CASES(ROW) };

/* PyTorch: relu passes the gradient at NaN, and abs stops it; its x^.5 is a square root, whose
   slope at -0 has the sign of the zero. */
static const other ours[] = {
    { "relu_edges", "grad.x0", 8, 0 }, { "abs_edges", "grad.x0", 8, (double)NAN },
    { "pow_scalar_half", "grad.x0", 3, -(double)INFINITY },
};

START_TEST(an_op_gives_pytorch_s_values_and_gradients)
{
    case_agrees(cases[_i].name, cases[_i].run);
}
END_TEST

/* Where the base is positive PyTorch's slope by the exponent is ours; elsewhere ours is 0. */
START_TEST(the_slope_of_a_power_by_its_exponent_is_0_where_the_base_is_not_positive)
{
    sp_var a = leaf("pow_grid", "x0"), b = leaf("pow_grid", "x1"), y = sp_pow(a, b), slope;

    agrees(y, "pow_grid", "y");
    slope_agrees(y, leaf("pow_grid", "w"), a, "pow_grid", "grad.x0");
    ck_assert(sp_grad(y, 1, &b, &slope, &(sp_grad_spec){ .seed = leaf("pow_grid", "w") }));
    const sp_tensor *got = sp_value(slope), *base = recorded("pow_grid", "x0");
    for (int64_t i = 0; i < sp_tensor_size(base); i++) {
        bool positive = sp_tensor_at(base, i) > 0;
        double want = positive ? sp_tensor_at(recorded("pow_grid", "grad.x1"), i) : 0;
        ck_assert_double_eq_tol(sp_tensor_at(got, i), want, 1e-13);
    }
}
END_TEST

START_TEST(comparisons_follow_ieee)
{
    sp_var a = leaf("compare", "x0"), b = leaf("compare", "x1");

    agrees(sp_equal(a, b), "compare", "eq");
    agrees(sp_not_equal(a, b), "compare", "ne");
    agrees(sp_less(a, b), "compare", "lt");
    agrees(sp_less_equal(a, b), "compare", "le");
    agrees(sp_greater(a, b), "compare", "gt");
    agrees(sp_greater_equal(a, b), "compare", "ge");
}
END_TEST

START_TEST(argmax_is_the_first_of_equals)
{
    agrees(sp_argmax(leaf("argmax", "x0"), 0), "argmax", "axis0");
    agrees(sp_argmax(leaf("argmax", "x0"), -1), "argmax", "axis1");
}
END_TEST

START_TEST(nan_passes_through_reductions)
{
    sp_var x = leaf("nan", "x0");

    agrees(sp_max_axes(x, SP_AXES(1), false), "nan", "max");
    agrees(sp_sum_axes(x, SP_AXES(1), false), "nan", "sum");
    agrees(sp_argmax(x, 1), "nan", "argmax");
    agrees(sp_relu(x), "nan", "relu");
}
END_TEST

START_TEST(a_cast_truncates)
{
    sp_var x = leaf("cast", "x0"), whole = sp_cast(x, SP_I64), yes = sp_cast(x, SP_BOOL);

    agrees(sp_cast(x, SP_F32), "cast", "f32");
    agrees(sp_cast(x, SP_I32), "cast", "i32");
    agrees(whole, "cast", "i64");
    agrees(yes, "cast", "bool");
    agrees(sp_cast(whole, SP_F64), "cast_back", "i64");
    agrees(sp_cast(yes, SP_F64), "cast_back", "bool");
}
END_TEST

START_TEST(one_hot_marks_the_index)
{
    agrees(sp_one_hot(leaf("one_hot", "ids"), 4, SP_F64), "one_hot", "y");
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("golden ops");
    TCase *tc = tcase_create("golden ops");

    golden_file = "ops.safetensors";
    others = ours;
    n_others = sizeof ours / sizeof *ours;
    tcase_add_checked_fixture(tc, golden_begin, golden_end);
    tcase_add_loop_test(tc, an_op_gives_pytorch_s_values_and_gradients, 0,
                        sizeof cases / sizeof *cases);
    tcase_add_test(tc, the_slope_of_a_power_by_its_exponent_is_0_where_the_base_is_not_positive);
    tcase_add_test(tc, comparisons_follow_ieee);
    tcase_add_test(tc, argmax_is_the_first_of_equals);
    tcase_add_test(tc, nan_passes_through_reductions);
    tcase_add_test(tc, a_cast_truncates);
    tcase_add_test(tc, one_hot_marks_the_index);
    suite_add_tcase(suite, tc);

    return run_all(suite);
}
