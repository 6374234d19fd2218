/* SPDX-License-Identifier: MIT
 *
 * stats - what has happened on a tape, in numbers.
 */
#include "autograd/node.h"

static int64_t interned_blocks(const sp_interner *in) { return in->blocks + in->arena.blocks; }

sp_tape_stats sp_stats(const sp_tape *t)
{
    sp_tape_stats s = { 0 };

    if (!t) return s;
    s = t->stats;
    s.nodes = t->n_nodes;
    s.allocations += t->pool.blocks + t->arena.blocks + interned_blocks(&t->shapes)
                   + interned_blocks(&t->layouts) + interned_blocks(&t->attrs)
                   + interned_blocks(&t->scope_keys) + interned_blocks(&t->roles);
    return s;
}

int sp_stats_text(const sp_tape *t, char *text, int64_t size)
{
    sp_tape_stats s = sp_stats(t);

    return snprintf(text, size > 0 ? (size_t)size : 0,
                    "%lld nodes, %lld evaluations, %lld nodes computed, %lld of them again, "
                    "%lld bytes alive, %lld at the peak, %lld allocations",
                    (long long)s.nodes, (long long)s.evaluations, (long long)s.computed,
                    (long long)s.recomputed, (long long)s.live_bytes, (long long)s.peak_bytes,
                    (long long)s.allocations);
}
