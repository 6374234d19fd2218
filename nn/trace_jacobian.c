/* SPDX-License-Identifier: MIT
 *
 * trace_jacobian - the largest singular value of a step's Jacobian.
 *
 * A step leaves samples apart, so J is one block per sample.  One product with J and one with J'
 * bring every sample's own vector nearer to its own first singular vector; of length 1 before each
 * product, numbers keep the scale of J, not of its square.
 */
#include "nn/trace_parts.h"

#include <math.h>
#include "autograd/grad.h"
#include "autograd/show/steps.h"
#include "tensor/alloc.h"

double sp__norm_of(const sp_tensor *x, int64_t first, int64_t n)
{
    double most = 0, sum = 0;

    for (int64_t i = first; i < first + n; i++) {
        const double a = fabs(sp_tensor_at(x, i));
        if (!(a <= most)) most = a;
        if (isnan(a)) return a;
    }
    if (most == 0 || isinf(most)) return most;
    for (int64_t i = first; i < first + n; i++) {
        const double a = sp_tensor_at(x, i) / most;
        sum += a * a;
    }
    return most * sqrt(sum);
}

bool sp__counts(sp_counted c, int64_t sample)
{
    return !c.valid || sp_tensor_at(c.valid, c.t * c.valid->shape.dim[1] + sample) != 0;
}

/* One vector per sample, as the states that it is of. */
typedef struct power {
    sp_tape      *t;
    int           n;
    const sp_var *to, *from;
    sp_counted    counted;
    int64_t       B;
    sp_tensor    *v[SP_STEPS_STATES];
    double       *sigma;             /* of each sample */
} power;

static int64_t width(const sp_tensor *x, int64_t B) { return B > 0 ? sp_tensor_size(x) / B : 0; }

/* Each sample's v by its own length.  Returns whether no length is new: all still there. */
static bool normalise(power *p, double still)
{
    bool same = true;

    for (int64_t b = 0; b < p->B; b++) {
        double length = 0;
        for (int k = 0; k < p->n; k++) {
            const int64_t w = width(p->v[k], p->B);
            length = hypot(length, sp__norm_of(p->v[k], b * w, w));
        }
        for (int k = 0; k < p->n; k++)
            for (int64_t w = width(p->v[k], p->B), i = b * w; i < (b + 1) * w && length != 0; i++)
                sp_tensor_set(p->v[k], i, sp_tensor_at(p->v[k], i) / length);
        same = same && !(fabs(length - p->sigma[b]) > still * length);
        p->sigma[b] = length;
    }
    return same;
}

/* Random, but 0 where a sample does not count. */
static bool start(power *p)
{
    for (int k = 0; k < p->n; k++) {
        sp_tensor *v = sp_tensor_new(sp_var_dtype(p->from[k]), sp_var_shape(p->from[k]));
        p->v[k] = v;
        if (!v || !sp_tensor_normal(v, (sp_random){ .stream = (uint64_t)k }, 0, 1)) return false;
        for (int64_t i = 0, w = width(v, p->B); i < p->B * w; i++)
            if (!sp__counts(p->counted, i / w)) sp_tensor_set(v, i, 0);
    }
    normalise(p, 0);
    return true;
}

/* v <- y */
static bool take(power *p, const sp_var y[])
{
    bool ok = sp_eval(p->n, y);

    for (int k = 0; ok && k < p->n; k++) {
        sp_tensor *next = sp_export(y[k]);
        ok = next != NULL;
        if (ok) sp_tensor_free(p->v[k]), p->v[k] = next;
    }
    return ok;
}

/* v <- J'u / |J'u| for u = J v / |J v|, sample by sample; sigma <- |J'u|. */
static bool iterate(power *p, double still, bool *same)
{
    const int n = p->n;
    sp_var in[SP_STEPS_STATES], out[SP_STEPS_STATES];
    const sp_probe here = sp__probe_begin(p->t, false);

    for (int k = 0; k < n; k++) in[k] = sp_input(p->t, p->v[k]);
    bool ok = sp__jvp(n, p->to, n, p->from, n, in, out) && take(p, out);
    if (ok) normalise(p, 0);
    for (int k = 0; k < n; k++) in[k] = sp_input(p->t, p->v[k]);
    ok = ok && sp__vjp(n, p->to, in, n, p->from, n, out) && take(p, out);
    if (ok) *same = normalise(p, still);
    sp__probe_end(p->t, &here);
    return ok;
}

/* The largest sigma; NaN if one is, or none counts. */
static double largest(const power *p)
{
    double most = NAN;

    for (int64_t b = 0; b < p->B; b++) {
        if (!sp__counts(p->counted, b)) continue;
        if (isnan(p->sigma[b])) return NAN;
        most = fmax(most, p->sigma[b]);
    }
    return most;
}

bool sp__jacobian_norm(int n, const sp_var to[], const sp_var from[], sp_counted counted,
                       int iterations, double *sigma)
{
    power p = { from[0].tape, n, to, from, counted, sp_var_dim(from[0], 0), { NULL }, NULL };
    const double still = sp_var_dtype(from[0]) == SP_F32 ? 1e-6 : 1e-10;
    bool same = false;

    p.sigma = sp_alloc_zero(p.B * (int64_t)sizeof *p.sigma);
    bool ok = p.sigma && start(&p);
    for (int i = 0; ok && !same && i < iterations; i++) ok = iterate(&p, still, &same);
    *sigma = ok ? largest(&p) : NAN;
    for (int k = 0; k < SP_STEPS_STATES; k++) sp_tensor_free(p.v[k]);
    sp_release(p.sigma);
    return ok;
}
