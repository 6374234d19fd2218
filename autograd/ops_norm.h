/* SPDX-License-Identifier: MIT
 *
 * ops_norm.h - layer, batch and group normalization (part of ops.h).
 */
#ifndef SP_OPS_NORM_H
#define SP_OPS_NORM_H

#include "autograd/ops.h"

#ifdef __cplusplus
extern "C" {
#endif

#ifdef __cplusplus
}
#endif
#endif
