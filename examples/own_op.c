/* SPDX-License-Identifier: MIT
 *
 * own_op.c - an op of your own, in your own file.
 *
 * The Huber loss: quadratic near the target, straight from delta on, so that a point far off pulls
 * with a force of delta and no more.  Its record says all there is to know of it; sp_check_op then
 * tries the kernels, the gradient and the gradient's gradient.  After that a line is
 * fitted through points with outliers: least squares are pulled away, Huber's are not.
 * autograd/README.md walks through the op.
 */
#include <math.h>
#include <stdio.h>
#include <spool.h>

/* ---- the op ---- */

/* With d = |x - t| and m = min(d, delta):  y = m (d - m / 2).  x0 is x, x1 is t, s[0] is delta. */
#define D fabs((double)x0 - (double)x1)
SP_CHUNK(huber, 2, fmin(D, s[0]) * (D - fmin(D, s[0]) / 2))
#undef D

/* dy/dx is x - t, cut off at delta on both sides; dy/dt is minus that. */
static void huber_vjp(const sp_pullback *v)
{
    double delta = v->scalar[0];
    sp_var slope = sp_clamp(sp_sub(v->x[0], v->x[1]), -delta, delta);
    sp_var pull = sp_mul(v->g, slope);

    sp_push(v, 0, pull);
    if (sp_wants(v, 1)) sp_push(v, 1, sp_neg(pull));
}

static bool huber_shape(const sp_call *c, sp_shape *y)
{
    double delta = c->scalar[0];

    if (!(delta > 0)) return sp_refuse(c, "its delta %g is not above 0", delta);
    return sp_shape_broadcasts(c, y);
}

static void huber_reference(const sp_args *args)
{
    const double *x = args->x[0].data, *t = args->x[1].data, delta = args->scalar[0];
    double *y = args->y.data;

    for (int64_t i = 0; i < sp_shape_size(args->y.shape); i++) {
        double d = x[i] - t[i];
        if (d < -delta) y[i] = -delta * d - delta * delta / 2;
        else if (d > delta) y[i] = delta * d - delta * delta / 2;
        else y[i] = d * d / 2;
    }
}

static const sp_sample huber_samples[] = {
    { .in = "3x4 3x4", .scalar = { .5 } }, { .in = "2x37 37", .lo = -3, .hi = 3, .scalar = { 2 } },
    { .in = ". .", .scalar = { 1 } }, { .in = "0x2 2", .scalar = { 1 } },
    { .in = "3 3", .scalar = { 0 }, .fails = "its delta 0 is not above 0" },
    { .in = "3 4", .scalar = { 1 }, .fails = "sizes 3 and 4 differ" },
    { .in = "3:i32 3:i32", .scalar = { 1 }, .fails = "needs f32 or f64" }, { 0 },
};

static const sp_op huber_op = {
    .name = "huber", .maths = "y = d^2 / 2 up to delta, then straight", .kind = SP_ELEMENTWISE,
    .n_in = 2, .n_scalars = 1, .shape = huber_shape, .kernels = SP_CHUNKS(huber),
    .vjp = huber_vjp, .reference = huber_reference, .samples = huber_samples,
};

static sp_var huber(sp_var x, sp_var t, double delta)
{
    return sp_apply(&huber_op, SP_VARS(x, t), NULL, &delta);
}

/* ---- its use: y = slope x + offset through points, some of which are far off ---- */

enum { POINTS = 20, STEPS = 500 };

static void make_points(double x[], double y[])
{
    for (int i = 0; i < POINTS; i++) {
        x[i] = i / (double)(POINTS - 1);
        y[i] = 2 * x[i] + 1 + (i % 5 == 4 ? 5 : 0);
    }
}

/* Gradient descent on the mean loss of slope x + offset.  False: the tape has said why. */
static bool fit(sp_tape *tape, const sp_tensor *x, const sp_tensor *y, double delta,
                double line[2])
{
    for (int step = 0; step < STEPS; step++) {
        sp_tape_reset(tape);
        sp_var wrt[] = { sp_const(tape, SP_F64, line[0]), sp_const(tape, SP_F64, line[1]) }, g[2];
        sp_var there = sp_add(sp_mul(wrt[0], sp_input(tape, x)), wrt[1]);
        sp_var loss = sp_mean(huber(there, sp_input(tape, y), delta));

        if (!sp_grad(loss, 2, wrt, g, NULL) || !sp_eval(2, g)) return false;
        for (int k = 0; k < 2; k++) line[k] -= .5 * sp_item(g[k]);
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
    bool ok = fit(tape, x, y, 1e3, squared) && fit(tape, x, y, .1, robust);

    if (!ok) fprintf(stderr, "%s\n", sp_tape_error(tape));
    printf("points on y = 2 x + 1, every fifth raised by 5\n");
    printf("least squares:        y = %.3f x + %.3f\n", squared[0], squared[1]);
    printf("huber, delta = 0.1:   y = %.3f x + %.3f\n", robust[0], robust[1]);
    sp_tensor_free(x);
    sp_tensor_free(y);
    sp_tape_free(tape);
    return ok && fabs(robust[0] - 2) < .1 && fabs(robust[1] - 1) < .1;
}

int main(void)
{
    sp_report report = { 0 };

    if (!sp_check_op(&huber_op, &report)) {
        fprintf(stderr, "%d of %d checks failed; the first: %s\n", report.failures, report.checks,
                report.first);
        return 1;
    }
    printf("huber: %d checks: values, first and second derivatives, jvps, strides, refusals\n",
           report.checks);
    return robust_is_better() ? 0 : 1;
}
