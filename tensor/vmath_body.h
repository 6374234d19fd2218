/* SPDX-License-Identifier: MIT
 *
 * vmath_body.h - the formulas of vmath.h, included once for f32 and once for f64.
 */
#define COUNT(a) ((int)(sizeof(a) / sizeof *(a)))
#define SET(s)   BY(vset)(s)

/* c[0] + c[1] x + c[2] x^2 + ... */
SP_VEC V BY(polynomial)(V x, int n, const double c[])
{
    V y = SET(c[n - 1]);

    for (int i = n - 2; i >= 0; i--) y = BY(vfma)(y, x, SET(c[i]));
    return y;
}

/* Exponents are unsigned, for they wrap where x is NaN and the result does not matter,
   and not every set shifts 64 bits with sign. */

/* The nearest integer to x as a float, and in *k as an integer: adding 1.5 2^mantissa
   leaves no room for a fraction.  |x| < 2^(mantissa - 1). */
SP_VEC V BY(nearest)(V x, U *k)
{
    V magic = SET(1.5 * (double)(INT64_C(1) << BY(mantissa)));
    V t     = x + magic;

    *k = (U)t - (U)magic;
    return t - magic;
}

/* An integer as a float, the same trick backward. */
SP_VEC V BY(as_float)(U k)
{
    V magic = SET(1.5 * (double)(INT64_C(1) << BY(mantissa)));

    return (V)((U)magic + k) - magic;
}

/* x 2^k, by two factors since one may be out of range: -2 bias < k < 2 bias. */
SP_VEC V BY(scale)(V x, U k)
{
    U both  = k + 2 * BY(bias), half = both >> 1;
    V first = (V)(half << BY(mantissa)), second = (V)((both - half) << BY(mantissa));

    return x * first * second;
}

/* x = k ln 2 + r, |r| <= ln 2 / 2; k ln2_hi is exact.  Returns e^r - 1. */
SP_VEC V BY(expm1_part)(V x, U *k)
{
    V n = BY(nearest)(x * SET(0x1.71547652b82fep+0), k);
    V r = BY(vfma)(n, SET(-BY(ln2_lo)), BY(vfma)(n, SET(-BY(ln2_hi)), x));

    return BY(vfma)(r * r, BY(polynomial)(r, COUNT(BY(exp_more)), BY(exp_more)), r);
}

/* The bounds are beyond overflow and underflow and keep k in range; comparisons
   let NaN pass. */
SP_VEC V BY(vexp)(V x)
{
    U k;

    x   = BY(vselect)(x < SET(BY(exp_least)), SET(BY(exp_least)), x);
    x   = BY(vselect)(x > SET(BY(exp_most)), SET(BY(exp_most)), x);
    V e = SET(1) + BY(expm1_part)(x, &k);
    return BY(scale)(e, k);
}

/* x = 2^k (1 + f), sqrt 1/2 <= 1 + f < sqrt 2, for a normal x > 0.  Returns f. */
SP_VEC V BY(log_split)(V x, U *k)
{
    /* The exponent counted from sqrt 1/2. */
    U above = (U)x - (U)SET(0x1.6a09e667f3bcdp-1) + (U)SET(1);

    *k = (above >> BY(mantissa)) - BY(bias);
    return (V)((U)x - (*k << BY(mantissa))) - SET(1);
}

/* log(2^n (1 + f)) + low:  with s = f / (2 + f),
   log(1 + f) = 2 atanh(s) = f - (f^2/2 - s (f^2/2 + R(s^2))), the first term exact. */
SP_VEC V BY(log_join)(V f, V n, V low)
{
    V s = f / (SET(2) + f), z = s * s, h = SET(0.5) * f * f;
    V r = z * BY(polynomial)(z, COUNT(BY(log_more)), BY(log_more));

    low = BY(vfma)(n, SET(BY(ln2_lo)), low);
    return BY(vfma)(n, SET(BY(ln2_hi)), f - (h - BY(vfma)(s, h + r, low)));
}

SP_VEC V BY(vlog)(V x)
{
    M small  = x < SET(BY(smallest));
    V normal = BY(vselect)(small, x * SET((double)(INT64_C(1) << BY(mantissa))), x);
    U k;
    V f = BY(log_split)(normal, &k);
    V n = BY(as_float)(k - ((U)small & BY(mantissa)));
    V y = BY(log_join)(f, n, SET(0));

    y = BY(vselect)(x < SET((double)INFINITY), y, x);           /* +inf and NaN */
    y = BY(vselect)(x < SET(0), SET((double)NAN), y);
    return BY(vselect)(x == SET(0), SET(-(double)INFINITY), y);
}

/* u = 1 + x is off by c, and log(u + c) = log u + c / u nearly. */
SP_VEC V BY(vlog1p)(V x)
{
    V u = SET(1) + x;
    V c = BY(vselect)(x < SET(1), x - (u - SET(1)), SET(1) - (u - x));
    U k;
    V f = BY(log_split)(u, &k);
    V y = BY(log_join)(f, BY(as_float)(k), c / u);

    y = BY(vselect)(x < SET((double)INFINITY), y, x);           /* +inf and NaN */
    y = BY(vselect)(x < SET(-1), SET((double)NAN), y);
    y = BY(vselect)(x == SET(-1), SET(-(double)INFINITY), y);
    return BY(vselect)(x == SET(0), x, y);                      /* -0 */
}

/* tanh |x| = q / (q + 2) with q = e^2|x| - 1 = 2^k (e^r - 1) + (2^k - 1), which loses
   nothing near 0; beyond tanh_flat it is 1. */
SP_VEC V BY(vtanh)(V x)
{
    M sign = (M)x & (M)SET(-0.0);
    V y    = (V)((M)x ^ sign), flat = SET(BY(tanh_flat));
    U k;

    y       = BY(vselect)(y > flat, flat, y);
    V part  = BY(expm1_part)(y + y, &k);
    V power = (V)((k + BY(bias)) << BY(mantissa));
    V q     = BY(vfma)(power, part, power - SET(1));
    return (V)((M)(q / (q + SET(2))) | sign);
}

/* 1 / (1 + e^-x), or for negative x e^x / (1 + e^x), which keeps the tail. */
SP_VEC V BY(vsigmoid)(V x)
{
    V e = BY(vexp)((V)((M)x | (M)SET(-0.0)));

    return BY(vselect)(x < SET(0), e, SET(1)) / (SET(1) + e);
}

/* e^x - 1 = 2 (2^(k-1) (e^r - 1) + (2^(k-1) - 1/2)), which neither overflows early nor loses
   anything near 0.  It has the sign of x, -0 included. */
SP_VEC V BY(vexpm1)(V x)
{
    V y = x, least = SET(-2 * BY(tanh_flat)), most = SET(BY(exp_most));
    U k;

    y       = BY(vselect)(y < least, least, y);
    y       = BY(vselect)(y > most, most, y);
    V part  = BY(expm1_part)(y, &k);
    V power = (V)((k + BY(bias) - 1) << BY(mantissa));
    V half  = BY(vfma)(power, part, power - SET(0.5));
    return (V)((M)(half + half) | ((M)x & (M)SET(-0.0)));
}

/* x + x P(x^2) up to 1, from there 1 - e^-Q(|x| - 1). */
SP_VEC V BY(verf)(V x)
{
    M sign = (M)x & (M)SET(-0.0);
    V y    = (V)((M)x ^ sign), t = y - SET(1), flat = SET(BY(erf_flat));

    t      = BY(vselect)(t > flat, flat, t);
    V near = BY(vfma)(y, BY(polynomial)(y * y, COUNT(BY(erf_near)), BY(erf_near)), y);
    V far  = SET(1) - BY(vexp)(-BY(polynomial)(t, COUNT(BY(erf_far)), BY(erf_far)));
    return (V)((M)BY(vselect)(y < SET(1), near, far) | sign);
}

/* Adding 2^mantissa leaves no room for a fraction; from there on all are whole. */
SP_VEC V BY(vround)(V x)
{
    M sign  = (M)x & (M)SET(-0.0);
    V y     = (V)((M)x ^ sign), whole = SET((double)(INT64_C(1) << BY(mantissa)));
    V near  = (V)((M)(y + whole - whole) | sign);

    return BY(vselect)(y < whole, near, x);
}

SP_VEC V BY(vfloor)(V x)
{
    V y = BY(vround)(x);

    return BY(vselect)(y > x, y - SET(1), y);
}

#undef COUNT
#undef SET
#undef T
#undef V
#undef M
#undef U
#undef BY
