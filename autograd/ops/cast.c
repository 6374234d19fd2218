/* SPDX-License-Identifier: MIT
 *
 * cast - the same numbers in another dtype.
 *
 * Floating to integer truncates; what does not fit becomes the nearest that does, NaN becomes 0.
 * i64 to i32 keeps the low bits.  To bool: whether it is not 0 (NaN is not).
 */
#include "autograd/ops.h"
#include "autograd/ops/records.h"

typedef struct cast_attr { int64_t to; } cast_attr;

static bool dtype(const sp_call *c, sp_dtype *y)
{
    const cast_attr *at = c->attr;

    if (at->to < 0 || at->to >= SP_N_DTYPES) return sp_refuse(c, "there is no such dtype");
    *y = (sp_dtype)at->to;
    return true;
}

/* C leaves open what a conversion out of range gives. */
static int32_t whole_i32(double x)
{
    return x >= 0x1p31 ? INT32_MAX : x > -0x1p31 - 1 ? (int32_t)x : x < 0 ? INT32_MIN : 0;
}

static int64_t whole_i64(double x)
{
    return x >= 0x1p63 ? INT64_MAX : x >= -0x1p63 ? (int64_t)x : x < 0 ? INT64_MIN : 0;
}

#define ROW(NAME, FROM, TO, VALUE)                                                  \
    static void NAME(const sp_args *a)                                              \
    {                                                                               \
        const FROM *xs = a->x[0].data;                                              \
        TO *ys = a->y.data;                                                         \
        int64_t d = a->x[0].stride[0], n = a->y.shape.dim[0];                       \
        for (int64_t i = 0; i < n; i++) {                                           \
            FROM x = xs[i * d];                                                     \
            ys[i] = (TO)(VALUE);                                                    \
        }                                                                           \
    }
/* From one dtype to each; the table is in the order of sp_dtype. */
#define ROWS(FROM, TO_I32, TO_I64)                                                  \
    ROW(FROM##_to_f32, FROM, float, x)                                              \
    ROW(FROM##_to_f64, FROM, double, x)                                             \
    ROW(FROM##_to_i32, FROM, int32_t, TO_I32)                                       \
    ROW(FROM##_to_i64, FROM, int64_t, TO_I64)                                       \
    ROW(FROM##_to_bool, FROM, uint8_t, x != 0)                                      \
    static void from_##FROM(const sp_args *a)                                       \
    {                                                                               \
        static sp_kernel *const to[SP_N_DTYPES] = {                                 \
            FROM##_to_f32, FROM##_to_f64, FROM##_to_i32, FROM##_to_i64, FROM##_to_bool, \
        };                                                                          \
        to[a->y.dtype](a);                                                          \
    }
ROWS(float,   whole_i32((double)x), whole_i64((double)x))
ROWS(double,  whole_i32(x),         whole_i64(x))
ROWS(int32_t, x,                    x)
ROWS(int64_t, (uint64_t)x,          x)
ROWS(uint8_t, x,                    x)

static void vjp(const sp_pullback *v)
{
    if (sp_is_floating(sp_var_dtype(v->x[0])) && sp_is_floating(sp_var_dtype(v->g)))
        sp_push(v, 0, sp_cast(v->g, sp_var_dtype(v->x[0])));
}

static void reference(const sp_args *a)
{
    const cast_attr *at = a->attr;
    bool from_whole = !sp_is_floating(a->x[0].dtype);

    for (int64_t i = 0; i < sp_shape_size(a->y.shape); i++) {
        double x = from_whole ? (double)((int64_t *)a->x[0].data)[i] : ((double *)a->x[0].data)[i];
        if (at->to == SP_BOOL)     ((int64_t *)a->y.data)[i] = x != 0;
        else if (at->to == SP_F32) ((double *)a->y.data)[i] = (double)(float)x;
        else if (at->to == SP_F64) ((double *)a->y.data)[i] = x;
        else                       ((int64_t *)a->y.data)[i] = (int64_t)x;
    }
}

static const cast_attr f32 = { SP_F32 }, f64 = { SP_F64 }, i32 = { SP_I32 }, i64 = { SP_I64 },
                       yes = { SP_BOOL }, bad = { 17 };
static const sp_sample samples[] = {
    { .in = "3x4", .attr = &f64 }, { .in = ".", .attr = &f64 }, { .in = "0x2", .attr = &f64 },
    { .in = "2x7", -2, 2, &f32, .no_slope = true }, { .in = "40", -9, 9, &i32 },
    { .in = "40", -9, 9, &i64 },
    { .in = "2x3", -1, 1, &yes }, { .in = "9:i32", -9, 9, &f32 }, { .in = "9:i32", -9, 9, &f64 },
    { .in = "9:i32", -9, 9, &i64 }, { .in = "9:i32", -2, 2, &yes },
    { .in = "9:i64", -9, 9, &f32 },
    { .in = "9:i64", -9, 9, &f64 }, { .in = "9:i64", -9, 9, &i32 },
    { .in = "9:i64", -2, 2, &yes },
    { .in = "9:bool", 0, 2, &f32 }, { .in = "9:bool", 0, 2, &f64 },
    { .in = "9:bool", 0, 2, &i32 },
    { .in = "9:bool", 0, 2, &i64 }, { .in = "3:bool", 0, 2, &yes },
    { .in = "3", .attr = &bad, .fails = "no such dtype" }, { 0 },
};

extern const sp_op sp__op_cast;
const sp_op sp__op_cast = {
    .name = "cast", .maths = "y = x in another dtype", .kind = SP_ELEMENTWISE, .n_in = 1,
    .attr_size = sizeof(cast_attr), .dtype = dtype,
    .kernels = { [SP_PORTABLE] = { from_float, from_double, from_int32_t, from_int64_t,
                                   from_uint8_t } },
    .vjp = vjp, .reference = reference, .samples = samples,
};

/* To its own dtype there is nothing to record. */
sp_var sp_cast(sp_var x, sp_dtype to)
{
    if (!sp_is_nothing(x) && sp_var_dtype(x) == to) return x;
    return sp_apply(&sp__op_cast, 1, &x, &(cast_attr){ (int64_t)to }, NULL);
}
