/* SPDX-License-Identifier: MIT
 *
 * ops_index.h - rearranging, picking and scattering (part of ops.h).
 */
#ifndef SP_OPS_INDEX_H
#define SP_OPS_INDEX_H

#include "autograd/ops.h"

#ifdef __cplusplus
extern "C" {
#endif

/* ---- by an index along an axis (i32 or i64); x of any dtype ----
   x and index have one rank; beside the axis sizes are equal, or 1 and repeated.  An index out
   of range is an error when evaluated. */

/* y[i,j,k] = x[i, index[i,j,k], k] for the middle one of three axes; y has the index's size
   along the axis.  NumPy's take_along_axis, PyTorch's gather. */
SP_API sp_var sp_take_along_axis(sp_var x, sp_var index, int axis);

/* How what is put meets what is there.  All but SP_SCATTER_SET need numbers. */
typedef enum sp_scattering {
    SP_SCATTER_SET,           /* replaces it; of several at one place the last stays */
    SP_SCATTER_ADD,           /* is added, in order */
    SP_SCATTER_MAX,           /* the larger stays, x's own included; ties share the slope */
    SP_SCATTER_MIN            /* the smaller, likewise; NaN wins over both */
} sp_scattering;

/* x, but y[i, index[i,j,k], k] has met src[i,j,k].  src has the index's shape or is broadcast to
   it.  The gradient goes to x and to what stayed of src. */
SP_API sp_var sp_scatter(sp_var x, sp_var index, sp_var src, int axis, sp_scattering);

/* Rows of an axis by index: that axis of x is replaced by the axes of the index, which may have
   any rank.  Along axis 0 it is sp_gather. */
SP_API sp_var sp_take(sp_var x, sp_var index, int axis);

/* ---- more around it, more of it; any dtype ---- */

typedef enum sp_pad_mode {
    SP_PAD_CONSTANT,          /* a value:      0 0 a b c 0 0 */
    SP_PAD_REFLECT,           /* the mirror:   c b a b c b a   the outermost is the mirror */
    SP_PAD_EDGE,              /* the outermost: a a a b c c c */
    SP_PAD_CIRCULAR           /* from the start: b c a b c a b */
} sp_pad_mode;

typedef struct sp_pad_spec {
    sp_axes     axes;                   /* before[i] and after[i] elements on axes.axis[i];
                                           SP_ALL_AXES: on axis i; the rest 0 */
    int64_t     before[6], after[6];    /* any number: mirrors and circles go on */
    sp_pad_mode mode;
    double      value;                  /* usual 0 */
} sp_pad_spec;

/* sp_pad(x, (sp_pad_spec){ .axes = SP_AXES(-2, -1), .before = { 1, 1 }, .after = { 1, 1 } }) */
SP_API sp_var sp_pad(sp_var x, sp_pad_spec);

SP_API sp_var sp_roll  (sp_var x, int axis, int64_t shift);  /* y[i] = x[(i - shift) mod n] */
SP_API sp_var sp_repeat(sp_var x, int axis, int64_t times);  /* each one: a a b b */

/* x, so many times along each axis: a b a b.  times = SP_SHAPE(2, 3) belongs to the last two
   axes; new axes come in front if there are more counts than axes. */
SP_API sp_var sp_tile(sp_var x, sp_shape times);

/* ---- diagonals; any dtype ----
   Diagonal k of two axes a, b holds the elements with index_b - index_a = k. */

/* A view: the two axes go, the diagonal is the last one. */
SP_API sp_var sp_diagonal(sp_var x, int64_t k, int axis_a, int axis_b);

/* The opposite: zeros but for diagonal k, which is x's last axis; a and b are axes of the result
   and have the sizes rows and columns. */
SP_API sp_var sp_place_diagonal(sp_var x, int64_t k, int axis_a, int axis_b, int64_t rows,
                                int64_t columns);

/* The same on the last two axes of the smallest square matrix */
SP_API sp_var sp_diag_embed(sp_var x, int64_t k);

/* The last two axes up to diagonal k, and from it on; the rest is 0, whatever it was.  Of
   sp_full(tape, SP_BOOL, SP_SHAPE(n, n), 1) it is the mask of causal attention. */
SP_API sp_var sp_tril(sp_var x, int64_t k);
SP_API sp_var sp_triu(sp_var x, int64_t k);

/* ---- windows ---- */

/* A view of any dtype: window i of an axis holds its elements i step + j dilation, j < size.  The
   axis counts windows that fit, at least one; j is a new last axis. */
SP_API sp_var sp_unfold(sp_var x, int axis, int64_t size, int64_t step, int64_t dilation);

/* The opposite, f32 and f64: windows, along the last axis, added up where they lie on an axis of
   size n (`axis` is counted without the last). */
SP_API sp_var sp_fold(sp_var x, int axis, int64_t n, int64_t step, int64_t dilation);

/* ---- numbers in a row ---- */

/* start, start + step, ...: n numbers of a dtype that is not bool */
SP_API sp_var sp_arange(sp_tape *, sp_dtype, double start, int64_t n, double step);

/* n numbers from first to last, both included; n = 1: the first.  Of i32 and i64 the step must be
   a whole number. */
SP_API sp_var sp_linspace(sp_tape *, sp_dtype, double first, double last, int64_t n);

SP_API sp_var sp_eye(sp_tape *, sp_dtype, int64_t n);  /* 1 on the diagonal of [n,n], else 0 */

/* n vectors to n views of the shape that their sizes make: y[k][i0, i1, ...] = x[k][ik].  False
   after a failure. */
SP_API bool sp_meshgrid(int n, const sp_var x[], sp_var y[]);

#ifdef __cplusplus
}
#endif
#endif
