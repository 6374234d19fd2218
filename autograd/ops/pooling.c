/* SPDX-License-Identifier: MIT
 *
 * pooling - the largest and the mean of what a sliding window sees.
 *
 * Ties share the gradient of the largest evenly.  Where the largest is NaN, all that the window
 * sees gets NaN: nothing equals it, and 0 / 0 says so.  max_pool_slope spreads what arrives over
 * the ties, max_pool_pick takes the mean over the ties: each is the other's adjoint, so every
 * order of derivative exists.  mean_pool and mean_pool_slope likewise.
 */
#include <math.h>
#include <string.h>
#include "autograd/ops.h"
#include "autograd/ops/pooling.h"

/* ---- what windows see ---- */

/* The elements of one plane of x that a window sees. */
typedef struct sight { const int64_t *at; int64_t n; double divisor; } sight;

/* Taps [lo, hi) of position y see x; *counted of them see x or padding. */
static void taps_within(const sp_windows *s, const sp_pool_attr *p, int d, int64_t y, int64_t *lo,
                        int64_t *hi, int64_t *counted)
{
    int64_t from = y * s->stride[d] - s->before[d], step = s->dilation[d];
    int k = d - SP_WINDOW_AXES + (int)p->window.axes;
    int64_t room = s->x[d] - from, padded = room + (k < 0 ? 0 : p->window.after[k]);

    *lo = from < 0 ? (step - 1 - from) / step : 0;
    *hi = room > 0 ? (room - 1) / step + 1 : 0;
    *counted = (padded - 1) / step + 1;
    if (*lo > s->taps[d]) *lo = s->taps[d];
    if (*hi > s->taps[d]) *hi = s->taps[d];
    if (*hi < *lo) *hi = *lo;
    if (*counted > s->taps[d]) *counted = s->taps[d];
}

static sight look(const sp_windows *s, const sp_pool_attr *p, int64_t position, int64_t *at)
{
    int64_t y[3], lo[3], hi[3], many[3], counted, tap[3];
    sight seen = { at, 1, 1 };

    sp__split3(position, s->y, y);
    for (int d = 0; d < 3; d++) {
        taps_within(s, p, d, y[d], &lo[d], &hi[d], &counted);
        many[d] = hi[d] - lo[d];
        seen.n *= many[d];
        seen.divisor *= (double)counted;
    }
    if (p->inside) seen.divisor = (double)seen.n;
    for (int64_t i = 0; i < seen.n; i++) {
        sp__split3(i, many, tap);
        at[i] = 0;
        for (int d = 0; d < 3; d++)
            at[i] = at[i] * s->x[d] + y[d] * s->stride[d]
                  + (lo[d] + tap[d]) * s->dilation[d] - s->before[d];
    }
    return seen;
}

/* What is done for one window of one plane: x, an operand like it and y, at their elements. */
typedef void visit(const void *x, void *like_x, void *y, const sight *);

/* The operands by their place, whichever of them is the result. */
typedef struct planes { const sp_operand *x, *like_x, *y; } planes;

enum { PLANES = 32 };           /* so many at a time: what windows see is listed once for all */

static void each_window(const sp_args *a, const planes *o, visit *f)
{
    const sp_pool_attr *at = a->attr;
    sp_shape x = (o->x ? o->x : o->like_x)->shape;
    sp_windows s = sp__windows(&at->window, x, o->y->shape, at->window.size);
    int64_t count = x.dim[0] * x.dim[1], size = sp_dtype_size(a->y.dtype);
    const char *xs = o->x ? o->x->data : NULL;
    char *like = o->like_x ? o->like_x->data : NULL, *ys = o->y->data;

    for (int64_t block = 0; block < count; block += PLANES)
        for (int64_t p = 0; p < s.n_y; p++) {
            sight seen = look(&s, at, p, a->work);
            int64_t end = count - block < PLANES ? count : block + PLANES;
            for (int64_t i = block; i < end; i++)
                f(xs ? xs + i * s.n_x * size : NULL, like ? like + i * s.n_x * size : NULL,
                  ys + (i * s.n_y + p) * size, &seen);
        }
}

/* ---- kernels ---- */

#define POOLING(T)                                                                  \
    static T top_##T(const T *x, const sight *s)                                    \
    {                                                                               \
        T top = -(T)INFINITY;                                                       \
        for (int64_t i = 0; i < s->n && top == top; i++)                            \
            if (!(x[s->at[i]] <= top)) top = x[s->at[i]];                           \
        return top;                                                                 \
    }                                                                               \
    static T ties_##T(const T *x, const sight *s, T top)                            \
    {                                                                               \
        T ties = 0;                                                                 \
        for (int64_t i = 0; i < s->n; i++) ties += x[s->at[i]] == top;              \
        return ties;                                                                \
    }                                                                               \
    static void max_##T(const void *x, void *like_x, void *y, const sight *s)       \
    {                                                                               \
        (void)like_x;                                                               \
        *(T *)y = top_##T(x, s);                                                    \
    }                                                                               \
    static void spread_##T(const void *from, void *to, void *y, const sight *s)     \
    {                                                                               \
        const T *x = from;                                                          \
        T *slope = to, top = top_##T(x, s), ties = ties_##T(x, s, top);             \
        for (int64_t i = 0; i < s->n; i++)                                          \
            if (x[s->at[i]] == top || ties == 0)                                    \
                slope[s->at[i]] += (ties == 0 ? 0 : *(T *)y) / ties;                \
    }                                                                               \
    static void pick_##T(const void *from, void *along, void *y, const sight *s)    \
    {                                                                               \
        const T *x = from, *h = along;                                              \
        T top = top_##T(x, s), sum = 0;                                             \
        for (int64_t i = 0; i < s->n; i++)                                          \
            if (x[s->at[i]] == top) sum += h[s->at[i]];                             \
        *(T *)y = s->n ? sum / ties_##T(x, s, top) : 0;                             \
    }                                                                               \
    static void mean_##T(const void *none, void *along, void *y, const sight *s)    \
    {                                                                               \
        const T *x = along;                                                         \
        double sum = 0;                                                             \
        (void)none;                                                                 \
        for (int64_t i = 0; i < s->n; i++) sum += (double)x[s->at[i]];              \
        *(T *)y = s->n ? (T)(sum / s->divisor) : 0;                                 \
    }                                                                               \
    static void share_##T(const void *none, void *to, void *y, const sight *s)      \
    {                                                                               \
        T *x = to;                                                                  \
        (void)none;                                                                 \
        for (int64_t i = 0; i < s->n; i++) x[s->at[i]] += *(T *)y / (T)s->divisor;  \
    }                                                                               \
    static void max_pool_##T(const sp_args *a)                                      \
    {                                                                               \
        each_window(a, &(planes){ &a->x[0], NULL, &a->y }, max_##T);                \
    }                                                                               \
    static void max_pool_slope_##T(const sp_args *a)                                \
    {                                                                               \
        memset(a->y.data, 0, (size_t)sp_shape_size(a->y.shape) * sizeof(T));        \
        each_window(a, &(planes){ &a->x[0], &a->y, &a->x[1] }, spread_##T);         \
    }                                                                               \
    static void max_pool_pick_##T(const sp_args *a)                                 \
    {                                                                               \
        each_window(a, &(planes){ &a->x[0], &a->x[1], &a->y }, pick_##T);           \
    }                                                                               \
    static void mean_pool_##T(const sp_args *a)                                     \
    {                                                                               \
        each_window(a, &(planes){ NULL, &a->x[0], &a->y }, mean_##T);               \
    }                                                                               \
    static void mean_pool_slope_##T(const sp_args *a)                               \
    {                                                                               \
        memset(a->y.data, 0, (size_t)sp_shape_size(a->y.shape) * sizeof(T));        \
        each_window(a, &(planes){ NULL, &a->y, &a->x[0] }, share_##T);              \
    }
POOLING(float)
POOLING(double)

/* ---- shapes ---- */

/* *y = what pooling makes of x. */
static bool pooled(const sp_call *c, sp_shape x, sp_shape *y)
{
    const sp_pool_attr *at = c->attr;
    const sp_window *w = &at->window;

    if (!sp__window_check(c, w)) return false;
    *y = x;
    for (int d = 0; d < w->axes; d++) {
        if (x.dim[d + 2] == 0) return sp_refuse(c, "spatial axis %d has no elements", d);
        if (!sp__window_positions(c, w, d, x.dim[d + 2], w->size[d], at->ceil, &y->dim[d + 2]))
            return false;
        if (w->before[d] > w->size[d] / 2 || w->after[d] > w->size[d] / 2)
            return sp_refuse(c, "its padding along spatial axis %d is more than half of the "
                             "window's %lld taps", d, (long long)w->size[d]);
    }
    return true;
}

static bool pool_shape(const sp_call *c, sp_shape *y) { return pooled(c, c->shape[0], y); }

static bool pick_shape(const sp_call *c, sp_shape *y)
{
    if (!pooled(c, c->shape[0], y)) return false;
    return sp_shape_equal(c->shape[0], c->shape[1]) || sp_refuse(c, "the shapes differ");
}

/* The gradient that arrives is of y's shape; the result of x's. */
static bool spreads(const sp_call *c, sp_shape x, sp_shape g)
{
    char of_x[SP_SHAPE_TEXT], of_y[SP_SHAPE_TEXT];
    sp_shape y;

    if (!pooled(c, x, &y)) return false;
    if (sp_shape_equal(y, g)) return true;
    return sp_refuse(c, "pooling of %s would give %s", sp_shape_text(x, of_x),
                     sp_shape_text(y, of_y));
}

static bool slope_shape(const sp_call *c, sp_shape *y)
{
    *y = c->shape[0];
    return spreads(c, *y, c->shape[1]);
}

static bool share_shape(const sp_call *c, sp_shape *y)
{
    const sp_pool_attr *at = c->attr;

    if (!sp__window_check(c, &at->window)) return false;
    *y = c->shape[0];
    for (int d = 0; d < at->window.axes; d++) y->dim[d + 2] = at->of[d];
    if (!sp_shape_check(*y)) return sp_refuse(c, "%s", sp_error());
    return spreads(c, *y, c->shape[0]);
}

/* A window sees at most all of a plane of x. */
static int64_t list_bytes(const sp_window *w, const int64_t x[])
{
    int64_t most = sizeof(int64_t);

    for (int d = 0; d < w->axes; d++) most *= w->size[d] < x[d] ? w->size[d] : x[d];
    return most;
}

static int64_t pool_work(const sp_call *c)
{
    return list_bytes(&((const sp_pool_attr *)c->attr)->window, c->shape[0].dim + 2);
}

static int64_t share_work(const sp_call *c)
{
    const sp_pool_attr *at = c->attr;
    return list_bytes(&at->window, at->of);
}

/* ---- gradients ---- */

static sp_var paired(const sp_op *op, sp_var x, sp_var other, const void *attr)
{
    return sp_apply(op, 2, (sp_var[]){ x, other }, attr, NULL);
}

static void max_vjp(const sp_pullback *v)
{
    sp_push(v, 0, paired(&sp__op_max_pool_slope, v->x[0], v->g, v->attr));
}

static void slope_vjp(const sp_pullback *v)
{
    if (sp_wants(v, 1)) sp_push(v, 1, paired(&sp__op_max_pool_pick, v->x[0], v->g, v->attr));
}

static void pick_vjp(const sp_pullback *v)
{
    if (sp_wants(v, 1)) sp_push(v, 1, paired(&sp__op_max_pool_slope, v->x[0], v->g, v->attr));
}

static void mean_vjp(const sp_pullback *v)
{
    sp_pool_attr a = *(const sp_pool_attr *)v->attr;

    for (int d = 0; d < a.window.axes; d++) a.of[d] = sp_var_dim(v->x[0], d + 2);
    sp_push(v, 0, sp_apply(&sp__op_mean_pool_slope, 1, &v->g, &a, NULL));
}

static void share_vjp(const sp_pullback *v)
{
    sp_pool_attr a = *(const sp_pool_attr *)v->attr;

    memset(a.of, 0, sizeof a.of);
    sp_push(v, 0, sp_apply(&sp__op_mean_pool, 1, &v->g, &a, NULL));
}

/* ---- records ---- */

#define RECORD(op, formula, which, operands, shape_rule, work_rule, rule)           \
    const sp_op sp__op_##op = {                                                     \
        .name = #op, .maths = formula, .kind = which, .n_in = operands,             \
        .attr_size = sizeof(sp_pool_attr), .shape = shape_rule, .work = work_rule,  \
        .kernels = PLAIN_KERNELS(op),                                               \
        .vjp = rule, .reference = sp__##op##_reference, .samples = sp__##op##_samples, \
    };
RECORD(max_pool, "the largest that a sliding window sees", SP_OTHER, 1, pool_shape, pool_work,
       max_vjp)
RECORD(max_pool_slope, "what arrives, spread over the largest of each window", SP_GATHER, 2,
       slope_shape, pool_work, slope_vjp)
RECORD(max_pool_pick, "the mean of x[1] where x[0] is the largest of a window", SP_OTHER, 2,
       pick_shape, pool_work, pick_vjp)
RECORD(mean_pool, "the mean of what a sliding window sees", SP_OTHER, 1, pool_shape, pool_work,
       mean_vjp)
RECORD(mean_pool_slope, "what arrives, spread over each window", SP_GATHER, 1, share_shape,
       share_work, share_vjp)

/* ---- functions ---- */

static sp_var pool(const sp_op *op, int axes, sp_var x, const sp_pool_spec *spec)
{
    sp_pool_attr a = { .window = { .axes = axes }, .ceil = spec->ceil, .inside = spec->inside };

    for (int d = 0; d < axes; d++) {
        sp_window *w = &a.window;
        w->size[d] = sp__window_entry(spec->size, d, 0);
        w->stride[d] = sp__window_entry(spec->stride, d, w->size[d] > 0 ? w->size[d] : 1);
        w->dilation[d] = sp__window_entry(spec->dilation, d, 1);
        w->before[d] = w->after[d] = sp__window_entry(spec->padding, d, 0);
    }
    return sp_apply(op, 1, &x, &a, NULL);
}

#define FUNCTIONS(axes)                                                             \
    sp_var sp_max_pool##axes##d(sp_var x, sp_pool_spec spec)                        \
    {                                                                               \
        return pool(&sp__op_max_pool, axes, x, &spec);                              \
    }                                                                               \
    sp_var sp_mean_pool##axes##d(sp_var x, sp_pool_spec spec)                       \
    {                                                                               \
        return pool(&sp__op_mean_pool, axes, x, &spec);                             \
    }
FUNCTIONS(1)
FUNCTIONS(2)
FUNCTIONS(3)
