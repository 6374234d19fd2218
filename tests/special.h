/* SPDX-License-Identifier: MIT
 *
 * special.h - what the tests of special values share: numbers written as words, every tape.
 *
 * A word is a number, nan, inf, -inf, or says what it is of x, the number put in: x, -x, x/2,
 * 1/x, sqrt, ...  A 0 has a sign.  `small` is what may or may not be flushed to 0, `some` any
 * number in [-1,1].
 */
#ifndef SPECIAL_H
#define SPECIAL_H

#include <check.h>
#include <float.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "autograd/ops.h"
#include "autograd/tape.h"
#include "tests/suite.h"

/* ---- numbers of a dtype ---- */

static inline double tiny_of(sp_dtype d) { return d == SP_F32 ? FLT_MIN : DBL_MIN; }
static inline double max_of (sp_dtype d) { return d == SP_F32 ? FLT_MAX : DBL_MAX; }

/* What the processor does to denormals, done here for valgrind, which does not know how. */
static inline double flushed(double x, sp_dtype d)
{
    return getenv("SPOOL_VALGRIND") && fabs(x) < tiny_of(d) ? copysign(0, x) : x;
}

/* A number as an operand is written: tiny, den and max are of the dtype. */
static inline double operand_word(const char *word, sp_dtype d)
{
    bool minus = *word == '-';
    const char *w = word + minus;
    double y = strcmp(w, "tiny") == 0 ? tiny_of(d)
             : strcmp(w, "den") == 0 ? flushed(tiny_of(d) / 4, d)
             : strcmp(w, "max") == 0 ? max_of(d) : strtod(w, NULL);

    return minus ? -y : y;
}

static inline double same(double x)      { return x; }
static inline double minus(double x)     { return -x; }
static inline double half(double x)      { return x / 2; }
static inline double twice(double x)     { return 2 * x; }
static inline double inverse(double x)   { return 1 / x; }
static inline double root(double x)      { return sqrt(x); }
static inline double root_slope(double x)    { return .5 / sqrt(x); }
static inline double inverse_root(double x)  { return 1 / sqrt(x); }

static const struct { const char *word; double (*f)(double); } of_x[] = {
    { "x", same }, { "-x", minus }, { "x/2", half }, { "2x", twice }, { "1/x", inverse },
    { "sqrt", root }, { "sqrt'", root_slope }, { "1/sqrt", inverse_root }, { "log", log },
    { "sin", sin }, { "cos", cos },
};

static inline bool is_word(double got, const char *word, double x, sp_dtype d)
{
    double due = 0, near = d == SP_F32 ? 1e-6 : 1e-14;
    bool found = false;

    got = flushed(got, d);
    if (strcmp(word, "small") == 0) return fabs(got) < 4 * tiny_of(d);
    if (strcmp(word, "some") == 0)  return fabs(got) <= 1;
    for (size_t i = 0; !found && i < sizeof of_x / sizeof *of_x; i++)
        if ((found = strcmp(word, of_x[i].word) == 0)) due = of_x[i].f(x);
    if (!found) due = operand_word(word, d);
    if (isnan(due)) return isnan(got);
    if (due == 0 || isinf(due)) return got == due && !signbit(got) == !signbit(due);
    return fabs(got - due) <= near * fabs(due);
}

/* ---- every tape that there is ---- */

typedef struct on { sp_tape *tape; sp_isa isa; sp_dtype dtype; char where[32]; } on;

static inline bool on_begin(on *o, int i)
{
    *o = (on){ .isa = (sp_isa)(i / 2), .dtype = i % 2 ? SP_F64 : SP_F32 };
    if (!sp_isa_usable(o->isa)) return false;
    o->tape = sp_tape_new(&(sp_tape_spec){ .portable = o->isa == SP_PORTABLE, .isa = o->isa });
    ck_assert_ptr_nonnull(o->tape);
    snprintf(o->where, sizeof o->where, "%s %s", sp_dtype_name(o->dtype), sp_isa_name(o->isa));
    return true;
}

/* for each instruction set and dtype, with a tape of its own: EACH_TAPE(o) { ... } */
#define EACH_TAPE(o)                                                                \
    for (int i_ = 0; i_ < 2 * SP_N_ISAS; i_++)                                      \
        for (on o, *more_ = on_begin(&o, i_) ? &o : NULL; more_;                    \
             sp_tape_free(o.tape), more_ = NULL)

static inline const sp_op *op_named(const char *name)
{
    const sp_op *op;

    for (int i = 0; (op = sp_op_at(i)); i++)
        if (strcmp(op->name, name) == 0) return op;
    ck_abort_msg("there is no op %s", name);
    return NULL;
}

#endif
