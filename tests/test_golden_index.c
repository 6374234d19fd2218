/* SPDX-License-Identifier: MIT
 *
 * test_golden_index.c - rearranging, picking, padding and scattering against what PyTorch answers,
 * and pads beyond the axis against NumPy (golden/index.safetensors).
 */
#include "tests/golden_case.h"
#include "tests/suite.h"

#define A x[0]
#define B x[1]

static sp_var ids(sp_shape shape, const int64_t *id)
{
    sp_tensor t = { SP_I64, shape, (void *)(uintptr_t)id, true };
    return sp_input(tape, &t);
}

static sp_var repeated(void)
{
    static const int64_t id[] = { 2, 0, 2, 1, 4, 4, 0, 4 };
    return ids(SP_SHAPE(2, 4), id);
}

static sp_var distinct(void)
{
    static const int64_t id[] = { 3, 0, 2, 1, 4, 0 };
    return ids(SP_SHAPE(2, 3), id);
}

static sp_var padded(sp_var x, sp_pad_mode mode, sp_pad_spec spec)
{
    spec.mode = mode;
    return sp_pad(x, spec);
}

#define LAST (sp_pad_spec){ .axes = SP_AXES(-1), .before = { 2 }, .after = { 3 } }
#define BOTH (sp_pad_spec){ .axes = SP_AXES(-1, -2), .before = { 1, 2 }, .after = { 2, 1 } }
#define SOME                                                                        \
    (sp_pad_spec){ .axes = SP_AXES(2, 1), .before = { 1 }, .after = { 2, 1 }, .value = 1.5 }

/* Case and what computes it from A and B. */
#define SCATTER_CASES(X, name, HOW)                                                 \
    X(scatter_##name, sp_scatter(A, repeated(), B, 1, HOW))                         \
    X(scatter_##name##_ties, sp_scatter(A, repeated(), B, 1, HOW))
#define PAD_CASES(X, name, MODE)                                                    \
    X(pad_##name, padded(A, MODE, LAST)) X(pad_##name##_both, padded(A, MODE, BOTH))
#define CASES(X)                                                                    \
    X(take_along_axis, sp_take_along_axis(A, repeated(), 1))                        \
    X(take_rows, sp_take_along_axis(A, sp_transpose(repeated(), 0, 1), 0))          \
    X(take, sp_take(A, repeated(), 1))                                              \
    X(scatter_set, sp_scatter(A, distinct(), B, 1, SP_SCATTER_SET))                 \
    X(scatter_add, sp_scatter(A, repeated(), B, 1, SP_SCATTER_ADD))                 \
    SCATTER_CASES(X, max, SP_SCATTER_MAX) SCATTER_CASES(X, min, SP_SCATTER_MIN)     \
    X(pad_constant, sp_pad(A, SOME))                                                \
    PAD_CASES(X, reflect, SP_PAD_REFLECT) PAD_CASES(X, edge, SP_PAD_EDGE)           \
    PAD_CASES(X, circular, SP_PAD_CIRCULAR)                                         \
    X(roll, sp_roll(A, 2, -3)) X(repeat, sp_repeat(A, 1, 3))                        \
    X(tile, sp_tile(A, SP_SHAPE(2, 1, 3, 2)))                                       \
    X(diagonal, sp_diagonal(A, 1, 0, 2)) X(diagonal_low, sp_diagonal(A, -1, 2, 1))  \
    X(diag_embed, sp_diag_embed(A, -2)) X(tril, sp_tril(A, -1)) X(triu, sp_triu(A, 1)) \
    X(unfold, sp_unfold(A, 2, 2, 1, 1)) X(unfold_step, sp_unfold(A, 0, 3, 2, 1))    \
    X(fold, sp_fold(sp_transpose(sp_reshape(A, SP_SHAPE(3, 3)), 0, 1), 0, 9, 2, 2))

#define FUNCTION(name, expression) static sp_var run_##name(const sp_var x[]) { return expression; }
CASES(FUNCTION)

#define ROW(name, expression) { #name, run_##name },
static const struct { const char *name; sp_var (*run)(const sp_var x[]); } cases[] = { CASES(ROW) };

START_TEST(an_op_gives_pytorch_s_values_and_gradients)
{
    case_agrees(cases[_i].name, cases[_i].run);
}
END_TEST

START_TEST(a_pad_beyond_the_axis_goes_on_as_numpy_s)
{
    sp_var x = leaf("far", "x0");
    sp_pad_spec far = { .axes = SP_AXES(0), .before = { 11 }, .after = { 8 } };
    sp_pad_spec one = { .axes = SP_AXES(0), .before = { 2 }, .after = { 3 } };

    agrees(padded(x, SP_PAD_REFLECT, far), "far", "reflect");
    agrees(padded(x, SP_PAD_EDGE, far), "far", "edge");
    agrees(padded(x, SP_PAD_CIRCULAR, far), "far", "circular");
    agrees(padded(sp_slice(x, 0, 0, 1), SP_PAD_REFLECT, one), "far", "one");
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("golden index");
    TCase *tc = tcase_create("golden index");

    golden_file = "index.safetensors";
    tcase_add_checked_fixture(tc, golden_begin, golden_end);
    tcase_add_loop_test(tc, an_op_gives_pytorch_s_values_and_gradients, 0,
                        sizeof cases / sizeof *cases);
    tcase_add_test(tc, a_pad_beyond_the_axis_goes_on_as_numpy_s);
    suite_add_tcase(suite, tc);

    return run_all(suite);
}
