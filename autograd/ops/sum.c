/* SPDX-License-Identifier: MIT
 *
 * sum - sums over axes, and what reductions share.
 */
#include <stdio.h>
#include "autograd/called.h"
#include "autograd/ops.h"
#include "autograd/ops/cascade.h"
#include "autograd/ops/records.h"

#define SUM(T, type)                                                                \
    SUMS(all, T, type, x)                                                           \
    static T sum_row_##type(const T *x, int64_t n, const sp_args *a)                \
    {                                                                               \
        (void)a;                                                                    \
        return all_row_##type(x, n, (type##_given){ .c = { 0 } });                  \
    }                                                                               \
    static v##type sum_columns_##type(const T *x, int64_t n, int64_t inner, int64_t part, \
                                      const sp_args *a)                             \
    {                                                                               \
        (void)a;                                                                    \
        return all_columns_##type(x, n, inner, part, (type##_given){ .c = { 0 } }); \
    }                                                                               \
    REDUCTION(sum, T, type)
SUM(float, f32)
SUM(double, f64)

#ifdef SP_RECORDS
SP_DECLARE(sum)

/* ---- what reductions share ---- */

sp_reduced sp__reduced(sp_shape x, const sp_reduce_attr *attr)
{
    sp_reduced r = { 1, 1, 1 };

    for (int64_t d = 0; d < x.rank; d++) {
        int64_t *size = d < attr->first                 ? &r.outer
                        : d < attr->first + attr->count ? &r.n
                                                        : &r.inner;
        *size *= x.dim[d];
    }
    return r;
}

bool sp__reduce_shape(const sp_call *c, sp_shape *y)
{
    const sp_reduce_attr *r = c->attr;
    sp_shape x = c->shape[0];

    if (r->first < 0 || r->count < 1 || r->first + r->count > x.rank)
        return sp_refuse(c, "there are no %lld axes from %lld on", (long long)r->count,
                         (long long)r->first);
    *y = (sp_shape){ 0 };
    for (int d = 0; d < x.rank; d++) {
        bool reduced = d >= r->first && d < r->first + r->count;
        if (!reduced || r->keep) y->dim[y->rank++] = reduced ? 1 : x.dim[d];
    }
    return true;
}

sp_axes sp__axes_of(const sp_reduce_attr *r)
{
    sp_axes axes = { (int)r->count, { 0 } };
    for (int i = 0; i < axes.n; i++) axes.axis[i] = (int)r->first + i;
    return axes;
}

sp_shape sp__kept(sp_shape x, const sp_reduce_attr *r)
{
    for (int64_t d = r->first; d < r->first + r->count; d++) x.dim[d] = 1;
    return x;
}

/* The axes as a bit set; false: the tape has failed. */
static bool axis_set(const char *name, sp_var x, sp_axes axes, unsigned *set)
{
    sp_shape shape = sp_var_shape(x);
    char call[SP_SHAPE_TEXT + 64], text[SP_SHAPE_TEXT];

    snprintf(call, sizeof call, "%s: %s", sp__called(x.tape, name), sp_shape_text(shape, text));
    *set = axes.n < 0 ? (1u << shape.rank) - 1 : 0;
    if (axes.n < -1 || axes.n > SP_MAX_RANK)
        return sp_tape_fail(x.tape, "%s: %d axes are too %s", call, axes.n,
                            axes.n < 0 ? "few" : "many"), false;
    for (int i = 0; i < axes.n; i++) {
        int d = sp_axis(axes.axis[i], shape.rank);
        if (d < 0 || *set & 1u << d) {
            sp_tape_fail(x.tape,
                         d < 0 ? "%s: there is no axis %d in rank %lld"
                               : "%s: axis %d is named twice (rank %lld)",
                         call, axes.axis[i], (long long)shape.rank);
            return false;
        }
        *set |= 1u << d;
    }
    return true;
}

sp_var sp__reduce(const sp_op *op, sp_var x, sp_axes axes, bool keep)
{
    unsigned set;

    if (sp_is_nothing(x)) return sp_apply(op, 1, &x, &(sp_reduce_attr){ 0, 1, keep }, NULL);
    if (!axis_set(op->name, x, axes, &set))
        return sp_apply(op, 1, &x, &(sp_reduce_attr){ 0 }, NULL);
    for (int d = (int)sp_var_shape(x).rank - 1; d >= 0; d--) {
        if (!(set & 1u << d)) continue;
        sp_reduce_attr attr = { d, 1, keep };
        while (attr.first > 0 && set & 1u << (attr.first - 1)) attr.first--, attr.count++, d--;
        x = sp_apply(op, 1, &x, &attr, NULL);
    }
    return x;
}

/* Of no axes each element is a group of its own. */
sp_var sp__reduce_together(const sp_op *op, sp_var x, sp_axes axes, bool keep,
                           sp_reduce_attr *attr)
{
    sp_shape kept = sp_var_shape(x);
    sp_axes order = { (int)kept.rank, { 0 } };
    int n = 0, runs = 0;
    unsigned set;

    if (sp_is_nothing(x) || !axis_set(op->name, x, axes, &set))
        return sp_apply(op, 1, &x, attr, NULL);
    if (set == 0)
        return sp__reduce_together(op, sp_unsqueeze(x, -1), SP_AXES(-1), false, attr);
    for (unsigned named = 0; named < 2; named++)
        for (int d = 0; d < order.n; d++)
            if ((set >> d & 1) == named) order.axis[n++] = d;
    for (int d = 0; d < order.n; d++) {
        if (!(set >> d & 1)) continue;
        runs += d == 0 || !(set >> (d - 1) & 1);
        attr->first = d + 1 - ++attr->count;
        kept.dim[d] = 1;
    }
    attr->keep = keep && runs == 1;
    if (runs == 1) return sp_apply(op, 1, &x, attr, NULL);
    attr->first = order.n - attr->count;
    x = sp_permute(x, order);
    sp_var y = sp_apply(op, 1, &x, attr, NULL);
    return keep ? sp_reshape(y, kept) : y;
}

/* ---- sum ---- */

/* The gradient, given back the axes that went, repeated to x's shape. */
static void sum_vjp(const sp_pullback *v)
{
    sp_shape x = sp_var_shape(v->x[0]);

    sp_push(v, 0, sp_broadcast(sp_reshape(v->g, sp__kept(x, v->attr)), x));
}

static void sum_reference(const sp_args *a)
{
    sp_reduced r = sp__reduced(a->x[0].shape, a->attr);

    for (int64_t o = 0; o < r.outer; o++)
        for (int64_t j = 0; j < r.inner; j++) {
            double sum = 0;
            for (int64_t i = 0; i < r.n; i++)
                sum += ((const double *)a->x[0].data)[(o * r.n + i) * r.inner + j];
            ((double *)a->y.data)[o * r.inner + j] = sum;
        }
}

static const sp_sample sum_samples[] = {
    { .in = "3x4", .attr = &(sp_reduce_attr){ 1, 1, 0 } },
    { .in = "3x4", .attr = &(sp_reduce_attr){ 0, 1, 1 } },
    { .in = "2x3x4", .attr = &(sp_reduce_attr){ 0, 2, 0 } },
    { .in = "2x3x4", .attr = &(sp_reduce_attr){ 1, 1, 0 } },
    { .in = "2x300", .attr = &(sp_reduce_attr){ 1, 1, 0 } },
    { .in = "150x3", .attr = &(sp_reduce_attr){ 0, 1, 0 } },
    { .in = "0x3", .attr = &(sp_reduce_attr){ 0, 1, 0 } },
    { .in = "3x0", .attr = &(sp_reduce_attr){ 0, 1, 0 } },
    { .in = "2x3", .attr = &(sp_reduce_attr){ 1, 2, 0 }, .fails = "no 2 axes from 1 on" },
    { .in = "2:i32", .attr = &(sp_reduce_attr){ 0, 1, 0 }, .fails = "needs f32 or f64" },
    { 0 },
};

extern const sp_op sp__op_sum;
const sp_op sp__op_sum = {
    .name = "sum", .maths = "the sum over axes", .kind = SP_REDUCE, .n_in = 1,
    .attr_size = sizeof(sp_reduce_attr), .shape = sp__reduce_shape, .kernels = SP_KERNELS(sum),
    .vjp = sum_vjp, .reference = sum_reference, .samples = sum_samples,
};

sp_var sp_sum_axes(sp_var x, sp_axes axes, bool keep)
{
    return sp__reduce(&sp__op_sum, x, axes, keep);
}
#endif
