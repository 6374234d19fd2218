/* SPDX-License-Identifier: MIT
 *
 * optim_samples.h - every rule on a collection to try it on, for the tests of optimizers.
 */
#ifndef OPTIM_SAMPLES_H
#define OPTIM_SAMPLES_H

#include <math.h>

#include "optim/optim.h"
#include "tests/params_samples.h"

/* Every rule with all the state that it can have. */
typedef struct rule {
    const char *name;
    sp_optim *(*make)(sp_params *, bool maximize);
} rule;

static inline sp_optim *plain(sp_params *p, bool maximize)
{
    return sp_sgd_new(p, (sp_sgd_spec){ .lr = 0.1, .maximize = maximize });
}

static inline sp_optim *heavy(sp_params *p, bool maximize)
{
    return sp_sgd_new(p, (sp_sgd_spec){ .lr = 0.1, .momentum = 0.9, .dampening = 0.2,
                                        .maximize = maximize });
}

static inline sp_optim *adam(sp_params *p, bool maximize)
{
    return sp_adam_new(p, (sp_adam_spec){ .lr = 0.1, .amsgrad = true, .maximize = maximize });
}

static inline sp_optim *adamw(sp_params *p, bool maximize)
{
    return sp_adamw_new(p, (sp_adam_spec){ .lr = 0.1, .maximize = maximize });
}

static inline sp_optim *rmsprop(sp_params *p, bool maximize)
{
    return sp_rmsprop_new(p, (sp_rmsprop_spec){ .momentum = 0.9, .centered = true,
                                                .maximize = maximize });
}

static const rule rules[] = { { "sgd", plain }, { "sgd with momentum", heavy }, { "adam", adam },
                              { "adamw", adamw }, { "rmsprop", rmsprop } };
enum { N_RULES = sizeof rules / sizeof *rules };

/* Numbers of no pattern, the same for the same parameter and step. */
static inline void give(sp_param *x, int step, double sign)
{
    sp_random random = { .seed = 7, .stream = sp_hash(0, x->name, (int64_t)strlen(x->name)),
                         .step = (uint32_t)step };

    sp_tensor_normal(&x->grad, random, 0, 1);
    for (int64_t i = 0; sign < 0 && i < sp_tensor_size(&x->grad); i++)
        sp_tensor_set(&x->grad, i, -sp_tensor_at(&x->grad, i));
    x->has_grad = x->trainable;
}

static inline void give_all(sp_params *p, int step, double sign)
{
    for (int64_t i = 0; i < sp_params_count(p); i++) give(sp_params_at(p, i), step, sign);
}

static inline void done(sp_params *p, sp_optim *z)
{
    sp_optim_free(z);
    sp_params_free(p);
}

#endif
