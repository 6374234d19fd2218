/* SPDX-License-Identifier: MIT
 *
 * test_draw.c - numbers drawn on the tape: their distributions, and that they are a function of
 * seed, scope, step and element, the same on every instruction set.
 */
#include <check.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "autograd/ops.h"
#include "autograd/tape.h"
#include "tests/suite.h"

enum { N = 100000 };

static sp_tape *tape;

static void begin(void) { tape = sp_tape_new(&(sp_tape_spec){ .seed = 7 }); }
static void end(void)   { sp_tape_free(tape); }

static int ascending(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static double normal_below(double x)  { return erfc(-x / sqrt(2)) / 2; }
static double uniform_below(double x) { return x < 0 ? 0 : x > 1 ? 1 : x; }

/* Of n numbers the share below x is off by at most 1.95 / sqrt(n), but in one sample of a
   thousand (Kolmogorov and Smirnov).  x = (v - shift) / scale. */
static void follows(sp_var v, double shift, double scale, double (*below)(double))
{
    const sp_tensor *y = sp_value(v);
    double *x = malloc(N * sizeof *x), worst = 0;

    ck_assert_msg(y != NULL, "%s", sp_tape_error(tape));
    for (int i = 0; i < N; i++) x[i] = (sp_tensor_at(y, i) - shift) / scale;
    qsort(x, N, sizeof *x, ascending);
    for (int i = 0; i < N; i++) {
        double share = below(x[i]);
        worst = fmax(worst, fmax(fabs(share - (double)i / N), fabs(share - (i + 1.) / N)));
    }
    free(x);
    ck_assert_double_lt(worst, 1.95 / sqrt(N));
}

/* The mean and the deviation, and that neighbors do not know each other: each within five of its
   own deviations. */
static void measures(sp_var v, double mean, double std)
{
    const sp_tensor *y = sp_value(v);
    double sum = 0, squares = 0, neighbors = 0, last = 0;

    for (int i = 0; i < N; i++) {
        double z = (sp_tensor_at(y, i) - mean) / std;
        sum += z, squares += z * z, neighbors += z * last;
        last = z;
    }
    ck_assert_double_lt(fabs(sum), 5 * sqrt(N));
    ck_assert_double_lt(fabs(squares - N), 5 * sqrt(2. * N));
    ck_assert_double_lt(fabs(neighbors), 5 * sqrt(N));
}

START_TEST(normals_are_normal)
{
    sp_dtype dtype = _i ? SP_F64 : SP_F32;
    sp_var v = sp_normal(tape, dtype, SP_SHAPE(N), 3, .5);

    follows(v, 3, .5, normal_below);
    measures(v, 3, .5);
}
END_TEST

START_TEST(uniforms_are_uniform)
{
    sp_dtype dtype = _i ? SP_F64 : SP_F32;
    sp_var v = sp_uniform(tape, dtype, SP_SHAPE(2, N / 2), -2, 6);

    follows(v, -2, 8, uniform_below);
    measures(v, 2, 8 / sqrt(12));
}
END_TEST

START_TEST(a_uniform_never_reaches_its_upper_end)
{
    const sp_tensor *y = sp_value(sp_uniform(tape, SP_F32, SP_SHAPE(N), 1, 1 + 0x1p-22));
    const sp_tensor *one = sp_value(sp_uniform(tape, SP_F64, SP_SHAPE(3), 5, 5));

    for (int i = 0; i < N; i++) ck_assert_double_lt(sp_tensor_at(y, i), 1 + 0x1p-22);
    for (int i = 0; i < 3; i++) ck_assert_double_eq(sp_tensor_at(one, i), 5);
}
END_TEST

START_TEST(bernoulli_is_1_as_often_as_asked)
{
    static const double p[] = { 0, .2, .75, 1 };
    double share = p[_i], sum = sp_item(sp_sum(sp_bernoulli(tape, SP_F64, SP_SHAPE(N), share)));

    ck_assert_double_le(fabs(sum - N * share), 5 * sqrt(N * share * (1 - share)));
}
END_TEST

START_TEST(bernoulli_of_a_var_has_a_probability_each)
{
    double bytes[] = { 0, 1, .5 };
    sp_tensor p = { SP_F64, SP_SHAPE(3), bytes, true };
    sp_var y = sp_bernoulli_of(sp_broadcast(sp_input(tape, &p), SP_SHAPE(N / 10, 3)));
    const sp_tensor *share = sp_value(sp_mean_axes(y, SP_AXES(0), false));

    ck_assert_double_eq(sp_tensor_at(share, 0), 0);
    ck_assert_double_eq(sp_tensor_at(share, 1), 1);
    ck_assert_double_lt(fabs(sp_tensor_at(share, 2) - .5), 2.5 / sqrt(N / 10));

    bytes[1] = NAN;
    y = sp_bernoulli_of(sp_input(tape, &p));
    ck_assert(!sp_eval(1, &y));
    ck_assert_ptr_nonnull(strstr(sp_tape_error(tape), "bernoulli: [3]: its probability"));
    ck_assert_ptr_nonnull(strstr(sp_tape_error(tape), "at element 1 is outside [0,1]"));
}
END_TEST

static sp_tensor *drawn(sp_tape *t, sp_dtype dtype)
{
    sp_var x[] = { sp_normal(t, dtype, SP_SHAPE(1003), 0, 1),
                   sp_uniform(t, dtype, SP_SHAPE(1003), 0, 1),
                   sp_bernoulli(t, dtype, SP_SHAPE(1003), .5) };
    return sp_export(sp_concat(3, x, 0));
}

START_TEST(a_step_draws_the_same_again_and_another_step_others)
{
    sp_tensor *first = drawn(tape, SP_F64), *second = drawn(tape, SP_F64);
    sp_tape_reset(tape);
    sp_tensor *next = drawn(tape, SP_F64);
    sp_tape_reset(tape);
    sp_tape_set_step(tape, 0);
    sp_tensor *back = drawn(tape, SP_F64);

    ck_assert(sp_tensor_same(first, back));
    ck_assert(!sp_tensor_same(first, second));
    ck_assert(!sp_tensor_same(first, next));
    sp_tensor_free(first);
    sp_tensor_free(second);
    sp_tensor_free(next);
    sp_tensor_free(back);
}
END_TEST

START_TEST(every_instruction_set_draws_the_same_bits)
{
    for (int f64 = 0; f64 < 2; f64++) {
        sp_dtype dtype = f64 ? SP_F64 : SP_F32;
        sp_tensor *want = NULL;
        for (int isa = 0; isa < SP_N_ISAS; isa++) {
            if (!sp_isa_usable((sp_isa)isa)) continue;
            sp_tape_spec spec = { .seed = 7, .portable = isa == SP_PORTABLE, .isa = (sp_isa)isa };
            sp_tape *t = sp_tape_new(&spec);
            sp_tensor *y = drawn(t, dtype);
            sp_tape_free(t);
            ck_assert(!want || sp_tensor_same(want, y));
            if (want) sp_tensor_free(y);
            else want = y;
        }
        sp_tensor_free(want);
    }
}
END_TEST

START_TEST(both_dtypes_draw_the_same_numbers_rounded)
{
    sp_tensor *wide = drawn(tape, SP_F64);
    sp_tape_reset(tape);
    sp_tape_set_step(tape, 0);
    sp_tensor *narrow = drawn(tape, SP_F32);

    for (int i = 0; i < 3009; i++) {
        float want = (float)sp_tensor_at(wide, i);
        ck_assert(sp_tensor_at(narrow, i) == (double)(want < 1 || i < 1003 || i >= 2006
                                                      ? want : nextafterf(1, 0)));
    }
    sp_tensor_free(wide);
    sp_tensor_free(narrow);
}
END_TEST

static const struct { const char *sentence; int which; double a, b; } mistakes[] = {
    { "normal: no mean 0 with deviation -1", 0, 0, -1 },
    { "normal: no mean inf with deviation 1", 0, INFINITY, 1 },
    { "normal: no mean 0 with deviation nan", 0, 0, NAN },
    { "uniform: no range from 1 to 0", 1, 1, 0 },
    { "uniform: no range from nan to 0", 1, NAN, 0 },
    { "uniform: no range from -inf to 0", 1, -INFINITY, 0 },
    { "bernoulli: its probability 1.5 is outside [0,1]", 2, 1.5, 0 },
    { "bernoulli: its probability nan is outside [0,1]", 2, NAN, 0 },
};

START_TEST(parameters_that_cannot_be_are_told)
{
    double a = mistakes[_i].a, b = mistakes[_i].b;
    sp_shape shape = SP_SHAPE(3);
    sp_var v = mistakes[_i].which == 0 ? sp_normal(tape, SP_F32, shape, a, b)
             : mistakes[_i].which == 1 ? sp_uniform(tape, SP_F32, shape, a, b)
             : sp_bernoulli(tape, SP_F32, shape, a);

    ck_assert(sp_is_nothing(v));
    ck_assert_str_eq(sp_tape_error(tape), mistakes[_i].sentence);
}
END_TEST

START_TEST(without_a_tape_nothing_is_drawn)
{
    ck_assert(sp_is_nothing(sp_normal(NULL, SP_F32, SP_SHAPE(2), 0, 1)));
    ck_assert(sp_is_nothing(sp_uniform(NULL, SP_F32, SP_SHAPE(2), 1, 0)));
    ck_assert(sp_is_nothing(sp_bernoulli(NULL, SP_F32, SP_SHAPE(2), 1)));
    ck_assert(sp_is_nothing(sp_bernoulli_of((sp_var){ 0 })));
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("draw");
    TCase *tc = tcase_create("draw");

    tcase_add_checked_fixture(tc, begin, end);
    tcase_add_loop_test(tc, normals_are_normal, 0, 2);
    tcase_add_loop_test(tc, uniforms_are_uniform, 0, 2);
    tcase_add_test(tc, a_uniform_never_reaches_its_upper_end);
    tcase_add_loop_test(tc, bernoulli_is_1_as_often_as_asked, 0, 4);
    tcase_add_test(tc, bernoulli_of_a_var_has_a_probability_each);
    tcase_add_test(tc, a_step_draws_the_same_again_and_another_step_others);
    tcase_add_test(tc, every_instruction_set_draws_the_same_bits);
    tcase_add_test(tc, both_dtypes_draw_the_same_numbers_rounded);
    tcase_add_loop_test(tc, parameters_that_cannot_be_are_told, 0,
                        sizeof mistakes / sizeof *mistakes);
    tcase_add_test(tc, without_a_tape_nothing_is_drawn);
    suite_add_tcase(suite, tc);

    return run_all(suite);
}
