/* SPDX-License-Identifier: MIT
 *
 * strided.h - walking arrays of any strides (internal).
 */
#ifndef SP_STRIDED_H
#define SP_STRIDED_H

#include "tensor/shape.h"

enum { SP_MAX_WALK = 4 };

/* A walk over up to 4 arrays of one shape in step.  Axes that all arrays run through
   evenly are joined and axes of size 1 dropped; what is left is rows along the last
   axis of `shape` (rank >= 1, a scalar is one row of 1). */
typedef struct sp_walk {
    int      n;
    sp_shape shape;
    int64_t  stride[SP_MAX_WALK][SP_MAX_RANK];
    int64_t  rows, len;               /* number of rows; elements of each */
    int64_t  index[SP_MAX_RANK];      /* of the current row */
    int64_t  at[SP_MAX_WALK];         /* its first element, from each array's element 0 */
} sp_walk;

/* strides[i] are those of array i, in elements. */
void sp__walk_begin(sp_walk *, sp_shape, int n, const int64_t *const strides[]);

/* How many rows from the current one on, `most` or fewer, lie evenly: those of array i are
   stride[i][rank - 2] apart. */
int64_t sp__walk_even(const sp_walk *, int64_t most);

/* Go on by so many rows; behind the last one is the first. */
void sp__walk_on(sp_walk *, int64_t rows);

/* Bring rows of array i, whose element 0 is at `data`, from the walk's current row on, to lie side
   by side; and back.  Elements have `size` bytes: 1, 4 or 8. */
void sp__pack_rows  (const sp_walk *, int i, int64_t rows, int64_t size, void *packed,
                     const void *data);
void sp__unpack_rows(const sp_walk *, int i, int64_t rows, int64_t size, void *data,
                     const void *packed);

/* Copy elements of `size` bytes (1, 4 or 8) between arrays of one shape.  The two
   must not overlap. */
void sp__copy_strided(sp_shape, int64_t size, void *y, const int64_t y_stride[],
                      const void *x, const int64_t x_stride[]);

#endif
