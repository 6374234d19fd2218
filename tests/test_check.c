/* SPDX-License-Identifier: MIT
 *
 * test_check.c - the op check has teeth: it passes what is right, and catches every wrong op
 * below with a sentence that says where.
 */
#include <check.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "autograd/check.h"
#include "autograd/ops.h"
#include "autograd/tape.h"
#include "tensor/alloc.h"

static sp_report report;

static void begin(void) { report = (sp_report){ 0 }; }
static void end(void)   { ck_assert_int_eq(sp_alloc_count().live_blocks, 0); }

static void passes(const sp_op *op)
{
    ck_assert_msg(sp_check_op(op, &report), "%s", report.first);
    ck_assert_int_eq(report.failures, 0);
    ck_assert_int_gt(report.checks, 0);
}

/* It fails, and the first sentence holds these words. */
static void is_caught(const sp_op *op, const char *words)
{
    ck_assert_msg(!sp_check_op(op, &report), "a wrong op passed");
    ck_assert_int_gt(report.failures, 0);
    ck_assert_msg(strstr(report.first, words) != NULL, "\"%s\" says nothing of \"%s\"", report.first, words);
}

/* ---- a right op: softsign ---- */

SP_CHUNK(softsign, 1, x0 / (1 + (x0 < 0 ? -x0 : x0)))

/* 1 / (1 + |x|)^2 */
static sp_var slope_of(sp_var x) { return sp_reciprocal(sp_square(sp_shift(sp_abs(x), 1))); }

static void softsign_vjp(const sp_vjp *v) { sp_push(v, 0, sp_mul(v->g, slope_of(v->x[0]))); }

static void softsign_reference(const sp_args *a)
{
    for (int64_t i = 0; i < sp_shape_size(a->y.shape); i++) {
        double x = ((double *)a->x[0].data)[i];
        ((double *)a->y.data)[i] = x / (1 + fabs(x));
    }
}

static const sp_sample softsign_samples[] = {
    { "3x4", .1, 3 }, { ".", .1, 3 }, { "2x37", -3, -.1 }, { "0x2" },
    { "3:i32", 0, 5, .fails = "needs f32 or f64" }, { 0 },
};

static const sp_op softsign = {
    .name = "softsign", .n_in = 1, .kernels = SP_CHUNKS(softsign), .vjp = softsign_vjp,
    .reference = softsign_reference, .samples = softsign_samples,
};

START_TEST(a_right_op_passes)
{
    passes(&softsign);
    ck_assert_str_eq(report.first, "");
}
END_TEST

START_TEST(a_report_is_not_needed)
{
    sp_op wrong = softsign;
    wrong.vjp = NULL;
    ck_assert(sp_check_op(&softsign, NULL));
    ck_assert(!sp_check_op(&wrong, NULL));
}
END_TEST

/* ---- wrong rules ---- */

static void a_little_off(const sp_vjp *v) { sp_push(v, 0, sp_scale(sp_mul(v->g, slope_of(v->x[0])), 1 + 1e-5)); }
static void sign_off(const sp_vjp *v)     { sp_push(v, 0, sp_neg(sp_mul(v->g, slope_of(v->x[0])))); }
static void pushes_nothing(const sp_vjp *v) { (void)v; }

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

static void no_second(const sp_vjp *v) { sp_push(v, 0, sp_mul(v->g, sp_detach(slope_of(v->x[0])))); }
static void blind_to_g(const sp_vjp *v) { sp_push(v, 0, sp_mul(sp_detach(v->g), slope_of(v->x[0]))); }

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

static void only_in_f64(const sp_vjp *v)
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

/* x y + x, of two operands */
SP_CHUNK(blend, 2, x0 * x1 + x0)
static void blend_reference(const sp_args *a)
{
    for (int64_t i = 0; i < sp_shape_size(a->y.shape); i++) {
        double x = ((double *)a->x[0].data)[i], y = ((double *)a->x[1].data)[i];
        ((double *)a->y.data)[i] = x * (y + 1);
    }
}
static void blend_vjp(const sp_vjp *v)
{
    if (sp_wants(v, 0)) sp_push(v, 0, sp_mul(v->g, sp_shift(v->x[1], 1)));
    if (sp_wants(v, 1)) sp_push(v, 1, sp_mul(v->g, v->x[0]));
}
static void term_missing(const sp_vjp *v)
{
    sp_push(v, 0, sp_mul(v->g, v->x[1]));
    sp_push(v, 1, sp_mul(v->g, v->x[0]));
}
static void second_operand_missing(const sp_vjp *v)
{
    sp_push(v, 0, sp_mul(v->g, sp_shift(v->x[1], 1)));
}
static void better_alone(const sp_vjp *v)
{
    double c = sp_wants(v, 0) && sp_wants(v, 1) ? 1 : 1 + 1e-9;
    if (sp_wants(v, 0)) sp_push(v, 0, sp_scale(sp_mul(v->g, sp_shift(v->x[1], 1)), c));
    if (sp_wants(v, 1)) sp_push(v, 1, sp_mul(v->g, v->x[0]));
}
static const sp_sample blend_samples[] = {
    { "3x4 3x4" }, { "3x1 4" }, { ". 20" }, { "2x3 4x3", .fails = "sizes 2 and 4 differ" }, { 0 },
};
static const sp_op blend = {
    .name = "blend", .n_in = 2, .kernels = SP_CHUNKS(blend), .vjp = blend_vjp,
    .reference = blend_reference, .samples = blend_samples,
};

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

/* ---- wrong kernels ---- */

/* The right kernel, then one element spoilt. */
static void spoil(const sp_args *a, int64_t i)
{
    if (a->y.dtype == SP_F64) softsign_chunk_f64(a);
    else softsign_chunk_f32(a);
    if (i < 0 || i >= a->y.shape.dim[0]) return;
    if (a->y.dtype == SP_F64) ((double *)a->y.data)[i] *= 1 + 1e-9;
    else ((float *)a->y.data)[i] *= 1 + 1e-4f;
}
static void last_of_many(const sp_args *a) { spoil(a, a->y.shape.dim[0] > 32 ? a->y.shape.dim[0] - 1 : -1); }
static void first_of_all(const sp_args *a) { spoil(a, 0); }

START_TEST(one_wrong_element_in_the_tail_is_caught)
{
    sp_op wrong = softsign;
    wrong.kernels[SP_PORTABLE][SP_F64] = last_of_many;
    is_caught(&wrong, "softsign: on \"2x37\": f64 portable: element 73 is ");
}
END_TEST

START_TEST(a_kernel_wrong_in_f32_only_is_caught)
{
    sp_op wrong = softsign;
    wrong.kernels[SP_PORTABLE][SP_F32] = first_of_all;
    is_caught(&wrong, "f32 portable: element 0 is ");
}
END_TEST

START_TEST(a_kernel_wrong_on_one_instruction_set_is_caught)
{
    sp_op wrong = softsign;
    sp_isa isa = SP_PORTABLE;

    for (int i = SP_PORTABLE + 1; i < SP_N_ISAS; i++)
        if (sp_isa_usable((sp_isa)i)) isa = (sp_isa)i;
    wrong.kernels[isa][SP_F64] = first_of_all;
    is_caught(&wrong, sp_isa_name(isa));
}
END_TEST

START_TEST(a_missing_kernel_is_caught)
{
    sp_op wrong = softsign;
    wrong.kernels[SP_PORTABLE][SP_F32] = NULL;
    is_caught(&wrong, "no kernel for this dtype");
}
END_TEST

static int calls;
static void another_each_time(const sp_args *a)
{
    softsign_chunk_f64(a);
    if (a->y.shape.dim[0] > 0 && calls++ % 2) *(double *)a->y.data *= 1 + 0x1p-52;
}

START_TEST(a_kernel_that_gives_other_bits_each_time_is_caught)
{
    sp_op wrong = softsign;
    wrong.kernels[SP_PORTABLE][SP_F64] = another_each_time;
    is_caught(&wrong, "computed twice, it gives different bits");
}
END_TEST

static void by_step(const sp_args *a)
{
    softsign_chunk_f64(a);
    if (a->y.shape.dim[0] > 0 && a->random.step % 2) *(double *)a->y.data *= 1 + 0x1p-52;
}

START_TEST(a_result_that_depends_on_the_step_is_caught_unless_it_draws)
{
    sp_op wrong = softsign;
    wrong.kernels[SP_PORTABLE][SP_F64] = by_step;
    is_caught(&wrong, "computed twice, it gives different bits");
}
END_TEST

static void takes_stride_1(const sp_args *a)
{
    sp_operand x[] = { a->x[0], a->x[1] };
    sp_args dense = *a;

    x[1].stride[0] = x[1].stride[0] || a->y.shape.dim[0] > 4 ? x[1].stride[0] : 1;
    dense.x = x;
    blend_chunk_f64(&dense);
}
static const sp_sample only_dense[] = { { "3x4 3x4" }, { 0 } };

START_TEST(a_kernel_that_forgets_broadcasting_is_caught_on_dense_samples)
{
    sp_op wrong = blend;
    wrong.kernels[SP_PORTABLE][SP_F64] = takes_stride_1;
    wrong.samples = only_dense;
    is_caught(&wrong, "operands broadcast along the last axis give other bits than dense ones");
}
END_TEST

/* ---- ops that are not elementwise ---- */

static void copy(const sp_args *a)
{
    memcpy(a->y.data, a->x[0].data, (size_t)(sp_shape_size(a->y.shape) * sp_dtype_size(a->y.dtype)));
}
static void copy_vjp(const sp_vjp *v) { sp_push(v, 0, v->g); }
static const sp_sample copy_samples[] = { { "3x4" }, { "2x3x5" }, { "." }, { "0x2" }, { 0 } };
static const sp_op copied = {
    .name = "copied", .kind = SP_OTHER, .n_in = 1, .kernels = { { copy, copy } }, .vjp = copy_vjp,
    .reference = copy, .samples = copy_samples,
};

START_TEST(a_kernel_that_claims_to_read_strides_and_does_not_is_caught)
{
    sp_op wrong = copied;
    passes(&copied);
    wrong.strided = true;
    is_caught(&wrong, "operands permuted give other bits than dense ones");
}
END_TEST

static void clear(const sp_args *a)
{
    memset(a->y.data, 0, (size_t)(sp_shape_size(a->y.shape) * sp_dtype_size(a->y.dtype)));
}

START_TEST(samples_that_give_zeros_are_doubted)
{
    sp_op vain = copied;
    vain.kernels[SP_PORTABLE][SP_F32] = vain.kernels[SP_PORTABLE][SP_F64] = vain.reference = clear;
    is_caught(&vain, "12 of its 12 results are 0");
}
END_TEST

START_TEST(an_op_said_to_draw_that_does_not_is_caught)
{
    sp_op wrong = copied;
    wrong.random = true;
    is_caught(&wrong, "it draws, but the same in every step");
}
END_TEST

/* ---- macros ---- */

static sp_var copied_expand(int n, const sp_var x[], const void *attr, const double *scalar)
{
    (void)n, (void)attr, (void)scalar;
    return sp_scale(x[0], 1);
}
static sp_var other_expand(int n, const sp_var x[], const void *attr, const double *scalar)
{
    (void)n, (void)attr, (void)scalar;
    return sp_scale(x[0], 1 + 1e-10);
}
static sp_var detached_expand(int n, const sp_var x[], const void *attr, const double *scalar)
{
    (void)n, (void)attr, (void)scalar;
    return sp_detach(x[0]);
}
static const sp_op macro = {
    .name = "macro", .kind = SP_MACRO, .n_in = 1, .kernels = { { copy, copy } }, .vjp = copy_vjp,
    .expand = copied_expand, .reference = copy, .samples = copy_samples,
};

START_TEST(a_macro_that_differs_from_its_expansion_is_caught)
{
    sp_op wrong = macro;
    passes(&macro);
    wrong.expand = other_expand;
    is_caught(&wrong, "but the expansion says");
}
END_TEST

START_TEST(a_macro_whose_rule_differs_from_its_expansions_gradient_is_caught)
{
    sp_op wrong = macro;
    wrong.expand = detached_expand;
    is_caught(&wrong, "its gradient and that of the expansion differ");
}
END_TEST

START_TEST(a_macro_without_an_expansion_is_caught)
{
    sp_op wrong = macro;
    wrong.expand = NULL;
    is_caught(&wrong, "macro: a macro needs an expansion");
}
END_TEST

/* ---- records and samples ---- */

START_TEST(an_op_without_samples_reference_or_name_is_caught)
{
    sp_op wrong = softsign;

    wrong.samples = NULL;
    is_caught(&wrong, "softsign: it has no samples");
    wrong = softsign, begin();
    wrong.reference = NULL;
    is_caught(&wrong, "softsign: it has no reference");
    wrong = softsign, begin();
    wrong.name = NULL;
    is_caught(&wrong, "no name");
    begin();
    is_caught(NULL, "no record");
}
END_TEST

static const struct { sp_sample sample[2]; const char *says; } bad[] = {
    { { { "3", .fails = "needs f32 or f64" } }, "it should be refused with \"needs f32 or f64\", not accepted" },
    { { { "3:i32", .fails = "an odd size" } }, "not \"softsign: [3]: it needs f32 or f64, not i32" },
    { { { "3:i32" } }, "it needs f32 or f64, not i32" },
    { { { "3 3" } }, "takes 1 operand, not 2" },
    { { { "4:5" } }, "\"4:5\" is no shape" },
    { { { "2y3" } }, "\"2y3\" is no shape" },
    { { { "2x" } }, "is no shape" },
    { { { "1x1x1x1x1x1x1" } }, "is no shape" },
    { { { "99999999999x99999999999" } }, "is no shape" },
    { { { "" } }, "a sample needs an operand" },
    { { { "500", .apart = true } }, "500 numbers do not lie 0.01 apart" },
    { { { "3:i32", .fails = "needs f32 or f64" } }, "all its samples are to be refused" },
};

START_TEST(a_bad_sample_is_caught)
{
    sp_op wrong = softsign;
    wrong.samples = bad[_i].sample;
    is_caught(&wrong, bad[_i].says);
}
END_TEST

static void count(const char *sentence, void *data)
{
    ck_assert_ptr_nonnull(strstr(sentence, "softsign"));
    ++*(int *)data;
}

START_TEST(every_failure_is_told)
{
    int heard = 0;
    sp_op wrong = softsign;

    wrong.vjp = sign_off;
    report.tell = count;
    report.data = &heard;
    ck_assert(!sp_check_op(&wrong, &report));
    ck_assert_int_eq(heard, report.failures);
    ck_assert_int_eq(heard, 3);
}
END_TEST

START_TEST(memory_that_runs_out_ends_the_check_with_a_sentence)
{
    if (!sp_alloc_fail(-1, false)) return;
    for (int n = 0; n < 4000; n += n < 300 ? 1 : 37) {
        begin();
        sp_alloc_fail(n, true);
        ck_assert(!sp_check_op(&blend, &report));
        sp_alloc_fail(-1, false);
        ck_assert_msg(strstr(report.first, "memory") != NULL, "%s", report.first);
        end();
    }
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
    sp_tensor *x[] = { numbers(SP_SHAPE(2, 3), 1), numbers(SP_SHAPE(3, 4), 2), numbers(SP_SHAPE(4, 4), 3) };
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
    ck_assert_msg(strstr(report.first, "function: its second derivative by x[") != NULL, "%s", report.first);
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
    ck_assert_msg(sp_check_function(applied, &wrong, 1, &x, true, 1e-8, &report), "%s", report.first);
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
    Suite *suite = suite_create("check");
    TCase *ops = tcase_create("ops");
    SRunner *runner = srunner_create(suite);
    const TTest *const tests[] = {
        a_right_op_passes, a_report_is_not_needed, a_gradient_off_by_one_in_a_hundred_thousand_is_caught,
        a_gradient_of_the_wrong_sign_is_caught, a_gradient_that_is_not_pushed_is_caught,
        a_wrong_second_derivative_is_caught_where_the_first_is_right,
        a_second_derivative_wrong_by_the_arriving_gradient_is_caught, a_rule_that_works_in_f64_only_is_caught,
        an_op_without_a_rule_is_caught, a_dropped_term_is_caught, a_dropped_operand_is_caught,
        a_gradient_that_depends_on_what_else_is_asked_for_is_caught, one_wrong_element_in_the_tail_is_caught,
        a_kernel_wrong_in_f32_only_is_caught, a_kernel_wrong_on_one_instruction_set_is_caught,
        a_missing_kernel_is_caught, a_kernel_that_gives_other_bits_each_time_is_caught,
        a_result_that_depends_on_the_step_is_caught_unless_it_draws,
        a_kernel_that_forgets_broadcasting_is_caught_on_dense_samples,
        a_kernel_that_claims_to_read_strides_and_does_not_is_caught, samples_that_give_zeros_are_doubted,
        an_op_said_to_draw_that_does_not_is_caught, a_macro_that_differs_from_its_expansion_is_caught,
        a_macro_whose_rule_differs_from_its_expansions_gradient_is_caught,
        a_macro_without_an_expansion_is_caught, an_op_without_samples_reference_or_name_is_caught,
        every_failure_is_told, memory_that_runs_out_ends_the_check_with_a_sentence,
        a_right_function_passes_first_and_second_order, a_wrong_gradient_within_a_function_is_caught,
        a_wrong_second_derivative_within_a_function_is_caught_if_asked_for,
        many_elements_are_tried_along_a_direction, a_function_that_fails_is_quoted,
    };

    tcase_add_checked_fixture(ops, begin, end);
    for (size_t i = 0; i < sizeof tests / sizeof *tests; i++) tcase_add_test(ops, tests[i]);
    tcase_add_loop_test(ops, a_bad_sample_is_caught, 0, (int)(sizeof bad / sizeof *bad));
    suite_add_tcase(suite, ops);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
