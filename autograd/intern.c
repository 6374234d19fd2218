/* SPDX-License-Identifier: MIT
 *
 * intern - one number for equal bytes: an open-addressing table over an arena.
 */
#include "autograd/intern.h"

#include <string.h>

/* Eight bytes at a time: what is interned is mostly whole words. */
static uint64_t hash_of(const void *bytes, int64_t size)
{
    const char *p = bytes;
    uint64_t h = (uint64_t)size * 0x9e3779b97f4a7c15u, word;

    for (; size >= 8; size -= 8, p += 8) {
        memcpy(&word, p, 8);
        h = (h ^ word) * 0xff51afd7ed558ccdu;
        h ^= h >> 32;
    }
    word = 0;
    memcpy(&word, p, (size_t)size);
    h = (h ^ word) * 0xc4ceb9fe1a85ec53u;
    return h ^ h >> 29;
}

static uint32_t *slot_of(const sp_interner *in, uint64_t hash, const void *bytes, int64_t size)
{
    uint64_t mask = (uint64_t)in->table_room - 1;

    for (uint64_t i = hash & mask;; i = (i + 1) & mask) {
        uint32_t *slot = &in->table[i];
        if (*slot == 0) return slot;
        const sp_interned *e = &in->entry[*slot - 1];
        if (e->hash == hash && e->size == size && memcmp(e->bytes, bytes, (size_t)size) == 0)
            return slot;
    }
}

/* At most half full, so that a search ends soon. */
static bool make_room(sp_interner *in)
{
    if (in->n == in->room) {
        int64_t room = in->room ? 2 * in->room : 32;
        void *entry = sp_realloc_array(in->entry, in->n * (int64_t)sizeof *in->entry, room,
                                       sizeof *in->entry);
        if (!entry) return false;
        in->entry = entry;
        in->blocks++;
        in->room = room;
    }
    if (2 * (in->n + 1) <= in->table_room) return true;

    int64_t room = in->table_room ? 2 * in->table_room : 64;
    uint32_t *table = sp_alloc_zero(room * (int64_t)sizeof *table);
    if (!table) return false;
    sp_release(in->table);
    in->table = table;
    in->blocks++;
    in->table_room = room;
    for (int64_t i = 0; i < in->n; i++) {
        const sp_interned *e = &in->entry[i];
        *slot_of(in, e->hash, e->bytes, e->size) = (uint32_t)i + 1;
    }
    return true;
}

bool sp__intern(sp_interner *in, const void *bytes, int64_t size, uint32_t *number)
{
    uint64_t hash = hash_of(bytes, size);

    if (!make_room(in)) return false;
    uint32_t *slot = slot_of(in, hash, bytes, size);
    if (*slot == 0) {
        void *copy = sp__arena_take(&in->arena, size);
        if (!copy) return false;
        memcpy(copy, bytes, (size_t)size);
        in->entry[in->n] = (sp_interned){ hash, size, copy };
        *slot = (uint32_t)++in->n;
    }
    *number = *slot - 1;
    return true;
}

void sp__interner_free(sp_interner *in)
{
    sp_release(in->entry);
    sp_release(in->table);
    sp__arena_free(&in->arena);
    *in = (sp_interner){ 0 };
}
