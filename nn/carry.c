/* SPDX-License-Identifier: MIT
 *
 * carry - a state that crosses from one recording to the next.
 */
#include "nn/carry.h"

#include <stdio.h>
#include <string.h>

#include "autograd/ops.h"
#include "nn/layer.h"
#include "nn/rnn_parts.h"
#include "nn/step.h"
#include "tensor/alloc.h"

enum { NAME_MOST = 200, PART_TEXT = NAME_MOST + 40 };

/* fresh [batch] says which rows begin at the start.  Until the first state is kept, all
   do, and v is empty. */
struct sp_carry {
    const void *owner;
    const char *name;
    int64_t     batch;
    int         n, axis;                     /* of the batch, in a state */
    bool        forward;                     /* runs go one way: a place within has a meaning */
    sp_shape    shape[SP_MAX_STATES];        /* as in sp_seq.last */
    sp_tensor  *fresh, *v[SP_MAX_STATES];
    sp_tensor  *staged_fresh, *staged[SP_MAX_STATES];   /* checked and about to be taken */
    const sp_tensor *stored;                 /* the store's copy of fresh, where it was put last */
    char        saved_as[NAME_MOST + 2];     /* "": the layer's name; cut, it is still too long */
};

static void free_states(sp_tensor *v[SP_MAX_STATES])
{
    for (int k = 0; k < SP_MAX_STATES; k++) {
        sp_tensor_free(v[k]);
        v[k] = NULL;
    }
}

void sp_carry_free(sp_carry *c)
{
    if (!c) return;
    free_states(c->v);
    free_states(c->staged);
    sp_tensor_free(c->fresh);
    sp_tensor_free(c->staged_fresh);
    sp_release(c);
}

static sp_tensor *all_fresh(int64_t batch)
{
    sp_tensor *fresh = sp_tensor_new(SP_BOOL, SP_SHAPE(batch));

    if (fresh) sp_tensor_fill(fresh, 1);
    return fresh;
}

static sp_carry *carry_new(sp_carry made)
{
    sp_carry *c = sp_alloc(sizeof *c);

    if (!c) return NULL;
    *c = made;
    c->fresh = all_fresh(c->batch);
    if (c->fresh) return c;
    sp_carry_free(c);
    return NULL;
}

sp_carry *sp_carry_new_cell(const sp_cell *cell, int64_t batch)
{
    const char *mistake = cell ? sp__cell_mistake(cell) : NULL;

    if (!cell) return sp__no_layer_for("carry", "cell"), NULL;
    if (mistake)
        return sp_fail("carry: the record of %s is unusable: %s", sp__cell_kind(cell), mistake),
               NULL;
    sp_carry c = { .owner = cell, .name = cell->name ? cell->name : cell->kind, .batch = batch,
                   .n = cell->n_states, .forward = true };
    for (int k = 0; k < c.n; k++) c.shape[k] = sp__shape_behind(SP_SHAPE(batch), cell->state[k]);
    return carry_new(c);
}

sp_carry *sp_carry_new(const sp_rnn *rnn, int64_t batch)
{
    if (!rnn) return sp__no_layer_for("carry", "layer"), NULL;

    const sp_cell *cell = rnn->cell[0];
    sp_carry c = { .owner = rnn, .name = rnn->name, .batch = batch, .n = cell->n_states,
                   .axis = 1, .forward = rnn->directions == 1 };
    for (int k = 0; k < c.n; k++)
        c.shape[k] = sp__shape_behind(SP_SHAPE(sp__rnn_cells(rnn), batch), cell->state[k]);
    return carry_new(c);
}

/* Copies of all states of a place; false: no memory, nothing is left. */
static bool copy_states(sp_tensor *to[SP_MAX_STATES], sp_tensor *const from[SP_MAX_STATES])
{
    for (int k = 0; k < SP_MAX_STATES; k++) to[k] = NULL;
    for (int k = 0; k < SP_MAX_STATES; k++)
        if (from[k] && !(to[k] = sp_tensor_copy(from[k]))) {
            free_states(to);
            return false;
        }
    return true;
}

sp_carry *sp_carry_copy(const sp_carry *from)
{
    if (!from) return sp_fail("carry: there is no carry"), NULL;

    sp_carry made = *from, *c = NULL;
    made.staged_fresh = NULL;
    made.stored = NULL;
    for (int k = 0; k < SP_MAX_STATES; k++) made.staged[k] = NULL;
    made.fresh = sp_tensor_copy(from->fresh);
    if (made.fresh && copy_states(made.v, from->v)) {
        c = sp_alloc(sizeof *c);
        if (c) *c = made;
        else free_states(made.v);
    }
    if (!c) sp_tensor_free(made.fresh);
    return c;
}

const sp_tensor *sp_carry_state(const sp_carry *c, int k)
{
    return c && k >= 0 && k < c->n ? c->v[k] : NULL;
}

/* Move to new states, which become the carry's. */
static void commit(sp_carry *c, sp_tensor *v[SP_MAX_STATES], sp_tensor *fresh)
{
    free_states(c->v);
    sp_tensor_free(c->fresh);
    for (int k = 0; k < SP_MAX_STATES; k++) c->v[k] = v[k];
    c->fresh = fresh;
}

static bool fits(const sp_carry *c, const sp_state *s)
{
    char has[SP_SHAPE_TEXT], should[SP_SHAPE_TEXT];

    if (s->n != c->n) return sp_fail("carry: the run has %d states, the carry %d", s->n, c->n);
    for (int k = 0; k < c->n; k++)
        if (!sp_is_nothing(s->v[k]) && !sp_shape_equal(sp_var_shape(s->v[k]), c->shape[k]))
            return sp_fail("carry: state %d of the run is %s, the carry of %s holds %s", k,
                           sp_shape_text(sp_var_shape(s->v[k]), has), c->name,
                           sp_shape_text(c->shape[k], should));
    return true;
}

/* The state of a run of one sample without a batch, with it. */
static sp_state with_batch(const sp_carry *c, const sp_state *s)
{
    sp_state with = *s;

    for (int k = 0; c->batch == 1 && s->n == c->n && k < c->n; k++)
        if (!sp_is_nothing(s->v[k]) && sp_var_shape(s->v[k]).rank == c->shape[k].rank - 1)
            with.v[k] = sp_unsqueeze(s->v[k], c->axis);
    return with;
}

static bool keep(sp_carry *c, const sp_state *of_run)
{
    sp_tensor *v[SP_MAX_STATES] = { NULL }, *fresh;
    const sp_state s = with_batch(c, of_run);
    bool good = fits(c, &s);

    for (int k = 0; good && k < c->n; k++) good = (v[k] = sp_export(s.v[k])) != NULL;
    fresh = good ? sp_tensor_new(SP_BOOL, SP_SHAPE(c->batch)) : NULL;
    if (!fresh) return free_states(v), false;
    commit(c, v, fresh);
    return true;
}

bool sp_carry_keep(sp_carry *c, const sp_seq *seq)
{
    return c && seq ? keep(c, &seq->last) : sp_fail("carry: there is no %s", c ? "run" : "carry");
}

bool sp_carry_keep_at(sp_carry *c, const sp_seq *seq, int64_t steps)
{
    if (!c || !seq) return sp_fail("carry: there is no %s", c ? "run" : "carry");

    if (!c->forward) return sp_fail("carry: %s runs both ways: it stands only at the end", c->name);
    if (seq->reverse) return sp_fail("carry: a run in reverse stands only at its end");
    if (seq->kept.n > 0 && steps == seq->kept_at) return keep(c, &seq->kept);

    sp_state s = { .n = seq->each.n };
    if (s.n != c->n) return keep(c, &s);
    if (s.n > 0 && (steps < 1 || steps > sp_var_dim(seq->each.v[0], 0)))
        return sp_fail("carry: the run has no step %lld", (long long)steps);
    for (int k = 0; k < s.n; k++) s.v[k] = sp_select(seq->each.v[k], 0, steps - 1);
    return keep(c, &s);
}

bool sp_carry_reset(sp_carry *c, const sp_tensor *mask)
{
    char has[SP_SHAPE_TEXT];

    if (!c) return sp_fail("carry: there is no carry");
    if (mask && !sp_shape_equal(mask->shape, SP_SHAPE(c->batch)))
        return sp_fail("carry: the mask is %s, the carry of %s has %lld rows",
                       sp_shape_text(mask->shape, has), c->name, (long long)c->batch);
    for (int64_t b = 0; b < c->batch; b++)
        if (!mask || sp_tensor_at(mask, b) != 0) sp_tensor_set(c->fresh, b, 1);
    if (!mask) free_states(c->v);
    return true;
}

/* ---- running ---- */

static int64_t count_fresh(const sp_carry *c)
{
    int64_t n = 0;

    for (int64_t b = 0; b < c->batch; b++) n += sp_tensor_at(c->fresh, b) != 0;
    return n;
}

bool sp__carry_begin(const sp_run *run, const void *owner, sp_var x, sp_begin *begin)
{
    const sp_carry *c = run->carry;
    const int64_t T = sp_var_dim(x, 0), B = sp_var_dim(x, 1);

    if (begin->state.n > 0)
        sp_tape_fail(x.tape, "carry: an initial state is given as well");
    else if (c->owner != owner)
        sp_tape_fail(x.tape, "carry: it was made for another layer (%s)", c->name);
    else if (c->batch != B)
        sp_tape_fail(x.tape, "carry: it has %lld rows, x has %lld", (long long)c->batch,
                     (long long)B);
    else if (run->keep_at < 0 || run->keep_at > T)
        sp_tape_fail(x.tape, "carry: keep_at is %lld, should be 1 to %lld",
                     (long long)run->keep_at, (long long)T);
    else if (run->keep_at && (run->reverse || !c->forward))
        sp_tape_fail(x.tape, "carry: keep_at is for runs forwards; in reverse or both ways the "
                     "carry stands only at the end");
    if (sp_tape_error(x.tape)) return false;
    if (!c->v[0]) return true;

    begin->carried = true;
    begin->state.n = c->n;
    for (int k = 0; k < c->n; k++) begin->state.v[k] = sp_input(x.tape, c->v[k]);
    if (count_fresh(c) > 0) begin->fresh = sp_input(x.tape, c->fresh);
    return !sp_tape_error(x.tape);
}

/* ---- checkpoints ---- */

static const char *saved_name(const sp_carry *c) { return *c->saved_as ? c->saved_as : c->name; }

static const char *part(const sp_carry *c, int k, char text[PART_TEXT])
{
    if (k < 0) snprintf(text, PART_TEXT, "carry.%s.fresh", saved_name(c));
    else snprintf(text, PART_TEXT, "carry.%s.%d", saved_name(c), k);
    return text;
}

/* A name that were cut could be another's. */
static bool can_be_named(const sp_carry *c)
{
    if (!c) return sp_fail("carry: there is no carry");
    if (strlen(saved_name(c)) <= NAME_MOST) return true;
    return sp_fail("carry: the name %.40s... has more than %d bytes; sp_carry_saved_as gives "
                   "another", saved_name(c), NAME_MOST);
}

/* The same carry may be put again into a store; another's name it may not take. */
static bool put(const void *it, sp_store *store)
{
    sp_carry *c = (sp_carry *)it;
    char name[PART_TEXT];

    if (!can_be_named(c)) return false;
    part(c, -1, name);
    if (sp_store_has(store, name) && sp_store_tensor(store, name) != c->stored)
        return sp_fail("%s: the store has it from another carry; sp_carry_saved_as gives this one "
                       "another name", name);
    bool good = sp_store_put_tensor(store, name, c->fresh);
    if (good) c->stored = sp_store_tensor(store, name);
    for (int k = 0; good && k < c->n && c->v[k]; k++)
        good = sp_store_put_tensor(store, part(c, k, name), c->v[k]);
    return good;
}

/* A copy of a stored tensor of the right shape. */
static sp_tensor *stored(const sp_store *store, const char *name, sp_shape due)
{
    char has[SP_SHAPE_TEXT], should[SP_SHAPE_TEXT];
    const sp_tensor *x = sp_store_tensor(store, name);

    if (!x) return NULL;
    if (sp_shape_equal(x->shape, due)) return sp_tensor_copy(x);
    sp_fail("%s is %s, should be %s", name, sp_shape_text(x->shape, has),
            sp_shape_text(due, should));
    return NULL;
}

/* Copies are staged here, so that taking them cannot fail. */
static bool check(const void *it, const sp_store *store)
{
    sp_carry *c = (sp_carry *)it;
    char name[PART_TEXT];
    bool good;

    if (!can_be_named(c)) return false;
    free_states(c->staged);
    sp_tensor_free(c->staged_fresh);
    c->staged_fresh = stored(store, part(c, -1, name), SP_SHAPE(c->batch));
    good = c->staged_fresh != NULL;
    if (good && c->staged_fresh->dtype != SP_BOOL)
        return sp_fail("%s is %s, should be bool", name, sp_dtype_name(c->staged_fresh->dtype));
    if (!good || !sp_store_has(store, part(c, 0, name))) return good;
    for (int k = 0; good && k < c->n; k++)
        good = (c->staged[k] = stored(store, part(c, k, name), c->shape[k])) != NULL;
    return good;
}

static void take(void *it, const sp_store *store)
{
    sp_carry *c = it;
    char name[PART_TEXT];

    if (!c->staged_fresh) return;                /* listed twice: it stands there already */
    c->stored = sp_store_tensor(store, part(c, -1, name));
    commit(c, c->staged, c->staged_fresh);
    for (int k = 0; k < SP_MAX_STATES; k++) c->staged[k] = NULL;
    c->staged_fresh = NULL;
}

sp_saved sp_carry_saved_as(sp_carry *c, const char *name)
{
    if (c) snprintf(c->saved_as, sizeof c->saved_as, "%s", name ? name : "");
    return (sp_saved){ c, put, check, take };
}

sp_saved sp_carry_saved(sp_carry *c) { return sp_carry_saved_as(c, NULL); }
