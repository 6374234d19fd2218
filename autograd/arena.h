/* SPDX-License-Identifier: MIT
 *
 * arena.h - memory that is given back all at once (internal).
 *
 * Blocks never move.  Resetting keeps the memory for the next round.
 */
#ifndef SP_ARENA_H
#define SP_ARENA_H

#include "tensor/alloc.h"

typedef struct sp_chunk sp_chunk;
typedef struct sp_arena {
    sp_chunk *first, *current;
    int64_t   blocks;                /* taken from the system so far */
} sp_arena;

/* A zeroed block, 16-byte aligned; NULL: no memory. */
void *sp__arena_take(sp_arena *, int64_t bytes);
void  sp__arena_reset(sp_arena *);
void  sp__arena_free(sp_arena *);

#endif
