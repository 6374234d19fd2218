/* SPDX-License-Identifier: MIT
 *
 * Clipping: norms known by hand, what is left alone, and what is refused.
 */
#include "tests/optim_samples.h"

static void give_number(sp_param *x, double g)
{
    sp_tensor_fill(&x->grad, g);
    x->has_grad = true;
}

/* Six gradients of 2, three of -4, one of 5: squares 24 + 48 + 25. */
static sp_params *ten(sp_dtype dtype)
{
    sp_params *p = sample(dtype);

    give_number(sp_params_at(p, 0), 2);
    give_number(sp_params_at(p, 1), -4);
    give_number(sp_params_at(p, 2), 5);
    return p;
}

static double first(sp_params *p, int64_t i)
{
    return sp_tensor_at(&sp_params_at(p, i)->grad, 0);
}

START_TEST(norms_are_those_known_by_hand)
{
    for (int d = SP_F32; d <= SP_F64; d++) {
        sp_params *p = ten((sp_dtype)d);
        ck_assert_double_eq(sp_clip_grad_norm(p, INFINITY), sqrt(97));
        ck_assert_double_eq(sp_clip_grad_norm_p(p, INFINITY, 1), 29);
        ck_assert_double_eq_tol(sp_clip_grad_norm_p(p, INFINITY, 4), pow(96 + 768 + 625, 0.25),
                                1e-14);
        ck_assert_double_eq(sp_clip_grad_norm_p(p, INFINITY, INFINITY), 5);
        ck_assert(first(p, 0) == 2 && first(p, 1) == -4 && first(p, 2) == 5);
        sp_params_free(p);
    }
}
END_TEST

START_TEST(after_clipping_the_norm_is_the_one_asked_for)
{
    static const double norms[] = { 1, 2, 3.5, INFINITY };

    for (int i = 0; i < 4; i++) {
        sp_params *p = ten(SP_F64);
        double before = sp_clip_grad_norm_p(p, 0.5, norms[i]);
        double after = sp_clip_grad_norm_p(p, INFINITY, norms[i]);
        ck_assert(before > 4.9);
        ck_assert_double_eq_tol(after, 0.5, 1e-6);
        ck_assert(after <= 0.5);
        ck_assert_double_eq_tol(first(p, 1) / first(p, 0), -2, 1e-14);
        sp_params_free(p);
    }
}
END_TEST

START_TEST(a_norm_below_the_limit_changes_no_bit)
{
    sp_params *p = sample(SP_F32), *q = sample(SP_F32);

    give_all(p, 0, 1);
    give_all(q, 0, 1);
    ck_assert(sp_clip_grad_norm(p, 100) > 0);
    for (int64_t i = 0; i < sp_params_count(p); i++)
        ck_assert(sp_tensor_same(&sp_params_at(p, i)->grad, &sp_params_at(q, i)->grad));
    sp_params_free(p);
    sp_params_free(q);
}
END_TEST

START_TEST(a_limit_of_zero_leaves_zeros)
{
    sp_params *p = ten(SP_F32);

    ck_assert_double_eq(sp_clip_grad_norm(p, 0), sqrt(97));
    ck_assert(first(p, 0) == 0 && first(p, 1) == 0 && first(p, 2) == 0);
    sp_params_free(p);
}
END_TEST

START_TEST(absent_and_frozen_gradients_do_not_count)
{
    sp_params *p = ten(SP_F32);

    sp_params_freeze(p, "head");
    sp_params_at(p, 1)->has_grad = false;
    ck_assert_double_eq(sp_clip_grad_norm_p(p, 1, INFINITY), 2);
    ck_assert(first(p, 0) < 1 && first(p, 1) == -4 && first(p, 2) == 5);
    ck_assert(sp_clip_grad_value(p, 0.5) && first(p, 0) == 0.5 && first(p, 1) == -4);
    sp_params_drop_grads(p);
    ck_assert(sp_clip_grad_norm(p, 1) == 0);
    sp_params_free(p);
}
END_TEST

/* A naive sum over a size that is no multiple of anything. */
START_TEST(long_sums_agree_with_a_plain_loop)
{
    sp_params *p = sp_params_new(1);
    sp_param *x = add(p, "x", SP_SHAPE(1003));
    double sum = 0;

    give(x, 0, 1);
    for (int64_t i = 0; i < 1003; i++) sum += sp_tensor_at(&x->grad, i) * sp_tensor_at(&x->grad, i);
    ck_assert_double_eq_tol(sp_clip_grad_norm(p, INFINITY), sqrt(sum), 1e-12);
    sp_params_free(p);
}
END_TEST

START_TEST(what_is_not_finite_shows_in_the_total)
{
    static const double bad[] = { NAN, INFINITY, -INFINITY };
    static const double norms[] = { 1, 2, 3, INFINITY };

    for (int b = 0; b < 3; b++)
        for (int n = 0; n < 4; n++) {
            sp_params *p = ten(SP_F32);
            sp_tensor_set(&sp_params_at(p, 1)->grad, 1, bad[b]);
            double total = sp_clip_grad_norm_p(p, 1, norms[n]);
            ck_assert(b == 0 ? isnan(total) : isinf(total) && total > 0);
            ck_assert(b == 0 ? isnan(first(p, 2)) : first(p, 2) == 0);
            sp_params_free(p);
        }
}
END_TEST

START_TEST(clipping_by_value_keeps_nan_and_what_is_inside)
{
    sp_params *p = ten(SP_F32);

    sp_tensor_set(&sp_params_at(p, 0)->grad, 1, NAN);
    sp_tensor_set(&sp_params_at(p, 0)->grad, 2, INFINITY);
    ck_assert(sp_clip_grad_value(p, 3));
    ck_assert(first(p, 0) == 2 && first(p, 1) == -3 && first(p, 2) == 3);
    ck_assert(isnan(sp_tensor_at(&sp_params_at(p, 0)->grad, 1)));
    ck_assert(sp_tensor_at(&sp_params_at(p, 0)->grad, 2) == 3);
    sp_params_free(p);
}
END_TEST

START_TEST(nonsense_is_refused_and_changes_nothing)
{
    sp_params *p = ten(SP_F32);

    ck_assert(isnan(sp_clip_grad_norm(p, -1)) && isnan(sp_clip_grad_norm(p, NAN)));
    ck_assert(isnan(sp_clip_grad_norm_p(p, 1, 0)) && isnan(sp_clip_grad_norm_p(p, 1, -2)));
    ck_assert(isnan(sp_clip_grad_norm_p(p, 1, NAN)));
    says(sp_error(), "sp_clip_grad_norm: ");
    ck_assert(isnan(sp_clip_grad_norm(NULL, 1)) && !sp_clip_grad_value(NULL, 1));
    ck_assert(!sp_clip_grad_value(p, -1) && !sp_clip_grad_value(p, NAN));
    ck_assert(first(p, 0) == 2 && first(p, 1) == -4 && first(p, 2) == 5);
    sp_params_free(p);
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        norms_are_those_known_by_hand, after_clipping_the_norm_is_the_one_asked_for,
        a_norm_below_the_limit_changes_no_bit, a_limit_of_zero_leaves_zeros,
        absent_and_frozen_gradients_do_not_count, long_sums_agree_with_a_plain_loop,
        what_is_not_finite_shows_in_the_total, clipping_by_value_keeps_nan_and_what_is_inside,
        nonsense_is_refused_and_changes_nothing,
    };

    return run_suite("clip", LIST(tests), (list){ 0 }, 0);
}
