/* SPDX-License-Identifier: MIT
 *
 * diagonal - diagonals read and placed, and what lies on one side of them.
 */
#include <string.h>
#include "autograd/called.h"
#include "autograd/ops.h"
#include "autograd/ops/records.h"
#include "tensor/strided.h"

/* Element i of the diagonal is element (i + down, i + right) of axes a and b. */
typedef struct diagonal_attr { int64_t offset, a, b, rows, columns; } diagonal_attr;

static int64_t down(const diagonal_attr *p)  { return p->offset < 0 ? -p->offset : 0; }
static int64_t right(const diagonal_attr *p) { return p->offset > 0 ? p->offset : 0; }

/* Its length in a matrix of so many rows and columns; |offset| may be anything. */
static int64_t length(const diagonal_attr *p, int64_t rows, int64_t columns)
{
    if (p->offset <= -rows || p->offset >= columns) return 0;
    rows -= down(p);
    columns -= right(p);
    return rows < columns ? rows : columns;
}

/* Whether the axes of the matrix are two of `rank`. */
static bool two_axes(const sp_call *c, int64_t rank)
{
    const diagonal_attr *p = c->attr;
    int a = sp_axis((int)p->a, rank), b = sp_axis((int)p->b, rank);

    if (a >= 0 && b >= 0 && a != b) return true;
    return sp_refuse(c, "axes %lld and %lld are not two of rank %lld", (long long)p->a,
                     (long long)p->b, (long long)rank);
}

/* The axes of a shape without a and b. */
static sp_shape others(sp_shape shape, int a, int b)
{
    sp_shape y = { 0 };

    for (int d = 0; d < shape.rank; d++)
        if (d != a && d != b) y.dim[y.rank++] = shape.dim[d];
    return y;
}

/* The strides of the diagonal of a matrix: others first, the diagonal last. */
static void along(const diagonal_attr *p, int64_t rank, const int64_t from[], int64_t to[])
{
    int a = sp_axis((int)p->a, rank), b = sp_axis((int)p->b, rank), n = 0;

    for (int d = 0; d < rank; d++)
        if (d != a && d != b) to[n++] = from[d];
    to[n] = from[a] + from[b];
}

/* Where a diagonal that has elements begins. */
static int64_t first(const diagonal_attr *p, int64_t rank, const int64_t stride[])
{
    return down(p) * stride[sp_axis((int)p->a, rank)] + right(p) * stride[sp_axis((int)p->b, rank)];
}

/* ---- diagonal ---- */

static bool diagonal_shape(const sp_call *c, sp_shape *y)
{
    const diagonal_attr *p = c->attr;
    sp_shape x = c->shape[0];

    if (!two_axes(c, x.rank)) return false;
    int a = sp_axis((int)p->a, x.rank), b = sp_axis((int)p->b, x.rank);
    *y = others(x, a, b);
    y->dim[y->rank++] = length(p, x.dim[a], x.dim[b]);
    return true;
}

static bool diagonal_view(const sp_call *c, const sp_layout *from, sp_shape y, sp_layout *to)
{
    *to = (sp_layout){ .offset = from->offset };
    along(c->attr, c->shape[0].rank, from->stride, to->stride);
    if (sp_shape_size(y) > 0) to->offset += first(c->attr, c->shape[0].rank, from->stride);
    return true;
}

static void diagonal_vjp(const sp_pullback *v)
{
    const diagonal_attr *p = v->attr;
    sp_shape x = sp_var_shape(v->x[0]);

    sp_push(v, 0, sp_place_diagonal(v->g, p->offset, (int)p->a, (int)p->b,
                                    x.dim[sp_axis((int)p->a, x.rank)],
                                    x.dim[sp_axis((int)p->b, x.rank)]));
}

/* All of x is looked through for what lies on the diagonal, in order of y; the matrix is `from`'s.
   read: y is the diagonal of x; else x is put on that of y. */
static void look_through(const sp_args *a, sp_shape matrix, bool read)
{
    const diagonal_attr *p = a->attr;
    int da = sp_axis((int)p->a, matrix.rank), db = sp_axis((int)p->b, matrix.rank);
    sp_shape line = read ? a->y.shape : a->x[0].shape;

    for (int64_t i = 0; i < sp_shape_size(matrix); i++) {
        int64_t index[SP_MAX_RANK] = { 0 }, rest = i, at = 0;
        for (int d = (int)matrix.rank - 1; d >= 0; rest /= matrix.dim[d--])
            index[d] = rest % matrix.dim[d];
        for (int d = 0, k = 0; d < matrix.rank; d++)
            if (d != da && d != db) at = at * line.dim[k++] + index[d];
        bool on = index[db] - index[da] == p->offset;
        at = at * line.dim[line.rank - 1] + (index[da] < index[db] ? index[da] : index[db]);
        char *y = (char *)a->y.data + 8 * (read ? at : i);
        const char *x = (const char *)a->x[0].data + 8 * (read ? i : at);
        if (on) memcpy(y, x, 8);
        else if (!read) memset(y, 0, 8);
    }
}

static void diagonal_reference(const sp_args *a) { look_through(a, a->x[0].shape, true); }

#define LINE(k, d, e) &(diagonal_attr){ .offset = (k), .a = (d), .b = (e) }
static const sp_sample diagonal_samples[] = {
    { .in = "3x3", .attr = LINE(0, 0, 1) }, { .in = "3x5", .attr = LINE(1, 0, 1) },
    { .in = "3x5", .attr = LINE(-2, 0, 1) }, { .in = "5x3", .attr = LINE(1, 1, 0) },
    { .in = "2x3x4", .attr = LINE(0, -2, -1) }, { .in = "3x2x4", .attr = LINE(-1, 2, 0) },
    { .in = "3x3", .attr = LINE(3, 0, 1) }, { .in = "3x3", .attr = LINE(INT64_MIN, 0, 1) },
    { .in = "0x3", .attr = LINE(0, 0, 1) }, { .in = "3x3x0", .attr = LINE(1, 0, 1) },
    { .in = "3x3:i32", .attr = LINE(1, 0, 1) }, { .in = "3x3:bool", 0, 2, LINE(1, 0, 1) },
    { .in = "3", .attr = LINE(0, 0, 1), .fails = "axes 0 and 1 are not two of rank 1" },
    { .in = "3x3", .attr = LINE(0, 1, -1), .fails = "axes 1 and -1 are not two of rank 2" },
    { 0 },
};

extern const sp_op sp__op_diagonal;
const sp_op sp__op_diagonal = {
    .name = "diagonal", .maths = "y[..., i] = x[i, i + offset] of two axes", .kind = SP_VIEW,
    .n_in = 1, .attr_size = sizeof(diagonal_attr), .dtype = sp_dtype_alike,
    .shape = diagonal_shape, .view = diagonal_view, .vjp = diagonal_vjp,
    .reference = diagonal_reference, .samples = diagonal_samples,
};

sp_var sp_diagonal(sp_var x, int64_t offset, int axis_a, int axis_b)
{
    return sp_apply(&sp__op_diagonal, 1, &x, LINE(offset, axis_a, axis_b), NULL);
}

/* ---- place_diagonal ---- */

static bool place_shape(const sp_call *c, sp_shape *y)
{
    const diagonal_attr *p = c->attr;
    sp_shape x = c->shape[0];
    int64_t rank = x.rank + 1;

    if (x.rank == 0) return sp_refuse(c, "a scalar is no diagonal");
    if (rank > SP_MAX_RANK)
        return sp_refuse(c, "the result would have rank %lld and %d is the most", (long long)rank,
                         SP_MAX_RANK);
    if (!two_axes(c, rank)) return false;
    int64_t n = p->rows < 0 || p->columns < 0 ? -1 : length(p, p->rows, p->columns);
    if (x.dim[x.rank - 1] != n)
        return sp_refuse(c, "%lld elements are not diagonal %lld of a matrix [%lld,%lld]",
                         (long long)x.dim[x.rank - 1], (long long)p->offset, (long long)p->rows,
                         (long long)p->columns);
    int a = sp_axis((int)p->a, rank), b = sp_axis((int)p->b, rank);
    *y = (sp_shape){ rank, { 0 } };
    for (int d = 0, k = 0; d < rank; d++)
        y->dim[d] = d == a ? p->rows : d == b ? p->columns : x.dim[k++];
    return true;
}

static void place_kernel(const sp_args *a)
{
    int64_t size = sp_dtype_size(a->y.dtype), stride[SP_MAX_RANK] = { 0 }, rank = a->y.shape.rank;
    char *y = a->y.data;

    memset(y, 0, (size_t)(sp_shape_size(a->y.shape) * size));
    if (sp_shape_size(a->x[0].shape) == 0) return;
    along(a->attr, rank, a->y.stride, stride);
    y += first(a->attr, rank, a->y.stride) * size;
    sp__copy_strided(a->x[0].shape, size, y, stride, a->x[0].data, a->x[0].stride);
}

static void place_vjp(const sp_pullback *v)
{
    const diagonal_attr *p = v->attr;
    sp_push(v, 0, sp_diagonal(v->g, p->offset, (int)p->a, (int)p->b));
}

static void place_reference(const sp_args *a) { look_through(a, a->y.shape, false); }

#define PLACED(...) &(diagonal_attr){ __VA_ARGS__ }
static const sp_sample place_samples[] = {
    { .in = "3", .attr = PLACED(0, 0, 1, 3, 3) }, { .in = "2", .attr = PLACED(1, 0, 1, 3, 3) },
    { .in = "2x1", .attr = PLACED(-1, 0, 1, 2, 2) }, { .in = "1x2", .attr = PLACED(0, 2, 0, 2, 3) },
    { .in = "2x2x1", .attr = PLACED(1, -2, -1, 1, 2) },
    { .in = "0", .attr = PLACED(0, 0, 1, 0, 4) }, { .in = "0", .attr = PLACED(3, 0, 1, 3, 3) },
    { .in = "0x2", .attr = PLACED(0, 0, 1, 2, 2) },
    { .in = "2x3x2:i32", .attr = PLACED(-1, 2, 0, 4, 2) },
    { .in = "2x3:i64", .attr = PLACED(1, 1, -1, 4, 4) },
    { .in = "3:bool", 0, 2, PLACED(1, 0, 1, 4, 4) },
    { .in = "3", .attr = PLACED(1, 0, 1, 3, 3),
      .fails = "3 elements are not diagonal 1 of a matrix [3,3]" },
    { .in = "3", .attr = PLACED(0, 0, 1, -1, 3), .fails = "of a matrix [-1,3]" },
    { .in = "3", .attr = PLACED(0, 0, 2, 3, 3), .fails = "axes 0 and 2 are not two of rank 2" },
    { .in = ".", .attr = PLACED(0, 0, 1, 1, 1), .fails = "a scalar is no diagonal" },
    { .in = "1x1x1x1x1x1", .attr = PLACED(0, 0, 1, 1, 1), .fails = "rank 7" }, { 0 },
};

extern const sp_op sp__op_place_diagonal;
const sp_op sp__op_place_diagonal = {
    .name = "place_diagonal", .maths = "zeros but for x on a diagonal of two axes",
    .kind = SP_OTHER, .n_in = 1, .attr_size = sizeof(diagonal_attr), .strided = true,
    .dtype = sp_dtype_alike, .shape = place_shape,
    .kernels = { [SP_PORTABLE] = { place_kernel, place_kernel, place_kernel, place_kernel,
                                   place_kernel } },
    .vjp = place_vjp, .reference = place_reference, .samples = place_samples,
};

sp_var sp_place_diagonal(sp_var x, int64_t offset, int axis_a, int axis_b, int64_t rows,
                         int64_t columns)
{
    return sp_apply(&sp__op_place_diagonal, 1, &x, PLACED(offset, axis_a, axis_b, rows, columns),
                    NULL);
}

sp_var sp_diag_embed(sp_var x, int64_t offset)
{
    int64_t most = INT64_MAX / 4, size;
    char text[SP_SHAPE_TEXT];

    if (!sp__readable(x.tape, x, "diag_embed")) return sp__nothing(x.tape);
    if (offset < -most || offset > most)
        return sp_tape_fail(x.tape, "diag_embed: %s: no matrix has diagonal %lld",
                            sp_shape_text(sp_var_shape(x), text), (long long)offset);
    size = sp_var_dim(x, -1) + (offset < 0 ? -offset : offset);
    return SP_CALLED(x, "diag_embed", sp_place_diagonal(x, offset, -2, -1, size, size));
}

/* ---- tril, triu ---- */

static bool triangle_shape(const sp_call *c, sp_shape *y)
{
    *y = c->shape[0];
    return y->rank >= 2 || sp_refuse(c, "it needs at least two axes");
}

/* One row: columns [from, to) stay. */
static void keep_part(char *y, const char *x, int64_t n, int64_t from, int64_t to, int64_t size)
{
    from = from < 0 ? 0 : from > n ? n : from;
    to = to < from ? from : to > n ? n : to;
    memset(y, 0, (size_t)(from * size));
    memcpy(y + from * size, x + from * size, (size_t)((to - from) * size));
    memset(y + to * size, 0, (size_t)((n - to) * size));
}

/* i: the row, n: columns, k: the diagonal, within the matrix. */
#define TRIANGLE(op, FROM, TO, STAYS, MATHS)                                        \
    static void op##_kernel(const sp_args *a)                                       \
    {                                                                               \
        sp_shape y = a->y.shape;                                                    \
        int64_t n = y.dim[y.rank - 1], rows = y.dim[y.rank - 2], size = sp_shape_size(y); \
        int64_t bytes = sp_dtype_size(a->y.dtype), k = *(const int64_t *)a->attr;   \
        k = k < -rows ? -rows : k > n ? n : k;                                      \
        for (int64_t at = 0, i = 0; at < size; at += n, i = (i + 1) % rows)         \
            keep_part((char *)a->y.data + at * bytes, (const char *)a->x[0].data + at * bytes, n, \
                      FROM, TO, bytes);                                             \
    }                                                                               \
    static void op##_vjp(const sp_pullback *v)                                      \
    {                                                                               \
        sp_push(v, 0, sp_##op(v->g, *(const int64_t *)v->attr));                    \
    }                                                                               \
    static void op##_reference(const sp_args *a)                                    \
    {                                                                               \
        sp_shape y = a->y.shape;                                                    \
        int64_t columns = y.dim[y.rank - 1], rows = y.dim[y.rank - 2];              \
        int64_t k = *(const int64_t *)a->attr;                                      \
        for (int64_t at = 0; at < sp_shape_size(y); at++) {                         \
            int64_t i = at / columns % rows, j = at % columns;                      \
            ((int64_t *)a->y.data)[at] = STAYS ? ((const int64_t *)a->x[0].data)[at] : 0; \
        }                                                                           \
    }                                                                               \
    extern const sp_op sp__op_##op;                                                 \
    const sp_op sp__op_##op = {                                                     \
        .name = #op, .maths = MATHS, .kind = SP_OTHER, .n_in = 1,                   \
        .attr_size = sizeof(int64_t), .dtype = sp_dtype_alike, .shape = triangle_shape, \
        .kernels = { [SP_PORTABLE] = { op##_kernel, op##_kernel, op##_kernel, op##_kernel, \
                                       op##_kernel } },                             \
        .vjp = op##_vjp, .reference = op##_reference, .samples = triangle_samples,  \
    };                                                                              \
    sp_var sp_##op(sp_var x, int64_t offset)                                        \
    {                                                                               \
        return sp_apply(&sp__op_##op, 1, &x, &offset, NULL);                        \
    }

#define OFFSET(k) &(int64_t){ k }
static const sp_sample triangle_samples[] = {
    { .in = "3x3", .attr = OFFSET(0) }, { .in = "3x3", .attr = OFFSET(-1) },
    { .in = "2x4", .attr = OFFSET(1) }, { .in = "2x2x2", .attr = OFFSET(0) },
    { .in = "3x5:i64", .attr = OFFSET(1) }, { .in = "2x5x3:i32", .attr = OFFSET(-2) },
    { .in = "2x3", .attr = OFFSET(9) }, { .in = "2x3", .attr = OFFSET(-9) },
    { .in = "2x3", .attr = OFFSET(INT64_MIN) }, { .in = "2x3", .attr = OFFSET(INT64_MAX) },
    { .in = "0x3", .attr = OFFSET(0) }, { .in = "3x0", .attr = OFFSET(0) },
    { .in = "3x3:i32", .attr = OFFSET(0) }, { .in = "3x3:bool", 0, 2, OFFSET(0) },
    { .in = "3", .attr = OFFSET(0), .fails = "it needs at least two axes" }, { 0 },
};

TRIANGLE(tril, 0, i + k + 1, j - i <= k, "y[i,j] = x[i,j] if j <= i + k, else 0")
TRIANGLE(triu, i + k, n, j - i >= k, "y[i,j] = x[i,j] if j >= i + k, else 0")
