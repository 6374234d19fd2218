/* SPDX-License-Identifier: MIT
 *
 * rearrange - functions made of views and joins: they need no record of their own.
 */
#include "autograd/node.h"
#include "autograd/ops.h"

/* Whether x can be read; otherwise its tape has failed. */
static bool readable(sp_var x, const char *op) { return sp__readable(x.tape, x, op); }

static sp_var no_axis(sp_var x, const char *op, int axis)
{
    char text[SP_SHAPE_TEXT];
    sp_shape shape = sp_var_shape(x);
    return sp__fail(x.tape, "%s: %s: there is no axis %d in rank %lld", op,
                    sp_shape_text(shape, text), axis, (long long)shape.rank);
}

/* ---- roll ---- */

sp_var sp_roll(sp_var x, int axis, int64_t shift)
{
    int d = sp_axis(axis, sp_var_shape(x).rank);

    if (!readable(x, "roll")) return sp__nothing(x.tape);
    if (d < 0) return no_axis(x, "roll", axis);
    int64_t n = sp_var_dim(x, d), last = n ? (shift % n + n) % n : 0;
    if (last == 0) return x;
    return sp_concat(SP_VARS(sp_slice(x, d, n - last, last), sp_slice(x, d, 0, n - last)), d);
}

/* ---- repeat, tile ---- */

/* x seen as [outer, n, inner] with each part of it `times` times side by side: each of the n
   (whole = false), or all n at once. */
static sp_var times_over(sp_var x, int d, int64_t times, bool whole, const char *op)
{
    sp_shape shape = sp_var_shape(x);
    int64_t outer = 1, inner = 1, n = shape.dim[d], size;
    char text[SP_SHAPE_TEXT];

    for (int k = 0; k < d; k++) outer *= shape.dim[k];
    for (int k = d + 1; k < shape.rank; k++) inner *= shape.dim[k];
    if (times < 0 || !sp_size_mul(n, times, &size))
        return sp__fail(x.tape, "%s: %s: axis %d cannot be repeated %lld times", op,
                        sp_shape_text(shape, text), d, (long long)times);
    if (times == 1 || n == 0) return x;
    sp_shape parts = whole ? SP_SHAPE(outer, 1, n * inner) : SP_SHAPE(outer * n, 1, inner);
    sp_shape wide = parts;
    wide.dim[1] = times;
    shape.dim[d] = size;
    if (!sp_shape_check(shape))
        return sp__fail(x.tape, "%s: the result is too large: %s", op, sp_error());
    return sp_reshape(sp_broadcast(sp_reshape(x, parts), wide), shape);
}

sp_var sp_repeat(sp_var x, int axis, int64_t times)
{
    int d = sp_axis(axis, sp_var_shape(x).rank);

    if (!readable(x, "repeat")) return sp__nothing(x.tape);
    return d < 0 ? no_axis(x, "repeat", axis) : times_over(x, d, times, false, "repeat");
}

sp_var sp_tile(sp_var x, sp_shape times)
{
    sp_shape shape = sp_var_shape(x), full = shape;
    int64_t more = times.rank - shape.rank;
    char text[SP_SHAPE_TEXT];

    if (!readable(x, "tile")) return sp__nothing(x.tape);
    if (times.rank < 0 || times.rank > SP_MAX_RANK)
        return sp__fail(x.tape, "tile: %s: %lld counts are given and %d is the most",
                        sp_shape_text(shape, text), (long long)times.rank, SP_MAX_RANK);
    if (more > 0) {
        full.rank = times.rank;
        for (int d = 0; d < full.rank; d++) full.dim[d] = d < more ? 1 : shape.dim[d - more];
        x = sp_reshape(x, full);
    }
    for (int k = 1; k <= times.rank && !sp_is_nothing(x); k++)
        x = times_over(x, (int)full.rank - k, times.dim[times.rank - k], true, "tile");
    return x;
}

/* ---- constants ---- */

sp_var sp_eye(sp_tape *tape, sp_dtype dtype, int64_t n)
{
    if (n < 0) return sp__fail(tape, "eye: %lld rows", (long long)n);
    return SP_CALLED_ON(tape, "eye", sp_one_hot(sp_arange(tape, SP_I64, 0, n, 1), n, dtype));
}

/* Counted from both ends to the middle; f32 is rounded only at the last.  The difference of two
   halves does not overflow, nor does a step where there are more than the ends. */
static sp_var line(sp_tape *tape, sp_dtype dtype, double first, double last, int64_t n)
{
    sp_dtype wide = dtype == SP_F32 ? SP_F64 : dtype;
    double step = n > 2 ? (last / 2 - first / 2) / (double)(n - 1) * 2 : 0;

    if (n < 0) return sp__fail(tape, "linspace: %lld numbers", (long long)n);
    if (!sp__holds(tape, dtype, first) || !sp__holds(tape, dtype, last)) return sp__nothing(tape);
    sp_var up = sp_arange(tape, wide, first, n - n / 2, step);
    sp_var down = sp_flip(sp_arange(tape, wide, last, n / 2, -step), 0);
    return sp_cast(sp_concat(SP_VARS(up, down), 0), dtype);
}

sp_var sp_linspace(sp_tape *tape, sp_dtype dtype, double first, double last, int64_t n)
{
    return SP_CALLED_ON(tape, "linspace", line(tape, dtype, first, last, n));
}

bool sp_meshgrid(int n, const sp_var x[], sp_var y[])
{
    sp_shape shape = { n, { 0 } };
    sp_tape *tape = n > 0 ? sp__first_tape(n, x) : NULL;
    bool ok = true;

    if (n < 1 || n > SP_MAX_RANK) {
        sp__fail(tape, "meshgrid: 1 to %d operands are allowed, not %d", SP_MAX_RANK, n);
        return false;
    }
    for (int i = 0; i < n && ok; i++) {
        ok = sp__readable(tape, x[i], "meshgrid");
        if (ok && sp_var_shape(x[i]).rank != 1) {
            sp__fail(tape, "meshgrid: operand %d has rank %lld, not 1", i,
                     (long long)sp_var_shape(x[i]).rank);
            ok = false;
        }
        shape.dim[i] = sp_var_dim(x[i], 0);
    }
    for (int i = 0; i < n; i++) {
        sp_shape column = { n, { 1, 1, 1, 1, 1, 1 } };
        column.dim[i] = shape.dim[i];
        y[i] = ok ? SP_CALLED_ON(tape, "meshgrid", sp_broadcast(sp_reshape(x[i], column), shape))
                  : sp__nothing(tape);
    }
    return ok && !sp_is_nothing(y[n - 1]);
}
