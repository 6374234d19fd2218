/* SPDX-License-Identifier: MIT
 *
 * trace - what happens along time: norms, Jacobians, shares of gradients, saturation.
 *
 * Everything that is recorded for it is taken back again (autograd/show/steps.h).
 */
#include "nn/trace.h"

#include <math.h>
#include <string.h>
#include "autograd/ops.h"
#include "autograd/show/steps.h"
#include "nn/trace_parts.h"
#include "tensor/alloc.h"
#include "tensor/text.h"

_Static_assert((int)SP_STEPS_STATES == SP_MAX_STATES, "a run has as many states as its cell");

typedef struct work {
    sp_trace     *out;
    sp_steps      steps;
    sp_trace_spec spec;
    sp_tape      *t;
    sp_var        loss;
    const sp_tensor *valid;          /* of [T,B], whether the step counts for the sample; or NULL */
} work;

/* ---- results ---- */

/* One row more of T numbers with a name; NULL: no memory. */
static double *add_row(sp_trace *r, int *n, const char ***names, double ***rows, const char *name)
{
    const char **more_names = sp_realloc_array((void *)*names, *n * (int64_t)sizeof **names, *n + 1,
                                               sizeof **names);
    if (more_names) *names = more_names;
    double **more = more_names ? sp_realloc_array(*rows, *n * (int64_t)sizeof **rows, *n + 1,
                                                  sizeof **rows) : NULL;
    if (more) *rows = more;
    double *row = more ? sp_alloc_array(r->T, sizeof *row) : NULL;
    char *copy = row ? sp_strdup(name) : NULL;
    if (!copy) return sp_release(row), NULL;
    for (int64_t t = 0; t < r->T; t++) row[t] = NAN;
    (*names)[*n] = copy;
    (*rows)[*n] = row;
    ++*n;
    return row;
}

static void free_rows(int n, const char **names, double **rows)
{
    for (int i = 0; i < n; i++) {
        if (names) sp_release((void *)(uintptr_t)names[i]);
        sp_release(rows[i]);
    }
    sp_release((void *)names);
    sp_release(rows);
}

void sp_trace_free(sp_trace *r)
{
    if (!r) return;
    free_rows(r->n_states, r->state_name, r->state);
    free_rows(r->grad ? r->n_states : 0, NULL, r->grad);
    free_rows(r->n_weights, r->weight_name, r->share);
    free_rows(r->n_gates, r->gate_name, r->full);
    sp_release(r->jacobian);
    sp_release(r);
}

/* ---- norms ---- */

static double norm(sp_var v)
{
    sp_tensor *x = sp_export(v);
    double r = x ? sp__norm_of(x, 0, sp_tensor_size(x)) : NAN;

    sp_tensor_free(x);
    return r;
}

/* Of a v whose own value is not kept: that of a copy goes at once. */
static double passing_norm(sp_tape *t, sp_var v)
{
    sp_probe here = sp__probe_here(t);
    sp_var copy = sp_scale(v, 1);
    double r = sp_eval_only(1, &copy) ? norm(copy) : NAN;

    sp__probe_rewind(t, &here);
    return r;
}

static sp_var state_after(const work *w, int64_t t, int k) { return w->steps.at[1 + t].state[k]; }

static sp_var state_before(const work *w, int64_t t, int k)
{
    const int64_t before = w->steps.reverse ? t + 1 : t - 1;
    return before < 0 || before >= w->steps.T ? w->steps.at[0].state[k] : state_after(w, before, k);
}

static bool state_norms(const work *w)
{
    sp_trace *r = w->out;

    for (int k = 0; k < w->steps.n_states; k++) {
        double *row = add_row(r, &r->n_states, &r->state_name, &r->state, w->steps.role[k]);
        for (int64_t t = 0; row && t < r->T; t++) row[t] = norm(state_after(w, t, k));
        if (!row) return false;
    }
    return true;
}

/* ---- gradients ---- */

/* The row of a weight; NULL: no memory. */
static double *weight_row(const work *w, const char *name)
{
    sp_trace *r = w->out;

    for (int i = 0; i < r->n_weights; i++)
        if (strcmp(r->weight_name[i], name) == 0) return r->share[i];
    return add_row(r, &r->n_weights, &r->weight_name, &r->share, name);
}

/* |dW_t| for the parts of one leaf in each step.  Several parts in one step are added up. */
static bool weight_norms(const work *w, sp_var leaf, const char *name)
{
    const int64_t T = w->out->T;
    sp_var *sum = sp_alloc_zero(T * (int64_t)sizeof *sum), of, from, g;
    double *row = NULL;
    bool ok = sum != NULL;

    for (int64_t i = 0; ok && sp__nth_part(w->t, i, &of, &from, &g); i++) {
        const int64_t t = of.id == leaf.id ? sp__step_of(&w->steps, from) : -1;
        if (t >= 0 && t < T) sum[t] = sp_is_given(sum[t]) ? sp_add(sum[t], g) : g;
    }
    for (int64_t t = 0; ok && t < T; t++) {
        if (!sp_is_given(sum[t])) continue;
        ok = (row = weight_row(w, name)) != NULL;
        if (ok) row[t] = passing_norm(w->t, sum[t]);
    }
    sp_release(sum);
    return ok;
}

static void norms_to_shares(sp_trace *r)
{
    for (int i = 0; i < r->n_weights; i++) {
        double total = 0;
        for (int64_t t = 0; t < r->T; t++) total += isnan(r->share[i][t]) ? 0 : r->share[i][t];
        for (int64_t t = 0; t < r->T; t++) {
            double own = isnan(r->share[i][t]) ? 0 : r->share[i][t];
            r->share[i][t] = total > 0 ? own / total : 0;
        }
    }
}

/* What the gradients are taken by: every state of every step, then the parameters. */
static sp_var *all_wrt(const work *w, int *n)
{
    const int64_t states = w->steps.n_states * w->out->T;
    const char *name;
    int64_t params = 0;

    while (!sp_is_nothing(sp__nth_param(w->t, params, &name))) params++;
    sp_var *wrt = sp_alloc_array(2 * (states + params) + 1, sizeof *wrt);
    for (int64_t i = 0; wrt && i < states; i++)
        wrt[i] = w->steps.at[1 + i / w->steps.n_states].made[i % w->steps.n_states];
    for (int64_t i = 0; wrt && i < params; i++) wrt[states + i] = sp__nth_param(w->t, i, &name);
    *n = (int)(states + params);
    return wrt;
}

static bool gradient_norms(const work *w, const sp_var grad[])
{
    sp_trace *r = w->out;
    const int n = r->n_states;

    r->grad = sp_alloc_zero(n * (int64_t)sizeof *r->grad);
    for (int k = 0; r->grad && k < n; k++) {
        r->grad[k] = sp_alloc_array(r->T, sizeof **r->grad);
        for (int64_t t = 0; r->grad[k] && t < r->T; t++) r->grad[k][t] = norm(grad[t * n + k]);
        if (!r->grad[k]) return false;
    }
    return r->grad != NULL;
}

static bool gradients(const work *w)
{
    const sp_probe here = sp__probe_begin(w->t, true);
    const char *name;
    int n = 0;
    sp_var *wrt = all_wrt(w, &n), *grad = wrt ? wrt + n : NULL, leaf;
    const int states = (int)(w->out->T * w->out->n_states);
    bool ok = wrt && sp_grad(w->loss, n, wrt, grad, NULL) && sp_eval(states, grad)
           && gradient_norms(w, grad);

    for (int64_t i = 0; ok && !sp_is_nothing(leaf = sp__nth_param(w->t, i, &name)); i++)
        ok = weight_norms(w, leaf, name);
    if (ok) norms_to_shares(w->out);
    sp__probe_end(w->t, &here);
    sp_release(wrt);
    return ok && !sp_tape_error(w->t);
}

/* ---- Jacobians ---- */

static sp_counted counted(const work *w, int64_t t) { return (sp_counted){ w->valid, t }; }

static bool jacobian(const work *w, int64_t t, int iterations)
{
    sp_var from[SP_STEPS_STATES];

    for (int k = 0; k < w->steps.n_states; k++) from[k] = state_before(w, t, k);
    return sp__jacobian_norm(w->steps.n_states, w->steps.at[1 + t].state, from, counted(w, t),
                             iterations, &w->out->jacobian[t]);
}

static bool jacobians(const work *w)
{
    const int iterations = (int)sp_usual(w->spec.iterations, 50);
    bool ok = true;

    if (iterations <= 0) return true;
    w->out->jacobian = sp_alloc_array(w->out->T, sizeof *w->out->jacobian);
    for (int64_t t = 0; w->out->jacobian && ok && t < w->out->T; t++)
        ok = jacobian(w, t, iterations);
    return w->out->jacobian && ok;
}

/* ---- saturation ---- */

/* Rows are those of a batch where there are as many as samples. */
static double share_at_bounds(const work *w, int64_t t, sp_var v, const double bound[2])
{
    const double margin = sp_usual(w->spec.edge, .05) * (bound[1] - bound[0]);
    const sp_tensor *x = sp_value(v);
    const int64_t size = x ? sp_tensor_size(x) : 0, B = w->valid ? w->valid->shape.dim[1] : 0;
    const bool rows = size > 0 && B > 0 && x->shape.rank > 0 && x->shape.dim[0] == B;
    int64_t full = 0, n = 0;

    for (int64_t i = 0; i < size; i++) {
        if (rows && !sp__counts(counted(w, t), i / (size / B))) continue;
        double y = sp_tensor_at(x, i);
        full += y < bound[0] + margin || y > bound[1] - margin;
        n++;
    }
    return n ? (double)full / (double)n : NAN;
}

/* Every step records the same ops, so the i-th gate of a step is the i-th of all. */
static bool saturation(const work *w)
{
    sp_trace *r = w->out;
    sp_var v = { 0 };
    double bound[2];
    const char *name;
    int64_t step = -1;
    int i = 0;

    while (sp__next_gate(&w->steps, &v, bound, &name)) {
        const int64_t t = sp__step_of(&w->steps, v);
        i = t == step ? i + 1 : 0;
        step = t;
        if (i >= r->n_gates && !add_row(r, &r->n_gates, &r->gate_name, &r->full, name))
            return false;
        r->full[i][t] = share_at_bounds(w, t, v, bound);
    }
    return !sp_tape_error(w->t);
}

/* ---- the call ---- */

/* Why there is nothing to be traced; the tape stays well. */
static bool usable(sp_var loss)
{
    char shape[SP_SHAPE_TEXT];
    const char *failure = loss.tape ? sp_tape_error(loss.tape) : NULL;

    if (failure) return sp_fail("trace: the tape has failed: %s", failure);
    if (sp_is_nothing(loss)) return sp_fail("trace: the loss is nothing");
    if (sp_is_floating(sp_var_dtype(loss)) && sp_shape_size(sp_var_shape(loss)) == 1) return true;
    return sp_fail("trace: the loss is %s%s; it must be one number of f32 or f64",
                   sp_dtype_name(sp_var_dtype(loss)), sp_shape_text(sp_var_shape(loss), shape));
}

/* All states of all steps, too: without the steps that a backward pass has dropped, every norm
   would compute them from the beginning. */
static bool evaluate(work *w)
{
    bool ok = sp_eval(1, &w->loss);

    if (ok && sp_is_given(w->steps.valid)) ok = (w->valid = sp_value(w->steps.valid)) != NULL;
    for (int64_t t = 0; ok && t < w->steps.T; t++)
        ok = sp_eval(w->steps.n_states, w->steps.at[1 + t].state);
    return ok;
}

sp_trace *sp_trace_new(sp_var loss, const sp_trace_spec *spec)
{
    work w = { .t = loss.tape, .loss = loss };

    if (spec) w.spec = *spec;
    if (!usable(loss) || !sp__steps_find(&w.steps, w.t, w.spec.scope)) return NULL;
    sp_trace *r = w.out = sp_alloc_zero(sizeof *r);
    if (r) r->T = w.steps.T;
    bool ok = r && evaluate(&w) && state_norms(&w) && gradients(&w) && jacobians(&w)
           && saturation(&w);
    sp__steps_free(&w.steps);
    if (ok) return r;
    sp_trace_free(r);
    return NULL;
}

/* ---- text ---- */

static void put_heads(sp_text *to, const char *before, int n, const char **names)
{
    for (int i = 0; i < n; i++) {
        sp_text head = { 0 };
        sp__say(&head, "%s%s", before, names[i]);
        sp__put(to, ",", 1);
        sp__put_field(to, head.at ? head.at : "");
        sp_release(head.at);
    }
}

static void put_cells(sp_text *to, int n, double **rows, int64_t t)
{
    for (int i = 0; i < n; i++) sp__put(to, ",", 1), sp__put_number(to, rows[i][t]);
}

char *sp_trace_csv(const sp_trace *r)
{
    sp_text to = { 0 };

    if (!r) return sp_fail("trace: there is none"), NULL;
    sp__put(&to, "t", 1);
    put_heads(&to, "norm of ", r->n_states, r->state_name);
    put_heads(&to, "gradient by ", r->n_states, r->state_name);
    if (r->jacobian) sp__say(&to, ",jacobian");
    put_heads(&to, "share of ", r->n_weights, r->weight_name);
    put_heads(&to, "saturation of ", r->n_gates, r->gate_name);
    sp__put(&to, "\n", 1);
    for (int64_t t = 0; t < r->T; t++) {
        sp__say(&to, "%lld", (long long)t);
        put_cells(&to, r->n_states, r->state, t);
        put_cells(&to, r->n_states, r->grad, t);
        if (r->jacobian) sp__put(&to, ",", 1), sp__put_number(&to, r->jacobian[t]);
        put_cells(&to, r->n_weights, r->share, t);
        put_cells(&to, r->n_gates, r->full, t);
        sp__put(&to, "\n", 1);
    }
    return sp__text_done(&to, NULL);
}
