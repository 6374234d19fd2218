/* SPDX-License-Identifier: MIT
 *
 * optim_saved.c - an optimizer as a part of a checkpoint.
 */
#include "optim/state.h"

#include <stdio.h>
#include <string.h>

/* "optim.NAME.WHAT", in room that was made when the state was covered: taking must not fail. */
static const char *name_of(const sp_optim *z, const sp_param *x, const char *what)
{
    snprintf(z->text, (size_t)z->text_room, "optim.%s.%s", x->name, what);
    return z->text;
}

/* The k-th state as a tensor that reads and writes its slab. */
static sp_tensor state_of(const sp_optim *z, const sp_param *x, int k)
{
    return (sp_tensor){ .dtype = x->value.dtype, .shape = x->value.shape,
                        .data = sp__optim_state(z, x, k), .borrowed = true };
}

static bool has_state(const sp_optim *z, int k)
{
    return k < SP_MAX_SLABS && z->rule->state[k].name;
}

static bool is_wanted(const sp_optim *z, const sp_param *x, int k)
{
    sp_options o = sp__options_of(z, x->name);
    return !z->rule->state[k].wanted || z->rule->state[k].wanted(&o);
}

/* Room for the state is not state, so reading and checking may make it. */
static bool whole(const void *it)
{
    sp_optim *z = (sp_optim *)(uintptr_t)it;

    if (!z) return sp_fail("there is no optimizer to keep");
    if (sp_params_error(z->params))
        return sp_fail("%s: the parameters failed: %s", z->rule->name, sp_params_error(z->params));
    return sp__optim_cover(z);
}

/* ---- put ---- */

static bool put_param(const sp_optim *z, const sp_param *x, sp_store *store)
{
    int64_t t = z->t[x->index];
    bool ok = sp_store_put_integer(store, name_of(z, x, "step"), t);

    for (int k = 0; ok && t > 0 && has_state(z, k); k++) {
        if (!is_wanted(z, x, k)) continue;
        sp_tensor y = state_of(z, x, k);
        ok = sp_store_put_tensor(store, name_of(z, x, z->rule->state[k].name), &y);
    }
    return ok;
}

static bool put(const void *it, sp_store *store)
{
    const sp_optim *z = it;
    bool ok = whole(it);

    for (int64_t i = 0; ok && i < sp_params_count(z->params); i++)
        ok = put_param(z, sp_params_at(z->params, i), store);
    return ok;
}

/* ---- check ---- */

static bool check_state(const sp_param *x, const char *name, const sp_store *store)
{
    char has[SP_SHAPE_TEXT], wants[SP_SHAPE_TEXT];
    const sp_tensor *y = sp_store_tensor(store, name);

    if (!y) return false;
    if (sp_is_floating(y->dtype) && sp_shape_equal(y->shape, x->value.shape)) return true;
    return sp_fail("%s is %s %s, its parameter is %s", name, sp_dtype_name(y->dtype),
                   sp_shape_text(y->shape, has), sp_shape_text(x->value.shape, wants));
}

static bool check_param(const sp_optim *z, const sp_param *x, const sp_store *store)
{
    int64_t t;

    if (!sp_store_integer(store, name_of(z, x, "step"), &t)) return false;
    if (t < 0) return sp_fail("%s is %lld", z->text, (long long)t);
    for (int k = 0; t > 0 && has_state(z, k); k++)
        if (is_wanted(z, x, k) && !check_state(x, name_of(z, x, z->rule->state[k].name), store))
            return false;
    return true;
}

/* The parameter whose state "optim.NAME.WHAT" is; *what follows the last point.  NULL: none. */
static const sp_param *owner_of(const sp_optim *z, const char *name, const char **what)
{
    const char *point = strrchr(name, '.');
    int64_t     n = point ? point - name - 6 : 0;

    if (n <= 0 || n >= z->text_room || strncmp(name, "optim.", 6) != 0) return NULL;
    snprintf(z->text, (size_t)n + 1, "%s", name + 6);
    *what = point + 1;
    return sp_params_find(z->params, z->text);
}

/* A state of one of our parameters that is not wanted with these options is another rule's. */
static bool check_others(const sp_optim *z, const sp_store *store)
{
    const char *name, *what = NULL;

    for (int64_t i = 0; (name = sp_store_name(store, i)); i++) {
        const sp_param *x = owner_of(z, name, &what);
        bool ours = !x || strcmp(what, "step") == 0;
        for (int k = 0; !ours && has_state(z, k); k++)
            ours = strcmp(what, z->rule->state[k].name) == 0 && is_wanted(z, x, k);
        if (!ours) return sp_fail("%s with these options has no %s", z->rule->name, name);
    }
    return true;
}

static bool check(const void *it, const sp_store *store)
{
    const sp_optim *z = it;
    bool ok = whole(it);

    for (int64_t i = 0; ok && i < sp_params_count(z->params); i++)
        ok = check_param(z, sp_params_at(z->params, i), store);
    return ok && check_others(z, store);
}

/* ---- take ---- */

static void take_state(const sp_optim *z, const sp_param *x, int k, const sp_store *store)
{
    const char *name = name_of(z, x, z->rule->state[k].name);
    const sp_tensor *from = sp_store_has(store, name) ? sp_store_tensor(store, name) : NULL;
    sp_tensor y = state_of(z, x, k);

    if (!y.data) return;
    memset(y.data, 0, (size_t)sp_tensor_bytes(&y));
    if (from && from->dtype == y.dtype) memcpy(y.data, from->data, (size_t)sp_tensor_bytes(&y));
    else for (int64_t i = 0; i < sp_tensor_size(from); i++)
        sp_tensor_set(&y, i, sp_tensor_at(from, i));
}

static void take(void *it, const sp_store *store)
{
    sp_optim *z = it;

    for (int64_t i = 0; i < sp_params_count(z->params); i++) {
        const sp_param *x = sp_params_at(z->params, i);
        sp_store_integer(store, name_of(z, x, "step"), &z->t[i]);
        for (int k = 0; has_state(z, k); k++) take_state(z, x, k, store);
    }
}

sp_saved sp_optim_saved(sp_optim *z)
{
    return (sp_saved){ z, put, check, take };
}
