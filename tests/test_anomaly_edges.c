/* SPDX-License-Identifier: MIT
 *
 * test_anomaly_edges.c - the first op that made a NaN or an infinity is named, through views, in
 * sums, in values computed again, in hooks, eager or not.
 */
#include <math.h>
#include <string.h>
#include "autograd/ops.h"
#include "autograd/tape.h"
#include "tensor/alloc.h"
#include "tests/suite.h"

static sp_tape *t;

static void with(sp_tape_spec spec) { sp_tape_free(t), t = sp_tape_new(&spec); }
static void begin(void) { t = NULL, with((sp_tape_spec){ .anomaly = SP_ANOMALY_NAN_INF }); }
static void end(void)   { sp_tape_free(t); ck_assert_int_eq(sp_alloc_count().live_blocks, 0); }

static sp_var data(sp_shape shape, const double *x)
{
    sp_tensor *tensor = sp_tensor_from(SP_F64, shape, x);
    sp_var v = sp_input(t, tensor);

    sp_tensor_free(tensor);
    return v;
}

#define F64(shape, ...) data(shape, (const double[]){ __VA_ARGS__ })

static void fails_with(sp_var v, const char *sentence)
{
    ck_assert(!sp_eval(1, &v));
    ck_assert_str_eq(sp_tape_error(t), sentence);
}

START_TEST(a_view_counts_by_what_it_shows)
{
    sp_var x = F64(SP_SHAPE(2, 3), 1, 2, -1, 4, 5, 6), y = sp_log(sp_slice(x, 1, 0, 2));

    ck_assert(sp_eval(1, &y));
    fails_with(sp_log(sp_slice(sp_transpose(x, 0, 1), 0, 1, 2)),
               "anomaly: log: [2,2] gave nan at [1,0], from [-1, 6]");
}
END_TEST

START_TEST(the_first_is_named_whatever_is_asked_for)
{
    sp_scope_enter(t, "step", 0);
    sp_var a = sp_exp(F64(SP_SHAPE(1), 1000));
    sp_scope_leave(t);
    sp_scope_enter(t, "step", 1);
    sp_var b = sp_sub(a, a), other = sp_log(F64(SP_SHAPE(1), -1));
    sp_scope_leave(t);
    sp_var all[] = { other, sp_tanh(b), a };

    ck_assert(!sp_eval(3, all));
    ck_assert_str_eq(sp_tape_error(t),
                     "anomaly: exp: [1] gave inf at [0], from [1000, 1000] (in step 0)");
}
END_TEST

/* Only the gradient is evaluated, so the value is first computed where it is recorded again. */
START_TEST(a_value_computed_again_is_named_as_the_one_that_it_repeats)
{
    sp_var x = F64(SP_SHAPE(2), 1, 0), g;

    sp_region_enter(t);
    sp_scope_enter(t, "step", 2);
    sp_var y = sp_square(sp_log(x));
    sp_scope_leave(t);
    sp_region_leave(t);
    ck_assert(sp_grad(sp_sum(y), 1, &x, &g, NULL));
    fails_with(g, "anomaly: log: [2] gave -inf at [1], from [0, 1] (in step 2)");
}
END_TEST

START_TEST(a_slope_in_a_region_is_named_with_its_op_and_scope)
{
    sp_var x = F64(SP_SHAPE(2), 4, 0), g;

    sp_region_enter(t);
    sp_scope_enter(t, "step", 2);
    sp_var y = sp_sqrt(sp_scale(x, 3));
    sp_scope_leave(t);
    sp_region_leave(t);
    sp_var loss = sp_sum(y);
    ck_assert(sp_eval_only(1, &loss) && sp_grad(loss, 1, &x, &g, NULL));
    ck_assert(!sp_eval(1, &g));
    ck_assert_msg(strstr(sp_tape_error(t), "anomaly: div, in the gradient of sqrt: [2] gave inf at "
                                           "[1], from [0.5, 0.5], [0, 3.46") == sp_tape_error(t),
                  "%s", sp_tape_error(t));
    ck_assert_ptr_nonnull(strstr(sp_tape_error(t), "(in step 2)"));
}
END_TEST

static sp_var spoil(sp_var g, void *ignored)
{
    (void)ignored;
    return sp_log(sp_neg(g));
}

START_TEST(what_a_hook_makes_is_part_of_the_gradient)
{
    for (int eager = 0; eager < 2; eager++) {
        with((sp_tape_spec){ .anomaly = SP_ANOMALY_NAN, .eager = eager });
        sp_var x = F64(SP_SHAPE(2), 1, 2), g, h = sp_hook(sp_scale(x, 2), spoil, NULL);
        bool ok = sp_grad(sp_sum(sp_square(h)), 1, &x, &g, NULL);
        ck_assert_int_eq(ok, !eager);
        ck_assert(!ok || !sp_eval(1, &g));
        ck_assert_str_eq(sp_tape_error(t), "anomaly: log, in the gradient of mul: [2] gave nan at "
                                           "[0], from [-8, -4]");
    }
}
END_TEST

/* Attention with a mask of -inf: good as long as something is left of a row. */
static sp_var masked(double second)
{
    sp_var x = F64(SP_SHAPE(2, 2), 1, 2, 3, 4), on = F64(SP_SHAPE(2, 2), 1, 0, second, 0);
    return sp_softmax(sp_masked_fill(x, sp_less(on, sp_number(on, .5)), -INFINITY));
}

START_TEST(masks_of_infinities_are_allowed_and_their_nan_is_not)
{
    with((sp_tape_spec){ .anomaly = SP_ANOMALY_NAN });
    sp_var y = masked(1);
    const sp_tensor *p = sp_value(y);
    ck_assert_msg(p != NULL, "%s", sp_tape_error(t));
    ck_assert(sp_tensor_at(p, 0) == 1 && sp_tensor_at(p, 3) == 0);
    fails_with(masked(0), "anomaly: softmax: [2,2] gave nan at [1,0], from [1, 1] with 3 inf");
    with((sp_tape_spec){ .anomaly = SP_ANOMALY_NAN_INF });
    y = masked(1);
    ck_assert(!sp_eval(1, &y));
    ck_assert_msg(strstr(sp_tape_error(t), "[2,2] gave -inf at [0,1], from ") != NULL, "%s",
                  sp_tape_error(t));
}
END_TEST

/* Gradients of slices are regions that a sum takes in: the op that made one is named. */
START_TEST(a_part_of_a_gradient_is_named_by_the_op_that_made_it)
{
    sp_var x = F64(SP_SHAPE(4), 1, 2, 3, 0), g, sum = sp_number(x, 0);

    for (int i = 0; i < 4; i++) {
        sp_scope_enter(t, "step", i);
        sum = sp_add(sum, sp_sum(sp_sqrt(sp_slice(x, 0, i, 1))));
        sp_scope_leave(t);
    }
    ck_assert(sp_grad(sum, 1, &x, &g, NULL));
    fails_with(g, "anomaly: div, in the gradient of sqrt: [1] gave inf at [0], from [0.5, 0.5], "
                  "[0, 0] (in step 3)");
}
END_TEST

START_TEST(of_many_operands_the_first_are_shown)
{
    sp_var x[6];

    for (int i = 0; i < 6; i++) x[i] = F64(SP_SHAPE(1), i == 5 ? (double)NAN : i);
    fails_with(sp_add_n(6, x), "anomaly: add_n: [1] gave nan at [0], from [0, 0], [1, 1], [2, 2], "
                               "[3, 3], ... (6 operands)");
}
END_TEST

START_TEST(a_parameter_that_is_bad_is_told_by_its_reader)
{
    sp_params *params = sp_params_new(1);
    sp_param *p = sp_params_add(params, "w", SP_SHAPE(2), (sp_init){ 0 });

    sp_tensor_set(&p->value, 1, NAN);

    fails_with(sp_tanh(sp_use(t, p)), "anomaly: tanh: [2] gave nan at [1], from [0, 0] with 1 nan");
    sp_tape_reset(t);
    sp_params_free(params);
}
END_TEST

int main(void)
{
    TCase *c = tcase_create("anomaly_edges");

    tcase_add_checked_fixture(c, begin, end);
    tcase_add_test(c, a_view_counts_by_what_it_shows);
    tcase_add_test(c, the_first_is_named_whatever_is_asked_for);
    tcase_add_test(c, a_value_computed_again_is_named_as_the_one_that_it_repeats);
    tcase_add_test(c, a_slope_in_a_region_is_named_with_its_op_and_scope);
    tcase_add_test(c, what_a_hook_makes_is_part_of_the_gradient);
    tcase_add_test(c, masks_of_infinities_are_allowed_and_their_nan_is_not);
    tcase_add_test(c, a_part_of_a_gradient_is_named_by_the_op_that_made_it);
    tcase_add_test(c, of_many_operands_the_first_are_shown);
    tcase_add_test(c, a_parameter_that_is_bad_is_told_by_its_reader);
    Suite *s = suite_create("anomaly_edges");
    suite_add_tcase(s, c);
    return run_all(s);
}
