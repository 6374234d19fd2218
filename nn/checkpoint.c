/* SPDX-License-Identifier: MIT
 *
 * checkpoint - which steps lie in regions: every k, every root of T, or as many as a budget of
 * bytes demands.
 */
#include "nn/checkpoint.h"

#include <math.h>

bool sp__checkpoint_check(sp_tape *t, const sp_checkpoint *c)
{
    const char *what = c->kind == SP_EVERY ? "steps" : "bytes";

    if ((unsigned)c->kind > SP_BUDGET) {
        sp_tape_fail(t, "unroll: there is no checkpoint kind %d", (int)c->kind);
    } else if ((c->kind == SP_EVERY || c->kind == SP_BUDGET) && c->n < 1) {
        sp_tape_fail(t, "unroll: the checkpoint's n is %lld %s, should be 1 or more",
                     (long long)c->n, what);
    } else {
        return true;
    }
    return false;
}

sp_kept_steps sp__checkpoint_begin(sp_tape *t, int64_t T, const sp_checkpoint *c)
{
    sp_kept_steps p = { .tape = t, .T = T, .until = T };

    if (c->kind == SP_EVERY) p.every = c->n;
    if (c->kind == SP_BUDGET) p.budget = c->n, p.nodes = sp_stats(t).nodes;
    if (c->kind == SP_SQRT) p.every = (int64_t)ceil(sqrt((double)T));
    return p;
}

static int64_t place(const sp_kept_steps *p, int64_t i) { return (i - p->from) % p->every; }

void sp__checkpoint_before(sp_kept_steps *p, int64_t i)
{
    if (p->every == 0 || i < p->from || i >= p->until || place(p, i) != 0) return;
    sp_region_enter(p->tape);
    p->inside = true;
}

static double bytes_of(const sp_state *s)
{
    double bytes = 0;

    for (int k = 0; k < s->n; k++)
        bytes += (double)sp_shape_size(sp_var_shape(s->v[k]))
               * (double)sp_dtype_size(sp_var_dtype(s->v[k]));
    return bytes;
}

/* What the first step recorded says of all: f bytes to keep one whole, s for a state.  T steps in
   parts of k take T/k s between the parts and k f within one; the least for k = sqrt(T s / f).  The
   last m steps, which go back before any part is there, may be kept while m f has room.  What
   rules need for the moment is some values of one step. */
static void choose(sp_kept_steps *p, const sp_state *state)
{
    const double f = (double)sp_recorded_bytes(p->tape, p->nodes), s = bytes_of(state);
    const double T = (double)(p->T - 1), budget = (double)p->budget, moment = 4 * f;

    if (T * f + moment <= budget) return;
    const double k = fmax(1, fmin(T, round(sqrt(T * s / f)))), between = ceil(T / k) * s;
    const double least = between + fmin(k, T) * f + moment;
    if (least > budget) {
        sp_tape_fail(p->tape, "unroll: the checkpoint's budget is %lld bytes; in parts of %lld "
                     "steps the run needs about %.0f", (long long)p->budget, (long long)k, least);
        return;
    }
    const double m = floor((budget - moment - between) / f);
    p->from = 1;
    p->every = (int64_t)k;
    p->until = p->T - (m > k ? (int64_t)fmin(m, T) : 0);
}

void sp__checkpoint_after(sp_kept_steps *p, int64_t i, const sp_state *state)
{
    if (i == 0 && p->budget > 0 && !sp_tape_error(p->tape)) choose(p, state);
    if (p->inside && (place(p, i + 1) == 0 || i + 1 == p->until)) sp__checkpoint_end(p);
}

void sp__checkpoint_end(sp_kept_steps *p)
{
    if (p->inside) sp_region_leave(p->tape);
    p->inside = false;
}
