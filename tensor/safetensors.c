/* SPDX-License-Identifier: MIT
 *
 * safetensors.c - reads the bytes of a safetensors file.  They come from anywhere
 * and are believed in nothing: all offsets are checked before any element is touched.
 *
 *   0..7       N, the length of the header, little-endian
 *   8..8+N     {"name": {"dtype": "F32", "shape": [2,3], "data_offsets": [0,24]},
 *               ..., "__metadata__": {"key": "text", ...}}
 *   8+N..      the elements, row-major; offsets count from here
 */
#include <stdio.h>
#include <string.h>

#include "tensor/alloc.h"
#include "tensor/json.h"
#include "tensor/safetensors.h"

/* A row of the header: a tensor that is described, or a text.  Names and texts
   lie in the room of the JSON reader. */
typedef struct entry {
    const char    *name, *text;
    const sp_wire *wire;
    sp_shape       shape;
    int64_t        begin, end;
} entry;

typedef struct entries {
    entry  *row;
    int64_t n, room;
} entries;

typedef struct reading {
    sp_json     json;
    entries     tensors, texts;
    bool        has_metadata;
    const char *data;
    int64_t     data_size;
} reading;

static bool push(entries *list, entry e)
{
    if (list->n == list->room) {
        int64_t room = list->room + list->room / 2 + 4, size = sizeof e;
        void *rows = sp_realloc_array(list->row, list->n * size, room, size);
        if (!rows) return false;
        list->row = rows;
        list->room = room;
    }
    list->row[list->n++] = e;
    return true;
}

static int by_name(const entry *a, const entry *b)
{
    return strcmp(a->name, b->name);
}

static int by_offset(const entry *a, const entry *b)
{
    if (a->begin != b->begin) return a->begin < b->begin ? -1 : 1;
    return (a->end > b->end) - (a->end < b->end);
}

/* Let row i sink in the heap row[0..n) to where no child is greater. */
static void sink(entry *row, int64_t i, int64_t n, int (*order)(const entry *, const entry *))
{
    entry sinking = row[i];

    for (int64_t child; (child = 2 * i + 1) < n; i = child) {
        if (child + 1 < n && order(&row[child], &row[child + 1]) < 0) child++;
        if (order(&sinking, &row[child]) >= 0) break;
        row[i] = row[child];
    }
    row[i] = sinking;
}

/* Heap sort: n log n for every input, no memory, no recursion. */
static void sort(entries *list, int (*order)(const entry *, const entry *))
{
    for (int64_t i = list->n / 2 - 1; i >= 0; i--) sink(list->row, i, list->n, order);
    for (int64_t n = list->n - 1; n > 0; n--) {
        entry greatest = list->row[0];
        list->row[0] = list->row[n];
        list->row[n] = greatest;
        sink(list->row, 0, n, order);
    }
}

static bool in_tensor(const char *name)
{
    char shown[SP_NAME_TEXT], where[SP_NAME_TEXT + 8];

    snprintf(where, sizeof where, "tensor %s", sp__name_shown(name, shown));
    return sp__fail_in(where);
}

static bool read_dtype(sp_json *j, entry *e)
{
    char shown[SP_NAME_TEXT];
    const char *name = sp__json_text(j);

    if (!name) return false;
    for (int i = 0; i < SP_N_WIRES && !e->wire; i++)
        if (strcmp(sp__wires[i].name, name) == 0) e->wire = &sp__wires[i];
    return e->wire || sp_fail("dtype %s cannot be read", sp__name_shown(name, shown));
}

static bool read_shape(sp_json *j, entry *e)
{
    sp_shape s = { 0 };

    if (!sp__json_need(j, '[')) return false;
    if (!sp__json_take(j, ']')) {
        do {
            if (s.rank == SP_MAX_RANK) return sp_fail("its rank is above %d", SP_MAX_RANK);
            if (!sp__json_integer(j, &s.dim[s.rank++])) return false;
        } while (sp__json_take(j, ','));
        if (!sp__json_need(j, ']')) return false;
    }
    e->shape = s;
    return sp_shape_check(s);
}

static bool read_offsets(sp_json *j, entry *e)
{
    return sp__json_need(j, '[') && sp__json_integer(j, &e->begin)
        && sp__json_need(j, ',') && sp__json_integer(j, &e->end) && sp__json_need(j, ']');
}

static const struct { const char *key; bool (*read)(sp_json *, entry *); } fields[] = {
    { "dtype", read_dtype }, { "shape", read_shape }, { "data_offsets", read_offsets },
};
enum { N_FIELDS = 3, MOST_KEYS = 16 };

/* "key": value.  A key that nobody knows is stepped over, as the original reader does. */
static bool read_field(sp_json *j, entry *e, const char *key)
{
    if (!sp__json_need(j, ':')) return false;
    for (int i = 0; i < N_FIELDS; i++)
        if (strcmp(fields[i].key, key) == 0) return fields[i].read(j, e);
    return sp__json_skip(j);
}

static bool is_new(const char *const *keys, int n, const char *key)
{
    char shown[SP_NAME_TEXT];

    for (int i = 0; i < n; i++)
        if (strcmp(keys[i], key) == 0)
            return sp_fail("the key %s stands twice", sp__name_shown(key, shown));
    return n < MOST_KEYS || sp_fail("it has more than %d keys", MOST_KEYS);
}

static bool read_fields(sp_json *j, entry *e)
{
    const char *keys[MOST_KEYS];
    int n = 0;

    if (!sp__json_need(j, '{')) return false;
    if (!sp__json_take(j, '}')) {
        do {
            const char *key = sp__json_text(j);
            if (!key || !is_new(keys, n, key) || !read_field(j, e, key)) return false;
            keys[n++] = key;
        } while (sp__json_take(j, ','));
        if (!sp__json_need(j, '}')) return false;
    }
    const char *missing = !e->wire ? "dtype" : e->shape.rank < 0 ? "shape"
                        : e->begin < 0 ? "data_offsets" : NULL;
    return !missing || sp_fail("it has no %s", missing);
}

static bool read_tensor(reading *r, const char *name)
{
    entry e = { .name = name, .shape.rank = -1, .begin = -1 };

    return (read_fields(&r->json, &e) || in_tensor(name)) && push(&r->tensors, e);
}

/* What reads the value under a key of an object. */
typedef bool member(reading *, const char *key);

static bool read_members(reading *r, member *read)
{
    sp_json *j = &r->json;

    if (!sp__json_need(j, '{')) return false;
    if (sp__json_take(j, '}')) return true;
    do {
        const char *key = sp__json_text(j);
        if (!key || !sp__json_need(j, ':') || !read(r, key)) return false;
    } while (sp__json_take(j, ','));
    return sp__json_need(j, '}');
}

static bool read_text(reading *r, const char *key)
{
    entry e = { .name = key, .text = sp__json_text(&r->json) };

    return e.text && sp__name_check(key) && push(&r->texts, e);
}

static bool read_member(reading *r, const char *key)
{
    if (strcmp(key, "__metadata__") != 0) return sp__name_check(key) && read_tensor(r, key);
    if (r->has_metadata) return sp_fail("\"__metadata__\" stands twice");
    r->has_metadata = true;
    return read_members(r, read_text) || sp__fail_in("\"__metadata__\"");
}

/* Sorts by name, in passing. */
static bool check_names(entries *list, const char *what)
{
    char shown[SP_NAME_TEXT];

    sort(list, by_name);
    for (int64_t i = 1; i < list->n; i++)
        if (by_name(&list->row[i - 1], &list->row[i]) == 0)
            return sp_fail("%s %s stands twice", what, sp__name_shown(list->row[i].name, shown));
    return true;
}

/* Whether e begins where the one before it ended, and holds what its shape says. */
static bool check_extent(const entry *e, int64_t at)
{
    int64_t bytes;
    char shape[SP_SHAPE_TEXT];

    if (e->end < e->begin)
        return sp_fail("it ends at byte %lld of the data, before it begins at %lld",
                       (long long)e->end, (long long)e->begin);
    if (e->begin != at)
        return sp_fail("it begins at byte %lld of the data, %s the one before it, "
                       "which ends at %lld", (long long)e->begin,
                       e->begin > at ? "leaving a hole behind" : "overlapping", (long long)at);
    if (!sp_size_mul(sp_shape_size(e->shape), e->wire->size, &bytes) || bytes != e->end - at)
        return sp_fail("%s %s does not fill the %lld bytes between its offsets", e->wire->name,
                       sp_shape_text(e->shape, shape), (long long)(e->end - at));
    return true;
}

static bool check_extents(reading *r)
{
    int64_t at = 0;

    sort(&r->tensors, by_offset);
    for (int64_t i = 0; i < r->tensors.n; i++) {
        const entry *e = &r->tensors.row[i];
        if (!check_extent(e, at)) return in_tensor(e->name);
        at = e->end;
    }
    return at == r->data_size
        || sp_fail("the tensors take %lld bytes, but %lld stand behind the header",
                   (long long)at, (long long)r->data_size);
}

static bool add_row(sp_names *names, const char *name, sp_named row)
{
    row.name = sp_strdup(name);
    if (row.name && (row.tensor || row.text) && sp__names_insert(names, names->n, row)) return true;
    sp_release(row.name);
    sp_release(row.text);
    sp_tensor_free(row.tensor);
    return false;
}

static bool add_tensor(reading *r, sp_store *store, const entry *e)
{
    sp_tensor *x = sp_tensor_new(e->wire->dtype, e->shape);

    if (!x) return in_tensor(e->name);
    if (!e->wire->convert(r->data + e->begin, sp_tensor_size(x), x->data)) {
        sp_tensor_free(x);
        return in_tensor(e->name);
    }
    return add_row(&store->tensors, e->name, (sp_named){ .tensor = x });
}

/* Our own files carry a version and a checksum.  Either alone is a sign of damage: no
   single flipped bit can hide both. */
static bool check_sum(const sp_store *store, const char *version, const char *checksum)
{
    char sum[SP_CHECKSUM_TEXT];

    if (!version && !checksum) return true;
    if (!version || !checksum)
        return sp_fail("\"spool.%s\" is missing: the file is damaged",
                       version ? "crc64" : "version");
    if (strcmp(version, SP_STORE_VERSION) != 0)
        return sp_fail("\"spool.version\" is not " SP_STORE_VERSION
                       ": another Spool wrote the file");
    sp__store_checksum(store, sum);
    return strcmp(sum, checksum) == 0
        || sp_fail("its checksum is %s and not that of \"spool.crc64\": the file is damaged", sum);
}

static bool fill(reading *r, sp_store *store)
{
    const char *version = NULL, *checksum = NULL;

    for (int64_t i = 0; i < r->tensors.n; i++)
        if (!add_tensor(r, store, &r->tensors.row[i])) return false;
    for (int64_t i = 0; i < r->texts.n; i++) {
        const entry *e = &r->texts.row[i];
        if      (strcmp(e->name, "spool.version") == 0) version = e->text;
        else if (strcmp(e->name, "spool.crc64") == 0)   checksum = e->text;
        else if (!add_row(&store->texts, e->name, (sp_named){ .text = sp_strdup(e->text) }))
            return false;
    }
    if (!check_sum(store, version, checksum)) return false;
    return sp__names_find(&store->texts, "format") >= 0
        || sp_store_put_text(store, "format", "pt");
}

static sp_store *read_all(reading *r)
{
    if (!read_members(r, read_member) || !sp__json_end(&r->json)) return NULL;
    if (!check_names(&r->tensors, "tensor") || !check_names(&r->texts, "text")) return NULL;
    if (!check_extents(r)) return NULL;
    sort(&r->tensors, by_name);

    sp_store *store = sp_alloc_zero(sizeof *store);
    if (store && !fill(r, store)) {
        sp_store_free(store);
        return NULL;
    }
    return store;
}

sp_store *sp__safetensors_read(const char *bytes, int64_t size)
{
    uint64_t length;

    if (size < 8)
        return sp_fail("%lld bytes are too few for a safetensors file", (long long)size), NULL;
    memcpy(&length, bytes, 8);
    if (length > SP_HEADER_MOST)
        return sp_fail("a header of %llu bytes is announced; %d is the most",
                       (unsigned long long)length, SP_HEADER_MOST), NULL;
    int64_t n = (int64_t)length;
    if (n > size - 8)
        return sp_fail("a header of %lld bytes is announced, but %lld follow", (long long)n,
                       (long long)(size - 8)), NULL;
    if (n == 0 || bytes[8] != '{')
        return sp_fail("the header does not begin with '{'"), NULL;

    char *room = sp_alloc(n);
    if (!room) return NULL;
    reading r = { .json = { bytes + 8, bytes + 8, bytes + 8 + n, room },
                  .data = bytes + 8 + n, .data_size = size - 8 - n };
    sp_store *store = read_all(&r);
    sp_release(r.tensors.row);
    sp_release(r.texts.row);
    sp_release(room);
    return store;
}
