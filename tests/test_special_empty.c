/* SPDX-License-Identifier: MIT
 *
 * test_special_empty - what every op gives where an operand has no elements: shape and value, or
 * the sentence; on every instruction set, in f32 and f64.
 *
 * Whatever has a value has slopes: of the operands' shapes, without NaN, and 0 where nothing came
 * out.
 */
#include "tests/special.h"

/* ---- operands: twos, and zeros of integers ---- */

enum { MOST_LEAVES = 8, MOST_OPS = 400 };
static const on *now;
static sp_var leaf[MOST_LEAVES];
static int n_leaves;
static bool met[MOST_OPS];

static sp_var twos(sp_shape shape)
{
    sp_tensor *t = sp_tensor_new(now->dtype, shape);

    for (int64_t i = 0; i < sp_tensor_size(t); i++) sp_tensor_set(t, i, 2);
    ck_assert_int_lt(n_leaves, MOST_LEAVES);
    sp_var v = leaf[n_leaves++] = sp_input(now->tape, t);
    sp_tensor_free(t);
    return v;
}

#define F(...)   twos(SP_SHAPE(__VA_ARGS__))
#define I(...)   sp_full(now->tape, SP_I64, SP_SHAPE(__VA_ARGS__), 0)
#define NO_VAR   ((sp_var){ 0 })

/* ---- rows ---- */

static void mark(const char *op)
{
    const sp_op *o;

    for (int i = 0; (o = sp_op_at(i)); i++)
        if (strcmp(o->name, op) == 0) met[i] = true;
    op_named(op);
}

static void fresh(const char *op)
{
    mark(op);
    n_leaves = 0;
    sp_tape_reset(now->tape);
}

static void holds_all(const char *op, const char *what, sp_var v, double value)
{
    const sp_tensor *y = sp_value(v);

    ck_assert_msg(y != NULL, "%s: %s", op, sp_tape_error(now->tape));
    for (int64_t i = 0; i < sp_tensor_size(y); i++) {
        double got = sp_tensor_at(y, i);
        ck_assert_msg(isnan(value) ? isnan(got) : got == value, "%s: %s is %g, not %g (%s)", op,
                      what, got, value, now->where);
    }
}

static void has_shape(const char *op, sp_var v, sp_shape due)
{
    char is[SP_SHAPE_TEXT], should[SP_SHAPE_TEXT];

    ck_assert_msg(!sp_is_nothing(v), "%s: %s", op, sp_tape_error(now->tape));
    ck_assert_msg(sp_shape_equal(sp_var_shape(v), due), "%s: the shape is %s, not %s", op,
                  sp_shape_text(sp_var_shape(v), is), sp_shape_text(due, should));
}

static void has_slopes(const char *op, sp_var y)
{
    bool nothing = sp_shape_size(sp_var_shape(y)) == 0;
    sp_var g[MOST_LEAVES];

    if (!sp_is_floating(sp_var_dtype(y)) || n_leaves == 0) return;
    ck_assert_msg(sp_grad(sp_sum(y), n_leaves, leaf, g, NULL), "%s: %s", op,
                  sp_tape_error(now->tape));
    for (int k = 0; k < n_leaves; k++) {
        has_shape(op, g[k], sp_var_shape(leaf[k]));
        if (nothing) holds_all(op, "a slope", g[k], 0);
        const sp_tensor *x = sp_value(g[k]);
        ck_assert_msg(x != NULL, "%s: %s", op, sp_tape_error(now->tape));
        for (int64_t i = 0; i < sp_tensor_size(x); i++)
            ck_assert_msg(!isnan(sp_tensor_at(x, i)), "%s: a slope is NaN (%s)", op, now->where);
    }
}

static void gives(const char *op, sp_var y, double value, sp_shape shape)
{
    has_shape(op, y, shape);
    holds_all(op, "the value", y, value);
    has_slopes(op, y);
    fresh(op);
}

static void refused(const char *op, sp_var y, const char *sentence)
{
    const char *said = sp_eval(1, &y) ? "nothing" : sp_tape_error(now->tape);

    ck_assert_msg(strstr(said, sentence), "%s says: %s", op, said);
    fresh(op);
}

/* op, call -> value in each element, shape;   op, call -> sentence;   an op recorded only as slope
   of others, and met there;   one whose operands cannot be empty. */
#define GIVES(op, call, value, ...) gives(#op, call, value, SP_SHAPE(__VA_ARGS__))
#define SCALAR(op, call, value)     gives(#op, call, value, SP_SCALAR)
#define REFUSED(op, call, sentence) refused(#op, call, sentence)
#define SLOPE_OF(op, other)         (op_named(#other), mark(#op))
#define NEVER_EMPTY(op, why)        mark(#op)

static void reductions(void)
{
    SCALAR(sum, sp_sum(F(0)), 0);
    GIVES(sum, sp_sum_axes(F(0, 3), SP_AXES(0), false), 0, 3);
    GIVES(sum, sp_sum_axes(F(0, 3), SP_AXES(1), false), 0, 0);
    SCALAR(sum, sp_mean(F(0)), NAN);
    GIVES(sum, sp_mean_axes(F(0, 3), SP_AXES(0), true), NAN, 1, 3);
    SCALAR(prod, sp_prod(F(0)), 1);
    GIVES(prod, sp_prod_axes(F(0, 3), SP_AXES(0), false), 1, 3);
    REFUSED(max, sp_max(F(0)), "there is no largest of no elements");
    REFUSED(min, sp_min_axes(F(2, 0), SP_AXES(1), false), "there is no smallest of no elements");
    GIVES(max, sp_max_axes(F(0, 3), SP_AXES(1), false), 0, 0);
    GIVES(min, sp_min_axes(F(0, 3), SP_AXES(1), false), 0, 0);
    REFUSED(argmax, sp_argmax(F(0), 0), "there is no largest of no elements");
    REFUSED(argmin, sp_argmin(F(2, 0), 1), "there is no smallest of no elements");
    GIVES(argmax, sp_argmax(F(0, 3), 1), 0, 0);
    GIVES(argmin, sp_argmin(F(0, 3), 1), 0, 0);
}

static sp_var top(sp_var x, int64_t k, int axis)
{
    sp_var values;

    sp_topk(x, k, axis, false, &values, NULL);
    return values;
}

static void norms_and_truth(void)
{
    const double p[] = { 1, 2, 3, INFINITY };

    GIVES(variance, sp_variance(F(0, 3), SP_AXES(0), 0, false), NAN, 3);
    GIVES(variance, sp_variance(F(0, 3), SP_AXES(1), 1, false), 0, 0);
    GIVES(std, sp_std(F(0, 3), SP_AXES(0), 1, false), NAN, 3);
    GIVES(std, sp_std(F(0, 3), SP_AXES(1), 1, false), 0, 0);
    for (int i = 0; i < 4; i++) {
        SCALAR(norm, sp_norm(F(0), p[i], SP_ALL_AXES, false), 0);
        GIVES(norm, sp_norm(F(0, 3), p[i], SP_AXES(0), false), 0, 3);
        GIVES(norm, sp_norm(F(0, 3), p[i], SP_AXES(1), false), 0, 0);
    }
    SCALAR(any, sp_any(sp_cast(F(0), SP_BOOL)), 0);
    SCALAR(all, sp_all(sp_cast(F(0), SP_BOOL)), 1);
    GIVES(all, sp_all_axes(sp_cast(F(2, 0), SP_BOOL), SP_AXES(1), false), 1, 2);
}

static void running_and_order(void)
{
    GIVES(argsort, sp_argsort(F(0), 0, false), 0, 0);
    GIVES(argsort, sp_argsort(F(2, 0), 1, true), 0, 2, 0);
    GIVES(argsort, sp_sort(F(0, 3), 0, false), 0, 0, 3);
    GIVES(argsort, top(F(0), 0, 0), 0, 0);
    GIVES(argsort, top(F(3), 0, 0), 0, 0);
    REFUSED(argsort, top(F(0), 1, 0), "it cannot pick 1 of 0 elements along axis 0");
    GIVES(cumsum, sp_cumsum(F(0), 0), 0, 0);
    GIVES(cumsum, sp_cumsum(F(2, 0), 0), 0, 2, 0);
    GIVES(cumprod, sp_cumprod(F(0), 0), 0, 0);
    GIVES(cumprod, sp_cumprod(F(0, 3), 1), 0, 0, 3);
    GIVES(linear_scan, sp_linear_scan(F(0, 2), F(0, 2), F(2), false), 0, 0, 2);
    GIVES(linear_scan, sp_linear_scan(F(2), F(0, 2), F(2), true), 0, 0, 2);
    GIVES(linear_scan, sp_linear_scan(F(3, 0), F(3, 0), NO_VAR, false), 0, 3, 0);
    GIVES(linear_scan_complex, sp_linear_scan_complex(F(0, 1, 2), F(0, 1, 2), F(1, 2), false), 0,
          0, 1, 2);
    GIVES(linear_scan_complex, sp_linear_scan_complex(F(3, 0, 2), F(3, 0, 2), NO_VAR, true), 0,
          3, 0, 2);
}

static void products(void)
{
    GIVES(matmul, sp_matmul(F(2, 0), F(0, 3)), 0, 2, 3);
    GIVES(matmul, sp_matmul(F(0, 4), F(4, 3)), 0, 0, 3);
    GIVES(matmul, sp_matmul(F(2, 4), F(4, 0)), 0, 2, 0);
    GIVES(matmul, sp_matmul(F(0, 2, 4), F(4, 3)), 0, 0, 2, 3);
    GIVES(matmul, sp_matmul_t(F(0, 2), true, F(3, 0), true), 0, 2, 3);
    SCALAR(matmul, sp_dot(F(0), F(0)), 0);
    GIVES(matmul, sp_outer(F(0), F(3)), 0, 0, 3);
    GIVES(matmul, sp_tensordot(F(2, 0), F(0, 3), SP_AXES(1), SP_AXES(0)), 0, 2, 3);
    GIVES(matmul, sp_einsum("ij,jk->ik", SP_VARS(F(2, 0), F(0, 3))), 0, 2, 3);
    SCALAR(matmul, sp_einsum("ii->", SP_VARS(F(0, 0))), 0);
    GIVES(matmul, sp_einsum("bi,bj->bij", SP_VARS(F(0, 2), F(0, 3))), 0, 0, 2, 3);
}

static void views_and_joins(void)
{
    GIVES(reshape, sp_reshape(F(0, 3), SP_SHAPE(5, 0)), 0, 5, 0);
    GIVES(permute, sp_permute(F(0, 3), SP_AXES(1, 0)), 0, 3, 0);
    GIVES(slice, sp_slice(F(3), 0, 1, 0), 0, 0);
    GIVES(slice, sp_slice(F(0, 3), 1, 1, 2), 0, 0, 2);
    GIVES(broadcast, sp_broadcast(F(1, 3), SP_SHAPE(0, 3)), 0, 0, 3);
    GIVES(broadcast, sp_broadcast(F(0, 1), SP_SHAPE(2, 0, 4)), 0, 2, 0, 4);
    GIVES(flip, sp_flip(F(0, 3), 0), 0, 0, 3);
    GIVES(detach, sp_detach(F(0, 3)), 0, 0, 3);
    GIVES(pack, sp_reshape(sp_permute(F(0, 3), SP_AXES(1, 0)), SP_SHAPE(0)), 0, 0);
    GIVES(concat, sp_concat(SP_VARS(F(0, 3), F(2, 3), F(0, 3)), 0), 2, 2, 3);
    GIVES(concat, sp_concat(SP_VARS(F(0, 3), F(0, 2)), 1), 0, 0, 5);
    GIVES(stack, sp_stack(SP_VARS(F(0), F(0)), 0), 0, 2, 0);
    GIVES(add_n, sp_add_n(SP_VARS(F(0, 3), F(0, 3), F(0, 3))), 0, 0, 3);
    GIVES(place, sp_place(F(0), 0, 1, 1, 3), 0, 3);
    GIVES(place, sp_place(F(0, 2), 1, 0, 2, 4), 0, 0, 4);
    GIVES(cast, sp_cast(F(0, 3), SP_I32), 0, 0, 3);
}

static void by_index(void)
{
    GIVES(gather, sp_gather(F(4, 3), I(0)), 0, 0, 3);
    GIVES(gather, sp_gather(F(4, 0), I(2)), 0, 2, 0);
    GIVES(gather, sp_gather(F(0, 3), I(0, 2)), 0, 0, 2, 3);
    REFUSED(gather, sp_gather(F(0, 3), I(2)), "index 0 at position 0 is outside [0,0)");
    GIVES(scatter_add, sp_scatter_add(F(0, 3), I(0), 5), 0, 5, 3);
    GIVES(scatter_add, sp_scatter_add(F(0, 3), I(0), 0), 0, 0, 3);
    REFUSED(scatter_add, sp_scatter_add(F(2, 3), I(2), 0), "index 0 at position 0 is outside");
    GIVES(one_hot, sp_one_hot(I(0), 3, now->dtype), 0, 0, 3);
    GIVES(one_hot, sp_one_hot(I(0), 0, now->dtype), 0, 0, 0);
    GIVES(take, sp_take(F(0, 4), I(2), 1), 0, 0, 2);
    REFUSED(take, sp_take(F(2, 0), I(1), 1), "is outside [0,0)");
    GIVES(take_along_axis, sp_take_along_axis(F(3, 4), I(0, 4), 0), 0, 0, 4);
    GIVES(take_along_axis, sp_take_along_axis(F(0, 4), I(0, 4), 1), 0, 0, 4);
    REFUSED(take_along_axis, sp_take_along_axis(F(0, 4), I(1, 4), 0), "is outside [0,0)");
    GIVES(scatter, sp_scatter(F(3), I(0), F(0), 0, SP_SCATTER_SET), 2, 3);
    GIVES(scatter, sp_scatter(F(0, 3), I(0, 3), F(0, 3), 1, SP_SCATTER_MAX), 0, 0, 3);
    REFUSED(scatter, sp_scatter(F(0), I(1), F(1), 0, SP_SCATTER_ADD), "is outside [0,0)");
}

static sp_pad_spec padded(sp_pad_mode mode, int64_t before)
{
    return (sp_pad_spec){ .axes = SP_AXES(0), .before = { before }, .mode = mode, .value = 7 };
}

static void rearranged(void)
{
    NEVER_EMPTY(arange, "it has no operands");
    GIVES(arange, sp_arange(now->tape, now->dtype, 5, 0, 1), 0, 0);
    GIVES(arange, sp_eye(now->tape, now->dtype, 0), 0, 0, 0);
    GIVES(pad, sp_pad(F(0), padded(SP_PAD_CONSTANT, 2)), 7, 2);
    GIVES(pad, sp_pad(F(2, 0), padded(SP_PAD_EDGE, 1)), 0, 3, 0);
    REFUSED(pad, sp_pad(F(0), padded(SP_PAD_EDGE, 2)), "pad: [0]: ");
    REFUSED(pad, sp_pad(F(0), padded(SP_PAD_REFLECT, 2)), "pad: [0]: ");
    REFUSED(pad, sp_pad(F(0), padded(SP_PAD_CIRCULAR, 2)), "pad: [0]: ");
    GIVES(concat, sp_roll(F(0), 0, 3), 0, 0);
    GIVES(reshape, sp_repeat(F(3), 0, 0), 0, 0);
    GIVES(reshape, sp_tile(F(0), SP_SHAPE(3)), 0, 0);
    GIVES(diagonal, sp_diagonal(F(0, 3), 0, 0, 1), 0, 0);
    GIVES(diagonal, sp_diagonal(F(0, 3, 3), 0, 1, 2), 0, 0, 3);
    GIVES(place_diagonal, sp_place_diagonal(F(2, 0), 0, 1, 2, 0, 3), 0, 2, 0, 3);
    GIVES(place_diagonal, sp_diag_embed(F(0, 3), 0), 0, 0, 3, 3);
    GIVES(tril, sp_tril(F(0, 3), 0), 0, 0, 3);
    GIVES(triu, sp_triu(F(2, 0, 0), 1), 0, 2, 0, 0);
    GIVES(unfold, sp_unfold(F(0, 4), 1, 2, 1, 1), 0, 0, 3, 2);
    REFUSED(unfold, sp_unfold(F(0), 0, 1, 1, 1), "unfold: [0]: ");
    GIVES(fold, sp_fold(F(0, 3, 2), 1, 4, 1, 1), 0, 0, 4);
}

static void random_draws(void)
{
    GIVES(dropout, sp_dropout(F(0, 3), .5), 0, 0, 3);
    GIVES(categorical, sp_categorical(F(0, 3)), 0, 0);
    REFUSED(categorical, sp_categorical(F(3, 0)), "categorical: [3,0]: ");
    GIVES(normal, sp_normal(now->tape, now->dtype, SP_SHAPE(0, 3), 0, 1), 0, 0, 3);
    GIVES(uniform, sp_uniform(now->tape, now->dtype, SP_SHAPE(3, 0), 0, 1), 0, 3, 0);
    GIVES(bernoulli, sp_bernoulli_of(F(0)), 0, 0);
}

static sp_var class_loss(sp_var logits, sp_var target, sp_reduction how, bool nan)
{
    return sp_cross_entropy_with(logits, target,
                                 (sp_cross_entropy_spec){ .reduction = how, .nan_if_none = nan });
}

static sp_var ctc(sp_var x, int64_t labels, sp_reduction how)
{
    int64_t batch = sp_var_dim(x, 1);
    sp_var length = sp_full(now->tape, SP_I64, SP_SHAPE(batch), (double)labels);
    sp_var target = sp_full(now->tape, SP_I64, SP_SHAPE(batch, labels), 1);

    return sp_ctc(x, target, I(batch), length, (sp_ctc_spec){ .reduction = how });
}

static void classes(void)
{
    GIVES(softmax, sp_softmax(F(0, 4)), 0, 0, 4);
    GIVES(softmax, sp_softmax(F(3, 0)), 0, 3, 0);
    GIVES(log_softmax, sp_log_softmax(F(3, 0)), 0, 3, 0);
    GIVES(logsumexp, sp_logsumexp(F(0, 4)), 0, 0);
    GIVES(logsumexp, sp_logsumexp(F(3, 0)), -INFINITY, 3);
    SCALAR(cross_entropy, class_loss(F(0, 3), I(0), SP_MEAN, false), 0);
    SCALAR(cross_entropy, class_loss(F(0, 3), I(0), SP_MEAN, true), NAN);
    SCALAR(cross_entropy, class_loss(F(0, 3), I(0), SP_SUM_UP, false), 0);
    GIVES(cross_entropy, class_loss(F(0, 3), I(0), SP_EACH, false), 0, 0);
    REFUSED(cross_entropy, class_loss(F(2, 0), I(2), SP_MEAN, false), "cross_entropy: ");
    SLOPE_OF(cross_entropy_slope, cross_entropy);
    SCALAR(sum, sp_mse(F(0), F(0)), NAN);

    /* No step: the empty target is certain, any other impossible; no sequence: a mean of none. */
    SCALAR(ctc, ctc(F(0, 2, 3), 0, SP_MEAN), 0);
    GIVES(ctc, ctc(F(0, 2, 3), 1, SP_EACH), INFINITY, 2);
    SCALAR(ctc, ctc(F(4, 0, 3), 1, SP_SUM_UP), 0);
    GIVES(ctc, ctc(F(4, 0, 3), 1, SP_EACH), 0, 0);
    SCALAR(ctc, ctc(F(4, 0, 3), 1, SP_MEAN), NAN);
    SLOPE_OF(ctc_slope, ctc);
}

static void convolutions(void)
{
    const sp_conv_spec plain = { .groups = 1 }, around = { .padding = { 1 } };

    GIVES(conv, sp_conv1d(F(0, 2, 5), F(3, 2, 2), F(3), plain), 0, 0, 3, 4);
    GIVES(conv, sp_conv1d(F(1, 0, 5), F(3, 0, 2), F(3), plain), 2, 1, 3, 4);
    GIVES(conv, sp_conv1d(F(1, 2, 5), F(0, 2, 2), F(0), plain), 0, 1, 0, 4);
    GIVES(conv, sp_conv1d(F(1, 2, 0), F(3, 2, 2), F(3), around), 2, 1, 3, 1);
    GIVES(conv, sp_conv2d(F(0, 2, 5, 5), F(3, 2, 2, 2), NO_VAR, plain), 0, 0, 3, 4, 4);
    REFUSED(conv, sp_conv1d(F(1, 2, 0), F(3, 2, 2), F(3), plain), "conv: ");
    GIVES(conv_transpose, sp_conv_transpose1d(F(0, 2, 5), F(2, 3, 2), F(3), plain), 0, 0, 3, 6);
    GIVES(conv_transpose, sp_conv_transpose1d(F(1, 0, 5), F(0, 3, 2), F(3), plain), 2, 1, 3, 6);
    SLOPE_OF(conv_weight, conv);
    GIVES(max_pool, sp_max_pool1d(F(0, 2, 4), (sp_pool_spec){ .size = { 2 } }), 0, 0, 2, 2);
    REFUSED(max_pool, sp_max_pool1d(F(1, 2, 0), (sp_pool_spec){ .size = { 2 } }), "max_pool: ");
    SLOPE_OF(max_pool_slope, max_pool);
    SLOPE_OF(max_pool_pick, max_pool);
    GIVES(mean_pool, sp_mean_pool2d(F(2, 0, 4, 4), (sp_pool_spec){ .size = { 2 } }), 0, 2, 0, 2, 2);
    REFUSED(mean_pool, sp_mean_pool1d(F(1, 2, 0), (sp_pool_spec){ .size = { 2 } }), "mean_pool: ");
    SLOPE_OF(mean_pool_slope, mean_pool);
}

static void normalizations(void)
{
    GIVES(layer_norm, sp_layer_norm(F(0, 4), 1, F(4), F(4), 1e-5), 0, 0, 4);
    GIVES(layer_norm, sp_layer_norm(F(3, 0), 1, F(0), F(0), 1e-5), 0, 3, 0);
    SLOPE_OF(layer_norm_slope, layer_norm);
    GIVES(rms_norm, sp_rms_norm(F(0, 4), 1, F(4), 1e-5), 0, 0, 4);
    GIVES(rms_norm, sp_rms_norm(F(3, 0), 1, F(0), 1e-5), 0, 3, 0);
    GIVES(group_norm, sp_group_norm(F(0, 4, 2), 2, F(4), F(4), 1e-5), 0, 0, 4, 2);
    GIVES(group_norm, sp_group_norm(F(2, 4, 0), 2, F(4), F(4), 1e-5), 0, 2, 4, 0);
    GIVES(batch_norm, sp_batch_norm(F(0, 4), F(4), F(4), 1e-5), 0, 0, 4);
    GIVES(batch_norm, sp_batch_norm(F(2, 4, 0), F(4), F(4), 1e-5), 0, 2, 4, 0);
    GIVES(batch_norm, sp_batch_norm_given(F(0, 4), F(4), F(4), F(4), F(4), 1e-5), 0, 0, 4);
}

/* Broadcast with no rows, all of them give no rows. */
static void elementwise(void)
{
    const sp_op *op;

    for (int i = 0; (op = sp_op_at(i)); i++) {
        sp_var x[3];
        if (op->kind != SP_ELEMENTWISE || op->attr_size || op->n_in < 1) continue;
        for (int k = 0; k < op->n_in; k++)
            x[k] = k < op->typed_by ? sp_full(now->tape, SP_BOOL, SP_SHAPE(3), 1)
                                    : twos(SP_SHAPE(k == op->n_in - 1 ? 0 : 1, 3));
        gives(op->name, sp_apply(op, op->n_in, x, NULL, (double[8]){ 1, 2 }), 0, SP_SHAPE(0, 3));
    }
}

START_TEST(every_op_gives_for_empty_operands_what_the_table_says)
{
    const sp_op *op;

    EACH_TAPE(o) {
        now = &o;
        elementwise();
        reductions();
        norms_and_truth();
        running_and_order();
        products();
        views_and_joins();
        by_index();
        rearranged();
        random_draws();
        classes();
        convolutions();
        normalizations();
    }
    for (int i = 0; (op = sp_op_at(i)); i++) ck_assert_msg(met[i], "no row: %s", op->name);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("special_empty");
    TCase *all = tcase_create("all");

    tcase_add_test(all, every_op_gives_for_empty_operands_what_the_table_says);
    suite_add_tcase(suite, all);
    return run_all(suite);
}
