/* SPDX-License-Identifier: MIT
 *
 * angle.h - large angles brought to the nearest quarter turn (internal).
 */
#ifndef SP_ANGLE_H
#define SP_ANGLE_H

#include <stdint.h>

/* Angles up to here are reduced in vectors. */
#define SP_ANGLE_MOST 0x1p20

/* x = n pi/2 + r, |r| <= pi/4, for |x| > SP_ANGLE_MOST: returns r to 2 ulp, and n mod 4 in the last
   two bits of *n.  NaN for an infinity. */
double sp__reduced_angle(double x, uint64_t *n);

#endif
