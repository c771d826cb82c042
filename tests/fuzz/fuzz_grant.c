/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a token service answers, and what is signed for Connect: a token is fit for a header and
 * lives for a while or there is none; a canonical request says the same when it is read again.
 */
#include "ja_grant.h"
#include "ja_sign.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool holds)
{
    if (!holds) {
        abort();
    }
}

static bool is_visible(const char *text)
{
    while (*text > ' ' && *text < 0x7f) {
        text++;
    }
    return *text == '\0';
}

static void check_answer(int status, const uint8_t *data, size_t size)
{
    static ja_grant_t grant;

    memset(&grant, 'x', sizeof(grant));
    ja_grant_read(status, data, size, &grant);
    must(is_visible(grant.token) && strlen(grant.token) <= JA_TOKEN_MAX);
    must(is_visible(grant.refresh) && strlen(grant.refresh) <= JA_REFRESH_MAX);
    must(is_visible(grant.error));
    if (grant.status == JA_GRANT_TOKEN) {
        must(status == 200 && grant.token[0] != '\0' && grant.error[0] == '\0');
        must(grant.lifetime >= 1 && grant.lifetime <= 24 * 60 * 60);
    } else {
        must(grant.lifetime == 0);
    }
}

static bool canonical_of(const char *url, char *storage, size_t cap)
{
    ja_buf_t out = ja_buf(storage, cap);

    return ja_sign_canonical("GET", "https://h", url, &out);
}

/* Lists and slashes are the two things that are not said the same way twice. */
static void check_canonical(const uint8_t *data, size_t size)
{
    static char url[4096], first[16384], second[16384], again[16384];
    ja_buf_t whole = ja_buf(url, sizeof(url));
    ja_buf_t anew = ja_buf(again, sizeof(again));

    ja_buf_add(&whole, "https://h/");
    ja_buf_add_slice(&whole, (ja_slice_t){(const char *)data, size});
    if (whole.overflow || memchr(data, '\0', size) || !canonical_of(url, first, sizeof(first)) ||
        strchr(first, ',') || strstr(first, "//")) {
        return;
    }
    ja_slice_t rest = ja_slice(first);
    must(ja_text_take(&rest, "GET&/"));
    ja_slice_t path = ja_text_piece(&rest, '&');
    must(rest.data != NULL);
    ja_buf_add(&anew, "https://h/");
    ja_buf_add_slice(&anew, path);
    ja_buf_add(&anew, "?");
    ja_buf_add_slice(&anew, rest);
    if (path.len == 0 || path.data[path.len - 1] != '/') {
        must(canonical_of(again, second, sizeof(second)) && strcmp(first, second) == 0);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    check_answer(200, data, size);
    check_answer(403, data, size);
    check_canonical(data, size);
    return 0;
}
