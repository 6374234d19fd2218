/* SPDX-License-Identifier: MIT
 *
 * adam.c - Adam and AdamW.  The file includes itself, once for each real type, so that
 * the update is written once.
 */
#ifdef REAL

/* m, v: the moments; w: what stands under the root, v or the largest v so far.  In loops
   of their own, so that each is one of vectors. */
static void MOVE(const sp_update *u, bool decoupled)
{
    const sp_options *o = u->o;
    const double correction1 = 1 - power(o->betas[0], u->t);
    const double correction2 = 1 - power(o->betas[1], u->t);
    const REAL rate = (REAL)(o->lr / correction1), root = (REAL)sqrt(correction2);
    const REAL keep = decoupled ? (REAL)(1 - o->lr * o->weight_decay) : 1;
    const REAL decay = decoupled ? 0 : (REAL)o->weight_decay, sign = o->maximize ? -1 : 1;
    const REAL beta1 = (REAL)o->betas[0], fresh1 = (REAL)(1 - o->betas[0]);
    const REAL beta2 = (REAL)o->betas[1], fresh2 = (REAL)(1 - o->betas[1]), eps = (REAL)o->eps;
    const REAL *restrict grad = u->g;
    REAL *restrict x = u->x, *restrict m = u->state[0], *restrict v = u->state[1];
    REAL *most = o->amsgrad ? u->state[2] : NULL;
    const REAL *w = most ? most : v;

    for (int64_t i = 0; i < u->n; i++) {
        REAL g = sign * grad[i];
        if (decay != 0) g += decay * x[i];
        m[i] = beta1 * m[i] + fresh1 * g;
        v[i] = beta2 * v[i] + fresh2 * g * g;
    }
    for (int64_t i = 0; most && i < u->n; i++)
        most[i] = most[i] > v[i] || most[i] != most[i] ? most[i] : v[i];
    for (int64_t i = 0; i < u->n; i++)
        x[i] = keep * x[i] - rate * m[i] / (SQRT(w[i]) / root + eps);
}

#else
#include "optim/rule.h"

#include <math.h>

/* By squaring and not by pow, whose last bit depends on the C library. */
static double power(double beta, int64_t t)
{
    double y = 1;

    for (; t > 0; t /= 2, beta *= beta)
        if (t % 2) y *= beta;
    return y;
}

#define REAL float
#define SQRT sqrtf
#define MOVE move_f32
#include "optim/adam.c"
#undef REAL
#undef SQRT
#undef MOVE
#define REAL double
#define SQRT sqrt
#define MOVE move_f64
#include "optim/adam.c"

static void adam_f32(const sp_update *u) { move_f32(u, false); }
static void adam_f64(const sp_update *u) { move_f64(u, false); }
static void adamw_f32(const sp_update *u) { move_f32(u, true); }
static void adamw_f64(const sp_update *u) { move_f64(u, true); }

static bool check(const sp_options *o)
{
    return sp__option_within("adam", "betas[0]", o->betas[0], 1)
        && sp__option_within("adam", "betas[1]", o->betas[1], 1)
        && sp__option_within("adam", "eps", o->eps, INFINITY);
}

static bool with_amsgrad(const sp_options *o) { return o->amsgrad; }

static const sp_rule adam = {
    .name = "adam", .knows = SP_BETAS | SP_EPS, .check = check,
    .state = { { "exp_avg", NULL }, { "exp_avg_sq", NULL }, { "max_exp_avg_sq", with_amsgrad } },
    .f32 = adam_f32, .f64 = adam_f64,
};

static const sp_rule adamw = {
    .name = "adamw", .knows = SP_BETAS | SP_EPS, .check = check,
    .state = { { "exp_avg", NULL }, { "exp_avg_sq", NULL }, { "max_exp_avg_sq", with_amsgrad } },
    .f32 = adamw_f32, .f64 = adamw_f64,
};

static sp_optim *make(sp_params *params, const sp_rule *rule, sp_adam_spec s, double decay)
{
    return sp__optim_new(params, rule, (sp_options){
        .lr = sp_usual(s.lr, 1e-3), .eps = sp_usual(s.eps, 1e-8),
        .betas = { sp_usual(s.betas[0], 0.9), sp_usual(s.betas[1], 0.999) },
        .weight_decay = sp_usual(s.weight_decay, decay),
        .amsgrad = s.amsgrad, .maximize = s.maximize });
}

sp_optim *sp_adam_new(sp_params *params, sp_adam_spec s) { return make(params, &adam, s, 0); }
sp_optim *sp_adamw_new(sp_params *params, sp_adam_spec s) { return make(params, &adamw, s, 1e-2); }
#endif
