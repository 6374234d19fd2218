/* SPDX-License-Identifier: MIT
 *
 * Collections of parameters: names, dtypes, failures, slabs, patterns.
 */
#include "tests/params_samples.h"

static const sp_init none = { 0 };

static bool fail_halfway(sp_tensor *x, sp_random random, double a, double b)
{
    (void)random, (void)a, (void)b;
    sp_tensor_set(x, 0, 1);
    return sp_fail("no luck");
}

/* ---- making ---- */

START_TEST(names_nest_by_prefix)
{
    sp_params *p = sp_params_new(1), *a = sp_params_in(p, "a"), *b = sp_params_in(a, "b");

    ck_assert_str_eq(add(b, "w", SP_SHAPE(2))->name, "a.b.w");
    ck_assert_str_eq(add(a, "w", SP_SHAPE(2))->name, "a.w");
    ck_assert_str_eq(add(sp_params_in(p, "a"), "v", SP_SHAPE(2))->name, "a.v");
    ck_assert_ptr_eq(sp_params_find(b, "a.w"), sp_params_at(p, 1));
    ck_assert_ptr_null(sp_params_find(b, "w"));
    ck_assert_int_eq(sp_params_count(b), 3);
    ck_assert_ptr_eq(sp_params_at(b, 0)->params, p);
    ck_assert_ptr_null(sp_params_at(p, 3));
    ck_assert_ptr_null(sp_params_at(p, -1));
    sp_params_free(b);
    ck_assert_int_eq(sp_params_size(p), 6);
    sp_params_free(p);
}
END_TEST

START_TEST(a_name_is_taken_once_over_all_prefixes)
{
    sp_params *p = sp_params_new(1);

    add(sp_params_in(p, "a"), "w", SP_SHAPE(2));
    ck_assert_ptr_null(sp_params_add(p, "a.w", SP_SHAPE(2), none));
    ck_assert_str_eq(sp_params_error(p), "a.w: there is such a parameter");
    sp_params_free(p);
}
END_TEST

START_TEST(the_first_failure_stays_and_everything_after_it_is_null)
{
    sp_params *p = sp_params_new(1);

    ck_assert_ptr_null(sp_params_error(p));
    add(p, "a", SP_SHAPE(2));
    ck_assert_ptr_null(sp_params_fail(p, "layer %d: %s", 3, "no input"));
    ck_assert_str_eq(sp_params_error(p), "layer 3: no input");
    ck_assert_ptr_null(sp_params_fail(p, "another"));
    sp_fail("something else");
    ck_assert_ptr_null(sp_params_add(p, "b", SP_SHAPE(2), none));
    ck_assert_str_eq(sp_error(), "layer 3: no input");
    ck_assert_ptr_null(sp_params_alloc(p, 8));
    ck_assert_ptr_null(sp_params_text(p, "x"));
    ck_assert(!sp_params_dtype(p, SP_F64));
    ck_assert_ptr_null(sp_params_add(sp_params_in(p, "in"), "c", SP_SHAPE(2), none));
    ck_assert_str_eq(sp_params_error(sp_params_in(p, "in")), "layer 3: no input");
    ck_assert_str_eq(sp_params_error(p), "layer 3: no input");
    ck_assert_int_eq(sp_params_count(p), 1);
    ck_assert(!sp_params_save(p, path));
    says(sp_error(), "layer 3: no input");
    sp_params_free(p);
}
END_TEST

START_TEST(what_cannot_be_a_parameter_is_refused)
{
    static const struct { const char *name; sp_shape shape; const char *says; } bad[] = {
        { NULL, { 1, { 2 } }, "name" },        { "", { 1, { 2 } }, "empty" },
        { "\xC3", { 1, { 2 } }, "UTF-8" },     { "__metadata__", { 1, { 2 } }, "__metadata__" },
        { "w", { 1, { -2 } }, "w: " },         { "w", { 7, { 1 } }, "w: " },
        { "w", { 2, { INT64_MAX, 2 } }, "w: " }, { "w", { 2, { 1 << 29, 1 << 29 } }, "memory" },
    };

    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        sp_params *p = sp_params_new(1);
        ck_assert_ptr_null(sp_params_add(p, bad[i].name, bad[i].shape, none));
        says(sp_params_error(p), bad[i].says);
        ck_assert_int_eq(sp_params_count(p), 0);
        sp_params_free(p);
    }
}
END_TEST

START_TEST(an_empty_prefix_is_refused)
{
    sp_params *p = sp_params_new(1);

    sp_params_in(p, "");
    says(sp_params_error(p), "empty");
    sp_params_free(p);
}
END_TEST

START_TEST(an_initialiser_that_fails_leaves_no_parameter)
{
    sp_params *p = sp_params_new(1);

    ck_assert_ptr_null(sp_params_add(p, "w", SP_SHAPE(2), (sp_init){ fail_halfway, 0, 0 }));
    ck_assert_str_eq(sp_params_error(p), "w: no luck");
    ck_assert_int_eq(sp_params_count(p), 0);
    sp_params_free(p);
}
END_TEST

START_TEST(the_dtype_is_fixed_by_the_first_parameter)
{
    sp_params *p = sp_params_new(1);

    ck_assert_int_eq(sp_params_dtype_of(p), SP_F32);
    ck_assert(sp_params_dtype(p, SP_F64));
    ck_assert_int_eq(add(p, "w", SP_SHAPE(2))->value.dtype, SP_F64);
    ck_assert(!sp_params_dtype(p, SP_F32));
    says(sp_params_error(p), "fixed by the first parameter, w, as f64");
    sp_params_free(p);

    p = sp_params_new(1);
    ck_assert(!sp_params_dtype(p, SP_I32));
    says(sp_params_error(p), "i32");
    sp_params_free(p);
}
END_TEST

START_TEST(beginnings_depend_on_seed_and_name_only)
{
    sp_params *p = sample(SP_F32), *q = sp_params_new(42), *r = sp_params_new(43);
    sp_param *w = sp_params_find(p, "encoder.weight");

    add(q, "head", SP_SCALAR);
    ck_assert(sp_tensor_same(&w->value, &add(q, "encoder.weight", SP_SHAPE(2, 3))->value));
    ck_assert(!sp_tensor_same(&w->value, &add(r, "encoder.weight", SP_SHAPE(2, 3))->value));
    ck_assert(!sp_tensor_same(&w->value, &add(q, "other", SP_SHAPE(2, 3))->value));
    sp_random random = { .seed = 42, .stream = sp_hash(0, "encoder.weight", 14), .step = 0 };
    sp_tensor *x = sp_tensor_new(SP_F32, SP_SHAPE(2, 3));
    sp_tensor_uniform(x, random, -1, 1);
    ck_assert(sp_tensor_same(&w->value, x));
    sp_tensor_free(x);
    sp_params_free(p);
    sp_params_free(q);
    sp_params_free(r);
}
END_TEST

START_TEST(null_reads_as_out_of_memory)
{
    ck_assert_str_eq(sp_params_error(NULL), "out of memory");
    ck_assert_ptr_null(sp_params_add(NULL, "w", SP_SCALAR, none));
    ck_assert_str_eq(sp_error(), "out of memory");
    ck_assert_ptr_null(sp_params_in(NULL, "a"));
    ck_assert_ptr_null(sp_params_alloc(NULL, 1));
    ck_assert_ptr_null(sp_params_text(NULL, "a"));
    ck_assert_ptr_null(sp_params_fail(NULL, "a"));
    ck_assert(!sp_params_dtype(NULL, SP_F64) && !sp_params_save(NULL, path));
    ck_assert_int_eq(sp_params_count(NULL) + sp_params_size(NULL) + sp_params_freeze(NULL, "*"), 0);
    sp_params_drop_grads(NULL);
    sp_params_free(NULL);
}
END_TEST

START_TEST(memory_of_the_collection_is_zero_aligned_and_lasting)
{
    sp_params *p = sp_params_new(1);
    static const char zero[100];

    for (int i = 0; i < 50; i++) {
        char *x = sp_params_alloc(sp_params_in(p, "a"), i);
        ck_assert_int_eq((uintptr_t)x % 64, 0);
        ck_assert_int_eq(memcmp(x, zero, (size_t)i), 0);
        memset(x, 1, (size_t)i);
    }
    ck_assert_str_eq(sp_params_text(p, "%s_l%d", "weight", 7), "weight_l7");
    ck_assert_ptr_null(sp_params_alloc(p, -1));
    says(sp_params_error(p), "out of memory");
    sp_params_free(p);
}
END_TEST

/* ---- slabs ---- */

START_TEST(parameters_lie_in_two_slabs_at_equal_offsets)
{
    sp_params *p = sample(SP_F32);
    sp_param *first = sp_params_at(p, 0);
    int64_t end = 0;

    for (int64_t i = 0; i < sp_params_count(p); i++) {
        const sp_param *x = sp_params_at(p, i);
        ck_assert_int_eq(x->index, i);
        ck_assert_int_eq(x->offset % 16, 0);
        ck_assert_int_ge(x->offset, end);
        ck_assert_ptr_eq((float *)x->value.data, (float *)first->value.data + x->offset);
        ck_assert_ptr_eq((float *)x->grad.data, (float *)first->grad.data + x->offset);
        for (; end < x->offset; end++) {
            ck_assert(((float *)first->value.data)[end] == 0);
            ck_assert(((float *)first->grad.data)[end] == 0);
        }
        end = x->offset + sp_tensor_size(&x->value);
    }
    ck_assert_int_eq((uintptr_t)first->value.data % 64, 0);
    sp_params_free(p);
}
END_TEST

START_TEST(growing_moves_values_and_gradients_but_no_parameter)
{
    sp_params *p = sp_params_new(5);
    sp_param *x[40];
    sp_tensor *before[40];
    char name[20];

    for (int i = 0; i < 40; i++) {
        snprintf(name, sizeof name, "w%d", i);
        x[i] = add(p, name, SP_SHAPE(i, 37));
        sp_tensor_fill(&x[i]->grad, i);
        x[i]->has_grad = true;
        before[i] = sp_tensor_copy(&x[i]->value);
    }
    for (int i = 0; i < 40; i++) {
        ck_assert_ptr_eq(sp_params_at(p, i), x[i]);
        ck_assert(sp_tensor_same(before[i], &x[i]->value) && x[i]->has_grad);
        for (int64_t k = 0; k < i * 37; k++) ck_assert(sp_tensor_at(&x[i]->grad, k) == i);
        sp_tensor_free(before[i]);
    }
    ck_assert_int_eq(sp_params_size(p), 37 * 780);
    sp_params_free(p);
}
END_TEST

START_TEST(unused_dimensions_of_a_shape_do_not_matter)
{
    sp_params *p = sp_params_new(1);
    sp_shape shape = { 1, { 3, 99, 99 } }, tidy = { 1, { 3 } };

    ck_assert_mem_eq(&add(p, "w", shape)->value.shape, &tidy, sizeof tidy);
    sp_params_free(p);
}
END_TEST

/* ---- choosing ---- */

START_TEST(patterns_match_as_a_shell_does)
{
    static const struct { const char *name, *pattern; bool match;
    } tries[] = {
        { "a", "a", true },
        { "a", "b", false },
        { "a", "", false },
        { "", "", true },
        { "", "*", true },
        { "", "?", false },
        { "encoder.w", "encoder.*", true },
        { "encoder.w", "*.w", true },
        { "encoder.w", "*", true },
        { "encoder.w", "*r.*", true },
        { "encoder.w", "decoder.*", false },
        { "abcabd", "*abd", true },
        { "abcabc", "*abd", false },
        { "aab", "*a?b", true },
        { "aaab", "a*a?b", true },
        { "w1", "w?", true },
        { "w12", "w?", false },
        { "w", "w?", false },
        { "abc", "***c", true },
        { "abc", "a**", true },
        { "mississippi", "m*iss*ip*i", true },
        { "mississippi", "m*iss*ix*", false },
        { "\xC3\xA9", "?", true },
        { "\xC3\xA9", "??", false },
        { "\xC3\xA9", "*??", false },
        { "a*b", "a*b", true },
    };

    for (size_t i = 0; i < sizeof tries / sizeof *tries; i++)
        ck_assert_msg(sp_params_match(tries[i].name, tries[i].pattern) == tries[i].match,
                      "%s, %s", tries[i].name, tries[i].pattern);
    ck_assert(!sp_params_match(NULL, "*") && !sp_params_match("a", NULL));
}
END_TEST

START_TEST(freezing_and_training_count_their_matches)
{
    sp_params *p = sample(SP_F32);
    sp_param *weight = sp_params_at(p, 0), *head = sp_params_at(p, 2);

    weight->has_grad = head->has_grad = true;
    ck_assert(weight->trainable);
    ck_assert_int_eq(sp_params_freeze(p, "encoder.*"), 2);
    ck_assert(!weight->trainable && !weight->has_grad && head->trainable && head->has_grad);
    ck_assert_int_eq(sp_params_train(p, "*.weight"), 1);
    ck_assert(weight->trainable && !weight->has_grad && !sp_params_at(p, 1)->trainable);
    ck_assert_int_eq(sp_params_freeze(p, "nothing"), 0);
    sp_params_drop_grads(p);
    ck_assert(!head->has_grad);
    sp_params_free(p);
}
END_TEST

START_TEST(setting_a_value_checks_it_and_raises_the_version)
{
    sp_params *p = sample(SP_F32);
    sp_param *b = sp_params_find(p, "encoder.bias");
    sp_tensor *good = sp_tensor_from(SP_F32, SP_SHAPE(3), (float[]){ 1, 2, 3 });
    sp_tensor *shape = sp_tensor_new(SP_F32, SP_SHAPE(3, 1)),
              *dtype = sp_tensor_new(SP_F64, SP_SHAPE(3));
    uint64_t version = b->version;

    ck_assert(!sp_param_set(b, shape) && b->version == version);
    ck_assert_str_eq(sp_error(), "encoder.bias: it is f32 [3], the tensor given is f32 [3,1]");
    ck_assert(!sp_param_set(b, dtype) && !sp_param_set(b, NULL) && !sp_param_set(NULL, good));
    ck_assert(sp_param_set(b, good) && b->version > version && sp_tensor_same(good, &b->value));
    version = b->version;
    sp_param_changed(b);
    ck_assert(b->version > version);
    sp_tensor_free(good);
    sp_tensor_free(shape);
    sp_tensor_free(dtype);
    sp_params_free(p);
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        names_nest_by_prefix,
        a_name_is_taken_once_over_all_prefixes,
        the_first_failure_stays_and_everything_after_it_is_null,
        what_cannot_be_a_parameter_is_refused,
        an_empty_prefix_is_refused,
        an_initialiser_that_fails_leaves_no_parameter,
        the_dtype_is_fixed_by_the_first_parameter,
        beginnings_depend_on_seed_and_name_only,
        null_reads_as_out_of_memory,
        memory_of_the_collection_is_zero_aligned_and_lasting,
        parameters_lie_in_two_slabs_at_equal_offsets,
        growing_moves_values_and_gradients_but_no_parameter,
        unused_dimensions_of_a_shape_do_not_matter,
        patterns_match_as_a_shell_does,
        freezing_and_training_count_their_matches,
        setting_a_value_checks_it_and_raises_the_version,
    };

    return run_suite("params", LIST(tests), (list){ 0 }, 0);
}
