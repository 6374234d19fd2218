/* SPDX-License-Identifier: MIT
 *
 * alloc.c - the memory door: a counted, aligned block behind a header.
 *
 *     | size, guard .. | the block ......... | guard .. |
 *     0                64                    64 + size
 *
 * The guards are there in SP_DEBUG builds.  AddressSanitizer puts its own behind the block,
 * and finds what reads there as well, so ours keeps out of its way.
 */
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include "tensor/alloc.h"
#include "tensor/shape.h"

enum { HEADER = 64, ALIGN = 64 };

/* No processor addresses more; asking would stop some sanitizers. */
#define MOST ((int64_t)1 << 47)

#ifndef __has_feature
#define __has_feature(x) 0
#endif
#if !defined(SP_DEBUG) || defined(__SANITIZE_ADDRESS__) || __has_feature(address_sanitizer)
enum { BEHIND = 0 };
#else
enum { BEHIND = 64 };
#endif

static struct {
    _Atomic int64_t calls, blocks, bytes, peak;
} count;

static int64_t *size_of(void *block)
{
    return (int64_t *)(void *)((char *)block - HEADER);
}

#ifdef SP_DEBUG
/* As floats these are huge, as indices negative: neither passes for data. */
enum { GUARD = 0xFA, FRESH = 0xFB, FREED = 0xFD };

static struct {
    _Atomic int64_t left;
    atomic_bool     armed, lasting;
} fault;

bool sp_alloc_fail(int64_t n, bool from_then_on)
{
    atomic_store(&fault.left, n);
    atomic_store(&fault.lasting, from_then_on);
    atomic_store(&fault.armed, n >= 0);
    return true;
}

static bool fails_now(void)
{
    if (!atomic_load(&fault.armed)) return false;

    int64_t left = atomic_fetch_sub(&fault.left, 1);
    if (left > 0) return false;
    if (!atomic_load(&fault.lasting)) atomic_store(&fault.armed, false);
    return true;
}

static void dress(void *block, int64_t bytes)
{
    unsigned char *b = block;

    memset(b - HEADER + sizeof(int64_t), GUARD, HEADER - sizeof(int64_t));
    memset(b, FRESH, (size_t)bytes);
    for (int i = 0; i < BEHIND; i++)
        b[bytes + i] = GUARD;
}

static bool guards_are_whole(const void *block, int64_t bytes)
{
    const unsigned char *b = block;

    for (size_t i = sizeof(int64_t); i < HEADER; i++)
        if (b[(ptrdiff_t)i - HEADER] != GUARD) return false;
    for (int i = 0; i < BEHIND; i++)
        if (b[bytes + i] != GUARD) return false;
    return true;
}

static void undress(void *block, int64_t bytes)
{
    SP_ASSERT(guards_are_whole(block, bytes));
    memset(block, FREED, (size_t)bytes);
}
#else
bool sp_alloc_fail(int64_t n, bool from_then_on)
{
    (void)n, (void)from_then_on;
    return false;
}

static bool fails_now(void) { return false; }
static void dress(void *block, int64_t bytes) { (void)block, (void)bytes; }
static void undress(void *block, int64_t bytes) { (void)block, (void)bytes; }
#endif

static void count_in(int64_t bytes)
{
    atomic_fetch_add(&count.calls, 1);
    atomic_fetch_add(&count.blocks, 1);

    int64_t live = atomic_fetch_add(&count.bytes, bytes) + bytes;
    int64_t peak = atomic_load(&count.peak);
    while (live > peak && !atomic_compare_exchange_weak(&count.peak, &peak, live))
        continue;
}

static void count_out(int64_t bytes)
{
    atomic_fetch_sub(&count.blocks, 1);
    atomic_fetch_sub(&count.bytes, bytes);
}

void *sp_alloc(int64_t bytes)
{
    void *raw = NULL;

    if (bytes < 0 || bytes > MOST || fails_now() ||
        posix_memalign(&raw, ALIGN, (size_t)(HEADER + (bytes ? bytes : 1) + BEHIND)) != 0) {
        sp_fail_memory(bytes);
        return NULL;
    }
    void *block = (char *)raw + HEADER;
    *size_of(block) = bytes;
    dress(block, bytes);
    count_in(bytes);
    return block;
}

void *sp_alloc_zero(int64_t bytes)
{
    void *block = sp_alloc(bytes);
    return block ? memset(block, 0, (size_t)bytes) : NULL;
}

void *sp_alloc_array(int64_t n, int64_t size)
{
    int64_t bytes;

    if (sp_size_mul(n, size, &bytes)) return sp_alloc(bytes);
    sp_fail("out of memory (%lld times %lld bytes)", (long long)n, (long long)size);
    return NULL;
}

/* It always moves, so that a pointer kept too long is found early. */
void *sp_realloc_array(void *block, int64_t used, int64_t n, int64_t size)
{
    void *moved = sp_alloc_array(n, size);

    if (!moved) return NULL;
    if (block) {
        int64_t room = *size_of(moved);
        SP_ASSERT(used >= 0 && used <= *size_of(block));
        memcpy(moved, block, (size_t)(used < room ? used : room));
        sp_release(block);
    }
    return moved;
}

void sp_release(void *block)
{
    if (!block) return;

    int64_t bytes = *size_of(block);
    undress(block, bytes);
    count_out(bytes);
    free((char *)block - HEADER);
}

char *sp_strdup(const char *s)
{
    if (!s) return NULL;

    size_t bytes = strlen(s) + 1;
    char  *copy = sp_alloc((int64_t)bytes);
    return copy ? memcpy(copy, s, bytes) : NULL;
}

sp_alloc_stats sp_alloc_count(void)
{
    return (sp_alloc_stats){ .calls = atomic_load(&count.calls),
                             .live_blocks = atomic_load(&count.blocks),
                             .live_bytes = atomic_load(&count.bytes),
                             .peak_bytes = atomic_load(&count.peak) };
}

void sp_alloc_reset_peak(void)
{
    atomic_store(&count.peak, atomic_load(&count.bytes));
}
