/* SPDX-License-Identifier: MIT
 *
 * first_gradient - ten lines of calculus: record a function, differentiate it, and differentiate
 * the derivative.
 */
#include <math.h>
#include <stdio.h>

#include <spool.h>

static bool show(const char *what, double is, double by_hand)
{
    printf("%-10s = %9.6f    by hand %9.6f\n", what, is, by_hand);
    return fabs(is - by_hand) < 1e-12;
}

int main(void)
{
    const double at = 0.25, e = exp(-2 * at);
    sp_tape *tape = sp_tape_new(NULL);

    /* y = x e^-2x.  Nothing is computed until somebody asks. */
    sp_var x = sp_const(tape, SP_F64, at);
    sp_var y = sp_mul(x, sp_exp(sp_scale(x, -2)));

    /* The derivative is a var like any other, so it has a derivative too. */
    sp_var dy, ddy;
    sp_grad(y, 1, &x, &dy, NULL);
    sp_grad(dy, 1, &x, &ddy, NULL);

    bool good = show("y(1/4)", sp_item(y), at * e);
    good &= show("y'(1/4)", sp_item(dy), (1 - 2 * at) * e);
    good &= show("y''(1/4)", sp_item(ddy), (4 * at - 4) * e);

    if (sp_tape_error(tape)) fprintf(stderr, "%s\n", sp_tape_error(tape));
    sp_tape_free(tape);
    return good ? 0 : 1;
}
