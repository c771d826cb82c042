/* SPDX-License-Identifier: Apache-2.0 */
/* ja_report: the counters by their list, everything else by hand. */
#include "ja_report.h"

const char *const ja_site_states[JA_SITE_STATES] = {"unasked", "works", "troubled", "resting"};
const char *const ja_credential_states[JA_CREDENTIAL_STATES] = {"none", "untried", "accepted",
                                                                "refused"};

bool ja_report_is_bad(const ja_site_report_t *site)
{
    return site->state == JA_SITE_TROUBLED || site->state == JA_SITE_RESTING ||
           site->credential_state == JA_CREDENTIAL_REFUSED;
}

/* The page says the same of it. */
static const char *state_word(const ja_site_report_t *site)
{
    return site->credential_state == JA_CREDENTIAL_REFUSED
               ? ja_credential_states[JA_CREDENTIAL_REFUSED]
               : ja_site_states[site->state];
}

/* ---- JSON ---------------------------------------------------------------------------------- */

static void key(const ja_out_t *out, const char *name)
{
    ja_out(out, "\"");
    ja_out(out, name);
    ja_out(out, "\":");
}

static void json_number(const ja_out_t *out, const char *name, int64_t number)
{
    key(out, name);
    ja_out_number(out, number);
}

static void json_text(const ja_out_t *out, const char *name, const char *text)
{
    key(out, name);
    ja_out_json(out, text);
}

static void json_time(const ja_out_t *out, const char *name, int64_t unix_ms)
{
    key(out, name);
    if (unix_ms <= 0) {
        ja_out(out, "null");
        return;
    }
    ja_out(out, "\"");
    ja_out_time(out, unix_ms);
    ja_out(out, "\"");
}

/* Families with a label are objects, the others a number. */
static void json_counters(const ja_out_t *out, const ja_metrics_t *metrics)
{
    for (size_t i = 0; i < JA_COUNT_COUNT; i++) {
        const ja_count_row_t *row = &ja_counts[i];
        bool first = i == 0 || ja_counts[i - 1].family != row->family;
        bool last = i + 1 == JA_COUNT_COUNT || ja_counts[i + 1].family != row->family;

        ja_out(out, first ? ",\n      " : ", ");
        if (first) {
            key(out, ja_families[row->family].name);
            ja_out(out, row->word != NULL ? "{" : "");
        }
        if (row->word != NULL) {
            key(out, row->word);
        }
        ja_out_number(out, (int64_t)ja_metrics_get(metrics, (ja_count_t)i));
        ja_out(out, last && row->word != NULL ? "}" : "");
    }
}

static void json_percentile(const ja_out_t *out, const char *name, const ja_histogram_t *histogram,
                            int percent)
{
    int64_t ms = ja_histogram_percentile(histogram, percent);

    ja_out(out, ", ");
    key(out, name);
    if (ms < 0) {
        ja_out(out, "null");
    } else {
        ja_out_number(out, ms);
    }
}

static void json_durations(const ja_out_t *out, const char *name, const ja_histogram_t *histogram)
{
    ja_out(out, ",\n      ");
    key(out, name);
    ja_out(out, "{");
    json_number(out, "count", (int64_t)ja_histogram_count(histogram));
    json_percentile(out, "p50", histogram, 50);
    json_percentile(out, "p90", histogram, 90);
    json_percentile(out, "p99", histogram, 99);
    ja_out(out, "}");
}

static void json_held(const ja_out_t *out, const ja_held_t *held)
{
    key(out, "held");
    if (!held->known) {
        ja_out(out, "null");
        return;
    }
    ja_out(out, "{");
    json_number(out, "images", (int64_t)held->images);
    ja_out(out, ", ");
    json_number(out, "negatives", (int64_t)held->negatives);
    ja_out(out, ", ");
    json_number(out, "bytes", (int64_t)held->bytes);
    ja_out(out, "}");
}

static void json_refusal(const ja_out_t *out, const ja_journal_t *journal)
{
    key(out, "last_refusal");
    if (journal->refused_at_ms == 0) {
        ja_out(out, "null");
        return;
    }
    ja_out(out, "{");
    json_time(out, "time", journal->refused_at_ms);
    ja_out(out, ", ");
    json_text(out, "outcome", ja_policy_outcome(journal->refusal)->name);
    ja_out(out, ", ");
    json_text(out, "cause", journal->refusal_cause);
    ja_out(out, ", ");
    json_text(out, "remedy", journal->refusal_remedy);
    ja_out(out, "}");
}

static void json_end(const ja_out_t *out, const char *name, const ja_end_t *end)
{
    json_time(out, name, end->source != JA_END_UNKNOWN ? end->at * 1000 : 0);
}

static void json_credential(const ja_out_t *out, const ja_site_report_t *site)
{
    const ja_journal_t *journal = &site->journal;

    ja_out(out, ",\n      ");
    key(out, "credential");
    ja_out(out, "{");
    json_text(out, "kind", site->credential);
    ja_out(out, ", ");
    json_text(out, "user", site->user[0] != '\0' ? site->user : NULL);
    ja_out(out, ", ");
    json_text(out, "state", ja_credential_states[site->credential_state]);
    ja_out(out, ", ");
    json_text(out, "account", journal->account[0] != '\0' ? journal->account : NULL);
    ja_out(out, ", ");
    json_time(out, "accepted", journal->accepted_at_ms);
    ja_out(out, ", ");
    json_time(out, "token_ends", site->token_end_ms);
    ja_out(out, ", ");
    json_end(out, "ends", &site->credential_end.end);
    ja_out(out, ", ");
    json_text(out, "ends_by",
              site->credential_end.end.source != JA_END_UNKNOWN
                  ? ja_end_sources[site->credential_end.end.source]
                  : NULL);
    ja_out(out, ", ");
    json_number(out, "pause_seconds", site->credential_pause_s);
    ja_out(out, ", ");
    json_refusal(out, journal);
    ja_out(out, "}");
}

static void json_minutes(const ja_out_t *out, const ja_metrics_t *metrics)
{
    uint64_t minutes[JA_MINUTES][JA_SERIES_COUNT];

    ja_metrics_minutes(metrics, minutes);
    ja_out(out, ",\n      ");
    key(out, "minutes");
    for (size_t i = 0; i < JA_SERIES_COUNT; i++) {
        ja_out(out, i == 0 ? "{" : ",\n        ");
        key(out, ja_series_names[i]);
        for (size_t m = 0; m < JA_MINUTES; m++) {
            ja_out(out, m == 0 ? "[" : ",");
            ja_out_number(out, (int64_t)minutes[m][i]);
        }
        ja_out(out, "]");
    }
    ja_out(out, "}");
}

static void json_failures(const ja_out_t *out, const ja_journal_t *journal)
{
    const ja_failure_t *failures[JA_FAILURES];
    size_t count = ja_journal_failures(journal, failures);

    ja_out(out, ",\n      ");
    key(out, "failures");
    ja_out(out, "[");
    for (size_t i = 0; i < count; i++) {
        const ja_failure_t *failure = failures[i];
        ja_out(out, i == 0 ? "\n        {" : ",\n        {");
        json_time(out, "time", failure->at_ms);
        ja_out(out, ", ");
        json_number(out, "times", failure->times);
        ja_out(out, ", ");
        json_text(out, "outcome", ja_policy_outcome(failure->outcome)->name);
        ja_out(out, ", ");
        json_number(out, "status", failure->status);
        ja_out(out, ", ");
        json_text(out, "what", failure->what);
        ja_out(out, ", ");
        json_text(out, "cause", failure->cause);
        ja_out(out, "}");
    }
    ja_out(out, "]");
}

static void json_site(const ja_out_t *out, const ja_site_report_t *site)
{
    ja_out(out, "\n    {");
    json_text(out, "id", site->id);
    ja_out(out, ", ");
    json_text(out, "site", site->url);
    ja_out(out, ", ");
    json_text(out, "kind", site->kind);
    ja_out(out, ", ");
    json_text(out, "route", site->route);
    ja_out(out, ", ");
    json_text(out, "cloud_id", site->cloud_id);
    ja_out(out, ",\n      ");
    json_text(out, "state", state_word(site));
    ja_out(out, ", ");
    json_text(out, "reason",
              site->state == JA_SITE_RESTING || site->state == JA_SITE_TROUBLED
                  ? ja_policy_outcome(site->reason)->name
                  : NULL);
    ja_out(out, ", ");
    json_number(out, "failures_in_a_row", site->in_a_row);
    ja_out(out, ", ");
    json_number(out, "pause_seconds", site->pause_s);
    json_credential(out, site);
    ja_out(out, ",\n      ");
    json_end(out, "client_certificate_ends", &site->certificate_end.end);
    ja_out(out, ",\n      ");
    json_held(out, &site->held);
    json_counters(out, &site->metrics);
    json_durations(out, "fetch_ms", &site->metrics.fetch);
    json_durations(out, "wait_ms", &site->metrics.wait);
    json_minutes(out, &site->metrics);
    json_failures(out, &site->journal);
    ja_out(out, "}");
}

void ja_report_json(const ja_report_t *report, const ja_out_t *out)
{
    ja_out(out, "{");
    json_number(out, "format", 1);
    ja_out(out, ", ");
    json_text(out, "version", report->version);
    ja_out(out, ", ");
    json_time(out, "time", report->now_ms);
    ja_out(out, ", ");
    json_time(out, "since", report->since_ms);
    ja_out(out, ",\n  ");
    key(out, "memory");
    ja_out(out, "{");
    json_number(out, "processes", (int64_t)report->processes);
    ja_out(out, ", ");
    json_number(out, "entries", (int64_t)report->at_hand);
    ja_out(out, ", ");
    json_number(out, "bytes", (int64_t)report->at_hand_bytes);
    ja_out(out, "},\n  ");
    json_held(out, &report->held);
    ja_out(out, ",\n  ");
    key(out, "sites");
    ja_out(out, "[");
    for (size_t i = 0; i < report->site_count; i++) {
        ja_out(out, i > 0 ? "," : "");
        json_site(out, &report->sites[i]);
    }
    ja_out(out, "]}\n");
}

/* ---- Prometheus ---------------------------------------------------------------------------- */

static void header(const ja_out_t *out, const char *name, const char *type, const char *help)
{
    ja_out(out, "# HELP jira_avatar_");
    ja_out(out, name);
    ja_out(out, " ");
    ja_out_help(out, help);
    ja_out(out, "\n# TYPE jira_avatar_");
    ja_out(out, name);
    ja_out(out, " ");
    ja_out(out, type);
    ja_out(out, "\n");
}

/* jira_avatar_NAME{realm="...",site="..." and leaves the brace open. */
static void series(const ja_out_t *out, const char *name, const ja_site_report_t *site)
{
    ja_out(out, "jira_avatar_");
    ja_out(out, name);
    ja_out(out, "{realm=");
    ja_out_label(out, site->id);
    ja_out(out, ",site=");
    ja_out_label(out, site->url);
}

static void label(const ja_out_t *out, const char *name, const char *value)
{
    ja_out(out, ",");
    ja_out(out, name);
    ja_out(out, "=");
    ja_out_label(out, value);
}

static void value(const ja_out_t *out, int64_t number)
{
    ja_out(out, "} ");
    ja_out_number(out, number);
    ja_out(out, "\n");
}

static void prometheus_family(const ja_report_t *report, const ja_out_t *out, ja_family_t family)
{
    const ja_family_row_t *row = &ja_families[family];
    char name[64];
    ja_buf_t buf = ja_buf(name, sizeof(name));

    ja_buf_add(&buf, row->name);
    ja_buf_add(&buf, "_total");
    header(out, name, "counter", row->help);
    for (size_t i = 0; i < report->site_count; i++) {
        for (size_t c = 0; c < JA_COUNT_COUNT; c++) {
            if (ja_counts[c].family != family) {
                continue;
            }
            series(out, name, &report->sites[i]);
            if (row->label != NULL) {
                label(out, row->label, ja_counts[c].word);
            }
            value(out, (int64_t)ja_metrics_get(&report->sites[i].metrics, (ja_count_t)c));
        }
    }
}

static void prometheus_histogram(const ja_out_t *out, const char *name,
                                 const ja_site_report_t *site, const ja_histogram_t *histogram)
{
    uint64_t count = 0;
    char part[64];
    ja_buf_t buf = ja_buf(part, sizeof(part));

    ja_buf_add(&buf, name);
    ja_buf_add(&buf, "_bucket");
    for (size_t i = 0; i <= JA_BOUNDS; i++) {
        count += histogram->bucket[i]; /* a copy: nobody changes it */
        series(out, part, site);
        ja_out(out, ",le=\"");
        if (i < JA_BOUNDS) {
            ja_out_seconds(out, (uint64_t)ja_bounds_ms[i]);
        } else {
            ja_out(out, "+Inf");
        }
        ja_out(out, "\"");
        value(out, (int64_t)count);
    }
    buf = ja_buf(part, sizeof(part));
    ja_buf_add(&buf, name);
    ja_buf_add(&buf, "_sum");
    series(out, part, site);
    ja_out(out, "} ");
    ja_out_seconds(out, histogram->sum_ms);
    ja_out(out, "\n");
    buf = ja_buf(part, sizeof(part));
    ja_buf_add(&buf, name);
    ja_buf_add(&buf, "_count");
    series(out, part, site);
    value(out, (int64_t)count);
}

/* A number that goes up and down, one per site; false: this site has none. */
typedef bool (*gauge_fn)(const ja_site_report_t *site, int64_t *number);

static bool gauge_up(const ja_site_report_t *site, int64_t *number)
{
    *number = !ja_report_is_bad(site);
    return site->state != JA_SITE_UNASKED;
}

static bool gauge_pause(const ja_site_report_t *site, int64_t *number)
{
    *number = site->pause_s;
    return true;
}

static bool gauge_credential_up(const ja_site_report_t *site, int64_t *number)
{
    *number = site->credential_state == JA_CREDENTIAL_ACCEPTED;
    return site->credential_state == JA_CREDENTIAL_ACCEPTED ||
           site->credential_state == JA_CREDENTIAL_REFUSED;
}

static bool gauge_credential_pause(const ja_site_report_t *site, int64_t *number)
{
    *number = site->credential_pause_s;
    return site->credential_state != JA_CREDENTIAL_NONE;
}

static bool gauge_token(const ja_site_report_t *site, int64_t *number)
{
    *number = site->token_end_ms / 1000;
    return site->token_end_ms > 0;
}

static bool gauge_credential_end(const ja_site_report_t *site, int64_t *number)
{
    *number = site->credential_end.end.at;
    return site->credential_end.end.source != JA_END_UNKNOWN;
}

static bool gauge_certificate_end(const ja_site_report_t *site, int64_t *number)
{
    *number = site->certificate_end.end.at;
    return site->certificate_end.end.source != JA_END_UNKNOWN;
}

static bool gauge_images(const ja_site_report_t *site, int64_t *number)
{
    *number = (int64_t)site->held.images;
    return site->held.known;
}

static bool gauge_bytes(const ja_site_report_t *site, int64_t *number)
{
    *number = (int64_t)site->held.bytes;
    return site->held.known;
}

static const struct gauge_t {
    const char *name, *help;
    gauge_fn get;
} gauges[] = {
    {"up", "1 if the site answers and accepts the credential, 0 if not; absent until asked.",
     gauge_up},
    {"pause_seconds", "Time until a site that fails is asked again; 0 if it is being asked.",
     gauge_pause},
    {"credential_accepted", "1 if the credential was accepted last, 0 if it was refused.",
     gauge_credential_up},
    {"credential_pause_seconds", "Time until a refused credential is tried again.",
     gauge_credential_pause},
    {"token_expiry_timestamp_seconds", "When the access token ends that is sent to Jira.",
     gauge_token},
    {"credential_expiry_timestamp_seconds",
     "When the secret ends, at the latest; where it is known.", gauge_credential_end},
    {"client_certificate_expiry_timestamp_seconds", "When the client certificate ends.",
     gauge_certificate_end},
    {"held_images", "Images in the store.", gauge_images},
    {"held_bytes", "Bytes of these images.", gauge_bytes},
};

static void prometheus_gauges(const ja_report_t *report, const ja_out_t *out)
{
    for (size_t g = 0; g < sizeof(gauges) / sizeof(gauges[0]); g++) {
        header(out, gauges[g].name, "gauge", gauges[g].help);
        for (size_t i = 0; i < report->site_count; i++) {
            int64_t number = 0;
            if (gauges[g].get(&report->sites[i], &number)) {
                series(out, gauges[g].name, &report->sites[i]);
                value(out, number);
            }
        }
    }
}

static void prometheus_info(const ja_report_t *report, const ja_out_t *out)
{
    header(out, "site_info", "gauge", "How a site is asked; always 1.");
    for (size_t i = 0; i < report->site_count; i++) {
        const ja_site_report_t *site = &report->sites[i];
        series(out, "site_info", site);
        label(out, "kind", site->kind);
        label(out, "route", site->route);
        label(out, "credential", site->credential);
        label(out, "user", site->user);
        value(out, 1);
    }
}

static void prometheus_memory(const ja_report_t *report, const ja_out_t *out)
{
    header(out, "processes", "gauge", "Child processes of this server.");
    ja_out(out, "jira_avatar_processes ");
    ja_out_number(out, (int64_t)report->processes);
    ja_out(out, "\n");
    header(out, "memory_bytes", "gauge", "Bytes of answers at hand in all child processes.");
    ja_out(out, "jira_avatar_memory_bytes ");
    ja_out_number(out, (int64_t)report->at_hand_bytes);
    ja_out(out, "\n");
    header(out, "build_info", "gauge", "Version of the module; always 1.");
    ja_out(out, "jira_avatar_build_info{version=");
    ja_out_label(out, report->version);
    ja_out(out, "} 1\n");
}

void ja_report_prometheus(const ja_report_t *report, const ja_out_t *out)
{
    for (size_t i = 0; i < JA_FAMILY_COUNT; i++) {
        prometheus_family(report, out, (ja_family_t)i);
    }
    header(out, "fetch_duration_seconds", "histogram", "From a question to Jira's whole answer.");
    for (size_t i = 0; i < report->site_count; i++) {
        prometheus_histogram(out, "fetch_duration_seconds", &report->sites[i],
                             &report->sites[i].metrics.fetch);
    }
    header(out, "wait_duration_seconds", "histogram", "How long visitors' requests waited.");
    for (size_t i = 0; i < report->site_count; i++) {
        prometheus_histogram(out, "wait_duration_seconds", &report->sites[i],
                             &report->sites[i].metrics.wait);
    }
    prometheus_gauges(report, out);
    prometheus_info(report, out);
    prometheus_memory(report, out);
}

/* ---- lines --------------------------------------------------------------------------------- */

/* "not-found" as "NotFound". */
static void camel(const ja_out_t *out, const char *words)
{
    bool starts = true;

    for (; *words != '\0'; words++) {
        bool is_gap = *words == '-' || *words == '_';
        char letter = starts && *words >= 'a' && *words <= 'z' ? (char)(*words - 32) : *words;
        if (!is_gap) {
            out->write(out->self, &letter, 1);
        }
        starts = is_gap;
    }
}

static void line(const ja_out_t *out, const char *first, const char *second, uint64_t number)
{
    ja_out(out, "JiraAvatar");
    camel(out, first);
    camel(out, second);
    ja_out(out, ": ");
    ja_out_number(out, (int64_t)number);
    ja_out(out, "\n");
}

void ja_report_lines(const ja_report_t *report, const ja_out_t *out)
{
    uint64_t bad = 0;

    for (size_t i = 0; i < report->site_count; i++) {
        bad += ja_report_is_bad(&report->sites[i]);
    }
    line(out, "sites", "", report->site_count);
    line(out, "sites", "bad", bad);
    line(out, "memory", "bytes", report->at_hand_bytes);
    for (size_t c = 0; c < JA_COUNT_COUNT; c++) {
        uint64_t sum = 0;
        for (size_t i = 0; i < report->site_count; i++) {
            sum += ja_metrics_get(&report->sites[i].metrics, (ja_count_t)c);
        }
        line(out, ja_families[ja_counts[c].family].name,
             ja_counts[c].word != NULL ? ja_counts[c].word : "", sum);
    }
}
