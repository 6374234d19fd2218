/* SPDX-License-Identifier: MIT
 *
 * bench_scan.c - the speed of linear recurrences beside memcpy of as many bytes: a scan reads a
 * and b and writes h, so it can be no faster than memory.  For reading, not for passing.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "autograd/ops.h"
#include "autograd/tape.h"

enum { ROUNDS = 21 };

typedef struct job { int64_t steps, size; const char *what; } job;

static const job jobs[] = {
    { 1000, 32 * 128, "1000 steps of 32 x 128" },
    { 1000, 128, "1000 steps of 128" },
    { 100, 256 * 1024, "100 steps of 256 x 1024" },
};

/* What is timed, in turn, so that a busy machine is busy for all. */
typedef enum task { COPY, SCAN, BACK, COMPLEX, TASKS } task;

typedef struct room {
    sp_tape   *tape;
    sp_tensor *a, *b;
    char      *from, *to;
    int64_t    bytes;                           /* of a, b and h together */
} room;

/* Processor time, so that other programs disturb less. */
static double now(void)
{
    struct timespec t;

    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static sp_tensor *filled(sp_shape shape)
{
    sp_tensor *x = sp_tensor_new(SP_F32, shape);

    if (!x) exit(2);
    for (int64_t i = 0; i < sp_tensor_size(x); i++) sp_tensor_set(x, i, (double)(i % 17) / 17);
    return x;
}

static sp_var recorded(const room *r, task t)
{
    sp_var a = sp_borrow(r->tape, r->a), b = sp_borrow(r->tape, r->b);

    if (t != COMPLEX) return sp_linear_scan(a, b, (sp_var){ 0 }, t == BACK);
    sp_shape pairs = sp_var_shape(a);
    pairs.dim[pairs.rank - 1] /= 2;
    pairs.dim[pairs.rank++] = 2;
    return sp_linear_scan_complex(sp_reshape(a, pairs), sp_reshape(b, pairs), (sp_var){ 0 }, false);
}

/* In GB/s, read and written ones. */
static double rate(const room *r, task t)
{
    double start;

    if (t == COPY) {
        start = now();
        memcpy(r->to, r->from, (size_t)(r->bytes / 2));
    } else {
        sp_tape_reset(r->tape);
        sp_var h = recorded(r, t);
        start = now();
        if (!sp_eval(1, &h)) exit(2);
    }
    return (double)r->bytes / (now() - start) * 1e-9;
}

static int by_size(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static void measure(const room *r, const char *what)
{
    double rates[TASKS][ROUNDS], median[TASKS];

    for (int i = -1; i < ROUNDS; i++)            /* the first is for the pages */
        for (task t = COPY; t < TASKS; t++) rates[t][i < 0 ? 0 : i] = rate(r, t);
    for (task t = COPY; t < TASKS; t++) {
        qsort(rates[t], ROUNDS, sizeof(double), by_size);
        median[t] = rates[t][ROUNDS / 2];
    }
    printf("%8.1f", median[COPY]);
    for (task t = SCAN; t < TASKS; t++)
        printf("%10.1f (%3.0f %%)", median[t], 100 * median[t] / median[COPY]);
    printf("  %s\n", what);
}

int main(void)
{
    printf("f32, GB/s, medians of %d; beside memcpy\n", ROUNDS);
    printf("%8s%18s%18s%18s\n", "memcpy", "scan", "reversed", "complex");
    for (size_t i = 0; i < sizeof jobs / sizeof *jobs; i++) {
        sp_shape shape = SP_SHAPE(jobs[i].steps, jobs[i].size);
        room r = { sp_tape_new(NULL), filled(shape), filled(shape), NULL, NULL, 0 };
        r.bytes = 3 * sp_tensor_bytes(r.a);
        r.from = calloc(1, (size_t)r.bytes / 2), r.to = calloc(1, (size_t)r.bytes / 2);
        if (!r.tape || !r.from || !r.to) return 2;
        memset(r.from, 1, (size_t)r.bytes / 2);
        measure(&r, jobs[i].what);
        free(r.from), free(r.to);
        sp_tensor_free(r.a), sp_tensor_free(r.b);
        sp_tape_free(r.tape);
    }
    return 0;
}
