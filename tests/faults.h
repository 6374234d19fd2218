/* SPDX-License-Identifier: MIT
 *
 * faults.h - acts under memory that runs out.
 */
#ifndef FAULTS_H
#define FAULTS_H

#include <check.h>
#include <string.h>

#include "tensor/alloc.h"
#include "tensor/error.h"

/* Fail the first allocation, the second, ... until the whole act succeeds. */
static inline void fails_cleanly(bool (*act)(void), bool lasting)
{
    bool done = false;

    for (int64_t n = 0; !done; n++) {
        int64_t live = sp_alloc_count().live_blocks;
        if (!sp_alloc_fail(n, lasting)) return;        /* a release build cannot fail on purpose */
        done = act();
        sp_alloc_fail(-1, false);
        ck_assert_int_eq(sp_alloc_count().live_blocks, live);
        ck_assert_msg(done || strstr(sp_error(), "out of memory"), "%lld: %s",
                      (long long)n, sp_error());
        ck_assert(act());
    }
}

#endif
