/* SPDX-License-Identifier: Apache-2.0 */
/* ja_url: see ja_url.h. */
#include "ja_url.h"

#include <string.h>

/* Printable ASCII without what has no place in a URL (RFC 3986). */
static bool is_clean(ja_slice_t text)
{
    for (size_t i = 0; i < text.len; i++) {
        unsigned char c = (unsigned char)text.data[i];
        if (c <= ' ' || c >= 0x7f || strchr("\\\"<>^`{|}", c) != NULL) {
            return false;
        }
    }
    return text.len > 0;
}

static bool take_scheme(ja_slice_t *rest, ja_url_t *url)
{
    ja_slice_t scheme = ja_text_piece(rest, ':');

    url->tls = ja_slice_is_nocase(scheme, "https");
    url->port = url->tls ? 443 : 80;
    return (url->tls || ja_slice_is_nocase(scheme, "http")) && rest->data != NULL &&
           ja_text_take(rest, "//");
}

/* All up to the first of "/?#"; `rest` begins with it. */
static ja_slice_t take_authority(ja_slice_t *rest)
{
    ja_slice_t authority = {rest->data, 0};

    while (authority.len < rest->len && strchr("/?#", rest->data[authority.len]) == NULL) {
        authority.len++;
    }
    rest->data += authority.len;
    rest->len -= authority.len;
    return authority;
}

static size_t host_len(ja_slice_t authority)
{
    char end = authority.len > 0 && authority.data[0] == '[' ? ']' : ':';
    const char *found = memchr(authority.data, end, authority.len);

    if (found == NULL) {
        return end == ']' ? 0 : authority.len;
    }
    return (size_t)(found - authority.data) + (end == ']');
}

static bool read_authority(ja_slice_t authority, ja_url_t *url)
{
    ja_slice_t host = {authority.data, host_len(authority)};
    ja_slice_t port = {authority.data + host.len, authority.len - host.len};
    uint64_t number = 0;

    if (host.len == 0 || host.len >= sizeof(url->host) ||
        !ja_text_is_word(host, host.data[0] == '[' ? "[:.]" : "-._")) {
        return false;
    }
    memcpy(url->host, host.data, host.len);
    url->host[host.len] = '\0';
    ja_text_lower(url->host);
    if (port.len == 0) {
        return true;
    }
    if (!ja_text_take(&port, ":") || !ja_text_number(port, 65535, &number) || number == 0) {
        return false;
    }
    url->port = (int)number;
    return true;
}

bool ja_url_parse(ja_slice_t text, ja_url_t *url)
{
    ja_slice_t rest = text;

    if (!is_clean(text) || !take_scheme(&rest, url) ||
        !read_authority(take_authority(&rest), url)) {
        return false;
    }
    ja_slice_t before_fragment = ja_text_piece(&rest, '#');
    url->path = ja_text_piece(&before_fragment, '?');
    url->query = before_fragment;
    return true;
}
