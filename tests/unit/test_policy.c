/* SPDX-License-Identifier: Apache-2.0 */
/* Every way that a request can end, freshness and Cache-Control. */
#include "ja_policy.h"

#include <check.h>
#include <stdlib.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* The table that visitors, caches and monitoring rely on. */
START_TEST(outcomes)
{
    static const struct {
        ja_outcome_t outcome;
        const char *name;
        int status;
        ja_keep_t keep;
    } rows[] = {
        {JA_OUTCOME_IMAGE, "image", 200, JA_KEEP_IMAGE},
        {JA_OUTCOME_UNKNOWN_PATH, "unknown-path", 404, JA_KEEP_NOT},
        {JA_OUTCOME_BAD_VALUE, "bad-value", 400, JA_KEEP_NOT},
        {JA_OUTCOME_NOT_FOUND, "not-found", 404, JA_KEEP_SHORT},
        {JA_OUTCOME_FORBIDDEN, "forbidden", 403, JA_KEEP_SHORT},
        {JA_OUTCOME_CREDENTIAL_REFUSED, "credential-refused", 502, JA_KEEP_NOT},
        {JA_OUTCOME_ANONYMOUS, "anonymous", 502, JA_KEEP_NOT},
        {JA_OUTCOME_LOGIN_PAGE, "login-page", 502, JA_KEEP_NOT},
        {JA_OUTCOME_NOT_AN_IMAGE, "not-an-image", 502, JA_KEEP_NOT},
        {JA_OUTCOME_ENCODED, "encoded", 502, JA_KEEP_NOT},
        {JA_OUTCOME_TOO_LARGE, "too-large", 502, JA_KEEP_NOT},
        {JA_OUTCOME_TRUNCATED, "truncated", 502, JA_KEEP_NOT},
        {JA_OUTCOME_REDIRECTED, "redirected", 502, JA_KEEP_NOT},
        {JA_OUTCOME_UPSTREAM_ERROR, "upstream-error", 502, JA_KEEP_NOT},
        {JA_OUTCOME_NO_NAME, "no-name", 502, JA_KEEP_NOT},
        {JA_OUTCOME_NO_CONNECTION, "no-connection", 502, JA_KEEP_NOT},
        {JA_OUTCOME_CONNECT_TIMEOUT, "connect-timeout", 502, JA_KEEP_NOT},
        {JA_OUTCOME_TLS, "tls", 502, JA_KEEP_NOT},
        {JA_OUTCOME_CERTIFICATE, "certificate", 502, JA_KEEP_NOT},
        {JA_OUTCOME_BROKEN_PROTOCOL, "broken-protocol", 502, JA_KEEP_NOT},
        {JA_OUTCOME_RATE_LIMITED, "rate-limited", 503, JA_KEEP_NOT},
        {JA_OUTCOME_UNAVAILABLE, "unavailable", 503, JA_KEEP_NOT},
        {JA_OUTCOME_BUSY, "busy", 503, JA_KEEP_NOT},
        {JA_OUTCOME_TIMEOUT, "timeout", 504, JA_KEEP_NOT},
        {JA_OUTCOME_INTERNAL, "internal", 502, JA_KEEP_NOT},
    };
    ck_assert_uint_eq(COUNT(rows), JA_OUTCOME_COUNT);
    for (size_t i = 0; i < COUNT(rows); i++) {
        const ja_outcome_row_t *row = ja_policy_outcome(rows[i].outcome);
        ck_assert_str_eq(row->name, rows[i].name);
        ck_assert_msg(row->status == rows[i].status, "%s", row->name);
        ck_assert_msg(row->keep == rows[i].keep, "%s", row->name);
        ck_assert_msg((row->proxy_error != NULL) == (row->status > 500), "%s", row->name);
        ck_assert_msg((*row->sentence != '\0') == (row->status != 200), "%s", row->name);
    }
    ck_assert_ptr_eq(ja_policy_outcome(JA_OUTCOME_COUNT), ja_policy_outcome(JA_OUTCOME_INTERNAL));
}
END_TEST

START_TEST(freshness)
{
    static const struct {
        int64_t age, max_age, stale_age;
        ja_freshness_t expected;
    } rows[] = {
        {0, 3600, 60, JA_FRESH},
        {3599, 3600, 60, JA_FRESH},
        {3600, 3600, 60, JA_STALE},
        {3659, 3600, 60, JA_STALE},
        {3660, 3600, 60, JA_EXPIRED},
        {3600, 3600, 0, JA_EXPIRED},
        {-5, 3600, 60, JA_FRESH},
        {INT64_MIN, 1, 0, JA_FRESH},
        {0, 0, 0, JA_EXPIRED},
        {0, 0, 1, JA_STALE},
        {INT64_MAX, INT64_MAX, INT64_MAX, JA_STALE},
        {INT64_MAX, 1, INT64_MAX, JA_STALE},
        {1, -1, -1, JA_EXPIRED},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        ck_assert_msg(ja_policy_freshness(rows[i].age, rows[i].max_age, rows[i].stale_age) ==
                          rows[i].expected,
                      "row %zu", i);
    }
}
END_TEST

START_TEST(cache_control)
{
    static const struct {
        bool image, is_public;
        int64_t max_age, stale_age;
        const char *expected;
    } rows[] = {
        {true, true, 3600, 604800,
         "public, max-age=3600, stale-while-revalidate=604800, stale-if-error=604800"},
        {true, false, 3600, 60,
         "private, max-age=3600, stale-while-revalidate=60, stale-if-error=60"},
        {true, true, 3600, 0, "public, max-age=3600"},
        {true, false, 0, 0, "private, max-age=0"},
        {true, true, -1, -1, "public, max-age=0"},
        {false, true, 60, 0, "public, max-age=60"},
        {false, false, 60, 0, "private, max-age=60"},
        {false, true, 0, 0, "no-store"},
        {false, false, -1, 0, "no-store"},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        char text[128];
        ja_buf_t out = ja_buf(text, sizeof text);
        if (rows[i].image) {
            ja_policy_cache_control(rows[i].is_public, rows[i].max_age, rows[i].stale_age, &out);
        } else {
            ja_policy_negative_cache_control(rows[i].is_public, rows[i].max_age, &out);
        }
        ck_assert_str_eq(text, rows[i].expected);
        ck_assert(!out.overflow);
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("ja_policy");
    TCase *tests = tcase_create("policy");
    tcase_add_test(tests, outcomes);
    tcase_add_test(tests, freshness);
    tcase_add_test(tests, cache_control);
    suite_add_tcase(suite, tests);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
