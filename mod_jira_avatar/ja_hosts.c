/* SPDX-License-Identifier: Apache-2.0 */
/* ja_hosts: see ja_hosts.h. */
#include "ja_hosts.h"

#include <apr_strings.h>
#include <string.h>

#include "ja_url.h"

enum { RANGES_MAX = 16 };

static const char *parse_ranges(apr_pool_t *pool, ja_slice_t text, ja_host_t *host)
{
    ja_range_t *ranges = apr_palloc(pool, RANGES_MAX * sizeof(*ranges));

    host->ranges = ranges;
    while (text.data != NULL) {
        ja_slice_t each = ja_text_piece(&text, ',');
        if (host->range_count == RANGES_MAX) {
            return "has more than 16 addresses";
        }
        if (!ja_range_parse(each, &ranges[host->range_count++])) {
            return "has an address that is none; write it as 10.1.2.0/24";
        }
    }
    return NULL;
}

static const char *parse_name(apr_pool_t *pool, ja_slice_t text, ja_host_t *host)
{
    ja_slice_t port = text;
    ja_slice_t name = ja_text_piece(&port, ':');
    uint64_t number = 443;

    host->suffix = ja_text_take(&name, "*");
    if (host->suffix && (name.len < 2 || memchr(name.data + 1, '.', name.len - 1) == NULL)) {
        return "is too wide; write at least two labels behind the star, as in *.example.com";
    }
    if (!ja_text_is_word(name, "-._") || (name.data[0] == '.') != host->suffix ||
        name.len >= JA_URL_HOST) {
        return "is not the name of a host; write host, host:port or *.example.com";
    }
    if (port.data != NULL && (!ja_text_number(port, 65535, &number) || number == 0)) {
        return "has a bad port";
    }
    char *lower = apr_pstrmemdup(pool, name.data, name.len);
    ja_text_lower(lower);
    host->name = lower;
    host->port = (int)number;
    return NULL;
}

const char *ja_host_parse(apr_pool_t *pool, const char *text, ja_host_t *host)
{
    ja_slice_t ranges = ja_slice(text);
    ja_slice_t name = ja_text_piece(&ranges, '=');

    memset(host, 0, sizeof(*host));
    const char *wrong = parse_name(pool, name, host);
    return wrong != NULL || ranges.data == NULL ? wrong : parse_ranges(pool, ranges, host);
}

static bool has_name(const ja_host_t *host, const char *name)
{
    size_t len = strlen(name);
    size_t tail = strlen(host->name);

    return host->suffix ? len > tail && strcmp(name + len - tail, host->name) == 0
                        : strcmp(name, host->name) == 0;
}

const ja_host_t *ja_hosts_find(const ja_hosts_t *hosts, ja_slice_t text)
{
    ja_url_t url;

    if (hosts == NULL || !ja_url_parse(text, &url) || !url.tls) {
        return NULL;
    }
    for (size_t i = 0; i < hosts->count; i++) {
        if (hosts->list[i].port == url.port && has_name(&hosts->list[i], url.host)) {
            return &hosts->list[i];
        }
    }
    return NULL;
}

bool ja_host_may_be_at(const ja_host_t *host, const ja_address_t *address)
{
    for (size_t i = 0; i < host->range_count; i++) {
        if (ja_range_holds(&host->ranges[i], address)) {
            return true;
        }
    }
    return ja_address_is_public(address);
}
