/* SPDX-License-Identifier: MIT
 *
 * test_special_nan - one NaN or infinity in an operand reaches what depends on that element and
 * nothing else: every op, on the samples of its record, on every instruction set.
 *
 * What depends on an element is found out by putting other numbers there.  Elements of the result
 * that none of them changes must keep their bits when it becomes NaN or infinite (no product with
 * a padding of zeros, no neighbor in a vector), the others must become NaN.  Slopes likewise,
 * but for the last: where a function is flat, NaN need not be told.
 */
#include "autograd/check/parts.h"
#include "tests/special.h"

/* Where NaN reaches more than a number can, or (`untold`) less: an op, one sample of it or all, one
   operand or all (-1), in slopes only or in values as well. */
static const struct excuse {
    const char *op, *sample;
    int         operand;
    bool        slopes_only, untold;
    const char *why;
} excuses[] = {
    { "clamp", "4", 0, false, false, "bounds that cross give hi for every number" },
    { "softmax", "3x1", 0, false, false, "the only class has all, whatever its number" },
    { "log_softmax", "3x1", 0, false, false, "likewise" },
    { "logsumexp", "3x1", 0, true, false, "likewise" },
    { "cross_entropy", "4x1 4:i64", 0, false, false, "likewise" },
    { "cross_entropy_slope", "4x1 4:i64", 0, false, false, "likewise" },
    { "layer_norm", "4x1 1 1", -1, false, false, "an only element is its mean" },
    { "arange", ". .", 1, false, false, "the first is start + 0 step" },
    { "conv", NULL, 1, false, false, "padding is zeros, and 0 NaN is NaN" },
    { "conv_weight", NULL, 1, false, false, "likewise" },
    { "conv_transpose", NULL, -1, true, false, "likewise, in its slopes" },
    { "ctc", NULL, 0, false, false, "a class may be named where no path passes" },
    { "ctc_slope", NULL, 0, false, false, "likewise" },
    { "linear_scan", NULL, 0, true, false, "lagged, its last decay meets a 0" },
    { "linear_scan_complex", NULL, -1, false, false, "lagged, h0 meets 1 + 0i" },
    { "max_pool_slope", NULL, -1, false, true, "x only says where g goes" },
    { "max_pool_pick", NULL, -1, false, true, "likewise" },
    { "max", NULL, 0, true, false, "ties are counted over the row" },
    { "min", NULL, 0, true, false, "likewise" },
    { "max_pool", NULL, 0, true, false, "likewise" },
    { "scatter", NULL, -1, true, false, "likewise" },
    { "norm", NULL, 0, true, false, "at 0 slopes are set" },
    { "cumprod", "2x50", 0, true, false, "fifty small factors hide a change" },
};

static const struct excuse *excused(const sp_trial *t, int k, bool slope)
{
    for (size_t i = 0; i < sizeof excuses / sizeof *excuses; i++) {
        const struct excuse *e = &excuses[i];
        if (strcmp(e->op, t->op->name) == 0 && (!e->sample || strcmp(e->sample, t->sample->in) == 0)
            && (e->operand < 0 || e->operand == k) && (slope || !e->slopes_only)) return e;
    }
    return NULL;
}

/* ---- a call with other elements ---- */

enum { ROTATIONS = 4 };

typedef struct trying {
    const on *o;
    sp_trial  t;
    sp_tensor *x[SP_MOST_OPERANDS];
} trying;

/* The result, and how it changes with operand `by` (-1: the result alone); yours.  NULL:
   refused. */
static sp_tensor *called(const trying *y, int by)
{
    sp_var x[SP_MOST_OPERANDS], v, g;
    sp_tensor *out;

    sp__fresh(y->o->tape);
    for (int k = 0; k < y->t.n; k++) x[k] = sp_input(y->o->tape, y->x[k]);
    v = sp__trial_call(&y->t, x);
    if (by < 0) return sp_export(v);
    if (!sp_is_floating(sp_var_dtype(v))) return NULL;
    sp_tensor *w = sp__weights(sp_var_shape(v), 5);
    sp_var seed = sp_cast(sp_input(y->o->tape, w), y->o->dtype);
    if (!sp_grad(v, 1, &x[by], &g, &(sp_grad_spec){ .seed = seed })) out = NULL;
    else out = sp_export(g);
    sp_tensor_free(w);
    return out;
}

/* All NaN count as the same. */
static bool same_bits(const sp_tensor *a, const sp_tensor *b, int64_t i)
{
    int64_t size = sp_dtype_size(a->dtype);

    if (isnan(sp_tensor_at(a, i)) && isnan(sp_tensor_at(b, i))) return true;
    return memcmp((char *)a->data + i * size, (char *)b->data + i * size, (size_t)size) == 0;
}

/* All numbers go on by a place, each within its operand. */
static void rotate(const trying *y)
{
    for (int k = 0; k < y->t.n; k++) {
        int64_t n = sp_tensor_size(y->x[k]);
        if (!sp_is_floating(y->x[k]->dtype) || n == 0) continue;
        double last = sp_tensor_at(y->x[k], n - 1);
        for (int64_t i = n - 1; i > 0; i--)
            sp_tensor_set(y->x[k], i, sp_tensor_at(y->x[k], i - 1));
        sp_tensor_set(y->x[k], 0, last);
    }
}

static void copy_all(const trying *y, sp_tensor *x[])
{
    for (int k = 0; k < y->t.n; k++) x[k] = sp_tensor_from(y->x[k]->dtype, y->x[k]->shape,
                                                           y->x[k]->data);
}

/* Which elements other numbers in place j of operand k change, whatever the rest. */
static void find_touched(const trying *y, int k, int64_t j, int by, bool touched[])
{
    trying z = *y;

    copy_all(y, z.x);
    for (int r = 0; r < ROTATIONS; r++) {
        double was = sp_tensor_at(z.x[k], j);
        const double other[] = { was + .3, was / 2, -was, was + 50, was - 50 };
        sp_tensor *base = called(&z, by);
        for (size_t p = 0; base && p < sizeof other / sizeof *other; p++) {
            sp_tensor_set(z.x[k], j, other[p]);
            sp_tensor *v = called(&z, by);
            for (int64_t i = 0; v && i < sp_tensor_size(v); i++)
                touched[i] |= !same_bits(v, base, i);
            sp_tensor_free(v);
        }
        sp_tensor_set(z.x[k], j, was);
        sp_tensor_free(base);
        rotate(&z);
    }
    for (int i = 0; i < y->t.n; i++) sp_tensor_free(z.x[i]);
}

/* v is the result with `bad` in element j of operand k; base without. */
static void compare(const trying *y, int k, int by, double bad, const sp_tensor *v,
                    const sp_tensor *base, const bool touched[])
{
    const struct excuse *e = excused(&y->t, k, by >= 0);
    const char *op = y->t.op->name, *in = y->t.sample->in;

    for (int64_t i = 0; i < sp_tensor_size(v); i++) {
        bool told = isnan(sp_tensor_at(v, i)) || !isnan(bad) || by >= 0;
        ck_assert_msg(e || touched[i] || same_bits(v, base, i), "%s on %s (%s, %d): %g in operand "
                      "%d makes element %lld %g", op, in, y->o->where, by, bad, k, (long long)i,
                      sp_tensor_at(v, i));
        ck_assert_msg((e && e->untold) || !touched[i] || told || !sp_is_floating(v->dtype),
                      "%s on %s (%s): NaN in operand %d leaves %g in element %lld", op, in,
                      y->o->where, k, sp_tensor_at(v, i), (long long)i);
    }
}

static void reaches_only_that(const trying *y, int k, int64_t j, int by, const sp_tensor *base)
{
    const double bad[] = { NAN, INFINITY, -INFINITY };
    double was = sp_tensor_at(y->x[k], j);
    bool *touched = calloc((size_t)sp_tensor_size(base) + 1, sizeof *touched);

    find_touched(y, k, j, by, touched);
    for (int p = 0; p < 3; p++) {
        sp_tensor_set(y->x[k], j, bad[p]);
        sp_tensor *v = called(y, by);
        if (v) compare(y, k, by, bad[p], v, base, touched);
        sp_tensor_free(v);
    }
    sp_tensor_set(y->x[k], j, was);
    free(touched);
}

static int64_t tried;

static double sum(const sp_tensor *x)
{
    double s = 0;

    for (int64_t i = 0; i < sp_tensor_size(x); i++) s += sp_tensor_at(x, i);
    return s;
}

static void operand_by_operand(const trying *y, int by)
{
    sp_tensor *base = called(y, by);

    for (int k = 0; base && k < y->t.n; k++) {
        int64_t n = sp_tensor_size(y->x[k]);
        if (!sp_is_floating(y->x[k]->dtype) || n == 0 || !isfinite(sum(y->x[k]))) continue;
        reaches_only_that(y, k, n / 2, by, base);
        if (n > 2) reaches_only_that(y, k, n - 1, by, base);
        tried++;
    }
    sp_tensor_free(base);
}

static void try_sample(const on *o, const sp_op *op, const sp_sample *s)
{
    sp_report report = { 0 };
    trying y = { .o = o, .t = { .op = op, .sample = s, .report = &report } };

    ck_assert(sp__trial_begin(&y.t));
    for (int k = 0; k < y.t.n; k++)
        y.x[k] = sp__operand_values(&y.t, k, (sp_manner){ .floating = o->dtype });
    operand_by_operand(&y, -1);
    if (!op->constant && o->isa == sp_isa_best())
        for (int k = 0; k < y.t.n; k++)
            if (sp_is_floating(y.x[k]->dtype)) operand_by_operand(&y, k);
    for (int k = 0; k < y.t.n; k++) sp_tensor_free(y.x[k]);
    sp__trial_end(&y.t);
}

START_TEST(one_nan_or_infinity_reaches_what_depends_on_it_and_nothing_else)
{
    const sp_op *op;

    EACH_TAPE(o)
        for (int i = 0; (op = sp_op_at(i)); i++)
            for (const sp_sample *s = op->samples; s->in; s++)
                if (!s->fails) try_sample(&o, op, s);
    ck_assert_msg(tried > 3000, "only %lld operands were tried", (long long)tried);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("special_nan");
    TCase *all = tcase_create("all");

    tcase_set_timeout(all, 100);
    tcase_add_test(all, one_nan_or_infinity_reaches_what_depends_on_it_and_nothing_else);
    suite_add_tcase(suite, all);
    return run_all(suite);
}
