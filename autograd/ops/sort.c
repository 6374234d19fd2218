/* SPDX-License-Identifier: MIT
 *
 * sort - the order of the elements along an axis, all or the first k, and what is picked by it.
 *
 * An element becomes a whole number that sorts as it does, or turned over as the opposite, so one
 * sort serves every dtype and both ways.  Merging keeps equal ones in order.
 */
#include <string.h>
#include "autograd/called.h"
#include "autograd/ops.h"
#include "autograd/ops/records.h"

typedef struct argsort_attr { int64_t axis, k, descending; } argsort_attr;

/* ---- keys ---- */

static const uint64_t sign_bit = (uint64_t)1 << 63;

static uint64_t whole_key(int64_t x) { return (uint64_t)x ^ sign_bit; }

/* The bits of negative numbers run backwards.  -0 is 0; NaN is the largest. */
static uint64_t floating_key(double x)
{
    uint64_t bits;

    if (x != x) return UINT64_MAX;
    memcpy(&bits, &x, sizeof bits);
    if (bits == sign_bit) bits = 0;
    return bits & sign_bit ? ~bits : bits | sign_bit;
}

/* ---- sorting ---- */

typedef struct element { uint64_t key; int64_t place; } element;

/* Runs a[0, half) and a[half, n) as one. */
static void merge(const element *a, int64_t half, int64_t n, element *to)
{
    int64_t i = 0, j = half;

    if (half < n && a[half].key < a[half - 1].key) {
        while (i < half && j < n) {
            bool second = a[j].key < a[i].key;
            *to++ = a[second ? j : i];
            j += second, i += !second;
        }
    }
    memcpy(to, a + i, (size_t)(half - i) * sizeof *a);
    memcpy(to + half - i, a + j, (size_t)(n - j) * sizeof *a);
}

/* Runs of one, of two, of four, ... */
static void sort(element *a, element *spare, int64_t n)
{
    element *from = a, *to = spare;

    for (int64_t run = 1; run < n; run *= 2) {
        for (int64_t i = 0; i < n; i += 2 * run) {
            int64_t left = n - i;
            merge(from + i, run < left ? run : left, 2 * run < left ? 2 * run : left, to + i);
        }
        element *was = from;
        from = to, to = was;
    }
    if (from != a) memcpy(a, from, (size_t)n * sizeof *a);
}

/* ---- the first k ---- */

/* The k best so far, sorted, and behind them what may be better.  Sorting it only when it is
   full costs O(n log k) for n elements. */
typedef struct room {
    element *at, *spare;
    int64_t  k, size, filled;
    bool     sifted;                             /* at[k - 1] is the worst that counts */
} room;

/* So that sorting pays; n: all elements are in it at once. */
static int64_t room_size(int64_t n, int64_t k)
{
    return k > 0 && k < n / 2 - 32 ? 2 * k + 64 : n;
}

static inline void offer(room *r, element e)
{
    if (r->sifted && e.key >= r->at[r->k - 1].key) return;
    if (r->filled == r->size) {
        sort(r->at, r->spare, r->filled);
        r->filled = r->k;
        r->sifted = true;
    }
    r->at[r->filled++] = e;
}

/* The places of the k best, `step` apart; the room is empty again. */
static void settle(room *r, int64_t *y, int64_t step)
{
    sort(r->at, r->spare, r->filled);
    for (int64_t i = 0; i < r->k; i++) y[i * step] = r->at[i].place;
    r->filled = 0;
    r->sifted = false;
}

/* ---- argsort ---- */

static sp_reduced around(sp_shape shape, int64_t axis)
{
    return sp__reduced(shape, &(sp_reduce_attr){ axis, 1, 0 });
}

#define ARGSORT(T, KEY)                                                             \
    static void argsort_##T(const sp_args *a)                                       \
    {                                                                               \
        const argsort_attr *at = a->attr;                                           \
        sp_reduced s = around(a->x[0].shape, at->axis);                             \
        int64_t size = room_size(s.n, at->k);                                       \
        room r = { a->work, (element *)a->work + size, at->k, size, 0, false };     \
        uint64_t turn = at->descending ? UINT64_MAX : 0;                            \
        for (int64_t i = 0; i < s.outer * s.inner && at->k > 0; i++) {              \
            int64_t o = i / s.inner * s.inner, j = i % s.inner;                     \
            const T *x = (const T *)a->x[0].data + o * s.n + j;                     \
            for (int64_t k = 0; k < s.n; k++)                                       \
                offer(&r, (element){ KEY(x[k * s.inner]) ^ turn, k });              \
            settle(&r, (int64_t *)a->y.data + o * at->k + j, s.inner);              \
        }                                                                           \
    }
ARGSORT(float, floating_key)
ARGSORT(double, floating_key)
ARGSORT(int32_t, whole_key)
ARGSORT(int64_t, whole_key)
ARGSORT(uint8_t, whole_key)

static int64_t argsort_work(const sp_call *c)
{
    const argsort_attr *at = c->attr;
    int64_t bytes, each = 2 * (int64_t)sizeof(element);

    if (sp_shape_size(c->shape[0]) == 0) return 0;
    return sp_size_mul(room_size(c->shape[0].dim[at->axis], at->k), each, &bytes)
               ? bytes : INT64_MAX / 2;
}

static bool argsort_dtype(const sp_call *c, sp_dtype *y)
{
    (void)c;
    *y = SP_I64;
    return true;
}

static bool argsort_shape(const sp_call *c, sp_shape *y)
{
    const argsort_attr *at = c->attr;

    *y = c->shape[0];
    if (at->axis < 0 || at->axis >= y->rank)
        return sp_refuse(c, "there is no axis %lld in rank %lld", (long long)at->axis,
                         (long long)y->rank);
    if (at->k < 0 || at->k > y->dim[at->axis])
        return sp_refuse(c, "it cannot pick %lld of %lld elements along axis %lld",
                         (long long)at->k, (long long)y->dim[at->axis], (long long)at->axis);
    y->dim[at->axis] = at->k;
    return true;
}

/* How two operands' elements i and j compare, as PyTorch says it: NaN is larger than any number. */
static bool is_larger(const sp_operand *x, int64_t i, int64_t j)
{
    const int64_t *whole = x->data;
    const double *v = x->data;

    if (!sp_is_floating(x->dtype)) return whole[i] > whole[j];
    return v[i] > v[j] || (v[i] != v[i] && v[j] == v[j]);
}

/* The place of each element is the number of those that come first. */
static void argsort_reference(const sp_args *a)
{
    const argsort_attr *at = a->attr;
    sp_reduced s = around(a->x[0].shape, at->axis);

    for (int64_t e = 0; e < s.outer * s.n * s.inner; e++) {
        int64_t k = e / s.inner % s.n, lane = e - k * s.inner, first = 0;
        for (int64_t j = 0; j < s.n; j++) {
            int64_t f = lane + j * s.inner;
            bool more = is_larger(a->x, f, e), less = is_larger(a->x, e, f);
            first += more == less ? j < k : at->descending ? more : less;
        }
        if (first >= at->k) continue;
        int64_t to = (lane / s.inner / s.n * at->k + first) * s.inner + lane % s.inner;
        ((int64_t *)a->y.data)[to] = k;
    }
}

#define BY(axis, k, descending) &(argsort_attr){ axis, k, descending }
static const sp_sample argsort_samples[] = {
    { .in = "3x4", .attr = BY(1, 4, 0) }, { .in = "3x4", .attr = BY(0, 3, 1) },
    { .in = "2x7x3", .attr = BY(1, 7, 1) }, { .in = "2x7x3", .attr = BY(1, 3, 1) },
    { .in = "2x5x1x3", .attr = BY(3, 2, 0) }, { .in = "9", .attr = BY(0, 9, 0) },
    { .in = "300", .attr = BY(0, 300, 1) }, { .in = "300", .attr = BY(0, 5, 1) },
    { .in = "2x500x2", .attr = BY(1, 1, 0) }, { .in = "7", 1, 1, BY(0, 7, 1) },
    { .in = "8=1,nan,-1,inf,-inf,0,nan,-0", .attr = BY(0, 8, 0) },
    { .in = "8=1,nan,-1,inf,-inf,0,nan,-0", .attr = BY(0, 8, 1) },
    { .in = "3x40:i32", -9, 9, BY(1, 40, 0) }, { .in = "300:i64", -9, 9, BY(0, 40, 1) },
    { .in = "3x9:bool", 0, 2, BY(1, 9, 1) },
    { .in = "3x4", .attr = BY(1, 0, 0) }, { .in = "3x0", .attr = BY(1, 0, 0) },
    { .in = "0x3", .attr = BY(1, 2, 1) }, { .in = "0x3", .attr = BY(0, 0, 1) },
    { .in = "3x4", .attr = BY(1, 5, 0), .fails = "it cannot pick 5 of 4 elements along axis 1" },
    { .in = "3x4", .attr = BY(0, -1, 0), .fails = "it cannot pick -1 of 3 elements along axis 0" },
    { .in = "3", .attr = BY(1, 1, 0), .fails = "there is no axis 1 in rank 1" },
    { .in = ".", .attr = BY(0, 0, 0), .fails = "there is no axis 0 in rank 0" }, { 0 },
};

extern const sp_op sp__op_argsort;
const sp_op sp__op_argsort = {
    .name = "argsort", .maths = "the indices that sort x along an axis, all or the first k",
    .kind = SP_OTHER, .n_in = 1, .attr_size = sizeof(argsort_attr), .constant = true,
    .dtype = argsort_dtype, .shape = argsort_shape, .work = argsort_work,
    .kernels = { [SP_PORTABLE] = { argsort_float, argsort_double, argsort_int32_t,
                                   argsort_int64_t, argsort_uint8_t } },
    .reference = argsort_reference, .samples = argsort_samples,
};

/* ---- what is picked ---- */

static sp_var first(sp_var x, int64_t k, int axis, bool descending)
{
    int d = sp_axis(axis, sp_var_shape(x).rank);
    return sp_apply(&sp__op_argsort, 1, &x, &(argsort_attr){ d < 0 ? axis : d, k, descending },
                    NULL);
}

sp_var sp_argsort(sp_var x, int axis, bool descending)
{
    return first(x, sp_var_dim(x, axis), axis, descending);
}

sp_var sp_sort(sp_var x, int axis, bool descending)
{
    return SP_CALLED(x, "sort", sp_take_along_axis(x, sp_argsort(x, axis, descending), axis));
}

bool sp_topk(sp_var x, int64_t k, int axis, bool smallest, sp_var *values, sp_var *indices)
{
    sp_var index = SP_CALLED(x, "topk", first(x, k, axis, !smallest));

    if (indices) *indices = index;
    if (values) *values = SP_CALLED(x, "topk", sp_take_along_axis(x, index, axis));
    return !sp_is_nothing(index);
}

/* The last of the lower half, or a NaN, which is first from above. */
static sp_var middle(sp_var x, int axis)
{
    int64_t k = (sp_var_dim(x, axis) + 1) / 2;
    sp_var lower = first(x, k ? k : 1, axis, false), last = first(x, 1, axis, true);
    sp_var most = sp_take_along_axis(x, last, axis);
    sp_var at = sp_where(sp_not_equal(most, most), last, sp_slice(lower, axis, k - 1, 1));

    return sp_squeeze(sp_take_along_axis(x, at, axis), axis);
}

sp_var sp_median(sp_var x, int axis) { return SP_CALLED(x, "median", middle(x, axis)); }
