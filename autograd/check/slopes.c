/* SPDX-License-Identifier: MIT
 *
 * slopes - gradients against differences.
 *
 * The derivative of a scalar function along d is compared with
 *     (f(x - 2h d) - 8 f(x - h d) + 8 f(x + h d) - f(x + 2h d)) / 12h,
 * which is off by h^4/30 times the fifth derivative.  A second derivative is the first of
 *     phi(x, g) = sum of u * gradient(x, g),
 * whose own values come from the gradient that was checked before.
 */
#include <float.h>
#include <math.h>
#include <string.h>
#include "autograd/check/parts.h"
#include "autograd/ops.h"
#include "tensor/alloc.h"

/* Inputs of more elements are tried along one random direction. */
enum { MOST_ELEMENTS = 200 };

static bool tell(const sp_teller *w, bool ok, const char *sentence)
{
    if (w->t) return sp__verdict(w->t, ok, "%s", sentence);
    return sp__judge(w->report, ok, "function: %s", sentence);
}

/* ---- values and gradients ---- */

static sp_var record(sp_slope *s)
{
    sp__fresh(s->tape);
    for (int i = 0; i < s->n; i++) s->vars[i] = sp_input(s->tape, s->x[i]);
    return s->f(s->tape, s->n, s->vars, s->data);
}

static double value(sp_slope *s)
{
    double y = sp_item(record(s));

    if (fabs(y) > s->height) s->height = fabs(y);
    return y;
}

static bool gradient(sp_slope *s)
{
    sp_var y = record(s), *out = s->vars + s->n;
    bool ok = sp_grad(y, s->n, s->vars, out, NULL) && sp_eval(s->n, out);

    for (int i = 0; ok && i < s->n; i++) {
        ok = (s->g[i] = sp_export(out[i]));
        if (ok
            && (!sp_shape_equal(s->g[i]->shape, s->x[i]->shape)
                || s->g[i]->dtype != s->x[i]->dtype)) {
            sp_tape_fail(s->tape,
                         "the gradient by input %d has another shape or dtype than the input", i);
            ok = false;
        }
    }
    return ok;
}

static bool begin(sp_slope *s)
{
    s->vars = sp_alloc_array(2 * (int64_t)s->n + 1, sizeof *s->vars);
    s->g = sp_alloc_zero((s->n + 1) * (int64_t)sizeof *s->g);
    return s->vars && s->g;
}

static void end(sp_slope *s)
{
    for (int i = 0; s->g && i < s->n; i++) sp_tensor_free(s->g[i]);
    sp_release(s->vars);
    sp_release(s->g);
}

/* ---- differences ---- */

double sp__difference_step(const sp_sample *sample)
{
    double range = sample->hi - sample->lo;
    return range > 0 && range < 1 ? 1e-3 * range : 1e-3;
}

/* Along the direction d from x, which holds `from` and is put back. */
static double difference(sp_slope *s, sp_tensor *x, const double *from, const double *d)
{
    static const double weight[] = { 1, -8, 8, -1 }, place[] = { -2, -1, 1, 2 };
    int64_t n = sp_tensor_size(x);
    double sum = 0, *at = x->data;

    for (int k = 0; k < 4 && !(k > 0 && sp_tape_error(s->tape)); k++) {
        for (int64_t i = 0; i < n; i++) at[i] = from[i] + place[k] * s->h * d[i];
        sum += weight[k] * value(s);
    }
    memcpy(at, from, (size_t)n * sizeof *at);
    return sum / (12 * s->h);
}

static double largest(const sp_slope *s)
{
    double most = 0;

    for (int i = 0; i < s->n; i++)
        for (int64_t k = 0; k < sp_tensor_size(s->g[i]); k++)
            most = fmax(most, fabs(sp_tensor_at(s->g[i], k)));
    return most;
}

/* Relative, with a floor of 1e-3 of the largest element, and of what rounding f leaves over. */
static bool near(const sp_slope *s, double g, double q, double most)
{
    double scale = fmax(fmax(fabs(g), fabs(q)), 1e-3 * most);
    return fabs(g - q) <= s->tolerance * scale + 64 * DBL_EPSILON * s->height / s->h;
}

static void by_whom(const sp_teller *w, int i, char *text, size_t size)
{
    if (!w->operand) snprintf(text, size, "x[%d]", i);
    else if (w->operand[i] == SP_SEED) snprintf(text, size, "the arriving gradient");
    else snprintf(text, size, "operand %d", w->operand[i]);
}

static bool compare(sp_slope *s, const sp_teller *w, int i, int64_t element, double g, double q)
{
    char by[40], where[60] = "", sentence[400];

    if (sp_tape_error(s->tape)) return tell(w, false, sp_tape_error(s->tape));
    if (element >= 0) snprintf(where, sizeof where, "at element %lld", (long long)element);
    by_whom(w, i, by, sizeof by);
    snprintf(sentence, sizeof sentence, "its %s by %s %s is %.12g, but differences say %.12g",
             w->what, by, element < 0 ? "along a direction" : where, g, q);
    return tell(w, near(s, g, q, largest(s)), sentence);
}

static bool each_element(sp_slope *s, const sp_teller *w, int i, const double *from, double *d)
{
    int64_t n = sp_tensor_size(s->x[i]);

    for (int64_t k = 0; k < n; k++) {
        d[k] = 1;
        double q = difference(s, s->x[i], from, d);
        d[k] = 0;
        if (!compare(s, w, i, k, sp_tensor_at(s->g[i], k), q)) return false;
    }
    return true;
}

static bool one_direction(sp_slope *s, const sp_teller *w, int i, const double *from, double *d)
{
    int64_t n = sp_tensor_size(s->x[i]);
    sp_tensor *u = sp__weights(s->x[i]->shape, 99);
    double g = 0;

    if (!u) return tell(w, false, sp_error());
    for (int64_t k = 0; k < n; k++) d[k] = sp_tensor_at(u, k), g += d[k] * sp_tensor_at(s->g[i], k);
    sp_tensor_free(u);
    return compare(s, w, i, -1, g, difference(s, s->x[i], from, d));
}

static bool by_input(sp_slope *s, const sp_teller *w, int i)
{
    int64_t n = sp_tensor_size(s->x[i]);
    double *from = sp_alloc_array(n, sizeof *from), *d = sp_alloc_zero(n * (int64_t)sizeof *d);
    bool ok = from && d;

    if (!ok) tell(w, false, sp_error());
    else {
        memcpy(from, s->x[i]->data, (size_t)n * sizeof *from);
        ok = n > MOST_ELEMENTS ? one_direction(s, w, i, from, d) : each_element(s, w, i, from, d);
    }
    sp_release(from);
    sp_release(d);
    return ok;
}

/* The gradient of s->f at x against differences. */
bool sp__slopes_agree(sp_slope *s, const sp_teller *w)
{
    char sentence[1200];
    bool ok = begin(s) && gradient(s);

    if (!ok) {
        const char *said = sp_tape_error(s->tape);
        snprintf(sentence, sizeof sentence, "its %s fails: %s", w->what, said ? said : sp_error());
        tell(w, false, sentence);
    }
    for (int i = 0; ok && i < s->n; i++) ok = by_input(s, w, i);
    end(s);
    return ok;
}

/* ---- functions of the caller's ---- */

typedef struct gradient_of { sp_function *f; void *data; sp_tensor **u; } gradient_of;

/* The sum of u[i] * df/dx[i] over everything. */
static sp_var weighted_gradient(sp_tape *t, int n, const sp_var x[], void *data)
{
    const gradient_of *d = data;
    sp_var *out = sp_alloc_array(n, sizeof *out), sum = { 0 };

    if (!out) return sp_tape_fail(t, "%s", sp_error());
    sp_grad(d->f(t, n, x, d->data), n, x, out, NULL);
    for (int i = 0; i < n; i++) {
        sp_var term = sp_sum(sp_mul(out[i], sp_input(t, d->u[i])));
        sum = i ? sp_add(sum, term) : term;
    }
    sp_release(out);
    return sum;
}

static bool second_agrees(sp_slope s, sp_teller w)
{
    gradient_of d = { s.f, s.data, sp_alloc_zero(s.n * (int64_t)sizeof(sp_tensor *)) };
    bool ok = d.u;

    for (int i = 0; ok && i < s.n; i++) ok = (d.u[i] = sp__weights(s.x[i]->shape, (uint64_t)i));
    if (!ok) tell(&w, false, sp_error());
    s.f = weighted_gradient;
    s.data = &d;
    s.height = 0;
    w.what = "second derivative";
    ok = ok && sp__slopes_agree(&s, &w);
    for (int i = 0; d.u && i < s.n; i++) sp_tensor_free(d.u[i]);
    sp_release(d.u);
    return ok;
}

static bool all_f64(sp_report *r, int n, sp_tensor *const x[])
{
    bool ok = sp__judge(r, n > 0, "function: nothing to differentiate by");

    for (int i = 0; ok && i < n; i++)
        ok = sp__judge(r, x[i] && x[i]->dtype == SP_F64,
                       "function: x[%d] is %s; differences need f64", i,
                       x[i] ? sp_dtype_name(x[i]->dtype) : "NULL");
    return ok;
}

bool sp_check_function(sp_function *f, void *data, int n, sp_tensor *const x[], bool second,
                       double tolerance, sp_report *report)
{
    sp_report own = { 0 }, *r = report ? report : &own;
    sp_slope s = { .f = f, .data = data, .n = n, .x = x, .h = 1e-3, .tolerance = tolerance };
    sp_teller w = { .report = r, .what = "first derivative" };

    if (!all_f64(r, n, x)) return false;
    s.tape = sp_tape_new(NULL);
    bool ok = sp__judge(r, s.tape, "function: %s", sp_error());
    ok = ok && sp__slopes_agree(&s, &w) && (!second || second_agrees(s, w));
    sp_tape_free(s.tape);
    return ok;
}
