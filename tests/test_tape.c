/* SPDX-License-Identifier: MIT
 *
 * test_tape.c - recording, refusing, evaluating, keeping and forgetting.
 */
#include <check.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "autograd/node.h"
#include "autograd/ops.h"
#include "tensor/alloc.h"
#include "tests/suite.h"

static sp_tape *t;

static void begin(void) { t = sp_tape_new(NULL); }
static void end(void)   { sp_tape_free(t); ck_assert_int_eq(sp_alloc_count().live_blocks, 0); }

static sp_tape *tape_with(sp_tape_spec spec)
{
    sp_tape_free(t);
    return t = sp_tape_new(&spec);
}

/* A var of these numbers, f64. */
static sp_var data(sp_shape shape, const double *x)
{
    sp_tensor *tensor = sp_tensor_from(SP_F64, shape, x);
    sp_var v = sp_input(t, tensor);
    sp_tensor_free(tensor);
    return v;
}

static sp_var ramp(sp_shape shape)
{
    double x[64];
    for (int i = 0; i < 64; i++) x[i] = 0.1 * (i + 1);
    return data(shape, x);
}

static void fails_with(const char *sentence)
{
    ck_assert_ptr_nonnull(sp_tape_error(t));
    ck_assert_str_eq(sp_tape_error(t), sentence);
}

START_TEST(nothing_is_computed_until_it_is_asked_for)
{
    sp_var y = sp_exp(ramp(SP_SHAPE(3)));

    ck_assert_int_eq(sp_stats(t).computed, 0);
    ck_assert_double_eq_tol(sp_tensor_at(sp_value(y), 1), exp(0.2), 1e-15);
    ck_assert_int_eq(sp_stats(t).computed, 1);
    sp_value(y);
    ck_assert_int_eq(sp_stats(t).computed, 1);
}
END_TEST

START_TEST(an_eager_tape_computes_each_op_as_it_is_recorded)
{
    tape_with((sp_tape_spec){ .eager = true });
    sp_var y = sp_exp(ramp(SP_SHAPE(3)));

    ck_assert_int_eq(sp_stats(t).computed, 1);
    sp_tanh(y);
    ck_assert_int_eq(sp_stats(t).computed, 2);
}
END_TEST

START_TEST(the_first_mistake_sticks_and_is_a_sentence_with_shapes_and_scope)
{
    sp_scope_enter(t, "decoder", -1);
    sp_scope_enter(t, "lstm", -1);
    sp_scope_enter(t, "layer", 1);
    sp_scope_enter(t, "step", 3);
    sp_var y = sp_matmul(ramp(SP_SHAPE(3, 2)), ramp(SP_SHAPE(4, 5)));

    ck_assert(sp_is_nothing(y));
    fails_with(
        "matmul: [3,2] x [4,5]: inner sizes 2 and 4 differ (in decoder.lstm layer 1, step 3)");
    ck_assert(sp_is_nothing(sp_tanh(y)));
    ck_assert(sp_is_nothing(sp_add(y, y)));
    ck_assert(sp_is_nothing(sp_add(ramp(SP_SHAPE(2)), ramp(SP_SHAPE(3)))));
    ck_assert(!sp_eval(1, &y));
    ck_assert(!sp_backward(y));
    ck_assert(isnan(sp_item(y)));
    ck_assert_ptr_null(sp_value(y));
    ck_assert_ptr_null(sp_export(y));
    fails_with(
        "matmul: [3,2] x [4,5]: inner sizes 2 and 4 differ (in decoder.lstm layer 1, step 3)");
}
END_TEST

START_TEST(reset_forgets_the_failure_and_the_scope)
{
    sp_scope_enter(t, "a", -1);
    sp_matmul(ramp(SP_SCALAR), ramp(SP_SHAPE(3)));
    sp_tape_reset(t);
    ck_assert_ptr_null(sp_tape_error(t));
    sp_matmul(ramp(SP_SCALAR), ramp(SP_SHAPE(3)));
    fails_with("matmul: [] x [3]: a scalar is no matrix; sp_mul multiplies by it");
}
END_TEST

START_TEST(a_var_of_before_reset_is_caught)
{
    sp_var x = ramp(SP_SHAPE(3));
    sp_tape_reset(t);
    ck_assert(sp_is_nothing(sp_tanh(x)));
    fails_with("tanh: its operand was recorded before sp_tape_reset; keep it with sp_export or "
               "sp_carry_keep");
}
END_TEST

START_TEST(a_var_of_another_tape_or_of_none_is_caught)
{
    sp_tape *other = sp_tape_new(NULL);
    sp_tensor *x = sp_tensor_new(SP_F64, SP_SHAPE(3));

    sp_add(ramp(SP_SHAPE(3)), sp_input(other, x));
    fails_with("add: its operands are on different tapes");
    sp_tape_reset(t);
    sp_add(ramp(SP_SHAPE(3)), (sp_var){ 0 });
    fails_with("add: an operand is no var: it was never set");
    ck_assert(sp_is_nothing(sp_tanh((sp_var){ 0 })));
    ck_assert_str_eq(sp_error(), "tanh: none of its operands is a var of a tape");
    sp_tensor_free(x);
    sp_tape_free(other);
}
END_TEST

START_TEST(mixed_dtypes_name_both_and_the_cure)
{
    sp_add(ramp(SP_SHAPE(2)), sp_const(t, SP_F32, 1));
    fails_with("add: f64[2] x f32[]: dtypes f64 and f32 differ; convert one with sp_cast");
}
END_TEST

START_TEST(a_refused_call_leaves_no_node)
{
    sp_var a = ramp(SP_SHAPE(2)), b = ramp(SP_SHAPE(3));
    int64_t before = sp_stats(t).nodes;

    sp_add(a, b);
    fails_with("add: [2] x [3]: sizes 2 and 3 differ on axis -1 and neither is 1");
    ck_assert_int_eq(sp_stats(t).nodes, before);
}
END_TEST

static int told;
static void tell(const char *sentence, void *data_)
{
    told++;
    ck_assert_ptr_eq(data_, &told);
    ck_assert_ptr_nonnull(strstr(sentence, "a scalar"));
}

START_TEST(on_error_is_called_at_the_moment_of_failure_and_once)
{
    told = 0;
    tape_with((sp_tape_spec){ .on_error = tell, .on_error_data = &told });
    sp_matmul(ramp(SP_SCALAR), ramp(SP_SHAPE(3)));
    ck_assert_int_eq(told, 1);
    sp_matmul(ramp(SP_SCALAR), ramp(SP_SHAPE(3)));
    ck_assert_int_eq(told, 1);
}
END_TEST

START_TEST(the_budget_of_nodes_is_an_error_when_crossed)
{
    tape_with((sp_tape_spec){ .max_nodes = 10 });
    sp_var x = ramp(SP_SHAPE(2));
    for (int i = 0; i < 9; i++) x = sp_tanh(x);
    ck_assert_ptr_null(sp_tape_error(t));
    sp_tanh(x);
    ck_assert_ptr_nonnull(strstr(sp_tape_error(t), "budget of 10 nodes"));
}
END_TEST

START_TEST(the_budget_of_bytes_is_an_error_before_anything_runs)
{
    tape_with((sp_tape_spec){ .max_bytes = 1000 });
    sp_var y = sp_tanh(sp_full(t, SP_F64, SP_SHAPE(200), 1));

    ck_assert(!sp_eval(1, &y));
    ck_assert_ptr_nonnull(strstr(sp_tape_error(t), "would need 1608 bytes at once"));
    ck_assert_int_eq(sp_stats(t).computed, 0);
}
END_TEST

START_TEST(views_share_their_operands_values)
{
    sp_var x = ramp(SP_SHAPE(3, 4)), y = sp_transpose(sp_slice(x, 1, 1, 2), 0, 1);
    const double expected[] = { 0.2, 0.6, 1.0, 0.3, 0.7, 1.1 };
    const sp_tensor *v = sp_value(y);

    ck_assert_int_eq(v->shape.dim[0], 2);
    for (int i = 0; i < 6; i++) ck_assert_double_eq_tol(sp_tensor_at(v, i), expected[i], 1e-15);
    ck_assert_int_eq(sp_stats(t).computed, 0);
}
END_TEST

START_TEST(a_reshape_that_strides_cannot_say_packs_first)
{
    sp_var x = ramp(SP_SHAPE(2, 3)), y = sp_reshape(sp_transpose(x, 0, 1), SP_SHAPE(6));
    const double expected[] = { 0.1, 0.4, 0.2, 0.5, 0.3, 0.6 };
    const sp_tensor *v = sp_value(y);

    for (int i = 0; i < 6; i++) ck_assert_double_eq_tol(sp_tensor_at(v, i), expected[i], 1e-15);
    ck_assert_int_eq(sp_stats(t).computed, 1);
}
END_TEST

START_TEST(a_million_nodes_in_a_chain_are_evaluated_differentiated_and_freed)
{
    sp_var x = sp_const(t, SP_F64, 1), y = x, g;

    for (int i = 0; i < 1000000; i++) y = sp_neg(y);
    ck_assert_double_eq(sp_item(y), 1);
    ck_assert(sp_grad(y, 1, &x, &g, NULL));
    ck_assert_double_eq(sp_item(g), 1);
}
END_TEST

START_TEST(evaluating_step_by_step_computes_each_node_once)
{
    sp_var y = ramp(SP_SHAPE(2));

    for (int i = 0; i < 50; i++) {
        y = sp_tanh(y);
        sp_eval(1, &y);
        ck_assert_int_eq(sp_stats(t).computed, i + 1);
    }
    ck_assert_int_eq(sp_stats(t).recomputed, 0);
}
END_TEST

#ifdef SP_DEBUG
START_TEST(borrowed_data_that_change_are_reported)
{
    sp_tensor *x = sp_tensor_new(SP_F64, SP_SHAPE(3));
    sp_var y = sp_tanh(sp_borrow(t, x));

    sp_tensor_fill(x, 2);
    ck_assert(!sp_eval(1, &y));
    fails_with("tanh: borrowed data changed after sp_borrow");
    sp_tensor_free(x);
}
END_TEST

/* An op that changes what it reads, as another thread might. */
static void spoil(const sp_args *a)
{
    *(double *)a->x[0].data = 7;
    *(double *)a->y.data = 0;
}
static const sp_op spoiling = { .name = "spoiling", .kind = SP_OTHER, .n_in = 1, .constant = true,
                                .kernels = { { NULL, spoil } } };

/* Looking through all of x at every read would make T steps cost T^2. */
START_TEST(borrowed_data_are_looked_through_once_in_each_evaluation)
{
    sp_tensor *x = sp_tensor_new(SP_F64, SP_SHAPE(1));
    sp_var b = sp_borrow(t, x), first = sp_apply(&spoiling, 1, &b, NULL, NULL);
    sp_var y[] = { first, sp_tanh(b) };

    ck_assert(sp_eval(2, y));
    y[0] = sp_exp(b);
    ck_assert(!sp_eval(1, y));
    fails_with("exp: borrowed data changed after sp_borrow");
    sp_tensor_free(x);
}
END_TEST
#endif

START_TEST(input_copies_so_that_later_changes_do_not_matter)
{
    sp_tensor *x = sp_tensor_new(SP_F64, SP_SHAPE(1));
    sp_var y = sp_exp(sp_input(t, x));

    sp_tensor_fill(x, 2);
    ck_assert_double_eq(sp_item(y), 1);
    sp_tensor_free(x);
}
END_TEST

START_TEST(streams_of_random_numbers_follow_the_scope_and_the_count_in_it)
{
    uint64_t first[3], again[3];

    for (int round = 0; round < 2; round++) {
        uint64_t *s = round ? again : first;
        for (int i = 0; round && i < 7; i++) sp_tanh(ramp(SP_SHAPE(1)));   /* ids do not matter */
        s[0] = sp_stream(t);
        sp_scope_enter(t, "layer", 1);
        s[1] = sp_stream(t);
        s[2] = sp_stream(t);
        sp_scope_leave(t);
        sp_tape_reset(t);
    }
    for (int i = 0; i < 3; i++) ck_assert_uint_eq(first[i], again[i]);
    ck_assert_uint_ne(first[1], first[2]);
    ck_assert_uint_ne(first[0], first[1]);
}
END_TEST

START_TEST(reset_advances_the_step_and_a_store_keeps_it)
{
    sp_store *store = sp_store_new();
    sp_saved part = sp_tape_saved(t);

    ck_assert_uint_eq(sp_tape_step(t), 0);
    sp_tape_reset(t);
    ck_assert_uint_eq(sp_tape_step(t), 1);
    sp_tape_set_step(t, 41);
    ck_assert(sp_store_put(store, 1, &part));
    sp_tape_set_step(t, 7);
    ck_assert(sp_store_take(store, 1, &part));
    ck_assert_uint_eq(sp_tape_step(t), 41);
    sp_store_free(store);
}
END_TEST

START_TEST(a_missing_tape_reads_as_out_of_memory)
{
    ck_assert_ptr_nonnull(strstr(sp_tape_error(NULL), "out of memory"));
    ck_assert(sp_is_nothing(sp_const(NULL, SP_F32, 1)));
    sp_tape_reset(NULL);
    sp_tape_free(NULL);
    sp_tape_train(NULL, true);
    sp_scope_enter(NULL, "a", 0);
    sp_scope_leave(NULL);
}
END_TEST

START_TEST(denormals_are_zero_while_computing_and_back_afterwards)
{
    if (getenv("SPOOL_VALGRIND")) return;    /* it does not know of flushing to zero */
    volatile double tiny = 1e-308, half = 0.5;
    sp_var y = sp_mul(sp_const(t, SP_F64, 1e-308), sp_const(t, SP_F64, 1e-10));

    ck_assert_double_eq(sp_item(y), 0);
    ck_assert_double_gt(tiny * half, 0);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("tape");
    TCase *c = tcase_create("tape");
    const TTest *tests[] = {
        nothing_is_computed_until_it_is_asked_for, an_eager_tape_computes_each_op_as_it_is_recorded,
        the_first_mistake_sticks_and_is_a_sentence_with_shapes_and_scope,
        reset_forgets_the_failure_and_the_scope, a_var_of_before_reset_is_caught,
        a_var_of_another_tape_or_of_none_is_caught, mixed_dtypes_name_both_and_the_cure,
        a_refused_call_leaves_no_node, on_error_is_called_at_the_moment_of_failure_and_once,
        the_budget_of_nodes_is_an_error_when_crossed,
        the_budget_of_bytes_is_an_error_before_anything_runs, views_share_their_operands_values,
        a_reshape_that_strides_cannot_say_packs_first,
        a_million_nodes_in_a_chain_are_evaluated_differentiated_and_freed,
        evaluating_step_by_step_computes_each_node_once,
#ifdef SP_DEBUG
        borrowed_data_that_change_are_reported,
        borrowed_data_are_looked_through_once_in_each_evaluation,
#endif
        input_copies_so_that_later_changes_do_not_matter,
        streams_of_random_numbers_follow_the_scope_and_the_count_in_it,
        reset_advances_the_step_and_a_store_keeps_it, a_missing_tape_reads_as_out_of_memory,
        denormals_are_zero_while_computing_and_back_afterwards,
    };

    tcase_add_checked_fixture(c, begin, end);
    tcase_set_timeout(c, 30);
    for (size_t i = 0; i < sizeof tests / sizeof *tests; i++) tcase_add_test(c, tests[i]);
    suite_add_tcase(s, c);
    return run_all(s);
}
