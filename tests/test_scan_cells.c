/* SPDX-License-Identifier: MIT
 *
 * test_scan_cells.c - the cells of examples/scan_cells.h, each against a twin of its own that is
 * unrolled step by step, in real numbers, with the same weights.
 */
#include "examples/scan_cells.h"
#include "tests/nn_case.h"

enum { T = 17, B = 3, N = 5, MOST = 12 };

typedef struct twin { sp_cell cell; const scan_cell *of; } twin;

static const scan_cell *weights(const sp_cell *cell) { return ((const twin *)cell)->of; }

static sp_var affine(const sp_linear *l, sp_var x)
{
    sp_var y = sp_matmul_t(x, false, sp_use(x.tape, l->weight), true);
    return l->bias ? sp_add(y, sp_use(x.tape, l->bias)) : y;
}

static sp_var min_gru_step(const sp_cell *cell, sp_var x, sp_state *s)
{
    const scan_cell *c = weights(cell);
    return s->v[0] = sp_lerp(s->v[0], affine(c->in[1], x), sp_sigmoid(affine(c->in[0], x)));
}

/* The second state is the step before. */
static sp_var qrnn_step(const sp_cell *cell, sp_var x, sp_state *s)
{
    const scan_cell *c = weights(cell);
    sp_var w = sp_concat(SP_VARS(s->v[1], x), 1), f = sp_sigmoid(affine(c->in[1], w));

    s->v[1] = x;
    s->v[0] = sp_lerp(sp_tanh(affine(c->in[0], w)), s->v[0], f);
    return sp_mul(s->v[0], sp_sigmoid(affine(c->in[2], w)));
}

static sp_var sru_step(const sp_cell *cell, sp_var x, sp_state *s)
{
    const scan_cell *c = weights(cell);
    sp_var f = sp_sigmoid(affine(c->in[1], x)), r = sp_sigmoid(affine(c->in[2], x));

    s->v[0] = sp_lerp(affine(c->in[0], x), s->v[0], f);
    return sp_add(sp_mul(r, sp_tanh(s->v[0])), sp_mul(sp_one_minus(r), x));
}

/* h' = l h + g B x,  y = Re(C h') + D x;  l and g by real and imaginary part */
static sp_var complex_step(const scan_cell *c, sp_var x, sp_state *s, const sp_var l[2],
                           const sp_var g[2])
{
    sp_var u = sp_reshape(affine(c->in[0], x), SP_SHAPE(B, N, 2)), re = s->v[0], im = s->v[1];
    sp_var ur = sp_select(u, 2, 0), ui = sp_select(u, 2, 1);

    s->v[0] = sp_add(sp_sub(sp_mul(l[0], re), sp_mul(l[1], im)),
                     sp_sub(sp_mul(g[0], ur), sp_mul(g[1], ui)));
    s->v[1] = sp_add(sp_add(sp_mul(l[0], im), sp_mul(l[1], re)),
                     sp_add(sp_mul(g[0], ui), sp_mul(g[1], ur)));
    sp_var h = sp_reshape(sp_stack(2, s->v, 2), SP_SHAPE(B, 2 * N));
    return sp_add(affine(c->out, h), affine(c->in[1], x));
}

static sp_var lru_step(const sp_cell *cell, sp_var x, sp_state *s)
{
    const scan_cell *c = weights(cell);
    sp_var nu = sp_use(x.tape, c->p[0]), theta = sp_use(x.tape, c->p[1]);
    sp_var r = sp_exp(sp_neg(sp_exp(nu))), gamma = sp_sqrt(sp_sub(sp_number(r, 1), sp_mul(r, r)));
    sp_var l[] = { sp_mul(r, sp_cos(theta)), sp_mul(r, sp_sin(theta)) };

    return complex_step(c, x, s, l, (sp_var[]){ gamma, sp_number(r, 0) });
}

/* g = (l - 1) / (-re + i im): times the conjugate, over the square */
static sp_var s5_step(const sp_cell *cell, sp_var x, sp_state *s)
{
    const scan_cell *c = weights(cell);
    sp_var re = sp_exp(sp_use(x.tape, c->p[0])), im = sp_use(x.tape, c->p[1]);
    sp_var d = sp_exp(sp_use(x.tape, c->p[2])), r = sp_exp(sp_neg(sp_mul(re, d)));
    sp_var l[] = { sp_mul(r, sp_cos(sp_mul(im, d))), sp_mul(r, sp_sin(sp_mul(im, d))) };
    sp_var a = sp_shift(l[0], -1), square = sp_add(sp_mul(re, re), sp_mul(im, im));
    sp_var g[] = { sp_div(sp_sub(sp_mul(l[1], im), sp_mul(a, re)), square),
                   sp_div(sp_neg(sp_add(sp_mul(a, im), sp_mul(l[1], re))), square) };

    return complex_step(c, x, s, l, g);
}

/* Number by number of the state: h'_k = e^(-d e^a_k) h_k + d x b_k,  y = sum of h'_k c_k + D x */
static sp_var selective_step(const sp_cell *cell, sp_var x, sp_state *s)
{
    const scan_cell *c = weights(cell);
    sp_var d = sp_softplus(affine(c->in[0], x), 1, 20), a = sp_exp(sp_use(x.tape, c->p[0]));
    sp_var b = affine(c->in[1], x), read = affine(c->in[2], x), h[STATES];
    sp_var y = sp_mul(sp_use(x.tape, c->p[1]), x);

    for (int k = 0; k < STATES; k++) {
        sp_var keep = sp_exp(sp_neg(sp_mul(d, sp_select(a, 1, k))));
        sp_var in = sp_mul(sp_mul(d, x), sp_slice(b, 1, k, 1));
        h[k] = sp_add(sp_mul(keep, sp_select(s->v[0], 2, k)), in);
        y = sp_add(y, sp_mul(h[k], sp_slice(read, 1, k, 1)));
    }
    s->v[0] = sp_stack(STATES, h, 2);
    return y;
}

static const sp_cell twins[] = {
    { .step = min_gru_step,   .n_states = 1, .state = { { 1, { N } } } },
    { .step = qrnn_step,      .n_states = 2, .state = { { 1, { N } }, { 1, { N } } } },
    { .step = sru_step,       .n_states = 1, .state = { { 1, { N } } } },
    { .step = lru_step,       .n_states = 2, .state = { { 1, { N } }, { 1, { N } } } },
    { .step = s5_step,        .n_states = 2, .state = { { 1, { N } }, { 1, { N } } } },
    { .step = selective_step, .n_states = 1, .state = { { 2, { N, STATES } } } },
};

START_TEST(a_cell_by_scan_is_its_twin_step_by_step)
{
    nn_case k = nn_begin();
    scan_cell c = scan_cells[_i].make(k.params, N);
    twin t = { twins[_i], &c };
    int n = (int)sp_params_count(k.params);
    sp_var x = drawn(&k, SP_SHAPE(T, B, N)), wrt[MOST] = { x }, dy[MOST], du[MOST];

    no_failure(&k);
    ck_assert_int_lt(n, MOST);
    t.cell.kind = scan_cells[_i].name;
    t.cell.input = t.cell.output = SP_SHAPE(N);
    for (int i = 0; i < n; i++) wrt[i + 1] = sp_use(k.tape, sp_params_at(k.params, i));

    sp_var y = c.run(&c, x), u = sp_unroll(&t.cell, x, NULL).y;
    ck_close(y, u, 1e-12, "y");
    ck_assert(sp_grad(sp_sum(sp_square(y)), n + 1, wrt, dy, NULL));
    ck_assert(sp_grad(sp_sum(sp_square(u)), n + 1, wrt, du, NULL));
    for (int i = 0; i <= n; i++)
        ck_close(dy[i], du[i], 1e-10, i ? sp_params_at(k.params, i - 1)->name : "x");
    no_failure(&k);
    nn_end(&k);
}
END_TEST

int main(void)
{
    TCase *t = tcase_create("scan_cells");

    tcase_add_loop_test(t, a_cell_by_scan_is_its_twin_step_by_step, 0,
                        (int)(sizeof scan_cells / sizeof *scan_cells));
    return run_suite("scan_cells", t);
}
