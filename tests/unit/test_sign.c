/* SPDX-License-Identifier: Apache-2.0 */
/* Signing: the vectors of Atlassian's own library, in the file that test programs share. */
#include "ja_sign.h"

#include <stdlib.h>
#include <string.h>

#include <check.h>
#include <jansson.h>

static json_t *vectors;

static void setup(void)
{
    const char *srcdir = getenv("srcdir");
    char path[1024];
    ja_buf_t buf = ja_buf(path, sizeof(path));

    ja_buf_add(&buf, srcdir ? srcdir : ".");
    ja_buf_add(&buf, "/tests/data/qsh_vectors.json");
    vectors = json_load_file(path, 0, NULL);
    ck_assert_msg(vectors != NULL, "%s", path);
}

static void teardown(void)
{
    json_decref(vectors);
}

static const char *text_of(const json_t *row, const char *name, const char *otherwise)
{
    const char *text = json_string_value(json_object_get(row, name));

    return text ? text : otherwise;
}

/* The row without a path is the example of Atlassian's documentation. */
#define EXAMPLE                                                                                    \
    "/path/to/service?zee_last=param&repeated=parameter 1&first=param&repeated=parameter 2"

START_TEST(hashes_as_atlassian_does)
{
    size_t index;
    json_t *row;

    ck_assert_uint_eq(json_array_size(json_object_get(vectors, "vectors")), 17);
    json_array_foreach(json_object_get(vectors, "vectors"), index, row)
    {
        char url[1024], canonical[1024], qsh[JA_QSH_LEN + 1];
        ja_buf_t whole = ja_buf(url, sizeof(url));
        ja_buf_t out = ja_buf(canonical, sizeof(canonical));
        const char *base = text_of(row, "base_url", "https://h.example");
        const char *method = text_of(row, "method", "GET");

        ja_buf_add(&whole, "https://h.example");
        ja_buf_add(&whole, text_of(row, "path_and_query", EXAMPLE));
        ck_assert_msg(ja_sign_canonical(method, base, url, &out), "%s", url);
        ck_assert_str_eq(canonical, text_of(row, "canonical", ""));
        ck_assert(ja_sign_qsh(method, base, url, qsh));
        ck_assert_str_eq(qsh, text_of(row, "qsh", ""));
    }
}
END_TEST

START_TEST(signs_as_atlassian_does)
{
    /* The order of members is part of what is signed. */
    static const char claims[] =
        "{\"iss\":\"my-addon-key\",\"iat\":1386898951,\"exp\":1386899131,"
        "\"qsh\":\"937bb54b691279512cbc18b1e91df17b4069c158290eafc620d393fca67d75bf\","
        "\"aud\":[\"client-key\"]}";
    const json_t *jwt = json_object_get(vectors, "jwt");
    char token[1024];
    ja_buf_t out = ja_buf(token, sizeof(token));

    ck_assert(ja_sign_jwt(ja_slice(text_of(jwt, "secret", "")), ja_slice(claims), &out));
    ck_assert_str_eq(token, text_of(jwt, "token", ""));
    out = ja_buf(token, 100);
    ck_assert(!ja_sign_jwt(ja_slice("key"), ja_slice(claims), &out));
}
END_TEST

static const struct {
    const char *base;
    const char *url;
} refused[] = {
    {"https://h.example", "https://h.example.evil/x"},
    {"https://h.example/jira", "https://h.example/jirax"},
    {"https://h.example/jira", "https://h.example/x"},
    {"https://h.example", "http://h.example/x"},
    {"https://h.example", "https://h.example/x?a=%zz"},
};

START_TEST(refuses_what_is_not_below_the_site)
{
    char canonical[256], qsh[JA_QSH_LEN + 1];
    ja_buf_t out = ja_buf(canonical, sizeof(canonical));

    ck_assert(!ja_sign_canonical("GET", refused[_i].base, refused[_i].url, &out));
    ck_assert(!ja_sign_qsh("GET", refused[_i].base, refused[_i].url, qsh));
    ck_assert_str_eq(qsh, "");
}
END_TEST

START_TEST(refuses_too_many_parameters)
{
    char url[2048], canonical[2048];
    ja_buf_t whole = ja_buf(url, sizeof(url));
    ja_buf_t out = ja_buf(canonical, sizeof(canonical));

    ja_buf_add(&whole, "https://h/x?");
    for (unsigned i = 0; i < 64; i++) {
        ja_buf_add(&whole, "a&");
    }
    ck_assert(ja_sign_canonical("GET", "https://h", url, &out));
    ja_buf_add(&whole, "a");
    out = ja_buf(canonical, sizeof(canonical));
    ck_assert(!ja_sign_canonical("GET", "https://h", url, &out));
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("sign");
    TCase *tests = tcase_create("sign");
    SRunner *runner = srunner_create(suite);

    tcase_add_checked_fixture(tests, setup, teardown);
    tcase_add_test(tests, hashes_as_atlassian_does);
    tcase_add_test(tests, signs_as_atlassian_does);
    tcase_add_loop_test(tests, refuses_what_is_not_below_the_site, 0,
                        sizeof(refused) / sizeof(refused[0]));
    tcase_add_test(tests, refuses_too_many_parameters);
    suite_add_tcase(suite, tests);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
