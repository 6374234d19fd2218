/* SPDX-License-Identifier: MIT
 *
 * extreme - the largest and the smallest over axes, and where they are.  NaN beats any number.
 */
#include <math.h>
#include "autograd/ops.h"
#include "autograd/ops/records.h"

/* m NaN stays: nothing beats it. */
#define EXTREME(OP, BEATS, T, type)                                                 \
    SP_VEC v##type OP##_of_##type(v##type m, v##type x)                             \
    {                                                                               \
        return vselect((x BEATS m) | (x != x), x, m);                               \
    }                                                                               \
    SP_VEC T OP##_one_##type(T m, T x) { return x BEATS m || x != x ? x : m; }      \
    static T OP##_row_##type(const T *x, int64_t n, const sp_args *a)               \
    {                                                                               \
        T most = x[0];                                                              \
        v##type m = vset((v##type){ 0 }, (double)x[0]);                             \
        int64_t i = 0;                                                              \
        (void)a;                                                                    \
        for (; i + VLEN(T) <= n; i += VLEN(T)) m = OP##_of_##type(m, vload(x + i)); \
        for (int k = 0; k < VLEN(T); k++) most = OP##_one_##type(most, vget(m, k)); \
        for (; i < n; i++) most = OP##_one_##type(most, x[i]);                      \
        return most;                                                                \
    }                                                                               \
    static v##type OP##_columns_##type(const T *x, int64_t n, int64_t inner, int64_t part, \
                                       const sp_args *a)                            \
    {                                                                               \
        v##type m = vload_part(x, part);                                            \
        (void)a;                                                                    \
        for (int64_t i = 1; i < n; i++)                                             \
            m = OP##_of_##type(m, vload_part(x + i * inner, part));                 \
        return m;                                                                   \
    }                                                                               \
    REDUCTION(OP, T, type)
EXTREME(max, >, float, f32)
EXTREME(max, >, double, f64)
EXTREME(min, <, float, f32)
EXTREME(min, <, double, f64)

#ifdef SP_RECORDS
SP_DECLARE(max)
SP_DECLARE(min)

/* ---- max, min ---- */

static bool some_shape(const sp_call *c, sp_shape *y, const char *most)
{
    if (!sp__reduce_shape(c, y)) return false;
    if (sp__reduced(c->shape[0], c->attr).n > 0) return true;
    return sp_refuse(c, "there is no %s of no elements", most);
}

/* The ties of a group share the gradient evenly: mask g / count.  Where y is NaN nothing
   equals it, and 0 / 0 says so. */
static void extreme_vjp(const sp_pullback *v)
{
    sp_shape kept = sp__kept(sp_var_shape(v->x[0]), v->attr);
    sp_var tied = sp_equal(v->x[0], sp_reshape(v->y, kept));
    sp_var count = sp_sum_axes(sp_cast(tied, sp_var_dtype(v->g)), sp__axes_of(v->attr), true);
    sp_var share = sp_where(tied, sp_reshape(v->g, kept), sp_number(v->g, 0));

    sp_push(v, 0, sp_div(share, count));
}

static const sp_reduce_attr first = { 0, 1, 0 }, second = { 1, 1, 0 }, kept = { 1, 1, 1 },
                            both = { 0, 2, 0 }, beyond = { 1, 2, 0 };
static const sp_sample samples[] = {
    { .in = "3x4", .attr = &second, .apart = true },
    { .in = "3x4", .attr = &kept, .apart = true },
    { .in = "2x3x4", .attr = &both, .apart = true },
    { .in = "2x3x4", .attr = &second, .apart = true },
    { .in = "2x50", -9, 9, &second, .apart = true },
    { .in = "30x5", -9, -1, &first, .apart = true },
    { .in = "3x21", -9, -1, &first, .apart = true }, { .in = "1", .attr = &first },
    { .in = "3x0", .attr = &first },
    { .in = "3x4", 1, 1, &second, .no_slope = true },
    { .in = "0x3", .attr = &first, .fails = "est of no elements" },
    { .in = "0x0", .attr = &first, .fails = "est of no elements" },
    { .in = "2x3", .attr = &beyond, .fails = "no 2 axes from 1 on" },
    { .in = "2:i32", .attr = &first, .fails = "needs f32 or f64" }, { 0 },
};

/* Groups reduced one after the other would not share evenly. */
#define EXTREME_RECORD(OP, MOST)                                                    \
    static bool OP##_shape(const sp_call *c, sp_shape *y) { return some_shape(c, y, MOST); } \
    static void OP##_reference(const sp_args *a)                                    \
    {                                                                               \
        sp_reduced r = sp__reduced(a->x[0].shape, a->attr);                         \
        for (int64_t i = 0; i < r.outer * r.inner; i++) {                           \
            const double *x = (const double *)a->x[0].data                          \
                            + i / r.inner * r.n * r.inner + i % r.inner;            \
            double most = x[0];                                                     \
            for (int64_t k = 1; k < r.n; k++) most = f##OP(most, x[k * r.inner]);   \
            ((double *)a->y.data)[i] = most;                                        \
        }                                                                           \
    }                                                                               \
    extern const sp_op sp__op_##OP;                                                 \
    const sp_op sp__op_##OP = {                                                     \
        .name = #OP, .maths = "the " MOST " over axes", .kind = SP_REDUCE, .n_in = 1, \
        .attr_size = sizeof(sp_reduce_attr), .shape = OP##_shape,                   \
        .kernels = SP_KERNELS(OP), .vjp = extreme_vjp, .reference = OP##_reference, \
        .samples = samples,                                                         \
    };                                                                              \
    sp_var sp_##OP##_axes(sp_var x, sp_axes axes, bool keep)                        \
    {                                                                               \
        return sp__reduce_together(&sp__op_##OP, x, axes, keep, &(sp_reduce_attr){ 0 }); \
    }                                                                               \
    sp_var sp_##OP(sp_var x) { return sp_##OP##_axes(x, SP_ALL_AXES, false); }
EXTREME_RECORD(max, "largest")
EXTREME_RECORD(min, "smallest")

/* ---- argmax, argmin ---- */

static bool place_dtype(const sp_call *c, sp_dtype *y)
{
    if (!sp_dtype_floats(c, y)) return false;
    *y = SP_I64;
    return true;
}

static bool place_shape(const sp_call *c, sp_shape *y, const char *most)
{
    const sp_reduce_attr *r = c->attr;
    int64_t rank = c->shape[0].rank;

    if (r->first < 0 || r->first >= rank)
        return sp_refuse(c, "there is no axis %lld in rank %lld", (long long)r->first,
                         (long long)rank);
    return some_shape(c, y, most);
}

static const sp_sample place_samples[] = {
    { .in = "3x4", .attr = &second }, { .in = "3x4", .attr = &first },
    { .in = "2x30x4", .attr = &second },
    { .in = "3x4", 1, 1, &second }, { .in = "7", .attr = &first },
    { .in = "3x0", .attr = &first },
    { .in = "0x3", .attr = &first, .fails = "est of no elements" },
    { .in = "3", .attr = &second, .fails = "there is no axis 1 in rank 1" },
    { .in = ".", .attr = &first, .fails = "there is no axis 0 in rank 0" },
    { .in = "2:i32", .attr = &first, .fails = "needs f32 or f64" }, { 0 },
};

#define PLACE(OP, BEATS, T)                                                         \
    static void OP##_##T(const sp_args *a)                                          \
    {                                                                               \
        sp_reduced r = sp__reduced(a->x[0].shape, a->attr);                         \
        int64_t *y = a->y.data;                                                     \
        for (int64_t i = 0; i < r.outer * r.inner; i++) {                           \
            const T *x = (const T *)a->x[0].data + i / r.inner * r.n * r.inner + i % r.inner; \
            T most = x[0];                                                          \
            y[i] = 0;                                                               \
            for (int64_t k = 1; k < r.n && most == most; k++) {                     \
                T next = x[k * r.inner];                                            \
                if (next BEATS most || next != next) most = next, y[i] = k;         \
            }                                                                       \
        }                                                                           \
    }
PLACE(argmax, >, float)
PLACE(argmax, >, double)
PLACE(argmin, <, float)
PLACE(argmin, <, double)

/* The reference: the one that no other beats and that no earlier one equals. */
#define PLACE_RECORD(OP, BEATS, MOST)                                               \
    static bool OP##_shape(const sp_call *c, sp_shape *y) { return place_shape(c, y, MOST); } \
    static void OP##_reference(const sp_args *a)                                    \
    {                                                                               \
        sp_reduced r = sp__reduced(a->x[0].shape, a->attr);                         \
        for (int64_t i = 0; i < r.outer * r.inner; i++) {                           \
            const double *x = (const double *)a->x[0].data                          \
                            + i / r.inner * r.n * r.inner + i % r.inner;            \
            for (int64_t k = r.n - 1; k >= 0; k--) {                                \
                int64_t beaten = 0;                                                 \
                for (int64_t j = 0; j < r.n; j++)                                   \
                    beaten += x[j * r.inner] BEATS x[k * r.inner];                  \
                if (beaten == 0) ((int64_t *)a->y.data)[i] = k;                     \
            }                                                                       \
        }                                                                           \
    }                                                                               \
    extern const sp_op sp__op_##OP;                                                 \
    const sp_op sp__op_##OP = {                                                     \
        .name = #OP, .maths = "the index of the first " MOST " along an axis",      \
        .kind = SP_REDUCE, .n_in = 1, .attr_size = sizeof(sp_reduce_attr), .constant = true, \
        .dtype = place_dtype, .shape = OP##_shape,                                  \
        .kernels = PLAIN_KERNELS(OP),                                               \
        .reference = OP##_reference, .samples = place_samples,                      \
    };                                                                              \
    sp_var sp_##OP(sp_var x, int axis)                                              \
    {                                                                               \
        int d = sp_axis(axis, sp_var_shape(x).rank);                                \
        return sp_apply(&sp__op_##OP, 1, &x, &(sp_reduce_attr){ d < 0 ? axis : d, 1, false }, \
                        NULL);                                                      \
    }
PLACE_RECORD(argmax, >, "largest")
PLACE_RECORD(argmin, <, "smallest")
#endif
