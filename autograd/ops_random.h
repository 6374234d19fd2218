/* SPDX-License-Identifier: MIT
 *
 * ops_random.h - random numbers on the tape (part of ops.h).
 */
#ifndef SP_OPS_RANDOM_H
#define SP_OPS_RANDOM_H

#include "autograd/ops.h"

#ifdef __cplusplus
extern "C" {
#endif

#ifdef __cplusplus
}
#endif
#endif
