/* SPDX-License-Identifier: MIT
 *
 * ctc - the loss of connectionist temporal classification, and its slope.
 *
 *   alpha_t(s) = log( e^alpha_t-1(s) + e^alpha_t-1(s-1) + [may skip] e^alpha_t-1(s-2) ) + x_t(s)
 *   beta_t(s)  = the same backwards, without x_t
 *   share_t(c) = sum over states s of class c of e^(alpha_t(s) + beta_t(s) + loss)
 *
 * A virtual step before the first stands in state 0, so no step is special.  The chain is
 * computed in f64 for f32 too: T additions would cost f32 its digits.  What cannot be is -inf.
 */
#include <string.h>
#include "autograd/ops/ctc.h"
#include "autograd/called.h"
#include "autograd/ops/class_row.h"
#include "autograd/ops/index.h"
#include "autograd/ops/records.h"

enum { MARGIN = 8 };                 /* states of -inf on both sides of a row; whole vectors */

typedef struct sizes { int64_t T, B, C, S; } sizes;

/* log softmax(x) = x - top - log_weight; 0 and 0 if x are log-probs. */
typedef struct norm { double top, log_weight; } norm;

/* One target of the batch as a chain of states, and the scratch to run through it. */
typedef struct chain {
    sizes    n;
    int64_t  b, steps, states, width;       /* width: the states in whole vectors */
    int64_t  row;                           /* from a row of alpha to the next */
    int64_t  kept;                          /* rows of alpha there is room for */
    int64_t *class;                         /* of each state */
    double  *skip;                          /* 0 where a state may follow the last but one */
    double  *x;                             /* of this step's states */
    double  *beta, *next;
    double  *share, *alpha;
    norm    *norms;
} chain;

static sizes sizes_of(const sp_shape *log_probs, const sp_shape *targets)
{
    return (sizes){ log_probs->dim[0], log_probs->dim[1], log_probs->dim[2], targets->dim[1] };
}

static int64_t row_of(sizes n)
{
    return (2 * n.S + 1 + MARGIN - 1) / MARGIN * MARGIN + 2 * MARGIN;
}

/* ---- the chain ---- */

static chain lay_out(const sp_args *a, int64_t kept)
{
    sizes n = sizes_of(&a->x[LOG_PROBS].shape, &a->x[TARGETS].shape);
    chain c = { .n = n, .row = row_of(n), .kept = kept };
    double *at = a->work;

    c.skip = at + MARGIN;
    c.x = c.skip + c.row;
    c.beta = c.x + c.row;
    c.next = c.beta + c.row;
    c.alpha = c.next + c.row;
    c.share = c.alpha + kept * c.row - MARGIN;
    c.norms = (norm *)(c.share + n.C);
    c.class = (int64_t *)(c.norms + n.T);
    memset(c.share, 0, (size_t)n.C * sizeof *c.share);
    return c;
}

static double *alpha(const chain *c, int64_t t) { return c->alpha + t % c->kept * c->row; }

static void clear(double *row, int64_t width)
{
    for (int64_t s = -MARGIN; s < width + MARGIN; s++) row[s] = -(double)INFINITY;
}

/* Length b of an operand, or -1 after a fault. */
static int64_t length_of(const sp_args *a, int k, int64_t b, int64_t most)
{
    int64_t length = sp__index_at(&a->x[k], b);

    if (length >= 0 && length <= most) return length;
    sp_fault(a, "%s length %lld at position %lld is outside [0,%lld]",
             k == STEPS ? "input" : "target", (long long)length, (long long)b, (long long)most);
    return -1;
}

static int64_t label_of(const sp_args *a, const chain *c, int64_t i)
{
    int64_t label = sp__index_at(&a->x[TARGETS], c->b * c->n.S + i);
    int64_t blank = ((const ctc_attr *)a->attr)->blank;

    if (label >= 0 && label < c->n.C && label != blank) return label;
    if (label == blank)
        sp_fault(a, "label %lld at position [%lld,%lld] is the blank", (long long)label,
                 (long long)c->b, (long long)i);
    else
        sp_fault(a, "label %lld at position [%lld,%lld] is outside [0,%lld)", (long long)label,
                 (long long)c->b, (long long)i, (long long)c->n.C);
    return -1;
}

/* Make c the chain of target b; false after a fault. */
static bool set_out(const sp_args *a, chain *c, int64_t b)
{
    int64_t labels = length_of(a, LABELS, b, c->n.S);

    c->b = b;
    c->steps = labels < 0 ? -1 : length_of(a, STEPS, b, c->n.T);
    if (c->steps < 0) return false;
    c->states = 2 * labels + 1;
    c->width = (c->states + MARGIN - 1) / MARGIN * MARGIN;
    for (int64_t s = 0; s < c->states; s++) {
        c->class[s] = s % 2 ? label_of(a, c, s / 2) : ((const ctc_attr *)a->attr)->blank;
        if (c->class[s] < 0) return false;
    }
    clear(c->skip, c->width);
    clear(c->x, c->width);
    for (int64_t s = 3; s < c->states; s += 2)
        if (c->class[s] != c->class[s - 2]) c->skip[s] = 0;
    return true;
}

/* ---- from step to step ---- */

static vf64 log_sum(vf64 a, vf64 b, vf64 c)
{
    vf64 zero = { 0 }, top = vmax(a, vmax(b, c));

    top = vselect(top == vset(zero, -(double)INFINITY), zero, top);
    return top + vlog(vexp(a - top) + vexp(b - top) + vexp(c - top));
}

static void forward(const chain *c, int64_t t)
{
    const double *p = alpha(c, t);
    double *y = alpha(c, t + 1);

    y[-1] = y[-2] = -(double)INFINITY;
    for (int64_t s = 0; s < c->width; s += VLEN(double)) {
        vf64 skipped = vload(p + s - 2) + vload((const double *)c->skip + s);
        vstore(y + s, log_sum(vload(p + s), vload(p + s - 1), skipped)
                      + vload((const double *)c->x + s));
    }
}

/* beta of the step before, of this step's. */
static void backward(const chain *c)
{
    const double *q = c->next, *skip = c->skip;

    for (int64_t s = 0; s < c->width; s++) c->next[s] = c->beta[s] + c->x[s];
    for (int64_t s = 0; s < c->width; s += VLEN(double)) {
        vf64 skipped = vload(q + s + 2) + vload(skip + s + 2);
        vstore(c->beta + s, log_sum(vload(q + s), vload(q + s + 1), skipped));
    }
}

/* log p(target): a path ends in the last state or in the one before. */
static double ending(const chain *c)
{
    const double *y = alpha(c, c->steps) + c->states - 1;
    vf64 none = vset((vf64){ 0 }, -(double)INFINITY);

    return vget(log_sum(vset(none, y[0]), vset(none, y[-1]), none), 0);
}

static void begin_forward(const chain *c)
{
    clear(alpha(c, 0), c->width);
    alpha(c, 0)[0] = 0;
}

static void begin_backward(const chain *c)
{
    clear(c->beta, c->width);
    clear(c->next, c->width);
    c->beta[c->states - 1] = 0;
    if (c->states > 1) c->beta[c->states - 2] = 0;
}

/* Add to each class the share of its states in step t.  The shares of a step sum to 1: dividing by
   their sum takes away what T roundings have left in log p. */
static void add_shares(const chain *c, int64_t t, double log_p)
{
    const double *y = alpha(c, t + 1), *beta = c->beta;
    double sum = 0;

    for (int64_t s = 0; s < c->width; s += VLEN(double))
        vstore(c->next + s, vexp(vload(y + s) + vload(beta + s) - vset((vf64){ 0 }, log_p)));
    for (int64_t s = 0; s < c->states; s++) sum += c->next[s];
    for (int64_t s = 0; s < c->states; s++) c->share[c->class[s]] += c->next[s] / sum;
}

/* ---- the kernels ---- */

#define KERNELS(T, type)                                                            \
    static const T *row_##type(const sp_args *a, const chain *c, int64_t t)         \
    {                                                                               \
        return (const T *)a->x[LOG_PROBS].data + (t * c->n.B + c->b) * c->n.C;      \
    }                                                                               \
    static norm norm_##type(const sp_args *a, const T *row, int64_t n)              \
    {                                                                               \
        if (!((const ctc_attr *)a->attr)->from_logits) return (norm){ 0, 0 };       \
        T top = class_top_##type(row, n);                                           \
        return (norm){ (double)top,                                                 \
                       class_log_f64((double)class_weight_##type(row, n, top)) };   \
    }                                                                               \
    static void read_##type(const chain *c, const T *row, norm m)                   \
    {                                                                               \
        for (int64_t s = 0; s < c->states; s++)                                     \
            c->x[s] = ((double)row[c->class[s]] - m.top) - m.log_weight;            \
    }                                                                               \
    static double log_p_##type(const sp_args *a, const chain *c)                    \
    {                                                                               \
        begin_forward(c);                                                           \
        for (int64_t t = 0; t < c->steps; t++) {                                    \
            const T *row = row_##type(a, c, t);                                     \
            c->norms[t] = norm_##type(a, row, c->n.C);                              \
            read_##type(c, row, c->norms[t]);                                       \
            forward(c, t);                                                          \
        }                                                                           \
        return ending(c);                                                           \
    }                                                                               \
    sp_kernel KERNEL(ctc, type), KERNEL(ctc_slope, type);                           \
    void KERNEL(ctc, type)(const sp_args *a)                                        \
    {                                                                               \
        chain c = lay_out(a, 2);                                                    \
        bool zero = ((const ctc_attr *)a->attr)->zero_infinity;                     \
        for (int64_t b = 0; b < c.n.B && set_out(a, &c, b); b++) {                  \
            double log_p = log_p_##type(a, &c);                                     \
            bool never = log_p == -(double)INFINITY;                                \
            ((T *)a->y.data)[b] = (T)(never && zero ? 0 : 0 - log_p);               \
        }                                                                           \
    }                                                                               \
    /* y = softmax(x), or 0 */                                                      \
    static void begin_slope_##type(const sp_args *a, const T *x, T *y, int64_t n, norm m) \
    {                                                                               \
        if (!((const ctc_attr *)a->attr)->from_logits) return;                      \
        v##type top = vset((v##type){ 0 }, m.top), less = vset(top, m.log_weight);  \
        int64_t i = 0;                                                              \
        for (; i + VLEN(T) <= n; i += VLEN(T))                                      \
            vstore(y + i, vexp(vload(x + i) - top - less));                         \
        if (i < n) vstore_part(y + i, vexp(vload_part(x + i, n - i) - top - less), n - i); \
    }                                                                               \
    static void slope_##type(const sp_args *a, const chain *c, double log_p)        \
    {                                                                               \
        begin_backward(c);                                                          \
        for (int64_t t = c->steps; t-- > 0;) {                                      \
            const T *x = row_##type(a, c, t);                                       \
            T *y = (T *)a->y.data + (x - (const T *)a->x[LOG_PROBS].data);          \
            begin_slope_##type(a, x, y, c->n.C, c->norms[t]);                       \
            add_shares(c, t, log_p);                                                \
            for (int64_t s = 0; s < c->states; s++) {                               \
                double *share = &c->share[c->class[s]];                             \
                y[c->class[s]] = (T)((double)y[c->class[s]] - *share);              \
                *share = 0;                                                         \
            }                                                                       \
            read_##type(c, x, c->norms[t]);                                         \
            backward(c);                                                            \
        }                                                                           \
    }                                                                               \
    void KERNEL(ctc_slope, type)(const sp_args *a)                                  \
    {                                                                               \
        chain c = lay_out(a, a->x[LOG_PROBS].shape.dim[0] + 1);                     \
        memset(a->y.data, 0, (size_t)sp_shape_size(a->y.shape) * sizeof(T));        \
        for (int64_t b = 0; b < c.n.B && set_out(a, &c, b); b++) {                  \
            double log_p = log_p_##type(a, &c);                                     \
            if (log_p != -(double)INFINITY) slope_##type(a, &c, log_p);             \
        }                                                                           \
    }
KERNELS(float, f32)
KERNELS(double, f64)

#ifdef SP_RECORDS
SP_DECLARE(ctc)
SP_DECLARE(ctc_slope)

static bool dtype(const sp_call *c, sp_dtype *y)
{
    static const char *const name[] = { "", "targets", "input lengths", "target lengths" };

    *y = c->dtype[LOG_PROBS];
    if (!sp_is_floating(*y))
        return sp_refuse(c, "its log-probs must be f32 or f64, not %s", sp_dtype_name(*y));
    for (int k = TARGETS; k < CTC_OPERANDS; k++)
        if (c->dtype[k] != SP_I32 && c->dtype[k] != SP_I64)
            return sp_refuse(c, "its %s must be i32 or i64, not %s", name[k],
                             sp_dtype_name(c->dtype[k]));
    return true;
}

/* So large that the scratch of the slope could not be counted. */
static bool too_large(sizes n)
{
    int64_t states, all;
    return !sp_size_mul(n.S, 2 * 8 * 4, &states)
        || !sp_size_mul(states + 8 * 64, n.T + 8, &all) || all > INT64_MAX / 4;
}

static bool slope_shape(const sp_call *c, sp_shape *y)
{
    const sp_shape *x = c->shape;
    int64_t blank = ((const ctc_attr *)c->attr)->blank;

    if (x[LOG_PROBS].rank != 3) return sp_refuse(c, "its log-probs must be [T,B,C]");
    if (x[TARGETS].rank != 2 || x[TARGETS].dim[0] != x[LOG_PROBS].dim[1])
        return sp_refuse(c, "log-probs [T,B,C] need targets [B,S], here [%lld,S]",
                         (long long)x[LOG_PROBS].dim[1]);
    for (int k = STEPS; k <= LABELS; k++)
        if (!sp_shape_equal(x[k], SP_SHAPE(x[LOG_PROBS].dim[1])))
            return sp_refuse(c, "its %s lengths must be [B], here [%lld]",
                             k == STEPS ? "input" : "target", (long long)x[LOG_PROBS].dim[1]);
    if (blank < 0 || blank >= x[LOG_PROBS].dim[2])
        return sp_refuse(c, "the blank %lld is outside [0,%lld)", (long long)blank,
                         (long long)x[LOG_PROBS].dim[2]);
    *y = x[LOG_PROBS];
    if (too_large(sizes_of(x, x + TARGETS)))
        return sp_refuse(c, "T times S numbers of scratch are more than 63 bits count");
    return true;
}

static bool loss_shape(const sp_call *c, sp_shape *y)
{
    if (!slope_shape(c, y)) return false;
    *y = SP_SHAPE(y->dim[1]);
    return true;
}

static int64_t scratch(sizes n, int64_t kept)
{
    int64_t doubles = (4 + kept) * row_of(n) + n.C + 2 * n.T + 2 * n.S + 1;
    return doubles * (int64_t)sizeof(double);
}

static int64_t loss_work(const sp_call *c)
{
    return scratch(sizes_of(c->shape, c->shape + TARGETS), 2);
}

static int64_t slope_work(const sp_call *c)
{
    return scratch(sizes_of(c->shape, c->shape + TARGETS), c->shape[LOG_PROBS].dim[0] + 1);
}

/* Without a vjp the slope is differentiated as its expansion. */
extern const sp_op sp__op_ctc_slope;
const sp_op sp__op_ctc_slope = {
    .name = "ctc_slope", .maths = "y[t,b,c] = d ctc[b] / dx[t,b,c]", .kind = SP_MACRO,
    .n_in = CTC_OPERANDS, .attr_size = sizeof(ctc_attr), .dtype = dtype, .shape = slope_shape,
    .work = slope_work, .kernels = SP_KERNELS(ctc_slope), .expand = sp__ctc_slope_expand,
    .reference = sp__ctc_slope_reference, .samples = sp__ctc_samples,
};

static void loss_vjp(const sp_pullback *v)
{
    sp_var slope = sp_apply(&sp__op_ctc_slope, v->n, v->x, v->attr, NULL);
    sp_push(v, LOG_PROBS, sp_mul(slope, sp_unsqueeze(v->g, -1)));
}

extern const sp_op sp__op_ctc;
const sp_op sp__op_ctc = {
    .name = "ctc", .maths = "y[b] = -log sum over paths of e^(sum over t of x[t,b,path[t]])",
    .kind = SP_MACRO, .n_in = CTC_OPERANDS, .attr_size = sizeof(ctc_attr), .dtype = dtype,
    .shape = loss_shape, .work = loss_work, .kernels = SP_KERNELS(ctc), .vjp = loss_vjp,
    .expand = sp__ctc_expand, .reference = sp__ctc_reference, .samples = sp__ctc_samples,
};

sp_var sp_ctc(sp_var log_probs, sp_var targets, sp_var input_lengths, sp_var target_lengths,
              sp_ctc_spec spec)
{
    ctc_attr at = { spec.blank, spec.zero_infinity, spec.from_logits };
    sp_var x[] = { log_probs, targets, input_lengths, target_lengths };
    sp_tape *t = sp__first_tape(CTC_OPERANDS, x);
    char text[SP_SHAPE_TEXT];

    if (!sp__readable(t, log_probs, "ctc")) return sp__nothing(t);
    if ((unsigned)spec.reduction > SP_EACH)
        return sp_tape_fail(t, "ctc: %s: there is no reduction %d",
                            sp_shape_text(sp_var_shape(log_probs), text), (int)spec.reduction);
    sp_var loss = sp_apply(&sp__op_ctc, CTC_OPERANDS, x, &at, NULL);

    if (sp_is_nothing(loss) || spec.reduction == SP_EACH) return loss;
    if (spec.reduction == SP_SUM_UP) return sp_sum(loss);
    sp_var n = sp_cast(target_lengths, sp_var_dtype(loss)), one = sp_number(loss, 1);
    return sp_mean(sp_div(loss, sp_where(sp_less(n, one), one, n)));
}
#endif
