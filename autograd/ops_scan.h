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

/* h_t = a_t h_(t-1) + b_t along axis 0, each element by itself; y [T,...] is all h_t.  a and b
   broadcast to [T,...] (a decay of shape [H] serves every step), h0 to [...]; {0} is a zero h0.
   `reverse` begins at the last step: h_t = a_t h_(t+1) + b_t.  T = 0 is legal.  The adjoint is
   the same op the other way, so slopes of any order cost as much as the recurrence. */
SP_API sp_var sp_linear_scan(sp_var a, sp_var b, sp_var h0, bool reverse);

/* The same for complex numbers, which are a last axis of 2: real and imaginary part.  The
   gradient of a real loss by z = x + iy is dL/dx + i dL/dy, as PyTorch has it. */
SP_API sp_var sp_linear_scan_complex(sp_var a, sp_var b, sp_var h0, bool reverse);

#ifdef __cplusplus
}
#endif
#endif
