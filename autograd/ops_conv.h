/* SPDX-License-Identifier: MIT
 *
 * ops_conv.h - convolutions and pooling (part of ops.h).
 */
#ifndef SP_OPS_CONV_H
#define SP_OPS_CONV_H

#include "autograd/ops.h"

#ifdef __cplusplus
extern "C" {
#endif

#ifdef __cplusplus
}
#endif
#endif
