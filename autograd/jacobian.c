/* SPDX-License-Identifier: MIT
 *
 * jacobian - derivatives whole: matrices row by row or column by column, gradients sample by
 * sample, and products with Hessians.
 */
#include "autograd/derivatives.h"
#include "autograd/grad.h"
#include "autograd/ops.h"
#include "tensor/alloc.h"

/* ---- what all refuse ---- */

sp_tape *sp__tape_of(const char *who, int n_y, const sp_var y[], int n_x)
{
    sp_tape *t = n_y > 0 ? y[0].tape : NULL;

    if (t && n_x >= 0) return t;
    if (t) sp__fail(t, "%s: %d x are asked for", who, n_x);
    else sp_fail(n_y > 0 ? "%s: its y is no var of a tape" : "%s: there is no y", who);
    return NULL;
}

bool sp__fit(sp_tape *t, const char *who, const char names[2], int n, const sp_var a[],
             const sp_var b[])
{
    char own[SP_SHAPE_TEXT], other[SP_SHAPE_TEXT];

    for (int i = 0; i < n; i++) {
        if (!sp__readable(t, a[i], who) || !sp__readable(t, b[i], who)) return false;
        sp_shape p = sp_var_shape(a[i]), q = sp_var_shape(b[i]);
        sp_dtype dp = sp_var_dtype(a[i]), dq = sp_var_dtype(b[i]);
        if (!sp_is_floating(dp))
            return sp__fail(t, "%s: %c[%d] is %s; only f32 and f64 have derivatives", who,
                            names[0], i, sp_dtype_name(dp)), false;
        if (sp_shape_equal(p, q) && dp == dq) continue;
        return sp__fail(t, "%s: %c[%d] is %s%s and %c[%d] is %s%s", who, names[1], i,
                        sp_dtype_name(dq), sp_shape_text(q, own), names[0], i, sp_dtype_name(dp),
                        sp_shape_text(p, other)), false;
    }
    return true;
}

bool sp__all_nothing(sp_tape *t, int n, sp_var out[])
{
    for (int i = 0; i < n; i++) out[i] = sp__nothing(t);
    return false;
}

static bool one_element(const char *who, sp_var y)
{
    char text[SP_SHAPE_TEXT];

    if (sp_shape_size(sp_var_shape(y)) == 1) return true;
    sp__fail(y.tape, "%s: %s: y must have exactly one element", who,
             sp_shape_text(sp_var_shape(y), text));
    return false;
}

/* The shape of a, then that of b.  False: the tape failed. */
static bool joined(const char *who, sp_var a, sp_var b, sp_shape *both)
{
    sp_shape p = sp_var_shape(a), q = sp_var_shape(b);
    char own[SP_SHAPE_TEXT], other[SP_SHAPE_TEXT];
    int64_t rank = p.rank + q.rank;

    sp_shape_text(p, own);
    sp_shape_text(q, other);
    if (rank > SP_MAX_RANK)
        return sp__fail(a.tape, "%s: %s by %s: the result would have rank %lld and %d is the most",
                        who, own, other, (long long)rank, SP_MAX_RANK), false;
    *both = p;
    both->rank = rank;
    for (int64_t d = 0; d < q.rank; d++) both->dim[p.rank + d] = q.dim[d];
    if (sp_shape_check(*both)) return true;
    return sp__fail(a.tape, "%s: %s by %s: %s", who, own, other, sp_error()), false;
}

/* A derivative is that of what was recorded: hooks take no part, and names keep what a gradient
   has brought them. */
static sp_asked quietly(const char *who, int n, const sp_var y[], const sp_var seed[])
{
    return (sp_asked){ .who = who, .n = n, .y = y, .seed = seed, .zeros = true, .quiet = true };
}

/* ---- Hessian times vector ---- */

static sp_var one(sp_var y) { return sp_full(y.tape, sp_var_dtype(y), sp_var_shape(y), 1); }

/* H is symmetric, so H v = H^T v: the gradient of <gradient, v>.  That is one sweep over the
   gradient, where a jvp of it would be two. */
bool sp_hvp(sp_var y, int n, const sp_var x[], const sp_var v[], sp_var out[])
{
    sp_tape *t = sp__tape_of("hvp", 1, &y, n);

    if (!t || !sp__fit(t, "hvp", "yy", 1, &y, &y) || !sp__fit(t, "hvp", "xv", n, x, v)
        || !one_element("hvp", y))
        return sp__all_nothing(y.tape, n, out);
    if (n == 0) return true;
    sp_var seed = one(y), *g = sp_alloc_array(n, sizeof *g);
    sp_asked first = quietly("hvp", 1, &y, &seed);
    sp_asked second = quietly("hvp", n, g, v);
    if (!g) sp__fail(t, "hvp: %s", sp_error());
    bool ok = g && sp__sweep(&first, n, x, g) && sp__sweep(&second, n, x, out);
    sp_release(g);
    return ok || sp__all_nothing(t, n, out);
}

/* ---- matrices ---- */

/* 1 at element i, in row-major order, and 0 elsewhere. */
static sp_var unit(sp_var like, int64_t i)
{
    sp_shape shape = sp_var_shape(like);
    sp_var e = sp_full(like.tape, sp_var_dtype(like), SP_SHAPE(1), 1);
    return sp_reshape(sp_place(e, 0, i, 1, sp_shape_size(shape)), shape);
}

/* The gradients of f by x for each unit seed, flat, side by side along the axis. */
static sp_var units_back(const char *who, sp_var f, sp_var x, int axis)
{
    sp_tape *t = f.tape;
    int64_t n = sp_shape_size(sp_var_shape(f)), size = sp_shape_size(sp_var_shape(x));
    sp_var *part = n <= INT32_MAX ? sp_alloc_array(n, sizeof *part) : NULL;
    bool ok = part;

    if (!ok) sp__fail(t, "%s: %lld rows are too many", who, (long long)n);
    for (int64_t i = 0; ok && i < n; i++) {
        sp_var seed = unit(f, i);
        sp_asked a = quietly(who, 1, &f, &seed);
        ok = sp__sweep(&a, 1, &x, &part[i]);
        part[i] = sp_reshape(part[i], SP_SHAPE(size));
    }
    sp_var all = ok ? sp_stack((int)n, part, axis) : sp__nothing(t);
    sp_release(part);
    return all;
}

/* Column by column: the gradient as a linear function of a seed, differentiated by the seed. */
static sp_var columns(const char *who, sp_var y, sp_var x)
{
    sp_var seed = sp_full(y.tape, sp_var_dtype(y), sp_var_shape(y), 0), g;
    sp_asked a = quietly(who, 1, &y, &seed);
    bool was = y.tape->early;

    y.tape->early = true;
    sp_var all = sp__sweep(&a, 1, &x, &g) ? units_back(who, g, seed, 1) : sp__nothing(y.tape);
    y.tape->early = was;
    return sp_is_nothing(all) ? all : sp_cast(all, sp_var_dtype(x));
}

static sp_var matrix(const char *who, sp_var y, sp_var x)
{
    int64_t m = sp_shape_size(sp_var_shape(y)), n = sp_shape_size(sp_var_shape(x));
    sp_shape shape;

    if (!joined(who, y, x, &shape)) return sp__nothing(y.tape);
    if (m == 0 || n == 0) return sp_full(y.tape, sp_var_dtype(x), shape, 0);
    return sp_reshape(m <= n ? units_back(who, y, x, 0) : columns(who, y, x), shape);
}

sp_var sp_jacobian(sp_var y, sp_var x)
{
    sp_tape *t = sp__tape_of("jacobian", 1, &y, 1);

    if (!t || !sp__fit(t, "jacobian", "yy", 1, &y, &y) || !sp__fit(t, "jacobian", "xx", 1, &x, &x))
        return sp__nothing(y.tape);
    return matrix("jacobian", y, x);
}

sp_var sp_hessian(sp_var y, sp_var x)
{
    sp_tape *t = sp__tape_of("hessian", 1, &y, 1);
    sp_shape shape;

    if (!t || !sp__fit(t, "hessian", "yy", 1, &y, &y) || !sp__fit(t, "hessian", "xx", 1, &x, &x)
        || !one_element("hessian", y) || !joined("hessian", x, x, &shape))
        return sp__nothing(y.tape);
    sp_var seed = one(y), g;
    sp_asked a = quietly("hessian", 1, &y, &seed);
    return sp__sweep(&a, 1, &x, &g) ? matrix("hessian", g, x) : sp__nothing(t);
}

/* ---- sample by sample ---- */

static bool sample_shapes(sp_var losses, int n, const sp_var x[])
{
    sp_shape shape = sp_var_shape(losses);
    char text[SP_SHAPE_TEXT];

    if (shape.rank != 1 || shape.dim[0] > INT32_MAX)
        return sp__fail(losses.tape, "sample_grads: %s: the losses must be [B], one per sample",
                        sp_shape_text(shape, text)), false;
    for (int i = 0; i < n; i++)
        if (!joined("sample_grads", losses, x[i], &shape)) return false;
    return true;
}

/* grads has B rows of n: that of sample b by x[i] goes to [i][b], as sp_stack wants them. */
static bool each_sample(sp_var losses, int n, const sp_var x[], sp_var *grads, sp_var *row)
{
    int64_t count = sp_var_dim(losses, 0);

    for (int64_t b = 0; b < count; b++) {
        sp_var seed = unit(losses, b);
        sp_asked a = quietly("sample_grads", 1, &losses, &seed);
        if (!sp__sweep(&a, n, x, row)) return false;
        for (int i = 0; i < n; i++) grads[i * count + b] = row[i];
    }
    return true;
}

static bool stack_samples(sp_var losses, int n, const sp_var x[], sp_var out[])
{
    int64_t count = sp_var_dim(losses, 0), room;
    bool fits = sp_size_mul(count + 1, n, &room);
    sp_var *grads = fits ? sp_alloc_array(room, sizeof *grads) : NULL;
    bool ok = grads && each_sample(losses, n, x, grads, grads + count * n);
    sp_shape shape;

    if (!grads) sp__fail(losses.tape, "sample_grads: %s", sp_error());
    for (int i = 0; ok && i < n; i++) {
        ok = joined("sample_grads", losses, x[i], &shape);
        out[i] = count > 0 ? sp_stack((int)count, grads + i * count, 0)
                           : sp_full(losses.tape, sp_var_dtype(x[i]), shape, 0);
        ok = ok && !sp_is_nothing(out[i]);
    }
    sp_release(grads);
    return ok;
}

bool sp_sample_grads(sp_var losses, int n, const sp_var x[], sp_var out[])
{
    const char *who = "sample_grads";
    sp_tape *t = sp__tape_of(who, 1, &losses, n);
    bool ok = t && sp__fit(t, who, "yy", 1, &losses, &losses) && sp__fit(t, who, "xx", n, x, x)
           && sample_shapes(losses, n, x) && stack_samples(losses, n, x, out);

    return ok || sp__all_nothing(losses.tape, n, out);
}
