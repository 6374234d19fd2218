/* SPDX-License-Identifier: MIT
 *
 * alloc.h - the memory door.  Nothing else in Spool calls malloc.
 *
 * Every block is 64-byte aligned.  In builds with SP_DEBUG the door counts blocks and bytes, can
 * fail on purpose, surrounds every block with guard bytes that are checked when
 * it is freed, and fills fresh and freed memory with garbage.
 */
#ifndef SP_ALLOC_H
#define SP_ALLOC_H

#include "tensor/error.h"

#ifdef __cplusplus
extern "C" {
#endif

/* A block of `bytes` (at least 1 is reserved), contents undefined.  NULL after
   leaving the out-of-memory sentence; also for negative sizes. */
SP_API void *sp_alloc(int64_t bytes);
SP_API void *sp_alloc_zero(int64_t bytes);

/* Room for n elements of `size` bytes, the product checked.  Undefined contents. */
SP_API void *sp_alloc_array(int64_t n, int64_t size);

/* Make `block` (NULL allowed), of which `used` bytes matter, hold n elements of
   `size` bytes.  Returns the new block, or NULL with the old one untouched. */
SP_API void *sp_realloc_array(void *block, int64_t used, int64_t n, int64_t size);

/* NULL is allowed. */
SP_API void sp_release(void *block);

/* A copy of a string; NULL if there is no memory or s is NULL. */
SP_API char *sp_strdup(const char *s);

/* What the door has seen since the process began.  Counted in every build. */
typedef struct sp_alloc_stats {
    int64_t calls;               /* blocks ever handed out */
    int64_t live_blocks;
    int64_t live_bytes;          /* as asked for */
    int64_t peak_bytes;
} sp_alloc_stats;
SP_API sp_alloc_stats sp_alloc_count(void);
SP_API void           sp_alloc_reset_peak(void);

/* For tests, SP_DEBUG builds only (a release build ignores it and returns false).
   Of the allocations that follow, the nth (from 0) fails; if `from_then_on`, all
   later ones fail too.  n < 0 ends it. */
SP_API bool sp_alloc_fail(int64_t n, bool from_then_on);

#ifdef __cplusplus
}
#endif
#endif
