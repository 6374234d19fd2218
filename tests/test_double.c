/* SPDX-License-Identifier: MIT
 *
 * test_double.c - derivatives of derivatives of whole layers, and forward ones through time:
 * Hessian products of bidirectional stacks with lengths against differences, and real-time
 * recurrent learning, which never looks back, against backpropagation through time.
 */
#include "autograd/derivatives.h"
#include "tests/nn_case.h"

enum { I = 2, H = 3, B = 2, STEPS = 12, MOST = 64 };

/* ---- double backward ---- */

/* A layer, where it is looked at (x, then the parameters), and a direction from there. */
typedef struct stack { nn_case c; sp_rnn *r; int n; sp_tensor *at[MOST], *v[MOST]; } stack;

static stack stack_begin(int kind)
{
    stack s = { .c = nn_begin() };

    s.r = stack_of(s.c.params, kind, (sp_rnn_spec){ .input = I, .hidden = H, .layers = 2,
                                                    .bidirectional = true });
    s.at[s.n++] = randoms(SP_SHAPE(5, 3, I), 1);
    for (int64_t i = 0; i < sp_params_count(s.c.params); i++)
        s.at[s.n++] = sp_tensor_copy(&sp_params_at(s.c.params, i)->value);
    for (int i = 0; i < s.n; i++) s.v[i] = randoms(s.at[i]->shape, 90 + (uint64_t)i);
    return s;
}

static void stack_end(stack *s)
{
    for (int i = 0; i < s->n; i++) sp_tensor_free(s->at[i]), sp_tensor_free(s->v[i]);
    nn_end(&s->c);
}

/* The loss at at + step v; leaf: x and the parameters. */
static sp_var loss_at(stack *s, double step, sp_var leaf[])
{
    sp_tape_reset(s->c.tape);
    for (int i = 0; i < s->n; i++) {
        sp_tensor *moved = sp_tensor_copy(s->at[i]);
        for (int64_t k = 0; k < sp_tensor_size(moved); k++)
            sp_tensor_set(moved, k, sp_tensor_at(moved, k) + step * sp_tensor_at(s->v[i], k));
        if (i > 0) ck_assert(sp_param_set(sp_params_at(s->c.params, i - 1), moved));
        leaf[i] = i > 0 ? sp_use(s->c.tape, sp_params_at(s->c.params, i - 1))
                        : sp_input(s->c.tape, moved);
        sp_tensor_free(moved);
    }
    sp_seq seq = sp_rnn_run(s->r, leaf[0], &(sp_run){ .lengths = INTEGERS(&s->c, 5, 0, 2) });
    return sp_add(sp_sum(sp_mul(seq.y, sp_exp(seq.y))), sp_sum(sp_exp(seq.last.v[0])));
}

static void add_gradients(stack *s, double step, double weight, sp_tensor *sum[])
{
    sp_var leaf[MOST], g[MOST], y = loss_at(s, step, leaf);

    ck_assert(sp_grad(y, s->n, leaf, g, NULL) && sp_eval(s->n, g));
    for (int i = 0; i < s->n; i++)
        for (int64_t k = 0; k < sp_tensor_size(sum[i]); k++)
            sp_tensor_set(sum[i], k,
                          sp_tensor_at(sum[i], k) + weight * sp_tensor_at(sp_value(g[i]), k));
}

START_TEST(a_double_backward_through_a_stack_both_ways_with_lengths_is_what_differences_say)
{
    const double h = 1e-3, weight[] = { 1, -8, 8, -1 }, place[] = { -2, -1, 1, 2 };
    stack s = stack_begin(_i ? GRU : LSTM);
    sp_tensor *due[MOST];
    sp_var leaf[MOST], v[MOST], out[MOST];
    double most = 0;

    for (int i = 0; i < s.n; i++) due[i] = sp_tensor_new(SP_F64, s.at[i]->shape);
    for (int k = 0; k < 4; k++) add_gradients(&s, place[k] * h, weight[k] / (12 * h), due);
    sp_var y = loss_at(&s, 0, leaf);
    for (int i = 0; i < s.n; i++) v[i] = sp_input(s.c.tape, s.v[i]);
    ck_assert_msg(sp_hvp(y, s.n, leaf, v, out), "%s", sp_tape_error(s.c.tape));
    for (int i = 0; i < s.n; i++)
        for (int64_t k = 0; k < sp_tensor_size(due[i]); k++)
            most = fmax(most, fabs(sp_tensor_at(due[i], k)));
    for (int i = 0; i < s.n; i++) {
        for (int64_t k = 0; k < sp_tensor_size(due[i]); k++) {
            double is = sp_tensor_at(sp_value(out[i]), k), q = sp_tensor_at(due[i], k);
            ck_assert_msg(fabs(is - q) <= 1e-6 * fmax(fabs(q), 1e-3 * most),
                          "leaf %d, element %lld: %.12g, differences say %.12g", i, (long long)k,
                          is, q);
        }
        sp_tensor_free(due[i]);
    }
    stack_end(&s);
}
END_TEST

/* ---- real-time recurrent learning ---- */

/* One step of a cell on an empty tape, and its loss. */
static sp_var step_of(nn_case *c, const sp_cell *cell, int k, sp_var h, sp_var *next)
{
    sp_tensor *x = randoms(SP_SHAPE(B, I), 100 + (uint64_t)k);
    sp_state state = { .n = 1, .v = { h } };

    *next = sp_cell_step(cell, sp_input(c->tape, x), &state);
    sp_tensor_free(x);
    return sp_scale(sp_sum(sp_exp(*next)), 1 + .1 * k);
}

/* dh/dp_e goes in and comes out; returns the slope of this step's loss by p_e. */
static double influence(nn_case *c, sp_var h, sp_param *p, int64_t e, const sp_var y[2],
                        sp_tensor **s)
{
    sp_tensor *unit = sp_tensor_new(SP_F64, p->value.shape);

    sp_tensor_set(unit, e, 1);
    sp_var x[] = { h, sp_use(c->tape, p) };
    sp_var v[] = { sp_input(c->tape, *s), sp_input(c->tape, unit) }, out[2];
    sp_tensor_free(unit);
    ck_assert_msg(sp_jvp(2, y, 2, x, v, out), "%s", sp_tape_error(c->tape));
    ck_assert(sp_eval_only(2, out));
    sp_tensor_free(*s);
    *s = sp_export(out[0]);
    return sp_item(out[1]);
}

/* Forwards only: every step begins on an empty tape with h and dh/dp of the step before. */
static void learn_forwards(nn_case *c, const sp_cell *cell, sp_param *p, int64_t e, double *slope)
{
    sp_tensor *h = sp_tensor_new(SP_F64, SP_SHAPE(B, H)), *s = sp_tensor_new(SP_F64, h->shape);

    for (int k = 0; k < STEPS; k++) {
        sp_tape_reset(c->tape);
        sp_var before = sp_input(c->tape, h), y[2];
        y[1] = step_of(c, cell, k, before, &y[0]);
        *slope += influence(c, before, p, e, y, &s);
        sp_tensor_free(h);
        h = sp_export(y[0]);
    }
    sp_tensor_free(h);
    sp_tensor_free(s);
}

START_TEST(learning_forwards_in_real_time_equals_backpropagation_through_time)
{
    nn_case c = nn_begin();
    sp_rnn *r = stack_of(c.params, _i ? MGU : RNN, (sp_rnn_spec){ .input = I, .hidden = H });
    const sp_cell *cell = sp_rnn_cell(r, 0, false);
    sp_var h = sp_full(c.tape, SP_F64, SP_SHAPE(B, H), 0), loss[STEPS];
    double most = 0;

    for (int k = 0; k < STEPS; k++) loss[k] = step_of(&c, cell, k, h, &h);
    ck_assert_msg(sp_backward(sp_add_n(STEPS, loss)), "%s", sp_tape_error(c.tape));
    for (int64_t i = 0; i < sp_params_count(c.params); i++) {
        sp_param *p = sp_params_at(c.params, i);
        for (int64_t e = 0; e < sp_tensor_size(&p->value); e++) {
            double slope = 0, due = sp_tensor_at(&p->grad, e);
            learn_forwards(&c, cell, p, e, &slope);
            ck_assert_msg(fabs(slope - due) <= 1e-10 * fmax(1, fabs(due)),
                          "%s[%lld]: forwards %.15g, backwards %.15g", p->name, (long long)e,
                          slope, due);
            most = fmax(most, fabs(due));
        }
    }
    ck_assert_double_gt(most, .1);
    nn_end(&c);
}
END_TEST

int main(void)
{
    TCase *t = tcase_create("double");

    tcase_add_loop_test(
        t, a_double_backward_through_a_stack_both_ways_with_lengths_is_what_differences_say, 0, 2);
    tcase_add_loop_test(
        t, learning_forwards_in_real_time_equals_backpropagation_through_time, 0, 2);
    return run_suite("double", t);
}
