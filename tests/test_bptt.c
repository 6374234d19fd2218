/* SPDX-License-Identifier: MIT
 *
 * Backpropagation through time written by hand equals the tape; and what the tape needs grows
 * with the number of steps, not with its square.
 */
#include <check.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "autograd/ops.h"
#include "nn/nn.h"
#include "tensor/alloc.h"
#include "tests/suite.h"

/* ---- a plain RNN by hand ---- */

enum { T = 9, B = 3, I = 4, H = 5 };

typedef struct weights { double W[H][I], U[H][H], b[H], c[H]; } weights;

typedef struct problem {
    weights w;
    double  x[T][B][I], h0[B][H];
    double  out[T][B][H];                 /* the loss is the sum of out h over everything */
} problem;

static void draw(double *x, size_t bytes, uint64_t stream)
{
    for (size_t i = 0; i < bytes / sizeof *x; i++)
        x[i] = 2 * sp_random_uniform((sp_random){ 7, stream, 0 }, (int64_t)i) - 1;
}

static void draw_problem(problem *p)
{
    draw(&p->w.W[0][0], sizeof p->w, 1);
    draw(&p->x[0][0][0], sizeof p->x, 2);
    draw(&p->h0[0][0], sizeof p->h0, 3);
    draw(&p->out[0][0][0], sizeof p->out, 4);
}

/* h_t = tanh(W x_t + b + U h_{t-1} + c), one row of the batch */
static void forward_step(const weights *w, const double x[I], const double before[H],
                         double h[H])
{
    for (int j = 0; j < H; j++) {
        double a = w->b[j] + w->c[j];
        for (int i = 0; i < I; i++) a += w->W[j][i] * x[i];
        for (int k = 0; k < H; k++) a += w->U[j][k] * before[k];
        h[j] = tanh(a);
    }
}

typedef struct slopes { weights w; double x[T][B][I], h0[B][H]; } slopes;

/* dh is dL/dh_t from here and from later; it becomes the part of dL/dh_{t-1} that comes by h_t.
 *     da = dh (1 - h_t^2);  dW += da x^T;  dU += da h_{t-1}^T;  dx = W^T da;  dh' = U^T da */
static void backward_step(const weights *w, const double x[I], const double before[H],
                          const double h[H], double dh[H], weights *d, double dx[I])
{
    double da[H], db[H] = { 0 };

    for (int j = 0; j < H; j++) {
        da[j] = dh[j] * (1 - h[j] * h[j]);
        d->b[j] += da[j];
        d->c[j] += da[j];
        for (int i = 0; i < I; i++) d->W[j][i] += da[j] * x[i], dx[i] += w->W[j][i] * da[j];
        for (int k = 0; k < H; k++) d->U[j][k] += da[j] * before[k], db[k] += w->U[j][k] * da[j];
    }
    memcpy(dh, db, sizeof db);
}

static double by_hand(const problem *p, slopes *d)
{
    static double h[T + 1][B][H];
    double dh[B][H] = { { 0 } }, loss = 0;

    memset(d, 0, sizeof *d);
    memcpy(h[0], p->h0, sizeof p->h0);
    for (int t = 0; t < T; t++)
        for (int b = 0; b < B; b++) {
            forward_step(&p->w, p->x[t][b], h[t][b], h[t + 1][b]);
            for (int j = 0; j < H; j++) loss += p->out[t][b][j] * h[t + 1][b][j];
        }
    for (int t = T; t-- > 0;)
        for (int b = 0; b < B; b++) {
            for (int j = 0; j < H; j++) dh[b][j] += p->out[t][b][j];
            backward_step(&p->w, p->x[t][b], h[t][b], h[t + 1][b], dh[b], &d->w, d->x[t][b]);
        }
    memcpy(d->h0, dh, sizeof dh);
    return loss;
}

/* ---- the same by the tape ---- */

static sp_var leaf(sp_tape *t, sp_shape shape, const void *data)
{
    sp_tensor x = { SP_F64, shape, (void *)(uintptr_t)data, true };
    return sp_input(t, &x);
}

static void set(sp_params *params, const char *name, const void *data)
{
    sp_param *p = sp_params_find(params, name);
    sp_tensor x = { SP_F64, p->value.shape, (void *)(uintptr_t)data, true };
    ck_assert(sp_param_set(p, &x));
}

static void equal(const char *what, const sp_tensor *got, const double *want)
{
    double most = 0;

    ck_assert_msg(got != NULL, "%s: there is none", what);
    for (int64_t i = 0; i < sp_tensor_size(got); i++) most = fmax(most, fabs(want[i]));
    for (int64_t i = 0; i < sp_tensor_size(got); i++)
        ck_assert_msg(fabs(sp_tensor_at(got, i) - want[i]) <= 1e-12 * fmax(1, most),
                      "%s[%d] is %.17g, by hand %.17g", what, (int)i, sp_tensor_at(got, i),
                      want[i]);
}

static void equal_grad(sp_params *params, const char *name, const double *want)
{
    const sp_param *p = sp_params_find(params, name);
    ck_assert(p->has_grad);
    equal(name, &p->grad, want);
}

START_TEST(bptt_by_hand_equals_the_tape)
{
    static problem p;
    static slopes d;
    sp_params *params = sp_params_new(1);
    sp_tape *tape = sp_tape_new(NULL);
    sp_var wrt[2], got[2];

    draw_problem(&p);
    double want = by_hand(&p, &d);
    sp_params_dtype(params, SP_F64);
    sp_rnn *rnn = sp_rnn_new(params, "rnn", (sp_rnn_spec){ .input = I, .hidden = H });
    set(params, "rnn.weight_ih_l0", p.w.W);
    set(params, "rnn.weight_hh_l0", p.w.U);
    set(params, "rnn.bias_ih_l0", p.w.b);
    set(params, "rnn.bias_hh_l0", p.w.c);

    wrt[0] = leaf(tape, SP_SHAPE(T, B, I), p.x);
    wrt[1] = leaf(tape, SP_SHAPE(1, B, H), p.h0);
    sp_seq seq = sp_rnn_run(rnn, wrt[0], &(sp_run){ .initial = { 1, { wrt[1] } } });
    sp_var loss = sp_sum(sp_mul(seq.y, leaf(tape, SP_SHAPE(T, B, H), p.out)));
    ck_assert_msg(sp_grad(loss, 2, wrt, got, NULL) && sp_eval(2, got) && sp_backward(loss),
                  "%s", sp_tape_error(tape));

    ck_assert(fabs(sp_item(loss) - want) <= 1e-12 * fmax(1, fabs(want)));
    equal("x", sp_value(got[0]), &d.x[0][0][0]);
    equal("h0", sp_value(got[1]), &d.h0[0][0]);
    equal_grad(params, "rnn.weight_ih_l0", &d.w.W[0][0]);
    equal_grad(params, "rnn.weight_hh_l0", &d.w.U[0][0]);
    equal_grad(params, "rnn.bias_ih_l0", d.w.b);
    equal_grad(params, "rnn.bias_hh_l0", d.w.c);
    sp_tape_free(tape);
    sp_params_free(params);
}
END_TEST

/* ---- growth ---- */

typedef struct cost { int64_t nodes, values, heap; } cost;

/* The loss of a run of n steps; `sliced`: x[t] is selected and stepped outside the library. */
static sp_var run(sp_rnn *rnn, sp_var x, bool sliced)
{
    sp_state s = { 0 };
    sp_var loss = { 0 };
    int64_t n = sp_var_dim(x, 0);

    if (!sliced) return sp_sum(sp_square(sp_rnn_run(rnn, x, NULL).y));
    sp_var *y = sp_alloc_array(n, sizeof *y);
    ck_assert(y != NULL);
    for (int64_t t = 0; t < n; t++) y[t] = sp_rnn_step(rnn, sp_select(x, 0, t), &s);
    loss = sp_sum(sp_square(sp_stack((int)n, y, 0)));
    sp_release(y);
    return loss;
}

/* The gradients by the parameters and by x. */
static cost cost_of(int64_t steps, bool lstm, bool sliced)
{
    sp_rnn_spec spec = { .input = 6, .hidden = 8 };
    sp_params *params = sp_params_new(1);
    sp_rnn *rnn = lstm ? sp_lstm_new(params, "rnn", spec) : sp_rnn_new(params, "rnn", spec);
    sp_param *x = sp_params_add(params, "x", SP_SHAPE(steps, 2, 6), sp_init_normal(0, 1));
    int64_t before = sp_alloc_count().live_bytes;

    sp_alloc_reset_peak();
    sp_tape *tape = sp_tape_new(NULL);
    ck_assert_msg(sp_backward(run(rnn, sp_use(tape, x), sliced)), "%s", sp_tape_error(tape));
    sp_tape_stats stats = sp_stats(tape);
    cost c = { stats.nodes, stats.peak_bytes, sp_alloc_count().peak_bytes - before };
    ck_assert(x->has_grad && stats.recomputed == 0);
    sp_tape_free(tape);
    sp_params_free(params);
    return c;
}

static void grows_at_most(const char *what, int64_t of_n, int64_t of_4n)
{
    ck_assert_msg((double)of_4n <= 4.1 * (double)of_n, "%s: %lld, and %lld for four times as much",
                  what, (long long)of_n, (long long)of_4n);
}

START_TEST(nodes_and_bytes_grow_with_the_steps)
{
    static const struct { bool lstm, sliced; const char *name; } runs[] = {
        { false, false, "rnn unrolled" }, { false, true, "rnn sliced" },
        { true,  false, "lstm unrolled" }, { true, true, "lstm sliced" },
    };
    int64_t n = getenv("SPOOL_VALGRIND") ? 250 : 1000;
    cost a = cost_of(n, runs[_i].lstm, runs[_i].sliced);
    cost b = cost_of(4 * n, runs[_i].lstm, runs[_i].sliced);
    double steps = 4 * (double)n;

    printf("%-14s a step: %.1f nodes, %.0f bytes of values, %.0f of the heap\n", runs[_i].name,
           (double)b.nodes / steps, (double)b.values / steps, (double)b.heap / steps);
    grows_at_most("nodes", a.nodes, b.nodes);
    grows_at_most("bytes of values", a.values, b.values);
    grows_at_most("bytes of the heap", a.heap, b.heap);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("bptt");
    TCase *t = tcase_create("bptt");

    tcase_set_timeout(t, 60);
    tcase_add_test(t, bptt_by_hand_equals_the_tape);
    tcase_add_loop_test(t, nodes_and_bytes_grow_with_the_steps, 0, 4);
    suite_add_tcase(s, t);

    return run_all(s);
}
