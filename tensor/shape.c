/* SPDX-License-Identifier: MIT
 *
 * shape.c - element types, shapes and layouts; the one place where sizes are
 * multiplied.
 */
#include <stdio.h>
#include "tensor/shape.h"

static const struct {
    const char *name;
    int64_t     size;
} dtypes[SP_N_DTYPES] = {
    [SP_F32] = { "f32", 4 }, [SP_F64] = { "f64", 8 },   [SP_I32] = { "i32", 4 },
    [SP_I64] = { "i64", 8 }, [SP_BOOL] = { "bool", 1 },
};

static bool is_dtype(sp_dtype d)
{
    return (unsigned)d < SP_N_DTYPES;
}

const char *sp_dtype_name(sp_dtype d)
{
    return is_dtype(d) ? dtypes[d].name : "no dtype";
}

int64_t sp_dtype_size(sp_dtype d)
{
    return is_dtype(d) ? dtypes[d].size : 0;
}

bool sp_size_mul(int64_t a, int64_t b, int64_t *product)
{
    return !__builtin_mul_overflow(a, b, product);
}

/* Sizes of 0 count as 1: the strides of an empty tensor are computed all the same. */
static bool strides_fit(sp_shape s)
{
    int64_t bytes = 8;

    for (int i = 0; i < s.rank; i++)
        if (!sp_size_mul(bytes, s.dim[i] ? s.dim[i] : 1, &bytes)) return false;
    return true;
}

bool sp_shape_check(sp_shape s)
{
    char text[SP_SHAPE_TEXT];

    if (s.rank < 0 || s.rank > SP_MAX_RANK)
        return sp_fail("a shape of rank %lld: ranks are 0 to %d", (long long)s.rank, SP_MAX_RANK);
    for (int i = 0; i < s.rank; i++)
        if (s.dim[i] < 0)
            return sp_fail("shape %s: size %lld is negative", sp_shape_text(s, text),
                           (long long)s.dim[i]);
    if (!strides_fit(s))
        return sp_fail("shape %s: its sizes multiply beyond 63 bits", sp_shape_text(s, text));
    return true;
}

int64_t sp_shape_size(sp_shape s)
{
    int64_t size = 1;

    for (int i = 0; i < s.rank; i++)
        if (s.dim[i] == 0) return 0;
    for (int i = 0; i < s.rank; i++) {
        bool fits = sp_size_mul(size, s.dim[i], &size);
        SP_ASSERT(fits);
        (void)fits;
    }
    return size;
}

bool sp_shape_equal(sp_shape a, sp_shape b)
{
    if (a.rank != b.rank) return false;
    for (int i = 0; i < a.rank; i++)
        if (a.dim[i] != b.dim[i]) return false;
    return true;
}

sp_layout sp_shape_layout(sp_shape s)
{
    sp_layout l = { 0 };
    int64_t   stride = 1;

    for (int64_t i = s.rank; i-- > 0;) {
        l.stride[i] = stride;
        bool fits = sp_size_mul(stride, s.dim[i] ? s.dim[i] : 1, &stride);
        SP_ASSERT(fits);
        (void)fits;
    }
    return l;
}

bool sp_layout_is_dense(sp_shape s, const sp_layout *l)
{
    sp_layout dense = sp_shape_layout(s);

    if (sp_shape_size(s) == 0) return true;
    for (int i = 0; i < s.rank; i++)
        if (s.dim[i] != 1 && l->stride[i] != dense.stride[i]) return false;
    return true;
}

/* The size of axis i of a shape that was aligned right to `rank` axes. */
static int64_t aligned(sp_shape s, int64_t rank, int64_t i)
{
    int64_t own = i - (rank - s.rank);
    return own < 0 ? 1 : s.dim[own];
}

bool sp_shape_broadcast(sp_shape a, sp_shape b, sp_shape *both)
{
    sp_shape s = { .rank = a.rank > b.rank ? a.rank : b.rank };

    for (int i = 0; i < s.rank; i++) {
        int64_t m = aligned(a, s.rank, i), n = aligned(b, s.rank, i);
        if (m != n && m != 1 && n != 1) return false;
        s.dim[i] = m == 1 ? n : m;
    }
    if (!strides_fit(s)) return false;
    *both = s;
    return true;
}

sp_layout sp_layout_broadcast(sp_shape from, const sp_layout *x, sp_shape to)
{
    sp_layout l = { .offset = x->offset };
    int64_t   missing = to.rank - from.rank;

    SP_ASSERT(missing >= 0);
    for (int i = 0; i < from.rank; i++) {
        SP_ASSERT(from.dim[i] == 1 || from.dim[i] == to.dim[i + missing]);
        l.stride[i + missing] = from.dim[i] == 1 ? 0 : x->stride[i];
    }
    return l;
}

int sp_axis(int axis, int64_t rank)
{
    int64_t front = axis < 0 ? axis + rank : axis;
    return front >= 0 && front < rank ? (int)front : -1;
}

char *sp_shape_text(sp_shape s, char text[SP_SHAPE_TEXT])
{
    int at = snprintf(text, SP_SHAPE_TEXT, "[");

    for (int i = 0; i < s.rank && i < SP_MAX_RANK; i++)
        at += snprintf(text + at, (size_t)(SP_SHAPE_TEXT - at), i ? ",%lld" : "%lld",
                       (long long)s.dim[i]);
    snprintf(text + at, (size_t)(SP_SHAPE_TEXT - at), "]");
    return text;
}
