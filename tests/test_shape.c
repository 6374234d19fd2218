/* SPDX-License-Identifier: MIT
 *
 * test_shape.c - shapes, layouts and the checked product.
 */
#include <check.h>
#include <stdlib.h>
#include <string.h>
#include "tensor/shape.h"
#include "tests/suite.h"

#define HUGE_DIM ((int64_t)1 << 40)

static void says(sp_shape s, const char *part)
{
    ck_assert(!sp_shape_check(s));
    ck_assert_msg(strstr(sp_error(), part) != NULL, "\"%s\" lacks \"%s\"", sp_error(), part);
}

START_TEST(dtypes_have_names_and_sizes)
{
    const char *name[] = { "f32", "f64", "i32", "i64", "bool" };
    int64_t     size[] = { 4, 8, 4, 8, 1 };

    for (int d = 0; d < SP_N_DTYPES; d++) {
        ck_assert_str_eq(sp_dtype_name((sp_dtype)d), name[d]);
        ck_assert_int_eq(sp_dtype_size((sp_dtype)d), size[d]);
    }
    ck_assert_str_eq(sp_dtype_name((sp_dtype)99), "no dtype");
    ck_assert_int_eq(sp_dtype_size((sp_dtype)99), 0);
}
END_TEST

START_TEST(a_product_is_refused_exactly_when_it_overflows)
{
    int64_t p;

    ck_assert(sp_size_mul((int64_t)1 << 31, (int64_t)1 << 31, &p));
    ck_assert_int_eq(p, (int64_t)1 << 62);
    ck_assert(!sp_size_mul((int64_t)1 << 32, (int64_t)1 << 31, &p));
    ck_assert(sp_size_mul(INT64_MAX, 1, &p));
    ck_assert(!sp_size_mul(INT64_MIN, -1, &p));
    ck_assert(sp_size_mul(0, INT64_MAX, &p));
    ck_assert_int_eq(p, 0);
}
END_TEST

START_TEST(bad_shapes_are_refused_with_a_sentence)
{
    says((sp_shape){ .rank = 7 }, "rank 7");
    says((sp_shape){ .rank = -1 }, "rank -1");
    says(SP_SHAPE(2, -3), "[2,-3]");
    says(SP_SHAPE(HUGE_DIM, HUGE_DIM), "[1099511627776,1099511627776]");
    says(SP_SHAPE(INT64_MAX), "[9223372036854775807]");
    says(SP_SHAPE((int64_t)1 << 60), "63 bits");
    says(SP_SHAPE(0, HUGE_DIM, HUGE_DIM), "63 bits");
    says(SP_SHAPE(INT64_MIN, INT64_MIN, INT64_MIN, INT64_MIN, INT64_MIN, INT64_MIN), "negative");
}
END_TEST

START_TEST(sizes_at_the_edge_are_accepted)
{
    ck_assert(sp_shape_check(SP_SCALAR));
    ck_assert(sp_shape_check(SP_SHAPE(0)));
    ck_assert(sp_shape_check(SP_SHAPE(((int64_t)1 << 60) - 1)));
    ck_assert(sp_shape_check(SP_SHAPE(0, (int64_t)1 << 59)));
    ck_assert(sp_shape_check(SP_SHAPE(1, 2, 3, 4, 5, 6)));
}
END_TEST

START_TEST(a_size_is_the_product_and_a_scalar_has_one_element)
{
    ck_assert_int_eq(sp_shape_size(SP_SCALAR), 1);
    ck_assert_int_eq(sp_shape_size(SP_SHAPE(1, 2, 3, 4, 5, 6)), 720);
    ck_assert_int_eq(sp_shape_size(SP_SHAPE(3, 0, 5)), 0);
    ck_assert_int_eq(sp_shape_size(SP_SHAPE(HUGE_DIM, 0)), 0);
}
END_TEST

START_TEST(shapes_are_equal_when_rank_and_sizes_are)
{
    ck_assert(sp_shape_equal(SP_SCALAR, SP_SCALAR));
    ck_assert(sp_shape_equal(SP_SHAPE(2, 3), SP_SHAPE(2, 3)));
    ck_assert(!sp_shape_equal(SP_SHAPE(2, 3), SP_SHAPE(2, 3, 1)));
    ck_assert(!sp_shape_equal(SP_SHAPE(2, 3), SP_SHAPE(3, 2)));
}
END_TEST

START_TEST(a_row_major_layout_counts_the_elements_in_order)
{
    sp_shape  s = SP_SHAPE(2, 3, 4);
    sp_layout l = sp_shape_layout(s);
    int64_t   next = 0;

    ck_assert_int_eq(l.offset, 0);
    for (int i = 0; i < 2; i++)
        for (int j = 0; j < 3; j++)
            for (int k = 0; k < 4; k++)
                ck_assert_int_eq(i * l.stride[0] + j * l.stride[1] + k * l.stride[2], next++);
    for (int i = 3; i < SP_MAX_RANK; i++)
        ck_assert_int_eq(l.stride[i], 0);
}
END_TEST

START_TEST(density_ignores_sizes_of_one_and_sees_everything_else)
{
    sp_shape  s = SP_SHAPE(2, 1, 3);
    sp_layout l = sp_shape_layout(s);

    ck_assert(sp_layout_is_dense(s, &l));
    l.stride[1] = 77;
    ck_assert(sp_layout_is_dense(s, &l));
    l.stride[0] = 4;
    ck_assert(!sp_layout_is_dense(s, &l));
    l.stride[0] = 3, l.stride[2] = -1;
    ck_assert(!sp_layout_is_dense(s, &l));
    ck_assert(sp_layout_is_dense(SP_SHAPE(2, 0, 3), &l));
    ck_assert(sp_layout_is_dense(SP_SCALAR, &l));
}
END_TEST

START_TEST(a_broadcast_of_equal_shapes_is_itself)
{
    sp_shape s = SP_SHAPE(4, 0, 2), both;
    ck_assert(sp_shape_broadcast(s, s, &both));
    ck_assert(sp_shape_equal(both, s));
}
END_TEST

/* NumPy's own examples, and its answers for empty axes. */
START_TEST(broadcasting_follows_numpy)
{
    const struct { sp_shape a, b, both; } good[] = {
        { SP_SHAPE(256, 256, 3), SP_SHAPE(3), SP_SHAPE(256, 256, 3) },
        { SP_SHAPE(8, 1, 6, 1), SP_SHAPE(7, 1, 5), SP_SHAPE(8, 7, 6, 5) },
        { SP_SHAPE(5, 4), SP_SHAPE(1), SP_SHAPE(5, 4) },
        { SP_SHAPE(15, 3, 5), SP_SHAPE(3, 1), SP_SHAPE(15, 3, 5) },
        { SP_SCALAR, SP_SHAPE(2, 3), SP_SHAPE(2, 3) },
        { SP_SCALAR, SP_SCALAR, SP_SCALAR },
        { SP_SHAPE(1), SP_SHAPE(0), SP_SHAPE(0) },
        { SP_SHAPE(3, 0), SP_SHAPE(3, 1), SP_SHAPE(3, 0) },
    };
    const struct { sp_shape a, b; } bad[] = {
        { SP_SHAPE(3), SP_SHAPE(4) },
        { SP_SHAPE(2, 1), SP_SHAPE(8, 4, 3) },
        { SP_SHAPE(0), SP_SHAPE(2) },
        { SP_SHAPE(HUGE_DIM, 1), SP_SHAPE(1, HUGE_DIM) },
    };
    sp_shape both;

    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        ck_assert(sp_shape_broadcast(good[i].a, good[i].b, &both));
        ck_assert(memcmp(&both, &good[i].both, sizeof both) == 0);
        ck_assert(sp_shape_broadcast(good[i].b, good[i].a, &both));
        ck_assert(memcmp(&both, &good[i].both, sizeof both) == 0);
    }
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        ck_assert(!sp_shape_broadcast(bad[i].a, bad[i].b, &both));
        ck_assert(!sp_shape_broadcast(bad[i].b, bad[i].a, &both));
    }
}
END_TEST

START_TEST(a_broadcast_layout_repeats_and_keeps_offset_and_strides)
{
    sp_layout x = { .offset = 5, .stride = { -10, 99 } };
    sp_layout l = sp_layout_broadcast(SP_SHAPE(3, 1), &x, SP_SHAPE(2, 3, 4));

    ck_assert_int_eq(l.offset, 5);
    ck_assert_int_eq(l.stride[0], 0);
    ck_assert_int_eq(l.stride[1], -10);
    ck_assert_int_eq(l.stride[2], 0);
}
END_TEST

START_TEST(axes_count_from_both_ends)
{
    ck_assert_int_eq(sp_axis(0, 3), 0);
    ck_assert_int_eq(sp_axis(2, 3), 2);
    ck_assert_int_eq(sp_axis(-1, 3), 2);
    ck_assert_int_eq(sp_axis(-3, 3), 0);
    ck_assert_int_eq(sp_axis(3, 3), -1);
    ck_assert_int_eq(sp_axis(-4, 3), -1);
    ck_assert_int_eq(sp_axis(0, 0), -1);
    ck_assert_int_eq(sp_axis(-1, 0), -1);
}
END_TEST

START_TEST(a_shape_is_written_in_brackets)
{
    char text[SP_SHAPE_TEXT];

    ck_assert_str_eq(sp_shape_text(SP_SHAPE(2, 3), text), "[2,3]");
    ck_assert_str_eq(sp_shape_text(SP_SCALAR, text), "[]");
    sp_shape s = { .rank = 6 };
    for (int i = 0; i < 6; i++)
        s.dim[i] = INT64_MIN;
    ck_assert_uint_eq(strlen(sp_shape_text(s, text)), 6 * 20 + 5 + 2);
    s.rank = 1000;
    ck_assert_uint_eq(strlen(sp_shape_text(s, text)), 6 * 20 + 5 + 2);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("shape");
    TCase *all = tcase_create("all");

    tcase_add_test(all, dtypes_have_names_and_sizes);
    tcase_add_test(all, a_product_is_refused_exactly_when_it_overflows);
    tcase_add_test(all, bad_shapes_are_refused_with_a_sentence);
    tcase_add_test(all, sizes_at_the_edge_are_accepted);
    tcase_add_test(all, a_size_is_the_product_and_a_scalar_has_one_element);
    tcase_add_test(all, shapes_are_equal_when_rank_and_sizes_are);
    tcase_add_test(all, a_row_major_layout_counts_the_elements_in_order);
    tcase_add_test(all, density_ignores_sizes_of_one_and_sees_everything_else);
    tcase_add_test(all, a_broadcast_of_equal_shapes_is_itself);
    tcase_add_test(all, broadcasting_follows_numpy);
    tcase_add_test(all, a_broadcast_layout_repeats_and_keeps_offset_and_strides);
    tcase_add_test(all, axes_count_from_both_ends);
    tcase_add_test(all, a_shape_is_written_in_brackets);
    suite_add_tcase(suite, all);

    return run_all(suite);
}
