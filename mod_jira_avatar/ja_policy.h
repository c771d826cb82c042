/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ja_policy: what an upstream answer means, how long it holds, and what a visitor is told.
 *
 * Threads: no state, any thread.
 * Memory:  nothing is allocated; texts are static.
 */
#ifndef JA_POLICY_H
#define JA_POLICY_H

#include "ja_image.h"
#include "ja_ref.h"

/* ---- upstream answers ---------------------------------------------------------------------- */

/** Why there is no complete HTTP answer. */
typedef enum {
    JA_NET_OK,
    JA_NET_DNS,
    JA_NET_CONNECT,         /* refused, unreachable */
    JA_NET_CONNECT_TIMEOUT, /* no connection within `connect` */
    JA_NET_TLS,             /* handshake, protocol */
    JA_NET_CERTIFICATE,     /* the peer's certificate is not trusted, or for another name */
    JA_NET_ADDRESS,         /* the name leads to where nothing public is */
    JA_NET_PROXY,           /* the outbound proxy refused */
    JA_NET_TIMEOUT,         /* connected, but no complete answer within `total` */
    JA_NET_BROKEN,          /* the connection ended before the answer did */
    JA_NET_TOO_LARGE,       /* body over the limit */
    JA_NET_HEADERS,         /* headers over the limit */
    JA_NET_PROTOCOL,        /* not HTTP */
    JA_NET_ABORTED,         /* we stopped it: the server is stopping */
    JA_NET_INTERNAL         /* no memory, no handle */
} ja_net_t;

/** The only upstream headers that are looked at; everything else is dropped unread. */
#define JA_HEADERS(X)                                                                              \
    X(CONTENT_TYPE, "content-type")                                                                \
    X(CONTENT_ENCODING, "content-encoding")                                                        \
    X(LOCATION, "location")                                                                        \
    X(RETRY_AFTER, "retry-after")                                                                  \
    X(LOGIN_REASON, "x-seraph-loginreason")                                                        \
    X(USERNAME, "x-ausername")                                                                     \
    X(ACCOUNT_ID, "x-aaccountid")                                                                  \
    X(DENIED_REASON, "x-authentication-denied-reason")                                             \
    X(RATE_REMAINING, "x-ratelimit-remaining")                                                     \
    X(RATE_RESET, "x-ratelimit-reset")                                                             \
    X(RATE_INTERVAL, "x-ratelimit-interval-seconds")                                               \
    X(RATE_LIMIT, "ratelimit")                                                                     \
    X(RATE_REASON, "ratelimit-reason")                                                             \
    X(FAILURE_CATEGORY, "x-failure-category")                                                      \
    X(DATE, "date")                                                                                \
    X(DATA_POLICY, "atlassian-datasecuritypolicy")                                                 \
    X(ETAG, "etag")                                                                                \
    X(LAST_MODIFIED, "last-modified")

typedef enum {
#define X(id, name) JA_HEADER_##id,
    JA_HEADERS(X)
#undef X
        JA_HEADER_COUNT
} ja_header_t;

/** Header names, lower case, indexed by ja_header_t. */
extern const char *const ja_header_names[JA_HEADER_COUNT];

enum { JA_HEADER_MAX = 1024, JA_DETAIL_MAX = 200 };

/** What came back, or why nothing did. */
typedef struct ja_answer_t {
    ja_net_t net;
    char detail[JA_DETAIL_MAX]; /* the transport's own words, without secrets; "" if none */
    int status;                 /* HTTP status, 0 if none came */
    char header[JA_HEADER_COUNT][JA_HEADER_MAX]; /* "" if absent, cut if longer */
    const unsigned char *body;                   /* complete if net is JA_NET_OK */
    size_t body_len;
} ja_answer_t;

/** What was asked, as far as the meaning of the answer depends on it. */
typedef struct ja_asked_t {
    ja_site_kind_t kind;
    bool credential; /* one was sent */
    bool identity;   /* the answer must say who asked, if a credential was sent (ja_target_t) */
} ja_asked_t;

/* ---- outcomes ------------------------------------------------------------------------------ */

typedef enum { JA_KEEP_IMAGE, JA_KEEP_SHORT, JA_KEEP_NOT } ja_keep_t;

/**
 * Every way a request can end; contract "Answers", one row each.
 *  X(id, name, http status, keep, Proxy-Status error or NULL, sentence for the visitor)
 */
#define JA_OUTCOMES(X)                                                                             \
    X(IMAGE, "image", 200, JA_KEEP_IMAGE, NULL, "")                                                \
    X(UNKNOWN_PATH, "unknown-path", 404, JA_KEEP_NOT, NULL, "This is not an avatar address.")      \
    X(BAD_VALUE, "bad-value", 400, JA_KEEP_NOT, NULL, "A value in this address is not valid.")     \
    X(NOT_FOUND, "not-found", 404, JA_KEEP_SHORT, NULL, "Jira has no such avatar.")                \
    X(FORBIDDEN, "forbidden", 403, JA_KEEP_SHORT, NULL,                                            \
      "Jira does not show this avatar to the account that asks.")                                  \
    X(CREDENTIAL_REFUSED, "credential-refused", 502, JA_KEEP_NOT, "proxy_configuration_error",     \
      "Jira refused the credential of this server.")                                               \
    X(ANONYMOUS, "anonymous", 502, JA_KEEP_NOT, "proxy_configuration_error",                       \
      "Jira answered as if no credential had been sent.")                                          \
    X(LOGIN_PAGE, "login-page", 502, JA_KEEP_NOT, "proxy_configuration_error",                     \
      "A login page answered instead of Jira.")                                                    \
    X(NOT_AN_IMAGE, "not-an-image", 502, JA_KEEP_NOT, "http_protocol_error",                       \
      "Jira's answer is not an image.")                                                            \
    X(ENCODED, "encoded", 502, JA_KEEP_NOT, "http_response_content_coding",                        \
      "Jira compressed its answer though nobody asked it to.")                                     \
    X(TOO_LARGE, "too-large", 502, JA_KEEP_NOT, "http_response_body_size",                         \
      "Jira's answer is larger than this server accepts.")                                         \
    X(TRUNCATED, "truncated", 502, JA_KEEP_NOT, "http_response_incomplete",                        \
      "Jira's answer broke off.")                                                                  \
    X(REDIRECTED, "redirected", 502, JA_KEEP_NOT, "http_protocol_error",                           \
      "Jira redirected to another place, which is not followed.")                                  \
    X(UPSTREAM_ERROR, "upstream-error", 502, JA_KEEP_NOT, "destination_unavailable",               \
      "Jira failed.")                                                                              \
    X(NO_NAME, "no-name", 502, JA_KEEP_NOT, "dns_error", "The name of the site is not found.")     \
    X(NO_CONNECTION, "no-connection", 502, JA_KEEP_NOT, "connection_refused",                      \
      "No connection to Jira.")                                                                    \
    X(CONNECT_TIMEOUT, "connect-timeout", 502, JA_KEEP_NOT, "connection_timeout",                  \
      "No connection to Jira in time.")                                                            \
    X(TLS, "tls", 502, JA_KEEP_NOT, "tls_protocol_error", "No secure connection to Jira.")         \
    X(CERTIFICATE, "certificate", 502, JA_KEEP_NOT, "tls_certificate_error",                       \
      "The certificate of the site is not trusted.")                                               \
    X(BROKEN_PROTOCOL, "broken-protocol", 502, JA_KEEP_NOT, "http_protocol_error",                 \
      "Jira's answer is not valid HTTP.")                                                          \
    X(RATE_LIMITED, "rate-limited", 503, JA_KEEP_NOT, "destination_unavailable",                   \
      "Jira asks to wait.")                                                                        \
    X(UNAVAILABLE, "unavailable", 503, JA_KEEP_NOT, "destination_unavailable",                     \
      "Jira is unavailable for now.")                                                              \
    X(BUSY, "busy", 503, JA_KEEP_NOT, "connection_limit_reached",                                  \
      "Too many requests wait for Jira already.")                                                  \
    X(TIMEOUT, "timeout", 504, JA_KEEP_NOT, "http_response_timeout",                               \
      "No answer from Jira in time.")                                                              \
    X(INTERNAL, "internal", 502, JA_KEEP_NOT, "proxy_internal_error",                              \
      "This server could not ask Jira.")

typedef enum {
#define X(id, name, status, keep, error, sentence) JA_OUTCOME_##id,
    JA_OUTCOMES(X)
#undef X
        JA_OUTCOME_COUNT
} ja_outcome_t;

typedef struct ja_outcome_row_t {
    const char *name;
    int status;
    ja_keep_t keep;
    const char *proxy_error;
    const char *sentence;
} ja_outcome_row_t;

/** The row of an outcome. */
const ja_outcome_row_t *ja_policy_outcome(ja_outcome_t outcome);

typedef struct ja_verdict_t {
    ja_outcome_t outcome;
    ja_image_t image;   /* for JA_OUTCOME_IMAGE */
    const char *cause;  /* what was seen, for the log: "X-AUSERNAME: anonymous"; never NULL */
    const char *remedy; /* what an administrator can do, a plain sentence; "" if nothing */
} ja_verdict_t;

/** What an upstream answer means. Total: every answer has a verdict. */
ja_verdict_t ja_policy_judge(const ja_asked_t *asked, const ja_answer_t *answer);

/** Whether Atlassian's gateway says that the token lacks a scope: another one would, too. */
bool ja_policy_lacks_scope(const ja_answer_t *answer);

/* ---- freshness ----------------------------------------------------------------------------- */

typedef enum { JA_FRESH, JA_STALE, JA_EXPIRED } ja_freshness_t;

/** Seconds throughout; `age` below zero (the clock was set back) counts as zero. */
ja_freshness_t ja_policy_freshness(int64_t age, int64_t max_age, int64_t stale_age);

/** Cache-Control of an image: "public, max-age=3600, stale-while-revalidate=N, stale-if-error=N",
 *  without the stale parts if `stale_age` is 0. */
void ja_policy_cache_control(bool is_public, int64_t max_age, int64_t stale_age, ja_buf_t *out);

/** Cache-Control of an answer that is kept short, by JA_KEEP_SHORT: "no-store" if `max_age` is 0.
 */
void ja_policy_negative_cache_control(bool is_public, int64_t max_age, ja_buf_t *out);

/** Content-Security-Policy of every answer: nothing runs, nothing loads, inline styles of an SVG
 * apply. */
#define JA_CONTENT_SECURITY_POLICY "default-src 'none'; style-src 'unsafe-inline'; sandbox"

#endif
