/* SPDX-License-Identifier: MIT
 *
 * angle - x modulo pi/2 for large x, by as many bits of 2/pi as matter (Payne and Hanek, 1983).
 */
#include <math.h>
#include <string.h>
#include "tensor/angle.h"

__extension__ typedef unsigned __int128 u128;
__extension__ typedef __int128 i128;

/* The bits of 2/pi, behind 64 zeros. */
static const uint64_t two_over_pi[] = {
    0x0000000000000000, 0xA2F9836E4E441529, 0xFC2757D1F534DDC0, 0xDB6295993C439041,
    0xFE5163ABDEBBC561, 0xB7246E3A424DD2E0, 0x06492EEA09D1921C, 0xFE1DEB1CB129A73E,
    0xE88235F52EBB4484, 0xE99C7026B45F7E41, 0x3991D639835339F4, 0x9C845F8BBDF9283B,
    0x1FF897FFDE05980F, 0xEF2F118B5A0A6D1F, 0x6D367ECF27CB09B7, 0x4F463F669E5FEA2D,
    0x7527BAC7EBE5F17B, 0x3D0739F78A5292EA, 0x6BFB5FB11F8D5D08, 0x56033046FC7B6BAB,
};

/* 64 of them from bit `at` on. */
static uint64_t bits_from(int at)
{
    const uint64_t *w = &two_over_pi[at / 64];

    return at % 64 ? w[0] << at % 64 | w[1] >> (64 - at % 64) : w[0];
}

/* |x| = m 2^e, and m 2^e 2/pi modulo 4 needs no bit of 2/pi that is worth 2^(2-e) or more: the
   product of m and the next 192, modulo 2^192, is the angle in units of 2^-190 quarter turns.  No
   double is nearer than 2^-62 to a whole number of them, so 128 bits of the fraction do. */
double sp__reduced_angle(double x, uint64_t *n)
{
    uint64_t bits;

    memcpy(&bits, &x, sizeof bits);
    int e = (int)(bits >> 52 & 0x7ff) - 1075;
    uint64_t m = (bits & 0xfffffffffffff) | 0x10000000000000;
    *n = 0;
    if (!isfinite(x)) return x - x;

    int at = e + 62;
    u128 low  = (u128)m * bits_from(at + 128);
    u128 mid  = (u128)m * bits_from(at + 64) + (uint64_t)(low >> 64);
    uint64_t top = m * bits_from(at) + (uint64_t)(mid >> 64);
    u128 part = ((u128)top << 64 | (uint64_t)mid) << 2 | (uint64_t)low >> 62;

    /* As a signed number it is the distance from the nearest quarter. */
    double r = (double)(i128)part * 0x1p-128 * 0x1.921fb54442d18p+0;
    *n = (top >> 62) + (uint64_t)(part >> 127);
    if (x > 0) return r;
    *n = -*n;
    return -r;
}
