/* SPDX-License-Identifier: MIT
 *
 * params_file.c - a collection as a weights file and as a part of a checkpoint.
 */
#include "autograd/params.h"

#include <stdio.h>
#include <string.h>
#include "tensor/safetensors.h"

/* What does not fit, by kind.  Each kind has its own room, so that none hides another. */
enum { MISSING, UNEXPECTED, MISSHAPEN, KINDS, LIST_ROOM = 840, LIST_TEXT = LIST_ROOM + 100 };
typedef struct mismatch {
    int64_t n, unnamed;                  /* found; of these, not in the text */
    int     room, length;
    char    text[LIST_TEXT];
} mismatch;

static void note(mismatch *m, const char *what)
{
    m->n++;
    if (m->length >= m->room) m->unnamed++;
    else m->length += snprintf(m->text + m->length, sizeof m->text - (size_t)m->length, "%s%s",
                               m->n > 1 ? ", " : "", what);
    if (m->length >= LIST_TEXT) m->length = LIST_TEXT - 1;
}

/* "missing: a, b and 3 more; misshapen: c (f32 [2,3] for [3,2])" */
static bool refuse(const mismatch m[KINDS])
{
    static const char *const kind[KINDS] = { "missing", "unexpected", "misshapen" };
    char text[KINDS * (LIST_TEXT + 80)] = "", more[40];
    int  n = 0;

    for (int k = 0; k < KINDS; k++) {
        if (!m[k].n) continue;
        snprintf(more, sizeof more, " and %lld more", (long long)m[k].unnamed);
        n += snprintf(text + n, sizeof text - (size_t)n, "%s%s: %s%s", n ? "; " : "", kind[k],
                      m[k].text, m[k].unnamed ? more : "");
    }
    return sp_fail("the parameters do not fit: %s", text);
}

static void look_at(const sp_param *x, const sp_store *store, mismatch m[KINDS])
{
    char name[SP_NAME_TEXT], has[SP_SHAPE_TEXT], wants[SP_SHAPE_TEXT];
    char text[SP_NAME_TEXT + 2 * SP_SHAPE_TEXT + 40];

    sp__name_shown(x->name, name);
    if (!sp_store_has(store, x->name)) {
        note(&m[MISSING], name);
        return;
    }
    const sp_tensor *y = sp_store_tensor(store, x->name);
    if (sp_is_floating(y->dtype) && sp_shape_equal(y->shape, x->value.shape)) return;
    snprintf(text, sizeof text, "%s (%s %s for %s)", name, sp_dtype_name(y->dtype),
             sp_shape_text(y->shape, has), sp_shape_text(x->value.shape, wants));
    note(&m[MISSHAPEN], text);
}

static void look_for_others(const sp_params *p, const sp_store *store, mismatch *m)
{
    char shown[SP_NAME_TEXT];

    for (int64_t i = 0; sp_store_name(store, i); i++)
        if (!sp_params_find(p, sp_store_name(store, i)))
            note(m, sp__name_shown(sp_store_name(store, i), shown));
}

static void survey(const sp_params *p, const sp_store *store, bool alone, mismatch m[KINDS])
{
    for (int64_t i = 0; i < sp_params_count(p); i++) look_at(sp_params_at(p, i), store, m);
    if (alone) look_for_others(p, store, &m[UNEXPECTED]);
}

/* A collection that failed is not whole: neither its file nor a file for it means anything. */
static bool whole(const sp_params *p)
{
    const char *error = sp_params_error(p);
    return !error || sp_fail("the parameters failed: %s", error);
}

/* alone: the store should hold nothing else.  Counted first, so that the kinds that
   occur share the room of the sentence. */
static bool fits(const sp_params *p, const sp_store *store, bool alone)
{
    mismatch m[KINDS] = { 0 };
    int kinds = 0;

    if (!whole(p)) return false;
    survey(p, store, alone, m);
    for (int k = 0; k < KINDS; k++) kinds += m[k].n > 0;
    if (kinds == 0) return true;
    for (int k = 0; k < KINDS; k++) m[k] = (mismatch){ .room = LIST_ROOM / kinds };
    survey(p, store, alone, m);
    return refuse(m);
}

/* ---- a part of a checkpoint ---- */

static bool put(const void *it, sp_store *store)
{
    const sp_params *p = it;
    bool ok = whole(p);

    for (int64_t i = 0; ok && i < sp_params_count(p); i++) {
        const sp_param *x = sp_params_at(p, i);
        ok = sp_store_put_tensor(store, x->name, &x->value);
    }
    return ok;
}

static bool check(const void *it, const sp_store *store)
{
    return fits(it, store, false);
}

static void take(void *it, const sp_store *store)
{
    sp_params *p = it;

    for (int64_t i = 0; i < sp_params_count(p); i++) {
        sp_param *x = sp_params_at(p, i);
        const sp_tensor *y = sp_store_tensor(store, x->name);
        int64_t n = sp_tensor_size(y);
        if (y->dtype == x->value.dtype) memcpy(x->value.data, y->data, (size_t)sp_tensor_bytes(y));
        else for (int64_t k = 0; k < n; k++) sp_tensor_set(&x->value, k, sp_tensor_at(y, k));
        sp_param_changed(x);
    }
}

sp_saved sp_params_saved(sp_params *p)
{
    return (sp_saved){ p, put, check, take };
}

/* ---- a file of its own ---- */

bool sp_params_save(const sp_params *p, const char *path)
{
    sp_store *store = sp_store_new();
    bool ok = store && put(p, store) && sp_store_save(store, path);

    sp_store_free(store);
    return ok;
}

bool sp_params_load(sp_params *p, const char *path)
{
    sp_store *store = sp_store_load(path);
    if (!store) return false;

    bool ok = fits(p, store, true);
    if (ok) take(p, store);
    else sp__fail_in(path);
    sp_store_free(store);
    return ok;
}
