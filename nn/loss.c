/* SPDX-License-Identifier: MIT
 *
 * loss - losses of sequences that are not equally long.
 */
#include "nn/loss.h"

#include <math.h>

#include "autograd/ops.h"

sp_var sp_masked_mean(sp_var loss, sp_var mask)
{
    sp_var m = sp_broadcast(sp_cast(mask, SP_BOOL), sp_var_shape(loss));
    sp_var sum = sp_sum(sp_where(m, loss, sp_number(loss, 0)));
    sp_var count = sp_sum(sp_cast(m, sp_var_dtype(loss)));

    /* Without any the sum is 0, and so is the mean. */
    return sp_div(sum, sp_clamp(count, 1, INFINITY));
}
