/* SPDX-License-Identifier: Apache-2.0 */
/* Retry-After and reset times, growing pauses, and the breaker's life. */
#include "ja_limit.h"

#include <stdlib.h>

#include <check.h>

enum { NOW = 784111777, DAY = 86400 }; /* Sun, 06 Nov 1994 08:49:37 GMT */

typedef struct wait_row_t {
    const char *value;
    int64_t seconds;
} wait_row_t;

static const wait_row_t retry_rows[] = {
    {"0", 0},
    {"1", 1},
    {"  30\t", 30},
    {"007", 7},
    {"86400", DAY},
    {"86401", DAY},
    {"18446744073709551616", DAY},
    {"99999999999999999999999999999999", DAY},
    {"Sun, 06 Nov 1994 08:49:37 GMT", 0},
    {"Sun, 06 Nov 1994 08:50:37 GMT", 60},
    {"  Sun, 06 Nov 1994 08:50:37 GMT", 60},
    {"Sunday, 06-Nov-94 08:50:37 GMT", 60},
    {"Sun Nov  6 08:50:37 1994", 60},
    {"Sat, 05 Nov 1994 08:49:37 GMT", 0},
    {"Wed, 06 Nov 2094 08:49:37 GMT", DAY},
    {NULL, -1},
    {"", -1},
    {" ", -1},
    {"-1", -1},
    {"+1", -1},
    {"1.5", -1},
    {"1s", -1},
    {"1 2", -1},
    {"soon", -1},
    {"Sun, 32 Nov 1994 08:49:37 GMT", -1},
    {"Sun, 06 Foo 1994 08:49:37 GMT", -1},
    {"1994-11-06T08:50:37Z", -1},
};

static const wait_row_t reset_rows[] = {
    {"1994-11-06T08:50:37Z", 60},
    {" 1994-11-06T08:50:37Z ", 60},
    {"1994-11-06T08:50Z", 23},
    {"1994-11-06T08:50:37.123456789Z", 60},
    {"1994-11-06T09:50:37+01:00", 60},
    {"1994-11-06T09:50:37+0100", 60},
    {"1994-11-06T09:50+01", 23},
    {"1994-11-06T03:20:37-05:30", 60},
    {"1994-11-06T08:49:37Z", 0},
    {"1994-11-06T08:49Z", 0},
    {"1970-01-01T00:00:00Z", 0},
    {"1970-01-01T00:00:00+23:59", 0},
    {"1994-11-07T08:49:36Z", DAY - 1},
    {"2024-02-29T00:00Z", DAY},
    {"2000-02-29T00:00Z", DAY},
    {"9999-12-31T23:59:60-23:59", DAY},
    {NULL, -1},
    {"", -1},
    {"2023-02-29T00:00Z", -1},
    {"2100-02-29T00:00Z", -1},
    {"1994-04-31T00:00Z", -1},
    {"1994-13-01T00:00Z", -1},
    {"1994-00-01T00:00Z", -1},
    {"1994-11-00T00:00Z", -1},
    {"1969-12-31T23:59Z", -1},
    {"1994-11-06T24:00Z", -1},
    {"1994-11-06T08:60Z", -1},
    {"1994-11-06T08:50:61Z", -1},
    {"1994-11-06T08:50:37.Z", -1},
    {"1994-11-06T08:50:Z", -1},
    {"1994-11-06T08:50", -1},
    {"1994-11-06T08Z", -1},
    {"1994-11-06", -1},
    {"1994-11-06 08:50Z", -1},
    {"1994-11-06T08:50ZZ", -1},
    {"1994-11-06T08:50+1", -1},
    {"1994-11-06T08:50+01:", -1},
    {"1994-11-06T08:50+24:00", -1},
    {"1994-11-06T08:50+01:60", -1},
    {"1994-11-06T08:50+01:000", -1},
    {"94-11-06T08:50Z", -1},
    {"1994-1-06T08:50Z", -1},
    {"+994-11-06T08:50Z", -1},
    {"784111837", -1},
};

static const wait_row_t quota_rows[] = {
    {"\"global-app-quota\";r=0;t=1800", 1800},
    {"\"global-app-quota\"; r=0; t=1800", 1800},
    {"\"global-app-quota\";t=7;r=0", 7},
    {"\"a\";r=0;t=5, \"b\";r=0;t=9, \"c\";r=0;t=7", 9},
    {"\"a\";r=12;t=50, \"b\";r=0;t=9", 9},
    {"\"a\";r=0;t=0", 0},
    {"\"a\";r=0;t=99999999999999999999", DAY},
    {"\"a\";r=1;t=50", -1},
    {"\"a\";r=99999999999999999999;t=50", -1},
    {"\"a\";r=0", -1},
    {"\"a\";t=50", -1},
    {"\"a\";r=;t=50", -1},
    {"\"a\";r=-0;t=50", -1},
    {"\"a\";r=0;t=-5", -1},
    {"\"a\";r=0,t=50", -1},
    {"limit=100, remaining=0, reset=50", -1},
    {"", -1},
    {",;,;", -1},
    {NULL, -1},
};

START_TEST(reads_quotas)
{
    const wait_row_t *row = &quota_rows[_i];
    int64_t seconds = ja_limit_quota(row->value, DAY);

    ck_assert_msg(seconds == row->seconds, "%s: %lld", row->value, (long long)seconds);
}
END_TEST

START_TEST(reads_retry_after)
{
    const wait_row_t *row = &retry_rows[_i];
    int64_t seconds = ja_limit_retry_after(row->value, NOW, DAY);

    ck_assert_msg(seconds == row->seconds, "%s: %lld", row->value, (long long)seconds);
}
END_TEST

START_TEST(reads_reset)
{
    const wait_row_t *row = &reset_rows[_i];
    int64_t seconds = ja_limit_reset(row->value, NOW, DAY);

    ck_assert_msg(seconds == row->seconds, "%s: %lld", row->value, (long long)seconds);
}
END_TEST

START_TEST(bears_any_clock)
{
    ck_assert_int_eq(ja_limit_reset("9999-12-31T00:00Z", INT64_MIN, INT64_MAX), INT64_MAX);
    ck_assert_int_eq(ja_limit_reset("9999-12-31T00:00Z", INT64_MAX, INT64_MAX), 0);
    ck_assert_int_eq(ja_limit_retry_after("5", INT64_MIN, 0), 0);
}
END_TEST

START_TEST(backs_off)
{
    static const struct {
        unsigned failures;
        uint32_t random;
        int64_t pause;
    } rows[] = {
        {0, 0, 0},       {1, 0, 700},     {1, 300, 1000},           {1, 600, 1300},
        {1, 601, 700},   {2, 300, 2000},  {3, 300, 4000},           {5, 300, 16000},
        {6, 300, 30000}, {7, 300, 30000}, {UINT32_MAX, 300, 30000}, {UINT32_MAX, 600, 39000},
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        int64_t pause = ja_limit_backoff(rows[i].failures, 1000, 30000, rows[i].random);
        ck_assert_msg(pause == rows[i].pause, "row %zu: %lld", i, (long long)pause);
    }
    ck_assert_int_eq(ja_limit_backoff(1, 50, 10, 300), 10);
    ck_assert_int_eq(ja_limit_backoff(9, 0, 10, 300), 0);
}
END_TEST

/* A life, step by step. `random` is 300 throughout: pauses without jitter. */
typedef enum { ALLOW, FAIL, SUCCEED, OPEN, WAIT } action_t;

enum { PROBE_MS = 5000, THRESHOLD = 3, REASON = 7 };

typedef struct step_t {
    action_t action;
    int64_t now_ms;
    int64_t argument; /* OPEN: for how long; ALLOW, WAIT: what to expect */
} step_t;

static const step_t steps[] = {
    {ALLOW, 1000, JA_BREAKER_CLOSED},
    {FAIL, 1000, 0},
    {FAIL, 1001, 0},
    {ALLOW, 1002, JA_BREAKER_CLOSED}, /* two in a row are not enough */
    {SUCCEED, 1003, 0},
    {FAIL, 1004, 0},
    {FAIL, 1005, 0},
    {ALLOW, 1006, JA_BREAKER_CLOSED}, /* success began the count again */
    {FAIL, 2000, 0},
    {ALLOW, 2001, JA_BREAKER_OPEN},
    {WAIT, 2001, 1999},
    {FAIL, 2500, 0}, /* sent before it opened: no longer pause */
    {WAIT, 2500, 1500},
    {ALLOW, 3999, JA_BREAKER_OPEN},
    {ALLOW, 4000, JA_BREAKER_PROBE},
    {ALLOW, 4000, JA_BREAKER_OPEN}, /* one probe only */
    {WAIT, 4000, PROBE_MS},
    {FAIL, 4100, 0},
    {WAIT, 4100, 2000}, /* the first pauses do not grow: a return is noticed at once */
    {ALLOW, 6100, JA_BREAKER_PROBE},
    {ALLOW, 11099, JA_BREAKER_OPEN},
    {ALLOW, 11100, JA_BREAKER_PROBE}, /* the prober is gone: the next one */
    {SUCCEED, 11200, 0},
    {ALLOW, 11200, JA_BREAKER_CLOSED},
    {WAIT, 11200, 0},
    {OPEN, 20000, 60000},
    {ALLOW, 20000, JA_BREAKER_OPEN},
    {OPEN, 20001, 10}, /* a shorter pause does not end a longer one */
    {WAIT, 20001, 59999},
    {ALLOW, 80000, JA_BREAKER_PROBE},
    {FAIL, 80001, 0}, /* a failed probe opens again, below the threshold, too */
    {WAIT, 80001, 2000},
    {ALLOW, 82001, JA_BREAKER_PROBE},
    {OPEN, 82002, 500}, /* the probe was told to wait */
    {WAIT, 82002, 500},
    {ALLOW, 82502, JA_BREAKER_PROBE},
    {SUCCEED, 82503, 0},
    {ALLOW, 82503, JA_BREAKER_CLOSED},
};

static int64_t take(ja_breaker_t *breaker, const step_t *step)
{
    switch (step->action) {
    case ALLOW:
        return ja_breaker_allow(breaker, step->now_ms, PROBE_MS);
    case WAIT:
        return ja_breaker_wait(breaker, step->now_ms);
    case FAIL:
        ja_breaker_failure(breaker, REASON, THRESHOLD, step->now_ms, 300);
        break;
    case OPEN:
        ja_breaker_open(breaker, REASON, step->now_ms, step->argument);
        break;
    case SUCCEED:
        ja_breaker_success(breaker);
        break;
    }
    return step->argument;
}

START_TEST(breaker_lives)
{
    ja_breaker_t breaker = {0};

    for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
        int64_t result = take(&breaker, &steps[i]);
        ck_assert_msg(result == steps[i].argument, "step %zu: %lld", i, (long long)result);
    }
}
END_TEST

START_TEST(a_long_outage_is_asked_about_ever_less_often)
{
    ja_breaker_t breaker = {0};
    int64_t now = 1000, pauses[20];

    for (int i = 0; i < 20; i++) {
        ja_breaker_failure(&breaker, REASON, 1, now, 300);
        pauses[i] = ja_breaker_wait(&breaker, now);
        now += pauses[i];
    }
    ck_assert_int_eq(pauses[0], 2000);
    ck_assert_int_eq(pauses[9], 2000);
    ck_assert_int_eq(pauses[10], 4000);
    ck_assert_int_eq(pauses[11], 8000);
    ck_assert_int_eq(pauses[19], 30000);
}
END_TEST

START_TEST(breaker_remembers_why)
{
    ja_breaker_t breaker = {0};

    ja_breaker_open(&breaker, 5, 1000, 60000);
    ja_breaker_failure(&breaker, 6, 1, 1001, 0);
    ja_breaker_open(&breaker, 6, 1001, 1);
    ck_assert_uint_eq(breaker.reason, 5);
    ja_breaker_open(&breaker, 8, 1001, 60000);
    ck_assert_uint_eq(breaker.reason, 8);
    ja_breaker_success(&breaker);
    ck_assert_uint_eq(breaker.reason, 0);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("limit");
    TCase *tcase = tcase_create("limit");
    SRunner *runner = srunner_create(suite);

    suite_add_tcase(suite, tcase);
    tcase_add_loop_test(tcase, reads_retry_after, 0, sizeof(retry_rows) / sizeof(retry_rows[0]));
    tcase_add_loop_test(tcase, reads_reset, 0, sizeof(reset_rows) / sizeof(reset_rows[0]));
    tcase_add_loop_test(tcase, reads_quotas, 0, sizeof(quota_rows) / sizeof(quota_rows[0]));
    tcase_add_test(tcase, bears_any_clock);
    tcase_add_test(tcase, backs_off);
    tcase_add_test(tcase, breaker_lives);
    tcase_add_test(tcase, a_long_outage_is_asked_about_ever_less_often);
    tcase_add_test(tcase, breaker_remembers_why);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
