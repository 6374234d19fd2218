/* SPDX-License-Identifier: MIT
 *
 * tensor.c - making, copying, reading and writing tensors.
 */
#include <math.h>
#include <string.h>
#include "tensor/alloc.h"
#include "tensor/tensor.h"

/* NaN becomes 0 and what is out of range the nearest end; C leaves both open. */
static int64_t to_i64(double value)
{
    if (isnan(value)) return 0;
    if (value >= 0x1p63) return INT64_MAX;
    if (value < -0x1p63) return INT64_MIN;
    return (int64_t)value;
}

static int32_t to_i32(double value)
{
    int64_t wide = to_i64(value);
    return wide > INT32_MAX ? INT32_MAX : wide < INT32_MIN ? INT32_MIN : (int32_t)wide;
}

static double get_f32(const void *x, int64_t i) { return (double)((const float *)x)[i]; }
static double get_f64(const void *x, int64_t i) { return ((const double *)x)[i]; }
static double get_i32(const void *x, int64_t i) { return ((const int32_t *)x)[i]; }
static double get_i64(const void *x, int64_t i) { return (double)((const int64_t *)x)[i]; }
static double get_bool(const void *x, int64_t i) { return ((const uint8_t *)x)[i] != 0; }

static void put_f32(void *x, int64_t i, double v) { ((float *)x)[i] = (float)v; }
static void put_f64(void *x, int64_t i, double v) { ((double *)x)[i] = v; }
static void put_i32(void *x, int64_t i, double v) { ((int32_t *)x)[i] = to_i32(v); }
static void put_i64(void *x, int64_t i, double v) { ((int64_t *)x)[i] = to_i64(v); }
static void put_bool(void *x, int64_t i, double v) { ((uint8_t *)x)[i] = v != 0; }

static const struct {
    double (*get)(const void *x, int64_t i);
    void (*put)(void *x, int64_t i, double v);
} element[SP_N_DTYPES] = {
    [SP_F32] = { get_f32, put_f32 },    [SP_F64] = { get_f64, put_f64 },
    [SP_I32] = { get_i32, put_i32 },    [SP_I64] = { get_i64, put_i64 },
    [SP_BOOL] = { get_bool, put_bool },
};

/* Dimensions past the rank may hold anything; ours are 0. */
static sp_shape tidy(sp_shape s)
{
    for (int64_t i = s.rank; i < SP_MAX_RANK; i++)
        s.dim[i] = 0;
    return s;
}

/* Elements undefined. */
static sp_tensor *make(sp_dtype dtype, sp_shape shape)
{
    if ((unsigned)dtype >= SP_N_DTYPES) {
        sp_fail("there is no dtype number %d", (int)dtype);
        return NULL;
    }
    if (!sp_shape_check(shape)) return NULL;

    sp_tensor *x = sp_alloc(sizeof *x);
    void      *data = x ? sp_alloc_array(sp_shape_size(shape), sp_dtype_size(dtype)) : NULL;
    if (!data) {
        sp_release(x);
        return NULL;
    }
    *x = (sp_tensor){ .dtype = dtype, .shape = tidy(shape), .data = data };
    return x;
}

sp_tensor *sp_tensor_new(sp_dtype dtype, sp_shape shape)
{
    sp_tensor *x = make(dtype, shape);

    if (x) memset(x->data, 0, (size_t)sp_tensor_bytes(x));
    return x;
}

sp_tensor *sp_tensor_from(sp_dtype dtype, sp_shape shape, const void *data)
{
    sp_tensor *x = make(dtype, shape);
    int64_t    bytes = sp_tensor_bytes(x);

    if (x && bytes && !data) {
        char text[SP_SHAPE_TEXT];
        sp_fail("sp_tensor_from: no data for shape %s", sp_shape_text(shape, text));
        sp_tensor_free(x);
        return NULL;
    }
    if (bytes) memcpy(x->data, data, (size_t)bytes);
    if (x && dtype == SP_BOOL)
        for (int64_t i = 0; i < bytes; i++)
            put_bool(x->data, i, get_bool(x->data, i));
    return x;
}

sp_tensor *sp_tensor_copy(const sp_tensor *x)
{
    if (x) return sp_tensor_from(x->dtype, x->shape, x->data);
    sp_fail("sp_tensor_copy: no tensor");
    return NULL;
}

void sp_tensor_free(sp_tensor *x)
{
    if (x && !x->borrowed) sp_release(x->data);
    sp_release(x);
}

void *sp_tensor_data(const sp_tensor *x)
{
    return x ? x->data : NULL;
}

int64_t sp_tensor_size(const sp_tensor *x)
{
    return x ? sp_shape_size(x->shape) : 0;
}

int64_t sp_tensor_bytes(const sp_tensor *x)
{
    return x ? sp_shape_size(x->shape) * sp_dtype_size(x->dtype) : 0;
}

double sp_tensor_at(const sp_tensor *x, int64_t i)
{
    bool there = i >= 0 && i < sp_tensor_size(x);
    return there ? element[x->dtype].get(x->data, i) : (double)NAN;
}

bool sp_tensor_set(sp_tensor *x, int64_t i, double value)
{
    if (i < 0 || i >= sp_tensor_size(x))
        return sp_fail("sp_tensor_set: element %lld of a tensor of %lld", (long long)i,
                       (long long)sp_tensor_size(x));
    element[x->dtype].put(x->data, i, value);
    return true;
}

/* Convert once, then double what is filled. */
void sp_tensor_fill(sp_tensor *x, double value)
{
    int64_t bytes = sp_tensor_bytes(x);

    if (bytes == 0) return;
    element[x->dtype].put(x->data, 0, value);
    for (int64_t done = sp_dtype_size(x->dtype); done < bytes; done *= 2) {
        int64_t more = done < bytes - done ? done : bytes - done;
        memcpy((char *)x->data + done, x->data, (size_t)more);
    }
}

bool sp_tensor_same(const sp_tensor *x, const sp_tensor *y)
{
    return x && y && x->dtype == y->dtype && sp_shape_equal(x->shape, y->shape) &&
           memcmp(x->data, y->data, (size_t)sp_tensor_bytes(x)) == 0;
}
