/* SPDX-License-Identifier: Apache-2.0 */
/*
 * URLs of any bytes: an accepted one has the host that stands between "://" and the next '/' and
 * none of the characters over which parsers disagree, and its canonical form is a fixed point.
 */
#include "ja_upstream.h"

#include <apr_general.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CHECK(condition) ((condition) ? (void)0 : violated(#condition, __LINE__))

static void violated(const char *condition, int line)
{
    fprintf(stderr, "line %d: violated: %s\n", line, condition);
    abort();
}

static void check_host(const char *url, const ja_origin_t *origin)
{
    const char *authority = strstr(url, "://");

    CHECK(authority != NULL);
    if (origin->host[0] == '[') {
        return; /* addresses are rewritten */
    }
    size_t written = strcspn(authority + 3, ":/"), len = strlen(origin->host);
    ja_slice_t host = {authority + 3, len};

    CHECK(len > 0 && (written == len || (written == len + 1 && host.data[len] == '.')));
    CHECK(ja_slice_is_nocase(host, origin->host));
    CHECK(ja_text_is_word(ja_slice(origin->host), "-_."));
}

static void check_origin(apr_pool_t *pool, const char *url, const ja_origin_t *origin)
{
    size_t path = strlen(origin->path);
    ja_origin_t again;

    CHECK(!strpbrk(url, "@\\%?# \t\r\n"));
    CHECK(strcmp(origin->scheme, "https") == 0 || strcmp(origin->scheme, "http") == 0);
    CHECK(origin->port > 0 && origin->port < 65536);
    CHECK(path == 0 || (origin->path[0] == '/' && origin->path[path - 1] != '/'));
    CHECK(!strstr(origin->path, "//") && !strstr(origin->path, "/../"));
    check_host(url, origin);

    CHECK(ja_origin_parse(pool, origin->url, &again) == NULL);
    CHECK(strcmp(again.url, origin->url) == 0 && strcmp(again.path, origin->path) == 0);
    CHECK(ja_origin_equal(origin, &again));
    CHECK(ja_upstream_guess_kind(origin) == ja_upstream_guess_kind(&again));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static bool initialized;
    char *url = malloc(size + 1);
    ja_origin_t origin;
    apr_pool_t *pool;

    if (!initialized) {
        apr_initialize();
        initialized = true;
    }
    apr_pool_create(&pool, NULL);
    memcpy(url, data, size);
    url[size] = '\0';
    if (!ja_origin_parse(pool, url, &origin)) {
        check_origin(pool, url, &origin);
    }
    free(url);
    apr_pool_destroy(pool);
    return 0;
}
