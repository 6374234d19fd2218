/* SPDX-License-Identifier: MIT
 *
 * A program that knows only what is installed: it makes a tensor and prints it.
 */
#include <spool.h>

#include <stdio.h>

int main(void)
{
    sp_tensor *x = sp_tensor_new(SP_F32, SP_SHAPE(2, 3));
    if (!x) {
        fprintf(stderr, "%s\n", sp_error());
        return 1;
    }
    const float *v = sp_tensor_data(x);
    printf("%g\n", v[5]);
    sp_tensor_free(x);
    return 0;
}
