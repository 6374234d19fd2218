/* SPDX-License-Identifier: MIT
 *
 * Bytes that claim to be a safetensors file: what is read from good ones, and the
 * sentence that each bad one is refused with.
 */
#include <check.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tensor/alloc.h"
#include "tensor/io.h"
#include "tensor/json.h"
#include "tensor/store.h"
#include "tests/suite.h"

/* A file of a header and of data_size bytes that count up from `first`. */
static char *file_of(const char *header, int64_t data_size, int first, int64_t *size)
{
    int64_t n = (int64_t)strlen(header);
    char *bytes = malloc((size_t)(8 + n + data_size + 1));

    memcpy(bytes, &n, 8);
    memcpy(bytes + 8, header, (size_t)n);
    for (int64_t i = 0; i < data_size; i++) bytes[8 + n + i] = (char)(first + i);
    *size = 8 + n + data_size;
    return bytes;
}

static sp_store *parse(const char *header, int64_t data_size)
{
    int64_t size;
    char *bytes = file_of(header, data_size, 0, &size);
    sp_store *store = sp_store_parse(bytes, size);

    free(bytes);
    return store;
}

#define A4 "\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4]}"
#define ENTRY(inside) "{\"a\":{" inside "}}"
#define F32(shape, offsets) ENTRY("\"dtype\":\"F32\",\"shape\":" shape ",\"data_offsets\":" offsets)
#define TEXTS(inside) "{\"__metadata__\":{" inside "}," A4 "}"
#define NAMED(name) "{\"" name "\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4]}}"
#define TWO(offsets) "{" A4 ",\"b\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":" offsets "}}"

static const struct { const char *header; int64_t data; const char *says; } bad[] = {
    /* JSON */
    { "",                                0, "does not begin with '{'" },
    { "[]",                              0, "does not begin with '{'" },
    { " {" A4 "}",                       4, "does not begin with '{'" },
    { "{",                               0, "byte 1 of the header: expected a text" },
    { "{" A4,                            4, "expected '}'" },
    { "{" A4 ",}",                       4, "expected a text" },
    { "{" A4 "} x",                      4, "something follows the closing brace" },
    { "{" A4 "}{}",                      4, "something follows the closing brace" },
    { "{\"a\" 1}",                       4, "expected ':'" },
    { "{\"a",                            0, "a text has no end" },
    { NAMED("\\x41"),                    4, "no such escape" },
    { NAMED("\x80"),                     4, "not UTF-8" },
    /* names */
    { NAMED(""),                         4, "a name is empty" },
    { "{" A4 "," A4 "}",                 4, "tensor \"a\" stands twice" },
    { "{" A4 ",\"\\u0061\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[4,8]}}", 8,
                                            "tensor \"a\" stands twice" },
    /* entries */
    { "{\"a\":[\"F32\",[1],[0,4]]}",     4, "tensor \"a\": byte 5 of the header: expected '{'" },
    { ENTRY(""),                         4, "tensor \"a\": it has no dtype" },
    { ENTRY("\"dtype\":\"F32\",\"data_offsets\":[0,4]"), 4, "it has no shape" },
    { ENTRY("\"dtype\":\"F32\",\"shape\":[1]"),          4, "it has no data_offsets" },
    { ENTRY("\"shape\":[1],\"data_offsets\":[0,4]"),     4, "it has no dtype" },
    { ENTRY("\"dtype\":\"F32\",\"dtype\":\"F32\""),      4, "the key \"dtype\" stands twice" },
    { ENTRY("\"x\":1,\"\\u0078\":1"),                    4, "the key \"x\" stands twice" },
    { ENTRY("\"x\":{}"),                                 4, "expected a text, a number" },
    { ENTRY("\"x\":[[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]]"), 4, "nested too deep" },
    { ENTRY("\"1\":1,\"2\":1,\"3\":1,\"4\":1,\"5\":1,\"6\":1,\"7\":1,\"8\":1,\"9\":1,\"10\":1,"
            "\"11\":1,\"12\":1,\"13\":1,\"14\":1,\"15\":1,\"16\":1,\"17\":1"), 4,
                                            "more than 16 keys" },
    { ENTRY("\"dtype\":7"),                              4, "expected a text" },
    { ENTRY("\"dtype\":\"f32\""),                        4, "dtype \"f32\" cannot be read" },
    { ENTRY("\"dtype\":\"F8_E4M3\""),                    1, "dtype \"F8_E4M3\" cannot be read" },
    { ENTRY("\"dtype\":\"C64\""),                        8, "dtype \"C64\" cannot be read" },
    /* numbers */
    { F32("[1e0]", "[0,4]"),             4, "a whole number in plain digits" },
    { F32("[1.0]", "[0,4]"),             4, "a whole number in plain digits" },
    { F32("[-1]", "[0,4]"),              4, "a whole number in plain digits" },
    { F32("[01]", "[0,4]"),              4, "a whole number in plain digits" },
    { F32("[\"1\"]", "[0,4]"),           4, "a whole number in plain digits" },
    { F32("[9223372036854775808]", "[0,4]"), 4, "larger than 2^63 - 1" },
    { ENTRY("\"shape\":[1}"),            4, "expected ']'" },
    { F32("1", "[0,4]"),                 4, "expected '['" },
    { F32("[1]", "[0]"),                 4, "expected ','" },
    { F32("[1]", "[0,4,4]"),             4, "expected ']'" },
    { F32("[1]", "[0,4e0]"),             4, "a whole number in plain digits" },
    { F32("[1]", "[-0,4]"),              4, "a whole number in plain digits" },
    { F32("[1]", "[0,18446744073709551620]"), 4, "larger than 2^63 - 1" },
    /* shapes and extents */
    { F32("[1,1,1,1,1,1,1]", "[0,4]"),   4, "its rank is above 6" },
    { F32("[4294967296,4294967296]", "[0,0]"),   0, "tensor \"a\": " },
    { F32("[0,4294967296,4294967296]", "[0,0]"), 0, "tensor \"a\": " },
    { F32("[2]", "[0,4]"),               4, "F32 [2] does not fill the 4 bytes" },
    { F32("[]", "[0,8]"),                8, "F32 [] does not fill the 8 bytes" },
    { F32("[0]", "[0,4]"),               4, "F32 [0] does not fill the 4 bytes" },
    { F32("[1]", "[4,0]"),               4, "ends at byte 0 of the data, before it begins at 4" },
    { F32("[1]", "[4,8]"),               8, "leaving a hole behind the one before it" },
    { TWO("[8,12]"),                    12, "tensor \"b\": it begins at byte 8" },
    { TWO("[0,4]"),                      4, "it begins at byte 0 of the data, overlapping" },
    { TWO("[2,6]"),                      6, "it begins at byte 2 of the data, overlapping" },
    { "{" A4 "}",                        5, "take 4 bytes, but 5 stand behind" },
    { "{" A4 "}",                        3, "take 4 bytes, but 3 stand behind" },
    { "{}",                              1, "take 0 bytes, but 1 stand behind" },
    { F32("[1125899906842624]", "[0,4503599627370496]"), 4, "take 4503599627370496 bytes, but 4" },
    /* metadata */
    { "{\"__metadata__\":null," A4 "}",  4, "\"__metadata__\": byte 16 of the header" },
    { TEXTS("\"k\":1"),                  4, "expected a text" },
    { TEXTS("\"k\":\"v\",\"k\":\"v\""),  4, "text \"k\" stands twice" },
    { TEXTS("\"\":\"v\""),               4, "a name is empty" },
    { TEXTS("") "}",                     4, "something follows" },
    { "{\"__metadata__\":{},\"__metadata__\":{}}", 0, "\"__metadata__\" stands twice" },
    { TEXTS("\"spool.crc64\":\"0000000000000000\""), 4, "\"spool.version\" is missing" },
    { TEXTS("\"spool.version\":\"1\""),  4, "\"spool.crc64\" is missing" },
    { TEXTS("\"spool.version\":\"2\",\"spool.crc64\":\"0\""), 4, "another Spool wrote" },
    { TEXTS("\"spool.version\":\"1\",\"spool.crc64\":\"0\""), 4, "the file is damaged" },
    /* values */
    { ENTRY("\"dtype\":\"BOOL\",\"shape\":[3],\"data_offsets\":[0,3]"), 3,
                                            "element 2 is 2, neither 0 nor 1" },
};

START_TEST(a_bad_file_is_refused_with_a_sentence)
{
    int64_t live = sp_alloc_count().live_blocks;
    sp_store *store = parse(bad[_i].header, bad[_i].data);

    ck_assert_msg(!store, "%s was accepted", bad[_i].header);
    ck_assert_msg(strstr(sp_error(), bad[_i].says), "%s:\n  says \"%s\"\n  not  \"%s\"",
                  bad[_i].header, sp_error(), bad[_i].says);
    ck_assert_int_eq(sp_alloc_count().live_blocks, live);
}
END_TEST

START_TEST(a_header_length_that_cannot_be_is_refused)
{
    static const struct { unsigned char bytes[10]; int size; const char *says; } row[] = {
        { { 0 }, 0, "0 bytes are too few" },
        { { 2, 0, 0, 0, 0, 0, 0 }, 7, "7 bytes are too few" },
        { { 0 }, 8, "does not begin with '{'" },
        { { 3, 0, 0, 0, 0, 0, 0, 0, '{', '}' }, 10, "3 bytes is announced, but 2 follow" },
        { { 1, 225, 245, 5, 0, 0, 0, 0, '{', '}' }, 10, "is announced; 100000000 is" },
        { { 2, 0, 0, 0, 0, 0, 0, 128, '{', '}' }, 10, "9223372036854775810 bytes is announced" },
        { { 255, 255, 255, 255, 255, 255, 255, 255, '{', '}' }, 10, "is announced; 100000000 is" },
    };

    for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
        ck_assert_ptr_null(sp_store_parse(row[i].bytes, row[i].size));
        ck_assert_msg(strstr(sp_error(), row[i].says), "%zu: %s", i, sp_error());
    }
    ck_assert_ptr_null(sp_store_parse(NULL, 10));
    ck_assert_ptr_null(sp_store_parse(row[0].bytes, -1));
}
END_TEST

START_TEST(a_small_file_cannot_ask_for_much_memory)
{
    int64_t before = sp_alloc_count().live_bytes;

    sp_alloc_reset_peak();
    ck_assert_ptr_null(parse(F32("[1125899906842624]", "[0,4503599627370496]"), 4));
    ck_assert_int_lt(sp_alloc_count().peak_bytes - before, 64 * 1024);
}
END_TEST

/* What the original reader lets pass, so does ours. */
START_TEST(a_loose_but_legal_file_is_accepted)
{
    static const struct { const char *header; int64_t data; } row[] = {
        { "{}", 0 },
        { "{ \t\n\r}   ", 0 },
        { "{\"__metadata__\":{}}", 0 },
        { "{ \"a\" : { \"data_offsets\" : [ 0 , 4 ] , \"shape\" : [ ] , "
          "\"dtype\" : \"F32\" } }", 4 },
        { ENTRY("\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4],\"x\":[[],[-1.5e+7,true],"
                "null,\"\\\"\"]"), 4 },
        { TWO("[4,8]"), 8 },
        { "{\"b\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[4,8]}," A4 "}", 8 },
        { "{\"z\":{\"dtype\":\"F32\",\"shape\":[0,7],\"data_offsets\":[4,4]}," A4 "}", 4 },
    };

    for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
        sp_store *store = parse(row[i].header, row[i].data);
        ck_assert_msg(store, "%s: %s", row[i].header, sp_error());
        ck_assert_str_eq(sp_store_text(store, "format"), "pt");
        sp_store_free(store);
    }
}
END_TEST

START_TEST(elements_need_not_be_aligned)
{
    const char *header =
        "{\"a\":{\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":[0,1]},"
        "\"b\":{\"dtype\":\"I64\",\"shape\":[],\"data_offsets\":[1,9]},"
        "\"c\":{\"dtype\":\"U16\",\"shape\":[1],\"data_offsets\":[9,11]}} ";
    sp_store *store = parse(header, 11);
    int64_t b;

    ck_assert_msg(store, "%s", sp_error());
    ck_assert(sp_store_integer(store, "b", &b));
    ck_assert_int_eq(b, 0x0807060504030201);
    ck_assert_double_eq(sp_tensor_at(sp_store_tensor(store, "c"), 0), 0x0A09);
    sp_store_free(store);
}
END_TEST

START_TEST(an_unsigned_number_that_does_not_fit_is_refused)
{
    int64_t size;
    char *bytes = file_of(ENTRY("\"dtype\":\"U64\",\"shape\":[1],\"data_offsets\":[0,8]"), 8, 0xF8,
                          &size);

    ck_assert_ptr_null(sp_store_parse(bytes, size));
    ck_assert_str_eq(sp_error(), "tensor \"a\": element 0 is 18446460386757245432, "
                                 "which i64 cannot hold");
    free(bytes);
}
END_TEST

START_TEST(a_long_or_dirty_name_is_shown_cut_and_clean)
{
    char header[1000], name[400] = "\\u0001";

    for (int i = 0; i < 60; i++) strcat(name, "\xE2\x82\xAC");
    snprintf(header, sizeof header, "{\"%s\":{}}", name);
    ck_assert_ptr_null(parse(header, 0));
    ck_assert_ptr_nonnull(strstr(sp_error(), "tensor \"?\xE2\x82\xAC"));
    ck_assert_ptr_nonnull(strstr(sp_error(), "\xE2\x82\xAC...\": it has no dtype"));
    ck_assert(sp__utf8(sp_error(), (int64_t)strlen(sp_error())));
}
END_TEST

/* What golden/record_safetensors.py put into numpy.safetensors. */
static const struct {
    const char *name;
    sp_dtype    dtype;
    sp_shape    shape;
    double      value[8];
} golden[] = {
    { "f64", SP_F64, { 1, { 5 } }, { 0.1, -0.0, INFINITY, 5e-324, 1.7976931348623157e308 } },
    { "f32", SP_F32, { 2, { 2, 3 } }, { 0.1f, -2.5, 0x1p-149, 3.4028235e38f, -INFINITY, 7 } },
    { "f16", SP_F32, { 1, { 8 } },
      { 1, -2, 65504, 0x1p-24, 0x3FFp-24, 0.333251953125, INFINITY, -0.0 } },
    { "i32", SP_I32, { 1, { 2 } }, { -2147483648.0, 2147483647 } },
    { "i16", SP_I32, { 1, { 2 } }, { -32768, 32767 } },
    { "i8",  SP_I32, { 1, { 2 } }, { -128, 127 } },
    { "u32", SP_I64, { 1, { 2 } }, { 0, 4294967295 } },
    { "u16", SP_I32, { 1, { 2 } }, { 0, 65535 } },
    { "u8",  SP_I32, { 1, { 3 } }, { 0, 255, 7 } },
    { "bool", SP_BOOL, { 1, { 3 } }, { 1, 0, 1 } },
    { "scalar", SP_F64, { 0, { 0 } }, { 42.5 } },
    { "rank6", SP_F32, { 6, { 2, 2, 2, 2, 2, 2 } }, { 0, 1, 2, 3, 4, 5, 6, 7 } },
    { "empty", SP_F32, { 3, { 3, 0, 2 } }, { 0 } },
    { "quote \" slash \\ tab \t \x01 \xC3\xA9 \xE2\x82\xAC \xF0\x9F\x98\x80", SP_I32, { 1, { 3 } },
      { 1, 2, 3 } },
};
enum { N_GOLDEN = sizeof golden / sizeof *golden };

static char *golden_path(char *path, size_t size)
{
    const char *source = getenv("SPOOL_SOURCE");
    snprintf(path, size, "%s/tests/golden/numpy.safetensors", source ? source : ".");
    return path;
}

static void check_golden(const sp_store *store, int row)
{
    const sp_tensor *x = sp_store_tensor(store, golden[row].name);

    ck_assert_msg(x, "%s", sp_error());
    ck_assert_int_eq(x->dtype, golden[row].dtype);
    ck_assert(sp_shape_equal(x->shape, golden[row].shape));
    for (int i = 0; i < 8 && i < sp_tensor_size(x); i++) {
        double y = sp_tensor_at(x, i), want = golden[row].value[i];
        ck_assert_msg(y == want && !signbit(y) == !signbit(want), "%s[%d] is %.17g, not %.17g",
                      golden[row].name, i, y, want);
    }
}

START_TEST(a_file_of_the_python_package_has_its_values)
{
    char path[4096];
    sp_store *store = sp_store_load(golden_path(path, sizeof path));

    ck_assert_msg(store, "%s", sp_error());
    for (int row = 0; row < N_GOLDEN; row++) check_golden(store, row);
    const int64_t *i64 = sp_tensor_data(sp_store_tensor(store, "i64"));
    ck_assert(i64[0] == INT64_MIN && i64[1] == INT64_MAX && i64[2] == 9007199254740993);
    const int64_t *u64 = sp_tensor_data(sp_store_tensor(store, "u64"));
    ck_assert(u64[0] == 0 && u64[1] == INT64_MAX);
    ck_assert_str_eq(sp_store_text(store, "format"), "np");
    ck_assert_str_eq(sp_store_text(store, "note"), "two\nlines, \"quoted\", \xF0\x9F\x98\x80");
    ck_assert_str_eq(sp_store_text(store, "empty"), "");
    ck_assert_ptr_null(sp_store_name(store, N_GOLDEN + 2));
    sp_store_free(store);
}
END_TEST

START_TEST(half_precision_numbers_are_exact)
{
    static const struct { const char *dtype; uint16_t bits; uint32_t f32; } row[] = {
        { "F16", 0x0000, 0x00000000 }, { "F16", 0x8001, 0xB3800000 }, { "F16", 0x03FF, 0x387FC000 },
        { "F16", 0x0400, 0x38800000 }, { "F16", 0x7BFF, 0x477FE000 }, { "F16", 0xFC00, 0xFF800000 },
        { "F16", 0x7E01, 0x7FC02000 }, { "F16", 0x3555, 0x3EAAA000 },
        { "BF16", 0x3F80, 0x3F800000 }, { "BF16", 0x8001, 0x80010000 },
        { "BF16", 0x7FC1, 0x7FC10000 },
    };

    for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
        char header[100];
        int64_t size;
        snprintf(header, sizeof header,
                 ENTRY("\"dtype\":\"%s\",\"shape\":[],\"data_offsets\":[0,2]"), row[i].dtype);
        char *bytes = file_of(header, 2, 0, &size);
        memcpy(bytes + size - 2, &row[i].bits, 2);
        sp_store *store = sp_store_parse(bytes, size);
        ck_assert_msg(store, "%s", sp_error());
        const uint32_t *x = sp_tensor_data(sp_store_tensor(store, "a"));
        ck_assert_msg(*x == row[i].f32, "%s %04x: %08x", row[i].dtype, row[i].bits, *x);
        sp_store_free(store);
        free(bytes);
    }
}
END_TEST

static uint64_t next_random(uint64_t *state)
{
    *state = *state * 6364136223846793005u + 1442695040888963407u;
    return *state >> 33;
}

/* Change one byte, a digit, a bit, or the length. */
static int64_t mutate(char *bytes, int64_t size, uint64_t *random)
{
    int64_t at = (int64_t)(next_random(random) % (uint64_t)size);
    static const char likely[] = "{}[]\",:0123456789\\ue.-";

    switch (next_random(random) % 4) {
    case 0: bytes[at] ^= (char)(1 << next_random(random) % 8); break;
    case 1: bytes[at] = (char)next_random(random); break;
    case 2: bytes[at] = likely[next_random(random) % (sizeof likely - 1)]; break;
    default: return next_random(random) % 8 ? size : at + 1;
    }
    return size;
}

START_TEST(damaged_files_never_do_harm)
{
    char path[4096], *bytes;
    int64_t size;
    uint64_t random = 7;

    ck_assert_msg(sp_file_read(golden_path(path, sizeof path), 0, &bytes, &size), "%s", sp_error());
    int64_t live = sp_alloc_count().live_blocks;
    for (int i = 0; i < 5000; i++) {
        char *copy = malloc((size_t)size);
        memcpy(copy, bytes, (size_t)size);
        int64_t n = size;
        for (uint64_t k = 0, n_changes = 1 + next_random(&random) % 3; k < n_changes; k++)
            n = mutate(copy, n, &random);
        sp_store_free(sp_store_parse(copy, n));
        free(copy);
        ck_assert_int_eq(sp_alloc_count().live_blocks, live);
    }
    sp_release(bytes);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("safetensors");
    TCase *all = tcase_create("all");

    tcase_set_timeout(all, 30);
    tcase_add_loop_test(all, a_bad_file_is_refused_with_a_sentence, 0, sizeof bad / sizeof *bad);
    tcase_add_test(all, a_header_length_that_cannot_be_is_refused);
    tcase_add_test(all, a_small_file_cannot_ask_for_much_memory);
    tcase_add_test(all, a_loose_but_legal_file_is_accepted);
    tcase_add_test(all, elements_need_not_be_aligned);
    tcase_add_test(all, an_unsigned_number_that_does_not_fit_is_refused);
    tcase_add_test(all, a_long_or_dirty_name_is_shown_cut_and_clean);
    tcase_add_test(all, a_file_of_the_python_package_has_its_values);
    tcase_add_test(all, half_precision_numbers_are_exact);
    tcase_add_test(all, damaged_files_never_do_harm);
    suite_add_tcase(suite, all);
    return run_all(suite);
}
