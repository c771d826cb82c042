/* SPDX-License-Identifier: Apache-2.0 */
/* Bounded reading and writing: input -> expected, row by row. */
#include "ja_text.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

START_TEST(slices)
{
    ck_assert(ja_slice(NULL).data == NULL && ja_slice(NULL).len == 0);
    ck_assert(ja_slice_is(ja_slice(NULL), ""));
    ck_assert(ja_slice_is(ja_slice("png"), "png"));
    ck_assert(!ja_slice_is(ja_slice("png"), "PNG"));
    ck_assert(!ja_slice_is(ja_slice("pngx"), "png"));
    ck_assert(!ja_slice_is(ja_slice("pn"), "png"));
    ck_assert(ja_slice_is_nocase(ja_slice("PnG"), "pNg"));
    ck_assert(!ja_slice_is_nocase(ja_slice("[ng"), "{ng")); /* only letters have a case */
    ck_assert(!ja_slice_is_nocase(ja_slice("pn"), "png"));
}
END_TEST

START_TEST(trimming)
{
    static const struct {
        const char *in, *out;
    } rows[] = {
        {"", ""}, {" \t\r\n", ""}, {"a", "a"}, {" a ", "a"}, {"\ta b\r\n", "a b"}, {"\va", "\va"},
    };

    for (size_t i = 0; i < COUNT(rows); i++) {
        ck_assert_msg(ja_slice_is(ja_slice_trim(ja_slice(rows[i].in)), rows[i].out), "row %zu", i);
    }
}
END_TEST

START_TEST(taking)
{
    ja_slice_t in = ja_slice("secure/viewavatar");

    ck_assert(!ja_text_take(&in, "Secure"));
    ck_assert(!ja_text_take(&in, "secure/viewavatar/"));
    ck_assert(ja_slice_is(in, "secure/viewavatar"));
    ck_assert(ja_text_take(&in, "secure/"));
    ck_assert(ja_text_take(&in, ""));
    ck_assert(ja_text_take(&in, "viewavatar"));
    ck_assert(in.len == 0);
    in = ja_slice(NULL);
    ck_assert(ja_text_take(&in, ""));
    ck_assert(!ja_text_take(&in, "a"));
}
END_TEST

START_TEST(pieces)
{
    static const struct {
        const char *in, *pieces; /* each in brackets */
    } rows[] = {
        {NULL, ""},    {"", "[]"},      {"a", "[a]"},       {"a/b", "[a][b]"},
        {"/", "[][]"}, {"a/", "[a][]"}, {"//b", "[][][b]"},
    };

    for (size_t i = 0; i < COUNT(rows); i++) {
        ja_slice_t in = ja_slice(rows[i].in);
        char storage[64];
        ja_buf_t seen = ja_buf(storage, sizeof(storage));

        while (in.data) {
            ja_buf_add(&seen, "[");
            ja_buf_add_slice(&seen, ja_text_piece(&in, '/'));
            ja_buf_add(&seen, "]");
        }
        ck_assert_str_eq(seen.data, rows[i].pieces);
    }
}
END_TEST

START_TEST(numbers)
{
    static const struct {
        const char *in;
        uint64_t max;
        bool ok;
        uint64_t number;
    } rows[] = {
        {"0", 0, true, 0},
        {"1", 0, false, 0},
        {"5", 4, false, 0},
        {"007", 7, true, 7},
        {"10", 9, false, 0},
        {"19", 19, true, 19},
        {"20", 19, false, 0},
        {"9223372036854775807", INT64_MAX, true, INT64_MAX},
        {"9223372036854775808", INT64_MAX, false, 0},
        {"18446744073709551615", UINT64_MAX, true, UINT64_MAX},
        {"18446744073709551616", UINT64_MAX, false, 0},
        {"99999999999999999999999", UINT64_MAX, false, 0},
        {"", 9, false, 0},
        {NULL, 9, false, 0},
        {"-1", 9, false, 0},
        {"+1", 9, false, 0},
        {" 1", 9, false, 0},
        {"1 ", 9, false, 0},
        {"0x1", 99, false, 0},
        {"1e1", 99, false, 0},
        {"\xd9\xa1", 99, false, 0}, /* ARABIC-INDIC DIGIT ONE */
    };

    for (size_t i = 0; i < COUNT(rows); i++) {
        uint64_t number = 77;
        bool ok = ja_text_number(ja_slice(rows[i].in), rows[i].max, &number);

        ck_assert_msg(ok == rows[i].ok, "row %zu: %s", i, rows[i].in);
        ck_assert_uint_eq(number, ok ? rows[i].number : 77);
    }
}
END_TEST

START_TEST(fields)
{
    static const struct {
        const char *in;
        size_t digits;
        int min, max, field; /* -1: none */
    } rows[] = {
        {"2026-11", 4, 1970, 9999, 2026},
        {"1969-11", 4, 1970, 9999, -1},
        {"12", 2, 1, 12, 12},
        {"13", 2, 1, 12, -1},
        {"00", 2, 1, 12, -1},
        {"09Z", 2, 0, 23, 9},
        {"1", 2, 0, 99, -1},
        {"1:", 2, 0, 99, -1},
        {"+1", 2, 0, 99, -1},
        {" 1", 2, 0, 99, -1},
        {"", 1, 0, 9, -1},
    };

    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        ja_slice_t in = ja_slice(rows[i].in);
        int field = -1;
        bool taken = ja_text_take_field(&in, rows[i].digits, rows[i].min, rows[i].max, &field);
        ck_assert_int_eq(taken, rows[i].field >= 0);
        ck_assert_int_eq(field, rows[i].field);
        ck_assert_uint_eq(in.len, strlen(rows[i].in) - (taken ? rows[i].digits : 0));
    }
}
END_TEST

START_TEST(words)
{
    ck_assert(ja_text_is_word(ja_slice("aZ09"), ""));
    ck_assert(ja_text_is_word(ja_slice("a-b_c"), "_-"));
    ck_assert(!ja_text_is_word(ja_slice("a-b"), "_"));
    ck_assert(!ja_text_is_word(ja_slice(""), "_"));
    ck_assert(!ja_text_is_word(ja_slice("\xc3\xa4"), ""));
    ck_assert(!ja_text_is_word((ja_slice_t){"a\0b", 3}, "_"));
}
END_TEST

START_TEST(decoding)
{
    static const struct {
        const char *in;
        bool form;
        size_t cap;
        const char *out; /* NULL: refused */
    } rows[] = {
        {"", true, 1, ""},
        {"", true, 0, NULL},
        {"abc", true, 4, "abc"},
        {"abc", true, 3, NULL},
        {"%61%62c", true, 4, "abc"},
        {"a+b%2Bc", true, 16, "a b+c"},
        {"a+b", false, 16, "a+b"},
        {"%2e%2E%2f", true, 16, "../"},
        {"%252e", true, 16, "%2e"},
        {"%", true, 16, NULL},
        {"%4", true, 16, NULL},
        {"%4g", true, 16, NULL},
        {"%%32%65", true, 16, NULL},
        {"%u002e", true, 16, NULL},
        {"%00", true, 16, NULL},
        {"a%0d%0ab", true, 16, NULL},
        {"a%09b", true, 16, NULL},
        {"a%7fb", true, 16, NULL},
        {"%c2%85", true, 16, NULL},
        {"%c2%a0", true, 16, "\xc2\xa0"},
        {"%c3%a4", true, 3, "\xc3\xa4"},
        {"%c0%ae", true, 16, NULL},
        {"%e4", true, 16, NULL},
    };

    for (size_t i = 0; i < COUNT(rows); i++) {
        char out[16] = "untouched";
        bool ok = ja_text_decode(ja_slice(rows[i].in), rows[i].form, out, rows[i].cap);

        ck_assert_msg(ok == (rows[i].out != NULL), "row %zu: %s", i, rows[i].in);
        ck_assert_str_eq(out, ok ? rows[i].out : rows[i].cap ? "" : "untouched");
    }
}
END_TEST

START_TEST(utf8)
{
    static const struct {
        const char *in;
        bool ok;
    } rows[] = {
        {"", true},
        {"a\x7f", true},
        {"\xc2\x80\xdf\xbf", true},
        {"\xe0\xa0\x80\xed\x9f\xbf\xee\x80\x80\xef\xbf\xbf", true},
        {"\xf0\x90\x80\x80\xf4\x8f\xbf\xbf", true},
        {"\x80", false},
        {"\xc0\xaf", false},         /* overlong */
        {"\xc1\xbf", false},         /* overlong */
        {"\xe0\x9f\xbf", false},     /* overlong */
        {"\xf0\x8f\xbf\xbf", false}, /* overlong */
        {"\xed\xa0\x80", false},     /* surrogate */
        {"\xf4\x90\x80\x80", false}, /* above U+10FFFF */
        {"\xf5\x80\x80\x80", false},
        {"\xff", false},
        {"\xc3", false},
        {"\xe2\x82", false},
        {"\xe2\x82\x41", false},
        {"\xf0\x9f\x98", false},
        {"\xc3\xa4\xbf", false},
    };

    for (size_t i = 0; i < COUNT(rows); i++) {
        ck_assert_msg(ja_text_is_utf8(ja_slice(rows[i].in)) == rows[i].ok, "row %zu", i);
    }
    ck_assert(ja_text_is_plain(ja_slice("J\xc3\xbcrgen")));
    ck_assert(!ja_text_is_plain(ja_slice("a\nb")));
    ck_assert(!ja_text_is_plain(ja_slice("a\xc2\x9f")));
}
END_TEST

START_TEST(bytes)
{
    char hex[9], text[] = "MiXed-09\xc3\x84";

    ck_assert(ja_text_equal_ct("abc", "abc", 3));
    ck_assert(ja_text_equal_ct("abc", "xyz", 0));
    ck_assert(!ja_text_equal_ct("abc", "abd", 3));
    ck_assert(!ja_text_equal_ct("abc", "Abc", 3));
    ja_text_hex((const unsigned char *)"\x00\x7f\xa0\xff", 4, hex);
    ck_assert_str_eq(hex, "007fa0ff");
    ja_text_lower(text);
    ck_assert_str_eq(text, "mixed-09\xc3\x84");
}
END_TEST

START_TEST(buffers)
{
    char storage[6];
    ja_buf_t buf = ja_buf(storage, sizeof(storage));

    ck_assert_str_eq(buf.data, "");
    ja_buf_add(&buf, "abc");
    ja_buf_add_slice(&buf, ja_slice(NULL));
    ja_buf_add_number(&buf, 42);
    ck_assert(!buf.overflow);
    ck_assert_str_eq(buf.data, "abc42");
    ck_assert_uint_eq(buf.len, 5);
    ja_buf_add(&buf, "x");
    ck_assert(buf.overflow);
    ck_assert_str_eq(buf.data, "abc42");
    ja_buf_add(&buf, "");
    ck_assert(buf.overflow);

    buf = ja_buf(storage, 1);
    ja_buf_add(&buf, "");
    ck_assert(!buf.overflow);
    ja_buf_add_number(&buf, 0);
    ck_assert(buf.overflow);
}
END_TEST

START_TEST(numbers_out)
{
    static const struct {
        uint64_t number;
        const char *out;
    } rows[] = {{0, "0"}, {9, "9"}, {10, "10"}, {UINT64_MAX, "18446744073709551615"}};

    for (size_t i = 0; i < COUNT(rows); i++) {
        char storage[32];
        ja_buf_t buf = ja_buf(storage, sizeof(storage));

        ja_buf_add_number(&buf, rows[i].number);
        ck_assert_str_eq(buf.data, rows[i].out);
    }
}
END_TEST

START_TEST(percent_out)
{
    static const struct {
        const char *in, *out;
    } rows[] = {
        {"", ""},
        {"AZaz09-._~", "AZaz09-._~"},
        {"a b&c=d/e?f#g%h+i", "a%20b%26c%3Dd%2Fe%3Ff%23g%25h%2Bi"},
        {"fred@example.com", "fred%40example.com"},
        {"557058:x", "557058%3Ax"},
        {"\xc3\xa4\r\n", "%C3%A4%0D%0A"},
    };

    for (size_t i = 0; i < COUNT(rows); i++) {
        char storage[64];
        ja_buf_t buf = ja_buf(storage, sizeof(storage));

        ja_buf_add_percent(&buf, ja_slice(rows[i].in));
        ck_assert_str_eq(buf.data, rows[i].out);
    }
}
END_TEST

START_TEST(base64url_out)
{
    static const struct {
        const char *in, *out;
    } rows[] = {
        /* RFC 4648 section 10, without the padding */
        {"", ""},           {"f", "Zg"},          {"fo", "Zm8"},          {"foo", "Zm9v"},
        {"foob", "Zm9vYg"}, {"fooba", "Zm9vYmE"}, {"foobar", "Zm9vYmFy"}, {"\xfb\xff\xbf", "-_-_"},
    };

    for (size_t i = 0; i < COUNT(rows); i++) {
        char storage[64];
        ja_buf_t buf = ja_buf(storage, sizeof(storage));

        ja_buf_add_base64url(&buf, (const unsigned char *)rows[i].in, strlen(rows[i].in));
        ck_assert_str_eq(buf.data, rows[i].out);
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("text");
    TCase *tests = tcase_create("text");
    SRunner *runner = srunner_create(suite);

    tcase_add_test(tests, slices);
    tcase_add_test(tests, trimming);
    tcase_add_test(tests, taking);
    tcase_add_test(tests, pieces);
    tcase_add_test(tests, numbers);
    tcase_add_test(tests, fields);
    tcase_add_test(tests, words);
    tcase_add_test(tests, decoding);
    tcase_add_test(tests, utf8);
    tcase_add_test(tests, bytes);
    tcase_add_test(tests, buffers);
    tcase_add_test(tests, numbers_out);
    tcase_add_test(tests, percent_out);
    tcase_add_test(tests, base64url_out);
    suite_add_tcase(suite, tests);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
