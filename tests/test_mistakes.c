/* SPDX-License-Identifier: MIT
 *
 * test_mistakes - what every op says to every kind of mistake.
 *
 * First by the records: each op on its own samples with one operand replaced by one of another
 * shape, dtype, tape or epoch.  Then row by row, for those that are not elementwise.
 */
#include "autograd/check/parts.h"
#include "tests/mistakes.h"

/* ---- by the records ---- */

typedef struct try_of {
    const sp_op     *op;
    const sp_sample *sample;
    int              n;
    sp_dtype         dtype[SP_MOST_OPERANDS];
    sp_shape         shape[SP_MOST_OPERANDS];
} try_of;

static try_of read(const sp_op *op, const sp_sample *s)
{
    sp_report report = { 0 };
    sp_trial t = { .op = op, .sample = s, .report = &report };
    try_of y = { .op = op, .sample = s };

    ck_assert(sp__trial_begin(&t));
    for (y.n = 0; y.n < t.n; y.n++) {
        y.dtype[y.n] = t.x[y.n]->dtype;
        y.shape[y.n] = t.x[y.n]->shape;
    }
    sp__trial_end(&t);
    return y;
}

static int64_t refusals;

/* Either the call is recorded, or the sentence names op and shapes and nothing is. */
static bool told(const try_of *y)
{
    sp_var x[SP_MOST_OPERANDS];
    const char *said;

    for (int k = 0; k < y->n; k++) x[k] = sp_full(tape, y->dtype[k], y->shape[k], 0);
    int64_t nodes = sp_stats(tape).nodes;
    sp_var v = sp_apply(y->op, y->n, x, y->sample->attr, y->sample->scalar);
    bool nothing = sp_is_nothing(v);
    if (nothing) {
        ck_assert_msg((said = sp_tape_error(tape)), "%s gives nothing without a word", y->op->name);
        ck_assert_msg(strncmp(said, y->op->name, strlen(y->op->name)) == 0, "%s: %s", y->op->name,
                      said);
        for (int k = 0; k < y->n && y->n <= 6; k++) {
            char text[SP_SHAPE_TEXT];
            ck_assert_msg(strstr(said, sp_shape_text(y->shape[k], text)),
                          "operand %d is %s, but: %s", k, text, said);
        }
        ck_assert_msg(sp_stats(tape).nodes == nodes, "%s: refused and recorded", said);
        refusals++;
    }
    sp_tape_reset(tape);
    return nothing;
}

static sp_shape longer(sp_shape s, int axis)
{
    s.dim[axis]++;
    return s;
}

static void other_shapes(const try_of *y, int k)
{
    try_of other = *y;
    sp_shape s = y->shape[k];
    const sp_shape tried[] = {
        SP_SCALAR, SP_SHAPE(7), SP_SHAPE(3, 5, 2), SP_SHAPE(1, 1, 1, 1, 1, 1), SP_SHAPE(LONG),
        SP_SHAPE(LONG, 1, 1, 1), SP_SHAPE(1, LONG), SP_SHAPE(LONG, 0), SP_SHAPE(INT64_MAX / 8),
        SP_SHAPE(0, 0, 0),
    };

    for (size_t i = 0; i < sizeof tried / sizeof *tried; i++) {
        other.shape[k] = tried[i];
        told(&other);
    }
    for (int d = 0; d < s.rank; d++) {
        other.shape[k] = longer(s, d);
        told(&other);
    }
}

static void other_dtypes(const try_of *y, int k)
{
    try_of other = *y;

    for (int d = 0; d < SP_N_DTYPES; d++) {
        other.dtype[k] = (sp_dtype)d;
        told(&other);
    }
    other.dtype[k] = y->dtype[k] == SP_F64 ? SP_F32 : y->dtype[k];
    for (int i = 0; i < y->n; i++) {
        if (i == k || !sp_is_floating(y->dtype[i]) || !sp_is_floating(y->dtype[k])) continue;
        ck_assert_msg(told(&other), "%s mixes f32 and f64", y->op->name);
        break;
    }
}

START_TEST(whatever_is_refused_is_told_with_op_and_shapes_and_nothing_is_recorded)
{
    const sp_op *op;

    for (int i = 0; (op = sp_op_at(i)); i++)
        for (const sp_sample *s = op->samples; s->in; s++) {
            if (s->fails) continue;
            try_of y = read(op, s);
            for (int k = 0; k < y.n; k++) {
                other_shapes(&y, k);
                other_dtypes(&y, k);
            }
        }
    ck_assert_msg(refusals > 5000, "only %lld refusals", (long long)refusals);
}
END_TEST

static void says_on(sp_tape *t, const char *op, const char *sentence)
{
    const char *said = sp_tape_error(t);

    ck_assert_msg(said && strncmp(said, op, strlen(op)) == 0 && strstr(said, sentence),
                  "%s says %s", op, said ? said : "nothing");
    sp_tape_reset(t);
}
static void says(const char *op, const char *sentence) { says_on(tape, op, sentence); }

static sp_var call(const try_of *y, int k, sp_var instead)
{
    sp_var x[SP_MOST_OPERANDS];

    for (int i = 0; i < y->n; i++)
        x[i] = i == k ? instead : sp_full(tape, y->dtype[i], y->shape[i], 0);
    int64_t nodes = sp_stats(tape).nodes;
    sp_var v = sp_apply(y->op, y->n, x, y->sample->attr, y->sample->scalar);
    ck_assert_msg(sp_is_nothing(v) && sp_stats(tape).nodes == nodes, "%s: operand %d is accepted",
                  y->op->name, k);
    return v;
}

static void strangers(const try_of *y, int k, sp_tape *other)
{
    sp_var early = sp_full(tape, y->dtype[k], y->shape[k], 0);

    sp_tape_reset(tape);
    call(y, k, early);
    says(y->op->name, "recorded before sp_tape_reset");
    if (y->n > 1) {
        call(y, k, sp_full(other, y->dtype[k], y->shape[k], 0));
        says_on(k ? tape : other, y->op->name, "different tapes");
        sp_tape_reset(tape);
        call(y, k, (sp_var){ 0 });
        says(y->op->name, "never set");
    }
    call(y, k, sp_tape_fail(tape, "the first failure"));
    says("the first failure", "the first failure");
}

START_TEST(no_op_takes_a_var_of_another_tape_or_epoch_or_none_in_any_place)
{
    sp_tape *other = sp_tape_new(NULL);
    const sp_op *op;

    for (int i = 0; (op = sp_op_at(i)); i++)
        for (const sp_sample *s = op->samples; s->in; s++) {
            if (s->fails) continue;
            try_of y = read(op, s);
            for (int k = 0; k < y.n; k++) strangers(&y, k, other);
            break;
        }
    sp_tape_free(other);
}
END_TEST

/* ---- elementwise ops are called wrongly in the same ways ---- */

static bool common_shape(const sp_op *op)
{
    return op->kind == SP_ELEMENTWISE && (!op->shape || op->shape == sp_shape_broadcasts);
}

START_TEST(elementwise_ops_name_the_axis_that_does_not_broadcast)
{
    const sp_op *op;

    for (int i = 0; (op = sp_op_at(i)); i++) {
        if (!common_shape(op) || op->n_in < 2) continue;
        const sp_sample *s = op->samples;
        while (s->fails) s++;
        try_of y = read(op, s);
        for (int k = 0; k < y.n; k++) y.shape[k] = SP_SHAPE(2, 3);
        y.shape[y.n - 1] = SP_SHAPE(4, 3);
        sp_var x[3];
        for (int k = 0; k < y.n; k++) x[k] = sp_full(tape, y.dtype[k], y.shape[k], 0);
        sp_apply(op, y.n, x, s->attr, s->scalar);
        says(op->name, "sizes 2 and 4 differ on axis -2 and neither is 1");
        for (int k = 0; k < y.n; k++)
            x[k] = sp_full(tape, y.dtype[k], k ? SP_SHAPE(1, LONG) : SP_SHAPE(LONG, 1), 0);
        sp_apply(op, y.n, x, s->attr, s->scalar);
        says(op->name, "the broadcast shape is too large");
    }
}
END_TEST

/* ---- row by row ---- */

static void reductions_and_products(void)
{
    WRONG(sum, AXIS, sp_sum_axes(F(2, 3), SP_AXES(2), false), "there is no axis 2 in rank 2");
    WRONG(sum, AXIS, sp_sum_axes(F(2, 3), SP_AXES(0, -2), false), "axis -2 is named twice");
    WRONG(sum, DTYPE, sp_sum(I(3)), "[3]: it needs f32 or f64, not i64");
    NEVER(sum, RANK, SHAPE, INDEX, SIZE, HUGE);
    WRONG(max, AXIS, sp_max_axes(F(2, 3), SP_AXES(-3), false), "there is no axis -3 in rank 2");
    WRONG(max, SHAPE, sp_max(F(3, 0)), "[3,0]: there is no largest of no elements");
    WRONG(max, DTYPE, sp_max(B(3)), "[3]: it needs");
    NEVER(max, RANK, INDEX, SIZE, HUGE);
    WRONG(argmax, AXIS, sp_argmax(F(2, 3), 2), "there is no axis 2 in rank 2");
    WRONG(argmax, RANK, sp_argmax(F_SCALAR, 0), "there is no axis 0 in rank 0");
    WRONG(argmax, SHAPE, sp_argmax(F(3, 0), 1), "[3,0]: there is no largest of no elements");
    WRONG(argmax, DTYPE, sp_argmax(B(3), 0), "[3]: it needs");
    NEVER(argmax, INDEX, SIZE, HUGE);
    WRONG(matmul, RANK, sp_matmul(F_SCALAR, F(3, 4)), "[] x [3,4]: ");
    WRONG(matmul, SHAPE, sp_matmul(F(2, 3), F(4, 5)), "[2,3] x [4,5]: inner sizes 3 and 4 differ");
    WRONG(matmul, SHAPE, sp_matmul(F(2, 2, 3), F(3, 3, 5)), "the leading axes do not broadcast");
    WRONG(matmul, DTYPE, sp_matmul(F(2, 3), F32(3, 5)), "f64[2,3] x f32[3,5]: dtypes f64 and f32");
    WRONG(matmul, HUGE, sp_matmul(F(LONG, 1), F(1, LONG)), "[4294967296,1] x [1,4294967296]: ");
    NEVER(matmul, AXIS, INDEX, SIZE);
}

static void views_and_joins(void)
{
    WRONG(reshape, SHAPE, sp_reshape(F(2, 3), SP_SHAPE(4, 2)), "[2,3]: 6 elements do not fill");
    WRONG(reshape, SIZE, sp_reshape(F(2, 3), SP_SHAPE(-2, 3)), "size -2 on axis 0");
    WRONG(reshape, RANK, sp_reshape(F(2, 3), ((sp_shape){ .rank = 9 })), "rank 9");
    WRONG(reshape, HUGE, sp_reshape(F(2, 3), SP_SHAPE(LONG, LONG)), "too large");
    NEVER(reshape, DTYPE, AXIS, INDEX);
    WRONG(permute, RANK, sp_permute(F(2, 3), SP_AXES(0)), "[2,3]: ");
    WRONG(permute, AXIS, sp_permute(F(2, 3), SP_AXES(0, 2)), "[2,3]: ");
    WRONG(permute, AXIS, sp_permute(F(2, 3), SP_AXES(1, 1)), "[2,3]: ");
    NEVER(permute, SHAPE, DTYPE, INDEX, SIZE, HUGE);
    WRONG(slice, RANK, sp_slice(F_SCALAR, 0, 0, 1), "there is no axis 0 in rank 0");
    WRONG(slice, AXIS, sp_slice(F(2, 3), 2, 0, 1), "there is no axis 2 in rank 2");
    WRONG(slice, INDEX, sp_slice(F(2, 3), 1, 3, 1), "[2,3]: ");
    WRONG(slice, SIZE, sp_slice(F(2, 3), 1, 0, -1), "[2,3]: ");
    WRONG(slice, SIZE, sp_slice_step(F(2, 3), 1, 0, 1, 0), "[2,3]: ");
    WRONG(slice, HUGE, sp_slice_step(F(2, 3), 1, 1, LONG, INT64_MAX / 2), "[2,3]: ");
    NEVER(slice, SHAPE, DTYPE);
    WRONG(broadcast, RANK, sp_broadcast(F(2, 3), SP_SHAPE(3)), "[2,3]: ");
    WRONG(broadcast, SHAPE, sp_broadcast(F(2, 3), SP_SHAPE(4, 3)), "[2,3]: ");
    WRONG(broadcast, SIZE, sp_broadcast(F(2, 3), SP_SHAPE(-1, 2, 3)), "[2,3]: ");
    WRONG(broadcast, HUGE, sp_broadcast(F(2, 3), SP_SHAPE(LONG, LONG, 2, 3)), "[2,3]: ");
    NEVER(broadcast, DTYPE, AXIS, INDEX);
    WRONG(flip, RANK, sp_flip(F_SCALAR, 0), "there is no axis 0 in rank 0");
    WRONG(flip, AXIS, sp_flip(F(2, 3), -3), "there is no axis -3 in rank 2");
    NEVER(flip, SHAPE, DTYPE, INDEX, SIZE, HUGE);
    NEVER(detach, RANK, SHAPE, DTYPE, AXIS, INDEX, SIZE, HUGE);
    WRONG(concat, RANK, sp_concat(SP_VARS(F(2, 3), F(3)), 0), "[2,3] x [3]: ");
    WRONG(concat, SHAPE, sp_concat(SP_VARS(F(2, 3), F(2, 4)), 0), "[2,3] x [2,4]: ");
    WRONG(concat, DTYPE, sp_concat(SP_VARS(F(3), I(3)), 0), "f64[3] x i64[3]: dtypes f64 and i64");
    WRONG(concat, AXIS, sp_concat(SP_VARS(F(2, 3), F(2, 3)), 2), "there is no axis 2 in rank 2");
    WRONG(concat, HUGE, sp_concat(SP_VARS(F(INT64_MAX / 8), F(INT64_MAX / 8)), 0), "63 bits");
    NEVER(concat, INDEX, SIZE);
    WRONG(stack, RANK, sp_stack(SP_VARS(F(1, 1, 1, 1, 1, 1), F(1, 1, 1, 1, 1, 1)), 0), "rank");
    WRONG(stack, SHAPE, sp_stack(SP_VARS(F(2, 3), F(2, 4)), 0), "[2,3] x [2,4]: ");
    WRONG(stack, DTYPE, sp_stack(SP_VARS(F(3), I(3)), 0), "f64[3] x i64[3]: dtypes f64 and i64");
    WRONG(stack, AXIS, sp_stack(SP_VARS(F(2, 3), F(2, 3)), 3), "3");
    WRONG(stack, HUGE, sp_stack(SP_VARS(F(INT64_MAX / 8), F(INT64_MAX / 8)), 0), "beyond 63 bits");
    NEVER(stack, INDEX, SIZE);
    WRONG(add_n, SHAPE, sp_add_n(SP_VARS(F(2, 3), F(2, 4))), "[2,3] x [2,4]: ");
    WRONG(add_n, DTYPE, sp_add_n(SP_VARS(F(3), F32(3))), "dtypes f64 and f32");
    NEVER(add_n, RANK, AXIS, INDEX, SIZE, HUGE);
    WRONG(place, RANK, sp_place(F_SCALAR, 0, 0, 1, 3), "there is no axis 0 in rank 0");
    WRONG(place, AXIS, sp_place(F(2, 3), 2, 0, 1, 3), "there is no axis 2 in rank 2");
    WRONG(place, INDEX, sp_place(F(2, 3), 1, 2, 1, 4), "[2,3]: ");
    WRONG(place, SIZE, sp_place(F(2, 3), 1, 0, 1, -4), "[2,3]: ");
    WRONG(place, HUGE, sp_place(F(2, 3), 1, 0, 1, INT64_MAX / 8), "[2,3]: ");
    NEVER(place, SHAPE, DTYPE);
}

static void indices_random_choices_and_losses(void)
{
    WRONG(gather, RANK, sp_gather(F_SCALAR, I(3)), "[] x i64[3]: a scalar has no rows");
    WRONG(gather, DTYPE, sp_gather(F(3), F(2)), "indices must be i32 or i64, not f64");
    WRONG(gather, INDEX, sp_gather(F(3, 2), AT(3, 4)), "index 3 at position 0 is outside [0,3)");
    WRONG(gather, INDEX, sp_gather(F(3, 2), AT(-1, 4)), "index -1 at position 0 is outside [0,3)");
    WRONG(gather, HUGE, sp_gather(F(1, LONG), I(LONG)), "f64[1,4294967296] x i64[4294967296]: ");
    NEVER(gather, SHAPE, AXIS, SIZE);
    WRONG(scatter_add, SHAPE, sp_scatter_add(F(4, 3), I(3), 5), "first axes of the rows");
    WRONG(scatter_add, RANK, sp_scatter_add(F(4), I(4, 1), 5), "first axes of the rows");
    WRONG(scatter_add, DTYPE, sp_scatter_add(F(4), F(4), 5), "indices must be i32 or i64");
    WRONG(scatter_add, INDEX, sp_scatter_add(F(4), AT(5, 4), 5), "index 5 at position 0 is out");
    WRONG(scatter_add, SIZE, sp_scatter_add(F(4), I(4), -1), "-1 rows");
    WRONG(scatter_add, HUGE, sp_scatter_add(F(1, LONG), I(1), LONG), "beyond 63 bits");
    NEVER(scatter_add, AXIS);
    WRONG(one_hot, RANK, sp_one_hot(I(1, 1, 1, 1, 1, 1), 3, SP_F32), "rank 7");
    WRONG(one_hot, DTYPE, sp_one_hot(F(3), 3, SP_F32), "indices must be i32 or i64, not f64");
    WRONG(one_hot, DTYPE, sp_one_hot(I(3), 3, (sp_dtype)99), "there is no such dtype");
    WRONG(one_hot, INDEX, sp_one_hot(AT(3, 2), 3, SP_F32), "index 3 at position 0 is outside");
    WRONG(one_hot, SIZE, sp_one_hot(I(3), -1, SP_F32), "-1 classes");
    WRONG(one_hot, HUGE, sp_one_hot(I(LONG), LONG, SP_F32), "beyond 63 bits");
    NEVER(one_hot, SHAPE, AXIS);
    WRONG(cast, DTYPE, sp_cast(F(3), (sp_dtype)99), "there is no such dtype");
    NEVER(cast, RANK, SHAPE, AXIS, INDEX, SIZE, HUGE);
    WRONG(dropout, DTYPE, sp_dropout(I(3), .5), "[3]: it needs f32 or f64, not i64");
    WRONG(dropout, SIZE, sp_dropout(F(3), 1.5), "1.5");
    NEVER(dropout, RANK, SHAPE, AXIS, INDEX, HUGE);
    WRONG(categorical, RANK, sp_categorical(F_SCALAR), "[]: ");
    WRONG(categorical, SHAPE, sp_categorical(F(2, 0)), "[2,0]: ");
    WRONG(categorical, DTYPE, sp_categorical(I(3)), "[3]: it needs f32 or f64, not i64");
    NEVER(categorical, AXIS, INDEX, SIZE, HUGE);
    WRONG(softmax, RANK, sp_softmax(F_SCALAR), "[]: a scalar has no last axis");
    WRONG(softmax, DTYPE, sp_softmax(I(3)), "[3]: it needs f32 or f64, not i64");
    NEVER(softmax, SHAPE, AXIS, INDEX, SIZE, HUGE);
    WRONG(log_softmax, RANK, sp_log_softmax(F_SCALAR), "[]: a scalar has no last axis");
    WRONG(log_softmax, DTYPE, sp_log_softmax(I(3)), "[3]: it needs f32 or f64, not i64");
    NEVER(log_softmax, SHAPE, AXIS, INDEX, SIZE, HUGE);
    WRONG(logsumexp, RANK, sp_logsumexp(F_SCALAR), "[]: a scalar has no last axis");
    WRONG(logsumexp, DTYPE, sp_logsumexp(I(3)), "[3]: it needs f32 or f64, not i64");
    NEVER(logsumexp, SHAPE, AXIS, INDEX, SIZE, HUGE);
    WRONG(cross_entropy, RANK, sp_cross_entropy(F_SCALAR, I_SCALAR), "[] x i64[]: ");
    WRONG(cross_entropy, SHAPE, sp_cross_entropy(F(2, 3), I(4)), "f64[2,3] x i64[4]: ");
    WRONG(cross_entropy, DTYPE, sp_cross_entropy(F(2, 3), F(2)), "[2,3] x [2]: ");
    WRONG(cross_entropy, INDEX, sp_cross_entropy(F(2, 3), AT(3, 2)), "f64[2,3] x i64[2]: ");
    NEVER(cross_entropy, AXIS, SIZE, HUGE);
}

START_TEST(every_op_of_the_core_has_a_sentence_for_every_mistake)
{
    reductions_and_products();
    views_and_joins();
    indices_random_choices_and_losses();
    nothing_is_missed(core_ops);
}
END_TEST

START_TEST(every_op_is_elementwise_or_in_a_list)
{
    const char *const *const lists[] = { core_ops, index_ops, layer_ops, internal_ops };
    const sp_op *op;

    for (int i = 0; (op = sp_op_at(i)); i++) {
        bool listed = op->kind == SP_ELEMENTWISE;
        for (size_t k = 0; k < sizeof lists / sizeof *lists; k++)
            listed |= place_in(lists[k], op->name) >= 0;
        ck_assert_msg(listed, "%s is in no list of mistakes.h: it has no rows", op->name);
        ck_assert_msg(place_in(calls, op->name) < 0, "%s has a record", op->name);
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("mistakes");
    TCase *all = tcase_create("all");

    tcase_add_checked_fixture(all, begin, end);
    tcase_set_timeout(all, 60);
    tcase_add_test(all, whatever_is_refused_is_told_with_op_and_shapes_and_nothing_is_recorded);
    tcase_add_test(all, no_op_takes_a_var_of_another_tape_or_epoch_or_none_in_any_place);
    tcase_add_test(all, elementwise_ops_name_the_axis_that_does_not_broadcast);
    tcase_add_test(all, every_op_of_the_core_has_a_sentence_for_every_mistake);
    tcase_add_test(all, every_op_is_elementwise_or_in_a_list);
    suite_add_tcase(suite, all);
    return run_all(suite);
}
