/* SPDX-License-Identifier: MIT
 *
 * test_golden_norms.c - norms, variances and deviations, any and all, against what PyTorch answers
 * (golden/norms.safetensors).
 */
#include "tests/golden_case.h"
#include "tests/suite.h"

#define A x[0]
#define NORMS(X, name, P)                                                           \
    X(norm_##name, sp_norm(A, P, SP_AXES(2), false))                                \
    X(norm_##name##_first, sp_norm(A, P, SP_AXES(0), true))                         \
    X(norm_##name##_apart, sp_norm(A, P, SP_AXES(0, 2), false))                     \
    X(norm_##name##_all, sp_norm(A, P, SP_ALL_AXES, false))                         \
    X(norm_##name##_f32, sp_norm(A, P, SP_AXES(1), false))
#define SPREAD(X, name)                                                             \
    X(name, sp_##name(A, SP_AXES(1), 1, false))                                     \
    X(name##_population, sp_##name(A, SP_AXES(2), 0, false))                        \
    X(name##_apart, sp_##name(A, SP_AXES(0, 2), 1, true))                           \
    X(name##_all, sp_##name(A, SP_ALL_AXES, 1, false))                              \
    X(name##_two, sp_##name(A, SP_AXES(0), 2, false))                               \
    X(name##_one, sp_##name(A, SP_AXES(1), 1, false))                               \
    X(name##_equal, sp_##name(A, SP_AXES(1), 0, false))                             \
    X(name##_f32, sp_##name(A, SP_AXES(1), 1, false))

/* Case and what computes it. */
#define CASES(X)                                                                    \
    NORMS(X, 1, 1) NORMS(X, 2, 2) NORMS(X, 3, 3) NORMS(X, half, .5) NORMS(X, 1_5, 1.5) \
    NORMS(X, inf, (double)INFINITY)                                                 \
    X(norm_1_zeros, sp_norm(A, 1, SP_AXES(1), false))                               \
    X(norm_2_zeros, sp_norm(A, 2, SP_AXES(1), false))                               \
    X(norm_3_zeros, sp_norm(A, 3, SP_AXES(1), false))                               \
    SPREAD(X, variance) SPREAD(X, std)

#define FUNCTION(name, expression) static sp_var run_##name(const sp_var x[]) { return expression; }
CASES(FUNCTION)

#define ROW(name, expression) { #name, run_##name },
static const struct { const char *name; sp_var (*run)(const sp_var x[]); } cases[] = { CASES(ROW) };

START_TEST(a_norm_or_variance_gives_pytorch_s_values_and_gradients)
{
    case_agrees(cases[_i].name, cases[_i].run);
}
END_TEST

START_TEST(gradients_of_norms_have_pytorch_s_gradients)
{
    int n = 0;

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        if (recorded(cases[i].name, "grad2.x0"))
            second_order_agrees(cases[i].name, cases[i].run), n++;
    ck_assert_int_eq(n, 42);
}
END_TEST

/* At a mean of 1e6 PyTorch's running mean has lost some digits. */
START_TEST(far_from_zero_a_variance_is_pytorch_s)
{
    sp_var x = leaf("variance_far", "x0"), s = leaf("std_far", "x0");
    const sp_tensor *v = sp_value(sp_variance(x, SP_AXES(1), 1, false));
    const sp_tensor *root = sp_value(sp_std(s, SP_AXES(1), 1, false));

    for (int64_t i = 0; i < sp_tensor_size(v); i++) {
        ck_assert(near(sp_tensor_at(v, i), sp_tensor_at(recorded("variance_far", "y"), i), 1e-10));
        ck_assert(near(sp_tensor_at(root, i), sp_tensor_at(recorded("std_far", "y"), i), 1e-10));
    }
}
END_TEST

START_TEST(any_and_all_are_pytorch_s)
{
    sp_var x = leaf("truths", "x0");

    agrees(sp_any_axes(x, SP_AXES(2), false), "truths", "any");
    agrees(sp_all_axes(x, SP_AXES(2), false), "truths", "all");
    agrees(sp_any_axes(x, SP_AXES(0), true), "truths", "any_kept");
    agrees(sp_all_axes(x, SP_AXES(0), true), "truths", "all_kept");
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("golden norms");
    TCase *tc = tcase_create("golden norms");

    golden_file = "norms.safetensors";
    tcase_add_checked_fixture(tc, golden_begin, golden_end);
    tcase_add_loop_test(tc, a_norm_or_variance_gives_pytorch_s_values_and_gradients, 0,
                        sizeof cases / sizeof *cases);
    tcase_add_test(tc, gradients_of_norms_have_pytorch_s_gradients);
    tcase_add_test(tc, far_from_zero_a_variance_is_pytorch_s);
    tcase_add_test(tc, any_and_all_are_pytorch_s);
    suite_add_tcase(suite, tc);
    return run_all(suite);
}
