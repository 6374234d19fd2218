/* SPDX-License-Identifier: MIT
 *
 * custom_cell - a recurrent cell of your own, and a net trained with it.
 *
 * The cell is the minimal gated unit (Zhou et al., 2016).  The library has never heard of it: like
 * the built-in cells it is a struct of parameters and a step written in ops.
 *
 * The task is the adding problem (Hochreiter and Schmidhuber, 1997): a sequence of 50 pairs of a
 * number in [0, 1) and a mark; the answer is the sum of the two marked numbers.  Who says
 * 1 every time has a mean squared error of 1/6.
 */
#include <math.h>
#include <stdio.h>
#include <time.h>

#include <spool.h>

enum { T = 50, B = 64, HIDDEN = 48, WINDOW = 50, SECONDS = 40 };

/*   f  = sigmoid(x Wf + h Uf + bf)
 *   n  = tanh   (x Wn + (f h) Un + bn)
 *   h' = h + f (n - h)                     */
typedef struct mgu { sp_cell cell; sp_linear *xf, *hf, *xn, *hn; } mgu;

static sp_var mgu_step(const sp_cell *cell, sp_var x, sp_state *state)
{
    const mgu *m = (const mgu *)cell;
    sp_var h = state->v[0];
    sp_var f = sp_sigmoid(sp_add(sp_linear_run(m->xf, x), sp_linear_run(m->hf, h)));
    sp_var n = sp_tanh(sp_add(sp_linear_run(m->xn, x), sp_linear_run(m->hn, sp_mul(f, h))));

    return state->v[0] = sp_lerp(h, n, f);
}

/* Build one for a place in a stack: the stack asks for as many as it has layers and directions. */
static sp_cell *mgu_new(sp_params *params, const sp_rnn_part *part)
{
    const sp_linear_spec no_bias = { .no_bias = true };
    const int64_t in = part->input, hidden = part->spec->hidden;
    mgu *m = sp_params_alloc(params, sizeof *m);

    if (!m) return NULL;
    m->xf = sp_linear_new(params, "xf", in, hidden);
    m->hf = sp_linear_new_with(params, "hf", hidden, hidden, no_bias);
    m->xn = sp_linear_new(params, "xn", in, hidden);
    m->hn = sp_linear_new_with(params, "hn", hidden, hidden, no_bias);
    m->cell = (sp_cell){ .kind = "mgu", .input = SP_SHAPE(in), .output = SP_SHAPE(hidden),
                         .n_states = 1, .state = { SP_SHAPE(hidden) }, .step = mgu_step };
    return &m->cell;
}

/* x [T,B,2] of numbers and marks, one mark in either half; sum [B,1]. */
static void draw(sp_tensor *x, sp_tensor *sum, uint32_t step)
{
    const sp_random numbers = { .seed = 1, .stream = 1, .step = step };
    const sp_random places = { .seed = 1, .stream = 2, .step = step };

    for (int64_t b = 0; b < B; b++) {
        int64_t first = sp_random_below(places, 2 * b, T / 2);
        int64_t second = T / 2 + sp_random_below(places, 2 * b + 1, T / 2);
        double total = 0;
        for (int64_t t = 0; t < T; t++) {
            double number = sp_random_uniform(numbers, t * B + b);
            bool marked = t == first || t == second;
            sp_tensor_set(x, 2 * (t * B + b), number);
            sp_tensor_set(x, 2 * (t * B + b) + 1, marked);
            if (marked) total += number;
        }
        sp_tensor_set(sum, b, total);
    }
}

typedef struct net { sp_params *params; sp_rnn *rnn; sp_linear *head; sp_optim *adam; } net;

static net net_new(void)
{
    net n = { .params = sp_params_new(42) };

    n.rnn = sp_rnn_new_of(n.params, "mgu", mgu_new, (sp_rnn_spec){ .input = 2, .hidden = HIDDEN });
    n.head = sp_linear_new(n.params, "head", HIDDEN, 1);
    n.adam = sp_adam_new(n.params, (sp_adam_spec){ .lr = 5e-3 });
    return n;
}

/* One step of training; its loss, NaN after a failure. */
static double train(const net *n, sp_tape *tape, const sp_tensor *x, const sp_tensor *sum)
{
    sp_seq seq = sp_rnn_run(n->rnn, sp_input(tape, x), NULL);
    sp_var guess = sp_linear_run(n->head, sp_select(seq.y, 0, T - 1));
    sp_var loss = sp_mse(guess, sp_input(tape, sum));

    if (!sp_backward(loss)) return NAN;
    sp_clip_grad_norm(n->params, 1.0);
    sp_optim_step(n->adam);
    return sp_item(loss);
}

static double seconds(void) { return (double)clock() / CLOCKS_PER_SEC; }

/* Train until the mean of a window's losses, all on new data, is well below the goal. */
static double learn(const net *n, sp_tape *tape, sp_tensor *x, sp_tensor *sum)
{
    double mean = NAN, total = 0;

    for (uint32_t step = 1; seconds() < SECONDS && !(mean < 0.01); step++) {
        draw(x, sum, step);
        total += train(n, tape, x, sum);
        if (sp_tape_error(tape)) return NAN;
        sp_tape_reset(tape);
        if (step % WINDOW) continue;
        mean = total / WINDOW;
        total = 0;
        printf("%5u steps  %5.1f s  mean squared error %.4f\n", step, seconds(), mean);
        fflush(stdout);
    }
    return mean;
}

int main(void)
{
    net n = net_new();
    sp_tape *tape = sp_tape_new(NULL);
    sp_tensor *x = sp_tensor_new(SP_F32, SP_SHAPE(T, B, 2));
    sp_tensor *sum = sp_tensor_new(SP_F32, SP_SHAPE(B, 1));
    double error = n.adam && tape && x && sum ? learn(&n, tape, x, sum) : NAN;

    if (sp_params_error(n.params)) fprintf(stderr, "%s\n", sp_params_error(n.params));
    if (sp_tape_error(tape)) fprintf(stderr, "%s\n", sp_tape_error(tape));
    if (error < 0.02) printf("learnt: %.4f is below 0.02\n", error);
    else printf("not learnt: %.4f is not below 0.02\n", error);

    sp_tensor_free(sum);
    sp_tensor_free(x);
    sp_optim_free(n.adam);
    sp_tape_free(tape);
    sp_params_free(n.params);
    return error < 0.02 ? 0 : 1;
}
