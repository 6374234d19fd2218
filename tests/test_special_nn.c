/* SPDX-License-Identifier: MIT
 *
 * test_special_nn - layers with no steps, no samples or lengths of 0, and losses at logits of
 * +-10000: shapes, values, and gradients that are zero or finite.
 */
#include "tests/nn_case.h"

/* ---- T = 0, B = 0, and lengths of 0 ---- */

enum { IN = 3, HIDDEN = 4 };

/* Every parameter has a gradient, and it is zero; one that no step has used may have none. */
static void gradients_vanish(sp_params *params, const char *what, bool unused)
{
    for (int64_t i = 0; i < sp_params_count(params); i++) {
        sp_param *p = sp_params_at(params, i);
        ck_assert_msg(p->has_grad || unused, "%s: %s has no gradient", what, p->name);
        for (int64_t k = 0; p->has_grad && k < sp_tensor_size(&p->grad); k++)
            ck_assert_msg(sp_tensor_at(&p->grad, k) == 0, "%s: %s[%lld] is %g", what, p->name,
                          (long long)k, sp_tensor_at(&p->grad, k));
    }
}

static void runs_empty(int kind, bool both_ways, int64_t steps, int64_t batch, bool no_lengths)
{
    nn_case c = nn_begin();
    char what[64];
    sp_rnn_spec spec = { .input = IN, .hidden = HIDDEN, .layers = 2, .bidirectional = both_ways };
    sp_rnn *rnn = stack_of(c.params, kind, spec);
    int64_t ways = both_ways ? 2 : 1;
    sp_linear *head = sp_linear_new_with(c.params, "head", HIDDEN * ways, 2,
                                         (sp_linear_spec){ .no_bias = true });
    sp_var x = drawn(&c, SP_SHAPE(steps, batch, IN)), g;
    sp_run run = { 0 };

    snprintf(what, sizeof what, "kind %d, %lld ways, T %lld, B %lld", kind, (long long)ways,
             (long long)steps, (long long)batch);
    if (no_lengths) run.lengths = sp_full(c.tape, SP_I64, SP_SHAPE(batch), 0);
    sp_seq seq = sp_rnn_run(rnn, x, &run);
    no_failure(&c);
    ck_shape(seq.y, SP_SHAPE(steps, batch, HIDDEN * ways));
    ck_all(seq.y, 0);
    for (int k = 0; k < seq.last.n; k++) {
        ck_shape(seq.last.v[k], SP_SHAPE(2 * ways, batch, HIDDEN));
        if (kind != LEARNED) ck_all(seq.last.v[k], 0);
    }

    sp_var loss = sp_sum(sp_linear_run(head, seq.y));
    ck_assert_msg(sp_grad(loss, 1, &x, &g, NULL), "%s", sp_tape_error(c.tape));
    ck_shape(g, SP_SHAPE(steps, batch, IN));
    ck_all(g, 0);
    ck_assert_msg(sp_backward(loss), "%s: %s", what, sp_tape_error(c.tape));
    ck_assert_double_eq(sp_item(loss), 0);
    gradients_vanish(c.params, what, steps == 0);
    nn_end(&c);
}

START_TEST(no_steps_no_samples_or_lengths_of_0_give_zeros_and_zero_gradients)
{
    for (int kind = 0; kind < N_KINDS; kind++)
        for (int ways = 0; ways < 2; ways++) {
            runs_empty(kind, ways, 0, 2, false);
            runs_empty(kind, ways, 3, 0, false);
            runs_empty(kind, ways, 0, 0, false);
            runs_empty(kind, ways, 0, 2, true);
            runs_empty(kind, ways, 3, 2, true);
            runs_empty(kind, ways, 3, 0, true);
        }
}
END_TEST

START_TEST(a_cell_runs_no_steps_and_no_samples_and_hands_its_state_on)
{
    nn_case c = nn_begin();
    const sp_cell *cell = sp_lstm_cell_new(c.params, "cell",
                                           (sp_rnn_spec){ .input = IN, .hidden = HIDDEN });
    sp_var h = drawn(&c, SP_SHAPE(2, HIDDEN)), m = drawn(&c, SP_SHAPE(2, HIDDEN)), g;
    sp_run run = { .initial = { 2, { h, m } } };

    sp_seq seq = sp_unroll(cell, drawn(&c, SP_SHAPE(0, 2, IN)), &run);
    ck_shape(seq.y, SP_SHAPE(0, 2, HIDDEN));
    ck_close(seq.last.v[0], h, 0, "h");
    ck_close(seq.last.v[1], m, 0, "c");
    ck_assert(sp_grad(sp_sum(seq.last.v[0]), 1, &h, &g, NULL));
    ck_all(g, 1);

    sp_state state = { 0 };
    ck_shape(sp_cell_step(cell, drawn(&c, SP_SHAPE(0, IN)), &state), SP_SHAPE(0, HIDDEN));
    ck_shape(state.v[1], SP_SHAPE(0, HIDDEN));
    no_failure(&c);
    nn_end(&c);
}
END_TEST

START_TEST(embed_linear_and_cross_entropy_of_no_samples_give_0_and_zero_gradients)
{
    nn_case c = nn_begin();
    sp_embed *embed = sp_embed_new(c.params, "embed", 5, IN);
    sp_linear *linear = sp_linear_new(c.params, "linear", IN, 5);
    sp_var index = sp_full(c.tape, SP_I64, SP_SHAPE(3, 0), 0);

    sp_var x = sp_embed_run(embed, index), y = sp_linear_run(linear, x);
    ck_shape(x, SP_SHAPE(3, 0, IN));
    ck_shape(y, SP_SHAPE(3, 0, 5));
    sp_var loss = sp_cross_entropy(y, index);
    ck_assert_msg(sp_backward(loss), "%s", sp_tape_error(c.tape));
    ck_assert_double_eq(sp_item(loss), 0);
    gradients_vanish(c.params, "no samples", false);
    nn_end(&c);
}
END_TEST

START_TEST(a_masked_mean_of_nothing_is_0)
{
    nn_case c = nn_begin();
    sp_var x = drawn(&c, SP_SHAPE(0, 3)), g;
    sp_var y = sp_masked_mean(x, sp_full(c.tape, SP_BOOL, SP_SHAPE(0, 3), 1));

    ck_all(y, 0);
    ck_assert(sp_grad(y, 1, &x, &g, NULL));
    ck_shape(g, SP_SHAPE(0, 3));
    nn_end(&c);
}
END_TEST

/* ---- logits of +-10000 ---- */

enum { T = 4, CLASSES = 4 };

static sp_var target, labels, steps, lengths;        /* one each test */

static sp_var class_loss(sp_var x)    { return sp_cross_entropy(x, target); }
static sp_var softmax_sum(sp_var x)   { return sp_sum(sp_square(sp_softmax(x))); }
static sp_var log_softmax_sum(sp_var x) { return sp_sum(sp_log_softmax(x)); }
static sp_var logsumexp_sum(sp_var x) { return sp_sum(sp_logsumexp(x)); }

static sp_var aligned(sp_var x, bool from_logits)
{
    x = sp_reshape(x, SP_SHAPE(T, 1, CLASSES));
    return sp_ctc(x, labels, steps, lengths, (sp_ctc_spec){ .from_logits = from_logits });
}
static sp_var ctc_of_logits(sp_var x)    { return aligned(x, true); }
static sp_var ctc_of_log_probs(sp_var x) { return aligned(sp_log_softmax(x), false); }

/* A gradient whose norm is at most `most`: by logits that of a loss is one of probabilities. */
static const struct { const char *name; sp_var (*f)(sp_var); double most; } steep[] = {
    { "cross_entropy", class_loss, 2 }, { "softmax", softmax_sum, 8 },
    { "log_softmax", log_softmax_sum, 64 }, { "logsumexp", logsumexp_sum, 8 },
    { "ctc of logits", ctc_of_logits, 8 }, { "ctc of log_probs", ctc_of_log_probs, 8 },
};

/* Each kind of row: far up, far down, and far apart in two orders. */
static const double logits[][T * CLASSES] = {
    { 1e4, 1e4, 1e4, 1e4, 1e4, 9999, 1e4, 9998, 1e4, 1e4, 1e4, 1e4, 1e4, 1e4, 1e4, 1e4 },
    { -1e4, -1e4, -1e4, -1e4, -1e4, -9999, -1e4, -1e4, -1e4, -1e4, -1e4, -1e4, -1e4, -1e4, -1e4,
      -1e4 },
    { 1e4, -1e4, -1e4, -1e4, -1e4, 1e4, -1e4, -1e4, -1e4, -1e4, 1e4, -1e4, -1e4, -1e4, -1e4, 1e4 },
    { -1e4, 0, 1e4, -1e4, 0, 1e4, -1e4, 1e4, 1e4, 0, 0, -1e4, -1e4, -1e4, 1e4, 0 },
};

static void within(sp_var v, const char *what, double most)
{
    const sp_tensor *x = sp_value(v);

    ck_assert_msg(x != NULL, "%s: %s", what, sp_tape_error(v.tape));
    for (int64_t i = 0; i < sp_tensor_size(x); i++)
        ck_assert_msg(fabs(sp_tensor_at(x, i)) <= most, "%s: [%lld] is %g", what, (long long)i,
                      sp_tensor_at(x, i));
}

static void is_finite_at(sp_tape *tape, sp_dtype dtype, const double row[], int f)
{
    sp_tensor *t = sp_tensor_new(dtype, SP_SHAPE(T, CLASSES));

    for (int i = 0; i < T * CLASSES; i++) sp_tensor_set(t, i, row[i]);
    sp_var x = sp_input(tape, t), g, gg;
    sp_tensor_free(t);
    target = sp_full(tape, SP_I64, SP_SHAPE(T), 1);
    labels = sp_full(tape, SP_I64, SP_SHAPE(1, 2), 2);
    steps = sp_full(tape, SP_I64, SP_SHAPE(1), T);
    lengths = sp_full(tape, SP_I64, SP_SHAPE(1), 2);

    sp_var y = steep[f].f(x);
    ck_assert(sp_grad(y, 1, &x, &g, NULL));
    within(y, steep[f].name, 1e6);
    within(g, steep[f].name, steep[f].most);
    ck_assert(sp_grad(sp_sum(sp_square(g)), 1, &x, &gg, NULL));
    within(gg, steep[f].name, 1e3);
    sp_tape_reset(tape);
}

START_TEST(losses_and_their_gradients_of_both_orders_are_finite_at_logits_of_10000)
{
    for (int isa = SP_PORTABLE; isa < SP_N_ISAS; isa++) {
        if (!sp_isa_usable((sp_isa)isa)) continue;
        sp_tape *tape = sp_tape_new(&(sp_tape_spec){ .portable = isa == SP_PORTABLE,
                                                     .isa = (sp_isa)isa });
        for (int f = 0; f < (int)(sizeof steep / sizeof *steep); f++)
            for (int i = 0; i < (int)(sizeof logits / sizeof *logits); i++) {
                is_finite_at(tape, SP_F32, logits[i], f);
                is_finite_at(tape, SP_F64, logits[i], f);
            }
        sp_tape_free(tape);
    }
}
END_TEST

/* By hand: all four equal: log 4; one ahead by 20000: 0 for it, 20000 for the others. */
START_TEST(losses_at_logits_of_10000_are_what_arithmetic_says)
{
    sp_tape *tape = sp_tape_new(NULL);
    sp_tensor *flat = sp_tensor_new(SP_F64, SP_SHAPE(1, 4));
    sp_tensor *one = sp_tensor_from(SP_F64, SP_SHAPE(1, 4), (double[]){ 1e4, -1e4, -1e4, -1e4 });

    for (int i = 0; i < 4; i++) sp_tensor_set(flat, i, -1e4);
    sp_var a = sp_input(tape, flat), b = sp_input(tape, one);
    sp_var at1 = sp_full(tape, SP_I64, SP_SHAPE(1), 1);
    ck_assert_double_eq_tol(sp_item(sp_logsumexp(a)), log(4) - 1e4, 1e-11);
    ck_assert_double_eq_tol(sp_item(sp_cross_entropy(a, at1)), log(4), 1e-11);
    ck_assert_double_eq(sp_item(sp_logsumexp(b)), 1e4);
    ck_assert_double_eq(sp_item(sp_cross_entropy(b, at1)), 2e4);
    ck_assert_double_eq(sp_item(sp_sum(sp_softmax(b))), 1);
    sp_tensor_free(flat);
    sp_tensor_free(one);
    sp_tape_free(tape);
}
END_TEST

int main(void)
{
    TCase *t = tcase_create("special_nn");

    tcase_add_test(t, no_steps_no_samples_or_lengths_of_0_give_zeros_and_zero_gradients);
    tcase_add_test(t, a_cell_runs_no_steps_and_no_samples_and_hands_its_state_on);
    tcase_add_test(t, embed_linear_and_cross_entropy_of_no_samples_give_0_and_zero_gradients);
    tcase_add_test(t, a_masked_mean_of_nothing_is_0);
    tcase_add_test(t, losses_and_their_gradients_of_both_orders_are_finite_at_logits_of_10000);
    tcase_add_test(t, losses_at_logits_of_10000_are_what_arithmetic_says);
    return run_suite("special_nn", t);
}
