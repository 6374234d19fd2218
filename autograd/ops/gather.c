/* SPDX-License-Identifier: MIT
 *
 * gather - rows picked by index along the first axis and any (take), rows added by index, and
 * indices as rows of 0 and 1.
 *
 * An index below 0 is an error like one beyond the end.
 */
#include <string.h>
#include "autograd/ops.h"
#include "autograd/ops/index.h"
#include "autograd/ops/records.h"

/* ---- indices ---- */

/* "5", or "[2,1]" where there is more than one axis. */
static char *position_text(sp_shape shape, int64_t i, char text[SP_SHAPE_TEXT])
{
    sp_shape at = { shape.rank, { 0 } };

    for (int d = (int)shape.rank - 1; d >= 0; d--) {
        at.dim[d] = i % shape.dim[d];
        i /= shape.dim[d];
    }
    if (shape.rank != 1) return sp_shape_text(at, text);
    snprintf(text, SP_SHAPE_TEXT, "%lld", (long long)at.dim[0]);
    return text;
}

void sp__index_fault(const sp_args *a, const sp_operand *index, int64_t i, int64_t n)
{
    char text[SP_SHAPE_TEXT];
    sp_fault(a, "index %lld at position %s is outside [0,%lld)", (long long)sp__index_at(index, i),
             position_text(index->shape, i, text), (long long)n);
}

bool sp__index_dtype(const sp_call *c, int k)
{
    if (c->dtype[k] == SP_I32 || c->dtype[k] == SP_I64) return true;
    return sp_refuse(c, "its indices must be i32 or i64, not %s", sp_dtype_name(c->dtype[k]));
}

/* Elements of one row: all axes of a shape from `first` on. */
static int64_t row_size(sp_shape shape, int64_t first)
{
    int64_t n = 1;
    for (int64_t d = first; d < shape.rank; d++) n *= shape.dim[d];
    return n;
}

/* *y = the first n axes of a, then those of b from `from` on. */
static bool joined(const sp_call *c, sp_shape a, int64_t n, sp_shape b, int64_t from, sp_shape *y)
{
    int64_t rank = n + b.rank - from;

    *y = (sp_shape){ rank, { 0 } };
    if (rank > SP_MAX_RANK)
        return sp_refuse(c, "the result would have rank %lld and %d is the most", (long long)rank,
                         SP_MAX_RANK);
    for (int64_t d = 0; d < rank; d++) y->dim[d] = d < n ? a.dim[d] : b.dim[d - n + from];
    return true;
}

/* ---- gather ---- */

static bool gather_dtype(const sp_call *c, sp_dtype *y)
{
    *y = c->dtype[0];
    return sp__index_dtype(c, 1);
}

static bool gather_shape(const sp_call *c, sp_shape *y)
{
    if (c->shape[0].rank == 0) return sp_refuse(c, "a scalar has no rows");
    return joined(c, c->shape[1], c->shape[1].rank, c->shape[0], 1, y);
}

static void gather_kernel(const sp_args *a)
{
    const sp_operand *index = &a->x[1];
    int64_t rows = a->x[0].shape.dim[0], n = sp_shape_size(index->shape);
    size_t bytes = (size_t)(row_size(a->x[0].shape, 1) * sp_dtype_size(a->y.dtype));
    const char *x = a->x[0].data;
    char *y = a->y.data;

    for (int64_t i = 0; i < n; i++) {
        int64_t at = sp__index_in(a, index, i, rows);
        if (at < 0) return;
        memcpy(y + (size_t)i * bytes, x + (size_t)at * bytes, bytes);
    }
}

static void gather_vjp(const sp_pullback *v)
{
    sp_push(v, 0, sp_scatter_add(v->g, v->x[1], sp_var_dim(v->x[0], 0)));
}

/* Element by element, where the kernel goes by rows; all elements have 8 bytes here. */
static void gather_reference(const sp_args *a)
{
    const int64_t *index = a->x[1].data;
    const char *x = a->x[0].data;
    char *y = a->y.data;
    int64_t row = row_size(a->x[0].shape, 1);

    for (int64_t i = 0; i < sp_shape_size(a->y.shape); i++)
        memcpy(y + 8 * i, x + 8 * (index[i / row] * row + i % row), 8);
}

static const sp_sample gather_samples[] = {
    { .in = "5x3 4:i64", 0, 5 }, { .in = "5 7:i32", 0, 5 }, { .in = "5x3 2x4:i64", 0, 5 },
    { .in = "5x3 .:i64", 0, 5 },
    { .in = "5x2x3 3:i32", 0, 5 }, { .in = "5x3 0:i64", 0, 5 }, { .in = "5x0 4:i64", 0, 5 },
    { .in = "0x3 0:i64", 0, 5 },
    { .in = "5x2:i32 4:i64", 0, 5 }, { .in = "5x2:i64 4:i32", 0, 5 },
    { .in = "5x2:bool 2:i64", 0, 2 },
    { .in = "5x3 4:i64", 5, 6, .fails = "index 5 at position 0 is outside [0,5)" },
    { .in = "5x3 2x2:i32", -1, 0, .fails = "index -1 at position [0,0] is outside [0,5)" },
    { .in = "0x3 2:i64", 0, 1, .fails = "outside [0,0)" },
    { .in = "5x3 4", .fails = "indices must be i32 or i64, not f" },
    { .in = ". 4:i64", 0, 1, .fails = "a scalar has no rows" },
    { .in = "2x1x1x1 2x1x1x1:i64", 0, 2, .fails = "rank 7" }, { 0 },
};

extern const sp_op sp__op_gather;
const sp_op sp__op_gather = {
    .name = "gather", .maths = "y[i..., :] = x[index[i...], :]", .kind = SP_GATHER, .n_in = 2,
    .dtype = gather_dtype, .shape = gather_shape,
    .kernels = { [SP_PORTABLE] = { gather_kernel, gather_kernel, gather_kernel, gather_kernel,
                                   gather_kernel } },
    .vjp = gather_vjp, .reference = gather_reference, .samples = gather_samples,
};

sp_var sp_gather(sp_var x, sp_var index)
{
    return sp_apply(&sp__op_gather, 2, (sp_var[]){ x, index }, NULL, NULL);
}

/* ---- take: gather along any axis ---- */

static int take_axis(const void *attr, sp_shape x) { return sp_axis(*(const int *)attr, x.rank); }

static bool take_shape(const sp_call *c, sp_shape *y)
{
    sp_shape x = c->shape[0], head;
    int d = take_axis(c->attr, x);

    if (d < 0)
        return sp_refuse(c, "there is no axis %d in rank %lld", *(const int *)c->attr,
                         (long long)x.rank);
    if (x.rank - 1 + c->shape[1].rank > SP_MAX_RANK)
        return joined(c, x, x.rank - 1, c->shape[1], 0, y);
    return joined(c, x, d, c->shape[1], 0, &head) && joined(c, head, head.rank, x, d + 1, y);
}

static void take_kernel(const sp_args *a)
{
    sp_shape shape = a->x[0].shape;
    int d = take_axis(a->attr, shape);
    int64_t rows = shape.dim[d], inner = row_size(shape, d + 1), n = sp_shape_size(a->x[1].shape);
    size_t bytes = (size_t)(inner * sp_dtype_size(a->y.dtype));
    int64_t outer = 1;

    for (int k = 0; k < d; k++) outer *= shape.dim[k];
    for (int64_t i = 0; i < n; i++) {
        int64_t at = sp__index_in(a, &a->x[1], i, rows);
        if (at < 0) return;
        const char *x = (const char *)a->x[0].data + (size_t)at * bytes;
        char *y = (char *)a->y.data + (size_t)i * bytes;
        for (int64_t o = 0; o < outer && bytes > 0; o++) {
            memcpy(y, x, bytes);
            x += (size_t)rows * bytes, y += (size_t)n * bytes;
        }
    }
}

/* The axis is brought to the front and what was gathered back to where it stood. */
static sp_var take_expand(int n, const sp_var x[], const void *attr, const double *scalar)
{
    int rank = (int)sp_var_shape(x[0]).rank, more = (int)sp_var_shape(x[1]).rank;
    int d = take_axis(attr, sp_var_shape(x[0]));
    sp_axes front = { rank, { d } }, back = { rank - 1 + more, { 0 } };

    (void)n, (void)scalar;
    if (d == 0) return sp_gather(x[0], x[1]);
    for (int k = 1; k < rank; k++) front.axis[k] = k - (k <= d);
    for (int k = 0; k < back.n; k++)
        back.axis[k] = k < d ? k + more : k < d + more ? k - d : k;
    return sp_permute(sp_gather(sp_permute(x[0], front), x[1]), back);
}

static void take_reference(const sp_args *a)
{
    sp_shape shape = a->x[0].shape;
    int d = take_axis(a->attr, shape);
    const int64_t *index = a->x[1].data;
    int64_t row = row_size(shape, d + 1), n = sp_shape_size(a->x[1].shape);

    for (int64_t i = 0; i < sp_shape_size(a->y.shape); i++) {
        int64_t from = i / (n * row) * shape.dim[d] + index[i / row % n], at = from * row + i % row;
        memcpy((char *)a->y.data + 8 * i, (const char *)a->x[0].data + 8 * at, 8);
    }
}

#define AXIS(d) &(int){ d }
static const sp_sample take_samples[] = {
    { .in = "3x5 4:i64", 0, 5, AXIS(1) }, { .in = "5x3 2x2:i32", 0, 5, AXIS(0) },
    { .in = "2x5x3 2x2:i64", 0, 5, AXIS(-2) }, { .in = "2x5 .:i64", 0, 5, AXIS(-1) },
    { .in = "2x5:i32 3:i64", 0, 5, AXIS(1) }, { .in = "2x5:bool 3:i32", 0, 2, AXIS(1) },
    { .in = "2x0 0:i64", 0, 5, AXIS(1) }, { .in = "0x5 3:i64", 0, 5, AXIS(1) },
    { .in = "2x3 4:i64", 3, 4, AXIS(1), .fails = "index 3 at position 0 is outside [0,3)" },
    { .in = "0x3 4:i64", -1, 0, AXIS(1), .fails = "index -1 at position 0 is outside [0,3)" },
    { .in = "2x3 4", .attr = AXIS(1), .fails = "indices must be i32 or i64, not f" },
    { .in = "2x3 4:i64", 0, 3, AXIS(2), .fails = "there is no axis 2 in rank 2" },
    { .in = "2x1x1x1 2x1x1x1:i64", 0, 1, AXIS(1), .fails = "rank 7" }, { 0 },
};
#undef AXIS

extern const sp_op sp__op_take;
const sp_op sp__op_take = {
    .name = "take", .maths = "y[..., i..., :] = x[..., index[i...], :]", .kind = SP_MACRO,
    .n_in = 2, .attr_size = sizeof(int), .dtype = gather_dtype, .shape = take_shape,
    .kernels = { [SP_PORTABLE] = { take_kernel, take_kernel, take_kernel, take_kernel,
                                   take_kernel } },
    .expand = take_expand, .reference = take_reference, .samples = take_samples,
};

sp_var sp_take(sp_var x, sp_var index, int axis)
{
    return sp_apply(&sp__op_take, 2, (sp_var[]){ x, index }, &axis, NULL);
}

/* ---- scatter_add ---- */

typedef struct scatter_attr { int64_t rows; } scatter_attr;

static bool scatter_dtype(const sp_call *c, sp_dtype *y)
{
    *y = c->dtype[0];
    if (!sp_is_floating(*y))
        return sp_refuse(c, "it needs f32 or f64, not %s; sp_cast converts", sp_dtype_name(*y));
    return sp__index_dtype(c, 1);
}

static bool scatter_shape(const sp_call *c, sp_shape *y)
{
    const scatter_attr *at = c->attr;
    sp_shape x = c->shape[0], index = c->shape[1];
    int64_t same = 0;

    while (same < index.rank && same < x.rank && x.dim[same] == index.dim[same]) same++;
    if (same < index.rank)
        return sp_refuse(c, "the first axes of the rows must be those of the index");
    if (at->rows < 0) return sp_refuse(c, "%lld rows", (long long)at->rows);
    return joined(c, SP_SHAPE(at->rows), 1, x, index.rank, y);
}

#define SCATTER(T)                                                                  \
    static void scatter_##T(const sp_args *a)                                       \
    {                                                                               \
        const sp_operand *index = &a->x[1];                                         \
        int64_t rows = a->y.shape.dim[0], row = row_size(a->y.shape, 1);            \
        const T *x = a->x[0].data;                                                  \
        T *y = a->y.data;                                                           \
        memset(y, 0, (size_t)(rows * row) * sizeof *y);                             \
        for (int64_t i = 0, n = sp_shape_size(index->shape); i < n; i++, x += row) { \
            int64_t at = sp__index_in(a, index, i, rows);                           \
            if (at < 0) return;                                                     \
            for (int64_t j = 0; j < row; j++) y[at * row + j] += x[j];              \
        }                                                                           \
    }
SCATTER(float)
SCATTER(double)

static void scatter_vjp(const sp_pullback *v) { sp_push(v, 0, sp_gather(v->g, v->x[1])); }

/* Each element of y looks for what it is the sum of. */
static void scatter_reference(const sp_args *a)
{
    const int64_t *index = a->x[1].data;
    const double *x = a->x[0].data;
    double *y = a->y.data;
    int64_t row = row_size(a->y.shape, 1), n = sp_shape_size(a->x[1].shape);

    for (int64_t i = 0; i < sp_shape_size(a->y.shape); i++) {
        y[i] = 0;
        for (int64_t k = 0; k < n; k++)
            if (index[k] == i / row) y[i] += x[k * row + i % row];
    }
}

static const scatter_attr five = { 5 }, none = { 0 }, fewer = { -1 };
static const sp_sample scatter_samples[] = {
    { .in = "20x3 20:i64", 0, 5, &five }, { .in = "7 7:i32", 0, 5, &five },
    { .in = "2x9x3 2x9:i64", 0, 5, &five },
    { .in = "3 .:i64", 0, 5, &five }, { .in = "0x3 0:i64", 0, 5, &five },
    { .in = "4x0 4:i64", 0, 5, &five },
    { .in = "0x3 0:i64", 0, 5, &none },
    { .in = "4x3 4:i64", 5, 6, &five, .fails = "index 5 at position 0 is outside [0,5)" },
    { .in = "4x3 4:i32", -1, 0, &five, .fails = "index -1 at position 0 is outside [0,5)" },
    { .in = "4x3 3:i64", 0, 5, &five,
      .fails = "first axes of the rows must be those of the index" },
    { .in = "4x3 4", .attr = &five, .fails = "indices must be i32 or i64" },
    { .in = "4:i32 4:i32", 0, 5, &five, .fails = "needs f32 or f64" },
    { .in = "4 4:i32", 0, 5, &fewer, .fails = "-1 rows" }, { 0 },
};

extern const sp_op sp__op_scatter_add;
const sp_op sp__op_scatter_add = {
    .name = "scatter_add", .maths = "y[index[i...], :] += x[i..., :]", .kind = SP_GATHER, .n_in = 2,
    .attr_size = sizeof(scatter_attr), .dtype = scatter_dtype, .shape = scatter_shape,
    .kernels = PLAIN_KERNELS(scatter),
    .vjp = scatter_vjp, .reference = scatter_reference, .samples = scatter_samples,
};

sp_var sp_scatter_add(sp_var x, sp_var index, int64_t rows)
{
    return sp_apply(&sp__op_scatter_add, 2, (sp_var[]){ x, index }, &(scatter_attr){ rows }, NULL);
}

/* ---- one_hot ---- */

typedef struct one_hot_attr { int64_t n, dtype; } one_hot_attr;

static bool one_hot_dtype(const sp_call *c, sp_dtype *y)
{
    const one_hot_attr *at = c->attr;

    if (at->dtype < 0 || at->dtype >= SP_N_DTYPES) return sp_refuse(c, "there is no such dtype");
    *y = (sp_dtype)at->dtype;
    return sp__index_dtype(c, 0);
}

static bool one_hot_shape(const sp_call *c, sp_shape *y)
{
    const one_hot_attr *at = c->attr;

    if (at->n < 0) return sp_refuse(c, "%lld classes", (long long)at->n);
    return joined(c, c->shape[0], c->shape[0].rank, SP_SHAPE(at->n), 0, y);
}

#define ONE_HOT(T)                                                                  \
    static void one_hot_##T(const sp_args *a)                                       \
    {                                                                               \
        const one_hot_attr *attr = a->attr;                                         \
        T *y = a->y.data;                                                           \
        memset(y, 0, (size_t)sp_shape_size(a->y.shape) * sizeof *y);                \
        for (int64_t i = 0, n = sp_shape_size(a->x[0].shape); i < n; i++) {         \
            int64_t at = sp__index_in(a, &a->x[0], i, attr->n);                     \
            if (at < 0) return;                                                     \
            y[i * attr->n + at] = 1;                                                \
        }                                                                           \
    }
ONE_HOT(float)
ONE_HOT(double)
ONE_HOT(int32_t)
ONE_HOT(int64_t)
ONE_HOT(uint8_t)

static void one_hot_reference(const sp_args *a)
{
    const one_hot_attr *at = a->attr;
    const int64_t *x = a->x[0].data;

    for (int64_t i = 0; i < sp_shape_size(a->y.shape); i++) {
        bool one = x[i / at->n] == i % at->n;
        if (sp_is_floating(a->y.dtype)) ((double *)a->y.data)[i] = one;
        else                            ((int64_t *)a->y.data)[i] = one;
    }
}

static const one_hot_attr hot_f32 = { 5, SP_F32 }, hot_f64 = { 5, SP_F64 }, hot_i64 = { 5, SP_I64 },
                          hot_bool = { 5, SP_BOOL }, hot_none = { 0, SP_F32 };
static const sp_sample one_hot_samples[] = {
    { .in = "4:i64", 0, 5, &hot_f32 }, { .in = "2x3:i32", 0, 5, &hot_f64 },
    { .in = ".:i64", 0, 5, &hot_i64 },
    { .in = "9:i64", 0, 5, &hot_bool }, { .in = "0:i64", 0, 5, &hot_f32 },
    { .in = "0:i32", 0, 5, &hot_none },
    { .in = "4:i64", 5, 6, &hot_f64, .fails = "index 5 at position 0 is outside [0,5)" },
    { .in = "4:i64", -1, 0, &hot_f64, .fails = "index -1 at position 0 is outside [0,5)" },
    { .in = "4", .attr = &hot_f32, .fails = "indices must be i32 or i64" },
    { .in = "4:bool", 0, 2, &hot_f32, .fails = "indices must be i32 or i64, not bool" }, { 0 },
};

extern const sp_op sp__op_one_hot;
const sp_op sp__op_one_hot = {
    .name = "one_hot", .maths = "y[i..., j] = 1 if j = index[i...], else 0",
    .kind = SP_GATHER, .n_in = 1, .attr_size = sizeof(one_hot_attr),
    .constant = true, .typed_by = -1,
    .dtype = one_hot_dtype, .shape = one_hot_shape,
    .kernels = { [SP_PORTABLE] = { one_hot_float, one_hot_double, one_hot_int32_t, one_hot_int64_t,
                                   one_hot_uint8_t } },
    .reference = one_hot_reference, .samples = one_hot_samples,
};

sp_var sp_one_hot(sp_var index, int64_t n, sp_dtype dtype)
{
    return sp_apply(&sp__op_one_hot, 1, &index, &(one_hot_attr){ n, (int64_t)dtype }, NULL);
}
