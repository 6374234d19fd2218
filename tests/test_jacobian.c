/* SPDX-License-Identifier: MIT
 *
 * test_jacobian.c - Jacobians, Hessians and gradients per sample: against differences, closed
 * forms and each other; and what all derivatives refuse.
 */
#include "autograd/names.h"
#include "tests/derivatives_case.h"

/* ---- matrices ---- */

/* Column j by differences: the jvp along unit j, by moving x alone. */
static void column(of_two *function, const sp_var x[2], int64_t j, sp_var *out)
{
    sp_tensor *unit = sp_tensor_new(SP_F64, sp_var_shape(x[0]));
    sp_tensor_set(unit, j, 1);
    sp_var v[2] = { sp_input(t, unit), sp_full(t, SP_F64, sp_var_shape(x[1]), 0) };
    *out = difference(function, x, v);
    sp_tensor_free(unit);
}

static void is_jacobian(of_two *function, sp_var jacobian, const sp_var x[2],
                        double tolerance)
{
    int64_t n = sp_shape_size(sp_var_shape(x[0])), m = sp_shape_size(sp_var_shape(jacobian)) / n;

    for (int64_t j = 0; j < n; j++) {
        sp_var due;
        column(function, x, j, &due);
        for (int64_t i = 0; i < m; i++)
            ck_assert_double_eq_tol(at(jacobian, i * n + j), at(due, i), tolerance);
    }
}

/* 12 numbers to 6 go by rows, 4 to 7 by columns. */
START_TEST(a_jacobian_is_what_differences_say_by_rows_and_by_columns)
{
    sp_var x[2], v[2];

    operands(x, v);
    sp_var by_rows = sp_jacobian(f(x[0], x[1]), x[0]);
    ck_assert(sp_shape_equal(sp_var_shape(by_rows), SP_SHAPE(ROWS, OUT, ROWS, IN)));
    is_jacobian(f, by_rows, x, 1e-9);
    x[0] = drawn(SP_SHAPE(1, IN), 8);
    x[1] = drawn(SP_SHAPE(IN, 7), 9);
    int64_t before = sp_stats(t).nodes;
    sp_var by_columns = sp_jacobian(f(x[0], x[1]), x[0]);
    ck_assert_int_lt(sp_stats(t).nodes - before, 200);
    ck_assert(sp_shape_equal(sp_var_shape(by_columns), SP_SHAPE(1, 7, 1, IN)));
    is_jacobian(f, by_columns, x, 1e-9);
}
END_TEST

static sp_var a_loss(sp_var x, sp_var w) { return sp_sum(sp_square(f(x, w))); }

static sp_var slope_of_loss(sp_var x, sp_var w)
{
    sp_var g;
    sp_grad(a_loss(x, w), 1, &x, &g, NULL);
    return g;
}

START_TEST(a_hessian_is_the_jacobian_of_the_gradient_and_symmetric)
{
    enum { N = ROWS * IN };
    sp_var x[2], v[2];

    operands(x, v);
    sp_var h = sp_hessian(a_loss(x[0], x[1]), x[0]);
    ck_assert(sp_shape_equal(sp_var_shape(h), SP_SHAPE(ROWS, IN, ROWS, IN)));
    is_jacobian(slope_of_loss, h, x, 1e-8);
    close(sp_permute(h, SP_AXES(2, 3, 0, 1)), h, 1e-13);
}
END_TEST

START_TEST(the_hessian_of_a_quadratic_form_is_its_matrix)
{
    sp_var a = F64(SP_SHAPE(2, 2), 3, -1, -1, 5), x = F64(SP_SHAPE(2), 7, 11), none;
    sp_var column = sp_unsqueeze(x, 1);
    sp_var y = sp_scale(sp_matmul(sp_transpose(column, 0, 1), sp_matmul(a, column)), .5);

    close(sp_hessian(y, x), a, 1e-15);
    sp_var v = F64(SP_SHAPE(2), 1, 2), out;
    ck_assert(sp_hvp(y, 1, &x, &v, &out));
    close(out, F64(SP_SHAPE(2), 1, 9), 1e-15);
    ck_assert(sp_hvp(sp_sum(x), 1, &x, &v, &none));
    close(none, F64(SP_SHAPE(2), 0, 0), 0);
}
END_TEST

START_TEST(a_hessian_times_a_vector_is_the_slope_of_the_gradient)
{
    sp_var x[2], v[2], hv[2], g[2], other[2];

    operands(x, v);
    sp_var y = a_loss(x[0], x[1]);
    ck_assert(sp_hvp(y, 2, x, v, hv));
    ck_assert(sp_grad(y, 2, x, g, NULL));
    ck_assert(sp_jvp(2, g, 2, x, v, other));
    close(hv[0], other[0], 1e-13);
    close(hv[1], other[1], 1e-13);
    close(hv[0], difference(slope_of_loss, x, v), 1e-8);
}
END_TEST

START_TEST(jacobians_are_differentiated_again)
{
    sp_var x = F64(SP_SHAPE(2), .3, -.4), y = sp_exp(x), g;
    sp_var j = sp_jacobian(sp_concat(SP_VARS(y, y, y), 0), x);   /* by columns */

    ck_assert(sp_grad(sp_sum(sp_square(j)), 1, &x, &g, NULL));
    close(g, sp_scale(sp_square(y), 6), 1e-14);
    ck_assert(sp_grad(sp_sum(sp_square(sp_jacobian(y, x))), 1, &x, &g, NULL));
    close(g, sp_scale(sp_square(y), 2), 1e-14);
}
END_TEST

START_TEST(scalars_and_empty_vars_have_matrices)
{
    sp_var x = F64(SP_SCALAR, 2), none = sp_full(t, SP_F64, SP_SHAPE(0, 2), 1);

    close(sp_jacobian(sp_square(x), x), F64(SP_SCALAR, 4), 0);
    close(sp_hessian(sp_square(x), x), F64(SP_SCALAR, 2), 0);
    sp_var y = sp_broadcast(x, SP_SHAPE(1, 1, 1, 1, 1, 1)), six = sp_square(y);
    close(sp_jacobian(x, y), sp_reshape(F64(SP_SCALAR, 0), SP_SHAPE(1, 1, 1, 1, 1, 1)), 0);
    close(sp_jacobian(six, x), sp_reshape(F64(SP_SCALAR, 4), SP_SHAPE(1, 1, 1, 1, 1, 1)), 0);
    ck_assert(sp_shape_equal(sp_var_shape(sp_jacobian(none, x)), SP_SHAPE(0, 2)));
    ck_assert(sp_shape_equal(sp_var_shape(sp_hessian(sp_sum(none), none)), SP_SHAPE(0, 2, 0, 2)));
    close(sp_jacobian(sp_tanh(x), F64(SP_SHAPE(2), 1, 2)), F64(SP_SHAPE(2), 0, 0), 0);
    ck_assert_ptr_null(sp_tape_error(t));
}
END_TEST

START_TEST(the_gradient_of_each_sample_is_that_of_its_loss_alone)
{
    sp_var x[2], v[2], out[2], g[2];

    operands(x, v);
    sp_var losses = sp_sum_axes(sp_square(f(x[0], x[1])), SP_AXES(1), false);
    ck_assert(sp_sample_grads(losses, 2, x, out));
    ck_assert(sp_shape_equal(sp_var_shape(out[0]), SP_SHAPE(ROWS, ROWS, IN)));
    for (int b = 0; b < ROWS; b++) {
        ck_assert(sp_grad(sp_select(losses, 0, b), 2, x, g, NULL));
        close(sp_select(out[0], 0, b), g[0], 1e-14);
        close(sp_select(out[1], 0, b), g[1], 1e-14);
    }
    ck_assert(sp_sample_grads(sp_full(t, SP_F64, SP_SHAPE(0), 1), 1, x, out));
    ck_assert(sp_shape_equal(sp_var_shape(out[0]), SP_SHAPE(0, ROWS, IN)));
}
END_TEST

/* By rows and by columns: y of 2 elements or of 3, x of 2. */
static sp_var of_either(sp_var h, bool columns)
{
    sp_var y = sp_square(h);
    return columns ? sp_concat(SP_VARS(y, sp_sum_axes(h, SP_AXES(0), true)), 0) : y;
}

static sp_var ten_times(sp_var g, void *calls)
{
    ++*(int *)calls;
    return sp_scale(g, 10);
}

START_TEST(hooks_and_names_see_gradients_and_no_other_derivative)
{
    for (int k = 0; k < 2; k++) {
        sp_var x = F64(SP_SHAPE(2), .3, -.4), h = sp_named(sp_tanh(x), "h"), out, first;
        sp_var y = of_either(h, k), v = F64(SP_SHAPE(2), 1, 2);
        int calls = 0;

        sp_var due = sp_jacobian(y, x), hessian = sp_hessian(sp_sum(y), x);
        sp_var rows = sp_jacobian(sp_exp(h), x);
        sp_hook(h, ten_times, &calls);
        ck_assert(sp_grad(sp_sum(y), 1, &x, &first, NULL));
        ck_assert_int_eq(calls, 1);
        const uint32_t noted = sp_find_grad(t, "h").id;
        close(sp_jacobian(y, x), due, 0);
        close(sp_hessian(sp_sum(y), x), hessian, 0);
        ck_assert(sp_hvp(sp_sum(y), 1, &x, &v, &out));
        close(out, sp_reshape(sp_matmul(hessian, sp_unsqueeze(v, 1)), SP_SHAPE(2)), 1e-15);
        ck_assert(sp_sample_grads(sp_exp(h), 1, &x, &out));
        close(out, rows, 0);
        ck_assert_int_eq(calls, 1);
        ck_assert_uint_eq(sp_find_grad(t, "h").id, noted);
        sp_tape_reset(t);
    }
}
END_TEST

START_TEST(a_jacobian_has_the_dtype_of_its_x_whatever_its_shape)
{
    const sp_dtype of[] = { SP_F32, SP_F64 };

    for (int k = 0; k < 4; k++) {
        sp_var x = sp_cast(F64(SP_SHAPE(2), .5, -2), of[k % 2]);
        sp_var y = sp_cast(of_either(x, k / 2), of[(k + 1) % 2]), j = sp_jacobian(y, x);
        sp_var none = sp_jacobian(sp_slice(y, 0, 0, 0), x);
        ck_assert_int_eq(sp_var_dtype(j), of[k % 2]);
        ck_assert_int_eq(sp_var_dtype(none), of[k % 2]);
        ck_assert_double_eq(at(j, 0), 1);
        ck_assert_double_eq(at(j, 3), -4);
        ck_assert(sp_eval(1, &none));
    }
    ck_assert_ptr_null(sp_tape_error(t));
}
END_TEST

/* ---- mistakes ---- */

static sp_var two, three, whole, deep;
static sp_var outs[2];

static bool no_y(void)          { return sp_vjp(0, &two, &two, 1, &two, outs); }
static bool bad_count(void)     { return sp_jvp(1, &two, -1, &two, &two, outs); }
static bool bad_u(void)         { return sp_vjp(1, &two, &three, 1, &two, outs); }
static bool bad_v(void)         { return sp_jvp(1, &two, 1, &two, &three, outs); }
static bool whole_x(void)       { return sp_vjp(1, &two, &two, 1, &whole, outs); }
static bool whole_y(void)       { return sp_jvp(1, &whole, 1, &two, &two, outs); }
static bool many_hvp(void)      { return sp_hvp(two, 1, &two, &two, outs); }
static bool bad_hvp(void)       { return sp_hvp(sp_sum(two), 1, &two, &three, outs); }
static bool many_hessian(void)  { return !sp_is_nothing(outs[0] = sp_hessian(two, two)); }
static bool deep_hessian(void)  { return !sp_is_nothing(outs[0] = sp_hessian(sp_sum(deep), deep)); }
static bool deep_jacobian(void) { return !sp_is_nothing(outs[0] = sp_jacobian(deep, deep)); }
static bool whole_jacobian(void) { return !sp_is_nothing(outs[0] = sp_jacobian(two, whole)); }
static bool matrix_losses(void) { return sp_sample_grads(sp_sum(two), 1, &two, outs); }
static bool huge(void)
{
    sp_var x = sp_full(t, SP_F64, SP_SHAPE((int64_t)1 << 40), 1);
    return !sp_is_nothing(outs[0] = sp_jacobian(x, x));
}
static bool unset(void) { return sp_jvp(1, &two, 1, &two, &(sp_var){ 0 }, outs); }
static bool reset(void)
{
    sp_tape_reset(t);
    return sp_vjp(1, &two, &two, 1, &two, outs);
}

static const struct { bool (*call)(void); const char *sentence; } mistakes[] = {
    { bad_count, "jvp: -1 x are asked for" },
    { bad_u, "vjp: u[0] is f64[3] and y[0] is f64[2]" },
    { bad_v, "jvp: v[0] is f64[3] and x[0] is f64[2]" },
    { whole_x, "vjp: x[0] is i32; only f32 and f64 have derivatives" },
    { whole_y, "jvp: y[0] is i32; only f32 and f64 have derivatives" },
    { many_hvp, "hvp: [2]: y must have exactly one element" },
    { bad_hvp, "hvp: v[0] is f64[3] and x[0] is f64[2]" },
    { many_hessian, "hessian: [2]: y must have exactly one element" },
    { deep_hessian, "hessian: [1,1,1,2] by [1,1,1,2]: the result would have rank 8 and 6 is" },
    { deep_jacobian, "jacobian: [1,1,1,2] by [1,1,1,2]: the result would have rank 8 and 6 is" },
    { whole_jacobian, "jacobian: x[0] is i32; only f32 and f64 have derivatives" },
    { matrix_losses, "sample_grads: []: the losses must be [B], one per sample" },
    { huge, "jacobian: [1099511627776] by [1099511627776]: " },
    { unset, "jvp: an operand is no var: it was never set" },
    { reset, "vjp: its operand was recorded before sp_tape_reset" },
};

START_TEST(a_mistake_is_a_sentence_and_gives_nothing)
{
    two = F64(SP_SHAPE(2), 1, 2), three = F64(SP_SHAPE(3), 1, 2, 3);
    whole = sp_const(t, SP_I32, 3), deep = sp_reshape(two, SP_SHAPE(1, 1, 1, 2));
    outs[0] = two;
    ck_assert(!mistakes[_i].call());
    ck_assert_ptr_nonnull(sp_tape_error(t));
    ck_assert_msg(strstr(sp_tape_error(t), mistakes[_i].sentence), "%s", sp_tape_error(t));
    if (mistakes[_i].call != bad_count) ck_assert(sp_is_nothing(outs[0]));
}
END_TEST

START_TEST(without_a_tape_the_sentence_is_sp_error)
{
    sp_var none = { 0 };

    two = F64(SP_SHAPE(2), 1, 2);
    ck_assert(!no_y() && sp_is_nothing(outs[0]));
    ck_assert_str_eq(sp_error(), "vjp: there is no y");
    ck_assert(!sp_jvp(1, &none, 1, &none, &none, outs));
    ck_assert_str_eq(sp_error(), "jvp: its y is no var of a tape");
    ck_assert(sp_is_nothing(sp_hessian(none, none)));
    ck_assert_ptr_null(sp_tape_error(t));
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("jacobian");
    TCase *c = tcase_create("jacobian");

    tcase_add_checked_fixture(c, begin, end);
    tcase_add_test(c, a_jacobian_is_what_differences_say_by_rows_and_by_columns);
    tcase_add_test(c, a_hessian_is_the_jacobian_of_the_gradient_and_symmetric);
    tcase_add_test(c, the_hessian_of_a_quadratic_form_is_its_matrix);
    tcase_add_test(c, a_hessian_times_a_vector_is_the_slope_of_the_gradient);
    tcase_add_test(c, jacobians_are_differentiated_again);
    tcase_add_test(c, scalars_and_empty_vars_have_matrices);
    tcase_add_test(c, the_gradient_of_each_sample_is_that_of_its_loss_alone);
    tcase_add_test(c, hooks_and_names_see_gradients_and_no_other_derivative);
    tcase_add_test(c, a_jacobian_has_the_dtype_of_its_x_whatever_its_shape);
    tcase_add_loop_test(c, a_mistake_is_a_sentence_and_gives_nothing, 0,
                        (int)(sizeof mistakes / sizeof *mistakes));
    tcase_add_test(c, without_a_tape_the_sentence_is_sp_error);
    suite_add_tcase(suite, c);
    return run_all(suite);
}
