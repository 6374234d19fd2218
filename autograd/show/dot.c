/* SPDX-License-Identifier: MIT
 *
 * dot - a recording as a graph for Graphviz, with a cluster for each scope.
 */
#include "autograd/show/parts.h"

/* The tree of scopes with their nodes, as lists: numbers from 1, 0 ends.  A scope has a larger
   number than its parent, so no list needs sorting. */
typedef struct tree {
    uint32_t *child, *next;          /* of a scope: its first child, its next sibling */
    uint32_t *node, *after;          /* of a scope: its first node; of a node: the next */
    uint8_t  *used;                  /* the scope or one inside it has nodes */
} tree;

/* A parameter stands outside: all steps read it, not only the first. */
static uint32_t box_of(const sp_tape *t, uint32_t id)
{
    bool leaf = sp__op(t, id)->kind == SP_LEAF;
    return leaf && t->leaves[t->node[id].slot].param ? 0 : t->beside[id].scope;
}

static void hang(const sp_tape *t, tree *h)
{
    for (int64_t id = t->n_nodes; id-- > 0;) {
        uint32_t scope = box_of(t, (uint32_t)id);
        h->after[id] = h->node[scope];
        h->node[scope] = (uint32_t)id + 1;
        h->used[scope] = 1;
    }
    for (uint32_t s = (uint32_t)t->n_scopes; s-- > 1;) {
        if (!h->used[s]) continue;
        uint32_t parent = t->scopes[s].parent;
        h->used[parent] = 1;
        h->next[s] = h->child[parent];
        h->child[parent] = s;
    }
}

static void put_node(sp_page *p, uint32_t id)
{
    const sp_tape *t = p->t;
    const sp_op *op = sp__op(t, id);
    const char *name = sp__page_name(p, id);
    char shape[SP_SHAPE_TEXT];
    sp_text label = { 0 };

    sp__say(&label, "%s%s%s\n%s", name, *name ? " = " : "", op->name,
            sp_shape_text(sp__shape(t, id), shape));
    sp__say(p->to, "n%u [label=", id);
    sp__put_dot(p->to, label.at ? label.at : "");
    if (op->kind == SP_LEAF) sp__say(p->to, ", shape=box");
    if (op->kind == SP_VIEW) sp__say(p->to, ", style=dashed");
    if (sp__page_gradient_of(p, id)) sp__say(p->to, ", color=gray50, fontcolor=gray50");
    sp__say(p->to, "];\n");
    p->to->failed |= label.failed;
    sp_release(label.at);
}

static void put_nodes(sp_page *p, const tree *h, uint32_t scope)
{
    for (uint32_t at = h->node[scope]; at; at = h->after[at - 1]) put_node(p, at - 1);
}

static void open_cluster(sp_page *p, const tree *h, uint32_t scope)
{
    const sp_scope *s = &p->t->scopes[scope];

    p->path.n = 0;
    sp__say(&p->path, "%s", s->name);
    if (s->index >= 0) sp__say(&p->path, " %lld", (long long)s->index);
    sp__say(p->to, "subgraph cluster_%u {\nlabel=", scope);
    sp__put_dot(p->to, p->path.at ? p->path.at : "");
    sp__say(p->to, ";\n");
    put_nodes(p, h, scope);
}

static void put_clusters(sp_page *p, const tree *h)
{
    uint32_t at = h->child[0];

    put_nodes(p, h, 0);
    while (at) {
        open_cluster(p, h, at);
        if (h->child[at]) {
            at = h->child[at];
            continue;
        }
        for (; at; at = p->t->scopes[at].parent) {
            sp__say(p->to, "}\n");
            if (h->next[at]) break;
        }
        at = at ? h->next[at] : 0;
    }
}

static void put_edges(sp_page *p)
{
    for (uint32_t id = 0; id < p->t->n_nodes; id++) {
        const uint32_t *in;
        const int n = sp__inputs(p->t, id, &in);
        for (int i = 0; i < n; i++) sp__say(p->to, "n%u -> n%u;\n", in[i], id);
    }
}

void sp__show_dot(sp_page *p)
{
    const int64_t scopes = p->t->n_scopes, nodes = p->t->n_nodes;
    uint32_t *room = sp_alloc_zero((3 * scopes + nodes) * (int64_t)sizeof *room);
    uint8_t *used = sp_alloc_zero(scopes);

    if (room && used) {
        tree h = { room, room + scopes, room + 2 * scopes, room + 3 * scopes, used };
        hang(p->t, &h);
        sp__say(p->to, "digraph tape {\nrankdir=LR;\nnode [shape=ellipse, fontsize=10];\n");
        put_clusters(p, &h);
        put_edges(p);
        sp__say(p->to, "}\n");
    } else {
        p->to->failed = true;
    }
    sp_release(used);
    sp_release(room);
}
