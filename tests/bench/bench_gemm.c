/* SPDX-License-Identifier: MIT
 *
 * bench_gemm.c - the speed of the matrix product, on every instruction set of this
 * machine, beside three plain loops.  For reading, not for passing.
 */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "tensor/alloc.h"
#include "tensor/gemm.h"

typedef struct job {
    int64_t     m, n, k;
    bool        a_turned, b_turned;
    const char *what;
} job;

static const job jobs[] = {
    { 512, 512, 512, false, false, "square" },
    { 512, 512, 512, false, true, "square, B turned" },
    { 512, 512, 512, true, false, "square, A turned" },
    { 2048, 1024, 256, false, true, "x W' of 64 steps x 32" },
    { 1024, 256, 2048, true, false, "weight gradient" },
    { 50, 512, 128, false, true, "one step of 50" },
    { 50, 128, 512, false, false, "and its gradient" },
    { 8, 1024, 256, false, true, "8 rows" },
    { 1, 1024, 256, false, true, "1 row, x W'" },
    { 1, 1024, 256, false, false, "1 row" },
    { 2048, 65, 128, false, true, "vocabulary of 65" },
};

/* Processor time, so that other programs disturb less. */
static double now(void)
{
    struct timespec t;

    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static void three_loops(const sp_gemm *g)
{
    const float *a = g->a.data, *b = g->b.data;
    float       *c = g->c.data;

    for (int64_t i = 0; i < g->m; i++)
        for (int64_t j = 0; j < g->n; j++) {
            float sum = 0;
            for (int64_t p = 0; p < g->k; p++)
                sum += a[i * g->a.row + p * g->a.col] * b[p * g->b.row + j * g->b.col];
            c[i * g->c.row + j] = sum;
        }
}

/* The best of several rounds of at least 20 ms, in GFLOP/s. */
static double speed(sp_gemm_fn *multiply, const sp_gemm *g, int rounds)
{
    double best = 0, flops = 2.0 * (double)g->m * (double)g->n * (double)g->k;

    for (int r = 0; r < rounds; r++) {
        double start = now(), end;
        int    times = 0;

        do {
            multiply(g);
            times++;
            end = now();
        } while (end - start < 0.02);
        double rate = flops * times / (end - start) * 1e-9;
        if (rate > best) best = rate;
    }
    return best;
}

static float *filled(int64_t n)
{
    float *x = sp_alloc_array(n, sizeof(float));

    if (!x) exit(2);
    for (int64_t i = 0; i < n; i++) x[i] = (float)(i % 17) / 16 - 0.5f;
    return x;
}

static void measure(const job *j)
{
    float  *a = filled(j->m * j->k), *b = filled(j->k * j->n), *c = filled(j->m * j->n);
    sp_gemm g = { .m = j->m, .n = j->n, .k = j->k,
                  .a = { a, j->a_turned ? 1 : j->k, j->a_turned ? j->m : 1 },
                  .b = { b, j->b_turned ? 1 : j->n, j->b_turned ? j->k : 1 },
                  .c = { c, j->n, 1 },
                  .work = sp_alloc(sp__gemm_work(j->m, j->n, j->k, SP_F32)) };

    if (!g.work) exit(2);
    double plain = speed(three_loops, &g, 1);
    printf("%5lld %5lld %5lld  %8.2f", (long long)j->m, (long long)j->n, (long long)j->k, plain);
    for (int isa = 0; isa < SP_N_ISAS; isa++) {
        if (!sp_isa_usable((sp_isa)isa)) continue;
        double rate = speed(sp__gemm_for((sp_isa)isa, SP_F32), &g, 5);
        printf(" %8.1f (x%5.1f)", rate, rate / plain);
    }
    printf("  %s\n", j->what);
    sp_release(a), sp_release(b), sp_release(c), sp_release(g.work);
}

int main(void)
{
    printf("f32, GFLOP/s\n    m     n     k     loops");
    for (int isa = 0; isa < SP_N_ISAS; isa++)
        if (sp_isa_usable((sp_isa)isa)) printf(" %17s", sp_isa_name((sp_isa)isa));
    printf("\n");
    for (size_t i = 0; i < sizeof jobs / sizeof *jobs; i++) measure(&jobs[i]);
    return 0;
}
