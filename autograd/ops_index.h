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

/* ---- numbers in a row ---- */

/* start, start + step, ...: n numbers of a dtype that is not bool */
SP_API sp_var sp_arange(sp_tape *, sp_dtype, double start, int64_t n, double step);

#ifdef __cplusplus
}
#endif
#endif
