/* SPDX-License-Identifier: MIT
 *
 * binary - functions of two numbers, element by element.
 *
 * Each row is a whole op: its value in vectors, its value in plain C, its gradients by a and b in
 * ops (g is dL/dy; a, b and y may be used).  Integers wrap around; their kernels are plain loops.
 */
#include <math.h>
#include "autograd/ops.h"
#include "autograd/ops/records.h"

#define LOOP(OP, T, type, VALUE)                                                    \
    sp_kernel KERNEL(OP, type);                                                     \
    void KERNEL(OP, type)(const sp_args *args)                                      \
    {                                                                               \
        const T *as = args->x[0].data, *bs = args->x[1].data;                       \
        T *ys = args->y.data;                                                       \
        int64_t da = args->x[0].stride[0], db = args->x[1].stride[0];               \
        int64_t n = args->y.shape.dim[0], i = 0;                                    \
        for (; i + VLEN(T) <= n; i += VLEN(T)) {                                    \
            v##type a = SP_AT(as, da, i), b = SP_AT(bs, db, i);                     \
            vstore(ys + i, VALUE);                                                  \
        }                                                                           \
        if (i < n) {                                                                \
            v##type a = SP_PART(as, da, i, n - i), b = SP_PART(bs, db, i, n - i);   \
            vstore_part(ys + i, VALUE, n - i);                                      \
        }                                                                           \
    }
#define LOOPS(OP, VALUE) LOOP(OP, float, f32, VALUE) LOOP(OP, double, f64, VALUE)

#ifdef SP_RECORDS
/* What a reference reads: f64, or i64 where the operand is of integers. */
static double number_at(const sp_operand *x, int64_t i)
{
    if (sp_is_floating(x->dtype)) return ((const double *)x->data)[i];
    return (double)((const int64_t *)x->data)[i];
}

#define WHOLE(OP, T, U, VALUE)                                                      \
    static void OP##_##T(const sp_args *args)                                       \
    {                                                                               \
        const T *as = args->x[0].data, *bs = args->x[1].data;                       \
        T *ys = args->y.data;                                                       \
        int64_t da = args->x[0].stride[0], db = args->x[1].stride[0];               \
        for (int64_t i = 0; i < args->y.shape.dim[0]; i++) {                        \
            U a = (U)as[i * da], b = (U)bs[i * db];                                 \
            ys[i] = (T)(VALUE);                                                     \
        }                                                                           \
    }
#define RECORD(OP, VALUE, PLAIN, BY_A, BY_B, DTYPE, KERNELS, LO, HI, ...)           \
    static void OP##_vjp(const sp_pullback *v)                                      \
    {                                                                               \
        sp_var a = v->x[0], b = v->x[1], y = v->y, g = v->g;                        \
        (void)a, (void)b, (void)y;                                                  \
        if (sp_wants(v, 0)) sp_push(v, 0, BY_A);                                    \
        if (sp_wants(v, 1)) sp_push(v, 1, BY_B);                                    \
    }                                                                               \
    static void OP##_reference(const sp_args *args)                                 \
    {                                                                               \
        bool whole = !sp_is_floating(args->x[0].dtype);                             \
        for (int64_t i = 0; i < sp_shape_size(args->y.shape); i++) {                \
            double a = number_at(&args->x[0], i), b = number_at(&args->x[1], i);    \
            if (whole) ((int64_t *)args->y.data)[i] = (int64_t)(PLAIN);             \
            else       ((double *)args->y.data)[i] = (PLAIN);                       \
        }                                                                           \
    }                                                                               \
    static const sp_sample OP##_samples[] = {                                       \
        { .in = "3x4 3x4", LO, HI }, { .in = "2x3x4 4", LO, HI }, { .in = "3x1 1x4", LO, HI }, \
        { .in = ". 3", LO, HI }, { .in = ". .", LO, HI }, { .in = "0x3 1x3", LO, HI }, \
        { .in = "2x35 35", LO, HI },                                                \
        { .in = "2x3 4x3", .fails = "sizes 2 and 4 differ on axis -2" }, __VA_ARGS__ { 0 }, \
    };                                                                              \
    extern const sp_op sp__op_##OP;                                                 \
    const sp_op sp__op_##OP = {                                                     \
        .name = #OP, .maths = "y = " #PLAIN, .kind = SP_ELEMENTWISE, .n_in = 2,     \
        .dtype = DTYPE, .kernels = KERNELS, .vjp = OP##_vjp,                        \
        .reference = OP##_reference, .samples = OP##_samples,                       \
    };                                                                              \
    sp_var sp_##OP(sp_var a, sp_var b)                                              \
    {                                                                               \
        return sp_apply(&sp__op_##OP, 2, (sp_var[]){ a, b }, NULL, NULL);           \
    }
#define FLOATING(OP, VALUE, PLAIN, BY_A, BY_B, ...)                                 \
    LOOPS(OP, VALUE) SP_DECLARE(OP)                                                 \
    RECORD(OP, VALUE, PLAIN, BY_A, BY_B, sp_dtype_floats, SP_KERNELS(OP), __VA_ARGS__)
#define NUMERIC(OP, VALUE, PLAIN, BY_A, BY_B, ...)                                  \
    LOOPS(OP, VALUE) SP_DECLARE(OP)                                                 \
    WHOLE(OP, int32_t, uint32_t, VALUE) WHOLE(OP, int64_t, uint64_t, VALUE)         \
    WHOLE(OP, uint8_t, uint8_t, (VALUE) != 0)                                       \
    RECORD(OP, VALUE, PLAIN, BY_A, BY_B, OP##_dtype, WITH_WHOLE(OP), __VA_ARGS__)

/* A choice by order: integers keep their sign. */
#define ORDERED(OP, VALUE, PLAIN, BY_A, BY_B, ...)                                  \
    LOOPS(OP, VALUE) SP_DECLARE(OP)                                                 \
    WHOLE(OP, int32_t, int32_t, PLAIN) WHOLE(OP, int64_t, int64_t, PLAIN)           \
    WHOLE(OP, uint8_t, uint8_t, PLAIN)                                              \
    RECORD(OP, VALUE, PLAIN, BY_A, BY_B, sp_dtype_alike, WITH_WHOLE(OP), __VA_ARGS__)

/* Of bools only a product is meant: both. */
#define add_dtype sp_dtype_numbers
#define sub_dtype sp_dtype_numbers
#define mul_dtype sp_dtype_alike
#else
#define FLOATING(OP, VALUE, PLAIN, BY_A, BY_B, ...) LOOPS(OP, VALUE)
#define NUMERIC(OP, VALUE, PLAIN, BY_A, BY_B, ...)  LOOPS(OP, VALUE)
#define ORDERED(OP, VALUE, PLAIN, BY_A, BY_B, ...)  LOOPS(OP, VALUE)
#endif

#define INTS                                                                        \
    { .in = "4 4:i64", .fails = "dtypes" }, { .in = "4:i32 4:i32", -9, 9 },         \
    { .in = "3:i64 1:i64", -9, 9 },
#define BOTH    { .in = "5:bool 5:bool", 0, 2 },
#define NO_BOOL { .in = "2:bool 2:bool", 0, 2, .fails = "not bool" },
#define NO_INTS { .in = "2:i32 2:i32", 1, 3, .fails = "needs f32 or f64" },

/*        op   y      y      by a          by b                             range */
NUMERIC(  add, a + b, a + b, g,            g,                               -2, 2, INTS NO_BOOL )
NUMERIC(  sub, a - b, a - b, g,            sp_neg(g),                       -2, 2, INTS )
NUMERIC(  mul, a * b, a * b, sp_mul(g, b), sp_mul(g, a),                    -2, 2, INTS BOTH )
FLOATING( div, a / b, a / b, sp_div(g, b), sp_neg(sp_div(sp_mul(g, y), b)), .5, 3, NO_INTS )

/* x^y by libm, element by element: a power need not be fast.  By a: b a^(b-1), and 0 where b is 0
   and a is 0 or NaN, in every order.  By b: y ln a where a > 0, else 0. */
SP_VEC vf32 vpow_f32(vf32 a, vf32 b)
{
    for (int i = 0; i < VLEN(float); i++) a[i] = (float)pow((double)a[i], (double)b[i]);
    return a;
}
SP_VEC vf64 vpow_f64(vf64 a, vf64 b)
{
    for (int i = 0; i < VLEN(double); i++) a[i] = pow(a[i], b[i]);
    return a;
}
#define vpow(a, b) _Generic((a), vf32: vpow_f32, vf64: vpow_f64)(a, b)

#ifdef SP_RECORDS
static sp_var pow_by_a(sp_var g, sp_var a, sp_var b)
{
    sp_var zero = sp_number(a, 0), flat = sp_equal(b, zero), sound = sp_greater(sp_abs(a), zero);
    sp_var none = sp_greater(flat, sound), factor = sp_where(none, zero, b);

    return sp_mul(g, sp_mul(factor, sp_pow(a, sp_where(none, zero, sp_shift(b, -1)))));
}

static sp_var pow_by_b(sp_var g, sp_var a, sp_var y)
{
    sp_var zero = sp_number(a, 0), positive = sp_greater(a, zero);
    sp_var log_a = sp_log(sp_where(positive, a, sp_number(a, 1)));
    return sp_mul(g, sp_where(positive, sp_mul(y, log_a), zero));
}
#endif

FLOATING( pow, vpow(a, b), pow(a, b), pow_by_a(g, a, b), pow_by_b(g, a, y), .5, 3, )

#ifdef SP_RECORDS
/* Ties share evenly; who lost gets nothing, and NaN, which is not beaten, all. */
static sp_var won(sp_var g, sp_var a, sp_var b, sp_var lost)
{
    return sp_where(lost, sp_number(g, 0), sp_where(sp_equal(a, b), sp_scale(g, .5), g));
}
#endif

ORDERED( maximum, vselect((a > b) | (a != a), a, b), a > b || a != a ? a : b,
         won(g, a, b, sp_less(a, b)), won(g, a, b, sp_less(b, a)), -2, 2, INTS BOTH )
ORDERED( minimum, vselect((a < b) | (a != a), a, b), a < b || a != a ? a : b,
         won(g, a, b, sp_greater(a, b)), won(g, a, b, sp_greater(b, a)), -2, 2, INTS BOTH )
