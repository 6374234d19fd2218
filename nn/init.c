/* SPDX-License-Identifier: MIT
 *
 * init - how parameters begin.
 */
#include "nn/init.h"

#include <math.h>

#include "tensor/alloc.h"

typedef struct fans { double in, out; } fans;

static bool fans_of(const sp_tensor *x, fans *f)
{
    double rest = 1;
    char text[SP_SHAPE_TEXT];

    if (x->shape.rank < 2)
        return sp_fail("a weight of shape %s has no fans: it needs two axes",
                       sp_shape_text(x->shape, text));
    for (int k = 2; k < x->shape.rank; k++) rest *= (double)x->shape.dim[k];
    f->in = (double)x->shape.dim[1] * rest;
    f->out = (double)x->shape.dim[0] * rest;
    return true;
}

/* Without inputs there is nothing to scale. */
static double over(double a, double n) { return n > 0 ? a / n : 0; }

static bool constant(sp_tensor *x, sp_random random, double c, double unused)
{
    (void)random, (void)unused;
    sp_tensor_fill(x, c);
    return true;
}

static bool xavier_uniform(sp_tensor *x, sp_random random, double g, double unused)
{
    fans f = { 0 };

    (void)unused;
    if (!fans_of(x, &f)) return false;
    double a = g * sqrt(over(6, f.in + f.out));
    return sp_tensor_uniform(x, random, -a, a);
}

static bool xavier_normal(sp_tensor *x, sp_random random, double g, double unused)
{
    fans f = { 0 };

    (void)unused;
    return fans_of(x, &f) && sp_tensor_normal(x, random, 0, g * sqrt(over(2, f.in + f.out)));
}

static bool kaiming_uniform(sp_tensor *x, sp_random random, double g, double unused)
{
    fans f = { 0 };

    (void)unused;
    if (!fans_of(x, &f)) return false;
    double a = g * sqrt(over(3, f.in));
    return sp_tensor_uniform(x, random, -a, a);
}

static bool kaiming_normal(sp_tensor *x, sp_random random, double g, double unused)
{
    fans f = { 0 };

    (void)unused;
    return fans_of(x, &f) && sp_tensor_normal(x, random, 0, g * sqrt(over(1, f.in)));
}

/* 0.8796... is the deviation of N(0,1) cut at +-2.  Draws outside are drawn again
   from elements that no other number uses. */
static bool lecun_normal(sp_tensor *x, sp_random random, double unused_a, double unused_b)
{
    const int64_t n = sp_tensor_size(x);
    fans f = { 0 };

    (void)unused_a, (void)unused_b;
    if (!fans_of(x, &f)) return false;
    double std = sqrt(over(1, f.in)) / 0.87962566103423978;
    for (int64_t i = 0; i < n; i++) {
        int64_t draw = i;
        while (fabs(sp_random_normal(random, draw)) > 2) draw += n;
        sp_tensor_set(x, i, std * sp_random_normal(random, draw));
    }
    return true;
}

static double dot(const double *a, const double *b, int64_t n)
{
    double sum = 0;

    for (int64_t i = 0; i < n; i++) sum += a[i] * b[i];
    return sum;
}

/* Gram-Schmidt with a second pass, which makes it as good as Householder's QR. */
static void orthonormalize(double *q, int64_t rows, int64_t columns)
{
    for (int64_t i = 0; i < rows; i++) {
        double *row = q + i * columns;
        for (int64_t pass = 0; pass < 2; pass++)
            for (int64_t j = 0; j < i; j++) {
                double c = dot(row, q + j * columns, columns);
                for (int64_t k = 0; k < columns; k++) row[k] -= c * q[j * columns + k];
            }
        double norm = sqrt(dot(row, row, columns));
        for (int64_t k = 0; k < columns; k++) row[k] /= norm;
    }
}

/* The shorter side becomes the rows of q, which lie along x or across it. */
static bool orthogonal(sp_tensor *x, sp_random random, double g, double unused)
{
    const int64_t n = sp_tensor_size(x);
    fans f = { 0 };

    (void)unused;
    if (!fans_of(x, &f)) return false;
    if (n == 0) return true;
    int64_t rows = x->shape.dim[0], columns = n / rows;
    bool across = rows > columns;
    int64_t less = across ? columns : rows, more = across ? rows : columns;
    double *q = sp_alloc_array(n, sizeof *q);
    if (!q) return false;
    for (int64_t i = 0; i < n; i++) q[i] = sp_random_normal(random, i);
    orthonormalize(q, less, more);
    for (int64_t i = 0; i < n; i++)
        sp_tensor_set(x, i, g * (across ? q[i % columns * more + i / columns] : q[i]));
    sp_release(q);
    return true;
}

sp_init sp_init_constant(double c)              { return (sp_init){ constant, c, 0 }; }
sp_init sp_init_uniform(double lo, double hi)   { return (sp_init){ sp_tensor_uniform, lo, hi }; }
sp_init sp_init_normal(double mean, double std) { return (sp_init){ sp_tensor_normal, mean, std }; }
sp_init sp_init_xavier_uniform(double gain)     { return (sp_init){ xavier_uniform, gain, 0 }; }
sp_init sp_init_xavier_normal(double gain)      { return (sp_init){ xavier_normal, gain, 0 }; }
sp_init sp_init_kaiming_uniform(double gain)    { return (sp_init){ kaiming_uniform, gain, 0 }; }
sp_init sp_init_kaiming_normal(double gain)     { return (sp_init){ kaiming_normal, gain, 0 }; }
sp_init sp_init_lecun_normal(void)              { return (sp_init){ lecun_normal, 0, 0 }; }
sp_init sp_init_orthogonal(double gain)         { return (sp_init){ orthogonal, gain, 0 }; }
