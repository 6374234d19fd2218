/* SPDX-License-Identifier: MIT
 *
 * text - a recording for people, and as a table.
 */
#include "autograd/show/parts.h"

/* ---- text ---- */

static void put_operands(sp_page *p, uint32_t id, const char *between)
{
    const uint32_t *in;
    const int n = sp__inputs(p->t, id, &in);

    for (int i = 0; i < n; i++) sp__say(p->to, "%s%u", i ? between : "", in[i]);
}

static void put_line(sp_page *p, uint32_t id)
{
    const sp_tape *t = p->t;
    const char *scope = sp__page_scope(p, id), *name = sp__page_name(p, id),
               *of = sp__page_gradient_of(p, id);
    char shape[SP_SHAPE_TEXT], text[SP_RANGE_TEXT];
    sp_range range = sp__page_range(p, id);

    sp__say(p->to, "%6u  %-14s %s %s", id, sp__op(t, id)->name,
            sp_dtype_name((sp_dtype)t->node[id].dtype), sp_shape_text(sp__shape(t, id), shape));
    if (t->node[id].n_in) sp__put(p->to, "  <- ", 5), put_operands(p, id, " ");
    if (*scope) sp__put(p->to, "  in ", 5), sp__put_line(p->to, scope);
    if (*name) sp__put(p->to, "  is ", 5), sp__put_line(p->to, name);
    if (of) sp__say(p->to, "  for the gradient of %s", of);
    if (range.n) sp__say(p->to, "  %s", sp__range_text(range, text));
    sp__put(p->to, "\n", 1);
}

void sp__show_text(sp_page *p)
{
    for (uint32_t id = 0; id < p->t->n_nodes; id++) put_line(p, id);
}

/* ---- CSV ---- */

static const char *state_of(const sp_tape *t, uint32_t id)
{
    const sp_beside *b = &t->beside[t->beside[id].base];

    if (sp__op(t, id)->kind == SP_LEAF) return "leaf";
    if (sp__op(t, id)->kind == SP_VIEW) return "view";
    return b->data ? "there" : b->computed && !b->origin ? "dropped" : "not computed";
}

static void put_row(sp_page *p, uint32_t id)
{
    const sp_tape *t = p->t;
    const char *of = sp__page_gradient_of(p, id);
    sp_range r = sp__page_range(p, id);
    char shape[SP_SHAPE_TEXT];

    sp__say(p->to, "%u,", id);
    sp__put_field(p->to, sp__op(t, id)->name);
    sp__say(p->to, ",%s,", sp_dtype_name((sp_dtype)t->node[id].dtype));
    sp__put_field(p->to, sp_shape_text(sp__shape(t, id), shape));
    sp__put(p->to, ",", 1), put_operands(p, id, " ");
    sp__put(p->to, ",", 1), sp__put_field(p->to, sp__page_scope(p, id));
    sp__put(p->to, ",", 1), sp__put_field(p->to, sp__page_name(p, id));
    sp__put(p->to, ",", 1), sp__put_field(p->to, of ? of : "");
    sp__say(p->to, ",%lld,%s,", (long long)sp__bytes(t, id), state_of(t, id));
    if (r.lo <= r.hi) sp__say(p->to, "%.9g,%.9g,", r.lo, r.hi);
    else sp__put(p->to, ",,", 2);
    if (r.n) sp__say(p->to, "%lld,%lld\n", (long long)r.n_nan, (long long)r.n_inf);
    else sp__put(p->to, ",\n", 2);
}

void sp__show_csv(sp_page *p)
{
    sp__say(p->to, "id,op,dtype,shape,operands,scope,name,gradient of,bytes,value,least,most,"
                   "nan,inf\n");
    for (uint32_t id = 0; id < p->t->n_nodes; id++) put_row(p, id);
}
