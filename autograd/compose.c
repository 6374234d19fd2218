/* SPDX-License-Identifier: MIT
 *
 * compose - functions made of ops: they need no record of their own.
 */
#include "autograd/called.h"
#include "autograd/ops/contract.h"
#include "autograd/grad.h"
#include "autograd/ops.h"

sp_var sp_number(sp_var like, double c)
{
    sp_tape *t = like.tape;

    if (t && t->early) return sp__shared_number(t, sp_var_dtype(like), c);   /* a rule's */
    return SP_CALLED(like, "number", sp_const(t, sp_var_dtype(like), c));
}

sp_var sp_scale(sp_var x, double c) { return SP_CALLED(x, "scale", sp_mul(x, sp_number(x, c))); }
sp_var sp_shift(sp_var x, double c) { return SP_CALLED(x, "shift", sp_add(x, sp_number(x, c))); }
sp_var sp_one_minus(sp_var x)
{
    return SP_CALLED(x, "one_minus", sp_sub(sp_number(x, 1), x));
}

sp_var sp_sum (sp_var x) { return sp_sum_axes(x, SP_ALL_AXES, false); }
sp_var sp_mean(sp_var x) { return sp_mean_axes(x, SP_ALL_AXES, false); }

/* The sum over the count, so that the mean of nothing is 0 / 0. */
static sp_var mean_over(sp_var x, sp_axes axes, bool keep)
{
    sp_var sum = sp_sum_axes(x, axes, keep);
    int64_t count = axes.n < 0 ? sp_shape_size(sp_var_shape(x)) : 1;

    if (sp_is_nothing(sum)) return sum;
    for (int i = 0; i < axes.n; i++) count *= sp_var_dim(x, axes.axis[i]);
    return sp_div(sum, sp_number(sum, (double)count));
}

sp_var sp_mean_axes(sp_var x, sp_axes axes, bool keep)
{
    return SP_CALLED(x, "mean", mean_over(x, axes, keep));
}

sp_var sp_mse(sp_var x, sp_var y)
{
    return SP_CALLED_ON(sp__either(x, y), "mse", sp_mean(sp_square(sp_sub(x, y))));
}

sp_var sp_masked_fill(sp_var x, sp_var condition, double value)
{
    sp_tape *t;

    if (!sp__all_readable(2, (sp_var[]){ x, condition }, "masked_fill", &t)) return sp__nothing(t);
    return SP_CALLED_ON(t, "masked_fill", sp_where(condition, sp_number(x, value), x));
}

/* ---- gradients ---- */

/* The one place where broadcasting is undone: the axes that were repeated are summed. */
static sp_var unbroadcast(sp_var g, sp_shape x)
{
    sp_shape from = sp_var_shape(g);
    sp_axes axes = { 0, { 0 } };
    int64_t more = from.rank - x.rank;

    if (sp_shape_equal(from, x)) return g;
    for (int d = 0; d < from.rank; d++)
        if (d < more || (x.dim[d - more] == 1 && from.dim[d] != 1)) axes.axis[axes.n++] = d;
    return sp_reshape(sp_sum_axes(g, axes, true), x);
}

sp_var sp__of_operand(const sp_pullback *v, int k, sp_var g)
{
    const sp_var x = v->x[k];
    const bool same = sp_var_dtype(g) == sp_var_dtype(x);
    char is[SP_SHAPE_TEXT], due[SP_SHAPE_TEXT];
    sp_shape both;

    if (same && sp_shape_broadcast(sp_var_shape(g), sp_var_shape(x), &both)
        && sp_shape_equal(both, sp_var_shape(g)))
        return unbroadcast(g, sp_var_shape(x));
    return sp__fail(x.tape, "%s: the gradient its rule gives operand %d is %s, and the operand %s",
                    sp__op(x.tape, v->y.id)->name, k,
                    same ? sp_shape_text(sp_var_shape(g), is) : sp_dtype_name(sp_var_dtype(g)),
                    same ? sp_shape_text(sp_var_shape(x), due) : sp_dtype_name(sp_var_dtype(x)));
}
