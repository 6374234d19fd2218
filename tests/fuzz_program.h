/* SPDX-License-Identifier: MIT
 *
 * fuzz_program.h - random programs of ops, made from the records alone.
 *
 * A program is a function of its number.  Each step takes an op and one of the samples of
 * its record; an operand of the sample's shape is a new leaf, or an earlier value that is cut,
 * repeated and turned until it has the shape, and pressed into the sample's range.  So ops meet
 * in every order and lie in every way, and a new op takes part as soon as it has a record.
 * Some programs are spoiled: a call gets operands that were not made for it.
 *
 * Recording a program twice takes the same decisions, on whatever tape.
 */
#ifndef FUZZ_PROGRAM_H
#define FUZZ_PROGRAM_H

#include <check.h>
#include <math.h>
#include <string.h>

#include "autograd/check/parts.h"
#include "autograd/ops.h"
#include "tensor/alloc.h"

enum { MOST_VALUES = 40, MOST_LEAVES = 120, MOST_DISHES = 4000, MOST_ELEMENTS = 300 };

/* A sample of an op that is to work, and is not so large that fewer programs would be tried. */
typedef struct dish {
    const sp_op     *op;
    const sp_sample *sample;
    int              n;
    bool             sharp;          /* it jumps: fed with leaves only, the same on every tape */
    sp_shape         shape[SP_MOST_OPERANDS];
    sp_dtype         dtype[SP_MOST_OPERANDS];
    bool             given[SP_MOST_OPERANDS];
} dish;

typedef struct menu {
    int  n, n_ops;
    dish dish[MOST_DISHES];
    int  first[1000];                /* dishes of op i are [first[i], first[i + 1]) */
} menu;

/* How a program is recorded. */
typedef struct manner {
    sp_tape *tape;
    double   nudge;                  /* leaves are off by so much, relatively */
    uint64_t nudged;                 /* the draw of the nudges */
    bool     regions;                /* parts are checkpointed */
    bool     eager;                  /* the tape computes at once: bad data are noticed late */
} manner;

typedef struct program {
    const menu *menu;
    manner      how;
    uint64_t    state;               /* of the draws */
    sp_dtype    dtype;
    bool        spoiled;
    int         n, n_leaves, n_calls;
    sp_var      value[MOST_VALUES], leaf[MOST_LEAVES];
    int         called[MOST_VALUES]; /* dishes, for whoever wants to know */
    int         depth;               /* of regions */
} program;

/* ---- draws ---- */

static inline uint64_t bits(program *p)
{
    uint64_t z = p->state += 0x9e3779b97f4a7c15u;

    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
    z = (z ^ z >> 27) * 0x94d049bb133111ebu;
    return z ^ z >> 31;
}
static inline int64_t below(program *p, int64_t n) { return (int64_t)(bits(p) % (uint64_t)n); }
static inline bool one_in(program *p, int64_t n) { return below(p, n) == 0; }
static inline double between(program *p, double lo, double hi)
{
    return lo + (hi - lo) * ((double)(bits(p) >> 11) * 0x1p-53);
}

/* ---- the menu ---- */

static inline bool jumps(const sp_op *op)
{
    bool apart = false;

    for (const sp_sample *s = op->samples; s && s->in; s++) apart |= s->apart;
    return apart || op->constant;
}

static inline void add_dish(menu *m, const sp_op *op, const sp_sample *s, sp_tape *tape)
{
    sp_report report = { 0 };
    sp_trial t = { .op = op, .sample = s, .report = &report };
    sp_var x[SP_MOST_OPERANDS];
    dish *d = &m->dish[m->n];
    int64_t elements = 0;

    ck_assert(m->n < MOST_DISHES && sp__trial_begin(&t));
    *d = (dish){ .op = op, .sample = s, .n = t.n, .sharp = jumps(op) };
    for (int k = 0; k < t.n; k++) {
        d->shape[k] = t.x[k]->shape;
        d->dtype[k] = t.x[k]->dtype;
        d->given[k] = t.given[k];
        x[k] = sp_input(tape, t.x[k]);
        elements += sp_shape_size(d->shape[k]);
    }
    sp_var y = sp__trial_call(&t, x);
    elements += sp_shape_size(sp_var_shape(y));
    d->sharp |= !sp_is_floating(sp_var_dtype(y));
    m->n += elements <= MOST_ELEMENTS;
    sp__trial_end(&t);
    sp_tape_reset(tape);
}

/* Yours: sp_release. */
static inline menu *read_menu(void)
{
    menu *m = sp_alloc_zero(sizeof *m);
    sp_tape *tape = sp_tape_new(NULL);
    const sp_op *op;

    ck_assert(m && tape);
    for (int i = 0; (op = sp_op_at(i)); i++) {
        m->first[i] = m->n;
        for (const sp_sample *s = op->samples; s && s->in; s++)
            if (!s->fails) add_dish(m, op, s, tape);
        m->first[m->n_ops = i + 1] = m->n;
    }
    sp_tape_free(tape);
    return m;
}

/* ---- operands ---- */

static inline void low_high(const sp_sample *s, double *lo, double *hi)
{
    bool usual = s->lo == 0 && s->hi == 0;

    *lo = usual ? -2 : s->lo;
    *hi = usual ? 2 : s->hi;
}

static inline sp_var new_leaf(program *p, const sp_sample *s, sp_shape shape, sp_dtype dtype)
{
    bool floating = sp_is_floating(dtype);
    sp_tensor *x = sp_tensor_new(floating ? p->dtype : dtype, shape);
    double lo, hi;

    ck_assert(x);
    low_high(s, &lo, &hi);
    for (int64_t i = 0; i < sp_tensor_size(x); i++) {
        double v = between(p, lo, hi);
        uint64_t off = sp_hash(p->how.nudged, &i, sizeof i);
        if (floating) v *= 1 + ((double)(off >> 40) * 0x1p-23 - 1) * p->how.nudge;
        else v = (double)((int64_t)lo + below(p, (int64_t)hi > (int64_t)lo
                                                  ? (int64_t)hi - (int64_t)lo : 1));
        sp_tensor_set(x, i, v);
    }
    sp_var v = sp_input(p->how.tape, x);
    if (floating && p->n_leaves < MOST_LEAVES) p->leaf[p->n_leaves++] = v;
    sp_tensor_free(x);
    return v;
}

/* The first n elements of v's, in some order, repeated if v has fewer: [n]. */
static inline sp_var row_of(program *p, sp_var v, int64_t n)
{
    int64_t m = sp_shape_size(sp_var_shape(v));

    v = sp_reshape(v, SP_SHAPE(m));
    if (m < n) {
        int64_t times = (n + m - 1) / m;
        v = one_in(p, 2) ? sp_reshape(sp_broadcast(v, SP_SHAPE(times, m)), SP_SHAPE(times * m))
                         : sp_reshape(sp_transpose(sp_broadcast(v, SP_SHAPE(times, m)), 0, 1),
                                      SP_SHAPE(times * m));
        m *= times;
    }
    int64_t step = n > 0 && m / n >= 2 && one_in(p, 2) ? 2 : 1;
    int64_t spare = m - (n > 0 ? (n - 1) * step + 1 : 0);
    v = sp_slice_step(v, 0, below(p, spare + 1), n, step);
    return one_in(p, 4) ? sp_flip(v, 0) : v;
}

/* The elements of v as the shape, sometimes with two axes lying the other way round. */
static inline sp_var fit(program *p, sp_var v, sp_shape shape)
{
    v = row_of(p, v, sp_shape_size(shape));
    if (shape.rank < 2 || !one_in(p, 3)) return sp_reshape(v, shape);
    int a = (int)below(p, shape.rank), b = (int)below(p, shape.rank);
    int64_t was = shape.dim[a];
    shape.dim[a] = shape.dim[b];
    shape.dim[b] = was;
    return sp_transpose(sp_reshape(v, shape), a, b);
}

/* Into the range of the sample, smoothly. */
static inline sp_var press(sp_var v, const sp_sample *s)
{
    double lo, hi;

    low_high(s, &lo, &hi);
    return sp_shift(sp_scale(sp_sigmoid(v), hi - lo), lo);
}

/* Operand k with the elements that the sample gives. */
static inline sp_var given(program *p, const dish *d, int k)
{
    sp_report report = { 0 };
    sp_trial t = { .op = d->op, .sample = d->sample, .report = &report };

    ck_assert(sp__trial_begin(&t));
    sp_var v = sp_input(p->how.tape, t.x[k]);
    sp__trial_end(&t);
    return sp_is_floating(d->dtype[k]) ? sp_cast(v, p->dtype) : v;
}

static inline sp_var operand(program *p, const dish *d, int k, sp_shape shape)
{
    if (d->given[k]) return given(p, d, k);
    sp_var v = p->n > 0 ? p->value[below(p, p->n)] : (sp_var){ 0 };
    bool reuse = !one_in(p, 4) && !d->sharp && sp_is_floating(d->dtype[k]) && p->n > 0;

    if (reuse && sp_var_dtype(v) == p->dtype
        && (sp_shape_size(sp_var_shape(v)) > 0 || sp_shape_size(shape) == 0))
        return press(fit(p, v, shape), d->sample);
    if (!one_in(p, 3)) return new_leaf(p, d->sample, shape, d->dtype[k]);
    int64_t more = sp_shape_size(shape) + below(p, 9) + 1;
    return fit(p, new_leaf(p, d->sample, SP_SHAPE(more), d->dtype[k]), shape);
}

/* ---- steps ---- */

/* Elementwise ops take any shapes that broadcast. */
static inline void random_shapes(program *p, int n, sp_shape shape[])
{
    sp_shape whole = { .rank = below(p, 5) };

    for (int d = 0; d < whole.rank; d++) whole.dim[d] = one_in(p, 20) ? 0 : 1 + below(p, 5);
    for (int k = 0; k < n; k++) {
        int64_t drop = k > 0 ? below(p, whole.rank + 1) : 0;
        shape[k] = (sp_shape){ .rank = whole.rank - drop };
        for (int d = 0; d < shape[k].rank; d++)
            shape[k].dim[d] = one_in(p, 4) ? 1 : whole.dim[d + drop];
    }
}

static inline sp_var call(program *p, const dish *d)
{
    sp_var x[SP_MOST_OPERANDS];
    sp_shape shape[SP_MOST_OPERANDS];

    memcpy(shape, d->shape, sizeof shape);
    if (d->op->kind == SP_ELEMENTWISE && one_in(p, 2)) random_shapes(p, d->n, shape);
    for (int k = 0; k < d->n; k++) x[k] = operand(p, d, k, shape[k]);
    return sp_apply(d->op, d->n, x, d->sample->attr, d->sample->scalar);
}

/* A call with whatever there is. */
static inline sp_var spoil(program *p, const dish *d)
{
    sp_var x[SP_MOST_OPERANDS];

    p->spoiled = true;
    for (int k = 0; k < d->n; k++) x[k] = p->value[below(p, p->n)];
    int64_t nodes = sp_stats(p->how.tape).nodes;
    sp_var y = sp_apply(d->op, d->n, x, d->sample->attr, d->sample->scalar);
    if (sp_is_nothing(y)) {
        const char *said = sp_tape_error(p->how.tape);
        ck_assert_msg(said && strncmp(said, d->op->name, strlen(d->op->name)) == 0,
                      "%s refused with \"%s\"", d->op->name, said ? said : "(nothing)");
        ck_assert_msg(p->how.eager || sp_stats(p->how.tape).nodes == nodes,
                      "%s refused and recorded", said);
    }
    return y;
}

static inline void step(program *p)
{
    int op = (int)below(p, p->menu->n_ops), first = p->menu->first[op];
    int n = p->menu->first[op + 1] - first;
    bool bad = p->n > 0 && one_in(p, 100);

    if (n == 0) return;
    int chosen = first + (int)below(p, n);
    const dish *d = &p->menu->dish[chosen];
    sp_var y = bad ? spoil(p, d) : call(p, d);
    if (!bad)
        ck_assert_msg(!sp_is_nothing(y) || p->spoiled, "%s: %s", d->op->name,
                      sp_tape_error(p->how.tape));
    p->value[p->n] = y;
    p->called[p->n++] = chosen;
}

static inline void regions(program *p)
{
    bool enter = one_in(p, 4), leave = one_in(p, 3);

    if (leave && p->depth > 0) {
        p->depth--;
        if (p->how.regions) sp_region_leave(p->how.tape);
    }
    if (enter) {
        p->depth++;
        if (p->how.regions) sp_region_enter(p->how.tape);
    }
}

/* Record program number `seed`.  It ends early where a spoiled call is refused. */
static inline void record(program *p, const menu *m, manner how, uint64_t seed)
{
    *p = (program){ .menu = m, .how = how, .state = seed };
    p->dtype = one_in(p, 2) ? SP_F32 : SP_F64;
    int steps = 1 + (int)below(p, 1 + below(p, 12));      /* many short ones, some long */

    sp_tape_set_step(how.tape, seed);
    for (int i = 0; i < steps && !sp_tape_error(how.tape); i++) {
        regions(p);
        step(p);
    }
    for (; p->depth > 0; p->depth--)
        if (how.regions) sp_region_leave(how.tape);
}

/* A scalar that depends on the last values. */
static inline sp_var loss_of(program *p)
{
    sp_var loss = sp_const(p->how.tape, p->dtype, 0);

    for (int i = p->n > 5 ? p->n - 5 : 0; i < p->n; i++) {
        sp_var v = p->value[i];
        if (sp_var_dtype(v) == p->dtype && sp_shape_size(sp_var_shape(v)) > 0)
            loss = sp_add(loss, sp_mean(sp_tanh(v)));
    }
    return loss;
}

#endif
