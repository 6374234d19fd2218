/* SPDX-License-Identifier: MIT
 *
 * params.c - the collection: making it, naming, adding and finding parameters, and the
 * two slabs in which they lie.  Files and checkpoints are in params_file.c.
 *
 * What a new parameter needs is allocated first and the count raised last, so a
 * failure leaves every parameter as it was.
 */
#include "autograd/params.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include "tensor/alloc.h"
#include "tensor/safetensors.h"

enum { LINE = 64, ERROR_TEXT = 1024, FIRST_ROOM = 1024 };

/* Memory that lives as long as the collection; what was asked for lies one line behind. */
typedef struct block {
    struct block *next;
} block;

typedef struct entry {
    uint64_t  hash;                  /* of the name */
    sp_param *param;
} entry;

/* A collection under a prefix; `whole` is the one without. */
typedef struct collection collection;
struct sp_params {
    collection *c;
    const char *prefix;              /* "encoder." */
};

struct collection {
    sp_params whole;
    uint64_t  seed;
    sp_dtype  dtype;
    bool      failed;
    char      error[ERROR_TEXT];
    block    *blocks;
    entry    *entry;                 /* n of them */
    int64_t   n, room;
    char     *value, *grad;          /* the slabs; used and capacity in elements */
    int64_t   used, capacity;
};

sp_params *sp_params_new(uint64_t seed)
{
    collection *c = sp_alloc_zero(sizeof *c);

    if (!c) return NULL;
    c->seed = seed;
    c->dtype = SP_F32;
    c->whole = (sp_params){ c, "" };
    return &c->whole;
}

void sp_params_free(sp_params *p)
{
    if (!p || p != &p->c->whole) return;

    collection *c = p->c;
    for (block *b = c->blocks, *next; b; b = next) {
        next = b->next;
        sp_release(b);
    }
    sp_release(c->entry);
    sp_release(c->value);
    sp_release(c->grad);
    sp_release(c);
}

/* ---- failures ---- */

const char *sp_params_error(const sp_params *p)
{
    if (!p) return "out of memory";
    return p->c->failed ? p->c->error : NULL;
}

/* Whether it can be built on; if not, sp_error() says why from now on. */
static bool sound(const sp_params *p)
{
    const char *error = sp_params_error(p);
    if (!error) return true;
    sp_fail("%s", error);
    sp__keep_error();
    return false;
}

const char *sp_params_last_error(void) { return sp__kept_error(); }

void *sp_params_fail(sp_params *p, const char *format, ...)
{
    char    text[ERROR_TEXT];
    va_list args;

    va_start(args, format);
    int length = vsnprintf(text, sizeof text, format, args);
    va_end(args);
    if (length < 0) text[0] = 0;
    if (p && !p->c->failed) {
        p->c->failed = true;
        memcpy(p->c->error, text, sizeof text);
    }
    sound(p);
    return NULL;
}

/* ---- memory of the collection ---- */

void *sp_params_alloc(sp_params *p, int64_t bytes)
{
    if (!sound(p)) return NULL;

    bool   fits = bytes >= 0 && bytes <= INT64_MAX - LINE;
    block *b = fits ? sp_alloc_zero(LINE + bytes) : NULL;
    if (!fits) sp_fail_memory(bytes);
    if (!b) return sp_params_fail(p, "%s", sp_error());
    b->next = p->c->blocks;
    p->c->blocks = b;
    return (char *)b + LINE;
}

const char *sp_params_text(sp_params *p, const char *format, ...)
{
    va_list args, again;

    va_start(args, format);
    va_copy(again, args);
    int   length = vsnprintf(NULL, 0, format, args);
    char *text = length < 0 ? NULL : sp_params_alloc(p, (int64_t)length + 1);
    if (length < 0) sp_params_fail(p, "a text cannot be formatted: %s", format);
    if (text) vsnprintf(text, (size_t)length + 1, format, again);
    va_end(again);
    va_end(args);
    return text;
}

/* After a failure the collection itself: it refuses what comes next and says why. */
sp_params *sp_params_in(sp_params *p, const char *name)
{
    if (!sound(p)) return p;
    if (!name || !*name) sp_params_fail(p, "sp_params_in: a name is empty");

    sp_params *in = sp_params_alloc(p, sizeof *in);
    const char *prefix = sp_params_text(p, "%s%s.", p->prefix, name ? name : "");
    if (!in || !prefix) return p;
    *in = (sp_params){ p->c, prefix };
    return in;
}

const char *sp_params_prefix(const sp_params *p)
{
    return p ? p->prefix : "";
}

/* ---- dtype ---- */

bool sp_params_dtype(sp_params *p, sp_dtype dtype)
{
    if (!sound(p)) return false;
    if (!sp_is_floating(dtype))
        sp_params_fail(p, "parameters are f32 or f64, not %s", sp_dtype_name(dtype));
    else if (p->c->n > 0)
        sp_params_fail(p, "the dtype is fixed by the first parameter, %s, as %s",
                       p->c->entry[0].param->name, sp_dtype_name(p->c->dtype));
    else
        p->c->dtype = dtype;
    return !p->c->failed;
}

sp_dtype sp_params_dtype_of(const sp_params *p)
{
    return p ? p->c->dtype : SP_F32;
}

/* ---- a new parameter ---- */

static uint64_t hash_of(const char *name)
{
    return sp_hash(0, name, (int64_t)strlen(name));
}

sp_param *sp_params_find(const sp_params *p, const char *name)
{
    uint64_t hash = name ? hash_of(name) : 0;

    for (int64_t i = 0; p && name && i < p->c->n; i++) {
        const entry *e = &p->c->entry[i];
        if (e->hash == hash && strcmp(e->param->name, name) == 0) return e->param;
    }
    return NULL;
}

/* The whole name, once it and the shape have been found good; else NULL. */
static const char *name_for(sp_params *p, const char *name, sp_shape shape)
{
    if (!sp__name_check(name)) return sp_params_fail(p, "%s", sp_error());

    const char *whole = sp_params_text(p, "%s%s", p->prefix, name);
    if (!whole) return NULL;
    if (!sp__name_check(whole)) return sp_params_fail(p, "%s", sp_error());
    if (sp_params_find(p, whole)) return sp_params_fail(p, "%s: there is such a parameter", whole);
    if (!sp_shape_check(shape)) return sp_params_fail(p, "%s: %s", whole, sp_error());
    return whole;
}

static char *slab(int64_t n, int64_t size, const char *from, int64_t used)
{
    char *x = sp_alloc_array(n, size);

    if (!x) return NULL;
    if (used) memcpy(x, from, (size_t)(used * size));
    memset(x + used * size, 0, (size_t)((n - used) * size));
    return x;
}

static void point(sp_param *x, const collection *c)
{
    int64_t at = x->offset * sp_dtype_size(c->dtype);

    x->value.data = c->value + at;
    x->grad.data = c->grad + at;
}

/* Room for `need` elements in both slabs; parameters follow where they move. */
static bool reserve_slabs(collection *c, int64_t need)
{
    int64_t size = sp_dtype_size(c->dtype), n = need > FIRST_ROOM ? need : FIRST_ROOM;

    if (c->value && need <= c->capacity) return true;
    if (n < 2 * c->capacity) n = 2 * c->capacity;
    char *value = slab(n, size, c->value, c->used);
    char *grad = value ? slab(n, size, c->grad, c->used) : NULL;
    if (!grad) {
        sp_release(value);
        return false;
    }
    sp_release(c->value);
    sp_release(c->grad);
    c->value = value;
    c->grad = grad;
    c->capacity = n;
    for (int64_t i = 0; i < c->n; i++) point(c->entry[i].param, c);
    return true;
}

static bool reserve_entry(collection *c)
{
    if (c->n < c->room) return true;

    int64_t room = 2 * c->room + 16, size = sizeof *c->entry;
    entry *e = sp_realloc_array(c->entry, c->n * size, room, size);
    if (!e) return false;
    c->entry = e;
    c->room = room;
    return true;
}

/* Elements up to the next line, so that every parameter begins one. */
static int64_t padded(const collection *c, int64_t n)
{
    int64_t line = LINE / sp_dtype_size(c->dtype);
    return (n + line - 1) / line * line;
}

/* Unused dimensions are 0 in our shapes, whatever was given. */
static sp_tensor lying(sp_dtype dtype, sp_shape shape)
{
    for (int64_t i = shape.rank; i < SP_MAX_RANK; i++) shape.dim[i] = 0;
    return (sp_tensor){ .dtype = dtype, .shape = shape, .borrowed = true };
}

/* The stream is a hash of the name: neither order nor number of other parameters matters. */
static bool fill(sp_param *x, sp_init init, uint64_t seed, uint64_t hash)
{
    sp_random random = { .seed = seed, .stream = hash };

    if (!init.fill || init.fill(&x->value, random, init.a, init.b)) return true;
    memset(x->value.data, 0, (size_t)sp_tensor_bytes(&x->value));
    return false;
}

sp_param *sp_params_add(sp_params *p, const char *name, sp_shape shape, sp_init init)
{
    if (!sound(p)) return NULL;

    collection *c = p->c;
    const char *whole = name_for(p, name, shape);
    sp_param   *x = whole ? sp_params_alloc(p, sizeof *x) : NULL;
    if (!x) return NULL;
    int64_t used = c->used + padded(c, sp_shape_size(shape));
    if (!reserve_entry(c) || !reserve_slabs(c, used)) return sp_params_fail(p, "%s", sp_error());

    sp_tensor y = lying(c->dtype, shape);
    *x = (sp_param){ .name = whole, .value = y, .grad = y, .trainable = true,
                     .offset = c->used, .index = c->n, .params = &c->whole };
    point(x, c);
    uint64_t hash = hash_of(whole);
    if (!fill(x, init, c->seed, hash)) return sp_params_fail(p, "%s: %s", whole, sp_error());
    c->entry[c->n++] = (entry){ hash, x };
    c->used = used;
    return x;
}

/* ---- all of them ---- */

int64_t sp_params_count(const sp_params *p)
{
    return p ? p->c->n : 0;
}

sp_param *sp_params_at(const sp_params *p, int64_t i)
{
    return p && i >= 0 && i < p->c->n ? p->c->entry[i].param : NULL;
}

int64_t sp_params_size(const sp_params *p)
{
    int64_t size = 0;

    for (int64_t i = 0; i < sp_params_count(p); i++)
        size += sp_tensor_size(&sp_params_at(p, i)->value);
    return size;
}

void sp_params_drop_grads(sp_params *p)
{
    for (int64_t i = 0; i < sp_params_count(p); i++) sp_params_at(p, i)->has_grad = false;
}

/* ---- one of them ---- */

bool sp_param_set(sp_param *x, const sp_tensor *from)
{
    char have[SP_SHAPE_TEXT], given[SP_SHAPE_TEXT];

    if (!x || !from) return sp_fail("sp_param_set: no %s", x ? "tensor" : "parameter");
    if (from->dtype != x->value.dtype || !sp_shape_equal(from->shape, x->value.shape))
        return sp_fail("%s: it is %s %s, the tensor given is %s %s", x->name,
                       sp_dtype_name(x->value.dtype), sp_shape_text(x->value.shape, have),
                       sp_dtype_name(from->dtype), sp_shape_text(from->shape, given));
    memmove(x->value.data, from->data, (size_t)sp_tensor_bytes(from));
    sp_param_changed(x);
    return true;
}

void sp_param_changed(sp_param *x)
{
    if (x) x->version++;
}
