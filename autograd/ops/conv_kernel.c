/* SPDX-License-Identifier: MIT
 *
 * conv_kernel - convolutions as matrix products.
 *
 * For one image and group let cols[(c,k),p] = x[c, p stride + k dilation - before].  Then
 *
 *     conv             y[o,p]      = w[o,(c,k)] cols[(c,k),p]
 *     conv_weight      w[o,(c,k)]  = y[o,p] cols[(c,k),p]'
 *     conv_transpose   cols[(c,k),p] = w[o,(c,k)]' y[o,p], then added to x where it came from
 *
 * Only a block of cols exists at a time.  Cut or not, an element of y or w is one chain in
 * increasing (c,k) or (n,p); an element of x is the sum of chains over o in an order fixed by
 * the shape.  Where every tap is a channel (1x1), x is cols as it stands.
 */
#include <string.h>
#include "autograd/ops/conv.h"
#include "tensor/gemm.h"

/* The most rows and elements of a block of cols: it stays in the second-level cache. */
enum { BLOCK_ROWS = 256, BLOCK_ELEMENTS = 1 << 16 };

/* ---- cols ---- */

/* One row of cols for neighboring positions, of which [lo, hi) see x and the rest padding:
   x[i step] and col[i]. */
typedef void strip(void *x, int64_t step, void *col, int64_t lo, int64_t hi, int64_t n);

#define STRIPS(T)                                                                   \
    static void take_##T(void *from, int64_t step, void *to, int64_t lo, int64_t hi, int64_t n) \
    {                                                                               \
        const T *x = from;                                                          \
        T *col = to;                                                                \
        for (int64_t i = 0; i < lo; i++) col[i] = 0;                                \
        if (step == 1) memcpy(col + lo, x, (size_t)(hi - lo) * sizeof *x);          \
        else for (int64_t i = lo; i < hi; i++) col[i] = x[(i - lo) * step];         \
        for (int64_t i = hi; i < n; i++) col[i] = 0;                                \
    }                                                                               \
    static void give_##T(void *to, int64_t step, void *from, int64_t lo, int64_t hi, int64_t n) \
    {                                                                               \
        T *x = to;                                                                  \
        const T *col = from;                                                        \
        (void)n;                                                                    \
        if (step == 1) for (int64_t i = lo; i < hi; i++) x[i - lo] += col[i];       \
        else for (int64_t i = lo; i < hi; i++) x[(i - lo) * step] += col[i];        \
    }
STRIPS(float)
STRIPS(double)

/* A block of cols: rows (c,k) and positions p. */
typedef struct block { int64_t row, rows, first, count; } block;

/* Of n positions along an axis from y on, the range [lo, hi) whose tap lies within x. */
static void within(const sp_windows *s, int d, int64_t at, int64_t n, int64_t *lo, int64_t *hi)
{
    int64_t stride = s->stride[d];

    *lo = at < 0 ? (-at + stride - 1) / stride : 0;
    *hi = at < s->x[d] ? (s->x[d] - 1 - at) / stride + 1 : 0;
    if (*lo > n) *lo = n;
    if (*hi > n) *hi = n;
    if (*hi < *lo) *hi = *lo;
}

/* One row of a block: strip by strip along the last axis. */
static void each_strip(const sp_windows *s, const int64_t tap[3], const block *b, strip *f,
                       char *x, char *col, int64_t size)
{
    int64_t y[3], lo, hi, n;

    for (int64_t p = b->first, end = b->first + b->count; p < end; p += n, col += n * size) {
        int64_t at[3], base = 0;
        bool inside = true;
        sp__split3(p, s->y, y);
        n = s->y[2] - y[2] < end - p ? s->y[2] - y[2] : end - p;
        for (int d = 0; d < 3; d++) {
            at[d] = y[d] * s->stride[d] + tap[d] * s->dilation[d] - s->before[d];
            if (d < 2) inside &= at[d] >= 0 && at[d] < s->x[d];
            base = base * s->x[d] + at[d];
        }
        within(s, 2, at[2], n, &lo, &hi);
        if (!inside || lo == hi) lo = hi = n, base = 0;
        else base += lo * s->stride[2];
        f(x + base * size, s->stride[2], col, lo, hi, n);
    }
}

/* All rows of a block. */
static void each_row(const sp_windows *s, const block *b, strip *f, char *x, char *cols,
                     int64_t size)
{
    for (int64_t r = b->row; r < b->row + b->rows; r++, cols += b->count * size) {
        int64_t tap[3], channel = r / s->n_taps;
        sp__split3(r % s->n_taps, s->taps, tap);
        each_strip(s, tap, b, f, x + channel * s->n_x * size, cols, size);
    }
}

/* ---- one call ---- */

/* The operands by their place, whichever of them is the result. */
typedef struct job {
    sp_windows  s;
    int64_t     parts, groups, rows, out;       /* rows of cols, output channels: of a group */
    int64_t     x_size, y_size, w_size, size;   /* bytes of a group, and of an element */
    char       *x, *w, *y, *cols, *gemm_work;   /* cols NULL: x is cols */
    sp_gemm_fn *gemm;
    strip      *take, *give;
} job;

/* What one group of one image is to the operands. */
typedef struct part { char *x, *w, *y; } part;

/* What is done with each block of its cols. */
typedef void step(const job *, const part *, const block *);

static bool is_pointwise(const sp_windows *s)
{
    bool same = s->n_taps == 1 && s->n_x == s->n_y;
    for (int d = 0; d < SP_WINDOW_AXES; d++) same &= s->stride[d] == 1 && s->before[d] == 0;
    return same;
}

static block largest_block(int64_t rows, int64_t positions)
{
    block b = { 0, rows < BLOCK_ROWS ? rows : BLOCK_ROWS, 0, positions };
    int64_t room = BLOCK_ELEMENTS / (b.rows ? b.rows : 1);

    if (b.count > room) b.count = room - room % 48;     /* whole tiles of every kernel */
    return b;
}

static int64_t cols_bytes(const sp_windows *s, int64_t rows, int64_t size)
{
    block b = largest_block(rows, s->n_y);
    return is_pointwise(s) ? 0 : (b.rows * b.count * size + 63) / 64 * 64;
}

static job job_of(const sp_args *a, const sp_operand *x, const sp_operand *w, const sp_operand *y)
{
    const sp_conv_attr *at = a->attr;
    bool f32 = a->y.dtype == SP_F32;
    job j = { .s = sp__windows(&at->window, x->shape, y->shape, w->shape.dim + 2),
              .parts = x->shape.dim[0] * at->groups, .groups = at->groups,
              .out = w->shape.dim[0] / at->groups, .size = f32 ? 4 : 8,
              .x = x->data, .w = w->data, .y = y->data,
              .take = f32 ? take_float : take_double, .give = f32 ? give_float : give_double };
    int64_t in = w->shape.dim[1];

    j.rows = in * j.s.n_taps;
    j.x_size = in * j.s.n_x * j.size;
    j.y_size = j.out * j.s.n_y * j.size;
    j.w_size = j.out * j.rows * j.size;
    j.cols = is_pointwise(&j.s) ? NULL : a->work;
    j.gemm_work = (char *)a->work + cols_bytes(&j.s, j.rows, j.size);
    return j;
}

static void each_block(const job *j, const part *p, step *f)
{
    block most = largest_block(j->rows, j->s.n_y), b;

    for (b.first = 0; b.first < j->s.n_y; b.first += b.count) {
        b.count = j->s.n_y - b.first < most.count ? j->s.n_y - b.first : most.count;
        for (b.row = 0; b.row < j->rows; b.row += b.rows) {
            b.rows = j->rows - b.row < most.rows ? j->rows - b.row : most.rows;
            f(j, p, &b);
        }
    }
}

/* The result is zero, or what it was, until products are added to it. */
static void each_part(const sp_args *a, const job *j, step *f)
{
    if (!a->add) memset(a->y.data, 0, (size_t)(sp_shape_size(a->y.shape) * j->size));
    if (j->rows == 0 || j->out == 0) return;
    for (int64_t i = 0; i < j->parts; i++) {
        part p = { j->x + i * j->x_size, j->w + i % j->groups * j->w_size, j->y + i * j->y_size };
        each_block(j, &p, f);
    }
}

/* ---- the three products ---- */

static sp_matrix cols_of(const job *j, const part *p, const block *b)
{
    if (j->cols) return (sp_matrix){ j->cols, b->count, 1 };
    return (sp_matrix){ p->x + (b->row * j->s.n_x + b->first) * j->size, j->s.n_x, 1 };
}

static sp_matrix y_of(const job *j, const part *p, const block *b)
{
    return (sp_matrix){ p->y + b->first * j->size, j->s.n_y, 1 };
}

static sp_matrix w_of(const job *j, const part *p, const block *b)
{
    return (sp_matrix){ p->w + b->row * j->size, j->rows, 1 };
}

static sp_matrix turned(sp_matrix m) { return (sp_matrix){ m.data, m.col, m.row }; }

static void forward(const job *j, const part *p, const block *b)
{
    if (j->cols) each_row(&j->s, b, j->take, p->x, j->cols, j->size);
    j->gemm(&(sp_gemm){ .m = j->out, .n = b->count, .k = b->rows, .a = w_of(j, p, b),
                        .b = cols_of(j, p, b), .c = y_of(j, p, b), .add = true,
                        .work = j->gemm_work });
}

static void by_weight(const job *j, const part *p, const block *b)
{
    if (j->cols) each_row(&j->s, b, j->take, p->x, j->cols, j->size);
    j->gemm(&(sp_gemm){ .m = j->out, .n = b->rows, .k = b->count, .a = y_of(j, p, b),
                        .b = turned(cols_of(j, p, b)), .c = w_of(j, p, b), .add = true,
                        .work = j->gemm_work });
}

static void transposed(const job *j, const part *p, const block *b)
{
    j->gemm(&(sp_gemm){ .m = b->rows, .n = b->count, .k = j->out, .a = turned(w_of(j, p, b)),
                        .b = y_of(j, p, b), .c = cols_of(j, p, b), .add = !j->cols,
                        .work = j->gemm_work });
    if (j->cols) each_row(&j->s, b, j->give, p->x, j->cols, j->size);
}

/* ---- kernels ---- */

int64_t sp__conv_work(const sp_conv_attr *at, sp_shape x, sp_shape w, sp_shape y, sp_dtype dtype)
{
    sp_windows s = sp__windows(&at->window, x, y, w.dim + 2);
    int64_t rows = w.dim[1] * s.n_taps, out = w.dim[0] / at->groups;
    block b = largest_block(rows, s.n_y);
    int64_t most = sp__gemm_work(out, b.count, b.rows, dtype);
    int64_t others[] = { sp__gemm_work(out, b.rows, b.count, dtype),
                         sp__gemm_work(b.rows, b.count, out, dtype) };

    for (int i = 0; i < 2; i++) most = others[i] > most ? others[i] : most;
    return cols_bytes(&s, rows, sp_dtype_size(dtype)) + most;
}

static void conv(const sp_args *a, sp_gemm_fn *gemm)
{
    job j = job_of(a, &a->x[0], &a->x[1], &a->y);
    j.gemm = gemm;
    each_part(a, &j, forward);
}

static void conv_transpose(const sp_args *a, sp_gemm_fn *gemm)
{
    job j = job_of(a, &a->y, &a->x[1], &a->x[0]);
    j.gemm = gemm;
    each_part(a, &j, transposed);
}

static void conv_weight(const sp_args *a, sp_gemm_fn *gemm)
{
    job j = job_of(a, &a->x[0], &a->y, &a->x[1]);
    j.gemm = gemm;
    each_part(a, &j, by_weight);
}

/* One kernel per instruction set, which fetches that set's product. */
#define EACH(op, isa, ISA)                                                          \
    void sp__##op##_f32_##isa(const sp_args *a) { op(a, sp__gemm_for(ISA, SP_F32)); } \
    void sp__##op##_f64_##isa(const sp_args *a) { op(a, sp__gemm_for(ISA, SP_F64)); }
#define KERNELS(isa, ISA) EACH(conv, isa, ISA) EACH(conv_transpose, isa, ISA) \
                          EACH(conv_weight, isa, ISA)
SP_EACH_ISA(KERNELS)
