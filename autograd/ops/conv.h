/* SPDX-License-Identifier: MIT
 *
 * conv.h - the attributes of convolutions, and their kernels (internal).
 *
 *     y[n,o,p] = sum over c, k of w[o,c,k] x[n,c,p stride + k dilation - before]
 *
 * x [N,C,X...], w [O,C/groups,K...], y [N,O,Y...]; group j of the output channels sees group j of
 * the input channels.  conv makes y; conv_transpose what is y's place in x, from y and w;
 * conv_weight what is w's place, from x and y.
 */
#ifndef SP_CONV_H
#define SP_CONV_H

#include "autograd/ops/records.h"
#include "autograd/ops/window.h"

typedef struct sp_conv_attr {
    sp_window window;                          /* size: for conv_weight only */
    int64_t   groups;
    int64_t   more[SP_WINDOW_AXES];            /* conv_transpose: elements of x that no position
                                                  reaches */
} sp_conv_attr;

/* Bytes of scratch, enough for each of the three. */
int64_t sp__conv_work(const sp_conv_attr *, sp_shape x, sp_shape w, sp_shape y, sp_dtype);

/* What the three records share; conv_samples.c has the last two. */
#define SP__CONV_DECLARE(op)                                                        \
    SP_DECLARE(op)                                                                  \
    extern const sp_op sp__op_##op;                                                 \
    extern const sp_sample sp__##op##_samples[];                                    \
    void sp__##op##_reference(const sp_args *);
SP__CONV_DECLARE(conv)
SP__CONV_DECLARE(conv_transpose)
SP__CONV_DECLARE(conv_weight)

#endif
