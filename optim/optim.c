/* SPDX-License-Identifier: MIT
 *
 * optim.c - an optimizer: options by group, state slabs beside the slabs of the
 * collection, the step, and its part of a checkpoint (optim_saved.c).
 */
#include "optim/state.h"

#include <math.h>
#include <string.h>
#include "tensor/alloc.h"
#include "tensor/cpu.h"

/* ---- options ---- */

bool sp__option_within(const char *rule, const char *option, double value, double end)
{
    if (value >= 0 && value < end) return true;
    return sp_fail("%s: %s is %g, not a number from 0 on%s", rule, option, value,
                   isinf(end) ? "" : " and below 1");
}

static bool check(const sp_rule *rule, const sp_options *o)
{
    return sp__option_within(rule->name, "lr", o->lr, INFINITY)
        && sp__option_within(rule->name, "weight_decay", o->weight_decay, INFINITY)
        && rule->check(o);
}

static void override(sp_options *o, const sp_group_spec *s)
{
    o->lr = sp_usual(s->lr, o->lr);
    o->weight_decay = sp_usual(s->weight_decay, o->weight_decay);
    o->momentum = sp_usual(s->momentum, o->momentum);
    o->dampening = sp_usual(s->dampening, o->dampening);
    o->betas[0] = sp_usual(s->betas[0], o->betas[0]);
    o->betas[1] = sp_usual(s->betas[1], o->betas[1]);
    o->eps = sp_usual(s->eps, o->eps);
    o->alpha = sp_usual(s->alpha, o->alpha);
}

sp_options sp__options_of(const sp_optim *z, const char *name)
{
    sp_options o = z->options;

    for (int64_t i = 0; i < z->n_groups; i++)
        if (sp_params_match(name, z->group[i].pattern)) override(&o, &z->group[i].spec);
    return o;
}

double sp_optim_lr(const sp_optim *z)
{
    return z ? z->options.lr : (double)NAN;
}

bool sp_optim_set_lr(sp_optim *z, double lr)
{
    if (!z) return sp_fail("sp_optim_set_lr: there is no optimizer");
    if (!sp__option_within(z->rule->name, "lr", lr, INFINITY)) return false;
    z->options.lr = lr;
    return true;
}

/* ---- life ---- */

sp_optim *sp__optim_new(sp_params *params, const sp_rule *rule, sp_options options)
{
    const char *error = sp_params_error(params);

    if (error) return sp_fail("%s: there are no parameters: %s", rule->name, error), NULL;
    if (!check(rule, &options)) return NULL;

    sp_optim *z = sp_alloc_zero(sizeof *z);
    if (!z) return NULL;
    z->params = params;
    z->rule = rule;
    z->options = options;
    if (sp__optim_cover(z)) return z;
    sp_optim_free(z);
    return NULL;
}

void sp_optim_free(sp_optim *z)
{
    if (!z) return;
    for (int64_t i = 0; i < z->n_groups; i++) sp_release(z->group[i].pattern);
    for (int k = 0; k < SP_MAX_SLABS; k++) sp_release(z->slab[k].data);
    sp_release(z->group);
    sp_release(z->text);
    sp_release(z->t);
    sp_release(z);
}

/* ---- groups ---- */

static bool known(const sp_rule *rule, const sp_group_spec *s)
{
    const struct { double given; unsigned bit; const char *name; } option[] = {
        { s->momentum, SP_MOMENTUM, "momentum" }, { s->dampening, SP_DAMPENING, "dampening" },
        { s->betas[0], SP_BETAS, "betas" },       { s->betas[1], SP_BETAS, "betas" },
        { s->eps, SP_EPS, "eps" },                { s->alpha, SP_ALPHA, "alpha" },
    };

    for (size_t i = 0; i < sizeof option / sizeof *option; i++)
        if (option[i].given != 0 && !(rule->knows & option[i].bit))
            return sp_fail("%s has no option %s", rule->name, option[i].name);
    return true;
}

/* The group of a pattern, a new empty one if there is none; NULL: no memory. */
static sp_group *group_of(sp_optim *z, const char *pattern)
{
    for (int64_t i = 0; i < z->n_groups; i++)
        if (strcmp(z->group[i].pattern, pattern) == 0) return &z->group[i];

    int64_t size = sizeof *z->group;
    char *copy = sp_strdup(pattern);
    sp_group *group = copy ? sp_realloc_array(z->group, z->n_groups * size, z->n_groups + 1, size)
                           : NULL;
    if (!group) {
        sp_release(copy);
        return NULL;
    }
    z->group = group;
    group[z->n_groups] = (sp_group){ .pattern = copy };
    return &group[z->n_groups++];
}

static sp_group_spec merged(sp_group_spec old, sp_group_spec new)
{
    double *a = (double *)&old, *b = (double *)&new;      /* options of a group are all doubles */

    for (size_t i = 0; i < sizeof old / sizeof *a; i++)
        if (b[i] != 0) a[i] = b[i];
    return old;
}

/* Whether every parameter's options are in range, and the state that they want is there. */
static bool settled(sp_optim *z)
{
    for (int64_t i = 0; i < sp_params_count(z->params); i++) {
        const char *name = sp_params_at(z->params, i)->name;
        sp_options o = sp__options_of(z, name);
        if (!check(z->rule, &o)) return sp_fail("%s: %s", name, sp_error());
    }
    return sp__optim_cover(z);
}

static bool any_matches(const sp_params *p, const char *pattern)
{
    for (int64_t i = 0; i < sp_params_count(p); i++)
        if (sp_params_match(sp_params_at(p, i)->name, pattern)) return true;
    return sp_fail("no parameter matches the pattern %s", pattern);
}

bool sp_optim_group(sp_optim *z, const char *pattern, sp_group_spec spec)
{
    if (!z || !pattern) return sp_fail("sp_optim_group: no %s", z ? "pattern" : "optimizer");
    if (!known(z->rule, &spec) || !any_matches(z->params, pattern)) return false;

    int64_t   n = z->n_groups;
    sp_group *group = group_of(z, pattern);
    if (!group) return false;
    sp_group_spec before = group->spec;
    group->spec = merged(before, spec);
    if (settled(z)) return true;
    group->spec = before;
    if (z->n_groups > n) sp_release(z->group[--z->n_groups].pattern);
    return false;
}

/* ---- the step ---- */

static int64_t slab_size(const sp_params *p)
{
    const sp_param *last = sp_params_at(p, sp_params_count(p) - 1);
    return last ? last->offset + sp_tensor_size(&last->value) : 0;
}

static bool wanted(const sp_optim *z, int k)
{
    bool (*by)(const sp_options *) = z->rule->state[k].wanted;

    for (int64_t i = 0; by && i < sp_params_count(z->params); i++) {
        sp_options o = sp__options_of(z, sp_params_at(z->params, i)->name);
        if (by(&o)) return true;
    }
    return !by;
}

static bool cover_slab(const sp_optim *z, sp_slab *slab)
{
    int64_t n = slab_size(z->params), size = sp_dtype_size(sp_params_dtype_of(z->params));

    if (slab->data && slab->n >= n) return true;
    char *data = sp_realloc_array(slab->data, slab->n * size, n, size);
    if (!data) return false;
    memset(data + slab->n * size, 0, (size_t)((n - slab->n) * size));
    *slab = (sp_slab){ data, n };
    return true;
}

static bool cover_counts(sp_optim *z)
{
    int64_t n = sp_params_count(z->params), size = sizeof *z->t;

    if (z->t && z->n >= n) return true;
    int64_t *t = sp_realloc_array(z->t, z->n * size, n, size);
    if (!t) return false;
    memset(t + z->n, 0, (size_t)((n - z->n) * size));
    z->t = t;
    z->n = n;
    return true;
}

static bool cover_text(sp_optim *z)
{
    enum { AROUND = 64 };            /* "optim." and the longest name of a state */
    int64_t longest = 0;

    for (int64_t i = 0; i < sp_params_count(z->params); i++) {
        int64_t n = (int64_t)strlen(sp_params_at(z->params, i)->name);
        if (n > longest) longest = n;
    }
    if (z->text && longest + AROUND <= z->text_room) return true;
    char *text = sp_alloc(longest + AROUND);
    if (!text) return false;
    sp_release(z->text);
    z->text = text;
    z->text_room = longest + AROUND;
    return true;
}

bool sp__optim_cover(sp_optim *z)
{
    bool ok = cover_counts(z) && cover_text(z);

    for (int k = 0; ok && k < SP_MAX_SLABS && z->rule->state[k].name; k++)
        ok = !wanted(z, k) || cover_slab(z, &z->slab[k]);
    return ok;
}

void *sp__optim_state(const sp_optim *z, const sp_param *x, int k)
{
    char *data = z->slab[k].data;
    return data ? data + x->offset * sp_dtype_size(x->value.dtype) : NULL;
}

static void move(sp_optim *z, sp_param *x)
{
    sp_options o = sp__options_of(z, x->name);
    sp_update  u = { .n = sp_tensor_size(&x->value), .t = ++z->t[x->index], .o = &o,
                     .x = x->value.data, .g = x->grad.data };

    for (int k = 0; k < SP_MAX_SLABS; k++) u.state[k] = sp__optim_state(z, x, k);
    (x->value.dtype == SP_F64 ? z->rule->f64 : z->rule->f32)(&u);
    x->has_grad = false;
    sp_param_changed(x);
}

bool sp_optim_step(sp_optim *z)
{
    if (!z) return sp_fail("sp_optim_step: there is no optimizer");

    const char *error = sp_params_error(z->params);
    if (error) return sp_fail("%s: the parameters failed: %s", z->rule->name, error);
    if (!sp__optim_cover(z)) return false;
    unsigned was = sp_denormals_flush();
    for (int64_t i = 0; i < sp_params_count(z->params); i++) {
        sp_param *x = sp_params_at(z->params, i);
        if (x->has_grad && x->trainable) move(z, x);
    }
    sp_denormals_restore(was);
    return true;
}
