/* SPDX-License-Identifier: MIT
 *
 * test_golden_ctc.c - the loss of connectionist temporal classification and its slope by logits
 * against what PyTorch answers (golden/ctc.safetensors).
 */
#include "tests/golden_case.h"
#include "tests/suite.h"

static const char *const names[] = { "usual", "f32", "lengths", "no_labels", "blank_last", "exact",
                                     "long", "extreme", "infeasible" };
static const char *const reductions[] = { "mean", "sum", "none" };

static sp_var loss(const char *name, sp_var x, sp_ctc_spec spec)
{
    spec.blank = (int64_t)sp_tensor_at(recorded(name, "blank"), 0);
    return sp_ctc(x, leaf(name, "targets"), leaf(name, "steps"), leaf(name, "labels"), spec);
}

/* Where log-probs sum up to hundreds or 2e4, PyTorch's own slope is off in the 12th digit: it says
   1.0000000000018 for the softmax of a class that cannot be. */
static void coarsely_agrees(sp_var y, sp_var w, sp_var x, const char *full)
{
    const sp_tensor *want = recorded(full, "grad.x"), *got;
    sp_var slope;

    ck_assert(sp_grad(y, 1, &x, &slope, &(sp_grad_spec){ .seed = w }));
    ck_assert_msg((got = sp_value(slope)) != NULL, "%s", sp_tape_error(tape));
    for (int64_t i = 0; i < sp_tensor_size(want); i++)
        ck_assert_double_eq_tol(sp_tensor_at(got, i), sp_tensor_at(want, i), 1e-11);
}

/* By logits inside, and by log_softmax in front of free log-probs. */
static void compare(const char *name, const char *full, sp_ctc_spec spec)
{
    sp_var x = leaf(name, "x");

    for (int inside = 0; inside < 2; inside++) {
        spec.from_logits = inside;
        sp_var y = loss(name, inside ? x : sp_log_softmax(x), spec);
        agrees(y, full, "y");
        if (!recorded(full, "w")) continue;
        if (strcmp(name, "long") && strcmp(name, "extreme"))
            slope_agrees(y, leaf(full, "w"), x, full, "grad.x");
        else
            coarsely_agrees(y, leaf(full, "w"), x, full);
    }
}

START_TEST(loss_and_slope_by_logits_are_pytorch_s)
{
    const char *name = names[_i / 3], *reduction = reductions[_i % 3];
    char full[64];

    snprintf(full, sizeof full, "%s.%s", name, reduction);
    compare(name, full, (sp_ctc_spec){ .reduction = (sp_reduction)(_i % 3) });
}
END_TEST

START_TEST(targets_without_a_path_count_as_pytorch_s_with_zero_infinity)
{
    char full[64];

    snprintf(full, sizeof full, "infeasible.%s.zero", reductions[_i]);
    compare("infeasible", full,
            (sp_ctc_spec){ .reduction = (sp_reduction)_i, .zero_infinity = true });
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("golden ctc");
    TCase *tc = tcase_create("golden ctc");

    golden_file = "ctc.safetensors";
    tcase_add_checked_fixture(tc, golden_begin, golden_end);
    tcase_add_loop_test(tc, loss_and_slope_by_logits_are_pytorch_s, 0,
                        3 * sizeof names / sizeof *names);
    tcase_add_loop_test(tc, targets_without_a_path_count_as_pytorch_s_with_zero_infinity, 0, 3);
    suite_add_tcase(suite, tc);

    return run_all(suite);
}
