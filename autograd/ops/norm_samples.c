/* SPDX-License-Identifier: MIT
 *
 * norm_samples - normalizations element by element, and inputs to try them on.
 */
#include <math.h>
#include "autograd/ops/norm.h"

/* ---- references ---- */

/* Element i of x belongs to group i / step % groups, and has gamma and beta number
   i / inner % many. */
typedef struct plan { int64_t step, groups, inner, many; bool raw; } plan;

static double mean_of(const sp_args *a, const plan *p, int64_t i, double off, bool square)
{
    const double *x = a->x[0].data;
    double sum = 0, count = 0;

    for (int64_t k = 0; k < sp_shape_size(a->x[0].shape); k++) {
        if (k / p->step % p->groups != i / p->step % p->groups) continue;
        sum += square ? (x[k] - off) * (x[k] - off) : x[k];
        count++;
    }
    return sum / count;
}

static void reference(const sp_args *a, const plan *p)
{
    for (int64_t i = 0; i < sp_shape_size(a->y.shape); i++) {
        double mean = p->raw ? 0 : mean_of(a, p, i, 0, false);
        double y = (((const double *)a->x[0].data)[i] - mean)
                 / sqrt(mean_of(a, p, i, mean, true) + a->scalar[0]);
        if (a->n > 1) y *= ((const double *)a->x[1].data)[i / p->inner % p->many];
        if (a->n > 2) y += ((const double *)a->x[2].data)[i / p->inner % p->many];
        ((double *)a->y.data)[i] = y;
    }
}

static void rows_reference(const sp_args *a, bool raw)
{
    sp_normed s = sp__last_axes(a->x[0].shape, ((const sp_norm_attr *)a->attr)->count);
    reference(a, &(plan){ s.channels, s.outer, 1, s.channels, raw });
}

void sp__layer_norm_reference(const sp_args *a) { rows_reference(a, false); }
void sp__rms_norm_reference(const sp_args *a)   { rows_reference(a, true); }

void sp__group_norm_reference(const sp_args *a)
{
    sp_normed s = sp__by_channel(a->x[0].shape);
    int64_t groups = ((const sp_norm_attr *)a->attr)->count;
    reference(a, &(plan){ s.channels / groups * s.inner, s.outer * groups, s.inner, s.channels,
                          false });
}

void sp__batch_norm_reference(const sp_args *a)
{
    sp_normed s = sp__by_channel(a->x[0].shape);
    reference(a, &(plan){ s.inner, s.channels, s.inner, s.channels, false });
}

/* The sum over j of g[j] dy[j]/dx[i], with dy[j]/dx[i] = s ((i = j) - 1/n - xn[i] xn[j] / n). */
void sp__layer_norm_slope_reference(const sp_args *a)
{
    const sp_norm_attr *at = a->attr;
    int64_t n = sp__last_axes(a->x[0].shape, at->count).channels;
    plan p = { n, sp_shape_size(a->y.shape), 1, 1, at->raw };
    const double *x = a->x[0].data, *g = a->x[1].data;

    for (int64_t i = 0; i < sp_shape_size(a->y.shape); i++) {
        double mean = p.raw ? 0 : mean_of(a, &p, i, 0, false), sum = 0;
        double s = 1 / sqrt(mean_of(a, &p, i, mean, true) + a->scalar[0]);
        for (int64_t j = i / n * n; j < i / n * n + n; j++)
            sum += g[j] * s * ((i == j) - (p.raw ? 0 : 1. / (double)n)
                               - s * s * (x[i] - mean) * (x[j] - mean) / (double)n);
        ((double *)a->y.data)[i] = sum;
    }
}

/* ---- samples ---- */

#define OVER(count) .attr = &(sp_norm_attr){ count, 0 }, .scalar = { .1 }
#define RAW(count)  .attr = &(sp_norm_attr){ count, 1 }, .scalar = { .1 }
const sp_sample sp__layer_norm_samples[] = {
    { .in = "3x5", OVER(1) }, { .in = "3x5 5", OVER(1) }, { .in = "3x5 5 5", OVER(1) },
    { .in = "2x3x4 3x4 3x4", OVER(2) }, { .in = "2x2x3 3 3", OVER(1) }, { .in = "6 6 6", OVER(1) },
    { .in = "2x37 37 37", OVER(1) }, { .in = "2x150", OVER(1) },
    { .in = "4x1 1 1", OVER(1), .no_slope = true },
    { .in = "2x3 3", .attr = &(sp_norm_attr){ 1, 0 }, .scalar = { 0 }, .apart = true },
    { .in = "0x5 5 5", OVER(1) }, { .in = "3x0 0 0", OVER(1) }, { .in = "2x0x4 0x4", OVER(2) },
    { .in = "3x5 4", OVER(1), .fails = "its gamma needs shape [5]" },
    { .in = "3x5 5 1", OVER(1), .fails = "its beta needs shape [5]" },
    { .in = "3x5 5 5", OVER(2), .fails = "its gamma needs shape [3,5]" },
    { .in = "3x5 5 5 5", OVER(1), .fails = "it takes x, gamma and beta, not 4 operands" },
    { .in = "3x5", OVER(3), .fails = "rank 2 has no 3 last axes" },
    { .in = "3x5", OVER(0), .fails = "rank 2 has no 0 last axes" },
    { .in = ".", OVER(1), .fails = "rank 0 has no 1 last axes" },
    { .in = "3x5", .attr = &(sp_norm_attr){ 1, 0 }, .scalar = { -1 }, .fails = "its eps is -1" },
    { .in = "3x5", .attr = &(sp_norm_attr){ 1, 0 }, .scalar = { (double)NAN },
      .fails = "nan, not 0 or more" },
    { .in = "3x5:i32", OVER(1), .fails = "needs f32 or f64" }, { 0 },
};
const sp_sample sp__rms_norm_samples[] = {
    { .in = "3x5", OVER(1) }, { .in = "3x5 5", OVER(1) }, { .in = "2x3x4 3x4", OVER(2) },
    { .in = "2x37 37", OVER(1) }, { .in = "4x1 1", OVER(1) }, { .in = "0x5 5", OVER(1) },
    { .in = "3x0 0", OVER(1) },
    { .in = "3x5 5 5", OVER(1), .fails = "it takes x and gamma, not 3 operands" },
    { .in = "3x5 4", OVER(1), .fails = "its gamma needs shape [5]" },
    { .in = "3x5", OVER(3), .fails = "rank 2 has no 3 last axes" }, { 0 },
};
const sp_sample sp__layer_norm_slope_samples[] = {
    { .in = "3x5 3x5", OVER(1) }, { .in = "3x5 3x5", RAW(1) }, { .in = "2x3x4 2x3x4", OVER(2) },
    { .in = "2x37 2x37", OVER(1) }, { .in = "2x70 2x70", RAW(1) }, { .in = "0x5 0x5", OVER(1) },
    { .in = "3x0 3x0", OVER(1) },
    { .in = "3x5 5", OVER(1), .fails = "the shapes differ" },
    { .in = "3x5 3x5", OVER(3), .fails = "rank 2 has no 3 last axes" }, { 0 },
};
const sp_sample sp__group_norm_samples[] = {
    { .in = "2x4x3", OVER(2) }, { .in = "2x4x3 4", OVER(2) }, { .in = "2x4x3 4 4", OVER(2) },
    { .in = "2x6 6 6", OVER(3) }, { .in = "1x2x3x4 2 2", OVER(1) }, { .in = "2x2x37 2 2", OVER(2) },
    { .in = "0x4x3 4 4", OVER(2) }, { .in = "2x4x0 4 4", OVER(2) }, { .in = "2x0x3 0 0", OVER(2) },
    { .in = "2x4x3", OVER(3), .fails = "its 4 channels do not fall into 3 groups" },
    { .in = "2x4x3", OVER(0), .fails = "do not fall into 0 groups" },
    { .in = "2x4x3 3", OVER(2), .fails = "its gamma needs shape [4]" },
    { .in = "4", OVER(2), .fails = "x needs rank 2 or more" }, { 0 },
};
const sp_sample sp__batch_norm_samples[] = {
    { .in = "2x4x3", OVER(0) }, { .in = "2x4x3 4", OVER(0) }, { .in = "2x4x3 4 4", OVER(0) },
    { .in = "7x3 3 3", OVER(0) }, { .in = "2x2x3x2 2 2", OVER(0) }, { .in = "2x2x37 2 2", OVER(0) },
    { .in = "0x4x3 4 4", OVER(0) }, { .in = "2x0x3 0 0", OVER(0) }, { .in = "2x4x0 4 4", OVER(0) },
    { .in = "2x4x3 3", OVER(0), .fails = "its gamma needs shape [4]" },
    { .in = "4", OVER(0), .fails = "x needs rank 2 or more" },
    { .in = "2x4", .attr = &(sp_norm_attr){ 0, 0 }, .scalar = { -1 }, .fails = "its eps is -1" },
    { 0 },
};
