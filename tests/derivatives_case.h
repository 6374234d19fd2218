/* SPDX-License-Identifier: MIT
 *
 * derivatives_case.h - what the tests of derivatives share: a tape in f64, comparing, a function
 * of two vars, and differences.
 */
#ifndef DERIVATIVES_CASE_H
#define DERIVATIVES_CASE_H

#include <check.h>
#include <math.h>
#include <string.h>
#include "autograd/derivatives.h"
#include "autograd/ops.h"
#include "tensor/alloc.h"
#include "tests/suite.h"

static sp_tape *t;

static inline void begin(void) { t = sp_tape_new(NULL); }
static inline void end(void)
{
    sp_tape_free(t);
    ck_assert_int_eq(sp_alloc_count().live_blocks, 0);
}

static inline sp_tensor *draw(sp_shape shape, uint64_t stream)
{
    sp_tensor *x = sp_tensor_new(SP_F64, shape);
    ck_assert(sp_tensor_uniform(x, (sp_random){ .seed = 5, .stream = stream }, -1, 1));
    return x;
}

static inline sp_var drawn(sp_shape shape, uint64_t stream)
{
    sp_tensor *x = draw(shape, stream);
    sp_var v = sp_input(t, x);
    sp_tensor_free(x);
    return v;
}

static inline sp_var data(sp_shape shape, const double *x)
{
    sp_tensor *tensor = sp_tensor_from(SP_F64, shape, x);
    sp_var v = sp_input(t, tensor);
    sp_tensor_free(tensor);
    return v;
}
#define F64(shape, ...) data(shape, (const double[]){ __VA_ARGS__ })

static inline double at(sp_var v, int64_t i)
{
    const sp_tensor *x = sp_value(v);
    ck_assert_msg(x != NULL, "%s", sp_tape_error(t));
    return sp_tensor_at(x, i);
}

static inline void close(sp_var a, sp_var b, double tolerance)
{
    int64_t n = sp_shape_size(sp_var_shape(b));

    ck_assert(sp_shape_equal(sp_var_shape(a), sp_var_shape(b)));
    for (int64_t i = 0; i < n; i++)
        ck_assert_msg(fabs(at(a, i) - at(b, i)) <= tolerance * fmax(1, fabs(at(b, i))),
                      "[%lld]: %.15g and %.15g", (long long)i, at(a, i), at(b, i));
}

static inline sp_var dot(sp_var a, sp_var b) { return sp_sum(sp_mul(a, b)); }

/* ---- a function of two vars ---- */

enum { ROWS = 3, IN = 4, OUT = 2 };

/* x [3,4], w [4,2] -> [3,2], with sums, products, broadcasting and a bend */
static inline sp_var f(sp_var x, sp_var w)
{
    sp_var h = sp_tanh(sp_matmul(x, w));
    return sp_mul(sp_add(h, sp_square(sp_sum_axes(w, SP_AXES(0), false))), sp_exp(sp_mean(x)));
}

static inline sp_var moved(sp_var x, sp_var v, double h) { return sp_add(x, sp_scale(v, h)); }

typedef sp_var of_two(sp_var, sp_var);

/* (f(-2) - 8 f(-1) + 8 f(1) - f(2)) / 12h along the tangents */
static inline sp_var difference(of_two *function, const sp_var x[2], const sp_var v[2])
{
    const double h = 1e-3, weight[] = { 1, -8, 8, -1 }, place[] = { -2, -1, 1, 2 };
    sp_var term[4];

    for (int k = 0; k < 4; k++) {
        sp_var y = function(moved(x[0], v[0], place[k] * h), moved(x[1], v[1], place[k] * h));
        term[k] = sp_scale(y, weight[k] / (12 * h));
    }
    return sp_add_n(4, term);
}

static inline void operands(sp_var x[2], sp_var v[2])
{
    x[0] = drawn(SP_SHAPE(ROWS, IN), 1), x[1] = drawn(SP_SHAPE(IN, OUT), 2);
    v[0] = drawn(SP_SHAPE(ROWS, IN), 3), v[1] = drawn(SP_SHAPE(IN, OUT), 4);
}

#endif
