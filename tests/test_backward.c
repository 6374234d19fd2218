/* SPDX-License-Identifier: MIT
 *
 * test_backward.c - from a loss to the gradients of parameters: what is kept, what is
 * added, what changes when something fails.
 */
#include <check.h>
#include <math.h>
#include <string.h>
#include "autograd/ops.h"
#include "autograd/tape.h"
#include "tensor/alloc.h"
#include "tests/suite.h"

static sp_tape *t;

static void begin(void) { t = sp_tape_new(NULL); }
static void end(void)   { sp_tape_free(t); ck_assert_int_eq(sp_alloc_count().live_blocks, 0); }

static void fails_with(const char *sentence)
{
    ck_assert_ptr_nonnull(sp_tape_error(t));
    ck_assert_str_eq(sp_tape_error(t), sentence);
}

/* A one-number parameter w = 0.5 and the loss (w x)^2 by way of `middle`. */
static sp_params *params;
static sp_var loss_of(sp_param *w, sp_var *middle)
{
    *middle = sp_mul(sp_use(t, w), sp_const(t, SP_F64, 3));
    return sp_square(sp_tanh(*middle));
}

static sp_param *one_weight(void)
{
    double half = 0.5;
    params = sp_params_new(1);
    sp_params_dtype(params, SP_F64);
    sp_param *w = sp_params_add(params, "w", SP_SCALAR, (sp_init){ 0 });
    sp_tensor *value = sp_tensor_from(SP_F64, SP_SCALAR, &half);
    sp_param_set(w, value);
    sp_tensor_free(value);
    return w;
}

START_TEST(backward_drops_what_nobody_asked_for_and_computes_it_again_if_asked)
{
    sp_param *w = one_weight();
    sp_var middle, loss = loss_of(w, &middle);

    ck_assert(sp_backward(loss));
    ck_assert_double_eq_tol(sp_item(loss), tanh(1.5) * tanh(1.5), 1e-15);
    ck_assert_int_eq(sp_stats(t).recomputed, 0);
    ck_assert_double_eq_tol(sp_item(middle), 1.5, 1e-15);
    ck_assert_int_eq(sp_stats(t).recomputed, 1);
    sp_params_free(params);
}
END_TEST

START_TEST(keep_pins_a_value_through_backward)
{
    sp_param *w = one_weight();
    sp_var middle, loss = loss_of(w, &middle);

    sp_keep(middle);
    ck_assert(sp_backward(loss));
    ck_assert_double_eq_tol(sp_item(middle), 1.5, 1e-15);
    ck_assert_int_eq(sp_stats(t).recomputed, 0);
    sp_params_free(params);
}
END_TEST

START_TEST(backward_adds_until_the_gradient_is_used_up)
{
    sp_param *w = one_weight();
    double once = 2 * tanh(1.5) * (1 - tanh(1.5) * tanh(1.5)) * 3;
    sp_var middle;

    for (int i = 1; i <= 2; i++) {
        ck_assert(sp_backward(loss_of(w, &middle)));
        ck_assert_double_eq_tol(sp_tensor_at(&w->grad, 0), i * once, 1e-14);
        sp_tape_reset(t);
    }
    sp_params_drop_grads(params);
    ck_assert(sp_backward(loss_of(w, &middle)));
    ck_assert_double_eq_tol(sp_tensor_at(&w->grad, 0), once, 1e-14);
    sp_params_free(params);
}
END_TEST

START_TEST(a_parameter_changed_between_recording_and_reading_is_named)
{
    sp_param *w = one_weight();
    sp_var middle, loss = loss_of(w, &middle);

    sp_param_changed(w);
    ck_assert(!sp_backward(loss));
    fails_with("mul: the parameter w changed (an optimizer step, a load) after it was recorded "
               "and before it was read");
    ck_assert(!w->has_grad);
    sp_tape_reset(t);
    ck_assert(sp_backward(loss_of(w, &middle)));
    sp_params_free(params);
}
END_TEST

START_TEST(a_parameter_has_one_leaf_per_tape_and_a_new_one_after_a_change)
{
    sp_param *w = one_weight();

    ck_assert_int_eq(sp_use(t, w).id, sp_use(t, w).id);
    uint32_t before = sp_use(t, w).id;
    sp_param_changed(w);
    ck_assert_int_ne(sp_use(t, w).id, before);
    sp_params_free(params);
}
END_TEST

#ifdef SP_DEBUG
START_TEST(a_failed_backward_changes_no_gradient)
{
    sp_param *w = one_weight();
    sp_var middle, loss = loss_of(w, &middle);
    ck_assert(sp_backward(loss));
    double before = sp_tensor_at(&w->grad, 0);
    sp_tape_reset(t);

    int failures = 0;
    for (int n = 0;; n++) {
        loss = loss_of(w, &middle);
        sp_alloc_fail(n, false);
        bool ok = sp_backward(loss);
        sp_alloc_fail(-1, false);
        if (ok) break;
        failures++;
        ck_assert_ptr_nonnull(strstr(sp_tape_error(t), "out of memory"));
        ck_assert_double_eq(sp_tensor_at(&w->grad, 0), before);
        sp_tape_reset(t);
    }
    ck_assert_int_ge(failures, 3);
    ck_assert_double_eq_tol(sp_tensor_at(&w->grad, 0), 2 * before, 1e-14);
    sp_params_free(params);
}
END_TEST

#endif

START_TEST(a_step_of_training_allocates_nothing_once_warm)
{
    sp_param *w = one_weight();
    sp_var middle;
    int64_t calls = 0;

    for (int i = 0; i < 5; i++) {
        if (i == 3) calls = sp_alloc_count().calls;
        sp_params_drop_grads(params);
        ck_assert(sp_backward(loss_of(w, &middle)));
        sp_tape_reset(t);
    }
    ck_assert_int_le((sp_alloc_count().calls - calls) / 2, 8);
    sp_params_free(params);
}
END_TEST

static bool same_view(const sp_call *c, const sp_layout *x, sp_shape y, sp_layout *to)
{
    (void)c, (void)y;
    *to = *x;
    return true;
}

static void single(const sp_pullback *v) { sp_push(v, 0, sp_cast(v->g, SP_F32)); }

START_TEST(a_loss_of_many_elements_or_of_no_parameter_is_refused)
{
    sp_param *w = one_weight();

    ck_assert(!sp_backward(sp_broadcast(sp_use(t, w), SP_SHAPE(3))));
    fails_with("backward: [3]: the loss must have exactly one element");
    sp_tape_reset(t);
    ck_assert(!sp_backward(sp_const(t, SP_F64, 1)));
    fails_with("backward: the loss depends on no trainable parameter of this tape");
    sp_params_free(params);
}
END_TEST

START_TEST(a_frozen_parameter_gets_no_gradient)
{
    sp_param *w = one_weight(), *b = sp_params_add(params, "b", SP_SCALAR, (sp_init){ 0 });

    ck_assert_int_eq(sp_params_freeze(params, "w"), 1);
    ck_assert(sp_backward(sp_mul(sp_use(t, w), sp_shift(sp_use(t, b), 2))));
    ck_assert(!w->has_grad);
    ck_assert_double_eq(sp_tensor_at(&b->grad, 0), 0.5);
    sp_params_free(params);
}
END_TEST

START_TEST(a_parameter_that_the_loss_does_not_reach_has_no_gradient)
{
    sp_param *w = one_weight(), *b = sp_params_add(params, "b", SP_SCALAR, (sp_init){ 0 });

    sp_use(t, b);
    ck_assert(sp_backward(sp_square(sp_use(t, w))));
    ck_assert(w->has_grad && !b->has_grad);
    sp_params_free(params);
}
END_TEST

START_TEST(a_parameter_that_changed_between_two_uses_gets_the_sum)
{
    sp_param *w = one_weight();
    sp_var before = sp_add(sp_const(t, SP_F64, 1), sp_scale(sp_use(t, w), 3));

    sp_eval(1, &before);
    sp_param_changed(w);
    ck_assert(sp_backward(sp_add(before, sp_use(t, w))));
    ck_assert_double_eq(sp_tensor_at(&w->grad, 0), 4);
    sp_params_free(params);
}
END_TEST

START_TEST(a_rule_that_gives_another_dtype_is_refused)
{
    sp_param *w = one_weight();
    sp_op op = { .name = "wrong", .kind = SP_VIEW, .n_in = 1, .view = same_view, .vjp = single };

    ck_assert(!sp_backward(sp_apply(&op, 1, (sp_var[]){ sp_use(t, w) }, NULL, NULL)));
    fails_with("wrong: the gradient its rule gives operand 0 is f32, and the operand f64");
    sp_params_free(params);
}
END_TEST

static void doubled(const sp_pullback *v)
{
    sp_push(v, 0, sp_concat(SP_VARS(v->g, v->g), -1));
}

START_TEST(a_rule_that_gives_another_shape_is_refused)
{
    sp_op op = { .name = "wrong", .kind = SP_VIEW, .n_in = 1, .view = same_view, .vjp = doubled };
    sp_var x = sp_full(t, SP_F64, SP_SHAPE(3, 4), 1), g;

    ck_assert(!sp_grad(sp_sum(sp_apply(&op, 1, &x, NULL, NULL)), 1, &x, &g, NULL));
    fails_with("wrong: the gradient its rule gives operand 0 is [3,8], and the operand [3,4]");
}
END_TEST

int main(void)
{
    Suite *s = suite_create("backward");
    TCase *c = tcase_create("backward");
    const TTest *tests[] = {
        backward_drops_what_nobody_asked_for_and_computes_it_again_if_asked,
        keep_pins_a_value_through_backward,
        backward_adds_until_the_gradient_is_used_up,
        a_parameter_changed_between_recording_and_reading_is_named,
        a_parameter_has_one_leaf_per_tape_and_a_new_one_after_a_change,
#ifdef SP_DEBUG
        a_failed_backward_changes_no_gradient,
#endif
        a_step_of_training_allocates_nothing_once_warm,
        a_loss_of_many_elements_or_of_no_parameter_is_refused,
        a_frozen_parameter_gets_no_gradient,
        a_parameter_that_the_loss_does_not_reach_has_no_gradient,
        a_parameter_that_changed_between_two_uses_gets_the_sum,
        a_rule_that_gives_another_dtype_is_refused,
        a_rule_that_gives_another_shape_is_refused,
    };

    tcase_add_checked_fixture(c, begin, end);
    for (size_t i = 0; i < sizeof tests / sizeof *tests; i++) tcase_add_test(c, tests[i]);
    suite_add_tcase(s, c);
    return run_all(s);
}
