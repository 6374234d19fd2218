/* SPDX-License-Identifier: MIT
 *
 * bench_checkpoint.c - one training step of an LSTM over T steps, loss on the last state: time
 * and peak of memory with everything kept, every sqrt(T) steps, and within a tenth.
 * Arguments: T B H.  Medians of 5 runs, taken in turn.
 */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include "autograd/ops.h"
#include "nn/nn.h"

enum { RUNS = 5, WAYS = 3 };

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static int by_size(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

typedef struct sizes { int64_t T, B, H; } sizes;

/* Seconds of one step; *peak: bytes. */
static double train(sizes n, const sp_tensor *x, sp_checkpoint checkpoint, int64_t *peak)
{
    sp_params *params = sp_params_new(1);
    sp_tape *tape = sp_tape_new(NULL);
    sp_rnn *lstm = sp_lstm_new(params, "lstm", (sp_rnn_spec){ .input = n.H, .hidden = n.H });
    double at = now();
    sp_run run = { .checkpoint = checkpoint };
    sp_seq seq = sp_rnn_run(lstm, sp_borrow(tape, x), &run);

    if (!sp_backward(sp_sum(sp_square(seq.last.v[0])))) {
        fprintf(stderr, "%s\n", sp_tape_error(tape));
        exit(1);
    }
    at = now() - at;
    *peak = sp_stats(tape).peak_bytes;
    sp_tape_free(tape);
    sp_params_free(params);
    return at;
}

int main(int argc, char **argv)
{
    sizes n = { argc > 1 ? atoll(argv[1]) : 4096, argc > 2 ? atoll(argv[2]) : 4,
                argc > 3 ? atoll(argv[3]) : 64 };
    sp_tensor *x = sp_tensor_new(SP_F32, SP_SHAPE(n.T, n.B, n.H));
    const char *name[WAYS] = { "all kept", "sqrt", "a tenth" };
    sp_checkpoint way[WAYS] = { { SP_KEEP_ALL, 0 }, { SP_SQRT, 0 }, { SP_BUDGET, 1 } };
    double seconds[WAYS][RUNS];
    int64_t peak[WAYS];

    sp_tensor_uniform(x, (sp_random){ .seed = 3 }, -1, 1);
    train(n, x, way[0], &peak[0]);
    way[2].n = peak[0] / 10;
    for (int i = 0; i < RUNS; i++)
        for (int k = 0; k < WAYS; k++) seconds[k][i] = train(n, x, way[k], &peak[k]);
    printf("LSTM, T=%lld, B=%lld, H=%lld\n", (long long)n.T, (long long)n.B, (long long)n.H);
    for (int k = 0; k < WAYS; k++) {
        qsort(seconds[k], RUNS, sizeof(double), by_size);
        printf("%-9s %7.3f s (%.2fx)   peak %8.3f MB (%.2f %%)\n", name[k], seconds[k][RUNS / 2],
               seconds[k][RUNS / 2] / seconds[0][RUNS / 2], 1e-6 * (double)peak[k],
               100 * (double)peak[k] / (double)peak[0]);
    }
    sp_tensor_free(x);
    return 0;
}
