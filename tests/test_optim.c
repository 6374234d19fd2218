/* SPDX-License-Identifier: MIT
 *
 * Optimizers: which parameters a step moves and by how much where that is known by hand,
 * growing collections, failing memory.
 */
#include "tests/optim_samples.h"

/* ---- a step ---- */

START_TEST(a_step_of_plain_descent_subtracts_the_gradient)
{
    sp_params *p = sample(SP_F64);
    sp_param *x = sp_params_at(p, 0);
    sp_optim *z = sp_sgd_new(p, (sp_sgd_spec){ .lr = 0.5 });

    sp_tensor_fill(&x->value, 3);
    sp_tensor_fill(&x->grad, 2);
    x->has_grad = true;
    ck_assert(sp_optim_step(z));
    for (int64_t i = 0; i < sp_tensor_size(&x->value); i++)
        ck_assert(sp_tensor_at(&x->value, i) == 2);
    done(p, z);
}
END_TEST

START_TEST(momentum_sums_a_constant_gradient_as_a_geometric_series)
{
    sp_params *p = sample(SP_F64);
    sp_param *x = sp_params_at(p, 0);
    sp_optim *z = sp_sgd_new(p, (sp_sgd_spec){ .lr = 0.1, .momentum = 0.9 });

    sp_tensor_fill(&x->value, 0);
    for (int n = 1; n <= 30; n++) {
        sp_tensor_fill(&x->grad, 1);
        x->has_grad = true;
        ck_assert(sp_optim_step(z));
        double moved = 0.1 * (n - 0.9 * (1 - pow(0.9, n)) / 0.1) / 0.1;
        ck_assert_double_eq_tol(sp_tensor_at(&x->value, 3), -moved, 1e-12 * moved);
    }
    done(p, z);
}
END_TEST

START_TEST(adam_moves_by_the_rate_whatever_the_scale_of_a_constant_gradient)
{
    sp_params *p = sample(SP_F64);
    sp_param *x = sp_params_at(p, 0);
    sp_optim *z = sp_adam_new(p, (sp_adam_spec){ .lr = 0.01, .eps = SP_ZERO });

    sp_tensor_fill(&x->value, 0);
    for (int n = 1; n <= 20; n++) {
        for (int64_t i = 0; i < 6; i++) sp_tensor_set(&x->grad, i, pow(-10, (double)i));
        x->has_grad = true;
        ck_assert(sp_optim_step(z));
        for (int64_t i = 0; i < 6; i++)
            ck_assert_double_eq_tol(sp_tensor_at(&x->value, i), (i % 2 ? 0.01 : -0.01) * n, 1e-13);
    }
    done(p, z);
}
END_TEST

START_TEST(decoupled_decay_shrinks_where_there_is_no_slope)
{
    sp_params *p = sample(SP_F64);
    sp_param *x = sp_params_at(p, 0);
    sp_optim *z = sp_adamw_new(p, (sp_adam_spec){ .lr = 0.5, .weight_decay = 0.5 });

    sp_tensor_fill(&x->value, 8);
    sp_tensor_fill(&x->grad, 0);
    x->has_grad = true;
    ck_assert(sp_optim_step(z));
    ck_assert(sp_tensor_at(&x->value, 0) == 6);
    done(p, z);
}
END_TEST

START_TEST(maximizing_is_minimizing_the_negative)
{
    const rule *r = &rules[_i];
    sp_params *p = sample(SP_F32), *q = sample(SP_F32);
    sp_optim *up = r->make(p, true), *down = r->make(q, false);

    for (int step = 0; step < 5; step++) {
        give_all(p, step, 1);
        give_all(q, step, -1);
        ck_assert(sp_optim_step(up) && sp_optim_step(down));
    }
    ck_assert(same_values(p, q));
    done(p, up);
    done(q, down);
}
END_TEST

START_TEST(a_step_uses_the_gradients_up_and_raises_versions)
{
    const rule *r = &rules[_i];
    sp_params *p = sample(SP_F32);
    sp_optim *z = r->make(p, false);
    sp_param *x = sp_params_at(p, 0);

    give_all(p, 0, 1);
    double g = sp_tensor_at(&x->grad, 2);
    uint64_t version = x->version;
    ck_assert(sp_optim_step(z));
    ck_assert(!x->has_grad && sp_tensor_at(&x->grad, 2) == g && x->version > version);
    sp_tensor *moved = sp_tensor_copy(&x->value);
    version = x->version;
    ck_assert(sp_optim_step(z));
    ck_assert(sp_tensor_same(moved, &x->value) && x->version == version);
    sp_tensor_free(moved);
    done(p, z);
}
END_TEST

START_TEST(parameters_without_gradient_or_frozen_are_skipped)
{
    const rule *r = &rules[_i];
    sp_params *p = sample(SP_F32), *alone = sample(SP_F32);
    sp_optim *z = r->make(p, false), *w = r->make(alone, false);
    sp_tensor *head = sp_tensor_copy(&sp_params_find(p, "head")->value);
    sp_tensor *bias = sp_tensor_copy(&sp_params_find(p, "encoder.bias")->value);

    sp_params_freeze(p, "encoder.bias");
    for (int step = 0; step < 4; step++) {
        give_all(p, step, 1);
        sp_params_find(p, "head")->has_grad = false;
        sp_params_find(p, "encoder.bias")->has_grad = true;
        give(sp_params_at(alone, 0), step, 1);
        ck_assert(sp_optim_step(z) && sp_optim_step(w));
    }
    ck_assert(sp_tensor_same(head, &sp_params_find(p, "head")->value));
    ck_assert(sp_tensor_same(bias, &sp_params_find(p, "encoder.bias")->value));
    ck_assert_uint_eq(sp_params_find(p, "head")->version, 0);
    ck_assert(sp_tensor_same(&sp_params_at(p, 0)->value, &sp_params_at(alone, 0)->value));
    sp_tensor_free(head);
    sp_tensor_free(bias);
    done(p, z);
    done(alone, w);
}
END_TEST

START_TEST(a_parameter_counts_its_own_steps)
{
    const rule *r = &rules[_i];
    sp_params *p = sample(SP_F64), *q = sample(SP_F64);
    sp_optim *z = r->make(p, false), *w = r->make(q, false);

    for (int step = 0; step < 3; step++) {      /* in p the bias joins three steps late */
        give(sp_params_at(p, 0), step, 1);
        ck_assert(sp_optim_step(z));
    }
    for (int step = 0; step < 3; step++) {
        give(sp_params_at(p, 1), step, 1);
        give(sp_params_at(q, 1), step, 1);
        ck_assert(sp_optim_step(z) && sp_optim_step(w));
    }
    ck_assert(sp_tensor_same(&sp_params_at(p, 1)->value, &sp_params_at(q, 1)->value));
    done(p, z);
    done(q, w);
}
END_TEST

START_TEST(parameters_made_later_take_part_and_the_others_keep_their_state)
{
    const rule *r = &rules[_i];
    sp_params *p = sample(SP_F32), *q = sample(SP_F32);
    sp_optim *z = r->make(p, false), *w = r->make(q, false);
    sp_param *late = NULL;

    for (int step = 0; step < 6; step++) {
        if (step == 3) late = add(p, "late", SP_SHAPE(3000));
        give_all(p, step, 1);
        give_all(q, step, 1);
        ck_assert(sp_optim_step(z) && sp_optim_step(w));
    }
    for (int64_t i = 0; i < sp_params_count(q); i++)
        ck_assert(sp_tensor_same(&sp_params_at(p, i)->value, &sp_params_at(q, i)->value));
    ck_assert(late->version == 3);
    done(p, z);
    done(q, w);
}
END_TEST

START_TEST(after_the_first_a_step_allocates_nothing)
{
    const rule *r = &rules[_i];
    sp_params *p = sample(SP_F32);
    sp_optim *z = r->make(p, false);

    for (int step = 0; step < 5; step++) {
        give_all(p, step, 1);
        int64_t calls = sp_alloc_count().calls;
        ck_assert(sp_optim_step(z) && sp_alloc_count().calls == calls);
    }
    done(p, z);
}
END_TEST

START_TEST(an_optimizer_may_outlive_its_collection)
{
    sp_params *p = sample(SP_F32);
    sp_optim *z = sp_adam_new(p, (sp_adam_spec){ 0 });

    sp_params_free(p);
    sp_optim_free(z);
    sp_optim_free(NULL);
}
END_TEST

/* ---- no memory ---- */

static const rule *given_rule;
static sp_params *given;

/* Make an optimizer and a group. */
static bool make(void)
{
    sp_optim *z = given_rule->make(given, false);
    bool ok = z && sp_optim_group(z, "head", (sp_group_spec){ .lr = 1 });

    sp_optim_free(z);
    return ok;
}

START_TEST(making_survives_any_failing_allocation)
{
    given = sample(SP_F32);
    given_rule = &rules[_i];
    for (int lasting = 0; lasting < 2; lasting++) fails_cleanly(make, lasting);
    sp_params_free(given);
}
END_TEST

/* The collection has grown, so a step needs memory. */
START_TEST(a_step_without_memory_moves_nothing_and_can_be_repeated)
{
    const rule *r = &rules[_i];
    sp_params *p = sample(SP_F32), *q = sample(SP_F32), *before = sample(SP_F32);
    sp_optim *z = r->make(p, false), *w = r->make(q, false);
    bool ok = false;

    add(p, "a.name.that.is.longer.than.any.before", SP_SHAPE(3000));
    add(q, "a.name.that.is.longer.than.any.before", SP_SHAPE(3000));
    add(before, "a.name.that.is.longer.than.any.before", SP_SHAPE(3000));
    give_all(p, 0, 1);
    give_all(q, 0, 1);
    for (int64_t n = 0; !ok && sp_alloc_fail(n, n % 2); n++) {
        ok = sp_optim_step(z);
        sp_alloc_fail(-1, false);
        ck_assert(ok || strstr(sp_error(), "out of memory"));
        ck_assert(ok || (same_values(p, before) && sp_params_at(p, 0)->has_grad));
    }
    if (!ok) sp_optim_step(z);                   /* a release build cannot fail on purpose */
    ck_assert(sp_optim_step(w) && same_values(p, q));
    done(p, z);
    done(q, w);
    sp_params_free(before);
}
END_TEST

int main(void)
{
    const TTest *const once[] = {
        a_step_of_plain_descent_subtracts_the_gradient,
        momentum_sums_a_constant_gradient_as_a_geometric_series,
        adam_moves_by_the_rate_whatever_the_scale_of_a_constant_gradient,
        decoupled_decay_shrinks_where_there_is_no_slope,
        an_optimizer_may_outlive_its_collection,
    };
    const TTest *const each[] = {
        maximizing_is_minimizing_the_negative,
        a_step_uses_the_gradients_up_and_raises_versions,
        parameters_without_gradient_or_frozen_are_skipped,
        a_parameter_counts_its_own_steps,
        parameters_made_later_take_part_and_the_others_keep_their_state,
        after_the_first_a_step_allocates_nothing,
        making_survives_any_failing_allocation,
        a_step_without_memory_moves_nothing_and_can_be_repeated,
    };

    return run_suite("optim", LIST(once), LIST(each), N_RULES);
}
