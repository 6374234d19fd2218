/* SPDX-License-Identifier: MIT
 *
 * product - products of arrays of any rank, by matmul.
 */
#include <stdarg.h>
#include <stdio.h>
#include "autograd/ops/contract.h"
#include "autograd/node.h"

/* "who: [2,3] x [4]: what differs" */
static sp_var refused(const char *who, sp_var a, sp_var b, const char *format, ...) SP_PRINTF(4, 5);
static sp_var refused(const char *who, sp_var a, sp_var b, const char *format, ...)
{
    char a_text[SP_SHAPE_TEXT], b_text[SP_SHAPE_TEXT], what[SP_ERROR_TEXT / 4];
    va_list list;

    va_start(list, format);
    vsnprintf(what, sizeof what, format, list);
    va_end(list);
    return sp_tape_fail(a.tape, "%s: %s x %s: %s", who, sp_shape_text(sp_var_shape(a), a_text),
                        sp_shape_text(sp_var_shape(b), b_text), what);
}

/* What can be said before anything is recorded; false: the tape has failed. */
static bool fit(const char *who, sp_var a, sp_var b)
{
    sp_dtype x = sp_var_dtype(a), y = sp_var_dtype(b);

    if (x == y && sp_is_floating(x)) return true;
    return refused(who, a, b, "dtypes %s and %s; both must be f32 or both f64", sp_dtype_name(x),
                   sp_dtype_name(y)), false;
}

static bool inner_fit(const char *who, sp_var a, sp_var b, int64_t m, int64_t n)
{
    if (m == n) return fit(who, a, b);
    refused(who, a, b, "inner sizes %lld and %lld differ", (long long)m, (long long)n);
    return false;
}

/* Both have a last axis, and those before it broadcast. */
static bool leading_fit(const char *who, sp_var a, sp_var b)
{
    sp_shape x = sp_var_shape(a), y = sp_var_shape(b), both;

    if (x.rank == 0 || y.rank == 0)
        return refused(who, a, b, "a scalar has no last axis"), false;
    x.dim[--x.rank] = 0;
    y.dim[--y.rank] = 0;
    if (sp_shape_broadcast(x, y, &both)) return true;
    return refused(who, a, b, "the leading axes do not broadcast"), false;
}

/* A vector is a row on the left and a column on the right, and its axis goes. */
sp_var sp_matmul(sp_var a, sp_var b)
{
    int64_t a_rank = sp_var_shape(a).rank, b_rank = sp_var_shape(b).rank;

    if (a_rank == 0 || b_rank == 0 || (a_rank > 1 && b_rank > 1))
        return sp_matmul_t(a, false, b, false);
    int64_t inner = sp_var_dim(b, b_rank == 1 ? 0 : -2);
    sp_tape *t;
    if (!sp__all_readable(2, (sp_var[]){ a, b }, "matmul", &t)
        || !inner_fit("matmul", a, b, sp_var_dim(a, -1), inner)) return sp__nothing(t);
    sp_var y = sp_matmul_t(a_rank == 1 ? sp_unsqueeze(a, 0) : a, false,
                           b_rank == 1 ? sp_unsqueeze(b, 1) : b, false);
    if (b_rank == 1) y = sp_squeeze(y, -1);
    return a_rank == 1 ? sp_squeeze(y, b_rank == 1 ? -1 : -2) : y;
}

sp_var sp_dot(sp_var a, sp_var b)
{
    sp_tape *t;

    if (!sp__all_readable(2, (sp_var[]){ a, b }, "dot", &t) || !leading_fit("dot", a, b)
        || !inner_fit("dot", a, b, sp_var_dim(a, -1), sp_var_dim(b, -1))) return sp__nothing(t);
    if (sp_var_shape(a).rank == SP_MAX_RANK || sp_var_shape(b).rank == SP_MAX_RANK)
        return SP_CALLED(a, "dot", sp_sum_axes(sp_mul(a, b), SP_AXES(-1), false));
    sp_var row = sp_unsqueeze(a, -2), column = sp_unsqueeze(b, -1);
    sp_var y = SP_CALLED(row, "dot", sp_matmul_t(row, false, column, false));
    return sp_squeeze(sp_squeeze(y, -1), -1);
}

sp_var sp_outer(sp_var a, sp_var b)
{
    sp_tape *t;

    if (!sp__all_readable(2, (sp_var[]){ a, b }, "outer", &t) || !leading_fit("outer", a, b)
        || !fit("outer", a, b)) return sp__nothing(t);
    if (sp_var_shape(a).rank == SP_MAX_RANK || sp_var_shape(b).rank == SP_MAX_RANK)
        return refused("outer", a, b, "its result would have more than %d axes", SP_MAX_RANK);
    return SP_CALLED(a, "outer", sp_mul(sp_unsqueeze(a, -1), sp_unsqueeze(b, -2)));
}

/* ---- tensordot ---- */

/* Axis i of both lists gets one name; false: the tape has failed. */
static bool pair(sp_term *a, sp_term *b, int i, int j, uint64_t *named)
{
    int d = sp_axis(i, a->n), e = sp_axis(j, b->n);
    sp_var x = a->v, y = b->v;

    if (d < 0 || e < 0)
        return refused("tensordot", x, y, "there is no axis %d in rank %d", d < 0 ? i : j,
                       d < 0 ? a->n : b->n), false;
    if ((*named & SP_NAMED(d)) || b->name[e] != SP_MAX_RANK + e)
        return refused("tensordot", x, y, "an axis is named twice"), false;
    if (sp_var_dim(x, d) != sp_var_dim(y, e))
        return refused("tensordot", x, y, "axis %d of size %lld meets axis %d of size %lld", d,
                       (long long)sp_var_dim(x, d), e, (long long)sp_var_dim(y, e)), false;
    *named |= SP_NAMED(d);
    b->name[e] = d;
    return true;
}

sp_var sp_tensordot(sp_var a, sp_var b, sp_axes a_axes, sp_axes b_axes)
{
    sp_tape *t;
    uint64_t named = 0;

    if (!sp__all_readable(2, (sp_var[]){ a, b }, "tensordot", &t) || !fit("tensordot", a, b))
        return sp__nothing(t);
    sp_term x = { .v = a, .n = (int)sp_var_shape(a).rank };
    sp_term y = { .v = b, .n = (int)sp_var_shape(b).rank };
    int left = x.n + y.n - 2 * a_axes.n;
    if (a_axes.n < 0 || a_axes.n > SP_MAX_RANK)
        return refused("tensordot", a, b, "its axes must be named, at most %d", SP_MAX_RANK);
    if (a_axes.n != b_axes.n)
        return refused("tensordot", a, b, "%d axes of one cannot meet %d of the other", a_axes.n,
                       b_axes.n);
    for (int d = 0; d < SP_MAX_RANK; d++) x.name[d] = d, y.name[d] = SP_MAX_RANK + d;
    for (int i = 0; i < a_axes.n; i++)
        if (!pair(&x, &y, a_axes.axis[i], b_axes.axis[i], &named)) return sp__nothing(t);
    if (left > SP_MAX_RANK)
        return refused("tensordot", a, b, "its result would have %d axes, more than %d", left,
                       SP_MAX_RANK);
    uint64_t kept = sp__names(&x) ^ sp__names(&y);
    return SP_CALLED(a, "tensordot", sp__term_product(x, y, kept).v);
}
