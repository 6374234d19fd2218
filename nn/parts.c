/* SPDX-License-Identifier: MIT
 *
 * parts - which steps lie in regions: every k, every root of T, or as many as a budget of bytes
 * demands.
 */
#include "nn/parts.h"

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

sp_parts sp__parts_of(sp_tape *t, int64_t T, const sp_checkpoint *c)
{
    sp_parts p = { .tape = t, .T = T, .until = T };

    if (c->kind == SP_EVERY) p.every = c->n;
    if (c->kind == SP_SQRT) p.every = (int64_t)ceil(sqrt((double)T));
    return p;
}

static int64_t place(const sp_parts *p, int64_t i) { return (i - p->from) % p->every; }

void sp__parts_before(sp_parts *p, int64_t i)
{
    if (p->every == 0 || i < p->from || i >= p->until || place(p, i) != 0) return;
    sp_region_enter(p->tape);
    p->inside = true;
}

void sp__parts_after(sp_parts *p, int64_t i, const sp_state *state)
{
    (void)state;
    if (p->inside && (place(p, i + 1) == 0 || i + 1 == p->until)) sp__parts_end(p);
}

void sp__parts_end(sp_parts *p)
{
    if (p->inside) sp_region_leave(p->tape);
    p->inside = false;
}
