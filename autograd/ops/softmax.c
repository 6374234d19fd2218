/* SPDX-License-Identifier: MIT
 *
 * softmax - softmax, its logarithm, and the logarithm of its denominator, along the last axis.
 *
 * The largest is taken off first, so nothing overflows.  A row that is -inf throughout has no
 * probabilities: softmax and log_softmax are NaN there, logsumexp is -inf.
 */
#include "autograd/ops.h"
#include "autograd/ops/class_row.h"
#include "autograd/ops/records.h"

typedef struct rows { int64_t count, n; } rows;

static rows rows_of(const sp_operand *x)
{
    rows r = { 1, x->shape.dim[x->shape.rank - 1] };
    for (int d = 0; d + 1 < x->shape.rank; d++) r.count *= x->shape.dim[d];
    return r;
}

#define ROWS(OP, T, type, STEP, ROW)                                                \
    sp_kernel KERNEL(OP, type);                                                     \
    void KERNEL(OP, type)(const sp_args *a)                                         \
    {                                                                               \
        rows r = rows_of(&a->x[0]);                                                 \
        const T *x = a->x[0].data;                                                  \
        T *y = a->y.data;                                                           \
        for (int64_t i = 0; i < r.count; i++, x += r.n, y += STEP) ROW(x, y, r.n);  \
    }
#define KERNELS(T, type)                                                            \
    static void log_row_##type(const T *x, T *y, int64_t n)                         \
    {                                                                               \
        T top = class_top_##type(x, n);                                             \
        T log_weight = class_log_##type(class_weight_##type(x, n, top));            \
        for (int64_t i = 0; i < n; i++) y[i] = (x[i] - top) - log_weight;           \
    }                                                                               \
    static void sum_row_##type(const T *x, T *y, int64_t n)                         \
    {                                                                               \
        T top = class_top_##type(x, n);                                             \
        if (top - top != 0) top = 0;                     /* infinite: takes nothing off */ \
        *y = top + class_log_##type(class_weight_##type(x, n, top));                \
    }                                                                               \
    ROWS(softmax, T, type, r.n, class_softmax_##type)                               \
    ROWS(log_softmax, T, type, r.n, log_row_##type)                                 \
    ROWS(logsumexp, T, type, 1, sum_row_##type)
KERNELS(float, f32)
KERNELS(double, f64)

#ifdef SP_RECORDS
SP_DECLARE(softmax)
SP_DECLARE(log_softmax)
SP_DECLARE(logsumexp)

static bool same_shape(const sp_call *c, sp_shape *y)
{
    *y = c->shape[0];
    return y->rank > 0 ? true : sp_refuse(c, "a scalar has no last axis");
}

static bool without_last(const sp_call *c, sp_shape *y)
{
    if (!same_shape(c, y)) return false;
    y->dim[--y->rank] = 0;
    return true;
}

static const sp_axes last = { 1, { -1 } };

/* The largest of each row; what it is makes no difference to the value, so no gradient passes. */
static sp_var top_of(sp_var x)
{
    return sp_var_dim(x, -1) == 0 ? sp_number(x, 0) : sp_detach(sp_max_axes(x, last, true));
}

/* ---- softmax ---- */

static sp_var softmax_expand(int n, const sp_var x[], const void *attr, const double *scalar)
{
    sp_var e = sp_exp(sp_sub(x[0], top_of(x[0])));

    (void)n, (void)attr, (void)scalar;
    return sp_div(e, sp_sum_axes(e, last, true));
}

/* y (g - sum g y) */
static void softmax_vjp(const sp_pullback *v)
{
    sp_push(v, 0, sp_mul(v->y, sp_sub(v->g, sp_sum_axes(sp_mul(v->g, v->y), last, true))));
}

/* What a row's elements e^x sum to, in terms of that of element i: 1 / softmax. */
static double sum_in_terms_of(int64_t i, const sp_operand *x)
{
    int64_t n = rows_of(x).n;
    const double *all = x->data, *row = all + i / n * n;
    double sum = 0;

    for (int64_t j = 0; j < n; j++) sum += exp(row[j] - all[i]);
    return sum;
}

static void softmax_reference(const sp_args *a)
{
    for (int64_t i = 0; i < sp_shape_size(a->y.shape); i++)
        ((double *)a->y.data)[i] = 1 / sum_in_terms_of(i, &a->x[0]);
}

static const sp_sample samples[] = {
    { .in = "3x4" }, { .in = "2x3x5" }, { .in = "7" }, { .in = "2x37" }, { .in = "3x1" },
    { .in = "0x4" }, { .in = "3x0" },
    { .in = "2x150", -4, 4 }, { .in = "3x4", 9990, 9991, .no_slope = true },
    { .in = "3x4", -10001, -10000, .no_slope = true },
    { .in = ".", .fails = "a scalar has no last axis" },
    { .in = "2x3:i32", .fails = "needs f32 or f64" }, { 0 },
};

extern const sp_op sp__op_softmax;
const sp_op sp__op_softmax = {
    .name = "softmax", .maths = "y = e^x / sum e^x", .kind = SP_MACRO, .n_in = 1, .lo = 0, .hi = 1,
    .shape = same_shape, .kernels = SP_KERNELS(softmax), .vjp = softmax_vjp,
    .expand = softmax_expand, .reference = softmax_reference, .samples = samples,
};

sp_var sp_softmax(sp_var x) { return sp_apply(&sp__op_softmax, 1, &x, NULL, NULL); }

/* ---- log_softmax ---- */

static sp_var log_softmax_expand(int n, const sp_var x[], const void *attr, const double *scalar)
{
    sp_var z = sp_sub(x[0], top_of(x[0]));

    (void)n, (void)attr, (void)scalar;
    return sp_sub(z, sp_log(sp_sum_axes(sp_exp(z), last, true)));
}

/* g - e^y sum g */
static void log_softmax_vjp(const sp_pullback *v)
{
    sp_push(v, 0, sp_sub(v->g, sp_mul(sp_exp(v->y), sp_sum_axes(v->g, last, true))));
}

static void log_softmax_reference(const sp_args *a)
{
    for (int64_t i = 0; i < sp_shape_size(a->y.shape); i++)
        ((double *)a->y.data)[i] = -log(sum_in_terms_of(i, &a->x[0]));
}

extern const sp_op sp__op_log_softmax;
const sp_op sp__op_log_softmax = {
    .name = "log_softmax", .maths = "y = x - log sum e^x", .kind = SP_MACRO, .n_in = 1,
    .shape = same_shape, .kernels = SP_KERNELS(log_softmax), .vjp = log_softmax_vjp,
    .expand = log_softmax_expand, .reference = log_softmax_reference, .samples = samples,
};

sp_var sp_log_softmax(sp_var x) { return sp_apply(&sp__op_log_softmax, 1, &x, NULL, NULL); }

/* ---- logsumexp ---- */

static sp_var logsumexp_expand(int n, const sp_var x[], const void *attr, const double *scalar)
{
    sp_var top = top_of(x[0]);
    sp_var finite = sp_less(sp_abs(top), sp_number(top, (double)INFINITY));

    (void)n, (void)attr, (void)scalar;
    top = sp_where(finite, top, sp_number(top, 0));
    sp_var log_sum = sp_log(sp_sum_axes(sp_exp(sp_sub(x[0], top)), last, true));
    return sp_squeeze(sp_add(top, log_sum), -1);
}

static void logsumexp_vjp(const sp_pullback *v)
{
    sp_push(v, 0, sp_mul(sp_unsqueeze(v->g, -1), sp_softmax(v->x[0])));
}

static void logsumexp_reference(const sp_args *a)
{
    rows r = rows_of(&a->x[0]);
    const double *x = a->x[0].data;

    for (int64_t i = 0; i < r.count; i++, x += r.n) {
        double sum = 0, most = -(double)INFINITY;
        for (int64_t j = 0; j < r.n; j++) most = fmax(most, x[j]);
        for (int64_t j = 0; j < r.n; j++) sum += exp(x[j] - most);
        ((double *)a->y.data)[i] = most + log(sum);
    }
}

extern const sp_op sp__op_logsumexp;
const sp_op sp__op_logsumexp = {
    .name = "logsumexp", .maths = "y = log sum e^x", .kind = SP_MACRO, .n_in = 1,
    .shape = without_last, .kernels = SP_KERNELS(logsumexp), .vjp = logsumexp_vjp,
    .expand = logsumexp_expand, .reference = logsumexp_reference, .samples = samples,
};

sp_var sp_logsumexp(sp_var x) { return sp_apply(&sp__op_logsumexp, 1, &x, NULL, NULL); }
#endif
