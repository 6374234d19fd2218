/* SPDX-License-Identifier: MIT
 *
 * ops_ctc.h - connectionist temporal classification: loss and decoding (part of ops.h).
 */
#ifndef SP_OPS_CTC_H
#define SP_OPS_CTC_H

#include "autograd/ops.h"

#ifdef __cplusplus
extern "C" {
#endif

#ifdef __cplusplus
}
#endif
#endif
