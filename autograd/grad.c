/* SPDX-License-Identifier: MIT
 *
 * grad - the reverse sweep: records each op's rule as ordinary ops.
 *
 * Going back over the nodes once, it keeps for each a list of what arrives at its
 * gradient, closes the list as one node, and calls the rule of the op with that.  A
 * gradient that nobody asked for is not recorded; a list that stays empty means zero.
 *
 * It goes by the nodes as they were recorded first.  Where it comes into a region, it records
 * that again (region.c), and from there on a rule reads the copies: they stand for the first
 * nodes.  In the other direction a copy that a later sweep meets hands its gradient to the
 * node that it repeats.
 */
#include "autograd/grad.h"
#include "autograd/ops.h"

enum { NONE = 0 };                   /* no contribution: they are numbered from 1 */

typedef struct contribution { sp_var g; uint32_t next; } contribution;

/* Of a node: a wrt is it or lies behind it; it is a wrt; the sweep ends here; a wrt lies behind;
   its list is one of sweep.many. */
enum { REACHES = 1, WANTED = 2, STOPS = 4, PASSES = 8, MANY = 16 };

typedef struct sweep {
    sp_tape      *t;
    uint32_t      low, high;         /* nodes [low, high) take part */
    uint8_t      *state;             /* REACHES, ... */
    uint32_t     *list;              /* the last contribution to each node */
    contribution *c;
    int64_t       n, room;
    sp_var       *x;                 /* room for a node's operands, or for a list */
    int64_t       x_room;
    uint32_t      id;                /* the node whose rule is running */

    int64_t       region;            /* regions still to be met; 0: none */
    uint32_t     *stand;             /* of each node: the copy that stands for it; 0: none */
    uint32_t     *inside;            /* where the regions begin that the sweep is in */
    int64_t       n_inside, inside_room;
    uint32_t     *many;              /* nodes whose list has grown to two since it was closed */
    int64_t       n_many, many_room;
    bool          partly;            /* regions are recorded again; lists close where one ends */
    bool          hooks;             /* they are called */
} sweep;

static uint8_t *state_of(sweep *s, uint32_t id) { return &s->state[id - s->low]; }

static bool reaches(const sweep *s, uint32_t id)
{
    return id >= s->low && id < s->high && s->state[id - s->low] & REACHES;
}

/* ---- what a rule calls ---- */

static sp_var standing_for(const sweep *s, uint32_t id)
{
    const uint32_t copy = s->stand ? s->stand[id] : 0;
    return (sp_var){ s->t, copy ? copy : id, s->t->epoch };
}

/* The node that a gradient of operand k goes to: the operand that the rule reads, or the one for
   which that stands. */
static uint32_t operand(const sp_pullback *v, int k)
{
    const sweep *s = v->sweep;
    const uint32_t *in;

    sp__inputs(s->t, s->id, &in);
    return v->x[k].id == standing_for(s, in[k]).id ? in[k] : v->x[k].id;
}

bool sp_wants(const sp_pullback *v, int k)
{
    const sweep *s = v->sweep;
    return k >= 0 && k < v->n && reaches(s, operand(v, k));
}

static void add_to_list(sweep *s, uint32_t id, sp_var g)
{
    if (!sp__grow(s->t, &s->c, &s->room, s->n + 2, sizeof *s->c)) return;
    uint32_t *list = &s->list[id - s->low];
    if (s->partly && *list != NONE && !(*state_of(s, id) & MANY)) {
        if (!sp__grow(s->t, &s->many, &s->many_room, s->n_many + 1, sizeof *s->many)) return;
        s->many[s->n_many++] = id;
        *state_of(s, id) |= MANY;
    }
    s->c[++s->n] = (contribution){ g, *list };
    *list = (uint32_t)s->n;
}

void sp_push(const sp_pullback *v, int k, sp_var g)
{
    sweep *s = v->sweep;

    if (sp_is_nothing(g) || !sp_wants(v, k)) return;
    g = sp__of_operand(v, k, g);
    if (sp_is_nothing(g)) return;
    add_to_list(s, operand(v, k), g);
    if (s->t->probing) sp__note_part(s->t, (sp_part){ operand(v, k), s->id, g.id });
}

/* ---- the sweep ---- */

/* What a gradient at node id goes to. */
static int behind(const sp_tape *t, uint32_t id, const uint32_t **in)
{
    *in = &t->beside[id].origin;
    return **in ? 1 : sp__inputs(t, id, in);
}

/* Mark the nodes that lie between y and some wrt. */
static void mark(sweep *s)
{
    for (uint32_t id = s->low; id < s->high; id++) {
        const uint32_t *in;
        int n = behind(s->t, id, &in);
        uint8_t *state = state_of(s, id);
        if (*state & WANTED) *state |= REACHES;
        if (*state & STOPS || sp__op(s->t, id)->constant) continue;
        if (!sp_is_floating((sp_dtype)sp__node(s->t, id)->dtype)) continue;
        for (int i = 0; i < n && !(*state & PASSES); i++)
            if (reaches(s, in[i])) *state |= REACHES | PASSES;
    }
}

/* A list becomes one var. */
static sp_var store(sweep *s, uint32_t id, sp_var g)
{
    if (!sp__grow(s->t, &s->c, &s->room, s->n + 2, sizeof *s->c)) return sp__nothing(s->t);
    s->c[++s->n] = (contribution){ g, NONE };
    s->list[id - s->low] = (uint32_t)s->n;
    return g;
}

/* The list of a node's contributions, in order of arrival, as one var. */
static sp_var close_list(sweep *s, uint32_t id)
{
    int64_t n = 0;

    for (uint32_t k = s->list[id - s->low]; k != NONE; k = s->c[k].next) n++;
    if (!sp__grow(s->t, &s->x, &s->x_room, n, sizeof *s->x)) return sp__nothing(s->t);
    int64_t at = n;
    for (uint32_t k = s->list[id - s->low]; k != NONE; k = s->c[k].next) s->x[--at] = s->c[k].g;
    return store(s, id, n == 1 ? s->x[0] : sp_add_n((int)n, s->x));
}

/* A macro without a rule of its own: its expansion is recorded behind fresh views of the
   operands and differentiated down to these. */
enum { MOST_OPERANDS = 8 };

static void run_expansion(const sp_pullback *v, const sp_op *op)
{
    sp_var x[MOST_OPERANDS], wrt[MOST_OPERANDS], out[MOST_OPERANDS];
    int n = 0, from[MOST_OPERANDS];

    if (v->n > MOST_OPERANDS) {
        sp__fail(v->y.tape, "%s: a macro without a vjp takes at most %d operands", op->name,
                 MOST_OPERANDS);
        return;
    }
    for (int k = 0; k < v->n; k++) {
        x[k] = sp_reshape(v->x[k], sp_var_shape(v->x[k]));
        if (!sp_wants(v, k)) continue;
        from[n] = k;
        wrt[n++] = x[k];
    }
    sp_var y = op->expand(v->n, x, v->attr, v->scalar);
    sp_grad_spec spec = { .seed = v->g };
    if (sp_is_nothing(y) || !sp__gradients(y, n, wrt, out, &spec, false)) return;
    for (int i = 0; i < n; i++)
        if (sp_is_given(out[i])) sp_push(v, from[i], out[i]);
}

static void no_rule(sp_tape *t, const sp_op *op)
{
    if (op->slope_of)
        sp__fail(t, SP_NO_SECOND, op->slope_of->name);
    else
        sp__fail(t, "%s: its gradient is not implemented: the record has no vjp", op->name);
}

/* Scalars are copied: a rule records, and the tape's may move. */
static void run_rule(sweep *s, uint32_t id, sp_var g)
{
    sp_tape *t = s->t;
    const sp_op *op = sp__op(t, id);
    const uint32_t *in;
    int n = sp__inputs(t, id, &in);
    double scalar[SP_MAX_SCALARS] = { 0 };

    if (!op->vjp && (!op->expand || op->random)) {
        no_rule(t, op);
        return;
    }
    if (!sp__grow(t, &s->x, &s->x_room, n, sizeof *s->x)) return;
    for (int i = 0; i < n; i++) s->x[i] = standing_for(s, in[i]);
    for (int i = 0; i < op->n_scalars; i++)
        scalar[i] = t->scalars[t->node[id].slot + (uint32_t)i];
    s->id = id;
    sp_pullback v = { g, standing_for(s, id), n, s->x, sp__attr(t, id), scalar, s };
    if (op->vjp) op->vjp(&v);
    else run_expansion(&v, op);
}

/* ---- regions ---- */

/* A region begins or ends.  Sums of what has arrived so far at nodes further back become values:
   of a weight's gradient, the products up to here.  They would otherwise wait for the rest, and
   their operands with them.  The rest continues the sum, with the same bits. */
static void close_partly(sweep *s, uint32_t id)
{
    for (int64_t i = 0; i < s->n_many && !s->t->failed; i++) {
        const uint32_t at = s->many[i];
        if (at > id) continue;                       /* the sweep is past it */
        *state_of(s, at) &= (uint8_t)~MANY;
        s->t->scope = s->t->beside[at].scope;
        close_list(s, at);
    }
    s->n_many = 0;
}

/* A zeroed block that the tape counts. */
static void *zeroed(sp_tape *t, int64_t bytes)
{
    t->stats.allocations++;
    return sp_alloc_zero(bytes);
}

/* Into a region, from behind: its nodes up to id, which has a gradient, are recorded again. */
static void enter(sweep *s, uint32_t first, uint32_t id)
{
    sp_tape *t = s->t;

    if (!s->stand) s->stand = zeroed(t, s->high * (int64_t)sizeof *s->stand);
    if (!s->stand) {
        sp__fail(t, "grad: %s", sp_error());
    } else if (sp__grow(t, &s->inside, &s->inside_room, s->n_inside + 1, sizeof *s->inside)) {
        close_partly(s, id);
        s->inside[s->n_inside++] = first;
        sp__record_again(t, first, id + 1, s->stand);
    }
}

/* The sweep comes to node id: out of regions, and into others. */
static void cross(sweep *s, uint32_t id)
{
    sp_tape *t = s->t;
    const int64_t was = s->n_inside;

    while (s->n_inside > 0 && s->inside[s->n_inside - 1] > id) s->n_inside--;
    if (s->n_inside < was) close_partly(s, id);
    while (s->region > 0 && t->regions[s->region - 1].last > id && !t->failed) {
        const uint32_t first = t->regions[--s->region].first;
        if (first <= id) enter(s, first, id);
    }
}

/* A gradient that has arrived whole goes on to what lies behind its node. */
static void pass_on(sweep *s, uint32_t id, sp_var g)
{
    const uint32_t origin = s->t->beside[id].origin;

    if (origin) add_to_list(s, origin, g);
    else run_rule(s, id, g);
}

static void go_back(sweep *s)
{
    sp_tape *t = s->t;
    const uint32_t scope = t->scope, sweeping = t->sweeping;

    for (uint32_t id = s->high; id-- > s->low && !t->failed;) {
        uint8_t state = *state_of(s, id);
        if (!(state & REACHES) || s->list[id - s->low] == NONE) continue;
        if (s->partly) cross(s, id);
        t->scope = t->beside[id].scope;
        sp__sweep_at(t, id + 1);
        sp_var g = close_list(s, id);
        if (s->hooks) g = store(s, id, sp__run_hooks(t, id, g));
        if (state & PASSES && !t->failed) pass_on(s, id, g);
    }
    t->scope = scope;
    sp__sweep_at(t, sweeping);
}

/* Names lead to the gradients that have arrived (names.h). */
static void note_gradients(const sweep *s)
{
    for (int64_t i = 0; i < s->t->n_names; i++) {
        sp_name *name = &s->t->names[i];
        if (!reaches(s, name->made)) continue;
        uint32_t list = s->list[name->made - s->low];
        if (list != NONE) name->grad = s->c[list].g.id;
    }
}

/* ---- the call ---- */

static bool differentiable(const sp_asked *a, sp_var v, const char *what)
{
    sp_tape *t = a->y[0].tape;

    if (!sp__readable(t, v, a->who)) return false;
    if (sp_is_floating(sp_var_dtype(v))) return true;
    sp__fail(t, "%s: %s is %s; only f32 and f64 have gradients", a->who, what,
             sp_dtype_name(sp_var_dtype(v)));
    return false;
}

static bool begin(sweep *s, const sp_asked *a, int n, const sp_var wrt[])
{
    sp_tape *t = s->t;

    if (n < 0) return sp__fail(t, "%s: %d gradients are asked for", a->who, n), false;
    for (int k = 0; k < a->n; k++)
        if (a->y[k].id >= s->high) s->high = a->y[k].id + 1;
    s->low = s->high;
    for (int i = 0; i < n; i++) {
        if (!differentiable(a, wrt[i], "what it is asked by")) return false;
        if (wrt[i].id < s->low) s->low = wrt[i].id;
    }
    int64_t nodes = (int64_t)s->high - s->low;
    s->state = zeroed(t, nodes);
    s->list = zeroed(t, nodes * (int64_t)sizeof *s->list);
    if (!s->state || !s->list) return sp__fail(t, "%s: %s", a->who, sp_error()), false;
    s->region = t->n_regions;
    s->partly = !t->early && !t->spec.keep && t->n_regions > 0
             && t->regions[t->n_regions - 1].last > s->low;
    s->hooks = t->n_hooks > 0 && !a->quiet && !t->hookless;
    for (int i = 0; i < n; i++)
        if (wrt[i].id < s->high) *state_of(s, wrt[i].id) |= WANTED;
    for (int i = 0; i < a->n_stop; i++) {
        sp_var stop = a->stop[i];
        if (!sp__readable(t, stop, a->who)) return false;
        if (stop.id >= s->low && stop.id < s->high) *state_of(s, stop.id) |= STOPS;
    }
    return true;
}

static sp_var result(sweep *s, sp_var wrt, bool zeros)
{
    uint32_t list = wrt.id < s->high ? s->list[wrt.id - s->low] : NONE;

    if (list != NONE) return s->c[list].g;
    return zeros ? sp_full(s->t, sp_var_dtype(wrt), sp_var_shape(wrt), 0) : (sp_var){ 0 };
}

/* Whether all y and their seeds can be differentiated. */
static bool seeded(sp_tape *t, const sp_asked *a)
{
    char own[SP_SHAPE_TEXT], other[SP_SHAPE_TEXT];

    for (int k = 0; k < a->n; k++) {
        if (!differentiable(a, a->y[k], "y") || !sp__readable(t, a->seed[k], a->who)) return false;
        sp_shape y = sp_var_shape(a->y[k]), seed = sp_var_shape(a->seed[k]);
        sp_dtype dy = sp_var_dtype(a->y[k]), dseed = sp_var_dtype(a->seed[k]);
        if (sp_shape_equal(seed, y) && dseed == dy) continue;
        return sp__fail(t, "%s: the seed is %s%s and y is %s%s", a->who, sp_dtype_name(dseed),
                        sp_shape_text(seed, own), sp_dtype_name(dy), sp_shape_text(y, other)),
               false;
    }
    return true;
}

bool sp__sweep(const sp_asked *a, int n, const sp_var wrt[], sp_var out[])
{
    sp_tape *t = a->y[0].tape;
    sweep s = { .t = t };

    if (!t) sp_fail("%s: its operand is no var of a tape", a->who);
    bool ok = t && seeded(t, a) && begin(&s, a, n, wrt);
    if (ok) {
        mark(&s);
        for (int k = 0; k < a->n; k++)
            if (reaches(&s, a->y[k].id)) add_to_list(&s, a->y[k].id, a->seed[k]);
        go_back(&s);
        const bool of_expansion = t->sweeping && !a->zeros;      /* nothing in it has a name */
        if (!a->quiet && !t->probing && !of_expansion) note_gradients(&s);
        for (int i = 0; i < n; i++) out[i] = result(&s, wrt[i], a->zeros);
        ok = !t->failed;
    }
    for (int i = 0; i < n && !ok; i++) out[i] = sp__nothing(t);
    sp_release(s.state);
    sp_release(s.list);
    sp_release(s.c);
    sp_release(s.x);
    sp_release(s.stand);
    sp_release(s.inside);
    sp_release(s.many);
    return ok;
}
