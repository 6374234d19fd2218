/* SPDX-License-Identifier: MIT
 *
 * each - runs an elementwise kernel over operands of any strides.
 *
 * A kernel knows rows of stride 1 (or 0: one value).  Rows that lie otherwise are brought
 * into such form in a piece of scratch, a chunk at a time.
 */
#include <string.h>
#include "autograd/node.h"
#include "tensor/strided.h"

enum { CHUNK = 512, MOST = SP_MAX_WALK - 1 };

typedef struct scratch {
    _Alignas(64) char row[SP_MAX_WALK][CHUNK * 8];
} scratch;

/* One array as the walk sees it: 0 is y, then the operands. */
typedef struct lane { char *data; int64_t size, stride; bool plain; } lane;

static lane lane_of(const sp_operand *o, int64_t stride, bool is_y)
{
    bool plain = stride == 1 || (stride == 0 && !is_y);
    return (lane){ o->data, sp_dtype_size(o->dtype), stride, plain };
}

/* Run the kernel on n elements that begin at `at` of the current row. */
static void run_piece(sp_args *a, sp_kernel *kernel, const lane l[], const int64_t from[],
                      int64_t n, scratch *s)
{
    sp_operand x[MOST];
    const int64_t one = 1;
    sp_shape shape = SP_SHAPE(n);

    for (int i = 0; i <= a->n; i++) {
        char *first = l[i].data + from[i] * l[i].size;
        sp_operand *o = i ? &x[i - 1] : &a->y;
        if (i) *o = a->x[i - 1];
        o->data = l[i].plain ? first : s->row[i];
        o->stride[0] = l[i].stride == 0 && i ? 0 : 1;
        if (i && !l[i].plain)
            sp__copy_strided(shape, l[i].size, s->row[i], &one, first, &l[i].stride);
    }
    sp_args piece = *a;
    piece.x = x;
    piece.y.shape = shape;
    kernel(&piece);
    if (!l[0].plain)
        sp__copy_strided(shape, l[0].size, l[0].data + from[0] * l[0].size, &l[0].stride,
                         s->row[0], &one);
}

static void run_row(sp_args *a, sp_kernel *kernel, const lane l[], const sp_walk *w, scratch *s)
{
    bool plain = true;
    for (int i = 0; i <= a->n; i++) plain &= l[i].plain;
    int64_t most = plain ? w->len : CHUNK;

    for (int64_t at = 0; at < w->len; at += most) {
        int64_t from[SP_MAX_WALK], n = w->len - at < most ? w->len - at : most;
        for (int i = 0; i <= a->n; i++) from[i] = w->at[i] + at * l[i].stride;
        run_piece(a, kernel, l, from, n, s);
    }
}

bool sp__each(const sp_args *args, sp_kernel *kernel)
{
    const int64_t *strides[SP_MAX_WALK] = { args->y.stride };
    sp_args a = *args;
    sp_walk w;
    lane l[SP_MAX_WALK];
    scratch s;

    if (a.n > MOST) return sp_fail("an elementwise op takes at most %d operands", MOST);
    for (int i = 0; i < a.n; i++) strides[i + 1] = a.x[i].stride;
    sp__walk_begin(&w, a.y.shape, a.n + 1, strides);
    for (int i = 0; i <= a.n; i++)
        l[i] = lane_of(i ? &a.x[i - 1] : &a.y, w.stride[i][w.shape.rank - 1], i == 0);
    for (int64_t r = 0; r < w.rows; r++) {
        run_row(&a, kernel, l, &w, &s);
        if (r + 1 < w.rows) sp__walk_next(&w);
    }
    return true;
}
