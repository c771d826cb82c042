/* SPDX-License-Identifier: Apache-2.0 */
/* Counters, percentiles, the last hour, and the ring of failures. */
#include "ja_metrics.h"

#include <stdlib.h>
#include <string.h>

#include <check.h>

START_TEST(every_counter_has_a_row)
{
    for (size_t i = 0; i < JA_COUNT_COUNT; i++) {
        const ja_count_row_t *row = &ja_counts[i];
        ck_assert_uint_lt(row->family, JA_FAMILY_COUNT);
        ck_assert_msg((row->word == NULL) == (ja_families[row->family].label == NULL), "row %zu",
                      i);
        ck_assert_msg(i == 0 || ja_counts[i - 1].family <= row->family,
                      "row %zu is not with its "
                      "family",
                      i);
    }
}
END_TEST

START_TEST(families_and_series_add_up)
{
    ja_metrics_t metrics = {0};

    ja_metrics_add(&metrics, JA_COUNT_HIT, 3);
    ja_metrics_add(&metrics, JA_COUNT_MISS, 2);
    ja_metrics_add(&metrics, JA_COUNT_JOINED, 5);
    ja_metrics_add(&metrics, JA_COUNT_RECEIVED, 1000);
    ck_assert_uint_eq(ja_metrics_sum(&metrics, JA_FAMILY_REQUESTS), 10);
    ck_assert_uint_eq(ja_metrics_sum(&metrics, JA_FAMILY_RECEIVED), 1000);
    ck_assert_uint_eq(ja_metrics_series(&metrics, JA_SERIES_MISS), 7);
    ck_assert_uint_eq(ja_metrics_series(&metrics, JA_SERIES_FAILED), 0);
}
END_TEST

typedef struct durations_row_t {
    int64_t ms[6]; /* -2: end */
    int percent;
    int64_t low, high; /* the guess is between */
} durations_row_t;

static const durations_row_t durations[] = {
    {{-2}, 50, -1, -1},
    {{3, -2}, 50, 1, 5},
    {{-1, -2}, 50, 0, 5},
    {{5, 5, 5, 5, -2}, 100, 4, 5},
    {{15, 15, 15, 400, -2}, 50, 10, 20},
    {{15, 15, 15, 400, -2}, 75, 10, 20},
    {{15, 15, 15, 400, -2}, 99, 200, 500},
    {{40000, 40000, -2}, 50, 30000, 30000},
    {{1, 40000, -2}, 50, 1, 5},
};

START_TEST(percentiles_are_within_their_bucket)
{
    const durations_row_t *row = &durations[_i];
    ja_histogram_t histogram = {0};

    for (size_t i = 0; row->ms[i] != -2; i++) {
        ja_histogram_add(&histogram, row->ms[i]);
    }
    int64_t found = ja_histogram_percentile(&histogram, row->percent);
    ck_assert_msg(found >= row->low && found <= row->high, "row %d: %lld", _i, (long long)found);
}
END_TEST

enum { NOON = 1700000040 }; /* the beginning of a minute */

static uint64_t at(const ja_metrics_t *metrics, size_t minutes_ago, ja_series_t series)
{
    uint64_t minutes[JA_MINUTES][JA_SERIES_COUNT];

    ja_metrics_minutes(metrics, minutes);
    return minutes[JA_MINUTES - 1 - minutes_ago][series];
}

static uint64_t in_all(const ja_metrics_t *metrics)
{
    uint64_t sum = 0;

    for (size_t i = 0; i < JA_MINUTES; i++) {
        sum += at(metrics, i, JA_SERIES_HIT);
    }
    return sum;
}

static void hit(ja_metrics_t *metrics, int64_t minute)
{
    ja_metrics_tick(metrics, NOON + minute * 60 + 7);
    ja_metrics_add(metrics, JA_COUNT_HIT, 1);
}

START_TEST(the_last_hour_is_told_by_minutes)
{
    ja_metrics_t metrics = {0};

    ck_assert_uint_eq(in_all(&metrics), 0);
    hit(&metrics, 0);
    hit(&metrics, 0);
    ck_assert_uint_eq(at(&metrics, 0, JA_SERIES_HIT), 2);
    hit(&metrics, 1);
    hit(&metrics, 5);
    ck_assert_uint_eq(at(&metrics, 0, JA_SERIES_HIT), 1);
    ck_assert_uint_eq(at(&metrics, 2, JA_SERIES_HIT), 0);
    ck_assert_uint_eq(at(&metrics, 4, JA_SERIES_HIT), 1);
    ck_assert_uint_eq(at(&metrics, 5, JA_SERIES_HIT), 2);
    ck_assert_uint_eq(in_all(&metrics), 4);
    ja_metrics_tick(&metrics, NOON + 60 * 60);
    ck_assert_uint_eq(in_all(&metrics), 2); /* the first minute has gone */
    ja_metrics_tick(&metrics, NOON + 64 * 60);
    ck_assert_uint_eq(in_all(&metrics), 1);
    ja_metrics_tick(&metrics, NOON + 1000 * 60);
    ck_assert_uint_eq(in_all(&metrics), 0);
    hit(&metrics, 1000);
    ck_assert_uint_eq(in_all(&metrics), 1);
}
END_TEST

START_TEST(a_clock_set_back_loses_nothing)
{
    ja_metrics_t metrics = {0};

    hit(&metrics, 10);
    hit(&metrics, 2);
    ck_assert_uint_eq(at(&metrics, 0, JA_SERIES_HIT), 2);
}
END_TEST

START_TEST(a_full_hour_is_shown)
{
    ja_metrics_t metrics = {0};

    for (int minute = 0; minute < 200; minute++) {
        for (int i = 0; i <= minute; i++) {
            hit(&metrics, minute);
        }
    }
    for (size_t i = 0; i < JA_MINUTES; i++) {
        ck_assert_uint_eq(at(&metrics, i, JA_SERIES_HIT), 200 - i);
    }
}
END_TEST

START_TEST(equal_failures_are_one_line)
{
    ja_journal_t journal = {0};
    ja_failure_t failure = {.at_ms = 1, .status = 503, .outcome = JA_OUTCOME_UNAVAILABLE};
    const ja_failure_t *found[JA_FAILURES];

    ck_assert_uint_eq(ja_journal_failures(&journal, found), 0);
    ja_journal_failure(&journal, &failure, "project", "503");
    failure.at_ms = 2;
    ja_journal_failure(&journal, &failure, "project", "503");
    ja_journal_failure(&journal, &failure, "issuetype", "503");
    ck_assert_uint_eq(ja_journal_failures(&journal, found), 2);
    ck_assert_str_eq(found[0]->what, "issuetype");
    ck_assert_uint_eq(found[1]->times, 2);
    ck_assert_int_eq(found[1]->at_ms, 2);
}
END_TEST

START_TEST(old_failures_go)
{
    ja_journal_t journal = {0};
    const ja_failure_t *found[JA_FAILURES];

    for (int i = 1; i <= 100; i++) {
        ja_failure_t failure = {.at_ms = i, .status = i, .outcome = JA_OUTCOME_UPSTREAM_ERROR};
        ja_journal_failure(&journal, &failure, "project", "");
    }
    ck_assert_uint_eq(ja_journal_failures(&journal, found), JA_FAILURES);
    for (int i = 0; i < JA_FAILURES; i++) {
        ck_assert_int_eq(found[i]->at_ms, 100 - i);
    }
}
END_TEST

START_TEST(text_is_cut_between_characters)
{
    char text[6];

    ja_journal_text(text, sizeof(text), "abc");
    ck_assert_str_eq(text, "abc");
    ja_journal_text(text, sizeof(text), "abcdefgh");
    ck_assert_str_eq(text, "abcde");
    ja_journal_text(text, sizeof(text), "abcd\xc3\xa4");
    ck_assert_str_eq(text, "abcd");
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("metrics");
    TCase *tests = tcase_create("metrics");
    SRunner *runner = srunner_create(suite);

    tcase_add_test(tests, every_counter_has_a_row);
    tcase_add_test(tests, families_and_series_add_up);
    tcase_add_loop_test(tests, percentiles_are_within_their_bucket, 0,
                        sizeof(durations) / sizeof(durations[0]));
    tcase_add_test(tests, the_last_hour_is_told_by_minutes);
    tcase_add_test(tests, a_clock_set_back_loses_nothing);
    tcase_add_test(tests, a_full_hour_is_shown);
    tcase_add_test(tests, equal_failures_are_one_line);
    tcase_add_test(tests, old_failures_go);
    tcase_add_test(tests, text_is_cut_between_characters);
    suite_add_tcase(suite, tests);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
