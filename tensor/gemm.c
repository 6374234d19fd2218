/* SPDX-License-Identifier: MIT
 *
 * gemm.c - the matrix product of one instruction set, f32 and f64 from one body.
 */
#include "tensor/gemm.h"
#include "tensor/gemm_block.h"
#include "tensor/vec.h"

/* Up to so many rows, reading B in place costs less than packing it. */
enum { FEW_ROWS = 16 };

static inline int64_t least(int64_t a, int64_t b) { return a < b ? a : b; }

/* The same product such that C's columns are adjacent if that can be:
   C' = B' A' is the same chains. */
static inline sp_gemm turned(const sp_gemm *g)
{
    if (g->c.row != 1 || (g->c.col == 1 && g->n > 1)) return *g;
    return (sp_gemm){ .m = g->n, .n = g->m, .k = g->k, .add = g->add, .work = g->work,
                      .a = { g->b.data, g->b.col, g->b.row },
                      .b = { g->a.data, g->a.col, g->a.row },
                      .c = { g->c.data, g->c.col, g->c.row } };
}

/* A tile of C is ROWS x VECS vectors held in registers: as many as there are,
   less VECS for a row of B and one for an element of A. */
#if defined(SP_TARGET_AVX512) || defined(SP_TARGET_NEON)
enum { ROWS = 8, VECS = 3 };
#define WIDE(X, rows) X(rows, 1) X(rows, 2) X(rows, 3)
#define EACH_TILE(X)  WIDE(X, 1) WIDE(X, 2) WIDE(X, 3) WIDE(X, 4) \
                      WIDE(X, 5) WIDE(X, 6) WIDE(X, 7) WIDE(X, 8)
#elif defined(SP_TARGET_AVX2)
enum { ROWS = 4, VECS = 3 };
#define WIDE(X, rows) X(rows, 1) X(rows, 2) X(rows, 3)
#define EACH_TILE(X)  WIDE(X, 1) WIDE(X, 2) WIDE(X, 3) WIDE(X, 4)
#else
enum { ROWS = 4, VECS = 2 };
#define WIDE(X, rows) X(rows, 1) X(rows, 2)
#define EACH_TILE(X)  WIDE(X, 1) WIDE(X, 2) WIDE(X, 3) WIDE(X, 4)
#endif

/* A square of 16-byte vectors, the unit in which packing transposes. */
typedef float  quad_f32 __attribute__((vector_size(16)));
typedef double quad_f64 __attribute__((vector_size(16)));

static inline void transpose_f32(quad_f32 x[4])
{
    quad_f32 a = __builtin_shufflevector(x[0], x[1], 0, 4, 1, 5);
    quad_f32 b = __builtin_shufflevector(x[0], x[1], 2, 6, 3, 7);
    quad_f32 c = __builtin_shufflevector(x[2], x[3], 0, 4, 1, 5);
    quad_f32 d = __builtin_shufflevector(x[2], x[3], 2, 6, 3, 7);

    x[0] = __builtin_shufflevector(a, c, 0, 1, 4, 5);
    x[1] = __builtin_shufflevector(a, c, 2, 3, 6, 7);
    x[2] = __builtin_shufflevector(b, d, 0, 1, 4, 5);
    x[3] = __builtin_shufflevector(b, d, 2, 3, 6, 7);
}

static inline void transpose_f64(quad_f64 x[2])
{
    quad_f64 a = __builtin_shufflevector(x[0], x[1], 0, 2);

    x[1] = __builtin_shufflevector(x[0], x[1], 1, 3);
    x[0] = a;
}

#define T       float
#define V       vf32
#define QUAD    quad_f32
#define NAME(f) f##_f32
#include "tensor/gemm_body.h"
#undef T
#undef V
#undef QUAD
#undef NAME

#define T       double
#define V       vf64
#define QUAD    quad_f64
#define NAME(f) f##_f64
#include "tensor/gemm_body.h"
