/* SPDX-License-Identifier: MIT
 *
 * ops.h - every op as a function, one line of maths each.
 *
 * Operands of elementwise ops broadcast by NumPy's rule; their dtypes must be alike
 * (sp_cast converts).  Every op has f32 and f64; where integers are allowed it says so.
 * A negative axis counts from the back.  A call that does not fit records a
 * failure on the tape and returns a var that is nothing (tape.h).
 *
 * What empty operands give: a sum 0, a product 1, a mean or variance NaN, a norm 0, any false, all
 * true, logsumexp -inf; the largest or smallest of nothing and its index are an error; a product
 * of matrices over nothing is 0, and a convolution over no channels its bias.  Whatever keeps
 * its shape (elementwise, softmax, running sums, linear_scan of no steps, norms, order) is empty.
 * Cross-entropy of no targets is 0, a mean of none otherwise NaN.  An index into nothing is out
 * of range.  Gradients have the operands' shapes, and are 0 where nothing came out.
 * tests/test_special_empty.c has a row for every op.
 *
 * NaN and infinities reach what depends on the element, and nothing else: its row of a softmax, its
 * channel of a norm.  NaN makes all that NaN, the largest and smallest included; only what says
 * so picks without it (where, a path of no use in ctc).  A zero times NaN is NaN, also a zero of
 * padding in a convolution.  Numbers at the ends: ops_pointwise.h.  softmax, logsumexp,
 * cross_entropy and ctc and their gradients are finite for logits of +-10000 and beyond.
 */
#ifndef SP_OPS_H
#define SP_OPS_H

#include "autograd/op.h"

#ifdef __cplusplus
extern "C" {
#endif

/* ---- arithmetic (also i32, i64) ---- */
SP_API sp_var sp_add(sp_var a, sp_var b);              /* a + b */
SP_API sp_var sp_sub(sp_var a, sp_var b);              /* a - b */
SP_API sp_var sp_mul(sp_var a, sp_var b);              /* a b;  for bool: a and b */
SP_API sp_var sp_div(sp_var a, sp_var b);              /* a / b;  floating only */
SP_API sp_var sp_neg(sp_var x);                        /* -x;  floating only */

/* With a number, which takes the var's dtype. */
SP_API sp_var sp_scale(sp_var x, double c);            /* c x */
SP_API sp_var sp_shift(sp_var x, double c);            /* x + c */
SP_API sp_var sp_one_minus(sp_var x);                  /* 1 - x */

/* A number as a scalar of like's dtype, on its tape. */
SP_API sp_var sp_number(sp_var like, double c);

/* ---- comparisons: bool; no gradient; any dtype ---- */
SP_API sp_var sp_less         (sp_var a, sp_var b);    /* a < b */
SP_API sp_var sp_less_equal   (sp_var a, sp_var b);    /* a <= b */
SP_API sp_var sp_greater      (sp_var a, sp_var b);    /* a > b */
SP_API sp_var sp_greater_equal(sp_var a, sp_var b);    /* a >= b */
SP_API sp_var sp_equal        (sp_var a, sp_var b);    /* a == b */
SP_API sp_var sp_not_equal    (sp_var a, sp_var b);    /* a != b */

/* condition ? a : b.  The condition is bool, a and b any one dtype. */
SP_API sp_var sp_where(sp_var condition, sp_var a, sp_var b);

/* ---- functions of one number ---- */
SP_API sp_var sp_exp(sp_var x);                        /* e^x */
SP_API sp_var sp_log(sp_var x);                        /* ln x */
SP_API sp_var sp_sqrt(sp_var x);                       /* x^(1/2) */
SP_API sp_var sp_square(sp_var x);                     /* x x */
SP_API sp_var sp_tanh(sp_var x);                       /* (e^x - e^-x) / (e^x + e^-x) */
SP_API sp_var sp_sigmoid(sp_var x);                    /* 1 / (1 + e^-x) */
SP_API sp_var sp_relu(sp_var x);                       /* max(x, 0); slope 0 at 0 */
SP_API sp_var sp_abs(sp_var x);                        /* |x|; slope 0 at 0 */
SP_API sp_var sp_sign(sp_var x);                       /* -1, 0, 1; no gradient */
SP_API sp_var sp_reciprocal(sp_var x);                 /* 1 / x */

/* ---- functions of several ---- */
SP_API sp_var sp_pow(sp_var x, sp_var y);              /* x^y; slope by y is 0 where x <= 0 */

/* min(max(x, lo), hi); slope 1 on the bounds, 0 outside */
SP_API sp_var sp_clamp(sp_var x, double lo, double hi);

SP_API sp_var sp_lerp(sp_var a, sp_var b, sp_var w);   /* a + w (b - a) */

/* ---- over axes ----
   SP_AXES(0, 2) writes a set of axes; SP_ALL_AXES is every axis.  `keep` leaves them with
   size 1. */
typedef struct sp_axes { int n; int axis[6]; } sp_axes;
#define SP_AXES(...) ((sp_axes){ SP_COUNT(int, __VA_ARGS__), { __VA_ARGS__ } })
#define SP_ALL_AXES  ((sp_axes){ -1, { 0 } })

SP_API sp_var sp_sum (sp_var x);                                  /* of all elements, a scalar */
SP_API sp_var sp_mean(sp_var x);
SP_API sp_var sp_max (sp_var x);  /* slope split evenly among ties */
SP_API sp_var sp_sum_axes (sp_var x, sp_axes, bool keep);
SP_API sp_var sp_mean_axes(sp_var x, sp_axes, bool keep);
SP_API sp_var sp_max_axes (sp_var x, sp_axes, bool keep);

/* i64: the index of the first largest; NaN counts as largest; no gradient */
SP_API sp_var sp_argmax(sp_var x, int axis);

/* ---- products ----
   An element is one sum over k in order, in the dtype, also in convolutions: its bits do not depend
   on how the work is cut, and in f32 its error grows with K. */

/* [..,M,K] x [..,K,N] -> [..,M,N]; leading axes broadcast.  A vector is a row on the left, a column
   on the right, and its axis goes: [K] x [..,K,N] -> [..,N], [..,M,K] x [K] -> [..,M]. */
SP_API sp_var sp_matmul(sp_var a, sp_var b);

/* The same with a or b read transposed (their last two axes swapped), without a copy; both of
   rank >= 2. */
SP_API sp_var sp_matmul_t(sp_var a, bool a_transposed, sp_var b, bool b_transposed);

/* ---- views: nothing is copied unless a reshape cannot be said with strides; any dtype ---- */
SP_API sp_var sp_reshape  (sp_var x, sp_shape);                   /* one size of -1: the rest */
SP_API sp_var sp_permute  (sp_var x, sp_axes);                    /* y axis i is x axis axis[i] */
SP_API sp_var sp_transpose(sp_var x, int axis_a, int axis_b);     /* two axes swapped */

/* `count` elements of an axis from `start` (< 0: counted from the end), in steps of `step` >= 1 */
SP_API sp_var sp_slice     (sp_var x, int axis, int64_t start, int64_t count);
SP_API sp_var sp_slice_step(sp_var x, int axis, int64_t start, int64_t count, int64_t step);

SP_API sp_var sp_select   (sp_var x, int axis, int64_t index);    /* one index; the axis goes */
SP_API sp_var sp_broadcast(sp_var x, sp_shape);
SP_API sp_var sp_flip     (sp_var x, int axis);
SP_API sp_var sp_unsqueeze(sp_var x, int axis);                   /* a new axis of size 1 */
SP_API sp_var sp_squeeze  (sp_var x, int axis);                   /* an axis of size 1 goes */
SP_API sp_var sp_detach   (sp_var x);                             /* x; no gradient passes */

/* Write the n equal parts along an axis to part[]; false after a failure. */
SP_API bool sp_split(sp_var x, int axis, int n, sp_var part[]);

/* ---- joins; any dtype ---- */
SP_API sp_var sp_concat(int n, const sp_var x[], int axis);       /* sp_concat(SP_VARS(a, b), 1) */
SP_API sp_var sp_stack (int n, const sp_var x[], int axis);       /* along a new axis */
SP_API sp_var sp_add_n (int n, const sp_var x[]);                 /* x[0] + x[1] + ..., in order */

/* Zeros of size `size` along an axis but for x at start, start + step, ...: a slice's opposite. */
SP_API sp_var sp_place(sp_var x, int axis, int64_t start, int64_t step, int64_t size);

/* ---- by index: i32 or i64; out of range is an error when evaluated ---- */

/* y[i..., :] = x[index[i...], :] */
SP_API sp_var sp_gather(sp_var x, sp_var index);

/* y[index[i...], :] += x[i..., :] in order of i; y has so many rows */
SP_API sp_var sp_scatter_add(sp_var x, sp_var index, int64_t rows);

/* a new last axis of size n: 1 at the index, else 0 */
SP_API sp_var sp_one_hot(sp_var index, int64_t n, sp_dtype);

/* Floating to integer truncates; what does not fit becomes the nearest that does, NaN 0.  To bool:
   x != 0, which NaN is. */
SP_API sp_var sp_cast(sp_var x, sp_dtype);

/* ---- random ---- */

/* Training: 0 with probability p, else x / (1 - p).  Evaluation: x itself, nothing is recorded. */
SP_API sp_var sp_dropout(sp_var x, double p);

/* i64: an index along the last axis drawn with probability softmax(logits).  No gradient. */
SP_API sp_var sp_categorical(sp_var logits);

/* ---- macros: one node with a kernel and an expansion; along the last axis ---- */
SP_API sp_var sp_softmax    (sp_var x);                           /* e^x / sum e^x */
SP_API sp_var sp_log_softmax(sp_var x);                           /* x - log sum e^x */
SP_API sp_var sp_logsumexp  (sp_var x);                           /* log sum e^x; the axis goes */

typedef enum sp_reduction { SP_MEAN, SP_SUM_UP, SP_EACH } sp_reduction;

typedef struct sp_cross_entropy_spec {
    sp_reduction reduction;       /* SP_MEAN: over the targets that are not ignored */
    int64_t      ignore_index;    /* targets of this id count as nothing; usual -100; SP_ZERO: 0 */
    bool         nan_if_none;     /* the mean over no target is NaN; usual 0 */
} sp_cross_entropy_spec;

/* logits [...,C], target [...] of ids in [0,C) or ignored: the mean of
   -log softmax(logits)[target] over all targets.  The class axis is the last one. */
SP_API sp_var sp_cross_entropy     (sp_var logits, sp_var target);
SP_API sp_var sp_cross_entropy_with(sp_var logits, sp_var target, sp_cross_entropy_spec);

/* mean of (x - y)^2 over all elements */
SP_API sp_var sp_mse(sp_var x, sp_var y);

/* ---- the list ---- */

/* The i-th built-in op's record; NULL past the end. */
SP_API const sp_op *sp_op_at(int i);

#ifdef __cplusplus
}
#endif

/* The rest, by family. */
#include "autograd/ops_pointwise.h"
#include "autograd/ops_reduce.h"
#include "autograd/ops_scan.h"
#include "autograd/ops_index.h"
#include "autograd/ops_product.h"
#include "autograd/ops_conv.h"
#include "autograd/ops_norm.h"
#include "autograd/ops_ctc.h"
#include "autograd/ops_random.h"

#endif
