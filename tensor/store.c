/* SPDX-License-Identifier: MIT
 *
 * store.c - named tensors, numbers and texts.  The file format is in
 * safetensors.c, safetensors_dtypes.c and safetensors_write.c.
 */
#include <stdio.h>
#include <string.h>

#include "tensor/alloc.h"
#include "tensor/io.h"
#include "tensor/json.h"
#include "tensor/safetensors.h"

bool sp__fail_in(const char *where)
{
    return sp_fail("%s: %s", where, sp_error());
}

char *sp__name_shown(const char *name, char text[SP_NAME_TEXT])
{
    int64_t most = SP_NAME_TEXT - 6, n = 0;

    while (n < most && name[n]) n++;
    bool cut = name[n] != 0;
    while (cut && n > 0 && (name[n] & 0xC0) == 0x80) n--;      /* not inside a character */
    snprintf(text, SP_NAME_TEXT, "\"%.*s%s\"", (int)n, name, cut ? "..." : "");
    for (char *c = text; *c; c++)
        if ((unsigned char)*c < 0x20 || *c == 0x7F) *c = '?';
    return text;
}

bool sp__name_check(const char *name)
{
    if (!name)    return sp_fail("a name is NULL");
    if (!*name)   return sp_fail("a name is empty");
    if (!sp__utf8(name, (int64_t)strlen(name))) return sp_fail("a name is not UTF-8");
    if (strcmp(name, "__metadata__") == 0)
        return sp_fail("\"__metadata__\" is not a name: the file needs it for itself");
    return true;
}

int64_t sp__names_find(const sp_names *names, const char *name)
{
    int64_t lo = 0, hi = names->n;

    while (lo < hi) {
        int64_t mid = lo + (hi - lo) / 2;
        int order = strcmp(names->row[mid].name, name);
        if (order == 0) return mid;
        if (order < 0) lo = mid + 1;
        else           hi = mid;
    }
    return -1 - lo;
}

bool sp__names_insert(sp_names *names, int64_t at, sp_named row)
{
    int64_t size = sizeof row;

    if (names->n == names->room) {
        int64_t room = 2 * names->room + 8;
        void *rows = sp_realloc_array(names->row, names->n * size, room, size);
        if (!rows) return false;
        names->row = rows;
        names->room = room;
    }
    memmove(names->row + at + 1, names->row + at, (size_t)((names->n - at) * size));
    names->row[at] = row;
    names->n++;
    return true;
}

static void free_row(sp_named *row)
{
    sp_release(row->name);
    sp_release(row->text);
    sp_tensor_free(row->tensor);
}

static void free_names(sp_names *names)
{
    for (int64_t i = 0; i < names->n; i++) free_row(&names->row[i]);
    sp_release(names->row);
}

/* Put a row whose tensor or text is ours and whose name is not yet copied.  The
   row is used up, also by a failure. */
static bool put(sp_names *names, const char *name, sp_named row)
{
    int64_t at = sp__names_find(names, name);

    row.name = row.tensor || row.text ? sp_strdup(name) : NULL;
    if (row.name && at >= 0) {
        free_row(&names->row[at]);
        names->row[at] = row;
        return true;
    }
    if (row.name && sp__names_insert(names, -1 - at, row)) return true;
    free_row(&row);
    return false;
}

sp_store *sp_store_new(void)
{
    sp_store *store = sp_alloc_zero(sizeof *store);

    if (store && !sp_store_put_text(store, "format", "pt")) {
        sp_store_free(store);
        return NULL;
    }
    return store;
}

void sp_store_free(sp_store *store)
{
    if (!store) return;
    free_names(&store->tensors);
    free_names(&store->texts);
    sp_release(store);
}

static bool may_put(const sp_store *store, const char *name)
{
    if (!store) return sp_fail("the store is NULL");
    return sp__name_check(name);
}

bool sp_store_put_tensor(sp_store *store, const char *name, const sp_tensor *x)
{
    char shown[SP_NAME_TEXT];

    if (!may_put(store, name)) return false;
    if (!x) return sp_fail("%s: the tensor is NULL", sp__name_shown(name, shown));
    return put(&store->tensors, name, (sp_named){ .tensor = sp_tensor_copy(x) });
}

static bool put_scalar(sp_store *store, const char *name, sp_dtype dtype, const void *value)
{
    if (!may_put(store, name)) return false;
    sp_named row = { .tensor = sp_tensor_from(dtype, SP_SCALAR, value) };
    return put(&store->tensors, name, row);
}

bool sp_store_put_number(sp_store *store, const char *name, double value)
{
    return put_scalar(store, name, SP_F64, &value);
}

bool sp_store_put_integer(sp_store *store, const char *name, int64_t value)
{
    return put_scalar(store, name, SP_I64, &value);
}

bool sp_store_put_text(sp_store *store, const char *name, const char *text)
{
    char shown[SP_NAME_TEXT];

    if (!may_put(store, name)) return false;
    sp__name_shown(name, shown);
    if (!text) return sp_fail("%s: the text is NULL", shown);
    if (!sp__utf8(text, (int64_t)strlen(text))) return sp_fail("%s: the text is not UTF-8", shown);
    if (strcmp(name, "spool.crc64") == 0 || strcmp(name, "spool.version") == 0)
        return sp_fail("%s is not a name for a text: the file needs it for itself", shown);
    return put(&store->texts, name, (sp_named){ .text = sp_strdup(text) });
}

/* The row under a name, or NULL with a sentence. */
static const sp_named *look_up(const sp_store *store, const char *name, bool text)
{
    char shown[SP_NAME_TEXT];

    if (!store || !name) return sp_fail("the store or the name is NULL"), NULL;
    const sp_names *names = text ? &store->texts : &store->tensors;
    const sp_names *others = text ? &store->tensors : &store->texts;
    int64_t at = sp__names_find(names, name);
    if (at >= 0) return &names->row[at];
    sp__name_shown(name, shown);
    if (sp__names_find(others, name) < 0) sp_fail("the store has nothing under %s", shown);
    else sp_fail("%s is a %s, not a %s", shown, text ? "tensor" : "text", text ? "text" : "tensor");
    return NULL;
}

const sp_tensor *sp_store_tensor(const sp_store *store, const char *name)
{
    const sp_named *row = look_up(store, name, false);
    return row ? row->tensor : NULL;
}

const char *sp_store_text(const sp_store *store, const char *name)
{
    const sp_named *row = look_up(store, name, true);
    return row ? row->text : NULL;
}

static bool scalar(const sp_store *store, const char *name, sp_dtype dtype, void *value)
{
    char shown[SP_NAME_TEXT], shape[SP_SHAPE_TEXT];
    const sp_tensor *x = sp_store_tensor(store, name);

    if (!x) return false;
    if (x->dtype != dtype || x->shape.rank != 0)
        return sp_fail("%s is %s %s, not %s []", sp__name_shown(name, shown),
                       sp_dtype_name(x->dtype), sp_shape_text(x->shape, shape),
                       sp_dtype_name(dtype));
    memcpy(value, x->data, 8);
    return true;
}

bool sp_store_number(const sp_store *store, const char *name, double *value)
{
    return scalar(store, name, SP_F64, value);
}

bool sp_store_integer(const sp_store *store, const char *name, int64_t *value)
{
    return scalar(store, name, SP_I64, value);
}

bool sp_store_has(const sp_store *store, const char *name)
{
    return store && name && sp__names_find(&store->tensors, name) >= 0;
}

const char *sp_store_name(const sp_store *store, int64_t i)
{
    return store && i >= 0 && i < store->tensors.n ? store->tensors.row[i].name : NULL;
}

bool sp_store_save(const sp_store *store, const char *path)
{
    if (!store || !path) return sp_fail("the store or the path is NULL");
    return sp__safetensors_write(store, path);
}

sp_store *sp_store_load(const char *path)
{
    char *bytes;
    int64_t size;

    if (!path) return sp_fail("the path is NULL"), NULL;
    if (!sp_file_read(path, 0, &bytes, &size)) return NULL;
    sp_store *store = sp__safetensors_read(bytes, size);
    sp_release(bytes);
    if (!store) sp__fail_in(path);
    return store;
}

sp_store *sp_store_parse(const void *bytes, int64_t size)
{
    if (!bytes || size < 0) return sp_fail("the bytes are NULL or their number is negative"), NULL;
    return sp__safetensors_read(bytes, size);
}

bool sp_store_put(sp_store *store, int n, const sp_saved parts[])
{
    for (int i = 0; i < n; i++)
        if (!parts[i].put(parts[i].it, store)) return false;
    return true;
}

bool sp_store_take(const sp_store *store, int n, const sp_saved parts[])
{
    for (int i = 0; i < n; i++)
        if (!parts[i].check(parts[i].it, store)) return false;
    for (int i = 0; i < n; i++) parts[i].take(parts[i].it, store);
    return true;
}
