/* SPDX-License-Identifier: MIT
 *
 * ops_product.h - products of any rank, and einsum (part of ops.h).
 */
#ifndef SP_OPS_PRODUCT_H
#define SP_OPS_PRODUCT_H

#include "autograd/ops.h"

#ifdef __cplusplus
extern "C" {
#endif

#ifdef __cplusplus
}
#endif
#endif
