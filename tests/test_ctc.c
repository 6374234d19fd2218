/* SPDX-License-Identifier: MIT
 *
 * test_ctc.c - the loss of connectionist temporal classification against the sum over every path,
 * written out, and against known counts of paths.  test_ctc_edges.c has the edges, and
 * test_ops.c tries the records.
 */
#include "autograd/check.h"
#include "tests/ctc_case.h"
#include "tests/suite.h"

/* ---- every path ---- */

/* Runs merged, blanks dropped: is that the target? */
static bool gives(const problem *p, const int64_t path[], int64_t b)
{
    int64_t n = 0;

    for (int64_t t = 0; t < p->steps[b]; t++) {
        if (path[t] == p->spec.blank || (t > 0 && path[t] == path[t - 1])) continue;
        if (n == p->labels[b] || path[t] != p->target[b * p->S + n]) return false;
        n++;
    }
    return n == p->labels[b];
}

static double log_prob(const problem *p, int64_t t, int64_t b, int64_t c)
{
    const double *row = p->x + (t * p->B + b) * p->C;
    double sum = 0;

    if (!p->spec.from_logits) return row[c];
    for (int64_t k = 0; k < p->C; k++) sum += exp(row[k]);
    return row[c] - log(sum);
}

typedef struct sums { double all, share[MOST][MOST], best; int64_t paths; } sums;

static sums over_all_paths(const problem *p, int64_t b)
{
    sums y = { .best = -(double)INFINITY };
    int64_t count = 1, path[MOST] = { 0 };

    for (int64_t t = 0; t < p->steps[b]; t++) count *= p->C;
    for (int64_t i = 0; i < count; i++) {
        double sum = 0;
        for (int64_t t = 0, k = i; t < p->steps[b]; t++, k /= p->C) path[t] = k % p->C;
        if (!gives(p, path, b)) continue;
        for (int64_t t = 0; t < p->steps[b]; t++) sum += log_prob(p, t, b, path[t]);
        y.all += exp(sum);
        y.best = fmax(y.best, sum);
        y.paths++;
        for (int64_t t = 0; t < p->steps[b]; t++) y.share[t][path[t]] += exp(sum);
    }
    return y;
}

static double slope_at(const problem *p, const sums *y, int64_t t, int64_t b, int64_t c)
{
    if (y->all == 0 || t >= p->steps[b]) return 0;
    double share = y->share[t][c] / y->all;
    return p->spec.from_logits ? exp(log_prob(p, t, b, c)) - share : -share;
}

START_TEST(loss_and_slope_are_those_of_all_paths_written_out)
{
    problem p = random_problem(_i);
    sp_var x = operand(&p), y = loss_of(&p, x), g;

    sp_grad(y, 1, &x, &g, &(sp_grad_spec){ .seed = sp_full(tape, SP_F64, SP_SHAPE(p.B), 1) });
    const sp_tensor *loss = sp_value(y), *slope = sp_value(g);
    ck_assert_msg(loss && slope, "%s", sp_tape_error(tape));
    for (int64_t b = 0; b < p.B; b++) {
        sums want = over_all_paths(&p, b);
        double all = want.paths == 0 && p.spec.zero_infinity ? 1 : want.all;
        double got = sp_tensor_at(loss, b);
        ck_assert_msg(got == -log(all) || fabs(got + log(all)) < 1e-12,
                      "loss %d is %.17g, not %.17g", (int)b, got, -log(all));
        for (int64_t t = 0; t < p.T; t++)
            for (int64_t c = 0; c < p.C; c++)
                ck_assert_double_eq_tol(sp_tensor_at(slope, (t * p.B + b) * p.C + c),
                                        slope_at(&p, &want, t, b, c), 1e-12);
    }
}
END_TEST

/* ---- differences ---- */

static sp_var loss_by_x(sp_tape *t, int n, const sp_var x[], void *data)
{
    sp_tape *own = tape;

    (void)n;
    tape = t;
    sp_var y = loss_of(data, x[0]);
    tape = own;
    return y;
}

START_TEST(first_and_second_slopes_of_the_mean_and_sum_are_those_of_differences)
{
    problem p = random_problem(_i);
    sp_report report = { 0 };

    p.spec.zero_infinity = true;
    p.spec.reduction = _i % 2 ? SP_MEAN : SP_SUM_UP;
    sp_tensor *x = sp_tensor_from(SP_F64, SP_SHAPE(p.T, p.B, p.C), p.x);
    ck_assert_msg(sp_check_function(loss_by_x, &p, 1, &x, true, 1e-6, &report), "%s", report.first);
    sp_tensor_free(x);
}
END_TEST

/* ---- known values ---- */

/* U labels, R of them like the one before, have (T + U - R over 2 U) paths of T steps. */
START_TEST(a_long_target_has_as_many_paths_as_can_be_counted)
{
    enum { T = 4000, U = 300 };
    static int64_t target[U];
    int64_t steps = T, labels = U, repeats = 0, C = 7;
    double n, k = 2 * U;

    for (int u = 0; u < U; u++) target[u] = 1 + u * u / 2 % 6;
    for (int u = 1; u < U; u++) repeats += target[u] == target[u - 1];
    ck_assert_int_gt(repeats, 10);
    n = (double)(T + U - repeats);
    sp_var x = sp_full(tape, _i ? SP_F32 : SP_F64, SP_SHAPE(T, 1, C), -log((double)C)), g;
    sp_var y = sp_ctc(x, ids(SP_SHAPE(1, U), target), ids(SP_SHAPE(1), &steps),
                      ids(SP_SHAPE(1), &labels), (sp_ctc_spec){ .reduction = SP_SUM_UP });
    double want = T * log((double)C) - (lgamma(n + 1) - lgamma(k + 1) - lgamma(n - k + 1));
    ck_assert_double_eq_tol(sp_item(y), want, want * (_i ? 1e-6 : 1e-12));
    ck_assert(sp_grad(y, 1, &x, &g, NULL));
    ck_assert_double_eq_tol(sp_item(sp_sum(g)), -T, (_i ? 1e-3 : 1e-9));   /* one class each step */
}
END_TEST

/* The loss lies between that of the best path and that of all paths if all were so good. */
START_TEST(logits_of_1e4_give_finite_losses_and_slopes)
{
    for (int64_t seed = 0; seed < 40; seed++) {
        problem p = random_problem(seed);
        sp_dtype dtype = _i ? SP_F32 : SP_F64;
        p.spec.from_logits = seed % 2;
        for (int64_t i = 0; i < p.T * p.B * p.C; i++) p.x[i] = (double)below(5) * 5e3 - 1e4;
        sp_var x = sp_cast(operand(&p), dtype), y = loss_of(&p, x), g;
        sp_grad(y, 1, &x, &g, &(sp_grad_spec){ .seed = sp_full(tape, dtype, SP_SHAPE(p.B), 1) });
        for (int64_t i = 0; i < p.T * p.B * p.C; i++) ck_assert_double_le(fabs(at(g, i)), 1);
        for (int64_t b = 0; b < p.B; b++) {
            problem free = p;
            free.spec.from_logits = false;
            for (int64_t i = 0; p.spec.from_logits && i < p.T * p.B * p.C; i++) {
                const double *row = p.x + i / p.C * p.C;
                double top = row[0], sum = 0;
                for (int64_t c = 1; c < p.C; c++) top = fmax(top, row[c]);
                for (int64_t c = 0; c < p.C; c++) sum += exp(row[c] - top);
                free.x[i] = p.x[i] - top - log(sum);
            }
            sums want = over_all_paths(&free, b);
            if (want.paths == 0) continue;
            ck_assert_double_le(at(y, b), -want.best + .01);
            ck_assert_double_ge(at(y, b), -want.best - log((double)want.paths) - .01);
        }
        sp_tape_reset(tape);
    }
}
END_TEST

START_TEST(the_mean_divides_each_loss_by_its_labels)
{
    problem p = random_problem(11);
    double mean = 0;

    p.spec.zero_infinity = true;
    sp_var each = loss_of(&p, operand(&p));
    for (int64_t b = 0; b < p.B; b++)
        mean += at(each, b) / (double)(p.labels[b] ? p.labels[b] : 1) / (double)p.B;
    p.spec.reduction = SP_MEAN;
    ck_assert_double_gt(mean, 0);
    ck_assert_double_eq_tol(sp_item(loss_of(&p, operand(&p))), mean, 1e-12);
}
END_TEST

START_TEST(logits_are_log_softmax_in_front)
{
    for (int64_t seed = 0; seed < 30; seed++) {
        problem p = random_problem(seed), free = p;
        sp_var x = operand(&p), y[2], g[2], h[2];

        p.spec = (sp_ctc_spec){ SP_MEAN, p.spec.blank, true, true };
        free.spec = (sp_ctc_spec){ SP_MEAN, p.spec.blank, true, false };
        y[0] = loss_of(&p, x);
        y[1] = loss_of(&free, sp_log_softmax(x));
        ck_assert_double_eq_tol(at(y[0], 0), at(y[1], 0), 1e-12);
        for (int i = 0; i < 2; i++) {
            sp_grad(y[i], 1, &x, &g[i], NULL);
            sp_grad(sp_sum(sp_square(g[i])), 1, &x, &h[i], NULL);
        }
        for (int64_t k = 0; k < p.T * p.B * p.C; k++) {
            ck_assert_double_eq_tol(at(g[0], k), at(g[1], k), 1e-12);
            ck_assert_double_eq_tol(at(h[0], k), at(h[1], k), 1e-12);
        }
        sp_tape_reset(tape);
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("ctc");
    TCase *tc = tcase_create("ctc");

    tcase_add_checked_fixture(tc, begin, end);
    tcase_add_loop_test(tc, loss_and_slope_are_those_of_all_paths_written_out, 0, 100);
    tcase_add_loop_test(tc, first_and_second_slopes_of_the_mean_and_sum_are_those_of_differences, 0,
                        12);
    tcase_add_loop_test(tc, a_long_target_has_as_many_paths_as_can_be_counted, 0, 2);
    tcase_add_loop_test(tc, logits_of_1e4_give_finite_losses_and_slopes, 0, 2);
    tcase_add_test(tc, the_mean_divides_each_loss_by_its_labels);
    tcase_add_test(tc, logits_are_log_softmax_in_front);
    suite_add_tcase(suite, tc);

    return run_all(suite);
}
