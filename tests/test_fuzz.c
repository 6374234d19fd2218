/* SPDX-License-Identifier: MIT
 *
 * test_fuzz - random programs (fuzz_program.h) run in every way that must agree.
 *
 * By the plain executor with portable kernels, which is the oracle; on each instruction set, where
 * values may differ by rounding; and there eagerly, or with values dropped and regions recorded
 * again, where bits must be equal: but for derivatives of a higher order through regions, which are
 * sums in another order (tape.h).  Programs are differentiated, some twice.
 *
 * Rounding may be blown up by a program, or tip a comparison.  What the oracle itself
 * makes of inputs that are off by a few units in the last place says how much is allowed.
 *
 *     SPOOL_FUZZ=FIRST:COUNT test_fuzz      other programs than the usual 20,000 from 1 on
 */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "autograd/derivatives.h"
#include "tests/fuzz_program.h"
#include "tests/suite.h"

enum { MOST_RESULTS = MOST_VALUES + 2 * MOST_LEAVES + 2 };

typedef enum way { ORACLE, LAZY, EAGER, DROPPING, N_WAYS } way;
static const char *const way_names[] = { "oracle", "lazy", "eager", "dropping, in regions" };

/* What came of a program. */
typedef struct outcome {
    int        n, first_order;       /* so many come first: values and their gradients */
    sp_tensor *value[MOST_RESULTS];
    char       said[1100];           /* "" if nothing failed */
    bool       spoiled, twice, forwards;
    sp_dtype   dtype;                /* that the program computes in */
} outcome;

typedef struct bench {
    menu    *menu;
    sp_tape *tape[SP_N_ISAS][N_WAYS];
    int64_t  calls[1000];            /* of each op that worked */
    int64_t  refused, tipped, twice, forwards;
} bench;

static void forget(outcome *o)
{
    for (int i = 0; i < o->n; i++) sp_tensor_free(o->value[i]);
    o->n = 0;
}

/* ---- running one program ---- */

static void add_gradients(program *p, sp_var y, sp_var by[], sp_var result[], int *n)
{
    if (!sp_grad(y, p->n_leaves, p->leaf, by, NULL)) return;
    for (int i = 0; i < p->n_leaves; i++) result[(*n)++] = by[i];
}

/* Along v, forwards and by the gradient: they must be near each other (see `near`). */
static void add_tangent(program *p, sp_var y, const sp_var by[], sp_var result[], int *n)
{
    sp_var v[MOST_LEAVES], forwards, sum = sp_const(p->how.tape, p->dtype, 0);

    for (int i = 0; i < p->n_leaves; i++) {
        v[i] = sp_cos(p->leaf[i]);
        sum = sp_add(sum, sp_sum(sp_mul(by[i], v[i])));
    }
    if (!sp_jvp(1, &y, p->n_leaves, p->leaf, v, &forwards)) return;
    result[(*n)++] = sum;
    result[(*n)++] = forwards;
}

/* What is computed beyond the values: gradients, sometimes of gradients, sometimes a tangent, whose
   two results come last. */
static void differentiate(program *p, sp_var result[], int *n, outcome *o)
{
    sp_var by[MOST_LEAVES], loss, sum;

    if (p->n_leaves == 0) return;
    add_gradients(p, loss = loss_of(p), by, result, n);
    o->first_order = *n;
    if (sp_tape_error(p->how.tape)) return;
    if ((o->twice = one_in(p, 5))) {
        sum = sp_const(p->how.tape, p->dtype, 0);
        for (int i = 0; i < p->n_leaves; i++) sum = sp_add(sum, sp_sum(sp_sin(by[i])));
        add_gradients(p, sum, by, result, n);
    } else if ((o->forwards = one_in(p, 4))) {
        add_tangent(p, loss, by, result, n);
    }
}

static bool compute(way w, int n, const sp_var v[])
{
    return w == DROPPING ? sp_eval_only(n, v) : sp_eval(n, v);
}

/* Run program `seed` and take away what it gave; the tape is reset. */
static outcome run(bench *b, sp_isa isa, way w, uint64_t seed, double nudge, uint64_t nudged)
{
    outcome o = { 0 };
    program p;
    sp_var result[MOST_RESULTS];
    int n = 0;
    sp_tape *t = b->tape[w == ORACLE ? SP_PORTABLE : isa][w];

    record(&p, b->menu, (manner){ t, nudge, nudged, w == DROPPING, w == EAGER }, seed);
    for (int i = 0; i < p.n; i++) result[n++] = p.value[i];
    o.first_order = n;
    differentiate(&p, result, &n, &o);
    if (!sp_tape_error(t) && compute(w, n, result))
        for (; o.n < n; o.n++) ck_assert(o.value[o.n] = sp_export(result[o.n]));
    o.spoiled = p.spoiled;
    o.dtype = p.dtype;
    if (sp_tape_error(t)) snprintf(o.said, sizeof o.said, "%s", sp_tape_error(t));
    if (w == LAZY && !o.said[0])
        for (int i = 0; i < p.n; i++) {
            const sp_op *op = b->menu->dish[p.called[i]].op;
            for (int k = 0; k < b->menu->n_ops; k++) b->calls[k] += sp_op_at(k) == op;
        }
    b->refused += w == LAZY && o.said[0];
    b->twice += w == LAZY && o.twice;
    b->forwards += w == LAZY && o.forwards;
    sp_tape_reset(t);
    return o;
}

/* ---- comparing ---- */

/* The largest difference relative to 1 and the largest element; infinite for another shape, or a
   NaN or an infinity on one side only. */
static double apart(const sp_tensor *a, const sp_tensor *b)
{
    double most = 0, scale = 1;

    if (!sp_shape_equal(a->shape, b->shape) || a->dtype != b->dtype) return (double)INFINITY;
    for (int64_t i = 0; i < sp_tensor_size(a); i++) {
        double x = sp_tensor_at(a, i), y = sp_tensor_at(b, i);
        if (isfinite(y)) scale = fmax(scale, fabs(y));
        if (x == y || (isnan(x) && isnan(y))) continue;
        if (!isfinite(x) || !isfinite(y)) return (double)INFINITY;
        most = fmax(most, fabs(x - y));
    }
    return most / scale;
}

static double rounding(sp_dtype dtype) { return dtype == SP_F32 ? 1e-4 : 1e-10; }

static void name(char *text, size_t size, const bench *b, uint64_t seed, way w, sp_isa isa)
{
    program p;
    size_t at = (size_t)snprintf(text, size, "program %llu on %s, %s:", (unsigned long long)seed,
                                 sp_isa_name(isa), way_names[w]);

    record(&p, b->menu, (manner){ .tape = b->tape[SP_PORTABLE][ORACLE] }, seed);
    for (int i = 0; i < p.n && at < size; i++)
        at += (size_t)snprintf(text + at, size - at, " %s(%s)", b->menu->dish[p.called[i]].op->name,
                               b->menu->dish[p.called[i]].sample->in);
    sp_tape_reset(p.how.tape);
}

static void same_bits(const bench *b, uint64_t seed, way w, sp_isa isa, const outcome *a,
                      const outcome *o)
{
    char who[2000];

    /* Bad data are found when they are computed, eagerly before a later call that is wrong. */
    if (w == EAGER && a->spoiled && a->said[0] && o->said[0]) return;
    const int n = w == DROPPING && a->first_order < a->n ? a->first_order : a->n;
    bool equal = a->n == o->n && strcmp(a->said, o->said) == 0;
    for (int i = 0; equal && i < n; i++) equal = sp_tensor_same(a->value[i], o->value[i]);
    if (equal) return;
    name(who, sizeof who, b, seed, w, isa);
    ck_assert_msg(a->n == o->n && strcmp(a->said, o->said) == 0, "%s\n\"%s\"\n\"%s\"", who,
                  a->said, o->said);
    for (int i = 0; i < n; i++)
        ck_assert_msg(sp_tensor_same(a->value[i], o->value[i]), "%s\nresult %d has other bits", who,
                      i);
}

/* How far result i of the oracle goes when its inputs are off by a few units in the last place. */
static double tips(bench *b, uint64_t seed, const outcome *oracle, int i)
{
    double eps = oracle->dtype == SP_F32 ? 0x1p-24 : 0x1p-53, most = 0;

    for (uint64_t k = 1; k <= 10; k++) {
        outcome o = run(b, SP_PORTABLE, ORACLE, seed, eps * (double)(2ull << k), k);
        most = fmax(most, o.n > i ? apart(o.value[i], oracle->value[i]) : (double)INFINITY);
        forget(&o);
    }
    return most;
}

static void near(bench *b, uint64_t seed, way w, sp_isa isa, const outcome *oracle,
                 const outcome *o)
{
    char who[2000];
    bool tipped = false;

    for (int i = 0; i < oracle->n && i < o->n; i++) {
        double off = apart(o->value[i], oracle->value[i]);
        if (off <= rounding(o->dtype)) continue;
        double allowed = 100 * tips(b, seed, oracle, i);
        tipped = true;
        if (off <= allowed || allowed == (double)INFINITY) continue;
        name(who, sizeof who, b, seed, w, isa);
        ck_abort_msg("%s\nresult %d is off by %g, and only %g is explained", who, i, off, allowed);
    }
    b->tipped += tipped;
}

/* A tangent forwards is the gradient times the direction. */
static void agrees_forwards(bench *b, uint64_t seed, sp_isa isa, const outcome *o)
{
    char who[2000];

    if (!o->forwards || o->said[0]) return;
    double off = apart(o->value[o->n - 1], o->value[o->n - 2]);
    if (off <= rounding(o->dtype) || isinf(off)) return;
    name(who, sizeof who, b, seed, LAZY, isa);
    ck_abort_msg("%s\nforwards it is off by %g", who, off);
}

/* One of those that this processor has, in turn; the portable one if it has no other. */
static sp_isa isa_of(const bench *b, uint64_t seed)
{
    sp_isa usable[SP_N_ISAS] = { SP_PORTABLE };
    uint64_t n = 0;

    for (int isa = SP_PORTABLE + 1; isa < SP_N_ISAS; isa++)
        if (b->tape[isa][LAZY]) usable[n++] = (sp_isa)isa;
    return n > 0 ? usable[seed / 2 % n] : SP_PORTABLE;
}

static void try_program(bench *b, uint64_t seed)
{
    sp_isa isa = isa_of(b, seed);
    way other = seed % 2 ? EAGER : DROPPING;
    outcome oracle = run(b, SP_PORTABLE, ORACLE, seed, 0, 0);
    outcome lazy = run(b, isa, LAZY, seed, 0, 0), o = run(b, isa, other, seed, 0, 0);

    if (!lazy.spoiled) {
        ck_assert_msg(!lazy.said[0], "program %llu: %s", (unsigned long long)seed, lazy.said);
        ck_assert_int_eq(lazy.n, oracle.n);
        near(b, seed, LAZY, isa, &oracle, &lazy);
        agrees_forwards(b, seed, isa, &lazy);
    }
    same_bits(b, seed, other, isa, &lazy, &o);
    if (!lazy.spoiled) near(b, seed, other, isa, &oracle, &o);
    forget(&o);
    forget(&lazy);
    forget(&oracle);
}

/* ---- all of them ---- */

static void begin(bench *b)
{
    b->menu = read_menu();
    for (int isa = 0; isa < SP_N_ISAS; isa++)
        for (way w = ORACLE; w < N_WAYS; w++) {
            sp_tape_spec spec = { .portable = isa == SP_PORTABLE, .eager = w == EAGER };
            if (isa != SP_PORTABLE) spec.isa = (sp_isa)isa;
            b->tape[isa][w] = sp_tape_new(&spec);
        }
    ck_assert(b->tape[SP_PORTABLE][ORACLE]);
}

static void end(bench *b)
{
    for (int isa = 0; isa < SP_N_ISAS; isa++)
        for (way w = ORACLE; w < N_WAYS; w++) sp_tape_free(b->tape[isa][w]);
    sp_release(b->menu);
}

/* Of the ways that record regions again. */
static int64_t recomputed(const bench *b)
{
    int64_t n = 0;

    for (int isa = 0; isa < SP_N_ISAS; isa++)
        if (b->tape[isa][DROPPING]) n += sp_stats(b->tape[isa][DROPPING]).recomputed;
    return n;
}

static void progress(uint64_t done, uint64_t count, time_t *last)
{
    time_t now = time(NULL);

    if (now - *last < 10) return;
    *last = now;
    fprintf(stderr, "fuzz: %llu of %llu programs\n", (unsigned long long)done,
            (unsigned long long)count);
}

START_TEST(random_programs_agree_in_every_way_of_running_them)
{
    unsigned long long first = 1, count = getenv("SPOOL_VALGRIND") ? 100 : 20000;
    const char *asked = getenv("SPOOL_FUZZ");
    static bench b;
    time_t last = time(NULL);

    ck_assert(!asked || sscanf(asked, "%llu:%llu", &first, &count) == 2);
    begin(&b);
    for (uint64_t i = 0; i < count; i++) {
        try_program(&b, first + i);
        progress(i, count, &last);
    }
    printf("fuzz: %llu programs from %llu on, %lld refused, %lld differentiated twice, %lld "
           "forwards, %lld tipped by rounding, %lld nodes recomputed\n",
           count, first, (long long)b.refused, (long long)b.twice, (long long)b.forwards,
           (long long)b.tipped, (long long)recomputed(&b));
    for (int k = 0; k < b.menu->n_ops; k++) {
        bool works = b.menu->first[k + 1] > b.menu->first[k];
        ck_assert_msg(!works || count < 5000 || b.calls[k] > 10, "%s was called %lld times",
                      sp_op_at(k)->name, (long long)b.calls[k]);
    }
    ck_assert_msg(b.tipped * 100 <= (int64_t)count, "%lld tipped", (long long)b.tipped);
    ck_assert(count < 5000 || (b.refused > 0 && b.twice > (int64_t)count / 10));
    ck_assert(count < 5000 || (b.forwards > (int64_t)count / 10 && recomputed(&b) > 0));
    end(&b);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("fuzz");
    TCase *all = tcase_create("all");

    tcase_set_timeout(all, 3000);
    tcase_add_test(all, random_programs_agree_in_every_way_of_running_them);
    suite_add_tcase(suite, all);
    return run_all(suite);
}
