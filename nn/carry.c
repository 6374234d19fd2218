/* SPDX-License-Identifier: MIT
 *
 * carry - a state that crosses from one recording to the next.
 */
#include "nn/carry.h"

#include <stdio.h>

#include "autograd/ops.h"
#include "nn/carry_parts.h"
#include "nn/layer.h"
#include "nn/rnn_parts.h"
#include "tensor/alloc.h"

/* fresh [batch] says which rows begin at the start.  Until the first state is kept, all
   do, and v is empty. */
struct sp_carry {
    const void *owner;
    const char *name;
    int64_t     batch;
    int         n;
    bool        forward;                     /* runs go one way: a place within has a meaning */
    sp_shape    shape[SP_MAX_STATES];        /* as in sp_seq.last */
    sp_tensor  *fresh, *v[SP_MAX_STATES];
    sp_tensor  *staged_fresh, *staged[SP_MAX_STATES];   /* checked and about to be taken */
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
    if (!cell) return sp_fail("carry: there is no cell: %s", sp_error()), NULL;

    sp_carry c = { .owner = cell, .name = cell->kind, .batch = batch, .n = cell->n_states,
                   .forward = true };
    for (int k = 0; k < c.n; k++) c.shape[k] = sp__shape_behind(SP_SHAPE(batch), cell->state[k]);
    return carry_new(c);
}

sp_carry *sp_carry_new(const sp_rnn *rnn, int64_t batch)
{
    if (!rnn) return sp_fail("carry: there is no layer: %s", sp_error()), NULL;

    const sp_cell *cell = rnn->cell[0];
    sp_carry c = { .owner = rnn, .name = rnn->name, .batch = batch, .n = cell->n_states,
                   .forward = rnn->directions == 1 };
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

static bool keep(sp_carry *c, const sp_state *s)
{
    sp_tensor *v[SP_MAX_STATES] = { NULL }, *fresh;
    bool good = fits(c, s);

    for (int k = 0; good && k < c->n; k++) good = (v[k] = sp_export(s->v[k])) != NULL;
    fresh = good ? sp_tensor_new(SP_BOOL, SP_SHAPE(c->batch)) : NULL;
    if (!fresh) return free_states(v), false;
    commit(c, v, fresh);
    return true;
}

bool sp_carry_keep(sp_carry *c, const sp_seq *seq)
{
    return c ? keep(c, &seq->last) : sp_fail("carry: there is no carry");
}

bool sp_carry_keep_at(sp_carry *c, const sp_seq *seq, int64_t steps)
{
    sp_state s = { .n = seq->each.n };

    if (!c) return sp_fail("carry: there is no carry");
    if (!c->forward) return sp_fail("carry: %s runs both ways: it stands only at the end", c->name);
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
    else if (run->keep_at < 0 || run->keep_at > T || (run->keep_at && !c->forward))
        sp_tape_fail(x.tape, "carry: keep_at is %lld, should be 1 to %lld, in one direction",
                     (long long)run->keep_at, (long long)T);
    if (sp_tape_error(x.tape)) return false;
    if (!c->v[0]) return true;

    begin->state.n = c->n;
    for (int k = 0; k < c->n; k++) begin->state.v[k] = sp_input(x.tape, c->v[k]);
    if (count_fresh(c) > 0) begin->fresh = sp_input(x.tape, c->fresh);
    return !sp_tape_error(x.tape);
}

/* ---- checkpoints ---- */

enum { NAME_TEXT = 256 };

static const char *part(const sp_carry *c, int k, char text[NAME_TEXT])
{
    if (k < 0) snprintf(text, NAME_TEXT, "carry.%.200s.fresh", c->name);
    else snprintf(text, NAME_TEXT, "carry.%.200s.%d", c->name, k);
    return text;
}

static bool put(const void *it, sp_store *store)
{
    const sp_carry *c = it;
    char name[NAME_TEXT];
    bool good = sp_store_put_tensor(store, part(c, -1, name), c->fresh);

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
    char name[NAME_TEXT];
    bool good;

    free_states(c->staged);
    sp_tensor_free(c->staged_fresh);
    c->staged_fresh = stored(store, part(c, -1, name), SP_SHAPE(c->batch));
    good = c->staged_fresh != NULL;
    if (!good || !sp_store_has(store, part(c, 0, name))) return good;
    for (int k = 0; good && k < c->n; k++)
        good = (c->staged[k] = stored(store, part(c, k, name), c->shape[k])) != NULL;
    return good;
}

static void take(void *it, const sp_store *store)
{
    sp_carry *c = it;

    (void)store;
    commit(c, c->staged, c->staged_fresh);
    for (int k = 0; k < SP_MAX_STATES; k++) c->staged[k] = NULL;
    c->staged_fresh = NULL;
}

sp_saved sp_carry_saved(sp_carry *c) { return (sp_saved){ c, put, check, take }; }
