/* SPDX-License-Identifier: MIT
 *
 * test_tensor.c - tensors: making, reading, writing, refusing; the processor.
 */
#include <check.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "tensor/alloc.h"
#include "tensor/cpu.h"
#include "tensor/tensor.h"
#include "tests/suite.h"

START_TEST(a_new_tensor_is_zero_aligned_and_has_data_even_when_empty)
{
    const sp_shape shape[] = { SP_SCALAR, SP_SHAPE(0), SP_SHAPE(3, 0, 2), SP_SHAPE(2, 3),
                               SP_SHAPE(1, 2, 1, 2, 1, 2) };

    for (int d = 0; d < SP_N_DTYPES; d++)
        for (size_t s = 0; s < sizeof shape / sizeof *shape; s++) {
            sp_tensor *x = sp_tensor_new((sp_dtype)d, shape[s]);
            ck_assert_ptr_nonnull(sp_tensor_data(x));
            ck_assert_int_eq((intptr_t)x->data % 64, 0);
            ck_assert_int_eq(sp_tensor_size(x), sp_shape_size(shape[s]));
            ck_assert_int_eq(sp_tensor_bytes(x), sp_tensor_size(x) * sp_dtype_size(x->dtype));
            for (int64_t i = 0; i < sp_tensor_size(x); i++)
                ck_assert_double_eq(sp_tensor_at(x, i), 0);
            sp_tensor_free(x);
        }
}
END_TEST

START_TEST(bad_shapes_and_dtypes_make_no_tensor_and_say_why)
{
    ck_assert_ptr_null(sp_tensor_new(SP_F32, SP_SHAPE(2, -1)));
    ck_assert_ptr_nonnull(strstr(sp_error(), "[2,-1]"));
    ck_assert_ptr_null(sp_tensor_new(SP_F32, SP_SHAPE((int64_t)1 << 32, (int64_t)1 << 32)));
    ck_assert_ptr_nonnull(strstr(sp_error(), "[4294967296,4294967296]"));
    ck_assert_ptr_null(sp_tensor_new(SP_F32, SP_SHAPE(0, (int64_t)1 << 62)));
    ck_assert_ptr_nonnull(strstr(sp_error(), "[0,4611686018427387904]"));
    ck_assert_ptr_null(sp_tensor_new(SP_F32, (sp_shape){ .rank = 9 }));
    ck_assert_ptr_nonnull(strstr(sp_error(), "rank 9"));
    ck_assert_ptr_null(sp_tensor_new((sp_dtype)9, SP_SCALAR));
    ck_assert_ptr_nonnull(strstr(sp_error(), "dtype"));
}
END_TEST

START_TEST(more_than_an_address_space_holds_is_out_of_memory)
{
    ck_assert_ptr_null(sp_tensor_new(SP_F64, SP_SHAPE((int64_t)1 << 55)));
    ck_assert_str_eq(sp_error(), "out of memory (288230376151711744 bytes)");
}
END_TEST

/* Whether asking for so much is refused at once, rather than granted and never kept. */
static bool is_refused(int64_t bytes)
{
    void *volatile block = malloc((size_t)bytes);

    free(block);
    return !block;
}

START_TEST(forty_gigabytes_on_a_smaller_machine_are_out_of_memory)
{
    if (!is_refused((int64_t)40 << 30)) return;
    ck_assert_ptr_null(sp_tensor_new(SP_F32, SP_SHAPE(10, (int64_t)1 << 30)));
    ck_assert_str_eq(sp_error(), "out of memory (42949672960 bytes)");
}
END_TEST

START_TEST(a_tensor_from_data_and_its_copy_are_independent)
{
    float      data[] = { 1, 2, 3, 4, 5, 6 };
    sp_tensor *x = sp_tensor_from(SP_F32, SP_SHAPE(2, 3), data);
    sp_tensor *y = sp_tensor_copy(x);

    data[0] = 9;
    ck_assert(sp_tensor_set(y, 1, 8));
    ck_assert_double_eq(sp_tensor_at(x, 0), 1);
    ck_assert_double_eq(sp_tensor_at(x, 1), 2);
    ck_assert_double_eq(sp_tensor_at(y, 0), 1);
    ck_assert_double_eq(sp_tensor_at(y, 1), 8);
    sp_tensor_free(x);
    ck_assert_double_eq(sp_tensor_at(y, 5), 6);
    sp_tensor_free(y);
}
END_TEST

START_TEST(missing_data_is_refused_unless_there_are_no_elements)
{
    int64_t blocks = sp_alloc_count().live_blocks;

    ck_assert_ptr_null(sp_tensor_from(SP_F32, SP_SHAPE(2), NULL));
    ck_assert_ptr_nonnull(strstr(sp_error(), "[2]"));
    ck_assert_int_eq(sp_alloc_count().live_blocks, blocks);

    sp_tensor *x = sp_tensor_from(SP_F32, SP_SHAPE(0), NULL);
    ck_assert_ptr_nonnull(x);
    sp_tensor_free(x);
}
END_TEST

START_TEST(any_true_byte_becomes_one)
{
    const unsigned char data[] = { 0, 1, 2, 255 };
    sp_tensor          *x = sp_tensor_from(SP_BOOL, SP_SHAPE(4), data);

    ck_assert(memcmp(x->data, "\0\1\1\1", 4) == 0);
    sp_tensor_free(x);
}
END_TEST

START_TEST(values_are_converted_to_the_dtype)
{
    const struct { sp_dtype dtype; double put, get; } row[] = {
        { SP_F32, 0.1, (double)0.1f },   { SP_F32, 1e300, (double)INFINITY },
        { SP_F64, 0.1, 0.1 },            { SP_F64, -INFINITY, -INFINITY },
        { SP_I32, 2.9, 2 },              { SP_I32, -2.9, -2 },
        { SP_I32, 1e10, 2147483647 },    { SP_I32, -1e10, -2147483648.0 },
        { SP_I32, NAN, 0 },              { SP_I64, 1e10, 1e10 },
        { SP_I64, 1e30, 0x1p63 },        { SP_I64, -1e30, -0x1p63 },
        { SP_I64, INFINITY, 0x1p63 },    { SP_I64, -0x1.8p62, -0x1.8p62 },
        { SP_I64, 0x1.8p62, 0x1.8p62 },  { SP_BOOL, 0.25, 1 },
        { SP_BOOL, -0.0, 0 },            { SP_BOOL, NAN, 1 },
    };

    for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
        sp_tensor *x = sp_tensor_new(row[i].dtype, SP_SHAPE(2));
        ck_assert(sp_tensor_set(x, 1, row[i].put));
        ck_assert_msg(sp_tensor_at(x, 1) == row[i].get, "row %zu: %g", i, sp_tensor_at(x, 1));
        ck_assert_double_eq(sp_tensor_at(x, 0), 0);
        sp_tensor_free(x);
    }
}
END_TEST

START_TEST(elements_out_of_range_are_refused)
{
    sp_tensor *x = sp_tensor_new(SP_F32, SP_SHAPE(2, 3));

    ck_assert_double_nan(sp_tensor_at(x, -1));
    ck_assert_double_nan(sp_tensor_at(x, 6));
    ck_assert(!sp_tensor_set(x, -1, 1));
    ck_assert(!sp_tensor_set(x, 6, 1));
    ck_assert_str_eq(sp_error(), "sp_tensor_set: element 6 of a tensor of 6");
    sp_tensor_free(x);
}
END_TEST

START_TEST(filling_reaches_every_element_and_no_more)
{
    for (int64_t n = 0; n < 70; n++)
        for (int d = 0; d < SP_N_DTYPES; d++) {
            sp_tensor *x = sp_tensor_new((sp_dtype)d, SP_SHAPE(n));
            sp_tensor_fill(x, 1);
            for (int64_t i = 0; i < n; i++)
                ck_assert_double_eq(sp_tensor_at(x, i), 1);
            sp_tensor_free(x);                       /* guards are checked here */
        }
}
END_TEST

START_TEST(same_means_dtype_shape_and_bits)
{
    const float zero[] = { 0, 0 }, minus[] = { -0.0f, 0 }, nan[] = { NAN, 0 };
    sp_tensor  *x[] = { sp_tensor_from(SP_F32, SP_SHAPE(2), zero),
                        sp_tensor_from(SP_F32, SP_SHAPE(2), minus),
                        sp_tensor_from(SP_F32, SP_SHAPE(2, 1), zero),
                        sp_tensor_from(SP_I32, SP_SHAPE(2), zero),
                        sp_tensor_from(SP_F32, SP_SHAPE(2), nan) };

    for (int i = 0; i < 5; i++) {
        sp_tensor *copy = sp_tensor_copy(x[i]);
        for (int j = 0; j < 5; j++)
            ck_assert_int_eq(sp_tensor_same(copy, x[j]), i == j);
        sp_tensor_free(copy);
    }
    for (int i = 0; i < 5; i++)
        sp_tensor_free(x[i]);
}
END_TEST

START_TEST(nothing_is_accepted_where_a_tensor_is_expected)
{
    ck_assert_ptr_null(sp_tensor_copy(NULL));
    ck_assert_ptr_null(sp_tensor_data(NULL));
    ck_assert_int_eq(sp_tensor_size(NULL), 0);
    ck_assert_int_eq(sp_tensor_bytes(NULL), 0);
    ck_assert_double_nan(sp_tensor_at(NULL, 0));
    ck_assert(!sp_tensor_set(NULL, 0, 1));
    ck_assert(!sp_tensor_same(NULL, NULL));
    sp_tensor_fill(NULL, 1);
    sp_tensor_free(NULL);
}
END_TEST

START_TEST(borrowed_data_is_not_freed)
{
    float      data[2] = { 1, 2 };
    sp_tensor *x = sp_tensor_new(SP_F32, SP_SHAPE(2));

    sp_release(x->data);
    x->data = data;
    x->borrowed = true;
    sp_tensor_free(x);
    ck_assert_double_eq((double)data[1], 2);
}
END_TEST

START_TEST(every_failing_allocation_makes_no_tensor_and_leaks_nothing)
{
    const float    data[] = { 1, 2 };
    sp_tensor     *x = sp_tensor_from(SP_F32, SP_SHAPE(2), data), *y = NULL;
    sp_alloc_stats before = sp_alloc_count();
    int            n = 0;

    while (sp_alloc_fail(n, n % 2) && (y = sp_tensor_copy(x)) == NULL) {
        ck_assert_ptr_nonnull(strstr(sp_error(), "out of memory"));
        ck_assert_int_eq(sp_alloc_count().live_blocks, before.live_blocks);
        n++;
    }
    sp_alloc_fail(-1, false);
    ck_assert(y ? n == 2 && sp_tensor_same(x, y) : n == 0);
    sp_tensor_free(x);
    sp_tensor_free(y);
}
END_TEST

START_TEST(the_best_instruction_set_is_usable_and_stays)
{
    sp_isa best = sp_isa_best();

    ck_assert(sp_isa_usable(SP_PORTABLE));
    ck_assert(sp_isa_usable(best));
    setenv("SP_ISA", best == SP_PORTABLE ? "avx2" : "portable", 1);
    ck_assert_int_eq(sp_isa_best(), best);
    ck_assert(!sp_isa_usable(SP_N_ISAS));
    ck_assert_str_eq(sp_isa_name(SP_PORTABLE), "portable");
    ck_assert_str_eq(sp_isa_name(SP_AVX512), "avx512");
}
END_TEST

/* Each in a process of its own, because the choice is made once. */
START_TEST(the_environment_names_an_instruction_set_and_nonsense_is_ignored)
{
    sp_isa best = SP_PORTABLE;

    for (int i = 0; i < SP_N_ISAS; i++)
        if (sp_isa_usable((sp_isa)i)) best = (sp_isa)i;
    setenv("SP_ISA", _i == SP_N_ISAS ? "pentium" : sp_isa_name((sp_isa)_i), 1);
    bool fresh = getenv("CK_FORK") == NULL || strcmp(getenv("CK_FORK"), "no") != 0;
    bool named = _i < SP_N_ISAS && sp_isa_usable((sp_isa)_i);
    if (fresh) ck_assert_int_eq(sp_isa_best(), named ? (sp_isa)_i : best);
}
END_TEST

START_TEST(denormals_vanish_between_flush_and_restore)
{
    volatile float small = 1e-38f, half = 0.5f, tiny;

    if (getenv("SPOOL_VALGRIND")) return;        /* its processor has no such mode */

    tiny = small * half;
    ck_assert(tiny > 0);
#if defined(__x86_64__) || defined(__aarch64__)
    unsigned was = sp_denormals_flush();
    tiny = small * half;
    ck_assert(!(tiny > 0));

    unsigned nested = sp_denormals_flush();
    sp_denormals_restore(nested);
    tiny = small * half;
    bool still = !(tiny > 0);
    sp_denormals_restore(was);
    ck_assert(still);
    tiny = small * half;
    ck_assert(tiny > 0);
#endif
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("tensor");
    TCase *all = tcase_create("all");

    tcase_add_test(all, a_new_tensor_is_zero_aligned_and_has_data_even_when_empty);
    tcase_add_test(all, bad_shapes_and_dtypes_make_no_tensor_and_say_why);
    tcase_add_test(all, more_than_an_address_space_holds_is_out_of_memory);
    tcase_add_test(all, forty_gigabytes_on_a_smaller_machine_are_out_of_memory);
    tcase_add_test(all, a_tensor_from_data_and_its_copy_are_independent);
    tcase_add_test(all, missing_data_is_refused_unless_there_are_no_elements);
    tcase_add_test(all, any_true_byte_becomes_one);
    tcase_add_test(all, values_are_converted_to_the_dtype);
    tcase_add_test(all, elements_out_of_range_are_refused);
    tcase_add_test(all, filling_reaches_every_element_and_no_more);
    tcase_add_test(all, same_means_dtype_shape_and_bits);
    tcase_add_test(all, nothing_is_accepted_where_a_tensor_is_expected);
    tcase_add_test(all, borrowed_data_is_not_freed);
    tcase_add_test(all, every_failing_allocation_makes_no_tensor_and_leaks_nothing);
    tcase_add_test(all, the_best_instruction_set_is_usable_and_stays);
    tcase_add_loop_test(all, the_environment_names_an_instruction_set_and_nonsense_is_ignored, 0,
                        SP_N_ISAS + 1);
    tcase_add_test(all, denormals_vanish_between_flush_and_restore);
    suite_add_tcase(suite, all);

    return run_all(suite);
}
