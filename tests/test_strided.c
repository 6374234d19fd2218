/* SPDX-License-Identifier: MIT
 *
 * test_strided.c - walks and copies of arrays of any strides, against plain indices.
 */
#include "tensor/strided.h"

#include <check.h>
#include <stdio.h>
#include <string.h>

#include "tests/strided_case.h"
#include "tests/suite.h"

enum { MOST = 400, ROOM = 2 * MOST + 2, CASES = 400 };

START_TEST(a_walk_meets_every_element_in_order)
{
    for (drawn = 0; drawn < 40 * CASES; ) {
        sp_shape s = some_shape(MOST);
        array a[2] = { some_array(s, true), some_array(s, true) };
        sp_walk w;
        int64_t i = 0;

        sp__walk_begin(&w, s, 2, (const int64_t *[]){ a[0].stride, a[1].stride });
        for (int64_t row = 0; row < w.rows; row++, sp__walk_on(&w, 1))
            for (int64_t k = 0; k < w.len; k++, i++)
                for (int n = 0; n < 2; n++)
                    ck_assert_int_eq(a[n].first + w.at[n] + k * w.stride[n][w.shape.rank - 1],
                                     place(s, &a[n], i));
        ck_assert_int_eq(i, sp_shape_size(s));
    }
}
END_TEST

START_TEST(going_on_by_many_rows_is_going_on_by_each)
{
    for (drawn = 0; drawn < 40 * CASES; ) {
        sp_shape s = some_shape(MOST);
        array a = some_array(s, true);
        sp_walk one, many;

        sp__walk_begin(&one, s, 1, (const int64_t *[]){ a.stride });
        many = one;
        if (one.rows == 0) continue;
        int64_t rows = below(one.rows + 1), even = sp__walk_even(&one, one.rows);
        ck_assert(even >= 1 && even <= one.rows);
        sp__walk_on(&many, rows);
        while (rows-- > 0) sp__walk_on(&one, 1);
        ck_assert_mem_eq(&one, &many, sizeof one);
    }
}
END_TEST

/* Room for elements of any size, each of another value. */
static void fill(unsigned char *room)
{
    for (int64_t i = 0; i < ROOM * 8; i++) room[i] = (unsigned char)(i * 7 + i / 251);
}

START_TEST(copies_are_right_and_touch_nothing_else)
{
    static unsigned char from[ROOM * 8], to[ROOM * 8], due[ROOM * 8];

    for (drawn = 0; drawn < 40 * CASES; ) {
        int64_t size = (const int64_t[]){ 1, 4, 8 }[below(3)];
        sp_shape s = some_shape(MOST);
        array x = some_array(s, true), y = some_array(s, false);

        fill(from);
        memset(to, 0, sizeof to);
        memset(due, 0, sizeof due);
        for (int64_t i = 0; i < sp_shape_size(s); i++)
            memcpy(due + place(s, &y, i) * size, from + place(s, &x, i) * size, (size_t)size);
        sp__copy_strided(s, size, to + y.first * size, y.stride, from + x.first * size, x.stride);
        ck_assert_mem_eq(to, due, sizeof to);
    }
}
END_TEST

START_TEST(rows_are_packed_and_unpacked_in_order)
{
    static unsigned char from[ROOM * 8], packed[ROOM * 8], to[ROOM * 8];

    for (drawn = 0; drawn < 40 * CASES; ) {
        int64_t size = (const int64_t[]){ 1, 4, 8 }[below(3)], n = 0;
        sp_shape s = some_shape(MOST);
        array x = some_array(s, false);
        sp_walk w;

        fill(from);
        memset(to, 0, sizeof to);
        sp__walk_begin(&w, s, 1, (const int64_t *[]){ x.stride });
        for (int64_t rows, left = w.rows; left > 0; left -= rows, sp__walk_on(&w, rows)) {
            rows = 1 + below(left);
            sp__pack_rows(&w, 0, rows, size, packed, from + x.first * size);
            sp__unpack_rows(&w, 0, rows, size, to + x.first * size, packed);
            for (int64_t i = 0; i < rows * w.len; i++, n++)
                ck_assert_mem_eq(packed + i * size, from + place(s, &x, n) * size, (size_t)size);
        }
        ck_assert_int_eq(n, sp_shape_size(s));
        for (int64_t i = 0; i < n; i++)
            ck_assert_mem_eq(to + place(s, &x, i) * size, from + place(s, &x, i) * size,
                             (size_t)size);
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("strided");
    TCase *t = tcase_create("all");

    tcase_add_test(t, a_walk_meets_every_element_in_order);
    tcase_add_test(t, going_on_by_many_rows_is_going_on_by_each);
    tcase_add_test(t, copies_are_right_and_touch_nothing_else);
    tcase_add_test(t, rows_are_packed_and_unpacked_in_order);
    suite_add_tcase(suite, t);
    return run_all(suite);
}
