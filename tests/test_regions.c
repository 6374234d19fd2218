/* SPDX-License-Identifier: MIT
 *
 * Regions that are recorded again: the same bits from less memory, whatever lies in them; sums
 * that go on where a part has ended; hooks.
 */
#include "autograd/node.h"
#include "tests/outcome.h"

enum { H = 4, B = 2 };

/* ---- a chain by hand ---- */

enum { LONG = 48 };

/* h' = tanh(h W + b) + c h, with regions of k steps (0: none) in outer ones of `outer`. */
typedef struct chain { int k, outer; } chain;

static sp_var chain_step(sp_var h, sp_var W, sp_var b)
{
    return sp_add(sp_tanh(sp_add(sp_matmul(h, W), b)), sp_scale(sp_dropout(h, .3), .5));
}

static sp_var chained(sp_tape *t, chain c, sp_var h, sp_var W, sp_var b)
{
    for (int i = 0; i < LONG; i++) {
        if (c.outer && i % c.outer == 0) sp_region_enter(t);
        if (c.k && i % c.k == 0) sp_region_enter(t);
        sp_scope_enter(t, "step", i);
        h = chain_step(h, W, b);
        sp_scope_leave(t);
        if (c.k && (i + 1) % c.k == 0) sp_region_leave(t);
        if (c.outer && (i + 1) % c.outer == 0) sp_region_leave(t);
    }
    return h;
}

static outcome chain_outcome(chain c)
{
    nn_case n = nn_begin();
    sp_param *W = sp_params_add(n.params, "W", SP_SHAPE(H, H), sp_init_normal(0, .5));
    sp_param *b = sp_params_add(n.params, "b", SP_SHAPE(H), sp_init_normal(0, 1));
    sp_param *h = sp_params_add(n.params, "h", SP_SHAPE(B, H), sp_init_normal(0, 1));
    sp_var y = chained(n.tape, c, sp_use(n.tape, h), sp_use(n.tape, W), sp_use(n.tape, b));
    outcome o = { 0 };

    ck_assert(sp_backward(sp_sum(sp_square(y))));
    no_failure(&n);
    o.stats = sp_stats(n.tape);
    note_gradients(&o, n.params);
    note(&o, sp_value(y));
    nn_end(&n);
    return o;
}

START_TEST(a_chain_in_regions_has_the_same_bits_in_less_memory)
{
    const chain of[] = { { 1, 0 }, { 3, 0 }, { 4, 0 }, { 6, 0 }, { LONG, 0 }, { 0, 12 },
                         { 2, 12 }, { 3, 24 }, { 1, LONG } };
    outcome plain = chain_outcome((chain){ 0, 0 });

    ck_assert_int_eq(plain.n, 4);
    for (size_t i = 0; i < sizeof of / sizeof *of; i++) {
        outcome o = chain_outcome(of[i]);
        ck_same(&plain, &o, "chain");
        ck_assert_int_gt(o.stats.recomputed, 0);
        if (of[i].k == 6) ck_assert_int_lt(2 * o.stats.peak_bytes, plain.stats.peak_bytes);
        forget(&o);
    }
    ck_assert_int_eq(plain.stats.recomputed, 0);
    forget(&plain);
}
END_TEST

/* What the sweep of a second order meets: copies, and what they repeat. */
START_TEST(second_derivatives_go_through_what_was_recorded_again)
{
    sp_tensor *got[2][4];

    for (int k = 0; k < 2; k++) {
        nn_case c = nn_begin();
        sp_var h = drawn(&c, SP_SHAPE(B, H)), W = drawn(&c, SP_SHAPE(H, H)), inner, g, gg[3];
        sp_var b = sp_select(W, 0, 0);
        if (k) sp_region_enter(c.tape);
        inner = chain_step(h, W, b);
        sp_var y = sp_sum(sp_exp(chain_step(sp_mul(inner, inner), W, b)));
        if (k) sp_region_leave(c.tape);
        ck_assert(sp_grad(y, 1, &W, &g, NULL));
        got[k][3] = sp_export(g);
        ck_assert(sp_grad(sp_sum(sp_square(g)), 3, (sp_var[]){ W, h, inner }, gg, NULL));
        for (int i = 0; i < 3; i++) got[k][i] = sp_export(gg[i]);
        no_failure(&c);
        nn_end(&c);
    }
    for (int i = 0; i < 4; i++) {
        for (int64_t j = 0; j < sp_tensor_size(got[0][i]); j++)
            ck_assert_double_eq_tol(sp_tensor_at(got[0][i], j), sp_tensor_at(got[1][i], j), 1e-12);
        for (int k = 0; k < 2; k++) sp_tensor_free(got[k][i]);
    }
}
END_TEST

START_TEST(a_wrt_or_a_stop_may_lie_in_a_region)
{
    nn_case c = nn_begin();
    sp_var x = drawn(&c, SP_SCALAR), g[2];

    sp_region_enter(c.tape);
    sp_var h = sp_exp(x), y = sp_mul(sp_mul(h, h), x);          /* h^2 x */
    sp_region_leave(c.tape);
    y = sp_scale(y, 2);
    ck_assert(sp_grad(y, 2, (sp_var[]){ h, x }, g, NULL));
    ck_assert_double_eq_tol(sp_item(g[0]), 4 * sp_item(h) * sp_item(x), 1e-14);
    ck_assert(sp_grad(y, 1, &x, g, &(sp_grad_spec){ .n_stop = 1, .stop = &h }));
    ck_assert_double_eq_tol(sp_item(g[0]), 2 * sp_item(h) * sp_item(h), 1e-14);
    no_failure(&c);
    nn_end(&c);
}
END_TEST

START_TEST(a_region_that_is_not_left_takes_no_part)
{
    nn_case c = nn_begin();
    sp_var x = drawn(&c, SP_SCALAR), g;

    sp_region_enter(c.tape);
    sp_var y = sp_mul(sp_tanh(x), x);
    int64_t nodes = sp_stats(c.tape).nodes;
    ck_assert(sp_grad(y, 1, &x, &g, NULL));
    nodes = sp_stats(c.tape).nodes - nodes;
    sp_region_leave(c.tape);
    y = sp_square(g);                               /* the region now holds a sweep */
    ck_assert(sp_grad(y, 1, &x, &g, NULL));
    double u = tanh(sp_item(x)), s = 1 - u * u, d = s * sp_item(x) + u;
    ck_assert_double_eq_tol(sp_item(g), 2 * d * (2 * s - 2 * u * s * sp_item(x)), 1e-13);
    sp_region_leave(c.tape);
    failed_with(&c, "region: it is left and was not entered");
    sp_tape_reset(c.tape);
    sp_region_enter(c.tape);
    sp_tape_reset(c.tape);                          /* forgets it */
    no_failure(&c);
    sp_region_leave(c.tape);
    failed_with(&c, "not entered");
    sp_region_leave(NULL);
    sp_region_enter(NULL);
    nn_end(&c);
}
END_TEST

START_TEST(what_is_there_already_is_not_computed_twice)
{
    nn_case c = nn_begin();
    sp_param *p = sp_params_add(c.params, "p", SP_SHAPE(B, H), sp_init_normal(0, 1));

    sp_region_enter(c.tape);
    sp_var y = sp_sum(sp_exp(sp_tanh(sp_use(c.tape, p))));
    sp_region_leave(c.tape);
    sp_item(y);
    ck_assert(sp_backward(y));
    ck_assert_int_eq(sp_stats(c.tape).recomputed, 0);
    nn_end(&c);
}
END_TEST

START_TEST(a_tape_that_keeps_everything_computes_no_region_again)
{
    sp_tape_stats of[2];

    for (int k = 0; k < 2; k++) {
        nn_case c = { sp_params_new(1), sp_tape_new(&(sp_tape_spec){ .keep = true }), 0 };
        sp_param *p = sp_params_add(c.params, "p", SP_SHAPE(B, H), sp_init_normal(0, 1));
        sp_var x = sp_use(c.tape, p);
        if (k) sp_region_enter(c.tape);
        sp_var y = sp_sum(sp_exp(sp_tanh(x)));
        if (k) sp_region_leave(c.tape);
        ck_assert(sp_backward(y));
        of[k] = sp_stats(c.tape);
        nn_end(&c);
    }
    ck_assert_int_eq(of[1].computed, of[0].computed);
    ck_assert_int_eq(of[1].peak_bytes, of[0].peak_bytes);
}
END_TEST

/* ---- sums in parts ---- */

enum { TERMS = 7 };

/* Plain values, products, slots of a larger whole, zeros of either sign; `turn` says which is
   the first. */
static void draw_terms(nn_case *c, int turn, sp_var x[TERMS])
{
    const sp_shape whole = SP_SHAPE(4, 3);
    sp_var product = sp_matmul(drawn(c, SP_SHAPE(4, 2)), drawn(c, SP_SHAPE(2, 3))), place;
    sp_var all = drawn(c, whole), zero = sp_neg(sp_full(c->tape, SP_F64, whole, 0));

    ck_assert(sp_grad(sp_sum(sp_square(sp_slice(all, 0, 1, 2))), 1, &all, &place, NULL));
    sp_var each[] = { product, zero, place, sp_tanh(all), zero, place, product };
    for (int i = 0; i < TERMS; i++) x[i] = each[(i + turn) % TERMS];
}

/* The sum of the terms, those before `cut` summed first. */
static sp_var sum_cut(const sp_var x[TERMS], int cut)
{
    sp_var rest[TERMS] = { sp_add_n(cut, x) };

    for (int i = cut; i < TERMS; i++) rest[1 + i - cut] = x[i];
    return sp_add_n(1 + TERMS - cut, rest);
}

START_TEST(a_sum_that_goes_on_later_has_the_same_bits)
{
    for (int turn = 0; turn < TERMS; turn++) {
        sp_tensor *due = NULL;
        for (int cut = 0; cut < TERMS; cut++) {
            nn_case c = nn_begin();
            sp_var x[TERMS];
            draw_terms(&c, turn, x);
            sp_var sum = cut ? sum_cut(x, cut) : sp_add_n(TERMS, x);
            ck_assert(sp__run(c.tape, 1, &sum, true));      /* with what the first part leaves */
            sp_tensor *is = sp_export(sum);
            if (due) ck_assert_mem_eq(is->data, due->data, (size_t)sp_tensor_bytes(due));
            if (due) sp_tensor_free(is);
            else due = is;
            nn_end(&c);
        }
        sp_tensor_free(due);
    }
}
END_TEST

START_TEST(a_sum_goes_on_in_the_buffer_of_its_first_part)
{
    nn_case c = nn_begin();
    const int64_t one = 64 * sizeof(double);
    sp_var x = drawn(&c, SP_SHAPE(64)), part = sp_tanh(x), again[] = { part, x, x };
    int64_t before = sp_stats(c.tape).live_bytes;

    for (int i = 0; i < 5; i++) part = sp_add_n(2, (sp_var[]){ part, x });
    ck_assert(sp__run(c.tape, 1, &part, true));
    ck_assert_int_eq(sp_stats(c.tape).peak_bytes, before + one);
    ck_assert_int_eq(sp_stats(c.tape).live_bytes, before + one);

    again[0] = sp_tanh(x);                           /* not if anyone else reads it */
    sp_var sum = sp_add_n(3, again), other = sp_add_n(2, (sp_var[]){ sum, again[0] });
    sp_var twice = sp_add_n(2, (sp_var[]){ other, other });
    ck_assert(sp__run(c.tape, 1, &twice, true));
    for (int i = 0; i < 64; i++) {
        double v = sp_tensor_at(sp_value(x), i);
        ck_assert_double_eq_tol(sp_tensor_at(sp_value(twice), i), 4 * (tanh(v) + v), 1e-14);
    }
    nn_end(&c);
}
END_TEST

/* Looking for anomalies, twice: its parts must still be there to tell from. */
START_TEST(a_budget_counts_such_a_sum_once)
{
    for (int k = 0; k < 4; k++) {
        const bool over = k % 2, looks = k / 2;
        const int64_t least = (looks ? 3 : 2) * 512;
        sp_tape *t = sp_tape_new(&(sp_tape_spec){ .max_bytes = least - over, .anomaly = looks });
        nn_case c = { sp_params_new(1), t, 0 };
        sp_var x = drawn(&c, SP_SHAPE(64)), part = sp_tanh(x);
        part = sp_add_n(2, (sp_var[]){ part, x });
        ck_assert(sp__run(t, 1, &part, true) == !over);
        ck_assert_int_le(sp_stats(t).peak_bytes, least - over);
        nn_end(&c);
    }
}
END_TEST

/* ---- hooks ---- */

typedef struct seen { int calls; sp_var g; double factor; } seen;

static sp_var look(sp_var g, void *data)
{
    seen *s = data;
    s->calls++;
    s->g = sp_keep(g);
    return g;
}

static sp_var change(sp_var g, void *data)
{
    seen *s = data;
    s->calls++;
    return sp_scale(g, s->factor);
}

static sp_var grow(sp_var g, void *data)
{
    (void)data;
    return sp_stack(2, (sp_var[]){ g, g }, 0);
}

static sp_var lose(sp_var g, void *data)
{
    (void)g, (void)data;
    return (sp_var){ 0 };
}

START_TEST(hooks_read_and_replace_in_order_of_attachment)
{
    for (int k = 0; k < 2; k++) {
        nn_case c = nn_begin();
        sp_param *p = sp_params_add(c.params, "p", SP_SCALAR, sp_init_constant(.5));
        seen at_h = { .factor = 3 }, behind = { 0 }, at_p = { .factor = -1 }, none = { 0 };
        sp_var x = sp_use(c.tape, p);
        if (k) sp_region_enter(c.tape);
        sp_var h = sp_square(x), y = sp_mul(h, h);             /* dy/dh = 2 h = .5 */
        if (k) sp_region_leave(c.tape);
        sp_hook(h, change, &at_h);
        sp_hook(x, change, &at_p);
        sp_hook(h, look, &behind);
        sp_hook(sp_tanh(x), look, &none);
        ck_assert(sp_backward(y));
        no_failure(&c);
        ck_assert_int_eq(at_h.calls + behind.calls + at_p.calls, 3);
        ck_assert_int_eq(none.calls, 0);
        ck_assert_double_eq(sp_item(behind.g), 3 * .5);
        ck_assert_double_eq(sp_tensor_at(&p->grad, 0), -(3 * .5) * 2 * .5);
        sp_tape_reset(c.tape);
        x = sp_use(c.tape, p);
        ck_assert(sp_backward(sp_square(x)));                  /* no hook is left */
        ck_assert_int_eq(at_p.calls, 1);
        nn_end(&c);
    }
}
END_TEST

START_TEST(a_hook_that_gives_what_does_not_fit_is_told)
{
    nn_case c = nn_begin();
    sp_var x = drawn(&c, SP_SHAPE(3)), y = sp_sum(sp_square(x)), g;

    sp_hook(x, grow, NULL);
    ck_assert(!sp_grad(y, 1, &x, &g, NULL));
    failed_with(&c, "hook: the gradient is f64[3], and what the hook gives in its place f64[2,3]");
    sp_tape_reset(c.tape);
    x = drawn(&c, SP_SHAPE(3));
    sp_hook(x, lose, NULL);
    ck_assert(!sp_grad(sp_sum(x), 1, &x, &g, NULL));
    failed_with(&c, "hook: an operand is no var");
    sp_tape_reset(c.tape);
    ck_assert(sp_is_nothing(sp_hook(drawn(&c, SP_SCALAR), NULL, NULL)));
    failed_with(&c, "hook: there is no function");
    sp_tape_reset(c.tape);
    ck_assert(sp_is_nothing(sp_hook(INTEGERS(&c, 1, 2), look, NULL)));
    failed_with(&c, "hook: its operand is i64; only f32 and f64 have gradients");
    nn_end(&c);
}
END_TEST

int main(void)
{
    TCase *t = tcase_create("regions");
    const TTest *tests[] = {
        a_chain_in_regions_has_the_same_bits_in_less_memory,
        second_derivatives_go_through_what_was_recorded_again,
        a_wrt_or_a_stop_may_lie_in_a_region, a_region_that_is_not_left_takes_no_part,
        what_is_there_already_is_not_computed_twice,
        a_tape_that_keeps_everything_computes_no_region_again,
        a_sum_that_goes_on_later_has_the_same_bits,
        a_sum_goes_on_in_the_buffer_of_its_first_part, a_budget_counts_such_a_sum_once,
        hooks_read_and_replace_in_order_of_attachment,
        a_hook_that_gives_what_does_not_fit_is_told,
    };

    for (size_t i = 0; i < sizeof tests / sizeof *tests; i++) tcase_add_test(t, tests[i]);
    return run_suite("regions", t);
}
