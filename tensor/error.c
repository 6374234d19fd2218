/* SPDX-License-Identifier: MIT
 *
 * error.c - the sentence of this thread's last failure, and one that is kept apart.
 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "tensor/error.h"

enum { SENTENCE = 1024 };
static _Thread_local char sentence[SENTENCE], kept[SENTENCE];

const char *sp_error(void)
{
    return sentence;
}

/* By way of a buffer, because an argument may be sp_error() itself. */
bool sp_fail(const char *format, ...)
{
    char    text[SENTENCE];
    va_list args;

    va_start(args, format);
    int length = vsnprintf(text, sizeof text, format, args);
    va_end(args);
    if (length < 0) text[0] = 0;
    memcpy(sentence, text, sizeof text);
    return false;
}

void        sp__keep_error(void) { memcpy(kept, sentence, sizeof kept); }
const char *sp__kept_error(void) { return kept; }

bool sp_fail_memory(int64_t bytes)
{
    return sp_fail("out of memory (%lld bytes)", (long long)bytes);
}

#ifdef SP_DEBUG
void sp_assert_failed(const char *file, int line, const char *what)
{
    fprintf(stderr, "%s:%d: this does not hold: %s\n", file, line, what);
    abort();
}
#endif
