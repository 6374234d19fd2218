/* SPDX-License-Identifier: MIT
 *
 * pooling.h - what the records of pooling and their references share (internal).
 */
#ifndef SP_POOLING_H
#define SP_POOLING_H

#include "autograd/ops/records.h"
#include "autograd/ops/window.h"

typedef struct sp_pool_attr {
    sp_window window;
    int64_t   ceil, inside;
    int64_t   of[SP_WINDOW_AXES];              /* mean_pool_slope: x's spatial sizes */
} sp_pool_attr;

/* pooling_samples.c has these. */
#define SP__POOL_DECLARE(op)                                                        \
    extern const sp_op sp__op_##op;                                                 \
    extern const sp_sample sp__##op##_samples[];                                    \
    void sp__##op##_reference(const sp_args *);
SP__POOL_DECLARE(max_pool)
SP__POOL_DECLARE(max_pool_slope)
SP__POOL_DECLARE(max_pool_pick)
SP__POOL_DECLARE(mean_pool)
SP__POOL_DECLARE(mean_pool_slope)

#endif
