/* SPDX-License-Identifier: MIT
 *
 * along - elements picked and put by an index of their own along an axis: take_along_axis and
 * its opposite, scatter.
 *
 * Operands are seen as [outer, n, inner]: x and y differ from the index in n only.
 */
#include <string.h>
#include "autograd/called.h"
#include "autograd/ops.h"
#include "autograd/ops/index.h"
#include "autograd/ops/records.h"

/* ---- what the two share ---- */

typedef struct grid { int64_t outer, n, inner; } grid;

static grid grid_of(sp_shape shape, int64_t axis)
{
    int d = sp_axis((int)axis, shape.rank);
    grid s = { 1, shape.dim[d], 1 };

    for (int k = 0; k < d; k++) s.outer *= shape.dim[k];
    for (int k = d + 1; k < shape.rank; k++) s.inner *= shape.dim[k];
    return s;
}

/* Whether x and the index have equal shapes but for the axis. */
static bool fits(const sp_call *c, int64_t axis)
{
    sp_shape x = c->shape[0], index = c->shape[1];
    int d = sp_axis((int)axis, x.rank);

    if (d < 0)
        return sp_refuse(c, "there is no axis %lld in rank %lld", (long long)axis,
                         (long long)x.rank);
    if (index.rank != x.rank)
        return sp_refuse(c, "the index must have rank %lld, not %lld", (long long)x.rank,
                         (long long)index.rank);
    for (int k = 0; k < x.rank; k++)
        if (k != d && x.dim[k] != index.dim[k])
            return sp_refuse(c, "sizes %lld and %lld differ on axis %d", (long long)x.dim[k],
                             (long long)index.dim[k], k);
    return true;
}

/* v with its axes of size 1, all but `axis`, as large as like's. */
static sp_var spread_beside(const char *op, sp_var v, sp_var like, int axis)
{
    sp_shape from = sp_var_shape(v), to = from, other = sp_var_shape(like);
    int d = sp_axis(axis, from.rank);

    if (other.rank != from.rank) return v;
    for (int k = 0; k < from.rank; k++)
        if (k != d && from.dim[k] == 1) to.dim[k] = other.dim[k];
    return sp_shape_equal(from, to) ? v : SP_CALLED(v, op, sp_broadcast(v, to));
}

/* ---- take_along_axis ---- */

static bool take_dtype(const sp_call *c, sp_dtype *y)
{
    *y = c->dtype[0];
    return sp__index_dtype(c, 1);
}

static bool take_shape(const sp_call *c, sp_shape *y)
{
    *y = c->shape[1];
    return fits(c, *(const int64_t *)c->attr);
}

#define TAKE(T)                                                                     \
    static void take_##T(const sp_args *a)                                          \
    {                                                                               \
        grid s = grid_of(a->x[0].shape, *(const int64_t *)a->attr);                 \
        int64_t rows = s.outer * grid_of(a->y.shape, *(const int64_t *)a->attr).n;  \
        const T *x = a->x[0].data;                                                  \
        T *y = a->y.data;                                                           \
        for (int64_t row = 0, i = 0; row < rows; row++) {                           \
            const T *from = x + row / (rows / s.outer) * s.n * s.inner;             \
            for (int64_t k = 0; k < s.inner; k++, i++) {                            \
                int64_t at = sp__index_in(a, &a->x[1], i, s.n);                     \
                if (at < 0) return;                                                 \
                y[i] = from[at * s.inner + k];                                      \
            }                                                                       \
        }                                                                           \
    }
TAKE(uint8_t)
TAKE(uint32_t)
TAKE(uint64_t)

static void take_vjp(const sp_pullback *v)
{
    sp_var zeros = sp_full(v->g.tape, sp_var_dtype(v->g), sp_var_shape(v->x[0]), 0);
    sp_push(v, 0, sp_scatter(zeros, v->x[1], v->g, (int)*(const int64_t *)v->attr, SP_SCATTER_ADD));
}

/* The element of x that has y's index but for `at` along the axis; dense, by whole indices. */
static int64_t element(sp_shape y, sp_shape x, int64_t i, int d, int64_t at)
{
    int64_t index[SP_MAX_RANK], found = 0;

    for (int k = (int)y.rank - 1; k >= 0; k--) {
        index[k] = i % y.dim[k];
        i /= y.dim[k];
    }
    for (int k = 0; k < x.rank; k++) found = found * x.dim[k] + (k == d ? at : index[k]);
    return found;
}

static void take_reference(const sp_args *a)
{
    const int64_t *index = a->x[1].data;
    int d = sp_axis((int)*(const int64_t *)a->attr, a->y.shape.rank);

    for (int64_t i = 0; i < sp_shape_size(a->y.shape); i++) {
        int64_t from = element(a->y.shape, a->x[0].shape, i, d, index[i]);
        memcpy((char *)a->y.data + 8 * i, (const char *)a->x[0].data + 8 * from, 8);
    }
}

#define ALONG(d) &(int64_t){ d }
static const sp_sample take_samples[] = {
    { .in = "5 7:i64", 0, 5, ALONG(0) }, { .in = "5x3 2x3:i64", 0, 5, ALONG(0) },
    { .in = "2x5 2x7:i32", 0, 5, ALONG(-1) }, { .in = "2x5x3 2x4x3:i64", 0, 5, ALONG(1) },
    { .in = "2x5x1x2 2x1x1x2:i32", 0, 5, ALONG(1) }, { .in = "5x3 0x3:i64", 0, 5, ALONG(0) },
    { .in = "0x3 0x3:i64", 0, 5, ALONG(0) }, { .in = "5x0 2x0:i64", 0, 5, ALONG(0) },
    { .in = "0x5 0x2:i64", 0, 5, ALONG(1) },
    { .in = "5x2:i32 3x2:i64", 0, 5, ALONG(0) }, { .in = "5x2:i64 3x2:i64", 0, 5, ALONG(0) },
    { .in = "5x2:bool 3x2:i32", 0, 2, ALONG(0) },
    { .in = "5x3 2x3:i64", 5, 6, ALONG(0),
      .fails = "index 5 at position [0,0] is outside [0,5)" },
    { .in = "5 2:i32", -1, 0, ALONG(0), .fails = "index -1 at position 0 is outside [0,5)" },
    { .in = "0 2:i32", 0, 1, ALONG(0), .fails = "index 0 at position 0 is outside [0,0)" },
    { .in = "5x3 2x4:i64", 0, 5, ALONG(0), .fails = "sizes 3 and 4 differ on axis 1" },
    { .in = "5x3 2:i64", 0, 5, ALONG(0), .fails = "the index must have rank 2, not 1" },
    { .in = "5x3 5x3:i64", 0, 3, ALONG(2), .fails = "there is no axis 2 in rank 2" },
    { .in = ". .:i64", 0, 1, ALONG(0), .fails = "there is no axis 0 in rank 0" },
    { .in = "5 2", .attr = ALONG(0), .fails = "indices must be i32 or i64, not f" }, { 0 },
};

extern const sp_op sp__op_take_along_axis;
const sp_op sp__op_take_along_axis = {
    .name = "take_along_axis", .maths = "y[i,j,k] = x[i, index[i,j,k], k] along an axis",
    .kind = SP_GATHER, .n_in = 2, .attr_size = sizeof(int64_t),
    .dtype = take_dtype, .shape = take_shape,
    .kernels = { [SP_PORTABLE] = { [SP_F32] = take_uint32_t, [SP_F64] = take_uint64_t,
                                   [SP_I32] = take_uint32_t, [SP_I64] = take_uint64_t,
                                   [SP_BOOL] = take_uint8_t } },
    .vjp = take_vjp, .reference = take_reference, .samples = take_samples,
};

sp_var sp_take_along_axis(sp_var x, sp_var index, int axis)
{
    const char *op = "take_along_axis";
    sp_var wide = spread_beside(op, x, index, axis), at = spread_beside(op, index, x, axis);
    return sp_apply(&sp__op_take_along_axis, 2, (sp_var[]){ wide, at }, ALONG(axis), NULL);
}

/* ---- scatter ---- */

typedef struct scatter_attr { int64_t axis, how; } scatter_attr;

static bool scatter_dtype(const sp_call *c, sp_dtype *y)
{
    const scatter_attr *at = c->attr;

    *y = c->dtype[0];
    if (c->dtype[2] != *y)
        return sp_refuse(c, "dtypes %s and %s differ; convert one with sp_cast", sp_dtype_name(*y),
                         sp_dtype_name(c->dtype[2]));
    if (at->how != SP_SCATTER_SET && *y == SP_BOOL)
        return sp_refuse(c, "it needs numbers, not bool; sp_cast converts");
    return sp__index_dtype(c, 1);
}

static bool scatter_shape(const sp_call *c, sp_shape *y)
{
    const scatter_attr *at = c->attr;

    *y = c->shape[0];
    if (at->how < SP_SCATTER_SET || at->how > SP_SCATTER_MIN)
        return sp_refuse(c, "there is no way %lld to scatter", (long long)at->how);
    if (!fits(c, at->axis)) return false;
    return sp_shape_equal(c->shape[1], c->shape[2])
        || sp_refuse(c, "what is scattered must have the shape of the index");
}

/* NaN wins over every number. */
#define SCATTER(T, plus)                                                            \
    static void put_##T(T *y, T x, int64_t how)                                     \
    {                                                                               \
        if (how == SP_SCATTER_SET) *y = x;                                          \
        else if (how == SP_SCATTER_ADD) *y = plus;                                  \
        else if (x != x || (how == SP_SCATTER_MAX ? x > *y : x < *y)) *y = x;       \
    }                                                                               \
    static void scatter_##T(const sp_args *a)                                       \
    {                                                                               \
        const scatter_attr *attr = a->attr;                                         \
        grid s = grid_of(a->x[0].shape, attr->axis);                                \
        int64_t rows = s.outer * grid_of(a->x[1].shape, attr->axis).n;              \
        const T *x = a->x[2].data;                                                  \
        T *y = a->y.data;                                                           \
        memcpy(y, a->x[0].data, (size_t)sp_shape_size(a->y.shape) * sizeof *y);     \
        for (int64_t row = 0, i = 0; row < rows; row++) {                           \
            T *to = y + row / (rows / s.outer) * s.n * s.inner;                     \
            for (int64_t k = 0; k < s.inner; k++, i++) {                            \
                int64_t at = sp__index_in(a, &a->x[1], i, s.n);                     \
                if (at < 0) return;                                                 \
                put_##T(to + at * s.inner + k, x[i], attr->how);                    \
            }                                                                       \
        }                                                                           \
    }
SCATTER(float, *y + x)
SCATTER(double, *y + x)
SCATTER(int32_t, (int32_t)((uint32_t)*y + (uint32_t)x))
SCATTER(int64_t, (int64_t)((uint64_t)*y + (uint64_t)x))
SCATTER(uint8_t, x)

/* Where the element of src is the last one put at its place: then the place remembers its
   position along the axis. */
static sp_var stayed(const sp_pullback *v, int d)
{
    sp_shape shape = sp_var_shape(v->x[1]), along = { shape.rank, { 0 } };

    for (int k = 0; k < shape.rank; k++) along.dim[k] = k == d ? shape.dim[k] : 1;
    sp_var count = sp_arange(v->g.tape, SP_I64, 0, shape.dim[d], 1);
    sp_var position = sp_broadcast(sp_reshape(count, along), shape);
    sp_var nowhere = sp_full(v->g.tape, SP_I64, sp_var_shape(v->x[0]), 0);
    sp_var last = sp_scatter(nowhere, v->x[1], position, d, SP_SCATTER_SET);

    return sp_equal(sp_take_along_axis(last, v->x[1], d), position);
}

static void set_vjp(const sp_pullback *v, int d)
{
    sp_var zero = sp_number(v->g, 0);

    if (sp_wants(v, 0)) sp_push(v, 0, sp_scatter(v->g, v->x[1], zero, d, SP_SCATTER_SET));
    if (sp_wants(v, 2))
        sp_push(v, 2, sp_where(stayed(v, d), sp_take_along_axis(v->g, v->x[1], d), zero));
}

/* Those that equal the result share its gradient evenly.  Where something met a NaN nothing does,
   and 0 / 0 says so; where nothing was put x stays, NaN or not. */
static void extreme_vjp(const sp_pullback *v, int d)
{
    sp_tape *tape = v->g.tape;
    sp_var zero = sp_number(v->g, 0), index = v->x[1], no = sp_const(tape, SP_BOOL, 0);
    sp_var untouched = sp_scatter(sp_full(tape, SP_BOOL, sp_var_shape(v->y), 1), index, no, d,
                                  SP_SCATTER_SET);
    sp_var there = sp_take_along_axis(v->y, index, d);
    sp_var kept = sp_where(untouched, untouched, sp_equal(v->x[0], v->y));
    sp_var put = sp_equal(v->x[2], there);
    sp_dtype dtype = sp_var_dtype(v->g);
    sp_var count = sp_scatter(sp_cast(kept, dtype), index, sp_cast(put, dtype), d, SP_SCATTER_ADD);

    sp_push(v, 0, sp_div(sp_where(kept, v->g, zero), count));
    sp_push(v, 2, sp_div(sp_where(put, sp_take_along_axis(v->g, index, d), zero),
                         sp_take_along_axis(count, index, d)));
}

static void scatter_vjp(const sp_pullback *v)
{
    const scatter_attr *at = v->attr;
    int d = sp_axis((int)at->axis, sp_var_shape(v->y).rank);

    if (at->how == SP_SCATTER_SET) set_vjp(v, d);
    if (at->how == SP_SCATTER_MAX || at->how == SP_SCATTER_MIN) extreme_vjp(v, d);
    if (at->how != SP_SCATTER_ADD) return;
    sp_push(v, 0, v->g);
    if (sp_wants(v, 2)) sp_push(v, 2, sp_take_along_axis(v->g, v->x[1], d));
}

/* Two numbers of an operand, f64 or i64, put together. */
static void combine(const sp_args *a, int64_t to, int64_t from)
{
    const scatter_attr *at = a->attr;
    double *y = (double *)a->y.data + to;
    const double *x = (const double *)a->x[2].data + from;
    int64_t *whole_y = (int64_t *)y;
    const int64_t *whole_x = (const int64_t *)x;
    bool floating = sp_is_floating(a->y.dtype);
    bool larger = floating ? *x > *y : *whole_x > *whole_y;

    if (at->how == SP_SCATTER_ADD && floating) *y += *x;
    else if (at->how == SP_SCATTER_ADD) *whole_y += *whole_x;
    else if (at->how == SP_SCATTER_SET || larger == (at->how == SP_SCATTER_MAX)) memcpy(y, x, 8);
}

static void scatter_reference(const sp_args *a)
{
    const int64_t *index = a->x[1].data;
    int d = sp_axis((int)((const scatter_attr *)a->attr)->axis, a->y.shape.rank);

    memcpy(a->y.data, a->x[0].data, (size_t)sp_shape_size(a->y.shape) * 8);
    for (int64_t i = 0; i < sp_shape_size(a->x[1].shape); i++)
        combine(a, element(a->x[1].shape, a->y.shape, i, d, index[i]), i);
}

#define INTO(axis, HOW) &(scatter_attr){ axis, SP_SCATTER_##HOW }
static const sp_sample scatter_samples[] = {
    { .in = "5 7:i64 7", 0, 5, INTO(0, SET) }, { .in = "5 7:i64 7", 0, 5, INTO(0, ADD) },
    { .in = "5 7:i64 7", 0, 5, INTO(0, MAX), .apart = true },
    { .in = "5 7:i64 7", 0, 5, INTO(0, MIN), .apart = true },
    { .in = "2x5x2 2x4x2:i32 2x4x2", 0, 5, INTO(1, SET) },
    { .in = "2x5x2 2x4x2:i64 2x4x2", 0, 5, INTO(1, ADD) },
    { .in = "2x5x2 2x4x2:i64 2x4x2", 0, 5, INTO(-2, MAX), .apart = true },
    { .in = "2x5x2 2x4x2:i64 2x4x2", 0, 5, INTO(1, MIN), .apart = true },
    { .in = "5x3 0x3:i64 0x3", 0, 5, INTO(0, SET) },
    { .in = "5x3 0x3:i64 0x3", 0, 5, INTO(0, MAX) },
    { .in = "0x3 0x3:i64 0x3", 0, 5, INTO(0, ADD) },
    { .in = "5x0 2x0:i64 2x0", 0, 5, INTO(0, SET) },
    { .in = "5 9:i64 9", 1, 1, INTO(0, MAX), .no_slope = true },
    { .in = "5x2:i32 9x2:i64 9x2:i32", 0, 5, INTO(0, SET) },
    { .in = "5x2:i32 9x2:i64 9x2:i32", 0, 5, INTO(0, ADD) },
    { .in = "5x2:i64 9x2:i32 9x2:i64", 0, 5, INTO(0, ADD) },
    { .in = "5x2:i64 9x2:i32 9x2:i64", 0, 5, INTO(0, MAX) },
    { .in = "5x2:i32 9x2:i32 9x2:i32", 0, 5, INTO(0, MIN) },
    { .in = "5:bool 2:i64 2:bool", 0, 2, INTO(0, SET) },
    { .in = "5:bool 2:i64 2:bool", 0, 2, INTO(0, ADD), .fails = "it needs numbers, not bool" },
    { .in = "5 2:i64 2:i32", 0, 2, INTO(0, ADD), .fails = "and i32 differ" },
    { .in = "5 2 2", .attr = INTO(0, ADD), .fails = "indices must be i32 or i64, not f" },
    { .in = "5x3 2x3:i64 2x3", 5, 6, INTO(0, ADD),
      .fails = "index 5 at position [0,0] is outside [0,5)" },
    { .in = "5 2:i32 2", -1, 0, INTO(0, SET), .fails = "index -1 at position 0 is outside [0,5)" },
    { .in = "5 2:i32 3", 0, 2, INTO(0, SET), .fails = "must have the shape of the index" },
    { .in = "5x3 2x4:i64 2x4", 0, 5, INTO(0, SET), .fails = "sizes 3 and 4 differ on axis 1" },
    { .in = "5 2:i64 2", 0, 2, INTO(1, SET), .fails = "there is no axis 1 in rank 1" },
    { .in = "5 2:i64 2", 0, 2, &(scatter_attr){ 0, 9 }, .fails = "no way 9 to scatter" }, { 0 },
};

extern const sp_op sp__op_scatter;
const sp_op sp__op_scatter = {
    .name = "scatter", .maths = "x with src put in at the index along an axis",
    .kind = SP_GATHER, .n_in = 3, .attr_size = sizeof(scatter_attr),
    .dtype = scatter_dtype, .shape = scatter_shape,
    .kernels = { [SP_PORTABLE] = { scatter_float, scatter_double, scatter_int32_t,
                                   scatter_int64_t, scatter_uint8_t } },
    .vjp = scatter_vjp, .reference = scatter_reference, .samples = scatter_samples,
};

sp_var sp_scatter(sp_var x, sp_var index, sp_var src, int axis, sp_scattering how)
{
    sp_var to = spread_beside("scatter", x, index, axis);
    sp_var at = spread_beside("scatter", index, x, axis);
    sp_shape shape = sp_var_shape(at), both;

    if (sp_shape_broadcast(sp_var_shape(src), shape, &both) && sp_shape_equal(both, shape)
        && !sp_shape_equal(sp_var_shape(src), shape))
        src = sp_broadcast(src, shape);
    return sp_apply(&sp__op_scatter, 3, (sp_var[]){ to, at, src }, &(scatter_attr){ axis, how },
                    NULL);
}
