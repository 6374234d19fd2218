/* SPDX-License-Identifier: MIT
 *
 * join - operands side by side (concat, stack), on top of each other (add_n), set into
 * zeros (place), and made dense (pack).
 */
#include <string.h>
#include "autograd/ops.h"
#include "autograd/ops/records.h"
#include "tensor/strided.h"

/* Copy operand x into y from index `at` of an axis on. */
static void copy_into(sp_operand y, int64_t axis, int64_t at, const sp_operand *x,
                      const int64_t stride[])
{
    int64_t size = sp_dtype_size(y.dtype);
    char *to = (char *)y.data + at * y.stride[axis] * size;
    sp_shape shape = y.shape;

    shape.dim[axis] = x->shape.rank == y.shape.rank ? x->shape.dim[axis] : 1;
    sp__copy_strided(shape, size, to, y.stride, x->data, stride);
}

/* ---- concat ---- */

static bool concat_shape(const sp_call *c, sp_shape *y)
{
    int64_t axis = *(const int64_t *)c->attr;
    int d = sp_axis((int)axis, c->shape[0].rank);

    *y = c->shape[0];
    if (d < 0)
        return sp_refuse(c, "there is no axis %lld in rank %lld", (long long)axis,
                         (long long)y->rank);
    for (int i = 1; i < c->n; i++) {
        sp_shape like = c->shape[i];
        if (like.rank == y->rank) like.dim[d] = y->dim[d];
        if (!sp_shape_equal(like, *y))
            return sp_refuse(c, "operands 0 and %d differ beside axis %d", i, d);
        if (__builtin_add_overflow(y->dim[d], c->shape[i].dim[d], &y->dim[d]))
            return sp_refuse(c, "axis %d becomes too large", d);
    }
    return true;
}

static void concat_kernel(const sp_args *a)
{
    int d = sp_axis((int)*(const int64_t *)a->attr, a->y.shape.rank);

    for (int64_t i = 0, at = 0; i < a->n; at += a->x[i++].shape.dim[d])
        copy_into(a->y, d, at, &a->x[i], a->x[i].stride);
}

static void concat_vjp(const sp_pullback *v)
{
    int axis = (int)*(const int64_t *)v->attr;

    for (int64_t i = 0, at = 0; i < v->n; at += sp_var_dim(v->x[i++], axis))
        if (sp_wants(v, (int)i))
            sp_push(v, (int)i, sp_slice(v->g, axis, at, sp_var_dim(v->x[i], axis)));
}

/* Row by row: the rows of an operand are what lies from the axis on. */
static void concat_reference(const sp_args *a)
{
    int d = sp_axis((int)*(const int64_t *)a->attr, a->y.shape.rank);
    int64_t outer = 1, inner = 1, to = 0;

    for (int k = 0; k < d; k++) outer *= a->y.shape.dim[k];
    for (int k = d + 1; k < a->y.shape.rank; k++) inner *= a->y.shape.dim[k];
    for (int64_t o = 0; o < outer; o++)
        for (int i = 0; i < a->n; i++)
            for (int64_t k = 0, row = a->x[i].shape.dim[d] * inner; k < row; k++)
                ((double *)a->y.data)[to++] = ((const double *)a->x[i].data)[o * row + k];
}

static const sp_sample concat_samples[] = {
    { .in = "2x3 2x1", .attr = &(int64_t){ 1 } },
    { .in = "2x3 1x3 2x3", .attr = &(int64_t){ 0 } },
    { .in = "2x0 2x3", .attr = &(int64_t){ -1 } }, { .in = "3", .attr = &(int64_t){ 0 } },
    { .in = "2x3x2 2x1x2 2x2x2 2x1x2 2x3x2", .attr = &(int64_t){ 1 } },
    { .in = "2x3 3x3", .attr = &(int64_t){ 1 }, .fails = "operands 0 and 1 differ beside axis 1" },
    { .in = "2x3 2", .attr = &(int64_t){ 0 }, .fails = "operands 0 and 1 differ" },
    { .in = ". .", .attr = &(int64_t){ 0 }, .fails = "no axis 0" },
    { .in = "2 2:i32", .attr = &(int64_t){ 0 }, .fails = "dtypes" }, { 0 },
};

/* One kernel moves elements of every size. */
#define ANY_DTYPE(k)                                                                \
    { [SP_PORTABLE] = { [SP_F32] = k, [SP_F64] = k, [SP_I32] = k, [SP_I64] = k, [SP_BOOL] = k } }

extern const sp_op sp__op_concat;
const sp_op sp__op_concat = {
    .name = "concat",
    .maths = "operands one behind the other along an axis",
    .kind = SP_JOIN,
    .n_in = -1,
    .attr_size = sizeof(int64_t),
    .strided = true,
    .dtype = sp_dtype_alike,
    .shape = concat_shape,
    .kernels = ANY_DTYPE(concat_kernel),
    .vjp = concat_vjp,
    .reference = concat_reference,
    .samples = concat_samples,
};

sp_var sp_concat(int n, const sp_var x[], int axis)
{
    int64_t attr = axis;
    return sp_apply(&sp__op_concat, n, x, &attr, NULL);
}

/* ---- stack ---- */

static bool all_equal(const sp_call *c)
{
    for (int i = 1; i < c->n; i++)
        if (!sp_shape_equal(c->shape[i], c->shape[0]))
            return sp_refuse(c, "the shapes of operands 0 and %d differ", i);
    return true;
}

static bool stack_shape(const sp_call *c, sp_shape *y)
{
    int64_t axis = *(const int64_t *)c->attr, rank = c->shape[0].rank + 1;
    int d = sp_axis((int)axis, rank);

    if (d < 0 || rank > SP_MAX_RANK)
        return sp_refuse(c, "there is no axis %lld in rank %lld (at most %d)", (long long)axis,
                         (long long)rank, SP_MAX_RANK);
    *y = (sp_shape){ rank, { 0 } };
    for (int i = 0; i < rank; i++) y->dim[i] = i == d ? c->n : c->shape[0].dim[i - (i > d)];
    return all_equal(c);
}

static void stack_kernel(const sp_args *a)
{
    int d = sp_axis((int)*(const int64_t *)a->attr, a->y.shape.rank);

    for (int64_t i = 0; i < a->n; i++) {
        int64_t stride[SP_MAX_RANK] = { 0 };
        for (int k = 0; k < a->y.shape.rank; k++)
            if (k != d) stride[k] = a->x[i].stride[k - (k > d)];
        copy_into(a->y, d, i, &a->x[i], stride);
    }
}

static void stack_vjp(const sp_pullback *v)
{
    for (int i = 0; i < v->n; i++)
        if (sp_wants(v, i)) sp_push(v, i, sp_select(v->g, (int)*(const int64_t *)v->attr, i));
}

static void stack_reference(const sp_args *a)
{
    int d = sp_axis((int)*(const int64_t *)a->attr, a->y.shape.rank);
    int64_t outer = 1, inner = 1;

    for (int k = 0; k < d; k++) outer *= a->y.shape.dim[k];
    for (int k = d + 1; k < a->y.shape.rank; k++) inner *= a->y.shape.dim[k];
    for (int64_t o = 0; o < outer; o++)
        for (int i = 0; i < a->n; i++)
            for (int64_t k = 0; k < inner; k++)
                ((double *)a->y.data)[(o * a->n + i) * inner + k] =
                    ((const double *)a->x[i].data)[o * inner + k];
}

static const sp_sample stack_samples[] = {
    { .in = "2x3 2x3", .attr = &(int64_t){ 0 } },
    { .in = "2x3 2x3 2x3 2x3 2x3", .attr = &(int64_t){ 1 } },
    { .in = "2x3 2x3", .attr = &(int64_t){ -1 } }, { .in = ". . .", .attr = &(int64_t){ 0 } },
    { .in = "0x3 0x3", .attr = &(int64_t){ 0 } },
    { .in = "2x3 3x2", .attr = &(int64_t){ 0 }, .fails = "operands 0 and 1 differ" },
    { .in = "2 2", .attr = &(int64_t){ 2 }, .fails = "no axis 2" }, { 0 },
};

extern const sp_op sp__op_stack;
const sp_op sp__op_stack = {
    .name = "stack", .maths = "operands side by side along a new axis", .kind = SP_JOIN, .n_in = -1,
    .attr_size = sizeof(int64_t), .strided = true, .dtype = sp_dtype_alike, .shape = stack_shape,
    .kernels = ANY_DTYPE(stack_kernel), .vjp = stack_vjp, .reference = stack_reference,
    .samples = stack_samples,
};

sp_var sp_stack(int n, const sp_var x[], int axis)
{
    int64_t attr = axis;
    return sp_apply(&sp__op_stack, n, x, &attr, NULL);
}

/* ---- place ---- */

static bool place_shape(const sp_call *c, sp_shape *y)
{
    const sp_place_attr *p = c->attr;

    *y = c->shape[0];
    if (p->axis < 0 || p->axis >= y->rank)
        return sp_refuse(c, "there is no axis %lld in rank %lld", (long long)p->axis,
                         (long long)y->rank);
    int64_t count = y->dim[p->axis], last;
    if (p->start < 0 || p->step < 1 || !sp_size_mul(count - 1, p->step, &last) || p->size < p->start
        || (count > 0 && last > p->size - 1 - p->start))
        return sp_refuse(c, "%lld elements from %lld in steps of %lld do not lie in size %lld",
                         (long long)count, (long long)p->start, (long long)p->step,
                         (long long)p->size);
    y->dim[p->axis] = p->size;
    return true;
}

static void place_kernel(const sp_args *a)
{
    const sp_place_attr *p = a->attr;
    int64_t stride[SP_MAX_RANK], size = sp_dtype_size(a->y.dtype);
    char *first = (char *)a->y.data + p->start * a->y.stride[p->axis] * size;

    memset(a->y.data, 0, (size_t)(sp_shape_size(a->y.shape) * size));
    memcpy(stride, a->y.stride, sizeof stride);
    stride[p->axis] *= p->step;
    if (sp_shape_size(a->x[0].shape) == 0) return;
    sp__copy_strided(a->x[0].shape, size, first, stride, a->x[0].data, a->x[0].stride);
}

static void place_vjp(const sp_pullback *v)
{
    const sp_place_attr *p = v->attr;
    int64_t count = sp_var_dim(v->x[0], (int)p->axis);
    sp_push(v, 0, sp_slice_step(v->g, (int)p->axis, p->start, count, p->step));
}

static void place_reference(const sp_args *a)
{
    const sp_place_attr *p = a->attr;
    int64_t inner = 1, count = a->x[0].shape.dim[p->axis];

    for (int k = (int)p->axis + 1; k < a->y.shape.rank; k++) inner *= a->y.shape.dim[k];
    for (int64_t i = 0; i < sp_shape_size(a->y.shape); i++) {
        int64_t o = i / inner / p->size, at = i / inner % p->size - p->start;
        bool hit = at >= 0 && at % p->step == 0 && at / p->step < count;
        int64_t from = hit ? (o * count + at / p->step) * inner + i % inner : 0;
        ((double *)a->y.data)[i] = hit ? ((const double *)a->x[0].data)[from] : 0;
    }
}

static const sp_sample place_samples[] = {
    { .in = "2x3", .attr = &(sp_place_attr){ 1, 1, 1, 4 } },
    { .in = "2x3", .attr = &(sp_place_attr){ 0, 1, 2, 4 } },
    { .in = "0x3", .attr = &(sp_place_attr){ 0, 1, 1, 2 } },
    { .in = "4", .attr = &(sp_place_attr){ 0, 0, 1, 4 } },
    { .in = "3", .attr = &(sp_place_attr){ 0, 2, 1, 4 },
      .fails = "3 elements from 2 in steps of 1 do not lie in size 4" },
    { .in = "3", .attr = &(sp_place_attr){ 1, 0, 1, 4 }, .fails = "no axis 1" },
    { 0 },
};

extern const sp_op sp__op_place;
const sp_op sp__op_place = {
    .name = "place",
    .maths = "zeros but for x at start + i step along an axis",
    .kind = SP_PLACE,
    .n_in = 1,
    .attr_size = sizeof(sp_place_attr),
    .strided = true,
    .dtype = sp_dtype_alike,
    .shape = place_shape,
    .kernels = ANY_DTYPE(place_kernel),
    .vjp = place_vjp,
    .reference = place_reference,
    .samples = place_samples,
};

sp_var sp_place(sp_var x, int axis, int64_t start, int64_t step, int64_t size)
{
    int64_t rank = sp_var_shape(x).rank;
    int d = sp_axis(axis, rank);
    sp_place_attr p = { d < 0 ? axis : d, start, step, size };

    if (sp_var_dim(x, axis) <= 1 && step > 1) p.step = 1;
    return sp_apply(&sp__op_place, 1, &x, &p, NULL);
}

/* ---- pack ---- */

static void pack_kernel(const sp_args *a)
{
    sp__copy_strided(a->y.shape, sp_dtype_size(a->y.dtype), a->y.data, a->y.stride, a->x[0].data,
                     a->x[0].stride);
}

static void pack_vjp(const sp_pullback *v) { sp_push(v, 0, v->g); }

static void pack_reference(const sp_args *a)
{
    memcpy(a->y.data, a->x[0].data, (size_t)sp_shape_size(a->y.shape) * sizeof(double));
}

static const sp_sample pack_samples[] = {
    { .in = "3x4" }, { .in = "2x3x4" }, { .in = "." }, { .in = "0x2" }, { 0 },
};

const sp_op sp__op_pack = {
    .name = "pack", .maths = "x, copied so that it lies densely", .kind = SP_OTHER, .n_in = 1,
    .strided = true, .dtype = sp_dtype_alike, .shape = sp_shape_first,
    .kernels = ANY_DTYPE(pack_kernel), .vjp = pack_vjp, .reference = pack_reference,
    .samples = pack_samples,
};
