/* SPDX-License-Identifier: MIT
 *
 * scan_cells - six cells with a linear recurrence learn to add.
 *
 * A sequence of 64 pairs of a number in [0, 1) and a mark, which one step in sixteen has; the
 * answer is the sum of the marked numbers.  Who says 2 every time has a mean squared error of 4/3.
 * The network is relu(x W), the cell, and a linear map of its last step.
 */
#include <stdio.h>
#include <time.h>

#include "scan_cells.h"

enum { T = 64, B = 32, WIDTH = 16, STEPS = 300, WINDOW = 20 };

typedef struct net { sp_params *params; sp_linear *up, *head; scan_cell cell; sp_optim *adam; } net;

static net net_new(scan_cell (*make)(sp_params *, int64_t width))
{
    net n = { .params = sp_params_new(7) };

    n.up = sp_linear_new(n.params, "up", 2, WIDTH);
    n.cell = make(sp_params_in(n.params, "cell"), WIDTH);
    n.head = sp_linear_new(n.params, "head", WIDTH, 1);
    n.adam = sp_adam_new(n.params, (sp_adam_spec){ .lr = 1e-2 });
    return n;
}

/* x [T,B,2] of numbers and marks; sum [B,1]. */
static void draw(sp_tensor *x, sp_tensor *sum, uint32_t step)
{
    const sp_random r = { .seed = 3, .step = step };

    for (int64_t b = 0; b < B; b++) {
        double total = 0;
        for (int64_t t = 0; t < T; t++) {
            int64_t i = 2 * (t * B + b);
            double number = sp_random_uniform(r, i), mark = sp_random_uniform(r, i + 1) < 1. / 16;
            sp_tensor_set(x, i, number);
            sp_tensor_set(x, i + 1, mark);
            total += mark * number;
        }
        sp_tensor_set(sum, b, total);
    }
}

/* The loss of one step of training, on new data; NaN after a failure. */
static double train(const net *n, sp_tape *tape, sp_tensor *x, sp_tensor *sum, uint32_t step)
{
    draw(x, sum, step);
    sp_var in = sp_relu(sp_linear_run(n->up, sp_input(tape, x)));
    sp_var last = sp_select(n->cell.run(&n->cell, in), 0, T - 1);
    sp_var loss = sp_mse(sp_linear_run(n->head, last), sp_input(tape, sum));

    if (!sp_backward(loss)) return NAN;
    sp_clip_grad_norm(n->params, 1.0);
    return sp_optim_step(n->adam) ? sp_item(loss) : NAN;
}

/* Trains a cell and prints its line; false unless it has learnt. */
static bool learn(int which, sp_tape *tape, sp_tensor *x, sp_tensor *sum)
{
    net n = net_new(scan_cells[which].make);
    double first = 0, last = 0;
    clock_t start = clock();

    for (uint32_t step = 0; n.adam && step < STEPS && !sp_tape_error(tape); step++) {
        double loss = train(&n, tape, x, sum, step);
        if (step < WINDOW) first += loss / WINDOW;
        if (step >= STEPS - WINDOW) last += loss / WINDOW;
        sp_tape_reset(tape);
    }
    double ms = 1e3 * (double)(clock() - start) / CLOCKS_PER_SEC / STEPS;
    bool ok = n.adam && !sp_tape_error(tape) && last < first / 4;

    printf("%-10s %10lld  %8.3f  %8.4f  %8.2f\n", scan_cells[which].name,
           (long long)sp_params_size(n.params), first, last, ms);
    fflush(stdout);
    if (sp_params_error(n.params)) fprintf(stderr, "%s\n", sp_params_error(n.params));
    sp_optim_free(n.adam);
    sp_params_free(n.params);
    return ok;
}

int main(void)
{
    sp_tape *tape = sp_tape_new(NULL);
    sp_tensor *x = sp_tensor_new(SP_F32, SP_SHAPE(T, B, 2));
    sp_tensor *sum = sp_tensor_new(SP_F32, SP_SHAPE(B, 1));
    bool ok = tape && x && sum;

    printf("cell       parameters     first      last   ms/step\n");
    for (size_t i = 0; ok && i < sizeof scan_cells / sizeof *scan_cells; i++)
        ok = learn((int)i, tape, x, sum);
    if (sp_tape_error(tape)) fprintf(stderr, "%s\n", sp_tape_error(tape));
    printf("%s\n", ok ? "learnt: each error is below a quarter of what it was" : "not learnt");

    sp_tensor_free(sum);
    sp_tensor_free(x);
    sp_tape_free(tape);
    return ok ? 0 : 1;
}
