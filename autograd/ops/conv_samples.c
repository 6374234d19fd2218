/* SPDX-License-Identifier: MIT
 *
 * conv_samples - convolutions as sums over all indices, and inputs to try them on.
 */
#include "autograd/ops/conv.h"

/* ---- references ---- */

/* Add every product that an element of y is the sum of, or that x or w is: one loop over all
   combinations of n, o, c, p, k, whatever is the result. */
typedef void product(double *x, double *w, double *y);

static void each_product(const sp_conv_attr *at, const sp_operand *ox, const sp_operand *ow,
                         const sp_operand *oy, product *f)
{
    sp_shape x = ox->shape, w = ow->shape, y = oy->shape;
    sp_windows s = sp__windows(&at->window, x, y, w.dim + 2);
    int64_t total = sp_shape_size(y) * w.dim[1] * s.n_taps;

    for (int64_t i = 0; i < total; i++) {
        int64_t p[3], k[3], rest = i / s.n_taps, tap = i % s.n_taps, from = 0;
        int64_t c = rest % w.dim[1], at_y = rest / w.dim[1];
        int64_t o = at_y / s.n_y % y.dim[1], n = at_y / s.n_y / y.dim[1];
        bool inside = true;
        sp__split3(at_y % s.n_y, s.y, p);
        sp__split3(tap, s.taps, k);
        for (int d = 0; d < 3; d++) {
            int64_t in = p[d] * s.stride[d] + k[d] * s.dilation[d] - s.before[d];
            inside &= in >= 0 && in < s.x[d];
            from = from * s.x[d] + in;
        }
        int64_t channel = o / (y.dim[1] / at->groups) * w.dim[1] + c;
        if (inside)
            f((double *)ox->data + (n * x.dim[1] + channel) * s.n_x + from,
              (double *)ow->data + (o * w.dim[1] + c) * s.n_taps + tap,
              (double *)oy->data + at_y);
    }
}

static void to_y(double *x, double *w, double *y) { *y += *w * *x; }
static void to_x(double *x, double *w, double *y) { *x += *w * *y; }
static void to_w(double *x, double *w, double *y) { *w += *y * *x; }

static void zero(const sp_operand *o)
{
    for (int64_t i = 0; i < sp_shape_size(o->shape); i++) ((double *)o->data)[i] = 0;
}

void sp__conv_reference(const sp_args *a)
{
    zero(&a->y);
    each_product(a->attr, &a->x[0], &a->x[1], &a->y, to_y);
}

void sp__conv_transpose_reference(const sp_args *a)
{
    zero(&a->y);
    each_product(a->attr, &a->y, &a->x[1], &a->x[0], to_x);
}

void sp__conv_weight_reference(const sp_args *a)
{
    zero(&a->y);
    each_product(a->attr, &a->x[0], &a->y, &a->x[1], to_w);
}

/* ---- samples ---- */

#define AT(n_groups, n_axes, ...)                                                   \
    .attr = &(sp_conv_attr){ .groups = n_groups, .window = { .axes = n_axes, __VA_ARGS__ } }
#define ONE .stride = { 1 }, .dilation = { 1 }
#define TWO .stride = { 1, 1 }, .dilation = { 1, 1 }
#define THREE .stride = { 1, 1, 1 }, .dilation = { 1, 1, 1 }

const sp_sample sp__conv_samples[] = {
    { .in = "2x3x6 4x3x2", AT(1, 1, ONE) },
    { .in = "2x4x7 6x2x3", AT(2, 1, .stride = { 2 }, .dilation = { 1 }, .before = { 1 },
                              .after = { 1 }) },
    { .in = "1x2x8 3x2x3", AT(1, 1, .stride = { 1 }, .dilation = { 2 }, .before = { 4 }) },
    { .in = "2x3x5 2x3x1", AT(1, 1, ONE) },
    { .in = "2x2x3x4 2x2x1x1", AT(1, 2, TWO) },
    { .in = "1x3x5 3x1x2", AT(3, 1, ONE) },
    { .in = "2x2x4x5 3x2x2x3", AT(1, 2, TWO) },
    { .in = "1x2x5x6 2x1x3x2",
      AT(2, 2, .stride = { 2, 1 }, .dilation = { 1, 2 }, .before = { 1, 2 }, .after = { 0, 1 }) },
    { .in = "1x1x3x3x3 2x1x2x2x2", AT(1, 3, THREE) },
    { .in = "1x2x2 2x2x4", AT(1, 1, .stride = { 1 }, .dilation = { 1 }, .before = { 1 },
                              .after = { 1 }) },
    { .in = "0x3x6 4x3x2", AT(1, 1, ONE) }, { .in = "2x0x6 4x0x2", AT(1, 1, ONE) },
    { .in = "2x3x6 0x3x2", AT(1, 1, ONE) },
    { .in = "1x2x0 2x2x2", AT(1, 1, .stride = { 1 }, .dilation = { 1 }, .before = { 2 }) },
    { .in = "2x3x6 4x2x2", AT(1, 1, ONE),
      .fails = "3 channels in each of 1 groups, but w takes 2" },
    { .in = "2x3x6 4x3x2", AT(2, 1, ONE), .fails = "3 input channels do not fall into 2 groups" },
    { .in = "2x4x6 3x2x2", AT(2, 1, ONE), .fails = "3 output channels do not fall into 2 groups" },
    { .in = "2x4x6 4x4x2", AT(0, 1, ONE), .fails = "do not fall into 0 groups" },
    { .in = "2x3x4 4x3x5", AT(1, 1, ONE), .fails = "window of 5 taps, dilation 1, is longer than "
      "the 4 elements, padding included, of spatial axis 0" },
    { .in = "2x3x4 4x3x0", AT(1, 1, ONE), .fails = "0 taps along spatial axis 0" },
    { .in = "2x3x4 4x3x2", AT(1, 1, .dilation = { 1 }),
      .fails = "stride along spatial axis 0 is 0, not within [1," },
    { .in = "2x3x4 4x3x2", AT(1, 1, .stride = { 1 }),
      .fails = "dilation along spatial axis 0 is 0" },
    { .in = "2x3x4 4x3x2", AT(1, 1, ONE, .before = { -1 }),
      .fails = "padding along spatial axis 0 is -1, not within [0," },
    { .in = "2x3x4 4x3x2", AT(1, 1, ONE, .after = { 1ll << 40 }), .fails = "padding behind" },
    { .in = "2x3x4 4x3x2", AT(1, 1, .stride = { 1 }, .dilation = { INT32_MAX }),
      .fails = "dilation 2147483647, is longer" },
    { .in = "2x3x4x4 4x3x2x2", AT(1, 1, ONE), .fails = "need rank 3, not 4" },
    { .in = "2x3x4 4x3", AT(1, 1, ONE), .fails = "need rank 3, not 2" },
    { .in = "2x3x4 4x3x2", AT(1, 4, ONE), .fails = "1 to 3 axes, not 4" },
    { .in = "2x3x4:i32 4x3x2:i32", AT(1, 1, ONE), .fails = "needs f32 or f64" }, { 0 },
};

#define MORE(m, n_groups, n_axes, ...)                                              \
    .attr = &(sp_conv_attr){ .groups = n_groups, .window = { .axes = n_axes, __VA_ARGS__ }, \
                             .more = { m } }
const sp_sample sp__conv_transpose_samples[] = {
    { .in = "2x3x4 3x2x3", AT(1, 1, ONE) },
    { .in = "2x4x3 4x3x3", MORE(1, 2, 1, .stride = { 2 }, .dilation = { 1 }, .before = { 1 }) },
    { .in = "1x2x4 2x2x3", AT(1, 1, .stride = { 1 }, .dilation = { 2 }, .before = { 3 },
                              .after = { 1 }) },
    { .in = "2x3x5 3x2x1", AT(1, 1, ONE) },
    { .in = "1x2x4 2x1x2", MORE(2, 1, 1, .stride = { 3 }, .dilation = { 1 }, .before = { 2 },
                                .after = { 2 }) },
    { .in = "2x2x3x2 2x3x2x3", AT(1, 2, TWO) },
    { .in = "1x2x3x3 2x1x3x2", AT(2, 2, .stride = { 2, 1 }, .dilation = { 1, 2 },
                                  .before = { 1, 1 }, .after = { 0, 1 }) },
    { .in = "1x2x2x2x2 2x1x2x2x2", AT(1, 3, THREE) },
    { .in = "0x3x4 3x2x3", AT(1, 1, ONE) }, { .in = "2x0x4 0x2x3", AT(1, 1, ONE) },
    { .in = "2x3x4 3x0x3", AT(1, 1, ONE) },
    { .in = "2x3x4 4x2x3", AT(1, 1, ONE), .fails = "its input has 3 channels, but w takes 4" },
    { .in = "2x3x4 3x2x3", AT(2, 1, ONE), .fails = "3 output channels do not fall into 2 groups" },
    { .in = "2x3x4 3x2x3", AT(-1, 1, ONE), .fails = "" },
    { .in = "2x3x4 3x2x3", MORE(1, 1, 1, ONE), .fails = "output padding along spatial axis 0 is 1, "
      "not within [0,1)" },
    { .in = "2x3x4 3x2x3", AT(1, 1, ONE, .before = { 4 }, .after = { 4 }),
      .fails = "leaves nothing of spatial axis 0" },
    { .in = "2x3x0 3x2x3", AT(1, 1, ONE), .fails = "would give [2,3,1]" },
    { .in = "2x3x4 3x2x0", AT(1, 1, ONE), .fails = "0 taps along spatial axis 0" },
    { .in = "2x3x4 3x2x3", AT(1, 2, TWO), .fails = "need rank 4, not 3" },
    { .in = "2x3x4 3x2x3", AT(1, 1, .stride = { -1 }, .dilation = { 1 }),
      .fails = "stride along spatial axis 0 is -1" }, { 0 },
};

const sp_sample sp__conv_weight_samples[] = {
    { .in = "2x3x6 2x4x5", AT(1, 1, ONE, .size = { 2 }) },
    { .in = "2x4x7 2x6x4", AT(2, 1, .stride = { 2 }, .dilation = { 1 }, .size = { 3 },
                              .before = { 1 }, .after = { 1 }) },
    { .in = "1x2x8 1x3x8", AT(1, 1, .stride = { 1 }, .dilation = { 2 }, .size = { 3 },
                              .before = { 4 }) },
    { .in = "2x3x5 2x2x5", AT(1, 1, ONE, .size = { 1 }) },
    { .in = "2x2x4x5 2x3x3x3", AT(1, 2, TWO, .size = { 2, 3 }) },
    { .in = "1x2x5x6 1x2x2x7", AT(2, 2, .stride = { 2, 1 }, .dilation = { 1, 2 }, .size = { 3, 2 },
                                  .before = { 1, 2 }, .after = { 0, 1 }) },
    { .in = "1x1x3x3x3 1x2x2x2x2", AT(1, 3, THREE, .size = { 2, 2, 2 }) },
    { .in = "0x3x6 0x4x5", AT(1, 1, ONE, .size = { 2 }) },
    { .in = "2x0x6 2x4x5", AT(1, 1, ONE, .size = { 2 }) },
    { .in = "2x3x6 2x0x5", AT(1, 1, ONE, .size = { 2 }) },
    { .in = "2x3x6 2x4x4", AT(1, 1, ONE, .size = { 2 }), .fails = "[2,3,6] would give [2,4,5]" },
    { .in = "2x3x6 1x4x5", AT(1, 1, ONE, .size = { 2 }), .fails = "[2,3,6] would give [2,4,5]" },
    { .in = "2x3x6 2x4x5", AT(2, 1, ONE, .size = { 2 }), .fails = "do not fall into 2 groups" },
    { .in = "2x3x6 2x4x5", AT(1, 1, ONE), .fails = "0 taps along spatial axis 0" },
    { .in = "2x3x6 2x4", AT(1, 1, ONE, .size = { 2 }), .fails = "need rank 3, not 2" }, { 0 },
};
