/* SPDX-License-Identifier: MIT
 *
 * check_case.h - what the tests of the op check share: two right ops, and what it means that a
 * wrong one is caught.
 */
#ifndef CHECK_CASE_H
#define CHECK_CASE_H

#include <check.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "autograd/check.h"
#include "autograd/ops.h"
#include "autograd/tape.h"
#include "tensor/alloc.h"
#include "tests/suite.h"

static sp_report report;

static void begin(void) { report = (sp_report){ 0 }; }
static void end(void)   { ck_assert_int_eq(sp_alloc_count().live_blocks, 0); }

static void passes(const sp_op *op)
{
    ck_assert_msg(sp_check_op(op, &report), "%s", report.first);
    ck_assert_int_eq(report.failures, 0);
    ck_assert_int_gt(report.checks, 0);
}

/* It fails, and the first sentence holds these words. */
static void is_caught(const sp_op *op, const char *words)
{
    ck_assert_msg(!sp_check_op(op, &report), "a wrong op passed");
    ck_assert_int_gt(report.failures, 0);
    ck_assert_msg(strstr(report.first, words) != NULL, "\"%s\" says nothing of \"%s\"",
                  report.first, words);
}

/* ---- right ops, to be made wrong ---- */

SP_CHUNK(softsign, 1, x0 / (1 + (x0 < 0 ? -x0 : x0)))

/* 1 / (1 + |x|)^2 */
static sp_var slope_of(sp_var x) { return sp_reciprocal(sp_square(sp_shift(sp_abs(x), 1))); }

static void softsign_vjp(const sp_pullback *v) { sp_push(v, 0, sp_mul(v->g, slope_of(v->x[0]))); }

static void softsign_reference(const sp_args *a)
{
    for (int64_t i = 0; i < sp_shape_size(a->y.shape); i++) {
        double x = ((double *)a->x[0].data)[i];
        ((double *)a->y.data)[i] = x / (1 + fabs(x));
    }
}

static const sp_sample softsign_samples[] = {
    { .in = "3x4", .1, 3 }, { .in = ".", .1, 3 }, { .in = "2x37", -3, -.1 }, { .in = "0x2" },
    { .in = "3:i32", 0, 5, .fails = "needs f32 or f64" }, { 0 },
};

static const sp_op softsign = {
    .name = "softsign", .n_in = 1, .kernels = SP_CHUNKS(softsign), .vjp = softsign_vjp,
    .reference = softsign_reference, .samples = softsign_samples,
};

/* x y + x, of two operands */
SP_CHUNK(blend, 2, x0 * x1 + x0)
static void blend_reference(const sp_args *a)
{
    for (int64_t i = 0; i < sp_shape_size(a->y.shape); i++) {
        double x = ((double *)a->x[0].data)[i], y = ((double *)a->x[1].data)[i];
        ((double *)a->y.data)[i] = x * (y + 1);
    }
}
static void blend_vjp(const sp_pullback *v)
{
    if (sp_wants(v, 0)) sp_push(v, 0, sp_mul(v->g, sp_shift(v->x[1], 1)));
    if (sp_wants(v, 1)) sp_push(v, 1, sp_mul(v->g, v->x[0]));
}
static const sp_sample blend_samples[] = {
    { .in = "3x4 3x4" },
    { .in = "3x1 4" },
    { .in = ". 20" },
    { .in = "2x3 4x3", .fails = "sizes 2 and 4 differ" },
    { 0 },
};
static const sp_op blend = {
    .name = "blend", .n_in = 2, .kernels = SP_CHUNKS(blend), .vjp = blend_vjp,
    .reference = blend_reference, .samples = blend_samples,
};

/* Run the tests, and the loop test over `looped` rows; main's result. */
static int run(const char *name, int n, const TTest *const tests[], const TTest *loop, int looped)
{
    Suite *suite = suite_create(name);
    TCase *all = tcase_create(name);

    tcase_add_checked_fixture(all, begin, end);
    for (int i = 0; i < n; i++) tcase_add_test(all, tests[i]);
    if (loop) tcase_add_loop_test(all, loop, 0, looped);
    suite_add_tcase(suite, all);
    return run_all(suite);
}

#endif
