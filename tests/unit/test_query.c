/* SPDX-License-Identifier: Apache-2.0 */
/* Query strings: what they say after decoding, and which are refused. */
#include "ja_query.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* Writes what there is to read as "[name|value]..."; the sentence if the query is bad, or NULL. */
static const char *read_all(const char *text, ja_buf_t *out)
{
    const char *reason = NULL;
    ja_slice_t name, value;
    ja_query_t query;

    ja_query_start(&query, text);
    while (ja_query_next(&query, &name, &value, &reason)) {
        ja_buf_add(out, "[");
        ja_buf_add_slice(out, name);
        ja_buf_add(out, "|");
        ja_buf_add_slice(out, value);
        ja_buf_add(out, "]");
    }
    return reason;
}

START_TEST(queries)
{
    static const struct {
        const char *in, *out, *reason; /* a part of it; NULL: well-formed */
    } rows[] = {
        {NULL, "", NULL},
        {"", "", NULL},
        {"&&", "", NULL},
        {"a", "[a|]", NULL},
        {"a=", "[a|]", NULL},
        {"=a", "[|a]", NULL},
        {"a=b=c&d", "[a|b=c][d|]", NULL},
        {"&a=1&&b=2&", "[a|1][b|2]", NULL},
        {"a+b=c+d%2B", "[a b|c d+]", NULL},
        {"%61=%26%3D", "[a|&=]", NULL},
        {"a=%252e", "[a|%2e]", NULL},
        {"a=1;b=2", "[a|1;b=2]", NULL},
        {"?a=1", "[?a|1]", NULL},
        {"a=1&A=2", "[a|1][A|2]", NULL},
        {"ab=1&a=2&b=3", "[ab|1][a|2][b|3]", NULL},
        {"a=1&b=2&a=1", "[a|1][b|2]", "twice"},
        {"a=1&%61=2", "[a|1]", "twice"},
        {"a&a", "[a|]", "twice"},
        {"=1&=2", "[|1]", "twice"},
        {"a=%", "", "value"},
        {"a=%0a", "", "value"},
        {"a=%c0%ae", "", "value"},
        {"%zz=1", "", "name"},
        {"b=1&a%00=1", "[b|1]", "name"},
    };

    for (size_t i = 0; i < COUNT(rows); i++) {
        char storage[128];
        ja_buf_t out = ja_buf(storage, sizeof(storage));
        const char *reason = read_all(rows[i].in, &out);

        ck_assert_str_eq(out.data, rows[i].out);
        ck_assert_msg(!reason == !rows[i].reason, "row %zu: %s", i, reason);
        ck_assert_msg(!reason || strstr(reason, rows[i].reason), "row %zu: %s", i, reason);
    }
}
END_TEST

START_TEST(bounds)
{
    static const struct {
        size_t name, value;
        const char *reason;
    } rows[] = {
        {JA_QUERY_NAMES - 1, 0, NULL},
        {JA_QUERY_NAMES, 0, "name is too long"},
        {1, JA_QUERY_VALUE - 1, NULL},
        {1, JA_QUERY_VALUE, "value is too long"},
    };

    for (size_t i = 0; i < COUNT(rows); i++) {
        char text[8192], storage[8192];
        ja_buf_t out = ja_buf(storage, sizeof(storage));

        memset(text, 'x', sizeof(text));
        text[rows[i].name] = '=';
        text[rows[i].name + 1 + rows[i].value] = '\0';
        const char *reason = read_all(text, &out);

        ck_assert_msg(!reason == !rows[i].reason, "row %zu: %s", i, reason);
        ck_assert_msg(!reason || strstr(reason, rows[i].reason), "row %zu: %s", i, reason);
    }
}
END_TEST

START_TEST(count)
{
    char text[1024], storage[1024];
    ja_buf_t query = ja_buf(text, sizeof(text)), out = ja_buf(storage, sizeof(storage));

    for (unsigned i = 0; i < JA_QUERY_PARAMS; i++) {
        ja_buf_add(&query, "&x");
        ja_buf_add_number(&query, i);
    }
    ck_assert(!read_all(text, &out));
    ja_buf_add(&query, "&y");
    out = ja_buf(storage, sizeof(storage));
    ck_assert_str_eq(read_all(text, &out), "There are too many parameters.");
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("query");
    TCase *tests = tcase_create("query");
    SRunner *runner = srunner_create(suite);

    tcase_add_test(tests, queries);
    tcase_add_test(tests, bounds);
    tcase_add_test(tests, count);
    suite_add_tcase(suite, tests);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
