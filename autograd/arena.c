/* SPDX-License-Identifier: MIT
 *
 * arena - memory that is given back all at once: a list of chunks, filled in order.
 */
#include "autograd/arena.h"

#include <string.h>

enum { CHUNK = 1 << 16, ALIGN = 16 };

struct sp_chunk {
    sp_chunk *next;
    int64_t   size, used;
};
_Static_assert(sizeof(sp_chunk) % 8 == 0, "blocks begin behind the header");
static const int64_t header = (sizeof(sp_chunk) + ALIGN - 1) / ALIGN * ALIGN;

static sp_chunk *chunk_new(int64_t bytes)
{
    int64_t size = bytes > CHUNK ? bytes : CHUNK;
    sp_chunk *c = sp_alloc(size + header);

    if (c) *c = (sp_chunk){ NULL, size, 0 };
    return c;
}

/* The chunk to fill: the current one or the next of the list that has room,
   or a new one behind the current. */
static sp_chunk *room_for(sp_arena *a, int64_t bytes)
{
    sp_chunk *c = a->current ? a->current : a->first;

    while (c && c->size - c->used < bytes && c->next) c = c->next;
    if (c && c->size - c->used >= bytes) return c;
    sp_chunk *fresh = chunk_new(bytes);
    a->blocks++;
    if (fresh && c) c->next = fresh;
    if (fresh && !c) a->first = fresh;
    return fresh;
}

void *sp__arena_take(sp_arena *a, int64_t bytes)
{
    if (bytes < 0 || bytes > INT64_MAX / 2) return sp_fail_memory(bytes), NULL;
    bytes = (bytes + ALIGN - 1) / ALIGN * ALIGN;

    sp_chunk *c = room_for(a, bytes);
    if (!c) return NULL;
    char *block = (char *)c + header + c->used;
    c->used += bytes;
    a->current = c;
    return memset(block, 0, (size_t)bytes);
}

void sp__arena_reset(sp_arena *a)
{
    for (sp_chunk *c = a->first; c; c = c->next) c->used = 0;
    a->current = a->first;
}

void sp__arena_free(sp_arena *a)
{
    for (sp_chunk *c = a->first, *next; c; c = next) {
        next = c->next;
        sp_release(c);
    }
    *a = (sp_arena){ 0 };
}
