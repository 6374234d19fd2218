/* SPDX-License-Identifier: MIT
 *
 * test_vmath.c - the vector functions of every instruction set against libm one format
 * wider (f32 against double, f64 against long double), and at the edges.
 */
#include <check.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tensor/cpu.h"
#include "tests/vmath_probe.h"
#include "tests/suite.h"

#define TABLE(isa, number) [number] = vmath_probe_##isa,
static probe_fn *const (*const probes[SP_N_ISAS])[2] = { SP_EACH_ISA(TABLE) };

#define FAILS_TABLE(isa, number) [number] = vec_fails_##isa,
static const char *(*const vec_fails[SP_N_ISAS])(void) = { SP_EACH_ISA(FAILS_TABLE) };

static long double true_sigmoid(long double x) { return 1 / (1 + expl(-x)); }

typedef struct function {
    const char  *name;
    long double (*exact)(long double);
    double       lo, hi;                /* sampled evenly here, and by bits everywhere */
} function;

static const function functions[N_FUNCTIONS] = {
    [PROBE_exp]     = { "exp", expl, -104, 89 },
    [PROBE_log]     = { "log", logl, 0, 4 },
    [PROBE_tanh]    = { "tanh", tanhl, -12, 12 },
    [PROBE_sigmoid] = { "sigmoid", true_sigmoid, -90, 90 },
    [PROBE_expm1]   = { "expm1", expm1l, -104, 89 },
    [PROBE_log1p]   = { "log1p", log1pl, -1, 4 },
    [PROBE_erf]     = { "erf", erfl, -6, 6 },
    [PROBE_sin]     = { "sin", sinl, -1e6, 1e6 },
    [PROBE_cos]     = { "cos", cosl, -1e6, 1e6 },
    [PROBE_round]   = { "round", rintl, -9, 9 },
    [PROBE_floor]   = { "floor", floorl, -9, 9 },
};

enum { BATCH = 1000 };
static const double MOST_ULP = 4;

typedef union batch {
    float    f32[BATCH];
    double   f64[BATCH];
    uint64_t bits[BATCH];
} batch;

static uint64_t seed = 7;

static uint64_t random_bits(void)
{
    seed ^= seed << 13, seed ^= seed >> 7, seed ^= seed << 17;
    return seed;
}

/* Distance from the exact value in units of its last place; 0 for results below the
   smallest normal that are nearly as small. */
static double ulps(double y, long double exact, bool f64)
{
    int         digits = f64 ? 53 : 24, least = f64 ? -1022 : -126, e;
    long double most = f64 ? (long double)0x1.fffffffffffffp1023 : (long double)0x1.fffffep127;

    if (isnan(exact)) return isnan(y) ? 0 : INFINITY;
    if (fabsl(exact) > most)
        return fabsl(exact) < most * (1 + ldexpl(4, -digits)) || (double)exact == y ||
               (isinf(y) && (y > 0) == (exact > 0)) ? 0 : INFINITY;
    if (isnan(y) || isinf(y))
        return fabsl(exact) > most * (1 - ldexpl(4, -digits)) ? 0 : INFINITY;
    frexpl(exact, &e);
    if (exact == 0 || e - 1 < least) return fabs(y) <= ldexp(1.001, least) ? 0 : INFINITY;
    return (double)(fabsl((long double)y - exact) / ldexpl(1, e - digits));
}

/* Half evenly over the range, half any bits at all: every exponent, NaN, infinity. */
static void fill(const function *f, bool f64, batch *x)
{
    for (int i = 0; i < BATCH; i++) {
        double even = f->lo + (f->hi - f->lo) * (double)(random_bits() >> 11) * 0x1p-53;

        if (f64 && f->lo < -80 && f->hi < 1e3) even *= 8;       /* as far as f64 goes */
        if (i % 2 == 0 && f64) x->f64[i] = even;
        if (i % 2 == 0 && !f64) x->f32[i] = (float)even;
        uint64_t bits  = random_bits();
        uint32_t lower = (uint32_t)bits;
        if (i % 2 == 1 && f64) memcpy(&x->f64[i], &bits, 8);
        if (i % 2 == 1 && !f64) memcpy(&x->f32[i], &lower, 4);
    }
}

static void check_function(int number, int isa, bool f64, int batches)
{
    const function *f = &functions[number];
    static batch    x, y;
    double          worst = 0, at = 0;

    for (int b = 0; b < batches; b++) {
        fill(f, f64, &x);
        probes[isa][number][f64](&x, &y, BATCH);
        for (int i = 0; i < BATCH; i++) {
            double from = f64 ? x.f64[i] : (double)x.f32[i];
            double to   = f64 ? y.f64[i] : (double)y.f32[i];
            double off  = ulps(to, f->exact((long double)from), f64);
            if (off > worst) worst = off, at = from;
        }
    }
    printf("  %-8s %s %-9s at most %.2f ulp, at %a\n", f->name, f64 ? "f64" : "f32",
           sp_isa_name((sp_isa)isa), worst, at);
    ck_assert_msg(worst <= MOST_ULP, "%s", f->name);
}

START_TEST(functions_are_within_four_ulp_everywhere)
{
    for (int number = 0; number < N_FUNCTIONS; number++)
        for (int isa = 0; isa < SP_N_ISAS; isa++)
            for (int f64 = 0; f64 < 2 && sp_isa_usable((sp_isa)isa); f64++)
                check_function(number, isa, f64, 200);
}
END_TEST

typedef struct edge {
    int    number;
    double x, y;
} edge;

#define INF ((double)INFINITY)
static const edge edges[] = {
    { PROBE_exp, 0, 1 }, { PROBE_exp, -0.0, 1 }, { PROBE_exp, INF, INF }, { PROBE_exp, -INF, 0 },
    { PROBE_exp, 1e30, INF }, { PROBE_exp, -1e30, 0 }, { PROBE_exp, -2000, 0 },
    { PROBE_log, 1, 0 }, { PROBE_log, 0, -INF }, { PROBE_log, -0.0, -INF }, { PROBE_log, INF, INF },
    { PROBE_log, -1, NAN }, { PROBE_log, -INF, NAN }, { PROBE_log, -1e-30, NAN },
    { PROBE_tanh, 0, 0 }, { PROBE_tanh, -0.0, -0.0 }, { PROBE_tanh, INF, 1 },
    { PROBE_tanh, -INF, -1 }, { PROBE_tanh, 50, 1 }, { PROBE_tanh, -50, -1 },
    { PROBE_tanh, 0x1p-100, 0x1p-100 },
    { PROBE_sigmoid, 0, 0.5 }, { PROBE_sigmoid, -0.0, 0.5 }, { PROBE_sigmoid, INF, 1 },
    { PROBE_sigmoid, -INF, 0 }, { PROBE_sigmoid, 1e30, 1 }, { PROBE_sigmoid, -1e30, 0 },
    { PROBE_exp, NAN, NAN }, { PROBE_log, NAN, NAN }, { PROBE_tanh, NAN, NAN },
    { PROBE_sigmoid, NAN, NAN },
    { PROBE_expm1, 0, 0 }, { PROBE_expm1, -0.0, -0.0 }, { PROBE_expm1, INF, INF },
    { PROBE_expm1, -INF, -1 }, { PROBE_expm1, -50, -1 }, { PROBE_expm1, 1e30, INF },
    { PROBE_expm1, 0x1p-100, 0x1p-100 }, { PROBE_expm1, NAN, NAN },
    { PROBE_log1p, 0, 0 }, { PROBE_log1p, -0.0, -0.0 }, { PROBE_log1p, INF, INF },
    { PROBE_log1p, -1, -INF }, { PROBE_log1p, -1.5, NAN }, { PROBE_log1p, -INF, NAN },
    { PROBE_log1p, 0x1p-100, 0x1p-100 }, { PROBE_log1p, NAN, NAN },
    { PROBE_erf, 0, 0 }, { PROBE_erf, -0.0, -0.0 }, { PROBE_erf, INF, 1 }, { PROBE_erf, -INF, -1 },
    { PROBE_erf, 1e30, 1 }, { PROBE_erf, -7, -1 }, { PROBE_erf, NAN, NAN },
    { PROBE_sin, 0, 0 }, { PROBE_sin, -0.0, -0.0 }, { PROBE_sin, INF, NAN },
    { PROBE_sin, -INF, NAN }, { PROBE_sin, NAN, NAN }, { PROBE_sin, 0x1p-100, 0x1p-100 },
    { PROBE_cos, 0, 1 }, { PROBE_cos, -0.0, 1 }, { PROBE_cos, INF, NAN }, { PROBE_cos, NAN, NAN },
    { PROBE_cos, 0x1p-100, 1 },
    { PROBE_round, .5, 0 }, { PROBE_round, 1.5, 2 }, { PROBE_round, -.5, -0.0 },
    { PROBE_round, -2.5, -2 }, { PROBE_round, 0x1.fffffep-2, 0 }, { PROBE_round, -0.0, -0.0 },
    { PROBE_round, 0x1.ffffffp21, 0x1p22 }, { PROBE_round, INF, INF }, { PROBE_round, NAN, NAN },
    { PROBE_floor, -.5, -1 }, { PROBE_floor, .5, 0 }, { PROBE_floor, -0.0, -0.0 },
    { PROBE_floor, -3, -3 }, { PROBE_floor, -INF, -INF }, { PROBE_floor, NAN, NAN },
    { PROBE_floor, -0x1p-100, -1 },
};

/* The function at one point, put at each place of a vector and of a short tail. */
static double at_point(const edge *e, int isa, bool f64, int place)
{
    batch x = { .f64 = { 0 } }, y;

    if (f64)
        x.f64[place] = e->x;
    else
        x.f32[place] = (float)e->x;
    probes[isa][e->number][f64](&x, &y, 19);
    return f64 ? y.f64[place] : (double)y.f32[place];
}

START_TEST(edges_are_exact)
{
    const edge *e = &edges[_i];

    for (int isa = 0; isa < SP_N_ISAS; isa++)
        for (int f64 = 0; f64 < 2 && sp_isa_usable((sp_isa)isa); f64++)
            for (int place = 0; place < 19; place++) {
                double y = at_point(e, isa, f64, place);
                bool same = isnan(e->y) ? isnan(y) != 0
                                        : y == e->y && !signbit(y) == !signbit(e->y);
                ck_assert_msg(same, "%s(%g) is %g, %s", functions[e->number].name, e->x, y,
                              sp_isa_name((sp_isa)isa));
            }
}
END_TEST

/* The logarithm of a subnormal is an ordinary number, unless the thread flushes. */
START_TEST(the_logarithm_of_a_subnormal_is_right)
{
    for (int isa = 0; isa < SP_N_ISAS; isa++) {
        if (!sp_isa_usable((sp_isa)isa)) continue;
        edge small = { PROBE_log, 0x1p-149, 0 }, tiny = { PROBE_log, 0x1p-1074, 0 };
        ck_assert(ulps(at_point(&small, isa, false, 0), logl(0x1p-149L), false) <= MOST_ULP);
        ck_assert(ulps(at_point(&tiny, isa, true, 0), logl(0x1p-1074L), true) <= MOST_ULP);
    }
}
END_TEST

/* The float next to a whole number of quarter turns: all but the last bits of the angle cancel. */
START_TEST(sines_next_to_whole_quarters_are_within_four_ulp)
{
    for (int isa = 0; isa < SP_N_ISAS; isa++)
        for (int i = 0; i < 2000 && sp_isa_usable((sp_isa)isa); i++) {
            double turns = (double)(random_bits() % (i % 2 ? 660000 : 1ull << 40));
            double x = (double)((long double)turns * 0x1.921fb54442d1846ap+0L);
            edge sine = { PROBE_sin, x, 0 }, cosine = { PROBE_cos, x, 0 };
            ck_assert(ulps(at_point(&sine, isa, true, i % 19), sinl((long double)x), true) <= 4);
            ck_assert(ulps(at_point(&cosine, isa, true, i % 19), cosl((long double)x), true) <= 4);
            x = (double)(float)x;
            sine.x = cosine.x = x;
            ck_assert(ulps(at_point(&sine, isa, false, i % 19), sinl((long double)x), false) <= 1);
            ck_assert(ulps(at_point(&cosine, isa, false, 0), cosl((long double)x), false) <= 1);
        }
}
END_TEST

/* Each element alone gives the bits that it gave among the others. */
START_TEST(bits_depend_on_the_element_alone)
{
    static batch x, y, alone, one;

    for (int number = 0; number < N_FUNCTIONS; number++)
        for (int isa = 0; isa < SP_N_ISAS; isa++)
            for (int f64 = 0; f64 < 2 && sp_isa_usable((sp_isa)isa); f64++) {
                size_t size = f64 ? sizeof *x.f64 : sizeof *x.f32;
                fill(&functions[number], f64, &x);
                probes[isa][number][f64](&x, &y, 100);
                for (size_t i = 0; i < 100; i++) {
                    memcpy(&one, (char *)&x + i * size, size);
                    probes[isa][number][f64](&one, &alone, 1);
                    ck_assert_mem_eq(&alone, (char *)&y + i * size, size);
                }
            }
}
END_TEST

START_TEST(each_word_of_the_vocabulary_does_what_it_says)
{
    for (int isa = 0; isa < SP_N_ISAS; isa++)
        if (sp_isa_usable((sp_isa)isa)) {
            const char *what = vec_fails[isa]();
            ck_assert_msg(!what, "%s, %s", what, sp_isa_name((sp_isa)isa));
        }
}
END_TEST

int main(void)
{
    Suite   *suite  = suite_create("vmath");
    TCase   *tcase  = tcase_create("vmath");

    suite_add_tcase(suite, tcase);
    tcase_set_timeout(tcase, 60);
    tcase_add_test(tcase, each_word_of_the_vocabulary_does_what_it_says);
    tcase_add_test(tcase, functions_are_within_four_ulp_everywhere);
    tcase_add_loop_test(tcase, edges_are_exact, 0, (int)(sizeof edges / sizeof *edges));
    tcase_add_test(tcase, the_logarithm_of_a_subnormal_is_right);
    tcase_add_test(tcase, sines_next_to_whole_quarters_are_within_four_ulp);
    tcase_add_test(tcase, bits_depend_on_the_element_alone);
    return run_all(suite);
}
