/* SPDX-License-Identifier: MIT
 *
 * test_check_slopes.c - wrong rules are caught, in ops and in functions made of them.
 */
#include "autograd/derivatives.h"
#include "tests/check_case.h"

/* ---- wrong rules ---- */

static void a_little_off(const sp_pullback *v)
{
    sp_push(v, 0, sp_scale(sp_mul(v->g, slope_of(v->x[0])), 1 + 1e-5));
}
static void sign_off(const sp_pullback *v)
{
    sp_push(v, 0, sp_neg(sp_mul(v->g, slope_of(v->x[0]))));
}
static void pushes_nothing(const sp_pullback *v) { (void)v; }

START_TEST(a_gradient_off_by_one_in_a_hundred_thousand_is_caught)
{
    sp_op wrong = softsign;
    wrong.vjp = a_little_off;
    is_caught(&wrong, "softsign: on \"3x4\": its first derivative by operand 0 at element 0 is ");
}
END_TEST

START_TEST(a_gradient_of_the_wrong_sign_is_caught)
{
    sp_op wrong = softsign;
    wrong.vjp = sign_off;
    is_caught(&wrong, "but differences say");
}
END_TEST

START_TEST(a_gradient_that_is_not_pushed_is_caught)
{
    sp_op wrong = softsign;
    wrong.vjp = pushes_nothing;
    is_caught(&wrong, "first derivative by operand 0");
}
END_TEST

static void no_second(const sp_pullback *v)
{
    sp_push(v, 0, sp_mul(v->g, sp_detach(slope_of(v->x[0]))));
}
static void blind_to_g(const sp_pullback *v)
{
    sp_push(v, 0, sp_mul(sp_detach(v->g), slope_of(v->x[0])));
}

START_TEST(a_wrong_second_derivative_is_caught_where_the_first_is_right)
{
    sp_op wrong = softsign;
    wrong.vjp = no_second;
    is_caught(&wrong, "second derivative by operand 0");
}
END_TEST

START_TEST(a_second_derivative_wrong_by_the_arriving_gradient_is_caught)
{
    sp_op wrong = softsign;
    wrong.vjp = blind_to_g;
    is_caught(&wrong, "second derivative by the arriving gradient");
}
END_TEST

/* ---- a rule without a derivative ---- */

/* 1 / (1 + |x|)^2, and g times that */
SP_CHUNK(flat, 1, 1 / ((1 + (x0 < 0 ? -x0 : x0)) * (1 + (x0 < 0 ? -x0 : x0))))
SP_CHUNK(fused, 2, x1 / ((1 + (x0 < 0 ? -x0 : x0)) * (1 + (x0 < 0 ? -x0 : x0))))
static const sp_op first, flat = {
    .name = "softsign_slope", .n_in = 1, .kernels = SP_CHUNKS(flat), .slope_of = &first,
}, fused = {
    .name = "softsign_pullback", .n_in = 2, .kernels = SP_CHUNKS(fused), .slope_of = &first,
};

static sp_var flat_slope(sp_var x) { return sp_apply(&flat, 1, &x, NULL, NULL); }

static void by_slope(const sp_pullback *v)
{
    sp_push(v, 0, sp_mul(v->g, flat_slope(v->x[0])));
}
static void by_pullback(const sp_pullback *v)
{
    sp_push(v, 0, sp_apply(&fused, SP_VARS(v->x[0], v->g), NULL, NULL));
}
static void blind_by_slope(const sp_pullback *v)
{
    sp_push(v, 0, sp_mul(sp_detach(v->g), flat_slope(v->x[0])));
}

static const sp_op first = {
    .name = "softsign", .n_in = 1, .kernels = SP_CHUNKS(softsign), .vjp = by_slope,
    .first_only = true, .reference = softsign_reference, .samples = softsign_samples,
};

START_TEST(a_rule_without_a_derivative_passes_if_its_record_says_so)
{
    sp_op op = first;
    passes(&op);
    op.vjp = by_pullback;
    passes(&op);
    op.first_only = false;
    is_caught(&op, "its second derivative fails: second derivative of softsign is not implemented");
}
END_TEST

static void flat_reference(const sp_args *a)
{
    const double *x = a->x[0].data;
    for (int64_t i = 0; i < sp_shape_size(a->y.shape); i++)
        ((double *)a->y.data)[i] = pow(1 + fabs(x[i]), -2);
}

START_TEST(a_slope_that_says_whose_it_is_passes_without_a_rule)
{
    sp_op op = flat;
    op.reference = flat_reference, op.samples = softsign_samples;
    passes(&op);
    op.slope_of = NULL;
    is_caught(&op, "it has no vjp");
}
END_TEST

START_TEST(a_second_derivative_that_is_there_is_not_to_be_denied)
{
    sp_op wrong = softsign;
    wrong.first_only = true;
    is_caught(&wrong, "its record says .first_only, so the tape should say");
}
END_TEST

START_TEST(a_rule_that_cannot_be_used_forwards_is_caught)
{
    sp_op wrong = first;
    wrong.vjp = blind_by_slope;
    is_caught(&wrong, "its jvp at element 0 is 0, but differences say");
}
END_TEST

/* What differentiates twice says whose fault it is; what does so once works. */
START_TEST(the_tape_says_which_second_derivative_is_not_implemented)
{
    sp_tape *t = sp_tape_new(NULL);
    sp_var x = sp_const(t, SP_F64, 1), y = sp_apply(&first, 1, &x, NULL, NULL), out;

    ck_assert(sp_jvp(1, &y, 1, &x, &x, &out));
    ck_assert_double_eq(sp_item(out), .25);
    ck_assert(!sp_hvp(y, 1, &x, &x, &out));
    ck_assert_str_eq(sp_tape_error(t), "second derivative of softsign is not implemented");
    ck_assert(sp_is_nothing(out));
    sp_tape_free(t);
}
END_TEST

static void only_in_f64(const sp_pullback *v)
{
    sp_var one = sp_const(v->g.tape, SP_F64, 1);
    sp_push(v, 0, sp_mul(v->g, sp_reciprocal(sp_square(sp_add(sp_abs(v->x[0]), one)))));
}

START_TEST(a_rule_that_works_in_f64_only_is_caught)
{
    sp_op wrong = softsign;
    wrong.vjp = only_in_f64;
    is_caught(&wrong, "the gradient in f32, operands dense, fails: add: ");
}
END_TEST

START_TEST(an_op_without_a_rule_is_caught)
{
    sp_op wrong = softsign;
    wrong.vjp = NULL;
    is_caught(&wrong, "it has no vjp");
}
END_TEST

static void term_missing(const sp_pullback *v)
{
    sp_push(v, 0, sp_mul(v->g, v->x[1]));
    sp_push(v, 1, sp_mul(v->g, v->x[0]));
}
static void second_operand_missing(const sp_pullback *v)
{
    sp_push(v, 0, sp_mul(v->g, sp_shift(v->x[1], 1)));
}
static void better_alone(const sp_pullback *v)
{
    double c = sp_wants(v, 0) && sp_wants(v, 1) ? 1 : 1 + 1e-9;
    if (sp_wants(v, 0)) sp_push(v, 0, sp_scale(sp_mul(v->g, sp_shift(v->x[1], 1)), c));
    if (sp_wants(v, 1)) sp_push(v, 1, sp_mul(v->g, v->x[0]));
}

START_TEST(a_dropped_term_is_caught)
{
    sp_op wrong = blend;
    passes(&blend);
    wrong.vjp = term_missing;
    is_caught(&wrong, "first derivative by operand 0");
}
END_TEST

START_TEST(a_dropped_operand_is_caught)
{
    sp_op wrong = blend;
    wrong.vjp = second_operand_missing;
    is_caught(&wrong, "first derivative by operand 1");
}
END_TEST

START_TEST(a_gradient_that_depends_on_what_else_is_asked_for_is_caught)
{
    sp_op wrong = blend;
    wrong.vjp = better_alone;
    is_caught(&wrong, "by operand 0 has other bits when no other is asked for");
}
END_TEST

/* ---- functions ---- */

static sp_tensor *numbers(sp_shape shape, uint64_t stream)
{
    sp_tensor *x = sp_tensor_new(SP_F64, shape);
    sp_tensor_uniform(x, (sp_random){ 1, stream, 0 }, -1, 1);
    return x;
}

/* Two steps of a plain recurrence: h = tanh(x W + h U). */
static sp_var recurrence(sp_tape *t, int n, const sp_var x[], void *data)
{
    const sp_op *last = data;
    sp_var h = sp_tanh(sp_matmul(x[0], x[1]));

    ck_assert_int_eq(n, 3);
    ck_assert_ptr_eq(x[0].tape, t);
    h = sp_tanh(sp_add(sp_matmul(x[0], x[1]), sp_matmul(h, x[2])));
    return sp_sum(last ? sp_apply(last, 1, &h, NULL, NULL) : sp_square(h));
}

static bool recurrence_passes(const sp_op *last, bool second)
{
    sp_tensor *x[]
        = { numbers(SP_SHAPE(2, 3), 1), numbers(SP_SHAPE(3, 4), 2), numbers(SP_SHAPE(4, 4), 3) };
    sp_tensor *was = sp_tensor_copy(x[1]);
    bool ok = sp_check_function(recurrence, (void *)(uintptr_t)last, 3, x, second, 1e-6, &report);

    ck_assert(sp_tensor_same(x[1], was));
    for (int i = 0; i < 3; i++) sp_tensor_free(x[i]);
    sp_tensor_free(was);
    return ok;
}

START_TEST(a_right_function_passes_first_and_second_order)
{
    ck_assert_msg(recurrence_passes(NULL, true), "%s", report.first);
    ck_assert_int_gt(report.checks, 2 * (6 + 12 + 16));
}
END_TEST

START_TEST(a_wrong_gradient_within_a_function_is_caught)
{
    sp_op wrong = softsign;
    wrong.vjp = a_little_off;
    ck_assert(!recurrence_passes(&wrong, false));
    ck_assert_msg(strstr(report.first, "function: its first derivative by x[0] at element") != NULL,
                  "%s", report.first);
}
END_TEST

START_TEST(a_wrong_second_derivative_within_a_function_is_caught_if_asked_for)
{
    sp_op wrong = softsign;
    wrong.vjp = no_second;
    ck_assert_msg(recurrence_passes(&wrong, false), "%s", report.first);
    ck_assert(!recurrence_passes(&wrong, true));
    ck_assert_msg(strstr(report.first, "function: its second derivative by x[") != NULL, "%s",
                  report.first);
}
END_TEST

static sp_var applied(sp_tape *t, int n, const sp_var x[], void *data)
{
    (void)t, (void)n;
    return sp_sum(sp_apply(data, 1, x, NULL, NULL));
}

START_TEST(many_elements_are_tried_along_a_direction)
{
    sp_op wrong = softsign;
    sp_tensor *x = numbers(SP_SHAPE(30, 10), 5);

    for (int64_t i = 0; i < sp_tensor_size(x); i++) sp_tensor_set(x, i, 2 + sp_tensor_at(x, i));
    ck_assert_msg(sp_check_function(applied, &wrong, 1, &x, true, 1e-8, &report), "%s",
                  report.first);
    wrong.vjp = a_little_off;
    ck_assert(!sp_check_function(applied, &wrong, 1, &x, true, 1e-8, &report));
    ck_assert_msg(strstr(report.first, "x[0] along a direction") != NULL, "%s", report.first);
    sp_tensor_free(x);
}
END_TEST

static sp_var refused(sp_tape *t, int n, const sp_var x[], void *data)
{
    (void)t, (void)n, (void)data;
    return sp_matmul(x[0], x[0]);
}

START_TEST(a_function_that_fails_is_quoted)
{
    sp_tensor *x = numbers(SP_SHAPE(2, 3), 5), *whole = sp_tensor_new(SP_F32, SP_SHAPE(2));

    ck_assert(!sp_check_function(refused, NULL, 1, &x, false, 1e-6, &report));
    ck_assert_msg(strstr(report.first, "inner sizes 3 and 2 differ") != NULL, "%s", report.first);
    begin();
    ck_assert(!sp_check_function(refused, NULL, 1, &whole, false, 1e-6, &report));
    ck_assert_str_eq(report.first, "function: x[0] is f32; differences need f64");
    sp_tensor_free(x);
    sp_tensor_free(whole);
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        a_gradient_off_by_one_in_a_hundred_thousand_is_caught,
        a_gradient_of_the_wrong_sign_is_caught,
        a_gradient_that_is_not_pushed_is_caught,
        a_wrong_second_derivative_is_caught_where_the_first_is_right,
        a_second_derivative_wrong_by_the_arriving_gradient_is_caught,
        a_rule_without_a_derivative_passes_if_its_record_says_so,
        a_slope_that_says_whose_it_is_passes_without_a_rule,
        a_second_derivative_that_is_there_is_not_to_be_denied,
        a_rule_that_cannot_be_used_forwards_is_caught,
        the_tape_says_which_second_derivative_is_not_implemented,
        a_rule_that_works_in_f64_only_is_caught,
        an_op_without_a_rule_is_caught,
        a_dropped_term_is_caught,
        a_dropped_operand_is_caught,
        a_gradient_that_depends_on_what_else_is_asked_for_is_caught,
        a_right_function_passes_first_and_second_order,
        a_wrong_gradient_within_a_function_is_caught,
        a_wrong_second_derivative_within_a_function_is_caught_if_asked_for,
        many_elements_are_tried_along_a_direction,
        a_function_that_fails_is_quoted,
    };

    return run("check_slopes", (int)(sizeof tests / sizeof *tests), tests, NULL, 0);
}
