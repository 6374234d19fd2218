/* SPDX-License-Identifier: MIT
 *
 * print.c - tensors as text for people.
 *
 *     f32 [2,3]
 *     [[   1    2  3.5]
 *      [ -20  0.5  nan]]
 */
#include <inttypes.h>
#include <math.h>
#include <string.h>
#include "tensor/tensor.h"

/* An axis longer than LONG is shown as its first and last EDGE. */
enum { LONG = 10, EDGE = 3, NUMBER = 32 };

/* Where text goes: to a file, or as far as it fits to memory. */
typedef struct sink {
    FILE   *file;
    char   *text;
    int64_t size, length;
} sink;

/* What is printed, and the width of its columns. */
typedef struct page {
    const sp_tensor *x;
    sp_layout        layout;
    int              width;
} page;

static void emit(sink *to, const char *s, int64_t n)
{
    if (to->file) fwrite(s, 1, (size_t)n, to->file);

    int64_t room = to->size - 1 - to->length;
    if (room > 0) memcpy(to->text + to->length, s, (size_t)(n < room ? n : room));
    to->length += n;
}

static void emit_spaces(sink *to, int64_t n)
{
    while (n-- > 0)
        emit(to, " ", 1);
}

/* One number; returns its length. */
static int number(const sp_tensor *x, int64_t i, char text[NUMBER])
{
    if (x->dtype == SP_I64) return snprintf(text, NUMBER, "%" PRId64, ((int64_t *)x->data)[i]);

    double v = sp_tensor_at(x, i);
    if (isnan(v)) return snprintf(text, NUMBER, "nan");       /* not -nan */
    return snprintf(text, NUMBER, sp_is_floating(x->dtype) ? "%.6g" : "%.0f", v);
}

/* The index that is shown after i on an axis of n. */
static int64_t following(int64_t i, int64_t n)
{
    return n > LONG && i == EDGE - 1 ? n - EDGE : i + 1;
}

/* Rank limits the depth of this and the next. */
static int widest(const page *p, int axis, int64_t at)
{
    int     most = 0;
    char    text[NUMBER];
    int64_t n = axis < p->x->shape.rank ? p->x->shape.dim[axis] : 0;

    if (axis == p->x->shape.rank) return number(p->x, at, text);
    for (int64_t i = 0; i < n; i = following(i, n)) {
        int w = widest(p, axis + 1, at + i * p->layout.stride[axis]);
        if (w > most) most = w;
    }
    return most;
}

/* Between two neighbors on an axis: a space, a line, or from the third axis an
   empty line, and then the brackets' indent. */
static void separate(sink *to, const page *p, int axis, bool cut)
{
    int64_t inner = p->x->shape.rank - 1 - axis;

    if (inner == 0) {
        emit(to, cut ? " ... " : " ", cut ? 5 : 1);
        return;
    }
    emit(to, "\n\n", inner > 1 ? 2 : 1);
    emit_spaces(to, axis + 1);
    if (!cut) return;
    emit(to, "...\n\n", inner > 1 ? 5 : 4);
    emit_spaces(to, axis + 1);
}

static void block(sink *to, const page *p, int axis, int64_t at)
{
    char text[NUMBER];

    if (axis == p->x->shape.rank) {
        int length = number(p->x, at, text);
        emit_spaces(to, p->width - length);
        emit(to, text, length);
        return;
    }
    int64_t n = p->x->shape.dim[axis];
    emit(to, "[", 1);
    for (int64_t i = 0, next; i < n; i = next) {
        next = following(i, n);
        block(to, p, axis + 1, at + i * p->layout.stride[axis]);
        if (next < n) separate(to, p, axis, next > i + 1);
    }
    emit(to, "]", 1);
}

static void show(sink *to, const sp_tensor *x)
{
    char shape[SP_SHAPE_TEXT];

    if (!x) {
        emit(to, "no tensor", 9);
        return;
    }
    const char *dtype = sp_dtype_name(x->dtype);
    emit(to, dtype, (int64_t)strlen(dtype));
    emit(to, " ", 1);
    sp_shape_text(x->shape, shape);
    emit(to, shape, (int64_t)strlen(shape));
    emit(to, "\n", 1);

    page p = { .x = x, .layout = sp_shape_layout(x->shape) };
    if (sp_tensor_size(x) == 0) {
        emit(to, "[]", 2);            /* not a million empty rows of [1000000,0] */
        return;
    }
    p.width = widest(&p, 0, 0);
    block(to, &p, 0, 0);
}

void sp_tensor_print(const sp_tensor *x, FILE *file)
{
    sink to = { .file = file };

    show(&to, x);
    emit(&to, "\n", 1);
}

int64_t sp_tensor_text(const sp_tensor *x, char *text, int64_t size)
{
    sink to = { .text = text, .size = size };

    show(&to, x);
    if (size > 0) text[to.length < size ? to.length : size - 1] = 0;
    return to.length;
}
