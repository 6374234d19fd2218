/* SPDX-License-Identifier: MIT
 *
 * json.c - reads JSON (RFC 8259) in one pass, without recursion or memory.
 */
#include <string.h>

#include "tensor/json.h"

static bool wrong(const sp_json *j, const char *what)
{
    return sp_fail("byte %lld of the header: %s", (long long)(j->at - j->start), what);
}

static bool next_is(const sp_json *j, char c)
{
    return j->at < j->end && *j->at == c;
}

static bool next_within(const sp_json *j, char lo, char hi)
{
    return j->at < j->end && *j->at >= lo && *j->at <= hi;
}

static bool step_over(sp_json *j, char c)
{
    bool found = next_is(j, c);
    j->at += found;
    return found;
}

static void skip_space(sp_json *j)
{
    while (next_is(j, ' ') || next_is(j, '\n') || next_is(j, '\r') || next_is(j, '\t'))
        j->at++;
}

bool sp__json_take(sp_json *j, char mark)
{
    skip_space(j);
    return step_over(j, mark);
}

bool sp__json_need(sp_json *j, char mark)
{
    char what[] = "expected '?'";

    what[10] = mark;
    return sp__json_take(j, mark) || wrong(j, what);
}

bool sp__json_end(sp_json *j)
{
    skip_space(j);
    return j->at == j->end || wrong(j, "something follows the closing brace");
}

bool sp__utf8(const char *bytes, int64_t n)
{
    static const uint32_t least[] = { 0, 0, 0x80, 0x800, 0x10000 };

    for (int64_t i = 0; i < n;) {
        unsigned char c = (unsigned char)bytes[i++];
        if (c < 0x80) continue;

        int len = c >= 0xF8 ? 0 : c >= 0xF0 ? 4 : c >= 0xE0 ? 3 : c >= 0xC0 ? 2 : 0;
        if (len == 0 || n - i < len - 1) return false;
        uint32_t code = c & (0x7Fu >> len);
        for (int k = 1; k < len; k++, i++) {
            if ((bytes[i] & 0xC0) != 0x80) return false;
            code = code << 6 | (bytes[i] & 0x3F);
        }
        if (code < least[len] || code > 0x10FFFF || (code & ~0x7FFu) == 0xD800) return false;
    }
    return true;
}

static char *put_utf8(char *to, uint32_t code)
{
    static const uint32_t lead[] = { 0, 0xC0, 0xE0, 0xF0 };
    int more = code < 0x80 ? 0 : code < 0x800 ? 1 : code < 0x10000 ? 2 : 3;

    *to++ = (char)(lead[more] | code >> 6 * more);
    while (more-- > 0) *to++ = (char)(0x80 | (code >> 6 * more & 0x3F));
    return to;
}

/* Four hexadecimal digits. */
static bool hex4(sp_json *j, uint32_t *code)
{
    *code = 0;
    for (int i = 0; i < 4; i++, j->at++) {
        uint32_t digit;
        if      (next_within(j, '0', '9')) digit = (uint32_t)(*j->at - '0');
        else if (next_within(j, 'a', 'f')) digit = (uint32_t)(*j->at - 'a' + 10);
        else if (next_within(j, 'A', 'F')) digit = (uint32_t)(*j->at - 'A' + 10);
        else return wrong(j, "expected four hexadecimal digits");
        *code = *code << 4 | digit;
    }
    return true;
}

/* What stands behind "\u"; two of them where the first is half a pair. */
static bool unicode(sp_json *j, char **to)
{
    uint32_t code, low;

    if (!hex4(j, &code)) return false;
    if (code == 0) return wrong(j, "a text holds a NUL character");
    if ((code & ~0x7FFu) == 0xD800) {
        if (code >= 0xDC00 || !step_over(j, '\\') || !step_over(j, 'u'))
            return wrong(j, "half a surrogate pair");
        if (!hex4(j, &low)) return false;
        if ((low & ~0x3FFu) != 0xDC00) return wrong(j, "half a surrogate pair");
        code = 0x10000 + ((code & 0x3FF) << 10 | (low & 0x3FF));
    }
    *to = put_utf8(*to, code);
    return true;
}

static bool escape(sp_json *j, char **to)
{
    static const char letters[] = "\"\\/bfnrt", means[] = "\"\\/\b\f\n\r\t";

    if (step_over(j, 'u')) return unicode(j, to);
    for (int i = 0; letters[i]; i++)
        if (step_over(j, letters[i])) {
            *(*to)++ = means[i];
            return true;
        }
    return wrong(j, "no such escape in a text");
}

const char *sp__json_text(sp_json *j)
{
    char *text = j->room, *to = text;

    skip_space(j);
    if (!step_over(j, '"')) return wrong(j, "expected a text"), NULL;
    while (!step_over(j, '"')) {
        if (j->at == j->end) return wrong(j, "a text has no end"), NULL;
        if ((unsigned char)*j->at < 0x20)
            return wrong(j, "a control character in a text"), NULL;
        if (!step_over(j, '\\')) *to++ = *j->at++;
        else if (!escape(j, &to)) return NULL;
    }
    if (!sp__utf8(text, to - text)) return wrong(j, "the text before it is not UTF-8"), NULL;
    *to++ = 0;
    j->room = to;
    return text;
}

bool sp__json_integer(sp_json *j, int64_t *value)
{
    int64_t n = 0;

    skip_space(j);
    const char *first = j->at;
    for (; next_within(j, '0', '9'); j->at++)
        if (__builtin_mul_overflow(n, 10, &n) || __builtin_add_overflow(n, *j->at - '0', &n))
            return wrong(j, "the number is larger than 2^63 - 1");
    bool padded = j->at - first > 1 && *first == '0';
    if (j->at == first || padded || next_is(j, '.') || next_is(j, 'e') || next_is(j, 'E'))
        return wrong(j, "expected a whole number in plain digits");
    *value = n;
    return true;
}

static bool digits(sp_json *j)
{
    const char *first = j->at;

    while (next_within(j, '0', '9')) j->at++;
    return j->at > first || wrong(j, "expected a digit");
}

/* -? (0 | [1-9][0-9]*) (. [0-9]+)? ([eE] [+-]? [0-9]+)? */
static bool number(sp_json *j)
{
    step_over(j, '-');
    if (!step_over(j, '0') && !digits(j)) return false;
    if (step_over(j, '.') && !digits(j)) return false;
    if (!step_over(j, 'e') && !step_over(j, 'E')) return true;
    if (!step_over(j, '+')) step_over(j, '-');
    return digits(j);
}

static bool word(sp_json *j, const char *w)
{
    int64_t n = (int64_t)strlen(w);
    bool found = j->end - j->at >= n && memcmp(j->at, w, (size_t)n) == 0;

    j->at += found ? n : 0;
    return found;
}

static bool scalar(sp_json *j)
{
    skip_space(j);
    if (next_is(j, '"')) return sp__json_text(j) != NULL;
    if (next_is(j, '-') || next_within(j, '0', '9')) return number(j);
    return word(j, "true") || word(j, "false") || word(j, "null")
        || wrong(j, "expected a text, a number, true, false, null or an array");
}

bool sp__json_skip(sp_json *j)
{
    for (int depth = 0;;) {
        if (sp__json_take(j, '[')) {
            if (++depth > SP_JSON_DEPTH) return wrong(j, "arrays are nested too deep");
            skip_space(j);
            if (!next_is(j, ']')) continue;
        } else if (!scalar(j)) {
            return false;
        }
        while (depth > 0 && sp__json_take(j, ']')) depth--;
        if (depth == 0) return true;
        if (!sp__json_need(j, ',')) return false;
    }
}
