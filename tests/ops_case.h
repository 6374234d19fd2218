/* SPDX-License-Identifier: MIT
 *
 * ops_case.h - what tests of ops share: a tape, data written in place, what a var holds, its slope.
 */
#ifndef OPS_CASE_H
#define OPS_CASE_H

#include <check.h>
#include <math.h>
#include <string.h>
#include "autograd/ops.h"
#include "autograd/tape.h"
#include "tests/suite.h"

static sp_tape *tape;

static inline void begin(void) { tape = sp_tape_new(&(sp_tape_spec){ .seed = 7 }); }
static inline void end(void)   { sp_tape_free(tape); }

static inline sp_var data(sp_dtype dtype, sp_shape shape, const void *bytes)
{
    sp_tensor t = { dtype, shape, (void *)(uintptr_t)bytes, true };
    return sp_input(tape, &t);
}

#define F64(shape, ...) data(SP_F64, shape, (const double[]){ __VA_ARGS__ })
#define I64(shape, ...) data(SP_I64, shape, (const int64_t[]){ __VA_ARGS__ })
#define I32(shape, ...) data(SP_I32, shape, (const int32_t[]){ __VA_ARGS__ })

static inline void holds(sp_var v, int n, const double want[])
{
    const sp_tensor *x = sp_value(v);

    ck_assert_msg(x != NULL, "%s", sp_tape_error(tape));
    ck_assert_int_eq(sp_tensor_size(x), n);
    for (int i = 0; i < n; i++) {
        double got = sp_tensor_at(x, i);
        bool same = isnan(want[i]) ? isnan(got) : got == want[i] || fabs(got - want[i]) < 1e-14;
        ck_assert_msg(same, "element %d is %.17g, not %.17g", i, got, want[i]);
    }
}
#define HOLDS(v, ...) holds(v, SP_COUNT(double, __VA_ARGS__), (const double[]){ __VA_ARGS__ })

/* The gradient of sum(y) by x. */
static inline sp_var slope(sp_var y, sp_var x)
{
    sp_var g;
    sp_grad(sp_sum(y), 1, &x, &g, NULL);
    return g;
}

static inline void fails_with(sp_var v, const char *sentence)
{
    ck_assert(!sp_eval(1, &v));
    ck_assert_msg(strstr(sp_tape_error(tape), sentence), "it says: %s", sp_tape_error(tape));
}

#endif
