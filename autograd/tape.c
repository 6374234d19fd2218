/* SPDX-License-Identifier: MIT
 *
 * tape - the life of a tape: making, failing, scopes, resetting.
 */
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include "autograd/node.h"

static const int64_t usual_nodes = (int64_t)64 << 20;

static bool eager_by_environment(void)
{
    const char *said = getenv("SP_EAGER");
    return said && strcmp(said, "1") == 0;
}

static bool begin(sp_tape *t)
{
    sp_scope root = { 0 };
    const sp_shape scalar = SP_SCALAR;
    const sp_layout dense = { 0 };
    uint32_t zero;

    if (!sp__grow(t, &t->scopes, &t->scope_room, 1, sizeof root)) return false;
    t->scopes[t->n_scopes++] = root;
    return sp__intern(&t->shapes, &scalar, sizeof scalar, &zero)
        && sp__intern(&t->layouts, &dense, sizeof dense, &zero)
        && sp__intern(&t->attrs, "", 0, &zero);
}

sp_tape *sp_tape_new(const sp_tape_spec *spec)
{
    sp_tape_spec usual = { 0 };
    sp_tape *t = sp_alloc_zero(sizeof *t);

    if (!t) return NULL;
    t->spec = spec ? *spec : usual;
    if (t->spec.max_nodes <= 0 || t->spec.max_nodes > usual_nodes) t->spec.max_nodes = usual_nodes;
    if (eager_by_environment()) t->spec.eager = true;
    t->isa = t->spec.portable ? SP_PORTABLE : t->spec.isa ? t->spec.isa : sp_isa_best();
    t->training = true;
    t->epoch = 1;
    if (!sp_isa_usable(t->isa)) {
        sp_fail("sp_tape_new: the instruction set %s is not usable here", sp_isa_name(t->isa));
    } else if (begin(t)) {
        return t;
    }
    sp_tape_free(t);
    return NULL;
}

void sp__forget_value(sp_tape *t, uint32_t id)
{
    sp_beside *b = &t->beside[id];

    if (b->tensor && !b->tensor->borrowed)
        sp__pool_give(&t->pool, b->tensor->data, sp_tensor_bytes(b->tensor));
    if (!b->owned || !b->data) return;
    int64_t bytes = sp__bytes(t, id);
    sp__pool_give(&t->pool, b->data, bytes);
    t->stats.live_bytes -= bytes;
}

static void forget_values(sp_tape *t)
{
    for (int64_t i = 0; i < t->n_nodes; i++) sp__forget_value(t, (uint32_t)i);
    t->stats.live_bytes = 0;
}

void sp_tape_reset(sp_tape *t)
{
    if (!t || t->telling) return;
    forget_values(t);
    t->n_nodes = t->n_operands = t->n_scalars = t->n_leaves = t->n_pinned = t->n_used = 0;
    t->n_regions = t->n_entered = t->n_names = t->n_hooks = 0;
    t->n_stretches = t->n_events = t->sweeping = 0;
    if (t->used_room) memset(t->used, 0xff, (size_t)t->used_room * sizeof *t->used);
    sp__arena_reset(&t->arena);
    t->scope = 0;
    t->overflow = 0;
    t->failed = false;
    t->error[0] = 0;
    if (++t->epoch == 0) t->epoch = 1;
    t->step++;
}

void sp_tape_free(sp_tape *t)
{
    if (!t) return;
    forget_values(t);
    sp__evaluation_free(t->evaluation);
    sp__pool_free(&t->pool);
    sp__arena_free(&t->arena);
    sp__interner_free(&t->shapes);
    sp__interner_free(&t->layouts);
    sp__interner_free(&t->attrs);
    sp__interner_free(&t->scope_keys);
    sp__interner_free(&t->roles);
    void *array[] = { t->node, t->beside, t->operands, t->scalars, t->leaves, t->pinned,
                      (void *)t->ops, t->scopes, t->used, t->regions, t->entered, t->names,
                      t->hooks, t->stretches, t->events, t->parts };
    for (size_t i = 0; i < sizeof array / sizeof *array; i++) sp_release(array[i]);
    sp_release(t);
}

/* ---- failures ---- */

static const char no_memory[] = "out of memory: there is no tape";

sp_var sp__nothing(sp_tape *t)
{
    return (sp_var){ t, SP_NOTHING, t ? t->epoch : 0 };
}

/* Names joined by dots, numbered parts behind: "decoder.lstm layer 1, step 3".  Returns the
   length of the whole text. */
static int path_text(const sp_tape *t, int n, const uint32_t path[], char *text, int size)
{
    int at = 0;
    bool numbered = false;

    for (int i = n - 1; i >= 0; i--) {
        const sp_scope *s = &t->scopes[path[i]];
        const char *between = i == n - 1 ? "" : s->index < 0 ? "." : numbered ? ", " : " ";
        int room = at < size ? size - at : 0;
        at += snprintf(room ? text + at : NULL, (size_t)room, "%s%s", between, s->name);
        room = at < size ? size - at : 0;
        numbered = s->index >= 0;
        if (numbered)
            at += snprintf(room ? text + at : NULL, (size_t)room, " %lld", (long long)s->index);
    }
    return at;
}

/* Where a scope stands.  What does not fit is left out at the front: the innermost says most. */
static int scope_text(const sp_tape *t, uint32_t scope, char *text, int size)
{
    uint32_t path[SP_SCOPE_DEPTH] = { 0 };
    int n = 0;

    for (; scope && n < SP_SCOPE_DEPTH; scope = t->scopes[scope].parent) path[n++] = scope;
    text[0] = 0;
    bool whole = !scope && path_text(t, n, path, text, size) < size;
    if (whole || n == 0) return n;
    memcpy(text, "... ", 5);
    while (n > 1 && path_text(t, n, path, text + 4, size - 4) >= size - 4) n--;
    return n;
}

sp_var sp__fail_scoped(sp_tape *t, uint32_t scope, const char *sentence)
{
    char where[256];

    if (!t || t->failed) return sp__nothing(t);
    t->failed = true;
    if (scope_text(t, scope, where, sizeof where) > 0)
        snprintf(t->error, sizeof t->error, "%.700s (in %s)", sentence, where);
    else
        snprintf(t->error, sizeof t->error, "%.1000s", sentence);
    sp_fail("%s", t->error);
    t->telling = true;
    if (t->spec.on_error) t->spec.on_error(t->error, t->spec.on_error_data);
    t->telling = false;
    return sp__nothing(t);
}

static sp_var fail_with(sp_tape *t, const char *format, va_list list)
{
    char sentence[SP_ERROR_TEXT];

    vsnprintf(sentence, sizeof sentence, format, list);
    if (t) return sp__fail_scoped(t, t->scope, sentence);
    sp_fail("%s", sentence);
    return sp__nothing(NULL);
}

sp_var sp__fail(sp_tape *t, const char *format, ...)
{
    va_list list;
    va_start(list, format);
    sp_var v = fail_with(t, format, list);
    va_end(list);
    return v;
}

sp_var sp_tape_fail(sp_tape *t, const char *format, ...)
{
    va_list list;
    va_start(list, format);
    sp_var v = fail_with(t, format, list);
    va_end(list);
    return v;
}

const char *sp_tape_error(const sp_tape *t)
{
    return !t ? no_memory : t->failed ? t->error : NULL;
}

void sp__call_begins(sp_tape *t, const char *name)
{
    if (t && t->calls++ == 0) t->called = name;
}

sp_var sp__call_ends(sp_tape *t, sp_var y)
{
    if (t && --t->calls == 0) t->called = NULL;
    return y;
}

const char *sp__called(const sp_tape *t, const char *op)
{
    return t && t->called ? t->called : op;
}

bool sp__readable(sp_tape *t, sp_var v, const char *op)
{
    const char *who = sp__called(t, op);

    if (!v.tape) {
        sp__fail(t, "%s: an operand is no var: it was never set", who);
    } else if (v.tape != t) {
        sp__fail(t, "%s: its operands are on different tapes", who);
    } else if (v.epoch != t->epoch || (v.id >= t->n_nodes && v.id != SP_NOTHING)) {
        sp__fail(t, "%s: its operand was recorded before sp_tape_reset; "
                 "keep it with sp_export or sp_carry_keep", who);
    } else if (v.id != SP_NOTHING) {
        return !t->failed;
    }
    return false;
}

bool sp__grow(sp_tape *t, void *array, int64_t *room, int64_t need, int64_t size)
{
    void *block, *grown;
    int64_t more = *room ? 2 * *room : 64;

    if (need <= *room) return true;
    t->stats.allocations++;
    while (more < need) more *= 2;
    memcpy(&block, array, sizeof block);
    grown = sp_realloc_array(block, *room * size, more, size);
    if (!grown) return sp__fail(t, "%s", sp_error()), false;
    memcpy(array, &grown, sizeof grown);
    *room = more;
    return true;
}

void *sp__tape_alloc(sp_tape *t, int64_t bytes)
{
    void *block = t ? sp__arena_take(&t->arena, bytes) : NULL;

    if (!block && t) sp__fail(t, "%s", sp_error());
    return block;
}

/* ---- modes ---- */

void     sp_tape_train(sp_tape *t, bool on) { if (t) t->training = on; }
bool     sp_tape_training(const sp_tape *t) { return t && t->training; }
uint64_t sp_tape_step(const sp_tape *t) { return t ? t->step : 0; }

/* Draws belong to the step at which they are recorded. */
void sp_tape_set_step(sp_tape *t, uint64_t step)
{
    if (!t) return;
    if (t->n_nodes == 0) t->step = step;
    else sp__fail(t, "sp_tape_set_step: ops of step %llu are recorded; reset the tape first",
                  (unsigned long long)t->step);
}

static bool put(const void *it, sp_store *s)
{
    const sp_tape *t = it;

    if (!t) return sp_fail("tape: there is none to be saved");
    return sp_store_put_integer(s, "tape.seed", (int64_t)t->spec.seed)
        && sp_store_put_integer(s, "tape.step", (int64_t)t->step);
}

static bool check(const void *it, const sp_store *s)
{
    const sp_tape *t = it;
    int64_t number;

    if (!t) return sp_fail("tape: there is none to take a checkpoint");
    if (t->n_nodes > 0)
        return sp_fail("tape: ops are recorded; reset it before it takes a checkpoint");
    return sp_store_integer(s, "tape.seed", &number) && sp_store_integer(s, "tape.step", &number);
}

static void take(void *it, const sp_store *s)
{
    sp_tape *t = it;
    int64_t seed = 0, step = 0;

    sp_store_integer(s, "tape.seed", &seed);
    sp_store_integer(s, "tape.step", &step);
    t->spec.seed = (uint64_t)seed;
    t->step = (uint64_t)step;
}

sp_saved sp_tape_saved(sp_tape *t) { return (sp_saved){ t, put, check, take }; }

/* ---- scopes ---- */

/* What makes a scope: where it stands, its number, its name (long ones by their hash). */
typedef struct sp_scope_key {
    int64_t  index;
    uint64_t hash;
    uint32_t parent;
    char     name[60];
} sp_scope_key;

/* The whole name, for as long as the tape lives; NULL: no memory. */
static const char *kept_name(sp_tape *t, const char *name)
{
    uint32_t number;
    const bool kept = sp__intern(&t->roles, name, (int64_t)strlen(name) + 1, &number);
    return kept ? sp__interned(&t->roles, number) : NULL;
}

void sp_scope_enter(sp_tape *t, const char *name, int64_t index)
{
    sp_scope_key key = { .index = index < 0 ? -1 : index };
    uint32_t number;

    if (!t) return;
    if (!name) name = "";
    const int64_t length = (int64_t)strlen(name);
    const bool longer = length >= (int64_t)sizeof key.name;
    key.parent = t->scope;
    key.hash = sp_hash(0, name, length);
    snprintf(key.name, sizeof key.name, "%s", name);
    const char *whole = longer && !t->overflow ? kept_name(t, name) : NULL;
    if (t->overflow || (longer && !whole)
        || !sp__grow(t, &t->scopes, &t->scope_room, t->n_scopes + 1, sizeof *t->scopes)
        || !sp__intern(&t->scope_keys, &key, sizeof key, &number)) {
        if (!t->overflow++) sp__fail(t, "%s", sp_error());
        return;
    }
    if ((int64_t)number + 1 == t->n_scopes) {
        const sp_scope_key *kept = sp__interned(&t->scope_keys, number);
        uint64_t path = sp_hash(t->scopes[t->scope].path, &kept->hash, sizeof kept->hash);
        path = sp_hash(path, &kept->index, sizeof kept->index);
        t->scopes[t->n_scopes++] = (sp_scope){ t->scope, 0, 0, path, key.index,
                                               longer ? whole : kept->name };
    }
    t->scope = number + 1;
}

void sp_scope_leave(sp_tape *t)
{
    if (!t) return;
    if (t->overflow) t->overflow--;
    else t->scope = t->scopes[t->scope].parent;
}

uint64_t sp_stream(sp_tape *t)
{
    if (!t) return 0;
    sp_scope *s = &t->scopes[t->scope];

    if (s->epoch != t->epoch) s->epoch = t->epoch, s->draws = 0;
    uint32_t draw = s->draws++;
    return sp_hash(s->path, &draw, sizeof draw);
}

/* ---- what a var is ---- */

static bool alive(sp_var v)
{
    return v.tape && v.epoch == v.tape->epoch && v.id < v.tape->n_nodes;
}

bool     sp_is_nothing(sp_var v) { return !alive(v); }
bool     sp_is_given(sp_var v)   { return v.tape || v.id || v.epoch; }
sp_shape sp_var_shape(sp_var v)  { return alive(v) ? sp__shape(v.tape, v.id) : SP_SCALAR; }
sp_dtype sp_var_dtype(sp_var v)
{
    return alive(v) ? (sp_dtype)sp__node(v.tape, v.id)->dtype : SP_F32;
}

int64_t sp_var_dim(sp_var v, int axis)
{
    sp_shape shape = sp_var_shape(v);
    int k = sp_axis(axis, shape.rank);
    return k < 0 ? 0 : shape.dim[k];
}
