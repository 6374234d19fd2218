/* SPDX-License-Identifier: MIT
 *
 * Runs along time with checkpoints: the same bits for every cell, stack and option; memory; hooks
 * at every step.
 */
#include "outcome.h"

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

int main(void)
{
    TCase *t = tcase_create("checkpoint");

    tcase_add_loop_test(t, every_kind_of_cell_has_the_same_bits_for_every_k, 0, N_KINDS);
    tcase_add_loop_test(
        t, stacks_with_dropout_lengths_resets_and_directions_have_the_same_bits, 0, N_KINDS);
    return run_suite("checkpoint", t);
}
