/* SPDX-License-Identifier: MIT
 *
 * gemm_pick.c - which matrix product to call, and how much scratch it needs.
 */
#include "tensor/gemm.h"
#include "tensor/gemm_block.h"
#include "tensor/vec.h"

#define DECLARE(name, isa) extern sp_gemm_fn sp__gemm_f32_##name, sp__gemm_f64_##name;
SP_EACH_ISA(DECLARE)

#define ROW(name, isa) [isa] = { [SP_F32] = sp__gemm_f32_##name, [SP_F64] = sp__gemm_f64_##name },
static sp_gemm_fn *const table[SP_N_ISAS][SP_N_DTYPES] = { SP_EACH_ISA(ROW) };

sp_gemm_fn *sp__gemm_for(sp_isa isa, sp_dtype dtype)
{
    return table[isa][dtype];
}

/* Elements of packed A and B for each k: m rows and n columns, whole panels. */
static int64_t packed(int64_t m, int64_t n, int64_t panel)
{
    int64_t a = m < BLOCK_M ? m : BLOCK_M;
    int64_t b = n < BLOCK_N ? (n + panel - 1) / panel * panel : BLOCK_N;

    return a + b;
}

int64_t sp__gemm_work(int64_t m, int64_t n, int64_t k, sp_dtype dtype)
{
    int64_t size = dtype == SP_F64 ? 8 : 4, panel = WIDEST_PANEL / size;
    int64_t depth = k < BLOCK_K ? k : BLOCK_K;
    int64_t as_is = packed(m, n, panel), turned = packed(n, m, panel);

    if (m == 0 || n == 0) return 0;
    return (as_is > turned ? as_is : turned) * depth * size;
}
