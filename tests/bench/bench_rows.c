/* SPDX-License-Identifier: MIT
 *
 * bench_rows.c - what short rows cost: nanoseconds per element of x, by the length of its last
 * axis, beside a product of two arrays that lie alike.  For reading, not for passing.
 */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "autograd/ops.h"
#include "autograd/tape.h"

enum { ROUNDS = 15, SIZE = 1 << 16, MIDDLE = 16 };

static double now(void)
{
    struct timespec t;

    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

/* x is [SIZE / MIDDLE / n, MIDDLE, n]. */
static sp_var alike(sp_var x)   { return sp_mul(x, x); }
static sp_var column(sp_var x)  { return sp_mul(x, sp_slice(x, -1, 0, 1)); }
static sp_var row(sp_var x)     { return sp_mul(x, sp_slice(x, -2, 0, 1)); }
static sp_var flipped(sp_var x) { return sp_mul(x, sp_flip(x, -1)); }
static sp_var swapped(sp_var x) { return sp_neg(sp_permute(x, SP_AXES(0, 2, 1))); }
static sp_var copied(sp_var x)
{
    return sp_reshape(sp_permute(x, SP_AXES(0, 2, 1)), SP_SHAPE(SIZE));
}
static sp_var sum_last(sp_var x)   { return sp_sum_axes(x, SP_AXES(-1), false); }
static sp_var sum_middle(sp_var x) { return sp_sum_axes(x, SP_AXES(-2), false); }
static sp_var max_last(sp_var x)   { return sp_max_axes(x, SP_AXES(-1), false); }
static sp_var softmax(sp_var x)    { return sp_softmax(x); }

static const struct { const char *name; sp_var (*run)(sp_var x); } jobs[] = {
    { "alike", alike }, { "[n,1]", column }, { "[1,n]", row }, { "flip", flipped },
    { "swap", swapped }, { "copy", copied }, { "sum -1", sum_last }, { "sum -2", sum_middle },
    { "max -1", max_last }, { "softmax", softmax },
};
enum { JOBS = sizeof jobs / sizeof *jobs };

static int by_size(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static double run(sp_tape *tape, const sp_tensor *x, sp_var (*job)(sp_var))
{
    sp_tape_reset(tape);
    sp_var y = job(sp_borrow(tape, x));
    double start = now();

    if (!sp_eval(1, &y)) exit(2);
    return (now() - start) * 1e9 / SIZE;
}

static void measure(sp_tape *tape, int64_t n)
{
    sp_tensor *x = sp_tensor_new(SP_F32, SP_SHAPE(SIZE / MIDDLE / n, MIDDLE, n));
    double ns[JOBS][ROUNDS];

    if (!x) exit(2);
    sp_tensor_fill(x, 1);
    for (int i = -1; i < ROUNDS; i++)
        for (int j = 0; j < JOBS; j++) ns[j][i < 0 ? 0 : i] = run(tape, x, jobs[j].run);
    printf("%6lld", (long long)n);
    for (int j = 0; j < JOBS; j++) {
        qsort(ns[j], ROUNDS, sizeof(double), by_size);
        printf("%9.2f", ns[j][ROUNDS / 2]);
    }
    printf("\n");
    sp_tensor_free(x);
}

int main(void)
{
    const int64_t sizes[] = { 1, 2, 4, 8, 16, 64, 256, 4096 };
    sp_tape *tape = sp_tape_new(NULL);

    if (!tape) return 2;
    printf("f32, ns per element of x, medians of %d\n     n", ROUNDS);
    for (int j = 0; j < JOBS; j++) printf("%9s", jobs[j].name);
    printf("\n");
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) measure(tape, sizes[i]);
    sp_tape_free(tape);
    return 0;
}
