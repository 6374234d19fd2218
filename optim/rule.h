/* SPDX-License-Identifier: MIT
 *
 * rule.h - what an update rule is (internal).
 *
 * A rule is a constant record in a file of its own, next to the function that makes an
 * optimizer of it; optim.c knows none by name.
 */
#ifndef SP_RULE_H
#define SP_RULE_H

#include "optim/optim.h"

enum { SP_MAX_SLABS = 3 };

/* Every option that any rule has, with its value for one parameter. */
typedef struct sp_options {
    double lr, weight_decay;
    double momentum, dampening;
    double betas[2];
    double eps, alpha;
    bool   nesterov, amsgrad, centered, maximize;
} sp_options;

/* One parameter's step. */
typedef struct sp_update {
    int64_t           n;                     /* elements */
    int64_t           t;                     /* of this parameter, from 1 */
    const sp_options *o;
    void             *x;                     /* of the collection's dtype, like g and the state */
    const void       *g;
    void             *state[SP_MAX_SLABS];   /* NULL: not wanted */
} sp_update;

typedef void sp_move(const sp_update *);

/* The options that not every rule has, for groups. */
enum { SP_MOMENTUM = 1, SP_DAMPENING = 2, SP_BETAS = 4, SP_EPS = 8, SP_ALPHA = 16 };

typedef struct sp_rule {
    const char *name;
    unsigned    knows;                                     /* SP_MOMENTUM | ... */
    bool      (*check)(const sp_options *);                /* of options not in every rule */
    struct {
        const char *name;                                  /* NULL ends the list */
        bool      (*wanted)(const sp_options *);           /* NULL: always */
    } state[SP_MAX_SLABS];
    sp_move    *f32, *f64;
} sp_rule;

/* A new optimizer, after all checks. */
sp_optim *sp__optim_new(sp_params *, const sp_rule *, sp_options);

/* Whether 0 <= value < end; otherwise leaves "RULE: OPTION is VALUE, ...". */
bool sp__option_within(const char *rule, const char *option, double value, double end);

#endif
