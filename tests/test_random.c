/* SPDX-License-Identifier: MIT
 *
 * test_random.c - Philox against its published vectors, hashes against FNV's, and
 * distributions against their moments.
 */
#include <check.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "tensor/random.h"
#include "tests/suite.h"

/* Known answers of Salmon et al.'s Random123. */
START_TEST(philox_gives_the_published_words)
{
    const struct { uint32_t counter[4], key[2], out[4]; } known[] = {
        { { 0 }, { 0 }, { 0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8 } },
        { { ~0u, ~0u, ~0u, ~0u }, { ~0u, ~0u },
          { 0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd } },
        { { 0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344 }, { 0xa4093822, 0x299f31d0 },
          { 0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1 } },
    };
    uint32_t out[4];

    sp_philox(known[_i].counter, known[_i].key, out);
    for (int i = 0; i < 4; i++)
        ck_assert_uint_eq(out[i], known[_i].out[i]);
}
END_TEST

/* The third vector's counter and key, taken apart as random.h says. */
START_TEST(the_words_of_the_counter_are_block_step_and_stream)
{
    sp_random      r = { .seed = 0x299f31d0a4093822, .stream = 0x0370734413198a2e,
                         .step = 0x85a308d3 };
    const uint32_t out[] = { 0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1 };

    for (int i = 0; i < 4; i++)
        ck_assert_uint_eq(sp_random_u32(r, (int64_t)0x243f6a88 * 4 + i), out[i]);
}
END_TEST

/* Worked out from the first vector by hand with exact integers. */
START_TEST(draws_are_the_words_scaled)
{
    sp_random r = { 0 };

    ck_assert(sp_random_uniform(r, 0) == 0x1.c2d38b1acc4fdp-1);
    ck_assert(sp_random_uniform(r, 1) == 0x1.3601b7b178af5p-1);
    ck_assert_int_eq(sp_random_below(r, 0, 1000), 880);
    ck_assert_int_eq(sp_random_below(r, 1, 1000), 605);
    ck_assert_int_eq(sp_random_below(r, 0, INT64_MAX), 8121365371091678313);
    ck_assert_double_eq_tol(sp_random_normal(r, 0), -1.62496344087104, 1e-13);
    ck_assert_double_eq_tol(sp_random_normal(r, 1), -1.2683492025469478, 1e-13);
}
END_TEST

START_TEST(the_hash_is_fnv_1a_and_continues)
{
    ck_assert_uint_eq(sp_hash(0, "", 0), 0xcbf29ce484222325);
    ck_assert_uint_eq(sp_hash(0, "a", 1), 0xaf63dc4c8601ec8c);
    ck_assert_uint_eq(sp_hash(0, "foobar", 6), 0x85944171f73967e8);
    ck_assert_uint_eq(sp_hash(sp_hash(0, "foo", 3), "bar", 3), 0x85944171f73967e8);
}
END_TEST

START_TEST(seed_stream_step_and_element_each_change_the_draw)
{
    const sp_random r[] = { { 1, 2, 3 }, { 2, 2, 3 }, { 1, 3, 3 }, { 1, 2, 4 },
                            { 1 + (1ull << 40), 2, 3 }, { 1, 2 + (1ull << 40), 3 } };
    const int64_t   element[] = { 7, 7 + ((int64_t)1 << 34), 7 + ((int64_t)1 << 40), 11 };
    uint32_t        seen[24];
    int             n = 0;

    for (int i = 0; i < 6; i++)
        for (int e = 0; e < 4; e++)
            seen[n++] = sp_random_u32(r[i], element[e]);
    for (int i = 0; i < n; i++)
        for (int j = 0; j < i; j++)
            ck_assert_uint_ne(seen[i], seen[j]);
}
END_TEST

/* Standard errors at N = 200000 are below 0.003 for each of these; bounds are 5 of them. */
enum { N = 200000 };

START_TEST(uniform_numbers_have_the_moments_of_a_uniform)
{
    sp_random r = { 11, 22, 33 };
    double    mean = 0, square = 0, lag = 0;

    for (int i = 0; i < N; i++) {
        double u = sp_random_uniform(r, i);
        ck_assert(u >= 0 && u < 1);
        mean += u / N;
        square += u * u / N;
        lag += u * sp_random_uniform(r, i + 1) / N;
    }
    ck_assert_double_eq_tol(mean, 0.5, 0.0033);
    ck_assert_double_eq_tol(square, 1.0 / 3, 0.0034);
    ck_assert_double_eq_tol(lag, 0.25, 0.004);
}
END_TEST

START_TEST(normal_numbers_have_the_moments_of_a_normal)
{
    sp_random r = { 11, 22, 33 };
    double    m[5] = { 0 }, pair = 0;

    for (int i = 0; i < N; i++) {
        double z = sp_random_normal(r, i), p = 1;
        for (int k = 1; k < 5; k++)
            m[k] += (p *= z) / N;
        if (i % 2 == 0) pair += z * sp_random_normal(r, i + 1) / (N / 2);
    }
    ck_assert_double_eq_tol(m[1], 0, 0.012);
    ck_assert_double_eq_tol(m[2], 1, 0.016);
    ck_assert_double_eq_tol(m[3], 0, 0.044);
    ck_assert_double_eq_tol(m[4], 3, 0.11);
    ck_assert_double_eq_tol(pair, 0, 0.016);
}
END_TEST

START_TEST(numbers_below_n_fall_evenly)
{
    sp_random r = { 5, 6, 7 };
    int       seen[7] = { 0 };
    double    chi = 0;

    for (int i = 0; i < 70000; i++)
        seen[sp_random_below(r, i, 7)]++;
    for (int i = 0; i < 7; i++)
        chi += (seen[i] - 10000.0) * (seen[i] - 10000.0) / 10000;
    ck_assert_double_lt(chi, 22.5);               /* 6 degrees of freedom, p = 0.001 */
    ck_assert_int_eq(sp_random_below(r, 0, 1), 0);
}
END_TEST

START_TEST(filling_takes_the_number_of_each_element)
{
    sp_random  r = { 1, 2, 3 };
    sp_tensor *x = sp_tensor_new(SP_F64, SP_SHAPE(5, 7)), *y = sp_tensor_new(SP_F32, SP_SHAPE(35));

    ck_assert(sp_tensor_uniform(x, r, -2, 6));
    ck_assert(sp_tensor_normal(y, r, 10, 0.5));
    for (int i = 0; i < 35; i++) {
        ck_assert_double_eq_tol(sp_tensor_at(x, i), sp_random_uniform(r, i) * 8 - 2, 1e-14);
        ck_assert_double_eq_tol(sp_tensor_at(y, i), 10 + sp_random_normal(r, i) / 2, 1e-6);
    }
    sp_tensor_free(x);
    sp_tensor_free(y);
}
END_TEST

/* Ranges with no number of the dtype strictly inside: half of all draws round up to hi. */
START_TEST(a_fill_never_rounds_up_to_its_end)
{
    const double above[] = { (double)nextafterf(1, 2), nextafter(1, 2) };
    sp_random    r = { 1, 2, 3 };

    for (int d = SP_F32; d <= SP_F64; d++) {
        sp_tensor *x = sp_tensor_new((sp_dtype)d, SP_SHAPE(100));
        ck_assert(sp_tensor_uniform(x, r, 1, above[d]));
        for (int i = 0; i < 100; i++)
            ck_assert(sp_tensor_at(x, i) == 1);
        ck_assert(sp_tensor_uniform(x, r, 3, 3));
        ck_assert(sp_tensor_at(x, 50) == 3);
        sp_tensor_free(x);
    }
}
END_TEST

START_TEST(integers_and_senseless_parameters_are_refused)
{
    sp_random  r = { 0 };
    sp_tensor *x = sp_tensor_new(SP_F32, SP_SHAPE(2)), *i = sp_tensor_new(SP_I32, SP_SHAPE(2));

    ck_assert(!sp_tensor_uniform(i, r, 0, 1));
    ck_assert_ptr_nonnull(strstr(sp_error(), "i32"));
    ck_assert(!sp_tensor_normal(NULL, r, 0, 1));
    ck_assert(!sp_tensor_uniform(x, r, 1, 0));
    ck_assert(!sp_tensor_uniform(x, r, NAN, 0));
    ck_assert(!sp_tensor_uniform(x, r, 0, INFINITY));
    ck_assert(!sp_tensor_normal(x, r, 0, -1));
    ck_assert(!sp_tensor_normal(x, r, NAN, 1));
    ck_assert_double_eq(sp_tensor_at(x, 0), 0);
    sp_tensor_free(x);
    sp_tensor_free(i);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("random");
    TCase *all = tcase_create("all");

    tcase_set_timeout(all, 60);
    tcase_add_loop_test(all, philox_gives_the_published_words, 0, 3);
    tcase_add_test(all, the_words_of_the_counter_are_block_step_and_stream);
    tcase_add_test(all, draws_are_the_words_scaled);
    tcase_add_test(all, the_hash_is_fnv_1a_and_continues);
    tcase_add_test(all, seed_stream_step_and_element_each_change_the_draw);
    tcase_add_test(all, uniform_numbers_have_the_moments_of_a_uniform);
    tcase_add_test(all, normal_numbers_have_the_moments_of_a_normal);
    tcase_add_test(all, numbers_below_n_fall_evenly);
    tcase_add_test(all, filling_takes_the_number_of_each_element);
    tcase_add_test(all, a_fill_never_rounds_up_to_its_end);
    tcase_add_test(all, integers_and_senseless_parameters_are_refused);
    suite_add_tcase(suite, all);

    return run_all(suite);
}
