/* SPDX-License-Identifier: MIT
 *
 * pool.h - values' memory, recycled by size (internal).
 *
 * Steps of training ask for the same sizes again and again: a block given back waits in
 * the list of its size class for the next who asks, so a warm step allocates nothing.
 */
#ifndef SP_POOL_H
#define SP_POOL_H

#include "tensor/alloc.h"

enum { SP_POOL_CLASSES = 64 * 4 };

typedef struct sp_pool {
    void   *waiting[SP_POOL_CLASSES];
    int64_t blocks;                  /* taken from the system so far */
} sp_pool;

/* A block for so many bytes, contents undefined, 64-byte aligned; NULL: no memory. */
void *sp__pool_take(sp_pool *, int64_t bytes);

/* Give it back; `bytes` as asked for. */
void  sp__pool_give(sp_pool *, void *block, int64_t bytes);
void  sp__pool_free(sp_pool *);      /* frees the blocks that wait */

#endif
