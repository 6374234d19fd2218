/* SPDX-License-Identifier: MIT
 *
 * A batch with lengths, a mask and resets equals its segments run alone, forward and in every
 * gradient, for every kind of cell, stacked and both ways.
 */
#include "tests/nn_case.h"

enum { I = 3, H = 4, T = 6, B = 4, MOST_WRT = 64 };

typedef struct marks { int length[B]; bool mask[T][B], reset[T][B]; } marks;

static marks marks_of(uint64_t seed)
{
    const sp_random r = { .seed = 11, .stream = seed };
    marks m;

    for (int b = 0; b < B; b++) m.length[b] = (int)sp_random_below(r, b, T + 1);
    for (int i = 0; i < T * B; i++) {
        m.mask[i / B][i % B] = seed % 2 || sp_random_uniform(r, 100 + i) < 0.8;
        m.reset[i / B][i % B] = sp_random_uniform(r, 1000 + i) < 0.25;
    }
    return m;
}

static sp_var bools(nn_case *c, bool m[T][B])
{
    sp_tensor *x = sp_tensor_from(SP_BOOL, SP_SHAPE(T, B), m);
    sp_var v = sp_input(c->tape, x);

    sp_tensor_free(x);
    return v;
}

static bool valid(const marks *m, int t, int b) { return m->mask[t][b] && t < m->length[b]; }

typedef struct problem {
    nn_case  c;
    sp_rnn  *rnn;
    int      n_states, cells, directions;
    sp_var   x, w_y;
    sp_state initial, w_s;
} problem;

/* Row b's initial state for the directions that begin in this segment; the start for the
   others: a state of its own for every direction is put together from both. */
static sp_state begin_of(const problem *p, int b, bool first, bool last)
{
    sp_state s = { .n = p->n_states };

    for (int k = 0; k < s.n; k++) {
        sp_var part[8];
        for (int i = 0; i < p->cells; i++) {
            const sp_cell *cell = sp_rnn_cell(p->rnn, i / p->directions, i % p->directions);
            sp_state start = sp_cell_start(cell, p->c.tape, 1, SP_F64);
            bool given = i % p->directions ? last : first;
            part[i] = given ? sp_slice(sp_select(p->initial.v[k], 0, i), 0, b, 1) : start.v[k];
        }
        s.v[k] = sp_stack(p->cells, part, 0);
    }
    return s;
}

/* Run the steps at[0..n) of row b alone; returns the weighed sum of its outputs. */
static sp_var alone(problem *p, int b, const int at[], int n, sp_state begin, sp_state *end)
{
    sp_var x[T], w[T];

    for (int i = 0; i < n; i++) {
        x[i] = sp_slice(sp_select(p->x, 0, at[i]), 0, b, 1);
        w[i] = sp_slice(sp_select(p->w_y, 0, at[i]), 0, b, 1);
    }
    sp_seq seq = sp_rnn_run(p->rnn, sp_stack(n, x, 0), &(sp_run){ .initial = begin });
    *end = seq.last;
    return sp_sum(sp_mul(seq.y, sp_stack(n, w, 0)));
}

/* The weighed sum of row b's final states; each direction ends in another segment. */
static sp_var ends(problem *p, int b, const sp_state *forward, const sp_state *reverse)
{
    sp_var sum = sp_const(p->c.tape, SP_F64, 0);

    for (int k = 0; k < p->n_states; k++)
        for (int i = 0; i < p->cells; i++) {
            const sp_state *end = i % p->directions ? reverse : forward;
            sp_var w = sp_slice(sp_select(p->w_s.v[k], 0, i), 0, b, 1);
            sum = sp_add(sum, sp_sum(sp_mul(sp_select(end->v[k], 0, i), w)));
        }
    return sum;
}

/* In reverse a row whose first used step begins a segment ends at the start, if time goes on
   before that step. */
static sp_var row_alone(problem *p, const marks *m, int b)
{
    int at[T], n = 0, t = 0, first = 0;
    bool begun = false, is_first = true;
    sp_var sum = sp_const(p->c.tape, SP_F64, 0);
    sp_state end = begin_of(p, b, true, true), reverse_end = end;

    while (first < T && !valid(m, first, b)) first++;
    for (t = 0; t < T; t++) {
        if (!valid(m, t, b)) continue;
        if (m->reset[t][b] && t == first) is_first = false;
        at[n++] = t;
        int next = t + 1;
        while (next < T && !valid(m, next, b)) next++;
        if (next < T && !m->reset[next][b]) continue;
        sum = sp_add(sum, alone(p, b, at, n, begin_of(p, b, is_first, next >= T), &end));
        if (!begun) reverse_end = end;
        begun = true;
        is_first = false;
        n = 0;
    }
    if (first > 0 && first < T && m->reset[first][b]) reverse_end = begin_of(p, b, false, false);
    return sp_add(sum, ends(p, b, &end, &reverse_end));
}

static problem problem_of(int kind, int layers, bool both)
{
    problem p = { .c = nn_begin(), .directions = both ? 2 : 1, .cells = layers * (both ? 2 : 1) };

    p.rnn = stack_of(p.c.params, kind, (sp_rnn_spec){ .input = I, .hidden = H, .layers = layers,
                                                      .bidirectional = both });
    p.n_states = kind == LSTM ? 2 : 1;
    p.x = drawn(&p.c, SP_SHAPE(T, B, I));
    p.w_y = drawn(&p.c, SP_SHAPE(T, B, p.directions * H));
    p.initial.n = p.w_s.n = p.n_states;
    for (int k = 0; k < p.n_states; k++) {
        p.initial.v[k] = drawn(&p.c, SP_SHAPE(p.cells, B, H));
        p.w_s.v[k] = drawn(&p.c, SP_SHAPE(p.cells, B, H));
    }
    return p;
}

static sp_var batch_loss(problem *p, marks *m)
{
    const int *n = m->length;
    sp_run run = { .initial = p->initial, .lengths = integers(&p->c, SP_I32, SP_SHAPE(B), n),
                   .mask = bools(&p->c, m->mask), .reset = bools(&p->c, m->reset) };
    sp_seq seq = sp_rnn_run(p->rnn, p->x, &run);
    sp_var loss = sp_sum(sp_mul(seq.y, p->w_y));

    for (int k = 0; k < p->n_states; k++)
        loss = sp_add(loss, sp_sum(sp_mul(seq.last.v[k], p->w_s.v[k])));
    return loss;
}

static int leaves_of(problem *p, sp_var leaf[MOST_WRT])
{
    int n = 0;

    leaf[n++] = p->x;
    for (int k = 0; k < p->n_states; k++) leaf[n++] = p->initial.v[k];
    for (int64_t i = 0; i < sp_params_count(p->c.params); i++)
        leaf[n++] = sp_use(p->c.tape, sp_params_at(p->c.params, i));
    return n;
}

static void same_as_segments_alone(int kind, uint64_t seed)
{
    problem p = problem_of(kind, seed % 3 ? 1 : 2, seed % 4 < 2);
    marks m = marks_of(seed);
    sp_var leaf[MOST_WRT], a[MOST_WRT], b[MOST_WRT];
    int n = leaves_of(&p, leaf);
    sp_var together = batch_loss(&p, &m), apart = sp_const(p.c.tape, SP_F64, 0);

    for (int row = 0; row < B; row++) apart = sp_add(apart, row_alone(&p, &m, row));
    ck_close(together, apart, 1e-12, "loss");
    ck_assert(sp_grad(together, n, leaf, a, NULL) && sp_grad(apart, n, leaf, b, NULL));
    for (int i = 0; i < n; i++) ck_close(a[i], b[i], 1e-11, "gradient");
    no_failure(&p.c);
    nn_end(&p.c);
}

START_TEST(a_batch_with_marks_equals_its_segments_run_alone)
{
    for (uint64_t seed = 0; seed < 12; seed++) same_as_segments_alone(_i, seed);
}
END_TEST

int main(void)
{
    TCase *t = tcase_create("segments");

    tcase_add_loop_test(t, a_batch_with_marks_equals_its_segments_run_alone, 0, N_KINDS);
    return run_suite("segments", t);
}
