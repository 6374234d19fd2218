/* SPDX-License-Identifier: MIT
 *
 * variance - sum (x - mean)^2 / (n - correction) over axes, and its root.
 *
 * Two passes: the mean m of what differs from the first element x0, then the squares of
 * (x - x0) - m.  So a large mean costs no digits, and equal elements give exactly 0.
 */
#include "autograd/ops.h"
#include "autograd/ops/cascade.h"
#include "autograd/ops/records.h"

typedef struct variance_attr { sp_reduce_attr axes; double correction; } variance_attr;

/* 1 / (n - correction); NaN where that is no number of degrees of freedom. */
static inline double share_of(int64_t n, const void *attr)
{
    double freedom = (double)n - ((const variance_attr *)attr)->correction;
    return n > 0 && freedom > 0 ? 1 / freedom : (double)NAN;
}

/* g.c is x0, g.d is m.  The std divides by the farthest, g.e, first: as a norm does. */
#define VARIANCE(T, type)                                                           \
    SUMS(offsets, T, type, x - g.c)                                                 \
    SUMS(squares, T, type, ((x - g.c) - g.d) * ((x - g.c) - g.d))                   \
    SUMS(parts, T, type, (((x - g.c) - g.d) / g.e) * (((x - g.c) - g.d) / g.e))     \
    LARGEST(farthest, T, type, vabs((x - g.c) - g.d))                               \
    static type##_given middle_row_##type(const T *x, int64_t n)                    \
    {                                                                               \
        type##_given g = { .c = vset((v##type){ 0 }, (double)*x) };                 \
        g.d = vset(g.c, (double)(offsets_row_##type(x, n, g) / (T)n));              \
        return g;                                                                   \
    }                                                                               \
    static type##_given middle_columns_##type(const T *x, int64_t n, int64_t inner, int64_t part) \
    {                                                                               \
        type##_given g = { .c = vload_part(x, part) };                              \
        g.d = offsets_columns_##type(x, n, inner, part, g) / vset(g.c, (double)n);  \
        return g;                                                                   \
    }                                                                               \
    static T variance_row_##type(const T *x, int64_t n, const sp_args *a)           \
    {                                                                               \
        double share = share_of(n, a->attr);                                        \
        if (isnan(share)) return (T)share;                                          \
        return (T)share * squares_row_##type(x, n, middle_row_##type(x, n));        \
    }                                                                               \
    static v##type variance_columns_##type(const T *x, int64_t n, int64_t inner, int64_t part, \
                                           const sp_args *a)                        \
    {                                                                               \
        double share = share_of(n, a->attr);                                        \
        if (isnan(share)) return vset((v##type){ 0 }, share);                       \
        type##_given g = middle_columns_##type(x, n, inner, part);                  \
        return vset(g.c, share) * squares_columns_##type(x, n, inner, part, g);     \
    }                                                                               \
    static T std_row_##type(const T *x, int64_t n, const sp_args *a)                \
    {                                                                               \
        double share = share_of(n, a->attr);                                        \
        if (isnan(share)) return (T)share;                                          \
        type##_given g = middle_row_##type(x, n);                                   \
        g.e = type##_unit(vset(g.c, (double)farthest_row_##type(x, n, g)));         \
        T mean_square = (T)share * parts_row_##type(x, n, g);                       \
        return vget(g.e * vsqrt(vset(g.c, (double)mean_square)), 0);                \
    }                                                                               \
    static v##type std_columns_##type(const T *x, int64_t n, int64_t inner, int64_t part, \
                                      const sp_args *a)                             \
    {                                                                               \
        double share = share_of(n, a->attr);                                        \
        if (isnan(share)) return vset((v##type){ 0 }, share);                       \
        type##_given g = middle_columns_##type(x, n, inner, part);                  \
        g.e = type##_unit(farthest_columns_##type(x, n, inner, part, g));           \
        return g.e * vsqrt(vset(g.c, share) * parts_columns_##type(x, n, inner, part, g)); \
    }                                                                               \
    REDUCTION(variance, T, type)                                                    \
    REDUCTION(std, T, type)
VARIANCE(float, f32)
VARIANCE(double, f64)

#ifdef SP_RECORDS
SP_DECLARE(variance)
SP_DECLARE(std)

static bool variance_shape(const sp_call *c, sp_shape *y)
{
    double correction = ((const variance_attr *)c->attr)->correction;

    if (isfinite(correction)) return sp__reduce_shape(c, y);
    return sp_refuse(c, "its correction is %g, not a number", correction);
}

/* ---- in other ops ---- */

static sp_var deviation(sp_var x, sp_axes axes) { return sp_sub(x, sp_mean_axes(x, axes, true)); }

static double share_in(sp_var x, const variance_attr *at)
{
    return share_of(sp__reduced(sp_var_shape(x), &at->axes).n, at);
}

static sp_var variance_expand(int n, const sp_var x[], const void *attr, const double *scalar)
{
    const variance_attr *at = attr;
    sp_axes axes = sp__axes_of(&at->axes);
    sp_var d = deviation(x[0], axes);

    (void)n, (void)scalar;
    return sp_scale(sp_sum_axes(sp_square(d), axes, at->axes.keep), share_in(x[0], at));
}

static sp_var std_expand(int n, const sp_var x[], const void *attr, const double *scalar)
{
    const variance_attr *at = attr;
    sp_axes axes = sp__axes_of(&at->axes);
    sp_var d = deviation(x[0], axes);

    (void)n, (void)scalar;
    return sp_scale(sp_norm(d, 2, axes, at->axes.keep), sqrt(share_in(x[0], at)));
}

/* 2 g (x - mean) / (n - correction) */
static void variance_vjp(const sp_pullback *v)
{
    const variance_attr *at = v->attr;
    sp_var x = v->x[0], d = deviation(x, sp__axes_of(&at->axes));
    sp_var g = sp_reshape(v->g, sp__kept(sp_var_shape(x), &at->axes));

    sp_push(v, 0, sp_mul(g, sp_scale(d, 2 * share_in(x, at))));
}

/* g (x - mean) / ((n - correction) y), and 0 where y is 0: there 1 stands for y. */
static void std_vjp(const sp_pullback *v)
{
    const variance_attr *at = v->attr;
    sp_var x = v->x[0], d = deviation(x, sp__axes_of(&at->axes)), zero = sp_number(x, 0);
    sp_shape kept = sp__kept(sp_var_shape(x), &at->axes);
    sp_var g = sp_reshape(v->g, kept), y = sp_reshape(v->y, kept);
    sp_var flat = sp_equal(y, zero), part = sp_div(d, sp_where(flat, sp_number(x, 1), y));

    sp_push(v, 0, sp_mul(g, sp_scale(sp_where(flat, zero, part), share_in(x, at))));
}

/* ---- references: by all pairs, sum (x_i - x_k)^2 = 2 n sum (x_i - mean)^2 ---- */

static void variance_reference(const sp_args *a)
{
    const variance_attr *at = a->attr;
    sp_reduced r = sp__reduced(a->x[0].shape, &at->axes);

    for (int64_t i = 0; i < r.outer * r.inner; i++) {
        const double *x = (const double *)a->x[0].data + i / r.inner * r.n * r.inner + i % r.inner;
        double sum = 0;
        for (int64_t j = 0; j < r.n; j++)
            for (int64_t k = 0; k < j; k++)
                sum += (x[j * r.inner] - x[k * r.inner]) * (x[j * r.inner] - x[k * r.inner]);
        sum /= (double)r.n * ((double)r.n - at->correction);
        ((double *)a->y.data)[i] = (double)r.n > at->correction ? sum : (double)NAN;
    }
}

static void std_reference(const sp_args *a)
{
    variance_reference(a);
    for (int64_t i = 0; i < sp_shape_size(a->y.shape); i++)
        ((double *)a->y.data)[i] = sqrt(((double *)a->y.data)[i]);
}

#define OVER(first, count, keep, correction)                                        \
    .attr = &(variance_attr){ { first, count, keep }, correction }
static const sp_sample samples[] = {
    { .in = "3x4", OVER(1, 1, 0, 1), .apart = true },
    { .in = "3x4", OVER(1, 1, 1, 0), .apart = true },
    { .in = "2x3x4", OVER(0, 2, 0, 1), .apart = true },
    { .in = "2x3x4", OVER(1, 1, 1, 1.5), .apart = true },
    { .in = "2x37", 0, 9, OVER(1, 1, 0, 1), .apart = true },
    { .in = "30x5", 0, 9, OVER(0, 1, 0, -2), .apart = true },
    { .in = "2x300", OVER(1, 1, 0, 1), .no_slope = true },
    { .in = "150x21", OVER(0, 1, 0, 1), .no_slope = true },
    { .in = "3x4", 7, 7, OVER(1, 1, 0, 1), .no_slope = true },
    { .in = "3x1", OVER(1, 1, 0, 1), .no_slope = true },
    { .in = "2x5", OVER(0, 1, 0, 2), .no_slope = true },
    { .in = "0x3", OVER(0, 1, 0, 0), .no_slope = true },
    { .in = "3x0", OVER(0, 1, 0, 1) },
    { .in = "2x3", OVER(1, 2, 0, 1), .fails = "no 2 axes from 1 on" },
    { .in = "3", OVER(0, 1, 0, (double)INFINITY), .fails = "its correction is inf" },
    { .in = "3", OVER(0, 1, 0, (double)NAN), .fails = "its correction is nan" },
    { .in = "2:i32", OVER(0, 1, 0, 1), .fails = "needs f32 or f64" }, { 0 },
};

#define RECORD(OP, MATHS)                                                           \
    extern const sp_op sp__op_##OP;                                                 \
    const sp_op sp__op_##OP = {                                                     \
        .name = #OP, .maths = MATHS, .kind = SP_MACRO, .n_in = 1,                   \
        .attr_size = sizeof(variance_attr), .shape = variance_shape,                \
        .kernels = SP_KERNELS(OP), .expand = OP##_expand, .vjp = OP##_vjp,          \
        .reference = OP##_reference, .samples = samples,                            \
    };                                                                              \
    sp_var sp_##OP(sp_var x, sp_axes axes, double correction, bool keep)            \
    {                                                                               \
        variance_attr at = { .correction = correction };                            \
        return sp__reduce_together(&sp__op_##OP, x, axes, keep, &at.axes);          \
    }
RECORD(variance, "y = sum (x - mean)^2 / (n - correction) over axes")
RECORD(std, "y = sqrt(sum (x - mean)^2 / (n - correction)) over axes")
#endif
