/* SPDX-License-Identifier: MIT
 *
 * each_rows.h - ops of one number, applied to every element, a row each (internal).
 *
 *   UNARY(op, in vectors, in C, gradient by x, lowest, highest, further samples)
 *   FLAT (op, in vectors, in C,                lowest, highest, further samples)
 *
 * A row is a whole op with its public function: its value in vectors, its value in plain C for the
 * reference, its gradient in ops (g is dL/dy; x and y may be used), the range it is tried on, and
 * further samples where one range does not do.  FLAT has no gradient.  A row of
 *
 *   UNARY_WITH(op, maths, (scalars to try it with), in vectors, in C, gradient, lowest, ...)
 *
 * may use scalars s[0], s[1], ... everywhere; its public function is written out.
 */
#ifndef SP_EACH_ROWS_H
#define SP_EACH_ROWS_H

#include <math.h>
#include "autograd/ops.h"
#include "autograd/ops/records.h"
#include "tensor/vmath.h"

#define ZERO vset(x, 0)
#define ONE  vset(x, 1)

/* A further sample, below a kink at 0. */
#define BELOW { .in = "5", -4, -.6 },

#define LOOP(OP, T, type, VALUE)                                                    \
    sp_kernel KERNEL(OP, type);                                                     \
    void KERNEL(OP, type)(const sp_args *a)                                         \
    {                                                                               \
        const T *xs = a->x[0].data;                                                 \
        T *ys = a->y.data;                                                          \
        const double *s = a->scalar;                                                \
        int64_t d = a->x[0].stride[0], n = a->y.shape.dim[0], i = 0;                \
        (void)s;                                                                    \
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
#define LIST(...) __VA_ARGS__
#define RULE(OP, GRADIENT)                                                          \
    static void OP##_vjp(const sp_pullback *v)                                      \
    {                                                                               \
        sp_var x = v->x[0], y = v->y, g = v->g;                                     \
        const double *s = v->scalar;                                                \
        (void)x, (void)y, (void)s;                                                  \
        sp_push(v, 0, GRADIENT);                                                    \
    }
#define RECORD(OP, MATHS, N, S, PLAIN, RULED, LO, HI, ...)                          \
    SP_DECLARE(OP)                                                                  \
    static void OP##_reference(const sp_args *a)                                    \
    {                                                                               \
        const double *xs = a->x[0].data, *s = a->scalar;                            \
        double *ys = a->y.data;                                                     \
        (void)s;                                                                    \
        for (int64_t i = 0; i < sp_shape_size(a->y.shape); i++) {                   \
            double x = xs[i];                                                       \
            ys[i] = (PLAIN);                                                        \
        }                                                                           \
    }                                                                               \
    static const sp_sample OP##_samples[] = {                                       \
        { .in = "3x4", LO, HI, .scalar = { LIST S } },                              \
        { .in = ".", LO, HI, .scalar = { LIST S } },                                \
        { .in = "0x2", LO, HI, .scalar = { LIST S } },                              \
        { .in = "2x37", LO, HI, .scalar = { LIST S } }, __VA_ARGS__                 \
        { .in = "2:i32", 0, 2, .scalar = { LIST S }, .fails = "needs f32 or f64" }, \
        { 0 },                                                                      \
    };                                                                              \
    extern const sp_op sp__op_##OP;                                                 \
    const sp_op sp__op_##OP = {                                                     \
        .name = #OP, .maths = "y = " MATHS, .kind = SP_ELEMENTWISE, .n_in = 1,      \
        .n_scalars = N, .kernels = SP_KERNELS(OP), RULED,                           \
        .reference = OP##_reference, .samples = OP##_samples,                       \
    };
#define FUNCTION(OP) sp_var sp_##OP(sp_var x) { return sp_apply(&sp__op_##OP, 1, &x, NULL, NULL); }
#define UNARY(OP, VALUE, PLAIN, GRADIENT, ...)                                      \
    LOOPS(OP, VALUE) RULE(OP, GRADIENT)                                             \
    RECORD(OP, #PLAIN, 0, (0), PLAIN, .vjp = OP##_vjp, __VA_ARGS__) FUNCTION(OP)
/* The same with bounds of y: `between` is (least, most). */
#define UNARY_IN(OP, BETWEEN, VALUE, PLAIN, GRADIENT, ...)                          \
    LOOPS(OP, VALUE) RULE(OP, GRADIENT)                                             \
    RECORD(OP, #PLAIN, 0, (0), PLAIN, .vjp = OP##_vjp BOUNDS BETWEEN, __VA_ARGS__) FUNCTION(OP)
#define BOUNDS(LEAST, MOST) , .lo = LEAST, .hi = MOST
#define FLAT(OP, VALUE, PLAIN, ...)                                                 \
    LOOPS(OP, VALUE)                                                                \
    RECORD(OP, #PLAIN, 0, (0), PLAIN, .constant = true, __VA_ARGS__) FUNCTION(OP)
#define UNARY_WITH(OP, MATHS, S, VALUE, PLAIN, GRADIENT, ...)                       \
    LOOPS(OP, VALUE) RULE(OP, GRADIENT)                                             \
    RECORD(OP, MATHS, SP_COUNT(double, LIST S), S, PLAIN, .vjp = OP##_vjp, __VA_ARGS__)
#else
#define UNARY_IN(OP, BETWEEN, VALUE, PLAIN, GRADIENT, ...)    LOOPS(OP, VALUE)
#define UNARY(OP, VALUE, PLAIN, GRADIENT, ...)                LOOPS(OP, VALUE)
#define FLAT(OP, VALUE, PLAIN, ...)                           LOOPS(OP, VALUE)
#define UNARY_WITH(OP, MATHS, S, VALUE, PLAIN, GRADIENT, ...) LOOPS(OP, VALUE)
#endif

#endif
