/* SPDX-License-Identifier: MIT
 *
 * gemm.h - the matrix product (internal; the op is autograd's matmul).
 *
 *     C[m,n] (+)= sum over k of A[m,k] B[k,n]
 *
 * Any strides, in elements, 0 and negative included; C must not overlap A or B.
 * Each element of C is one chain of multiply-adds in increasing k, starting from
 * 0, or from C if `add`; so its bits depend on nothing but A, B and C: not on
 * strides, alignment, blocking or the shape around it.
 * (The chain is fused where the instruction set has FMA: avx2, avx512, neon.)
 */
#ifndef SP_GEMM_H
#define SP_GEMM_H

#include "tensor/cpu.h"
#include "tensor/shape.h"

typedef struct sp_matrix {
    void   *data;
    int64_t row, col;           /* strides */
} sp_matrix;

typedef struct sp_gemm {
    int64_t   m, n, k;
    sp_matrix a, b, c;
    bool      add;
    void     *work;             /* sp__gemm_work bytes, 64-byte aligned */
} sp_gemm;

/* Bytes of scratch a product of this size needs, on any instruction set. */
int64_t sp__gemm_work(int64_t m, int64_t n, int64_t k, sp_dtype);

/* One function per instruction set and dtype, named sp__gemm_f32_avx2 and so on:
   see SP_ISA_NAME in vec.h. */
typedef void sp_gemm_fn(const sp_gemm *);
sp_gemm_fn *sp__gemm_for(sp_isa, sp_dtype);

#endif
