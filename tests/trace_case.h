/* SPDX-License-Identifier: MIT
 *
 * trace_case.h - what the tests of traces share: a linear cell, of which all is known.
 */
#ifndef TRACE_CASE_H
#define TRACE_CASE_H

#include "nn/trace.h"
#include "tests/nn_case.h"

static nn_case c;

static void begin(void) { c = nn_begin(); }
static void end(void)   { nn_end(&c); }

/* h' = a h + x of one number, y = w h' recorded behind it. */
typedef struct line { sp_cell cell; sp_param *a, *w; } line;

static sp_var line_step(const sp_cell *cell, sp_var x, sp_state *state)
{
    const line *l = (const line *)cell;
    sp_var a = sp_use(x.tape, l->a), w = sp_use(x.tape, l->w);

    state->v[0] = sp_add(sp_mul(state->v[0], a), x);
    return sp_mul(state->v[0], w);
}

static line line_of(sp_params *params, double a, double w)
{
    line l = { .a = sp_params_add(params, "a", SP_SHAPE(1), sp_init_constant(a)),
               .w = sp_params_add(params, "w", SP_SHAPE(1), sp_init_constant(w)) };

    l.cell = (sp_cell){ .kind = "line", .input = SP_SHAPE(1), .output = SP_SHAPE(1), .n_states = 1,
                        .state = { SP_SHAPE(1) }, .step = line_step };
    return l;
}

static sp_var ones(int64_t T) { return sp_full(c.tape, SP_F64, SP_SHAPE(T, 1, 1), 1); }

static sp_trace *traced(sp_var loss, const sp_trace_spec *spec)
{
    sp_trace *r = sp_trace_new(loss, spec);

    ck_assert_msg(r != NULL, "%s", sp_error());
    no_failure(&c);
    return r;
}

static void near_to(double is, double due)
{
    ck_assert_double_eq_tol(is, due, 1e-9 * (1 + fabs(due)));
}

#endif
