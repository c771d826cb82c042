/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Retry-After and reset times: whatever a site writes, the wait stays within its bounds, means one
 * moment (or one duration) whatever the clock says, and survives being written out and read again.
 */
#include "ja_limit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <apr_time.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

typedef int64_t (*reader_t)(const char *value, int64_t now, int64_t max);

enum { VALUE_MAX = 256, HOUR = 3600 };

static void must(bool holds)
{
    if (!holds) {
        abort();
    }
}

static void check_bounds(reader_t read, const char *value)
{
    static const int64_t nows[] = {INT64_MIN, -1, 0, 1, 784111777, 4102444800, INT64_MAX};
    bool understood = read(value, 0, 0) >= 0;

    for (size_t i = 0; i < sizeof(nows) / sizeof(nows[0]); i++) {
        int64_t any = read(value, nows[i], INT64_MAX);
        int64_t hour = read(value, nows[i], HOUR);
        must(understood ? any >= 0 : any == -1);
        must(hour == (any < HOUR ? any : HOUR));
        must(read(value, nows[i], 0) == (understood ? 0 : -1));
    }
}

/* A moment comes nearer by a second in a second; a duration does not. */
static bool check_moment(reader_t read, const char *value)
{
    int64_t first = read(value, 0, INT64_MAX);
    int64_t second = read(value, 1, INT64_MAX);

    must(first == second || (first > 0 && first - second == 1));
    return first > second;
}

static void check_written_reset(int64_t moment)
{
    char text[64];
    apr_time_exp_t t;

    must(apr_time_exp_gmt(&t, apr_time_from_sec(moment)) == APR_SUCCESS);
    if (t.tm_year + 1900 > 9999) {
        return; /* the last hours of 9999, west of Greenwich */
    }
    snprintf(text, sizeof(text), "%04d-%02d-%02dT%02d:%02d:%02dZ", t.tm_year + 1900, t.tm_mon + 1,
             t.tm_mday, t.tm_hour, t.tm_min, t.tm_sec);
    must(ja_limit_reset(text, 0, INT64_MAX) == moment);
}

static void check_written_date(int64_t moment)
{
    char text[APR_RFC822_DATE_LEN];

    must(apr_rfc822_date(text, apr_time_from_sec(moment)) == APR_SUCCESS);
    must(ja_limit_retry_after(text, 0, INT64_MAX) == moment);
}

/* One more quota that is used up never shortens the wait, one that is not never changes it. */
static void check_quota(const char *value)
{
    static const char more[] = "q;r=0;t=60,q;r=1;t=99,";
    char text[VALUE_MAX + sizeof(more)];
    int64_t any = ja_limit_quota(value, INT64_MAX);
    int64_t hour = ja_limit_quota(value, HOUR);

    must(any >= -1 && hour == (any < HOUR ? any : HOUR));
    snprintf(text, sizeof(text), "%s%s", more, value);
    must(ja_limit_quota(text, HOUR) == (hour > 60 ? hour : 60));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char value[VALUE_MAX + 1] = "";

    if (size > VALUE_MAX) {
        return 0;
    }
    if (size) {
        memcpy(value, data, size);
    }
    check_bounds(ja_limit_retry_after, value);
    check_bounds(ja_limit_reset, value);
    check_quota(value);
    if (check_moment(ja_limit_retry_after, value)) {
        check_written_date(ja_limit_retry_after(value, 0, INT64_MAX));
    }
    if (ja_limit_reset(value, 0, INT64_MAX) >= 0) {
        must(strspn(value, "0123456789-:.TZ+ \t\r\n") == strlen(value));
        check_moment(ja_limit_reset, value);
        check_written_reset(ja_limit_reset(value, 0, INT64_MAX));
    }
    return 0;
}
