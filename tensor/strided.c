/* SPDX-License-Identifier: MIT
 *
 * strided - walking arrays of any strides, row by row.
 */
#include "tensor/strided.h"

#include <string.h>

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

void sp__walk_next(sp_walk *w)
{
    for (int d = (int)w->shape.rank - 2; d >= 0; d--) {
        for (int i = 0; i < w->n; i++) w->at[i] += w->stride[i][d];
        if (++w->index[d] < w->shape.dim[d]) return;
        for (int i = 0; i < w->n; i++) w->at[i] -= w->shape.dim[d] * w->stride[i][d];
        w->index[d] = 0;
    }
}

#define COPY_ROW(T)                                                                 \
    static void copy_##T(int64_t n, void *to, int64_t dy, const void *from, int64_t dx) \
    {                                                                               \
        T *y = to;                                                                  \
        const T *x = from;                                                          \
        for (int64_t i = 0; i < n; i++) y[i * dy] = x[i * dx];                      \
    }
COPY_ROW(uint8_t)
COPY_ROW(uint32_t)
COPY_ROW(uint64_t)

void sp__copy_strided(sp_shape shape, int64_t size, void *y, const int64_t y_stride[],
                      const void *x, const int64_t x_stride[])
{
    const int64_t *strides[] = { y_stride, x_stride };
    sp_walk w;

    sp__walk_begin(&w, shape, 2, strides);
    int64_t dy = w.stride[0][w.shape.rank - 1], dx = w.stride[1][w.shape.rank - 1];
    for (int64_t r = 0; r < w.rows; r++) {
        char *to = (char *)y + w.at[0] * size;
        const char *from = (const char *)x + w.at[1] * size;
        if (dy == 1 && dx == 1) memcpy(to, from, (size_t)(w.len * size));
        else if (size == 4) copy_uint32_t(w.len, to, dy, from, dx);
        else if (size == 8) copy_uint64_t(w.len, to, dy, from, dx);
        else copy_uint8_t(w.len, to, dy, from, dx);
        if (r + 1 < w.rows) sp__walk_next(&w);
    }
}
