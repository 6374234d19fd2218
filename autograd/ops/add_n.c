/* SPDX-License-Identifier: MIT
 *
 * add_n - the sum of a list, in list order: what the contributions to a gradient become.
 *
 * The executor stores the first operand and adds the others to it; an operand that is a
 * product or a placed region goes straight into the sum (run_node.c).  The kernel here
 * is one such addition: y = x[0] + x[1] for a row.
 */
#include "autograd/ops.h"
#include "autograd/ops/records.h"

SP_DECLARE(add)

static bool equal_shapes(const sp_call *c, sp_shape *y)
{
    *y = c->shape[0];
    for (int i = 1; i < c->n; i++)
        if (!sp_shape_equal(c->shape[i], *y))
            return sp_refuse(c, "the shapes of operands 0 and %d differ", i);
    return true;
}

static void vjp(const sp_pullback *v)
{
    for (int i = 0; i < v->n; i++) sp_push(v, i, v->g);
}

static void reference(const sp_args *a)
{
    for (int64_t i = 0; i < sp_shape_size(a->y.shape); i++) {
        double sum = 0;
        for (int k = 0; k < a->n; k++) sum += ((const double *)a->x[k].data)[i];
        ((double *)a->y.data)[i] = sum;
    }
}

static const sp_sample samples[] = {
    { .in = "2x3 2x3" }, { .in = "2x3" }, { .in = "7 7 7 7 7" }, { .in = "0x3 0x3" },
    { .in = ". ." },
    { .in = "2x3 3", .fails = "operands 0 and 1 differ" },
    { .in = "2 2:i32", .fails = "dtypes" }, { 0 },
};

const sp_op sp__op_add_n = {
    .name = "add_n", .maths = "y = x[0] + x[1] + ...", .kind = SP_SUM, .n_in = -1,
    .shape = equal_shapes, .kernels = SP_KERNELS(add), .vjp = vjp, .reference = reference,
    .samples = samples,
};

sp_var sp_add_n(int n, const sp_var x[]) { return sp_apply(&sp__op_add_n, n, x, NULL, NULL); }
