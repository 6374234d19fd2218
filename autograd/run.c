/* SPDX-License-Identifier: MIT
 *
 * run - the plain executor: computes nodes in record order, one kernel each.
 *
 * It is the eager mode and the oracle of every test.  What a sum of products means
 * is kept here: a product that a sum reads is not computed apart but accumulated in the sum's
 * own buffer, so that every element is one chain of multiply-adds in list order.
 */
#include "autograd/run.h"

/* ---- what a node reads ---- */

bool sp__absorbs(const sp_tape *t, uint32_t sum, uint32_t x)
{
    sp_kind kind = sp__op(t, x)->kind;
    return sp__op(t, sum)->kind == SP_SUM && (kind == SP_CONTRACT || kind == SP_PLACE);
}

bool sp__each_read(sp_evaluation *r, uint32_t id, sp_reader *read)
{
    const uint32_t *in, *inner;
    int n = sp__inputs(r->t, id, &in);

    for (int i = 0; i < n; i++) {
        if (!sp__absorbs(r->t, id, in[i])) {
            if (!read(r, r->t->beside[in[i]].base)) return false;
            continue;
        }
        int n_inner = sp__inputs(r->t, in[i], &inner);
        for (int k = 0; k < n_inner; k++)
            if (!read(r, r->t->beside[inner[k]].base)) return false;
    }
    return true;
}

/* ---- what must be computed ---- */

static bool mark(sp_evaluation *r, uint32_t base)
{
    sp_tape *t = r->t;
    sp_beside *b = &t->beside[base];

    if (b->mark == t->stamp) return true;
    b->mark = t->stamp;
    b->uses = 0;
    if (b->data || sp__op(t, base)->kind == SP_LEAF) return true;
    if (!sp__grow(t, &r->todo, &r->todo_room, r->n_todo + 1, sizeof *r->todo)) return false;
    r->todo[r->n_todo++] = base;
    r->n_needed++;
    r->early |= t->node[base].early;
    if (base < r->low) r->low = base;
    if (base >= r->high) r->high = base + 1;
    return true;
}

static bool need_all(sp_evaluation *r, int n, const sp_var v[])
{
    sp_tape *t = r->t;

    for (int i = 0; i < n; i++) {
        uint32_t base = t->beside[v[i].id].base;
        if (sp__op(t, base)->kind == SP_LEAF && !sp__unchanged(t, base, v[i].id)) return false;
        if (!mark(r, base)) return false;
    }
    for (int64_t i = 0; i < t->n_pinned; i++)
        if (!mark(r, t->beside[t->pinned[i]].base)) return false;
    while (r->n_todo > 0)
        if (!sp__each_read(r, r->todo[--r->n_todo], mark)) return false;
    return true;
}

bool sp__is_needed(const sp_tape *t, uint32_t id)
{
    const sp_beside *b = &t->beside[id];
    return b->mark == t->stamp && b->base == id && !b->data && sp__op(t, id)->kind != SP_LEAF;
}

/* The nodes to compute, in the order in which they run. */
static bool list_needed(sp_evaluation *r)
{
    int64_t n = 0;

    if (!sp__grow(r->t, &r->todo, &r->todo_room, r->n_needed, sizeof *r->todo)) return false;
    for (uint32_t id = r->low; id < r->high; id++)
        if (sp__is_needed(r->t, id)) r->todo[n++] = id;
    SP_ASSERT(n == r->n_needed);
    return !r->early || sp__order(r);
}

static bool count_use(sp_evaluation *r, uint32_t base)
{
    r->t->beside[base].uses++;
    return true;
}

static void count_uses(sp_evaluation *r)
{
    for (int64_t i = 0; i < r->n_needed; i++) sp__each_read(r, r->todo[i], count_use);
}

static void keep_all(sp_evaluation *r, int n, const sp_var v[])
{
    sp_tape *t = r->t;

    for (int i = 0; i < n; i++) t->beside[t->beside[v[i].id].base].kept = true;
    for (int64_t i = 0; i < t->n_pinned; i++) t->beside[t->beside[t->pinned[i]].base].kept = true;
}

/* ---- the budget ---- */

/* Whether a value may go once its last reader has run. */
static bool droppable(const sp_evaluation *r, uint32_t base)
{
    const sp_beside *b = &r->t->beside[base];
    return r->drop && !b->kept && b->owned;
}

/* The base whose buffer a sum could add into instead of copying it: its first operand's, if that
   is a plain one of the same size and order.  SP_NOTHING: none, or an anomaly in the sum is to be
   told from its operands. */
static uint32_t base_to_add_into(const sp_tape *t, uint32_t id)
{
    const uint32_t *in;

    sp__inputs(t, id, &in);
    if (t->spec.anomaly || sp__op(t, id)->kind != SP_SUM || sp__absorbs(t, id, in[0]))
        return SP_NOTHING;
    const uint32_t base = t->beside[in[0]].base;
    bool alike = t->beside[in[0]].layout == t->beside[id].layout
              && sp__bytes(t, base) == sp__bytes(t, id);
    return alike ? base : SP_NOTHING;
}

/* Of a base to be computed in this run: whether its last reader comes now and it may go. */
static bool goes_in_thought(const sp_evaluation *r, uint32_t base)
{
    const sp_beside *b = &r->t->beside[base];
    return sp__is_needed(r->t, base) && b->left == 1 && r->drop && !b->kept;
}

static bool release_in_thought(sp_evaluation *r, uint32_t base)
{
    if (goes_in_thought(r, base)) r->bytes -= sp__bytes(r->t, base);
    if (sp__is_needed(r->t, base)) r->t->beside[base].left--;
    return true;
}

static void add_in_thought(int64_t *bytes, int64_t more)
{
    if (__builtin_add_overflow(*bytes, more, bytes)) *bytes = INT64_MAX;
}

/* The most bytes that will be alive at once, found by going through the run in thought. */
static bool within_budget(sp_evaluation *r)
{
    sp_tape *t = r->t;
    int64_t peak = 0;

    if (t->spec.max_bytes <= 0) return true;
    r->bytes = t->stats.live_bytes;
    for (int64_t i = 0; i < r->n_needed; i++)
        t->beside[r->todo[i]].left = t->beside[r->todo[i]].uses;
    for (int64_t i = 0; i < r->n_needed; i++) {
        const uint32_t id = r->todo[i], into = base_to_add_into(t, id);
        add_in_thought(&r->bytes, sp__bytes(t, id));
        int64_t most = r->bytes;
        if (into != SP_NOTHING && goes_in_thought(r, into)) most -= sp__bytes(t, into);
        add_in_thought(&most, sp__scratch_bytes(r, id));
        if (most > peak) peak = most;
        sp__each_read(r, id, release_in_thought);
    }
    if (t->failed || peak <= t->spec.max_bytes) return !t->failed;
    sp__fail(t,
             "evaluation: it would need %lld bytes at once and the tape's budget is %lld; raise "
             "max_bytes or evaluate less",
             (long long)peak, (long long)t->spec.max_bytes);
    return false;
}

/* ---- running ---- */

/* The value of a base leaves it: its buffer. */
static void *let_go(sp_tape *t, uint32_t base)
{
    sp_beside *b = &t->beside[base];
    void *data = b->data;

    t->stats.live_bytes -= sp__bytes(t, base);
    b->data = NULL;
    b->owned = false;
    return data;
}

static bool give_back(sp_evaluation *r, uint32_t base)
{
    sp_tape *t = r->t;
    sp_beside *b = &t->beside[base];

    if (b->uses == 0 || --b->uses > 0 || !droppable(r, base)) return true;
    sp__pool_give(&t->pool, let_go(t, base), sp__bytes(t, base));
    return true;
}

/* Where node id is to be computed: a block of the pool, or what its first operand leaves. */
static void *buffer_for(sp_evaluation *r, uint32_t id)
{
    sp_tape *t = r->t;
    const uint32_t into = base_to_add_into(t, id);

    r->in_place = into != SP_NOTHING && t->beside[into].uses == 1 && droppable(r, into);
    return r->in_place ? let_go(t, into) : sp__pool_take(&t->pool, sp__bytes(t, id));
}

/* Compute one node, then let go of what it was the last to read. */
static bool compute(sp_evaluation *r, uint32_t id)
{
    sp_tape *t = r->t;
    sp_beside *b = &t->beside[id];
    int64_t bytes = sp__bytes(t, id);
    const int64_t began = t->spec.trace ? sp_now_ns() : 0;
    void *data = buffer_for(r, id);

    if (!data) {
        snprintf(r->fault, sizeof r->fault, "%s: %s", sp__op(t, id)->name, sp_error());
        return sp__fail_scoped(t, b->scope, r->fault), false;
    }
    b->data = data;
    if (!sp__run_node(r, id) || (t->spec.anomaly && !sp__sound(r, id))) {
        sp__pool_give(&t->pool, data, bytes);
        b->data = NULL;
        return false;
    }
    const int64_t done = t->spec.trace ? sp_now_ns() : 0;
    b->owned = true;
    const bool again = b->computed;
    t->stats.recomputed += again;
    t->stats.computed++;
    t->stats.live_bytes += bytes;
    if (t->stats.live_bytes > t->stats.peak_bytes) t->stats.peak_bytes = t->stats.live_bytes;
    b->computed = true;
    if (!r->drop) b->kept = true;
    sp__each_read(r, id, give_back);
    if (t->spec.trace) sp__note_event(t, (sp_event){ began, done - began, 0, id, again });
    return true;
}

static bool compute_all(sp_evaluation *r)
{
    unsigned was = sp_denormals_flush();
    bool ok = true;

    for (int64_t i = 0; ok && i < r->n_needed; i++) ok = compute(r, r->todo[i]);
    sp_denormals_restore(was);
    return ok;
}

/* A mark that no node has; when they have been used up, all begin anew. */
static void next_stamp(sp_tape *t)
{
    if (++t->stamp > 0) return;
    for (int64_t i = 0; i < t->n_nodes; i++) t->beside[i].mark = 0;
    t->stamp = 1;
}

void sp__evaluation_free(sp_evaluation *r)
{
    if (!r) return;
    sp_release(r->todo);
    sp_release(r->x);
    sp_release(r->packed);
    sp_release(r->shape);
    sp_release(r->dtype);
    sp_release(r->first);
    sp_release(r->sorted);
    sp_release(r);
}

/* The tape's one evaluation, begun anew; its arrays keep their room.  NULL: the tape failed. */
static sp_evaluation *begin(sp_tape *t, bool drop)
{
    if (!t->evaluation) t->evaluation = sp_alloc_zero(sizeof *t->evaluation);
    sp_evaluation *r = t->evaluation;
    if (!r) return sp__fail(t, "%s", sp_error()), NULL;
    r->t = t;
    r->drop = drop;
    r->n_todo = r->n_needed = 0;
    r->low = UINT32_MAX;
    r->high = 0;
    r->early = false;
    next_stamp(t);
    return r;
}

static bool compute_needed(sp_evaluation *r, int n, const sp_var v[])
{
    if (!list_needed(r)) return false;
    keep_all(r, n, v);
    count_uses(r);
    r->t->stats.evaluations++;
    return within_budget(r) && compute_all(r);
}

bool sp__run(sp_tape *t, int n, const sp_var v[], bool drop)
{
    sp_evaluation *r = t && !t->failed ? begin(t, drop) : NULL;

    if (!r || !need_all(r, n, v)) return false;
    if (r->n_needed > 0 && !compute_needed(r, n, v)) return false;
    keep_all(r, n, v);
    t->n_pinned = 0;
    return true;
}
