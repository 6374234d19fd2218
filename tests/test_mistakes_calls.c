/* SPDX-License-Identifier: MIT
 *
 * test_mistakes_calls - the table of mistakes of functions that are made of ops: the sentence names
 * the function, not what it is made of.
 */
#include <math.h>
#include "tests/mistakes.h"

#define SIX_ONES 1, 1, 1, 1, 1, 1

/* What a call writes to. */
static sp_var out[8];

static void arithmetic(void)
{
    double nan = (double)NAN;

    WRONG(scale, DTYPE, sp_scale(I(3), .5), "0.5 is not a number that i64 can hold");
    WRONG(scale, DTYPE, sp_scale(I(3), nan), "nan is not a number that i64 can hold");
    NEVER(scale, RANK, SHAPE, AXIS, INDEX, SIZE, HUGE);
    WRONG(shift, DTYPE, sp_shift(B(3), .5), "bool");
    NEVER(shift, RANK, SHAPE, AXIS, INDEX, SIZE, HUGE);
    WRONG(one_minus, DTYPE, sp_one_minus(B(3)), "bool");
    NEVER(one_minus, RANK, SHAPE, AXIS, INDEX, SIZE, HUGE);
    WRONG(number, DTYPE, sp_number(I(3), 1e20), "1e+20 is not a number that i64 can hold");
    NEVER(number, RANK, SHAPE, AXIS, INDEX, SIZE, HUGE);
    WRONG(mean, AXIS, sp_mean_axes(F(2, 3), SP_AXES(2), false), "[2,3]: there is no axis 2");
    WRONG(mean, AXIS, sp_mean_axes(F(2, 3), SP_AXES(1, -1), true),
          "[2,3]: axis -1 is named twice");
    WRONG(mean, AXIS, sp_mean_axes(F(2, 3), (sp_axes){ -2, { 0 } }, true), "-2 axes are too few");
    WRONG(mean, DTYPE, sp_mean(I(3)), "[3]: it needs f32 or f64, not i64");
    NEVER(mean, RANK, SHAPE, INDEX, SIZE, HUGE);
    WRONG(mse, SHAPE, sp_mse(F(2, 3), F(2, 4)),
          "[2,3] x [2,4]: sizes 3 and 4 differ on axis -1");
    WRONG(mse, DTYPE, sp_mse(F(3), F32(3)), "f64[3] x f32[3]: dtypes f64 and f32 differ");
    WRONG(mse, DTYPE, sp_mse(I(3), I(3)), "[3]: it needs f32 or f64, not i64");
    WRONG(mse, HUGE, sp_mse(F(LONG, 1), F(LONG)), "the broadcast shape is too large");
    NEVER(mse, RANK, AXIS, INDEX, SIZE);
    WRONG(masked_fill, SHAPE, sp_masked_fill(F(2, 3), B(2), 0),
          "bool[2] x f64[] x f64[2,3]: sizes 2 and 3 differ");
    WRONG(masked_fill, DTYPE, sp_masked_fill(F(3), F(3), 0), "bool");
    WRONG(masked_fill, DTYPE, sp_masked_fill(I(3), B(3), .5), "0.5 is not a number that i64");
    WRONG(masked_fill, HUGE, sp_masked_fill(F(LONG, 1), B(LONG), 0), "too large");
    NEVER(masked_fill, RANK, AXIS, INDEX, SIZE);
}

static void views(void)
{
    WRONG(transpose, RANK, sp_transpose(F_SCALAR, 0, 1), "[]: there is no axis 0 in rank 0");
    WRONG(transpose, AXIS, sp_transpose(F(2, 3), 1, 2), "[2,3]: there is no axis 2 in rank 2");
    NEVER(transpose, SHAPE, DTYPE, INDEX, SIZE, HUGE);
    WRONG(select, RANK, sp_select(F_SCALAR, 0, 0), "[]: there is no axis 0 in rank 0");
    WRONG(select, AXIS, sp_select(F(2, 3), -3, 0), "[2,3]: there is no axis -3 in rank 2");
    WRONG(select, INDEX, sp_select(F(2, 3), 1, 3),
          "[2,3]: 1 elements from 3 in steps of 1 do not lie");
    WRONG(select, INDEX, sp_select(F(2, 3), 1, -5), "[2,3]: 1 elements from -5 in steps");
    WRONG(select, INDEX, sp_select(F(2, 3), 1, INT64_MIN),
          "[2,3]: 1 elements from -9223372036854775808 in steps");
    NEVER(select, SHAPE, DTYPE, SIZE, HUGE);
    WRONG(unsqueeze, RANK, sp_unsqueeze(F(SIX_ONES), 0),
          "[1,1,1,1,1,1]: there is no place 0 in rank 6");
    WRONG(unsqueeze, AXIS, sp_unsqueeze(F(2, 3), 3), "[2,3]: there is no place 3 in rank 2");
    NEVER(unsqueeze, SHAPE, DTYPE, INDEX, SIZE, HUGE);
    WRONG(squeeze, RANK, sp_squeeze(F_SCALAR, 0), "[]: there is no axis 0 in rank 0");
    WRONG(squeeze, AXIS, sp_squeeze(F(2, 3), 2), "[2,3]: there is no axis 2 in rank 2");
    WRONG(squeeze, SHAPE, sp_squeeze(F(2, 3), 1),
          "[2,3]: the size is not 1 on axis 1 in rank 2");
    NEVER(squeeze, DTYPE, INDEX, SIZE, HUGE);
    WRONG_FALSE(split, RANK, out[0], sp_split(F_SCALAR, 0, 2, out), "[]: there is no axis 0");
    WRONG_FALSE(split, AXIS, out[1], sp_split(F(2, 3), 2, 2, out), "[2,3]: there is no axis 2");
    WRONG_FALSE(split, SHAPE, out[1], sp_split(F(2, 3), 1, 2, out),
                "[2,3]: axis 1 of size 3 does not make 2 equal parts");
    WRONG_FALSE(split, SIZE, sp_neg(F(1)), sp_split(F(2, 3), 1, -1, out),
                "axis 1 of size 3 does not make -1 equal parts");
    NEVER(split, DTYPE, INDEX, HUGE);
    WRONG(full, RANK, sp_full(tape, SP_F64, (sp_shape){ .rank = 9 }, 0), "rank 9");
    WRONG(full, DTYPE, sp_full(tape, (sp_dtype)99, SP_SHAPE(3), 0), "there is no dtype 99");
    WRONG(full, DTYPE, sp_full(tape, SP_I32, SP_SHAPE(3), (double)NAN),
          "nan is not a number that i32 can hold");
    WRONG(full, SIZE, sp_full(tape, SP_F64, SP_SHAPE(3, -1), 0), "size -1");
    WRONG(full, HUGE, sp_full(tape, SP_F64, SP_SHAPE(LONG, LONG), 0), "beyond 63 bits");
    NEVER(full, SHAPE, AXIS, INDEX);
    WRONG(const, DTYPE, sp_const(tape, (sp_dtype)-1, 0), "there is no dtype -1");
    WRONG(const, DTYPE, sp_const(tape, SP_BOOL, .5), "0.5 is not a number that bool can hold");
    NEVER(const, RANK, SHAPE, AXIS, INDEX, SIZE, HUGE);
}

static void rearranged(void)
{
    WRONG(sort, RANK, sp_sort(F_SCALAR, 0, false), "[]: there is no axis 0 in rank 0");
    WRONG(sort, AXIS, sp_sort(F(2, 3), 2, false), "[2,3]: there is no axis 2 in rank 2");
    NEVER(sort, SHAPE, DTYPE, INDEX, SIZE, HUGE);
    WRONG_FALSE(topk, RANK, out[0], sp_topk(F_SCALAR, 1, 0, false, &out[0], &out[1]),
                "[]: there is no axis 0");
    WRONG_FALSE(topk, AXIS, out[1], sp_topk(F(2, 3), 1, -3, false, &out[0], &out[1]),
                "[2,3]: there is no axis -3");
    WRONG_FALSE(topk, SIZE, out[0], sp_topk(F(2, 3), -1, 1, false, &out[0], &out[1]),
                "[2,3]: it cannot pick -1 of 3 elements along axis 1");
    WRONG_FALSE(topk, SHAPE, out[0], sp_topk(F(2, 3), 4, 1, true, &out[0], NULL),
                "it cannot pick 4 of 3 elements along axis 1");
    NEVER(topk, DTYPE, INDEX, HUGE);
    WRONG(median, RANK, sp_median(F_SCALAR, 0), "[]: there is no axis 0 in rank 0");
    WRONG(median, AXIS, sp_median(F(2, 3), 2), "[2,3]: there is no axis 2 in rank 2");
    WRONG(median, SHAPE, sp_median(F(2, 0), 1), "[2,0]: it cannot pick 1 of 0 elements");
    NEVER(median, DTYPE, INDEX, SIZE, HUGE);
    WRONG(roll, RANK, sp_roll(F_SCALAR, 0, 1), "[]: there is no axis 0 in rank 0");
    WRONG(roll, AXIS, sp_roll(F(2, 3), 2, 1), "[2,3]: there is no axis 2 in rank 2");
    NEVER(roll, SHAPE, DTYPE, INDEX, SIZE, HUGE);
    WRONG(repeat, RANK, sp_repeat(F_SCALAR, 0, 1), "[]: there is no axis 0 in rank 0");
    WRONG(repeat, AXIS, sp_repeat(F(2, 3), -3, 1), "[2,3]: there is no axis -3 in rank 2");
    WRONG(repeat, SIZE, sp_repeat(F(2, 3), 1, -1), "[2,3]: axis 1 cannot be repeated -1 times");
    WRONG(repeat, HUGE, sp_repeat(F(2, 3), 1, INT64_MAX / 2),
          "[2,3]: axis 1 cannot be repeated 4611686018427387903 times");
    WRONG(repeat, HUGE, sp_repeat(F(LONG, 3), 1, LONG / 8), "63 bits");
    NEVER(repeat, SHAPE, DTYPE, INDEX);
    WRONG(tile, RANK, sp_tile(F(2, 3), (sp_shape){ .rank = 7 }),
          "[2,3]: 7 counts are given and 6 is the most");
    WRONG(tile, SIZE, sp_tile(F(2, 3), SP_SHAPE(2, -2)),
          "[2,3]: axis 1 cannot be repeated -2 times");
    WRONG(tile, HUGE, sp_tile(F(2, 3), SP_SHAPE(LONG, LONG)), "63 bits");
    NEVER(tile, SHAPE, DTYPE, AXIS, INDEX);
    WRONG(diag_embed, RANK, sp_diag_embed(F_SCALAR, 0), "[]: a scalar is no diagonal");
    WRONG(diag_embed, RANK, sp_diag_embed(F(SIX_ONES), 0), "the result would have rank 7");
    WRONG(diag_embed, HUGE, sp_diag_embed(F(3), INT64_MAX), "[3]: no matrix has diagonal");
    WRONG(diag_embed, HUGE, sp_diag_embed(F(LONG), 0), "63 bits");
    NEVER(diag_embed, SHAPE, DTYPE, AXIS, INDEX, SIZE);
    WRONG(linspace, DTYPE, sp_linspace(tape, SP_BOOL, 0, 1, 3), "bool");
    WRONG(linspace, DTYPE, sp_linspace(tape, SP_I32, 0, 1, 4),
          "is not a number that i32 can hold");
    WRONG(linspace, SIZE, sp_linspace(tape, SP_F64, 0, 1, -1), "-1 numbers");
    WRONG(linspace, HUGE, sp_linspace(tape, SP_F64, 0, 1, INT64_MAX), "63 bits");
    NEVER(linspace, RANK, SHAPE, AXIS, INDEX);
    WRONG(eye, DTYPE, sp_eye(tape, (sp_dtype)99, 3), "there is no such dtype");
    WRONG(eye, SIZE, sp_eye(tape, SP_F64, -1), "-1 rows");
    WRONG(eye, HUGE, sp_eye(tape, SP_F64, LONG), "63 bits");
    NEVER(eye, RANK, SHAPE, AXIS, INDEX);
    WRONG_FALSE(meshgrid, RANK, out[0], sp_meshgrid(SP_VARS(F(3), F(2, 3)), out),
                "operand 1 has rank 2, not 1");
    WRONG_FALSE(meshgrid, SIZE, sp_neg(out[0] = F(1)), sp_meshgrid(7,
                    (sp_var[]){ F(1), F(1), F(1), F(1), F(1), F(1), F(1) }, out),
                "1 to 6 operands are allowed, not 7");
    WRONG_FALSE(meshgrid, HUGE, out[0], sp_meshgrid(SP_VARS(F(LONG), F(LONG)), out), "63 bits");
    NEVER(meshgrid, SHAPE, DTYPE, AXIS, INDEX);
}

static void products(void)
{
    sp_axes none = { 0, { 0 } };

    WRONG(dot, RANK, sp_dot(F_SCALAR, F(3)), "[] x [3]: a scalar has no last axis");
    WRONG(dot, SHAPE, sp_dot(F(2, 3), F(2, 4)), "[2,3] x [2,4]: inner sizes 3 and 4 differ");
    WRONG(dot, SHAPE, sp_dot(F(2, 3), F(4, 3)),
          "[2,3] x [4,3]: the leading axes do not broadcast");
    WRONG(dot, DTYPE, sp_dot(F(3), F32(3)), "dtypes f64 and f32; both must be");
    WRONG(dot, HUGE, sp_dot(F(LONG, 1, 1), F(LONG, 1)), "[4294967296,1,1] x [4294967296,1]: ");
    NEVER(dot, AXIS, INDEX, SIZE);
    WRONG(outer, RANK, sp_outer(F_SCALAR, F(3)), "[] x [3]: a scalar has no last axis");
    WRONG(outer, RANK, sp_outer(F(SIX_ONES), F(3)), "its result would have more than 6 axes");
    WRONG(outer, SHAPE, sp_outer(F(2, 3), F(4, 3)),
          "[2,3] x [4,3]: the leading axes do not broadcast");
    WRONG(outer, DTYPE, sp_outer(I(3), I(3)),
          "dtypes i64 and i64; both must be f32 or both f64");
    WRONG(outer, HUGE, sp_outer(F(LONG), F(LONG)), "4294967296");
    NEVER(outer, AXIS, INDEX, SIZE);
    WRONG(tensordot, RANK, sp_tensordot(F(1, 1, 1, 1), F(1, 1, 1, 1), SP_AXES(0), none),
          "1 axes of one cannot meet 0 of the other");
    WRONG(tensordot, RANK, sp_tensordot(F(1, 1, 1, 1), F(1, 1, 1, 1), none, none),
          "[1,1,1,1] x [1,1,1,1]: its result would have 8 axes, more than 6");
    WRONG(tensordot, SHAPE, sp_tensordot(F(2, 3), F(2, 3), SP_AXES(0), SP_AXES(1)),
          "axis 0 of size 2 meets axis 1 of size 3");
    WRONG(tensordot, AXIS, sp_tensordot(F(2, 3), F(2, 3), SP_AXES(2), SP_AXES(1)),
          "[2,3] x [2,3]: there is no axis 2 in rank 2");
    WRONG(tensordot, AXIS, sp_tensordot(F(2, 2), F(2, 2), SP_AXES(0, 0), SP_AXES(0, 1)),
          "an axis is named twice");
    WRONG(tensordot, AXIS, sp_tensordot(F(2, 2), F(2, 2), SP_ALL_AXES, SP_ALL_AXES),
          "its axes must be named, at most 6");
    WRONG(tensordot, DTYPE, sp_tensordot(F(3), F32(3), SP_AXES(0), SP_AXES(0)),
          "dtypes f64 and f32");
    WRONG(tensordot, HUGE, sp_tensordot(F(LONG), F(LONG), none, none), "4294967296");
    NEVER(tensordot, INDEX, SIZE);
    WRONG(einsum, RANK, sp_einsum("ij->i", SP_VARS(F(3))),
          "\"ij->i\": [3]: operand 0 has rank 1, \"ij\" is for rank 2");
    WRONG(einsum, SHAPE, sp_einsum("ij,jk->ik", SP_VARS(F(2, 3), F(4, 5))),
          "[2,3] x [4,5]: index j is 3 in operand 0 and 4 in operand 1");
    WRONG(einsum, DTYPE, sp_einsum("i,i->", SP_VARS(F(3), I(3))),
          "operand 1 is i64, it needs f32 or f64 like the others");
    WRONG(einsum, AXIS, sp_einsum("i->k", SP_VARS(F(3))),
          "index k of the result is in no operand");
    WRONG(einsum, AXIS, sp_einsum("i9->i", SP_VARS(F(3))), "'9' is no index");
    WRONG(einsum, SIZE, sp_einsum("i,j->i", SP_VARS(F(3))),
          "it names more operands than the 1 there are");
    WRONG(einsum, SIZE, sp_einsum(NULL, SP_VARS(F(3))), "there is no text");
    WRONG(einsum, HUGE, sp_einsum("i,j->ij", SP_VARS(F(LONG), F(LONG))), "4294967296");
    NEVER(einsum, INDEX);
}

static sp_var same(sp_var g, void *data) { (void)data; return g; }

static void derivatives(void)
{
    sp_var x, y, two[2];
#define MADE (x = F(3), y = sp_sum(sp_square(x)))

    WRONG_FALSE(grad, SHAPE, out[0], (MADE, sp_grad(sp_square(x), 1, &x, out, NULL)),
                "one element");
    WRONG_FALSE(grad, SHAPE, out[0], (MADE,
                    sp_grad(y, 1, &x, out, &(sp_grad_spec){ .seed = F(2) })),
                "the seed is f64[2] and y is f64[]");
    WRONG_FALSE(grad, DTYPE, out[0], (x = I(3), sp_grad(sp_mul(x, x), 1, &x, out, NULL)),
                "only f32 and f64 have gradients");
    WRONG_FALSE(grad, SIZE, sp_neg(F(1)), (MADE, sp_grad(y, -1, &x, out, NULL)),
                "-1 gradients are asked for");
    NEVER(grad, RANK, AXIS, INDEX, HUGE);
    WRONG(hook, DTYPE, sp_hook(I(3), same, NULL),
          "its operand is i64; only f32 and f64 have gradients");
    WRONG(hook, INDEX, sp_hook(F(3), NULL, NULL), "there is no function");
    NEVER(hook, RANK, SHAPE, AXIS, SIZE, HUGE);
    WRONG_FALSE(vjp, SHAPE, out[0], (MADE, two[0] = F(2), sp_vjp(1, &y, two, 1, &x, out)),
                "u[0] is f64[2] and y[0] is f64[]");
    WRONG_FALSE(vjp, DTYPE, out[0], (MADE, two[0] = F32(1), sp_vjp(1, &y, two, 1, &x, out)),
                "u[0] is f32[1]");
    WRONG_FALSE(vjp, DTYPE, out[0], (MADE, x = I(3), sp_vjp(1, &y, &y, 1, &x, out)),
                "x[0] is i64; only f32 and f64");
    WRONG_FALSE(vjp, SIZE, sp_neg(F(1)), (MADE, sp_vjp(1, &y, &y, -1, &x, out)),
                "-1 x are asked for");
    NEVER(vjp, RANK, AXIS, INDEX, HUGE);
    WRONG_FALSE(jvp, SHAPE, out[0], (MADE, two[0] = F(2), sp_jvp(1, &y, 1, &x, two, out)),
                "v[0] is f64[2] and x[0] is f64[3]");
    WRONG_FALSE(jvp, DTYPE, out[0], (MADE, two[0] = F32(3), sp_jvp(1, &y, 1, &x, two, out)),
                "v[0] is f32[3] and x[0] is f64[3]");
    WRONG_FALSE(jvp, SIZE, sp_neg(F(1)), (MADE, sp_jvp(1, &y, -1, &x, &x, out)),
                "-1 x are asked for");
    NEVER(jvp, RANK, AXIS, INDEX, HUGE);
    WRONG_FALSE(hvp, SHAPE, out[0], (MADE, two[0] = F(2), sp_hvp(y, 1, &x, two, out)),
                "v[0] is f64[2] and x[0] is f64[3]");
    WRONG_FALSE(hvp, RANK, out[0], (MADE, sp_hvp(sp_square(x), 1, &x, &x, out)),
                "[3]: y must have exactly one element");
    WRONG_FALSE(hvp, DTYPE, out[0], (MADE, x = I(3), sp_hvp(y, 1, &x, &x, out)), "x[0] is i64");
    WRONG_FALSE(hvp, SIZE, sp_neg(F(1)), (MADE, sp_hvp(y, -1, &x, &x, out)),
                "-1 x are asked for");
    NEVER(hvp, AXIS, INDEX, HUGE);
    WRONG(jacobian, RANK, sp_jacobian(F(1, 1, 1, 1), F(1, 1, 1)),
          "[1,1,1,1] by [1,1,1]: the result would have rank 7");
    WRONG(jacobian, DTYPE, sp_jacobian(I(3), F(3)), "y[0] is i64");
    WRONG(jacobian, DTYPE, sp_jacobian(F(3), I(3)), "x[0] is i64");
    WRONG(jacobian, HUGE, sp_jacobian(F(LONG), F(LONG)), "[4294967296] by [4294967296]: ");
    NEVER(jacobian, SHAPE, AXIS, INDEX, SIZE);
    WRONG(hessian, SHAPE, sp_hessian(F(3), F(3)), "[3]: y must have exactly one element");
    WRONG(hessian, RANK, sp_hessian(F_SCALAR, F(1, 1, 1, 1)), "the result would have rank 8");
    WRONG(hessian, DTYPE, sp_hessian(F_SCALAR, I(3)), "x[0] is i64");
    WRONG(hessian, HUGE, sp_hessian(F_SCALAR, F(LONG)), "[4294967296] by [4294967296]: ");
    NEVER(hessian, AXIS, INDEX, SIZE);
    WRONG_FALSE(sample_grads, RANK, out[0], (MADE, sp_sample_grads(y, 1, &x, out)),
                "[]: the losses must be [B], one per sample");
    WRONG_FALSE(sample_grads, DTYPE, out[0], (x = I(3), sp_sample_grads(F(3), 1, &x, out)),
                "x[0] is i64");
    WRONG_FALSE(sample_grads, SIZE, sp_neg(F(1)), (MADE, sp_sample_grads(F(3), -1, &x, out)),
                "-1 x are asked for");
    WRONG_FALSE(sample_grads, HUGE, out[0], (x = F(3), sp_sample_grads(F(LONG), 1, &x, out)),
                "[4294967296]");
    NEVER(sample_grads, SHAPE, AXIS, INDEX);
}

START_TEST(every_function_made_of_ops_has_a_sentence_for_every_mistake)
{
    arithmetic();
    views();
    rearranged();
    products();
    derivatives();
    nothing_is_missed(calls);
}
END_TEST

/* ---- operands that are not to be had ---- */

typedef enum stranger { NEVER_SET, NOTHING, EARLIER, ELSEWHERE, N_STRANGERS } stranger;

static sp_tape *other;

/* A var to be refused, and a tape on which nothing has happened. */
static sp_var made(stranger kind)
{
    sp_var x = { 0 };

    sp_tape_reset(tape);
    sp_tape_reset(other);
    sp_fail("nothing is said");
    if (kind == NOTHING) x = sp_tape_fail(tape, "the first failure: stays");
    if (kind == EARLIER) x = F(3), sp_tape_reset(tape);
    if (kind == ELSEWHERE) x = sp_full(other, SP_F64, SP_SHAPE(3), 0);
    return x;
}

static void turned_away(const char *op, stranger kind, sp_var v)
{
    static const char *const sentence[] = { "", "stays", "recorded before sp_tape_reset",
                                            "different tapes" };
    const char *by = kind == NOTHING ? "the first failure" : op, *said = sp_tape_error(tape);

    if (!said) said = sp_tape_error(other);
    if (!said) said = sp_error();
    ck_assert_msg(sp_is_nothing(v), "%s takes stranger %d", op, kind);
    ck_assert_msg(strncmp(said, by, strlen(by)) == 0 && said[strlen(by)] == ':'
                  && strstr(said, sentence[kind]), "%s and stranger %d: %s", op, kind, said);
}

/* x stands for each stranger in turn; ALONE: the only var of the call, and at home on any tape. */
#define STRANGER(op, call)                                                          \
    for (stranger kind_ = NEVER_SET; kind_ < N_STRANGERS; kind_++) {                \
        sp_var x = made(kind_);                                                     \
        turned_away(#op, kind_, call);                                              \
    }
#define ALONE(op, call)                                                             \
    for (stranger kind_ = NEVER_SET; kind_ < ELSEWHERE; kind_++) {                  \
        sp_var x = made(kind_);                                                     \
        turned_away(#op, kind_, call);                                              \
    }

START_TEST(no_function_made_of_ops_takes_a_var_of_another_tape_or_epoch_or_none)
{
    other = sp_tape_new(NULL);
    ALONE(scale, sp_scale(x, 2))
    ALONE(shift, sp_shift(x, 2))
    ALONE(one_minus, sp_one_minus(x))
    ALONE(number, sp_number(x, 2))
    ALONE(mean, sp_mean(x))
    ALONE(transpose, sp_transpose(x, 0, 0))
    ALONE(select, sp_select(x, 0, 0))
    ALONE(unsqueeze, sp_unsqueeze(x, 0))
    ALONE(squeeze, sp_squeeze(x, 0))
    ALONE(split, (sp_split(x, 0, 3, out), out[2]))
    ALONE(sort, sp_sort(x, 0, false))
    ALONE(topk, (sp_topk(x, 1, 0, false, &out[0], &out[1]), out[1]))
    ALONE(median, sp_median(x, 0))
    ALONE(roll, sp_roll(x, 0, 1))
    ALONE(repeat, sp_repeat(x, 0, 2))
    ALONE(tile, sp_tile(x, SP_SHAPE(2)))
    ALONE(diag_embed, sp_diag_embed(x, 0))
    ALONE(einsum, sp_einsum("i->", SP_VARS(x)))
    ALONE(meshgrid, (sp_meshgrid(SP_VARS(x), out), out[0]))
    ALONE(hook, sp_hook(x, same, NULL))
    ALONE(pad, sp_pad(x, (sp_pad_spec){ .axes = SP_AXES(0), .after = { 1 } }))
    STRANGER(mse, sp_mse(x, F(3)))
    STRANGER(mse, sp_mse(F(3), x))
    STRANGER(masked_fill, sp_masked_fill(x, B(3), 1))
    STRANGER(masked_fill, sp_masked_fill(F(3), x, 1))
    STRANGER(take, sp_take(x, I(2), 0))
    STRANGER(take, sp_take(F(3), x, 0))
    STRANGER(dot, sp_dot(x, F(3)))
    STRANGER(dot, sp_dot(F(3), x))
    STRANGER(outer, sp_outer(x, F(3)))
    STRANGER(outer, sp_outer(F(3), x))
    STRANGER(tensordot, sp_tensordot(x, F(3), SP_AXES(0), SP_AXES(0)))
    STRANGER(tensordot, sp_tensordot(F(3), x, SP_AXES(0), SP_AXES(0)))
    STRANGER(einsum, sp_einsum("i,i->", SP_VARS(x, F(3))))
    STRANGER(einsum, sp_einsum("i,i->", SP_VARS(F(3), x)))
    STRANGER(matmul, sp_matmul(x, F(3)))
    STRANGER(matmul, sp_matmul(F(3), x))
    STRANGER(batch_norm, sp_batch_norm_given(F(2, 3), x, F(3), F(3), F(3), 0))
    STRANGER(batch_norm, sp_batch_norm_given(F(2, 3), F(3), x, F(3), F(3), 0))
    STRANGER(linear_scan, sp_linear_scan(x, F(3), F_SCALAR, false))
    STRANGER(linear_scan, sp_linear_scan(F(3), x, F_SCALAR, false))
    STRANGER(take_along_axis, sp_take_along_axis(F(3), x, 0))
    STRANGER(scatter, sp_scatter(F(3), x, F(3), 0, SP_SCATTER_SET))
    STRANGER(jacobian, sp_jacobian(x, F(3)))
    STRANGER(jacobian, sp_jacobian(F(3), x))
    STRANGER(hessian, sp_hessian(F_SCALAR, x))
    STRANGER(vjp, (sp_vjp(SP_VARS(F(3)), &x, SP_VARS(F(3)), out), out[0]))
    STRANGER(grad, (sp_grad(F_SCALAR, 1, &x, out, NULL), out[0]))
    STRANGER(sample_grads, (sp_sample_grads(F(3), 1, &x, out), out[0]))
    sp_tape_free(other);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("mistakes_calls");
    TCase *all = tcase_create("all");

    tcase_add_checked_fixture(all, begin, end);
    tcase_set_timeout(all, 60);
    tcase_add_test(all, every_function_made_of_ops_has_a_sentence_for_every_mistake);
    tcase_add_test(all, no_function_made_of_ops_takes_a_var_of_another_tape_or_epoch_or_none);
    suite_add_tcase(suite, all);
    return run_all(suite);
}
