/* SPDX-License-Identifier: MIT
 *
 * test_gemm.c - the matrix product, on every instruction set of this machine, against
 * plain loops: in f64 within a bound, and as a scalar chain bit for bit.
 */
#include <check.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "tensor/alloc.h"
#include "tensor/gemm.h"
#include "tests/suite.h"

/* A matrix inside a buffer with room around it. */
typedef struct grid {
    sp_matrix at;
    char     *buffer;
    int64_t   bytes;
} grid;

typedef enum order {
    ROWS_DENSE, COLS_DENSE, ROWS_APART, STEPPED, BACKWARD, REPEATED, N_ORDERS
} order;

typedef struct product {
    sp_isa   isa;
    sp_dtype dtype;
    int64_t  m, n, k;
    order    a, b, c;
    bool     add, whole;        /* whole: integer data */
} product;

static uint64_t seed = 1;

static int64_t below(int64_t n)
{
    seed = seed * 6364136223846793005u + 1442695040888963407u;
    return (int64_t)((seed >> 33) % (uint64_t)n);
}

static double get(const sp_matrix *x, sp_dtype t, int64_t i, int64_t j)
{
    int64_t at = i * x->row + j * x->col;
    return t == SP_F32 ? (double)((const float *)x->data)[at] : ((const double *)x->data)[at];
}

static void put(const sp_matrix *x, sp_dtype t, int64_t at, double value)
{
    if (t == SP_F32)
        ((float *)x->data)[at] = (float)value;
    else
        ((double *)x->data)[at] = value;
}

static sp_matrix strides(order o, int64_t rows, int64_t cols)
{
    switch (o) {
    case COLS_DENSE: return (sp_matrix){ .row = 1, .col = rows };
    case ROWS_APART: return (sp_matrix){ .row = cols + 3, .col = 1 };
    case STEPPED:    return (sp_matrix){ .row = 3 * cols + 1, .col = 3 };
    case BACKWARD:   return (sp_matrix){ .row = -cols, .col = -1 };
    case REPEATED:   return (sp_matrix){ .row = 0, .col = 1 };
    default:         return (sp_matrix){ .row = cols, .col = 1 };
    }
}

static grid grid_new(const product *p, order o, int64_t rows, int64_t cols)
{
    int64_t size = sp_dtype_size(p->dtype), room = 3 * (rows + 1) * (cols + 1) + 16;
    grid    g    = { strides(o, rows, cols), NULL, (room + 16) * size };

    g.buffer = malloc((size_t)g.bytes);
    ck_assert_ptr_nonnull(g.buffer);
    g.at.data = g.buffer;
    for (int64_t i = 0; i < room + 16; i++) {
        double whole = (double)(below(17) - 8), other = (double)(below(2001) - 1000) / 777;
        put(&g.at, p->dtype, i, p->whole ? whole : other);
    }
    int64_t first = o == BACKWARD ? rows * cols + 8 : 8 + below(8);
    g.at.data = g.buffer + first * size;
    return g;
}

/* What the contract promises for one element: a chain in increasing k. */
static double chain(const sp_gemm *g, const product *p, int64_t i, int64_t j)
{
    double c = p->add ? get(&g->c, p->dtype, i, j) : 0;

    for (int64_t q = 0; q < p->k; q++) {
        double a = get(&g->a, p->dtype, i, q), b = get(&g->b, p->dtype, q, j);
        if (p->dtype == SP_F64)
            c = p->isa == SP_PORTABLE ? a * b + c : fma(a, b, c);
        else if (p->isa == SP_PORTABLE)
            c = (double)((float)a * (float)b + (float)c);
        else
            c = (double)fmaf((float)a, (float)b, (float)c);
    }
    return c;
}

/* Naive, in f64; *size becomes the sum of magnitudes. */
static double naive(const sp_gemm *g, const product *p, int64_t i, int64_t j, double *size)
{
    double sum = p->add ? get(&g->c, p->dtype, i, j) : 0;

    *size = fabs(sum);
    for (int64_t q = 0; q < p->k; q++) {
        double term = get(&g->a, p->dtype, i, q) * get(&g->b, p->dtype, q, j);
        sum += term;
        *size += fabs(term);
    }
    return sum;
}

/* Write what is expected of C into `want`; whether the chain itself is near f64.
   (An assertion per element would spend the time in Check's bookkeeping.) */
static bool expect(const sp_gemm *g, const product *p, sp_matrix want)
{
    double eps  = p->dtype == SP_F32 ? 0x1p-24 : 0x1p-53;
    bool   near = true;

    for (int64_t i = 0; i < p->m; i++)
        for (int64_t j = 0; j < p->n; j++) {
            double size, c = chain(g, p, i, j), exact = naive(g, p, i, j, &size);

            near &= fabs(c - exact) <= 4 * ceil(log2((double)p->k + 2)) * eps * size;
            near &= !p->whole || c == exact;
            put(&want, p->dtype, i * want.row + j * want.col, c);
        }
    return near;
}

enum { CANARY = 64 };

/* Run one product; C's whole buffer must become exactly what is expected, gaps included. */
static void try_product(const product *p)
{
    grid    a = grid_new(p, p->a, p->m, p->k), b = grid_new(p, p->b, p->k, p->n);
    grid    c = grid_new(p, p->c, p->m, p->n);
    int64_t work = sp__gemm_work(p->m, p->n, p->k, p->dtype);
    char   *scratch = aligned_alloc(64, (size_t)((work + 63) / 64 * 64 + CANARY));
    char   *want    = malloc((size_t)c.bytes);
    bool    beyond  = false;
    ck_assert(scratch && want);
    memset(scratch, 0xff, (size_t)(work + CANARY));            /* NaNs */
    memcpy(want, c.buffer, (size_t)c.bytes);

    sp_gemm g = { .m = p->m, .n = p->n, .k = p->k, .a = a.at, .b = b.at, .c = c.at,
                  .add = p->add, .work = work ? scratch : NULL };
    sp_matrix w = { want + ((char *)c.at.data - c.buffer), c.at.row, c.at.col };
    ck_assert(expect(&g, p, w));
    sp__gemm_for(p->isa, p->dtype)(&g);

    ck_assert_msg(memcmp(want, c.buffer, (size_t)c.bytes) == 0,
                  "%s %s %dx%dx%d orders %d %d %d add %d", sp_isa_name(p->isa),
                  sp_dtype_name(p->dtype), (int)p->m, (int)p->n, (int)p->k,
                  p->a, p->b, p->c, p->add);
    for (int i = 0; i < CANARY; i++) beyond |= scratch[work + i] != (char)0xff;
    ck_assert(!beyond);
    free(a.buffer), free(b.buffer), free(c.buffer), free(scratch), free(want);
}

static void on_each(product p, void (*run)(product))
{
    for (int isa = 0; isa < SP_N_ISAS; isa++)
        for (int dtype = SP_F32; dtype <= SP_F64 && sp_isa_usable((sp_isa)isa); dtype++) {
            p.isa   = (sp_isa)isa;
            p.dtype = (sp_dtype)dtype;
            run(p);
        }
}

static void small_shapes(product p)
{
    for (p.m = 0; p.m < 10; p.m++)
        for (p.n = 0; p.n < 60; p.n += 1 + p.n / 4)
            for (p.k = 0; p.k < 7; p.k++) try_product(&p);
}

static void random_shapes(product p)
{
    for (int i = 0; i < 250; i++) {
        p.m   = below(71), p.n = below(71), p.k = below(71);
        p.a   = (order)below(N_ORDERS), p.b = (order)below(N_ORDERS);
        p.c   = (order)below(REPEATED);
        p.add = below(2);
        try_product(&p);
    }
}

static void beyond_a_block(product p)
{
    static const int64_t size[][3] = { { 201, 51, 300 }, { 3, 1601, 259 }, { 1601, 2, 259 },
                                       { 17, 100, 513 }, { 1, 1, 1000 }, { 9, 49, 777 } };

    for (size_t i = 0; i < sizeof size / sizeof *size; i++) {
        p.m = size[i][0], p.n = size[i][1], p.k = size[i][2];
        p.a = (order)below(N_ORDERS), p.b = i % 2 ? COLS_DENSE : ROWS_DENSE;
        try_product(&p);
    }
}

START_TEST(each_element_is_one_chain_in_increasing_k)
{
    on_each((product){ .add = false }, small_shapes);
}
END_TEST

START_TEST(adding_continues_the_chain_from_c)
{
    on_each((product){ .add = true }, small_shapes);
}
END_TEST

START_TEST(any_strides_give_the_same_bits_and_touch_nothing_else)
{
    on_each((product){ 0 }, random_shapes);
}
END_TEST

START_TEST(blocks_do_not_show)
{
    on_each((product){ .add = false }, beyond_a_block);
    on_each((product){ .add = true, .c = STEPPED }, beyond_a_block);
}
END_TEST

START_TEST(whole_numbers_are_exact)
{
    on_each((product){ .whole = true }, random_shapes);
}
END_TEST

static void one_infinity(product p)
{
    double    x[4] = { 1, 0, 0, 1 }, y[4] = { 1, INFINITY, 2, 3 }, z[4];
    float     xf[4] = { 1, 0, 0, 1 }, yf[4] = { 1, INFINITY, 2, 3 }, zf[4];
    bool      f32 = p.dtype == SP_F32;
    char     *work = aligned_alloc(64, 4096);
    sp_matrix c = { f32 ? (void *)zf : (void *)z, 2, 1 };

    ck_assert_int_le(sp__gemm_work(2, 2, 2, p.dtype), 4096);
    sp__gemm_for(p.isa, p.dtype)(&(sp_gemm){
        .m = 2, .n = 2, .k = 2, .work = work, .c = c,
        .a = { f32 ? (void *)xf : (void *)x, 2, 1 }, .b = { f32 ? (void *)yf : (void *)y, 2, 1 } });
    ck_assert(get(&c, p.dtype, 0, 0) == 1 && isinf(get(&c, p.dtype, 0, 1)));
    ck_assert(get(&c, p.dtype, 1, 0) == 2 && isnan(get(&c, p.dtype, 1, 1)));    /* 0 inf */
    free(work);
}

START_TEST(infinity_times_zero_is_seen)
{
    on_each((product){ 0 }, one_infinity);
}
END_TEST

START_TEST(an_empty_product_needs_no_scratch)
{
    ck_assert_int_eq(sp__gemm_work(0, 5, 5, SP_F32), 0);
    ck_assert_int_eq(sp__gemm_work(5, 0, 5, SP_F64), 0);
    ck_assert_int_eq(sp__gemm_work(5, 5, 0, SP_F32), 0);
    int64_t huge = INT64_MAX / 64;
    ck_assert_int_lt(sp__gemm_work(huge, huge, huge, SP_F64), 1 << 23);
}
END_TEST

int main(void)
{
    Suite   *suite  = suite_create("gemm");
    TCase   *tcase  = tcase_create("gemm");

    suite_add_tcase(suite, tcase);
    tcase_set_timeout(tcase, 60);
    tcase_add_test(tcase, each_element_is_one_chain_in_increasing_k);
    tcase_add_test(tcase, adding_continues_the_chain_from_c);
    tcase_add_test(tcase, any_strides_give_the_same_bits_and_touch_nothing_else);
    tcase_add_test(tcase, blocks_do_not_show);
    tcase_add_test(tcase, whole_numbers_are_exact);
    tcase_add_test(tcase, infinity_times_zero_is_seen);
    tcase_add_test(tcase, an_empty_product_needs_no_scratch);
    return run_all(suite);
}
