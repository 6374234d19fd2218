/* SPDX-License-Identifier: MIT
 *
 * draw - a shape filled with random numbers, whose parameters are operands.
 *
 * Element i is a function of the tape's seed and step, of the stream in the attributes, and of i:
 * what sp_random_uniform and sp_random_normal (tensor/random.h) give for them, rounded to the
 * dtype; but by our own logarithm and sines, so that bits do not depend on libm.
 */
#include <math.h>
#include "autograd/called.h"
#include "autograd/ops.h"
#include "autograd/ops/records.h"
#include "tensor/vmath.h"

typedef struct draw_attr { uint64_t stream; sp_shape shape; } draw_attr;

enum { PIECE = 64 };

static bool draw_shape(const sp_call *c, sp_shape *y)
{
    char text[SP_SHAPE_TEXT];

    *y = ((const draw_attr *)c->attr)->shape;
    if (!sp_shape_check(*y)) return sp_refuse(c, "%s", sp_error());
    for (int k = 0; k < c->n; k++)
        if (c->shape[k].rank && !sp_shape_equal(c->shape[k], *y))
            return sp_refuse(c, "operand %d is neither a scalar nor %s", k,
                             sp_shape_text(*y, text));
    return true;
}

/* Elements from .. from + n - 1 in [0, 1); `from` is even.  One block makes two. */
static void uniforms(sp_random r, int64_t from, int64_t n, double u[PIECE])
{
    uint32_t w[4];

    for (int64_t i = 0; i < n; i += 2) {
        sp__random_block(r, (from + i) / 2, w);
        for (int k = 0; k < 2; k++)
            u[i + k] = (double)(((uint64_t)w[2 * k + 1] << 32 | w[2 * k]) >> 11) * 0x1p-53;
    }
}

/* Likewise normals, by Box and Muller: each two uniforms u, v make
   sqrt(-2 ln(1 - u)) (cos, sin)(2 pi v). */
static void normals(sp_random r, int64_t from, int64_t n, double z[PIECE])
{
    double u[PIECE / 2] = { 0 }, v[PIECE / 2] = { 0 }, x[PIECE / 2], y[PIECE / 2];

    uniforms(r, from, n, z);
    for (int64_t i = 0; i < n; i += 2) u[i / 2] = z[i], v[i / 2] = z[i + 1];
    for (int64_t i = 0; i < PIECE / 2; i += VLEN(double)) {
        vf64 angle = vload(v + i), one = vset(angle, 1);
        vf64 radius = vsqrt(vset(angle, -2) * vlog(one - vload(u + i)));
        angle = angle * vset(angle, 0x1.921fb54442d18p+2);
        vstore(x + i, radius * vcos(angle));
        vstore(y + i, radius * vsin(angle));
    }
    for (int64_t i = 0; i < n; i += 2) z[i] = x[i / 2], z[i + 1] = y[i / 2];
}

/* An operand's element: of a scalar the only one. */
#define AT(T, k) ((double)((const T *)a->x[k].data)[a->x[k].shape.rank ? i : 0])

/* y[i] = VALUE of the i-th number u and the operands. */
#define DRAW(OP, T, NUMBERS, VALUE)                                                 \
    static void OP##_##T(const sp_args *a)                                          \
    {                                                                               \
        T *y = a->y.data;                                                           \
        double piece[PIECE];                                                        \
        for (int64_t at = 0, size = sp_shape_size(a->y.shape); at < size; at += PIECE) { \
            int64_t n = size - at < PIECE ? size - at : PIECE;                      \
            NUMBERS(sp__random_of(a), at, n, piece);                                \
            for (int64_t i = at; i < at + n; i++) {                                 \
                double u = piece[i - at];                                           \
                y[i] = (T)(VALUE);                                                  \
            }                                                                       \
        }                                                                           \
    }
#define DRAWS(OP, NUMBERS, VALUE_OF)                                                \
    DRAW(OP, float, NUMBERS, VALUE_OF(float)) DRAW(OP, double, NUMBERS, VALUE_OF(double))

/* The same numbers again, with two other parameters. */
static sp_var again(const sp_op *op, const sp_pullback *v, double first, double second)
{
    sp_var x[] = { sp_number(v->g, first), sp_number(v->g, second) };
    return sp_apply(op, 2, x, v->attr, NULL);
}

/* The parameters as scalars of the dtype. */
static sp_var drawn(const sp_op *op, sp_tape *tape, sp_dtype dtype, sp_shape shape,
                    const double parameter[])
{
    sp_var x[2];

    if (!sp_is_floating(dtype))
        return sp_tape_fail(tape, "%s: it needs f32 or f64, not %s", op->name,
                            sp_dtype_name(dtype));
    for (int k = 0; k < op->n_in; k++)
        x[k] = SP_CALLED_ON(tape, op->name, sp_const(tape, dtype, parameter[k]));
    return sp_apply(op, op->n_in, x, &(draw_attr){ sp_stream(tape), shape }, NULL);
}

#define ATTR(rank, ...) .attr = &(draw_attr){ 5, { rank, { __VA_ARGS__ } } }
#define SAMPLES                                                                     \
    { .in = ". .", .5, 2, ATTR(2, 3, 7) }, { .in = ". .", .5, 2, ATTR(0, 0) },      \
    { .in = "3x4 .", .5, 2, ATTR(2, 3, 4) },                                        \
    { .in = ". 131", .5, 2, ATTR(1, 131) },                                         \
    { .in = "2x1x3 2x1x3", .5, 2, ATTR(3, 2, 1, 3) },                               \
    { .in = ". .", .5, 2, ATTR(2, 3, 0) },                                          \
    { .in = "3 .", ATTR(1, 4), .fails = "operand 0 is neither a scalar nor [4]" },  \
    { .in = ". .", ATTR(1, -1), .fails = "size -1 is negative" },                   \
    { .in = ". .", ATTR(2, INT64_MAX, 2), .fails = "multiply beyond 63 bits" },     \
    { .in = ".:i32 .:i32", 1, 2, ATTR(1, 4), .fails = "needs f32 or f64" }

/* ---- normal: operands mean and std ---- */

#define NORMAL(T) AT(T, 0) + AT(T, 1) * u
DRAWS(normal, normals, NORMAL)

static void normal_vjp(const sp_pullback *v)
{
    extern const sp_op sp__op_normal;

    sp_push(v, 0, v->g);
    if (sp_wants(v, 1)) sp_push(v, 1, sp_mul(v->g, again(&sp__op_normal, v, 0, 1)));
}

static void normal_reference(const sp_args *a)
{
    for (int64_t i = 0; i < sp_shape_size(a->y.shape); i++) {
        double z = sp_random_normal(sp__random_of(a), i);
        ((double *)a->y.data)[i] = AT(double, 0) + AT(double, 1) * z;
    }
}

static const sp_sample normal_samples[] = { SAMPLES, { 0 } };

extern const sp_op sp__op_normal;
const sp_op sp__op_normal = {
    .name = "normal", .maths = "y[i] = mean + std z, z of N(0, 1)", .kind = SP_OTHER, .n_in = 2,
    .attr_size = sizeof(draw_attr), .random = true, .shape = draw_shape,
    .kernels = PLAIN_KERNELS(normal), .vjp = normal_vjp, .reference = normal_reference,
    .samples = normal_samples,
};

sp_var sp_normal(sp_tape *tape, sp_dtype dtype, sp_shape shape, double mean, double std)
{
    if (!(std >= 0) || !isfinite(mean + std))
        return sp_tape_fail(tape, "normal: no mean %g with deviation %g", mean, std);
    return drawn(&sp__op_normal, tape, dtype, shape, (double[]){ mean, std });
}

/* ---- uniform: operands lo and hi ---- */

/* Rounding can reach hi, which is excluded; the number before it is not. */
static double between_float(double lo, double hi, double u)
{
    double y = lo + (hi - lo) * u;
    return lo < hi && (double)(float)y >= hi ? (double)nextafterf((float)hi, -INFINITY) : y;
}
static double between_double(double lo, double hi, double u)
{
    double y = lo + (hi - lo) * u;
    return lo < hi && y >= hi ? nextafter(hi, -INFINITY) : y;
}

#define UNIFORM(T) between_##T(AT(T, 0), AT(T, 1), u)
DRAWS(uniform, uniforms, UNIFORM)

/* y = lo (1 - u) + hi u */
static void uniform_vjp(const sp_pullback *v)
{
    extern const sp_op sp__op_uniform;
    sp_var u = again(&sp__op_uniform, v, 0, 1);

    if (sp_wants(v, 0)) sp_push(v, 0, sp_mul(v->g, sp_one_minus(u)));
    if (sp_wants(v, 1)) sp_push(v, 1, sp_mul(v->g, u));
}

static void uniform_reference(const sp_args *a)
{
    for (int64_t i = 0; i < sp_shape_size(a->y.shape); i++) {
        double u = sp_random_uniform(sp__random_of(a), i);
        ((double *)a->y.data)[i] = AT(double, 0) * (1 - u) + AT(double, 1) * u;
    }
}

static const sp_sample uniform_samples[] = { SAMPLES, { 0 } };

extern const sp_op sp__op_uniform;
const sp_op sp__op_uniform = {
    .name = "uniform", .maths = "y[i] evenly from [lo, hi)", .kind = SP_OTHER, .n_in = 2,
    .attr_size = sizeof(draw_attr), .random = true, .shape = draw_shape,
    .kernels = PLAIN_KERNELS(uniform), .vjp = uniform_vjp, .reference = uniform_reference,
    .samples = uniform_samples,
};

sp_var sp_uniform(sp_tape *tape, sp_dtype dtype, sp_shape shape, double lo, double hi)
{
    if (!(lo <= hi) || !isfinite(hi - lo))
        return sp_tape_fail(tape, "uniform: no range from %g to %g", lo, hi);
    return drawn(&sp__op_uniform, tape, dtype, shape, (double[]){ lo, hi });
}

/* ---- bernoulli: operand p ---- */

static bool is_probability(double p) { return p >= 0 && p <= 1; }

#define BERNOULLI(T)                                                                \
    DRAW(bernoulli_all, T, uniforms, u < AT(T, 0))                                  \
    static void bernoulli_##T(const sp_args *a)                                     \
    {                                                                               \
        for (int64_t i = 0; i < sp_shape_size(a->x[0].shape); i++)                  \
            if (!is_probability(AT(T, 0))) {                                        \
                sp_fault(a, "its probability %g at element %lld is outside [0,1]",  \
                         AT(T, 0), (long long)i);                                   \
                return;                                                             \
            }                                                                       \
        bernoulli_all_##T(a);                                                       \
    }
BERNOULLI(float)
BERNOULLI(double)

static void bernoulli_reference(const sp_args *a)
{
    for (int64_t i = 0; i < sp_shape_size(a->y.shape); i++)
        ((double *)a->y.data)[i] = AT(double, 0) - sp_random_uniform(sp__random_of(a), i) > 0;
}

static const sp_sample bernoulli_samples[] = {
    { .in = ".", .3, .7, ATTR(2, 3, 7) }, { .in = ".", .9, 1, ATTR(0, 0) },
    { .in = "131", .2, .8, ATTR(1, 131) },
    { .in = "2x1x30", .2, .8, ATTR(3, 2, 1, 30) },
    { .in = "3x0", .2, .8, ATTR(2, 3, 0) },
    { .in = "3", ATTR(1, 4), .fails = "operand 0 is neither a scalar nor [4]" },
    { .in = ".:i32", ATTR(1, 4), .fails = "needs f32 or f64" }, { 0 },
};

extern const sp_op sp__op_bernoulli;
const sp_op sp__op_bernoulli = {
    .name = "bernoulli", .maths = "y[i] = 1 with probability p, else 0", .kind = SP_OTHER,
    .n_in = 1, .attr_size = sizeof(draw_attr), .random = true, .constant = true,
    .shape = draw_shape, .kernels = PLAIN_KERNELS(bernoulli), .reference = bernoulli_reference,
    .samples = bernoulli_samples,
};

sp_var sp_bernoulli(sp_tape *tape, sp_dtype dtype, sp_shape shape, double p)
{
    if (!is_probability(p))
        return sp_tape_fail(tape, "bernoulli: its probability %g is outside [0,1]", p);
    return drawn(&sp__op_bernoulli, tape, dtype, shape, &p);
}

sp_var sp_bernoulli_of(sp_var p)
{
    draw_attr attr = { sp_stream(p.tape), sp_var_shape(p) };
    return sp_apply(&sp__op_bernoulli, 1, &p, &attr, NULL);
}
