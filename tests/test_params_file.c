/* SPDX-License-Identifier: MIT
 *
 * Weights and checkpoints come back or are refused whole, and a failing allocation is
 * survived.
 */
#include "tests/params_samples.h"

START_TEST(weights_come_back_from_their_file)
{
    sp_params *p = sample(SP_F64), *q = sample(SP_F64);

    for (int64_t i = 0; i < 4; i++) sp_tensor_fill(&sp_params_at(q, i)->value, 9);
    ck_assert_msg(sp_params_save(p, path), "%s", sp_error());
    ck_assert_msg(sp_params_load(q, path), "%s", sp_error());
    ck_assert(same_values(p, q));
    for (int64_t i = 0; i < 4; i++) ck_assert_uint_eq(sp_params_at(q, i)->version, 1);
    sp_params_free(p);
    sp_params_free(q);
}
END_TEST

START_TEST(f32_and_f64_convert_on_loading)
{
    sp_params *p = sample(SP_F64), *q = sample(SP_F32), *r = sample(SP_F64);

    ck_assert(sp_params_save(p, path) && sp_params_load(q, path));
    ck_assert(sp_params_save(q, path) && sp_params_load(r, path));
    for (int64_t i = 0; i < 4; i++) {
        sp_tensor *a = &sp_params_at(p, i)->value, *c = &sp_params_at(r, i)->value;
        for (int64_t k = 0; k < sp_tensor_size(a); k++)
            ck_assert(sp_tensor_at(c, k) == (double)(float)sp_tensor_at(a, k));
    }
    sp_params_free(p);
    sp_params_free(q);
    sp_params_free(r);
}
END_TEST

START_TEST(everything_that_does_not_fit_is_listed_and_nothing_changes)
{
    sp_params *p = sample(SP_F32), *q = sp_params_new(7), *same = sp_params_new(7);
    sp_params *both[] = { q, same };

    for (int i = 0; i < 2; i++) {
        add(both[i], "encoder.weight", SP_SHAPE(3, 2));
        add(both[i], "head", SP_SCALAR);
        add(both[i], "more", SP_SCALAR);
        add(both[i], "yet", SP_SCALAR);
    }
    ck_assert(sp_params_save(p, path) && !sp_params_load(q, path));
    says(sp_error(), path);
    says(sp_error(), ": the parameters do not fit: missing: \"more\", \"yet\"; "
                     "unexpected: \"encoder.bias\", \"none\"; "
                     "misshapen: \"encoder.weight\" (f32 [2,3] for [3,2])");
    ck_assert(same_values(q, same) && sp_params_at(q, 1)->version == 0);
    sp_params_free(p);
    sp_params_free(q);
    sp_params_free(same);
}
END_TEST

START_TEST(a_list_too_long_for_a_sentence_says_how_many_more)
{
    sp_params *p = sample(SP_F32), *q = sp_params_new(7);
    char name[200];

    for (int i = 0; i < 500; i++) {
        snprintf(name, sizeof name, "a.rather.long.name.for.a.layer.%d.%0*d", i, i % 100, 0);
        add(q, name, SP_SCALAR);
    }
    ck_assert(sp_params_save(p, path) && !sp_params_load(q, path));
    says(sp_error(), "missing: \"a.rather.long.name.for.a.layer.0.0\", ");
    says(sp_error(), " more; unexpected: \"encoder.bias\", \"encoder.weight\", \"head\", \"none\"");
    sp_params_free(p);
    sp_params_free(q);
}
END_TEST

START_TEST(an_integer_tensor_is_no_parameter)
{
    sp_params *p = sp_params_new(1);
    sp_store *store = sp_store_new();

    add(p, "w", SP_SCALAR);
    ck_assert(sp_store_put_integer(store, "w", 3) && sp_store_save(store, path));
    ck_assert(!sp_params_load(p, path));
    says(sp_error(), "misshapen: \"w\" (i64 [] for [])");
    ck_assert(!sp_params_load(p, "/no/such/file"));
    sp_store_free(store);
    sp_params_free(p);
}
END_TEST

START_TEST(in_a_checkpoint_other_names_are_ignored)
{
    sp_params *p = sample(SP_F32), *q = sample(SP_F32);
    sp_store *store = sp_store_new();
    sp_saved part = sp_params_saved(p), back = sp_params_saved(q);

    sp_tensor_fill(&sp_params_at(q, 0)->value, 1);
    ck_assert(!sp_store_take(store, 1, &back));
    says(sp_error(), "missing: \"encoder.weight\", \"encoder.bias\", \"head\", \"none\"");
    ck_assert(sp_store_put_number(store, "loss", 1) && sp_store_put(store, 1, &part));
    ck_assert(sp_store_take(store, 1, &back));
    ck_assert(same_values(p, q) && sp_params_at(q, 0)->version == 1);
    sp_store_free(store);
    sp_params_free(p);
    sp_params_free(q);
}
END_TEST

START_TEST(a_state_dict_of_pytorch_loads)
{
    const char *source = getenv("SPOOL_SOURCE");
    char file[4096];
    sp_params *p = sp_params_new(1);

    snprintf(file, sizeof file, "%s/tests/golden/pytorch_lstm.safetensors", source ? source : ".");
    sp_store *store = sp_store_load(file);
    ck_assert_msg(store, "%s", sp_error());
    for (int64_t i = 0; sp_store_name(store, i); i++)
        add(p, sp_store_name(store, i), sp_store_tensor(store, sp_store_name(store, i))->shape);
    ck_assert_msg(sp_params_load(p, file), "%s", sp_error());
    for (int64_t i = 0; i < sp_params_count(p); i++)
        ck_assert(sp_tensor_same(&sp_params_at(p, i)->value,
                                 sp_store_tensor(store, sp_params_at(p, i)->name)));
    sp_store_free(store);
    sp_params_free(p);
}
END_TEST

/* ---- no memory ---- */

/* Build a collection whose slabs grow twice.  Whatever fails, what was made stays whole. */
static bool build(void)
{
    sp_params *p = sp_params_new(3), *in = sp_params_in(p, "in");
    char name[20];
    int made = 0;
    bool whole = true;

    for (int i = 0; i < 40; i++) {
        snprintf(name, sizeof name, "w%d", i);
        made += sp_params_add(in, name, SP_SHAPE(100), (sp_init){ uniform, 0.5, 1 }) != NULL;
    }
    ck_assert_int_eq(sp_params_count(p), made);
    ck_assert(made == 40 || strstr(sp_params_error(p), "out of memory"));
    for (int i = 0; i < made; i++)
        for (int k = 0; k < 100; k++)
            whole &= sp_tensor_at(&sp_params_at(p, i)->value, k) >= 0.5 &&
                     sp_tensor_at(&sp_params_at(p, i)->grad, k) == 0;
    ck_assert(whole);
    sp_params_free(p);
    return made == 40;
}

static sp_params *given;

static bool save(void) { return sp_params_save(given, path); }

/* All or nothing. */
static bool load(void)
{
    sp_param *w = sp_params_at(given, 0), *last = sp_params_at(given, 2);
    uint64_t version = w->version;
    bool ok = sp_params_load(given, path);

    ck_assert(w->version == version + ok && last->version == version + ok);
    return ok;
}

START_TEST(any_failing_allocation_is_survived)
{
    given = sample(SP_F32);
    for (int lasting = 0; lasting < 2; lasting++) {
        fails_cleanly(build, lasting);
        fails_cleanly(save, lasting);
        fails_cleanly(load, lasting);
    }
    sp_params_free(given);
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        weights_come_back_from_their_file,
        f32_and_f64_convert_on_loading,
        everything_that_does_not_fit_is_listed_and_nothing_changes,
        a_list_too_long_for_a_sentence_says_how_many_more,
        an_integer_tensor_is_no_parameter,
        in_a_checkpoint_other_names_are_ignored,
        a_state_dict_of_pytorch_loads,
        any_failing_allocation_is_survived,
    };

    return run_suite("params_file", LIST(tests), (list){ 0 }, 0);
}
