/* SPDX-License-Identifier: MIT
 *
 * Stores and their files: what is put comes back, in bytes that are prescribed.
 */
#include <math.h>

#include "tests/store_samples.h"

static void save_and_load(const sp_store *store)
{
    ck_assert_msg(sp_store_save(store, path), "%s", sp_error());
    sp_store *back = sp_store_load(path);
    ck_assert_msg(back, "%s", sp_error());
    ck_assert(same_stores(store, back));
    sp_store_free(back);
}

START_TEST(an_empty_store_comes_back_empty)
{
    sp_store *store = sp_store_new();

    save_and_load(store);
    ck_assert_ptr_null(sp_store_name(store, 0));
    sp_store_free(store);
}
END_TEST

START_TEST(every_dtype_and_rank_comes_back)
{
    static const sp_shape shapes[] = {
        { 0, { 0 } }, { 1, { 5 } }, { 2, { 2, 3 } }, { 3, { 2, 1, 3 } }, { 4, { 1, 2, 3, 2 } },
        { 5, { 2, 1, 2, 1, 2 } }, { 6, { 1, 2, 1, 2, 1, 3 } }, { 1, { 0 } }, { 3, { 4, 0, 2 } },
        { 6, { 0, 0, 0, 0, 0, 0 } },
    };
    sp_store *store = sp_store_new();
    char name[32];

    for (int d = 0; d < SP_N_DTYPES; d++)
        for (size_t s = 0; s < sizeof shapes / sizeof *shapes; s++) {
            snprintf(name, sizeof name, "%s.%zu", sp_dtype_name((sp_dtype)d), s);
            put_filled(store, name, (sp_dtype)d, shapes[s]);
        }
    save_and_load(store);
    sp_store_free(store);
}
END_TEST

START_TEST(every_bit_of_a_float_comes_back)
{
    const uint32_t bits[] = { 0x7FC00001, 0xFFBFFFFF, 0x80000000, 1, 0x7F800000, 0x807FFFFF };
    sp_store *store = sp_store_new();
    sp_tensor *x = sp_tensor_from(SP_F32, SP_SHAPE(6), bits);

    ck_assert(sp_store_put_tensor(store, "x", x));
    ck_assert(sp_store_put_number(store, "nan", NAN));
    ck_assert(sp_store_put_number(store, "least", -5e-324));
    ck_assert(sp_store_put_integer(store, "most", INT64_MAX));
    ck_assert(sp_store_put_integer(store, "min", INT64_MIN));
    save_and_load(store);
    sp_tensor_free(x);
    sp_store_free(store);
}
END_TEST

START_TEST(every_utf8_name_and_text_comes_back)
{
    static const char *const names[] = {
        "a", "A", "\"", "\\", "\\\"", "/", "a b", " ", "\x01\x02\x1F\x7F", "\b\f\n\r\t", "\\u0041",
        "\xC3\xA9", "\xE2\x82\xAC", "\xF0\x9F\x98\x80", "\xEF\xBF\xBF", "__metadata", "format",
        "rnn.weight_ih_l0_reverse", "{", "}", "spool.crc64",
    };
    sp_store *store = sp_store_new();

    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        ck_assert_msg(sp_store_put_integer(store, names[i], (int64_t)i), "%s", sp_error());
        if (strcmp(names[i], "spool.crc64") == 0) continue;
        ck_assert_msg(sp_store_put_text(store, names[i], names[(i + 5) % 8]), "%s", sp_error());
    }
    sp_store_put_text(store, "empty", "");
    save_and_load(store);
    sp_store_free(store);
}
END_TEST

START_TEST(a_name_that_no_file_could_hold_is_refused)
{
    sp_store *store = sp_store_new();
    sp_tensor *x = sp_tensor_new(SP_F32, SP_SCALAR);

    ck_assert(!sp_store_put_number(store, "", 1));
    ck_assert_str_eq(sp_error(), "a name is empty");
    ck_assert(!sp_store_put_number(store, "\xC3", 1));
    ck_assert_str_eq(sp_error(), "a name is not UTF-8");
    ck_assert(!sp_store_put_tensor(store, "__metadata__", x));
    ck_assert_ptr_nonnull(strstr(sp_error(), "needs it for itself"));
    ck_assert(!sp_store_put_text(store, "spool.crc64", "0"));
    ck_assert_ptr_nonnull(strstr(sp_error(), "needs it for itself"));
    ck_assert(!sp_store_put_text(store, "spool.version", "1"));
    ck_assert(!sp_store_put_text(store, "x", "\xFF"));
    ck_assert_str_eq(sp_error(), "\"x\": the text is not UTF-8");
    ck_assert(!sp_store_put_text(store, "x", NULL));
    ck_assert(!sp_store_put_tensor(store, "x", NULL));
    ck_assert_str_eq(sp_error(), "\"x\": the tensor is NULL");
    ck_assert(!sp_store_put_tensor(store, NULL, x));
    ck_assert(!sp_store_put_tensor(NULL, "x", x));
    ck_assert(!sp_store_save(NULL, path) && !sp_store_save(store, NULL) && !sp_store_load(NULL));
    ck_assert_int_eq(store->tensors.n, 0);
    sp_tensor_free(x);
    sp_store_free(store);
}
END_TEST

START_TEST(a_second_put_replaces_the_first)
{
    sp_store *store = small_store();
    double loss;

    ck_assert(sp_store_put_number(store, "loss", 7));
    ck_assert(sp_store_number(store, "loss", &loss) && loss == 7);
    ck_assert(sp_store_put_text(store, "note", "other"));
    ck_assert_str_eq(sp_store_text(store, "note"), "other");
    ck_assert_int_eq(store->tensors.n, 4);
    sp_store_free(store);
}
END_TEST

START_TEST(what_is_put_is_a_copy)
{
    sp_store *store = sp_store_new();
    sp_tensor *x = sp_tensor_new(SP_I32, SP_SHAPE(2));

    sp_store_put_tensor(store, "x", x);
    sp_tensor_fill(x, 9);
    ck_assert_double_eq(sp_tensor_at(sp_store_tensor(store, "x"), 1), 0);
    sp_tensor_free(x);
    sp_store_free(store);
}
END_TEST

START_TEST(names_come_in_order)
{
    static const char *const order[] = { "flags", "loss", "step", "w" };
    sp_store *store = small_store();

    for (int i = 0; i < 4; i++) ck_assert_str_eq(sp_store_name(store, i), order[i]);
    ck_assert_ptr_null(sp_store_name(store, 4));
    ck_assert_ptr_null(sp_store_name(store, -1));
    ck_assert(sp_store_has(store, "w") && !sp_store_has(store, "note"));
    ck_assert(!sp_store_has(store, "v"));
    sp_store_free(store);
}
END_TEST

START_TEST(asking_for_the_wrong_kind_fails_with_a_sentence)
{
    sp_store *store = small_store();
    double x = 3;
    int64_t i = 4;

    ck_assert(!sp_store_number(store, "step", &x));
    ck_assert_str_eq(sp_error(), "\"step\" is i64 [], not f64 []");
    ck_assert(!sp_store_integer(store, "w", &i));
    ck_assert_str_eq(sp_error(), "\"w\" is f32 [2,3], not i64 []");
    ck_assert_ptr_null(sp_store_text(store, "w"));
    ck_assert_str_eq(sp_error(), "\"w\" is a tensor, not a text");
    ck_assert_ptr_null(sp_store_tensor(store, "note"));
    ck_assert_str_eq(sp_error(), "\"note\" is a text, not a tensor");
    ck_assert_ptr_null(sp_store_tensor(store, "v"));
    ck_assert_str_eq(sp_error(), "the store has nothing under \"v\"");
    ck_assert(!sp_store_number(store, "v", &x) && x == 3 && i == 4);
    ck_assert_ptr_null(sp_store_tensor(NULL, "v"));
    ck_assert_ptr_null(sp_store_text(store, NULL));
    sp_store_free(store);
}
END_TEST

/* Bit by bit, as CRC-64/XZ is published: reflected polynomial, ones before and after. */
static uint64_t slow_crc(const char *bytes, size_t n)
{
    uint64_t sum = ~UINT64_C(0);

    for (size_t i = 0; i < n; i++) {
        sum ^= (unsigned char)bytes[i];
        for (int bit = 0; bit < 8; bit++) sum = sum & 1 ? sum >> 1 ^ 0xC96C5795D7870F42u : sum >> 1;
    }
    return ~sum;
}

START_TEST(the_bytes_are_those_of_the_format)
{
    static const char content[] =
        "\2\0\0\0\0\0\0\0"                                          /* two tensors */
        "flag\0BOOL\0" "\1\0\0\0\0\0\0\0" "\2\0\0\0\0\0\0\0" "\1\0" /* of rank 1, shape [2] */
        "step\0I64\0" "\0\0\0\0\0\0\0\0" "\x29\0\0\0\0\0\0\0"       /* of rank 0, 41 */
        "format\0pt";                                               /* and its final 0 */
    char header[400];
    sp_store *store = sp_store_new();
    int64_t size, n;

    ck_assert(slow_crc("123456789", 9) == 0x995DC9BBDF1939FA);
    sp_tensor *flag = sp_tensor_from(SP_BOOL, SP_SHAPE(2), "\1\0");
    sp_store_put_tensor(store, "flag", flag);
    sp_store_put_integer(store, "step", 41);
    snprintf(header, sizeof header,
             "{\"__metadata__\":{\"format\":\"pt\",\"spool.crc64\":\"%016llx\","
             "\"spool.version\":\"1\"},"
             "\"step\":{\"dtype\":\"I64\",\"shape\":[],\"data_offsets\":[0,8]},"
             "\"flag\":{\"dtype\":\"BOOL\",\"shape\":[2],\"data_offsets\":[8,10]}}",
             (unsigned long long)slow_crc(content, sizeof content));
    char *bytes = saved_bytes(store, &size);
    int64_t length = (int64_t)strlen(header);
    memcpy(&n, bytes, 8);
    ck_assert_int_eq(n, (length + 7) / 8 * 8);
    ck_assert_int_eq(size, 8 + n + 10);
    ck_assert_msg(memcmp(bytes + 8, header, (size_t)length) == 0, "%.*s", (int)n, bytes + 8);
    for (int64_t i = length; i < n; i++) ck_assert_int_eq(bytes[8 + i], ' ');
    ck_assert_mem_eq(bytes + 8 + n, "\x29\0\0\0\0\0\0\0\1\0", 10);
    sp_release(bytes);
    sp_tensor_free(flag);
    sp_store_free(store);
}
END_TEST

START_TEST(the_elements_begin_at_a_multiple_of_eight)
{
    char name[16] = "";

    for (int i = 0; i < 9; i++) {
        sp_store *store = sp_store_new();
        int64_t size, n;
        strcat(name, "x");
        sp_store_put_number(store, name, 1);
        char *bytes = saved_bytes(store, &size);
        memcpy(&n, bytes, 8);
        ck_assert_int_eq(n % 8, 0);
        ck_assert_int_eq(size, 8 + n + 8);
        sp_release(bytes);
        sp_store_free(store);
    }
}
END_TEST

START_TEST(the_checksum_of_a_long_tensor_is_the_slow_one)
{
    static char content[8 + 2 + 5 + 8 + 8 + 4099 + 10];
    sp_store *store = sp_store_new();
    char sum[SP_CHECKSUM_TEXT], slow[SP_CHECKSUM_TEXT];
    char *c = content;

    put_filled(store, "x", SP_BOOL, SP_SHAPE(4099));
    memcpy(c, "\1\0\0\0\0\0\0\0x\0BOOL\0\1\0\0\0\0\0\0\0\3\x10\0\0\0\0\0\0", 31);
    memcpy(c + 31, sp_tensor_data(sp_store_tensor(store, "x")), 4099);
    memcpy(c + 31 + 4099, "format\0pt", 10);
    snprintf(slow, sizeof slow, "%016llx", (unsigned long long)slow_crc(c, 31 + 4099 + 10));
    sp__store_checksum(store, sum);
    ck_assert_str_eq(sum, slow);
    sp_store_free(store);
}
END_TEST

START_TEST(the_same_contents_give_the_same_bytes)
{
    sp_store *a = small_store(), *b = sp_store_new();
    int64_t n_a, n_b;

    sp_store_put_text(b, "note", "a \"b\"\n");
    sp_store_put_number(b, "loss", 3);
    for (int64_t i = a->tensors.n - 1; i >= 0; i--)
        sp_store_put_tensor(b, a->tensors.row[i].name, a->tensors.row[i].tensor);
    char *of_a = saved_bytes(a, &n_a), *of_b = saved_bytes(b, &n_b);
    ck_assert_int_eq(n_a, n_b);
    ck_assert_mem_eq(of_a, of_b, (size_t)n_a);
    sp_release(of_a);
    sp_release(of_b);
    sp_store_free(a);
    sp_store_free(b);
}
END_TEST

/* A part that holds one number. */
typedef struct part { double value; bool willing; int n_taken; } part;

static bool part_put(const void *it, sp_store *store)
{
    const part *p = it;
    if (!p->willing) return sp_fail("not willing to put");
    return sp_store_put_number(store, "part", p->value);
}

static bool part_check(const void *it, const sp_store *store)
{
    const part *p = it;
    double x;
    return p->willing ? sp_store_number(store, "part", &x) : sp_fail("not willing to take");
}

static void part_take(void *it, const sp_store *store)
{
    part *p = it;
    p->n_taken += sp_store_number(store, "part", &p->value);
}

START_TEST(taking_changes_all_parts_or_none)
{
    part a = { 1, true, 0 }, b = { 2, false, 0 };
    sp_saved parts[] = { { &a, part_put, part_check, part_take },
                         { &b, part_put, part_check, part_take } };
    sp_store *store = sp_store_new();

    ck_assert(!sp_store_put(store, 2, parts));
    ck_assert_str_eq(sp_error(), "not willing to put");
    ck_assert(sp_store_put(store, 1, parts));
    a.value = 5;
    ck_assert(!sp_store_take(store, 2, parts));
    ck_assert_str_eq(sp_error(), "not willing to take");
    ck_assert(a.n_taken == 0 && a.value == 5);
    b.willing = true;
    ck_assert(sp_store_take(store, 2, parts));
    ck_assert(a.n_taken == 1 && b.n_taken == 1 && a.value == 1 && b.value == 1);
    sp_store_free(store);
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        an_empty_store_comes_back_empty,
        every_dtype_and_rank_comes_back,
        every_bit_of_a_float_comes_back,
        every_utf8_name_and_text_comes_back,
        a_name_that_no_file_could_hold_is_refused,
        a_second_put_replaces_the_first,
        what_is_put_is_a_copy,
        names_come_in_order,
        asking_for_the_wrong_kind_fails_with_a_sentence,
        the_bytes_are_those_of_the_format,
        the_elements_begin_at_a_multiple_of_eight,
        the_checksum_of_a_long_tensor_is_the_slow_one,
        the_same_contents_give_the_same_bytes,
        taking_changes_all_parts_or_none,
    };

    return run_in_folders("store", tests, sizeof tests / sizeof *tests);
}
