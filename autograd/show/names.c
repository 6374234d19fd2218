/* SPDX-License-Identifier: MIT
 *
 * names - values and gradients found by name.
 *
 * Giving a name appends 40 bytes; paths are made only when somebody looks.
 */
#include "autograd/names.h"

#include <string.h>
#include "autograd/node.h"
#include "autograd/show/steps.h"

/* ---- giving ---- */

sp_var sp__named_state(sp_var v, sp_var made, const char *role, int k)
{
    sp_tape *t = v.tape;
    uint32_t number;

    if (!t) return v;
    if (!role || !*role) return sp__fail(t, "sp_named: the name is empty");
    if (!sp__readable(t, v, "sp_named")) return sp__nothing(t);
    if (!sp__intern(&t->roles, role, (int64_t)strlen(role) + 1, &number))
        return sp__fail(t, "%s", sp_error());
    if (!sp__grow(t, &t->names, &t->name_room, t->n_names + 1, sizeof *t->names))
        return sp__nothing(t);
    t->names[t->n_names++] = (sp_name){ v.id, made.id, t->scope, SP_NOTHING,
                                        (uint32_t)t->n_nodes, SP_NOTHING, k,
                                        sp__interned(&t->roles, number) };
    return v;
}

sp_var sp_named(sp_var v, const char *role) { return sp__named_state(v, v, role, -1); }

/* ---- paths ---- */

enum { NUMBER = 24 };

/* What follows the scope's name: " 3", or nothing. */
static int64_t number_text(const sp_scope *s, char text[NUMBER])
{
    text[0] = 0;
    return s->index < 0 ? 0 : snprintf(text, NUMBER, " %lld", (long long)s->index);
}

static void put_before(char **end, const char *part, int64_t length)
{
    memcpy(*end -= length, part, (size_t)length);
}

/* The scopes are met from the innermost out, so the text is filled from its end. */
void sp__put_path(sp_text *to, const sp_tape *t, uint32_t scope, const char *role)
{
    char number[NUMBER];
    int64_t role_length = role ? (int64_t)strlen(role) : 0, n = role ? role_length : -1;

    for (uint32_t at = scope; at; at = t->scopes[at].parent)
        n += 1 + (int64_t)strlen(t->scopes[at].name) + number_text(&t->scopes[at], number);
    char *text = n > 0 ? sp__text_room(to, n) : NULL;
    if (!text) return;
    char *end = text + n;
    if (role) put_before(&end, role, role_length);
    for (uint32_t at = scope; at; at = t->scopes[at].parent) {
        const sp_scope *s = &t->scopes[at];
        if (role || at != scope) *--end = '/';
        put_before(&end, number, number_text(s, number));
        put_before(&end, s->name, (int64_t)strlen(s->name));
    }
}

/* ---- finding ---- */

/* What a search has met: names whose path ends so, those of them that begin so as well. */
typedef struct search {
    const sp_tape *t;
    const char    *path;
    int64_t        length, number;   /* of the path; which of several, 0: the last */
    int64_t        whole, n_whole;   /* the name found by its whole path, and how many */
    int64_t        tail, n_tail;     /* by its tail */
    int64_t        first, other;     /* by its tail: the first, one with another path, or -1 */
} search;

/* Take `part` off the end of the path's first n bytes. */
static bool take_off(const char *path, int64_t *n, const char *part)
{
    const int64_t length = (int64_t)strlen(part);

    if (length > *n || memcmp(path + *n - length, part, (size_t)length) != 0) return false;
    *n -= length;
    return true;
}

sp_fit sp__path_fit(const sp_tape *t, uint32_t scope, const char *role, const char *path,
                    int64_t n)
{
    char number[NUMBER];

    if (role && !take_off(path, &n, role)) return SP_FITS_NOT;
    for (uint32_t at = scope; at; at = t->scopes[at].parent) {
        const bool last = !role && at == scope;
        if (n == 0 && !last) return SP_FITS_END;
        number_text(&t->scopes[at], number);
        if ((!last && !take_off(path, &n, "/")) || !take_off(path, &n, number)
            || !take_off(path, &n, t->scopes[at].name))
            return SP_FITS_NOT;
    }
    return n == 0 ? SP_FITS : SP_FITS_NOT;
}

static bool same_path(const sp_tape *t, int64_t i, int64_t k)
{
    return t->names[i].scope == t->names[k].scope && t->names[i].role == t->names[k].role;
}

static void meet(search *s, int64_t i, sp_fit how)
{
    int64_t *found = how == SP_FITS ? &s->whole : &s->tail;
    int64_t *n = how == SP_FITS ? &s->n_whole : &s->n_tail;

    if (how == SP_FITS_END && s->first < 0) s->first = i;
    if (how == SP_FITS_END && !same_path(s->t, i, s->first)) s->other = i;
    else if (s->number == 0 || *n + 1 == s->number) *found = i;
    ++*n;
}

static search look_for(const sp_tape *t, const char *path, int64_t length, int64_t number)
{
    search s = { t, path, length, number, -1, 0, -1, 0, -1, -1 };

    for (int64_t i = 0; i < t->n_names; i++) {
        sp_fit how = sp__path_fit(t, t->names[i].scope, t->names[i].role, path, length);
        if (how != SP_FITS_NOT) meet(&s, i, how);
    }
    return s;
}

/* The number behind the last '#'; 0: there is none. */
static int64_t number_behind(const char *path, int64_t *length)
{
    const char *mark = strrchr(path, '#');
    int64_t number = 0;

    if (!mark || !mark[1]) return 0;
    for (const char *c = mark + 1; *c; c++) {
        if (*c < '0' || *c > '9' || number > 1000000000) return 0;
        number = 10 * number + *c - '0';
    }
    *length = mark - path;
    return number;
}

/* ---- what was not found ---- */

enum { NEAREST = 3, LONGEST = 200 };

static char lower(char c) { return c >= 'A' && c <= 'Z' ? (char)(c + 32) : c; }

/* Twice the edits that make a into b, once where only the case differs (Levenshtein, one row
   kept); `most` if it is more. */
static int distance(const char *a, const char *b, int most)
{
    int row[LONGEST + 1], n = (int)strlen(b);

    for (int j = 0; j <= n; j++) row[j] = 2 * j;
    for (int i = 0; a[i]; i++) {
        int corner = row[0], least = row[0] = 2 * (i + 1);
        for (int j = 1; j <= n; j++) {
            int change = a[i] == b[j - 1] ? 0 : lower(a[i]) == lower(b[j - 1]) ? 1 : 2;
            int gap = (row[j] < row[j - 1] ? row[j] : row[j - 1]) + 2;
            change += corner;
            corner = row[j];
            row[j] = change < gap ? change : gap;
            if (row[j] < least) least = row[j];
        }
        if (least >= most) return most;
    }
    return row[n];
}

typedef struct near { int64_t name[NEAREST]; int distance[NEAREST]; int n; } near;

static void come_near(near *to, const sp_tape *t, int64_t i, int d)
{
    int at = to->n;

    for (int k = 0; k < to->n; k++)
        if (same_path(t, to->name[k], i)) return;
    while (at > 0 && to->distance[at - 1] > d) at--;
    if (at == NEAREST) return;
    if (to->n < NEAREST) to->n++;
    for (int k = to->n - 1; k > at; k--) {
        to->name[k] = to->name[k - 1];
        to->distance[k] = to->distance[k - 1];
    }
    to->name[at] = i;
    to->distance[at] = d;
}

static near nearest(const sp_tape *t, const char *path)
{
    near to = { .n = 0 };

    for (int64_t i = 0; i < t->n_names; i++) {
        char text[LONGEST + 1];
        sp_name_path(t, i, text, sizeof text);
        int most = to.n < NEAREST ? INT32_MAX : to.distance[NEAREST - 1];
        come_near(&to, t, i, distance(path, text, most));
    }
    return to;
}

static bool not_found(const sp_tape *t, const char *who, const char *path)
{
    char names[3 * (LONGEST + 8)] = "", one[LONGEST + 1];
    near to = nearest(t, path);
    int at = 0;

    if (to.n == 0)
        return sp_fail("%s: nothing is named \"%.200s\": nothing on this tape has a name", who,
                       path);
    for (int k = 0; k < to.n; k++) {
        sp_name_path(t, to.name[k], one, sizeof one);
        at += snprintf(names + at, sizeof names - (size_t)at, "%s\"%s\"", k ? ", " : "", one);
    }
    return sp_fail("%s: nothing is named \"%.200s\"; near it are %s", who, path, names);
}

static bool several(const search *s, const char *who)
{
    char a[LONGEST + 1], b[LONGEST + 1];

    sp_name_path(s->t, s->other, a, sizeof a);
    sp_name_path(s->t, s->first, b, sizeof b);
    return sp_fail("%s: several names end in \"%.200s\", as \"%s\" and \"%s\" do", who, s->path,
                   b, a);
}

/* The number of the name that the path means; -1: none, and sp_error says why. */
static int64_t find(const sp_tape *t, const char *path, const char *who)
{
    if (!t || !path) return sp_fail("%s: there is no %s", who, t ? "path" : "tape"), -1;

    int64_t length = (int64_t)strlen(path), number = 0;
    search s = look_for(t, path, length, 0);
    if (s.whole < 0 && s.tail < 0 && (number = number_behind(path, &length)) > 0)
        s = look_for(t, path, length, number);
    if (s.whole >= 0) return s.whole;
    if (s.n_whole == 0 && s.other >= 0) return several(&s, who), -1;
    if (s.n_whole == 0 && s.tail >= 0) return s.tail;
    if (s.n_whole + s.n_tail > 0)
        return sp_fail("%s: \"%.*s\" was named %lld times", who, (int)length, path,
                       (long long)(s.n_whole ? s.n_whole : s.n_tail)), -1;
    return not_found(t, who, path), -1;
}

sp_var sp_find(sp_tape *t, const char *path) { return sp_name_var(t, find(t, path, "sp_find")); }

sp_var sp_find_grad(sp_tape *t, const char *path)
{
    int64_t i = find(t, path, "sp_find_grad");
    sp_var g = sp_name_grad(t, i);

    if (i >= 0 && sp_is_nothing(g))
        sp_fail("sp_find_grad: no gradient has come to \"%.200s\": neither sp_grad nor sp_backward "
                "passed through it", path);
    return g;
}

/* ---- listing ---- */

static const sp_name *name_of(const sp_tape *t, int64_t i)
{
    return t && i >= 0 && i < t->n_names ? &t->names[i] : NULL;
}

int64_t sp_names(const sp_tape *t) { return t ? t->n_names : 0; }

int64_t sp_name_path(const sp_tape *t, int64_t i, char *text, int64_t size)
{
    const sp_name *name = name_of(t, i);
    sp_text path = { 0 };

    if (name) sp__put_path(&path, t, name->scope, name->role);
    if (size > 0) snprintf(text, (size_t)size, "%s", path.at ? path.at : "");
    sp_release(path.at);
    return path.n;
}

sp_var sp_name_var(sp_tape *t, int64_t i)
{
    const sp_name *name = name_of(t, i);
    return name ? (sp_var){ t, name->node, t->epoch } : sp__nothing(t);
}

sp_var sp_name_grad(sp_tape *t, int64_t i)
{
    const sp_name *name = name_of(t, i);
    return name && name->grad != SP_NOTHING ? (sp_var){ t, name->grad, t->epoch } : sp__nothing(t);
}
