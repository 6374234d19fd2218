/* SPDX-License-Identifier: MIT
 *
 * truth - whether any, whether all are true, over axes.
 */
#include "autograd/ops.h"
#include "autograd/ops/records.h"

static bool truth_dtype(const sp_call *c, sp_dtype *y)
{
    *y = SP_BOOL;
    if (c->dtype[0] == SP_BOOL) return true;
    return sp_refuse(c, "needs bool, not %s", sp_dtype_name(c->dtype[0]));
}

static const sp_reduce_attr first = { 0, 1, 0 }, second = { 1, 1, 0 }, kept = { 1, 1, 1 },
                            both = { 0, 2, 0 }, beyond = { 1, 2, 0 };
static const sp_sample samples[] = {
    { .in = "4x2:bool=0,0,0,1,1,0,1,1", .attr = &second },
    { .in = "2x4:bool=0,0,1,1,0,1,0,1", .attr = &first },
    { .in = "2x4x2:bool", .attr = &kept }, { .in = "3x2x9:bool", .attr = &both },
    { .in = "0x3:bool", .attr = &first }, { .in = "3x0:bool", .attr = &second },
    { .in = "3x0:bool", .attr = &first },
    { .in = "2x3:bool", .attr = &beyond, .fails = "no 2 axes from 1 on" },
    { .in = "3", .attr = &first, .fails = "needs bool, not f" }, { 0 },
};

/* y is `NONE` of nothing, and MEETs each x; the reference counts those that are true. */
#define TRUTH(OP, MATHS, NONE, MEET, COUNTED)                                       \
    static void OP##_bool(const sp_args *a)                                         \
    {                                                                               \
        sp_reduced r = sp__reduced(a->x[0].shape, a->attr);                         \
        const uint8_t *x = a->x[0].data;                                            \
        uint8_t *y = a->y.data;                                                     \
        for (int64_t o = 0; o < r.outer; o++, y += r.inner) {                       \
            for (int64_t j = 0; j < r.inner; j++) y[j] = NONE;                      \
            for (int64_t k = 0; k < r.n; k++, x += r.inner)                         \
                for (int64_t j = 0; j < r.inner; j++) y[j] MEET x[j];               \
        }                                                                           \
    }                                                                               \
    static void OP##_reference(const sp_args *a)                                    \
    {                                                                               \
        sp_reduced r = sp__reduced(a->x[0].shape, a->attr);                         \
        for (int64_t i = 0; i < r.outer * r.inner; i++) {                           \
            int64_t at = i / r.inner * r.n * r.inner + i % r.inner, count = 0;      \
            for (int64_t k = 0; k < r.n; k++)                                       \
                count += ((const int64_t *)a->x[0].data)[at + k * r.inner];         \
            ((int64_t *)a->y.data)[i] = COUNTED;                                    \
        }                                                                           \
    }                                                                               \
    extern const sp_op sp__op_##OP;                                                 \
    const sp_op sp__op_##OP = {                                                     \
        .name = #OP, .maths = MATHS, .kind = SP_REDUCE, .n_in = 1,                  \
        .attr_size = sizeof(sp_reduce_attr), .constant = true, .dtype = truth_dtype, \
        .shape = sp__reduce_shape, .kernels = { [SP_PORTABLE] = { [SP_BOOL] = OP##_bool } }, \
        .reference = OP##_reference, .samples = samples,                            \
    };                                                                              \
    sp_var sp_##OP##_axes(sp_var x, sp_axes axes, bool keep)                        \
    {                                                                               \
        return sp__reduce_together(&sp__op_##OP, x, axes, keep, &(sp_reduce_attr){ 0 }); \
    }                                                                               \
    sp_var sp_##OP(sp_var x) { return sp_##OP##_axes(x, SP_ALL_AXES, false); }
TRUTH(any, "whether any is true over axes", false, |=, count > 0)
TRUTH(all, "whether all are true over axes", true, &=, count == r.n)
