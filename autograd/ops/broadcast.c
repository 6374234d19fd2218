/* SPDX-License-Identifier: MIT
 *
 * broadcast - views that repeat or reverse, and the one that stops gradients.
 */
#include <string.h>
#include "autograd/ops.h"
#include "autograd/ops/records.h"

/* ---- broadcast ---- */

static bool broadcast_shape(const sp_call *c, sp_shape *y)
{
    sp_shape both;
    char text[SP_SHAPE_TEXT];

    *y = *(const sp_shape *)c->attr;
    if (!sp_shape_check(*y)) return sp_refuse(c, "%s", sp_error());
    if (!sp_shape_broadcast(c->shape[0], *y, &both) || !sp_shape_equal(both, *y))
        return sp_refuse(c, "it does not broadcast to %s", sp_shape_text(*y, text));
    return true;
}

static bool broadcast_view(const sp_call *c, const sp_layout *from, sp_shape y, sp_layout *to)
{
    *to = sp_layout_broadcast(c->shape[0], from, y);
    return true;
}

/* The sweep sums it back to x's shape. */
static void broadcast_vjp(const sp_pullback *v) { sp_push(v, 0, v->g); }

static void broadcast_reference(const sp_args *a)
{
    sp_shape x = a->x[0].shape, y = a->y.shape;

    for (int64_t i = 0; i < sp_shape_size(y); i++) {
        int64_t rest = i, at = 0, stride = 1;
        for (int d = (int)y.rank - 1, k = (int)x.rank - 1; k >= 0; d--, k--) {
            at += (x.dim[k] == 1 ? 0 : rest % y.dim[d]) * stride;
            stride *= x.dim[k];
            rest /= y.dim[d];
        }
        ((double *)a->y.data)[i] = ((const double *)a->x[0].data)[at];
    }
}

static const sp_sample broadcast_samples[] = {
    { .in = "3", .attr = &SP_SHAPE(2, 3) },
    { .in = "3x1", .attr = &SP_SHAPE(2, 3, 4) },
    { .in = ".", .attr = &SP_SHAPE(2) },
    { .in = "1x3", .attr = &SP_SHAPE(0, 3) },
    { .in = "2x3", .attr = &SP_SHAPE(2, 3) },
    { .in = "3", .attr = &SP_SHAPE(3, 2), .fails = "does not broadcast to [3,2]" },
    { .in = "2x3", .attr = &SP_SHAPE(3), .fails = "does not broadcast to [3]" },
    { 0 },
};

const sp_op sp__op_broadcast = {
    .name = "broadcast",
    .maths = "x repeated along axes of size 1 and new ones",
    .kind = SP_VIEW,
    .n_in = 1,
    .attr_size = sizeof(sp_shape),
    .dtype = sp_dtype_alike,
    .shape = broadcast_shape,
    .view = broadcast_view,
    .vjp = broadcast_vjp,
    .reference = broadcast_reference,
    .samples = broadcast_samples,
};

sp_var sp_broadcast(sp_var x, sp_shape shape)
{
    return sp_apply(&sp__op_broadcast, 1, &x, &shape, NULL);
}

/* ---- flip ---- */

static bool flip_shape(const sp_call *c, sp_shape *y)
{
    int64_t axis = *(const int64_t *)c->attr;

    *y = c->shape[0];
    if (sp_axis((int)axis, y->rank) >= 0) return true;
    return sp_refuse(c, "there is no axis %lld in rank %lld", (long long)axis, (long long)y->rank);
}

static bool flip_view(const sp_call *c, const sp_layout *from, sp_shape y, sp_layout *to)
{
    int d = sp_axis((int)*(const int64_t *)c->attr, y.rank);

    *to = *from;
    if (y.dim[d] > 0) to->offset += (y.dim[d] - 1) * from->stride[d];
    to->stride[d] = -from->stride[d];
    return true;
}

static void flip_vjp(const sp_pullback *v)
{
    sp_push(v, 0, sp_flip(v->g, (int)*(const int64_t *)v->attr));
}

static void flip_reference(const sp_args *a)
{
    sp_shape s = a->y.shape;
    int d = sp_axis((int)*(const int64_t *)a->attr, s.rank);
    int64_t inner = 1, n = s.dim[d];

    for (int k = d + 1; k < s.rank; k++) inner *= s.dim[k];
    for (int64_t i = 0; i < sp_shape_size(s); i++) {
        int64_t at = i / inner % n, mirrored = i + (n - 1 - 2 * at) * inner;
        ((double *)a->y.data)[i] = ((const double *)a->x[0].data)[mirrored];
    }
}

static const sp_sample flip_samples[] = {
    { .in = "5", .attr = &(int64_t){ 0 } }, { .in = "2x3x4", .attr = &(int64_t){ 1 } },
    { .in = "2x3", .attr = &(int64_t){ -1 } }, { .in = "0x2", .attr = &(int64_t){ 0 } },
    { .in = "2x3", .attr = &(int64_t){ 2 }, .fails = "no axis 2" }, { 0 },
};

extern const sp_op sp__op_flip;
const sp_op sp__op_flip = {
    .name = "flip", .maths = "x backwards along an axis", .kind = SP_VIEW, .n_in = 1,
    .attr_size = sizeof(int64_t), .dtype = sp_dtype_alike, .shape = flip_shape, .view = flip_view,
    .vjp = flip_vjp, .reference = flip_reference, .samples = flip_samples,
};

sp_var sp_flip(sp_var x, int axis)
{
    int64_t attr = axis;
    return sp_apply(&sp__op_flip, 1, &x, &attr, NULL);
}

/* ---- detach ---- */

static bool detach_view(const sp_call *c, const sp_layout *from, sp_shape y, sp_layout *to)
{
    (void)c, (void)y;
    *to = *from;
    return true;
}

static void detach_reference(const sp_args *a)
{
    memcpy(a->y.data, a->x[0].data, (size_t)sp_shape_size(a->y.shape) * sizeof(double));
}

static const sp_sample detach_samples[] = {
    { .in = "3x4" }, { .in = "." }, { .in = "0x2" }, { 0 },
};

extern const sp_op sp__op_detach;
const sp_op sp__op_detach = {
    .name = "detach", .maths = "x, through which no gradient passes", .kind = SP_VIEW, .n_in = 1,
    .constant = true, .dtype = sp_dtype_alike, .shape = sp_shape_first, .view = detach_view,
    .reference = detach_reference, .samples = detach_samples,
};

sp_var sp_detach(sp_var x) { return sp_apply(&sp__op_detach, 1, &x, NULL, NULL); }
