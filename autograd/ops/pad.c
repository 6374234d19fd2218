/* SPDX-License-Identifier: MIT
 *
 * pad - x with more around it.
 *
 * The kernel finds for each element the one that it repeats; the expansion says the same by
 * slices and joins, of which the gradient follows.
 */
#include <string.h>
#include "autograd/node.h"
#include "autograd/ops.h"
#include "autograd/ops/records.h"

typedef struct pad_attr { int64_t mode, before[SP_MAX_RANK], after[SP_MAX_RANK]; } pad_attr;

/* ---- shape ---- */

static bool pad_shape(const sp_call *c, sp_shape *y)
{
    const pad_attr *p = c->attr;

    *y = c->shape[0];
    if (p->mode < SP_PAD_CONSTANT || p->mode > SP_PAD_CIRCULAR)
        return sp_refuse(c, "there is no mode %lld", (long long)p->mode);
    if (p->mode == SP_PAD_CONSTANT && (c->n != 2 || c->shape[1].rank > 0))
        return sp_refuse(c, "the value must be a scalar");
    for (int d = 0; d < y->rank; d++) {
        int64_t before = p->before[d], after = p->after[d], n = y->dim[d];
        if (before < 0 || after < 0)
            return sp_refuse(c, "%lld elements %s axis %d",
                             (long long)(before < 0 ? before : after),
                             before < 0 ? "before" : "after", d);
        if (n == 0 && (before || after) && p->mode != SP_PAD_CONSTANT)
            return sp_refuse(c, "axis %d is empty: there is nothing to repeat", d);
        if (__builtin_add_overflow(n, before, &n) || __builtin_add_overflow(n, after, &n))
            return sp_refuse(c, "axis %d becomes too large", d);
        y->dim[d] = n;
    }
    return true;
}

/* ---- kernel ---- */

static int64_t modulo(int64_t k, int64_t n) { return (k % n + n) % n; }

/* Which of the n elements of an axis stands k behind the first; -1: none, the value does. */
static int64_t repeated(int64_t k, int64_t n, int64_t mode)
{
    if (k >= 0 && k < n) return k;
    if (mode == SP_PAD_CONSTANT) return -1;
    if (mode == SP_PAD_EDGE || n == 1) return k < 0 ? 0 : n - 1;
    if (mode == SP_PAD_CIRCULAR) return modulo(k, n);
    int64_t there = modulo(k, 2 * n - 2);
    return there < n ? there : 2 * n - 2 - there;
}

/* The row of x that row i of y repeats; -1: none. */
static int64_t repeated_row(const sp_args *a, int64_t i)
{
    const pad_attr *p = a->attr;
    sp_shape x = a->x[0].shape, y = a->y.shape;
    int64_t row = 0, size = 1;

    for (int d = (int)y.rank - 2; d >= 0; d--) {
        int64_t k = repeated(i % y.dim[d] - p->before[d], x.dim[d], p->mode);
        if (k < 0) return -1;
        row += k * size;
        size *= x.dim[d];
        i /= y.dim[d];
    }
    return row;
}

/* Elements [from, to) of a row of y, each on its own. */
static void pad_some(const sp_args *a, char *y, const char *x, int64_t from, int64_t to)
{
    const pad_attr *p = a->attr;
    int last = (int)a->y.shape.rank - 1;
    size_t size = (size_t)sp_dtype_size(a->y.dtype);

    for (int64_t j = from; j < to; j++) {
        int64_t k = x ? repeated(j - p->before[last], a->x[0].shape.dim[last], p->mode) : -1;
        memcpy(y + (size_t)j * size, k < 0 ? a->x[1].data : x + (size_t)k * size, size);
    }
}

static void pad_kernel(const sp_args *a)
{
    const pad_attr *p = a->attr;
    int last = (int)a->y.shape.rank - 1;
    int64_t size = sp_dtype_size(a->y.dtype);
    char *y = a->y.data;

    if (last < 0) {
        memcpy(y, a->x[0].data, (size_t)size);
        return;
    }
    int64_t n = a->x[0].shape.dim[last], m = a->y.shape.dim[last], before = p->before[last];
    for (int64_t i = 0, rows = sp_shape_size(a->y.shape) / m; i < rows; i++, y += m * size) {
        int64_t row = repeated_row(a, i);
        const char *x = row < 0 ? NULL : (const char *)a->x[0].data + row * n * size;
        pad_some(a, y, x, 0, x ? before : m);
        if (!x) continue;
        memcpy(y + before * size, x, (size_t)(n * size));
        pad_some(a, y, x, before + n, m);
    }
}

/* ---- expansion ---- */

static int64_t smaller(int64_t a, int64_t b) { return a < b ? a : b; }

/* x repeats itself along axis d after each `period` elements: more of the same on both sides. */
static sp_var continued(sp_var x, int d, int64_t period, int64_t before, int64_t after)
{
    while ((before > 0 || after > 0) && !sp_is_nothing(x)) {
        int64_t n = sp_var_dim(x, d), whole = n / period * period;
        int64_t b = smaller(before, whole), a = smaller(after, whole);
        x = sp_concat(SP_VARS(sp_slice(x, d, whole - b, b), x, sp_slice(x, d, n - whole, a)), d);
        before -= b;
        after -= a;
    }
    return x;
}

/* The first mirror image on each side; behind these everything repeats. */
static sp_var mirrored(sp_var x, int d, int64_t before, int64_t after)
{
    int64_t n = sp_var_dim(x, d), b = smaller(before, n - 1), a = smaller(after, n - 1);
    sp_var left = sp_flip(sp_slice(x, d, smaller(1, n), b), d);
    sp_var right = sp_flip(sp_slice(x, d, n - 1 - a, a), d);
    sp_var y = sp_concat(SP_VARS(left, x, right), d);

    return continued(y, d, n > 1 ? 2 * n - 2 : 1, before - b, after - a);
}

/* x between `before` times one var and `after` times another. */
static sp_var between(sp_var first, sp_var x, sp_var last, int d, int64_t before, int64_t after)
{
    sp_shape b = sp_var_shape(x), a = b;

    b.dim[d] = before;
    a.dim[d] = after;
    return sp_concat(SP_VARS(sp_broadcast(first, b), x, sp_broadcast(last, a)), d);
}

static sp_var pad_expand(int n, const sp_var v[], const void *attr, const double *scalar)
{
    const pad_attr *p = attr;
    sp_var x = v[0];
    (void)scalar;

    for (int d = 0; d < sp_var_shape(v[0]).rank; d++) {
        int64_t b = p->before[d], a = p->after[d], size = sp_var_dim(x, d);
        if (b == 0 && a == 0) continue;
        if (p->mode == SP_PAD_CONSTANT) x = between(v[n - 1], x, v[n - 1], d, b, a);
        if (p->mode == SP_PAD_CIRCULAR) x = continued(x, d, size, b, a);
        if (p->mode == SP_PAD_REFLECT) x = mirrored(x, d, b, a);
        if (p->mode == SP_PAD_EDGE)
            x = between(sp_slice(x, d, 0, 1), x, sp_slice(x, d, size - 1, 1), d, b, a);
    }
    return x;
}

/* ---- record ---- */

/* Step by step back into the axis. */
static int64_t walked(int64_t k, int64_t n, int64_t mode)
{
    if (mode == SP_PAD_REFLECT && n == 1) return 0;
    while (mode == SP_PAD_REFLECT && (k < 0 || k >= n)) k = k < 0 ? -k : 2 * (n - 1) - k;
    while (mode == SP_PAD_CIRCULAR && k < 0) k += n;
    while (mode == SP_PAD_CIRCULAR && k >= n) k -= n;
    while (mode == SP_PAD_EDGE && k < 0) k++;
    while (mode == SP_PAD_EDGE && k >= n) k--;
    return k >= 0 && k < n ? k : -1;
}

static void pad_reference(const sp_args *a)
{
    const pad_attr *p = a->attr;

    for (int64_t i = 0; i < sp_shape_size(a->y.shape); i++) {
        int64_t from = 0, rest = i, step = 1;
        for (int d = (int)a->y.shape.rank - 1; d >= 0 && from >= 0; d--) {
            int64_t n = a->x[0].shape.dim[d];
            int64_t k = walked(rest % a->y.shape.dim[d] - p->before[d], n, p->mode);
            rest /= a->y.shape.dim[d];
            from = k < 0 ? -1 : from + k * step;
            step *= n;
        }
        const char *x = from < 0 ? a->x[1].data : (const char *)a->x[0].data + 8 * from;
        memcpy((char *)a->y.data + 8 * i, x, 8);
    }
}

#define PADS(mode, ...) &(pad_attr){ SP_PAD_##mode, __VA_ARGS__ }
static const sp_sample pad_samples[] = {
    { .in = "3 .", .attr = PADS(CONSTANT, { 2 }, { 1 }) },
    { .in = "2x3 .", .attr = PADS(CONSTANT, { 1, 0 }, { 0, 2 }) },
    { .in = "2x2x3 .", .attr = PADS(CONSTANT, { 1, 0, 2 }, { 1, 1, 0 }) },
    { .in = ". .", .attr = PADS(CONSTANT, { 0 }, { 0 }) },
    { .in = "0x2 .", .attr = PADS(CONSTANT, { 1, 0 }, { 1, 1 }) },
    { .in = "2x3:i32 .:i32", .attr = PADS(CONSTANT, { 1, 0 }, { 0, 2 }) },
    { .in = "3:i64 .:i64", .attr = PADS(CONSTANT, { 1 }, { 1 }) },
    { .in = "3:bool .:bool", 0, 2, PADS(CONSTANT, { 1 }, { 1 }) },
    { .in = "4", .attr = PADS(REFLECT, { 3 }, { 2 }) },
    { .in = "3x4", .attr = PADS(REFLECT, { 1, 2 }, { 2, 0 }) },
    { .in = "2x3x2", .attr = PADS(REFLECT, { 0, 7, 0 }, { 3, 11, 1 }) },
    { .in = "1", .attr = PADS(REFLECT, { 3 }, { 2 }) },
    { .in = "4", .attr = PADS(EDGE, { 3 }, { 2 }) },
    { .in = "2x3x2", .attr = PADS(EDGE, { 1, 0, 2 }, { 0, 4, 1 }) },
    { .in = "4", .attr = PADS(CIRCULAR, { 3 }, { 2 }) },
    { .in = "2x3x2", .attr = PADS(CIRCULAR, { 7, 0, 1 }, { 2, 10, 1 }) },
    { .in = "4:i64", .attr = PADS(CIRCULAR, { 3 }, { 2 }) },
    { .in = "0x3", .attr = PADS(EDGE, { 0, 1 }, { 0, 1 }) },
    { .in = "0x3", .attr = PADS(EDGE, { 1, 1 }, { 0, 1 }),
      .fails = "axis 0 is empty: there is nothing to repeat" },
    { .in = "3 .", .attr = PADS(CONSTANT, { 0 }, { -2 }), .fails = "-2 elements after axis 0" },
    { .in = "3 .", .attr = PADS(CONSTANT, { INT64_MAX }, { 0 }), .fails = "too large" },
    { .in = "2x3", .attr = PADS(CIRCULAR, { INT64_MAX / 8, INT64_MAX / 8 }, { 0 }),
      .fails = "multiply beyond 63 bits" },
    { .in = "3 2", .attr = PADS(CONSTANT, { 0 }, { 2 }), .fails = "the value must be a scalar" },
    { .in = "3", .attr = PADS(CONSTANT, { 0 }, { 2 }), .fails = "the value must be a scalar" },
    { .in = "3", .attr = &(pad_attr){ 9, { 0 }, { 0 } }, .fails = "there is no mode 9" },
    { .in = "3 .:i32", .attr = PADS(CONSTANT, { 0 }, { 2 }), .fails = "and i32 differ" }, { 0 },
};

extern const sp_op sp__op_pad;
const sp_op sp__op_pad = {
    .name = "pad", .maths = "x with more around it", .kind = SP_MACRO, .n_in = -1,
    .attr_size = sizeof(pad_attr), .dtype = sp_dtype_alike, .shape = pad_shape,
    .kernels = { [SP_PORTABLE] = { pad_kernel, pad_kernel, pad_kernel, pad_kernel, pad_kernel } },
    .expand = pad_expand, .reference = pad_reference, .samples = pad_samples,
};

/* Whether the spec names axes of x, each once; *p is what it asks for.  Otherwise x's tape has
   failed. */
static bool read_spec(sp_var x, const sp_pad_spec *spec, pad_attr *p)
{
    sp_shape shape = sp_var_shape(x);
    bool named[SP_MAX_RANK] = { false };
    int n = spec->axes.n == -1 ? (int)shape.rank : spec->axes.n;
    char text[SP_SHAPE_TEXT];

    if (n < 0 || n > SP_MAX_RANK) {
        sp__fail(x.tape, "pad: %s: %d axes are too %s", sp_shape_text(shape, text), n,
                 n < 0 ? "few" : "many");
        return false;
    }
    for (int i = 0; i < n; i++) {
        int axis = spec->axes.n == -1 ? i : spec->axes.axis[i], d = sp_axis(axis, shape.rank);
        if (d < 0 || named[d]) {
            sp__fail(x.tape, "pad: %s: there is no axis %d%s", sp_shape_text(shape, text), axis,
                     d < 0 ? "" : " but the one named before");
            return false;
        }
        named[d] = true;
        p->before[d] = spec->before[i];
        p->after[d] = spec->after[i];
    }
    for (int i = n; i < SP_MAX_RANK; i++)
        if (spec->before[i] || spec->after[i]) {
            sp__fail(x.tape, "pad: %s: before[%d] is %lld and after[%d] is %lld, beyond the %d "
                     "axes that .axes names", sp_shape_text(shape, text), i,
                     (long long)spec->before[i], i, (long long)spec->after[i], n);
            return false;
        }
    return true;
}

sp_var sp_pad(sp_var x, sp_pad_spec spec)
{
    pad_attr p = { .mode = spec.mode };

    if (!sp__readable(x.tape, x, "pad") || !read_spec(x, &spec, &p)) return sp__nothing(x.tape);
    if (spec.mode != SP_PAD_CONSTANT) return sp_apply(&sp__op_pad, 1, &x, &p, NULL);
    sp_var value = SP_CALLED(x, "pad", sp_number(x, spec.value));
    return sp_apply(&sp__op_pad, SP_VARS(x, value), &p, NULL);
}
