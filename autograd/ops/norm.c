/* SPDX-License-Identifier: MIT
 *
 * norm - layer, group, batch and RMS norm.
 *
 *     y = gamma (x - mean) / sqrt(var + eps) + beta
 *
 * Operands are x, then gamma, then beta; the last or both may be missing.  With g for dL/dy gamma,
 * s for 1/sqrt(var + eps) and xn for the normalized x, the gradient by x is
 *
 *     s (g - mean g - xn mean(g xn))
 */
#include "autograd/ops/norm.h"
#include "autograd/called.h"
#include "autograd/ops.h"

/* ---- shapes ---- */

static sp_shape last_axes(sp_shape x, int64_t axes)
{
    sp_shape s = { axes, { 0 } };
    for (int64_t d = 0; d < axes; d++) s.dim[d] = x.dim[x.rank - axes + d];
    return s;
}

/* All operands behind x have this shape, there are at most `most`, and eps is a number >= 0. */
static bool affine_fits(const sp_call *c, int most, sp_shape shape)
{
    static const char *const names[] = { "x", "gamma", "beta" };
    char text[SP_SHAPE_TEXT];

    if (c->n > most)
        return sp_refuse(c, "it takes %s, not %d operands",
                         most == 2 ? "x and gamma" : "x, gamma and beta", c->n);
    for (int k = 1; k < c->n; k++)
        if (!sp_shape_equal(c->shape[k], shape))
            return sp_refuse(c, "its %s needs shape %s", names[k], sp_shape_text(shape, text));
    if (c->scalar[0] >= 0) return true;
    return sp_refuse(c, "its eps is %g, not 0 or more", c->scalar[0]);
}

static bool axes_fit(const sp_call *c)
{
    const sp_norm_attr *at = c->attr;

    if (at->count >= 1 && at->count <= c->shape[0].rank) return true;
    return sp_refuse(c, "rank %lld has no %lld last axes", (long long)c->shape[0].rank,
                     (long long)at->count);
}

static bool layer_shape(const sp_call *c, sp_shape *y)
{
    const sp_norm_attr *at = c->attr;

    *y = c->shape[0];
    return axes_fit(c) && affine_fits(c, 3, last_axes(*y, at->count));
}

static bool rms_shape(const sp_call *c, sp_shape *y)
{
    const sp_norm_attr *at = c->attr;

    *y = c->shape[0];
    return axes_fit(c) && affine_fits(c, 2, last_axes(*y, at->count));
}

static bool slope_shape(const sp_call *c, sp_shape *y)
{
    *y = c->shape[0];
    if (!axes_fit(c)) return false;
    return sp_shape_equal(*y, c->shape[1]) || sp_refuse(c, "the shapes differ");
}

static bool has_channels(const sp_call *c)
{
    return c->shape[0].rank >= 2 || sp_refuse(c, "x needs rank 2 or more: [N,C,...]");
}

static bool group_shape(const sp_call *c, sp_shape *y)
{
    const sp_norm_attr *at = c->attr;

    *y = c->shape[0];
    if (!has_channels(c)) return false;
    if (at->count < 1 || y->dim[1] % at->count)
        return sp_refuse(c, "its %lld channels do not fall into %lld groups",
                         (long long)y->dim[1], (long long)at->count);
    return affine_fits(c, 3, SP_SHAPE(y->dim[1]));
}

static bool batch_shape(const sp_call *c, sp_shape *y)
{
    *y = c->shape[0];
    return has_channels(c) && affine_fits(c, 3, SP_SHAPE(y->dim[1]));
}

static int64_t batch_work(const sp_call *c)
{
    int64_t bytes;
    return sp_size_mul(c->shape[0].dim[1], 6 * sizeof(double), &bytes) ? bytes : INT64_MAX;
}

/* ---- in other ops ---- */

static sp_axes last(int64_t axes)
{
    sp_axes a = { (int)axes, { 0 } };
    for (int i = 0; i < a.n; i++) a.axis[i] = -1 - i;
    return a;
}

/* All but axis 1. */
static sp_axes but_channels(sp_var x)
{
    sp_axes a = { (int)sp_var_shape(x).rank - 1, { 0 } };
    for (int i = 1; i < a.n; i++) a.axis[i] = i + 1;
    return a;
}

/* x - mean; a second time takes off what the mean was rounded by, as the kernels do. */
static sp_var deviation(sp_var x, sp_axes axes, bool raw)
{
    for (int i = 0; i < 2 && !raw; i++) x = sp_sub(x, sp_mean_axes(x, axes, true));
    return x;
}

/* 1 / sqrt(var + eps) of x that has its mean taken off. */
static sp_var inverse_of(sp_var d, sp_axes axes, double eps)
{
    return sp_reciprocal(sp_sqrt(sp_shift(sp_mean_axes(sp_square(d), axes, true), eps)));
}

static sp_var standard(sp_var x, sp_axes axes, bool raw, double eps)
{
    sp_var d = deviation(x, axes, raw);
    return sp_mul(d, inverse_of(d, axes, eps));
}

static sp_var slope_in_ops(sp_var x, sp_var g, sp_axes axes, bool raw, double eps)
{
    sp_var d = deviation(x, axes, raw), s = inverse_of(d, axes, eps), xn = sp_mul(d, s);
    sp_var along = sp_mul(xn, sp_mean_axes(sp_mul(g, xn), axes, true));

    return sp_mul(s, sp_sub(deviation(g, axes, raw), along));
}

/* y gamma + beta, with whichever of them the operands have. */
static sp_var affine(sp_var y, int n, const sp_var x[])
{
    if (n > 1) y = sp_mul(y, x[1]);
    return n > 2 ? sp_add(y, x[2]) : y;
}

/* One number for each channel, as x sees it: [C,1,...]. */
static sp_var as_channels(sp_var v, sp_var x)
{
    sp_shape s = { sp_var_shape(x).rank - 1, { sp_var_dim(v, 0) } };
    for (int64_t d = 1; d < s.rank; d++) s.dim[d] = 1;
    return sp_reshape(v, s);
}

static sp_var channel_affine(sp_var y, int n, const sp_var x[])
{
    sp_var wide[3] = { { 0 } };
    for (int k = 1; k < n; k++) wide[k] = as_channels(x[k], y);
    return affine(y, n, wide);
}

static sp_var layer_expand(int n, const sp_var x[], const void *attr, const double *scalar)
{
    sp_axes axes = last(((const sp_norm_attr *)attr)->count);
    return affine(standard(x[0], axes, false, scalar[0]), n, x);
}

static sp_var rms_expand(int n, const sp_var x[], const void *attr, const double *scalar)
{
    sp_axes axes = last(((const sp_norm_attr *)attr)->count);
    return affine(standard(x[0], axes, true, scalar[0]), n, x);
}

static sp_var slope_expand(int n, const sp_var x[], const void *attr, const double *scalar)
{
    const sp_norm_attr *at = attr;

    (void)n;
    return slope_in_ops(x[0], x[1], last(at->count), at->raw, scalar[0]);
}

/* Group after group as a row. */
static sp_var as_groups(sp_var x, int64_t groups)
{
    sp_normed s = sp__by_channel(sp_var_shape(x));
    return sp_reshape(x, SP_SHAPE(s.outer, groups, s.channels / groups * s.inner));
}

static sp_var group_expand(int n, const sp_var x[], const void *attr, const double *scalar)
{
    sp_var rows = as_groups(x[0], ((const sp_norm_attr *)attr)->count);
    sp_var y = sp_reshape(standard(rows, last(1), false, scalar[0]), sp_var_shape(x[0]));

    return channel_affine(y, n, x);
}

static sp_var batch_expand(int n, const sp_var x[], const void *attr, const double *scalar)
{
    (void)attr;
    return channel_affine(standard(x[0], but_channels(x[0]), false, scalar[0]), n, x);
}

/* ---- gradients ---- */

static sp_var slope(sp_var x, sp_var g, int64_t axes, bool raw, double eps)
{
    return sp_apply(&sp__op_layer_norm_slope, 2, (sp_var[]){ x, g },
                    &(sp_norm_attr){ axes, raw }, &eps);
}

static sp_var without_affine(const sp_op *op, const sp_pullback *v)
{
    return sp_apply(op, 1, v->x, v->attr, v->scalar);
}

static void push_rows(const sp_pullback *v, const sp_op *op, bool raw)
{
    const sp_norm_attr *at = v->attr;
    sp_var g = v->n > 1 ? sp_mul(v->g, v->x[1]) : v->g;

    if (sp_wants(v, 0)) sp_push(v, 0, slope(v->x[0], g, at->count, raw, v->scalar[0]));
    if (v->n > 1 && sp_wants(v, 1)) sp_push(v, 1, sp_mul(v->g, without_affine(op, v)));
    if (v->n > 2) sp_push(v, 2, v->g);
}

static void layer_vjp(const sp_pullback *v) { push_rows(v, &sp__op_layer_norm, false); }
static void rms_vjp(const sp_pullback *v)   { push_rows(v, &sp__op_rms_norm, true); }

static void push_channels(const sp_pullback *v, const sp_op *op)
{
    sp_axes others = but_channels(v->x[0]);

    if (v->n > 1 && sp_wants(v, 1))
        sp_push(v, 1, sp_sum_axes(sp_mul(v->g, without_affine(op, v)), others, false));
    if (v->n > 2 && sp_wants(v, 2)) sp_push(v, 2, sp_sum_axes(v->g, others, false));
}

static sp_var scaled_g(const sp_pullback *v)
{
    return v->n > 1 ? sp_mul(v->g, as_channels(v->x[1], v->g)) : v->g;
}

static void group_vjp(const sp_pullback *v)
{
    int64_t groups = ((const sp_norm_attr *)v->attr)->count;
    sp_var x = v->x[0];

    if (sp_wants(v, 0)) {
        sp_var rows = slope(as_groups(x, groups), as_groups(scaled_g(v), groups), 1, false,
                            v->scalar[0]);
        sp_push(v, 0, sp_reshape(rows, sp_var_shape(x)));
    }
    push_channels(v, &sp__op_group_norm);
}

static void batch_vjp(const sp_pullback *v)
{
    sp_var x = v->x[0];

    if (sp_wants(v, 0))
        sp_push(v, 0, slope_in_ops(x, scaled_g(v), but_channels(x), false, v->scalar[0]));
    push_channels(v, &sp__op_batch_norm);
}

/* ---- records ---- */

#define NORM(op, formula, operands, ...)                                            \
    const sp_op sp__op_##op = {                                                     \
        .name = #op, .maths = formula, .kind = SP_MACRO, .n_in = operands,          \
        .attr_size = sizeof(sp_norm_attr), .n_scalars = 1, .kernels = SP_KERNELS(op), \
        .reference = sp__##op##_reference, .samples = sp__##op##_samples, __VA_ARGS__ \
    };
NORM(layer_norm, "y = gamma (x - mean) / sqrt(var + eps) + beta over the last axes", -1,
     .shape = layer_shape, .expand = layer_expand, .vjp = layer_vjp)
NORM(rms_norm, "y = gamma x / sqrt(mean x^2 + eps) over the last axes", -1,
     .shape = rms_shape, .expand = rms_expand, .vjp = rms_vjp)
NORM(layer_norm_slope, "layer_norm's gradient by x, of x and what arrives", 2,
     .shape = slope_shape, .expand = slope_expand)
NORM(group_norm, "y = gamma (x - mean) / sqrt(var + eps) + beta over groups of channels", -1,
     .shape = group_shape, .expand = group_expand, .vjp = group_vjp)
NORM(batch_norm, "y = gamma (x - mean) / sqrt(var + eps) + beta over all but channels", -1,
     .shape = batch_shape, .work = batch_work, .expand = batch_expand, .vjp = batch_vjp)

/* ---- functions ---- */

static sp_var normalized(const sp_op *op, int64_t count, sp_var x, sp_var gamma, sp_var beta,
                         double eps)
{
    sp_var operands[] = { x, gamma, beta };
    sp_norm_attr at = { count, 0 };
    int n = !sp_is_given(gamma) ? 1 : sp_is_given(beta) ? 3 : 2;
    sp_tape *t = sp__first_tape(3, operands);

    if (!sp__readable(t, x, op->name)) return sp__nothing(t);
    return sp_apply(op, n, operands, &at, &eps);
}

/* beta without gamma is added behind. */
static sp_var shifted(const sp_op *op, sp_var y, sp_var beta, sp_shape needs)
{
    sp_shape x = sp_var_shape(y), s = sp_var_shape(beta);
    char of_x[SP_SHAPE_TEXT], of_beta[SP_SHAPE_TEXT], text[SP_SHAPE_TEXT];

    if (sp_is_nothing(y) || !sp__readable(y.tape, beta, op->name)) return sp__nothing(y.tape);
    if (!sp_shape_equal(s, needs))
        return sp_tape_fail(y.tape, "%s: %s x %s: its beta needs shape %s", op->name,
                            sp_shape_text(x, of_x), sp_shape_text(s, of_beta),
                            sp_shape_text(needs, text));
    if (op != &sp__op_layer_norm) beta = as_channels(beta, y);
    return SP_CALLED(y, op->name, sp_add(y, beta));
}

sp_var sp_layer_norm(sp_var x, int axes, sp_var gamma, sp_var beta, double eps)
{
    sp_var y = normalized(&sp__op_layer_norm, axes, x, gamma, beta, eps);
    if (sp_is_nothing(y) || sp_is_given(gamma) || !sp_is_given(beta)) return y;
    return shifted(&sp__op_layer_norm, y, beta, last_axes(sp_var_shape(y), axes));
}

sp_var sp_rms_norm(sp_var x, int axes, sp_var gamma, double eps)
{
    return normalized(&sp__op_rms_norm, axes, x, gamma, (sp_var){ 0 }, eps);
}

sp_var sp_group_norm(sp_var x, int64_t groups, sp_var gamma, sp_var beta, double eps)
{
    sp_var y = normalized(&sp__op_group_norm, groups, x, gamma, beta, eps);
    if (sp_is_given(gamma) || !sp_is_given(beta)) return y;
    return shifted(&sp__op_group_norm, y, beta, SP_SHAPE(sp_var_dim(y, 1)));
}

sp_var sp_batch_norm(sp_var x, sp_var gamma, sp_var beta, double eps)
{
    sp_var y = normalized(&sp__op_batch_norm, 0, x, gamma, beta, eps);
    if (sp_is_given(gamma) || !sp_is_given(beta)) return y;
    return shifted(&sp__op_batch_norm, y, beta, SP_SHAPE(sp_var_dim(y, 1)));
}

/* Whether mean, var and what is given of gamma and beta are [C]; otherwise x's tape has failed. */
static bool given_fit(sp_var x, const sp_var of_channel[4], double eps)
{
    static const char *const names[] = { "mean", "var", "gamma", "beta" };
    sp_shape s = sp_var_shape(x);
    char text[SP_SHAPE_TEXT], other[SP_SHAPE_TEXT];

    sp_shape_text(s, text);
    if (s.rank < 2 || !(eps >= 0)) {
        if (s.rank < 2) sp_tape_fail(x.tape, "batch_norm: %s: x needs rank 2 or more", text);
        else sp_tape_fail(x.tape, "batch_norm: %s: its eps is %g, not 0 or more", text, eps);
        return false;
    }
    for (int k = 0; k < 4; k++) {
        sp_var v = of_channel[k];
        if (k >= 2 && !sp_is_given(v)) continue;
        if (!sp__readable(x.tape, v, "batch_norm")) return false;
        if (!sp_shape_equal(sp_var_shape(v), SP_SHAPE(s.dim[1])))
            return sp_tape_fail(x.tape, "batch_norm: %s x %s: its %s needs shape [%lld]", text,
                                sp_shape_text(sp_var_shape(v), other), names[k],
                                (long long)s.dim[1]), false;
    }
    return true;
}

/* gamma / sqrt(var + eps), then x times it, and what is left: all but two passes are over C. */
static sp_var given_norm(sp_var x, sp_var mean, sp_var var, sp_var gamma, sp_var beta, double eps)
{
    sp_var scale = sp_reciprocal(sp_sqrt(sp_shift(var, eps)));
    if (sp_is_given(gamma)) scale = sp_mul(scale, gamma);
    sp_var y = sp_mul(sp_sub(x, as_channels(mean, x)), as_channels(scale, x));
    return sp_is_given(beta) ? sp_add(y, as_channels(beta, x)) : y;
}

sp_var sp_batch_norm_given(sp_var x, sp_var mean, sp_var var, sp_var gamma, sp_var beta, double eps)
{
    sp_var of_channel[] = { mean, var, gamma, beta };
    sp_tape *t = x.tape ? x.tape : sp__first_tape(4, of_channel);

    if (!sp__readable(t, x, "batch_norm") || !given_fit(x, of_channel, eps)) return sp__nothing(t);
    return SP_CALLED(x, "batch_norm", given_norm(x, mean, var, gamma, beta, eps));
}
