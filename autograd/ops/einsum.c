/* SPDX-License-Identifier: MIT
 *
 * einsum - sums of products of any number of operands, said by the names of their axes.
 *
 * The text is read once: it names the axes of the operands.  These are taken from left to right:
 * each meets the product of those before it, and an index that neither the result nor a later
 * operand names is summed at once.
 */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include "autograd/ops/contract.h"
#include "autograd/node.h"
#include "tensor/alloc.h"

/* The indices: a letter each, and one for each axis that "..." may stand for, aligned right. */
enum { LETTERS = 52, INDICES = LETTERS + SP_MAX_RANK, NAME_TEXT = 24 };

typedef struct einsum {
    sp_tape      *tape;
    const char   *spec;
    int           n;
    const sp_var *x;
    sp_term      *term;                /* x with the names of its axes */
    int64_t       size[INDICES];
    int           from[INDICES];       /* the operand that said the size */
    int           last[INDICES];       /* the last operand that has it */
    int           count[INDICES];      /* how often operands name it */
    int           dots;                /* the most axes that "..." stands for */
    int           n_out;
    int           out[SP_MAX_RANK];
} einsum;

/* A part of the text: "ij...k". */
typedef struct group {
    const char *text;
    int         length, n, name[SP_MAX_RANK];
    int         dots;                  /* how many of the names stand before "..."; -1: none */
} group;

/* ---- sentences: einsum: "ij,jk->ik": [2,3] x [4,5]: what differs ---- */

static bool refused(const einsum *e, const char *format, ...) SP_PRINTF(2, 3);
static bool refused(const einsum *e, const char *format, ...)
{
    char shapes[SP_ERROR_TEXT / 4] = "", shape[SP_SHAPE_TEXT], what[SP_ERROR_TEXT / 4];
    size_t at = 0;
    va_list list;

    for (int k = 0; k < e->n && k < 4 && at < sizeof shapes; k++)
        at += (size_t)snprintf(shapes + at, sizeof shapes - at, "%s%s", k ? " x " : "",
                               sp_shape_text(sp_var_shape(e->x[k]), shape));
    if (e->n > 4 && at < sizeof shapes)
        snprintf(shapes + at, sizeof shapes - at, " x ... (%d operands)", e->n);
    va_start(list, format);
    vsnprintf(what, sizeof what, format, list);
    va_end(list);
    sp__fail(e->tape, "einsum: \"%.100s\": %s: %s", e->spec, shapes, what);
    return false;
}

static const char *index_text(int name, char text[NAME_TEXT])
{
    if (name >= LETTERS) snprintf(text, NAME_TEXT, "axis %d of ...", name - INDICES);
    else snprintf(text, NAME_TEXT, "index %c", name < 26 ? 'A' + name : 'a' + name - 26);
    return text;
}

/* ---- reading ---- */

/* In the order of an implicit result: capitals first. */
static int index_of(char c)
{
    return c >= 'A' && c <= 'Z' ? c - 'A' : c >= 'a' && c <= 'z' ? c - 'a' + 26 : -1;
}

/* Up to a comma, "->" or the end. */
static bool read_group(const einsum *e, const char **at, group *g)
{
    const char *c = *at;

    *g = (group){ .text = c, .dots = -1 };
    for (; *c && *c != ',' && strncmp(c, "->", 2) != 0; c++) {
        if (*c == ' ') continue;
        if (strncmp(c, "...", 3) == 0) {
            if (g->dots >= 0) return refused(e, "\"...\" stands twice in one place");
            g->dots = g->n;
            c += 2;
        } else if (index_of(*c) < 0) {
            return refused(e, "'%c' is no index: letters are", *c);
        } else if (g->n == SP_MAX_RANK) {
            return refused(e, "more than %d indices in one place", SP_MAX_RANK);
        } else {
            g->name[g->n++] = index_of(*c);
        }
    }
    g->length = (int)(c - g->text);
    *at = c;
    return true;
}

/* The names with those of `dots` axes in the place of "...".  Returns how many. */
static int spelled(const group *g, int dots, int name[])
{
    int n = 0;

    for (int i = 0; i <= g->n; i++) {
        for (int k = 0; i == g->dots && k < dots; k++) name[n++] = INDICES - dots + k;
        if (i < g->n) name[n++] = g->name[i];
    }
    return n;
}

/* Operand k, whose text begins at *at. */
static bool read_operand(einsum *e, const char **at, int k)
{
    group g;
    int rank = (int)sp_var_shape(e->x[k]).rank;

    if (!read_group(e, at, &g)) return false;
    int dots = rank - g.n;
    if (dots < 0 || (g.dots < 0 && dots > 0))
        return refused(e, "operand %d has rank %d, \"%.*s\" is for rank %d%s", k, rank, g.length,
                       g.text, g.n, g.dots < 0 ? "" : " or more");
    if (dots > e->dots) e->dots = dots;
    e->term[k] = (sp_term){ .v = e->x[k], .n = rank };
    spelled(&g, dots, e->term[k].name);
    return true;
}

/* ---- what each index is ---- */

/* The size of an axis among the others of its index: within an operand they are equal, between
   operands a size of 1 is repeated. */
static bool meet_axis(einsum *e, int k, int d)
{
    char text[NAME_TEXT];
    const sp_term *x = &e->term[k];
    int name = x->name[d], from = e->from[name];
    int64_t size = sp_var_dim(x->v, d), *known = &e->size[name];
    bool first = e->count[name]++ == 0;

    for (int b = 0; b < d; b++)
        if (x->name[b] == name && sp_var_dim(x->v, b) != size)
            return refused(e, "%s is %lld and %lld in operand %d", index_text(name, text),
                           (long long)sp_var_dim(x->v, b), (long long)size, k);
    if (!first && size != *known && size != 1 && *known != 1)
        return refused(e, "%s is %lld in operand %d and %lld in operand %d",
                       index_text(name, text), (long long)*known, from, (long long)size, k);
    e->last[name] = k;
    if (first || *known == 1) *known = size, e->from[name] = k;
    return true;
}

/* Without "->": what "..." stands for, and then, by the alphabet, what is named once. */
static bool implied(einsum *e)
{
    group all = { .dots = 0 };

    for (int i = 0; i < LETTERS; i++) {
        if (e->count[i] != 1) continue;
        if (all.n + e->dots == SP_MAX_RANK)
            return refused(e, "its result has more than %d axes", SP_MAX_RANK);
        all.name[all.n++] = i;
    }
    e->n_out = spelled(&all, e->dots, e->out);
    return true;
}

static bool read_result(einsum *e, const char *at)
{
    group g;
    char text[NAME_TEXT];

    if (!read_group(e, &at, &g)) return false;
    if (*at) return refused(e, "the result goes on with \"%.20s\"", at);
    if (e->dots && g.dots < 0)
        return refused(e, "its result has no \"...\", for %d axes of operands", e->dots);
    if (g.n + e->dots > SP_MAX_RANK)
        return refused(e, "its result has more than %d axes", SP_MAX_RANK);
    for (int i = 0; i < g.n; i++) {
        if (!e->count[g.name[i]])
            return refused(e, "%s of the result is in no operand", index_text(g.name[i], text));
        for (int k = 0; k < i; k++)
            if (g.name[k] == g.name[i])
                return refused(e, "%s stands twice in the result", index_text(g.name[i], text));
    }
    e->n_out = spelled(&g, e->dots, e->out);
    return true;
}

static bool read_all(einsum *e)
{
    const char *at = e->spec;

    for (int k = 0; k < e->n; k++) {
        sp_dtype dtype = sp_var_dtype(e->x[k]);
        if (!sp_is_floating(dtype) || dtype != sp_var_dtype(e->x[0]))
            return refused(e, "operand %d is %s, it needs f32 or f64 like the others", k,
                           sp_dtype_name(dtype));
        if (!read_operand(e, &at, k)) return false;
        for (int d = 0; d < e->term[k].n; d++)
            if (!meet_axis(e, k, d)) return false;
        if (k + 1 < e->n && *at++ != ',')
            return refused(e, "it names only %d of the %d operands", k + 1, e->n);
    }
    if (*at == ',') return refused(e, "it names more operands than the %d there are", e->n);
    return *at ? read_result(e, at + 2) : implied(e);
}

/* ---- computing ---- */

/* The indices of the result and of operands behind k. */
static uint64_t needed(const einsum *e, int k)
{
    uint64_t all = 0;

    for (int i = 0; i < e->n_out; i++) all |= SP_NAMED(e->out[i]);
    for (int i = 0; i < INDICES; i++)
        if (e->count[i] && e->last[i] > k) all |= SP_NAMED(i);
    return all;
}

/* Whether no product on the way has too many axes. */
static bool fits(const einsum *e)
{
    uint64_t names = 0;

    for (int k = 0; k < e->n; k++) {
        names = (names | sp__names(&e->term[k])) & needed(e, k);
        int axes = __builtin_popcountll(names);
        if (axes > SP_MAX_RANK)
            return refused(e, "the product up to operand %d has %d axes, more than %d", k, axes,
                           SP_MAX_RANK);
    }
    return true;
}

/* Where an index stands twice, its diagonal, once. */
static sp_term diagonals(sp_term x)
{
    for (int a = 0; a < x.n; a++)
        for (int b = a + 1; b < x.n; b++) {
            if (x.name[a] != x.name[b]) continue;
            int name = x.name[a], n = 0;
            x.v = sp_diagonal(x.v, 0, a, b);
            for (int d = 0; d < x.n; d++)
                if (d != a && d != b) x.name[n++] = x.name[d];
            x.name[n++] = name;
            x.n = n;
            a = -1;
            break;
        }
    return x;
}

static sp_var computed(const einsum *e)
{
    sp_term y = { 0 };

    for (int k = 0; k < e->n; k++) {
        uint64_t kept = needed(e, k);
        sp_term x = diagonals(e->term[k]);
        y = k ? sp__term_product(y, x, kept) : sp__term_sum(x, kept);
    }
    return sp__term_as(y, e->out);
}

sp_var sp_einsum(const char *spec, int n, const sp_var x[])
{
    einsum e = { .spec = spec, .n = n, .x = x };

    if (!sp__all_readable(n, x, "einsum", &e.tape)) return sp__nothing(e.tape);
    if (!spec) return sp_tape_fail(e.tape, "einsum: there is no text that says what to sum");
    e.term = sp_alloc_array(n, sizeof *e.term);
    if (!e.term) return sp_tape_fail(e.tape, "einsum: %s", sp_error());
    bool ok = read_all(&e) && fits(&e);
    sp_var y = ok ? SP_CALLED_ON(e.tape, "einsum", computed(&e)) : sp__nothing(e.tape);
    sp_release(e.term);
    return y;
}
