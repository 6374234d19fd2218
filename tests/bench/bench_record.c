/* SPDX-License-Identifier: MIT
 *
 * bench_record.c - nanoseconds per recorded node, per node of a gradient's recording, and
 * per evaluated node of one element; and what naming one of three nodes adds.  Medians of 9 runs.
 */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include "autograd/names.h"
#include "autograd/ops.h"
#include "autograd/tape.h"

enum { RUNS = 9, STEPS = 20000 };

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return 1e9 * (double)t.tv_sec + (double)t.tv_nsec;
}

static int by_size(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static double median(double x[RUNS])
{
    qsort(x, RUNS, sizeof *x, by_size);
    return x[RUNS / 2];
}

/* h' = tanh(h w + b): three nodes a step. */
static sp_var chain(sp_var h, sp_var w, sp_var b, bool named)
{
    for (int i = 0; i < STEPS; i++) {
        h = sp_tanh(sp_add(sp_mul(h, w), b));
        if (named) sp_named(h, "h");
    }
    return h;
}

static double named_chain(sp_tape *t)
{
    sp_var x = sp_const(t, SP_F32, .5), w = sp_const(t, SP_F32, .9);
    double began = now();

    chain(x, w, x, true);
    began = now() - began;
    sp_tape_reset(t);
    return began;
}

int main(void)
{
    double record[RUNS], gradient[RUNS], run[RUNS], ratio[RUNS];
    sp_tape *t = sp_tape_new(NULL);

    for (int i = 0; i < RUNS; i++) {
        sp_var x = sp_const(t, SP_F32, .5), w = sp_const(t, SP_F32, .9), g;
        double at[4] = { now() };
        sp_var y = chain(x, w, x, false);
        at[1] = now();
        int64_t before = sp_stats(t).nodes;
        sp_grad(y, 1, &w, &g, NULL);
        at[2] = now();
        int64_t nodes = sp_stats(t).nodes;
        sp_item(g);
        at[3] = now();
        record[i] = (at[1] - at[0]) / (3 * STEPS);
        gradient[i] = (at[2] - at[1]) / (double)(nodes - before);
        run[i] = (at[3] - at[2]) / (double)nodes;
        sp_tape_reset(t);
        ratio[i] = named_chain(t) / (at[1] - at[0]);
    }
    printf("recording: %.0f ns per node; recording a gradient: %.0f ns per node; "
           "evaluating one element: %.0f ns per node; recording with names: %.2f times\n",
           median(record), median(gradient), median(run), median(ratio));
    sp_tape_free(t);
    return 0;
}
