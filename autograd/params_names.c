/* SPDX-License-Identifier: MIT
 *
 * params_names.c - parameters chosen by a pattern of their names.
 */
#include "autograd/params.h"

/* One character on: the bytes behind the first of a UTF-8 character are 10xxxxxx. */
static const char *next(const char *s)
{
    do s++;
    while ((*s & 0xC0) == 0x80);
    return s;
}

/* When a letter does not fit, the last '*' takes one character more; earlier ones need
   no second try, since what lies between two stars is found at its first place. */
bool sp_params_match(const char *name, const char *pattern)
{
    const char *star = NULL, *taken = NULL;

    if (!name || !pattern) return false;
    while (*name) {
        if (*pattern == '*') {
            star = pattern++;
            taken = name;
        } else if (*pattern == '?') {
            pattern++;
            name = next(name);
        } else if (*pattern == *name) {
            pattern++;
            name++;
        } else if (star) {
            pattern = star + 1;
            name = ++taken;
        } else {
            return false;
        }
    }
    while (*pattern == '*') pattern++;
    return !*pattern;
}

/* A gradient that a parameter had before it was frozen is dropped. */
static int64_t set_trainable(sp_params *p, const char *pattern, bool trainable)
{
    int64_t n = 0;

    for (int64_t i = 0; i < sp_params_count(p); i++) {
        sp_param *x = sp_params_at(p, i);
        if (!sp_params_match(x->name, pattern)) continue;
        x->trainable = trainable;
        x->has_grad = x->has_grad && trainable;
        n++;
    }
    return n;
}

int64_t sp_params_train(sp_params *p, const char *pattern)
{
    return set_trainable(p, pattern, true);
}

int64_t sp_params_freeze(sp_params *p, const char *pattern)
{
    return set_trainable(p, pattern, false);
}
