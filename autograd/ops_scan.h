/* SPDX-License-Identifier: MIT
 *
 * ops_scan.h - linear recurrences in one node (part of ops.h).
 */
#ifndef SP_OPS_SCAN_H
#define SP_OPS_SCAN_H

#include "autograd/ops.h"

#ifdef __cplusplus
extern "C" {
#endif

#ifdef __cplusplus
}
#endif
#endif
