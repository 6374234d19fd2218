/* SPDX-License-Identifier: MIT
 *
 * test_grad.c - what sp_grad means: seeds, stops, lists, zeros, higher orders.
 */
#include <check.h>
#include <math.h>
#include <string.h>
#include "autograd/node.h"
#include "autograd/ops.h"
#include "tensor/alloc.h"
#include "tests/suite.h"

static sp_tape *t;

static void begin(void) { t = sp_tape_new(NULL); }
static void end(void)   { sp_tape_free(t); ck_assert_int_eq(sp_alloc_count().live_blocks, 0); }

static sp_var data(sp_shape shape, const double *x)
{
    sp_tensor *tensor = sp_tensor_from(SP_F64, shape, x);
    sp_var v = sp_input(t, tensor);
    sp_tensor_free(tensor);
    return v;
}

static sp_var number(double x) { return data(SP_SCALAR, &x); }

static sp_var slope(sp_var y, sp_var x)
{
    sp_var g;
    sp_grad(y, 1, &x, &g, NULL);
    return g;
}

START_TEST(the_gradient_of_a_gradient_is_the_same_call_again)
{
    sp_var x = number(0.7), y = sp_mul(sp_square(x), sp_square(x));   /* x^4 */
    const double expected[] = { 4 * 0.343, 12 * 0.49, 24 * 0.7, 24, 0 };

    for (int order = 0; order < 5; order++) {
        y = slope(y, x);
        ck_assert_double_eq_tol(sp_item(y), expected[order], 1e-12);
    }
    ck_assert_ptr_null(sp_tape_error(t));
}
END_TEST

START_TEST(a_recorded_gradient_computes_nothing)
{
    slope(sp_tanh(number(1)), number(2));
    ck_assert_int_eq(sp_stats(t).computed, 0);
}
END_TEST

START_TEST(a_seed_makes_it_a_vector_jacobian_product)
{
    sp_var x = data(SP_SHAPE(3), (double[]){ 1, 2, 3 }), g;
    sp_grad_spec spec = { .seed = data(SP_SHAPE(3), (double[]){ 10, 0, -1 }) };

    ck_assert(sp_grad(sp_square(x), 1, &x, &g, &spec));
    const sp_tensor *v = sp_value(g);
    ck_assert_double_eq(sp_tensor_at(v, 0), 20);
    ck_assert_double_eq(sp_tensor_at(v, 1), 0);
    ck_assert_double_eq(sp_tensor_at(v, 2), -6);
}
END_TEST

START_TEST(a_seed_that_does_not_fit_or_is_missing_is_refused)
{
    sp_var x = data(SP_SHAPE(3), (double[]){ 1, 2, 3 }), g;

    ck_assert(!sp_grad(sp_square(x), 1, &x, &g, NULL));
    ck_assert(sp_is_nothing(g));
    ck_assert_ptr_nonnull(strstr(sp_tape_error(t), "grad: [3]: y has 3 elements; give a seed"));
    sp_tape_reset(t);
    x = number(1);
    ck_assert(!sp_grad(sp_square(x), 1, &x, &g,
                       &(sp_grad_spec){ .seed = data(SP_SHAPE(1), (double[]){ 1 }) }));
    ck_assert_str_eq(sp_tape_error(t), "grad: the seed is f64[1] and y is f64[]");
}
END_TEST

START_TEST(only_floating_vars_have_gradients)
{
    sp_var i = sp_const(t, SP_I32, 3), g;
    ck_assert(!sp_grad(number(1), 1, &i, &g, NULL));
    ck_assert_str_eq(sp_tape_error(t),
                     "grad: what it is asked by is i32; only f32 and f64 have gradients");
}
END_TEST

START_TEST(what_y_does_not_depend_on_has_a_zero_without_storage)
{
    sp_var x = number(1), z = data(SP_SHAPE(2, 3), (double[6]){ 0 }), wrt[] = { x, z }, g[2];

    ck_assert(sp_grad(sp_exp(x), 2, wrt, g, NULL));
    ck_assert_int_eq(sp_var_shape(g[1]).dim[1], 3);
    const sp_tensor *v = sp_value(g[1]);
    for (int i = 0; i < 6; i++) ck_assert_double_eq(sp_tensor_at(v, i), 0);
    ck_assert_uint_ne(t->beside[g[1].id].base, g[1].id);      /* a view of one number */
}
END_TEST

START_TEST(a_stop_cuts_the_sweep_and_no_graph)
{
    sp_var x = number(0.3), h = sp_square(x), y = sp_add(sp_mul(h, x), h), g;
    sp_grad_spec stop = { .n_stop = 1, .stop = &h };

    ck_assert(sp_grad(y, 1, &x, &g, &stop));
    ck_assert_double_eq_tol(sp_item(g), 0.09, 1e-15);              /* only x itself, by h x */
    ck_assert_double_eq_tol(sp_item(slope(y, x)), 3 * 0.09 + 2 * 0.3, 1e-15);
    ck_assert(sp_grad(y, 1, &h, &g, &stop));
    ck_assert_double_eq_tol(sp_item(g), 1.3, 1e-15);               /* a stop may be asked by */
}
END_TEST

START_TEST(detach_lets_the_value_through_and_no_gradient)
{
    sp_var x = number(0.3), y = sp_mul(sp_detach(sp_square(x)), x);

    ck_assert_double_eq_tol(sp_item(y), 0.027, 1e-15);
    ck_assert_double_eq_tol(sp_item(slope(y, x)), 0.09, 1e-15);
}
END_TEST

START_TEST(gradients_of_a_value_and_of_what_lies_behind_it_come_in_one_sweep)
{
    sp_var x = number(2), h = sp_square(x), y = sp_mul(h, h), wrt[] = { h, x }, g[2];

    ck_assert(sp_grad(y, 2, wrt, g, NULL));
    ck_assert_double_eq(sp_item(g[0]), 8);
    ck_assert_double_eq(sp_item(g[1]), 32);
}
END_TEST

START_TEST(many_uses_become_one_sum_and_slices_one_buffer)
{
    enum { N = 50 };
    double zeros[N] = { 0 };
    sp_var x = data(SP_SHAPE(N), zeros), y = number(0), g;

    for (int i = 0; i < N; i++) y = sp_add(y, sp_scale(sp_select(x, 0, i), i));
    int64_t before = sp_stats(t).nodes;
    ck_assert(sp_grad(y, 1, &x, &g, NULL));
    ck_assert_int_eq(sp__op(t, g.id)->kind, SP_SUM);
    ck_assert_int_le(sp_stats(t).nodes - before, 6 * N + 6);
    int64_t computed = sp_stats(t).computed;
    const sp_tensor *v = sp_value(g);
    for (int i = 0; i < N; i++) ck_assert_double_eq(sp_tensor_at(v, i), i);
    ck_assert_int_le(sp_stats(t).computed - computed, N + 1);   /* no zero-padded slice */
}
END_TEST

/* The sum over a list of products, as one chain of multiply-adds in list order. */
START_TEST(a_sum_of_products_continues_one_chain)
{
    enum { T = 5, K = 3 };
    double a[T][K], b[T][K], chain = 0;
    sp_var terms[T];

    for (int i = 0; i < T; i++) {
        for (int k = 0; k < K; k++) {
            a[i][k] = sin(3. * i + k), b[i][k] = cos(2. * i - k) / 3;
            chain =
                t->isa == SP_PORTABLE ? chain + a[i][k] * b[i][k] : fma(a[i][k], b[i][k], chain);
        }
        terms[i] = sp_matmul(data(SP_SHAPE(1, K), a[i]), data(SP_SHAPE(K, 1), b[i]));
    }
    sp_var sum = sp_add_n(T, terms);
    ck_assert_double_eq(sp_item(sum), chain);
    sp_eval(T, terms);                       /* asking for the products changes no bit */
    sp_var again = sp_add_n(T, terms);
    ck_assert_double_eq(sp_item(again), chain);
}
END_TEST

START_TEST(broadcasting_is_undone_by_sums)
{
    sp_var row = data(SP_SHAPE(3), (double[]){ 1, 2, 3 });
    sp_var column = data(SP_SHAPE(2, 1), (double[]){ 10, 20 });
    sp_var wrt[] = { row, column }, g[2];

    ck_assert(sp_grad(sp_sum(sp_mul(row, column)), 2, wrt, g, NULL));
    ck_assert_int_eq(sp_var_shape(g[1]).rank, 2);
    ck_assert_double_eq(sp_tensor_at(sp_value(g[0]), 2), 30);
    ck_assert_double_eq(sp_tensor_at(sp_value(g[1]), 1), 6);
}
END_TEST

START_TEST(a_gradient_that_nobody_asked_for_is_not_recorded)
{
    sp_var a = number(1), b = number(2), y = sp_div(a, b), g;
    int64_t before = sp_stats(t).nodes;

    sp_grad(y, 1, &a, &g, NULL);                 /* seed, its broadcast, g / b */
    ck_assert_int_le(sp_stats(t).nodes - before, 3);
}
END_TEST

static const sp_op no_rule = { .name = "no_rule", .kind = SP_VIEW, .n_in = 1 };

static bool same_view(const sp_call *c, const sp_layout *x, sp_shape y, sp_layout *to)
{
    (void)c, (void)y;
    *to = *x;
    return true;
}

START_TEST(a_missing_rule_or_kernel_is_a_sentence)
{
    sp_op op = no_rule;
    op.view = same_view;
    sp_var x = number(1), y = sp_apply(&op, 1, &x, NULL, NULL), g;

    ck_assert_double_eq(sp_item(y), 1);
    ck_assert(!sp_grad(y, 1, &x, &g, NULL));
    ck_assert_str_eq(sp_tape_error(t),
                     "no_rule: its gradient is not implemented: the record has no vjp");
    sp_tape_reset(t);
    op.kind = SP_ELEMENTWISE;
    x = number(1);
    ck_assert(isnan(sp_item(sp_apply(&op, 1, &x, NULL, NULL))));
    ck_assert_str_eq(sp_tape_error(t), "no_rule: []: it has no kernel for this dtype");
}
END_TEST

/* y = x0 x1^2 with a number of its own, as a user would write it. */
SP_CHUNK(scaled, 2, s[0] * x0 * x1 * x1)
static void scaled_vjp(const sp_pullback *v)
{
    sp_var g = sp_scale(v->g, v->scalar[0]);
    sp_push(v, 0, sp_mul(g, sp_square(v->x[1])));
    sp_push(v, 1, sp_mul(g, sp_mul(sp_scale(v->x[0], 2), v->x[1])));
}
static const sp_op scaled = { .name = "scaled", .kind = SP_ELEMENTWISE, .n_in = 2, .n_scalars = 1,
                              .kernels = SP_CHUNKS(scaled), .vjp = scaled_vjp };

START_TEST(an_op_of_the_users_own_broadcasts_and_is_differentiated_twice)
{
    double c = 3;
    sp_var a = data(SP_SHAPE(2, 1), (double[]){ 1, 2 }), b = data(SP_SHAPE(2), (double[]){ 5, 7 });
    sp_var y = sp_sum(sp_apply(&scaled, SP_VARS(a, b), NULL, &c));

    ck_assert_double_eq(sp_item(y), 3 * (1 + 2) * (25 + 49));
    sp_var g = slope(y, b);
    ck_assert_double_eq(sp_tensor_at(sp_value(g), 1), 3 * 3 * 14);
    ck_assert_double_eq(sp_tensor_at(sp_value(slope(sp_sum(g), b)), 0), 3 * 3 * 2);
}
END_TEST

/* x0 tanh(x0 + x1) as a macro that leaves its gradient to the expansion. */
static sp_var gated(int n, const sp_var x[], const void *attr, const double *scalar)
{
    (void)n, (void)attr, (void)scalar;
    return sp_mul(x[0], sp_tanh(sp_add(x[0], x[1])));
}

static void gated_kernel(const sp_args *a)
{
    const double *x = a->x[0].data, *y = a->x[1].data;
    for (int64_t i = 0; i < sp_shape_size(a->y.shape); i++)
        ((double *)a->y.data)[i] = x[i] * tanh(x[i] + y[i]);
}

static const sp_op gated_op = { .name = "gated", .kind = SP_MACRO, .n_in = 2, .expand = gated,
                                .kernels = { [SP_PORTABLE] = { [SP_F64] = gated_kernel } } };

START_TEST(a_macro_without_a_rule_is_differentiated_through_its_expansion)
{
    sp_var a = number(0.4), b = sp_square(a), y = sp_apply(&gated_op, SP_VARS(a, b), NULL, NULL);
    double u = 0.4 + 0.16, s = 1 - tanh(u) * tanh(u), du = 1.8;      /* u = a + a^2 */
    sp_var g = slope(y, a);

    ck_assert_double_eq_tol(sp_item(y), 0.4 * tanh(u), 1e-15);
    ck_assert_double_eq_tol(sp_item(g), tanh(u) + 0.4 * s * du, 1e-14);
    ck_assert_double_eq_tol(sp_item(slope(g, a)),
                            2 * s * du + 0.4 * (-2 * tanh(u) * s * du * du + s * 2), 1e-14);
}
END_TEST

START_TEST(only_what_lies_between_is_differentiated)
{
    sp_var x = number(0.3), z = sp_detach(x), y = sp_square(z), g;

    ck_assert(sp_grad(y, 1, &z, &g, NULL));                /* no rule of detach is needed */
    ck_assert_double_eq_tol(sp_item(g), 0.6, 1e-15);
    sp_var h = sp_tanh(x);
    y = sp_neg(h);
    int64_t before = sp_stats(t).nodes;
    ck_assert(sp_grad(y, 1, &h, &g, NULL));
    ck_assert_int_le(sp_stats(t).nodes - before, 3);  /* seed, its broadcast, -g */
}
END_TEST

START_TEST(the_gradient_stops_where_numbers_become_whole)
{
    sp_var x = number(2.7), i = sp_cast(x, SP_I64), y = sp_mul(sp_cast(i, SP_F64), x);

    ck_assert_double_eq(sp_item(slope(y, x)), 2);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("grad");
    TCase *c = tcase_create("grad");
    const TTest *tests[] = {
        the_gradient_of_a_gradient_is_the_same_call_again, a_recorded_gradient_computes_nothing,
        a_seed_makes_it_a_vector_jacobian_product,
        a_seed_that_does_not_fit_or_is_missing_is_refused, only_floating_vars_have_gradients,
        what_y_does_not_depend_on_has_a_zero_without_storage, a_stop_cuts_the_sweep_and_no_graph,
        detach_lets_the_value_through_and_no_gradient,
        gradients_of_a_value_and_of_what_lies_behind_it_come_in_one_sweep,
        many_uses_become_one_sum_and_slices_one_buffer, a_sum_of_products_continues_one_chain,
        broadcasting_is_undone_by_sums, a_gradient_that_nobody_asked_for_is_not_recorded,
        a_missing_rule_or_kernel_is_a_sentence,
        an_op_of_the_users_own_broadcasts_and_is_differentiated_twice,
        a_macro_without_a_rule_is_differentiated_through_its_expansion,
        only_what_lies_between_is_differentiated, the_gradient_stops_where_numbers_become_whole,
    };

    tcase_add_checked_fixture(c, begin, end);
    for (size_t i = 0; i < sizeof tests / sizeof *tests; i++) tcase_add_test(c, tests[i]);
    suite_add_tcase(s, c);
    return run_all(s);
}
