/* SPDX-License-Identifier: MIT
 *
 * tensor.h - dense arrays of numbers.
 *
 * A tensor is a contiguous, row-major, 64-byte aligned array of f32, f64, i32,
 * i64 or bool with rank 0 to 6.  It knows nothing of gradients or tapes.
 */
#ifndef SP_TENSOR_H
#define SP_TENSOR_H

#include <stdio.h>
#include "tensor/shape.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Read the fields freely; only tensor functions write them. */
typedef struct sp_tensor {
    sp_dtype dtype;
    sp_shape shape;
    void    *data;            /* never NULL, not even for 0 elements */
    bool     borrowed;        /* data belongs to someone else (a collection, a tape) */
} sp_tensor;

/* A tensor of zeros.  Yours: free it with sp_tensor_free.
   NULL: the shape is bad, or there is no memory; sp_error() says which. */
SP_API sp_tensor *sp_tensor_new(sp_dtype, sp_shape);

/* A tensor with a copy of the elements at `data`, in row-major order. */
SP_API sp_tensor *sp_tensor_from(sp_dtype, sp_shape, const void *data);

/* An independent copy; NULL: no memory, or x is NULL. */
SP_API sp_tensor *sp_tensor_copy(const sp_tensor *x);

/* Free a tensor that sp_tensor_new, _from, _copy, sp_export, ... made.  NULL is allowed. */
SP_API void sp_tensor_free(sp_tensor *);

SP_API void    *sp_tensor_data(const sp_tensor *);    /* NULL for NULL */
SP_API int64_t  sp_tensor_size(const sp_tensor *);    /* number of elements; 0 for NULL */
SP_API int64_t  sp_tensor_bytes(const sp_tensor *);

/* Element i in row-major order, as a double.  NaN if i is out of range. */
SP_API double sp_tensor_at(const sp_tensor *, int64_t i);

/* Set element i, converted to the dtype.  Fails if i is out of range. */
SP_API bool sp_tensor_set(sp_tensor *, int64_t i, double value);

/* Set every element, converted to the dtype. */
SP_API void sp_tensor_fill(sp_tensor *, double value);

/* Whether dtype, shape and every bit are equal. */
SP_API bool sp_tensor_same(const sp_tensor *, const sp_tensor *);

/* Show a tensor to a person: a line with dtype and shape, then the numbers in
   aligned columns, nested by brackets; long axes are cut to their first and last
   three.  sp_tensor_text writes at most `size` bytes including the final 0 and
   returns the length the whole text has, as snprintf does. */
SP_API void    sp_tensor_print(const sp_tensor *, FILE *);
SP_API int64_t sp_tensor_text(const sp_tensor *, char *text, int64_t size);

#ifdef __cplusplus
}
#endif
#endif
