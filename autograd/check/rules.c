/* SPDX-License-Identifier: MIT
 *
 * rules - an op's rule: first and second derivatives against differences; the same
 * gradient however operands lie and whichever of them are asked for, in f32 as in f64, and
 * for a macro as its expansion has it.
 */
#include <math.h>
#include <string.h>
#include "autograd/check/parts.h"
#include "autograd/grad.h"
#include "autograd/ops.h"

typedef struct rule {
    const sp_trial *t;
    sp_tape        *tape;
    int             n;                          /* floating operands */
    int             operand[SP_MOST_OPERANDS + 1];   /* which they are; then SP_SEED */
    sp_tensor      *x[SP_MOST_OPERANDS + 1];    /* they, then a gradient that arrives */
    sp_tensor      *w, *u[SP_MOST_OPERANDS];    /* weights of the result, and of each gradient */
} rule;

/* ---- the functions that are differentiated ---- */

static sp_var as_dtype_of(sp_var x, sp_var like)
{
    return sp_is_nothing(like) ? like : sp_cast(x, sp_var_dtype(like));
}

static sp_var weighted(sp_var y, const sp_tensor *w)
{
    return sp_sum(sp_mul(y, as_dtype_of(sp_input(y.tape, w), y)));
}

static sp_var call_on(const rule *r, sp_tape *tape, const sp_var floating[])
{
    sp_var x[SP_MOST_OPERANDS];

    for (int k = 0, i = 0; k < r->t->n; k++) {
        if (i < r->n && r->operand[i] == k) x[k] = floating[i++];
        else x[k] = sp__operand_var(r->t, k, tape, (sp_manner){ .floating = SP_F64 });
    }
    return sp__trial_call(r->t, x);
}

static sp_var weighted_result(sp_tape *tape, int n, const sp_var x[], void *data)
{
    const rule *r = data;
    (void)n;
    return weighted(call_on(r, tape, x), r->w);
}

/* The last of x is the gradient that arrives. */
static sp_var weighted_gradients(sp_tape *tape, int n, const sp_var x[], void *data)
{
    const rule *r = data;
    sp_var out[SP_MOST_OPERANDS], y = call_on(r, tape, x), sum = { 0 };

    sp_grad(y, n - 1, x, out, &(sp_grad_spec){ .seed = x[n - 1] });
    for (int i = 0; i < n - 1; i++) {
        sp_var term = weighted(out[i], r->u[i]);
        sum = i ? sp_add(sum, term) : term;
    }
    return sum;
}

static bool agree(rule *r, sp_function *f, int n, const char *what)
{
    sp_slope s = { .f = f, .data = r, .tape = r->tape, .n = n, .x = r->x, .tolerance = 1e-6,
                   .h = sp__difference_step(r->t->sample) };
    sp_teller w = { r->t, r->t->report, what, r->operand };

    return sp__slopes_agree(&s, &w);
}

/* An op whose record says so (`field`) has no derivative here, and the tape a sentence about that:
   that the second one of `op` is not implemented. */
static bool refuses(rule *r, sp_function *f, int n, const sp_op *op, const char *field)
{
    sp_var x[SP_MOST_OPERANDS + 1], out[SP_MOST_OPERANDS + 1];
    char words[200];

    snprintf(words, sizeof words, SP_NO_SECOND, op->name);
    sp__fresh(r->tape);
    for (int i = 0; i < n; i++) x[i] = sp_input(r->tape, r->x[i]);
    sp_grad(f(r->tape, n, x, r), n, x, out, NULL);
    const char *said = sp_tape_error(r->tape);
    return sp__verdict(r->t, said && strcmp(said, words) == 0,
                       "its record says %s, so the tape should say \"%s\", not %s", field, words,
                       said ? said : "differentiate it");
}

static bool second_agrees(rule *r)
{
    const sp_op *op = r->t->op;

    if (op->first_only) return refuses(r, weighted_gradients, r->n + 1, op, ".first_only");
    return agree(r, weighted_gradients, r->n + 1, "second derivative");
}

/* ---- gradients compared with each other ---- */

typedef struct asked {
    sp_manner how;
    bool      expanded;
    int       only;                             /* this floating operand; -1: all */
} asked;

typedef struct gradients { int n; sp_tensor *g[SP_MOST_OPERANDS]; } gradients;

static void drop(gradients *g)
{
    for (int i = 0; i < g->n; i++) sp_tensor_free(g->g[i]);
    g->n = 0;
}

static sp_var call_as(const rule *r, const asked *a, sp_var wrt[])
{
    sp_var x[SP_MOST_OPERANDS];
    const sp_sample *s = r->t->sample;

    for (int k = 0, i = 0; k < r->t->n; k++) {
        x[k] = sp__operand_var(r->t, k, r->tape, a->how);
        if (i < r->n && r->operand[i] == k) wrt[i++] = x[k];
    }
    return a->expanded ? r->t->op->expand(r->t->n, x, s->attr, s->scalar) : sp__trial_call(r->t, x);
}

/* The gradients for the same weights on the result; false: noted. */
static bool find(const rule *r, asked a, gradients *g)
{
    sp_var wrt[SP_MOST_OPERANDS], out[SP_MOST_OPERANDS];
    int n = a.only < 0 ? r->n : 1;

    sp__fresh(r->tape);
    sp_var y = call_as(r, &a, wrt), w = as_dtype_of(sp_input(r->tape, r->w), y);
    bool ok = sp_grad(y, n, a.only < 0 ? wrt : wrt + a.only, out, &(sp_grad_spec){ .seed = w })
           && sp_eval(n, out);
    for (g->n = 0; ok && g->n < n; g->n += ok) ok = (g->g[g->n] = sp_export(out[g->n]));
    const char *said = sp_tape_error(r->tape);
    return sp__verdict(r->t, ok, "the gradient in %s, operands %s, fails: %s",
                       sp_dtype_name(a.how.floating), sp__lying_name(a.how.lying),
                       said ? said : sp_error());
}

static bool same_bits(const rule *r, asked a, const gradients *want, const char *when)
{
    gradients g = { 0 };
    bool ok = find(r, a, &g);

    for (int i = 0; ok && i < g.n; i++)
        ok = sp__verdict(r->t, sp_tensor_same(g.g[i], want->g[a.only < 0 ? i : a.only]),
                         "the gradient by operand %d has other bits when %s",
                         r->operand[a.only < 0 ? i : a.only], when);
    drop(&g);
    return ok;
}

/* Elements differ by at most `tolerance` of the largest. */
static bool close_to(const rule *r, asked a, const gradients *want, double tolerance,
                     const char *what)
{
    gradients g = { 0 };
    double off = 0, largest = 0;
    bool ok = find(r, a, &g);

    for (int i = 0; ok && i < g.n; i++)
        for (int64_t k = 0; k < sp_tensor_size(want->g[i]); k++) {
            double y = sp_tensor_at(g.g[i], k), v = sp_tensor_at(want->g[i], k);
            largest = fmax(largest, fabs(v));
            if (!(fabs(y - v) <= off)) off = fabs(y - v);
        }
    ok = ok
         && sp__verdict(r->t, off <= tolerance * largest, "its gradient and that %s differ by %.3g",
                        what, off);
    drop(&g);
    return ok;
}

static bool lies_anyhow(const rule *r, sp_lying lying)
{
    asked a = { { SP_F64, lying, true }, false, -1 };
    gradients dense = { 0 };
    char when[80];
    bool ok = find(r, a, &dense);

    snprintf(when, sizeof when, "operands are %s", sp__lying_name(lying));
    a.how.packed = false;
    ok = ok && same_bits(r, a, &dense, when);
    drop(&dense);
    return ok;
}

static bool in_every_way(const rule *r)
{
    asked plain = { { .floating = SP_F64 }, false, -1 }, f32 = plain, macro = plain;
    gradients g = { 0 };
    bool ok = find(r, plain, &g) && same_bits(r, plain, &g, "computed twice");

    f32.how.floating = SP_F32;
    macro.expanded = true;
    ok = ok && close_to(r, f32, &g, 1e-4, "in f32");
    if (r->t->op->kind == SP_MACRO) ok = ok && close_to(r, macro, &g, 1e-11, "of the expansion");
    for (int i = 0; ok && i < r->n && r->n > 1; i++) {
        asked alone = plain;
        alone.only = i;
        ok = same_bits(r, alone, &g, "no other is asked for");
    }
    for (int lying = SP_DENSE + 1; ok && lying < SP_N_LYINGS; lying++)
        ok = lies_anyhow(r, (sp_lying)lying);
    drop(&g);
    return ok;
}

/* A constant op lets no gradient pass. */
static bool nothing_passes(const rule *r)
{
    gradients g = { 0 };
    bool ok = find(r, (asked){ { .floating = SP_F64 }, false, -1 }, &g), zero = true;

    for (int i = 0; ok && i < g.n; i++)
        for (int64_t k = 0; k < sp_tensor_size(g.g[i]); k++) zero &= sp_tensor_at(g.g[i], k) == 0;
    ok = ok && sp__verdict(r->t, zero, "it is constant by its record, but a gradient passes");
    drop(&g);
    return ok;
}

/* ---- all of it ---- */

static bool begin(rule *r)
{
    const sp_trial *t = r->t;
    sp_var x[SP_MOST_OPERANDS];
    bool ok = (r->tape = sp_tape_new(NULL));

    for (int k = 0; ok && k < t->n; k++) {
        x[k] = sp__operand_var(t, k, r->tape, (sp_manner){ .floating = SP_F64 });
        if (!sp_is_floating(t->x[k]->dtype)) continue;
        r->operand[r->n] = k;
        ok = (r->u[r->n] = sp__weights(t->x[k]->shape, (uint64_t)k + 2));
        r->x[r->n++] = t->x[k];
    }
    r->operand[r->n] = SP_SEED;
    if (!ok) return false;
    sp_shape shape = sp_var_shape(sp__trial_call(t, x));
    r->w = sp__weights(shape, 0);
    r->x[r->n] = sp__weights(shape, 1);
    return r->w && r->x[r->n] && !sp_tape_error(r->tape);
}

static void end(rule *r)
{
    sp_tensor_free(r->w);
    sp_tensor_free(r->x[r->n]);
    for (int i = 0; i < r->n; i++) sp_tensor_free(r->u[i]);
    sp_tape_free(r->tape);
}

/* Whether the result, in f64, has a derivative at all. */
static bool is_floating(const rule *r)
{
    sp_var wrt[SP_MOST_OPERANDS];
    asked a = { { .floating = SP_F64 }, false, -1 };

    sp__fresh(r->tape);
    return sp_is_floating(sp_var_dtype(call_as(r, &a, wrt)));
}

static bool slopes(rule *r)
{
    const sp_op *op = r->t->op;

    if (op->constant) return nothing_passes(r);
    if (op->slope_of && !op->vjp)
        return refuses(r, weighted_result, r->n, op->slope_of, ".slope_of");
    return sp__verdict(r->t, op->vjp || op->kind == SP_MACRO,
                       "it has no vjp; an op through which no gradient "
                       "passes says .constant = true")
           && agree(r, weighted_result, r->n, "first derivative")
           && second_agrees(r) && in_every_way(r);
}

void sp__check_rules(const sp_trial *t)
{
    rule r = { .t = t };

    if (!t->floating || t->sample->no_slope) return;
    if (!begin(&r)) {
        const char *said = r.tape ? sp_tape_error(r.tape) : NULL;
        sp__verdict(t, false, "%s", said ? said : sp_error());
    } else if (is_floating(&r)) {
        slopes(&r);
    }
    end(&r);
}
