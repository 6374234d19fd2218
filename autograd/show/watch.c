/* SPDX-License-Identifier: MIT
 *
 * watch - what an evaluation is looked at for while it runs: anomalies, and when each node was
 * computed; and which nodes are parts of which gradient.
 */
#include <math.h>
#include "autograd/show/range.h"
#include "autograd/run.h"

/* ---- whose gradient ---- */

void sp__sweep_at(sp_tape *t, uint32_t of)
{
    sp_stretch *last = t->n_stretches ? &t->stretches[t->n_stretches - 1] : NULL;

    t->sweeping = of;
    if (last ? last->of == of : of == 0) return;
    if (last && last->first == t->n_nodes) {
        last->of = of;
    } else if (sp__grow(t, &t->stretches, &t->stretch_room, t->n_stretches + 1, sizeof *last)) {
        t->stretches[t->n_stretches++] = (sp_stretch){ (uint32_t)t->n_nodes, of };
    }
}

uint32_t sp__gradient_of(const sp_tape *t, uint32_t id)
{
    int64_t low = 0, high = t->n_stretches;      /* the first stretch behind id is in [low, high] */

    while (low < high) {
        int64_t middle = low + (high - low) / 2;
        if (t->stretches[middle].first <= id) low = middle + 1;
        else high = middle;
    }
    bool own = low == 0 || t->stretches[low - 1].of == 0 || t->beside[id].origin;
    return own ? SP_NOTHING : t->stretches[low - 1].of - 1;
}

/* ---- when ---- */

void sp__note_event(sp_tape *t, sp_event e)
{
    if (!sp__grow(t, &t->events, &t->event_room, t->n_events + 1, sizeof e)) return;
    e.live = t->stats.live_bytes;
    t->events[t->n_events++] = e;
}

/* ---- anomalies ---- */

/* x - x is 0 unless x is NaN or infinite.  Whole blocks are gone through without a branch. */
#define FIRST_BAD(NAME, T)                                                          \
    static int64_t NAME(const T *x, int64_t n, bool nan_only)                       \
    {                                                                               \
        enum { BLOCK = 256 };                                                       \
        for (int64_t i = 0; i < n; i += BLOCK) {                                    \
            int64_t end = n - i < BLOCK ? n : i + BLOCK;                            \
            bool bad = false;                                                       \
            for (int64_t j = i; j < end; j++) bad |= !(x[j] - x[j] == 0);           \
            for (int64_t j = i; bad && j < end; j++)                                \
                if (isnan(x[j]) || (isinf(x[j]) && !nan_only)) return j;            \
        }                                                                           \
        return -1;                                                                  \
    }
FIRST_BAD(first_bad_f32, float)
FIRST_BAD(first_bad_f64, double)

/* The first bad element of node id's value; -1: there is none. */
static int64_t first_bad(const sp_tape *t, uint32_t id)
{
    const bool nan_only = t->spec.anomaly == SP_ANOMALY_NAN;
    const int64_t n = sp_shape_size(sp__shape(t, id));
    const void *data = t->beside[id].data;

    switch ((sp_dtype)t->node[id].dtype) {
    case SP_F32: return first_bad_f32(data, n, nan_only);
    case SP_F64: return first_bad_f64(data, n, nan_only);
    default:     return -1;
    }
}

/* What a sum absorbs was not computed apart.  It is now, one product after the other in a block
   of its own: the first bad one is the first op to blame.  SP_NOTHING: all are well, or
   there is no memory to tell. */
static uint32_t bad_product(sp_evaluation *r, uint32_t sum, int64_t *at, double *value)
{
    sp_tape *t = r->t;
    const uint32_t *in;
    const int n = sp__inputs(t, sum, &in);
    uint32_t blame = SP_NOTHING;
    void *block = sp__pool_take(&t->pool, sp__bytes(t, sum));

    for (int i = 0; block && i < n && blame == SP_NOTHING; i++) {
        if (!sp__absorbs(t, sum, in[i]) || sp__op(t, in[i])->kind == SP_PLACE) continue;
        const uint32_t product = in[i];
        t->beside[product].data = block;
        if (sp__run_node(r, product) && (*at = first_bad(t, product)) >= 0) {
            sp_tensor value_of = { (sp_dtype)t->node[product].dtype, sp__shape(t, product), block,
                                   true };
            *value = sp_tensor_at(&value_of, *at);
            blame = product;
        }
        t->beside[product].data = NULL;
        sp__inputs(t, sum, &in);
    }
    if (block) sp__pool_give(&t->pool, block, sp__bytes(t, sum));
    return blame;
}

static void put_index(sp_text *to, sp_shape shape, int64_t i)
{
    int64_t inner = sp_shape_size(shape);

    sp__put(to, "[", 1);
    for (int64_t d = 0; d < shape.rank; d++) {
        inner /= shape.dim[d];
        sp__say(to, "%s%lld", d ? "," : "", (long long)(i / inner % shape.dim[d]));
    }
    sp__put(to, "]", 1);
}

/* The ranges of what node id reads; of many, the first few.  What a sum absorbs was never
   there: its own operands are shown. */
static void put_ranges(sp_text *to, const sp_tape *t, uint32_t id, int *room)
{
    const uint32_t *in, *inner;
    const int n = sp__inputs(t, id, &in);

    for (int i = 0; i < n && *room > 0; i++, --*room) {
        char text[SP_RANGE_TEXT];
        sp_operand o;
        sp__put(to, i ? ", " : "", i ? 2 : 0);
        if (sp__absorbs(t, id, in[i])) {
            sp__say(to, "%s of ", sp__op(t, in[i])->name);
            int m = sp__inputs(t, in[i], &inner);
            for (int k = 0; k < m; k++) {
                sp__operand(t, inner[k], &o);
                sp__say(to, "%s%s", k ? " and " : "", sp__range_text(sp__range_of(&o), text));
            }
            continue;
        }
        sp__operand(t, in[i], &o);
        sp__say(to, "%s", sp__range_text(sp__range_of(&o), text));
    }
    if (*room == 0 && n > 4) sp__say(to, ", ... (%d operands)", n);
}

static void put_whose(sp_text *to, const sp_tape *t, uint32_t id)
{
    enum { ORDERS = 4 };
    uint32_t of = sp__gradient_of(t, id);

    if (of == SP_NOTHING) return;
    sp__say(to, ", in the gradient of ");
    for (int k = 0; k < ORDERS && sp__gradient_of(t, of) != SP_NOTHING; k++) {
        sp__say(to, "the gradient of ");
        of = sp__gradient_of(t, of);
    }
    sp__say(to, "%s", sp__op(t, of)->name);
}

static void fail(sp_tape *t, uint32_t id, int64_t at, double value)
{
    char shape[SP_SHAPE_TEXT];
    sp_text say = { 0 };
    int room = 4;

    sp__say(&say, "anomaly: %s", sp__op(t, id)->name);
    put_whose(&say, t, id);
    sp__say(&say, ": %s gave ", sp_shape_text(sp__shape(t, id), shape));
    sp__put_number(&say, value);
    sp__say(&say, " at ");
    put_index(&say, sp__shape(t, id), at);
    if (t->node[id].n_in) sp__say(&say, ", from ");
    put_ranges(&say, t, id, &room);
    sp__fail_scoped(t, t->beside[id].scope, say.failed ? sp_error() : say.at);
    sp_release(say.at);
}

bool sp__sound(sp_evaluation *r, uint32_t id)
{
    sp_tape *t = r->t;
    int64_t at = first_bad(t, id), inner = at;

    if (at < 0) return true;
    sp_tensor y = { (sp_dtype)t->node[id].dtype, sp__shape(t, id), t->beside[id].data, true };
    double value = sp_tensor_at(&y, at);
    const bool sum = sp__op(t, id)->kind == SP_SUM;
    uint32_t blame = sum ? bad_product(r, id, &inner, &value) : SP_NOTHING;
    if (blame == SP_NOTHING) fail(t, id, at, value);
    else fail(t, blame, inner, value);
    return false;
}
