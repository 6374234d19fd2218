/* SPDX-License-Identifier: MIT
 *
 * trace_line.h - a linear cell with an output of its own, for the tests of traces.
 */
#ifndef TRACE_LINE_H
#define TRACE_LINE_H

#include "tests/trace_case.h"

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

#endif
