/* SPDX-License-Identifier: Apache-2.0 */
/*
 * When something ends, as a date, a JWT, a list of tokens or a certificate tells it: the end has a
 * date that can be written and read again, a warning is not later than the end, and a name can be
 * shown; base64url is one way round only.
 */
#include "ja_expiry.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool holds)
{
    if (!holds) {
        abort();
    }
}

static void check_end(const ja_end_t *end)
{
    char text[JA_EXPIRY_TEXT_MAX];

    must(end->source < JA_END_SOURCES && end->warn_at <= end->at);
    ja_expiry_text(end->at, text);
    must(text[0] != '\0');
    must(ja_end_state(end, end->at) == JA_END_OVER);
}

static void check_date(ja_slice_t input)
{
    char text[JA_EXPIRY_TEXT_MAX];
    int64_t day, time;

    if (ja_expiry_read_date(input, &day)) {
        ja_expiry_text(day, text);
        must(ja_slice_is(input, text));
        must(ja_expiry_read_time(input, &time) && time == day);
    }
    if (ja_expiry_read_time(input, &time)) {
        ja_end_t end = ja_end_of_written(time);
        check_end(&end);
    }
}

static void check_base64url(ja_slice_t input)
{
    static char plain[65536], coded[65536 * 4 / 3 + 4];
    ja_buf_t out = ja_buf(plain, sizeof(plain));
    ja_buf_t again = ja_buf(coded, sizeof(coded));

    if (ja_buf_add_from_base64url(&out, input) && !out.overflow) {
        ja_buf_add_base64url(&again, (const unsigned char *)out.data, out.len);
        must(again.len == input.len && memcmp(again.data, input.data, input.len) == 0);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    ja_slice_t input = {(const char *)data, size};
    ja_tokens_told_t told;
    ja_end_t end;

    check_date(input);
    check_base64url(input);
    if (ja_end_of_jwt(input, &end)) {
        check_end(&end);
    }
    if (ja_end_of_listed(input, &told)) {
        must(ja_text_is_plain(ja_slice(told.name)));
        if (told.end.source != JA_END_UNKNOWN) {
            check_end(&told.end);
        }
    }
    if (ja_end_of_certificate(input, &end)) {
        must(end.warn_at <= end.at);
    }
    return 0;
}
