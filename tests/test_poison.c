/* SPDX-License-Identifier: MIT
 *
 * The check of ops has teeth: a rule that is wrong by one part in a hundred thousand, by its
 * sign, by a term, or only in its own derivative, is caught for every built-in op; the same
 * rule unharmed passes.
 */
#include <check.h>
#include <stdio.h>
#include <string.h>

#include "autograd/check.h"
#include "autograd/ops.h"
#include "autograd/tape.h"
#include "tests/suite.h"

typedef enum poison { UNHARMED, SCALED, NEGATED, TERM_DROPPED, SECOND_ORDER, N_POISONS } poison;

static const struct { const char *name, *caught_as; } poisons[N_POISONS] = {
    [UNHARMED]     = { "unharmed", NULL },
    [SCALED]       = { "times 1 + 1e-5", "derivative" },
    [NEGATED]      = { "of the other sign", "derivative" },
    [TERM_DROPPED] = { "without a term", "derivative" },
    [SECOND_ORDER] = { "with a derivative of its own", "second derivative" },
};

/* What the poisoned rule stands for; a rule knows nothing but its call. */
static const sp_op *victim;
static poison       how;
static int          which;           /* operand whose term is dropped */
static bool         harmed;          /* the poison met a term that was wanted */

enum { MOST = 16 };

/* g (1 + s - s'), s the sum of an operand and s' the same without a gradient: its value is g */
static sp_var bent(const sp_pullback *v)
{
    int k = 0;

    while (k < v->n - 1 && !sp_is_floating(sp_var_dtype(v->x[k]))) k++;
    sp_var s = sp_sum(v->x[k]);
    return sp_mul(v->g, sp_shift(sp_sub(s, sp_detach(s)), 1));
}

static void poisoned(const sp_pullback *v)
{
    sp_pullback other = *v;
    sp_var x[MOST];

    if (how == SCALED) other.g = sp_scale(v->g, 1 + 1e-5);
    if (how == NEGATED) other.g = sp_neg(v->g);
    if (how == SECOND_ORDER) other.g = bent(v);
    if (how == TERM_DROPPED && v->n <= MOST && sp_wants(v, which)) {
        memcpy(x, v->x, (size_t)v->n * sizeof *x);
        x[which] = sp_detach(x[which]);          /* the same value, but no way to the operand */
        other.x = x;
        harmed = true;
    }
    victim->vjp(&other);
}

/* Which element is largest does not change with the elements, so nothing passes to x[0]. */
static bool passes_nothing(const sp_op *op, int operand)
{
    return operand == 0
        && (strcmp(op->name, "max_pool_slope") == 0 || strcmp(op->name, "max_pool_pick") == 0);
}

static bool has_rule(const sp_op *op) { return op->vjp && !op->constant; }

static sp_report checked(const sp_op *op, poison with, int operand)
{
    sp_op copy = *op;
    sp_report report = { 0 };

    victim = op;
    how = with;
    which = operand;
    harmed = with != UNHARMED && with != TERM_DROPPED;
    copy.vjp = poisoned;
    sp_check_op(&copy, &report);
    return report;
}

static void is_caught(const sp_op *op, poison with, const sp_report *r)
{
    if (!harmed)
        ck_assert_msg(r->failures == 0, "%s: %s", op->name, r->first);
    else
        ck_assert_msg(r->failures > 0 && strstr(r->first, poisons[with].caught_as),
                      "%s: a rule %s is not caught %s", op->name, poisons[with].name, r->first);
}

START_TEST(a_poisoned_rule_is_caught_for_every_op)
{
    int rules = 0, caught = 0;
    const sp_op *op;

    for (int i = 0; (op = sp_op_at(i)); i++) {
        if (!has_rule(op)) continue;
        int operands = _i != TERM_DROPPED ? 1 : op->n_in < 0 ? 2 : op->n_in, before = caught;
        for (int k = 0; k < operands; k++) {
            if (_i == TERM_DROPPED && passes_nothing(op, k)) continue;
            sp_report r = checked(op, (poison)_i, k);
            is_caught(op, (poison)_i, &r);
            caught += harmed;
        }
        ck_assert_msg(_i == UNHARMED || caught > before, "%s: its rule has never run", op->name);
        rules++;
    }
    ck_assert(rules > 30);
    printf("%d rules %s: %d caught\n", rules, poisons[_i].name, caught);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("poison");
    TCase *t = tcase_create("rules");

    tcase_set_timeout(t, 120);
    tcase_add_loop_test(t, a_poisoned_rule_is_caught_for_every_op, 0, N_POISONS);
    suite_add_tcase(s, t);

    return run_all(s);
}
