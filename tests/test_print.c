/* SPDX-License-Identifier: MIT
 *
 * test_print.c - tensors as people see them.
 */
#include <check.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "tensor/tensor.h"
#include "tests/suite.h"

static void shows(sp_tensor *x, const char *expected)
{
    char text[4096];

    ck_assert_int_eq(sp_tensor_text(x, text, sizeof text), (int64_t)strlen(text));
    ck_assert_str_eq(text, expected);
    sp_tensor_free(x);
}

/* 0, 1, 2, ... */
static sp_tensor *counted(sp_dtype dtype, sp_shape shape)
{
    sp_tensor *x = sp_tensor_new(dtype, shape);

    for (int64_t i = 0; i < sp_tensor_size(x); i++)
        sp_tensor_set(x, i, (double)i);
    return x;
}

START_TEST(columns_are_aligned)
{
    const float data[] = { 1, -20, 0.1f, 1e-10f, 3.25f, 0 };
    shows(sp_tensor_from(SP_F32, SP_SHAPE(2, 3), data), "f32 [2,3]\n"
                                                        "[[    1   -20   0.1]\n"
                                                        " [1e-10  3.25     0]]");
}
END_TEST

START_TEST(what_is_not_a_number_is_named)
{
    const double data[] = { (double)NAN, -(double)NAN, (double)INFINITY, -(double)INFINITY, 1 };
    shows(sp_tensor_from(SP_F64, SP_SHAPE(5), data), "f64 [5]\n[ nan  nan  inf -inf    1]");
}
END_TEST

START_TEST(scalars_and_empty_tensors_are_short)
{
    shows(counted(SP_I32, SP_SCALAR), "i32 []\n0");
    shows(counted(SP_F32, SP_SHAPE(0)), "f32 [0]\n[]");
    shows(counted(SP_F32, SP_SHAPE(1000000, 0)), "f32 [1000000,0]\n[]");
    shows(NULL, "no tensor");
}
END_TEST

START_TEST(integers_are_exact_and_booleans_are_0_and_1)
{
    const int64_t big[] = { INT64_MAX, INT64_MIN };
    const bool    yes[] = { true, false };

    shows(sp_tensor_from(SP_I64, SP_SHAPE(2), big),
          "i64 [2]\n[ 9223372036854775807 -9223372036854775808]");
    shows(sp_tensor_from(SP_BOOL, SP_SHAPE(2), yes), "bool [2]\n[1 0]");
}
END_TEST

START_TEST(long_axes_are_cut_to_three_and_three)
{
    shows(counted(SP_I32, SP_SHAPE(10)), "i32 [10]\n[0 1 2 3 4 5 6 7 8 9]");
    shows(counted(SP_I32, SP_SHAPE(11)), "i32 [11]\n[ 0  1  2 ...  8  9 10]");
    shows(counted(SP_I32, SP_SHAPE(12, 1)), "i32 [12,1]\n"
                                            "[[ 0]\n [ 1]\n [ 2]\n ...\n [ 9]\n [10]\n [11]]");
}
END_TEST

START_TEST(a_width_comes_from_what_is_shown)
{
    sp_tensor *x = sp_tensor_new(SP_I32, SP_SHAPE(100));
    sp_tensor_set(x, 50, 123456);
    shows(x, "i32 [100]\n[0 0 0 ... 0 0 0]");
}
END_TEST

START_TEST(brackets_nest_to_rank_six)
{
    shows(counted(SP_I32, SP_SHAPE(2, 2, 2)), "i32 [2,2,2]\n"
                                              "[[[0 1]\n"
                                              "  [2 3]]\n"
                                              "\n"
                                              " [[4 5]\n"
                                              "  [6 7]]]");
    shows(counted(SP_I32, SP_SHAPE(1, 1, 1, 1, 1, 2)), "i32 [1,1,1,1,1,2]\n[[[[[[0 1]]]]]]");
}
END_TEST

START_TEST(text_that_does_not_fit_is_cut_and_measured)
{
    sp_tensor *x = counted(SP_I32, SP_SHAPE(3));
    char       text[16];

    for (int64_t size = 0; size < 16; size++) {
        memset(text, '#', sizeof text);
        ck_assert_int_eq(sp_tensor_text(x, text, size), 15);
        for (int64_t i = size; i < 16; i++)
            ck_assert_int_eq(text[i], '#');
        if (size) ck_assert_int_eq((int64_t)strlen(text), size - 1);
        if (size) ck_assert(strncmp(text, "i32 [3]\n[0 1 2]", (size_t)size - 1) == 0);
    }
    ck_assert_int_eq(sp_tensor_text(x, NULL, 0), 15);
    sp_tensor_free(x);
}
END_TEST

START_TEST(printing_writes_the_text_and_ends_the_line)
{
    sp_tensor *x = counted(SP_I32, SP_SHAPE(3));
    char       text[64] = "";
    FILE      *file = tmpfile();

    ck_assert_ptr_nonnull(file);
    sp_tensor_print(x, file);
    rewind(file);
    size_t n = fread(text, 1, sizeof text - 1, file);
    fclose(file);
    ck_assert_uint_eq(n, 16);
    ck_assert_str_eq(text, "i32 [3]\n[0 1 2]\n");
    sp_tensor_free(x);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("print");
    TCase *all = tcase_create("all");

    tcase_add_test(all, columns_are_aligned);
    tcase_add_test(all, what_is_not_a_number_is_named);
    tcase_add_test(all, scalars_and_empty_tensors_are_short);
    tcase_add_test(all, integers_are_exact_and_booleans_are_0_and_1);
    tcase_add_test(all, long_axes_are_cut_to_three_and_three);
    tcase_add_test(all, a_width_comes_from_what_is_shown);
    tcase_add_test(all, brackets_nest_to_rank_six);
    tcase_add_test(all, text_that_does_not_fit_is_cut_and_measured);
    tcase_add_test(all, printing_writes_the_text_and_ends_the_line);
    suite_add_tcase(suite, all);

    return run_all(suite);
}
