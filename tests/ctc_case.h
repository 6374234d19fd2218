/* SPDX-License-Identifier: MIT
 *
 * ctc_case.h - what the tests of connectionist temporal classification share: small problems.
 */
#ifndef CTC_CASE_H
#define CTC_CASE_H

#include <check.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "autograd/ops.h"
#include "autograd/tape.h"
#include "tensor/alloc.h"

static sp_tape *tape;

static inline void begin(void) { tape = sp_tape_new(NULL); }
static inline void end(void)
{
    sp_tape_free(tape);
    ck_assert_int_eq(sp_alloc_count().live_blocks, 0);
}

/* ---- a small problem ---- */

enum { MOST = 8 };

typedef struct problem {
    int64_t T, B, C, S;
    double  x[MOST * MOST * MOST];                  /* [T,B,C] */
    int64_t target[MOST * MOST], steps[MOST], labels[MOST];
    sp_ctc_spec spec;
} problem;

static sp_random dice;
static int64_t drawn;

static inline int64_t below(int64_t n) { return sp_random_below(dice, drawn++, n); }

/* Few classes, so that labels repeat; lengths from 0 on, so that some targets have no path. */
static inline problem random_problem(int64_t seed)
{
    problem p = { .T = 0 };

    dice = (sp_random){ (uint64_t)seed, 5, 0 };
    p.T = below(6), p.B = 1 + below(3), p.C = 2 + below(3), p.S = below(4);
    p.spec = (sp_ctc_spec){ SP_EACH, below(p.C), below(2), below(2) };
    for (int64_t i = 0; i < p.T * p.B * p.C; i++)
        p.x[i] = 4 * sp_random_uniform(dice, drawn++) - 3;
    for (int64_t i = 0; i < p.B * p.S; i++)
        p.target[i] = (p.spec.blank + 1 + below(p.C - 1)) % p.C;
    for (int64_t b = 0; b < p.B; b++) {
        p.steps[b] = p.T - (p.T ? below(2) * below(p.T + 1) : 0);
        p.labels[b] = below(p.S + 1);
    }
    return p;
}

static inline sp_var input(sp_dtype dtype, sp_shape shape, const void *data)
{
    sp_tensor *x = sp_tensor_from(dtype, shape, data);
    sp_var v = sp_input(tape, x);

    sp_tensor_free(x);
    return v;
}

static inline sp_var ids(sp_shape shape, const int64_t *data) { return input(SP_I64, shape, data); }

static inline sp_var loss_of(const problem *p, sp_var x)
{
    return sp_ctc(x, ids(SP_SHAPE(p->B, p->S), p->target), ids(SP_SHAPE(p->B), p->steps),
                  ids(SP_SHAPE(p->B), p->labels), p->spec);
}

static inline sp_var operand(const problem *p)
{
    return input(SP_F64, SP_SHAPE(p->T, p->B, p->C), p->x);
}

static inline double at(sp_var v, int64_t i)
{
    const sp_tensor *x = sp_value(v);

    ck_assert_msg(x != NULL, "%s", sp_tape_error(tape));
    return sp_tensor_at(x, i);
}

#endif
