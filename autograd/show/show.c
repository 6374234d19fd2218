/* SPDX-License-Identifier: MIT
 *
 * show - a recording as text, table, picture or timeline: what the forms share.
 */
#include "autograd/show.h"
#include "autograd/show/parts.h"
#include "tensor/io.h"

static void (*const forms[SP_N_SHOWS])(sp_page *) = {
    [SP_SHOW_TEXT] = sp__show_text, [SP_SHOW_CSV] = sp__show_csv,
    [SP_SHOW_DOT] = sp__show_dot, [SP_SHOW_TRACE] = sp__show_trace
};

const char *sp__page_scope(sp_page *p, uint32_t id)
{
    p->path.n = 0;
    sp__put_path(&p->path, p->t, p->t->beside[id].scope, NULL);
    return sp__text_room(&p->path, 0) ? p->path.at : "";
}

const char *sp__page_name(const sp_page *p, uint32_t id)
{
    const sp_tape *t = p->t;

    if (p->name[id]) return t->names[p->name[id] - 1].role;
    if (sp__op(t, id)->kind != SP_LEAF) return "";
    const sp_param *param = t->leaves[t->node[id].slot].param;
    return param ? param->name : "";
}

sp_range sp__page_range(const sp_page *p, uint32_t id)
{
    sp_operand o;

    sp__operand(p->t, id, &o);
    return sp__range_of(&o);
}

const char *sp__page_gradient_of(const sp_page *p, uint32_t id)
{
    uint32_t of = sp__gradient_of(p->t, id);
    return of == SP_NOTHING ? NULL : sp__op(p->t, of)->name;
}

static char *shown(const char *who, const sp_tape *t, sp_show form, int64_t *n)
{
    sp_text text = { 0 };

    if (!t) return sp_fail("%s: there is no tape", who), NULL;
    if ((unsigned)form >= SP_N_SHOWS)
        return sp_fail("%s: there is no form %d", who, (int)form), NULL;
    if (form == SP_SHOW_TRACE && !t->spec.trace)
        return sp_fail("%s: nothing was timed; make the tape with .trace", who), NULL;
    uint32_t *name = sp_alloc_zero((t->n_nodes + 1) * (int64_t)sizeof *name);
    if (!name) return NULL;
    for (int64_t i = 0; i < t->n_names; i++) name[t->names[i].node] = (uint32_t)i + 1;
    sp_page p = { t, &text, name, { 0 } };
    forms[form](&p);
    text.failed |= p.path.failed;
    sp_release(p.path.at);
    sp_release(name);
    return sp__text_done(&text, n);
}

char *sp_tape_show(const sp_tape *t, sp_show form) { return shown("sp_tape_show", t, form, NULL); }

bool sp_tape_write(const sp_tape *t, sp_show form, const char *path)
{
    sp_piece piece = { 0 };
    char *text = shown("sp_tape_write", t, form, &piece.size);

    if (!text) return false;
    piece.bytes = text;
    bool ok = path ? sp_file_replace(path, 1, &piece) : sp_fail("sp_tape_write: there is no path");
    sp_release(text);
    return ok;
}
