/* SPDX-License-Identifier: MIT
 *
 * backward - what is asked of a sweep: sp_grad, the gradient by any vars; and sp_backward, that by
 * every trainable parameter, evaluated and added to what it has.
 */
#include "autograd/grad.h"
#include "autograd/ops.h"
#include "tensor/strided.h"

/* The seed of y where none is given: 1. */
static sp_var usual_seed(sp_var y)
{
    sp_shape shape = sp_var_shape(y);
    char text[SP_SHAPE_TEXT];

    if (!y.tape || !sp__readable(y.tape, y, "grad")) return sp__nothing(y.tape);
    if (!sp_is_floating(sp_var_dtype(y)) || sp_shape_size(shape) == 1)
        return sp_full(y.tape, sp_var_dtype(y), shape, 1);
    return sp__fail(y.tape,
                    "grad: %s: y has %lld elements; give a seed of its shape, or reduce it to one "
                    "element", sp_shape_text(shape, text), (long long)sp_shape_size(shape));
}

bool sp__gradients(sp_var y, int n, const sp_var wrt[], sp_var out[], const sp_grad_spec *spec,
                   bool zeros)
{
    sp_grad_spec usual = { 0 };
    if (!spec) spec = &usual;
    sp_var seed = sp_is_given(spec->seed) ? spec->seed : usual_seed(y);

    return sp__sweep(&(sp_asked){ .who = "grad", .n = 1, .y = &y, .seed = &seed,
                                  .n_stop = spec->n_stop, .stop = spec->stop, .zeros = zeros },
                     n, wrt, out);
}

bool sp_grad(sp_var y, int n, const sp_var wrt[], sp_var out[], const sp_grad_spec *spec)
{
    return sp__gradients(y, n, wrt, out, spec, true);
}

/* ---- by parameters ---- */

/* The parameters of a step and their gradients; arrays of n, in the tape's arena. */
typedef struct step {
    sp_tape   *t;
    int64_t    n;
    sp_var    *leaf, *grad, *all;
    sp_param **param;
    bool       changed;              /* some parameter changed since it was recorded */
} step;

static bool make_room(step *s)
{
    int64_t n = s->t->n_leaves + 1;

    s->leaf = sp__tape_alloc(s->t, n * (int64_t)sizeof *s->leaf);
    s->grad = sp__tape_alloc(s->t, n * (int64_t)sizeof *s->grad);
    s->all = sp__tape_alloc(s->t, n * (int64_t)sizeof *s->all);
    s->param = sp__tape_alloc(s->t, n * (int64_t)sizeof *s->param);
    return s->leaf && s->grad && s->all && s->param;
}

static void find_leaves(step *s)
{
    for (int64_t i = 0; i < s->t->n_leaves; i++) {
        const sp_leaf *leaf = &s->t->leaves[i];
        if (!leaf->param || !leaf->param->trainable) continue;
        s->changed |= leaf->version != leaf->param->version;
        s->leaf[s->n] = (sp_var){ s->t, leaf->node, s->t->epoch };
        s->param[s->n++] = leaf->param;
    }
}

/* Where parameter p stands among the first n; n if it does not.  It can only if it changed
   between two uses on this tape, so that it has two leaves. */
static int64_t earlier(const step *s, int64_t n, const sp_param *p)
{
    int64_t i = 0;

    while (i < n && s->param[i] != p) i++;
    return i;
}

/* Drop the parameters that the loss does not reach; add what the others have already. */
static bool total(step *s, sp_var loss)
{
    int64_t n = 0;

    for (int64_t i = 0; i < s->n; i++) {
        sp_param *p = s->param[i];
        sp_var g = s->grad[i];
        if (!sp_is_given(g)) continue;
        int64_t at = s->changed ? earlier(s, n, p) : n;
        if (at < n) g = sp_add(s->grad[at], g);
        else if (p->has_grad) g = sp_add(sp_input(s->t, &p->grad), g);
        s->param[at] = p;
        s->grad[at] = s->all[at] = g;
        n += at == n;
    }
    s->n = n;
    s->all[n] = loss;
    if (n > 0 || s->t->failed) return !s->t->failed;
    sp__fail(s->t, "backward: the loss depends on no trainable parameter of this tape");
    return false;
}

/* The values are there: from here on nothing can fail. */
static void commit(const step *s)
{
    sp_operand g;

    for (int64_t i = 0; i < s->n; i++) {
        sp_param *p = s->param[i];
        sp_layout dense = sp_shape_layout(p->grad.shape);
        sp__operand(s->t, s->grad[i].id, &g);
        sp__copy_strided(p->grad.shape, sp_dtype_size(p->grad.dtype), p->grad.data, dense.stride,
                         g.data, g.stride);
        p->has_grad = true;
    }
}

bool sp_backward(sp_var loss)
{
    step s = { .t = loss.tape };
    char text[SP_SHAPE_TEXT];

    if (!s.t) return sp_fail("backward: its operand is no var of a tape");
    if (!sp__readable(s.t, loss, "backward")) return false;
    if (sp_shape_size(sp_var_shape(loss)) != 1)
        return sp__fail(s.t, "backward: %s: the loss must have exactly one element",
                        sp_shape_text(sp_var_shape(loss), text)), false;
    if (!make_room(&s)) return false;
    find_leaves(&s);
    if (!sp__gradients(loss, (int)s.n, s.leaf, s.grad, NULL, false)) return false;
    if (!total(&s, loss)) return false;
    if (!sp__run(s.t, (int)s.n + 1, s.all, !s.t->spec.keep)) return false;
    commit(&s);
    return true;
}
