/* SPDX-License-Identifier: MIT
 *
 * unary - functions of one number, applied to every element.
 *
 * Each row is a whole op: its value in vectors, its value in plain C for the reference, its
 * gradient in ops (g is dL/dy; x and y may be used), the range it is tried on, and further
 * samples where one range does not do.
 */
#include <math.h>
#include "autograd/ops.h"
#include "autograd/ops/records.h"
#include "tensor/vmath.h"

#define LOOP(OP, T, type, VALUE)                                                    \
    sp_kernel KERNEL(OP, type);                                                     \
    void KERNEL(OP, type)(const sp_args *a)                                         \
    {                                                                               \
        const T *xs = a->x[0].data;                                                 \
        T *ys = a->y.data;                                                          \
        int64_t d = a->x[0].stride[0], n = a->y.shape.dim[0], i = 0;                \
        for (; i + VLEN(T) <= n; i += VLEN(T)) {                                    \
            v##type x = SP_AT(xs, d, i);                                            \
            vstore(ys + i, VALUE);                                                  \
        }                                                                           \
        if (i < n) {                                                                \
            v##type x = SP_PART(xs, d, i, n - i);                                   \
            vstore_part(ys + i, VALUE, n - i);                                      \
        }                                                                           \
    }
#define LOOPS(OP, VALUE) LOOP(OP, float, f32, VALUE) LOOP(OP, double, f64, VALUE)

#ifdef SP_RECORDS
#define RULE(OP, GRADIENT)                                                          \
    static void OP##_vjp(const sp_pullback *v)                                           \
    {                                                                               \
        sp_var x = v->x[0], y = v->y, g = v->g;                                     \
        (void)x, (void)y;                                                           \
        sp_push(v, 0, GRADIENT);                                                    \
    }
#define RECORD(OP, PLAIN, RULED, LO, HI, ...)                                       \
    SP_DECLARE(OP)                                                                  \
    static void OP##_reference(const sp_args *a)                                    \
    {                                                                               \
        const double *xs = a->x[0].data;                                            \
        double *ys = a->y.data;                                                     \
        for (int64_t i = 0; i < sp_shape_size(a->y.shape); i++) {                   \
            double x = xs[i];                                                       \
            ys[i] = (PLAIN);                                                        \
        }                                                                           \
    }                                                                               \
    static const sp_sample OP##_samples[] = {                                       \
        { .in = "3x4", LO, HI }, { .in = ".", LO, HI }, { .in = "0x2", LO, HI },    \
        { .in = "2x37", LO, HI }, __VA_ARGS__                                       \
        { .in = "2:i32", 0, 2, .fails = "needs f32 or f64" }, { 0 },                      \
    };                                                                              \
    extern const sp_op sp__op_##OP;                                                 \
    const sp_op sp__op_##OP = {                                                     \
        .name = #OP, .maths = "y = " #PLAIN, .kind = SP_ELEMENTWISE, .n_in = 1,     \
        .kernels = SP_KERNELS(OP), RULED, .reference = OP##_reference,              \
        .samples = OP##_samples,                                                    \
    };                                                                              \
    sp_var sp_##OP(sp_var x) { return sp_apply(&sp__op_##OP, 1, &x, NULL, NULL); }
#define UNARY(OP, VALUE, PLAIN, GRADIENT, ...)                                      \
    LOOPS(OP, VALUE) RULE(OP, GRADIENT) RECORD(OP, PLAIN, .vjp = OP##_vjp, __VA_ARGS__)
#define FLAT(OP, VALUE, PLAIN, ...)                                                 \
    LOOPS(OP, VALUE) RECORD(OP, PLAIN, .constant = true, __VA_ARGS__)
#else
#define UNARY(OP, VALUE, PLAIN, GRADIENT, ...) LOOPS(OP, VALUE)
#define FLAT(OP, VALUE, PLAIN, ...)            LOOPS(OP, VALUE)
#endif

#define ZERO vset(x, 0)
#define ONE  vset(x, 1)

/*     op          in vectors   in C               gradient by x                           range */
UNARY( exp,        vexp(x),     exp(x),            sp_mul(g, y),                           -4, 4, )
UNARY( log,        vlog(x),     log(x),            sp_div(g, x),                           .1, 9, )
UNARY( sqrt,       vsqrt(x),    sqrt(x),           sp_div(sp_scale(g, .5), y),             .1, 9, )
UNARY( square,     x * x,       x * x,             sp_mul(g, sp_scale(x, 2)),              -4, 4, )
UNARY( tanh,       vtanh(x),    tanh(x),           sp_mul(g, sp_one_minus(sp_square(y))),  -4, 4, )
UNARY( sigmoid,    vsigmoid(x), 1 / (1 + exp(-x)), sp_mul(g, sp_mul(y, sp_one_minus(y))),  -4, 4, )
UNARY( neg,        -x,          -x,                sp_neg(g),                              -4, 4, )
UNARY( reciprocal, ONE / x,     1 / x,             sp_neg(sp_mul(g, sp_square(y))),        .1, 4, )

/* A negative NaN or zero passes: only what is below 0 is cut.  The slope at 0 is 0. */
UNARY( relu,       vselect(x < ZERO, ZERO, x), x < 0 ? 0 : x,
       sp_where(sp_greater(x, sp_number(x, 0)), g, sp_number(x, 0)), .1, 4,
       { .in = "5", -4, -.1 }, )
UNARY( abs,        vabs(x), fabs(x), sp_mul(g, sp_sign(x)), .1, 4, { .in = "5", -4, -.1 }, )

/* Flat wherever it is smooth, so no gradient passes. */
FLAT(  sign,       vselect(x > ZERO, ONE, vselect(x < ZERO, -ONE, x)),
       x > 0 ? 1 : x < 0 ? -1 : x, .1, 4, { .in = "5", -4, -.1 }, )
