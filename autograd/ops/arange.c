/* SPDX-License-Identifier: MIT
 *
 * arange - numbers in even steps, and what is made of them.
 */
#include "autograd/called.h"
#include "autograd/ops.h"
#include "autograd/ops/records.h"

/* ---- arange: operands start and step ---- */

static bool arange_shape(const sp_call *c, sp_shape *y)
{
    int64_t n = *(const int64_t *)c->attr;

    if (c->shape[0].rank || c->shape[1].rank)
        return sp_refuse(c, "the start and the step must be scalars");
    if (n < 0) return sp_refuse(c, "%lld numbers", (long long)n);
    *y = SP_SHAPE(n);
    return true;
}

/* U: what i step is computed in; whole numbers wrap. */
#define ARANGE(T, U)                                                                \
    static void arange_##T(const sp_args *a)                                        \
    {                                                                               \
        const T *start = a->x[0].data, *step = a->x[1].data;                        \
        T *y = a->y.data;                                                           \
        for (int64_t i = 0; i < a->y.shape.dim[0]; i++)                             \
            y[i] = (T)((U)*start + (U)i * (U)*step);                                \
    }
ARANGE(float, double)
ARANGE(double, double)
ARANGE(int32_t, uint64_t)
ARANGE(int64_t, uint64_t)

static void arange_vjp(const sp_pullback *v)
{
    sp_var i = sp_arange(v->g.tape, sp_var_dtype(v->g), 0, sp_var_dim(v->g, 0), 1);

    sp_push(v, 0, sp_sum(v->g));
    sp_push(v, 1, sp_sum(sp_mul(v->g, i)));
}

static void arange_reference(const sp_args *a)
{
    for (int64_t i = 0; i < a->y.shape.dim[0]; i++) {
        double *y = (double *)a->y.data + i;
        if (sp_is_floating(a->y.dtype))
            *y = *(const double *)a->x[0].data + (double)i * *(const double *)a->x[1].data;
        else
            *(int64_t *)y = *(const int64_t *)a->x[0].data + i * *(const int64_t *)a->x[1].data;
    }
}

static const sp_sample arange_samples[] = {
    { .in = ". .", .attr = &(int64_t){ 5 } }, { .in = ". .", .attr = &(int64_t){ 0 } },
    { .in = ".:i32 .:i32", -3, 4, &(int64_t){ 6 } },
    { .in = ".:i64 .:i64", -3, 4, &(int64_t){ 6 } },
    { .in = ". .", .attr = &(int64_t){ -1 }, .fails = "-1 numbers" },
    { .in = ". .", .attr = &(int64_t){ INT64_MAX }, .fails = "multiply beyond 63 bits" },
    { .in = ". 1", .attr = &(int64_t){ 3 }, .fails = "the start and the step must be scalars" },
    { .in = ".:bool .:bool", 0, 1, &(int64_t){ 3 }, .fails = "needs numbers, not bool" }, { 0 },
};

extern const sp_op sp__op_arange;
const sp_op sp__op_arange = {
    .name = "arange", .maths = "y[i] = start + i step", .kind = SP_OTHER, .n_in = 2,
    .attr_size = sizeof(int64_t), .dtype = sp_dtype_numbers, .shape = arange_shape,
    .kernels = { [SP_PORTABLE] = { [SP_F32] = arange_float, [SP_F64] = arange_double,
                                   [SP_I32] = arange_int32_t, [SP_I64] = arange_int64_t } },
    .vjp = arange_vjp, .reference = arange_reference, .samples = arange_samples,
};

/* Whether the last of n > 0 whole numbers fits the dtype. */
static bool last_fits(sp_dtype dtype, int64_t start, int64_t n, int64_t step)
{
    int64_t last;

    if (!sp_size_mul(n - 1, step, &last) || __builtin_add_overflow(last, start, &last))
        return false;
    return dtype == SP_I64 || (last >= INT32_MIN && last <= INT32_MAX);
}

sp_var sp_arange(sp_tape *tape, sp_dtype dtype, double start, int64_t n, double step)
{
    sp_var from = SP_CALLED_ON(tape, "arange", sp_const(tape, dtype, start));
    sp_var by = SP_CALLED_ON(tape, "arange", sp_const(tape, dtype, step));
    bool whole = dtype == SP_I32 || dtype == SP_I64;

    if (sp_is_nothing(from) || sp_is_nothing(by)) return sp__nothing(tape);
    if (whole && n > 0 && !last_fits(dtype, (int64_t)start, n, (int64_t)step))
        return sp_tape_fail(tape, "%s: the last of %lld numbers from %g in steps of %g is beyond "
                            "%s", sp__called(tape, "arange"), (long long)n, start, step,
                            sp_dtype_name(dtype));
    return sp_apply(&sp__op_arange, SP_VARS(from, by), &n, NULL);
}
