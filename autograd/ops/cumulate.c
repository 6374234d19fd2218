/* SPDX-License-Identifier: MIT
 *
 * cumulate - running sums and products along an axis.
 *
 * Each is one chain in order, kept in f64 and rounded where it is written.
 */
#include "autograd/ops.h"
#include "autograd/ops/records.h"

typedef struct running_attr { int64_t axis, reverse; } running_attr;

static sp_reduced around(sp_shape shape, int64_t axis)
{
    return sp__reduced(shape, &(sp_reduce_attr){ axis, 1, 0 });
}

#define RUNNING(OP, T, START, STEP)                                                 \
    static void OP##_##T(const sp_args *a)                                          \
    {                                                                               \
        const running_attr *at = a->attr;                                           \
        sp_reduced r = around(a->y.shape, at->axis);                                \
        for (int64_t i = 0; i < r.outer * r.inner; i++) {                           \
            int64_t from = i / r.inner * r.n * r.inner + i % r.inner, step = r.inner; \
            const T *x = (const T *)a->x[0].data + from;                            \
            T *y = (T *)a->y.data + from;                                           \
            double all = START;                                                     \
            if (at->reverse) x += (r.n - 1) * step, y += (r.n - 1) * step, step = -step; \
            for (int64_t k = 0; k < r.n; k++)                                       \
                y[k * step] = (T)(all = all STEP (double)x[k * step]);              \
        }                                                                           \
    }
RUNNING(cumsum, float, 0, +)
RUNNING(cumsum, double, 0, +)
RUNNING(cumprod, float, 1, *)
RUNNING(cumprod, double, 1, *)

static bool running_shape(const sp_call *c, sp_shape *y)
{
    const running_attr *at = c->attr;

    *y = c->shape[0];
    if (at->axis >= 0 && at->axis < y->rank) return true;
    return sp_refuse(c, "there is no axis %lld in rank %lld", (long long)at->axis,
                     (long long)y->rank);
}

/* x one place on along the axis (`reverse`: back), with `fill` in the place that it left. */
static sp_var moved(sp_var x, int axis, bool reverse, double fill)
{
    sp_shape shape = sp_var_shape(x);
    int64_t n = sp_var_dim(x, axis);

    if (sp_is_nothing(x) || n == 0) return x;
    shape.dim[axis] = 1;
    sp_var rest = sp_slice(x, axis, reverse, n - 1);
    sp_var end = sp_full(x.tape, sp_var_dtype(x), shape, fill);
    return reverse ? sp_concat(SP_VARS(rest, end), axis) : sp_concat(SP_VARS(end, rest), axis);
}

static sp_var running(const sp_op *op, sp_var x, int axis, bool reverse)
{
    int d = sp_axis(axis, sp_var_shape(x).rank);
    return sp_apply(op, 1, &x, &(running_attr){ d < 0 ? axis : d, reverse }, NULL);
}

extern const sp_op sp__op_cumsum, sp__op_cumprod;

static void cumsum_vjp(const sp_pullback *v)
{
    const running_attr *at = v->attr;
    sp_push(v, 0, running(&sp__op_cumsum, v->g, (int)at->axis, !at->reverse));
}

/* dL/dx_i is the product of all before i times s_i, the sum over k >= i of g_k and the product of
   all between i and k: s_i = g_i + x_(i+1) s_(i+1), a scan.  Nothing is divided by. */
static void cumprod_vjp(const sp_pullback *v)
{
    const running_attr *at = v->attr;
    int d = (int)at->axis;
    bool back = at->reverse != 0;
    sp_var before = moved(v->y, d, back, 1), next = moved(v->x[0], d, !back, 0);
    sp_var s = sp_linear_scan(sp_transpose(next, 0, d), sp_transpose(v->g, 0, d), (sp_var){ 0 },
                              !back);

    sp_push(v, 0, sp_mul(before, sp_transpose(s, 0, d)));
}

/* Each element anew. */
static void running_reference(const sp_args *a, bool product)
{
    const running_attr *at = a->attr;
    sp_reduced r = around(a->y.shape, at->axis);
    const double *x = a->x[0].data;

    for (int64_t i = 0; i < r.outer * r.n * r.inner; i++) {
        int64_t k = i / r.inner % r.n, first = at->reverse ? k : 0, end = at->reverse ? r.n : k + 1;
        double y = product;
        for (int64_t j = first; j < end; j++) {
            double next = x[i + (j - k) * r.inner];
            y = product ? y * next : y + next;
        }
        ((double *)a->y.data)[i] = y;
    }
}

static void cumsum_reference(const sp_args *a) { running_reference(a, false); }
static void cumprod_reference(const sp_args *a) { running_reference(a, true); }

static const running_attr first = { 0, 0 }, second = { 1, 0 }, last_back = { 2, 1 },
                          first_back = { 0, 1 };
static const sp_sample samples[] = {
    { .in = "3x4", .attr = &first }, { .in = "3x4", .attr = &second },
    { .in = "2x3x4", .attr = &second }, { .in = "2x3x4", .attr = &last_back },
    { .in = "7", .attr = &first_back }, { .in = "1x2", .attr = &first },
    { .in = "2x50", -1, 1, &second }, { .in = "0x3", .attr = &first },
    { .in = "3x0", .attr = &first },
    { .in = ".", .attr = &first, .fails = "there is no axis 0 in rank 0" },
    { .in = "3", .attr = &second, .fails = "there is no axis 1 in rank 1" },
    { .in = "2:i32", .attr = &first, .fails = "needs f32 or f64" }, { 0 },
};

#define RUNNING_RECORD(OP, MATHS, START)                                            \
    const sp_op sp__op_##OP = {                                                     \
        .name = #OP, .maths = MATHS, .kind = SP_OTHER, .n_in = 1,                   \
        .attr_size = sizeof(running_attr), .shape = running_shape,                  \
        .kernels = PLAIN_KERNELS(OP),                                               \
        .vjp = OP##_vjp, .reference = OP##_reference, .samples = samples,           \
    };                                                                              \
    sp_var sp_##OP(sp_var x, int axis) { return running(&sp__op_##OP, x, axis, false); } \
    sp_var sp_##OP##_with(sp_var x, int axis, sp_running how)                       \
    {                                                                               \
        sp_var y = running(&sp__op_##OP, x, axis, how.reverse);                     \
        int d = sp_axis(axis, sp_var_shape(y).rank);                                \
        return how.exclusive ? moved(y, d, how.reverse, START) : y;                 \
    }
RUNNING_RECORD(cumsum, "y_k = x_0 + ... + x_k", 0)
RUNNING_RECORD(cumprod, "y_k = x_0 ... x_k", 1)
