/* SPDX-License-Identifier: MIT
 *
 * ops_product.h - products of any rank, and einsum (part of ops.h).
 */
#ifndef SP_OPS_PRODUCT_H
#define SP_OPS_PRODUCT_H

#include "autograd/ops.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Sums of products, by matmul; f32 and f64; over nothing they are 0.  sp_matmul itself is in
   ops.h. */

/* Over the last axis of both: y[...] = sum over k of a[...,k] b[...,k]; leading axes broadcast. */
SP_API sp_var sp_dot(sp_var a, sp_var b);

/* y[...,i,j] = a[...,i] b[...,j]; leading axes broadcast */
SP_API sp_var sp_outer(sp_var a, sp_var b);

/* Summed over axes a_axes of a with b_axes of b, pair by pair, of equal sizes; the result has the
   other axes of a, then those of b. */
SP_API sp_var sp_tensordot(sp_var a, sp_var b, sp_axes a_axes, sp_axes b_axes);

/* Any sum of products, said by the names of axes as NumPy and PyTorch do:

     sp_einsum("bij,bjk->bik", SP_VARS(a, b))    products of a batch of matrices
     sp_einsum("ii->", SP_VARS(a))               a trace
     sp_einsum("...i,i", SP_VARS(x, w))          the last axis of x times w

   A letter is an index, "..." any number of axes, which are aligned right.  An index that is not in
   the result is summed; one that stands twice in an operand is read along its diagonal.  Sizes of
   an index are equal, or 1 and repeated.  Without "->" the result has what "..." stands for, and
   then, capitals first, the letters named once.  Spaces do not count.  Operands are multiplied from
   left to right; no product on the way may have more than 6 axes. */
SP_API sp_var sp_einsum(const char *spec, int n, const sp_var x[]);

#ifdef __cplusplus
}
#endif
#endif
