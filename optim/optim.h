/* SPDX-License-Identifier: MIT
 *
 * optim.h - update rules that move the parameters of a collection, and clipping.
 *
 * Formulas, defaults and the order of operations are PyTorch's (torch.optim,
 * torch.nn.utils.clip_grad), computed in the dtype of the collection; what depends on the
 * options and on t alone is computed in f64.  In the formulas x is a parameter, g
 * its gradient, t the number of this step of this parameter, from 1.
 */
#ifndef SP_OPTIM_H
#define SP_OPTIM_H

#include "autograd/params.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct sp_optim sp_optim;

/* ---- rules ----
 *
 * Every rule begins with
 *
 *     g = -g            if maximize
 *     g = g + weight_decay x            (AdamW: x = x - lr weight_decay x instead)
 *
 * The new optimizer is yours; free it before or after the collection.  It covers all
 * parameters of the collection, also those that are made later.  NULL: the collection is
 * NULL or has failed, an option is out of range, or there is no memory; sp_error() says
 * which. */

/* Stochastic gradient descent; momentum as in Sutskever et al., 2013, in the form in
 * which a change of lr acts at once.
 *
 *     b = momentum b + (1 - dampening) g            t = 1: b = g
 *     x = x - lr b                                  without momentum: x - lr g
 *     x = x - lr (g + momentum b)                   nesterov
 *
 * nesterov needs momentum and no dampening.  State: momentum_buffer b, only with momentum. */
typedef struct sp_sgd_spec {
    double lr;                   /* usual 1e-3 */
    double momentum;             /* usual 0 */
    double dampening;            /* usual 0 */
    double weight_decay;         /* usual 0 */
    bool   nesterov, maximize;
} sp_sgd_spec;
SP_API sp_optim *sp_sgd_new(sp_params *, sp_sgd_spec);

/* Adam (Kingma and Ba, 2015); amsgrad: Reddi et al., 2018.
 *
 *     m = beta1 m + (1 - beta1) g
 *     v = beta2 v + (1 - beta2) g^2
 *     x = x - lr/(1 - beta1^t) m / (sqrt(v)/sqrt(1 - beta2^t) + eps)
 *
 * amsgrad: the largest v so far in place of v.  State: exp_avg m, exp_avg_sq v, and
 * max_exp_avg_sq with amsgrad. */
typedef struct sp_adam_spec {
    double lr;                   /* usual 1e-3 */
    double betas[2];             /* usual 0.9, 0.999; below 1 */
    double eps;                  /* usual 1e-8 */
    double weight_decay;         /* usual 0; sp_adamw_new: 1e-2 */
    bool   amsgrad, maximize;
} sp_adam_spec;
SP_API sp_optim *sp_adam_new(sp_params *, sp_adam_spec);

/* Adam with decoupled weight decay (Loshchilov and Hutter, 2019): it does not pass
   through m and v. */
SP_API sp_optim *sp_adamw_new(sp_params *, sp_adam_spec);

/* RMSprop (Hinton, lecture 6e of Neural Networks for Machine Learning, 2012); centered:
 * Graves, 2013.
 *
 *     v = alpha v + (1 - alpha) g^2
 *     d = sqrt(v) + eps
 *     d = sqrt(v - a^2) + eps,  a = alpha a + (1 - alpha) g            centered
 *     x = x - lr g/d
 *     x = x - lr b,  b = momentum b + g/d                              momentum
 *
 * State: square_avg v, momentum_buffer b with momentum, grad_avg a if centered. */
typedef struct sp_rmsprop_spec {
    double lr;                   /* usual 1e-2 */
    double alpha;                /* usual 0.99 */
    double eps;                  /* usual 1e-8 */
    double weight_decay;         /* usual 0 */
    double momentum;             /* usual 0 */
    bool   centered, maximize;
} sp_rmsprop_spec;
SP_API sp_optim *sp_rmsprop_new(sp_params *, sp_rmsprop_spec);

/* NULL is allowed. */
SP_API void sp_optim_free(sp_optim *);

/* ---- a step ---- */

/* Move every trainable parameter that has a gradient and raise its version; others are
   skipped, and their t stands still.  The gradients are used up: readable, but absent to the next
   sp_backward.  False: the collection has grown and there is no memory for the state of its new
   parameters, or it has failed; then nothing has moved. */
SP_API bool sp_optim_step(sp_optim *);

/* The learning rate of all parameters whose group names none.  Setting fails for what is
   not a finite number from 0 on.  NULL has NaN. */
SP_API double sp_optim_lr    (const sp_optim *);
SP_API bool   sp_optim_set_lr(sp_optim *, double lr);

/* ---- groups ---- */

/* Options of some parameters: 0 leaves what the optimizer has, SP_ZERO means zero.  An
   option that the rule does not know is refused. */
typedef struct sp_group_spec {
    double lr, weight_decay;
    double momentum, dampening;
    double betas[2];
    double eps, alpha;
} sp_group_spec;

/* Give the parameters whose names match a pattern (sp_params_match) options of their own:
 *
 *     sp_optim_group(adam, "decoder.*", (sp_group_spec){ .lr = 1e-4, .weight_decay = SP_ZERO });
 *
 * Where several patterns match, each option is that of the last one that gives it.  A
 * pattern that is there already keeps its place and gets the options given.  False, and
 * nothing changes: no parameter matches now, an option is out of range, or there is no
 * memory. */
SP_API bool sp_optim_group(sp_optim *, const char *pattern, sp_group_spec);

/* ---- checkpoints ---- */

/* The state as a part of a checkpoint: for every parameter "optim.NAME.step" (i64: its t)
 * and, once it has moved, "optim.NAME.exp_avg" and so on, in PyTorch's words.  Taking it is
 * strict: it must be the state of these parameters under this rule.  Options, groups and
 * the learning rate are the program's and are not kept. */
SP_API sp_saved sp_optim_saved(sp_optim *);

/* ---- clipping ---- */

/* Scale all gradients by one factor so that the p-norm of all of them together is at most
 * max_norm:
 *
 *     g = g min(1, max_norm/(total + 1e-6)),   total = (sum |g|^p)^(1/p)
 *
 * Returns the total before, 0 without gradients.  p is positive; INFINITY: the largest
 * |g|.  max_norm INFINITY only measures.  A gradient that is not finite shows in the total
 * and spoils all of them, as in PyTorch: look at the total before the step.  NaN without
 * changing anything, and a sentence, for a NULL collection, a negative or NaN max_norm or
 * another p.  Sums are in f64, in an order fixed by the shapes. */
SP_API double sp_clip_grad_norm  (sp_params *, double max_norm);                /* p = 2 */
SP_API double sp_clip_grad_norm_p(sp_params *, double max_norm, double p);

/* Make every element of every gradient at least -max and at most max; NaN stays.
   False for a NULL collection, a negative max or NaN. */
SP_API bool sp_clip_grad_value(sp_params *, double max);

#ifdef __cplusplus
}
#endif
#endif
