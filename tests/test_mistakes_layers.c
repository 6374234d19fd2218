/* SPDX-License-Identifier: MIT
 *
 * test_mistakes_layers - the table of mistakes of convolutions, pooling, norms, CTC and random
 * numbers.
 */
#include <math.h>
#include "tests/mistakes.h"

#define NO_VAR     ((sp_var){ 0 })
#define CONV(...)  (sp_conv_spec){ __VA_ARGS__ }
#define POOL(...)  (sp_pool_spec){ __VA_ARGS__ }
#define CTC(...)   (sp_ctc_spec){ __VA_ARGS__ }

static void convolutions(void)
{
    WRONG(conv, RANK, sp_conv2d(F(1, 3, 8), F(4, 3, 2, 2), NO_VAR, CONV(0)),
          "[1,3,8] x [4,3,2,2]: over 2 spatial axes its operands need rank 4, not 3");
    WRONG(conv, RANK, sp_conv1d(F(1, 3, 8), F(4, 3, 2), F(4, 1), CONV(0)),
          "its bias [4,1] needs shape [4]");
    WRONG(conv, SHAPE, sp_conv1d(F(1, 3, 8), F(4, 2, 2), NO_VAR, CONV(0)),
          "[1,3,8] x [4,2,2]: x has 3 channels in each of 1 groups, but w takes 2");
    WRONG(conv, SHAPE, sp_conv1d(F(1, 3, 8), F(4, 3, 9), NO_VAR, CONV(0)),
          "[1,3,8] x [4,3,9]: its window of 9 taps, dilation 1, is longer than the 8 elements");
    WRONG(conv, SHAPE, sp_conv1d(F(1, 3, 8), F(4, 3, 2), F(3), CONV(0)),
          "its bias [3] needs shape [4]");
    WRONG(conv, SHAPE, sp_conv1d(F(1, 3, 8), F(4, 3, 2), NO_VAR, CONV(.groups = 2)),
          "its 3 input channels do not fall into 2 groups");
    WRONG(conv, DTYPE, sp_conv1d(F(1, 3, 8), F32(4, 3, 2), NO_VAR, CONV(0)),
          "f64[1,3,8] x f32[4,3,2]: dtypes f64 and f32 differ");
    WRONG(conv, DTYPE, sp_conv1d(F(1, 3, 8), F(4, 3, 2), F32(4), CONV(0)),
          "its bias [4]: dtypes f64 and f32 differ");
    WRONG(conv, SIZE, sp_conv1d(F(1, 3, 8), F(4, 3, 2), NO_VAR, CONV(.stride = { -2 })),
          "its stride along spatial axis 0 is -2, not within [1,");
    WRONG(conv, SIZE, sp_conv1d(F(1, 3, 8), F(4, 3, 2), NO_VAR, CONV(.padding = { -2 })),
          "its padding along spatial axis 0 is -2");
    WRONG(conv, SIZE, sp_conv1d(F(1, 3, 8), F(4, 3, 2), NO_VAR, CONV(.padding_after = { -1 })),
          "its padding behind along spatial axis 0 is -1");
    WRONG(conv, SIZE, sp_conv1d(F(1, 3, 8), F(4, 3, 2), NO_VAR, CONV(.dilation = { -1 })),
          "its dilation along spatial axis 0 is -1");
    WRONG(conv, SIZE, sp_conv1d(F(1, 3, 8), F(4, 3, 2), NO_VAR, CONV(.groups = -1)),
          "do not fall into -1 groups");
    WRONG(conv, SIZE, sp_conv1d(F(1, 3, 8), F(4, 3, 2), NO_VAR, CONV(.groups = INT64_MAX)),
          "do not fall into 9223372036854775807 groups");
    WRONG(conv, SIZE, sp_conv1d(F(1, 3, 8), F(4, 3, 2), NO_VAR, CONV(.output_padding = { 1 })),
          "[1,3,8] x [4,3,2]: output padding 1 is for sp_conv_transpose");
    WRONG(conv, HUGE, sp_conv1d(F(LONG, 1, 1), F(LONG, 1, 1), NO_VAR, CONV(0)),
          "[4294967296,1,1] x [4294967296,1,1]: ");
    WRONG(conv, HUGE, sp_conv1d(F(1, 3, 8), F(4, 3, 2), NO_VAR, CONV(.dilation = { LONG })),
          "its dilation along spatial axis 0 is 4294967296");
    NEVER(conv, AXIS, INDEX);
    WRONG(conv_transpose, RANK, sp_conv_transpose3d(F(1, 3, 8), F(3, 4, 2), NO_VAR, CONV(0)),
          "[1,3,8] x [3,4,2]: over 3 spatial axes its operands need rank 5, not 3");
    WRONG(conv_transpose, SHAPE, sp_conv_transpose1d(F(1, 3, 8), F(4, 3, 2), NO_VAR, CONV(0)),
          "its input has 3 channels, but w takes 4");
    WRONG(conv_transpose, SHAPE, sp_conv_transpose1d(F(1, 3, 8), F(3, 4, 2), F(3), CONV(0)),
          "its bias [3] needs shape [4]");
    WRONG(conv_transpose, SHAPE, sp_conv_transpose1d(F(1, 3, 1), F(3, 4, 2), NO_VAR,
              CONV(.padding = { 3 })), "its padding leaves nothing of spatial axis 0");
    WRONG(conv_transpose, DTYPE, sp_conv_transpose1d(I(1, 3, 8), I(3, 4, 2), NO_VAR, CONV(0)),
          "[1,3,8] x [3,4,2]: it needs f32 or f64, not i64");
    WRONG(conv_transpose, SIZE, sp_conv_transpose1d(F(1, 3, 8), F(3, 4, 2), NO_VAR,
              CONV(.output_padding = { 1 })),
          "its output padding along spatial axis 0 is 1, not within");
    WRONG(conv_transpose, SIZE, sp_conv_transpose1d(F(1, 3, 8), F(3, 4, 2), NO_VAR,
              CONV(.stride = { -1 })), "its stride along spatial axis 0 is -1");
    WRONG(conv_transpose, HUGE, sp_conv_transpose1d(F(1, 1, INT64_MAX / 8), F(1, 1, 1), NO_VAR,
              CONV(.stride = { INT32_MAX })), "spatial axis 0 would be too long");
    NEVER(conv_transpose, AXIS, INDEX);
}

static void pooling(void)
{
    WRONG(max_pool, RANK, sp_max_pool2d(F(1, 3, 8), POOL(.size = { 2 })),
          "[1,3,8]: over 2 spatial axes its operands need rank 4, not 3");
    WRONG(max_pool, SHAPE, sp_max_pool1d(F(1, 3, 8), POOL(.size = { 9 })),
          "[1,3,8]: its window of 9 taps, dilation 1, is longer than the 8");
    WRONG(max_pool, SHAPE, sp_max_pool1d(F(1, 3, 0), POOL(.size = { 1 })),
          "[1,3,0]: spatial axis 0 has no elements");
    WRONG(max_pool, DTYPE, sp_max_pool1d(I(1, 3, 8), POOL(.size = { 2 })),
          "[1,3,8]: it needs f32 or f64, not i64");
    WRONG(max_pool, SIZE, sp_max_pool1d(F(1, 3, 8), POOL(.size = { -2 })),
          "its window has -2 taps along spatial axis 0");
    WRONG(max_pool, SIZE, sp_max_pool1d(F(1, 3, 8), POOL(0)),
          "its window has 0 taps along spatial axis 0");
    WRONG(max_pool, SIZE, sp_max_pool1d(F(1, 3, 8), POOL(.size = { 2 }, .stride = { -1 })),
          "its stride along spatial axis 0 is -1");
    WRONG(max_pool, SIZE, sp_max_pool1d(F(1, 3, 8), POOL(.size = { 2 }, .padding = { 2 })),
          "more than half of the window's 2 taps");
    WRONG(max_pool, HUGE, sp_max_pool1d(F(1, 3, 8), POOL(.size = { INT64_MAX }, .stride = { 1 })),
          "is longer than the 8 elements");
    NEVER(max_pool, AXIS, INDEX);
    WRONG(mean_pool, RANK, sp_mean_pool1d(F(3), POOL(.size = { 2 })),
          "[3]: over 1 spatial axes its operands need rank 3, not 1");
    WRONG(mean_pool, SHAPE, sp_mean_pool1d(F(1, 3, 8), POOL(.size = { 9 })),
          "is longer than the 8 elements");
    WRONG(mean_pool, DTYPE, sp_mean_pool1d(B(1, 3, 8), POOL(.size = { 2 })),
          "it needs f32 or f64, not bool");
    WRONG(mean_pool, SIZE, sp_mean_pool1d(F(1, 3, 8), POOL(.size = { 2 }, .dilation = { -1 })),
          "its dilation along spatial axis 0 is -1");
    WRONG(mean_pool, HUGE, sp_mean_pool1d(F(1, 3, 8),
              POOL(.size = { INT64_MAX }, .dilation = { 3 }, .stride = { 1 })),
          "is longer than the 8 elements");
    NEVER(mean_pool, AXIS, INDEX);
}

static void norms(void)
{
    double nan = (double)NAN;

    WRONG(layer_norm, RANK, sp_layer_norm(F_SCALAR, 1, NO_VAR, NO_VAR, 0),
          "[]: rank 0 has no 1 last axes");
    WRONG(layer_norm, AXIS, sp_layer_norm(F(2, 3), 3, NO_VAR, NO_VAR, 0),
          "[2,3]: rank 2 has no 3 last axes");
    WRONG(layer_norm, AXIS, sp_layer_norm(F(2, 3), 0, NO_VAR, NO_VAR, 0),
          "[2,3]: rank 2 has no 0 last axes");
    WRONG(layer_norm, SHAPE, sp_layer_norm(F(2, 3), 1, F(2), NO_VAR, 0),
          "[2,3] x [2]: its gamma needs shape [3]");
    WRONG(layer_norm, SHAPE, sp_layer_norm(F(2, 3), 1, F(3), F(2), 0),
          "[2,3] x [3] x [2]: its beta needs shape [3]");
    WRONG(layer_norm, SHAPE, sp_layer_norm(F(2, 3), 1, NO_VAR, F(2, 1), 0),
          "[2,3] x [2,1]: its beta needs shape [3]");
    WRONG(layer_norm, DTYPE, sp_layer_norm(F(2, 3), 1, F32(3), NO_VAR, 0),
          "f64[2,3] x f32[3]: dtypes f64 and f32 differ");
    WRONG(layer_norm, DTYPE, sp_layer_norm(F(2, 3), 1, NO_VAR, F32(3), 0),
          "f64[2,3] x f32[3]: dtypes f64 and f32 differ");
    WRONG(layer_norm, SIZE, sp_layer_norm(F(2, 3), 1, NO_VAR, NO_VAR, -1),
          "[2,3]: its eps is -1, not 0 or more");
    WRONG(layer_norm, SIZE, sp_layer_norm(F(2, 3), 1, NO_VAR, NO_VAR, nan),
          "[2,3]: its eps is nan, not 0 or more");
    NEVER(layer_norm, INDEX, HUGE);
    WRONG(rms_norm, RANK, sp_rms_norm(F_SCALAR, 1, NO_VAR, 0), "[]: rank 0 has no 1 last axes");
    WRONG(rms_norm, AXIS, sp_rms_norm(F(2, 3), -1, NO_VAR, 0),
          "[2,3]: rank 2 has no -1 last axes");
    WRONG(rms_norm, SHAPE, sp_rms_norm(F(2, 3), 2, F(3), 0),
          "[2,3] x [3]: its gamma needs shape [2,3]");
    WRONG(rms_norm, DTYPE, sp_rms_norm(I(2, 3), 1, NO_VAR, 0),
          "[2,3]: it needs f32 or f64, not i64");
    WRONG(rms_norm, SIZE, sp_rms_norm(F(2, 3), 1, NO_VAR, -1e-5),
          "its eps is -1e-05, not 0 or more");
    NEVER(rms_norm, INDEX, HUGE);
    WRONG(group_norm, RANK, sp_group_norm(F(3), 1, NO_VAR, NO_VAR, 0),
          "[3]: x needs rank 2 or more: [N,C,...]");
    WRONG(group_norm, SHAPE, sp_group_norm(F(2, 3), 2, NO_VAR, NO_VAR, 0),
          "[2,3]: its 3 channels do not fall into 2 groups");
    WRONG(group_norm, SHAPE, sp_group_norm(F(2, 4), 2, F(2), NO_VAR, 0),
          "[2,4] x [2]: its gamma needs shape [4]");
    WRONG(group_norm, SHAPE, sp_group_norm(F(2, 4), 2, NO_VAR, F(2), 0),
          "[2,4] x [2]: its beta needs shape [4]");
    WRONG(group_norm, DTYPE, sp_group_norm(F(2, 4), 2, NO_VAR, I(4), 0),
          "dtypes f64 and i64 differ");
    WRONG(group_norm, SIZE, sp_group_norm(F(2, 3), -1, NO_VAR, NO_VAR, 0),
          "do not fall into -1 groups");
    WRONG(group_norm, SIZE, sp_group_norm(F(2, 3), 1, NO_VAR, NO_VAR, -1),
          "its eps is -1, not 0 or more");
    NEVER(group_norm, AXIS, INDEX, HUGE);
    WRONG(batch_norm, RANK, sp_batch_norm(F(3), NO_VAR, NO_VAR, 0),
          "[3]: x needs rank 2 or more: [N,C,...]");
    WRONG(batch_norm, RANK, sp_batch_norm_given(F(3), F(3), F(3), NO_VAR, NO_VAR, 0),
          "[3]: x needs rank 2 or more");
    WRONG(batch_norm, SHAPE, sp_batch_norm(F(2, 3), F(2), NO_VAR, 0),
          "[2,3] x [2]: its gamma needs shape [3]");
    WRONG(batch_norm, SHAPE, sp_batch_norm(F(2, 3), NO_VAR, F(2), 0),
          "[2,3] x [2]: its beta needs shape [3]");
    WRONG(batch_norm, SHAPE, sp_batch_norm_given(F(2, 3), F(2), F(3), NO_VAR, NO_VAR, 0),
          "[2,3] x [2]: its mean needs shape [3]");
    WRONG(batch_norm, SHAPE, sp_batch_norm_given(F(2, 3), F(3), F(3, 1), NO_VAR, NO_VAR, 0),
          "[2,3] x [3,1]: its var needs shape [3]");
    WRONG(batch_norm, SHAPE, sp_batch_norm_given(F(2, 3), F(3), F(3), F(2), NO_VAR, 0),
          "its gamma needs shape [3]");
    WRONG(batch_norm, SHAPE, sp_batch_norm_given(F(2, 3), F(3), F(3), NO_VAR, F_SCALAR, 0),
          "its beta needs shape [3]");
    WRONG(batch_norm, DTYPE, sp_batch_norm(F(2, 3), F32(3), NO_VAR, 0),
          "dtypes f64 and f32 differ");
    WRONG(batch_norm, DTYPE, sp_batch_norm_given(F(2, 3), F32(3), F(3), NO_VAR, NO_VAR, 0),
          "dtypes f64 and f32 differ");
    WRONG(batch_norm, DTYPE, sp_batch_norm_given(F(2, 3), F(3), I(3), NO_VAR, NO_VAR, 0),
          "it needs f32 or f64, not i64");
    WRONG(batch_norm, SIZE, sp_batch_norm(F(2, 3), NO_VAR, NO_VAR, nan),
          "its eps is nan, not 0 or more");
    WRONG(batch_norm, SIZE, sp_batch_norm_given(F(2, 3), F(3), F(3), NO_VAR, NO_VAR, -1),
          "[2,3]: its eps is -1, not 0 or more");
    NEVER(batch_norm, AXIS, INDEX, HUGE);
}

static void alignment(void)
{
    WRONG(ctc, RANK, sp_ctc(F(4, 3), I(2, 2), I(2), I(2), CTC(0)),
          "f64[4,3] x i64[2,2] x i64[2] x i64[2]: its log-probs must be [T,B,C]");
    WRONG(ctc, RANK, sp_ctc(F(4, 2, 3), I(2), I(2), I(2), CTC(0)),
          "log-probs [T,B,C] need targets [B,S]");
    WRONG(ctc, SHAPE, sp_ctc(F(4, 2, 3), I(3, 2), I(2), I(2), CTC(0)),
          "log-probs [T,B,C] need targets [B,S], here [2,S]");
    WRONG(ctc, SHAPE, sp_ctc(F(4, 2, 3), I(2, 2), I(3), I(2), CTC(0)),
          "its input lengths must be [B], here [2]");
    WRONG(ctc, SHAPE, sp_ctc(F(4, 2, 3), I(2, 2), I(2), I(2, 1), CTC(0)),
          "its target lengths must be [B], here [2]");
    WRONG(ctc, DTYPE, sp_ctc(I(4, 2, 3), I(2, 2), I(2), I(2), CTC(0)),
          "its log-probs must be f32 or f64, not i64");
    WRONG(ctc, DTYPE, sp_ctc(F(4, 2, 3), F(2, 2), I(2), I(2), CTC(0)),
          "its targets must be i32 or i64, not f64");
    WRONG(ctc, DTYPE, sp_ctc(F(4, 2, 3), I(2, 2), I(2), F(2), CTC(0)),
          "its target lengths must be i32 or i64, not f64");
    WRONG(ctc, INDEX, sp_ctc(F(4, 2, 3), AT(3, 2, 2), AT(4, 2), AT(1, 2), CTC(0)),
          "label 3 at position [0,0] is outside [0,3)");
    WRONG(ctc, INDEX, sp_ctc(F(4, 2, 3), AT(0, 2, 2), AT(4, 2), AT(1, 2), CTC(0)),
          "label 0 at position [0,0] is the blank");
    WRONG(ctc, INDEX, sp_ctc(F(4, 2, 3), AT(1, 2, 2), AT(5, 2), AT(1, 2), CTC(0)),
          "input length 5 at position 0 is outside [0,4]");
    WRONG(ctc, INDEX, sp_ctc(F(4, 2, 3), AT(1, 2, 2), AT(4, 2), AT(-1, 2), CTC(0)),
          "target length -1 at position 0 is outside [0,2]");
    WRONG(ctc, INDEX, sp_ctc(F(4, 2, 3), I(2, 2), I(2), I(2), CTC(.blank = 3)),
          "the blank 3 is outside [0,3)");
    WRONG(ctc, SIZE, sp_ctc(F(4, 2, 3), I(2, 2), I(2), I(2), CTC(.reduction = (sp_reduction)9)),
          "there is no reduction 9");
    WRONG(ctc, HUGE, sp_ctc(F(LONG, 1, 1), I(1, LONG), I(1), I(1), CTC(0)),
          "T times S numbers of scratch are more than 63 bits count");
    NEVER(ctc, AXIS);
}

static void random_numbers(void)
{
    sp_shape rank_9 = { .rank = 9 }, negative = SP_SHAPE(2, -1), huge = SP_SHAPE(LONG, LONG);
    double nan = (double)NAN, inf = (double)INFINITY;

    WRONG(normal, RANK, sp_normal(tape, SP_F64, rank_9, 0, 1), "rank 9");
    WRONG(normal, DTYPE, sp_normal(tape, SP_I32, SP_SHAPE(3), 0, 1),
          "it needs f32 or f64, not i32");
    WRONG(normal, DTYPE, sp_normal(tape, (sp_dtype)99, SP_SHAPE(3), 0, 1),
          "it needs f32 or f64");
    WRONG(normal, SIZE, sp_normal(tape, SP_F64, negative, 0, 1), "size -1 is negative");
    WRONG(normal, SIZE, sp_normal(tape, SP_F64, SP_SHAPE(3), 0, -1),
          "no mean 0 with deviation -1");
    WRONG(normal, SIZE, sp_normal(tape, SP_F64, SP_SHAPE(3), nan, 1),
          "no mean nan with deviation 1");
    WRONG(normal, SIZE, sp_normal(tape, SP_F64, SP_SHAPE(3), 0, inf),
          "no mean 0 with deviation inf");
    WRONG(normal, HUGE, sp_normal(tape, SP_F64, huge, 0, 1), "beyond 63 bits");
    NEVER(normal, SHAPE, AXIS, INDEX);
    WRONG(uniform, RANK, sp_uniform(tape, SP_F64, rank_9, 0, 1), "rank 9");
    WRONG(uniform, DTYPE, sp_uniform(tape, SP_BOOL, SP_SHAPE(3), 0, 1),
          "it needs f32 or f64, not bool");
    WRONG(uniform, SIZE, sp_uniform(tape, SP_F64, negative, 0, 1), "size -1 is negative");
    WRONG(uniform, SIZE, sp_uniform(tape, SP_F64, SP_SHAPE(3), 1, 0), "no range from 1 to 0");
    WRONG(uniform, SIZE, sp_uniform(tape, SP_F64, SP_SHAPE(3), 0, nan),
          "no range from 0 to nan");
    WRONG(uniform, SIZE, sp_uniform(tape, SP_F64, SP_SHAPE(3), -inf, 0),
          "no range from -inf to 0");
    WRONG(uniform, HUGE, sp_uniform(tape, SP_F64, huge, 0, 1), "beyond 63 bits");
    NEVER(uniform, SHAPE, AXIS, INDEX);
    WRONG(bernoulli, RANK, sp_bernoulli(tape, SP_F64, rank_9, .5), "rank 9");
    WRONG(bernoulli, DTYPE, sp_bernoulli(tape, SP_I64, SP_SHAPE(3), .5),
          "it needs f32 or f64, not i64");
    WRONG(bernoulli, DTYPE, sp_bernoulli_of(I(3)), "[3]: it needs f32 or f64, not i64");
    WRONG(bernoulli, SIZE, sp_bernoulli(tape, SP_F64, negative, .5), "size -1 is negative");
    WRONG(bernoulli, SIZE, sp_bernoulli(tape, SP_F64, SP_SHAPE(3), 1.5),
          "its probability 1.5 is outside [0,1]");
    WRONG(bernoulli, SIZE, sp_bernoulli(tape, SP_F64, SP_SHAPE(3), nan),
          "its probability nan is outside [0,1]");
    WRONG(bernoulli, INDEX, sp_bernoulli_of(sp_full(tape, SP_F64, SP_SHAPE(3), -.5)),
          "its probability -0.5 at element 0 is outside [0,1]");
    WRONG(bernoulli, HUGE, sp_bernoulli(tape, SP_F64, huge, .5), "beyond 63 bits");
    NEVER(bernoulli, SHAPE, AXIS);
}

START_TEST(every_op_of_layers_and_draws_has_a_sentence_for_every_mistake)
{
    convolutions();
    pooling();
    norms();
    alignment();
    random_numbers();
    nothing_is_missed(layer_ops);
}
END_TEST

START_TEST(numbers_that_cannot_be_are_named)
{
    const double nan = (double)NAN;

    WRONG(softplus, SIZE, sp_softplus(F(2, 3), 0, 20), "[2,3]: its beta 0 is not above 0");
    WRONG(softplus, SIZE, sp_softplus(F(2, 3), nan, 20), "[2,3]: its beta nan is not above 0");
    WRONG(ctc, SIZE, sp_ctc(F(4, 1, 3), I(1, 2), I(1), I(1), CTC(.reduction = 4)),
          "[4,1,3]: there is no reduction 4");
    WRONG(clamp, SIZE, sp_clamp(F(2, 3), nan, 1), "[2,3]: its bounds are nan and 1");
    WRONG(dropout, SIZE, sp_dropout(F(3), nan), "[3]: its probability nan is outside [0,1]");
    WRONG(dropout, SIZE, sp_dropout(F(3), -.5), "[3]: its probability -0.5 is outside [0,1]");
    sp_tape_train(tape, false);
    WRONG(dropout, SIZE, sp_dropout(F(3), 2), "[3]: its probability 2 is outside [0,1]");
    WRONG(matmul, SHAPE, sp_matmul(F(3), F(4)), "[3] x [4]: inner sizes 3 and 4 differ");
    WRONG(matmul, SHAPE, sp_matmul(F(2, 3), F(4)), "[2,3] x [4]: inner sizes 3 and 4 differ");
    WRONG(matmul, SHAPE, sp_matmul_t(F(2, 3), true, F(3, 4), false), "[2,3] x [3,4]: ");
    WRONG(matmul, RANK, sp_matmul_t(F(3), true, F(3, 4), false), "[3] x [3,4]: ");
    WRONG(cross_entropy, SIZE,
          sp_cross_entropy_with(F(2, 3), I(2), (sp_cross_entropy_spec){ .reduction = 7 }),
          "[2,3]: there is no reduction 7");
}
END_TEST

START_TEST(an_operand_never_set_is_told_on_the_tape_of_another)
{
    const char *said = "an operand is no var: it was never set";
    sp_cross_entropy_spec entropy = { .reduction = 7 };
    sp_var grid[2];

    WRONG(layer_norm, SHAPE, sp_layer_norm(NO_VAR, 1, NO_VAR, F(3), 1e-5), said);
    WRONG(layer_norm, SHAPE, sp_layer_norm(NO_VAR, 1, F(3), NO_VAR, 1e-5), said);
    WRONG(rms_norm, SHAPE, sp_rms_norm(NO_VAR, 1, F(3), 1e-5), said);
    WRONG(group_norm, SHAPE, sp_group_norm(NO_VAR, 1, NO_VAR, F(3), 1e-5), said);
    WRONG(batch_norm, SHAPE, sp_batch_norm(NO_VAR, NO_VAR, F(3), 1e-5), said);
    WRONG(batch_norm, SHAPE, sp_batch_norm_given(NO_VAR, NO_VAR, F(3), NO_VAR, NO_VAR, 0), said);
    WRONG(batch_norm, SHAPE, sp_batch_norm_given(NO_VAR, NO_VAR, NO_VAR, NO_VAR, F(3), 0), said);
    WRONG(conv, SHAPE, sp_conv1d(NO_VAR, NO_VAR, F(3), CONV(0)), said);
    WRONG(conv, SHAPE, sp_conv1d(NO_VAR, F(4, 3, 2), NO_VAR, CONV(.output_padding = { 1 })), said);
    WRONG(conv_transpose, SHAPE, sp_conv_transpose1d(NO_VAR, NO_VAR, F(3), CONV(0)), said);
    WRONG(ctc, SHAPE, sp_ctc(NO_VAR, I(1, 2), I(1), I(1), CTC(.reduction = 7)), said);
    WRONG(cross_entropy, SHAPE, sp_cross_entropy_with(NO_VAR, I(2), entropy), said);
    WRONG_FALSE(meshgrid, SHAPE, grid[0], sp_meshgrid(SP_VARS(NO_VAR, F(3)), grid), said);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("mistakes_layers");
    TCase *all = tcase_create("all");

    tcase_add_checked_fixture(all, begin, end);
    tcase_add_test(all, every_op_of_layers_and_draws_has_a_sentence_for_every_mistake);
    tcase_add_test(all, numbers_that_cannot_be_are_named);
    tcase_add_test(all, an_operand_never_set_is_told_on_the_tape_of_another);
    suite_add_tcase(suite, all);
    return run_all(suite);
}
