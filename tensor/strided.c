/* SPDX-License-Identifier: MIT
 *
 * strided - walking arrays of any strides, row by row.
 */
#include "tensor/strided.h"

/* Whether axis d can be read as a continuation of axis `last` by every array. */
static bool joins(const sp_walk *w, int last, int n, const int64_t *const strides[], int d,
                  int64_t dim)
{
    for (int i = 0; i < n; i++)
        if (w->stride[i][last] != strides[i][d] * dim) return false;
    return true;
}

void sp__walk_begin(sp_walk *w, sp_shape shape, int n, const int64_t *const strides[])
{
    *w = (sp_walk){ .n = n, .rows = 1 };
    int rank = 0;
    for (int d = 0; d < shape.rank; d++) {
        if (shape.dim[d] == 1) continue;
        if (rank > 0 && joins(w, rank - 1, n, strides, d, shape.dim[d]))
            w->shape.dim[rank - 1] *= shape.dim[d];
        else
            w->shape.dim[rank++] = shape.dim[d];
        for (int i = 0; i < n; i++) w->stride[i][rank - 1] = strides[i][d];
    }
    if (rank == 0) w->shape.dim[rank++] = 1;
    w->shape.rank = rank;
    w->len = w->shape.dim[rank - 1];
    for (int d = 0; d < rank - 1; d++) w->rows *= w->shape.dim[d];
    if (w->len == 0) w->rows = 0;
}

int64_t sp__walk_even(const sp_walk *w, int64_t most)
{
    int last = (int)w->shape.rank - 2;
    int64_t left = last < 0 ? 1 : w->shape.dim[last] - w->index[last];

    return left < most ? left : most;
}

static void step(sp_walk *w, int64_t rows)
{
    for (int d = (int)w->shape.rank - 2; d >= 0; d--, rows = 1) {
        for (int i = 0; i < w->n; i++) w->at[i] += rows * w->stride[i][d];
        if ((w->index[d] += rows) < w->shape.dim[d]) return;
        for (int i = 0; i < w->n; i++) w->at[i] -= w->shape.dim[d] * w->stride[i][d];
        w->index[d] = 0;
    }
}

void sp__walk_on(sp_walk *w, int64_t rows)
{
    for (int64_t even; rows > 0; rows -= even) {
        even = sp__walk_even(w, rows);
        step(w, even);
    }
}

/* ---- copies ---- */

/* Rows that lie evenly: `across` apart, their elements `along` apart. */
typedef struct even { char *data; int64_t across, along; } even;

static even even_of(const sp_walk *w, int i, int64_t size, const void *data)
{
    int last = (int)w->shape.rank - 1;
    return (even){ (char *)(uintptr_t)data + w->at[i] * size, last ? w->stride[i][last - 1] : 0,
                   w->stride[i][last] };
}

#define COPY_ROWS(T)                                                                \
    static void copy_##T(int64_t rows, int64_t len, even to, even from)             \
    {                                                                               \
        T *restrict y = (T *)(void *)to.data;                                       \
        const T *restrict x = (const T *)(void *)from.data;                         \
        for (; rows > 0; rows--, y += to.across, x += from.across)                  \
            if (to.along == 1 && from.along == 1)                                   \
                for (int64_t i = 0; i < len; i++) y[i] = x[i];                      \
            else if (to.along == 1 && from.along == 0)                              \
                for (int64_t i = 0; i < len; i++) y[i] = *x;                        \
            else                                                                    \
                for (int64_t i = 0; i < len; i++) y[i * to.along] = x[i * from.along]; \
    }
COPY_ROWS(uint8_t)
COPY_ROWS(uint32_t)
COPY_ROWS(uint64_t)

static void copy_rows(int64_t size, int64_t rows, int64_t len, even to, even from)
{
    if (size == 4) copy_uint32_t(rows, len, to, from);
    else if (size == 8) copy_uint64_t(rows, len, to, from);
    else copy_uint8_t(rows, len, to, from);
}

void sp__copy_strided(sp_shape shape, int64_t size, void *y, const int64_t y_stride[],
                      const void *x, const int64_t x_stride[])
{
    const int64_t *strides[] = { y_stride, x_stride };
    sp_walk w;

    sp__walk_begin(&w, shape, 2, strides);
    for (int64_t rows, left = w.rows; left > 0; left -= rows) {
        rows = sp__walk_even(&w, left);
        copy_rows(size, rows, w.len, even_of(&w, 0, size, y), even_of(&w, 1, size, x));
        step(&w, rows);
    }
}

static void pack(sp_walk w, int i, int64_t left, int64_t size, void *packed, void *data, bool back)
{
    even side = { packed, w.len, 1 };

    for (int64_t rows; left > 0; left -= rows, side.data += rows * w.len * size) {
        rows = sp__walk_even(&w, left);
        even array = even_of(&w, i, size, data);
        copy_rows(size, rows, w.len, back ? array : side, back ? side : array);
        step(&w, rows);
    }
}

void sp__pack_rows(const sp_walk *w, int i, int64_t rows, int64_t size, void *packed,
                   const void *data)
{
    pack(*w, i, rows, size, packed, (void *)(uintptr_t)data, false);
}

void sp__unpack_rows(const sp_walk *w, int i, int64_t rows, int64_t size, void *data,
                     const void *packed)
{
    pack(*w, i, rows, size, (void *)(uintptr_t)packed, data, true);
}
