/* SPDX-License-Identifier: Apache-2.0 */
/* ja_lookup: reading what the REST API says, and what the picture that it names is to us. */
#include <apr_general.h>
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "ja_lookup.h"

#define COUNT(array) ((int)(sizeof(array) / sizeof((array)[0])))
#define CLOUD_ID     "11111111-2222-3333-4444-555555555555"

static const struct {
    const char *json;
    const char *pictures; /* NULL: refused */
} answers[] = {
    {"{\"avatarUrls\":{\"48x48\":\"https:\\/\\/a\\/1?x=1\\u0026y=2\"}}",
     "48 https://a/1?x=1&y=2\n"},
    {"{\"avatarUrls\":{\"16x16\":\"/a\",\"x\":\"/b\",\"24x25\":\"/c\",\"0x0\":\"/d\"}}", "16 /a\n"},
    {"{\"iconUrl\":\"https://a/\",\"avatarUrls\":null}", "0 https://a/\n"},
    {"{\"avatarUrls\":{\"48x48\":\"/a\"},\"iconUrl\":\"/b\"}", "48 /a\n"},
    {"{\"x\":\"[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[\\\"[\",\"iconUrl\":\"/b\"}", "0 /b\n"},
    {"", NULL},
    {"null", NULL},
    {"[]", NULL},
    {"{}", NULL},
    {"{\"iconUrl\":7}", NULL},
    {"{\"iconUrl\":\"\"}", NULL},
    {"{\"iconUrl\":\"/a b\"}", NULL},
    {"{\"iconUrl\":\"/a\\n1 /b\"}", NULL},
    {"{\"iconUrl\":\"/a\\u0000\"}", NULL},
    {"{\"iconUrl\":\"/a\"", NULL},
    {"{\"iconUrl\":\"/a\"} x", NULL},
    {"{\"iconUrl\":\"/a\",\"iconUrl\":\"/b\"}", NULL},
    {"{\"iconUrl\":\"\xff\"}", NULL},
    {"{\"avatarUrls\":[]}", NULL},
    {"{\"avatarUrls\":{}}", NULL},
    {"{\"avatarUrls\":{\"48x48\":{}}}", NULL},
    {"{\"iconUrl\":\"/a\",\"n\":1e999}", NULL},
};

START_TEST(answer_is_read)
{
    char text[JA_LOOKUP_PICTURES];
    ja_buf_t pictures = ja_buf(text, sizeof(text));
    const char *wrong = ja_lookup_read(ja_slice(answers[_i].json), &pictures);

    ck_assert_msg((wrong == NULL) == (answers[_i].pictures != NULL), "%s", answers[_i].json);
    if (wrong == NULL) {
        ck_assert_str_eq(text, answers[_i].pictures);
    }
}
END_TEST

/* Deep nesting and sheer size do not reach the parser. */
START_TEST(bounds)
{
    char text[JA_LOOKUP_PICTURES];
    ja_buf_t pictures = ja_buf(text, sizeof(text));
    size_t len = JA_LOOKUP_BYTES + 1;
    char *json = malloc(len);

    memset(json, '[', len);
    ck_assert_str_eq(ja_lookup_read((ja_slice_t){json, len}, &pictures),
                     "the answer is larger than 1 MB");
    ck_assert_str_eq(ja_lookup_read((ja_slice_t){json, 100000}, &pictures),
                     "the answer is nested too deep");
    free(json);
}
END_TEST

static const struct {
    ja_size_t size;
    const char *url;
} picks[] = {
    {JA_SIZE_NONE, "/48"},   {JA_SIZE_XSMALL, "/16"}, {JA_SIZE_SMALL, "/32"},
    {JA_SIZE_MEDIUM, "/32"}, {JA_SIZE_LARGE, "/48"},  {JA_SIZE_XXXLARGE, "/48"},
};

START_TEST(pick)
{
    ja_slice_t url = ja_lookup_pick(ja_slice("32 /32\n48 /48\n16 /16\n"), picks[_i].size);

    ck_assert_msg(ja_slice_is(url, picks[_i].url), "size %d", picks[_i].size);
    ck_assert_ptr_null(ja_lookup_pick(ja_slice(""), picks[_i].size).data);
    ck_assert(ja_slice_is(ja_lookup_pick(ja_slice("0 /icon\n"), picks[_i].size), "/icon"));
}
END_TEST

#define SITE    "https://example.atlassian.net"
#define GATEWAY "https://api.atlassian.com/ex/jira/" CLOUD_ID
#define DC      "https://jira.example.com:8443/jira"
#define VIEW    "/rest/api/2/universal_avatar/view/type/project/avatar/10400"

static const struct {
    ja_site_kind_t kind;
    const char *url;
    ja_found_t found;
    ja_ref_form_t form;
} places[] = {
    {JA_SITE_CLOUD, SITE VIEW "?size=small", JA_FOUND_OURS, JA_REF_VIEW_AVATAR},
    {JA_SITE_CLOUD, "https://EXAMPLE.atlassian.net:443" VIEW, JA_FOUND_OURS, JA_REF_VIEW_AVATAR},
    {JA_SITE_CLOUD, GATEWAY VIEW, JA_FOUND_OURS, JA_REF_VIEW_AVATAR},
    {JA_SITE_CLOUD, VIEW, JA_FOUND_OURS, JA_REF_VIEW_AVATAR},
    {JA_SITE_CLOUD, SITE "/images/icons/statuses/open.png", JA_FOUND_OURS, JA_REF_ICON},
    {JA_SITE_CLOUD, SITE, JA_FOUND_NOTHING, 0},
    {JA_SITE_CLOUD, SITE "/", JA_FOUND_NOTHING, 0},
    {JA_SITE_CLOUD, "/", JA_FOUND_NOTHING, 0},
    {JA_SITE_CLOUD, "https://secure.gravatar.com/avatar/1?d=x", JA_FOUND_PUBLIC, 0},
    {JA_SITE_CLOUD, "https://evil.example" VIEW, JA_FOUND_ELSEWHERE, 0},
    {JA_SITE_CLOUD, "http://example.atlassian.net" VIEW, JA_FOUND_ELSEWHERE, 0},
    {JA_SITE_CLOUD, "https://example.atlassian.net:8443" VIEW, JA_FOUND_ELSEWHERE, 0},
    {JA_SITE_CLOUD, "https://x@example.atlassian.net" VIEW, JA_FOUND_ELSEWHERE, 0},
    {JA_SITE_CLOUD, "//example.atlassian.net" VIEW, JA_FOUND_ELSEWHERE, 0},
    {JA_SITE_CLOUD, "https://api.atlassian.com" VIEW, JA_FOUND_ELSEWHERE, 0},
    {JA_SITE_CLOUD, "https://api.atlassian.com/", JA_FOUND_ELSEWHERE, 0},
    {JA_SITE_CLOUD, SITE "/rest/api/2/search", JA_FOUND_ELSEWHERE, 0},
    {JA_SITE_CLOUD, SITE "/user/557058:x", JA_FOUND_ELSEWHERE, 0},
    {JA_SITE_CLOUD, SITE "/project/KEY", JA_FOUND_ELSEWHERE, 0},
    {JA_SITE_CLOUD, SITE "/secure/../rest/api/2/search", JA_FOUND_ELSEWHERE, 0},
    {JA_SITE_CLOUD, SITE "/images/icons/..%2f..%2frest.png", JA_FOUND_ELSEWHERE, 0},
    {JA_SITE_DATACENTER, DC "/secure/projectavatar?pid=1&avatarId=2", JA_FOUND_OURS,
     JA_REF_PROJECT},
    {JA_SITE_DATACENTER, "/jira/secure/projectavatar?pid=1&avatarId=2", JA_FOUND_OURS,
     JA_REF_PROJECT},
    {JA_SITE_DATACENTER, DC "/", JA_FOUND_NOTHING, 0},
    {JA_SITE_DATACENTER, DC, JA_FOUND_NOTHING, 0},
    {JA_SITE_DATACENTER, "https://jira.example.com/jira/secure/projectavatar?pid=1",
     JA_FOUND_ELSEWHERE, 0},
    {JA_SITE_DATACENTER, GATEWAY VIEW, JA_FOUND_ELSEWHERE, 0},
};

static apr_pool_t *pool;

static ja_site_t site_of(ja_site_kind_t kind)
{
    ja_site_t site = {.kind = kind, .route = JA_ROUTE_SITE};

    ck_assert_ptr_null(ja_origin_parse(pool, kind == JA_SITE_CLOUD ? SITE : DC, &site.base));
    ck_assert_ptr_null(ja_origin_parse(pool, "https://api.atlassian.com", &site.gateway));
    return site;
}

START_TEST(resolve)
{
    ja_site_t site = site_of(places[_i].kind);
    ja_ref_t wanted = {.form = JA_REF_LOOKUP, .size = JA_SIZE_XLARGE, .format = JA_FORMAT_PNG};
    ja_host_t host;
    ja_hosts_t hosts = {&host, 1, ""};
    ja_ref_t ref;

    ck_assert_ptr_null(ja_host_parse(pool, "secure.gravatar.com", &host));
    ja_found_t found = ja_lookup_resolve(&site, &hosts, ja_slice(places[_i].url), &wanted, &ref);
    ck_assert_msg(found == places[_i].found, "%s: %d", places[_i].url, found);
    if (found == JA_FOUND_OURS) {
        ck_assert_msg(ref.form == places[_i].form, "%s", places[_i].url);
        ck_assert_int_eq(ref.size, ref.form == JA_REF_ICON ? JA_SIZE_NONE : JA_SIZE_XLARGE);
        ck_assert_int_eq(ref.format,
                         ref.form == JA_REF_VIEW_AVATAR ? JA_FORMAT_PNG : JA_FORMAT_NONE);
    }
    if (found == JA_FOUND_PUBLIC) {
        ck_assert_int_eq(ja_lookup_resolve(&site, NULL, ja_slice(places[_i].url), &wanted, &ref),
                         JA_FOUND_ELSEWHERE);
    }
}
END_TEST

static const struct {
    ja_site_kind_t kind;
    ja_route_t route;
    ja_type_t type;
    const char *owner;
    const char *url; /* NULL: there is no look-up */
} lookups[] = {
    {JA_SITE_CLOUD, JA_ROUTE_SITE, JA_TYPE_PROJECT, "KEY", SITE "/rest/api/3/project/KEY"},
    {JA_SITE_CLOUD, JA_ROUTE_GATEWAY, JA_TYPE_PROJECT, "KEY", GATEWAY "/rest/api/3/project/KEY"},
    {JA_SITE_CLOUD, JA_ROUTE_SITE, JA_TYPE_USER, "qm:a-b:c_d",
     SITE "/rest/api/3/user?accountId=qm%3Aa-b%3Ac_d"},
    {JA_SITE_CLOUD, JA_ROUTE_SITE, JA_TYPE_USER, "5:a&b", NULL},
    {JA_SITE_CLOUD, JA_ROUTE_SITE, JA_TYPE_USER, "a/b", NULL},
    {JA_SITE_CLOUD, JA_ROUTE_SITE, JA_TYPE_STATUS, "1", SITE "/rest/api/3/status/1"},
    {JA_SITE_CLOUD, JA_ROUTE_SITE, JA_TYPE_ISSUETYPE, "1", NULL},
    {JA_SITE_CLOUD, JA_ROUTE_SITE, JA_TYPE_PROJECT, "", NULL},
    {JA_SITE_DATACENTER, JA_ROUTE_SITE, JA_TYPE_PROJECT, "KEY", DC "/rest/api/2/project/KEY"},
    {JA_SITE_DATACENTER, JA_ROUTE_SITE, JA_TYPE_ISSUETYPE, "1", DC "/rest/api/2/issuetype/1"},
    {JA_SITE_DATACENTER, JA_ROUTE_SITE, JA_TYPE_PRIORITY, "../x", DC "/rest/api/2/priority/..%2Fx"},
    {JA_SITE_DATACENTER, JA_ROUTE_SITE, JA_TYPE_STATUS, "1", DC "/rest/api/2/status/1"},
    {JA_SITE_DATACENTER, JA_ROUTE_SITE, JA_TYPE_USER, "fred", NULL},
    {JA_SITE_DATACENTER, JA_ROUTE_SITE, JA_TYPE_SD_REQTYPE, "1", NULL},
    {JA_SITE_DATACENTER, JA_ROUTE_SITE, JA_TYPE_NONE, "1", NULL},
};

START_TEST(lookup_url)
{
    ja_site_t site = site_of(lookups[_i].kind);
    ja_ref_t ref = {.form = JA_REF_LOOKUP, .type = lookups[_i].type};
    ja_target_t target;
    ja_buf_t owner = ja_buf(ref.owner, sizeof(ref.owner));

    ja_buf_add(&owner, lookups[_i].owner);
    ja_url_status_t status = ja_upstream_lookup(&site, lookups[_i].route, &ref, CLOUD_ID, &target);
    ck_assert_int_eq(status, lookups[_i].url != NULL ? JA_URL_OK : JA_URL_NO_LOOKUP);
    if (status == JA_URL_OK) {
        ck_assert_str_eq(target.url, lookups[_i].url);
        ck_assert(target.credential);
        ck_assert_int_eq(target.gateway, lookups[_i].route == JA_ROUTE_GATEWAY);
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("lookup");
    TCase *tests = tcase_create("lookup");
    SRunner *runner = srunner_create(suite);

    apr_initialize();
    apr_pool_create(&pool, NULL);
    tcase_add_loop_test(tests, answer_is_read, 0, COUNT(answers));
    tcase_add_test(tests, bounds);
    tcase_add_loop_test(tests, pick, 0, COUNT(picks));
    tcase_add_loop_test(tests, resolve, 0, COUNT(places));
    tcase_add_loop_test(tests, lookup_url, 0, COUNT(lookups));
    suite_add_tcase(suite, tests);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    apr_terminate();
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
