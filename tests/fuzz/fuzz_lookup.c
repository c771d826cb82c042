/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Whatever an answer of the REST API says, a picture is fetched with the credential only if it is a
 * reference that a visitor could have written, and without it only from a listed host.
 */
#include <apr_general.h>
#include <assert.h>
#include <string.h>

#include "ja_lookup.h"
#include "ja_url.h"

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size);

static apr_pool_t *pool;
static ja_site_t sites[2];
static ja_host_t host;
static const ja_hosts_t hosts = {&host, 1, ""};

static void prepare(void)
{
    if (pool == NULL) {
        apr_initialize();
        apr_pool_create(&pool, NULL);
        sites[0].kind = JA_SITE_CLOUD;
        sites[1].kind = JA_SITE_DATACENTER;
        (void)ja_origin_parse(pool, "https://a.atlassian.net", &sites[0].base);
        (void)ja_origin_parse(pool, "https://api.atlassian.com", &sites[0].gateway);
        (void)ja_origin_parse(pool, "https://a.example/jira", &sites[1].base);
        (void)ja_origin_parse(pool, "https://api.atlassian.com", &sites[1].gateway);
        (void)ja_host_parse(pool, "*.public.example", &host);
    }
}

static void check(const ja_site_t *site, ja_slice_t url)
{
    static const char *const never[] = {"/rest/api/2/", "/search", "..", "@", "\\", "#"};
    ja_ref_t wanted = {.form = JA_REF_LOOKUP};
    ja_ref_t ref;
    ja_target_t target;
    ja_url_t parts;

    switch (ja_lookup_resolve(site, &hosts, url, &wanted, &ref)) {
    case JA_FOUND_OURS:
        assert(ref.form != JA_REF_LOOKUP);
        if (ja_upstream_target(site, JA_ROUTE_SITE, &ref, "11111111-2222-3333-4444-555555555555",
                               &target) == JA_URL_OK) {
            assert(strncmp(target.url, site->base.url, strlen(site->base.url)) == 0);
            assert(target.url[strlen(site->base.url)] == '/');
            for (size_t i = 0; i < sizeof(never) / sizeof(never[0]) && ref.form != JA_REF_USER &&
                               ref.form != JA_REF_ICON;
                 i++) {
                assert(strstr(target.url, never[i]) == NULL);
            }
        }
        break;
    case JA_FOUND_PUBLIC:
        assert(ja_url_parse(url, &parts) && parts.tls && parts.port == 443);
        assert(strlen(parts.host) > 15 &&
               strcmp(parts.host + strlen(parts.host) - 15, ".public.example") == 0);
        break;
    case JA_FOUND_NOTHING:
    case JA_FOUND_ELSEWHERE:
        break;
    }
}

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size)
{
    char text[JA_LOOKUP_PICTURES];
    ja_buf_t pictures = ja_buf(text, sizeof(text));
    ja_slice_t input = {(const char *)data, size};

    prepare();
    for (size_t i = 0; i < 2; i++) {
        check(&sites[i], input);
    }
    if (ja_lookup_read(input, &pictures) == NULL) {
        assert(!pictures.overflow && pictures.len > 0);
        for (ja_size_t wanted = JA_SIZE_NONE; wanted <= JA_SIZE_XXXLARGE; wanted++) {
            ja_slice_t url = ja_lookup_pick((ja_slice_t){text, pictures.len}, wanted);
            assert(url.len > 0 && url.len < JA_URL_MAX && ja_text_is_plain(url));
            check(&sites[0], url);
            check(&sites[1], url);
        }
    }
    return 0;
}
