/* SPDX-License-Identifier: MIT
 *
 * ops_reduce.h - reductions, running sums and products, order (part of ops.h).
 */
#ifndef SP_OPS_REDUCE_H
#define SP_OPS_REDUCE_H

#include "autograd/ops.h"

#ifdef __cplusplus
extern "C" {
#endif

#ifdef __cplusplus
}
#endif
#endif
