/* SPDX-License-Identifier: MIT
 *
 * test_ctc_decode.c - greedy decoding by hand, and the beam search against every path written out.
 */
#include "tests/ctc_case.h"
#include "tests/suite.h"

static sp_tensor *log_probs_of(const problem *p)
{
    return sp_tensor_from(SP_F64, SP_SHAPE(p->T, p->B, p->C), p->x);
}

static sp_tensor *lengths_of(const problem *p)
{
    return sp_tensor_from(SP_I64, SP_SHAPE(p->B), p->steps);
}

static int64_t whole(const sp_tensor *x, int64_t i) { return (int64_t)sp_tensor_at(x, i); }

/* ---- greedy ---- */

/* One sequence whose best path is this. */
static problem with_path(int64_t n, const int64_t path[])
{
    problem p = { .T = n, .B = 1, .C = 4, .steps = { n } };

    for (int64_t i = 0; i < 4 * n; i++) p.x[i] = i % 4 == path[i / 4] ? -.5 : -2 - (double)(i % 4);
    return p;
}

static const struct { int64_t n, path[8], blank, length, label[8]; } by_hand[] = {
    { 6, { 1, 1, 0, 1, 2, 2 }, 0, 3, { 1, 1, 2 } },
    { 6, { 1, 1, 0, 1, 2, 2 }, 1, 2, { 0, 2 } },
    { 5, { 0, 0, 0, 0, 0 }, 0, 0, { 0 } },
    { 3, { 3, 2, 1 }, 0, 3, { 3, 2, 1 } },
    { 4, { 2, 0, 0, 2 }, 0, 2, { 2, 2 } },
    { 0, { 0 }, 0, 0, { 0 } },
};

START_TEST(greedy_merges_runs_and_drops_blanks)
{
    problem p = with_path(by_hand[_i].n, by_hand[_i].path);
    sp_tensor *x = log_probs_of(&p);
    sp_ctc_decoded *d = sp_ctc_greedy(x, NULL, by_hand[_i].blank);

    ck_assert_msg(d != NULL, "%s", sp_error());
    ck_assert_int_eq(whole(d->lengths, 0), by_hand[_i].length);
    ck_assert(sp_shape_equal(d->labels->shape, SP_SHAPE(1, 1, by_hand[_i].length)));
    for (int64_t k = 0; k < by_hand[_i].length; k++)
        ck_assert_int_eq(whole(d->labels, k), by_hand[_i].label[k]);
    ck_assert_double_eq_tol(sp_tensor_at(d->scores, 0), -.5 * (double)p.T, 1e-12);
    sp_ctc_decoded_free(d);
    sp_tensor_free(x);
}
END_TEST

START_TEST(shorter_sequences_are_padded_and_lengths_may_be_i32)
{
    problem p = { .T = 3, .B = 2, .C = 2 };
    const int32_t steps[] = { 1, 3 };
    sp_tensor *n = sp_tensor_from(SP_I32, SP_SHAPE(2), steps);

    for (int i = 0; i < 12; i++) p.x[i] = i % 2 == (i / 4 != 1) ? 0 : -9;   /* 1 0 1 */
    p.x[8] = NAN;                                   /* behind the first */
    sp_tensor *x = log_probs_of(&p);
    sp_ctc_decoded *d = sp_ctc_greedy(x, n, 0);
    ck_assert_msg(d != NULL, "%s", sp_error());
    const int64_t want[] = { 1, -1, 1, 1 };
    for (int i = 0; i < 4; i++) ck_assert_int_eq(whole(d->labels, i), want[i]);
    ck_assert_int_eq(whole(d->lengths, 0), 1);
    ck_assert_int_eq(whole(d->lengths, 1), 2);
    sp_ctc_decoded_free(d);
    sp_tensor_free(x);
    sp_tensor_free(n);
}
END_TEST

/* ---- every labelling ---- */

enum { MOST_LABELLINGS = 2000 };
typedef struct labelling { int64_t n, label[MOST]; double p; } labelling;
static labelling all[MOST_LABELLINGS];
static int n_all;

static void add_path(const int64_t path[], int64_t steps, int64_t blank, double p)
{
    labelling y = { .n = 0 };

    for (int64_t t = 0; t < steps; t++)
        if (path[t] != blank && (t == 0 || path[t] != path[t - 1])) y.label[y.n++] = path[t];
    for (int i = 0; i < n_all; i++)
        if (all[i].n == y.n && !memcmp(all[i].label, y.label, sizeof y.label)) {
            all[i].p += p;
            return;
        }
    y.p = p;
    all[n_all++] = y;
}

static int by_p(const void *a, const void *b)
{
    double p = ((const labelling *)a)->p, q = ((const labelling *)b)->p;
    return (p < q) - (p > q);
}

static void write_out(const problem *p, int64_t b)
{
    int64_t count = 1, path[MOST] = { 0 };

    n_all = 0;
    for (int64_t t = 0; t < p->steps[b]; t++) count *= p->C;
    for (int64_t i = 0; i < count; i++) {
        double sum = 0;
        for (int64_t t = 0, k = i; t < p->steps[b]; t++, k /= p->C) {
            path[t] = k % p->C;
            sum += p->x[(t * p->B + b) * p->C + path[t]];
        }
        add_path(path, p->steps[b], p->spec.blank, exp(sum));
    }
    qsort(all, (size_t)n_all, sizeof *all, by_p);
}

static void is_labelling(const sp_ctc_decoded *d, int64_t i, const labelling *want)
{
    int64_t L = d->labels->shape.dim[2];

    ck_assert_double_eq_tol(sp_tensor_at(d->scores, i), log(want->p), 1e-12);
    ck_assert_int_eq(whole(d->lengths, i), want->n);
    for (int64_t k = 0; k < L; k++)
        ck_assert_int_eq(whole(d->labels, i * L + k), k < want->n ? want->label[k] : -1);
}

START_TEST(a_beam_of_all_prefixes_finds_every_labelling_in_order)
{
    enum { TOP = 400 };
    problem p = random_problem(_i);
    sp_tensor *x = log_probs_of(&p), *n = lengths_of(&p);
    sp_ctc_decoded *d = sp_ctc_beam(x, n, (sp_ctc_beam_spec){ p.spec.blank, 2000, TOP });

    ck_assert_msg(d != NULL, "%s", sp_error());
    for (int64_t b = 0; b < p.B; b++) {
        write_out(&p, b);
        for (int64_t k = 0; k < TOP; k++) {
            if (k < n_all) is_labelling(d, b * TOP + k, &all[k]);
            else ck_assert_int_eq(whole(d->lengths, b * TOP + k), -1);
        }
        if (n_all < TOP)
            ck_assert_double_eq(sp_tensor_at(d->scores, b * TOP + n_all), -(double)INFINITY);
    }
    sp_ctc_decoded_free(d);
    sp_tensor_free(x);
    sp_tensor_free(n);
}
END_TEST

static bool same_labels(const sp_ctc_decoded *d, int64_t i, int64_t j)
{
    int64_t L = d->labels->shape.dim[2], *label = d->labels->data;
    return memcmp(label + i * L, label + j * L, (size_t)L * sizeof *label) == 0;
}

/* A narrow beam gives labellings that are not the same, and no more probability than they have. */
START_TEST(a_narrow_beam_counts_some_of_the_paths)
{
    problem p = random_problem(_i);
    sp_tensor *x = log_probs_of(&p), *n = lengths_of(&p);
    sp_ctc_decoded *d = sp_ctc_beam(x, n, (sp_ctc_beam_spec){ p.spec.blank, 3, 3 });

    ck_assert_msg(d != NULL, "%s", sp_error());
    for (int64_t b = 0; b < p.B; b++) {
        double sum = 0, last = (double)INFINITY, best = 0;
        write_out(&p, b);
        for (int k = 0; k < n_all; k++) best += all[k].p;
        for (int64_t k = 0; k < 3 && whole(d->lengths, b * 3 + k) >= 0; k++) {
            double score = sp_tensor_at(d->scores, b * 3 + k);
            ck_assert_double_le(score, last);
            sum += exp(last = score);
            for (int64_t j = 0; j < k; j++) ck_assert(!same_labels(d, b * 3 + k, b * 3 + j));
        }
        ck_assert_double_le(sum, best * (1 + 1e-12));
        ck_assert_double_le(sp_tensor_at(d->scores, b * 3), log(all[0].p) + 1e-12);
    }
    sp_ctc_decoded_free(d);
    sp_tensor_free(x);
    sp_tensor_free(n);
}
END_TEST

/* Two paths of .3 beat one of .36: "" is the best path, "1" the best labelling. */
START_TEST(the_best_labelling_is_not_that_of_the_best_path)
{
    problem p = { .T = 2, .B = 1, .C = 2 };

    for (int i = 0; i < 4; i++) p.x[i] = log(i % 2 ? .4 : .6);
    sp_tensor *x = log_probs_of(&p);
    sp_ctc_decoded *g = sp_ctc_greedy(x, NULL, 0);
    sp_ctc_decoded *d = sp_ctc_beam(x, NULL, (sp_ctc_beam_spec){ .top = 2 });
    ck_assert_int_eq(whole(g->lengths, 0), 0);
    ck_assert_double_eq_tol(sp_tensor_at(g->scores, 0), log(.36), 1e-12);
    ck_assert_int_eq(whole(d->lengths, 0), 1);
    ck_assert_double_eq_tol(sp_tensor_at(d->scores, 0), log(.64), 1e-12);
    ck_assert_int_eq(whole(d->lengths, 1), 0);
    sp_ctc_decoded_free(g);
    sp_ctc_decoded_free(d);
    sp_tensor_free(x);
}
END_TEST

/* ---- what is refused ---- */

static void refused(sp_ctc_decoded *d, const char *words)
{
    ck_assert_ptr_null(d);
    ck_assert_msg(strstr(sp_error(), words) != NULL, "\"%s\"", sp_error());
}

START_TEST(what_does_not_fit_is_told)
{
    problem p = with_path(3, (int64_t[]){ 1, 2, 3 });
    sp_tensor *x = log_probs_of(&p), *n = sp_tensor_new(SP_I64, SP_SHAPE(2));
    sp_tensor *one = sp_tensor_new(SP_I64, SP_SHAPE(1));
    sp_ctc_beam_spec wide = { .width = -1 }, few = { .width = 2, .top = 3 };
    sp_ctc_beam_spec huge = { .width = INT64_MAX / 8 };

    refused(sp_ctc_greedy(NULL, NULL, 0), "ctc_greedy: there are no log-probs");
    refused(sp_ctc_greedy(one, NULL, 0), "must be [T,B,C] of f32 or f64, not i64[1]");
    refused(sp_ctc_greedy(x, NULL, 4), "ctc_greedy: the blank 4 is outside [0,4)");
    refused(sp_ctc_greedy(x, n, 0), "lengths must be [1] of i32 or i64, not i64[2]");
    sp_tensor_set(one, 0, 4);
    refused(sp_ctc_beam(x, one, (sp_ctc_beam_spec){ .top = 1 }),
            "ctc_beam: length 4 at position 0 is outside [0,3]");
    refused(sp_ctc_beam(x, NULL, wide), "a width of -1");
    refused(sp_ctc_beam(x, NULL, few), "the best 3 of a beam of 2");
    refused(sp_ctc_beam(x, NULL, huge), "memory");
    sp_tensor_set(x, 6, NAN);
    refused(sp_ctc_greedy(x, NULL, 0), "the log-prob at [1,0,2] is nan");
    refused(sp_ctc_beam(x, NULL, (sp_ctc_beam_spec){ .top = 1 }), "at [1,0,2] is nan");
    sp_tensor_free(x);
    sp_tensor_free(n);
    sp_tensor_free(one);
}
END_TEST

START_TEST(decoding_without_memory_gives_nothing_and_keeps_nothing)
{
    problem p = random_problem(3);
    sp_tensor *x = log_probs_of(&p);
    sp_ctc_decoded *d = NULL;

    if (sp_alloc_fail(-1, false))
        for (int n = 0; !d; n++) {
            ck_assert_int_lt(n, 100);
            sp_alloc_fail(n, true);
            d = sp_ctc_beam(x, NULL, (sp_ctc_beam_spec){ .blank = p.spec.blank });
            sp_alloc_fail(-1, false);
            if (!d) ck_assert_ptr_nonnull(strstr(sp_error(), "memory"));
        }
    sp_ctc_decoded_free(d);
    sp_tensor_free(x);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("ctc decode");
    TCase *tc = tcase_create("ctc decode");

    tcase_add_checked_fixture(tc, begin, end);
    tcase_add_loop_test(tc, greedy_merges_runs_and_drops_blanks, 0,
                        sizeof by_hand / sizeof *by_hand);
    tcase_add_test(tc, shorter_sequences_are_padded_and_lengths_may_be_i32);
    tcase_add_loop_test(tc, a_beam_of_all_prefixes_finds_every_labelling_in_order, 0, 60);
    tcase_add_loop_test(tc, a_narrow_beam_counts_some_of_the_paths, 0, 60);
    tcase_add_test(tc, the_best_labelling_is_not_that_of_the_best_path);
    tcase_add_test(tc, what_does_not_fit_is_told);
    tcase_add_test(tc, decoding_without_memory_gives_nothing_and_keeps_nothing);
    suite_add_tcase(suite, tc);

    return run_all(suite);
}
