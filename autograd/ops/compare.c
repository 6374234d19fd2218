/* SPDX-License-Identifier: MIT
 *
 * compare - comparisons, which give bool and have no gradient, and the choice by a bool.
 *
 * Each row is a whole op.  By IEEE every comparison with NaN is false but a != b.
 */
#include "autograd/ops.h"
#include "autograd/ops/records.h"

#define LOOP(OP, T, type, SIGN)                                                     \
    sp_kernel KERNEL(OP, type);                                                     \
    void KERNEL(OP, type)(const sp_args *args)                                      \
    {                                                                               \
        const T *as = args->x[0].data, *bs = args->x[1].data;                       \
        uint8_t *ys = args->y.data;                                                 \
        int64_t da = args->x[0].stride[0], db = args->x[1].stride[0];               \
        int64_t n = args->y.shape.dim[0], i = 0;                                    \
        for (; i + VLEN(T) <= n; i += VLEN(T))                                      \
            vmask_store(ys + i, SP_AT(as, da, i) SIGN SP_AT(bs, db, i), VLEN(T));   \
        if (i < n)                                                                  \
            vmask_store(ys + i, SP_PART(as, da, i, n - i) SIGN SP_PART(bs, db, i, n - i), n - i); \
    }

#ifdef SP_RECORDS
#define WHOLE(OP, T, SIGN)                                                          \
    static void OP##_##T(const sp_args *args)                                       \
    {                                                                               \
        const T *as = args->x[0].data, *bs = args->x[1].data;                       \
        uint8_t *ys = args->y.data;                                                 \
        int64_t da = args->x[0].stride[0], db = args->x[1].stride[0];               \
        for (int64_t i = 0; i < args->y.shape.dim[0]; i++)                          \
            ys[i] = as[i * da] SIGN bs[i * db];                                     \
    }
#define RECORD(OP, SIGN)                                                            \
    static void OP##_reference(const sp_args *args)                                 \
    {                                                                               \
        const sp_operand *x = args->x;                                              \
        bool whole = !sp_is_floating(x[0].dtype);                                   \
        for (int64_t i = 0; i < sp_shape_size(args->y.shape); i++)                  \
            ((int64_t *)args->y.data)[i] =                                          \
                whole ? ((int64_t *)x[0].data)[i] SIGN ((int64_t *)x[1].data)[i]    \
                      : ((double *)x[0].data)[i] SIGN ((double *)x[1].data)[i];     \
    }                                                                               \
    extern const sp_op sp__op_##OP;                                                 \
    const sp_op sp__op_##OP = {                                                     \
        .name = #OP, .maths = "y = a " #SIGN " b", .kind = SP_ELEMENTWISE, .n_in = 2, \
        .constant = true, .dtype = sp_dtype_compared, .kernels = WITH_WHOLE(OP),    \
        .reference = OP##_reference, .samples = samples,                            \
    };                                                                              \
    sp_var sp_##OP(sp_var a, sp_var b)                                              \
    {                                                                               \
        return sp_apply(&sp__op_##OP, 2, (sp_var[]){ a, b }, NULL, NULL);           \
    }
#define COMPARE(OP, SIGN)                                                           \
    LOOP(OP, float, f32, SIGN) LOOP(OP, double, f64, SIGN) SP_DECLARE(OP)           \
    WHOLE(OP, int32_t, SIGN) WHOLE(OP, int64_t, SIGN) WHOLE(OP, uint8_t, SIGN)      \
    RECORD(OP, SIGN)

static const sp_sample samples[] = {
    { .in = "3x4 3x4" }, { .in = "2x3x4 4" }, { .in = "3x1 1x4" }, { .in = ". 3" },
    { .in = ". ." }, { .in = "0x3 1x3" }, { .in = "2x35 35" },
    { .in = "2x19 .", 1, 1 }, { .in = "40:i32 40:i32", 0, 3 }, { .in = "40:i64 1:i64", -2, 2 },
    { .in = "9:bool 9:bool", 0, 2 },
    { .in = "4 4:i64", .fails = "dtypes" },
    { .in = "2x3 4x3", .fails = "sizes 2 and 4 differ on axis -2" }, { 0 },
};
#else
#define COMPARE(OP, SIGN) LOOP(OP, float, f32, SIGN) LOOP(OP, double, f64, SIGN)
#endif

COMPARE( less,          <  )
COMPARE( less_equal,    <= )
COMPARE( greater,       >  )
COMPARE( greater_equal, >= )
COMPARE( equal,         == )
COMPARE( not_equal,     != )

/* ---- where ---- */

#define CHOOSE(T, type)                                                             \
    sp_kernel KERNEL(where, type);                                                  \
    void KERNEL(where, type)(const sp_args *args)                                   \
    {                                                                               \
        const uint8_t *c = args->x[0].data;                                         \
        const T *as = args->x[1].data, *bs = args->x[2].data;                       \
        T *ys = args->y.data;                                                       \
        int64_t da = args->x[1].stride[0], db = args->x[2].stride[0];               \
        int64_t n = args->y.shape.dim[0], i = 0;                                    \
        if (!args->x[0].stride[0]) {                                                \
            const T *from = *c ? as : bs;                                           \
            int64_t d = *c ? da : db;                                               \
            for (; i < n; i++) ys[i] = from[i * d];                                 \
            return;                                                                 \
        }                                                                           \
        for (; i + VLEN(T) <= n; i += VLEN(T)) {                                    \
            v##type a = SP_AT(as, da, i), b = SP_AT(bs, db, i);                     \
            vstore(ys + i, vselect(vmask_load(a, c + i, VLEN(T)), a, b));           \
        }                                                                           \
        if (i < n) {                                                                \
            v##type a = SP_PART(as, da, i, n - i), b = SP_PART(bs, db, i, n - i);   \
            vstore_part(ys + i, vselect(vmask_load(a, c + i, n - i), a, b), n - i); \
        }                                                                           \
    }
CHOOSE(float, f32)
CHOOSE(double, f64)

#ifdef SP_RECORDS
#define CHOOSE_WHOLE(T)                                                             \
    static void where_##T(const sp_args *args)                                      \
    {                                                                               \
        const uint8_t *c = args->x[0].data;                                         \
        const T *as = args->x[1].data, *bs = args->x[2].data;                       \
        T *ys = args->y.data;                                                       \
        int64_t dc = args->x[0].stride[0], da = args->x[1].stride[0], db = args->x[2].stride[0]; \
        for (int64_t i = 0; i < args->y.shape.dim[0]; i++)                          \
            ys[i] = c[i * dc] ? as[i * da] : bs[i * db];                            \
    }
CHOOSE_WHOLE(int32_t)
CHOOSE_WHOLE(int64_t)
CHOOSE_WHOLE(uint8_t)

static bool where_dtype(const sp_call *c, sp_dtype *y)
{
    *y = c->dtype[1];
    if (c->dtype[0] != SP_BOOL)
        return sp_refuse(c, "its condition must be bool, not %s", sp_dtype_name(c->dtype[0]));
    if (c->dtype[2] != *y)
        return sp_refuse(c, "dtypes %s and %s differ; convert one with sp_cast", sp_dtype_name(*y),
                         sp_dtype_name(c->dtype[2]));
    return true;
}

/* What was not chosen gets exactly 0, even where g is not finite. */
static void where_vjp(const sp_pullback *v)
{
    sp_var zero = sp_number(v->g, 0);

    if (sp_wants(v, 1)) sp_push(v, 1, sp_where(v->x[0], v->g, zero));
    if (sp_wants(v, 2)) sp_push(v, 2, sp_where(v->x[0], zero, v->g));
}

static void where_reference(const sp_args *args)
{
    const int64_t *c = args->x[0].data;
    bool whole = !sp_is_floating(args->y.dtype);

    for (int64_t i = 0; i < sp_shape_size(args->y.shape); i++) {
        const sp_operand *from = &args->x[c[i] ? 1 : 2];
        if (whole) ((int64_t *)args->y.data)[i] = ((int64_t *)from->data)[i];
        else       ((double *)args->y.data)[i] = ((double *)from->data)[i];
    }
}

static const sp_sample where_samples[] = {
    { .in = "3x4:bool 3x4 3x4", 0, 2 }, { .in = "2x35:bool 35 2x1", 0, 2 },
    { .in = ".:bool 3 3", 0, 2 },
    { .in = "3x1:bool 4 .", 0, 2 }, { .in = "0x3:bool 1x3 3", 0, 2 },
    { .in = ".:bool . .", 1, 2 },
    { .in = "9:bool 9:i32 1:i32", 0, 2 }, { .in = "9:bool 1:i64 9:i64", 0, 2 },
    { .in = "9:bool 9:bool 9:bool", 0, 2 },
    { .in = "3 3 3", .fails = "condition must be bool, not f" },
    { .in = "3:bool 3:i32 3:i64", 0, 2, .fails = "dtypes i32 and i64 differ" },
    { .in = "3:bool 2 3", 0, 2, .fails = "sizes 3 and 2 differ" }, { 0 },
};

SP_DECLARE(where)
extern const sp_op sp__op_where;
const sp_op sp__op_where = {
    .name = "where", .maths = "y = c ? a : b", .kind = SP_ELEMENTWISE, .n_in = 3, .typed_by = 1,
    .dtype = where_dtype, .kernels = WITH_WHOLE(where), .vjp = where_vjp,
    .reference = where_reference, .samples = where_samples,
};

sp_var sp_where(sp_var condition, sp_var a, sp_var b)
{
    return sp_apply(&sp__op_where, 3, (sp_var[]){ condition, a, b }, NULL, NULL);
}
#endif
