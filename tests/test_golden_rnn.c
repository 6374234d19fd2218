/* SPDX-License-Identifier: MIT
 *
 * Recurrent layers against numbers that PyTorch recorded: outputs, final states, every gradient,
 * and for some the gradient of the squared gradients.  What a case is stands in its name and in
 * which tensors it has (tests/golden/README.md).
 */
#include <check.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "autograd/ops.h"
#include "nn/nn.h"
#include "tests/suite.h"

enum { MOST_CASES = 100, MOST_NAMES = 32, NAME = 96, INPUT = 3, HIDDEN = 5, PROJ = 2 };

static sp_store *golden;
static char cases[MOST_CASES][NAME];
static int n_cases;

static const char *path_of(const char *name)
{
    static char path[1024];
    const char *root = getenv("SPOOL_SOURCE");

    snprintf(path, sizeof path, "%s/tests/golden/%s", root ? root : ".", name);
    return path;
}

static void find_cases(void)
{
    const char *name;

    for (int64_t i = 0; (name = sp_store_name(golden, i)); i++) {
        const char *dot = strrchr(name, '.');
        if (!dot || strcmp(dot, ".output") || n_cases == MOST_CASES) continue;
        snprintf(cases[n_cases++], NAME, "%.*s", (int)(dot - name), name);
    }
}

static const sp_tensor *recorded(const char *c, const char *thing)
{
    char name[2 * NAME];

    snprintf(name, sizeof name, "%.90s.%.90s", c, thing);
    return sp_store_has(golden, name) ? sp_store_tensor(golden, name) : NULL;
}

/* ---- a case as a layer and a run ---- */

typedef struct trial {
    const char *name;
    sp_params  *params;
    sp_rnn     *rnn;
    sp_tape    *tape;
    sp_seq      seq;
    sp_var      loss;
    int         n;                            /* what the loss is differentiated by */
    char        by[MOST_NAMES][NAME];
    sp_var      leaf[MOST_NAMES], grad[MOST_NAMES], grad2[MOST_NAMES];
} trial;

static bool says(const trial *r, const char *word) { return strstr(r->name, word) != NULL; }

static void make_layer(trial *r)
{
    sp_rnn_spec spec = { .input = INPUT, .hidden = HIDDEN, .layers = says(r, "_2l") ? 2 : 1,
                         .bidirectional = says(r, "_bi"), .batch_first = says(r, "batch_first"),
                         .no_bias = says(r, "nobias"), .proj = says(r, "proj") ? PROJ : 0 };

    r->params = sp_params_new(1);
    sp_params_dtype(r->params, recorded(r->name, "output")->dtype);
    if (says(r, "relu")) spec.activation = sp_relu;
    spec.reset_before = says(r, "grub");
    r->rnn = says(r, "lstm") ? sp_lstm_new(r->params, "r", spec)
           : says(r, "gru") ? sp_gru_new(r->params, "r", spec) : sp_rnn_new(r->params, "r", spec);
    ck_assert_msg(r->rnn != NULL, "%s: %s", r->name, sp_params_error(r->params));
}

static sp_var leaf(trial *r, const char *thing, sp_var v)
{
    snprintf(r->by[r->n], NAME, "%s", thing);
    return r->leaf[r->n++] = v;
}

static void set_params(trial *r)
{
    for (int64_t i = 0; i < sp_params_count(r->params); i++) {
        sp_param *p = sp_params_at(r->params, i);
        const char *thing = p->name + 2;
        ck_assert_msg(recorded(r->name, thing) != NULL, "%s has no %s", r->name, thing);
        ck_assert_msg(sp_param_set(p, recorded(r->name, thing)), "%s", sp_error());
        leaf(r, thing, sp_use(r->tape, p));
    }
}

static sp_var given(trial *r, const char *thing)
{
    const sp_tensor *x = recorded(r->name, thing);

    return x ? sp_input(r->tape, x) : (sp_var){ 0 };
}

static sp_var weighed(trial *r, const char *weights, sp_var v)
{
    return sp_sum(sp_mul(v, sp_input(r->tape, recorded(r->name, weights))));
}

static void run_layer(trial *r)
{
    sp_run run = { .lengths = given(r, "lengths"), .mask = given(r, "mask"),
                   .reset = given(r, "reset") };
    sp_var x = leaf(r, "x", given(r, "x"));

    if (recorded(r->name, "h0")) run.initial.v[0] = leaf(r, "h0", given(r, "h0"));
    if (recorded(r->name, "c0")) run.initial.v[1] = leaf(r, "c0", given(r, "c0"));
    r->seq = sp_rnn_run(r->rnn, x, &run);
    r->loss = sp_add(weighed(r, "w_y", r->seq.y), weighed(r, "w_h", r->seq.last.v[0]));
    if (says(r, "lstm")) r->loss = sp_add(r->loss, weighed(r, "w_c", r->seq.last.v[1]));
}

static trial trial_of(int i)
{
    trial r = { .name = cases[i], .tape = sp_tape_new(NULL) };

    make_layer(&r);
    set_params(&r);
    run_layer(&r);
    ck_assert_msg(sp_grad(r.loss, r.n, r.leaf, r.grad, NULL), "%s: %s", r.name,
                  sp_tape_error(r.tape));
    return r;
}

static void done(trial *r)
{
    sp_tape_free(r->tape);
    sp_params_free(r->params);
}

/* ---- comparing ---- */

static bool near(double is, double due, sp_dtype dtype, double tolerance)
{
    if (dtype == SP_F32) return fabs(is - due) <= 1e-5 + 1e-4 * fabs(due);
    return fabs(is - due) <= tolerance * fmax(1, fabs(due));
}

static void compare(const trial *r, const char *thing, sp_var v, double tolerance)
{
    const sp_tensor *due = recorded(r->name, thing), *is = sp_value(v);

    ck_assert_msg(is != NULL, "%s.%s: %s", r->name, thing, sp_tape_error(r->tape));
    ck_assert_msg(due != NULL, "%s.%s was not recorded", r->name, thing);
    ck_assert_msg(sp_shape_equal(is->shape, due->shape), "%s.%s: the shape differs", r->name,
                  thing);
    for (int64_t i = 0; i < sp_tensor_size(due); i++)
        ck_assert_msg(near(sp_tensor_at(is, i), sp_tensor_at(due, i), due->dtype, tolerance),
                      "%s.%s[%lld] is %.17g, recorded %.17g", r->name, thing, (long long)i,
                      sp_tensor_at(is, i), sp_tensor_at(due, i));
}

static void compare_grads(const trial *r, const char *prefix, const sp_var grad[], double tolerance)
{
    char thing[2 * NAME];

    for (int i = 0; i < r->n; i++) {
        snprintf(thing, sizeof thing, "%.90s.%.90s", prefix, r->by[i]);
        compare(r, thing, grad[i], tolerance);
    }
}

START_TEST(outputs_and_final_states_are_those_recorded)
{
    if (_i >= n_cases) return;
    trial r = trial_of(_i);

    compare(&r, "output", r.seq.y, 1e-10);
    compare(&r, "h_n", r.seq.last.v[0], 1e-10);
    if (says(&r, "lstm")) compare(&r, "c_n", r.seq.last.v[1], 1e-10);
    compare(&r, "loss", r.loss, 1e-10);
    done(&r);
}
END_TEST

START_TEST(every_gradient_is_the_one_recorded)
{
    if (_i >= n_cases) return;
    trial r = trial_of(_i);

    compare_grads(&r, "grad", r.grad, 1e-9);
    done(&r);
}
END_TEST

START_TEST(second_derivatives_are_those_recorded)
{
    if (_i >= n_cases || !recorded(cases[_i], "sqnorm")) return;
    trial r = trial_of(_i);
    sp_var norm = sp_sum(sp_square(r.grad[0]));

    for (int i = 1; i < r.n; i++) norm = sp_add(norm, sp_sum(sp_square(r.grad[i])));
    ck_assert_msg(sp_grad(norm, r.n, r.leaf, r.grad2, NULL), "%s: %s", r.name,
                  sp_tape_error(r.tape));
    compare(&r, "sqnorm", norm, 1e-9);
    compare_grads(&r, "grad2", r.grad2, 1e-9);
    done(&r);
}
END_TEST

START_TEST(the_record_holds_all_kinds_and_second_order)
{
    int second = 0, f32 = 0;

    for (int i = 0; i < n_cases; i++) {
        second += recorded(cases[i], "sqnorm") != NULL;
        f32 += recorded(cases[i], "output")->dtype == SP_F32;
    }
    ck_assert_int_ge(n_cases, 60);
    ck_assert_int_ge(second, 9);
    ck_assert_int_ge(f32, 6);
}
END_TEST

/* ---- a state dict that a user of PyTorch saved ---- */

START_TEST(a_state_dict_of_pytorch_loads_and_answers_as_there)
{
    sp_store *io = sp_store_load(path_of("pytorch_lstm_io.safetensors"));
    sp_params *params = sp_params_new(1), *encoder = sp_params_in(params, "encoder");
    sp_embed *embed = sp_embed_new(params, "embed", 11, 5);
    const sp_rnn_spec spec = { .input = 5, .hidden = 6, .layers = 2 };
    sp_rnn *rnn = sp_lstm_new(encoder, "rnn", spec);
    sp_linear *fc = sp_linear_new(params, "fc", 6, 11);
    sp_tape *tape = sp_tape_new(NULL);

    ck_assert_msg(sp_params_load(params, path_of("pytorch_lstm.safetensors")), "%s", sp_error());
    sp_var x = sp_embed_run(embed, sp_input(tape, sp_store_tensor(io, "x")));
    sp_seq seq = sp_rnn_run(rnn, x, NULL);
    const sp_var is[] = { sp_linear_run(fc, seq.y), seq.last.v[0], seq.last.v[1] };
    const char *names[] = { "y", "h_n", "c_n" };
    for (int k = 0; k < 3; k++) {
        const sp_tensor *v = sp_value(is[k]), *due = sp_store_tensor(io, names[k]);
        ck_assert_msg(v != NULL, "%s", sp_tape_error(tape));
        ck_assert(sp_shape_equal(v->shape, due->shape));
        for (int64_t i = 0; i < sp_tensor_size(due); i++)
            ck_assert_msg(near(sp_tensor_at(v, i), sp_tensor_at(due, i), SP_F32, 0), "%s[%d]",
                          names[k], (int)i);
    }
    sp_tape_free(tape);
    sp_params_free(params);
    sp_store_free(io);
}
END_TEST

static Suite *suite(void)
{
    Suite *s = suite_create("golden_rnn");
    TCase *t = tcase_create("golden");

    tcase_set_timeout(t, 60);
    tcase_add_test(t, the_record_holds_all_kinds_and_second_order);
    tcase_add_loop_test(t, outputs_and_final_states_are_those_recorded, 0, n_cases);
    tcase_add_loop_test(t, every_gradient_is_the_one_recorded, 0, n_cases);
    tcase_add_loop_test(t, second_derivatives_are_those_recorded, 0, n_cases);
    tcase_add_test(t, a_state_dict_of_pytorch_loads_and_answers_as_there);
    suite_add_tcase(s, t);
    return s;
}

int main(void)
{
    golden = sp_store_load(path_of("rnn.safetensors"));
    if (golden) find_cases();
    else fprintf(stderr, "%s\n", sp_error());
    int code = run_all(suite());
    sp_store_free(golden);
    return code;
}
