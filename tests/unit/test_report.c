/* SPDX-License-Identifier: Apache-2.0 */
/* The renderers: nothing they are given can break out of its place. */
#include "ja_page.h"

#include <stdlib.h>
#include <string.h>

#include <check.h>
#include <jansson.h>

/* ---- a sink -------------------------------------------------------------------------------- */

typedef struct text_t {
    char data[512 * 1024];
    size_t len;
} text_t;

static text_t text;

static void write_text(void *self, const char *bytes, size_t len)
{
    text_t *to = self;

    ck_assert_uint_lt(to->len + len, sizeof(to->data));
    memcpy(to->data + to->len, bytes, len);
    to->len += len;
    to->data[to->len] = '\0';
}

static ja_out_t sink(void)
{
    ja_out_t out = {write_text, &text};

    text.len = 0;
    text.data[0] = '\0';
    return out;
}

/* ---- escaping ------------------------------------------------------------------------------ */

typedef struct escape_row_t {
    void (*write)(const ja_out_t *out, const char *value);
    const char *value, *written;
} escape_row_t;

static const escape_row_t escapes[] = {
    {ja_out_html, "<script>alert('x')&\"", "&lt;script&gt;alert(&#39;x&#39;)&amp;&quot;"},
    {ja_out_html, "a\001b\nc\x7f", "a b c "},
    {ja_out_html, "\xff", "(not UTF-8)"},
    {ja_out_html, "gr\xc3\xbc\xc3\x9f", "gr\xc3\xbc\xc3\x9f"},
    {ja_out_json, "a\"b\\c\nd</x>", "\"a\\\"b\\\\c d\\u003c/x>\""},
    {ja_out_json, NULL, "null"},
    {ja_out_json, "", "\"\""},
    {ja_out_label, "a\"b\\c\nd", "\"a\\\"b\\\\c\\nd\""},
    {ja_out_help, "a\"b\\c\nd", "a\"b\\\\c\\nd"},
};

START_TEST(text_is_escaped)
{
    ja_out_t out = sink();

    escapes[_i].write(&out, escapes[_i].value);
    ck_assert_str_eq(text.data, escapes[_i].written);
}
END_TEST

START_TEST(numbers_and_times)
{
    ja_out_t out = sink();

    ja_out_seconds(&out, 1250);
    ja_out(&out, " ");
    ja_out_seconds(&out, 5);
    ja_out(&out, " ");
    ja_out_time(&out, 1136214245123);
    ja_out(&out, " ");
    ja_out_number(&out, -7);
    ck_assert_str_eq(text.data, "1.250 0.005 2006-01-02T15:04:05Z -7");
}
END_TEST

/* ---- reports ------------------------------------------------------------------------------- */

#define HOSTILE "<b>\"'&\\\n\t\x01"

static ja_site_report_t sites[2];

static ja_report_t report(void)
{
    ja_failure_t failure = {.at_ms = 1700000000000, .outcome = JA_OUTCOME_TLS, .status = 0};

    for (size_t i = 0; i < 2; i++) {
        sites[i] = (ja_site_report_t){
            .id = "0a1b2c3d",
            .url = i == 0 ? "https://example.atlassian.net" : HOSTILE,
            .kind = "cloud",
            .route = "gateway",
            .cloud_id = i == 0 ? NULL : HOSTILE,
            .credential = "basic",
            .user = HOSTILE,
            .state = JA_SITE_RESTING,
            .reason = JA_OUTCOME_TLS,
            .in_a_row = 3,
            .pause_s = 12,
            .credential_state = JA_CREDENTIAL_REFUSED,
            .credential_end = {ja_end_of_written(1700006400), HOSTILE, HOSTILE},
            .certificate_end = {{.source = JA_END_UNKNOWN}, NULL, ""},
            .held = {true, 10, 2, 12345},
        };
        ja_metrics_tick(&sites[i].metrics, 1700000000);
        ja_metrics_add(&sites[i].metrics, JA_COUNT_HIT, 1234567);
        ja_metrics_add(&sites[i].metrics, JA_COUNT_FETCH_TLS, 3);
        ja_histogram_add(&sites[i].metrics.fetch, 120);
        ja_journal_failure(&sites[i].journal, &failure, HOSTILE, HOSTILE);
        ja_journal_text(sites[i].journal.refusal_cause, JA_EVENT_CAUSE, HOSTILE);
        ja_journal_text(sites[i].journal.refusal_remedy, JA_EVENT_REMEDY, HOSTILE);
        ja_journal_text(sites[i].journal.account, 80, HOSTILE);
        sites[i].journal.refused_at_ms = 1699999990000;
        sites[i].journal.refusal = JA_OUTCOME_CREDENTIAL_REFUSED;
    }
    return (ja_report_t){.version = "1.2.3",
                         .server = HOSTILE,
                         .now_ms = 1700000010000,
                         .since_ms = 1699990000000,
                         .processes = 3,
                         .sites = sites,
                         .site_count = 2};
}

START_TEST(json_is_json)
{
    ja_report_t all = report();
    ja_out_t out = sink();

    ja_report_json(&all, &out);
    json_t *root = json_loadb(text.data, text.len, JSON_REJECT_DUPLICATES, NULL);
    ck_assert_ptr_nonnull(root);
    ck_assert_int_eq(json_integer_value(json_object_get(root, "format")), 1);
    json_t *site = json_array_get(json_object_get(root, "sites"), 0);
    json_t *requests = json_object_get(site, "requests");
    ck_assert_int_eq(json_integer_value(json_object_get(requests, "hit")), 1234567);
    ck_assert_int_eq(json_integer_value(json_object_get(json_object_get(site, "fetches"), "tls")),
                     3);
    ck_assert(json_is_integer(json_object_get(site, "received_bytes")));
    json_t *hits = json_object_get(json_object_get(site, "minutes"), "hit");
    ck_assert_uint_eq(json_array_size(hits), JA_MINUTES);
    ck_assert_int_eq(json_integer_value(json_array_get(hits, JA_MINUTES - 1)), 1234567);
    json_t *credential = json_object_get(site, "credential");
    ck_assert_str_eq(json_string_value(json_object_get(credential, "ends")),
                     "2023-11-15T00:00:00Z");
    ck_assert_str_eq(json_string_value(json_object_get(credential, "ends_by")), "expires");
    ck_assert(json_is_null(json_object_get(site, "client_certificate_ends")));
    json_decref(root);
}
END_TEST

START_TEST(json_without_sites)
{
    ja_report_t none = {.version = "1", .server = ""};
    ja_out_t out = sink();

    ja_report_json(&none, &out);
    json_t *root = json_loadb(text.data, text.len, JSON_REJECT_DUPLICATES, NULL);
    ck_assert_ptr_nonnull(root);
    json_decref(root);
}
END_TEST

START_TEST(prometheus_has_what_it_needs)
{
    static const char *const lines[] = {
        "# TYPE jira_avatar_requests_total counter\n",
        "jira_avatar_requests_total{realm=\"0a1b2c3d\",site=\"https://example.atlassian.net\","
        "result=\"hit\"} 1234567\n",
        "jira_avatar_received_bytes_total{realm=\"0a1b2c3d\","
        "site=\"https://example.atlassian.net\"} 0\n",
        "jira_avatar_fetch_duration_seconds_bucket{realm=\"0a1b2c3d\","
        "site=\"https://example.atlassian.net\",le=\"0.200\"} 1\n",
        "site=\"https://example.atlassian.net\",le=\"+Inf\"} 1\n",
        "jira_avatar_fetch_duration_seconds_sum{realm=\"0a1b2c3d\","
        "site=\"https://example.atlassian.net\"} 0.120\n",
        "jira_avatar_up{realm=\"0a1b2c3d\",site=\"https://example.atlassian.net\"} 0\n",
        "jira_avatar_credential_expiry_timestamp_seconds{realm=\"0a1b2c3d\","
        "site=\"https://example.atlassian.net\"} 1700006400\n",
        "# TYPE jira_avatar_client_certificate_expiry_timestamp_seconds gauge\n# HELP",
        "jira_avatar_build_info{version=\"1.2.3\"} 1\n",
    };
    ja_report_t all = report();
    ja_out_t out = sink();

    ja_report_prometheus(&all, &out);
    for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
        ck_assert_msg(strstr(text.data, lines[i]) != NULL, "no %s in\n%s", lines[i], text.data);
    }
}
END_TEST

START_TEST(lines_are_sums)
{
    ja_report_t all = report();
    ja_out_t out = sink();

    ja_report_lines(&all, &out);
    ck_assert_ptr_nonnull(strstr(text.data, "JiraAvatarSites: 2\nJiraAvatarSitesBad: 2\n"));
    ck_assert_ptr_nonnull(strstr(text.data, "\nJiraAvatarRequestsHit: 2469134\n"));
    ck_assert_ptr_nonnull(strstr(text.data, "\nJiraAvatarFetchesNotFound: 0\n"));
    ck_assert_ptr_nonnull(strstr(text.data, "\nJiraAvatarReceivedBytes: 0\n"));
}
END_TEST

START_TEST(html_lets_nothing_out)
{
    ja_report_t all = report();
    ja_out_t out = sink();

    ja_page(&all, &out);
    ck_assert_ptr_null(strstr(text.data, "<b>\""));
    ck_assert_ptr_nonnull(strstr(text.data, "&lt;b&gt;&quot;&#39;&amp;\\"));
    ck_assert_ptr_null(strstr(text.data, "<script"));
    ck_assert_ptr_null(strstr(text.data, "url("));
    ck_assert_ptr_nonnull(strstr(text.data, "</html>"));
    out = sink();
    ja_page_section(&all, &out);
    ck_assert_ptr_null(strstr(text.data, "<b>\""));
    ck_assert_ptr_nonnull(strstr(text.data, "1&#8239;234&#8239;567"));
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("report");
    TCase *tests = tcase_create("report");
    SRunner *runner = srunner_create(suite);

    tcase_add_loop_test(tests, text_is_escaped, 0, sizeof(escapes) / sizeof(escapes[0]));
    tcase_add_test(tests, numbers_and_times);
    tcase_add_test(tests, json_is_json);
    tcase_add_test(tests, json_without_sites);
    tcase_add_test(tests, prometheus_has_what_it_needs);
    tcase_add_test(tests, lines_are_sums);
    tcase_add_test(tests, html_lets_nothing_out);
    suite_add_tcase(suite, tests);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
