/* SPDX-License-Identifier: MIT
 *
 * range - the numbers in an operand, in short.
 */
#include "autograd/show/range.h"

#include <math.h>
#include <stdio.h>

static double element(const sp_operand *o, int64_t i)
{
    int64_t at = 0;

    for (int64_t d = o->shape.rank; d-- > 0; i /= o->shape.dim[d])
        at += i % o->shape.dim[d] * o->stride[d];
    sp_tensor one = { o->dtype, SP_SCALAR, (char *)o->data + at * sp_dtype_size(o->dtype), true };
    return sp_tensor_at(&one, 0);
}

sp_range sp__range_of(const sp_operand *o)
{
    sp_range r = { .n = o->data ? sp_shape_size(o->shape) : 0, .lo = INFINITY, .hi = -INFINITY };

    for (int64_t i = 0; i < r.n; i++) {
        double x = element(o, i);
        r.n_nan += isnan(x);
        r.n_inf += isinf(x) != 0;
        if (isfinite(x) && x < r.lo) r.lo = x;
        if (isfinite(x) && x > r.hi) r.hi = x;
    }
    return r;
}

char *sp__range_text(sp_range r, char text[SP_RANGE_TEXT])
{
    int at = 0;

    text[0] = 0;
    if (r.n == 0) at = snprintf(text, SP_RANGE_TEXT, "no elements");
    else if (r.lo <= r.hi) at = snprintf(text, SP_RANGE_TEXT, "[%.6g, %.6g]", r.lo, r.hi);
    if (r.n_nan)
        at += snprintf(text + at, (size_t)(SP_RANGE_TEXT - at), "%s%lld nan", at ? " with " : "",
                       (long long)r.n_nan);
    if (r.n_inf)
        snprintf(text + at, (size_t)(SP_RANGE_TEXT - at), "%s%lld inf",
                 r.n_nan ? " and " : at ? " with " : "", (long long)r.n_inf);
    return text;
}
