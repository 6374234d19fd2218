/* SPDX-License-Identifier: MIT
 *
 * pooling_samples - pooling window by window over all of x, and inputs to try it on.
 */
#include <math.h>
#include "autograd/ops/pooling.h"

/* ---- references ---- */

/* How window p and element i of a plane meet: 1 if the window sees it. */
static bool sees(const sp_pool_attr *at, sp_shape x, sp_shape y, int64_t p, int64_t i)
{
    const sp_window *w = &at->window;

    for (int d = (int)w->axes - 1; d >= 0; d--) {
        int64_t offset = i % x.dim[d + 2] + w->before[d] - p % y.dim[d + 2] * w->stride[d];
        if (offset < 0 || offset % w->dilation[d] || offset / w->dilation[d] >= w->size[d])
            return false;
        i /= x.dim[d + 2], p /= y.dim[d + 2];
    }
    return true;
}

static int64_t plane(sp_shape s)
{
    int64_t n = 1;
    for (int64_t d = 2; d < s.rank; d++) n *= s.dim[d];
    return n;
}

/* The taps of window p that lie in x or in the padding. */
static double divisor(const sp_pool_attr *at, sp_shape x, sp_shape y, int64_t p)
{
    const sp_window *w = &at->window;
    double all = 1;

    for (int d = (int)w->axes - 1; d >= 0; d--) {
        int64_t from = p % y.dim[d + 2] * w->stride[d], count = 0;
        for (int64_t k = 0; k < w->size[d]; k++)
            count += from + k * w->dilation[d] < x.dim[d + 2] + w->before[d] + w->after[d];
        all *= (double)count;
        p /= y.dim[d + 2];
    }
    return all;
}

static double largest(const sp_pool_attr *at, const sp_operand *x, sp_shape y, int64_t k)
{
    int64_t n = plane(x->shape), m = plane(y);
    double top = -(double)INFINITY;

    for (int64_t i = 0; i < n; i++)
        if (sees(at, x->shape, y, k % m, i)) top = fmax(top, ((double *)x->data)[k / m * n + i]);
    return top;
}

void sp__max_pool_reference(const sp_args *a)
{
    for (int64_t k = 0; k < sp_shape_size(a->y.shape); k++)
        ((double *)a->y.data)[k] = largest(a->attr, &a->x[0], a->y.shape, k);
}

/* Window k's ties: to each its share of g (slope), or their mean of h (pick). */
static void ties(const sp_args *a, const sp_operand *like_x, const sp_operand *y, int64_t k,
                 bool slope)
{
    const sp_operand *x = &a->x[0];
    int64_t n = plane(x->shape), m = plane(y->shape), count = 0;
    double top = largest(a->attr, x, y->shape, k), *v = (double *)like_x->data + k / m * n;
    double *w = (double *)y->data + k, sum = 0;

    for (int pass = 0; pass < 2; pass++)
        for (int64_t i = 0; i < n; i++) {
            if (!sees(a->attr, x->shape, y->shape, k % m, i)) continue;
            if (((const double *)x->data)[k / m * n + i] != top) continue;
            if (pass == 0) count++, sum += v[i];
            else if (slope) v[i] += *w / (double)count;
        }
    if (!slope) *w = sum / (double)count;
}

void sp__max_pool_slope_reference(const sp_args *a)
{
    for (int64_t i = 0; i < sp_shape_size(a->y.shape); i++) ((double *)a->y.data)[i] = 0;
    for (int64_t k = 0; k < sp_shape_size(a->x[1].shape); k++)
        ties(a, &a->y, &a->x[1], k, true);
}

void sp__max_pool_pick_reference(const sp_args *a)
{
    for (int64_t k = 0; k < sp_shape_size(a->y.shape); k++) ties(a, &a->x[1], &a->y, k, false);
}

/* How much of element i of x is in element k of y. */
static double part(const sp_pool_attr *at, sp_shape x, sp_shape y, int64_t i, int64_t k)
{
    int64_t n = plane(x), m = plane(y), seen = 0;

    if (i / n != k / m || !sees(at, x, y, k % m, i % n)) return 0;
    for (int64_t j = 0; j < n; j++) seen += sees(at, x, y, k % m, j);
    return 1 / (at->inside ? (double)seen : divisor(at, x, y, k % m));
}

static void parts(const sp_args *a, const sp_operand *x, const sp_operand *y, bool back)
{
    int64_t n = sp_shape_size(x->shape), m = sp_shape_size(y->shape);
    double *from = back ? y->data : x->data, *to = back ? x->data : y->data;

    for (int64_t i = 0; i < (back ? n : m); i++) to[i] = 0;
    for (int64_t i = 0; i < n; i++)
        for (int64_t k = 0; k < m; k++)
            to[back ? i : k] += part(a->attr, x->shape, y->shape, i, k) * from[back ? k : i];
}

void sp__mean_pool_reference(const sp_args *a)       { parts(a, &a->x[0], &a->y, false); }
void sp__mean_pool_slope_reference(const sp_args *a) { parts(a, &a->y, &a->x[0], true); }

/* ---- samples ---- */

#define AT(n_axes, ...) .attr = &(sp_pool_attr){ .window = { .axes = n_axes, __VA_ARGS__ } }
#define UP(n_axes, ...) \
    .attr = &(sp_pool_attr){ .ceil = 1, .window = { .axes = n_axes, __VA_ARGS__ } }
#define IN(n_axes, ...) \
    .attr = &(sp_pool_attr){ .inside = 1, .window = { .axes = n_axes, __VA_ARGS__ } }
#define OF(n, ...) \
    .attr = &(sp_pool_attr){ .of = { n }, .window = { .axes = 1, __VA_ARGS__ } }
#define ONE   .stride = { 1 }, .dilation = { 1 }
#define TWO   .stride = { 1, 1 }, .dilation = { 1, 1 }
#define TWOS  .stride = { 2, 2 }, .dilation = { 1, 1 }
#define PAIRS .stride = { 2 }, .dilation = { 1 }

#define REFUSALS                                                                    \
    { .in = "2x3x6", AT(1, ONE), .fails = "0 taps along spatial axis 0" },          \
    { .in = "2x3x6", AT(1, ONE, .size = { 7 }), .fails = "7 taps, dilation 1, is longer" }, \
    { .in = "2x3x6", AT(1, ONE, .size = { 3 }, .before = { 2 }),                    \
      .fails = "padding along spatial axis 0 is more than half of the window's 3 taps" }, \
    { .in = "2x3x6", AT(1, .dilation = { 1 }, .size = { 3 }), .fails = "stride along" }, \
    { .in = "2x3x6", AT(2, TWO, .size = { 3, 3 }), .fails = "need rank 4, not 3" }, \
    { .in = "2x3x0", AT(1, ONE, .size = { 2 }, .before = { 1 }, .after = { 1 }),    \
      .fails = "spatial axis 0 has no elements" },                                  \
    { .in = "2x3x6:i32", AT(1, ONE, .size = { 2 }), .fails = "needs f32 or f64" }, { 0 }

const sp_sample sp__max_pool_samples[] = {
    { .in = "2x3x6", AT(1, ONE, .size = { 2 }), .apart = true },
    { .in = "2x2x7", AT(1, PAIRS, .size = { 3 }, .before = { 1 }, .after = { 1 }), .apart = true },
    { .in = "2x2x6", UP(1, PAIRS, .size = { 3 }), .apart = true },
    { .in = "1x2x9", AT(1, .stride = { 2 }, .dilation = { 3 }, .size = { 2 }), .apart = true },
    { .in = "2x2x4x5", -9, 9, AT(2, TWOS, .size = { 2, 3 }, .before = { 1, 1 }, .after = { 0, 1 }),
      .apart = true },
    { .in = "1x1x3x3x3", AT(3, .stride = { 1, 1, 1 }, .dilation = { 1, 1, 1 },
                            .size = { 2, 2, 2 }), .apart = true },
    { .in = "2x20x4", -9, 9, AT(1, ONE, .size = { 4 }), .apart = true },
    { .in = "0x3x6", AT(1, ONE, .size = { 2 }) }, { .in = "2x0x6", AT(1, ONE, .size = { 2 }) },
    REFUSALS,
};
const sp_sample sp__max_pool_slope_samples[] = {
    { .in = "2x3x6 2x3x5", -9, 9, AT(1, ONE, .size = { 2 }), .apart = true },
    { .in = "2x2x7 2x2x4", -9, 9, AT(1, PAIRS, .size = { 3 }, .before = { 1 }, .after = { 1 }),
      .apart = true },
    { .in = "1x2x9 1x2x3", AT(1, .stride = { 2 }, .dilation = { 3 }, .size = { 2 }),
      .apart = true },
    { .in = "1x1x4x5 1x1x2x3", AT(2, TWOS, .size = { 2, 3 }, .before = { 1, 1 }, .after = { 0, 1 }),
      .apart = true },
    { .in = "2x3x6 2x3x5", 1, 1, AT(1, ONE, .size = { 2 }), .no_slope = true },
    { .in = "0x3x6 0x3x5", AT(1, ONE, .size = { 2 }) },
    { .in = "2x3x6 2x3x6", AT(1, ONE, .size = { 2 }), .fails = "[2,3,6] would give [2,3,5]" },
    { .in = "2x3x6 2x3x5", AT(1, ONE), .fails = "0 taps" }, { 0 },
};
const sp_sample sp__max_pool_pick_samples[] = {
    { .in = "2x3x6 2x3x6", -9, 9, AT(1, ONE, .size = { 2 }), .apart = true },
    { .in = "2x2x7 2x2x7", -9, 9, AT(1, PAIRS, .size = { 3 }, .before = { 1 }, .after = { 1 }),
      .apart = true },
    { .in = "1x1x4x5 1x1x4x5", AT(2, TWOS, .size = { 2, 3 }, .before = { 1, 1 }, .after = { 0, 1 }),
      .apart = true },
    { .in = "2x3x6 2x3x6", 1, 1, AT(1, ONE, .size = { 2 }), .no_slope = true },
    { .in = "0x3x6 0x3x6", AT(1, ONE, .size = { 2 }) },
    { .in = "2x3x6 2x3x5", AT(1, ONE, .size = { 2 }), .fails = "the shapes differ" },
    { .in = "2x3x6 2x3x6", AT(1, ONE), .fails = "0 taps" }, { 0 },
};
const sp_sample sp__mean_pool_samples[] = {
    { .in = "2x3x6", AT(1, ONE, .size = { 2 }) },
    { .in = "2x2x7", AT(1, PAIRS, .size = { 3 }, .before = { 1 }, .after = { 1 }) },
    { .in = "2x2x7", IN(1, PAIRS, .size = { 3 }, .before = { 1 }, .after = { 1 }) },
    { .in = "2x2x6", UP(1, PAIRS, .size = { 3 }) },
    { .in = "2x2x6", UP(1, PAIRS, .size = { 3 }, .before = { 1 }) },
    { .in = "2x2x4x5", AT(2, TWOS, .size = { 2, 3 }, .before = { 1, 1 }, .after = { 0, 1 }) },
    { .in = "1x1x3x3x3", AT(3, .stride = { 1, 1, 1 }, .dilation = { 1, 1, 1 },
                            .size = { 2, 2, 2 }) },
    { .in = "0x3x6", AT(1, ONE, .size = { 2 }) }, { .in = "2x0x6", AT(1, ONE, .size = { 2 }) },
    REFUSALS,
};
const sp_sample sp__mean_pool_slope_samples[] = {
    { .in = "2x3x5", OF(6, ONE, .size = { 2 }) },
    { .in = "2x2x4", OF(7, PAIRS, .size = { 3 }, .before = { 1 }, .after = { 1 }) },
    { .in = "2x2x3", .attr = &(sp_pool_attr){ .inside = 1, .ceil = 1, .of = { 6 }, .window = {
                                 .axes = 1, PAIRS, .size = { 3 }, .before = { 1 } } } },
    { .in = "0x3x5", OF(6, ONE, .size = { 2 }) },
    { .in = "2x3x5", OF(7, ONE, .size = { 2 }), .fails = "[2,3,7] would give [2,3,6]" },
    { .in = "2x3x5", OF(-1, ONE, .size = { 2 }), .fails = "-1" }, { 0 },
};
