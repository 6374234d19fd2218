/* SPDX-License-Identifier: MIT
 *
 * strided_case.h - arrays that lie in random ways: axes in any order, with gaps, backwards,
 * repeated.
 */
#ifndef STRIDED_CASE_H
#define STRIDED_CASE_H

#include "tensor/random.h"
#include "tensor/shape.h"

typedef struct array { int64_t first, stride[SP_MAX_RANK]; } array;

static int64_t drawn;

static inline int64_t below(int64_t n)
{
    return sp_random_below((sp_random){ .seed = 9 }, drawn++, n);
}

/* Up to `most` elements, sometimes none. */
static inline sp_shape some_shape(int64_t most)
{
    sp_shape s = { 1 + below(SP_MAX_RANK - 1), { 0 } };

    for (int d = 0; d < s.rank; d++) s.dim[d] = below(12) ? 1 + below(4) : below(3) * most / 5;
    while (sp_shape_size(s) > most) s.dim[below(s.rank)] = 1;
    return s;
}

/* Only what is read may be repeated.  Takes up to twice the elements of the shape. */
static inline array some_array(sp_shape s, bool read)
{
    array a = { 0 };
    int64_t step = 1 + below(2);
    bool done[SP_MAX_RANK] = { false };

    for (int n = 0; n < s.rank; n++) {
        int d = below(2) ? (int)s.rank - 1 - n : (int)below(s.rank);
        while (done[d]) d = (d + 1) % (int)s.rank;
        done[d] = true;
        a.stride[d] = read && below(4) == 0 ? 0 : step;
        if (a.stride[d] && s.dim[d] > 1) step *= s.dim[d];
        if (below(4) == 0 && s.dim[d] > 0) {
            a.first += (s.dim[d] - 1) * a.stride[d];
            a.stride[d] = -a.stride[d];
        }
    }
    return a;
}

/* Where element i, counted along the last axis first, lies. */
static inline int64_t place(sp_shape s, const array *a, int64_t i)
{
    int64_t at = a->first;

    for (int d = (int)s.rank - 1; d >= 0; i /= s.dim[d--]) at += i % s.dim[d] * a->stride[d];
    return at;
}

#endif
