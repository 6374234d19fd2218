/* SPDX-License-Identifier: MIT
 *
 * shape.h - element types, shapes, layouts, and the one place where sizes are
 * multiplied.
 *
 * Sizes are signed 64-bit.  A dimension may be 0 anywhere; the product of the
 * non-zero dimensions must still fit, so that strides never overflow.
 */
#ifndef SP_SHAPE_H
#define SP_SHAPE_H

#include "tensor/error.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Element types.  bool is one byte, 0 or 1. */
typedef enum sp_dtype { SP_F32, SP_F64, SP_I32, SP_I64, SP_BOOL, SP_N_DTYPES } sp_dtype;

SP_API const char *sp_dtype_name(sp_dtype);           /* "f32", "f64", "i32", "i64", "bool" */
SP_API int64_t     sp_dtype_size(sp_dtype);           /* bytes of one element */

static inline bool sp_is_floating(sp_dtype d) { return d == SP_F32 || d == SP_F64; }

enum { SP_MAX_RANK = 6 };

/* Unused dimensions are 0, so that equal shapes are equal bytewise. */
typedef struct sp_shape {
    int64_t rank;                                     /* 0 for a scalar */
    int64_t dim[SP_MAX_RANK];
} sp_shape;

/* SP_SHAPE(2, 3) writes a shape of 2 rows and 3 columns; SP_SCALAR has rank 0. */
#define SP_SHAPE(...) ((sp_shape){ SP_COUNT(int64_t, __VA_ARGS__), { __VA_ARGS__ } })
#define SP_SCALAR     ((sp_shape){ 0, { 0 } })
#define SP_COUNT(type, ...) ((int)(sizeof((type[]){ __VA_ARGS__ }) / sizeof(type)))

/* Where the elements of a shape lie: element (i, j, ...) is offset + i stride[0]
   + j stride[1] + ... elements from the start of a buffer.  Strides may be 0
   (broadcast) or negative (flip).  Unused strides are 0. */
typedef struct sp_layout {
    int64_t offset;
    int64_t stride[SP_MAX_RANK];
} sp_layout;

/* *product = a b, or false on overflow. */
SP_API bool sp_size_mul(int64_t a, int64_t b, int64_t *product);

/* Rank within 0..6, no negative dimension, and the product of the non-zero
   dimensions times 8 bytes fits 63 bits; otherwise fails with a sentence. */
SP_API bool sp_shape_check(sp_shape);

/* The number of elements: 1 for a scalar, 0 if any dimension is 0.  The shape
   must have passed sp_shape_check. */
SP_API int64_t sp_shape_size(sp_shape);
SP_API bool    sp_shape_equal(sp_shape, sp_shape);

/* Row-major strides, last index fastest, offset 0. */
SP_API sp_layout sp_shape_layout(sp_shape);

/* Whether a layout is row-major and dense (dimensions of size 1 do not count). */
SP_API bool sp_layout_is_dense(sp_shape, const sp_layout *);

/* NumPy's rule: align right; sizes must be equal or 1; a missing size is 1.
   False (no sentence) if they do not combine, or only to a shape that
   sp_shape_check would refuse. */
SP_API bool sp_shape_broadcast(sp_shape a, sp_shape b, sp_shape *both);

/* The layout through which x, of shape `from`, is read as shape `to`: stride 0
   wherever `from` has size 1 or no axis.  `to` must be a broadcast of `from`. */
SP_API sp_layout sp_layout_broadcast(sp_shape from, const sp_layout *x, sp_shape to);

/* An axis counted from the front (0..rank-1) or the back (-1 is the last), made
   to count from the front; -1 if there is no such axis. */
SP_API int sp_axis(int axis, int64_t rank);

/* "[2,3]", "[]" for a scalar.  Returns text. */
enum { SP_SHAPE_TEXT = 160 };
SP_API char *sp_shape_text(sp_shape, char text[SP_SHAPE_TEXT]);

#ifdef __cplusplus
}
#endif
#endif
