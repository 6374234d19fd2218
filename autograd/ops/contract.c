/* SPDX-License-Identifier: MIT
 *
 * contract - sums of products over named axes.
 *
 * Of two terms, the names that both have and that are kept are a batch, those that both have and
 * that are not kept are the inner axes of a matrix product, and the rest are its rows and columns.
 */
#include "autograd/ops/contract.h"
#include "autograd/node.h"

uint64_t sp__names(const sp_term *x)
{
    uint64_t all = 0;

    for (int d = 0; d < x->n; d++) all |= SP_NAMED(x->name[d]);
    return all;
}

static int64_t size_of(const sp_term *x, int name)
{
    for (int d = 0; d < x->n; d++)
        if (x->name[d] == name) return sp_var_dim(x->v, d);
    return 1;
}

/* Names in order. */
typedef struct names { int n, name[2 * SP_MAX_RANK]; } names;

static void append(names *list, const sp_term *x, uint64_t these)
{
    for (int d = 0; d < x->n; d++)
        if (these & SP_NAMED(x->name[d])) list->name[list->n++] = x->name[d];
}

static names joined(const names *a, const names *b, const names *c)
{
    const names *lists[] = { a, b, c };
    names all = { 0 };

    for (int k = 0; k < 3; k++)
        for (int i = 0; i < lists[k]->n; i++) all.name[all.n++] = lists[k]->name[i];
    return all;
}

static sp_var reshaped(sp_var x, sp_shape shape)
{
    return sp_shape_equal(sp_var_shape(x), shape) ? x : sp_reshape(x, shape);
}

sp_var sp__term_as(sp_term x, const int name[])
{
    sp_axes order = { x.n, { 0 } };
    bool moved = false;

    for (int i = 0; i < x.n; i++) {
        for (int d = 0; d < x.n; d++)
            if (x.name[d] == name[i]) order.axis[i] = d;
        moved |= order.axis[i] != i;
    }
    return moved ? sp_permute(x.v, order) : x.v;
}

sp_term sp__term_sum(sp_term x, uint64_t kept)
{
    sp_axes axes = { 0, { 0 } };
    sp_term y = { .v = x.v };

    for (int d = 0; d < x.n; d++)
        if (kept & SP_NAMED(x.name[d])) y.name[y.n++] = x.name[d];
        else axes.axis[axes.n++] = d;
    if (axes.n) y.v = sp_sum_axes(x.v, axes, false);
    return y;
}

/* x without the axes of size 1 that are longer in the other: they are repeated. */
static sp_term without_repeated(sp_term x, const sp_term *other)
{
    sp_shape shape = { 0 };
    sp_term y = { 0 };

    for (int d = 0; d < x.n; d++) {
        int64_t size = sp_var_dim(x.v, d);
        if (size == 1 && size_of(other, x.name[d]) != 1) continue;
        shape.dim[shape.rank++] = size;
        y.name[y.n++] = x.name[d];
    }
    y.v = reshaped(x.v, shape);
    return y;
}

/* What a product is made of: batch, rows, inner, columns. */
typedef struct parts { names batch, rows, inner, cols; } parts;

static void add_axes(sp_shape *shape, const sp_term *x, const names *these)
{
    for (int i = 0; i < these->n; i++) shape->dim[shape->rank++] = size_of(x, these->name[i]);
}

static void add_joined(sp_shape *shape, const sp_term *x, const names *these)
{
    int64_t size = 1;

    for (int i = 0; i < these->n; i++) size *= size_of(x, these->name[i]);
    shape->dim[shape->rank++] = size;
}

/* x as [batch..., first, second], the latter two joined to one axis each; a batch of too many axes
   is joined as well. */
static sp_var as_matrices(sp_term x, const names *batch, const names *first, const names *second)
{
    names order = joined(batch, first, second);
    sp_shape shape = { 0 };
    sp_var v = sp__term_as(x, order.name);
    if (batch->n + 2 > SP_MAX_RANK) add_joined(&shape, &x, batch);
    else add_axes(&shape, &x, batch);
    add_joined(&shape, &x, first);
    add_joined(&shape, &x, second);
    return reshaped(v, shape);
}

static sp_var matrix_product(const sp_term *a, const sp_term *b, const parts *p)
{
    return sp_matmul(as_matrices(*a, &p->batch, &p->rows, &p->inner),
                     as_matrices(*b, &p->batch, &p->inner, &p->cols));
}

/* Without inner axes: a as [batch, rows, 1...] times b as [batch, 1..., columns]. */
static sp_var plain_product(const sp_term *a, const sp_term *b, const parts *p)
{
    names a_order = joined(&p->batch, &p->rows, &p->inner);
    names b_order = joined(&p->batch, &p->inner, &p->cols);
    sp_shape a_shape = { 0 }, b_shape = { 0 };

    add_axes(&a_shape, a, &p->batch);
    add_axes(&b_shape, b, &p->batch);
    add_axes(&a_shape, a, &p->rows);
    for (int i = 0; i < p->cols.n; i++) a_shape.dim[a_shape.rank++] = 1;
    for (int i = 0; i < p->rows.n; i++) b_shape.dim[b_shape.rank++] = 1;
    add_axes(&b_shape, b, &p->cols);
    return sp_mul(reshaped(sp__term_as(*a, a_order.name), a_shape),
                  reshaped(sp__term_as(*b, b_order.name), b_shape));
}

sp_term sp__term_product(sp_term a, sp_term b, uint64_t kept)
{
    sp_term longer = a;
    a = without_repeated(a, &b);
    b = without_repeated(b, &longer);
    a = sp__term_sum(a, kept | sp__names(&b));
    b = sp__term_sum(b, kept | sp__names(&a));

    uint64_t both = sp__names(&a) & sp__names(&b);
    parts p = { 0 };
    append(&p.batch, &a, both & kept);
    append(&p.rows, &a, ~both);
    append(&p.inner, &a, both & ~kept);
    append(&p.cols, &b, ~both);

    sp_term y = { .v = p.inner.n ? matrix_product(&a, &b, &p) : plain_product(&a, &b, &p) };
    names order = joined(&p.batch, &p.rows, &p.cols);
    sp_shape shape = { 0 };
    for (y.n = 0; y.n < order.n; y.n++) y.name[y.n] = order.name[y.n];
    add_axes(&shape, &a, &p.batch);
    add_axes(&shape, &a, &p.rows);
    add_axes(&shape, &b, &p.cols);
    y.v = reshaped(y.v, shape);
    return y;
}

bool sp__all_readable(int n, const sp_var x[], const char *who, sp_tape **t)
{
    *t = NULL;
    for (int k = 0; k < n && !*t; k++) *t = x[k].tape;
    if (!*t) return sp_fail("%s: none of its operands is a var of a tape", who);
    for (int k = 0; k < n; k++)
        if (!sp__readable(*t, x[k], who)) return false;
    return true;
}
