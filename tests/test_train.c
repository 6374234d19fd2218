/* SPDX-License-Identifier: MIT
 *
 * Training as a whole: ten steps of each optimizer are PyTorch's; a run that was stopped and
 * resumed anywhere has the bits of one that was not; same seed, same bits.
 */
#include <check.h>
#include <unistd.h>
#include "tensor/alloc.h"
#include "tensor/cpu.h"
#include "tests/tiny_lm.h"
#include "tests/suite.h"

enum { STEPS = 10, T = 7, B = 3 };

/* ---- ten steps of each optimizer ---- */

typedef struct rule {
    sp_optim *(*sgd) (sp_params *, sp_sgd_spec);
    sp_optim *(*adam)(sp_params *, sp_adam_spec);
    sp_optim *(*rms) (sp_params *, sp_rmsprop_spec);
    sp_sgd_spec     s;
    sp_adam_spec    a;
    sp_rmsprop_spec r;
} rule;

static sp_optim *make(sp_params *p, const void *options)
{
    const rule *r = options;

    if (r->sgd) return r->sgd(p, r->s);
    return r->adam ? r->adam(p, r->a) : r->rms(p, r->r);
}

static const struct run {
    const char *name, *model;
    double      most;                    /* of the gradient's norm */
    rule        rule;
} runs[] = {
    { "adam",      "lstm", .2,  { .adam = sp_adam_new, .a = { .lr = 2e-3 } } },
    { "adam_fast", "lstm", 1,   { .adam = sp_adam_new, .a = { .lr = 2e-2 } } },
    { "sgd",       "lstm", .1,  { .sgd = sp_sgd_new,
                                  .s = { .lr = .5, .momentum = .9, .nesterov = true } } },
    { "adamw",     "lstm", 1,   { .adam = sp_adamw_new, .a = { .lr = 1e-2, .weight_decay = .1 } } },
    { "rmsprop",   "lstm", 1,   { .rms = sp_rmsprop_new,
                                  .r = { .lr = 2e-3, .momentum = .5, .centered = true } } },
    { "gru_adam",  "gru",  1,   { .adam = sp_adam_new, .a = { .lr = 1e-2 } } },
    { "tied_sgd",  "tied", .25, { .sgd = sp_sgd_new, .s = { .lr = 1, .weight_decay = 1e-3 } } },
};
enum { N_RUNS = sizeof runs / sizeof *runs };

static sp_store *golden;

static void load_golden(void)
{
    const char *source = getenv("SPOOL_SOURCE");
    char path[1024];

    snprintf(path, sizeof path, "%s/tests/golden/training.safetensors", source ? source : ".");
    golden = sp_store_load(path);
    ck_assert_msg(golden != NULL, "%s", sp_error());
}

static void free_golden(void) { sp_store_free(golden); }

static const sp_tensor *recorded(const char *group, const char *suffix, const char *thing)
{
    char name[128];

    snprintf(name, sizeof name, "%s%s.%s", group, suffix, thing);
    const sp_tensor *x = sp_store_tensor(golden, name);
    ck_assert_msg(x != NULL, "%s", sp_error());
    return x;
}

/* The recorded numbers of the start, f32, as values of the collection's dtype. */
static void begin_as_recorded(lm *m, const char *model)
{
    char start[32];

    snprintf(start, sizeof start, "start_%s", model);
    for (int64_t i = 0; i < sp_params_count(m->params); i++) {
        sp_param *p = sp_params_at(m->params, i);
        const sp_tensor *from = recorded(start, "", p->name);
        ck_assert(sp_shape_equal(p->value.shape, from->shape));
        for (int64_t k = 0; k < sp_tensor_size(from); k++)
            sp_tensor_set(&p->value, k, sp_tensor_at(from, k));
        sp_param_changed(p);
    }
}

static void near(const char *run, const char *what, double got, double want, double bound)
{
    ck_assert_msg(fabs(got - want) <= bound * fmax(fabs(want), 1e-3),
                  "%s: %s is %.12g, PyTorch's %.12g", run, what, got, want);
}

static void all_near(const char *run, const char *name, const sp_tensor *x, double bound)
{
    const sp_tensor *want = recorded(run, ".final", name);

    ck_assert_msg(x && sp_shape_equal(x->shape, want->shape), "%s: %s", run, name);
    for (int64_t k = 0; k < sp_tensor_size(x); k++)
        near(run, name, sp_tensor_at(x, k), sp_tensor_at(want, k), bound);
}

static void final_weights_agree(lm *m, const struct run *r)
{
    for (int64_t i = 0; i < sp_params_count(m->params); i++) {
        const sp_param *p = sp_params_at(m->params, i);
        all_near(r->name, p->name, &p->value, 1e-9);
    }
    if (strcmp(r->name, "adam")) return;
    all_near("adam", "h", sp_carry_state(m->carry[0], 0), 1e-9);
    all_near("adam", "c", sp_carry_state(m->carry[0], 1), 1e-9);
}

static void ten_steps(const struct run *r, bool f32)
{
    const char *suffix = f32 ? "_f32" : "";
    const sp_tensor *tokens = sp_store_tensor(golden, "tokens");
    const sp_tensor *losses = recorded(r->name, suffix, "losses");
    const sp_tensor *norms = recorded(r->name, suffix, "norms");
    double bound = f32 ? 1e-4 : 1e-10;
    bool tied = !strcmp(r->model, "tied");
    lm m;

    ck_assert(lm_new(&m, (lm_spec){ .dtype = f32 ? SP_F32 : SP_F64, .gru = !strcmp(r->model, "gru"),
                                    .tied = tied, .vocab = 20, .embed = 8, .hidden = tied ? 12 : 16,
                                    .batch = B, .layers = 2, .optim = make, .options = &r->rule }));
    begin_as_recorded(&m, r->model);
    for (int k = 0; k < STEPS; k++) {
        sp_tensor window = lm_rows(tokens, T * k, T + 1);
        double norm, loss = lm_step(&m, &window, r->most, &norm);
        near(r->name, "a loss", loss, sp_tensor_at(losses, k), bound);
        near(r->name, "a norm", norm, sp_tensor_at(norms, k), 10 * bound);
    }
    if (!f32) final_weights_agree(&m, r);
    lm_free(&m);
}

START_TEST(ten_steps_in_f64_are_those_of_pytorch) { ten_steps(&runs[_i], false); }
END_TEST

START_TEST(ten_steps_in_f32_are_those_of_pytorch) { ten_steps(&runs[_i], true); }
END_TEST

/* ---- a model with everything that could differ between two runs ---- */

static const rule adamw = { .adam = sp_adamw_new, .a = { .lr = 1e-2, .amsgrad = true } };
enum { LONG = 60 };

static const lm_spec usual = { .vocab = 20, .embed = 9, .hidden = 11, .batch = B, .layers = 2,
                               .dropout = .3, .seed = 5, .optim = make, .options = &adamw };

static void begin_with(lm *m, sp_isa isa, bool portable, int threads)
{
    lm_spec spec = usual;

    spec.isa = isa;
    spec.portable = portable;
    spec.threads = threads;
    ck_assert(lm_new(m, spec));
}

/* Ids [n,B] at so many bytes behind a 64-byte boundary, in a block of their own. */
static sp_tensor ids(void *block, int64_t shift, int64_t n)
{
    int32_t *id = (int32_t *)(void *)((char *)block + shift);

    for (int64_t i = 0; i < n * B; i++)
        id[i] = (int32_t)sp_random_below((sp_random){ 3, 0, 0 }, i, 20);
    return (sp_tensor){ SP_I32, SP_SHAPE(n, B), id, true };
}

static double step_at(lm *m, const sp_tensor *tokens, int64_t k)
{
    sp_tensor window = lm_rows(tokens, T * k, T + 1);
    double loss = lm_step(m, &window, .5, NULL);
    ck_assert(isfinite(loss));
    return loss;
}

/* ---- resume ---- */

typedef struct trace { double loss[LONG]; uint64_t bits[LONG]; } trace;

static void follow(lm *m, const sp_tensor *tokens, int64_t from, int64_t to, trace *t)
{
    for (int64_t k = from; k < to; k++) {
        t->loss[k] = step_at(m, tokens, k);
        t->bits[k] = lm_bits(m);
    }
}

static const char *checkpoint(void)
{
    static char path[1024];
    const char *build = getenv("SPOOL_BUILD");

    snprintf(path, sizeof path, "%s/train-%ld.safetensors", build ? build : ".", (long)getpid());
    return path;
}

/* Everything that lived is thrown away; objects of another seed are made and filled. */
static void die_and_resume(lm *m, int64_t step)
{
    ck_assert_msg(lm_save(m, checkpoint()), "%s", sp_error());
    uint64_t bits = lm_bits(m);
    lm_free(m);
    lm_spec spec = m->spec;
    spec.seed = 1000 + (uint64_t)step;
    ck_assert(lm_new(m, spec));
    ck_assert_msg(lm_load(m, checkpoint()), "%s", sp_error());
    ck_assert(lm_bits(m) == bits);
}

START_TEST(a_resumed_run_has_the_bits_of_an_uninterrupted_one)
{
    void *block = sp_alloc((LONG * T + 1) * B * 4);
    sp_tensor tokens = ids(block, 0, LONG * T + 1);
    trace whole, parts;
    lm m;

    begin_with(&m, 0, false, 0);
    follow(&m, &tokens, 0, LONG, &whole);
    lm_free(&m);

    begin_with(&m, 0, false, 0);
    int64_t at = 0;
    for (int kill = 0; kill < 20; kill++) {      /* 20 places, one in each stretch of three steps */
        int64_t next = 3 * kill + sp_random_below((sp_random){ 11, 0, 0 }, kill, 3);
        follow(&m, &tokens, at, next, &parts);
        die_and_resume(&m, next);
        at = next;
    }
    follow(&m, &tokens, at, LONG, &parts);
    lm_free(&m);
    unlink(checkpoint());
    sp_release(block);
    for (int k = 0; k < LONG; k++)
        ck_assert_msg(!memcmp(&whole.loss[k], &parts.loss[k], 8) && whole.bits[k] == parts.bits[k],
                      "step %d: the loss is %.9g, uninterrupted %.9g", k, parts.loss[k],
                      whole.loss[k]);
}
END_TEST

/* ---- same seed, same bits ---- */

static uint64_t bits_after(int steps, int64_t shift, int threads)
{
    void *block = sp_alloc(64 + (LONG * T + 1) * B * 4);
    sp_tensor tokens = ids(block, shift, LONG * T + 1);
    lm m;

    begin_with(&m, 0, false, threads);
    for (int k = 0; k < steps; k++) step_at(&m, &tokens, k);
    uint64_t bits = lm_bits(&m);
    lm_free(&m);
    sp_release(block);
    return bits;
}

START_TEST(same_seed_same_bits)
{
    uint64_t bits = bits_after(LONG, 0, 1);
    void *between[20];

    for (int i = 0; i < 20; i++) {               /* other blocks move everything to other places */
        between[i] = sp_alloc(64 + 1000 * i);
        ck_assert(bits_after(LONG, 4 * (i % 16), 1 + i % 4) == bits);
    }
    for (int i = 0; i < 20; i++) sp_release(between[i]);
}
END_TEST

/* The gradient of an LSTM's outputs by its weights, for x that begins so many bytes behind a
   64-byte boundary. */
static uint64_t gradient_bits(sp_params *params, sp_rnn *rnn, char *block, int64_t shift)
{
    float *x = (float *)(void *)(block + shift);
    sp_tape *tape = sp_tape_new(NULL);
    uint64_t bits = 0;

    for (int i = 0; i < T * B * 5; i++) x[i] = (float)sp_random_normal((sp_random){ 1, 2, 0 }, i);
    sp_tensor borrowed = { SP_F32, SP_SHAPE(T, B, 5), x, true };
    sp_params_drop_grads(params);
    sp_var y = sp_rnn_run(rnn, sp_borrow(tape, &borrowed), NULL).y;
    ck_assert(sp_backward(sp_sum(sp_square(y))));
    for (int64_t i = 0; i < sp_params_count(params); i++) {
        const sp_tensor *g = &sp_params_at(params, i)->grad;
        bits = sp_hash(bits, g->data, sp_tensor_bytes(g));
    }
    sp_tape_free(tape);
    return bits;
}

START_TEST(bits_do_not_depend_on_where_data_begin)
{
    sp_params *params = sp_params_new(1);
    sp_rnn_spec spec = { .input = 5, .hidden = 17, .layers = 2 };
    sp_rnn *rnn = sp_lstm_new(params, "lstm", spec);
    char *block = sp_alloc(64 + T * B * 5 * 4);
    uint64_t bits = gradient_bits(params, rnn, block, 0);

    for (int64_t shift = 4; shift < 64; shift += 4)
        ck_assert_msg(gradient_bits(params, rnn, block, shift) == bits, "shifted by %d",
                      (int)shift);
    sp_release(block);
    sp_params_free(params);
}
END_TEST

/* ---- instruction sets ---- */

static void params_agree(const sp_param *a, const sp_param *b)
{
    for (int64_t k = 0; k < sp_tensor_size(&a->value); k++) {
        double x = sp_tensor_at(&a->value, k), y = sp_tensor_at(&b->value, k);
        ck_assert_msg(fabs(x - y) <= 1e-5, "%s[%d]: %.9g, portable %.9g", a->name, (int)k, y, x);
    }
}

START_TEST(instruction_sets_agree_after_a_step)
{
    void *block = sp_alloc((T + 1) * B * 4);
    sp_tensor tokens = ids(block, 0, T + 1);
    lm a, b;

    begin_with(&a, 0, true, 0);
    double portable = step_at(&a, &tokens, 0);
    for (int isa = SP_PORTABLE + 1; isa < SP_N_ISAS; isa++) {
        if (!sp_isa_usable((sp_isa)isa)) continue;
        begin_with(&b, (sp_isa)isa, false, 0);
        double loss = step_at(&b, &tokens, 0);
        ck_assert_msg(fabs(loss - portable) <= 1e-5 * portable, "%s: %.9g, portable %.9g",
                      sp_isa_name((sp_isa)isa), loss, portable);
        for (int64_t i = 0; i < sp_params_count(a.params); i++)
            params_agree(sp_params_at(a.params, i), sp_params_at(b.params, i));
        lm_free(&b);
    }
    lm_free(&a);
    sp_release(block);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("train");
    TCase *t = tcase_create("pytorch"), *bits = tcase_create("bits");

    tcase_add_unchecked_fixture(t, load_golden, free_golden);
    tcase_add_loop_test(t, ten_steps_in_f64_are_those_of_pytorch, 0, N_RUNS);
    tcase_add_loop_test(t, ten_steps_in_f32_are_those_of_pytorch, 0, N_RUNS);
    suite_add_tcase(s, t);
    tcase_set_timeout(bits, 60);
    tcase_add_test(bits, a_resumed_run_has_the_bits_of_an_uninterrupted_one);
    tcase_add_test(bits, same_seed_same_bits);
    tcase_add_test(bits, bits_do_not_depend_on_where_data_begin);
    tcase_add_test(bits, instruction_sets_agree_after_a_step);
    suite_add_tcase(s, bits);

    return run_all(s);
}
