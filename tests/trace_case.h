/* SPDX-License-Identifier: MIT
 *
 * trace_case.h - what the tests of traces share: a collection and a tape, a trace, comparing.
 */
#ifndef TRACE_CASE_H
#define TRACE_CASE_H

#include "nn/trace.h"
#include "tests/nn_case.h"

static nn_case c;

static void begin(void) { c = nn_begin(); }
static void end(void)   { nn_end(&c); }

static sp_var ones(int64_t T) { return sp_full(c.tape, SP_F64, SP_SHAPE(T, 1, 1), 1); }

static sp_trace *traced(sp_var loss, const sp_trace_spec *spec)
{
    sp_trace *r = sp_trace_new(loss, spec);

    ck_assert_msg(r != NULL, "%s", sp_error());
    no_failure(&c);
    return r;
}

static inline void near_to(double is, double due)
{
    ck_assert_double_eq_tol(is, due, 1e-9 * (1 + fabs(due)));
}

static inline double length_of(sp_var v) { return sqrt(sp_item(sp_sum(sp_square(v)))); }

#endif
