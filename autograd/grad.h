/* SPDX-License-Identifier: MIT
 *
 * grad.h - the reverse sweep (internal).
 */
#ifndef SP_GRAD_H
#define SP_GRAD_H

#include "autograd/node.h"

/* sp_grad; but where y does not depend on wrt[i], out[i] is a zero only if `zeros` says so,
   else no var at all. */
bool sp__gradients(sp_var y, int n, const sp_var wrt[], sp_var out[], const sp_grad_spec *,
                   bool zeros);

#endif
