/* SPDX-License-Identifier: MIT
 *
 * ctc_expand - the loss of connectionist temporal classification and its slope as T steps of
 * other ops: what second and higher derivatives go through, and the oracle of the kernels.
 *
 * What cannot be is -inf.  A sum of nothing but such states is left out by where, on
 * both sides, so that no slope of it is 0 / 0.
 */
#include <math.h>
#include "autograd/ops/ctc.h"
#include "autograd/ops.h"
#include "autograd/tape.h"
#include "tensor/alloc.h"

/* All chains of the batch, padded to N = 2 S + 1 states. */
typedef struct chains {
    const ctc_attr *attr;
    sp_tape *tape;
    int64_t T, B, C, N;
    sp_var inside;                   /* [T,B,1] bool: the step is one of the chain's */
    sp_var input;                    /* [T,B,C]: log_probs or logits, 0 behind the last step */
    sp_var class;                    /* [B,N] i64 */
    sp_var index;                    /* [T,B,N] i64: where a state's log_probs lies */
    sp_var x;                        /* [T,B,N]: log_probs of states */
    sp_var skip;                     /* [B,N] bool: a state may follow the last but one */
    sp_var ends;                     /* [B,N] bool: a path may end here */
    sp_var zero, never;              /* 0 and -inf */
} chains;

static const sp_axes last = { 1, { -1 } };

/* 0, 1, ... n-1 */
static sp_var counting(sp_tape *tape, int64_t n) { return sp_arange(tape, SP_I64, 0, n, 1); }

static sp_var both(sp_var a, sp_var b) { return sp_mul(a, b); }

static sp_var exists(const chains *c, sp_var x) { return sp_not_equal(x, c->never); }

/* log of the sum of e^x along the last axis; -inf if all of them are. */
static sp_var log_sum(const chains *c, sp_var x)
{
    sp_var any = exists(c, sp_max_axes(x, last, false));
    sp_var y = sp_logsumexp(sp_where(sp_unsqueeze(any, -1), x, c->zero));

    return sp_where(any, y, c->never);
}

static sp_var log_sum_of_three(const chains *c, sp_var stays, sp_var moves, sp_var skips)
{
    return log_sum(c, sp_stack(SP_VARS(stays, moves, skips), -1));
}

/* ---- the chains ---- */

static sp_var full(const chains *c, int64_t n, double value)
{
    return sp_full(c->tape, SP_I64, SP_SHAPE(c->B, n), value);
}

static sp_var classes(const chains *c, sp_var targets, sp_var labels)
{
    int64_t S = sp_var_dim(targets, 1);
    sp_var blank = full(c, S, (double)c->attr->blank);
    sp_var used = sp_less(counting(c->tape, S), sp_unsqueeze(labels, -1));
    sp_var label = sp_where(used, sp_cast(targets, SP_I64), blank);
    sp_var pairs = sp_reshape(sp_stack(SP_VARS(blank, label), -1), SP_SHAPE(c->B, 2 * S));

    return sp_concat(SP_VARS(pairs, full(c, 1, (double)c->attr->blank)), 1);
}

/* A label that is not the one before it. */
static sp_var skips(const chains *c)
{
    double blank = (double)c->attr->blank;
    sp_var before = sp_slice(sp_concat(SP_VARS(full(c, 2, blank), c->class), 1), 1, 0, c->N);

    return both(sp_not_equal(c->class, before),
                sp_not_equal(c->class, sp_number(c->class, blank)));
}

static sp_var endings(const chains *c, sp_var labels)
{
    sp_var end = sp_unsqueeze(sp_scale(labels, 2), -1), state = counting(c->tape, c->N);

    return both(sp_less_equal(state, end),
                sp_greater_equal(state, sp_sub(end, sp_number(end, 1))));
}

static sp_var indices(const chains *c)
{
    sp_var row = sp_reshape(counting(c->tape, c->T * c->B), SP_SHAPE(c->T, c->B, 1));
    return sp_add(sp_scale(row, (double)c->C), c->class);
}

/* [T,B,1] */
static sp_var insides(const chains *c, sp_var steps)
{
    sp_var step = sp_reshape(counting(c->tape, c->T), SP_SHAPE(c->T, 1, 1));
    return sp_less(step, sp_unsqueeze(sp_cast(steps, SP_I64), -1));
}

static chains begin(const sp_var x[], const ctc_attr *attr)
{
    sp_shape shape = sp_var_shape(x[LOG_PROBS]);
    chains c = { .attr = attr, .tape = x[LOG_PROBS].tape, .T = shape.dim[0], .B = shape.dim[1],
                 .C = shape.dim[2], .N = 2 * sp_var_dim(x[TARGETS], 1) + 1 };
    sp_var labels = sp_cast(x[LABELS], SP_I64), log_probs;

    c.zero = sp_number(x[LOG_PROBS], 0);
    c.never = sp_number(x[LOG_PROBS], -(double)INFINITY);
    c.inside = insides(&c, x[STEPS]);
    c.input = sp_where(c.inside, x[LOG_PROBS], c.zero);
    log_probs = attr->from_logits ? sp_log_softmax(c.input) : c.input;
    c.class = classes(&c, x[TARGETS], labels);
    c.skip = skips(&c);
    c.ends = endings(&c, labels);
    c.index = indices(&c);
    c.x = sp_gather(sp_reshape(log_probs, SP_SHAPE(c.T * c.B * c.C)), c.index);
    return c;
}

/* [B,1] bool */
static sp_var inside(const chains *c, int64_t t) { return sp_select(c->inside, 0, t); }

/* ---- through time ---- */

/* alpha before the first step: in state 0. */
static sp_var start(const chains *c)
{
    sp_var first = sp_equal(counting(c->tape, c->N), sp_const(c->tape, SP_I64, 0));
    return sp_broadcast(sp_where(first, c->zero, c->never), SP_SHAPE(c->B, c->N));
}

static sp_var forward(const chains *c, sp_var alpha, int64_t t)
{
    sp_var none = sp_broadcast(c->never, SP_SHAPE(c->B, 2));
    sp_var row = sp_concat(SP_VARS(none, alpha), 1);
    sp_var skipping = sp_where(c->skip, sp_slice(row, 1, 0, c->N), c->never);
    sp_var y = log_sum_of_three(c, alpha, sp_slice(row, 1, 1, c->N), skipping);

    return sp_where(inside(c, t), sp_add(y, sp_select(c->x, 0, t)), alpha);
}

static sp_var backward(const chains *c, sp_var beta, int64_t t)
{
    sp_var none = sp_broadcast(c->never, SP_SHAPE(c->B, 2));
    sp_var row = sp_concat(SP_VARS(sp_add(beta, sp_select(c->x, 0, t)), none), 1);
    sp_var skip = sp_concat(SP_VARS(c->skip, sp_full(c->tape, SP_BOOL, SP_SHAPE(c->B, 2), 0)), 1);
    sp_var skipping = sp_where(sp_slice(skip, 1, 2, c->N), sp_slice(row, 1, 2, c->N), c->never);
    sp_var y = log_sum_of_three(c, sp_slice(row, 1, 0, c->N), sp_slice(row, 1, 1, c->N), skipping);

    return sp_where(inside(c, t), y, beta);
}

/* [B]: log p(target), of the last alpha. */
static sp_var ending(const chains *c, sp_var alpha)
{
    return log_sum(c, sp_where(c->ends, alpha, c->never));
}

sp_var sp__ctc_expand(int n, const sp_var x[], const void *attr, const double *scalar)
{
    chains c = begin(x, attr);
    sp_var alpha = start(&c);

    (void)n, (void)scalar;
    for (int64_t t = 0; t < c.T; t++) alpha = forward(&c, alpha, t);
    sp_var log_p = ending(&c, alpha);
    sp_var worst = sp_number(log_p, c.attr->zero_infinity ? 0 : (double)INFINITY);
    return sp_where(exists(&c, log_p), sp_neg(log_p), worst);
}

/* ---- the slope ---- */

/* [B,N]: the probability that a path of the target is in a state in step t. */
static sp_var share(const chains *c, sp_var alpha, sp_var beta, sp_var log_p, int64_t t)
{
    sp_var path = sp_add(alpha, beta);
    sp_var can = both(both(inside(c, t), exists(c, log_p)), exists(c, path));

    return sp_where(can, sp_exp(sp_where(can, sp_sub(path, log_p), c->zero)), c->zero);
}

/* [T,B,N]; T > 0. */
static sp_var shares(const chains *c, sp_var alpha[], sp_var *log_p)
{
    sp_var beta = sp_where(c->ends, c->zero, c->never), at = start(c);

    for (int64_t t = 0; t < c->T; t++) at = alpha[t] = forward(c, at, t);
    *log_p = sp_unsqueeze(ending(c, at), -1);
    for (int64_t t = c->T; t-- > 0;) {
        alpha[t] = share(c, alpha[t], beta, *log_p, t);
        beta = backward(c, beta, t);
    }
    return sp_stack((int)c->T, alpha, 0);
}

sp_var sp__ctc_slope_expand(int n, const sp_var x[], const void *attr, const double *scalar)
{
    chains c = begin(x, attr);
    sp_var *alpha = sp_alloc_array(c.T, sizeof *alpha), log_p;
    sp_shape shape = SP_SHAPE(c.T, c.B, c.C);

    (void)n, (void)scalar;
    if (!alpha) return sp_tape_fail(c.tape, "ctc_slope: %s", sp_error());
    if (c.T == 0) return sp_release(alpha), x[LOG_PROBS];
    sp_var all = sp_scatter_add(shares(&c, alpha, &log_p), c.index, c.T * c.B * c.C);
    sp_release(alpha);
    sp_var slope = sp_neg(sp_reshape(all, shape));
    if (!c.attr->from_logits) return slope;
    sp_var counted = both(c.inside, exists(&c, log_p));
    return sp_add(slope, sp_where(counted, sp_softmax(c.input), c.zero));
}
