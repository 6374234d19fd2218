/* SPDX-License-Identifier: MIT
 *
 * linear_scan - h_t = a_t h_(t-1) + b_t along axis 0, real or complex, each element by itself.
 *
 * The adjoint is the same op run the other way with a lagging by one:
 *   s_t = g_t + conj(a_(t+1)) s_(t+1)      dL/db_t = s_t      dL/da_t = s_t conj(h_(t-1))
 * so the record has flags for these, and derivatives of any order stay within it.
 * Time is the outer loop over a tile of elements: small enough that its last h is in the cache,
 * large enough that the memory is read in long runs.
 */
#include <string.h>
#include "autograd/called.h"
#include "autograd/ops.h"
#include "autograd/ops/records.h"
#include "tensor/strided.h"

/* lagged: a_(t-1) takes the place of a_t, and 1 that of the first; conj: conj(a) that of a. */
typedef struct scan_attr { int64_t reverse, lagged, conj; } scan_attr;

enum { Y, A, B, H, LANES, TILE = 8192 };

/* Elements of one step: the next is `next` further; a complex one has its other half `half`
   further. */
typedef struct lane { char *at; int64_t next, half; } lane;

#if defined(SP_TARGET_AVX512)
#define PAIRS_f32(f) f(0), f(2), f(4), f(6), f(8), f(10), f(12), f(14)
#define PAIRS_f64(f) f(0), f(2), f(4), f(6)
#elif defined(SP_TARGET_AVX2)
#define PAIRS_f32(f) f(0), f(2), f(4), f(6)
#define PAIRS_f64(f) f(0), f(2)
#else
#define PAIRS_f32(f) f(0), f(2)
#define PAIRS_f64(f) f(0)
#endif
#define FIRST(i)  i, i
#define SECOND(i) i + 1, i + 1
#define SWAP(i)   i + 1, i
#define MINUS(i)  -1, 1

/* n elements; those beyond are anything. */
#define ACCESS(T, type)                                                             \
    SP_VEC v##type get_##type(const lane *l, int64_t i, int64_t n)                  \
    {                                                                               \
        const T *p = (const T *)l->at + i * l->next;                                \
        v##type x = { 0 };                                                          \
        if (l->next == 1) return n == VLEN(T) ? vload(p) : vload_part(p, n);        \
        if (l->next == 0) return vset(x, (double)*p);                               \
        for (int64_t k = 0; k < n; k++) x[k] = p[k * l->next];                      \
        return x;                                                                   \
    }                                                                               \
    SP_VEC void put_##type(const lane *l, int64_t i, v##type x, int64_t n)          \
    {                                                                               \
        T *p = (T *)l->at + i * l->next;                                            \
        if (l->next != 1) for (int64_t k = 0; k < n; k++) p[k * l->next] = x[k];    \
        else if (n == VLEN(T)) vstore(p, x);                                        \
        else vstore_part(p, x, n);                                                  \
    }                                                                               \
    SP_VEC v##type get_pairs_##type(const lane *l, int64_t i, int64_t n)            \
    {                                                                               \
        const T *p = (const T *)l->at + i * l->next;                                \
        v##type x = { 0 };                                                          \
        if (l->next == 2 && l->half == 1)                                           \
            return 2 * n == VLEN(T) ? vload(p) : vload_part(p, 2 * n);              \
        for (int64_t k = 0; k < n; k++)                                             \
            x[2 * k] = p[k * l->next], x[2 * k + 1] = p[k * l->next + l->half];     \
        return x;                                                                   \
    }                                                                               \
    SP_VEC void put_pairs_##type(const lane *l, int64_t i, v##type x, int64_t n)    \
    {                                                                               \
        T *p = (T *)l->at + i * l->next;                                            \
        if (l->next == 2 && l->half == 1) { vstore_part(p, x, 2 * n); return; }     \
        for (int64_t k = 0; k < n; k++)                                             \
            p[k * l->next] = x[2 * k], p[k * l->next + l->half] = x[2 * k + 1];     \
    }
ACCESS(float, f32)
ACCESS(double, f64)

/* (ar hr - ai hi + br, ar hi + ai hr + bi), ai with the sign that conj gives it. */
#define STEPS(T, type)                                                              \
    static void linear_scan_step_##type(const lane l[], int64_t n, bool conj)       \
    {                                                                               \
        (void)conj;                                                                 \
        for (int64_t i = 0; i < n; i += VLEN(T)) {                                  \
            int64_t part = n - i < VLEN(T) ? n - i : VLEN(T);                       \
            v##type a = get_##type(l + A, i, part), b = get_##type(l + B, i, part); \
            put_##type(l + Y, i, vfma(a, get_##type(l + H, i, part), b), part);     \
        }                                                                           \
    }                                                                               \
    static void linear_scan_complex_step_##type(const lane l[], int64_t n, bool conj) \
    {                                                                               \
        const v##type minus = { PAIRS_##type(MINUS) }, sign = conj ? -minus : minus; \
        for (int64_t i = 0; i < n; i += VLEN(T) / 2) {                              \
            int64_t part = n - i < VLEN(T) / 2 ? n - i : VLEN(T) / 2;               \
            v##type a = get_pairs_##type(l + A, i, part), h = get_pairs_##type(l + H, i, part); \
            v##type ar = __builtin_shufflevector(a, a, PAIRS_##type(FIRST));        \
            v##type ai = __builtin_shufflevector(a, a, PAIRS_##type(SECOND));       \
            v##type turned = __builtin_shufflevector(h, h, PAIRS_##type(SWAP));     \
            v##type y = vfma(ar, h, get_pairs_##type(l + B, i, part));              \
            put_pairs_##type(l + Y, i, vfma(ai * sign, turned, y), part);           \
        }                                                                           \
    }
STEPS(float, f32)
STEPS(double, f64)

/* What is the same for every tile. */
typedef struct scan {
    const sp_operand *o[LANES];
    scan_attr         attr;
    int64_t           steps, size;              /* bytes of a number */
    lane              one;                      /* the number 1 */
    void            (*step)(const lane l[], int64_t n, bool conj);
} scan;

/* All steps of n elements; l[] is where these begin in step 0. */
static void tile(const scan *s, const lane start[], int64_t n)
{
    lane l[LANES];

    memcpy(l, start, sizeof l);
    for (int64_t k = 0, was = 0; k < s->steps; k++) {
        int64_t t = s->attr.reverse ? s->steps - 1 - k : k;
        int64_t a = s->attr.lagged ? was : t;
        l[Y].at = start[Y].at + t * s->o[Y]->stride[0] * s->size;
        l[A].at = start[A].at + a * s->o[A]->stride[0] * s->size;
        l[B].at = start[B].at + t * s->o[B]->stride[0] * s->size;
        if (k > 0) {
            l[H] = start[Y];
            l[H].at += was * s->o[Y]->stride[0] * s->size;
        }
        if (k == 0 && s->attr.lagged) l[A] = s->one;
        s->step(l, n, s->attr.conj != 0);
        if (k == 0) l[A] = start[A];
        was = t;
    }
}

/* The elements of a step, row by row; a complex one's halves lie along the last axis. */
static void run(scan *s, const sp_args *args, bool complex)
{
    int64_t rank = args->y.shape.rank - complex;
    const int64_t *strides[LANES];
    sp_shape inner = { rank - 1, { 0 } };
    sp_walk w;

    s->o[Y] = &args->y;
    for (int i = A; i < LANES; i++) s->o[i] = &args->x[i - A];
    for (int i = 0; i < LANES; i++) strides[i] = s->o[i]->stride + (i != H);
    for (int64_t d = 0; d < rank - 1; d++) inner.dim[d] = args->y.shape.dim[d + 1];
    sp__walk_begin(&w, inner, LANES, strides);
    for (int64_t r = 0; r < w.rows; r++) {
        for (int64_t i = 0; i < w.len; i += TILE) {
            lane l[LANES];
            for (int k = 0; k < LANES; k++) {
                int64_t next = w.stride[k][w.shape.rank - 1];
                l[k] = (lane){ (char *)s->o[k]->data + (w.at[k] + i * next) * s->size, next,
                               complex ? strides[k][rank - 1] : 0 };
            }
            tile(s, l, w.len - i < TILE ? w.len - i : TILE);
        }
        sp__walk_on(&w, 1);
    }
}

#define KERNELS(OP, T, type, COMPLEX)                                               \
    sp_kernel KERNEL(OP, type);                                                     \
    void KERNEL(OP, type)(const sp_args *a)                                         \
    {                                                                               \
        T one[2] = { 1, 0 };                                                        \
        scan s = { .attr = *(const scan_attr *)a->attr, .steps = a->y.shape.dim[0], \
                   .size = sizeof(T), .one = { (char *)one, 0, 1 }, .step = OP##_step_##type }; \
        run(&s, a, COMPLEX);                                                        \
    }
KERNELS(linear_scan, float, f32, false)
KERNELS(linear_scan, double, f64, false)
KERNELS(linear_scan_complex, float, f32, true)
KERNELS(linear_scan_complex, double, f64, true)

#ifdef SP_RECORDS
SP_DECLARE(linear_scan)
SP_DECLARE(linear_scan_complex)

/* ---- what the two share ---- */

/* A shape without its first axis. */
static sp_shape one_step(sp_shape x)
{
    sp_shape y = { x.rank - 1, { 0 } };
    for (int64_t d = 0; d < y.rank; d++) y.dim[d] = x.dim[d + 1];
    return y;
}

static bool scan_shape(const sp_call *c, sp_shape *y)
{
    char text[SP_SHAPE_TEXT];

    *y = c->shape[1];
    if (y->rank == 0) return sp_refuse(c, "a scalar has no time axis");
    if (!sp_shape_equal(c->shape[0], *y)) return sp_refuse(c, "a and b do not broadcast");
    if (sp_shape_equal(c->shape[2], one_step(*y))) return true;
    return sp_refuse(c, "h0 must be one step, %s", sp_shape_text(one_step(*y), text));
}

static bool complex_shape(const sp_call *c, sp_shape *y)
{
    sp_shape b = c->shape[1];

    if (b.rank > 1 && b.dim[b.rank - 1] == 2) return scan_shape(c, y);
    return sp_refuse(c, "complex numbers are a last axis of 2 behind the time axis");
}

/* x one step later (`reverse`: earlier), with `fill` for the step that it lacks. */
static sp_var later(sp_var x, sp_var fill, bool reverse)
{
    int64_t steps = sp_var_dim(x, 0);

    if (steps == 0) return x;
    sp_var rest = sp_slice(x, 0, reverse, steps - 1), new = sp_unsqueeze(fill, 0);
    return reverse ? sp_concat(SP_VARS(rest, new), 0) : sp_concat(SP_VARS(new, rest), 0);
}

/* u conj(v) */
static sp_var complex_times(sp_var u, sp_var v)
{
    sp_var ur = sp_select(u, -1, 0), ui = sp_select(u, -1, 1);
    sp_var vr = sp_select(v, -1, 0), vi = sp_select(v, -1, 1);

    return sp_stack(SP_VARS(sp_add(sp_mul(ur, vr), sp_mul(ui, vi)),
                            sp_sub(sp_mul(ui, vr), sp_mul(ur, vi))), -1);
}

static void scan_vjp(const sp_pullback *v, const sp_op *op, sp_var (*times)(sp_var, sp_var))
{
    const scan_attr *at = v->attr;
    int64_t steps = sp_var_dim(v->y, 0);
    sp_var a = v->x[0], zero = sp_full(v->y.tape, sp_var_dtype(v->y), sp_var_shape(v->x[2]), 0);
    scan_attr back = { !at->reverse, !at->lagged, !at->conj };
    sp_var s = sp_apply(op, 3, (sp_var[]){ a, v->g, zero }, &back, NULL);

    sp_push(v, 1, s);
    if (sp_wants(v, 0)) {
        sp_var to = at->lagged ? later(s, zero, !at->reverse) : s;
        sp_var from = at->lagged ? v->y : later(v->y, v->x[2], at->reverse);
        sp_push(v, 0, at->conj ? times(from, to) : times(to, from));
    }
    if (steps == 0 || !sp_wants(v, 2)) return;
    int64_t first = at->reverse ? steps - 1 : 0;
    sp_var h = sp_select(s, 0, first), a_first = sp_slice(a, 0, first, 1);
    if (!at->lagged) {                           /* conj(a) h, as one step of a scan */
        sp_var none = sp_full(a.tape, sp_var_dtype(a), sp_var_shape(a_first), 0);
        scan_attr only = { .conj = !at->conj };
        h = sp_apply(op, 3, (sp_var[]){ a_first, none, h }, &only, NULL);
        h = sp_select(h, 0, 0);
    }
    sp_push(v, 2, h);
}

/* Whether a and b go together. */
static bool fit(sp_var a, sp_var b)
{
    sp_shape whole;
    return sp_var_dtype(a) == sp_var_dtype(b) && sp_is_floating(sp_var_dtype(a))
        && sp_shape_broadcast(sp_var_shape(a), sp_var_shape(b), &whole);
}

/* a and b broadcast to one shape, h0 to one step of it.  Without h0 a quotient says what is wrong
   with the two alone. */
static sp_var scan_of(const sp_op *op, const sp_var x[3], bool reverse)
{
    sp_var all[] = { x[0], x[1], sp_is_given(x[2]) ? x[2] : x[1] };
    scan_attr attr = { .reverse = reverse };
    sp_shape whole, step, h;

    if (sp_is_nothing(x[0]) || sp_is_nothing(x[1]) || sp_is_nothing(all[2]))
        return sp_apply(op, 3, all, &attr, NULL);
    if (!sp_is_given(x[2]) && !fit(x[0], x[1])) return sp_div(x[0], x[1]);
    if (!sp_shape_broadcast(sp_var_shape(x[0]), sp_var_shape(x[1]), &whole) || whole.rank == 0)
        return sp_apply(op, 3, all, &attr, NULL);
    step = one_step(whole);
    all[0] = sp_broadcast(x[0], whole);
    all[1] = sp_broadcast(x[1], whole);
    if (!sp_is_given(x[2])) all[2] = sp_full(x[1].tape, sp_var_dtype(x[1]), step, 0);
    else if (sp_shape_broadcast(sp_var_shape(x[2]), step, &h) && sp_shape_equal(h, step))
        all[2] = sp_broadcast(x[2], step);
    return sp_apply(op, 3, all, &attr, NULL);
}

/* ---- real ---- */

extern const sp_op sp__op_linear_scan, sp__op_linear_scan_complex;

static void real_vjp(const sp_pullback *v) { scan_vjp(v, &sp__op_linear_scan, sp_mul); }

/* Element by element: halves[0] numbers each, the real part first. */
static void reference(const sp_args *args, int64_t halves)
{
    const scan_attr *at = args->attr;
    const double *a = args->x[0].data, *b = args->x[1].data, *h0 = args->x[2].data;
    double *y = args->y.data;
    int64_t steps = args->y.shape.dim[0], n = sp_shape_size(args->x[2].shape);

    for (int64_t i = 0; i < n; i += halves) {
        double hr = h0[i], hi = halves > 1 ? h0[i + 1] : 0;
        for (int64_t k = 0; k < steps; k++) {
            int64_t t = at->reverse ? steps - 1 - k : k, before = at->reverse ? t + 1 : t - 1;
            int64_t now = t * n + i, from = (at->lagged ? before : t) * n + i;
            bool is_one = at->lagged && k == 0;
            double ar = is_one ? 1 : a[from], ai = is_one || halves == 1 ? 0 : a[from + 1];
            double was = hr;
            if (at->conj) ai = -ai;
            hr = ar * hr - ai * hi + b[now];
            hi = ar * hi + ai * was + (halves > 1 ? b[now + 1] : 0);
            y[now] = hr;
            if (halves > 1) y[now + 1] = hi;
        }
    }
}

static void real_reference(const sp_args *a) { reference(a, 1); }
static void complex_reference(const sp_args *a) { reference(a, 2); }

static const scan_attr onward = { 0 }, reversed = { .reverse = 1 }, lagging = { .lagged = 1 },
                       back = { 1, 1, 1 }, conjugate = { .conj = 1 };
static const sp_sample real_samples[] = {
    { .in = "4x3 4x3 3", .attr = &onward }, { .in = "4x3 4x3 3", .attr = &reversed },
    { .in = "4x3 4x3 3", .attr = &lagging }, { .in = "3x2x3 3x2x3 2x3", .attr = &back },
    { .in = "5 5 .", .attr = &onward }, { .in = "1x2 1x2 2", .attr = &back },
    { .in = "6x21 6x21 21", -1, 1, &onward }, { .in = "2x1x2x1x2x2 2x1x2x1x2x2 1x2x1x2x2", -1, 1,
                                               &onward },
    { .in = "2x8200 2x8200 8200", -1, 1, &reversed, .no_slope = true },
    { .in = "0x3 0x3 3", .attr = &onward }, { .in = "4x0 4x0 0", .attr = &onward },
    { .in = ". . .", .attr = &onward, .fails = "a scalar has no time axis" },
    { .in = "4x3 4x2 2", .attr = &onward, .fails = "a and b do not broadcast" },
    { .in = "4x3 4x3 4x3", .attr = &onward, .fails = "h0 must be one step, [3]" },
    { .in = "4:i32 4:i32 .:i32", .attr = &onward, .fails = "needs f32 or f64" }, { 0 },
};

const sp_op sp__op_linear_scan = {
    .name = "linear_scan", .maths = "h_t = a_t h_(t-1) + b_t", .kind = SP_OTHER, .n_in = 3,
    .attr_size = sizeof(scan_attr), .strided = true, .shape = scan_shape,
    .kernels = SP_KERNELS(linear_scan), .vjp = real_vjp, .reference = real_reference,
    .samples = real_samples,
};

sp_var sp_linear_scan(sp_var a, sp_var b, sp_var h0, bool reverse)
{
    const sp_op *op = &sp__op_linear_scan;
    return SP_CALLED_ON(sp__either(a, b), op->name, scan_of(op, (sp_var[]){ a, b, h0 }, reverse));
}

/* ---- complex ---- */

static void complex_vjp(const sp_pullback *v)
{
    scan_vjp(v, &sp__op_linear_scan_complex, complex_times);
}

static const sp_sample complex_samples[] = {
    { .in = "4x3x2 4x3x2 3x2", .attr = &onward }, { .in = "4x3x2 4x3x2 3x2", .attr = &reversed },
    { .in = "3x3x2 3x3x2 3x2", .attr = &lagging }, { .in = "3x2x2 3x2x2 2x2", .attr = &back },
    { .in = "3x2x1x2 3x2x1x2 2x1x2", .attr = &conjugate }, { .in = "5x2 5x2 2", .attr = &onward },
    { .in = "5x11x2 5x11x2 11x2", -1, 1, &onward },
    { .in = "0x3x2 0x3x2 3x2", .attr = &onward }, { .in = "4x0x2 4x0x2 0x2", .attr = &onward },
    { .in = "4x3 4x3 3", .attr = &onward, .fails = "complex numbers are a last axis of 2" },
    { .in = "2 2 .", .attr = &onward, .fails = "behind the time axis" },
    { .in = "4x3x2 4x1x2 1x2", .attr = &onward, .fails = "a and b do not broadcast" },
    { .in = "4x3x2 4x3x2 2", .attr = &onward, .fails = "h0 must be one step, [3,2]" },
    { .in = "4x2:i32 4x2:i32 2:i32", .attr = &onward, .fails = "needs f32 or f64" }, { 0 },
};

const sp_op sp__op_linear_scan_complex = {
    .name = "linear_scan_complex", .maths = "h_t = a_t h_(t-1) + b_t, complex", .kind = SP_OTHER,
    .n_in = 3, .attr_size = sizeof(scan_attr), .strided = true, .shape = complex_shape,
    .kernels = SP_KERNELS(linear_scan_complex), .vjp = complex_vjp,
    .reference = complex_reference, .samples = complex_samples,
};

sp_var sp_linear_scan_complex(sp_var a, sp_var b, sp_var h0, bool reverse)
{
    const sp_op *op = &sp__op_linear_scan_complex;
    return SP_CALLED_ON(sp__either(a, b), op->name, scan_of(op, (sp_var[]){ a, b, h0 }, reverse));
}
#endif
