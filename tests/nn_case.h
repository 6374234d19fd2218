/* SPDX-License-Identifier: MIT
 *
 * nn_case.h - what the tests of layers share: a collection and a tape in f64, random tensors,
 * a cell that the library does not know, comparing.
 */
#ifndef NN_CASE_H
#define NN_CASE_H

#include <check.h>
#include <math.h>
#include <string.h>

#include "autograd/ops.h"
#include "nn/nn.h"
#include "tests/suite.h"

typedef struct nn_case { sp_params *params; sp_tape *tape; uint64_t draws; } nn_case;

static inline nn_case nn_begin(void)
{
    nn_case c = { sp_params_new(7), sp_tape_new(NULL), 0 };

    ck_assert(c.params && c.tape && sp_params_dtype(c.params, SP_F64));
    return c;
}

static inline void nn_end(nn_case *c)
{
    sp_tape_free(c->tape);
    sp_params_free(c->params);
}

static inline sp_tensor *randoms(sp_shape shape, uint64_t stream)
{
    sp_tensor *x = sp_tensor_new(SP_F64, shape);

    ck_assert(sp_tensor_uniform(x, (sp_random){ .seed = 3, .stream = stream }, -1, 1));
    return x;
}

/* A new random leaf each time. */
static inline sp_var drawn(nn_case *c, sp_shape shape)
{
    sp_tensor *x = randoms(shape, ++c->draws);
    sp_var v = sp_input(c->tape, x);

    sp_tensor_free(x);
    return v;
}

static inline sp_var integers(nn_case *c, sp_dtype dtype, sp_shape shape, const int *values)
{
    sp_tensor *x = sp_tensor_new(dtype, shape);

    for (int64_t i = 0; i < sp_tensor_size(x); i++) sp_tensor_set(x, i, values[i]);
    sp_var v = sp_input(c->tape, x);
    sp_tensor_free(x);
    return v;
}

#define INTEGERS(c, ...) \
    integers(c, SP_I64, SP_SHAPE(SP_COUNT(int, __VA_ARGS__)), (const int[]){ __VA_ARGS__ })

static inline void no_failure(const nn_case *c)
{
    ck_assert_msg(!sp_tape_error(c->tape), "%s", sp_tape_error(c->tape));
    ck_assert_msg(!sp_params_error(c->params), "%s", sp_params_error(c->params));
}

static inline void failed_with(const nn_case *c, const char *sentence)
{
    const char *error = sp_tape_error(c->tape);

    ck_assert_msg(error != NULL, "it did not fail with: %s", sentence);
    ck_assert_msg(strstr(error, sentence) != NULL, "\"%s\" does not say \"%s\"", error, sentence);
}

static inline void refused_with(const nn_case *c, const char *sentence)
{
    const char *error = sp_params_error(c->params);

    ck_assert_msg(error && strstr(error, sentence), "\"%s\" does not say \"%s\"", error, sentence);
}

static inline void ck_shape(sp_var v, sp_shape due)
{
    char is[SP_SHAPE_TEXT], should[SP_SHAPE_TEXT];

    ck_assert_msg(sp_shape_equal(sp_var_shape(v), due), "the shape is %s, not %s",
                  sp_shape_text(sp_var_shape(v), is), sp_shape_text(due, should));
}

/* Equal in every element up to tolerance (max(1, |b|) of it); equal shapes. */
static inline void ck_close(sp_var a, sp_var b, double tolerance, const char *what)
{
    const sp_tensor *x = sp_value(a), *y = sp_value(b);

    ck_assert_msg(x && y, "%s: %s", what, sp_tape_error(a.tape));
    ck_shape(a, y->shape);
    for (int64_t i = 0; i < sp_tensor_size(x); i++) {
        double p = sp_tensor_at(x, i), q = sp_tensor_at(y, i);
        ck_assert_msg(fabs(p - q) <= tolerance * fmax(1, fabs(q)), "%s[%lld]: %.17g and %.17g",
                      what,
                      (long long)i, p, q);
    }
}

static inline void ck_all(sp_var v, double due)
{
    const sp_tensor *x = sp_value(v);

    ck_assert_msg(x != NULL, "%s", sp_tape_error(v.tape));
    for (int64_t i = 0; i < sp_tensor_size(x); i++) ck_assert_double_eq(sp_tensor_at(x, i), due);
}

/* Minimal gated unit (Zhou et al., 2016), with a learned start if h0 is set.
 *   f  = sigmoid(x Wf + h Uf + bf),  n  = tanh(x Wn + (f h) Un + bn),  h' = h + f (n - h)  */
typedef struct mgu { sp_cell cell; sp_linear *xf, *hf, *xn, *hn; sp_param *h0; } mgu;

static inline sp_var mgu_step(const sp_cell *cell, sp_var x, sp_state *state)
{
    const mgu *m = (const mgu *)cell;
    sp_var h = state->v[0];
    sp_var f = sp_sigmoid(sp_add(sp_linear_run(m->xf, x), sp_linear_run(m->hf, h)));
    sp_var n = sp_tanh(sp_add(sp_linear_run(m->xn, x), sp_linear_run(m->hn, sp_mul(f, h))));

    return state->v[0] = sp_lerp(h, n, f);
}

static inline void mgu_start(const sp_cell *cell, sp_tape *tape, int64_t batch, sp_state *state)
{
    (void)batch;
    *state = (sp_state){ .v = { sp_use(tape, ((const mgu *)cell)->h0) } };
}

static inline sp_cell *mgu_make(sp_params *params, const sp_rnn_part *part)
{
    const int64_t in = part->input, hidden = part->spec->hidden;
    mgu *m = sp_params_alloc(params, sizeof *m);

    if (!m) return NULL;
    m->xf = sp_linear_new(params, "xf", in, hidden);
    m->hf = sp_linear_new(params, "hf", hidden, hidden);
    m->xn = sp_linear_new(params, "xn", in, hidden);
    m->hn = sp_linear_new(params, "hn", hidden, hidden);
    m->cell = (sp_cell){ .kind = "mgu", .input = SP_SHAPE(in), .output = SP_SHAPE(hidden),
                         .n_states = 1, .state = { SP_SHAPE(hidden) }, .step = mgu_step };
    return &m->cell;
}

static inline sp_cell *learned_make(sp_params *params, const sp_rnn_part *part)
{
    mgu *m = (mgu *)mgu_make(params, part);

    if (!m) return NULL;
    m->h0 = sp_params_add(params, "h0", SP_SHAPE(1, part->spec->hidden), sp_init_normal(0, 1));
    m->cell.start = mgu_start;
    return &m->cell;
}

/* A cell that hands x on, so that what a layer gets is seen in y. */
static inline sp_var echo_step(const sp_cell *cell, sp_var x, sp_state *state)
{
    (void)cell;
    return state->v[0] = x;
}

static inline sp_cell *echo_make(sp_params *params, const sp_rnn_part *part)
{
    sp_cell *cell = sp_params_alloc(params, sizeof *cell);

    if (cell) *cell = (sp_cell){ .kind = "echo", .input = SP_SHAPE(part->input), .n_states = 1,
                                 .output = SP_SHAPE(part->input),
                                     .state = { SP_SHAPE(part->input) },
                                 .step = echo_step };
    return cell;
}

/* Every kind of stack that the tests go through. */
enum { RNN, LSTM, GRU, GRU_BEFORE, MGU, LEARNED, N_KINDS };

static inline sp_rnn *stack_of(sp_params *params, int kind, sp_rnn_spec spec)
{
    spec.reset_before = kind == GRU_BEFORE;
    return kind == RNN ? sp_rnn_new(params, "r", spec)
         : kind == LSTM ? sp_lstm_new(params, "r", spec)
         : kind == GRU || kind == GRU_BEFORE ? sp_gru_new(params, "r", spec)
         : sp_rnn_new_of(params, "r", kind == MGU ? mgu_make : learned_make, spec);
}

static inline int run_suite(const char *name, TCase *t)
{
    Suite *s = suite_create(name);

    tcase_set_timeout(t, 60);
    suite_add_tcase(s, t);
    return run_all(s);
}

#endif
