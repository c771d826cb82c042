/* SPDX-License-Identifier: Apache-2.0 */
/* ja_url, ja_address, ja_hosts: where a picture may be fetched from. */
#include <apr_general.h>
#include <arpa/inet.h>
#include <check.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include "ja_hosts.h"
#include "ja_url.h"

#define COUNT(array) ((int)(sizeof(array) / sizeof((array)[0])))

/* ---- addresses ----------------------------------------------------------------------------- */

static const struct {
    const char *text;
    bool is_public;
} addresses[] = {
    {"127.0.0.1", false},
    {"127.255.255.255", false},
    {"10.0.0.1", false},
    {"10.255.255.255", false},
    {"9.255.255.255", true},
    {"11.0.0.0", true},
    {"172.15.255.255", true},
    {"172.16.0.0", false},
    {"172.31.255.255", false},
    {"172.32.0.0", true},
    {"192.168.1.1", false},
    {"192.167.255.255", true},
    {"192.169.0.0", true},
    {"169.254.169.254", false},
    {"169.253.255.255", true},
    {"100.64.0.0", false},
    {"100.127.255.255", false},
    {"100.63.255.255", true},
    {"100.128.0.0", true},
    {"0.0.0.0", false},
    {"0.1.2.3", false},
    {"192.0.0.8", false},
    {"192.0.2.1", false},
    {"192.88.99.1", false},
    {"198.17.255.255", true},
    {"198.18.0.0", false},
    {"198.19.255.255", false},
    {"198.20.0.0", true},
    {"198.51.100.7", false},
    {"203.0.113.7", false},
    {"223.255.255.255", true},
    {"224.0.0.1", false},
    {"239.255.255.250", false},
    {"240.0.0.1", false},
    {"255.255.255.255", false},
    {"8.8.8.8", true},
    {"104.192.141.1", true},
    {"::", false},
    {"::1", false},
    {"::ffff:127.0.0.1", false},
    {"::ffff:8.8.8.8", false},
    {"::ffff:0:8.8.8.8", false},
    {"::127.0.0.1", false},
    {"::8.8.8.8", false},
    {"64:ff9b::7f00:1", false},
    {"64:ff9b::808:808", false},
    {"64:ff9b:1::1", false},
    {"100::1", false},
    {"2002:7f00:1::", false},
    {"2002:808:808::", false},
    {"2001::1", false},
    {"2001:0:808:808::", false},
    {"2001:1ff::1", false},
    {"2001:200::1", true},
    {"2001:db8::1", false},
    {"2001:db9::1", true},
    {"3fff::1", false},
    {"fc00::1", false},
    {"fdff::1", false},
    {"fe80::1", false},
    {"febf::1", false},
    {"fec0::1", false},
    {"ff02::1", false},
    {"5f00::1", false},
    {"2600:1f18::1", true},
    {"2a00:1450::1", true},
};

static ja_address_t address_of(const char *text)
{
    struct sockaddr_in four = {.sin_family = AF_INET};
    struct sockaddr_in6 six = {.sin6_family = AF_INET6};
    ja_address_t address;

    if (inet_pton(AF_INET, text, &four.sin_addr) == 1) {
        ck_assert(ja_address_of((struct sockaddr *)&four, &address));
    } else {
        ck_assert_msg(inet_pton(AF_INET6, text, &six.sin6_addr) == 1, "%s", text);
        ck_assert(ja_address_of((struct sockaddr *)&six, &address));
    }
    return address;
}

START_TEST(is_public)
{
    ja_address_t address = address_of(addresses[_i].text);

    ck_assert_msg(ja_address_is_public(&address) == addresses[_i].is_public, "%s",
                  addresses[_i].text);
}
END_TEST

START_TEST(is_written)
{
    char text[64];
    ja_buf_t out = ja_buf(text, sizeof(text));
    ja_address_t address = address_of("2a00:1450::1");

    ja_address_write(&address, &out);
    ck_assert_str_eq(text, "2a00:1450::1");
}
END_TEST

START_TEST(unix_is_no_address)
{
    struct sockaddr local = {.sa_family = AF_UNIX};
    ja_address_t address;

    ck_assert(!ja_address_of(&local, &address));
}
END_TEST

static const struct {
    const char *range;
    const char *address;
    int holds; /* -1: not a range */
} ranges[] = {
    {"10.1.2.0/24", "10.1.2.255", 1},
    {"10.1.2.0/24", "10.1.3.0", 0},
    {"10.1.2.3", "10.1.2.3", 1},
    {"10.1.2.3", "10.1.2.4", 0},
    {"10.1.2.77/24", "10.1.2.3", 1},
    {"0.0.0.0/0", "1.2.3.4", 1},
    {"0.0.0.0/0", "::1", 0},
    {"10.0.0.0/9", "10.127.0.1", 1},
    {"10.0.0.0/9", "10.128.0.1", 0},
    {"fd00:1::/33", "fd00:1:7fff::1", 1},
    {"fd00:1::/33", "fd00:1:8000::", 0},
    {"::/0", "fd00::1", 1},
    {"::1", "::1", 1},
    {"10.1.2.0/33", NULL, -1},
    {"fd00::/129", NULL, -1},
    {"10.1.2", NULL, -1},
    {"", NULL, -1},
    {"/8", NULL, -1},
    {"10.0.0.0/", NULL, -1},
    {"010.0.0.1", NULL, -1},
    {"0x7f000001", NULL, -1},
    {"2130706433", NULL, -1},
    {"localhost", NULL, -1},
    {"10.0.0.0/8/8", NULL, -1},
};

START_TEST(range_holds)
{
    ja_range_t range;
    bool parsed = ja_range_parse(ja_slice(ranges[_i].range), &range);

    ck_assert_msg(parsed == (ranges[_i].holds >= 0), "%s", ranges[_i].range);
    if (parsed) {
        ja_address_t address = address_of(ranges[_i].address);
        ck_assert_msg(ja_range_holds(&range, &address) == ranges[_i].holds, "%s in %s",
                      ranges[_i].address, ranges[_i].range);
    }
}
END_TEST

/* ---- URLs ---------------------------------------------------------------------------------- */

static const struct {
    const char *text;
    const char *host; /* NULL: refused */
    int port;
    const char *path;
    const char *query; /* NULL: none */
} urls[] = {
    {"https://Secure.Gravatar.com/avatar/1?d=https%3A%2F%2Fx&s=4", "secure.gravatar.com", 443,
     "/avatar/1", "d=https%3A%2F%2Fx&s=4"},
    {"http://jira.example.com:8080/jira/x#y?z", "jira.example.com", 8080, "/jira/x", NULL},
    {"HTTPS://h", "h", 443, "", NULL},
    {"https://h?a/b", "h", 443, "", "a/b"},
    {"https://h/?", "h", 443, "/", ""},
    {"https://[::1]:8443/x", "[::1]", 8443, "/x", NULL},
    {"https://[::1]/x", "[::1]", 443, "/x", NULL},
    {"https://h//x", "h", 443, "//x", NULL},
    {"https://h/%2e%2e/x", "h", 443, "/%2e%2e/x", NULL},
    {"https://127.1/x", "127.1", 443, "/x", NULL},
    {"", NULL, 0, NULL, NULL},
    {"https:", NULL, 0, NULL, NULL},
    {"https:/h/x", NULL, 0, NULL, NULL},
    {"//h/x", NULL, 0, NULL, NULL},
    {"/x", NULL, 0, NULL, NULL},
    {"https://", NULL, 0, NULL, NULL},
    {"https:///x", NULL, 0, NULL, NULL},
    {"https://:443/x", NULL, 0, NULL, NULL},
    {"https://u@h/x", NULL, 0, NULL, NULL},
    {"https://u:p@h/x", NULL, 0, NULL, NULL},
    {"https://h\\@x/", NULL, 0, NULL, NULL},
    {"https://h%2e/x", NULL, 0, NULL, NULL},
    {"https://h:0/x", NULL, 0, NULL, NULL},
    {"https://h:65536/x", NULL, 0, NULL, NULL},
    {"https://h:/x", NULL, 0, NULL, NULL},
    {"https://h:8x/x", NULL, 0, NULL, NULL},
    {"https://[::1/x", NULL, 0, NULL, NULL},
    {"https://[::1]x/x", NULL, 0, NULL, NULL},
    {"https://h /x", NULL, 0, NULL, NULL},
    {"https://h/x\r\ny", NULL, 0, NULL, NULL},
    {"https://h/\xc3\xa4", NULL, 0, NULL, NULL},
    {"file:///etc/passwd", NULL, 0, NULL, NULL},
    {"javascript:alert(1)", NULL, 0, NULL, NULL},
    {"httpss://h/x", NULL, 0, NULL, NULL},
};

static bool is_text(ja_slice_t slice, const char *text)
{
    return text == NULL ? slice.data == NULL : slice.data != NULL && ja_slice_is(slice, text);
}

START_TEST(url_parts)
{
    ja_url_t found;
    bool parsed = ja_url_parse(ja_slice(urls[_i].text), &found);

    ck_assert_msg(parsed == (urls[_i].host != NULL), "%s", urls[_i].text);
    if (parsed) {
        ck_assert_str_eq(found.host, urls[_i].host);
        ck_assert_int_eq(found.port, urls[_i].port);
        ck_assert_msg(ja_slice_is(found.path, urls[_i].path), "%s", urls[_i].text);
        ck_assert_msg(is_text(found.query, urls[_i].query), "%s", urls[_i].text);
    }
}
END_TEST

/* ---- hosts --------------------------------------------------------------------------------- */

static const struct {
    const char *host;
    const char *url;
    bool found;
} lists[] = {
    {"secure.gravatar.com", "https://secure.gravatar.com/avatar/1", true},
    {"Secure.Gravatar.COM", "https://SECURE.gravatar.com/avatar/1", true},
    {"secure.gravatar.com", "http://secure.gravatar.com/avatar/1", false},
    {"secure.gravatar.com", "https://secure.gravatar.com:8443/avatar/1", false},
    {"secure.gravatar.com:8443", "https://secure.gravatar.com:8443/avatar/1", true},
    {"secure.gravatar.com:8443", "https://secure.gravatar.com/avatar/1", false},
    {"secure.gravatar.com", "https://secure.gravatar.com./avatar/1", false},
    {"secure.gravatar.com", "https://xsecure.gravatar.com/avatar/1", false},
    {"secure.gravatar.com", "https://a.secure.gravatar.com/avatar/1", false},
    {"secure.gravatar.com", "https://secure.gravatar.com@evil.example/", false},
    {"secure.gravatar.com", "https://secure.gravatar.com.evil.example/", false},
    {"*.prod.public.atl-paas.net", "https://a--b.us-west-2.prod.public.atl-paas.net/x", true},
    {"*.prod.public.atl-paas.net", "https://prod.public.atl-paas.net/x", false},
    {"*.prod.public.atl-paas.net", "https://xprod.public.atl-paas.net/x", false},
    {"*.prod.public.atl-paas.net", "https://a.prod.public.atl-paas.net.evil.example/x", false},
};

static apr_pool_t *pool;

START_TEST(listed)
{
    ja_host_t host;
    ja_hosts_t hosts = {&host, 1, lists[_i].host};

    ck_assert_ptr_null(ja_host_parse(pool, lists[_i].host, &host));
    ck_assert_msg((ja_hosts_find(&hosts, ja_slice(lists[_i].url)) != NULL) == lists[_i].found,
                  "%s in %s", lists[_i].url, lists[_i].host);
}
END_TEST

START_TEST(may_be_at)
{
    ja_host_t host;
    ja_address_t own = address_of("10.1.2.3");
    ja_address_t six = address_of("fd00::1");
    ja_address_t other = address_of("10.1.3.3");
    ja_address_t google = address_of("8.8.8.8");

    ck_assert_ptr_null(ja_host_parse(pool, "a.example=10.1.2.0/24,fd00::/8", &host));
    ck_assert(ja_host_may_be_at(&host, &own));
    ck_assert(ja_host_may_be_at(&host, &six));
    ck_assert(!ja_host_may_be_at(&host, &other));
    ck_assert(ja_host_may_be_at(&host, &google));
    ck_assert_ptr_null(ja_host_parse(pool, "a.example", &host));
    ck_assert(!ja_host_may_be_at(&host, &own));
}
END_TEST

static const char *const bad_hosts[] = {
    "",          "*",       "*.",  "*.com", "*com.example", "a*.example.com", ".example.com",
    "a:0",       "a:65536", "a:",  "a=",    "a=,",          "a=10.0.0.0/33",  "a=x",
    "https://a", "a/b",     "a b", "u@a",
};

START_TEST(bad_host)
{
    ja_host_t host;

    ck_assert_msg(ja_host_parse(pool, bad_hosts[_i], &host) != NULL, "%s", bad_hosts[_i]);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("address");
    TCase *tests = tcase_create("address");
    SRunner *runner = srunner_create(suite);

    apr_initialize();
    apr_pool_create(&pool, NULL);
    tcase_add_loop_test(tests, is_public, 0, COUNT(addresses));
    tcase_add_test(tests, is_written);
    tcase_add_test(tests, unix_is_no_address);
    tcase_add_loop_test(tests, range_holds, 0, COUNT(ranges));
    tcase_add_loop_test(tests, url_parts, 0, COUNT(urls));
    tcase_add_loop_test(tests, listed, 0, COUNT(lists));
    tcase_add_test(tests, may_be_at);
    tcase_add_loop_test(tests, bad_host, 0, COUNT(bad_hosts));
    suite_add_tcase(suite, tests);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    apr_terminate();
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
