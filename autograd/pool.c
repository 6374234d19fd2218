/* SPDX-License-Identifier: MIT
 *
 * pool - values' memory, recycled by size.  Four classes to each power of two, so
 * at most a quarter of a block is waste.
 */
#include "autograd/pool.h"

#include <string.h>

static const int64_t least = 64;

/* The smallest class that holds so many bytes, and its size. */
static int class_of(int64_t bytes, int64_t *size)
{
    int class = 0;
    int64_t step = least / 4, at = least;

    while (at < bytes) {
        at += step;
        if (++class % 4 == 0) step *= 2;
    }
    *size = at;
    return class;
}

void *sp__pool_take(sp_pool *p, int64_t bytes)
{
    int64_t size;
    if (bytes > INT64_MAX / 4) return sp_fail_memory(bytes), NULL;
    int class = class_of(bytes, &size);
    void *block = p->waiting[class];

    if (!block) return p->blocks++, sp_alloc(size);
    memcpy(&p->waiting[class], block, sizeof(void *));
    return block;
}

void sp__pool_give(sp_pool *p, void *block, int64_t bytes)
{
    int64_t size;
    int class = class_of(bytes, &size);

#ifdef SP_DEBUG
    memset(block, 0xa5, (size_t)size);
#endif
    memcpy(block, &p->waiting[class], sizeof(void *));
    p->waiting[class] = block;
}

void sp__pool_free(sp_pool *p)
{
    for (int class = 0; class < SP_POOL_CLASSES; class++)
        for (void *block = p->waiting[class], *next; block; block = next) {
            memcpy(&next, block, sizeof next);
            sp_release(block);
        }
    *p = (sp_pool){ 0 };
}
