/* SPDX-License-Identifier: MIT
 *
 * cross_entropy - how badly logits predict class ids: -log softmax(x)[target] of each row.
 *
 * The op gives the loss of each row and 0 where the target is ignored; sums and means over rows
 * are ops behind it.  Its slope, softmax(x) - one_hot(target), is an op of its own, so that the
 * gradient goes through the logits twice and not five times.
 */
#include <string.h>
#include "autograd/ops.h"
#include "autograd/called.h"
#include "autograd/ops/class_row.h"
#include "autograd/ops/index.h"
#include "autograd/ops/records.h"

typedef struct entropy_attr { int64_t ignore; } entropy_attr;

/* Row i's target: an id, or -1 if it is ignored, or -2 after a fault. */
static int64_t target_of(const sp_args *a, int64_t i, int64_t n)
{
    if (sp__index_at(&a->x[1], i) == ((const entropy_attr *)a->attr)->ignore) return -1;
    int64_t id = sp__index_in(a, &a->x[1], i, n);
    return id < 0 ? -2 : id;
}

#define KERNELS(T, type)                                                            \
    static T loss_##type(const T *x, int64_t n, int64_t id)                         \
    {                                                                               \
        T top = class_top_##type(x, n);                                             \
        return class_log_##type(class_weight_##type(x, n, top)) - (x[id] - top);    \
    }                                                                               \
    sp_kernel KERNEL(cross_entropy, type), KERNEL(cross_entropy_slope, type);       \
    void KERNEL(cross_entropy, type)(const sp_args *a)                              \
    {                                                                               \
        const T *x = a->x[0].data;                                                  \
        T *y = a->y.data;                                                           \
        int64_t n = a->x[0].shape.dim[a->x[0].shape.rank - 1];                      \
        for (int64_t i = 0; i < sp_shape_size(a->y.shape); i++, x += n) {           \
            int64_t id = target_of(a, i, n);                                        \
            if (id < -1) return;                                                    \
            y[i] = id < 0 ? 0 : loss_##type(x, n, id);                              \
        }                                                                           \
    }                                                                               \
    void KERNEL(cross_entropy_slope, type)(const sp_args *a)                        \
    {                                                                               \
        const T *x = a->x[0].data;                                                  \
        T *y = a->y.data;                                                           \
        int64_t n = a->x[0].shape.dim[a->x[0].shape.rank - 1];                      \
        for (int64_t i = 0; i < sp_shape_size(a->x[1].shape); i++, x += n, y += n) { \
            int64_t id = target_of(a, i, n);                                        \
            if (id < -1) return;                                                    \
            if (id < 0) { memset(y, 0, (size_t)n * sizeof *y); continue; }          \
            class_softmax_##type(x, y, n);                                          \
            y[id] -= 1;                                                             \
        }                                                                           \
    }
KERNELS(float, f32)
KERNELS(double, f64)

#ifdef SP_RECORDS
SP_DECLARE(cross_entropy)
SP_DECLARE(cross_entropy_slope)

static bool dtype(const sp_call *c, sp_dtype *y)
{
    *y = c->dtype[0];
    if (!sp_is_floating(*y))
        return sp_refuse(c, "its logits must be f32 or f64, not %s", sp_dtype_name(*y));
    return sp__index_dtype(c, 1);
}

static bool row_shape(const sp_call *c, sp_shape *y)
{
    char text[SP_SHAPE_TEXT];

    *y = c->shape[0];
    if (y->rank == 0) return sp_refuse(c, "a scalar has no classes");
    y->dim[--y->rank] = 0;
    if (sp_shape_equal(*y, c->shape[1])) return true;
    return sp_refuse(c, "logits [..., C] need targets [...], here %s", sp_shape_text(*y, text));
}

static bool slope_shape(const sp_call *c, sp_shape *y)
{
    if (!row_shape(c, y)) return false;
    *y = c->shape[0];
    return true;
}

static const sp_axes last = { 1, { -1 } };

/* A number that a double need not hold, in two parts. */
static sp_var id_number(sp_var ids, int64_t id)
{
    const int64_t part = (int64_t)1 << 32;

    if (id >= INT32_MIN && id <= INT32_MAX) return sp_number(ids, (double)id);
    sp_var high = sp_scale(sp_number(ids, (double)(id / part)), (double)part);
    return sp_shift(high, (double)(id % part));
}

/* Where a target is not ignored, as bool. */
static sp_var counts(sp_var target, const entropy_attr *at)
{
    sp_var ids = sp_cast(target, SP_I64);
    return sp_not_equal(ids, id_number(ids, at->ignore));
}

/* The targets as rows of bool; where ignored it is any class. */
static sp_var classes(sp_var x, sp_var target, sp_var counted)
{
    return sp_one_hot(sp_where(counted, target, sp_number(target, 0)), sp_var_dim(x, -1), SP_BOOL);
}

/* ---- each row's loss ---- */

/* Chosen, not multiplied: the logarithm of a class of probability 0 is -inf. */
static sp_var loss_expand(int n, const sp_var x[], const void *attr, const double *scalar)
{
    sp_var counted = counts(x[1], attr), zero = sp_number(x[0], 0);
    sp_var chosen = sp_where(classes(x[0], x[1], counted), sp_log_softmax(x[0]), zero);

    (void)n, (void)scalar;
    return sp_where(counted, sp_neg(sp_sum_axes(chosen, last, false)), zero);
}

static sp_var slope(sp_var x, sp_var target, const void *attr);

static void loss_vjp(const sp_pullback *v)
{
    sp_var g = sp_where(counts(v->x[1], v->attr), v->g, sp_number(v->g, 0));
    sp_push(v, 0, sp_mul(slope(v->x[0], v->x[1], v->attr), sp_unsqueeze(g, -1)));
}

/* e^(x[j] - x[id]) summed over j is 1 / probability. */
static void loss_reference(const sp_args *a)
{
    const entropy_attr *at = a->attr;
    const double *x = a->x[0].data;
    const int64_t *id = a->x[1].data;
    int64_t n = a->x[0].shape.dim[a->x[0].shape.rank - 1];

    for (int64_t i = 0; i < sp_shape_size(a->y.shape); i++, x += n) {
        double sum = 0;
        for (int64_t j = 0; j < n && id[i] != at->ignore; j++) sum += exp(x[j] - x[id[i]]);
        ((double *)a->y.data)[i] = id[i] == at->ignore ? 0 : log(sum);
    }
}

static const entropy_attr usual = { -100 }, two = { 2 }, minus = { -1 };
static const sp_sample samples[] = {
    { .in = "5x4 5:i64", 0, 4, &usual }, { .in = "2x3x5 2x3:i32", 0, 5, &usual },
    { .in = "4 .:i64", 0, 4, &usual },
    { .in = "9x4 9:i64", 0, 4, &two }, { .in = "3x37 3:i32", 0, 5, &usual },
    { .in = "4x1 4:i64", 0, 1, &usual },
    { .in = "0x4 0:i64", 0, 4, &usual }, { .in = "0x0 0:i64", 0, 4, &usual },
    { .in = "4x3 4:i64", -1, 0, &minus, .no_slope = true },
    { .in = "4x3 4:i64", 3, 4, &usual, .fails = "index 3 at position 0 is outside [0,3)" },
    { .in = "2x2x3 2x2:i32", -1, 0, &usual,
      .fails = "index -1 at position [0,0] is outside [0,3)" },
    { .in = "4x3 3:i64", 0, 3, &usual, .fails = "logits [..., C] need targets [...], here [4]" },
    { .in = "4x3 4x3:i64", 0, 3, &usual, .fails = "here [4]" },
    { .in = "4x3 4", .attr = &usual, .fails = "indices must be i32 or i64" },
    { .in = "4x3:i64 4:i64", 0, 3, &usual, .fails = "logits must be f32 or f64" },
    { .in = ". .:i64", 0, 1, &usual, .fails = "a scalar has no classes" }, { 0 },
};

extern const sp_op sp__op_cross_entropy;
const sp_op sp__op_cross_entropy = {
    .name = "cross_entropy", .maths = "y = -log softmax(x)[target]", .kind = SP_MACRO, .n_in = 2,
    .attr_size = sizeof(entropy_attr), .dtype = dtype, .shape = row_shape,
    .kernels = SP_KERNELS(cross_entropy), .vjp = loss_vjp, .expand = loss_expand,
    .reference = loss_reference, .samples = samples,
};

/* ---- its slope ---- */

static sp_var slope(sp_var x, sp_var target, const void *attr)
{
    extern const sp_op sp__op_cross_entropy_slope;
    return sp_apply(&sp__op_cross_entropy_slope, 2, (sp_var[]){ x, target }, attr, NULL);
}

static sp_var slope_expand(int n, const sp_var x[], const void *attr, const double *scalar)
{
    sp_var counted = counts(x[1], attr), zero = sp_number(x[0], 0);
    sp_var hot = sp_cast(classes(x[0], x[1], counted), sp_var_dtype(x[0]));

    (void)n, (void)scalar;
    return sp_where(sp_unsqueeze(counted, -1), sp_sub(sp_softmax(x[0]), hot), zero);
}

/* That of softmax, in the rows that count: p (g - sum g p) */
static void slope_vjp(const sp_pullback *v)
{
    sp_var counted = sp_unsqueeze(counts(v->x[1], v->attr), -1);
    sp_var p = sp_where(counted, sp_softmax(v->x[0]), sp_number(v->x[0], 0));

    sp_push(v, 0, sp_mul(p, sp_sub(v->g, sp_sum_axes(sp_mul(v->g, p), last, true))));
}

static void slope_reference(const sp_args *a)
{
    const entropy_attr *at = a->attr;
    const int64_t *id = a->x[1].data;
    int64_t n = a->x[0].shape.dim[a->x[0].shape.rank - 1];

    for (int64_t i = 0; i < sp_shape_size(a->y.shape); i++) {
        const double *x = (const double *)a->x[0].data + i / n * n;
        double sum = 0;
        for (int64_t j = 0; j < n; j++) sum += exp(x[j] - x[i % n]);
        ((double *)a->y.data)[i] = id[i / n] == at->ignore ? 0 : 1 / sum - (i % n == id[i / n]);
    }
}

extern const sp_op sp__op_cross_entropy_slope;
const sp_op sp__op_cross_entropy_slope = {
    .name = "cross_entropy_slope", .maths = "y = softmax(x) - one_hot(target)", .kind = SP_MACRO,
    .n_in = 2, .attr_size = sizeof(entropy_attr), .dtype = dtype, .shape = slope_shape,
    .kernels = SP_KERNELS(cross_entropy_slope), .vjp = slope_vjp, .expand = slope_expand,
    .reference = slope_reference, .samples = samples,
};

/* ---- the loss ---- */

/* The sum over the number of targets that count, but by 1 where there is none: so its gradient is
   0 and not 0 / 0. */
static sp_var mean_of(sp_var loss, sp_var counted, bool nan_if_none)
{
    sp_var count = sp_sum(sp_cast(counted, sp_var_dtype(loss))), zero = sp_number(loss, 0);
    sp_var none = sp_equal(count, zero);
    sp_var mean = sp_div(sp_sum(loss), sp_where(none, sp_number(loss, 1), count));

    return nan_if_none ? sp_where(none, sp_number(loss, (double)NAN), mean) : mean;
}

sp_var sp_cross_entropy_with(sp_var logits, sp_var target, sp_cross_entropy_spec spec)
{
    sp_tape *t = sp__either(logits, target);
    char text[SP_SHAPE_TEXT];

    if (!sp__readable(t, logits, "cross_entropy")) return sp__nothing(t);
    if ((unsigned)spec.reduction > SP_EACH)
        return sp_tape_fail(t, "cross_entropy: %s: there is no reduction %d",
                            sp_shape_text(sp_var_shape(logits), text), (int)spec.reduction);
    entropy_attr at = { sp_usual_whole(spec.ignore_index, -100) };
    sp_var loss = sp_apply(&sp__op_cross_entropy, 2, (sp_var[]){ logits, target }, &at, NULL);

    if (sp_is_nothing(loss) || spec.reduction == SP_EACH) return loss;
    if (spec.reduction == SP_SUM_UP) return sp_sum(loss);
    return mean_of(loss, counts(target, &at), spec.nan_if_none);
}

sp_var sp_cross_entropy(sp_var logits, sp_var target)
{
    return sp_cross_entropy_with(logits, target, (sp_cross_entropy_spec){ SP_MEAN, 0, false });
}
#endif
