/* SPDX-License-Identifier: MIT
 *
 * ops_pointwise.h - functions of one number and of two, element by element (part of ops.h).
 */
#ifndef SP_OPS_POINTWISE_H
#define SP_OPS_POINTWISE_H

#include "autograd/ops.h"

#ifdef __cplusplus
extern "C" {
#endif

#ifdef __cplusplus
}
#endif
#endif
