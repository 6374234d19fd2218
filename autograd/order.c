/* SPDX-License-Identifier: MIT
 *
 * order - where early nodes run.
 *
 * sp_jvp records the tangents of all steps after all steps.  Run in that order, every
 * forward value would live until its tangent is there.  So each node gets a place:
 *
 *     place(node) = its own number                        an ordinary node, computed now or before
 *                 = the last place among its operands     an early one: as soon as it can
 *                 = the first place among its readers     an early one that reads leaves only:
 *                                                         it could at once, but would only wait
 *
 * and the nodes run by place, within one place as they were recorded.  An operand never
 * has a later place than its reader, and it has a smaller number; so it runs first.
 */
#include <string.h>
#include "autograd/run.h"

#define WAITS UINT32_MAX

static bool note_latest(sp_evaluation *r, uint32_t base)
{
    const bool needed = sp__is_needed(r->t, base);
    const uint32_t place = needed ? r->t->beside[base].left : base;

    if (!needed && sp__op(r->t, base)->kind == SP_LEAF) return true;
    if (place < r->low) r->low = place;
    if (place != WAITS && (r->latest == WAITS || place > r->latest)) r->latest = place;
    return true;
}

static void place_by_operands(sp_evaluation *r)
{
    for (int64_t i = 0; i < r->n_needed; i++) {
        uint32_t id = r->todo[i];
        r->latest = r->t->node[id].early ? WAITS : id;
        if (r->latest == WAITS) sp__each_read(r, id, note_latest);
        r->t->beside[id].left = r->latest;
    }
}

static bool pull_back(sp_evaluation *r, uint32_t base)
{
    sp_beside *b = &r->t->beside[base];

    if (sp__is_needed(r->t, base) && b->left > r->latest) b->left = r->latest;
    return true;
}

/* Only one that waits stands later than a reader. */
static void place_by_readers(sp_evaluation *r)
{
    for (int64_t i = r->n_needed; i-- > 0;) {
        r->latest = r->t->beside[r->todo[i]].left;
        sp__each_read(r, r->todo[i], pull_back);
    }
}

/* The place as an index; what nobody reads comes last. */
static int64_t rank(const sp_evaluation *r, uint32_t id)
{
    uint32_t place = r->t->beside[id].left;
    return place == WAITS ? (int64_t)r->high - r->low : (int64_t)place - r->low;
}

bool sp__order(sp_evaluation *r)
{
    place_by_operands(r);
    place_by_readers(r);
    const int64_t n = (int64_t)r->high - r->low + 2;
    if (!sp__grow(r->t, &r->first, &r->first_room, n, sizeof *r->first)
        || !sp__grow(r->t, &r->sorted, &r->sorted_room, r->n_needed, sizeof *r->sorted))
        return false;
    memset(r->first, 0, (size_t)n * sizeof *r->first);
    for (int64_t i = 0; i < r->n_needed; i++) r->first[rank(r, r->todo[i]) + 1]++;
    for (int64_t i = 1; i < n; i++) r->first[i] += r->first[i - 1];
    for (int64_t i = 0; i < r->n_needed; i++)
        r->sorted[r->first[rank(r, r->todo[i])]++] = r->todo[i];
    memcpy(r->todo, r->sorted, (size_t)r->n_needed * sizeof *r->todo);
    return true;
}
