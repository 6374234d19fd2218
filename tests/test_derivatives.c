/* SPDX-License-Identifier: MIT
 *
 * test_derivatives.c - products with Jacobians, backwards and forwards, nested, and what memory
 * they take: against differences and each other.
 */
#include "tests/derivatives_case.h"

START_TEST(a_jvp_is_what_differences_say)
{
    sp_var x[2], v[2], out;

    operands(x, v);
    sp_var y = f(x[0], x[1]);
    ck_assert(sp_jvp(1, &y, 2, x, v, &out));
    close(out, difference(f, x, v), 1e-10);
}
END_TEST

START_TEST(a_jvp_and_a_vjp_are_adjoint_for_several_y_and_x)
{
    sp_var x[2], v[2], jv[2], ju[2];

    operands(x, v);
    sp_var y[] = { f(x[0], x[1]), sp_log(sp_shift(sp_square(x[0]), 1)) };
    sp_var u[] = { drawn(SP_SHAPE(ROWS, OUT), 5), drawn(SP_SHAPE(ROWS, IN), 6) };
    ck_assert(sp_jvp(2, y, 2, x, v, jv));
    ck_assert(sp_vjp(2, y, u, 2, x, ju));
    sp_var left = sp_add(dot(jv[0], u[0]), dot(jv[1], u[1]));
    sp_var right = sp_add(dot(ju[0], v[0]), dot(ju[1], v[1]));
    close(left, right, 1e-13);
    ck_assert_double_gt(fabs(sp_item(left)), .1);
}
END_TEST

START_TEST(a_vjp_of_one_y_is_a_seeded_gradient)
{
    sp_var x[2], v[2], out[2], g[2];

    operands(x, v);
    sp_var y = f(x[0], x[1]), u = drawn(SP_SHAPE(ROWS, OUT), 5);
    ck_assert(sp_vjp(1, &y, &u, 2, x, out));
    ck_assert(sp_grad(y, 2, x, g, &(sp_grad_spec){ .seed = u }));
    close(out[0], g[0], 0);
    close(out[1], g[1], 0);
}
END_TEST

/* ---- corners ---- */

START_TEST(what_y_does_not_depend_on_moves_it_by_zero)
{
    sp_var x = F64(SP_SHAPE(2), 1, 2), z = F64(SP_SHAPE(3), 1, 2, 3), out[2];
    sp_var y[] = { sp_square(x), sp_exp(z) }, v = F64(SP_SHAPE(2), 1, 10);

    ck_assert(sp_jvp(2, y, 1, &x, &v, out));
    close(out[0], F64(SP_SHAPE(2), 2, 40), 0);
    close(out[1], F64(SP_SHAPE(3), 0, 0, 0), 0);
    ck_assert(sp_jvp(1, y + 1, 1, &x, &v, out));
    close(out[0], F64(SP_SHAPE(3), 0, 0, 0), 0);
}
END_TEST

START_TEST(y_may_be_an_x_stand_twice_and_x_may_be_no_leaf)
{
    sp_var x = F64(SP_SHAPE(2), 1, 2), h = sp_square(x), y[] = { h, x, h }, out[3];
    sp_var v = F64(SP_SHAPE(2), 1, 10), both[] = { x, x }, vs[] = { v, v };

    ck_assert(sp_jvp(3, y, 1, &x, &v, out));
    close(out[0], F64(SP_SHAPE(2), 2, 40), 0);
    close(out[1], v, 0);
    close(out[2], out[0], 0);
    ck_assert(sp_jvp(1, y, 2, both, vs, out));
    close(out[0], F64(SP_SHAPE(2), 4, 80), 0);
    sp_var e = sp_exp(h);
    ck_assert(sp_jvp(1, &e, 1, &h, &v, out));
    close(out[0], sp_mul(e, v), 0);
}
END_TEST

START_TEST(no_elements_have_derivatives_of_no_elements)
{
    sp_var x = sp_full(t, SP_F64, SP_SHAPE(0, 3), 0), y = sp_tanh(x), out;

    ck_assert(sp_jvp(1, &y, 1, &x, &x, &out));
    ck_assert(sp_shape_equal(sp_var_shape(out), SP_SHAPE(0, 3)));
    ck_assert(sp_eval(1, &out));
    ck_assert(sp_vjp(1, &y, &y, 1, &x, &out) && sp_eval(1, &out));
    ck_assert(sp_vjp(1, &y, &y, 0, NULL, NULL));
}
END_TEST

/* ---- nested ---- */

static sp_var along(of_two *function, sp_var a, sp_var b)
{
    sp_var x[2] = { a, b }, v[2] = { drawn(sp_var_shape(a), 13), drawn(sp_var_shape(b), 14) }, out;
    sp_var y = function(a, b);
    sp_jvp(1, &y, 2, x, v, &out);
    return out;
}
static sp_var jvp_of_f(sp_var a, sp_var b) { return along(f, a, b); }
static sp_var jvp_of_jvp_of_f(sp_var a, sp_var b) { return along(jvp_of_f, a, b); }

static sp_var grad_of(of_two *function, sp_var a, sp_var b)
{
    sp_var g[2], y = sp_sum(sp_square(function(a, b)));
    sp_grad(y, 2, (sp_var[]){ a, b }, g, NULL);
    return sp_add(sp_sum_axes(g[0], SP_AXES(0), false), sp_sum(sp_square(g[1])));
}
static sp_var grad_of_f(sp_var a, sp_var b) { return grad_of(f, a, b); }
static sp_var grad_of_jvp(sp_var a, sp_var b) { return grad_of(jvp_of_f, a, b); }
static sp_var jvp_of_grad(sp_var a, sp_var b) { return along(grad_of_f, a, b); }
static sp_var grad_of_jvp_of_jvp(sp_var a, sp_var b) { return grad_of(jvp_of_jvp_of_f, a, b); }

/* Each differentiated once more, by a jvp and by a gradient, and compared with differences. */
START_TEST(derivatives_nest_in_any_order)
{
    static of_two *const nested[] = {
        jvp_of_f, jvp_of_jvp_of_f, grad_of_f, grad_of_jvp, jvp_of_grad, grad_of_jvp_of_jvp,
    };
    sp_var x[2], v[2], out, ju[2];

    operands(x, v);
    sp_var y = nested[_i](x[0], x[1]), u = drawn(sp_var_shape(y), 7);
    sp_var slope = difference(nested[_i], x, v);
    ck_assert(sp_jvp(1, &y, 2, x, v, &out));
    close(out, slope, 1e-7);
    ck_assert(sp_vjp(1, &y, &u, 2, x, ju));
    close(sp_add(dot(ju[0], v[0]), dot(ju[1], v[1])), dot(slope, u), 1e-7);
}
END_TEST

/* ---- beside hooks and regions ---- */

static sp_var none_of_it(sp_var g, void *calls)
{
    ++*(int *)calls;
    return sp_scale(g, 0);
}

START_TEST(a_jvp_calls_no_hook_and_records_no_region_again)
{
    sp_var x = F64(SP_SHAPE(2), .3, -.4), v = F64(SP_SHAPE(2), 1, 10), out, h;
    int calls = 0;

    sp_region_enter(t);
    h = sp_tanh(x);
    sp_region_leave(t);
    sp_hook(h, none_of_it, &calls);
    sp_var y = sp_square(h);
    ck_assert(sp_jvp(1, &y, 1, &x, &v, &out));
    ck_assert_int_eq(calls, 0);
    close(out, sp_mul(sp_mul(sp_scale(h, 2), sp_one_minus(sp_square(h))), v), 1e-15);
    ck_assert(sp_vjp(1, &y, &v, 1, &x, &out));
    ck_assert_int_eq(calls, 1);
}
END_TEST

/* ---- memory ---- */

/* Bytes at most alive, without inputs, in a jvp by weights, start and inputs of a recurrence
   h' = tanh(x_t W + h U) through T steps; forward values that are there already not counted. */
static int64_t peak_of_steps(int steps, bool evaluated)
{
    enum { B = 4, N = 16 };
    const sp_shape in = SP_SHAPE(steps, B, N), w = SP_SHAPE(N, N), start = SP_SHAPE(B, N);

    sp_tape_free(t);
    t = sp_tape_new(NULL);
    sp_var x[] = { drawn(in, 1), drawn(w, 3), drawn(w, 4), drawn(start, 5) };
    sp_var v[] = { drawn(in, 2), drawn(w, 6), drawn(w, 7), drawn(start, 8) };
    sp_var h = x[3], out;
    for (int k = 0; k < steps; k++) {
        sp_var input = sp_matmul(sp_select(x[0], 0, k), x[1]);
        h = sp_tanh(sp_add(input, sp_matmul(h, sp_scale(x[2], .2))));
    }
    sp_var loss = sp_mean(sp_square(h));
    if (evaluated) ck_assert(sp_eval(1, &loss));
    int64_t before = sp_stats(t).live_bytes;         /* with the numbers that rules make */
    ck_assert(sp_jvp(1, &loss, 4, x, v, &out));
    ck_assert_msg(sp_eval_only(1, &out), "%s", sp_tape_error(t));
    return sp_stats(t).peak_bytes - before;
}

START_TEST(the_memory_of_a_jvp_does_not_grow_with_the_steps)
{
    for (int evaluated = 0; evaluated < 2; evaluated++) {
        int64_t few = peak_of_steps(64, evaluated), many = peak_of_steps(1024, evaluated);
        ck_assert_int_eq(few, many);
        ck_assert_int_gt(few, 0);
        ck_assert_int_lt(many, 16 * 4 * 16 * 8);     /* no more than 16 states */
    }
}
END_TEST

/* The slope of sqrt at 0 is infinite; in the sweep that is only there to be differentiated it is
   0/0. */
START_TEST(eager_mode_computes_of_a_jvp_what_its_result_needs)
{
    for (int eager = 0; eager < 2; eager++) {
        sp_tape_free(t);
        t = sp_tape_new(&(sp_tape_spec){ .eager = eager, .anomaly = SP_ANOMALY_NAN });
        sp_var x = F64(SP_SHAPE(2), 4, 0), v = F64(SP_SHAPE(2), 1, 6), y = sp_sqrt(x), out;
        ck_assert_msg(sp_jvp(1, &y, 1, &x, &v, &out), "%s", sp_tape_error(t));
        const int64_t computed = sp_stats(t).computed;
        ck_assert_double_eq(at(out, 0), .25);
        ck_assert_double_eq(at(out, 1), INFINITY);
        ck_assert_int_eq(sp_stats(t).computed == computed, eager);
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("derivatives");
    TCase *c = tcase_create("derivatives");

    tcase_add_checked_fixture(c, begin, end);
    tcase_add_test(c, a_jvp_is_what_differences_say);
    tcase_add_test(c, a_jvp_and_a_vjp_are_adjoint_for_several_y_and_x);
    tcase_add_test(c, a_vjp_of_one_y_is_a_seeded_gradient);
    tcase_add_test(c, what_y_does_not_depend_on_moves_it_by_zero);
    tcase_add_test(c, y_may_be_an_x_stand_twice_and_x_may_be_no_leaf);
    tcase_add_test(c, no_elements_have_derivatives_of_no_elements);
    tcase_add_loop_test(c, derivatives_nest_in_any_order, 0, 6);
    tcase_add_test(c, a_jvp_calls_no_hook_and_records_no_region_again);
    tcase_add_test(c, the_memory_of_a_jvp_does_not_grow_with_the_steps);
    tcase_add_test(c, eager_mode_computes_of_a_jvp_what_its_result_needs);
    suite_add_tcase(suite, c);
    return run_all(suite);
}
