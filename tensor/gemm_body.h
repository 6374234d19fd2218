/* SPDX-License-Identifier: MIT
 *
 * gemm_body.h - the body of gemm.c, included once for f32 and once for f64.
 *
 *     for each block of columns, for each block of k:
 *         pack B into panels of PANEL columns
 *         for each block of rows:
 *             pack A into tiles of ROWS rows
 *             each tile of A times each panel of B: one tile of C in registers
 *
 * The blocks of k come in increasing order and each continues from what the one
 * before left in C, so that an element is one chain.
 */
#define PANEL   (VECS * VLEN(T))
#define QUADLEN ((int)(16 / sizeof(T)))

/* Packed operands of one tile, and where its C stands (columns adjacent). */
typedef struct NAME(job) {
    int64_t  k;
    const T *a, *b;
    int64_t  ldb;
    T       *c;
    int64_t  ldc;
    bool     fresh;             /* C starts from 0 instead of what it holds */
} NAME(job);

SP_VEC void NAME(tile)(int rows, int vecs, const NAME(job) *job)
{
    const T *a = job->a, *b = job->b;
    V        c[ROWS][VECS];

    for (int i = 0; i < rows; i++)
        for (int j = 0; j < vecs; j++)
            c[i][j] = job->fresh ? (V){ 0 } : vload(job->c + i * job->ldc + j * VLEN(T));
    for (int64_t k = job->k; k > 0; k--, a += rows, b += job->ldb) {
        V row[VECS];

        for (int j = 0; j < vecs; j++) row[j] = vload(b + j * VLEN(T));
        for (int i = 0; i < rows; i++)
            for (int j = 0; j < vecs; j++)
                c[i][j] = vfma(vset(c[i][j], a[i]), row[j], c[i][j]);
    }
    for (int i = 0; i < rows; i++)
        for (int j = 0; j < vecs; j++) vstore(job->c + i * job->ldc + j * VLEN(T), c[i][j]);
}

/* The tile with each number of rows and vectors as constants. */
#define TILE(rows, vecs)                                              \
    static void NAME(tile_##rows##x##vecs)(const NAME(job) *job)      \
    {                                                                 \
        NAME(tile)(rows, vecs, job);                                  \
    }
#define TILE_ROW(rows, vecs) [rows - 1][vecs - 1] = NAME(tile_##rows##x##vecs),
EACH_TILE(TILE)
static void (*const NAME(tiles)[ROWS][VECS])(const NAME(job) *) = { EACH_TILE(TILE_ROW) };

/* A tile at the edge of C, or of a C whose columns are not adjacent: by way of a
   copy.  col is C's stride between columns. */
static void NAME(edge_tile)(NAME(job) job, int rows, int cols, int64_t col)
{
    T   spare[ROWS * PANEL];
    T  *c   = job.c;
    int vecs = (cols + VLEN(T) - 1) / VLEN(T);

    for (int i = 0; i < rows; i++)
        for (int j = 0; j < vecs * VLEN(T); j++)
            spare[i * PANEL + j] = job.fresh || j >= cols ? 0 : c[i * job.ldc + j * col];
    job.c   = spare;
    int64_t ldc = job.ldc;
    job.ldc = PANEL;
    NAME(tiles)[rows - 1][vecs - 1](&job);
    for (int i = 0; i < rows; i++)
        for (int j = 0; j < cols; j++) c[i * ldc + j * col] = spare[i * PANEL + j];
}

/* What is packed: `width` rows of A or columns of B, `step` apart, along k, where
   one is `next` from the other. */
typedef struct NAME(strip) {
    const T *x;
    int64_t  step, next;
    int      width;
} NAME(strip);

/* One square of a strip whose elements are adjacent along k: transposed. */
SP_VEC void NAME(pack_square)(const NAME(strip) *s, int64_t p, int w, T *to, int pitch)
{
    QUAD q[QUADLEN];

    for (int i = 0; i < QUADLEN; i++) memcpy(&q[i], s->x + (w + i) * s->step + p, sizeof q[i]);
    NAME(transpose)(q);
    for (int i = 0; i < QUADLEN; i++) memcpy(to + (p + i) * pitch + w, &q[i], sizeof q[i]);
}

/* Adjacent along k.  A line of the cache is read whole before the next, since lines
   a power of two apart push each other out. */
static void NAME(pack_across)(const NAME(strip) *s, int64_t k, T *to, int pitch)
{
    int     w_whole = s->width / QUADLEN * QUADLEN;
    int64_t k_whole = k / QUADLEN * QUADLEN, line = 64 / (int64_t)sizeof(T);

    for (int64_t p = 0; p < k_whole; p += line)
        for (int w = 0; w < w_whole; w += QUADLEN)
            for (int64_t q = p; q < least(p + line, k_whole); q += QUADLEN)
                NAME(pack_square)(s, q, w, to, pitch);
    for (int64_t p = 0; p < k; p++)
        for (int w = p < k_whole ? w_whole : 0; w < s->width; w++)
            to[p * pitch + w] = s->x[w * s->step + p];
}

/* Adjacent along the width, or not adjacent at all. */
static void NAME(pack_along)(const NAME(strip) *s, int64_t k, T *to, int pitch)
{
    for (int64_t p = 0; p < k; p++) {
        const T *x = s->x + p * s->next;
        T       *y = to + p * pitch;
        int      w = 0;

        if (s->step == 1)
            for (; w + VLEN(T) <= s->width; w += VLEN(T)) vstore(y + w, vload(x + w));
        for (; w < s->width; w++) y[w] = x[w * s->step];
    }
}

/* to[k][pitch] = the strip, the rest of each row 0. */
static void NAME(pack)(const NAME(strip) *s, int64_t k, T *to, int pitch)
{
    if (s->next == 1 && s->step != 1)
        NAME(pack_across)(s, k, to, pitch);
    else
        NAME(pack_along)(s, k, to, pitch);
    for (int64_t p = 0; p < k && s->width < pitch; p++)
        memset(to + p * pitch + s->width, 0, (size_t)(pitch - s->width) * sizeof(T));
}

/* One block of the product: rows i.., columns j.., and k from p; how many of each. */
typedef struct NAME(block) {
    const sp_gemm *g;
    int64_t        j, n, p, k;
    bool           in_place;    /* whole panels of B are read where they stand */
    T             *a, *b;       /* packed */
} NAME(block);

static void NAME(pack_b)(const NAME(block) *o)
{
    const sp_matrix *b = &o->g->b;

    for (int64_t j = 0; j < o->n; j += PANEL) {
        int width = (int)least(PANEL, o->n - j);
        if (o->in_place && width == PANEL) continue;
        NAME(strip) s = { (const T *)b->data + o->p * b->row + (o->j + j) * b->col,
                          b->col, b->row, width };
        NAME(pack)(&s, o->k, o->b + j * o->k, PANEL);
    }
}

static void NAME(pack_a)(const NAME(block) *o, int64_t i, int64_t m)
{
    const sp_matrix *a = &o->g->a;

    for (int64_t r = 0; r < m; r += ROWS) {
        int rows = (int)least(ROWS, m - r);
        NAME(strip) s = { (const T *)a->data + (i + r) * a->row + o->p * a->col,
                          a->row, a->col, rows };
        NAME(pack)(&s, o->k, o->a + r * o->k, rows);
    }
}

/* m packed rows from row i on, times one panel of B. */
static void NAME(panel)(const NAME(block) *o, int64_t i, int64_t m, int64_t j)
{
    const sp_gemm *g     = o->g;
    int            cols  = (int)least(PANEL, o->n - j);
    bool           there = o->in_place && cols == PANEL;
    NAME(job) job = { .k = o->k, .ldc = g->c.row, .fresh = !g->add && o->p == 0,
                      .b   = there ? (const T *)g->b.data + o->p * g->b.row + o->j + j
                                   : o->b + j * o->k,
                      .ldb = there ? g->b.row : PANEL };

    for (int64_t r = 0; r < m; r += ROWS) {
        int rows = (int)least(ROWS, m - r);
        job.a = o->a + r * o->k;
        job.c = (T *)g->c.data + (i + r) * g->c.row + (o->j + j) * g->c.col;
        if (g->c.col == 1 && cols % VLEN(T) == 0)
            NAME(tiles)[rows - 1][cols / VLEN(T) - 1](&job);
        else
            NAME(edge_tile)(job, rows, cols, g->c.col);
    }
}

static void NAME(multiply)(const NAME(block) *o)
{
    NAME(pack_b)(o);
    for (int64_t i = 0; i < o->g->m; i += BLOCK_M) {
        int64_t m = least(BLOCK_M, o->g->m - i);

        NAME(pack_a)(o, i, m);
        for (int64_t j = 0; j < o->n; j += PANEL) NAME(panel)(o, i, m, j);
    }
}

static void NAME(clear)(const sp_gemm *g)
{
    for (int64_t i = 0; i < g->m; i++)
        for (int64_t j = 0; j < g->n; j++)
            ((T *)g->c.data)[i * g->c.row + j * g->c.col] = 0;
}

sp_gemm_fn SP_ISA_NAME(NAME(sp__gemm));
void SP_ISA_NAME(NAME(sp__gemm))(const sp_gemm *given)
{
    sp_gemm g = turned(given);

    if (g.m == 0) return;
    if (g.k == 0 && !g.add) NAME(clear)(&g);
    for (int64_t j = 0; j < g.n; j += BLOCK_N)
        for (int64_t p = 0; p < g.k; p += BLOCK_K) {
            int64_t n = least(BLOCK_N, g.n - j), k = least(BLOCK_K, g.k - p);
            T      *b = g.work, *a = b + (n + PANEL - 1) / PANEL * PANEL * k;
            NAME(multiply)(&(NAME(block)){ .g = &g, .j = j, .n = n, .p = p, .k = k, .a = a, .b = b,
                                           .in_place = g.b.col == 1 && g.m <= FEW_ROWS });
        }
}

#undef PANEL
#undef QUADLEN
#undef TILE
#undef TILE_ROW
