/* SPDX-License-Identifier: MIT
 *
 * check - the battery that every op goes through, built in or a user's own.
 */
#include "autograd/check.h"

#include <stdarg.h>
#include <string.h>
#include "autograd/check/parts.h"
#include "autograd/ops.h"

/* ---- the report ---- */

static void note(sp_report *r, const char *sentence)
{
    if (r->failures++ == 0) snprintf(r->first, sizeof r->first, "%s", sentence);
    if (r->tell) r->tell(sentence, r->data);
}

bool sp__judge(sp_report *r, bool ok, const char *format, ...)
{
    char sentence[1024];
    va_list list;

    r->checks++;
    if (ok) return true;
    va_start(list, format);
    vsnprintf(sentence, sizeof sentence, format, list);
    va_end(list);
    note(r, sentence);
    return false;
}

bool sp__verdict(const sp_trial *t, bool ok, const char *format, ...)
{
    char sentence[1024];
    va_list list;

    t->report->checks++;
    if (ok) return true;
    int at = snprintf(sentence, sizeof sentence / 2, "%s: on \"%s\": ", t->op->name, t->sample->in);
    if (at >= (int)sizeof sentence / 2) at = (int)sizeof sentence / 2 - 1;
    va_start(list, format);
    vsnprintf(sentence + at, sizeof sentence - (size_t)at, format, list);
    va_end(list);
    note(t->report, sentence);
    return false;
}

/* ---- the record ---- */

static bool is_whole(const sp_op *op, sp_report *r)
{
    if (!sp__judge(r, op && op->name, "the op has no %s", op ? "name" : "record")) return false;
    bool ok = sp__judge(r, op->samples && op->samples->in, "%s: it has no samples to be tried on",
                        op->name);
    ok &= sp__judge(r, op->reference || op->random, "%s: it has no reference to be compared with",
                    op->name);
    ok &= sp__judge(r, op->kind != SP_MACRO || op->expand, "%s: a macro needs an expansion",
                    op->name);
    ok &= sp__judge(r, op->kind != SP_VIEW || op->view, "%s: a view needs a rule for strides",
                    op->name);
    ok &= sp__judge(r, op->n_scalars <= 4, "%s: a sample has at most 4 scalars", op->name);
    return ok;
}

/* ---- refusals ---- */

static bool lay(const sp_trial *t, sp_tape *tape, sp_dtype floating, sp_var x[])
{
    sp__fresh(tape);
    for (int k = 0; k < t->n; k++)
        x[k] = sp__operand_var(t, k, tape, (sp_manner){ .floating = floating });
    return sp__verdict(t, !sp_tape_error(tape), "%s", sp_tape_error(tape));
}

/* Whether the tape's sentence has both the op's name and these words. */
static bool says(const sp_trial *t, const sp_tape *tape, const char *words)
{
    const char *said = sp_tape_error(tape);

    return sp__verdict(t, said && strstr(said, t->op->name) && strstr(said, words),
                       "it should be refused with \"%s\", not %s%s%s", words, said ? "\"" : "",
                       said ? said : "accepted", said ? "\"" : "");
}

/* Some mistakes are seen when the op is recorded, some (an index out of range) when it runs. */
static bool is_refused(const sp_trial *t, sp_tape *tape, sp_dtype floating)
{
    sp_var x[SP_MOST_OPERANDS];

    if (!lay(t, tape, floating, x)) return false;
    int64_t nodes = sp_stats(tape).nodes;
    sp_var y = sp__trial_call(t, x);
    bool ok = true;
    if (sp_is_nothing(y))
        ok = sp__verdict(t, sp_stats(tape).nodes == nodes,
                         "it is refused, but left %lld nodes on the tape",
                         (long long)(sp_stats(tape).nodes - nodes));
    else
        sp_eval(1, &y);
    ok = ok && says(t, tape, t->sample->fails);
    return lay(t, tape, floating, x) && ok
           && sp__verdict(t, !sp_tape_error(tape) && sp_eval(t->n, x),
                          "after it the tape cannot be used");
}

static void try_refusal(const sp_trial *t)
{
    sp_tape *tape = sp_tape_new(NULL);

    if (sp__verdict(t, tape, "%s", sp_error()) && is_refused(t, tape, SP_F64) && t->floating)
        is_refused(t, tape, SP_F32);
    sp_tape_free(tape);
}

/* ---- operands that no op can take ---- */

static bool hands_nothing_on(const sp_trial *t, sp_tape *tape)
{
    sp_var x[SP_MOST_OPERANDS];

    if (!lay(t, tape, SP_F64, x)) return false;
    x[t->n - 1] = sp_tape_fail(tape, "a reason of before");
    int64_t nodes = sp_stats(tape).nodes;
    sp_var y = sp__trial_call(t, x);
    return sp__verdict(t, sp_is_nothing(y) && sp_stats(tape).nodes == nodes
                       && strcmp(sp_tape_error(tape), "a reason of before") == 0,
                       "of an operand that is nothing it does not make nothing without a word");
}

/* Call it with its last operand replaced; the tape must say so. */
static bool refuses(const sp_trial *t, sp_tape *tape, sp_var stranger, const char *words)
{
    sp_var x[SP_MOST_OPERANDS];

    if (!lay(t, tape, SP_F64, x)) return false;
    x[t->n - 1] = stranger;
    int64_t nodes = sp_stats(tape).nodes;
    sp_var y = sp__trial_call(t, x);
    return sp__verdict(t, sp_is_nothing(y) && sp_stats(tape).nodes == nodes,
                       "it accepts an operand that should be refused with \"%s\"", words)
        && says(t, tape, words);
}

static void try_strangers(const sp_trial *t)
{
    sp_tape *tape = sp_tape_new(NULL), *other = sp_tape_new(NULL);
    sp_var x[SP_MOST_OPERANDS];

    if (sp__verdict(t, tape && other, "%s", sp_error()) && hands_nothing_on(t, tape)) {
        if (lay(t, tape, SP_F64, x)) refuses(t, tape, x[t->n - 1], "recorded before sp_tape_reset");
        if (t->n > 1 && lay(t, other, SP_F64, x))
            refuses(t, tape, x[t->n - 1], "different tapes");
        if (t->n > 1) refuses(t, tape, (sp_var){ 0 }, "never set");
    }
    sp_tape_free(tape);
    sp_tape_free(other);
}

/* ---- all of it ---- */

static void try_sample(const sp_op *op, const sp_sample *s, bool first, sp_report *r)
{
    sp_trial t = { .op = op, .sample = s, .report = r };

    if (sp__trial_begin(&t) && sp__verdict(&t, t.n > 0, "a sample needs an operand")) {
        if (s->fails) {
            try_refusal(&t);
        } else {
            sp__check_values(&t);
            sp__check_rules(&t);
            sp__check_forward(&t);
            if (first) try_strangers(&t);
        }
    }
    sp__trial_end(&t);
}

/* An elementwise op takes no elements as well, whatever its samples are. */
static void try_empty(const sp_op *op, const sp_sample *like, sp_report *r)
{
    sp_trial t = { .op = op, .sample = like, .report = r };
    sp_sample empty = *like;
    char in[16 * SP_MOST_OPERANDS] = "";
    size_t at = 0;

    if (sp__trial_begin(&t))
        for (int k = 0; k < t.n; k++) {
            sp_dtype d = t.x[k]->dtype;
            at += (size_t)snprintf(in + at, sizeof in - at, "%s0x3%s%s", k ? " " : "",
                                   sp_is_floating(d) ? "" : ":",
                                   sp_is_floating(d) ? "" : sp_dtype_name(d));
        }
    sp__trial_end(&t);
    empty.in = in;
    if (at > 0) try_sample(op, &empty, false, r);
}

bool sp_check_op(const sp_op *op, sp_report *report)
{
    sp_report own = { 0 }, *r = report ? report : &own;
    int before = r->failures;
    const sp_sample *works = NULL;

    if (!is_whole(op, r)) return false;
    for (const sp_sample *s = op->samples; s->in; s++) {
        try_sample(op, s, !works, r);
        if (!works && !s->fails) works = s;
    }
    if (works && op->kind == SP_ELEMENTWISE) try_empty(op, works, r);
    sp__judge(r, works, "%s: all its samples are to be refused", op->name);
    return r->failures == before;
}
