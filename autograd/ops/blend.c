/* SPDX-License-Identifier: MIT
 *
 * blend - a number kept within bounds, and the way from one number to another.
 */
#include "autograd/ops.h"
#include "autograd/ops/records.h"

/* NaN is below no bound and above none, so it stays. */
#define CLAMP(T, type)                                                              \
    SP_VEC v##type clamped_##type(v##type x, v##type lo, v##type hi)                \
    {                                                                               \
        x = vselect(x < lo, lo, x);                                                 \
        return vselect(x > hi, hi, x);                                              \
    }                                                                               \
    sp_kernel KERNEL(clamp, type);                                                  \
    void KERNEL(clamp, type)(const sp_args *a)                                      \
    {                                                                               \
        const T *xs = a->x[0].data;                                                 \
        T *ys = a->y.data;                                                          \
        v##type zero = { 0 }, lo = vset(zero, a->scalar[0]), hi = vset(zero, a->scalar[1]); \
        int64_t d = a->x[0].stride[0], n = a->y.shape.dim[0], i = 0;                \
        for (; i + VLEN(T) <= n; i += VLEN(T))                                      \
            vstore(ys + i, clamped_##type(SP_AT(xs, d, i), lo, hi));                \
        if (i < n) vstore_part(ys + i, clamped_##type(SP_PART(xs, d, i, n - i), lo, hi), n - i); \
    }
CLAMP(float, f32)
CLAMP(double, f64)

#define LERP(T, type)                                                               \
    sp_kernel KERNEL(lerp, type);                                                   \
    void KERNEL(lerp, type)(const sp_args *args)                                    \
    {                                                                               \
        const T *as = args->x[0].data, *bs = args->x[1].data, *ws = args->x[2].data; \
        T *ys = args->y.data;                                                       \
        int64_t da = args->x[0].stride[0], db = args->x[1].stride[0], dw = args->x[2].stride[0]; \
        int64_t n = args->y.shape.dim[0], i = 0;                                    \
        for (; i + VLEN(T) <= n; i += VLEN(T)) {                                    \
            v##type a = SP_AT(as, da, i), b = SP_AT(bs, db, i), w = SP_AT(ws, dw, i); \
            vstore(ys + i, a + w * (b - a));                                        \
        }                                                                           \
        if (i < n) {                                                                \
            v##type a = SP_PART(as, da, i, n - i), b = SP_PART(bs, db, i, n - i);   \
            v##type w = SP_PART(ws, dw, i, n - i);                                  \
            vstore_part(ys + i, a + w * (b - a), n - i);                            \
        }                                                                           \
    }
LERP(float, f32)
LERP(double, f64)

#ifdef SP_RECORDS

/* ---- clamp ---- */

/* Slope 1 on the bounds as between them. */
static void clamp_vjp(const sp_pullback *v)
{
    sp_var x = v->x[0];
    sp_var inside = sp_mul(sp_greater_equal(x, sp_number(x, v->scalar[0])),
                           sp_less_equal(x, sp_number(x, v->scalar[1])));

    sp_push(v, 0, sp_where(inside, v->g, sp_number(x, 0)));
}

static void clamp_reference(const sp_args *a)
{
    const double *x = a->x[0].data;
    double *y = a->y.data, lo = a->scalar[0], hi = a->scalar[1];

    for (int64_t i = 0; i < sp_shape_size(a->y.shape); i++) {
        y[i] = x[i];
        if (y[i] < lo) y[i] = lo;
        if (y[i] > hi) y[i] = hi;
    }
}

static const sp_sample clamp_samples[] = {
    { .in = "3x4", -.9, .9, .scalar = { -1, 1 } }, { .in = ".", -.9, .9, .scalar = { -1, 1 } },
    { .in = "2x37", -1.9, -1.1, .scalar = { -3, -1 } }, { .in = "5", 2, 3, .scalar = { -1, 1 } },
    { .in = "0x2", .scalar = { -1, 1 } },
    { .in = "2x37", -3, 3, .scalar = { -1.5, 1 }, .no_slope = true },
    { .in = "4", -3, 3, .scalar = { 1, -1 }, .no_slope = true },
    { .in = "2:i32", .scalar = { -1, 1 }, .fails = "needs f32 or f64" }, { 0 },
};

SP_DECLARE(clamp)
extern const sp_op sp__op_clamp;
const sp_op sp__op_clamp = {
    .name = "clamp", .maths = "y = min(max(x, lo), hi)", .kind = SP_ELEMENTWISE, .n_in = 1,
    .n_scalars = 2, .kernels = SP_KERNELS(clamp), .vjp = clamp_vjp,
    .reference = clamp_reference, .samples = clamp_samples,
};

sp_var sp_clamp(sp_var x, double lo, double hi)
{
    char text[SP_SHAPE_TEXT];

    if (lo != lo || hi != hi)
        return sp_tape_fail(x.tape, "clamp: %s: its bounds are %g and %g",
                            sp_shape_text(sp_var_shape(x), text), lo, hi);
    return sp_apply(&sp__op_clamp, 1, &x, NULL, (double[]){ lo, hi });
}

/* ---- lerp ---- */

static void lerp_vjp(const sp_pullback *v)
{
    sp_var a = v->x[0], b = v->x[1], w = v->x[2];

    if (sp_wants(v, 0)) sp_push(v, 0, sp_mul(v->g, sp_one_minus(w)));
    if (sp_wants(v, 1)) sp_push(v, 1, sp_mul(v->g, w));
    if (sp_wants(v, 2)) sp_push(v, 2, sp_mul(v->g, sp_sub(b, a)));
}

static void lerp_reference(const sp_args *args)
{
    const double *a = args->x[0].data, *b = args->x[1].data, *w = args->x[2].data;
    double *y = args->y.data;

    for (int64_t i = 0; i < sp_shape_size(args->y.shape); i++)
        y[i] = (1 - w[i]) * a[i] + w[i] * b[i];
}

static const sp_sample lerp_samples[] = {
    { .in = "3x4 3x4 3x4" }, { .in = "2x3x4 4 ." }, { .in = "3x1 1x4 2x1x1" },
    { .in = ". . ." }, { .in = "0x3 1x3 3" },
    { .in = "2x35 35 2x35" }, { .in = "2x3 4x3 .", .fails = "sizes 2 and 4 differ on axis -2" },
    { .in = "2:i32 2:i32 2:i32", .fails = "needs f32 or f64" }, { 0 },
};

SP_DECLARE(lerp)
extern const sp_op sp__op_lerp;
const sp_op sp__op_lerp = {
    .name = "lerp", .maths = "y = a + w (b - a)", .kind = SP_ELEMENTWISE, .n_in = 3,
    .kernels = SP_KERNELS(lerp), .vjp = lerp_vjp,
    .reference = lerp_reference, .samples = lerp_samples,
};

sp_var sp_lerp(sp_var a, sp_var b, sp_var w)
{
    return sp_apply(&sp__op_lerp, 3, (sp_var[]){ a, b, w }, NULL, NULL);
}
#endif
