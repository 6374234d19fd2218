/* SPDX-License-Identifier: MIT
 *
 * ops_conv.h - convolutions and pooling (part of ops.h).
 */
#ifndef SP_OPS_CONV_H
#define SP_OPS_CONV_H

#include "autograd/ops.h"

#ifdef __cplusplus
extern "C" {
#endif

/* ---- convolutions ----
   x [N,C,X...], w [O,C/groups,K...], b [O] or {0} for none; the result is [N,O,Y...] with

       y[n,o,p] = b[o] + sum over c, k of w[o,c,k] x[n,c,p stride + k dilation - padding]

   and Y = (X + padding + padding_after - dilation (K - 1) - 1) / stride + 1.  Layouts and
   names are PyTorch's.  N, C, O and, with padding, X may be 0.  Padding is multiplied like any
   zeros: NaN in w reaches it.

   Of options for each axis, one left out (0) is that of the axis before it, so .stride = { 2 } is 2
   along all; SP_ZERO writes a 0.  A causal convolution over time has
   .padding = { dilation (K - 1) }, .padding_after = { SP_ZERO }. */
typedef struct sp_conv_spec {
    int64_t stride[3];          /* usual 1 */
    int64_t padding[3];         /* zeros before x, and behind it; usual none */
    int64_t padding_after[3];   /* those behind x, where they are not as many as before */
    int64_t dilation[3];        /* usual 1 */
    int64_t groups;             /* usual 1; group j of O sees group j of C */
    int64_t output_padding[3];  /* sp_conv_transpose: so many more at the end; below the stride */
} sp_conv_spec;

SP_API sp_var sp_conv1d(sp_var x, sp_var w, sp_var b, sp_conv_spec);
SP_API sp_var sp_conv2d(sp_var x, sp_var w, sp_var b, sp_conv_spec);
SP_API sp_var sp_conv3d(sp_var x, sp_var w, sp_var b, sp_conv_spec);

/* The opposite way, as the gradient by x of a convolution goes: x [N,C,X...], w [C,O/groups,K...],
   b [O]; the result is [N,O,Y...] with
   Y = (X - 1) stride - padding - padding_after + dilation (K - 1) + 1 + output_padding. */
SP_API sp_var sp_conv_transpose1d(sp_var x, sp_var w, sp_var b, sp_conv_spec);
SP_API sp_var sp_conv_transpose2d(sp_var x, sp_var w, sp_var b, sp_conv_spec);
SP_API sp_var sp_conv_transpose3d(sp_var x, sp_var w, sp_var b, sp_conv_spec);

/* ---- pooling ----
   x [N,C,X...]; the result [N,C,Y...] holds for each channel the largest, or the mean, of what a
   window sees at each position, with Y as above.  Options for each axis as above. */
typedef struct sp_pool_spec {
    int64_t size[3];            /* of the window */
    int64_t stride[3];          /* usual: the size */
    int64_t padding[3];         /* on both sides, at most half the size; it is never the largest */
    int64_t dilation[3];        /* usual 1 */
    bool    ceil;               /* round Y up: the last window may reach beyond the padding, by
                                   less than a stride; so may an only one */
    bool    inside;             /* the mean is over elements of x only, not over padding */
} sp_pool_spec;

/* NaN counts as largest.  The slope is split evenly among ties (PyTorch: the first gets all). */
SP_API sp_var sp_max_pool1d(sp_var x, sp_pool_spec);
SP_API sp_var sp_max_pool2d(sp_var x, sp_pool_spec);
SP_API sp_var sp_max_pool3d(sp_var x, sp_pool_spec);

SP_API sp_var sp_mean_pool1d(sp_var x, sp_pool_spec);
SP_API sp_var sp_mean_pool2d(sp_var x, sp_pool_spec);
SP_API sp_var sp_mean_pool3d(sp_var x, sp_pool_spec);

#ifdef __cplusplus
}
#endif
#endif
