/* SPDX-License-Identifier: Apache-2.0 */
/* What upstream answers mean: answer -> cause, row by row; and the words for it. */
#include "ja_diagnosis.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

#define IMAGE         "<svg xmlns=\"http://www.w3.org/2000/svg\"/>"
#define JSON(message) "{\"errorMessages\":[\"" message "\"],\"errors\":{}}"
#define GATEWAY(text) "{\"code\":401,\"message\":\"" text "\"}"
#define PAGE(text)    "<!DOCTYPE html>\n<html><body>" text "</body></html>"
#define LOGIN         PAGE("<form action=\"/login.jsp\"><input name=\"os_username\"></form>")

enum { NOW = 1790000000 };
#define DATE_NOW  "Mon, 21 Sep 2026 14:13:20 GMT"
#define DATE_LATE "Mon, 21 Sep 2026 14:15:00 GMT"

/* Who asked, whom, and as whom. */
#define CLOUD_ASK(sent) .kind = JA_SITE_CLOUD, .means = JA_MEANS_##sent, .now = NOW
#define DC_ASK(sent)    .kind = JA_SITE_DATACENTER, .means = JA_MEANS_##sent, .identity = true

static const ja_asked_t cloud = {CLOUD_ASK(PASSWORD), .identity = true, .alternative = true};
static const ja_asked_t site = {CLOUD_ASK(PASSWORD), .identity = true};
static const ja_asked_t gateway = {CLOUD_ASK(PASSWORD), .gateway = true, .alternative = true};
static const ja_asked_t gateway_alone = {CLOUD_ASK(PASSWORD), .gateway = true};
static const ja_asked_t bearer = {CLOUD_ASK(TOKEN), .gateway = true};
static const ja_asked_t client = {CLOUD_ASK(CLIENT), .gateway = true};
static const ja_asked_t refresh = {CLOUD_ASK(REFRESH), .gateway = true};
static const ja_asked_t signature = {CLOUD_ASK(SIGNATURE), .identity = true};
static const ja_asked_t assertion = {CLOUD_ASK(ASSERTION), .identity = true};
static const ja_asked_t open_cloud = {CLOUD_ASK(NONE), .identity = true};
static const ja_asked_t datacenter = {DC_ASK(PASSWORD)};
static const ja_asked_t personal = {DC_ASK(TOKEN)};
static const ja_asked_t dc_client = {DC_ASK(CLIENT)};
static const ja_asked_t open_datacenter = {DC_ASK(NONE)};
static const ja_asked_t user = {CLOUD_ASK(PASSWORD), .what = JA_ASKED_USER, .identity = true};
static const ja_asked_t cloud_id = {CLOUD_ASK(NONE), .what = JA_ASKED_CLOUD_ID};
static const ja_asked_t outside = {CLOUD_ASK(NONE), .what = JA_ASKED_PUBLIC};

typedef struct row_t {
    const ja_asked_t *asked;
    int status;
    struct {
        ja_header_t id;
        const char *value;
    } headers[2]; /* up to the first without a value */
    const char *body;
    ja_cause_t cause;
} row_t;

#define NOTHING                                                                                    \
    {                                                                                              \
        0, NULL                                                                                    \
    }
#define ACCOUNT                                                                                    \
    {                                                                                              \
        JA_HEADER_ACCOUNT_ID, "557058:0f"                                                          \
    }
#define SERAPH(value)                                                                              \
    {                                                                                              \
        JA_HEADER_LOGIN_REASON, value                                                              \
    }
#define USERNAME(value)                                                                            \
    {                                                                                              \
        JA_HEADER_USERNAME, value                                                                  \
    }
#define TO(value)                                                                                  \
    {                                                                                              \
        JA_HEADER_LOCATION, value                                                                  \
    }
#define ENCODING(value)                                                                            \
    {                                                                                              \
        JA_HEADER_CONTENT_ENCODING, value                                                          \
    }
#define DATE(value)                                                                                \
    {                                                                                              \
        JA_HEADER_DATE, value                                                                      \
    }

static void judge_rows(const row_t *rows, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        const row_t *row = &rows[i];
        ja_answer_t answer = {.net = JA_NET_OK, .status = row->status};
        for (size_t h = 0; h < COUNT(row->headers) && row->headers[h].value; h++) {
            snprintf(answer.header[row->headers[h].id], JA_HEADER_MAX, "%s", row->headers[h].value);
        }
        answer.body = (const unsigned char *)row->body;
        answer.body_len = strlen(row->body);
        ja_verdict_t verdict = ja_diagnose(row->asked, &answer);
        ck_assert_msg(verdict.cause == row->cause, "row %zu: %d %s: %s, %s", i, row->status,
                      row->body, ja_cause(verdict.cause)->number, ja_cause(verdict.cause)->text);
        ck_assert(verdict.outcome == ja_cause(row->cause)->outcome);
        ck_assert_msg((verdict.image.type != JA_IMAGE_NONE) == (row->cause == JA_CAUSE_IMAGE),
                      "row %zu", i);
    }
}

START_TEST(images)
{
    static const row_t rows[] = {
        {&cloud, 200, {ACCOUNT, SERAPH("OK")}, IMAGE, JA_CAUSE_IMAGE},
        {&cloud, 200, {ACCOUNT, SERAPH("OUT, OK")}, IMAGE, JA_CAUSE_IMAGE},
        {&cloud, 200, {ACCOUNT, ENCODING(" Identity")}, IMAGE, JA_CAUSE_IMAGE},
        {&gateway, 200, {NOTHING}, IMAGE, JA_CAUSE_IMAGE},
        {&open_cloud, 200, {NOTHING}, IMAGE, JA_CAUSE_IMAGE},
        {&outside, 200, {NOTHING}, IMAGE, JA_CAUSE_IMAGE},
        {&datacenter, 200, {USERNAME("bot"), SERAPH("OK")}, IMAGE, JA_CAUSE_IMAGE},
        {&datacenter, 200, {NOTHING}, IMAGE, JA_CAUSE_IMAGE}, /* a proxy strips it */
        {&open_datacenter, 200, {USERNAME("anonymous"), SERAPH("OUT")}, IMAGE, JA_CAUSE_IMAGE},
    };
    judge_rows(rows, COUNT(rows));
}
END_TEST

/* A 200 that is no picture, or not the right one. */
START_TEST(bad_content)
{
    static const row_t rows[] = {
        {&cloud, 200, {ACCOUNT}, JSON("x"), JA_CAUSE_NOT_AN_IMAGE},
        {&cloud, 200, {ACCOUNT}, "", JA_CAUSE_NOT_AN_IMAGE},
        {&cloud, 200, {ACCOUNT}, PAGE("Down for maintenance"), JA_CAUSE_NOT_AN_IMAGE},
        {&outside, 200, {NOTHING}, PAGE("Hello"), JA_CAUSE_NOT_AN_IMAGE},
        {&cloud, 200, {ACCOUNT}, "<svg><g>", JA_CAUSE_CUT_IMAGE},
        {&cloud, 200, {ACCOUNT, ENCODING("gzip")}, "\x1f\x8b", JA_CAUSE_ENCODED},
        {&cloud, 200, {ACCOUNT, ENCODING("br")}, IMAGE, JA_CAUSE_ENCODED},
        {&cloud, 200, {NOTHING}, LOGIN, JA_CAUSE_LOGIN_PAGE},
        {&datacenter, 200, {NOTHING}, LOGIN, JA_CAUSE_LOGIN_PAGE},
        {&open_cloud, 200, {NOTHING}, LOGIN, JA_CAUSE_LOGIN_PAGE},
        {&datacenter, 200, {NOTHING}, "<?xml version=\"1.0\"?>\n" LOGIN, JA_CAUSE_LOGIN_PAGE},
        {&datacenter, 200, {NOTHING}, "please log in", JA_CAUSE_NOT_AN_IMAGE},
        /* the silent default avatar */
        {&cloud, 200, {NOTHING}, IMAGE, JA_CAUSE_STRANGER},
        {&cloud, 200, {SERAPH("OUT")}, IMAGE, JA_CAUSE_STRANGER},
        {&signature, 200, {NOTHING}, IMAGE, JA_CAUSE_STRANGER_APP},
        {&assertion, 200, {USERNAME("anonymous")}, IMAGE, JA_CAUSE_STRANGER_APP},
        {&dc_client, 200, {USERNAME("anonymous")}, IMAGE, JA_CAUSE_STRANGER_DATACENTER},
        {&datacenter, 200, {USERNAME("anonymous")}, IMAGE, JA_CAUSE_STRANGER_DATACENTER},
        {&personal, 200, {USERNAME("Anonymous ")}, IMAGE, JA_CAUSE_STRANGER_DATACENTER},
        {&cloud, 200, {SERAPH("AUTHENTICATED_FAILED")}, IMAGE, JA_CAUSE_API_TOKEN},
    };
    judge_rows(rows, COUNT(rows));
}
END_TEST

START_TEST(refused_credentials)
{
    static const char failed[] = "AUTHENTICATED_FAILED";
    static const char denied[] = "AUTHENTICATION_DENIED";
    static const row_t rows[] = {
        {&gateway, 401, {NOTHING}, GATEWAY("Unauthorized; scope does not match"), JA_CAUSE_SCOPE},
        {&client, 401, {NOTHING}, GATEWAY("Unauthorized; scope does not match"), JA_CAUSE_SCOPE},
        {&gateway, 401, {NOTHING}, GATEWAY("Unauthorized"), JA_CAUSE_API_TOKEN},
        {&gateway_alone, 401, {NOTHING}, GATEWAY("Unauthorized"), JA_CAUSE_API_TOKEN_AT_GATEWAY},
        {&bearer, 401, {NOTHING}, GATEWAY("Unauthorized"), JA_CAUSE_BEARER_TOKEN},
        {&client, 401, {NOTHING}, GATEWAY("Unauthorized"), JA_CAUSE_ACCESS_TOKEN},
        {&refresh, 401, {NOTHING}, GATEWAY("Unauthorized"), JA_CAUSE_ACCESS_TOKEN},
        {&dc_client, 401, {NOTHING}, "", JA_CAUSE_ACCESS_TOKEN_AT_SITE},
        {&assertion, 401, {NOTHING}, "", JA_CAUSE_ACCESS_TOKEN_AT_SITE},
        {&signature, 401, {DATE(DATE_NOW)}, "", JA_CAUSE_SIGNATURE},
        {&signature, 401, {NOTHING}, "", JA_CAUSE_SIGNATURE},
        {&signature, 401, {DATE("yesterday")}, "", JA_CAUSE_SIGNATURE},
        {&signature, 401, {DATE(DATE_LATE)}, "", JA_CAUSE_CLOCK},
        {&cloud, 401, {DATE(DATE_LATE)}, "", JA_CAUSE_API_TOKEN}, /* which knows no time */
        {&cloud, 401, {SERAPH(failed)}, "", JA_CAUSE_API_TOKEN},
        {&cloud, 401, {NOTHING}, "", JA_CAUSE_API_TOKEN},
        {&site, 401, {SERAPH(failed)}, "", JA_CAUSE_API_TOKEN_AT_SITE},
        {&datacenter, 401, {NOTHING}, LOGIN, JA_CAUSE_PASSWORD},
        {&datacenter, 403, {SERAPH(failed)}, LOGIN, JA_CAUSE_PASSWORD},
        {&personal, 401, {NOTHING}, "", JA_CAUSE_PERSONAL_TOKEN},
        {&datacenter, 403, {SERAPH(denied)}, "", JA_CAUSE_CAPTCHA},
        {&datacenter, 403, {NOTHING}, "Reason : AUTHENTICATION_DENIED", JA_CAUSE_CAPTCHA},
        {&datacenter,
         401,
         {{JA_HEADER_DENIED_REASON, "CAPTCHA_CHALLENGE; login-url=https://j/"}},
         "",
         JA_CAUSE_CAPTCHA},
        {&datacenter, 403, {SERAPH("OUT, AUTHORISATION_FAILED")}, "", JA_CAUSE_NO_PRODUCT},
        {&datacenter,
         403,
         {USERNAME("bot")},
         "{\"message\":\"Basic Authentication has been disabled on this instance.\"}",
         JA_CAUSE_BASIC_DISABLED},
        /* with any status */
        {&datacenter, 200, {SERAPH(denied)}, IMAGE, JA_CAUSE_CAPTCHA},
        {&datacenter, 302, {SERAPH(failed), TO("/login.jsp")}, "", JA_CAUSE_PASSWORD},
        {&cloud, 404, {SERAPH(failed)}, "", JA_CAUSE_API_TOKEN},
        {&cloud, 429, {SERAPH(failed)}, "", JA_CAUSE_API_TOKEN},
        {&cloud, 503, {SERAPH(failed)}, "", JA_CAUSE_API_TOKEN},
        /* nothing was sent that could be refused */
        {&open_cloud, 401, {SERAPH(failed)}, "", JA_CAUSE_NO_CREDENTIAL},
        {&open_datacenter, 200, {SERAPH(failed)}, IMAGE, JA_CAUSE_IMAGE},
    };
    judge_rows(rows, COUNT(rows));
}
END_TEST

START_TEST(not_for_this_account)
{
    static const char no[] = JSON("You do not have permission to view the avatar.");
    static const row_t rows[] = {
        {&cloud, 403, {ACCOUNT}, no, JA_CAUSE_BROWSE_PROJECTS},
        {&cloud, 403, {NOTHING}, no, JA_CAUSE_STRANGER_FORBIDDEN},
        {&gateway, 403, {NOTHING}, no, JA_CAUSE_BROWSE_PROJECTS},
        {&user, 403, {ACCOUNT}, no, JA_CAUSE_BROWSE_USERS},
        {&datacenter, 403, {USERNAME("bot")}, PAGE("Unknown project"), JA_CAUSE_BROWSE_PROJECTS},
        {&open_cloud, 403, {NOTHING}, no, JA_CAUSE_NO_CREDENTIAL},
        {&open_datacenter,
         403,
         {USERNAME("anonymous")},
         PAGE("Forbidden (403)"),
         JA_CAUSE_NO_CREDENTIAL},
        {&cloud,
         403,
         {ACCOUNT, {JA_HEADER_DATA_POLICY, "app_access_blocked"}},
         JSON(""),
         JA_CAUSE_APP_RULE},
        {&cloud, 404, {ACCOUNT}, JSON("avatar not found"), JA_CAUSE_NOT_FOUND},
        {&cloud, 400, {ACCOUNT}, JSON("request is not valid"), JA_CAUSE_NOT_FOUND},
        {&cloud, 404, {NOTHING}, JSON("no project could be found"), JA_CAUSE_HIDDEN},
        {&gateway, 404, {NOTHING}, JSON("avatar not found"), JA_CAUSE_NOT_FOUND},
        {&gateway, 404, {NOTHING}, "{\"code\":404,\"message\":\"Not Found\"}", JA_CAUSE_CLOUD_ID},
        {&datacenter, 404, {USERNAME("bot")}, PAGE("Unknown project"), JA_CAUSE_NOT_FOUND},
        {&open_datacenter, 404, {USERNAME("anonymous")}, LOGIN, JA_CAUSE_NOT_FOUND},
        {&datacenter, 404, {NOTHING}, PAGE("Not Found"), JA_CAUSE_NOT_JIRA},
        {&cloud, 404, {NOTHING}, PAGE("Site temporarily unavailable"), JA_CAUSE_NOT_JIRA},
        {&open_cloud, 404, {NOTHING}, PAGE(""), JA_CAUSE_NOT_JIRA},
        {&datacenter, 404, {SERAPH("OK")}, PAGE(""), JA_CAUSE_NOT_FOUND},
        {&datacenter, 404, {NOTHING}, "", JA_CAUSE_NOT_FOUND},
        {&outside, 404, {NOTHING}, PAGE(""), JA_CAUSE_NOT_FOUND},
        {&outside, 404, {NOTHING}, "", JA_CAUSE_NOT_FOUND},
        {&outside, 403, {NOTHING}, "", JA_CAUSE_NOT_FOUND},
        /* said to a stranger, though a credential was sent */
        {&datacenter, 403, {USERNAME("anonymous")}, JSON(""), JA_CAUSE_STRANGER_DATACENTER},
        {&datacenter, 404, {USERNAME("anonymous")}, JSON(""), JA_CAUSE_STRANGER_DATACENTER},
        {&cloud, 404, {USERNAME("anonymous")}, JSON(""), JA_CAUSE_STRANGER},
        {&datacenter, 403, {NOTHING}, PAGE("Forbidden (403)"), JA_CAUSE_LOGIN_PAGE},
        {&cloud, 403, {NOTHING}, LOGIN, JA_CAUSE_LOGIN_PAGE},
    };
    judge_rows(rows, COUNT(rows));
}
END_TEST

START_TEST(redirects)
{
    static const row_t rows[] = {
        {&datacenter, 302, {TO("/jira/login.jsp?os_destination=%2F")}, "", JA_CAUSE_LOGIN_PAGE},
        {&cloud, 302, {TO("https://id.atlassian.com/login?continue=x")}, "", JA_CAUSE_LOGIN_PAGE},
        {&datacenter,
         303,
         {TO("https://idp.example.com/adfs/ls?SAMLRequest=a")},
         "",
         JA_CAUSE_LOGIN_PAGE},
        {&datacenter, 307, {TO("https://sso.example.com/")}, "", JA_CAUSE_LOGIN_PAGE},
        {&open_cloud, 302, {TO("/login?dest-url=%2F")}, "", JA_CAUSE_LOGIN_PAGE},
        {&cloud, 301, {ACCOUNT, TO("https://new.atlassian.net/lessons/")}, "", JA_CAUSE_REDIRECTED},
        {&datacenter,
         302,
         {USERNAME("bot"), TO("https://secure.gravatar.com/avatar/0?d=login")},
         "",
         JA_CAUSE_SENT_TO_PICTURE},
        {&cloud,
         302,
         {TO("https://avatar-management--avatars.us.prod.public.atl-paas.net/login/1")},
         "",
         JA_CAUSE_SENT_TO_PICTURE},
        {&outside, 302, {TO("https://secure.gravatar.com/avatar/0")}, "", JA_CAUSE_PUBLIC_HOST},
        {&cloud, 304, {NOTHING}, "", JA_CAUSE_REDIRECTED},
        {&datacenter, 302, {TO("http://169.254.169.254/latest/")}, IMAGE, JA_CAUSE_REDIRECTED},
    };
    judge_rows(rows, COUNT(rows));
}
END_TEST

START_TEST(trouble)
{
    static const row_t rows[] = {
        {&cloud, 429, {{JA_HEADER_RETRY_AFTER, "5"}}, "", JA_CAUSE_RATE_LIMITED},
        {&gateway, 429, {NOTHING}, "", JA_CAUSE_RATE_LIMITED},
        {&datacenter, 429, {USERNAME("anonymous")}, "", JA_CAUSE_RATE_LIMITED},
        {&cloud_id, 429, {NOTHING}, "", JA_CAUSE_RATE_LIMITED},
        {&outside, 429, {NOTHING}, "", JA_CAUSE_RATE_LIMITED},
        {&cloud, 503, {{JA_HEADER_RETRY_AFTER, "5"}}, "", JA_CAUSE_UNAVAILABLE},
        {&cloud_id, 503, {NOTHING}, "", JA_CAUSE_UNAVAILABLE},
        {&datacenter, 503, {USERNAME("anonymous")}, LOGIN, JA_CAUSE_UNAVAILABLE},
        {&cloud, 504, {NOTHING}, "", JA_CAUSE_GATEWAY_TIMEOUT},
        {&cloud, 500, {NOTHING}, IMAGE, JA_CAUSE_SERVER_ERROR},
        {&cloud, 501, {NOTHING}, "", JA_CAUSE_SERVER_ERROR},
        {&cloud, 502, {NOTHING}, PAGE(""), JA_CAUSE_SERVER_ERROR},
        {&cloud, 599, {NOTHING}, "", JA_CAUSE_SERVER_ERROR},
        {&cloud, 407, {NOTHING}, "", JA_CAUSE_PROXY_LOGIN},
        {&cloud_id, 407, {NOTHING}, "", JA_CAUSE_PROXY_LOGIN},
        {&cloud_id, 200, {NOTHING}, "{}", JA_CAUSE_NO_CLOUD_ID},
        {&cloud_id, 404, {NOTHING}, "", JA_CAUSE_NO_CLOUD_ID},
        {&cloud_id, 302, {TO("/login")}, "", JA_CAUSE_NO_CLOUD_ID},
        {&cloud, 410, {ACCOUNT}, "", JA_CAUSE_REMOVED},
        {&cloud, 405, {ACCOUNT}, "", JA_CAUSE_UNEXPECTED},
        {&cloud, 201, {ACCOUNT}, IMAGE, JA_CAUSE_UNEXPECTED},
        {&cloud, 204, {ACCOUNT}, "", JA_CAUSE_UNEXPECTED},
        {&cloud, 206, {ACCOUNT}, IMAGE, JA_CAUSE_UNEXPECTED},
        {&cloud, 0, {NOTHING}, "", JA_CAUSE_NO_STATUS},
        {&cloud, 101, {NOTHING}, "", JA_CAUSE_NO_STATUS},
        {&cloud, 999, {NOTHING}, IMAGE, JA_CAUSE_NO_STATUS},
        {&cloud, -200, {NOTHING}, IMAGE, JA_CAUSE_NO_STATUS},
    };
    judge_rows(rows, COUNT(rows));
}
END_TEST

START_TEST(no_answer)
{
    static const struct {
        ja_net_t net;
        int status;
        ja_cause_t cause;
    } rows[] = {
        {JA_NET_DNS, 0, JA_CAUSE_NO_NAME},
        {JA_NET_CONNECT, 0, JA_CAUSE_NO_CONNECTION},
        {JA_NET_DENIED, 0, JA_CAUSE_NOT_LET_OUT},
        {JA_NET_CONNECT_TIMEOUT, 0, JA_CAUSE_CONNECT_TIMEOUT},
        {JA_NET_TLS, 0, JA_CAUSE_TLS},
        {JA_NET_CERTIFICATE, 0, JA_CAUSE_CERTIFICATE},
        {JA_NET_ADDRESS, 0, JA_CAUSE_NOT_PUBLIC},
        {JA_NET_PROXY, 0, JA_CAUSE_PROXY},
        {JA_NET_PROXY_LOGIN, 0, JA_CAUSE_PROXY_LOGIN},
        {JA_NET_TIMEOUT, 0, JA_CAUSE_TIMEOUT},
        {JA_NET_TIMEOUT, 200, JA_CAUSE_TIMEOUT},
        {JA_NET_BROKEN, 0, JA_CAUSE_CLOSED},
        {JA_NET_BROKEN, 200, JA_CAUSE_BROKEN_OFF},
        {JA_NET_TOO_LARGE, 200, JA_CAUSE_TOO_LARGE},
        {JA_NET_HEADERS, 200, JA_CAUSE_HEADER_TOO_LARGE},
        {JA_NET_PROTOCOL, 0, JA_CAUSE_NOT_HTTP},
        {JA_NET_ABORTED, 0, JA_CAUSE_STOPPING},
        {JA_NET_ABORTED, 200, JA_CAUSE_STOPPING},
        {JA_NET_INTERNAL, 0, JA_CAUSE_NO_RESOURCES},
    };
    static const ja_asked_t *const asks[] = {&cloud, &datacenter, &outside, &cloud_id};

    ck_assert_uint_eq(COUNT(rows), JA_NET_COUNT + 2); /* every one, some with a status */
    for (size_t i = 0; i < COUNT(rows) * COUNT(asks); i++) {
        ja_answer_t answer = {.net = rows[i / COUNT(asks)].net,
                              .status = rows[i / COUNT(asks)].status};
        answer.body = (const unsigned char *)IMAGE;
        answer.body_len = strlen(IMAGE);
        ja_verdict_t verdict = ja_diagnose(asks[i % COUNT(asks)], &answer);
        ck_assert_msg(verdict.cause == rows[i / COUNT(asks)].cause, "row %zu: %s", i / COUNT(asks),
                      ja_cause(verdict.cause)->text);
        ck_assert(verdict.image.type == JA_IMAGE_NONE);
    }
}
END_TEST

START_TEST(token_services)
{
    static const struct {
        ja_means_t means;
        ja_grant_status_t grant;
        int status;
        const char *date;
        ja_cause_t cause;
    } rows[] = {
        {JA_MEANS_REFRESH, JA_GRANT_DEAD, 403, "", JA_CAUSE_REFRESH_TOKEN},
        {JA_MEANS_REFRESH, JA_GRANT_DEAD, 403, DATE_LATE, JA_CAUSE_REFRESH_TOKEN},
        {JA_MEANS_ASSERTION, JA_GRANT_DEAD, 400, DATE_NOW, JA_CAUSE_ASSERTION},
        {JA_MEANS_ASSERTION, JA_GRANT_DEAD, 400, DATE_LATE, JA_CAUSE_CLOCK},
        {JA_MEANS_CLIENT, JA_GRANT_DEAD, 403, "", JA_CAUSE_CLIENT_GRANT},
        {JA_MEANS_CLIENT, JA_GRANT_CLIENT, 401, "", JA_CAUSE_CLIENT_SECRET},
        {JA_MEANS_REFRESH, JA_GRANT_CLIENT, 401, "", JA_CAUSE_CLIENT_SECRET},
        {JA_MEANS_CLIENT, JA_GRANT_REFUSED, 400, "", JA_CAUSE_TOKEN_REQUEST},
        {JA_MEANS_CLIENT, JA_GRANT_TROUBLE, 200, "", JA_CAUSE_NO_TOKEN_SERVICE},
        {JA_MEANS_CLIENT, JA_GRANT_TROUBLE, 302, "", JA_CAUSE_NO_TOKEN_SERVICE},
        {JA_MEANS_CLIENT, JA_GRANT_TROUBLE, 401, "", JA_CAUSE_NO_TOKEN_SERVICE},
        {JA_MEANS_CLIENT, JA_GRANT_TROUBLE, 404, "", JA_CAUSE_NO_TOKEN_SERVICE},
        {JA_MEANS_CLIENT, JA_GRANT_TROUBLE, 407, "", JA_CAUSE_PROXY_LOGIN},
        {JA_MEANS_CLIENT, JA_GRANT_TROUBLE, 429, "", JA_CAUSE_RATE_LIMITED},
        {JA_MEANS_CLIENT, JA_GRANT_TROUBLE, 502, "", JA_CAUSE_SERVER_ERROR},
        {JA_MEANS_CLIENT, JA_GRANT_TROUBLE, 503, "", JA_CAUSE_UNAVAILABLE},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        const ja_asked_t asked = {CLOUD_ASK(NONE), .what = JA_ASKED_TOKEN};
        ja_asked_t asks = asked;
        asks.means = rows[i].means;
        ja_answer_t answer = {.net = JA_NET_OK, .status = rows[i].status};
        ja_grant_t grant = {.status = rows[i].grant};
        snprintf(answer.header[JA_HEADER_DATE], JA_HEADER_MAX, "%s", rows[i].date);
        ja_verdict_t verdict = ja_diagnose_grant(&asks, &answer, &grant);
        ck_assert_msg(verdict.cause == rows[i].cause, "row %zu: %s", i,
                      ja_cause(verdict.cause)->text);
    }
}
END_TEST

/* It may be the address of the app that it misses, and says the same. */
START_TEST(a_refresh_token_of_a_data_center)
{
    static const ja_asked_t asked = {DC_ASK(REFRESH), .what = JA_ASKED_TOKEN};
    static const ja_grant_t dead = {.status = JA_GRANT_DEAD};
    static const ja_answer_t answer = {.net = JA_NET_OK, .status = 400};

    ck_assert(ja_diagnose_grant(&asked, &answer, &dead).cause == JA_CAUSE_REFRESH_TOKEN_DATACENTER);
}
END_TEST

/* ---- words --------------------------------------------------------------------------------- */

START_TEST(header_names)
{
    ck_assert_str_eq(ja_header_names[JA_HEADER_CONTENT_ENCODING], "content-encoding");
    ck_assert_str_eq(ja_header_names[JA_HEADER_DATA_POLICY], "atlassian-datasecuritypolicy");
    for (size_t i = 0; i < JA_HEADER_COUNT; i++) {
        ck_assert(ja_header_names[i] && *ja_header_names[i]);
    }
}
END_TEST

static const char *remedy_of(ja_cause_t cause, const ja_asked_t *asked)
{
    static char text[1024];
    ja_buf_t out = ja_buf(text, sizeof(text));

    ja_diagnosis_remedy(cause, asked, &out);
    ck_assert(!out.overflow);
    return text;
}

START_TEST(remedies)
{
    static const ja_asked_t nobody = {.what = JA_ASKED_IMAGE};
    static const ja_asked_t bot = {
        .account = "bot@example.com", .scope = "read:x", .directive = "JiraAvatarTokenURL"};

    ck_assert_ptr_nonnull(strstr(remedy_of(JA_CAUSE_CAPTCHA, &bot), "in a browser as bot@example"));
    ck_assert_ptr_nonnull(strstr(remedy_of(JA_CAUSE_CAPTCHA, &nobody), "as the account and"));
    ck_assert_ptr_nonnull(strstr(remedy_of(JA_CAUSE_SCOPE, &bot), "the scope read:x; an app"));
    ck_assert_ptr_nonnull(strstr(remedy_of(JA_CAUSE_NO_NAME, &bot), "host in JiraAvatarTokenURL,"));
    ck_assert_ptr_nonnull(strstr(remedy_of(JA_CAUSE_NO_NAME, &nobody), "host in JiraAvatarSite,"));
    for (int i = 0; i < JA_CAUSE_COUNT; i++) {
        const char *text = remedy_of((ja_cause_t)i, &nobody);
        size_t len = strlen(text);
        ck_assert_msg(strpbrk(text, "{}") == NULL, "%s", text);
        ck_assert_msg(len == 0 || text[len - 1] == '.', "%s", text);
    }
}
END_TEST

START_TEST(causes)
{
    static const struct {
        int status;
        const char *seen, *detail, *expected;
    } rows[] = {
        {0, "", "", "user and password are not accepted"},
        {401, "", "", "user and password are not accepted (status 401)"},
        {401, "WORD", "", "user and password are not accepted (status 401, WORD)"},
        {0, "WORD", "said", "user and password are not accepted (WORD): said"},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        char text[256];
        ja_buf_t out = ja_buf(text, sizeof(text));
        ja_answer_t answer = {.status = rows[i].status};
        ja_verdict_t verdict = ja_diagnosis_of(JA_CAUSE_PASSWORD);
        verdict.seen = rows[i].seen;
        snprintf(answer.detail, sizeof(answer.detail), "%s", rows[i].detail);
        ja_diagnosis_cause(&verdict, &answer, &out);
        ck_assert_str_eq(text, rows[i].expected);
    }
}
END_TEST

static char *load(const char *name)
{
    char path[4096];
    const char *srcdir = getenv("srcdir");
    snprintf(path, sizeof(path), "%s/%s", srcdir ? srcdir : ".", name);
    FILE *file = fopen(path, "r");
    ck_assert_msg(file != NULL, "%s", path);
    char *text = calloc(1, 1024 * 1024);
    ck_assert(fread(text, 1, 1024 * 1024 - 1, file) > 0);
    fclose(file);
    return text;
}

/* What the page says is what the log says; a rising number finds each cause in it. */
START_TEST(documented)
{
    char *page = load("docs/log-messages.md");
    static const char *const levels[] = {"debug", "warn", "error"};
    const char *before = "";

    for (int i = 0; i < JA_CAUSE_COUNT; i++) {
        const ja_cause_row_t *row = ja_cause((ja_cause_t)i);
        char lines[2048];
        snprintf(lines, sizeof(lines),
                 "## %s\n\n| | |\n|---|---|\n| Level | %s |\n| Message | %%s: %s for %%s: %s |\n"
                 "| Cause | ",
                 row->number, levels[row->level], ja_policy_outcome(row->outcome)->name, row->text);
        ck_assert_msg(strstr(page, lines) != NULL, "docs/log-messages.md lacks:\n%s", lines);
        snprintf(lines, sizeof(lines), "\n| Remedy | %s |\n", *row->remedy ? row->remedy : "None.");
        ck_assert_msg(strstr(page, lines) != NULL, "docs/log-messages.md lacks:\n%s", lines);
        ck_assert_msg(strcmp(before, row->number) < 0, "%s", row->number);
        before = row->number;
    }
    free(page);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("ja_diagnosis");
    TCase *tests = tcase_create("diagnosis");
    tcase_add_test(tests, images);
    tcase_add_test(tests, bad_content);
    tcase_add_test(tests, refused_credentials);
    tcase_add_test(tests, not_for_this_account);
    tcase_add_test(tests, redirects);
    tcase_add_test(tests, trouble);
    tcase_add_test(tests, no_answer);
    tcase_add_test(tests, token_services);
    tcase_add_test(tests, a_refresh_token_of_a_data_center);
    tcase_add_test(tests, header_names);
    tcase_add_test(tests, remedies);
    tcase_add_test(tests, causes);
    tcase_add_test(tests, documented);
    suite_add_tcase(suite, tests);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
