/* SPDX-License-Identifier: MIT
 *
 * outcome.h - what two runs that should give the same bits are compared by.
 */
#ifndef OUTCOME_H
#define OUTCOME_H

#include "tests/nn_case.h"

enum { MOST = 64 };

/* The tensors that a run has left, in their order, and what it took. */
typedef struct outcome { int n; sp_tensor *x[MOST]; sp_tape_stats stats; } outcome;

static inline void note(outcome *o, const sp_tensor *x)
{
    ck_assert_ptr_nonnull(x);
    ck_assert_int_lt(o->n, MOST);
    o->x[o->n++] = sp_tensor_copy(x);
}

static inline void note_gradients(outcome *o, sp_params *params)
{
    for (int64_t i = 0; i < sp_params_count(params); i++) {
        const sp_param *p = sp_params_at(params, i);
        if (p->has_grad) note(o, &p->grad);
    }
}

static inline void forget(outcome *o)
{
    for (int i = 0; i < o->n; i++) sp_tensor_free(o->x[i]);
    *o = (outcome){ 0 };
}

/* The same bits, zeros' signs included. */
static inline void ck_same(const outcome *a, const outcome *b, const char *what)
{
    ck_assert_int_eq(a->n, b->n);
    for (int i = 0; i < a->n; i++) {
        ck_assert(sp_shape_equal(a->x[i]->shape, b->x[i]->shape));
        ck_assert_msg(memcmp(a->x[i]->data, b->x[i]->data, (size_t)sp_tensor_bytes(a->x[i])) == 0,
                      "%s: tensor %d differs", what, i);
    }
}

#endif
