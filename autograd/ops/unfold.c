/* SPDX-License-Identifier: MIT
 *
 * unfold - windows that slide along an axis, as a view, and its opposite, fold: windows laid
 * over each other and added.
 */
#include <string.h>
#include "autograd/ops.h"
#include "autograd/ops/records.h"
#include "tensor/strided.h"

/* Element j of window i is element i step + j dilation of an axis of n. */
typedef struct window_attr { int64_t axis, n, size, step, dilation; } window_attr;

/* How many windows fit, at least one; -1: refused. */
static int64_t windows(const sp_call *c, int64_t n)
{
    const window_attr *w = c->attr;
    int64_t reach;

    if (w->size < 1 || w->step < 1 || w->dilation < 1)
        return sp_refuse(c, "a window of %lld in steps of %lld, dilated by %lld",
                         (long long)w->size, (long long)w->step, (long long)w->dilation), -1;
    if (!sp_size_mul(w->size - 1, w->dilation, &reach) || reach >= n)
        return sp_refuse(c, "a window of %lld dilated by %lld does not fit axis %lld of size %lld",
                         (long long)w->size, (long long)w->dilation, (long long)w->axis,
                         (long long)n), -1;
    return (n - 1 - reach) / w->step + 1;
}

/* ---- unfold ---- */

static bool unfold_shape(const sp_call *c, sp_shape *y)
{
    const window_attr *w = c->attr;
    sp_shape x = c->shape[0];
    int d = sp_axis((int)w->axis, x.rank);

    if (d < 0)
        return sp_refuse(c, "there is no axis %lld in rank %lld", (long long)w->axis,
                         (long long)x.rank);
    if (x.rank == SP_MAX_RANK)
        return sp_refuse(c, "the result would have rank %d and %d is the most", SP_MAX_RANK + 1,
                         SP_MAX_RANK);
    *y = x;
    y->dim[y->rank++] = w->size;
    return (y->dim[d] = windows(c, x.dim[d])) >= 0;
}

static bool unfold_view(const sp_call *c, const sp_layout *from, sp_shape y, sp_layout *to)
{
    const window_attr *w = c->attr;
    int d = sp_axis((int)w->axis, y.rank - 1);

    *to = *from;
    to->stride[y.rank - 1] = w->size > 1 ? w->dilation * from->stride[d] : 0;
    to->stride[d] = y.dim[d] > 1 ? w->step * from->stride[d] : 0;
    return true;
}

static void unfold_vjp(const sp_pullback *v)
{
    const window_attr *w = v->attr;
    sp_push(v, 0, sp_fold(v->g, (int)w->axis, sp_var_dim(v->x[0], (int)w->axis), w->step,
                          w->dilation));
}

/* The element of the axis' array, of size n there, that lies under element i of the windows. */
static int64_t under(sp_shape windowed, const window_attr *w, int64_t n, int64_t i)
{
    int rank = (int)windowed.rank - 1, d = sp_axis((int)w->axis, rank);
    int64_t index[SP_MAX_RANK], at = 0;

    for (int k = rank; k >= 0; k--) {
        index[k] = i % windowed.dim[k];
        i /= windowed.dim[k];
    }
    index[d] = index[d] * w->step + index[rank] * w->dilation;
    for (int k = 0; k < rank; k++) at = at * (k == d ? n : windowed.dim[k]) + index[k];
    return at;
}

static void unfold_reference(const sp_args *a)
{
    const window_attr *w = a->attr;
    int64_t n = a->x[0].shape.dim[sp_axis((int)w->axis, a->x[0].shape.rank)];

    for (int64_t i = 0; i < sp_shape_size(a->y.shape); i++)
        ((double *)a->y.data)[i] = ((const double *)a->x[0].data)[under(a->y.shape, w, n, i)];
}

#define WINDOW(...) &(window_attr){ __VA_ARGS__ }
static const sp_sample unfold_samples[] = {
    { .in = "7", .attr = WINDOW(0, 0, 3, 1, 1) }, { .in = "7", .attr = WINDOW(0, 0, 3, 2, 2) },
    { .in = "2x7", .attr = WINDOW(-1, 0, 2, 3, 1) },
    { .in = "7x2", .attr = WINDOW(0, 0, 3, 2, 1) },
    { .in = "2x5x3", .attr = WINDOW(1, 0, 2, 1, 3) }, { .in = "5", .attr = WINDOW(0, 0, 5, 9, 1) },
    { .in = "0x5", .attr = WINDOW(1, 0, 2, 1, 1) },
    { .in = "5", .attr = WINDOW(0, 0, 1, INT64_MAX, INT64_MAX) },
    { .in = "2x3", .attr = WINDOW(1, 0, 4, 1, 1),
      .fails = "a window of 4 dilated by 1 does not fit axis 1 of size 3" },
    { .in = "2x3", .attr = WINDOW(1, 0, 2, 1, INT64_MAX), .fails = "does not fit axis 1" },
    { .in = "0", .attr = WINDOW(0, 0, 1, 1, 1), .fails = "does not fit axis 0 of size 0" },
    { .in = "3", .attr = WINDOW(0, 0, 0, 1, 1),
      .fails = "a window of 0 in steps of 1, dilated by 1" },
    { .in = "3", .attr = WINDOW(0, 0, 1, 0, 1), .fails = "in steps of 0" },
    { .in = "3", .attr = WINDOW(0, 0, 1, 1, -1), .fails = "dilated by -1" },
    { .in = "3", .attr = WINDOW(1, 0, 1, 1, 1), .fails = "there is no axis 1 in rank 1" },
    { .in = ".", .attr = WINDOW(0, 0, 1, 1, 1), .fails = "there is no axis 0 in rank 0" },
    { .in = "1x1x1x1x1x2", .attr = WINDOW(5, 0, 1, 1, 1), .fails = "rank 7" }, { 0 },
};

extern const sp_op sp__op_unfold;
const sp_op sp__op_unfold = {
    .name = "unfold", .maths = "y[i, ..., j] = x[i step + j dilation, ...] along an axis",
    .kind = SP_VIEW, .n_in = 1, .attr_size = sizeof(window_attr), .dtype = sp_dtype_alike,
    .shape = unfold_shape, .view = unfold_view, .vjp = unfold_vjp,
    .reference = unfold_reference, .samples = unfold_samples,
};

sp_var sp_unfold(sp_var x, int axis, int64_t size, int64_t step, int64_t dilation)
{
    return sp_apply(&sp__op_unfold, 1, &x, WINDOW(axis, 0, size, step, dilation), NULL);
}

/* ---- fold ---- */

static bool fold_shape(const sp_call *c, sp_shape *y)
{
    const window_attr *w = c->attr;
    sp_shape x = c->shape[0];
    int d = sp_axis((int)w->axis, x.rank - 1);

    if (d < 0)
        return sp_refuse(c, "there is no axis %lld before the last of rank %lld",
                         (long long)w->axis, (long long)x.rank);
    int64_t count = windows(c, w->n), size = x.dim[x.rank - 1];
    if (count < 0) return false;
    if (size != w->size)
        return sp_refuse(c, "its last axis has %lld elements, and a window %lld", (long long)size,
                         (long long)w->size);
    if (count != x.dim[d])
        return sp_refuse(c, "%lld windows cover size %lld, not %lld", (long long)count,
                         (long long)w->n, (long long)x.dim[d]);
    *y = x;
    y->dim[--y->rank] = 0;
    y->dim[d] = w->n;
    return true;
}

/* Element j of all windows at once: a region of y in steps. */
#define FOLD(T)                                                                     \
    static void fold_##T(const sp_args *a)                                          \
    {                                                                               \
        const window_attr *w = a->attr;                                             \
        const sp_operand *x = &a->x[0];                                             \
        int last = (int)x->shape.rank - 1, d = sp_axis((int)w->axis, last);         \
        sp_shape region = x->shape;                                                 \
        int64_t stride[SP_MAX_RANK];                                                \
        sp_walk walk;                                                               \
        memset(a->y.data, 0, (size_t)sp_shape_size(a->y.shape) * sizeof(T));        \
        memcpy(stride, a->y.stride, sizeof stride);                                 \
        stride[d] = region.dim[d] > 1 ? stride[d] * w->step : 0;                    \
        region.rank = last;                                                         \
        for (int64_t j = 0; j < w->size && sp_shape_size(region) > 0; j++) {        \
            T *to = (T *)a->y.data + j * w->dilation * a->y.stride[d];              \
            const T *from = (const T *)x->data + j * x->stride[last];               \
            sp__walk_begin(&walk, region, 2, (const int64_t *[]){ stride, x->stride }); \
            for (int64_t row = 0; row < walk.rows; row++) {                         \
                int64_t p = walk.stride[0][walk.shape.rank - 1];                    \
                int64_t q = walk.stride[1][walk.shape.rank - 1];                    \
                for (int64_t i = 0; i < walk.len; i++)                              \
                    to[walk.at[0] + i * p] += from[walk.at[1] + i * q];             \
                sp__walk_on(&walk, 1);                                              \
            }                                                                       \
        }                                                                           \
    }
FOLD(float)
FOLD(double)

static void fold_vjp(const sp_pullback *v)
{
    const window_attr *w = v->attr;
    sp_push(v, 0, sp_unfold(v->g, (int)w->axis, w->size, w->step, w->dilation));
}

static void fold_reference(const sp_args *a)
{
    const window_attr *w = a->attr;

    memset(a->y.data, 0, (size_t)sp_shape_size(a->y.shape) * sizeof(double));
    for (int64_t i = 0; i < sp_shape_size(a->x[0].shape); i++)
        ((double *)a->y.data)[under(a->x[0].shape, w, w->n, i)] +=
            ((const double *)a->x[0].data)[i];
}

static const sp_sample fold_samples[] = {
    { .in = "5x3", .attr = WINDOW(0, 7, 3, 1, 1) }, { .in = "2x3", .attr = WINDOW(0, 7, 3, 2, 2) },
    { .in = "2x2x2", .attr = WINDOW(-1, 5, 2, 3, 1) },
    { .in = "3x2x3", .attr = WINDOW(0, 7, 3, 2, 1) },
    { .in = "2x2x3x2", .attr = WINDOW(1, 5, 2, 1, 3) },
    { .in = "1x5", .attr = WINDOW(0, 5, 5, 9, 1) },
    { .in = "0x4x2", .attr = WINDOW(1, 5, 2, 1, 1) },
    { .in = "4x3", .attr = WINDOW(0, 7, 3, 1, 1), .fails = "5 windows cover size 7, not 4" },
    { .in = "5x2", .attr = WINDOW(0, 7, 3, 1, 1), .fails = "last axis has 2 elements" },
    { .in = "4x3", .attr = WINDOW(0, 2, 3, 1, 1), .fails = "does not fit axis 0 of size 2" },
    { .in = "4x3", .attr = WINDOW(0, -1, 3, 1, 1), .fails = "does not fit axis 0 of size -1" },
    { .in = "4x0", .attr = WINDOW(0, 4, 0, 1, 1), .fails = "a window of 0" },
    { .in = "4", .attr = WINDOW(0, 4, 1, 1, 1),
      .fails = "there is no axis 0 before the last of rank 1" },
    { .in = ".", .attr = WINDOW(0, 4, 1, 1, 1),
      .fails = "there is no axis 0 before the last of rank 0" },
    { .in = "5x3:i32", .attr = WINDOW(0, 7, 3, 1, 1), .fails = "needs f32 or f64" }, { 0 },
};

extern const sp_op sp__op_fold;
const sp_op sp__op_fold = {
    .name = "fold", .maths = "y[i step + j dilation, ...] += x[i, ..., j] along an axis",
    .kind = SP_OTHER, .n_in = 1, .attr_size = sizeof(window_attr), .strided = true,
    .shape = fold_shape,
    .kernels = PLAIN_KERNELS(fold),
    .vjp = fold_vjp, .reference = fold_reference, .samples = fold_samples,
};

sp_var sp_fold(sp_var x, int axis, int64_t n, int64_t step, int64_t dilation)
{
    return sp_apply(&sp__op_fold, 1, &x, WINDOW(axis, n, sp_var_dim(x, -1), step, dilation), NULL);
}
