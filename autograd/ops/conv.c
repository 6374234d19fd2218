/* SPDX-License-Identifier: MIT
 *
 * conv - convolutions over one to three axes, and their two adjoints.
 *
 * With the form L(x,w,g) = sum of g conv(x,w), the three ops are its gradients by g, by x and by
 * w.  So each one's rule is the other two, and every order of derivative exists.
 */
#include "autograd/ops/conv.h"
#include "autograd/called.h"
#include "autograd/ops.h"

/* ---- shapes ---- */

static sp_shape spatial(int64_t n, int64_t channels, const int64_t size[], int64_t axes)
{
    sp_shape s = { axes + 2, { n, channels } };
    for (int d = 0; d < axes; d++) s.dim[d + 2] = size[d];
    return s;
}

static bool groups_fit(const sp_call *c, int64_t channels, const char *which, int64_t groups)
{
    if (groups >= 1 && channels % groups == 0) return true;
    return sp_refuse(c, "its %lld %s channels do not fall into %lld groups", (long long)channels,
                     which, (long long)groups);
}

/* *y of conv(x, w). */
static bool result(const sp_call *c, const sp_conv_attr *at, sp_shape x, sp_shape w, sp_shape *y)
{
    int64_t size[SP_WINDOW_AXES];

    if (!groups_fit(c, x.dim[1], "input", at->groups)) return false;
    if (!groups_fit(c, w.dim[0], "output", at->groups)) return false;
    if (x.dim[1] / at->groups != w.dim[1])
        return sp_refuse(c, "x has %lld channels in each of %lld groups, but w takes %lld",
                         (long long)(x.dim[1] / at->groups), (long long)at->groups,
                         (long long)w.dim[1]);
    for (int d = 0; d < at->window.axes; d++)
        if (!sp__window_positions(c, &at->window, d, x.dim[d + 2], w.dim[d + 2], false, &size[d]))
            return false;
    *y = spatial(x.dim[0], w.dim[0], size, at->window.axes);
    return true;
}

/* Whether y is what conv gives of x and w. */
static bool gives(const sp_call *c, sp_shape x, sp_shape w, sp_shape y)
{
    char of_x[SP_SHAPE_TEXT], of_y[SP_SHAPE_TEXT];
    sp_shape full;

    if (!result(c, c->attr, x, w, &full)) return false;
    if (sp_shape_equal(full, y)) return true;
    return sp_refuse(c, "a convolution of %s would give %s", sp_shape_text(x, of_x),
                     sp_shape_text(full, of_y));
}

static bool conv_shape(const sp_call *c, sp_shape *y)
{
    const sp_conv_attr *at = c->attr;
    return sp__window_check(c, &at->window) && result(c, at, c->shape[0], c->shape[1], y);
}

/* The fewest elements that so many positions cover, without the padding. */
static bool covered(const sp_call *c, const sp_window *w, int d, int64_t y, int64_t taps,
                    int64_t *x)
{
    int64_t steps, span;
    bool fits = sp_size_mul(y > 0 ? y - 1 : 0, w->stride[d], &steps)
             && sp_size_mul(taps > 0 ? taps - 1 : 0, w->dilation[d], &span)
             && steps < INT64_MAX / 4 && span < INT64_MAX / 4;

    if (!fits) return sp_refuse(c, "spatial axis %d would be too long", d);
    *x = steps + span + 1 - w->before[d] - w->after[d];
    return true;
}

static bool transpose_shape(const sp_call *c, sp_shape *x)
{
    const sp_conv_attr *at = c->attr;
    const sp_window *window = &at->window;
    sp_shape y = c->shape[0], w = c->shape[1];
    int64_t size[SP_WINDOW_AXES], channels;

    if (!sp__window_check(c, window)) return false;
    if (y.dim[1] != w.dim[0])
        return sp_refuse(c, "its input has %lld channels, but w takes %lld", (long long)y.dim[1],
                         (long long)w.dim[0]);
    if (!sp_size_mul(w.dim[1], at->groups, &channels))
        return sp_refuse(c, "it would have too many channels");
    for (int d = 0; d < window->axes; d++) {
        if (!covered(c, window, d, y.dim[d + 2], w.dim[d + 2], &size[d])) return false;
        if (at->more[d] < 0 || at->more[d] >= window->stride[d])
            return sp_refuse(c, "its output padding along spatial axis %d is %lld, not within "
                             "[0,%lld), which is the stride", d, (long long)at->more[d],
                             (long long)window->stride[d]);
        size[d] += at->more[d];
        if (size[d] < 0)
            return sp_refuse(c, "its padding leaves nothing of spatial axis %d", d);
    }
    *x = spatial(y.dim[0], channels, size, window->axes);
    return gives(c, *x, w, y);
}

static bool weight_shape(const sp_call *c, sp_shape *w)
{
    const sp_conv_attr *at = c->attr;
    sp_shape x = c->shape[0], y = c->shape[1];

    if (!sp__window_check(c, &at->window)) return false;
    if (!groups_fit(c, x.dim[1], "input", at->groups)) return false;
    *w = spatial(y.dim[1], x.dim[1] / at->groups, at->window.size, at->window.axes);
    return gives(c, x, *w, y);
}

static int64_t conv_work(const sp_call *c)
{
    sp_shape y;
    return conv_shape(c, &y) ? sp__conv_work(c->attr, c->shape[0], c->shape[1], y, c->dtype[0]) : 0;
}

static int64_t transpose_work(const sp_call *c)
{
    sp_shape x;
    return transpose_shape(c, &x) ? sp__conv_work(c->attr, x, c->shape[1], c->shape[0],
                                                  c->dtype[0]) : 0;
}

static int64_t weight_work(const sp_call *c)
{
    sp_shape w;
    return weight_shape(c, &w) ? sp__conv_work(c->attr, c->shape[0], w, c->shape[1],
                                               c->dtype[0]) : 0;
}

/* ---- the three, each by the others ---- */

static sp_conv_attr plain(const sp_conv_attr *at)
{
    sp_conv_attr a = *at;
    for (int d = 0; d < SP_WINDOW_AXES; d++) a.window.size[d] = a.more[d] = 0;
    return a;
}

static sp_var forward(sp_var x, sp_var w, const sp_conv_attr *at)
{
    sp_conv_attr a = plain(at);
    return sp_apply(&sp__op_conv, 2, (sp_var[]){ x, w }, &a, NULL);
}

/* The gradient by x, of x's shape. */
static sp_var by_x(sp_var y, sp_var w, sp_var x, const sp_conv_attr *at)
{
    sp_conv_attr a = plain(at);
    const sp_window *t = &a.window;

    for (int d = 0; d < t->axes; d++)
        a.more[d] = (sp_var_dim(x, d + 2) + t->before[d] + t->after[d]
                     - t->dilation[d] * (sp_var_dim(w, d + 2) - 1) - 1) % t->stride[d];
    return sp_apply(&sp__op_conv_transpose, 2, (sp_var[]){ y, w }, &a, NULL);
}

/* The gradient by w, of w's shape. */
static sp_var by_w(sp_var x, sp_var y, sp_var w, const sp_conv_attr *at)
{
    sp_conv_attr a = plain(at);
    for (int d = 0; d < a.window.axes; d++) a.window.size[d] = sp_var_dim(w, d + 2);
    return sp_apply(&sp__op_conv_weight, 2, (sp_var[]){ x, y }, &a, NULL);
}

static void conv_vjp(const sp_pullback *v)
{
    sp_var x = v->x[0], w = v->x[1];

    if (sp_wants(v, 0)) sp_push(v, 0, by_x(v->g, w, x, v->attr));
    if (sp_wants(v, 1)) sp_push(v, 1, by_w(x, v->g, w, v->attr));
}

static void transpose_vjp(const sp_pullback *v)
{
    sp_var y = v->x[0], w = v->x[1];

    if (sp_wants(v, 0)) sp_push(v, 0, forward(v->g, w, v->attr));
    if (sp_wants(v, 1)) sp_push(v, 1, by_w(v->g, y, w, v->attr));
}

static void weight_vjp(const sp_pullback *v)
{
    sp_var x = v->x[0], y = v->x[1];

    if (sp_wants(v, 0)) sp_push(v, 0, by_x(y, v->g, x, v->attr));
    if (sp_wants(v, 1)) sp_push(v, 1, forward(x, v->g, v->attr));
}

/* ---- records ---- */

#define CONTRACTION(op, formula, shape_rule, work_rule, rule)                       \
    const sp_op sp__op_##op = {                                                     \
        .name = #op, .maths = formula, .kind = SP_CONTRACT, .n_in = 2,              \
        .attr_size = sizeof(sp_conv_attr), .shape = shape_rule, .work = work_rule,  \
        .kernels = SP_KERNELS(op), .vjp = rule, .reference = sp__##op##_reference,  \
        .samples = sp__##op##_samples,                                              \
    };
CONTRACTION(conv, "y[n,o,p] = sum over c, k of w[o,c,k] x[n,c,p stride + k dilation - padding]",
            conv_shape, conv_work, conv_vjp)
CONTRACTION(conv_transpose, "conv's gradient by x, of y and w",
            transpose_shape, transpose_work, transpose_vjp)
CONTRACTION(conv_weight, "conv's gradient by w, of x and y", weight_shape, weight_work, weight_vjp)

/* ---- functions ---- */

static sp_conv_attr attr_of(int axes, const sp_conv_spec *spec)
{
    sp_conv_attr a = { .window = { .axes = axes },
                       .groups = sp_usual_whole(spec->groups, 1) };

    for (int d = 0; d < axes; d++) {
        sp_window *w = &a.window;
        w->stride[d] = sp__window_entry(spec->stride, d, 1);
        w->dilation[d] = sp__window_entry(spec->dilation, d, 1);
        w->before[d] = sp__window_entry(spec->padding, d, 0);
        w->after[d] = sp__window_entry(spec->padding_after, d, w->before[d]);
        a.more[d] = sp__window_entry(spec->output_padding, d, 0);
    }
    return a;
}

/* y + b, one number for each channel; without b, y. */
static sp_var biased(const char *name, sp_var y, sp_var b)
{
    int64_t channels = sp_var_dim(y, 1);
    sp_shape wide = { sp_var_shape(y).rank - 1, { channels, 1, 1, 1, 1 } };
    char text[SP_SHAPE_TEXT];

    if (!sp_is_given(b) || sp_is_nothing(y)) return y;
    for (int64_t d = wide.rank; d < SP_MAX_RANK; d++) wide.dim[d] = 0;
    if (!sp__readable(y.tape, b, name)) return sp__nothing(y.tape);
    if (sp_var_dtype(b) != sp_var_dtype(y))
        return sp_tape_fail(y.tape, "%s: its bias %s: dtypes %s and %s differ; convert one with "
                            "sp_cast", name, sp_shape_text(sp_var_shape(b), text),
                            sp_dtype_name(sp_var_dtype(y)), sp_dtype_name(sp_var_dtype(b)));
    if (!sp_shape_equal(sp_var_shape(b), SP_SHAPE(channels)))
        return sp_tape_fail(y.tape, "%s: its bias %s needs shape [%lld], one number for each "
                            "output channel", name, sp_shape_text(sp_var_shape(b), text),
                            (long long)channels);
    return SP_CALLED(y, name, sp_add(y, sp_reshape(b, wide)));
}

static sp_var convolve(int axes, sp_var x, sp_var w, sp_var b, const sp_conv_spec *spec)
{
    sp_conv_attr a = attr_of(axes, spec);
    sp_tape *t = sp__first_tape(3, (sp_var[]){ x, w, b });
    char of_x[SP_SHAPE_TEXT], of_w[SP_SHAPE_TEXT];

    if (!sp__readable(t, x, "conv") || !sp__readable(t, w, "conv")) return sp__nothing(t);
    for (int d = 0; d < axes; d++)
        if (a.more[d])
            return sp_tape_fail(t, "conv: %s x %s: output padding %lld is for sp_conv_transpose",
                                sp_shape_text(sp_var_shape(x), of_x),
                                sp_shape_text(sp_var_shape(w), of_w), (long long)a.more[d]);
    return biased("conv", forward(x, w, &a), b);
}

static sp_var transpose(int axes, sp_var x, sp_var w, sp_var b, const sp_conv_spec *spec)
{
    sp_conv_attr a = attr_of(axes, spec);
    sp_tape *t = sp__first_tape(3, (sp_var[]){ x, w, b });

    if (!sp__readable(t, x, "conv_transpose")) return sp__nothing(t);
    sp_var y = sp_apply(&sp__op_conv_transpose, 2, (sp_var[]){ x, w }, &a, NULL);
    return biased("conv_transpose", y, b);
}

#define FUNCTIONS(axes)                                                             \
    sp_var sp_conv##axes##d(sp_var x, sp_var w, sp_var b, sp_conv_spec spec)        \
    {                                                                               \
        return convolve(axes, x, w, b, &spec);                                      \
    }                                                                               \
    sp_var sp_conv_transpose##axes##d(sp_var x, sp_var w, sp_var b, sp_conv_spec spec) \
    {                                                                               \
        return transpose(axes, x, w, b, &spec);                                     \
    }
FUNCTIONS(1)
FUNCTIONS(2)
FUNCTIONS(3)
