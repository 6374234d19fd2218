/* SPDX-License-Identifier: MIT
 *
 * steps - what a run of a cell along time has left on a tape, and recordings that are taken
 * back once their numbers have been read.
 */
#include "autograd/show/steps.h"

#include <math.h>
#include <string.h>
#include "autograd/names.h"
#include "autograd/node.h"

/* ---- the run ---- */

static bool is_start(const sp_tape *t, const sp_name *name)
{
    const sp_scope *s = &t->scopes[name->scope];
    return name->state == 0 && s->index < 0 && strcmp(s->name, "start") == 0;
}

/* Whether the scope's path is, or ends in, `path`. */
static bool called(const sp_tape *t, uint32_t scope, const char *path)
{
    return sp__path_fit(t, scope, NULL, path, (int64_t)strlen(path)) != SP_FITS_NOT;
}

/* No run is in this scope (NULL: at all); the first others are told. */
static bool no_run(const sp_tape *t, const char *path)
{
    char runs[640] = "", one[200];
    uint32_t told = 0;
    int n = 0, at = 0;

    if (!path) return sp_fail("trace: no cell was run along time on this tape");
    for (int64_t i = 0; i < t->n_names && n < 3; i++) {
        if (!is_start(t, &t->names[i]) || t->names[i].scope == told) continue;
        told = t->names[i].scope;
        sp_name_path(t, i, one, sizeof one);
        at += snprintf(runs + at, sizeof runs - (size_t)at, "%s\"%s\"", n++ ? ", " : "", one);
    }
    return sp_fail("trace: no cell was run along time in \"%.200s\"%s%s", path,
                   n ? "; runs begin at " : "", runs);
}

/* The name of state 0 at the start of the run; -1: there is none, or there are several. */
static int64_t find_start(const sp_tape *t, const char *path)
{
    int64_t found = -1;

    for (int64_t i = 0; i < t->n_names; i++) {
        if (!is_start(t, &t->names[i])) continue;
        if (path && !called(t, t->scopes[t->names[i].scope].parent, path)) continue;
        if (found >= 0 && t->names[found].scope != t->names[i].scope) {
            char a[200], b[200];
            sp_name_path(t, found, a, sizeof a);
            sp_name_path(t, i, b, sizeof b);
            return sp_fail("trace: several runs fit; say which by .scope: they begin at \"%s\" and "
                           "\"%s\"", a, b), -1;
        }
        found = i;
    }
    if (found < 0) no_run(t, path);
    return found;
}

static bool is_step(const sp_tape *t, uint32_t run, uint32_t scope)
{
    const sp_scope *s = &t->scopes[scope];
    return s->parent == run && s->index >= 0 && strcmp(s->name, "step") == 0;
}

/* The step of the run that a scope lies in; -1: in none. */
static int64_t step_of_scope(const sp_tape *t, uint32_t run, uint32_t scope)
{
    for (; scope; scope = t->scopes[scope].parent)
        if (is_step(t, run, scope)) return t->scopes[scope].index;
    return -1;
}

/* The place that a name has in the run: 0 the start, 1 + t after step t; -1: none.  What a cell
   inside the cell has named in the same step came before, so the last name is meant. */
static int64_t moment_of(const sp_steps *s, int64_t start, int64_t i)
{
    const sp_tape *t = s->tape;
    const sp_name *name = &t->names[i];

    if (name->state < 0 || name->state >= SP_STEPS_STATES) return -1;
    if (name->scope == t->names[start].scope) return 0;
    return is_step(t, s->scope, name->scope) ? 1 + t->scopes[name->scope].index : -1;
}

static void count_steps(sp_steps *s, int64_t start)
{
    const sp_tape *t = s->tape;
    int64_t first = 0;

    s->scope = t->scopes[t->names[start].scope].parent;
    s->first = t->names[start].at;
    for (int64_t i = start; i < t->n_names; i++) {
        const int64_t moment = moment_of(s, start, i);
        const int k = t->names[i].state;
        if (moment < 0) continue;
        if (moment == 0) s->n_states = k + 1;
        if (k < s->n_states) s->role[k] = t->names[i].role;
        if (moment > s->T) s->T = moment;
        if (first == 0) first = moment;
    }
    s->reverse = first > 1;
}

bool sp__steps_find(sp_steps *s, sp_tape *t, const char *path)
{
    *s = (sp_steps){ .tape = t };
    int64_t start = t ? find_start(t, path) : (sp_fail("trace: there is no tape"), -1);

    if (start < 0) return false;
    count_steps(s, start);
    s->at = sp_alloc_zero((s->T + 1) * (int64_t)sizeof *s->at);
    for (int64_t i = start; s->at && i < t->n_names; i++) {
        const int64_t moment = moment_of(s, start, i);
        const sp_name *name = &t->names[i];
        if (moment < 0) continue;
        s->at[moment].state[name->state] = (sp_var){ t, name->node, t->epoch };
        s->at[moment].made[name->state] = (sp_var){ t, name->made, t->epoch };
        if (name->valid != SP_NOTHING) s->valid = (sp_var){ t, name->valid, t->epoch };
    }
    return s->at != NULL;
}

void sp__note_valid(sp_tape *t, sp_var valid)
{
    if (t->n_names > 0) t->names[t->n_names - 1].valid = valid.id;
}

void sp__steps_free(sp_steps *s) { sp_release(s->at); }

int64_t sp__step_of(const sp_steps *s, sp_var v)
{
    return v.id < s->first ? -1 : step_of_scope(s->tape, s->scope, s->tape->beside[v.id].scope);
}

/* ---- gates ---- */

static const char *name_of(const sp_tape *t, uint32_t id)
{
    for (int64_t i = 0; i < t->n_names; i++)
        if (t->names[i].state < 0 && t->beside[t->names[i].node].base == id)
            return t->names[i].role;
    return sp__op(t, id)->name;
}

bool sp__next_gate(const sp_steps *s, sp_var *v, double bound[2], const char **name)
{
    sp_tape *t = s->tape;

    for (uint32_t id = v->tape ? v->id + 1 : 0; id < t->n_nodes; id++) {
        const sp_op *op = sp__op(t, id);
        if (!(op->lo < op->hi) || !isfinite(op->lo) || !isfinite(op->hi)) continue;
        if (t->beside[id].origin || sp__gradient_of(t, id) != SP_NOTHING) continue;
        *v = (sp_var){ t, id, t->epoch };
        if (sp__step_of(s, *v) < 0) continue;
        bound[0] = op->lo, bound[1] = op->hi;
        *name = sp__step_of(s, *v) == (s->reverse ? s->T - 1 : 0) ? name_of(t, id) : op->name;
        return true;
    }
    return false;
}

/* ---- probing ---- */

sp_probe sp__probe_begin(sp_tape *t, bool hooks)
{
    t->probing = true;
    t->hookless = !hooks;
    t->n_parts = 0;
    return sp__probe_here(t);
}

sp_probe sp__probe_here(sp_tape *t)
{
    return (sp_probe){ t->n_nodes, t->n_operands, t->n_scalars, t->n_leaves, t->n_names,
                       t->n_stretches, t->n_regions, t->n_events };
}

/* What refers to nodes that are no more: events, hooks that a hook attached, what it pinned. */
static void forget_references(sp_tape *t, const sp_probe *p)
{
    const int64_t events = t->n_events, pinned = t->n_pinned;

    t->n_events = p->events, t->n_pinned = 0;
    for (int64_t i = p->events; i < events; i++)
        if (t->events[i].node < t->n_nodes) t->events[t->n_events++] = t->events[i];
    for (int64_t i = 0; i < pinned; i++)
        if (t->pinned[i] < t->n_nodes) t->pinned[t->n_pinned++] = t->pinned[i];
    while (t->n_hooks > 0 && t->hooks[t->n_hooks - 1].id >= t->n_nodes) t->n_hooks--;
}

/* A parameter's leaf among what is taken back would stay in the table of leaves: then all stays. */
void sp__probe_rewind(sp_tape *t, const sp_probe *p)
{
    for (int64_t i = p->leaves; i < t->n_leaves; i++)
        if (t->leaves[i].param) return;
    for (int64_t id = p->nodes; id < t->n_nodes; id++) sp__forget_value(t, (uint32_t)id);
    t->n_nodes = p->nodes;
    t->n_operands = p->operands;
    t->n_scalars = p->scalars;
    t->n_leaves = p->leaves;
    t->n_names = p->names;
    t->n_stretches = p->stretches;
    t->n_regions = p->regions;
    forget_references(t, p);
    sp__sweep_at(t, 0);
}

void sp__probe_end(sp_tape *t, const sp_probe *p)
{
    sp__probe_rewind(t, p);
    t->probing = t->hookless = false;
}

void sp__note_part(sp_tape *t, sp_part part)
{
    const sp_op *op = sp__op(t, part.leaf);

    if (op->kind != SP_LEAF || !t->leaves[t->node[part.leaf].slot].param) return;
    if (sp__grow(t, &t->parts, &t->part_room, t->n_parts + 1, sizeof part))
        t->parts[t->n_parts++] = part;
}

bool sp__nth_part(sp_tape *t, int64_t i, sp_var *leaf, sp_var *from, sp_var *g)
{
    if (i >= t->n_parts) return false;
    const sp_part part = t->parts[i];
    *leaf = (sp_var){ t, part.leaf, t->epoch };
    *from = (sp_var){ t, part.from, t->epoch };
    *g = (sp_var){ t, part.g, t->epoch };
    return true;
}

sp_var sp__nth_param(sp_tape *t, int64_t i, const char **name)
{
    for (int64_t k = 0; k < t->n_leaves; k++) {
        const sp_param *p = t->leaves[k].param;
        if (!p || !sp_is_floating(p->value.dtype) || i-- > 0) continue;
        *name = p->name;
        return (sp_var){ t, t->leaves[k].node, t->epoch };
    }
    return sp__nothing(t);
}
