/* SPDX-License-Identifier: MIT
 *
 * window.h - a window that slides over the spatial axes of x [N,C,X...]: what convolutions and
 * pooling share (internal).
 *
 * Along each axis, position y and tap k of the window see x at y stride + k dilation - before;
 * outside of x lies padding.
 */
#ifndef SP_WINDOW_H
#define SP_WINDOW_H

#include "autograd/op.h"

enum { SP_WINDOW_AXES = 3 };

/* As attributes say it.  Entries behind `axes` are 0. */
typedef struct sp_window {
    int64_t axes;                              /* spatial axes */
    int64_t size[SP_WINDOW_AXES];              /* taps; 0 where an operand's shape tells them */
    int64_t stride[SP_WINDOW_AXES], dilation[SP_WINDOW_AXES];
    int64_t before[SP_WINDOW_AXES], after[SP_WINDOW_AXES];      /* padding */
} sp_window;

/* Entry d of an option for all axes: one left out is that of the axis before it. */
int64_t sp__window_entry(const int64_t option[SP_WINDOW_AXES], int d, int64_t usual);

/* Numbers that make no window are refused; so is an operand that is not [N,C,X...]. */
bool sp__window_check(const sp_call *, const sp_window *);

/* *y = the number of positions along axis d of so many elements, which the taps must fit into
   with the padding.  ceil: a last position that begins in x or before it may reach beyond. */
bool sp__window_positions(const sp_call *, const sp_window *, int d, int64_t elements, int64_t taps,
                          bool ceil, int64_t *y);

/* The same as kernels go through it: always three axes, the missing ones first, of size 1. */
typedef struct sp_windows {
    int64_t x[SP_WINDOW_AXES], y[SP_WINDOW_AXES], taps[SP_WINDOW_AXES];
    int64_t stride[SP_WINDOW_AXES], dilation[SP_WINDOW_AXES], before[SP_WINDOW_AXES];
    int64_t n_x, n_y, n_taps;                  /* their products */
} sp_windows;
sp_windows sp__windows(const sp_window *, sp_shape x, sp_shape y, const int64_t taps[]);

/* Index i of an array of dim[0] x dim[1] x dim[2], in three parts. */
static inline void sp__split3(int64_t i, const int64_t dim[3], int64_t part[3])
{
    for (int d = 2; d >= 0; d--) part[d] = i % dim[d], i /= dim[d];
}

#endif
