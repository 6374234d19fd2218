/* SPDX-License-Identifier: MIT
 *
 * prod - products over axes.
 */
#include "autograd/ops.h"
#include "autograd/ops/records.h"

#define PRODUCT(T, type)                                                            \
    static T prod_row_##type(const T *x, int64_t n, const sp_args *a)               \
    {                                                                               \
        v##type m = vset((v##type){ 0 }, 1);                                        \
        T y = 1;                                                                    \
        int64_t i = 0;                                                              \
        (void)a;                                                                    \
        for (; i + VLEN(T) <= n; i += VLEN(T)) m *= vload(x + i);                   \
        for (int k = 0; k < VLEN(T); k++) y *= vget(m, k);                          \
        for (; i < n; i++) y *= x[i];                                               \
        return y;                                                                   \
    }                                                                               \
    static v##type prod_columns_##type(const T *x, int64_t n, int64_t inner, int64_t part, \
                                       const sp_args *a)                            \
    {                                                                               \
        v##type y = vset((v##type){ 0 }, 1);                                        \
        (void)a;                                                                    \
        for (int64_t i = 0; i < n; i++) y *= vload_part(x + i * inner, part);       \
        return y;                                                                   \
    }                                                                               \
    REDUCTION(prod, T, type)
PRODUCT(float, f32)
PRODUCT(double, f64)

#ifdef SP_RECORDS
SP_DECLARE(prod)

/* g times the product of all others: of those before and those behind, never by dividing, so
   zeros do no harm. */
static void prod_vjp(const sp_pullback *v)
{
    sp_shape shape = sp_var_shape(v->x[0]);
    sp_reduced r = sp__reduced(shape, v->attr);
    sp_var x = sp_reshape(v->x[0], SP_SHAPE(r.outer, r.n, r.inner));
    sp_var before = sp_cumprod_with(x, 1, (sp_running){ .exclusive = true });
    sp_var behind = sp_cumprod_with(x, 1, (sp_running){ .exclusive = true, .reverse = true });
    sp_var others = sp_reshape(sp_mul(before, behind), shape);

    sp_push(v, 0, sp_mul(sp_reshape(v->g, sp__kept(shape, v->attr)), others));
}

static void prod_reference(const sp_args *a)
{
    sp_reduced r = sp__reduced(a->x[0].shape, a->attr);
    const double *x = a->x[0].data;
    double *y = a->y.data;

    for (int64_t i = 0; i < r.outer * r.inner; i++) y[i] = 1;
    for (int64_t i = 0; i < r.outer * r.n * r.inner; i++)
        y[i / (r.n * r.inner) * r.inner + i % r.inner] *= x[i];
}

static const sp_reduce_attr first = { 0, 1, 0 }, second = { 1, 1, 0 }, kept = { 1, 1, 1 },
                            both = { 0, 2, 0 }, beyond = { 1, 2, 0 };
static const sp_sample samples[] = {
    { .in = "3x4", .attr = &second }, { .in = "3x4", .attr = &kept },
    { .in = "2x2x3", .attr = &both }, { .in = "2x3x4", .attr = &second },
    { .in = "2x37", .7, 1.3, &second }, { .in = "30x5", .7, 1.3, &first },
    { .in = "1", .attr = &first }, { .in = "3x4", 0, 1e-300, &second, .no_slope = true },
    { .in = "0x3", .attr = &first }, { .in = "3x0", .attr = &first },
    { .in = "2x3", .attr = &beyond, .fails = "no 2 axes from 1 on" },
    { .in = "2:i32", .attr = &first, .fails = "needs f32 or f64" }, { 0 },
};

extern const sp_op sp__op_prod;
const sp_op sp__op_prod = {
    .name = "prod", .maths = "the product over axes", .kind = SP_REDUCE, .n_in = 1,
    .attr_size = sizeof(sp_reduce_attr), .shape = sp__reduce_shape, .kernels = SP_KERNELS(prod),
    .vjp = prod_vjp, .reference = prod_reference, .samples = samples,
};

sp_var sp_prod_axes(sp_var x, sp_axes axes, bool keep)
{
    return sp__reduce(&sp__op_prod, x, axes, keep);
}

sp_var sp_prod(sp_var x) { return sp_prod_axes(x, SP_ALL_AXES, false); }
#endif
