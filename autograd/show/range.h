/* SPDX-License-Identifier: MIT
 *
 * range.h - the numbers in an operand, in short (internal).
 */
#ifndef SP_RANGE_H
#define SP_RANGE_H

#include "autograd/op.h"

typedef struct sp_range {
    int64_t n, n_nan, n_inf;
    double  lo, hi;                  /* of the finite ones, if there are any */
} sp_range;

sp_range sp__range_of(const sp_operand *);

/* "[0, 4.5] with 2 nan and 1 inf", "3 nan", "no elements". */
enum { SP_RANGE_TEXT = 112 };
char *sp__range_text(sp_range, char text[SP_RANGE_TEXT]);

#endif
