/* SPDX-License-Identifier: MIT
 *
 * text.h - a text that grows while it is written (internal).
 *
 * Whatever is put behind a failed growth is left out; ask once, at the end, by
 * sp__text_done.  Names come from users: sp__put_quoted and its kin write any bytes so that
 * the reader of the format gets them back, with U+FFFD for what is no UTF-8.
 */
#ifndef SP_TEXT_H
#define SP_TEXT_H

#include "tensor/error.h"

typedef struct sp_text {
    char   *at;              /* n bytes and a 0; NULL before the first */
    int64_t n, room;
    bool    failed;
} sp_text;

/* Room for n more bytes, to be filled by the caller; NULL: no memory. */
char *sp__text_room(sp_text *, int64_t n);
void  sp__put(sp_text *, const char *bytes, int64_t n);
void  sp__say(sp_text *, const char *format, ...) SP_PRINTF(2, 3);

/* s in double quotes, as JSON has it; as Graphviz does (line ends are \n there, too); and a field
   of CSV, in quotes where it must be (RFC 4180). */
void sp__put_json (sp_text *, const char *s);
void sp__put_dot  (sp_text *, const char *s);
void sp__put_field(sp_text *, const char *s);

/* s on one line: control characters are shown as \n, \t or \x1b. */
void sp__put_line(sp_text *, const char *s);

/* A number as JSON, CSV and people read it; %.9g, and nan, inf and -inf. */
void sp__put_number(sp_text *, double x);

/* The text, the caller's (sp_release); its length goes to *n, which may be NULL.  NULL after a
   failure; then nothing is left to be freed. */
char *sp__text_done(sp_text *, int64_t *n);

#endif
