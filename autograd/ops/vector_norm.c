/* SPDX-License-Identifier: MIT
 *
 * vector_norm - (sum |x|^p)^(1/p) over axes; p = infinity: the largest |x|.
 *
 * The largest m is taken out first, y = m (sum |x / m|^p)^(1/p), so that no power overflows and
 * those that vanish do not count.
 */
#include "autograd/ops.h"
#include "autograd/ops/cascade.h"
#include "autograd/ops/records.h"

typedef struct norm_attr { sp_reduce_attr axes; double p; } norm_attr;

#define NORM(T, type)                                                               \
    LARGEST(most, T, type, vabs(x))                                                 \
    SUMS(ones, T, type, vabs(x))                                                    \
    SUMS(squares, T, type, (x / g.c) * (x / g.c))                                   \
    SUMS(powers, T, type, vexp(g.d * vlog(vabs(x / g.c))))                          \
    SP_VEC type##_given shared_##type(v##type m, T p)                               \
    {                                                                               \
        return (type##_given){ .c = type##_unit(m), .d = vset(m, (double)p) };      \
    }                                                                               \
    SP_VEC v##type whole_##type(v##type sum, type##_given g, T p)                   \
    {                                                                               \
        return g.c * (p == 2 ? vsqrt(sum) : vexp(vlog(sum) / g.d));                 \
    }                                                                               \
    static T norm_row_##type(const T *x, int64_t n, const sp_args *a)               \
    {                                                                               \
        T p = (T)((const norm_attr *)a->attr)->p;                                   \
        if (p == 1) return ones_row_##type(x, n, (type##_given){ .c = { 0 } });     \
        T most = most_row_##type(x, n, (type##_given){ .c = { 0 } });               \
        if (p - p != 0) return most;                                                \
        type##_given g = shared_##type(vset((v##type){ 0 }, (double)most), p);      \
        T sum = p == 2 ? squares_row_##type(x, n, g) : powers_row_##type(x, n, g);  \
        return vget(whole_##type(vset(g.c, (double)sum), g, p), 0);                 \
    }                                                                               \
    static v##type norm_columns_##type(const T *x, int64_t n, int64_t inner, int64_t part, \
                                       const sp_args *a)                            \
    {                                                                               \
        T p = (T)((const norm_attr *)a->attr)->p;                                   \
        type##_given none = { .c = { 0 } };                                         \
        if (p == 1) return ones_columns_##type(x, n, inner, part, none);            \
        v##type m = most_columns_##type(x, n, inner, part, none);                   \
        if (p - p != 0) return m;                                                   \
        type##_given g = shared_##type(m, p);                                       \
        return whole_##type(p == 2 ? squares_columns_##type(x, n, inner, part, g)   \
                                   : powers_columns_##type(x, n, inner, part, g), g, p); \
    }                                                                               \
    REDUCTION(norm, T, type)
NORM(float, f32)
NORM(double, f64)

#ifdef SP_RECORDS
SP_DECLARE(norm)

static bool norm_shape(const sp_call *c, sp_shape *y)
{
    double p = ((const norm_attr *)c->attr)->p;

    if (!(p > 0)) return sp_refuse(c, "its p is %g, not above 0", p);
    return sp__reduce_shape(c, y);
}

/* The ties of a group share evenly, as max's do: sign(x) g / count. */
static sp_var slope_of_largest(const sp_pullback *v, sp_var g, sp_var y)
{
    sp_var x = v->x[0], tied = sp_equal(sp_abs(x), y);
    const norm_attr *at = v->attr;
    sp_var count = sp_sum_axes(sp_cast(tied, sp_var_dtype(g)), sp__axes_of(&at->axes), true);

    return sp_mul(sp_sign(x), sp_div(sp_where(tied, g, sp_number(g, 0)), count));
}

/* g sign(x) |x/y|^(p-1), for even p the smooth g (x/y)^(p-1).  It is 0 with all its slopes where
   all of a group are 0, and for other p where x is: there 1 stands for y and x. */
static void norm_vjp(const sp_pullback *v)
{
    const norm_attr *at = v->attr;
    sp_var x = v->x[0], zero = sp_number(x, 0), one = sp_number(x, 1);
    sp_shape kept = sp__kept(sp_var_shape(x), &at->axes);
    sp_var g = sp_reshape(v->g, kept), y = sp_reshape(v->y, kept);

    if (at->p == 1) { sp_push(v, 0, sp_mul(g, sp_sign(x))); return; }
    if (at->p - at->p != 0) { sp_push(v, 0, slope_of_largest(v, g, y)); return; }
    bool even = fmod(at->p, 2) == 0;
    sp_var none = sp_equal(even ? y : x, zero), size = sp_where(sp_equal(y, zero), one, y);
    sp_var part = sp_div(even ? x : sp_abs(sp_where(none, one, x)), size);
    if (at->p != 2) part = sp_pow(part, sp_number(x, at->p - 1));
    part = sp_where(none, zero, part);
    sp_push(v, 0, sp_mul(g, even ? part : sp_mul(part, sp_sign(x))));
}

static void norm_reference(const sp_args *a)
{
    const norm_attr *at = a->attr;
    sp_reduced r = sp__reduced(a->x[0].shape, &at->axes);

    for (int64_t i = 0; i < r.outer * r.inner; i++) {
        const double *x = (const double *)a->x[0].data + i / r.inner * r.n * r.inner + i % r.inner;
        long double sum = 0, most = 0;
        for (int64_t k = 0; k < r.n; k++) {
            sum += powl(fabsl((long double)x[k * r.inner]), at->p);
            most = fmaxl(most, fabsl((long double)x[k * r.inner]));
        }
        if (!isinf(at->p)) most = powl(sum, 1 / (long double)at->p);
        ((double *)a->y.data)[i] = (double)most;
    }
}

#define SAMPLES(P)                                                                  \
    { .in = "3x4", .5, 2, &(norm_attr){ { 1, 1, 0 }, P }, .apart = true },          \
    { .in = "3x5", -2, -.5, &(norm_attr){ { 0, 1, 1 }, P }, .apart = true },        \
    { .in = "2x3x4", .5, 2, &(norm_attr){ { 0, 2, 0 }, P }, .apart = true },        \
    { .in = "2x3x4", -2, -.5, &(norm_attr){ { 1, 1, 0 }, P }, .apart = true },      \
    { .in = "2x37", 1, 9, &(norm_attr){ { 1, 1, 0 }, P }, .apart = true },          \
    { .in = "30x5", 1, 9, &(norm_attr){ { 0, 1, 0 }, P }, .apart = true },          \
    { .in = "2x900", .attr = &(norm_attr){ { 1, 1, 0 }, P }, .no_slope = true },    \
    { .in = "150x21", .attr = &(norm_attr){ { 0, 1, 0 }, P }, .no_slope = true },   \
    { .in = "0x3", .attr = &(norm_attr){ { 0, 1, 0 }, P } },                        \
    { .in = "3x0", .attr = &(norm_attr){ { 0, 1, 0 }, P } },                        \
    { .in = "1", .5, 2, &(norm_attr){ { 0, 1, 0 }, P } },                           \
    { .in = "3:f32=0,0,0", .attr = &(norm_attr){ { 0, 1, 0 }, P }, .no_slope = true }
static const sp_sample samples[] = {
    SAMPLES(1), SAMPLES(2), SAMPLES(3), SAMPLES(4), SAMPLES(.5), SAMPLES(1.5),
    SAMPLES((double)INFINITY),
    { .in = "3", .attr = &(norm_attr){ { 0, 1, 0 }, 0 }, .fails = "its p is 0, not above 0" },
    { .in = "3", .attr = &(norm_attr){ { 0, 1, 0 }, -1 }, .fails = "its p is -1, not above 0" },
    { .in = "2x3", .attr = &(norm_attr){ { 1, 2, 0 }, 2 }, .fails = "no 2 axes from 1 on" },
    { .in = ".", .attr = &(norm_attr){ { 0, 1, 0 }, 2 }, .fails = "no 1 axes from 0 on" },
    { .in = "2:i32", .attr = &(norm_attr){ { 0, 1, 0 }, 2 }, .fails = "needs f32 or f64" }, { 0 },
};

extern const sp_op sp__op_norm;
const sp_op sp__op_norm = {
    .name = "norm", .maths = "y = (sum |x|^p)^(1/p) over axes", .kind = SP_REDUCE, .n_in = 1,
    .attr_size = sizeof(norm_attr), .shape = norm_shape, .kernels = SP_KERNELS(norm),
    .vjp = norm_vjp, .reference = norm_reference, .samples = samples,
};

/* In f32 a p beyond its range is infinity, and so is its rule. */
sp_var sp_norm(sp_var x, double p, sp_axes axes, bool keep)
{
    if (sp_var_dtype(x) == SP_F32) p = (double)(float)p;
    return sp__reduce_together(&sp__op_norm, x, axes, keep, &(norm_attr){ .p = p }.axes);
}
#endif
