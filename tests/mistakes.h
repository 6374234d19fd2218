/* SPDX-License-Identifier: MIT
 *
 * mistakes.h - the table of mistakes: every op, every kind of mistake, the sentence.
 *
 * WRONG(matmul, RANK, call, "sentence") makes a call that must be refused; NEVER(matmul, AXIS)
 * says that an op cannot be called wrongly in that way.  What is in neither is missed.  The lists
 * say which file has the rows of an op; test_mistakes.c proves that each op is in one.
 */
#ifndef MISTAKES_H
#define MISTAKES_H

#include <check.h>
#include <string.h>

#include "autograd/derivatives.h"
#include "autograd/ops.h"
#include "autograd/tape.h"
#include "tests/suite.h"

/* A rank, sizes that do not fit each other, a dtype; an axis that is not there, an index out of
   range, a size or count below what there can be, a product of sizes beyond 2^63. */
typedef enum mistake { RANK, SHAPE, DTYPE, AXIS, INDEX, SIZE, HUGE, N_MISTAKES } mistake;
static const char *const mistake_names[] = { "RANK", "SHAPE", "DTYPE", "AXIS", "INDEX", "SIZE",
                                             "HUGE" };

/* ---- lists ---- */

/* test_mistakes.c */
static const char *const core_ops[] = {
    "sum", "max", "argmax", "matmul", "reshape", "permute", "slice", "broadcast", "flip", "detach",
    "concat", "stack", "add_n", "place", "gather", "scatter_add", "one_hot", "cast", "dropout",
    "categorical", "softmax", "log_softmax", "logsumexp", "cross_entropy", NULL
};

/* test_mistakes_index.c */
static const char *const index_ops[] = {
    "min", "argmin", "prod", "norm", "variance", "std", "any", "all", "cumsum",
    "cumprod", "argsort", "linear_scan", "linear_scan_complex",
    "take", "take_along_axis", "scatter", "arange", "pad", "diagonal", "place_diagonal", "tril",
    "triu", "unfold", "fold", NULL
};

/* test_mistakes_layers.c */
static const char *const layer_ops[] = {
    "conv", "conv_transpose", "max_pool", "mean_pool", "layer_norm", "rms_norm", "group_norm",
    "batch_norm", "ctc", "normal", "uniform", "bernoulli", NULL
};

/* test_mistakes_calls.c: functions made of ops.  They have no record. */
static const char *const calls[] = {
    "scale", "shift", "one_minus", "number", "mean", "mse", "masked_fill", "transpose",
    "select", "unsqueeze", "squeeze", "split", "sort", "topk", "median", "full", "const",
    "roll", "repeat", "tile", "diag_embed", "linspace", "eye", "meshgrid", "dot",
    "outer", "tensordot", "einsum", "grad", "hook", "vjp", "jvp", "hvp", "jacobian",
    "hessian", "sample_grads", NULL
};

/* Nobody calls these: the executor does, or the rule of another op, with operands of its own. */
static const char *const internal_ops[] = {
    "pack",                                           /* before a view that strides cannot say */
    "cross_entropy_slope", "layer_norm_slope", "ctc_slope", "max_pool_slope", "mean_pool_slope",
    "max_pool_pick", "conv_weight", NULL              /* in gradients */
};

static inline int place_in(const char *const list[], const char *name)
{
    for (int i = 0; list[i]; i++)
        if (strcmp(list[i], name) == 0) return i;
    return -1;
}

enum { MOST_OPS = 400, MOST_CALLS = 100 };
static bool    met[MOST_OPS + MOST_CALLS][N_MISTAKES];
static sp_tape *tape;

/* ---- operands: zeros without storage, so any size will do ---- */

#define F(...)   sp_full(tape, SP_F64, SP_SHAPE(__VA_ARGS__), 0)
#define F32(...) sp_full(tape, SP_F32, SP_SHAPE(__VA_ARGS__), 0)
#define I(...)   sp_full(tape, SP_I64, SP_SHAPE(__VA_ARGS__), 0)
#define B(...)   sp_full(tape, SP_BOOL, SP_SHAPE(__VA_ARGS__), 0)
#define F_SCALAR sp_full(tape, SP_F64, SP_SCALAR, 0)
#define I_SCALAR sp_full(tape, SP_I64, SP_SCALAR, 0)
#define AT(index, ...) sp_full(tape, SP_I64, SP_SHAPE(__VA_ARGS__), index)
#define LONG ((int64_t)1 << 32)

/* ---- rows ---- */

static inline int number_of(const char *op)
{
    const sp_op *o;

    for (int i = 0; (o = sp_op_at(i)); i++)
        if (strcmp(o->name, op) == 0) return i;
    ck_assert_msg(place_in(calls, op) >= 0, "there is no op %s", op);
    return MOST_OPS + place_in(calls, op);
}

static inline void mark(const char *op, mistake m) { met[number_of(op)][m] = true; }

/* The call was refused with this sentence, which names the op. */
static inline void refused(const char *op, mistake m, sp_var v, const char *sentence)
{
    const char *said;

    if (m == INDEX && !sp_is_nothing(v))
        ck_assert_msg(!sp_eval(1, &v), "%s: the index is accepted", op);
    ck_assert_msg((said = sp_tape_error(tape)), "%s %s is accepted", op, mistake_names[m]);
    ck_assert_msg(strncmp(said, op, strlen(op)) == 0 && said[strlen(op)] == ':',
                  "%s %s: it does not name the op: %s", op, mistake_names[m], said);
    ck_assert_msg(strstr(said, sentence), "%s %s says: %s", op, mistake_names[m], said);
    mark(op, m);
    sp_tape_reset(tape);
}

#define WRONG(op, kind, call, sentence) refused(#op, kind, call, sentence)

/* A function that gives no var: false, and what it writes is nothing. */
#define WRONG_FALSE(op, kind, out, call, sentence)                                  \
    do {                                                                            \
        ck_assert_msg(!(call), "%s %s is accepted", #op, mistake_names[kind]);      \
        WRONG(op, kind, out, sentence);                                             \
    } while (0)
#define NEVER(op, ...)                                                              \
    do {                                                                            \
        const mistake kinds_[] = { __VA_ARGS__ };                                   \
        for (size_t i_ = 0; i_ < sizeof kinds_ / sizeof *kinds_; i_++) mark(#op, kinds_[i_]); \
    } while (0)

/* Every op of the list has a row for every kind. */
static inline void nothing_is_missed(const char *const op[])
{
    for (int i = 0; op[i]; i++)
        for (int m = 0; m < N_MISTAKES; m++)
            ck_assert_msg(met[number_of(op[i])][m], "no row: %s %s", op[i], mistake_names[m]);
}

static inline void begin(void) { tape = sp_tape_new(NULL); }
static inline void end(void)   { sp_tape_free(tape); }

#endif
