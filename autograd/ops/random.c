/* SPDX-License-Identifier: MIT
 *
 * random - dropout, and classes drawn by their logits.  What is drawn is a function of the tape's
 * seed and step, of the stream in the attributes and of the element, so it can be drawn again
 * and is never stored.
 */
#include <math.h>
#include "autograd/ops.h"
#include "autograd/ops/records.h"
#include "tensor/vmath.h"

typedef struct stream_attr { uint64_t stream; } stream_attr;

/* ---- dropout ---- */

static bool dropout_shape(const sp_call *c, sp_shape *y)
{
    double p = c->scalar[0];

    *y = c->shape[0];
    return p >= 0 && p <= 1 ? true : sp_refuse(c, "its probability %g is outside [0,1]", p);
}

/* An element is dropped if its 32 bits are below p 2^32: for p = 1 all are. */
#define DROPOUT(T)                                                                  \
    static void dropout_##T(const sp_args *a)                                       \
    {                                                                               \
        const T *x = a->x[0].data;                                                  \
        T *y = a->y.data, up = (T)(1 / (1 - a->scalar[0]));                         \
        uint64_t least = (uint64_t)(a->scalar[0] * 0x1p32);                         \
        sp_random r = sp__random_of(a);                                             \
        uint32_t bits[4];                                                           \
        for (int64_t i = 0, n = sp_shape_size(a->y.shape); i < n; i++) {            \
            if (i % 4 == 0) sp__random_block(r, i / 4, bits);                       \
            y[i] = bits[i % 4] < least ? 0 : x[i] * up;                             \
        }                                                                           \
    }
DROPOUT(float)
DROPOUT(double)

/* The same mask, drawn again. */
static void dropout_vjp(const sp_pullback *v)
{
    extern const sp_op sp__op_dropout;
    sp_push(v, 0, sp_apply(&sp__op_dropout, 1, &v->g, v->attr, v->scalar));
}

static void dropout_reference(const sp_args *a)
{
    const double *x = a->x[0].data;
    double *y = a->y.data, p = a->scalar[0];

    for (int64_t i = 0; i < sp_shape_size(a->y.shape); i++)
        y[i] = sp_random_u32(sp__random_of(a), i) * 0x1p-32 < p ? 0 : x[i] / (1 - p);
}

static const stream_attr one = { 1 }, two = { 2 };
static const sp_sample dropout_samples[] = {
    { .in = "3x7", .5, 2, &one, { .2 } }, { .in = ".", .5, 2, &two, { .2 } },
    { .in = "0x3", .attr = &one, .scalar = { .2 } },
    { .in = "130", .5, 2, &two, { .1 } }, { .in = "5", .attr = &two, .scalar = { 0 } },
    { .in = "5", .attr = &two, .scalar = { 1 } },
    { .in = "5", .attr = &one, .scalar = { -.1 }, .fails = "probability -0.1 is outside [0,1]" },
    { .in = "5", .attr = &one, .scalar = { 1.5 }, .fails = "probability 1.5 is outside [0,1]" },
    { .in = "5", .attr = &one, .scalar = { (double)NAN }, .fails = "outside [0,1]" },
    { .in = "5:i32", .attr = &one, .scalar = { .5 }, .fails = "needs f32 or f64" }, { 0 },
};

extern const sp_op sp__op_dropout;
const sp_op sp__op_dropout = {
    .name = "dropout", .maths = "y = 0 with probability p, else x / (1 - p)", .kind = SP_OTHER,
    .n_in = 1, .attr_size = sizeof(stream_attr), .n_scalars = 1, .random = true,
    .shape = dropout_shape,
    .kernels = PLAIN_KERNELS(dropout),
    .vjp = dropout_vjp, .reference = dropout_reference, .samples = dropout_samples,
};

/* A probability out of range is refused in evaluation mode too. */
sp_var sp_dropout(sp_var x, double p)
{
    bool idle = p == 0 || (p > 0 && p <= 1 && !sp_tape_training(x.tape));

    if (idle && !sp_is_nothing(x)) return x;
    return sp_apply(&sp__op_dropout, 1, &x, &(stream_attr){ sp_stream(x.tape) }, &p);
}

/* ---- categorical ---- */

static bool categorical_dtype(const sp_call *c, sp_dtype *y)
{
    if (!sp_dtype_floats(c, y)) return false;
    *y = SP_I64;
    return true;
}

static bool categorical_shape(const sp_call *c, sp_shape *y)
{
    *y = c->shape[0];
    if (y->rank == 0) return sp_refuse(c, "a scalar has no classes");
    if (y->dim[--y->rank] == 0)
        return sp_refuse(c, "its last axis is empty: there is no class to draw");
    y->dim[y->rank] = 0;
    return true;
}

static int64_t categorical_work(const sp_call *c)
{
    return c->shape[0].dim[c->shape[0].rank - 1] * (int64_t)sizeof(double);
}

/* w[j] = e^(w[j] - top); returns the sum. */
static double weigh(double *w, int64_t n, double top)
{
    double sum = 0;

    for (int64_t j = 0; j < n; j += VLEN(double)) {
        int64_t k = n - j < VLEN(double) ? n - j : VLEN(double);
        vf64 x = vload_part(w + j, k);
        vstore_part(w + j, vexp(x - vset(x, top)), k);
    }
    for (int64_t j = 0; j < n; j++) sum += w[j];
    return sum;
}

/* The first class at which the running sum of weights exceeds u times the whole; u < 1, and a class
   of weight 0 exceeds nothing.  -1: there are no probabilities. */
static int64_t drawn(double *w, int64_t n, double u)
{
    double top = -INFINITY, sum = 0;
    int64_t last = -1;

    for (int64_t j = 0; j < n; j++) top = w[j] > top ? w[j] : top;
    double least = u * weigh(w, n, top);
    if (!(least < INFINITY)) return -1;
    for (int64_t j = 0; j < n; j++) {
        if (w[j] > 0) last = j;
        if ((sum += w[j]) > least) return j;
    }
    return last;
}

#define CATEGORICAL(T)                                                              \
    static void categorical_##T(const sp_args *a)                                   \
    {                                                                               \
        const T *x = a->x[0].data;                                                  \
        double *w = a->work;                                                        \
        int64_t *y = a->y.data;                                                     \
        int64_t n = a->x[0].shape.dim[a->y.shape.rank];                             \
        for (int64_t i = 0; i < sp_shape_size(a->y.shape); i++, x += n) {           \
            for (int64_t j = 0; j < n; j++) w[j] = (double)x[j];                    \
            y[i] = drawn(w, n, sp_random_uniform(sp__random_of(a), i));             \
            if (y[i] >= 0) continue;                                                \
            sp_fault(a, "row %lld has no probabilities: NaN, +inf, or only -inf", (long long)i); \
            return;                                                                 \
        }                                                                           \
    }
CATEGORICAL(float)
CATEGORICAL(double)

static void categorical_reference(const sp_args *a)
{
    const double *x = a->x[0].data;
    int64_t n = a->x[0].shape.dim[a->x[0].shape.rank - 1], *y = a->y.data;

    for (int64_t i = 0; i < sp_shape_size(a->y.shape); i++, x += n) {
        double whole = 0, part = 0, u = sp_random_uniform(sp__random_of(a), i);
        for (int64_t j = 0; j < n; j++) whole += exp(x[j]);
        for (y[i] = 0; y[i] < n - 1; y[i]++)
            if ((part += exp(x[y[i]]) / whole) > u) break;
    }
}

static const sp_sample categorical_samples[] = {
    { .in = "30x5", .attr = &one }, { .in = "7", .attr = &two }, { .in = "2x3x4", .attr = &one },
    { .in = "3x1", .attr = &one }, { .in = "0x4", .attr = &one },
    { .in = "3x0", .attr = &one, .fails = "last axis is empty" },
    { .in = ".", .attr = &one, .fails = "no classes" },
    { .in = "5:i32", .attr = &one, .fails = "needs f32 or f64" }, { 0 },
};

extern const sp_op sp__op_categorical;
const sp_op sp__op_categorical = {
    .name = "categorical", .maths = "y = j with probability softmax(x)[j]", .kind = SP_OTHER,
    .n_in = 1, .attr_size = sizeof(stream_attr), .random = true, .constant = true,
    .dtype = categorical_dtype, .shape = categorical_shape, .work = categorical_work,
    .kernels = PLAIN_KERNELS(categorical),
    .reference = categorical_reference, .samples = categorical_samples,
};

sp_var sp_categorical(sp_var logits)
{
    return sp_apply(&sp__op_categorical, 1, &logits, &(stream_attr){ sp_stream(logits.tape) },
                    NULL);
}
