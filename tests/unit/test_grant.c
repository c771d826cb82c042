/* SPDX-License-Identifier: Apache-2.0 */
/* What a token service answers: read by its words, within bounds. */
#include "ja_grant.h"

#include <stdlib.h>
#include <string.h>

#include <check.h>

static const struct {
    int http;
    const char *body;
    ja_grant_status_t status;
    const char *token;
    const char *refresh;
    int64_t lifetime;
    const char *error;
} answers[] = {
    {200, "{\"access_token\":\"a\",\"expires_in\":3600}", JA_GRANT_TOKEN, "a", "", 3600, ""},
    {200, "{\"access_token\":\"a\",\"refresh_token\":\"r\",\"expires_in\":2,\"scope\":\"x\"}",
     JA_GRANT_TOKEN, "a", "r", 2, ""},
    {200, "{\"access_token\":\"a\"}", JA_GRANT_TOKEN, "a", "", 300, ""},
    {200, "{\"access_token\":\"a\",\"expires_in\":\"900\"}", JA_GRANT_TOKEN, "a", "", 900, ""},
    {200, "{\"access_token\":\"a\",\"expires_in\":\"soon\"}", JA_GRANT_TOKEN, "a", "", 300, ""},
    {200, "{\"access_token\":\"a\",\"expires_in\":0}", JA_GRANT_TOKEN, "a", "", 1, ""},
    {200, "{\"access_token\":\"a\",\"expires_in\":-5}", JA_GRANT_TOKEN, "a", "", 1, ""},
    {200, "{\"access_token\":\"a\",\"expires_in\":1e300}", JA_GRANT_TOKEN, "a", "", 86400, ""},
    {200, "{\"access_token\":\"a\",\"expires_in\":99999999999999999999}", JA_GRANT_TOKEN, "a", "",
     86400, ""},
    {200, "{\"access_token\":\"a\",\"expires_in\":7200.5}", JA_GRANT_TOKEN, "a", "", 7200, ""},
    {200, "{\"access_token\":\"a b\"}", JA_GRANT_TROUBLE, "", "", 0, ""},
    {200, "{\"access_token\":\"a\\r\\nX: y\"}", JA_GRANT_TROUBLE, "", "", 0, ""},
    {200, "{\"access_token\":\"\\u00e4\"}", JA_GRANT_TROUBLE, "", "", 0, ""},
    {200, "{\"access_token\":\"\"}", JA_GRANT_TROUBLE, "", "", 0, ""},
    {200, "{\"access_token\":1}", JA_GRANT_TROUBLE, "", "", 0, ""},
    {200, "{\"access_token\":\"a b\",\"refresh_token\":\"r\"}", JA_GRANT_TROUBLE, "", "r", 0, ""},
    {200, "{\"access_token\":\"a\",\"access_token\":\"b\"}", JA_GRANT_TROUBLE, "", "", 0, ""},
    {200, "[\"access_token\"]", JA_GRANT_TROUBLE, "", "", 0, ""},
    {200, "{\"a\":[[[[1]]]],\"access_token\":\"a\"}", JA_GRANT_TROUBLE, "", "", 0, ""},
    {200, "{\"a\":\"[[[[[[ \\\" [[\",\"access_token\":\"a\"}", JA_GRANT_TOKEN, "a", "", 300, ""},
    {200, "{\"access_token\":\"a\"} x", JA_GRANT_TROUBLE, "", "", 0, ""},
    {200, "{\"access_token\":\"a\"", JA_GRANT_TROUBLE, "", "", 0, ""},
    {200, "", JA_GRANT_TROUBLE, "", "", 0, ""},
    {502, "<html>Bad Gateway</html>", JA_GRANT_TROUBLE, "", "", 0, ""},
    {500, "{\"access_token\":\"a\"}", JA_GRANT_TROUBLE, "a", "", 0, ""},
    {403, "{\"error\":\"invalid_grant\"}", JA_GRANT_DEAD, "", "", 0, "invalid_grant"},
    {400, "{\"error\":\"invalid_grant\"}", JA_GRANT_DEAD, "", "", 0, "invalid_grant"},
    {403, "{\"error\":\"unauthorized_client\",\"error_description\":\"refresh_token is invalid\"}",
     JA_GRANT_DEAD, "", "", 0, "unauthorized_client"},
    {401, "{\"error\":\"access_denied\",\"error_description\":\"Unauthorized\"}", JA_GRANT_CLIENT,
     "", "", 0, "access_denied"},
    {401, "{\"error\":\"invalid_client\"}", JA_GRANT_CLIENT, "", "", 0, "invalid_client"},
    {400, "{\"error\":\"invalid_scope\"}", JA_GRANT_REFUSED, "", "", 0, "invalid_scope"},
    {200, "{\"error\":\"x\",\"access_token\":\"a\"}", JA_GRANT_REFUSED, "", "", 0, "x"},
    {400, "{\"error\":\"a\\nb \\\"c\"}", JA_GRANT_REFUSED, "", "", 0, "a?b??c"},
    {503, "{\"error\":\"temporarily_unavailable\"}", JA_GRANT_TROUBLE, "", "", 0,
     "temporarily_unavailable"},
};

START_TEST(reads_answers)
{
    ja_grant_t grant;
    const char *body = answers[_i].body;

    memset(&grant, 'x', sizeof(grant));
    ja_grant_read(answers[_i].http, (const unsigned char *)body, strlen(body), &grant);
    ck_assert_msg(grant.status == answers[_i].status, "%s: %d", body, (int)grant.status);
    ck_assert_str_eq(grant.token, answers[_i].token);
    ck_assert_str_eq(grant.refresh, answers[_i].refresh);
    ck_assert_str_eq(grant.error, answers[_i].error);
    ck_assert_int_eq(grant.lifetime, answers[_i].lifetime);
}
END_TEST

START_TEST(keeps_within_bounds)
{
    static char body[JA_GRANT_BODY_MAX + 100];
    ja_grant_t grant;

    for (size_t extra = 0; extra < 2; extra++) {
        ja_buf_t out = ja_buf(body, sizeof(body));
        ja_buf_add(&out, "{\"access_token\":\"");
        for (size_t i = 0; i < JA_TOKEN_MAX + extra; i++) {
            ja_buf_add(&out, "t");
        }
        ja_buf_add(&out, "\"}");
        ja_grant_read(200, (const unsigned char *)body, out.len, &grant);
        ck_assert_int_eq(grant.status, extra ? JA_GRANT_TROUBLE : JA_GRANT_TOKEN);
    }
    memset(body, ' ', sizeof(body));
    memcpy(body + sizeof(body) - 20, "{\"access_token\":\"a\"}", 20);
    ja_grant_read(200, (const unsigned char *)body, sizeof(body), &grant);
    ck_assert_int_eq(grant.status, JA_GRANT_TROUBLE);
    ja_grant_read(200, NULL, 0, &grant);
    ck_assert_int_eq(grant.status, JA_GRANT_TROUBLE);
}
END_TEST

static const struct {
    ja_body_t type;
    const char *value;
    const char *body;
} bodies[] = {
    {JA_BODY_JSON, "x", "{\"a\":\"x\",\"b\":\"x\"}"},
    {JA_BODY_JSON, "\"\\/\x01\x7f",
     "{\"a\":\"\\\"\\\\/\\u0001\\u007f\",\"b\":\"\\\"\\\\/\\u0001\\u007f\"}"},
    {JA_BODY_JSON, "{", "{\"a\":\"{\",\"b\":\"{\"}"},
    {JA_BODY_FORM, "x", "a=x&b=x"},
    {JA_BODY_FORM, "&= +{\xc3\xa4", "a=%26%3D%20%2B%7B%C3%A4&b=%26%3D%20%2B%7B%C3%A4"},
    {JA_BODY_FORM, "", "a=&b="},
};

START_TEST(writes_bodies)
{
    char storage[256];
    ja_buf_t out = ja_buf(storage, sizeof(storage));

    ja_body_begin(bodies[_i].type, &out);
    ja_body_add(bodies[_i].type, "a", ja_slice(bodies[_i].value), &out);
    ja_body_add(bodies[_i].type, "b", ja_slice(bodies[_i].value), &out);
    ja_body_end(bodies[_i].type, &out);
    ck_assert_str_eq(storage, bodies[_i].body);
}
END_TEST

enum { HOUR_MS = 60 * 60 * 1000, DAY_MS = 24 * HOUR_MS };

START_TEST(a_token_is_renewed_in_its_last_fifth)
{
    static const struct {
        int64_t lifetime; /* s */
        int64_t renew_ms, end_ms;
    } lives[] = {
        {3600, 2872000, 3590000}, {900, 712000, 890000}, {240, 170000, 230000}, {100, 63000, 90000},
        {6, 3500, 5000},          {2, 700, 1000},        {1, 350, 500},
    };

    for (size_t i = 0; i < sizeof(lives) / sizeof(lives[0]); i++) {
        ja_token_life_t life = {.used_ms = 7};
        ja_token_life_begin(&life, 5000, lives[i].lifetime);
        ck_assert_int_eq(life.bought_ms, 5000);
        ck_assert_int_eq(life.renew_ms, 5000 + lives[i].renew_ms);
        ck_assert_int_eq(life.end_ms, 5000 + lives[i].end_ms);
        ck_assert_int_eq(life.used_ms, 7);
    }
}
END_TEST

START_TEST(what_is_in_use_is_renewed_and_what_refreshes_is_kept_alive)
{
    static const int64_t begin = 1000 * (int64_t)DAY_MS;
    static const struct {
        int64_t now, used; /* after the beginning */
        bool refreshes;
        int64_t due; /* after the beginning; -1: never */
    } cases[] = {
        {0, 0, false, 2872000},
        {3 * (int64_t)DAY_MS - 1, 0, false, 2872000},
        {3 * (int64_t)DAY_MS, 0, false, -1},
        {3 * (int64_t)DAY_MS, 1, false, 2872000},
        {3 * (int64_t)DAY_MS, 0, true, 7 * (int64_t)DAY_MS},
        {90 * (int64_t)DAY_MS, -80 * (int64_t)DAY_MS, true, 7 * (int64_t)DAY_MS},
    };
    ja_token_life_t life = {0};

    ck_assert_int_eq(ja_token_life_due(&life, true, begin), INT64_MAX);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        ja_token_life_begin(&life, begin, 3600);
        life.used_ms = begin + cases[i].used;
        int64_t due = ja_token_life_due(&life, cases[i].refreshes, begin + cases[i].now);
        ck_assert_int_eq(due, cases[i].due < 0 ? INT64_MAX : begin + cases[i].due);
    }
    life.used_ms = begin;
    life.end_ms = 0; /* refused */
    ck_assert_int_eq(ja_token_life_due(&life, false, begin + 1), 0);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("grant");
    TCase *tests = tcase_create("grant");
    SRunner *runner = srunner_create(suite);

    tcase_add_loop_test(tests, reads_answers, 0, sizeof(answers) / sizeof(answers[0]));
    tcase_add_test(tests, keeps_within_bounds);
    tcase_add_loop_test(tests, writes_bodies, 0, sizeof(bodies) / sizeof(bodies[0]));
    tcase_add_test(tests, a_token_is_renewed_in_its_last_fifth);
    tcase_add_test(tests, what_is_in_use_is_renewed_and_what_refreshes_is_kept_alive);
    suite_add_tcase(suite, tests);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
