/* SPDX-License-Identifier: MIT
 *
 * Options of optimizers: their range, their usual values, and groups by name.
 */
#include "tests/optim_samples.h"

static sp_optim *sgd(sp_params *p, sp_sgd_spec s) { return sp_sgd_new(p, s); }

START_TEST(options_out_of_range_are_refused_in_a_sentence)
{
    static const struct { sp_sgd_spec sgd; const char *says; } bad[] = {
        { { .lr = -1 }, "sgd: lr is -1, not a number from 0 on" },
        { { .lr = NAN }, "lr is" }, { { .lr = INFINITY }, "lr is inf" },
        { { .weight_decay = -1 }, "weight_decay is -1" },
        { { .momentum = -0.5 }, "momentum is -0.5" },
        { { .dampening = NAN }, "dampening" },
        { { .nesterov = true }, "nesterov needs momentum and no dampening; they are 0 and 0" },
        { { .nesterov = true, .momentum = 0.9, .dampening = 0.1 }, "they are 0.9 and 0.1" },
    };
    sp_params *p = sample(SP_F32);

    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        ck_assert_ptr_null(sgd(p, bad[i].sgd));
        says(sp_error(), bad[i].says);
    }
    ck_assert_ptr_null(sp_adam_new(p, (sp_adam_spec){ .betas = { 1 } }));
    says(sp_error(), "adam: betas[0] is 1, not a number from 0 on and below 1");
    ck_assert_ptr_null(sp_adamw_new(p, (sp_adam_spec){ .betas = { 0, -1 } }));
    says(sp_error(), "betas[1] is -1");
    ck_assert_ptr_null(sp_adam_new(p, (sp_adam_spec){ .eps = -1 }));
    ck_assert_ptr_null(sp_rmsprop_new(p, (sp_rmsprop_spec){ .alpha = -1 }));
    ck_assert_ptr_null(sp_rmsprop_new(p, (sp_rmsprop_spec){ .eps = NAN }));
    ck_assert_ptr_null(sp_rmsprop_new(p, (sp_rmsprop_spec){ .momentum = -1 }));
    sp_params_free(p);
}
END_TEST

START_TEST(without_a_sound_collection_there_is_no_optimizer)
{
    sp_params *p = sample(SP_F32);
    sp_optim *z = sp_sgd_new(p, (sp_sgd_spec){ 0 });

    ck_assert_ptr_null(sp_sgd_new(NULL, (sp_sgd_spec){ 0 }));
    says(sp_error(), "out of memory");
    sp_params_fail(p, "the layer has no input");
    ck_assert_ptr_null(sp_adam_new(p, (sp_adam_spec){ 0 }));
    says(sp_error(), "adam: there are no parameters: the layer has no input");
    give_all(p, 0, 1);
    ck_assert(!sp_optim_step(z) && sp_params_at(p, 0)->version == 0);
    says(sp_error(), "the layer has no input");
    ck_assert(!sp_optim_step(NULL) && !sp_optim_set_lr(NULL, 1) && isnan(sp_optim_lr(NULL)));
    ck_assert(!sp_optim_group(NULL, "*", (sp_group_spec){ 0 }));
    done(p, z);
}
END_TEST

START_TEST(zero_means_the_usual_and_sp_zero_means_zero)
{
    sp_params *p = sample(SP_F32), *q = sample(SP_F32);
    sp_optim *z = sp_adamw_new(p, (sp_adam_spec){ .weight_decay = SP_ZERO });
    sp_optim *w =
        sp_adam_new(q, (sp_adam_spec){ .lr = 1e-3, .betas = { 0.9, 0.999 }, .eps = 1e-8 });

    for (int step = 0; step < 5; step++) {
        give_all(p, step, 1);
        give_all(q, step, 1);
        ck_assert(sp_optim_step(z) && sp_optim_step(w));
    }
    ck_assert(same_values(p, q));
    done(p, z);
    done(q, w);
}
END_TEST

START_TEST(a_rate_of_zero_moves_nothing)
{
    const rule *r = &rules[_i];
    sp_params *p = sample(SP_F32), *q = sample(SP_F32);
    sp_optim *z = r->make(p, false);

    ck_assert(!sp_optim_set_lr(z, -1) && !sp_optim_set_lr(z, NAN) && sp_optim_lr(z) > 0);
    ck_assert(sp_optim_set_lr(z, 0) && sp_optim_lr(z) == 0);
    give_all(p, 0, 1);
    ck_assert(sp_optim_step(z) && same_values(p, q));
    done(p, z);
    sp_params_free(q);
}
END_TEST

/* ---- groups ---- */

/* By how much each of the first three parameters of p moves under a gradient of one. */
static void moves(sp_params *p, sp_optim *z, double by[3])
{
    for (int i = 0; i < 3; i++) {
        sp_param *x = sp_params_at(p, i);
        by[i] = sp_tensor_at(&x->value, 0);
        sp_tensor_fill(&x->grad, 1);
        x->has_grad = true;
    }
    ck_assert(sp_optim_step(z));
    for (int i = 0; i < 3; i++) by[i] -= sp_tensor_at(&sp_params_at(p, i)->value, 0);
}

static void moves_by(sp_params *p, sp_optim *z, double weight, double bias, double head)
{
    double by[3];

    moves(p, z, by);
    ck_assert_double_eq_tol(by[0], weight, 1e-14);
    ck_assert_double_eq_tol(by[1], bias, 1e-14);
    ck_assert_double_eq_tol(by[2], head, 1e-14);
}

START_TEST(later_patterns_win_option_by_option)
{
    sp_params *p = sample(SP_F64);
    sp_optim *z = sp_sgd_new(p, (sp_sgd_spec){ .lr = 1 });

    moves_by(p, z, 1, 1, 1);
    ck_assert(sp_optim_group(z, "encoder.*", (sp_group_spec){ .lr = 0.5 }));
    moves_by(p, z, 0.5, 0.5, 1);
    ck_assert(sp_optim_group(z, "*.bias", (sp_group_spec){ .lr = 0.25 }));
    moves_by(p, z, 0.5, 0.25, 1);
    ck_assert(sp_optim_group(z, "encoder.*", (sp_group_spec){ .lr = 0.125 }));
    moves_by(p, z, 0.125, 0.25, 1);
    ck_assert(sp_optim_group(z, "*.bias", (sp_group_spec){ .lr = SP_ZERO }));
    moves_by(p, z, 0.125, 0, 1);
    ck_assert(sp_optim_group(z, "*", (sp_group_spec){ .weight_decay = SP_ZERO }));
    moves_by(p, z, 0.125, 0, 1);
    ck_assert(sp_optim_set_lr(z, 2) && sp_optim_lr(z) == 2);
    moves_by(p, z, 0.125, 0, 2);
    done(p, z);
}
END_TEST

START_TEST(a_group_that_is_refused_changes_nothing)
{
    sp_params *p = sample(SP_F64);
    sp_optim *z = sp_sgd_new(p, (sp_sgd_spec){ .lr = 1 });

    ck_assert(sp_optim_group(z, "head", (sp_group_spec){ .lr = 0.5 }));
    ck_assert(!sp_optim_group(z, "haed", (sp_group_spec){ .lr = 2 }));
    ck_assert_str_eq(sp_error(), "no parameter matches the pattern haed");
    ck_assert(!sp_optim_group(z, "head", (sp_group_spec){ .lr = -2 }));
    ck_assert_str_eq(sp_error(), "head: sgd: lr is -2, not a number from 0 on");
    ck_assert(!sp_optim_group(z, "*", (sp_group_spec){ .lr = 3, .weight_decay = -2 }));
    ck_assert(!sp_optim_group(z, "*", (sp_group_spec){ .lr = 3, .alpha = 0.5 }));
    ck_assert_str_eq(sp_error(), "sgd has no option alpha");
    ck_assert(!sp_optim_group(z, NULL, (sp_group_spec){ .lr = 3 }));
    moves_by(p, z, 1, 1, 0.5);
    done(p, z);
}
END_TEST

START_TEST(a_group_may_turn_momentum_on)
{
    sp_params *p = sample(SP_F64);
    sp_optim *z = sp_sgd_new(p, (sp_sgd_spec){ .lr = 1 });

    ck_assert(sp_optim_group(z, "head", (sp_group_spec){ .momentum = 0.5 }));
    moves_by(p, z, 1, 1, 1);
    moves_by(p, z, 1, 1, 1.5);
    moves_by(p, z, 1, 1, 1.75);
    done(p, z);
}
END_TEST

int main(void)
{
    const TTest *const once[] = {
        options_out_of_range_are_refused_in_a_sentence,
        without_a_sound_collection_there_is_no_optimizer,
        zero_means_the_usual_and_sp_zero_means_zero,
        later_patterns_win_option_by_option,
        a_group_that_is_refused_changes_nothing,
        a_group_may_turn_momentum_on,
    };
    const TTest *const each[] = {
        a_rate_of_zero_moves_nothing,
    };

    return run_suite("optim_options", LIST(once), LIST(each), N_RULES);
}
