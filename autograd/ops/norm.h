/* SPDX-License-Identifier: MIT
 *
 * norm.h - what the records of normalizations and their kernels share (internal).
 *
 * Elements are brought to mean 0 and variance 1 group by group.  A group is a stretch of n
 * elements (layer, group and RMS norm), or what belongs to one channel (batch norm).
 */
#ifndef SP_NORM_H
#define SP_NORM_H

#include "autograd/ops/records.h"

/* count: axes of layer_norm, rms_norm and layer_norm_slope, groups of group_norm, 0 for
   batch_norm.  raw: layer_norm_slope takes no mean off. */
typedef struct sp_norm_attr { int64_t count, raw; } sp_norm_attr;

/* x seen as [outer, channels, inner]. */
typedef struct sp_normed { int64_t outer, channels, inner; } sp_normed;

static inline sp_normed sp__last_axes(sp_shape x, int64_t axes)
{
    sp_normed s = { 1, 1, 1 };
    for (int64_t d = 0; d < x.rank; d++) *(d < x.rank - axes ? &s.outer : &s.channels) *= x.dim[d];
    return s;
}

static inline sp_normed sp__by_channel(sp_shape x)
{
    sp_normed s = { x.dim[0], x.dim[1], 1 };
    for (int64_t d = 2; d < x.rank; d++) s.inner *= x.dim[d];
    return s;
}

/* norm_samples.c has the last two. */
#define SP__NORM_DECLARE(op)                                                        \
    SP_DECLARE(op)                                                                  \
    extern const sp_op sp__op_##op;                                                 \
    extern const sp_sample sp__##op##_samples[];                                    \
    void sp__##op##_reference(const sp_args *);
SP__NORM_DECLARE(layer_norm)
SP__NORM_DECLARE(rms_norm)
SP__NORM_DECLARE(layer_norm_slope)
SP__NORM_DECLARE(group_norm)
SP__NORM_DECLARE(batch_norm)

#endif
