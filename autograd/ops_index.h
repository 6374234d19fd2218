/* SPDX-License-Identifier: MIT
 *
 * ops_index.h - rearranging, picking and scattering (part of ops.h).
 */
#ifndef SP_OPS_INDEX_H
#define SP_OPS_INDEX_H

#include "autograd/ops.h"

#ifdef __cplusplus
extern "C" {
#endif

#ifdef __cplusplus
}
#endif
#endif
