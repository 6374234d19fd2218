/* SPDX-License-Identifier: MIT
 *
 * text - a text that grows while it is written, and names quoted for its readers.
 */
#include "tensor/text.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include "tensor/alloc.h"
#include "tensor/json.h"

char *sp__text_room(sp_text *to, int64_t n)
{
    if (to->failed) return NULL;
    if (to->n + n >= to->room) {
        int64_t room = to->room ? 2 * to->room : 256;
        while (room <= to->n + n) room *= 2;
        char *grown = sp_realloc_array(to->at, to->n, room, 1);
        if (!grown) return to->failed = true, NULL;
        to->at = grown;
        to->room = room;
    }
    char *from = to->at + to->n;
    to->n += n;
    to->at[to->n] = 0;
    return from;
}

void sp__put(sp_text *to, const char *bytes, int64_t n)
{
    char *room = sp__text_room(to, n);
    if (room) memcpy(room, bytes, (size_t)n);
}

void sp__say(sp_text *to, const char *format, ...)
{
    char near[512];
    va_list list, again;

    va_start(list, format);
    va_copy(again, list);
    int n = vsnprintf(near, sizeof near, format, list);
    va_end(list);
    if (n >= 0 && n < (int)sizeof near) {
        sp__put(to, near, n);
    } else if (n >= 0) {
        char *room = sp__text_room(to, n);
        if (room) vsnprintf(room, (size_t)n + 1, format, again);
    }
    va_end(again);
}

/* ---- names ---- */

/* How a reader wants the characters that it would take for its own. */
typedef struct dress {
    const char *special;             /* written behind `mark` */
    char        mark;
    char        control;             /* others are \u0001, \x01, a space or (0) left as they are */
    bool        lines;               /* the end of a line is \n */
} dress;

static const dress json = { "\"\\", '\\', 'u', true }, dot = { "\"\\", '\\', ' ', true },
                   field = { "\"", '"', 0, false }, line = { "\\", '\\', 'x', true };

/* Bytes of the character at s; 0: it is no UTF-8. */
static int character(const char *s)
{
    for (int n = 1; n <= 4 && s[n - 1]; n++)
        if (sp__utf8(s, n)) return n;
    return 0;
}

static void put_control(sp_text *to, char c, const dress *d)
{
    if (c == '\n' && d->lines) sp__put(to, "\\n", 2);
    else if (d->control == 'u') sp__say(to, "\\u%04x", (unsigned char)c);
    else if (d->control == 'x') sp__say(to, "\\x%02x", (unsigned char)c);
    else sp__put(to, d->control ? &d->control : &c, 1);
}

static void put_dressed(sp_text *to, const char *s, const dress *d)
{
    while (*s) {
        int n = character(s);
        if (n == 0) {
            sp__put(to, "\xef\xbf\xbd", 3);
            n = 1;
        } else if ((unsigned char)*s < 0x20 || *s == 0x7f) {
            put_control(to, *s, d);
        } else {
            if (strchr(d->special, *s)) sp__put(to, &d->mark, 1);
            sp__put(to, s, n);
        }
        s += n;
    }
}

static void put_quoted(sp_text *to, const char *s, const dress *d)
{
    sp__put(to, "\"", 1);
    put_dressed(to, s, d);
    sp__put(to, "\"", 1);
}

void sp__put_json(sp_text *to, const char *s) { put_quoted(to, s, &json); }
void sp__put_dot (sp_text *to, const char *s) { put_quoted(to, s, &dot); }
void sp__put_line(sp_text *to, const char *s) { put_dressed(to, s, &line); }

void sp__put_field(sp_text *to, const char *s)
{
    if (strpbrk(s, "\",\r\n")) put_quoted(to, s, &field);
    else put_dressed(to, s, &field);
}

void sp__put_number(sp_text *to, double x)
{
    if (isnan(x)) sp__put(to, "nan", 3);         /* not -nan */
    else sp__say(to, "%.9g", x);
}

char *sp__text_done(sp_text *to, int64_t *n)
{
    if (!to->failed && sp__text_room(to, 0)) {
        if (n) *n = to->n;
        return to->at;
    }
    sp_release(to->at);
    *to = (sp_text){ .failed = true };
    return NULL;
}
