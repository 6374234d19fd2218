/* SPDX-License-Identifier: MIT
 *
 * test_each.c - an elementwise kernel over operands that lie in random ways, element by element.
 */
#include <check.h>
#include <string.h>

#include "autograd/node.h"
#include "tests/strided_case.h"
#include "tests/suite.h"

enum { MOST = 4000, ROOM = 2 * MOST + 2, CASES = 600, N = 3 };

static int64_t pieces, one_value, longest;

/* y = a + 2 b + 4 c, told apart in any dtype, and what the kernel is promised. */
static void kernel(const sp_args *a)
{
    const float *x0 = a->x[0].data;
    const double *x1 = a->x[1].data;
    const uint8_t *x2 = a->x[2].data;
    const int64_t *d[N] = { a->x[0].stride, a->x[1].stride, a->x[2].stride };
    double *y = a->y.data;
    int64_t n = a->y.shape.dim[0];

    ck_assert(a->n == N && a->y.shape.rank == 1 && a->y.stride[0] == 1 && n > 0);
    for (int k = 0; k < N; k++) ck_assert(*d[k] == 0 || *d[k] == 1), one_value += *d[k] == 0;
    for (int64_t i = 0; i < n; i++)
        y[i] = (double)x0[i * *d[0]] + 2 * x1[i * *d[1]] + 4 * (double)x2[i * *d[2]];
    pieces++;
    if (n > longest) longest = n;
}

static sp_operand operand(sp_dtype dtype, sp_shape shape, const array *a, void *room)
{
    sp_operand o = { (char *)room + a->first * sp_dtype_size(dtype), dtype, shape, { 0 } };

    memcpy(o.stride, a->stride, sizeof o.stride);
    return o;
}

START_TEST(every_element_is_computed_once_and_nothing_else_is_touched)
{
    static float x0[ROOM];
    static double x1[ROOM], y[ROOM], due[ROOM];
    static uint8_t x2[ROOM];

    for (int i = 0; i < ROOM; i++) x0[i] = (float)i, x1[i] = i % 89, x2[i] = (uint8_t)(i % 97);
    for (int trial = 0; trial < CASES; trial++) {
        sp_shape s = some_shape(trial % 2 ? MOST : 60);
        array a = some_array(s, true), b = some_array(s, true), c = some_array(s, true);
        array to = some_array(s, false);
        bool in_place = trial % 5 == 0;        /* y is b, element for element */
        const sp_operand x[] = { operand(SP_F32, s, &a, x0),
                                 operand(SP_F64, s, in_place ? &to : &b, in_place ? y : x1),
                                 operand(SP_BOOL, s, &c, x2) };

        if (in_place) b = to;
        for (int i = 0; i < ROOM; i++) y[i] = due[i] = in_place ? x1[i] : -1;
        for (int64_t i = 0; i < sp_shape_size(s); i++)
            due[place(s, &to, i)] = (double)x0[place(s, &a, i)] + 2 * x1[place(s, &b, i)]
                                  + 4 * (double)x2[place(s, &c, i)];
        ck_assert(sp__each(&(sp_args){ .n = N, .x = x, .y = operand(SP_F64, s, &to, y) }, kernel));
        ck_assert_mem_eq(y, due, sizeof y);
    }
    ck_assert(pieces > CASES && one_value > 0 && longest > 512);
}
END_TEST

START_TEST(short_rows_are_computed_many_at_a_time)
{
    static float x0[3];
    static double x1[3000], y[3000];
    static uint8_t x2[3000];
    const sp_shape s = SP_SHAPE(1000, 3);
    const array row = { 0, { 0, 1 } }, dense = { 0, { 3, 1 } };
    const sp_operand x[] = { operand(SP_F32, s, &row, x0), operand(SP_F64, s, &dense, x1),
                             operand(SP_BOOL, s, &dense, x2) };

    pieces = 0;
    ck_assert(sp__each(&(sp_args){ .n = N, .x = x, .y = operand(SP_F64, s, &dense, y) }, kernel));
    ck_assert_int_le(pieces, 10);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("each");
    TCase *t = tcase_create("all");

    tcase_add_test(t, every_element_is_computed_once_and_nothing_else_is_touched);
    tcase_add_test(t, short_rows_are_computed_many_at_a_time);
    suite_add_tcase(suite, t);
    return run_all(suite);
}
