/* SPDX-License-Identifier: MIT
 *
 * test_golden_conv.c - convolutions, pooling, normalizations and attention composed of ops against
 * what PyTorch answers (golden/conv.safetensors): values and gradients, in f64 and f32.
 */
#include "tests/golden_case.h"
#include "tests/suite.h"

#define A x[0]
#define B x[1]
#define C x[2]
#define NONE ((sp_var){ 0 })
#define CONV(axes, w_bias, ...) sp_conv##axes##d(A, B, w_bias, (sp_conv_spec){ __VA_ARGS__ })
#define BACK(axes, ...) sp_conv_transpose##axes##d(A, B, C, (sp_conv_spec){ __VA_ARGS__ })
#define MAX(axes, ...)  sp_max_pool##axes##d(A, (sp_pool_spec){ __VA_ARGS__ })
#define MEAN(axes, ...) sp_mean_pool##axes##d(A, (sp_pool_spec){ __VA_ARGS__ })

/* allowed[t,s]: step t may look at step s, for s <= t + ahead. */
static sp_var lower(int64_t rows, int64_t columns, int64_t ahead)
{
    sp_tensor *m = sp_tensor_new(SP_BOOL, SP_SHAPE(rows, columns));

    for (int64_t i = 0; i < rows * columns; i++)
        sp_tensor_set(m, i, i % columns <= i / columns + ahead);
    sp_var v = sp_input(tape, m);
    sp_tensor_free(m);
    return v;
}

/* softmax(q k' / sqrt(d)) v, where not allowed -inf; allowed {0}: everything is. */
static sp_var attend(sp_var q, sp_var k, sp_var v, sp_var allowed)
{
    sp_var scores = sp_scale(sp_matmul_t(q, false, k, true), 1 / sqrt((double)sp_var_dim(q, -1)));

    if (sp_is_given(allowed))
        scores = sp_where(allowed, scores, sp_number(scores, -(double)INFINITY));
    return sp_matmul(sp_softmax(scores), v);
}

/* [B,T,E] as [B,heads,T,E/heads] */
static sp_var in_heads(sp_var x, int64_t heads)
{
    int64_t batch = sp_var_dim(x, 0), steps = sp_var_dim(x, 1), size = sp_var_dim(x, 2);
    return sp_transpose(sp_reshape(x, SP_SHAPE(batch, steps, heads, size / heads)), 1, 2);
}

/* Causal self-attention with two heads; the rows of w are those of q, k and v. */
static sp_var multi_head(const sp_var x[])
{
    sp_var all = sp_add(sp_matmul_t(x[0], false, x[1], true), x[2]), part[3] = { { 0 } };
    int64_t steps = sp_var_dim(x[0], 1);

    sp_split(all, 2, 3, part);
    for (int i = 0; i < 3; i++) part[i] = in_heads(part[i], 2);
    sp_var y = attend(part[0], part[1], part[2], lower(steps, steps, 0));
    y = sp_reshape(sp_transpose(y, 1, 2), sp_var_shape(x[0]));
    return sp_add(sp_matmul_t(y, false, x[3], true), x[4]);
}

/* Case and what computes it. */
#define CASES(X)                                                                    \
    X(conv1d, CONV(1, C, 0)) X(conv1d_stride, CONV(1, C, .stride = { 2 }, .padding = { 1 })) \
    X(conv1d_dilated, CONV(1, C, .padding = { 2 }, .dilation = { 2 }))              \
    X(conv1d_causal, CONV(1, NONE, .padding = { 4 }, .padding_after = { SP_ZERO },  \
                          .dilation = { 2 }))                                       \
    X(conv1d_groups, CONV(1, C, .groups = 2))                                       \
    X(conv1d_depthwise, CONV(1, NONE, .padding = { 1 }, .groups = 4))               \
    X(conv1d_pointwise, CONV(1, C, 0)) X(conv2d, CONV(2, C, 0))                     \
    X(conv2d_stride, CONV(2, C, .stride = { 2, 3 }, .padding = { 1, 2 }))           \
    X(conv2d_all, CONV(2, C, .stride = { 1, 2 }, .padding = { 2, 1 }, .dilation = { 2, 1 }, \
                       .groups = 2))                                                \
    X(conv2d_pointwise, CONV(2, C, 0))                                              \
    X(conv3d, CONV(3, C, .stride = { 2 }, .padding = { 1 }))                        \
    X(transpose1d, BACK(1, .stride = { 3 }, .padding = { 1 }, .output_padding = { 2 })) \
    X(transpose2d, BACK(2, .stride = { 2, 1 }, .padding = { SP_ZERO, 1 },           \
                        .output_padding = { 1, SP_ZERO }, .groups = 2, .dilation = { 1, 2 })) \
    X(max_pool1d, MAX(1, .size = { 3 }))                                            \
    X(max_pool1d_padded, MAX(1, .size = { 3 }, .stride = { 2 }, .padding = { 1 }))  \
    X(max_pool1d_dilated, MAX(1, .size = { 3 }, .stride = { 1 }, .padding = { 1 },  \
                              .dilation = { 2 }))                                   \
    X(max_pool2d, MAX(2, .size = { 2 }))                                            \
    X(max_pool2d_ceil, MAX(2, .size = { 3, 2 }, .stride = { 2 }, .padding = { 1, SP_ZERO }, \
                           .ceil = true))                                           \
    X(max_pool2d_over, MAX(2, .size = { 3 }, .stride = { 1 }, .padding = { 1 }))    \
    X(mean_pool1d, MEAN(1, .size = { 3 }, .stride = { 2 }, .padding = { 1 }))       \
    X(mean_pool2d, MEAN(2, .size = { 2 }))                                          \
    X(mean_pool2d_ceil, MEAN(2, .size = { 3 }, .stride = { 2 }, .padding = { 1 }, .ceil = true)) \
    X(mean_pool2d_inside, MEAN(2, .size = { 3, 2 }, .stride = { 2, 1 }, .padding = { 1 }, \
                               .ceil = true, .inside = true))                       \
    X(mean_pool3d, MEAN(3, .size = { 2 }, .stride = { 1 }, .padding = { 1 }))       \
    X(layer_norm, sp_layer_norm(A, 1, B, C, 1e-5))                                  \
    X(layer_norm_two, sp_layer_norm(A, 2, B, C, 1e-3))                              \
    X(layer_norm_plain, sp_layer_norm(A, 1, NONE, NONE, 1e-5))                      \
    X(group_norm, sp_group_norm(A, 2, B, C, 1e-5))                                  \
    X(instance_norm, sp_group_norm(A, 4, B, C, 1e-5))                               \
    X(batch_norm, sp_batch_norm(A, B, C, 1e-5)) X(batch_norm_rows, sp_batch_norm(A, B, C, 1e-5)) \
    X(batch_norm_plain, sp_batch_norm(A, NONE, NONE, 1e-5))                         \
    X(batch_norm_given, sp_batch_norm_given(A, B, C, NONE, NONE, 1e-5))             \
    X(attention, attend(A, B, C, NONE)) X(attention_causal, attend(A, B, C, lower(5, 7, 2))) \
    X(multi_head, multi_head(x))

#define FUNCTION(name, expression)                                                  \
    static sp_var run_##name(const sp_var x[]) { return expression; }
CASES(FUNCTION)

#define ROW(name, expression) { #name, run_##name },
static const struct { const char *name; sp_var (*run)(const sp_var x[]); } cases[] = { CASES(ROW) };

static double largest(const sp_tensor *x)
{
    double most = 1;
    for (int64_t i = 0; i < sp_tensor_size(x); i++) most = fmax(most, fabs(sp_tensor_at(x, i)));
    return most;
}

/* v within 1e-10 in f64; in f32 within 1e-5 of the largest and 1e-4 of what is wanted: the gradient
   by the bias of attention's keys is 0 but for rounding. */
static void is_close(sp_var v, const char *name, const char *thing)
{
    const sp_tensor *want = recorded(name, thing), *got = sp_value(v);
    double floor = 1e-5 * largest(want);
    bool f32 = want->dtype == SP_F32;

    ck_assert_msg(got != NULL, "%s.%s: %s", name, thing, sp_tape_error(tape));
    ck_assert_msg(sp_shape_equal(got->shape, want->shape), "%s.%s: the shapes differ", name, thing);
    for (int64_t i = 0; i < sp_tensor_size(want); i++) {
        double g = sp_tensor_at(got, i), w = sp_tensor_at(want, i);
        ck_assert_msg(fabs(g - w) <= (f32 ? floor + 1e-4 * fabs(w) : 1e-10),
                      "%s.%s[%d] is %.17g, recorded %.17g", name, thing, (int)i, g, w);
    }
}

static void try_case(const char *name, sp_var (*run)(const sp_var x[]))
{
    sp_var x[5] = { { 0 } }, slope;
    char thing[16];
    int n = 0;

    for (; n < 5; n++) {
        snprintf(thing, sizeof thing, "x%d", n);
        if (!recorded(name, thing)) break;
        x[n] = leaf(name, thing);
    }
    ck_assert_int_gt(n, 0);
    sp_var y = run(x);
    is_close(y, name, "y");
    for (int i = 0; i < n; i++) {
        snprintf(thing, sizeof thing, "grad.x%d", i);
        if (!recorded(name, thing)) continue;
        sp_grad(y, 1, &x[i], &slope, &(sp_grad_spec){ .seed = leaf(name, "w") });
        is_close(slope, name, thing);
    }
}

START_TEST(pytorch_gives_the_same_values_and_gradients)
{
    char f32[64];

    snprintf(f32, sizeof f32, "%s_f32", cases[_i].name);
    try_case(cases[_i].name, cases[_i].run);
    try_case(f32, cases[_i].run);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("golden conv");
    TCase *tc = tcase_create("golden conv");

    golden_file = "conv.safetensors";
    tcase_add_checked_fixture(tc, golden_begin, golden_end);
    tcase_add_loop_test(tc, pytorch_gives_the_same_values_and_gradients, 0,
                        sizeof cases / sizeof *cases);
    suite_add_tcase(suite, tc);

    return run_all(suite);
}
