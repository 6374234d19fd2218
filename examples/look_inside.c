/* SPDX-License-Identifier: MIT
 *
 * look_inside - a cell of your own, looked at while it learns.
 *
 * The trace shows, step by step, how much of the gradient is left on its way back.  Then the
 * recording is drawn (look_inside.dot, for Graphviz) and timed (look_inside.json, for Perfetto).
 */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include <spool.h>

enum { T = 12, B = 8, HIDDEN = 16, STEPS = 20 };

typedef struct simple { sp_cell cell; sp_linear *in, *back; } simple;

static sp_var simple_step(const sp_cell *cell, sp_var x, sp_state *state)
{
    const simple *s = (const simple *)cell;
    sp_var a = sp_add(sp_linear_run(s->in, x), sp_linear_run(s->back, state->v[0]));

    return state->v[0] = sp_named(sp_tanh(a), "candidate");
}

static simple simple_new(sp_params *params)
{
    simple s = { .in = sp_linear_new(params, "in", 1, HIDDEN),
                 .back = sp_linear_new(params, "back", HIDDEN, HIDDEN) };

    s.cell = (sp_cell){ .kind = "simple", .input = SP_SHAPE(1), .output = SP_SHAPE(HIDDEN),
                        .n_states = 1, .state = { SP_SHAPE(HIDDEN) }, .step = simple_step };
    return s;
}

/* To say the first number of the sequence at its end. */
static sp_var loss_of(const simple *s, sp_linear *head, sp_tape *tape, const sp_tensor *x)
{
    sp_var in = sp_input(tape, x);
    sp_seq seq = sp_unroll(&s->cell, in, NULL);

    return sp_mse(sp_linear_run(head, seq.last.v[0]), sp_select(in, 0, 0));
}

static void show(const sp_trace *r)
{
    printf("step     |h|   |dL/dh|   |dh'/dh|  share of dU  saturated\n");
    for (int64_t t = 0; t < r->T; t++) {
        double share = NAN;
        for (int w = 0; w < r->n_weights; w++)
            if (strcmp(r->weight_name[w], "back.weight") == 0) share = r->share[w][t];
        printf("%4lld  %6.3f  %8.2e  %9.3f  %10.1f%%  %8.1f%%\n", (long long)t, r->state[0][t],
               r->grad[0][t], r->jacobian[t], 100 * share, 100 * r->full[0][t]);
    }
}

static bool look(const simple *s, sp_linear *head, sp_tape *tape, const sp_tensor *x)
{
    sp_var loss = loss_of(s, head, tape, x);
    sp_trace *r = sp_trace_new(loss, NULL);
    char line[300];

    if (r) show(r);
    sp_trace_free(r);
    bool ok = r && sp_tape_write(tape, SP_SHOW_DOT, "look_inside.dot") && sp_backward(loss)
           && sp_tape_write(tape, SP_SHOW_TRACE, "look_inside.json");
    sp_var last = sp_find_grad(tape, "step 11/h");
    if (ok) printf("|dL/dh| after the last step, by name: %.2e\n",
                   sqrt(sp_item(sp_sum(sp_square(last)))));
    sp_stats_text(tape, line, sizeof line);
    printf("%s\n", line);
    return ok;
}

int main(void)
{
    sp_params *params = sp_params_new(1);
    simple s = simple_new(params);
    sp_linear *head = sp_linear_new(params, "head", HIDDEN, 1);
    sp_optim *adam = sp_adam_new(params, (sp_adam_spec){ .lr = 1e-2 });
    sp_tape *tape = sp_tape_new(&(sp_tape_spec){ .trace = true, .anomaly = SP_ANOMALY_NAN_INF });
    sp_tensor *x = sp_tensor_new(SP_F32, SP_SHAPE(T, B, 1));
    bool ok = adam && tape && x && sp_tensor_uniform(x, (sp_random){ .seed = 2 }, -1, 1);

    for (int i = 0; ok && i < STEPS; i++) {
        ok = sp_backward(loss_of(&s, head, tape, x)) && sp_optim_step(adam);
        sp_tape_reset(tape);
    }
    ok = ok && look(&s, head, tape, x);
    if (!ok) fprintf(stderr, "%s\n", sp_error());
    sp_tensor_free(x);
    sp_tape_free(tape);
    sp_optim_free(adam);
    sp_params_free(params);
    return ok ? 0 : 1;
}
