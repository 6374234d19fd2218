/* SPDX-License-Identifier: MIT
 *
 * scan_cells.h - six recurrent cells whose recurrence is linear, h_t = a_t h_(t-1) + b_t.
 *
 * sp_linear_scan runs such a recurrence over all steps in one node, forwards and backwards, so
 * that the products around it see the whole sequence at once.  Each cell maps x [T,B,width] to
 * y [T,B,width]: a function that makes its weights, and the cell.  They are functions of the whole
 * sequence, not `sp_cell`s: nothing is unrolled, so there are no lengths, carries or traces.
 */
#ifndef SCAN_CELLS_H
#define SCAN_CELLS_H

#include <math.h>
#include <spool.h>

enum { STATES = 4 };                     /* numbers per channel of the selective scan's state */

typedef struct scan_cell {
    sp_var   (*run)(const struct scan_cell *, sp_var x);
    sp_linear *in[3], *out;
    sp_param  *p[3];
} scan_cell;

static const sp_var FROM_ZERO;           /* no h0 */

/* ---- minGRU (Feng et al., 2024) ----
   z = sigmoid(x Wz)      h' = (1 - z) h + z (x Wh) */
static sp_var min_gru_run(const scan_cell *c, sp_var x)
{
    sp_var z = sp_sigmoid(sp_linear_run(c->in[0], x));
    return sp_linear_scan(sp_one_minus(z), sp_mul(z, sp_linear_run(c->in[1], x)), FROM_ZERO, false);
}

static scan_cell min_gru(sp_params *p, int64_t width)
{
    return (scan_cell){ .run = min_gru_run, .in = { sp_linear_new(p, "z", width, width),
                                                    sp_linear_new(p, "h", width, width) } };
}

/* ---- QRNN with windows of two (Bradbury et al., 2017) ----
   w = (x_(t-1), x_t)     z = tanh(w Wz)   f = sigmoid(w Wf)   o = sigmoid(w Wo)
   c' = f c + (1 - f) z   y = o c' */
static sp_var qrnn_run(const scan_cell *c, sp_var x)
{
    sp_pad_spec one_step = { .axes = SP_AXES(0), .before = { 1 } };
    sp_var before = sp_slice(sp_pad(x, one_step), 0, 0, sp_var_dim(x, 0));
    sp_var w = sp_concat(SP_VARS(before, x), -1), z = sp_tanh(sp_linear_run(c->in[0], w));
    sp_var f = sp_sigmoid(sp_linear_run(c->in[1], w)), o = sp_sigmoid(sp_linear_run(c->in[2], w));
    return sp_mul(o, sp_linear_scan(f, sp_mul(sp_one_minus(f), z), FROM_ZERO, false));
}

static scan_cell qrnn(sp_params *p, int64_t width)
{
    return (scan_cell){ .run = qrnn_run, .in = { sp_linear_new(p, "z", 2 * width, width),
                                                 sp_linear_new(p, "f", 2 * width, width),
                                                 sp_linear_new(p, "o", 2 * width, width) } };
}

/* ---- SRU (Lei et al., 2018; its first version, without peepholes) ----
   f = sigmoid(x Wf)   r = sigmoid(x Wr)   c' = f c + (1 - f) (x W)   y = r tanh(c') + (1 - r) x */
static sp_var sru_run(const scan_cell *c, sp_var x)
{
    sp_var f = sp_sigmoid(sp_linear_run(c->in[1], x)), r = sp_sigmoid(sp_linear_run(c->in[2], x));
    sp_var in = sp_mul(sp_one_minus(f), sp_linear_run(c->in[0], x));
    return sp_lerp(x, sp_tanh(sp_linear_scan(f, in, FROM_ZERO, false)), r);
}

static scan_cell sru(sp_params *p, int64_t width)
{
    return (scan_cell){ .run = sru_run, .in = { sp_linear_new(p, "x", width, width),
                                                sp_linear_new(p, "f", width, width),
                                                sp_linear_new(p, "r", width, width) } };
}

/* ---- complex numbers: a last axis of 2 ---- */

static sp_var complex_of(sp_var re, sp_var im) { return sp_stack(SP_VARS(re, im), -1); }

/* r (cos angle + i sin angle) */
static sp_var polar(sp_var r, sp_var angle)
{
    return complex_of(sp_mul(r, sp_cos(angle)), sp_mul(r, sp_sin(angle)));
}

/* a b */
static sp_var complex_mul(sp_var a, sp_var b)
{
    sp_var ar = sp_select(a, -1, 0), ai = sp_select(a, -1, 1);
    sp_var br = sp_select(b, -1, 0), bi = sp_select(b, -1, 1);
    return complex_of(sp_sub(sp_mul(ar, br), sp_mul(ai, bi)),
                      sp_add(sp_mul(ar, bi), sp_mul(ai, br)));
}

/* x [T,B,width] by a complex matrix: [T,B,width,2]; and the real part of h by another. */
static sp_var complex_in(const sp_linear *in, sp_var x)
{
    return sp_reshape(sp_linear_run(in, x),
                      SP_SHAPE(sp_var_dim(x, 0), sp_var_dim(x, 1), in->out / 2, 2));
}

static sp_var complex_out(const sp_linear *out, sp_var h)
{
    return sp_linear_run(out, sp_reshape(h, SP_SHAPE(sp_var_dim(h, 0), sp_var_dim(h, 1), out->in)));
}

/* Matrices for the two cells below: no bias, and `skip` takes x to y past the state. */
static scan_cell complex_cell(sp_params *p, int64_t width)
{
    const sp_linear_spec no_bias = { .no_bias = true };
    return (scan_cell){ .in = { sp_linear_new_with(p, "b", width, 2 * width, no_bias),
                                sp_linear_new_with(p, "skip", width, width, no_bias) },
                        .out = sp_linear_new_with(p, "c", 2 * width, width, no_bias) };
}

/* ---- LRU (Orvieto et al., 2023) ----
   l = e^(-e^nu + i theta)   h' = l h + sqrt(1 - |l|^2) (B x)   y = Re(C h') + D x */
static sp_var lru_run(const scan_cell *c, sp_var x)
{
    sp_var r = sp_exp(sp_neg(sp_exp(sp_use(x.tape, c->p[0]))));
    sp_var gamma = sp_unsqueeze(sp_sqrt(sp_one_minus(sp_square(r))), -1);
    sp_var in = sp_mul(gamma, complex_in(c->in[0], x)), l = polar(r, sp_use(x.tape, c->p[1]));
    sp_var h = sp_linear_scan_complex(l, in, FROM_ZERO, false);
    return sp_add(complex_out(c->out, h), sp_linear_run(c->in[1], x));
}

static scan_cell lru(sp_params *p, int64_t width)
{
    scan_cell c = complex_cell(p, width);                           /* |l| from .9 to .999 */
    c.run = lru_run;
    c.p[0] = sp_params_add(p, "nu", SP_SHAPE(width), sp_init_uniform(log(.001), log(.1)));
    c.p[1] = sp_params_add(p, "theta", SP_SHAPE(width), sp_init_uniform(0, .3));
    return c;
}

/* ---- S5 (Smith et al., 2023) ----
   h' = L h + B x as a differential equation, L = -e^a + i w, sampled in steps of e^d:
   l = e^(L e^d)   h' = l h + (l - 1)/L (B x)   y = Re(C h') + D x */
static sp_var s5_run(const scan_cell *c, sp_var x)
{
    sp_var re = sp_exp(sp_use(x.tape, c->p[0])), im = sp_use(x.tape, c->p[1]);
    sp_var step = sp_exp(sp_use(x.tape, c->p[2]));
    sp_var l = polar(sp_exp(sp_neg(sp_mul(re, step))), sp_mul(im, step));
    sp_var up = sp_sub(l, complex_of(sp_number(x, 1), sp_number(x, 0)));
    sp_var size = sp_unsqueeze(sp_add(sp_square(re), sp_square(im)), -1);      /* |L|^2 */
    sp_var gain = sp_div(complex_mul(up, sp_neg(complex_of(re, im))), size);
    sp_var h = sp_linear_scan_complex(l, complex_mul(gain, complex_in(c->in[0], x)),
                                      FROM_ZERO, false);
    return sp_add(complex_out(c->out, h), sp_linear_run(c->in[1], x));
}

static scan_cell s5(sp_params *p, int64_t width)
{
    scan_cell c = complex_cell(p, width);
    c.run = s5_run;
    c.p[0] = sp_params_add(p, "a", SP_SHAPE(width), sp_init_constant(log(.5)));
    c.p[1] = sp_params_add(p, "w", SP_SHAPE(width), sp_init_uniform(0, 10));
    c.p[2] = sp_params_add(p, "d", SP_SHAPE(width), sp_init_uniform(log(.001), log(.1)));
    return c;
}

/* ---- selective scan (Gu and Dao, 2023) ----
   d = softplus(x Wd) [width]   b = x Wb [STATES]   c = x Wc [STATES]
   h' = e^(-d e^a) h + d x b^T [width,STATES]   y = h' c + D x */
static sp_var selective_run(const scan_cell *c, sp_var x)
{
    sp_var d = sp_softplus(sp_linear_run(c->in[0], x), 1, 20), a = sp_exp(sp_use(x.tape, c->p[0]));
    sp_var b = sp_unsqueeze(sp_linear_run(c->in[1], x), -2);
    sp_var read = sp_unsqueeze(sp_linear_run(c->in[2], x), -2);
    sp_var keep = sp_exp(sp_neg(sp_mul(sp_unsqueeze(d, -1), a)));
    sp_var h = sp_linear_scan(keep, sp_mul(sp_unsqueeze(sp_mul(d, x), -1), b), FROM_ZERO, false);
    sp_var y = sp_sum_axes(sp_mul(h, read), SP_AXES(-1), false);
    return sp_add(y, sp_mul(sp_use(x.tape, c->p[1]), x));
}

static scan_cell selective(sp_params *p, int64_t width)
{
    sp_linear_spec slow = { .bias = sp_init_uniform(log(.001), log(.1)) };    /* d begins small */
    scan_cell c = { .run = selective_run, .in = { sp_linear_new_with(p, "d", width, width, slow),
                                                  sp_linear_new(p, "b", width, STATES),
                                                  sp_linear_new(p, "c", width, STATES) } };
    c.p[0] = sp_params_add(p, "a", SP_SHAPE(width, STATES), sp_init_uniform(0, log(STATES)));
    c.p[1] = sp_params_add(p, "skip", SP_SHAPE(width), sp_init_constant(1));
    return c;
}

static const struct { const char *name; scan_cell (*make)(sp_params *, int64_t width); }
scan_cells[] = {
    { "minGRU", min_gru }, { "QRNN", qrnn }, { "SRU", sru },
    { "LRU", lru }, { "S5", s5 }, { "selective", selective },
};

#endif
