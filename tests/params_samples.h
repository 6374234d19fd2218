/* SPDX-License-Identifier: MIT
 *
 * params_samples.h - collections to try, for the tests of parameters.
 */
#ifndef PARAMS_SAMPLES_H
#define PARAMS_SAMPLES_H

#include <stdint.h>

#include "autograd/params.h"
#include "tests/faults.h"
#include "tests/store_samples.h"
#include "tests/suite.h"

static inline bool uniform(sp_tensor *x, sp_random random, double a, double b)
{
    return sp_tensor_uniform(x, random, a, b);
}

static inline sp_param *add(sp_params *p, const char *name, sp_shape shape)
{
    sp_param *x = sp_params_add(p, name, shape, (sp_init){ uniform, -1, 1 });

    ck_assert_msg(x, "%s", sp_params_error(p));
    return x;
}

static inline sp_params *sample(sp_dtype dtype)
{
    sp_params *p = sp_params_new(42), *encoder = sp_params_in(p, "encoder");

    ck_assert(sp_params_dtype(p, dtype));
    add(encoder, "weight", SP_SHAPE(2, 3));
    add(encoder, "bias", SP_SHAPE(3));
    add(p, "head", SP_SCALAR);
    add(p, "none", SP_SHAPE(0, 5));
    return p;
}

static inline bool same_values(const sp_params *p, const sp_params *q)
{
    bool same = sp_params_count(p) == sp_params_count(q);

    for (int64_t i = 0; same && i < sp_params_count(p); i++)
        same = sp_tensor_same(&sp_params_at(p, i)->value, &sp_params_at(q, i)->value);
    return same;
}

static inline void says(const char *sentence, const char *part)
{
    ck_assert_msg(sentence && strstr(sentence, part), "\"%s\" does not say \"%s\"", sentence, part);
}

typedef struct list {
    size_t n;
    const TTest *const *test;
} list;
#define LIST(tests) ((list){ sizeof tests / sizeof *tests, tests })

/* Tests to run once, and tests to run so many times, with _i counting. */
static inline int run_suite(const char *name, list once, list each, int times)
{
    Suite *s = suite_create(name);
    TCase *t = tcase_create(name);

    tcase_add_unchecked_fixture(t, make_folder, remove_folder);
    tcase_add_checked_fixture(t, NULL, clean);
    for (size_t i = 0; i < once.n; i++) tcase_add_test(t, once.test[i]);
    for (size_t i = 0; i < each.n; i++) tcase_add_loop_test(t, each.test[i], 0, times);
    suite_add_tcase(s, t);

    return run_all(s);
}

#endif
