/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ja_policy: every way a request can end, how long what it ended with holds, and what a visitor
 * is told.
 *
 * Threads: no state, any thread.
 * Memory:  nothing is allocated; texts are static.
 */
#ifndef JA_POLICY_H
#define JA_POLICY_H

#include "ja_text.h"

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
