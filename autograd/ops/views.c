/* SPDX-License-Identifier: MIT
 *
 * views - other ways to read the same elements.  Nothing is copied: each op says how its
 * result's offset and strides follow from its operand's.
 */
#include <string.h>
#include "autograd/called.h"
#include "autograd/ops.h"
#include "autograd/ops/records.h"

static bool bad_axis(const sp_call *c, int64_t axis)
{
    return sp_refuse(c, "there is no axis %lld in rank %lld", (long long)axis,
                     (long long)c->shape[0].rank);
}

/* References copy the elements that a view shows, in row-major order of y: `at` finds the
   operand's element for y's index. */
typedef int64_t finder(const sp_args *, const int64_t index[]);

static void copy_by(const sp_args *a, finder *at)
{
    int64_t index[SP_MAX_RANK] = { 0 }, n = sp_shape_size(a->y.shape);
    const double *x = a->x[0].data;
    double *y = a->y.data;

    for (int64_t i = 0; i < n; i++) {
        y[i] = x[at(a, index)];
        for (int d = (int)a->y.shape.rank - 1; d >= 0 && ++index[d] == a->y.shape.dim[d]; d--)
            index[d] = 0;
    }
}

/* The element of x, dense, whose index is `index` with axis d replaced by k. */
static int64_t element(sp_shape x, const int64_t index[], int d, int64_t k)
{
    int64_t at = 0;
    for (int i = 0; i < x.rank; i++) at = at * x.dim[i] + (i == d ? k : index[i]);
    return at;
}

/* ---- reshape ---- */

static bool reshape_shape(const sp_call *c, sp_shape *y)
{
    int64_t have = sp_shape_size(c->shape[0]), given = 1;
    int free_axis = -1;

    *y = *(const sp_shape *)c->attr;
    if (y->rank < 0 || y->rank > SP_MAX_RANK)
        return sp_refuse(c, "the new shape has rank %lld; 0 to %d are allowed", (long long)y->rank,
                         SP_MAX_RANK);
    for (int d = 0; d < y->rank; d++) {
        if (y->dim[d] >= 0) {
            if (!sp_size_mul(given, y->dim[d], &given))
                return sp_refuse(c, "the new shape is too large");
        } else if (y->dim[d] == -1 && free_axis < 0) free_axis = d;
        else return sp_refuse(c, "size %lld on axis %d", (long long)y->dim[d], d);
    }
    if (free_axis >= 0) {
        if (given == 0 || have % given)
            return sp_refuse(c, "%lld elements do not fill rows of %lld", (long long)have,
                             (long long)given);
        y->dim[free_axis] = have / given;
    } else if (given != have) {
        char text[SP_SHAPE_TEXT];
        return sp_refuse(c, "%lld elements do not fill %s", (long long)have,
                         sp_shape_text(*y, text));
    }
    return true;
}

/* The axes [d, e) of x, of product p, run evenly: fill y's axes [i, j) of the same product. */
static bool even(sp_shape x, const sp_layout *from, int d, int e)
{
    for (int k = d; k + 1 < e; k++)
        if (from->stride[k] != from->stride[k + 1] * x.dim[k + 1]) return false;
    return true;
}

static void drop_ones(sp_shape *x, sp_layout *layout)
{
    int rank = 0;
    for (int d = 0; d < x->rank; d++) {
        if (x->dim[d] == 1) continue;
        x->dim[rank] = x->dim[d];
        layout->stride[rank++] = layout->stride[d];
    }
    x->rank = rank;
}

/* Runs of axes of x and y with equal products are matched; within a run x must lie evenly. */
static bool reshape_view(const sp_call *c, const sp_layout *from, sp_shape y, sp_layout *to)
{
    sp_shape x = c->shape[0];
    sp_layout at = *from;

    *to = sp_shape_layout(y);
    to->offset = from->offset;
    if (sp_shape_size(x) == 0) return true;
    drop_ones(&x, &at);
    for (int d = 0, i = 0; d < x.rank;) {
        int e = d + 1, j = i + 1;
        int64_t p = x.dim[d], q = y.dim[i];
        while (p != q) {
            if (p < q) p *= x.dim[e++];
            else q *= y.dim[j++];
        }
        if (!even(x, &at, d, e)) return false;
        int64_t stride = at.stride[e - 1];
        for (int k = j - 1; k >= i; k--) to->stride[k] = stride, stride *= y.dim[k];
        d = e;
        i = j;
    }
    return true;
}

static void reshape_vjp(const sp_pullback *v)
{
    sp_push(v, 0, sp_reshape(v->g, sp_var_shape(v->x[0])));
}

static void reshape_reference(const sp_args *a)
{
    memcpy(a->y.data, a->x[0].data, (size_t)sp_shape_size(a->y.shape) * sizeof(double));
}

static const sp_sample reshape_samples[] = {
    { .in = "2x6", .attr = &SP_SHAPE(3, 4) },
    { .in = "2x3x4", .attr = &SP_SHAPE(-1, 4) },
    { .in = "1", .attr = &SP_SCALAR },
    { .in = ".", .attr = &SP_SHAPE(1, 1) },
    { .in = "0x3", .attr = &SP_SHAPE(3, 0) },
    { .in = "4x3", .attr = &SP_SHAPE(2, 2, 3, 1) },
    { .in = "2x3", .attr = &SP_SHAPE(4, 2), .fails = "6 elements do not fill [4,2]" },
    { .in = "2x3", .attr = &SP_SHAPE(-1, 4), .fails = "6 elements do not fill rows of 4" },
    { .in = "2x3", .attr = &SP_SHAPE(-1, -1), .fails = "size -1 on axis 1" },
    { 0 },
};

extern const sp_op sp__op_reshape;
const sp_op sp__op_reshape = {
    .name = "reshape", .maths = "the same elements in another shape", .kind = SP_VIEW, .n_in = 1,
    .attr_size = sizeof(sp_shape), .dtype = sp_dtype_alike, .shape = reshape_shape,
    .view = reshape_view, .vjp = reshape_vjp, .reference = reshape_reference,
    .samples = reshape_samples,
};

sp_var sp_reshape(sp_var x, sp_shape shape)
{
    return sp_apply(&sp__op_reshape, 1, &x, &shape, NULL);
}

/* The sentences of functions that need no record name what the user called, and x. */
static sp_var misplaced(sp_var x, const char *name, int axis, const char *what)
{
    char text[SP_SHAPE_TEXT];
    return sp_tape_fail(x.tape, "%s: %s: %s %d in rank %lld", sp__called(x.tape, name),
                        sp_shape_text(sp_var_shape(x), text), what, axis,
                        (long long)sp_var_shape(x).rank);
}

sp_var sp_unsqueeze(sp_var x, int axis)
{
    sp_shape shape = sp_var_shape(x), y = { shape.rank + 1, { 0 } };
    int d = sp_axis(axis, shape.rank + 1);

    if (!sp__readable(x.tape, x, "unsqueeze")) return sp__nothing(x.tape);
    if (d < 0 || shape.rank == SP_MAX_RANK)
        return misplaced(x, "unsqueeze", axis, "there is no place");
    for (int i = 0; i < y.rank; i++) y.dim[i] = i == d ? 1 : shape.dim[i - (i > d)];
    return sp_reshape(x, y);
}

sp_var sp_squeeze(sp_var x, int axis)
{
    sp_shape shape = sp_var_shape(x), y = { shape.rank - 1, { 0 } };
    int d = sp_axis(axis, shape.rank);

    if (!sp__readable(x.tape, x, "squeeze")) return sp__nothing(x.tape);
    if (d < 0 || shape.dim[d] != 1)
        return misplaced(x, "squeeze", axis,
                         d < 0 ? "there is no axis" : "the size is not 1 on axis");
    for (int i = 0; i < y.rank; i++) y.dim[i] = shape.dim[i + (i >= d)];
    return sp_reshape(x, y);
}

/* ---- permute ---- */

typedef struct order { int64_t n, axis[SP_MAX_RANK]; } order;

static bool permute_shape(const sp_call *c, sp_shape *y)
{
    const order *o = c->attr;
    unsigned seen = 0;

    *y = c->shape[0];
    if (o->n != y->rank)
        return sp_refuse(c, "%lld axes are named and there are %lld", (long long)o->n,
                         (long long)y->rank);
    for (int i = 0; i < o->n; i++) {
        int d = sp_axis((int)o->axis[i], y->rank);
        if (d < 0) return bad_axis(c, o->axis[i]);
        if (seen & 1u << d) return sp_refuse(c, "axis %d is named twice", d);
        seen |= 1u << d;
        y->dim[i] = c->shape[0].dim[d];
    }
    return true;
}

static bool permute_view(const sp_call *c, const sp_layout *from, sp_shape y, sp_layout *to)
{
    const order *o = c->attr;

    to->offset = from->offset;
    for (int i = 0; i < y.rank; i++) to->stride[i] = from->stride[sp_axis((int)o->axis[i], y.rank)];
    return true;
}

static void permute_vjp(const sp_pullback *v)
{
    const order *o = v->attr;
    sp_axes back = { (int)o->n, { 0 } };

    for (int i = 0; i < o->n; i++) back.axis[sp_axis((int)o->axis[i], o->n)] = i;
    sp_push(v, 0, sp_permute(v->g, back));
}

static int64_t permuted(const sp_args *a, const int64_t index[])
{
    const order *o = a->attr;
    int64_t from[SP_MAX_RANK];

    for (int i = 0; i < o->n; i++) from[o->axis[i]] = index[i];
    return element(a->x[0].shape, from, -1, 0);
}

static void permute_reference(const sp_args *a) { copy_by(a, permuted); }

static const sp_sample permute_samples[] = {
    { .in = "3x4", .attr = &(order){ 2, { 1, 0 } } },
    { .in = "2x3x4", .attr = &(order){ 3, { 2, 0, 1 } } },
    { .in = "0x3", .attr = &(order){ 2, { 1, 0 } } }, { .in = ".", .attr = &(order){ 0, { 0 } } },
    { .in = "3x4", .attr = &(order){ 2, { 0, 0 } }, .fails = "axis 0 is named twice" },
    { .in = "3x4", .attr = &(order){ 2, { 0, 2 } }, .fails = "no axis 2" },
    { .in = "3x4", .attr = &(order){ 1, { 0 } },
      .fails = "1 axes are named and there are 2" }, { 0 },
};

extern const sp_op sp__op_permute;
const sp_op sp__op_permute = {
    .name = "permute", .maths = "axis i of y is axis axis[i] of x", .kind = SP_VIEW, .n_in = 1,
    .attr_size = sizeof(order), .dtype = sp_dtype_alike, .shape = permute_shape,
    .view = permute_view, .vjp = permute_vjp, .reference = permute_reference,
    .samples = permute_samples,
};

sp_var sp_permute(sp_var x, sp_axes axes)
{
    order o = { axes.n, { 0 } };
    for (int i = 0; i < axes.n && i < SP_MAX_RANK; i++) o.axis[i] = axes.axis[i];
    return sp_apply(&sp__op_permute, 1, &x, &o, NULL);
}

sp_var sp_transpose(sp_var x, int axis_a, int axis_b)
{
    int64_t rank = sp_var_shape(x).rank;
    int a = sp_axis(axis_a, rank), b = sp_axis(axis_b, rank);
    sp_axes axes = { (int)rank, { 0 } };

    if (!sp__readable(x.tape, x, "transpose")) return sp__nothing(x.tape);
    if (a < 0 || b < 0)
        return misplaced(x, "transpose", a < 0 ? axis_a : axis_b, "there is no axis");
    for (int i = 0; i < rank; i++) axes.axis[i] = i == a ? b : i == b ? a : i;
    return sp_permute(x, axes);
}

/* ---- slice ---- */

typedef struct cut { int64_t axis, start, count, step; } cut;

static bool slice_shape(const sp_call *c, sp_shape *y)
{
    const cut *s = c->attr;
    int d = sp_axis((int)s->axis, c->shape[0].rank);

    if (d < 0) return bad_axis(c, s->axis);
    int64_t size = c->shape[0].dim[d], last;
    if (s->step < 1 || s->count < 0 || s->start < 0 || !sp_size_mul(s->count - 1, s->step, &last)
        || (s->count > 0 && last > size - 1 - s->start) || s->start > size)
        return sp_refuse(
            c, "%lld elements from %lld in steps of %lld do not lie in axis %d of size %lld",
            (long long)s->count, (long long)(s->start < 0 ? s->start - size : s->start),
            (long long)s->step, d, (long long)size);
    *y = c->shape[0];
    y->dim[d] = s->count;
    return true;
}

static bool slice_view(const sp_call *c, const sp_layout *from, sp_shape y, sp_layout *to)
{
    const cut *s = c->attr;
    int d = sp_axis((int)s->axis, y.rank);

    *to = *from;
    if (s->count > 0) to->offset += s->start * from->stride[d];
    to->stride[d] *= s->step;
    return true;
}

static void slice_vjp(const sp_pullback *v)
{
    const cut *s = v->attr;
    int64_t size = sp_var_dim(v->x[0], (int)s->axis);
    sp_push(v, 0, sp_place(v->g, (int)s->axis, s->start, s->step, size));
}

static int64_t sliced(const sp_args *a, const int64_t index[])
{
    const cut *s = a->attr;
    int d = sp_axis((int)s->axis, a->y.shape.rank);
    return element(a->x[0].shape, index, d, s->start + index[d] * s->step);
}

static void slice_reference(const sp_args *a) { copy_by(a, sliced); }

static const sp_sample slice_samples[] = {
    { .in = "5x3", .attr = &(cut){ 0, 1, 2, 2 } },
    { .in = "2x7", .attr = &(cut){ -1, 0, 3, 3 } },
    { .in = "2x7", .attr = &(cut){ 1, 6, 1, 1 } },
    { .in = "4", .attr = &(cut){ 0, 2, 0, 1 } },
    { .in = "2x3", .attr = &(cut){ 1, 2, 2, 1 },
      .fails = "2 elements from 2 in steps of 1 do not lie in axis 1 of size 3" },
    { .in = "2x3", .attr = &(cut){ 1, 0, 1, 0 }, .fails = "steps of 0" },
    { .in = ".", .attr = &(cut){ 0, 0, 1, 1 }, .fails = "no axis 0" },
    { 0 },
};

extern const sp_op sp__op_slice;
const sp_op sp__op_slice = {
    .name = "slice", .maths = "y[i] = x[start + i step] along an axis", .kind = SP_VIEW, .n_in = 1,
    .attr_size = sizeof(cut), .dtype = sp_dtype_alike, .shape = slice_shape, .view = slice_view,
    .vjp = slice_vjp, .reference = slice_reference, .samples = slice_samples,
};

sp_var sp_slice_step(sp_var x, int axis, int64_t start, int64_t count, int64_t step)
{
    cut s = { axis, start, count, count <= 1 && step > 1 ? 1 : step };
    if (start < 0 && !sp_is_nothing(x)) s.start += sp_var_dim(x, axis);
    return sp_apply(&sp__op_slice, 1, &x, &s, NULL);
}

sp_var sp_slice(sp_var x, int axis, int64_t start, int64_t count)
{
    return sp_slice_step(x, axis, start, count, 1);
}

sp_var sp_select(sp_var x, int axis, int64_t index)
{
    return SP_CALLED(x, "select", sp_squeeze(sp_slice(x, axis, index, 1), axis));
}

bool sp_split(sp_var x, int axis, int n, sp_var part[])
{
    int64_t size = sp_var_dim(x, axis);
    char text[SP_SHAPE_TEXT];

    if (sp__readable(x.tape, x, "split")) {
        if (sp_axis(axis, sp_var_shape(x).rank) < 0)
            misplaced(x, "split", axis, "there is no axis");
        else if (n < 1 || size % n != 0)
            sp_tape_fail(x.tape, "split: %s: axis %d of size %lld does not make %d equal parts",
                         sp_shape_text(sp_var_shape(x), text), axis, (long long)size, n);
    }
    for (int i = 0; i < n; i++)
        part[i] = SP_CALLED(x, "split", sp_slice(x, axis, i * (size / n), size / n));
    return n > 0 && !sp_is_nothing(part[n - 1]);
}
