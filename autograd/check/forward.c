/* SPDX-License-Identifier: MIT
 *
 * forward - an op's rule used forwards: the jvp along a direction of all operands against
 * differences, and against the vjp: <J v, u> = <v, J^T u>.
 */
#include <float.h>
#include <math.h>
#include <string.h>
#include "autograd/check/parts.h"
#include "autograd/derivatives.h"
#include "autograd/grad.h"

typedef struct forward {
    const sp_trial *t;
    sp_tape        *tape;
    int             n;                          /* floating operands */
    int             operand[SP_MOST_OPERANDS];  /* which they are */
    sp_tensor      *v[SP_MOST_OPERANDS], *u;    /* directions of them, and of the result */
    sp_tensor      *jv, *ju[SP_MOST_OPERANDS];  /* J v and J^T u */
    sp_tensor      *q;                          /* J v by differences */
    double          height;                     /* the largest |y| met */
} forward;

static bool give_up(const forward *f, const char *what)
{
    const char *said = f->tape ? sp_tape_error(f->tape) : NULL;
    return sp__verdict(f->t, false, "%s: %s", what, said ? said : sp_error());
}

/* ---- by the tape ---- */

/* y of the operands of a trial, and these. */
static sp_var call(const forward *f, const sp_trial *t, sp_var x[])
{
    sp__fresh(f->tape);
    for (int k = 0; k < t->n; k++)
        x[k] = sp__operand_var(t, k, f->tape, (sp_manner){ .floating = SP_F64 });
    return sp__trial_call(t, x);
}

static bool products(forward *f)
{
    sp_var all[SP_MOST_OPERANDS], x[SP_MOST_OPERANDS], v[SP_MOST_OPERANDS];
    sp_var y = call(f, f->t, all), u = sp_input(f->tape, f->u), out[SP_MOST_OPERANDS + 1];

    for (int i = 0; i < f->n; i++) x[i] = all[f->operand[i]], v[i] = sp_input(f->tape, f->v[i]);
    if (!sp_jvp(1, &y, f->n, x, v, out + f->n) || !sp_vjp(1, &y, &u, f->n, x, out)
        || !sp_eval_only(f->n + 1, out))
        return false;
    for (int i = 0; i < f->n; i++)
        if (!(f->ju[i] = sp_export(out[i]))) return false;
    return (f->jv = sp_export(out[f->n]));
}

/* An op may say that its rule has no derivative; a jvp may need one. */
static bool may_refuse(const forward *f)
{
    const char *said = sp_tape_error(f->tape);
    char words[200];

    const sp_op *op = f->t->op->slope_of ? f->t->op->slope_of : f->t->op;

    snprintf(words, sizeof words, SP_NO_SECOND, op->name);
    return op->first_only && said && strcmp(said, words) == 0;
}

/* ---- by differences ---- */

/* Add weight * y(x + step v) to f->q. */
static bool add_moved(forward *f, sp_trial *moved, double step, double weight)
{
    sp_var x[SP_MOST_OPERANDS];

    for (int i = 0; i < f->n; i++) {
        const sp_tensor *from = f->t->x[f->operand[i]];
        sp_tensor *to = moved->x[f->operand[i]];
        for (int64_t k = 0; k < sp_tensor_size(to); k++)
            sp_tensor_set(to, k, sp_tensor_at(from, k) + step * sp_tensor_at(f->v[i], k));
    }
    const sp_tensor *y = sp_value(call(f, moved, x));
    double *q = f->q->data;
    for (int64_t k = 0; y && k < sp_tensor_size(y); k++) {
        f->height = fmax(f->height, fabs(sp_tensor_at(y, k)));
        q[k] += weight * sp_tensor_at(y, k);
    }
    return y;
}

static bool differences(forward *f, double h)
{
    static const double weight[] = { 1, -8, 8, -1 }, place[] = { -2, -1, 1, 2 };
    sp_trial moved = *f->t;
    bool ok = (f->q = sp_tensor_new(SP_F64, f->jv->shape));

    for (int k = 0; k < moved.n; k++) ok = (moved.x[k] = sp_tensor_copy(f->t->x[k])) && ok;
    for (int k = 0; ok && k < 4; k++) ok = add_moved(f, &moved, place[k] * h, weight[k] / (12 * h));
    sp__trial_end(&moved);
    return ok;
}

/* ---- compared ---- */

static bool is_slope(forward *f)
{
    const double h = sp__difference_step(f->t->sample);
    double most = 0;

    if (!differences(f, h)) return give_up(f, "its value beside the sample fails");
    for (int64_t k = 0; k < sp_tensor_size(f->jv); k++)
        most = fmax(most, fabs(sp_tensor_at(f->jv, k)));
    for (int64_t k = 0; k < sp_tensor_size(f->jv); k++) {
        double j = sp_tensor_at(f->jv, k), q = sp_tensor_at(f->q, k);
        double scale = fmax(fmax(fabs(j), fabs(q)), 1e-3 * most);
        if (!isfinite(q)) continue;                  /* so y is not: it has no slope */
        bool ok = fabs(j - q) <= 1e-6 * scale + 64 * DBL_EPSILON * f->height / h;
        if (!sp__verdict(f->t, ok, "its jvp at element %lld is %.12g, but differences say %.12g",
                         (long long)k, j, q))
            return false;
    }
    return true;
}

/* Adds <a, b> to *sum and <|a|, |b|> to *scale. */
static void add_dot(const sp_tensor *a, const sp_tensor *b, double *sum, double *scale)
{
    for (int64_t k = 0; k < sp_tensor_size(a); k++) {
        double term = sp_tensor_at(a, k) * sp_tensor_at(b, k);
        *sum += term;
        *scale += fabs(term);
    }
}

static bool is_adjoint(const forward *f)
{
    double forwards = 0, backwards = 0, scale = 0;

    add_dot(f->jv, f->u, &forwards, &scale);
    for (int i = 0; i < f->n; i++) add_dot(f->ju[i], f->v[i], &backwards, &scale);
    return sp__verdict(f->t, fabs(forwards - backwards) <= 1e-10 * scale,
                       "its jvp and vjp are not adjoint: <J v, u> is %.15g and <v, J' u> %.15g",
                       forwards, backwards);
}

/* ---- all of it ---- */

/* False: no memory, or no derivative to be tried (*floating says which). */
static bool begin(forward *f, bool *floating)
{
    const sp_trial *t = f->t;
    sp_var x[SP_MOST_OPERANDS];
    bool ok = (f->tape = sp_tape_new(NULL));

    for (int k = 0; ok && k < t->n; k++) {
        if (!sp_is_floating(t->x[k]->dtype)) continue;
        ok = (f->v[f->n] = sp__weights(t->x[k]->shape, (uint64_t)k + 20));
        f->operand[f->n] = k;
        f->n += ok;
    }
    if (!ok) return false;
    sp_var y = call(f, t, x);
    *floating = sp_is_floating(sp_var_dtype(y));
    f->u = sp__weights(sp_var_shape(y), 40);
    return f->u;
}

static void end(forward *f)
{
    for (int i = 0; i < f->n; i++) sp_tensor_free(f->v[i]), sp_tensor_free(f->ju[i]);
    sp_tensor_free(f->u);
    sp_tensor_free(f->jv);
    sp_tensor_free(f->q);
    sp_tape_free(f->tape);
}

void sp__check_forward(const sp_trial *t)
{
    forward f = { .t = t };
    bool floating = true;

    if (!t->floating || t->sample->no_slope || t->op->constant) return;
    if (!t->op->vjp && t->op->kind != SP_MACRO) return;       /* sp__check_rules says so */
    if (!begin(&f, &floating)) {
        give_up(&f, "its jvp cannot be tried");
    } else if (floating) {
        if (products(&f)) (void)(is_slope(&f) && is_adjoint(&f));
        else if (!may_refuse(&f)) give_up(&f, "its jvp fails");
    }
    end(&f);
}
