/* SPDX-License-Identifier: Apache-2.0 */
/* What upstream answers mean, and what a visitor is told: answer -> verdict, row by row. */
#include "ja_policy.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

#define IMAGE         "<svg xmlns=\"http://www.w3.org/2000/svg\"/>"
#define JSON(message) "{\"errorMessages\":[\"" message "\"],\"errors\":{}}"
#define PAGE(text)    "<!DOCTYPE html>\n<html><body>" text "</body></html>"
#define LOGIN         PAGE("<form action=\"/login.jsp\"><input name=\"os_username\"></form>")

/* Who asked: site or gateway of Cloud, or Data Center; with a credential or as a stranger. */
static const ja_asked_t cloud = {JA_SITE_CLOUD, true, true};
static const ja_asked_t gateway = {JA_SITE_CLOUD, true, false};
static const ja_asked_t open_cloud = {JA_SITE_CLOUD, false, true};
static const ja_asked_t datacenter = {JA_SITE_DATACENTER, true, true};
static const ja_asked_t open_datacenter = {JA_SITE_DATACENTER, false, true};

typedef struct row_t {
    const ja_asked_t *asked;
    int status;
    struct {
        ja_header_t id;
        const char *value;
    } headers[3]; /* up to the first without a value */
    const char *body;
    ja_outcome_t outcome;
    const char *cause; /* a part of it */
    const char *remedy;
} row_t;

#define ACCOUNT         JA_HEADER_ACCOUNT_ID, "557058:0f"
#define SERAPH(value)   JA_HEADER_LOGIN_REASON, value
#define USERNAME(value) JA_HEADER_USERNAME, value
#define TO(value)       JA_HEADER_LOCATION, value

static void judge_rows(const row_t *rows, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        const row_t *row = &rows[i];
        ja_answer_t answer = {.net = JA_NET_OK, .status = row->status};
        for (size_t h = 0; h < COUNT(row->headers) && row->headers[h].value; h++) {
            snprintf(answer.header[row->headers[h].id], JA_HEADER_MAX, "%s", row->headers[h].value);
        }
        answer.body = (const unsigned char *)row->body;
        answer.body_len = row->body ? strlen(row->body) : 0;
        ja_verdict_t verdict = ja_policy_judge(row->asked, &answer);
        ck_assert_msg(verdict.outcome == row->outcome, "row %zu: %d %s: %s (%s)", i, row->status,
                      row->body ? row->body : "", ja_policy_outcome(verdict.outcome)->name,
                      verdict.cause);
        ck_assert_msg(!row->cause || strstr(verdict.cause, row->cause), "row %zu: cause %s", i,
                      verdict.cause);
        ck_assert_msg(!row->remedy || strstr(verdict.remedy, row->remedy), "row %zu: remedy %s", i,
                      verdict.remedy);
        ck_assert_msg((verdict.image.type != JA_IMAGE_NONE) == (row->outcome == JA_OUTCOME_IMAGE),
                      "row %zu", i);
    }
}

START_TEST(images)
{
    static const row_t rows[] = {
        {&cloud, 200, {{ACCOUNT}, {SERAPH("OK")}}, IMAGE, JA_OUTCOME_IMAGE, "", ""},
        {&cloud, 200, {{ACCOUNT}, {SERAPH("OUT, OK")}}, IMAGE, JA_OUTCOME_IMAGE, "", ""},
        {&cloud,
         200,
         {{ACCOUNT}, {JA_HEADER_CONTENT_TYPE, "text/html"}},
         IMAGE,
         JA_OUTCOME_IMAGE,
         "",
         ""},
        {&cloud,
         200,
         {{ACCOUNT}, {JA_HEADER_CONTENT_ENCODING, " Identity"}},
         IMAGE,
         JA_OUTCOME_IMAGE,
         "",
         ""},
        {&gateway, 200, {{0, NULL}}, IMAGE, JA_OUTCOME_IMAGE, "", ""},
        {&open_cloud, 200, {{0, NULL}}, IMAGE, JA_OUTCOME_IMAGE, "", ""},
        {&datacenter, 200, {{USERNAME("bot")}, {SERAPH("OK")}}, IMAGE, JA_OUTCOME_IMAGE, "", ""},
        {&datacenter, 200, {{0, NULL}}, IMAGE, JA_OUTCOME_IMAGE, "", ""}, /* a proxy strips it */
        {&open_datacenter,
         200,
         {{USERNAME("anonymous")}, {SERAPH("OUT")}},
         IMAGE,
         JA_OUTCOME_IMAGE,
         "",
         ""},
    };
    judge_rows(rows, COUNT(rows));
}
END_TEST

/* A 200 that is no picture, or not the right one. */
START_TEST(bad_content)
{
    static const row_t rows[] = {
        {&cloud, 200, {{ACCOUNT}}, JSON("x"), JA_OUTCOME_NOT_AN_IMAGE, "not an image", ""},
        {&cloud,
         200,
         {{ACCOUNT}, {JA_HEADER_CONTENT_TYPE, "image/png"}},
         JSON("x"),
         JA_OUTCOME_NOT_AN_IMAGE,
         "",
         "JiraAvatarSite"},
        {&cloud, 200, {{ACCOUNT}}, NULL, JA_OUTCOME_NOT_AN_IMAGE, "", ""},
        {&cloud, 200, {{ACCOUNT}}, PAGE("Down for maintenance"), JA_OUTCOME_NOT_AN_IMAGE, "", ""},
        {&cloud, 200, {{ACCOUNT}}, "<svg><g>", JA_OUTCOME_TRUNCATED, "breaks off", ""},
        {&cloud,
         200,
         {{ACCOUNT}, {JA_HEADER_CONTENT_ENCODING, "gzip"}},
         "\x1f\x8b",
         JA_OUTCOME_ENCODED,
         "Content-Encoding",
         "compress"},
        {&cloud,
         200,
         {{ACCOUNT}, {JA_HEADER_CONTENT_ENCODING, "br"}},
         IMAGE,
         JA_OUTCOME_ENCODED,
         "",
         ""},
        {&cloud, 200, {{0, NULL}}, LOGIN, JA_OUTCOME_LOGIN_PAGE, "login page", "single sign-on"},
        {&datacenter, 200, {{0, NULL}}, LOGIN, JA_OUTCOME_LOGIN_PAGE, "", ""},
        {&open_cloud, 200, {{0, NULL}}, LOGIN, JA_OUTCOME_LOGIN_PAGE, "", ""},
        {&datacenter,
         200,
         {{0, NULL}},
         "<?xml version=\"1.0\"?>\n" LOGIN,
         JA_OUTCOME_LOGIN_PAGE,
         "",
         ""},
        {&datacenter, 200, {{0, NULL}}, "please log in", JA_OUTCOME_NOT_AN_IMAGE, "", ""},
        /* the silent default avatar */
        {&cloud, 200, {{0, NULL}}, IMAGE, JA_OUTCOME_ANONYMOUS, "X-AACCOUNTID", "API token"},
        {&cloud,
         200,
         {{SERAPH("OUT")}},
         IMAGE,
         JA_OUTCOME_ANONYMOUS,
         "",
         "JiraAvatarRoute gateway"},
        {&datacenter,
         200,
         {{USERNAME("anonymous")}},
         IMAGE,
         JA_OUTCOME_ANONYMOUS,
         "X-AUSERNAME: anonymous",
         "personal access token"},
        {&datacenter, 200, {{USERNAME("Anonymous ")}}, IMAGE, JA_OUTCOME_ANONYMOUS, "", "bearer"},
        {&cloud,
         200,
         {{SERAPH("AUTHENTICATED_FAILED")}},
         IMAGE,
         JA_OUTCOME_CREDENTIAL_REFUSED,
         "AUTHENTICATED_FAILED",
         "a year at most"},
    };
    judge_rows(rows, COUNT(rows));
}
END_TEST

START_TEST(refused_credentials)
{
    static const row_t rows[] = {
        {&gateway,
         401,
         {{0, NULL}},
         "{\"code\":401,\"message\":\"Unauthorized; scope does not match\"}",
         JA_OUTCOME_CREDENTIAL_REFUSED,
         "the token lacks a scope",
         "read:jira-work"},
        {&gateway,
         401,
         {{0, NULL}},
         "{\"code\":401,\"message\":\"Unauthorized; scope does not match\"}",
         JA_OUTCOME_CREDENTIAL_REFUSED,
         "",
         "read:avatar:jira"},
        {&gateway,
         401,
         {{0, NULL}},
         "{\"code\":401,\"message\":\"Unauthorized\"}",
         JA_OUTCOME_CREDENTIAL_REFUSED,
         "401",
         "Make a new API token"},
        {&cloud,
         401,
         {{SERAPH("AUTHENTICATED_FAILED")}},
         "",
         JA_OUTCOME_CREDENTIAL_REFUSED,
         "X-Seraph-LoginReason: AUTHENTICATED_FAILED",
         "JiraAvatarRoute gateway"},
        {&cloud, 401, {{0, NULL}}, NULL, JA_OUTCOME_CREDENTIAL_REFUSED, "401", "gateway"},
        {&datacenter, 401, {{0, NULL}}, LOGIN, JA_OUTCOME_CREDENTIAL_REFUSED, "401", "password"},
        {&datacenter,
         401,
         {{SERAPH("AUTHENTICATED_FAILED")}},
         LOGIN,
         JA_OUTCOME_CREDENTIAL_REFUSED,
         "AUTHENTICATED_FAILED",
         "password"},
        {&datacenter,
         403,
         {{SERAPH("AUTHENTICATED_FAILED")}},
         LOGIN,
         JA_OUTCOME_CREDENTIAL_REFUSED,
         "AUTHENTICATED_FAILED",
         ""},
        {&datacenter,
         403,
         {{SERAPH("AUTHENTICATION_DENIED")}},
         "",
         JA_OUTCOME_CREDENTIAL_REFUSED,
         "AUTHENTICATION_DENIED",
         "solve the CAPTCHA"},
        {&datacenter,
         403,
         {{0, NULL}},
         "Basic Authentication Failure - Reason : AUTHENTICATION_DENIED",
         JA_OUTCOME_CREDENTIAL_REFUSED,
         "AUTHENTICATION_DENIED",
         "solve the CAPTCHA"},
        {&datacenter,
         401,
         {{JA_HEADER_DENIED_REASON, "CAPTCHA_CHALLENGE; login-url=https://jira/login.jsp"}},
         "",
         JA_OUTCOME_CREDENTIAL_REFUSED,
         "CAPTCHA",
         "solve the CAPTCHA"},
        {&datacenter,
         403,
         {{SERAPH("OUT, AUTHORISATION_FAILED")}},
         "",
         JA_OUTCOME_CREDENTIAL_REFUSED,
         "AUTHORISATION_FAILED",
         "access to the product"},
        {&datacenter,
         403,
         {{USERNAME("bot")}},
         "{\"message\":\"Basic Authentication has been disabled on this instance.\"}",
         JA_OUTCOME_CREDENTIAL_REFUSED,
         "has been disabled",
         "Jira 11"},
        /* with any status */
        {&datacenter,
         200,
         {{SERAPH("AUTHENTICATION_DENIED")}},
         IMAGE,
         JA_OUTCOME_CREDENTIAL_REFUSED,
         "",
         ""},
        {&datacenter,
         302,
         {{SERAPH("AUTHENTICATED_FAILED")}, {TO("/login.jsp")}},
         "",
         JA_OUTCOME_CREDENTIAL_REFUSED,
         "",
         ""},
        {&cloud,
         404,
         {{SERAPH("AUTHENTICATED_FAILED")}},
         "",
         JA_OUTCOME_CREDENTIAL_REFUSED,
         "",
         ""},
        {&cloud,
         429,
         {{SERAPH("AUTHENTICATED_FAILED")}},
         "",
         JA_OUTCOME_CREDENTIAL_REFUSED,
         "",
         ""},
        {&cloud,
         503,
         {{SERAPH("AUTHENTICATED_FAILED")}},
         "",
         JA_OUTCOME_CREDENTIAL_REFUSED,
         "",
         ""},
        /* nothing was sent that could be refused */
        {&open_cloud,
         401,
         {{SERAPH("AUTHENTICATED_FAILED")}},
         "",
         JA_OUTCOME_FORBIDDEN,
         "without a credential",
         "JiraAvatarCredential"},
        {&open_datacenter,
         200,
         {{SERAPH("AUTHENTICATED_FAILED")}},
         IMAGE,
         JA_OUTCOME_IMAGE,
         "",
         ""},
    };
    judge_rows(rows, COUNT(rows));
}
END_TEST

START_TEST(not_for_this_account)
{
    static const row_t rows[] = {
        {&cloud,
         403,
         {{ACCOUNT}},
         JSON("You do not have permission to view the avatar."),
         JA_OUTCOME_FORBIDDEN,
         "403",
         "Browse projects"},
        {&cloud,
         403,
         {{0, NULL}},
         JSON("You do not have permission to view the avatar."),
         JA_OUTCOME_FORBIDDEN,
         "X-AACCOUNTID",
         "expired"},
        {&gateway,
         403,
         {{0, NULL}},
         JSON("You do not have permission to view the avatar."),
         JA_OUTCOME_FORBIDDEN,
         "403",
         "Browse projects"},
        {&datacenter,
         403,
         {{USERNAME("bot")}},
         PAGE("Unknown project"),
         JA_OUTCOME_FORBIDDEN,
         "403",
         "Browse projects"},
        {&open_cloud,
         403,
         {{0, NULL}},
         JSON("You do not have permission to view the avatar."),
         JA_OUTCOME_FORBIDDEN,
         "",
         "Set JiraAvatarCredential"},
        {&open_datacenter,
         403,
         {{USERNAME("anonymous")}},
         PAGE("Forbidden (403)"),
         JA_OUTCOME_FORBIDDEN,
         "",
         "Set JiraAvatarCredential"},
        {&cloud,
         403,
         {{ACCOUNT}, {JA_HEADER_DATA_POLICY, "app_access_blocked"}},
         JSON(""),
         JA_OUTCOME_FORBIDDEN,
         "app_access_blocked",
         "app access rule"},
        {&cloud, 404, {{ACCOUNT}}, JSON("avatar not found"), JA_OUTCOME_NOT_FOUND, "404", ""},
        {&cloud, 400, {{ACCOUNT}}, JSON("request is not valid"), JA_OUTCOME_NOT_FOUND, "400", ""},
        {&cloud,
         404,
         {{0, NULL}},
         JSON("no project could be found"),
         JA_OUTCOME_NOT_FOUND,
         "X-AACCOUNTID",
         "the token may have expired"},
        {&gateway, 404, {{0, NULL}}, JSON("avatar not found"), JA_OUTCOME_NOT_FOUND, "404", ""},
        {&datacenter,
         404,
         {{USERNAME("bot")}},
         PAGE("Unknown project"),
         JA_OUTCOME_NOT_FOUND,
         "404",
         ""},
        {&open_datacenter, 404, {{USERNAME("anonymous")}}, LOGIN, JA_OUTCOME_NOT_FOUND, "404", ""},
        /* said to a stranger, though a credential was sent */
        {&datacenter,
         403,
         {{USERNAME("anonymous")}},
         JSON(""),
         JA_OUTCOME_ANONYMOUS,
         "anonymous",
         ""},
        {&datacenter, 404, {{USERNAME("anonymous")}}, JSON(""), JA_OUTCOME_ANONYMOUS, "", ""},
        {&cloud, 404, {{USERNAME("anonymous")}}, JSON(""), JA_OUTCOME_ANONYMOUS, "", ""},
        {&datacenter,
         403,
         {{0, NULL}},
         PAGE("Forbidden (403)"),
         JA_OUTCOME_LOGIN_PAGE,
         "403 with a page",
         "single sign-on"},
        {&cloud, 403, {{0, NULL}}, LOGIN, JA_OUTCOME_LOGIN_PAGE, "", ""},
    };
    judge_rows(rows, COUNT(rows));
}
END_TEST

START_TEST(redirects)
{
    static const row_t rows[] = {
        {&datacenter,
         302,
         {{TO("/jira/login.jsp?os_destination=%2Fsecure%2Fviewavatar")}},
         "",
         JA_OUTCOME_LOGIN_PAGE,
         "login page",
         ""},
        {&cloud,
         302,
         {{TO("https://id.atlassian.com/login?continue=https%3A%2F%2Fx")}},
         "",
         JA_OUTCOME_LOGIN_PAGE,
         "",
         ""},
        {&datacenter,
         303,
         {{TO("https://idp.example.com/adfs/ls?SAMLRequest=abc")}},
         "",
         JA_OUTCOME_LOGIN_PAGE,
         "",
         ""},
        {&datacenter, 307, {{TO("https://sso.example.com/")}}, "", JA_OUTCOME_LOGIN_PAGE, "", ""},
        {&open_cloud, 302, {{TO("/login?dest-url=%2F")}}, "", JA_OUTCOME_LOGIN_PAGE, "", ""},
        {&cloud,
         301,
         {{ACCOUNT}, {TO("https://new.atlassian.net/lessons/")}},
         "",
         JA_OUTCOME_REDIRECTED,
         "another address",
         "JiraAvatarSite"},
        {&datacenter,
         302,
         {{USERNAME("bot")}, {TO("https://secure.gravatar.com/avatar/0?d=login")}},
         "",
         JA_OUTCOME_REDIRECTED,
         "outside of Jira",
         ""},
        {&cloud,
         302,
         {{TO("https://avatar-management--avatars.us-west-2.prod.public.atl-paas.net/login/1/48")}},
         "",
         JA_OUTCOME_REDIRECTED,
         "outside of Jira",
         ""},
        {&cloud, 304, {{0, NULL}}, "", JA_OUTCOME_REDIRECTED, "", ""},
        {&datacenter,
         302,
         {{TO("http://169.254.169.254/latest/")}},
         IMAGE,
         JA_OUTCOME_REDIRECTED,
         "",
         ""},
    };
    judge_rows(rows, COUNT(rows));
}
END_TEST

START_TEST(trouble)
{
    static const row_t rows[] = {
        {&cloud,
         429,
         {{JA_HEADER_RETRY_AFTER, "5"}},
         "",
         JA_OUTCOME_RATE_LIMITED,
         "429",
         "JiraAvatarMaxAge"},
        {&gateway,
         429,
         {{JA_HEADER_FAILURE_CATEGORY, "FAILURE CLIENT RATE LIMITED"}},
         "",
         JA_OUTCOME_RATE_LIMITED,
         "",
         ""},
        {&datacenter, 429, {{USERNAME("anonymous")}}, "", JA_OUTCOME_RATE_LIMITED, "", ""},
        {&cloud, 503, {{JA_HEADER_RETRY_AFTER, "5"}}, "", JA_OUTCOME_UNAVAILABLE, "503", ""},
        {&datacenter, 503, {{USERNAME("anonymous")}}, LOGIN, JA_OUTCOME_UNAVAILABLE, "", ""},
        {&cloud, 504, {{0, NULL}}, "", JA_OUTCOME_TIMEOUT, "504", ""},
        {&cloud, 500, {{0, NULL}}, IMAGE, JA_OUTCOME_UPSTREAM_ERROR, "5xx", ""},
        {&cloud, 501, {{0, NULL}}, "", JA_OUTCOME_UPSTREAM_ERROR, "", ""},
        {&cloud, 502, {{0, NULL}}, PAGE(""), JA_OUTCOME_UPSTREAM_ERROR, "", ""},
        {&cloud, 599, {{0, NULL}}, "", JA_OUTCOME_UPSTREAM_ERROR, "", ""},
        {&cloud, 407, {{0, NULL}}, "", JA_OUTCOME_NO_CONNECTION, "proxy", "JiraAvatarProxy"},
        {&cloud, 410, {{ACCOUNT}}, "", JA_OUTCOME_UPSTREAM_ERROR, "410", ""},
        {&cloud, 405, {{ACCOUNT}}, "", JA_OUTCOME_UPSTREAM_ERROR, "4xx", ""},
        {&cloud, 201, {{ACCOUNT}}, IMAGE, JA_OUTCOME_UPSTREAM_ERROR, "2xx", ""},
        {&cloud, 204, {{ACCOUNT}}, "", JA_OUTCOME_UPSTREAM_ERROR, "", ""},
        {&cloud, 206, {{ACCOUNT}}, IMAGE, JA_OUTCOME_UPSTREAM_ERROR, "", ""},
        {&cloud, 0, {{0, NULL}}, "", JA_OUTCOME_BROKEN_PROTOCOL, "", ""},
        {&cloud, 101, {{0, NULL}}, "", JA_OUTCOME_BROKEN_PROTOCOL, "", ""},
        {&cloud, 999, {{0, NULL}}, IMAGE, JA_OUTCOME_BROKEN_PROTOCOL, "", ""},
        {&cloud, -200, {{0, NULL}}, IMAGE, JA_OUTCOME_BROKEN_PROTOCOL, "", ""},
    };
    judge_rows(rows, COUNT(rows));
}
END_TEST

START_TEST(no_answer)
{
    static const struct {
        ja_net_t net;
        int status;
        ja_outcome_t outcome;
        const char *remedy;
    } rows[] = {
        {JA_NET_DNS, 0, JA_OUTCOME_NO_NAME, "JiraAvatarSite"},
        {JA_NET_CONNECT, 0, JA_OUTCOME_NO_CONNECTION, "httpd_can_network_connect"},
        {JA_NET_CONNECT_TIMEOUT, 0, JA_OUTCOME_CONNECT_TIMEOUT, "connect="},
        {JA_NET_TLS, 0, JA_OUTCOME_TLS, "JiraAvatarClientCertificate"},
        {JA_NET_CERTIFICATE, 0, JA_OUTCOME_CERTIFICATE, "JiraAvatarCAFile"},
        {JA_NET_PROXY, 0, JA_OUTCOME_NO_CONNECTION, "JiraAvatarProxy"},
        {JA_NET_TIMEOUT, 0, JA_OUTCOME_TIMEOUT, "total="},
        {JA_NET_TIMEOUT, 200, JA_OUTCOME_TIMEOUT, ""},
        {JA_NET_BROKEN, 0, JA_OUTCOME_NO_CONNECTION, ""},
        {JA_NET_BROKEN, 200, JA_OUTCOME_TRUNCATED, ""},
        {JA_NET_TOO_LARGE, 200, JA_OUTCOME_TOO_LARGE, "JiraAvatarMaxBytes"},
        {JA_NET_HEADERS, 200, JA_OUTCOME_BROKEN_PROTOCOL, ""},
        {JA_NET_PROTOCOL, 0, JA_OUTCOME_BROKEN_PROTOCOL, ""},
        {JA_NET_ABORTED, 0, JA_OUTCOME_UNAVAILABLE, ""},
        {JA_NET_ABORTED, 200, JA_OUTCOME_UNAVAILABLE, ""},
        {JA_NET_INTERNAL, 0, JA_OUTCOME_INTERNAL, ""},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        ja_answer_t answer = {.net = rows[i].net, .status = rows[i].status};
        answer.body = (const unsigned char *)IMAGE;
        answer.body_len = strlen(IMAGE);
        ja_verdict_t verdict = ja_policy_judge(&datacenter, &answer);
        ck_assert_msg(verdict.outcome == rows[i].outcome, "row %zu: %s", i,
                      ja_policy_outcome(verdict.outcome)->name);
        ck_assert_msg(verdict.image.type == JA_IMAGE_NONE && *verdict.cause, "row %zu", i);
        ck_assert_msg(strstr(verdict.remedy, rows[i].remedy), "row %zu: %s", i, verdict.remedy);
    }
}
END_TEST

/* The table that visitors, caches and monitoring rely on. */
START_TEST(outcomes)
{
    static const struct {
        ja_outcome_t outcome;
        const char *name;
        int status;
        ja_keep_t keep;
    } rows[] = {
        {JA_OUTCOME_IMAGE, "image", 200, JA_KEEP_IMAGE},
        {JA_OUTCOME_UNKNOWN_PATH, "unknown-path", 404, JA_KEEP_NOT},
        {JA_OUTCOME_BAD_VALUE, "bad-value", 400, JA_KEEP_NOT},
        {JA_OUTCOME_NOT_FOUND, "not-found", 404, JA_KEEP_SHORT},
        {JA_OUTCOME_FORBIDDEN, "forbidden", 403, JA_KEEP_SHORT},
        {JA_OUTCOME_CREDENTIAL_REFUSED, "credential-refused", 502, JA_KEEP_NOT},
        {JA_OUTCOME_ANONYMOUS, "anonymous", 502, JA_KEEP_NOT},
        {JA_OUTCOME_LOGIN_PAGE, "login-page", 502, JA_KEEP_NOT},
        {JA_OUTCOME_NOT_AN_IMAGE, "not-an-image", 502, JA_KEEP_NOT},
        {JA_OUTCOME_ENCODED, "encoded", 502, JA_KEEP_NOT},
        {JA_OUTCOME_TOO_LARGE, "too-large", 502, JA_KEEP_NOT},
        {JA_OUTCOME_TRUNCATED, "truncated", 502, JA_KEEP_NOT},
        {JA_OUTCOME_REDIRECTED, "redirected", 502, JA_KEEP_NOT},
        {JA_OUTCOME_UPSTREAM_ERROR, "upstream-error", 502, JA_KEEP_NOT},
        {JA_OUTCOME_NO_NAME, "no-name", 502, JA_KEEP_NOT},
        {JA_OUTCOME_NO_CONNECTION, "no-connection", 502, JA_KEEP_NOT},
        {JA_OUTCOME_CONNECT_TIMEOUT, "connect-timeout", 502, JA_KEEP_NOT},
        {JA_OUTCOME_TLS, "tls", 502, JA_KEEP_NOT},
        {JA_OUTCOME_CERTIFICATE, "certificate", 502, JA_KEEP_NOT},
        {JA_OUTCOME_BROKEN_PROTOCOL, "broken-protocol", 502, JA_KEEP_NOT},
        {JA_OUTCOME_RATE_LIMITED, "rate-limited", 503, JA_KEEP_NOT},
        {JA_OUTCOME_UNAVAILABLE, "unavailable", 503, JA_KEEP_NOT},
        {JA_OUTCOME_BUSY, "busy", 503, JA_KEEP_NOT},
        {JA_OUTCOME_TIMEOUT, "timeout", 504, JA_KEEP_NOT},
        {JA_OUTCOME_INTERNAL, "internal", 502, JA_KEEP_NOT},
    };
    ck_assert_uint_eq(COUNT(rows), JA_OUTCOME_COUNT);
    for (size_t i = 0; i < COUNT(rows); i++) {
        const ja_outcome_row_t *row = ja_policy_outcome(rows[i].outcome);
        ck_assert_str_eq(row->name, rows[i].name);
        ck_assert_msg(row->status == rows[i].status, "%s", row->name);
        ck_assert_msg(row->keep == rows[i].keep, "%s", row->name);
        ck_assert_msg((row->proxy_error != NULL) == (row->status > 500), "%s", row->name);
        ck_assert_msg((*row->sentence != '\0') == (row->status != 200), "%s", row->name);
    }
    ck_assert_ptr_eq(ja_policy_outcome(JA_OUTCOME_COUNT), ja_policy_outcome(JA_OUTCOME_INTERNAL));
}
END_TEST

START_TEST(header_names)
{
    ck_assert_str_eq(ja_header_names[JA_HEADER_CONTENT_TYPE], "content-type");
    ck_assert_str_eq(ja_header_names[JA_HEADER_DATA_POLICY], "atlassian-datasecuritypolicy");
    for (size_t i = 0; i < JA_HEADER_COUNT; i++) {
        ck_assert(ja_header_names[i] && *ja_header_names[i]);
    }
}
END_TEST

START_TEST(freshness)
{
    static const struct {
        int64_t age, max_age, stale_age;
        ja_freshness_t expected;
    } rows[] = {
        {0, 3600, 60, JA_FRESH},
        {3599, 3600, 60, JA_FRESH},
        {3600, 3600, 60, JA_STALE},
        {3659, 3600, 60, JA_STALE},
        {3660, 3600, 60, JA_EXPIRED},
        {3600, 3600, 0, JA_EXPIRED},
        {-5, 3600, 60, JA_FRESH},
        {INT64_MIN, 1, 0, JA_FRESH},
        {0, 0, 0, JA_EXPIRED},
        {0, 0, 1, JA_STALE},
        {INT64_MAX, INT64_MAX, INT64_MAX, JA_STALE},
        {INT64_MAX, 1, INT64_MAX, JA_STALE},
        {1, -1, -1, JA_EXPIRED},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        ck_assert_msg(ja_policy_freshness(rows[i].age, rows[i].max_age, rows[i].stale_age) ==
                          rows[i].expected,
                      "row %zu", i);
    }
}
END_TEST

START_TEST(cache_control)
{
    static const struct {
        bool image, is_public;
        int64_t max_age, stale_age;
        const char *expected;
    } rows[] = {
        {true, true, 3600, 604800,
         "public, max-age=3600, stale-while-revalidate=604800, stale-if-error=604800"},
        {true, false, 3600, 60,
         "private, max-age=3600, stale-while-revalidate=60, stale-if-error=60"},
        {true, true, 3600, 0, "public, max-age=3600"},
        {true, false, 0, 0, "private, max-age=0"},
        {true, true, -1, -1, "public, max-age=0"},
        {false, true, 60, 0, "public, max-age=60"},
        {false, false, 60, 0, "private, max-age=60"},
        {false, true, 0, 0, "no-store"},
        {false, false, -1, 0, "no-store"},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        char text[128];
        ja_buf_t out = ja_buf(text, sizeof text);
        if (rows[i].image) {
            ja_policy_cache_control(rows[i].is_public, rows[i].max_age, rows[i].stale_age, &out);
        } else {
            ja_policy_negative_cache_control(rows[i].is_public, rows[i].max_age, &out);
        }
        ck_assert_str_eq(text, rows[i].expected);
        ck_assert(!out.overflow);
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("ja_policy");
    TCase *tests = tcase_create("policy");
    tcase_add_test(tests, images);
    tcase_add_test(tests, bad_content);
    tcase_add_test(tests, refused_credentials);
    tcase_add_test(tests, not_for_this_account);
    tcase_add_test(tests, redirects);
    tcase_add_test(tests, trouble);
    tcase_add_test(tests, no_answer);
    tcase_add_test(tests, outcomes);
    tcase_add_test(tests, header_names);
    tcase_add_test(tests, freshness);
    tcase_add_test(tests, cache_control);
    suite_add_tcase(suite, tests);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
