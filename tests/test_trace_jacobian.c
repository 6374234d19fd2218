/* SPDX-License-Identifier: MIT
 *
 * test_trace_jacobian.c - the Jacobians of a trace against steps of the cell from states moved by
 * hand: central differences, which know nothing of the tape of the run.
 */
#include <stdlib.h>
#include "autograd/names.h"
#include "tests/trace_case.h"

/* ---- by differences ---- */

enum { MOST = 64 };

typedef struct moved {
    const sp_cell *cell;
    sp_tensor     *x, *state[SP_MAX_STATES];  /* of one step: [B,...] */
    int64_t        B;
    double         J[MOST][MOST];
} moved;

static int64_t width(const moved *m, int k) { return sp_tensor_size(m->state[k]) / m->B; }

/* One column of the Jacobian of sample b: element e of its state k is moved by `by`. */
static void add_column(moved *m, int64_t b, int k, int64_t e, int64_t column, double by)
{
    sp_tape *t = sp_tape_new(NULL);
    sp_state s = { .n = m->cell->n_states };
    const int64_t at = b * width(m, k) + e;
    const double was = sp_tensor_at(m->state[k], at);

    sp_tensor_set(m->state[k], at, was + by);
    for (int i = 0; i < s.n; i++) s.v[i] = sp_input(t, m->state[i]);
    sp_tensor_set(m->state[k], at, was);
    sp_cell_step(m->cell, sp_input(t, m->x), &s);
    for (int i = 0, row = 0; i < s.n; i++)
        for (int64_t f = 0; f < width(m, i); f++, row++)
            m->J[row][column] += sp_tensor_at(sp_value(s.v[i]), b * width(m, i) + f) / (2 * by);
    sp_tape_free(t);
}

/* The largest singular value of J, n by n. */
static double largest(double J[MOST][MOST], int64_t n)
{
    double v[MOST], w[MOST], sigma = 0;

    for (int64_t i = 0; i < n; i++) v[i] = sin((double)i + 1);
    for (int round = 0; round < 4000; round++) {
        double length = 0;
        for (int64_t i = 0; i < n; i++)
            for (int64_t j = (int64_t)(w[i] = 0); j < n; j++) w[i] += J[i][j] * v[j];
        for (int64_t j = 0; j < n; j++) {
            v[j] = 0;
            for (int64_t i = 0; i < n; i++) v[j] += J[i][j] * w[i];
            length += v[j] * v[j];
        }
        sigma = sqrt(sqrt(length));
        for (int64_t j = 0; j < n && length > 0; j++) v[j] /= sqrt(length);
    }
    return sigma;
}

/* What jacobian[t] should be, where the cell takes this x from these states. */
static double due(const sp_cell *cell, sp_var x, const sp_var from[])
{
    moved *m = calloc(1, sizeof *m);
    double most = 0;

    *m = (moved){ .cell = cell, .x = sp_export(x), .B = sp_var_dim(x, 0) };
    for (int k = 0; k < cell->n_states; k++) m->state[k] = sp_export(from[k]);
    for (int64_t b = 0; b < m->B; b++) {
        int64_t column = 0;
        memset(m->J, 0, sizeof m->J);
        for (int k = 0; k < cell->n_states; k++)
            for (int64_t e = 0; e < width(m, k); e++, column++)
                add_column(m, b, k, e, column, 1e-6), add_column(m, b, k, e, column, -1e-6);
        most = fmax(most, largest(m->J, column));
    }
    for (int k = 0; k < cell->n_states; k++) sp_tensor_free(m->state[k]);
    sp_tensor_free(m->x);
    free(m);
    return most;
}

/* The trace of a run of the cell along x. */
static void ck_run(const sp_cell *cell, sp_var x, const sp_run *run, double tolerance)
{
    sp_seq seq = sp_unroll(cell, x, run);
    sp_trace *r = traced(sp_sum(sp_square(seq.y)), &(sp_trace_spec){ .iterations = 2000 });
    sp_var from[SP_MAX_STATES];

    for (int64_t t = 0; t < r->T; t++) {
        for (int k = 0; k < cell->n_states; k++)
            from[k] = t > 0 ? sp_select(seq.each.v[k], 0, t - 1)
                    : sp_cell_start(cell, c.tape, sp_var_dim(x, 1), SP_F64).v[k];
        double is = r->jacobian[t], should = due(cell, sp_select(x, 0, t), from);
        ck_assert_msg(fabs(is - should) <= tolerance * should, "%s, step %d: %.9f and %.9f",
                      cell->kind, (int)t, is, should);
    }
    sp_trace_free(r);
    no_failure(&c);
}

/* ---- the library's cells ---- */

START_TEST(jacobians_of_the_cells_are_those_of_a_step_alone)
{
    static const sp_rnn_spec usual = { .input = 2, .hidden = 3 },
                             small = { .input = 2, .hidden = 4, .proj = 2 };
    const sp_cell *cells[] = { sp_lstm_cell_new(c.params, "l", usual),
                               sp_lstm_cell_new(c.params, "p", small),
                               sp_gru_cell_new(c.params, "g", usual),
                               sp_rnn_cell_new(c.params, "e", usual) };

    for (int i = 0; i < 4; i++)
        for (int parts = 0; parts < 2; parts++) {
            const sp_run run = { .checkpoint = { parts ? SP_EVERY : SP_KEEP_ALL, 2 } };
            sp_tape_reset(c.tape);
            ck_run(cells[i], drawn(&c, SP_SHAPE(4, 2, 2)), &run, 1e-6);
        }
}
END_TEST

/* ---- states that are one another ---- */

/* (p, q)' = (p/2 + .3 q + x, p): the singular values of [.5 .3; 1 0]. */
static sp_var delay_step(const sp_cell *cell, sp_var x, sp_state *s)
{
    sp_var p = s->v[0];

    (void)cell;
    s->v[0] = sp_add(sp_add(sp_scale(p, .5), sp_scale(s->v[1], .3)), x);
    s->v[1] = p;
    return s->v[0];
}

/* Both states are h = f(first): [.5 0; .5 0]; read is which of them. */
static sp_var double_step(int read, sp_var x, sp_state *s)
{
    return s->v[0] = s->v[1] = sp_add(sp_scale(s->v[read], .5), x);
}

static sp_var first_step(const sp_cell *cell, sp_var x, sp_state *s)
{
    (void)cell;
    return double_step(0, x, s);
}

static sp_var second_step(const sp_cell *cell, sp_var x, sp_state *s)
{
    (void)cell;
    return double_step(1, x, s);
}

static sp_var give_back(sp_var g, void *ignored)
{
    (void)ignored;
    return g;
}

START_TEST(a_state_that_is_another_one_is_a_state_of_its_own)
{
    const struct { sp_var (*step)(const sp_cell *, sp_var, sp_state *); double sigma; } cases[] = {
        { delay_step, 1.1265356772 }, { first_step, sqrt(.5) }, { second_step, sqrt(.5) } };

    for (int i = 0; i < 12; i++) {
        const sp_run run = { .reverse = i % 2, .hook = i / 2 % 2 ? give_back : NULL };
        sp_cell cell = { .kind = "two", .input = SP_SHAPE(1), .output = SP_SHAPE(1), .n_states = 2,
                         .state = { SP_SHAPE(1), SP_SHAPE(1) }, .step = cases[i / 4].step };
        sp_trace *r = traced(sp_sum(sp_unroll(&cell, ones(4), &run).y), NULL);
        for (int t = 0; t < 4; t++)
            ck_assert_double_eq_tol(r->jacobian[t], cases[i / 4].sigma, 1e-8);
        sp_trace_free(r);
    }
}
END_TEST

/* One var is both states at the start. */
START_TEST(a_start_of_one_var_for_two_states_is_two_states)
{
    sp_cell cell = { .kind = "two", .input = SP_SHAPE(1), .output = SP_SHAPE(1), .n_states = 2,
                     .state = { SP_SHAPE(1), SP_SHAPE(1) }, .step = delay_step };
    sp_var h = sp_full(c.tape, SP_F64, SP_SHAPE(1, 1), 1);
    const sp_run run = { .initial = { .n = 2, .v = { h, h } } };
    sp_trace *r = traced(sp_sum(sp_unroll(&cell, ones(2), &run).y), NULL);

    for (int t = 0; t < 2; t++) ck_assert_double_eq_tol(r->jacobian[t], 1.1265356772, 1e-8);
    sp_trace_free(r);
}
END_TEST

/* ---- stacks ---- */

START_TEST(a_projected_bidirectional_stack_agrees_with_its_names)
{
    sp_rnn *r = sp_lstm_new(c.params, "r", (sp_rnn_spec){ .input = 3, .hidden = 5, .proj = 2,
                            .layers = 2, .bidirectional = true });
    sp_seq seq = sp_rnn_run(r, drawn(&c, SP_SHAPE(4, 1, 3)),
                            &(sp_run){ .checkpoint = { SP_EVERY, 2 } });
    sp_var loss = sp_sum(sp_square(seq.y)), from[2], x[2];
    sp_trace *is = traced(loss, &(sp_trace_spec){ .scope = "layer 1/reverse", .iterations = 2000 });
    const char *const state[] = { "h", "c" };
    char path[60];

    ck_assert_int_eq(is->n_states, 2);
    ck_assert_int_eq(is->n_weights, 5);
    ck_assert(sp_backward(loss));
    for (int i = 0; i < 8; i++) {
        snprintf(path, sizeof path, "r/layer 1/reverse/step %d/%s", i / 2, state[i % 2]);
        near_to(is->state[i % 2][i / 2], length_of(sp_find(c.tape, path)));
        near_to(is->grad[i % 2][i / 2], length_of(sp_find_grad(c.tape, path)));
    }
    for (int t = 0; t < 4; t++) {
        for (int k = 0; k < 2; k++) {
            snprintf(path, sizeof path, "layer 1/reverse/step %d/%s", t + 1, state[k]);
            if (t == 3) snprintf(path, sizeof path, "layer 1/reverse/start/%s", state[k]);
            from[k] = sp_find(c.tape, path);
            snprintf(path, sizeof path, "layer 0%s/step %d/h", k ? "/reverse" : "", t);
            x[k] = sp_find(c.tape, path);
        }
        sp_var in = sp_concat(2, x, 1);
        ck_assert_double_eq_tol(is->jacobian[t], due(sp_rnn_cell(r, 1, true), in, from), 1e-6);
    }
    sp_trace_free(is);
    no_failure(&c);
}
END_TEST

int main(void)
{
    TCase *t = tcase_create("trace_jacobian");

    tcase_add_checked_fixture(t, begin, end);
    tcase_add_test(t, jacobians_of_the_cells_are_those_of_a_step_alone);
    tcase_add_test(t, a_state_that_is_another_one_is_a_state_of_its_own);
    tcase_add_test(t, a_start_of_one_var_for_two_states_is_two_states);
    tcase_add_test(t, a_projected_bidirectional_stack_agrees_with_its_names);
    return run_suite("trace_jacobian", t);
}
