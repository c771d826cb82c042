/* SPDX-License-Identifier: Apache-2.0 */
/* ja_page: words for people around the numbers of a report. */
#include "ja_page.h"

#include <string.h>

#include "ja_style.h"

enum { BAR = 12, BAR_GAP = 2, PLOT_HEIGHT = 100, PLOT_WIDTH = BAR * JA_MINUTES };

/* ---- words --------------------------------------------------------------------------------- */

/* 1234567 as "1 234 567", with spaces that do not break. */
static void big(const ja_out_t *out, uint64_t number)
{
    if (number >= 1000) {
        char digits[] = "000";
        big(out, number / 1000);
        ja_out(out, "&#8239;");
        for (int i = 2; i >= 0; i--, number /= 10) {
            digits[i] = (char)('0' + number % 10);
        }
        ja_out(out, digits);
    } else {
        ja_out_number(out, (int64_t)number);
    }
}

static void counted(const ja_out_t *out, uint64_t number, const char *one, const char *many)
{
    big(out, number);
    ja_out(out, " ");
    ja_out(out, number == 1 ? one : many);
}

static void bytes(const ja_out_t *out, uint64_t number)
{
    static const char *const units[] = {" bytes", " KB", " MB", " GB", " TB"};
    size_t unit = 0;

    while (number >= 10000 && unit + 1 < sizeof(units) / sizeof(units[0])) {
        number = (number + 512) / 1024;
        unit++;
    }
    big(out, number);
    ja_out(out, units[unit]);
}

static void span(const ja_out_t *out, int64_t seconds)
{
    static const struct {
        int64_t seconds;
        const char *unit;
    } units[] = {{86400, " d"}, {3600, " h"}, {60, " min"}, {1, " s"}};
    size_t i = 0;

    seconds = seconds < 0 ? 0 : seconds;
    while (i < 3 && seconds < 2 * units[i].seconds) {
        i++;
    }
    ja_out_number(out, seconds / units[i].seconds);
    ja_out(out, units[i].unit);
}

static void ago(const ja_out_t *out, int64_t now_ms, int64_t at_ms)
{
    if (now_ms - at_ms < 2000) {
        ja_out(out, "just now");
        return;
    }
    span(out, (now_ms - at_ms) / 1000);
    ja_out(out, " ago");
}

static void duration(const ja_out_t *out, int64_t ms)
{
    if (ms < 0) {
        ja_out(out, "&ndash;");
    } else if (ms < 10000) {
        ja_out_number(out, ms);
        ja_out(out, " ms");
    } else {
        span(out, ms / 1000);
    }
}

static const char *site_word(const ja_site_report_t *site)
{
    static const char *const words[JA_SITE_STATES] = {"not asked yet", "works", "in trouble",
                                                      "left alone for now"};

    return site->credential_state == JA_CREDENTIAL_REFUSED ? "credential refused"
                                                           : words[site->state];
}

static const char *site_class(const ja_site_report_t *site)
{
    return ja_report_is_bad(site)           ? "pill bad"
           : site->state == JA_SITE_UNASKED ? "pill"
                                            : "pill good";
}

static void pill(const ja_out_t *out, const char *class, const char *word)
{
    ja_out(out, "<span class=\"");
    ja_out(out, class);
    ja_out(out, "\">");
    ja_out(out, word);
    ja_out(out, "</span>");
}

/* ---- a site -------------------------------------------------------------------------------- */

/* With one full stop behind it, whether it has one or not. */
static void sentence(const ja_out_t *out, const char *text)
{
    size_t len = strlen(text);

    ja_out_html(out, text);
    ja_out(out, len == 0 ? "" : text[len - 1] == '.' ? " " : ". ");
}

static void alert_refused(const ja_out_t *out, const ja_site_report_t *site, int64_t now_ms)
{
    const ja_journal_t *journal = &site->journal;

    ja_out(out, "<p class=\"alert\">The credential was refused ");
    ago(out, now_ms, journal->refused_at_ms);
    ja_out(out, ": ");
    sentence(out, journal->refusal_cause);
    sentence(out, journal->refusal_remedy);
    ja_out(out, "It is tried again ");
    if (site->credential_pause_s > 0) {
        ja_out(out, "in ");
        span(out, site->credential_pause_s);
        ja_out(out, ", or as soon as it changes.</p>");
    } else {
        ja_out(out, "with the next request.</p>");
    }
}

static void alert_site(const ja_out_t *out, const ja_site_report_t *site)
{
    ja_out(out, "<p class=\"alert\">");
    ja_out(out, ja_policy_outcome(site->reason)->sentence);
    ja_out(out, " ");
    counted(out, site->in_a_row, "failure", "failures");
    ja_out(out, " in a row; ");
    if (site->pause_s > 0) {
        ja_out(out, "asked again in ");
        span(out, site->pause_s);
        ja_out(out, ". Until then what is held is shown.</p>");
    } else {
        ja_out(out, "still being asked.</p>");
    }
}

static bool ends_soon(const ja_end_report_t *end)
{
    return end->sentence != NULL && end->remedy[0] != '\0';
}

static void alert_end(const ja_out_t *out, const ja_end_report_t *end)
{
    if (ends_soon(end)) {
        ja_out(out, "<p class=\"alert\">");
        sentence(out, end->sentence);
        sentence(out, end->remedy);
        ja_out(out, "</p>");
    }
}

static void alerts(const ja_out_t *out, const ja_site_report_t *site, int64_t now_ms)
{
    if (site->credential_state == JA_CREDENTIAL_REFUSED) {
        alert_refused(out, site, now_ms);
    }
    if (site->state == JA_SITE_RESTING || site->state == JA_SITE_TROUBLED) {
        alert_site(out, site);
    }
    alert_end(out, &site->certificate_end);
    alert_end(out, &site->credential_end);
}

static void credential(const ja_out_t *out, const ja_site_report_t *site, int64_t now_ms)
{
    const ja_journal_t *journal = &site->journal;

    if (site->credential_state == JA_CREDENTIAL_NONE) {
        ja_out(out, "none: what Jira shows to everybody");
        return;
    }
    ja_out_html(out, site->credential);
    if (site->user[0] != '\0') {
        ja_out(out, " as ");
        ja_out_html(out, site->user);
    }
    if (journal->accepted_at_ms > 0) {
        ja_out(out, ", accepted ");
        ago(out, now_ms, journal->accepted_at_ms);
    } else {
        ja_out(out, ", never accepted so far");
    }
    if (site->token_end_ms > now_ms) {
        ja_out(out, ", its access token good for another ");
        span(out, (site->token_end_ms - now_ms) / 1000);
    }
    if (journal->account[0] != '\0') {
        ja_out(out, "; Jira calls it ");
        ja_out_html(out, journal->account);
    }
}

static void ends(const ja_out_t *out, const ja_site_report_t *site)
{
    const char *first = site->credential_end.sentence;
    const char *second = site->certificate_end.sentence;

    if (first != NULL || second != NULL) {
        ja_out(out, "</dd><dt>Ends</dt><dd>");
        ja_out_html(out, first != NULL ? first : "");
        ja_out(out, first != NULL && second != NULL ? "; " : "");
        ja_out_html(out, second != NULL ? second : "");
    }
}

static void held(const ja_out_t *out, const ja_held_t *held)
{
    if (!held->known) {
        ja_out(out, "this store does not tell");
        return;
    }
    counted(out, held->images, "image", "images");
    ja_out(out, ", ");
    bytes(out, held->bytes);
    if (held->negatives > 0) {
        ja_out(out, "; ");
        counted(out, held->negatives, "answer without image", "answers without image");
    }
}

static void facts(const ja_out_t *out, const ja_site_report_t *site, int64_t now_ms)
{
    ja_out(out, "<dl><dt>Asked</dt><dd>");
    ja_out(out, strcmp(site->kind, "cloud") == 0 ? "Jira Cloud, " : "Jira Data Center, ");
    ja_out(out, strcmp(site->route, "auto") == 0      ? "directly or through the gateway"
                : strcmp(site->route, "gateway") == 0 ? "through Atlassian&#39;s gateway"
                                                      : "directly");
    if (site->cloud_id != NULL) {
        ja_out(out, ", cloudId ");
        ja_out_html(out, site->cloud_id);
    }
    ja_out(out, "</dd><dt>Credential</dt><dd>");
    credential(out, site, now_ms);
    ends(out, site);
    ja_out(out, "</dd><dt>Held</dt><dd>");
    held(out, &site->held);
    ja_out(out, "</dd></dl>");
}

static void tiles(const ja_out_t *out, const ja_metrics_t *metrics)
{
    static const char *const words[JA_SERIES_COUNT] = {"hits", "stale", "misses", "failed"};

    ja_out(out, "<div class=\"tiles\">");
    for (size_t i = 0; i < JA_SERIES_COUNT; i++) {
        ja_out(out, "<div class=\"tile\"><b>");
        big(out, ja_metrics_series(metrics, (ja_series_t)i));
        ja_out(out, "</b><span><i class=\"");
        ja_out(out, ja_series_names[i]);
        ja_out(out, "\"></i>");
        ja_out(out, words[i]);
        ja_out(out, "</span></div>");
    }
    ja_out(out, "</div>");
}

/* ---- the plot ------------------------------------------------------------------------------ */

static uint64_t sum_of(const uint64_t minute[JA_SERIES_COUNT])
{
    uint64_t sum = 0;

    for (size_t i = 0; i < JA_SERIES_COUNT; i++) {
        sum += minute[i];
    }
    return sum;
}

static void rectangle(const ja_out_t *out, size_t minute, uint64_t top, uint64_t height,
                      const char *class)
{
    ja_out(out, "<rect class=\"");
    ja_out(out, class);
    ja_out(out, "\" x=\"");
    ja_out_number(out, (int64_t)minute * BAR);
    ja_out(out, "\" y=\"");
    ja_out_seconds(out, top);
    ja_out(out, "\" width=\"");
    ja_out_number(out, BAR - BAR_GAP);
    ja_out(out, "\" height=\"");
    ja_out_seconds(out, height);
    ja_out(out, "\"/>");
}

static void bar(const ja_out_t *out, size_t index, const uint64_t minute[JA_SERIES_COUNT],
                uint64_t peak)
{
    static const ja_series_t from_below[] = {JA_SERIES_FAILED, JA_SERIES_MISS, JA_SERIES_STALE,
                                             JA_SERIES_HIT};
    uint64_t sum = 0;

    ja_out(out, "<g><title>");
    ja_out_number(out, (int64_t)(JA_MINUTES - 1 - index));
    ja_out(out, " min ago:");
    for (size_t i = 0; i < JA_SERIES_COUNT; i++) {
        ja_out(out, i == 0 ? " " : ", ");
        ja_out_number(out, (int64_t)minute[i]);
        ja_out(out, " ");
        ja_out(out, ja_series_names[i]);
    }
    ja_out(out, "</title>");
    for (size_t i = 0; i < JA_SERIES_COUNT; i++) {
        uint64_t below = sum * PLOT_HEIGHT * 1000 / peak;
        sum += minute[from_below[i]];
        uint64_t above = sum * PLOT_HEIGHT * 1000 / peak; /* in thousandths */
        if (above > below) {
            rectangle(out, index, PLOT_HEIGHT * 1000 - above, above - below,
                      ja_series_names[from_below[i]]);
        }
    }
    ja_out(out, "</g>");
}

static void plot(const ja_out_t *out, const ja_metrics_t *metrics)
{
    uint64_t minutes[JA_MINUTES][JA_SERIES_COUNT];
    uint64_t peak = 0;

    ja_metrics_minutes(metrics, minutes);
    for (size_t i = 0; i < JA_MINUTES; i++) {
        peak = sum_of(minutes[i]) > peak ? sum_of(minutes[i]) : peak;
    }
    ja_out(out, "<figure><figcaption><span>Requests per minute</span><span>");
    ja_out(out, peak > 0 ? "peak " : "none in the last hour");
    if (peak > 0) {
        big(out, peak);
    }
    ja_out(out, "</span></figcaption><svg role=\"img\" aria-label=\"Requests per minute in the "
                "last hour\" preserveAspectRatio=\"none\" viewBox=\"0 0 ");
    ja_out_number(out, PLOT_WIDTH - BAR_GAP);
    ja_out(out, " ");
    ja_out_number(out, PLOT_HEIGHT);
    ja_out(out, "\">");
    for (size_t i = 0; i < JA_MINUTES; i++) {
        if (sum_of(minutes[i]) > 0) {
            bar(out, i, minutes[i], peak);
        }
    }
    ja_out(out, "</svg><div class=\"axis\"><span>an hour ago</span><span>now</span></div>"
                "</figure>");
}

/* ---- tables -------------------------------------------------------------------------------- */

static void durations_row(const ja_out_t *out, const char *name, const ja_histogram_t *histogram)
{
    static const int percents[] = {50, 90, 99};

    ja_out(out, "<tr><th scope=\"row\">");
    ja_out(out, name);
    ja_out(out, "</th>");
    for (size_t i = 0; i < sizeof(percents) / sizeof(percents[0]); i++) {
        ja_out(out, "<td class=\"n\">");
        duration(out, ja_histogram_percentile(histogram, percents[i]));
        ja_out(out, "</td>");
    }
    ja_out(out, "</tr>");
}

static void durations(const ja_out_t *out, const ja_metrics_t *metrics)
{
    ja_out(out, "<div><h3>How long it takes</h3><table><thead><tr><th></th>"
                "<th class=\"n\">half</th><th class=\"n\">90&nbsp;%</th>"
                "<th class=\"n\">99&nbsp;%</th></tr></thead><tbody>");
    durations_row(out, "Jira answers", &metrics->fetch);
    durations_row(out, "a visitor waits", &metrics->wait);
    ja_out(out, "</tbody></table></div>");
}

/* A family's counters that are not zero, as rows. */
static void family(const ja_out_t *out, const ja_metrics_t *metrics, ja_family_t id,
                   const char *title)
{
    ja_out(out, "<div><h3>");
    ja_out(out, title);
    ja_out(out, "</h3>");
    if (ja_metrics_sum(metrics, id) == 0) {
        ja_out(out, "<p class=\"none\">none so far</p></div>");
        return;
    }
    ja_out(out, "<table><tbody>");
    for (size_t i = 0; i < JA_COUNT_COUNT; i++) {
        uint64_t number = ja_metrics_get(metrics, (ja_count_t)i);
        if (ja_counts[i].family == id && number > 0) {
            ja_out(out, "<tr><th scope=\"row\" title=\"");
            ja_out_html(out, ja_counts[i].help);
            ja_out(out, "\">");
            ja_out_html(out, ja_counts[i].word);
            ja_out(out, "</th><td class=\"n\">");
            big(out, number);
            ja_out(out, "</td></tr>");
        }
    }
    ja_out(out, "</tbody></table></div>");
}

static void failure_row(const ja_out_t *out, const ja_failure_t *failure, int64_t now_ms)
{
    ja_out(out, "<tr><td class=\"when\">");
    ago(out, now_ms, failure->at_ms);
    if (failure->times > 1) {
        ja_out(out, ", &times;");
        big(out, failure->times);
    }
    ja_out(out, "</td><td>");
    ja_out_html(out, ja_policy_outcome(failure->outcome)->name);
    ja_out(out, "</td><td>");
    ja_out_html(out, failure->what);
    ja_out(out, "</td><td>");
    ja_out_html(out, failure->cause);
    ja_out(out, "</td></tr>");
}

static void failures(const ja_out_t *out, const ja_journal_t *journal, int64_t now_ms)
{
    const ja_failure_t *found[JA_FAILURES];
    size_t count = ja_journal_failures(journal, found);

    ja_out(out, "<h3>Last failures</h3>");
    if (count == 0) {
        ja_out(out, "<p class=\"none\">none</p>");
        return;
    }
    ja_out(out, "<table class=\"events\"><thead><tr><th>when</th><th>what came of it</th>"
                "<th>asked for</th><th>why</th></tr></thead><tbody>");
    for (size_t i = 0; i < count; i++) {
        failure_row(out, found[i], now_ms);
    }
    ja_out(out, "</tbody></table>");
}

static void site_section(const ja_report_t *report, const ja_site_report_t *site,
                         const ja_out_t *out)
{
    ja_out(out, "<section class=\"site\"><div class=\"head\"><h2>");
    ja_out_html(out, site->url);
    ja_out(out, "</h2>");
    pill(out, site_class(site), site_word(site));
    ja_out(out, "</div>");
    alerts(out, site, report->now_ms);
    facts(out, site, report->now_ms);
    tiles(out, &site->metrics);
    plot(out, &site->metrics);
    ja_out(out, "<div class=\"pair\">");
    durations(out, &site->metrics);
    family(out, &site->metrics, JA_FAMILY_FETCHES, "What Jira answered");
    if (ja_metrics_sum(&site->metrics, JA_FAMILY_TOKENS) > 0) {
        family(out, &site->metrics, JA_FAMILY_TOKENS, "Access tokens");
    }
    ja_out(out, "</div>");
    failures(out, &site->journal, report->now_ms);
    ja_out(out, "</section>\n");
}

/* ---- the page ------------------------------------------------------------------------------ */

static size_t bad_sites(const ja_report_t *report)
{
    size_t bad = 0;

    for (size_t i = 0; i < report->site_count; i++) {
        const ja_site_report_t *site = &report->sites[i];
        bad += ja_report_is_bad(site) || ends_soon(&site->credential_end) ||
               ends_soon(&site->certificate_end);
    }
    return bad;
}

static void head(const ja_report_t *report, const ja_out_t *out)
{
    size_t bad = bad_sites(report);

    ja_out(out, "<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">"
                "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">"
                "<meta name=\"robots\" content=\"noindex\"><title>");
    ja_out(out, bad > 0 ? "! " : "");
    ja_out(out, "Jira avatars</title><style>");
    ja_out(out, ja_style);
    ja_out(out, "</style></head><body>\n<header><div class=\"head\"><h1>Jira avatars</h1>");
    if (bad > 0) {
        pill(out, "pill bad", "needs a look");
    } else {
        pill(out, "pill good", "all well");
    }
    ja_out(out, "</div><p>");
    if (report->server[0] != '\0') {
        ja_out_html(out, report->server);
        ja_out(out, ", ");
    }
    ja_out_time(out, report->now_ms);
    ja_out(out, ". Counted for ");
    span(out, (report->now_ms - report->since_ms) / 1000);
    ja_out(out, " by all processes together.</p></header>\n");
}

static void foot(const ja_report_t *report, const ja_out_t *out)
{
    ja_out(out, "<footer>At hand in ");
    counted(out, report->processes, "process", "processes");
    ja_out(out, ": ");
    counted(out, report->at_hand, "answer", "answers");
    ja_out(out, ", ");
    bytes(out, report->at_hand_bytes);
    ja_out(out, ". In the store: ");
    held(out, &report->held);
    ja_out(out, ". The same for programs: <a href=\"?json\">JSON</a>, "
                "<a href=\"?metrics\">Prometheus</a>. mod_jira_avatar ");
    ja_out_html(out, report->version);
    ja_out(out, ".</footer>\n</body></html>\n");
}

void ja_page(const ja_report_t *report, const ja_out_t *out)
{
    head(report, out);
    if (report->site_count == 0) {
        ja_out(out, "<p>No JiraAvatarSite is configured.</p>");
    }
    for (size_t i = 0; i < report->site_count; i++) {
        site_section(report, &report->sites[i], out);
    }
    foot(report, out);
}

/* ---- within mod_status --------------------------------------------------------------------- */

void ja_page_section(const ja_report_t *report, const ja_out_t *out)
{
    ja_out(out, "<hr />\n<h2>Jira avatars</h2>\n<table border=\"0\">\n<tr><th align=\"left\">Site"
                "</th><th align=\"left\">State</th><th>Hits</th><th>Stale</th><th>Misses</th>"
                "<th>Failed</th></tr>\n");
    for (size_t i = 0; i < report->site_count; i++) {
        const ja_site_report_t *site = &report->sites[i];
        ja_out(out, "<tr><td>");
        ja_out_html(out, site->url);
        ja_out(out, "</td><td>");
        ja_out(out, site_word(site));
        ja_out(out, "</td>");
        for (size_t j = 0; j < JA_SERIES_COUNT; j++) {
            ja_out(out, "<td align=\"right\">");
            big(out, ja_metrics_series(&site->metrics, (ja_series_t)j));
            ja_out(out, "</td>");
        }
        ja_out(out, "</tr>\n");
    }
    ja_out(out, "</table>\n");
}
