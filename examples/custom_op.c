/* SPDX-License-Identifier: MIT
 *
 * custom_op.c - an op of your own, in your own file.
 *
 * The generalized Charbonnier function, a smooth |x|^2a that is kind to outliers,
 *
 *     y = (x^2 + e^2)^a,
 *
 * has an exponent a and a width e: attributes, given with each call.  Its record says all
 * there is to know of it; sp_check_op then tries the kernels on every instruction set, the
 * gradient and the gradient's gradient.  After that a line is fitted through points with
 * outliers: least squares (a = 1) is pulled away, a = 0.25 is not.
 */
#include <math.h>
#include <stdio.h>
#include <spool.h>

/* ---- the op ---- */

typedef struct charbonnier_attr { double a, e; } charbonnier_attr;

static sp_var charbonnier(sp_var x, double a, double e);

/* One expression is the kernel in f32 and in f64: x0 is the operand, `a` the attributes. */
#define AT ((const charbonnier_attr *)a)
SP_CHUNK(charbonnier, 1, pow((double)x0 * (double)x0 + AT->e * AT->e, AT->a))
#undef AT

/* dy/dx = 2 a x (x^2 + e^2)^(a-1), the op itself again with another exponent. */
static void charbonnier_vjp(const sp_pullback *v)
{
    const charbonnier_attr *at = v->attr;
    sp_var x = v->x[0], rest = charbonnier(x, at->a - 1, at->e);

    sp_push(v, 0, sp_mul(v->g, sp_scale(sp_mul(x, rest), 2 * at->a)));
}

/* By another way than the kernel: e^2a (1 + (x/e)^2)^a. */
static void charbonnier_reference(const sp_args *args)
{
    const charbonnier_attr *at = args->attr;
    const double *x = args->x[0].data;
    double *y = args->y.data;

    for (int64_t i = 0; i < sp_shape_size(args->y.shape); i++)
        y[i] = exp(2 * at->a * log(at->e) + at->a * log1p(x[i] / at->e * (x[i] / at->e)));
}

static bool charbonnier_shape(const sp_call *c, sp_shape *y)
{
    const charbonnier_attr *at = c->attr;

    *y = c->shape[0];
    return at->e > 0 ? true : sp_refuse(c, "its width %g is not above 0", at->e);
}

static const charbonnier_attr square_root = { .5, .5 }, flat = { .25, .3 }, squares = { 1, 1 },
                              bad = { .5, 0 };
static const sp_sample charbonnier_samples[] = {
    { .in = "3x4", .attr = &square_root }, { .in = ".", .attr = &square_root },
    { .in = "2x37", .lo = -3, .hi = 3, .attr = &flat }, { .in = "5", .attr = &squares },
    { .in = "0x2", .attr = &flat },
    { .in = "3", .attr = &bad, .fails = "its width 0 is not above 0" },
    { .in = "3:i32", .attr = &flat, .fails = "needs f32 or f64" }, { 0 },
};

static const sp_op charbonnier_op = {
    .name = "charbonnier", .maths = "y = (x^2 + e^2)^a", .kind = SP_ELEMENTWISE, .n_in = 1,
    .attr_size = sizeof(charbonnier_attr), .shape = charbonnier_shape,
    .kernels = SP_CHUNKS(charbonnier), .vjp = charbonnier_vjp,
    .reference = charbonnier_reference, .samples = charbonnier_samples,
};

static sp_var charbonnier(sp_var x, double a, double e)
{
    return sp_apply(&charbonnier_op, 1, &x, &(charbonnier_attr){ a, e }, NULL);
}

/* ---- its use: y = slope x + offset through points, some of which are far off ---- */

enum { POINTS = 20, STEPS = 2000 };

static void make_points(double x[], double y[])
{
    for (int i = 0; i < POINTS; i++) {
        x[i] = i / (double)(POINTS - 1);
        y[i] = 2 * x[i] + 1 + (i % 5 == 4 ? 5 : 0);
    }
}

/* Gradient descent on the mean of charbonnier(slope x + offset - y).  False: the tape has
   said why. */
static bool fit(sp_tape *tape, const sp_tensor *x, const sp_tensor *y, double a, double line[2])
{
    for (int step = 0; step < STEPS; step++) {
        sp_tape_reset(tape);
        sp_var wrt[] = { sp_const(tape, SP_F64, line[0]), sp_const(tape, SP_F64, line[1]) }, g[2];
        sp_var there = sp_add(sp_mul(wrt[0], sp_input(tape, x)), wrt[1]);
        sp_var loss = sp_mean(charbonnier(sp_sub(there, sp_input(tape, y)), a, .1));

        if (!sp_grad(loss, 2, wrt, g, NULL) || !sp_eval(2, g)) return false;
        for (int k = 0; k < 2; k++) line[k] -= .05 * sp_item(g[k]);
    }
    return true;
}

/* Whether the fit that is not misled came nearer to 2 x + 1. */
static bool robust_is_better(void)
{
    double xs[POINTS], ys[POINTS], squared[2] = { 0, 0 }, robust[2] = { 0, 0 };

    make_points(xs, ys);
    sp_tape *tape = sp_tape_new(NULL);
    sp_tensor *x = sp_tensor_from(SP_F64, SP_SHAPE(POINTS), xs),
              *y = sp_tensor_from(SP_F64, SP_SHAPE(POINTS), ys);
    bool ok = fit(tape, x, y, 1, squared) && fit(tape, x, y, .25, robust);

    if (!ok) fprintf(stderr, "%s\n", sp_tape_error(tape));
    printf("points on y = 2 x + 1, every fifth raised by 5\n");
    printf("least squares, a = 1:    y = %.3f x + %.3f\n", squared[0], squared[1]);
    printf("charbonnier, a = 0.25:   y = %.3f x + %.3f\n", robust[0], robust[1]);
    sp_tensor_free(x);
    sp_tensor_free(y);
    sp_tape_free(tape);
    return ok && fabs(robust[0] - 2) < .1 && fabs(robust[1] - 1) < .1;
}

int main(void)
{
    sp_report report = { 0 };

    if (!sp_check_op(&charbonnier_op, &report)) {
        fprintf(stderr, "%d of %d checks failed; the first: %s\n", report.failures, report.checks,
                report.first);
        return 1;
    }
    printf("charbonnier: %d checks: values, first and second derivatives, strides, refusals\n",
           report.checks);
    return robust_is_better() ? 0 : 1;
}
