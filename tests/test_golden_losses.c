/* SPDX-License-Identifier: MIT
 *
 * test_golden_losses.c - softmax and its like, cross entropy, squared error, embedding, against
 * what PyTorch answers (golden/losses.safetensors), extreme and infinite logits included.
 */
#include "tests/golden_case.h"
#include "tests/suite.h"

/* ---- softmax and its like ---- */

static const struct { const char *name; sp_var (*run)(sp_var); } relatives[] = {
    { "softmax", sp_softmax }, { "log_softmax", sp_log_softmax }, { "logsumexp", sp_logsumexp },
};
static const struct { const char *name; int axis; bool tame; } inputs[] = {
    { "usual", -1, true }, { "one", -1, true }, { "no_rows", -1, true }, { "extreme", -1, false },
    { "extreme_f32", -1, false }, { "infinite", -1, false }, { "usual_axis0", 0, true },
    { "usual_axis1", 1, true },
};

/* Along another axis: that axis last, then back, unless it goes. */
static sp_var along(sp_var x, int axis, sp_var (*run)(sp_var))
{
    int64_t rank = sp_var_shape(x).rank;
    sp_var y = run(sp_transpose(x, axis, -1));

    if (sp_var_shape(y).rank == rank) return sp_transpose(y, axis, -1);
    return axis == 0 ? sp_transpose(y, 0, 1) : y;
}

START_TEST(softmax_and_its_like_are_pytorch_s)
{
    const char *input = inputs[_i / 3].name, *relative = relatives[_i % 3].name;
    char name[64];

    snprintf(name, sizeof name, "%s.%s", input, relative);
    sp_var x = leaf(input, "x"), y = along(x, inputs[_i / 3].axis, relatives[_i % 3].run);
    agrees(y, name, "y");
    if (_i % 3 < 2 || inputs[_i / 3].tame) slope_agrees(y, leaf(name, "w"), x, name, "grad.x");
}
END_TEST

/* PyTorch takes e^(x - y) for the slope, which says 1 and 1 for two logits of 1e30, loses 5 digits
   at 1000 in f32 and says 0 beside +inf; w softmax(x) is right, and NaN where that is. */
START_TEST(the_slope_of_logsumexp_is_softmax)
{
    static const char *const input[] = { "extreme", "extreme_f32", "infinite" };
    char name[64];
    sp_var x = leaf(input[_i], "x"), slope;

    snprintf(name, sizeof name, "%s.logsumexp", input[_i]);
    sp_var w = leaf(name, "w");
    ck_assert(sp_grad(sp_logsumexp(x), 1, &x, &slope, &(sp_grad_spec){ .seed = w }));
    snprintf(name, sizeof name, "%s.softmax", input[_i]);
    const sp_tensor *got = sp_value(slope), *softmax = recorded(name, "y"), *weight = sp_value(w);
    for (int64_t i = 0; i < sp_tensor_size(got); i++)
        ck_assert(near(sp_tensor_at(got, i), sp_tensor_at(softmax, i) * sp_tensor_at(weight, i / 4),
                       got->dtype == SP_F32 ? 2e-6 : 1e-13));
}
END_TEST

/* ---- cross entropy ---- */

static const struct { const char *name; int64_t ignore; bool nan;
} entropies[] = {
    { "ce_usual", 0, false },
    { "ce_f32", 0, false },
    { "ce_ignored", 0, false },
    { "ce_ignored_id3", 3, false },
    { "ce_ignored_id0", SP_ZERO, false },
    { "ce_all_ignored", 0, true },
    { "ce_no_rows", 0, true },
    { "ce_sequence", 0, false },
    { "ce_extreme_best", 0, false },
    { "ce_extreme_worst", 0, false },
    { "ce_extreme_f32", 0, false },
    { "ce_masked", 0, false },
    { "ce_masked_target", 0, false },
};

START_TEST(cross_entropy_is_pytorch_s)
{
    static const char *const reduction[] = { "mean", "sum", "none" };
    const char *input = entropies[_i / 3].name;
    char name[64];
    sp_cross_entropy_spec spec = { (sp_reduction)(_i % 3), entropies[_i / 3].ignore,
                                   entropies[_i / 3].nan };

    snprintf(name, sizeof name, "%s.%s", input, reduction[_i % 3]);
    sp_var x = leaf(input, "x"), y = sp_cross_entropy_with(x, leaf(input, "ids"), spec);
    agrees(y, name, "y");
    slope_agrees(y, leaf(name, "w"), x, name, "grad.x");
}
END_TEST

START_TEST(cross_entropy_takes_ids_of_i32)
{
    sp_var x = leaf("ce_ignored", "x"), ids = sp_cast(leaf("ce_ignored", "ids"), SP_I32);
    agrees(sp_cross_entropy(x, ids), "ce_ignored.mean", "y");
}
END_TEST

START_TEST(the_second_derivative_of_cross_entropy_is_pytorch_s)
{
    sp_var x = leaf("ce_ignored", "x"), g;

    ck_assert(sp_grad(sp_cross_entropy(x, leaf("ce_ignored", "ids")), 1, &x, &g, NULL));
    slope_agrees(sp_sum(sp_square(g)), (sp_var){ 0 }, x, "ce_ignored.mean", "grad2.x");
}
END_TEST

START_TEST(the_mean_over_no_target_is_0_unless_nan_is_asked_for)
{
    const char *name = _i ? "ce_no_rows" : "ce_all_ignored";
    sp_var x = leaf(name, "x"), ids = leaf(name, "ids");

    ck_assert_double_eq(sp_item(sp_cross_entropy(x, ids)), 0);
    slope_agrees(sp_cross_entropy(x, ids), (sp_var){ 0 }, x, name, "mean.grad.x");
    sp_cross_entropy_spec strict = { .nan_if_none = true };
    ck_assert_double_nan(sp_item(sp_cross_entropy_with(x, ids, strict)));
}
END_TEST

/* ---- the others ---- */

START_TEST(squared_error_is_pytorch_s)
{
    sp_var x = leaf("mse", "x"), target = leaf("mse", "target"), y = sp_mse(x, target);

    agrees(y, "mse", "y");
    slope_agrees(y, (sp_var){ 0 }, x, "mse", "grad.x");
    slope_agrees(y, (sp_var){ 0 }, target, "mse", "grad.target");
}
END_TEST

START_TEST(the_rows_of_an_embedding_gather_their_gradients)
{
    sp_var table = leaf("embedding", "weight"), y = sp_gather(table, leaf("embedding", "ids"));

    agrees(y, "embedding", "y");
    slope_agrees(y, leaf("embedding", "w"), table, "embedding", "grad.weight");
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("golden losses");
    TCase *tc = tcase_create("golden losses");

    golden_file = "losses.safetensors";
    tcase_add_checked_fixture(tc, golden_begin, golden_end);
    tcase_add_loop_test(tc, softmax_and_its_like_are_pytorch_s, 0,
                        3 * sizeof inputs / sizeof *inputs);
    tcase_add_loop_test(tc, the_slope_of_logsumexp_is_softmax, 0, 3);
    tcase_add_loop_test(tc, cross_entropy_is_pytorch_s, 0,
                        3 * sizeof entropies / sizeof *entropies);
    tcase_add_test(tc, cross_entropy_takes_ids_of_i32);
    tcase_add_test(tc, the_second_derivative_of_cross_entropy_is_pytorch_s);
    tcase_add_loop_test(tc, the_mean_over_no_target_is_0_unless_nan_is_asked_for, 0, 2);
    tcase_add_test(tc, squared_error_is_pytorch_s);
    tcase_add_test(tc, the_rows_of_an_embedding_gather_their_gradients);
    suite_add_tcase(suite, tc);

    return run_all(suite);
}
