/* SPDX-License-Identifier: MIT
 *
 * First and second derivatives of every cell, alone and in stacks of one and two layers, one and
 * both ways, with lengths (one of them 0) and resets, by x, states and all parameters, against
 * 4-point differences in f64.
 */
#include "autograd/check.h"
#include "tests/nn_case.h"

enum { I = 2, H = 3, T = 4, B = 3, MOST = 64 };

/* A layer and the tensors that its loss depends on: x, the initial states, the parameters. */
typedef struct problem {
    sp_params *params;
    sp_tape   *tape;
    sp_rnn    *r;
    bool       marked;
    int        n, n_states;
    sp_tensor *at[MOST], *u[MOST];      /* where it is looked at; a direction */
} problem;

static problem problem_of(int kind, int layers, bool both, bool marked)
{
    nn_case c = nn_begin();
    problem p = { .params = c.params, .tape = c.tape, .marked = marked };

    p.r = stack_of(p.params, kind, (sp_rnn_spec){ .input = I, .hidden = H, .layers = layers,
                                                  .bidirectional = both });
    p.n_states = kind == LSTM ? 2 : 1;
    p.at[p.n++] = randoms(SP_SHAPE(T, B, I), 1);
    for (int k = 0; k < p.n_states; k++)
        p.at[p.n++] = randoms(SP_SHAPE(layers * (both ? 2 : 1), B, H), 2 + (uint64_t)k);
    for (int64_t i = 0; i < sp_params_count(p.params); i++)
        p.at[p.n++] = sp_tensor_copy(&sp_params_at(p.params, i)->value);
    for (int i = 0; i < p.n; i++) p.u[i] = randoms(p.at[i]->shape, 50 + (uint64_t)i);
    return p;
}

static void done(problem *p)
{
    for (int i = 0; i < p->n; i++) {
        sp_tensor_free(p->at[i]);
        sp_tensor_free(p->u[i]);
    }
    sp_tape_free(p->tape);
    sp_params_free(p->params);
}

/* A smooth number that depends on every output and final state. */
static sp_var loss_of(const problem *p, const sp_var leaf[])
{
    nn_case c = { p->params, p->tape, 0 };
    sp_run run = { .initial.n = p->n_states };

    for (int k = 0; k < p->n_states; k++) run.initial.v[k] = leaf[1 + k];
    if (p->marked) {
        run.lengths = INTEGERS(&c, 4, 0, 2);
        run.reset = sp_reshape(INTEGERS(&c, 0, 1, 0, 0, 0, 1, 1, 0, 0, 0, 0, 1), SP_SHAPE(T, B));
    }
    sp_seq seq = sp_rnn_run(p->r, leaf[0], &run);
    sp_var loss = sp_sum(sp_mul(seq.y, sp_exp(seq.y)));
    for (int k = 0; k < p->n_states; k++)
        loss = sp_add(loss, sp_sum(sp_exp(sp_scale(seq.last.v[k], 0.5 + k))));
    return loss;
}

/* order 1: the loss; order 2: the slope of the loss along u.  With its gradient, if wanted. */
static double value(problem *p, int order, sp_tensor *grad[])
{
    sp_var leaf[MOST], g[MOST];

    sp_tape_reset(p->tape);
    for (int i = 0; i <= p->n_states; i++) leaf[i] = sp_input(p->tape, p->at[i]);
    for (int i = p->n_states + 1; i < p->n; i++) {
        sp_param *w = sp_params_at(p->params, i - p->n_states - 1);
        ck_assert(sp_param_set(w, p->at[i]));
        leaf[i] = sp_use(p->tape, w);
    }
    sp_var y = loss_of(p, leaf);
    for (; order > 1; order--) {
        ck_assert_msg(sp_grad(y, p->n, leaf, g, NULL), "%s", sp_tape_error(p->tape));
        y = sp_const(p->tape, SP_F64, 0);
        for (int i = 0; i < p->n; i++)
            y = sp_add(y, sp_sum(sp_mul(g[i], sp_input(p->tape, p->u[i]))));
    }
    if (grad) {
        ck_assert_msg(sp_grad(y, p->n, leaf, g, NULL), "%s", sp_tape_error(p->tape));
        for (int i = 0; i < p->n; i++) ck_assert_ptr_nonnull(grad[i] = sp_export(g[i]));
    }
    return sp_item(y);
}

static double differences(problem *p, int order, int i, int64_t element)
{
    const double h = 2e-3, x = sp_tensor_at(p->at[i], element);
    double f[4];

    for (int k = 0; k < 4; k++) {
        sp_tensor_set(p->at[i], element, x + h * (k < 2 ? k - 2 : k - 1));
        f[k] = value(p, order, NULL);
    }
    sp_tensor_set(p->at[i], element, x);
    return (f[0] - 8 * f[1] + 8 * f[2] - f[3]) / (12 * h);
}

/* Every `stride`th element of every leaf. */
static void ck_slopes(problem *p, int order, int64_t stride)
{
    sp_tensor *grad[MOST];
    double largest = 0;

    value(p, order, grad);
    for (int i = 0; i < p->n; i++)
        for (int64_t e = 0; e < sp_tensor_size(grad[i]); e++)
            largest = fmax(largest, fabs(sp_tensor_at(grad[i], e)));
    for (int i = 0; i < p->n; i++) {
        for (int64_t e = i % 2 % stride; e < sp_tensor_size(grad[i]); e += stride) {
            double is = sp_tensor_at(grad[i], e), due = differences(p, order, i, e);
            ck_assert_msg(fabs(is - due) <= 1e-6 * fmax(fabs(due), 1e-3 * largest),
                          "order %d, leaf %d, element %lld: %.12g, differences say %.12g", order, i,
                          (long long)e, is, due);
        }
        sp_tensor_free(grad[i]);
    }
}

START_TEST(slopes_of_every_cell_are_those_of_differences)
{
    problem p = problem_of(_i, 1, false, false);

    ck_slopes(&p, 1, 1);
    ck_slopes(&p, 2, 1);
    done(&p);
}
END_TEST

/* One and two layers, one and both ways. */
START_TEST(slopes_of_stacks_with_marks_are_those_of_differences)
{
    const int layers = 1 + _i % 2;
    const bool both = _i / 2 % 2;
    problem p = problem_of(_i / 4, layers, both, true);

    ck_slopes(&p, 1, 1);
    ck_slopes(&p, 2, layers * (both ? 2 : 1) == 4 ? 11 : 5);
    done(&p);
}
END_TEST

static sp_var as_function(sp_tape *tape, int n, const sp_var x[], void *data)
{
    problem *p = data;

    (void)n;
    p->tape = tape;
    return loss_of(p, x);
}

START_TEST(slopes_by_x_and_states_pass_the_public_check)
{
    problem p = problem_of(_i, 2, true, true);
    sp_tape *own = p.tape;
    sp_report report = { 0 };

    ck_assert_msg(sp_check_function(as_function, &p, 1 + p.n_states, p.at, true, 1e-6, &report),
                  "%s", report.first);
    p.tape = own;
    done(&p);
}
END_TEST

int main(void)
{
    TCase *t = tcase_create("cells");

    tcase_add_loop_test(t, slopes_of_every_cell_are_those_of_differences, 0, N_KINDS);
    tcase_add_loop_test(t, slopes_of_stacks_with_marks_are_those_of_differences, 0, 4 * N_KINDS);
    tcase_add_loop_test(t, slopes_by_x_and_states_pass_the_public_check, 0, N_KINDS);
    return run_suite("cells", t);
}
