/* SPDX-License-Identifier: MIT
 *
 * json.h - a reader of JSON text, as much of it as a safetensors header needs
 * (internal).  It walks once over bytes that it does not own, has no recursion,
 * and allocates nothing: decoded texts go into room that the caller brings.
 */
#ifndef SP_JSON_H
#define SP_JSON_H

#include "tensor/error.h"

typedef struct sp_json {
    const char *start, *at, *end;
    char       *room;        /* end - start bytes: a text is never longer than its JSON */
} sp_json;

/* Arrays inside a value that nobody asked for may nest so deep. */
enum { SP_JSON_DEPTH = 16 };

/* Each of these skips white space first.  Those that fail leave a sentence that
   says at which byte; the position is then of no use. */

/* Step over `mark` if it comes next; not finding it is no failure. */
bool sp__json_take(sp_json *, char mark);

/* Step over `mark`, or fail. */
bool sp__json_need(sp_json *, char mark);

/* A text, decoded, 0-terminated, valid UTF-8 without a NUL inside.  NULL: failed. */
const char *sp__json_text(sp_json *);

/* A whole number from 0 to 2^63 - 1, written in digits only. */
bool sp__json_integer(sp_json *, int64_t *);

/* Step over a text, a number, true, false, null, or arrays of these.  Objects are
   refused: their keys would have to be compared with each other. */
bool sp__json_skip(sp_json *);

/* Nothing but white space is left. */
bool sp__json_end(sp_json *);

/* Whether n bytes are UTF-8: shortest forms only, no surrogates, up to U+10FFFF. */
bool sp__utf8(const char *bytes, int64_t n);

#endif
