/* SPDX-License-Identifier: MIT
 *
 * value - asking for values: eval, item, value, export, keep.
 */
#include <math.h>
#include "autograd/node.h"
#include "tensor/strided.h"

static bool ready(sp_var v, const char *who)
{
    if (!v.tape) return sp_fail("%s: its operand is no var of a tape", who);
    return sp__readable(v.tape, v, who);
}

static bool evaluate(int n, const sp_var v[], bool drop, const char *who)
{
    if (n < 0) return sp_fail("%s: %d vars are asked for", who, n);
    for (int i = 0; i < n; i++)
        if (!ready(v[i], who)) return false;
    for (int i = 1; i < n; i++)
        if (!sp__readable(v[0].tape, v[i], who)) return false;
    return n <= 0 || sp__run(v[0].tape, n, v, drop);
}

bool sp_eval     (int n, const sp_var v[]) { return evaluate(n, v, false, "eval"); }
bool sp_eval_only(int n, const sp_var v[]) { return evaluate(n, v, true, "eval_only"); }

static void copy_out(sp_var v, void *to)
{
    sp_operand x;

    sp__operand(v.tape, v.id, &x);
    sp_layout dense = sp_shape_layout(x.shape);
    sp__copy_strided(x.shape, sp_dtype_size(x.dtype), to, dense.stride, x.data, x.stride);
}

double sp_item(sp_var v)
{
    sp_tensor x = { sp_var_dtype(v), SP_SCALAR, NULL, true };
    char shape[SP_SHAPE_TEXT];

    if (!ready(v, "item")) return NAN;
    if (sp_shape_size(sp_var_shape(v)) != 1) {
        sp__fail(v.tape, "item: %s: it needs exactly one element",
                 sp_shape_text(sp_var_shape(v), shape));
        return NAN;
    }
    if (!evaluate(1, &v, false, "item")) return NAN;
    double room = 0;
    copy_out(v, &room);
    x.data = &room;
    return sp_tensor_at(&x, 0);
}

sp_tensor *sp_export(sp_var v)
{
    if (!evaluate(1, &v, false, "export")) return NULL;
    sp_tensor *x = sp_tensor_new(sp_var_dtype(v), sp_var_shape(v));
    if (x) copy_out(v, x->data);
    return x;                            /* without memory for it the tape is as well as before */
}

/* A parameter's value may change or move before the tape is reset; so it is copied. */
static bool reads_param(const sp_tape *t, uint32_t id)
{
    uint32_t base = t->beside[id].base;
    return sp__op(t, base)->kind == SP_LEAF && t->leaves[t->node[base].slot].param;
}

const sp_tensor *sp_value(sp_var v)
{
    if (!evaluate(1, &v, false, "value")) return NULL;

    sp_tape *t = v.tape;
    sp_beside *b = &t->beside[v.id];
    if (b->tensor) return b->tensor;
    sp_tensor *x = sp__tape_alloc(t, sizeof *x);
    if (!x) return NULL;
    *x = (sp_tensor){ sp_var_dtype(v), sp_var_shape(v), NULL, true };
    sp_layout layout = sp__layout(t, v.id);
    if (sp_layout_is_dense(x->shape, &layout) && !reads_param(t, v.id)) {
        sp_operand o;
        sp__operand(t, v.id, &o);
        x->data = o.data;
    } else {
        x->data = sp__pool_take(&t->pool, sp_tensor_bytes(x));
        if (!x->data) return sp__fail(t, "value: %s", sp_error()), NULL;
        x->borrowed = false;
        copy_out(v, x->data);
    }
    return b->tensor = x;
}

sp_var sp_keep(sp_var v)
{
    sp_tape *t = v.tape;

    if (!ready(v, "keep")) return t ? sp__nothing(t) : v;
    if (!sp__grow(t, &t->pinned, &t->pinned_room, t->n_pinned + 1, sizeof *t->pinned))
        return sp__nothing(t);
    t->pinned[t->n_pinned++] = v.id;
    return v;
}
