/* SPDX-License-Identifier: MIT
 *
 * An optimizer's state in a checkpoint: training goes on bit for bit, and what does not
 * fit is refused whole.
 */
#include "tests/optim_samples.h"

static void step(sp_params *p, sp_optim *z, int number)
{
    give_all(p, number, 1);
    ck_assert_msg(sp_optim_step(z), "%s", sp_error());
}

static bool keep(sp_store *store, sp_params *p, sp_optim *z)
{
    sp_saved parts[] = { sp_params_saved(p), sp_optim_saved(z) };
    return sp_store_put(store, 2, parts);
}

static bool resume(const sp_store *store, sp_params *p, sp_optim *z)
{
    sp_saved parts[] = { sp_params_saved(p), sp_optim_saved(z) };
    return sp_store_take(store, 2, parts);
}

/* A collection and an optimizer after so many steps. */
static sp_params *trained(const rule *r, int steps, sp_optim **z)
{
    sp_params *p = sample(SP_F32);

    *z = r->make(p, false);
    for (int i = 0; i < steps; i++) step(p, *z, i);
    return p;
}

START_TEST(a_resumed_run_is_bit_identical)
{
    sp_optim *z, *w;
    sp_params *p = trained(&rules[_i], 3, &z), *q = trained(&rules[_i], 8, &w);
    sp_store *store = sp_store_new();

    ck_assert_msg(keep(store, p, z) && sp_store_save(store, path), "%s", sp_error());
    for (int i = 3; i < 6; i++) step(p, z, i);
    sp_store *back = sp_store_load(path);
    ck_assert_msg(resume(back, q, w), "%s", sp_error());
    for (int i = 3; i < 6; i++) step(q, w, i);
    ck_assert(same_values(p, q));
    sp_store_free(store);
    sp_store_free(back);
    done(p, z);
    done(q, w);
}
END_TEST

START_TEST(a_checkpoint_from_before_the_first_step_begins_anew)
{
    sp_optim *z, *w;
    sp_params *p = trained(&rules[_i], 0, &z), *q = trained(&rules[_i], 5, &w);
    sp_store *store = sp_store_new();

    ck_assert(keep(store, p, z) && resume(store, q, w));
    for (int i = 0; i < 3; i++) step(p, z, i), step(q, w, i);
    ck_assert(same_values(p, q));
    sp_store_free(store);
    done(p, z);
    done(q, w);
}
END_TEST

START_TEST(parameters_made_after_the_last_step_are_kept_too)
{
    sp_optim *z, *w;
    sp_params *p = trained(&rules[_i], 2, &z), *q = trained(&rules[_i], 4, &w);
    sp_store *store = sp_store_new();

    add(p, "encoder.late_and_long", SP_SHAPE(500));
    add(q, "encoder.late_and_long", SP_SHAPE(500));
    step(q, w, 9);
    ck_assert(keep(store, p, z) && resume(store, q, w));
    for (int i = 2; i < 5; i++) step(p, z, i), step(q, w, i);
    ck_assert(same_values(p, q));
    sp_store_free(store);
    done(p, z);
    done(q, w);
}
END_TEST

START_TEST(the_names_are_those_of_pytorch)
{
    static const struct { const rule *rule; const char *state[4]; } tries[] = {
        { &rules[0], { "step" } },
        { &rules[1], { "step", "momentum_buffer" } },
        { &rules[2], { "step", "exp_avg", "exp_avg_sq", "max_exp_avg_sq" } },
        { &rules[3], { "step", "exp_avg", "exp_avg_sq" } },
        { &rules[4], { "step", "square_avg", "momentum_buffer", "grad_avg" } },
    };

    for (size_t i = 0; i < sizeof tries / sizeof *tries; i++) {
        sp_optim *z;
        sp_params *p = trained(tries[i].rule, 2, &z);
        sp_store *store = sp_store_new();
        sp_saved part = sp_optim_saved(z);
        int64_t n = 0, steps = 0;
        ck_assert(sp_store_put(store, 1, &part));
        ck_assert(sp_store_integer(store, "optim.encoder.weight.step", &steps) && steps == 2);
        for (; n < 4 && tries[i].state[n]; n++) {
            char name[100];
            snprintf(name, sizeof name, "optim.encoder.weight.%s", tries[i].state[n]);
            ck_assert_msg(sp_store_has(store, name), "%s", name);
        }
        ck_assert_ptr_null(sp_store_name(store, n * sp_params_count(p)));
        ck_assert_ptr_nonnull(sp_store_name(store, n * sp_params_count(p) - 1));
        sp_store_free(store);
        done(p, z);
    }
}
END_TEST

START_TEST(state_in_f64_goes_on_in_f32)
{
    sp_params *p = sample(SP_F64), *q = sample(SP_F32);
    sp_optim *z = sp_adam_new(p, (sp_adam_spec){ .lr = 0.1 });
    sp_optim *w = sp_adam_new(q, (sp_adam_spec){ .lr = 0.1 });
    sp_store *store = sp_store_new();

    step(p, z, 0);
    ck_assert(keep(store, p, z) && resume(store, q, w));
    for (int i = 1; i < 4; i++) step(p, z, i), step(q, w, i);
    for (int64_t i = 0; i < 6; i++)
        ck_assert_double_eq_tol(sp_tensor_at(&sp_params_at(p, 0)->value, i),
                                sp_tensor_at(&sp_params_at(q, 0)->value, i), 1e-6);
    sp_store_free(store);
    done(p, z);
    done(q, w);
}
END_TEST

START_TEST(two_optimizers_share_a_checkpoint)
{
    sp_params *p = sp_params_new(1), *q = sp_params_new(1);
    add(p, "maker.w", SP_SHAPE(3));
    add(q, "critic.w", SP_SHAPE(4));
    sp_optim *z = adam(p, false), *w = heavy(q, false);
    sp_store *store = sp_store_new();

    for (int i = 0; i < 2; i++) step(p, z, i), step(q, w, i);
    ck_assert(keep(store, p, z) && keep(store, q, w));
    ck_assert_msg(resume(store, p, z) && resume(store, q, w), "%s", sp_error());
    sp_store_free(store);
    done(p, z);
    done(q, w);
}
END_TEST

/* A checkpoint after two steps of a rule, with one thing put in its place, is not for
   Adam: nothing changes, as the next step shows. */
static void is_refused(const rule *r, const char *name, const sp_tensor *x, const char *sentence)
{
    sp_optim *z, *w, *v;
    sp_params *p = trained(r, 2, &z), *q = trained(&rules[2], 4, &w),
              *same = trained(&rules[2], 4, &v);
    sp_store *store = sp_store_new();

    ck_assert(keep(store, p, z) && (!x || sp_store_put_tensor(store, name, x)));
    ck_assert(!resume(store, q, w));
    says(sp_error(), sentence);
    step(q, w, 4);
    step(same, v, 4);
    ck_assert(same_values(q, same));
    sp_store_free(store);
    done(p, z);
    done(q, w);
    done(same, v);
}

START_TEST(what_does_not_fit_is_refused_and_changes_nothing)
{
    sp_tensor *wide = sp_tensor_new(SP_F32, SP_SHAPE(3, 3)),
              *whole = sp_tensor_new(SP_I32, SP_SHAPE(2, 3));
    sp_tensor *minus = sp_tensor_new(SP_I64, SP_SCALAR), *real = sp_tensor_new(SP_F64, SP_SCALAR);

    sp_tensor_fill(minus, -1);
    is_refused(&rules[0], NULL, NULL, "nothing under \"optim.encoder.weight.exp_avg\"");
    is_refused(&rules[3], NULL, NULL, "nothing under \"optim.encoder.weight.max_exp_avg_sq\"");
    is_refused(&rules[2], "optim.encoder.weight.exp_avg", wide,
               "optim.encoder.weight.exp_avg is f32 [3,3], its parameter is [2,3]");
    is_refused(&rules[2], "optim.encoder.weight.exp_avg_sq", whole, "exp_avg_sq is i32 [2,3]");
    is_refused(&rules[2], "optim.encoder.bias.step", minus, "optim.encoder.bias.step is -1");
    is_refused(&rules[2], "optim.head.step", real, "\"optim.head.step\" is f64 []");
    is_refused(&rules[2], "optim.head.momentum_buffer", real,
               "adam with these options has no optim.head.momentum_buffer");
    sp_tensor_free(wide);
    sp_tensor_free(whole);
    sp_tensor_free(minus);
    sp_tensor_free(real);
}
END_TEST

START_TEST(no_optimizer_and_no_sound_collection_is_kept)
{
    sp_optim *z;
    sp_params *p = trained(&rules[0], 1, &z);
    sp_store *store = sp_store_new();
    sp_saved none = sp_optim_saved(NULL), part = sp_optim_saved(z);

    ck_assert(!sp_store_put(store, 1, &none) && !sp_store_take(store, 1, &none));
    sp_params_fail(p, "no input");
    ck_assert(!sp_store_put(store, 1, &part) && !sp_store_take(store, 1, &part));
    says(sp_error(), "no input");
    sp_store_free(store);
    done(p, z);
}
END_TEST

/* ---- no memory ---- */

static sp_params *given;
static sp_optim *given_optim;
static const sp_store *given_store;

static bool put(void)
{
    sp_store *store = sp_store_new();
    bool ok = store && keep(store, given, given_optim);

    sp_store_free(store);
    return ok;
}

static bool take(void)
{
    uint64_t version = sp_params_at(given, 0)->version;
    bool ok = resume(given_store, given, given_optim);

    ck_assert(sp_params_at(given, 0)->version == version + ok);
    return ok;
}

START_TEST(any_failing_allocation_is_survived)
{
    sp_store *store = sp_store_new();

    given = trained(&rules[_i], 2, &given_optim);
    ck_assert(keep(store, given, given_optim));
    given_store = store;
    for (int lasting = 0; lasting < 2; lasting++) {
        fails_cleanly(put, lasting);
        fails_cleanly(take, lasting);
    }
    sp_store_free(store);
    done(given, given_optim);
}
END_TEST

int main(void)
{
    const TTest *const once[] = {
        the_names_are_those_of_pytorch, state_in_f64_goes_on_in_f32,
        two_optimizers_share_a_checkpoint, what_does_not_fit_is_refused_and_changes_nothing,
        no_optimizer_and_no_sound_collection_is_kept,
    };
    const TTest *const each[] = {
        a_resumed_run_is_bit_identical, a_checkpoint_from_before_the_first_step_begins_anew,
        parameters_made_after_the_last_step_are_kept_too, any_failing_allocation_is_survived,
    };

    return run_suite("optim_saved", LIST(once), LIST(each), N_RULES);
}
