/* SPDX-License-Identifier: MIT
 *
 * vmath_angle.h - sine and cosine, in f64; those of f32 are these, rounded (part of vmath.h).
 *
 * x = n pi/2 + r, |r| <= pi/4: then sin x is sin r, cos r, -sin r or -cos r by n mod 4.
 */
#include "tensor/angle.h"

/* Best in the relative sense, for |r| <= pi/4, in z = r^2:
   sin_more: (sin(r) / r - 1) / z
   cos_more: (cos(r) - 1 + z / 2) / z^2 */
static const double sin_more[] = {
    -0x1.5555555555549p-3, 0x1.111111110f868p-7,  -0x1.a01a019c0ef4dp-13,
    0x1.71de357523204p-19, -0x1.ae5e6405350b6p-26, 0x1.5d9250f14f1efp-33,
};
static const double cos_more[] = {
    0x1.555555555554cp-5,   -0x1.6c16c16c15165p-10, 0x1.a01a019caf02ep-16,
    -0x1.27e4f807cca00p-22, 0x1.1ee9ea5c19534p-29,  -0x1.8fadc3f9e766ep-37,
};

/* a - b, and in *error what rounding took from it, for any a and b. */
SP_VEC vf64 difference(vf64 a, vf64 b, vf64 *error)
{
    vf64 d = a - b, back = a - d;

    *error = (a - (d + back)) + (back - b);
    return d;
}

/* r, and n mod 4 in the last bits of *n.  pi/2 in four parts, the first three of 33 bits: times n
   < 2^20 each is exact, and so is what is left after the first.  Beyond SP_ANGLE_MOST one by
   one. */
SP_VEC vf64 reduced_angle(vf64 x, vu64 *n)
{
    vf64 k = nearest_vf64(x * vset(x, 0x1.45f306dc9c883p-1), n), lost, more;
    vf64 r = x - k * vset(x, 0x1.921fb544p+0);

    r = difference(r, k * vset(x, 0x1.0b4611a6p-34), &lost);
    r = difference(r, k * vset(x, 0x1.3198a2ep-69), &more);
    r = r + (lost + more - k * vset(x, 0x1.b839a252049c1p-104));
    if (vany(vabs(x) > vset(x, SP_ANGLE_MOST)))
        for (int i = 0; i < VLEN(double); i++)
            if (fabs(x[i]) > SP_ANGLE_MOST) {
                uint64_t quarters;
                r[i] = sp__reduced_angle(x[i], &quarters);
                (*n)[i] = quarters;
            }
    return r;
}

/* sin(r + n pi/2) */
SP_VEC vf64 sin_from(vf64 r, vu64 n)
{
    vf64 z = r * r, h = vset(r, 0.5) * z, one = vset(r, 1), w = one - h;
    vf64 s = polynomial_vf64(z, (int)(sizeof sin_more / sizeof *sin_more), sin_more);
    vf64 c = polynomial_vf64(z, (int)(sizeof cos_more / sizeof *cos_more), cos_more);

    s = vfma(r * z, s, r);
    c = w + vfma(z * z, c, one - w - h);
    vf64 y = vselect((vi64)-(n & 1), c, s);
    return (vf64)((vu64)y ^ ((n & 2) << 62));
}

SP_VEC vf64 vsin_vf64(vf64 x)
{
    vu64 n;
    vf64 r = reduced_angle(x, &n);

    return vselect(x == vset(x, 0), x, sin_from(r, n));         /* -0 */
}

SP_VEC vf64 vcos_vf64(vf64 x)
{
    vu64 n;
    vf64 r = reduced_angle(x, &n);

    return sin_from(r, n + 1);
}

/* Both halves of x in f64. */
typedef double sp__wide __attribute__((vector_size(2 * VBYTES)));
#define BY_HALVES(f)                                                                \
    SP_VEC vf32 f##_vf32(vf32 x)                                                    \
    {                                                                               \
        sp__wide w = __builtin_convertvector(x, sp__wide);                          \
        vf64 half[2];                                                               \
        memcpy(half, &w, sizeof w);                                                 \
        for (int i = 0; i < 2; i++) half[i] = f##_vf64(half[i]);                    \
        memcpy(&w, half, sizeof w);                                                 \
        return __builtin_convertvector(w, vf32);                                    \
    }
BY_HALVES(vsin)
BY_HALVES(vcos)
#undef BY_HALVES
