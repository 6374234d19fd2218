/* SPDX-License-Identifier: MIT
 *
 * max - the largest over axes, and where it is.  NaN counts as larger than any number.
 */
#include <math.h>
#include "autograd/ops.h"
#include "autograd/ops/records.h"

/* m NaN stays: nothing is larger. */
#define LARGER(T, type)                                                             \
    SP_VEC v##type larger_##type(v##type m, v##type x)                              \
    {                                                                               \
        return vselect((x > m) | (x != x), x, m);                                   \
    }                                                                               \
    SP_VEC T larger_of_##type(T m, T x) { return x > m || x != x ? x : m; }         \
    static T row_##type(const T *x, int64_t n)                                      \
    {                                                                               \
        T top = x[0];                                                               \
        v##type m = vset((v##type){ 0 }, (double)x[0]);                             \
        int64_t i = 0;                                                              \
        for (; i + VLEN(T) <= n; i += VLEN(T)) m = larger_##type(m, vload(x + i));  \
        for (int k = 0; k < VLEN(T); k++) top = larger_of_##type(top, vget(m, k));  \
        for (; i < n; i++) top = larger_of_##type(top, x[i]);                       \
        return top;                                                                 \
    }                                                                               \
    static void columns_##type(const T *x, T *y, int64_t n, int64_t inner, int64_t part) \
    {                                                                               \
        v##type m = vload_part(x, part);                                            \
        for (int64_t i = 1; i < n; i++) m = larger_##type(m, vload_part(x + i * inner, part)); \
        vstore_part(y, m, part);                                                    \
    }
LARGER(float, f32)
LARGER(double, f64)
REDUCTION(max, float, f32)
REDUCTION(max, double, f64)

#ifdef SP_RECORDS
SP_DECLARE(max)

/* ---- max ---- */

static bool max_shape(const sp_call *c, sp_shape *y)
{
    if (!sp__reduce_shape(c, y)) return false;
    if (sp__reduced(c->shape[0], c->attr).n > 0) return true;
    return sp_refuse(c, "there is no largest of no elements");
}

/* The ties of a group share the gradient evenly: mask g / count.  Where the largest is NaN
   nothing equals it, and 0 / 0 says so. */
static void max_vjp(const sp_pullback *v)
{
    const sp_reduce_attr *r = v->attr;
    sp_shape kept = sp_var_shape(v->x[0]);
    sp_axes axes = { (int)r->count, { 0 } };

    for (int i = 0; i < axes.n; i++) axes.axis[i] = (int)r->first + i;
    for (int64_t d = r->first; d < r->first + r->count; d++) kept.dim[d] = 1;
    sp_var tied = sp_equal(v->x[0], sp_reshape(v->y, kept));
    sp_var count = sp_sum_axes(sp_cast(tied, sp_var_dtype(v->g)), axes, true);
    sp_var share = sp_where(tied, sp_reshape(v->g, kept), sp_number(v->g, 0));

    sp_push(v, 0, sp_div(share, count));
}

static void max_reference(const sp_args *a)
{
    sp_reduced r = sp__reduced(a->x[0].shape, a->attr);
    const double *x = a->x[0].data;

    for (int64_t i = 0; i < r.outer * r.inner; i++) {
        const double *at = x + i / r.inner * r.n * r.inner + i % r.inner;
        double top = at[0];
        for (int64_t k = 1; k < r.n; k++) top = fmax(top, at[k * r.inner]);
        ((double *)a->y.data)[i] = top;
    }
}

static const sp_reduce_attr first = { 0, 1, 0 }, second = { 1, 1, 0 }, kept = { 1, 1, 1 },
                            both = { 0, 2, 0 }, beyond = { 1, 2, 0 };
static const sp_sample max_samples[] = {
    { .in = "3x4", .attr = &second, .apart = true },
    { .in = "3x4", .attr = &kept, .apart = true },
    { .in = "2x3x4", .attr = &both, .apart = true },
    { .in = "2x3x4", .attr = &second, .apart = true },
    { .in = "2x50", -9, 9, &second, .apart = true },
    { .in = "30x5", -9, -1, &first, .apart = true },
    { .in = "3x21", -9, -1, &first, .apart = true }, { .in = "1", .attr = &first },
    { .in = "3x0", .attr = &first },
    { .in = "3x4", 1, 1, &second, .no_slope = true },
    { .in = "0x3", .attr = &first, .fails = "no largest of no elements" },
    { .in = "0x0", .attr = &first, .fails = "no largest of no elements" },
    { .in = "2x3", .attr = &beyond, .fails = "no 2 axes from 1 on" },
    { .in = "2:i32", .attr = &first, .fails = "needs f32 or f64" }, { 0 },
};

extern const sp_op sp__op_max;
const sp_op sp__op_max = {
    .name = "max", .maths = "the largest over axes", .kind = SP_REDUCE, .n_in = 1,
    .attr_size = sizeof(sp_reduce_attr), .shape = max_shape, .kernels = SP_KERNELS(max),
    .vjp = max_vjp, .reference = max_reference, .samples = max_samples,
};

/* Whether the axes are neighbors (or no axes of x, which the reduction itself refuses);
   else *order is all axes with the others first, and *kept is x's shape with 1 for each. */
static bool side_by_side(sp_shape x, sp_axes axes, sp_axes *order, sp_shape *shape)
{
    bool named[SP_MAX_RANK] = { false };
    int runs = 0, n = 0;

    *shape = x;
    for (int i = 0; i < axes.n; i++) {
        int d = sp_axis(axes.axis[i], x.rank);
        if (d < 0 || named[d]) return true;
        named[d] = true;
        shape->dim[d] = 1;
    }
    for (int pass = 0; pass < 2; pass++)
        for (int d = 0; d < x.rank; d++)
            if (named[d] == (pass == 1)) order->axis[n++] = d;
    for (int d = 0; d < x.rank; d++) runs += named[d] && (d == 0 || !named[d - 1]);
    order->n = n;
    return runs < 2;
}

/* Reduced one after the other, groups would not share evenly, so axes that lie apart are
   brought together. */
sp_var sp_max_axes(sp_var x, sp_axes axes, bool keep)
{
    sp_shape shape;
    sp_axes order;
    sp_reduce_attr attr;

    if (side_by_side(sp_var_shape(x), axes, &order, &shape))
        return sp__reduce(&sp__op_max, x, axes, keep);
    attr = (sp_reduce_attr){ order.n - axes.n, axes.n, false };
    sp_var permuted = sp_permute(x, order), y = sp_apply(&sp__op_max, 1, &permuted, &attr, NULL);
    return keep ? sp_reshape(y, shape) : y;
}

/* ---- argmax ---- */

static bool argmax_dtype(const sp_call *c, sp_dtype *y)
{
    if (!sp_dtype_floats(c, y)) return false;
    *y = SP_I64;
    return true;
}

static bool argmax_shape(const sp_call *c, sp_shape *y)
{
    const sp_reduce_attr *r = c->attr;
    int64_t rank = c->shape[0].rank;

    if (r->first < 0 || r->first >= rank)
        return sp_refuse(c, "there is no axis %lld in rank %lld", (long long)r->first,
                         (long long)rank);
    return max_shape(c, y);
}

#define ARGMAX(T)                                                                   \
    static void argmax_##T(const sp_args *a)                                        \
    {                                                                               \
        sp_reduced r = sp__reduced(a->x[0].shape, a->attr);                         \
        int64_t *y = a->y.data;                                                     \
        for (int64_t i = 0; i < r.outer * r.inner; i++) {                           \
            const T *x = (const T *)a->x[0].data + i / r.inner * r.n * r.inner + i % r.inner; \
            T top = x[0];                                                           \
            y[i] = 0;                                                               \
            for (int64_t k = 1; k < r.n && top == top; k++) {                       \
                T next = x[k * r.inner];                                            \
                if (next > top || next != next) top = next, y[i] = k;               \
            }                                                                       \
        }                                                                           \
    }
ARGMAX(float)
ARGMAX(double)

/* The one that no other beats and that no earlier one equals. */
static void argmax_reference(const sp_args *a)
{
    sp_reduced r = sp__reduced(a->x[0].shape, a->attr);
    const double *x = a->x[0].data;

    for (int64_t i = 0; i < r.outer * r.inner; i++) {
        const double *at = x + i / r.inner * r.n * r.inner + i % r.inner;
        for (int64_t k = r.n - 1; k >= 0; k--) {
            int64_t beaten = 0;
            for (int64_t j = 0; j < r.n; j++) beaten += at[j * r.inner] > at[k * r.inner];
            if (beaten == 0) ((int64_t *)a->y.data)[i] = k;
        }
    }
}

static const sp_sample argmax_samples[] = {
    { .in = "3x4", .attr = &second }, { .in = "3x4", .attr = &first },
    { .in = "2x30x4", .attr = &second },
    { .in = "3x4", 1, 1, &second }, { .in = "7", .attr = &first },
    { .in = "3x0", .attr = &first },
    { .in = "0x3", .attr = &first, .fails = "no largest of no elements" },
    { .in = "3", .attr = &second, .fails = "there is no axis 1 in rank 1" },
    { .in = ".", .attr = &first, .fails = "there is no axis 0 in rank 0" },
    { .in = "2:i32", .attr = &first, .fails = "needs f32 or f64" }, { 0 },
};

extern const sp_op sp__op_argmax;
const sp_op sp__op_argmax = {
    .name = "argmax", .maths = "the index of the first largest along an axis", .kind = SP_REDUCE,
    .n_in = 1, .attr_size = sizeof(sp_reduce_attr), .constant = true,
    .dtype = argmax_dtype, .shape = argmax_shape,
    .kernels = { [SP_PORTABLE] = { [SP_F32] = argmax_float, [SP_F64] = argmax_double } },
    .reference = argmax_reference, .samples = argmax_samples,
};

sp_var sp_argmax(sp_var x, int axis)
{
    int d = sp_axis(axis, sp_var_shape(x).rank);
    return sp_apply(&sp__op_argmax, 1, &x, &(sp_reduce_attr){ d < 0 ? axis : d, 1, false }, NULL);
}
#endif
