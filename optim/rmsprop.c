/* SPDX-License-Identifier: MIT
 *
 * rmsprop.c - RMSprop.  The file includes itself, once for each real type, so that the
 * update is written once.
 */
#ifdef REAL

static void MOVE(const sp_update *u)
{
    const sp_options *o = u->o;
    const REAL lr = (REAL)o->lr, decay = (REAL)o->weight_decay, sign = o->maximize ? -1 : 1;
    const REAL alpha = (REAL)o->alpha, fresh = (REAL)(1 - o->alpha), eps = (REAL)o->eps;
    const REAL momentum = (REAL)o->momentum;
    const REAL *restrict grad = u->g;
    REAL *restrict x = u->x, *restrict v = u->state[0], *restrict b = u->state[1];
    REAL *restrict mean = o->centered ? u->state[2] : NULL;

    for (int64_t i = 0; i < u->n; i++) {
        REAL g = sign * grad[i];
        if (decay != 0) g += decay * x[i];
        REAL w = v[i] = alpha * v[i] + fresh * g * g;
        if (mean) {
            REAL a = mean[i] = alpha * mean[i] + fresh * g;
            w -= a * a;
        }
        REAL d = SQRT(w) + eps;
        if (momentum == 0) x[i] -= lr * g / d;
        else               x[i] -= lr * (b[i] = momentum * b[i] + g / d);
    }
}

#else
#include "optim/rule.h"

#include <math.h>

#define REAL float
#define SQRT sqrtf
#define MOVE move_f32
#include "optim/rmsprop.c"
#undef REAL
#undef SQRT
#undef MOVE
#define REAL double
#define SQRT sqrt
#define MOVE move_f64
#include "optim/rmsprop.c"

static bool check(const sp_options *o)
{
    return sp__option_within("rmsprop", "alpha", o->alpha, INFINITY)
        && sp__option_within("rmsprop", "eps", o->eps, INFINITY)
        && sp__option_within("rmsprop", "momentum", o->momentum, INFINITY);
}

static bool with_momentum(const sp_options *o) { return o->momentum != 0; }
static bool if_centered(const sp_options *o) { return o->centered; }

static const sp_rule rmsprop = {
    .name = "rmsprop", .knows = SP_ALPHA | SP_EPS | SP_MOMENTUM, .check = check,
    .state = { { "square_avg", NULL }, { "momentum_buffer", with_momentum },
               { "grad_avg", if_centered } },
    .f32 = move_f32, .f64 = move_f64,
};

sp_optim *sp_rmsprop_new(sp_params *params, sp_rmsprop_spec s)
{
    return sp__optim_new(params, &rmsprop, (sp_options){
        .lr = sp_usual(s.lr, 1e-2), .alpha = sp_usual(s.alpha, 0.99),
        .eps = sp_usual(s.eps, 1e-8), .weight_decay = sp_usual(s.weight_decay, 0),
        .momentum = sp_usual(s.momentum, 0),
        .centered = s.centered, .maximize = s.maximize });
}
#endif
