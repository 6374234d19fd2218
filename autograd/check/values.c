/* SPDX-License-Identifier: MIT
 *
 * values - what an op's kernels give, on every instruction set, in f64 and f32, for operands
 * that lie in every way: against the naive reference, the expansion, and each other bit by bit.
 */
#include <math.h>
#include <string.h>
#include "autograd/check/parts.h"
#include "tensor/strided.h"

/* A trial on a tape of one instruction set, in one dtype. */
typedef struct bench {
    const sp_trial *t;
    sp_tape        *tape;
    sp_dtype        floating;
    char            where[24];                  /* "f32 avx2" */
    bool            expanded;                   /* by the expansion, not the kernel */
    uint64_t        step;
} bench;

/* The op's result, yours; NULL: the tape says why. */
static sp_tensor *result(const bench *b, sp_lying lying, bool packed)
{
    sp_var x[SP_MOST_OPERANDS];
    const sp_sample *s = b->t->sample;

    sp__fresh(b->tape);
    sp_tape_set_step(b->tape, b->step);
    for (int k = 0; k < b->t->n; k++)
        x[k] = sp__operand_var(b->t, k, b->tape, (sp_manner){ b->floating, lying, packed });
    if (!b->expanded) return sp_export(sp__trial_call(b->t, x));
    return sp_export(b->t->op->expand(b->t->n, x, s->attr, s->scalar));
}

static const char *reason(const bench *b)
{
    const char *said = sp_tape_error(b->tape);
    return said ? said : sp_error();
}

/* ---- the reference ---- */

/* x as f64 or i64, and if asked its magnitudes. */
static sp_tensor *widened(const sp_tensor *x, bool magnitudes)
{
    sp_tensor *w = x ? sp_tensor_new(sp_is_floating(x->dtype) ? SP_F64 : SP_I64, x->shape) : NULL;

    for (int64_t i = 0; i < sp_tensor_size(w); i++) {
        double v = sp_tensor_at(x, i);
        sp_tensor_set(w, i, magnitudes ? fabs(v) : v);
    }
    return w;
}

static sp_tensor *repeated(const sp_tensor *x, sp_shape shape)
{
    sp_tensor *y = x ? sp_tensor_new(x->dtype, shape) : NULL;
    sp_layout dense = sp_shape_layout(shape), at;

    if (!y) return NULL;
    at = sp_shape_layout(x->shape);
    at = sp_layout_broadcast(x->shape, &at, shape);
    sp__copy_strided(shape, 8, y->data, dense.stride, x->data, at.stride);
    return y;
}

static sp_operand operand_of(const sp_tensor *x)
{
    sp_layout dense = sp_shape_layout(x->shape);
    sp_operand o = { x->data, x->dtype, x->shape, { 0 } };

    memcpy(o.stride, dense.stride, sizeof o.stride);
    return o;
}

/* Operand k as the reference wants it. */
static sp_tensor *wide_operand(const bench *b, int k, sp_shape y, bool magnitudes)
{
    sp_tensor *x = sp__operand_values(b->t, k, (sp_manner){ .floating = b->floating });
    sp_tensor *w = widened(x, magnitudes && sp_is_floating(b->t->x[k]->dtype)), *all = NULL;

    sp_tensor_free(x);
    if (b->t->op->kind != SP_ELEMENTWISE) return w;
    all = repeated(w, y);
    sp_tensor_free(w);
    return all;
}

/* What the reference makes of the operands, or of their magnitudes; NULL: no memory. */
static sp_tensor *reference(const bench *b, const sp_tensor *y, bool magnitudes)
{
    const sp_sample *s = b->t->sample;
    sp_tensor *want = sp_tensor_new(sp_is_floating(y->dtype) ? SP_F64 : SP_I64, y->shape);
    sp_tensor *x[SP_MOST_OPERANDS] = { 0 };
    sp_operand o[SP_MOST_OPERANDS];
    char fault[1024] = "";
    bool ok = want;

    for (int k = 0; ok && k < b->t->n; k++) {
        x[k] = wide_operand(b, k, y->shape, magnitudes);
        ok = x[k];
        if (ok) o[k] = operand_of(x[k]);
    }
    if (ok) {
        memset(want->data, 0xff, (size_t)sp_tensor_bytes(want));
        b->t->op->reference(&(sp_args){ .n = b->t->n,
                                        .x = o,
                                        .y = operand_of(want),
                                        .attr = s->attr,
                                        .scalar = s->scalar,
                                        .random = { 0, 0, SP_CHECK_STEP },
                                        .fault = fault });
    }
    for (int k = 0; k < b->t->n; k++) sp_tensor_free(x[k]);
    if (!ok) sp_tensor_free(want);
    return ok ? want : NULL;
}

/* ---- comparing ---- */

static bool is_close(double y, double want, double bound)
{
    if (isnan(want)) return isnan(y);
    return y == want || fabs(y - want) <= bound;
}

/* Element by element, relative to the larger of what is wanted, the magnitudes that were summed
   (NULL: none were), and a tenth of the largest element.  The first that is off; -1: none. */
static int64_t first_off(const sp_tensor *y, const sp_tensor *want, const sp_tensor *summed,
                         double tolerance)
{
    int64_t n = sp_tensor_size(y);
    double largest = 0;

    for (int64_t i = 0; i < n; i++) {
        double v = fabs(sp_tensor_at(want, i));
        if (v > largest && isfinite(v)) largest = v;
    }
    if (largest == 0) largest = 10;
    for (int64_t i = 0; i < n; i++) {
        double v = sp_tensor_at(want, i), scale = fmax(fabs(v), largest / 10);
        if (summed) scale = fmax(scale, fabs(sp_tensor_at(summed, i)));
        if (!is_close(sp_tensor_at(y, i), v, sp_is_floating(y->dtype) ? scale * tolerance : 0))
            return i;
    }
    return -1;
}

static bool agrees(const bench *b, const sp_tensor *y, const sp_tensor *want,
                   const sp_tensor *summed, const char *whose)
{
    bool coarse = y->dtype == SP_F32 || (b->floating == SP_F32 && b->t->floating);
    int64_t i = first_off(y, want, summed, coarse ? 4e-6 : 1e-12);

    return sp__verdict(b->t, i < 0, "%s: element %lld is %.17g, but %s says %.17g", b->where,
                       (long long)i, sp_tensor_at(y, i), whose, sp_tensor_at(want, i));
}

/* Ops whose rounding error grows with what they sum, not with the sum. */
static bool sums(const sp_op *op)
{
    return op->kind == SP_REDUCE || op->kind == SP_CONTRACT || op->kind == SP_SUM
           || op->kind == SP_GATHER;
}

static bool as_the_reference(const bench *b, const sp_tensor *y)
{
    if (!b->t->op->reference) return true;
    sp_tensor *want = reference(b, y, false),
              *summed = sums(b->t->op) ? reference(b, y, true) : NULL;
    bool ok = want ? agrees(b, y, want, summed, "the reference")
                   : sp__verdict(b->t, false, "%s", sp_error());

    sp_tensor_free(want);
    sp_tensor_free(summed);
    return ok;
}

static bool as_the_expansion(const bench *b, const sp_tensor *y)
{
    bench expanded = *b;
    sp_tensor *want;

    if (b->t->op->kind != SP_MACRO) return true;
    expanded.expanded = true;
    want = result(&expanded, SP_DENSE, false);
    bool ok = want && sp_shape_equal(want->shape, y->shape) && want->dtype == y->dtype;
    ok = sp__verdict(b->t, ok, "%s: the expansion fails: %s", b->where,
                     want ? "it has another shape or dtype" : reason(b))
      && agrees(b, y, want, NULL, "the expansion");
    sp_tensor_free(want);
    return ok;
}

/* ---- doubts ---- */

/* Ops and operands of which zeros are to be expected. */
static bool zeros_are_usual(const sp_trial *t)
{
    bool usual = t->op->random || t->op->kind == SP_GATHER || t->op->kind == SP_PLACE;

    for (int k = 0; k < t->n; k++)
        usual |= !sp_is_floating(t->x[k]->dtype) || sp_tensor_size(t->x[k]) == 0;
    return usual;
}

/* Zeros agree with much that is wrong. */
static bool says_something(const bench *b, const sp_tensor *y)
{
    int64_t n = sp_tensor_size(y), zeros = 0;

    if (n < 10 || !sp_is_floating(y->dtype) || zeros_are_usual(b->t)) return true;
    for (int64_t i = 0; i < n; i++) zeros += sp_tensor_at(y, i) == 0;
    return sp__verdict(b->t, 10 * zeros <= 3 * n,
                       "%lld of its %lld results are 0: a sample that shows little",
                       (long long)zeros, (long long)n);
}

/* ---- bits ---- */

/* Computed again: the same bits, in another step too unless it draws. */
static bool is_repeatable(const bench *b, const sp_tensor *y)
{
    bench again = *b;

    again.step += !b->t->op->random;
    sp_tensor *z = result(&again, SP_DENSE, false);
    bool ok = sp__verdict(b->t, z, "%s: %s", b->where, reason(b))
              && sp__verdict(b->t, sp_tensor_same(y, z),
                             "%s: computed twice, it gives different bits", b->where);
    sp_tensor_free(z);
    return ok;
}

static bool lies_anyhow(const bench *b, sp_lying lying)
{
    sp_tensor *dense = result(b, lying, true);
    sp_tensor *y = dense ? result(b, lying, false) : NULL;
    bool ok
        = sp__verdict(b->t, y, "%s: operands %s: %s", b->where, sp__lying_name(lying), reason(b))
          && sp__verdict(b->t, sp_tensor_same(dense, y),
                         "%s: operands %s give other bits than dense ones", b->where,
                         sp__lying_name(lying));

    sp_tensor_free(dense);
    sp_tensor_free(y);
    return ok;
}

/* Twenty results of an op that draws are not the same in four more steps, nor with four
   other seeds. */
static bool moves(const bench *b, const sp_tensor *y)
{
    bench other = *b;
    int same[2] = { 0, 0 };

    if (!b->t->op->random || sp_tensor_size(y) < 20) return true;
    for (int i = 0; i < 8; i++) {
        other.step = b->step + (i < 4 ? (uint64_t)i + 1 : 0);
        other.tape = i < 4 ? b->tape : sp_tape_new(&(sp_tape_spec){ .seed = (uint64_t)i });
        sp_tensor *z = other.tape ? result(&other, SP_DENSE, false) : NULL;
        same[i / 4] += !z || sp_tensor_same(y, z);
        if (i >= 4) sp_tape_free(other.tape);
        sp_tensor_free(z);
    }
    return sp__verdict(b->t, same[0] < 4, "%s: it draws, but the same in every step", b->where)
        && sp__verdict(b->t, same[1] < 4, "%s: it draws, but the same with every seed", b->where);
}

/* ---- all of it ---- */

static bool values(const bench *b)
{
    sp_tensor *y = result(b, SP_DENSE, false);
    bool ok = sp__verdict(b->t, y, "%s: %s", b->where, reason(b));

    ok = ok && as_the_reference(b, y) && says_something(b, y) && as_the_expansion(b, y)
            && is_repeatable(b, y) && moves(b, y);
    for (int lying = SP_DENSE + 1; ok && lying < SP_N_LYINGS; lying++)
        ok = lies_anyhow(b, (sp_lying)lying);
    sp_tensor_free(y);
    return ok;
}

static bool values_on(const sp_trial *t, sp_isa isa)
{
    bench b = { .t = t, .step = SP_CHECK_STEP };
    bool ok = true;

    b.tape = sp_tape_new(&(sp_tape_spec){ .portable = isa == SP_PORTABLE, .isa = isa });
    if (!b.tape) return sp__verdict(t, false, "%s", sp_error());
    for (int d = SP_F64; ok && d >= (t->floating ? SP_F32 : SP_F64); d--) {
        b.floating = (sp_dtype)d;
        snprintf(b.where, sizeof b.where, "%s %s", sp_dtype_name(b.floating), sp_isa_name(isa));
        ok = values(&b);
    }
    sp_tape_free(b.tape);
    return ok;
}

void sp__check_values(const sp_trial *t)
{
    bool ok = true;

    for (int isa = SP_PORTABLE; ok && isa < SP_N_ISAS; isa++)
        if (sp_isa_usable((sp_isa)isa)) ok = values_on(t, (sp_isa)isa);
}
