/* SPDX-License-Identifier: MIT
 *
 * test_golden_reduce.c - products, running sums and products, and what sorting picks, against what
 * PyTorch answers (golden/reduce.safetensors).
 */
#include "tests/golden_case.h"
#include "tests/suite.h"

static sp_var best(sp_var x, int64_t k, int axis, bool smallest)
{
    sp_var values = { 0 };

    sp_topk(x, k, axis, smallest, &values, NULL);
    return values;
}

#define A x[0]
#define ROWS(X, what)                                                               \
    X(prod##what, sp_prod_axes(A, SP_AXES(1), false)) X(cumprod##what, sp_cumprod(A, 1)) \
    X(cumsum##what, sp_cumsum(A, 1))

/* Case and what computes it. */
#define CASES(X)                                                                    \
    ROWS(X, ) ROWS(X, _zero) ROWS(X, _zeros) ROWS(X, _none)                         \
    X(prod_all, sp_prod(A)) X(prod_first, sp_prod_axes(A, SP_AXES(0), true))        \
    X(cumprod_first, sp_cumprod(A, 0))                                              \
    X(cumprod_back, sp_cumprod_with(A, 1, (sp_running){ .reverse = true }))         \
    X(cumsum_back, sp_cumsum_with(A, 0, (sp_running){ .reverse = true }))           \
    X(sort, sp_sort(A, 1, false)) X(sort_down, sp_sort(A, 0, true))                 \
    X(topk, best(A, 3, 1, false)) X(topk_smallest, best(A, 2, 0, true))             \
    X(median, sp_median(A, 1)) X(median_even, sp_median(A, 0))                      \
    X(sort_f32, sp_sort(A, 1, false))

#define FUNCTION(name, expression) static sp_var run_##name(const sp_var x[]) { return expression; }
CASES(FUNCTION)

#define ROW(name, expression) { #name, run_##name },
static const struct { const char *name; sp_var (*run)(const sp_var x[]); } cases[] = { CASES(ROW) };

START_TEST(a_reduction_gives_pytorch_s_values_and_gradients)
{
    case_agrees(cases[_i].name, cases[_i].run);
}
END_TEST

START_TEST(gradients_of_products_have_pytorch_s_gradients)
{
    int n = 0;

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        if (recorded(cases[i].name, "grad2.x0"))
            second_order_agrees(cases[i].name, cases[i].run), n++;
    ck_assert_int_eq(n, 9);
}
END_TEST

START_TEST(ties_and_nan_are_ordered_as_by_pytorch)
{
    static const char *const names[] = { "ties", "nan" };

    for (int i = 0; i < 2; i++) {
        sp_var x = leaf(names[i], "x0");
        agrees(sp_sort(x, 1, false), names[i], "up");
        agrees(sp_sort(x, 1, true), names[i], "down");
        agrees(sp_argsort(x, 1, false), names[i], "argup");
        agrees(sp_argsort(x, 1, true), names[i], "argdown");
        agrees(best(x, 3, 1, false), names[i], "topk");
        agrees(best(x, 3, 1, true), names[i], "bottomk");
        agrees(sp_median(x, 1), names[i], "median");
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("golden reduce");
    TCase *tc = tcase_create("golden reduce");

    golden_file = "reduce.safetensors";
    tcase_add_checked_fixture(tc, golden_begin, golden_end);
    tcase_add_loop_test(tc, a_reduction_gives_pytorch_s_values_and_gradients, 0,
                        sizeof cases / sizeof *cases);
    tcase_add_test(tc, gradients_of_products_have_pytorch_s_gradients);
    tcase_add_test(tc, ties_and_nan_are_ordered_as_by_pytorch);
    suite_add_tcase(suite, tc);
    return run_all(suite);
}
