/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Requests of any bytes: the first byte chooses the site, then path and query, split by a NUL
 * (which neither can hold).
 *
 * What parses becomes an avatar endpoint of that site or nothing; and what Jira would be asked is
 * itself a request that means the same.
 */
#include "ja_ref.h"
#include "ja_upstream.h"
#include "avatar_url.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CLOUD_ID         "11111111-2222-3333-4444-555555555555"
#define SITE             "https://example.atlassian.net"
#define GATEWAY          "https://api.atlassian.com"
#define CHECK(condition) ((condition) ? (void)0 : violated(#condition, __LINE__))

static const ja_site_t sites[] = {
    {.kind = JA_SITE_CLOUD,
     .route = JA_ROUTE_SITE,
     .base = {"https", "example.atlassian.net", 443, "", SITE}},
    {.kind = JA_SITE_CLOUD,
     .route = JA_ROUTE_GATEWAY,
     .base = {"https", "example.atlassian.net", 443, "", SITE},
     .gateway = {"https", "api.atlassian.com", 443, "", GATEWAY}},
    {.kind = JA_SITE_DATACENTER,
     .route = JA_ROUTE_SITE,
     .base = {"https", "jira.example.com", 443, "", "https://jira.example.com"}},
    {.kind = JA_SITE_DATACENTER,
     .route = JA_ROUTE_SITE,
     .base = {"http", "jira.example.com", 8080, "/a/jira", "http://jira.example.com:8080/a/jira"}},
};

static void violated(const char *condition, int line)
{
    fprintf(stderr, "line %d: violated: %s\n", line, condition);
    abort();
}

/* The reference that the URL is, asked for once more in the drop-in form. */
static void parse_again(const ja_site_t *site, const char *url, ja_ref_t *ref)
{
    ja_slice_t rest = ja_slice(url);
    const char *reason = NULL;
    char path[JA_URL_MAX];

    CHECK(ja_text_take(&rest, "http://") || ja_text_take(&rest, "https://"));
    ja_text_piece(&rest, '/');
    ja_slice_t encoded = ja_text_piece(&rest, '?');

    CHECK(ja_text_decode(encoded, false, path, sizeof(path)));
    CHECK(ja_ref_parse(site->kind, site->base.path, path, rest.data, ref, &reason) == JA_REF_OK);
    CHECK(!ref->extra_params);
}

static void check_key(const ja_ref_t *a, const ja_ref_t *b)
{
    char text[2][1024];
    ja_buf_t key[2] = {ja_buf(text[0], sizeof(text[0])), ja_buf(text[1], sizeof(text[1]))};

    ja_ref_key(a, &key[0]);
    ja_ref_key(b, &key[1]);
    CHECK(!key[0].overflow && !key[1].overflow);
    CHECK(strcmp(text[0], text[1]) == 0);
}

static void check_target(const ja_site_t *site, const ja_ref_t *ref)
{
    ja_ref_t again;
    ja_target_t target;
    ja_url_status_t status = ja_upstream_target(site, site->route, ref, CLOUD_ID, &target);

    if (status != JA_URL_OK) {
        CHECK(status == (ref->form == JA_REF_LOOKUP ? JA_URL_NEEDS_LOOKUP : JA_URL_OTHER_CLOUD_ID));
        return;
    }
    bool own = avatar_url_is_endpoint(target.url, site->base.url);
    bool through = site->route == JA_ROUTE_GATEWAY &&
                   avatar_url_is_endpoint(target.url, GATEWAY "/ex/jira/" CLOUD_ID);

    CHECK(own != through);
    CHECK(target.credential == (through || site->route == JA_ROUTE_SITE));
    parse_again(site, target.url, &again);
    check_key(ref, &again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0) {
        return 0;
    }
    const ja_site_t *site = &sites[data[0] % (sizeof(sites) / sizeof(sites[0]))];
    char *path = malloc(size + 1); /* the first byte makes room for a NUL each */
    const char *reason = NULL;
    ja_ref_t ref;

    memcpy(path, data + 1, size - 1);
    path[size - 1] = path[size] = '\0';
    ja_ref_status_t status =
        ja_ref_parse(site->kind, site->base.path, path, path + strlen(path) + 1, &ref, &reason);

    if (status == JA_REF_OK) {
        check_target(site, &ref);
    } else {
        CHECK(reason && reason[0]);
    }
    free(path);
    return 0;
}
