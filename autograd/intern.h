/* SPDX-License-Identifier: MIT
 *
 * intern.h - one number for equal bytes (internal).
 *
 * Shapes, layouts, attributes and scopes are compared bytewise and kept once; their
 * numbers are part of a recording's structure and survive reset.
 */
#ifndef SP_INTERN_H
#define SP_INTERN_H

#include "autograd/arena.h"

typedef struct sp_interned {
    uint64_t    hash;
    int64_t     size;
    const void *bytes;
} sp_interned;

typedef struct sp_interner {
    sp_interned *entry;              /* n of them */
    int64_t      n, room;
    uint32_t    *table;              /* number + 1 by hash; 0: empty; a power of two long */
    int64_t      table_room;
    sp_arena     arena;
    int64_t      blocks;             /* taken from the system so far */
} sp_interner;

/* The number of these bytes, the same for the same bytes; false: no memory. */
bool sp__intern(sp_interner *, const void *bytes, int64_t size, uint32_t *number);
void sp__interner_free(sp_interner *);

/* The bytes of a number; they never move. */
static inline const void *sp__interned(const sp_interner *in, uint32_t number)
{
    return in->entry[number].bytes;
}

#endif
