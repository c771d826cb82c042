/* SPDX-License-Identifier: Apache-2.0 */
/* Origins as administrators and attackers write them, and where a reference is asked. */
#include "ja_upstream.h"
#include "avatar_url.h"

#include <apr_general.h>
#include <check.h>
#include <stdlib.h>
#include <string.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define CLOUD_ID     "11111111-2222-3333-4444-555555555555"
#define OTHER_ID     "99999999-2222-3333-4444-555555555555"

static apr_pool_t *pool;

static void setup(void)
{
    apr_initialize();
    apr_pool_create(&pool, NULL);
}

static void teardown(void)
{
    apr_pool_destroy(pool);
    apr_terminate();
}

/* ---- origins ------------------------------------------------------------------------------ */

START_TEST(origins)
{
    static const struct {
        const char *in, *scheme, *host;
        int port;
        const char *path, *url;
    } rows[] = {
        {"https://example.atlassian.net", "https", "example.atlassian.net", 443, "",
         "https://example.atlassian.net"},
        {"HTTPS://Example.Atlassian.NET./", "https", "example.atlassian.net", 443, "",
         "https://example.atlassian.net"},
        {"https://jira.example.com:443/jira/", "https", "jira.example.com", 443, "/jira",
         "https://jira.example.com/jira"},
        {"http://jira:8080/a-b/C_d.e~f", "http", "jira", 8080, "/a-b/C_d.e~f",
         "http://jira:8080/a-b/C_d.e~f"},
        {"http://jira:0080", "http", "jira", 80, "", "http://jira"},
        {"https://jira:80", "https", "jira", 80, "", "https://jira:80"},
        {"https://127.0.0.1:8443", "https", "127.0.0.1", 8443, "", "https://127.0.0.1:8443"},
        {"https://[::1]", "https", "[::1]", 443, "", "https://[::1]"},
        {"https://[0:0::0001]:8443/jira", "https", "[::1]", 8443, "/jira",
         "https://[::1]:8443/jira"},
        {"https://[2001:DB8::A]/", "https", "[2001:db8::a]", 443, "", "https://[2001:db8::a]"},
        {"https://xn--jra-7qa.example", "https", "xn--jra-7qa.example", 443, "",
         "https://xn--jra-7qa.example"},
        {"https://my_jira.example", "https", "my_jira.example", 443, "", "https://my_jira.example"},
    };

    for (size_t i = 0; i < COUNT(rows); i++) {
        ja_origin_t origin, again;
        const char *reason = ja_origin_parse(pool, rows[i].in, &origin);

        ck_assert_msg(!reason, "row %zu: %s %s", i, rows[i].in, reason);
        ck_assert_str_eq(origin.scheme, rows[i].scheme);
        ck_assert_str_eq(origin.host, rows[i].host);
        ck_assert_int_eq(origin.port, rows[i].port);
        ck_assert_str_eq(origin.path, rows[i].path);
        ck_assert_str_eq(origin.url, rows[i].url);
        ck_assert(!ja_origin_parse(pool, origin.url, &again));
        ck_assert_str_eq(again.url, origin.url);
        ck_assert(ja_origin_equal(&origin, &again));
    }
}
END_TEST

#define LABEL_50 "a123456789b123456789c123456789d123456789e123456789"

START_TEST(refused_origins)
{
    static const struct {
        const char *in, *reason; /* a part of it */
    } rows[] = {
        {NULL, "begin"},
        {"", "begin"},
        {"example.atlassian.net", "begin"},
        {"//example.atlassian.net", "begin"},
        {"https:/example.atlassian.net", "begin"},
        {"https:example.atlassian.net", "begin"},
        {"ftp://example.atlassian.net", "begin"},
        {"httpss://example.atlassian.net", "begin"},
        {"file:///etc/passwd", "begin"},
        {"unix:/run/jira.sock|http://localhost/", "begin"},
        {"https://", "host"},
        {"https:///jira", "host"},
        {"https://:443", "host"},
        {"https://.", "host"},
        {"https://..", "host"},
        {"https://a..b", "host"},
        {"https://.a", "host"},
        {"https://a...", "host"},
        {"https://-a.example", "host"},
        {"https://a-.example", "host"},
        {"https://a!b", "host"},
        {"https://" LABEL_50 LABEL_50 ".example", "host"},
        {"https://a;b", "host"},
        {"https://jira.example.com;@evil", "user"},
        {"https://jira.example.com@evil.example", "user"},
        {"https://jira.example.com:443@evil.example", "user"},
        {"https://user:password@jira.example.com", "user"},
        {"https://@jira.example.com", "user"},
        {"https://jira.example.com\\@evil.example", "backslash"},
        {"https:\\\\jira.example.com", "backslash"},
        {"https://jira.example.com\\.evil.example", "backslash"},
        {"https://jira.example.com#@evil.example", "fragment"},
        {"https://jira.example.com/#", "fragment"},
        {"https://jira.example.com?@evil.example", "query"},
        {"https://jira.example.com/jira?x=y", "query"},
        {"https://jira.example.com%2f@evil.example", "percent"},
        {"https://jira.example.com%00.evil.example", "percent"},
        {"https://jira.example.com/%2e%2e", "percent"},
        {"https://[fe80::1%25eth0]", "percent"},
        {" https://jira.example.com", "space"},
        {"https://jira.example.com ", "space"},
        {"https://jira.example.com\n.evil.example", "control"},
        {"https://jira.example.com\t", "control"},
        {"https://jira.example.com\x7f", "control"},
        {"https://j\xc3\xafra.example", "ASCII"},
        {"https://jira\xe3\x80\x82"
         "example.com",
         "ASCII"}, /* IDEOGRAPHIC FULL STOP */
        {"https://jira.example.com:", "port"},
        {"https://jira.example.com:0", "port"},
        {"https://jira.example.com:65536", "port"},
        {"https://jira.example.com:443:443", "port"},
        {"https://jira.example.com:+443", "port"},
        {"https://jira.example.com:https", "port"},
        {"https://[::1", "IPv6"},
        {"https://[]", "IPv6"},
        {"https://[::1]x", "IPv6"},
        {"https://[::1]:", "port"},
        {"https://[::1].evil.example", "IPv6"},
        {"https://[127.0.0.1]", "IPv6"},
        {"https://[::g]", "IPv6"},
        {"https://::1", "host"},
        {"https://jira.example.com/./jira", "dot"},
        {"https://jira.example.com/jira/..", "dot"},
        {"https://jira.example.com/jira/../", "dot"},
        {"https://jira.example.com//jira", "path"},
        {"https://jira.example.com/jira//", "path"},
        {"https://jira.example.com//", "path"},
        {"https://jira.example.com/jira;x", "path"},
        {"https://jira.example.com/jira:x", "path"},
    };

    for (size_t i = 0; i < COUNT(rows); i++) {
        ja_origin_t origin = {.port = -7};
        const char *reason = ja_origin_parse(pool, rows[i].in, &origin);

        ck_assert_msg(reason && strstr(reason, rows[i].reason), "row %zu: %s: %s", i, rows[i].in,
                      reason);
        ck_assert_int_eq(origin.port, -7);
    }
}
END_TEST

START_TEST(long_origins)
{
    char url[400] = "https://jira.example.com/";
    ja_origin_t origin;

    memset(url + strlen(url), 'a', 300 - strlen(url));
    ck_assert_uint_eq(strlen(url), 300);
    ck_assert(!ja_origin_parse(pool, url, &origin));
    url[300] = 'a';
    ck_assert_str_eq(ja_origin_parse(pool, url, &origin), "is longer than 300 characters");
}
END_TEST

START_TEST(equal_origins)
{
    static const struct {
        const char *a, *b;
        bool equal;
    } rows[] = {
        {"https://jira.example.com", "https://JIRA.example.com.:443/jira", true},
        {"http://jira.example.com", "http://jira.example.com:80", true},
        {"https://[::1]", "https://[0:0:0:0:0:0:0:1]", true},
        {"https://jira.example.com", "http://jira.example.com", false},
        {"https://jira.example.com", "http://jira.example.com:443", false},
        {"https://jira.example.com", "https://jira.example.com:8443", false},
        {"https://jira.example.com", "https://jira.example.com.evil.example", false},
        {"https://jira.example.com", "https://evil.example/jira.example.com", false},
        {"https://jira.example.com", "https://xjira.example.com", false},
        {"https://jira.example.com", "https://jira.example.co", false},
    };

    for (size_t i = 0; i < COUNT(rows); i++) {
        ja_origin_t a, b;

        ck_assert(!ja_origin_parse(pool, rows[i].a, &a) && !ja_origin_parse(pool, rows[i].b, &b));
        ck_assert_msg(ja_origin_equal(&a, &b) == rows[i].equal, "row %zu", i);
        ck_assert_msg(ja_origin_equal(&b, &a) == rows[i].equal, "row %zu", i);
    }
}
END_TEST

START_TEST(guessed_kinds)
{
    static const struct {
        const char *url;
        ja_site_kind_t kind;
    } rows[] = {
        {"https://example.atlassian.net", JA_SITE_CLOUD},
        {"https://a.b.Atlassian.net.", JA_SITE_CLOUD},
        {"https://atlassian.net", JA_SITE_CLOUD},
        {"https://example.jira-dev.com", JA_SITE_CLOUD},
        {"https://jira-dev.com", JA_SITE_CLOUD},
        {"https://exampleatlassian.net", JA_SITE_DATACENTER},
        {"https://example.atlassian.net.evil.example", JA_SITE_DATACENTER},
        {"https://evil.example/example.atlassian.net", JA_SITE_DATACENTER},
        {"https://atlassian.com", JA_SITE_DATACENTER},
        {"https://jira.example.com", JA_SITE_DATACENTER},
        {"https://[::1]", JA_SITE_DATACENTER},
    };

    for (size_t i = 0; i < COUNT(rows); i++) {
        ja_origin_t origin;

        ck_assert(!ja_origin_parse(pool, rows[i].url, &origin));
        ck_assert_msg(ja_upstream_guess_kind(&origin) == rows[i].kind, "row %zu", i);
    }
}
END_TEST

/* ---- targets
 * -------------------------------------------------------------------------------------- */

#define SITE    "https://example.atlassian.net"
#define GATEWAY "https://api.atlassian.com"
#define VIEW    "/rest/api/3/universal_avatar/view/type/"

static ja_site_t make_site(ja_site_kind_t kind, ja_route_t route, const char *cloud_id)
{
    ja_site_t site = {.kind = kind, .route = route, .cloud_id = cloud_id};
    const char *base = kind == JA_SITE_CLOUD ? SITE : "https://jira.example.com:8443/jira";

    ck_assert(!ja_origin_parse(pool, base, &site.base));
    ck_assert(!ja_origin_parse(pool, GATEWAY, &site.gateway));
    return site;
}

START_TEST(targets)
{
    static const struct {
        const char *configured, *learnt;
        ja_route_t route;
        const char *path, *query;
        ja_url_status_t status;
        const char *url;
        bool credential, identity;
    } rows[] = {
        {NULL, NULL, JA_ROUTE_SITE, "project/1", NULL, JA_URL_OK, SITE VIEW "project/owner/1", true,
         true},
        {NULL, NULL, JA_ROUTE_SITE, "images/icons/a/b.png", NULL, JA_URL_OK,
         SITE "/images/icons/a/b.png", true, false},
        {NULL, NULL, JA_ROUTE_SITE, "secure/useravatar", "ownerId=fred", JA_URL_OK,
         SITE "/secure/useravatar?ownerId=fred", true, true},
        {NULL, NULL, JA_ROUTE_SITE, "project/ABC", NULL, JA_URL_NEEDS_LOOKUP, NULL, false, false},

        /* the gateway has the REST API alone; what only the site has goes there, without */
        {CLOUD_ID, NULL, JA_ROUTE_GATEWAY, "project/1", "size=16&format=svg", JA_URL_OK,
         GATEWAY "/ex/jira/" CLOUD_ID VIEW "project/owner/1?size=xsmall&format=svg", true, false},
        {NULL, CLOUD_ID, JA_ROUTE_GATEWAY, "secure/viewavatar", "avatarId=1", JA_URL_OK,
         GATEWAY "/ex/jira/" CLOUD_ID VIEW "issuetype/avatar/1", true, false},
        {CLOUD_ID, OTHER_ID, JA_ROUTE_GATEWAY, "project/1", NULL, JA_URL_OK,
         GATEWAY "/ex/jira/" CLOUD_ID VIEW "project/owner/1", true, false},
        {NULL, NULL, JA_ROUTE_GATEWAY, "project/1", NULL, JA_URL_NEEDS_CLOUD_ID, NULL, false,
         false},
        {NULL, "x/../y", JA_ROUTE_GATEWAY, "project/1", NULL, JA_URL_NEEDS_CLOUD_ID, NULL, false,
         false},
        {NULL, NULL, JA_ROUTE_GATEWAY, "project/ABC", NULL, JA_URL_NEEDS_LOOKUP, NULL, false,
         false},
        {NULL, NULL, JA_ROUTE_GATEWAY, "images/icons/b.png", NULL, JA_URL_OK,
         SITE "/images/icons/b.png", false, false},
        {NULL, NULL, JA_ROUTE_GATEWAY, "secure/useravatar", "avatarId=1", JA_URL_OK,
         SITE "/secure/useravatar?avatarId=1", false, true},

        /* a cloudId in the path must be the site's own, whatever the route */
        {CLOUD_ID, NULL, JA_ROUTE_SITE, "ex/jira/" CLOUD_ID "/secure/viewavatar", "avatarId=1",
         JA_URL_OK, SITE VIEW "issuetype/avatar/1", true, true},
        {"abcdef01-2222-3333-4444-555555555555", NULL, JA_ROUTE_SITE,
         "ex/jira/ABCDEF01-2222-3333-4444-555555555555/secure/viewavatar", "avatarId=1", JA_URL_OK,
         SITE VIEW "issuetype/avatar/1", true, true},
        {NULL, "ABCDEF01-2222-3333-4444-555555555555", JA_ROUTE_SITE,
         "ex/jira/abcdef01-2222-3333-4444-555555555555/secure/viewavatar", "avatarId=1", JA_URL_OK,
         SITE VIEW "issuetype/avatar/1", true, true},
        {CLOUD_ID, OTHER_ID, JA_ROUTE_SITE, "ex/jira/" OTHER_ID "/secure/viewavatar", "avatarId=1",
         JA_URL_OTHER_CLOUD_ID, NULL, false, false},
        {NULL, CLOUD_ID, JA_ROUTE_GATEWAY, "ex/jira/" OTHER_ID "/images/icons/b.png", NULL,
         JA_URL_OTHER_CLOUD_ID, NULL, false, false},
        {NULL, NULL, JA_ROUTE_SITE, "ex/jira/" CLOUD_ID "/images/icons/b.png", NULL,
         JA_URL_NEEDS_CLOUD_ID, NULL, false, false},
    };

    for (size_t i = 0; i < COUNT(rows); i++) {
        ja_site_t site = make_site(JA_SITE_CLOUD, rows[i].route, rows[i].configured);
        const char *reason = NULL;
        ja_target_t target;
        ja_ref_t ref;

        ck_assert_msg(ja_ref_parse(site.kind, site.base.path, rows[i].path, rows[i].query, &ref,
                                   &reason) == JA_REF_OK,
                      "row %zu: %s", i, reason);
        ja_url_status_t status =
            ja_upstream_target(&site, site.route, &ref, rows[i].learnt, &target);
        ck_assert_msg(status == rows[i].status, "row %zu", i);
        if (status == JA_URL_OK) {
            ck_assert_str_eq(target.url, rows[i].url);
            ck_assert_msg(target.credential == rows[i].credential, "row %zu", i);
            ck_assert_msg(target.identity == rows[i].identity, "row %zu", i);
        }
    }
}
END_TEST

/* Data Center has one origin, and no gateway whatever the route says. */
START_TEST(datacenter_targets)
{
    static const ja_route_t routes[] = {JA_ROUTE_SITE, JA_ROUTE_GATEWAY};
    static const struct {
        const char *path, *query, *url;
        bool identity;
    } rows[] = {
        {"jira/secure/viewavatar", "avatarId=1&avatarType=issuetype",
         "/secure/viewavatar?avatarId=1&avatarType=issuetype", true},
        {"user/fred", NULL, "/secure/useravatar?ownerId=fred", true},
        {"project/1", NULL, "/secure/projectavatar?pid=1", true},
        {"images/icons/bug.gif", NULL, "/images/icons/bug.gif", false},
    };

    for (size_t i = 0; i < COUNT(rows) * COUNT(routes); i++) {
        size_t row = i / COUNT(routes);
        ja_site_t site = make_site(JA_SITE_DATACENTER, routes[i % COUNT(routes)], NULL);
        size_t base = strlen(site.base.url);
        const char *reason;
        ja_target_t target;
        ja_ref_t ref;

        ck_assert_int_eq(
            ja_ref_parse(site.kind, site.base.path, rows[row].path, rows[row].query, &ref, &reason),
            JA_REF_OK);
        ck_assert_int_eq(ja_upstream_target(&site, site.route, &ref, NULL, &target), JA_URL_OK);
        ck_assert_mem_eq(target.url, "https://jira.example.com:8443/jira/", base + 1);
        ck_assert_str_eq(target.url + base, rows[row].url);
        ck_assert(target.credential);
        ck_assert(target.identity == rows[row].identity);
    }
}
END_TEST

/* The longest reference on the longest origin still is one whole URL. */
START_TEST(longest_url)
{
    char base[301] = "https://jira.example.com/";
    ja_site_t site = {.kind = JA_SITE_DATACENTER, .route = JA_ROUTE_SITE};
    ja_ref_t ref = {.form = JA_REF_USER,
                    .type = JA_TYPE_SD_REQTYPE,
                    .size = JA_SIZE_XXXLARGE,
                    .no_redirect = JA_REDIRECT_YES,
                    .has_avatar_id = true,
                    .avatar_id = INT64_MAX};
    ja_target_t target;

    memset(base + strlen(base), 'a', 300 - strlen(base));
    ck_assert(!ja_origin_parse(pool, base, &site.base));
    memset(ref.owner, '@', JA_REF_TEXT - 1);
    memset(ref.username, '@', JA_REF_TEXT - 1);
    ck_assert_int_eq(ja_upstream_target(&site, site.route, &ref, NULL, &target), JA_URL_OK);
    ck_assert_uint_gt(strlen(target.url), 1900);
    ck_assert(avatar_url_is_endpoint(target.url, base));
    ck_assert_str_eq(strrchr(target.url, '&'), "&noRedirect=false");
}
END_TEST

START_TEST(tenant_info)
{
    ja_site_t site = make_site(JA_SITE_CLOUD, JA_ROUTE_GATEWAY, NULL);
    ja_target_t target = {.credential = true, .identity = true};

    ja_upstream_tenant_info(&site, &target);
    ck_assert_str_eq(target.url, SITE "/_edge/tenant_info");
    ck_assert(!target.credential && !target.identity);
}
END_TEST

/* Every question, and the scope that it needs of a token that has scopes. */
START_TEST(questions)
{
    static const struct {
        ja_question_t question;
        const char *cloud, *datacenter, *scope;
    } rows[] = {
        {JA_QUESTION_SERVER, "/rest/api/3/serverInfo", "/rest/api/2/serverInfo", NULL},
        {JA_QUESTION_MYSELF, "/rest/api/3/myself", "/rest/api/2/myself", "read:jira-user"},
        {JA_QUESTION_PROJECTS, "/rest/api/3/project/search?maxResults=1", "/rest/api/2/project",
         "read:jira-work"},
        {JA_QUESTION_TOKENS, "/rest/pat/latest/tokens", "/rest/pat/latest/tokens", NULL},
    };

    for (size_t i = 0; i < 2 * sizeof(rows) / sizeof(rows[0]); i++) {
        bool is_cloud = i % 2 == 0;
        ja_site_t site =
            make_site(is_cloud ? JA_SITE_CLOUD : JA_SITE_DATACENTER, JA_ROUTE_SITE, NULL);
        const char *path = is_cloud ? rows[i / 2].cloud : rows[i / 2].datacenter;
        ja_target_t target;

        ck_assert_int_eq(
            ja_upstream_question(&site, JA_ROUTE_SITE, rows[i / 2].question, NULL, &target),
            JA_URL_OK);
        ck_assert_str_eq(target.url + strlen(site.base.url), path);
        ck_assert_pstr_eq(target.scope, rows[i / 2].scope);
        ck_assert(target.credential == (rows[i / 2].question != JA_QUESTION_SERVER));
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("upstream");
    TCase *tests = tcase_create("upstream");
    SRunner *runner = srunner_create(suite);

    tcase_add_checked_fixture(tests, setup, teardown);
    tcase_add_test(tests, origins);
    tcase_add_test(tests, refused_origins);
    tcase_add_test(tests, long_origins);
    tcase_add_test(tests, equal_origins);
    tcase_add_test(tests, guessed_kinds);
    tcase_add_test(tests, targets);
    tcase_add_test(tests, datacenter_targets);
    tcase_add_test(tests, longest_url);
    tcase_add_test(tests, tenant_info);
    tcase_add_test(tests, questions);
    suite_add_tcase(suite, tests);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
