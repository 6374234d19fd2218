/* SPDX-License-Identifier: MIT
 *
 * forward - products with Jacobians: backwards by one sweep, forwards by two.
 *
 * A gradient g = J^T s is linear in the seed s.  So the sweep from y is recorded with a seed that
 * stands for any, and its results are differentiated by that seed: d<g, v>/ds = J v.  The
 * second sweep goes back over the first, that is forward in time.  Nothing of the answer reads s or
 * g themselves, so the executor never computes them; eager mode leaves them out too.
 */
#include "autograd/derivatives.h"
#include "autograd/grad.h"
#include "autograd/ops.h"
#include "tensor/alloc.h"

/* ---- the two ---- */

bool sp__vjp(int n_y, const sp_var y[], const sp_var u[], int n_x, const sp_var x[], int n_stop,
             sp_var out[])
{
    sp_tape *t = sp__tape_of("vjp", n_y, y, n_x);
    sp_asked a = { .who = "vjp", .n = n_y, .y = y, .seed = u, .n_stop = n_stop, .stop = x,
                   .zeros = true };

    if (!t || !sp__fit(t, "vjp", "yu", n_y, y, u) || !sp__fit(t, "vjp", "xx", n_x, x, x))
        return sp__all_nothing(t, n_x, out);
    return sp__sweep(&a, n_x, x, out);
}

bool sp_vjp(int n_y, const sp_var y[], const sp_var u[], int n_x, const sp_var x[], sp_var out[])
{
    return sp__vjp(n_y, y, u, n_x, x, 0, out);
}

/* Vars of a call, in one block of the heap: n_y seeds, n_x gradients by x, and the n of these
   that there are with their tangents. */
typedef struct tangents {
    sp_tape *t;
    int      n, n_stop;
    sp_var  *s, *g, *linear, *v;
} tangents;

static bool make_room(tangents *r, int n_y, int n_x)
{
    r->s = sp_alloc_array((int64_t)n_y + 3 * (int64_t)n_x, sizeof *r->s);
    if (!r->s) return sp__fail(r->t, "jvp: %s", sp_error()), false;
    r->g = r->s + n_y;
    r->linear = r->g + n_x;
    r->v = r->linear + n_x;
    return true;
}

/* The first sweep: g as linear functions of seeds that take no memory. */
static bool transpose(tangents *r, int n_y, const sp_var y[], int n_x, const sp_var x[],
                      const sp_var v[])
{
    sp_asked a = { .who = "jvp", .n = n_y, .y = y, .seed = r->s, .n_stop = r->n_stop, .stop = x,
                   .quiet = true };

    for (int k = 0; k < n_y; k++)
        r->s[k] = sp_full(r->t, sp_var_dtype(y[k]), sp_var_shape(y[k]), 0);
    if (!sp__sweep(&a, n_x, x, r->g)) return false;
    for (int i = 0; i < n_x; i++) {
        if (!sp_is_given(r->g[i])) continue;
        r->linear[r->n] = r->g[i];
        r->v[r->n++] = v[i];
    }
    return true;
}

static bool record_tangents(tangents *r, int n_y, const sp_var y[], int n_x, const sp_var x[],
                            const sp_var v[], sp_var out[])
{
    sp_asked a = { .who = "jvp", .y = r->linear, .seed = r->v, .zeros = true, .quiet = true };

    if (!transpose(r, n_y, y, n_x, x, v)) return false;
    if ((a.n = r->n) > 0) return sp__sweep(&a, n_y, r->s, out);
    for (int k = 0; k < n_y; k++) out[k] = r->s[k];
    return true;
}

bool sp__jvp(int n_y, const sp_var y[], int n_x, const sp_var x[], int n_stop, const sp_var v[],
             sp_var out[])
{
    tangents r = { .t = sp__tape_of("jvp", n_y, y, n_x), .n_stop = n_stop };
    bool ok = r.t && sp__fit(r.t, "jvp", "yy", n_y, y, y) && sp__fit(r.t, "jvp", "xv", n_x, x, v)
           && make_room(&r, n_y, n_x);

    if (ok) {
        bool was = r.t->early;
        r.t->early = true;
        ok = record_tangents(&r, n_y, y, n_x, x, v, out);
        r.t->early = was;
    }
    if (ok && r.t->spec.eager && !r.t->early) ok = sp__run(r.t, n_y, out, false);
    sp_release(r.s);
    return ok || sp__all_nothing(r.t, n_y, out);
}

bool sp_jvp(int n_y, const sp_var y[], int n_x, const sp_var x[], const sp_var v[], sp_var out[])
{
    return sp__jvp(n_y, y, n_x, x, 0, v, out);
}
