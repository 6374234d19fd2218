/* SPDX-License-Identifier: MIT
 *
 * bench_conv.c - the speed of convolutions and of their gradients, beside that of one large matrix
 * product.  For reading, not for passing.
 */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "autograd/ops.h"
#include "autograd/tape.h"

typedef struct job { int64_t n, in, out, side, taps, stride; const char *what; } job;

static const job jobs[] = {
    { 8, 64, 64, 56, 3, 1, "3x3, 64 channels of 56x56" },
    { 8, 64, 128, 56, 3, 2, "3x3, stride 2" },
    { 8, 256, 256, 14, 3, 1, "3x3, 256 channels of 14x14" },
    { 8, 256, 64, 28, 1, 1, "1x1" },
    { 8, 3, 64, 112, 7, 2, "7x7, stride 2, of an image" },
};

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
    for (int64_t i = 0; i < sp_tensor_size(x); i++) sp_tensor_set(x, i, (double)(i % 17) / 16 - .5);
    return x;
}

/* What to compute: y, or its gradient by one operand. */
typedef struct task { const job *j; sp_tensor *x, *w; int by; } task;

static sp_var recorded(sp_tape *tape, const task *t)
{
    int64_t pad = t->j ? t->j->taps / 2 : 0;
    sp_var wrt[] = { sp_input(tape, t->x), sp_input(tape, t->w) }, g[2];
    sp_var y = !t->j ? sp_matmul(wrt[0], wrt[1])
                     : sp_conv2d(wrt[0], wrt[1], (sp_var){ 0 },
                                 (sp_conv_spec){ .stride = { t->j->stride }, .padding = { pad } });

    if (t->by < 0) return y;
    sp_grad(y, 2, wrt, g, &(sp_grad_spec){ .seed = sp_full(tape, SP_F32, sp_var_shape(y), 1) });
    return g[t->by];
}

/* The best of five, in GFLOP/s. */
static double speed(sp_tape *tape, const task *t, double flops)
{
    double best = 0;

    for (int r = 0; r < 5; r++) {
        sp_tape_reset(tape);
        sp_var v = recorded(tape, t);
        double start = now();
        if (!sp_eval(1, &v)) exit(2);
        double rate = flops / (now() - start) * 1e-9;
        if (rate > best) best = rate;
    }
    return best;
}

static void measure(sp_tape *tape, const job *j, double peak)
{
    int64_t y = (j->side - 1) / j->stride + 1;
    double flops = 2. * (double)(j->n * j->out * y * y * j->in * j->taps * j->taps);
    task t = { j, filled(SP_SHAPE(j->n, j->in, j->side, j->side)),
               filled(SP_SHAPE(j->out, j->in, j->taps, j->taps)), 0 };

    for (t.by = -1; t.by < 2; t.by++) {
        double rate = speed(tape, &t, flops);
        printf("%8.1f (%3.0f %%)", rate, 100 * rate / peak);
    }
    printf("  %s\n", j->what);
    sp_tensor_free(t.x), sp_tensor_free(t.w);
}

int main(void)
{
    sp_tape *tape = sp_tape_new(NULL);
    task plain = { NULL, filled(SP_SHAPE(768, 768)), filled(SP_SHAPE(768, 768)), -1 };
    double peak = speed(tape, &plain, 2. * 768 * 768 * 768);

    printf("f32, GFLOP/s; a product of 768 x 768 x 768 has %.1f\n", peak);
    printf("%16s%16s%16s\n", "values", "by x", "by w");
    for (size_t i = 0; i < sizeof jobs / sizeof *jobs; i++) measure(tape, &jobs[i], peak);
    sp_tensor_free(plain.x), sp_tensor_free(plain.w);
    sp_tape_free(tape);
    return 0;
}
