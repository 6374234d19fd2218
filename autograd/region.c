/* SPDX-License-Identifier: MIT
 *
 * region - ranges of a recording that are not kept for the backward pass: entering and
 * leaving them, and recording them again.
 */
#include "autograd/node.h"

void sp_region_enter(sp_tape *t)
{
    if (!t || !sp__grow(t, &t->entered, &t->entered_room, t->n_entered + 1, sizeof *t->entered))
        return;
    t->entered[t->n_entered++] = (uint32_t)t->n_nodes;
}

/* A region without nodes, or of the same nodes as the last one, would save nothing. */
static bool worth(const sp_tape *t, sp_region r)
{
    const sp_region *last = t->n_regions ? &t->regions[t->n_regions - 1] : NULL;
    return r.first < r.last && !(last && last->first == r.first && last->last == r.last);
}

void sp_region_leave(sp_tape *t)
{
    if (!t) return;
    if (t->n_entered == 0) {
        sp__fail(t, "region: it is left and was not entered");
        return;
    }
    sp_region r = { t->entered[--t->n_entered], (uint32_t)t->n_nodes };
    if (worth(t, r)
        && sp__grow(t, &t->regions, &t->region_room, t->n_regions + 1, sizeof r))
        t->regions[t->n_regions++] = r;
}

int64_t sp_recorded_bytes(const sp_tape *t, int64_t first)
{
    int64_t bytes = 0;

    for (int64_t id = first < 0 ? 0 : first; t && id < t->n_nodes; id++) {
        const sp_kind kind = sp__op(t, (uint32_t)id)->kind;
        if (kind == SP_LEAF || kind == SP_VIEW) continue;
        if (__builtin_add_overflow(bytes, sp__bytes(t, (uint32_t)id), &bytes)) return INT64_MAX;
    }
    return bytes;
}

/* ---- recording again ---- */

static uint32_t standing_for(const uint32_t stand[], uint32_t id)
{
    return stand[id] ? stand[id] : id;
}

/* A leaf and a value that stays are there anyhow; a view only if what it shows is. */
static bool stays(const sp_tape *t, uint32_t id, const uint32_t stand[])
{
    const sp_op *op = sp__op(t, id);

    if (op->kind == SP_LEAF) return true;
    if (op->kind == SP_VIEW) return stand[t->beside[id].base] == 0;
    return t->beside[id].kept && t->beside[id].data;
}

static bool map_inputs(sp_tape *t, const uint32_t stand[], sp_node *node)
{
    if (node->n_in != SP_N_ARY) {
        for (int k = 0; k < node->n_in; k++) node->in[k] = standing_for(stand, node->in[k]);
        return true;
    }
    const int64_t from = node->in[0], n = node->in[1];
    if (!sp__grow(t, &t->operands, &t->operand_room, t->n_operands + n, sizeof *t->operands))
        return false;
    node->in[0] = (uint32_t)t->n_operands;
    for (int64_t k = 0; k < n; k++)
        t->operands[t->n_operands++] = standing_for(stand, t->operands[from + k]);
    return true;
}

/* The record is copied as it stands, so shape, attributes, scalars and streams of random
   numbers are the same, and with them every bit. */
static bool record_again(sp_tape *t, uint32_t id, uint32_t stand[])
{
    sp_node node = t->node[id];
    sp_beside beside = { .base = standing_for(stand, t->beside[id].base),
                         .layout = t->beside[id].layout, .origin = id, .computed = true };

    if (!map_inputs(t, stand, &node)) return false;
    t->scope = t->beside[id].scope;
    sp_var again = sp__append(t, sp__op(t, id), node, beside);
    stand[id] = again.id;
    return again.id != SP_NOTHING;
}

bool sp__record_again(sp_tape *t, uint32_t first, uint32_t last, uint32_t stand[])
{
    const uint32_t scope = t->scope;
    bool ok = true;

    for (uint32_t id = first; ok && id < last; id++)
        if (!stays(t, id, stand)) ok = record_again(t, id, stand);
    t->scope = scope;
    return ok;
}
