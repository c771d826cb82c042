/* SPDX-License-Identifier: Apache-2.0 */
/* ja_limit: when not to ask. */
#include "ja_limit.h"

#include <apr_date.h>
#include <apr_time.h>

/* A site that is down is asked every two seconds at first, so that its return is noticed at once;
 * after some tries ever less often. The first pauses have no jitter: one prober asks for all. */
enum { BREAKER_BASE_MS = 2000, BREAKER_CAP_MS = 30 * 1000, BREAKER_STEADY = 10 };

enum { YEAR_MIN = 1970 };

/* ---- what a site tells ---------------------------------------------------------------------- */

/* Unsigned, because the difference of any date and any clock need not fit a signed one. */
static int64_t seconds_until(int64_t then, int64_t now, int64_t max)
{
    if (then <= now) {
        return 0;
    }
    uint64_t seconds = (uint64_t)then - (uint64_t)now;
    return seconds < (uint64_t)max ? (int64_t)seconds : max;
}

static bool is_digits(ja_slice_t in)
{
    for (size_t i = 0; i < in.len; i++) {
        if (in.data[i] < '0' || in.data[i] > '9') {
            return false;
        }
    }
    return in.len > 0;
}

int64_t ja_limit_retry_after(const char *value, int64_t now, int64_t max)
{
    ja_slice_t in = ja_slice_trim(ja_slice(value));
    uint64_t seconds;

    if (is_digits(in)) {
        return ja_text_number(in, (uint64_t)max, &seconds) ? (int64_t)seconds : max;
    }
    apr_time_t date = in.len ? apr_date_parse_http(value) : APR_DATE_BAD;
    return date == APR_DATE_BAD ? -1 : seconds_until(apr_time_sec(date), now, max);
}

static int days_in(int year, int month)
{
    static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;

    return month == 2 && leap ? 29 : days[month - 1];
}

static bool take_date(ja_slice_t *in, apr_time_exp_t *t)
{
    int year, month, day;
    ja_slice_t at = *in;

    if (!ja_text_take_field(&at, 4, YEAR_MIN, 9999, &year) || !ja_text_take(&at, "-") ||
        !ja_text_take_field(&at, 2, 1, 12, &month) || !ja_text_take(&at, "-") ||
        !ja_text_take_field(&at, 2, 1, days_in(year, month), &day)) {
        return false;
    }
    t->tm_year = year - 1900;
    t->tm_mon = month - 1;
    t->tm_mday = day;
    *in = at;
    return true;
}

/* HH:MM, HH:MM:SS or HH:MM:SS.fraction; the fraction is read over. */
static bool take_time(ja_slice_t *in, apr_time_exp_t *t)
{
    ja_slice_t at = *in;
    int digit;

    if (!ja_text_take_field(&at, 2, 0, 23, &t->tm_hour) || !ja_text_take(&at, ":") ||
        !ja_text_take_field(&at, 2, 0, 59, &t->tm_min)) {
        return false;
    }
    if (ja_text_take(&at, ":")) {
        if (!ja_text_take_field(&at, 2, 0, 60, &t->tm_sec)) {
            return false;
        }
        if (ja_text_take(&at, ".")) {
            if (!ja_text_take_field(&at, 1, 0, 9, &digit)) {
                return false;
            }
            while (ja_text_take_field(&at, 1, 0, 9, &digit)) {
            }
        }
    }
    *in = at;
    return true;
}

/* "Z", +HH:MM, +HHMM or +HH. */
static bool take_zone(ja_slice_t *in, int *seconds)
{
    ja_slice_t at = *in;
    int hours, minutes = 0;

    *seconds = 0;
    if (ja_text_take(in, "Z")) {
        return true;
    }
    bool west = ja_text_take(&at, "-");
    if ((!west && !ja_text_take(&at, "+")) || !ja_text_take_field(&at, 2, 0, 23, &hours)) {
        return false;
    }
    bool colon = ja_text_take(&at, ":");
    if (!ja_text_take_field(&at, 2, 0, 59, &minutes) && colon) {
        return false;
    }
    *seconds = (hours * 60 + minutes) * (west ? -60 : 60);
    *in = at;
    return true;
}

int64_t ja_limit_reset(const char *value, int64_t now, int64_t max)
{
    ja_slice_t in = ja_slice_trim(ja_slice(value));
    apr_time_exp_t t = {0};
    apr_time_t then;

    if (take_date(&in, &t) && ja_text_take(&in, "T") && take_time(&in, &t) &&
        take_zone(&in, &t.tm_gmtoff) && in.len == 0 &&
        apr_time_exp_gmt_get(&then, &t) == APR_SUCCESS) {
        return seconds_until(apr_time_sec(then), now, max);
    }
    return -1;
}

/* The value of the parameter `name` ("r="), at most `max`; -1 if it is not there or no number. */
static int64_t parameter(ja_slice_t item, const char *name, int64_t max)
{
    while (item.data != NULL) {
        ja_slice_t piece = ja_slice_trim(ja_text_piece(&item, ';'));
        uint64_t number;
        if (ja_text_take(&piece, name) && is_digits(piece)) {
            return ja_text_number(piece, (uint64_t)max, &number) ? (int64_t)number : max;
        }
    }
    return -1;
}

int64_t ja_limit_quota(const char *value, int64_t max)
{
    ja_slice_t in = ja_slice(value);
    int64_t longest = -1;

    while (in.data != NULL) {
        ja_slice_t item = ja_text_piece(&in, ',');
        int64_t wait = parameter(item, "t=", max);
        if (parameter(item, "r=", 1) == 0 && wait > longest) {
            longest = wait;
        }
    }
    return longest;
}

/* ---- how long to pause ---------------------------------------------------------------------- */

int64_t ja_limit_backoff(unsigned failures, int64_t base_ms, int64_t cap_ms, uint32_t random)
{
    int64_t pause = base_ms < cap_ms ? base_ms : cap_ms;

    if (failures == 0) {
        return 0;
    }
    for (; failures > 1 && pause < cap_ms; failures--) {
        pause = pause > cap_ms / 2 ? cap_ms : pause * 2;
    }
    return pause * (700 + random % 601) / 1000;
}

/* ---- the breaker ---------------------------------------------------------------------------- */

/* The two that may be looked at without the lock that changes are made under. */
static void set_end(ja_breaker_t *breaker, uint32_t reason, int64_t not_before_ms)
{
    __atomic_store_n(&breaker->reason, reason, __ATOMIC_RELAXED);
    __atomic_store_n(&breaker->not_before_ms, not_before_ms, __ATOMIC_RELAXED);
}

ja_breaker_state_t ja_breaker_allow(ja_breaker_t *breaker, int64_t now_ms, int64_t probe_ms)
{
    if (breaker->not_before_ms == 0) {
        return JA_BREAKER_CLOSED;
    }
    if (ja_breaker_wait(breaker, now_ms) > 0) {
        return JA_BREAKER_OPEN;
    }
    breaker->probe_until_ms = now_ms + probe_ms;
    return JA_BREAKER_PROBE;
}

void ja_breaker_success(ja_breaker_t *breaker)
{
    set_end(breaker, 0, 0);
    breaker->failures = 0;
    breaker->probe_until_ms = 0;
}

static void open_until(ja_breaker_t *breaker, uint32_t reason, int64_t not_before_ms)
{
    if (not_before_ms > breaker->not_before_ms) {
        set_end(breaker, reason, not_before_ms);
    }
    breaker->probe_until_ms = 0;
}

void ja_breaker_failure(ja_breaker_t *breaker, uint32_t reason, uint32_t threshold, int64_t now_ms,
                        uint32_t random)
{
    bool closed = breaker->not_before_ms == 0;

    /* Sent before the breaker opened: many at once would otherwise look like many in a row. */
    if (now_ms < breaker->not_before_ms) {
        return;
    }
    breaker->failures += breaker->failures < UINT32_MAX;
    set_end(breaker, reason, breaker->not_before_ms);
    if (closed && breaker->failures < threshold) {
        return;
    }
    uint32_t past = breaker->failures > threshold ? breaker->failures - threshold : 0;
    int64_t pause =
        past < BREAKER_STEADY
            ? BREAKER_BASE_MS
            : ja_limit_backoff(past - BREAKER_STEADY + 2, BREAKER_BASE_MS, BREAKER_CAP_MS, random);
    open_until(breaker, reason, now_ms + pause);
}

void ja_breaker_open(ja_breaker_t *breaker, uint32_t reason, int64_t now_ms, int64_t pause_ms)
{
    open_until(breaker, reason, now_ms + pause_ms);
}

int64_t ja_breaker_wait(const ja_breaker_t *breaker, int64_t now_ms)
{
    int64_t until = breaker->not_before_ms > breaker->probe_until_ms ? breaker->not_before_ms
                                                                     : breaker->probe_until_ms;
    return until > now_ms ? until - now_ms : 0;
}
