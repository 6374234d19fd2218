/* SPDX-License-Identifier: MIT
 *
 * gemm_block.h - how gemm.c cuts a product, and so how much scratch it needs.
 */
#ifndef SP_GEMM_BLOCK_H
#define SP_GEMM_BLOCK_H

/* A block of A (BLOCK_M x BLOCK_K) stays in the second-level cache while it meets
   each panel of a block of B (BLOCK_K x BLOCK_N). */
enum { BLOCK_M = 192, BLOCK_K = 256, BLOCK_N = 1536 };

/* The widest panel of B on any instruction set, in bytes: 3 vectors of 64. */
enum { WIDEST_PANEL = 192 };

#endif
