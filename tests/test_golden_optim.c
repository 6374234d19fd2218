/* SPDX-License-Identifier: MIT
 *
 * Ten steps of every rule and every clipping against PyTorch's numbers.
 */
#include <check.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "optim/optim.h"
#include "tests/suite.h"

enum { STEPS = 10 };
enum kind { SGD, ADAM, ADAMW, RMSPROP };

/* A run of tests/golden/README.md; `b` are options of the second parameter alone. */
static const struct run {
    const char     *name;
    enum kind       kind;
    sp_sgd_spec     sgd;
    sp_adam_spec    adam;
    sp_rmsprop_spec rms;
    sp_group_spec   b;
} runs[] = {
    { "sgd",                SGD, .sgd = { .lr = .1 } },
    { "sgd_decay",          SGD, .sgd = { .lr = .1, .weight_decay = .05 } },
    { "sgd_momentum",       SGD, .sgd = { .lr = .1, .momentum = .9 } },
    { "sgd_dampening",      SGD, .sgd = { .lr = .1, .momentum = .9, .dampening = .3 } },
    { "sgd_nesterov",       SGD, .sgd = { .lr = .1, .momentum = .9, .nesterov = true } },
    { "sgd_momentum_decay", SGD, .sgd = { .lr = .1, .momentum = .9, .dampening = .3,
                                          .weight_decay = .05 } },
    { "sgd_nesterov_decay", SGD, .sgd = { .lr = .1, .momentum = .9, .nesterov = true,
                                          .weight_decay = .05 } },
    { "sgd_maximize",       SGD, .sgd = { .lr = .1, .momentum = .9, .weight_decay = .05,
                                          .maximize = true } },
    { "adam",               ADAM, .adam = { 0 } },
    { "adam_options",       ADAM, .adam = { .lr = .05, .betas = { .8, .95 }, .eps = 1e-3 } },
    { "adam_decay",         ADAM, .adam = { .lr = .05, .weight_decay = .1 } },
    { "adam_amsgrad",       ADAM, .adam = { .lr = .05, .amsgrad = true } },
    { "adam_amsgrad_decay", ADAM, .adam = { .lr = .05, .amsgrad = true, .weight_decay = .1 } },
    { "adam_maximize",      ADAM, .adam = { .lr = .05, .weight_decay = .1, .maximize = true } },
    { "adamw",              ADAMW, .adam = { 0 } },
    { "adamw_decay",        ADAMW, .adam = { .lr = .05, .weight_decay = .1 } },
    { "adamw_amsgrad",      ADAMW, .adam = { .lr = .05, .weight_decay = .1, .amsgrad = true } },
    { "adamw_maximize",     ADAMW, .adam = { .lr = .05, .weight_decay = .1, .maximize = true } },
    { "rmsprop",            RMSPROP, .rms = { 0 } },
    { "rmsprop_options",    RMSPROP, .rms = { .lr = .02, .alpha = .9, .eps = 1e-3 } },
    { "rmsprop_centered",   RMSPROP, .rms = { .lr = .02, .centered = true } },
    { "rmsprop_momentum",   RMSPROP, .rms = { .lr = .02, .momentum = .9 } },
    { "rmsprop_decay",      RMSPROP, .rms = { .lr = .02, .weight_decay = .1 } },
    { "rmsprop_all",        RMSPROP, .rms = { .lr = .02, .alpha = .9, .centered = true,
                                              .momentum = .9, .weight_decay = .1 } },
    { "groups_sgd",         SGD, .sgd = { .lr = .1, .momentum = .9 },
                                 .b = { .lr = .01, .weight_decay = .05 } },
    { "groups_adamw",       ADAMW, .adam = { .lr = .05, .weight_decay = .1 },
                                   .b = { .lr = .01, .weight_decay = SP_ZERO } },
    { "halved_sgd_nesterov", SGD, .sgd = { .lr = .1, .momentum = .9, .nesterov = true } },
    { "halved_adam",        ADAM, .adam = { .lr = .05 } },
    { "halved_rmsprop_momentum", RMSPROP, .rms = { .lr = .02, .momentum = .9 } },
    { "sgd_nesterov_decay_f32", SGD, .sgd = { .lr = .1, .momentum = .9, .nesterov = true,
                                              .weight_decay = .05 } },
    { "adam_decay_f32",     ADAM, .adam = { .lr = .05, .weight_decay = .1 } },
    { "adamw_decay_f32",    ADAMW, .adam = { .lr = .05, .weight_decay = .1 } },
    { "rmsprop_all_f32",    RMSPROP, .rms = { .lr = .02, .alpha = .9, .centered = true,
                                              .momentum = .9, .weight_decay = .1 } },
};
enum { N_RUNS = sizeof runs / sizeof *runs };

static sp_store *golden;

static void load_golden(void)
{
    const char *source = getenv("SPOOL_SOURCE");
    char path[4096];

    snprintf(path, sizeof path, "%s/tests/golden/optim.safetensors", source ? source : ".");
    golden = sp_store_load(path);
    ck_assert_msg(golden, "%s", sp_error());
}

static void free_golden(void)
{
    sp_store_free(golden);
}

static const sp_tensor *recorded(const char *run, const char *what)
{
    char name[200];

    snprintf(name, sizeof name, "%s.%s", run, what);
    const sp_tensor *x = sp_store_tensor(golden, name);
    ck_assert_msg(x, "%s", sp_error());
    return x;
}

static sp_optim *make(const struct run *r, sp_params *p)
{
    sp_optim *z = r->kind == SGD   ? sp_sgd_new(p, r->sgd)
                : r->kind == ADAM  ? sp_adam_new(p, r->adam)
                : r->kind == ADAMW ? sp_adamw_new(p, r->adam) : sp_rmsprop_new(p, r->rms);
    static const sp_group_spec none;

    ck_assert_msg(z, "%s", sp_error());
    if (memcmp(&r->b, &none, sizeof none) != 0) ck_assert(sp_optim_group(z, "b", r->b));
    return z;
}

static sp_param *add(sp_params *p, const char *name, const sp_tensor *value)
{
    sp_param *x = sp_params_add(p, name, value->shape, (sp_init){ 0 });

    ck_assert_msg(x, "%s", sp_params_error(p));
    for (int64_t i = 0; i < sp_tensor_size(value); i++)
        sp_tensor_set(&x->value, i, sp_tensor_at(value, i));
    return x;
}

static sp_params *two(const sp_tensor *a, const sp_tensor *b, sp_dtype dtype)
{
    sp_params *p = sp_params_new(1);

    ck_assert(sp_params_dtype(p, dtype));
    add(p, "a", a);
    add(p, "b", b);
    return p;
}

/* Give x the gradient of row `step`; a NaN means none. */
static void give(sp_param *x, const sp_tensor *grads, int step)
{
    int64_t n = sp_tensor_size(&x->grad);

    x->has_grad = !isnan(sp_tensor_at(grads, step * n));
    for (int64_t i = 0; i < n; i++)
        sp_tensor_set(&x->grad, i, sp_tensor_at(grads, step * n + i));
}

static void same(const sp_tensor *x, const sp_tensor *rows, int row, double tolerance)
{
    int64_t n = sp_tensor_size(x);

    for (int64_t i = 0; i < n; i++) {
        double y = sp_tensor_at(x, i), want = sp_tensor_at(rows, row * n + i);
        bool equal = isnan(want) ? isnan(y)
                   : y == want || fabs(y - want) <= tolerance * (fabs(want) + 1e-2);
        ck_assert_msg(equal, "row %d, element %d: %.17g, recorded %.17g", row, (int)i, y, want);
    }
}

START_TEST(ten_steps_are_those_of_pytorch)
{
    const struct run *r = &runs[_i];
    bool f32 = strstr(r->name, "_f32"), halved = strstr(r->name, "halved");
    double tolerance = f32 ? 3e-6 : 1e-12;
    sp_params *p = two(recorded("start", "a"), recorded("start", "b"), f32 ? SP_F32 : SP_F64);
    sp_optim *z = make(r, p);
    sp_param *a = sp_params_at(p, 0), *b = sp_params_at(p, 1);

    for (int step = 0; step < STEPS; step++) {
        give(a, recorded("grads", "a"), step);
        give(b, recorded("grads", "b"), step);
        ck_assert(sp_optim_step(z));
        if (halved && step == STEPS / 2 - 1) sp_optim_set_lr(z, sp_optim_lr(z) / 2);
        same(&a->value, recorded(r->name, "a"), step, tolerance);
        same(&b->value, recorded(r->name, "b"), step, tolerance);
    }
    sp_optim_free(z);
    sp_params_free(p);
}
END_TEST

/* `norm` 0: by value. */
static const struct clipping {
    const char *name;
    double most, norm;
} clippings[] = {
    { "clip_norm1", 1, 1 },       { "clip_norm2", 1, 2 }, { "clip_norm3", 1, 3 },
    { "clip_inf", 1, INFINITY },  { "clip_unreached", 100, 2 }, { "clip_zero", 1, 2 },
    { "clip_not_finite", 1, 2 },  { "clip_value", .3, 0 },
};
enum { N_CLIPPINGS = sizeof clippings / sizeof *clippings };

static void give_for(const char *name, sp_params *p)
{
    sp_param *a = sp_params_at(p, 0), *b = sp_params_at(p, 1);

    give(a, recorded("clip", "a"), 0);
    give(b, recorded("clip", "b"), 0);
    if (strcmp(name, "clip_zero") == 0) sp_tensor_fill(&a->grad, 0), sp_tensor_fill(&b->grad, 0);
    if (strcmp(name, "clip_not_finite") == 0) sp_tensor_set(&a->grad, 1 * 4 + 2, INFINITY);
}

START_TEST(clipping_is_that_of_pytorch)
{
    const struct clipping *c = &clippings[_i];
    sp_params *p = two(recorded("clip", "a"), recorded("clip", "b"), SP_F64);
    sp_param *absent = sp_params_add(p, "absent", SP_SHAPE(2), (sp_init){ 0 });

    sp_tensor_fill(&absent->grad, 7);
    give_for(c->name, p);
    if (c->norm > 0) {
        double total = sp_clip_grad_norm_p(p, c->most, c->norm);
        sp_tensor x = { .dtype = SP_F64, .data = &total };
        same(&x, recorded(c->name, "total"), 0, 1e-12);
    } else {
        ck_assert(sp_clip_grad_value(p, c->most));
    }
    same(&sp_params_at(p, 0)->grad, recorded(c->name, "a"), 0, 1e-12);
    same(&sp_params_at(p, 1)->grad, recorded(c->name, "b"), 0, 1e-12);
    ck_assert(sp_tensor_at(&absent->grad, 0) == 7 && !absent->has_grad);
    sp_params_free(p);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("golden_optim");
    TCase *t = tcase_create("golden");

    tcase_add_unchecked_fixture(t, load_golden, free_golden);
    tcase_add_loop_test(t, ten_steps_are_those_of_pytorch, 0, N_RUNS);
    tcase_add_loop_test(t, clipping_is_that_of_pytorch, 0, N_CLIPPINGS);
    suite_add_tcase(s, t);

    return run_all(s);
}
