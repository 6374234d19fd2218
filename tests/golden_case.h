/* SPDX-License-Identifier: MIT
 *
 * golden_case.h - running a case of the recorded numbers (golden/README.md): its operands on a
 * tape, its result and every gradient against what was recorded.
 */
#ifndef GOLDEN_CASE_H
#define GOLDEN_CASE_H

#include <check.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "autograd/ops.h"
#include "autograd/tape.h"
#include "tensor/store.h"

static sp_store *golden;
static sp_tape *tape;
static const char *golden_file;

/* Single elements where Spool's convention is another: what it gives there. */
typedef struct other { const char *name, *thing; int64_t i; double ours; } other;
static const other *others;
static int n_others;

static void golden_begin(void)
{
    char path[1024];
    const char *source = getenv("SPOOL_SOURCE");

    snprintf(path, sizeof path, "%s/tests/golden/%s", source ? source : ".", golden_file);
    golden = sp_store_load(path);
    ck_assert_msg(golden != NULL, "%s", sp_error());
    tape = sp_tape_new(NULL);
}

static void golden_end(void)
{
    sp_tape_free(tape);
    sp_store_free(golden);
}

/* The tensor "<case>.<thing>"; NULL where there is none. */
static inline const sp_tensor *recorded(const char *name, const char *thing)
{
    char full[128];

    snprintf(full, sizeof full, "%s.%s", name, thing);
    return sp_store_has(golden, full) ? sp_store_tensor(golden, full) : NULL;
}

static inline sp_var leaf(const char *name, const char *thing)
{
    const sp_tensor *x = recorded(name, thing);

    ck_assert_msg(x != NULL, "%s.%s is not recorded", name, thing);
    return sp_input(tape, x);
}

static inline double wanted(const sp_tensor *want, const char *name, const char *thing, int64_t i)
{
    for (int k = 0; k < n_others; k++)
        if (!strcmp(others[k].name, name) && !strcmp(others[k].thing, thing) && others[k].i == i)
            return others[k].ours;
    return sp_tensor_at(want, i);
}

static inline bool near(double got, double want, double bound)
{
    if (isnan(want)) return isnan(got);
    if (isinf(want)) return got == want;
    return fabs(got - want) <= bound * fmax(1, fabs(want));
}

/* v has the shape, and within the bound of its dtype the elements, of "<case>.<thing>". */
static inline void agrees(sp_var v, const char *name, const char *thing)
{
    const sp_tensor *want = recorded(name, thing), *got = sp_value(v);
    double bound = want->dtype == SP_F32 ? 2e-6 : 1e-13;

    ck_assert_msg(got != NULL, "%s.%s: %s", name, thing, sp_tape_error(tape));
    ck_assert_msg(sp_shape_equal(got->shape, want->shape), "%s.%s: the shapes differ", name, thing);
    for (int64_t i = 0; i < sp_tensor_size(want); i++) {
        double g = sp_tensor_at(got, i), w = wanted(want, name, thing, i);
        ck_assert_msg(near(g, w, bound), "%s.%s[%d] is %.17g, recorded %.17g", name, thing, (int)i,
                      g, w);
    }
}

/* The gradient of sum(y w) by x agrees with "<case>.<thing>"; w {0}: y is the loss. */
static inline void slope_agrees(sp_var y, sp_var w, sp_var x, const char *name, const char *thing)
{
    sp_var slope;
    bool ok = sp_grad(y, 1, &x, &slope, &(sp_grad_spec){ .seed = w });

    ck_assert_msg(ok, "%s.%s: %s", name, thing, sp_tape_error(tape));
    agrees(slope, name, thing);
}

/* The result of a case on x0, x1, x2 as far as they are recorded, and its gradients by them. */
static inline void case_agrees(const char *name, sp_var (*run)(const sp_var x[]))
{
    static const char *const operand[] = { "x0", "x1", "x2" };
    static const char *const slope[] = { "grad.x0", "grad.x1", "grad.x2" };
    sp_var x[3] = { { 0 } };
    int n = 0;

    while (n < 3 && recorded(name, operand[n])) x[n] = leaf(name, operand[n]), n++;
    ck_assert_int_gt(n, 0);
    sp_var y = run(x);
    agrees(y, name, "y");
    for (int i = 0; i < n; i++) slope_agrees(y, leaf(name, "w"), x[i], name, slope[i]);
}

/* The gradient by x0 of the sum of squares of the gradient by x0 is "<case>.grad2.x0". */
static inline void second_order_agrees(const char *name, sp_var (*run)(const sp_var x[]))
{
    sp_var x = leaf(name, "x0"), y = run(&x), g;

    ck_assert(sp_grad(y, 1, &x, &g, &(sp_grad_spec){ .seed = leaf(name, "w") }));
    slope_agrees(sp_sum(sp_square(g)), (sp_var){ 0 }, x, name, "grad2.x0");
}

#endif
