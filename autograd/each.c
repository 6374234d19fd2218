/* SPDX-License-Identifier: MIT
 *
 * each - runs an elementwise kernel over operands of any strides.
 *
 * A kernel knows rows of stride 1 (or 0: one value).  What lies otherwise is brought into such
 * form in a piece of scratch: a part of a long row, or many short rows at a time.
 */
#include "autograd/node.h"
#include "tensor/strided.h"

enum { CHUNK = 512, SHORT = 128, MOST = SP_MAX_WALK - 1 };

typedef struct scratch {
    _Alignas(64) char row[SP_MAX_WALK][CHUNK * 8];
} scratch;

/* One array as the walk sees it: 0 is y, then the operands. */
typedef struct lane {
    char   *data;
    int64_t size, stride;      /* of an element in bytes; of a row in elements */
    bool    row, rows;         /* a kernel can read a row where it lies; many rows as if one */
} lane;

typedef struct job { const sp_args *args; sp_kernel *kernel; lane lane[SP_MAX_WALK]; } job;

static lane lane_of(const sp_operand *o, const sp_walk *w, int i)
{
    const int64_t *stride = w->stride[i];
    int last = (int)w->shape.rank - 1;
    bool row = stride[last] == 1 || (stride[last] == 0 && i > 0), rows = row;

    for (int d = last; d > 0; d--) rows &= stride[d - 1] == stride[d] * w->shape.dim[d];
    return (lane){ o->data, sp_dtype_size(o->dtype), stride[last], row, rows };
}

/* Run the kernel on rows from the current one on; more than one, or such that the kernel cannot
   read where they lie, have room in the scratch. */
static void run_rows(const job *j, const sp_walk *w, int64_t rows, scratch *s)
{
    sp_args a = *j->args;
    sp_operand x[MOST];

    for (int i = a.n; i >= 0; i--) {
        const lane *l = &j->lane[i];
        bool there = rows == 1 ? l->row : l->rows;
        sp_operand *o = i ? &x[i - 1] : &a.y;
        if (i) *o = a.x[i - 1];
        o->data = there ? l->data + w->at[i] * l->size : s->row[i];
        o->stride[0] = there ? l->stride : 1;
        if (i && !there) sp__pack_rows(w, i, rows, l->size, o->data, l->data);
    }
    a.x = x;
    a.y.shape = SP_SHAPE(rows * w->len);
    j->kernel(&a);
    if (a.y.data == s->row[0])
        sp__unpack_rows(w, 0, rows, j->lane[0].size, j->lane[0].data, a.y.data);
}

/* A row too long for the scratch, in parts. */
static void run_parts(const job *j, const sp_walk *w, scratch *s)
{
    sp_walk part = *w;

    for (int64_t left = w->len; left > 0; left -= part.len) {
        part.len = left < CHUNK ? left : CHUNK;
        run_rows(j, &part, 1, s);
        for (int i = 0; i < w->n; i++) part.at[i] += part.len * j->lane[i].stride;
    }
}

bool sp__each(const sp_args *args, sp_kernel *kernel)
{
    const int64_t *strides[SP_MAX_WALK] = { args->y.stride };
    job j = { .args = args, .kernel = kernel };
    bool in_place = true;
    sp_walk w;
    scratch s;

    if (args->n > MOST) return sp_fail("an elementwise op takes at most %d operands", MOST);
    for (int i = 0; i < args->n; i++) strides[i + 1] = args->x[i].stride;
    sp__walk_begin(&w, args->y.shape, args->n + 1, strides);
    for (int i = 0; i <= args->n; i++) {
        j.lane[i] = lane_of(i ? &args->x[i - 1] : &args->y, &w, i);
        in_place &= j.lane[i].row;
    }
    for (int64_t rows, left = w.rows; left > 0; left -= rows) {
        rows = w.len >= SHORT ? 1 : left < CHUNK / w.len ? left : CHUNK / w.len;
        if (rows > 1 || in_place || w.len <= CHUNK) run_rows(&j, &w, rows, &s);
        else run_parts(&j, &w, &s);
        sp__walk_on(&w, rows);
    }
    return true;
}
