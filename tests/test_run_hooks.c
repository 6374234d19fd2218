/* SPDX-License-Identifier: MIT
 *
 * test_run_hooks.c - hooks on the states of a run along time, with lengths, and on states that are
 * others as well.
 */
#include "autograd/names.h"
#include "tests/nn_case.h"

enum { I = 3, H = 4 };

static sp_var clip(sp_var g, void *data)
{
    const double *most = data;
    return sp_clamp(g, -*most, *most);
}

/* h' = tanh(W x + U h), one row, by hand: dh is clipped at each step before it goes on (Graves,
   2013). */
static void clipped_by_hand(const sp_tensor *x, const double *W, const double *U, double most,
                            double *dW, double *dU)
{
    enum { N = 6 };
    double h[N + 1][H] = { { 0 } }, dh[H];

    for (int t = 0; t < N; t++)
        for (int j = 0; j < H; j++) {
            double a = 0;
            for (int i = 0; i < I; i++) a += W[j * I + i] * sp_tensor_at(x, t * I + i);
            for (int i = 0; i < H; i++) a += U[j * H + i] * h[t][i];
            h[t + 1][j] = tanh(a);
        }
    for (int j = 0; j < H; j++) dh[j] = 2 * h[N][j];
    for (int t = N; t-- > 0;) {
        double back[H] = { 0 };
        for (int j = 0; j < H; j++) {
            double g = fmax(-most, fmin(most, dh[j])), da = g * (1 - h[t + 1][j] * h[t + 1][j]);
            for (int i = 0; i < I; i++) dW[j * I + i] += da * sp_tensor_at(x, t * I + i);
            for (int i = 0; i < H; i++) dU[j * H + i] += da * h[t][i], back[i] += da * U[j * H + i];
        }
        memcpy(dh, back, sizeof dh);
    }
}

START_TEST(a_hook_at_each_step_is_the_clip_of_bptt_by_hand)
{
    for (int k = 0; k < 2; k++) {
        nn_case c = nn_begin();
        sp_rnn *r = sp_rnn_new(c.params, "r", (sp_rnn_spec){ .input = I, .hidden = H,
                                                             .no_bias = true });
        double most = .1, dW[H * I] = { 0 }, dU[H * H] = { 0 };
        sp_var x = drawn(&c, SP_SHAPE(6, 1, I));
        sp_run run = { .hook = clip, .hook_data = &most, .checkpoint = { SP_EVERY, 2 } };
        if (!k) run.checkpoint.kind = SP_KEEP_ALL;
        const sp_param *W = sp_params_at(c.params, 0), *U = sp_params_at(c.params, 1);

        ck_assert(sp_backward(sp_sum(sp_square(sp_rnn_run(r, x, &run).last.v[0]))));
        clipped_by_hand(sp_value(x), W->value.data, U->value.data, most, dW, dU);
        for (int i = 0; i < H * I; i++)
            ck_assert_double_eq_tol(sp_tensor_at(&W->grad, i), dW[i], 1e-14);
        for (int i = 0; i < H * H; i++)
            ck_assert_double_eq_tol(sp_tensor_at(&U->grad, i), dU[i], 1e-14);
        nn_end(&c);
    }
}
END_TEST

/* A cell that only reads its second state. */
static sp_var reading_step(const sp_cell *cell, sp_var x, sp_state *state)
{
    (void)cell;
    return state->v[0] = sp_add(sp_mul(x, state->v[1]), state->v[0]);
}

static sp_var halve(sp_var g, void *calls)
{
    ++*(int *)calls;
    return sp_scale(g, .5);
}

/* After step t of N, counted from 1, dL/ds has come from steps t + 1 to N, each 1 for x = 1 and
   halved as often as h was; L = h_N. */
START_TEST(a_hook_meets_a_state_that_steps_pass_on_once_for_each)
{
    enum { N = 5 };
    nn_case c = nn_begin();
    const sp_cell cell = { .kind = "reading", .n_states = 2, .step = reading_step,
                           .input = SP_SHAPE(1), .output = SP_SHAPE(1),
                           .state = { SP_SHAPE(1), SP_SHAPE(1) } };
    sp_var x = sp_full(c.tape, SP_F64, SP_SHAPE(N, 1, 1), 1), one = drawn(&c, SP_SHAPE(1, 1)), g;
    int calls = 0;
    sp_run run = { .initial = { .n = 2, .v = { one, sp_reshape(one, SP_SHAPE(1, 1)) } },
                   .hook = halve, .hook_data = &calls };
    sp_var s = run.initial.v[1], y = sp_unroll(&cell, x, &run).last.v[0];
    double due = 0;

    no_failure(&c);
    ck_assert(sp_grad(y, 1, &s, &g, NULL));
    ck_assert_int_eq(calls, N + N - 1);              /* nothing comes to s after step N */
    for (int t = N; t >= 1; t--) due = due / 2 + pow(.5, N + 1 - t);
    ck_assert_double_eq_tol(sp_item(g), due, 1e-15);
    nn_end(&c);
}
END_TEST

/* With lengths that leave nothing out, hooks and names see what they see without. */
START_TEST(lengths_of_all_steps_change_nothing_for_hooks_and_names)
{
    enum { N = 4 };
    for (int kind = 0; kind < N_KINDS; kind++) {
        nn_case c = nn_begin();
        sp_rnn *r = stack_of(c.params, kind, (sp_rnn_spec){ .input = I, .hidden = H });
        sp_var x = drawn(&c, SP_SHAPE(N, 2, I)), g[2], h[2][N];
        int calls[2] = { 0 };
        for (int k = 0; k < 2; k++) {
            sp_run run = { .hook = halve, .hook_data = &calls[k] };
            if (k) run.lengths = INTEGERS(&c, N, N);
            ck_assert(sp_grad(sp_sum(sp_square(sp_rnn_run(r, x, &run).y)), 1, &x, &g[k], NULL));
            for (int t = 0; t < N; t++) {
                char path[20];
                snprintf(path, sizeof path, "step %d/h", t);
                h[k][t] = sp_find_grad(c.tape, path);
            }
        }
        no_failure(&c);
        ck_assert_int_eq(calls[0], calls[1]);
        ck_close(g[0], g[1], 1e-15, "dL/dx");
        for (int t = 0; t < N; t++) ck_close(h[0][t], h[1][t], 1e-15, "dL/dh");
        nn_end(&c);
    }
}
END_TEST

/* A short row beside a long one is that row alone; what does not count meets nothing. */
START_TEST(a_hook_meets_a_short_row_as_if_it_were_alone)
{
    enum { N = 5, SHORT = 2 };
    for (int kind = 0; kind < N_KINDS; kind++) {
        nn_case c = nn_begin();
        sp_rnn *r = stack_of(c.params, kind, (sp_rnn_spec){ .input = I, .hidden = H });
        sp_var x = drawn(&c, SP_SHAPE(N, 2, I)), g[2], h, last;
        sp_var alone = sp_slice(sp_slice(x, 0, 0, SHORT), 1, 1, 1);
        int calls = 0;
        sp_run run = { .hook = halve, .hook_data = &calls, .lengths = INTEGERS(&c, N, SHORT) };
        sp_seq seq = sp_rnn_run(r, x, &run);
        sp_var loss = sp_add(sp_sum(sp_square(seq.y)), sp_sum(seq.last.v[0]));
        ck_assert(sp_grad(loss, 1, &x, &g[0], NULL));
        last = sp_find_grad(c.tape, "step 4/h#1"), h = sp_find_grad(c.tape, "step 1/h#1");
        run.lengths = (sp_var){ 0 };
        seq = sp_rnn_run(r, alone, &run);
        loss = sp_add(sp_sum(sp_square(seq.y)), sp_sum(seq.last.v[0]));
        ck_assert(sp_grad(loss, 1, &alone, &g[1], NULL));
        no_failure(&c);
        ck_close(sp_slice(sp_slice(g[0], 0, 0, SHORT), 1, 1, 1), g[1], 1e-15, "dL/dx");
        ck_close(sp_slice(h, 0, 1, 1), sp_find_grad(c.tape, "step 1/h#2"), 1e-15, "dL/dh");
        ck_all(sp_slice(last, 0, 1, 1), 0);
        nn_end(&c);
    }
}
END_TEST

enum { DELAY, TWIN, OUTSIDE, N_ODD };

/* s1' = s0: the state moves on, and is a state of its own. */
static sp_var delay_step(const sp_cell *cell, sp_var x, sp_state *s)
{
    (void)cell;
    sp_var h = sp_add(x, sp_add(s->v[0], s->v[1]));
    s->v[1] = s->v[0];
    return s->v[0] = h;
}

/* Both states are one var. */
static sp_var twin_step(const sp_cell *cell, sp_var x, sp_state *s)
{
    (void)cell;
    return s->v[0] = s->v[1] = sp_add(x, sp_add(s->v[0], s->v[1]));
}

/* The state is a leaf from outside. */
static sp_var outside;
static sp_var outside_step(const sp_cell *cell, sp_var x, sp_state *s)
{
    (void)cell;
    sp_var h = sp_add(x, sp_add(s->v[0], s->v[1]));
    s->v[1] = outside;
    return s->v[0] = h;
}

/* Of two states the gradients a and b after step t, by hand, each halved once a step; the second
   twin is a view of the first, so what comes to it goes on to the first.  L = h_N. */
static void by_hand(int kind, int N, double dx[], double *d_outside)
{
    double a = 1, b = 0;

    for (int t = N; t-- > 0;) {
        const double p = a / 2, q = b / 2, dh = kind == TWIN ? p + q / 2 : p;
        dx[t] = b = dh;
        a = kind == DELAY ? dh + q : dh;
        if (kind == OUTSIDE) *d_outside += q;
    }
}

START_TEST(a_state_that_is_another_too_has_a_hook_of_its_own)
{
    enum { N = 4 };
    for (int kind = 0; kind < N_ODD; kind++)
        for (int lengths = 0; lengths < 2; lengths++) {
            nn_case c = nn_begin();
            const sp_cell cell = {
                .kind = "odd", .n_states = 2, .input = SP_SHAPE(1), .output = SP_SHAPE(1),
                .state = { SP_SHAPE(1), SP_SHAPE(1) },
                .step = kind == DELAY ? delay_step : kind == TWIN ? twin_step : outside_step };
            sp_var x = drawn(&c, SP_SHAPE(N, 1, 1)), wrt[2], g[2];
            int calls = 0;
            double due[N], d_outside = 1;         /* and its use after the run */
            sp_run run = { .hook = halve, .hook_data = &calls };
            if (lengths) run.lengths = INTEGERS(&c, N);
            wrt[0] = x, wrt[1] = outside = drawn(&c, SP_SHAPE(1, 1));
            sp_var y = sp_add(sp_sum(sp_unroll(&cell, x, &run).last.v[0]), sp_sum(outside));
            no_failure(&c);
            ck_assert(sp_grad(y, 2, wrt, g, NULL));
            by_hand(kind, N, due, &d_outside);
            for (int t = 0; t < N; t++)
                ck_assert_double_eq_tol(sp_tensor_at(sp_value(g[0]), t), due[t], 1e-15);
            ck_assert_double_eq_tol(sp_item(g[1]), d_outside, 1e-15);
            nn_end(&c);
        }
}
END_TEST

int main(void)
{
    TCase *t = tcase_create("run_hooks");

    tcase_add_test(t, a_hook_meets_a_state_that_steps_pass_on_once_for_each);
    tcase_add_test(t, a_hook_at_each_step_is_the_clip_of_bptt_by_hand);
    tcase_add_test(t, lengths_of_all_steps_change_nothing_for_hooks_and_names);
    tcase_add_test(t, a_hook_meets_a_short_row_as_if_it_were_alone);
    tcase_add_test(t, a_state_that_is_another_too_has_a_hook_of_its_own);
    return run_suite("run_hooks", t);
}
