/* SPDX-License-Identifier: MIT
 *
 * The reader of JSON text, piece by piece.
 */
#include <check.h>
#include <string.h>

#include "tensor/json.h"
#include "tests/suite.h"

static char room[256];

static sp_json reader(const char *text)
{
    return (sp_json){ text, text, text + strlen(text), room };
}

START_TEST(a_text_is_decoded)
{
    static const struct { const char *json, *text; } row[] = {
        { "\"\"", "" }, { " \t\r\n\"a\"", "a" }, { "\"\\\"\\\\\\/\"", "\"\\/" },
        { "\"\\b\\f\\n\\r\\t\"", "\b\f\n\r\t" }, { "\"\\u0041\\u007f\"", "A\x7F" },
        { "\"\\u0080\\u07FF\"", "\xC2\x80\xDF\xBF" },
        { "\"\\u0800\\uffff\"", "\xE0\xA0\x80\xEF\xBF\xBF" },
        { "\"\\ud800\\udc00\"", "\xF0\x90\x80\x80" },
        { "\"\\uDBFF\\uDFFF\"", "\xF4\x8F\xBF\xBF" },
        { "\"\xF0\x9F\x98\x80\"", "\xF0\x9F\x98\x80" },
    };

    for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
        sp_json j = reader(row[i].json);
        const char *text = sp__json_text(&j);
        ck_assert_msg(text, "row %zu: %s", i, sp_error());
        ck_assert_str_eq(text, row[i].text);
        ck_assert(sp__json_end(&j));
        ck_assert_int_le(j.room - room, (j.end - j.start));
    }
}
END_TEST

START_TEST(a_text_that_is_none_is_refused)
{
    static const struct { const char *json, *says; } row[] = {
        { "a", "expected a text" }, { "", "expected a text" }, { "\"a", "a text has no end" },
        { "\"\\", "no such escape" }, { "\"\\x41\"", "no such escape" },
        { "\"\\u00", "four hexadecimal digits" }, { "\"\\u00g0\"", "four hexadecimal digits" },
        { "\"\\u0000\"", "NUL character" }, { "\"\\ud800\"", "half a surrogate pair" },
        { "\"\\ud800x\"", "half a surrogate pair" },
        { "\"\\ud800\\n\"", "half a surrogate pair" },
        { "\"\\ud800\\u0041\"", "half a surrogate pair" },
        { "\"\\ud800\\ud800\"", "half a surrogate pair" },
        { "\"\\udc00\"", "half a surrogate pair" }, { "\"a\nb\"", "a control character" },
        { "\"\x1F\"", "a control character" }, { "\"\xC0\x80\"", "not UTF-8" },
        { "\"\xE2\x82\"", "not UTF-8" }, { "\"\xC3\\u00a9\"", "not UTF-8" },
    };

    for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
        sp_json j = reader(row[i].json);
        ck_assert_msg(!sp__json_text(&j), "row %zu", i);
        ck_assert_msg(strstr(sp_error(), row[i].says), "row %zu: %s", i, sp_error());
    }
}
END_TEST

START_TEST(whole_numbers_are_exact_and_plain)
{
    static const struct { const char *json; int64_t value; } row[] = {
        { "0", 0 }, { " 10", 10 }, { "9223372036854775807", INT64_MAX },
        { "9007199254740993", 9007199254740993 }, { "7,", 7 },
        { "9223372036854775808", -1 }, { "99999999999999999999999", -1 }, { "-1", -1 },
        { "-0", -1 }, { "+1", -1 }, { "00", -1 }, { "01", -1 }, { "1.0", -1 }, { "1e3", -1 },
        { "1E3", -1 }, { "", -1 }, { "\"1\"", -1 }, { "0x1", 0 },
    };

    for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
        int64_t n = -1;
        sp_json j = reader(row[i].json);
        ck_assert_msg(sp__json_integer(&j, &n) == (row[i].value >= 0), "row %zu", i);
        ck_assert_int_eq(n, row[i].value);
    }
}
END_TEST

START_TEST(a_value_that_nobody_asked_for_is_stepped_over)
{
    static const struct { const char *json; bool good; } row[] = {
        { "1", true }, { "-0.5e+10", true }, { "0", true }, { "1E-2", true }, { "true", true },
        { "false", true }, { " null", true }, { "\"a\"", true }, { "[]", true },
        { "[[],[ ]]", true },
        { "[1, \"]\" ,[true,[null]]]", true },
        { "[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]", true },
        { "[[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]]", false }, { "{}", false }, { "[{}]", false },
        { "[", false }, { "[1", false }, { "[1,]", false }, { "[,1]", false }, { "[1 2]", false },
        { "-", false }, { "1.", false }, { ".5", false }, { "1e", false }, { "nul", false },
        { "", false }, { "]", false },
    };

    for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
        sp_json j = reader(row[i].json);
        bool good = sp__json_skip(&j) && sp__json_end(&j);
        ck_assert_msg(good == row[i].good, "row %zu: %s", i, row[i].json);
    }
}
END_TEST

START_TEST(utf8_is_judged_as_the_standard_does)
{
    static const struct { const char *text; bool good; } row[] = {
        { "", true }, { "abc", true }, { "\x7F", true }, { "\xC2\x80", true }, { "\xDF\xBF", true },
        { "\xE0\xA0\x80", true }, { "\xED\x9F\xBF", true }, { "\xEE\x80\x80", true },
        { "\xEF\xBF\xBF", true }, { "\xF0\x90\x80\x80", true }, { "\xF4\x8F\xBF\xBF", true },
        { "\x80", false }, { "\xBF", false }, { "\xC1\xBF", false }, { "\xC2", false },
        { "\xC2" "a", false }, { "\xE0\x9F\xBF", false }, { "\xED\xA0\x80", false },
        { "\xED\xBF\xBF", false }, { "\xF0\x8F\xBF\xBF", false }, { "\xF4\x90\x80\x80", false },
        { "\xF5\x80\x80\x80", false }, { "\xF8\x88\x80\x80\x80", false }, { "\xFE", false },
        { "\xE2\x82", false }, { "\xF0\x9F\x98", false },
    };

    for (size_t i = 0; i < sizeof row / sizeof *row; i++)
        ck_assert_msg(sp__utf8(row[i].text, (int64_t)strlen(row[i].text)) == row[i].good,
                      "row %zu", i);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("json");
    TCase *all = tcase_create("all");

    tcase_add_test(all, a_text_is_decoded);
    tcase_add_test(all, a_text_that_is_none_is_refused);
    tcase_add_test(all, whole_numbers_are_exact_and_plain);
    tcase_add_test(all, a_value_that_nobody_asked_for_is_stepped_over);
    tcase_add_test(all, utf8_is_judged_as_the_standard_does);
    suite_add_tcase(suite, all);
    return run_all(suite);
}
