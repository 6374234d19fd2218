/* SPDX-License-Identifier: MIT
 *
 * index.h - operands that are indices, i32 or i64 (internal).
 */
#ifndef SP_INDEX_H
#define SP_INDEX_H

#include "autograd/op.h"

/* Element i of a dense operand of indices. */
static inline int64_t sp__index_at(const sp_operand *index, int64_t i)
{
    return index->dtype == SP_I32 ? ((const int32_t *)index->data)[i]
                                  : ((const int64_t *)index->data)[i];
}

/* Note, as the call's fault, that element i of `index` is outside [0, n). */
void sp__index_fault(const sp_args *, const sp_operand *index, int64_t i, int64_t n);

/* Element i of a dense operand of indices; -1 after a fault: it is outside [0, n). */
static inline int64_t sp__index_in(const sp_args *a, const sp_operand *index, int64_t i, int64_t n)
{
    int64_t at = sp__index_at(index, i);

    if (at >= 0 && at < n) return at;
    sp__index_fault(a, index, i, n);
    return -1;
}

/* Whether operand k of a call is i32 or i64; refuses the call otherwise. */
bool sp__index_dtype(const sp_call *, int k);

#endif
