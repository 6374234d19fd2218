/* SPDX-License-Identifier: MIT
 *
 * test_check.c - the op check has teeth: it passes what is right, and catches wrong kernels,
 * records and samples with a sentence that says where.  test_check_slopes.c has the wrong
 * rules.
 */
#include "tests/check_case.h"

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
static void last_of_many(const sp_args *a)
{
    spoil(a, a->y.shape.dim[0] > 32 ? a->y.shape.dim[0] - 1 : -1);
}
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

static void forgets_stride_0(const sp_args *a)
{
    int64_t n = a->y.shape.dim[0];

    blend_chunk_f64(a);
    if (a->x[1].stride[0] == 0 && n > 1) ((double *)a->y.data)[n - 1] = 0;
}
static const sp_sample only_dense[] = { { .in = "3x4 3x4" }, { 0 } };

START_TEST(a_kernel_that_forgets_broadcasting_is_caught_on_dense_samples)
{
    sp_op wrong = blend;
    wrong.kernels[SP_PORTABLE][SP_F64] = forgets_stride_0;
    wrong.samples = only_dense;
    is_caught(&wrong, "operands broadcast from one value give other bits than dense ones");
}
END_TEST

/* ---- ops that are not elementwise ---- */

static void copy(const sp_args *a)
{
    memcpy(a->y.data, a->x[0].data,
           (size_t)(sp_shape_size(a->y.shape) * sp_dtype_size(a->y.dtype)));
}
static void copy_vjp(const sp_pullback *v) { sp_push(v, 0, v->g); }
static const sp_sample copy_samples[]
    = { { .in = "3x4" }, { .in = "2x3x5" }, { .in = "." }, { .in = "0x2" }, { 0 } };
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

static const struct { sp_sample sample[2]; const char *says;
} bad[] = {
    { { { .in = "3", .fails = "needs f32 or f64" } },
      "it should be refused with \"needs f32 or f64\", not accepted" },
    { { { .in = "3:i32", .fails = "an odd size" } },
      "not \"softsign: [3]: it needs f32 or f64, not i32" },
    { { { .in = "3:i32" } }, "it needs f32 or f64, not i32" },
    { { { .in = "3 3" } }, "takes 1 operand, not 2" },
    { { { .in = "4:5" } }, "\"4:5\" is no shape" },
    { { { .in = "2y3" } }, "\"2y3\" is no shape" },
    { { { .in = "2x" } }, "is no shape" },
    { { { .in = "1x1x1x1x1x1x1" } }, "is no shape" },
    { { { .in = "99999999999x99999999999" } }, "is no shape" },
    { { { .in = "3=1,2" } }, "operand 0 needs 3 numbers" },
    { { { .in = "3=1,2,3,4" } }, "operand 0 needs 3 numbers" },
    { { { .in = "2=1 2" } }, "operand 0 needs 2 numbers" },
    { { { .in = "3=1,2,x" } }, "operand 0 needs 3 numbers" },
    { { { .in = "" } }, "a sample needs an operand" },
    { { { .in = "500", .apart = true } }, "500 numbers do not lie 0.01 apart" },
    { { { .in = "3:i32", .fails = "needs f32 or f64" } }, "all its samples are to be refused" },
};

static void seven_and_nine(const sp_args *a)
{
    const double *x = a->x[0].data;
    bool other = a->y.shape.dim[0] == 2 && (x[0] != 7 || x[1] != 9.5);

    softsign_reference(a);
    if (other) ((double *)a->y.data)[0] = 2;
}

START_TEST(a_sample_may_give_its_elements)
{
    static const sp_sample given[] = { { .in = "2=7,9.5" }, { 0 } };
    static const sp_sample drawn[] = { { .in = "2" }, { 0 } };
    sp_op op = softsign;

    op.reference = seven_and_nine;
    op.samples = given;
    passes(&op);
    op.samples = drawn;
    is_caught(&op, "element 0 is");
}
END_TEST

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

    wrong.vjp = NULL;
    report.tell = count;
    report.data = &heard;
    ck_assert(!sp_check_op(&wrong, &report));
    ck_assert_int_eq(heard, report.failures);
    ck_assert_int_eq(heard, 5);   /* four samples that work, and none at all */
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

int main(void)
{
    const TTest *const tests[] = {
        a_right_op_passes,
        a_report_is_not_needed,
        one_wrong_element_in_the_tail_is_caught,
        a_kernel_wrong_in_f32_only_is_caught,
        a_kernel_wrong_on_one_instruction_set_is_caught,
        a_missing_kernel_is_caught,
        a_kernel_that_gives_other_bits_each_time_is_caught,
        a_result_that_depends_on_the_step_is_caught_unless_it_draws,
        a_kernel_that_forgets_broadcasting_is_caught_on_dense_samples,
        a_kernel_that_claims_to_read_strides_and_does_not_is_caught,
        samples_that_give_zeros_are_doubted,
        an_op_said_to_draw_that_does_not_is_caught,
        a_macro_that_differs_from_its_expansion_is_caught,
        a_macro_whose_rule_differs_from_its_expansions_gradient_is_caught,
        a_macro_without_an_expansion_is_caught,
        an_op_without_samples_reference_or_name_is_caught,
        a_sample_may_give_its_elements,
        every_failure_is_told,
        memory_that_runs_out_ends_the_check_with_a_sentence,
    };

    return run("check", (int)(sizeof tests / sizeof *tests), tests, a_bad_sample_is_caught,
               (int)(sizeof bad / sizeof *bad));
}
