/* SPDX-License-Identifier: MIT
 *
 * hook - functions that are handed a var's gradient by the sweep.
 */
#include "autograd/grad.h"

/* Hooks lie in the order of their vars, and of attachment: almost always that of the calls. */
static int64_t behind_all_of(const sp_tape *t, uint32_t id)
{
    int64_t lo = 0, hi = t->n_hooks;

    while (lo < hi) {
        const int64_t mid = lo + (hi - lo) / 2;
        if (t->hooks[mid].id <= id) lo = mid + 1;
        else hi = mid;
    }
    return lo;
}

static int64_t first_of(const sp_tape *t, uint32_t id)
{
    return id == 0 ? 0 : behind_all_of(t, id - 1);
}

sp_var sp_hook(sp_var v, sp_gradient_hook *f, void *data)
{
    sp_tape *t = v.tape;

    if (!t) return sp_fail("hook: its operand is no var of a tape"), v;
    if (!sp__readable(t, v, "hook")) return sp__nothing(t);
    if (!f) return sp__fail(t, "hook: there is no function");
    if (!sp_is_floating(sp_var_dtype(v)))
        return sp__fail(t, "hook: its operand is %s; only f32 and f64 have gradients",
                        sp_dtype_name(sp_var_dtype(v)));
    if (!sp__grow(t, &t->hooks, &t->hook_room, t->n_hooks + 1, sizeof *t->hooks))
        return sp__nothing(t);
    const int64_t at = behind_all_of(t, v.id);
    for (int64_t i = t->n_hooks++; i > at; i--) t->hooks[i] = t->hooks[i - 1];
    t->hooks[at] = (sp_hooked){ v.id, f, data };
    return v;
}

/* Whether what a hook gives can be the gradient in place of g; otherwise the tape fails. */
static bool replaces(sp_tape *t, sp_var given, sp_var g)
{
    char is[SP_SHAPE_TEXT], due[SP_SHAPE_TEXT];

    if (!sp__readable(t, given, "hook")) return false;
    if (sp_shape_equal(sp_var_shape(given), sp_var_shape(g))
        && sp_var_dtype(given) == sp_var_dtype(g))
        return true;
    sp__fail(t, "hook: the gradient is %s%s, and what the hook gives in its place %s%s",
             sp_dtype_name(sp_var_dtype(g)), sp_shape_text(sp_var_shape(g), due),
             sp_dtype_name(sp_var_dtype(given)), sp_shape_text(sp_var_shape(given), is));
    return false;
}

/* A hook may attach others: those of this var then wait for the next sweep. */
sp_var sp__run_hooks(sp_tape *t, uint32_t id, sp_var g)
{
    const int64_t n = behind_all_of(t, id) - first_of(t, id);

    for (int64_t i = 0; i < n && !t->failed; i++) {
        const sp_hooked hook = t->hooks[first_of(t, id) + i];
        sp_var given = hook.f(g, hook.data);
        if (!replaces(t, given, g)) return sp__nothing(t);
        g = given;
    }
    return g;
}
