/* SPDX-License-Identifier: MIT
 *
 * test_golden_pointwise.c - functions of one number and of two against what PyTorch answers
 * (golden/pointwise.safetensors): in between, at kinks and ties, far out, NaN.
 */
#include "tests/golden_case.h"
#include "tests/suite.h"

#define A x[0]
#define B x[1]

static sp_var filled(sp_var x)
{
    static const uint8_t bytes[] = { 1, 0, 1, 0, 0, 1 };
    sp_tensor mask = { SP_BOOL, SP_SHAPE(2, 3), (void *)(uintptr_t)bytes, true };
    return sp_masked_fill(x, sp_input(tape, &mask), 7.5);
}

/* Case and what computes it from A and B. */
#define UNARY_CASES(X, name, expression) X(name, expression) X(name##_points, expression)
#define BINARY_CASES(X, op)                                                         \
    X(op##_ties, sp_##op(A, B)) X(op##_rows, sp_##op(A, B)) X(op##_nan, sp_##op(A, B))
#define CASES(X)                                                                    \
    UNARY_CASES(X, sin, sp_sin(A)) UNARY_CASES(X, cos, sp_cos(A))                   \
    UNARY_CASES(X, erf, sp_erf(A)) UNARY_CASES(X, expm1, sp_expm1(A))               \
    UNARY_CASES(X, log1p, sp_log1p(A)) UNARY_CASES(X, rsqrt, sp_rsqrt(A))           \
    UNARY_CASES(X, floor, sp_floor(A)) UNARY_CASES(X, round, sp_round(A))           \
    UNARY_CASES(X, gelu, sp_gelu(A)) UNARY_CASES(X, gelu_tanh, sp_gelu_tanh(A))     \
    UNARY_CASES(X, silu, sp_silu(A)) UNARY_CASES(X, mish, sp_mish(A))               \
    UNARY_CASES(X, selu, sp_selu(A)) UNARY_CASES(X, elu, sp_elu(A, 1.5))            \
    UNARY_CASES(X, leaky_relu, sp_leaky_relu(A, .1))                                \
    UNARY_CASES(X, hard_sigmoid, sp_hard_sigmoid(A))                                \
    UNARY_CASES(X, softplus, sp_softplus(A, 1, 20))                                 \
    UNARY_CASES(X, softplus_steep, sp_softplus(A, 3, 6))                            \
    BINARY_CASES(X, maximum) BINARY_CASES(X, minimum) X(masked_fill, filled(A))

#define FUNCTION(name, expression) static sp_var run_##name(const sp_var x[]) { return expression; }
CASES(FUNCTION)

#define ROW(name, expression) { #name, run_##name },
static const struct { const char *name; sp_var (*run)(const sp_var x[]); } cases[] = { CASES(ROW) };

/* At NaN PyTorch's elu and relu6 pass the gradient.  At -inf and inf it multiplies 0 by
   infinity; ours are the limits: 0 with slope 0, and slope 1 times the recorded weight. */
#define LIMITS(name, weight)                                                        \
    { name, "y", 0, 0 }, { name, "grad.x0", 0, 0 }, { name, "grad.x0", 19, weight },
static const other ours[] = {
    { "elu_points", "grad.x0", 20, (double)NAN }, { "selu_points", "grad.x0", 20, (double)NAN },
    { "hard_sigmoid_points", "grad.x0", 20, 0 },
    LIMITS("gelu_points", -0.3307787920338871) LIMITS("gelu_tanh_points", -1.6967429728044507)
    LIMITS("silu_points", 0.96523648513313598) LIMITS("mish_points", 0.83568821830933615)
};

START_TEST(a_function_gives_pytorch_s_values_and_gradients)
{
    case_agrees(cases[_i].name, cases[_i].run);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("golden pointwise");
    TCase *tc = tcase_create("golden pointwise");

    golden_file = "pointwise.safetensors";
    others = ours;
    n_others = sizeof ours / sizeof *ours;
    tcase_add_checked_fixture(tc, golden_begin, golden_end);
    tcase_add_loop_test(tc, a_function_gives_pytorch_s_values_and_gradients, 0,
                        sizeof cases / sizeof *cases);
    suite_add_tcase(suite, tc);

    return run_all(suite);
}
