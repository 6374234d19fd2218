/* SPDX-License-Identifier: MIT
 *
 * matmul - products of matrices and of batches of them.
 *
 * Either operand may be read transposed, so that neither the layers (x W^T) nor the gradients
 * below record a transpose; the product of tensor/gemm.c reads any strides.
 */
#include "autograd/ops.h"
#include "autograd/ops/records.h"
#include "tensor/gemm.h"

/* C = op(A) op(B), where op transposes if asked. */
typedef struct flags { int32_t a, b; } flags;

static bool shape(const sp_call *c, sp_shape *y)
{
    const flags *t = c->attr;
    sp_shape a = c->shape[0], b = c->shape[1], a_batch, b_batch;

    if (a.rank == 0 || b.rank == 0)
        return sp_refuse(c, "a scalar is no matrix; sp_mul multiplies by it");
    if (a.rank < 2 || b.rank < 2) return sp_refuse(c, "both operands need rank 2 or more");
    int64_t m = a.dim[a.rank - 2 + !!t->a], k = a.dim[a.rank - 1 - !!t->a];
    int64_t inner = b.dim[b.rank - 2 + !!t->b], n = b.dim[b.rank - 1 - !!t->b];
    if (k != inner)
        return sp_refuse(c, "inner sizes %lld and %lld differ%s", (long long)k, (long long)inner,
                         t->a && t->b ? " (both transposed)" : t->a ? " (the first transposed)"
                         : t->b ? " (the second transposed)" : "");
    a_batch = a, b_batch = b;
    for (int i = 1; i <= 2; i++) a_batch.dim[a.rank - i] = b_batch.dim[b.rank - i] = 0;
    a_batch.rank -= 2, b_batch.rank -= 2;
    if (!sp_shape_broadcast(a_batch, b_batch, y))
        return sp_refuse(c, "the leading axes do not broadcast");
    y->dim[y->rank++] = m;
    y->dim[y->rank++] = n;
    return true;
}

/* One product of a batch and how to get to the next. */
typedef struct batch {
    sp_gemm  g;
    int      rank;                              /* leading axes left */
    int64_t  dim[SP_MAX_RANK], a[SP_MAX_RANK], b[SP_MAX_RANK], c[SP_MAX_RANK];
} batch;

static sp_matrix matrix_of(const sp_operand *o, bool transposed)
{
    int64_t rank = o->shape.rank, row = o->stride[rank - 2], col = o->stride[rank - 1];
    return (sp_matrix){ o->data, transposed ? col : row, transposed ? row : col };
}

/* The stride of operand o along y's leading axis d: 0 where it is repeated. */
static int64_t stride_along(const sp_operand *o, const sp_operand *y, int d)
{
    int64_t k = d - (y->shape.rank - o->shape.rank);
    return k < 0 || (o->shape.dim[k] == 1 && y->shape.dim[d] != 1) ? 0 : o->stride[k];
}

/* Leading axes along which b is repeated and the rows of a and c go on are more rows of one
   product: [T,B,I] x [I,O] is [TB,I] x [I,O].  Not where a is repeated as well: the scratch
   was measured by a's own rows. */
static void join_rows(batch *p)
{
    while (p->rank > 0) {
        int d = p->rank - 1;
        bool even = p->a[d] != 0 && p->a[d] == p->g.m * p->g.a.row
                 && p->b[d] == 0 && p->c[d] == p->g.m * p->g.c.row;
        if (!even && p->dim[d] != 1) return;
        p->g.m *= p->dim[d];
        p->rank--;
    }
}

static batch batch_of(const sp_args *args)
{
    const flags *t = args->attr;
    const sp_operand *a = &args->x[0], *b = &args->x[1], *y = &args->y;
    int64_t rank = y->shape.rank;
    batch p = { .rank = (int)rank - 2 };

    p.g = (sp_gemm){ .m = y->shape.dim[rank - 2], .n = y->shape.dim[rank - 1],
                     .k = a->shape.dim[a->shape.rank - 1 - !!t->a],
                     .a = matrix_of(a, t->a), .b = matrix_of(b, t->b), .c = matrix_of(y, false),
                     .add = args->add, .work = args->work };
    for (int d = 0; d < p.rank; d++) {
        p.dim[d] = y->shape.dim[d];
        p.a[d] = stride_along(a, y, d);
        p.b[d] = stride_along(b, y, d);
        p.c[d] = y->stride[d];
    }
    join_rows(&p);
    return p;
}

static void advance(batch *p, int64_t index[], int64_t size)
{
    for (int d = p->rank - 1; d >= 0; d--) {
        int64_t go = ++index[d] < p->dim[d] ? 1 : 1 - p->dim[d];
        p->g.a.data = (char *)p->g.a.data + go * p->a[d] * size;
        p->g.b.data = (char *)p->g.b.data + go * p->b[d] * size;
        p->g.c.data = (char *)p->g.c.data + go * p->c[d] * size;
        if (go == 1) return;
        index[d] = 0;
    }
}

static void product(const sp_args *args, sp_gemm_fn *gemm)
{
    batch p = batch_of(args);
    int64_t index[SP_MAX_RANK] = { 0 }, count = 1;

    for (int d = 0; d < p.rank; d++) count *= p.dim[d];
    for (int64_t i = 0; i < count; i++) {
        gemm(&p.g);
        advance(&p, index, sp_dtype_size(args->y.dtype));
    }
}

static int64_t work(const sp_call *c)
{
    const flags *t = c->attr;
    sp_shape a = c->shape[0], b = c->shape[1];
    int64_t k = a.dim[a.rank - 1 - !!t->a], n = b.dim[b.rank - 1 - !!t->b];

    return sp__gemm_work(k ? sp_shape_size(a) / k : 0, n, k, c->dtype[0]);
}

/* One kernel per instruction set, which fetches that set's product. */
#define PRODUCT(isa, ISA)                                                           \
    static void f32_##isa(const sp_args *a) { product(a, sp__gemm_for(ISA, SP_F32)); } \
    static void f64_##isa(const sp_args *a) { product(a, sp__gemm_for(ISA, SP_F64)); }
#define ENTRY(isa, ISA) [ISA] = { [SP_F32] = f32_##isa, [SP_F64] = f64_##isa },
SP_EACH_ISA(PRODUCT)

/* Many rows against one matrix, [.., M, K] as [.. M, K]: so a gradient by that one matrix is
   a single product over all rows. */
static sp_var as_rows(sp_var x)
{
    sp_shape s = sp_var_shape(x);
    int64_t rows = 1;

    for (int d = 0; d < s.rank - 1; d++) rows *= s.dim[d];
    return s.rank == 2 ? x : sp_reshape(x, SP_SHAPE(rows, s.dim[s.rank - 1]));
}

/* dA = G B^T, dB = A^T G, each read as op(A), op(B) say. */
static void vjp(const sp_pullback *v)
{
    const flags *t = v->attr;
    sp_var a = v->x[0], b = v->x[1], g = v->g;
    bool one_matrix = sp_var_shape(b).rank == 2 && sp_var_shape(a).rank > 2 && !t->a
                   && sp_shape_size(sp_var_shape(a)) > 0;

    if (sp_wants(v, 0))
        sp_push(v, 0, t->a ? sp_matmul_t(b, t->b, g, true) : sp_matmul_t(g, false, b, !t->b));
    if (!sp_wants(v, 1)) return;
    if (one_matrix) a = as_rows(a), g = as_rows(g);
    sp_push(v, 1, t->b ? sp_matmul_t(g, true, a, t->a) : sp_matmul_t(a, !t->a, g, false));
}

static int64_t repeated(sp_shape x, sp_shape y, int64_t batch_index)
{
    int64_t at = 0, stride = 1;

    for (int d = (int)y.rank - 3, k = (int)x.rank - 3; d >= 0; d--, k--) {
        int64_t i = batch_index % y.dim[d];
        batch_index /= y.dim[d];
        if (k < 0) continue;
        at += (x.dim[k] == 1 ? 0 : i) * stride;
        stride *= x.dim[k];
    }
    return at;
}

static void reference(const sp_args *args)
{
    const flags *t = args->attr;
    sp_shape a = args->x[0].shape, b = args->x[1].shape, y = args->y.shape;
    int64_t m = y.dim[y.rank - 2], n = y.dim[y.rank - 1], k = a.dim[a.rank - 1 - !!t->a];
    double *c = args->y.data;

    for (int64_t i = 0; i < sp_shape_size(y); i++) {
        int64_t row = i / n % m, col = i % n, which = i / (m * n);
        const double *as = (const double *)args->x[0].data + repeated(a, y, which) * m * k;
        const double *bs = (const double *)args->x[1].data + repeated(b, y, which) * k * n;
        c[i] = 0;
        for (int64_t j = 0; j < k; j++)
            c[i] += as[t->a ? j * m + row : row * k + j] * bs[t->b ? col * k + j : j * n + col];
    }
}

#define AB   .attr = &(flags){ 0, 0 }
#define ATB  .attr = &(flags){ 1, 0 }
#define ABT  .attr = &(flags){ 0, 1 }
#define ATBT .attr = &(flags){ 1, 1 }
static const sp_sample samples[] = {
    { .in = "3x4 4x5", AB },
    { .in = "4x3 4x5", ATB },
    { .in = "3x4 5x4", ABT },
    { .in = "4x3 5x4", ATBT },
    { .in = "1x7 7x1", AB },
    { .in = "2x3x4 4x5", AB },
    { .in = "2x3x4 5x4", ABT },
    { .in = "2x3x4 2x4x2", AB },
    { .in = "2x1x2x3 4x3x2", AB },
    { .in = "2x3 4x3x2", AB },
    { .in = "3x2 4x3x2", ATB },
    { .in = "2x4x3 2x5", ATBT, .fails = "inner sizes 4 and 5 differ" },
    { .in = "0x4 4x5", AB },
    { .in = "2x3x4 4x0", AB },
    { .in = "2x3x4 0x4", ABT },
    { .in = "3x0 0x5", AB },
    { .in = "3x4 4x0", AB },
    { .in = "2x0x3 3x4", AB },
    { .in = "3x4 5x6", AB, .fails = "inner sizes 4 and 5 differ" },
    { .in = "4 4x5", AB, .fails = "rank 2 or more" },
    { .in = "3x4 .", AB, .fails = "a scalar is no matrix" },
    { .in = "2x3x4 3x4x5", AB, .fails = "leading axes do not broadcast" },
    { .in = "3x4:i32 4x5:i32", AB, .fails = "needs f32 or f64" },
    { 0 },
};

extern const sp_op sp__op_matmul;
const sp_op sp__op_matmul = {
    .name = "matmul",
    .maths = "y[i,j] = sum over k of a[i,k] b[k,j]",
    .kind = SP_CONTRACT,
    .n_in = 2,
    .attr_size = sizeof(flags),
    .strided = true,
    .shape = shape,
    .work = work,
    .kernels = { SP_EACH_ISA(ENTRY) },
    .vjp = vjp,
    .reference = reference,
    .samples = samples,
};

sp_var sp_matmul_t(sp_var a, bool a_transposed, sp_var b, bool b_transposed)
{
    return sp_apply(&sp__op_matmul, 2, (sp_var[]){ a, b }, &(flags){ a_transposed, b_transposed },
                    NULL);
}
