/* SPDX-License-Identifier: MIT
 *
 * cascade.h - sums and maxima of n numbers, side by side or in columns (internal).
 *
 * A sum is a tree fixed by the shape: blocks of 64 are summed in order (by so many lanes as a
 * vector has, when they lie along the row), and blocks are added in pairs, pairs of pairs, ...
 * So the error grows with the logarithm of n, and bits do not depend on threads.
 */
#ifndef SP_CASCADE_H
#define SP_CASCADE_H

#include <math.h>
#include "tensor/vmath.h"

enum { CASCADE_BLOCK = 64, CASCADE_LEVELS = 48 };

/* Partial sums waiting for their partner: level k holds the sum of 2^k blocks.  And what a term
   is made of beside the number x itself. */
#define SP__CASCADE(T, type)                                                        \
    typedef struct type##_cascade {                                                 \
        v##type level[CASCADE_LEVELS];                                              \
        int64_t count;                                                              \
    } type##_cascade;                                                               \
    typedef struct type##_given { v##type c, d, e; } type##_given;                  \
    SP_VEC void type##_put(type##_cascade *sums, v##type x)                         \
    {                                                                               \
        int k = 0;                                                                  \
        for (int64_t bits = sums->count++; bits & 1; bits >>= 1)                    \
            x = sums->level[k++] + x;                                               \
        sums->level[k] = x;                                                         \
    }                                                                               \
    SP_VEC v##type type##_total(const type##_cascade *sums)                         \
    {                                                                               \
        v##type sum = { 0 };                                                        \
        int k = 0;                                                                  \
        for (int64_t bits = sums->count; bits; bits >>= 1, k++)                     \
            if (bits & 1) sum = sums->level[k] + sum;                               \
        return sum;                                                                 \
    }                                                                               \
    SP_VEC v##type type##_larger(v##type m, v##type x)    /* m NaN stays */         \
    {                                                                               \
        return vselect((x > m) | (x != x), x, m);                                   \
    }                                                                               \
    SP_VEC v##type type##_unit(v##type m)  /* m; 1 where it is 0, infinite or NaN */ \
    {                                                                               \
        v##type none = m - m;                                                       \
        return vselect((m == none) | (none != none), vset(m, 1), m);                \
    }
SP__CASCADE(float, f32)
SP__CASCADE(double, f64)

/* SUMS(name, T, type, term) writes the sums of a term of x and g.c, g.d, g.e (`along` and `down`
   are one block of them):
     name_row_TYPE(p, n, g)                    of n numbers side by side
     name_columns_TYPE(p, n, inner, part, g)   of n rows of `inner` numbers, `part` of a vector */
#define SUMS(NAME, T, type, TERM)                                                   \
    SP_VEC v##type NAME##_term_##type(v##type x, type##_given g) { (void)g; return TERM; } \
    SP_VEC v##type NAME##_along_##type(const T *p, int64_t n, type##_given g)       \
    {                                                                               \
        v##type sum = { 0 };                                                        \
        int64_t k = 0;                                                              \
        for (; k + VLEN(T) <= n; k += VLEN(T)) sum += NAME##_term_##type(vload(p + k), g); \
        if (k < n) sum += vfirst(NAME##_term_##type(vload_part(p + k, n - k), g), n - k); \
        return sum;                                                                 \
    }                                                                               \
    SP_VEC v##type NAME##_down_##type(const T *p, int64_t n, int64_t inner, int64_t part, \
                                      type##_given g)                               \
    {                                                                               \
        v##type sum = { 0 };                                                        \
        int64_t k = 0;                                                              \
        if (part == VLEN(T))                                                        \
            for (; k < n; k++) sum += NAME##_term_##type(vload(p + k * inner), g);  \
        for (; k < n; k++) sum += NAME##_term_##type(vload_part(p + k * inner, part), g); \
        return sum;                                                                 \
    }                                                                               \
    static T NAME##_row_##type(const T *p, int64_t n, type##_given g)               \
    {                                                                               \
        const int64_t block = CASCADE_BLOCK * VLEN(T);                              \
        if (n <= block) return vsum(NAME##_along_##type(p, n, g));                  \
        type##_cascade sums = { .count = 0 };                                       \
        for (int64_t i = 0; i < n; i += block)                                      \
            type##_put(&sums, NAME##_along_##type(p + i, n - i < block ? n - i : block, g)); \
        return vsum(type##_total(&sums));                                           \
    }                                                                               \
    static v##type NAME##_columns_##type(const T *p, int64_t n, int64_t inner, int64_t part, \
                                         type##_given g)                            \
    {                                                                               \
        const int64_t block = CASCADE_BLOCK;                                        \
        if (n <= block) return NAME##_down_##type(p, n, inner, part, g);            \
        type##_cascade sums = { .count = 0 };                                       \
        for (int64_t i = 0; i < n; i += block)                                      \
            type##_put(&sums, NAME##_down_##type(p + i * inner, n - i < block ? n - i : block, \
                                                 inner, part, g));                  \
        return type##_total(&sums);                                                 \
    }

/* The largest of a term that is not negative, 0 of none; NaN beats any number. */
#define LARGEST(NAME, T, type, TERM)                                                \
    SP_VEC v##type NAME##_term_##type(v##type x, type##_given g) { (void)g; return TERM; } \
    static T NAME##_row_##type(const T *p, int64_t n, type##_given g)               \
    {                                                                               \
        v##type m = { 0 };                                                          \
        T most = 0;                                                                 \
        int64_t i = 0;                                                              \
        for (; i + VLEN(T) <= n; i += VLEN(T))                                      \
            m = type##_larger(m, NAME##_term_##type(vload(p + i), g));              \
        v##type last = NAME##_term_##type(vload_part(p + i, n - i), g);             \
        m = type##_larger(m, vfirst(last, n - i));                                  \
        for (int k = 0; k < VLEN(T); k++)                                           \
            if (vget(m, k) > most || vget(m, k) != vget(m, k)) most = vget(m, k);   \
        return most;                                                                \
    }                                                                               \
    static v##type NAME##_columns_##type(const T *p, int64_t n, int64_t inner, int64_t part, \
                                         type##_given g)                            \
    {                                                                               \
        v##type m = { 0 };                                                          \
        for (int64_t i = 0; i < n; i++)                                             \
            m = type##_larger(m, NAME##_term_##type(vload_part(p + i * inner, part), g)); \
        return m;                                                                   \
    }

#endif
