/* SPDX-License-Identifier: MIT
 *
 * clip.c - gradients made smaller, by their common norm or one by one.
 */
#include "optim/optim.h"

#include <math.h>

/* Sums run in eight lanes that are added pairwise, whatever the machine: their order is a
   function of the shapes. */
enum { LANES = 8 };

/* |g[i]| ... |g[i+7]|, 0 where fewer are left. */
static void magnitudes(const sp_tensor *g, int64_t i, int64_t left, double y[LANES])
{
    const float  *f = (const float *)g->data + i;
    const double *d = (const double *)g->data + i;

    if (left < LANES)
        for (int l = 0; l < LANES; l++) y[l] = l < left ? fabs(sp_tensor_at(g, i + l)) : 0;
    else if (g->dtype == SP_F32)
        for (int l = 0; l < LANES; l++) y[l] = fabs((double)f[l]);
    else
        for (int l = 0; l < LANES; l++) y[l] = fabs(d[l]);
}

static double larger(double a, double b) { return a > b || isnan(a) ? a : b; }

/* What |g| adds to the norm before the root; for the largest element there is none. */
static void join(double sum[LANES], const double y[LANES], double p)
{
    if (p == 2)
        for (int l = 0; l < LANES; l++) sum[l] += y[l] * y[l];
    else if (p == 1)
        for (int l = 0; l < LANES; l++) sum[l] += y[l];
    else if (isinf(p))
        for (int l = 0; l < LANES; l++) sum[l] = larger(sum[l], y[l]);
    else
        for (int l = 0; l < LANES; l++) sum[l] += pow(y[l], p);
}

static double part(const sp_tensor *g, double p)
{
    double  sum[LANES] = { 0 }, y[LANES];
    int64_t n = sp_tensor_size(g);

    for (int64_t i = 0; i < n; i += LANES) {
        magnitudes(g, i, n - i, y);
        join(sum, y, p);
    }
    for (int half = LANES / 2; half > 0; half /= 2)
        for (int l = 0; l < half; l++)
            sum[l] = isinf(p) ? larger(sum[l], sum[l + half]) : sum[l] + sum[l + half];
    return sum[0];
}

static double norm(const sp_params *params, double p)
{
    double sum = 0;

    for (int64_t i = 0; i < sp_params_count(params); i++) {
        const sp_param *x = sp_params_at(params, i);
        if (!x->has_grad) continue;
        double s = part(&x->grad, p);
        sum = isinf(p) ? larger(sum, s) : sum + s;
    }
    return p == 2 ? sqrt(sum) : p == 1 || isinf(p) ? sum : pow(sum, 1 / p);
}

static void scale(sp_tensor *g, double by)
{
    int64_t n = sp_tensor_size(g);
    float  *f = g->data, b = (float)by;
    double *d = g->data;

    if (g->dtype == SP_F32)
        for (int64_t i = 0; i < n; i++) f[i] *= b;
    else
        for (int64_t i = 0; i < n; i++) d[i] *= by;
}

double sp_clip_grad_norm_p(sp_params *params, double max_norm, double p)
{
    bool fine = params && max_norm >= 0 && p > 0;

    if (!fine) {
        sp_fail("sp_clip_grad_norm: %s; max_norm is %g, p is %g",
                params ? "a norm is positive" : "there are no parameters", max_norm, p);
        return (double)NAN;
    }
    double total = norm(params, p), coefficient = max_norm / (total + 1e-6);
    if (isinf(max_norm) || coefficient >= 1) return total;
    for (int64_t i = 0; i < sp_params_count(params); i++) {
        sp_param *x = sp_params_at(params, i);
        if (x->has_grad) scale(&x->grad, coefficient);
    }
    return total;
}

double sp_clip_grad_norm(sp_params *params, double max_norm)
{
    return sp_clip_grad_norm_p(params, max_norm, 2);
}

/* Comparisons so that NaN passes. */
static void clamp(sp_tensor *g, double max)
{
    for (int64_t i = 0; i < sp_tensor_size(g); i++) {
        double y = sp_tensor_at(g, i);
        if (y > max)  sp_tensor_set(g, i, max);
        if (y < -max) sp_tensor_set(g, i, -max);
    }
}

bool sp_clip_grad_value(sp_params *params, double max)
{
    if (!params) return sp_fail("sp_clip_grad_value: there are no parameters");
    if (!(max >= 0)) return sp_fail("sp_clip_grad_value: max is %g", max);
    for (int64_t i = 0; i < sp_params_count(params); i++) {
        sp_param *x = sp_params_at(params, i);
        if (x->has_grad) clamp(&x->grad, max);
    }
    return true;
}
