/* SPDX-License-Identifier: MIT
 *
 * Runs along time with checkpoints: the same bits for every cell, stack and option; memory
 * at every step.
 */
#include "tests/outcome.h"

enum { I = 3, H = 4, B = 2 };

/* One training step of a stack: kind, sizes, what the run is given. */
typedef struct plan {
    int           kind, T, layers;
    bool          both, marks, reverse, carry, each;
    sp_checkpoint checkpoint;
    bool          outer;                 /* in a region of the caller's */
} plan;

static sp_var marks_of(nn_case *c, int T, int step)
{
    int on[2 * 64];

    for (int i = 0; i < 2 * T; i++) on[i] = (i + 1) % step == 0;
    return sp_reshape(integers(c, SP_I32, SP_SHAPE(2 * T), on), SP_SHAPE(T, 2));
}

static outcome trained(const plan *p)
{
    nn_case c = nn_begin();
    const bool marked = p->marks;
    sp_rnn *r = stack_of(c.params, p->kind, (sp_rnn_spec){ .input = I, .hidden = H,
                         .layers = p->layers, .bidirectional = p->both, .dropout = .25 });
    sp_param *in = sp_params_add(c.params, "x", SP_SHAPE(p->T, B, I), sp_init_normal(0, 1));
    sp_carry *carry = p->carry ? sp_carry_new(r, B) : NULL;
    sp_run run = { .reverse = p->reverse, .checkpoint = p->checkpoint, .carry = carry };
    outcome o = { 0 };

    if (marked) {
        run.lengths = INTEGERS(&c, p->T, p->T - 2);
        run.reset = marks_of(&c, p->T, 9);
    }
    if (p->outer) sp_region_enter(c.tape);
    sp_seq seq = sp_rnn_run(r, sp_use(c.tape, in), &run);
    if (p->outer) sp_region_leave(c.tape);
    sp_var loss = sp_sum(sp_square(seq.last.v[0]));
    if (p->each) loss = sp_add(loss, sp_sum(sp_tanh(seq.y)));
    ck_assert_msg(sp_backward(loss), "%s", sp_tape_error(c.tape));
    o.stats = sp_stats(c.tape);
    note_gradients(&o, c.params);
    note(&o, sp_value(loss));
    note(&o, sp_value(seq.last.v[0]));
    note(&o, sp_value(seq.each.v[0]));
    if (carry) ck_assert(sp_carry_keep(carry, &seq));
    no_failure(&c);
    sp_carry_free(carry);
    nn_end(&c);
    return o;
}

/* The plan with and without checkpoints. */
static void ck_plan(plan p, const char *what)
{
    const int T = p.T;
    const sp_checkpoint all[] = { { SP_EVERY, 1 }, { SP_EVERY, 3 }, { SP_EVERY, 7 },
                                  { SP_EVERY, T }, { SP_EVERY, 2 * T }, { SP_SQRT, 0 } };
    outcome plain = trained(&p);

    ck_assert_int_eq(plain.stats.recomputed, 0);
    for (size_t i = 0; i < 2 * sizeof all / sizeof *all; i++) {
        p.checkpoint = all[i / 2];
        p.outer = i % 2;
        outcome o = trained(&p);
        ck_same(&plain, &o, what);
        ck_assert_int_gt(o.stats.recomputed, 0);
        forget(&o);
    }
    forget(&plain);
}

START_TEST(every_kind_of_cell_has_the_same_bits_for_every_k)
{
    ck_plan((plan){ .kind = _i, .T = 13, .layers = 1 }, "cell");
    ck_plan((plan){ .kind = _i, .T = 13, .layers = 1, .each = true }, "cell, loss on each");
}
END_TEST

START_TEST(stacks_with_dropout_lengths_resets_and_directions_have_the_same_bits)
{
    ck_plan((plan){ .kind = _i, .T = 10, .layers = 2, .both = true, .marks = true, .each = true },
            "stack");
    ck_plan((plan){ .kind = _i, .T = 10, .layers = 2, .reverse = true, .marks = true },
            "stack in reverse");
    ck_plan((plan){ .kind = _i, .T = 10, .layers = 2, .carry = true, .marks = true },
            "stack with a carry");
}
END_TEST

/* ---- memory ---- */

enum { STEPS = 4096, WIDE = 16 };

/* A long LSTM, loss on the last state; the peak of its step, x not counted. */
static outcome long_run(sp_checkpoint checkpoint, int64_t *peak)
{
    nn_case c = nn_begin();
    sp_rnn *r = sp_lstm_new(c.params, "r", (sp_rnn_spec){ .input = I, .hidden = WIDE });
    sp_var x = drawn(&c, SP_SHAPE(STEPS, B, I));
    const int64_t before = sp_stats(c.tape).live_bytes;
    sp_run run = { .checkpoint = checkpoint };
    sp_seq seq = sp_rnn_run(r, x, &run);
    outcome o = { 0 };

    ck_assert_msg(sp_backward(sp_sum(sp_square(seq.last.v[0]))), "%s", sp_tape_error(c.tape));
    *peak = sp_stats(c.tape).peak_bytes - before;
    o.stats = sp_stats(c.tape);
    note_gradients(&o, c.params);
    nn_end(&c);
    return o;
}

START_TEST(four_thousand_steps_take_a_sixteenth_of_the_memory_or_what_they_are_given)
{
    int64_t all, peak;
    outcome plain = long_run((sp_checkpoint){ SP_KEEP_ALL, 0 }, &all), o;
    const int percent[] = { 5, 10, 30, 80 };

    o = long_run((sp_checkpoint){ SP_SQRT, 0 }, &peak);
    ck_same(&plain, &o, "sqrt");
    ck_assert_msg(peak <= all * 6 / 100, "%lld of %lld", (long long)peak, (long long)all);
    forget(&o);
    for (int i = 0; i < 4; i++) {
        const int64_t budget = all * percent[i] / 100;
        o = long_run((sp_checkpoint){ SP_BUDGET, budget }, &peak);
        ck_same(&plain, &o, "budget");
        ck_assert_msg(peak <= budget, "%lld of %lld", (long long)peak, (long long)budget);
        forget(&o);
    }
    o = long_run((sp_checkpoint){ SP_BUDGET, 4 * all }, &peak);
    ck_assert_int_eq(o.stats.recomputed, 0);                 /* there is room for everything */
    forget(&o);
    forget(&plain);
}
END_TEST

/* The peak beyond x of one step of a stack; loss on the last state. */
static int64_t peak_of(const sp_rnn_spec *spec, int T, bool masked, int keep_at,
                       sp_checkpoint checkpoint)
{
    nn_case c = nn_begin();
    sp_rnn *r = sp_lstm_new(c.params, "r", *spec);
    sp_carry *carry = sp_carry_new(r, B);
    sp_var x = drawn(&c, SP_SHAPE(T, B, spec->input));
    sp_run run = { .checkpoint = checkpoint, .carry = carry, .keep_at = keep_at };

    if (masked) run.lengths = INTEGERS(&c, T, T - 7);
    const int64_t before = sp_stats(c.tape).live_bytes;
    sp_seq seq = sp_rnn_run(r, x, &run);
    ck_assert_msg(sp_backward(sp_sum(sp_square(seq.last.v[0]))), "%s", sp_tape_error(c.tape));
    const int64_t peak = sp_stats(c.tape).peak_bytes - before, computed = sp_stats(c.tape).computed;
    if (keep_at) {
        ck_assert_msg(sp_carry_keep_at(carry, &seq, keep_at), "%s", sp_error());
        ck_assert_int_eq(sp_stats(c.tape).computed, computed);
    }
    sp_carry_free(carry);
    nn_end(&c);
    return peak;
}

START_TEST(a_place_that_a_carry_takes_costs_its_state_alone)
{
    const sp_checkpoint root = { SP_SQRT, 0 };
    for (int layers = 1; layers < 3; layers++) {
        const sp_rnn_spec spec = { .input = I, .hidden = WIDE, .layers = layers };
        int64_t plain = peak_of(&spec, 400, false, 0, root);
        int64_t kept = peak_of(&spec, 400, false, 200, root);
        const int64_t states = 2 * 2 * layers * B * WIDE * (int64_t)sizeof(double);
        ck_assert_msg(kept <= plain + states, "%lld, and without it %lld", (long long)kept,
                      (long long)plain);
    }
}
END_TEST

/* A wide x, so that a second one would show. */
START_TEST(a_budget_holds_with_lengths_too)
{
    const sp_rnn_spec spec = { .input = 256, .hidden = H };
    int64_t all = peak_of(&spec, 100, true, 0, (sp_checkpoint){ SP_KEEP_ALL, 0 });
    int64_t gradients = 8 * 4 * H * (spec.input + H + 2);

    for (int percent = 15; percent <= 90; percent += 25) {
        const int64_t budget = all * percent / 100;
        int64_t peak = peak_of(&spec, 100, true, 0, (sp_checkpoint){ SP_BUDGET, budget });
        ck_assert_msg(peak <= budget + gradients, "%lld of %lld", (long long)peak,
                      (long long)budget);
    }
}
END_TEST

START_TEST(a_checkpoint_that_cannot_be_is_told)
{
    nn_case c = nn_begin();
    sp_rnn *r = sp_lstm_new(c.params, "r", (sp_rnn_spec){ .input = I, .hidden = H });
    const struct { sp_checkpoint c; const char *says; int T; } wrong[] = {
        { { SP_EVERY, 0 }, "unroll: the checkpoint's n is 0 steps, should be 1 or more (in r)",
          7 },
        { { SP_BUDGET, -5 }, "n is -5 bytes, should be 1 or more", 7 },
        { { SP_BUDGET, 100 }, "unroll: the checkpoint's budget is 100 bytes; in parts of 1 st", 7 },
        { { SP_BUDGET, 1 }, "unroll: the checkpoint's budget is 1 bytes", 1 },
        { { (sp_checkpoint_kind)9, 0 }, "there is no checkpoint kind 9", 7 },
    };

    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        sp_run run = { .checkpoint = wrong[i].c };
        sp_var x = drawn(&c, SP_SHAPE(wrong[i].T, B, I));
        sp_seq seq = sp_rnn_run(r, x, &run);
        ck_assert(sp_is_nothing(seq.y));
        failed_with(&c, wrong[i].says);
        sp_tape_reset(c.tape);
    }
    nn_end(&c);
}
END_TEST

int main(void)
{
    TCase *t = tcase_create("checkpoint");

    tcase_add_loop_test(t, every_kind_of_cell_has_the_same_bits_for_every_k, 0, N_KINDS);
    tcase_add_loop_test(
        t, stacks_with_dropout_lengths_resets_and_directions_have_the_same_bits, 0, N_KINDS);
    tcase_add_test(
        t, four_thousand_steps_take_a_sixteenth_of_the_memory_or_what_they_are_given);
    tcase_add_test(t, a_place_that_a_carry_takes_costs_its_state_alone);
    tcase_add_test(t, a_budget_holds_with_lengths_too);
    tcase_add_test(t, a_checkpoint_that_cannot_be_is_told);
    return run_suite("checkpoint", t);
}
