/* SPDX-License-Identifier: MIT
 *
 * ctc_beam - the most probable labellings, prefix by prefix.
 *
 * Prefixes are nodes of a tree.  Of each in the beam two sums over paths are kept apart, since a
 * label that comes again makes a longer prefix only after a blank: of paths that end
 * in the blank, and of paths that end in the last label.  In a step a prefix stays (by a
 * blank, or its last label again), takes over what its parent in the beam gives it, or grows; the
 * best of all these are the next beam.
 */
#include <math.h>
#include "autograd/ops/ctc_decode.h"
#include "tensor/alloc.h"

enum { NONE = -1 };

typedef struct node { int64_t parent, label, child, sibling, slot, depth; } node;

/* A prefix in the beam, or one that may come in: beam[from] with a label behind it, or as it is. */
typedef struct prefix {
    int64_t from, label, order;
    double  blank, labelled, all;    /* log of the sums, and of both together */
} prefix;

typedef struct search {
    sp_decoding d;
    int64_t width, top;
    node   *nodes;
    int64_t n_nodes, room;
    prefix *beam, *heap;             /* beam: `from` is a node; heap: the worst first */
    int64_t n, n_heap, offered;
    bool   *taken;                   /* [C]: the class leads to another in the beam */
} search;

static double log_add(double a, double b)
{
    double top = fmax(a, b);
    return top == -(double)INFINITY ? top : top + log1p(exp(fmin(a, b) - top));
}

/* ---- the heap ---- */

static bool worse(const prefix *a, const prefix *b)
{
    return a->all < b->all || (a->all == b->all && a->order > b->order);
}

static void sink(prefix *heap, int64_t n, prefix p)
{
    int64_t at = 0;

    for (int64_t k = 1; k < n; k = 2 * at + 1) {
        if (k + 1 < n && worse(&heap[k + 1], &heap[k])) k++;
        if (!worse(&heap[k], &p)) break;
        heap[at] = heap[k];
        at = k;
    }
    heap[at] = p;
}

static void rise(prefix *heap, int64_t at, prefix p)
{
    for (; at > 0 && worse(&p, &heap[(at - 1) / 2]); at = (at - 1) / 2)
        heap[at] = heap[(at - 1) / 2];
    heap[at] = p;
}

static void offer(search *s, prefix p)
{
    p.all = log_add(p.blank, p.labelled);
    p.order = s->offered++;
    if (p.all == -(double)INFINITY) return;
    if (s->n_heap < s->width) rise(s->heap, s->n_heap++, p);
    else if (worse(&s->heap[0], &p)) sink(s->heap, s->n_heap, p);
}

/* The heap in order, the best first. */
static void sort(search *s)
{
    for (int64_t n = s->n_heap; n > 1; n--) {
        prefix p = s->heap[n - 1];
        s->heap[n - 1] = s->heap[0];
        sink(s->heap, n - 1, p);
    }
}

/* ---- the tree ---- */

static bool grow(search *s)
{
    if (s->n_nodes < s->room) return true;
    int64_t room = 2 * s->room + 64;
    node *nodes = sp_realloc_array(s->nodes, s->n_nodes * (int64_t)sizeof *nodes, room,
                                   sizeof *nodes);
    if (!nodes) return false;
    s->nodes = nodes;
    s->room = room;
    return true;
}

/* The prefix with a label behind it.  One that was dropped is found again, so that what grew out
   of it is still known as its own.  NONE: no memory. */
static int64_t child_of(search *s, int64_t parent, int64_t label)
{
    for (int64_t k = s->nodes[parent].child; k != NONE; k = s->nodes[k].sibling)
        if (s->nodes[k].label == label) return k;
    if (!grow(s)) return NONE;
    node *p = &s->nodes[parent];
    s->nodes[s->n_nodes] = (node){ parent, label, NONE, p->child, NONE, p->depth + 1 };
    return p->child = s->n_nodes++;
}

/* ---- a step ---- */

static void stay(search *s, int64_t i)
{
    const prefix *p = &s->beam[i];
    const node *at = &s->nodes[p->from];
    prefix y = { i, NONE, 0, p->all + s->d.row[s->d.blank], -(double)INFINITY, 0 };

    if (at->parent != NONE) {
        int64_t slot = s->nodes[at->parent].slot;
        double by_label = s->d.row[at->label];
        y.labelled = p->labelled + by_label;
        if (slot != NONE) {
            bool again = s->nodes[at->parent].label == at->label;
            double from = again ? s->beam[slot].blank : s->beam[slot].all;
            y.labelled = log_add(y.labelled, from + by_label);
        }
    }
    offer(s, y);
}

static void take(search *s, int64_t node_at, bool taken)
{
    for (int64_t k = s->nodes[node_at].child; k != NONE; k = s->nodes[k].sibling)
        if (s->nodes[k].slot != NONE) s->taken[s->nodes[k].label] = taken;
}

static void lengthen(search *s, int64_t i)
{
    const prefix *p = &s->beam[i];
    int64_t last = s->nodes[p->from].label;

    take(s, p->from, true);
    for (int64_t c = 0; c < s->d.C; c++) {
        if (c == s->d.blank || s->taken[c]) continue;
        double labelled = (c == last ? p->blank : p->all) + s->d.row[c];
        offer(s, (prefix){ i, c, 0, -(double)INFINITY, labelled, 0 });
    }
    take(s, p->from, false);
}

/* The heap becomes the beam. */
static bool move_on(search *s)
{
    sort(s);
    for (int64_t k = 0; k < s->n_heap; k++) {
        prefix *p = &s->heap[k];
        int64_t from = s->beam[p->from].from;
        p->from = p->label == NONE ? from : child_of(s, from, p->label);
        if (p->from == NONE) return false;
    }
    for (int64_t i = 0; i < s->n; i++) s->nodes[s->beam[i].from].slot = NONE;
    prefix *old = s->beam;
    s->beam = s->heap;
    s->heap = old;
    s->n = s->n_heap;
    for (int64_t i = 0; i < s->n; i++) s->nodes[s->beam[i].from].slot = i;
    return true;
}

static bool step(search *s)
{
    s->n_heap = s->offered = 0;
    for (int64_t i = 0; i < s->n; i++) stay(s, i);
    for (int64_t i = 0; i < s->n; i++) lengthen(s, i);
    return move_on(s);
}

/* ---- a sequence ---- */

static void write_down(search *s, int64_t b)
{
    sp_ctc_decoded *r = s->d.result;

    for (int64_t k = 0; k < s->n && k < s->top; k++) {
        int64_t *label = (int64_t *)r->labels->data + (b * s->top + k) * s->d.T;
        const node *at = &s->nodes[s->beam[k].from];
        ((int64_t *)r->lengths->data)[b * s->top + k] = at->depth;
        ((double *)r->scores->data)[b * s->top + k] = s->beam[k].all;
        for (; at->parent != NONE; at = &s->nodes[at->parent]) label[at->depth - 1] = at->label;
    }
}

static bool decode(search *s, int64_t b)
{
    int64_t steps = sp__decoding_steps(&s->d, b);

    if (steps < 0) return false;
    s->n_nodes = 0;
    if (!grow(s)) return false;
    s->nodes[s->n_nodes++] = (node){ NONE, NONE, NONE, NONE, 0, 0 };
    s->beam[0] = (prefix){ 0, NONE, 0, 0, -(double)INFINITY, 0 };
    s->n = 1;
    for (int64_t t = 0; t < steps; t++)
        if (!sp__decoding_read(&s->d, t, b) || !step(s)) return false;
    write_down(s, b);
    return true;
}

static bool begin(search *s)
{
    if (s->width < 1) return sp_fail("ctc_beam: a width of %lld", (long long)s->width);
    if (s->top < 1 || s->top > s->width)
        return sp_fail("ctc_beam: the best %lld of a beam of %lld", (long long)s->top,
                       (long long)s->width);
    if (!sp__decoding_begin(&s->d, s->top)) return false;
    s->beam = sp_alloc_array(s->width, sizeof *s->beam);
    s->heap = sp_alloc_array(s->width, sizeof *s->heap);
    s->taken = sp_alloc_zero(s->d.C);
    return s->beam && s->heap && s->taken;
}

sp_ctc_decoded *sp_ctc_beam(const sp_tensor *log_probs, const sp_tensor *lengths,
                            sp_ctc_beam_spec spec)
{
    search s = { .d = { .who = "ctc_beam", .log_probs = log_probs, .lengths = lengths,
                        .blank = spec.blank },
                 .width = spec.width ? spec.width : 100, .top = spec.top ? spec.top : 1 };
    bool ok = begin(&s);

    for (int64_t b = 0; ok && b < s.d.B; b++) ok = decode(&s, b);
    sp_release(s.nodes);
    sp_release(s.beam);
    sp_release(s.heap);
    sp_release(s.taken);
    return sp__decoding_end(&s.d, ok);
}
