/* SPDX-License-Identifier: MIT
 *
 * class_row.h - what softmax and its like do to one row of n logits (internal).
 *
 *   class_top(x, n)          the largest, NaN left out; -inf of none
 *   class_weight(x, n, m)    sum e^(x - m): blocks of 64 vectors, then the blocks
 *   class_softmax(x, y, n)   y = e^(x - m) / sum e^(x - m)
 *
 * With the largest as m no power exceeds 1.  A row that is -inf throughout, or holds +inf or
 * NaN, comes out as NaN: it has no probabilities.
 */
#ifndef SP_CLASS_ROW_H
#define SP_CLASS_ROW_H

#include "tensor/vmath.h"

#define SP__CLASS_ROW(T, type)                                                      \
    SP_VEC T class_top_##type(const T *x, int64_t n)                                \
    {                                                                               \
        T top = -(T)INFINITY;                                                       \
        v##type m = vset((v##type){ 0 }, -(double)INFINITY);                        \
        int64_t i = 0;                                                              \
        for (; i + VLEN(T) <= n; i += VLEN(T)) m = vmax(vload(x + i), m);           \
        for (int k = 0; k < VLEN(T); k++) top = vget(m, k) > top ? vget(m, k) : top; \
        for (; i < n; i++) top = x[i] > top ? x[i] : top;                           \
        return top;                                                                 \
    }                                                                               \
    SP_VEC T class_weight_##type(const T *x, int64_t n, T top)                      \
    {                                                                               \
        v##type m = vset((v##type){ 0 }, (double)top), sum = { 0 };                 \
        T last[VLEN(T)];                                                            \
        int64_t whole = n - n % VLEN(T);                                            \
        for (int64_t i = 0; i < whole;) {                                           \
            v##type part = { 0 };                                                   \
            int64_t end = whole - i < 64 * VLEN(T) ? whole : i + 64 * VLEN(T);      \
            for (; i < end; i += VLEN(T)) part += vexp(vload(x + i) - m);           \
            sum += part;                                                            \
        }                                                                           \
        if (whole < n) {                                                            \
            vstore_part(last, vexp(vload_part(x + whole, n - whole) - m), n - whole); \
            sum += vload_part((const T *)last, n - whole);                          \
        }                                                                           \
        return vsum(sum);                                                           \
    }                                                                               \
    SP_VEC void class_softmax_##type(const T *x, T *y, int64_t n)                   \
    {                                                                               \
        T top = class_top_##type(x, n), weight = class_weight_##type(x, n, top);    \
        v##type m = vset((v##type){ 0 }, (double)top), s = vset(m, (double)weight); \
        int64_t i = 0;                                                              \
        for (; i + VLEN(T) <= n; i += VLEN(T)) vstore(y + i, vexp(vload(x + i) - m) / s); \
        if (i < n) vstore_part(y + i, vexp(vload_part(x + i, n - i) - m) / s, n - i); \
    }                                                                               \
    SP_VEC T class_log_##type(T x) { return vget(vlog(vset((v##type){ 0 }, (double)x)), 0); }
SP__CLASS_ROW(float, f32)
SP__CLASS_ROW(double, f64)

#endif
