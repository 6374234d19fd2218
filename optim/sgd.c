/* SPDX-License-Identifier: MIT
 *
 * sgd.c - stochastic gradient descent.  The file includes itself, once for each real
 * type, so that the update is written once.
 */
#ifdef REAL

static void MOVE(const sp_update *u)
{
    const sp_options *o = u->o;
    const REAL lr = (REAL)o->lr, decay = (REAL)o->weight_decay, sign = o->maximize ? -1 : 1;
    const REAL momentum = (REAL)o->momentum, fresh = (REAL)(1 - o->dampening);
    const REAL *restrict grad = u->g;
    REAL *restrict x = u->x, *restrict buffer = u->state[0];

    for (int64_t i = 0; i < u->n; i++) {
        REAL g = sign * grad[i];
        if (decay != 0) g += decay * x[i];
        if (momentum != 0) {
            REAL b = u->t == 1 ? g : momentum * buffer[i] + fresh * g;
            buffer[i] = b;
            g = o->nesterov ? g + momentum * b : b;
        }
        x[i] -= lr * g;
    }
}

#else
#include "optim/rule.h"

#include <math.h>

#define REAL float
#define MOVE move_f32
#include "optim/sgd.c"
#undef REAL
#undef MOVE
#define REAL double
#define MOVE move_f64
#include "optim/sgd.c"

static bool check(const sp_options *o)
{
    if (!sp__option_within("sgd", "momentum", o->momentum, INFINITY)) return false;
    if (!isfinite(o->dampening)) return sp_fail("sgd: dampening is %g", o->dampening);
    if (o->nesterov && (o->momentum == 0 || o->dampening != 0))
        return sp_fail("sgd: nesterov needs momentum and no dampening; they are %g and %g",
                       o->momentum, o->dampening);
    return true;
}

static bool with_momentum(const sp_options *o) { return o->momentum != 0; }

static const sp_rule sgd = {
    .name = "sgd", .knows = SP_MOMENTUM | SP_DAMPENING, .check = check,
    .state = { { "momentum_buffer", with_momentum } },
    .f32 = move_f32, .f64 = move_f64,
};

sp_optim *sp_sgd_new(sp_params *params, sp_sgd_spec s)
{
    return sp__optim_new(params, &sgd, (sp_options){
        .lr = sp_usual(s.lr, 1e-3), .momentum = sp_usual(s.momentum, 0),
        .dampening = sp_usual(s.dampening, 0), .weight_decay = sp_usual(s.weight_decay, 0),
        .nesterov = s.nesterov, .maximize = s.maximize });
}
#endif
